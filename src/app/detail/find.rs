//! Text search in an alert, including folded lines and values that are not displayed.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use memchr::memmem;

use super::{BlockId, FactValue, Folds, Line, LineId, LineKind};
use crate::app::{filter::Editor, message::Body, scroll::Scroll};
use alertdeck_model::{attack, defang::refang};
use alertdeck_query::{ShownText, merge_ranges};
use alertdeck_store::fold;

/// A search in an alert, with its hits.
#[derive(Debug, Default)]
pub struct Find {
    /// The text field, while it is open.
    pub editor: Option<Editor>,
    /// The case-folded strings to search for: the typed text and, if it differs, the refanged text.
    needles: Vec<String>,
    text: String,
    /// All lines of the alert, as if nothing were folded.
    pub(super) lines: Vec<Line>,
    /// The index in `lines` of each block's first line.
    first_lines: HashMap<BlockId, usize>,
    index: TextIndex,
    /// The hits, in line order.
    hits: Vec<Hit>,
    /// The first hit in each [`LineKind::Rest`], keyed by line index.
    rest_ranges: HashMap<usize, Range<usize>>,
    hit_blocks: HashSet<BlockId>,
    /// The index of the current hit.
    at: Option<usize>,
    /// The state when the search was started.
    pub(super) origin: FindOrigin,
}

/// A hit, given by the indices of its first and last lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// The index of the line on which the hit starts.
    pub(super) line: usize,
    /// The index of the line on which the hit ends.
    pub(super) last: usize,
}

/// The state before the search, which is restored if the search is cancelled.
#[derive(Clone, Debug, Default)]
pub(super) struct FindOrigin {
    pub(super) folds: Folds,
    pub(super) scroll: Scroll,
    pub(super) line_id: LineId,
}

impl Find {
    pub(super) fn begin(origin: FindOrigin) -> Self {
        Self { editor: Some(Editor::new("")), origin, ..Self::default() }
    }

    /// Indexes the lines of an alert, laid out as if nothing were folded, and searches them.
    pub(super) fn index(&mut self, lines: Vec<Line>, body: &Body) {
        self.lines = lines;
        let first_lines = self.lines.iter().enumerate().filter(|(_, line)| line.id.nth == 0);
        self.first_lines = first_lines.map(|(at, line)| (line.id.block, at)).collect();
        self.index = TextIndex::new(&self.lines, body);
        self.search();
    }

    /// Sets the search text and searches for it.
    pub(super) fn set_text(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        let typed = fold(text.trim());
        let refanged = fold(&refang(text.trim()));
        self.needles = if typed == refanged { vec![typed] } else { vec![typed, refanged] };
        self.needles.retain(|needle| !needle.is_empty());
        self.search();
    }

    fn search(&mut self) {
        self.hits = self.index.find(&self.needles);
        let ranges = self.hits.iter().filter_map(|hit| match &self.lines[hit.last].kind {
            LineKind::Rest { from, full_text, .. } => {
                Some((hit.last, self.first_range(&full_text.as_str()[*from..])?))
            }
            _ => None,
        });
        self.rest_ranges = ranges.collect();
        self.hit_blocks = self.hits.iter().map(|hit| self.lines[hit.line].id.block).collect();
        self.at = None;
    }

    /// Returns the search text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the number of hits.
    pub fn count(&self) -> usize {
        self.hits.len()
    }

    /// Returns whether there may be more hits than were counted, because each part of the text that
    /// is not laid out counts as at most one hit.
    pub fn may_be_more(&self) -> bool {
        self.hits.iter().any(|hit| matches!(self.lines[hit.last].kind, LineKind::Rest { .. }))
    }

    /// Returns the number of the current hit, counted from 1.
    pub fn number(&self) -> Option<usize> {
        self.at.map(|at| at + 1)
    }

    /// Returns whether the block of a line contains a hit.
    pub fn is_hit(&self, line: &Line) -> bool {
        self.hit_blocks.contains(&line.id.block)
    }

