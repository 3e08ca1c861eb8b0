//! The state of the console and its only transition: `update(&mut App, Now, Message) ->
//! Vec<Effect>`.
//!
//! `update` is a plain function over data. It has no access to a terminal, network, clock or task:
//! the time is passed in with each message, and every side effect is returned as an [`Effect`].
//! Work over many rows is split into slices whose size the caller chooses ([`Message::Work`]), so
//! that a key press waits for at most one slice (docs/architecture.md, "State"). `ui` only reads
//! this state and makes no decisions.
//!
//! [`App`]'s methods are defined in the files of the panes, overlays and state machines that they
//! serve, so adding a pane, overlay or state machine changes only its own file.

mod absorb;
mod action;
mod alert;
mod arrivals;
mod cache;
mod columns;
mod command;
mod contexts;
mod counts;
mod detail;
mod feed;
mod filter;
mod format;
mod groups;
mod histogram;
mod history;
mod input;
mod job;
mod jobs;
mod key;
mod keymap;
mod layout;
mod list;
mod loading;
mod marks;
mod message;
mod notice;
mod overlay;
mod owners;
mod pivot;
mod scroll;
mod sign_in;
mod similar;
mod tabs;
mod triage;
mod ui;
mod views;
mod wrap;

use std::time::Duration;

use jiff::tz::TimeZone;

pub use action::{ActionItem, ActionRun, Actions, ItemState, Tally, WriteEvent, Writes};
pub use arrivals::{Notification, NotifyMethod, NotifySettings};
pub use columns::{ColumnLayout, GUTTER, ListColumn};
pub use command::{Action, Command, Context, Hint, HintKeys, Motion};
pub use contexts::{commands, contexts};
pub use counts::Counts;
pub use detail::{
    DECODED_LABEL, Detail, DetailPane, DetailView, Fact, FactValue, Find, FoldKey, Folds, Indentation, Line,
    LineKind, Value, command_line,
};
pub use feed::{
    Backfill, BackfillState, Cache, CacheWrite, Cached, Coverage, Extent, Feed, FeedSettings, Feeds,
    ListFetch, Pace, Phase, Poll, PollState, Reading,
};
pub use filter::{Editor, FilterBar};
pub use format::{Clock, TimeFormat, age, bytes, span, thousands, utc};
pub use groups::{Group, Groups, Lines};
pub use histogram::Histogram;
pub use job::{
    Bookmark, CacheEvent, Failure, FailureKind, JobEvent, JobId, JobKind, JobType, LoadEvent, Scope,
};
pub use jobs::{Job, JobState, Jobs, Progress};
pub use key::{Key, KeyCode, UnknownKey};
pub use keymap::{Keymap, KeymapError};
pub use layout::{Area, Layout, LayoutInput, Pane, Shape};
pub use list::List;
pub use loading::ListProgress;
pub use marks::Marks;
pub use message::{Body, Effect, Export, FeedEvent, Input, Message, NotWritten, RequestLine, Written};
pub use notice::{Notice, Notices};
pub use overlay::{
    AlertText, ColumnChooser, Confirm, ExportForm, ExportStage, Form, Help, HelpLine, JobKey, JobLine,
    JobList, JournalList, Link, Menu, MenuAction, MenuItem, Overlay, Overview, OverviewCounts, Palette,
    Panel, PanelLine, PanelSpan, ProfileLine, Profiles, Requests, Results, Role, SignInPrompt, TextPrompt,
    TextPurpose, ValueLine, Values, ViewList, format_command, help,
};
pub use scroll::Scroll;
pub use sign_in::{Identity, SignIn, SignInEvent, SignInWay, Stage};
pub use similar::{Similar, Usual};
pub use tabs::{Tab, ViewCount, ViewCounts};
pub use triage::{Assignee, Target, Targets, TriageStep};
pub use ui::Ui;
pub use views::{
    DEFAULT_FILTER, LastView, MAX_NAME, MAX_VIEWS, SavedView, ViewChange, parse_sort, sort_name,
};
pub use wrap::{more_bytes, wrap};

use crate::export::Format;
use alertdeck_model::Now;
use alertdeck_query as query;
use alertdeck_store::{Row, Sort, Store, View};

/// The maximum number of alerts compared with the alert under the cursor at the end of each update,
/// even while other work is pending.
const SIMILAR_SLICE: usize = 512;
/// The maximum number of alerts counted for an overlay at the end of each update, even while
/// other work is pending.
const OVERVIEW_SLICE: usize = 512;

