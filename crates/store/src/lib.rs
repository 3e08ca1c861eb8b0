//! The loaded alerts: columns for listing, sorting and filtering, terms for searching, and the JSON
//! of each alert.
//!
//! A [`Store`] has one owner and uses no locks or threads. Workers decode [`Batch`]es, and the
//! owner adds them. A [`Row`] is never moved or reused, so it identifies an alert however the list
//! is sorted and filtered. Sets of rows are bitmaps ([`RowSet`]). The store does not know where
//! alerts come from, how they are filtered or how they are drawn.

mod batch;
mod chunked;
mod column;
mod columns;
mod decode;
mod dictionary;
mod facts;
mod order;
mod packed;
mod posting;
mod prevalence;
mod row_set;
mod sorter;
mod stored;
mod table;
mod terms;
mod values;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub use batch::Batch;
pub use column::{Cell, Column, Sort};
pub use columns::DateColumn;
pub use dictionary::{Dictionary, FoldedText, Key, KeyCode, NameCode, ValueCode, last_name};
pub use facts::Facts;
pub use prevalence::{Classes, PostingRules, Prevalence, Tally};
pub use row_set::RowSet;
pub use stored::{StoredAlert, StoredReader};
pub use values::{Substrings, fold};
pub use view::{Count, Filter, View};

use alertdeck_model::{AlertId, SafeText, Timestamp};
use batch::BatchAlert;
use columns::Columns;
use decode::{DEVICES, USERS};
use dictionary::CodeMap;
use posting::Postings;
use prevalence::Index;
use stored::StoredWriter;
use table::Table;
use terms::Terms;

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
    /// Creates the id of the feed with the given index.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// Returns the index, which is the number of feeds opened before this one.
    pub const fn index(self) -> u16 {
        self.0
    }
}

/// The effect of adding a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// The rows of new alerts.
    pub new: Vec<Row>,
    /// The rows of alerts that were replaced with a newer state.
    pub changed: Vec<Row>,
    /// The rows of all alerts in the batch, including unchanged ones.
    pub seen: Vec<Row>,
}

impl Absorbed {
    /// Lists the rows that views must test again.
    pub fn touched(&self) -> Vec<Row> {
        self.new.iter().chain(&self.changed).copied().collect()
    }
}

/// The loaded alerts.
#[derive(Debug)]
pub struct Store {
    dictionary: Dictionary,
    columns: Columns,
    terms: Terms,
    postings: Postings,
    index: Index,
    /// The rows, keyed by the hash of their feed and id.
    by_id: Table<Row>,
    /// The rows of each feed, except retired ones.
    feeds: BTreeMap<FeedId, RowSet>,
    /// The displayed name of each feed.
    names: BTreeMap<FeedId, SafeText>,
    /// The feeds whose rows are hidden.
    hidden: BTreeSet<FeedId>,
    /// The rows from all feeds that are not hidden.
    visible: RowSet,
    /// For each feed, every spelling of an owner that has occurred in any of its alerts.
    owners: BTreeMap<FeedId, BTreeSet<SafeText>>,
    /// The number of times that rows were replaced, retired, hidden or shown.
    changes: u64,
}

impl Default for Store {
    /// Creates an empty store that does not support looking up values.
    fn default() -> Self {
        Self::new(&prevalence::NoPostings)
    }
}

