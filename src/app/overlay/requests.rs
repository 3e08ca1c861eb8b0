//! The recent requests, with the details that Microsoft Support needs.

use std::time::Duration;

use super::Object;
use crate::app::{
    App, Effect, Overlay, RequestLine, Scroll,
    command::{Command, Context, Hint, Motion, hint, run},
    utc,
};
use alertdeck_model::RawText;

/// The command that opens the list of requests.
pub(super) const OPEN: Command = run("open.requests", "recent requests", App::show_requests);

/// The commands that apply to a request.
pub(super) static CONTEXT: Context = Context {
    name: "requests",
    heading: "Requests",
    commands: &[
        run("requests.copy-curl", "copy as curl, without the token", |app, effects| {
            copy(app, effects, |line| (line.curl.clone(), COPIED_CURL));
        }),
        run("requests.copy-ids", "copy the IDs for support", |app, effects| {
            copy(app, effects, |line| (ids(line), "copied the request IDs for support"));
        }),
    ],
};

/// The interval between updates while the list is open.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// The notice shown after copying a request as curl.
pub(in crate::app) const COPIED_CURL: &str = "copied as curl; set the variable TOKEN to an access token";

/// The list of requests, while it is open.
#[derive(Debug, Default)]
pub struct Requests {
    /// The requests, newest first; `None` until they arrive.
    pub lines: Option<Vec<RequestLine>>,
    /// The cursor and the scroll position.
    pub scroll: Scroll,
    /// When the next update is due, measured from startup.
    due: Duration,
}

impl Requests {
    /// Splits the overlay's inner height. Returns the number of table rows below the heading, and
    /// the number of detail lines below the rule.
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

    /// Sets the requests, which are passed newest last. The cursor stays on the same request,
    /// except at the top, where it stays on the newest request.
    fn set_lines(&mut self, mut lines: Vec<RequestLine>, rows: usize) {
        lines.reverse();
        let current = self.line().filter(|_| self.scroll.cursor > 0);
        if let Some(at) = current.and_then(|current| lines.iter().position(|line| line.is_same(current))) {
            // Also keep the request's position on the screen.
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

/// Returns the number of rows in the table.
fn rows(app: &App) -> usize {
    Requests::split(app.ui.overlay_size().1).0
}

impl Object for Requests {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        if self.len() == 0 {
            return vec![hint(&["app.back"], "close")];
        }
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["requests.copy-curl"], "copy as curl"),
            hint(&["requests.copy-ids"], "copy the IDs"),
            hint(&["app.back"], "close"),
        ]
    }

    fn opener(&self) -> &'static str {
        OPEN.id
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

    /// Requests an update to the list if it is open and any feed has a service.
    pub(in crate::app) fn list_requests(&mut self, effects: &mut Vec<Effect>) {
        let due = self.clock.now.mono + REFRESH_INTERVAL;
        if self.feeds.iter().any(|feed| feed.settings.service)
            && let Some(requests) = self.open_requests()
        {
            requests.due = due;
            effects.push(Effect::ListRequests);
        }
    }

    /// Returns when the next update is due, measured from startup, if the list is open.
    pub(in crate::app) fn requests_due(&self) -> Option<Duration> {
        let service = self.feeds.iter().any(|feed| feed.settings.service);
        self.ui.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Requests(requests) if service => Some(requests.due),
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

/// Copies text about the request under the cursor.
fn copy(app: &mut App, effects: &mut Vec<Effect>, of: fn(&RequestLine) -> (RawText, &'static str)) {
    let Some(Overlay::Requests(requests)) = app.ui.overlay() else { return };
    let Some(line) = requests.line() else { return app.notify("no request to copy") };
    let (text, notice) = of(line);
    effects.push(Effect::Copy(text));
    app.notify(notice);
}

/// Returns the details that Microsoft Support asks for: both request IDs and the request time.
fn ids(line: &RequestLine) -> RawText {
    let request_id = line.request_id.as_ref().map(|id| format!("request-id: {}\n", id.line()));
    RawText(format!(
        "client-request-id: {}\n{}date: {}",
        line.client_request_id,
        request_id.unwrap_or_default(),
        utc(line.started)
    ))
}
