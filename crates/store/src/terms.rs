//! The terms of each row, which are its values with their properties, in a compact form.
//!
//! They show which values a row had before a change and which of its properties have a given value.

use crate::{Row, chunked::Chunked, dictionary::KeyCode};

/// The size of a chunk in bytes.
const CHUNK: usize = 1 << 20;

/// The terms of all rows.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    chunks: Vec<Vec<u8>>,
    /// For each row, its chunk and where it starts in the chunk.
    starts: Chunked<(u32, u32)>,
}

impl Terms {
    /// Sets the terms of a row, which must exist or be the next one. The terms must be sorted.
    pub(crate) fn set(&mut self, row: Row, terms: &[(KeyCode, u32)]) {
        let is_full = |chunk: &Vec<u8>| !chunk.is_empty() && chunk.len() + terms.len() * 8 + 5 > CHUNK;
        if self.chunks.last().is_none_or(is_full) {
            if let Some(last) = self.chunks.last_mut() {
                last.shrink_to_fit();
            }
            self.chunks.push(Vec::new());
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let place = (number as u32, chunk.len() as u32);
        write(chunk, terms.len() as u32);
        let mut last = 0;
        for (key, index) in terms {
            write(chunk, u32::from(key.0 - last));
            write(chunk, *index);
            last = key.0;
        }
        crate::columns::set(&mut self.starts, row, place);
    }

    /// Lists the terms of a row.
    pub(crate) fn get(&self, row: Row) -> impl Iterator<Item = (KeyCode, u32)> {
        let (chunk, start) = self.starts[row.index()];
        let mut bytes = &self.chunks[chunk as usize][start as usize..];
        let (mut left, mut last) = (read(&mut bytes), 0);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            last += read(&mut bytes) as u16;
            Some((KeyCode(last), read(&mut bytes)))
        })
    }

    /// Returns the memory used by the terms, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() + self.starts.size()
    }
}

/// Writes a number in groups of seven bits, lowest first (LEB128).
fn write(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read(bytes: &mut &[u8]) -> u32 {
    let (mut number, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn terms_are_returned_as_set(
            rows in prop::collection::vec(prop::collection::btree_set((any::<u16>(), any::<u32>()), 0..20), 1..20),
        ) {
            let mut terms = Terms::default();
            let list = |row: &std::collections::BTreeSet<(u16, u32)>| -> Vec<_> {
                row.iter().map(|(key, index)| (KeyCode(*key), *index)).collect()
            };
            for (at, row) in rows.iter().enumerate() {
                terms.set(Row(at as u32), &list(row));
            }
            terms.set(Row(0), &list(&rows[rows.len() - 1]));
            for (at, row) in rows.iter().enumerate().skip(1) {
                prop_assert_eq!(terms.get(Row(at as u32)).collect::<Vec<_>>(), list(row));
            }
            prop_assert_eq!(terms.get(Row(0)).collect::<Vec<_>>(), list(&rows[rows.len() - 1]));
        }
    }
}
