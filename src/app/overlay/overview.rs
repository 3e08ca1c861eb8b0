//! The overview of the alerts in the list: how many were created each day, how old the open ones
//! are, and which values are the most common. Choosing a count shows its alerts.
//!
//! The alerts are counted a slice at a time, and only while the overview is open.

use std::time::Duration;

use super::{Object, Panel, PanelLine, PanelSpan, Role};
use crate::{
    app::{
        App, Effect, Overlay, Scroll,
        command::{Command, Context, Hint, Motion, hint, run},
        format::thousands,
        notice::NO_TERM,
    },
    overview::{Item, Section, Sections},
};
use alertdeck_store::{AlertCount, RowSet, Summary};

/// The command that opens the overview.
pub(super) const OPEN: Command =
    run("open.overview", "overview: days, ages, devices, users, titles", |app, _| {
        app.ui.open(Overview::default());
    });

/// The command that applies to a count.
pub(super) static CONTEXT: Context = Context {
    name: "overview",
    heading: "Overview",
    commands: &[run("overview.show", "show the alerts", show)],
};

/// The maximum number of values listed in each section.
const MOST: usize = 10;
/// The minimum time between recounts while alerts are arriving.
const RECOUNT_AFTER: Duration = Duration::from_secs(1);
/// The width of a number, including the space before it.
const NUMBER: usize = 9;

/// The counts for the overview.
#[derive(Debug, Default)]
pub struct OverviewCounts {
    /// The count in progress.
    summary: Box<Summary>,
    /// The sections of a count that has read all alerts.
    sections: Option<Sections>,
    /// The alerts being counted.
    rows: RowSet,
    /// The view and store versions that the count is based on; `None` if nothing has been counted.
    version: Option<(u64, (u64, usize))>,
    /// The earliest time for a recount, measured from startup.
    until: Duration,
    has_work: bool,
    /// The result of the last complete count: the alerts, their number, and the sections.
    done: Option<(RowSet, AlertCount, Vec<Section>)>,
}

impl OverviewCounts {
    /// Returns whether there are alerts left to count.
    pub(in crate::app) fn has_work(&self) -> bool {
        self.has_work
    }

    fn sections(&self) -> &[Section] {
        self.done.as_ref().map_or(&[], |(_, _, sections)| sections)
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections().iter().flat_map(|section| &section.items)
    }
}

/// The overview, while it is open.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// The cursor, as an index into the counts, and the first visible line.
    scroll: Scroll,
    /// The label of the count under the cursor. The label is stored because counts move as alerts
    /// arrive.
    label: Option<String>,
}

impl App {
    /// Counts up to `work` more of the alerts in the list if the overview is open.
    pub(in crate::app) fn count_overview(&mut self, work: usize) {
        if !self.ui.overlays.iter().any(|overlay| matches!(overlay, Overlay::Overview(_))) {
            if self.counts.overview.version.is_some() {
                *self.counts.overview = OverviewCounts::default();
            }
            return;
        }
        let mono = self.clock.now.mono;
        let counts = &mut *self.counts.overview;
        let version = Some((self.view.content(), self.store.version()));
        // Complete a running count first. Otherwise, no count would finish while alerts stream in.
        let is_due = !counts.has_work && mono >= counts.until;
        if counts.version != version && is_due && !self.view.is_scanning() {
            *counts.summary = Summary::new(self.clock.now.wall);
            counts.rows = self.view.shown().clone();
            (counts.version, counts.until, counts.has_work) = (version, mono + RECOUNT_AFTER, true);
        }
        if !counts.has_work {
            return;
        }
        match &mut counts.sections {
            None => {
                if !counts.summary.advance(&self.store, &counts.rows, work) {
                    counts.sections = Some(Sections::default());
                }
            }
            Some(sections) => {
                if !sections.advance(&self.store, &counts.summary, MOST) {
                    let sections = std::mem::take(&mut sections.done);
                    counts.done = Some((counts.rows.clone(), counts.summary.total(), sections));
                    (counts.sections, counts.has_work) = (None, false);
                }
            }
        }
    }

    /// Returns when to count again because alerts have arrived, measured from startup.
    pub(in crate::app) fn overview_due(&self) -> Option<Duration> {
        let counts = &self.counts.overview;
        let version = Some((self.view.content(), self.store.version()));
        let is_stale = counts.version.is_some() && counts.version != version;
        // A count that is due already starts without a wake-up, at the latest when the filter has
        // scanned all rows.
        is_stale.then_some(counts.until).filter(|until| *until > self.clock.now.mono)
    }
}

/// A line of the overview.
enum Line<'a> {
    Heading(&'a Section),
    /// A count, and the number that a full bar represents.
    Item(&'a Item, usize),
    More(usize),
    Blank,
}

fn lines(counts: &OverviewCounts) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for section in counts.sections() {
        if !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines.push(Line::Heading(section));
        lines.extend(section.items.iter().map(|item| Line::Item(item, section.scale)));
        if section.more > 0 {
            lines.push(Line::More(section.more));
        }
    }
    lines
}

/// The column widths of the overview.
struct Widths {
    label: usize,
    bar: usize,
    /// Whether all number columns fit.
    is_wide: bool,
}

