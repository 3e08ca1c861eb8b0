//! Marks: set one by one, by range, for all that match; what they survive, and what is hidden.

use alertdeck::app::{LoadEvent, Message};
use serde_json::json;

use super::desk::{Desk, alert, batch, settings, with};

fn marked(desk: &Desk) -> Vec<&str> {
    desk.app.marked().into_iter().map(|row| desk.app.store.facts(row).id.raw()).collect()
}

/// What stands before a row: cursor, mark and what is new.
fn gutter(desk: &Desk, title: &str) -> String {
    let screen = desk.screen();
    // The detail beside the list may name it too.
    let list = |line: &str| line.chars().take(60).collect::<String>();
    let line = screen.lines().map(list).find(|line| line.contains(title)).unwrap();
    line.chars().take(2).collect()
}

fn key_bar(desk: &Desk) -> String {
    desk.screen().lines().last().unwrap().to_owned()
}

fn holding(count: u32) -> Desk {
    Desk::holding(&(1..=count).map(alert).collect::<Vec<_>>())
}

#[test]
fn space_marks_and_goes_on_and_takes_the_mark_away() {
    let mut desk = holding(3);
    desk.keys("Space Space");
    assert_eq!((marked(&desk), desk.selected()), (vec!["a3", "a2"], Some("a1")));
    assert_eq!([gutter(&desk, "Alert 3"), gutter(&desk, "Alert 1")], [" *", "> "]);
    assert!(key_bar(&desk).ends_with(" 2 marked"), "{}", key_bar(&desk));
    desk.keys("k Space");
    assert_eq!((marked(&desk), desk.selected()), (vec!["a3"], Some("a1")));
    desk.keys("Space Space");
    assert_eq!(marked(&desk), ["a3"], "at the end there is no next one to go to");
    desk.keys("g Enter Space");
    assert_eq!((marked(&desk).len(), desk.selected()), (0, Some("a2")), "in the detail too");
}

#[test]
fn a_range_is_shown_and_ended_by_space() {
    let mut desk = holding(6);
    desk.keys("j V j j");
    assert_eq!(gutter(&desk, "Alert 4"), " │", "it is no mark yet");
    assert_eq!((marked(&desk).len(), gutter(&desk, "Alert 6")), (0, "  ".into()));
    assert!(key_bar(&desk).ends_with("  range: 3 rows"), "{}", key_bar(&desk));
    assert!(key_bar(&desk).starts_with("Space mark  j/k move  Esc leave it "), "{}", key_bar(&desk));
    desk.keys("Space");
    assert_eq!((marked(&desk), desk.selected()), (vec!["a5", "a4", "a3"], Some("a3")));
    // Upwards, over some that are marked.
    desk.keys("j V");
    assert!(key_bar(&desk).ends_with("  range: 1 row, 3 marked"), "{}", key_bar(&desk));
    desk.keys("g");
    assert!(key_bar(&desk).ends_with("  range: 5 rows, 3 marked"), "{}", key_bar(&desk));
    desk.keys("Space");
    assert!(key_bar(&desk).ends_with("  5 marked"), "{}", key_bar(&desk));
    assert_eq!(marked(&desk), ["a6", "a5", "a4", "a3", "a2"]);
    for leave in ["Esc", "V"] {
        desk.keys("M G V k k");
        desk.keys(leave);
        assert_eq!((desk.app.range(), marked(&desk).len()), (None, 0));
        desk.keys("Space");
        assert_eq!(marked(&desk).len(), 1, "{leave} leaves the range");
    }
}

#[test]
fn a_range_whose_beginning_is_gone_is_none() {
    let mut desk = holding(4);
    desk.keys("V j /");
    desk.type_text("-id:a4");
    desk.keys("Enter");
    assert_eq!(desk.app.range(), None);
    desk.keys("Space");
    assert_eq!(marked(&desk).len(), 1);
}

