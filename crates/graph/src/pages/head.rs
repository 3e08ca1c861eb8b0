//! The properties of an alert that a load needs: its ID and its creation time.
//!
//! The JSON is parsed only until both are known. Graph sends them before the evidence, which makes
//! up most of an alert.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use alertdeck_model::{RawAlert, Timestamp};
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};

/// An alert's ID, as a fingerprint, and its creation time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// A fingerprint of the ID, or of the entire alert if it has no ID.
    pub(crate) id: u64,
    /// The creation time, if it can be read.
    pub(crate) created: Option<Timestamp>,
}

impl Head {
    /// Reads an alert's head. Fingerprints are comparable only if `fingerprint` is the same.
    pub(crate) fn read(alert: &RawAlert, fingerprint: &RandomState) -> Self {
        let mut texts = Texts::default();
        let mut json = serde_json::Deserializer::from_slice(&alert.0);
        // The values read before an error are kept; the visitor itself stops by returning an error.
        let _ = json.deserialize_map(&mut texts);
        Self {
            id: match &texts.id {
                Some(id) => fingerprint.hash_one(id),
                None => fingerprint.hash_one(&alert.0),
            },
            created: texts.created.as_deref().and_then(Timestamp::parse),
        }
    }
}

#[derive(Debug, Default)]
struct Texts {
    id: Option<String>,
    created: Option<String>,
}

impl<'de> Visitor<'de> for &mut Texts {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an alert")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "id" => self.id = Some(map.next_value()?),
                "createdDateTime" => self.created = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if self.id.is_some() && self.created.is_some() {
                return Err(A::Error::custom("the rest does not matter"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn head(json: &str, fingerprint: &RandomState) -> Head {
        Head::read(&RawAlert(json.to_owned().into()), fingerprint)
    }

    #[rstest]
    #[case(
        r#"{"id":"a","x":[1,{"id":"b"}],"createdDateTime":"2026-11-20T00:00:00Z","evidence":[broken"#,
        true
    )]
    #[case(r#"{"createdDateTime":"2026-11-20T00:00:00Z","title":"\n","id":"\u0061"}"#, true)]
    #[case(r#"{"id":"a","createdDateTime":null}"#, false)]
    #[case(r#"{"id":"a","createdDateTime":"yesterday"}"#, false)]
    #[case(r#"{"id":"a"}"#, false)]
    fn the_id_and_the_time_are_read_wherever_they_are(#[case] json: &str, #[case] has_time: bool) {
        let fingerprint = RandomState::new();
        let created = Timestamp::parse("2026-11-20T00:00:00Z").filter(|_| has_time);
        assert_eq!(head(json, &fingerprint), Head { id: fingerprint.hash_one("a".to_owned()), created });
    }

    #[test]
    fn an_alert_without_an_id_is_known_by_its_json() {
        let fingerprint = RandomState::new();
        let id = |json| head(json, &fingerprint).id;
        assert_eq!(id(r#"{"id":5,"title":"a"}"#), id(r#"{"id":5,"title":"a"}"#));
        assert_ne!(id(r#"{"title":"a"}"#), id(r#"{"title":"b"}"#));
    }
}
