//! Private files and folders: made, read, replaced and removed.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    path::Path,
    time::Duration,
};

use super::{FileError, system};

/// How old the unfinished copy of a file is when its writer must be dead.
const ABANDONED: Duration = Duration::from_secs(60);

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
    let failed = |error: &io::Error| FileError::io("written", path, error);
    let (folder, prefix) = place(path).ok_or_else(|| FileError::NotAFile(path.to_owned()))?;
    // Created with mode 0600, and removed when it is dropped before it takes its place.
    let mut file =
        tempfile::Builder::new().prefix(&prefix).tempfile_in(folder).map_err(|error| failed(&error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    // The file is in its place; some file systems cannot promise more.
    let _ = system::sync_folder(folder);
    sweep(path, ABANDONED);
    Ok(())
}

/// Removes a file, and what a writer that was killed has left of it. Tells whether there was
/// something.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    let swept = sweep(path, Duration::ZERO);
    match fs::remove_file(path) {
        Ok(()) => {
            if let Some((folder, _)) = place(path) {
                let _ = system::sync_folder(folder);
            }
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
    prefix.push(".");
    Some((folder.unwrap_or(Path::new(".")), prefix))
}

/// Removes unfinished copies of a file that are at least `age` old; tells whether there were any.
fn sweep(path: &Path, age: Duration) -> bool {
    let Some((folder, prefix)) = place(path) else { return false };
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut swept = false;
    for entry in entries.flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
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
