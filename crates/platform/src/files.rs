//! Private files and folders: made, read, replaced and removed; and the files that users ask for.
//!
//! Whatever is written takes its place at once: it is written under another name in the same
//! folder, made to last, and renamed.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Read as _, Write},
    path::Path,
    time::Duration,
};

use super::{FileError, system};

/// How long nothing was added to an unfinished file when its writer must be dead.
const ABANDONED: Duration = Duration::from_secs(60);
/// Stands in the names of unfinished files, between that of the file and letters at random.
const UNFINISHED: &str = ".alertdeck-";
/// How many letters that are.
const LETTERS: usize = 6;

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Keep,
    /// It is replaced.
    Replace,
}

/// Makes sure that `folder` is there, is ours and is closed to others; creates it with its
/// parents, mode 0700.
///
/// A folder of ours that is open to others is closed. A link to a folder, a folder of another
/// user and anything else are refused.
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
    system::mend_mode(&opened, &data).map_err(|error| FileError::io("closed to others", folder, &error))
}

/// Reads a file whole, or returns `None` where there is none.
///
/// Refused are links, whatever is no regular file, files of other users, files that others can
/// read or change, and more than `limit` bytes.
pub fn read_private(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let file = match open(OpenOptions::new().read(true), path, "read") {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened?,
    };
    let failed = |error| FileError::io("read", path, &error);
    system::check_mode(&file.metadata().map_err(failed)?, path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLong { path: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

/// Opens a file to append to, or creates it, mode 0600. One of ours that is open to others is
/// closed; links, other kinds and files of other users are refused.
pub fn append_private(path: &Path) -> Result<File, FileError> {
    // Reading as well: elsewhere than on Unix a file that is only appended to cannot be locked.
    let file = open(OpenOptions::new().read(true).append(true).create(true), path, "written")?;
    file.metadata()
        .and_then(|data| system::mend_mode(&file, &data))
        .map_err(|error| FileError::io("closed to others", path, &error))?;
    Ok(file)
}

/// Replaces a file by one with these bytes, mode 0600, or creates it.
///
/// A reader finds the old file or the new one, whatever happens meanwhile. A link in its place
/// is replaced, not followed. The folder must exist.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    put(path, Existing::Replace, |out| out.write_all(bytes)).map(|_| ())
}

/// Tells whether a file that the user names could be put there, before anything is done for it.
///
/// Refused are links, since what they lead to would not be what is written; whatever is no regular
/// file; devices and `-`; and, with [`Existing::Keep`], files that exist.
pub fn check_new_file(path: &Path, existing: Existing) -> Result<(), FileError> {
    let text = path.as_os_str().as_encoded_bytes();
    if text.is_empty() || text == b"-" || path.starts_with("/dev") && !path.starts_with("/dev/shm") {
        return Err(FileError::NoPlace(path.to_owned()));
    }
    let ends_as_folder = text.last().is_some_and(|last| std::path::is_separator(char::from(*last)));
    let Some((folder, _)) = place(path).filter(|_| !ends_as_folder) else {
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
        // What else is wrong shows when it is written.
        _ => Ok(()),
    }
}

/// Writes a file that the user names, mode 0600, once [`check_new_file`] finds nothing against it.
/// Returns its length in bytes.
///
/// Nobody finds a part of it: it is there whole, or what was there before still is.
pub fn write_new_file(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<u64, FileError> {
    check_new_file(path, existing)?;
    put(path, existing, write)
}

/// Writes a file under another name in its folder, then puts it in its place.
fn put(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<u64, FileError> {
    let failed = |error: &io::Error| FileError::io("written", path, error);
    let (folder, prefix) = place(path).ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
    // Created with mode 0600, and removed when it is dropped before it takes its place.
    let mut builder = tempfile::Builder::new();
    let file = builder.prefix(&prefix).rand_bytes(LETTERS).tempfile_in(folder);
    let mut file = file.map_err(|error| failed(&error))?;
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
    // The file is in its place; some file systems cannot promise more.
    let _ = system::sync_folder(folder);
    sweep(folder, None, ABANDONED);
    Ok(length)
}

/// Removes a file, and what a writer that was killed has left of it. Tells whether there was
/// something.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    let (folder, prefix) = place(path).ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
    let swept = sweep(folder, Some(&prefix), Duration::ZERO);
    match fs::remove_file(path) {
        Ok(()) => {
            let _ = system::sync_folder(folder);
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(swept),
        Err(error) => Err(FileError::io("removed", path, &error)),
    }
}

/// Tells whether `path` still names the file that was opened: neither removed nor renamed.
pub fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(data) => Ok(system::is_same(&file.metadata()?, &data)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a regular file of ours.
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

/// The folder of a file, and how the names of its unfinished copies begin.
fn place(path: &Path) -> Option<(&Path, OsString)> {
    let name = path.file_name()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(UNFINISHED);
    Some((folder.unwrap_or(Path::new(".")), prefix))
}

/// Tells whether a name is that of an unfinished file: nothing else in a user's folder may be
/// taken for one.
fn is_unfinished(name: &OsStr, prefix: Option<&OsStr>) -> bool {
    let name = name.as_encoded_bytes();
    let Some(at) = name.len().checked_sub(LETTERS) else { return false };
    let (start, letters) = name.split_at(at);
    letters.iter().all(u8::is_ascii_alphanumeric)
        && match prefix {
            Some(prefix) => start == prefix.as_encoded_bytes(),
            None => start.starts_with(b".") && start.ends_with(UNFINISHED.as_bytes()),
        }
}

/// Removes unfinished files from a folder, of one file or of all, to which nothing was added for
/// at least so long; tells whether there were any.
fn sweep(folder: &Path, prefix: Option<&OsStr>, age: Duration) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut swept = false;
    for entry in entries.flatten() {
        if !is_unfinished(&entry.file_name(), prefix) {
            continue;
        }
        let written = entry.metadata().and_then(|data| data.modified()).ok();
        let old = written.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        if old >= age {
            swept |= fs::remove_file(entry.path()).is_ok();
        }
    }
    swept
}

#[cfg(test)]
mod tests;
