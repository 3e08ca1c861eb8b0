//! Refresh tokens.

use std::time::Duration;

use alertdeck::simulator::{Grant, SignInDesk};
use serde_json::Value;

use crate::desk::{CP1, Desk, claims, renewal};

fn refresh_token(reply: &Value) -> String {
    reply["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_token_brings_another_and_goes_on_working() {
    let desk = Desk::new();
    let first = desk.signed_in(CP1).await;
    let second = desk.token(&[&renewal(&refresh_token(&first))]).await.unwrap();
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(refresh_token(&first), refresh_token(&second));
    assert_eq!(claims(&second["access_token"])["xms_cc"][0], "cp1", "what was declared is remembered");
    assert!(desk.token(&[&renewal(&refresh_token(&first))]).await.is_ok());
    assert!(desk.token(&[&renewal(&refresh_token(&second))]).await.is_ok());
    desk.simulator.sign_in(|desk| assert_eq!((desk.requests(Grant::Refresh), desk.issued()), (3, 4)));
}

#[tokio::test]
async fn under_strict_rotation_each_is_good_once() {
    let desk = Desk::new();
    desk.simulator.sign_in(|desk| desk.rules.strict_rotation = true);
    let first = refresh_token(&desk.signed_in("").await);
    let second = refresh_token(&desk.token(&[&renewal(&first)]).await.unwrap());
    let refused = desk.token(&[&renewal(&first)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    assert!(desk.token(&[&renewal(&second)]).await.is_ok(), "presenting the first costs nothing else");
}

#[tokio::test]
async fn a_reply_can_be_lost_after_the_token_was_used_up() {
    let desk = Desk::new();
    let token = refresh_token(&desk.signed_in("").await);
    desk.simulator.sign_in(|desk| {
        desk.rules.strict_rotation = true;
        desk.lose_next_reply();
    });
    assert!(desk.try_token(&renewal(&token)).await.is_err(), "the connection closes");
    let refused = desk.token(&[&renewal(&token)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    let log = desk.simulator.log();
    assert_eq!((log[log.len() - 2].status, log[log.len() - 1].status), (None, Some(400)));
}

#[tokio::test]
async fn a_refresh_token_can_be_revoked_expired_or_somebody_elses() {
    let desk = Desk::new();
    let token = refresh_token(&desk.signed_in("").await);
    let refused = desk.token(&[&renewal(&token), &[("client_id", "other")]]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    let refused = desk.token(&[&renewal("other")]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70000), "{refused:?}");
    desk.simulator.sign_in(SignInDesk::revoke_refresh_tokens);
    let refused = desk.token(&[&renewal(&token)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 50173), "{refused:?}");
    desk.simulator.sign_in(|desk| desk.rules.refresh_life = Duration::ZERO);
    let token = refresh_token(&desk.signed_in("").await);
    let refused = desk.token(&[&renewal(&token)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 700_082), "{refused:?}");
}

#[tokio::test]
async fn a_scope_that_is_asked_for_again_must_be_consented_to() {
    let desk = Desk::new();
    let token = refresh_token(&desk.signed_in("").await);
    let narrow = [("scope", "SecurityAlert.ReadWrite.All")];
    let reply = desk.token(&[&renewal(&token), &narrow]).await.unwrap();
    assert_eq!(reply["scope"], "SecurityAlert.ReadWrite.All");
    let refused = desk.token(&[&renewal(&token), &[("scope", "User.Read")]]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 65001), "{refused:?}");
}
