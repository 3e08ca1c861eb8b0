//! A run of values: their folded forms in one string, and their spellings.

use std::{borrow::Cow, cell::RefCell};

use aho_corasick::AhoCorasick;

use super::{
    CHUNK,
    fold::{Folded, Spelling},
};
use crate::packed::{self, ByteSet, Packed};

/// Folded substrings to search for.
#[derive(Clone, Debug)]
pub struct Substrings {
    automaton: AhoCorasick,
    texts: Vec<Box<str>>,
    bytes: Vec<ByteSet>,
}

impl Substrings {
    /// Prepares a search. Returns `None` if there are no substrings or too many.
    pub fn new<'a>(substrings: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let substrings: Vec<_> = substrings.into_iter().collect();
        let bytes = substrings.iter().map(|text| ByteSet::of(text.as_bytes())).collect();
        // By default, the match that ends first is reported. With other settings, a match that
        // spans two values could hide a match within a value.
        let automaton = AhoCorasick::new(&substrings).ok().filter(|_| !substrings.is_empty())?;
        Some(Self { automaton, texts: substrings.into_iter().map(Into::into).collect(), bytes })
    }

    /// Returns whether a folded string contains one of the substrings.
    pub fn is_match(&self, folded: &str) -> bool {
        self.automaton.is_match(folded)
    }
}

/// The folded forms in a chunk, concatenated.
#[derive(Clone, Debug)]
enum Texts {
    Plain(String),
    Packed(Packed),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

/// A run of at most [`CHUNK`] values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    texts: Texts,
    /// The number of values.
    pub(super) len: usize,
    /// The size of each value, if all values have the same size, as hashes, dates and most ids do.
    pub(super) size: usize,
    /// The end of each value, if their sizes differ.
    pub(super) ends: Vec<u32>,
    /// The positions at which values usually have capitals.
    usual: Box<[u8]>,
    /// The values with other spellings, in ascending order, each paired with the start and kind of
    /// its spelling.
    unusual: Vec<(u16, u32)>,
    /// The spellings of the unusual values.
    spellings: Vec<u8>,
}

/// The bit that marks a spelling as [`Spelling::Raw`].
const RAW: u32 = 1 << 31;

impl Chunk {
    pub(super) fn end(&self, at: usize) -> usize {
        if self.ends.is_empty() { (at + 1) * self.size } else { self.ends[at] as usize }
    }

