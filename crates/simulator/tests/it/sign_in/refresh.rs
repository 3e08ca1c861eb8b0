//! Refresh tokens.

use std::time::Duration;

use alertdeck_simulator::{Grant, SignInControl};
use serde_json::Value;

use super::harness::{CP1, Harness, claims, renewal};

fn refresh_token(reply: &Value) -> String {
    reply["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_token_yields_another_and_remains_valid() {
    let harness = Harness::new();
    let first = harness.signed_in(CP1).await;
    let second = harness.token(&[&renewal(&refresh_token(&first))]).await.unwrap();
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(refresh_token(&first), refresh_token(&second));
    assert_eq!(claims(&second["access_token"])["xms_cc"][0], "cp1", "the capability is remembered");
    assert!(harness.token(&[&renewal(&refresh_token(&first))]).await.is_ok());
    assert!(harness.token(&[&renewal(&refresh_token(&second))]).await.is_ok());
    harness
        .simulator
        .sign_in(|control| assert_eq!((control.requests(Grant::Refresh), control.issued()), (3, 4)));
}

#[tokio::test]
async fn under_strict_rotation_each_token_is_valid_once() {
    let harness = Harness::new();
    harness.simulator.sign_in(|control| control.rules.strict_rotation = true);
    let first = refresh_token(&harness.signed_in("").await);
    let second = refresh_token(&harness.token(&[&renewal(&first)]).await.unwrap());
    let refused = harness.token(&[&renewal(&first)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    assert!(
        harness.token(&[&renewal(&second)]).await.is_ok(),
        "reuse of the first does not revoke the second"
    );
}

#[tokio::test]
async fn a_reply_can_be_lost_after_the_token_was_used() {
    let harness = Harness::new();
    let token = refresh_token(&harness.signed_in("").await);
    harness.simulator.sign_in(|control| {
        control.rules.strict_rotation = true;
        control.lose_next_reply();
    });
    assert!(harness.try_token(&renewal(&token)).await.is_err(), "the connection closes");
    let refused = harness.token(&[&renewal(&token)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    let log = harness.simulator.log();
    assert_eq!((log[log.len() - 2].status, log[log.len() - 1].status), (None, Some(400)));
}

#[tokio::test]
async fn revoked_expired_and_foreign_refresh_tokens_are_refused() {
    let harness = Harness::new();
    let token = refresh_token(&harness.signed_in("").await);
    let refused = harness.token(&[&renewal(&token), &[("client_id", "other")]]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    let refused = harness.token(&[&renewal("other")]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    harness.simulator.sign_in(SignInControl::revoke_refresh_tokens);
    let refused = harness.token(&[&renewal(&token)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 50173), "{refused:?}");
    harness.simulator.sign_in(|control| control.rules.refresh_life = Duration::ZERO);
    let token = refresh_token(&harness.signed_in("").await);
    let refused = harness.token(&[&renewal(&token)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 700_082), "{refused:?}");
}

#[tokio::test]
async fn a_requested_scope_needs_consent() {
    let harness = Harness::new();
    let token = refresh_token(&harness.signed_in("").await);
    let narrow = [("scope", "SecurityAlert.ReadWrite.All")];
    let reply = harness.token(&[&renewal(&token), &narrow]).await.unwrap();
    assert_eq!(reply["scope"], "SecurityAlert.ReadWrite.All");
    let refused = harness.token(&[&renewal(&token), &[("scope", "User.Read")]]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 65001), "{refused:?}");
}
