//! A text test that searches values, with its results keyed by value.
//!
//! Every match contains at least one of a few literal strings, so values are first searched for
//! these. This search covers many values at a time, on all cores; only the values that it finds are
//! tested further. If another typed letter narrows the search, only the values that the former
//! search found are tested.

use rayon::prelude::*;

use crate::predicate::{Pattern, TextTest};
use alertdeck_store::{Dictionary, Key, KeyCode, NameCode, Row, RowSet, Store, Substrings, ValueCode};

/// The number of bytes searched in one unit of work.
const UNIT: usize = 64;

/// A text test, with its results keyed by value.
#[derive(Clone, Debug)]
pub(super) struct Search {
    test: TextTest,
    /// The patterns as text, for finding out whether another search has the same patterns.
    signature: String,
    /// Literal strings; every match contains at least one of them.
    literals: Option<Literals>,
    /// A former search whose results include all matches.
    wider: Option<Box<Self>>,
    /// Whether each property in the dictionary is in scope.
    keys: Vec<bool>,
    /// The results for the values under the names in scope.
    names: Vec<NameHits>,
    /// For each name in the dictionary, its position in `names`, or [`usize::MAX`] if it is not in
    /// scope.
    positions: Vec<usize>,
    /// The rows found so far.
    pub(super) found: RowSet,
    /// Rows with a matching value, which may belong to a property that is out of scope.
    unsure: RowSet,
    /// The first unsure row that has not been tested yet.
    next: usize,
}

/// Strings to search for.
#[derive(Clone, Debug)]
struct Literals {
    texts: Vec<String>,
    substrings: Substrings,
    /// Whether every value that contains one of the strings is a match.
    are_enough: bool,
}

impl Literals {
    /// Returns `None` if a pattern has no literals, or if there are too many for one automaton.
    fn new(test: &TextTest) -> Option<Self> {
        let mut texts = Vec::new();
        for pattern in &test.patterns {
            texts.extend(pattern.literals()?);
        }
        let substrings = Substrings::new(texts.iter().map(String::as_str))?;
        let are_enough = test.patterns.iter().all(|pattern| matches!(pattern, Pattern::Contains(_)));
        Some(Self { texts, substrings, are_enough })
    }

    /// Returns whether each of these strings contains one of `others`. If so, a search for these
    /// finds only values that a search for `others` also finds.
    fn are_within(&self, others: &Self) -> bool {
        let is_within = |text: &String| others.texts.iter().any(|other| text.contains(other.as_str()));
        self.texts.iter().all(is_within)
    }
}

/// The results for the values under one name.
#[derive(Clone, Debug)]
struct NameHits {
    name: NameCode,
    /// The number of values that have been tested.
    tested: u32,
    /// The number of values whose rows are in [`Search::found`].
    collected: u32,
    /// One bit per value, set if the value matches.
    hits: Vec<u64>,
}

impl NameHits {
    fn is_hit(&self, index: u32) -> bool {
        self.hits.get(index as usize / 64).is_some_and(|bits| bits >> (index % 64) & 1 == 1)
    }

    fn set(hits: &mut Vec<u64>, index: u32) {
        let word = index as usize / 64;
        if word >= hits.len() {
            hits.resize(word + 1, 0);
        }
        hits[word] |= 1 << (index % 64);
    }
}

impl Search {
    pub(super) fn new(test: &TextTest) -> Self {
        Self {
            test: test.clone(),
            signature: format!("{:?}", test.patterns),
            literals: Literals::new(test),
            wider: None,
            keys: Vec::new(),
            names: Vec::new(),
            positions: Vec::new(),
            found: RowSet::default(),
            unsure: RowSet::default(),
            next: 0,
        }
    }

