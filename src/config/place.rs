//! Where the config file lies, and its bytes.
//!
//! It knows nothing of what they mean.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use directories::{BaseDirs, ProjectDirs};

use super::ConfigError;

/// A larger file is no config, and is not read.
const LARGEST: u64 = 1_000_000;

/// The file in the platform's folder for settings.
pub(super) fn usual() -> Option<PathBuf> {
    ProjectDirs::from("", "", "alertdeck").map(|folders| folders.config_dir().join("config.toml"))
}

/// Reads a file up to the limit; the limit holds for pipes and devices too.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        // A home such as /dev/null holds no file either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(ConfigError::Missing(path.to_owned()))
        }
        Err(error) => Err(ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() }),
        Ok(_) if bytes.len() as u64 > LARGEST => Err(ConfigError::TooLarge(path.to_owned())),
        Ok(_) => Ok(bytes),
    }
}

/// Makes a path in a file at `file` one that holds anywhere: `~/` is the user's folder, and what
/// is relative counts from the file's folder.
pub(super) fn beside(file: &Path, path: &Path) -> PathBuf {
    if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), BaseDirs::new()) {
        return home.home_dir().join(rest);
    }
    file.parent().unwrap_or(Path::new("")).join(path)
}
