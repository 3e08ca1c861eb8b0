//! Jobs: units of long-running work, each with an id, a description of the work, and events.
//!
//! The state starts and cancels jobs through effects. Each event carries the id of its job. This
//! module does not define how jobs run. [`super::Jobs`] tracks which jobs are running.

use alertdeck_graph::{ClientEvent, OwnerComparison};
use alertdeck_model::{AlertId, SafeText, Timestamp};
use alertdeck_odata as odata;
use alertdeck_store::{Batch, FeedId, Row, StoredAlert};

use crate::{files::Progress, triage::Entry};

use super::{
    Body, Export, NotWritten, WriteEvent, Writes, Written,
    sign_in::{SignInEvent, SignInWay},
};

/// Identifies a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// The feed that the job works for.
    pub feed: FeedId,
    /// The job number, which increases with each job started for any feed.
    pub number: u32,
}

/// A job to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Fetch the list for the filter, newest alerts first.
    List(Scope),
    /// Fetch new and changed alerts.
    Poll(Scope),
    /// Fetch a list completely, without fetching any page twice.
    Backfill {
        /// The scope of the list.
        scope: Scope,
        /// The page to start with, if not the first.
        from: Option<Bookmark>,
    },
    /// Find out how the service compares owners. The string is an alert's owner, if one is known.
    /// Ends with [`JobEvent::OwnersCompared`].
    CompareOwners(Option<String>),
    /// Read an alert's JSON for the detail pane. Ends with [`JobEvent::Read`].
    Read(Row, StoredAlert),
    /// Generate a ticket for an alert, to copy to the clipboard. Ends with [`JobEvent::Ticket`].
    Ticket {
        /// The alert to describe.
        alert: StoredAlert,
        /// The portal host that links in the ticket may point to.
        portal_host: String,
    },
    /// Write alerts to a file. Ends with [`JobEvent::Exported`]. If cancelled, the job ends early,
    /// and its event says whether the file was written.
    Export(Export),
    /// Send changes to alerts. Ends with [`WriteEvent::Done`]. If cancelled, no further changes are
    /// sent.
    Write(Writes),
    /// Add a note to the journal. Ends with [`JobEvent::Noted`].
    WriteNote(Box<Entry>),
    /// Read the journal of changes. Ends with [`JobEvent::Journal`].
    ReadJournal,
    /// Open the cache for the feed's account and read its alerts.
    ReadCache,
    /// Sign in with this method. [`FeedEvent::SignedIn`](super::FeedEvent::SignedIn) reports
    /// success.
    SignIn(SignInWay),
}

/// The type of a job: a [`JobKind`] without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as in `JobKind`")]
pub enum JobType {
    List,
    Poll,
    Backfill,
    CompareOwners,
    Read,
    Ticket,
    Export,
    Write,
    WriteNote,
    ReadJournal,
    ReadCache,
    SignIn,
}

impl JobKind {
    /// Returns the job's type.
    pub fn job_type(&self) -> JobType {
        match self {
            Self::List(_) => JobType::List,
            Self::Poll(_) => JobType::Poll,
            Self::Backfill { .. } => JobType::Backfill,
            Self::CompareOwners(_) => JobType::CompareOwners,
            Self::Read(..) => JobType::Read,
            Self::Ticket { .. } => JobType::Ticket,
            Self::Export(_) => JobType::Export,
            Self::Write(_) => JobType::Write,
            Self::WriteNote(_) => JobType::WriteNote,
            Self::ReadJournal => JobType::ReadJournal,
            Self::ReadCache => JobType::ReadCache,
            Self::SignIn(_) => JobType::SignIn,
        }
    }
}

impl JobType {
    /// Returns the job type's name, as shown to the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Poll => "live polling",
            Self::Backfill => "backfill",
            Self::CompareOwners => "owner check",
            Self::Read => "alert",
            Self::Ticket => "report",
            Self::Export => "export",
            Self::Write => "changes",
            Self::WriteNote => "note",
            Self::ReadJournal => "journal",
            Self::ReadCache => "cache",
            Self::SignIn => "sign-in",
        }
    }

    /// Returns whether jobs of this type fetch alerts. A feed runs at most one job of each fetch
    /// type at a time.
    pub fn is_fetch(self) -> bool {
        matches!(self, Self::List | Self::Poll | Self::Backfill)
    }
}

