//! The command palette: finds a command by its words and runs it in the pane below.

use alertdeck::app::{Input, Message, Overlay, Pane};

use super::harness::{Harness, alert};

/// Opens the palette over the list and types text.
fn open(text: &str) -> Harness {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys(":");
    console.type_text(text);
    console
}

/// Returns the commands in the palette, as the ids on screen.
fn shown(console: &Harness) -> Vec<String> {
    let lines = console.app.panel().unwrap().lines;
    lines.iter().filter_map(|line| Some(line.get(2)?.text.clone())).collect()
}

#[test]
fn it_offers_the_commands_of_the_focused_pane_with_their_keys() {
    let mut console = open("");
    let list = shown(&console);
    for id in ["list.sort", "alert.copy", "panes.refresh", "open.help", "app.suspend"] {
        assert!(list.iter().any(|shown| shown == id), "{id}: {list:?}");
    }
    let others = ["detail.json", "filter.run", "move.down", "open.palette"];
    assert!(!list.iter().any(|shown| others.contains(&shown.as_str())), "{list:?}");
    let line = console.app.panel().unwrap().lines;
    let sort = line.iter().find(|line| line[2].text == "list.sort").unwrap();
    assert_eq!(sort[0].text, "s");
    console.keys("Esc Enter :");
    assert!(shown(&console).iter().any(|shown| shown == "detail.json"));
}

#[test]
fn letters_of_words_find_commands_best_first() {
    for (text, first) in [
        ("sort", "list.sort"),
        ("rev order", "list.reverse"),
        ("jrnl", "open.journal"),
        ("refr", "panes.refresh"),
    ] {
        let console = open(text);
        assert_eq!(shown(&console).first().map(String::as_str), Some(first), "{text}: {:?}", shown(&console));
    }
    let console = open("zzqx");
    assert!(console.screen().contains("no matching command"), "{}", console.screen());
}

#[test]
fn a_command_runs_in_the_pane_below_and_the_palette_closes() {
    let mut console = open("reverse");
    console.keys("Enter");
    assert!(console.app.ui.overlay().is_none());
    assert!(!console.app.view.sort().descending);
    console.keys(": j s o n Enter");
    assert_eq!(console.app.ui.focus, Pane::List, "the list has no command for JSON");
    let mut console = open("sort");
    console.keys("Enter");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Menu(_))), "a command may open an overlay");
}

#[test]
fn keys_edit_the_text_or_move_the_cursor() {
    let mut console = open("sortx");
    console.keys("Backspace");
    assert_eq!(shown(&console).first().map(String::as_str), Some("list.sort"));
    console.keys("Ctrl-u");
    let all = shown(&console);
    let at = |console: &Harness| console.app.panel().unwrap().cursor.unwrap();
    console.keys("Down Ctrl-n Down Up Ctrl-p");
    assert_eq!(at(&console), 1);
    console.keys("PgDn");
    assert!(at(&console) > 5);
    console.send(Message::Input(Input::Paste("quit\nsecond line".into())));
    assert!(!console.screen().contains("second line"));
    assert!(shown(&console).len() < all.len());
    console.keys("Ctrl-u q j");
    assert!(console.screen().contains("qj"), "letters are text: {}", console.screen());
    console.keys("Esc");
    assert!(console.app.ui.overlay().is_none());
}

#[test]
fn enter_does_nothing_if_no_command_matches() {
    let mut console = open("zzqx");
    console.keys("Enter");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Palette(_))));
}
