//! The rows that match a filter, sorted, kept up to date in slices of bounded work.
//!
//! A view keeps *all* rows sorted and scans them from the top, so matches are found in order and
//! the first screenful first. During a scan, arrivals above its position are tested at once and
//! those below are left to it. After the scan, the view equals a plain filter and sort of all rows,
//! whatever the order of arrival.

use std::{cmp::Ordering, collections::HashSet, fmt};

use super::{Row, Sort, Store};
use crate::{dictionary::Dictionary, facts::Facts};

/// Returns whether an alert matches a filter.
pub type RowTest = Box<dyn FnMut(&Dictionary, &Facts) -> bool + Send>;

/// The number of rows that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The final number.
    Exact(usize),
    /// The number so far; the scan is not complete.
    AtLeast(usize),
}

impl Count {
    /// Returns the number found so far.
    pub fn found(self) -> usize {
        match self {
            Self::Exact(n) | Self::AtLeast(n) => n,
        }
    }
}

/// The rows that match a filter, sorted.
#[derive(Default)]
pub struct View {
    test: Option<RowTest>,
    sort: Sort,
    /// Every row of the store, sorted.
    all: Vec<Row>,
    /// The number of rows of `all` that were tested.
    scanned: usize,
    /// The rows that match and the stale rows, sorted.
    shown: Vec<Row>,
    /// Rows that matched until they changed. They keep their place.
    stale: HashSet<Row>,
    /// Rows to test again because the test was replaced by [`View::retest`].
    retest: Vec<Row>,
    /// A row to show even if it does not match.
    kept: Option<Row>,
    revision: u64,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("sort", &self.sort)
            .field("scanned", &self.scanned)
            .field("all", &self.all.len())
            .field("shown", &self.shown.len())
            .finish_non_exhaustive()
    }
}

impl View {
    /// Starts a new scan with another test; `None` matches everything.
    pub fn filter(&mut self, test: Option<RowTest>) {
        self.test = test;
        self.restart();
    }

    /// Replaces the test by one for the same filter at a later time. Rows keep their place, and
    /// those that no longer match become stale.
    pub fn retest(&mut self, test: Option<RowTest>) {
        self.test = test;
        self.retest = self.all[..self.scanned].to_vec();
    }

    /// Starts a new scan in another order.
    pub fn sort_by(&mut self, store: &Store, sort: Sort) {
        self.sort = sort;
        self.all.sort_unstable_by(|a, b| store.compare(sort, *a, *b));
        self.restart();
    }

    /// Starts a new scan and drops stale rows.
    pub fn restart(&mut self) {
        self.scanned = 0;
        self.shown.clear();
        self.stale.clear();
        self.retest.clear();
        self.kept = None;
        self.revision += 1;
    }

    /// Sets the rows that match the current test, if they are known already. No scan is needed.
    pub fn set_rows(&mut self, store: &Store, rows: &[Row]) {
        self.restart();
        self.shown = rows.to_vec();
        self.shown.sort_unstable_by(|a, b| store.compare(self.sort, *a, *b));
        self.scanned = self.all.len();
    }

    /// Keeps a row that the scan has yet to reach: if it does not match, it is shown as stale. Lasts
    /// until the next scan.
    pub fn keep(&mut self, row: Option<Row>) {
        self.kept = row;
    }

    /// Returns the sort order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Tests up to `rows` more rows; returns whether some are left.
    pub fn advance(&mut self, store: &Store, rows: usize) -> bool {
        if !self.is_scanning() && !self.retest.is_empty() {
            let slice = self.retest.split_off(self.retest.len().saturating_sub(rows));
            self.touch(store, &slice);
            return self.has_work();
        }
        let end = (self.scanned + rows).min(self.all.len());
        let before = self.shown.len();
        for at in self.scanned..end {
            let row = self.all[at];
            let matches = matches(self.test.as_mut(), store, row);
            if matches || self.kept == Some(row) {
                self.shown.push(row);
            }
            if !matches && self.kept == Some(row) {
                self.stale.insert(row);
            }
        }
        let moved = end > self.scanned;
        self.scanned = end;
        if moved && (self.shown.len() > before || end == self.all.len()) {
            self.revision += 1;
        }
        self.has_work()
    }