    pub(super) fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.end(before))
    }

    pub(super) fn folded(&self, at: usize) -> Cow<'_, str> {
        let range = self.start(at)..self.end(at);
        match &self.texts {
            Texts::Plain(text) => text[range].into(),
            Texts::Packed(packed) => packed.unpack(range).into(),
        }
    }

    /// Returns the first byte of a value or, in a packed chunk, the byte that contains its first
    /// character.
    pub(super) fn first_byte(&self, at: usize) -> u8 {
        let start = self.start(at);
        match &self.texts {
            Texts::Plain(text) => text.as_bytes().get(start).copied().unwrap_or_default(),
            Texts::Packed(packed) => packed.byte_at(start),
        }
    }

    pub(super) fn is_folded(&self, at: usize, folded: &str) -> bool {
        let range = self.start(at)..self.end(at);
        match &self.texts {
            Texts::Plain(text) => text.as_bytes()[range] == *folded.as_bytes(),
            Texts::Packed(packed) => packed.is(range, folded),
        }
    }

    /// Calls `each` with the position of every value at or after `first` that contains one of the
    /// substrings, in ascending order.
    pub(super) fn containing(&self, substrings: &Substrings, first: usize, each: impl FnMut(usize)) {
        thread_local! {
            static UNPACKED: RefCell<String> = const { RefCell::new(String::new()) };
        }
        let packed = match &self.texts {
            Texts::Plain(text) => return self.search(text, substrings, first, each),
            Texts::Packed(packed) => packed,
        };
        let pairs = substrings.texts.iter().zip(&substrings.bytes);
        let possible: Vec<_> =
            pairs.filter(|(_, bytes)| packed.may_contain(**bytes)).map(|(text, _)| &**text).collect();
        if possible.iter().all(|text| text.len() >= packed::MIN_PATTERN) {
            return self.search_packed(packed, &possible, first, each);
        }
        UNPACKED.with_borrow_mut(|text| {
            packed.unpack_all(text);
            text.truncate(self.end(self.len - 1));
            self.search(text, substrings, first, each);
        });
    }

    /// Searches the folded forms, concatenated.
    fn search(&self, text: &str, substrings: &Substrings, first: usize, mut each: impl FnMut(usize)) {
        let mut at = first;
        let mut from = self.start(at);
        while at < self.len {
            let Some(found) = substrings.automaton.find(&text[from..]) else { return };
            let (hit, hit_end) = (from + found.start(), from + found.end());
            at = match (self.ends.is_empty(), self.size) {
                (true, 0) => at,
                (true, size) => hit_end.div_ceil(size).max(at + 1) - 1,
                (false, _) => at + self.ends[at..].partition_point(|end| (*end as usize) < hit_end),
            };
            from = self.start(at);
            // A match that spans two values does not count.
            if from <= hit {
                each(at);
                from = self.end(at);
                at += 1;
            }
        }
    }

    /// Searches the folded forms without unpacking them, which would take longer than the search.
    fn search_packed(&self, packed: &Packed, patterns: &[&str], first: usize, each: impl FnMut(usize)) {
        let mut hits = Vec::new();
        for pattern in patterns {
            packed.find_each(pattern.as_bytes(), self.start(first), |hit| {
                let at = match (self.ends.is_empty(), self.size) {
                    (true, size) => hit / size.max(1),
                    (false, _) => self.ends.partition_point(|end| *end as usize <= hit),
                };
                // The last byte may have an unused half.
                if at >= self.len {
                    return usize::MAX;
                }
                // A match that spans two values does not count.
                if hit + pattern.len() <= self.end(at) {
                    hits.push(at);
                }
                self.end(at)
            });
        }
        // Each pattern is searched for twice: from the low and from the high halves of bytes.
        hits.sort_unstable();
        hits.dedup();
        hits.into_iter().for_each(each);
    }

    pub(super) fn spelling(&self, at: usize) -> Spelling<'_> {
        let Ok(found) = self.unusual.binary_search_by_key(&at, |(at, _)| usize::from(*at)) else {
            return Spelling::Capitals(&self.usual);
        };
        let start = self.unusual[found].1;
        let end = self.unusual.get(found + 1).map_or(self.spellings.len(), |(_, end)| (end & !RAW) as usize);
        let bytes = &self.spellings[(start & !RAW) as usize..end];
        match start & RAW {
            0 => Spelling::Capitals(bytes),
            _ => Spelling::Raw(std::str::from_utf8(bytes).unwrap_or_default()),
        }
    }

    /// Returns a value as sent.
    pub(crate) fn raw(&self, at: usize) -> Cow<'_, str> {
        let folded = self.folded(at);
        match self.spelling(at) {
            Spelling::Raw(raw) => raw.into(),
            Spelling::Capitals([]) => folded,
            Spelling::Capitals(bits) => {
                let is_capital = |at: usize| bits.get(at / 8).is_some_and(|bits| bits >> (at % 8) & 1 == 1);
                let chars = folded.char_indices();
                chars.map(|(at, c)| if is_capital(at) { c.to_ascii_uppercase() } else { c }).collect()
            }
        }
    }

    /// Returns the memory used by the chunk, in bytes.
    pub(super) fn memory(&self) -> usize {
        let texts = match &self.texts {
            Texts::Plain(text) => text.capacity(),
            Texts::Packed(packed) => packed.size(),
        };
        texts
            + self.ends.capacity() * size_of::<u32>()
            + self.unusual.capacity() * size_of::<(u16, u32)>()
            + self.spellings.capacity()
    }

    /// Returns whether the chunk has capacity for a value, given that positions are limited to 31
    /// bits. An empty chunk accepts any value.
    pub(super) fn fits(&self, value: Folded<'_>) -> bool {
        /// The maximum length of a buffer in bytes, which is smaller in tests.
        const MOST: usize = if cfg!(test) { 1 << 16 } else { 1 << 30 };
        let Texts::Plain(text) = &self.texts else { return true };
        let spelling =
            if let Spelling::Raw(raw) = value.spelling { raw.len() } else { value.folded.len() / 8 };
        self.len == 0
            || self.len == CHUNK
            || text.len() + value.folded.len() <= MOST && self.spellings.len() + spelling <= MOST
    }

    /// Fills the chunk with empty values that no lookup finds, and returns the number of values
    /// added.
    pub(super) fn fill(&mut self) -> u32 {
        let count = CHUNK - self.len;
        for _ in 0..count {
            self.push(Folded { folded: "", spelling: Spelling::Capitals(&[]) });
        }
        count as u32
    }

    pub(super) fn push(&mut self, value: Folded<'_>) {
        let at = self.len;
        if at == 0 {
            self.size = value.folded.len();
        } else if self.ends.is_empty() && value.folded.len() != self.size {
            self.ends = (0..at).map(|at| self.end(at) as u32).collect();
        }
        // A chunk is packed only when it is full.
        let Texts::Plain(text) = &mut self.texts else { return };
        text.push_str(value.folded);
        self.len += 1;
        if !self.ends.is_empty() {
            self.ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        if at == 0
            && let Spelling::Capitals(bits) = value.spelling
        {
            self.usual = bits.into();
        }
        if value.spelling != Spelling::Capitals(&self.usual) {
            let start = u32::try_from(self.spellings.len()).unwrap_or_default();
            let (kind, bytes) = match value.spelling {
                Spelling::Capitals(bits) => (0, bits),
                Spelling::Raw(raw) => (RAW, raw.as_bytes()),
            };
            self.unusual.push((at as u16, start | kind));
            self.spellings.extend_from_slice(bytes);
        }
    }

    /// Compacts a full chunk by packing its text, if possible, and releasing spare capacity.
    pub(super) fn seal(&mut self) {
        self.ends.shrink_to_fit();
        self.unusual.shrink_to_fit();
        self.spellings.shrink_to_fit();
        let Texts::Plain(text) = &mut self.texts else { return };
        match Packed::new(text.as_bytes()) {
            Some(packed) => self.texts = Texts::Packed(packed),
            None => text.shrink_to_fit(),
        }
    }
}
