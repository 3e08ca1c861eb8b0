//! The simulated service over HTTP.

#![expect(clippy::unwrap_used, reason = "a panic in a helper fails its test")]

mod batches;
mod changes;
mod faults;
mod incidents;
mod options;
mod transport;

use std::time::{Duration, Instant};

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, SIGNED_IN, Settings, Simulator, Timing, odata};
use proptest::prelude::*;
use reqwest::{Client, Method, Response, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

const LIST: &str = "/v1.0/security/alerts_v2";

fn settings(alerts: usize) -> Settings {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    Settings { alerts, seed: 11, budget: None, ..Settings::new(now) }
}

/// A simulator and a plain reqwest client.
struct Tenant {
    simulator: Simulator,
    client: Client,
}

impl Tenant {
    fn new(settings: Settings) -> Self {
        // Compression would hide the `Content-Length` that tells faults apart.
        let builder = crate::client_builder().no_gzip().timeout(Duration::from_secs(20));
        let client = builder.build().unwrap();
        Self { simulator: Simulator::start(settings).unwrap(), client }
    }

    fn url(&self, target: &str) -> String {
        if target.starts_with("http") {
            target.into()
        } else {
            format!("{}{target}", self.simulator.base_url())
        }
    }

    async fn send(&self, method: Method, target: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let request = self
            .client
            .request(method, self.url(target))
            .bearer_auth("any")
            .header("prefer", "include-unknown-enum-members");
        match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        }
        .send()
        .await
    }

    async fn get(&self, target: &str) -> Response {
        self.send(Method::GET, target, None).await.unwrap()
    }

    async fn json(&self, target: &str) -> Value {
        let response = self.get(target).await;
        assert_eq!(response.status(), StatusCode::OK, "{target}");
        json_of(response).await
    }

    /// Reads all pages of a list. Returns the alerts and the number of pages.
    async fn list(&self, target: &str) -> (Vec<Value>, usize) {
        let (mut alerts, mut pages, mut next) = (Vec::new(), 0, Some(target.to_owned()));
        while let Some(target) = next {
            let mut page = self.json(&target).await;
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
            let Value::Array(items) = page["value"].take() else { panic!("no value in {target}") };
            alerts.extend(items);
            pages += 1;
        }
        (alerts, pages)
    }

    /// Sends a request up to three times, like a client with bounded retries.
    async fn json_with_retries(&self, target: &str) -> Value {
        for _ in 0..3 {
            let Ok(response) = self.send(Method::GET, target, None).await else { continue };
            if response.status() != StatusCode::OK {
                continue;
            }
            let Ok(body) = response.bytes().await else { continue };
            if let Ok(page) = serde_json::from_slice(&body) {
                return page;
            }
        }
        panic!("three failures in a row for {target}");
    }
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn ids(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().map(|alert| alert["id"].as_str().unwrap()).collect()
}

/// Encodes a filter for a query (docs/security.md, "OData and path injection").
fn encode(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

#[tokio::test]
async fn paging_returns_all_alerts_in_order() {
    let tenant = Tenant::new(settings(1100));
    let expected = tenant.simulator.alerts();
    let created: Vec<_> =
        expected.iter().map(|alert| Timestamp::parse(alert["createdDateTime"].as_str().unwrap())).collect();
    assert!(created.is_sorted_by(|a, b| a >= b));
    for (query, page) in [
        ("", 100),
        ("?$top=1000", 1000),
        ("?$top=5000", 1000),
        ("?$top=37", 37),
        ("?$top=999&$count=true", 999),
    ] {
        let (alerts, pages) = tenant.list(&format!("{LIST}{query}")).await;
        assert!(alerts == expected, "{query}");
        assert_eq!(pages, 1100_usize.div_ceil(page), "{query}");
    }
}

#[tokio::test]
async fn lists_have_the_shape_of_graph() {
    let tenant = Tenant::new(settings(250));
    let target = "/BETA/Security/Alerts_V2?$top=100&$skip=50&$count=true&$filter=severity%20ne%20%27low%27";
    let response = tenant.get(target).await;
    assert_eq!(response.headers()["content-type"], "application/json;odata.metadata=minimal");
    let first = json_of(response).await;
    let base = tenant.simulator.base_url();
    assert_eq!(first["@odata.context"], format!("{base}/beta/$metadata#security/alerts_v2"));
    let matching = tenant.simulator.alerts().iter().filter(|alert| alert["severity"] != "low").count();
    assert_eq!(first["@odata.count"], matching);
    let next = first["@odata.nextLink"].as_str().unwrap();
    let start = format!(
        "{base}/beta/security/alerts_v2?$top=100&$count=true&$filter=severity%20ne%20%27low%27&$skiptoken="
    );
    assert!(next.starts_with(&start), "{next}");
    let second = tenant.json(next).await;
    assert!(second.get("@odata.count").is_none());
    let (alerts, _) = tenant.list(target).await;
    assert_eq!(alerts.len(), matching - 50);
    let empty = tenant.json(&format!("{LIST}?$filter=severity%20eq%20null&$count=true")).await;
    assert_eq!((&empty["value"], &empty["@odata.count"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn late_members_are_masked_without_the_prefer_header() {
    let tenant = Tenant::new(settings(600));
    let complete = tenant.get(&format!("{LIST}?$top=1000")).await.text().await.unwrap();
    let plain = tenant.client.get(tenant.url(&format!("{LIST}?$top=1000"))).bearer_auth("any");
    let masked = plain.send().await.unwrap().text().await.unwrap();
    for member in ["microsoftSentinel", "microsoftDefenderForServers", "\"pendingApproval\""] {
        assert!(complete.contains(member) && !masked.contains(&format!("\"{member}\"")), "{member}");
    }
    assert!(!complete.contains("unknownFutureValue") && masked.contains("unknownFutureValue"));
}

#[rstest]
#[case("GET", "/v1.0/security/alerts_v2?$expand=evidence", None, 400, "BadRequest")]
#[case("GET", "/v1.0/security/alerts_v2?$filter=category%20eq%20'Malware'", None, 400, "BadRequest")]
#[case("GET", "/v1.0/security/alerts_v2?$skip=501", None, 400, "BadRequest")]
#[case("GET", "/v1.0/security/alerts_v2?$top=0", None, 400, "BadRequest")]
#[case("GET", "/v1.0/security/alerts_v2/none", None, 404, "NotFound")]
#[case("GET", "/v1.0/security/cases", None, 400, "BadRequest")]
#[case("PATCH", "/v1.0/security/alerts_v2/none", Some(json!({"status": "new"})), 404, "NotFound")]
#[case("POST", "/v1.0/security/alerts_v2/none/comments", Some(json!({"comment": "x"})), 404, "NotFound")]
#[case("DELETE", "/v1.0/security/alerts_v2/none", None, 405, "MethodNotAllowed")]
#[tokio::test]
async fn errors_have_the_shape_of_graph(
    #[case] method: &str,
    #[case] target: &str,
    #[case] body: Option<Value>,
    #[case] status: u16,
    #[case] code: &str,
) {
    let tenant = Tenant::new(settings(3));
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = tenant
        .client
        .request(method, tenant.url(target))
        .bearer_auth("any")
        .header("client-request-id", "mine");
    let response = request.body(body.map_or_else(String::new, |body| body.to_string())).send().await.unwrap();
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["client-request-id"], "mine");
    let diagnostic: Value =
        serde_json::from_str(response.headers()["x-ms-ags-diagnostic"].to_str().unwrap()).unwrap();
    assert!(diagnostic["ServerInfo"]["DataCenter"].is_string(), "{diagnostic}");
    let request_id = response.headers()["request-id"].to_str().unwrap().to_owned();
    let error = json_of(response).await;
    assert_eq!(error["error"]["code"], code);
    assert!(error["error"]["message"].is_string());
    assert_eq!(error["error"]["innerError"]["request-id"], request_id);
    assert_eq!(error["error"]["innerError"]["client-request-id"], "mine");
    assert!(error["error"]["innerError"]["date"].as_str().unwrap().starts_with("2026-11-20T12:00:"));
}

#[rstest]
#[case(None, 401)]
#[case(Some("Bearer "), 401)]
#[case(Some("Basic secret"), 401)]
#[case(Some("Bearer other"), 401)]
#[case(Some("Bearer secret"), 200)]
#[case(Some("bearer secret"), 200)]
#[tokio::test]
async fn the_token_is_checked(#[case] authorization: Option<&str>, #[case] status: u16) {
    let tenant = Tenant::new(Settings { access: Access::Only("secret".into()), ..settings(3) });
    let mut request = tenant.client.get(tenant.url(LIST));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), status);
    if status == 401 {
        let challenge = format!(
            "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", \
             client_id=\"00000003-0000-0000-c000-000000000000\"",
            tenant.simulator.base_url()
        );
        assert_eq!(response.headers()["www-authenticate"], challenge);
        assert_eq!(json_of(response).await["error"]["code"], "InvalidAuthenticationToken");
    }
}

#[tokio::test]
async fn updates_and_comments_are_stored() {
    let tenant = Tenant::new(settings(20));
    let id = tenant.simulator.alerts()[7]["id"].as_str().unwrap().to_owned();
    let target = format!("{LIST}/{}", id.replace('_', "%5F"));
    let change = json!({"status": "resolved", "classification": "truePositive", "determination": "malware",
                        "assignedTo": "O'Brien@contoso.com"});
    let updated = json_of(tenant.send(Method::PATCH, &target, Some(change.clone())).await.unwrap()).await;
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&updated[name], value);
    }
    assert_eq!(
        updated["@odata.context"].as_str().unwrap().split('#').nth(1),
        Some("security/alerts_v2/$entity")
    );
    assert!(updated["resolvedDateTime"].as_str().unwrap().starts_with("2026-11-20T12:00:"));
    assert_eq!(tenant.json(&target).await, updated);

    for bad in
        [json!({"classification": "benignPositive"}), json!({"status": "new", "title": "x"}), json!([])]
    {
        let refused = tenant.send(Method::PATCH, &target, Some(bad)).await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let error = json_of(refused).await["error"].take();
        assert_eq!(error["code"], "InvalidRequestBody");
        assert_eq!(error["message"], "Request body is incorrect");
    }
    assert_eq!(tenant.json(&target).await, updated);

    let comments_of = format!("{target}/comments");
    let before = updated["comments"].as_array().unwrap().len();
    for (number, text) in ["first", "second\n\u{1b}[31m"].into_iter().enumerate() {
        let comment = json!({"@odata.type": "microsoft.graph.security.alertComment", "comment": text});
        let reply = tenant.send(Method::POST, &comments_of, Some(comment)).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        let comments = json_of(reply).await["value"].take();
        assert_eq!(comments.as_array().unwrap().len(), before + number + 1);
        assert_eq!(comments[before + number]["comment"], text);
        assert_eq!(comments[before + number]["createdByDisplayName"], SIGNED_IN);
    }
    let empty = tenant.send(Method::POST, &comments_of, Some(json!({"comment": " "}))).await.unwrap();
    assert_eq!(empty.status(), StatusCode::BAD_REQUEST);
    let stored = tenant.json(&target).await;
    assert_eq!(stored["comments"].as_array().unwrap().len(), before + 2);
    let by_owner = "$filter=assignedTo%20eq%20%27o%27%27brien@contoso.com%27";
    assert_eq!(ids(&tenant.list(&format!("{LIST}?{by_owner}")).await.0), [id.as_str()]);
    let count = tenant.get(&format!("{LIST}/$count?{by_owner}")).await;
    assert_eq!(count.headers()["content-type"], "text/plain");
    assert_eq!(count.text().await.unwrap(), "1");
}

#[tokio::test]
async fn throttling_sends_retry_after_and_logs_early_requests() {
    let timing = Timing { minute: Duration::from_secs(1), ..Timing::default() };
    let tenant = Tenant::new(Settings { budget: Some(3), timing, ..settings(5) });
    for _ in 0..3 {
        tenant.json(LIST).await;
    }
    let refused = tenant.get(LIST).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(json_of(refused).await["error"]["code"], "TooManyRequests");
    assert_eq!(tenant.get(LIST).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let log = tenant.simulator.log();
    assert_eq!(
        log.iter().map(|exchange| exchange.status.unwrap()).collect::<Vec<_>>(),
        [200, 200, 200, 429, 429]
    );
    assert_eq!(
        log.iter().map(|exchange| exchange.early).collect::<Vec<_>>(),
        [false, false, false, false, true]
    );
    assert_eq!(log[0].header("authorization"), Some("Bearer any"));
}

#[tokio::test]
async fn arrivals_do_not_affect_paging() {
    let arrivals = Some(Duration::from_millis(1));
    let tenant = Tenant::new(Settings { arrivals, ..settings(500) });
    let first = tenant.json(&format!("{LIST}?$top=20")).await;
    let watermark = first["value"][0]["createdDateTime"].as_str().unwrap();
    let (rest, _) = tenant.list(first["@odata.nextLink"].as_str().unwrap()).await;
    let read: Vec<_> = ids(first["value"].as_array().unwrap()).into_iter().chain(ids(&rest)).collect();
    // Every alert that existed when the first page was read was returned exactly once and in order.
    let watermark = Timestamp::parse(watermark).unwrap();
    let now = tenant.simulator.alerts();
    let expected: Vec<_> = now
        .iter()
        .filter(|alert| Timestamp::parse(alert["createdDateTime"].as_str().unwrap()) <= Some(watermark))
        .collect();
    assert!(read == expected.iter().map(|alert| alert["id"].as_str().unwrap()).collect::<Vec<_>>());
    while tenant.simulator.alerts().len() < 540 {
        tokio::task::yield_now().await;
    }
    let changed = tenant.simulator.alerts();
    let changed = changed.iter().filter(|alert| {
        let updated = Timestamp::parse(alert["lastUpdateDateTime"].as_str().unwrap());
        updated > Timestamp::parse("2026-11-20T12:00:00Z")
            && Timestamp::parse(alert["createdDateTime"].as_str().unwrap()) < Some(watermark)
    });
    assert!(changed.count() > 0);
}

#[tokio::test]
async fn latency_is_added_and_does_not_delay_shutdown() {
    let tenant = Tenant::new(Settings { latency: Duration::from_millis(80), ..settings(3) });
    let start = Instant::now();
    tenant.json(LIST).await;
    assert!(start.elapsed() >= Duration::from_millis(80));
    let slow = Tenant::new(Settings { latency: Duration::from_secs(3600), ..settings(3) });
    let (client, url) = (slow.client.clone(), slow.url(LIST));
    let waiting = tokio::spawn(async move { client.get(url).send().await });
    tokio::task::yield_now().await;
    let start = Instant::now();
    drop(slow);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(waiting.await.unwrap().is_err());
}

/// Generates valid filters with values that occur in the tenant.
fn filter() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        ("(severity|status|classification|determination|serviceSource)", "(eq|ne)").prop_flat_map(
            |(name, operator)| {
                let members: &[&str] = match name.as_str() {
                    "severity" => &["'high'", "'low'", "'unknown'", "null"],
                    "status" => &["'new'", "'resolved'"],
                    "classification" => &["'truePositive'", "'unknown'", "null"],
                    "determination" => &["'malware'", "'other'", "null"],
                    _ => &["'microsoftSentinel'", "'microsoftDefenderForEndpoint'"],
                };
                prop::sample::select(members).prop_map(move |member| format!("{name} {operator} {member}"))
            }
        ),
        "(createdDateTime|lastUpdateDateTime) (gt|ge|lt|le) 2026-11-(0[1-9]|1[0-9])T1[0-9]:00:00(\\.5)?Z",
        "assignedTo (eq|ne) (null|'PRIYA\\.nair@contoso\\.com')",
        "severity in \\('high', '(low|medium)'\\)",
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), "(and|or)", inner.clone())
                .prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            inner.prop_map(|inner| format!("({inner})")),
        ]
    })
}

#[test]
fn filtered_lists_contain_exactly_the_matching_alerts() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tenant = Tenant::new(settings(150));
    let alerts = tenant.simulator.alerts();
    proptest!(ProptestConfig::with_cases(64), |(text in filter())| {
        let filter = odata::Filter::parse(&text).unwrap();
        let expected: Vec<_> =
            alerts.iter().filter(|alert| filter.matches(alert, odata::Semantics::default())).cloned().collect();
        let target = format!("{LIST}?$top=40&$filter={}", encode(&text));
        let (found, _) = runtime.block_on(tenant.list(&target));
        prop_assert!(ids(&found) == ids(&expected), "{}", text);
    });
}
