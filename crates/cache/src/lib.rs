//! The cache: the alerts of an account on disk, so that the console starts with its last list and can
//! read alerts without the service.
//!
//! Each account has a SQLite file of its own, so that accounts never mix, and the file can be removed
//! when the account signs out. It contains batches of decoded alerts ([`alertdeck_store::EncodedBatch`]) and how much of
//! the tenant they cover. A state of an alert is never changed: a newer one is added, and the store
//! keeps the newest whatever the order. [`Writer::maintain`] later removes what was replaced.
//!
//! The crate does not know how alerts are fetched or shown, and it never sees a token.
//!
//! Invariants (docs/security.md, "Cache"):
//!
//! - Nothing that is in a file can stop the program: a file that cannot be used is set aside, and a
//!   damaged batch is skipped. What is lost is fetched again.
//! - Coverage is written after everything that it covers. After a failed write, nothing is written.
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

/// How much of a cache to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Alerts that were created longer ago than this number of days are removed.
    pub days: u32,
    /// If a file is larger than this number of bytes, the oldest alerts are removed.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 180, bytes: 4_000_000_000 }
    }
}

/// What the alerts of a cache cover: every alert that was created at or after `since`, in its state at
/// `watermark` or a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The time of creation from which on all alerts are covered; `None` if all are.
    pub since: Option<Timestamp>,
    /// The time up to which changes are covered, by the service's clock.
    pub watermark: Timestamp,
}

/// What a cache contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number of stored states of alerts; an alert may have several.
    pub alerts: u64,
    /// When the cache was last brought up to date; `None` if it never was.
    pub saved_at: Option<Timestamp>,
    /// What the alerts cover, if that is known.
    pub coverage: Option<Coverage>,
}

/// An open cache.
#[derive(Debug)]
pub struct Opened {
    /// What it contained when it was opened.
    pub state: State,
    /// Reads its alerts.
    pub reader: Reader,
    /// Adds alerts.
    pub writer: Writer,
    /// A note for the user about it, as one line that is safe to show.
    pub notice: Option<String>,
}

/// The reason why a cache cannot be used. The message is one line and safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// The file or the folder cannot be used.
    #[error(transparent)]
    File(#[from] alertdeck_platform::FileError),
    /// The file system has no space left, or the user's share of it is used up.
    #[error("no space left for the cache")]
    Full,
    /// The content of the file is damaged.
    #[error("the cache is damaged")]
    Damaged,
    /// Another reason, in words of SQLite.
    #[error("the cache cannot be used: {0}")]
    Other(String),
}
