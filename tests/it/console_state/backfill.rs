//! Interrupting and continuing the backfill.

use std::time::Duration;

use alertdeck::app::{BackfillState, Bookmark, Failure, FailureKind, FeedEvent, LoadEvent, Scope};
use alertdeck_model::Timestamp;
use rstest::rstest;
use serde_json::json;

use super::{
    harness::{BackfillJob, Harness, Settings, alert, batch, settings, with},
    signing_in,
};

const LAST_DAYS: &str = "createdDateTime ge 2026-10-21T12:00:00Z";

/// Sends a page from the backfill, with the bookmark for the next one.
fn page(console: &mut Harness, alerts: &[u32], next: Option<&str>) {
    let server_time = Timestamp::parse("2026-11-20T11:30:00Z");
    console.backfill_event(LoadEvent::Page { total: None, partial: None, server_time });
    let resolved = |number: &u32| with(alert(*number), json!({"status": "resolved"}));
    console.backfill_event(LoadEvent::Batch(batch(&alerts.iter().map(resolved).collect::<Vec<_>>())));
    if let Some(next) = next {
        console.backfill_event(LoadEvent::Reached(Bookmark(next.into())));
    }
}

fn fail(console: &mut Harness, kind: FailureKind) {
    console.backfill_event(LoadEvent::Failed(Failure { kind, line: "it failed".into() }));
}

/// Returns the filter and the bookmark of the backfill's last fetch.
fn last(console: &Harness) -> (String, Option<&str>) {
    let BackfillJob { scope, from, .. } = console.backfills.last().unwrap();
    let Scope::Filter(filter) = scope else { panic!("{scope:?}") };
    (filter.to_string(), from.as_ref().map(|Bookmark(at)| at.as_str()))
}

/// Returns a console with a complete list, after two pages of the backfill.
fn after_two_pages() -> Harness {
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1)]);
    console.done();
    assert_eq!(last(&console), (LAST_DAYS.into(), None));
    page(&mut console, &[2, 3], Some("page 2"));
    page(&mut console, &[4, 5], Some("page 3"));
    console
}

/// Interrupts the backfill and then lets it continue.
fn interrupt(console: &mut Harness, by: &str) {
    match by {
        "filter" => {
            console.keys("/");
            console.type_text(" severity:high");
            console.keys("Enter");
            console.done();
        }
        "refresh" => {
            console.keys("r");
            console.done();
        }
        "offline" => {
            fail(console, FailureKind::Offline);
            assert_eq!(console.backfills.len(), 1);
            console.advance(Duration::from_secs(120));
        }
        "sign-out" => {
            console.feed_event(FeedEvent::SignedOut);
            console.feed_event(FeedEvent::SignedIn(signing_in::ana()));
        }
        "sign-in" => {
            fail(console, FailureKind::SignIn);
            console.feed_event(FeedEvent::SignedIn(signing_in::ana()));
        }
        other => panic!("{other}"),
    }
}

#[rstest]
#[case("filter")]
#[case("refresh")]
#[case("offline")]
#[case("sign-out")]
#[case("sign-in")]
fn continues_after_an_interruption_and_fetches_later_changes(#[case] by: &str) {
    let mut console = after_two_pages();
    console.advance(Duration::from_secs(600));
    interrupt(&mut console, by);
    assert_eq!(console.backfills.len(), 2);
    assert_eq!(last(&console), (LAST_DAYS.into(), Some("page 3")), "no page is read twice");
    page(&mut console, &[6], None);
    console.backfill_event(LoadEvent::Done);
    assert_eq!(console.backfill_state(), BackfillState::Running, "it is not complete yet");
    let since = "lastUpdateDateTime ge 2026-11-20T11:25:00Z";
    assert_eq!(last(&console), (since.into(), None), "from shortly before its first page");
    page(&mut console, &[7], None);
    console.backfill_event(LoadEvent::Done);
    assert_eq!((console.backfill_state(), console.app.store.len()), (BackfillState::Complete, 7));
    console.advance(Duration::from_secs(3_600));
    assert_eq!(console.backfills.len(), 3);
}

