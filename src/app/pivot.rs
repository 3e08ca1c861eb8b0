//! How often values were seen, and the way to their alerts.
//!
//! The number of alerts is known at once. Devices and classifications are counted for what is on
//! the screen, a few thousand rows at a time, and kept until alerts change: drawing reads what is
//! there.

use std::collections::HashMap;

use super::{App, Effect, Menu, MenuAction, MenuItem, Overlay, Pane, Value};
use alertdeck_model::SafeText;
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_query as query;
use alertdeck_store as store;
use alertdeck_store::{Prevalence, Row, Store, Tally};

/// Rows that are looked at in one go, whatever else there is to do: a fraction of a millisecond,
/// and enough for nearly every value.
const AT_ONCE: usize = 4_096;
/// Counts that are kept.
const KEPT: usize = 512;

/// Said where a value leads nowhere.
pub(super) const NO_PIVOT: &str = "nothing to pivot on here";

/// The indicators of a node by their values.
pub(super) type ByValue<'a> = HashMap<&'a SafeText, &'a Indicator>;

/// The counts of values.
#[derive(Debug, Default)]
pub(super) struct Pivots {
    tallies: HashMap<store::PostingId, Tally>,
    /// What is on the screen and not counted yet.
    due: Vec<store::PostingId>,
}

impl Pivots {
    /// Takes what is on the screen now.
    fn want(&mut self, store: &Store, wanted: impl Iterator<Item = store::PostingId>) {
        self.due = wanted.collect();
        if self.tallies.len() > KEPT {
            self.tallies.retain(|pivot, _| self.due.contains(pivot));
        }
        let tallies = &self.tallies;
        self.due.retain(|posting| tallies.get(posting).is_none_or(|tally| tally.has_work(store, *posting)));
    }

    /// Looks at up to `work` rows.
    pub(super) fn advance(&mut self, store: &Store, mut work: usize) {
        self.due.retain(|posting| {
            let tally = self.tallies.entry(*posting).or_default();
            if work > 0 {
                tally.advance(store, *posting, &mut work);
            }
            tally.has_work(store, *posting)
        });
    }

    /// Tells whether something is left for [`Pivots::advance`].
    pub(super) fn has_work(&self) -> bool {
        !self.due.is_empty()
    }
}

impl App {
    /// Returns how many of the alerts that are held hold a value: as many as its list shows.
    pub fn alerts_with(&self, what: &Indicator) -> usize {
        self.store.posting(what).map_or(0, |posting| self.store.postings(posting).len())
    }

    /// Returns how often a value was seen; `None` where its alerts were not counted yet. What is
    /// on the screen is counted by itself.
    pub fn prevalence(&self, what: &Indicator) -> Option<Prevalence> {
        let posting = self.store.posting(what)?;
        let counted = self.pivots.tallies.get(&posting)?.prevalence()?;
        Some(Prevalence { alerts: self.store.postings(posting).len(), ..counted })
    }

    /// Counts what is on the screen, as far as that takes no time.
    pub(super) fn count_pivots(&mut self) {
        let shown = self.shown_indicators();
        let store = &self.store;
        self.pivots.want(store, shown.iter().filter_map(|what| store.posting(what)));
        self.pivots.advance(&self.store, AT_ONCE);
    }

    /// Lists the values on the screen that have a count.
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

    /// Returns what a value of an alert is looked up as: by the kind that its field names, or as
    /// what the node of the evidence that it is of says.
    pub(super) fn indicator(&self, row: Row, value: &Value, node: &ByValue<'_>) -> Option<Indicator> {
        let named = IndicatorKind::ALL.iter().find(|(_, name)| value.field.as_deref() == Some(name));
        let what = match named {
            Some((kind, _)) => Indicator { kind: *kind, value: value.text.clone() },
            None => (*node.get(&value.text)?).clone(),
        };
        let posting = self.store.posting(&what)?;
        // A value that is put together from several finds nothing, not even its own alert.
        self.store.postings(posting).binary_search(&row).ok().map(|_| what)
    }

    /// Offers the values of the line or the row whose alerts can be shown.
    pub(super) fn offer_pivots(&mut self) {
        let Some(row) = self.selected_or_notify() else { return };
        let items: Vec<_> = self
            .values_here(row)
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
        self.ui.open(Menu { title: "Alerts with".into(), items, at: 0 });
    }

    /// Shows the alerts of a value, as far as they are held.
    pub(super) fn pivot(&mut self, what: &Indicator, effects: &mut Vec<Effect>) {
        let field = query::find_field(what.kind.field());
        match field.and_then(|field| field.exact_term(what.value.raw())) {
            Some(whole) => self.apply_local_filter(&whole.term, effects),
            None => return self.notify(NO_PIVOT),
        }
        // What is rare stands far apart: a walk over all rows would find it late. What is frequent
        // fills the screen at once.
        let rows = self.store.posting(what).map(|posting| self.store.postings(posting));
        if let Some(rows) = rows.filter(|rows| rows.len() <= AT_ONCE && self.view.is_scanning()) {
            self.view.set_rows(&self.store, rows);
        }
    }

    /// Shows what a filter finds among the alerts that are held. The service is not asked: `r`
    /// does that.
    pub(super) fn apply_local_filter(&mut self, filter: &str, effects: &mut Vec<Effect>) {
        if filter == self.filter.committed {
            return self.notify("these are its alerts");
        }
        self.remember_place();
        self.list.stay(&self.view);
        self.filter.set(filter);
        self.apply_filter();
        self.filter.commit();
        self.focus_on(Pane::List);
        // Where every alert is held there is nothing to ask for.
        if !self.settings.service || self.load.holds_everything() {
            self.fetch_unless_covered(effects);
        }
        self.notify(format!("{} goes back", self.ui.keymap.key("panes.previous-view")));
    }

    /// Narrows the list by a term. A list of what is held stays one.
    pub(super) fn add_term(&mut self, term: &str, effects: &mut Vec<Effect>) {
        let filter = query::join(&self.filter.committed, term);
        if self.filter.is_asked() {
            self.remember_place();
            self.run_filter(&filter, effects);
        } else {
            self.apply_local_filter(&filter, effects);
        }
    }
}
