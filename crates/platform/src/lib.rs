//! Access to the operating system, except for the terminal: private files and folders, files that
//! users specify, locks between processes, programs without a terminal, and the browser.
//!
//! Apart from terminal handling, this crate is the only place with platform-specific code. It
//! provides what the standard library lacks or does not make safe by default.
//!
//! The crate does not know what files contain, and it has no settings, no log and no network
//! access. It never prompts the user: a file that is not private is made private or refused, but
//! never used as is. It does not read the files that users provide, such as the config file; those
//! are opened like any other file.
//!
//! Invariants (docs/security.md, "Files"):
//!
//! - The last component of a path is opened without following symbolic links.
//! - A file is private from the moment it exists.
//! - Writes are atomic: a reader sees the old file or the new one, never a partial one.
//!
//! On platforms other than Unix, the functions are the same, but files are only as private as the
//! user's own folders.

mod editor;
mod files;
mod leftovers;
mod lock;
mod opener;
#[cfg(not(unix))]
mod other;
mod session;
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

pub use editor::edit;
pub use files::{
    Existing, append_private, check_new_file, open_private, private_file, private_folder, read_private,
    remove, same_file, write_new_file, write_private,
};
pub use leftovers::clean_up;
pub use lock::Lock;
pub use opener::open_in_browser;
pub use session::{Running, SessionGuard};

/// The reason why a file, folder or lock cannot be used. The message is a single line and safe to
/// show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The path is a symbolic link, whose target may belong to anyone.
    #[error("{0:?} is a symbolic link and is not followed: remove it")]
    Link(PathBuf),
    /// The path is something other than a regular file.
    #[error("{0:?} is not a regular file: move or rename it")]
    NotAFile(PathBuf),
    /// The path is something other than a folder.
    #[error("{0:?} is not a folder: move or rename it")]
    NotAFolder(PathBuf),
    /// The path is a folder rather than a file.
    #[error("{0:?} is a folder: specify a file inside it")]
    IsFolder(PathBuf),
    /// The folder to write the file to does not exist.
    #[error("folder {0:?} does not exist: create it, or choose another")]
    NoFolder(PathBuf),
    /// The file already exists and must not be replaced.
    #[error("{0:?} exists")]
    Exists(PathBuf),
    /// The path is a device or means standard output.
    #[error("{0:?} cannot be used as a file: choose another path")]
    InvalidTarget(PathBuf),
    /// The file or folder belongs to another user of this machine.
    #[error("{0:?} belongs to another user: move or rename it, or run as that user")]
    OtherOwner(PathBuf),
    /// Other users can read or change the file.
    #[error("{path:?} is accessible to other users (mode {mode:03o}): run `chmod 600 {path:?}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The file's permission bits.
        mode: u32,
    },
    /// The file is longer than expected.
    #[error("{path:?} is longer than {limit} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The operating system reported an error.
    #[error("{path:?} cannot be {what}: {reason}")]
    Io {
        /// The operation as a participle: "read", "written" and so on.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The kind of error.
        kind: io::ErrorKind,
        /// The system's message.
        reason: String,
    },
}

impl FileError {
    /// Creates the error for a failed operation. `what` is the operation as a participle, such as
    /// "written" or "read".
    pub fn io(what: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), kind: error.kind(), reason: error.to_string() }
    }

    /// Returns whether the error means that the file, or a folder in its path, does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { kind: io::ErrorKind::NotFound, .. })
    }
}

/// Returns the permission bits of an open file if anyone other than this user and the administrator
/// can change it. Returns `None` otherwise, or if the permissions are unknown.
pub fn changeable_by_others(file: &std::fs::File) -> Option<u32> {
    system::changeable_by_others(&file.metadata().ok()?)
}

/// Expands `~` at the start of a typed path to the user's home folder. Returns `None` if there is
/// no home folder.
pub fn expand_home(text: &str) -> Option<PathBuf> {
    let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
    match text.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with(std::path::is_separator) => {
            Some(home()?.join(rest.trim_start_matches(std::path::is_separator)))
        }
        _ => Some(PathBuf::from(text)),
    }
}

/// Returns the folder for data that the program can do without, or `None` if there is no home
/// folder.
///
/// On Linux, this is `$XDG_CACHE_HOME/alertdeck` or `~/.cache/alertdeck`. The folder is not
/// created.
pub fn cache_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "alertdeck")?;
    Some(folders.cache_dir().to_owned())
}

/// Returns the folder for data that the program keeps between runs, or `None` if there is no home
/// folder.
///
/// On Linux, this is `$XDG_STATE_HOME/alertdeck` or `~/.local/state/alertdeck`; elsewhere, it is in
/// the user's local application data. The folder is not created.
pub fn state_folder() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "alertdeck")?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).to_owned())
}
