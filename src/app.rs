//! The state of the console and how it answers: `update(&mut App, Now, Message) -> Vec<Effect>`.
//!
//! A plain function over data: it knows no terminal, no network, no clock and no task. Time
//! comes in with each message; what is to be done goes out as an [`Effect`]. Work over many rows
//! is done in slices that the caller sizes ([`Message::Work`]), so a key waits for one slice at
//! most. `ui` reads this state and decides nothing.

mod alert;
mod backfill;
mod command;
mod detail;
mod filter;
mod format;
mod histogram;
mod history;
mod input;
mod key;
mod keymap;
mod layout;
mod list;
mod load;
mod loading;
mod marks;
mod message;
mod notice;
mod overlay;
mod pivot;
mod scroll;
mod sign_in;
mod ui;
mod wrap;

use std::time::Duration;

use jiff::tz::TimeZone;

pub use backfill::{Backfill, Coverage, Extent};
pub use command::{Action, Command, Context, Hint, HintKeys, Motion, commands, contexts};
pub use detail::{
    Detail, DetailPane, DetailView, Fact, FactValue, Find, FoldKey, Folds, Line, LineKind, Value,
};
pub use filter::{Editor, FilterBar};
pub use format::{Clock, TimeFormat, age, bytes, span, thousands, utc};
pub use histogram::Histogram;
pub use key::{Key, KeyCode, UnknownKey};
pub use keymap::{Keymap, KeymapError};
pub use layout::{Area, HISTOGRAM_ROWS, Layout, Pane, Shape, Wanted};
pub use list::List;
pub use load::{BackfillJob, Generations, Load, Phase, Poll};
pub use loading::Loaded;
pub use marks::Marks;
pub use message::{
    Body, Bookmark, Effect, Failure, FailureKind, Fetch, Generation, Input, LoadEvent, Message, Purpose,
    Scope,
};
pub use notice::{Notice, Notices};
pub use overlay::{
    Export, ExportForm, ExportStage, Help, HelpLine, JobLine, JobState, Jobs, Link, Menu, MenuAction,
    MenuItem, NotWritten, Overlay, Panel, PanelLine, PanelSpan, ProfileLine, Profiles, RequestLine, Requests,
    Role, SignInPrompt, ValueLine, Values, WholeAlert, Written, format_command, help,
};
pub use scroll::Scroll;
pub use sign_in::{Identity, SignIn, SignInEvent, SignInWay, Stage};
pub use ui::Ui;
pub use wrap::{more, wrap};

use alertdeck_model::Now;
use alertdeck_query as query;
use alertdeck_store::{Row, Sort, Store, View};

/// How often the histogram is counted while alerts stream in.
const HISTOGRAM_EVERY: Duration = Duration::from_millis(250);

/// What stays the same while the console runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose alerts these are, as words for the header; safe to show.
    pub tenant: String,
    /// Where they come from, as words for the header: cloud and API version, or files.
    pub origin: String,
    /// Whether alerts are fetched from a service, or all of them were given.
    pub service: bool,
    /// The host of the portal that links may lead to (API.md 7).
    pub portal_host: String,
    /// The signed-in user's principal name, where it is known.
    pub me: Option<String>,
    /// The zone of the terminal, for local times.
    pub zone: TimeZone,
    /// The zone that days of the filter are in.
    pub filter_zone: TimeZone,
    /// The filter to begin with.
    pub filter: String,
    /// The profiles that can be switched to, with the one in use; none without a configuration.
    pub profiles: Vec<ProfileLine>,
    /// The name of the profile in use, safe to show; empty where it has none.
    pub profile: String,
    /// Which keys ask for which commands.
    pub keymap: Keymap,
    /// Whether a user can sign in here. With a token from a variable, a command or a secret nobody
    /// can: the texts say what to do instead.
    pub signs_in: bool,
}

/// How an alert differs from when the list was last refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// It was not there.
    New,
    /// It was in another state.
    Changed,
}

/// The state of the console.
#[derive(Debug)]
pub struct App {
    /// What stays the same.
    pub settings: Settings,
    /// The time and how it is written.
    pub clock: Clock,
    /// Size, focus, overlays, notices, keys.
    pub ui: Ui,
    /// All loaded alerts.
    pub store: Store,
    /// Those that match the filter.
    pub view: View,
    /// The list pane.
    pub list: List,
    /// The detail pane.
    pub detail: DetailPane,
    /// The filter bar.
    pub filter: FilterBar,
    /// How far loading is.
    pub load: Load,
    /// Who is signed in, and how far signing in is.
    pub sign_in: SignIn,
    /// The marked alerts.
    pub marks: Marks,
    /// Alerts over time.
    pub histogram: Histogram,
    /// How often values occur.
    pivots: pivot::Pivots,
    /// What the list showed before.
    history: history::History,
    /// The exports under way.
    exports: overlay::Exports,
}

