//! Tests where secrets are sent, and that they are never shown.

use alertdeck_graph::{
    Api, Client, Endpoint,
    auth::{AuthError, Authority, BrowserSignIn, DeviceSignIn, Identity, Proof, Session, Tokens, Vault},
    http::Url,
};
use alertdeck_simulator::SignIn;
use rstest::rstest;

use super::{
    fake::{Answer, FakeServer, token},
    harness::{Harness, application, current, http, read, session, visit},
};

/// Starts a server that must not receive any requests.
async fn foreign() -> FakeServer {
    FakeServer::start(|number, _| token(number, 3600)).await
}

#[rstest]
#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed(#[values(301, 302, 303, 307, 308)] status: u16) {
    let foreign = foreign().await;
    let elsewhere = format!("{}/contoso.com/oauth2/v2.0/token", foreign.base());
    let fake = FakeServer::start(move |_, _| {
        Answer::Send(status, vec![("location", elsewhere.clone())], "<html>moved</html>".into())
    })
    .await;
    let proof = Proof::secret("canary").unwrap();
    let session = Session::new(http(), application(&fake.base()), Identity::Application(proof));
    let error = current(&session).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the sign-in service's response cannot be read: it is a redirect (HTTP {status}), which is not followed"
        )
    );
    let error = DeviceSignIn::begin(&application(&fake.base()), &http(), None).await.err().unwrap();
    assert!(error.to_string().contains("is not followed"), "{error}");
    assert_eq!((fake.requests().len(), foreign.requests().len()), (2, 0));
}

