//! Saved views: opening, saving, removing and counting them.

use alertdeck::app::{Effect, Input, ListColumn, Message, Overlay, SavedView, ViewChange};
use alertdeck_store::{Column, Sort};
use serde_json::json;

use super::{
    harness::{Harness, alert, settings, with},
    settings::Settings,
};

/// Returns a console with two alerts, one of them high.
fn console() -> Harness {
    let high = with(alert(1), json!({"severity": "high", "status": "new", "assignedTo": null}));
    let low = with(alert(2), json!({"severity": "low", "status": "new", "assignedTo": null}));
    Harness::with_alerts(&[high, low])
}

/// Carries out the changes to the views that the console asked for.
fn carry_out(console: &mut Harness) -> Vec<ViewChange> {
    let effects = std::mem::take(&mut console.effects);
    let change = |effect| match effect {
        Effect::ChangeViews(change) => Some(change),
        _ => None,
    };
    let changes: Vec<_> = effects.into_iter().filter_map(change).collect();
    for change in &changes {
        let mut views = console.app.settings.views.clone();
        let result = change.apply(&mut views).map(|()| views);
        console.send(Message::ViewsChanged(change.clone(), result));
    }
    changes
}

/// Returns the lines of the list of views.
fn lines(console: &Harness) -> Vec<String> {
    let lines = console.app.panel().unwrap().lines;
    let text = |line: &Vec<alertdeck::app::PanelSpan>| {
        line.iter().map(|span| span.text.trim().to_owned()).collect::<Vec<_>>().join("|")
    };
    lines.iter().map(text).collect()
}

#[test]
fn a_number_opens_a_view_and_the_previous_view_is_one_key_away() {
    let mut console = console();
    let columns = Some(vec![ListColumn { column: Column::Title, width: None }]);
    let sort = Sort { column: Column::Title, descending: false };
    console.app.settings.views[1] = SavedView {
        name: "high".into(),
        filter: "severity:high".into(),
        sort,
        group: Some(Column::Device),
        columns: columns.clone(),
    };
    console.keys("2");
    assert_eq!((console.app.filter.committed.as_str(), console.app.view.len()), ("severity:high", 1));
    assert_eq!((console.app.view.sort(), &console.app.list.columns), (sort, &columns));
    assert!(console.screen().contains("view: high"));
    console.keys("Backspace");
    assert_eq!((console.app.filter.committed.as_str(), console.app.view.len()), ("", 2));
    assert_eq!((console.app.view.sort(), &console.app.list.columns), (Sort::default(), &None));
    console.keys("0");
    assert_eq!(console.app.filter.committed, "status:open age<7d");
    console.keys("9");
    assert!(console.screen().contains("no saved view 9; w saves the current one"));
}

#[test]
fn a_view_with_an_invalid_filter_shows_the_error() {
    let mut console = console();
    console.app.settings.views[0].filter = "severity:hihg".into();
    console.app.settings.views[0].sort = Sort { column: Column::Title, descending: false };
    console.keys("1");
    assert_eq!(console.app.view.sort(), Sort::default());
    assert!(!console.app.filter.is_valid());
    assert_eq!(console.app.filter.text(), "severity:hihg");
    console.keys("Esc");
    assert_eq!((console.app.filter.committed.as_str(), console.app.view.len()), ("", 2));
}

