//! A token that ends, is revoked, or is not enough, while the console is in use.

use std::time::{Duration, Instant};

use alertdeck_simulator::{Access, Grant, SignIn, SignInControl};
use reqwest::Url;
use serde_json::json;

use super::{QUESTION, sign_in};
use crate::support::{tenant::Tenant, terminal::Session};

#[test]
fn a_token_is_renewed_before_it_ends_and_when_it_is_refused() {
    let life = Duration::from_secs(2);
    let tenant = Tenant::new(|settings| settings.sign_in.token_life = life);
    let mut session = tenant.signed_in();
    let began = Instant::now();
    session.wait_until("the token has ended", |_| began.elapsed() > life);
    let asked = tenant.asked().len();
    session.type_keys("r");
    session.wait_until("the list is asked for again", |_| tenant.asked().len() > asked);
    session.wait("complete");
    assert_eq!((tenant.requests(Grant::Refresh), tenant.refused()), (1, 0));
    // One that the service takes for ended costs one answer more.
    tenant.simulator.sign_in(|control| {
        control.rules.token_life = Duration::from_secs(3600);
        control.expire_access_tokens();
    });
    session.type_keys("r");
    session.wait_until("the token is renewed", |_| tenant.requests(Grant::Refresh) >= 2);
    session.wait("30 of 30 loaded");
    session.wait("complete");
    assert!(session.shows("30 match"));
    assert!(!session.shows(QUESTION));
    assert!(tenant.refused() <= 1, "{}", tenant.refused());
    assert_eq!(tenant.requests(Grant::Code), 1);
}

#[test]
fn live_mode_goes_on_with_a_renewed_token() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    session.type_keys("L");
    session.wait("live ");
    tenant.simulator.sign_in(SignInControl::expire_access_tokens);
    session.wait_until("live mode has looked", |_| tenant.refused() == 1);
    session.wait_until("it has looked again", |_| tenant.asked().last().unwrap().status == Some(200));
    session.wait("30 match");
    assert!(!session.shows(QUESTION));
    assert_eq!((tenant.requests(Grant::Refresh), tenant.requests(Grant::Code)), (1, 1));
}

#[test]
fn a_revoked_sign_in_is_asked_for_over_the_list_and_takes_no_draft() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    let list = rows(&session);
    tenant.revoke();
    session.type_keys("r/severity:hi");
    session.wait("signed out");
    // What is typed goes on; the question waits for its end.
    session.type_keys("gh,low");
    session.wait("severity:high,low");
    assert!(!session.shows(QUESTION));
    session.type_keys("\r");
    session.wait(QUESTION);
    assert!(session.shows("The sign-in has ended: sign in again"));
    assert!(session.shows("severity:high,low"));
    assert!(list[1].contains(" new "), "{list:?}");
    sign_in(&mut session);
    session.wait("complete");
    assert!(session.shows("severity:high,low"));
    session.type_keys("/\x15\r");
    session.wait("30 match");
    session.wait("30 of 30 loaded");
    session.wait("complete");
    session.wait_until("the rows are those of before", |session| rows(session) == list);
}

/// The heading of the list and some rows, left of what else is on the screen.
fn rows(session: &Session) -> Vec<String> {
    session.with_screen(|screen| {
        screen.rows(0, 60).skip(7).take(10).map(|row| row.trim_end().to_owned()).collect()
    })
}

#[test]
fn a_load_goes_on_with_the_page_at_which_it_was_held_up() {
    let tenant = Tenant::new(|settings| {
        (settings.alerts, settings.largest_page) = (400, 40);
        settings.latency = Duration::from_millis(100);
    });
    let mut session = tenant.open(&[""]);
    sign_in(&mut session);
    session.wait_until("two pages were sent", |_| {
        tenant.asked().iter().filter(|asked| asked.status == Some(200)).count() >= 2
    });
    tenant.revoke();
    session.wait(QUESTION);
    let held: usize = tenant.asked().iter().filter(|asked| asked.status == Some(200)).count();
    assert!((2..10).contains(&held), "{held}");
    assert!(!session.shows("no alerts"));
    sign_in(&mut session);
    session.wait("400 of 400 loaded");
    session.wait("complete");
    let mut given: Vec<_> = tenant
        .asked()
        .into_iter()
        .filter(|asked| asked.status == Some(200))
        .map(|asked| asked.target)
        .collect();
    let all = given.len();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), all, "a page was asked for twice");
    assert!(all > held, "{all}");
}

/// What the service asks of the next token.
fn demand() -> serde_json::Value {
    json!({"access_token": {"nbf": {"essential": true, "value": "1600000000"}}})
}

#[test]
fn a_demand_that_a_refresh_meets_is_met_unseen() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    tenant.simulator.sign_in(|control| control.demand_claims(Some(demand())));
    let asked = tenant.asked().len();
    session.type_keys("r");
    session.wait_until("it is asked for again", |_| tenant.asked().len() >= asked + 2);
    session.wait("complete");
    assert!(!session.shows(QUESTION));
    assert_eq!((tenant.refused(), tenant.requests(Grant::Refresh), tenant.requests(Grant::Code)), (1, 1, 1));
}

#[test]
fn a_demand_that_wants_the_person_is_passed_on_and_met_once() {
    let tenant = Tenant::new(|settings| settings.sign_in.refresh_meets_demand = false);
    let mut session = tenant.signed_in();
    tenant.simulator.sign_in(|control| control.demand_claims(Some(demand())));
    session.type_keys("r");
    session.wait(QUESTION);
    let address = Url::parse(&sign_in(&mut session)).unwrap();
    let claims = address.query_pairs().find(|(name, _)| name == "claims").unwrap().1;
    let claims: serde_json::Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(claims["access_token"]["nbf"], demand()["access_token"]["nbf"]);
    session.wait("complete");
    assert!(!session.shows(QUESTION));
    assert_eq!((tenant.refused(), tenant.requests(Grant::Refresh), tenant.requests(Grant::Code)), (1, 1, 2));
}

#[test]
fn a_service_that_refuses_every_token_is_asked_twice_and_then_the_user_is() {
    let tenant = Tenant::new(|settings| settings.access = Access::Only("nobody's".into()));
    let mut session = tenant.open(&[""]);
    sign_in(&mut session);
    session.wait("and a renewed one");
    assert_eq!((tenant.asked().len(), tenant.requests(Grant::Refresh)), (2, 1));
    // A sign-in gives it one more chance, and that is all.
    sign_in(&mut session);
    session.wait("! tries again");
    assert!(session.shows("no access") && !session.shows(QUESTION));
    assert_eq!((tenant.asked().len(), tenant.requests(Grant::Code)), (3, 2));
}

#[test]
fn a_sign_in_that_is_refused_says_why_and_may_be_tried_again() {
    let tenant = Tenant::new(|settings| {
        settings.sign_in = SignIn { clients: vec!["other".into()], ..SignIn::default() }
    });
    let mut session = tenant.open(&[""]);
    session.press("d", "Sign-in failed");
    assert!(session.shows("The tenant has no application with this client id"));
    tenant.simulator.sign_in(|control| control.rules.clients.clear());
    sign_in(&mut session);
    session.wait("30 of 30 loaded");
}
