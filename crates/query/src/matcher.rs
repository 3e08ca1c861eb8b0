//! Evaluates a predicate over many alerts. Each distinct text is tested once, for all substrings
//! together, so that a pasted list costs little more than one word.
//!
//! The results are those of [`Predicate::matches`], as a property test checks.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::{
    predicate::{Pattern, Predicate, Test, TextTest},
    shown::{ShownText, merge_ranges},
};
use alertdeck_store::{Dictionary, Facts, FoldedText, Key, TextCode};

/// A predicate with cached results for the texts of one dictionary.
#[derive(Clone, Debug)]
pub struct Matcher {
    root: Step,
    /// The text tests that are not negated, for highlights.
    positive: Vec<TextTest>,
}

#[derive(Clone, Debug)]
enum Step {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Scalar(Test),
    Text(Box<Search>),
}

/// A text test with its results by code.
#[derive(Clone, Debug)]
struct Search {
    test: TextTest,
    /// The substrings to find; `None` if there are none, or too many for one automaton.
    parts: Option<AhoCorasick>,
    /// Whether the test consists only of substrings.
    only_parts: bool,
    /// Whether each property of the dictionary is in scope.
    keys: Vec<bool>,
    /// Whether each text of the dictionary matches; `None` if it was not tested yet.
    texts: Vec<Option<bool>>,
}

impl Matcher {
    /// Creates a matcher for the predicate.
    pub fn new(predicate: &Predicate) -> Self {
        let mut positive = Vec::new();
        collect(&predicate.0, true, &mut positive);
        Self { root: Step::new(&predicate.0), positive }
    }

    /// Returns whether an alert matches. The dictionary must be the same in every call, but may have
    /// grown.
    pub fn matches(&mut self, dictionary: &Dictionary, facts: &Facts) -> bool {
        self.root.matches(dictionary, facts)
    }

    /// Returns the parts of a shown text that the filter matches: byte ranges, sorted and disjoint.
    /// `property` is the property shown, as the kind and the path of its [`Key`]; `None` means any.
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

impl Step {
    fn new(test: &Test) -> Self {
        let steps = |parts: &[Test]| {
            let mut steps: Vec<_> = parts.iter().map(Self::new).collect();
            // Tests that need no scan of the terms come first.
            steps.sort_by_key(Self::scans);
            steps
        };
        match test {
            Test::All(parts) => Self::All(steps(parts)),
            Test::Any(parts) => Self::Any(steps(parts)),
            Test::Not(part) => Self::Not(Box::new(Self::new(part))),
            Test::Text(test) => Self::Text(Box::new(Search::new(test))),
            scalar => Self::Scalar(scalar.clone()),
        }
    }

    fn scans(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::scans),
            Self::Not(part) => part.scans(),
            Self::Scalar(_) => false,
            Self::Text(_) => true,
        }
    }

    fn matches(&mut self, dictionary: &Dictionary, facts: &Facts) -> bool {
        match self {
            Self::All(parts) => parts.iter_mut().all(|part| part.matches(dictionary, facts)),
            Self::Any(parts) => parts.iter_mut().any(|part| part.matches(dictionary, facts)),
            Self::Not(part) => !part.matches(dictionary, facts),
            Self::Scalar(test) => test.matches(dictionary, facts),
            Self::Text(search) => search.matches(dictionary, facts),
        }
    }
}

/// The number of texts that are searched together: some 40 KB, so that a slice of a view's scan
/// stays short.
const BLOCK: usize = 1_024;

impl Search {
    fn new(test: &TextTest) -> Self {
        let parts = test.patterns.iter().filter_map(|pattern| match pattern {
            Pattern::Contains(part) => Some(part),
            _ => None,
        });
        let parts: Vec<_> = parts.collect();
        let only_parts = parts.len() == test.patterns.len();
        let search = (!parts.is_empty()).then(|| AhoCorasick::new(parts).ok()).flatten();
        Self { test: test.clone(), parts: search, only_parts, keys: Vec::new(), texts: Vec::new() }
    }

    fn matches(&mut self, dictionary: &Dictionary, facts: &Facts) -> bool {
        let (keys, texts) = (dictionary.keys(), dictionary.texts());
        let known = self.keys.len().min(keys.len());
        self.keys.extend(
            keys[known..].iter().map(|Key { kind, path }| self.test.scope.covers(kind.as_deref(), path)),
        );
        if self.texts.len() < texts.len() {
            self.texts.resize(texts.len(), None);
        }
        facts.terms.iter().any(|(key, text)| {
            self.keys[key.index()]
                && self.texts[text.index()].unwrap_or_else(|| self.test_text(dictionary, *text))
        })
    }

    /// Tests a text for the first time and stores the result.
    fn test_text(&mut self, dictionary: &Dictionary, text: TextCode) -> bool {
        let at = text.index();
        match &self.parts {
            Some(parts) if self.only_parts => {
                // Texts that arrived together are tested together. Searching them all in one pass
                // is faster than testing only a few.
                let start = at - at % BLOCK;
                let block = start..self.texts.len().min(start + BLOCK);
                self.texts[block.clone()].fill(Some(false));
                for hit in dictionary.containing(parts, block) {
                    self.texts[hit] = Some(true);
                }
            }
            parts => {
                let word = dictionary.text(text);
                self.texts[at] = Some(text_matches(&self.test, parts.as_ref(), word));
            }
        }
        self.texts[at] == Some(true)
    }
}

/// Does the same as [`TextTest::matches_text`], searching for all substrings at once.
fn text_matches(test: &TextTest, parts: Option<&AhoCorasick>, word: FoldedText<'_>) -> bool {
    let Some(parts) = parts else { return test.matches_text(word) };
    let mut others = test.patterns.iter().filter(|pattern| !matches!(pattern, Pattern::Contains(_)));
    parts.is_match(word.folded) || others.any(|pattern| pattern.matches(word.text.raw(), word.folded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, compile};
    use alertdeck_model::{RawAlert, Timestamp};

    #[test]
    fn results_are_the_same_while_the_dictionary_grows() {
        let context = Context::at(Timestamp::MIN);
        let predicate = compile("title:1,ab -title:\"7 b\"", &context).unwrap().test;
        let (mut dictionary, mut matcher) = (Dictionary::default(), Matcher::new(&predicate));
        let mut hits = 0;
        for number in 0..BLOCK + 200 {
            let json = format!(r#"{{"id":"{number}","title":"{number} b","description":"a"}}"#);
            let facts = dictionary.facts(&RawAlert(json.into()).decode().unwrap());
            let expected = predicate.matches(&dictionary, &facts);
            assert_eq!(matcher.matches(&dictionary, &facts), expected, "{number}");
            hits += usize::from(expected);
        }
        assert!((1..BLOCK).contains(&hits), "{hits}");
    }
}
