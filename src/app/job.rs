//! Jobs: everything that takes time, with its id, what it does, and its events.
//!
//! The state starts and cancels jobs by effects; their events come back with the same id. This
//! module knows neither how a job is carried out nor which jobs run; the latter is in
//! [`super::Jobs`].

use alertdeck_graph::ClientEvent;
use alertdeck_model::{AlertId, SafeText, Timestamp};
use alertdeck_odata as odata;
use alertdeck_store::{Batch, FeedId, Row, StoredAlert};

use super::{
    Body, Export, NotWritten, Written,
    sign_in::{SignInEvent, SignInWay},
};

/// Identifies a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// The feed that the job works for.
    pub feed: FeedId,
    /// The number of the job; later jobs of a run have higher numbers, whatever their feed.
    pub number: u32,
}

/// A job to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Fetch the list of the filter, its newest alerts first.
    List(Scope),
    /// Fetch what has changed.
    Poll(Scope),
    /// Fetch a list for completeness, with no page twice.
    Backfill {
        /// The list.
        scope: Scope,
        /// The page to start with, if not the first.
        from: Option<Bookmark>,
    },
    /// Read an alert's JSON for the detail pane: answered by [`JobEvent::Read`].
    Read(Row, StoredAlert),
    /// Write an alert's ticket to be copied: answered by [`JobEvent::Ticket`].
    Ticket {
        /// The alert.
        alert: StoredAlert,
        /// The portal host to which the ticket's links may lead.
        portal_host: String,
    },
    /// Write alerts to a file: answered by [`JobEvent::Exported`]. Cancelling it makes it end
    /// early, and its answer says whether the file was written.
    Export(Export),
    /// Sign in with this method. The sign-in itself is reported as
    /// [`FeedEvent::SignedIn`](super::FeedEvent::SignedIn).
    SignIn(SignInWay),
}

/// The type of a job: a [`JobKind`] without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as in `JobKind`")]
pub enum JobType {
    List,
    Poll,
    Backfill,
    Read,
    Ticket,
    Export,
    SignIn,
}

impl JobKind {
    /// Returns the type.
    pub fn job_type(&self) -> JobType {
        match self {
            Self::List(_) => JobType::List,
            Self::Poll(_) => JobType::Poll,
            Self::Backfill { .. } => JobType::Backfill,
            Self::Read(..) => JobType::Read,
            Self::Ticket { .. } => JobType::Ticket,
            Self::Export(_) => JobType::Export,
            Self::SignIn(_) => JobType::SignIn,
        }
    }
}

impl JobType {
    /// Returns the name for the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Poll => "live polling",
            Self::Backfill => "backfill",
            Self::Read => "alert",
            Self::Ticket => "report",
            Self::Export => "export",
            Self::SignIn => "sign-in",
        }
    }

    /// Returns whether the job fetches alerts. Of these types, one job per feed runs at a time.
    pub fn is_fetch(self) -> bool {
        matches!(self, Self::List | Self::Poll | Self::Backfill)
    }
}

/// An event during a job.
#[derive(Debug)]
pub enum JobEvent {
    /// An event during a fetch.
    Fetch(LoadEvent),
    /// A worker has read an alert. The last event.
    Read(Row, StoredAlert, Box<Body>),
    /// A worker has written a ticket, in Markdown. The last event.
    Ticket(String),
    /// An export ended. The last event.
    Exported {
        /// The path, as the user typed it.
        path: String,
        /// The result.
        outcome: Result<Written, NotWritten>,
    },
    /// An event of a sign-in.
    SignIn(SignInEvent),
}

/// The scope of a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every alert.
    #[default]
    All,
    /// The alerts that match an expression.
    Filter(odata::Expr),
    /// One alert.
    One(AlertId),
}

impl Scope {
    /// Returns the scope of alerts with a time at or after `at`.
    pub(super) fn since(property: odata::Property, at: Timestamp) -> Self {
        Self::Filter(odata::Expr::Compare(property, odata::Operator::Ge, odata::Literal::Time(at)))
    }
}

/// The position of a fetch: a value of the service, valid for as long as the service likes, within
/// the scope of the fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark(pub String);

/// An event during a fetch.
#[derive(Debug)]
pub enum LoadEvent {
    /// A page started.
    Page {
        /// The service's count of the list's alerts; sent with its first page.
        total: Option<u64>,
        /// The service's warning of a partial result.
        partial: Option<SafeText>,
        /// The time of the answer, by the service's clock.
        server_time: Option<Timestamp>,
    },
    /// Alerts of the current page.
    Batch(Batch),
    /// All alerts of the page were sent; the next page is at this bookmark.
    Reached(Bookmark),
    /// An event of the request under way, such as a wait.
    Client(ClientEvent),
    /// The list is complete. The last event.
    Done,
    /// The fetch failed before the list was complete. The last event.
    Failed(Failure),
    /// The fetch was stopped, and everything that it had received was sent. The last event.
    Stopped,
}

/// The reason why a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// One line: what happened and what to do. Safe to show.
    pub line: String,
}

/// The kinds of failure that the console handles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The service cannot be reached or does not answer; retried automatically.
    Offline,
    /// The service is busy; retried automatically.
    Busy,
    /// The service refused the filter.
    Filter,
    /// There is no token, or it was not accepted.
    SignIn,
    /// The token lacks a permission.
    Permission,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// Returns whether the failure is retried without the user.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Offline | Self::Busy)
    }
}
