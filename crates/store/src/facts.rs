//! The values of an alert that filters test.
//!
//! Every value of the alert and its evidence becomes a term, a pair of dictionary codes, whatever
//! its type or depth. So a field of the filter language is a set of properties, and this crate
//! needs no knowledge of the types of evidence.

use std::sync::Arc;

use alertdeck_model::{
    Alert, AlertId, Classification, Determination, SafeText, ServiceSource, Severity, Status, Timestamp, walk,
};

use crate::dictionary::{CodeMap, Dictionary, Key, KeyCode, TextCode};

/// The values of one alert that filters test.
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
    /// Every value of the alert and its evidence as (property, text), sorted, without duplicates.
    pub terms: Box<[(KeyCode, TextCode)]>,
}

impl Facts {
    /// Returns the facts of an alert that could not be read: only an id.
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

    /// Rewrites the codes for the dictionary that this one was merged into.
    pub(crate) fn recode(&mut self, map: &CodeMap) {
        for (key, text) in &mut self.terms {
            *key = map.key(*key);
            *text = map.text(*text);
        }
        self.terms.sort_unstable();
    }
}

impl Dictionary {
    /// Adds the values of an alert and returns its facts.
    pub fn facts(&mut self, alert: &Alert) -> Facts {
        let mut terms = Vec::with_capacity(64);
        self.collect(None, &alert.json, &mut terms);
        for item in &*alert.evidence {
            self.collect(Some(&Arc::from(item.type_name.raw())), &item.json, &mut terms);
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

    /// Adds every value in `json` and its term.
    fn collect(
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use bytes::Bytes;

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
    fn merging_keeps_the_meaning_of_facts() {
        let (mut here, mut there) = (Dictionary::default(), Dictionary::default());
        here.facts(&alert(r#"{"id":"zz","title":"AB","extra":1}"#));
        let mut facts = there.facts(&alert(ONE));
        let before = terms(&there, &facts);
        facts.recode(&here.merge(&there));
        assert_eq!(terms(&here, &facts), before);
        assert!(facts.terms.is_sorted());
        assert_eq!(here.texts().iter().filter(|text| text.raw() == "AB").count(), 1);
    }
}
