//! A file that lines are appended to, of bounded size, shared by all running copies.
//!
//! Each line is one write in append mode, so lines of several copies do not mix. Before each,
//! the file is looked at: another copy may have renamed it, or somebody removed it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::former;
use alertdeck_platform::{FileError, append_private, same_file};

/// Bytes of a file before a new one is begun; with the one before, there are twice as many.
pub(super) const MOST: u64 = 2 << 20;

/// The log, to write to from any thread.
pub(super) struct LogFile {
    path: PathBuf,
    most: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None` after the file could not be opened again.
    file: Option<File>,
    /// Whether the last line was written in part.
    torn: bool,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        Ok(Self::over(append_private(path)?, path, MOST))
    }

    pub(super) fn over(file: File, path: &Path, most: u64) -> Self {
        let inner = Inner { file: Some(file), torn: false };
        Self { path: path.to_owned(), most, inner: Mutex::new(inner) }
    }

    /// Appends a line, in a new file where this one is full.
    pub(super) fn write(&self, line: &str) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let mut file = self.current(inner.file.take())?;
        if file.metadata()?.len() + line.len() as u64 > self.most {
            file = self.rotate(file)?;
        }
        let text = if inner.torn { format!("\n{line}") } else { line.to_owned() };
        let written = append(&file, text.as_bytes());
        inner.file = Some(file);
        match written {
            Ok(()) => inner.torn = false,
            Err(Torn { begun, error }) => {
                inner.torn |= begun;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the file that the path names now.
    fn current(&self, held: Option<File>) -> io::Result<File> {
        match held {
            Some(file) if same_file(&file, &self.path)? => Ok(file),
            _ => append_private(&self.path).map_err(io::Error::other),
        }
    }

    /// Makes the full file the former one and begins a new one, if no other copy is at it: then
    /// the line goes to the file at hand.
    fn rotate(&self, full: File) -> io::Result<File> {
        if full.try_lock().is_err() {
            return Ok(full);
        }
        // Another copy may have been faster.
        if same_file(&full, &self.path)? {
            fs::rename(&self.path, former(&self.path))?;
        }
        append_private(&self.path).map_err(io::Error::other)
    }
}

struct Torn {
    /// Whether a part of the line is in the file.
    begun: bool,
    error: io::Error,
}

/// Writes a line in one go where the system takes it whole.
fn append(mut file: impl io::Write, mut bytes: &[u8]) -> Result<(), Torn> {
    let length = bytes.len();
    while !bytes.is_empty() {
        let failed = |error: io::Error| Torn { begun: bytes.len() < length, error };
        match file.write(bytes) {
            Ok(0) => return Err(failed(io::ErrorKind::WriteZero.into())),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes and then is full.
    struct Disk(usize);

    impl io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_is_cut_by_a_full_disk_is_known_to_be() {
        assert!(append(Disk(4), b"line").is_ok());
        assert!(append(Disk(3), b"line").is_err_and(|torn| torn.begun));
        assert!(append(Disk(0), b"line").is_err_and(|torn| !torn.begun));
    }

    #[test]
    fn the_line_after_a_cut_one_begins_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let file = LogFile::open(&path).unwrap();
        file.write("cut").unwrap();
        file.inner.lock().unwrap().torn = true;
        file.write("two\n").unwrap();
        file.write("three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "cut\ntwo\nthree\n");
    }
}
