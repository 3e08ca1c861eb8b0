//! Updates: every retry rule, and every path to an outcome.

use alertdeck_graph::{
    AlertUpdate, ClientEvent, Kind, Owner, Request, WaitCause,
    auth::{Application, Authority, Identity, Proof, Session, Tokens},
};
use alertdeck_model::{AlertId, Classification, Determination, Status, Timestamp};
use alertdeck_simulator::{Access, CLIENT_SECRET, FaultyReply, Settings, SignIn};
use rstest::rstest;
use serde_json::Value;

use super::harness::{Harness, SOON, UNCLEAR, applied, decode, not_applied, unknown};
use crate::graph_network::fake::{Fake, Step, answer};

fn resolve() -> AlertUpdate {
    AlertUpdate {
        status: Some(Status::Resolved),
        classification: Some(Classification::TruePositive),
        determination: Some(Determination::Malware),
        assigned_to: Some(Owner::User("O'Brien@contoso.com".into())),
    }
}

#[tokio::test]
async fn only_what_changes_is_sent_and_the_reply_is_returned() {
    let mut harness = Harness::new();
    let id = harness.id();
    let alert = decode(&applied(harness.send(&Request::update_alert(&id, &resolve())).await));
    assert_eq!((&alert.status, alert.id.raw()), (&Status::Resolved, id.raw()));
    assert!(alert.resolved.is_some(), "the service's own changes are in the reply");
    assert_eq!(harness.held(&id)["assignedTo"], "O'Brien@contoso.com");

    let clear = AlertUpdate { assigned_to: Some(Owner::Unassigned), ..AlertUpdate::default() };
    assert!(decode(&applied(harness.send(&Request::update_alert(&id, &clear)).await)).assigned_to.is_none());
    assert_eq!(harness.held(&id)["assignedTo"], Value::Null);
    assert_eq!(harness.held(&id)["determination"], "malware");
    assert_eq!(
        harness.bodies("PATCH"),
        [
            r#"{"status":"resolved","classification":"truePositive","determination":"malware","assignedTo":"O'Brien@contoso.com"}"#,
            r#"{"assignedTo":null}"#
        ]
    );
    let log = harness.simulator.log();
    assert_eq!(log[0].header("content-type"), Some("application/json"));
    assert_eq!(log[0].header("prefer"), Some("include-unknown-enum-members"));
    assert!(matches!(harness.events.as_slice(), [ClientEvent::Accepted(id)] if id.raw().len() == 36));
}

#[rstest]
#[case::throttled(FaultyReply::Status(429, SOON))]
#[case::throttled_without_time(FaultyReply::Status(429, None))]
#[case::overloaded(FaultyReply::Status(503, SOON))]
#[tokio::test]
async fn a_refused_update_is_sent_again_after_its_wait(#[case] reply: FaultyReply) {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.fail("PATCH", false, &[reply, reply]);
    applied(harness.send(&Request::update_alert(&id, &resolve())).await);
    assert_eq!(harness.methods(), "PATCH PATCH PATCH");
    assert_eq!(harness.held(&id)["status"], "resolved");
    assert_eq!(harness.waits(&WaitCause::Throttled), 2);
    assert!(!harness.was_checked());
    harness.assert_patient();
}

#[tokio::test]
async fn an_unclear_update_that_was_made_is_found() {
    for reply in UNCLEAR {
        let mut harness = Harness::new();
        let id = harness.id();
        harness.fail("PATCH", true, &[reply]);
        let alert = applied(harness.send(&Request::update_alert(&id, &resolve())).await);
        assert_eq!(decode(&alert).status, Status::Resolved, "{reply:?}");
        assert_eq!(harness.methods(), "PATCH GET", "{reply:?}: read once, never sent twice");
        assert!(harness.was_checked(), "{reply:?}");
    }
}

#[tokio::test]
async fn an_unclear_update_that_was_not_made_is_reported_and_may_be_sent_again() {
    for reply in UNCLEAR {
        let mut harness = Harness::new();
        let id = harness.id();
        let before = harness.held(&id);
        harness.fail("PATCH", false, &[reply]);
        let request = Request::update_alert(&id, &resolve());
        let (current, cause) = not_applied(harness.send(&request).await);
        assert_eq!(decode(&current).status.as_str(), before["status"], "{reply:?}");
        assert!(!cause.to_string().is_empty());
        assert_eq!(harness.methods(), "PATCH GET GET GET", "{reply:?}: read three times");
        assert_eq!(harness.waits(&WaitCause::Recheck), 2);
        assert_eq!(harness.held(&id), before, "{reply:?}");

        applied(harness.send(&request).await);
        assert_eq!(harness.held(&id)["status"], "resolved");
    }
}

#[tokio::test]
async fn the_outcome_is_unknown_if_the_alert_cannot_be_read() {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.fail("PATCH", true, &[FaultyReply::Reset]);
    harness.fail("GET", true, &[FaultyReply::Status(502, None); 5]);
    let (cause, recheck) = unknown(harness.send(&Request::update_alert(&id, &resolve())).await);
    assert_eq!((cause.kind, recheck.kind), (Kind::Offline, Kind::Unavailable));
    assert_eq!(harness.methods(), "PATCH GET GET GET GET GET", "reading is repeated, the change is not");
    let checking = harness.events.iter().find_map(|event| match event {
        ClientEvent::Checking { cause } => Some(cause.as_str()),
        _ => None,
    });
    assert!(checking.unwrap().contains("reset"), "{checking:?}");
}