#[test]
fn uninterrupted_backfill_needs_no_second_fetch() {
    let mut console = after_two_pages();
    page(&mut console, &[6], None);
    console.backfill_event(LoadEvent::Done);
    assert_eq!((console.backfill_state(), console.backfills.len()), (BackfillState::Complete, 1));
}

#[test]
fn interrupted_fetch_of_changes_is_completed() {
    let mut console = after_two_pages();
    interrupt(&mut console, "refresh");
    console.backfill_event(LoadEvent::Done);
    let since = last(&console).0;
    // Before its first page is complete, it starts again from the beginning. After that, it
    // continues.
    interrupt(&mut console, "refresh");
    assert_eq!(last(&console), (since.clone(), None));
    page(&mut console, &[6], Some("more"));
    interrupt(&mut console, "refresh");
    assert_eq!(last(&console), (since.clone(), Some("more")));
    console.backfill_event(LoadEvent::Done);
    assert_eq!((last(&console), console.backfill_state()), ((since, None), BackfillState::Running));
    console.backfill_event(LoadEvent::Done);
    assert_eq!(console.backfill_state(), BackfillState::Complete);
}

#[test]
fn pages_that_arrive_after_an_interruption_count() {
    let mut console = after_two_pages();
    console.keys("r");
    page(&mut console, &[6], Some("page 4"));
    console.backfill_event(LoadEvent::Done);
    assert_eq!(console.backfill_state(), BackfillState::Due, "but the end does not");
    console.done();
    assert_eq!(last(&console), (LAST_DAYS.into(), Some("page 4")));
}

#[test]
fn an_unknown_bookmark_restarts_the_backfill_once() {
    let mut console = after_two_pages();
    interrupt(&mut console, "refresh");
    fail(&mut console, FailureKind::Other);
    assert_eq!((console.backfills.len(), last(&console)), (3, (LAST_DAYS.into(), None)), "it starts over");
    fail(&mut console, FailureKind::Other);
    console.advance(Duration::from_secs(3_600));
    assert_eq!((console.backfills.len(), console.backfill_state()), (3, BackfillState::Failed));
    // If a page arrived before the failure, the bookmark was valid.
    let mut console = after_two_pages();
    interrupt(&mut console, "refresh");
    page(&mut console, &[6], None);
    fail(&mut console, FailureKind::Other);
    assert_eq!((console.backfills.len(), console.backfill_state()), (2, BackfillState::Failed));
}

#[test]
fn partial_page_before_an_interruption_makes_the_backfill_incomplete() {
    let mut console = after_two_pages();
    let partial = Some("a source is late".into());
    console.backfill_event(LoadEvent::Page { total: None, partial, server_time: None });
    console.backfill_event(LoadEvent::Reached(Bookmark("page 4".into())));
    interrupt(&mut console, "refresh");
    console.backfill_event(LoadEvent::Done);
    assert_eq!(console.backfill_state(), BackfillState::Failed);
    interrupt(&mut console, "refresh");
    assert_eq!(last(&console), (LAST_DAYS.into(), None), "a refresh starts it again");
}

#[test]
fn another_profile_or_account_restarts_the_backfill() {
    let mut console = after_two_pages();
    console.switch(Settings { profile: "lab".into(), ..settings("") });
    console.done();
    assert_eq!((console.backfills.len(), last(&console)), (2, (LAST_DAYS.into(), None)));
    let mut console = Harness::open("status:new");
    console.identity(signing_in::ana());
    console.done();
    page(&mut console, &[2], Some("page 2"));
    let bob = Some("bob@contoso.com".into());
    console.identity(alertdeck::app::Identity { account: bob, ..signing_in::ana() });
    console.done();
    assert_eq!((console.backfills.len(), last(&console)), (2, (LAST_DAYS.into(), None)));
}
