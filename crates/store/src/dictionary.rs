//! The dictionary: properties, their names, and the distinct values under each name.
//!
//! Values such as titles, devices, users and file names repeat across alerts, so each is stored
//! once per property name, and alerts refer to it by code. A search reads only the values under the
//! names that it covers and then compares codes.

use std::{borrow::Cow, hint::black_box, sync::Arc};

use alertdeck_model::SafeText;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::{
    texts::{TextCode, Texts},
    values::{Chunk, Substrings, Values},
};

/// The code of a property in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyCode(pub(crate) u16);

/// The code of a property name in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NameCode(pub(crate) u16);

/// The code of a value in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueCode {
    /// The property name under which the value is stored.
    pub name: NameCode,
    /// The value's index among all values under the name.
    pub index: u32,
}

impl KeyCode {
    /// Returns the code for an index into [`Dictionary::keys`].
    pub fn from_index(index: usize) -> Self {
        Self(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Returns the code as an index into [`Dictionary::keys`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl NameCode {
    /// Returns the code as an index, which is less than [`Dictionary::names`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A property of alerts or evidence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The evidence type's short name, such as `process`, or `None` for a property of the alert
    /// itself.
    pub kind: Option<Arc<str>>,
    /// Property names joined by dots, without list indices, as in `imageFile.sha256`.
    pub path: Arc<str>,
}

/// Returns the last component of a [`Key`]'s path, such as `sha256` for `imageFile.sha256`. Annotation
/// names such as `@odata.type` contain a dot themselves.
pub fn last_name(path: &str) -> &str {
    let start = path.rfind(".@").map(|dot| dot + 1);
    let annotation = start.or_else(|| path.starts_with('@').then_some(0));
    match annotation.or_else(|| path.rfind('.').map(|dot| dot + 1)) {
        Some(start) => &path[start..],
        None => path,
    }
}

/// A value with its folded form.
#[derive(Clone, Debug)]
pub struct FoldedText<'a> {
    /// The value as sent.
    pub raw: Cow<'a, str>,
    /// The value, folded by [`fold`](crate::fold).
    pub folded: Cow<'a, str>,
}

/// The properties in a set of alerts, each with a code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties {
    keys: Vec<Key>,
    key_codes: HashMap<Key, KeyCode>,
    /// The name of each property.
    key_names: Vec<NameCode>,
    names: Vec<Arc<str>>,
    name_codes: HashMap<Arc<str>, NameCode>,
}

impl Properties {
    /// Returns the name of a property.
    pub(crate) fn name_of(&self, key: KeyCode) -> NameCode {
        self.key_names[key.index()]
    }

    /// Lists all properties by code.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Returns the property code with the given number, if it is in use.
    pub(crate) fn key_at(&self, number: u32) -> Option<KeyCode> {
        u16::try_from(number).ok().map(KeyCode).filter(|key| key.index() < self.keys.len())
    }

    /// Lists all names by code.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// Returns the code of a name, if it exists.
    pub(crate) fn name(&self, name: &str) -> Option<NameCode> {
        self.name_codes.get(name).copied()
    }

    /// Returns a property's code, adding the property if it is new.
    ///
    /// Properties come from the service, so their number must be bounded. Beyond 65,535 properties,
    /// which is far more than the schema has, new properties share the last code.
    pub(crate) fn key_code(&mut self, key: &Key) -> KeyCode {
        if let Some(code) = self.key_codes.get(key) {
            return *code;
        }
        let Ok(number) = u16::try_from(self.keys.len()) else { return KeyCode(u16::MAX) };
        let code = KeyCode(number);
        let name = self.name_code(last_name(&key.path));
        self.keys.push(key.clone());
        self.key_names.push(name);
        self.key_codes.insert(key.clone(), code);
        code
    }

    /// Returns a name's code, adding the name if it is new. Beyond 65,535 names, new names share
    /// the last code, as properties do.
    pub(crate) fn name_code(&mut self, name: &str) -> NameCode {
        if let Some(code) = self.name_codes.get(name) {
            return *code;
        }
        let Ok(number) = u16::try_from(self.names.len()) else { return NameCode(u16::MAX) };
        let (code, name): (_, Arc<str>) = (NameCode(number), name.into());
        self.names.push(name.clone());
        self.name_codes.insert(name, code);
        code
    }
}

/// The number of values to prefetch before they are looked up.
const AHEAD: usize = 32;

/// The properties and values in a set of alerts, each stored once.
#[derive(Debug, Default)]
pub struct Dictionary {
    properties: Properties,
    /// The values under each name.
    values: Vec<Values>,
    /// The index of the next name whose values are tidied, modulo the number of names.
    tidied: usize,
}

impl Dictionary {
    /// Returns the properties, by code.
    pub fn keys(&self) -> &[Key] {
        &self.properties.keys
    }

    /// Returns the property with the given code.
    pub fn key(&self, code: KeyCode) -> &Key {
        &self.properties.keys[code.index()]
    }

    /// Returns the name of a property.
    pub fn name_of(&self, key: KeyCode) -> NameCode {
        self.properties.name_of(key)
    }

    /// Returns the number of names. All their codes are less than this number.
    pub fn names(&self) -> usize {
        self.values.len()
    }

    /// Returns a name's code, if any property has the name.
    pub fn name(&self, name: &str) -> Option<NameCode> {
        self.properties.name_codes.get(name).copied()
    }

    /// Returns the number of values under the name with the given index.
    pub fn count(&self, name: usize) -> u32 {
        self.values.get(name).map_or(0, Values::len)
    }

    /// Returns a value with its folded form.
    pub fn text(&self, code: ValueCode) -> FoldedText<'_> {
        let values = &self.values[code.name.index()];
        FoldedText { raw: values.raw(code.index), folded: values.folded(code.index) }
    }

    /// Returns a value as sent.
    pub fn raw(&self, code: ValueCode) -> Cow<'_, str> {
        self.values[code.name.index()].raw(code.index)
    }

