//! Postings: an index from indicators to the rows of the alerts that have them.
//!
//! [`PostingRules`] decide which values are indicators and when two values are the same, because
//! the store does not know the filter language. Workers collect the keys of an alert's texts; the
//! store appends rows to posting lists. Counting devices and classifications reads every row of a
//! list, so it is done in slices.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use alertdeck_model::{Classification, Indicator, IndicatorKind, Status};

use crate::{
    Row, Store,
    dictionary::{CodeMap, Dictionary, FoldedText, KeyCode, TextCode},
    facts::Facts,
};

/// Decides which texts of an alert are indexed, and under which keys.
///
/// A key stands for all spellings of a value: `10.0.0.1` for every spelling of that address. The
/// rows under the key of a value must be those that a search for the value finds.
pub trait PostingRules: fmt::Debug + Send + Sync {
    /// Returns whether the values of a property are indicators of this kind. `evidence` is the
    /// short name of the evidence type, or `None` for a property of the alert.
    fn covers(&self, kind: IndicatorKind, evidence: Option<&str>, path: &str) -> bool;

    /// Calls `each` with every key of a text, which may have several, such as a domain's parents.
    fn keys(&self, kind: IndicatorKind, word: FoldedText<'_>, each: &mut dyn FnMut(&str));

    /// Returns the key of a value that is searched for exactly, or `None` if it has no key.
    fn key(&self, kind: IndicatorKind, value: &str) -> Option<String>;
}

/// Rules that index nothing.
#[derive(Debug)]
pub(crate) struct NoPostings;

impl PostingRules for NoPostings {
    fn covers(&self, _: IndicatorKind, _: Option<&str>, _: &str) -> bool {
        false
    }

    fn keys(&self, _: IndicatorKind, _: FoldedText<'_>, _: &mut dyn FnMut(&str)) {}

    fn key(&self, _: IndicatorKind, _: &str) -> Option<String> {
        None
    }
}

/// Identifies the posting list of a value. Valid for the lifetime of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostingId(u32);

/// The kinds of indicators in each property of a dictionary, as a bit set per property.
#[derive(Clone, Debug)]
struct KindBits {
    rules: &'static dyn PostingRules,
    bits: Vec<u32>,
}

impl KindBits {
    fn new(rules: &'static dyn PostingRules) -> Self {
        Self { rules, bits: Vec::new() }
    }

    /// Returns the kinds of a property. The dictionary may have grown since the last call.
    fn get(&mut self, dictionary: &Dictionary, key: KeyCode) -> u32 {
        for key in &dictionary.keys()[self.bits.len()..] {
            let kinds = IndicatorKind::ALL.iter().map(|(kind, _)| *kind);
            let kinds = kinds.filter(|kind| self.rules.covers(*kind, key.kind.as_deref(), &key.path));
            self.bits.push(kinds.fold(0, |bits, kind| bits | 1 << kind as u32));
        }
        self.bits[key.index()]
    }

    /// Calls `each` with every key of an alert's indicators and the text that has it.
    fn keys(
        &mut self,
        dictionary: &Dictionary,
        facts: &Facts,
        mut each: impl FnMut(IndicatorKind, &str, TextCode),
    ) {
        for (key, text) in &facts.terms {
            let bits = self.get(dictionary, *key);
            if bits != 0 {
                for (kind, _) in IndicatorKind::ALL.iter().filter(|(kind, _)| bits & 1 << *kind as u32 != 0) {
                    self.rules.keys(*kind, dictionary.text(*text), &mut |key| each(*kind, key, *text));
                }
            }
        }
    }
}

/// The distinct keys of a batch, collected by a worker.
#[derive(Debug)]
pub(super) struct BatchKeys {
    kinds: KindBits,
    /// Each key with its kind and a text that has it.
    distinct: Vec<(IndicatorKind, Box<str>, TextCode)>,
    codes: HashMap<IndicatorKind, HashMap<Box<str>, u32>>,
}

impl BatchKeys {
    pub(super) fn new(rules: &'static dyn PostingRules) -> Self {
        Self { kinds: KindBits::new(rules), distinct: Vec::new(), codes: HashMap::new() }
    }

