//! The state of the console and its only transition: `update(&mut App, Now, Message) ->
//! Vec<Effect>`.
//!
//! A plain function over data. It knows no terminal, network, clock or task: the time comes with
//! each message, and everything to be done leaves as an [`Effect`]. Work over many rows is split
//! into slices that the caller sizes ([`Message::Work`]), so that a key waits for one slice at most
//! (docs/architecture.md, "State"). `ui` reads this state and decides nothing.

mod alert;
mod backfill;
mod command;
mod contexts;
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

pub use backfill::{Coverage, Extent};
pub use command::{Action, Command, Context, Hint, HintKeys, Motion};
pub use contexts::{commands, contexts};
pub use detail::{
    Detail, DetailPane, DetailView, Fact, FactValue, Find, FoldKey, Folds, Line, LineKind, Value,
};
pub use filter::{Editor, FilterBar};
pub use format::{Clock, TimeFormat, age, bytes, span, thousands, utc};
pub use histogram::Histogram;
pub use key::{Key, KeyCode, UnknownKey};
pub use keymap::{Keymap, KeymapError};
pub use layout::{Area, HISTOGRAM_ROWS, Layout, LayoutInput, Pane, Shape};
pub use list::List;
pub use load::{Backfill, BackfillJob, Generations, Load, Phase, Poll};
pub use loading::ListProgress;
pub use marks::Marks;
pub use message::{
    Body, Bookmark, Effect, Export, Failure, FailureKind, Fetch, Generation, Input, LoadEvent, Message,
    NotWritten, Purpose, RequestLine, Scope, Written,
};
pub use notice::{Notice, Notices};
pub use overlay::{
    AlertText, ExportForm, ExportStage, Help, HelpLine, JobLine, JobState, Jobs, Link, Menu, MenuAction,
    MenuItem, Overlay, Panel, PanelLine, PanelSpan, ProfileLine, Profiles, Requests, Role, SignInPrompt,
    ValueLine, Values, format_command, help,
};
pub use scroll::Scroll;
pub use sign_in::{Identity, SignIn, SignInEvent, SignInWay, Stage};
pub use ui::Ui;
pub use wrap::{more_bytes, wrap};

use alertdeck_model::Now;
use alertdeck_query as query;
use alertdeck_store::{FeedId, Row, Sort, Store, View};

/// The interval between counts of the histogram while alerts stream in.
const HISTOGRAM_INTERVAL: Duration = Duration::from_millis(250);
/// The feed of all alerts.
const FEED: FeedId = FeedId::new(0);

/// The settings of a profile; constant until another profile or account is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tenant's name for the header; safe to show.
    pub tenant: String,
    /// The source of the alerts for the header: cloud and API version, or files. Safe to show.
    pub origin: String,
    /// Whether alerts are fetched from a service; otherwise they come from files.
    pub service: bool,
    /// The host of the Defender portal, the only one that links may lead to (docs/graph-api.md,
    /// "National clouds").
    pub portal_host: String,
    /// The signed-in user's principal name, if known.
    pub me: Option<String>,
    /// The zone of the terminal, for local times.
    pub zone: TimeZone,
    /// The time zone of days in the filter.
    pub filter_zone: TimeZone,
    /// The first filter.
    pub filter: String,
    /// The profiles to choose from, including the one in use; empty without a config file.
    pub profiles: Vec<ProfileLine>,
    /// The name of the profile in use, safe to show; empty if it has none.
    pub profile: String,
    /// The key bindings.
    pub keymap: Keymap,
    /// Whether a user can sign in interactively. A token from a variable, a command or a secret
    /// allows no sign-in; the texts then say what to do instead.
    pub signs_in: bool,
}

/// The state of the console.
#[derive(Debug)]
pub struct App {
    /// The settings of the profile in use.
    pub settings: Settings,
    /// The current time and the time format.
    pub clock: Clock,
    /// Size, focus, overlays, notices, keys.
    pub ui: Ui,
    /// All loaded alerts.
    pub store: Store,
    /// The alerts that match the filter, sorted.
    pub view: View,
    /// The list pane.
    pub list: List,
    /// The detail pane.
    pub detail: DetailPane,
    /// The filter bar.
    pub filter: FilterBar,
    /// The state of loading.
    pub load: Load,
    /// The identity, and the state of the sign-in.
    pub sign_in: SignIn,
    /// The marked alerts.
    pub marks: Marks,
    /// The alerts over time.
    pub histogram: Histogram,
    /// The counts of the values on screen.
    tallies: pivot::Tallies,
    /// The previous views of the list.
    history: history::History,
    /// The running exports.
    exports: overlay::Exports,
}

