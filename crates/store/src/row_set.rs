//! Sets of rows, as bitmaps.
//!
//! Filters, marks, feeds and postings are sets of rows; combining them is bit arithmetic. A set
//! takes one bit for each row up to the last row that it contains.

use super::Row;

/// The number of bits in a word.
const BITS: usize = u64::BITS as usize;

/// A set of rows.
#[derive(Clone, Default)]
pub struct RowSet {
    words: Vec<u64>,
    len: usize,
}

impl RowSet {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether a row is in the set.
    pub fn contains(&self, row: Row) -> bool {
        let at = row.index();
        self.words.get(at / BITS).is_some_and(|word| word >> (at % BITS) & 1 == 1)
    }

    /// Adds a row. Returns whether it is new.
    pub fn insert(&mut self, row: Row) -> bool {
        let at = row.index();
        if at / BITS >= self.words.len() {
            self.reserve(at / BITS + 1);
            self.words.resize(at / BITS + 1, 0);
        }
        let (word, bit) = (&mut self.words[at / BITS], 1 << (at % BITS));
        let is_new = *word & bit == 0;
        *word |= bit;
        self.len += usize::from(is_new);
        is_new
    }

    /// Makes room for at least so many words. Sets of frequent values grow with every row. If each
    /// doubled its room when full, thousands of them would do so at the same row. The room
    /// therefore grows by a quarter to a half, depending on the number of rows in the set.
    fn reserve(&mut self, words: usize) {
        if words > self.words.capacity() {
            let extra = words / 4 + words * (self.len % 256) / 1_024;
            self.words.reserve_exact(words + extra - self.words.len());
        }
    }

    /// Removes a row. Returns whether it was in the set.
    pub fn remove(&mut self, row: Row) -> bool {
        let was_there = self.contains(row);
        if was_there {
            self.words[row.index() / BITS] &= !(1 << (row.index() % BITS));
            self.len -= 1;
        }
        was_there
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.words.clear();
        self.len = 0;
    }

    /// Adds the rows of another set.
    pub fn union(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.combine(other, |a, b| a | b);
    }

    /// Keeps only the rows that are also in another set.
    pub fn intersect(&mut self, other: &Self) {
        self.combine(other, |a, b| a & b);
    }

    /// Removes the rows of another set.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |a, b| a & !b);
    }

    /// Replaces each word with the result of `operation`. Words that `other` lacks count as zero.
    fn combine(&mut self, other: &Self, operation: impl Fn(u64, u64) -> u64) {
        let words = other.words.iter().copied().chain(std::iter::repeat(0));
        for (word, other) in self.words.iter_mut().zip(words) {
            *word = operation(*word, other);
        }
        self.len = self.words.iter().map(|word| word.count_ones() as usize).sum();
    }

    /// Returns the number of rows that are also in another set.
    pub fn common(&self, other: &Self) -> usize {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// Lists the rows in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Row> + '_ {
        self.iter_from(0)
    }

    /// Lists the rows in ascending order, starting at an index.
    pub fn iter_from(&self, first: usize) -> impl Iterator<Item = Row> + '_ {
        let skipped = u64::MAX << (first % BITS);
        self.words.iter().enumerate().skip(first / BITS).flat_map(move |(at, word)| {
            let mut left = if at == first / BITS { *word & skipped } else { *word };
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                (left != 0).then(|| {
                    left &= left - 1;
                    Row((at * BITS) as u32 + bit)
                })
            })
        })
    }

    /// Returns the first row.
    pub fn first(&self) -> Option<Row> {
        self.iter().next()
    }

    /// Returns the memory used by the rows, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

impl PartialEq for RowSet {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.common(other) == self.len
    }
}

impl Eq for RowSet {}

impl std::fmt::Debug for RowSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowSet({} rows)", self.len)
    }
}

impl Extend<Row> for RowSet {
    fn extend<T: IntoIterator<Item = Row>>(&mut self, rows: T) {
        for row in rows {
            self.insert(row);
        }
    }
}

impl<'a> Extend<&'a Row> for RowSet {
    fn extend<T: IntoIterator<Item = &'a Row>>(&mut self, rows: T) {
        self.extend(rows.into_iter().copied());
    }
}

impl FromIterator<Row> for RowSet {
    fn from_iter<T: IntoIterator<Item = Row>>(rows: T) -> Self {
        let mut set = Self::default();
        set.extend(rows);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(rows: &BTreeSet<u32>) -> RowSet {
        rows.iter().map(|row| Row(*row)).collect()
    }

    #[test]
    fn sets_that_grow_with_every_row_do_not_all_move_at_the_same_row() {
        const SETS: u32 = 64;
        let mut sets: Vec<_> = (0..SETS).map(|_| RowSet::default()).collect();
        for row in 0..100_000 {
            let mut moved = 0;
            // Each set lacks some of the rows, but all sets have as many words.
            for (_, set) in (2..).zip(&mut sets).filter(|(number, _)| row % number > 0) {
                let before = set.words.capacity();
                set.insert(Row(row));
                moved += u32::from(set.words.capacity() != before);
            }
            assert!(row < 10_000 || moved < SETS / 4, "{moved} sets moved at row {row}");
        }
    }

    proptest! {
        #[test]
        fn a_row_set_is_a_set(
            a in prop::collection::btree_set(0u32..300, 0..60),
            b in prop::collection::btree_set(0u32..300, 0..60),
        ) {
            type Operation = fn(&mut RowSet, &RowSet);
            let cases: [(Operation, BTreeSet<u32>); 3] = [
                (RowSet::union, &a | &b),
                (RowSet::intersect, &a & &b),
                (RowSet::subtract, &a - &b),
            ];
            for (operation, expected) in cases {
                let mut found = set(&a);
                operation(&mut found, &set(&b));
                prop_assert_eq!(found.iter().map(|row| row.0).collect::<BTreeSet<_>>(), expected.clone());
                prop_assert_eq!((found.len(), &found), (expected.len(), &set(&expected)));
            }
            let mut less = set(&a);
            for row in &b {
                prop_assert_eq!(less.remove(Row(*row)), a.contains(row));
            }
            prop_assert_eq!(less.iter().map(|row| row.0).collect::<BTreeSet<_>>(), &a - &b);
            prop_assert_eq!(less.first().map(|row| row.0), (&a - &b).first().copied());
            for first in [0, 1, 63, 64, 65, 128, 299, 1_000] {
                let from: BTreeSet<_> = set(&a).iter_from(first).map(|row| row.0).collect();
                prop_assert_eq!(from, a.iter().copied().filter(|row| *row as usize >= first).collect());
            }
            prop_assert_eq!(set(&a).common(&set(&b)), (&a & &b).len());
        }
    }
}
