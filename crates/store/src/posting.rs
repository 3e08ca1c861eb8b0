//! Postings: from a value of the evidence to the rows of the alerts that hold it.
//!
//! What a value is, and which alerts hold it, is decided by [`PostingRules`]: the store knows no
//! filter language. Workers collect the keys of an alert's texts; the store appends rows to
//! lists. Counting devices and classifications reads each row, so that is done in slices.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use alertdeck_model::{Classification, Status};
use alertdeck_model::{Indicator, IndicatorKind};

use crate::{
    Row, Store,
    facts::{Dictionary, Facts, KeyCode, Remap, TextCode, Word},
};

/// Decides which texts of an alert lead to it, and under which keys.
///
/// A key stands for all texts that are the same value: `10.0.0.1` for every spelling of that
/// address. The rows under the key of a value must be those that a search for the value finds.
pub trait PostingRules: fmt::Debug + Send + Sync {
    /// Returns whether values of a property are indicators of this kind. `evidence` is the short
    /// name of the evidence type, `None` for a property of the alert itself.
    fn covers(&self, kind: IndicatorKind, evidence: Option<&str>, path: &str) -> bool;

    /// Calls `each` with every key of a text.
    fn keys(&self, kind: IndicatorKind, word: Word<'_>, each: &mut dyn FnMut(&str));

    /// Returns the key of a value that is searched for as a whole, or `None` if it has none.
    fn key(&self, kind: IndicatorKind, value: &str) -> Option<String>;
}

/// Rules under which nothing makes a posting.
#[derive(Debug)]
pub(crate) struct NoPostings;

impl PostingRules for NoPostings {
    fn covers(&self, _: IndicatorKind, _: Option<&str>, _: &str) -> bool {
        false
    }

    fn keys(&self, _: IndicatorKind, _: Word<'_>, _: &mut dyn FnMut(&str)) {}

    fn key(&self, _: IndicatorKind, _: &str) -> Option<String> {
        None
    }
}

/// Identifies the posting list of a value; valid for the lifetime of the store, however it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostingId(u32);

/// Which kinds of indicators the properties of a dictionary may hold, as bits by property.
#[derive(Clone, Debug)]
struct Kinds {
    rules: &'static dyn PostingRules,
    bits: Vec<u32>,
}

impl Kinds {
    fn new(rules: &'static dyn PostingRules) -> Self {
        Self { rules, bits: Vec::new() }
    }

    /// Returns the kinds of a property. The dictionary may have grown since the last call.
    fn of(&mut self, dictionary: &Dictionary, key: KeyCode) -> u32 {
        for key in &dictionary.keys()[self.bits.len()..] {
            let kinds = IndicatorKind::ALL.iter().map(|(kind, _)| *kind);
            let kinds = kinds.filter(|kind| self.rules.covers(*kind, key.kind.as_deref(), &key.path));
            self.bits.push(kinds.fold(0, |bits, kind| bits | 1 << kind as u32));
        }
        self.bits[key.index()]
    }

    /// Calls `each` with every key of an alert's indicators and the text that it comes from.
    fn keys(
        &mut self,
        dictionary: &Dictionary,
        facts: &Facts,
        mut each: impl FnMut(IndicatorKind, &str, TextCode),
    ) {
        for (key, text) in &facts.terms {
            let bits = self.of(dictionary, *key);
            if bits != 0 {
                for (kind, _) in IndicatorKind::ALL.iter().filter(|(kind, _)| bits & 1 << *kind as u32 != 0) {
                    self.rules.keys(*kind, dictionary.text(*text), &mut |key| each(*kind, key, *text));
                }
            }
        }
    }
}

/// The distinct keys of a batch, found by a worker.
#[derive(Debug)]
pub(super) struct Keys {
    kinds: Kinds,
    /// Kind, key, and a text that has it.
    distinct: Vec<(IndicatorKind, Box<str>, TextCode)>,
    codes: HashMap<IndicatorKind, HashMap<Box<str>, u32>>,
}

impl Keys {
    pub(super) fn new(rules: &'static dyn PostingRules) -> Self {
        Self { kinds: Kinds::new(rules), distinct: Vec::new(), codes: HashMap::new() }
    }

    /// Takes in an alert; returns the codes of its keys, each once.
    pub(super) fn of(&mut self, dictionary: &Dictionary, facts: &Facts) -> Box<[u32]> {
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

/// The rows of every key, in order.
#[derive(Debug)]
pub(super) struct Index {
    /// The lists by the hash of their keys; where two keys share one, the second is at the next
    /// number that is free.
    slots: HashMap<u64, PostingId>,
    lists: Vec<List>,
    hasher: RandomState,
    rules: &'static dyn PostingRules,
    kinds: Kinds,
}

#[derive(Debug)]
struct List {
    kind: IndicatorKind,
    /// A text that has the key, instead of the key itself.
    text: TextCode,
    rows: Rows,
}

/// Rows in order; most values are held by one alert alone.
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
            kinds: Kinds::new(rules),
        }
    }