#[test]
fn all_that_match_are_marked_inverted_and_dropped() {
    let mut desk = holding(5);
    desk.keys("/");
    desk.type_text("id:a1,a2,a3");
    desk.keys("Enter *");
    assert_eq!(marked(&desk), ["a3", "a2", "a1"]);
    desk.keys("Space ~");
    assert_eq!(marked(&desk), ["a3"]);
    desk.keys("/");
    desk.type_text(",a4");
    desk.keys("Enter ~");
    assert_eq!(marked(&desk), ["a4", "a2", "a1"]);
    desk.keys("M");
    assert_eq!((marked(&desk).len(), desk.notice()), (0, "3 marks dropped"));
    desk.keys("M");
    assert_eq!(desk.notice(), "nothing is marked");
}

#[test]
fn rows_that_match_no_more_are_marked_one_by_one_alone() {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[alert(1), alert(2)]);
    desk.done();
    let change = with(alert(2), json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    desk.load(LoadEvent::Batch(batch(&[change])));
    assert_eq!(desk.rows(), ["a2", "a1"], "it stays, dimmed");
    desk.keys("*");
    assert_eq!(marked(&desk), ["a1"]);
    desk.keys("g Space");
    assert_eq!(marked(&desk), ["a2", "a1"]);
}

#[test]
fn marks_survive_filter_order_refresh_and_update_and_hidden_ones_are_counted() {
    let mut desk = holding(4);
    desk.keys("Space Space");
    desk.keys("/");
    desk.type_text("id:a1,a3");
    assert_eq!(marked(&desk), ["a3"]);
    desk.keys("Enter");
    assert!(key_bar(&desk).ends_with(" 2 marked (1 hidden)"), "{}", key_bar(&desk));
    let change = with(alert(3), json!({"title": "Changed", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    desk.load(LoadEvent::Batch(batch(&[change])));
    desk.keys("s t r");
    desk.arrive(&[alert(1), alert(5)]);
    desk.done();
    assert_eq!((marked(&desk), desk.app.marks.hidden()), (vec!["a3"], 1));
    desk.keys("/ Ctrl-u Enter");
    assert_eq!((marked(&desk).len(), desk.app.marks.hidden()), (2, 0));
    assert!(key_bar(&desk).ends_with(" 2 marked"), "{}", key_bar(&desk));
    desk.keys("M");
    assert!(!key_bar(&desk).contains("marked"), "{}", key_bar(&desk));
}

#[test]
fn many_marks_are_counted_as_few_are() {
    let mut desk = holding(400);
    desk.slice = 7;
    // Few of many are looked up; of many, each row is asked.
    for (keys, all) in [("Space Space", 2), ("*", 400)] {
        desk.keys(keys);
        desk.keys("/");
        desk.type_text("-id:a400");
        desk.keys("Enter");
        assert_eq!((desk.app.marks.shown(), desk.app.marks.hidden()), (all - 1, 1));
        desk.keys("/ Ctrl-u Enter g");
        assert_eq!((desk.app.marks.shown(), desk.app.marks.hidden()), (all, 0));
    }
}

#[test]
fn what_is_new_stays_beside_the_mark() {
    let mut desk = holding(2);
    desk.keys("j L");
    desk.load(LoadEvent::Batch(batch(&[alert(3)])));
    assert_eq!(gutter(&desk, "Alert 3"), " +");
    desk.keys("g Space");
    assert_eq!(gutter(&desk, "Alert 3"), "+*");
    desk.keys("k");
    assert_eq!(gutter(&desk, "Alert 3"), ">*");
}

#[test]
fn another_profile_has_no_marks() {
    let mut desk = holding(3);
    desk.keys("* V");
    let lab = alertdeck::app::Settings { profile: "lab".into(), ..settings("") };
    desk.send(Message::Switched(Box::new(lab)));
    desk.arrive(&[alert(1), alert(2), alert(3)]);
    assert_eq!((desk.app.marks.len(), desk.app.range()), (0, None));
}

#[test]
fn an_empty_list_has_nothing_to_mark() {
    let mut desk = Desk::open("");
    for key in ["Space", "V"] {
        desk.keys(key);
        assert_eq!(desk.notice(), "no alert is selected");
    }
    desk.keys("* ~ M");
    assert!(desk.app.marks.is_empty());
}
