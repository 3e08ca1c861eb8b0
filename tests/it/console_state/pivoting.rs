//! Pivots: counts of values, their alerts, and going back.

use std::time::Duration;

use alertdeck::app::{
    BackfillState, DetailView, Effect, FailureKind, FeedEvent, Input, JobKind, LoadEvent, Message, Overlay,
    Pane, Phase, Scope, Scroll,
};
use alertdeck_model::Timestamp;
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_store::{Classes, Prevalence};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{Harness, alert, batch, scope, settings, with};

/// Returns an alert with a device, a user and a file.
fn run(number: u32, device: &str, file: &str, values: Value) -> Value {
    let of = |kind: &str| format!("#microsoft.graph.security.{kind}Evidence");
    let evidence = json!([
        {"@odata.type": of("device"), "deviceDnsName": device},
        {"@odata.type": of("user"), "userAccount": {"accountName": "bob", "userPrincipalName": "bob@contoso.com"}},
        {"@odata.type": of("file"), "fileDetails": {"fileName": file, "sha256": format!("{:0>64x}", file.len())}},
    ]);
    with(with(alert(number), json!({"evidence": evidence})), values)
}

/// Returns a queue of two open alerts, with two resolved ones also loaded.
fn queue() -> Harness {
    let mut console = Harness::open("status:new");
    console.arrive(&[
        run(1, "srv-1", "a.exe", json!({"status": "resolved", "classification": "truePositive"})),
        run(2, "SRV-2", "a.exe", json!({"status": "resolved"})),
        run(3, "srv-2", "b.exe", json!({})),
        run(4, "srv-1", "b.exe", json!({"severity": "high"})),
    ]);
    console.done();
    console.backfill_event(LoadEvent::Done);
    console.effects.clear();
    console
}

fn indicator(kind: IndicatorKind, value: &str) -> Indicator {
    Indicator { kind, value: value.into() }
}

/// The view as the user sees it.
#[derive(Clone, Debug, PartialEq)]
struct Snapshot {
    filter: String,
    rows: Vec<String>,
    selected: Option<String>,
    line: usize,
    focus: Pane,
    detail: Option<(Scroll, DetailView)>,
}

fn snapshot(console: &Harness) -> Snapshot {
    Snapshot {
        filter: console.app.filter.committed.clone(),
        rows: console.rows().into_iter().map(str::to_owned).collect(),
        selected: console.selected().map(str::to_owned),
        line: console.line(),
        focus: console.app.ui.focus,
        detail: console.app.current_detail().map(|detail| (detail.scroll, detail.view())),
    }
}

#[test]
fn pivot_shows_as_many_alerts_as_counted_in_any_status() {
    let mut console = queue();
    assert_eq!(console.rows(), ["a4", "a3"]);
    console.keys("p");
    let letters: Vec<_> = console.menu();
    assert_eq!(letters, [('d', "device".into()), ('n', "user".into())]);
    let what = indicator(IndicatorKind::Device, "srv-1");
    let classes = Classes { true_positive: 1, open: 1, ..Classes::default() };
    assert_eq!(console.app.prevalence(&what), Some(Prevalence { alerts: 2, devices: 1, classes }));
    let screen = console.screen();
    assert!(screen.contains("2 alerts · 1 device · 1 true positive, 1 open"), "{screen}");
    assert!(screen.contains("counts from 4 loaded alerts · 30 days complete"), "{screen}");
    console.keys("d");
    assert_eq!((console.app.filter.text(), console.rows()), ("deviceid:srv-1", vec!["a4", "a1"]));
    assert_eq!(console.selected(), Some("a4"), "the cursor stays on its alert");
    assert_eq!(console.effects, [], "no request is made");
    let screen = console.screen();
    assert!(screen.contains("2 matches in 4 loaded · 30 days complete"), "{screen}");
    assert!(screen.contains("loaded alerts only (r: query server)"), "{screen}");
    console.keys("r");
    assert_eq!(console.fetches(), [Scope::All], "r asks the service");
    assert!(!console.screen().contains("r asks"));
}

