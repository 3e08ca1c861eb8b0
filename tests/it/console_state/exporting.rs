//! Exports: the alerts, the form, and how exports end.

use std::time::Duration;

use alertdeck::{
    app::{
        Export, ExportForm, ExportStage, Failure, FailureKind, JobEvent, JobId, LoadEvent, Message,
        NotWritten, Overlay, Written,
    },
    export::Format,
};
use alertdeck_graph::{ClientEvent, WaitCause};
use rstest::rstest;
use serde_json::{Value, json};

use super::harness::{Harness, Settings, alert, batch, settings, with};

/// The proposed file name, without its extension.
const NAME: &str = "alertdeck-contoso-20261120T120000Z";

fn with_count(count: u32) -> Harness {
    Harness::with_alerts(&(1..=count).map(alert).collect::<Vec<_>>())
}

fn form(console: &Harness) -> &ExportForm {
    match console.app.ui.overlay() {
        Some(Overlay::ExportForm(form)) => form,
        other => panic!("expected a form, got {other:?}"),
    }
}

/// Returns the export that was started, which must be the only effect.
fn export(console: &mut Harness) -> Export {
    started(console).1
}

/// Returns the export that was started, which must be the only effect, with its job.
fn started(console: &mut Harness) -> (JobId, Export) {
    let export = console.exports().pop().unwrap();
    assert_eq!(console.effects, []);
    export
}

fn ids(export: &Export) -> Vec<String> {
    let id = |alert: Value| alert["id"].as_str().unwrap().to_owned();
    export.alerts.iter().map(|(_, raw)| id(serde_json::from_slice(&raw.read().0).unwrap())).collect()
}

pub(crate) fn finish(console: &mut Harness, outcome: Result<Written, NotWritten>) {
    let path = form(console).path.text().to_owned();
    let ExportStage::Writing { job, .. } = form(console).stage else { panic!("no export is running") };
    console.send(Message::Job(job, JobEvent::Exported { path, outcome }));
}

/// Ends an export whose form is closed or shows another export.
fn export_ended(
    console: &mut Harness,
    (job, export): &(JobId, Export),
    outcome: Result<Written, NotWritten>,
) {
    let path = export.path.clone();
    console.send(Message::Job(*job, JobEvent::Exported { path, outcome }));
}

fn refused(line: &str) -> Result<Written, NotWritten> {
    Err(NotWritten::Refused(line.into()))
}

fn written() -> Written {
    Written { alerts: 1_412, bytes: 1_234_567, path: "./x.csv".into() }
}

#[test]
fn marked_alerts_are_exported_in_list_order() {
    let mut console = with_count(5);
    console.keys("Space j j Space s c E c Enter");
    let export = export(&mut console);
    let path = format!("{NAME}.csv");
    assert_eq!((ids(&export), export.format), (vec!["a2".into(), "a5".into()], Format::Csv));
    assert_eq!((export.path, export.overwrite), (path, false));
    assert!(matches!(form(&console).stage, ExportStage::Writing { alerts: 2, .. }));
    console.keys("Enter c j");
    assert_eq!(
        (console.effects.as_slice(), form(&console).format),
        (&[][..], Format::Csv),
        "the form is locked while writing"
    );
    finish(&mut console, Ok(written()));
    assert!(console.app.ui.overlay().is_none());
    assert_eq!(console.notice(), "1,412 alerts written to ./x.csv (1.2 MB)");
    assert_eq!(console.app.marks.len(), 2, "the marks stay");
}

#[test]
fn without_marks_all_matching_alerts_are_exported() {
    let mut console = Harness::open("status:new");
    console.arrive(&[alert(1), alert(2), alert(3)]);
    console.done();
    console.effects.clear();
    let gone = with(alert(2), json!({"status": "resolved", "lastUpdateDateTime": "2026-11-20T11:00:00Z"}));
    console.load(LoadEvent::Batch(batch(&[gone])));
    console.keys("E");
    assert!(console.screen().contains("2 alerts (all matches)"), "{}", console.screen());
    console.keys("Enter");
    assert_eq!(ids(&export(&mut console)), ["a3", "a1"]);
}

