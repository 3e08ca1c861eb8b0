//! What loads behind the list, broken off and gone on with.

use std::time::Duration;

use alertdeck::app::{
    Backfill, Bookmark, Failure, FailureKind, Fetch, LoadEvent, Message, Settings, SignInEvent,
};
use alertdeck_model::Timestamp;
use rstest::rstest;
use serde_json::json;

use super::{
    harness::{Harness, alert, batch, settings, with},
    signing_in,
};

const WEEKS: &str = "createdDateTime ge 2026-10-21T12:00:00Z";

/// A page of the fetch under way behind the list arrives, with the name of the next one.
fn page(console: &mut Harness, alerts: &[u32], next: Option<&str>) {
    let server_time = Timestamp::parse("2026-11-20T11:30:00Z");
    console.start_backfill(LoadEvent::Page { total: None, partial: None, server_time });
    let resolved = |number: &u32| with(alert(*number), json!({"status": "resolved"}));
    console.start_backfill(LoadEvent::Batch(batch(&alerts.iter().map(resolved).collect::<Vec<_>>())));
    if let Some(next) = next {
        console.start_backfill(LoadEvent::Reached(Bookmark(next.into())));
    }
}

fn fail(console: &mut Harness, kind: FailureKind) {
    console.start_backfill(LoadEvent::Failed(Failure { kind, line: "what happened".into() }));
}

/// What the last fetch behind the list asks for, and where it begins.
fn last(console: &Harness) -> (String, Option<&str>) {
    let Fetch { scope, from, .. } = console.behind.last().unwrap();
    let alertdeck::app::Scope::Filter(filter) = scope else { panic!("{scope:?}") };
    (filter.clone(), from.as_ref().map(|Bookmark(at)| at.as_str()))
}

/// A console whose list is whole and behind which two pages of some have come.
fn two_pages_on() -> Harness {
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1)]);
    console.done();
    assert_eq!(last(&console), (WEEKS.into(), None));
    page(&mut console, &[2, 3], Some("page 2"));
    page(&mut console, &[4, 5], Some("page 3"));
    console
}

/// Breaks it off and lets it go on.
fn break_off(console: &mut Harness, by: &str) {
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
            assert_eq!(console.behind.len(), 1);
            console.pass(Duration::from_secs(120));
        }
        "sign-out" => {
            console.send(Message::SignIn(SignInEvent::SignedOut));
            console.send(Message::SignIn(SignInEvent::Done(signing_in::ana())));
        }
        "sign-in" => {
            fail(console, FailureKind::SignIn);
            console.send(Message::SignIn(SignInEvent::Done(signing_in::ana())));
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
fn it_goes_on_where_it_was_and_looks_for_what_came_in_since(#[case] by: &str) {
    let mut console = two_pages_on();
    console.pass(Duration::from_secs(600));
    break_off(&mut console, by);
    assert_eq!(console.behind.len(), 2);
    assert_eq!(last(&console), (WEEKS.into(), Some("page 3")), "no page is read twice");
    page(&mut console, &[6], None);
    console.start_backfill(LoadEvent::Done);
    assert_eq!(console.app.load.backfill.state, Backfill::UnderWay, "it is not whole yet");
    let since = "lastUpdateDateTime ge 2026-11-20T11:25:00Z";
    assert_eq!(last(&console), (since.into(), None), "from somewhat before its first page on");
    page(&mut console, &[7], None);
    console.start_backfill(LoadEvent::Done);
    assert_eq!((console.app.load.backfill.state, console.app.store.len()), (Backfill::Whole, 7));
    console.pass(Duration::from_secs(3_600));
    assert_eq!(console.behind.len(), 3);
}

#[test]
fn without_a_break_nothing_is_looked_for_again() {
    let mut console = two_pages_on();
    page(&mut console, &[6], None);
    console.start_backfill(LoadEvent::Done);
    assert_eq!((console.app.load.backfill.state, console.behind.len()), (Backfill::Whole, 1));
}

#[test]
fn a_look_at_what_came_in_that_is_broken_off_itself_is_made_to_its_end() {
    let mut console = two_pages_on();
    break_off(&mut console, "refresh");
    console.start_backfill(LoadEvent::Done);
    let since = last(&console).0;
    // Before its first page is whole, it begins again; after that it goes on.
    break_off(&mut console, "refresh");
    assert_eq!(last(&console), (since.clone(), None));
    page(&mut console, &[6], Some("more"));
    break_off(&mut console, "refresh");
    assert_eq!(last(&console), (since.clone(), Some("more")));
    console.start_backfill(LoadEvent::Done);
    assert_eq!((last(&console), console.app.load.backfill.state), ((since, None), Backfill::UnderWay));
    console.start_backfill(LoadEvent::Done);
    assert_eq!(console.app.load.backfill.state, Backfill::Whole);
}

#[test]
fn a_page_that_was_on_its_way_counts_as_read() {
    let mut console = two_pages_on();
    console.keys("r");
    page(&mut console, &[6], Some("page 4"));
    console.start_backfill(LoadEvent::Done);
    assert_eq!(console.app.load.backfill.state, Backfill::Due, "but not as the end");
    console.done();
    assert_eq!(last(&console), (WEEKS.into(), Some("page 4")));
}

#[test]
fn a_place_that_the_service_does_not_know_any_more_is_given_up_once() {
    let mut console = two_pages_on();
    break_off(&mut console, "refresh");
    fail(&mut console, FailureKind::Other);
    assert_eq!((console.behind.len(), last(&console)), (3, (WEEKS.into(), None)), "it starts over");
    fail(&mut console, FailureKind::Other);
    console.pass(Duration::from_secs(3_600));
    assert_eq!((console.behind.len(), console.app.load.backfill.state), (3, Backfill::Failed));
    // One that goes on well before it fails was no stale place.
    let mut console = two_pages_on();
    break_off(&mut console, "refresh");
    page(&mut console, &[6], None);
    fail(&mut console, FailureKind::Other);
    assert_eq!((console.behind.len(), console.app.load.backfill.state), (2, Backfill::Failed));
}

#[test]
fn a_part_before_the_break_is_a_part_of_the_whole() {
    let mut console = two_pages_on();
    let partial = Some("a source is late".into());
    console.start_backfill(LoadEvent::Page { total: None, partial, server_time: None });
    console.start_backfill(LoadEvent::Reached(Bookmark("page 4".into())));
    break_off(&mut console, "refresh");
    console.start_backfill(LoadEvent::Done);
    assert_eq!(console.app.load.backfill.state, Backfill::Failed);
    break_off(&mut console, "refresh");
    assert_eq!(last(&console), (WEEKS.into(), None), "the user has asked again");
}

#[test]
fn another_profile_or_account_begins_at_the_start() {
    let mut console = two_pages_on();
    console.send(Message::Switched(Box::new(Settings { profile: "lab".into(), ..settings("") })));
    console.done();
    assert_eq!((console.behind.len(), last(&console)), (2, (WEEKS.into(), None)));
    let mut console = Harness::open("status:new");
    console.send(Message::Identity(signing_in::ana()));
    console.done();
    page(&mut console, &[2], Some("page 2"));
    let bob = Some("bob@contoso.com".into());
    console.send(Message::Identity(alertdeck::app::Identity { account: bob, ..signing_in::ana() }));
    console.done();
    assert_eq!((console.behind.len(), last(&console)), (2, (WEEKS.into(), None)));
}
