//! What a filter can ask of an alert, in a form that is fast to ask a million times.
//!
//! Values repeat: titles, devices, users, file names. So every text is held once, in a
//! [`Dictionary`], with the folded form that searches compare, and an alert's [`Facts`] are a
//! few scalars and a list of pairs (property, text) of dictionary codes. A predicate then tests
//! each distinct property and text once and scans codes from there on.
//!
//! Every value of the alert and its evidence becomes a term, whatever its type or depth, so a
//! field of the filter language is a set of properties and nothing here knows one type of
//! evidence from another.

use std::{collections::HashMap, ops::Range, sync::Arc};

use aho_corasick::AhoCorasick;

use alertdeck_model::{
    Alert, AlertId, Classification, Determination, SafeText, ServiceSource, Severity, Status, Timestamp, walk,
};

/// A property in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyCode(u16);

/// A text in a [`Dictionary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextCode(u32);

impl KeyCode {
    /// Returns the code as an index below [`Dictionary::keys`]' length.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl TextCode {
    /// Returns the code as an index below [`Dictionary::texts`]' length.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A property that alerts have values for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The short name of the evidence type, as in `process`; `None` for the alert's own.
    pub kind: Option<Arc<str>>,
    /// Property names joined by dots, without list positions: `imageFile.sha256`.
    pub path: Arc<str>,
}

/// Returns the last name of a [`Key`]'s path: `sha256` of `imageFile.sha256`. An annotation's
/// name has a dot of its own: `@odata.type`.
pub fn last_name(path: &str) -> &str {
    let start = path.rfind(".@").map(|dot| dot + 1);
    let annotation = start.or_else(|| path.starts_with('@').then_some(0));
    match annotation.or_else(|| path.rfind('.').map(|dot| dot + 1)) {
        Some(start) => &path[start..],
        None => path,
    }
}

/// A text with the form of it that searches compare.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// The text.
    pub text: &'a SafeText,
    /// The text as sent, folded for comparison without regard to case.
    pub folded: &'a str,
}

/// Folds a text for comparison without regard to case.
///
/// Each character is folded by itself, without regard to its place in a word (as Greek's final
/// sigma would need), so that a part of a text folds to a part of the folded text.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// Every property and text that a set of alerts holds, each once.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    keys: Vec<Key>,
    key_codes: HashMap<Key, KeyCode>,
    texts: Vec<SafeText>,
    /// The folded forms of all texts, one behind the other: a search through memory in order is
    /// some thirty times faster than one from text to text.
    folded: String,
    /// Where each folded form ends.
    ends: Vec<usize>,
    text_codes: HashMap<SafeText, TextCode>,
}

/// What a filter can ask of one alert.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct Facts {
    pub id: AlertId,
    pub severity: Severity,
    pub status: Status,
    pub classification: Classification,
    pub determination: Determination,
    pub service_source: ServiceSource,
    pub assigned_to: Option<SafeText>,
    pub created: Option<Timestamp>,
    pub last_update: Option<Timestamp>,
    pub resolved: Option<Timestamp>,
    pub first_activity: Option<Timestamp>,
    pub last_activity: Option<Timestamp>,
    /// Every value of the alert and its evidence, sorted, each pair once.
    pub terms: Box<[(KeyCode, TextCode)]>,
}

impl Facts {
    /// Makes the facts of an alert that could not be read: an id and nothing else.
    pub fn unreadable(id: AlertId) -> Self {
        Self {
            id,
            severity: Severity::Unknown,
            status: Status::Unknown,
            classification: Classification::Unknown,
            determination: Determination::Unknown,
            service_source: ServiceSource::Unknown,
            assigned_to: None,
            created: None,
            last_update: None,
            resolved: None,
            first_activity: None,
            last_activity: None,
            terms: Box::default(),
        }
    }
}

impl Dictionary {
    /// Returns the properties in the order of their codes.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the texts in the order of their codes.
    pub fn texts(&self) -> &[SafeText] {
        &self.texts
    }

