//! What comes into the state and what goes out of it.
//!
//! Facts are named in the past, wishes in the imperative. Neither holds a task, a channel, a
//! socket or a terminal, so that every sentence of `update` can be tested as data.

use std::{sync::Arc, time::Duration};

use super::{
    Export, NotWritten, RequestLine, Settings, Written,
    key::Key,
    sign_in::{Identity, SignInEvent, SignInWay},
};
use alertdeck_evidence::{Timeline, Tree};
use alertdeck_graph::ClientEvent;
use alertdeck_model::Indicator;
use alertdeck_model::{
    Alert, AlertId, DecodeError, PortalUrl, Property, RawAlert, RawText, SafeText, Timestamp,
};
use alertdeck_store::{Batch, Row};

/// A number that tells one fetch from those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Message {
    /// The user did something.
    Input(Input),
    /// A fetch has something to say.
    Load(Generation, LoadEvent),
    /// The sign-in has come to something.
    SignIn(SignInEvent),
    /// Somebody is signed in, or more is known of them.
    Identity(Identity),
    /// The requests that were made last, newest last, a few hundred at most.
    Requests(Vec<RequestLine>),
    /// Another profile is in use, with these settings. What is asked for from now on goes there;
    /// what comes of former fetches is dropped.
    Switched(Box<Settings>),
    /// Something went wrong beside what was asked for; a line that is safe to show.
    Warning(String),
    /// A profile cannot be used.
    ProfileRefused {
        /// Its name, safe to show.
        name: String,
        /// What is wrong with it and what to do, safe to show.
        line: String,
    },
    /// A worker has read an alert.
    Read(Row, Box<Body>),
    /// A worker has written a ticket that is to be copied, in Markdown.
    Ticket(String),
    /// The browser was asked to open a link; where it could not be, why.
    Opened(PortalUrl, Result<(), String>),
    /// The clipboard was asked to take a text; where it could not be, why.
    Copied(Result<(), String>),
    /// An export has ended.
    Exported {
        /// The export.
        number: u64,
        /// The file, as the export named it.
        path: String,
        /// What was written, or why nothing was.
        outcome: Result<Written, NotWritten>,
    },
    /// A time that was asked for has come.
    Tick,
    /// There is room for so many rows of work.
    Work(usize),
}

/// What the user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Pressed a key.
    Key(Key),
    /// Pasted a text.
    Paste(String),
    /// Pressed the left button on a cell, 0-based.
    Click {
        /// Column of the cell.
        x: u16,
        /// Row of the cell.
        y: u16,
    },
    /// Moved the mouse to a cell with the left button held.
    Drag {
        /// Column of the cell.
        x: u16,
        /// Row of the cell.
        y: u16,
    },
    /// Let go of the left button.
    Release,
    /// Turned the wheel over a cell, 0-based; downwards counts up.
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

/// What a fetch has to say.
#[derive(Debug)]
pub enum LoadEvent {
    /// A page began; so many alerts match on the service, where it said so.
    Page {
        /// The count of the service, which comes with a list's first page.
        total: Option<u64>,
        /// The service said that the result is not whole, and why.
        partial: Option<SafeText>,
        /// When the service answered, by its own clock.
        server_time: Option<Timestamp>,
    },
    /// Alerts of the page that was named last.
    Batch(Batch),
    /// All alerts of the page have been told, and the list goes on there.
    Reached(Bookmark),
    /// Something happened to the request that is under way, such as a wait.
    Client(ClientEvent),
    /// The list is whole.
    Done,
    /// The list ended before it was whole.
    Failed(Failure),
}

/// Why a fetch ended before its list was whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of trouble it is.
    pub kind: FailureKind,
    /// One line: what happened and what to do. Safe to show.
    pub line: String,
}

/// The kinds of trouble that the console answers differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The service could not be reached, or does not answer: tried again by itself.
    Offline,
    /// The service is busy: tried again by itself.
    Busy,
    /// The service does not take the filter.
    Filter,
    /// No token, or one that is not accepted.
    SignIn,
    /// The token does not allow it.
    Permission,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// Tells whether it makes sense to try again without the user.
    pub fn passes(self) -> bool {
        matches!(self, Self::Offline | Self::Busy)
    }
}

