//! Single steps: Esc, panes, sorting, overlays, the mouse, and going back.

use alertdeck::app::{
    Effect, HelpLine, Input, Keymap, Message, Overlay, Pane, Phase, TimeFormat, commands, help,
};
use alertdeck_store::Column;
use rstest::rstest;
use serde_json::json;

use super::harness::{Harness, Settings, alert, settings, with};

#[test]
fn esc_closes_one_level_per_press_and_never_quits() {
    let mut console = Harness::open("title:alert");
    console.arrive(&[alert(1), alert(2)]);
    console.effects.clear();
    console.keys("j Enter y");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Menu(_))));
    console.keys("Esc");
    assert!(console.app.ui.overlay().is_none() && console.app.ui.focus == Pane::Detail);
    console.keys("Esc");
    assert!(console.app.ui.focus == Pane::List && console.phase() == &Phase::Loading);
    console.keys("Esc");
    assert_eq!(console.phase(), &Phase::Stopped);
    console.keys("Esc Esc Esc");
    assert_eq!(console.effects, [Effect::Cancel(console.fetch)]);
    assert_eq!((console.app.filter.text(), console.selected()), ("title:alert", Some("a1")));
}

#[rstest]
#[case("?", "q")]
#[case("?", "?")]
#[case("?", "Esc")]
#[case("s", "q")]
#[case("y", "Ctrl-c")]
fn q_closes_overlays_before_it_quits(#[case] open: &str, #[case] close: &str) {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys(open);
    assert!(console.app.ui.overlay().is_some());
    console.keys(close);
    assert!(console.app.ui.overlay().is_none());
    assert_eq!(console.effects, []);
    console.keys("q");
    assert_eq!(console.effects, [Effect::Quit]);
}

#[test]
fn keys_of_the_panes_do_nothing_under_an_overlay() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    for open in ["?", "s", "y", "f", "E", "Tab j j Enter"] {
        console.keys("g");
        console.keys(open);
        let letters = match console.app.ui.overlay() {
            Some(Overlay::Menu(menu)) => menu.items.iter().map(|item| item.key.to_string()).collect(),
            // Tab moves to the file name.
            Some(Overlay::ExportForm(_)) => vec!["Tab".to_owned()],
            _ => Vec::new(),
        };
        for key in ["o", "O", "r", "L", "/", "!", "z", "Tab", "J"] {
            if !letters.contains(&key.to_owned()) {
                console.keys(key);
            }
        }
        console.keys("Esc");
        assert_eq!((console.effects.as_slice(), console.selected()), (&[][..], Some("a2")), "{open}");
        assert!(
            console.app.filter.editor.is_none() && !console.app.feeds.are_polled() && !console.app.ui.zoom,
            "{open}"
        );
    }
}

/// Returns all default keys by name.
fn all_keys() -> Vec<String> {
    let keymap = Keymap::default();
    let keys = commands().flat_map(|command| keymap.keys(command.id).to_vec());
    keys.map(|key| key.to_string()).collect()
}

#[test]
fn every_key_can_be_pressed_anywhere() {
    for state in [
        "",
        "Enter",
        "/",
        "?",
        "s",
        "y",
        "Enter Enter",
        "Enter v",
        "Enter t",
        "Enter / a",
        "Enter / a Enter",
        "P",
        "R",
        "P s",
        "E",
        "E Tab",
    ] {
        for key in all_keys() {
            let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
            console.keys(state);
            console.keys(&key);
            let quits = console.effects.contains(&Effect::Quit);
            assert!(!quits || ["q", "Ctrl-c"].contains(&key.as_str()), "{key} after {state}");
            console.screen();
        }
    }
}

#[test]
fn letters_in_the_filter_bar_are_text() {
    let typed: String =
        all_keys().into_iter().filter(|key| key.chars().count() == 1 && !"↑↓←→".contains(&**key)).collect();
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("/");
    console.type_text(&typed);
    assert_eq!((console.app.filter.text(), console.effects.as_slice()), (typed.as_str(), &[][..]));
    console.keys("Ctrl-c");
    assert_eq!(
        (console.app.filter.text(), console.effects.as_slice()),
        ("", &[][..]),
        "Ctrl-c closes the bar first"
    );
}

#[test]
fn menu_sorts_and_reverses() {
    let of = |number, severity: &str, title: &str| {
        with(alert(number), json!({"severity": severity, "title": title}))
    };
    let mut console = Harness::with_alerts(&[
        of(1, "low", "b"),
        of(2, "high", "C"),
        of(3, "undeclared", "a"),
        of(4, "medium", ""),
    ]);
    assert_eq!(console.rows(), ["a4", "a3", "a2", "a1"], "newest first");
    console.keys("j j");
    for (keys, column, expected) in [
        ("s s", Column::Severity, ["a2", "a4", "a1", "a3"]),
        ("S", Column::Severity, ["a1", "a4", "a2", "a3"]),
        ("s t", Column::Title, ["a4", "a3", "a1", "a2"]),
        ("s t", Column::Title, ["a2", "a1", "a3", "a4"]),
        ("s c", Column::Created, ["a4", "a3", "a2", "a1"]),
        ("S", Column::Created, ["a1", "a2", "a3", "a4"]),
    ] {
        console.keys(keys);
        assert_eq!((console.app.view.sort().column, console.rows()), (column, expected.to_vec()), "{keys}");
        assert_eq!(console.selected(), Some("a2"), "the cursor stays on its alert");
    }
    console.keys("s");
    assert_eq!(console.menu().iter().filter(|(key, _)| *key == 'c').count(), 1);
    console.keys("j Enter");
    assert_eq!(console.app.view.sort().column, Column::Updated, "the menu opens at the current column");
}

