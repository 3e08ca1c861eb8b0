//! Groups of alerts: folding, marking and acting on them, and what keeps them.

use alertdeck::{
    app::{Groups, Message, Pane},
    triage::WriteMode,
};
use alertdeck_store::{Column, FeedId};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    harness::{Harness, alert, settings, with},
    settings::Settings,
};

/// Creates an alert on a device. Higher numbers are newer.
fn on(number: u32, device: &str, severity: &str) -> Value {
    let evidence =
        json!([{"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": device}]);
    with(alert(number), json!({"severity": severity, "status": "new", "evidence": evidence}))
}

/// Returns a console with three alerts on one device and one on each of two others.
fn console() -> Harness {
    Harness::with_alerts(&[
        on(1, "a.example", "low"),
        on(2, "b.example", "low"),
        on(3, "A.EXAMPLE", "high"),
        on(4, "c.example", "low"),
        on(5, "a.example", "high"),
    ])
}

/// Returns the IDs of the alerts in the lines of the list.
fn ids(console: &Harness) -> Vec<&'static str> {
    console.app.lines().from(0).map(|row| console.id(row)).collect()
}

#[test]
fn alerts_with_the_same_value_are_one_line_until_it_is_unfolded() {
    let mut console = console();
    console.keys("b d");
    assert_eq!(ids(&console), ["a5", "a4", "a2"]);
    let screen = console.screen();
    assert!(screen.contains("5 matches, 3 groups "), "{screen}");
    let line = screen.lines().find(|line| line.starts_with("> ")).unwrap();
    assert!(line.contains("\u{25b8} 3 \u{25b2}2 \u{25c6}1 "), "the number and the severities: {line}");
    assert!(screen.contains(" 1/3 "), "{screen}");
    console.keys("l");
    assert_eq!(ids(&console), ["a5", "a3", "a1", "a4", "a2"]);
    assert!(console.screen().contains("\u{25be} 3 \u{25b2}2"), "{}", console.screen());
    console.keys("j j l h");
    assert_eq!((ids(&console).len(), console.selected().unwrap()), (3, "a5"), "the cursor is on the group");
    console.keys("j l h");
    assert_eq!((ids(&console).len(), console.selected().unwrap()), (3, "a4"), "nothing to fold");
}

#[test]
fn a_folded_group_is_marked_and_changed_as_a_whole() {
    let mut console = console();
    console.keys("b d Space");
    assert_eq!(console.app.marks_shown(), 3);
    assert!(console.screen().contains(" *"), "{}", console.screen());
    console.keys("k Space");
    assert_eq!(console.app.marks_shown(), 0);
    console.keys("g g l Space h");
    assert_eq!(console.app.marks_shown(), 1, "an unfolded group is not");
    console.keys("M g g V j Space");
    assert_eq!(console.app.marks_shown(), 4, "a range contains the whole group");
    console.keys("M g g");
    assert_eq!(console.app.rows_at_cursor().len(), 3);
    console.keys("l");
    assert_eq!(console.app.rows_at_cursor().len(), 1);
}

#[test]
fn groups_survive_filters_arrivals_and_sorting_and_are_a_step_back() {
    let mut console = console();
    console.keys("b d j");
    assert_eq!(console.selected(), Some("a4"));
    console.arrive(&[on(6, "b.example", "high"), on(7, "new.example", "low")]);
    assert_eq!(ids(&console), ["a7", "a6", "a5", "a4"]);
    assert_eq!(console.selected(), Some("a4"), "the cursor stays on its alert");
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    assert_eq!(ids(&console), ["a6", "a5"]);
    console.keys("s d");
    assert_eq!(ids(&console), ["a5", "a6"], "sorted by device");
    console.keys("b 0");
    assert_eq!((console.app.groups.is_none(), ids(&console).len()), (true, 3));
    console.keys("Backspace");
    assert_eq!(console.app.groups.as_ref().map(Groups::by), Some(Column::Device));
    console.keys("Backspace Backspace");
    assert_eq!((console.app.groups.is_some(), ids(&console).len()), (true, 4));
    console.keys("Backspace");
    assert_eq!((console.app.groups.is_some(), ids(&console).len()), (false, 7));
}

#[test]
fn the_next_new_alert_may_be_in_a_folded_group() {
    let mut console = console();
    console.keys("b d G");
    let third = console.app.view.get(2).unwrap();
    console.app.list.new.insert(third);
    console.keys("G .");
    assert_eq!((console.app.list.scroll.cursor, console.selected().unwrap()), (0, "a5"));
    let line = console.screen().lines().find(|line| line.starts_with(">+")).map(str::to_owned);
    assert!(
        line.is_some_and(|line| line.contains(" 3 ")),
        "the sign of a folded group: {}",
        console.screen()
    );
    console.keys("l .");
    assert_eq!(console.selected(), Some("a3"));
    assert_eq!(console.app.ui.focus, Pane::List);
}

