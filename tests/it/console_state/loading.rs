//! Fetching: what is asked for, what arrives, what goes wrong.

use std::time::Duration;

use alertdeck::app::{Effect, Failure, FailureKind, Fresh, LoadEvent, Message, Phase, Scope};
use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_model::{AlertId, SafeText, Timestamp};
use rstest::rstest;
use serde_json::json;

use super::harness::{Harness, alert, batch, with};

fn filter(text: &str) -> Scope {
    Scope::Filter(text.into())
}

#[rstest]
#[case("", Scope::All)]
#[case("title:x", Scope::All)]
#[case("status:new title:x", filter("status eq 'new'"))]
#[case("assigned:me", filter("assignedTo eq 'ana@contoso.com'"))]
#[case("id:da1_-2", Scope::One(AlertId::new("da1_-2")))]
#[case("$severity eq 'low'", filter("severity eq 'low'"))]
fn it_starts_by_fetching_what_the_filter_asks_for(#[case] text: &str, #[case] scope: Scope) {
    let mut console = Harness::open(text);
    assert_eq!(console.fetches(), [scope]);
    assert_eq!(console.app.load.phase, Phase::Loading);
}

#[test]
fn pages_add_up_and_the_cursor_keeps_its_alert_and_line() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Page { total: Some(400), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&(100..200).map(alert).collect::<Vec<_>>())));
    assert_eq!(console.selected(), Some("a199"));
    console.keys("j j j");
    let (id, line) = (console.selected().unwrap().to_owned(), console.line());
    assert_eq!((id.as_str(), line), ("a196", 3));
    for page in [200..300, 0..100, 300..400] {
        console.arrive(&page.map(alert).collect::<Vec<_>>());
        assert_eq!((console.selected(), console.line()), (Some("a196"), 3));
    }
    assert_eq!((console.app.load.read(), console.app.load.total), (400, Some(400)));
    console.done();
    assert_eq!((console.selected(), console.line()), (Some("a196"), 3));
    assert_eq!(console.app.load.phase, Phase::Complete);
}

#[test]
fn untouched_the_cursor_stays_on_the_newest_alert() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2)]);
    console.arrive(&[alert(9), alert(3)]);
    assert_eq!((console.selected(), console.line()), (Some("a9"), 0));
}

#[test]
fn an_alert_that_comes_twice_counts_once() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2)]);
    console.load(LoadEvent::Page { total: Some(3), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1), alert(2), alert(3)])));
    assert_eq!((console.app.load.read(), console.app.store.len()), (3, 3));
}

#[test]
fn what_an_abandoned_fetch_says_changes_nothing_but_the_store() {
    let mut console = Harness::open("severity:high");
    let old = console.generation();
    console.keys("/ Ctrl-u");
    console.keys("Enter");
    assert_eq!(console.fetches().len(), 2);
    let events = [
        LoadEvent::Page { total: Some(9), partial: Some("p".into()), server_time: None },
        LoadEvent::Client(ClientEvent::Waiting {
            delay: Duration::from_secs(9),
            cause: WaitCause::Throttled,
        }),
        LoadEvent::Done,
        LoadEvent::Failed(Failure { kind: FailureKind::SignIn, line: "no".into() }),
        LoadEvent::Client(ClientEvent::Resumed),
    ];
    for event in events {
        console.send(Message::Load(old, event));
        let load = &console.app.load;
        assert_eq!((&load.phase, load.total, &load.partial), (&Phase::Loading, None, &None));
    }
    console.send(Message::Load(old, LoadEvent::Batch(batch(&[alert(1)]))));
    assert_eq!((console.app.store.len(), console.app.load.read()), (1, 0));
    assert_eq!(console.rows(), ["a1"]);
    console.arrive(&[alert(1), alert(2)]);
    assert_eq!((console.app.store.len(), console.app.load.read()), (2, 2));
}