    /// Goes to the first hit at or after a line, or to the very first hit if there is none. Returns
    /// the hit.
    pub(super) fn first_from(&mut self, line: usize) -> Option<Hit> {
        let at = self.hits.partition_point(|hit| hit.line < line);
        self.select(if at == self.hits.len() { 0 } else { at })
    }

    /// Goes to the nearest hit after a line, or before it if `forward` is false, wrapping around at
    /// the ends. Returns the hit.
    pub(super) fn next_from(&mut self, line: usize, forward: bool) -> Option<Hit> {
        let count = self.hits.len();
        let at = if forward {
            Some(self.hits.partition_point(|hit| hit.line <= line)).filter(|at| *at < count).unwrap_or(0)
        } else {
            let before = self.hits.partition_point(|hit| hit.line < line);
            before.checked_sub(1).unwrap_or(count.saturating_sub(1))
        };
        self.select(at)
    }

    fn select(&mut self, at: usize) -> Option<Hit> {
        let hit = self.hits.get(at).copied();
        self.at = hit.map(|_| at);
        hit
    }

    /// Returns whether the given text contains the search text.
    pub(super) fn matches(&self, text: &str) -> bool {
        let folded = fold(text);
        self.needles.iter().any(|needle| folded.contains(needle))
    }

    /// Returns the byte ranges of the hits in displayed text.
    pub fn ranges(&self, shown: &str) -> Vec<Range<usize>> {
        if self.needles.is_empty() {
            return Vec::new();
        }
        let shown = ShownText::new(shown);
        merge_ranges(self.needles.iter().flat_map(|needle| shown.find(needle)).collect())
    }

    /// Returns the byte range of the first hit in displayed text, however long the text is.
    pub fn first_range(&self, shown: &str) -> Option<Range<usize>> {
        /// The number of bytes to search at a time. Finding a hit near the start must not require
        /// case-folding megabytes.
        const PIECE: usize = 16 * 1024;
        let boundary = |at: usize| (at..shown.len()).find(|at| shown.is_char_boundary(*at));
        // Case folding shrinks a character to no less than a third of its size in bytes.
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

    /// Returns the first hit in the text omitted at a [`LineKind::Rest`] line, as a byte range in
    /// that text.
    pub fn range_in_rest(&self, line: &Line) -> Option<Range<usize>> {
        self.rest_ranges.get(&(self.first_lines.get(&line.id.block)? + line.id.nth)).cloned()
    }

    /// Returns the byte ranges of the hits in a line of wrapped text, including hits that start in
    /// the previous line or continue in the next.
    pub fn ranges_in(&self, line: &Line) -> Vec<Range<usize>> {
        let LineKind::Text { line: text, .. } = &line.kind else { return Vec::new() };
        let Some(first) = self.first_lines.get(&line.id.block) else { return Vec::new() };
        let found = self.index.within(first + line.id.nth, &self.needles);
        let indent = text.len() - text.trim_start_matches(' ').len();
        let shown = ShownText::new(trim_blanks(text));
        let ranges = found.into_iter().map(|range| shown.unfold(range));
        merge_ranges(ranges.map(|range| range.start + indent..range.end + indent).collect())
    }
}

/// Trims the spaces that are already counted in a wrapped line's gap.
fn trim_blanks(line: &str) -> &str {
    line.trim_matches(' ')
}

/// The case-folded text of all lines in one string, since searching all the text at once is faster
/// than searching line by line.
#[derive(Debug, Default)]
struct TextIndex {
    folded: String,
    entries: Vec<Entry>,
}

/// A line's text; for wrapped text, only the part on that line.
#[derive(Debug)]
struct Entry {
    /// The byte range in the index's string.
    range: Range<usize>,
    /// The index of the line.
    line: usize,
}

/// Separates entries. The search text cannot contain this character.
const SEPARATOR: char = '\n';

impl TextIndex {
    fn new(lines: &[Line], body: &Body) -> Self {
        let mut index = Self::default();
        let mut shown: HashSet<String> = HashSet::new();
        for (at, line) in lines.iter().enumerate() {
            match &line.kind {
                LineKind::Node(id) => {
                    index.add(at, &body.tree.node(*id).label());
                    body.tree.each_text(*id, &mut |text| index.add(at, text));
                }
                LineKind::Facts(facts) => {
                    for fact in facts {
                        let Some(text) = fact.value.text() else { continue };
                        match &fact.value {
                            // Include the name that the screen shows next to the id.
                            FactValue::Technique(id) => index.add(at, &attack::describe(id)),
                            // An enumeration member can be found both in words and as received.
                            FactValue::Member(raw, words) => {
                                index.add(at, words);
                                index.add(at, raw.raw());
                            }
                            _ => index.add(at, text.raw()),
                        }
                        shown.insert(text.raw().to_owned());
                    }
                }
                LineKind::Text { line: text, gap, full_text, .. } => {
                    if line.id.nth > 0 {
                        index.continue_text(*gap);
                    } else {
                        shown.insert(full_text.raw().to_owned());
                    }
                    index.add(at, trim_blanks(text));
                }
                LineKind::Rest { from, full_text, .. } => {
                    let (before, rest) = full_text.as_str().split_at(*from);
                    let is_separated =
                        before.ends_with(char::is_whitespace) || rest.starts_with(char::is_whitespace);
                    index.continue_text(is_separated.into());
                    index.add(at, &rest.lines().map(str::trim).collect::<Vec<_>>().join(" "));
                }
                LineKind::Comment(author, _) => {
                    if let Some(author) = author {
                        index.add(at, author.raw());
                        shown.insert(author.raw().to_owned());
                    }
                }
                // Under "All properties", skip values that are already shown above.
                LineKind::Property(property) => {
                    if let Some(value) = property.value.as_ref().filter(|value| !shown.contains(value.raw()))
                    {
                        index.add(at, value.raw());
                    }
                }
                LineKind::TimelineEntry(nth) => index.add(at, &body.timeline_text(*nth)),
                // Indicators and command lines are node values, which are already indexed.
                LineKind::Indicator(_)
                | LineKind::CommandLine(..)
                | LineKind::Decoded(..)
                | LineKind::Section(..)
                | LineKind::Group(..)
                | LineKind::Blank => {}
            }
        }
        index
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
        self.folded.push(SEPARATOR);
    }