/// The minimum interval between histogram updates while alerts stream in.
const HISTOGRAM_INTERVAL: Duration = Duration::from_millis(250);

/// The console settings that are not specific to a feed. Of these, only the saved views change while
/// the console runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The terminal's time zone, used to display local times.
    pub zone: TimeZone,
    /// The time zone in which the filter interprets days.
    pub filter_zone: TimeZone,
    /// The initial filter.
    pub filter: String,
    /// The available profiles, including the one in use; empty if there is no config file.
    pub profiles: Vec<ProfileLine>,
    /// The key bindings.
    pub keymap: Keymap,
    /// The notification settings; `None` if notifications are off.
    pub notify: Option<NotifySettings>,
    /// The saved views.
    pub views: Vec<SavedView>,
    /// The last view, of which everything but the filter is restored.
    pub last: LastView,
}

/// The state of the console.
#[derive(Debug)]
pub struct App {
    /// The settings.
    pub settings: Settings,
    /// The current time and the time format.
    pub clock: Clock,
    /// The state of the screen: size, focus, overlays, notices and keys.
    pub ui: Ui,
    /// All loaded alerts.
    pub store: Store,
    /// The alerts that match the filter, sorted.
    pub view: View,
    /// The groups that the list is divided into, if any.
    pub groups: Option<Groups>,
    /// The list pane.
    pub list: List,
    /// The detail pane.
    pub detail: DetailPane,
    /// The filter bar.
    pub filter: FilterBar,
    /// The active feeds and their loading state.
    pub feeds: Feeds,
    /// The running jobs and the most recently finished ones.
    pub jobs: Jobs,
    /// The marked alerts.
    pub marks: Marks,
    /// The changes that the user has made to alerts since startup.
    pub actions: Actions,
    /// The counts over many alerts, such as the histogram.
    pub counts: Counts,
    /// The previous list views.
    history: history::History,
    /// The format of the most recent export.
    export_format: Format,
}

