//! Reading lists while tokens expire, are refused, or lack required claims.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use alertdeck_graph::{
    Api, Client, ClientEvent, Endpoint, Kind, ListQuery, WaitCause,
    auth::{Identity, Proof, Session, Tokens, Vault},
};
use alertdeck_simulator::{Access, Grant, SignIn, SignInControl};
use rstest::rstest;
use serde_json::json;
use tokio::time::timeout;

use super::{
    fake::{Answer, FakeServer, token},
    harness::{Harness, SOON, all, application, http, needed, read, user},
};

#[tokio::test]
async fn a_token_that_expires_at_page_three_is_renewed() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let mut pages = harness.client(&session).pages(&ListQuery::default());
    let mut ids = Vec::new();
    let mut number = 0;
    while let Some(page) = pages.next(&mut |_| {}).await {
        number += 1;
        if number == 2 {
            harness.simulator.sign_in(SignInControl::expire_access_tokens);
        }
        ids.extend(page.unwrap().raw.alerts.iter().map(|raw| raw.decode().unwrap().id.raw().to_owned()));
    }
    assert_eq!(ids, all(&harness));
    assert_eq!(harness.lists(), [200, 200, 401, 200, 200]);
    assert_eq!(harness.requests(Grant::Refresh), 1);
}

/// Reads a list in the background.
fn reading(client: Client) -> tokio::task::JoinHandle<(Vec<String>, Option<alertdeck_graph::Error>)> {
    tokio::spawn(read(client))
}

/// Starts a service that refuses all tokens.
async fn refusing(harness: &Harness, session: &Session) -> (FakeServer, Client) {
    let fake = FakeServer::start(|_, _| {
        Answer::json(
            401,
            r#"{"error":{"code":"InvalidAuthenticationToken","message":"Wrong \u001b[2J audience"}}"#,
        )
    })
    .await;
    let endpoint = Endpoint::at(&fake.base(), Api::V1).unwrap();
    let client = Client::new(harness.http.clone(), endpoint, Tokens::session(session.clone()));
    (fake, client)
}

#[tokio::test]
async fn refused_tokens_end_the_list_after_a_new_sign_in() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let (fake, client) = refusing(&harness, &session).await;
    let mut watched = session.attend();
    let list = reading(client);
    let why = needed(&mut watched).await.why;
    assert_eq!(why, "the service refused the token and a renewed one");
    assert_eq!((fake.requests().len(), harness.requests(Grant::Refresh)), (2, 1));
    session.accept(harness.grant().await).await.unwrap();
    let (ids, error) = timeout(SOON, list).await.unwrap().unwrap();
    let error = error.unwrap();
    assert_eq!((ids.len(), error.kind, fake.requests().len()), (0, Kind::SignIn, 3));
    assert!(error.to_string().contains("Wrong ␛[2J audience"), "{error}");
    assert_eq!(harness.requests(Grant::Refresh), 1);
}

#[tokio::test]
async fn without_a_user_refused_tokens_end_the_list_after_two_requests() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let (fake, client) = refusing(&harness, &session).await;
    assert_eq!(read(client).await.1.unwrap().kind, Kind::SignIn);
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn several_lists_with_refused_tokens_ask_the_user_once() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let (fake, client) = refusing(&harness, &session).await;
    let mut watched = session.attend();
    let lists: Vec<_> = (0..8).map(|_| reading(client.clone())).collect();
    needed(&mut watched).await;
    // A later list makes one attempt of its own, without waking up the others.
    let late = reading(client.clone());
    timeout(SOON, fake.reached(18)).await.unwrap();
    assert!(session.needed().is_some());
    session.accept(harness.grant().await).await.unwrap();
    let accepted = super::harness::current(&session).await.unwrap();
    for list in lists.into_iter().chain([late]) {
        assert_eq!(timeout(SOON, list).await.unwrap().unwrap().1.unwrap().kind, Kind::SignIn);
    }
    let sent = fake.requests();
    let after_the_user = sent.iter().filter(|request| request.head.contains(&accepted)).count();
    assert_eq!((sent.len(), after_the_user), (27, 9));
    assert_eq!(session.needed(), None);
}

fn nbf(value: &str) -> serde_json::Value {
    json!({"access_token": {"nbf": {"essential": true, "value": value}}})
}

#[tokio::test]
async fn a_claims_challenge_that_a_renewal_meets_does_not_ask_the_user() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let mut pages = harness.client(&session).pages(&ListQuery::default());
    assert_eq!(pages.next(&mut |_| {}).await.unwrap().unwrap().raw.alerts.len(), 2);
    harness.simulator.sign_in(|control| control.demand_claims(Some(nbf("1600000000"))));
    let mut count = 2;
    while let Some(page) = pages.next(&mut |_| {}).await {
        count += page.unwrap().raw.alerts.len();
    }
    assert_eq!((count, harness.requests(Grant::Refresh)), (7, 1));
    assert_eq!(harness.lists(), [200, 401, 200, 200, 200]);
}