#[test]
fn pivot_menu_offers_the_values_of_the_line() {
    let mut console = queue();
    // Below the heading "Evidence" are the device and the user with two names.
    console.keys("Enter j j p");
    assert_eq!(console.menu().len(), 1, "a single value opens the menu too");
    console.keys("Enter");
    assert_eq!(console.app.filter.text(), "deviceid:srv-1");
    assert_eq!(console.app.ui.focus, Pane::List);
    console.keys("Backspace j j p");
    assert_eq!(console.menu().len(), 2);
    console.keys("Enter");
    assert_eq!((console.app.filter.text(), console.rows().len()), ("userid:bob@contoso.com", 4));
    console.keys("Enter g p");
    assert_eq!(console.notice(), "nothing to pivot on here");
}

#[test]
fn values_overlay_shows_counts_and_pivots() {
    let mut console = queue();
    console.keys("Enter j j Enter");
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else {
        panic!("{:?}", console.app.ui.overlay())
    };
    let at = values.values.iter().position(|value| value.text.raw() == "srv-1").unwrap();
    let screen = console.screen();
    let line = screen.lines().find(|line| line.contains("deviceDnsName")).unwrap();
    assert!(line.contains(" 2 alerts │"), "{line}");
    console.keys("G p");
    assert!(console.app.ui.overlay().is_some(), "there is no pivot on the type");
    console.keys("g");
    for _ in 0..at {
        console.keys("j");
    }
    console.keys("p");
    assert_eq!((console.app.filter.text(), console.rows()), ("device=srv-1", vec!["a4", "a1"]));
    assert!(console.app.ui.overlay().is_none());
}

#[test]
fn including_a_value_keeps_as_many_as_counted() {
    let mut console = queue();
    console.keys("/ Ctrl-u Enter");
    console.arrive(&[]);
    console.done();
    console.keys("g Enter j j f Enter");
    assert_eq!((console.app.filter.text(), console.rows()), ("device=srv-1", vec!["a4", "a1"]));
    console.keys("Enter F");
    assert_eq!((console.app.filter.text(), console.rows().len()), ("device=srv-1 -device=srv-1", 0));
    console.keys("Backspace Backspace");
    assert_eq!((console.app.filter.text(), console.rows().len()), ("", 4));
}

#[test]
fn filtering_a_pivot_makes_no_request() {
    let mut console = queue();
    console.keys("p d f");
    console.pick("severity");
    assert_eq!((console.app.filter.text(), console.rows()), ("deviceid:srv-1 severity:high", vec!["a4"]));
    assert_eq!(console.effects, []);
    console.keys("Backspace Backspace");
    assert_eq!((console.app.filter.text(), console.rows()), ("status:new", vec!["a4", "a3"]));
    assert_eq!(console.effects, []);
}

#[test]
fn incident_pivot_shows_loaded_alerts() {
    let mut console = queue();
    console.keys("i");
    assert_eq!(
        (console.app.filter.text(), console.rows().len(), console.effects.len()),
        ("incident:77", 4, 0)
    );
    console.keys("Backspace");
    assert_eq!(console.app.filter.text(), "status:new");
}

#[test]
fn filter_typed_after_a_pivot_makes_a_request() {
    let mut console = queue();
    console.keys("p d /");
    console.type_text(" severity:high");
    console.keys("Enter");
    assert_eq!(console.fetches(), [scope("severity eq 'high'")]);
}

#[test]
fn automatic_retry_fetches_the_list_not_the_pivot() {
    let mut console = Harness::open("status:new");
    console.arrive(&[run(1, "srv-1", "a", json!({}))]);
    console.fetches();
    console.fail(FailureKind::Offline);
    console.keys("p d");
    assert_eq!(console.app.filter.text(), "deviceid:srv-1");
    assert!(console.screen().contains("in 1 loaded so far · offline"), "{}", console.screen());
    console.advance(Duration::from_secs(15));
    assert_eq!(console.fetches(), [scope("status eq 'new'")]);
    console.done();
    console.keys("Backspace");
    assert_eq!(console.fetches(), [], "its list is complete");
    assert!(console.screen().contains("complete"));
}

