//! `alertdeck config`: prints the config file's path, shows the active profile, or checks the file
//! for errors.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::{Connection, EnvSecrets, Failure, line, notify};
use crate::config::{Config, Key, Profile};
use alertdeck_graph::auth::{SECRET_VARIABLE, TOKEN_VARIABLE};

/// Shows or checks the config file.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Print the path of the config file
    Path,
    /// Print the active profile and where each value comes from
    Show {
        /// Output format: text or json
        #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
        format: ConfigFormat,
    },
    /// Check the config file, and the keymap and saved views in the same folder, for errors
    Check {
        /// Config file to check [default: the file in use]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// The output format of a profile.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum ConfigFormat {
    /// One line per key.
    #[default]
    Text,
    /// An object with the keys `file`, `profile`, `title`, `method`, `settings`, `secrets` and
    /// `profiles`.
    Json,
}

impl ConfigCommand {
    /// Runs the command. If the file has errors, the failure lists all of them.
    pub fn run(&self, connection: &Connection, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Path => path(connection, out),
            Self::Show { format } => show(connection, *format, out),
            Self::Check { file } => check(file.as_deref().or(connection.config.as_deref()), out),
        }
    }
}

fn path(connection: &Connection, out: &mut impl Write) -> Result<(), Failure> {
    let Some(path) = Config::path(connection.config.as_deref())? else {
        notify("no config file in use: --config or ALERTDECK_CONFIG is empty");
        return Ok(());
    };
    if !path.exists() {
        notify("the file does not exist yet");
    }
    // Print the path unchanged, so that scripts can find the file even if its name is not valid
    // Unicode.
    out.write_all(path.as_os_str().as_encoded_bytes())?;
    Ok(writeln!(out)?)
}

fn check(given: Option<&Path>, out: &mut impl Write) -> Result<(), Failure> {
    let config = Config::load(given)?;
    let Some(path) = Config::path(given)? else {
        notify("no config file in use: --config or ALERTDECK_CONFIG is empty");
        return Ok(());
    };
    Config::keymap(given)?;
    Config::views(given)?;
    let safe_path = line(&path.to_string_lossy());
    match config.names().count() {
        0 if !path.exists() => writeln!(out, "{safe_path}: no config file; using defaults")?,
        1 => writeln!(out, "{safe_path}: 1 profile, no errors")?,
        count => writeln!(out, "{safe_path}: {count} profiles, no errors")?,
    }
    let others = [Config::keymap_path(given), Config::views_path(given)];
    for path in others.into_iter().flatten().filter(|path| path.exists()) {
        writeln!(out, "{}: no errors", line(&path.to_string_lossy()))?;
    }
    Ok(())
}

/// The data that `config show` prints. It contains no secrets.
struct Overview {
    file: Option<PathBuf>,
    profile: Profile,
    names: Vec<String>,
    /// The environment variables that contain secrets, and whether each is set.
    secrets: [(&'static str, bool); 2],
}

fn show(connection: &Connection, format: ConfigFormat, out: &mut impl Write) -> Result<(), Failure> {
    let env_secrets = EnvSecrets::read();
    let (token, secret) = (env_secrets.token.is_some(), env_secrets.secret.is_some());
    let overview = Overview {
        file: Config::path(connection.config.as_deref()).ok().flatten().filter(|path| path.exists()),
        profile: connection.profile()?,
        names: connection.load()?.names().map(str::to_owned).collect(),
        secrets: [(TOKEN_VARIABLE, token), (SECRET_VARIABLE, secret)],
    };
    match format {
        ConfigFormat::Text => out.write_all(overview.text().as_bytes())?,
        ConfigFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &overview.json()).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

impl Overview {
    fn method(&self) -> Option<&'static str> {
        let [(_, token), (_, secret)] = self.secrets;
        self.profile.method(token, secret).map(alertdeck_graph::auth::Method::name)
    }

    /// Returns the value of a key. If the key is a URL that is not set, returns the cloud's
    /// default.
    fn value(&self, key: Key) -> Option<String> {
        let default = || match key {
            Key::GraphUrl => Some(self.profile.cloud.graph_root().to_owned()),
            Key::LoginUrl => Some(self.profile.cloud.login_authority().to_owned()),
            _ => None,
        };
        self.profile.value(key).or_else(default)
    }

    fn text(&self) -> String {
        let file = self.file.as_ref().map_or("none".into(), |path| line(&path.to_string_lossy()));
        let mut rows = vec![
            ("profile".to_owned(), self.profile.name.clone(), String::new()),
            ("file".to_owned(), file, String::new()),
            ("sign-in".to_owned(), self.method().unwrap_or("not configured").to_owned(), String::new()),
            Default::default(),
        ];
        for key in Key::all() {
            let value = self.value(key);
            let from = value.as_ref().map(|_| self.profile.source(key).describe(key));
            let value = value.map_or("not set".to_owned(), |value| line(&value));
            rows.push((key.name().to_owned(), value, from.unwrap_or_default()));
        }
        for (name, is_set) in self.secrets {
            let value = if is_set { "set" } else { "not set" };
            rows.push((name.to_owned(), value.to_owned(), String::new()));
        }
        let others: Vec<_> =
            self.names.iter().filter(|name| **name != self.profile.name).map(String::as_str).collect();
        if !others.is_empty() {
            rows.push(Default::default());
            rows.push(("other profiles".to_owned(), others.join(", "), String::new()));
        }
        let width = |text: fn(&(String, String, String)) -> &String| {
            // Rows without an origin do not affect the width of the value column.
            let texts = rows.iter().filter(|row| !row.2.is_empty()).map(text);
            texts.map(|text| text.width()).max().unwrap_or(0)
        };
        let first = rows.iter().map(|row| row.0.width()).max().unwrap_or(0);
        let second = width(|row| &row.1);
        let mut text = String::new();
        for (name, value, from) in &rows {
            let gap = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.width()) + 2);
            let row = format!("{name}{}{value}{}{from}", gap(name, first), gap(value, second));
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    fn json(&self) -> Value {
        let settings: Map<_, _> = Key::all()
            .map(|key| {
                let value = self.value(key);
                let from = value.as_ref().map(|_| self.profile.source(key).describe(key));
                (key.name().to_owned(), json!({ "value": value, "from": from }))
            })
            .collect();
        let secrets: Map<_, _> =
            self.secrets.iter().map(|(name, is_set)| ((*name).to_owned(), json!(is_set))).collect();
        json!({
            "file": self.file.as_ref().map(|path| path.to_string_lossy()),
            "profile": self.profile.name,
            "title": self.profile.title,
            "method": self.method(),
            "settings": settings,
            "secrets": secrets,
            "profiles": self.names,
        })
    }
}
