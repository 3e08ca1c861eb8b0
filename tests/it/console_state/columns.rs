//! The column chooser, and the columns of the list and of exports.

use alertdeck::app::{Input, ListColumn, Message, Overlay, Pane};
use alertdeck_store::{Column, Sort};

use super::harness::{Harness, alert};

/// Opens the chooser over a list.
fn open(size: (u16, u16)) -> Harness {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.resize(size.0, size.1);
    console.keys("C");
    console
}

/// Returns the columns on screen, with their widths.
fn shown(console: &Harness) -> Vec<(Column, u16)> {
    let width = console.app.layout().list.unwrap().width;
    console.app.columns(width).iter().map(|layout| (layout.column, layout.width)).collect()
}

fn names(console: &Harness) -> Vec<&'static str> {
    shown(console).iter().map(|(column, _)| column.name()).collect()
}

fn choose(console: &mut Harness, name: &str) {
    console.keys("g");
    let lines = console.app.panel().unwrap().lines;
    for _ in 0..lines.iter().position(|line| line[1].text == name).unwrap() {
        console.keys("j");
    }
    console.keys("Space");
}

#[test]
fn columns_are_shown_hidden_and_moved() {
    let mut console = open((120, 35));
    let automatic = shown(&console);
    assert_eq!(names(&console), ["severity", "status", "created", "title", "device"]);
    choose(&mut console, "status");
    choose(&mut console, "id");
    assert_eq!(names(&console), ["severity", "created", "title", "device", "id"]);
    // The cursor follows a column that is shown.
    console.keys("K K K K K");
    assert_eq!(names(&console), ["id", "severity", "created", "title", "device"]);
    console.keys("J");
    assert_eq!(names(&console), ["severity", "id", "created", "title", "device"]);
    console.keys("0");
    assert_eq!(shown(&console), automatic);
    assert!(console.app.list.columns.is_none());
    console.keys("Enter");
    assert!(console.app.ui.overlay().is_none());
}

#[test]
fn one_column_always_remains() {
    let mut console = open((120, 35));
    for _ in 0..5 {
        console.keys("g Space");
    }
    assert_eq!(names(&console), ["device"]);
    assert!(console.screen().contains("at least one column"), "{}", console.screen());
}

#[test]
fn a_width_that_is_set_stays_and_the_title_takes_the_rest() {
    let mut console = open((120, 35));
    let before = shown(&console);
    console.keys("G g j j j j + + +");
    let after = shown(&console);
    assert_eq!(after[4], (Column::Device, before[4].1 + 3));
    assert_eq!(after[3], (Column::Title, before[3].1 - 3));
    console.keys("- C");
    assert!(console.app.ui.overlay().is_none());
    for width in [120, 200, 160] {
        console.resize(width, 35);
        assert_eq!(shown(&console)[4].1, before[4].1 + 2, "{width}");
    }
}

#[test]
fn columns_without_room_are_omitted_from_the_end() {
    let mut console = open((200, 35));
    for name in ["product", "determination", "id"] {
        choose(&mut console, name);
    }
    let chosen = console.app.list.columns.as_ref().unwrap();
    let all: Vec<_> = chosen.iter().map(|shown| shown.column.name()).collect();
    assert!(all.ends_with(&["product", "determination", "id"]), "{all:?}");
    for width in 20..=200 {
        console.resize(width, 35);
        let found = names(&console);
        assert!(all.starts_with(&found) && !found.is_empty(), "{width}: {found:?}");
        let room = console.app.layout().list.unwrap().width;
        let last = *console.app.columns(room).last().unwrap();
        assert!(last.x + last.width <= room, "{width}: {last:?}");
    }
    console.resize(60, 35);
    assert!(console.screen().contains("no room"), "{}", console.screen());
}

#[test]
fn hidden_columns_are_not_sorted_by() {
    let mut console = open((120, 35));
    console.keys("Enter s t");
    assert_eq!(console.app.view.sort().column, Column::Title);
    console.keys("C");
    choose(&mut console, "title");
    assert_eq!(console.app.view.sort(), Sort::default());
    console.keys("Enter s");
    let Some(Overlay::Menu(menu)) = console.app.ui.overlay() else { panic!("no menu") };
    let offered: Vec<_> = menu.items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(offered, ["severity", "status", "created", "device"]);
}

#[test]
fn a_click_on_a_heading_sorts_by_it_and_another_reverses_the_order() {
    let mut console = open((120, 35));
    console.keys("Esc Enter");
    let head = console.app.layout().list_head.unwrap();
    let device = *console.app.columns(head.width).last().unwrap();
    let mut click = |x: u16| {
        console.send(Message::Input(Input::Click { x: head.x + x, y: head.y }));
        (console.app.view.sort(), console.app.ui.focus)
    };
    let sorted = |descending| (Sort { column: Column::Device, descending }, Pane::List);
    assert_eq!(click(device.x), sorted(false));
    assert_eq!(click(device.x + device.width - 1), sorted(true));
    // There is nothing to click before the first column.
    assert_eq!(click(0), sorted(true));
    console.keys("Backspace Backspace");
    assert_eq!(console.app.view.sort(), Sort::default());
}

#[test]
fn exports_have_the_chosen_columns() {
    let mut console = open((120, 35));
    console.keys("Enter E c Enter");
    assert_eq!(console.exports().pop().unwrap().1.columns, None);
    let chosen = [Column::Id, Column::Product].map(|column| ListColumn { column, width: None });
    console.app.list.columns = Some(chosen.to_vec());
    console.keys("Esc E c Enter");
    assert_eq!(console.exports().pop().unwrap().1.columns, Some(vec![Column::Id, Column::Product]));
}
