//! What the program did, in a file for support: one neutral line an event, of bounded size.
//!
//! Events come from the macros of `tracing`, from anywhere in this crate:
//!
//! ```
//! # let (status, took) = (429, std::time::Duration::from_millis(31));
//! tracing::info!(status, took_ms = took.as_millis(), "throttled");
//! tracing::debug!(path = "/v1.0/security/alerts_v2", "request sent");
//! tracing::warn!(error = %"connection refused", "offline");
//! ```
//!
//! gives `2026-05-01T08:00:00.000Z INFO  http throttled status=429 took_ms=31` and so on. It
//! knows nothing of what is logged. Invariants: no event of another crate is written, since
//! those may hold secrets; text from data cannot begin a line or steer a terminal; a log that
//! cannot be written disturbs nobody. No event may name a token, a secret or the body of an
//! alert; values of fields that are called so are left out all the same.

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

/// The name of the log in the state folder.
const NAME: &str = "alertdeck.log";
/// The crates whose events are written.
const CRATES: [&str; 2] = ["alertdeck", "alertdeck_graph"];

/// Lines that could not be written.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file to append to. Its folder must exist, unless it is [`default_file`].
    pub file: PathBuf,
    /// Whether debug events are written beside the others.
    pub verbose: bool,
}

/// Why nothing is logged, in one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The file or its folder cannot be used.
    #[error("nothing is logged: {0}")]
    File(#[from] FileError),
    /// The first line could not be written: the disk may be full.
    #[error("nothing is logged: {path:?} cannot be written: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Something else in this process receives the events.
    #[error("nothing is logged: logging has been started before")]
    Started,
}

/// Returns the log in the state folder, or `None` without a home.
pub fn default_file() -> Option<PathBuf> {
    Some(state_folder()?.join(NAME))
}

/// Begins to log for the rest of the run, with a line that says so.
///
/// After an error nothing is logged, and everything else works. What fails later is not
/// reported but counted, see [`lost`].
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

/// Returns how many lines could not be written so far.
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
    let most = if settings.verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    Ok(Registry::default().with(Log { file, most }))
}

/// Writes the events of this crate.
struct Log {
    file: LogFile,
    most: LevelFilter,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.most && is_ours(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if self.file.write(&line::of(event, SystemTime::now())).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Returns whether a target is one of the crates that log, or in one.
fn is_ours(target: &str) -> bool {
    CRATES.contains(&target.split("::").next().unwrap_or(target))
}

/// The file that the last one becomes when a new one is begun.
fn former(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests;