    /// Takes over the results of a former search with the same test or, if there is none, uses
    /// those of a broader former search. The former searches must be for the same store.
    pub(super) fn reuse(&mut self, former: &mut Vec<Self>) {
        let is_same = |other: &Self| other.test.scope == self.test.scope && other.signature == self.signature;
        if let Some(at) = former.iter().position(is_same) {
            let former = former.swap_remove(at);
            (self.keys, self.names, self.positions) = (former.keys, former.names, former.positions);
            self.wider = former.wider;
            self.restart();
            return;
        }
        let is_wider = |other: &Self| {
            let literals = self.literals.as_ref().zip(other.literals.as_ref());
            other.test.scope == self.test.scope
                && literals.is_some_and(|(own, others)| others.are_enough && own.are_within(others))
        };
        if let Some(at) = former.iter().position(is_wider) {
            let mut wider = former.swap_remove(at);
            // Otherwise, all searches since the first letter would be kept.
            wider.wider = None;
            self.wider = Some(Box::new(wider));
        }
    }

    pub(super) fn restart(&mut self) {
        (self.found, self.unsure, self.next) = (RowSet::default(), RowSet::default(), 0);
        self.names.iter_mut().for_each(|name| name.collected = 0);
    }

    /// Adds properties that are new to the dictionary.
    fn update_scope(&mut self, store: &Store) {
        let dictionary = store.dictionary();
        for at in self.keys.len()..dictionary.keys().len() {
            let Key { kind, path } = &dictionary.keys()[at];
            let covers = self.test.scope.covers(kind.as_deref(), path);
            self.keys.push(covers);
            let name = dictionary.name_of(KeyCode::from_index(at));
            if self.positions.len() < dictionary.names() {
                self.positions.resize(dictionary.names(), usize::MAX);
            }
            if covers && self.positions[name.index()] == usize::MAX {
                self.positions[name.index()] = self.names.len();
                self.names.push(NameHits { name, tested: 0, collected: 0, hits: Vec::new() });
            }
        }
    }

    /// Returns whether a value of a name in scope is a hit, or `None` if it has not been tested.
    fn result(&self, value: ValueCode) -> Option<bool> {
        let hits = &self.names[self.positions[value.name.index()]];
        (value.index < hits.tested).then(|| hits.is_hit(value.index))
    }

    /// Continues the search. Returns whether it is complete.
    pub(super) fn advance(&mut self, store: &Store, work: &mut usize) -> bool {
        self.update_scope(store);
        let Self { test, literals, wider, keys, names, found, unsure, next, .. } = self;
        let dictionary = store.dictionary();
        for hits in names.iter_mut() {
            let count = dictionary.count(hits.name.index());
            let former = wider.as_ref().and_then(|wider| wider.hits(hits.name));
            while hits.collected < count {
                if *work == 0 {
                    return false;
                }
                let first = hits.collected;
                let mut end = dictionary.chunk_end(hits.name, first);
                if hits.tested > first {
                    end = end.min(hits.tested);
                } else if let Some(former) = former.filter(|former| former.are_few(first, end)) {
                    let candidates = former.between(first, end);
                    let read = hits.test_all(dictionary, test, literals.as_ref(), candidates);
                    hits.tested = end;
                    *work = work.saturating_sub(read / UNIT + 1);
                } else if let Some(literals) = literals {
                    let read = hits.search(dictionary, test, literals, work.saturating_mul(UNIT));
                    end = end.min(hits.tested);
                    *work = work.saturating_sub(read / UNIT + 1);
                } else {
                    let read = hits.test_all(dictionary, test, None, first..end);
                    hits.tested = end;
                    *work = work.saturating_sub(read / UNIT + 1);
                }
                for index in (first..end).filter(|index| hits.is_hit(*index)) {
                    let value = ValueCode { name: hits.name, index };
                    let in_scope = |key: &KeyCode| keys[key.index()];
                    match store.keys_of(value) {
                        Some(of) if of.iter().all(in_scope) => store.add_rows_of(value, found),
                        Some(of) if !of.iter().any(in_scope) => {}
                        _ => store.add_rows_of(value, unsure),
                    }
                    *work = work.saturating_sub(1);
                }
                hits.collected = end;
                // All rows have been found, so the search is complete. This happens often, because
                // a single letter occurs in almost every alert.
                if found.len() == store.version().1 {
                    return true;
                }
            }
        }
        let is_open = |row: &Row| row.index() >= *next && !found.contains(*row);
        let open: Vec<Row> = unsure.iter().filter(is_open).take(*work / 4 + 1).collect();
        let is_last = open.len() <= *work / 4;
        for row in open {
            *work = work.saturating_sub(4);
            self.next = row.index() + 1;
            if self.matches(store, row) {
                self.found.insert(row);
            }
        }
        is_last
    }

