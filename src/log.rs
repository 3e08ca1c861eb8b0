//! The log file, for support: one sanitised line per event, in a file of bounded size.
//!
//! Events come from the `tracing` macros:
//!
//! ```
//! # let (status, took) = (429, std::time::Duration::from_millis(31));
//! tracing::info!(status, took_ms = took.as_millis(), "throttled");
//! tracing::debug!(path = "/v1.0/security/alerts_v2", "request sent");
//! tracing::warn!(error = %"connection refused", "offline");
//! ```
//!
//! The first of these writes `2026-05-01T08:00:00.000Z INFO  http throttled status=429 took_ms=31`.
//!
//! Invariants: events from other crates are not written, since they may contain secrets; data
//! cannot start a line or control a terminal; write errors do not affect the program. Events must
//! not contain tokens, secrets or alerts. As a precaution, fields with such names are redacted
//! (docs/security.md, "Log and errors").

mod file;
mod line;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use tracing::{Event, Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

use alertdeck_platform::{FileError, private_folder, state_folder};
use file::LogFile;

/// The name of the log file in the state folder.
const NAME: &str = "alertdeck.log";
/// The crates whose events are written.
const CRATES: [&str; 2] = ["alertdeck", "alertdeck_graph"];

/// The number of lines that could not be written.
static LOST: AtomicU64 = AtomicU64::new(0);

/// The log settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file to append to. Its folder must exist, unless it is [`default_file`].
    pub file: PathBuf,
    /// Whether debug events are written too.
    pub verbose: bool,
}

/// The reason logging is off, as one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The file or its folder cannot be used.
    #[error("logging is off: {0}")]
    File(#[from] FileError),
    /// The first line could not be written. The disk may be full.
    #[error("logging is off: {path:?} cannot be written: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The error from the system.
        reason: String,
    },
    /// Another subscriber in this process already receives the events.
    #[error("logging is off: it was already started")]
    Started,
}

/// Returns the default log file, in the state folder. `None` if the system has no home folder.
pub fn default_file() -> Option<PathBuf> {
    Some(state_folder()?.join(NAME))
}

/// Starts logging for the rest of the run and logs the start.
///
/// If this fails, nothing is logged, but the program is not otherwise affected. Later errors are
/// only counted; see [`lost`].
pub fn start(settings: &Settings) -> Result<(), LogError> {
    if tracing::dispatcher::has_been_set() {
        return Err(LogError::Started);
    }
    if Some(&settings.file) == default_file().as_ref()
        && let Some(folder) = settings.file.parent()
    {
        private_folder(folder)?;
    }
    let subscriber = subscriber(settings)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Started)
}

/// Returns the number of lines that could not be written so far.
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

fn subscriber(settings: &Settings) -> Result<impl Subscriber + Send + Sync + use<>, LogError> {
    let file = LogFile::open(&settings.file)?;
    let version = env!("CARGO_PKG_VERSION");
    let first = format!("alertdeck {version} started pid={}", std::process::id());
    let first = line::assemble(SystemTime::now(), Level::INFO, "log", &first);
    file.write(&first)
        .map_err(|error| LogError::Write { path: settings.file.clone(), reason: error.to_string() })?;
    let level = if settings.verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    Ok(Registry::default().with(Log { file, level }))
}

/// Writes the events from [`CRATES`].
struct Log {
    file: LogFile,
    level: LevelFilter,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && is_own(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if self.file.write(&line::of(event, SystemTime::now())).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Returns whether a target is one of [`CRATES`] or a module in one.
fn is_own(target: &str) -> bool {
    CRATES.contains(&target.split("::").next().unwrap_or(target))
}

/// Returns the path that a full log file is renamed to.
fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests;
