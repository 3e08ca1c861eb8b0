//! Finding a text anywhere in an alert, also in what is folded and in values that no line shows.

use std::{collections::HashSet, ops::Range};

use memchr::memmem;

use super::{DetailView, Folds, Line, LineKind, Loud, Outline, Place};
use crate::{
    app::{filter::Editor, message::Body, scroll::Scroll},
    model::defang::refang,
    query::{Shown, facts::fold, joined},
};

/// A line, told apart by the thing that it is of and its place among that thing's lines: the same
/// whatever is folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) nth: usize,
}

/// What is looked for in the alert, and where it is.
#[derive(Debug, Default)]
pub struct Find {
    /// The text, while it is being typed.
    pub editor: Option<Editor>,
    /// The text as it is compared: as typed, and with its addresses made whole again.
    needles: Vec<String>,
    text: String,
    /// Every line of the alert, with nothing folded.
    pub(super) lines: Vec<Line>,
    words: Words,
    /// The lines that hold it, by their indices in `lines`.
    hits: Vec<usize>,
    places: HashSet<Place>,
    /// The hit that the reader is at.
    at: Option<usize>,
    /// Where the reader was before.
    pub(super) before: Before,
}

/// Where the reader was, to go back to.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    pub(super) folds: Folds,
    pub(super) scroll: Scroll,
    pub(super) spot: Spot,
}

impl Find {
    pub(super) fn begin(before: Before) -> Self {
        Self { editor: Some(Editor::new("")), before, ..Self::default() }
    }

    /// Takes in what an alert holds, in place of what was taken in before.
    pub(super) fn read(&mut self, body: &Body, view: DetailView, loud: &Loud, width: usize) {
        self.lines = Outline::new(None, width).lines(body, view, loud);
        self.words = Words::new(&self.lines, body);
        self.search();
    }

    /// Looks for a text.
    pub(super) fn look_for(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        let typed = fold(text.trim());
        let whole = fold(&refang(text.trim()));
        self.needles = if typed == whole { vec![typed] } else { vec![typed, whole] };
        self.needles.retain(|needle| !needle.is_empty());
        self.search();
    }

    fn search(&mut self) {
        self.hits = self.words.find(&self.needles);
        self.places = self.hits.iter().map(|hit| self.lines[*hit].place).collect();
        self.at = None;
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many lines hold the text.
    pub fn count(&self) -> usize {
        self.hits.len()
    }

    /// Returns the number of the hit that the reader is at, from 1.
    pub fn number(&self) -> Option<usize> {
        self.at.map(|at| at + 1)
    }

    /// Tells whether a line, or another line of the same thing, holds the text.
    pub fn is_hit(&self, line: &Line) -> bool {
        self.places.contains(&line.place)
    }

    /// Goes to the first hit at a line or behind it, else to the first of all; returns its line.
    pub(super) fn first_from(&mut self, line: usize) -> Option<usize> {
        let at = self.hits.partition_point(|hit| *hit < line);
        self.take(if at == self.hits.len() { 0 } else { at })
    }

    /// Goes to the next hit behind a line, or to the one before it, at the ends to the other end.
    pub(super) fn next_from(&mut self, line: usize, forward: bool) -> Option<usize> {
        let count = self.hits.len();
        let at = if forward {
            Some(self.hits.partition_point(|hit| *hit <= line)).filter(|at| *at < count).unwrap_or(0)
        } else {
            let before = self.hits.partition_point(|hit| *hit < line);
            before.checked_sub(1).unwrap_or(count.saturating_sub(1))
        };
        self.take(at)
    }

    fn take(&mut self, at: usize) -> Option<usize> {
        let hit = self.hits.get(at).copied();
        self.at = hit.map(|_| at);
        hit
    }

    /// Tells whether a text holds what is looked for.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let folded = fold(text);
        self.needles.iter().any(|needle| folded.contains(needle))
    }

    /// Returns where a shown text holds what is looked for, in bytes of the text.
    pub fn ranges(&self, shown: &str) -> Vec<Range<usize>> {
        if self.needles.is_empty() {
            return Vec::new();
        }
        let shown = Shown::new(shown);
        joined(self.needles.iter().flat_map(|needle| shown.find(needle)).collect())
    }
}

/// The texts of lines, folded, one behind the other: a search through memory in order is faster
/// than one from text to text.
#[derive(Debug, Default)]
struct Words {
    folded: String,
    /// Where the texts end, and the line of each.
    ends: Vec<(usize, usize)>,
}

/// Between texts: nothing that can be typed is on both sides of it.
const APART: char = '\n';

impl Words {
    fn new(lines: &[Line], body: &Body) -> Self {
        let mut words = Self::default();
        let mut shown: HashSet<String> = HashSet::new();
        for (at, line) in lines.iter().enumerate() {
            match &line.kind {
                LineKind::Node(id) => {
                    words.add(at, &body.tree.node(*id).label());
                    body.tree.each_text(*id, &mut |text| words.add(at, text));
                }
                LineKind::Facts(facts) => {
                    for text in facts.iter().filter_map(|fact| fact.value.text()) {
                        words.add(at, text.raw());
                        shown.insert(text.raw().to_owned());
                    }
                }
                LineKind::Text { line: text, whole, .. } => {
                    // A sentence goes on in the next line.
                    let goes_on = at.checked_sub(1).is_some_and(|before| lines[before].place == line.place);
                    if goes_on {
                        words.folded.pop();
                        words.folded.push(' ');
                    } else {
                        shown.insert(whole.raw().to_owned());
                    }
                    words.add(at, text.trim());
                }
                LineKind::Comment(author, _) => {
                    if let Some(author) = author {
                        words.add(at, author.raw());
                        shown.insert(author.raw().to_owned());
                    }
                }
                // What stands further up is no second hit in the list of everything.
                LineKind::Property(property) => {
                    if let Some(value) = property.value.as_ref().filter(|value| !shown.contains(value.raw()))
                    {
                        words.add(at, value.raw());
                    }
                }
                LineKind::Moment(nth) => words.add(at, &body.moment(*nth)),
                // Indicators are values of the nodes above.
                LineKind::Indicator(_) | LineKind::Section(..) | LineKind::Group(..) | LineKind::Blank => {}
            }
        }
        words
    }

    fn add(&mut self, line: usize, text: &str) {
        if text.is_ascii() {
            let from = self.folded.len();
            self.folded.push_str(text);
            self.folded[from..].make_ascii_lowercase();
        } else {
            self.folded.push_str(&fold(text));
        }
        self.folded.push(APART);
        self.ends.push((self.folded.len(), line));
    }

    /// Lists the lines that hold one of the texts, in order.
    fn find(&self, needles: &[String]) -> Vec<usize> {
        let mut lines = Vec::new();
        for needle in needles {
            let finder = memmem::Finder::new(needle);
            let mut from = 0;
            // The rest of a line's text cannot make it more of a hit.
            while let Some(at) = finder.find(&self.folded.as_bytes()[from..]) {
                let text = self.ends.partition_point(|(end, _)| *end <= from + at);
                let Some((end, line)) = self.ends.get(text) else { break };
                lines.push(*line);
                from = *end;
            }
        }
        lines.sort_unstable();
        lines.dedup();
        lines
    }
}
