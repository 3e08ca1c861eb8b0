//! The values of each alert as codes, in document order.
//!
//! Together with the shapes and the dictionary, these codes yield both an alert's terms, for
//! searching, and its JSON. An alert is stored as a sequence of numbers: its shape, then the index
//! of each value. An evidence item is stored as its shape plus one, followed by the indices of its
//! values, and a zero follows the last item. The sequence ends with the derived values, which were
//! not sent: their count, then a property and an index for each.

use crate::{
    Row,
    chunked::Chunked,
    dictionary::KeyCode,
    shape::{Leaf, Shapes, Token},
};

/// The size of a chunk in bytes.
const CHUNK: usize = 1 << 20;

/// The contents of all rows.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    chunks: Vec<Vec<u8>>,
    /// For each row, the number of the chunk that contains it and its offset in that chunk.
    starts: Chunked<(u32, u32)>,
}

impl Contents {
    /// Sets a row's contents. The row must exist or be the next one.
    pub(crate) fn set(&mut self, row: Row, contents: &[u8]) {
        let is_full = |chunk: &Vec<u8>| !chunk.is_empty() && chunk.len() + contents.len() > CHUNK;
        if self.chunks.last().is_none_or(is_full) {
            if let Some(last) = self.chunks.last_mut() {
                last.shrink_to_fit();
            }
            self.chunks.push(Vec::new());
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let place = (number as u32, chunk.len() as u32);
        chunk.extend_from_slice(contents);
        crate::columns::set(&mut self.starts, row, place);
    }

    /// Returns the contents of a row, followed by the rest of the chunk.
    pub(crate) fn get(&self, row: Row) -> &[u8] {
        let (chunk, start) = self.starts[row.index()];
        &self.chunks[chunk as usize][start as usize..]
    }

    /// Returns the memory used by the contents, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() + self.starts.size()
    }
}

/// A step in reading an alert's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The start of the alert, with its shape number.
    Alert(u32),
    /// The start of a list of evidence items.
    Items,
    /// The start of an evidence item, with its shape number.
    Item(u32),
    /// The end of the items; `true` if they are in a list.
    EndItems(bool),
    /// A string, with its property and index.
    Text(Leaf, u32),
    /// A number, `true` or `false`, with its property and index.
    Literal(Leaf, u32),
    /// A part of the shape that has no value.
    Token(Token),
    /// The end of the values that were sent, with the number of derived values that follow.
    End(u32),
    /// A derived value, with its property and index.
    Derived(KeyCode, u32),
}

/// Reads an alert's contents step by step.
#[derive(Clone, Debug)]
pub(crate) struct Steps<'a> {
    shapes: &'a Shapes,
    rest: &'a [u8],
    state: State<'a>,
}

#[derive(Clone, Debug)]
enum State<'a> {
    Start,
    Alert(std::slice::Iter<'a, Token>),
    /// Between items: the remaining tokens of the alert, and whether the items are in a list.
    Items(std::slice::Iter<'a, Token>, bool),
    /// In an item: the item's and the alert's remaining tokens, and whether the items are in a
    /// list.
    Item(std::slice::Iter<'a, Token>, std::slice::Iter<'a, Token>, bool),
    /// In the derived values: the number of values left to read.
    Derived(u32),
}

impl<'a> Steps<'a> {
    /// Starts reading contents, which other contents may follow.
    pub(crate) fn new(shapes: &'a Shapes, contents: &'a [u8]) -> Self {
        Self { shapes, rest: contents, state: State::Start }
    }

    /// Returns the bytes that follow the steps read so far.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn step(&mut self, token: Token) -> Step {
        match token {
            Token::Text(leaf) => Step::Text(leaf, read(&mut self.rest)),
            Token::Literal(leaf) => Step::Literal(leaf, read(&mut self.rest)),
            other => Step::Token(other),
        }
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    #[inline]
    fn next(&mut self) -> Option<Step> {
        match &mut self.state {
            State::Start => {
                let shape = read(&mut self.rest);
                self.state = State::Alert(self.shapes.get(shape).iter());
                Some(Step::Alert(shape))
            }
            State::Alert(tokens) => match tokens.next() {
                Some(token @ (Token::Items | Token::Item)) => {
                    let is_list = *token == Token::Items;
                    self.state = State::Items(tokens.clone(), is_list);
                    if is_list { Some(Step::Items) } else { self.next() }
                }
                Some(token) => {
                    let token = *token;
                    Some(self.step(token))
                }
                None => {
                    let count = read(&mut self.rest);
                    self.state = State::Derived(count);
                    Some(Step::End(count))
                }
            },
            State::Items(alert, is_list) => match read(&mut self.rest).checked_sub(1) {
                Some(shape) => {
                    self.state = State::Item(self.shapes.get(shape).iter(), alert.clone(), *is_list);
                    Some(Step::Item(shape))
                }
                None => {
                    let is_list = *is_list;
                    self.state = State::Alert(alert.clone());
                    Some(Step::EndItems(is_list))
                }
            },
            State::Item(tokens, alert, is_list) => match tokens.next() {
                Some(token) => {
                    let token = *token;
                    Some(self.step(token))
                }
                None => {
                    self.state = State::Items(alert.clone(), *is_list);
                    self.next()
                }
            },
            State::Derived(left) => {
                *left = left.checked_sub(1)?;
                let key = KeyCode(read(&mut self.rest) as u16);
                Some(Step::Derived(key, read(&mut self.rest)))
            }
        }
    }
}

/// Writes a number in groups of seven bits, lowest first (LEB128).
pub(crate) fn write(bytes: &mut Vec<u8>, mut number: u32) {
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
        number |= u32::from(byte & 0x7f).wrapping_shl(shift);
        shift += 7;
        if *byte < 0x80 {
            break;
        }
    }
    number
}

/// Reads a number. Returns `None` if the number is truncated or longer than five bytes.
pub(crate) fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let length = bytes.iter().position(|byte| *byte < 0x80)? + 1;
    (length <= 5).then(|| read(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_written(numbers in prop::collection::vec(any::<u32>(), 0..20)) {
            let mut bytes = Vec::new();
            for number in &numbers {
                write(&mut bytes, *number);
            }
            let mut rest = &bytes[..];
            for number in numbers {
                prop_assert_eq!(read(&mut rest), number);
            }
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn contents_are_returned_as_set() {
        let mut contents = Contents::default();
        let of = |row: u32| vec![row as u8; 100_000 * (row as usize % 15)];
        (0..60).for_each(|row| contents.set(Row(row), &of(row)));
        contents.set(Row(7), &of(9));
        for row in 0..60 {
            assert!(contents.get(Row(row)).starts_with(&of(if row == 7 { 9 } else { row })), "{row}");
        }
        assert!(contents.chunks.len() > 30 && contents.size() > 30 << 20);
    }
}
