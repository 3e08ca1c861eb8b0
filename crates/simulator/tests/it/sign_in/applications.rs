//! Applications: secrets and certificates.

use std::time::SystemTime;

use alertdeck_simulator::{CLIENT_SECRET, Rights, SignIn};
use alertdeck_testing::Identity;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use ring::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{CLIENT, Harness, Refused, claims};

const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

async fn ask(harness: &Harness, changes: &[(&str, &str)]) -> Result<Value, Refused> {
    let scope = format!("{}/.default", harness.simulator.base_url());
    let valid = [("grant_type", "client_credentials"), ("client_id", CLIENT), ("scope", &scope)];
    harness.token(&[&valid, changes]).await
}

#[tokio::test]
async fn a_secret_yields_a_token_with_roles() {
    let harness = Harness::new();
    let reply = ask(&harness, &[("client_secret", CLIENT_SECRET)]).await.unwrap();
    for name in ["refresh_token", "id_token", "scope", "client_info"] {
        assert!(reply.get(name).is_none(), "{name}");
    }
    assert_eq!(reply["expires_in"], 3599);
    let access = claims(&reply["access_token"]);
    assert_eq!(
        (&access["roles"], &access["idtyp"]),
        (&json!(Rights::Responder.permissions()), &json!("app"))
    );
    assert_eq!(access["appid"], CLIENT);
    assert!(access.get("scp").is_none() && access.get("upn").is_none());
    let token = reply["access_token"].as_str().unwrap();
    assert_eq!(harness.ask(token).await.status(), StatusCode::OK);
    let comments: Value = serde_json::from_str(&harness.comment(token).await.text().await.unwrap()).unwrap();
    let last = comments["value"].as_array().unwrap().last().unwrap();
    assert_eq!(last["createdByDisplayName"], "alertdeck automation");
}

#[rstest]
#[case::wrong(&[("client_secret", "guess")], 401, "invalid_client", 7_000_215)]
#[case::expired(&[("client_secret", "last year's")], 401, "invalid_client", 7_000_222)]
#[case::none(&[], 401, "invalid_client", 7_000_218)]
#[case::both(&[("client_secret", CLIENT_SECRET), ("client_assertion", "x"), TYPE], 401, "invalid_client", 7_000_218)]
#[case::kind(&[("client_assertion", "x")], 401, "invalid_client", 7_000_218)]
#[case::junk(&[("client_assertion", "x"), TYPE], 401, "invalid_client", 700_027)]
#[case::scope(&[("client_secret", CLIENT_SECRET), ("scope", "SecurityAlert.Read.All")], 400, "invalid_scope", 70011)]
#[case::no_scope(&[("client_secret", CLIENT_SECRET), ("scope", "")], 400, "invalid_request", 900_144)]
#[tokio::test]
async fn an_application_needs_a_valid_credential(
    #[case] changes: &[(&str, &str)],
    #[case] status: u16,
    #[case] error: &str,
    #[case] number: u64,
) {
    let harness = Harness::with(SignIn { expired_secret: Some("last year's".into()), ..SignIn::default() });
    let refused = ask(&harness, changes).await.unwrap_err();
    assert!(refused.is(status, error, number), "{refused:?}");
}

#[tokio::test]
async fn an_application_needs_a_specific_tenant() {
    let harness = Harness::new();
    let scope = format!("{}/.default", harness.simulator.base_url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("scope", &scope),
        ("client_secret", CLIENT_SECRET),
    ];
    let (status, body) = harness.post("/common/oauth2/v2.0/token", &form).await;
    let refused = Refused::read(status, &serde_json::from_str(&body).unwrap());
    assert!(refused.is(400, "invalid_request", 9_001_023), "{refused:?}");
}

fn thumbprint(identity: Identity) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &identity.certificate_der()))
}

/// Returns the claims for a valid assertion.
fn valid_claims(harness: &Harness) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    json!({
        "aud": format!("{}/contoso.com/oauth2/v2.0/token", harness.simulator.base_url()),
        "iss": CLIENT,
        "sub": CLIENT,
        "jti": "1d2c3b4a",
        "nbf": now,
        "exp": now + 300,
    })
}

async fn assert_with(harness: &Harness, assertion: &str) -> Result<Value, Refused> {
    ask(harness, &[TYPE, ("client_assertion", assertion)]).await
}

/// The signature algorithms that the tests use.
#[derive(Clone, Copy)]
enum Algorithm {
    Rs256,
    Rs384,
    Ps256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Rs384 => &RSA_PKCS1_SHA384,
            Self::Ps256 => &RSA_PSS_SHA256,
        }
    }
}