    /// Returns whether rows are left to test.
    pub fn has_work(&self) -> bool {
        self.is_scanning() || !self.retest.is_empty()
    }

    /// Returns whether a scan is in progress.
    pub fn is_scanning(&self) -> bool {
        self.scanned < self.all.len()
    }

    /// Adds new rows and updates changed ones.
    pub fn touch(&mut self, store: &Store, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let compare = |a: &Row, b: &Row| store.compare(self.sort, *a, *b);
        let touched: HashSet<Row> = rows.iter().copied().collect();
        let known = self.all.len();
        // The next row of the scan that is not touched.
        let next = self.all[self.scanned..].iter().find(|row| !touched.contains(row)).copied();
        let mut was_shown = HashSet::new();
        // Rows are numbered in the order of arrival, so one below this number has a place by its
        // former state. Remove it first: comparisons use the new state.
        if touched.iter().any(|row| row.index() < known) {
            self.all.retain(|row| !touched.contains(row));
            self.shown.retain(|row| {
                let keep = !touched.contains(row);
                if !keep {
                    was_shown.insert(*row);
                }
                keep
            });
        }
        let mut arrivals: Vec<Row> = touched.into_iter().collect();
        arrivals.sort_unstable_by(compare);
        let is_scanned = |row: &Row| next.is_none_or(|next| compare(row, &next) == Ordering::Less);
        let mut hits = Vec::new();
        // Rows that the scan has yet to reach are left to it.
        for row in &arrivals {
            self.stale.remove(row);
            if is_scanned(row) {
                let matches = matches(self.test.as_mut(), store, *row);
                if matches || was_shown.contains(row) {
                    hits.push(*row);
                }
                if !matches && was_shown.contains(row) {
                    self.stale.insert(*row);
                }
            }
        }
        self.all = merge(&self.all, &arrivals, compare);
        self.shown = merge(&self.shown, &hits, compare);
        self.scanned = match next {
            Some(next) => self.all.partition_point(|row| compare(row, &next) == Ordering::Less),
            None => self.all.len(),
        };
        self.revision += 1;
    }

    /// Returns the number of rows that match.
    pub fn count(&self) -> Count {
        let found = self.shown.len() - self.stale.len();
        if self.is_scanning() { Count::AtLeast(found) } else { Count::Exact(found) }
    }

    /// Returns the rows to show, sorted: those that match and the stale ones.
    pub fn rows(&self) -> &[Row] {
        &self.shown
    }

    /// Returns whether a row is shown although it no longer matches.
    pub fn is_stale(&self, row: Row) -> bool {
        self.stale.contains(&row)
    }

    /// Returns the position of a row, if it is shown.
    pub fn position(&self, store: &Store, row: Row) -> Option<usize> {
        let at = self.nearest(store, row);
        (self.shown.get(at) == Some(&row)).then_some(at)
    }

    /// Returns the position of a row, or the one that it would have.
    pub fn nearest(&self, store: &Store, row: Row) -> usize {
        self.shown.partition_point(|other| store.compare(self.sort, *other, row) == Ordering::Less)
    }

