//! Messages into the state, and effects out of it.
//!
//! Events are named in the past tense, requests in the imperative. Neither contains a task, a
//! channel, a socket or a terminal, so that `update` can be tested as a function over data.

use std::{sync::Arc, time::Duration};

use super::{
    Settings,
    key::Key,
    sign_in::{Identity, SignInEvent, SignInWay},
};
use crate::export::Format;
use alertdeck_evidence::{Timeline, Tree};
use alertdeck_graph::ClientEvent;
use alertdeck_model::Indicator;
use alertdeck_model::{
    Alert, AlertId, DecodeError, PortalUrl, Property, RawAlert, RawText, SafeText, Timestamp,
};
use alertdeck_store::{Batch, Row, StoredAlert};

/// The number of a fetch; later fetches have higher numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// A message to the state.
#[derive(Debug)]
pub enum Message {
    /// User input.
    Input(Input),
    /// An event of a fetch.
    Load(Generation, LoadEvent),
    /// An event of the sign-in.
    SignIn(SignInEvent),
    /// The identity of the signed-in user became known.
    Identity(Identity),
    /// The recent requests, newest last; a few hundred at most.
    Requests(Vec<RequestLine>),
    /// Another profile is in use, with these settings. Later fetches use it; events of earlier
    /// fetches are ignored.
    Switched(Box<Settings>),
    /// A warning about something that the user did not ask for; a line that is safe to show.
    Warning(String),
    /// A profile cannot be used.
    ProfileRefused {
        /// Its name, safe to show.
        name: String,
        /// What is wrong and what to do, safe to show.
        line: String,
    },
    /// A worker has read an alert.
    Read(Row, StoredAlert, Box<Body>),
    /// A worker has written a ticket to copy, in Markdown.
    Ticket(String),
    /// The browser opened a link, or why it could not.
    Opened(PortalUrl, Result<(), String>),
    /// A text was sent to the clipboard, or why it could not be.
    Copied(Result<(), String>),
    /// An export ended.
    Exported {
        /// The number of the export.
        number: u64,
        /// The path, as the user typed it.
        path: String,
        /// The result.
        outcome: Result<Written, NotWritten>,
    },
    /// A scheduled time was reached ([`Effect::WakeAt`]).
    Tick,
    /// Time for a slice of work, in rows.
    Work(usize),
}

/// User input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// KeyOutcome a key.
    Key(Key),
    /// Pasted a text.
    Paste(String),
    /// KeyOutcome the left button on a cell, 0-based.
    Click {
        /// Column of the cell.
        x: u16,
        /// Row of the cell.
        y: u16,
    },
    /// Dragged the mouse to a cell with the left button.
    Drag {
        /// Column of the cell.
        x: u16,
        /// Row of the cell.
        y: u16,
    },
    /// Released the left button.
    Release,
    /// Turned the wheel over a cell, 0-based.
    Wheel {
        /// Column of the cell.
        x: u16,
        /// Row of the cell.
        y: u16,
        /// Notches, downwards positive.
        by: i32,
    },
    /// Resized the terminal, in cells.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
}

/// An event of a fetch.
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
    /// The list is complete.
    Done,
    /// The fetch failed before the list was complete.
    Failed(Failure),
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

/// An alert, prepared for the detail pane.
#[derive(Debug)]
pub struct Body {
    /// The alert, or why it could not be decoded.
    pub alert: Result<Arc<Alert>, DecodeError>,
    /// The evidence tree.
    pub tree: Tree,
    /// The JSON, indented, with one value per line.
    pub json: SafeText,
    /// Every property outside the evidence.
    pub properties: Vec<Property>,
    /// The indicators of the evidence, each once, by kind.
    pub indicators: Vec<Indicator>,
    /// The timeline.
    pub timeline: Timeline,
}

impl Body {
    /// Decodes and prepares an alert. Belongs on a worker: an alert may have thousands of evidence
    /// items.
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

/// The scope of a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every alert.
    #[default]
    All,
    /// The alerts that match a `$filter`, which is not URL-encoded.
    Filter(String),
    /// One alert.
    One(AlertId),
}

/// The position of a fetch: a value of the service, valid for as long as the service likes, within
/// the scope of the fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark(pub String);

