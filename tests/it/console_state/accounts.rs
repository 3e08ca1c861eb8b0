//! The account: who is signed in, what `me` means, and what a change of accounts drops.

use std::time::Duration;

use alertdeck::app::{Effect, FeedEvent, LoadEvent};

use super::{
    harness::{Harness, Settings, alert, batch, scope, settings, with},
    signing_in::{ana, done, identity, needed},
};

#[test]
fn sign_out_keeps_the_rows_and_cancels_the_fetch() {
    let mut console = Harness::open("");
    console.identity(ana());
    console.arrive(&[alert(1)]);
    console.effects.clear();
    console.keys("P x");
    assert_eq!(console.effects, [Effect::SignOut(console.feed().id)]);
    console.feed_event(FeedEvent::SignedOut);
    assert_eq!(
        (console.effects.pop(), console.notice()),
        (Some(Effect::Cancel(console.fetch)), "signed out")
    );
    assert!(console.feed().sign_in.identity.is_none());
    console.keys("Esc");
    assert_eq!(console.rows(), ["a1"]);
    assert!(console.screen().contains("signed out: press P"), "{}", console.screen());
}

#[test]
fn arriving_page_ends_the_signed_out_state() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    needed(&mut console);
    console.keys("Esc");
    console.keys("r");
    assert!(console.screen().contains("signed out"), "{}", console.screen());
    console.load(LoadEvent::Page { total: None, partial: None, server_time: None });
    assert!(!console.screen().contains("signed out"), "{}", console.screen());
}

#[test]
fn known_identity_ends_the_signed_out_state() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    needed(&mut console);
    console.identity(ana());
    assert!(
        console.screen().contains("signed out"),
        "the service asks for a new sign-in: {}",
        console.screen()
    );
    console.keys("Esc");
    console.identity(ana());
    assert!(!console.screen().contains("signed out"), "{}", console.screen());
}

#[test]
fn me_is_the_signed_in_account_unless_configured() {
    for (configured, expected) in [(None, "ana@contoso.com"), (Some("ben@contoso.com"), "ben@contoso.com")] {
        let mut console =
            Harness::with(Settings { me: configured.map(str::to_owned), ..settings("") }, (120, 35));
        needed(&mut console);
        done(&mut console);
        assert_eq!(console.feed().settings.me.as_deref(), Some(expected));
        console.fetches();
        console.keys("/");
        console.type_text("assigned:me");
        console.keys("Enter");
        let scope = scope(&format!("assignedTo eq '{expected}'"));
        assert_eq!(console.fetches(), [scope]);
    }
}

#[test]
fn filter_with_me_is_fetched_once_the_account_is_known() {
    let mut console = Harness::with(Settings { me: None, ..settings("assigned:me") }, (120, 35));
    console.fetches();
    needed(&mut console);
    done(&mut console);
    assert_eq!(console.fetches(), [scope("assignedTo eq 'ana@contoso.com'")]);
    console.arrive(&[alert(1), with(alert(2), serde_json::json!({"assignedTo": "ana@contoso.com"}))]);
    assert_eq!(console.rows(), ["a2"]);
}

#[test]
fn fetch_that_waited_long_for_the_sign_in_continues() {
    // The filter's time limit has moved by then, but that is no reason to start over.
    let mut console = Harness::with(Settings { me: None, ..settings("age<7d") }, (120, 35));
    console.fetches();
    needed(&mut console);
    console.advance(Duration::from_secs(200));
    done(&mut console);
    assert_eq!(console.fetches(), []);
}

#[test]
fn another_account_does_not_see_loaded_alerts() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.identity(ana());
    let old = console.fetch;
    needed(&mut console);
    console.keys("Enter");
    console.feed_event(FeedEvent::SignedIn(identity("ben@contoso.com")));
    assert_eq!(console.fetches().len(), 1);
    console.load_of(old, LoadEvent::Batch(batch(&[alert(2)])));
    assert_eq!((console.rows().len(), console.app.store.len()), (0, 0));
    let mut same = Harness::with_alerts(&[alert(1)]);
    same.identity(identity("Ana@Contoso.com"));
    needed(&mut same);
    done(&mut same);
    assert_eq!(same.rows(), ["a1"], "case does not distinguish accounts");
}

#[test]
fn wide_header_shows_the_account_without_moving_the_counts() {
    let mut console = Harness::with(settings(""), (200, 50));
    let counts = |console: &Harness| console.screen().lines().next().unwrap().find("match");
    let before = counts(&console);
    console.identity(ana());
    assert!(
        console.screen().lines().next().unwrap().ends_with("ana@contoso.com  12:00Z"),
        "{}",
        console.screen()
    );
    assert_eq!(counts(&console), before);
    console.resize(80, 24);
    assert!(!console.screen().lines().next().unwrap().contains("ana@"), "{}", console.screen());
}
