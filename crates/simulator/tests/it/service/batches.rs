//! JSON batches.

use std::collections::HashMap;

use alertdeck_simulator::{Access, Settings};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Tenant, json_of, settings};

/// Sends a batch and returns its responses by id.
async fn send(tenant: &Tenant, requests: Value) -> HashMap<String, Value> {
    let body = json!({"requests": requests});
    let response = tenant.send(Method::POST, "/v1.0/$batch", Some(body)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let Value::Array(responses) = json_of(response).await["responses"].take() else { panic!("no responses") };
    responses.into_iter().map(|part| (part["id"].as_str().unwrap().to_owned(), part)).collect()
}

#[tokio::test]
async fn each_part_has_an_outcome_of_its_own() {
    let tenant = Tenant::new(settings(3));
    let id = tenant.simulator.alerts()[0]["id"].as_str().unwrap().to_owned();
    let change = json!({"status": "resolved", "classification": "falsePositive"});
    let json_type = json!({"Content-Type": "application/json"});
    let parts = send(
        &tenant,
        json!([
            {"id": "list", "method": "GET", "url": "/security/alerts_v2?$top=1&$count=true"},
            {"id": "count", "method": "get", "url": "security/alerts_v2/$count"},
            {"id": "change", "method": "PATCH", "url": format!("/security/alerts_v2/{id}"), "headers": json_type,
             "body": change},
            {"id": "gone", "method": "GET", "url": "/security/alerts_v2/nothing"},
            {"id": "after gone", "method": "GET", "url": "/security/incidents", "dependsOn": ["gone"]},
            {"id": "after change", "method": "GET", "url": format!("/security/alerts_v2/{id}"),
             "dependsOn": ["change"]},
        ]),
    )
    .await;
    let status = |id: &str| parts[id]["status"].as_u64().unwrap();
    assert_eq!((status("list"), status("count"), status("change")), (200, 200, 200));
    assert_eq!((status("gone"), status("after gone"), status("after change")), (404, 424, 200));
    assert_eq!(parts["list"]["body"]["@odata.count"], 3);
    assert_eq!(parts["count"]["body"], "Mw==", "what is not JSON is sent in base64");
    assert_eq!(parts["after change"]["body"]["status"], "resolved");
    assert_eq!(parts["gone"]["body"]["error"]["code"], "NotFound");
    assert!(parts["list"]["headers"]["request-id"].is_string());
    assert_eq!(tenant.simulator.alerts()[0]["classification"], "falsePositive");
}

#[tokio::test]
async fn parts_count_against_the_budget_and_the_batch_does_not() {
    let tenant = Tenant::new(Settings { budget: Some(2), ..settings(3) });
    let part = |id: &str| json!({"id": id, "method": "GET", "url": "/security/alerts_v2"});
    let parts = send(&tenant, json!([part("1"), part("2"), part("3")])).await;
    let statuses = ["1", "2", "3"].map(|id| parts[id]["status"].as_u64().unwrap());
    assert_eq!(statuses, [200, 200, 429]);
    assert!(parts["3"]["headers"]["retry-after"].is_string());
}

#[tokio::test]
async fn parts_use_the_token_of_the_batch_or_their_own() {
    let tenant = Tenant::new(Settings { access: Access::Only("any".into()), ..settings(3) });
    let parts = send(
        &tenant,
        json!([
            {"id": "1", "method": "GET", "url": "/security/incidents"},
            {"id": "2", "method": "GET", "url": "/security/incidents", "headers": {"Authorization": "Bearer x"}},
        ]),
    )
    .await;
    assert_eq!((&parts["1"]["status"], &parts["2"]["status"]), (&json!(200), &json!(401)));
    let url = tenant.url("/v1.0/$batch");
    let refused = tenant.client.post(url).body(r#"{"requests":[]}"#).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[rstest]
#[case::no_json("requests", "Invalid batch payload format")]
#[case::no_list(r#"{"requests":{}}"#, "Invalid batch payload format")]
#[case::no_id(r#"{"requests":[{"method":"GET","url":"/x"}]}"#, "no 'id'")]
#[case::no_url(r#"{"requests":[{"id":"1","method":"GET"}]}"#, "no 'url'")]
#[case::twice(
    r#"{"requests":[{"id":"1","method":"GET","url":"/x"},{"id":"1","method":"GET","url":"/x"}]}"#,
    "Duplicate request id '1'"
)]
#[case::unknown(r#"{"requests":[{"id":"1","method":"GET","url":"/x","dependsOn":["2"]}]}"#, "depends on '2'")]
#[case::body(r#"{"requests":[{"id":"1","method":"PATCH","url":"/x","body":{}}]}"#, "Content-Type")]
#[case::nested(r#"{"requests":[{"id":"1","method":"POST","url":"/$batch"}]}"#, "a batch as its URL")]
#[tokio::test]
async fn invalid_batches_are_refused(#[case] body: &str, #[case] message: &str) {
    let tenant = Tenant::new(settings(1));
    let request = tenant.client.post(tenant.url("/v1.0/$batch")).bearer_auth("any").body(body.to_owned());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let error = json_of(response).await;
    assert!(error["error"]["message"].as_str().unwrap().contains(message), "{error}");
}

#[tokio::test]
async fn a_batch_has_at_most_twenty_parts() {
    let tenant = Tenant::new(settings(1));
    let parts = |count: u32| {
        let part = |id: u32| json!({"id": id.to_string(), "method": "GET", "url": "/security/alerts_v2"});
        Value::from((0..count).map(part).collect::<Vec<_>>())
    };
    assert_eq!(send(&tenant, parts(20)).await.len(), 20);
    let body = json!({"requests": parts(21)});
    let refused = tenant.send(Method::POST, "/v1.0/$batch", Some(body)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(json_of(refused).await["error"]["message"].as_str().unwrap().contains("max value of 20"));
}
