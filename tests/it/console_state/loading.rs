//! Fetching: requests, pages, failures and live polls.

use std::time::Duration;

use alertdeck::app::{Effect, Failure, FailureKind, LoadEvent, Phase, Scope};
use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_model::{AlertId, SafeText, Timestamp};
use rstest::rstest;
use serde_json::json;

use super::harness::{Harness, alert, batch, scope as filter, with};

#[rstest]
#[case("", Scope::All)]
#[case("title:x", Scope::All)]
#[case("status:new title:x", filter("status eq 'new'"))]
#[case("assigned:me", filter("assignedTo eq 'ana@contoso.com'"))]
#[case("id:da1_-2", Scope::One(AlertId::new("da1_-2")))]
#[case("$severity eq 'low'", filter("severity eq 'low'"))]
fn start_fetches_the_scope_of_the_filter(#[case] text: &str, #[case] scope: Scope) {
    let mut console = Harness::open(text);
    assert_eq!(console.fetches(), [scope]);
    assert_eq!(console.phase(), &Phase::Loading);
}

#[test]
fn pages_add_up_and_the_cursor_keeps_alert_and_line() {
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
    assert_eq!(console.read(), (400, Some(400)));
    console.done();
    assert_eq!((console.selected(), console.line()), (Some("a196"), 3));
    assert_eq!(console.phase(), &Phase::Complete);
}

#[test]
fn unmoved_cursor_stays_on_the_newest_alert() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2)]);
    console.arrive(&[alert(9), alert(3)]);
    assert_eq!((console.selected(), console.line()), (Some("a9"), 0));
}

#[test]
fn repeated_alerts_count_once() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1), alert(2)]);
    console.load(LoadEvent::Page { total: Some(3), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1), alert(2), alert(3)])));
    assert_eq!((console.read().0, console.app.store.len()), (3, 3));
}

#[test]
fn superseded_fetch_changes_only_the_store() {
    let mut console = Harness::open("severity:high");
    let old = console.fetch;
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
        console.load_of(old, event);
        let list = &console.feed().list;
        assert_eq!((list.phase(), list.total(), list.partial()), (&Phase::Loading, None, None));
    }
    console.load_of(old, LoadEvent::Batch(batch(&[alert(1)])));
    assert_eq!((console.app.store.len(), console.read().0), (1, 0));
    assert_eq!(console.rows(), ["a1"]);
    console.arrive(&[alert(1), alert(2)]);
    assert_eq!((console.app.store.len(), console.read().0), (2, 2));
}

#[test]
fn esc_stops_loading_and_refresh_restarts_it() {
    let mut console = Harness::open("");
    console.arrive(&[alert(1)]);
    let old = console.fetch;
    console.fetches();
    console.keys("Esc");
    assert_eq!((console.effects.as_slice(), console.phase()), (&[Effect::Cancel(old)][..], &Phase::Stopped));
    console.load_of(old, LoadEvent::Done);
    assert_eq!(console.phase(), &Phase::Stopped);
    console.keys("Esc");
    assert_eq!(console.effects, [Effect::Cancel(old)], "nothing is left to stop");
    console.keys("r");
    assert_eq!((console.fetches(), console.phase()), (vec![Scope::All], &Phase::Loading));
    assert_eq!(console.rows(), ["a1"], "loaded alerts stay");
}

#[rstest]
#[case(FailureKind::Offline, true)]
#[case(FailureKind::Busy, true)]
#[case(FailureKind::Filter, false)]
#[case(FailureKind::SignIn, false)]
#[case(FailureKind::Permission, false)]
#[case(FailureKind::Other, false)]
fn transient_failures_are_retried_automatically(#[case] kind: FailureKind, #[case] again: bool) {
    let mut console = Harness::open("severity:high");
    console.fetches();
    console.fail(kind);
    let Phase::Failed { failure, retry_at } = console.phase() else { panic!() };
    assert_eq!((failure.kind, retry_at.is_some()), (kind, again));
    let wait = retry_at.map_or(Duration::from_secs(600), |at| at.saturating_sub(console.now.mono));
    console.advance(wait.saturating_sub(Duration::from_millis(1)));
    assert_eq!(console.fetches(), [], "not before the time");
    console.advance(Duration::from_millis(1));
    assert_eq!(console.fetches().len(), usize::from(again));
    console.keys("!");
    assert_eq!(console.fetches().len(), usize::from(!again), "! retries failures that are not transient");
}

