//! Creates, reads, replaces and removes private files and folders, and writes files that users
//! specify.
//!
//! Writes are atomic: a temporary file is written in the same folder, flushed to disk, and renamed.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Read as _, Write},
    path::Path,
    time::Duration,
};

use super::{
    FileError,
    leftovers::{Leftover, register},
    system,
};

/// How long after its last write a temporary file counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(60);
/// Separates the file's name from the random letters in the names of temporary files.
const INFIX: &str = ".alertdeck-";
/// The number of random letters in the name of a temporary file.
const RANDOM_LETTERS: usize = 6;

/// What to do if the file already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Keep it and fail.
    Keep,
    /// Replace it.
    Replace,
}

/// Ensures that a folder exists, belongs to this user and is closed to others. Creates it and its
/// parents with mode 0700 if it is missing, and restricts its mode if it is open to others.
///
/// # Errors
///
/// Fails if the path is a symbolic link, is not a folder, or is another user's folder.
pub fn private_folder(folder: &Path) -> Result<(), FileError> {
    let failed = |error: &io::Error| match folder.symlink_metadata() {
        Ok(data) if data.is_symlink() => FileError::Link(folder.to_owned()),
        Ok(data) if !data.is_dir() => FileError::NotAFolder(folder.to_owned()),
        _ => FileError::io("created", folder, error),
    };
    system::create_folder(folder).map_err(|error| failed(&error))?;
    let opened = system::open_folder(folder).map_err(|error| failed(&error))?;
    let data = opened.metadata().map_err(|error| failed(&error))?;
    system::check_owner(&data, folder)?;
    system::restrict_mode(&opened, &data).map_err(|error| FileError::io("made private", folder, &error))
}

/// Reads a private file. Returns `None` if it does not exist.
///
/// # Errors
///
/// Fails if the path is a symbolic link or not a regular file, if the file belongs to another user,
/// if others can read or change it, or if it has more than `limit` bytes.
pub fn read_private(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let Some(file) = open_private(path)? else { return Ok(None) };
    let failed = |error| FileError::io("read", path, &error);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLong { path: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

/// Opens a private file for reading. Returns `None` if it does not exist.
///
/// # Errors
///
/// Fails if the path is a symbolic link or not a regular file, if the file belongs to another user,
/// or if others can read or change it.
pub fn open_private(path: &Path) -> Result<Option<File>, FileError> {
    let file = match open(OpenOptions::new().read(true), path, "read") {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened?,
    };
    let data = file.metadata().map_err(|error| FileError::io("read", path, &error))?;
    system::check_mode(&data, path)?;
    Ok(Some(file))
}

/// Opens a private file for appending. Creates it with mode 0600 if it is missing, and restricts
/// its mode if it is open to others.
///
/// # Errors
///
/// Fails if the path is a symbolic link or not a regular file, or if the file belongs to another
/// user.
pub fn append_private(path: &Path) -> Result<File, FileError> {
    // The file is also opened for reading because, except on Unix, a file opened only for appending
    // cannot be locked.
    let file = open(OpenOptions::new().read(true).append(true).create(true), path, "written")?;
    file.metadata()
        .and_then(|data| system::restrict_mode(&file, &data))
        .map_err(|error| FileError::io("made private", path, &error))?;
    Ok(file)
}

/// Ensures that a file exists, belongs to this user and is closed to others, for use with a library
/// that opens files itself. Creates it empty with mode 0600 if it is missing, and restricts its
/// mode if it is open to others. The folder must be private.
///
/// An existing file is not opened: on Unix, closing it would release the locks that this process
/// holds on it.
///
/// # Errors
///
/// Fails if the path is a symbolic link or not a regular file, or if the file belongs to another
/// user.
pub fn private_file(path: &Path) -> Result<(), FileError> {
    let data = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut options = OpenOptions::new();
            return match open(options.write(true).create_new(true), path, "created") {
                // Another process created the file first.
                Err(FileError::Io { kind: ErrorKind::AlreadyExists, .. }) => Ok(()),
                created => created.map(|_| ()),
            };
        }
        data => data.map_err(|error| FileError::io("read", path, &error))?,
    };
    if data.is_symlink() {
        return Err(FileError::Link(path.to_owned()));
    }
    if !data.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    system::check_owner(&data, path)?;
    system::restrict_path(path, &data).map_err(|error| FileError::io("made private", path, &error))
}

/// Writes a private file atomically, with mode 0600. An existing file is replaced.
///
/// A symbolic link is replaced, not followed. The folder must exist.
///
/// # Errors
///
/// Fails if the file cannot be written, in which case the old file is left intact.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomically(path, Existing::Replace, |out| out.write_all(bytes)).map(|_| ())
}

