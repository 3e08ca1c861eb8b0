//! Changes on a tenant that fails at random, and changes that become visible late.

use std::time::Duration;

use alertdeck_graph::{AlertUpdate, Outcome, Owner, Request, auth::Tokens};
use alertdeck_model::Timestamp;
use alertdeck_simulator::{Faults, FaultyReply, Settings, Timing};
use rstest::rstest;

use super::harness::{Harness, applied, not_applied};

fn assign(name: &str) -> AlertUpdate {
    AlertUpdate { assigned_to: Some(Owner::User(name.into())), ..AlertUpdate::default() }
}

#[rstest]
#[case(1)]
#[case(2)]
#[tokio::test]
async fn an_unclear_change_that_becomes_visible_late_is_found(#[case] reads: u32) {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.simulator.hide_next_change(id.raw(), reads);
    harness.fail("PATCH", true, &[FaultyReply::Reset]);
    applied(harness.send(&Request::update_alert(&id, &assign("a@contoso.com"))).await);
    harness.simulator.hide_next_change(id.raw(), reads);
    harness.fail("POST", true, &[FaultyReply::Reset]);
    applied(harness.send(&Request::add_comment(&id, "a")).await);
    assert_eq!(harness.simulator.changes().len(), 2);
}

#[tokio::test]
async fn a_change_that_stays_invisible_is_not_sent_again() {
    let mut harness = Harness::new();
    let id = harness.id();
    harness.simulator.hide_next_change(id.raw(), u32::MAX);
    harness.fail("POST", true, &[FaultyReply::Reset]);
    not_applied(harness.send(&Request::add_comment(&id, "a")).await);
    assert_eq!(harness.methods(), "POST GET GET GET");
    assert_eq!(harness.simulator.changes().len(), 1);
}

#[tokio::test]
async fn a_flaky_tenant_makes_each_change_once_or_the_outcome_says_otherwise() {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let timing = Timing {
        retry_after: Duration::from_millis(12),
        trickle: Duration::from_millis(1),
        ..Timing::default()
    };
    let settings = Settings { alerts: 20, budget: None, faults: Faults::Flaky, timing, ..Settings::new(now) };
    let mut harness = Harness::with(settings, |_| Tokens::fixed(&"any".into()).unwrap());
    let id = harness.id();
    let (mut checked, mut missing) = (0, 0);
    for number in 0..60 {
        let text = format!("{number}@contoso.com");
        let before = harness.simulator.changes().len();
        let is_applied = if number % 2 == 0 {
            match harness.send(&Request::update_alert(&id, &assign(&text))).await {
                Ok(Outcome::Applied(_)) => true,
                Ok(Outcome::NotApplied { .. }) => false,
                other => panic!("{other:?}"),
            }
        } else {
            match harness.send(&Request::add_comment(&id, &text)).await {
                Ok(Outcome::Applied(_)) => true,
                Ok(Outcome::NotApplied { .. }) => false,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(harness.simulator.changes().len() - before, usize::from(is_applied), "{text}");
        checked += usize::from(harness.was_checked());
        missing += usize::from(!is_applied);
    }
    assert!(checked > missing && missing > 0, "{checked} unclear, {missing} not made");
    harness.assert_patient();
}
