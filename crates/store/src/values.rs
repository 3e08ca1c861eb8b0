//! The distinct values under one property name, each stored once.
//!
//! What is stored is the folded form of a value, in buffers that searches read from end to end, and
//! how its spelling differs from it. Nearly all values are ASCII, where a bit for each capital is
//! enough. Many values of a name have their capitals at the same places (`S-1-5-…`, the `T` and `Z`
//! of a date), so only the exceptions are listed.

use std::{borrow::Cow, cell::RefCell, hash::BuildHasher as _, sync::LazyLock};

use aho_corasick::AhoCorasick;
use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

use crate::{
    packed::{ByteSet, Packed},
    table::{self, SHARDS},
};

/// The number of values of a chunk, which is also the unit of a search.
pub(crate) const CHUNK: usize = 4_096;
/// The number of values beyond which the table is split into shards, so that growing takes a
/// fraction of a millisecond at a time.
const SPLIT: usize = 8_192;

static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// Hashes for tables of this process. The seed is random: attackers choose the values.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    HASHER.hash_one(bytes)
}

/// Folds a text for comparison without regard to case.
///
/// Each character is lower-cased on its own, whatever its position in a word (Greek has a special
/// final sigma). So the folded form of a part of a text is a part of the folded text.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// How a value differs from its folded form.
#[derive(Clone, Copy, Debug)]
enum Spelling<'a> {
    /// The places of the capitals: bit `n % 8` of byte `n / 8`, without zeros at the end.
    Capitals(&'a [u8]),
    /// The value itself, which is not ASCII.
    Raw(&'a str),
}

impl PartialEq for Spelling<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Most values have no capitals. `memcmp` on empty slices is slow: it may load from where
            // they point, which is no address.
            (Self::Capitals([]), Self::Capitals([])) => true,
            (Self::Capitals(a), Self::Capitals(b)) => a == b,
            (Self::Raw(a), Self::Raw(b)) => a == b,
            (Self::Capitals(_), Self::Raw(_)) | (Self::Raw(_), Self::Capitals(_)) => false,
        }
    }
}

/// A value with its folded form and spelling; the buffers can be used again.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    folded: String,
    capitals: Vec<u8>,
}

/// A value to be looked up or stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded<'a> {
    folded: &'a str,
    spelling: Spelling<'a>,
}

impl Folder {
    /// Folds a value.
    pub(crate) fn fold<'a>(&'a mut self, raw: &'a str) -> Folded<'a> {
        self.capitals.clear();
        self.folded.clear();
        let is_ascii = raw.is_ascii();
        // Without an early end, this takes sixteen bytes at a time.
        let has_capitals = raw.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase());
        if is_ascii && !has_capitals {
            return Folded { folded: raw, spelling: Spelling::Capitals(&[]) };
        }
        if !is_ascii {
            self.folded.extend(raw.chars().flat_map(char::to_lowercase));
            let is_same = self.folded == raw;
            let spelling = if is_same { Spelling::Capitals(&[]) } else { Spelling::Raw(raw) };
            return Folded { folded: &self.folded, spelling };
        }
        self.folded.push_str(raw);
        self.folded.make_ascii_lowercase();
        for part in raw.as_bytes().chunks(8) {
            let bits = part.iter().enumerate().map(|(at, byte)| u8::from(byte.is_ascii_uppercase()) << at);
            self.capitals.push(bits.fold(0, |all, bit| all | bit));
        }
        let used = self.capitals.iter().rposition(|bits| *bits != 0).map_or(0, |last| last + 1);
        Folded { folded: &self.folded, spelling: Spelling::Capitals(&self.capitals[..used]) }
    }
}

/// Substrings to search for, folded.
#[derive(Clone, Debug)]
pub struct Substrings {
    automaton: AhoCorasick,
    bytes: Vec<ByteSet>,
}

impl Substrings {
    /// Prepares a search; `None` if there are no substrings, or too many.
    pub fn new<'a>(substrings: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let substrings: Vec<_> = substrings.into_iter().collect();
        let bytes = substrings.iter().map(|text| ByteSet::of(text.as_bytes())).collect();
        // The match that ends first is reported, by default. Otherwise a match across two values
        // could hide one within a value.
        let automaton = AhoCorasick::new(&substrings).ok().filter(|_| !substrings.is_empty())?;
        Some(Self { automaton, bytes })
    }

    /// Returns whether a folded text contains one of the substrings.
    pub fn is_match(&self, folded: &str) -> bool {
        self.automaton.is_match(folded)
    }
}

