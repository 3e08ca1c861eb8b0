//! Platform-specific handling of terminal modes and signals.
//!
//! Platform-specific code outside the crate `alertdeck_platform` is kept here and in
//! `terminal_events`.

pub use imp::watch_exit_signals;
pub(super) use imp::{
    remember_terminal, restore_terminal, stop, terminal_in_use, watch_terminal, without_interrupts,
};

/// The sequences that restore the terminal: mouse and paste reports off, main screen, visible
/// cursor, default style. A constant, so that restoring needs neither a lock nor an allocation.
pub(super) const RESTORE: &[u8] =
    b"\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[?2026l\x1b[0m\x1b[?1049l\x1b[?25h";

#[cfg(unix)]
mod imp {
    use std::{
        ffi::OsStr,
        fs::File,
        io::{self, Write as _},
        os::unix::ffi::OsStrExt as _,
        process::{ChildStdin, Command, Stdio},
        sync::{
            OnceLock,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use alertdeck_platform::clean_up;
    use rustix::{
        event::{PollFd, PollFlags, poll},
        fs::{Mode, OFlags},
        io::Errno,
        termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
    };
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2},
        iterator::Signals,
        low_level::emulate_default_handler,
    };
    use tokio::sync::mpsc;

    use super::RESTORE;

    /// A separate handle to the terminal, and the terminal's original modes.
    struct Original {
        terminal: File,
        modes: Termios,
    }

    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    /// The standard input of the shell that runs [`AFTER_ABORT`].
    static SHELL: OnceLock<ChildStdin> = OnceLock::new();
    /// The shell script that restores the screen once this process is gone, if the console was
    /// still using the terminal. After a SIGKILL, or an abort because memory is exhausted, this
    /// process can no longer restore it. The terminal's modes are restored by the shell that
    /// started the process.
    const AFTER_ABORT: &str = "trap '' INT QUIT TERM HUP TSTP TTOU USR1 USR2
while read -r line; do state=$line; done
[ \"$state\" = used ] && printf %s \"$1\" > /dev/tty";
    /// Whether the console is using the terminal. Ensures that the terminal is restored only once.
    static IN_USE: AtomicBool = AtomicBool::new(false);
    /// Whether the user's editor is using the terminal, in which case Ctrl-C is meant for the
    /// editor.
    static INTERRUPTS_EDITOR: AtomicBool = AtomicBool::new(false);

    /// Saves the terminal's modes. Fails if this process has no terminal.
    pub(in super::super) fn remember_terminal() -> io::Result<()> {
        // Non-blocking: a terminal that accepts no output must not delay the exit.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let terminal = File::from(rustix::fs::open("/dev/tty", flags, Mode::empty())?);
        let modes = tcgetattr(&terminal)?;
        let _ = ORIGINAL.set(Original { terminal, modes });
        // Without the shell, the terminal is left unrestored only after an abort or a SIGKILL.
        if let Some(input) = start_shell().ok().flatten() {
            let _ = SHELL.set(input);
        }
        Ok(())
    }

    fn start_shell() -> io::Result<Option<ChildStdin>> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", AFTER_ABORT, "sh"]).arg(OsStr::from_bytes(RESTORE)).env_clear();
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(shell.spawn()?.stdin.take())
    }

    fn tell_shell(state: &[u8]) {
        if let Some(mut input) = SHELL.get() {
            let _ = input.write_all(state);
        }
    }

    /// Marks the terminal as in use, so that it will be restored.
    pub(in super::super) fn terminal_in_use() {
        IN_USE.store(true, Ordering::SeqCst);
        tell_shell(b"used\n");
    }

    /// Restores the terminal if it is in use. Can be called from any thread and takes no lock.
    pub(in super::super) fn restore_terminal() {
        if IN_USE.swap(false, Ordering::SeqCst)
            && let Some(original) = ORIGINAL.get()
        {
            let _ = (&original.terminal).write_all(RESTORE);
            let _ = tcsetattr(&original.terminal, OptionalActions::Now, &original.modes);
            tell_shell(b"free\n");
        }
    }

    /// Handles the signals that end the process: restores the terminal, removes temporary files and
    /// ends the programs that must not outlive the process. A separate thread does this, because
    /// the event loop may be blocked and because crossterm spins after a hang-up (docs/security.md,
    /// "Hang-up").
    ///
    /// # Errors
    ///
    /// Fails if the system lacks the resources for the signal handlers or the thread.
    pub fn watch_exit_signals() -> io::Result<()> {
        let ignored = ignored_signals();
        let ends = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];
        let mut signals = Signals::new(ends.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0))?;
        thread::Builder::new().name("signals".into()).spawn(move || {
            let is_meant = |signal: &i32| *signal != SIGINT || !INTERRUPTS_EDITOR.load(Ordering::SeqCst);
            if let Some(signal) = signals.forever().find(is_meant) {
                restore_terminal();
                clean_up();
                if ORIGINAL.get().is_none() {
                    // Shells treat a command that is ended by a signal differently from one that
                    // exits.
                    let _ = emulate_default_handler(signal);
                }
                std::process::exit(128 + signal);
            }
        })?;
        Ok(())
    }

    /// Returns a bit mask of the signals that this process was told to ignore, for example by
    /// `nohup`. Only Linux provides the mask; elsewhere, it is empty.
    fn ignored_signals() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
    }

    /// Ends the process when the terminal is gone, and forwards SIGTSTP to the loop, which suspends
    /// the process.
    pub(in super::super) fn watch_terminal() -> io::Result<mpsc::Receiver<()>> {
        let (sender, receiver) = mpsc::channel(1);
        let mut signals = Signals::new([SIGTSTP])?;
        thread::Builder::new().name("suspend".into()).spawn(move || {
            for _ in signals.forever() {
                let _ = sender.try_send(());
            }
        })?;
        thread::Builder::new().name("terminal".into()).spawn(exit_on_hang_up)?;
        Ok(receiver)
    }

    /// Ends the process when its terminal is gone. This is needed if the terminal is not the
    /// controlling terminal, since no signal is sent in that case.
    fn exit_on_hang_up() {
        let terminal = io::stdout();
        // Even if no events are requested, poll reports hang-ups and errors.
        let mut fds = [PollFd::new(&terminal, PollFlags::empty())];
        while poll(&mut fds, None) == Err(Errno::INTR) {}
        if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
            restore_terminal();
            clean_up();
            std::process::exit(128 + SIGHUP);
        }
    }

    /// Ignores Ctrl-C while `run` executes, since the key is meant for the program that is using
    /// the terminal.
    pub(in super::super) fn without_interrupts<T>(run: impl FnOnce() -> T) -> T {
        INTERRUPTS_EDITOR.store(true, Ordering::SeqCst);
        let result = run();
        INTERRUPTS_EDITOR.store(false, Ordering::SeqCst);
        result
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

    /// Does nothing, since these signals do not exist on this platform.
    pub fn watch_exit_signals() -> io::Result<()> {
        Ok(())
    }

    /// Returns a closed channel, since this signal does not exist on this platform.
    pub(in super::super) fn watch_terminal() -> io::Result<mpsc::Receiver<()>> {
        Ok(mpsc::channel(1).1)
    }

    pub(in super::super) fn stop() -> io::Result<()> {
        Ok(())
    }

    pub(in super::super) fn without_interrupts<T>(run: impl FnOnce() -> T) -> T {
        run()
    }
}
