//! Sorts rows by a column, in slices.
//!
//! The rows are given in order of age, and rows with equal values keep that order. Rows with the
//! same code have the same value, so each distinct value needs to be sorted only once: one row for
//! each code is sorted, which gives each code a rank, and then all rows are sorted by rank. Dates
//! have no codes and are sorted as numbers.

use std::{cmp::Ordering, mem::take};

use alertdeck_model::Timestamp;

use crate::{
    DateColumn, Row, Sort, Store,
    merge_sort::{Head, MergeSort},
    radix::Radix,
};

/// A sort in progress. The values of its rows must not change until the sort is complete.
#[derive(Debug)]
pub(crate) struct Sorter {
    sort: Sort,
    /// Rows with an index below this limit are being sorted; later rows are not.
    limit: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Reading the codes of the rows.
    Codes(Vec<Row>, Codes),
    /// Sorting the codes.
    Sort(Codes, MergeSort<Row>),
    /// Numbering the sorted codes.
    Number(Codes, Ranks),
    /// Giving each row the rank of its code. The number counts the rows that already have a rank.
    Keys(Codes, Ranks, usize),
    /// Sorting rows by rank.
    ByRank(Radix),
    /// Finding the range of the dates.
    Dates(Vec<Row>, Dates),
    /// Giving each row the key of its date.
    DateKeys(Vec<Row>, Dates, Vec<u64>),
    /// Sorting rows by date.
    ByDate(Dates, Radix),
}

/// The rows' codes.
#[derive(Debug, Default)]
struct Codes {
    /// For each row, its code in the upper 32 bits and its index in the lower 32 bits. The code is
    /// later replaced with its rank.
    items: Vec<u64>,
    /// An example row for each code, indexed by code.
    examples: Vec<Option<Row>>,
}

/// The ranks assigned to codes.
#[derive(Debug, Default)]
struct Ranks {
    /// The example row for each code, sorted by value.
    sorted: Vec<(Head, Row)>,
    /// The number of rows in `sorted` whose codes have ranks.
    numbered: usize,
    /// The last rank assigned. Equal values have the same rank.
    rank: u32,
    /// The rank of each code, followed by the rank for rows without a value.
    by_code: Vec<u32>,
}

/// The range of the dates read so far.
#[derive(Clone, Copy, Debug)]
struct Dates {
    date: DateColumn,
    read: usize,
    first: i64,
    last: i64,
}

/// The code for rows that have no value.
const NONE: u32 = u32::MAX;

impl Sorter {
    /// Prepares to sort rows, which must be in order of age.
    pub(crate) fn new(sort: Sort, rows: Vec<Row>) -> Self {
        let limit = rows.iter().max().map_or(0, |last| last.index() + 1);
        let stage = match sort.column.date() {
            Some(date) => Stage::Dates(rows, Dates { date, read: 0, first: i64::MAX, last: i64::MIN }),
            None => {
                let items = Vec::with_capacity(rows.len());
                Stage::Codes(rows, Codes { items, examples: Vec::new() })
            }
        };
        Self { sort, limit, stage }
    }

    /// Returns the index limit of this sort. Rows at or above the limit arrived after the sort
    /// started.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns whether this sort covers a row. Rows that arrive later are not covered.
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
            let sort = self.sort;
            let next = match &mut self.stage {
                Stage::Codes(rows, codes) => {
                    if !codes.read(store, sort, rows, work) {
                        continue;
                    }
                    let examples = codes.examples.iter().flatten().copied().collect();
                    Stage::Sort(take(codes), MergeSort::new(examples))
                }
                Stage::Sort(codes, examples) => {
                    let head = |row| store.sort_head(sort, row);
                    let compare = |a, b| store.compare_values(sort, a, b);
                    let Some(sorted) = examples.advance(head, compare, work) else { continue };
                    let by_code = vec![0; codes.examples.len() + 1];
                    Stage::Number(take(codes), Ranks { sorted, by_code, ..Ranks::default() })
                }
                Stage::Number(codes, ranks) => {
                    if !ranks.number(store, sort, work) {
                        continue;
                    }
                    Stage::Keys(take(codes), take(ranks), 0)
                }
                Stage::Keys(codes, ranks, done) => {
                    let end = codes.items.len().min(done.saturating_add(*work));
                    *work -= end - *done;
                    ranks.replace(&mut codes.items[*done..end]);
                    *done = end;
                    if end < codes.items.len() {
                        continue;
                    }
                    let largest = ranks.sorted.len() as u64;
                    Stage::ByRank(Radix::new(take(&mut codes.items), 32, largest))
                }
                Stage::ByRank(radix) => {
                    let Some(items) = radix.advance(work) else { continue };
                    return Some(items.into_iter().map(|item| Row(item as u32)).collect());
                }
                Stage::Dates(rows, dates) => {
                    if !dates.read(store, rows, work) {
                        continue;
                    }
                    let items = Vec::with_capacity(rows.len());
                    Stage::DateKeys(take(rows), *dates, items)
                }
                Stage::DateKeys(rows, dates, items) => {
                    let first = items.len();
                    let end = rows.len().min(first.saturating_add(*work));
                    *work -= end - first;
                    let low = row_bits(self.limit);
                    items.extend(
                        rows[first..end].iter().map(|row| dates.item(store, *row, low, sort.descending)),
                    );
                    if end < rows.len() {
                        continue;
                    }
                    Stage::ByDate(*dates, Radix::new(take(items), low, dates.none() >> dates.left_out(low)))
                }
                Stage::ByDate(dates, radix) => {
                    let Some(items) = radix.advance(work) else { continue };
                    let bits = row_bits(self.limit);
                    let row = |item: &u64| Row((item & ((1 << bits) - 1)) as u32);
                    let mut rows: Vec<_> = items.iter().map(row).collect();
                    if dates.left_out(bits) == 0 {
                        return Some(rows);
                    }
                    // Dates that differ only in the omitted bits have equal keys.
                    let mut start = 0;
                    for equal in items.chunk_by(|a, b| a >> bits == b >> bits) {
                        let end = start + equal.len();
                        if equal.len() > 1 {
                            rows[start..end].sort_by(|a, b| store.compare_values(sort, *a, *b));
                        }
                        start = end;
                    }
                    return Some(rows);
                }
            };
            self.stage = next;
        }
        None
    }
}

