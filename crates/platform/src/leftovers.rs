//! Keeps track of what must not outlive the process: temporary files and helper programs.
//!
//! Destructors remove both, but do not run if a signal ends the process.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError, TryLockError},
    thread,
    time::Duration,
};

use super::system;

/// Something that must not outlive the process.
#[derive(Debug)]
pub(crate) enum Leftover {
    /// A temporary file.
    File(PathBuf),
    /// A session of programs, identified by the process ID of its first program.
    Session(u32),
}

impl Leftover {
    fn remove(&self) {
        match self {
            // The file or the session may already be gone.
            Self::File(path) => drop(std::fs::remove_file(path)),
            Self::Session(id) => system::end_session(*id),
        }
    }
}

#[derive(Debug)]
struct Register {
    next: u64,
    leftovers: BTreeMap<u64, Leftover>,
}

static REGISTER: Mutex<Register> = Mutex::new(Register { next: 0, leftovers: BTreeMap::new() });

/// An entry in the register. Dropping it removes only the entry, not the file or session itself.
#[derive(Debug)]
pub(crate) struct Registered(u64);

impl Drop for Registered {
    fn drop(&mut self) {
        REGISTER.lock().unwrap_or_else(PoisonError::into_inner).leftovers.remove(&self.0);
    }
}

/// Creates something and registers it in one step, so that [`clean_up`] cannot run in between.
pub(crate) fn register<T>(
    create: impl FnOnce() -> io::Result<T>,
    leftover: impl FnOnce(&T) -> Leftover,
) -> io::Result<(T, Registered)> {
    let mut register = REGISTER.lock().unwrap_or_else(PoisonError::into_inner);
    let created = create()?;
    let number = register.next;
    register.next += 1;
    register.leftovers.insert(number, leftover(&created));
    Ok((created, Registered(number)))
}

/// Removes the temporary files and ends the programs that must not outlive the process. Call this
/// immediately before the process exits: any thread that adds or removes an entry afterwards
/// blocks.
pub fn clean_up() {
    // The lock is only ever held briefly, unless this thread panicked while holding it.
    for _ in 0..100 {
        let register = match REGISTER.try_lock() {
            Ok(register) => register,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => {
                thread::sleep(Duration::from_millis(1));
                continue;
            }
        };
        register.leftovers.values().for_each(Leftover::remove);
        // Keep the lock, so that nothing can be created from now on.
        std::mem::forget(register);
        return;
    }
}
