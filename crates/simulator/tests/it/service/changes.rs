//! Changes of alerts: by clients and by a colleague, their record, and when they become visible.

use std::{collections::HashSet, time::Duration};

use alertdeck_model::Timestamp;
use alertdeck_simulator::{
    Access, COLLEAGUE, Change, Faults, FaultyReply, Rights, SIGNED_IN, ScriptedFault, SignIn, Timing,
};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use super::{LIST, Settings, Tenant, ids, json_of, settings};

/// Returns the ID of the newest open alert.
fn open(tenant: &Tenant) -> String {
    let alerts = tenant.simulator.alerts();
    let open = alerts.iter().find(|alert| alert["status"] == "new").unwrap();
    open["id"].as_str().unwrap().to_owned()
}

/// Returns an alert as stored.
fn stored(tenant: &Tenant, id: &str) -> Value {
    tenant.simulator.alerts().into_iter().find(|alert| alert["id"] == id).unwrap()
}

fn time(alert: &Value, name: &str) -> Option<Timestamp> {
    Timestamp::parse(alert[name].as_str()?)
}

async fn patch(tenant: &Tenant, id: &str, body: Value) -> Value {
    let reply = tenant.send(Method::PATCH, &format!("{LIST}/{id}"), Some(body)).await.unwrap();
    assert_eq!(reply.status(), StatusCode::OK);
    json_of(reply).await
}

fn fault(method: &'static str, is_carried_out: bool, reply: FaultyReply) -> [ScriptedFault; 1] {
    [ScriptedFault { method, is_carried_out, reply }]
}

#[tokio::test]
async fn every_change_moves_the_time_of_the_last_update() {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    let mut last = time(&stored(&tenant, &id), "lastUpdateDateTime");
    let mut moved = |alert: &Value| {
        let before = std::mem::replace(&mut last, time(alert, "lastUpdateDateTime"));
        last > before
    };
    let resolve = json!({"status": "resolved", "classification": "truePositive", "determination": "malware"});
    let resolved = patch(&tenant, &id, resolve.clone()).await;
    assert!(moved(&resolved) && time(&resolved, "resolvedDateTime").is_some());
    let again = patch(&tenant, &id, resolve).await;
    assert!(moved(&again));
    assert_eq!(again["resolvedDateTime"], resolved["resolvedDateTime"], "it was already resolved");
    let comment = Some(json!({"comment": "a"}));
    tenant.send(Method::POST, &format!("{LIST}/{id}/comments"), comment).await.unwrap();
    let commented = stored(&tenant, &id);
    assert!(moved(&commented));
    let comment = commented["comments"].as_array().unwrap().last().unwrap();
    assert_eq!(comment["createdDateTime"], commented["lastUpdateDateTime"]);
    let reopened = patch(&tenant, &id, json!({"status": "new"})).await;
    assert!(moved(&reopened) && reopened["resolvedDateTime"].is_null());
    tenant.simulator.change(&id, &json!({"assignedTo": null})).unwrap();
    assert!(moved(&stored(&tenant, &id)));
}

