//! Incidents, which are built from the alerts that name them (docs/graph-api.md, "Incidents").
//!
//! Nothing is stored for an incident: its values are derived from its alerts, so they never
//! contradict the alerts. Some incidents have a predecessor that was merged into them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    odata::Columns,
    paging::{Position, Row},
    store::{Store, StoredAlert},
};
use alertdeck_model::{Severity, Timestamp};

/// The number to add to an incident's ID to get the ID of its predecessor.
const MERGED: u32 = 100_000;
/// One in this many incidents has a predecessor.
const MERGED_EVERY: u32 = 8;

/// An incident.
pub(super) struct Incident<'a> {
    position: Position,
    columns: Columns,
    value: Value,
    /// The incident's alerts, newest first. A predecessor, which was merged into another incident,
    /// has none.
    alerts: Vec<&'a StoredAlert>,
}

impl<'a> Incident<'a> {
    fn new(value: Value, alerts: Vec<&'a StoredAlert>) -> Self {
        Self { position: Position::of(&value), columns: Columns::read(&value), value, alerts }
    }

    /// Returns the incident's row in the list.
    pub(super) fn row(&self) -> Row<'_, Self> {
        Row { position: &self.position, columns: &self.columns, item: self }
    }

    pub(super) fn id(&self) -> &str {
        &self.position.id
    }

    /// Returns the incident's JSON, with its alerts if `expand` is set. For `all_members`, see
    /// [`StoredAlert::body`].
    pub(super) fn body(&self, expand: bool, all_members: bool) -> Bytes {
        let mut body = self.value.to_string().into_bytes();
        if expand {
            // The closing brace is added after the alerts.
            body.pop();
            body.extend_from_slice(b",\"alerts\":[");
            for (number, alert) in self.alerts.iter().enumerate() {
                if number > 0 {
                    body.push(b',');
                }
                body.extend_from_slice(&alert.body(all_members));
            }
            body.extend_from_slice(b"]}");
        }
        body.into()
    }
}

/// Returns all incidents, newest first.
pub(super) fn incidents(store: &Store) -> Vec<Incident<'_>> {
    let mut groups: BTreeMap<&str, Vec<&StoredAlert>> = BTreeMap::new();
    for row in store.rows() {
        if let Some(id) = row.item.summary["incidentId"].as_str() {
            groups.entry(id).or_default().push(row.item);
        }
    }
    let mut incidents = Vec::new();
    for (id, alerts) in groups {
        let value = incident(id, &alerts);
        incidents.extend(predecessor(&value).map(|value| Incident::new(value, Vec::new())));
        incidents.push(Incident::new(value, alerts));
    }
    incidents.sort_by(|left, right| left.position.cmp(&right.position));
    incidents
}

/// Builds an incident from its alerts, which must be sorted newest first and not be empty.
fn incident(id: &str, alerts: &[&StoredAlert]) -> Value {
    let values = |name: &'static str| alerts.iter().map(move |alert| &alert.summary[name]);
    let newest = |name| values(name).find(|value| !matches!(value.as_str(), None | Some("unknown")));
    let times = |name| values(name).filter_map(|value| Timestamp::parse(value.as_str()?));
    let statuses: Vec<_> = values("status").filter_map(Value::as_str).collect();
    let status = match () {
        () if statuses.iter().all(|status| *status == "resolved") => "resolved",
        () if statuses.contains(&"inProgress") => "inProgress",
        () => "active",
    };
    let rank = |value: &&Value| value.as_str().and_then(|name| Severity::read(name).rank());
    let mut tags: Vec<_> = values("systemTags").filter_map(Value::as_array).flatten().collect();
    tags.dedup();
    let first = alerts.last().map_or(&Value::Null, |alert| &alert.summary);
    let (first_category, last_category) = (&first["category"], values("category").next());
    let name = match last_category.and_then(Value::as_str).zip(first_category.as_str()) {
        Some((last, first)) if first != last => format!("Multi-stage incident involving {first} & {last}"),
        _ => first["title"].as_str().unwrap_or_default().to_owned(),
    };
    json!({
        "@odata.type": "#microsoft.graph.security.incident",
        "id": id,
        "tenantId": first["tenantId"],
        "status": status,
        "severity": values("severity").max_by_key(rank),
        "classification": newest("classification").cloned().unwrap_or_else(|| "unknown".into()),
        "determination": newest("determination").cloned().unwrap_or_else(|| "unknown".into()),
        "assignedTo": newest("assignedTo"),
        "displayName": name,
        "description": null,
        "summary": null,
        "priorityScore": null,
        "incidentWebUrl": first["incidentWebUrl"],
        "redirectIncidentId": null,
        "createdDateTime": times("createdDateTime").min().map(|time| time.to_string()),
        "lastUpdateDateTime": times("lastUpdateDateTime").max().map(|time| time.to_string()),
        "lastModifiedBy": null,
        "resolvingComment": null,
        "customTags": [],
        "systemTags": tags,
        "comments": [],
    })
}

/// Returns the incident that was merged into this one, if any.
fn predecessor(incident: &Value) -> Option<Value> {
    let id = incident["id"].as_str()?;
    let number: u32 = id.parse().ok()?;
    if !number.is_multiple_of(MERGED_EVERY) {
        return None;
    }
    let merged = (number + MERGED).to_string();
    let mut value = incident.clone();
    if let Some(url) = incident["incidentWebUrl"].as_str() {
        value["incidentWebUrl"] = url.replace(id, &merged).into();
    }
    value["redirectIncidentId"] = id.into();
    value["status"] = "redirected".into();
    value["id"] = merged.into();
    Some(value)
}
