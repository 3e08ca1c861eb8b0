//! Credentials in private files.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Loaded, record, shown};
use alertdeck_platform::{FileError, private_folder, read_private, remove, write_private};

/// The maximum file size in bytes: far more than stored credentials need.
const MAX_FILE: u64 = 64 << 10;
/// The extension given to an unreadable file.
const UNREADABLE: &str = "json.unreadable";

pub(super) fn load(folder: &Path, path: &Path) -> Result<Loaded, FileError> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Loaded::default()),
        _ => private_folder(folder)?,
    }
    let why = match read_private(path, MAX_FILE) {
        Ok(None) => return Ok(Loaded::default()),
        Ok(Some(bytes)) => match record::decode(&bytes) {
            Ok(stored) => return Ok(Loaded { stored: Some(stored), notice: None }),
            Err(why) => why,
        },
        Err(FileError::TooLong { .. }) => record::Unreadable::Damaged,
        Err(error) => return Err(error),
    };
    let aside = path.with_extension(UNREADABLE);
    match fs::rename(path, &aside) {
        Ok(()) => {
            let (was, is) = (shown(path), shown(&aside));
            let notice = format!("the sign-in in {was} {why}, and is now {is}: sign in again");
            Ok(Loaded { stored: None, notice: Some(notice) })
        }
        // Another instance has renamed the file.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Loaded::default()),
        Err(error) => Err(FileError::Io {
            what: "renamed",
            path: path.to_owned(),
            kind: error.kind(),
            reason: error.to_string(),
        }),
    }
}

pub(super) fn save(folder: &Path, path: &Path, text: &SecretString) -> Result<(), FileError> {
    private_folder(folder)?;
    match write_private(path, text.expose_secret().as_bytes()) {
        // Another instance has just removed the empty folder.
        Err(error) if error.is_missing() => {
            private_folder(folder)?;
            write_private(path, text.expose_secret().as_bytes())
        }
        written => written,
    }
}

pub(super) fn forget(path: &Path) -> Result<bool, FileError> {
    let aside = remove(&path.with_extension(UNREADABLE))?;
    Ok(remove(path)? || aside)
}

/// Writes a test file that contains no secret, then removes it.
pub(super) fn check(folder: &Path) -> Result<(), FileError> {
    let path = folder.join(format!("check-{}", std::process::id()));
    save(folder, &path, &SecretString::from("check"))?;
    remove(&path).map(|_| ())
}

/// Returns the names of the stored credentials, each made up of the profile and a hash.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let mut names: Vec<_> = entries(folder)?
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Removes all credential files, readable or not; returns the number of readable ones.
pub(super) fn forget_all(folder: &Path) -> Result<usize, FileError> {
    let count = names(folder)?.len();
    for path in entries(folder)? {
        remove(&path)?;
    }
    // Fails unless the folder is empty.
    let _ = fs::remove_dir(folder);
    Ok(count)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        _ => private_folder(folder)?,
    }
    let entries = fs::read_dir(folder).map_err(|error| FileError::Io {
        what: "listed",
        path: folder.to_owned(),
        kind: error.kind(),
        reason: error.to_string(),
    })?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}
