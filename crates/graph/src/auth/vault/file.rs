//! A sign-in in a private file.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Loaded, shown, wire};
use alertdeck_platform::{FileError, private_folder, read_private, remove, write_private};

/// Bytes that are read: far more than a sign-in has.
const MOST: u64 = 64 << 10;
/// What the name of a file that cannot be read is extended by.
const ASIDE: &str = "json.unreadable";

pub(super) fn load(folder: &Path, path: &Path) -> Result<Loaded, FileError> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Loaded::default()),
        _ => private_folder(folder)?,
    }
    let why = match read_private(path, MOST) {
        Ok(None) => return Ok(Loaded::default()),
        Ok(Some(bytes)) => match wire::decode(&bytes) {
            Ok(stored) => return Ok(Loaded { stored: Some(stored), notice: None }),
            Err(why) => why,
        },
        Err(FileError::TooLong { .. }) => wire::Unreadable::Damaged,
        Err(error) => return Err(error),
    };
    let aside = path.with_extension(ASIDE);
    match fs::rename(path, &aside) {
        Ok(()) => {
            let (was, is) = (shown(path), shown(&aside));
            let notice = format!("the sign-in in {was} {why}, and is now {is}: sign in again");
            Ok(Loaded { stored: None, notice: Some(notice) })
        }
        // Another copy has set it aside.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Loaded::default()),
        Err(error) => Err(FileError::Io {
            what: "set aside",
            path: path.to_owned(),
            kind: error.kind(),
            reason: error.to_string(),
        }),
    }
}

pub(super) fn save(folder: &Path, path: &Path, text: &SecretString) -> Result<(), FileError> {
    private_folder(folder)?;
    match write_private(path, text.expose_secret().as_bytes()) {
        // Another copy has just removed the folder after its last sign-in.
        Err(error) if error.is_missing() => {
            private_folder(folder)?;
            write_private(path, text.expose_secret().as_bytes())
        }
        written => written,
    }
}

pub(super) fn forget(path: &Path) -> Result<bool, FileError> {
    let aside = remove(&path.with_extension(ASIDE))?;
    Ok(remove(path)? || aside)
}

/// Writes a file that is no secret, and removes it.
pub(super) fn check(folder: &Path) -> Result<(), FileError> {
    let path = folder.join(format!("check-{}", std::process::id()));
    save(folder, &path, &SecretString::from("check"))?;
    remove(&path).map(|_| ())
}

/// Lists the sign-ins that files hold, by their names: profile and a hash.
pub(super) fn kept(folder: &Path) -> Result<Vec<String>, FileError> {
    let mut names: Vec<_> = entries(folder)?
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Removes everything that was ever kept here; returns how many sign-ins that was.
pub(super) fn forget_all(folder: &Path) -> Result<usize, FileError> {
    let count = kept(folder)?.len();
    for path in entries(folder)? {
        remove(&path)?;
    }
    // Only an empty one goes.
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
