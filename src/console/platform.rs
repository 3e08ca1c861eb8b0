//! Platform-specific handling of terminal modes and signals.
//!
//! This is the only platform-specific code outside the crate `alertdeck_platform`.

pub(super) use imp::{remember_terminal, restore_terminal, stop, terminal_in_use, watch_signals};

/// The sequences that restore the terminal: mouse and paste reports off, main screen, visible
/// cursor, default style. A constant, so that restoring needs neither a lock nor an allocation.
pub(super) const RESTORE: &[u8] =
    b"\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?1049l\x1b[?25h";

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

    use super::RESTORE;

    /// A separate handle to the terminal and its original modes.
    struct Original {
        terminal: File,
        modes: Termios,
    }

    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    /// Whether the console is using the terminal. Ensures that the terminal is restored only once.
    static IN_USE: AtomicBool = AtomicBool::new(false);

    /// Saves the terminal's modes. Fails if this process has no terminal.
    pub(in super::super) fn remember_terminal() -> io::Result<()> {
        // Non-blocking: a terminal that accepts no output must not delay the exit.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let terminal = File::from(rustix::fs::open("/dev/tty", flags, Mode::empty())?);
        let modes = tcgetattr(&terminal)?;
        let _ = ORIGINAL.set(Original { terminal, modes });
        Ok(())
    }

    /// Marks the terminal as in use, so that it will be restored.
    pub(in super::super) fn terminal_in_use() {
        IN_USE.store(true, Ordering::SeqCst);
    }

    /// Restores the terminal if it is in use. Can be called from any thread and takes no lock.
    pub(in super::super) fn restore_terminal() {
        if IN_USE.swap(false, Ordering::SeqCst)
            && let Some(original) = ORIGINAL.get()
        {
            let _ = (&original.terminal).write_all(RESTORE);
            let _ = tcsetattr(&original.terminal, OptionalActions::Now, &original.modes);
        }
    }

    /// Handles signals on a separate thread. TERM, INT, HUP and QUIT restore the terminal and end
    /// the process; TSTP is forwarded to the loop, which suspends. The thread is separate because
    /// the loop may block, and because crossterm spins after a hang-up (docs/security.md,
    /// "Hang-up").
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
        thread::Builder::new().name("terminal".into()).spawn(exit_on_hang_up)?;
        Ok(receiver)
    }

    /// Ends the process when its terminal is gone. This is needed if the terminal is not the
    /// controlling terminal, since there is no signal then.
    fn exit_on_hang_up() {
        let terminal = io::stdout();
        // Even if no events are requested, poll reports hang-ups and errors.
        let mut fds = [PollFd::new(&terminal, PollFlags::empty())];
        while poll(&mut fds, None) == Err(Errno::INTR) {}
        if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
            restore_terminal();
            std::process::exit(128 + SIGHUP);
        }
    }

    /// Stops this process, as Ctrl-Z does in a shell. Returns when it is continued.
    pub(in super::super) fn stop() -> io::Result<()> {
        emulate_default_handler(SIGTSTP)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::io::{self, Write as _};

    use tokio::sync::mpsc;

    use super::RESTORE;

    pub(in super::super) fn remember_terminal() -> io::Result<()> {
        Ok(())
    }

    pub(in super::super) fn terminal_in_use() {}

    pub(in super::super) fn restore_terminal() {
        let _ = io::stdout().write_all(RESTORE);
        let _ = crossterm::terminal::disable_raw_mode();
    }

    /// Returns a closed channel, since these signals do not exist on this platform.
    pub(in super::super) fn watch_signals() -> io::Result<mpsc::Receiver<()>> {
        Ok(mpsc::channel(1).1)
    }

    pub(in super::super) fn stop() -> io::Result<()> {
        Ok(())
    }
}
