//! Values and their alerts: how many they are said to be, which are shown, the way back.

use std::time::Duration;

use alertdeck::{
    app::{
        Behind, DetailView, Effect, FailureKind, Input, LoadEvent, Message, Overlay, Pane, Phase, Purpose,
        Scope, Scroll,
    },
    evidence::{Indicator, IndicatorKind},
    model::Timestamp,
    store::{Classes, Prevalence},
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::desk::{Desk, alert, batch, settings, with};

/// An alert of a device on which a user has run a file.
fn run(number: u32, device: &str, file: &str, values: Value) -> Value {
    let of = |kind: &str| format!("#microsoft.graph.security.{kind}Evidence");
    let evidence = json!([
        {"@odata.type": of("device"), "deviceDnsName": device},
        {"@odata.type": of("user"), "userAccount": {"accountName": "bob", "userPrincipalName": "bob@contoso.com"}},
        {"@odata.type": of("file"), "fileDetails": {"fileName": file, "sha256": format!("{:0>64x}", file.len())}},
    ]);
    with(with(alert(number), json!({"evidence": evidence})), values)
}

/// A queue of two open alerts with two resolved ones that were seen before.
fn queue() -> Desk {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[
        run(1, "srv-1", "a.exe", json!({"status": "resolved", "classification": "truePositive"})),
        run(2, "SRV-2", "a.exe", json!({"status": "resolved"})),
        run(3, "srv-2", "b.exe", json!({})),
        run(4, "srv-1", "b.exe", json!({"severity": "high"})),
    ]);
    desk.done();
    desk.load_behind(LoadEvent::Done);
    desk.asked.clear();
    desk
}

fn indicator(kind: IndicatorKind, value: &str) -> Indicator {
    Indicator { kind, value: value.into() }
}

/// What a place is made of, as the user sees it.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    filter: String,
    rows: Vec<String>,
    selected: Option<String>,
    line: usize,
    focus: Pane,
    detail: Option<(Scroll, DetailView)>,
}

fn place(desk: &Desk) -> Place {
    Place {
        filter: desk.app.filter.committed.clone(),
        rows: desk.rows().into_iter().map(str::to_owned).collect(),
        selected: desk.selected().map(str::to_owned),
        line: desk.line(),
        focus: desk.app.focus,
        detail: desk.app.current_detail().map(|detail| (detail.scroll, detail.view())),
    }
}

#[test]
fn the_alerts_of_a_value_are_of_any_status_and_as_many_as_counted() {
    let mut desk = queue();
    assert_eq!(desk.rows(), ["a4", "a3"]);
    desk.keys("p");
    let letters: Vec<_> = desk.menu();
    assert_eq!(letters, [('d', "device".into()), ('n', "user".into())]);
    let what = indicator(IndicatorKind::Device, "srv-1");
    let classes = Classes { true_positive: 1, open: 1, ..Classes::default() };
    assert_eq!(desk.app.prevalence(&what), Some(Prevalence { alerts: 2, devices: 1, classes }));
    let screen = desk.screen();
    assert!(screen.contains("2 alerts · 1 device · 1 true positive, 1 open"), "{screen}");
    assert!(screen.contains("of 4 loaded, 30 days whole"), "{screen}");
    desk.keys("d");
    assert_eq!((desk.app.filter.text(), desk.rows()), ("device=srv-1", vec!["a4", "a1"]));
    assert_eq!(desk.selected(), Some("a4"), "the cursor stays on its alert");
    assert_eq!(desk.asked, [], "nothing is asked for");
    let screen = desk.screen();
    assert!(screen.contains("2 match of 4 loaded, 30 days whole"), "{screen}");
    assert!(screen.contains("loaded, r asks"), "{screen}");
    desk.keys("r");
    assert_eq!(desk.fetches(), [Scope::All], "r asks the service");
    assert!(!desk.screen().contains("r asks"));
}