    /// Returns the lists of a batch's keys, by their codes, once its texts are in the dictionary.
    pub(super) fn adopt(&mut self, dictionary: &Dictionary, keys: &Keys, remap: &Remap) -> Vec<PostingId> {
        let lists = keys.distinct.iter().map(|(kind, key, text)| {
            self.find(dictionary, *kind, key).unwrap_or_else(|slot| {
                let posting = PostingId(self.lists.len() as u32);
                let rows = Rows::Many(Vec::new());
                self.lists.push(List { kind: *kind, text: remap.text(*text), rows });
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
            let mut is_it = false;
            if list.kind == kind {
                self.rules.keys(kind, dictionary.text(list.text), &mut |other| is_it |= other == key);
            }
            if is_it {
                return Ok(*posting);
            }
            slot = slot.wrapping_add(1);
        }
        Err(slot)
    }

    /// Takes in the row of an alert that was not held.
    pub(super) fn add(&mut self, row: Row, lists: impl Iterator<Item = PostingId>) {
        for posting in lists {
            self.lists[posting.0 as usize].rows.insert(row);
        }
    }

    /// Takes in the row of an alert that was held with other facts.
    pub(super) fn replace(
        &mut self,
        dictionary: &Dictionary,
        row: Row,
        former: &Facts,
        lists: impl Iterator<Item = PostingId>,
    ) {
        let mut kinds = std::mem::replace(&mut self.kinds, Kinds::new(self.rules));
        let (mut left, lists): (HashSet<PostingId>, HashSet<PostingId>) = (HashSet::new(), lists.collect());
        kinds.keys(dictionary, former, |kind, key, _| {
            left.extend(self.find(dictionary, kind, key).ok());
        });
        self.kinds = kinds;
        for posting in left.difference(&lists) {
            self.lists[posting.0 as usize].rows.remove(row);
        }
        self.add(row, lists.difference(&left).copied());
    }
}

/// How often a value was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prevalence {
    /// Alerts that hold it.
    pub alerts: usize,
    /// Devices in these alerts.
    pub devices: usize,
    /// What the alerts turned out to be.
    pub classes: Classes,
}

/// Alerts counted by what they turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of `Classification`")]
pub struct Classes {
    pub true_positive: usize,
    pub false_positive: usize,
    pub expected: usize,
    /// A classification that nobody declared.
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

/// A count of a value's alerts, made in slices. It goes on where it was when alerts have come in,
/// and begins again when one has changed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many of the rows were looked at.
    counted: usize,
    /// The store's changes when it was begun.
    changes: u64,
    devices: HashSet<TextCode>,
    classes: Classes,
    /// What it came to when it was last at its end.
    whole: Option<Prevalence>,
}

impl Tally {
    /// Looks at up to `work` rows more, and takes those looked at off it.
    pub fn advance(&mut self, store: &Store, posting: PostingId, work: &mut usize) {
        if self.changes != store.changes {
            *self = Self { changes: store.changes, whole: self.whole, ..Self::default() };
        }
        let rows = store.postings(posting);
        let some = &rows[self.counted..rows.len().min(self.counted + *work)];
        for row in some {
            let entry = store.entry(*row);
            self.devices.extend(&entry.devices);
            self.classes.count(&entry.facts);
        }
        self.counted += some.len();
        *work -= some.len();
        if self.counted == rows.len() {
            let (devices, classes) = (self.devices.len(), self.classes);
            self.whole = Some(Prevalence { alerts: rows.len(), devices, classes });
        }
    }

    /// Tells whether there is something for [`Tally::advance`] to do.
    pub fn has_work(&self, store: &Store, posting: PostingId) -> bool {
        self.whole.is_none() || self.changes != store.changes || self.counted != store.postings(posting).len()
    }

    /// Returns what the count came to when it was last at its end.
    pub fn prevalence(&self) -> Option<Prevalence> {
        self.whole
    }
}

impl Store {
    /// Returns the posting list of a value, or `None` if no alert has held it or its kind has no
    /// key for it.
    pub fn posting(&self, indicator: &Indicator) -> Option<PostingId> {
        let key = self.index.rules.key(indicator.kind, indicator.value.raw())?;
        self.index.find(&self.dictionary, indicator.kind, &key).ok()
    }

    /// Returns the rows of a posting list in the order of their arrival.
    pub fn postings(&self, posting: PostingId) -> &[Row] {
        self.index.lists[posting.0 as usize].rows.as_slice()
    }

    /// Returns the bytes that the index from values to alerts takes.
    pub fn index_size(&self) -> usize {
        let Index { slots, lists, .. } = &self.index;
        let many = lists.iter().map(|list| match &list.rows {
            Rows::One(_) => 0,
            Rows::Many(rows) => rows.capacity() * size_of::<Row>(),
        });
        // A hash table keeps a byte beside each slot, and an eighth of them free.
        let slot = size_of::<(u64, PostingId)>() + 1;
        slots.capacity() * 8 / 7 * slot + lists.capacity() * size_of::<List>() + many.sum::<usize>()
    }
}
