//! The distinct values under one property name, each stored once.
//!
//! Each value is stored as its folded form, in a buffer that searches read from start to end, along
//! with the difference between that form and the original spelling. Nearly all values are ASCII,
//! for which one bit per capital is enough. Many values under a name have their capitals in the
//! same positions (`S-1-5-…`, the `T` and `Z` of a date), so only the exceptions are listed.

mod chunk;
mod fold;

use std::{
    borrow::Cow,
    hash::{BuildHasher as _, Hash},
    sync::{Arc, LazyLock},
};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

pub(crate) use chunk::Chunk;
pub use chunk::Substrings;
pub use fold::fold;
pub(crate) use fold::{Folded, Folder};

use crate::{
    chunked::Chunked,
    table::{self, SHARDS},
};

/// The number of values in a chunk, which is also the unit of search.
pub(crate) const CHUNK: usize = 4_096;
/// The number of values at which the table is split into shards, so that each growth step takes
/// only a fraction of a millisecond.
const SPLIT: usize = 8_192;

static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// Hashes bytes for this process's hash tables. The seed is random because attackers can choose the
/// values.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    hash_one(bytes)
}

/// Hashes any value.
pub(crate) fn hash_one(what: impl Hash) -> u64 {
    HASHER.hash_one(what)
}

/// The distinct values under one property name.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// The full chunks. Snapshots share them, and sealing a shared chunk copies it.
    chunks: Vec<Arc<Chunk>>,
    /// The chunk that values are added to, which follows the full ones. Snapshots copy this chunk,
    /// so adding a value never has to check whether the chunk is shared.
    open: Chunk,
    /// The values, keyed by the hash of their folded form, in one table or [`SHARDS`] tables.
    shards: Vec<HashTable<u32>>,
    /// Half of each value's hash, so that a table can grow without reading the values.
    hashes: Chunked<u32>,
    len: u32,
    /// The number of chunks that have been sealed.
    sealed: usize,
}

impl Values {
    /// Returns the number of values.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Returns the folded form of a value.
    pub(crate) fn folded(&self, index: u32) -> Cow<'_, str> {
        let (chunk, at) = self.place(index);
        chunk.folded(at)
    }

    /// Returns a value as sent.
    pub(crate) fn raw(&self, index: u32) -> Cow<'_, str> {
        let (chunk, at) = self.place(index);
        chunk.raw(at)
    }

    /// Returns the chunks for a snapshot, including a copy of the open chunk.
    pub(crate) fn chunks(&self) -> Vec<Arc<Chunk>> {
        let open = (self.open.len > 0).then(|| Arc::new(self.open.clone()));
        self.chunks.iter().cloned().chain(open).collect()
    }

    /// Returns the chunk that a value is in and the value's position in that chunk.
    fn place(&self, index: u32) -> (&Chunk, usize) {
        place(&self.chunks, &self.open, index)
    }

    fn chunk(&self, number: usize) -> Option<&Chunk> {
        if number == self.chunks.len() {
            Some(&self.open)
        } else {
            self.chunks.get(number).map(|chunk| &**chunk)
        }
    }

    /// Returns the index of a value whose folded form may have this hash. Reads only the table.
    pub(crate) fn candidate(&self, hash: u64) -> Option<u32> {
        let hash = spread((hash >> 32) as u32);
        self.shards.get(shard(self.shards.len(), hash))?.iter_hash(hash).next().copied()
    }

    /// Reads the data that [`Values::add`] compares a new value with, and returns an arbitrary
    /// number that depends on that data.
    pub(crate) fn warm(&self, index: u32) -> u32 {
        let (chunk, at) = self.place(index);
        self.hashes[index as usize].wrapping_add(u32::from(chunk.first_byte(at)))
    }

    /// Returns the index of a value, adding it if it is new. `hash` is the hash of the folded form.
    pub(crate) fn add(&mut self, value: Folded<'_>, hash: u64) -> u32 {
        if self.shards.is_empty() {
            self.shards.push(HashTable::new());
        }
        let Self { chunks, open, shards, hashes, len, .. } = self;
        let half = (hash >> 32) as u32;
        let hash = spread(half);
        let shard = shard(shards.len(), hash);
        let is_same = |index: &u32| {
            let (chunk, at) = place(chunks, open, *index);
            hashes[*index as usize] == half
                && chunk.is_folded(at, value.folded)
                && chunk.spelling(at) == value.spelling
        };
        let rehash = |index: &u32| spread(hashes[*index as usize]);
        match shards[shard].entry(hash, is_same, rehash) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => {
                // If a value is several megabytes long, the rest of the chunk may have to stay
                // empty.
                if !open.fits(value) {
                    let filled = open.fill();
                    (0..filled).for_each(|_| hashes.push(0));
                    *len += filled;
                    chunks.push(Arc::new(std::mem::take(open)));
                }
                let index = *len;
                free.insert(index);
                *len += 1;
                open.push(value);
                if open.len == CHUNK {
                    chunks.push(Arc::new(std::mem::take(open)));
                }
                hashes.push(half);
                index
            }
        }
    }

    /// Does part of the work that keeps the values compact and fast, for at most a millisecond.
    /// Returns whether there was anything to do.
    pub(crate) fn tidy(&mut self) -> bool {
        if self.shards.len() == 1 && self.len as usize >= SPLIT {
            self.split();
            return true;
        }
        let unsealed = self.chunks.get_mut(self.sealed);
        self.sealed += usize::from(unsealed.is_some());
        unsealed.map(|chunk| Arc::make_mut(chunk).seal()).is_some()
    }

    /// Lists the values with the given folded form.
    pub(crate) fn spelled(&self, folded: &str) -> impl Iterator<Item = u32> {
        let hash = spread((hash(folded.as_bytes()) >> 32) as u32);
        let table = self.shards.get(shard(self.shards.len(), hash));
        let found = table.into_iter().flat_map(move |table| table.iter_hash(hash));
        found.copied().filter(move |index| {
            let (chunk, at) = self.place(*index);
            chunk.is_folded(at, folded)
        })
    }

    /// Searches the values from `first` to the end of its chunk, and calls `each` with every value
    /// that contains one of the substrings.
    pub(crate) fn containing(&self, substrings: &Substrings, first: u32, mut each: impl FnMut(u32)) {
        let base = first as usize / CHUNK * CHUNK;
        let Some(chunk) = self.chunk(base / CHUNK).filter(|chunk| chunk.len > 0) else { return };
        chunk.containing(substrings, first as usize - base, |at| each((base + at) as u32));
    }

    /// Returns the size in bytes of the folded forms in a chunk, which determines the cost of
    /// searching the chunk.
    pub(crate) fn chunk_size(&self, chunk: usize) -> usize {
        self.chunk(chunk).filter(|chunk| chunk.len > 0).map_or(0, |chunk| chunk.end(chunk.len - 1))
    }

    /// Returns the memory used by the values, in bytes.
    pub(crate) fn size(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.memory()).chain([self.open.memory()]);
        let shards = self.shards.iter().map(HashTable::allocation_size);
        chunks.sum::<usize>() + shards.sum::<usize>() + self.hashes.size()
    }

    fn split(&mut self) {
        let mut shards: Vec<HashTable<u32>> = (0..SHARDS).map(|_| HashTable::new()).collect();
        let hashes = &self.hashes;
        let rehash = |index: &u32| spread(hashes[*index as usize]);
        for index in self.shards.drain(..).flatten() {
            let hash = rehash(&index);
            shards[shard(SHARDS, hash)].insert_unique(hash, index, rehash);
        }
        self.shards = shards;
    }
}

