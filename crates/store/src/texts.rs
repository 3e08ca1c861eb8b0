//! The distinct values in a batch, in the order in which they first occur.

use hashbrown::{HashTable, hash_table::Entry};
use serde::{Deserialize, Serialize};

use crate::{
    dictionary::NameCode,
    values::{Folded, Folder, hash},
};

/// The code of a value in [`Texts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TextCode(pub(crate) u32);

impl TextCode {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where each part of a value ends in the [`Texts`] buffers. Each part starts where the same part
/// of the previous value ends.
#[derive(Debug)]
struct Text {
    name: NameCode,
    /// The end of the value as sent.
    raw: usize,
    /// The end of the folded form, which is omitted if it equals the value as sent.
    folded: usize,
    /// The end of the bits that mark capitals.
    capitals: usize,
    /// The hash of the folded form.
    hash: u64,
}

/// The distinct values in a batch.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    list: Vec<Text>,
    raw: String,
    folded: String,
    capitals: Vec<u8>,
}

impl Texts {
    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a value without checking for duplicates. `raw_hash` is the hash of the value as sent,
    /// if known.
    pub(crate) fn push(&mut self, name: NameCode, raw: &str, raw_hash: Option<u64>, folder: &mut Folder) {
        self.raw.push_str(raw);
        let value = folder.fold(raw);
        let is_folded = value.folded() == raw;
        if !is_folded {
            self.folded.push_str(value.folded());
        }
        self.capitals.extend_from_slice(value.capitals());
        let hash = raw_hash.filter(|_| is_folded).unwrap_or_else(|| hash(value.folded().as_bytes()));
        self.list.push(Text {
            name,
            raw: self.raw.len(),
            folded: self.folded.len(),
            capitals: self.capitals.len(),
            hash,
        });
    }

    /// Returns a value as sent.
    pub(crate) fn raw(&self, TextCode(code): TextCode) -> &str {
        let start = self.before(code).map_or(0, |text| text.raw);
        &self.raw[start..self.list[code as usize].raw]
    }

    /// Returns the property name under which a value occurs.
    pub(crate) fn name(&self, code: TextCode) -> NameCode {
        self.list[code.index()].name
    }

    /// Returns the hash of a value's folded form.
    pub(crate) fn hash(&self, code: TextCode) -> u64 {
        self.list[code.index()].hash
    }

    /// Returns a folded value and the hash of its folded form.
    pub(crate) fn folded(&self, code: TextCode) -> (Folded<'_>, u64) {
        let (text, raw) = (&self.list[code.index()], self.raw(code));
        let (folded, capitals) = self.before(code.0).map_or((0, 0), |text| (text.folded, text.capitals));
        let folded = &self.folded[folded..text.folded];
        let folded = if folded.is_empty() { raw } else { folded };
        (Folded::new(raw, folded, &self.capitals[capitals..text.capitals]), text.hash)
    }

    fn before(&self, code: u32) -> Option<&Text> {
        code.checked_sub(1).map(|before| &self.list[before as usize])
    }
}

/// Distinct values, which can be looked up by name and text.
#[derive(Debug, Default)]
pub(crate) struct TextTable {
    pub(crate) texts: Texts,
    /// The values, keyed by a hash of the name and the text as sent.
    table: HashTable<(u64, TextCode)>,
    folder: Folder,
}

impl TextTable {
    /// Creates an empty table with capacity for the given number of values.
    pub(crate) fn with_capacity(values: usize) -> Self {
        Self { table: HashTable::with_capacity(values), ..Self::default() }
    }

    /// Returns a value's code, adding the value if it is new.
    pub(crate) fn add(&mut self, name: NameCode, raw: &str) -> TextCode {
        let Self { texts, table, folder } = self;
        let raw_hash = hash(raw.as_bytes());
        let mixed = raw_hash ^ (u64::from(name.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let is_same = |(hash, code): &(u64, TextCode)| {
            *hash == mixed && texts.name(*code) == name && texts.raw(*code) == raw
        };
        match table.entry(mixed, is_same, |(hash, _)| *hash) {
            Entry::Occupied(found) => found.get().1,
            Entry::Vacant(free) => {
                let code = TextCode(texts.len() as u32);
                free.insert((mixed, code));
                texts.push(name, raw, Some(raw_hash), folder);
                code
            }
        }
    }
}