#[test]
fn one_value_leads_on_at_once_and_several_ask_which() {
    let mut desk = queue();
    // Below the heading "Evidence": the device, then the user with two names.
    desk.keys("Enter j j p");
    assert_eq!(desk.app.filter.text(), "device=srv-1");
    assert_eq!(desk.app.focus, Pane::List);
    desk.keys("Backspace j j p");
    assert_eq!(desk.menu().len(), 2);
    desk.keys("Enter");
    assert_eq!((desk.app.filter.text(), desk.rows().len()), ("user=bob@contoso.com", 4));
    desk.keys("Enter g p");
    assert!(desk.notice().starts_with("no value of the evidence is here"), "{}", desk.notice());
}

#[test]
fn a_value_in_the_overlay_has_its_count_and_its_alerts() {
    let mut desk = queue();
    desk.keys("Enter j j Enter");
    let Some(Overlay::Values(values)) = &desk.app.overlay else { panic!("{:?}", desk.app.overlay) };
    let at = values.values.iter().position(|value| value.text.raw() == "srv-1").unwrap();
    let screen = desk.screen();
    let line = screen.lines().find(|line| line.contains("deviceDnsName")).unwrap();
    assert!(line.contains(" 2a 1d │"), "{line}");
    desk.keys("p");
    assert!(desk.app.overlay.is_some(), "the type of evidence is none of its values");
    for _ in 0..at {
        desk.keys("j");
    }
    desk.keys("p");
    assert_eq!((desk.app.filter.text(), desk.rows()), ("device=srv-1", vec!["a4", "a1"]));
    assert!(desk.app.overlay.is_none());
}

#[test]
fn narrowing_by_a_value_keeps_as_many_as_counted() {
    let mut desk = queue();
    desk.keys("/ Ctrl-u Enter");
    desk.arrive(&[]);
    desk.done();
    desk.keys("g Enter j j f");
    assert_eq!((desk.app.filter.text(), desk.rows()), ("device=srv-1", vec!["a4", "a1"]));
    desk.keys("Enter j j F");
    assert_eq!((desk.app.filter.text(), desk.rows().len()), ("device=srv-1 -device=srv-1", 0));
    desk.keys("Backspace Backspace");
    assert_eq!((desk.app.filter.text(), desk.rows().len()), ("", 4));
}

#[test]
fn narrowing_what_is_held_asks_for_nothing() {
    let mut desk = queue();
    desk.keys("p d f");
    desk.pick("severity");
    assert_eq!((desk.app.filter.text(), desk.rows()), ("device=srv-1 severity:high", vec!["a4"]));
    assert_eq!(desk.asked, []);
    desk.keys("Backspace Backspace");
    assert_eq!((desk.app.filter.text(), desk.rows()), ("status:new", vec!["a4", "a3"]));
    assert_eq!(desk.asked, []);
}

#[test]
fn the_incident_is_looked_for_in_what_is_held() {
    let mut desk = queue();
    desk.keys("i");
    assert_eq!((desk.app.filter.text(), desk.rows().len(), desk.asked.len()), ("incident:77", 4, 0));
    desk.keys("Backspace");
    assert_eq!(desk.app.filter.text(), "status:new");
}

#[test]
fn a_filter_that_is_typed_after_a_look_is_asked() {
    let mut desk = queue();
    desk.keys("p d /");
    desk.type_text(" severity:high");
    desk.keys("Enter");
    assert_eq!(desk.fetches(), [Scope::Filter("severity eq 'high'".into())]);
}

#[test]
fn a_try_that_is_made_by_itself_is_for_the_list_not_for_a_look() {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[run(1, "srv-1", "a", json!({}))]);
    desk.fetches();
    desk.fail(FailureKind::Offline);
    desk.keys("p d");
    assert_eq!(desk.app.filter.text(), "device=srv-1");
    assert!(desk.screen().contains("of 1 loaded so far · offline"), "{}", desk.screen());
    desk.pass(Duration::from_secs(15));
    assert_eq!(desk.fetches(), [Scope::Filter("status eq 'new'".into())]);
    desk.done();
    desk.keys("Backspace");
    assert_eq!(desk.fetches(), [], "it was read whole");
    assert!(desk.screen().contains("complete"));
}

