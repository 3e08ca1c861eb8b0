//! Searches displayed text, ignoring case.

use std::{borrow::Cow, ops::Range};

/// Displayed text, its folded form, and the mapping from the folded form back to the text.
#[derive(Debug)]
pub struct ShownText<'a> {
    text: &'a str,
    folded: Cow<'a, str>,
    /// For each byte of `folded`, and for its end, the offset in `text` of the character it comes
    /// from. `None` for ASCII text, where the offsets are the same.
    origins: Option<Vec<usize>>,
}

impl<'a> ShownText<'a> {
    /// Folds the text.
    pub fn new(text: &'a str) -> Self {
        if text.is_ascii() {
            let has_capitals = text.bytes().any(|byte| byte.is_ascii_uppercase());
            let folded = if has_capitals { text.to_ascii_lowercase().into() } else { text.into() };
            return Self { text, folded, origins: None };
        }
        let (mut folded, mut origins) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
        for (at, c) in text.char_indices() {
            folded.extend(c.to_lowercase());
            origins.resize(folded.len(), at);
        }
        origins.push(text.len());
        Self { text, folded: folded.into(), origins: Some(origins) }
    }

    /// Returns the displayed text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the folded text.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// Returns the occurrences of a folded string, which must not be empty, as byte ranges in the
    /// displayed text.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.folded.match_indices(text).map(|(at, _)| at..at + text.len());
        found.map(|range| self.unfold(range)).collect()
    }

    /// Maps a range of the folded form back to the displayed text. A character that folds to
    /// several is included in full.
    pub fn unfold(&self, range: Range<usize>) -> Range<usize> {
        let Some(origins) = &self.origins else { return range };
        let last = origins[range.end.saturating_sub(1)];
        let next = origins[range.end..].iter().find(|at| **at > last);
        origins[range.start]..next.copied().unwrap_or(self.text.len())
    }
}

/// Sorts ranges and merges those that touch.
pub fn merge_ranges(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
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
