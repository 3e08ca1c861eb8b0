//! Writes JSON as services do: without white space, with only the escapes that are needed.
//!
//! [`Check`] finds out whether JSON is written like that, in which case the shape and the values of
//! an alert are enough to restore the bytes that were received. [`Writer`] restores them.

use std::borrow::Cow;

use crate::{
    contents::{Step, Steps},
    shape::{Leaf, Shapes, Token},
};

/// Appends a JSON string.
pub(crate) fn write_string(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => b'u',
            _ => continue,
        };
        json.extend_from_slice(&bytes[from..at]);
        json.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
            json.extend_from_slice(&[b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
        }
        from = at + 1;
    }
    json.extend_from_slice(&bytes[from..]);
    json.push(b'"');
}

/// Writes the JSON of an alert.
pub(crate) fn write<'a>(
    shapes: &Shapes,
    contents: &[u8],
    value: impl Fn(Leaf, u32) -> Cow<'a, str>,
) -> Vec<u8> {
    let mut json = Vec::new();
    let mut after_value = false;
    for step in Steps::new(shapes, contents) {
        let starts_value = match step {
            Step::Alert(_) | Step::Item(_) | Step::EndItems(_) | Step::End(_) | Step::Derived(..) => false,
            Step::Token(token) => !matches!(token, Token::Close | Token::CloseList),
            Step::Items | Step::Text(..) | Step::Literal(..) => true,
        };
        if starts_value && std::mem::replace(&mut after_value, false) {
            json.push(b',');
        }
        match step {
            Step::Alert(_) | Step::Item(_) | Step::EndItems(false) | Step::End(_) | Step::Derived(..) => {
                continue;
            }
            Step::Items | Step::Token(Token::OpenList) => json.push(b'['),
            Step::Token(Token::Open) => json.push(b'{'),
            Step::Token(Token::Label(label)) => {
                write_string(&mut json, shapes.label(label));
                json.push(b':');
            }
            Step::EndItems(true) | Step::Token(Token::CloseList) => json.push(b']'),
            Step::Token(Token::Close) => json.push(b'}'),
            Step::Text(leaf, index) => write_string(&mut json, &value(leaf, index)),
            Step::Literal(leaf, index) => json.extend_from_slice(value(leaf, index).as_bytes()),
            Step::Token(_) => json.extend_from_slice(b"null"),
        }
        let opens =
            matches!(step, Step::Items | Step::Token(Token::Open | Token::OpenList | Token::Label(_)));
        after_value = !opens;
    }
    json
}

/// Compares JSON with what would be written.
#[derive(Debug, Default)]
pub(crate) struct Check {
    /// How much of the JSON has been compared.
    at: usize,
    differs: bool,
    buffer: Vec<u8>,
}

impl Check {
    /// Starts again.
    pub(crate) fn start(&mut self) {
        (self.at, self.differs) = (0, false);
    }

    /// Returns whether all of the JSON is what would be written.
    pub(crate) fn is_same(&self, json: &str) -> bool {
        !self.differs && self.at == json.len()
    }

    /// Expects a byte.
    pub(crate) fn byte(&mut self, json: &str, byte: u8) {
        self.differs |= json.as_bytes().get(self.at) != Some(&byte);
        self.at += 1;
    }

    /// Expects text.
    pub(crate) fn text(&mut self, json: &str, text: &str) {
        let found = json.as_bytes().get(self.at..self.at + text.len());
        self.differs |= found != Some(text.as_bytes());
        self.at += text.len();
    }

    /// Expects a string that is part of the JSON itself, and therefore contains no escapes.
    pub(crate) fn borrowed(&mut self, json: &str, text: &str) {
        let found = json.as_bytes().get(self.at + 1..self.at + 1 + text.len());
        self.differs |= !found.is_some_and(|found| std::ptr::eq(found.as_ptr(), text.as_ptr()));
        self.at += text.len() + 2;
    }

    /// Expects a string.
    pub(crate) fn string(&mut self, json: &str, text: &str) {
        self.buffer.clear();
        write_string(&mut self.buffer, text);
        let found = json.as_bytes().get(self.at..self.at + self.buffer.len());
        self.differs |= found != Some(self.buffer.as_slice());
        self.at += self.buffer.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_written_as_serde_json_writes_them(text in "[\\x00-\\x20\"\\\\/aé\u{7f}\u{2028}😀]{0,8}|\\PC*") {
            let mut json = Vec::new();
            write_string(&mut json, &text);
            prop_assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
