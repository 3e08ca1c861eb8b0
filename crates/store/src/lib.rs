//! The loaded alerts: columns for listing, sorting and filtering, terms for searching, and the JSON
//! of each alert.
//!
//! A [`Store`] has one owner and uses no locks or threads. Workers decode [`Batch`]es, and the
//! owner adds them to the store. A [`Row`] is never moved or reused, so it identifies an alert
//! regardless of how the list is sorted or filtered. Sets of rows are bitmaps ([`RowSet`]). The
//! store does not know where alerts come from, how they are filtered or how they are drawn.

mod absorb;
mod batch;
mod chunked;
mod column;
mod columns;
mod contents;
mod decode;
mod dictionary;
mod facts;
mod json;
mod merge_sort;
mod order;
mod packed;
mod posting;
mod prevalence;
mod radix;
mod row_set;
mod shape;
mod sorter;
mod stored;
mod summary;
mod table;
mod texts;
mod values;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

pub use absorb::Absorbed;
pub use batch::{AlertState, Batch, DamagedBatch, EncodedBatch, Version};
pub use column::{Cell, Column, Sort};
pub use columns::DateColumn;
pub use dictionary::{Dictionary, FoldedText, Key, KeyCode, NameCode, ValueCode, last_name};
pub use facts::Facts;
pub use prevalence::{Classes, PostingRules, Prevalence, Tally};
pub use row_set::RowSet;
pub use stored::{StoredAlert, StoredReader};
pub use summary::{AGES, AlertCount, COUNTED, Summary, ValueCount};
pub use values::{Substrings, fold};
pub use view::{Count, Filter, View};

use alertdeck_model::{AlertId, SafeText, Timestamp};
use columns::Columns;
use contents::{Contents, Step, Steps};
use decode::{DEVICES, USERS};
use hashbrown::HashSet;
use posting::Postings;
use prevalence::Index;
use shape::{Leaf, ShapeTable, Shapes};
use stored::Snapshot;
use table::Table;

/// Identifies an alert in a [`Store`]. Rows are numbered in order of arrival and are never moved or
/// reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

