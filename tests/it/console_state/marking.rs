//! Marks: set one by one, by range or for all matches; what they survive; and hidden marks.

use alertdeck::app::LoadEvent;
use serde_json::json;

use super::harness::{Harness, alert, batch, settings, with};

fn marked(console: &Harness) -> Vec<&str> {
    console.app.marked().into_iter().map(|row| console.id(row)).collect()
}

/// Returns the first two columns of a row: the cursor, the mark, and the sign for a new alert.
fn gutter(console: &Harness, title: &str) -> String {
    let screen = console.screen();
    // The detail pane beside the list may also contain the title.
    let list = |line: &str| line.chars().take(60).collect::<String>();
    let line = screen.lines().map(list).find(|line| line.contains(title)).unwrap();
    line.chars().take(2).collect()
}

fn key_bar(console: &Harness) -> String {
    console.screen().lines().last().unwrap().to_owned()
}

fn with_count(count: u32) -> Harness {
    Harness::with_alerts(&(1..=count).map(alert).collect::<Vec<_>>())
}

#[test]
fn space_toggles_the_mark_and_goes_to_the_next() {
    let mut console = with_count(3);
    console.keys("Space Space");
    assert_eq!((marked(&console), console.selected()), (vec!["a3", "a2"], Some("a1")));
    assert_eq!([gutter(&console, "Alert 3"), gutter(&console, "Alert 1")], [" *", "> "]);
    assert!(key_bar(&console).ends_with(" 2 marked"), "{}", key_bar(&console));
    console.keys("k Space");
    assert_eq!((marked(&console), console.selected()), (vec!["a3"], Some("a1")));
    console.keys("Space Space");
    assert_eq!(marked(&console), ["a3"], "the cursor stays on the last row");
    console.keys("g Enter Space");
    assert_eq!((marked(&console).len(), console.selected()), (0, Some("a2")), "also in the detail");
}

#[test]
fn range_is_shown_and_marked_with_space() {
    let mut console = with_count(6);
    console.keys("j V j j");
    assert_eq!(gutter(&console, "Alert 4"), " │", "not marked yet");
    assert_eq!((marked(&console).len(), gutter(&console, "Alert 6")), (0, "  ".into()));
    assert!(key_bar(&console).ends_with("  range: 3 rows"), "{}", key_bar(&console));
    assert!(key_bar(&console).starts_with("Space mark  j/k move  Esc cancel "), "{}", key_bar(&console));
    console.keys("Space");
    assert_eq!((marked(&console), console.selected()), (vec!["a5", "a4", "a3"], Some("a3")));
    // Mark a range upwards, across rows that are already marked.
    console.keys("j V");
    assert!(key_bar(&console).ends_with("  range: 1 row, 3 marked"), "{}", key_bar(&console));
    console.keys("g");
    assert!(key_bar(&console).ends_with("  range: 5 rows, 3 marked"), "{}", key_bar(&console));
    console.keys("Space");
    assert!(key_bar(&console).ends_with("  5 marked"), "{}", key_bar(&console));
    assert_eq!(marked(&console), ["a6", "a5", "a4", "a3", "a2"]);
    for leave in ["Esc", "V"] {
        console.keys("M G V k k");
        console.keys(leave);
        assert_eq!((console.app.range(), marked(&console).len()), (None, 0));
        console.keys("Space");
        assert_eq!(marked(&console).len(), 1, "{leave} cancels the range");
    }
}

#[test]
fn range_ends_when_its_first_row_is_gone() {
    let mut console = with_count(4);
    console.keys("V j /");
    console.type_text("-id:a4");
    console.keys("Enter");
    assert_eq!(console.app.range(), None);
    console.keys("Space");
    assert_eq!(marked(&console).len(), 1);
}

