//! Locks between processes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use super::{FileError, files};

/// The maximum number of attempts to acquire a lock whose file keeps being removed.
const MAX_RETRIES: usize = 16;

/// An exclusive lock on a file, which at most one process holds at a time.
///
/// The lock is released when it is dropped or when its process ends for any reason.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Acquires the lock without waiting. Returns `None` if it is already held.
    ///
    /// The file is created with mode 0600 if needed; its folder must exist.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be opened or locked, is a symbolic link or not a regular file, or
    /// belongs to another user.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, FileError> {
        for _ in 0..MAX_RETRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = files::open(&mut options, path, "locked")?;
            match claim(&file, path)? {
                Claim::Acquired => return Ok(Some(Self { file, path: path.to_owned() })),
                Claim::Held => return Ok(None),
                Claim::Stale => {}
            }
        }
        Ok(None)
    }

    /// Removes the lock file and then releases the lock. After that, other processes use a new
    /// file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be removed. The lock is released anyway.
    pub fn remove(self) -> Result<(), FileError> {
        let removed = files::remove(&self.path);
        drop(self.file);
        removed.map(|_| ())
    }
}

/// The outcome of locking an open file.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    Acquired,
    /// Another process holds the lock.
    Held,
    /// The file was removed before it was locked. A lock on a removed file excludes no other
    /// process.
    Stale,
}

fn claim(file: &File, path: &Path) -> Result<Claim, FileError> {
    match file.try_lock() {
        Ok(()) => match files::same_file(file, path) {
            Ok(true) => Ok(Claim::Acquired),
            Ok(false) => Ok(Claim::Stale),
            Err(error) => Err(FileError::io("locked", path, &error)),
        },
        Err(TryLockError::WouldBlock) => Ok(Claim::Held),
        Err(TryLockError::Error(error)) => Err(FileError::io("locked", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    fn acquire(path: &Path) -> Lock {
        Lock::try_acquire(path).unwrap().unwrap()
    }

    #[test]
    fn only_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = acquire(&path);
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Lock::try_acquire(&folder.path().join("none/a.lock")).unwrap_err().is_missing());
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a.lock"), folder.path().join("target"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert_eq!(Lock::try_acquire(&path).unwrap_err(), FileError::Link(path));
        assert!(!target.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_is_released_when_its_process_ends() {
        use std::io::{BufRead as _, BufReader};
        use std::process::{Command, Stdio};

        // The child inherits the open file, and the lock with it, as its standard input.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = acquire(&path);
        let mut child = Command::new("sh")
            .args(["-c", "echo ready; exec sleep 600"])
            .stdin(Stdio::from(held.file.try_clone().unwrap()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        drop(held);
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_removed_file_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let first = Lock::try_acquire(&path).unwrap().unwrap();
        let late = File::open(&path).unwrap();
        assert_eq!(claim(&late, &path).unwrap(), Claim::Held);
        first.remove().unwrap();
        assert_eq!(claim(&late, &path).unwrap(), Claim::Stale);
        let _second = Lock::try_acquire(&path).unwrap().unwrap();
        assert_eq!(claim(&late, &path).unwrap(), Claim::Stale);
    }

    #[cfg(unix)]
    #[test]
    fn removing_the_lock_file_keeps_the_lock_exclusive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let (inside, most, turns) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = loop {
                            if let Some(lock) = Lock::try_acquire(&path).unwrap() {
                                break lock;
                            }
                            thread::yield_now();
                        };
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                        lock.remove().unwrap();
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), turns.into_inner()), (1, 200));
        assert!(!path.exists());
    }
}
