//! The prevalence of a value: the rows that have it and the counts over those rows.
//!
//! [`PostingRules`] decide which values are indicators and when two values are the same, because
//! the store does not know the filter language. For most kinds of indicator, two values are the
//! same if they are equal ignoring case, and the dictionary finds them. Other kinds, such as
//! addresses, have keys that are derived from the value; these keys are indexed. Counting devices
//! and classifications means reading every row, so it is done in slices.

use std::{cmp::Reverse, fmt, num::NonZero};

use alertdeck_model::{Classification, Indicator, IndicatorKind, SafeText, Status};
use hashbrown::HashSet;

use crate::{
    Column, FeedId, Row, RowSet, Store, Substrings,
    chunked::Chunked,
    columns::Lists,
    decode::{DEVICE_NAME, IDENTITIES, USER_NAME},
    dictionary::{Dictionary, FoldedText, Key, KeyCode, NameCode, ValueCode},
    facts::Facts,
    table::Table,
    values::{fold, hash},
};

/// Decides which of an alert's values are indicators, and when two values are the same.
///
/// An indicator's rows must be those that an exact search for it finds.
pub trait PostingRules: fmt::Debug + Send + Sync {
    /// Returns whether a property's values are indicators of this kind. `evidence` is the evidence
    /// type's short name, or `None` for a property of the alert itself.
    fn covers(&self, kind: IndicatorKind, evidence: Option<&str>, path: &str) -> bool;

    /// Returns the key for an exact search for a value, or `None` if the value has no key. Values
    /// of one kind are the same if they have the same key.
    fn key(&self, kind: IndicatorKind, value: &str) -> Option<String>;

    /// Returns whether the keys of a kind are derived, rather than being the folded value itself.
    fn is_derived(&self, kind: IndicatorKind) -> bool;

    /// Calls `each` with every key of a value whose kind has derived keys. There may be several,
    /// such as the parent domains of a host.
    fn derived_keys(&self, kind: IndicatorKind, value: FoldedText<'_>, each: &mut dyn FnMut(&str));
}

/// Rules under which no value is an indicator.
#[derive(Debug)]
pub(crate) struct NoPostings;

impl PostingRules for NoPostings {
    fn covers(&self, _: IndicatorKind, _: Option<&str>, _: &str) -> bool {
        false
    }

    fn key(&self, _: IndicatorKind, _: &str) -> Option<String> {
        None
    }

    fn is_derived(&self, _: IndicatorKind) -> bool {
        false
    }

    fn derived_keys(&self, _: IndicatorKind, _: FoldedText<'_>, _: &mut dyn FnMut(&str)) {}
}

/// Finds the values that are the same as a given value.
#[derive(Debug)]
pub(crate) struct Index {
    rules: &'static dyn PostingRules,
    /// The kinds of indicator that each property holds, as a bit set.
    kinds: Vec<u32>,
    /// The names of the properties that hold each kind.
    names: Vec<Vec<NameCode>>,
    /// The kinds with derived keys.
    derived: u32,
    /// The most recently added value for each derived-key hash, as an index into `values`.
    last: Table<u32>,
    /// Values, each paired with the index of the previous value that has the same hash, plus one.
    values: Chunked<(ValueCode, Option<NonZero<u32>>)>,
}

fn bit(kind: IndicatorKind) -> u32 {
    1 << kind as u32
}

impl Index {
    pub(crate) fn new(rules: &'static dyn PostingRules) -> Self {
        let kinds = IndicatorKind::ALL.iter().filter(|(kind, _)| rules.is_derived(*kind));
        let derived = kinds.fold(0, |bits, (kind, _)| bits | bit(*kind));
        let (kinds, names) = (Vec::new(), vec![Vec::new(); IndicatorKind::ALL.len()]);
        Self { rules, kinds, names, derived, last: Table::default(), values: Chunked::default() }
    }

