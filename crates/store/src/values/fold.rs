//! Folds strings and records how the spelling of a value differs from its folded form.

/// Folds a string for case-insensitive comparison.
///
/// Each character is lowercased on its own, regardless of its position in a word (Greek has a
/// special final sigma). The folded form of a substring is therefore a substring of the folded
/// string.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// The difference between a value and its folded form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spelling<'a> {
    /// The positions of the capitals: bit `n % 8` of byte `n / 8`, without trailing zeros.
    Capitals(&'a [u8]),
    /// The value itself, which is not ASCII.
    Raw(&'a str),
}

impl PartialEq for Spelling<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Most values have no capitals. `memcmp` is slow for empty slices, because it may read
            // memory at their dangling pointers.
            (Self::Capitals([]), Self::Capitals([])) => true,
            (Self::Capitals(a), Self::Capitals(b)) => a == b,
            (Self::Raw(a), Self::Raw(b)) => a == b,
            (Self::Capitals(_), Self::Raw(_)) | (Self::Raw(_), Self::Capitals(_)) => false,
        }
    }
}

/// Folds values, reusing the same buffers.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    folded: String,
    capitals: Vec<u8>,
}

/// A folded value to look up or store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded<'a> {
    pub(super) folded: &'a str,
    pub(super) spelling: Spelling<'a>,
}

impl<'a> Folded<'a> {
    /// Creates a folded value from its parts. `capitals` contains the positions of the capitals if
    /// the value is ASCII, and is empty otherwise.
    pub(crate) fn new(raw: &'a str, folded: &'a str, capitals: &'a [u8]) -> Self {
        let is_folded = capitals.is_empty() && raw == folded;
        let is_capitals = is_folded || !capitals.is_empty();
        let spelling = if is_capitals { Spelling::Capitals(capitals) } else { Spelling::Raw(raw) };
        Self { folded, spelling }
    }

    pub(crate) fn folded(&self) -> &'a str {
        self.folded
    }

    /// Returns the positions of the capitals, or an empty slice if the value is not ASCII.
    pub(crate) fn capitals(&self) -> &'a [u8] {
        match self.spelling {
            Spelling::Capitals(bits) => bits,
            Spelling::Raw(_) => &[],
        }
    }
}

impl Folder {
    /// Folds a value.
    pub(crate) fn fold<'a>(&'a mut self, raw: &'a str) -> Folded<'a> {
        self.capitals.clear();
        self.folded.clear();
        let is_ascii = raw.is_ascii();
        // Without an early exit, the loop can process sixteen bytes at a time.
        let has_capitals = raw.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase());
        if is_ascii && !has_capitals {
            return Folded { folded: raw, spelling: Spelling::Capitals(&[]) };
        }
        if !is_ascii {
            self.folded.extend(raw.chars().flat_map(char::to_lowercase));
            let is_same = self.folded == raw;
            let spelling = if is_same { Spelling::Capitals(&[]) } else { Spelling::Raw(raw) };
            return Folded { folded: &self.folded, spelling };
        }
        self.folded.push_str(raw);
        self.folded.make_ascii_lowercase();
        for part in raw.as_bytes().chunks(8) {
            let bits = part.iter().enumerate().map(|(at, byte)| u8::from(byte.is_ascii_uppercase()) << at);
            self.capitals.push(bits.fold(0, |all, bit| all | bit));
        }
        let used = self.capitals.iter().rposition(|bits| *bits != 0).map_or(0, |last| last + 1);
        Folded { folded: &self.folded, spelling: Spelling::Capitals(&self.capitals[..used]) }
    }
}
