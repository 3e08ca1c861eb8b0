//! Sorts rows in slices: first it sorts runs, then it merges neighbouring runs.

use std::cmp::Ordering;

use crate::{Row, Sort, Store};

/// The number of rows in a run.
const RUN: usize = 4_096;

/// A sort in progress. The values of its rows must not change in the meantime.
#[derive(Debug)]
pub(crate) struct Sorter {
    sort: Sort,
    /// Rows with an index below this limit are being sorted; later rows are not.
    limit: usize,
    /// The rows that are not in a run yet.
    unsorted: Vec<Row>,
    /// The sorted runs of the current round.
    runs: Vec<Vec<Keyed>>,
    /// The runs of the next round.
    next: Vec<Vec<Keyed>>,
    /// The merge in progress: two runs, the position in each, and the result.
    merge: Option<Merge>,
}

type Keyed = (u64, Row);

#[derive(Debug)]
struct Merge {
    from: [std::vec::IntoIter<Keyed>; 2],
    into: Vec<Keyed>,
}

impl Sorter {
    pub(crate) fn new(sort: Sort, rows: Vec<Row>) -> Self {
        let limit = rows.iter().max().map_or(0, |last| last.index() + 1);
        Self { sort, limit, unsorted: rows, runs: Vec::new(), next: Vec::new(), merge: None }
    }

    /// Returns whether a row is part of this sort rather than one that arrived later.
    pub(crate) fn contains(&self, row: Row) -> bool {
        row.index() < self.limit
    }

    pub(crate) fn sort(&self) -> Sort {
        self.sort
    }

    /// Continues the sort for about `work` rows, and subtracts the number of rows processed from
    /// `work`. Returns the rows once they are sorted.
    pub(crate) fn advance(&mut self, store: &Store, work: &mut usize) -> Option<Vec<Row>> {
        while *work > 0 {
            if !self.unsorted.is_empty() {
                let rows = self.unsorted.split_off(self.unsorted.len().saturating_sub(RUN));
                // Sorting a run takes about three steps per row.
                *work = work.saturating_sub(rows.len() * 3);
                let mut run: Vec<Keyed> =
                    rows.into_iter().map(|row| (store.sort_key(self.sort, row), row)).collect();
                run.sort_unstable_by(|a, b| compare(store, self.sort, *a, *b));
                self.runs.push(run);
            } else if let Some(merge) = &mut self.merge {
                if !merge.advance(store, self.sort, work) {
                    continue;
                }
                self.next.extend(self.merge.take().map(|merge| merge.into));
            } else if self.runs.len() >= 2 {
                let pair = [self.runs.pop(), self.runs.pop()].map(Option::unwrap_or_default);
                let into = Vec::with_capacity(pair.iter().map(Vec::len).sum());
                self.merge = Some(Merge { from: pair.map(IntoIterator::into_iter), into });
            } else if self.next.is_empty() {
                let sorted = self.runs.pop().unwrap_or_default();
                return Some(sorted.into_iter().map(|(_, row)| row).collect());
            } else {
                self.runs.append(&mut self.next);
            }
        }
        None
    }
}

impl Merge {
    /// Continues the merge. Returns whether it is complete.
    fn advance(&mut self, store: &Store, sort: Sort, work: &mut usize) -> bool {
        let [first, second] = &mut self.from;
        while *work > 0 {
            *work -= 1;
            let side = match (first.as_slice().first(), second.as_slice().first()) {
                (Some(a), Some(b)) if compare(store, sort, *a, *b) == Ordering::Less => &mut *first,
                (_, Some(_)) => &mut *second,
                (Some(_), None) => &mut *first,
                (None, None) => return true,
            };
            self.into.extend(side.next());
        }
        false
    }
}

fn compare(store: &Store, sort: Sort, a: Keyed, b: Keyed) -> Ordering {
    a.0.cmp(&b.0).then_with(|| store.compare(sort, a.1, b.1))
}
