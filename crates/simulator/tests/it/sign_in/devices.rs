//! The device code flow.

use std::time::Duration;

use alertdeck_simulator::{Grant, SignIn};
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{CLIENT, Harness, Refused};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Returns a tenant with no minimum poll interval.
fn quick() -> Harness {
    Harness::with(SignIn { device_interval: Duration::ZERO, ..SignIn::default() })
}

async fn begin(harness: &Harness, changes: &[(&str, &str)]) -> Result<Value, Refused> {
    let scope = harness.scope();
    let mut form = vec![("client_id", CLIENT), ("scope", scope.as_str())];
    form.retain(|(name, _)| changes.iter().all(|(key, _)| key != name));
    form.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let (status, body) = harness.post("/contoso.com/oauth2/v2.0/devicecode", &form).await;
    let body = serde_json::from_str(&body).unwrap();
    if status == StatusCode::OK { Ok(body) } else { Err(Refused::read(status, &body)) }
}

async fn poll(harness: &Harness, code: &Value) -> Result<Value, Refused> {
    let code = code["device_code"].as_str().unwrap();
    harness.token(&[&[("grant_type", GRANT), ("client_id", CLIENT), ("device_code", code)]]).await
}

/// Polls and returns the error.
async fn poll_error(harness: &Harness, code: &Value) -> (u16, String, u64) {
    let refused = poll(harness, code).await.unwrap_err();
    (refused.status, refused.error, refused.number)
}

#[tokio::test]
async fn an_approved_code_yields_tokens_once() {
    let harness = quick();
    let code = begin(&harness, &[]).await.unwrap();
    let user_code = code["user_code"].as_str().unwrap();
    assert_eq!((&code["expires_in"], &code["interval"]), (&json!(900), &json!(0)));
    assert_eq!(code["verification_uri"], format!("{}/device", harness.simulator.base_url()));
    assert!(code.get("verification_uri_complete").is_none(), "Entra has none");
    let message = code["message"].as_str().unwrap();
    assert!(message.contains(user_code) && message.contains("/device"), "{message}");

    assert_eq!(poll_error(&harness, &code).await, (400, "authorization_pending".into(), 70016));
    assert!(harness.simulator.sign_in(|control| control.approve_device(None)));
    let reply = poll(&harness, &code).await.unwrap();
    assert!(reply["refresh_token"].is_string() && reply["id_token"].is_string());
    assert_eq!(harness.ask(reply["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
    assert_eq!(poll_error(&harness, &code).await, (400, "invalid_grant".into(), 54005));
    assert_eq!(harness.simulator.sign_in(|control| control.requests(Grant::Device)), 3);
}

#[tokio::test]
async fn the_default_interval_is_enforced() {
    let harness = Harness::new();
    let code = begin(&harness, &[]).await.unwrap();
    assert_eq!(code["interval"], 5);
    assert_eq!(poll_error(&harness, &code).await.1, "authorization_pending");
    assert_eq!(poll_error(&harness, &code).await, (400, "slow_down".into(), 70016));
    // The interval also applies to an approved code.
    harness.simulator.sign_in(|control| control.approve_device(None));
    assert_eq!(poll_error(&harness, &code).await.1, "slow_down");
}

#[tokio::test]
async fn declined_expired_unknown_and_blocked_codes_are_refused() {
    let harness = quick();
    let code = begin(&harness, &[]).await.unwrap();
    assert!(harness.simulator.sign_in(|control| control.decline_device(None)));
    assert_eq!(poll_error(&harness, &code).await, (400, "authorization_declined".into(), 65004));

    let code = begin(&harness, &[]).await.unwrap();
    harness.simulator.sign_in(|control| {
        control.expire_devices();
        assert!(!control.approve_device(None), "the code has expired");
    });
    assert_eq!(poll_error(&harness, &code).await, (400, "expired_token".into(), 70019));
    harness.simulator.sign_in(|control| control.rules.device_life = Duration::ZERO);
    let code = begin(&harness, &[]).await.unwrap();
    assert_eq!(poll_error(&harness, &code).await.1, "expired_token");

    let unknown = json!({"device_code": "other"});
    assert_eq!(poll_error(&harness, &unknown).await, (400, "bad_verification_code".into(), 70018));

    harness.simulator.sign_in(|control| {
        control.rules.device_life = Duration::from_secs(900);
        control.rules.device_blocked = true;
    });
    let code = begin(&harness, &[]).await.unwrap();
    assert_eq!(poll_error(&harness, &code).await, (400, "invalid_grant".into(), 53003));
}

#[rstest]
#[case(&[("client_id", "")], "invalid_request", 900_144)]
#[case(&[("scope", "")], "invalid_request", 900_144)]
#[case(&[("scope", "openid")], "invalid_scope", 70011)]
#[case(&[("scope", "User.Read")], "invalid_grant", 65001)]
#[tokio::test]
async fn an_invalid_code_request_is_refused(
    #[case] changes: &[(&str, &str)],
    #[case] error: &str,
    #[case] number: u64,
) {
    let refused = begin(&quick(), changes).await.unwrap_err();
    assert!(refused.is(400, error, number), "{refused:?}");
}

#[tokio::test]
async fn the_user_may_approve_after_several_polls() {
    let harness = quick();
    harness.simulator.sign_in(|control| control.rules.approves_at_poll = Some(3));
    let code = begin(&harness, &[]).await.unwrap();
    assert_eq!(poll_error(&harness, &code).await.1, "authorization_pending");
    assert_eq!(poll_error(&harness, &code).await.1, "authorization_pending");
    assert!(poll(&harness, &code).await.is_ok());
}

#[tokio::test]
async fn the_user_enters_the_code_on_a_page() {
    let harness = quick();
    let codes = [begin(&harness, &[]).await.unwrap(), begin(&harness, &[]).await.unwrap()];
    let pending = harness.simulator.sign_in(|control| {
        assert!(!control.approve_device(None), "two codes are pending");
        control.pending_devices()
    });
    assert_eq!(codes.each_ref().map(|code| code["user_code"].as_str().unwrap()), pending[..]);
    let page = harness.open("/device").await.text().await.unwrap();
    assert!(page.contains("name=\"user_code\"") && page.contains("value=\"decline\""), "{page}");

    for wrong in ["", "<b>", "ABCDEFGHJ"] {
        let (status, page) = harness.post("/device", &[("user_code", wrong), ("answer", "approve")]).await;
        assert!(status == StatusCode::BAD_REQUEST && !page.contains("<b>"), "{page}");
    }
    let typed = format!(" {} ", pending[0].to_lowercase());
    assert_eq!(
        harness.post("/device", &[("user_code", &typed), ("answer", "approve")]).await.0,
        StatusCode::OK
    );
    let declined = harness.post("/device", &[("user_code", &pending[1]), ("answer", "decline")]).await;
    assert_eq!(declined.0, StatusCode::OK);
    assert!(poll(&harness, &codes[0]).await.is_ok());
    assert_eq!(poll_error(&harness, &codes[1]).await.1, "authorization_declined");
}
