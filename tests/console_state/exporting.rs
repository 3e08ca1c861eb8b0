//! Exporting: what is asked for, the form, and how it ends.

use std::time::Duration;

use alertdeck::{
    app::{
        Effect, Export, ExportForm, ExportStage, Failure, FailureKind, LoadEvent, Message, NotWritten,
        Overlay, Settings, Wait, Written,
    },
    export::Format,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::desk::{Desk, alert, batch, settings, with};

/// The name that the form begins with, without its end.
const NAME: &str = "alertdeck-contoso-20261120T120000Z";

fn holding(count: u32) -> Desk {
    Desk::holding(&(1..=count).map(alert).collect::<Vec<_>>())
}

fn form(desk: &Desk) -> &ExportForm {
    match &desk.app.overlay {
        Some(Overlay::Export(form)) => form,
        other => panic!("no form but {other:?}"),
    }
}

/// The export that was asked for last, alone.
fn export(desk: &mut Desk) -> Export {
    match std::mem::take(&mut desk.asked).as_slice() {
        [Effect::Export(export)] => export.clone(),
        other => panic!("{other:?}"),
    }
}

fn ids(export: &Export) -> Vec<String> {
    let id = |alert: Value| alert["id"].as_str().unwrap().to_owned();
    export.alerts.iter().map(|raw| id(serde_json::from_slice(&raw.0).unwrap())).collect()
}

pub(crate) fn ends(desk: &mut Desk, outcome: Result<Written, NotWritten>) {
    let path = form(desk).path.text().to_owned();
    let ExportStage::Writing { number, .. } = form(desk).stage else { panic!("nothing is being written") };
    desk.send(Message::Exported { number, path, outcome });
}

/// An export whose form is closed or another's ends.
fn ended(desk: &mut Desk, export: &Export, outcome: Result<Written, NotWritten>) {
    let (number, path) = (export.number, export.path.clone());
    desk.send(Message::Exported { number, path, outcome });
}

fn refused(line: &str) -> Result<Written, NotWritten> {
    Err(NotWritten::Refused(line.into()))
}

fn written() -> Written {
    Written { alerts: 1_412, bytes: 1_234_567, path: "./x.csv".into() }
}

#[test]
fn the_marked_alerts_are_exported_in_the_lists_order() {
    let mut desk = holding(5);
    desk.keys("Space j j Space s c E c Enter");
    let export = export(&mut desk);
    let path = format!("{NAME}.csv");
    assert_eq!((ids(&export), export.format), (vec!["a2".into(), "a5".into()], Format::Csv));
    assert_eq!((export.path, export.overwrite), (path, false));
    assert!(matches!(form(&desk).stage, ExportStage::Writing { alerts: 2, .. }));
    desk.keys("Enter c j");
    assert_eq!((desk.asked.as_slice(), form(&desk).format), (&[][..], Format::Csv), "it is under way");
    ends(&mut desk, Ok(written()));
    assert!(desk.app.overlay.is_none());
    assert_eq!(desk.notice(), "1,412 alerts written to ./x.csv (1.2 MB)");
    assert_eq!(desk.app.marks.len(), 2, "the marks stay");
}

#[test]
fn without_marks_all_that_match_are_exported_and_nothing_else() {
    let mut desk = Desk::open("status:new");
    desk.arrive(&[alert(1), alert(2), alert(3)]);
    desk.done();
    desk.asked.clear();
    let gone = with(alert(2), json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    desk.load(LoadEvent::Batch(batch(&[gone])));
    desk.keys("E");
    assert!(desk.screen().contains("2 alerts, all that match"), "{}", desk.screen());
    desk.keys("Enter");
    assert_eq!(ids(&export(&mut desk)), ["a3", "a1"]);
}

#[test]
fn hidden_marks_take_no_part_and_are_told() {
    let mut desk = holding(4);
    desk.keys("Space Space /");
    desk.type_text("id:a1,a3");
    desk.keys("Enter");
    desk.asked.clear();
    desk.keys("E");
    assert!(desk.screen().contains("1 alert, marked; 1 marked but hidden, not written"), "{}", desk.screen());
    desk.keys("Enter");
    assert_eq!(ids(&export(&mut desk)), ["a3"]);
    desk.keys("Esc / Ctrl-u");
    desk.type_text("id:a1");
    desk.keys("Enter");
    desk.asked.clear();
    desk.keys("E");
    assert!(desk.screen().contains("1 alert, all that match; 2 marked but hidden"), "{}", desk.screen());
    desk.keys("Enter");
    assert_eq!(ids(&export(&mut desk)), ["a1"]);
}

#[rstest]
#[case("j", Format::Json, "json")]
#[case("l", Format::Lines, "ndjson")]
#[case("c", Format::Csv, "csv")]
#[case("m", Format::Markdown, "md")]
#[case("t", Format::Tickets, "md")]
#[case("↓ ↓", Format::Csv, "csv")]
#[case("↑", Format::Tickets, "md")]
fn a_format_is_taken_by_letter_or_arrow(#[case] keys: &str, #[case] format: Format, #[case] end: &str) {
    let mut desk = holding(1);
    desk.keys("E");
    desk.keys(keys);
    assert_eq!((form(&desk).format, form(&desk).path.text()), (format, format!("{NAME}.{end}").as_str()));
    desk.keys("Enter");
    assert_eq!(export(&mut desk).format, format);
    ends(&mut desk, Ok(written()));
    desk.keys("E");
    assert_eq!(form(&desk).format, format, "the next one begins with it");
}

#[test]
fn in_the_files_name_letters_are_text_and_an_end_of_ones_own_stays() {
    let mut desk = holding(1);
    desk.keys("E Tab Ctrl-u");
    desk.type_text("~/E jlcmtoaq?*.txt");
    desk.keys("Home Del");
    desk.type_text("~");
    assert_eq!((form(&desk).path.text(), form(&desk).format), ("~/E jlcmtoaq?*.txt", Format::Json));
    desk.keys("↓ Tab c");
    assert_eq!((form(&desk).path.text(), form(&desk).format), ("~/E jlcmtoaq?*.txt", Format::Csv));
    desk.keys("Tab End Ctrl-u");
    desk.paste(" in/b.csv\nrm -rf\r");
    desk.keys("Shift-Tab m Enter");
    assert_eq!(export(&mut desk).path, "in/b.md");
}

#[test]
fn a_name_that_is_empty_is_asked_for() {
    let mut desk = holding(1);
    desk.keys("E Tab Ctrl-u Enter");
    assert_eq!(desk.asked, []);
    assert!(desk.screen().contains("name a file to write to"));
}

#[test]
fn a_file_that_exists_is_overwritten_by_o_alone() {
    let mut desk = holding(1);
    desk.keys("E Enter");
    assert!(!export(&mut desk).overwrite);
    ends(&mut desk, Err(NotWritten::Exists));
    assert!(desk.screen().contains("o overwrites it, a takes another name"), "{}", desk.screen());
    desk.keys("Enter Enter");
    assert_eq!((desk.asked.as_slice(), &form(&desk).stage), (&[][..], &ExportStage::Exists));
    desk.keys("o");
    let export = export(&mut desk);
    assert_eq!((export.overwrite, export.path), (true, format!("{NAME}.json")));
}

#[rstest]
#[case("a", ExportStage::Asked)]
#[case("Esc", ExportStage::Asked)]
#[case("c", ExportStage::Asked)]
#[case("Tab", ExportStage::Asked)]
fn a_name_is_taken_instead(#[case] keys: &str, #[case] stage: ExportStage) {
    let mut desk = holding(1);
    desk.keys("E Enter");
    ends(&mut desk, Err(NotWritten::Exists));
    desk.asked.clear();
    desk.keys(keys);
    assert_eq!(form(&desk).stage, stage);
    if form(&desk).typing {
        desk.keys("Home");
        desk.type_text("o");
    } else {
        desk.keys("o");
    }
    assert_eq!(desk.asked, [], "o overwrites where that is asked only");
    desk.keys("Enter");
    assert!(!export(&mut desk).overwrite);
}

#[test]
fn a_refusal_loses_nothing() {
    let mut desk = holding(2);
    desk.keys("E c Tab Ctrl-u");
    desk.type_text("/nowhere/x.csv");
    desk.keys("Enter");
    desk.asked.clear();
    ends(&mut desk, refused("\"/nowhere/x.csv\" cannot be written: permission denied"));
    assert!(desk.screen().contains("cannot be written: permission denied"), "{}", desk.screen());
    assert_eq!((form(&desk).path.text(), form(&desk).typing), ("/nowhere/x.csv", true));
    desk.keys("Backspace");
    assert_eq!((form(&desk).path.text(), &form(&desk).stage), ("/nowhere/x.cs", &ExportStage::Asked));
}

#[test]
fn the_end_of_a_form_that_is_closed_is_told() {
    let mut desk = holding(2);
    let end = |desk: &mut Desk, outcome| {
        desk.pass(Duration::from_secs(10));
        desk.keys("E Enter Esc");
        let export = export(desk);
        ended(desk, &export, outcome);
        assert!(desk.app.overlay.is_none());
        desk.notice().to_owned()
    };
    assert_eq!(end(&mut desk, Ok(written())), "1,412 alerts written to ./x.csv (1.2 MB)");
    let name = |time| format!("alertdeck-contoso-20261120T{time}Z.json");
    let told = end(&mut desk, refused("no room"));
    assert_eq!(told, format!("not exported: {}: no room", name("120020")));
    let told = end(&mut desk, Err(NotWritten::Exists));
    assert_eq!(told, format!("not exported: {} exists", name("120030")));
    let line = format!("\"/x/{}\" is a folder", name("120040"));
    assert_eq!(end(&mut desk, refused(&line)), format!("not exported: {line}"), "the file is named once");
}

#[test]
fn the_end_of_one_export_is_not_taken_for_that_of_another() {
    let mut desk = holding(2);
    desk.keys("E Enter Esc");
    let first = export(&mut desk);
    // To the same file, while the first is still written.
    desk.keys("E Enter");
    let second = export(&mut desk);
    assert_eq!(first.path, second.path);
    ended(&mut desk, &first, refused("no room"));
    assert!(matches!(form(&desk).stage, ExportStage::Writing { .. }));
    assert_eq!(desk.notice(), format!("not exported: {NAME}.json: no room"));
    ended(&mut desk, &second, Err(NotWritten::Exists));
    assert_eq!(form(&desk).stage, ExportStage::Exists);
}

fn switch(desk: &mut Desk) {
    let lab = Settings { tenant: "fabrikam.example".into(), profile: "lab".into(), ..settings("") };
    desk.send(Message::Switched(Box::new(lab)));
}

#[test]
fn an_export_that_ends_under_another_profile_is_told_as_the_formers() {
    let mut desk = holding(2);
    desk.keys("E Enter Esc E Tab");
    desk.type_text("x");
    desk.keys("Enter Esc");
    let exports = std::mem::take(&mut desk.asked);
    let [Effect::Export(first), Effect::Export(second)] = exports.as_slice() else { panic!("{exports:?}") };
    switch(&mut desk);
    desk.arrive(&[alert(9)]);
    desk.done();
    desk.pass(Duration::from_secs(5));
    desk.asked.clear();
    // The new profile's own export, to a file of the same name.
    desk.keys("E Tab Ctrl-u");
    desk.type_text(&first.path);
    desk.keys("Enter");
    let own = export(&mut desk);
    ended(&mut desk, first, refused("no room"));
    assert_eq!(desk.notice(), format!("contoso: not exported: {NAME}.json: no room"));
    assert!(matches!(form(&desk).stage, ExportStage::Writing { alerts: 1, .. }), "it is not this one's");
    ended(&mut desk, second, Ok(written()));
    ended(&mut desk, &own, Ok(Written { alerts: 1, bytes: 100, path: "./own".into() }));
    assert!(desk.app.overlay.is_none());
    // Each is told, and stands for a moment whatever is pressed.
    for notice in [
        &format!("contoso: not exported: {NAME}.json: no room"),
        "contoso: 1,412 alerts written to ./x.csv (1.2 MB)",
        "1 alert written to ./own (100 bytes)",
    ] {
        assert_eq!(desk.notice(), notice);
        desk.keys("j k");
        assert_eq!(desk.notice(), notice);
        desk.pass(Duration::from_secs(2));
    }
    desk.keys("j");
    assert_eq!(desk.notice(), "");
}

#[test]
fn the_end_of_an_export_outlives_a_switch_right_after_it() {
    let mut desk = holding(2);
    desk.keys("E Enter Esc");
    let export = export(&mut desk);
    ended(&mut desk, &export, Err(NotWritten::Exists));
    switch(&mut desk);
    assert_eq!(desk.notice(), format!("not exported: {NAME}.json exists"));
    desk.pass(Duration::from_secs(2));
    assert_eq!(desk.notice(), "profile lab: fabrikam.example");
    desk.pass(Duration::from_secs(6));
    assert_eq!(desk.notice(), "");
}

#[test]
fn what_keys_are_answered_is_not_told_again_behind_the_end_of_an_export() {
    let mut desk = holding(2);
    desk.keys("E Enter Esc E Enter Esc");
    let exports = std::mem::take(&mut desk.asked);
    let [Effect::Export(first), Effect::Export(second)] = exports.as_slice() else { panic!("{exports:?}") };
    ended(&mut desk, first, Ok(written()));
    for _ in 0..60 {
        desk.keys("!");
    }
    ended(&mut desk, second, refused("no room"));
    desk.pass(Duration::from_secs(2));
    let told = format!("not exported: {NAME}.json: no room");
    assert_eq!(desk.notice(), told, "the next end, and none of the answers");
    desk.pass(Duration::from_secs(2));
    desk.keys("!");
    assert_ne!(desk.notice(), told);
    desk.pass(Duration::from_secs(6));
    assert_eq!(desk.notice(), "");
}

#[test]
fn a_list_that_is_not_whole_says_so() {
    let failed = |line: &str| LoadEvent::Failed(Failure { kind: FailureKind::Other, line: line.into() });
    let mut desk = Desk::open("");
    desk.load(LoadEvent::Page { total: Some(1_284), partial: None, server_time: None });
    desk.load(LoadEvent::Batch(batch(&[alert(1), alert(2)])));
    desk.keys("E");
    let says = |desk: &Desk, text: &str| assert!(desk.screen().contains(text), "{text}\n{}", desk.screen());
    says(&desk, "2 alerts, all that match");
    says(&desk, "2 of 1,284 loaded so far");
    desk.load(LoadEvent::Batch(batch(&[alert(3)])));
    says(&desk, "3 alerts, all that match");
    desk.load(LoadEvent::Waiting { wait: Duration::from_secs(9), why: Wait::Throttled });
    says(&desk, "3 of 1,284 loaded so far");
    desk.load(failed("page 7 was cut"));
    says(&desk, "3 of 1,284 loaded: page 7 was cut");
    desk.keys("Esc r");
    desk.arrive(&[alert(1)]);
    desk.keys("Esc E");
    says(&desk, "1 read, then stopped");
    desk.keys("Esc Space E");
    assert!(!desk.screen().contains("then stopped"), "marked alerts are all there");
    desk.keys("Esc M r");
    desk.load(LoadEvent::Page { total: Some(3), partial: Some("source down".into()), server_time: None });
    desk.load(LoadEvent::Batch(batch(&[alert(1)])));
    desk.done();
    desk.keys("E");
    says(&desk, "1 of 3 read, the service sent a part: source down");
}

#[test]
fn a_list_that_is_being_filtered_is_not_exported_yet() {
    let mut desk = holding(30);
    desk.lazy = true;
    desk.keys("/");
    desk.type_text("title:alert");
    desk.keys("Enter");
    desk.send(Message::Work(2));
    desk.keys("E");
    assert!(desk.screen().contains("2 alerts so far, all that match"), "{}", desk.screen());
    desk.keys("Enter");
    assert!(desk.screen().contains("the filter is still at work: Enter again in a moment"));
    desk.rest();
    desk.asked.clear();
    desk.keys("Enter");
    assert_eq!(export(&mut desk).alerts.len(), 30);
}

#[test]
fn an_empty_list_has_nothing_to_export() {
    let mut desk = Desk::open("");
    desk.done();
    desk.asked.clear();
    desk.keys("E");
    assert!(desk.app.overlay.is_none() && desk.asked.is_empty());
    assert_eq!(desk.notice(), "no alert is shown: there is nothing to export");
}

#[test]
fn an_odd_tenant_and_a_hostile_path_are_neutral() {
    let tenant = "a/../b ␛⟨202E⟩".to_owned();
    let mut desk = Desk::with(Settings { tenant, ..settings("") }, (120, 35));
    desk.arrive(&[alert(1)]);
    desk.done();
    desk.asked.clear();
    desk.keys("E");
    assert_eq!(form(&desk).path.text(), "alertdeck-a-..-b---202e-20261120T120000Z.json");
    desk.keys("Tab");
    desk.paste("\u{1b}[2J\u{202e}");
    let screen = desk.screen();
    assert!(!screen.contains(['\u{1b}', '\u{202e}']) && screen.contains("␛[2J⟨202E⟩"), "{screen}");
}

#[rstest]
#[case((120, 35))]
#[case((80, 24))]
#[case((60, 15))]
#[case((40, 10))]
fn the_form_keeps_its_size_and_place_whatever_it_says(#[case] size: (u16, u16)) {
    let mut desk = Desk::with(settings(""), size);
    let file = |desk: &Desk| {
        let screen = desk.screen();
        let lines: Vec<_> = screen.lines().collect();
        let file =
            lines.iter().position(|line| line.contains("│ file  ")).unwrap_or_else(|| panic!("{screen}"));
        let frame = lines.iter().filter(|line| line.contains(['┌', '└'])).count();
        (file, frame, lines.iter().filter(|line| line.contains("│ ")).count())
    };
    desk.load(LoadEvent::Page { total: Some(1_284), partial: None, server_time: None });
    desk.load(LoadEvent::Batch(batch(&[alert(1), alert(2)])));
    desk.keys("E");
    let place = file(&desk);
    desk.load(LoadEvent::Failed(Failure { kind: FailureKind::Other, line: "what happened ".repeat(20) }));
    assert_eq!(file(&desk), place);
    assert!(desk.screen().contains("…"), "what does not fit is cut with a sign");
    desk.keys("Enter");
    assert_eq!(file(&desk), place);
    ends(&mut desk, Err(NotWritten::Exists));
    assert_eq!(file(&desk), place);
    desk.keys("o");
    ends(&mut desk, refused(&"no room on the device ".repeat(9)));
    assert_eq!(file(&desk), place);
}
