//! The messages that the state handles, and the effects that it returns.
//!
//! Events are named in the past tense, requests in the imperative. Neither contains a task,
//! channel, socket or terminal, so `update` can be tested as a function over data.

use std::{sync::Arc, time::Duration};

use super::{
    CacheWrite, FeedSettings,
    arrivals::Notification,
    job::{JobEvent, JobId, JobKind, Scope},
    key::Key,
    sign_in::Identity,
    views::{SavedView, ViewChange},
};
use crate::export::{Format, Tenant};
use alertdeck_evidence::{Timeline, Tree};
use alertdeck_graph::http::AttemptOutcome;
use alertdeck_model::Indicator;
use alertdeck_model::{Alert, DecodeError, PortalUrl, Property, RawAlert, RawText, SafeText, Timestamp};
use alertdeck_store::{Column, FeedId, StoredAlert};

/// A message for the state.
#[derive(Debug)]
pub enum Message {
    /// User input.
    Input(Input),
    /// An event from a job.
    Job(JobId, JobEvent),
    /// A feed event that does not come from a job.
    Feed(FeedId, FeedEvent),
    /// The recent requests, newest last; at most a few hundred.
    Requests(Vec<RequestLine>),
    /// A profile was opened ([`Effect::OpenProfile`]).
    ProfileOpened {
        /// The feed opened for the profile.
        feed: FeedId,
        /// The feed's settings.
        settings: Box<FeedSettings>,
        /// Whether to add the profile's alerts to the list (`true`) or to replace the alerts in it.
        adds: bool,
    },
    /// A profile cannot be used.
    ProfileRefused {
        /// The profile's name, sanitised for display.
        name: String,
        /// The problem and how to fix it, sanitised for display.
        line: String,
    },
    /// The browser opened a link, or failed to open it for this reason.
    Opened(PortalUrl, Result<(), String>),
    /// Text was sent to the clipboard, or could not be sent for this reason.
    Copied(Result<(), String>),
    /// The user's editor exited with this text, or could not be used for this reason.
    TextEdited(Result<String, String>),
    /// The saved views were changed ([`Effect::ChangeViews`]) and are now these, or could not be
    /// changed for this reason.
    ViewsChanged(ViewChange, Result<Vec<SavedView>, String>),
    /// A scheduled time was reached ([`Effect::WakeAt`]).
    Tick,
    /// There is time to process up to this many rows.
    Work(usize),
}

/// User input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The user pressed a key.
    Key(Key),
    /// The user pasted text.
    Paste(String),
    /// The user pressed the left button on a cell. Coordinates are 0-based.
    Click {
        /// The cell's column.
        x: u16,
        /// The cell's row.
        y: u16,
    },
    /// The user dragged the mouse to a cell with the left button held.
    Drag {
        /// The cell's column.
        x: u16,
        /// The cell's row.
        y: u16,
    },
    /// The user released the left button.
    Release,
    /// The user scrolled the mouse wheel over a cell. Coordinates are 0-based.
    Wheel {
        /// The cell's column.
        x: u16,
        /// The cell's row.
        y: u16,
        /// The number of notches; positive is down.
        by: i32,
    },
    /// The terminal was resized to this size in cells.
    Resize {
        /// The number of columns.
        width: u16,
        /// The number of rows.
        height: u16,
    },
}

/// A feed event that does not come from a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEvent {
    /// An interactive sign-in is needed. The running fetch waits and continues once the user is
    /// signed in.
    SignInNeeded {
        /// The reason, as a sentence sanitised for display.
        why: String,
    },
    /// The user has signed in, which ends the sign-in.
    SignedIn(Identity),
    /// The user has signed out.
    SignedOut,
    /// The identity of the signed-in user is now known.
    Identity(Identity),
    /// A warning that is not a response to a user request, as a single line sanitised for display.
    Warning(String),
}

/// An alert, prepared for the detail pane.
#[derive(Debug)]
pub struct Body {
    /// The alert, or the reason it could not be decoded.
    pub alert: Result<Arc<Alert>, DecodeError>,
    /// The evidence tree.
    pub tree: Tree,
    /// The JSON, indented, with one value per line.
    pub json: SafeText,
    /// Every property outside the evidence.
    pub properties: Vec<Property>,
    /// The indicators in the evidence, without duplicates, sorted by kind.
    pub indicators: Vec<Indicator>,
    /// The timeline.
    pub timeline: Timeline,
}

impl Body {
    /// Decodes and prepares an alert. Call this on a worker, since an alert may have thousands of
    /// evidence items.
    pub fn read(raw: &RawAlert) -> Self {
        let alert = raw.decode().map(Arc::new);
        let tree = alert.as_ref().map(|alert| Tree::new(&alert.evidence)).unwrap_or_default();
        let text = String::from_utf8_lossy(&raw.0);
        let pretty = serde_json::from_str::<serde_json::Value>(&text)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| text.into_owned());
        let properties = alert.as_ref().map(|alert| alert.properties()).unwrap_or_default();
        let timeline = alert.as_ref().map(|alert| Timeline::new(alert, &tree)).unwrap_or_default();
        let (json, indicators) = (SafeText::new(&pretty), tree.indicators());
        Self { alert, tree, json, properties, indicators, timeline }
    }

    /// Returns the text of a timeline entry, by index.
    pub fn timeline_text(&self, at: usize) -> String {
        let entry = &self.timeline.entries[at];
        let by = entry.who.as_ref().map_or_else(String::new, |who| format!(" by {}", who.line()));
        let of = entry.node.map_or_else(String::new, |id| {
            format!("  {} {}", self.tree.node(id).label(), self.tree.describe(id).name())
        });
        format!("{}{by}{of}", entry.what.line())
    }
}