#[test]
fn back_restores_the_exact_view() {
    let mut console = Harness::open("status:new");
    console
        .arrive(&(10..90).map(|n| run(n, &format!("srv-{}", n % 7), "a.exe", json!({}))).collect::<Vec<_>>());
    console.done();
    console.backfill_event(LoadEvent::Done);
    console.effects.clear();
    console.resize(120, 10);
    console.keys("s p PgDn PgDn k k Enter G k");
    let from = snapshot(&console);
    assert!(from.line > 0 && from.detail.unwrap().0.top > 0, "{from:?}");
    console.keys("p");
    assert_eq!(console.notice(), "nothing to pivot on here", "a fact");
    console.keys("i Enter v j j");
    let json = snapshot(&console);
    console.keys("Tab p n");
    assert_eq!(console.app.filter.text(), "userid:bob@contoso.com");
    console.keys("s t j j j g");
    assert_ne!(snapshot(&console).selected, json.selected);
    console.keys("Backspace Backspace");
    assert_eq!(snapshot(&console), Snapshot { focus: Pane::List, ..json });
    console.keys("Backspace");
    assert_eq!(snapshot(&console), from);
    assert_eq!(console.effects, [], "no request was made");
    console.keys("Backspace Backspace");
    assert_eq!(console.notice(), "no previous view", "the sort order was the first step");
}

#[test]
fn back_keeps_the_alert_whatever_has_arrived() {
    let mut console = queue();
    console.keys("j p d");
    assert_eq!((console.app.filter.text(), console.rows()), ("deviceid:srv-2", vec!["a3", "a2"]));
    console.keys("g j");
    assert_eq!(console.selected(), Some("a2"));
    let later = json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    let batch = batch(&[
        run(8, "srv-9", "x", json!({})),
        run(3, "srv-2", "b.exe", later),
        run(2, "other", "x", json!({"lastUpdateDateTime": "2026-11-20T11:00:00Z"})),
    ]);
    console.load(LoadEvent::Batch(batch));
    console.keys("Backspace");
    assert_eq!((console.rows(), console.selected()), (vec!["a8", "a4", "a3", "a2"], Some("a3")));
    assert!(console.app.view.is_stale(console.row("a3")), "it is shown as no longer matching");
    assert_eq!(console.app.view.count().found(), 3);
    console.keys("r");
    assert!(!console.shows("a3"));
}

#[test]
fn back_returns_to_the_newest_alert_too() {
    let mut console = queue();
    console.keys("p d");
    let batch = batch(&[run(8, "srv-9", "x", json!({}))]);
    console.load(LoadEvent::Batch(batch));
    console.keys("Backspace");
    assert_eq!((console.rows(), console.selected()), (vec!["a8", "a4", "a3"], Some("a4")));
}

#[test]
fn history_is_bounded() {
    let mut console = queue();
    for _ in 0..40 {
        console.keys("p d p n");
    }
    console.keys("p n");
    assert_eq!(console.notice(), "already showing these alerts", "it adds no step");
    console.keys(&"Backspace ".repeat(50));
    assert_eq!((console.app.filter.text(), console.notice()), ("userid:bob@contoso.com", ""));
    console.keys("Backspace");
    assert_eq!(console.notice(), "no previous view");
}

#[test]
fn profile_switch_keeps_the_filter_and_clears_the_history() {
    let mut console = queue();
    console.keys("p d");
    console.switch(settings(""));
    assert_eq!((console.app.filter.text(), console.app.store.len()), ("status:new", 0));
    console.keys("Backspace");
    assert_eq!(console.notice(), "no previous view");
}

