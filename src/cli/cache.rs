//! `alertdeck cache`: prints the cache folder's path, describes the cached alerts, or deletes them.

use std::io::Write;

use serde_json::json;

use super::{Failure, line, notify};
use crate::app::{bytes, thousands};
use alertdeck_cache::{Folder, Stat};
use alertdeck_model::Timestamp;
use alertdeck_platform as platform;

/// Shows or removes cached alerts.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum CacheCommand {
    /// Print the path of the cache folder
    Path,
    /// Print what is cached for each account
    Stat {
        /// Output format: text or json
        #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
        format: CacheFormat,
    },
    /// Delete the cached alerts for all accounts
    Clear,
}

/// The output format of `alertdeck cache stat`.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum CacheFormat {
    /// One line per property.
    #[default]
    Text,
    /// An array of objects.
    Json,
}

/// Returns the cache folder, or `None` if the system has no home folder.
pub(super) fn folder() -> Option<Folder> {
    platform::cache_folder().map(Folder::new)
}

impl CacheCommand {
    /// Runs the command.
    pub fn run(self, out: &mut impl Write) -> Result<(), Failure> {
        let folder =
            folder().ok_or_else(|| Failure::Usage("no cache folder on this system; set HOME".to_owned()))?;
        match self {
            Self::Path => {
                // Print the path unchanged, so that scripts can find the folder even if its name is
                // not valid Unicode.
                out.write_all(folder.path().as_os_str().as_encoded_bytes())?;
                writeln!(out)?;
            }
            Self::Stat { format: CacheFormat::Text } => {
                let stats = folder.stat()?;
                if stats.is_empty() {
                    notify("nothing is cached");
                }
                let texts: Vec<_> = stats.iter().map(text).collect();
                write!(out, "{}", texts.join("\n"))?;
            }
            Self::Stat { format: CacheFormat::Json } => {
                let stats: Vec<_> = folder.stat()?.iter().map(object).collect();
                serde_json::to_writer_pretty(&mut *out, &stats).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
            Self::Clear => {
                let removed = folder.clear_all()?;
                writeln!(out, "{}", if removed { "cached alerts removed" } else { "nothing was cached" })?;
            }
        }
        Ok(out.flush()?)
    }
}

fn text(stat: &Stat) -> String {
    let covers = match stat.coverage.map(|coverage| coverage.since) {
        None => "not known to be complete".to_owned(),
        Some(None) => "all alerts".to_owned(),
        Some(Some(since)) => format!("all alerts created since {}", since.to_second()),
    };
    let name = |name: &Option<String>| line(name.as_deref().filter(|name| !name.is_empty()).unwrap_or("-"));
    let mut rows = Vec::new();
    if stat.service.is_some() {
        rows.extend([
            ("account", name(&stat.account)),
            ("tenant", name(&stat.tenant)),
            ("service", name(&stat.service)),
            ("alerts", thousands(usize::try_from(stat.alerts).unwrap_or(usize::MAX))),
            ("complete", covers),
            ("updated", stat.saved_at.map_or_else(|| "never".to_owned(), Timestamp::to_second)),
        ]);
    } else {
        rows.push(("account", "unknown: the file is damaged or from another version".to_owned()));
    }
    rows.push(("size", bytes(usize::try_from(stat.bytes).unwrap_or(usize::MAX))));
    rows.push(("file", line(&stat.path.to_string_lossy())));
    rows.iter().fold(String::new(), |text, (label, value)| text + &format!("{label:<10}{value}\n"))
}

fn object(stat: &Stat) -> serde_json::Value {
    let time = |at: Option<Timestamp>| at.map(Timestamp::to_second);
    json!({
        "account": stat.account,
        "tenant": stat.tenant,
        "service": stat.service,
        "states": stat.alerts,
        "bytes": stat.bytes,
        "updated": time(stat.saved_at),
        "covered": stat.coverage.is_some(),
        "coveredSince": time(stat.coverage.and_then(|coverage| coverage.since)),
        "file": stat.path.to_string_lossy(),
    })
}