#[test]
fn esc_stops_loading_and_refresh_starts_it_again() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1)]);
    let old = console.generation();
    console.fetches();
    console.keys("Esc");
    assert_eq!((console.asked.as_slice(), &console.app.load.phase), (&[Effect::Cancel][..], &Phase::Stopped));
    console.send(Message::Load(old, LoadEvent::Done));
    assert_eq!(console.app.load.phase, Phase::Stopped);
    console.keys("Esc");
    assert_eq!(console.asked, [Effect::Cancel], "there is nothing left to stop");
    console.keys("r");
    assert_eq!((console.fetches(), &console.app.load.phase), (vec![Scope::All], &Phase::Loading));
    assert_eq!(console.rows(), ["a1"], "what is held stays");
}

#[rstest]
#[case(FailureKind::Offline, true)]
#[case(FailureKind::Busy, true)]
#[case(FailureKind::Filter, false)]
#[case(FailureKind::SignIn, false)]
#[case(FailureKind::Permission, false)]
#[case(FailureKind::Other, false)]
fn what_passes_is_tried_again_by_itself(#[case] kind: FailureKind, #[case] again: bool) {
    let mut console = Harness::open("severity:high");
    console.fetches();
    console.fail(kind);
    let Phase::Failed { failure, retry_at } = &console.app.load.phase else { panic!() };
    assert_eq!((failure.kind, retry_at.is_some()), (kind, again));
    let wait = retry_at.map_or(Duration::from_secs(600), |at| at.saturating_sub(console.now.mono));
    console.pass(wait.saturating_sub(Duration::from_millis(1)));
    assert_eq!(console.fetches(), [], "not before the time that is told");
    console.pass(Duration::from_millis(1));
    assert_eq!(console.fetches().len(), usize::from(again));
    console.keys("!");
    assert_eq!(console.fetches().len(), usize::from(!again), "by hand it is tried where it failed");
}

#[test]
fn a_failure_keeps_list_cursor_and_the_text_being_typed() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.keys("j /");
    console.type_text("title:al");
    console.fail(FailureKind::SignIn);
    assert_eq!((console.app.filter.text(), console.selected()), ("title:al", Some("a2")));
    assert_eq!(console.rows().len(), 3);
    console.keys("Esc");
    console.fetches();
    console.keys("/");
    console.type_text("title:2");
    console.keys("Enter");
    assert_eq!(console.fetches(), [Scope::All], "what failed covers nothing");
}

#[test]
fn a_refused_operator_is_dropped_and_said() {
    let mut console = Harness::open("-severity:low status:new");
    assert_eq!(console.fetches(), [filter("severity ne 'low' and status eq 'new'")]);
    console.fail(FailureKind::Filter);
    assert_eq!(console.fetches(), [filter("status eq 'new'")]);
    assert!(console.notice().contains("`ne`"), "{}", console.notice());
    console.arrive(&[alert(1), with(alert(2), json!({"severity": "low"}))]);
    assert_eq!(console.rows(), ["a1"], "it is filtered here");
    console.fail(FailureKind::Filter);
    assert_eq!(console.fetches(), [], "there is nothing left to leave out");
}

#[rstest]
#[case("severity:low")]
#[case("$severity ne 'low'")]
#[case("-assigned:me -severity:low")]
#[case("$not (severity eq 'low') and status in ('new') and assignedTo ne null")]
fn a_refused_filter_is_not_asked_for_for_ever(#[case] text: &str) {
    let mut console = Harness::open(text);
    let mut asked = console.fetches();
    for _ in 0..10 {
        console.fail(FailureKind::Filter);
        asked.extend(console.fetches());
    }
    let mut distinct = asked.clone();
    distinct.dedup();
    assert_eq!(asked, distinct, "the same question was asked again");
    assert!(asked.len() <= 5, "{asked:?}");
    assert!(matches!(console.app.load.phase, Phase::Failed { .. }));
}

