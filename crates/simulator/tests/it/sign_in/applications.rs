//! Applications: secrets and certificates.

use std::sync::LazyLock;

use alertdeck_simulator::{CLIENT_SECRET, SignIn};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::harness::{CLIENT, Harness, Refused, claims};

const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

async fn ask(harness: &Harness, changes: &[(&str, &str)]) -> Result<Value, Refused> {
    let scope = format!("{}/.default", harness.simulator.base_url());
    let right = [("grant_type", "client_credentials"), ("client_id", CLIENT), ("scope", &scope)];
    harness.token(&[&right, changes]).await
}

#[tokio::test]
async fn a_secret_becomes_a_token_with_roles() {
    let harness = Harness::new();
    let reply = ask(&harness, &[("client_secret", CLIENT_SECRET)]).await.unwrap();
    assert!(reply.get("refresh_token").is_none() && reply.get("id_token").is_none());
    assert_eq!(reply["expires_in"], 3599);
    let access = claims(&reply["access_token"]);
    assert_eq!(
        (&access["roles"], &access["idtyp"]),
        (&json!(["SecurityAlert.ReadWrite.All"]), &json!("app"))
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
async fn an_application_must_prove_who_it_is(
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
async fn an_application_needs_a_real_tenant() {
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

/// A certificate with its key.
struct Identity {
    certificate: Vec<u8>,
    key: EncodingKey,
}

impl Identity {
    fn new() -> Self {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
        let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { certificate: certificate.der().to_vec(), key }
    }

    fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.certificate))
    }
}

/// Making RSA keys takes a while.
static OURS: LazyLock<Identity> = LazyLock::new(Identity::new);
static ANOTHER: LazyLock<Identity> = LazyLock::new(Identity::new);

/// What a good assertion says to this tenant.
fn good(harness: &Harness) -> Value {
    let now = jsonwebtoken::get_current_timestamp();
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

fn signed(algorithm: Algorithm, by: &Identity, named: &Identity, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.x5t_s256 = Some(named.thumbprint());
    jsonwebtoken::encode(&header, claims, &by.key).unwrap()
}

fn registered() -> Harness {
    let harness = Harness::new();
    harness.simulator.sign_in(|control| {
        assert!(control.trust_certificate(b"no certificate").is_err());
        control.trust_certificate(&OURS.certificate).unwrap();
    });
    harness
}

#[rstest]
#[case(Algorithm::RS256)]
#[case(Algorithm::PS256)]
#[tokio::test]
async fn an_assertion_becomes_a_token_once(#[case] algorithm: Algorithm) {
    let harness = registered();
    let assertion = signed(algorithm, &OURS, &OURS, &good(&harness));
    let reply = assert_with(&harness, &assertion).await.unwrap();
    assert_eq!(harness.ask(reply["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
    let refused = assert_with(&harness, &assertion).await.unwrap_err();
    assert!(
        refused.is(401, "invalid_client", 700_027) && refused.words.contains("used before"),
        "{refused:?}"
    );
}

#[rstest]
#[case::signature(|_: &Harness| signed(Algorithm::RS256, &ANOTHER, &OURS, &json!({})), "signature is not")]
#[case::unregistered(|control: &Harness| signed(Algorithm::RS256, &ANOTHER, &ANOTHER, &good(control)), "not registered")]
#[case::algorithm(|control: &Harness| signed(Algorithm::RS384, &OURS, &OURS, &good(control)), "neither RS256 nor PS256")]
#[case::nameless(|control: &Harness| jsonwebtoken::encode(&Header::new(Algorithm::RS256), &good(control), &OURS.key).unwrap(), "x5t#S256")]
#[case::secret(|control: &Harness| jsonwebtoken::encode(&Header::default(), &good(control), &EncodingKey::from_secret(&OURS.certificate)).unwrap(), "neither RS256")]
#[tokio::test]
async fn an_assertion_must_be_signed_by_the_application(
    #[case] assertion: fn(&Harness) -> String,
    #[case] words: &str,
) {
    let harness = registered();
    let refused = assert_with(&harness, &assertion(&harness)).await.unwrap_err();
    assert!(refused.is(401, "invalid_client", 700_027) && refused.words.contains(words), "{refused:?}");
}

#[rstest]
#[case("aud", json!("https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"), "another audience")]
#[case("aud", Value::Null, "leaves out")]
#[case("iss", json!("other"), "not by the application")]
#[case("sub", json!("other"), "not by the application")]
#[case("exp", json!(1_600_000_000), "expired")]
#[case("exp", Value::Null, "leaves out")]
#[case("nbf", json!(32_000_000_000_u64), "not valid yet")]
#[case("jti", Value::Null, "no id")]
#[case("jti", json!(""), "no id")]
#[tokio::test]
async fn an_assertion_must_say_the_right_things(
    #[case] claim: &str,
    #[case] value: Value,
    #[case] words: &str,
) {
    let harness = registered();
    let mut claims = good(&harness);
    if value.is_null() {
        claims.as_object_mut().unwrap().shift_remove(claim);
    } else {
        claims[claim] = value;
    }
    let refused = assert_with(&harness, &signed(Algorithm::PS256, &OURS, &OURS, &claims)).await.unwrap_err();
    assert!(refused.is(401, "invalid_client", 700_027) && refused.words.contains(words), "{refused:?}");
}
