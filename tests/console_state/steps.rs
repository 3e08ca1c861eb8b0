//! One step at a time: Esc, panes, order, overlays, the mouse.

use alertdeck::{
    app::{BINDINGS, Context, Effect, Input, Message, Overlay, Pane, Phase, TimeFormat},
    store::Column,
};
use rstest::rstest;
use serde_json::json;

use super::desk::{Desk, alert, with};

#[test]
fn esc_goes_down_one_rung_a_press_and_never_quits() {
    let mut desk = Desk::open("title:alert");
    desk.arrive(&[alert(1), alert(2)]);
    desk.asked.clear();
    desk.keys("j Enter y");
    assert!(matches!(desk.app.overlay, Some(Overlay::Menu(_))));
    desk.keys("Esc");
    assert!(desk.app.overlay.is_none() && desk.app.focus == Pane::Detail);
    desk.keys("Esc");
    assert!(desk.app.focus == Pane::List && desk.app.load.phase == Phase::Loading);
    desk.keys("Esc");
    assert_eq!(desk.app.load.phase, Phase::Stopped);
    desk.keys("Esc Esc Esc");
    assert_eq!(desk.asked, [Effect::Cancel]);
    assert_eq!((desk.app.filter.text(), desk.selected()), ("title:alert", Some("a1")));
}

#[rstest]
#[case("?", "q")]
#[case("?", "?")]
#[case("?", "Esc")]
#[case("s", "q")]
#[case("y", "Ctrl-c")]
fn q_closes_what_covers_the_panes_before_it_quits(#[case] open: &str, #[case] close: &str) {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys(open);
    assert!(desk.app.overlay.is_some());
    desk.keys(close);
    assert!(desk.app.overlay.is_none());
    assert_eq!(desk.asked, []);
    desk.keys("q");
    assert_eq!(desk.asked, [Effect::Quit]);
}

#[test]
fn under_an_overlay_no_other_key_acts() {
    let mut desk = Desk::holding(&[alert(1), alert(2)]);
    for open in ["?", "s", "y", "f", "E", "Tab j j Enter"] {
        desk.keys("g");
        desk.keys(open);
        let letters = match &desk.app.overlay {
            Some(Overlay::Menu(menu)) => menu.items.iter().map(|item| item.key.to_string()).collect(),
            // It goes over to the file's name.
            Some(Overlay::Export(_)) => vec!["Tab".to_owned()],
            _ => Vec::new(),
        };
        for key in ["o", "O", "r", "L", "/", "!", "z", "Tab", "J"] {
            if !letters.contains(&key.to_owned()) {
                desk.keys(key);
            }
        }
        desk.keys("Esc");
        assert_eq!((desk.asked.as_slice(), desk.selected()), (&[][..], Some("a2")), "{open}");
        assert!(desk.app.filter.editor.is_none() && !desk.app.load.live && !desk.app.zoom, "{open}");
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
                let mut desk = Desk::holding(&[alert(1), alert(2)]);
                desk.keys(state);
                desk.keys(key);
                let quits = desk.asked.contains(&Effect::Quit);
                assert!(!quits || ["q", "Ctrl-c"].contains(key), "{key} after {state}");
                desk.screen();
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
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("/");
    desk.type_text(&typed);
    assert_eq!((desk.app.filter.text(), desk.asked.as_slice()), (typed.as_str(), &[][..]));
    desk.keys("Ctrl-c");
    assert_eq!((desk.app.filter.text(), desk.asked.as_slice()), ("", &[][..]), "Ctrl-c leaves the bar first");
}

#[test]
fn order_follows_the_menu_and_turns_round() {
    let of = |number, severity: &str, title: &str| {
        with(alert(number), json!({"severity": severity, "title": title}))
    };
    let mut desk = Desk::holding(&[
        of(1, "low", "b"),
        of(2, "high", "C"),
        of(3, "undeclared", "a"),
        of(4, "medium", ""),
    ]);
    assert_eq!(desk.rows(), ["a4", "a3", "a2", "a1"], "newest first");
    desk.keys("j j");
    for (keys, column, expected) in [
        ("s s", Column::Severity, ["a2", "a4", "a1", "a3"]),
        ("S", Column::Severity, ["a1", "a4", "a2", "a3"]),
        ("s t", Column::Title, ["a4", "a3", "a1", "a2"]),
        ("s t", Column::Title, ["a2", "a1", "a3", "a4"]),
        ("s c", Column::Created, ["a4", "a3", "a2", "a1"]),
        ("S", Column::Created, ["a1", "a2", "a3", "a4"]),
    ] {
        desk.keys(keys);
        assert_eq!((desk.app.view.order().column, desk.rows()), (column, expected.to_vec()), "{keys}");
        assert_eq!(desk.selected(), Some("a2"), "the cursor stays on its alert");
    }
    desk.keys("s");
    assert_eq!(desk.menu().iter().filter(|(key, _)| *key == 'c').count(), 1);
    desk.keys("j Enter");
    assert_eq!(desk.app.view.order().column, Column::Updated, "the menu begins at the order in force");
}

#[test]
fn panes_times_and_zoom_are_switched() {
    let mut desk = Desk::holding(&[alert(1), alert(2)]);
    desk.keys("Tab");
    assert_eq!(desk.app.focus, Pane::Detail);
    desk.keys("J");
    assert_eq!(
        (desk.app.focus, desk.selected()),
        (Pane::Detail, Some("a1")),
        "the next alert from within the detail"
    );
    desk.keys("z");
    assert!(desk.app.layout().list.is_none());
    desk.keys("Tab");
    assert!(desk.app.layout().detail.is_none());
    desk.keys("z");
    assert!(desk.app.layout().detail.is_some());
    for format in [TimeFormat::Utc, TimeFormat::Local, TimeFormat::Age] {
        desk.keys("T");
        assert_eq!(desk.app.clock.format, format);
    }
    desk.keys("m Ctrl-z Ctrl-l");
    assert_eq!(desk.asked, [Effect::Mouse(false), Effect::Suspend, Effect::Redraw]);
}

#[test]
fn the_mouse_selects_scrolls_and_drags() {
    let mut desk = Desk::holding(&(1..100).map(alert).collect::<Vec<_>>());
    let layout = desk.app.layout();
    let (list, detail, divider) = (layout.list.unwrap(), layout.detail.unwrap(), layout.divider.unwrap());
    let input = |desk: &mut Desk, input| desk.send(Message::Input(input));
    input(&mut desk, Input::Click { x: list.x + 5, y: list.y + 3 });
    assert_eq!(desk.selected(), Some("a96"));
    input(&mut desk, Input::Wheel { x: list.x, y: list.y, by: 2 });
    assert_eq!(desk.app.list.scroll.top, 6);
    input(&mut desk, Input::Click { x: detail.x, y: detail.y + 1 });
    assert_eq!((desk.app.focus, desk.app.detail.as_ref().unwrap().scroll.cursor), (Pane::Detail, 1));
    input(&mut desk, Input::Click { x: divider.x, y: divider.y + 1 });
    input(&mut desk, Input::Drag { x: 50, y: 9 });
    input(&mut desk, Input::Release);
    input(&mut desk, Input::Drag { x: 80, y: 9 });
    assert_eq!(desk.app.layout().divider.unwrap().x, 49);
    input(&mut desk, Input::Click { x: 30, y: layout.filter.y });
    assert!(desk.app.filter.editor.is_some());
}