/// The purpose of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The list; replaces every other fetch.
    List,
    /// A live poll; replaces a list.
    Poll,
    /// The backfill; runs beside live polls.
    Backfill,
}

/// A fetch to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The generation of its events.
    pub generation: Generation,
    /// The purpose.
    pub purpose: Purpose,
    /// The scope.
    pub scope: Scope,
    /// The page to start with, if not the first.
    pub from: Option<Bookmark>,
}

/// An effect: something to be done outside the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Fetch alerts; replaces fetches as [`Purpose`] says.
    Fetch(Fetch),
    /// Cancel all fetches.
    Cancel,
    /// Start a sign-in. It replaces a running one, whose later events must not arrive.
    SignIn(SignInWay),
    /// Cancel the sign-in. A fetch that waits for it fails.
    CancelSignIn,
    /// Sign out: answered by [`SignInEvent::SignedOut`].
    SignOut,
    /// Use another profile: answered by [`Message::Switched`] or [`Message::ProfileRefused`].
    SwitchProfile(String),
    /// Send [`Message::Requests`].
    ListRequests,
    /// Read an alert's JSON on a worker.
    Read(Row, StoredAlert),
    /// Open a link in the browser.
    Open(PortalUrl),
    /// Copy a text to the clipboard.
    Copy(RawText),
    /// Copy the request for this scope as a curl command, without the token.
    CopyCurl(Scope),
    /// Write an alert's ticket on a worker: answered by [`Message::Ticket`]. Its links may lead to
    /// this portal host.
    CopyTicket(StoredAlert, String),
    /// Write alerts to a file: answered by [`Message::Exported`].
    Export(Export),
    /// Send [`Message::Tick`] at this time since the start.
    WakeAt(Duration),
    /// There is work left: send [`Message::Work`].
    More,
    /// Turn mouse capture on or off.
    Mouse(bool),
    /// Suspend: give the terminal to the shell until the console is resumed.
    Suspend,
    /// Redraw the whole screen.
    Redraw,
    /// Quit.
    Quit,
}

/// An export to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The number of the export, unique in a run of the program.
    pub number: u64,
    /// The alerts, in their order.
    pub alerts: Vec<StoredAlert>,
    /// The format.
    pub format: Format,
    /// The path, as typed: `~` at the start is the user's home directory.
    pub path: String,
    /// Whether an existing file is replaced.
    pub overwrite: bool,
    /// The portal host to which links in tickets may lead.
    pub portal_host: String,
}

/// The result of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The number of alerts.
    pub alerts: usize,
    /// The size in bytes.
    pub bytes: u64,
    /// The path, safe to show.
    pub path: String,
}

/// The reason why an export failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotWritten {
    /// The file exists.
    Exists,
    /// It could not be written; what happened and what to do, in a line that is safe to show.
    Refused(String),
}

impl NotWritten {
    /// Returns a line that names the file as the export did.
    pub fn line(&self, path: &str) -> String {
        let path = SafeText::new(path).line();
        match self {
            Self::Exists => format!("export failed: {path} already exists"),
            Self::Refused(line) if line.contains(&path) => format!("export failed: {line}"),
            Self::Refused(line) => format!("export failed: {path}: {line}"),
        }
    }
}

/// A request with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// When it was sent.
    pub started: Timestamp,
    /// How long it waited before it was sent: for throttling, the request budget or a retry.
    pub waited: Duration,
    /// How long it took from then on, so far if it has no answer yet.
    pub took: Duration,
    /// The method.
    pub method: String,
    /// The host, with its port unless that is the default.
    pub host: SafeText,
    /// Path and query.
    pub path: SafeText,
    /// The status, or why there is none, safe to show; `None` if there is no answer yet.
    pub outcome: Option<Result<u16, String>>,
    /// The size of the response body in bytes.
    pub bytes: usize,
    /// The id that was sent.
    pub client_request_id: String,
    /// The id that the service assigned.
    pub request_id: Option<SafeText>,
    /// The request as a curl command, without the token.
    pub curl: RawText,
}

impl RequestLine {
    /// Returns whether it succeeded or has no answer yet.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, None | Some(Ok(200..=399)))
    }

    /// Returns whether two lines are of the same request: a retry has the id of the first try.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.client_request_id == other.client_request_id && self.started == other.started
    }
}