#[test]
fn failure_keeps_list_cursor_and_typed_text() {
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
    assert_eq!(console.fetches(), [Scope::All], "a failed list covers nothing");
}

#[test]
fn refused_operator_is_filtered_locally_with_a_notice() {
    let mut console = Harness::open("-severity:low status:new");
    assert_eq!(console.fetches(), [filter("severity ne 'low' and status eq 'new'")]);
    console.fail(FailureKind::Filter);
    assert_eq!(console.fetches(), [filter("status eq 'new'")]);
    assert!(console.notice().contains("`ne`"), "{}", console.notice());
    console.arrive(&[alert(1), with(alert(2), json!({"severity": "low"}))]);
    assert_eq!(console.rows(), ["a1"], "it is applied locally");
    console.fail(FailureKind::Filter);
    assert_eq!(console.fetches(), [], "no operator is left to drop");
}

#[rstest]
#[case("severity:low")]
#[case("$severity ne 'low'")]
#[case("-assigned:me -severity:low")]
#[case("$not (severity eq 'low') and status in ('new') and assignedTo ne null")]
fn refused_filter_is_not_retried_forever(#[case] text: &str) {
    let mut console = Harness::open(text);
    let mut asked = console.fetches();
    for _ in 0..10 {
        console.fail(FailureKind::Filter);
        asked.extend(console.fetches());
    }
    let mut distinct = asked.clone();
    distinct.dedup();
    assert_eq!(asked, distinct, "the same request was repeated");
    assert!(asked.len() <= 5, "{asked:?}");
    assert!(matches!(console.phase(), Phase::Failed { .. }));
}

#[test]
fn wait_counts_down_and_ends() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(7),
        cause: WaitCause::Throttled,
    }));
    for left in [7, 6, 5] {
        let screen = console.screen();
        assert!(screen.contains(&format!("wait {left}s")), "{screen}");
        assert!(screen.contains(&format!("next page in {left} s")), "{screen}");
        console.advance(Duration::from_secs(1));
    }
    console.keys("j / x Esc");
    assert!(matches!(console.phase(), Phase::Waiting { .. }), "keys work meanwhile");
    console.load(LoadEvent::Client(ClientEvent::Resumed));
    assert_eq!(console.phase(), &Phase::Loading);
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(2),
        cause: WaitCause::Retry { failure: "no route".into(), failed: 1 },
    }));
    assert!(console.screen().contains("no route; retrying in 2 s"), "{}", console.screen());
}

#[test]
fn partial_result_is_shown_and_covers_nothing() {
    let mut console = Harness::open("");
    console.load(LoadEvent::Page {
        total: None,
        partial: Some(SafeText::new("one source is late")),
        server_time: None,
    });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    let screen = console.screen();
    assert!(screen.contains("1 loaded · incomplete: one source is late"), "{screen}");
    console.fetches();
    console.keys("/");
    console.type_text("title:1");
    console.keys("Enter");
    assert_eq!(console.fetches(), [Scope::All]);
}

#[test]
fn live_poll_asks_for_updates_only_and_marks_them() {
    let mut console = Harness::open("status:new severity>=medium");
    console.arrive(&(1..=30).map(alert).collect::<Vec<_>>());
    console.done();
    console.fetches();
    for _ in 0..10 {
        console.keys("j");
    }
    console.keys("L");
    let since = filter("lastUpdateDateTime ge 2026-11-20T00:25:00Z");
    assert_eq!(console.fetches(), [since], "from five minutes before the newest update");
    assert_eq!(console.selected(), Some("a20"));
    let line = console.line();
    console.arrive(&[
        alert(40),
        with(alert(20), json!({"lastUpdateDateTime": "2026-11-20T00:50:00Z", "title": "t"})),
    ]);
    console.done();
    assert_eq!((console.selected(), console.line()), (Some("a20"), line), "the cursor stays");
    let (new, changed) = (&console.app.list.new, &console.app.list.changed);
    assert_eq!(new.iter().collect::<Vec<_>>(), [console.row("a40")]);
    assert_eq!(changed.iter().collect::<Vec<_>>(), [console.row("a20")]);
    assert_eq!(console.phase(), &Phase::Complete, "a poll does not change the state of the list");
    assert_eq!(console.read().0, 31, "except that it has one more alert");
    console.advance(Duration::from_millis(14_999));
    assert_eq!(console.fetches(), []);
    console.advance(Duration::from_millis(1));
    assert_eq!(console.fetches(), [filter("lastUpdateDateTime ge 2026-11-20T00:45:00Z")]);
    console.done();
    console.keys("L");
    console.advance(Duration::from_secs(60));
    assert_eq!(console.fetches(), [], "no poll when live polling is off");
}

