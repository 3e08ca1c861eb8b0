//! The tenant's alerts, in list order.
//!
//! Alerts are stored as JSON bytes, which are concatenated into pages, along with the values that
//! filters read. This module is independent of HTTP.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    odata::{Columns, Filter, Semantics},
    paging::{Position, Row},
    visibility::Visibility,
};
use alertdeck_model::{DetectionSource, Remediation, ServiceSource, Timestamp};

/// The alert properties from which incidents are built.
const SUMMARY: [&str; 13] = [
    "incidentId",
    "incidentWebUrl",
    "tenantId",
    "title",
    "category",
    "severity",
    "status",
    "classification",
    "determination",
    "assignedTo",
    "createdDateTime",
    "lastUpdateDateTime",
    "systemTags",
];

/// An alert's JSON and its filterable values.
#[derive(Clone)]
pub(super) struct StoredAlert {
    columns: Columns,
    body: Bytes,
    /// The properties in [`SUMMARY`], so that incidents can be built without parsing entire alerts.
    pub(super) summary: Value,
}

impl StoredAlert {
    pub(super) fn new(alert: &Value) -> Self {
        let summary = SUMMARY.map(|name| (name.to_owned(), alert[name].clone()));
        let summary = Value::Object(Map::from_iter(summary));
        Self { columns: Columns::read(alert), body: write(alert), summary }
    }

    /// Returns the alert's JSON. Unless `all_members` is set, enumeration members declared after
    /// `unknownFutureValue` are replaced with it (docs/graph-api.md, "Enumerations").
    pub(super) fn body(&self, all_members: bool) -> Bytes {
        if all_members {
            return self.body.clone();
        }
        // The result is not stored, because few clients ask for it.
        let mut alert = read(&self.body);
        if mask(&mut alert) { write(&alert) } else { self.body.clone() }
    }
}

/// All of the tenant's alerts. Clients may read older values than the stored ones ([`Visibility`]).
#[derive(Default)]
pub(super) struct Store {
    alerts: BTreeMap<Position, StoredAlert>,
    positions: HashMap<String, Position>,
    semantics: Semantics,
    pub(super) visibility: Visibility,
}

impl Store {
    /// Creates an empty store that evaluates filters with the given semantics. Changes become
    /// visible after `delay`.
    pub(super) fn new(semantics: Semantics, delay: Duration) -> Self {
        Self { semantics, visibility: Visibility::new(delay), ..Self::default() }
    }

    /// Inserts or replaces an alert.
    pub(super) fn insert(&mut self, alert: &Value) {
        let position = Position::of(alert);
        self.positions.insert(position.id.clone(), position.clone());
        self.alerts.insert(position, StoredAlert::new(alert));
    }

    /// Replaces an alert. If changes are delayed, the new values become visible later.
    pub(super) fn change(&mut self, before: &Value, after: &Value, now: Timestamp) {
        let id = Position::of(before).id;
        self.visibility.note_change(&id, StoredAlert::new(before), now);
        self.insert(after);
    }

    pub(super) fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Returns an alert as clients see it.
    pub(super) fn get(&self, id: &str) -> Option<&StoredAlert> {
        let stored = self.alerts.get(self.positions.get(id)?)?;
        Some(self.visibility.shown(id).unwrap_or(stored))
    }

    /// Returns an alert's current values as JSON.
    pub(super) fn value(&self, id: &str) -> Option<Value> {
        Some(read(&self.alerts.get(self.positions.get(id)?)?.body))
    }

    /// Returns the current values of all alerts as JSON, in list order.
    pub(super) fn values(&self) -> Vec<Value> {
        self.alerts.values().map(|stored| read(&stored.body)).collect()
    }

    /// Returns the ID of the n-th alert in the list, counted from 0.
    pub(super) fn nth(&self, n: usize) -> Option<&str> {
        self.alerts.keys().nth(n).map(|position| position.id.as_str())
    }

    /// Returns the IDs of the newest unresolved alerts, up to `most` of them.
    pub(super) fn open_ids(&self, most: usize) -> Vec<&str> {
        let open = self.alerts.iter().filter(|(_, stored)| stored.summary["status"] != "resolved");
        open.take(most).map(|(position, _)| position.id.as_str()).collect()
    }