/// Returns the chunk that a value is in and the value's position in that chunk. `last` is the chunk
/// that follows `chunks`.
fn place<'a>(chunks: &'a [Arc<Chunk>], last: &'a Chunk, index: u32) -> (&'a Chunk, usize) {
    let (number, at) = (index as usize / CHUNK, index as usize % CHUNK);
    (if number < chunks.len() { &chunks[number] } else { last }, at)
}

/// Returns a value as sent, read from the chunks of a snapshot.
pub(crate) fn raw_of(chunks: &[Arc<Chunk>], index: u32) -> Cow<'_, str> {
    chunks[index as usize / CHUNK].raw(index as usize % CHUNK)
}

/// Expands half a hash into a hash for the tables. Every bit in the result depends on every bit in
/// the half.
fn spread(half: u32) -> u64 {
    let product = (u64::from(half) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

fn shard(shards: usize, hash: u64) -> usize {
    if shards <= 1 { 0 } else { table::shard(hash) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn add(values: &mut Values, raw: &str) -> u32 {
        let mut folder = Folder::default();
        let value = folder.fold(raw);
        values.add(value, hash(value.folded.as_bytes()))
    }

    #[test]
    fn a_chunk_of_very_long_values_ends_early() {
        let mut values = Values::default();
        let texts: Vec<_> = (0..40).map(|at| format!("É{at}{}", "x".repeat(at * 1_000))).collect();
        let codes: Vec<_> = texts.iter().map(|text| add(&mut values, text)).collect();
        assert!(values.chunks.len() > 3, "{} chunks", values.chunks.len());
        for (text, code) in texts.iter().zip(codes) {
            assert_eq!(values.raw(code), text.as_str());
            assert_eq!(add(&mut values, text), code);
        }
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

    fn check_containing(values: &Values, patterns: &[&str], first: u32) -> Result<(), TestCaseError> {
        let contains = |at: &u32| patterns.iter().any(|pattern| values.folded(*at).contains(pattern));
        let expected: Vec<_> = (first..values.len()).filter(contains).collect();
        let mut found = Vec::new();
        let substrings = Substrings::new(patterns.iter().copied()).unwrap();
        values.containing(&substrings, first, |index| found.push(index));
        prop_assert_eq!(found, expected, "{:?}", patterns);
        Ok(())
    }

    proptest! {
        #[test]
        fn values_are_returned_as_sent(texts in prop::collection::vec("[aAbBİıéÉß \u{212a}]{0,10}", 0..30)) {
            let mut values = Values::default();
            for text in &texts {
                let index = add(&mut values, text);
                prop_assert_eq!(values.raw(index), text.as_str());
                prop_assert_eq!(values.folded(index), fold(text));
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
            check_containing(&values, &[&fold(&pattern)], first)?;
        }

        #[test]
        fn containing_finds_the_same_values_when_they_are_packed(
            texts in prop::collection::vec("[ab]{0,9}|[ab]{8}", 1..30),
            is_uniform: bool,
            patterns in prop::collection::vec("[ab]{3,5}|[abc]{1,4}", 1..3),
            first in 0u32..30,
        ) {
            let mut values = Values::default();
            for text in texts.iter().filter(|text| !is_uniform || text.len() == 8) {
                add(&mut values, text);
            }
            prop_assume!(values.len() > 0);
            let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
            check_containing(&values, &patterns, first % values.len())?;
            values.open.seal();
            check_containing(&values, &patterns, first % values.len())?;
        }
    }
}
