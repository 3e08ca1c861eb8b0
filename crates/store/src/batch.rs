//! Alerts decoded by a worker, on their way into the store.

use crate::{
    facts::{Dictionary, Facts, Remap, TextCode},
    posting::{Keys, NoPostings, PostingRules},
};
use alertdeck_evidence as evidence;
use alertdeck_model::{Alert, AlertId, DecodeError, RawAlert, SafeText};

/// Alerts with a dictionary of their own, so that decoding needs nothing of the store.
#[derive(Debug)]
pub struct Batch {
    pub(super) dictionary: Dictionary,
    /// Each with the codes of its keys.
    pub(super) entries: Vec<(Entry, Box<[u32]>)>,
    /// The keys by which values of the evidence lead to alerts.
    pub(super) keys: Box<Keys>,
}

/// What the list shows and the filter asks of one alert, and its JSON.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What a filter can ask.
    pub facts: Facts,
    /// The alert as received.
    pub raw: RawAlert,
    /// Why the alert could not be read, where it could not.
    pub fault: Option<SafeText>,
    pub(super) title: Option<TextCode>,
    pub(super) category: Option<TextCode>,
    pub(super) incident: Option<TextCode>,
    pub(super) product: Option<TextCode>,
    pub(super) devices: Box<[TextCode]>,
    pub(super) users: Box<[TextCode]>,
    pub(super) techniques: Box<[TextCode]>,
}

impl Batch {
    /// Decodes alerts; one that cannot be read becomes an entry that says so.
    pub fn decode(alerts: &[RawAlert], rules: &'static dyn PostingRules) -> Self {
        let mut batch = Self::plain(alerts);
        *batch.keys = Keys::new(rules);
        for (entry, codes) in &mut batch.entries {
            *codes = batch.keys.of(&batch.dictionary, &entry.facts);
        }
        batch
    }

    /// Decodes alerts without postings, for a list that is only filtered and printed.
    pub fn plain(alerts: &[RawAlert]) -> Self {
        let mut batch = Self {
            dictionary: Dictionary::default(),
            entries: Vec::with_capacity(alerts.len()),
            keys: Box::new(Keys::new(&NoPostings)),
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

    /// Returns how many alerts the batch holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether the batch holds no alert.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn read(alert: &Alert, raw: &RawAlert, dictionary: &mut Dictionary) -> Self {
        let mut facts = dictionary.facts(alert);
        if facts.id.raw().is_empty() {
            facts.id = stand_in_id(raw);
        }
        let mut code = |text: &Option<SafeText>| text.as_ref().map(|text| dictionary.text_code(text));
        let (title, incident, product) =
            (code(&alert.title), code(&alert.incident_id), code(&alert.product_name));
        // `category` is on its way out in favour of `categories` (API.md 3).
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
            fault: None,
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
        let fault = SafeText::new(&error.to_string());
        Self {
            facts: Facts::unreadable(stand_in_id(raw)),
            raw: raw.clone(),
            title: Some(dictionary.text_code(&fault)),
            fault: Some(fault),
            category: None,
            incident: None,
            product: None,
            devices: Box::default(),
            users: Box::default(),
            techniques: Box::default(),
        }
    }

    pub(super) fn remap(&mut self, remap: &Remap) {
        remap.apply(&mut self.facts);
        for code in [&mut self.title, &mut self.category, &mut self.incident, &mut self.product]
            .into_iter()
            .flatten()
            .chain(&mut self.devices)
            .chain(&mut self.users)
            .chain(&mut self.techniques)
        {
            *code = remap.text(*code);
        }
    }
}

/// An id for an alert without one: the same for the same bytes, so that reading a page again
/// does not double it.
fn stand_in_id(raw: &RawAlert) -> AlertId {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(&raw.0);
    AlertId::new(&format!("(no id, content {:016x})", hasher.finish()))
}