/// The folded forms of a chunk, concatenated.
#[derive(Debug)]
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
#[derive(Debug, Default)]
struct Chunk {
    texts: Texts,
    /// The number of values.
    len: usize,
    /// The size of each, while all have the same: hashes, dates and most ids do.
    size: usize,
    /// The end of each, if their sizes differ.
    ends: Vec<u32>,
    /// The usual places of capitals.
    usual: Box<[u8]>,
    /// The values that are spelled otherwise, ascending, with the start and the kind of the
    /// spelling.
    unusual: Vec<(u16, u32)>,
    /// Their spellings.
    spellings: Vec<u8>,
}

/// Marks a spelling as [`Spelling::Raw`].
const RAW: u32 = 1 << 31;

impl Chunk {
    fn end(&self, at: usize) -> usize {
        if self.ends.is_empty() { (at + 1) * self.size } else { self.ends[at] as usize }
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.end(before))
    }

    fn folded(&self, at: usize) -> Cow<'_, str> {
        let range = self.start(at)..self.end(at);
        match &self.texts {
            Texts::Plain(text) => text[range].into(),
            Texts::Packed(packed) => packed.unpack(range).into(),
        }
    }

    /// Returns the hash of a folded form.
    fn hash(&self, at: usize) -> u64 {
        let range = self.start(at)..self.end(at);
        match &self.texts {
            Texts::Plain(text) => hash(&text.as_bytes()[range]),
            Texts::Packed(packed) => packed.with(range, hash),
        }
    }

    fn is_folded(&self, at: usize, folded: &str) -> bool {
        let range = self.start(at)..self.end(at);
        match &self.texts {
            Texts::Plain(text) => text.as_bytes()[range] == *folded.as_bytes(),
            Texts::Packed(packed) => packed.is(range, folded),
        }
    }

    /// Calls `each` with all folded forms, unless none can contain a substring.
    fn search(&self, substrings: &Substrings, each: impl FnOnce(&str)) {
        thread_local! {
            static UNPACKED: RefCell<String> = const { RefCell::new(String::new()) };
        }
        match &self.texts {
            Texts::Plain(text) => each(text),
            Texts::Packed(packed) => {
                if substrings.bytes.iter().any(|bytes| packed.may_contain(*bytes)) {
                    UNPACKED.with_borrow_mut(|text| {
                        packed.unpack_all(text);
                        text.truncate(self.end(self.len - 1));
                        each(text);
                    });
                }
            }
        }
    }

    fn spelling(&self, at: usize) -> Spelling<'_> {
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

    fn push(&mut self, value: Folded<'_>) {
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

    /// Makes a full chunk smaller.
    fn seal(&mut self) {
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

/// The distinct values under one property name.
#[derive(Debug, Default)]
pub(crate) struct Values {
    chunks: Vec<Chunk>,
    /// The values by the hashes of their folded forms: one table, or [`SHARDS`] of them.
    shards: Vec<HashTable<u32>>,
    len: u32,
    /// The number of chunks that were made smaller.
    sealed: usize,
}

impl Values {
    /// Returns the number of values.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Returns the folded form of a value.
    pub(crate) fn folded(&self, index: u32) -> Cow<'_, str> {
        folded(&self.chunks, index)
    }

    /// Returns a value as sent.
    pub(crate) fn raw(&self, index: u32) -> Cow<'_, str> {
        let (chunk, at) = place(&self.chunks, index);
        let folded = chunk.folded(at);
        match chunk.spelling(at) {
            Spelling::Raw(raw) => raw.into(),
            Spelling::Capitals([]) => folded,
            Spelling::Capitals(bits) => {
                let is_capital = |at: usize| bits.get(at / 8).is_some_and(|bits| bits >> (at % 8) & 1 == 1);
                let chars = folded.char_indices();
                chars.map(|(at, c)| if is_capital(at) { c.to_ascii_uppercase() } else { c }).collect()
            }
        }
    }

    /// Returns the index of a value, adding it if it is new.
    pub(crate) fn add(&mut self, value: Folded<'_>) -> u32 {
        let hash = hash(value.folded.as_bytes());
        if self.shards.is_empty() {
            self.shards.push(HashTable::new());
        }
        let Self { chunks, shards, len, .. } = self;
        let shard = shard(shards.len(), hash);
        let is_same = |index: &u32| {
            let (chunk, at) = place(chunks, *index);
            chunk.is_folded(at, value.folded) && chunk.spelling(at) == value.spelling
        };
        let rehash = |index: &u32| hash_of(chunks, *index);
        match shards[shard].entry(hash, is_same, rehash) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => {
                let index = *len;
                free.insert(index);
                *len += 1;
                if chunks.last().is_none_or(|chunk| chunk.len == CHUNK) {
                    chunks.push(Chunk::default());
                }
                if let Some(chunk) = chunks.last_mut() {
                    chunk.push(value);
                }
                index
            }
        }
    }

    /// Does a piece of the work that keeps the values small and fast, a millisecond at most. Returns
    /// whether there was some.
    pub(crate) fn tidy(&mut self) -> bool {
        if self.shards.len() == 1 && self.len as usize >= SPLIT {
            self.split();
            return true;
        }
        let unsealed = self.chunks.get_mut(self.sealed).filter(|chunk| chunk.len == CHUNK);
        self.sealed += usize::from(unsealed.is_some());
        unsealed.map(Chunk::seal).is_some()
    }

    /// Adds a value of other values.
    pub(crate) fn add_from(&mut self, other: &Self, index: u32) -> u32 {
        let (chunk, at) = place(&other.chunks, index);
        self.add(Folded { folded: &chunk.folded(at), spelling: chunk.spelling(at) })
    }

    /// Lists the values with this folded form.
    pub(crate) fn spelled(&self, folded: &str) -> impl Iterator<Item = u32> {
        let hash = hash(folded.as_bytes());
        let table = self.shards.get(shard(self.shards.len(), hash));
        let found = table.into_iter().flat_map(move |table| table.iter_hash(hash));
        found.copied().filter(move |index| {
            let (chunk, at) = place(&self.chunks, *index);
            chunk.is_folded(at, folded)
        })
    }

    /// Calls `each` with the values of a chunk, from `first` on, that contain one of the substrings.
    pub(crate) fn containing(&self, substrings: &Substrings, first: u32, mut each: impl FnMut(u32)) {
        let base = first as usize / CHUNK * CHUNK;
        let Some(chunk) = self.chunks.get(base / CHUNK) else { return };
        chunk.search(substrings, |text| {
            let mut at = first as usize - base;
            let mut from = chunk.start(at);
            while at < chunk.len {
                let Some(found) = substrings.automaton.find(&text[from..]) else { return };
                let (hit, hit_end) = (from + found.start(), from + found.end());
                at = match (chunk.ends.is_empty(), chunk.size) {
                    (true, 0) => at,
                    (true, size) => hit_end.div_ceil(size).max(at + 1) - 1,
                    (false, _) => at + chunk.ends[at..].partition_point(|end| (*end as usize) < hit_end),
                };
                from = chunk.start(at);
                // A match across two values does not count.
                if from <= hit {
                    each((base + at) as u32);
                    from = chunk.end(at);
                    at += 1;
                }
            }
        });
    }

    /// Returns the bytes of the folded forms in a chunk: what searching it costs.
    pub(crate) fn chunk_size(&self, chunk: usize) -> usize {
        self.chunks.get(chunk).filter(|chunk| chunk.len > 0).map_or(0, |chunk| chunk.end(chunk.len - 1))
    }

    /// Returns the memory that the values take, in bytes.
    pub(crate) fn size(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| {
            let texts = match &chunk.texts {
                Texts::Plain(text) => text.capacity(),
                Texts::Packed(packed) => packed.size(),
            };
            texts
                + chunk.ends.capacity() * size_of::<u32>()
                + chunk.unusual.capacity() * size_of::<(u16, u32)>()
                + chunk.spellings.capacity()
        });
        let shards = self.shards.iter().map(HashTable::allocation_size);
        chunks.sum::<usize>() + shards.sum::<usize>()
    }

    fn split(&mut self) {
        let mut shards: Vec<HashTable<u32>> = (0..SHARDS).map(|_| HashTable::new()).collect();
        let chunks = &self.chunks;
        let rehash = |index: &u32| hash_of(chunks, *index);
        for index in self.shards.drain(..).flatten() {
            let hash = rehash(&index);
            shards[shard(SHARDS, hash)].insert_unique(hash, index, rehash);
        }
        self.shards = shards;
    }
}

