//! Reads JSON that is written exactly as [`json::write`](crate::json::write) writes it. An alert
//! written this way can be restored byte for byte from its shape and values.
//!
//! Services write JSON this way: without white space, and either with only the necessary escapes or
//! with all non-ASCII characters also escaped. Everything else, including invalid JSON, is left to
//! [`walk`](super::walk), which reports the same events for the JSON that both readers accept.

use super::{
    Decoder,
    events::{Object, Part, TooManyObjects},
    node::ALERT,
};
use crate::shape::Token;

/// The error for JSON that is invalid or not written in the expected way.
#[derive(Debug)]
pub(super) struct Inexact;

impl From<TooManyObjects> for Inexact {
    fn from(_: TooManyObjects) -> Self {
        Self
    }
}

/// The maximum nesting depth of lists and objects. JSON that is nested deeper is left to the other
/// reader, whose limit is 127.
const MAX_DEPTH: usize = 100;

impl Decoder {
    /// Reads an alert. If this fails, the events that have been reported must be discarded.
    pub(super) fn read_exact(&mut self, json: &str) -> Result<(), Inexact> {
        self.restart();
        let mut reader = Reader { json, at: 0, escaped: None, depth: 0, buffer: String::new() };
        reader.expect(b'{')?;
        reader.object(self, ALERT, Part::Alert)?;
        if reader.at != json.len() {
            return Err(Inexact);
        }
        if reader.escaped == Some(true) {
            self.mark(Token::Ascii);
        }
        Ok(())
    }
}

struct Reader<'j> {
    json: &'j str,
    /// The number of bytes read so far.
    at: usize,
    /// Whether non-ASCII characters are escaped. `None` until the first one has been read.
    escaped: Option<bool>,
    depth: usize,
    /// The most recent string with escapes, unescaped.
    buffer: String,
}

impl<'j> Reader<'j> {
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Inexact> {
        let byte = self.peek().ok_or(Inexact)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Inexact> {
        if self.next()? == byte { Ok(()) } else { Err(Inexact) }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn enter(&mut self) -> Result<(), Inexact> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Inexact) } else { Ok(()) }
    }

    fn value(&mut self, decoder: &mut Decoder, node: usize, part: Part) -> Result<(), Inexact> {
        match self.next()? {
            b'"' => {
                let text = self.string()?;
                decoder.on_scalar(node, part, text, true);
            }
            b'{' => self.object(decoder, node, part)?,
            b'[' => self.list(decoder, node, part)?,
            b'n' => {
                self.rest_of_word("ull")?;
                decoder.on_null(part);
            }
            b't' => {
                self.rest_of_word("rue")?;
                decoder.on_scalar(node, part, "true", false);
            }
            b'f' => {
                self.rest_of_word("alse")?;
                decoder.on_scalar(node, part, "false", false);
            }
            b'-' | b'0'..=b'9' => {
                let number = self.number()?;
                decoder.on_scalar(node, part, number, false);
            }
            _ => return Err(Inexact),
        }
        Ok(())
    }

    /// Reads the rest of an object, after its brace.
    fn object(&mut self, decoder: &mut Decoder, node: usize, part: Part) -> Result<(), Inexact> {
        self.enter()?;
        let object = decoder.on_object(node, part)?;
        if !self.skip(b'}') {
            loop {
                let child = self.name(decoder, &object)?;
                let part = decoder.on_property(&object, child);
                self.value(decoder, child, part)?;
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return Err(Inexact),
                }
            }
        }
        decoder.on_object_end(&object);
        self.depth -= 1;
        Ok(())
    }

    /// Reads the rest of a list, after its bracket.
    fn list(&mut self, decoder: &mut Decoder, node: usize, part: Part) -> Result<(), Inexact> {
        self.enter()?;
        let (of, inner) = decoder.on_list(node, part);
        if !self.skip(b']') {
            loop {
                self.value(decoder, of, inner)?;
                match self.next()? {
                    b',' => {}
                    b']' => break,
                    _ => return Err(Inexact),
                }
            }
        }
        decoder.on_list_end(part);
        self.depth -= 1;
        Ok(())
    }

    /// Reads a property name and the colon after it. Returns the property's node.
    fn name(&mut self, decoder: &mut Decoder, object: &Object) -> Result<usize, Inexact> {
        if let Some((child, json)) = decoder.nodes.expected(object.node)
            && self.json.as_bytes()[self.at..].starts_with(json)
        {
            self.at += json.len();
            decoder.nodes.advance(object.node);
            return Ok(child);
        }
        self.expect(b'"')?;
        let child = decoder.step(object.node, self.string()?);
        self.expect(b':')?;
        Ok(child)
    }

    fn rest_of_word(&mut self, rest: &str) -> Result<(), Inexact> {
        let is_next = self.json.as_bytes()[self.at..].starts_with(rest.as_bytes());
        self.at += rest.len();
        if is_next { Ok(()) } else { Err(Inexact) }
    }

    /// Reads the rest of a number, after its first character. Stops before an exponent, which can be
    /// written in several ways. The caller then fails, because no comma or bracket follows.
    fn number(&mut self) -> Result<&'j str, Inexact> {
        let start = self.at - 1;
        let bytes = self.json.as_bytes();
        let first = if bytes[start] == b'-' { self.next()? } else { bytes[start] };
        let has_more = self.skip_digits();
        let is_valid = first.is_ascii_digit() && !(first == b'0' && has_more);
        let is_valid = is_valid && (!self.skip(b'.') || self.skip_digits());
        if is_valid { Ok(&self.json[start..self.at]) } else { Err(Inexact) }
    }

    /// Skips digits. Returns whether there were any.
    fn skip_digits(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }

    /// Reads the rest of a string, after its quotation mark.
    fn string(&mut self) -> Result<&str, Inexact> {
        let start = self.at;
        self.at = end_of_run(self.json.as_bytes(), start);
        let run = &self.json[start..self.at];
        self.check_run(run)?;
        if self.skip(b'"') {
            return Ok(run);
        }
        self.buffer.clear();
        self.buffer.push_str(run);
        while !self.skip(b'"') {
            // A run also ends at a control character, which is invalid unless it is escaped.
            self.expect(b'\\')?;
            let character = self.escape()?;
            self.buffer.push(character);
            let start = self.at;
            self.at = end_of_run(self.json.as_bytes(), start);
            let run = &self.json[start..self.at];
            self.check_run(run)?;
            self.buffer.push_str(run);
        }
        Ok(&self.buffer)
    }

    /// Checks that non-ASCII characters in a run without escapes do not contradict escaped ones.
    fn check_run(&mut self, run: &str) -> Result<(), Inexact> {
        if run.is_ascii() { Ok(()) } else { self.set_escaped(false) }
    }

    fn set_escaped(&mut self, escaped: bool) -> Result<(), Inexact> {
        if *self.escaped.get_or_insert(escaped) == escaped { Ok(()) } else { Err(Inexact) }
    }

    /// Reads the rest of an escape, after its backslash.
    fn escape(&mut self) -> Result<char, Inexact> {
        let character = match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unicode_escape(),
            _ => return Err(Inexact),
        };
        Ok(character)
    }

    /// Reads the rest of an escape, after `\u`.
    fn unicode_escape(&mut self) -> Result<char, Inexact> {
        let mut units = [self.hex()?, 0];
        let is_pair = matches!(units[0], 0xd800..0xdc00);
        if is_pair {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            units[1] = self.hex()?;
        }
        let mut characters = char::decode_utf16(units[..=usize::from(is_pair)].iter().copied());
        let character = characters.next().and_then(Result::ok).ok_or(Inexact)?;
        match character {
            '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' | ' '..='\u{7f}' => return Err(Inexact),
            '\0'..' ' => {}
            _ => self.set_escaped(true)?,
        }
        Ok(character)
    }

    /// Reads four lowercase hexadecimal digits.
    fn hex(&mut self) -> Result<u16, Inexact> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = match self.next()? {
                byte @ b'0'..=b'9' => byte - b'0',
                byte @ b'a'..=b'f' => byte - b'a' + 10,
                _ => return Err(Inexact),
            };
            number = number << 4 | u16::from(digit);
        }
        Ok(number)
    }
}