    /// Returns the property of a code.
    pub fn key(&self, code: KeyCode) -> &Key {
        &self.keys[code.index()]
    }

    /// Returns the text of a code.
    pub fn text(&self, code: TextCode) -> Word<'_> {
        let at = code.index();
        Word { text: &self.texts[at], folded: &self.folded[self.start(at)..self.ends[at]] }
    }

    /// Lists the texts, by their indices within `among`, whose folded form holds one of the parts
    /// that are sought. The search must report the match that ends first, as `AhoCorasick` does
    /// unless told otherwise: one across two texts then hides none within a text.
    pub fn containing(&self, sought: &AhoCorasick, among: Range<usize>) -> impl Iterator<Item = usize> {
        let end = self.start(among.end);
        let (mut at, mut from) = (among.start, self.start(among.start));
        std::iter::from_fn(move || {
            while at < among.end {
                let found = sought.find(&self.folded[from..end])?;
                let (hit, hit_end) = (from + found.start(), from + found.end());
                at += self.ends[at..].iter().take_while(|end| **end < hit_end).count();
                from = self.start(at);
                // A hit that begins in one text and ends in another is none.
                if from <= hit {
                    from = self.ends[at];
                    at += 1;
                    return Some(at - 1);
                }
            }
            None
        })
    }

    /// Where a text's folded form begins.
    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Returns the code of a property, taking it in where it is new.
    ///
    /// Past 65,535 properties, far more than the schema has, new ones share the last code:
    /// keys come from the wire and must not grow without bound.
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

    /// Returns the code of a text, taking it in where it is new.
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

    /// Takes in an alert and returns its facts.
    pub fn facts(&mut self, alert: &Alert) -> Facts {
        let mut terms = Vec::with_capacity(64);
        self.walk(None, &alert.json, &mut terms);
        for item in &*alert.evidence {
            self.walk(Some(&Arc::from(item.type_name.raw())), &item.json, &mut terms);
        }
        terms.sort_unstable();
        terms.dedup();
        Facts {
            id: alert.id.clone(),
            severity: alert.severity.clone(),
            status: alert.status.clone(),
            classification: alert.classification.clone(),
            determination: alert.determination.clone(),
            service_source: alert.service_source.clone(),
            assigned_to: alert.assigned_to.clone(),
            created: alert.created,
            last_update: alert.last_update,
            resolved: alert.resolved,
            first_activity: alert.first_activity,
            last_activity: alert.last_activity,
            terms: terms.into(),
        }
    }

    fn walk(
        &mut self,
        kind: Option<&Arc<str>>,
        json: &serde_json::Value,
        terms: &mut Vec<(KeyCode, TextCode)>,
    ) {
        walk(json, &mut String::new(), false, &mut |path, value| {
            let text = match value {
                None => return,
                Some(serde_json::Value::String(text)) => SafeText::new(text),
                Some(other) => SafeText::new(&other.to_string()),
            };
            let key = self.key_code(Key { kind: kind.cloned(), path: path.into() });
            terms.push((key, self.text_code(&text)));
        });
    }

    /// Takes in everything of `other` and returns how its codes are to be read here.
    pub fn adopt(&mut self, other: &Self) -> Remap {
        Remap {
            keys: other.keys.iter().map(|key| self.key_code(key.clone())).collect(),
            texts: (0..other.texts.len() as u32)
                .map(|code| self.adopt_word(other.text(TextCode(code))))
                .collect(),
        }
    }

    fn adopt_word(&mut self, word: Word<'_>) -> TextCode {
        match self.text_codes.get(word.text) {
            Some(code) => *code,
            None => self.push(word.text, word.folded),
        }
    }
}

/// How the codes of one dictionary read in another; see [`Dictionary::adopt`].
#[derive(Clone, Debug)]
pub struct Remap {
    keys: Vec<KeyCode>,
    texts: Vec<TextCode>,
}

