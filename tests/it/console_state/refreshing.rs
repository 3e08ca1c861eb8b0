//! Refreshes: what they keep and report, also if they fail.

use alertdeck::app::{Failure, FailureKind, LoadEvent};
use serde_json::json;

use super::harness::{Harness, alert, with};

#[test]
fn refresh_reports_what_it_found_and_keeps_marks_and_signs() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys("Space r");
    console.arrive(&[alert(1), alert(2), alert(3), alert(4)]);
    console
        .arrive(&[with(alert(1), json!({"title": "other", "lastUpdateDateTime": "2026-11-20T02:00:00Z"}))]);
    assert_eq!(console.notice(), "");
    console.done();
    assert_eq!(console.notice(), "refreshed: 2 new, 1 changed");
    console.keys("r");
    console.arrive(&[alert(2), alert(3), alert(4)]);
    console.done();
    assert_eq!(console.notice(), "refreshed: nothing new");
    assert_eq!((console.app.list.new.len(), console.app.list.changed.len()), (2, 1));
    assert_eq!(console.app.marks.len(), 1);
    // Reading an alert takes its sign away.
    console.keys("g Enter J J J");
    assert_eq!((console.app.list.new.len(), console.app.list.changed.len()), (0, 0));
}

#[test]
fn only_a_refresh_of_a_complete_list_reports_what_it_found() {
    // The first load was stopped.
    let mut console = Harness::open("");
    console.arrive(&[alert(1)]);
    console.keys("Esc r");
    console.arrive(&[alert(1), alert(2)]);
    console.done();
    assert!(!console.notice().contains("refreshed"), "{}", console.notice());
    // Another filter is run before the refresh is over, or the refresh is stopped.
    for keys in ["/ Ctrl-u", "Esc"] {
        let mut console = Harness::with_alerts(&[alert(1)]);
        console.keys("r");
        console.keys(keys);
        if console.app.filter.editor.is_some() {
            console.type_text("severity:high");
            console.keys("Enter");
        } else {
            console.keys("/");
            console.type_text("status:new");
            console.keys("Enter");
        }
        console.arrive(&[alert(2)]);
        console.done();
        assert!(!console.notice().contains("refreshed"), "{keys}: {}", console.notice());
    }
}

#[test]
fn offline_line_leaves_out_what_does_not_fit_instead_of_cutting_it() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("r");
    let line = "graph.example cannot be reached: connection refused; check the network and try again";
    console.load(LoadEvent::Failed(Failure { kind: FailureKind::Offline, line: line.into() }));
    let last = |console: &Harness| console.screen().lines().last().unwrap().to_owned();
    assert!(last(&console).ends_with("check the network and try again"), "{}", last(&console));
    console.resize(90, 24);
    assert!(last(&console).ends_with("connection refused"), "{}", last(&console));
}