/// Joins the header and claims in the form in which they are signed.
fn signing_input(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

/// Returns an assertion with this header, signed with the key that `by` holds.
fn sign(algorithm: Algorithm, by: Identity, header: &Value, claims: &Value) -> String {
    let key = KeyPair::from_pkcs8(&by.key_der()).or_else(|_| KeyPair::from_der(&by.key_der())).unwrap();
    let input = signing_input(header, claims);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(algorithm.encoding(), &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns an assertion that is signed with the key that `by` holds and identifies the certificate
/// that belongs to `named`.
fn signed(algorithm: Algorithm, by: Identity, named: Identity, claims: &Value) -> String {
    let header = json!({"alg": algorithm.name(), "typ": "JWT", "x5t#S256": thumbprint(named)});
    sign(algorithm, by, &header, claims)
}

/// Returns an assertion that does not identify a certificate.
fn unnamed(claims: &Value) -> String {
    sign(Algorithm::Rs256, Identity::APP, &json!({"alg": "RS256", "typ": "JWT"}), claims)
}

/// Returns an assertion whose HMAC key is the public certificate: a verifier that took the algorithm
/// from the header and the key from the certificate would accept it.
fn signed_with_the_certificate(claims: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT", "x5t#S256": thumbprint(Identity::APP)});
    let input = signing_input(&header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &Identity::APP.certificate_der());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes())))
}

/// Returns an assertion without a signature.
fn unsigned(claims: &Value) -> String {
    let header = json!({"alg": "none", "x5t#S256": thumbprint(Identity::APP)});
    format!("{}.", signing_input(&header, claims))
}

fn registered() -> Harness {
    let harness = Harness::new();
    harness.simulator.sign_in(|control| {
        assert!(control.trust_certificate(b"no certificate").is_err());
        control.trust_certificate(&Identity::APP.certificate_der()).unwrap();
    });
    harness
}

#[rstest]
#[case(Algorithm::Rs256)]
#[case(Algorithm::Ps256)]
#[tokio::test]
async fn an_assertion_yields_a_token_once(#[case] algorithm: Algorithm) {
    let harness = registered();
    let assertion = signed(algorithm, Identity::APP, Identity::APP, &valid_claims(&harness));
    let reply = assert_with(&harness, &assertion).await.unwrap();
    assert_eq!(harness.ask(reply["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
    let refused = assert_with(&harness, &assertion).await.unwrap_err();
    assert!(
        refused.is(401, "invalid_client", 700_027) && refused.message.contains("used before"),
        "{refused:?}"
    );
}

#[rstest]
#[case::other_key(|_: &Harness| signed(Algorithm::Rs256, Identity::OTHER, Identity::APP, &json!({})), "does not match")]
#[case::mislabelled(|harness: &Harness| sign(Algorithm::Rs256, Identity::APP, &json!({"alg": "PS256", "x5t#S256": thumbprint(Identity::APP)}), &valid_claims(harness)), "does not match")]
#[case::unregistered(|harness: &Harness| signed(Algorithm::Rs256, Identity::OTHER, Identity::OTHER, &valid_claims(harness)), "not registered")]
#[case::algorithm(|harness: &Harness| signed(Algorithm::Rs384, Identity::APP, Identity::APP, &valid_claims(harness)), "neither RS256 nor PS256")]
#[case::no_thumbprint(|harness: &Harness| unnamed(&valid_claims(harness)), "x5t#S256")]
#[case::public_key_as_secret(|harness: &Harness| signed_with_the_certificate(&valid_claims(harness)), "neither RS256")]
#[case::unsigned(|harness: &Harness| unsigned(&valid_claims(harness)), "neither RS256")]
#[tokio::test]
async fn an_assertion_needs_a_valid_signature(
    #[case] assertion: fn(&Harness) -> String,
    #[case] words: &str,
) {
    let harness = registered();
    let refused = assert_with(&harness, &assertion(&harness)).await.unwrap_err();
    assert!(refused.is(401, "invalid_client", 700_027) && refused.message.contains(words), "{refused:?}");
}

#[rstest]
#[case("aud", json!("https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"), "another audience")]
#[case("aud", Value::Null, "leaves out")]
#[case("iss", json!("other"), "not issued by the application")]
#[case("sub", json!("other"), "not issued by the application")]
#[case("exp", json!(1_600_000_000), "expired")]
#[case("exp", Value::Null, "leaves out")]
#[case("nbf", json!(32_000_000_000_u64), "not valid yet")]
#[case("jti", Value::Null, "no id")]
#[case("jti", json!(""), "no id")]
#[tokio::test]
async fn an_assertion_needs_valid_claims(#[case] claim: &str, #[case] value: Value, #[case] words: &str) {
    let harness = registered();
    let mut claims = valid_claims(&harness);
    if value.is_null() {
        claims.as_object_mut().unwrap().shift_remove(claim);
    } else {
        claims[claim] = value;
    }
    let refused = assert_with(&harness, &signed(Algorithm::Ps256, Identity::APP, Identity::APP, &claims))
        .await
        .unwrap_err();
    assert!(refused.is(401, "invalid_client", 700_027) && refused.message.contains(words), "{refused:?}");
}
