//! What must not lead to a change, or lose its result: held keys, changes that are still being sent,
//! tenants that are switched off, and other accounts.

use std::time::Duration;

use alertdeck::{
    app::{FeedEvent, JobId, Message, Overlay, WriteEvent, Writes},
    triage::TaskResult,
};
use alertdeck_store::FeedId;

use super::{
    harness::{Harness, Settings, alert, batch, profile},
    signing_in::identity,
    triage::{DEAF, ME, applied, confirm, finish, open, writes, writing},
};

/// Keyboards repeat a key after a quarter of a second or more, and then many times a second.
#[test]
fn an_enter_that_is_held_confirms_nothing() {
    let mut console = open(2);
    console.keys("c");
    console.type_text("checked");
    console.keys("Enter");
    console.advance(Duration::from_millis(400));
    for _ in 0..50 {
        console.keys("Enter");
        console.advance(Duration::from_millis(90));
    }
    assert!(writes(&mut console).is_empty());
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Confirm(_))));
    console.advance(Duration::from_secs(1));
    console.keys("Enter");
    console.advance(DEAF);
    assert_eq!(writes(&mut console).len(), 1, "pressed again");
}

#[test]
fn a_newer_change_that_is_still_being_sent_is_not_passed_over() {
    let mut console = open(2);
    console.keys("a");
    let started = confirm(&mut console);
    finish(&mut console, started, |_| TaskResult::Applied);
    console.advance(Duration::from_secs(7));
    console.keys("k x f n");
    let started = confirm(&mut console);
    console.keys("u");
    assert_eq!(console.notice(), "the last change is still being sent");
    assert!(console.app.ui.overlay().is_none());
    finish(&mut console, started, |_| TaskResult::Applied);
    console.advance(Duration::from_secs(7));
    console.keys("u");
    assert!(console.screen().contains("undoing: resolved, false positive"), "{}", console.screen());
}

/// Opens a list of two tenants with an alert each.
fn open_two_tenants() -> Harness {
    let of = |name: &str| Settings {
        profile: name.into(),
        tenant: format!("{name}.example"),
        profiles: ["contoso", "fabrikam"].map(|name| profile(name, "x.example", "browser")).into(),
        ..writing()
    };
    let mut console = Harness::with_feeds(&[of("contoso"), of("fabrikam")], (120, 35));
    for (feed, number) in [(0, 1), (1, 2)] {
        console.complete(FeedId::new(feed), &[alert(number)]);
    }
    console.effects.clear();
    console
}

/// Takes all alerts in the list, and returns the jobs.
fn take_all(console: &mut Harness) -> Vec<(JobId, Writes)> {
    console.keys("* a");
    console.advance(DEAF);
    assert!(
        console.screen().contains("2 alerts: 1 in contoso.example, 1 in fabrikam.example"),
        "{}",
        console.screen()
    );
    console.keys("Enter");
    let started = writes(console);
    assert_eq!(started.len(), 2);
    started
}

/// Reports that the changes of a job were applied, but not that the job is done.
fn apply(console: &mut Harness, (job, writes): &(JobId, Writes)) {
    for (at, task) in &writes.tasks {
        let row = console.app.store.row(job.feed, &task.alert).unwrap();
        let before = console.app.store.stored(row).read().parse().unwrap();
        let (alert, entries) = applied(task, &writes.action, &before);
        let (result, alert) = (TaskResult::Applied, Some(Box::new(batch(&[alert]))));
        let action = writes.action.id.clone();
        let event = WriteEvent::Ended { action, at: *at, result, entries, alert };
        console.send(Message::Job(*job, event.into()));
    }
}

fn done(console: &mut Harness, (job, writes): &(JobId, Writes)) {
    console.send(Message::Job(*job, WriteEvent::Done { action: writes.action.id.clone() }.into()));
}

#[test]
fn results_of_a_tenant_that_is_switched_off_are_kept() {
    let mut console = open_two_tenants();
    let started = take_all(&mut console);
    console.keys("P j Space Esc");
    assert_eq!(console.app.feeds.len(), 1);
    for started in &started {
        apply(&mut console, started);
        done(&mut console, started);
    }
    assert!(!console.app.actions.is_running());
    console.advance(Duration::from_secs(7));
    console.keys("u");
    let screen = console.screen();
    assert!(screen.contains("1 alert in contoso.example"), "only what can be undone: {screen}");
}

#[test]
fn an_action_in_two_tenants_is_reported_once() {
    let mut console = open_two_tenants();
    let started = take_all(&mut console);
    for started in &started {
        apply(&mut console, started);
    }
    done(&mut console, &started[0]);
    assert_eq!(console.notice(), "", "the other tenant is not done");
    done(&mut console, &started[1]);
    assert!(console.notice().starts_with("2 alerts: "), "{}", console.notice());
    console.advance(Duration::from_secs(7));
    assert_eq!(console.notice(), "", "not reported again");
}

#[test]
fn another_account_closes_the_confirmation_and_takes_nothing_back() {
    let mut console = open(2);
    let feed = console.app.feed().id;
    console.send(Message::Feed(feed, FeedEvent::Identity(identity(ME))));
    console.keys("a");
    let started = confirm(&mut console);
    assert_eq!(started.1.account.as_deref(), Some(ME));
    finish(&mut console, started, |_| TaskResult::Applied);
    console.advance(Duration::from_secs(7));
    console.keys("x f n");
    console.send(Message::Feed(feed, FeedEvent::Identity(identity("eve@contoso.com"))));
    assert!(console.app.ui.overlay().is_none());
    console.keys("u");
    assert!(console.notice().starts_with("nothing to undo in this session"), "{}", console.notice());
}

#[test]
fn another_account_stops_every_change_that_is_being_sent() {
    let mut console = open(2);
    let feed = console.app.feed().id;
    console.send(Message::Feed(feed, FeedEvent::Identity(identity(ME))));
    console.keys("a");
    let (first, _) = confirm(&mut console);
    console.keys("j x f n");
    let (second, _) = confirm(&mut console);
    console.effects.clear();
    console.send(Message::Feed(feed, FeedEvent::Identity(identity("eve@contoso.com"))));
    let stopped = console.cancelled();
    assert!(stopped.contains(&first) && stopped.contains(&second), "{stopped:?}");
}
