//! Postings: for each value, the rows that have it and the properties under which it occurs.
//!
//! Most values occur in only one alert, so a single row is stored in place of a list. A dense list
//! of rows becomes a bitmap.

use std::hint::black_box;

use hashbrown::{HashMap, HashSet};

use crate::{
    Row, RowSet,
    chunked::Chunked,
    dictionary::{KeyCode, ValueCode},
};

/// The rows that have a given value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    None,
    One(Row),
    Many(&'a List),
}

/// A set of rows, as a list if sparse or as a bitmap if dense.
#[derive(Debug)]
pub(crate) enum List {
    /// The rows, in ascending order.
    Sparse(Vec<Row>),
    Dense(RowSet),
}

impl Rows<'_> {
    /// Adds the rows to a set.
    pub(crate) fn add_to(self, set: &mut RowSet) {
        match self {
            Self::None => {}
            Self::One(row) => {
                set.insert(row);
            }
            Self::Many(list) => list.add_to(set),
        }
    }
}

impl Rows<'_> {
    /// Returns the number of rows.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(List::Sparse(rows)) => rows.len(),
            Self::Many(List::Dense(rows)) => rows.len(),
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl List {
    /// Adds the rows to a set.
    pub(crate) fn add_to(&self, set: &mut RowSet) {
        match self {
            Self::Sparse(rows) => set.extend(rows),
            Self::Dense(rows) => set.union(rows),
        }
    }

    pub(crate) fn insert(&mut self, row: Row) {
        /// The maximum length of a list that is never converted to a bitmap.
        const DENSE: usize = 64;
        match self {
            Self::Dense(rows) => {
                rows.insert(row);
            }
            Self::Sparse(rows) => {
                match rows.last() {
                    Some(last) if *last == row => return,
                    Some(last) if *last > row => {
                        if let Err(at) = rows.binary_search(&row) {
                            rows.insert(at, row);
                        }
                    }
                    _ => rows.push(row),
                }
                let span = rows.last().map_or(0, |last| last.index());
                if rows.len() > DENSE && rows.len() * 32 > span {
                    *self = Self::Dense(rows.iter().copied().collect());
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, row: Row) {
        match self {
            Self::Dense(rows) => {
                rows.remove(row);
            }
            Self::Sparse(rows) => {
                if let Ok(at) = rows.binary_search(&row) {
                    rows.remove(at);
                }
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Sparse(rows) => rows.capacity() * size_of::<Row>(),
            Self::Dense(rows) => rows.size(),
        }
    }
}

/// The postings of all values.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    /// For each name, the postings of its values.
    values: Vec<Chunked<Posting>>,
    lists: Chunked<List>,
    sets: KeySets,
    /// The values that have too many properties to track. Each is paired with every property under
    /// which it has occurred since tracking stopped.
    untold: HashSet<(ValueCode, KeyCode)>,
}

/// A value's rows and properties.
#[derive(Clone, Copy, Debug)]
struct Posting {
    /// The row, [`NONE`], or [`LIST`] combined with a list number.
    rows: u32,
    /// The number of the property set.
    keys: u16,
}

impl Posting {
    const EMPTY: Self = Self { rows: NONE, keys: 0 };
}

/// The bit that marks a number as a list number.
const LIST: u32 = 1 << 31;
/// A sentinel for "no row".
const NONE: u32 = u32::MAX;

impl Postings {
    /// Adds a row to the postings of a value. Returns whether the value is new under this property.
    /// If the value has too many properties to track, the result may be true twice for the same
    /// property.
    pub(crate) fn add(&mut self, value: ValueCode, key: KeyCode, row: Row) -> bool {
        let at = value.name.index();
        while self.values.len() <= at {
            self.values.push(Chunked::default());
        }
        let (values, index) = (&mut self.values[at], value.index as usize);
        while values.len() <= index {
            values.push(Posting::EMPTY);
        }
        let posting = &mut values[index];
        let set = self.sets.with(posting.keys, key);
        let is_known = std::mem::replace(&mut posting.keys, set) == set;
        let is_new = if set == KeySets::UNKNOWN { self.untold.insert((value, key)) } else { !is_known };
        match posting.rows {
            NONE => posting.rows = row.0,
            list if list & LIST != 0 => self.lists[(list & !LIST) as usize].insert(row),
            one if one == row.0 => {}
            one => {
                let pair = vec![Row(one.min(row.0)), Row(one.max(row.0))];
                posting.rows = LIST | self.lists.len() as u32;
                self.lists.push(List::Sparse(pair));
            }
        }
        is_new
    }

    /// Removes a row from the postings of a value. The value keeps its properties.
    pub(crate) fn remove(&mut self, value: ValueCode, row: Row) {
        let Some(values) = self.values.get_mut(value.name.index()) else { return };
        let Some(posting) = values.get_mut(value.index as usize) else { return };
        match posting.rows {
            NONE => {}
            list if list & LIST != 0 => self.lists[(list & !LIST) as usize].remove(row),
            one if one == row.0 => posting.rows = NONE,
            _ => {}
        }
    }

    /// Returns the rows that have the given value.
    pub(crate) fn rows(&self, value: ValueCode) -> Rows<'_> {
        match self.get(value).rows {
            NONE => Rows::None,
            list if list & LIST != 0 => Rows::Many(&self.lists[(list & !LIST) as usize]),
            row => Rows::One(Row(row)),
        }
    }

    fn get(&self, value: ValueCode) -> Posting {
        let posting = self.values.get(value.name.index()).and_then(|values| values.get(value.index as usize));
        posting.copied().unwrap_or(Posting::EMPTY)
    }

    /// Reads the postings that rows are about to be added to, to bring them into the processor's
    /// caches. No read depends on another, so the processor can wait for many reads at the same
    /// time.
    pub(crate) fn warm(&self, values: &[ValueCode]) {
        black_box(values.iter().fold(0, |sum: u32, value| sum.wrapping_add(self.get(*value).rows)));
    }

    /// Returns the properties under which a value has ever occurred, or `None` if there are too
    /// many to track.
    pub(crate) fn keys(&self, value: ValueCode) -> Option<&[KeyCode]> {
        self.sets.get(self.get(value).keys)
    }

    /// Returns the memory used by the postings, in bytes.
    pub(crate) fn size(&self) -> usize {
        let values = self.values.iter().map(Chunked::size).sum::<usize>();
        let untold = self.untold.capacity() * size_of::<(ValueCode, KeyCode)>();
        values + untold + self.lists.size() + self.lists.iter().map(List::size).sum::<usize>()
    }
}

/// Sets of properties, by number. Set 0 is empty. There are only a few others, because most values
/// share their set with many other values.
#[derive(Debug)]
struct KeySets {
    sets: Vec<Vec<KeyCode>>,
    /// For a set and a property to add to it, the number of the resulting set.
    next: HashMap<(u16, KeyCode), u16>,
}

impl Default for KeySets {
    fn default() -> Self {
        Self { sets: vec![Vec::new()], next: HashMap::new() }
    }
}

impl KeySets {
    /// A sentinel for a property set that is not tracked.
    const UNKNOWN: u16 = u16::MAX;

    fn get(&self, number: u16) -> Option<&[KeyCode]> {
        self.sets.get(usize::from(number)).map(Vec::as_slice)
    }

    fn with(&mut self, number: u16, key: KeyCode) -> u16 {
        let Some(set) = self.get(number) else { return Self::UNKNOWN };
        if set.contains(&key) {
            return number;
        }
        if let Some(next) = self.next.get(&(number, key)) {
            return *next;
        }
        let mut larger = set.to_vec();
        larger.push(key);
        larger.sort_unstable();
        let next = match self.sets.iter().position(|known| *known == larger) {
            Some(known) => known as u16,
            // Values with many properties come from hostile input and are looked up row by row.
            None if self.sets.len() >= usize::from(u16::MAX >> 2) || larger.len() > 64 => Self::UNKNOWN,
            None => {
                self.sets.push(larger);
                (self.sets.len() - 1) as u16
            }
        };
        self.next.insert((number, key), next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::NameCode;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn postings_are_the_rows_that_were_added(
            steps in prop::collection::vec((any::<bool>(), 0u16..3, 0u32..4, 0u32..400, 0u16..3), 0..400),
        ) {
            let mut postings = Postings::default();
            let mut rows: BTreeMap<ValueCode, BTreeSet<Row>> = BTreeMap::new();
            let mut keys: BTreeMap<ValueCode, BTreeSet<KeyCode>> = BTreeMap::new();
            for (adds, name, index, row, key) in steps {
                let value = ValueCode { name: NameCode(name), index };
                if adds {
                    postings.add(value, KeyCode(key), Row(row));
                    rows.entry(value).or_default().insert(Row(row));
                    keys.entry(value).or_default().insert(KeyCode(key));
                } else {
                    postings.remove(value, Row(row));
                    rows.entry(value).or_default().remove(&Row(row));
                }
            }
            for (value, expected) in rows {
                let mut found = RowSet::default();
                postings.rows(value).add_to(&mut found);
                prop_assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected.clone());
                let under: BTreeSet<_> = postings.keys(value).unwrap().iter().copied().collect();
                prop_assert_eq!(under, keys.remove(&value).unwrap_or_default());
            }
        }
    }

    #[test]
    fn too_many_properties_are_not_told() {
        let mut postings = Postings::default();
        let value = ValueCode { name: NameCode(0), index: 0 };
        for row in 0..3 {
            for key in 0..100 {
                let is_new = postings.add(value, KeyCode(key), Row(row));
                assert_eq!(is_new, row == 0 || row == 1 && key < 64, "{row} {key}");
            }
        }
        assert_eq!(postings.keys(value), None);
    }
}
