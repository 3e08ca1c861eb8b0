//! Batches of alerts that workers decode for the store.

use crate::{
    dictionary::{CodeMap, Dictionary, TextCode},
    facts::Facts,
    posting::{BatchKeys, NoPostings, PostingRules},
};
use alertdeck_evidence as evidence;
use alertdeck_model::{Alert, AlertId, DecodeError, RawAlert, SafeText};

/// Decoded alerts with their own dictionary, so that decoding does not need the store.
#[derive(Debug)]
pub struct Batch {
    pub(super) dictionary: Dictionary,
    /// The alerts, each with the codes of its keys.
    pub(super) entries: Vec<(Entry, Box<[u32]>)>,
    /// The keys of the postings.
    pub(super) keys: Box<BatchKeys>,
}

/// One alert: its facts, the texts of its list line, and its JSON.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The values that filters test.
    pub facts: Facts,
    /// The alert as received.
    pub raw: RawAlert,
    /// Why the alert could not be decoded; `None` if it was.
    pub error: Option<SafeText>,
    pub(super) title: Option<TextCode>,
    pub(super) category: Option<TextCode>,
    pub(super) incident: Option<TextCode>,
    pub(super) product: Option<TextCode>,
    pub(super) devices: Box<[TextCode]>,
    pub(super) users: Box<[TextCode]>,
    pub(super) techniques: Box<[TextCode]>,
}

impl Batch {
    /// Decodes alerts and collects their posting keys. An alert that cannot be decoded becomes an
    /// entry with an error.
    pub fn decode(alerts: &[RawAlert], rules: &'static dyn PostingRules) -> Self {
        let mut batch = Self::plain(alerts);
        *batch.keys = BatchKeys::new(rules);
        for (entry, codes) in &mut batch.entries {
            *codes = batch.keys.add(&batch.dictionary, &entry.facts);
        }
        batch
    }

    /// Decodes alerts without postings, for lists that are only filtered and printed.
    pub fn plain(alerts: &[RawAlert]) -> Self {
        let mut batch = Self {
            dictionary: Dictionary::default(),
            entries: Vec::with_capacity(alerts.len()),
            keys: Box::new(BatchKeys::new(&NoPostings)),
        };
        for raw in alerts {
            let entry = match raw.decode() {
                Ok(alert) => Entry::read(&alert, raw, &mut batch.dictionary),
                Err(error) => Entry::unreadable(&error, raw, &mut batch.dictionary),
            };
            batch.entries.push((entry, Box::default()));
        }
        batch
    }

    /// Returns the number of alerts.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn read(alert: &Alert, raw: &RawAlert, dictionary: &mut Dictionary) -> Self {
        let mut facts = dictionary.facts(alert);
        if facts.id.raw().is_empty() {
            facts.id = content_id(raw);
        }
        let mut code = |text: &Option<SafeText>| text.as_ref().map(|text| dictionary.text_code(text));
        let (title, incident, product) =
            (code(&alert.title), code(&alert.incident_id), code(&alert.product_name));
        // `category` is being replaced by `categories` (docs/graph-api.md, "Response shape").
        let category = code(&alert.category.clone().or_else(|| alert.categories.first().cloned()));
        let devices: Vec<_> = alert.evidence.iter().filter_map(evidence::device).collect();
        let users: Vec<_> = alert.evidence.iter().filter_map(evidence::user).collect();
        let mut codes = |texts: &[SafeText]| {
            let mut codes: Vec<TextCode> = Vec::with_capacity(texts.len());
            for text in texts {
                let code = dictionary.text_code(text);
                if !codes.contains(&code) {
                    codes.push(code);
                }
            }
            codes.into_boxed_slice()
        };
        let (devices, users, techniques) = (codes(&devices), codes(&users), codes(&alert.mitre_techniques));
        Self {
            facts,
            raw: raw.clone(),
            error: None,
            title,
            category,
            incident,
            product,
            devices,
            users,
            techniques,
        }
    }

    fn unreadable(error: &DecodeError, raw: &RawAlert, dictionary: &mut Dictionary) -> Self {
        let error = SafeText::new(&error.to_string());
        Self {
            facts: Facts::unreadable(content_id(raw)),
            raw: raw.clone(),
            title: Some(dictionary.text_code(&error)),
            error: Some(error),
            category: None,
            incident: None,
            product: None,
            devices: Box::default(),
            users: Box::default(),
            techniques: Box::default(),
        }
    }

    /// Rewrites the codes for the dictionary that the batch's was merged into.
    pub(super) fn recode(&mut self, map: &CodeMap) {
        self.facts.recode(map);
        for code in [&mut self.title, &mut self.category, &mut self.incident, &mut self.product]
            .into_iter()
            .flatten()
            .chain(&mut self.devices)
            .chain(&mut self.users)
            .chain(&mut self.techniques)
        {
            *code = map.text(*code);
        }
    }
}

/// Returns an id for an alert without one. It depends on the bytes only, so that reading a page
/// twice does not duplicate the alert.
fn content_id(raw: &RawAlert) -> AlertId {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(&raw.0);
    AlertId::new(&format!("(no id, content {:016x})", hasher.finish()))
}