#[tokio::test]
async fn changes_are_recorded_with_their_requests() {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    let before = stored(&tenant, &id);
    let url = tenant.url(&format!("{LIST}/{id}"));
    let request = tenant.client.patch(url).bearer_auth("any").header("client-request-id", "mine");
    let reply = request.body(r#"{"status":"inProgress","assignedTo":"a@contoso.com"}"#).send().await.unwrap();
    let request_id = reply.headers()["request-id"].to_str().unwrap().to_owned();
    tenant.simulator.comment(&id, "from a colleague").unwrap();
    let bad =
        tenant.send(Method::PATCH, &format!("{LIST}/{id}"), Some(json!({"status": "x"}))).await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    tenant.send(Method::POST, &format!("{LIST}/{id}/comments"), Some(json!({"comment": "a"}))).await.unwrap();

    let changes = tenant.simulator.changes();
    let authors: Vec<_> = changes.iter().map(|change| (change.method, change.author.as_str())).collect();
    assert_eq!(authors, [("PATCH", SIGNED_IN), ("POST", COLLEAGUE), ("POST", SIGNED_IN)]);
    assert!(changes.iter().all(|change| change.alert_id == id));
    assert!(changes.is_sorted_by_key(|change| change.at));
    let [first, second, third] = &changes[..] else { panic!("{changes:?}") };
    let made = first.request.as_ref().unwrap();
    assert_eq!((&made.request_id, made.client_request_id.as_deref()), (&request_id, Some("mine")));
    assert_eq!(first.before.status.as_deref(), before["status"].as_str());
    assert_eq!(first.before.assigned_to.as_deref(), before["assignedTo"].as_str());
    assert_eq!(first.after.status.as_deref(), Some("inProgress"));
    assert_eq!(first.after.assigned_to.as_deref(), Some("a@contoso.com"));
    assert_eq!((&second.comments[..], &second.request), (&["from a colleague".to_owned()][..], &None));
    assert_eq!(third.request.as_ref().unwrap().client_request_id, None);

    let served = tenant.json("/simulator/changes").await;
    let sources: Vec<_> =
        served["value"].as_array().unwrap().iter().map(|change| &change["source"]).collect();
    assert_eq!(sources, ["client", "colleague", "client"]);
    let first = &served["value"][0];
    assert_eq!((&first["requestId"], &first["clientRequestId"]), (&json!(request_id), &json!("mine")));
    assert_eq!(
        (&first["before"]["status"], &first["after"]["status"]),
        (&json!("new"), &json!("inProgress"))
    );
    assert!(tenant.simulator.log().iter().all(|exchange| !exchange.target.contains("simulator")));
}

#[tokio::test]
async fn the_record_needs_a_token() {
    let tenant = Tenant::new(Settings { access: Access::Only("secret".into()), ..settings(3) });
    let refused = tenant.get("/simulator/changes").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[rstest]
#[case::status(FaultyReply::Status(502, None))]
#[case::old_values(FaultyReply::OldValues)]
#[case::reset(FaultyReply::Reset)]
#[tokio::test]
async fn only_changes_that_were_carried_out_are_recorded(#[case] reply: FaultyReply) {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    let before = stored(&tenant, &id);
    for (method, target, body) in [
        (Method::PATCH, format!("{LIST}/{id}"), json!({"status": "resolved"})),
        (Method::POST, format!("{LIST}/{id}/comments"), json!({"comment": "a"})),
    ] {
        for is_carried_out in [false, true] {
            let name = if method == Method::PATCH { "PATCH" } else { "POST" };
            let made = tenant.simulator.changes().len();
            tenant.simulator.script(fault(name, is_carried_out, reply));
            let _ = tenant.send(method.clone(), &target, Some(body.clone())).await;
            assert_eq!(tenant.simulator.changes().len(), made + usize::from(is_carried_out));
            assert_eq!(stored(&tenant, &id) == before, made == 0 && !is_carried_out);
        }
    }
}

#[tokio::test]
async fn conflicts_can_be_scripted() {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    for (status, code) in [(409, "Conflict"), (412, "PreconditionFailed")] {
        tenant.simulator.script(fault("PATCH", false, FaultyReply::Status(status, None)));
        let body = Some(json!({"status": "resolved"}));
        let refused = tenant.send(Method::PATCH, &format!("{LIST}/{id}"), body).await.unwrap();
        assert_eq!(refused.status().as_u16(), status);
        assert_eq!(json_of(refused).await["error"]["code"], code);
    }
    assert!(tenant.simulator.changes().is_empty());
}

#[tokio::test]
async fn a_scripted_read_shows_the_values_before_the_last_change() {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    let old = tenant.json(&format!("{LIST}/{id}")).await;
    let new = patch(&tenant, &id, json!({"status": "resolved"})).await;
    tenant.simulator.script(fault("GET", true, FaultyReply::OldValues));
    assert_eq!(tenant.json(&format!("{LIST}/{id}")).await, old);
    assert_eq!(tenant.json(&format!("{LIST}/{id}")).await, new);
    let resolved = format!("{LIST}?$filter=status%20eq%20'resolved'");
    tenant.simulator.script(fault("GET", true, FaultyReply::OldValues));
    assert!(!ids(tenant.json(&resolved).await["value"].as_array().unwrap()).contains(&id.as_str()));
    assert!(ids(tenant.json(&resolved).await["value"].as_array().unwrap()).contains(&id.as_str()));
}

#[tokio::test]
async fn a_change_can_be_hidden_from_the_next_reads() {
    let tenant = Tenant::new(settings(20));
    let (id, target) = (open(&tenant), format!("{LIST}/{}", open(&tenant)));
    let old = tenant.json(&target).await;
    tenant.simulator.hide_next_change(&id, 2);
    let new = patch(&tenant, &id, json!({"status": "resolved"})).await;
    assert_eq!((&new["status"], &stored(&tenant, &id)["status"]), (&json!("resolved"), &json!("resolved")));
    assert_eq!(tenant.json(&target).await, old);
    let list = tenant.json(LIST).await;
    let listed = list["value"].as_array().unwrap().iter().find(|alert| alert["id"] == id.as_str()).unwrap();
    assert_eq!(listed["lastUpdateDateTime"], old["lastUpdateDateTime"]);
    assert_eq!(tenant.json(&target).await, new);

    tenant.simulator.hide_next_change(&id, u32::MAX);
    tenant.simulator.change(&id, &json!({"status": "new"})).unwrap();
    assert_eq!(tenant.json(&target).await, new);
    let made = patch(&tenant, &id, json!({"determination": "malware"})).await;
    assert_eq!(made["status"], "new", "a change applies to the current values");
    assert_eq!(tenant.json(&target).await, new);
    tenant.simulator.reveal(&id);
    assert_eq!(tenant.json(&target).await, made);
}

#[tokio::test]
async fn stale_hides_every_change_for_a_time() {
    let stale = |duration| Timing { stale: duration, ..Timing::default() };
    let settings = |duration| Settings { faults: Faults::Stale, timing: stale(duration), ..settings(20) };
    let tenant = Tenant::new(settings(Duration::from_secs(3600)));
    let (id, target) = (open(&tenant), format!("{LIST}/{}", open(&tenant)));
    let old = tenant.json(&target).await;
    let new = patch(&tenant, &id, json!({"status": "resolved"})).await;
    assert_eq!(new["status"], "resolved");
    assert_eq!(tenant.json(&target).await, old);
    let incidents = format!("/v1.0/security/incidents/{}/alerts", old["incidentId"].as_str().unwrap());
    let listed = tenant.json(&incidents).await["value"].take();
    let listed = listed.as_array().unwrap().iter().find(|alert| alert["id"] == id.as_str()).unwrap();
    assert_eq!(listed["status"], "new");

    let tenant = Tenant::new(settings(Duration::from_nanos(100)));
    let new = patch(&tenant, &id, json!({"status": "resolved"})).await;
    assert_eq!(tenant.json(&target).await, new, "the time has passed");
}

#[tokio::test]
async fn flaky_loses_replies_to_changes_and_refuses_changes() {
    let timing =
        Timing { retry_after: Duration::ZERO, trickle: Duration::from_millis(1), ..Timing::default() };
    let tenant = Tenant::new(Settings { faults: Faults::Flaky, timing, ..settings(20) });
    let id = open(&tenant);
    for (method, target) in
        [(Method::PATCH, format!("{LIST}/{id}")), (Method::POST, format!("{LIST}/{id}/comments"))]
    {
        let mut seen = HashSet::new();
        for number in 0..500 {
            let text = format!("{method}{number}@contoso.com");
            let is_comment = method == Method::POST;
            let body = if is_comment { json!({"comment": text}) } else { json!({"assignedTo": text}) };
            let made = tenant.simulator.changes().len();
            let reply = tenant.send(method.clone(), &target, Some(body)).await;
            let was_made = tenant.simulator.changes().len() > made;
            let Ok(reply) = reply else {
                seen.insert(("lost".to_owned(), was_made));
                continue;
            };
            let (status, retry_after) =
                (reply.status().as_u16(), reply.headers().contains_key("retry-after"));
            let outcome = match reply.bytes().await {
                Err(_) => "cut".to_owned(),
                Ok(body) if status == 200 && !String::from_utf8_lossy(&body).contains(&text) => {
                    "old".to_owned()
                }
                Ok(_) => format!("{status}{}", if retry_after { " retry-after" } else { "" }),
            };
            seen.insert((outcome, was_made));
        }
        for (outcome, was_made) in [
            ("200", true),
            ("429 retry-after", false),
            ("503 retry-after", false),
            ("lost", false),
            ("lost", true),
            ("502", true),
            ("504", true),
            ("cut", true),
            ("old", true),
        ] {
            assert!(
                seen.contains(&(outcome.to_owned(), was_made)),
                "{method} {outcome} {was_made}: {seen:?}"
            );
        }
        assert!(!seen.contains(&("200".to_owned(), false)) && !seen.contains(&("429".to_owned(), true)));
    }
}

#[tokio::test]
async fn readers_cannot_change_alerts() {
    let sign_in = SignIn::default().with_rights(Rights::Reader);
    let tenant = Tenant::new(Settings { sign_in, ..settings(20) });
    let id = open(&tenant);
    for (method, target, body) in [
        (Method::PATCH, format!("{LIST}/{id}"), json!({"status": "resolved"})),
        (Method::POST, format!("{LIST}/{id}/comments"), json!({"comment": "a"})),
    ] {
        let refused = tenant.send(method, &target, Some(body)).await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let error = json_of(refused).await["error"].take();
        assert_eq!(error["code"], "Forbidden");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("Missing scope permissions on the request. API requires one of"),
            "{message}"
        );
    }
    assert!(tenant.simulator.changes().is_empty());
    tenant.simulator.change(&id, &json!({"status": "resolved"})).unwrap();
    assert_eq!(tenant.json(&format!("{LIST}/{id}")).await["status"], "resolved");
}

#[tokio::test]
async fn a_colleague_works_on_open_alerts() {
    let colleague = Some(Duration::from_millis(1));
    let tenant = Tenant::new(Settings { colleague, ..settings(200) });
    let has_worked = |changes: &[Change]| {
        let moved =
            |status: &str| changes.iter().any(|change| change.after.status.as_deref() == Some(status));
        moved("inProgress") && moved("resolved") && changes.iter().any(|change| !change.comments.is_empty())
    };
    while !has_worked(&tenant.simulator.changes()) {
        tokio::task::yield_now().await;
    }
    for change in tenant.simulator.changes() {
        assert_eq!((change.author.as_str(), &change.request), (COLLEAGUE, &None));
        assert_ne!(change.before.status.as_deref(), Some("resolved"));
        if change.after.status.as_deref() == Some("resolved") {
            assert!(change.after.classification.is_some() && change.after.determination.is_some());
            assert_eq!(change.after.assigned_to.as_deref(), Some(COLLEAGUE));
        }
    }
}

#[test]
fn a_colleague_cannot_make_invalid_changes() {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    let error = tenant.simulator.change("nothing", &json!({"status": "new"})).unwrap_err();
    assert_eq!(error.to_string(), "The requested alert was not found.");
    assert!(tenant.simulator.change(&id, &json!({"severity": "low"})).is_err());
    assert!(tenant.simulator.comment(&id, " ").is_err());
    assert!(tenant.simulator.changes().is_empty());
}

#[tokio::test]
async fn accounts_belong_to_the_tenant() {
    let tenant = Tenant::new(Settings { tenant: "fabrikam".into(), ..settings(20) });
    let id = open(&tenant);
    tenant.simulator.comment(&id, "a").unwrap();
    tenant.send(Method::POST, &format!("{LIST}/{id}/comments"), Some(json!({"comment": "b"}))).await.unwrap();
    let authors: Vec<_> = tenant.simulator.changes().into_iter().map(|change| change.author).collect();
    assert_eq!(authors, ["priya.nair@fabrikam.com", "alex.morgan@fabrikam.com"]);
}

#[tokio::test]
async fn a_batch_carries_out_its_changes() {
    let tenant = Tenant::new(settings(20));
    let id = open(&tenant);
    let part = |name: &str, method: &str, url: String, body: Value| {
        json!({"id": name, "method": method, "url": url, "body": body,
               "headers": {"Content-Type": "application/json", "client-request-id": name}})
    };
    let (alert, comments) =
        (format!("/security/alerts_v2/{id}"), format!("/security/alerts_v2/{id}/comments"));
    let body = json!({"requests": [
        part("change", "PATCH", alert.clone(), json!({"status": "resolved"})),
        part("comment", "POST", comments, json!({"comment": "a"})),
        part("invalid", "PATCH", alert, json!({"status": "x"})),
        part("gone", "PATCH", "/security/alerts_v2/nothing".into(), json!({"status": "new"})),
    ]});
    let reply = json_of(tenant.send(Method::POST, "/v1.0/$batch", Some(body)).await.unwrap()).await;
    let status = |name: &str| {
        let parts = reply["responses"].as_array().unwrap();
        parts.iter().find(|part| part["id"] == name).unwrap()["status"].as_u64().unwrap()
    };
    assert_eq!(["change", "comment", "invalid", "gone"].map(status), [200, 200, 400, 404]);
    let made = tenant.simulator.changes();
    let requests: Vec<_> = made.iter().map(|change| change.request.as_ref().unwrap()).collect();
    let names: Vec<_> = requests.iter().map(|request| request.client_request_id.as_deref()).collect();
    assert_eq!(names, [Some("change"), Some("comment")]);
    assert_ne!(requests[0].request_id, requests[1].request_id);
}