#[test]
fn live_poll_is_bounded_by_the_clock_of_the_service() {
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
fn failed_poll_is_reported_and_retried() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L");
    assert_eq!(console.fetches().len(), 1);
    console.fail(FailureKind::Offline);
    assert!(console.notice().starts_with("live polling: it failed"), "{}", console.notice());
    assert_eq!(console.phase(), &Phase::Complete);
    console.advance(Duration::from_secs(15));
    assert_eq!(console.fetches().len(), 1);
}

#[rstest]
#[case::stopped("r Esc", None)]
#[case::failed("r", Some(FailureKind::Other))]
#[case::sign_in("r", Some(FailureKind::SignIn))]
fn live_polling_continues_when_the_list_fails(#[case] keys: &str, #[case] failure: Option<FailureKind>) {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("L");
    console.done();
    console.keys(keys);
    if let Some(kind) = failure {
        console.fail(kind);
    }
    console.fetches();
    console.advance(Duration::from_secs(16));
    assert_eq!(console.fetches().len(), 1, "it polls again");
}

#[test]
fn alert_that_no_longer_matches_stays_until_a_refresh() {
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
    console.advance(Duration::from_secs(300));
    assert!(console.shows("a2"), "it stays as time passes");
    console.keys("r");
    assert_eq!(console.rows(), ["a3", "a1"]);
    assert_eq!(console.selected(), Some("a1"), "the cursor moves to the row below");
    assert!(console.app.list.changed.contains(console.row("a2")), "what is unread stays marked");
}

#[test]
fn alerts_that_outgrow_an_age_filter_stay_until_a_refresh() {
    let mut console = Harness::open("age<1h");
    let young = |number, minute| {
        with(alert(number), json!({"createdDateTime": format!("2026-11-20T11:{minute:02}:30Z")}))
    };
    console.arrive(&[young(1, 1), young(2, 2), young(3, 3)]);
    console.done();
    assert_eq!(console.app.view.count().found(), 3);
    console.advance(Duration::from_secs(180));
    assert_eq!(console.app.view.count().found(), 1, "ages are checked each minute");
    console.keys("r");
    assert_eq!(console.rows(), ["a3"]);
}

