//! Carries a predicate out over many alerts: each distinct text is tested once, and for all the
//! parts looked for in it at once, so that a pasted list costs little more than one word.
//!
//! The answers are those of [`Predicate::matches`]; a property test holds that.

use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::{
    predicate::{Pattern, Predicate, Test, TextTest},
    shown::{Shown, joined},
};
use alertdeck_store::{Dictionary, Facts, FoldedText, Key, TextCode};

/// A predicate with what it has learnt of one dictionary.
#[derive(Clone, Debug)]
pub struct Matcher {
    root: Step,
    /// The text tests that an alert must meet rather than fail, for highlights.
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

/// A text test with its answers by code.
#[derive(Clone, Debug)]
struct Search {
    test: TextTest,
    /// All parts looked for; `None` where there are none, or too many to search at once.
    parts: Option<AhoCorasick>,
    /// Whether the test asks for parts and nothing else.
    only_parts: bool,
    /// Whether a property is in scope, for every property of the dictionary.
    keys: Vec<bool>,
    /// Whether a text fits; `None` where nobody asked yet.
    texts: Vec<Option<bool>>,
}

impl Matcher {
    /// Makes a matcher that has learnt nothing yet.
    pub fn new(predicate: &Predicate) -> Self {
        let mut positive = Vec::new();
        collect(&predicate.0, true, &mut positive);
        Self { root: Step::new(&predicate.0), positive }
    }

    /// Returns whether an alert fits. The dictionary may have grown since the last call, but must
    /// be the same one.
    pub fn matches(&mut self, dictionary: &Dictionary, facts: &Facts) -> bool {
        self.root.matches(dictionary, facts)
    }

    /// Returns the parts of a shown text that the filter's texts matched: ranges of bytes, in
    /// order, apart from one another. The property shown is given by the parts of its [`Key`], kind
    /// and path; `None` stands for any.
    pub fn highlights(&self, property: Option<(Option<&str>, &str)>, shown: &str) -> Vec<Range<usize>> {
        let in_scope = |test: &&TextTest| property.is_none_or(|(kind, path)| test.scope.covers(kind, path));
        let mut tests = self.positive.iter().filter(in_scope).peekable();
        if tests.peek().is_none() {
            return Vec::new();
        }
        let shown = Shown::new(shown);
        let patterns = tests.flat_map(|test| &test.patterns);
        joined(patterns.flat_map(|pattern: &Pattern| pattern.highlights(&shown)).collect())
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
            // What needs no scan of the terms decides first.
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

/// Texts that are searched through at once: some 40 KB, so that a slice of the walk stays one.
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
                && self.texts[text.index()].unwrap_or_else(|| self.learn(dictionary, *text))
        })
    }

    /// Answers for a text that nobody asked about yet.
    fn learn(&mut self, dictionary: &Dictionary, text: TextCode) -> bool {
        let at = text.index();
        match &self.parts {
            Some(parts) if self.only_parts => {
                // Texts that came together are asked about together, and looking through all of
                // them in one go takes less time than looking at a few.
                let start = at - at % BLOCK;
                let block = start..self.texts.len().min(start + BLOCK);
                self.texts[block.clone()].fill(Some(false));
                for hit in dictionary.containing(parts, block) {
                    self.texts[hit] = Some(true);
                }
            }
            parts => {
                let word = dictionary.text(text);
                self.texts[at] = Some(fits(&self.test, parts.as_ref(), word));
            }
        }
        self.texts[at] == Some(true)
    }
}

/// As [`TextTest::fits`], with the parts searched for at once.
fn fits(test: &TextTest, parts: Option<&AhoCorasick>, word: FoldedText<'_>) -> bool {
    let Some(parts) = parts else { return test.fits(word) };
    let mut others = test.patterns.iter().filter(|pattern| !matches!(pattern, Pattern::Contains(_)));
    parts.is_match(word.folded) || others.any(|pattern| pattern.fits(word.text.raw(), word.folded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, compile};
    use alertdeck_model::{RawAlert, Timestamp};

    #[test]
    fn answers_are_the_same_while_the_dictionary_grows() {
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
