//! The config file and its profiles. A profile specifies a tenant and how to sign in to it.
//!
//! This module reads files, contains no secrets, and neither sends nor prints anything. Invariants:
//! every value has been checked; all errors in a file are reported together, each with its
//! position; no message contains text that may be a secret.
//!
//! ```toml
//! # The profile that is used if none is named.
//! default_profile = "contoso"
//!
//! [profile.contoso]
//! tenant = "contoso.onmicrosoft.com"
//! client_id = "11111111-2222-3333-4444-555555555555"
//! me = "ana@contoso.example"
//!
//! [profile.watch]
//! name = "Contoso, for reports"
//! tenant = "contoso.onmicrosoft.com"
//! client_id = "66666666-7777-8888-9999-aaaaaaaaaaaa"
//! auth = "client-secret"              # browser, device-code, client-secret, command or token
//! client_secret_file = "secret.txt"   # beside this file; or certificate = "app.pem"
//!
//! [profile.agency]
//! cloud = "usgov-l4"                  # global, usgov-l4 or usgov-l5
//! api = "beta"                        # v1.0 or beta
//! token_command = "az account get-access-token --resource https://graph.microsoft.us"
//!
//! # Notifications of new alerts while live polling is on. Without this table, none are sent.
//! [notify]
//! filter = "severity:high status:new"
//! method = "osc-9"                    # bell, osc-9 or osc-777
//! ```

mod diagnostic;
mod file;
mod key;
mod keymap;
mod last;
mod profile;
mod read;
#[cfg(test)]
mod tests;
mod views;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use diagnostic::Diagnostic;
pub use key::{Key, Source};
pub use last::{last_view_path, read_last_view, write_last_view};
pub use profile::{Overrides, Profile};
pub use views::change_views;

use crate::app::NotifySettings;
use alertdeck_model::SafeText;
use diagnostic::nearest;
use key::Settings;

/// The contents of the config file. Without a file, there are no profiles.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The profile to use if none is named.
    default: Option<String>,
    /// The profiles, in the order in which they appear in the file.
    sections: Vec<Section>,
    /// The settings in the `[notify]` table, if the file has one.
    notify: Option<NotifySettings>,
}

/// A profile as written in the file.
#[derive(Clone, Debug)]
struct Section {
    name: String,
    settings: Settings,
}

/// An error in the config file, the keymap file or the options. The `Display` text is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The system has no folder for settings.
    #[error("no settings folder on this system; set HOME, or name a file with --config")]
    NoFolder,
    /// The named file does not exist.
    #[error("{}: config file not found; check the path", safe(.0))]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("{}: cannot read the config file: {reason}", safe(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error from the system.
        reason: String,
    },
    /// The file is too large for a config file.
    #[error("{}: not read: config files are limited to 1 MB", safe(.0))]
    TooLarge(PathBuf),
    /// Other users can change the file, and it contains a command to run.
    #[error(
        "{}: not used: other users can change it (mode {mode:03o}), and it has a token_command, which runs as you; run `chmod 600` on it",
        safe(path)
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The file's permission bits.
        mode: u32,
    },
    /// The file has errors.
    #[error("invalid configuration\n{}", Rendered { path, errors, more: *more })]
    Broken {
        /// The file.
        path: PathBuf,
        /// The first 50 errors, in the order in which they appear in the file.
        errors: Vec<Diagnostic>,
        /// The number of additional errors.
        more: usize,
    },
    /// No profile has this name.
    #[error("no profile named `{}`{}", SafeText::new(name).line(), suggestion(near.as_deref(), names))]
    NoProfile {
        /// The requested name.
        name: String,
        /// The closest existing name.
        near: Option<String>,
        /// All existing names.
        names: Vec<String>,
    },
    /// There are several profiles but no default, and none was named.
    #[error("several profiles; select one with --profile ({}), or set default_profile in the config file", .0.join(", "))]
    NoDefault(Vec<String>),
    /// An option or variable is invalid or contradicts another value in the profile.
    #[error("{what}: {message}")]
    Setting {
        /// The option, variable or key.
        what: String,
        /// The error and the fix.
        message: String,
    },
}

/// Sanitises a path.
fn safe(path: &Path) -> String {
    SafeText::new(&path.to_string_lossy()).line()
}