#[test]
fn saved_alerts_are_neither_refreshed_nor_polled() {
    let mut console =
        Harness::with(super::harness::Settings { service: false, ..super::harness::settings("") }, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    console.fetches();
    for key in ["r", "L"] {
        console.keys(key);
        assert!(console.notice().starts_with("saved alerts: nothing to"), "{}", console.notice());
    }
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!((console.fetches(), console.rows().len()), (vec![], 0));
}

#[test]
fn interrupted_poll_is_repeated_from_its_start() {
    let mut console = Harness::open("");
    let server_time = Timestamp::parse("2026-11-20T11:00:00Z");
    console.load(LoadEvent::Page { total: None, partial: None, server_time });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    console.fetches();
    console.keys("L");
    let since = filter("lastUpdateDateTime ge 2026-11-20T10:55:00Z");
    assert_eq!(console.fetches(), std::slice::from_ref(&since));
    // The first page contains the newest update. The remaining pages never arrive.
    console.load(LoadEvent::Batch(batch(&[with(
        alert(2),
        json!({"lastUpdateDateTime": "2026-11-20T11:59:00Z"}),
    )])));
    console.fail(FailureKind::Offline);
    console.advance(Duration::from_secs(15));
    assert_eq!(console.fetches(), [since], "missed changes are requested again");
}

#[test]
fn automatic_retry_uses_the_requested_filter() {
    let mut console = Harness::open("status:new");
    console.fetches();
    console.fail(FailureKind::Offline);
    console.keys("/ Ctrl-u");
    console.type_text("severity:high");
    console.advance(Duration::from_secs(15));
    assert_eq!(console.fetches(), [filter("status eq 'new'")]);
}

#[test]
fn retry_delays_double_and_esc_stops_retries() {
    let mut console = Harness::open("");
    for seconds in [15, 30, 60, 120, 240, 300, 300] {
        console.fetches();
        console.fail(FailureKind::Busy);
        console.advance(Duration::from_millis(seconds * 1_000 - 1));
        assert_eq!(console.fetches(), [], "{seconds}");
        console.advance(Duration::from_millis(1));
        assert_eq!(console.fetches().len(), 1, "{seconds}");
    }
    console.fail(FailureKind::Busy);
    console.keys("Esc");
    assert_eq!(console.phase(), &Phase::Stopped);
    console.advance(Duration::from_secs(600));
    assert_eq!(console.fetches(), []);
}

#[test]
fn later_list_does_not_move_the_watermark() {
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

/// Returns the part of the header between the mode and the clock.
fn counts(console: &Harness) -> String {
    let screen = console.screen();
    let header = screen.lines().next().unwrap();
    let (_, counts) = header.split_once("READ-ONLY").unwrap();
    counts.rsplit_once("  ").unwrap().0.trim().to_owned()
}

#[test]
fn matching_alerts_of_live_polls_count_as_loaded() {
    let mut console = Harness::open("status:new title:alert");
    console.load(LoadEvent::Page { total: Some(4), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[
        alert(1),
        alert(2),
        alert(3),
        with(alert(4), json!({"title": "x"})),
    ])));
    console.done();
    assert_eq!(counts(&console), "3 matches · 4 of 4 loaded · complete");
    console.keys("L");
    console.arrive(&[alert(5), with(alert(6), json!({"status": "resolved"}))]);
    console.done();
    assert_eq!(counts(&console), "4 matches · 5 of 5 loaded · complete · 1 new");
    let gone = json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    console.load(LoadEvent::Batch(batch(&[with(alert(5), gone)])));
    assert_eq!(counts(&console), "3 matches · 5 of 5 loaded · complete", "only matching alerts count as new");
}

#[test]
fn loaded_alerts_count_while_the_list_is_read_again() {
    let mut console = Harness::open("status:new");
    let page = |console: &mut Harness, alerts: std::ops::RangeInclusive<u32>| {
        console.load(LoadEvent::Page { total: Some(5), partial: None, server_time: None });
        console.load(LoadEvent::Batch(batch(&alerts.map(alert).collect::<Vec<_>>())));
    };
    page(&mut console, 1..=4);
    assert_eq!(counts(&console), "4 matches · 4 of 5 loaded · loading");
    console.keys("r");
    assert_eq!(counts(&console), "4 matches · 4 loaded · loading");
    page(&mut console, 1..=2);
    assert_eq!(counts(&console), "4 matches · 4 of 5 loaded · loading, 2 read");
    console.keys("E");
    assert!(console.screen().contains("2 of 5 read so far"), "{}", console.screen());
    console.keys("Esc");
    page(&mut console, 3..=6);
    assert_eq!(counts(&console), "6 matches · 6 of 6 loaded · loading", "one more than counted has arrived");
    console.keys("r");
    page(&mut console, 1..=2);
    console.keys("Esc");
    assert_eq!(counts(&console), "6 matches · 6 of 6 loaded · stopped, 2 read");
}

#[test]
fn typed_filter_counts_all_loaded_alerts() {
    let mut console = Harness::open("status:new");
    console.load(LoadEvent::Page { total: Some(1), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    console.backfill_event(LoadEvent::Batch(batch(&[with(alert(2), json!({"status": "resolved"}))])));
    console.backfill_event(LoadEvent::Done);
    console.keys("/");
    assert_eq!(counts(&console), "1 match · 1 of 1 loaded · complete");
    console.keys("Ctrl-u");
    assert_eq!(counts(&console), "2 matches in 2 loaded · 30 days complete");
    console.keys("Esc");
    assert_eq!(counts(&console), "1 match · 1 of 1 loaded · complete");
}
