//! The alert with all its properties, decoded from its JSON.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{
    Classification, DetectionSource, Determination, Evidence, InvestigationState, SafeText, ServiceSource,
    Severity, Status, Timestamp,
    evidence::is_evidence_type,
    json::{Object, Property, properties},
};

/// An alert's ID: opaque text that is unique within a tenant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AlertId(SafeText);

impl AlertId {
    /// Creates an ID from the text as sent.
    pub fn new(raw: &str) -> Self {
        Self(SafeText::new(raw))
    }

    /// Returns the ID as sent, for requests and comparisons.
    pub fn raw(&self) -> &str {
        self.0.raw()
    }

    /// Returns the ID as safe text.
    pub fn text(&self) -> &SafeText {
        &self.0
    }
}

impl std::fmt::Display for AlertId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The JSON of one alert, byte for byte as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct RawAlert(pub Bytes);

impl RawAlert {
    /// Decodes the alert. Properties that cannot be read are treated as missing.
    ///
    /// # Errors
    ///
    /// Fails only if the JSON is invalid, nested deeper than 128 levels, or not an object.
    pub fn decode(&self) -> Result<Alert, DecodeError> {
        let value = self.parse()?;
        Alert::read(value).ok_or_else(DecodeError::not_an_object)
    }

    /// Parses the JSON and moves evidence from other properties into `evidence`.
    ///
    /// # Errors
    ///
    /// Fails if the JSON is invalid, nested deeper than 128 levels, or not an object.
    pub fn parse_in_order(&self) -> Result<Value, DecodeError> {
        let mut value = self.parse()?;
        let evidence = take_evidence(&mut value).ok_or_else(DecodeError::not_an_object)?;
        if !evidence.is_empty() {
            value["evidence"] = evidence.into();
        }
        Ok(value)
    }

    /// Parses the JSON. If several properties have the same name, the last one is kept.
    ///
    /// # Errors
    ///
    /// Fails if the JSON is invalid or nested deeper than 128 levels.
    pub fn parse(&self) -> Result<Value, DecodeError> {
        serde_json::from_slice(&self.0).or_else(|first| {
            // Programs that produce UTF-16 text may cut a surrogate pair in half. Replacing the
            // remaining half hides nothing, so this is the only error that is repaired.
            let text = String::from_utf8_lossy(&self.0);
            serde_json::from_str(&replace_lone_surrogates(&text)).map_err(|_| DecodeError::new(&first))
        })
    }
}

impl std::fmt::Debug for RawAlert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawAlert({} bytes)", self.0.len())
    }
}

/// The reason why an alert's JSON could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable alert: {reason}")]
pub struct DecodeError {
    /// The parser's message, including the position. It is sanitised for display.
    pub reason: Arc<str>,
}

impl DecodeError {
    /// Creates an error from the parser's error.
    pub fn new(error: &serde_json::Error) -> Self {
        Self { reason: SafeText::new(&error.to_string()).line().into() }
    }

    /// Creates the error for JSON that is not an object.
    pub fn not_an_object() -> Self {
        Self { reason: "not a JSON object".into() }
    }
}

/// Replaces `\uD8xx` escapes that are not part of a pair with `\uFFFD`.
fn replace_lone_surrogates(text: &str) -> String {
    let unit = |at: usize| -> Option<u16> {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(offset) = text[at..].find('\\') {
        out.push_str(&text[at..at + offset]);
        at += offset;
        let (escape, replaced) = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
            (Some(0xd800..=0xdfff), _) => (6, Some("\\uFFFD")),
            _ => (1 + text[at + 1..].chars().next().map_or(0, char::len_utf8), None),
        };
        out.push_str(replaced.unwrap_or(&text[at..at + escape]));
        at += escape;
    }
    out.push_str(&text[at..]);
    out
}

/// A comment on an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The comment's text.
    pub text: SafeText,
    /// The author's display name.
    pub author: Option<SafeText>,
    /// When the comment was written.
    pub created: Option<Timestamp>,
}

