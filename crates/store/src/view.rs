//! The rows that match a filter, in order, kept up to date in slices of bounded work.
//!
//! A view holds the order of *all* rows and walks it from the top, so matches come out already
//! sorted and the first screenful is found first. While the walk is under way arrivals before
//! it are tested at once and those behind it are left to it. At rest the view equals a plain
//! filter and sort of everything that is held, whatever came in which order.

use std::{cmp::Ordering, collections::HashSet, fmt};

use super::{Row, Sort, Store};
use crate::facts::{Dictionary, Facts};

/// Tells whether an alert matches.
pub type Test = Box<dyn FnMut(&Dictionary, &Facts) -> bool + Send>;

/// How many rows match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exact(usize),
    /// So many so far; not every row was looked at yet.
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

/// The rows that match a filter, in order.
#[derive(Default)]
pub struct View {
    test: Option<Test>,
    sort: Sort,
    /// Every row of the store, in order.
    all: Vec<Row>,
    /// How many of `all` were tested.
    scanned: usize,
    /// The rows that match, and those of `stale`, in order.
    order: Vec<Row>,
    /// Rows that matched, changed, and do not match any more: they stay where they are.
    stale: HashSet<Row>,
    /// Rows that were tested by a former test and are to be tested again in their place.
    retest: Vec<Row>,
    /// A row that is shown even if it does not match.
    kept: Option<Row>,
    revision: u64,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("sort", &self.sort)
            .field("scanned", &self.scanned)
            .field("all", &self.all.len())
            .field("order", &self.order.len())
            .finish_non_exhaustive()
    }
}

impl View {
    /// Drops the walk under way and begins one with another test; `None` matches everything.
    pub fn filter(&mut self, test: Option<Test>) {
        self.test = test;
        self.restart();
    }

    /// Goes on with another test that means the same at a later time: rows keep their place, and
    /// those that do not match any more are shown as such.
    pub fn retest(&mut self, test: Option<Test>) {
        self.test = test;
        self.retest = self.all[..self.scanned].to_vec();
    }

    /// Drops the walk under way and begins one in another order.
    pub fn sort_by(&mut self, store: &Store, sort: Sort) {
        self.sort = sort;
        self.all.sort_unstable_by(|a, b| store.compare(sort, *a, *b));
        self.restart();
    }

    /// Forgets the rows that are shown although they do not match any more.
    pub fn restart(&mut self) {
        self.scanned = 0;
        self.order.clear();
        self.stale.clear();
        self.retest.clear();
        self.kept = None;
        self.revision += 1;
    }

    /// Takes the rows that the test in force matches, where they are known: nothing is left to walk
    /// over.
    pub fn set_rows(&mut self, store: &Store, rows: &[Row]) {
        self.restart();
        self.order = rows.to_vec();
        self.order.sort_unstable_by(|a, b| store.compare(self.sort, *a, *b));
        self.scanned = self.all.len();
    }

    /// Shows a row that the walk has yet to reach even if it does not match any more, as one that
    /// did until it changed; until the next walk.
    pub fn keep(&mut self, row: Option<Row>) {
        self.kept = row;
    }

    /// Returns the sort in force.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Looks at up to `rows` more rows; tells whether some are left.
    pub fn advance(&mut self, store: &Store, rows: usize) -> bool {
        if !self.is_scanning() && !self.retest.is_empty() {
            let some = self.retest.split_off(self.retest.len().saturating_sub(rows));
            self.touch(store, &some);
            return self.has_work();
        }
        let end = (self.scanned + rows).min(self.all.len());
        let before = self.order.len();
        for at in self.scanned..end {
            let row = self.all[at];
            let fits = matches(self.test.as_mut(), store, row);
            if fits || self.kept == Some(row) {
                self.order.push(row);
            }
            if !fits && self.kept == Some(row) {
                self.stale.insert(row);
            }
        }
        let moved = end > self.scanned;
        self.scanned = end;
        if moved && (self.order.len() > before || end == self.all.len()) {
            self.revision += 1;
        }
        self.has_work()
    }

    /// Tells whether there is something for [`View::advance`] to do.
    pub fn has_work(&self) -> bool {
        self.is_scanning() || !self.retest.is_empty()
    }