#[test]
fn groups_belong_to_views() {
    let mut console = console();
    console.app.settings.views[0].filter = "severity:low".into();
    console.app.settings.views[0].group = Some(Column::Title);
    console.keys("b d 1");
    assert_eq!(console.app.groups.as_ref().map(Groups::by), Some(Column::Title));
    assert_eq!(console.app.last_view().group, Some(Column::Title));
    console.keys("Backspace");
    assert_eq!(console.app.groups.as_ref().map(Groups::by), Some(Column::Device));
    console.keys("2");
    assert!(console.app.groups.is_none());
}

#[test]
fn an_action_applies_to_the_group_only_in_the_list() {
    let mut console = console();
    console.keys("b d");
    assert_eq!(console.app.rows_at_cursor().len(), 3);
    console.keys("Enter");
    assert_eq!((console.app.ui.focus, console.app.rows_at_cursor().len()), (Pane::Detail, 1), "one is read");
    console.keys("Space");
    assert_eq!(console.app.marks_shown(), 1);
}

#[test]
fn a_group_that_is_not_made_again_yet_has_no_alerts_that_do_not_match() {
    let mut console = Harness::with(Settings { writes: WriteMode::On, ..settings("") }, (120, 35));
    console.slice = 50_000;
    let severity = |number: u32| if number == 0 || number > 2_500 { "high" } else { "low" };
    console.arrive(&(0..5_000).map(|number| on(number, "a.example", severity(number))).collect::<Vec<_>>());
    console.done();
    console.keys("b d");
    assert_eq!((ids(&console).len(), console.app.rows_at_cursor().len()), (1, 5_000));
    console.lazy = true;
    console.keys("/");
    console.type_text("severity:high");
    console.keys("Enter");
    while console.app.view.is_scanning() {
        console.keys("a");
        assert!(console.app.ui.overlay().is_none(), "it is not known yet which alerts match");
        console.send(Message::Work(100));
    }
    let matching = console.app.view.matching().clone();
    assert!(console.app.rows_at_cursor().iter().all(|row| matching.contains(*row)));
    console.settle();
    assert_eq!(console.app.rows_at_cursor().len(), matching.len());
}

#[test]
fn tenants_share_titles_but_no_incidents_devices_or_users() {
    let of = |name: &str| Settings { tenant: name.into(), ..settings("") };
    let mut console = Harness::with_feeds(&[of("contoso"), of("fabrikam")], (120, 35));
    for feed in [0, 1] {
        let same = json!({"incidentId": "77", "title": "Same"});
        console.complete(FeedId::new(feed), &[with(on(1, "a.example", "low"), same)]);
    }
    for (key, lines) in [("t", 1), ("i", 2), ("d", 2), ("n", 2)] {
        console.keys(&format!("b {key}"));
        assert_eq!(ids(&console).len(), lines, "{key}");
    }
}

proptest! {
    /// Whatever is folded and whatever arrives, the lines stand for exactly the alerts of the view.
    #[test]
    fn lines_stand_for_the_rows_of_the_view(
        batches in prop::collection::vec(prop::collection::vec((0u32..40, 0usize..4, any::<bool>()), 1..8), 1..5),
        keys in prop::collection::vec(prop::sample::select(vec!["j", "k", "l", "h", "g g", "G", "s d", "S", "b t", "b d", "b 0"]), 0..30),
    ) {
        let mut console = Harness::with(settings(""), (100, 30));
        let mut keys = keys.into_iter();
        for batch in batches {
            let alerts: Vec<_> = batch
                .into_iter()
                .map(|(number, device, high)| {
                    let device = ["a.example", "b.example", "c.example", "d.example"][device];
                    on(number, device, if high { "high" } else { "low" })
                })
                .collect();
            console.arrive(&alerts);
            for key in keys.by_ref().take(8) {
                console.keys(key);
                if key == "b 0" {
                    console.keys("Esc");
                }
                let lines = console.app.lines();
                let mut rows: Vec<_> = (0..lines.len()).flat_map(|line| lines.rows_at(line)).collect();
                rows.sort_unstable();
                rows.dedup();
                let mut expected: Vec<_> = console.app.view.from(0).collect();
                expected.sort_unstable();
                prop_assert_eq!(&rows, &expected);
                for line in 0..lines.len() {
                    prop_assert_eq!(lines.nearest(&console.app.store, lines.get(line).unwrap()), line);
                }
                prop_assert_eq!(console.app.selected(), lines.get(console.app.list.scroll.cursor));
            }
        }
    }
}
