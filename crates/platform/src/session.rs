//! Runs programs in their own sessions, without a terminal, so that they cannot read keys meant for
//! this program, write over its screen, or receive the terminal's signals.

use std::{
    io,
    process::{ChildStderr, ChildStdout, Command, ExitStatus},
};

use process_wrap::std::{ChildWrapper, CommandWrap};

use super::{
    leftovers::{Leftover, Registered, register},
    system,
};

/// A program running in its own session.
#[derive(Debug)]
pub struct Running {
    child: Box<dyn ChildWrapper>,
}

impl Running {
    /// Starts a program, which may outlive this process.
    ///
    /// # Errors
    ///
    /// Fails if the program cannot be started, for example because it does not exist.
    pub fn start(command: Command) -> io::Result<Self> {
        Ok(Self { child: system::in_session(CommandWrap::from(command)).spawn()? })
    }

    /// Starts a helper program. When the guard is dropped or this process ends, the helper is
    /// killed, along with all programs that it has started in its session.
    ///
    /// # Errors
    ///
    /// See [`Running::start`].
    pub fn start_guarded(command: Command) -> io::Result<(Self, SessionGuard)> {
        let (running, registered) =
            register(|| Self::start(command), |running| Leftover::Session(running.child.id()))?;
        let guard = SessionGuard { id: running.child.id(), is_released: false, _registered: registered };
        Ok((running, guard))
    }

    /// Takes the program's standard output, if it is a pipe.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout().take()
    }

    /// Takes the program's standard error, if it is a pipe.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr().take()
    }

    /// Blocks until the program exits.
    ///
    /// # Errors
    ///
    /// Fails if the program's exit status cannot be obtained.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.inner_mut().wait()
    }
}

/// Kills a session and all its processes when dropped.
#[derive(Debug)]
pub struct SessionGuard {
    id: u32,
    is_released: bool,
    _registered: Registered,
}

impl SessionGuard {
    /// Drops the guard without ending the session. Call this once the session's first program has
    /// exited on its own: programs that it started, such as a browser, may be meant to keep
    /// running.
    pub fn release(mut self) {
        self.is_released = true;
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        if !self.is_released {
            system::end_session(self.id);
        }
    }
}
