//! Text with at most sixteen distinct characters, each stored in half a byte.
//!
//! Hashes, dates, numbers, addresses and most ids can be stored this way. They make up much of the
//! content of alerts, and nearly all of them are distinct.

use memchr::memmem;

/// The minimum pattern length for [`Packed::find_each`]. Patterns of this length cover at least one
/// full byte at either alignment; shorter ones may not.
pub(crate) const MIN_PATTERN: usize = 3;

/// A run of ASCII text, packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    /// The characters, by code.
    alphabet: [u8; 16],
    /// Two codes per byte, the first in the low half.
    codes: Vec<u8>,
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    /// Returns the set of bytes that occur in the text.
    pub(crate) fn of(text: &[u8]) -> Self {
        // Setting flags is faster than setting bits.
        let mut seen = [false; 256];
        for byte in text {
            seen[usize::from(*byte)] = true;
        }
        let mut set = Self::default();
        for byte in (0..=u8::MAX).filter(|byte| seen[usize::from(*byte)]) {
            set.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        set
    }

    fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn is_part_of(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & !b == 0)
    }
}

impl Packed {
    /// Packs text. Returns `None` if it has too many distinct characters or is not ASCII.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let set = ByteSet::of(text);
        let used: Vec<u8> = (0..=u8::MAX).filter(|byte| set.contains(*byte)).collect();
        if used.len() > 16 || !used.is_ascii() {
            return None;
        }
        let (mut alphabet, mut code_of) = ([0; 16], [0_u8; 128]);
        for (code, byte) in used.into_iter().enumerate() {
            alphabet[code] = byte;
            code_of[usize::from(byte)] = code as u8;
        }
        let code = |byte: &u8| code_of[usize::from(*byte)];
        let pair = |pair: &[u8]| code(&pair[0]) | pair.get(1).map_or(0, code) << 4;
        Some(Self { alphabet, codes: text.chunks(2).map(pair).collect() })
    }

    fn byte(&self, at: usize) -> u8 {
        let pair = self.codes[at / 2];
        self.alphabet[usize::from(if at.is_multiple_of(2) { pair & 15 } else { pair >> 4 })]
    }

    /// Returns the byte that contains the character at a position, or 0 if there is none.
    pub(crate) fn byte_at(&self, at: usize) -> u8 {
        self.codes.get(at / 2).copied().unwrap_or_default()
    }

    /// Returns the characters in a range.
    pub(crate) fn unpack(&self, range: std::ops::Range<usize>) -> String {
        let bytes: Vec<u8> = range.map(|at| self.byte(at)).collect();
        // The alphabet is ASCII.
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// Calls `read` with the bytes in a range. Does not allocate for short ranges.
    pub(crate) fn with<T>(&self, range: std::ops::Range<usize>, read: impl FnOnce(&[u8]) -> T) -> T {
        let mut buffer = [0; 128];
        let Some(bytes) = buffer.get_mut(..range.len()) else {
            return read(self.unpack(range).as_bytes());
        };
        for (byte, at) in bytes.iter_mut().zip(range) {
            *byte = self.byte(at);
        }
        read(bytes)
    }

    /// Replaces the contents of `text` with all the characters, plus an extra one if their number
    /// is odd.
    pub(crate) fn unpack_all(&self, text: &mut String) {
        let pairs: Vec<[u8; 2]> = (0..=u8::MAX)
            .map(|pair| [pair & 15, pair >> 4].map(|code| self.alphabet[usize::from(code)]))
            .collect();
        let mut bytes = std::mem::take(text).into_bytes();
        bytes.clear();
        bytes.reserve(self.codes.len() * 2);
        for code in &self.codes {
            bytes.extend_from_slice(&pairs[usize::from(*code)]);
        }
        // The alphabet is ASCII.
        *text = String::from_utf8(bytes).unwrap_or_default();
    }

    /// Returns whether the characters in a range are equal to `text`.
    pub(crate) fn is(&self, range: std::ops::Range<usize>, text: &str) -> bool {
        range.len() == text.len() && self.with(range, |bytes| bytes == text.as_bytes())
    }

    /// Returns whether the packed text may contain text made up of these bytes.
    pub(crate) fn may_contain(&self, bytes: ByteSet) -> bool {
        bytes.is_part_of(ByteSet::of(&self.alphabet))
    }

    /// Finds a pattern of at least [`MIN_PATTERN`] characters, and calls `each` with the position
    /// of each match at or after `start`: first the matches at even positions, then those at odd
    /// ones. `each` returns the position at which to continue.
    ///
    /// The pattern must consist of characters in the alphabet. If the text has an odd number of
    /// characters, a match may include the unused half byte after the last one, whose code is 0.
    pub(crate) fn find_each(&self, pattern: &[u8], start: usize, mut each: impl FnMut(usize) -> usize) {
        let code = |byte: &u8| self.alphabet.iter().position(|known| known == byte).unwrap_or_default() as u8;
        let pattern: Vec<u8> = pattern.iter().map(code).collect();
        for odd in [0, 1] {
            // An odd match starts in the high half of a byte, and any match may end in a low half.
            let (head, rest) = pattern.split_at(odd);
            let (pairs, tail) = rest.as_chunks::<2>();
            let whole: Vec<u8> = pairs.iter().map(|[low, high]| low | high << 4).collect();
            let finder = memmem::Finder::new(&whole);
            let mut at = start;
            loop {
                let from = at.saturating_add(odd).div_ceil(2);
                let Some(found) = self.codes.get(from..).and_then(|codes| finder.find(codes)) else { break };
                let (first, end) = (from + found, from + found + whole.len());
                let has_head = head.iter().all(|code| self.codes[first - 1] >> 4 == *code);
                let has_tail =
                    tail.iter().all(|code| self.codes.get(end).is_some_and(|pair| pair & 15 == *code));
                let position = first * 2 - odd;
                at = if has_head && has_tail { each(position) } else { position + 1 };
            }
        }
    }

    /// Returns the memory used by the text, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.codes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_packed_text_is_the_text(text in "[0-9a-f]{0,40}|[0-9a-f]{120,140}|[a-q]{0,40}|[0-9:.tz-]{0,30}|é{0,2}", cut in 0usize..140) {
            let Some(packed) = Packed::new(text.as_bytes()) else {
                let distinct: std::collections::BTreeSet<_> = text.bytes().collect();
                prop_assert!(distinct.len() > 16 || !text.is_ascii());
                return Ok(());
            };
            let cut = cut.min(text.len());
            let mut whole = String::from("x");
            packed.unpack_all(&mut whole);
            prop_assert_eq!(&whole[..text.len()], &text);
            prop_assert_eq!(packed.unpack(cut..text.len()), &text[cut..]);
            packed.with(cut..text.len(), |part| assert_eq!(part, &text.as_bytes()[cut..]));
            prop_assert!(packed.is(cut..text.len(), &text[cut..]));
            let longer = text[cut..].to_owned() + "x";
            prop_assert!(!packed.is(cut..text.len(), &longer));
            prop_assert!(packed.may_contain(ByteSet::of(text.as_bytes())));
            prop_assert!(!packed.may_contain(ByteSet::of(b"Z")));
        }
    }
}