#[test]
fn the_way_back_leads_to_the_very_place() {
    let mut desk = Desk::open("status:new");
    desk.arrive(&(10..90).map(|n| run(n, &format!("srv-{}", n % 7), "a.exe", json!({}))).collect::<Vec<_>>());
    desk.done();
    desk.load_behind(LoadEvent::Done);
    desk.asked.clear();
    desk.resize(120, 10);
    desk.keys("s p PgDn PgDn k k Enter G k");
    let from = place(&desk);
    assert!(from.line > 0 && from.detail.unwrap().0.top > 0, "{from:?}");
    desk.keys("p");
    assert!(desk.notice().starts_with("no value"), "a fact is none: {}", desk.notice());
    desk.keys("i Enter v j j");
    let json = place(&desk);
    desk.keys("Tab p n");
    assert_eq!(desk.app.filter.text(), "user=bob@contoso.com");
    desk.keys("s t j j j g");
    assert_ne!(place(&desk).selected, json.selected);
    desk.keys("Backspace");
    assert_eq!(place(&desk), Place { focus: Pane::List, ..json });
    desk.keys("Backspace");
    assert_eq!(place(&desk), from);
    assert_eq!(desk.asked, [], "no list was needed");
    desk.keys("Backspace");
    assert_eq!(desk.notice(), "nowhere to go back to");
    assert_eq!(place(&desk), from);
}

#[test]
fn what_comes_in_meanwhile_moves_nobody_from_their_alert() {
    let mut desk = queue();
    desk.keys("j p d");
    assert_eq!((desk.app.filter.text(), desk.rows()), ("device=srv-2", vec!["a3", "a2"]));
    desk.keys("g j");
    assert_eq!(desk.selected(), Some("a2"));
    let later = json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    let batch = batch(&[
        run(8, "srv-9", "x", json!({})),
        run(3, "srv-2", "b.exe", later),
        run(2, "other", "x", json!({"lastUpdateDateTime": "2026-11-20T11:00:00Z"})),
    ]);
    desk.send(Message::Load(desk.generation(), LoadEvent::Batch(batch)));
    desk.keys("Backspace");
    assert_eq!((desk.rows(), desk.selected()), (vec!["a8", "a4", "a3", "a2"], Some("a3")));
    assert!(desk.app.view.is_stale(desk.row("a3")), "it is shown that it does not match any more");
    assert_eq!(desk.app.view.count().found(), 3);
    desk.keys("r");
    assert!(!desk.shows("a3"));
}

#[test]
fn the_newest_alert_is_come_back_to_as_well() {
    let mut desk = queue();
    desk.keys("p d");
    let batch = batch(&[run(8, "srv-9", "x", json!({}))]);
    desk.send(Message::Load(desk.generation(), LoadEvent::Batch(batch)));
    desk.keys("Backspace");
    assert_eq!((desk.rows(), desk.selected()), (vec!["a8", "a4", "a3"], Some("a4")));
}

#[test]
fn the_way_back_is_bounded() {
    let mut desk = queue();
    for _ in 0..40 {
        desk.keys("p d p n");
    }
    desk.keys("p n");
    assert_eq!(desk.notice(), "these are its alerts", "no step leads nowhere");
    desk.keys(&"Backspace ".repeat(50));
    assert_eq!((desk.app.filter.text(), desk.notice()), ("user=bob@contoso.com", ""));
    desk.keys("Backspace");
    assert_eq!(desk.notice(), "nowhere to go back to");
}

#[test]
fn another_profile_has_no_way_back_and_takes_the_question_along() {
    let mut desk = queue();
    desk.keys("p d");
    desk.send(Message::Switched(Box::new(settings(""))));
    assert_eq!((desk.app.filter.text(), desk.app.store.len()), ("status:new", 0));
    desk.keys("Backspace");
    assert_eq!(desk.notice(), "nowhere to go back to");
}

#[test]
fn saved_alerts_are_all_there_is() {
    let mut desk =
        Desk::with(alertdeck::app::Settings { service: false, ..settings("status:new") }, (120, 35));
    desk.arrive(&[run(1, "srv-1", "a", json!({})), run(2, "srv-1", "b", json!({"status": "resolved"}))]);
    desk.done();
    desk.fetches();
    assert_eq!(desk.behind, [], "nothing loads behind them");
    desk.keys("p");
    assert!(desk.screen().contains("of 2 loaded, complete"), "{}", desk.screen());
    desk.keys("d");
    assert_eq!((desk.rows().len(), desk.asked.len()), (2, 0));
    assert!(!desk.screen().contains("r asks"));
}

