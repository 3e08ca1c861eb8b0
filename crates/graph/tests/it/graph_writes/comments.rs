//! Comments are never sent twice, and the outcome says whether the comment was added.

use alertdeck_graph::{ClientEvent, Kind, Request, WaitCause};
use alertdeck_model::AlertId;
use alertdeck_simulator::FaultyReply;
use rstest::rstest;
use serde_json::Value;

use super::harness::{Harness, SOON, UNCLEAR, applied, not_applied, unknown};
use crate::graph_network::fake::{Fake, answer};

const TEXT: &str = "Called the user:\n\"not me\" – isolated.";

/// Returns how many copies of the comment the tenant has stored.
fn copies(harness: &Harness, id: &AlertId) -> usize {
    let alert = harness.held(id);
    let comments = alert["comments"].as_array().unwrap().iter();
    comments.filter(|comment| comment["comment"] == TEXT).count()
}

#[tokio::test]
async fn a_comment_is_added_and_the_list_returned() {
    let mut harness = Harness::new();
    let id = harness.id();
    let before = harness.held(&id)["comments"].as_array().unwrap().len();
    let comments = applied(harness.send(&Request::add_comment(&id, TEXT)).await);
    assert_eq!(comments.len(), before + 1);
    let last = comments.last().unwrap();
    assert_eq!(last.text.raw(), TEXT);
    assert!(last.author.is_some() && last.created.is_some());
    let body: Value = serde_json::from_str(&harness.bodies("POST")[0]).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"@odata.type": "microsoft.graph.security.alertComment", "comment": TEXT})
    );
    assert!(matches!(harness.events.as_slice(), [ClientEvent::Accepted(id)] if id.raw().len() == 36));
}

#[rstest]
#[case::throttled(FaultyReply::Status(429, SOON))]
#[case::throttled_without_time(FaultyReply::Status(429, None))]
#[case::overloaded(FaultyReply::Status(503, SOON))]
#[tokio::test]
async fn a_refused_comment_is_sent_again_after_its_wait(#[case] reply: FaultyReply) {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.fail("POST", false, &[reply]);
    applied(harness.send(&Request::add_comment(&id, TEXT)).await);
    assert_eq!((harness.methods().as_str(), copies(&harness, &id)), ("POST POST", 1));
    assert_eq!(harness.waits(&WaitCause::Throttled), 1);
    harness.assert_patient();
}

#[tokio::test]
async fn an_unclear_comment_that_was_added_is_found_and_never_sent_twice() {
    for reply in UNCLEAR {
        let mut harness = Harness::new();
        let id = harness.id();
        harness.fail("POST", true, &[reply]);
        let comments = applied(harness.send(&Request::add_comment(&id, TEXT)).await);
        assert_eq!(comments.last().unwrap().text.raw(), TEXT, "{reply:?}");
        assert_eq!((harness.methods().as_str(), copies(&harness, &id)), ("POST GET", 1), "{reply:?}");
        assert!(harness.was_checked());
    }
}

/// The HTTP library may resend a request on its own when a reused connection has been closed.
#[tokio::test]
async fn a_comment_lost_on_a_used_connection_is_not_sent_twice() {
    for reply in [FaultyReply::Closed, FaultyReply::Reset] {
        let mut harness = Harness::new();
        let id = harness.id();
        harness.send(&Request::alert(&id)).await.unwrap();
        harness.fail("POST", true, &[reply]);
        applied(harness.send(&Request::add_comment(&id, TEXT)).await);
        assert_eq!((harness.methods().as_str(), copies(&harness, &id)), ("GET POST GET", 1), "{reply:?}");
    }
}

#[tokio::test]
async fn an_unclear_comment_that_was_not_added_is_reported_and_never_sent_twice() {
    for reply in UNCLEAR {
        let mut harness = Harness::new();
        let id = harness.id();
        harness.fail("POST", false, &[reply]);
        let (comments, _) = not_applied(harness.send(&Request::add_comment(&id, TEXT)).await);
        assert!(comments.iter().all(|comment| comment.text.raw() != TEXT));
        assert_eq!(harness.methods(), "POST GET GET GET", "{reply:?}");
        assert_eq!(copies(&harness, &id), 0);
    }
}

/// The alert has a comment that is a minute old by the service's clock and has the same text as the
/// lost one.
#[tokio::test]
async fn an_earlier_comment_with_the_same_text_is_not_the_new_one() {
    let date = ("date", "Fri, 20 Nov 2026 12:00:00 GMT");
    let alert = |at: &str| {
        format!(r#"{{"id":"a","comments":[{{"comment":"benign","createdDateTime":"2026-11-20T{at}Z"}}]}}"#)
    };
    for (at, is_new) in [("11:59:00", false), ("11:59:59.5", true), ("12:00:00", true)] {
        let fake = Fake::start(move |number, _, _| match number {
            0 => answer(502, &[], ""),
            _ => answer(200, &[date], alert(at)),
        })
        .await;
        let request = Request::add_comment(&AlertId::new("a"), "benign");
        let outcome = fake.client().send(&request, &mut |_| {}).await;
        if is_new {
            drop(applied(outcome));
        } else {
            drop(not_applied(outcome));
        }
        assert_eq!(fake.asked().iter().filter(|asked| asked.target.ends_with("/comments")).count(), 1);
    }
}

#[tokio::test]
async fn without_the_services_time_an_old_comment_decides_nothing() {
    let alert = r#"{"id":"a","comments":[{"comment":"benign","createdDateTime":"2026-11-20T12:00:00Z"}]}"#;
    let fake = Fake::start(move |number, _, _| match number {
        0 => answer(502, &[], ""),
        _ => answer(200, &[], alert),
    })
    .await;
    let request = Request::add_comment(&AlertId::new("a"), "benign");
    let (cause, recheck) = unknown(fake.client().send(&request, &mut |_| {}).await);
    assert_eq!(cause.kind, Kind::Unavailable);
    assert!(recheck.to_string().contains("same text"), "{recheck}");
}

#[tokio::test]
async fn the_outcome_is_unknown_if_the_comments_cannot_be_read() {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.fail("POST", true, &[FaultyReply::Silence]);
    harness.fail("GET", true, &[FaultyReply::Status(500, None); 5]);
    let (cause, recheck) = unknown(harness.send(&Request::add_comment(&id, TEXT)).await);
    assert_eq!((cause.kind, recheck.kind), (Kind::Offline, Kind::Unavailable));
    assert_eq!((harness.bodies("POST").len(), copies(&harness, &id)), (1, 1));
}

#[tokio::test]
async fn a_comment_on_a_missing_alert_and_an_empty_one_are_refused() {
    let mut harness = Harness::new();
    let id = harness.id();
    let missing = Request::add_comment(&AlertId::new("gone"), TEXT);
    assert_eq!(harness.send(&missing).await.unwrap_err().kind, Kind::NotFound);
    let error = harness.send(&Request::add_comment(&id, " ")).await.unwrap_err();
    assert!(error.to_string().starts_with("the service refused the comment (HTTP 400)"), "{error}");
    assert_eq!(harness.methods(), "POST POST");
}
