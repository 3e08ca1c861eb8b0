//! What does not fit is cut with a sign, at whichever end.

use ratatui::{buffer::Cell, style::Modifier};
use serde_json::json;

use super::desk::{Desk, alert, batch, lines, settings, theme, with};
use alertdeck::app::LoadEvent;
use rstest::rstest;

/// The column of titles, with the cells that are underlined in each line.
fn titles(desk: &Desk) -> Vec<(String, String)> {
    let buffer = desk.draw(&theme());
    let screen = lines(&buffer);
    let head = screen.iter().position(|line| line.contains("TITLE")).unwrap();
    let from = screen[head].split_once("TITLE").unwrap().0.chars().count() as u16;
    let to = screen[head].split_once("DEVICE").unwrap().0.chars().count() as u16;
    let title = |y: usize| {
        let cells = (from..to).map(|x| &buffer[(x, y as u16)]);
        let text: String = cells.clone().map(Cell::symbol).collect();
        let matched = cells.filter(|cell| cell.modifier.contains(Modifier::UNDERLINED));
        (text.trim_end().to_owned(), matched.map(Cell::symbol).collect())
    };
    (head + 1..=head + desk.rows().len()).map(title).collect()
}

#[test]
fn titles_that_are_scrolled_sideways_are_cut_on_the_left() {
    let mut desk = Desk::holding(&[
        with(alert(1), json!({"title": "Credential theft tool"})),
        with(alert(2), json!({"title": "Short"})),
        with(alert(3), json!({"title": "不審な実行の検出 tool"})),
        with(alert(4), json!({"title": "A title that is longer than the column of titles is wide, a tool"})),
    ]);
    desk.keys("/");
    desk.type_text("title:tool,short,credential");
    desk.keys("Enter l");
    let text = |text: &str, matched: &str| (text.to_owned(), matched.to_owned());
    assert_eq!(
        titles(&desk),
        [
            text("…hat is longer than the column o…", ""),
            text("… の 検 出  tool", "tool"),
            text("…", ""),
            text("…l theft tool", "ltool"),
        ],
    );
    desk.keys("l l");
    assert_eq!(titles(&desk)[3], text("…", ""), "the whole of it is left out");
    desk.keys("h h h");
    assert_eq!(titles(&desk)[2..], [text("Short", "Short"), text("Credential theft tool", "Credentialtool")]);
}

#[test]
fn a_filter_and_a_file_name_longer_than_their_room_are_cut_on_the_left() {
    let mut desk = Desk::holding(&[alert(1)]);
    desk.keys("/");
    desk.type_text(&"title:alert ".repeat(20));
    let screen = desk.screen();
    let bar = screen.lines().nth(1).unwrap();
    assert!(bar.starts_with("filter › …") && bar.contains("title:alert title:alert "), "{bar}");
    desk.keys("Home");
    assert!(desk.screen().contains("filter › title:alert"), "{}", desk.screen());
    desk.keys("Esc E Tab");
    desk.type_text(&"x".repeat(90));
    let screen = desk.screen();
    assert!(screen.contains("│ file  …") && screen.contains("xxx  │"), "{screen}");
}

#[test]
fn the_help_and_the_completions_say_that_there_is_more() {
    let mut desk = Desk::with(settings(""), (80, 24));
    desk.keys("?");
    let lines = alertdeck::app::help().len();
    assert!(desk.screen().contains(&format!(" 1-18 of {lines} ─┘")), "{}", desk.screen());
    desk.keys("j j");
    assert!(desk.screen().contains(&format!(" 3-20 of {lines} ")), "{}", desk.screen());
    desk.keys("Esc /");
    desk.type_text("severi");
    assert!(desk.screen().contains("│ severity: "), "{}", desk.screen());
    assert!(!desk.screen().contains("1-"), "{}", desk.screen());
    desk.keys("Ctrl-u");
    let count = desk.app.filter.editor.as_ref().unwrap().completions.len();
    assert!(desk.screen().contains(&format!("1-8 of {count} │")), "{}", desk.screen());
    desk.keys(&"Ctrl-n ".repeat(9));
    assert!(desk.screen().contains(&format!("3-10 of {count} │")), "{}", desk.screen());
}

#[rstest]
#[case((120, 35), "Alert with quite a long… no match")]
#[case((60, 15), "Alert with quite a… no match")]
#[case((200, 50), "Alert with quite a lo… no longer matches")]
fn a_long_title_leaves_room_for_why_its_row_is_dim(#[case] size: (u16, u16), #[case] shown: &str) {
    let mut desk = Desk::with(settings("status:new"), size);
    let long = json!({"title": "Alert with quite a long title that goes on and on and on"});
    desk.arrive(&[with(alert(1), long.clone())]);
    desk.done();
    let change = json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    desk.load(LoadEvent::Batch(batch(&[with(with(alert(1), long), change)])));
    assert!(desk.screen().contains(shown), "{}", desk.screen());
}

#[test]
fn live_mode_is_told_where_there_is_no_room_for_the_time() {
    let mut desk = Desk::with(settings("status:new"), (58, 15));
    desk.arrive(&[alert(1)]);
    desk.done();
    desk.load_behind(LoadEvent::Done);
    desk.keys("L / Ctrl-u");
    let screen = desk.screen();
    let header = screen.lines().next().unwrap();
    assert!(header.ends_with("30 days whole live"), "{header}");
}