#[test]
fn a_wait_counts_down_and_ends() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(7),
        cause: WaitCause::Throttled,
    }));
    for left in [7, 6, 5] {
        let screen = console.screen();
        assert!(screen.contains(&format!("wait {left}s")), "{screen}");
        assert!(screen.contains(&format!("next page in {left} s")), "{screen}");
        console.pass(Duration::from_secs(1));
    }
    console.keys("j / x Esc");
    assert!(matches!(console.app.load.phase, Phase::Waiting { .. }), "keys work meanwhile");
    console.load(LoadEvent::Client(ClientEvent::Resumed));
    assert_eq!(console.app.load.phase, Phase::Loading);
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(2),
        cause: WaitCause::Retry { failure: "no route".into(), failed: 1 },
    }));
    assert!(console.screen().contains("no route; next try in 2 s"), "{}", console.screen());
}

#[test]
fn a_partial_result_is_said_and_covers_nothing() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Page {
        total: None,
        partial: Some(SafeText::new("one source is late")),
        server_time: None,
    });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    let screen = console.screen();
    assert!(screen.contains("1 loaded · incomplete · partial: one source is late"), "{screen}");
    console.fetches();
    console.keys("/");
    console.type_text("title:1");
    console.keys("Enter");
    assert_eq!(console.fetches(), [Scope::All]);
}

#[test]
fn live_asks_for_updates_alone_and_marks_them() {
    let mut console = Harness::open("status:new severity>=medium");
    console.arrive(&(1..=30).map(alert).collect::<Vec<_>>());
    console.done();
    console.fetches();
    for _ in 0..10 {
        console.keys("j");
    }
    console.keys("L");
    let since = filter("lastUpdateDateTime ge 2026-11-20T00:25:00Z");
    assert_eq!(console.fetches(), [since], "from five minutes before the newest update on");
    assert_eq!(console.selected(), Some("a20"));
    let line = console.line();
    console.arrive(&[
        alert(40),
        with(alert(20), json!({"lastUpdateDateTime": "2026-11-20T00:50:00Z", "title": "t"})),
    ]);
    console.done();
    assert_eq!((console.selected(), console.line()), (Some("a20"), line), "the cursor stays");
    assert_eq!(console.app.list.fresh[&console.row("a40")], Fresh::New);
    assert_eq!(console.app.list.fresh[&console.row("a20")], Fresh::Changed);
    assert_eq!(console.app.list.fresh.len(), 2);
    assert_eq!(console.app.load.phase, Phase::Complete, "a look changes nothing of the list's state");
    assert_eq!(console.app.load.read(), 31, "but that it has one more");
    console.pass(Duration::from_millis(14_999));
    assert_eq!(console.fetches(), []);
    console.pass(Duration::from_millis(1));
    assert_eq!(console.fetches(), [filter("lastUpdateDateTime ge 2026-11-20T00:45:00Z")]);
    console.done();
    console.keys("L");
    console.pass(Duration::from_secs(60));
    assert_eq!(console.fetches(), [], "off is off");
}

#[test]
fn live_does_not_look_beyond_the_clock_of_the_service() {
    let mut console = Harness::open("");
    let server_time = Timestamp::parse("2026-11-20T12:00:00Z");
    console.load(LoadEvent::Page { total: None, partial: None, server_time });
    let far = with(alert(1), json!({"lastUpdateDateTime": "9999-12-31T23:59:59Z"}));
    console.load(LoadEvent::Batch(batch(&[far])));
    console.done();
    console.fetches();
    console.keys("L");
    assert_eq!(console.fetches(), [filter("lastUpdateDateTime ge 2026-11-20T11:55:00Z")]);
}

#[test]
fn a_look_that_fails_is_said_and_made_again() {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("L");
    assert_eq!(console.fetches().len(), 1);
    console.fail(FailureKind::Offline);
    assert!(console.notice().starts_with("live: what happened"), "{}", console.notice());
    assert_eq!(console.app.load.phase, Phase::Complete);
    console.pass(Duration::from_secs(15));
    assert_eq!(console.fetches().len(), 1);
}

#[rstest]
#[case::stopped("r Esc", None)]
#[case::failed("r", Some(FailureKind::Other))]
#[case::sign_in("r", Some(FailureKind::SignIn))]
fn live_goes_on_when_the_list_does_not(#[case] keys: &str, #[case] failure: Option<FailureKind>) {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("L");
    console.done();
    console.keys(keys);
    if let Some(kind) = failure {
        console.fail(kind);
    }
    console.fetches();
    console.pass(Duration::from_secs(16));
    assert_eq!(console.fetches().len(), 1, "the header says live");
}