    /// Adds an alert and returns the codes of its keys, without duplicates.
    pub(super) fn add(&mut self, dictionary: &Dictionary, facts: &Facts) -> Box<[u32]> {
        let Self { kinds, distinct, codes } = self;
        let mut found = Vec::with_capacity(64);
        kinds.keys(dictionary, facts, |kind, key, text| {
            let codes = codes.entry(kind).or_default();
            found.push(codes.get(key).copied().unwrap_or_else(|| {
                let code = distinct.len() as u32;
                distinct.push((kind, key.into(), text));
                codes.insert(key.into(), code);
                code
            }));
        });
        found.sort_unstable();
        found.dedup();
        found.into()
    }
}

/// The posting lists of all keys.
#[derive(Debug)]
pub(super) struct Index {
    /// The lists by the hash of their keys. On a collision, the second key gets the next free
    /// number.
    slots: HashMap<u64, PostingId>,
    lists: Vec<PostingList>,
    hasher: RandomState,
    rules: &'static dyn PostingRules,
    kinds: KindBits,
}

#[derive(Debug)]
struct PostingList {
    kind: IndicatorKind,
    /// A text that has the key. It saves storing the key itself.
    text: TextCode,
    rows: Rows,
}

/// Sorted rows. Most values occur in a single alert.
#[derive(Debug)]
enum Rows {
    One(Row),
    Many(Vec<Row>),
}

impl Rows {
    fn as_slice(&self) -> &[Row] {
        match self {
            Self::One(row) => std::slice::from_ref(row),
            Self::Many(rows) => rows,
        }
    }

    fn insert(&mut self, row: Row) {
        match self {
            Self::One(one) if *one == row => {}
            Self::One(one) => *self = Self::Many(vec![row.min(*one), row.max(*one)]),
            Self::Many(rows) if rows.is_empty() => *self = Self::One(row),
            Self::Many(rows) if rows.last() < Some(&row) => rows.push(row),
            Self::Many(rows) => {
                if let Err(at) = rows.binary_search(&row) {
                    rows.insert(at, row);
                }
            }
        }
    }

    fn remove(&mut self, row: Row) {
        match self {
            Self::One(one) if *one == row => *self = Self::Many(Vec::new()),
            Self::One(_) => {}
            Self::Many(rows) => {
                if let Ok(at) = rows.binary_search(&row) {
                    rows.remove(at);
                }
            }
        }
    }
}

impl Index {
    pub(super) fn new(rules: &'static dyn PostingRules) -> Self {
        Self {
            slots: HashMap::new(),
            lists: Vec::new(),
            hasher: RandomState::new(),
            rules,
            kinds: KindBits::new(rules),
        }
    }

    /// Returns the posting lists of a batch's keys, by code, creating those that are missing. The
    /// batch's dictionary must have been merged.
    pub(super) fn register(
        &mut self,
        dictionary: &Dictionary,
        keys: &BatchKeys,
        map: &CodeMap,
    ) -> Vec<PostingId> {
        let lists = keys.distinct.iter().map(|(kind, key, text)| {
            self.find(dictionary, *kind, key).unwrap_or_else(|slot| {
                let posting = PostingId(self.lists.len() as u32);
                let rows = Rows::Many(Vec::new());
                self.lists.push(PostingList { kind: *kind, text: map.text(*text), rows });
                self.slots.insert(slot, posting);
                posting
            })
        });
        lists.collect()
    }

    /// Finds the list of a key, or the free slot for it.
    fn find(&self, dictionary: &Dictionary, kind: IndicatorKind, key: &str) -> Result<PostingId, u64> {
        let mut slot = self.hasher.hash_one((kind, key));
        while let Some(posting) = self.slots.get(&slot) {
            let list = &self.lists[posting.0 as usize];
            let mut found = false;
            if list.kind == kind {
                self.rules.keys(kind, dictionary.text(list.text), &mut |other| found |= other == key);
            }
            if found {
                return Ok(*posting);
            }
            slot = slot.wrapping_add(1);
        }
        Err(slot)
    }

    /// Adds the row of a new alert to its lists.
    pub(super) fn add(&mut self, row: Row, lists: impl Iterator<Item = PostingId>) {
        for posting in lists {
            self.lists[posting.0 as usize].rows.insert(row);
        }
    }

