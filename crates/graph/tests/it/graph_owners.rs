//! How the client finds out whether a service ignores case in owners.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use alertdeck_graph::{Api, Client, Endpoint, OwnerComparison, auth::Tokens};
use alertdeck_model::Timestamp;
use alertdeck_simulator::{Settings, Simulator};
use rstest::rstest;

use crate::graph_network::fake::{Asked, Fake, answer, http};

fn tenant(alerts: usize, exact_owners: bool) -> (Simulator, Client) {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let settings = Settings { alerts, exact_owners, budget: None, ..Settings::new(now) };
    let simulator = Simulator::start(settings).unwrap();
    let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
    let client = Client::new(http(), endpoint, Tokens::fixed(&"any".into()).unwrap());
    (simulator, client)
}

#[rstest]
#[case::ignores_case(false, OwnerComparison::IgnoresCase)]
#[case::exact(true, OwnerComparison::Exact)]
#[tokio::test]
async fn a_service_shows_how_it_compares_owners(#[case] exact: bool, #[case] expected: OwnerComparison) {
    let (simulator, client) = tenant(300, exact);
    let owners: Vec<_> = simulator
        .alerts()
        .iter()
        .filter_map(|alert| alert["assignedTo"].as_str().map(str::to_owned))
        .collect();
    for (known, requests) in [(None, 2), (Some(owners[0].as_str()), 1), (Some("7"), 2)] {
        let before = simulator.log().len();
        assert_eq!(client.compare_owners(known, &mut |_| {}).await.unwrap(), expected, "{known:?}");
        assert_eq!(simulator.log().len() - before, requests, "{known:?}");
    }
}

#[tokio::test]
async fn a_tenant_without_alerts_has_no_owners() {
    let (_simulator, client) = tenant(0, false);
    assert_eq!(client.compare_owners(None, &mut |_| {}).await.unwrap(), OwnerComparison::NoOwners);
}

#[rstest]
#[case::filter_ignored(r#"{"value":[{"id":"a","assignedTo":"bo"}]}"#, OwnerComparison::Unclear)]
#[case::same_spelling(r#"{"value":[{"id":"a","assignedTo":"ANA"}]}"#, OwnerComparison::Unclear)]
#[case::third_spelling(r#"{"value":[{"id":"a","assignedTo":"Ana"}]}"#, OwnerComparison::IgnoresCase)]
#[case::no_owner(r#"{"value":[{"id":"a","assignedTo":null}]}"#, OwnerComparison::Exact)]
#[tokio::test]
async fn odd_replies_prove_little(#[case] reply: &'static str, #[case] expected: OwnerComparison) {
    let json = [("content-type", "application/json")];
    let fake = Fake::start(move |_, _, _: &Asked| answer(200, &json, reply)).await;
    let compared = fake.client().compare_owners(Some("ana"), &mut |_| {}).await.unwrap();
    assert_eq!(compared, expected);
    assert!(fake.asked().last().unwrap().target.contains("ANA"));
}

#[tokio::test]
async fn a_refused_filter_is_unclear() {
    let body = r#"{"error":{"code":"BadRequest","message":"Invalid filter clause"}}"#;
    let fake =
        Fake::start(move |_, _, _: &Asked| answer(400, &[("content-type", "application/json")], body)).await;
    let compared = fake.client().compare_owners(None, &mut |_| {}).await.unwrap();
    assert_eq!(compared, OwnerComparison::Unclear);
}
