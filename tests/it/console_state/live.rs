//! Live polling as the user sees it: signs, the way to new alerts, notifications, and the time of the
//! last look.

use std::time::Duration;

use alertdeck::app::{Effect, FailureKind, LoadEvent, Notification, NotifyMethod, NotifySettings};
use alertdeck_store::Row;
use serde_json::{Value, json};

use super::harness::{Harness, alert, batch, settings, with};
use super::settings::Settings;

/// Opens a console with a complete list and live polling on; the first poll is running.
fn live(settings: Settings, alerts: &[Value]) -> Harness {
    let mut console = Harness::with(settings, (120, 35));
    console.arrive(alerts);
    console.done();
    console.keys("L");
    console
}

/// Ends the running poll and waits for the next one.
fn next_poll(console: &mut Harness) {
    console.done();
    console.advance(Duration::from_secs(15));
}

fn ids(console: &Harness, rows: impl Iterator<Item = Row>) -> Vec<&'static str> {
    rows.map(|row| console.id(row)).collect()
}

#[test]
fn next_new_alert_is_the_one_below_or_else_the_first() {
    let mut console = live(settings(""), &(1..=5).map(alert).collect::<Vec<_>>());
    console.keys(".");
    assert_eq!(console.notice(), "no new alerts in the list");
    console.keys("j j");
    console.arrive(&[alert(10), alert(11), with(alert(0), json!({}))]);
    assert_eq!(console.selected(), Some("a3"));
    let mut visited = Vec::new();
    for _ in 0..4 {
        console.keys(".");
        visited.extend(console.selected());
    }
    assert_eq!(visited, ["a0", "a11", "a10", "a0"]);
    // In the detail, going to an alert reads it.
    console.keys("g Enter");
    assert_eq!(ids(&console, console.app.list.new.iter()).len(), 2, "the newest was read");
    console.keys(". .");
    assert_eq!(console.selected(), Some("a0"));
    console.keys(".");
    assert_eq!(console.notice(), "no new alerts in the list");
}

#[test]
fn next_new_alert_is_one_that_the_list_shows() {
    let mut console = live(settings("severity:high"), &[with(alert(1), json!({"severity": "high"}))]);
    console.arrive(&[alert(10)]);
    console.keys(".");
    assert_eq!((console.selected(), console.notice()), (Some("a1"), "no new alerts in the list"));
}

#[test]
fn seen_alerts_lose_their_signs_in_the_list_only() {
    let mut console = live(settings(""), &[alert(1), alert(2)]);
    let changed = json!({"title": "other", "lastUpdateDateTime": "2026-11-20T02:00:00Z"});
    console.arrive(&[with(alert(1), changed), alert(10), with(alert(11), json!({"severity": "high"}))]);
    console.done();
    console.keys("/");
    console.type_text("severity:medium");
    console.keys("Enter ,");
    assert_eq!(console.notice(), "1 new, 1 changed marked as seen");
    assert_eq!(ids(&console, console.app.list.new.iter()), ["a11"]);
    assert!(console.app.list.changed.is_empty());
    console.keys(",");
    assert_eq!(console.notice(), "no new or changed alerts");
}

/// Removes and returns the notifications since the last call.
fn notifications(console: &mut Harness) -> Vec<Notification> {
    let effects = std::mem::take(&mut console.effects).into_iter();
    effects.filter_map(|effect| if let Effect::Notify(new) = effect { Some(new) } else { None }).collect()
}

fn notifying(filter: &str) -> Settings {
    let notify = Some(NotifySettings { filter: filter.into(), method: NotifyMethod::default() });
    Settings { notify, ..settings("") }
}

#[test]
fn poll_notifies_once_of_new_alerts_that_match() {
    let severe = |number, severity| with(alert(number), json!({ "severity": severity }));
    let mut console = live(notifying("severity>=medium"), &[severe(1, "high")]);
    console.arrive(&[severe(601, "medium"), severe(602, "high")]);
    console.arrive(&[severe(603, "low"), severe(604, "medium")]);
    assert_eq!(notifications(&mut console), [], "the poll is still running");
    next_poll(&mut console);
    assert_eq!(notifications(&mut console), [Notification { alerts: 3, severity: Some("high") }]);
    // Known alerts, changed ones and old ones that a poll returns for the first time are not new.
    let changed = json!({"severity": "high", "title": "t", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    let old =
        json!({"createdDateTime": "2026-11-01T00:00:00Z", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    console.arrive(&[severe(602, "high"), with(alert(603), changed), with(alert(605), old)]);
    next_poll(&mut console);
    assert_eq!(notifications(&mut console), []);
    // What has arrived counts even if the poll fails then.
    console.arrive(&[severe(606, "medium")]);
    console.fail(FailureKind::Offline);
    assert_eq!(notifications(&mut console), [Notification { alerts: 1, severity: Some("medium") }]);
}

#[test]
fn lists_the_backfill_and_unset_notifications_notify_of_nothing() {
    let filter = "status:new".into();
    let mut console = Harness::with(Settings { filter, ..notifying("severity:medium") }, (120, 35));
    console.arrive(&[alert(601)]);
    console.done();
    console.load_of(console.backfills.last().unwrap().job, LoadEvent::Batch(batch(&[alert(602)])));
    console.keys("r");
    console.arrive(&[alert(601), alert(603)]);
    console.done();
    console.keys("L");
    console.done();
    assert_eq!(notifications(&mut console), []);
    let mut console = live(settings(""), &[alert(1)]);
    console.arrive(&[alert(601)]);
    console.done();
    assert_eq!(notifications(&mut console), []);
}

#[test]
fn header_shows_the_time_of_the_last_look_or_since_when_there_is_none() {
    let mut console = live(settings(""), &[alert(1)]);
    let right = |console: &Harness| {
        let screen = console.screen();
        let header = screen.lines().next().unwrap();
        header.rsplit_once("  ").unwrap().1.to_owned()
    };
    next_poll(&mut console);
    assert_eq!(right(&console), "live 12:00:00Z");
    next_poll(&mut console);
    assert_eq!(right(&console), "live 12:00:15Z");
    console.fail(FailureKind::Offline);
    assert_eq!(right(&console), "not live since 12:00:15Z");
    console.resize(80, 24);
    assert_eq!(right(&console), "not live since 12:00Z");
    console.resize(60, 24);
    assert_eq!(right(&console), "not live");
    console.resize(120, 35);
    console.advance(Duration::from_secs(15));
    next_poll(&mut console);
    assert_eq!(right(&console), "live 12:00:45Z");
    console.keys("L");
    assert_eq!(right(&console), "12:01Z");
}

#[test]
fn signs_stay_while_a_filter_runs() {
    let mut console = live(settings(""), &[alert(1)]);
    console.arrive(&[alert(10)]);
    console.done();
    console.lazy = true;
    console.keys("/");
    console.type_text("title:alert");
    console.keys("Enter ,");
    assert_eq!(console.notice(), "the filter is still running; try again in a moment");
    assert_eq!(console.app.list.new.len(), 1);
    console.settle();
    console.keys(",");
    assert!(console.app.list.new.is_empty());
}