    /// Makes the next text to be added continue the previous text after this many spaces.
    fn continue_text(&mut self, blanks: usize) {
        self.folded.pop();
        self.folded.extend(std::iter::repeat_n(' ', blanks));
    }

    /// Returns all hits, in order.
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
                // Further occurrences on the same line do not count as separate hits.
                from = first.range.end.max(end);
            }
        }
        hits.sort_unstable();
        hits.dedup_by_key(|hit| hit.line);
        hits
    }

    /// Returns the parts of a line's text that belong to a hit, as byte ranges in the case-folded
    /// text.
    fn within(&self, line: usize, needles: &[String]) -> Vec<Range<usize>> {
        let entry = self.entries.partition_point(|entry| entry.line < line);
        let Some(Entry { range, .. }) = self.entries.get(entry).filter(|entry| entry.line == line) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        for needle in needles {
            // Overlapping occurrences are all found, so the search may safely start inside one.
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
    use alertdeck_store::{Batch, FeedId, Store};

    fn compared(text: &str) -> String {
        fold(&text.replace(' ', ""))
    }

    proptest! {
        #[test]
        fn wrapped_texts_are_found_and_highlighted_at_any_width(
            text in "[ab C]{0,8}[aB cİẞK日é]{1,120}", from in 0usize..100, len in 1usize..60, width in 10usize..50
        ) {
            let part: String = text.chars().skip(from).take(len).collect();
            prop_assume!(!part.trim().is_empty());
            let alert = RawAlert(json!({"id": "a", "description": text}).to_string().into());
            let mut store = Store::default();
            let row = store.absorb(FeedId::default(), Batch::decode([&alert])).seen[0];
            let mut detail = Detail::new(row, store.stored(row), Body::read(&alert));
            let mut folds = Folds::new();
            detail.lay_out(&folds, width);
            detail.begin_find(&folds);
            detail.find.as_mut().unwrap().editor = Some(Editor::new(&part));
            detail.search_typed(&mut folds, 20);
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