impl App {
    /// Creates the state of a newly opened console and returns it with its first effects. `feeds`
    /// must not be empty; feed ids are numbered from 0.
    pub fn new(
        settings: Settings,
        feeds: Vec<FeedSettings>,
        now: Now,
        size: (u16, u16),
    ) -> (Self, Vec<Effect>) {
        let jobs = Jobs::default();
        let feeds = Feeds::new(feeds, jobs.next_number());
        let mut app = Self {
            clock: Clock { format: TimeFormat::default(), zone: settings.zone.clone(), now },
            ui: Ui::new(size, settings.keymap.clone()),
            store: Store::new(&query::FieldPostings),
            view: View::default(),
            groups: None,
            list: List::default(),
            detail: DetailPane::default(),
            filter: FilterBar::new(&settings.filter),
            feeds,
            jobs,
            marks: Marks::default(),
            actions: Actions::default(),
            counts: Counts::default(),
            history: history::History::default(),
            export_format: Format::default(),
            settings,
        };
        let mut effects = Vec::new();
        let last = std::mem::take(&mut app.settings.last);
        app.restore_last_view(last);
        app.name_feeds();
        app.apply_filter();
        app.fetch(&mut effects);
        app.finish(&mut effects);
        (app, effects)
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
            tabs: self.has_tabs(),
            severities: self.counts.histogram.severities(),
        })
    }

    /// Returns the alert under the list cursor.
    pub fn selected(&self) -> Option<Row> {
        self.list.selected(self.lines())
    }

    /// Returns the detail view if it shows the alert under the cursor.
    pub fn current_detail(&self) -> Option<&Detail> {
        self.detail.shown.as_ref().filter(|detail| Some(detail.row) == self.selected())
    }

    /// Returns the context in which the filter is compiled for the first feed.
    pub fn query_context(&self) -> query::Context {
        self.context_of(self.feed(), self.tenants())
    }

    /// Returns the contexts in which the filter is compiled, one for each active feed.
    fn query_contexts(&self) -> Vec<query::Context> {
        let tenants = self.tenants();
        self.feeds.iter().map(|feed| self.context_of(feed, tenants.clone())).collect()
    }

    fn context_of(&self, feed: &Feed, tenants: Vec<query::Tenant>) -> query::Context {
        query::Context {
            zone: self.settings.filter_zone.clone(),
            feed: feed.id,
            tenants,
            spellings: self.store.owners(feed.id).map(|owner| owner.raw().to_owned()).collect(),
            refused: feed.service.refused.clone(),
            owner_case: feed.service.owner_case,
            ..query::Context::at(self.clock.now.wall)
        }
    }

    /// Returns the tenants that a filter can refer to: the tenants in the list and, by name only,
    /// the tenants of the other profiles.
    fn tenants(&self) -> Vec<query::Tenant> {
        let on = self.feeds.iter().map(Feed::query_tenant).collect();
        with_other_tenants(on, &self.settings.profiles)
    }

    /// Returns the height of the list window in rows. If the list is hidden, returns the height it
    /// would have if shown, so that hiding and showing the list does not move its rows.
    fn list_height(&self) -> usize {
        self.layout_with(Pane::List).list.map_or(1, |area| usize::from(area.height))
    }

    /// Returns the size of the detail window in columns and rows. If the window is hidden, returns
    /// the size it would have if shown.
    fn detail_size(&self) -> (usize, usize) {
        let area = self.layout_with(Pane::Detail).detail.unwrap_or_default();
        (usize::from(area.width), usize::from(area.height))
    }

    fn sort(&mut self, sort: Sort) {
        self.view.sort_by(&self.store, sort);
        self.regroup_soon();
    }

    /// Updates all derived state.
    fn finish(&mut self, effects: &mut Vec<Effect>) {
        // The height of the list depends on it.
        self.count_histogram();
        let height = self.list_height();
        self.make_groups(0);
        let lines = Lines::new(&self.view, self.groups.as_ref());
        self.list.settle(&self.store, lines, height);
        if let Some(row) = self.selected() {
            if self.ui.focus == Pane::Detail {
                self.list.read(row);
            }
            self.request_detail(row, effects);
        }
        self.begin_backfills(effects);
        self.write_coverage(effects);
        self.show_sign_in();
        self.count_shown_values();
        // Count similar alerts while the user reads, so that the usual classification is known
        // before a menu offers it.
        self.count_similar(SIMILAR_SLICE);
        self.count_overview(OVERVIEW_SLICE);
        self.count_views(OVERVIEW_SLICE);
        let makes_groups = self.groups.as_ref().is_some_and(Groups::has_work);
        if self.view.has_work() || makes_groups || self.counts.has_work() {
            effects.push(Effect::More);
        }
        self.plan_wake(effects);
    }

    /// Updates the histogram, but only a few times per second while alerts stream in.
    fn count_histogram(&mut self) {
        let mono = self.clock.now.mono;
        let mut caches = self.feeds.iter().map(|feed| &feed.cache);
        let busy = self.view.is_scanning() || self.feeds.are_loading() || caches.any(Cache::is_reading);
        let Some(area) = self.layout().histogram else { return };
        if !busy || mono >= self.counts.histogram.due || self.counts.histogram.severities() == 0 {
            let buckets = usize::from(area.width.saturating_sub(24)).min(120);
            self.counts.histogram.count(&self.store, &self.view, buckets);
            self.counts.histogram.due = mono + HISTOGRAM_INTERVAL;
        }
    }

    /// Returns when to count the alerts that have arrived since the histogram was last counted,
    /// measured from startup.
    fn histogram_due(&self) -> Option<Duration> {
        let histogram = &self.counts.histogram;
        let is_stale = self.layout().histogram.is_some() && !histogram.is_current(&self.store, &self.view);
        is_stale.then_some(histogram.due).filter(|due| *due > self.clock.now.mono)
    }

    /// Starts a job that reads the alert under the cursor, unless the detail view is up to date, an
    /// alert is already being read, or the detail pane is hidden.
    fn request_detail(&mut self, row: Row, effects: &mut Vec<Effect>) {
        let is_shown = |detail: &Detail| detail.row == row && self.store.is_current(row, &detail.stored);
        let is_current = self.detail.shown.as_ref().is_some_and(is_shown);
        let feed = self.feed_of(row).id;
        let reads = self.feeds.iter().any(|feed| self.jobs.running(feed.id, JobType::Read).is_some());
        if !is_current && !reads && self.layout().detail.is_some() {
            let stored = self.store.stored(row);
            self.start_job(feed, JobKind::Read(row, stored), effects);
        }
    }

    /// Schedules a wake-up for the next time the screen changes or a wait ends.
    fn plan_wake(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        // Displayed ages and the time of day change every minute on the wall clock.
        let into_minute = self.clock.now.wall.ticks().rem_euclid(600_000_000) as u64 * 100;
        let minute = mono + Duration::from_secs(60).saturating_sub(Duration::from_nanos(into_minute));
        let mut due = vec![minute];
        due.extend(self.ui.notices.due());
        due.extend(self.feeds.iter().flat_map(|feed| feed.due(mono)));
        due.extend(self.requests_due());
        due.extend(self.sending_due());
        due.extend(self.confirmation_due());
        due.extend(self.overview_due());
        due.extend(self.views_due());
        due.extend(self.groups.as_ref().and_then(|groups| groups.due(&self.view, self.clock.now.mono)));
        due.extend(self.histogram_due());
        let next = due.into_iter().min();
        if next != self.ui.wake {
            self.ui.wake = next;
            effects.extend(next.map(Effect::WakeAt));
        }
    }

    /// Handles a tick by running whatever is due.
    fn tick(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        self.ui.wake = None;
        self.ui.notices.expire(mono);
        self.run_due_fetches(effects);
        if self.confirmation_due().is_some_and(|at| at <= mono) {
            self.send_included(effects);
        }
        if self.requests_due().is_some_and(|at| at <= mono) {
            self.list_requests(effects);
        }
        let replan = self.filter.plan().and_then(|plan| plan.replan_at);
        if replan.is_some_and(|at| at <= self.clock.now.wall) {
            self.replan();
        }
    }

    /// Compiles the text in the filter bar and, if it is valid, filters by it.
    fn apply_filter(&mut self) {
        let contexts = self.query_contexts();
        if self.filter.compile(&contexts, &self.store, false) {
            self.view.filter(&self.store, self.filter.matcher());
            self.regroup_soon();
        }
    }

    /// Recompiles the active filter because time has passed or the service has rejected part of it.
    /// The filter's meaning is unchanged, so rows that no longer match stay in the list.
    fn replan(&mut self) {
        let contexts = self.query_contexts();
        if self.filter.compile(&contexts, &self.store, true) {
            self.view.retest(&self.store, self.filter.matcher());
        }
    }
}

