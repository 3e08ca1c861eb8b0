//! Evaluates a predicate over all alerts in a store, using sets of rows.
//!
//! A text test searches each value of the properties in its scope once, for all substrings
//! together, so a pasted list costs little more than a single word. The store knows which rows have
//! the values found, so the rest is set arithmetic on rows. The work is done in slices. Alerts that
//! arrive later are tested one by one, and the results for values are kept.
//!
//! Property tests check that the results equal those of [`Predicate::matches`].

use std::ops::Range;

use super::{
    predicate::{Pattern, Predicate, Test, TextTest, eq_ignore_case},
    shown::{ShownText, merge_ranges},
};
use alertdeck_store::{
    Filter, FoldedText, Key, KeyCode, NameCode, Row, RowSet, Store, Substrings, ValueCode,
};

/// The number of bytes of text that one unit of work searches.
const UNIT: usize = 64;

/// A predicate with cached results for the values of one store.
#[derive(Clone, Debug)]
pub struct Matcher {
    root: Step,
    /// The text tests that are not negated, used for highlighting.
    positive: Vec<TextTest>,
}

#[derive(Clone, Debug)]
enum Step {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// A test on a member, a date or the feed that a column can answer.
    Column(Test),
    /// A test that reads columns row by row.
    Rows(Box<RowScan>),
    Text(Box<Search>),
}

/// A test that is evaluated row by row.
#[derive(Clone, Debug)]
struct RowScan {
    test: Test,
    found: RowSet,
    /// The first row that has not been tested yet.
    next: usize,
}

/// A text test, with its results keyed by value.
#[derive(Clone, Debug)]
struct Search {
    test: TextTest,
    /// The substrings to find, or `None` if there are none or too many for one automaton.
    parts: Option<Substrings>,
    /// Whether the test consists only of substrings.
    only_parts: bool,
    /// Whether each property of the dictionary is in scope.
    keys: Vec<bool>,
    /// The results for the values of the names in scope.
    names: Vec<NameHits>,
    /// For each name of the dictionary, its position in `names`, or [`usize::MAX`] if it is not in
    /// scope.
    positions: Vec<usize>,
    /// The rows found so far.
    found: RowSet,
    /// Rows with a value that is a hit under only some of its properties.
    unsure: RowSet,
    /// The first unsure row that has not been tested yet.
    next: usize,
}

/// The results for the values of one name.
#[derive(Clone, Debug)]
struct NameHits {
    name: NameCode,
    /// The number of values that have been tested.
    tested: u32,
    /// The number of values whose rows are in [`Search::found`].
    collected: u32,
    /// A bit for each value that matches.
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

impl Matcher {
    /// Creates a matcher for the predicate.
    pub fn new(predicate: &Predicate) -> Self {
        let mut positive = Vec::new();
        collect(&predicate.0, true, &mut positive);
        Self { root: Step::new(&predicate.0), positive }
    }

    /// Evaluates the predicate on all alerts in one go.
    pub fn rows(&mut self, store: &Store) -> RowSet {
        self.restart();
        loop {
            if let Some(rows) = self.evaluate(store, &mut usize::MAX.clone()) {
                return rows;
            }
        }
    }

    /// Returns the parts of displayed text that the filter matches, as sorted, disjoint byte
    /// ranges. `property` is the displayed property, as the kind and path of its [`Key`]; `None`
    /// means any property.
    pub fn highlights(&self, property: Option<(Option<&str>, &str)>, shown: &str) -> Vec<Range<usize>> {
        let in_scope = |test: &&TextTest| property.is_none_or(|(kind, path)| test.scope.covers(kind, path));
        let mut tests = self.positive.iter().filter(in_scope).peekable();
        if tests.peek().is_none() {
            return Vec::new();
        }
        let shown = ShownText::new(shown);
        let patterns = tests.flat_map(|test| &test.patterns);
        merge_ranges(patterns.flat_map(|pattern: &Pattern| pattern.highlights(&shown)).collect())
    }
}

fn collect(test: &Test, positive: bool, found: &mut Vec<TextTest>) {
    match test {
        Test::All(parts) | Test::Any(parts) => {
            for part in parts {
                collect(part, positive, found);
            }
        }
        Test::Not(part) => collect(part, !positive, found),
        Test::Text(text) if positive => found.push(text.clone()),
        _ => {}
    }
}

impl Filter for Matcher {
    fn restart(&mut self) {
        self.root.restart();
    }