/// An event from a job.
#[derive(Debug)]
pub enum JobEvent {
    /// An event from a fetch.
    Fetch(LoadEvent),
    /// How the service compares owners, or a one-line reason why that could not be determined. This
    /// is the job's last event.
    OwnersCompared(Result<OwnerComparison, String>),
    /// A worker has read an alert. This is the job's last event.
    Read(Row, StoredAlert, Box<Body>),
    /// A worker has generated a ticket, in Markdown. This is the job's last event.
    Ticket(String),
    /// An export has finished. This is the job's last event.
    Exported {
        /// The path, as the user typed it.
        path: String,
        /// The result.
        outcome: Result<Written, NotWritten>,
    },
    /// An event from a job that sends changes.
    Write(WriteEvent),
    /// A note was added to the journal, or could not be added for this reason. This is the job's
    /// last event.
    Noted(Result<(), String>),
    /// The journal was read, or could not be read for this reason. This is the job's last event.
    Journal(Result<Vec<Entry>, String>),
    /// An event from a job that reads the cache.
    Cache(CacheEvent),
    /// An event from a sign-in.
    SignIn(SignInEvent),
}

/// An event from a job that reads an account's cache.
#[derive(Debug)]
pub enum CacheEvent {
    /// The cache is open. Its alerts follow.
    Opened {
        /// The account's user principal name, if a user has signed in.
        account: Option<String>,
        /// The contents of the cache.
        state: alertdeck_cache::State,
    },
    /// A batch of alerts, newest first.
    Batch(Batch),
    /// All alerts have been sent. This is the job's last event.
    Done {
        /// Whether every cached alert could be read.
        is_whole: bool,
    },
    /// No cache is available, because the account is unknown or the cache cannot be used. This is
    /// the job's last event.
    None,
}

/// The scope of a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every alert.
    #[default]
    All,
    /// No alerts, because the filter covers only other tenants. Nothing is requested.
    Nothing,
    /// The alerts that match an expression.
    Filter(odata::Expr),
    /// One alert.
    One(AlertId),
}

impl Scope {
    /// Returns the scope of all alerts for which the time in `property` is `at` or later.
    pub(super) fn since(property: odata::Property, at: Timestamp) -> Self {
        Self::Filter(odata::Expr::Compare(property, odata::Operator::Ge, odata::Literal::Time(at)))
    }
}

/// A position from which a fetch of the same scope can continue. The service issues the value and
/// decides how long it stays valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark(pub String);

/// An event from a fetch.
#[derive(Debug)]
pub enum LoadEvent {
    /// A page has started to arrive.
    Page {
        /// The number of alerts in the list, as counted by the service. Only the first page
        /// includes the count.
        total: Option<u64>,
        /// The service's warning that the result is partial, if any.
        partial: Option<SafeText>,
        /// The time of the response, by the service's clock.
        server_time: Option<Timestamp>,
    },
    /// Alerts from the current page.
    Batch(Batch),
    /// The progress of reading the files.
    FilesRead(Progress),
    /// All alerts from the current page have been sent. The bookmark points to the next page.
    Reached(Bookmark),
    /// An event from the current request, such as a wait.
    Client(ClientEvent),
    /// The list is complete. This is the fetch's last event.
    Done,
    /// The fetch failed before the list was complete. This is its last event.
    Failed(Failure),
    /// The fetch was stopped, and all alerts that it had received have been sent. This is its last
    /// event.
    Stopped,
}

/// The reason a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// What happened and what to do, as a single line sanitised for display.
    pub line: String,
}

/// The kinds of failure that the console handles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The service cannot be reached or does not answer; retried automatically.
    Offline,
    /// The service is busy; retried automatically.
    Busy,
    /// The service rejected the filter.
    Filter,
    /// There is no token, or the service rejected it.
    SignIn,
    /// The token lacks a permission.
    Permission,
    /// Any other failure.
    Other,
}

impl FailureKind {
    /// Returns whether the failure is retried automatically.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Offline | Self::Busy)
    }
}
