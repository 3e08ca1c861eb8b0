//! Finding a text anywhere in an alert, also in what is folded and in values that no line shows.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use memchr::memmem;

use super::{FactValue, Folds, Line, LineKind, Place, Spot};
use crate::app::{filter::Editor, message::Body, scroll::Scroll};
use alertdeck_model::{attack, defang::refang};
use alertdeck_query::{ShownText, merge_ranges};
use alertdeck_store::fold;

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
    /// The index in `lines` of the first line of each thing.
    firsts: HashMap<Place, usize>,
    words: Words,
    /// Where it is, by the indices of lines in `lines`.
    hits: Vec<Hit>,
    /// Where it is first in what is not laid out of a text, by the index of that line.
    rests: HashMap<usize, Range<usize>>,
    places: HashSet<Place>,
    /// The hit that the reader is at.
    at: Option<usize>,
    /// Where the reader was before.
    pub(super) before: Before,
}

/// A line that holds what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// The line, or the first one where it goes on in the next.
    pub(super) line: usize,
    /// The last one.
    pub(super) last: usize,
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

    /// Takes in what an alert holds, as lines with nothing folded, in place of what was taken in
    /// before.
    pub(super) fn read(&mut self, lines: Vec<Line>, body: &Body) {
        self.lines = lines;
        let firsts = self.lines.iter().enumerate().filter(|(_, line)| line.spot.nth == 0);
        self.firsts = firsts.map(|(at, line)| (line.spot.place, at)).collect();
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
        let held = self.hits.iter().filter_map(|hit| match &self.lines[hit.last].kind {
            LineKind::Rest { from, whole, .. } => {
                Some((hit.last, self.first_range(&whole.as_str()[*from..])?))
            }
            _ => None,
        });
        self.rests = held.collect();
        self.places = self.hits.iter().map(|hit| self.lines[hit.line].spot.place).collect();
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

    /// Tells whether there may be more: what is not laid out of a text is one line, however often
    /// it holds what is looked for.
    pub fn may_be_more(&self) -> bool {
        self.hits.iter().any(|hit| matches!(self.lines[hit.last].kind, LineKind::Rest { .. }))
    }

    /// Returns the number of the hit that the reader is at, from 1.
    pub fn number(&self) -> Option<usize> {
        self.at.map(|at| at + 1)
    }

    /// Tells whether a line, or another line of the same thing, holds the text.
    pub fn is_hit(&self, line: &Line) -> bool {
        self.places.contains(&line.spot.place)
    }

    /// Goes to the first hit at a line or behind it, else to the first of all; returns it.
    pub(super) fn first_from(&mut self, line: usize) -> Option<Hit> {
        let at = self.hits.partition_point(|hit| hit.line < line);
        self.take(if at == self.hits.len() { 0 } else { at })
    }

    /// Goes to the next hit behind a line, or to the one before it, at the ends to the other end.
    pub(super) fn next_from(&mut self, line: usize, forward: bool) -> Option<Hit> {
        let count = self.hits.len();
        let at = if forward {
            Some(self.hits.partition_point(|hit| hit.line <= line)).filter(|at| *at < count).unwrap_or(0)
        } else {
            let before = self.hits.partition_point(|hit| hit.line < line);
            before.checked_sub(1).unwrap_or(count.saturating_sub(1))
        };
        self.take(at)
    }

    fn take(&mut self, at: usize) -> Option<Hit> {
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
        let shown = ShownText::new(shown);
        merge_ranges(self.needles.iter().flat_map(|needle| shown.find(needle)).collect())
    }

    /// Returns the first of these places in a text of any length.
    pub fn first_range(&self, shown: &str) -> Option<Range<usize>> {
        /// Megabytes are not folded after every key for a hit at their beginning.
        const PIECE: usize = 16 * 1024;
        let boundary = |at: usize| (at..shown.len()).find(|at| shown.is_char_boundary(*at));
        // No character folds to less than a third of its bytes.
        let reach = 3 * self.needles.iter().map(String::len).max()?;
        let mut from = 0;
        loop {
            let to = boundary(from + PIECE + reach).unwrap_or(shown.len());
            if let Some(first) = self.ranges(&shown[from..to]).first() {
                return Some(from + first.start..from + first.end);
            }
            from = boundary(from + PIECE)?;
        }
    }

    /// Returns where what is not laid out of a text holds it first, in bytes of that.
    pub fn range_in_rest(&self, line: &Line) -> Option<Range<usize>> {
        self.rests.get(&(self.firsts.get(&line.spot.place)? + line.spot.nth)).cloned()
    }

    /// Returns where a line of a wrapped text holds what is looked for, in bytes of the line, also
    /// where that began in a line before or goes on in the next.
    pub fn ranges_in(&self, line: &Line) -> Vec<Range<usize>> {
        let LineKind::Text { line: text, .. } = &line.kind else { return Vec::new() };
        let Some(first) = self.firsts.get(&line.spot.place) else { return Vec::new() };
        let found = self.words.within(first + line.spot.nth, &self.needles);
        let indent = text.len() - text.trim_start_matches(' ').len();
        let shown = ShownText::new(own(text));
        let ranges = found.into_iter().map(|range| shown.unfold(range));
        merge_ranges(ranges.map(|range| range.start + indent..range.end + indent).collect())
    }
}

/// What a line of a wrapped text holds of it, without the blanks that the line's gap counts.
fn own(line: &str) -> &str {
    line.trim_matches(' ')
}