    fn evaluate(&mut self, store: &Store, work: &mut usize) -> Option<RowSet> {
        self.root.scan(store, work).then(|| {
            let mut rows = self.root.rows(store);
            rows.intersect(store.rows());
            rows
        })
    }

    /// Returns whether a row matches. Every call must use the same store, which may grow between
    /// calls.
    fn matches(&mut self, store: &Store, row: Row) -> bool {
        self.root.matches(store, row)
    }
}

impl Step {
    fn new(test: &Test) -> Self {
        let steps = |parts: &[Test]| {
            let mut steps: Vec<_> = parts.iter().map(Self::new).collect();
            // Tests that need no search come first.
            steps.sort_by_key(Self::searches);
            steps
        };
        match test {
            Test::All(parts) => Self::All(steps(parts)),
            Test::Any(parts) => Self::Any(steps(parts)),
            Test::Not(part) => Self::Not(Box::new(Self::new(part))),
            Test::Text(test) => Self::Text(Box::new(Search::new(test))),
            Test::Raw(_) => {
                Self::Rows(Box::new(RowScan { test: test.clone(), found: RowSet::default(), next: 0 }))
            }
            Test::Member(..) | Test::Within(..) | Test::Known(_) | Test::From(_) => {
                Self::Column(test.clone())
            }
        }
    }

    fn searches(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::searches),
            Self::Not(part) => part.searches(),
            Self::Column(_) | Self::Rows(_) => false,
            Self::Text(_) => true,
        }
    }

    fn restart(&mut self) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(Self::restart),
            Self::Not(part) => part.restart(),
            Self::Column(_) => {}
            Self::Rows(scan) => (scan.found, scan.next) = (RowSet::default(), 0),
            Self::Text(search) => search.restart(),
        }
    }

    /// Continues the scans of this step. Returns whether they are complete.
    fn scan(&mut self, store: &Store, work: &mut usize) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().all(|part| part.scan(store, work)),
            Self::Not(part) => part.scan(store, work),
            Self::Column(_) => true,
            Self::Rows(scan) => scan.advance(store, work),
            Self::Text(search) => search.advance(store, work),
        }
    }

    /// Returns the rows that match, once the scans are complete. They may include hidden rows.
    fn rows(&self, store: &Store) -> RowSet {
        match self {
            Self::All(parts) => {
                let mut rows = store.rows().clone();
                for part in parts {
                    rows.intersect(&part.rows(store));
                }
                rows
            }
            Self::Any(parts) => {
                let mut rows = RowSet::default();
                for part in parts {
                    rows.union(&part.rows(store));
                }
                rows
            }
            Self::Not(part) => {
                let mut rows = store.rows().clone();
                rows.subtract(&part.rows(store));
                rows
            }
            Self::Column(Test::Member(enumeration, wanted)) => {
                enumeration.rows(store, |member| eq_ignore_case(member, wanted))
            }
            Self::Column(Test::Within(date, interval)) => {
                store.dated(date.column(), |at| at.is_some_and(|at| interval.contains(at)))
            }
            Self::Column(Test::Known(date)) => store.dated(date.column(), |at| at.is_some()),
            Self::Column(Test::From(feeds)) => store.rows_of_feeds(feeds),
            Self::Column(_) => RowSet::default(),
            Self::Rows(scan) => scan.found.clone(),
            Self::Text(search) => search.found.clone(),
        }
    }

    fn matches(&mut self, store: &Store, row: Row) -> bool {
        match self {
            Self::All(parts) => parts.iter_mut().all(|part| part.matches(store, row)),
            Self::Any(parts) => parts.iter_mut().any(|part| part.matches(store, row)),
            Self::Not(part) => !part.matches(store, row),
            Self::Column(test) => test.matches(store, row),
            Self::Rows(scan) => scan.test.matches(store, row),
            Self::Text(search) => search.matches(store, row),
        }
    }
}

impl RowScan {
    fn advance(&mut self, store: &Store, work: &mut usize) -> bool {
        let first = self.next;
        let mut rows = store.rows().iter().skip_while(|row| row.index() < first);
        while *work > 0 {
            let Some(row) = rows.next() else { return true };
            *work = work.saturating_sub(8);
            if self.test.matches(store, row) {
                self.found.insert(row);
            }
            self.next = row.index() + 1;
        }
        false
    }
}

