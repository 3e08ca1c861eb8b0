//! The requests that were made last, with what a ticket to the service's support needs.

use std::time::Duration;

use super::Object;
use crate::app::{
    App, Effect, Overlay, Scroll,
    command::{Context, Hint, Motion, hint, run},
    utc,
};
use alertdeck_model::{RawText, SafeText, Timestamp};

/// What can be done with a request.
pub(super) static CONTEXT: Context = Context {
    name: "requests",
    heading: "Requests",
    commands: &[
        run("requests.copy-curl", "copy as a curl command, without the token", |app, effects| {
            copy(app, effects, |line| (line.curl.clone(), COPIED_CURL));
        }),
        run("requests.copy-ids", "copy the ids, for support", |app, effects| {
            copy(app, effects, |line| (ids(line), "copied the ids, for the service's support"));
        }),
    ],
};

/// How often the list is refreshed while it is open.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// Said when a request has been copied.
pub(in crate::app) const COPIED_CURL: &str = "copied for curl; it takes the token from the variable TOKEN";

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
    due: Duration,
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
    fn set_lines(&mut self, mut lines: Vec<RequestLine>, rows: usize) {
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

    fn show(&mut self, rows: usize) {
        let len = self.len();
        self.scroll.show(len, rows);
    }
}

/// The rows of the table.
fn rows(app: &App) -> usize {
    Requests::split(app.ui.overlay_size().1).0
}

impl Object for Requests {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["requests.copy-curl"], "copy for curl"),
            hint(&["requests.copy-ids"], "copy the ids"),
            hint(&["app.back"], "close"),
        ]
    }

    fn opener(&self) -> &'static str {
        "panes.requests"
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let len = self.len();
        self.scroll.go(motion, len, rows(app));
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        let len = self.len();
        self.scroll.wheel(lines, len, rows(app));
    }

    fn resize(&mut self, app: &App) {
        self.show(rows(app));
    }
}

impl App {
    pub(in crate::app) fn show_requests(&mut self, effects: &mut Vec<Effect>) {
        self.ui.open(Requests::default());
        self.list_requests(effects);
    }

    fn open_requests(&mut self) -> Option<&mut Requests> {
        self.ui.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::Requests(requests) => Some(requests),
            _ => None,
        })
    }

    /// Asks for the requests again, if they are shown and some can have been made.
    pub(in crate::app) fn list_requests(&mut self, effects: &mut Vec<Effect>) {
        let due = self.clock.now.mono + REFRESH_EVERY;
        if self.settings.service
            && let Some(requests) = self.open_requests()
        {
            requests.due = due;
            effects.push(Effect::ListRequests);
        }
    }

    /// Returns when the requests are listed next, since the start.
    pub(in crate::app) fn requests_due(&self) -> Option<Duration> {
        self.ui.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Requests(requests) if self.settings.service => Some(requests.due),
            _ => None,
        })
    }

    pub(in crate::app) fn requests_listed(&mut self, lines: Vec<RequestLine>) {
        let rows = rows(self);
        if let Some(requests) = self.open_requests() {
            requests.set_lines(lines, rows);
        }
    }
}

/// Copies something of the request under the cursor.
fn copy(app: &mut App, effects: &mut Vec<Effect>, of: fn(&RequestLine) -> (RawText, &'static str)) {
    let Some(Overlay::Requests(requests)) = app.ui.overlay() else { return };
    let Some(line) = requests.line() else { return app.notify("there is no request to copy") };
    let (text, notice) = of(line);
    effects.push(Effect::Copy(text));
    app.notify(notice);
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
