//! Terminal events: typed keys, pastes, mouse events and resizes.

pub(super) use imp::TerminalEvents;

/// An event from the terminal.
#[derive(Debug)]
pub(super) enum TerminalEvent {
    /// A key, a paste, a mouse event or a resize.
    Input(crossterm::event::Event),
    /// The reply to [`Screen::ask_background`](super::terminal::Screen::ask_background), which says
    /// whether the background is light.
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

    /// An event noticed by one of the threads.
    enum Noticed {
        Read(io::Result<Vec<u8>>, Instant),
        Resized,
    }

    /// The terminal's events, in order. The threads that wait for events may run until the process
    /// ends.
    pub(in super::super) struct TerminalEvents {
        decoder: Decoder,
        noticed: Receiver<Noticed>,
        ready: VecDeque<terminput::Event>,
        /// Tells the thread that reads the terminal to pause or to continue.
        control: UnixStream,
    }

    impl TerminalEvents {
        /// Starts reading the terminal. Fails if there is none.
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

        /// Stops reading the terminal until [`TerminalEvents::resume`] is called, so that another
        /// program receives what is typed.
        pub(in super::super) fn pause(&mut self) {
            // Wait for the thread to confirm, so that it does not read keys meant for the other
            // program.
            let _ = self.control.write_all(b"p").and_then(|()| self.control.read_exact(&mut [0]));
        }

        /// Continues reading the terminal.
        pub(in super::super) fn resume(&mut self) {
            let _ = self.control.write_all(b"r");
        }

        /// Waits for the next event. Returns `None` once the terminal is gone. No event is lost if
        /// the future is cancelled.
        pub(in super::super) async fn next(&mut self) -> Option<io::Result<TerminalEvent>> {
            loop {
                if let Some(light) = self.decoder.take_background() {
                    return Some(Ok(TerminalEvent::Background(light)));
                }
                if let Some(event) = self.ready.pop_front() {
                    match to_crossterm(event) {
                        Ok(event) => return Some(Ok(TerminalEvent::Input(event))),
                        // Skip a key that crossterm does not support.
                        Err(_) => continue,
                    }
                }
                let deadline = self.decoder.deadline();
                tokio::select! {
                    biased;
                    noticed = self.noticed.recv() => match noticed? {
                        // Use the time of the read, since the console may have been busy since
                        // then.
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
                // The first byte pauses this thread, and the second byte lets it continue. Both
                // reads fail once the other end is dropped.
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
                // Another program that shares the terminal may have made it non-blocking.
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

    /// The terminal's events, in order. The system itself recognises pastes.
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