/// Adds the tenants of profiles that are not in the list, because filters can refer to those
/// tenants by name.
pub fn with_other_tenants(mut on: Vec<query::Tenant>, profiles: &[ProfileLine]) -> Vec<query::Tenant> {
    let count = on.len();
    for profile in profiles {
        if on[..count].iter().all(|tenant| tenant.names.first() != Some(&profile.name)) {
            let names = vec![profile.name.clone(), profile.tenant.clone()];
            on.push(query::Tenant { names, ..query::Tenant::default() });
        }
    }
    on
}

/// Handles a message: updates the state and returns the effects.
pub fn update(app: &mut App, now: Now, message: Message) -> Vec<Effect> {
    app.clock.now = now;
    let mut effects = Vec::new();
    match message {
        Message::Input(input) => app.input(input, &mut effects),
        Message::Job(id, event) => {
            // A batch of alerts involves no new request, so the request list has not changed.
            let is_request =
                matches!(&event, JobEvent::Fetch(event) if !matches!(event, LoadEvent::Batch(_)));
            app.handle_job(id, event, &mut effects);
            if is_request {
                app.list_requests(&mut effects);
            }
        }
        Message::Feed(feed, event) => app.handle_feed(feed, event, &mut effects),
        Message::Requests(lines) => app.requests_listed(lines),
        Message::ProfileOpened { feed, settings, adds } => {
            app.profile_opened(feed, *settings, adds, &mut effects);
        }
        Message::ProfileRefused { name, line } => app.notify_error(format!("{name}: {line}")),
        Message::Opened(url, Ok(())) => app.notify(format!("opening {url}")),
        // Keep the sign-in prompt open.
        Message::Opened(_, Err(reason)) if matches!(app.ui.overlay(), Some(Overlay::SignInPrompt(_))) => {
            app.notify_error(format!("could not open the browser: {reason}"));
        }
        Message::Opened(url, Err(reason)) => app.ui.open(Link { url, reason }),
        Message::Copied(Ok(())) => {}
        Message::Copied(Err(reason)) => app.notify_error(format!("copy failed: {reason}")),
        Message::TextEdited(edited) => app.text_edited(edited),
        Message::ViewsChanged(change, result) => app.views_changed(&change, result),
        Message::Tick => app.tick(&mut effects),
        Message::Work(rows) => {
            if app.view.has_work() {
                app.view.advance(&app.store, rows);
            } else if app.groups.as_ref().is_some_and(Groups::has_work) {
                app.make_groups(rows);
            } else if !app.counts.advance_tallies(&app.store, rows) {
                app.count_similar(rows);
                app.count_overview(rows);
                app.count_views(rows);
            }
        }
    }
    app.finish(&mut effects);
    effects
}
