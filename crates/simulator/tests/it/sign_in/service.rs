//! How the service treats the tenant's tokens.

use std::time::Duration;

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, CLIENT_SECRET, Rights, Settings, SignIn, SignInControl};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Response, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{CLIENT, CP1, Harness, renewal};

fn token(reply: &Value) -> &str {
    reply["access_token"].as_str().unwrap()
}

/// Returns the status, challenge, code and message of a refusal.
async fn refusal(response: Response) -> (u16, String, String, String) {
    let status = response.status().as_u16();
    let challenge =
        response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert!(body["error"]["innerError"]["request-id"].is_string());
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (status, challenge.unwrap_or_default(), text("code"), text("message"))
}

/// Returns the challenge that demands no claims.
fn plain_challenge(harness: &Harness) -> String {
    format!(
        "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", \
         client_id=\"00000003-0000-0000-c000-000000000000\"",
        harness.simulator.base_url()
    )
}

#[tokio::test]
async fn only_issued_tokens_are_accepted() {
    let harness = Harness::new();
    let reply = harness.signed_in("").await;
    assert_eq!(harness.ask(token(&reply)).await.status(), StatusCode::OK);
    let changed = format!("{}x", token(&reply));
    for unknown in ["any", &changed] {
        let (status, challenge, code, _) = refusal(harness.ask(unknown).await).await;
        assert_eq!((status, &*code), (401, "InvalidAuthenticationToken"));
        assert_eq!(challenge, plain_challenge(&harness));
    }
}

#[tokio::test]
async fn expired_and_revoked_tokens_are_refused() {
    let harness = Harness::new();
    let reply = harness.signed_in(CP1).await;
    harness.simulator.sign_in(SignInControl::expire_access_tokens);
    let expired = "Lifetime validation failed, the token is expired.";
    let (status, challenge, code, message) = refusal(harness.ask(token(&reply)).await).await;
    assert_eq!((status, &*code, &*message), (401, "InvalidAuthenticationToken", expired));
    assert_eq!(challenge, plain_challenge(&harness));

    harness.simulator.sign_in(|control| control.rules.token_life = Duration::ZERO);
    let reply = harness.signed_in("").await;
    assert_eq!(reply["expires_in"], 0);
    assert_eq!(refusal(harness.ask(token(&reply)).await).await.3, expired);

    harness.simulator.sign_in(|control| control.rules.token_life = Duration::from_secs(60));
    let reply = harness.signed_in("").await;
    assert_eq!((&reply["expires_in"], harness.ask(token(&reply)).await.status().as_u16()), (&json!(60), 200));
    harness.simulator.sign_in(SignInControl::revoke_access_tokens);
    assert_eq!(harness.ask(token(&reply)).await.status(), StatusCode::UNAUTHORIZED);
    let renewed = harness.token(&[&renewal(reply["refresh_token"].as_str().unwrap())]).await.unwrap();
    assert_eq!(harness.ask(token(&renewed)).await.status(), StatusCode::OK, "later tokens are valid");
}

#[rstest]
#[case(&["SecurityAlert.Read.All"], 200, 403)]
#[case(&["SecurityAlert.ReadWrite.All"], 200, 200)]
#[case(&["SecurityIncident.Read.All"], 200, 403)]
#[case(&["SecurityIncident.ReadWrite.All"], 200, 200)]
#[case(&["User.Read", "Mail.Read"], 403, 403)]
#[case(&[], 403, 403)]
#[tokio::test]
async fn reading_and_writing_need_permissions(
    #[case] rights: &[&str],
    #[case] reading: u16,
    #[case] writing: u16,
) {
    let rights: Vec<_> = rights.iter().map(|right| (*right).to_owned()).collect();
    let harness =
        Harness::with(SignIn { scopes: rights.clone(), roles: rights.clone(), ..SignIn::default() });
    let scope = format!("{}/.default", harness.simulator.base_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", CLIENT_SECRET),
        ("scope", &*scope),
    ];
    let (user, application) = (harness.signed_in("").await, harness.token(&[&form]).await.unwrap());
    let read = "SecurityAlert.Read.All,SecurityAlert.ReadWrite.All,SecurityIncident.Read.All,SecurityIncident.ReadWrite.All";
    let write = "SecurityAlert.ReadWrite.All,SecurityIncident.ReadWrite.All";
    for (token, is_user) in [(token(&user), true), (token(&application), false)] {
        for (response, status, needed) in [
            (harness.ask(token).await, reading, read),
            (harness.change(token).await, writing, write),
            (harness.comment(token).await, writing, write),
        ] {
            assert_eq!(response.status().as_u16(), status);
            if status == 403 {
                let (_, challenge, code, message) = refusal(response).await;
                assert_eq!((&*challenge, &*code), ("", "Forbidden"));
                let (held, needed) = (rights.join(","), needed.to_owned());
                let expected = if is_user {
                    let (held, needed) = (held.replace(',', ", "), needed.replace(',', ", "));
                    format!(
                        "Missing scope permissions on the request. API requires one of '{needed}'. Scopes on the request '{held}'"
                    )
                } else {
                    format!(
                        "Missing application roles. API required roles: {needed}, application roles: {held}."
                    )
                };
                assert_eq!(message, expected);
            }
        }
    }
}

