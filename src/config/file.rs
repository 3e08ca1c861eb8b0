//! Finds the config file and reads its bytes.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use directories::{BaseDirs, ProjectDirs};

use super::ConfigError;

/// The maximum size of a file; larger files are not read.
const MAX_BYTES: u64 = 1_000_000;

/// Returns the default path, in the platform's folder for settings.
pub(super) fn default_path() -> Option<PathBuf> {
    ProjectDirs::from("", "", "alertdeck").map(|folders| folders.config_dir().join("config.toml"))
}

/// Reads a file. The size limit applies to pipes and devices too.
///
/// Named pipes are rejected, since opening one would wait for a writer. Pipes that are already
/// open, as in `--config <(...)`, can be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let is_opened = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    if !is_opened && path.metadata().is_ok_and(|data| !data.is_file() && !data.is_dir()) {
        let reason = "it is a pipe, a socket or a device; name a file".to_owned();
        return Err(ConfigError::Unreadable { path: path.to_owned(), reason });
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        // The home folder may be a file, such as /dev/null.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(ConfigError::Missing(path.to_owned()))
        }
        Err(error) => Err(ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() }),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(ConfigError::TooLarge(path.to_owned())),
        Ok(_) => Ok(bytes),
    }
}

/// Returns a file's permission bits if other users can change the file. Returns `None` for pipes
/// and devices.
pub(super) fn changeable_by_others(path: &Path) -> Option<u32> {
    let is_file = path.metadata().is_ok_and(|data| data.is_file());
    is_file
        .then(|| File::open(path).ok())
        .flatten()
        .and_then(|file| alertdeck_platform::changeable_by_others(&file))
}

/// Resolves a path found in `file`: `~/` is the home folder, and a relative path is relative to the
/// folder that contains `file`.
pub(super) fn resolve(file: &Path, path: &Path) -> PathBuf {
    if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), BaseDirs::new()) {
        return home.home_dir().join(rest);
    }
    file.parent().unwrap_or(Path::new("")).join(path)
}