#[test]
fn an_alert_that_stops_matching_stays_until_a_refresh() {
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.done();
    console.keys("j L");
    console.arrive(&[with(
        alert(2),
        json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T01:00:00Z"}),
    )]);
    console.done();
    assert_eq!(console.rows(), ["a3", "a2", "a1"]);
    assert!(console.app.view.is_stale(console.row("a2")));
    assert_eq!(console.app.view.count().found(), 2, "it is not counted");
    assert!(console.screen().contains("no longer matches"), "{}", console.screen());
    console.keys("j");
    assert!(console.screen().contains("3/3"), "the last row of three: {}", console.screen());
    console.keys("k");
    console.pass(Duration::from_secs(300));
    assert!(console.shows("a2"), "time alone does not take it away");
    console.keys("r");
    assert_eq!(console.rows(), ["a3", "a1"]);
    assert_eq!(console.selected(), Some("a1"), "the row below takes over");
    assert!(console.app.list.fresh.is_empty());
}

#[test]
fn what_an_age_filter_lets_go_of_stays_until_a_refresh_too() {
    let mut console = Harness::open("age<1h");
    let young = |number, minute| {
        with(alert(number), json!({"createdDateTime": format!("2026-11-20T11:{minute:02}:30Z")}))
    };
    console.arrive(&[young(1, 1), young(2, 2), young(3, 3)]);
    console.done();
    assert_eq!(console.app.view.count().found(), 3);
    console.pass(Duration::from_secs(180));
    assert_eq!(console.app.view.count().found(), 1, "now is looked at each minute");
    console.keys("r");
    assert_eq!(console.rows(), ["a3"]);
}

#[test]
fn saved_alerts_are_neither_refreshed_nor_watched() {
    let mut console =
        Harness::with(alertdeck::app::Settings { service: false, ..super::harness::settings("") }, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    console.fetches();
    for key in ["r", "L"] {
        console.keys(key);
        assert!(console.notice().starts_with("these alerts come from files"), "{}", console.notice());
    }
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!((console.fetches(), console.rows().len()), (vec![], 0));
}

#[test]
fn a_look_that_breaks_off_is_made_again_from_where_it_began() {
    let mut console = Harness::open("");
    let server_time = Timestamp::parse("2026-11-20T11:00:00Z");
    console.load(LoadEvent::Page { total: None, partial: None, server_time });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    console.fetches();
    console.keys("L");
    let since = filter("lastUpdateDateTime ge 2026-11-20T10:55:00Z");
    assert_eq!(console.fetches(), std::slice::from_ref(&since));
    // The first page holds the newest update; the pages behind it never come.
    console.load(LoadEvent::Batch(batch(&[with(
        alert(2),
        json!({"lastUpdateDateTime": "2026-11-20T11:59:00Z"}),
    )])));
    console.fail(FailureKind::Offline);
    console.pass(Duration::from_secs(15));
    assert_eq!(console.fetches(), [since], "what was not seen is looked for again");
}

#[test]
fn a_try_that_is_made_by_itself_asks_for_the_filter_that_was_run() {
    let mut console = Harness::open("status:new");
    console.fetches();
    console.fail(FailureKind::Offline);
    console.keys("/ Ctrl-u");
    console.type_text("severity:high");
    console.pass(Duration::from_secs(15));
    assert_eq!(console.fetches(), [filter("status eq 'new'")]);
}

#[test]
fn tries_come_further_and_further_apart_and_esc_ends_them() {
    let mut console = Harness::open("");
    for seconds in [15, 30, 60, 120, 240, 300, 300] {
        console.fetches();
        console.fail(FailureKind::Busy);
        console.pass(Duration::from_millis(seconds * 1_000 - 1));
        assert_eq!(console.fetches(), [], "{seconds}");
        console.pass(Duration::from_millis(1));
        assert_eq!(console.fetches().len(), 1, "{seconds}");
    }
    console.fail(FailureKind::Busy);
    console.keys("Esc");
    assert_eq!(console.app.load.phase, Phase::Stopped);
    console.pass(Duration::from_secs(600));
    assert_eq!(console.fetches(), []);
}

#[test]
fn a_later_list_of_another_filter_hides_nothing_from_live_mode() {
    let mut console = Harness::open("");
    for (keys, hour) in [("", 9), ("r", 11)] {
        console.keys(keys);
        let server_time = Timestamp::parse(&format!("2026-11-20T{hour:02}:00:00Z"));
        console.load(LoadEvent::Page { total: None, partial: None, server_time });
        console.load(LoadEvent::Batch(batch(&[alert(1)])));
        console.done();
    }
    console.fetches();
    console.keys("L");
    assert_eq!(console.fetches(), [filter("lastUpdateDateTime ge 2026-11-20T08:55:00Z")]);
}

/// What the header says between the tenant and the clock.
fn counts(console: &Harness) -> String {
    let screen = console.screen();
    let header = screen.lines().next().unwrap();
    let (_, counts) = header.split_once("READ-ONLY").unwrap();
    counts.rsplit_once("  ").unwrap().0.trim().to_owned()
}

#[test]
fn what_live_mode_brings_is_counted_as_loaded_where_it_belongs_to_the_list() {
    let mut console = Harness::open("status:new title:alert");
    console.load(LoadEvent::Page { total: Some(4), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[
        alert(1),
        alert(2),
        alert(3),
        with(alert(4), json!({"title": "x"})),
    ])));
    console.done();
    assert_eq!(counts(&console), "3 match · 4 of 4 loaded · complete");
    console.keys("L");
    console.arrive(&[alert(5), with(alert(6), json!({"status": "resolved"}))]);
    console.done();
    assert_eq!(counts(&console), "4 match · 5 of 5 loaded · complete · 1 new");
    let gone = json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    console.load(LoadEvent::Batch(batch(&[with(alert(5), gone)])));
    assert_eq!(counts(&console), "3 match · 5 of 5 loaded · complete", "what does not match is not new here");
}

