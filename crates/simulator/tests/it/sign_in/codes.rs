//! Authorization codes with PKCE on a loopback redirect.

use std::time::Duration;

use alertdeck_simulator::{Authorization, Grant, Rights, SignIn, SignInError, UNKNOWN_TENANT};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{
    CLIENT, CP1, Harness, REDIRECT, VERIFIER, challenge, claims, redemption, redirect_query,
};

#[tokio::test]
async fn a_code_yields_tokens() {
    let harness = Harness::new();
    let back = redirect_query(&harness.authorize(&[("claims", CP1), ("nonce", "n-1")]).await);
    assert_eq!(back["state"], "a state & more");
    let reply = harness.token(&[&redemption(&back["code"])]).await.unwrap();
    assert_eq!(reply["token_type"], "Bearer");
    assert_eq!((&reply["expires_in"], &reply["ext_expires_in"]), (&json!(3599), &json!(3599)));
    let (base, permissions) = (harness.simulator.base_url(), Rights::Responder.permissions());
    let mut scopes = vec!["openid".to_owned()];
    scopes.extend(permissions.iter().map(|name| format!("{base}/{name}")));
    scopes.push(format!("{base}/.default"));
    assert_eq!(reply["scope"], scopes.join(" "));
    assert!(reply["refresh_token"].as_str().unwrap().len() > 40);

    let access = claims(&reply["access_token"]);
    assert_eq!(access["aud"], harness.simulator.base_url());
    assert_eq!((&access["appid"], &access["idtyp"]), (&json!(CLIENT), &json!("user")));
    assert_eq!((&access["scp"], &access["xms_cc"]), (&json!(permissions.join(" ")), &json!(["cp1"])));
    assert_eq!((&access["upn"], &access["name"]), (&json!("alex.morgan@contoso.com"), &json!("Alex Morgan")));
    assert_eq!(access["exp"].as_u64().unwrap() - access["iat"].as_u64().unwrap(), 3599);
    assert_eq!(access["tid"].as_str().unwrap().len(), 36);
    assert!(access["iss"].as_str().unwrap().contains(access["tid"].as_str().unwrap()));
    let id = claims(&reply["id_token"]);
    assert_eq!((&id["aud"], &id["nonce"], &id["oid"]), (&json!(CLIENT), &json!("n-1"), &access["oid"]));

    assert_eq!(harness.ask(reply["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
    harness
        .simulator
        .sign_in(|control| assert_eq!((control.requests(Grant::Code), control.issued()), (1, 1)));
    for exchange in harness.simulator.log() {
        assert!(!exchange.target.contains(VERIFIER) && !exchange.target.contains(&back["code"]));
    }
}

#[tokio::test]
async fn tokens_are_issued_only_for_requested_scopes() {
    let harness = Harness::new();
    let least = [("scope", "SecurityAlert.Read.All")];
    let back = redirect_query(&harness.authorize(&least).await);
    let reply = harness.token(&[&redemption(&back["code"])]).await.unwrap();
    assert_eq!(reply["scope"], "SecurityAlert.Read.All");
    let token = reply["access_token"].as_str().unwrap();
    assert_eq!(harness.ask(token).await.status(), StatusCode::OK);
    assert_eq!(harness.change(token).await.status(), StatusCode::FORBIDDEN);
    assert!(reply.get("refresh_token").is_none() && reply.get("id_token").is_none());
    assert!(claims(&reply["access_token"]).get("xms_cc").is_none());
}

#[tokio::test]
async fn a_form_takes_the_code_back_where_the_client_asks_for_one() {
    let harness = Harness::new();
    let form = [("response_mode", "form_post"), ("state", "a \"quote\" & <more>")];
    let response = harness.authorize(&form).await;
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.text().await.unwrap();
    assert!(page.contains(&format!("<form method=\"post\" action=\"{REDIRECT}\">")), "{page}");
    assert!(page.contains("name=\"state\" value=\"a &quot;quote&quot; &amp; &lt;more&gt;\""), "{page}");
    let code = page.split("name=\"code\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(harness.token(&[&redemption(code)]).await.is_ok());

    harness.simulator.sign_in(|control| {
        let description = "<script>".into();
        control.next_authorization(Authorization::Refuse { error: "access_denied".into(), description });
    });
    let page = harness.authorize(&form).await.text().await.unwrap();
    assert!(page.contains("name=\"error\" value=\"access_denied\"") && page.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn clients_that_ask_for_it_get_the_identifiers_of_the_user() {
    let harness = Harness::new();
    let code = redirect_query(&harness.authorize(&[]).await)["code"].clone();
    let reply = harness.token(&[&redemption(&code), &[("client_info", "1")]]).await.unwrap();
    let info = URL_SAFE_NO_PAD.decode(reply["client_info"].as_str().unwrap()).unwrap();
    let (info, access): (Value, _) = (serde_json::from_slice(&info).unwrap(), claims(&reply["access_token"]));
    assert_eq!((&info["uid"], &info["utid"]), (&access["oid"], &access["tid"]));
    assert!(harness.signed_in("").await.get("client_info").is_none());
}

#[rstest]
#[case::no_client(&[("client_id", "")], "AADSTS900144")]
#[case::no_redirect(&[("redirect_uri", "")], "AADSTS900144")]
#[case::elsewhere(&[("redirect_uri", "http://evil.example/<script>")], "AADSTS50011")]
#[case::encrypted(&[("redirect_uri", "https://localhost:1/")], "AADSTS50011")]
#[case::six(&[("redirect_uri", "http://[::1]:1/")], "AADSTS50011")]
#[case::user(&[("redirect_uri", "http://a@localhost:1/")], "AADSTS50011")]
#[case::lookalike(&[("redirect_uri", "http://localhost.evil.example/")], "AADSTS50011")]
#[tokio::test]
async fn errors_without_a_valid_redirect_are_pages(#[case] changes: &[(&str, &str)], #[case] number: &str) {
    let response = Harness::new().authorize(changes).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(response.headers().get("location").is_none());
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let page = response.text().await.unwrap();
    assert!(page.contains(number) && !page.contains("<script>"), "{page}");
}

#[rstest]
#[case::kind(&[("response_type", "token")], "unsupported_response_type", "AADSTS70005")]
#[case::no_kind(&[("response_type", "")], "invalid_request", "AADSTS900144")]
#[case::mode(&[("response_mode", "fragment")], "invalid_request", "AADSTS9002313")]
#[case::no_pkce(&[("code_challenge", "")], "invalid_request", "AADSTS900144")]
#[case::no_method(&[("code_challenge_method", "")], "invalid_request", "AADSTS900144")]
#[case::plain(&[("code_challenge_method", "plain")], "invalid_request", "AADSTS9002313")]
#[case::short(&[("code_challenge", "abc")], "invalid_request", "AADSTS9002313")]
#[case::no_scope(&[("scope", "")], "invalid_request", "AADSTS900144")]
#[case::no_graph(&[("scope", "openid")], "invalid_scope", "AADSTS70011")]
#[case::other_graph(&[("scope", "https://graph.example/.default")], "invalid_resource", "AADSTS500011")]
#[case::no_consent(&[("scope", "User.Read")], "consent_required", "AADSTS65001")]
#[case::claims(&[("claims", "{")], "invalid_request", "AADSTS9002313")]
#[tokio::test]
async fn errors_are_redirected_to_the_client(
    #[case] changes: &[(&str, &str)],
    #[case] error: &str,
    #[case] number: &str,
) {
    let back = redirect_query(&Harness::new().authorize(changes).await);
    assert_eq!((&*back["error"], &*back["state"]), (error, "a state & more"));
    assert!(back["error_description"].starts_with(number), "{back:?}");
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn a_redirect_may_have_any_port_and_no_path() {
    let harness = Harness::new();
    for (redirect, start) in [
        ("http://localhost:1234", "http://localhost:1234/?"),
        ("http://127.0.0.1:9/x?a=1", "http://127.0.0.1:9/x?a=1&"),
    ] {
        let response = harness.authorize(&[("redirect_uri", redirect)]).await;
        let location = response.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&format!("{start}code=")), "{location}");
    }
}

#[tokio::test]
async fn the_user_may_react_in_other_ways() {
    let harness = Harness::new();
    let hostile = "<script>alert(1)</script>\u{1b}[2J\r\nx: y";
    harness.simulator.sign_in(|control| {
        let (error, description) = ("access_denied".to_owned(), hostile.to_owned());
        control.next_authorization(Authorization::Refuse { error, description });
        control.next_authorization(Authorization::ForeignState);
        control.next_authorization(Authorization::Ignore);
    });
    let back = redirect_query(&harness.authorize(&[]).await);
    assert_eq!((&*back["error"], &*back["error_description"]), ("access_denied", hostile));
    assert_eq!(back["state"], "a state & more");
    let back = redirect_query(&harness.authorize(&[]).await);
    assert!(back.contains_key("code") && back["state"] != "a state & more");
    let response = harness.authorize(&[]).await;
    assert!(response.status() == StatusCode::OK && response.headers().get("location").is_none());
    assert!(redirect_query(&harness.authorize(&[]).await).contains_key("code"));
}

#[rstest]
#[case::verifier(&[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX")], 400, "invalid_grant", 501_481)]
#[case::no_verifier(&[("code_verifier", "")], 400, "invalid_grant", 501_481)]
#[case::redirect(&[("redirect_uri", "http://localhost:43211/back")], 400, "invalid_grant", 50011)]
#[case::no_redirect(&[("redirect_uri", "")], 400, "invalid_request", 900_144)]
#[case::client(&[("client_id", "other")], 400, "invalid_grant", 70000)]
#[case::no_client(&[("client_id", "")], 400, "invalid_request", 900_144)]
#[case::code(&[("code", "other")], 400, "invalid_grant", 70000)]
#[case::secret(&[("client_secret", "x")], 401, "invalid_client", 700_025)]
#[case::grant(&[("grant_type", "password")], 400, "unsupported_grant_type", 70003)]
#[case::no_grant(&[("grant_type", "")], 400, "invalid_request", 900_144)]
#[case::claims(&[("claims", "[]")], 400, "invalid_request", 9_002_313)]
#[tokio::test]
async fn an_invalid_redemption_is_refused(
    #[case] changes: &[(&str, &str)],
    #[case] status: u16,
    #[case] error: &str,
    #[case] number: u64,
) {
    let harness = Harness::new();
    let code = redirect_query(&harness.authorize(&[]).await)["code"].clone();
    let refused = harness.token(&[&redemption(&code), changes]).await.unwrap_err();
    assert!(refused.is(status, error, number), "{refused:?}");
    assert_eq!(harness.simulator.sign_in(|control| control.issued()), 0);
}

#[tokio::test]
async fn a_code_is_valid_once_and_expires() {
    let harness = Harness::new();
    let code = redirect_query(&harness.authorize(&[]).await)["code"].clone();
    assert!(harness.token(&[&redemption(&code)]).await.is_ok());
    let refused = harness.token(&[&redemption(&code)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 54005), "{refused:?}");

    harness.simulator.sign_in(|control| control.rules.code_life = Duration::ZERO);
    let code = redirect_query(&harness.authorize(&[]).await)["code"].clone();
    let refused = harness.token(&[&redemption(&code)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 70008), "{refused:?}");
}

#[tokio::test]
async fn unknown_tenants_and_applications_are_refused() {
    let harness = Harness::with(SignIn { clients: vec![CLIENT.into()], ..SignIn::default() });
    let target = format!("/{UNKNOWN_TENANT}/oauth2/v2.0/token");
    let (status, body) = harness.post(&target, &redemption("x")).await;
    let body = serde_json::from_str(&body).unwrap();
    let refused = super::harness::Refused::read(status, &body);
    assert!(refused.is(400, "invalid_request", 90002), "{refused:?}");
    let page = harness.open(&format!("/{UNKNOWN_TENANT}/oauth2/v2.0/authorize")).await;
    assert!(page.text().await.unwrap().contains("AADSTS90002"));

    let refused = harness.token(&[&redemption("x"), &[("client_id", "other")]]).await.unwrap_err();
    assert!(refused.is(400, "unauthorized_client", 700_016), "{refused:?}");
    harness.simulator.sign_in(|control| control.rules.public_clients = false);
    let refused = harness.token(&[&redemption("x")]).await.unwrap_err();
    assert!(refused.is(401, "invalid_client", 7_000_218), "{refused:?}");
}

#[tokio::test]
async fn refusals_can_be_queued_for_any_grant_or_for_one() {
    let harness = Harness::new();
    harness.simulator.sign_in(|control| {
        control.refuse_next(Some(Grant::Refresh), SignInError::new("invalid_grant", 50173));
        control.refuse_next(
            None,
            SignInError::new("temporarily_unavailable", 90033).with_message("\u{1b}[31m later"),
        );
        control.refuse_next(Some(Grant::Code), SignInError::new("invalid_grant", 50126));
    });
    let code = redirect_query(&harness.authorize(&[]).await)["code"].clone();
    let refused = harness.token(&[&redemption(&code)]).await.unwrap_err();
    assert!(
        refused.is(503, "temporarily_unavailable", 90033) && refused.message.contains("\u{1b}[31m later")
    );
    let refused = harness.token(&[&redemption(&code)]).await.unwrap_err();
    assert!(refused.is(400, "invalid_grant", 50126), "{refused:?}");
    assert!(harness.token(&[&redemption(&code)]).await.is_ok(), "no refusal is left");
    assert_eq!(harness.simulator.sign_in(|control| control.requests(Grant::Code)), 3);
}

#[tokio::test]
async fn pages_need_get_and_token_requests_need_post() {
    let harness = Harness::new();
    assert_eq!(harness.open("/t/oauth2/v2.0/token").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let (status, _) = harness.post("/t/oauth2/v2.0/authorize", &[("redirect_uri", REDIRECT)]).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(challenge(VERIFIER).len(), 43);
}