impl Codes {
    /// Continues to read the codes of rows. Returns whether all codes have been read.
    fn read(&mut self, store: &Store, sort: Sort, rows: &[Row], work: &mut usize) -> bool {
        let first = self.items.len();
        let end = rows.len().min(first.saturating_add(*work));
        *work -= end - first;
        let Self { items, examples } = self;
        store.codes(sort.column, &rows[first..end], |row, code| {
            items.push(u64::from(code.unwrap_or(NONE)) << 32 | u64::from(row.0));
            if let Some(code) = code {
                let at = code as usize;
                if at >= examples.len() {
                    examples.resize(at + 1, None);
                }
                examples[at].get_or_insert(row);
            }
        });
        end == rows.len()
    }
}

impl Ranks {
    /// Continues to assign ranks to the sorted codes. Returns whether all codes have a rank.
    fn number(&mut self, store: &Store, sort: Sort, work: &mut usize) -> bool {
        while *work > 0 && self.numbered < self.sorted.len() {
            let (head, row) = self.sorted[self.numbered];
            let former = self.numbered.checked_sub(1).map(|former| self.sorted[former]);
            self.rank += match former {
                Some((former, _)) if former < head => 1,
                Some((_, former)) => u32::from(store.compare_values(sort, former, row) == Ordering::Less),
                None => 0,
            };
            if let Some(code) = store.code(sort.column, row) {
                self.by_code[code as usize] = self.rank;
            }
            self.numbered += 1;
            *work -= 1;
        }
        if let Some(last) = self.by_code.last_mut() {
            *last = self.sorted.len() as u32;
        }
        self.numbered == self.sorted.len()
    }

    /// Replaces the codes in items with their ranks.
    fn replace(&self, items: &mut [u64]) {
        let last = self.by_code.len() - 1;
        for item in items {
            let rank = self.by_code[((*item >> 32) as usize).min(last)];
            *item = u64::from(rank) << 32 | *item & u64::from(u32::MAX);
        }
    }
}

impl Dates {
    /// Continues to find the range of the dates. Returns whether all dates have been read.
    fn read(&mut self, store: &Store, rows: &[Row], work: &mut usize) -> bool {
        let end = rows.len().min(self.read.saturating_add(*work));
        *work -= end - self.read;
        for row in &rows[self.read..end] {
            if let Some(ticks) = self.ticks(store, *row) {
                (self.first, self.last) = (self.first.min(ticks), self.last.max(ticks));
            }
        }
        self.read = end;
        end == rows.len()
    }

    fn ticks(&self, store: &Store, row: Row) -> Option<i64> {
        store.facts(row).date(self.date).map(Timestamp::ticks)
    }

    /// Returns the key of rows without a date, which is the largest key.
    fn none(&self) -> u64 {
        if self.first > self.last { 0 } else { self.last.abs_diff(self.first) + 1 }
    }

    /// Returns the number of low bits to omit from each key so that the key and a row fit into an
    /// item.
    fn left_out(&self, low: u32) -> u32 {
        low.saturating_sub(self.none().leading_zeros())
    }

    /// Packs a row into a sort item: the key for its date in the high bits, and the row in the
    /// lowest `low` bits.
    fn item(&self, store: &Store, row: Row, low: u32, descending: bool) -> u64 {
        let key = match self.ticks(store, row) {
            None => self.none(),
            Some(ticks) if descending => self.last.abs_diff(ticks),
            Some(ticks) => ticks.abs_diff(self.first),
        };
        key >> self.left_out(low) << low | u64::from(row.0)
    }
}

/// Returns the number of bits needed to store any row below a limit.
fn row_bits(limit: usize) -> u32 {
    usize::BITS - limit.leading_zeros()
}
