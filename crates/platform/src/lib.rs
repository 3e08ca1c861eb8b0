//! What differs between platforms outside the terminal: private files, the files that users ask
//! for, locks between processes, starting a browser.
//!
//! It knows nothing of what is kept in files, and asks nobody: what is not private is mended or
//! refused, never used as it is. Invariants: no symbolic link is followed in the last part of a
//! path; a file is private from the moment it exists; whoever reads a file that is being
//! written gets the old one or the new one, whole. On platforms other than Unix the names are
//! the same, and privacy is what the user's own folders give by themselves.

mod files;
mod lock;
mod opener;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::{
    io,
    path::{Path, PathBuf},
};

#[cfg(not(unix))]
use other as system;
#[cfg(unix)]
use unix as system;

pub use files::{
    Existing, append_private, check_new_file, private_folder, read_private, remove, same_file,
    write_new_file, write_private,
};
pub use lock::Lock;
pub use opener::open_in_browser;

/// Why a private file, folder or lock is not to be had, in one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The path names a symbolic link: what lies behind it may be anybody's.
    #[error("{0:?} is a symbolic link, which is not followed here: remove it")]
    Link(PathBuf),
    /// The path names something other than a regular file.
    #[error("{0:?} is not a regular file: move it away")]
    NotAFile(PathBuf),
    /// The path names something other than a folder.
    #[error("{0:?} is not a folder: move it away")]
    NotAFolder(PathBuf),
    /// The path names no file but a folder.
    #[error("{0:?} is a folder: name a file in it")]
    IsFolder(PathBuf),
    /// There is no such folder to put a file into.
    #[error("there is no folder {0:?}: make it, or choose another")]
    NoFolder(PathBuf),
    /// A file is there already, and nobody said that it may be replaced.
    #[error("{0:?} exists")]
    Exists(PathBuf),
    /// The path names a device, or standard output.
    #[error("{0:?} is no place for a file: name another")]
    NoPlace(PathBuf),
    /// The file or folder belongs to another user of this machine.
    #[error("{0:?} belongs to another user: move it away, or run as that user")]
    Foreign(PathBuf),
    /// Others can read or change the file.
    #[error("{path:?} is open to others (mode {mode:03o}): run `chmod 600 {path:?}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is longer than anything that was written here.
    #[error("{path:?} is longer than {limit} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How many bytes would have been read.
        limit: u64,
    },
    /// The system refused.
    #[error("{path:?} cannot be {what}: {reason}")]
    Io {
        /// What was tried: "read", "written" and so on.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The kind of refusal.
        kind: io::ErrorKind,
        /// The system's words.
        reason: String,
    },
}

impl FileError {
    fn io(what: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), kind: error.kind(), reason: error.to_string() }
    }

    /// Tells whether a file or a folder of its path was missing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { kind: io::ErrorKind::NotFound, .. })
    }
}

/// Reads a path as a user types it: `~` at its start is the user's home. `None` where there is no
/// home to put in its place.
pub fn typed_path(text: &str) -> Option<PathBuf> {
    let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
    match text.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with(std::path::is_separator) => {
            Some(home()?.join(rest.trim_start_matches(std::path::is_separator)))
        }
        _ => Some(PathBuf::from(text)),
    }
}

/// Returns the folder for what the program keeps between runs, or `None` without a home.
///
/// `$XDG_STATE_HOME/alertdeck` or `~/.local/state/alertdeck` on Linux, the user's local
/// application data elsewhere. Nothing is created.
pub fn state_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "alertdeck")?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).to_owned())
}