    /// Returns a number that changes whenever the shown rows may have changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

fn matches(test: Option<&mut RowTest>, store: &Store, row: Row) -> bool {
    test.is_none_or(|test| test(store.dictionary(), store.facts(row)))
}

/// Merges two sorted lists without common elements.
fn merge(a: &[Row], b: &[Row], compare: impl Fn(&Row, &Row) -> Ordering) -> Vec<Row> {
    if a.last().zip(b.first()).is_none_or(|(last, first)| compare(last, first) == Ordering::Less) {
        return [a, b].concat();
    }
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        let side = if compare(x, y) == Ordering::Less { &mut a } else { &mut b };
        merged.extend(side.next());
    }
    merged.extend(a);
    merged.extend(b);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, tests::batch};
    use alertdeck_model::Severity;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[derive(Clone, Debug)]
    enum Step {
        Arrive(Vec<(u8, u8, bool)>),
        Advance(usize),
        Filter(bool),
        Sort(bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        let alerts = prop::collection::vec((0u8..30, 0u8..6, any::<bool>()), 1..12);
        prop_oneof![
            3 => alerts.prop_map(Step::Arrive),
            2 => (0usize..8).prop_map(Step::Advance),
            1 => any::<bool>().prop_map(Step::Filter),
            1 => any::<bool>().prop_map(Step::Sort),
        ]
    }

    /// An alert with an id, a minute of creation, a severity and a version.
    fn alert(id: u8, minute: u8, high: bool, version: usize) -> Value {
        json!({"id": format!("{id}"), "severity": if high { "high" } else { "low" },
            "createdDateTime": format!("2026-11-01T00:{minute:02}:00Z"),
            "lastUpdateDateTime": format!("2026-11-02T{:02}:{:02}:00Z", version / 60, version % 60)})
    }

    fn high() -> RowTest {
        Box::new(|_, facts| facts.severity == Severity::High)
    }

    proptest! {
        #[test]
        fn after_a_scan_a_view_equals_a_plain_filter_and_sort(steps in prop::collection::vec(step(), 1..25)) {
            let (mut store, mut view) = (Store::default(), View::default());
            let mut filtered = false;
            for (version, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Arrive(alerts) => {
                        let alerts: Vec<_> =
                            alerts.iter().map(|(id, minute, high)| alert(*id, *minute, *high, version)).collect();
                        let absorbed = store.absorb(batch(&alerts));
                        view.touch(&store, &absorbed.touched());
                    }
                    Step::Advance(rows) => { view.advance(&store, rows); }
                    Step::Filter(on) => { filtered = on; view.filter(on.then(high)); }
                    Step::Sort(descending) => view.sort_by(&store, Sort { column: Column::Created, descending }),
                }
                let sorted = view.rows().is_sorted_by(|a, b| store.compare(view.sort(), *a, *b) == Ordering::Less);
                prop_assert!(sorted);
            }
            while view.advance(&store, 3) {}
            let mut expected: Vec<Row> = store
                .rows()
                .filter(|row| !filtered || store.facts(*row).severity == Severity::High)
                .collect();
            expected.sort_by(|a, b| store.compare(view.sort(), *a, *b));
            let shown: Vec<Row> = view.rows().iter().copied().filter(|row| !view.is_stale(*row)).collect();
            prop_assert_eq!(&shown, &expected);
            prop_assert_eq!(view.count(), Count::Exact(expected.len()));
            for row in view.rows() {
                prop_assert_eq!(view.position(&store, *row).map(|at| view.rows()[at]), Some(*row));
            }
        }
    }

    #[test]
    fn a_row_that_stops_matching_stays_until_the_next_scan() {
        let (mut store, mut view) = (Store::default(), View::default());
        view.filter(Some(high()));
        let absorbed = store.absorb(batch(&[alert(1, 1, true, 0), alert(2, 2, true, 0)]));
        view.touch(&store, &absorbed.touched());
        let changed = store.absorb(batch(&[alert(1, 1, false, 1)]));
        view.touch(&store, &changed.touched());
        assert_eq!((view.rows().len(), view.count()), (2, Count::Exact(1)));
        assert!(view.is_stale(changed.changed[0]));
        view.restart();
        while view.advance(&store, 10) {}
        assert_eq!((view.rows().len(), view.is_stale(changed.changed[0])), (1, false));
    }

    #[test]
    fn a_retest_keeps_rows_in_place() {
        let (mut store, mut view) = (Store::default(), View::default());
        view.filter(Some(high()));
        let alerts: Vec<_> = (0..20).map(|id| alert(id, id, id % 2 == 0, 0)).collect();
        let absorbed = store.absorb(batch(&alerts));
        view.touch(&store, &absorbed.touched());
        while view.advance(&store, 3) {}
        let before = view.rows().to_vec();
        view.retest(Some(Box::new(|_, facts| facts.severity == Severity::Low || facts.id.raw() == "4")));
        assert_eq!((view.rows(), view.count()), (&before[..], Count::Exact(10)));
        while view.advance(&store, 3) {}
        assert_eq!((view.rows().len(), view.count()), (20, Count::Exact(11)));
        assert!(before.iter().all(|row| view.is_stale(*row) == (store.facts(*row).id.raw() != "4")));
    }

    #[test]
    fn a_kept_row_stays_until_the_next_scan() {
        let (mut store, mut view) = (Store::default(), View::default());
        let absorbed =
            store.absorb(batch(&[alert(1, 1, false, 0), alert(2, 2, false, 0), alert(3, 3, true, 0)]));
        view.touch(&store, &absorbed.touched());
        view.filter(Some(high()));
        view.keep(store.rows().next());
        while view.advance(&store, 2) {}
        assert_eq!((view.rows().len(), view.count()), (2, Count::Exact(1)));
        assert!(store.rows().next().is_some_and(|row| view.is_stale(row)));
        let changed = store.absorb(batch(&[alert(1, 1, true, 1)]));
        view.touch(&store, &changed.touched());
        assert_eq!((view.rows().len(), view.count()), (2, Count::Exact(2)));
        view.restart();
        while view.advance(&store, 2) {}
        assert_eq!((view.rows().len(), view.count()), (2, Count::Exact(2)));
        view.filter(Some(Box::new(|_, _| false)));
        while view.advance(&store, 2) {}
        assert_eq!(view.rows().len(), 0);
    }

    #[test]
    fn rows_that_are_set_need_no_scan() {
        let (mut store, mut view) = (Store::default(), View::default());
        let alerts: Vec<_> = (0..20).map(|id| alert(id, id, id % 2 == 0, 0)).collect();
        let absorbed = store.absorb(batch(&alerts));
        view.touch(&store, &absorbed.touched());
        view.filter(Some(high()));
        let known: Vec<_> = store.rows().filter(|row| store.facts(*row).severity == Severity::High).collect();
        view.set_rows(&store, &known);
        let taken = view.rows().to_vec();
        assert_eq!((view.has_work(), view.count()), (false, Count::Exact(10)));
        let absorbed = store.absorb(batch(&[alert(30, 30, true, 1), alert(2, 2, false, 1)]));
        view.touch(&store, &absorbed.touched());
        assert_eq!((view.rows().len(), view.count()), (11, Count::Exact(10)));
        view.filter(Some(Box::new(|_, facts| facts.severity == Severity::High || facts.id.raw() == "2")));
        while view.advance(&store, 3) {}
        assert_eq!(view.rows()[1..], taken);
    }

    #[test]
    fn the_top_of_the_list_is_scanned_first() {
        let (mut store, mut view) = (Store::default(), View::default());
        let alerts: Vec<_> = (0..50).map(|id| alert(id, id, id % 2 == 0, 0)).collect();
        view.touch(&store, &store.rows().collect::<Vec<_>>());
        let absorbed = store.absorb(batch(&alerts));
        view.touch(&store, &absorbed.touched());
        view.filter(Some(high()));
        assert!(view.advance(&store, 4));
        assert_eq!(view.count(), Count::AtLeast(2));
        assert_eq!(store.facts(view.rows()[0]).id.raw(), "48");
    }
}
