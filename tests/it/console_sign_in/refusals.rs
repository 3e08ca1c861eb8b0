//! Tokens that expire, are revoked or become insufficient while the console is in use.

use std::time::{Duration, Instant};

use alertdeck_simulator::{Access, Grant, SignIn, SignInControl};
use reqwest::Url;
use serde_json::json;

use super::{QUESTION, sign_in};
use crate::support::{tenant::Tenant, terminal::Session};

#[test]
fn tokens_are_renewed_before_they_expire_and_when_refused() {
    let life = Duration::from_secs(2);
    let tenant = Tenant::new(|settings| settings.sign_in.token_life = life);
    let mut session = tenant.signed_in();
    let began = Instant::now();
    session.wait_until("the token has expired", |_| began.elapsed() > life);
    let requests = tenant.alert_requests().len();
    session.type_keys("r");
    session.wait_until("the list is requested again", |_| tenant.alert_requests().len() > requests);
    session.wait("complete");
    assert_eq!((tenant.token_requests(Grant::Refresh), tenant.refused()), (1, 0));
    // If the service considers a token expired, this costs one extra request.
    tenant.simulator.sign_in(|control| {
        control.rules.token_life = Duration::from_secs(3600);
        control.expire_access_tokens();
    });
    session.type_keys("r");
    session.wait_until("the token is renewed", |_| tenant.token_requests(Grant::Refresh) >= 2);
    session.wait("30 of 30 loaded");
    session.wait("complete");
    assert!(session.shows("30 matches"));
    assert!(!session.shows(QUESTION));
    assert!(tenant.refused() <= 1, "{}", tenant.refused());
    assert_eq!(tenant.token_requests(Grant::Code), 1);
}

#[test]
fn live_mode_continues_with_a_renewed_token() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    session.type_keys("L");
    session.wait("live ");
    tenant.simulator.sign_in(SignInControl::expire_access_tokens);
    session.wait_until("live mode has polled", |_| tenant.refused() == 1);
    session.wait_until("live mode has polled again", |_| {
        tenant.alert_requests().last().unwrap().status == Some(200)
    });
    session.wait("30 matches");
    assert!(!session.shows(QUESTION));
    assert_eq!((tenant.token_requests(Grant::Refresh), tenant.token_requests(Grant::Code)), (1, 1));
}

#[test]
fn a_revoked_sign_in_keeps_the_list_and_the_filter_draft() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    let list = rows(&session);
    tenant.revoke();
    session.type_keys("r/severity:hi");
    session.wait("signed out");
    // The overlay does not interrupt typing.
    session.type_keys("gh,low");
    session.wait("severity:high,low");
    assert!(!session.shows(QUESTION));
    session.type_keys("\r");
    session.wait(QUESTION);
    assert!(session.shows("The session has expired; sign in again"));
    assert!(session.shows("severity:high,low"));
    assert!(list[1].contains(" new "), "{list:?}");
    sign_in(&mut session);
    session.wait("complete");
    assert!(session.shows("severity:high,low"));
    session.type_keys("/\x15\r");
    session.wait("30 matches");
    session.wait("30 of 30 loaded");
    session.wait("complete");
    session.wait_until("the rows are the same as before", |session| rows(session) == list);
}

/// Returns the header and some rows of the list.
fn rows(session: &Session) -> Vec<String> {
    session.with_screen(|screen| {
        screen.rows(0, 60).skip(8).take(10).map(|row| row.trim_end().to_owned()).collect()
    })
}

#[test]
fn a_load_continues_at_the_interrupted_page() {
    let tenant = Tenant::new(|settings| {
        (settings.alerts, settings.largest_page) = (400, 40);
        settings.latency = Duration::from_millis(100);
    });
    let mut session = tenant.open(&[""]);
    sign_in(&mut session);
    session.wait_until("two pages were sent", |_| {
        tenant.alert_requests().iter().filter(|request| request.status == Some(200)).count() >= 2
    });
    tenant.revoke();
    session.wait(QUESTION);
    let before: usize = tenant.alert_requests().iter().filter(|request| request.status == Some(200)).count();
    assert!((2..10).contains(&before), "{before}");
    assert!(!session.shows("no alerts"));
    sign_in(&mut session);
    session.wait("400 of 400 loaded");
    session.wait("complete");
    let mut served: Vec<_> = tenant
        .alert_requests()
        .into_iter()
        .filter(|request| request.status == Some(200))
        .map(|request| request.target)
        .collect();
    let all = served.len();
    served.sort_unstable();
    served.dedup();
    assert_eq!(served.len(), all, "a page was fetched twice");
    assert!(all > before, "{all}");
}

/// Returns the claims that the service requires in the next token.
fn challenge() -> serde_json::Value {
    json!({"access_token": {"nbf": {"essential": true, "value": "1600000000"}}})
}

#[test]
fn a_claims_challenge_is_met_by_a_refresh_without_the_user() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    tenant.simulator.sign_in(|control| control.demand_claims(Some(challenge())));
    let requests = tenant.alert_requests().len();
    session.type_keys("r");
    session.wait_until("the list is requested again", |_| tenant.alert_requests().len() >= requests + 2);
    session.wait("complete");
    assert!(!session.shows(QUESTION));
    assert_eq!(
        (tenant.refused(), tenant.token_requests(Grant::Refresh), tenant.token_requests(Grant::Code)),
        (1, 1, 1)
    );
}

#[test]
fn a_claims_challenge_that_needs_the_user_is_met_by_one_sign_in() {
    let tenant = Tenant::new(|settings| settings.sign_in.refresh_meets_demand = false);
    let mut session = tenant.signed_in();
    tenant.simulator.sign_in(|control| control.demand_claims(Some(challenge())));
    session.type_keys("r");
    session.wait(QUESTION);
    let address = Url::parse(&sign_in(&mut session)).unwrap();
    let claims = address.query_pairs().find(|(name, _)| name == "claims").unwrap().1;
    let claims: serde_json::Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(claims["access_token"]["nbf"], challenge()["access_token"]["nbf"]);
    session.wait("complete");
    assert!(!session.shows(QUESTION));
    assert_eq!(
        (tenant.refused(), tenant.token_requests(Grant::Refresh), tenant.token_requests(Grant::Code)),
        (1, 1, 2)
    );
}

#[test]
fn a_service_that_refuses_every_token_leads_to_one_retry_and_a_sign_in() {
    let tenant = Tenant::new(|settings| settings.access = Access::Only("nobody's".into()));
    let mut session = tenant.open(&[""]);
    sign_in(&mut session);
    session.wait("and a renewed one");
    assert_eq!((tenant.alert_requests().len(), tenant.token_requests(Grant::Refresh)), (2, 1));
    // After the sign-in, there is one more request and no other prompt.
    sign_in(&mut session);
    session.wait("! to retry");
    assert!(session.shows("no access") && !session.shows(QUESTION));
    assert_eq!((tenant.alert_requests().len(), tenant.token_requests(Grant::Code)), (3, 2));
}

#[test]
fn a_refused_sign_in_is_reported_and_can_be_retried() {
    let tenant = Tenant::new(|settings| {
        settings.sign_in = SignIn { clients: vec!["other".into()], ..SignIn::default() }
    });
    let mut session = tenant.open(&[""]);
    session.press("d", "Sign-in failed");
    assert!(session.shows("The tenant has no application with this client ID"));
    tenant.simulator.sign_in(|control| control.rules.clients.clear());
    sign_in(&mut session);
    session.wait("30 of 30 loaded");
}