impl Widths {
    fn new(width: usize) -> Self {
        let is_wide = width >= 64;
        let numbers = NUMBER * if is_wide { 3 } else { 1 };
        let bar = if width < 40 { 0 } else { (width / 4).min(30) };
        Self { label: width.saturating_sub(numbers + bar), bar, is_wide }
    }

    fn numbers(&self, [alerts, high, open]: [&str; 3]) -> String {
        if self.is_wide {
            format!("{alerts:>NUMBER$}{high:>NUMBER$}{open:>NUMBER$}")
        } else {
            format!("{alerts:>NUMBER$}")
        }
    }

    fn line(&self, line: &Line<'_>) -> PanelLine {
        match line {
            Line::Blank => Vec::new(),
            Line::Heading(section) => vec![
                PanelSpan::column(section.title, Role::Strong, self.label),
                PanelSpan::column("", Role::Text, self.bar),
                PanelSpan::new(self.numbers(["alerts", "high", "open"]), Role::Dim),
            ],
            Line::Item(Item { label, count, .. }, scale) => {
                let full = self.bar.saturating_sub(1);
                let bar = (count.alerts * full).div_ceil(*scale).min(full);
                let numbers = [count.alerts, count.high, count.open].map(thousands);
                vec![
                    PanelSpan::column(format!("  {label}"), Role::Text, self.label),
                    PanelSpan::column("#".repeat(bar), Role::Bar, self.bar),
                    PanelSpan::new(self.numbers(numbers.each_ref().map(String::as_str)), Role::Text),
                ]
            }
            Line::More(more) => vec![PanelSpan::new(format!("  and {} more", thousands(*more)), Role::Dim)],
        }
    }
}

impl Overview {
    /// Returns the index of the count under the cursor.
    fn cursor(&self, counts: &OverviewCounts) -> usize {
        let found =
            self.label.as_ref().and_then(|label| counts.items().position(|item| item.label == *label));
        found.unwrap_or(self.scroll.cursor).min(counts.items().count().saturating_sub(1))
    }

    /// Returns the index of the line with the count under the cursor, and the index of the first
    /// visible line.
    fn place(&self, counts: &OverviewCounts, height: usize) -> (usize, usize) {
        let (lines, cursor) = (lines(counts), self.cursor(counts));
        let mut places = lines.iter().enumerate().filter(|(_, line)| matches!(line, Line::Item(..)));
        let at = places.nth(cursor).map_or(0, |(at, _)| at);
        // If the count is the first of its section, keep the section's heading visible too.
        let first = if at > 0 && matches!(lines[at - 1], Line::Heading(_)) { at - 1 } else { at };
        let last = (lines.len()).saturating_sub(height);
        let top = self.scroll.top.min(first).max((at + 1).saturating_sub(height));
        (at, top.min(last.max((at + 1).saturating_sub(height))))
    }

    fn settle(&mut self, app: &App) {
        let counts = &app.counts.overview;
        self.scroll.top = self.place(counts, height(app)).1;
        self.label = counts.items().nth(self.scroll.cursor).map(|item| item.label.clone());
    }
}

/// Returns the number of visible lines.
fn height(app: &App) -> usize {
    app.ui.overlay_size().1
}

impl Object for Overview {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["overview.show"], "show the alerts"),
            hint(&["app.back"], "close"),
        ]
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let counts = &app.counts.overview;
        let mut scroll = Scroll { cursor: self.cursor(counts), top: 0 };
        scroll.go(motion, counts.items().count(), height(app));
        (self.scroll.cursor, self.label) = (scroll.cursor, None);
        self.settle(app);
    }

    fn wheel(&mut self, app: &App, by: i32) {
        let motion = if by > 0 { Motion::Down } else { Motion::Up };
        for _ in 0..by.unsigned_abs() {
            self.go(app, motion);
        }
    }

    fn resize(&mut self, app: &App) {
        self.scroll.cursor = self.cursor(&app.counts.overview);
        self.settle(app);
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let (width, _) = app.ui.overlay_size();
        let counts = &app.counts.overview;
        let (at, top) = self.place(counts, height(app));
        let title = match &counts.done {
            None => "Overview".to_owned(),
            Some((_, AlertCount { alerts, high, open, .. }, _)) => {
                let [alerts, high, open] = [*alerts, *high, *open].map(thousands);
                format!("Overview: {alerts} alerts, {high} high, {open} open")
            }
        };
        let widths = Widths::new(width);
        let mut lines: Vec<_> = lines(counts).iter().map(|line| widths.line(line)).collect();
        let cursor = (!lines.is_empty()).then_some(at);
        if lines.is_empty() {
            let text = if counts.done.is_some() { "no alerts in the list" } else { "counting" };
            lines.push(vec![PanelSpan::new(text, Role::Dim)]);
        }
        Some(Panel { title, width, lines, top, cursor, ..Panel::default() })
    }
}

/// Narrows the list to the alerts in the count under the cursor.
fn show(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Overview(overview)) = app.ui.overlay() else { return };
    let counts = &app.counts.overview;
    let Some(item) = counts.items().nth(overview.cursor(counts)) else { return };
    let counted = counts.done.as_ref().map(|(rows, ..)| rows);
    let filter = counted.and_then(|rows| item.filter(&app.query_context(), &app.store, rows));
    match filter {
        Some(filter) => {
            app.ui.close_all();
            app.add_term(&filter, effects);
        }
        None => app.notify(NO_TERM),
    }
}