    /// Returns a value's folded form.
    pub fn folded(&self, code: ValueCode) -> Cow<'_, str> {
        self.values[code.name.index()].folded(code.index)
    }

    /// Returns a value as text that is safe to show.
    pub fn safe(&self, code: ValueCode) -> SafeText {
        SafeText::new(&self.raw(code))
    }

    /// Lists the values under a name that have the given folded form.
    pub fn spelled(&self, name: NameCode, folded: &str) -> impl Iterator<Item = ValueCode> {
        self.values[name.index()].spelled(folded).map(move |index| ValueCode { name, index })
    }

    /// Searches the values under a name from `first` to the end of its chunk, and calls `each` with
    /// every value that contains one of the substrings.
    pub fn containing(&self, substrings: &Substrings, name: NameCode, first: u32, each: impl FnMut(u32)) {
        self.values[name.index()].containing(substrings, first, each);
    }

    /// Returns the size in bytes of the folded forms in the chunk that contains the value `first`,
    /// which determines the cost of searching the chunk.
    pub fn chunk_size(&self, name: NameCode, first: u32) -> usize {
        self.values[name.index()].chunk_size(first as usize / crate::values::CHUNK)
    }

    /// Returns the end of the chunk that contains the value `first` under a name, or the number of
    /// values if that is smaller.
    pub fn chunk_end(&self, name: NameCode, first: u32) -> u32 {
        let chunk = crate::values::CHUNK as u32;
        (first / chunk + 1).saturating_mul(chunk).min(self.values[name.index()].len())
    }

    /// Returns the values under each name, for a snapshot.
    pub(crate) fn chunks(&self) -> Vec<Vec<Arc<Chunk>>> {
        self.values.iter().map(Values::chunks).collect()
    }

    /// Spends up to a millisecond on keeping the dictionary compact and fast.
    pub(crate) fn tidy(&mut self) {
        for _ in 0..self.values.len() {
            let at = self.tidied % self.values.len();
            self.tidied += 1;
            if self.values[at].tidy() {
                return;
            }
        }
    }

    /// Adds the properties and values of a batch, and returns their codes in this dictionary.
    pub(crate) fn merge(&mut self, properties: &Properties, texts: &Texts) -> CodeMap {
        let keys = properties.keys.iter().map(|key| self.properties.key_code(key)).collect();
        let names: Vec<_> = properties.names.iter().map(|name| self.properties.name_code(name)).collect();
        self.values.resize_with(self.properties.names.len(), Values::default);
        let mut values = Vec::with_capacity(texts.len());
        let name = |code| names[texts.name(code).index()];
        for start in (0..texts.len()).step_by(AHEAD) {
            let codes = (start..texts.len().min(start + AHEAD)).map(|code| TextCode(code as u32));
            self.warm(codes.clone().map(|code| (name(code), texts.hash(code))));
            values.extend(codes.map(|code| {
                let name = name(code);
                let (folded, hash) = texts.folded(code);
                ValueCode { name, index: self.values[name.index()].add(folded, hash) }
            }));
        }
        CodeMap { keys, names, values }
    }

    /// Reads the data needed to look up values, to bring it into the processor's caches. In a large
    /// dictionary, hardly any of this data is cached. Reading it here, with no other work in
    /// between, lets the processor wait for many reads at the same time.
    fn warm(&self, values: impl Iterator<Item = (NameCode, u64)>) {
        let mut found = [(NameCode(0), 0); AHEAD];
        let mut count = 0;
        for (name, hash) in values {
            if let Some(index) = self.values[name.index()].candidate(hash) {
                found[count] = (name, index);
                count += 1;
            }
        }
        let warm = |(name, index): &(NameCode, u32)| self.values[name.index()].warm(*index);
        black_box(found[..count].iter().map(warm).fold(0, u32::wrapping_add));
    }

    /// Returns the memory used by the values, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.values.iter().map(Values::size).sum()
    }
}

/// Maps a batch's codes to those of the dictionary that it was merged into.
#[derive(Clone, Debug)]
pub(crate) struct CodeMap {
    keys: Vec<KeyCode>,
    names: Vec<NameCode>,
    values: Vec<ValueCode>,
}

impl CodeMap {
    pub(crate) fn key(&self, code: KeyCode) -> KeyCode {
        self.keys[code.index()]
    }

    pub(crate) fn name(&self, code: NameCode) -> NameCode {
        self.names[code.index()]
    }

    pub(crate) fn value(&self, code: TextCode) -> ValueCode {
        self.values[code.index()]
    }

    /// Returns the dictionary's code for each value of the batch.
    pub(crate) fn values(&self) -> &[ValueCode] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
