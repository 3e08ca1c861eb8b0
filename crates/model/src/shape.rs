//! Determines a JSON object's kind from its property names.
//!
//! This API's names are from the Graph page "alert resource type"; the sources for other APIs are
//! given in the module `foreign`, which maps them. An alert may have any values, so values are not
//! read, except to find out the declared type and whether an ID or a title is blank.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::outline::OutlineWriter;

/// A kind of JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An alert from this API.
    Alert,
    /// An alert from another API, or one whose properties were renamed by a tool.
    Foreign(Foreign),
    /// An object with only a few properties, all of which alerts have. It counts as an alert only
    /// where an alert is expected.
    Sparse,
    /// Something else. It may contain alerts.
    Other,
}

/// The API or tool that produced an alert, if it is not this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// An alert from the Defender for Endpoint API.
    Endpoint,
    /// An alert from the legacy Graph security API (`/security/alerts`).
    Legacy,
    /// An alert in an incident from the older Microsoft 365 Defender API.
    Xdr,
    /// An alert with capitalised names, as the PowerShell SDK writes it.
    Capitalised,
    /// An alert with snake-case names, as the Python SDK writes it.
    Snake,
}

/// Alert properties that few other objects have.
const DISTINCTIVE: [&str; 21] = [
    "alertWebUrl",
    "providerAlertId",
    "serviceSource",
    "detectionSource",
    "mitreTechniques",
    "evidence",
    "actorDisplayName",
    "threatDisplayName",
    "threatFamilyName",
    "alertPolicyId",
    "detectorId",
    "investigationState",
    "firstActivityDateTime",
    "lastActivityDateTime",
    "recommendedActions",
    "productName",
    "systemTags",
    "additionalData",
    "customDetails",
    "categories",
    "incidentWebUrl",
];
/// Alert properties that many other objects have, too.
const COMMON: [&str; 15] = [
    "id",
    "title",
    "severity",
    "status",
    "classification",
    "determination",
    "assignedTo",
    "category",
    "createdDateTime",
    "lastUpdateDateTime",
    "resolvedDateTime",
    "description",
    "incidentId",
    "tenantId",
    "comments",
];

/// The type that alerts declare.
const TYPE: &str = "microsoft.graph.security.alert";

/// A summary of an object's property names.
#[derive(Debug, Default)]
struct Names {
    distinctive: usize,
    common: usize,
    /// The number of names that no alert has.
    others: usize,
    id: bool,
    title: bool,
    /// Whether the object declares that it is an alert.
    declared: bool,
    /// Whether the object declares that it is something else.
    other_type: bool,
    /// Whether the object is an incident, which has many of an alert's properties.
    incident: bool,
    /// Whether the object is a Sentinel incident, which has some of an alert's properties.
    sentinel: bool,
    /// Whether the object has an `Id`, as PowerShell writes it. Advanced hunting rows have an
    /// `AlertId` instead.
    capital_id: bool,
    /// Whether the object has an `alertId`, as in the older Microsoft 365 Defender API.
    alert_id: bool,
    endpoint: bool,
    /// The number of names from the legacy Graph security API.
    legacy: usize,
    /// The number of names from the older Microsoft 365 Defender API.
    xdr: usize,
    capitalised: usize,
    snake: usize,
}

impl Names {
    /// Adds a property. `is_blank` means that its value is null or an empty string.
    fn add(&mut self, name: &str, is_blank: bool) {
        match name {
            "id" => self.id |= !is_blank,
            "title" => self.title |= !is_blank,
            "alertId" => {
                self.alert_id |= !is_blank;
                self.xdr += 1;
            }
            "Id" => self.capital_id |= !is_blank,
            "incidentNumber" | "relatedAnalyticRuleIds" => self.sentinel = true,
            "displayName" | "incidentName" | "redirectIncidentId" => self.incident = true,
            "alertCreationTime" | "computerDnsName" => self.endpoint = true,
            "vendorInformation" | "hostStates" | "userStates" | "eventDateTime" => self.legacy += 1,
            "creationTime" | "entities" | "lastUpdatedTime" => self.xdr += 1,
            _ => {}
        }
        if DISTINCTIVE.contains(&name) {
            self.distinctive += 1;
        } else if COMMON.contains(&name) {
            self.common += 1;
        } else if !name.starts_with('@') && !name.contains("@odata.") {
            self.others += 1;
            let first = name.as_bytes().first().copied().unwrap_or_default();
            let is_known = |name: &str| DISTINCTIVE.contains(&name) || COMMON.contains(&name);
            if first.is_ascii_uppercase() {
                self.capitalised += usize::from(is_known(&uncapitalised(name)));
            } else if name.contains('_') {
                self.snake += usize::from(is_known(&camel(name)));
            }
        }
    }

    fn shape(&self) -> Shape {
        // Without an ID or a title, the alert's row would be blank.
        if !(self.id || self.title || self.capital_id || self.alert_id || self.declared) {
            return Shape::Other;
        }
        if self.endpoint && self.common > 1 {
            return Shape::Foreign(Foreign::Endpoint);
        }
        if self.legacy > 1 && self.common > 1 {
            return Shape::Foreign(Foreign::Legacy);
        }
        if self.xdr > 1 && self.common > 1 {
            return Shape::Foreign(Foreign::Xdr);
        }
        if self.capital_id && self.capitalised > 3 {
            return Shape::Foreign(Foreign::Capitalised);
        }
        if self.snake > 1 && self.distinctive + self.common + self.snake > 3 {
            return Shape::Foreign(Foreign::Snake);
        }
        let is_alert =
            self.declared || (self.distinctive > 0 && self.common > 1) || (self.title && self.common > 3);
        if is_alert && !self.sentinel && (self.title || !self.incident) {
            Shape::Alert
        } else if self.id && self.others == 0 && !self.other_type {
            Shape::Sparse
        } else {
            Shape::Other
        }
    }
}

