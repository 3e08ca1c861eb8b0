//! The tabs: the saved views with the number of loaded alerts in each.
//!
//! The alerts are counted a slice at a time, and only while the tabs or the list of views are on the
//! screen. This module knows where each tab is, so that it can be drawn and clicked.

use std::time::Duration;

use super::{App, Overlay, format::thousands};
use alertdeck_model::SafeText;
use alertdeck_query::{self as query, Diagnostic, DiagnosticKind, Matcher};
use alertdeck_store::Filter as _;
use unicode_width::UnicodeWidthStr as _;

/// The minimum time between counts while alerts are arriving.
const RECOUNT_AFTER: Duration = Duration::from_millis(250);
/// How much of the time may be spent on counting while alerts are arriving: one part in so many.
const SHARE: u32 = 20;

/// The result of counting the alerts in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewCount {
    /// The number of loaded alerts.
    Alerts(usize),
    /// The filter is invalid.
    Invalid,
    /// The filter is about the user, and nobody is signed in.
    NotSignedIn,
}

/// The number of loaded alerts in each saved view.
#[derive(Debug, Default)]
pub struct ViewCounts {
    /// The counts by filter.
    counts: Vec<(String, ViewCount)>,
    /// The count in progress.
    running: Option<(String, Matcher)>,
    /// The filters left to count, last first.
    left: Vec<String>,
    /// The store version that the counts are based on; `None` if nothing has been counted.
    version: Option<(u64, usize)>,
    /// When the counts in progress were begun, measured from startup.
    began: Duration,
    /// The earliest time for the next count, measured from startup.
    until: Duration,
}

impl ViewCounts {
    /// Returns whether there are alerts left to count.
    pub(super) fn has_work(&self) -> bool {
        self.running.is_some() || !self.left.is_empty()
    }

    /// Returns the count of a filter, once it is known.
    pub(super) fn of(&self, filter: &str) -> Option<ViewCount> {
        self.counts.iter().find(|(of, _)| of == filter).map(|(_, count)| *count)
    }

    fn set(&mut self, filter: String, count: ViewCount) {
        self.counts.retain(|(of, _)| *of != filter);
        self.counts.push((filter, count));
    }

    /// Plans the next count, depending on how long this one has taken. The first alerts are counted
    /// at once.
    fn finish(&mut self, mono: Duration) {
        let is_empty = self.version.is_none_or(|(_, alerts)| alerts == 0);
        let pause = RECOUNT_AFTER.max(mono.saturating_sub(self.began) * SHARE);
        self.until = if is_empty { mono } else { mono + pause };
    }
}

/// A tab in the row of tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The view's position among the saved views; `None` for the tab that lists them all.
    pub at: Option<usize>,
    /// The distance from the left end of the row, in columns.
    pub x: u16,
    /// The width in columns.
    pub width: u16,
    /// The key, the name and the count.
    pub parts: [String; 3],
    /// Whether this is the current view.
    pub is_current: bool,
}

impl Tab {
    fn new(at: Option<usize>, parts: [String; 3], is_current: bool) -> Self {
        // Each part is followed by a space, and a space or a bracket comes before the first.
        let text: usize = parts.iter().filter(|part| !part.is_empty()).map(|part| part.width() + 1).sum();
        Self { at, x: 0, width: u16::try_from(text + 1).unwrap_or(u16::MAX), parts, is_current }
    }
}

/// Places as many tabs as fit into a row, in order. The current one always gets its place. If some
/// do not fit, a tab that `more` makes from their number comes last.
fn place(tabs: Vec<Tab>, width: u16, more: impl Fn(usize) -> Tab) -> Vec<Tab> {
    let total = |tabs: &mut dyn Iterator<Item = &Tab>| tabs.map(|tab| u32::from(tab.width)).sum::<u32>();
    let mut placed = tabs;
    if total(&mut placed.iter()) > u32::from(width) {
        let current = total(&mut placed.iter().filter(|tab| tab.is_current));
        let all = placed.len();
        let mut room = u32::from(width).saturating_sub(u32::from(more(all).width) + current);
        let mut is_full = false;
        placed.retain(|tab| {
            let needed = if tab.is_current { 0 } else { u32::from(tab.width) };
            is_full |= needed > room;
            if is_full {
                return tab.is_current;
            }
            room -= needed;
            true
        });
        placed.push(more(all - placed.len()));
    }
    let mut x = 0;
    for tab in &mut placed {
        tab.x = x;
        x = x.saturating_add(tab.width);
    }
    placed
}

impl App {
    /// Returns whether there are any tabs to show.
    pub(super) fn has_tabs(&self) -> bool {
        !self.settings.views.is_empty()
    }

    /// Lays out the tabs in a row of the given width. The last one stands for the views that do not
    /// fit, if there are any.
    pub fn tabs(&self, width: u16) -> Vec<Tab> {
        let keys = self.ui.keymap.keys("view.open");
        let current = self.current_view().map(|view| view.name.as_str());
        let tab = |(at, view): (usize, &super::SavedView)| {
            let key = keys.get(at).map(ToString::to_string).unwrap_or_default();
            let count = match self.counts.views.of(&view.filter) {
                Some(ViewCount::Alerts(count)) => thousands(count),
                Some(ViewCount::Invalid) => "invalid".to_owned(),
                Some(ViewCount::NotSignedIn) => "-".to_owned(),
                None => String::new(),
            };
            let name = SafeText::new(&view.name).line();
            Tab::new(Some(at), [key, name, count], current == Some(view.name.as_str()))
        };
        let tabs = self.settings.views.iter().enumerate().map(tab).collect();
        let key = self.ui.keymap.key("open.views");
        place(tabs, width, |left| Tab::new(None, [key.clone(), format!("{left} more"), String::new()], false))
    }

