//! What differs between platforms about the terminal: its modes, and signals.
//!
//! With `alertdeck_platform`, nothing Unix-only stands anywhere else.

pub(super) use imp::{remember_terminal, restore_terminal, stop, terminal_is_taken, watch_signals};

#[cfg(unix)]
mod imp {
    use std::{
        fs::File,
        io::{self, Write as _},
        sync::{
            OnceLock,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use rustix::{
        event::{PollFd, PollFlags, poll},
        fs::{Mode, OFlags},
        io::Errno,
        termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
    };
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP},
        iterator::Signals,
        low_level::emulate_default_handler,
    };
    use tokio::sync::mpsc;

    use super::super::terminal::RESTORE;

    /// A handle of our own to the terminal, and the modes it had before we took it.
    struct Former {
        terminal: File,
        modes: Termios,
    }

    static FORMER: OnceLock<Former> = OnceLock::new();
    /// Whether the console has the terminal: it is given back once.
    static TAKEN: AtomicBool = AtomicBool::new(false);

    /// Remembers the terminal's modes. Fails where this process has no terminal.
    pub(in super::super) fn remember_terminal() -> io::Result<()> {
        // Non-blocking: a terminal that takes no output must not hold up the end.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let terminal = File::from(rustix::fs::open("/dev/tty", flags, Mode::empty())?);
        let modes = tcgetattr(&terminal)?;
        let _ = FORMER.set(Former { terminal, modes });
        Ok(())
    }

    pub(in super::super) fn terminal_is_taken() {
        TAKEN.store(true, Ordering::SeqCst);
    }

    /// Gives the terminal back, once, from any thread, without a lock.
    pub(in super::super) fn restore_terminal() {
        if TAKEN.swap(false, Ordering::SeqCst)
            && let Some(former) = FORMER.get()
        {
            let _ = (&former.terminal).write_all(RESTORE);
            let _ = tcsetattr(&former.terminal, OptionalActions::Now, &former.modes);
        }
    }

    /// Ends the process on TERM, INT, HUP and QUIT with the terminal restored, from a thread of
    /// its own: the loop may be blocked, and a hang-up leaves crossterm spinning (FAULTS.md,
    /// "Hang-up"). Asks the loop to suspend on TSTP.
    pub(in super::super) fn watch_signals() -> io::Result<mpsc::Receiver<()>> {
        let (sender, receiver) = mpsc::channel(1);
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP])?;
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGTSTP {
                    let _ = sender.try_send(());
                } else {
                    restore_terminal();
                    std::process::exit(128 + signal);
                }
            }
        })?;
        thread::Builder::new().name("terminal".into()).spawn(end_with_the_terminal)?;
        Ok(receiver)
    }

    /// Ends the process where its terminal is gone: no signal tells of one that is not the
    /// controlling terminal.
    fn end_with_the_terminal() {
        let terminal = io::stdout();
        // Nothing is waited for but what is always told: that it hung up, or failed.
        let mut fds = [PollFd::new(&terminal, PollFlags::empty())];
        while poll(&mut fds, None) == Err(Errno::INTR) {}
        if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
            restore_terminal();
            std::process::exit(128 + SIGHUP);
        }
    }

    /// Stops this process as Ctrl-Z does in a shell; returns when it is continued.
    pub(in super::super) fn stop() -> io::Result<()> {
        emulate_default_handler(SIGTSTP)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io::{self, Write as _};

    use tokio::sync::mpsc;

    use super::super::terminal::RESTORE;

    pub(in super::super) fn remember_terminal() -> io::Result<()> {
        Ok(())
    }

    pub(in super::super) fn terminal_is_taken() {}

    pub(in super::super) fn restore_terminal() {
        let _ = io::stdout().write_all(RESTORE);
        let _ = crossterm::terminal::disable_raw_mode();
    }

    /// Signals are no part of this platform; the channel never speaks.
    pub(in super::super) fn watch_signals() -> io::Result<mpsc::Receiver<()>> {
        Ok(mpsc::channel(1).1)
    }

    pub(in super::super) fn stop() -> io::Result<()> {
        Ok(())
    }
}