impl App {
    /// Makes the state of a console that has just been opened, and what it wants done first.
    pub fn new(settings: Settings, now: Now, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let mut app = Self::empty(settings, now, size);
        let mut effects = Vec::new();
        app.apply_filter();
        app.fetch(&mut effects);
        app.finish(&mut effects);
        (app, effects)
    }

    /// Makes the state before anything is asked for.
    fn empty(settings: Settings, now: Now, size: (u16, u16)) -> Self {
        Self {
            clock: Clock { format: TimeFormat::default(), zone: settings.zone.clone(), now },
            ui: Ui::new(size, settings.keymap.clone()),
            store: Store::with_postings(&query::FieldPostings),
            view: View::default(),
            list: List::default(),
            detail: DetailPane::default(),
            filter: FilterBar::new(&settings.filter),
            load: Load::default(),
            sign_in: SignIn::new(settings.me.is_some()),
            marks: Marks::default(),
            histogram: Histogram::default(),
            pivots: pivot::Pivots::default(),
            history: history::History::default(),
            exports: overlay::Exports::default(),
            settings,
        }
    }

    /// Returns where everything is on the screen.
    pub fn layout(&self) -> Layout {
        self.layout_with(self.ui.focus)
    }

    fn layout_with(&self, focus: Pane) -> Layout {
        Layout::new(Wanted {
            width: self.ui.size.0,
            height: self.ui.size.1,
            focus,
            zoom: self.ui.zoom,
            editing: self.filter.editor.is_some(),
            split: self.ui.split,
        })
    }

    /// Returns the alert under the list's cursor.
    pub fn selected(&self) -> Option<Row> {
        self.list.selected(&self.view)
    }

    /// Returns the detail, if it is that of the alert under the cursor.
    pub fn current_detail(&self) -> Option<&Detail> {
        self.detail.shown.as_ref().filter(|detail| Some(detail.row) == self.selected())
    }

    /// Returns what the filter is understood with.
    pub fn query_context(&self) -> query::Context {
        query::Context {
            zone: self.settings.filter_zone.clone(),
            me: self.settings.me.clone(),
            spellings: self.store.owners().map(|owner| owner.raw().to_owned()).collect(),
            refused: self.load.refused.clone(),
            ..query::Context::at(self.clock.now.wall)
        }
    }

    /// The rows of the list's window, or of the one that it has when it is on the screen: going
    /// away and coming back moves nothing.
    fn list_height(&self) -> usize {
        self.layout_with(Pane::List).list.map_or(1, |area| usize::from(area.height))
    }

    /// Columns and rows of the detail's window, or of the one that it has when it is on the
    /// screen.
    fn detail_size(&self) -> (usize, usize) {
        let area = self.layout_with(Pane::Detail).detail.unwrap_or_default();
        (usize::from(area.width), usize::from(area.height))
    }

    fn sort(&mut self, sort: Sort) {
        self.view.sort_by(&self.store, sort);
    }

    /// Brings what depends on the rest up to date.
    fn finish(&mut self, effects: &mut Vec<Effect>) {
        let height = self.list_height();
        self.list.settle(&self.store, &self.view, height);
        if let Some(row) = self.selected() {
            self.want_detail(row, effects);
        }
        self.start_backfill(effects);
        self.settle_marks();
        self.count_histogram();
        self.show_sign_in();
        self.count_pivots();
        if self.view.has_work() || self.pivots.has_work() {
            effects.push(Effect::More);
        }
        self.plan_wake(effects);
    }

    /// Counts what the timeline shows: while alerts stream in, a few times a second.
    fn count_histogram(&mut self) {
        let mono = self.clock.now.mono;
        let busy = self.view.is_scanning() || self.load.phase == Phase::Loading;
        let Some(area) = self.layout().histogram else { return };
        if !busy || mono >= self.histogram.due {
            let stretches = usize::from(area.width.saturating_sub(20)).min(120);
            self.histogram.count(&self.store, &self.view, stretches);
            self.histogram.due = mono + HISTOGRAM_EVERY;
        }
    }

    /// Asks a worker to read the alert under the cursor, one at a time, where it is shown.
    fn want_detail(&mut self, row: Row, effects: &mut Vec<Effect>) {
        let raw = self.store.raw(row);
        let held =
            self.detail.shown.as_ref().is_some_and(|detail| detail.row == row && detail.body.is_of(raw));
        if !held && self.detail.reading.is_none() && self.layout().detail.is_some() {
            self.detail.reading = Some(row);
            effects.push(Effect::Read(row, raw.clone()));
        }
    }

