//! Exporting: what is asked for, the form, and how it ends.

use std::time::Duration;

use alertdeck::{
    app::{
        Effect, Export, ExportForm, ExportStage, Failure, FailureKind, LoadEvent, Message, NotWritten,
        Overlay, Settings, Written,
    },
    export::Format,
};
use alertdeck_graph::{ClientEvent, WaitCause};
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{Harness, alert, batch, settings, with};

/// The name that the form begins with, without its end.
const NAME: &str = "alertdeck-contoso-20261120T120000Z";

fn holding(count: u32) -> Harness {
    Harness::holding(&(1..=count).map(alert).collect::<Vec<_>>())
}

fn form(console: &Harness) -> &ExportForm {
    match console.app.ui.overlay() {
        Some(Overlay::ExportForm(form)) => form,
        other => panic!("no form but {other:?}"),
    }
}

/// The export that was asked for last, alone.
fn export(console: &mut Harness) -> Export {
    match std::mem::take(&mut console.asked).as_slice() {
        [Effect::Export(export)] => export.clone(),
        other => panic!("{other:?}"),
    }
}

fn ids(export: &Export) -> Vec<String> {
    let id = |alert: Value| alert["id"].as_str().unwrap().to_owned();
    export.alerts.iter().map(|raw| id(serde_json::from_slice(&raw.0).unwrap())).collect()
}

pub(crate) fn ends(console: &mut Harness, outcome: Result<Written, NotWritten>) {
    let path = form(console).path.text().to_owned();
    let ExportStage::Writing { number, .. } = form(console).stage else { panic!("nothing is being written") };
    console.send(Message::Exported { number, path, outcome });
}

/// An export whose form is closed or another's ends.
fn ended(console: &mut Harness, export: &Export, outcome: Result<Written, NotWritten>) {
    let (number, path) = (export.number, export.path.clone());
    console.send(Message::Exported { number, path, outcome });
}

fn refused(line: &str) -> Result<Written, NotWritten> {
    Err(NotWritten::Refused(line.into()))
}

fn written() -> Written {
    Written { alerts: 1_412, bytes: 1_234_567, path: "./x.csv".into() }
}

#[test]
fn the_marked_alerts_are_exported_in_the_lists_order() {
    let mut console = holding(5);
    console.keys("Space j j Space s c E c Enter");
    let export = export(&mut console);
    let path = format!("{NAME}.csv");
    assert_eq!((ids(&export), export.format), (vec!["a2".into(), "a5".into()], Format::Csv));
    assert_eq!((export.path, export.overwrite), (path, false));
    assert!(matches!(form(&console).stage, ExportStage::Writing { alerts: 2, .. }));
    console.keys("Enter c j");
    assert_eq!((console.asked.as_slice(), form(&console).format), (&[][..], Format::Csv), "it is under way");
    ends(&mut console, Ok(written()));
    assert!(console.app.ui.overlay().is_none());
    assert_eq!(console.notice(), "1,412 alerts written to ./x.csv (1.2 MB)");
    assert_eq!(console.app.marks.len(), 2, "the marks stay");
}