/// Returns the end of a run of characters that need no escapes: the position of the next quotation
/// mark, backslash or control character, or the end of the JSON.
fn end_of_run(bytes: &[u8], start: usize) -> usize {
    /// Returns eight lanes that all contain the byte.
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    /// Sets the highest bit of each lane that is less than `limit`, which must be at most 128. Only
    /// the lowest bit set is reliable.
    const fn below(lanes: u64, limit: u8) -> u64 {
        lanes.wrapping_sub(all(limit)) & !lanes & all(0x80)
    }
    let mut at = start;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let lanes = u64::from_le_bytes(*chunk);
        let ends = below(lanes, b' ') | below(lanes ^ all(b'"'), 1) | below(lanes ^ all(b'\\'), 1);
        if ends != 0 {
            return at + ends.trailing_zeros() as usize / 8;
        }
        at += chunk.len();
    }
    let ends = |byte: &u8| matches!(byte, 0..b' ' | b'"' | b'\\');
    at + bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_if_they_are_valid() {
        let reads = |number: &str| {
            let json = format!(r#"{{"n":{number}}}"#);
            Decoder::new(1).read_exact(&json).is_ok()
        };
        assert!(["0", "-0", "7", "-12", "0.0", "10.50", "-1.25"].into_iter().all(reads));
        assert!(!["", "-", "01", "-01", "1.", ".5", "+1", "1.2.3", "1e2", "1-"].into_iter().any(reads));
    }

    proptest! {
        #[test]
        fn a_run_ends_where_an_escape_is_needed(
            text in "[a-z\\x00-\\x23\\x5b-\\x5d\u{7f}é\u{80}\u{9f}\u{a2}\u{dc}😀]{0,40}",
            start in 0usize..8,
        ) {
            let bytes = text.as_bytes();
            let start = start.min(bytes.len());
            let ends = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let expected = bytes[start..].iter().position(ends).map_or(bytes.len(), |at| start + at);
            prop_assert_eq!(end_of_run(bytes, start), expected);
        }
    }
}
