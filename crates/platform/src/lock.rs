//! Locks between processes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use super::{FileError, files};

/// How often a lock file may vanish under a single try.
const VANISHED: usize = 16;

/// An exclusive lock on a file, held by at most one owner over all processes.
///
/// It ends when it is dropped, and with its process, however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock if nobody has it, without waiting; `None` if someone has.
    ///
    /// The file is created, mode 0600; its folder must exist.
    pub fn attempt(path: &Path) -> Result<Option<Self>, FileError> {
        for _ in 0..VANISHED {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = files::open(&mut options, path, "locked")?;
            match claim(&file, path)? {
                Claim::Had => return Ok(Some(Self { file, path: path.to_owned() })),
                Claim::Refused => return Ok(None),
                Claim::Void => {}
            }
        }
        Ok(None)
    }

    /// Removes the lock file while it is held, then releases the lock. Whoever waits for it
    /// goes on with a new file.
    pub fn retire(self) -> Result<(), FileError> {
        let removed = files::remove(&self.path);
        drop(self.file);
        removed.map(|_| ())
    }
}

/// How a try to lock an open file went.
#[derive(Debug, PartialEq, Eq)]
enum Claim {
    Had,
    Refused,
    /// Who held it has removed the file meanwhile: a lock on what is gone excludes nobody.
    Void,
}

fn claim(file: &File, path: &Path) -> Result<Claim, FileError> {
    match file.try_lock() {
        Ok(()) => match files::same_file(file, path) {
            Ok(true) => Ok(Claim::Had),
            Ok(false) => Ok(Claim::Void),
            Err(error) => Err(FileError::io("locked", path, &error)),
        },
        Err(TryLockError::WouldBlock) => Ok(Claim::Refused),
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

    fn taken(path: &Path) -> Lock {
        Lock::attempt(path).unwrap().unwrap()
    }

    #[test]
    fn a_lock_is_had_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = taken(&path);
        assert!(Lock::attempt(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::attempt(&path).unwrap().is_some());
    }

    #[test]
    fn a_lock_without_a_folder_is_an_error_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Lock::attempt(&folder.path().join("none/a.lock")).unwrap_err().is_missing());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_is_not_taken_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, behind) = (folder.path().join("a.lock"), folder.path().join("behind"));
        std::os::unix::fs::symlink(&behind, &path).unwrap();
        assert_eq!(Lock::attempt(&path).unwrap_err(), FileError::Link(path));
        assert!(!behind.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_ends_with_its_process() {
        use std::io::{BufRead as _, BufReader};
        use std::process::{Command, Stdio};

        // The child inherits the open file as its standard input, and the lock with it.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = taken(&path);
        let mut child = Command::new("sh")
            .args(["-c", "echo ready; exec sleep 600"])
            .stdin(Stdio::from(held.file.try_clone().unwrap()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        drop(held);
        assert!(Lock::attempt(&path).unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Lock::attempt(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_file_that_was_removed_before_it_was_had_is_void() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let first = Lock::attempt(&path).unwrap().unwrap();
        let late = File::open(&path).unwrap();
        assert_eq!(claim(&late, &path).unwrap(), Claim::Refused);
        first.retire().unwrap();
        assert_eq!(claim(&late, &path).unwrap(), Claim::Void);
        let _second = Lock::attempt(&path).unwrap().unwrap();
        assert_eq!(claim(&late, &path).unwrap(), Claim::Void);
    }

    #[cfg(unix)]
    #[test]
    fn removing_the_lock_file_lets_no_two_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let (inside, most, turns) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = loop {
                            if let Some(lock) = Lock::attempt(&path).unwrap() {
                                break lock;
                            }
                            thread::yield_now();
                        };
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                        lock.retire().unwrap();
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), turns.into_inner()), (1, 200));
        assert!(!path.exists());
    }
}