#[tokio::test]
async fn a_token_without_the_demanded_claims_is_not_reused() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let tokens = Tokens::session(session.clone());
    let first = tokens.current().await.unwrap();
    tokens.renewed(&first, None).await.unwrap();
    let claims = super::harness::claims(&nbf("1600000000").to_string());
    tokens.renewed(&first, Some(&claims)).await.unwrap();
    assert_eq!(harness.requests(Grant::Refresh), 2);
    tokens.renewed(&first, Some(&claims)).await.unwrap();
    assert_eq!(harness.requests(Grant::Refresh), 2, "a token with the claims exists");
}

#[tokio::test]
async fn a_claims_challenge_for_the_user_asks_once() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let mut watched = session.attend();
    harness.simulator.sign_in(|control| {
        control.rules.refresh_meets_demand = false;
        control.demand_claims(Some(nbf("1600000000")));
    });
    let list = reading(harness.client(&session));
    let claims = needed(&mut watched).await.claims.unwrap();
    let waiting = harness.begin(Some(&claims)).await;
    let address = waiting.address().to_string();
    let pairs: std::collections::HashMap<_, _> = waiting.address().query_pairs().into_owned().collect();
    assert!(pairs["claims"].contains("1600000000") && pairs["claims"].contains("cp1"), "{}", pairs["claims"]);
    let (grant, _) = tokio::join!(waiting.finish(&harness.http), super::harness::visit(&address));
    session.accept(grant.unwrap()).await.unwrap();
    let (ids, error) = timeout(SOON, list).await.unwrap().unwrap();
    assert_eq!((ids, error), (all(&harness), None));
    assert_eq!(harness.lists(), [401, 200, 200, 200, 200]);
    let log = harness.simulator.log();
    let redeemed = log.iter().rfind(|exchange| exchange.body.starts_with(b"grant_type=authorization_code"));
    assert!(String::from_utf8_lossy(&redeemed.unwrap().body).contains("1600000000"));
}

#[tokio::test]
async fn endless_claims_challenges_end_the_list() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let fake = FakeServer::start(|number, _| {
        use base64::Engine as _;
        let demand = base64::engine::general_purpose::STANDARD.encode(nbf(&number.to_string()).to_string());
        let challenge = format!("Bearer error=\"insufficient_claims\", claims=\"{demand}\"");
        Answer::Send(401, vec![("www-authenticate", challenge)], "{}".into())
    })
    .await;
    let endpoint = Endpoint::at(&fake.base(), Api::V1).unwrap();
    let client = Client::new(harness.http.clone(), endpoint, Tokens::session(session.clone()));
    let mut watched = session.attend();
    let list = reading(client);
    let needed = needed(&mut watched).await;
    assert_eq!(needed.why, "the service requires you to sign in again");
    session.accept(harness.grant_for(needed.claims.as_ref()).await).await.unwrap();
    assert_eq!(timeout(SOON, list).await.unwrap().unwrap().1.unwrap().kind, Kind::SignIn);
    assert_eq!((fake.requests().len(), session.needed()), (3, None));
}

#[rstest]
#[case::not_a_jwt("opaque")]
#[case::foreign("eyJhbGciOiJub25lIn0.eyJzY3AiOiJTZWN1cml0eUFsZXJ0LlJlYWRXcml0ZS5BbGwiLCJleHAiOjF9.x")]
#[tokio::test]
async fn a_refused_ready_token_reports_the_services_error(#[case] text: &str) {
    let harness = Harness::new();
    let endpoint = Endpoint::at(&harness.simulator.base_url(), Api::V1).unwrap();
    let tokens = Tokens::fixed(&text.into()).unwrap();
    // The token's own claims, such as its expiry, make no difference.
    let (_, error) = read(Client::new(harness.http.clone(), endpoint, tokens)).await;
    let error = error.unwrap();
    assert_eq!(error.kind, Kind::SignIn);
    assert_eq!(error.code.as_ref().unwrap().as_str(), "InvalidAuthenticationToken");
    assert!(error.message.is_some() && error.request_id.is_some(), "{error}");
    assert_eq!(harness.lists(), [401]);
}