    pub(super) fn count(&self, filter: Option<&Filter>) -> usize {
        let matches = |row: &Row<'_, StoredAlert>| {
            filter.is_none_or(|filter| filter.matches_columns(row.columns, self.semantics))
        };
        self.rows().filter(matches).count()
    }

    /// Returns all alerts in list order, as clients see them.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_, StoredAlert>> {
        self.alerts.iter().map(|(position, stored)| self.row(position, stored))
    }

    /// Returns the alert at a position and those after it, in list order.
    pub(super) fn rows_from(&self, position: &Position) -> impl Iterator<Item = Row<'_, StoredAlert>> {
        self.alerts.range(position..).map(|(position, stored)| self.row(position, stored))
    }

    fn row<'a>(&'a self, position: &'a Position, stored: &'a StoredAlert) -> Row<'a, StoredAlert> {
        let item = self.visibility.shown(&position.id).unwrap_or(stored);
        Row { position, columns: &item.columns, item }
    }

    /// Returns the filter semantics.
    pub(super) fn semantics(&self) -> Semantics {
        self.semantics
    }
}

/// Serialises an alert. This is several times faster than going through `Display`.
#[expect(clippy::expect_used, reason = "a JSON value has string keys, and writing to a vector cannot fail")]
fn write(alert: &Value) -> Bytes {
    serde_json::to_vec(alert).expect("a JSON value can be written").into()
}

#[expect(clippy::expect_used, reason = "this module serialized the bytes from a JSON value")]
fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("stored alerts are JSON")
}

/// Replaces enumeration members declared after `unknownFutureValue` with it. Returns whether the
/// alert had any such members.
fn mask(alert: &mut Value) -> bool {
    /// Returns whether a name belongs to `first` or to a member after `first`. The model lists
    /// members in metadata order.
    fn is_late<T: PartialEq>(members: &[(&str, T)], first: &T, name: &str) -> bool {
        members.iter().skip_while(|(_, member)| member != first).any(|(late, _)| *late == name)
    }
    fn replace(object: &mut Value, name: &str, is_late: impl Fn(&str) -> bool) -> bool {
        let Some(value) = object.get_mut(name) else { return false };
        let masked = value.as_str().is_some_and(is_late);
        if masked {
            *value = "unknownFutureValue".into();
        }
        masked
    }
    let service = |name: &str| is_late(ServiceSource::MEMBERS, &ServiceSource::Cloud, name);
    let detection = |name: &str| is_late(DetectionSource::MEMBERS, &DetectionSource::Cloud, name);
    let remediation = |name: &str| is_late(Remediation::MEMBERS, &Remediation::Active, name);
    let mut masked = replace(alert, "serviceSource", service) | replace(alert, "detectionSource", detection);
    if let Some(items) = alert.get_mut("evidence").and_then(Value::as_array_mut) {
        for item in items {
            masked |= replace(item, "remediationStatus", remediation);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{odata::Entity, options::Options, paging::page};
    use serde_json::json;

    fn store(created: &[&str]) -> Store {
        let mut store = Store::default();
        for (number, created) in created.iter().enumerate() {
            store.insert(&json!({"id": number.to_string(), "createdDateTime": created}));
        }
        store
    }

    fn ids(store: &Store) -> Vec<String> {
        store.values().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn list_is_ordered_by_time_not_by_text() {
        let store = store(&[
            "2026-11-01T00:00:00.5Z",
            "2026-11-01T00:00:00.4999999Z",
            "2026-11-02T00:00:00Z",
            "2026-11-01T00:00:00.500Z",
        ]);
        assert_eq!(ids(&store), ["2", "0", "3", "1"]);
    }

    #[test]
    fn next_page_is_not_affected_by_arrivals() {
        let mut store = store(&["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"]);
        let read = |query: &str| Options::read(query, "v1.0", Entity::Alert, 1000).unwrap();
        let next = page(store.rows(), &read("$top=2"), store.semantics()).next.unwrap();
        assert_eq!(next.position.id, "1");
        store.insert(&json!({"id": "new", "createdDateTime": "2026-11-04T00:00:00Z"}));
        store.insert(&json!({"id": "1", "createdDateTime": "2026-11-02T00:00:00Z", "status": "resolved"}));
        let rest = Options { cursor: Some(next), ..read("$top=2") };
        let page = page(store.rows(), &rest, store.semantics());
        assert_eq!((page.rows.len(), page.next.is_none()), (1, true));
        assert_eq!(store.len(), 4);
    }

    #[test]
    fn only_late_members_are_masked() {
        let mut late = json!({
            "serviceSource": "microsoftSentinel", "detectionSource": "scheduledAlerts",
            "evidence": [{"remediationStatus": "active"}, {"remediationStatus": "blocked"}],
        });
        assert!(mask(&mut late));
        assert_eq!(
            late,
            json!({
                "serviceSource": "unknownFutureValue", "detectionSource": "unknownFutureValue",
                "evidence": [{"remediationStatus": "unknownFutureValue"}, {"remediationStatus": "blocked"}],
            })
        );
        let mut early = json!({
            "serviceSource": "dataLossPrevention", "detectionSource": "appGovernanceDetection",
            "evidence": [{"remediationStatus": "notFound"}, {"remediationStatus": "odd"}],
        });
        assert!(!mask(&mut early));
    }
}
