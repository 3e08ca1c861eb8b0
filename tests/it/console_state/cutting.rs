//! Texts that do not fit are truncated with an ellipsis, at either end.

use ratatui::{buffer::Cell, style::Modifier};
use serde_json::json;

use super::harness::{Harness, alert, batch, lines, settings, theme, with};
use alertdeck::app::{Failure, FailureKind, LoadEvent};
use rstest::rstest;

/// Returns the titles, each with the underlined cells of its line.
fn titles(console: &Harness) -> Vec<(String, String)> {
    let buffer = console.draw(&theme());
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
    (head + 1..=head + console.rows().len()).map(title).collect()
}

#[test]
fn scrolled_titles_are_cut_on_the_left() {
    let mut console = Harness::with_alerts(&[
        with(alert(1), json!({"title": "Credential theft tool"})),
        with(alert(2), json!({"title": "Short"})),
        with(alert(3), json!({"title": "不審な実行の検出 tool"})),
        with(alert(4), json!({"title": "A title that is longer than the column of titles is wide, a tool"})),
    ]);
    console.keys("/");
    console.type_text("title:tool,short,credential");
    console.keys("Enter l");
    let text = |text: &str, matched: &str| (text.to_owned(), matched.to_owned());
    assert_eq!(
        titles(&console),
        [
            text("…hat is longer than the column o…", ""),
            text("… の 検 出  tool", "tool"),
            text("…", ""),
            text("…l theft tool", "ltool"),
        ],
    );
    console.keys("l l");
    assert_eq!(titles(&console)[3], text("…", ""), "nothing of it is visible");
    console.keys("h h h");
    assert_eq!(
        titles(&console)[2..],
        [text("Short", "Short"), text("Credential theft tool", "Credentialtool")]
    );
}

#[test]
fn long_filter_and_file_name_are_cut_on_the_left() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("/");
    console.type_text(&"title:alert ".repeat(20));
    let screen = console.screen();
    let bar = screen.lines().nth(2).unwrap();
    assert!(bar.starts_with("filter › …") && bar.contains("title:alert title:alert "), "{bar}");
    console.keys("Home");
    assert!(console.screen().contains("filter › title:alert"), "{}", console.screen());
    console.keys("Esc E Tab");
    console.type_text(&"x".repeat(90));
    let screen = console.screen();
    assert!(screen.contains("│ file  …") && screen.contains("xxx  │"), "{screen}");
}

#[test]
fn help_and_completions_show_their_visible_range() {
    let mut console = Harness::with(settings(""), (80, 24));
    console.keys("?");
    let lines = console.app.panel().unwrap().lines.len();
    assert!(console.screen().contains(&format!(" 1-18 of {lines} ─┘")), "{}", console.screen());
    console.keys("j j");
    assert!(console.screen().contains(&format!(" 3-20 of {lines} ")), "{}", console.screen());
    console.keys("Esc /");
    console.type_text("severi");
    assert!(console.screen().contains("│ severity: "), "{}", console.screen());
    assert!(!console.screen().contains("1-"), "{}", console.screen());
    console.keys("Ctrl-u");
    let count = console.app.filter.editor.as_ref().unwrap().completions.len();
    assert!(console.screen().contains(&format!("1-8 of {count} │")), "{}", console.screen());
    console.keys(&"Ctrl-n ".repeat(9));
    assert!(console.screen().contains(&format!("3-10 of {count} │")), "{}", console.screen());
}

#[rstest]
#[case((120, 35), "Alert with quite a long… no match")]
#[case((60, 15), "Alert with quite a… no match")]
#[case((200, 50), "Alert with quite a lo… no longer matches")]
fn long_title_leaves_room_for_the_reason_of_a_dim_row(#[case] size: (u16, u16), #[case] shown: &str) {
    let mut console = Harness::with(settings("status:new"), size);
    let long = json!({"title": "Alert with quite a long title that goes on and on and on"});
    console.arrive(&[with(alert(1), long.clone())]);
    console.done();
    let change = json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"});
    console.load(LoadEvent::Batch(batch(&[with(with(alert(1), long), change)])));
    assert!(console.screen().contains(shown), "{}", console.screen());
}

