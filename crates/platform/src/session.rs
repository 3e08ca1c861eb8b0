//! Runs programs in sessions of their own, without a terminal: they cannot read the keys that are meant
//! for this program, write over its screen, or receive the terminal's signals.

use std::{
    io,
    process::{ChildStderr, ChildStdout, Command, ExitStatus},
};

use process_wrap::std::{ChildWrapper, CommandWrap};

use super::{
    leftovers::{Leftover, Registered, register},
    system,
};

/// A program that is running in a session of its own.
#[derive(Debug)]
pub struct Running {
    child: Box<dyn ChildWrapper>,
}

impl Running {
    /// Starts a program. It outlives this process.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses, for example because there is no such program.
    pub fn start(command: Command) -> io::Result<Self> {
        Ok(Self { child: system::in_session(CommandWrap::from(command)).spawn()? })
    }

    /// Starts a program that works for this process. It ends, with all programs that it has started
    /// in its session, when the guard is dropped and when this process ends.
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

    /// Waits until the program ends. Blocks.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot wait for it.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.inner_mut().wait()
    }
}

/// Ends a session of programs when it is dropped.
#[derive(Debug)]
pub struct SessionGuard {
    id: u32,
    is_released: bool,
    _registered: Registered,
}

impl SessionGuard {
    /// Leaves the session alone. To be called once its first program has ended by itself: what it has
    /// started may be meant to stay, such as a browser.
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