#[test]
fn a_list_that_is_read_again_is_held_from_before() {
    let mut console = Harness::open("status:new");
    let page = |console: &mut Harness, alerts: std::ops::RangeInclusive<u32>| {
        console.load(LoadEvent::Page { total: Some(5), partial: None, server_time: None });
        console.load(LoadEvent::Batch(batch(&alerts.map(alert).collect::<Vec<_>>())));
    };
    page(&mut console, 1..=4);
    assert_eq!(counts(&console), "4 match · 4 of 5 loaded · loading");
    console.keys("r");
    assert_eq!(counts(&console), "4 match · 4 loaded · loading");
    page(&mut console, 1..=2);
    assert_eq!(counts(&console), "4 match · 4 of 5 loaded · loading, 2 read");
    console.keys("E");
    assert!(console.screen().contains("2 of 5 read so far"), "{}", console.screen());
    console.keys("Esc");
    page(&mut console, 3..=6);
    assert_eq!(counts(&console), "6 match · 6 of 6 loaded · loading", "one has come since they were counted");
    console.keys("r");
    page(&mut console, 1..=2);
    console.keys("Esc");
    assert_eq!(counts(&console), "6 match · 6 of 6 loaded · stopped, 2 read");
}

#[test]
fn what_is_being_typed_speaks_of_all_that_is_held() {
    let mut console = Harness::open("status:new");
    console.load(LoadEvent::Page { total: Some(1), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    console.start_backfill(LoadEvent::Batch(batch(&[with(alert(2), json!({"status": "resolved"}))])));
    console.start_backfill(LoadEvent::Done);
    console.keys("/");
    assert_eq!(counts(&console), "1 match · 1 of 1 loaded · complete");
    console.keys("Ctrl-u");
    assert_eq!(counts(&console), "2 match of 2 loaded, 30 days whole");
    console.keys("Esc");
    assert_eq!(counts(&console), "1 match · 1 of 1 loaded · complete");
}