/// Returns the chunk of a value and its place there.
fn place(chunks: &[Chunk], index: u32) -> (&Chunk, usize) {
    (&chunks[index as usize / CHUNK], index as usize % CHUNK)
}

fn folded(chunks: &[Chunk], index: u32) -> Cow<'_, str> {
    let (chunk, at) = place(chunks, index);
    chunk.folded(at)
}

fn hash_of(chunks: &[Chunk], index: u32) -> u64 {
    let (chunk, at) = place(chunks, index);
    chunk.hash(at)
}

fn shard(shards: usize, hash: u64) -> usize {
    if shards <= 1 { 0 } else { table::shard(hash) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn add(values: &mut Values, raw: &str) -> u32 {
        values.add(Folder::default().fold(raw))
    }

    #[test]
    fn a_part_of_a_text_folds_to_a_part_of_the_folded_text() {
        assert!(fold("ΟΔΟΣ ΑΒ").starts_with(&fold("ΟΔΟΣ")));
        assert!(fold("ΟΔΟΣΑ").starts_with(&fold("ΟΔΟΣ")));
        assert_eq!(fold("SRV-Äö"), "srv-äö");
    }

    #[test]
    fn many_values_are_found_again() {
        let mut values = Values::default();
        let text = |at: usize| format!("{}{at}", if at.is_multiple_of(3) { "Value " } else { "value é" });
        for at in 0..3 * SPLIT {
            assert_eq!(add(&mut values, &text(at)) as usize, at);
            if at % 5 == 0 {
                values.tidy();
            }
        }
        while values.tidy() {}
        assert_eq!(values.shards.len(), SHARDS);
        for at in (0..3 * SPLIT).step_by(7) {
            assert_eq!(add(&mut values, &text(at)) as usize, at);
            assert_eq!(values.raw(at as u32), text(at));
            assert_eq!(values.spelled(&fold(&text(at))).collect::<Vec<_>>(), [at as u32]);
        }
        assert!(values.size() > 0 && values.chunk_size(0) > CHUNK && values.chunk_size(99) == 0);
    }

    proptest! {
        #[test]
        fn values_are_returned_as_sent(texts in prop::collection::vec("[aAbBİıéÉß \u{212a}]{0,10}", 0..30)) {
            let (mut values, mut copy) = (Values::default(), Values::default());
            for text in &texts {
                let index = add(&mut values, text);
                prop_assert_eq!(values.raw(index), text.as_str());
                prop_assert_eq!(values.folded(index), fold(text));
                let there = copy.add_from(&values, index);
                prop_assert_eq!(copy.raw(there), text.as_str());
            }
            let distinct: std::collections::HashSet<_> = texts.iter().collect();
            prop_assert_eq!(values.len() as usize, distinct.len());
            for text in &texts {
                let mut found: Vec<_> = values.spelled(&fold(text)).collect();
                found.sort_unstable();
                let same = (0..values.len()).filter(|index| values.folded(*index) == fold(text));
                prop_assert_eq!(found, same.collect::<Vec<_>>());
            }
        }

        #[test]
        fn containing_finds_the_values_that_contain_a_pattern(
            texts in prop::collection::vec("[abAİ]{0,4}", 1..30),
            pattern in "[abİ]{0,3}",
            first in 0u32..30,
        ) {
            let mut values = Values::default();
            for text in &texts {
                add(&mut values, text);
            }
            let first = first % values.len();
            let pattern = fold(&pattern);
            let expected: Vec<_> =
                (first..values.len()).filter(|at| values.folded(*at).contains(&*pattern)).collect();
            let mut found = Vec::new();
            values.containing(&Substrings::new([&*pattern]).unwrap(), first, |index| found.push(index));
            prop_assert_eq!(found, expected);
        }
    }
}