#[test]
fn without_marks_all_that_match_are_exported_and_nothing_else() {
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.done();
    console.asked.clear();
    let gone = with(alert(2), json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    console.load(LoadEvent::Batch(batch(&[gone])));
    console.keys("E");
    assert!(console.screen().contains("2 alerts, all that match"), "{}", console.screen());
    console.keys("Enter");
    assert_eq!(ids(&export(&mut console)), ["a3", "a1"]);
}

#[test]
fn hidden_marks_take_no_part_and_are_told() {
    let mut console = holding(4);
    console.keys("Space Space /");
    console.type_text("id:a1,a3");
    console.keys("Enter");
    console.asked.clear();
    console.keys("E");
    assert!(
        console.screen().contains("1 alert, marked; 1 marked but hidden, not written"),
        "{}",
        console.screen()
    );
    console.keys("Enter");
    assert_eq!(ids(&export(&mut console)), ["a3"]);
    console.keys("Esc / Ctrl-u");
    console.type_text("id:a1");
    console.keys("Enter");
    console.asked.clear();
    console.keys("E");
    assert!(
        console.screen().contains("1 alert, all that match; 2 marked but hidden"),
        "{}",
        console.screen()
    );
    console.keys("Enter");
    assert_eq!(ids(&export(&mut console)), ["a1"]);
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
    let mut console = holding(1);
    console.keys("E");
    console.keys(keys);
    assert_eq!(
        (form(&console).format, form(&console).path.text()),
        (format, format!("{NAME}.{end}").as_str())
    );
    console.keys("Enter");
    assert_eq!(export(&mut console).format, format);
    ends(&mut console, Ok(written()));
    console.keys("E");
    assert_eq!(form(&console).format, format, "the next one begins with it");
}

#[test]
fn in_the_files_name_letters_are_text_and_an_end_of_ones_own_stays() {
    let mut console = holding(1);
    console.keys("E Tab Ctrl-u");
    console.type_text("~/E jlcmtoaq?*.txt");
    console.keys("Home Del");
    console.type_text("~");
    assert_eq!((form(&console).path.text(), form(&console).format), ("~/E jlcmtoaq?*.txt", Format::Json));
    console.keys("↓ Tab c");
    assert_eq!((form(&console).path.text(), form(&console).format), ("~/E jlcmtoaq?*.txt", Format::Csv));
    console.keys("Tab End Ctrl-u");
    console.paste(" in/b.csv\nrm -rf\r");
    console.keys("Shift-Tab m Enter");
    assert_eq!(export(&mut console).path, "in/b.md");
}

#[test]
fn a_name_that_is_empty_is_asked_for() {
    let mut console = holding(1);
    console.keys("E Tab Ctrl-u Enter");
    assert_eq!(console.asked, []);
    assert!(console.screen().contains("name a file to write to"));
}

#[test]
fn a_file_that_exists_is_overwritten_by_o_alone() {
    let mut console = holding(1);
    console.keys("E Enter");
    assert!(!export(&mut console).overwrite);
    ends(&mut console, Err(NotWritten::Exists));
    assert!(console.screen().contains("o overwrites it, a takes another name"), "{}", console.screen());
    console.keys("Enter Enter");
    assert_eq!((console.asked.as_slice(), &form(&console).stage), (&[][..], &ExportStage::Exists));
    console.keys("o");
    let export = export(&mut console);
    assert_eq!((export.overwrite, export.path), (true, format!("{NAME}.json")));
}

#[rstest]
#[case("a", ExportStage::Asked)]
#[case("Esc", ExportStage::Asked)]
#[case("c", ExportStage::Asked)]
#[case("Tab", ExportStage::Asked)]
fn a_name_is_taken_instead(#[case] keys: &str, #[case] stage: ExportStage) {
    let mut console = holding(1);
    console.keys("E Enter");
    ends(&mut console, Err(NotWritten::Exists));
    console.asked.clear();
    console.keys(keys);
    assert_eq!(form(&console).stage, stage);
    if form(&console).typing {
        console.keys("Home");
        console.type_text("o");
    } else {
        console.keys("o");
    }
    assert_eq!(console.asked, [], "o overwrites where that is asked only");
    console.keys("Enter");
    assert!(!export(&mut console).overwrite);
}

#[test]
fn a_refusal_loses_nothing() {
    let mut console = holding(2);
    console.keys("E c Tab Ctrl-u");
    console.type_text("/nowhere/x.csv");
    console.keys("Enter");
    console.asked.clear();
    ends(&mut console, refused("\"/nowhere/x.csv\" cannot be written: permission denied"));
    assert!(console.screen().contains("cannot be written: permission denied"), "{}", console.screen());
    assert_eq!((form(&console).path.text(), form(&console).typing), ("/nowhere/x.csv", true));
    console.keys("Backspace");
    assert_eq!((form(&console).path.text(), &form(&console).stage), ("/nowhere/x.cs", &ExportStage::Asked));
}

#[test]
fn the_end_of_a_form_that_is_closed_is_told() {
    let mut console = holding(2);
    let end = |console: &mut Harness, outcome| {
        console.pass(Duration::from_secs(10));
        console.keys("E Enter Esc");
        let export = export(console);
        ended(console, &export, outcome);
        assert!(console.app.ui.overlay().is_none());
        console.notice().to_owned()
    };
    assert_eq!(end(&mut console, Ok(written())), "1,412 alerts written to ./x.csv (1.2 MB)");
    let name = |time| format!("alertdeck-contoso-20261120T{time}Z.json");
    let told = end(&mut console, refused("no room"));
    assert_eq!(told, format!("not exported: {}: no room", name("120020")));
    let told = end(&mut console, Err(NotWritten::Exists));
    assert_eq!(told, format!("not exported: {} exists", name("120030")));
    let line = format!("\"/x/{}\" is a folder", name("120040"));
    assert_eq!(end(&mut console, refused(&line)), format!("not exported: {line}"), "the file is named once");
}

#[test]
fn the_end_of_one_export_is_not_taken_for_that_of_another() {
    let mut console = holding(2);
    console.keys("E Enter Esc");
    let first = export(&mut console);
    // To the same file, while the first is still written.
    console.keys("E Enter");
    let second = export(&mut console);
    assert_eq!(first.path, second.path);
    ended(&mut console, &first, refused("no room"));
    assert!(matches!(form(&console).stage, ExportStage::Writing { .. }));
    assert_eq!(console.notice(), format!("not exported: {NAME}.json: no room"));
    ended(&mut console, &second, Err(NotWritten::Exists));
    assert_eq!(form(&console).stage, ExportStage::Exists);
}

fn switch(console: &mut Harness) {
    let lab = Settings { tenant: "fabrikam.example".into(), profile: "lab".into(), ..settings("") };
    console.send(Message::Switched(Box::new(lab)));
}

#[test]
fn an_export_that_ends_under_another_profile_is_told_as_the_formers() {
    let mut console = holding(2);
    console.keys("E Enter Esc E Tab");
    console.type_text("x");
    console.keys("Enter Esc");
    let exports = std::mem::take(&mut console.asked);
    let [Effect::Export(first), Effect::Export(second)] = exports.as_slice() else { panic!("{exports:?}") };
    switch(&mut console);
    console.arrive(&[alert(9)]);
    console.done();
    console.pass(Duration::from_secs(5));
    console.asked.clear();
    // The new profile's own export, to a file of the same name.
    console.keys("E Tab Ctrl-u");
    console.type_text(&first.path);
    console.keys("Enter");
    let own = export(&mut console);
    ended(&mut console, first, refused("no room"));
    assert_eq!(console.notice(), format!("contoso: not exported: {NAME}.json: no room"));
    assert!(matches!(form(&console).stage, ExportStage::Writing { alerts: 1, .. }), "it is not this one's");
    ended(&mut console, second, Ok(written()));
    ended(&mut console, &own, Ok(Written { alerts: 1, bytes: 100, path: "./own".into() }));
    assert!(console.app.ui.overlay().is_none());
    // Each is told, and stands for a moment whatever is pressed.
    for notice in [
        &format!("contoso: not exported: {NAME}.json: no room"),
        "contoso: 1,412 alerts written to ./x.csv (1.2 MB)",
        "1 alert written to ./own (100 bytes)",
    ] {
        assert_eq!(console.notice(), notice);
        console.keys("j k");
        assert_eq!(console.notice(), notice);
        console.pass(Duration::from_secs(2));
    }
    console.keys("j");
    assert_eq!(console.notice(), "");
}

#[test]
fn the_end_of_an_export_outlives_a_switch_right_after_it() {
    let mut console = holding(2);
    console.keys("E Enter Esc");
    let export = export(&mut console);
    ended(&mut console, &export, Err(NotWritten::Exists));
    switch(&mut console);
    assert_eq!(console.notice(), format!("not exported: {NAME}.json exists"));
    console.pass(Duration::from_secs(2));
    assert_eq!(console.notice(), "profile lab: fabrikam.example");
    console.pass(Duration::from_secs(6));
    assert_eq!(console.notice(), "");
}

#[test]
fn what_keys_are_answered_is_not_told_again_behind_the_end_of_an_export() {
    let mut console = holding(2);
    console.keys("E Enter Esc E Enter Esc");
    let exports = std::mem::take(&mut console.asked);
    let [Effect::Export(first), Effect::Export(second)] = exports.as_slice() else { panic!("{exports:?}") };
    ended(&mut console, first, Ok(written()));
    for _ in 0..60 {
        console.keys("!");
    }
    ended(&mut console, second, refused("no room"));
    console.pass(Duration::from_secs(2));
    let told = format!("not exported: {NAME}.json: no room");
    assert_eq!(console.notice(), told, "the next end, and none of the answers");
    console.pass(Duration::from_secs(2));
    console.keys("!");
    assert_ne!(console.notice(), told);
    console.pass(Duration::from_secs(6));
    assert_eq!(console.notice(), "");
}

#[test]
fn a_list_that_is_not_whole_says_so() {
    let failed = |line: &str| LoadEvent::Failed(Failure { kind: FailureKind::Other, line: line.into() });
    let mut console = Harness::open("");
    console.load(LoadEvent::Page { total: Some(1_284), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1), alert(2)])));
    console.keys("E");
    let says = |console: &Harness, text: &str| {
        assert!(console.screen().contains(text), "{text}\n{}", console.screen());
    };
    says(&console, "2 alerts, all that match");
    says(&console, "2 of 1,284 loaded so far");
    console.load(LoadEvent::Batch(batch(&[alert(3)])));
    says(&console, "3 alerts, all that match");
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(9),
        cause: WaitCause::Throttled,
    }));
    says(&console, "3 of 1,284 loaded so far");
    console.load(failed("page 7 was cut"));
    says(&console, "3 of 1,284 loaded: page 7 was cut");
    console.keys("Esc r");
    console.arrive(&[alert(1)]);
    console.keys("Esc E");
    says(&console, "1 read, then stopped");
    console.keys("Esc Space E");
    assert!(!console.screen().contains("then stopped"), "marked alerts are all there");
    console.keys("Esc M r");
    console.load(LoadEvent::Page { total: Some(3), partial: Some("source down".into()), server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    console.keys("E");
    says(&console, "1 of 3 read, the service sent a part: source down");
}

#[test]
fn a_list_that_is_being_filtered_is_not_exported_yet() {
    let mut console = holding(30);
    console.lazy = true;
    console.keys("/");
    console.type_text("title:alert");
    console.keys("Enter");
    console.send(Message::Work(2));
    console.keys("E");
    assert!(console.screen().contains("2 alerts so far, all that match"), "{}", console.screen());
    console.keys("Enter");
    assert!(console.screen().contains("the filter is still at work: Enter again in a moment"));
    console.rest();
    console.asked.clear();
    console.keys("Enter");
    assert_eq!(export(&mut console).alerts.len(), 30);
}

#[test]
fn an_empty_list_has_nothing_to_export() {
    let mut console = Harness::open("");
    console.done();
    console.asked.clear();
    console.keys("E");
    assert!(console.app.ui.overlay().is_none() && console.asked.is_empty());
    assert_eq!(console.notice(), "no alert is shown: there is nothing to export");
}

#[test]
fn an_odd_tenant_and_a_hostile_path_are_neutral() {
    let tenant = "a/../b ␛⟨202E⟩".to_owned();
    let mut console = Harness::with(Settings { tenant, ..settings("") }, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    console.asked.clear();
    console.keys("E");
    assert_eq!(form(&console).path.text(), "alertdeck-a-..-b---202e-20261120T120000Z.json");
    console.keys("Tab");
    console.paste("\u{1b}[2J\u{202e}");
    let screen = console.screen();
    assert!(!screen.contains(['\u{1b}', '\u{202e}']) && screen.contains("␛[2J⟨202E⟩"), "{screen}");
}

#[rstest]
#[case((120, 35))]
#[case((80, 24))]
#[case((60, 15))]
#[case((40, 10))]
fn the_form_keeps_its_size_and_place_whatever_it_says(#[case] size: (u16, u16)) {
    let mut console = Harness::with(settings(""), size);
    let file = |console: &Harness| {
        let screen = console.screen();
        let lines: Vec<_> = screen.lines().collect();
        let file =
            lines.iter().position(|line| line.contains("│ file  ")).unwrap_or_else(|| panic!("{screen}"));
        let frame = lines.iter().filter(|line| line.contains(['┌', '└'])).count();
        (file, frame, lines.iter().filter(|line| line.contains("│ ")).count())
    };
    console.load(LoadEvent::Page { total: Some(1_284), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1), alert(2)])));
    console.keys("E");
    let place = file(&console);
    console.load(LoadEvent::Failed(Failure { kind: FailureKind::Other, line: "what happened ".repeat(20) }));
    assert_eq!(file(&console), place);
    assert!(console.screen().contains("…"), "what does not fit is cut with a sign");
    console.keys("Enter");
    assert_eq!(file(&console), place);
    ends(&mut console, Err(NotWritten::Exists));
    assert_eq!(file(&console), place);
    console.keys("o");
    ends(&mut console, refused(&"no room on the device ".repeat(9)));
    assert_eq!(file(&console), place);
}