fn suggestion(near: Option<&str>, names: &[String]) -> String {
    match (near, names) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, []) => "; the config file defines no profiles".to_owned(),
        (None, names) => format!("; available: {}", names.join(", ")),
    }
}

/// Displays the errors in a file, one after another.
struct Rendered<'a> {
    path: &'a Path,
    errors: &'a [Diagnostic],
    more: usize,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rendered: Vec<_> = self.errors.iter().map(|error| error.render(self.path)).collect();
        f.write_str(&rendered.join("\n"))?;
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl Config {
    /// Parses the text of a config file. `path` is the file's location, which is used in messages
    /// and to resolve relative paths.
    ///
    /// Fails with [`ConfigError::Broken`], which lists the errors in the file.
    pub fn read(path: &Path, text: &[u8]) -> Result<Self, ConfigError> {
        read::read(path, text).map_err(|read::ErrorList { shown, more }| ConfigError::Broken {
            path: path.to_owned(),
            errors: shown,
            more,
        })
    }

    /// Loads the config file at `given` or, if `given` is `None`, at the default path. Only the
    /// file at the default path may be missing. An empty path means no file.
    pub fn load(given: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match Self::path(given) {
            Ok(Some(path)) => path,
            // No file is named, or there is no settings folder to contain one.
            Ok(None) | Err(ConfigError::NoFolder) => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let config = match file::read(&path) {
            Err(ConfigError::Missing(_)) if given.is_none() => return Ok(Self::default()),
            bytes => Self::read(&path, &bytes?)?,
        };
        // Anyone who can change the file could run any command as this user.
        let runs_command = |section: &Section| section.settings.contains_key(&Key::TokenCommand);
        match file::changeable_by_others(&path) {
            Some(mode) if config.sections.iter().any(runs_command) => {
                Err(ConfigError::Exposed { path, mode })
            }
            _ => Ok(config),
        }
    }

    /// Returns a warning if other users can change the config file that [`Config::load`] reads.
    /// Returns `None` if [`Config::load`] fails for that reason.
    pub fn exposure(given: Option<&Path>) -> Option<String> {
        let path = Self::path(given).ok()??;
        let mode = file::changeable_by_others(&path)?;
        if let Err(ConfigError::Exposed { .. }) = Self::load(given) {
            return None;
        }
        let path = safe(&path);
        Some(format!(
            "{path}: other users can change the config file (mode {mode:03o}); run `chmod 600` on it"
        ))
    }

    /// Returns the path of the config file, whether or not the file exists: `given` or, if `given`
    /// is `None`, the default path. Returns `None` if `given` is empty.
    ///
    /// Fails with [`ConfigError::NoFolder`] if the system has no folder for settings.
    pub fn path(given: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
        match given {
            Some(path) if path.as_os_str().is_empty() => Ok(None),
            Some(path) => Ok(Some(path.to_owned())),
            None => file::default_path().map(Some).ok_or(ConfigError::NoFolder),
        }
    }

    /// Returns the notification settings. Returns `None` if the file has no `[notify]` table.
    pub fn notify(&self) -> Option<&NotifySettings> {
        self.notify.as_ref()
    }

    /// Returns the names of the profiles, in the order in which they appear in the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.name.as_str())
    }

    /// Resolves a profile. `overrides` take precedence over the file, and the file over the
    /// defaults.
    ///
    /// Without a name, resolves the default profile, or the only profile in the file. If the file
    /// has no profiles, returns a profile called `default` that consists of the overrides alone.
    pub fn resolve(&self, name: Option<&str>, overrides: &Overrides) -> Result<Profile, ConfigError> {
        let names = || self.names().map(str::to_owned).collect::<Vec<_>>();
        let section = match (name.or(self.default.as_deref()), self.sections.as_slice()) {
            (Some(name), sections) => {
                Some(sections.iter().find(|section| section.name == name).ok_or_else(|| {
                    ConfigError::NoProfile {
                        name: name.to_owned(),
                        near: nearest(name, self.names()).map(str::to_owned),
                        names: names(),
                    }
                })?)
            }
            (None, []) => None,
            (None, [only]) => Some(only),
            (None, _) => return Err(ConfigError::NoDefault(names())),
        };
        profile::merge(section, overrides)
    }
}
