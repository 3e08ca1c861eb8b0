//! A merge sort that runs in slices, for items that are slow to compare in full.

use std::cmp::Ordering;

/// The number of items in a run, which is sorted in one go.
const RUN: usize = 1_024;

/// The start of a value, for a quick first comparison. An item with a smaller head comes first;
/// items with the same head must be compared in full.
pub(crate) type Head = u128;

/// A sort in progress. The sort first sorts runs of items, then merges the runs in pairs.
#[derive(Debug)]
pub(crate) struct MergeSort<T> {
    /// The items that are not in a run yet.
    unsorted: Vec<T>,
    /// The sorted runs of the current round.
    runs: Vec<Vec<(Head, T)>>,
    /// The runs of the next round.
    next: Vec<Vec<(Head, T)>>,
    /// The merge in progress.
    merge: Option<Merge<T>>,
}

/// The remaining items of two runs, and the items merged so far.
#[derive(Debug)]
struct Merge<T> {
    from: [std::vec::IntoIter<(Head, T)>; 2],
    into: Vec<(Head, T)>,
}

impl<T: Copy> MergeSort<T> {
    pub(crate) fn new(items: Vec<T>) -> Self {
        Self { unsorted: items, runs: Vec::new(), next: Vec::new(), merge: None }
    }

    /// Continues the sort for about `work` items, and subtracts the number of items processed from
    /// `work`. Returns the items once they are sorted.
    pub(crate) fn advance(
        &mut self,
        head: impl Fn(T) -> Head,
        compare: impl Fn(T, T) -> Ordering,
        work: &mut usize,
    ) -> Option<Vec<(Head, T)>> {
        let compare = |a: &(Head, T), b: &(Head, T)| a.0.cmp(&b.0).then_with(|| compare(a.1, b.1));
        while *work > 0 {
            if !self.unsorted.is_empty() {
                let items = self.unsorted.split_off(self.unsorted.len().saturating_sub(RUN));
                // Sorting a run takes about ten steps per item.
                *work = work.saturating_sub(items.len() * 10);
                let mut run: Vec<_> = items.into_iter().map(|item| (head(item), item)).collect();
                run.sort_unstable_by(compare);
                self.runs.push(run);
            } else if let Some(merge) = &mut self.merge {
                if merge.advance(compare, work) {
                    self.next.extend(self.merge.take().map(|merge| merge.into));
                }
            } else if self.runs.len() >= 2 {
                let pair = [self.runs.pop(), self.runs.pop()].map(Option::unwrap_or_default);
                let into = Vec::with_capacity(pair.iter().map(Vec::len).sum());
                self.merge = Some(Merge { from: pair.map(IntoIterator::into_iter), into });
            } else if self.next.is_empty() {
                return Some(self.runs.pop().unwrap_or_default());
            } else {
                self.runs.append(&mut self.next);
            }
        }
        None
    }
}

impl<T: Copy> Merge<T> {
    /// Continues the merge. Returns whether it is complete.
    fn advance(&mut self, compare: impl Fn(&(Head, T), &(Head, T)) -> Ordering, work: &mut usize) -> bool {
        let [first, second] = &mut self.from;
        while *work > 0 {
            *work -= 1;
            let side = match (first.as_slice().first(), second.as_slice().first()) {
                (Some(a), Some(b)) if compare(a, b) == Ordering::Less => &mut *first,
                (_, Some(_)) => &mut *second,
                (Some(_), None) => &mut *first,
                (None, None) => return true,
            };
            self.into.extend(side.next());
        }
        false
    }
}