/// An alert as the detail pane needs it.
#[derive(Debug)]
pub struct Body {
    raw: RawAlert,
    /// The alert, or why it could not be read.
    pub alert: Result<Arc<Alert>, DecodeError>,
    /// Its evidence.
    pub tree: Tree,
    /// Its JSON with one value a line.
    pub json: SafeText,
    /// Every value outside the evidence.
    pub properties: Vec<Property>,
    /// The indicators of its evidence, each once, by kind.
    pub indicators: Vec<Indicator>,
    /// What happened when.
    pub timeline: Timeline,
}

impl Body {
    /// Reads an alert; work for a worker, since an alert may hold thousands of items.
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
        Self { raw: raw.clone(), alert, tree, json, properties, indicators, timeline }
    }

    /// Returns what an entry of the timeline says.
    pub fn moment(&self, at: usize) -> String {
        let entry = &self.timeline.entries[at];
        let by = entry.who.as_ref().map_or_else(String::new, |who| format!(" by {}", who.line()));
        let of = entry.node.map_or_else(String::new, |id| {
            format!("  {} {}", self.tree.node(id).label(), self.tree.describe(id).name())
        });
        format!("{}{by}{of}", entry.what.line())
    }

    /// Tells whether the body was read from these very bytes: an alert that has changed since
    /// lies elsewhere.
    pub(super) fn is_of(&self, raw: &RawAlert) -> bool {
        self.raw.0.as_ptr_range() == raw.0.as_ptr_range()
    }
}

/// What a fetch asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every alert.
    #[default]
    All,
    /// The alerts that a `$filter`, printed but not encoded, holds for.
    Filter(String),
    /// One alert.
    One(AlertId),
}

/// The place that a fetch has reached, in the service's words. They mean something to the service
/// alone, for as long as it likes, and within the scope that it was fetching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark(pub String);

/// What a fetch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The list: every other fetch is no longer wanted.
    List,
    /// A look of live mode, which takes the place of a list.
    Poll,
    /// Alerts behind the list, beside looks of live mode.
    Backfill,
}

/// A fetch to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Marks what comes of it.
    pub generation: Generation,
    /// What it is for.
    pub purpose: Purpose,
    /// What to fetch.
    pub scope: Scope,
    /// Where in it to begin, if not at its start.
    pub from: Option<Bookmark>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Fetch alerts; the fetch before it in the same place is no longer wanted.
    Fetch(Fetch),
    /// Stop fetching, whatever the purpose.
    Cancel,
    /// Sign the user in. A flow under way is left; its later events must not come any more.
    SignIn(SignInWay),
    /// Leave the sign-in. A load that waits for it is told that nobody signs in.
    CancelSignIn,
    /// Throw the sign-in away: answered by [`SignInEvent::SignedOut`].
    SignOut,
    /// Use another profile: answered by [`Message::Switched`] or [`Message::ProfileRefused`].
    SwitchProfile(String),
    /// Send [`Message::Requests`].
    ListRequests,
    /// Read an alert's JSON on a worker.
    Read(Row, RawAlert),
    /// Open a link in the browser.
    Open(PortalUrl),
    /// Put a text on the clipboard.
    Copy(RawText),
    /// Put the request that fetches this on the clipboard, as a command without the token.
    CopyCurl(Scope),
    /// Write an alert's ticket on a worker: answered by [`Message::Ticket`]. Links to this host can
    /// be followed.
    CopyTicket(RawAlert, String),
    /// Write alerts to a file: answered by [`Message::Exported`].
    Export(Export),
    /// Send [`Message::Tick`] at this time since the start.
    WakeAt(Duration),
    /// There is work left: send [`Message::Work`].
    More,
    /// Turn mouse reports on or off.
    Mouse(bool),
    /// Give the terminal back to the shell until it comes back.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// End the program.
    Quit,
}
