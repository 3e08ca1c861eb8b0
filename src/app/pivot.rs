//! Counts of the alerts that share a value, and pivots to those alerts.
//!
//! The number of alerts is known immediately. Their devices and classifications are counted only
//! for the values on screen, a few thousand rows at a time, and the counts are cached until alerts
//! change. Drawing only reads the cache.

use std::collections::HashMap;

use super::notice::NO_PIVOT;
use super::{App, Effect, Lines, Menu, MenuAction, MenuItem, Overlay, Pane, Value};
use alertdeck_model::SafeText;
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_query as query;
use alertdeck_store::{Column, FeedId, Prevalence, Row, RowSet, Store, Tally};

/// The number of rows that are counted immediately, even if other work is pending. This takes a
/// fraction of a millisecond and is enough for nearly every value.
const SLICE: usize = 4_096;
/// The maximum number of cached counts.
const MAX_COUNTS: usize = 512;

/// A node's indicators, by value.
pub(super) type ByValue<'a> = HashMap<&'a SafeText, &'a Indicator>;

/// A value to count and, if its meaning differs between feeds, the feed to count it in.
type Subject = (Indicator, Option<FeedId>);

/// The cached counts of values.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    counts: HashMap<Subject, Tally>,
    /// The alerts that contain each value on screen.
    rows: HashMap<Subject, RowSet>,
    /// The store version that `rows` was computed from.
    version: (u64, usize),
    /// The values on screen that have not been fully counted yet.
    due: Vec<Subject>,
}

impl Tallies {
    /// Records which values are on screen.
    fn set_shown(&mut self, store: &Store, shown: Vec<Subject>) {
        if self.counts.len() > MAX_COUNTS {
            self.counts.retain(|subject, _| shown.contains(subject));
        }
        if std::mem::replace(&mut self.version, store.version()) == store.version() {
            self.rows.retain(|subject, _| shown.contains(subject));
        } else {
            self.rows.clear();
        }
        for subject in &shown {
            if !self.rows.contains_key(subject) {
                self.rows.insert(subject.clone(), rows_of(store, subject));
            }
        }
        let Self { counts, rows, .. } = self;
        self.due = shown;
        self.due
            .retain(|subject| counts.get(subject).is_none_or(|tally| tally.has_work(store, &rows[subject])));
    }

    /// Returns the alerts that contain a value, if they are cached for the current store version.
    fn rows(&self, store: &Store, subject: &Subject) -> Option<&RowSet> {
        self.rows.get(subject).filter(|_| self.version == store.version())
    }

    /// Counts up to `work` rows.
    pub(super) fn advance(&mut self, store: &Store, mut work: usize) {
        let Self { counts, rows, .. } = self;
        self.due.retain(|subject| {
            let Some(rows) = rows.get(subject) else { return false };
            let tally = counts.entry(subject.clone()).or_default();
            if work > 0 {
                tally.advance(store, rows, &mut work);
            }
            tally.has_work(store, rows)
        });
    }

    /// Returns whether [`Tallies::advance`] has work left.
    pub(super) fn has_work(&self) -> bool {
        !self.due.is_empty()
    }
}

/// Returns the loaded alerts that contain a value.
fn rows_of(store: &Store, (what, feed): &Subject) -> RowSet {
    let mut rows = store.rows_with(what);
    if let Some(feed) = feed {
        rows.intersect(&store.rows_of_feeds(&[*feed]));
    }
    rows
}

impl App {
    /// Returns the number of loaded alerts that share a value with the alert under the cursor. A
    /// pivot on the value shows the same number of alerts.
    pub fn alerts_with(&self, what: &Indicator) -> usize {
        let subject = self.subject(what);
        let known = self.counts.tallies.rows(&self.store, &subject).map(RowSet::len);
        known.unwrap_or_else(|| rows_of(&self.store, &subject).len())
    }

    /// Returns the counts for a value of the alert under the cursor; `None` if they are not
    /// complete yet. Values on screen are counted automatically.
    pub fn prevalence(&self, what: &Indicator) -> Option<Prevalence> {
        let counted = self.counts.tallies.counts.get(&self.subject(what))?.prevalence()?;
        Some(Prevalence { alerts: self.alerts_with(what), ..counted })
    }

    /// Returns the subject to count for a value of the alert under the cursor. Device, user and
    /// group names may be reused in other tenants, so they are counted only in the alert's feed.
    fn subject(&self, what: &Indicator) -> Subject {
        let is_local = match what.kind {
            IndicatorKind::Device | IndicatorKind::User | IndicatorKind::Group => true,
            _ => self.store.is_name(what),
        };
        let feed = self.selected().map(|row| self.store.feed(row));
        (what.clone(), feed.filter(|_| is_local && self.feeds.len() > 1))
    }

    /// Counts the values on screen, processing at most `SLICE` rows.
    pub(super) fn count_shown_values(&mut self) {
        let shown = self.shown_indicators().iter().map(|what| self.subject(what)).collect();
        self.counts.tallies.set_shown(&self.store, shown);
        self.counts.tallies.advance(&self.store, SLICE);
    }