#[test]
fn hidden_marks_are_not_exported_but_counted() {
    let mut console = with_count(4);
    console.keys("Space Space /");
    console.type_text("id:a1,a3");
    console.keys("Enter");
    console.effects.clear();
    console.keys("E");
    assert!(
        console.screen().contains("1 marked alert; 1 marked but hidden, not exported"),
        "{}",
        console.screen()
    );
    console.keys("Enter");
    assert_eq!(ids(&export(&mut console)), ["a3"]);
    console.keys("Esc / Ctrl-u");
    console.type_text("id:a1");
    console.keys("Enter");
    console.effects.clear();
    console.keys("E");
    assert!(
        console.screen().contains("1 alert (all matches); 2 marked but hidden, not exported"),
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
fn formats_are_chosen_by_letter_or_arrow(#[case] keys: &str, #[case] format: Format, #[case] end: &str) {
    let mut console = with_count(1);
    console.keys("E");
    console.keys(keys);
    assert_eq!(
        (form(&console).format, form(&console).path.text()),
        (format, format!("{NAME}.{end}").as_str())
    );
    console.keys("Enter");
    assert_eq!(export(&mut console).format, format);
    finish(&mut console, Ok(written()));
    console.keys("E");
    assert_eq!(form(&console).format, format, "the next export starts with it");
}

#[test]
fn letters_in_the_file_name_are_text_and_a_custom_extension_stays() {
    let mut console = with_count(1);
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
fn empty_file_name_is_refused() {
    let mut console = with_count(1);
    console.keys("E Tab Ctrl-u Enter");
    assert_eq!(console.effects, []);
    assert!(console.screen().contains("enter a file name"));
}

#[test]
fn existing_file_is_overwritten_with_o_only() {
    let mut console = with_count(1);
    console.keys("E Enter");
    assert!(!export(&mut console).overwrite);
    finish(&mut console, Err(NotWritten::Exists));
    assert!(
        console.screen().contains("press o to overwrite it, a to choose another name"),
        "{}",
        console.screen()
    );
    console.keys("Enter Enter");
    assert_eq!((console.effects.as_slice(), &form(&console).stage), (&[][..], &ExportStage::Exists));
    console.keys("o");
    let export = export(&mut console);
    assert_eq!((export.overwrite, export.path), (true, format!("{NAME}.json")));
}

#[rstest]
#[case("a", ExportStage::Editing)]
#[case("Esc", ExportStage::Editing)]
#[case("c", ExportStage::Editing)]
#[case("Tab", ExportStage::Editing)]
fn another_name_is_chosen_for_an_existing_file(#[case] keys: &str, #[case] stage: ExportStage) {
    let mut console = with_count(1);
    console.keys("E Enter");
    finish(&mut console, Err(NotWritten::Exists));
    console.effects.clear();
    console.keys(keys);
    assert_eq!(form(&console).stage, stage);
    if form(&console).typing {
        console.keys("Home");
        console.type_text("o");
    } else {
        console.keys("o");
    }
    assert_eq!(console.effects, [], "o overwrites only while it is offered");
    console.keys("Enter");
    assert!(!export(&mut console).overwrite);
}

#[test]
fn failed_export_keeps_the_form() {
    let mut console = with_count(2);
    console.keys("E c Tab Ctrl-u");
    console.type_text("/nowhere/x.csv");
    console.keys("Enter");
    console.effects.clear();
    finish(&mut console, refused("\"/nowhere/x.csv\" cannot be written: permission denied"));
    assert!(console.screen().contains("cannot be written: permission denied"), "{}", console.screen());
    assert_eq!((form(&console).path.text(), form(&console).typing), ("/nowhere/x.csv", true));
    console.keys("Backspace");
    assert_eq!((form(&console).path.text(), &form(&console).stage), ("/nowhere/x.cs", &ExportStage::Editing));
}

#[test]
fn end_of_an_export_is_reported_after_the_form_is_closed() {
    let mut console = with_count(2);
    let end = |console: &mut Harness, outcome| {
        console.advance(Duration::from_secs(10));
        console.keys("E Enter Esc");
        let export = started(console);
        export_ended(console, &export, outcome);
        assert!(console.app.ui.overlay().is_none());
        console.notice().to_owned()
    };
    assert_eq!(end(&mut console, Ok(written())), "1,412 alerts written to ./x.csv (1.2 MB)");
    let name = |time| format!("alertdeck-contoso-20261120T{time}Z.json");
    let notice = end(&mut console, refused("no room"));
    assert_eq!(notice, format!("export failed: {}: no room", name("120020")));
    let notice = end(&mut console, Err(NotWritten::Exists));
    assert_eq!(notice, format!("export failed: {} already exists", name("120030")));
    let line = format!("\"/x/{}\" is a folder", name("120040"));
    assert_eq!(end(&mut console, refused(&line)), format!("export failed: {line}"), "the file is named once");
}

#[test]
fn ends_of_two_exports_are_not_confused() {
    let mut console = with_count(2);
    console.keys("E Enter Esc");
    let first = started(&mut console);
    // Export to the same file while the first export is still being written.
    console.keys("E Enter");
    let second = started(&mut console);
    assert_eq!(first.1.path, second.1.path);
    export_ended(&mut console, &first, refused("no room"));
    assert!(matches!(form(&console).stage, ExportStage::Writing { .. }));
    assert_eq!(console.notice(), format!("export failed: {NAME}.json: no room"));
    export_ended(&mut console, &second, Err(NotWritten::Exists));
    assert_eq!(form(&console).stage, ExportStage::Exists);
}

fn switch(console: &mut Harness) {
    let lab = Settings { tenant: "fabrikam.example".into(), profile: "lab".into(), ..settings("") };
    console.switch(lab);
}

#[test]
fn export_of_a_former_profile_is_reported_with_its_tenant() {
    let mut console = with_count(2);
    console.keys("E Enter Esc E Tab");
    console.type_text("x");
    console.keys("Enter Esc");
    let exports = console.exports();
    let [first, second] = exports.as_slice() else { panic!("{exports:?}") };
    switch(&mut console);
    console.arrive(&[alert(9)]);
    console.done();
    console.advance(Duration::from_secs(5));
    console.effects.clear();
    // The new profile starts its own export, to a file with the same name.
    console.keys("E Tab Ctrl-u");
    console.type_text(&first.1.path);
    console.keys("Enter");
    let own = started(&mut console);
    export_ended(&mut console, first, refused("no room"));
    assert_eq!(console.notice(), format!("contoso: export failed: {NAME}.json: no room"));
    assert!(
        matches!(form(&console).stage, ExportStage::Writing { alerts: 1, .. }),
        "the form shows another export"
    );
    export_ended(&mut console, second, Ok(written()));
    export_ended(&mut console, &own, Ok(Written { alerts: 1, bytes: 100, path: "./own".into() }));
    assert!(console.app.ui.overlay().is_none());
    // Each result is reported, and stays for a moment even if keys are pressed.
    for notice in [
        &format!("contoso: export failed: {NAME}.json: no room"),
        "contoso: 1,412 alerts written to ./x.csv (1.2 MB)",
        "1 alert written to ./own (100 bytes)",
    ] {
        assert_eq!(console.notice(), notice);
        console.keys("j k");
        assert_eq!(console.notice(), notice);
        console.advance(Duration::from_secs(2));
    }
    console.keys("j");
    assert_eq!(console.notice(), "");
}

#[test]
fn notice_of_an_ended_export_survives_a_profile_switch() {
    let mut console = with_count(2);
    console.keys("E Enter Esc");
    let export = started(&mut console);
    export_ended(&mut console, &export, Err(NotWritten::Exists));
    switch(&mut console);
    assert_eq!(console.notice(), format!("export failed: {NAME}.json already exists"));
    console.advance(Duration::from_secs(2));
    assert_eq!(console.notice(), "using profile lab: fabrikam.example");
    console.advance(Duration::from_secs(6));
    assert_eq!(console.notice(), "");
}

#[test]
fn answers_to_keys_are_not_repeated_after_the_end_of_an_export() {
    let mut console = with_count(2);
    console.keys("E Enter Esc E Enter Esc");
    let exports = console.exports();
    let [first, second] = exports.as_slice() else { panic!("{exports:?}") };
    export_ended(&mut console, first, Ok(written()));
    for _ in 0..60 {
        console.keys("!");
    }
    export_ended(&mut console, second, refused("no room"));
    console.advance(Duration::from_secs(2));
    let notice = format!("export failed: {NAME}.json: no room");
    assert_eq!(console.notice(), notice, "the next end, and none of the answers");
    console.advance(Duration::from_secs(2));
    console.keys("!");
    assert_ne!(console.notice(), notice);
    console.advance(Duration::from_secs(6));
    assert_eq!(console.notice(), "");
}

#[test]
fn incomplete_list_is_reported() {
    let failed = |line: &str| LoadEvent::Failed(Failure { kind: FailureKind::Other, line: line.into() });
    let mut console = Harness::open("");
    console.load(LoadEvent::Page { total: Some(1_284), partial: None, server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1), alert(2)])));
    console.keys("E");
    let shows = |console: &Harness, text: &str| {
        assert!(console.screen().contains(text), "{text}\n{}", console.screen());
    };
    shows(&console, "2 alerts (all matches)");
    shows(&console, "2 of 1,284 loaded so far");
    console.load(LoadEvent::Batch(batch(&[alert(3)])));
    shows(&console, "3 alerts (all matches)");
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(9),
        cause: WaitCause::Throttled,
    }));
    shows(&console, "3 of 1,284 loaded so far");
    console.load(failed("page 7 was cut"));
    shows(&console, "3 of 1,284 loaded: page 7 was cut");
    console.keys("Esc r");
    console.arrive(&[alert(1)]);
    console.keys("Esc E");
    shows(&console, "1 read before it was stopped");
    console.keys("Esc Space E");
    assert!(!console.screen().contains("was stopped"), "marked alerts are complete");
    console.keys("Esc M r");
    console.load(LoadEvent::Page { total: Some(3), partial: Some("source down".into()), server_time: None });
    console.load(LoadEvent::Batch(batch(&[alert(1)])));
    console.done();
    console.keys("E");
    shows(&console, "1 of 3 read, not everything could be read: source down");
}

