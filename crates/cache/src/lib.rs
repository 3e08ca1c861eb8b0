//! The cache: stores an account's alerts on disk, so that the console starts with its last list and
//! can show alerts while the service is unreachable.
//!
//! Each account has its own SQLite file, so that the alerts of different accounts never mix and the
//! file can be removed when the account signs out. The file contains batches of decoded alerts
//! ([`alertdeck_store::EncodedBatch`]) and a record of which of the tenant's alerts they cover. A
//! stored alert state is never changed: newer states are added, and the store keeps the newest one,
//! whatever the order in which they are read. [`Writer::maintain`] later removes superseded states.
//!
//! The crate does not know how alerts are fetched or shown, and it never sees a token.
//!
//! Invariants (docs/security.md, "Cache"):
//!
//! - No file content can stop the program: a damaged file is set aside, and a damaged batch is
//!   skipped. Lost alerts are fetched again.
//! - Coverage is written only after all the alerts that it covers. After a failed write, nothing
//!   more is written.
//! - Files are private from the moment they exist.

mod account;
mod database;
mod folder;
mod maintenance;
mod reader;
mod writer;

use alertdeck_model::Timestamp;

pub use account::Account;
pub use folder::{Folder, Stat};
pub use reader::Reader;
pub use writer::{OnFailure, Writer};

/// The limits on the age of cached alerts and the size of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The maximum age of an alert, in days since its creation. Older alerts are removed.
    pub days: u32,
    /// The maximum size of a cache, in bytes. If it is exceeded, the oldest alerts are removed.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 180, bytes: 4_000_000_000 }
    }
}

/// The range of alerts that a cache covers: every alert created at or after `since`, in its state
/// at `watermark` or a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The creation time from which all alerts are covered; `None` if there is no lower limit.
    pub since: Option<Timestamp>,
    /// The time up to which changes are covered, according to the service's clock.
    pub watermark: Timestamp,
}

/// A summary of a cache's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number of stored alert states; an alert may have several.
    pub alerts: u64,
    /// When the cache was last updated; `None` if it never was.
    pub saved_at: Option<Timestamp>,
    /// The coverage of the alerts, if known.
    pub coverage: Option<Coverage>,
}

/// An open cache.
#[derive(Debug)]
pub struct Opened {
    /// A summary of the cache's content when it was opened.
    pub state: State,
    /// Reads alerts from the cache.
    pub reader: Reader,
    /// Adds alerts to the cache.
    pub writer: Writer,
    /// A message about a damaged file, if any: a single line that is safe to show.
    pub notice: Option<String>,
}

/// The reason why a cache cannot be used. The message is a single line and safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// The file or the folder cannot be used.
    #[error(transparent)]
    File(#[from] alertdeck_platform::FileError),
    /// The file system is full, or the user's disk quota is used up.
    #[error("no space left for the cache")]
    Full,
    /// The file's content is damaged.
    #[error("the cache is damaged")]
    Damaged,
    /// Any other error, with its original message.
    #[error("the cache cannot be used: {0}")]
    Other(String),
}