impl Store {
    /// Creates an empty store.
    pub fn new(rules: &'static dyn PostingRules) -> Self {
        Self {
            dictionary: Dictionary::default(),
            columns: Columns::default(),
            terms: Terms::default(),
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

    /// Adds a decoded batch. An alert that is already in the store is replaced, unless the new
    /// state is older according to `lastUpdateDateTime`.
    pub fn absorb(&mut self, feed: FeedId, batch: Batch) -> Absorbed {
        let Batch { dictionary, alerts } = batch;
        let map = self.dictionary.merge(&dictionary);
        // Tidy up more than a single batch can add.
        for _ in 0..3 {
            self.dictionary.tidy();
        }
        let mut absorbed = Absorbed::default();
        let received = alerts.len();
        for alert in alerts {
            self.absorb_alert(feed, alert, &dictionary, &map, &mut absorbed);
        }
        let kept = absorbed.touched();
        if kept.len() * 2 < received {
            self.move_bodies(&kept);
        }
        absorbed
    }

    fn absorb_alert(
        &mut self,
        feed: FeedId,
        alert: BatchAlert,
        dictionary: &Dictionary,
        map: &CodeMap,
        absorbed: &mut Absorbed,
    ) {
        let BatchAlert { fields, terms, body, fingerprint, is_readable } = alert;
        let Some(id) = fields.id else { return };
        let hash = id_hash(feed, &dictionary.text(id).raw);
        let id = map.value(id);
        let columns = &self.columns;
        // An alert keeps the time at which it was created. Alerts that were created at different times
        // are therefore different ones, even if they share an ID, as in files that were anonymised. Tools
        // may cut fractions of seconds.
        let is_same_time = |row| match (columns.date(DateColumn::Created, row), fields.created) {
            (Some(known), Some(created)) => known.seconds() == created.seconds(),
            _ => true,
        };
        let is_same = |row: Row| {
            columns.feeds[row.index()] == feed && columns.id[row.index()] == id && is_same_time(row)
        };
        let known = self.by_id.find(hash, is_same);
        let row = known.unwrap_or_else(|| Row(u32::try_from(self.columns.len()).unwrap_or(u32::MAX)));
        absorbed.seen.push(row);
        if known.is_some() {
            let is_older = fields.updated < self.columns.date(DateColumn::LastUpdate, row);
            if self.columns.fingerprints[row.index()] == fingerprint || is_older {
                return;
            }
            for (key, index) in self.terms.get(row) {
                let name = self.dictionary.name_of(key);
                self.postings.remove(ValueCode { name, index }, row);
            }
            self.changes += 1;
            if !absorbed.new.contains(&row) && !absorbed.changed.contains(&row) {
                absorbed.changed.push(row);
            }
        } else {
            self.by_id.insert(hash, row);
            self.feeds.entry(feed).or_default().insert(row);
            if !self.hidden.contains(&feed) {
                self.visible.insert(row);
            }
            absorbed.new.push(row);
        }
        if let Some(owner) = fields.owner {
            let owner = dictionary.safe(owner);
            self.owners.entry(feed).or_default().insert(owner);
        }
        let mut mapped = Vec::with_capacity(terms.len());
        for (key, index) in &*terms {
            let value = map.value(ValueCode { name: dictionary.name_of(*key), index: *index });
            let key = map.key(*key);
            // If a property has no code of its own, its values cannot be searched for.
            if self.dictionary.name_of(key) == value.name {
                if self.postings.add(value, key, row) {
                    self.index.add(&self.dictionary, key, value);
                }
                mapped.push((key, value.index));
            }
        }
        mapped.sort_unstable();
        self.terms.set(row, &mapped);
        self.columns.set(row, feed, fields, body, map);
        columns::set(&mut self.columns.fingerprints, row, fingerprint);
        if is_readable {
            self.columns.unreadable.remove(row);
        } else {
            self.columns.unreadable.insert(row);
        }
    }

    /// Moves bodies into new blocks, so that a few alerts do not keep an entire page's block in
    /// memory.
    fn move_bodies(&mut self, rows: &[Row]) {
        let (mut reader, mut writer) = (StoredReader::default(), StoredWriter::default());
        for row in rows {
            writer.push(&reader.read(&self.columns.bodies[row.index()]).0);
        }
        for (row, body) in rows.iter().zip(writer.finish()) {
            self.columns.bodies[row.index()] = body;
        }
    }

    /// Removes all alerts from a feed, after a sign-out or when another account signs in. Their
    /// rows are not reused.
    pub fn retire(&mut self, feed: FeedId) {
        let Some(rows) = self.feeds.remove(&feed) else { return };
        let columns = &self.columns;
        self.by_id.retain(|row| columns.feeds[row.index()] != feed);
        self.owners.remove(&feed);
        self.visible.subtract(&rows);
        self.changes += 1;
    }

    /// Hides the rows from the given feeds, including rows that arrive later, and shows all other
    /// rows. Views must be rebuilt afterwards.
    pub fn hide_feeds(&mut self, hidden: impl IntoIterator<Item = FeedId>) {
        self.hidden = hidden.into_iter().collect();
        self.visible.clear();
        for (_, rows) in self.feeds.iter().filter(|(feed, _)| !self.hidden.contains(feed)) {
            self.visible.union(rows);
        }
        self.changes += 1;
    }

    /// Returns the row of an alert. If several alerts share the ID, it is that of the first.
    pub fn row(&self, feed: FeedId, id: &AlertId) -> Option<Row> {
        let is_same = |row: Row| {
            self.columns.feeds[row.index()] == feed
                && self.dictionary.text(self.columns.id[row.index()]).raw == id.raw()
        };
        self.by_id.find(id_hash(feed, id.raw()), is_same)
    }

    /// Returns the number of alerts.
    pub fn len(&self) -> usize {
        self.visible.len()
    }

    /// Returns whether there are no alerts.
    pub fn is_empty(&self) -> bool {
        self.visible.is_empty()
    }

    /// Returns all rows that are not hidden.
    pub fn rows(&self) -> &RowSet {
        &self.visible
    }

    /// Sets the name of a feed, for [`Column::Tenant`].
    pub fn name_feed(&mut self, feed: FeedId, name: SafeText) {
        self.names.insert(feed, name);
    }

    /// Returns the rows from these feeds that are not hidden.
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

    /// Returns the feed of an alert.
    pub fn feed(&self, row: Row) -> FeedId {
        self.columns.feeds[row.index()]
    }

    /// Returns the values of an alert, for filters to test.
    pub fn facts(&self, row: Row) -> Facts<'_> {
        Facts::new(self, row)
    }

    /// Returns the JSON of an alert, for a worker to read.
    pub fn stored(&self, row: Row) -> &StoredAlert {
        &self.columns.bodies[row.index()]
    }

    /// Returns whether the alert could be decoded. If not, its title says why.
    pub fn is_readable(&self, row: Row) -> bool {
        !self.columns.unreadable.contains(row)
    }

    /// Lists the owners of a feed's alerts in every spelling that has occurred. Whether the service
    /// ignores case in `assignedTo` is not documented, so filters request all spellings
    /// (docs/filter-language.md, "OData meaning").
    pub fn owners(&self, feed: FeedId) -> impl Iterator<Item = &SafeText> {
        self.owners.get(&feed).into_iter().flatten()
    }

    /// Returns the dictionary of all values.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Lists the terms of an alert: its properties and their values.
    pub fn terms(&self, row: Row) -> impl Iterator<Item = (KeyCode, ValueCode)> {
        self.terms.get(row).map(|(key, index)| (key, ValueCode { name: self.dictionary.name_of(key), index }))
    }

    /// Returns the value of a property of the alert itself, such as `alertWebUrl`. If there are
    /// several values, returns the one with the lowest code.
    pub fn property(&self, row: Row, path: &str) -> Option<SafeText> {
        let mut terms = self.terms(row);
        let is_property = |key: KeyCode| {
            let Key { kind, path: of } = self.dictionary.key(key);
            kind.is_none() && **of == *path
        };
        terms.find(|(key, _)| is_property(*key)).map(|(_, value)| self.dictionary.safe(value))
    }

    /// Adds to a set all rows that have a value under any property.
    pub fn add_rows_of(&self, value: ValueCode, rows: &mut RowSet) {
        self.postings.rows(value).add_to(rows);
    }

    /// Returns the properties under which a value has ever occurred, or `None` if there are too
    /// many to track.
    pub fn keys_of(&self, value: ValueCode) -> Option<&[KeyCode]> {
        self.postings.keys(value)
    }

    /// Returns a date as sent if it cannot be read. The date that .NET writes for "not set" and blank
    /// text are no dates.
    pub fn odd_date(&self, row: Row, date: DateColumn) -> Option<SafeText> {
        if !self.columns.odd_dates.contains(row) || self.columns.date(date, row).is_some() {
            return None;
        }
        let text = self.property(row, date.property())?;
        let is_unset = Timestamp::parse(text.raw()).is_some_and(Timestamp::is_unset);
        (!is_unset && !text.is_blank()).then_some(text)
    }

    /// Returns whether one of a row's dates cannot be read.
    pub fn has_odd_date(&self, row: Row) -> bool {
        DateColumn::ALL.iter().any(|date| self.odd_date(row, *date).is_some())
    }

    /// Returns the rows whose date passes a test.
    pub fn dated(&self, date: DateColumn, test: impl Fn(Option<Timestamp>) -> bool) -> RowSet {
        self.columns.dated(date, test)
    }

    /// Returns the memory used by each part of the store, in bytes, excluding the JSON of the
    /// alerts.
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        [
            ("dictionary", self.dictionary.size()),
            ("postings", self.postings.size()),
            ("terms", self.terms.size()),
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

fn id_hash(feed: FeedId, id: &str) -> u64 {
    values::hash(id.as_bytes()).wrapping_add(u64::from(feed.0).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests;