impl App {
    /// Creates the state of a newly opened console, with its first effects.
    pub fn new(settings: Settings, now: Now, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let mut app = Self::empty(settings, now, size);
        let mut effects = Vec::new();
        app.apply_filter();
        app.fetch(&mut effects);
        app.finish(&mut effects);
        (app, effects)
    }

    /// Creates the state before anything is fetched.
    fn empty(settings: Settings, now: Now, size: (u16, u16)) -> Self {
        Self {
            clock: Clock { format: TimeFormat::default(), zone: settings.zone.clone(), now },
            ui: Ui::new(size, settings.keymap.clone()),
            store: Store::new(&query::FieldPostings),
            view: View::default(),
            list: List::default(),
            detail: DetailPane::default(),
            filter: FilterBar::new(&settings.filter),
            load: Load::default(),
            sign_in: SignIn::new(settings.me.is_some()),
            marks: Marks::default(),
            histogram: Histogram::default(),
            tallies: pivot::Tallies::default(),
            history: history::History::default(),
            exports: overlay::Exports::default(),
            settings,
        }
    }

    /// Returns the layout of the screen.
    pub fn layout(&self) -> Layout {
        self.layout_with(self.ui.focus)
    }

    fn layout_with(&self, focus: Pane) -> Layout {
        Layout::new(LayoutInput {
            width: self.ui.size.0,
            height: self.ui.size.1,
            focus,
            zoom: self.ui.zoom,
            editing: self.filter.editor.is_some(),
            split: self.ui.split,
        })
    }

    /// Returns the alert under the cursor of the list.
    pub fn selected(&self) -> Option<Row> {
        self.list.selected(&self.view)
    }

    /// Returns the detail if it shows the alert under the cursor.
    pub fn current_detail(&self) -> Option<&Detail> {
        self.detail.shown.as_ref().filter(|detail| Some(detail.row) == self.selected())
    }

    /// Returns the context in which the filter is compiled.
    pub fn query_context(&self) -> query::Context {
        query::Context {
            zone: self.settings.filter_zone.clone(),
            me: self.settings.me.clone(),
            spellings: self.store.owners(FEED).map(|owner| owner.raw().to_owned()).collect(),
            refused: self.load.refused.clone(),
            ..query::Context::at(self.clock.now.wall)
        }
    }

    /// Returns the height of the list's window in rows. If the list is hidden, this is the height
    /// it would have, so that hiding and showing it moves nothing.
    fn list_height(&self) -> usize {
        self.layout_with(Pane::List).list.map_or(1, |area| usize::from(area.height))
    }

    /// Returns columns and rows of the detail's window; if it is hidden, those that it would have.
    fn detail_size(&self) -> (usize, usize) {
        let area = self.layout_with(Pane::Detail).detail.unwrap_or_default();
        (usize::from(area.width), usize::from(area.height))
    }

    fn sort(&mut self, sort: Sort) {
        self.view.sort_by(&self.store, sort);
    }

    /// Updates everything that is derived from the rest of the state.
    fn finish(&mut self, effects: &mut Vec<Effect>) {
        let height = self.list_height();
        self.list.settle(&self.store, &self.view, height);
        if let Some(row) = self.selected() {
            self.request_detail(row, effects);
        }
        self.start_backfill(effects);
        self.count_histogram();
        self.show_sign_in();
        self.count_shown_values();
        if self.view.has_work() || self.tallies.has_work() {
            effects.push(Effect::More);
        }
        self.plan_wake(effects);
    }

    /// Counts the histogram; while alerts stream in, only a few times per second.
    fn count_histogram(&mut self) {
        let mono = self.clock.now.mono;
        let busy = self.view.is_scanning() || self.load.phase == Phase::Loading;
        let Some(area) = self.layout().histogram else { return };
        if !busy || mono >= self.histogram.due {
            let buckets = usize::from(area.width.saturating_sub(20)).min(120);
            self.histogram.count(&self.store, &self.view, buckets);
            self.histogram.due = mono + HISTOGRAM_INTERVAL;
        }
    }