#[tokio::test]
async fn a_token_with_useless_claims_is_used_if_the_service_accepts_it() {
    let now = alertdeck_model::Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    // The token has no permissions and expired in 1970.
    let text = "eyJhbGciOiJub25lIn0.eyJleHAiOjEsInNjcCI6IiJ9.x";
    let simulator = alertdeck_simulator::Simulator::start(alertdeck_simulator::Settings {
        alerts: 3,
        access: Access::Only(text.into()),
        ..alertdeck_simulator::Settings::new(now)
    })
    .unwrap();
    let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
    let client = Client::new(http(), endpoint, Tokens::fixed(&text.into()).unwrap());
    assert_eq!(read(client).await.0.len(), 3);
}

static AHEAD: AtomicU64 = AtomicU64::new(0);

fn clock() -> SystemTime {
    SystemTime::now() + Duration::from_secs(AHEAD.load(Ordering::SeqCst))
}

#[tokio::test]
async fn after_eight_hours_of_sleep_one_reconnect_and_one_renewal_suffice() {
    let harness = Harness::with(SignIn::default());
    let vault = Vault::memory();
    harness.signed_in(&vault).await;
    let authority = FakeServer::start(|number, _| token(number, 3600)).await;
    let graph = FakeServer::start(|number, request| {
        let page = |ids: &str, next: &str| Answer::json(200, &format!(r#"{{"value":[{ids}]{next}}}"#));
        match number {
            0 => page(r#"{"id":"a"}"#, r#","@odata.nextLink":"?$skiptoken=1""#),
            // The machine sleeps, and the server drops the connection.
            1 => {
                AHEAD.store(8 * 3600, Ordering::SeqCst);
                Answer::Hang
            }
            _ if request.head.contains("at-0\r\n") => Answer::json(401, "{}"),
            _ => page(r#"{"id":"b"}"#, ""),
        }
    })
    .await;
    let session = Session::with_clock(http(), application(&authority.base()), user(&vault), clock);
    let endpoint = Endpoint::at(&graph.base(), Api::V1).unwrap();
    let client = Client::new(http(), endpoint, Tokens::session(session.clone()));
    let (ids, error) = read(client).await;
    assert_eq!((ids, error), (vec!["a".to_owned(), "b".to_owned()], None));
    // The page that hung is requested again on a new connection, and then with the new token.
    assert_eq!((graph.requests().len(), authority.requests().len()), (4, 2));
    assert!(graph.requests()[3].head.contains("at-1\r\n"));
}

#[tokio::test]
async fn throttling_of_the_sign_in_service_is_reported_to_the_list() {
    let fake = FakeServer::start(|number, request| match number {
        0 => Answer::Send(429, vec![("retry-after", "0.05".into())], "{}".into()),
        _ if request.target.contains("/token") => token(1, 3600),
        _ => Answer::json(200, r#"{"value":[{"id":"a"}]}"#),
    })
    .await;
    let client = application_client(&fake);
    let mut events = Vec::new();
    let page = client.pages(&ListQuery::default()).next(&mut |event| events.push(event)).await;
    assert_eq!(page.unwrap().unwrap().raw.alerts.len(), 1);
    assert!(
        matches!(
            events.as_slice(),
            [ClientEvent::Waiting { delay, cause: WaitCause::Throttled }, ClientEvent::Resumed]
                if (45..=50).contains(&delay.as_millis())
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_claims_challenge_may_come_with_a_403() {
    const CHALLENGE: &str = "Bearer error=\"insufficient_claims\", claims=\"e30=\"";
    let fake = FakeServer::start(|number, request| match number {
        1 => Answer::Send(403, vec![("www-authenticate", CHALLENGE.into())], "{}".into()),
        _ if request.target.contains("/token") => token(number, 3600),
        _ => Answer::json(200, r#"{"value":[{"id":"a"}]}"#),
    })
    .await;
    let (ids, error) = read(application_client(&fake)).await;
    assert_eq!((ids, error), (vec!["a".to_owned()], None));
    let targets: Vec<_> = fake.requests().iter().map(|request| request.target.contains("/token")).collect();
    assert_eq!(targets, [true, false, true, false], "token, list, token, list");
}

#[tokio::test]
async fn an_application_refused_twice_reports_the_services_error() {
    let fake = FakeServer::start(|number, request| {
        if request.target.contains("/token") {
            token(number, 3600)
        } else {
            Answer::json(401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"Wrong audience"}}"#)
        }
    })
    .await;
    let (_, error) = read(application_client(&fake)).await;
    let line = error.unwrap().to_string();
    assert!(line.contains("Wrong audience") && !line.contains("alertdeck login"), "{line}");
}

/// Returns a client for an application whose tokens and lists come from the same server.
fn application_client(fake: &FakeServer) -> Client {
    let proof = Identity::Application(Proof::secret("s").unwrap());
    let session = Session::new(http(), application(&fake.base()), proof);
    Client::new(http(), Endpoint::at(&fake.base(), Api::V1).unwrap(), Tokens::session(session))
}