/// Returns a name with its first letter in lower case.
pub(crate) fn uncapitalised(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// Converts a name from snake case to camel case.
pub(crate) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut rest = word.chars();
        camel.extend(rest.next().into_iter().flat_map(char::to_uppercase).chain(rest));
    }
    camel
}

/// Returns an object's shape.
///
/// # Errors
///
/// Fails if the text is not a JSON object.
pub(crate) fn shape(json: &str) -> Result<Shape, serde_json::Error> {
    shape_with(json, &mut OutlineWriter::new(&[]))
}

/// Like [`shape`], but also writes the object's outline.
pub(crate) fn shape_with(json: &str, outline: &mut OutlineWriter<'_>) -> Result<Shape, serde_json::Error> {
    struct Shallow<'a, 'o>(&'a mut OutlineWriter<'o>);
    impl<'de> Visitor<'de> for Shallow<'_, '_> {
        type Value = Names;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
            let mut names = Names::default();
            while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                let value = map.next_value::<&RawValue>()?;
                self.0.add(&name, value);
                let value = value.get();
                names.add(&name, matches!(value, "null" | "\"\""));
                if name == "@odata.type" {
                    let is_alert = value.trim_matches(['"', '#']).eq_ignore_ascii_case(TYPE);
                    names.declared |= is_alert;
                    names.other_type |= !is_alert;
                }
            }
            Ok(names)
        }
    }
    let mut json = serde_json::Deserializer::from_str(json);
    let names = json.deserialize_map(Shallow(outline))?;
    json.end()?;
    Ok(names.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::whole(
        r#"{"id":"a","title":"t","severity":"high","alertWebUrl":"https://x","vendor":1}"#,
        Shape::Alert
    )]
    #[case::sparse(r#"{"id":"a","severity":null}"#, Shape::Sparse)]
    #[case::blank(r#"{"id":null,"severity":null}"#, Shape::Other)]
    #[case::blank_with_evidence(
        r#"{"id":"","title":null,"severity":"high","status":"new","evidence":[]}"#,
        Shape::Other
    )]
    #[case::blank_of_the_endpoint_api(
        r#"{"computerDnsName":"x","severity":"High","status":"New"}"#,
        Shape::Other
    )]
    #[case::incident_without_properties(
        r##"{"@odata.type":"#microsoft.graph.security.incident","id":"1"}"##,
        Shape::Other
    )]
    #[case::sentinel(
        r#"{"title":"t","severity":"Low","status":"Active","description":"d","classification":"x","incidentNumber":7}"#,
        Shape::Other
    )]
    #[case::hunting(
        r#"{"Timestamp":"x","AlertId":"a","Title":"t","Category":"c","Severity":"High","DetectionSource":"EDR"}"#,
        Shape::Other
    )]
    #[case::powershell(
        r#"{"Id":"a","Title":"t","Category":"c","Severity":"high","DetectionSource":"x"}"#,
        Shape::Foreign(Foreign::Capitalised)
    )]
    #[case::declared(r##"{"@odata.type":"#microsoft.graph.security.alert","x":1}"##, Shape::Alert)]
    #[case::without_id(
        r#"{"title":"t","severity":"high","status":"new","createdDateTime":"x"}"#,
        Shape::Alert
    )]
    #[case::incident(
        r#"{"id":"1","displayName":"d","severity":"high","status":"active","incidentWebUrl":"x"}"#,
        Shape::Other
    )]
    #[case::sign_in(r#"{"id":"1","createdDateTime":"x","status":{},"userDisplayName":"a"}"#, Shape::Other)]
    #[case::page(r#"{"value":[]}"#, Shape::Other)]
    #[case::item_of_evidence(r##"{"@odata.type":"#microsoft.graph.security.ipEvidence","createdDateTime":"x","ipAddress":"1.1.1.1"}"##, Shape::Other)]
    #[case::endpoint(
        r#"{"id":"da1","title":"t","alertCreationTime":"x","machineId":"m"}"#,
        Shape::Foreign(Foreign::Endpoint)
    )]
    #[case::legacy(
        r#"{"id":"1","title":"t","eventDateTime":"x","hostStates":[]}"#,
        Shape::Foreign(Foreign::Legacy)
    )]
    #[case::xdr(
        r#"{"alertId":"fa1","title":"t","severity":"High","entities":[]}"#,
        Shape::Foreign(Foreign::Xdr)
    )]
    #[case::capitalised(
        r#"{"Id":"a","Title":"t","Severity":"high","Status":"new"}"#,
        Shape::Foreign(Foreign::Capitalised)
    )]
    #[case::snake(
        r#"{"id":"a","title":"t","created_date_time":"x","service_source":"y"}"#,
        Shape::Foreign(Foreign::Snake)
    )]
    fn objects_are_recognised_by_their_names(#[case] json: &str, #[case] expected: Shape) {
        assert_eq!(shape(json).unwrap(), expected);
    }

    #[test]
    fn names_are_converted() {
        assert_eq!(
            (camel("created_date_time"), uncapitalised("AlertWebUrl")),
            ("createdDateTime".into(), "alertWebUrl".into())
        );
        assert!(shape("[1]").is_err() && shape("{} x").is_err());
    }
}