#[tokio::test]
async fn reading_after_an_unclear_update_survives_failures_that_pass() {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.fail("PATCH", true, &[FaultyReply::Closed]);
    harness.fail("GET", true, &[FaultyReply::Status(429, SOON), FaultyReply::Reset]);
    applied(harness.send(&Request::update_alert(&id, &resolve())).await);
    assert_eq!(harness.methods(), "PATCH GET GET GET");
    harness.assert_patient();
}

#[tokio::test]
async fn a_change_that_shows_late_is_found() {
    let alert = |status: &str| format!(r#"{{"id":"a","status":"{status}"}}"#);
    let fake = Fake::start(move |number, _, _| match number {
        0 => vec![Step::Reset],
        1 | 2 => answer(200, &[], alert("new")),
        _ => answer(200, &[], alert("resolved")),
    })
    .await;
    let update = AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() };
    let request = Request::update_alert(&AlertId::new("a"), &update);
    let alert = applied(fake.client().send(&request, &mut |_| {}).await);
    assert_eq!(decode(&alert).status, Status::Resolved);
    assert_eq!(fake.asked().len(), 4);
}

#[tokio::test]
async fn a_change_by_somebody_else_is_returned_for_comparison() {
    let fake = Fake::start(|number, _, _| match number {
        0 => answer(504, &[], ""),
        _ => answer(200, &[], r#"{"id":"a","status":"inProgress","assignedTo":"bo@contoso.com"}"#),
    })
    .await;
    let request = Request::update_alert(&AlertId::new("a"), &resolve());
    let (current, _) = not_applied(fake.client().send(&request, &mut |_| {}).await);
    assert_eq!(decode(&current).assigned_to.unwrap().raw(), "bo@contoso.com");
}

#[tokio::test]
async fn an_update_of_a_missing_alert_is_not_found() {
    let mut harness = Harness::new();
    let update = Request::update_alert(&AlertId::new("gone"), &resolve());
    assert_eq!(harness.send(&update).await.unwrap_err().kind, Kind::NotFound);
    let nowhere = Request::update_alert(&AlertId::new(".."), &resolve());
    let error = harness.send(&nowhere).await.unwrap_err();
    assert_eq!(error.to_string(), "no alert can have the ID \"..\"");
    assert_eq!(harness.methods(), "PATCH");
}

#[tokio::test]
async fn a_refused_value_changes_nothing() {
    let mut harness = Harness::new();
    let id = harness.id();
    let update = AlertUpdate { status: Some(Status::read("closed")), ..AlertUpdate::default() };
    let error = harness.send(&Request::update_alert(&id, &update)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.to_string().starts_with("the service refused the change (HTTP 400)"), "{error}");
    assert_eq!(harness.methods(), "PATCH");
}

#[tokio::test]
async fn a_read_only_token_can_read_and_not_write() {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let sign_in = SignIn { roles: vec!["SecurityAlert.Read.All".into()], ..SignIn::default() };
    let settings = Settings { alerts: 20, access: Access::SignedIn, sign_in, ..Settings::new(now) };
    let mut harness = Harness::with(settings, |simulator| {
        let application = Application {
            authority: Authority::new(&simulator.base_url(), "contoso.com").unwrap(),
            client_id: "11111111-2222-4333-8444-555555555555".into(),
            scope: format!("{}/.default", simulator.base_url()),
        };
        let proof = Proof::secret(CLIENT_SECRET).unwrap();
        Tokens::session(Session::new(super::harness::http(), application, Identity::Application(proof)))
    });
    let id = harness.id();
    let before = harness.held(&id);
    for error in [
        harness.send(&Request::update_alert(&id, &resolve())).await.map(drop).unwrap_err(),
        harness.send(&Request::add_comment(&id, "x")).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Permission);
        assert!(error.to_string().contains("lacks SecurityAlert.ReadWrite.All"), "{error}");
    }
    assert_eq!(harness.held(&id), before);
    harness.send(&Request::alert(&id)).await.unwrap();
    assert_eq!(harness.methods(), "PATCH POST GET");
}

#[tokio::test]
async fn an_update_without_connection_was_not_made() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = alertdeck_graph::Endpoint::at(&base, alertdeck_graph::Api::V1).unwrap();
    let tokens = Tokens::fixed(&"any".into()).unwrap();
    let client = alertdeck_graph::Client::new(super::harness::http(), endpoint, tokens);
    let mut waits = 0;
    let request = Request::update_alert(&AlertId::new("a"), &resolve());
    let error = client
        .send(&request, &mut |event| {
            waits +=
                usize::from(matches!(event, ClientEvent::Waiting { cause: WaitCause::Retry { .. }, .. }));
        })
        .await
        .unwrap_err();
    assert_eq!((error.kind, waits), (Kind::Offline, 4));
}

#[cfg(unix)]
#[tokio::test]
async fn a_rejected_token_is_renewed_and_the_update_sent_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs");
    let file = file.display();
    let tokens = Tokens::command(format!("echo >> '{file}'; n=$(wc -l < '{file}'); echo token-$((n))"));
    let fake = Fake::start(|_, _, asked| match asked.header("authorization") {
        Some("Bearer token-1") => answer(401, &[], "{}"),
        _ => answer(200, &[], r#"{"id":"a","status":"resolved"}"#),
    })
    .await;
    let update = AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() };
    let mut events = Vec::new();
    let request = Request::update_alert(&AlertId::new("a"), &update);
    applied(fake.client_with(tokens).send(&request, &mut |event| events.push(event)).await);
    assert_eq!(events, [ClientEvent::RenewingToken]);
    assert_eq!(fake.asked().len(), 2);
}