/// An alert with its evidence.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "Graph's property names, as in the documentation of `alert`")]
pub struct Alert {
    /// The alert's ID. Empty if none was sent.
    pub id: AlertId,
    pub provider_alert_id: Option<SafeText>,
    pub incident_id: Option<SafeText>,
    pub status: Status,
    pub severity: Severity,
    pub classification: Classification,
    pub determination: Determination,
    pub service_source: ServiceSource,
    pub detection_source: DetectionSource,
    pub investigation_state: InvestigationState,
    pub product_name: Option<SafeText>,
    pub detector_id: Option<SafeText>,
    pub alert_policy_id: Option<SafeText>,
    pub tenant_id: Option<SafeText>,
    pub title: Option<SafeText>,
    pub description: Option<SafeText>,
    pub recommended_actions: Option<SafeText>,
    pub category: Option<SafeText>,
    pub categories: Vec<SafeText>,
    pub assigned_to: Option<SafeText>,
    pub alert_web_url: Option<SafeText>,
    pub incident_web_url: Option<SafeText>,
    pub actor_display_name: Option<SafeText>,
    pub threat_display_name: Option<SafeText>,
    pub threat_family_name: Option<SafeText>,
    pub mitre_techniques: Vec<SafeText>,
    pub system_tags: Vec<SafeText>,
    pub created: Option<Timestamp>,
    pub last_update: Option<Timestamp>,
    pub resolved: Option<Timestamp>,
    pub first_activity: Option<Timestamp>,
    pub last_activity: Option<Timestamp>,
    pub comments: Vec<Comment>,
    pub evidence: Arc<[Evidence]>,
    /// The properties in the open dictionary `additionalData`, flattened.
    pub additional_data: Vec<Property>,
    /// The properties in the open dictionary `customDetails`, flattened.
    pub custom_details: Vec<Property>,
    /// The JSON as sent, without the evidence items, which keep their own JSON.
    pub json: Value,
}

/// Reads an enumeration property; a missing or null value means unknown.
macro_rules! member {
    ($object:ident, $name:literal, $type:ident) => {
        $object.text($name).map_or($type::Unknown, |text| $type::read(text.raw()))
    };
}

impl Alert {
    fn read(mut json: Value) -> Option<Self> {
        let evidence = take_evidence(&mut json)?;
        let object = Object::new(&json);
        let dictionary = |name| object.get(name).map(properties).unwrap_or_default();
        Some(Self {
            id: AlertId(object.text("id").unwrap_or_default()),
            provider_alert_id: object.text("providerAlertId"),
            incident_id: object.text("incidentId"),
            status: member!(object, "status", Status),
            severity: member!(object, "severity", Severity),
            classification: member!(object, "classification", Classification),
            determination: member!(object, "determination", Determination),
            service_source: member!(object, "serviceSource", ServiceSource),
            detection_source: member!(object, "detectionSource", DetectionSource),
            investigation_state: member!(object, "investigationState", InvestigationState),
            product_name: object.text("productName"),
            detector_id: object.text("detectorId"),
            alert_policy_id: object.text("alertPolicyId"),
            tenant_id: object.text("tenantId"),
            title: object.text("title"),
            description: object.text("description"),
            recommended_actions: object.text("recommendedActions"),
            category: object.text("category"),
            categories: object.texts("categories"),
            assigned_to: object.text("assignedTo"),
            alert_web_url: object.text("alertWebUrl"),
            incident_web_url: object.text("incidentWebUrl"),
            actor_display_name: object.text("actorDisplayName"),
            threat_display_name: object.text("threatDisplayName"),
            threat_family_name: object.text("threatFamilyName"),
            mitre_techniques: object.texts("mitreTechniques"),
            system_tags: object.texts("systemTags"),
            created: object.time("createdDateTime"),
            last_update: object.time("lastUpdateDateTime"),
            resolved: object.time("resolvedDateTime"),
            first_activity: object.time("firstActivityDateTime"),
            last_activity: object.time("lastActivityDateTime"),
            comments: object.each("comments", |comment| Comment {
                text: comment.text("comment").unwrap_or_default(),
                author: comment.text("createdByDisplayName"),
                created: comment.time("createdDateTime"),
            }),
            additional_data: dictionary("additionalData"),
            custom_details: dictionary("customDetails"),
            evidence: evidence.into_iter().map(Evidence::read).collect(),
            json,
        })
    }

