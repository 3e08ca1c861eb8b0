//! What loads behind the list, broken off and gone on with.

use std::time::Duration;

use alertdeck::{
    app::{Behind, Bookmark, Failure, FailureKind, Fetch, LoadEvent, Message, Settings, SignInEvent},
    model::Timestamp,
};
use rstest::rstest;
use serde_json::json;

use super::{
    desk::{Desk, alert, batch, settings, with},
    signing_in,
};

const WEEKS: &str = "createdDateTime ge 2026-10-21T12:00:00Z";

/// A page of the fetch under way behind the list arrives, with the name of the next one.
fn page(desk: &mut Desk, alerts: &[u32], next: Option<&str>) {
    let server_time = Timestamp::parse("2026-11-20T11:30:00Z");
    desk.load_behind(LoadEvent::Page { total: None, partial: None, server_time });
    let resolved = |number: &u32| with(alert(*number), json!({"status": "resolved"}));
    desk.load_behind(LoadEvent::Batch(batch(&alerts.iter().map(resolved).collect::<Vec<_>>())));
    if let Some(next) = next {
        desk.load_behind(LoadEvent::Reached(Bookmark(next.into())));
    }
}

fn fail(desk: &mut Desk, kind: FailureKind) {
    desk.load_behind(LoadEvent::Failed(Failure { kind, line: "what happened".into() }));
}

/// What the last fetch behind the list asks for, and where it begins.
fn last(desk: &Desk) -> (String, Option<&str>) {
    let Fetch { scope, from, .. } = desk.behind.last().unwrap();
    let alertdeck::app::Scope::Filter(filter) = scope else { panic!("{scope:?}") };
    (filter.clone(), from.as_ref().map(|Bookmark(at)| at.as_str()))
}

/// A console whose list is whole and behind which two pages of some have come.
fn two_pages_on() -> Desk {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[alert(1)]);
    desk.done();
    assert_eq!(last(&desk), (WEEKS.into(), None));
    page(&mut desk, &[2, 3], Some("page 2"));
    page(&mut desk, &[4, 5], Some("page 3"));
    desk
}