#[test]
fn a_list_is_not_exported_while_the_filter_runs() {
    let mut console = with_count(30);
    console.lazy = true;
    console.keys("/");
    console.type_text("title:alert");
    console.keys("Enter E");
    let running = || console.screen().matches("the filter is still running").count();
    assert_eq!(running(), 1, "{}", console.screen());
    assert!(console.screen().contains("filtering"), "instead of a count");
    console.keys("Enter");
    assert!(console.screen().contains("the filter is still running; press Enter again in a moment"));
    console.settle();
    console.effects.clear();
    console.keys("Enter");
    assert_eq!(export(&mut console).alerts.len(), 30);
}

#[test]
fn empty_list_cannot_be_exported() {
    let mut console = Harness::open("");
    console.done();
    console.effects.clear();
    console.keys("E");
    assert!(console.app.ui.overlay().is_none() && console.effects.is_empty());
    assert_eq!(console.notice(), "the list is empty: nothing to export");
}

#[test]
fn hostile_tenant_and_path_are_sanitised() {
    let tenant = "a/../b ␛⟨202E⟩".to_owned();
    let mut console = Harness::with(Settings { tenant, ..settings("") }, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    console.effects.clear();
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
fn form_keeps_size_and_position_with_any_message(#[case] size: (u16, u16)) {
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
    console
        .load(LoadEvent::Failed(Failure { kind: FailureKind::Other, line: "it failed badly ".repeat(20) }));
    assert_eq!(file(&console), place);
    assert!(console.screen().contains("…"), "a long message is cut with a sign");
    console.keys("Enter");
    assert_eq!(file(&console), place);
    finish(&mut console, Err(NotWritten::Exists));
    assert_eq!(file(&console), place);
    console.keys("o");
    finish(&mut console, refused(&"no room on the device ".repeat(9)));
    assert_eq!(file(&console), place);
}