    /// Moves the row of an alert that has changed from its former lists to its new ones.
    pub(super) fn replace(
        &mut self,
        dictionary: &Dictionary,
        row: Row,
        former: &Facts,
        lists: impl Iterator<Item = PostingId>,
    ) {
        let mut kinds = std::mem::replace(&mut self.kinds, KindBits::new(self.rules));
        let (mut old, lists): (HashSet<PostingId>, HashSet<PostingId>) = (HashSet::new(), lists.collect());
        kinds.keys(dictionary, former, |kind, key, _| {
            old.extend(self.find(dictionary, kind, key).ok());
        });
        self.kinds = kinds;
        for posting in old.difference(&lists) {
            self.lists[posting.0 as usize].rows.remove(row);
        }
        self.add(row, lists.difference(&old).copied());
    }
}

/// How often a value occurs in the loaded alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// The number of alerts that have it.
    pub alerts: usize,
    /// The number of distinct devices in these alerts.
    pub devices: usize,
    /// The classifications of these alerts.
    pub classes: Classes,
}

/// Numbers of alerts by classification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of `Classification`")]
pub struct Classes {
    pub true_positive: usize,
    pub false_positive: usize,
    pub expected: usize,
    /// With an undeclared classification.
    pub other: usize,
    /// Not resolved and without a classification.
    pub open: usize,
    /// Resolved without a classification.
    pub unclassified: usize,
}

impl Classes {
    fn count(&mut self, facts: &Facts) {
        let class = match (&facts.classification, &facts.status) {
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

/// Counts a value's alerts in slices. It continues when alerts arrive, and restarts when one has
/// changed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The number of rows counted.
    counted: usize,
    /// The store's changes at the start of the count.
    changes: u64,
    devices: HashSet<TextCode>,
    classes: Classes,
    /// The result of the last complete count.
    complete: Option<Prevalence>,
}

impl Tally {
    /// Counts up to `work` more rows, and subtracts the number of rows counted from `work`.
    pub fn advance(&mut self, store: &Store, posting: PostingId, work: &mut usize) {
        if self.changes != store.changes {
            *self = Self { changes: store.changes, complete: self.complete, ..Self::default() };
        }
        let rows = store.postings(posting);
        let slice = &rows[self.counted..rows.len().min(self.counted + *work)];
        for row in slice {
            let entry = store.entry(*row);
            self.devices.extend(&entry.devices);
            self.classes.count(&entry.facts);
        }
        self.counted += slice.len();
        *work -= slice.len();
        if self.counted == rows.len() {
            let (devices, classes) = (self.devices.len(), self.classes);
            self.complete = Some(Prevalence { alerts: rows.len(), devices, classes });
        }
    }

    /// Returns whether rows are left to count.
    pub fn has_work(&self, store: &Store, posting: PostingId) -> bool {
        self.complete.is_none()
            || self.changes != store.changes
            || self.counted != store.postings(posting).len()
    }

    /// Returns the result of the last complete count.
    pub fn prevalence(&self) -> Option<Prevalence> {
        self.complete
    }
}

impl Store {
    /// Returns the posting list of a value, or `None` if no alert has ever had the value or its
    /// kind has no key for it.
    pub fn posting(&self, indicator: &Indicator) -> Option<PostingId> {
        let key = self.index.rules.key(indicator.kind, indicator.value.raw())?;
        self.index.find(&self.dictionary, indicator.kind, &key).ok()
    }

    /// Returns the rows of a posting list in the order of arrival.
    pub fn postings(&self, posting: PostingId) -> &[Row] {
        self.index.lists[posting.0 as usize].rows.as_slice()
    }

    /// Returns the size of the index in bytes.
    pub fn index_size(&self) -> usize {
        let Index { slots, lists, .. } = &self.index;
        let many = lists.iter().map(|list| match &list.rows {
            Rows::One(_) => 0,
            Rows::Many(rows) => rows.capacity() * size_of::<Row>(),
        });
        // A hash table has a control byte for each slot and keeps an eighth of the slots free.
        let slot = size_of::<(u64, PostingId)>() + 1;
        slots.capacity() * 8 / 7 * slot + lists.capacity() * size_of::<PostingList>() + many.sum::<usize>()
    }
}
