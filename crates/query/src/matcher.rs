//! Evaluates a predicate over all alerts in a store, using sets of rows.
//!
//! A text test searches each value of the properties in its scope once, for all substrings
//! together, so a pasted list costs little more than a single word. The store knows which rows have
//! the values found, so the rest is set arithmetic on rows. Evaluation runs in slices. Alerts that
//! arrive later are tested one by one, and the results for values are kept.
//!
//! Property tests check that the results equal those of [`Predicate::matches`].

mod search;

use std::{any::Any, ops::Range};

use super::{
    predicate::{Pattern, Predicate, Test, TextTest, eq_ignore_case},
    shown::{ShownText, merge_ranges},
};
use alertdeck_store::{Filter, Row, RowSet, Store};
use search::Search;

/// A predicate with cached results for the values in one store.
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
    /// A test on an enum member, a date or the feed, evaluated on a single column.
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
    /// ranges. `property` is the displayed property, as the kind and path of its
    /// [`Key`](alertdeck_store::Key); `None` means any property.
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
    fn reuse(&mut self, former: Box<dyn Any>) {
        if let Ok(former) = former.downcast::<Self>() {
            let mut searches = Vec::new();
            former.root.into_searches(&mut searches);
            self.root.reuse(&mut searches);
        }
    }

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

    fn found_so_far(&self, store: &Store) -> Option<RowSet> {
        self.root.only_grows().then(|| self.root.rows(store))
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

    /// Returns whether a scan only ever adds rows to the result.
    fn only_grows(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::only_grows),
            Self::Not(part) => !part.scans(),
            Self::Column(_) | Self::Rows(_) | Self::Text(_) => true,
        }
    }

    /// Returns whether evaluating this step takes a scan.
    fn scans(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::scans),
            Self::Not(part) => part.scans(),
            Self::Column(_) => false,
            Self::Rows(_) | Self::Text(_) => true,
        }
    }

    fn into_searches(self, searches: &mut Vec<Search>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.into_searches(searches);
                }
            }
            Self::Not(part) => part.into_searches(searches),
            Self::Column(_) | Self::Rows(_) => {}
            Self::Text(search) => searches.push(*search),
        }
    }

    /// Reuses the results of former searches.
    fn reuse(&mut self, former: &mut Vec<Search>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.reuse(former)),
            Self::Not(part) => part.reuse(former),
            Self::Column(_) | Self::Rows(_) => {}
            Self::Text(search) => search.reuse(former),
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

    /// Returns the rows that match, as far as the scans have come. They may include hidden rows.
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

    #[test]
    fn a_filter_typed_letter_by_letter_finds_the_same_rows_as_a_new_one() {
        let context = Context::at(Timestamp::MIN);
        let mut store = Store::default();
        let add = |store: &mut Store, numbers: Range<u32>| {
            let alert = |number: u32| {
                let word = ["Power", "shell", "powerſhell", "who ami"][number as usize % 4];
                let json = format!(
                    r#"{{"id":"{number}","title":"{word} {number}","description":"{number} {word}",
                        "status":"{}","evidence":[{{"url":"http://a{number}.example/{word}"}}]}}"#,
                    ["new", "resolved"][number as usize % 3 % 2]
                );
                RawAlert(json.into())
            };
            let alerts: Vec<_> = numbers.map(alert).collect();
            store.absorb(FeedId::default(), Batch::decode(&alerts));
        };
        // More values than fit into two chunks.
        add(&mut store, 0..9_000);
        let mut former: Option<Box<dyn Filter>> = None;
        let (mut hits, mut early) = (0, 0);
        for typed in [
            "power,77 status:new",
            "title:1 title:12,shell -description:9",
            "title~er.*77 power",
            "-whoami (title:who* or description:=\"12 Power\")",
        ] {
            for (step, end) in (1..=typed.len()).enumerate() {
                let Ok(plan) = compile(&typed[..end], &context) else { continue };
                let mut matcher: Box<dyn Filter> = Box::new(Matcher::new(&plan.test));
                if let Some(former) = former.take() {
                    matcher.reuse(former);
                }
                if step % 5 == 4 {
                    let count = store.len() as u32;
                    add(&mut store, count..count + 7);
                    // The next letter is typed before this evaluation is complete.
                    matcher.restart();
                    matcher.evaluate(&store, &mut 50);
                } else {
                    matcher.restart();
                    let mut so_far = None;
                    let rows = loop {
                        if let Some(rows) = matcher.evaluate(&store, &mut 500) {
                            break rows;
                        }
                        so_far = matcher.found_so_far(&store).or(so_far);
                    };
                    if let Some(so_far) = so_far {
                        assert_eq!(so_far.common(&rows), so_far.len(), "{}", &typed[..end]);
                        early += usize::from(!so_far.is_empty());
                    }
                    assert_eq!(rows, Matcher::new(&plan.test).rows(&store), "{}", &typed[..end]);
                    if step % 7 == 0 {
                        let expected = store.rows().iter().filter(|row| plan.test.matches(&store, *row));
                        assert_eq!(rows, expected.collect(), "{}", &typed[..end]);
                    }
                    hits += usize::from(!rows.is_empty());
                }
                former = Some(matcher);
            }
        }
        assert!(hits > 30, "{hits}");
        assert!(early > 10, "{early}");
    }

    #[test]
    fn rows_that_a_scan_may_still_exclude_are_not_found_so_far() {
        let context = Context::at(Timestamp::MIN);
        let store = Store::default();
        for (filter, is_known) in [
            ("power", true),
            ("power or severity:high", true),
            ("-severity:high power", true),
            ("-power", false),
            ("severity:high -(title:a status:new)", false),
            ("-(-power)", false),
        ] {
            let matcher = Matcher::new(&compile(filter, &context).unwrap().test);
            assert_eq!(matcher.found_so_far(&store).is_some(), is_known, "{filter}");
        }
    }
}