#[tokio::test]
async fn tokens_that_were_not_issued_have_the_rights_of_the_tenant() {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    for (rights, reading, writing) in
        [(Rights::Responder, 200, 200), (Rights::Reader, 200, 403), (Rights::None, 403, 403)]
    {
        let sign_in = SignIn::default().with_rights(rights);
        let harness = Harness::start(Settings { sign_in, ..Settings::new(now) });
        let statuses = (harness.ask("any").await.status(), harness.change("any").await.status());
        assert_eq!((statuses.0.as_u16(), statuses.1.as_u16()), (reading, writing), "{rights}");
    }
}

#[tokio::test]
async fn the_author_of_a_comment_is_the_user() {
    let harness = Harness::with(SignIn { user: "dana@contoso.com".into(), ..SignIn::default() });
    let reply = harness.signed_in("").await;
    let comments: Value =
        serde_json::from_str(&harness.comment(token(&reply)).await.text().await.unwrap()).unwrap();
    assert_eq!(
        comments["value"].as_array().unwrap().last().unwrap()["createdByDisplayName"],
        "dana@contoso.com"
    );
}

/// Returns the demanded claims, alone and merged with the client's capabilities.
fn demanded() -> (Value, String) {
    let nbf = json!({"essential": true, "value": "1600000000"});
    let merged = json!({"access_token": {"nbf": nbf, "xms_cc": {"values": ["cp1"]}}});
    (json!({"access_token": {"nbf": nbf}}), merged.to_string())
}

#[tokio::test]
async fn demanded_claims_are_met_by_a_token_requested_with_them() {
    let harness = Harness::new();
    let (demand, merged) = demanded();
    let (reply, plain) = (harness.signed_in(CP1).await, harness.signed_in("").await);
    harness.simulator.sign_in(|control| control.demand_claims(Some(demand.clone())));

    let (status, challenge, code, _) = refusal(harness.ask(token(&reply)).await).await;
    assert_eq!((status, &*code), (401, "InvalidAuthenticationToken"));
    let encoded = challenge
        .strip_prefix(&plain_challenge(&harness))
        .and_then(|rest| rest.strip_prefix(", error=\"insufficient_claims\", claims=\""))
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_else(|| panic!("{challenge}"));
    let sent: Value = serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap();
    assert_eq!(sent, demand);
    assert_eq!(
        refusal(harness.ask(token(&plain)).await).await.1,
        plain_challenge(&harness),
        "a client without the capability is told the claims"
    );

    let refresh = reply["refresh_token"].as_str().unwrap();
    let same = harness.token(&[&renewal(refresh)]).await.unwrap();
    assert_eq!(
        harness.ask(token(&same)).await.status(),
        StatusCode::UNAUTHORIZED,
        "a token without the claims is accepted"
    );
    let renewed = harness.token(&[&renewal(refresh), &[("claims", &merged)]]).await.unwrap();
    assert_eq!(harness.ask(token(&renewed)).await.status(), StatusCode::OK);
    let refresh = renewed["refresh_token"].as_str().unwrap();
    let later = harness.token(&[&renewal(refresh)]).await.unwrap();
    assert_eq!(harness.ask(token(&later)).await.status(), StatusCode::OK, "the claims are remembered");
    let signed_in = harness.signed_in(&merged).await;
    assert_eq!(harness.ask(token(&signed_in)).await.status(), StatusCode::OK);

    harness.simulator.sign_in(|control| control.demand_claims(None));
    assert_eq!(harness.ask(token(&plain)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn claims_may_require_a_sign_in() {
    let harness = Harness::with(SignIn { refresh_meets_demand: false, ..SignIn::default() });
    let (demand, merged) = demanded();
    let reply = harness.signed_in(CP1).await;
    harness.simulator.sign_in(|control| control.demand_claims(Some(demand)));
    let renewal = renewal(reply["refresh_token"].as_str().unwrap());
    let refused = harness.token(&[&renewal, &[("claims", &merged)]]).await.unwrap_err();
    assert!(refused.is(400, "interaction_required", 50076), "{refused:?}");
    assert!(harness.token(&[&renewal]).await.is_ok());
    assert_eq!(harness.ask(token(&harness.signed_in(&merged).await)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn issued_tokens_are_checked_even_if_any_token_is_accepted() {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let harness = Harness::start(Settings { access: Access::Any, ..Settings::new(now) });
    let reply = harness.signed_in("").await;
    assert_eq!(harness.ask("any").await.status(), StatusCode::OK);
    assert_eq!(harness.ask(token(&reply)).await.status(), StatusCode::OK);
    harness.simulator.sign_in(SignInControl::expire_access_tokens);
    assert_eq!(harness.ask(token(&reply)).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(harness.ask("any").await.status(), StatusCode::OK);
}
