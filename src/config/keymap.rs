//! The user's keymap file, `keymap.toml` beside the config file.
//!
//! What its text means is decided by [`Keymap`]; this finds and reads the file and gives each error
//! its line and column.

use std::path::{Path, PathBuf};

use super::{
    Config, ConfigError,
    diagnostic::{Diagnostic, Fault},
    place,
};
use crate::app::Keymap;

/// The file's name.
const NAME: &str = "keymap.toml";
/// The most errors that are reported of one file.
const MOST: usize = 50;

impl Config {
    /// Returns where the keymap file is looked for, whether it exists or not: beside the config file
    /// (see [`Config::path`]), `None` if there is none.
    pub fn keymap_path(given: Option<&Path>) -> Option<PathBuf> {
        Self::path(given).ok().flatten().map(|config| config.with_file_name(NAME))
    }

    /// Reads the keymap file. Without one, the default keys are in force.
    ///
    /// Fails if the file cannot be read, or with [`ConfigError::Broken`] and every error in it.
    pub fn keymap(given: Option<&Path>) -> Result<Keymap, ConfigError> {
        let Some(path) = Self::keymap_path(given) else { return Ok(Keymap::default()) };
        let bytes = match place::bytes(&path) {
            Err(ConfigError::Missing(_)) => return Ok(Keymap::default()),
            bytes => bytes?,
        };
        let broken = |faults: Vec<Diagnostic>, more| ConfigError::Broken { path: path.clone(), faults, more };
        let text = match std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
            Ok(text) => text,
            Err(error) => {
                let at = error.valid_up_to();
                let fault = Fault::new(at..at + 1, "not UTF-8 from here on").fix("save the file as UTF-8");
                return Err(broken(vec![fault.locate(&String::from_utf8_lossy(&bytes))], 0));
            }
        };
        Keymap::with_user_file(text).map_err(|errors| {
            let more = errors.len().saturating_sub(MOST);
            let faults = errors
                .into_iter()
                .take(MOST)
                .map(|error| Fault::new(error.span, error.message).fix(error.fix).locate(text));
            broken(faults.collect(), more)
        })
    }
}