/// A side effect to carry out outside the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a job, which then sends [`Message::Job`]s.
    Start(JobId, JobKind),
    /// Cancel a job. A backfill first sends the alerts that it has received, an export reports
    /// whether the file was written, and a job that sends changes waits for the results of the
    /// changes already sent. Other jobs end immediately.
    Cancel(JobId),
    /// Fail the requests that are waiting for a sign-in, because the user has declined to sign in.
    DeclineSignIn(FeedId),
    /// Sign out. [`FeedEvent::SignedOut`] follows.
    SignOut(FeedId),
    /// Open another profile. [`Message::ProfileOpened`] or [`Message::ProfileRefused`] follows.
    OpenProfile {
        /// The feed id to use for the profile.
        feed: FeedId,
        /// The profile's name.
        name: String,
        /// Whether to add the profile's alerts to the list (`true`) or to replace the alerts in it.
        adds: bool,
    },
    /// List the recent requests. [`Message::Requests`] follows.
    ListRequests,
    /// Open a link in the browser.
    Open(PortalUrl),
    /// Copy text to the clipboard.
    Copy(RawText),
    /// Copy a curl command, without the token, for the request that fetches this scope from this
    /// feed.
    CopyCurl(FeedId, Scope),
    /// Notify the user about new alerts through the terminal.
    Notify(Notification),
    /// Send [`Message::Tick`] at this time, measured from startup.
    WakeAt(Duration),
    /// Send [`Message::Work`], because there is more work to do.
    More,
    /// Turn mouse capture on or off.
    Mouse(bool),
    /// Open text in the user's editor. [`Message::TextEdited`] follows.
    EditText(String),
    /// Change the saved views. [`Message::ViewsChanged`] follows.
    ChangeViews(ViewChange),
    /// Suspend the console and return the terminal to the shell until the console is resumed.
    Suspend,
    /// Redraw the entire screen.
    Redraw,
    /// Write to the cache for a feed's account, in the background.
    WriteCache(FeedId, CacheWrite),
    /// Quit.
    Quit,
}

/// An export to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The alerts with their feeds, in the order in which to write them.
    pub alerts: Vec<(FeedId, StoredAlert)>,
    /// The format.
    pub format: Format,
    /// The columns of CSV and Markdown tables; `None` for the default columns.
    pub columns: Option<Vec<Column>>,
    /// The path, as typed. A leading `~` is the user's home directory.
    pub path: String,
    /// Whether to replace an existing file.
    pub overwrite: bool,
    /// The feeds' tenants.
    pub tenants: Vec<Tenant>,
}

/// The result of a successful export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The number of alerts written.
    pub alerts: usize,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The file's path, sanitised for display.
    pub path: String,
}

/// The reason an export failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotWritten {
    /// The file already exists.
    Exists,
    /// The user stopped the export.
    Stopped,
    /// The file could not be written. The string says what happened and what to do, in a single
    /// line sanitised for display.
    Refused(String),
}

impl NotWritten {
    /// Returns a line that describes the failure and names the file at `path`.
    pub fn line(&self, path: &str) -> String {
        let path = SafeText::new(path).line();
        match self {
            Self::Exists => format!("export failed: {path} already exists"),
            Self::Stopped => format!("export stopped: {path} not written"),
            Self::Refused(line) if line.contains(&path) => format!("export failed: {line}"),
            Self::Refused(line) => format!("export failed: {path}: {line}"),
        }
    }
}

/// A request and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The feed that the request was sent for.
    pub feed: FeedId,
    /// When the request was sent.
    pub started: Timestamp,
    /// The time that the request waited before it was sent, because of throttling, the request
    /// budget or a retry.
    pub waited: Duration,
    /// The time from sending the request to its outcome, or until now if it has none yet.
    pub took: Duration,
    /// The HTTP method.
    pub method: String,
    /// The host, with its port unless it is the default.
    pub host: SafeText,
    /// The path and query.
    pub path: SafeText,
    /// How the request ended; `None` if it has not finished yet.
    pub outcome: Option<AttemptOutcome>,
    /// The size of the response body in bytes.
    pub bytes: usize,
    /// The request id sent by the client.
    pub client_request_id: String,
    /// The request id assigned by the service.
    pub request_id: Option<SafeText>,
    /// The request as a curl command, without the token.
    pub curl: RawText,
}

impl RequestLine {
    /// Returns whether the request failed or was rejected by the service.
    pub fn has_failed(&self) -> bool {
        match &self.outcome {
            Some(AttemptOutcome::Answered(status)) => !matches!(status, 200..=399),
            Some(AttemptOutcome::Failed(_)) => true,
            Some(AttemptOutcome::Cancelled) | None => false,
        }
    }

    /// Returns whether two lines describe the same request. The id alone is not enough, since a
    /// retry has the same id as the first attempt.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.client_request_id == other.client_request_id && self.started == other.started
    }
}
