//! A log file of bounded size that several processes can append to.
//!
//! Each line is a single write in append mode, so lines from several processes do not mix. The file
//! is checked before each line, since another process may have renamed or removed it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::rotated;
use alertdeck_platform::{FileError, append_private, same_file};

/// The maximum size of a file in bytes. Together with the rotated file, the log takes up at most
/// twice as much.
pub(super) const MAX_BYTES: u64 = 2 << 20;

/// A log file that any thread can write to.
pub(super) struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The open file; `None` if it could not be reopened.
    file: Option<File>,
    /// Whether the last line was only partly written.
    torn: bool,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        Ok(Self::with_limit(append_private(path)?, path, MAX_BYTES))
    }

    pub(super) fn with_limit(file: File, path: &Path, max_bytes: u64) -> Self {
        let inner = Inner { file: Some(file), torn: false };
        Self { path: path.to_owned(), max_bytes, inner: Mutex::new(inner) }
    }

    /// Appends a line. Rotates the file first if it is full.
    pub(super) fn write(&self, line: &str) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let mut file = self.current(inner.file.take())?;
        if file.metadata()?.len() + line.len() as u64 > self.max_bytes {
            file = self.rotate(file)?;
        }
        let text = if inner.torn { format!("\n{line}") } else { line.to_owned() };
        let written = append(&file, text.as_bytes());
        inner.file = Some(file);
        match written {
            Ok(()) => inner.torn = false,
            Err(WriteError { is_partial, error }) => {
                inner.torn |= is_partial;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the file that is currently at the path.
    fn current(&self, open: Option<File>) -> io::Result<File> {
        match open {
            Some(file) if same_file(&file, &self.path)? => Ok(file),
            _ => append_private(&self.path).map_err(io::Error::other),
        }
    }

    /// Renames the full file and creates a new one. If another process is already rotating it,
    /// returns the full file, so that the line still goes there.
    fn rotate(&self, full: File) -> io::Result<File> {
        if full.try_lock().is_err() {
            return Ok(full);
        }
        // Another process may already have rotated the file.
        if same_file(&full, &self.path)? {
            fs::rename(&self.path, rotated(&self.path))?;
        }
        append_private(&self.path).map_err(io::Error::other)
    }
}

struct WriteError {
    /// Whether part of the line was written.
    is_partial: bool,
    error: io::Error,
}

/// Writes a line, with a single call unless the system accepts only part of the line.
fn append(mut file: impl io::Write, mut bytes: &[u8]) -> Result<(), WriteError> {
    let length = bytes.len();
    while !bytes.is_empty() {
        let failed = |error: io::Error| WriteError { is_partial: bytes.len() < length, error };
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

    /// A disk with space for this many bytes.
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
    fn a_partial_write_on_a_full_disk_is_reported() {
        assert!(append(Disk(4), b"line").is_ok());
        assert!(append(Disk(3), b"line").is_err_and(|error| error.is_partial));
        assert!(append(Disk(0), b"line").is_err_and(|error| !error.is_partial));
    }

    #[test]
    fn a_line_after_a_partial_line_starts_on_a_new_line() {
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
