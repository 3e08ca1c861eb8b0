//! The tenant's alerts as the service keeps them: in list order, ready to be sent.
//!
//! Bodies are kept as bytes, so a page is a concatenation, with the columns that filters read
//! beside them. It knows no HTTP.

use std::{cmp::Reverse, collections::BTreeMap, collections::HashMap, ops::Bound};

use bytes::Bytes;
use serde_json::Value;

use super::odata::{Columns, Filter, Semantics};
use alertdeck_model::{DetectionSource, Remediation, ServiceSource, Timestamp};

/// A place in the list: newest `createdDateTime` first, then by id. Both never change, so a
/// reader that goes on behind a place misses nothing and sees nothing twice, whatever arrives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) created: Reverse<Timestamp>,
    pub(super) id: String,
}

/// An alert's bytes, and what filters read of it.
pub(super) struct Stored {
    columns: Columns,
    body: Bytes,
}

impl Stored {
    fn new(alert: &Value) -> Self {
        Self { columns: Columns::read(alert), body: write(alert) }
    }

    /// Returns the alert's JSON; `named` tells whether the client asked for members that were
    /// added after `unknownFutureValue` (API.md 3).
    pub(super) fn body(&self, named: bool) -> Bytes {
        if named {
            return self.body.clone();
        }
        // Few clients leave the members out, so the bytes for them are not kept.
        let mut alert = read(&self.body);
        if mask(&mut alert) { write(&alert) } else { self.body.clone() }
    }

    fn fits(&self, filter: Option<&Filter>) -> bool {
        filter.is_none_or(|filter| filter.fits(&self.columns, Semantics::default()))
    }
}

/// A part of the list.
pub(super) struct Page<'a> {
    pub(super) alerts: Vec<&'a Stored>,
    /// The last alert's place, if the list goes on behind it.
    pub(super) next: Option<Place>,
}

/// All alerts of the tenant.
#[derive(Default)]
pub(super) struct Store {
    alerts: BTreeMap<Place, Stored>,
    places: HashMap<String, Place>,
}

impl Store {
    /// Takes in an alert, or its new state.
    pub(super) fn insert(&mut self, alert: &Value) {
        let text = |name| alert.get(name).and_then(Value::as_str).unwrap_or_default();
        let created = Reverse(Timestamp::parse(text("createdDateTime")).unwrap_or(Timestamp::MIN));
        let place = Place { created, id: text("id").to_owned() };
        self.places.insert(place.id.clone(), place.clone());
        self.alerts.insert(place, Stored::new(alert));
    }

    pub(super) fn len(&self) -> usize {
        self.alerts.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Stored> {
        self.at(self.places.get(id)?)
    }

    pub(super) fn at(&self, place: &Place) -> Option<&Stored> {
        self.alerts.get(place)
    }

    /// Returns an alert as JSON.
    pub(super) fn value(&self, id: &str) -> Option<Value> {
        self.get(id).map(|stored| read(&stored.body))
    }

    /// Returns every alert as JSON, in list order.
    pub(super) fn values(&self) -> Vec<Value> {
        self.alerts.values().map(|stored| read(&stored.body)).collect()
    }

    /// Returns the id of the n-th alert of the list.
    pub(super) fn nth(&self, n: usize) -> Option<&str> {
        self.alerts.keys().nth(n).map(|place| place.id.as_str())
    }

    pub(super) fn count(&self, filter: Option<&Filter>) -> usize {
        self.alerts.values().filter(|stored| stored.fits(filter)).count()
    }

    /// Returns `top` alerts that fit, from behind `after` and `skip` more on.
    pub(super) fn page(
        &self,
        filter: Option<&Filter>,
        after: Option<&Place>,
        skip: usize,
        top: usize,
    ) -> Page<'_> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest =
            self.alerts.range((from, Bound::Unbounded)).filter(|(_, stored)| stored.fits(filter)).skip(skip);
        let page: Vec<_> = rest.by_ref().take(top).collect();
        let next = rest.next().and_then(|_| page.last()).map(|(place, _)| (*place).clone());
        Page { alerts: page.into_iter().map(|(_, stored)| stored).collect(), next }
    }
}

/// Straight into bytes: several times faster than through `Display`.
#[expect(clippy::expect_used, reason = "a JSON value has string keys and a vector takes all bytes")]
fn write(alert: &Value) -> Bytes {
    serde_json::to_vec(alert).expect("a JSON value can be written").into()
}

#[expect(clippy::expect_used, reason = "the bytes were written from a JSON value by this module")]
fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("stored alerts are JSON")
}

/// Replaces the members declared after `unknownFutureValue` by it, and tells whether any was.
fn mask(alert: &mut Value) -> bool {
    /// The members from `first` on; the model's tables have the order of the metadata.
    fn late<T: PartialEq>(members: &[(&str, T)], first: &T, name: &str) -> bool {
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
    let service = |name: &str| late(ServiceSource::MEMBERS, &ServiceSource::Cloud, name);
    let detection = |name: &str| late(DetectionSource::MEMBERS, &DetectionSource::Cloud, name);
    let remediation = |name: &str| late(Remediation::MEMBERS, &Remediation::Active, name);
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
    fn the_list_is_newest_first_by_moment_not_by_text() {
        let store = store(&[
            "2026-11-01T00:00:00.5Z",
            "2026-11-01T00:00:00.4999999Z",
            "2026-11-02T00:00:00Z",
            "2026-11-01T00:00:00.500Z",
        ]);
        assert_eq!(ids(&store), ["2", "0", "3", "1"]);
    }

    #[test]
    fn a_page_goes_on_behind_its_place_whatever_arrives() {
        let mut store = store(&["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"]);
        let next = store.page(None, None, 0, 2).next.unwrap();
        assert_eq!(next.id, "1");
        store.insert(&json!({"id": "new", "createdDateTime": "2026-11-04T00:00:00Z"}));
        store.insert(&json!({"id": "1", "createdDateTime": "2026-11-02T00:00:00Z", "status": "resolved"}));
        let page = store.page(None, Some(&next), 0, 2);
        assert_eq!((page.alerts.len(), page.next.is_none()), (1, true));
        assert_eq!(store.len(), 4);
    }

    #[test]
    fn late_members_are_masked_and_others_are_not() {
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