    /// Asks to be woken when the screen or a wait is next due.
    fn plan_wake(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        // Ages and the clock change by the minute of the wall.
        let into_minute = self.clock.now.wall.ticks().rem_euclid(600_000_000) as u64 * 100;
        let minute = mono + Duration::from_secs(60).saturating_sub(Duration::from_nanos(into_minute));
        let mut due = vec![minute];
        due.extend(self.ui.notices.due());
        match &self.load.phase {
            Phase::Waiting { until: at, .. } | Phase::Failed { retry_at: Some(at), .. } => {
                due.push(next_second(*at, mono));
            }
            _ => {}
        }
        due.extend(self.load.poll.next);
        due.extend(self.backfill_due());
        due.extend(self.requests_due());
        let ends = self.sign_in.stage.as_ref().and_then(Stage::until);
        due.extend(ends.filter(|end| *end > mono).map(|end| next_second(end, mono)));
        let next = due.into_iter().min();
        if next != self.ui.wake {
            self.ui.wake = next;
            effects.extend(next.map(Effect::WakeAt));
        }
    }

    /// Whatever was waited for may be due.
    fn tick(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        self.ui.wake = None;
        self.ui.notices.expire(mono);
        if let Phase::Failed { retry_at: Some(at), .. } = &self.load.phase
            && *at <= mono
        {
            if self.sign_in.out { self.wait_for_sign_in() } else { self.fetch(effects) }
        }
        if self.load.poll.next.is_some_and(|at| at <= mono) {
            if self.sign_in.out { self.wait_for_sign_in() } else { self.poll(effects) }
        }
        if self.requests_due().is_some_and(|at| at <= mono) {
            self.list_requests(effects);
        }
        let replan = self.filter.plan.as_ref().and_then(|plan| plan.replan_at);
        if replan.is_some_and(|at| at <= self.clock.now.wall) {
            self.plan_again();
        }
    }

    /// Reads the text in the bar and filters by it, if it is right.
    fn apply_filter(&mut self) {
        let context = self.query_context();
        if let Some(test) = self.filter.compile(&context, false) {
            self.view.filter(Some(test));
        }
    }

    /// Plans the filter in force anew: it speaks of a later time, or the service has refused a
    /// part. It still means the same, so rows keep their place.
    fn plan_again(&mut self) {
        let context = self.query_context();
        if let Some(test) = self.filter.compile(&context, true) {
            self.view.retest(Some(test));
        }
    }
}

/// Returns when the seconds that are left until `end` next change.
fn next_second(end: Duration, mono: Duration) -> Duration {
    match end.saturating_sub(mono).subsec_nanos() {
        0 => mono + Duration::from_secs(1),
        nanos => mono + Duration::from_nanos(nanos.into()),
    }
}

/// Answers a message: changes the state and says what is to be done.
pub fn update(app: &mut App, now: Now, message: Message) -> Vec<Effect> {
    app.clock.now = now;
    let mut effects = Vec::new();
    match message {
        Message::Input(input) => app.input(input, &mut effects),
        Message::Load(generation, event) => {
            // Alerts on their way from the network make no request.
            let arrives = matches!(event, LoadEvent::Batch(_));
            app.loaded(generation, event, &mut effects);
            if !arrives {
                app.list_requests(&mut effects);
            }
        }
        Message::SignIn(event) => app.signed(event, &mut effects),
        Message::Identity(identity) => app.identify(identity, &mut effects),
        Message::Requests(lines) => app.requests_listed(lines),
        Message::Switched(settings) => app.switch_settings(*settings, &mut effects),
        Message::Warning(line) => app.notify_error(line),
        Message::Ticket(ticket) => app.copy_ticket(&ticket, &mut effects),
        Message::ProfileRefused { name, line } => app.notify_error(format!("{name}: {line}")),
        Message::Read(row, body) => {
            app.detail.reading = None;
            // The row may be one of another profile by now.
            if app.selected() == Some(row) && body.is_of(app.store.raw(row)) {
                app.show_detail(row, *body);
            }
        }
        Message::Opened(url, Ok(())) => app.notify(format!("opening {url}")),
        // The sign-in stays where it is.
        Message::Opened(_, Err(reason)) if matches!(app.ui.overlay(), Some(Overlay::SignInPrompt(_))) => {
            app.notify_error(format!("not opened: {reason}"));
        }
        Message::Opened(url, Err(reason)) => app.ui.open(Link { url, reason }),
        Message::Exported { number, path, outcome } => app.exported(number, &path, outcome),
        Message::Copied(Ok(())) => {}
        Message::Copied(Err(reason)) => app.notify_error(format!("not copied: {reason}")),
        Message::Tick => app.tick(&mut effects),
        Message::Work(rows) => {
            if app.view.has_work() {
                app.view.advance(&app.store, rows);
            } else {
                app.pivots.advance(&app.store, rows);
            }
        }
    }
    app.finish(&mut effects);
    effects
}
