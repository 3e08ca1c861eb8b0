//! Counts of values, and pivots to their alerts.
//!
//! The number of alerts is known immediately. Devices and classifications are counted only for the
//! values on screen, a few thousand rows at a time, and cached until alerts change. Drawing only
//! reads the cache.

use std::collections::HashMap;

use super::notice::NO_PIVOT;
use super::{App, Effect, Menu, MenuAction, MenuItem, Overlay, Pane, Value};
use alertdeck_model::SafeText;
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_query as query;
use alertdeck_store::{Prevalence, Row, RowSet, Store, Tally};

/// The number of rows that are counted immediately, even if there is other work. This takes a
/// fraction of a millisecond and is enough for nearly every value.
const SLICE: usize = 4_096;
/// The maximum number of cached counts.
const MAX_COUNTS: usize = 512;

/// The indicators of a node, by value.
pub(super) type ByValue<'a> = HashMap<&'a SafeText, &'a Indicator>;

/// The cached counts of values.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    counts: HashMap<Indicator, Tally>,
    /// The alerts that have the values on screen.
    rows: HashMap<Indicator, RowSet>,
    /// The version of the store that `rows` was computed from.
    version: (u64, usize),
    /// The values on screen that have not been counted yet.
    due: Vec<Indicator>,
}

impl Tallies {
    /// Sets the values that are on screen.
    fn set_shown(&mut self, store: &Store, shown: Vec<Indicator>) {
        if self.counts.len() > MAX_COUNTS {
            self.counts.retain(|indicator, _| shown.contains(indicator));
        }
        if std::mem::replace(&mut self.version, store.version()) == store.version() {
            self.rows.retain(|indicator, _| shown.contains(indicator));
        } else {
            self.rows.clear();
        }
        for indicator in &shown {
            if !self.rows.contains_key(indicator) {
                self.rows.insert(indicator.clone(), store.rows_with(indicator));
            }
        }
        let Self { counts, rows, .. } = self;
        self.due = shown;
        self.due.retain(|indicator| {
            counts.get(indicator).is_none_or(|tally| tally.has_work(store, &rows[indicator]))
        });
    }

    /// Returns the alerts that have a value, if they are known.
    fn rows(&self, store: &Store, indicator: &Indicator) -> Option<&RowSet> {
        self.rows.get(indicator).filter(|_| self.version == store.version())
    }

    /// Counts up to `work` rows.
    pub(super) fn advance(&mut self, store: &Store, mut work: usize) {
        let Self { counts, rows, .. } = self;
        self.due.retain(|indicator| {
            let Some(rows) = rows.get(indicator) else { return false };
            let tally = counts.entry(indicator.clone()).or_default();
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

impl App {
    /// Returns the number of loaded alerts with a value, which is also the number that a pivot on
    /// it shows.
    pub fn alerts_with(&self, what: &Indicator) -> usize {
        let known = self.tallies.rows(&self.store, what).map(RowSet::len);
        known.unwrap_or_else(|| self.store.rows_with(what).len())
    }

    /// Returns the counts of a value; `None` if counting is not complete. Values on screen are
    /// counted automatically.
    pub fn prevalence(&self, what: &Indicator) -> Option<Prevalence> {
        let counted = self.tallies.counts.get(what)?.prevalence()?;
        Some(Prevalence { alerts: self.alerts_with(what), ..counted })
    }

    /// Counts the values on screen, up to one slice of work.
    pub(super) fn count_shown_values(&mut self) {
        let shown = self.shown_indicators();
        self.tallies.set_shown(&self.store, shown);
        self.tallies.advance(&self.store, SLICE);
    }

    /// Returns the values on screen that have a count.
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
                lines.filter_map(|line| detail.indicators_of(line).first().cloned()).collect()
            }
        }
    }

    /// Returns the indicator for a value: of the kind that the value's field names, or else the
    /// node's indicator with the same value. Returns `None` if the alert has no such indicator.
    pub(super) fn indicator(&self, row: Row, value: &Value, node: &ByValue<'_>) -> Option<Indicator> {
        let named = IndicatorKind::ALL.iter().find(|(_, name)| value.field.as_deref() == Some(name));
        let what = match named {
            Some((kind, _)) => Indicator { kind: *kind, value: value.text.clone() },
            None => (*node.get(&value.text)?).clone(),
        };
        // A value composed of several parts would not match even its own alert.
        self.store.rows_with(&what).contains(row).then_some(what)
    }

    /// Opens a menu of the values under the cursor that can be pivoted on.
    pub(super) fn offer_pivots(&mut self) {
        let Some(row) = self.selected_or_notify() else { return };
        let items: Vec<_> = self
            .values_at_cursor(row)
            .into_iter()
            .filter_map(|(key, value)| {
                let indicator = self.indicator(row, &value, &ByValue::new())?;
                let preview = value.text.line();
                Some(MenuItem { key, label: value.label, preview, action: MenuAction::Pivot(indicator) })
            })
            .collect();
        if items.is_empty() {
            return self.notify(NO_PIVOT);
        }
        self.ui.open(Menu { title: "Pivot".into(), items, at: 0 });
    }

    /// Pivots on a value: shows the loaded alerts that contain it.
    pub(super) fn pivot(&mut self, what: &Indicator, effects: &mut Vec<Effect>) {
        let field = query::find_field(what.kind.field());
        match field.and_then(|field| field.exact_term(what.value.raw())) {
            Some(exact) => self.apply_local_filter(&exact.term, effects),
            None => return self.notify(NO_PIVOT),
        }
        // The rows are already known, so no search is needed.
        let rows = self.store.rows_with(what);
        self.view.set_rows(&self.store, rows);
    }

    /// Filters the loaded alerts without sending a request; a refresh does that.
    pub(super) fn apply_local_filter(&mut self, filter: &str, effects: &mut Vec<Effect>) {
        if filter == self.filter.committed {
            return self.notify("already showing these alerts");
        }
        self.remember_view();
        self.list.pin_cursor(&self.view);
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

    /// Adds a term to the filter. If the list shows only loaded alerts, it continues to do so.
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