/// Breaks it off and lets it go on.
fn break_off(desk: &mut Desk, by: &str) {
    match by {
        "filter" => {
            desk.keys("/");
            desk.type_text(" severity:high");
            desk.keys("Enter");
            desk.done();
        }
        "refresh" => {
            desk.keys("r");
            desk.done();
        }
        "offline" => {
            fail(desk, FailureKind::Offline);
            assert_eq!(desk.behind.len(), 1);
            desk.pass(Duration::from_secs(120));
        }
        "sign-out" => {
            desk.send(Message::SignIn(SignInEvent::SignedOut));
            desk.send(Message::SignIn(SignInEvent::Done(signing_in::ana())));
        }
        "sign-in" => {
            fail(desk, FailureKind::SignIn);
            desk.send(Message::SignIn(SignInEvent::Done(signing_in::ana())));
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
    let mut desk = two_pages_on();
    desk.pass(Duration::from_secs(600));
    break_off(&mut desk, by);
    assert_eq!(desk.behind.len(), 2);
    assert_eq!(last(&desk), (WEEKS.into(), Some("page 3")), "no page is read twice");
    page(&mut desk, &[6], None);
    desk.load_behind(LoadEvent::Done);
    assert_eq!(desk.app.load.behind, Behind::UnderWay, "it is not whole yet");
    let since = "lastUpdateDateTime ge 2026-11-20T11:25:00Z";
    assert_eq!(last(&desk), (since.into(), None), "from somewhat before its first page on");
    page(&mut desk, &[7], None);
    desk.load_behind(LoadEvent::Done);
    assert_eq!((desk.app.load.behind, desk.app.store.len()), (Behind::Whole, 7));
    desk.pass(Duration::from_secs(3_600));
    assert_eq!(desk.behind.len(), 3);
}

#[test]
fn without_a_break_nothing_is_looked_for_again() {
    let mut desk = two_pages_on();
    page(&mut desk, &[6], None);
    desk.load_behind(LoadEvent::Done);
    assert_eq!((desk.app.load.behind, desk.behind.len()), (Behind::Whole, 1));
}

#[test]
fn a_look_at_what_came_in_that_is_broken_off_itself_is_made_to_its_end() {
    let mut desk = two_pages_on();
    break_off(&mut desk, "refresh");
    desk.load_behind(LoadEvent::Done);
    let since = last(&desk).0;
    // Before its first page is whole, it begins again; after that it goes on.
    break_off(&mut desk, "refresh");
    assert_eq!(last(&desk), (since.clone(), None));
    page(&mut desk, &[6], Some("more"));
    break_off(&mut desk, "refresh");
    assert_eq!(last(&desk), (since.clone(), Some("more")));
    desk.load_behind(LoadEvent::Done);
    assert_eq!((last(&desk), desk.app.load.behind), ((since, None), Behind::UnderWay));
    desk.load_behind(LoadEvent::Done);
    assert_eq!(desk.app.load.behind, Behind::Whole);
}

#[test]
fn a_page_that_was_on_its_way_counts_as_read() {
    let mut desk = two_pages_on();
    desk.keys("r");
    page(&mut desk, &[6], Some("page 4"));
    desk.load_behind(LoadEvent::Done);
    assert_eq!(desk.app.load.behind, Behind::Due, "but not as the end");
    desk.done();
    assert_eq!(last(&desk), (WEEKS.into(), Some("page 4")));
}

#[test]
fn a_place_that_the_service_does_not_know_any_more_is_given_up_once() {
    let mut desk = two_pages_on();
    break_off(&mut desk, "refresh");
    fail(&mut desk, FailureKind::Other);
    assert_eq!((desk.behind.len(), last(&desk)), (3, (WEEKS.into(), None)), "it starts over");
    fail(&mut desk, FailureKind::Other);
    desk.pass(Duration::from_secs(3_600));
    assert_eq!((desk.behind.len(), desk.app.load.behind), (3, Behind::Failed));
    // One that goes on well before it fails was no stale place.
    let mut desk = two_pages_on();
    break_off(&mut desk, "refresh");
    page(&mut desk, &[6], None);
    fail(&mut desk, FailureKind::Other);
    assert_eq!((desk.behind.len(), desk.app.load.behind), (2, Behind::Failed));
}

#[test]
fn a_part_before_the_break_is_a_part_of_the_whole() {
    let mut desk = two_pages_on();
    let partial = Some("a source is late".into());
    desk.load_behind(LoadEvent::Page { total: None, partial, server_time: None });
    desk.load_behind(LoadEvent::Reached(Bookmark("page 4".into())));
    break_off(&mut desk, "refresh");
    desk.load_behind(LoadEvent::Done);
    assert_eq!(desk.app.load.behind, Behind::Failed);
    break_off(&mut desk, "refresh");
    assert_eq!(last(&desk), (WEEKS.into(), None), "the user has asked again");
}

#[test]
fn another_profile_or_account_begins_at_the_start() {
    let mut desk = two_pages_on();
    desk.send(Message::Switched(Box::new(Settings { profile: "lab".into(), ..settings("") })));
    desk.done();
    assert_eq!((desk.behind.len(), last(&desk)), (2, (WEEKS.into(), None)));
    let mut desk = Desk::open("status:new");
    desk.send(Message::Identity(signing_in::ana()));
    desk.done();
    page(&mut desk, &[2], Some("page 2"));
    let bob = Some("bob@contoso.com".into());
    desk.send(Message::Identity(alertdeck::app::Identity { account: bob, ..signing_in::ana() }));
    desk.done();
    assert_eq!((desk.behind.len(), last(&desk)), (2, (WEEKS.into(), None)));
}