    /// Returns an unreadable time as sent, or `None` if the time is readable or missing. `name` is
    /// Graph's name for the property. The unset date and blank text count as missing.
    pub fn odd_time(&self, name: &str) -> Option<SafeText> {
        let text = Object::new(&self.json).text(name)?;
        let is_string = Object::new(&self.json).raw(name).is_some();
        (!text.is_blank() && (!is_string || Timestamp::parse(text.raw()).is_none())).then_some(text)
    }

    /// Lists every value in the alert except its evidence, each with its path.
    pub fn properties(&self) -> Vec<Property> {
        properties(&self.json)
    }
}

/// Removes the evidence items from an alert's JSON and returns them: first those in `evidence`,
/// then typed items in other properties, where tools that reshape alerts put them. Returns `None`
/// if the JSON is not an object.
fn take_evidence(json: &mut Value) -> Option<Vec<Value>> {
    let alert = json.as_object_mut()?;
    let mut items = match alert.get_mut("evidence").map(Value::take) {
        Some(Value::Array(items)) => items,
        Some(single) => vec![single],
        None => Vec::new(),
    };
    items.retain(|item| !item.is_null());
    alert.values_mut().for_each(|value| take_typed_evidence(value, &mut items));
    Some(items)
}

/// Removes objects with an evidence type from a value, at any depth, and adds them to `found`.
fn take_typed_evidence(value: &mut Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(map) => {
            let declared = map.get("@odata.type").and_then(Value::as_str);
            if declared.is_some_and(is_evidence_type) {
                found.push(value.take());
            } else {
                map.values_mut().for_each(|inner| take_typed_evidence(inner, found));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| take_typed_evidence(inner, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Remediation, Verdict};
    use proptest::prelude::*;

    fn decode(text: &str) -> Alert {
        RawAlert(Bytes::copy_from_slice(text.as_bytes())).decode().unwrap()
    }

    #[test]
    fn a_property_of_a_wrong_type_does_not_affect_others() {
        let alert = decode(
            r#"{"id":7,"title":"t","title":"last wins","severity":"Medium","status":"5","evidence":null,
               "mitreTechniques":"T1059","createdDateTime":12,"comments":{"comment":"one"},
               "lastUpdateDateTime":"0001-01-01T00:00:00Z","categories":null,"assignedTo":["a"]}"#,
        );
        assert_eq!(alert.id.raw(), "7");
        assert_eq!(alert.title.unwrap().raw(), "last wins");
        assert_eq!(alert.severity, Severity::Medium);
        assert_eq!(alert.status, Status::Undeclared("5".into()));
        assert_eq!(alert.mitre_techniques, ["T1059".into()]);
        assert_eq!((alert.created, alert.last_update), (None, None));
        assert_eq!(alert.comments[0].text.raw(), "one");
        assert_eq!(alert.assigned_to.unwrap().raw(), r#"["a"]"#);
        assert!(alert.evidence.is_empty());
    }

    #[test]
    fn a_time_that_cannot_be_read_is_kept_as_sent() {
        let alert = decode(
            r#"{"createdDateTime":"soon","lastUpdateDateTime":"2026-11-01","resolvedDateTime":"0001-01-01T00:00:00Z",
                "firstActivityDateTime":12,"lastActivityDateTime":" "}"#,
        );
        let odd = |name| alert.odd_time(name).map(|text| text.raw().to_owned());
        assert_eq!(odd("createdDateTime").as_deref(), Some("soon"));
        assert_eq!(odd("firstActivityDateTime").as_deref(), Some("12"));
        for name in ["lastUpdateDateTime", "resolvedDateTime", "lastActivityDateTime", "none"] {
            assert_eq!(odd(name), None, "{name}");
        }
    }

    #[test]
    fn typed_evidence_under_other_properties_is_evidence() {
        let alert = decode(
            r##"{"id":"a","deviceEvidence":{"@odata.type":"#microsoft.graph.security.deviceEvidence","hostName":"ws"},
                "details":{"list":[{"@odata.type":"microsoft.graph.security.fileEvidence"},{"x":1}]},
                "other":{"@odata.type":"#microsoft.graph.security.alertComment","y":2},
                "evidence":{"@odata.type":"#microsoft.graph.security.userEvidence"}}"##,
        );
        let names: Vec<_> = alert.evidence.iter().map(|item| item.type_name.as_str()).collect();
        assert_eq!(names, ["user", "device", "file"]);
        let left = alert.properties().into_iter().filter(|property| property.value.is_some());
        let left: Vec<_> = left.map(|property| property.path.raw().to_owned()).collect();
        assert_eq!(left, ["id", "details.list[1].x", "other.@odata.type", "other.y"]);
    }

    #[test]
    fn evidence_types_are_read_in_any_spelling() {
        let alert = decode(
            r##"{"id":"a","evidence":[
              {"@odata.type":"#microsoft.graph.security.DEVICEEVIDENCE","deviceDnsName":"d"},
              {"@odata.type":"microsoft.graph.security.processEvidence","processId":"12","verdict":"5","remediationStatus":"Blocked"},
              {"@odata.type":"#microsoft.graph.security.quantumEvidence","qubit":{"spin":[1,2]}},
              {"url":"http://x"}, null, 7]}"##,
        );
        let names: Vec<_> = alert.evidence.iter().map(|item| item.type_name.as_str()).collect();
        assert_eq!(names, ["device", "process", "quantum", "untyped", "untyped"]);
        assert_eq!(alert.evidence[1].object().int("processId"), Some(12));
        assert_eq!(alert.evidence[1].verdict, Verdict::Undeclared("5".into()));
        assert_eq!(alert.evidence[1].remediation, Remediation::Blocked);
        let paths: Vec<_> =
            alert.evidence[2].properties().iter().map(|p| p.path.as_str().to_owned()).collect();
        assert_eq!(paths, ["@odata.type", "qubit.spin[0]", "qubit.spin[1]"]);
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        let alert =
            decode(r#"{"id":"a","title":"x\ud800y \ud83d\ude00 \\ud800 \udc00","description":"\u00e9"}"#);
        assert_eq!(alert.title.unwrap().raw(), "x\u{fffd}y 😀 \\ud800 \u{fffd}");
        assert_eq!(alert.description.unwrap().raw(), "é");
    }

    #[test]
    fn decode_errors_give_the_reason() {
        let raw =
            |text: &str| RawAlert(Bytes::copy_from_slice(text.as_bytes())).decode().unwrap_err().to_string();
        assert!(
            raw(&format!(r#"{{"id":{}{}}}"#, "[".repeat(200), "]".repeat(200))).contains("recursion limit")
        );
        assert!(raw(r#"{"id":"a\u001b"#).contains("EOF"));
        assert_eq!(raw("[]"), "unreadable alert: not a JSON object");
    }

    #[test]
    fn an_alert_nested_too_deeply_does_not_affect_others() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for property in ["recommendedActions", "evidence", "unknownProperty"] {
            let body = format!(
                r#"{{"value":[{{"id":"deep","title":"t","productName":"p","{property}":{deep}}},{{"id":"good"}}]}}"#
            );
            let page = crate::split_reply(Bytes::from(body)).unwrap();
            let [deep, good] = page.alerts.as_slice() else { panic!("{} alerts", page.alerts.len()) };
            assert!(deep.decode().is_err(), "{property} is not decoded");
            assert_eq!(good.decode().unwrap().id.raw(), "good");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let name = prop::sample::select(vec![
                "id",
                "title",
                "severity",
                "evidence",
                "@odata.type",
                "processId",
                "imageFile",
                "userAccount",
                "comments",
                "createdDateTime",
                "fileDetails",
                "location",
                "additionalData",
                "loggedOnUsers",
                "x",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6).prop_map(|pairs| Value::Object(
                    pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_json_object_is_decoded(value in json()) {
            let raw = RawAlert(Bytes::from(value.to_string()));
            prop_assert_eq!(raw.decode().is_ok(), value.is_object());
        }

        #[test]
        fn decoded_text_is_the_text_that_was_sent(title in "\\PC*") {
            let raw = RawAlert(Bytes::from(serde_json::json!({"id": "a", "title": title}).to_string()));
            let read = raw.decode().unwrap().title.unwrap();
            prop_assert_eq!(read.raw(), title);
        }
    }
}