#[test]
fn a_count_of_many_comes_in_slices_and_the_number_of_alerts_at_once() {
    let mut desk = Desk::open("");
    desk.lazy = true;
    let alerts: Vec<_> =
        (0..9_000).map(|n| run(n % 1_400, "srv-1", "a", json!({"id": n.to_string()}))).collect();
    desk.arrive(&alerts);
    desk.done();
    desk.keys("p");
    let what = indicator(IndicatorKind::Device, "srv-1");
    assert_eq!((desk.app.alerts_with(&what), desk.app.prevalence(&what)), (9_000, None));
    assert!(desk.screen().contains("9,000 alerts · counting"), "{}", desk.screen());
    desk.rest();
    let classes = Classes { open: 9_000, ..Classes::default() };
    assert_eq!(desk.app.prevalence(&what), Some(Prevalence { alerts: 9_000, devices: 1, classes }));
}

#[test]
fn the_alerts_of_a_rare_value_are_there_with_the_key() {
    let mut desk = queue();
    desk.keys("p");
    desk.lazy = true;
    desk.keys("d");
    assert_eq!((desk.rows(), desk.selected()), (vec!["a4", "a1"], Some("a4")));
    assert!(desk.screen().contains("2 match of 4"), "the count is exact: {}", desk.screen());
}

