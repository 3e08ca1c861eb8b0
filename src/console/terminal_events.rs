//! The events of the terminal: what the user types, pastes and clicks, and changes of its size.

pub(super) use imp::TerminalEvents;

/// What the terminal sends.
#[derive(Debug)]
pub(super) enum TerminalEvent {
    /// A key, a paste, the mouse or a new size.
    Input(crossterm::event::Event),
    /// The reply to [`Screen::ask_background`](super::terminal::Screen::ask_background): whether the
    /// background is light.
    #[cfg_attr(not(unix), expect(dead_code, reason = "the system takes the reply"))]
    Background(bool),
}

#[cfg(unix)]
mod imp {
    use std::{
        collections::VecDeque,
        fs::File,
        io::{self, IsTerminal as _, Read as _, Write as _},
        os::{fd::AsFd as _, unix::net::UnixStream},
        thread,
        time::Instant,
    };

    use crossterm::event::Event;
    use rustix::event::{PollFd, PollFlags, poll};
    use signal_hook::{consts::SIGWINCH, iterator::Signals};
    use terminput_crossterm::to_crossterm;
    use tokio::{
        sync::mpsc::{self, Receiver, Sender},
        time::sleep_until,
    };

    use super::{super::decoder::Decoder, TerminalEvent};

    /// The size of a read in bytes. Terminals deliver 4 KB at most.
    const READ: usize = 1 << 14;
    /// The capacity of the channel, in reads.
    const CHANNEL: usize = 64;

    /// What a thread noticed.
    enum Noticed {
        Read(io::Result<Vec<u8>>, Instant),
        Resized,
    }

    /// The events of the terminal, in order. The threads that wait for them live as long as the
    /// process.
    pub(in super::super) struct TerminalEvents {
        decoder: Decoder,
        noticed: Receiver<Noticed>,
        ready: VecDeque<terminput::Event>,
        /// Tells the thread that reads the terminal to pause, and to continue.
        control: UnixStream,
    }

    impl TerminalEvents {
        /// Starts to read the terminal. Fails if there is none.
        pub(in super::super) fn start() -> io::Result<Self> {
            let stdin = io::stdin();
            let terminal = if stdin.is_terminal() {
                File::from(stdin.as_fd().try_clone_to_owned()?)
            } else {
                File::open("/dev/tty")?
            };
            let mut resizes = Signals::new([SIGWINCH])?;
            let (sender, noticed) = mpsc::channel(CHANNEL);
            let resized = sender.clone();
            let (control, controlled) = UnixStream::pair()?;
            thread::Builder::new().name("keys".into()).spawn(move || read(terminal, &sender, controlled))?;
            thread::Builder::new().name("resizes".into()).spawn(move || {
                for _ in resizes.forever() {
                    if resized.blocking_send(Noticed::Resized).is_err() {
                        return;
                    }
                }
            })?;
            Ok(Self { decoder: Decoder::default(), noticed, ready: VecDeque::new(), control })
        }

        /// Leaves what is typed to another program, until [`TerminalEvents::resume`].
        pub(in super::super) fn pause(&mut self) {
            // The thread confirms it, so that no key is lost to it afterwards.
            let _ = self.control.write_all(b"p").and_then(|()| self.control.read_exact(&mut [0]));
        }

        /// Takes what is typed again.
        pub(in super::super) fn resume(&mut self) {
            let _ = self.control.write_all(b"r");
        }

        /// Waits for the next event. Returns `None` once the terminal is gone. Cancelling the future
        /// loses no event.
        pub(in super::super) async fn next(&mut self) -> Option<io::Result<TerminalEvent>> {
            loop {
                if let Some(light) = self.decoder.take_background() {
                    return Some(Ok(TerminalEvent::Background(light)));
                }
                if let Some(event) = self.ready.pop_front() {
                    match to_crossterm(event) {
                        Ok(event) => return Some(Ok(TerminalEvent::Input(event))),
                        // A key that crossterm does not know.
                        Err(_) => continue,
                    }
                }
                let deadline = self.decoder.deadline();
                tokio::select! {
                    biased;
                    noticed = self.noticed.recv() => match noticed? {
                        // The console may have been busy since then.
                        Noticed::Read(Ok(bytes), at) => self.ready.extend(self.decoder.read(&bytes, at)),
                        Noticed::Read(Err(error), _) => return Some(Err(error)),
                        Noticed::Resized => {
                            let (width, height) = match crossterm::terminal::size() {
                                Ok(size) => size,
                                Err(error) => return Some(Err(error)),
                            };
                            return Some(Ok(TerminalEvent::Input(Event::Resize(width, height))));
                        }
                    },
                    () = sleep_until(deadline.unwrap_or_else(Instant::now).into()), if deadline.is_some() => {
                        self.ready.extend(self.decoder.expire(Instant::now()));
                    }
                }
            }
        }
    }

    /// Reads the terminal until it is gone.
    fn read(mut terminal: File, sender: &Sender<Noticed>, mut control: UnixStream) {
        let mut buffer = vec![0; READ];
        loop {
            let mut fds = [PollFd::new(&terminal, PollFlags::IN), PollFd::new(&control, PollFlags::IN)];
            match poll(&mut fds, None) {
                Err(error) if error == rustix::io::Errno::INTR => continue,
                _ => {}
            }
            if !fds[1].revents().is_empty() {
                // The first byte pauses, the second continues. At the end, both fail.
                let answered = control.read_exact(&mut [0]).and_then(|()| control.write_all(b"."));
                if answered.and_then(|()| control.read_exact(&mut [0])).is_err() {
                    return;
                }
                continue;
            }
            let read = match terminal.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(buffer[..count].to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Whoever shares the terminal may have changed its mode.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => Err(error),
            };
            let is_gone = read.is_err();
            if sender.blocking_send(Noticed::Read(read, Instant::now())).is_err() || is_gone {
                return;
            }
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io;

    use crossterm::event::EventStream;
    use futures_util::StreamExt as _;

    use super::TerminalEvent;

    /// The events of the terminal, in order. The system marks pastes itself.
    pub(in super::super) struct TerminalEvents(EventStream);

    impl TerminalEvents {
        #[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
        pub(in super::super) fn start() -> io::Result<Self> {
            Ok(Self(EventStream::new()))
        }

        pub(in super::super) fn pause(&mut self) {}

        pub(in super::super) fn resume(&mut self) {}

        pub(in super::super) async fn next(&mut self) -> Option<io::Result<TerminalEvent>> {
            Some(self.0.next().await?.map(TerminalEvent::Input))
        }
    }
}
