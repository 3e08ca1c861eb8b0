//! One step at a time: Esc, panes, order, overlays, the mouse.

use alertdeck::app::{BINDINGS, Context, Effect, Input, Message, Overlay, Pane, Phase, TimeFormat};
use alertdeck_store::Column;
use rstest::rstest;
use serde_json::json;

use super::harness::{Harness, alert, with};

#[test]
fn esc_goes_down_one_rung_a_press_and_never_quits() {
    let mut console = Harness::open("title:alert");
    console.arrive(&[alert(1), alert(2)]);
    console.asked.clear();
    console.keys("j Enter y");
    assert!(matches!(console.app.overlay, Some(Overlay::Menu(_))));
    console.keys("Esc");
    assert!(console.app.overlay.is_none() && console.app.focus == Pane::Detail);
    console.keys("Esc");
    assert!(console.app.focus == Pane::List && console.app.load.phase == Phase::Loading);
    console.keys("Esc");
    assert_eq!(console.app.load.phase, Phase::Stopped);
    console.keys("Esc Esc Esc");
    assert_eq!(console.asked, [Effect::Cancel]);
    assert_eq!((console.app.filter.text(), console.selected()), ("title:alert", Some("a1")));
}

#[rstest]
#[case("?", "q")]
#[case("?", "?")]
#[case("?", "Esc")]
#[case("s", "q")]
#[case("y", "Ctrl-c")]
fn q_closes_what_covers_the_panes_before_it_quits(#[case] open: &str, #[case] close: &str) {
    let mut console = Harness::holding(&[alert(1)]);
    console.keys(open);
    assert!(console.app.overlay.is_some());
    console.keys(close);
    assert!(console.app.overlay.is_none());
    assert_eq!(console.asked, []);
    console.keys("q");
    assert_eq!(console.asked, [Effect::Quit]);
}

#[test]
fn under_an_overlay_no_other_key_acts() {
    let mut console = Harness::holding(&[alert(1), alert(2)]);
    for open in ["?", "s", "y", "f", "E", "Tab j j Enter"] {
        console.keys("g");
        console.keys(open);
        let letters = match &console.app.overlay {
            Some(Overlay::Menu(menu)) => menu.items.iter().map(|item| item.key.to_string()).collect(),
            // It goes over to the file's name.
            Some(Overlay::Export(_)) => vec!["Tab".to_owned()],
            _ => Vec::new(),
        };
        for key in ["o", "O", "r", "L", "/", "!", "z", "Tab", "J"] {
            if !letters.contains(&key.to_owned()) {
                console.keys(key);
            }
        }
        console.keys("Esc");
        assert_eq!((console.asked.as_slice(), console.selected()), (&[][..], Some("a2")), "{open}");
        assert!(console.app.filter.editor.is_none() && !console.app.load.live && !console.app.zoom, "{open}");
    }
}

#[test]
fn every_key_of_the_table_can_be_pressed_anywhere() {
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
        for binding in BINDINGS {
            for key in binding.keys {
                let mut console = Harness::holding(&[alert(1), alert(2)]);
                console.keys(state);
                console.keys(key);
                let quits = console.asked.contains(&Effect::Quit);
                assert!(!quits || ["q", "Ctrl-c"].contains(key), "{key} after {state}");
                console.screen();
            }
        }
    }
}

#[test]
fn in_the_filter_bar_letters_are_text() {
    let typed: String = BINDINGS
        .iter()
        .filter(|binding| binding.context != Context::Filter)
        .flat_map(|binding| binding.keys)
        .filter(|key| key.chars().count() == 1 && !"↑↓←→".contains(**key))
        .copied()
        .collect();
    let mut console = Harness::holding(&[alert(1)]);
    console.keys("/");
    console.type_text(&typed);
    assert_eq!((console.app.filter.text(), console.asked.as_slice()), (typed.as_str(), &[][..]));
    console.keys("Ctrl-c");
    assert_eq!(
        (console.app.filter.text(), console.asked.as_slice()),
        ("", &[][..]),
        "Ctrl-c leaves the bar first"
    );
}

#[test]
fn order_follows_the_menu_and_turns_round() {
    let of = |number, severity: &str, title: &str| {
        with(alert(number), json!({"severity": severity, "title": title}))
    };
    let mut console = Harness::holding(&[
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
    assert_eq!(console.app.view.sort().column, Column::Updated, "the menu begins at the order in force");
}

#[test]
fn panes_times_and_zoom_are_switched() {
    let mut console = Harness::holding(&[alert(1), alert(2)]);
    console.keys("Tab");
    assert_eq!(console.app.focus, Pane::Detail);
    console.keys("J");
    assert_eq!(
        (console.app.focus, console.selected()),
        (Pane::Detail, Some("a1")),
        "the next alert from within the detail"
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
    assert_eq!(console.asked, [Effect::Mouse(false), Effect::Suspend, Effect::Redraw]);
}

#[test]
fn the_mouse_selects_scrolls_and_drags() {
    let mut console = Harness::holding(&(1..100).map(alert).collect::<Vec<_>>());
    let layout = console.app.layout();
    let (list, detail, divider) = (layout.list.unwrap(), layout.detail.unwrap(), layout.divider.unwrap());
    let input = |console: &mut Harness, input| console.send(Message::Input(input));
    input(&mut console, Input::Click { x: list.x + 5, y: list.y + 3 });
    assert_eq!(console.selected(), Some("a96"));
    input(&mut console, Input::Wheel { x: list.x, y: list.y, by: 2 });
    assert_eq!(console.app.list.scroll.top, 6);
    input(&mut console, Input::Click { x: detail.x, y: detail.y + 1 });
    assert_eq!((console.app.focus, console.app.detail.as_ref().unwrap().scroll.cursor), (Pane::Detail, 1));
    input(&mut console, Input::Click { x: divider.x, y: divider.y + 1 });
    input(&mut console, Input::Drag { x: 50, y: 9 });
    input(&mut console, Input::Release);
    input(&mut console, Input::Drag { x: 80, y: 9 });
    assert_eq!(console.app.layout().divider.unwrap().x, 49);
    input(&mut console, Input::Click { x: 30, y: layout.filter.y });
    assert!(console.app.filter.editor.is_some());
}
