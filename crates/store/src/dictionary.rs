//! The dictionary of properties and texts, each stored once.
//!
//! Values repeat across alerts: titles, devices, users, file names. So every text is stored once,
//! with the folded form that searches compare, and alerts refer to it by code. A predicate tests
//! each distinct property and text once, and then only compares codes.

use std::{collections::HashMap, ops::Range, sync::Arc};

use aho_corasick::AhoCorasick;

use alertdeck_model::SafeText;

/// The code of a property in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyCode(u16);

/// The code of a text in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextCode(u32);

impl KeyCode {
    /// Returns the code as an index into [`Dictionary::keys`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl TextCode {
    /// Returns the code as an index into [`Dictionary::texts`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A property of alerts or evidence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The short name of the evidence type, such as `process`; `None` for a property of the alert.
    pub kind: Option<Arc<str>>,
    /// Property names joined by dots, without list indices: `imageFile.sha256`.
    pub path: Arc<str>,
}

/// Returns the last name of a [`Key`]'s path: `sha256` for `imageFile.sha256`. The name of an
/// annotation contains a dot: `@odata.type`.
pub fn last_name(path: &str) -> &str {
    let start = path.rfind(".@").map(|dot| dot + 1);
    let annotation = start.or_else(|| path.starts_with('@').then_some(0));
    match annotation.or_else(|| path.rfind('.').map(|dot| dot + 1)) {
        Some(start) => &path[start..],
        None => path,
    }
}

/// A text with its folded form.
#[derive(Clone, Copy, Debug)]
pub struct FoldedText<'a> {
    /// The text.
    pub text: &'a SafeText,
    /// The text as sent, folded by [`fold`].
    pub folded: &'a str,
}

/// Folds a text for comparison without regard to case.
///
/// Each character is lower-cased on its own, whatever its position in a word (Greek has a special
/// final sigma). So the folded form of a part of a text is a part of the folded text.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// The properties and texts of a set of alerts, each stored once.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    keys: Vec<Key>,
    key_codes: HashMap<Key, KeyCode>,
    texts: Vec<SafeText>,
    /// The folded forms of all texts, concatenated: searching contiguous memory is some thirty
    /// times faster than searching text by text.
    folded: String,
    /// The end of each folded form.
    ends: Vec<usize>,
    text_codes: HashMap<SafeText, TextCode>,
}

impl Dictionary {
    /// Returns the properties, by code.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the texts, by code.
    pub fn texts(&self) -> &[SafeText] {
        &self.texts
    }

    /// Returns the property with a code.
    pub fn key(&self, code: KeyCode) -> &Key {
        &self.keys[code.index()]
    }

    /// Returns the text with a code.
    pub fn text(&self, code: TextCode) -> FoldedText<'_> {
        let at = code.index();
        FoldedText { text: &self.texts[at], folded: &self.folded[self.start(at)..self.ends[at]] }
    }

    /// Lists the indices in `range` of the texts whose folded form contains one of the patterns.
    ///
    /// The automaton must report the match that ends first, as `AhoCorasick` does by default.
    /// Otherwise a match across two texts could hide one within a text.
    pub fn containing(&self, patterns: &AhoCorasick, range: Range<usize>) -> impl Iterator<Item = usize> {
        let end = self.start(range.end);
        let (mut at, mut from) = (range.start, self.start(range.start));
        std::iter::from_fn(move || {
            while at < range.end {
                let found = patterns.find(&self.folded[from..end])?;
                let (hit, hit_end) = (from + found.start(), from + found.end());
                at += self.ends[at..].iter().take_while(|end| **end < hit_end).count();
                from = self.start(at);
                // A match across two texts does not count.
                if from <= hit {
                    from = self.ends[at];
                    at += 1;
                    return Some(at - 1);
                }
            }
            None
        })
    }

    /// Returns the start of a text's folded form.
    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Returns the code of a property, adding it if it is new.
    ///
    /// Beyond 65,535 properties, far more than the schema has, new ones share the last code:
    /// properties come from the service and must not grow without bound.
    pub fn key_code(&mut self, key: Key) -> KeyCode {
        if let Some(code) = self.key_codes.get(&key) {
            return *code;
        }
        let code = KeyCode(u16::try_from(self.keys.len()).unwrap_or(u16::MAX));
        if u16::try_from(self.keys.len()).is_ok() {
            self.keys.push(key.clone());
            self.key_codes.insert(key, code);
        }
        code
    }

    /// Returns the code of a text, adding it if it is new.
    pub fn text_code(&mut self, text: &SafeText) -> TextCode {
        match self.text_codes.get(text) {
            Some(code) => *code,
            None => self.push(text, &fold(text.raw())),
        }
    }

    fn push(&mut self, text: &SafeText, folded: &str) -> TextCode {
        let code = TextCode(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text.clone());
        self.folded.push_str(folded);
        self.ends.push(self.folded.len());
        self.text_codes.insert(text.clone(), code);
        code
    }

    /// Adds everything in `other` and returns the codes that it has here.
    pub(crate) fn merge(&mut self, other: &Self) -> CodeMap {
        CodeMap {
            keys: other.keys.iter().map(|key| self.key_code(key.clone())).collect(),
            texts: (0..other.texts.len() as u32)
                .map(|code| self.merge_text(other.text(TextCode(code))))
                .collect(),
        }
    }

    fn merge_text(&mut self, word: FoldedText<'_>) -> TextCode {
        match self.text_codes.get(word.text) {
            Some(code) => *code,
            None => self.push(word.text, word.folded),
        }
    }
}

/// Maps the codes of one dictionary to those of the one it was merged into.
#[derive(Clone, Debug)]
pub(crate) struct CodeMap {
    keys: Vec<KeyCode>,
    texts: Vec<TextCode>,
}

impl CodeMap {
    pub(crate) fn key(&self, code: KeyCode) -> KeyCode {
        self.keys[code.index()]
    }

    pub(crate) fn text(&self, code: TextCode) -> TextCode {
        self.texts[code.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_name_of_a_path_may_be_an_annotation() {
        for (path, name) in [
            ("title", "title"),
            ("imageFile.sha256", "sha256"),
            ("@odata.type", "@odata.type"),
            ("account.@odata.type", "@odata.type"),
        ] {
            assert_eq!(last_name(path), name);
        }
    }

    #[test]
    fn a_part_of_a_text_folds_to_a_part_of_the_folded_text() {
        assert!(fold("ΟΔΟΣ ΑΒ").starts_with(&fold("ΟΔΟΣ")));
        assert!(fold("ΟΔΟΣΑ").starts_with(&fold("ΟΔΟΣ")));
        assert_eq!(fold("SRV-Äö"), "srv-äö");
    }

    proptest! {
        #[test]
        fn containing_finds_the_texts_that_contain_a_pattern(
            texts in prop::collection::vec("[abAİ]{0,4}", 0..30),
            pattern in "[abİ]{0,3}",
            (from, to) in (0usize..31, 0usize..31),
        ) {
            let mut dictionary = Dictionary::default();
            for text in &texts {
                dictionary.text_code(&text.as_str().into());
            }
            let count = dictionary.texts().len();
            let range = from.min(to).min(count)..to.max(from).min(count);
            let pattern = fold(&pattern);
            let expected: Vec<_> = range
                .clone()
                .filter(|at| dictionary.text(TextCode(*at as u32)).folded.contains(&pattern))
                .collect();
            let found: Vec<_> = dictionary.containing(&AhoCorasick::new([pattern]).unwrap(), range).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