    /// Tests one row, which may have values that have not been searched yet.
    pub(super) fn matches(&mut self, store: &Store, row: Row) -> bool {
        self.update_scope(store);
        let (dictionary, literals) = (store.dictionary(), self.literals.as_ref());
        let mut in_scope = store.terms(row).filter(|(key, _)| self.keys[key.index()]);
        in_scope.any(|(_, value)| {
            self.result(value).unwrap_or_else(|| is_match(&self.test, literals, dictionary, value))
        })
    }

    /// Returns the results for the values under a name.
    fn hits(&self, name: NameCode) -> Option<&NameHits> {
        self.names.get(*self.positions.get(name.index())?)
    }
}

impl NameHits {
    /// Returns whether all values in a range have been tested, and so few match that looking them
    /// up is cheaper than searching the range.
    fn are_few(&self, first: u32, end: u32) -> bool {
        /// The cost of looking up a value relative to that of searching it.
        const LOOKING_UP: usize = 32;
        self.tested >= end && self.between(first, end).count() * LOOKING_UP <= (end - first) as usize
    }

    /// Lists the tested values in a range that match.
    fn between(&self, first: u32, end: u32) -> impl Iterator<Item = u32> {
        let words = self.hits.iter().enumerate().take(end.div_ceil(64) as usize).skip(first as usize / 64);
        let indices = words.flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                (left != 0).then(|| {
                    left &= left - 1;
                    at as u32 * 64 + bit
                })
            })
        });
        indices.filter(move |index| (first..end).contains(index))
    }

    /// Tests values one by one. Returns the cost, as the number of bytes that could be searched in
    /// the same time.
    fn test_all(
        &mut self,
        dictionary: &Dictionary,
        test: &TextTest,
        literals: Option<&Literals>,
        candidates: impl Iterator<Item = u32>,
    ) -> usize {
        let mut count = 0;
        for index in candidates {
            count += 1;
            let value = ValueCode { name: self.name, index };
            if is_match(test, literals, dictionary, value) {
                Self::set(&mut self.hits, index);
            }
        }
        // Looking up a value takes longer than reading its text.
        count * UNIT * 4
    }

    /// Searches the values that have not been tested yet, a chunk at a time, up to about the given
    /// number of bytes. Returns the number of bytes read.
    fn search(
        &mut self,
        dictionary: &Dictionary,
        test: &TextTest,
        literals: &Literals,
        most: usize,
    ) -> usize {
        let (name, count) = (self.name, dictionary.count(self.name.index()));
        let (mut chunks, mut read) = (Vec::new(), 0);
        while self.tested < count && read < most {
            chunks.push(self.tested);
            read += dictionary.chunk_size(name, self.tested);
            self.tested = dictionary.chunk_end(name, self.tested);
        }
        let search = |first: u32| {
            let mut found = Vec::new();
            dictionary.containing(&literals.substrings, name, first, |index| found.push(index));
            if !literals.are_enough {
                let is_match =
                    |index: &u32| test.matches_text(&dictionary.text(ValueCode { name, index: *index }));
                found.retain(is_match);
            }
            found
        };
        let found: Vec<Vec<u32>> = match chunks.as_slice() {
            [one] => vec![search(*one)],
            many => many.par_iter().map(|first| search(*first)).collect(),
        };
        for index in found.into_iter().flatten() {
            Self::set(&mut self.hits, index);
        }
        read
    }
}

fn is_match(test: &TextTest, literals: Option<&Literals>, dictionary: &Dictionary, value: ValueCode) -> bool {
    match literals {
        Some(literals) if !literals.substrings.is_match(&dictionary.folded(value)) => false,
        Some(literals) if literals.are_enough => true,
        _ => test.matches_text(&dictionary.text(value)),
    }
}