#[test]
fn the_current_view_is_saved_with_its_sort_order_and_columns() {
    let mut console = console();
    console.keys("/ s e v : h i g h Enter s t C Space Enter w Enter");
    assert!(console.screen().contains("enter a name"), "{}", console.screen());
    console.type_text("My high ones");
    console.keys("Enter");
    let changes = carry_out(&mut console);
    let [ViewChange::Save(view)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((view.name.as_str(), view.filter.as_str()), ("My high ones", "sev:high"));
    assert_eq!(view.sort, console.app.view.sort());
    assert!(view.columns.as_ref().is_some_and(|columns| columns[0].column == Column::Status));
    assert!(console.screen().contains("view saved: My high ones (key 4)"), "{}", console.screen());
    // The name of the current view is suggested, so that saving it again replaces it.
    console.keys("S w Enter");
    carry_out(&mut console);
    assert_eq!(console.app.settings.views.len(), 4);
    assert_eq!(console.app.settings.views[3].sort, console.app.view.sort());
}

#[test]
fn the_list_counts_loaded_alerts_and_recounts_when_more_arrive() {
    let mut console = console();
    console.keys("'");
    console.settle();
    let high = |console: &Harness| lines(console)[1].clone();
    assert_eq!(high(&console), "2|unassigned high|1|severity:high assigned:none status:open|");
    let another = with(alert(3), json!({"severity": "high", "status": "new", "assignedTo": null}));
    console.arrive(&[another]);
    console.settle();
    assert_eq!(high(&console).split('|').nth(2), Some("1"), "counted a moment ago");
    console.advance(std::time::Duration::from_secs(2));
    console.settle();
    assert_eq!(high(&console).split('|').nth(2), Some("2"));
    console.app.settings.views[0].filter = "severity:hihg".into();
    console.keys("' '");
    console.settle();
    assert_eq!(lines(&console)[0].split('|').nth(2), Some("invalid"));
}

#[test]
fn a_view_is_opened_and_removed_in_the_list() {
    let mut console = console();
    console.keys("' j j Enter");
    assert_eq!(console.app.filter.committed, "status:open age<7d");
    console.keys("'");
    assert_eq!(console.app.panel().unwrap().cursor, Some(2), "the current view is under the cursor");
    console.keys("x");
    carry_out(&mut console);
    assert_eq!(console.app.panel().unwrap().cursor, Some(1));
    assert!(console.screen().contains("view removed: last 7 days open"));
    for _ in 0..2 {
        console.keys("x");
        carry_out(&mut console);
    }
    assert!(console.screen().contains("no saved views; w saves the current one"), "{}", console.screen());
    console.keys("x Enter");
    assert!(carry_out(&mut console).is_empty());
    assert!(!matches!(console.app.ui.overlay(), Some(Overlay::ViewList(_))));
}

#[test]
fn a_change_that_fails_says_why_and_loses_nothing() {
    let mut console = console();
    let change = ViewChange::Remove("my queue".into());
    console.send(Message::ViewsChanged(change, Err("views.toml: permission denied".into())));
    assert!(console.screen().contains("views not saved: views.toml: permission denied"));
    assert_eq!(console.app.settings.views, SavedView::defaults());
}

/// Returns the row of tabs.
fn tabs(console: &Harness) -> String {
    console.screen().lines().nth(1).unwrap().trim_end().to_owned()
}

#[test]
fn tabs_show_the_views_with_their_counts_and_open_them() {
    let mut console = Harness::with(settings(""), (120, 35));
    let high = with(alert(1), json!({"severity": "high", "status": "new", "assignedTo": null}));
    console.arrive(&[high, with(alert(2), json!({"status": "resolved"}))]);
    console.done();
    assert_eq!(tabs(&console), " 1 my queue 0  2 unassigned high 1  3 last 7 days open 1");
    let x = tabs(&console).find("unassigned").unwrap() as u16;
    console.send(Message::Input(Input::Click { x, y: 1 }));
    assert_eq!(console.app.filter.committed, "severity:high assigned:none status:open");
    assert_eq!(tabs(&console), " 1 my queue 0 [2 unassigned high 1] 3 last 7 days open 1");
    // Counts follow the alerts that arrive, also while the list shows others.
    console.arrive(&[with(alert(3), json!({"status": "new", "assignedTo": null}))]);
    console.advance(std::time::Duration::from_secs(2));
    assert!(tabs(&console).ends_with(" 3 last 7 days open 2"), "{}", tabs(&console));
    console.app.settings.views[0].filter = "severity:hihg".into();
    console.keys("j");
    assert!(tabs(&console).starts_with(" 1 my queue invalid "), "{}", tabs(&console));
}

#[test]
fn views_that_do_not_fit_are_behind_the_last_tab() {
    let mut console = console();
    let view =
        SavedView { name: "A view with a rather long name".into(), ..SavedView::defaults()[0].clone() };
    for number in 4..12 {
        let name = format!("{} {number}", view.name);
        console.app.settings.views.push(SavedView {
            name,
            filter: format!("title:{number}"),
            ..view.clone()
        });
    }
    console.send(Message::Input(Input::Resize { width: 100, height: 30 }));
    assert!(tabs(&console).ends_with(" ' 8 more"), "{}", tabs(&console));
    console.keys("9");
    assert!(tabs(&console).contains("[9 A view with a rather long name 9 0] ' "), "{}", tabs(&console));
    console.send(Message::Input(Input::Click { x: tabs(&console).find('\'').unwrap() as u16, y: 1 }));
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::ViewList(_))));
    console.keys("Esc");
    console.send(Message::Input(Input::Resize { width: 100, height: 29 }));
    assert!(tabs(&console).starts_with("filter"), "no room for tabs");
}

#[test]
fn a_view_of_the_users_alerts_has_no_count_until_somebody_is_signed_in() {
    let mut console = Harness::with(Settings { me: None, ..settings("") }, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    assert!(tabs(&console).starts_with(" 1 my queue -  2 "), "{}", tabs(&console));
    console.keys("'");
    assert_eq!(lines(&console)[0], "1|my queue|-|assigned:me status:open|");
}