#[test]
fn panes_time_format_and_zoom_are_switched() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys("Tab");
    assert_eq!(console.app.ui.focus, Pane::Detail);
    console.keys("J");
    assert_eq!(
        (console.app.ui.focus, console.selected()),
        (Pane::Detail, Some("a1")),
        "the next alert, from the detail"
    );
    console.keys("z");
    assert!(console.app.layout().list.is_none());
    console.keys("Tab");
    assert!(console.app.layout().detail.is_none());
    console.keys("z");
    assert!(console.app.layout().detail.is_some());
    for format in [TimeFormat::Utc, TimeFormat::Local, TimeFormat::Age] {
        console.keys("T");
        assert_eq!(console.app.clock.format, format);
    }
    console.keys("m Ctrl-z Ctrl-l");
    assert_eq!(console.effects, [Effect::Mouse(false), Effect::Suspend, Effect::Redraw]);
}

#[test]
fn mouse_selects_scrolls_and_drags() {
    let mut console = Harness::with_alerts(&(1..100).map(alert).collect::<Vec<_>>());
    let layout = console.app.layout();
    let (list, detail, divider) = (layout.list.unwrap(), layout.detail.unwrap(), layout.divider.unwrap());
    let input = |console: &mut Harness, input| console.send(Message::Input(input));
    input(&mut console, Input::Click { x: list.x + 5, y: list.y + 3 });
    assert_eq!(console.selected(), Some("a96"));
    input(&mut console, Input::Wheel { x: list.x, y: list.y, by: 2 });
    assert_eq!(console.app.list.scroll.top, 6);
    input(&mut console, Input::Click { x: detail.x, y: detail.y + 1 });
    assert_eq!(
        (console.app.ui.focus, console.app.detail.shown.as_ref().unwrap().scroll.cursor),
        (Pane::Detail, 1)
    );
    input(&mut console, Input::Click { x: divider.x, y: divider.y + 1 });
    input(&mut console, Input::Drag { x: 50, y: 9 });
    input(&mut console, Input::Release);
    input(&mut console, Input::Drag { x: 80, y: 9 });
    assert_eq!(console.app.layout().divider.unwrap().x, 49);
    input(&mut console, Input::Click { x: 30, y: layout.filter.y });
    assert!(console.app.filter.editor.is_some());
}

#[test]
fn q_in_the_detail_returns_to_the_list_first() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("Enter q");
    assert_eq!((console.app.ui.focus, console.effects.as_slice()), (Pane::List, &[][..]));
    console.keys("q");
    assert_eq!(console.effects, [Effect::Quit]);
}

#[rstest]
#[case("t", "t is not bound here; try T (time format: age, UTC or local)")]
#[case("Z", "Z is not bound here; try z (zoom: one pane or both)")]
#[case("Alt-s", "Alt-s is not bound here; try s (sort by column)")]
#[case(";", "; is not bound here; ? shows all keys")]
#[case("F7", "F7 is not bound here; ? shows all keys")]
fn unbound_key_is_reported_with_the_nearest_binding(#[case] key: &str, #[case] notice: &str) {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys(key);
    assert_eq!(console.notice(), notice);
    console.keys("j");
    assert_eq!(console.notice(), "", "the next key dismisses it");
}

#[test]
fn unbound_key_in_an_overlay_names_the_key_to_close_it() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("? 9");
    assert_eq!(console.notice(), "9 is not bound here; Esc closes this");
}

#[test]
fn user_file_changes_keys_hints_and_help() {
    let file = "[list]\nsort = 'F2'\n[app]\nclose = 'Q'\n";
    let settings = Settings { keymap: Keymap::with_user_file(file).unwrap(), ..settings("") };
    let mut console = Harness::with(settings, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    console.keys("s");
    assert_eq!(console.notice(), "s is not bound here; try S (reverse the order)");
    console.keys("F2");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Menu(_))));
    console.keys("Q q");
    assert_eq!(
        (console.app.ui.overlay().is_none(), console.notice()),
        (true, "q is not bound here; try Q (close overlay or detail pane; quit from the list)")
    );
    console.keys("j");
    assert!(console.screen().contains("F2 sort"), "the key bar\n{}", console.screen());
    assert!(help(&console.app.ui.keymap, &[]).contains(&HelpLine::Keys("F2".into(), "sort by column")));
}

#[test]
fn backspace_undoes_filters_and_sort_orders() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2), alert(3)]);
    console.keys("k");
    console.keys("/");
    console.type_text("title:2");
    console.keys("Enter");
    console.keys("s t");
    console.keys("S");
    let sort = console.app.view.sort();
    console.keys("Backspace");
    assert_ne!(console.app.view.sort(), sort, "the sort order is a step");
    console.keys("Backspace");
    assert_eq!(console.app.filter.text(), "title:2");
    console.keys("Backspace");
    assert_eq!((console.app.filter.text(), console.rows().len()), ("", 3));
    console.keys("Backspace");
    assert_eq!(console.notice(), "no previous view");
}

#[test]
fn unchanged_filter_is_not_a_step() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("/ Enter / Esc Backspace");
    assert_eq!(console.notice(), "no previous view");
}