#[test]
fn saved_alerts_cover_everything() {
    let mut console =
        Harness::with(super::harness::Settings { service: false, ..settings("status:new") }, (120, 35));
    console.arrive(&[run(1, "srv-1", "a", json!({})), run(2, "srv-1", "b", json!({"status": "resolved"}))]);
    console.done();
    console.fetches();
    assert_eq!(console.backfills, [], "there is no backfill");
    console.keys("p");
    assert!(console.screen().contains("counts from 2 loaded alerts · complete"), "{}", console.screen());
    console.keys("d");
    assert_eq!((console.rows().len(), console.effects.len()), (2, 0));
    assert!(!console.screen().contains("r asks"));
}

#[test]
fn counts_are_sliced_but_the_number_of_alerts_is_immediate() {
    let mut console = Harness::open("");
    console.lazy = true;
    let alerts: Vec<_> =
        (0..9_000).map(|n| run(n % 1_400, "srv-1", "a", json!({"id": n.to_string()}))).collect();
    console.arrive(&alerts);
    console.done();
    console.keys("p");
    let what = indicator(IndicatorKind::DeviceId, "srv-1");
    assert_eq!((console.app.alerts_with(&what), console.app.prevalence(&what)), (9_000, None));
    assert!(console.screen().contains("9,000 alerts · counting"), "{}", console.screen());
    console.settle();
    let classes = Classes { open: 9_000, ..Classes::default() };
    assert_eq!(console.app.prevalence(&what), Some(Prevalence { alerts: 9_000, devices: 1, classes }));
}

#[test]
fn pivot_on_a_rare_value_is_immediate() {
    let mut console = queue();
    console.keys("p");
    console.lazy = true;
    console.keys("d");
    assert_eq!((console.rows(), console.selected()), (vec!["a4", "a1"], Some("a4")));
    assert!(console.screen().contains("2 matches in 4"), "the count is exact: {}", console.screen());
}

