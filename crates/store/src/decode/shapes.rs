//! Collects the distinct shapes of the alerts and evidence items in a batch.

use hashbrown::{HashTable, hash_table::Entry};

use crate::{
    shape::{Shapes, Token},
    values::hash_one,
};

/// A part of a shape, encoded as a number so that it can be hashed quickly. A mark refers to a node
/// instead of a label or property, because the evidence type is known only at the end of an item.
pub(super) type Mark = u32;

/// Encodes a part as a mark. Its node number must be less than 2^28.
pub(super) fn mark(part: Token<u32>) -> Mark {
    match part {
        Token::Open => 0,
        Token::Close => 1,
        Token::OpenList => 2,
        Token::CloseList => 3,
        Token::Null => 4,
        Token::Items => 5,
        Token::Item => 6,
        Token::Ascii => 10,
        Token::Label(node) => node << 4 | 7,
        Token::Text(node) => node << 4 | 8,
        Token::Literal(node) => node << 4 | 9,
    }
}

/// Decodes a mark into its part.
fn part(mark: Mark) -> Token<u32> {
    match (mark & 15, mark >> 4) {
        (0, _) => Token::Open,
        (1, _) => Token::Close,
        (2, _) => Token::OpenList,
        (3, _) => Token::CloseList,
        (5, _) => Token::Items,
        (6, _) => Token::Item,
        (7, node) => Token::Label(node),
        (8, node) => Token::Text(node),
        (9, node) => Token::Literal(node),
        (10, _) => Token::Ascii,
        _ => Token::Null,
    }
}

/// The shapes in a batch.
#[derive(Debug, Default)]
pub(super) struct BatchShapes {
    pub(super) shapes: Shapes,
    /// Each shape's evidence type and marks.
    marks: Vec<(u16, Box<[Mark]>)>,
    table: HashTable<(u64, u32)>,
}

impl BatchShapes {
    /// Returns the number of a shape, adding it if it is new. `token` converts each part of a new
    /// shape.
    pub(super) fn add(
        &mut self,
        kind: u16,
        marks: &[Mark],
        mut token: impl FnMut(Token<u32>) -> Token,
    ) -> u32 {
        let Self { shapes, marks: known, table } = self;
        let hash = hash_one((kind, marks));
        let is_same = |(other, number): &(u64, u32)| {
            let (of, known) = &known[*number as usize];
            *other == hash && *of == kind && **known == *marks
        };
        match table.entry(hash, is_same, |(hash, _)| *hash) {
            Entry::Occupied(found) => found.get().1,
            Entry::Vacant(free) => {
                let number = shapes.push(marks.iter().map(|mark| token(part(*mark))).collect());
                free.insert((hash, number));
                known.push((kind, marks.into()));
                number
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_for_its_part() {
        let node = (1 << 28) - 1;
        for token in [
            Token::Open,
            Token::Close,
            Token::OpenList,
            Token::CloseList,
            Token::Null,
            Token::Items,
            Token::Item,
            Token::Ascii,
            Token::Label(node),
            Token::Text(node),
            Token::Literal(0),
        ] {
            assert_eq!(part(mark(token)), token);
        }
    }
}
