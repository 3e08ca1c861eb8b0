//! The config file and the profiles in it: which tenant is asked, where, and by whom.
//!
//! It reads one file, holds no secret, sends nothing and prints nothing. Invariants: a value
//! that is held has been checked; what is wrong with a file is told all at once, each fault with
//! its place; a text that may be a secret is in no message.
//!
//! ```toml
//! # The profile that is used where none is named.
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
//! ```

mod diagnostic;
mod key;
mod keymap;
mod place;
mod profile;
mod read;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use diagnostic::Diagnostic;
pub use key::{Key, Source};
pub use profile::{Overrides, Profile};

use alertdeck_model::SafeText;
use diagnostic::nearest;
use key::Settings;

/// What the config file says. Without a file there are no profiles.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The profile that is used where none is named.
    default: Option<String>,
    /// In the order of the file.
    sections: Vec<Section>,
}

/// A profile as the file has it.
#[derive(Clone, Debug)]
struct Section {
    name: String,
    settings: Settings,
}

/// Why there is no config, or no profile in it. `Display` is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The system names no folder for settings.
    #[error("this system names no folder for settings; set HOME, or name a file with --config")]
    NoFolder,
    /// The file that was named is not there.
    #[error("{}: there is no such config file", shown(.0))]
    Missing(PathBuf),
    /// The file cannot be read, and the system's reason.
    #[error("{}: the config file cannot be read: {reason}", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The file is larger than any config.
    #[error("{}: larger than 1 MB, so hardly a config file; nothing was read", shown(.0))]
    TooLarge(PathBuf),
    /// The file is wrong.
    #[error("the config file cannot be used\n{}", Told { path, faults, more: *more })]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file; the first 50 of it.
        faults: Vec<Diagnostic>,
        /// How many faults there are beside.
        more: usize,
    },
    /// No profile has the name.
    #[error("there is no profile `{}`{}", SafeText::new(name).line(), choice(near.as_deref(), names))]
    NoProfile {
        /// The name that was asked for.
        name: String,
        /// The nearest that exists.
        near: Option<String>,
        /// All that exist.
        names: Vec<String>,
    },
    /// There are several profiles, none is the default, and none was named.
    #[error("which profile? Name one with --profile ({}), or set default_profile in the file", .0.join(", "))]
    NoDefault(Vec<String>),
    /// An option, or a variable, is wrong or does not go with the rest of the profile.
    #[error("{what}: {message}")]
    Setting {
        /// The option or key.
        what: String,
        /// What is wrong, and the fix.
        message: String,
    },
}

/// A path, neutralised.
fn shown(path: &Path) -> String {
    SafeText::new(&path.to_string_lossy()).line()
}

fn choice(near: Option<&str>, names: &[String]) -> String {
    match (near, names) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, []) => "; the config file has none".to_owned(),
        (None, names) => format!("; there are {}", names.join(", ")),
    }
}

/// The faults of a file, one below the other.
struct Told<'a> {
    path: &'a Path,
    faults: &'a [Diagnostic],
    more: usize,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<_> = self.faults.iter().map(|fault| fault.render(self.path)).collect();
        f.write_str(&told.join("\n"))?;
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads the text of a config file; `path` is where it lies, for messages and for the paths
    /// in it, which count from there. [`ConfigError::Broken`] tells everything that is wrong.
    pub fn read(path: &Path, text: &[u8]) -> Result<Self, ConfigError> {
        read::read(path, text).map_err(|read::Faults { told, more }| ConfigError::Broken {
            path: path.to_owned(),
            faults: told,
            more,
        })
    }

    /// Reads the file that `given` names, or the one in its usual place, which may be missing.
    /// An empty name means no file at all.
    pub fn load(given: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match Self::path(given) {
            Ok(Some(path)) => path,
            // Without a folder there is no file either.
            Ok(None) | Err(ConfigError::NoFolder) => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        match place::bytes(&path) {
            Err(ConfigError::Missing(_)) if given.is_none() => Ok(Self::default()),
            bytes => Self::read(&path, &bytes?),
        }
    }

    /// Returns where the file is looked for, whether it exists or not: `None` where `given` is
    /// empty; [`ConfigError::NoFolder`] where the system has no place for it.
    pub fn path(given: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
        match given {
            Some(path) if path.as_os_str().is_empty() => Ok(None),
            Some(path) => Ok(Some(path.to_owned())),
            None => place::usual().map(Some).ok_or(ConfigError::NoFolder),
        }
    }

    /// Returns the names of the profiles, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.name.as_str())
    }

    /// Puts a profile together: `overrides` win over the file, the file over what is usual.
    ///
    /// Without a name it is the file's default, or its only profile; a file without profiles
    /// leaves one of overrides alone, called `default`.
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
        profile::put_together(section, overrides)
    }
}