    /// Tells whether rows are left that were not looked at yet.
    pub fn is_scanning(&self) -> bool {
        self.scanned < self.all.len()
    }

    /// Takes in rows that are new or have changed.
    pub fn touch(&mut self, store: &Store, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let compare = |a: &Row, b: &Row| store.compare(self.sort, *a, *b);
        let touched: HashSet<Row> = rows.iter().copied().collect();
        let held = self.all.len();
        // What is next in the walk, once the touched rows are taken out of it.
        let next = self.all[self.scanned..].iter().find(|row| !touched.contains(row)).copied();
        let mut shown = HashSet::new();
        // Rows are numbered as they come: one below the number held has a place already, by its
        // former state, and loses it before anything is compared.
        if touched.iter().any(|row| row.index() < held) {
            self.all.retain(|row| !touched.contains(row));
            self.order.retain(|row| {
                let keep = !touched.contains(row);
                if !keep {
                    shown.insert(*row);
                }
                keep
            });
        }
        let mut arrivals: Vec<Row> = touched.into_iter().collect();
        arrivals.sort_unstable_by(compare);
        let is_behind = |row: &Row| next.is_none_or(|next| compare(row, &next) == Ordering::Less);
        let mut hits = Vec::new();
        // A row that the walk has yet to reach is found there.
        for row in &arrivals {
            self.stale.remove(row);
            if is_behind(row) {
                let fits = matches(self.test.as_mut(), store, *row);
                if fits || shown.contains(row) {
                    hits.push(*row);
                }
                if !fits && shown.contains(row) {
                    self.stale.insert(*row);
                }
            }
        }
        self.all = merge(&self.all, &arrivals, compare);
        self.order = merge(&self.order, &hits, compare);
        self.scanned = match next {
            Some(next) => self.all.partition_point(|row| compare(row, &next) == Ordering::Less),
            None => self.all.len(),
        };
        self.revision += 1;
    }

    /// Returns how many rows match.
    pub fn count(&self) -> Count {
        let found = self.order.len() - self.stale.len();
        if self.is_scanning() { Count::AtLeast(found) } else { Count::Exact(found) }
    }

    /// Returns the rows to show, in order: those that match and those that did until they changed.
    pub fn rows(&self) -> &[Row] {
        &self.order
    }

    /// Tells whether a row is shown although it does not match any more.
    pub fn is_stale(&self, row: Row) -> bool {
        self.stale.contains(&row)
    }

    /// Returns where a row stands, if it is shown.
    pub fn position(&self, store: &Store, row: Row) -> Option<usize> {
        let at = self.nearest(store, row);
        (self.order.get(at) == Some(&row)).then_some(at)
    }

    /// Returns where a row stands or would stand.
    pub fn nearest(&self, store: &Store, row: Row) -> usize {
        self.order.partition_point(|other| store.compare(self.sort, *other, row) == Ordering::Less)
    }

    /// Returns a number that changes whenever what is shown may have changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

fn matches(test: Option<&mut Test>, store: &Store, row: Row) -> bool {
    test.is_none_or(|test| test(store.dictionary(), store.facts(row)))
}

/// Merges two ordered lists without a common element.
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

    /// An alert whose state is told by its number, a place in time and whether it is high.
    fn alert(id: u8, minute: u8, high: bool, version: usize) -> Value {
        json!({"id": format!("{id}"), "severity": if high { "high" } else { "low" },
            "createdDateTime": format!("2026-11-01T00:{minute:02}:00Z"),
            "lastUpdateDateTime": format!("2026-11-02T{:02}:{:02}:00Z", version / 60, version % 60)})
    }

    fn high() -> Test {
        Box::new(|_, facts| facts.severity == Severity::High)
    }

    proptest! {
        #[test]
        fn at_rest_it_equals_a_plain_filter_and_sort(steps in prop::collection::vec(step(), 1..25)) {
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
    fn a_row_that_stops_matching_stays_until_the_next_walk() {
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
    fn a_later_test_leaves_rows_in_their_place() {
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
    fn a_row_that_is_kept_stays_until_the_next_walk() {
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
    fn rows_that_are_known_to_match_need_no_walk() {
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
    fn the_top_of_the_list_is_found_first() {
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
