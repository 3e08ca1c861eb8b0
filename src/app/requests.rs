//! The requests that were made last, with what a ticket to the service's support needs.

use std::time::Duration;

use super::{
    App, Command, Context, Effect, Key, Overlay, Scroll,
    keymap::{self, RequestCommand},
    utc,
};
use alertdeck_model::{RawText, SafeText, Timestamp};

/// How often the list is looked at while it is open.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Said when a request has been copied.
pub(super) const COPIED_CURL: &str = "copied for curl; it takes the token from the variable TOKEN";

/// A request with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// When it was sent.
    pub started: Timestamp,
    /// How long it was held back before: by the service's word, the budget or between tries.
    pub waited: Duration,
    /// How long it took from then on.
    pub took: Duration,
    /// The method.
    pub method: String,
    /// The host, with its port where that is not the usual one.
    pub host: SafeText,
    /// Path and query.
    pub path: SafeText,
    /// The status, or why there is none, as words that are safe to show; `None` while there is no
    /// answer yet.
    pub outcome: Option<Result<u16, String>>,
    /// Bytes of the answer's body.
    pub bytes: usize,
    /// The id that was sent.
    pub client_request_id: String,
    /// The id that the service gave.
    pub request_id: Option<SafeText>,
    /// The request as a command line for curl, without the token.
    pub curl: RawText,
}

impl RequestLine {
    /// Tells whether it brought what it asked for, or still may.
    pub fn went_well(&self) -> bool {
        matches!(self.outcome, None | Some(Ok(200..=399)))
    }

    /// Tells whether two lines are of one request: a try again has the id of the one before.
    fn is(&self, other: &Self) -> bool {
        self.client_request_id == other.client_request_id && self.started == other.started
    }
}

/// The list of requests, while it is open.
#[derive(Debug, Default)]
pub struct Requests {
    /// The requests, newest first, once they were looked at.
    pub lines: Option<Vec<RequestLine>>,
    /// The cursor and the window.
    pub scroll: Scroll,
    /// When they are looked at next, since the start.
    pub(super) due: Duration,
}

impl Requests {
    /// Splits the rows inside the overlay: those of the table below its heading, and the lines
    /// about the request under the cursor below a rule.
    pub fn split(height: usize) -> (usize, usize) {
        let about = match height {
            0..7 => 0,
            7..12 => 3,
            _ => 6,
        };
        (height.saturating_sub(about + usize::from(about > 0) + 1).max(1), about)
    }

    /// Returns the request under the cursor.
    pub fn line(&self) -> Option<&RequestLine> {
        self.lines.as_ref()?.get(self.scroll.cursor)
    }

    fn len(&self) -> usize {
        self.lines.as_ref().map_or(0, Vec::len)
    }

    /// Takes what was looked at, newest last. The cursor stays on its request; on the newest it
    /// stays there.
    fn take(&mut self, mut lines: Vec<RequestLine>, rows: usize) {
        lines.reverse();
        let stays = self.line().filter(|_| self.scroll.cursor > 0);
        if let Some(at) = stays.and_then(|stays| lines.iter().position(|line| line.is(stays))) {
            // Its place on the screen stays too.
            self.scroll.top = (self.scroll.top + at).saturating_sub(self.scroll.cursor);
            self.scroll.cursor = at;
        }
        self.lines = Some(lines);
        self.show(rows);
    }

    pub(super) fn show(&mut self, rows: usize) {
        let len = self.len();
        self.scroll.show(len, rows);
    }

    pub(super) fn wheel(&mut self, lines: i32, rows: usize) {
        let len = self.len();
        self.scroll.wheel(lines, len, rows);
    }
}

impl App {
    pub(super) fn show_requests(&mut self, effects: &mut Vec<Effect>) {
        self.overlay = Some(Overlay::Requests(Requests::default()));
        self.list_requests(effects);
    }

    /// Asks for the requests anew, where they are shown and some can have been made.
    pub(super) fn list_requests(&mut self, effects: &mut Vec<Effect>) {
        if let Some(Overlay::Requests(requests)) = &mut self.overlay
            && self.settings.service
        {
            requests.due = self.clock.now.mono + LOOK_EVERY;
            effects.push(Effect::ListRequests);
        }
    }

    /// Returns when the requests are looked at next, since the start.
    pub(super) fn requests_due(&self) -> Option<Duration> {
        match &self.overlay {
            Some(Overlay::Requests(requests)) if self.settings.service => Some(requests.due),
            _ => None,
        }
    }

    /// The rows of the table.
    pub(super) fn requests_rows(&self) -> usize {
        Requests::split(self.overlay_size().1).0
    }

    pub(super) fn requests_listed(&mut self, lines: Vec<RequestLine>) {
        let rows = self.requests_rows();
        if let Some(Overlay::Requests(requests)) = &mut self.overlay {
            requests.take(lines, rows);
        }
    }

    pub(super) fn requests_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let rows = self.requests_rows();
        let command = keymap::command(&[Context::Requests, Context::All], key);
        let Some(Overlay::Requests(requests)) = &mut self.overlay else { return };
        match command {
            Some(Command::Back | Command::Quit | Command::Requests) => self.overlay = None,
            Some(Command::Move(motion)) => {
                let len = requests.len();
                requests.scroll.go(motion, len, rows);
            }
            Some(Command::Request(command)) => {
                let Some(line) = requests.line() else { return self.notify("there is no request to copy") };
                let (text, what) = match command {
                    RequestCommand::CopyCurl => (line.curl.clone(), COPIED_CURL),
                    RequestCommand::CopyIds => (ids(line), "copied the ids, for the service's support"),
                };
                effects.push(Effect::Copy(text));
                self.notify(what);
            }
            _ => {}
        }
    }
}

/// What the service's support asks for: both ids, and when the request was made.
fn ids(line: &RequestLine) -> RawText {
    let request_id = line.request_id.as_ref().map(|id| format!("request-id: {}\n", id.line()));
    RawText(format!(
        "client-request-id: {}\n{}date: {}",
        line.client_request_id,
        request_id.unwrap_or_default(),
        utc(line.started)
    ))
}