/// The texts of lines, folded, one behind the other: a search through memory in order is faster
/// than one from text to text.
#[derive(Debug, Default)]
struct Words {
    folded: String,
    entries: Vec<Entry>,
}

/// A text of a line, or the line's part of a text.
#[derive(Debug)]
struct Entry {
    /// Where it is.
    range: Range<usize>,
    /// The line.
    line: usize,
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
                    for fact in facts {
                        let Some(text) = fact.value.text() else { continue };
                        match &fact.value {
                            // By what the screen shows with the id, too.
                            FactValue::Technique(id) => words.add(at, &attack::describe(id)),
                            _ => words.add(at, text.raw()),
                        }
                        shown.insert(text.raw().to_owned());
                    }
                }
                LineKind::Text { line: text, gap, whole, .. } => {
                    if line.spot.nth > 0 {
                        words.go_on(*gap);
                    } else {
                        shown.insert(whole.raw().to_owned());
                    }
                    words.add(at, own(text));
                }
                LineKind::Rest { from, whole, .. } => {
                    let (before, rest) = whole.as_str().split_at(*from);
                    let is_parted =
                        before.ends_with(char::is_whitespace) || rest.starts_with(char::is_whitespace);
                    words.go_on(is_parted.into());
                    words.add(at, &rest.lines().map(str::trim).collect::<Vec<_>>().join(" "));
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
        let from = self.folded.len();
        if text.is_ascii() {
            self.folded.push_str(text);
            self.folded[from..].make_ascii_lowercase();
        } else {
            self.folded.push_str(&fold(text));
        }
        self.entries.push(Entry { range: from..self.folded.len(), line });
        self.folded.push(APART);
    }

    /// Lets the text before go on in the next one, behind so many blanks.
    fn go_on(&mut self, blanks: usize) {
        self.folded.pop();
        self.folded.extend(std::iter::repeat_n(' ', blanks));
    }

    /// Lists the lines in which one of the texts begins, in order.
    fn find(&self, needles: &[String]) -> Vec<Hit> {
        let mut hits = Vec::new();
        for needle in needles {
            let finder = memmem::Finder::new(needle);
            let mut from = 0;
            while let Some(at) = finder.find(&self.folded.as_bytes()[from..]) {
                let at = from + at;
                let end = at + needle.len();
                let first = self.entries.partition_point(|entry| entry.range.end <= at);
                let count = self.entries[first..].iter().take_while(|entry| entry.range.start < end).count();
                let its = &self.entries[first..first + count];
                let (Some(first), Some(last)) = (its.first(), its.last()) else { break };
                hits.push(Hit { line: first.line, last: last.line });
                // The rest of a line's text cannot make it more of a hit.
                from = first.range.end.max(end);
            }
        }
        hits.sort_unstable();
        hits.dedup_by_key(|hit| hit.line);
        hits
    }

    /// Lists the parts of a line's one text that belong to one of the texts, in bytes of its folded
    /// form.
    fn within(&self, line: usize, needles: &[String]) -> Vec<Range<usize>> {
        let entry = self.entries.partition_point(|entry| entry.line < line);
        let Some(Entry { range, .. }) = self.entries.get(entry).filter(|entry| entry.line == line) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        for needle in needles {
            // Occurrences may overlap: where one is sought from decides nothing.
            let finder = memmem::Finder::new(needle);
            let mut from = (range.start + 1).saturating_sub(needle.len());
            let to = (range.end + needle.len() - 1).min(self.folded.len());
            while let Some(at) = finder.find(&self.folded.as_bytes()[from..to]) {
                let (start, end) = (from + at, from + at + needle.len());
                parts.push(start.max(range.start) - range.start..end.min(range.end) - range.start);
                from = start + 1;
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::app::{Detail, message::Body};
    use alertdeck_model::RawAlert;
    use alertdeck_store::{Batch, Store};

    fn compared(text: &str) -> String {
        fold(&text.replace(' ', ""))
    }

    proptest! {
        #[test]
        fn every_part_of_a_text_is_found_and_marked_however_it_is_wrapped(
            text in "[ab C]{0,8}[aB cİẞK日é]{1,120}", from in 0usize..100, len in 1usize..60, width in 10usize..50
        ) {
            let part: String = text.chars().skip(from).take(len).collect();
            prop_assume!(!part.trim().is_empty());
            let alert = RawAlert(json!({"id": "a", "description": text}).to_string().into());
            let row = Store::with_postings(&alertdeck_query::FieldPostings).absorb(Batch::decode(std::slice::from_ref(&alert), &alertdeck_query::FieldPostings)).seen[0];
            let mut detail = Detail::new(row, Body::read(&alert));
            let mut folds = Folds::new();
            detail.lay_out(&folds, width);
            detail.begin_find(&folds);
            detail.find.as_mut().unwrap().editor = Some(Editor::new(&part));
            detail.look_for_typed(&mut folds, 20);
            let find = detail.find.as_ref().unwrap();
            prop_assert!(find.count() > 0);
            let mut marked = String::new();
            for line in detail.lines() {
                if let LineKind::Text { line: text, .. } = &line.kind {
                    marked.extend(find.ranges_in(line).into_iter().map(|range| &text[range]));
                }
            }
            prop_assert!(compared(&marked).contains(&compared(part.trim())), "{marked:?}");
        }
    }
}