#[tokio::test]
async fn addresses_in_responses_are_not_contacted() {
    let foreign = foreign().await;
    let base = foreign.base();
    let fake = FakeServer::start(move |number, _| match number {
        0 => Answer::json(
            200,
            &format!(
                r#"{{"user_code":"A","device_code":"canary","verification_uri":"{base}/x","verification_uri_complete":"{base}/y","message":"{base}","expires_in":900,"interval":0,"token_endpoint":"{base}"}}"#
            ),
        ),
        _ => Answer::json(400, &format!(r#"{{"error":"invalid_grant","error_uri":"{base}/z"}}"#)),
    })
    .await;
    let waiting = DeviceSignIn::begin(&application(&fake.base()), &http(), None).await.unwrap();
    let error = waiting.finish_with(|_| std::future::ready(())).await.unwrap_err();
    assert!(matches!(error, AuthError::Refused(_)), "{error}");
    assert_eq!((fake.requests().len(), foreign.requests().len()), (2, 0));
}

#[tokio::test]
async fn credentials_are_sent_only_to_the_authority() {
    let fake = FakeServer::start(|number, _| match number {
        0 => token(number, 3600),
        _ => Answer::json(400, r#"{"error":"invalid_client"}"#),
    })
    .await;
    let application = application(&fake.base());
    for proof in [true, false] {
        let vault = Vault::memory();
        let session = if proof {
            Session::new(http(), application.clone(), Identity::Application(Proof::secret("x").unwrap()))
        } else {
            Harness::new().signed_in(&vault).await;
            session(&http(), application.clone(), &vault)
        };
        let _ = current(&session).await;
    }
    let _ = DeviceSignIn::begin(&application, &http(), None).await;
    let targets: Vec<_> = fake.requests().into_iter().map(|request| request.target).collect();
    let below = "/contoso.com/oauth2/v2.0";
    assert_eq!(targets, [format!("{below}/token"), format!("{below}/token"), format!("{below}/devicecode")]);
    for request in fake.requests() {
        assert!(request.head.starts_with("POST ") && !request.head.to_lowercase().contains("authorization:"));
    }
    let authority = Authority::new(&fake.base(), "contoso.com").unwrap();
    for outside in [
        format!("{}/contoso.com/oauth2/v2.0x/token", fake.base()),
        format!("{}/contoso.com.evil/oauth2/v2.0/token", fake.base()),
        format!("{}/contoso.com/oauth2/v2.0/../../../x/token", fake.base()),
        format!("{}/contoso.com/oauth2/v2.0/%2e%2e/token", fake.base()),
        fake.base().replace("http:", "https:") + "/contoso.com/oauth2/v2.0/token",
    ] {
        assert!(!authority.scope().covers(&Url::parse(&outside).unwrap()), "{outside}");
    }
}

#[tokio::test]
async fn secrets_are_neither_shown_nor_recorded() {
    let http = http();
    let mut shown = Vec::new();
    // A closed connection, a refused code, a refusal that quotes the form, and malformed responses.
    for answer in [
        || Answer::Close,
        || Answer::json(400, r#"{"error":"invalid_grant","error_description":"AADSTS54005: used"}"#),
        || Answer::json(400, r#"{"error":"invalid_grant","error_description":"the form was FORM"}"#),
        || Answer::json(200, r#"{"access_token":"canary-token","expires_in":"canary"}"#),
        || {
            Answer::json(
                200,
                r#"{"token_type":"Bearer","access_token":"canary-token","refresh_token":"canary-refresh","id_token":"canary-id"}"#,
            )
        },
    ] {
        let fake = FakeServer::start(move |_, request| match answer() {
            Answer::Send(status, headers, body) => {
                Answer::Send(status, headers, body.replace("FORM", &request.body))
            }
            other => other,
        })
        .await;
        let waiting = BrowserSignIn::begin(&application(&fake.base()), None, None).await.unwrap();
        let query: std::collections::HashMap<_, _> = waiting.address().query_pairs().into_owned().collect();
        let back = format!("{}?code=canary-code&state={}", query["redirect_uri"], query["state"]);
        let (outcome, (_, page)) = tokio::join!(waiting.finish(&http), visit(&back));
        assert!(fake.requests()[0].body.contains("code=canary-code"), "the form contains the code");
        shown.push(format!("{outcome:?} {page}"));
        match outcome {
            Err(error) => shown.push(error.to_string()),
            Ok(grant) => {
                let session = session(&http, application(&fake.base()), &Vault::memory());
                session.accept(grant).await.unwrap();
                shown.push(format!("{session:?} {:?}", session.claims()));
            }
        }
        let secret = Proof::secret("canary-secret").unwrap();
        let session = Session::new(http.clone(), application(&fake.base()), Identity::Application(secret));
        let outcome = Tokens::session(session.clone()).current().await;
        shown.push(format!("{session:?} {outcome:?}"));
    }
    // A `$skiptoken` in a request whose connection is closed.
    let graph = FakeServer::start(|number, _| match number {
        0 => Answer::json(200, r#"{"value":[],"@odata.nextLink":"?$skiptoken=canary-skip"}"#),
        _ => Answer::Close,
    })
    .await;
    let endpoint = Endpoint::at(&graph.base(), Api::V1).unwrap();
    let tokens = Tokens::fixed(&"canary-bearer".into()).unwrap();
    let (_, error) = read(Client::new(http.clone(), endpoint, tokens)).await;
    let error = error.unwrap();
    assert!(graph.requests()[1].target.contains("canary-skip"));
    shown.push(format!("{error} {error:?}"));
    let entries = http.journal().entries();
    assert!(entries.len() >= 10, "{}", entries.len());
    for entry in entries {
        shown.push(format!("{entry} {entry:?}"));
        assert!(!entry.curl().0.contains("canary-bearer") && !entry.curl().0.contains("canary-code"));
    }
    for text in shown {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn debug_output_contains_no_token() {
    let harness = Harness::with(SignIn::default());
    let session = harness.signed_in(&Vault::memory()).await;
    let token = current(&session).await.unwrap();
    let token = token.strip_prefix("Bearer ").unwrap();
    assert!(!format!("{session:?}{:?}", harness.client(&session)).contains(token));
}