impl Remap {
    /// Returns the code of the same text in the adopting dictionary.
    pub fn text(&self, code: TextCode) -> TextCode {
        self.texts[code.index()]
    }

    /// Rewrites the codes of `facts` for the adopting dictionary.
    pub fn apply(&self, facts: &mut Facts) {
        for (key, text) in &mut facts.terms {
            *key = self.keys[key.index()];
            *text = self.texts[text.index()];
        }
        facts.terms.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn alert(text: &str) -> Alert {
        RawAlert(Bytes::copy_from_slice(text.as_bytes())).decode().unwrap()
    }

    fn terms(dictionary: &Dictionary, facts: &Facts) -> Vec<String> {
        let mut terms: Vec<_> = facts
            .terms
            .iter()
            .map(|(key, text)| {
                let key = dictionary.key(*key);
                format!(
                    "{}/{}={}",
                    key.kind.as_deref().unwrap_or(""),
                    key.path,
                    dictionary.text(*text).folded
                )
            })
            .collect();
        terms.sort();
        terms
    }

    const ONE: &str = r##"{"id":"A","title":"T","mitreTechniques":["T1","T1","T2"],"evidence":[
        {"@odata.type":"#microsoft.graph.security.processEvidence","processId":12,"imageFile":{"sha256":"AB","md5":null}}]}"##;

    #[test]
    fn every_value_becomes_a_term() {
        let mut dictionary = Dictionary::default();
        let facts = dictionary.facts(&alert(ONE));
        assert_eq!(
            terms(&dictionary, &facts),
            [
                "/id=a",
                "/mitreTechniques=t1",
                "/mitreTechniques=t2",
                "/title=t",
                "process/@odata.type=#microsoft.graph.security.processevidence",
                "process/imageFile.sha256=ab",
                "process/processId=12",
            ]
        );
    }

    #[test]
    fn a_path_has_a_last_name() {
        for (path, name) in [
            ("title", "title"),
            ("imageFile.sha256", "sha256"),
            ("@odata.type", "@odata.type"),
            ("account.@odata.type", "@odata.type"),
        ] {
            assert_eq!(last_name(path), name);
        }
    }

    proptest! {
        #[test]
        fn a_search_through_all_texts_finds_those_that_hold_it(
            texts in prop::collection::vec("[abAİ]{0,4}", 0..30),
            sought in "[abİ]{0,3}",
            (from, to) in (0usize..31, 0usize..31),
        ) {
            let mut dictionary = Dictionary::default();
            for text in &texts {
                dictionary.text_code(&text.as_str().into());
            }
            let count = dictionary.texts().len();
            let among = from.min(to).min(count)..to.max(from).min(count);
            let sought = fold(&sought);
            let expected: Vec<_> = among
                .clone()
                .filter(|at| dictionary.text(TextCode(*at as u32)).folded.contains(&sought))
                .collect();
            let found: Vec<_> = dictionary.containing(&AhoCorasick::new([sought]).unwrap(), among).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_part_folds_to_a_part() {
        assert!(fold("ΟΔΟΣ ΑΒ").starts_with(&fold("ΟΔΟΣ")));
        assert!(fold("ΟΔΟΣΑ").starts_with(&fold("ΟΔΟΣ")));
        assert_eq!(fold("SRV-Äö"), "srv-äö");
    }

    #[test]
    fn adopted_facts_mean_the_same() {
        let (mut here, mut there) = (Dictionary::default(), Dictionary::default());
        here.facts(&alert(r#"{"id":"zz","title":"AB","extra":1}"#));
        let mut facts = there.facts(&alert(ONE));
        let before = terms(&there, &facts);
        here.adopt(&there).apply(&mut facts);
        assert_eq!(terms(&here, &facts), before);
        assert!(facts.terms.is_sorted());
        assert_eq!(here.texts().iter().filter(|text| text.raw() == "AB").count(), 1);
    }
}
