//! The claims that a service requires in the next token, and the claims that a token contains.
//!
//! Token claims are for display only. Their signature is not verified, so no decision depends on
//! them.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::http::HeaderMap;

/// The claims that a service requires in the next token, for continuous access evaluation
/// (docs/graph-api.md, "Claims challenges").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

/// A parameter in a challenge, with a quoted or unquoted value (RFC 9110, 11.2).
static PARAMETER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)\b(error|claims)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))"#).ok());

impl Claims {
    /// Reads the claims challenge from the response to a rejected request. The response may contain
    /// several challenges, with their parameters in any order.
    pub fn challenged(headers: &HeaderMap) -> Option<Self> {
        headers.get_all("www-authenticate").iter().find_map(|value| Self::read(value.to_str().ok()?))
    }

    fn read(header: &str) -> Option<Self> {
        let (mut insufficient, mut claims) = (false, None);
        for found in PARAMETER.as_ref()?.captures_iter(header) {
            let value = found.get(2).or_else(|| found.get(3))?.as_str();
            match found[1].to_ascii_lowercase().as_str() {
                "error" => insufficient |= value == "insufficient_claims",
                _ => claims = Some(value),
            }
        }
        let text = claims.filter(|_| insufficient)?;
        let bytes = [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|alphabet| alphabet.decode(text).ok())?;
        Some(Self(serde_json::from_slice(&bytes).ok()?))
    }

    /// Returns the `claims` parameter of a token request: the required claims, if any, and the
    /// capability `cp1`, which declares that this client handles challenges.
    pub(super) fn parameter(demanded: Option<&Self>) -> String {
        let mut claims = demanded.map_or_else(Map::new, |claims| claims.0.clone());
        let token = claims.entry("access_token").or_insert_with(|| json!({}));
        if !token.is_object() {
            *token = json!({});
        }
        token["xms_cc"] = json!({ "values": ["cp1"] });
        Value::Object(claims).to_string()
    }
}

/// The claims in a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenClaims {
    /// The user principal name.
    pub account: Option<String>,
    /// The user's or the application's name.
    pub name: Option<String>,
    /// The tenant's GUID.
    pub tenant: Option<String>,
    /// The GUID of the user or application object in the tenant.
    pub object: Option<String>,
    /// The scopes in a user's token, or the roles in an application's.
    pub permissions: Vec<String>,
    /// True if an application signed in rather than a user.
    pub is_application: bool,
    /// The expiry time.
    pub expires: Option<SystemTime>,
}

impl TokenClaims {
    /// Reads the claims in a token. Returns `None` if the token is not a JWT, since services may
    /// issue tokens in any format.
    pub fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let payload = URL_SAFE_NO_PAD.decode(parts.nth(1)?.trim_end_matches('=')).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        let text = |names: &[&str]| {
            let texts = names.iter().filter_map(|name| claims.get(*name)?.as_str());
            texts.map(str::trim).find(|text| !text.is_empty()).map(str::to_owned)
        };
        let scopes = text(&["scp"]);
        let roles = claims.get("roles").and_then(Value::as_array);
        let mut permissions: Vec<String> =
            scopes.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned).collect();
        permissions.extend(roles.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        let seconds = claims.get("exp").and_then(Value::as_u64);
        Some(Self {
            account: text(&["upn", "preferred_username", "unique_name"]),
            name: text(&["name", "app_displayname"]),
            tenant: text(&["tid"]),
            object: text(&["oid"]),
            is_application: text(&["idtyp"]).as_deref() == Some("app")
                || scopes.is_none() && !permissions.is_empty(),
            permissions,
            expires: seconds
                .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DEMAND: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;

    fn headers(values: &[String]) -> HeaderMap {
        values
            .iter()
            .map(|value| (crate::http::HeaderName::from_static("www-authenticate"), value.parse().unwrap()))
            .collect()
    }

    #[rstest]
    #[case::as_documented(
        r#"Bearer realm="", authorization_uri="https://login.example/common/oauth2/authorize", error="insufficient_claims", claims="C""#
    )]
    #[case::other_order(r#"Bearer claims="C", error="insufficient_claims", realm="""#)]
    #[case::bare(r"bearer error=insufficient_claims,claims=C")]
    #[case::among_others(r#"Negotiate, Bearer error="insufficient_claims", claims="C""#)]
    fn a_challenge_is_found(
        #[case] header: &str,
        #[values(&STANDARD, &URL_SAFE_NO_PAD)] alphabet: &dyn Encode,
    ) {
        let header = header.replace('C', &alphabet.encode(DEMAND));
        for values in [vec![header.clone()], vec!["Bearer".into(), header]] {
            let claims = Claims::challenged(&headers(&values)).unwrap();
            let sent: Value = serde_json::from_str(&Claims::parameter(Some(&claims))).unwrap();
            assert_eq!(
                sent,
                json!({"access_token": {
                    "nbf": {"essential": true, "value": "1604106651"},
                    "xms_cc": {"values": ["cp1"]},
                }})
            );
        }
    }

    trait Encode {
        fn encode(&self, text: &str) -> String;
    }

    impl<E: base64::Engine> Encode for E {
        fn encode(&self, text: &str) -> String {
            base64::Engine::encode(self, text)
        }
    }

    #[rstest]
    #[case("Bearer")]
    #[case(r#"Bearer error="invalid_token""#)]
    #[case(r#"Bearer error="insufficient_claims""#)]
    #[case(r#"Bearer error="insufficient_claims", claims="***""#)]
    #[case(r#"Bearer error="insufficient_claims", claims="W10=""#)]
    #[case(r#"Bearer error="other", claims="e30=""#)]
    fn other_refusals_have_no_challenge(#[case] header: &str) {
        assert_eq!(Claims::challenged(&headers(&[header.to_owned()])), None);
    }

    #[test]
    fn the_capability_is_declared_without_a_challenge() {
        let expected = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
        assert_eq!(Claims::parameter(None), expected);
        let odd = Claims(serde_json::from_str(r#"{"access_token":7}"#).unwrap());
        assert_eq!(Claims::parameter(Some(&odd)), expected);
    }

    fn token(payload: &Value) -> String {
        format!("e30.{}.sig", base64::Engine::encode(&URL_SAFE_NO_PAD, payload.to_string()))
    }

    #[test]
    fn a_token_is_read_for_display() {
        let claims = TokenClaims::read(&token(&json!({
            "upn": "ana@contoso.com", "name": "Ana", "tid": "T", "exp": 60,
            "scp": "SecurityAlert.Read.All profile",
        })));
        assert_eq!(
            claims,
            Some(TokenClaims {
                account: Some("ana@contoso.com".into()),
                name: Some("Ana".into()),
                tenant: Some("T".into()),
                object: None,
                permissions: vec!["SecurityAlert.Read.All".into(), "profile".into()],
                is_application: false,
                expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)),
            })
        );
        let app = TokenClaims::read(&token(&json!({"roles": ["SecurityAlert.Read.All"], "exp": u64::MAX})))
            .unwrap();
        assert!(app.is_application && app.expires.is_none());
        let odd = TokenClaims::read(&token(&json!({"upn": 7, "scp": [], "roles": "x", "exp": "soon"})));
        assert_eq!(odd, Some(TokenClaims::default()));
    }

    #[rstest]
    #[case("opaque")]
    #[case("a.b")]
    #[case("a.***.c")]
    #[case("a.W10.c")]
    #[case("")]
    fn other_kinds_of_tokens_have_no_claims(#[case] token: &str) {
        assert_eq!(TokenClaims::read(token), None);
    }
}
