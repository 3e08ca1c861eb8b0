//! A hash table split into shards, so that each growth step takes only a fraction of a millisecond.
//! The table stores the hashes.

use std::sync::LazyLock;

use hashbrown::HashTable;

/// The number of shards.
pub(crate) const SHARDS: usize = 64;

/// Items, keyed by hash.
#[derive(Debug)]
pub(crate) struct Table<T> {
    shards: Vec<HashTable<(u64, T)>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

impl<T: Copy> Table<T> {
    /// Returns the item with this hash that passes the test.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(T) -> bool) -> Option<T> {
        let found = self.shards[shard(hash)].find(hash, |(other, item)| *other == hash && is_it(*item));
        found.map(|(_, item)| *item)
    }

    /// Adds an item.
    pub(crate) fn insert(&mut self, hash: u64, item: T) {
        self.shards[shard(hash)].insert_unique(hash, (hash, item), |(hash, _)| *hash);
    }

    /// Stores an item as the only one with this hash and returns the previous item, if any.
    pub(crate) fn replace(&mut self, hash: u64, item: T) -> Option<T> {
        match self.shards[shard(hash)].find_mut(hash, |(other, _)| *other == hash) {
            Some((_, former)) => Some(std::mem::replace(former, item)),
            None => {
                self.insert(hash, item);
                None
            }
        }
    }

    /// Removes the items that fail the test.
    pub(crate) fn retain(&mut self, keep: impl Fn(T) -> bool) {
        for shard in &mut self.shards {
            shard.retain(|(_, item)| keep(*item));
        }
    }

    /// Returns the memory used by the items, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.shards.iter().map(HashTable::allocation_size).sum()
    }
}

/// Returns the shard for a hash, as a number less than [`SHARDS`]. The tables use the high and low
/// bits of the hash, so bits from the middle select the shard.
///
/// A table doubles when it is full. The shards differ in size by up to a factor of two, evenly
/// spaced on a logarithmic scale, so that they do not all double at the same time.
pub(crate) fn shard(hash: u64) -> usize {
    const PARTS: usize = 4_096;
    static SHARD: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let share = |part: usize| (1.0 + part as f64 / PARTS as f64).log2();
        (0..PARTS).map(|part| (share(part) * SHARDS as f64) as u8).collect()
    });
    usize::from(SHARD[(hash >> 28) as usize % PARTS])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::hash;

    #[test]
    fn items_are_found_replaced_and_removed() {
        let mut table = Table::default();
        for item in 0..10_000_u32 {
            assert_eq!(table.replace(hash(&item.to_le_bytes()), item), None);
        }
        let hash = hash(&77_u32.to_le_bytes());
        assert_eq!((table.find(hash, |_| true), table.find(hash, |item| item != 77)), (Some(77), None));
        assert_eq!(table.replace(hash, 78), Some(77));
        table.retain(|item| item % 2 == 1);
        assert_eq!(table.find(hash, |_| true), None);
        assert_eq!(table.shards.iter().map(HashTable::len).sum::<usize>(), 5_000 - 1);
    }

    #[test]
    fn the_largest_shard_is_twice_the_smallest() {
        let mut counts = [0; SHARDS];
        (0..1_000_000_u32).for_each(|item| counts[shard(hash(&item.to_le_bytes()))] += 1);
        let (least, most) = (counts[0], counts[SHARDS - 1]);
        assert!((1.8..2.2).contains(&(f64::from(most) / f64::from(least))), "{least} and {most}");
        assert!(counts.iter().all(|count| (least * 9 / 10..=most * 11 / 10).contains(count)));
    }
}