#[test]
fn live_is_shown_even_without_room_for_the_time() {
    let mut console = Harness::with(settings("status:new"), (57, 15));
    console.arrive(&[alert(1)]);
    console.done();
    console.backfill_event(LoadEvent::Done);
    console.keys("L / Ctrl-u");
    let screen = console.screen();
    let header = screen.lines().next().unwrap();
    assert!(header.ends_with("30 days complete live"), "{header}");
}

#[rstest]
#[case(70, "1 match in 1 loaded · 30 days complete")]
#[case(69, "1 match in 1 · 30 days complete")]
fn short_header_leaves_out_that_alerts_are_loaded(#[case] width: u16, #[case] shown: &str) {
    let mut console = Harness::with(settings("status:new"), (width, 15));
    console.arrive(&[alert(1)]);
    console.done();
    console.backfill_event(LoadEvent::Done);
    console.keys("/ Ctrl-u");
    assert!(console.screen().contains(shown), "{}", console.screen());
}

#[test]
fn counts_stay_in_place_from_one_match_to_several() {
    let mut console = Harness::open("status:new");
    let position = |console: &Harness| console.screen().lines().next().unwrap().find(" loaded");
    console.arrive(&[alert(1)]);
    let one = position(&console);
    console.arrive(&[alert(2)]);
    assert!(one.is_some());
    assert_eq!(position(&console), one);
}

/// Returns the first line of a screen of 80 by 24 cells that contains the text.
fn line_with(console: &mut Harness, text: &str) -> String {
    console.resize(80, 24);
    let screen = console.screen();
    screen.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{screen}")).to_owned()
}

#[test]
fn rewritten_link_gives_way_to_where_it_leads() {
    let url = "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Flogin.evil.example%2F&data=05%7C01";
    let link =
        json!({"@odata.type": "#microsoft.graph.security.urlEvidence", "url": url, "verdict": "malicious"});
    let mut console = Harness::with_alerts(&[with(alert(1), json!({ "evidence": [link] }))]);
    let line = line_with(&mut console, "leads to");
    assert!(line.contains("…  leads to https://login.evil.example/  [malicious]"), "{line}");
    console.resize(110, 24);
    let screen = console.screen();
    assert!(screen.contains("    leads to https://login.evil.ex…  [malicious]"), "{screen}");
}

#[rstest]
#[case(80, "T1562.001 Disable or Modify Tools (Defense Evasion), now T1685")]
#[case(60, "T1562.001 Disable or Modify Tools, now T1685")]
#[case(40, "T1562.001 Disabl…, now T1685")]
#[case(130, "T1562.001 Impair Defenses: Disable or Modify Tools (Defense Evasion), now T1685")]
fn replacement_of_a_technique_is_never_cut(#[case] width: u16, #[case] expected: &str) {
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"mitreTechniques": ["T1562.001"]}))]);
    console.keys("Enter z");
    console.resize(width, 24);
    let screen = console.screen();
    assert!(screen.lines().any(|line| line.ends_with(expected)), "{screen}");
}

#[test]
fn reason_of_an_incomplete_list_is_whole() {
    let mut console = Harness::open("assigned:me");
    console.arrive(&[with(alert(1), json!({"assignedTo": "ana@contoso.com"}))]);
    console.done();
    let line = line_with(&mut console, "incomplete");
    assert!(line.ends_with("incomplete: may miss owner spellings"), "{line}");
}

#[rstest]
#[case(
    "a proxy answered instead of graph.example: HTML instead of JSON (HTTP 403); check the proxy",
    "graph.example"
)]
#[case("graph.example cannot be reached; check the network, the proxy and the certificates", "reached")]
fn failure_leaves_out_what_does_not_fit(#[case] failure: &str, #[case] end: &str) {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("r");
    console.load(LoadEvent::Failed(Failure { kind: FailureKind::Other, line: failure.into() }));
    let line = line_with(&mut console, "press !");
    assert!(line.ends_with(end), "{line}");
}