#[test]
fn values_on_screen_are_counted_automatically() {
    let mut console = queue();
    let what = indicator(IndicatorKind::DeviceId, "srv-1");
    let classes = Classes { true_positive: 1, open: 1, ..Classes::default() };
    assert_eq!(console.app.prevalence(&what), Some(Prevalence { alerts: 2, devices: 1, classes }));
    let closed = json!({"classification": "falsePositive", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    let batch = batch(&[run(4, "srv-1", "b.exe", closed)]);
    console.load(LoadEvent::Batch(batch));
    let classes = Classes { true_positive: 1, false_positive: 1, ..Classes::default() };
    assert_eq!(console.app.prevalence(&what).unwrap().classes, classes);
}

// Tests for the backfill.

fn recent() -> Scope {
    scope("createdDateTime ge 2026-10-21T12:00:00Z")
}

#[test]
fn backfill_starts_when_the_list_is_complete() {
    let mut console = Harness::open("status:new");
    console.arrive(&[run(1, "srv-1", "a", json!({}))]);
    assert_eq!(console.backfills, []);
    console.done();
    assert_eq!((console.backfills.len(), &console.backfills[0].scope), (1, &recent()));
    let before = (console.phase().clone(), console.read());
    console.backfill_event(LoadEvent::Page { total: Some(900), partial: None, server_time: None });
    let closed = json!({"status": "resolved", "classification": "truePositive"});
    console.backfill_event(LoadEvent::Batch(batch(&[run(2, "srv-1", "a", closed)])));
    assert_eq!((console.phase().clone(), console.read()), before);
    assert_eq!((console.rows(), console.app.list.new.len()), (vec!["a1"], 0), "the list shows none of it");
    console.keys("p d");
    assert_eq!(console.rows(), ["a2", "a1"]);
    assert!(console.screen().contains("in 2 loaded · loading the last 30 days"), "{}", console.screen());
    console.backfill_event(LoadEvent::Done);
    assert!(console.screen().contains("in 2 loaded · 30 days complete"), "{}", console.screen());
    console.advance(Duration::from_secs(3_600));
    assert_eq!(console.backfills.len(), 1, "it is loaded once");
}

#[rstest]
#[case::another_list("/ Ctrl-u x Enter", 1)]
#[case::refresh("r", 1)]
#[case::live_poll("L", 0)]
fn backfill_pauses_for_lists_and_runs_beside_polls(#[case] keys: &str, #[case] again: usize) {
    let mut console = Harness::open("status:new");
    console.arrive(&[run(1, "srv-1", "a", json!({}))]);
    console.done();
    let old = console.backfills[0].job;
    console.fetches();
    console.keys(keys);
    let paused = console.effects.iter().any(|asked| matches!(asked, Effect::Start(_, JobKind::List(_))));
    assert_eq!(paused, again == 1);
    assert_eq!(console.backfills.len(), 1, "it waits while that loads");
    console.load_of(old, LoadEvent::Done);
    assert_eq!(
        console.backfill_state() == BackfillState::Complete,
        !paused,
        "a paused backfill is not complete"
    );
    console.keys("/ Ctrl-u");
    console.type_text("status:new");
    console.keys("Enter");
    console.done();
    assert_eq!(console.backfills.len(), 1 + again, "it continues");
}

#[test]
fn no_backfill_for_a_list_of_everything_or_an_incomplete_list() {
    let mut console = Harness::open("");
    console.done();
    assert_eq!(console.backfills, []);
    let mut console = Harness::open("status:new");
    console.keys("Esc");
    console.advance(Duration::from_secs(600));
    assert_eq!((console.phase(), console.backfills.as_slice()), (&Phase::Stopped, &[][..]));
}

#[test]
fn failed_backfill_does_not_affect_the_list() {
    let fail = |console: &mut Harness, kind| {
        let line = "it failed".into();
        console.backfill_event(LoadEvent::Failed(alertdeck::app::Failure { kind, line }));
        assert_eq!((console.phase(), console.notice()), (&Phase::Complete, ""));
    };
    let mut console = Harness::open("status:new");
    console.done();
    fail(&mut console, FailureKind::Busy);
    console.advance(Duration::from_millis(119_999));
    assert_eq!(console.backfills.len(), 1);
    console.advance(Duration::from_millis(1));
    assert_eq!(console.backfills.len(), 2, "it is retried");
    fail(&mut console, FailureKind::Permission);
    console.advance(Duration::from_secs(3_600));
    assert_eq!(console.backfills.len(), 2, "it is not retried");
    console.keys("r");
    console.done();
    assert_eq!(console.backfills.len(), 3, "a refresh retries it");
    let partial = Some("a source is late".into());
    console.backfill_event(LoadEvent::Page {
        total: None,
        partial,
        server_time: Timestamp::parse("2026-11-20T12:00:00Z"),
    });
    console.backfill_event(LoadEvent::Done);
    assert_eq!(console.backfill_state(), BackfillState::Failed, "a partial result is not complete");
    assert_eq!(console.feed().list.partial(), None);
}

#[test]
fn sign_out_stops_the_backfill() {
    let mut console = Harness::open("status:new");
    console.done();
    console.feed_event(FeedEvent::SignedOut);
    assert_eq!(console.cancelled(), [console.backfills[0].job]);
    console.backfill_event(LoadEvent::Done);
    assert_eq!((console.backfill_state(), console.backfills.len()), (BackfillState::Due, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn back_undoes_every_step(steps in prop::collection::vec((0u8..6, 0u8..9), 1..12)) {
        let mut console = queue();
        let mut trail = Vec::new();
        for (step, by) in steps {
            console.keys(&"j ".repeat(usize::from(by)));
            let before = snapshot(&console);
            let depth = console.app.history_len();
            match step {
                0 => console.keys("p d"),
                1 => console.keys("p n"),
                2 => console.keys("i"),
                3 => console.keys("f t"),
                4 => console.keys("Tab"),
                _ => console.keys("p"),
            }
            console.send(Message::Input(Input::Release));
            console.keys("Esc");
            if console.app.history_len() > depth {
                trail.push(before);
            }
            prop_assert_eq!(console.app.history_len(), trail.len());
        }
        while let Some(before) = trail.pop() {
            console.keys("Backspace");
            prop_assert_eq!(snapshot(&console), before);
        }
        prop_assert_eq!(&console.effects, &[]);
    }
}