    /// Adds a value under a property.
    pub(crate) fn add(&mut self, dictionary: &Dictionary, key: KeyCode, value: ValueCode) {
        for at in self.kinds.len()..dictionary.keys().len() {
            let code = KeyCode::from_index(at);
            let (Key { kind: evidence, path }, name) = (dictionary.key(code), dictionary.name_of(code));
            let mut kinds = 0;
            for (kind, _) in IndicatorKind::ALL {
                if self.rules.covers(kind, evidence.as_deref(), path) {
                    kinds |= bit(kind);
                    let names = &mut self.names[kind as usize];
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            self.kinds.push(kinds);
        }
        let derived = self.kinds[key.index()] & self.derived;
        if derived == 0 {
            return;
        }
        let Self { last, values, rules, .. } = self;
        for (kind, _) in IndicatorKind::ALL.iter().filter(|(kind, _)| derived & bit(*kind) != 0) {
            rules.derived_keys(*kind, dictionary.text(value), &mut |key| {
                let newest = values.len() as u32;
                let before = last.replace(key_hash(*kind, key), newest);
                // The index plus one is never zero.
                values.push((value, before.and_then(|before| NonZero::new(before + 1))));
            });
        }
    }

    /// Lists the values that have a derived key with the given hash. A value may be listed twice.
    fn hashed(&self, hash: u64) -> impl Iterator<Item = ValueCode> {
        let mut next = self.last.find(hash, |_| true);
        std::iter::from_fn(move || {
            let (value, before) = self.values[next? as usize];
            next = before.map(|before| before.get() - 1);
            Some(value)
        })
    }

    /// Returns whether a property holds indicators of a kind.
    fn covers(&self, kind: IndicatorKind, key: KeyCode) -> bool {
        self.kinds.get(key.index()).is_some_and(|kinds| kinds & bit(kind) != 0)
    }

    pub(crate) fn size(&self) -> usize {
        self.last.size() + self.values.size()
    }
}

fn key_hash(kind: IndicatorKind, key: &str) -> u64 {
    hash(key.as_bytes()) ^ (kind as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Store {
    /// Returns the rows of the alerts that contain an indicator, which are also the rows that an
    /// exact search for it would find.
    pub fn rows_with(&self, indicator: &Indicator) -> RowSet {
        let (kind, index) = (indicator.kind, &self.index);
        let mut rows = RowSet::default();
        let Some(key) = index.rules.key(kind, indicator.value.raw()) else { return rows };
        if index.rules.is_derived(kind) {
            for value in index.hashed(key_hash(kind, &key)) {
                let mut is_same = false;
                let mut compare = |other: &str| is_same |= other == key;
                index.rules.derived_keys(kind, self.dictionary.text(value), &mut compare);
                if is_same {
                    self.add_rows_with(kind, value, &mut rows);
                }
            }
        } else {
            let names = index.names[kind as usize].iter();
            for value in names.flat_map(|name| self.dictionary.spelled(*name, &key)) {
                self.add_rows_with(kind, value, &mut rows);
            }
        }
        rows.intersect(self.rows());
        rows
    }

    /// Returns the rows that have the given text, ignoring case, under any property with the given
    /// name.
    pub fn rows_with_text(&self, name: &str, text: &str) -> RowSet {
        let name = self.dictionary.name(name);
        name.map_or_else(RowSet::default, |name| self.rows_of_folded(name, &fold(text)))
    }

    /// Returns the rows that have a value with the given folded form.
    fn rows_of_folded(&self, name: NameCode, folded: &str) -> RowSet {
        let mut rows = RowSet::default();
        for value in self.dictionary.spelled(name, folded) {
            self.add_rows_of(value, &mut rows);
        }
        rows.intersect(self.rows());
        rows
    }

    /// Lists the values that contain a text, ignoring case, under any property with the given name:
    /// the `most` values that the most rows have, each with the number of its rows. Values that
    /// differ only in case are listed once, in one of their spellings.
    pub fn frequent_values(&self, name: &str, part: &str, most: usize) -> Vec<(String, usize)> {
        let Some(name) = self.dictionary.name(name) else { return Vec::new() };
        let part = fold(part);
        let count = self.dictionary.count(name.index());
        let mut found = Vec::new();
        let mut add = |index| found.push((self.postings.rows(ValueCode { name, index }).len(), index));
        let substrings = (!part.is_empty()).then(|| Substrings::new([&*part])).flatten();
        if let Some(substrings) = substrings {
            let mut first = 0;
            while first < count {
                self.dictionary.containing(&substrings, name, first, &mut add);
                first = self.dictionary.chunk_end(name, first);
            }
        } else {
            (0..count).for_each(add);
        }
        let order = |(rows, index): &(usize, u32)| (Reverse(*rows), *index);
        // A few more than needed, because some may be spellings of others.
        let enough = most * 2;
        if found.len() > enough {
            found.select_nth_unstable_by_key(enough, order);
            found.truncate(enough);
        }
        found.sort_unstable_by_key(order);
        let mut values: Vec<(String, usize)> = Vec::new();
        for (_, index) in found {
            let text = self.dictionary.text(ValueCode { name, index });
            if !values.iter().any(|(known, _)| fold(known) == text.folded) {
                let rows = self.rows_of_folded(name, &text.folded).len();
                values.push((text.raw.into_owned(), rows));
            }
        }
        values.retain(|(value, rows)| *rows > 0 && !value.is_empty());
        values.sort_by_key(|(_, rows)| Reverse(*rows));
        values.truncate(most);
        values
    }

    /// Returns whether an identity is a name and therefore refers to a different device or user in
    /// another tenant.
    pub fn is_name(&self, identity: &Indicator) -> bool {
        let property = match identity.kind {
            IndicatorKind::DeviceId => DEVICE_NAME,
            IndicatorKind::UserId => USER_NAME,
            _ => return false,
        };
        let Some(name) = self.dictionary.name(property) else { return false };
        self.dictionary.spelled(name, &fold(identity.value.raw())).next().is_some()
    }

    /// Returns the identity of the first device or user in a row, which is the one that the column
    /// shows.
    pub fn identity(&self, row: Row, column: Column) -> Option<Indicator> {
        self.identity_at(row, column, 0)
    }

    /// Returns the identity of the device or user at position `at` in a row's column.
    pub(crate) fn identity_at(&self, row: Row, column: Column, at: usize) -> Option<Indicator> {
        let (list, kind) = match column {
            Column::Device => (&self.columns.device_ids, IndicatorKind::DeviceId),
            Column::User => (&self.columns.user_ids, IndicatorKind::UserId),
            _ => return None,
        };
        let code = ValueCode { name: self.dictionary.name(IDENTITIES)?, index: list.get(row).nth(at)? };
        let text = self.dictionary.text(code).raw;
        let name = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        Some(Indicator { kind, value: SafeText::new(name.unwrap_or(&text)) })
    }

    /// Returns keys that distinguish the devices in a row from all other devices.
    fn device_keys(&self, row: Row) -> impl Iterator<Item = (u32, Option<FeedId>)> {
        self.identity_keys(row, &self.columns.device_ids)
    }

    /// Returns keys that distinguish the devices or users in a row from all other devices or users,
    /// in the order in which the column lists them. A key is an identity's code, along with the
    /// feed if the identity is a name and there are several feeds.
    pub(crate) fn identity_keys(
        &self,
        row: Row,
        identified: &Lists,
    ) -> impl Iterator<Item = (u32, Option<FeedId>)> {
        let (feed, several) = (self.feed(row), self.feeds.len() > 1);
        let identities = self.dictionary.name(IDENTITIES);
        identified.get(row).map(move |index| {
            let is_name = |name| self.dictionary.text(ValueCode { name, index }).raw.starts_with('(');
            (index, Some(feed).filter(|_| several && identities.is_some_and(is_name)))
        })
    }

    /// Adds the rows that have a value as an indicator of the given kind.
    fn add_rows_with(&self, kind: IndicatorKind, value: ValueCode, rows: &mut RowSet) {
        let is_indicator = |key: &KeyCode| self.index.covers(kind, *key);
        match self.postings.keys(value) {
            Some(keys) if keys.iter().all(is_indicator) => self.postings.rows(value).add_to(rows),
            Some(keys) if !keys.iter().any(is_indicator) => {}
            _ => {
                let mut candidates = RowSet::default();
                self.postings.rows(value).add_to(&mut candidates);
                let has =
                    |row: &Row| self.terms(*row).any(|(key, other)| other == value && is_indicator(&key));
                rows.extend(candidates.iter().filter(has));
            }
        }
    }
}

/// The prevalence of a value in the loaded alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// The number of alerts that have the value.
    pub alerts: usize,
    /// The number of distinct devices in these alerts.
    pub devices: usize,
    /// The classifications of these alerts.
    pub classes: Classes,
}

/// The number of alerts with each classification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of `Classification`")]
pub struct Classes {
    pub true_positive: usize,
    pub false_positive: usize,
    pub expected: usize,
    /// Alerts with an undeclared classification.
    pub other: usize,
    /// Unresolved alerts without a classification.
    pub open: usize,
    /// Alerts that were resolved without a classification.
    pub unclassified: usize,
}

impl Classes {
    fn count(&mut self, facts: Facts<'_>) {
        let class = match (facts.classification(), facts.status()) {
            (Classification::TruePositive, _) => &mut self.true_positive,
            (Classification::FalsePositive, _) => &mut self.false_positive,
            (Classification::InformationalExpectedActivity, _) => &mut self.expected,
            (Classification::Undeclared(_), _) => &mut self.other,
            (Classification::Unknown, Status::Resolved) => &mut self.unclassified,
            (Classification::Unknown, _) => &mut self.open,
        };
        *class += 1;
    }
}

/// Counts the alerts that have a value, a slice at a time. Counting continues when alerts arrive
/// and restarts when an alert has changed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The first row that has not been counted yet.
    next: usize,
    /// The number of rows counted.
    counted: usize,
    /// The store's change counter when counting started.
    changes: u64,
    devices: HashSet<(u32, Option<FeedId>)>,
    classes: Classes,
    /// The result of the last complete count.
    complete: Option<Prevalence>,
}

impl Tally {
    /// Counts up to `work` more of the rows that [`Store::rows_with`] returned, and subtracts the
    /// number of rows counted from `work`.
    pub fn advance(&mut self, store: &Store, rows: &RowSet, work: &mut usize) {
        if self.changes != store.changes {
            *self = Self { changes: store.changes, complete: self.complete, ..Self::default() };
        }
        for row in rows.iter_from(self.next).take(*work) {
            self.devices.extend(store.device_keys(row));
            self.classes.count(store.facts(row));
            self.next = row.index() + 1;
            self.counted += 1;
            *work -= 1;
        }
        if self.counted == rows.len() {
            let (devices, classes) = (self.devices.len(), self.classes);
            self.complete = Some(Prevalence { alerts: rows.len(), devices, classes });
        }
    }

    /// Returns whether there are rows left to count.
    pub fn has_work(&self, store: &Store, rows: &RowSet) -> bool {
        self.complete.is_none() || self.changes != store.changes || self.counted != rows.len()
    }

    /// Returns the result of the last complete count.
    pub fn prevalence(&self) -> Option<Prevalence> {
        self.complete
    }
}
