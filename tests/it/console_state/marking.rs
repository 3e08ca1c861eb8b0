//! Marks: set one by one, by range, for all that match; what they survive, and what is hidden.

use alertdeck::app::{LoadEvent, Message};
use serde_json::json;

use super::harness::{Harness, alert, batch, settings, with};

fn marked(console: &Harness) -> Vec<&str> {
    console.app.marked().into_iter().map(|row| console.app.store.facts(row).id.raw()).collect()
}

/// What stands before a row: cursor, mark and what is new.
fn gutter(console: &Harness, title: &str) -> String {
    let screen = console.screen();
    // The detail beside the list may name it too.
    let list = |line: &str| line.chars().take(60).collect::<String>();
    let line = screen.lines().map(list).find(|line| line.contains(title)).unwrap();
    line.chars().take(2).collect()
}

fn key_bar(console: &Harness) -> String {
    console.screen().lines().last().unwrap().to_owned()
}

fn holding(count: u32) -> Harness {
    Harness::holding(&(1..=count).map(alert).collect::<Vec<_>>())
}

#[test]
fn space_marks_and_goes_on_and_takes_the_mark_away() {
    let mut console = holding(3);
    console.keys("Space Space");
    assert_eq!((marked(&console), console.selected()), (vec!["a3", "a2"], Some("a1")));
    assert_eq!([gutter(&console, "Alert 3"), gutter(&console, "Alert 1")], [" *", "> "]);
    assert!(key_bar(&console).ends_with(" 2 marked"), "{}", key_bar(&console));
    console.keys("k Space");
    assert_eq!((marked(&console), console.selected()), (vec!["a3"], Some("a1")));
    console.keys("Space Space");
    assert_eq!(marked(&console), ["a3"], "at the end there is no next one to go to");
    console.keys("g Enter Space");
    assert_eq!((marked(&console).len(), console.selected()), (0, Some("a2")), "in the detail too");
}

#[test]
fn a_range_is_shown_and_ended_by_space() {
    let mut console = holding(6);
    console.keys("j V j j");
    assert_eq!(gutter(&console, "Alert 4"), " │", "it is no mark yet");
    assert_eq!((marked(&console).len(), gutter(&console, "Alert 6")), (0, "  ".into()));
    assert!(key_bar(&console).ends_with("  range: 3 rows"), "{}", key_bar(&console));
    assert!(key_bar(&console).starts_with("Space mark  j/k move  Esc cancel "), "{}", key_bar(&console));
    console.keys("Space");
    assert_eq!((marked(&console), console.selected()), (vec!["a5", "a4", "a3"], Some("a3")));
    // Upwards, over some that are marked.
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
        assert_eq!(marked(&console).len(), 1, "{leave} leaves the range");
    }
}

#[test]
fn a_range_whose_beginning_is_gone_is_none() {
    let mut console = holding(4);
    console.keys("V j /");
    console.type_text("-id:a4");
    console.keys("Enter");
    assert_eq!(console.app.range(), None);
    console.keys("Space");
    assert_eq!(marked(&console).len(), 1);
}

#[test]
fn all_that_match_are_marked_inverted_and_dropped() {
    let mut console = holding(5);
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
    assert_eq!(console.notice(), "nothing is marked");
}

#[test]
fn rows_that_match_no_more_are_marked_one_by_one_alone() {
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
fn marks_survive_filter_order_refresh_and_update_and_hidden_ones_are_counted() {
    let mut console = holding(4);
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
    assert_eq!((marked(&console), console.app.marks.hidden()), (vec!["a3"], 1));
    console.keys("/ Ctrl-u Enter");
    assert_eq!((marked(&console).len(), console.app.marks.hidden()), (2, 0));
    assert!(key_bar(&console).ends_with(" 2 marked"), "{}", key_bar(&console));
    console.keys("M");
    assert!(!key_bar(&console).contains("marked"), "{}", key_bar(&console));
}

#[test]
fn many_marks_are_counted_as_few_are() {
    let mut console = holding(400);
    console.slice = 7;
    // Few of many are looked up; of many, each row is asked.
    for (keys, all) in [("Space Space", 2), ("*", 400)] {
        console.keys(keys);
        console.keys("/");
        console.type_text("-id:a400");
        console.keys("Enter");
        assert_eq!((console.app.marks.shown(), console.app.marks.hidden()), (all - 1, 1));
        console.keys("/ Ctrl-u Enter g");
        assert_eq!((console.app.marks.shown(), console.app.marks.hidden()), (all, 0));
    }
}

#[test]
fn what_is_new_stays_beside_the_mark() {
    let mut console = holding(2);
    console.keys("j L");
    console.load(LoadEvent::Batch(batch(&[alert(3)])));
    assert_eq!(gutter(&console, "Alert 3"), " +");
    console.keys("g Space");
    assert_eq!(gutter(&console, "Alert 3"), "+*");
    console.keys("k");
    assert_eq!(gutter(&console, "Alert 3"), ">*");
}

#[test]
fn another_profile_has_no_marks() {
    let mut console = holding(3);
    console.keys("* V");
    let lab = alertdeck::app::Settings { profile: "lab".into(), ..settings("") };
    console.send(Message::Switched(Box::new(lab)));
    console.arrive(&[alert(1), alert(2), alert(3)]);
    assert_eq!((console.app.marks.len(), console.app.range()), (0, None));
}

#[test]
fn an_empty_list_has_nothing_to_mark() {
    let mut console = Harness::open("");
    for key in ["Space", "V"] {
        console.keys(key);
        assert_eq!(console.notice(), "no alert is selected");
    }
    console.keys("* ~ M");
    assert!(console.app.marks.is_empty());
}