impl Row {
    /// Returns the row as an index, which is less than the number of alerts ever added.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Identifies a feed. A feed is a source of alerts: either one account in one tenant of one cloud,
/// or files. Alert ids are unique only within a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(u16);

impl FeedId {
    /// Creates the id for the feed with the given index.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// Returns the index, which is the number of feeds opened before this one.
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// The loaded alerts.
#[derive(Debug)]
pub struct Store {
    dictionary: Dictionary,
    columns: Columns,
    shapes: ShapeTable,
    contents: Contents,
    /// The snapshot that deferred alerts share. Dropped when the next batch is added.
    snapshot: OnceLock<Arc<Snapshot>>,
    postings: Postings,
    index: Index,
    /// The rows, keyed by the hash of their feed and id.
    by_id: Table<Row>,
    /// The rows of each feed, excluding retired rows.
    feeds: BTreeMap<FeedId, RowSet>,
    /// Each feed's display name.
    names: BTreeMap<FeedId, SafeText>,
    /// The feeds whose rows are hidden.
    hidden: BTreeSet<FeedId>,
    /// The rows of all feeds that are not hidden.
    visible: RowSet,
    /// The owners of each feed's alerts, in every spelling seen so far.
    owners: BTreeMap<FeedId, Owners>,
    /// The number of times rows have been replaced, retired, hidden or shown.
    changes: u64,
}

impl Default for Store {
    /// Creates an empty store in which no value is an indicator.
    fn default() -> Self {
        Self::new(&prevalence::NoPostings)
    }
}

impl Store {
    /// Creates an empty store. `rules` determines which values are indicators.
    pub fn new(rules: &'static dyn PostingRules) -> Self {
        Self {
            dictionary: Dictionary::default(),
            columns: Columns::default(),
            shapes: ShapeTable::default(),
            contents: Contents::default(),
            snapshot: OnceLock::new(),
            postings: Postings::default(),
            index: Index::new(rules),
            by_id: Table::default(),
            feeds: BTreeMap::new(),
            names: BTreeMap::new(),
            hidden: BTreeSet::new(),
            visible: RowSet::default(),
            owners: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Removes all alerts of a feed, for use after a sign-out or when another account signs in.
    /// Their rows are not reused.
    pub fn retire(&mut self, feed: FeedId) {
        let Some(rows) = self.feeds.remove(&feed) else { return };
        let columns = &self.columns;
        self.by_id.retain(|row| columns.feeds[row.index()] != feed);
        self.owners.remove(&feed);
        self.visible.subtract(&rows);
        self.changes += 1;
    }

    /// Hides the rows of the given feeds, including rows that arrive later, and shows all other
    /// rows. Views must be rebuilt afterwards.
    pub fn hide_feeds(&mut self, hidden: impl IntoIterator<Item = FeedId>) {
        self.hidden = hidden.into_iter().collect();
        self.visible.clear();
        for (_, rows) in self.feeds.iter().filter(|(feed, _)| !self.hidden.contains(feed)) {
            self.visible.union(rows);
        }
        self.changes += 1;
    }

    /// Returns an alert's row. If several alerts share the ID, returns the row of one of them.
    pub fn row(&self, feed: FeedId, id: &AlertId) -> Option<Row> {
        let is_same = |row: Row| {
            self.columns.feeds[row.index()] == feed
                && self.dictionary.text(self.columns.id[row.index()]).raw == id.raw()
        };
        self.by_id.find(id_hash(feed, id.raw()), is_same)
    }

    /// Returns the number of alerts, excluding hidden ones.
    pub fn len(&self) -> usize {
        self.visible.len()
    }

    /// Returns whether there are no alerts other than hidden ones.
    pub fn is_empty(&self) -> bool {
        self.visible.is_empty()
    }

    /// Returns all rows that are not hidden.
    pub fn rows(&self) -> &RowSet {
        &self.visible
    }

    /// Sets a feed's name, which [`Column::Tenant`] displays.
    pub fn name_feed(&mut self, feed: FeedId, name: SafeText) {
        self.names.insert(feed, name);
    }

    /// Returns the rows of the given feeds, ignoring hidden feeds.
    pub fn rows_of_feeds(&self, feeds: &[FeedId]) -> RowSet {
        let mut rows = RowSet::default();
        for feed in feeds.iter().filter(|feed| !self.hidden.contains(feed)) {
            if let Some(of) = self.feeds.get(feed) {
                rows.union(of);
            }
        }
        rows
    }

    /// Returns a value that changes whenever an alert is added, changed, retired, hidden or shown.
    pub fn version(&self) -> (u64, usize) {
        (self.changes, self.columns.len())
    }

    /// Returns an alert's feed.
    pub fn feed(&self, row: Row) -> FeedId {
        self.columns.feeds[row.index()]
    }

    /// Returns an alert's values for filters to test and columns to show.
    pub fn facts(&self, row: Row) -> Facts<'_> {
        Facts::new(self, row)
    }

    /// Returns the JSON of an alert. Writing it takes a few microseconds per kilobyte.
    pub fn stored(&self, row: Row) -> StoredAlert {
        if let Some(body) = self.columns.bodies.get(&row) {
            return body.clone();
        }
        let (shapes, contents) = (self.shapes.shapes(), self.contents_of(row));
        let value = |Leaf { name, .. }, index| self.dictionary.raw(ValueCode { name, index });
        StoredAlert::written(contents, json::write(shapes, contents, value))
    }

    /// Like [`stored`](Self::stored), but writes the JSON only when it is read, so that workers can
    /// do so for many alerts. The result shares the store's values. While it exists, adding a batch
    /// may have to copy chunks of values that would otherwise be compacted in place.
    pub fn deferred(&self, row: Row) -> StoredAlert {
        if let Some(body) = self.columns.bodies.get(&row) {
            return body.clone();
        }
        let take = || Snapshot { shapes: self.shapes.shapes().clone(), values: self.dictionary.chunks() };
        let snapshot = self.snapshot.get_or_init(|| Arc::new(take()));
        StoredAlert::deferred(self.contents_of(row), snapshot.clone())
    }

    /// Returns a row's contents, without those of the rows stored after it.
    fn contents_of(&self, row: Row) -> &[u8] {
        let contents = self.contents.get(row);
        let mut steps = Steps::new(self.shapes.shapes(), contents);
        steps.by_ref().for_each(drop);
        &contents[..contents.len() - steps.rest().len()]
    }

    /// Returns whether `stored`, returned earlier by [`stored`](Self::stored), is still the current
    /// JSON of an alert.
    pub fn is_current(&self, row: Row, stored: &StoredAlert) -> bool {
        match self.columns.bodies.get(&row) {
            Some(body) => body == stored,
            None => stored.is_contents(self.contents.get(row)),
        }
    }

    /// Returns whether the alert could be decoded. If not, its title says why.
    pub fn is_readable(&self, row: Row) -> bool {
        !self.columns.unreadable.contains(row)
    }

    /// Lists the owners of a feed's alerts, in every spelling seen so far. Whether the service
    /// ignores case in `assignedTo` is not documented, so filters request all spellings
    /// (docs/filter-language.md, "OData meaning").
    pub fn owners(&self, feed: FeedId) -> impl Iterator<Item = &SafeText> {
        self.owners.get(&feed).into_iter().flat_map(|owners| &owners.names)
    }

    /// Returns the dictionary of all values.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Lists the terms of an alert: its properties and their values, in document order. A term may
    /// occur several times.
    pub fn terms(&self, row: Row) -> impl Iterator<Item = (KeyCode, ValueCode)> {
        terms(self.shapes.shapes(), &self.dictionary, self.contents.get(row))
    }

    /// Returns the value of one of the alert's own properties, such as `alertWebUrl`. If there are
    /// several values, returns the first.
    pub fn property(&self, row: Row, path: &str) -> Option<SafeText> {
        let mut terms = self.terms(row);
        let is_property = |key: KeyCode| {
            let Key { kind, path: of } = self.dictionary.key(key);
            kind.is_none() && **of == *path
        };
        terms.find(|(key, _)| is_property(*key)).map(|(_, value)| self.dictionary.safe(value))
    }

    /// Adds all rows that have the given value, under any property, to a set.
    pub fn add_rows_of(&self, value: ValueCode, rows: &mut RowSet) {
        self.postings.rows(value).add_to(rows);
    }

    /// Returns the properties under which a value has ever occurred, or `None` if there are too
    /// many to track.
    pub fn keys_of(&self, value: ValueCode) -> Option<&[KeyCode]> {
        self.postings.keys(value)
    }

    /// Returns an unreadable date as sent, or `None` if the date is readable or missing. Blank text
    /// and the date that .NET uses for "not set" count as missing.
    pub fn odd_date(&self, row: Row, date: DateColumn) -> Option<SafeText> {
        if !self.columns.odd_dates.contains(row) || self.columns.date(date, row).is_some() {
            return None;
        }
        let text = self.property(row, date.property())?;
        let is_unset = Timestamp::parse(text.raw()).is_some_and(Timestamp::is_unset);
        (!is_unset && !text.is_blank()).then_some(text)
    }

    /// Returns whether any of a row's dates is unreadable.
    pub fn has_odd_date(&self, row: Row) -> bool {
        DateColumn::ALL.iter().any(|date| self.odd_date(row, *date).is_some())
    }

    /// Returns the rows whose date passes a test.
    pub fn dated(&self, date: DateColumn, test: impl Fn(Option<Timestamp>) -> bool) -> RowSet {
        self.columns.dated(date, test)
    }

    /// Returns the memory used by each part of the store, in bytes, excluding the alerts' JSON.
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        [
            ("dictionary", self.dictionary.size()),
            ("postings", self.postings.size()),
            ("contents", self.contents.size() + self.shapes.size()),
            ("columns", self.columns.size() + self.by_id.size()),
            ("index", self.index.size()),
        ]
    }

