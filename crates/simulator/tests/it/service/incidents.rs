//! Incidents: that they agree with the alerts, and their lists.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Tenant, encode, ids, json_of, settings};

const INCIDENTS: &str = "/v1.0/security/incidents";

/// Returns the ids of the alerts of each incident, as the alerts state them.
fn alerts_by_incident(tenant: &Tenant) -> BTreeMap<String, BTreeSet<String>> {
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for alert in tenant.simulator.alerts() {
        let text = |name: &str| alert[name].as_str().unwrap().to_owned();
        groups.entry(text("incidentId")).or_default().insert(text("id"));
    }
    groups
}

fn ids_of(alerts: &Value) -> BTreeSet<String> {
    ids(alerts.as_array().unwrap()).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn incidents_have_the_alerts_that_name_them() {
    let tenant = Tenant::new(settings(400));
    let expected = alerts_by_incident(&tenant);
    let (incidents, pages) = tenant.list(&format!("{INCIDENTS}?$expand=alerts&$top=20")).await;
    assert_eq!(pages, incidents.len().div_ceil(20));
    let mut found = BTreeMap::new();
    let mut redirected = 0;
    for incident in &incidents {
        let (id, alerts) = (incident["id"].as_str().unwrap(), ids_of(&incident["alerts"]));
        if incident["status"] == "redirected" {
            assert!(alerts.is_empty());
            assert!(expected.contains_key(incident["redirectIncidentId"].as_str().unwrap()));
            redirected += 1;
        } else {
            assert_eq!(incident["redirectIncidentId"], Value::Null);
            found.insert(id.to_owned(), alerts);
        }
    }
    assert_eq!(found, expected);
    assert!(redirected > 2, "{redirected}");
}

#[tokio::test]
async fn an_incident_follows_its_alerts() {
    let tenant = Tenant::new(settings(200));
    let groups = alerts_by_incident(&tenant);
    let (id, alerts) = groups.iter().max_by_key(|(_, alerts)| alerts.len()).unwrap();
    for alert in alerts {
        let change = json!({"status": "resolved", "assignedTo": "dana@contoso.com"});
        let target = format!("/v1.0/security/alerts_v2/{alert}");
        assert_eq!(tenant.send(Method::PATCH, &target, Some(change)).await.unwrap().status(), StatusCode::OK);
    }
    let incident = tenant.json(&format!("{INCIDENTS}/{id}")).await;
    assert!(incident["@odata.context"].as_str().unwrap().ends_with("#security/incidents/$entity"));
    assert_eq!(
        (&incident["status"], &incident["assignedTo"]),
        (&json!("resolved"), &json!("dana@contoso.com"))
    );
    assert!(incident.get("alerts").is_none());
    let expanded = tenant.json(&format!("{INCIDENTS}/{id}?$expand=alerts")).await;
    assert_eq!(ids_of(&expanded["alerts"]), *alerts);
    let (listed, pages) = tenant.list(&format!("{INCIDENTS}/{id}/alerts?$top=2")).await;
    assert_eq!(pages, alerts.len().div_ceil(2));
    assert_eq!(ids_of(&Value::from(listed)), *alerts);
}

#[tokio::test]
async fn incidents_are_filtered_by_their_own_values() {
    let tenant = Tenant::new(settings(400));
    let (all, _) = tenant.list(INCIDENTS).await;
    for (filter, matches) in [
        ("status eq 'redirected'", (|incident| incident["status"] == "redirected") as fn(&Value) -> bool),
        ("status ne 'redirected' and severity eq 'high'", |incident| {
            incident["status"] != "redirected" && incident["severity"] == "high"
        }),
        ("assignedTo eq null", |incident| incident["assignedTo"].is_null()),
    ] {
        let expected: Vec<_> = all.iter().filter(|incident| matches(incident)).collect();
        let query = format!("{INCIDENTS}?$count=true&$filter={}", encode(filter));
        let (found, _) = tenant.list(&query).await;
        assert!(!expected.is_empty() && found.iter().eq(expected.iter().copied()), "{filter}");
        assert_eq!(tenant.json(&query).await["@odata.count"], expected.len(), "{filter}");
    }
}

#[rstest]
#[case(
    "?$top=100",
    400,
    "",
    "The limit of '50' for Top query has been exceeded. The value from the incoming request is '100'."
)]
#[case("?$filter=serviceSource%20eq%20'microsoftSentinel'", 400, "BadRequest", "Invalid filter clause")]
#[case("/1", 404, "NotFound", "The requested incident was not found.")]
#[case("/1/alerts", 404, "NotFound", "The requested incident was not found.")]
#[tokio::test]
async fn requests_for_incidents_are_refused(
    #[case] target: &str,
    #[case] status: u16,
    #[case] code: &str,
    #[case] message: &str,
) {
    let tenant = Tenant::new(settings(5));
    let response = tenant.get(&format!("{INCIDENTS}{target}")).await;
    assert_eq!(response.status().as_u16(), status);
    let error = json_of(response).await;
    assert_eq!(error["error"]["code"], code);
    assert!(error["error"]["message"].as_str().unwrap().contains(message), "{error}");
}