#[test]
fn hash_is_cut_once() {
    let details = json!({"fileName": "update.exe", "sha256": "7d".repeat(32)});
    let file = json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "fileDetails": details, "verdict": "malicious"});
    let mut console = Harness::with_alerts(&[with(alert(1), json!({ "evidence": [file] }))]);
    console.keys("Enter z");
    for width in 60..120 {
        console.resize(width, 24);
        let screen = console.screen();
        let line = screen.lines().find(|line| line.contains("sha256 ")).unwrap();
        assert!(line.matches('…').count() <= 1, "{line}");
    }
}

#[test]
fn short_header_names_every_state_in_full() {
    let mut console = Harness::with(settings("status:new"), (60, 15));
    console.arrive(&[alert(1), alert(2)]);
    console.done();
    let header = |console: &Harness| console.screen().lines().next().unwrap().to_owned();
    console.keys("r");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.done();
    assert!(header(&console).contains("3 matches · 3 loaded · complete · 1 new"), "{}", header(&console));
    console.keys("r");
    console.fail(FailureKind::Offline);
    assert!(header(&console).contains("· offline as of 12:00Z"), "{}", header(&console));
    console.keys("!");
    console.done();
    console.keys("/ Ctrl-u x");
    assert!(header(&console).contains("0 matches in 3 · loading 30 days"), "{}", header(&console));
}

#[test]
fn short_header_drops_the_total_before_it_cuts_how_complete_the_list_is() {
    let mut console = Harness::with(settings("status:new"), (60, 15));
    let alerts: Vec<_> = (0..1_000).map(alert).collect();
    console.load(LoadEvent::Page { total: Some(1_000), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&alerts)));
    console.done();
    let header = |console: &Harness| console.screen().lines().next().unwrap().to_owned();
    assert!(header(&console).contains("1,000 matches · 1,000/1,000 · complete"), "{}", header(&console));
    console.keys("r");
    console.load(LoadEvent::Page { total: Some(1_001), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1_000)])));
    console.load(LoadEvent::Batch(batch(&alerts)));
    console.done();
    assert!(header(&console).contains("1,001 matches · 1,001 · complete · 1 new"), "{}", header(&console));
}

#[test]
fn failure_leaves_room_for_the_number_of_marks() {
    let mut console = Harness::with_alerts(&[alert(1), alert(2)]);
    console.keys("Space r");
    let line = "graph.microsoft.com cannot be reached: connection refused; check the network";
    console.load(LoadEvent::Failed(Failure { kind: FailureKind::Offline, line: line.into() }));
    let line = line_with(&mut console, "1 marked");
    assert!(line.starts_with("retry in 15 s (! now): graph.microsoft.com cannot be reached  "), "{line}");
}

#[test]
fn tall_menu_leaves_the_key_bar_visible() {
    let file = json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "fileDetails": {
        "fileName": "update.exe", "filePath": "C:\\Temp", "sha256": "7d".repeat(32), "sha1": "4b".repeat(20),
        "md5": "c0".repeat(16)}});
    let mut console = Harness::with_alerts(&[with(alert(1), json!({ "evidence": [file] }))]);
    console.resize(60, 15);
    console.keys("Enter j j y");
    let screen = console.screen();
    assert!(screen.lines().nth(13).unwrap().contains("─ 1-12 of"), "{screen}");
    assert!(screen.lines().last().unwrap().starts_with("a-z or"), "{screen}");
}

#[rstest]
#[case(120, "─ process powershell.exe (1000) · counts from 1 loaded alert · loading the last 30 days ─")]
#[case(80, "─ process powershell.exe (1000) · counts from 1 alert · loading 30 days ─")]
#[case(60, "─ process p… · counts from 1 alert · loading 30 days ─")]
fn title_of_counts_shortens_what_they_cover_before_the_name(#[case] width: u16, #[case] title: &str) {
    let process = json!({"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 1000,
        "imageFile": {"fileName": "powershell.exe"}, "processCommandLine": "powershell -c x"});
    let mut console = Harness::with(settings("status:new"), (width, 24));
    console.arrive(&[with(alert(1), json!({ "evidence": [process] }))]);
    console.done();
    console.keys("Enter j j Enter");
    assert!(console.screen().contains(title), "{}", console.screen());
}
