//! Carries a predicate out over many alerts: each distinct text is tested once.
//!
//! The answers are those of [`Predicate::matches`]; a property test holds that.

use std::ops::Range;

use super::{
    facts::{Dictionary, Facts, Key, TextCode},
    predicate::{Pattern, Predicate, Shown, Test, TextTest},
};

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
    Text(TextTest, Memo),
}

/// Answers by code.
#[derive(Clone, Debug, Default)]
struct Memo {
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

    /// Tells whether an alert fits. The dictionary may have grown since the last call, but must
    /// be the same one.
    pub fn matches(&mut self, dictionary: &Dictionary, facts: &Facts) -> bool {
        self.root.matches(dictionary, facts)
    }

    /// Returns the parts of a shown text that the filter's texts matched: ranges of bytes, in
    /// order, apart from one another. `key` is the property shown; `None` stands for any.
    pub fn highlights(&self, key: Option<&Key>, shown: &str) -> Vec<Range<usize>> {
        let in_scope = |test: &&TextTest| key.is_none_or(|key| test.scope.covers(key));
        let mut tests = self.positive.iter().filter(in_scope).peekable();
        if tests.peek().is_none() {
            return Vec::new();
        }
        let shown = Shown::new(shown);
        let patterns = tests.flat_map(|test| &test.patterns);
        let mut ranges: Vec<_> = patterns.flat_map(|pattern: &Pattern| pattern.highlights(&shown)).collect();
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        ranges.dedup_by(|next, range| {
            let touches = next.start <= range.end;
            if touches {
                range.end = range.end.max(next.end);
            }
            touches
        });
        ranges
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
            Test::Text(test) => Self::Text(test.clone(), Memo::default()),
            scalar => Self::Scalar(scalar.clone()),
        }
    }

    fn scans(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::scans),
            Self::Not(part) => part.scans(),
            Self::Scalar(_) => false,
            Self::Text(..) => true,
        }
    }

    fn matches(&mut self, dictionary: &Dictionary, facts: &Facts) -> bool {
        match self {
            Self::All(parts) => parts.iter_mut().all(|part| part.matches(dictionary, facts)),
            Self::Any(parts) => parts.iter_mut().any(|part| part.matches(dictionary, facts)),
            Self::Not(part) => !part.matches(dictionary, facts),
            Self::Scalar(test) => test.matches(dictionary, facts),
            Self::Text(test, memo) => memo.any(test, dictionary, facts),
        }
    }
}

/// Texts that are searched through at once: some 40 KB, so that a slice of the walk stays one.
const BLOCK: usize = 1_024;

impl Memo {
    fn any(&mut self, test: &TextTest, dictionary: &Dictionary, facts: &Facts) -> bool {
        let (keys, texts) = (dictionary.keys(), dictionary.texts());
        let known = self.keys.len().min(keys.len());
        self.keys.extend(keys[known..].iter().map(|key| test.scope.covers(key)));
        if self.texts.len() < texts.len() {
            self.texts.resize(texts.len(), None);
        }
        facts.terms.iter().any(|(key, text)| {
            self.keys[key.index()]
                && self.texts[text.index()].unwrap_or_else(|| self.learn(test, dictionary, *text))
        })
    }

    /// Answers for a text that nobody asked about yet.
    fn learn(&mut self, test: &TextTest, dictionary: &Dictionary, text: TextCode) -> bool {
        let at = text.index();
        let finders: Option<Vec<_>> = test.patterns.iter().map(Pattern::finder).collect();
        if let Some(finders) = finders {
            // Texts that came together are asked about together, and looking through all of them
            // in one go takes less time than looking at a few.
            let start = at - at % BLOCK;
            let block = start..self.texts.len().min(start + BLOCK);
            self.texts[block.clone()].fill(Some(false));
            for hit in finders.into_iter().flat_map(|finder| dictionary.containing(finder, block.clone())) {
                self.texts[hit] = Some(true);
            }
        } else {
            self.texts[at] = Some(test.fits(dictionary.text(text)));
        }
        self.texts[at] == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{RawAlert, Timestamp},
        query::{Context, compile},
    };

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
