//! A hash table in shards, so that growing takes a fraction of a millisecond at a time. The hashes
//! are stored.

use hashbrown::HashTable;

const SHARDS: usize = 64;

/// Items by hash.
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

    /// Sets the only item with this hash, and returns the former one.
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

    /// Returns the memory that the items take, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.shards.iter().map(HashTable::allocation_size).sum()
    }
}

/// Returns the shard of a hash. The tables use the high and the low bits, so these are from the
/// middle.
fn shard(hash: u64) -> usize {
    (hash >> 28) as usize % SHARDS
}
