//! Tickets for five campaigns in the simulated tenant.

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Settings, Simulator};
use insta::assert_snapshot;
use rstest::rstest;
use serde_json::Value;

use super::report;

/// Returns the tenant's first alert that has evidence of all these types and is moderate in size.
fn alert_with(types: &[&str]) -> Value {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let tenant = Simulator::start(Settings { alerts: 1_500, ..Settings::new(now) }).unwrap();
    let has = |alert: &Value, kind: &str| {
        let kind = format!("#microsoft.graph.security.{kind}Evidence");
        alert["evidence"].as_array().unwrap().iter().any(|item| item["@odata.type"] == kind)
    };
    let fits = |alert: &Value| {
        let json = alert.to_string();
        let readable = json.len() < 24_000 && !json.contains("\\u00") && !json.contains("\\u202");
        readable && types.iter().all(|kind| has(alert, kind))
    };
    tenant.alerts().into_iter().find(|alert| fits(alert)).unwrap()
}

#[rstest]
#[case("processes", &["device", "process", "registryValue"])]
#[case("mail", &["mailCluster", "analyzedMessage", "mailbox"])]
#[case("kubernetes", &["kubernetesPod", "ip"])]
#[case("storage", &["blob", "sasToken"])]
#[case("network", &["networkConnection", "dns"])]
fn the_ticket_of_a_campaign(#[case] name: &str, #[case] types: &[&str]) {
    // The ticket contains the evidence tree and the timeline.
    assert_snapshot!(format!("{name}-ticket"), report(&alert_with(types)).markdown());
}
