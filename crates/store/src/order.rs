//! Rows in a sort order, stored in chunks, so that adding or moving a row touches only one chunk.
//!
//! Each chunk counts its shown rows, so no list of the shown rows is needed to find the row at a
//! given line or the line of a given row.

use std::cmp::Ordering;

use crate::{Row, RowSet, Sort, Store};

/// The maximum number of rows in a chunk.
pub(crate) const CHUNK: usize = 4_096;

#[derive(Clone, Debug, Default)]
struct Chunk {
    rows: Vec<Row>,
    /// The number of shown rows.
    shown: usize,
}

impl Chunk {
    fn count(&mut self, shown: &RowSet) {
        self.shown = self.rows.iter().filter(|row| shown.contains(**row)).count();
    }
}

/// Rows in a sort order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) sort: Sort,
    placed: RowSet,
    chunks: Vec<Chunk>,
}

impl Order {
    /// Creates an order from sorted rows. `placed` is the set of these rows. [`Order::count`] must
    /// be called afterwards.
    pub(crate) fn of_sorted(sort: Sort, rows: &[Row], placed: RowSet) -> Self {
        // Fill each chunk halfway, so that new rows do not split it immediately.
        let chunks = rows.chunks(CHUNK / 2).map(|rows| Chunk { rows: rows.to_vec(), shown: 0 });
        Self { sort, placed, chunks: chunks.collect() }
    }

    /// Counts the shown rows of every chunk.
    pub(crate) fn count(&mut self, shown: &RowSet) {
        self.chunks.iter_mut().for_each(|chunk| chunk.count(shown));
    }

    /// Adds a row, which must not already be in the order.
    pub(crate) fn insert(&mut self, store: &Store, row: Row, is_shown: bool) {
        let at = self.chunk_of(store, row);
        if self.chunks.is_empty() {
            self.chunks.push(Chunk::default());
        }
        let sort = self.sort;
        let chunk = &mut self.chunks[at];
        let place = chunk.rows.partition_point(|other| is_before(store, sort, *other, row));
        chunk.rows.insert(place, row);
        self.placed.insert(row);
        chunk.shown += usize::from(is_shown);
    }

    /// Splits chunks that have become too long.
    pub(crate) fn split(&mut self, shown: &RowSet) {
        let mut at = 0;
        while at < self.chunks.len() {
            if self.chunks[at].rows.len() > CHUNK {
                let rows = self.chunks[at].rows.split_off(CHUNK / 2);
                self.chunks.insert(at + 1, Chunk { rows, shown: 0 });
                self.chunks[at..at + 2].iter_mut().for_each(|chunk| chunk.count(shown));
            }
            at += 1;
        }
    }

    /// Removes rows in a single pass. Their values may have changed, so their positions cannot be
    /// looked up.
    pub(crate) fn remove(&mut self, rows: &RowSet, shown: &RowSet) {
        if self.placed.common(rows) == 0 {
            return;
        }
        self.placed.subtract(rows);
        for chunk in &mut self.chunks {
            let before = chunk.rows.len();
            chunk.rows.retain(|row| !rows.contains(*row));
            if chunk.rows.len() < before {
                chunk.count(shown);
            }
        }
        self.chunks.retain(|chunk| !chunk.rows.is_empty());
    }

    /// Returns the shown row at a line.
    pub(crate) fn get(&self, line: usize, shown: &RowSet) -> Option<Row> {
        self.from(line, shown).next()
    }

    /// Lists the shown rows, starting at a line.
    pub(crate) fn from(&self, line: usize, shown: &RowSet) -> impl Iterator<Item = Row> {
        let mut left = line;
        let mut first = 0;
        while let Some(chunk) = self.chunks.get(first)
            && left >= chunk.shown
        {
            left -= chunk.shown;
            first += 1;
        }
        let rest = self.chunks[first..].iter().filter(|chunk| chunk.shown > 0);
        let rows = rest.flat_map(|chunk| &chunk.rows).copied();
        rows.filter(|row| shown.contains(*row)).skip(left)
    }

    /// Returns the set of rows in the order.
    pub(crate) fn placed(&self) -> &RowSet {
        &self.placed
    }

    /// Lists all rows, shown or not.
    pub(crate) fn rows(&self) -> impl DoubleEndedIterator<Item = Row> {
        self.chunks.iter().flat_map(|chunk| &chunk.rows).copied()
    }

    /// Returns the line of a row, or the line that the row would have if it were shown.
    pub(crate) fn line(&self, store: &Store, row: Row, shown: &RowSet) -> usize {
        let at = self.chunk_of(store, row);
        let before: usize = self.chunks[..at].iter().map(|chunk| chunk.shown).sum();
        let Some(chunk) = self.chunks.get(at) else { return before };
        let place = chunk.rows.partition_point(|other| is_before(store, self.sort, *other, row));
        before + chunk.rows[..place].iter().filter(|row| shown.contains(**row)).count()
    }

    /// Returns the chunk that a row belongs to, which is the last chunk that starts before the row.
    fn chunk_of(&self, store: &Store, row: Row) -> usize {
        let starts_before =
            |chunk: &Chunk| chunk.rows.first().is_some_and(|first| is_before(store, self.sort, *first, row));
        self.chunks.partition_point(starts_before).saturating_sub(1)
    }
}

fn is_before(store: &Store, sort: Sort, a: Row, b: Row) -> bool {
    store.compare(sort, a, b) == Ordering::Less
}