    /// Returns the name under which device names are stored, if any alert has a device.
    fn device_names(&self) -> Option<NameCode> {
        self.dictionary.name(DEVICES)
    }

    fn user_names(&self) -> Option<NameCode> {
        self.dictionary.name(USERS)
    }
}

/// Lists the values in the contents of an alert, each with its property.
fn terms<'a>(
    shapes: &'a Shapes,
    dictionary: &'a Dictionary,
    contents: &'a [u8],
) -> impl Iterator<Item = (KeyCode, ValueCode)> {
    Steps::new(shapes, contents).filter_map(|step| {
        let (key, name, index) = match step {
            Step::Text(leaf, index) | Step::Literal(leaf, index) => (leaf.key, leaf.name, index),
            Step::Derived(key, index) => (key, dictionary.name_of(key), index),
            _ => return None,
        };
        // If a property has no code of its own, its values cannot be searched for.
        (dictionary.name_of(key) == name).then_some((key, ValueCode { name, index }))
    })
}

/// The owners of a feed's alerts.
#[derive(Debug, Default)]
struct Owners {
    names: BTreeSet<SafeText>,
    /// The codes for the same names, which are faster to compare.
    codes: HashSet<ValueCode>,
}

fn id_hash(feed: FeedId, id: &str) -> u64 {
    values::hash(id.as_bytes()).wrapping_add(u64::from(feed.0).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests;