impl Search {
    fn new(test: &TextTest) -> Self {
        let parts = test.patterns.iter().filter_map(|pattern| match pattern {
            Pattern::Contains(part) => Some(part.as_str()),
            _ => None,
        });
        let parts: Vec<_> = parts.collect();
        let only_parts = parts.len() == test.patterns.len();
        let parts = Substrings::new(parts);
        Self {
            test: test.clone(),
            only_parts: only_parts && parts.is_some(),
            parts,
            keys: Vec::new(),
            names: Vec::new(),
            positions: Vec::new(),
            found: RowSet::default(),
            unsure: RowSet::default(),
            next: 0,
        }
    }

    fn restart(&mut self) {
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
    fn advance(&mut self, store: &Store, work: &mut usize) -> bool {
        self.update_scope(store);
        let Self { test, parts, only_parts, keys, names, found, unsure, next, .. } = self;
        let dictionary = store.dictionary();
        for hits in names.iter_mut() {
            let count = dictionary.count(hits.name.index());
            while hits.collected < count {
                if *work == 0 {
                    return false;
                }
                let (name, first) = (hits.name, hits.collected);
                let mut end = dictionary.chunk_end(name, first);
                if hits.tested > first {
                    end = end.min(hits.tested);
                } else {
                    let bits = &mut hits.hits;
                    let read = match parts.as_ref() {
                        Some(parts) if *only_parts => {
                            dictionary.containing(parts, name, first, |index| NameHits::set(bits, index))
                        }
                        parts => {
                            for index in first..end {
                                let value = dictionary.text(ValueCode { name, index });
                                if text_matches(test, parts, &value) {
                                    NameHits::set(bits, index);
                                }
                            }
                            // Patterns other than substrings take longer.
                            (end - first) as usize * UNIT * 4
                        }
                    };
                    hits.tested = end;
                    *work = work.saturating_sub(read / UNIT + 1);
                }
                for index in (first..end).filter(|index| hits.is_hit(*index)) {
                    let value = ValueCode { name, index };
                    let in_scope = |key: &KeyCode| keys[key.index()];
                    match store.keys_of(value) {
                        Some(of) if of.iter().all(in_scope) => store.add_rows_of(value, found),
                        Some(of) if !of.iter().any(in_scope) => {}
                        _ => store.add_rows_of(value, unsure),
                    }
                    *work = work.saturating_sub(1);
                }
                hits.collected = end;
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
    fn matches(&mut self, store: &Store, row: Row) -> bool {
        self.update_scope(store);
        let (dictionary, parts) = (store.dictionary(), self.parts.as_ref());
        let mut in_scope = store.terms(row).filter(|(key, _)| self.keys[key.index()]);
        in_scope.any(|(_, value)| {
            self.result(value).unwrap_or_else(|| text_matches(&self.test, parts, &dictionary.text(value)))
        })
    }
}

/// Like [`TextTest::matches_text`], but searches for all substrings at once.
fn text_matches(test: &TextTest, parts: Option<&Substrings>, value: &FoldedText<'_>) -> bool {
    let Some(parts) = parts else { return test.matches_text(value) };
    let mut others = test.patterns.iter().filter(|pattern| !matches!(pattern, Pattern::Contains(_)));
    parts.is_match(&value.folded) || others.any(|pattern| pattern.matches(&value.raw, &value.folded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, compile};
    use alertdeck_model::{RawAlert, Timestamp};
    use alertdeck_store::{Batch, FeedId};

    #[test]
    fn results_are_the_same_while_the_dictionary_grows() {
        let context = Context::at(Timestamp::MIN);
        let predicate = compile("title:1,ab -title:\"7 b\"", &context).unwrap().test;
        let (mut store, mut matcher) = (Store::default(), Matcher::new(&predicate));
        let mut hits = 0;
        for number in 0..1_200 {
            let json = format!(r#"{{"id":"{number}","title":"{number} b","description":"a"}}"#);
            let absorbed = store.absorb(FeedId::default(), Batch::decode(&[RawAlert(json.into())]));
            let expected = predicate.matches(&store, absorbed.new[0]);
            assert_eq!(matcher.matches(&store, absorbed.new[0]), expected, "{number}");
            hits += usize::from(expected);
            if number % 500 == 0 {
                let expected = store.rows().iter().filter(|row| predicate.matches(&store, *row));
                assert_eq!(matcher.rows(&store), expected.collect());
            }
        }
        assert!((1..1_000).contains(&hits), "{hits}");
    }
}
