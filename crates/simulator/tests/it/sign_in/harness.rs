//! A tenant that requires signing in, and a plain reqwest client.

use std::{collections::HashMap, time::Duration};

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, Settings, SignIn, Simulator};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Response, StatusCode, Url, redirect::Policy};
use ring::digest::{SHA256, digest};
use serde_json::Value;

pub(crate) const CLIENT: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const REDIRECT: &str = "http://localhost:43210/back";
/// The example verifier from RFC 7636.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const ALERTS: &str = "/v1.0/security/alerts_v2";
/// The `claims` parameter of a client that handles claims challenges.
pub(crate) const CP1: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

pub(crate) struct Harness {
    pub(crate) simulator: Simulator,
    client: Client,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(SignIn::default())
    }

    pub(crate) fn with(sign_in: SignIn) -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        Self::start(Settings { sign_in, access: Access::SignedIn, ..Settings::new(now) })
    }

    pub(crate) fn start(settings: Settings) -> Self {
        let client = crate::client_builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self { simulator: Simulator::start(Settings { alerts: 3, ..settings }).unwrap(), client }
    }

    pub(crate) fn scope(&self) -> String {
        format!("{}/.default offline_access openid", self.simulator.base_url())
    }

    /// Opens a page.
    pub(crate) async fn open(&self, target: &str) -> Response {
        self.client.get(format!("{}{target}", self.simulator.base_url())).send().await.unwrap()
    }

    /// Posts a form; returns the status and the body.
    pub(crate) async fn post(&self, target: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let response = self.try_post(target, form).await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn try_post(&self, target: &str, form: &[(&str, &str)]) -> reqwest::Result<Response> {
        let request = self
            .client
            .post(format!("{}{target}", self.simulator.base_url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(form));
        request.send().await
    }

    /// Sends a token request that may get no response.
    pub(crate) async fn try_token(&self, form: &[(&str, &str)]) -> reqwest::Result<Response> {
        self.try_post("/contoso.com/oauth2/v2.0/token", form).await
    }

    /// Sends a token request. Later pairs replace earlier ones with the same name; an empty value
    /// removes the parameter.
    pub(crate) async fn token(&self, pairs: &[&[(&str, &str)]]) -> Result<Value, Refused> {
        let (status, body) = self.post("/contoso.com/oauth2/v2.0/token", &merge(pairs)).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        if status == StatusCode::OK { Ok(body) } else { Err(Refused::read(status, &body)) }
    }

    /// Sends a valid authorize request with `changes`.
    pub(crate) async fn authorize(&self, changes: &[(&str, &str)]) -> Response {
        let (scope, challenge) = (self.scope(), challenge(VERIFIER));
        let valid = [
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("response_mode", "query"),
            ("redirect_uri", REDIRECT),
            ("scope", &scope),
            ("state", "a state & more"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = encode(&merge(&[&valid, changes]));
        self.open(&format!("/contoso.com/oauth2/v2.0/authorize?{query}")).await
    }

    /// Signs a user in; returns the token response.
    pub(crate) async fn signed_in(&self, claims: &str) -> Value {
        let code = redirect_query(&self.authorize(&[("claims", claims)]).await)["code"].clone();
        self.token(&[&redemption(&code)]).await.unwrap()
    }

    /// Lists alerts with a token.
    pub(crate) async fn ask(&self, token: &str) -> Response {
        let url = format!("{}{ALERTS}", self.simulator.base_url());
        self.client.get(url).bearer_auth(token).send().await.unwrap()
    }

    /// Changes an alert with a token.
    pub(crate) async fn change(&self, token: &str) -> Response {
        let id = self.simulator.alerts()[0]["id"].as_str().unwrap().to_owned();
        let url = format!("{}{ALERTS}/{id}", self.simulator.base_url());
        let request = self.client.patch(url).bearer_auth(token).body(r#"{"status":"resolved"}"#);
        request.send().await.unwrap()
    }

    /// Posts a comment with a token.
    pub(crate) async fn comment(&self, token: &str) -> Response {
        let id = self.simulator.alerts()[0]["id"].as_str().unwrap().to_owned();
        let url = format!("{}{ALERTS}/{id}/comments", self.simulator.base_url());
        self.client.post(url).bearer_auth(token).body(r#"{"comment":"seen"}"#).send().await.unwrap()
    }
}

/// Returns the parameters that redeem a code.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

/// Returns the parameters that renew a token.
pub(crate) fn renewal(token: &str) -> [(&str, &str); 3] {
    [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token)]
}

fn merge<'a>(pairs: &[&[(&'a str, &'a str)]]) -> Vec<(&'a str, &'a str)> {
    let mut merged: Vec<(&str, &str)> = Vec::new();
    for (name, value) in pairs.concat() {
        merged.retain(|(key, _)| *key != name);
        merged.push((name, value));
    }
    merged.retain(|(_, value)| !value.is_empty());
    merged
}

fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Returns the parameters of a redirect to the client.
pub(crate) fn redirect_query(response: &Response) -> HashMap<String, String> {
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert!(location.as_str().starts_with(REDIRECT), "{location}");
    location.query_pairs().into_owned().collect()
}

/// Returns a token's claims without verification.
pub(crate) fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// An error from the token endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) error: String,
    pub(crate) number: u64,
    pub(crate) message: String,
}

impl Refused {
    /// Reads an error response and checks its documented form.
    pub(crate) fn read(status: StatusCode, body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}")).to_owned();
        let number = body["error_codes"][0].as_u64().unwrap();
        let (description, timestamp) = (text("error_description"), text("timestamp"));
        assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
        let ids = format!(
            " Trace ID: {} Correlation ID: {} Timestamp: {timestamp}",
            text("trace_id"),
            text("correlation_id")
        );
        assert!(description.ends_with(&ids), "{description}");
        assert!(text("error_uri").ends_with(&format!("/error?code={number}")));
        assert!(Timestamp::parse(&timestamp.replace(' ', "T")).is_some(), "{timestamp}");
        Self { status: status.as_u16(), error: text("error"), number, message: description }
    }

    pub(crate) fn is(&self, status: u16, error: &str, number: u64) -> bool {
        (self.status, &*self.error, self.number) == (status, error, number)
    }
}
