//! `$orderby` and `$select` as other clients use them, and alerts that become visible late.

use std::time::Duration;

use alertdeck_model::Timestamp;
use serde_json::Value;

use super::{LIST, Settings, Tenant, ids, settings};

#[tokio::test]
async fn lists_are_ordered_across_pages() {
    let tenant = Tenant::new(settings(120));
    let mut expected = tenant.simulator.alerts();
    let updated = |alert: &Value| Timestamp::parse(alert["lastUpdateDateTime"].as_str().unwrap()).unwrap();
    expected.sort_by_key(updated);
    let (found, pages) = tenant.list(&format!("{LIST}?$orderby=lastUpdateDateTime%20asc&$top=50")).await;
    assert_eq!((ids(&found), pages), (ids(&expected), 3));
    let (found, _) = tenant.list(&format!("{LIST}?$orderby=createdDateTime%20desc")).await;
    assert_eq!(ids(&found), ids(&tenant.simulator.alerts()));
}

#[tokio::test]
async fn only_selected_properties_are_returned() {
    let tenant = Tenant::new(settings(3));
    let page = tenant.json(&format!("{LIST}?$select=title,severity,incidentId&$top=2")).await;
    let context = page["@odata.context"].as_str().unwrap();
    assert!(context.ends_with("#security/alerts_v2(title,severity,incidentId)"), "{context}");
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("$select=title,severity,incidentId&"));
    let alert = tenant.simulator.alerts()[0].clone();
    let names: Vec<_> = page["value"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["@odata.type", "incidentId", "severity", "title"]);
    assert_eq!(page["value"][0]["title"], alert["title"]);
    let id = alert["id"].as_str().unwrap();
    let one = tenant.json(&format!("{LIST}/{id}?$select=id")).await;
    assert_eq!(one.as_object().unwrap().len(), 3, "{one}");
}

#[tokio::test]
async fn new_alerts_become_visible_after_their_own_times() {
    let late = Duration::from_secs(480);
    let arrivals = Some(Duration::from_millis(1));
    let tenant = Tenant::new(Settings { arrivals, late, ..settings(30) });
    let before: Vec<_> = tenant.simulator.alerts();
    let newer = loop {
        let alerts = tenant.simulator.alerts();
        let known = ids(&before);
        if let Some(alert) = alerts.iter().find(|alert| !known.contains(&alert["id"].as_str().unwrap())) {
            break alert.clone();
        }
        tokio::task::yield_now().await;
    };
    let created = Timestamp::parse(newer["createdDateTime"].as_str().unwrap()).unwrap();
    let visible = settings(0).now;
    let found = visible.since(created).unwrap();
    assert!(found <= late && found + Duration::from_secs(60) > late, "{found:?}");
}