    /// Requests a worker to read the alert under the cursor if the detail shows it, one alert at a
    /// time.
    fn request_detail(&mut self, row: Row, effects: &mut Vec<Effect>) {
        let stored = self.store.stored(row);
        let is_current =
            self.detail.shown.as_ref().is_some_and(|detail| detail.row == row && detail.stored == *stored);
        if !is_current && self.detail.reading.is_none() && self.layout().detail.is_some() {
            self.detail.reading = Some(row);
            effects.push(Effect::Read(row, stored.clone()));
        }
    }

    /// Schedules a wake-up for the next time that the screen changes or a wait ends.
    fn plan_wake(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        // Ages and the clock change with the wall clock's minute.
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

    /// Handles a tick: runs everything that is due.
    fn tick(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        self.ui.wake = None;
        self.ui.notices.expire(mono);
        if let Phase::Failed { retry_at: Some(at), .. } = &self.load.phase
            && *at <= mono
        {
            if self.sign_in.signed_out { self.stop_retries() } else { self.fetch(effects) }
        }
        if self.load.poll.next.is_some_and(|at| at <= mono) {
            if self.sign_in.signed_out { self.stop_retries() } else { self.poll(effects) }
        }
        if self.requests_due().is_some_and(|at| at <= mono) {
            self.list_requests(effects);
        }
        let replan = self.filter.plan.as_ref().and_then(|plan| plan.replan_at);
        if replan.is_some_and(|at| at <= self.clock.now.wall) {
            self.replan();
        }
    }

    /// Compiles the text in the filter bar and filters by it if it is valid.
    fn apply_filter(&mut self) {
        let context = self.query_context();
        if self.filter.compile(&context, false) {
            self.view.filter(&self.store, self.filter.matcher());
        }
    }

    /// Compiles the active filter again, because time has passed or the service has refused a part.
    /// Its meaning is the same, so rows that no longer match keep their place.
    fn replan(&mut self) {
        let context = self.query_context();
        if self.filter.compile(&context, true) {
            self.view.retest(&self.store, self.filter.matcher());
        }
    }
}

/// Returns the next time at which the number of seconds left until `end` changes.
fn next_second(end: Duration, mono: Duration) -> Duration {
    match end.saturating_sub(mono).subsec_nanos() {
        0 => mono + Duration::from_secs(1),
        nanos => mono + Duration::from_nanos(nanos.into()),
    }
}

/// Handles a message: changes the state and returns the effects.
pub fn update(app: &mut App, now: Now, message: Message) -> Vec<Effect> {
    app.clock.now = now;
    let mut effects = Vec::new();
    match message {
        Message::Input(input) => app.input(input, &mut effects),
        Message::Load(generation, event) => {
            // Alerts arriving from the network make no request.
            let arrives = matches!(event, LoadEvent::Batch(_));
            app.handle_load(generation, event, &mut effects);
            if !arrives {
                app.list_requests(&mut effects);
            }
        }
        Message::SignIn(event) => app.handle_sign_in(event, &mut effects),
        Message::Identity(identity) => app.set_identity(identity, &mut effects),
        Message::Requests(lines) => app.requests_listed(lines),
        Message::Switched(settings) => app.switch_settings(*settings, &mut effects),
        Message::Warning(line) => app.notify_error(line),
        Message::Ticket(ticket) => app.copy_ticket(&ticket, &mut effects),
        Message::ProfileRefused { name, line } => app.notify_error(format!("{name}: {line}")),
        Message::Read(row, stored, body) => {
            app.detail.reading = None;
            // The row may belong to another profile by now.
            if app.selected() == Some(row) && *app.store.stored(row) == stored {
                app.show_detail(row, stored, *body);
            }
        }
        Message::Opened(url, Ok(())) => app.notify(format!("opening {url}")),
        // The sign-in prompt stays open.
        Message::Opened(_, Err(reason)) if matches!(app.ui.overlay(), Some(Overlay::SignInPrompt(_))) => {
            app.notify_error(format!("could not open the browser: {reason}"));
        }
        Message::Opened(url, Err(reason)) => app.ui.open(Link { url, reason }),
        Message::Exported { number, path, outcome } => app.export_ended(number, &path, outcome),
        Message::Copied(Ok(())) => {}
        Message::Copied(Err(reason)) => app.notify_error(format!("copy failed: {reason}")),
        Message::Tick => app.tick(&mut effects),
        Message::Work(rows) => {
            if app.view.has_work() {
                app.view.advance(&app.store, rows);
            } else {
                app.tallies.advance(&app.store, rows);
            }
        }
    }
    app.finish(&mut effects);
    effects
}