#[test]
fn marks_of_all_matches_are_set_inverted_and_cleared() {
    let mut console = with_count(5);
    console.keys("/");
    console.type_text("id:a1,a2,a3");
    console.keys("Enter *");
    assert_eq!(marked(&console), ["a3", "a2", "a1"]);
    console.keys("Space ~");
    assert_eq!(marked(&console), ["a3"]);
    console.keys("/");
    console.type_text(",a4");
    console.keys("Enter ~");
    assert_eq!(marked(&console), ["a4", "a2", "a1"]);
    console.keys("M");
    assert_eq!((marked(&console).len(), console.notice()), (0, "3 marks cleared"));
    console.keys("M");
    assert_eq!(console.notice(), "no marks to clear");
}

#[test]
fn rows_that_no_longer_match_are_only_marked_one_by_one() {
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1), alert(2)]);
    console.done();
    let change = with(alert(2), json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    console.load(LoadEvent::Batch(batch(&[change])));
    assert_eq!(console.rows(), ["a2", "a1"], "it stays, dimmed");
    console.keys("*");
    assert_eq!(marked(&console), ["a1"]);
    console.keys("g Space");
    assert_eq!(marked(&console), ["a2", "a1"]);
}

#[test]
fn marks_survive_filter_sort_refresh_and_update() {
    let mut console = with_count(4);
    console.keys("Space Space");
    console.keys("/");
    console.type_text("id:a1,a3");
    assert_eq!(marked(&console), ["a3"]);
    console.keys("Enter");
    assert!(key_bar(&console).ends_with(" 2 marked (1 hidden)"), "{}", key_bar(&console));
    let change = with(alert(3), json!({"title": "Changed", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    console.load(LoadEvent::Batch(batch(&[change])));
    console.keys("s t r");
    console.arrive(&[alert(1), alert(5)]);
    console.done();
    assert_eq!((marked(&console), console.app.marks_hidden()), (vec!["a3"], 1));
    console.keys("/ Ctrl-u Enter");
    assert_eq!((marked(&console).len(), console.app.marks_hidden()), (2, 0));
    assert!(key_bar(&console).ends_with(" 2 marked"), "{}", key_bar(&console));
    console.keys("M");
    assert!(!key_bar(&console).contains("marked"), "{}", key_bar(&console));
}

#[test]
fn few_and_many_marks_are_counted_alike() {
    let mut console = with_count(400);
    console.slice = 7;
    // A few marks are looked up one by one; for many, every row is checked.
    for (keys, all) in [("Space Space", 2), ("*", 400)] {
        console.keys(keys);
        console.keys("/");
        console.type_text("-id:a400");
        console.keys("Enter");
        assert_eq!((console.app.marks_shown(), console.app.marks_hidden()), (all - 1, 1));
        console.keys("/ Ctrl-u Enter g");
        assert_eq!((console.app.marks_shown(), console.app.marks_hidden()), (all, 0));
    }
}

#[test]
fn sign_of_a_new_alert_stays_beside_its_mark() {
    let mut console = with_count(2);
    console.keys("j L");
    console.load(LoadEvent::Batch(batch(&[alert(3)])));
    assert_eq!(gutter(&console, "Alert 3"), " +");
    console.keys("g Space");
    assert_eq!(gutter(&console, "Alert 3"), "+*");
    console.keys("k");
    assert_eq!(gutter(&console, "Alert 3"), ">*");
}

#[test]
fn profile_switch_clears_marks() {
    let mut console = with_count(3);
    console.keys("* V");
    let lab = super::harness::Settings { profile: "lab".into(), ..settings("") };
    console.switch(lab);
    console.arrive(&[alert(1), alert(2), alert(3)]);
    assert_eq!((console.app.marks.len(), console.app.range()), (0, None));
}

#[test]
fn empty_list_has_nothing_to_mark() {
    let mut console = Harness::open("");
    for key in ["Space", "V"] {
        console.keys(key);
        assert_eq!(console.notice(), "no alert selected");
    }
    console.keys("* ~ M");
    assert!(console.app.marks.is_empty());
}
