//! Sign-in as an application.

use std::time::Duration;

use alertdeck_graph::auth::{Application, AuthError, Authority, Identity, Proof, Session};
use alertdeck_simulator::{CLIENT_SECRET, Grant as Kind, SignIn, SignInControl};
use alertdeck_testing::Identity as TestIdentity;
use rstest::rstest;

use super::harness::{Harness, current, read};

fn by(harness: &Harness, proof: Proof) -> Session {
    Session::new(harness.http.clone(), harness.application(), Identity::Application(proof))
}

#[tokio::test]
async fn a_secret_reads_the_list() {
    let harness = Harness::new();
    let session = by(&harness, Proof::secret(CLIENT_SECRET).unwrap());
    assert_eq!(read(harness.client(&session)).await.0.len(), 7);
    assert!(session.claims().unwrap().is_application);
    assert_eq!(harness.requests(Kind::Client), 1);
}

#[rstest]
#[case::pkcs8(TestIdentity::APP)]
#[case::pkcs1(TestIdentity::OTHER)]
#[tokio::test]
async fn each_token_request_is_signed_anew(#[case] identity: TestIdentity) {
    let harness = Harness::new();
    let certificate = identity.certificate_der();
    harness.simulator.sign_in(|control| control.trust_certificate(&certificate).unwrap());
    let session = by(&harness, Proof::certificate(&identity.pem()).unwrap());
    assert_eq!(read(harness.client(&session)).await.0.len(), 7);
    // The tenant accepts each assertion only once.
    harness.simulator.sign_in(SignInControl::expire_access_tokens);
    assert_eq!(read(harness.client(&session)).await.0.len(), 7);
    assert_eq!(harness.requests(Kind::Client), 2);
}

#[rstest]
#[case::wrong(|| Proof::secret("other").unwrap(), "wrong client secret")]
#[case::expired(|| Proof::secret("last year's").unwrap(), "the client secret has expired")]
#[case::certificate(|| Proof::certificate(&TestIdentity::APP.pem()).unwrap(), "the certificate is not registered")]
#[tokio::test]
async fn a_refused_credential_is_explained(#[case] proof: fn() -> Proof, #[case] words: &str) {
    let harness = Harness::with(SignIn { expired_secret: Some("last year's".into()), ..SignIn::default() });
    let (_, error) = read(harness.client(&by(&harness, proof()))).await;
    let line = error.unwrap().to_string();
    assert!(line.starts_with(words), "{line}");
    assert_eq!((harness.requests(Kind::Client), harness.lists().len()), (1, 0));
}

#[tokio::test]
async fn an_application_needs_a_specific_tenant() {
    let harness = Harness::new();
    let authority = Authority::new(&harness.simulator.base_url(), "common").unwrap();
    let application = Application { authority, ..harness.application() };
    let proof = Proof::secret(CLIENT_SECRET).unwrap();
    let session = Session::new(harness.http.clone(), application, Identity::Application(proof));
    let error = current(&session).await.unwrap_err();
    assert!(error.to_string().starts_with("this sign-in method needs a specific tenant"), "{error}");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let harness = Harness::with(SignIn { token_life: Duration::from_secs(1), ..SignIn::default() });
    let session = by(&harness, Proof::secret(CLIENT_SECRET).unwrap());
    let first = current(&session).await.unwrap();
    assert_eq!(current(&session).await.unwrap(), first);
    // The token is renewed after four fifths of its lifetime.
    let next = async {
        loop {
            let token = current(&session).await.unwrap();
            if token != first {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::harness::SOON, next).await.unwrap();
    assert_eq!(harness.requests(Kind::Client), 2);
}

#[tokio::test]
async fn an_application_whose_tokens_are_refused_asks_no_user() {
    let harness = Harness::new();
    let session = by(&harness, Proof::secret(CLIENT_SECRET).unwrap());
    let _watched = session.attend();
    let fake = super::fake::FakeServer::start(|_, _| super::fake::Answer::json(401, "{}")).await;
    let endpoint = alertdeck_graph::Endpoint::at(&fake.base(), alertdeck_graph::Api::V1).unwrap();
    let tokens = alertdeck_graph::auth::Tokens::session(session.clone());
    let client = alertdeck_graph::Client::new(harness.http.clone(), endpoint, tokens);
    let (_, error) = read(client).await;
    assert_eq!(error.unwrap().kind, alertdeck_graph::Kind::SignIn);
    assert_eq!((fake.requests().len(), harness.requests(Kind::Client), session.needed()), (2, 2, None));
    assert!(matches!(current(&session).await, Ok(_) | Err(AuthError::Refused(_))));
}
