//! Lists whose tokens end, are refused, or do not suffice.

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
    fake::{Answer, Fake, token},
    harness::{Harness, SOON, all, application, http, needed, read, user},
};

#[tokio::test]
async fn a_token_that_ends_on_page_three_costs_nothing() {
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

/// A list in the background, of somebody who can be asked.
fn reading(client: Client) -> tokio::task::JoinHandle<(Vec<String>, Option<alertdeck_graph::Error>)> {
    tokio::spawn(read(client))
}

/// A service that takes no token at all.
async fn never(harness: &Harness, session: &Session) -> (Fake, Client) {
    let fake = Fake::start(|_, _| {
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
async fn a_token_that_is_never_taken_ends_after_the_user() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let (fake, client) = never(&harness, &session).await;
    let mut watched = session.attend();
    let list = reading(client);
    let why = needed(&mut watched).await.why;
    assert_eq!(why, "the service refuses the token, and refused a new one too");
    assert_eq!((fake.asked().len(), harness.requests(Grant::Refresh)), (2, 1));
    session.accept(harness.grant().await).await.unwrap();
    let (ids, error) = timeout(SOON, list).await.unwrap().unwrap();
    let error = error.unwrap();
    assert_eq!((ids.len(), error.kind, fake.asked().len()), (0, Kind::SignIn, 3));
    assert!(error.to_string().contains("Wrong ␛[2J audience"), "{error}");
    assert_eq!(harness.requests(Grant::Refresh), 1);
}

#[tokio::test]
async fn nobody_there_to_ask_ends_it_after_two_calls() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let (fake, client) = never(&harness, &session).await;
    assert_eq!(read(client).await.1.unwrap().kind, Kind::SignIn);
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn many_lists_whose_token_is_never_taken_ask_the_user_once() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let (fake, client) = never(&harness, &session).await;
    let mut watched = session.attend();
    let lists: Vec<_> = (0..8).map(|_| reading(client.clone())).collect();
    needed(&mut watched).await;
    // One that comes later has its own try, and frees nobody else by it.
    let late = reading(client.clone());
    timeout(SOON, fake.reached(18)).await.unwrap();
    assert!(session.needed().is_some());
    session.accept(harness.grant().await).await.unwrap();
    let accepted = super::harness::current(&session).await.unwrap();
    for list in lists.into_iter().chain([late]) {
        assert_eq!(timeout(SOON, list).await.unwrap().unwrap().1.unwrap().kind, Kind::SignIn);
    }
    let sent = fake.asked();
    let after_the_user = sent.iter().filter(|asked| asked.head.contains(&accepted)).count();
    assert_eq!((sent.len(), after_the_user), (27, 9));
    assert_eq!(session.needed(), None);
}

fn nbf(value: &str) -> serde_json::Value {
    json!({"access_token": {"nbf": {"essential": true, "value": value}}})
}

#[tokio::test]
async fn a_demand_that_a_refresh_meets_costs_the_user_nothing() {
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
async fn a_token_got_without_the_demand_does_not_pass_for_one_got_with_it() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let tokens = Tokens::session(session.clone());
    let first = tokens.current().await.unwrap();
    tokens.renewed(&first, None).await.unwrap();
    let claims = super::harness::claims(&nbf("1600000000").to_string());
    tokens.renewed(&first, Some(&claims)).await.unwrap();
    assert_eq!(harness.requests(Grant::Refresh), 2);
    tokens.renewed(&first, Some(&claims)).await.unwrap();
    assert_eq!(harness.requests(Grant::Refresh), 2, "it is there already");
}

#[tokio::test]
async fn a_demand_for_the_user_is_answered_once() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let mut watched = session.attend();
    harness.simulator.sign_in(|control| {
        control.rules.refresh_meets_demand = false;
        control.demand_claims(Some(nbf("1600000000")));
    });
    let list = reading(harness.client(&session));
    let asked = needed(&mut watched).await;
    let claims = asked.claims.unwrap();
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
async fn a_demand_without_end_ends() {
    let harness = Harness::new();
    let session = harness.signed_in(&Vault::memory()).await;
    let fake = Fake::start(|number, _| {
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
    let asked = needed(&mut watched).await;
    assert_eq!(asked.why, "the service asks you to sign in again");
    session.accept(harness.grant_for(asked.claims.as_ref()).await).await.unwrap();
    assert_eq!(timeout(SOON, list).await.unwrap().unwrap().1.unwrap().kind, Kind::SignIn);
    assert_eq!((fake.asked().len(), session.needed()), (3, None));
}

#[rstest]
#[case::not_a_jwt("opaque")]
#[case::foreign("eyJhbGciOiJub25lIn0.eyJzY3AiOiJTZWN1cml0eUFsZXJ0LlJlYWRXcml0ZS5BbGwiLCJleHAiOjF9.x")]
#[tokio::test]
async fn a_token_that_is_not_taken_is_refused_in_the_services_words(#[case] text: &str) {
    let harness = Harness::new();
    let endpoint = Endpoint::at(&harness.simulator.base_url(), Api::V1).unwrap();
    let tokens = Tokens::fixed(&text.into()).unwrap();
    // What it says of itself, also that it has ended, decides nothing.
    let (_, error) = read(Client::new(harness.http.clone(), endpoint, tokens)).await;
    let error = error.unwrap();
    assert_eq!(error.kind, Kind::SignIn);
    assert_eq!(error.code.as_ref().unwrap().as_str(), "InvalidAuthenticationToken");
    assert!(error.message.is_some() && error.request_id.is_some(), "{error}");
    assert_eq!(harness.lists(), [401]);
}

#[tokio::test]
async fn a_token_that_says_nothing_good_is_used_where_the_service_takes_it() {
    let now = alertdeck_model::Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    // It has no permission and ended in 1970.
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
async fn sleeping_for_eight_hours_costs_one_reconnect_and_one_token() {
    let harness = Harness::with(SignIn::default());
    let vault = Vault::memory();
    harness.signed_in(&vault).await;
    let authority = Fake::start(|number, _| token(number, 3600)).await;
    let graph = Fake::start(|number, asked| {
        let page = |ids: &str, next: &str| Answer::json(200, &format!(r#"{{"value":[{ids}]{next}}}"#));
        match number {
            0 => page(r#"{"id":"a"}"#, r#","@odata.nextLink":"?$skiptoken=1""#),
            // The machine sleeps; the server has long forgotten the connection.
            1 => {
                AHEAD.store(8 * 3600, Ordering::SeqCst);
                Answer::Hang
            }
            _ if asked.head.contains("at-0\r\n") => Answer::json(401, "{}"),
            _ => page(r#"{"id":"b"}"#, ""),
        }
    })
    .await;
    let session = Session::with_clock(http(), application(&authority.base()), user(&vault), clock);
    let endpoint = Endpoint::at(&graph.base(), Api::V1).unwrap();
    let client = Client::new(http(), endpoint, Tokens::session(session.clone()));
    let (ids, error) = read(client).await;
    assert_eq!((ids, error), (vec!["a".to_owned(), "b".to_owned()], None));
    // The page that hung, once more on a new connection, and with the new token.
    assert_eq!((graph.asked().len(), authority.asked().len()), (4, 2));
    assert!(graph.asked()[3].head.contains("at-1\r\n"));
}

#[tokio::test]
async fn waits_of_the_sign_in_service_are_told_like_those_of_the_list() {
    let fake = Fake::start(|number, asked| match number {
        0 => Answer::Send(429, vec![("retry-after", "0.05".into())], "{}".into()),
        _ if asked.target.contains("/token") => token(1, 3600),
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
async fn a_demand_may_come_with_a_403() {
    const CHALLENGE: &str = "Bearer error=\"insufficient_claims\", claims=\"e30=\"";
    let fake = Fake::start(|number, asked| match number {
        1 => Answer::Send(403, vec![("www-authenticate", CHALLENGE.into())], "{}".into()),
        _ if asked.target.contains("/token") => token(number, 3600),
        _ => Answer::json(200, r#"{"value":[{"id":"a"}]}"#),
    })
    .await;
    let (ids, error) = read(application_client(&fake)).await;
    assert_eq!((ids, error), (vec!["a".to_owned()], None));
    let targets: Vec<_> = fake.asked().iter().map(|asked| asked.target.contains("/token")).collect();
    assert_eq!(targets, [true, false, true, false], "token, list, token, list");
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_refused_in_the_services_words_where_nobody_can_be_asked() {
    let fake = Fake::start(|number, asked| {
        if asked.target.contains("/token") {
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

/// A client of an application, whose tokens and lists come from one server.
fn application_client(fake: &Fake) -> Client {
    let proof = Identity::Application(Proof::secret("s").unwrap());
    let session = Session::new(http(), application(&fake.base()), proof);
    Client::new(http(), Endpoint::at(&fake.base(), Api::V1).unwrap(), Tokens::session(session))
}