    /// Returns the values on screen that are shown with a count.
    fn shown_indicators(&self) -> Vec<Indicator> {
        match self.ui.overlay() {
            Some(Overlay::Menu(menu)) => {
                let of = |item: &MenuItem| match &item.action {
                    MenuAction::Pivot(what) => Some(what.clone()),
                    _ => None,
                };
                menu.items.iter().filter_map(of).collect()
            }
            Some(Overlay::Values(values)) => {
                let (_, height) = self.ui.overlay_size();
                let lines = values.lines.iter().skip(values.top).take(height).filter(|line| line.first);
                lines.filter_map(|line| values.indicators.get(line.value)?.clone()).collect()
            }
            Some(_) => Vec::new(),
            None => {
                let (_, height) = self.detail_size();
                let shown = self.current_detail().filter(|_| self.layout().detail.is_some());
                let Some(detail) = shown else { return Vec::new() };
                let lines = detail.lines().iter().skip(detail.scroll.top).take(height);
                lines.filter_map(|line| detail.counted(line).cloned()).collect()
            }
        }
    }

    /// Returns the indicator for a value. If the value's field names an indicator kind, the
    /// indicator is of that kind; otherwise, it is the node's indicator with the same value.
    /// Returns `None` if the alert has no such indicator.
    pub(super) fn indicator(&self, row: Row, value: &Value, node: &ByValue<'_>) -> Option<Indicator> {
        let named = IndicatorKind::ALL.iter().find(|(_, name)| value.field.as_deref() == Some(name));
        let what = match named {
            Some((kind, _)) => Indicator { kind: *kind, value: value.text.clone() },
            None => (*node.get(&value.text)?).clone(),
        };
        // A value composed of several parts would not match even its own alert.
        self.store.rows_with(&what).contains(row).then_some(what)
    }

    /// Opens a menu for pivoting on one of the values under the cursor.
    pub(super) fn offer_pivots(&mut self) {
        let Some(row) = self.selected_or_notify() else { return };
        let mut known: Vec<IndicatorKind> = Vec::new();
        let items: Vec<_> = self
            .values_at_cursor(row)
            .into_iter()
            .filter_map(|(key, value)| {
                let mut indicator = self.indicator(row, &value, &ByValue::new())?;
                // Use the identity of the first device or user, so that the spelling of its name
                // does not matter.
                if !known.contains(&indicator.kind)
                    && let Some(identity) = self.identity(row, indicator.kind)
                {
                    known.push(indicator.kind);
                    indicator = identity;
                }
                let preview = value.text.line();
                Some(MenuItem { key, label: value.label, preview, action: MenuAction::Pivot(indicator) })
            })
            .collect();
        if items.is_empty() {
            return self.notify(NO_PIVOT);
        }
        self.ui.open(Menu { title: "Pivot".into(), items, at: 0 });
    }

    /// Returns the identity of the device or user under the cursor, taken from the list's column or
    /// from the node in the detail pane.
    fn identity(&self, row: Row, kind: IndicatorKind) -> Option<Indicator> {
        let (column, identity) = match kind {
            IndicatorKind::Device => (Column::Device, IndicatorKind::DeviceId),
            IndicatorKind::User => (Column::User, IndicatorKind::UserId),
            _ => return None,
        };
        let found = match self.current_detail().filter(|_| self.ui.focus == Pane::Detail) {
            Some(detail) => detail.counted(detail.line()?).filter(|what| what.kind == identity).cloned(),
            None => self.store.identity(row, column),
        };
        found.filter(|what| self.store.rows_with(what).contains(row))
    }

    /// Pivots on a value of the alert under the cursor: shows the loaded alerts that contain it.
    pub(super) fn pivot(&mut self, what: &Indicator, effects: &mut Vec<Effect>) {
        let subject = self.subject(what);
        let field = query::find_field(what.kind.field());
        let Some(exact) = field.and_then(|field| field.exact_term(what.value.raw())) else {
            return self.notify(NO_PIVOT);
        };
        // The rows are already known, so the filter need not be evaluated.
        let rows = rows_of(&self.store, &subject);
        let filter = match subject.1.and_then(|feed| self.feeds.get(feed)) {
            Some(feed) => format!("tenant={} {}", query::literal(feed.name()), exact.term),
            None => exact.term,
        };
        self.apply_local_filter(&filter, effects);
        self.view.set_rows(&self.store, rows);
    }

    /// Filters the loaded alerts without sending a request. A refresh then requests the filter.
    pub(super) fn apply_local_filter(&mut self, filter: &str, effects: &mut Vec<Effect>) {
        if filter == self.filter.committed {
            return self.notify("already showing these alerts");
        }
        self.remember_view();
        self.list.pin_cursor(Lines::new(&self.view, self.groups.as_ref()));
        self.filter.set(filter);
        self.apply_filter();
        self.filter.commit();
        self.focus_on(Pane::List);
        // If every alert is loaded, no request is needed, and the filter counts as requested.
        if self.feeds.iter().all(|feed| !feed.settings.service || feed.has_all_alerts()) {
            self.fetch_unless_covered(effects);
        }
        self.notify(format!("press {} to go back", self.ui.keymap.key("panes.previous-view")));
    }

    /// Adds a term to the filter. If the current filter was applied only to loaded alerts, so is
    /// the new one.
    pub(super) fn add_term(&mut self, term: &str, effects: &mut Vec<Effect>) {
        let filter = query::join(&self.filter.committed, term);
        if self.filter.is_requested() {
            self.remember_view();
            self.run_filter(&filter, effects);
        } else {
            self.apply_local_filter(&filter, effects);
        }
    }
}