/// Checks, before any work is done, whether a file that the user specifies can be written.
///
/// # Errors
///
/// Fails for symbolic links, because the link would be replaced rather than its target written; for
/// anything else that is not a regular file; for devices and `-`; for missing folders; and, with
/// [`Existing::Keep`], for files that already exist. Other errors appear only when the file is
/// written.
pub fn check_new_file(path: &Path, existing: Existing) -> Result<(), FileError> {
    let text = path.as_os_str().as_encoded_bytes();
    if text.is_empty() || text == b"-" || path.starts_with("/dev") && !path.starts_with("/dev/shm") {
        return Err(FileError::InvalidTarget(path.to_owned()));
    }
    let ends_as_folder = text.last().is_some_and(|last| std::path::is_separator(char::from(*last)));
    let Some((folder, _)) = temporary_location(path).filter(|_| !ends_as_folder) else {
        return Err(FileError::IsFolder(path.to_owned()));
    };
    if !folder.is_dir() {
        return Err(FileError::NoFolder(folder.to_owned()));
    }
    match path.symlink_metadata() {
        Ok(data) if data.is_symlink() => Err(FileError::Link(path.to_owned())),
        Ok(data) if data.is_dir() => Err(FileError::IsFolder(path.to_owned())),
        Ok(data) if !data.is_file() => Err(FileError::NotAFile(path.to_owned())),
        Ok(_) if existing == Existing::Keep => Err(FileError::Exists(path.to_owned())),
        // Other errors will appear when the file is written.
        _ => Ok(()),
    }
}

/// Atomically writes a file that the user specifies, with mode 0600. Returns its length in bytes.
///
/// # Errors
///
/// Fails in the same cases as [`check_new_file`], if `write` fails, or if the file cannot be
/// written. In all these cases, an existing file is left intact.
pub fn write_new_file(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<u64, FileError> {
    check_new_file(path, existing)?;
    write_atomically(path, existing, write)
}

/// Writes a temporary file in the same folder, then renames it.
fn write_atomically(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<u64, FileError> {
    let failed = |error: &io::Error| FileError::io("written", path, error);
    let (folder, prefix) = temporary_location(path).ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
    // The file is created with mode 0600. If it is dropped before the rename, it is removed.
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).rand_bytes(RANDOM_LETTERS);
    let created = register(|| builder.tempfile_in(folder), |file| Leftover::File(file.path().to_owned()));
    let (mut file, _registered) = created.map_err(|error| failed(&error))?;
    let mut out = BufWriter::new(file.as_file_mut());
    let written = write(&mut out).and_then(|()| out.flush());
    drop(out);
    let length = written.and_then(|()| {
        file.as_file().sync_all()?;
        file.as_file().metadata()
    });
    let length = length.map_err(|error| failed(&error))?.len();
    let placed = match existing {
        Existing::Replace => file.persist(path),
        Existing::Keep => file.persist_noclobber(path),
    };
    placed.map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists if existing == Existing::Keep => FileError::Exists(path.to_owned()),
        _ => failed(&error.error),
    })?;
    // The rename has already succeeded, and some file systems cannot sync a folder.
    let _ = system::sync_folder(folder);
    remove_abandoned(folder, None, ABANDONED);
    Ok(length)
}

/// Removes a file and any temporary files left by its writers. Returns whether there was anything
/// to remove.
///
/// # Errors
///
/// Fails if the file cannot be removed.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    let (folder, prefix) = temporary_location(path).ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
    let removed = remove_abandoned(folder, Some(&prefix), Duration::ZERO);
    match fs::remove_file(path) {
        Ok(()) => {
            let _ = system::sync_folder(folder);
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(removed),
        Err(error) => Err(FileError::io("removed", path, &error)),
    }
}

/// Returns whether the open file is still the one at `path` and has not been removed or renamed.
///
/// # Errors
///
/// Fails if the metadata of the open file or the path cannot be read.
pub fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(data) => Ok(system::is_same(&file.metadata()?, &data)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a regular file that belongs to this user.
pub(super) fn open(options: &mut OpenOptions, path: &Path, what: &'static str) -> Result<File, FileError> {
    let file = system::open(options, path).map_err(|error| match path.symlink_metadata() {
        Ok(data) if data.is_symlink() => FileError::Link(path.to_owned()),
        Ok(data) if !data.is_file() => FileError::NotAFile(path.to_owned()),
        _ => FileError::io(what, path, &error),
    })?;
    let data = file.metadata().map_err(|error| FileError::io(what, path, &error))?;
    if !data.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    system::check_owner(&data, path)?;
    Ok(file)
}

/// Returns a file's folder and the prefix of its temporary files' names.
fn temporary_location(path: &Path) -> Option<(&Path, OsString)> {
    let name = path.file_name()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(INFIX);
    Some((folder.unwrap_or(Path::new(".")), prefix))
}

/// Returns whether a name has exactly the form of a temporary file's name, so that no other file in
/// a user's folder is mistaken for one.
fn is_temporary(name: &OsStr, prefix: Option<&OsStr>) -> bool {
    let name = name.as_encoded_bytes();
    let Some(at) = name.len().checked_sub(RANDOM_LETTERS) else { return false };
    let (start, letters) = name.split_at(at);
    letters.iter().all(u8::is_ascii_alphanumeric)
        && match prefix {
            Some(prefix) => start == prefix.as_encoded_bytes(),
            None => start.starts_with(b".") && start.ends_with(INFIX.as_bytes()),
        }
}

/// Removes temporary files in a folder that were last written at least `age` ago, either those
/// belonging to one file (`prefix`) or all of them. Returns whether there were any.
fn remove_abandoned(folder: &Path, prefix: Option<&OsStr>, age: Duration) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut removed = false;
    for entry in entries.flatten() {
        if !is_temporary(&entry.file_name(), prefix) {
            continue;
        }
        let written = entry.metadata().and_then(|data| data.modified()).ok();
        let old = written.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        if old >= age {
            removed |= fs::remove_file(entry.path()).is_ok();
        }
    }
    removed
}

#[cfg(test)]
mod tests;