#[test]
fn what_is_on_the_screen_is_counted_before_it_is_asked_for() {
    let mut desk = queue();
    let what = indicator(IndicatorKind::Device, "srv-1");
    let classes = Classes { true_positive: 1, open: 1, ..Classes::default() };
    assert_eq!(desk.app.prevalence(&what), Some(Prevalence { alerts: 2, devices: 1, classes }));
    let closed = json!({"classification": "falsePositive", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    let batch = batch(&[run(4, "srv-1", "b.exe", closed)]);
    desk.send(Message::Load(desk.generation(), LoadEvent::Batch(batch)));
    let classes = Classes { true_positive: 1, false_positive: 1, ..Classes::default() };
    assert_eq!(desk.app.prevalence(&what).unwrap().classes, classes);
}

// Behind the list.

fn recent() -> Scope {
    Scope::Filter("createdDateTime ge 2026-10-21T12:00:00Z".into())
}

#[test]
fn the_last_weeks_load_behind_the_list_once_it_is_whole() {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[run(1, "srv-1", "a", json!({}))]);
    assert_eq!(desk.behind, []);
    desk.done();
    assert_eq!((desk.behind.len(), &desk.behind[0].scope), (1, &recent()));
    let before = (desk.app.load.phase.clone(), desk.app.load.read(), desk.app.load.total);
    desk.load_behind(LoadEvent::Page { total: Some(900), partial: None, server_time: None });
    let closed = json!({"status": "resolved", "classification": "truePositive"});
    desk.load_behind(LoadEvent::Batch(batch(&[run(2, "srv-1", "a", closed)])));
    assert_eq!((desk.app.load.phase.clone(), desk.app.load.read(), desk.app.load.total), before);
    assert_eq!((desk.rows(), desk.app.fresh.len()), (vec!["a1"], 0), "nothing of it shows");
    desk.keys("p d");
    assert_eq!(desk.rows(), ["a2", "a1"]);
    assert!(desk.screen().contains("of 2 loaded, 30 days loading"), "{}", desk.screen());
    desk.load_behind(LoadEvent::Done);
    assert!(desk.screen().contains("of 2 loaded, 30 days whole"), "{}", desk.screen());
    desk.pass(Duration::from_secs(3_600));
    assert_eq!(desk.behind.len(), 1, "it is loaded once");
}

#[rstest]
#[case::a_list("/ Ctrl-u x Enter", 1)]
#[case::the_list_again("r", 1)]
#[case::a_look("L", 0)]
fn what_the_user_wants_comes_first(#[case] keys: &str, #[case] again: usize) {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[run(1, "srv-1", "a", json!({}))]);
    desk.done();
    let old = desk.behind[0].generation;
    desk.fetches();
    desk.keys(keys);
    let Some(Effect::Fetch(fetch)) = desk.asked.iter().find(|asked| matches!(asked, Effect::Fetch(_))) else {
        panic!("{:?}", desk.asked)
    };
    let dropped = fetch.purpose == Purpose::List;
    assert_eq!(dropped, again == 1);
    assert_eq!(desk.behind.len(), 1, "while that loads it waits");
    desk.send(Message::Load(old, LoadEvent::Done));
    assert_eq!(desk.app.load.behind == Behind::Whole, !dropped, "what was dropped is not whole");
    desk.keys("/ Ctrl-u");
    desk.type_text("status:new");
    desk.keys("Enter");
    desk.done();
    assert_eq!(desk.behind.len(), 1 + again, "it begins again");
}

#[test]
fn nothing_loads_behind_a_list_of_everything_or_one_that_is_not_whole() {
    let mut desk = Desk::open("");
    desk.done();
    assert_eq!(desk.behind, []);
    let mut desk = Desk::open("status:new");
    desk.keys("Esc");
    desk.pass(Duration::from_secs(600));
    assert_eq!((&desk.app.load.phase, desk.behind.as_slice()), (&Phase::Stopped, &[][..]));
}

#[test]
fn a_failure_behind_the_list_is_not_the_lists() {
    let fail = |desk: &mut Desk, kind| {
        let line = "what happened".into();
        desk.load_behind(LoadEvent::Failed(alertdeck::app::Failure { kind, line }));
        assert_eq!((&desk.app.load.phase, desk.notice()), (&Phase::Complete, ""));
    };
    let mut desk = Desk::open("status:new");
    desk.done();
    fail(&mut desk, FailureKind::Busy);
    desk.pass(Duration::from_millis(119_999));
    assert_eq!(desk.behind.len(), 1);
    desk.pass(Duration::from_millis(1));
    assert_eq!(desk.behind.len(), 2, "it is tried again");
    fail(&mut desk, FailureKind::Permission);
    desk.pass(Duration::from_secs(3_600));
    assert_eq!(desk.behind.len(), 2, "it is not");
    desk.keys("r");
    desk.done();
    assert_eq!(desk.behind.len(), 3, "but after the user has asked again");
    let partial = Some("a source is late".into());
    desk.load_behind(LoadEvent::Page {
        total: None,
        partial,
        server_time: Timestamp::parse("2026-11-20T12:00:00Z"),
    });
    desk.load_behind(LoadEvent::Done);
    assert_eq!(desk.app.load.behind, Behind::Failed, "what is partial is not whole");
    assert_eq!(desk.app.load.partial, None);
}

#[test]
fn signed_out_it_stops() {
    let mut desk = Desk::open("status:new");
    desk.done();
    desk.send(Message::SignIn(alertdeck::app::SignInEvent::SignedOut));
    assert!(desk.asked.contains(&Effect::Cancel));
    desk.load_behind(LoadEvent::Done);
    assert_eq!((desk.app.load.behind, desk.behind.len()), (Behind::Due, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn every_way_in_leads_back_out(steps in prop::collection::vec((0u8..6, 0u8..9), 1..12)) {
        let mut desk = queue();
        let mut trail = Vec::new();
        for (step, by) in steps {
            desk.keys(&"j ".repeat(usize::from(by)));
            let before = place(&desk);
            let depth = desk.app.trail_depth();
            match step {
                0 => desk.keys("p d"),
                1 => desk.keys("p n"),
                2 => desk.keys("i"),
                3 => desk.keys("f t"),
                4 => desk.keys("Tab"),
                _ => desk.keys("p"),
            }
            desk.send(Message::Input(Input::Release));
            desk.keys("Esc");
            if desk.app.trail_depth() > depth {
                trail.push(before);
            }
            prop_assert_eq!(desk.app.trail_depth(), trail.len());
        }
        while let Some(before) = trail.pop() {
            desk.keys("Backspace");
            prop_assert_eq!(place(&desk), before);
        }
        prop_assert_eq!(&desk.asked, &[]);
    }
}
