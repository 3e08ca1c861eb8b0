//! The user's keymap file, `keymap.toml` beside the config file.
//!
//! Finds and reads the file, and gives each error a line and column. [`Keymap`] interprets the
//! text.

use std::path::{Path, PathBuf};

use super::{
    Config, ConfigError,
    diagnostic::{Diagnostic, SpannedError},
    file,
};
use crate::app::Keymap;

/// The name of the keymap file.
const NAME: &str = "keymap.toml";
/// The maximum number of errors shown.
const MAX_ERRORS: usize = 50;

impl Config {
    /// Returns the path of the keymap file, which belongs beside the config file (see
    /// [`Config::path`]), whether or not it exists. Returns `None` if no config file is used.
    pub fn keymap_path(given: Option<&Path>) -> Option<PathBuf> {
        Self::path(given).ok().flatten().map(|config| config.with_file_name(NAME))
    }

    /// Reads the keymap file. Without one, the default keys apply.
    ///
    /// Fails if the file cannot be read. If the file has errors, fails with
    /// [`ConfigError::Broken`], which lists them.
    pub fn keymap(given: Option<&Path>) -> Result<Keymap, ConfigError> {
        let Some(path) = Self::keymap_path(given) else { return Ok(Keymap::default()) };
        let bytes = match file::read(&path) {
            Err(ConfigError::Missing(_)) => return Ok(Keymap::default()),
            bytes => bytes?,
        };
        let broken = |errors: Vec<Diagnostic>, more| ConfigError::Broken { path: path.clone(), errors, more };
        let text = match std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
            Ok(text) => text,
            Err(error) => {
                let at = error.valid_up_to();
                let error =
                    SpannedError::new(at..at + 1, "not UTF-8 from here on").fix("save the file as UTF-8");
                return Err(broken(vec![error.locate(&String::from_utf8_lossy(&bytes))], 0));
            }
        };
        Keymap::with_user_file(text).map_err(|errors| {
            let more = errors.len().saturating_sub(MAX_ERRORS);
            let shown = errors
                .into_iter()
                .take(MAX_ERRORS)
                .map(|error| SpannedError::new(error.span, error.message).fix(error.fix).locate(text));
            broken(shown.collect(), more)
        })
    }
}