    /// Opens the view whose tab is at a column of the row of tabs.
    pub(super) fn click_tab(&mut self, width: u16, x: u16, effects: &mut Vec<super::Effect>) {
        let is_at = |tab: &Tab| (tab.x..tab.x + tab.width).contains(&x);
        match self.tabs(width).into_iter().find(is_at).map(|tab| tab.at) {
            Some(Some(at)) => self.open_view(at, effects),
            Some(None) => self.list_views(),
            None => {}
        }
    }

    fn shows_views(&self) -> bool {
        let is_listed = self.ui.overlays.iter().any(|overlay| matches!(overlay, Overlay::ViewList(_)));
        is_listed || self.layout().tabs.is_some()
    }

    /// Counts up to `work` more alerts of the views if they are on the screen.
    pub(super) fn count_views(&mut self, mut work: usize) {
        if !self.shows_views() {
            if self.counts.views.version.is_some() {
                *self.counts.views = ViewCounts::default();
            }
            return;
        }
        let mono = self.clock.now.mono;
        let version = Some(self.store.version());
        let views = &self.settings.views;
        let counts = &mut *self.counts.views;
        if !counts.has_work() {
            let is_new = views.iter().any(|view| counts.of(&view.filter).is_none());
            if !is_new && (counts.version == version || mono < counts.until) {
                return;
            }
            counts.left = views.iter().rev().map(|view| view.filter.clone()).collect();
            (counts.version, counts.began) = (version, mono);
        }
        // Rows that the user waits for come first.
        if self.view.has_work() {
            return;
        }
        while work > 0 {
            if let Some((filter, matcher)) = &mut self.counts.views.running {
                let Some(rows) = matcher.evaluate(&self.store, &mut work) else { return };
                let filter = std::mem::take(filter);
                self.counts.views.set(filter, ViewCount::Alerts(rows.len()));
                self.counts.views.running = None;
            }
            let Some(filter) = self.counts.views.left.pop() else { break };
            match query::compile(&filter, &self.query_context()) {
                Ok(plan) => self.counts.views.running = Some((filter, Matcher::new(&plan.test))),
                Err(errors) => {
                    let is_unknown = |error: &Diagnostic| error.kind == DiagnosticKind::NotSignedIn;
                    let count = if errors.iter().all(is_unknown) {
                        ViewCount::NotSignedIn
                    } else {
                        ViewCount::Invalid
                    };
                    self.counts.views.set(filter, count);
                }
            }
        }
        if !self.counts.views.has_work() {
            self.counts.views.finish(mono);
        }
    }

    /// Returns when to count again because alerts have arrived, measured from startup.
    pub(super) fn views_due(&self) -> Option<Duration> {
        let counts = &self.counts.views;
        let is_stale = counts.version.is_some_and(|version| version != self.store.version());
        (is_stale && !counts.has_work()).then_some(counts.until).filter(|until| *until > self.clock.now.mono)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places tabs of the given widths and returns their names and positions.
    fn placed(widths: &[usize], current: usize, width: u16) -> Vec<(String, u16)> {
        let tab = |(at, width): (usize, &usize)| {
            Tab::new(Some(at), [String::new(), "x".repeat(width - 2), String::new()], at == current)
        };
        let tabs = widths.iter().enumerate().map(tab).collect();
        let more = |left: usize| Tab::new(None, ["'".into(), format!("{left} more"), String::new()], false);
        let name = |tab: Tab| (tab.at.map_or_else(|| tab.parts[1].clone(), |at| at.to_string()), tab.x);
        place(tabs, width, more).into_iter().map(name).collect()
    }

    #[test]
    fn tabs_that_do_not_fit_are_one_tab() {
        let names = |found: Vec<(String, u16)>| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(placed(&[5, 6, 7], 0, 18), [("0".into(), 0), ("1".into(), 5), ("2".into(), 11)]);
        assert_eq!(names(placed(&[5, 6, 7], 0, 17)), ["0", "2 more"]);
        assert_eq!(names(placed(&[5, 6, 7], 2, 17)), ["2", "2 more"]);
        assert_eq!(names(placed(&[5, 6, 7, 5], 3, 22)), ["0", "3", "2 more"]);
        assert_eq!(names(placed(&[5, 30, 5, 5], 9, 25)), ["0", "3 more"], "the order is kept");
        assert_eq!(names(placed(&[50, 5], 0, 20)), ["0", "1 more"]);
        assert!(placed(&[], 0, 20).is_empty());
    }

    #[test]
    fn counting_takes_a_small_share_of_the_time() {
        let seconds = Duration::from_secs;
        let mut counts = ViewCounts { began: seconds(100), version: Some((7, 0)), ..ViewCounts::default() };
        counts.finish(seconds(100));
        assert_eq!(counts.until, seconds(100), "nothing has been counted");
        counts.version = Some((8, 1_000));
        counts.finish(seconds(100));
        assert_eq!(counts.until, seconds(100) + RECOUNT_AFTER);
        counts.finish(seconds(102));
        assert_eq!(counts.until, seconds(142));
    }
}
