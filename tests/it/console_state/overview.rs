//! The detail pane: large trees, verdicts, the timeline, indicators and copying.

use alertdeck::app::{DetailView, Effect, Line, LineKind, Scope};
use alertdeck_model::AlertId;
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    harness::{Harness, alert, scope, settings, with},
    screens::tenant,
};

fn kind(name: &str) -> String {
    format!("#microsoft.graph.security.{name}Evidence")
}

fn file(device: &str, name: &str, verdict: &str) -> Value {
    json!({"@odata.type": kind("file"), "mdeDeviceId": device, "verdict": verdict,
        "fileDetails": {"fileName": name, "filePath": "C:\\Users\\ana\\Documents",
        "sha256": format!("{:0>64}", name.len() * 7)}})
}

fn process(device: &str, pid: usize, parent: usize, verdict: &str) -> Value {
    let at = |pid: usize| format!("2026-11-20T00:{:02}:{:02}.5Z", pid / 60, pid % 60);
    json!({"@odata.type": kind("process"), "mdeDeviceId": device, "processId": pid, "parentProcessId": parent,
        "processCreationDateTime": at(pid), "parentProcessCreationDateTime": at(parent), "verdict": verdict,
        "processCommandLine": format!("stage{pid}.exe --next {} --quiet --in background", pid + 1),
        "imageFile": {"fileName": format!("stage{pid}.exe")}})
}

fn device(id: &str, name: &str) -> Value {
    json!({"@odata.type": kind("device"), "mdeDeviceId": id, "deviceDnsName": name})
}

/// Returns an alert with a chain of processes, each started by the previous one. The last one is
/// malicious.
pub(crate) fn chain() -> Value {
    let processes =
        (2..16).map(|pid| process("m1", pid, pid - 1, if pid == 15 { "malicious" } else { "unknown" }));
    let evidence: Vec<_> = std::iter::once(device("m1", "srv-1.contoso.com")).chain(processes).collect();
    with(
        alert(1),
        json!({"evidence": evidence, "title": "A chain of processes",
            "firstActivityDateTime": "2026-11-20T00:00:01Z"}),
    )
}

/// Returns an alert with ten devices that have two processes each. On the sixth device, one process
/// is suspicious; on the first, hundreds of files were changed, one of which is malicious.
fn large() -> Value {
    let mut evidence = Vec::new();
    for nth in 0..10 {
        let id = format!("m{nth}");
        evidence.push(device(&id, &format!("srv-{nth}.contoso.com")));
        evidence.push(process(&id, 10, 1, if nth == 5 { "suspicious" } else { "unknown" }));
        evidence.push(process(&id, 11, 10, "noThreatsFound"));
    }
    evidence.extend((0..312).map(|nth| file("m0", &format!("plan-{nth:03}.docx"), "unknown")));
    evidence.push(file("m0", "readme-to-decrypt.txt", "malicious"));
    with(alert(1), json!({"evidence": evidence, "title": "Many files were encrypted"}))
}

/// Returns the name of the node under the cursor; empty on other lines.
pub(crate) fn node(console: &Harness) -> String {
    let detail = console.app.current_detail().unwrap();
    detail.line().map_or_else(String::new, |line| name(console, line))
}

fn name(console: &Harness, line: &Line) -> String {
    let detail = console.app.current_detail().unwrap();
    match &line.kind {
        LineKind::Group(count, kind) => format!("{count} {kind}"),
        _ => detail.node(line).map_or_else(String::new, |(id, _)| detail.body.tree.describe(id).name()),
    }
}

/// Returns the names on the visible lines of the tree.
pub(crate) fn visible(console: &Harness) -> Vec<String> {
    let lines = console.app.current_detail().unwrap().lines().iter();
    let lines = lines.filter(|line| !matches!(line.kind, LineKind::CommandLine(..)));
    lines.map(|line| name(console, line)).filter(|name| !name.is_empty()).collect()
}

#[test]
fn large_tree_opens_to_its_verdicts() {
    let mut console = Harness::with_alerts(&[large()]);
    console.keys("Enter");
    let lines = visible(&console);
    assert!(lines.iter().any(|line| line == "312 files"), "{lines:?}");
    assert!(lines.iter().any(|line| line == "readme-to-decrypt.txt"), "{lines:?}");
    assert!(lines.iter().any(|line| line == "stage10.exe (10)"), "{lines:?}");
    assert!(lines.len() < 24, "unsuspicious nodes are folded: {lines:?}");
    console.keys("+");
    assert_eq!(visible(&console).len(), console.app.current_detail().unwrap().body.tree.len() + 1);
    console.keys("-");
    assert_eq!(visible(&console).len(), 10, "the roots stay: {:?}", visible(&console));
    console.keys("g ] ]");
    assert_eq!(console.notice(), "flagged item 2 of 2");
    assert_eq!(node(&console), "stage10.exe (10)");
    assert!(
        !visible(&console).iter().any(|line| line == "312 files" && visible(&console).len() > 24),
        "only its parents are unfolded"
    );
    console.keys("]");
    assert_eq!(console.notice(), "no more flagged items below");
    console.keys("[");
    assert_eq!((console.notice(), node(&console).as_str()), ("flagged item 1 of 2", "readme-to-decrypt.txt"));
}

#[test]
fn many_nodes_of_one_kind_are_one_line_that_unfolds() {
    let mut console = Harness::with_alerts(&[large()]);
    console.keys("Enter");
    let at = console.app.current_detail().unwrap().lines().iter();
    let at = at
        .clone()
        .position(|line| matches!(&line.kind, LineKind::Group(312, kind) if kind == "files"))
        .unwrap();
    for _ in 0..at {
        console.keys("j");
    }
    let before = visible(&console).len();
    console.keys("Enter");
    assert_eq!(visible(&console).len(), before + 312, "Enter unfolds a line without values");
    console.keys("j");
    assert!(node(&console).starts_with("plan-"), "{}", node(&console));
    console.keys("h h");
    assert_eq!((node(&console).as_str(), visible(&console).len()), ("312 files", before));
}

#[test]
fn small_tree_starts_unfolded() {
    let mut console = Harness::with_alerts(&[chain()]);
    console.keys("Enter");
    assert_eq!(visible(&console).len(), 16);
}

#[test]
fn cursor_moves_to_the_parent_when_its_line_is_folded() {
    let mut console = Harness::with_alerts(&[chain()]);
    console.keys("Enter ] -");
    assert_eq!(node(&console), "srv-1.contoso.com");
}

#[test]
fn timeline_is_sorted_and_leads_to_the_evidence() {
    let comment =
        json!({"comment": "x", "createdByDisplayName": "Ben", "createdDateTime": "2026-11-20T09:00:00Z"});
    let mut console = Harness::with_alerts(&[with(
        chain(),
        json!({"comments": [comment], "lastActivityDateTime": "2026-11-20T00:00:14.7Z"}),
    )]);
    console.resize(100, 40);
    console.keys("Enter z ] - t");
    assert_eq!(console.app.current_detail().unwrap().view(), DetailView::Timeline);
    let screen = console.screen();
    let times: Vec<_> =
        screen.lines().filter_map(|line| line.get(..9)).filter(|line| line.ends_with('Z')).collect();
    assert!(times.len() == 19 && times.is_sorted(), "{screen}");
    assert!(screen.contains("detected 59s after the first activity"), "{screen}");
    for (zone, keys) in [("UTC and age", ""), ("UTC: ", "T"), ("local time", "T")] {
        console.keys(keys);
        assert!(console.screen().contains(&format!("timeline 2026-11-20, {zone}")), "{}", console.screen());
    }
    console.keys("]");
    assert_eq!(console.notice(), "flagged item 1 of 1");
    console.keys("Enter");
    assert_eq!(console.app.current_detail().unwrap().view(), DetailView::Alert);
    assert_eq!(node(&console), "stage15.exe (15)", "and its parents are unfolded");
    console.keys("t t");
    assert_eq!(node(&console), "stage15.exe (15)", "each view keeps its cursor");
}

#[test]
fn indicator_filters_like_its_node() {
    let mut console = Harness::with_alerts(&[
        with(alert(1), json!({"evidence": [device("m1", "srv-1.contoso.com")]})),
        alert(2),
    ]);
    console.keys("j Enter");
    let is_indicator = |console: &Harness| {
        matches!(console.app.current_detail().unwrap().line().unwrap().kind, LineKind::Indicator(0))
    };
    while !is_indicator(&console) {
        console.keys("j");
    }
    console.keys("y v");
    assert_eq!(console.copies(), ["srv-1.contoso.com"]);
    console.keys("f Enter");
    assert_eq!(console.app.filter.text(), "device=srv-1.contoso.com");
}

#[rstest]
#[case("u", Scope::One(AlertId::new("a1")))]
#[case("U", scope("severity eq 'medium'"))]
fn requests_are_copied_as_curl(#[case] key: &str, #[case] scope: Scope) {
    let mut console = Harness::open("severity:medium");
    console.arrive(&[alert(1)]);
    console.done();
    console.effects.clear();
    console.keys("y");
    console.keys(key);
    assert_eq!(console.effects, [Effect::CopyCurl(console.feed().id, scope)]);
    assert!(console.notice().contains("TOKEN"), "{}", console.notice());
}

#[test]
fn saved_alerts_have_no_request_to_copy() {
    let saved = super::harness::Settings { service: false, ..settings("") };
    let mut console = Harness::with(saved, (120, 35));
    console.arrive(&[alert(1)]);
    console.done();
    console.keys("y");
    assert!(console.menu().iter().all(|(key, _)| !"uU".contains(*key)), "{:?}", console.menu());
}

#[test]
fn all_indicators_are_copied_and_large_texts_get_a_warning() {
    for keys in ["", "Enter"] {
        let mut console = Harness::with_alerts(&[chain()]);
        console.resize(70, 14);
        console.keys(keys);
        console.keys("y a");
        let copied = console.copies().remove(0);
        assert!(copied.starts_with("device\tsrv-1.contoso.com\n"), "{copied}");
        assert!(copied.lines().any(|line| line == "process\tstage7.exe"), "{copied}");
        assert!(!copied.ends_with('\n'));
    }
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"description": "x".repeat(200_000)}))]);
    console.keys("y");
    assert!(console.screen().contains("200.3 kB"), "{}", console.screen());
    console.keys("j");
    assert_eq!(console.notice(), "copied JSON, 200.3 kB: more than some terminals accept");
}

/// The screens of the detail pane that are checked with snapshots.
#[derive(Clone, Copy, Debug)]
enum State {
    Chain,
    Find,
    Timeline,
    Indicators,
    Large,
    CopyHere,
}

#[rstest]
#[case("120x35", State::Chain)]
#[case("60x15", State::Chain)]
#[case("80x24", State::Find)]
#[case("120x35", State::Timeline)]
#[case("120x35", State::Indicators)]
#[case("80x24", State::Large)]
#[case("120x35", State::CopyHere)]
fn detail_screens(#[case] size: &str, #[case] state: State) {
    let (width, height) = size.split_once('x').unwrap();
    let mut console = Harness::with(settings(""), (width.parse().unwrap(), height.parse().unwrap()));
    let alerts = match state {
        State::Chain => vec![chain()],
        State::Large => vec![large()],
        _ => tenant(60),
    };
    console.arrive(&alerts);
    console.done();
    match state {
        State::Chain => console.keys("Enter ]"),
        State::Large => console.keys("Enter"),
        State::Find => {
            console.keys("j j Enter /");
            console.type_text("installer");
        }
        State::Timeline => console.keys("j j Enter t j j"),
        State::CopyHere => console.keys("j j Enter ] y"),
        State::Indicators => {
            console.keys("j j Enter");
            let lines = console.app.current_detail().unwrap().lines();
            let at = lines
                .iter()
                .position(|line| matches!(line.kind, LineKind::Section("Indicators", _)))
                .unwrap();
            for _ in 0..at {
                console.keys("j");
            }
            console.keys("l j j j j");
        }
    }
    let name = format!("{size}-{state:?}").to_lowercase();
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, console.screen());
    });
}

/// Returns an alert with evidence that was first seen long before.
fn with_old_evidence() -> Value {
    let mut evidence: Vec<_> = (1..40)
        .map(|nth| {
            json!({"@odata.type": kind("ip"), "ipAddress": format!("203.0.113.{nth}"),
                "firstSeenDateTime": format!("20{:02}-03-01T00:00:00Z", nth % 20)})
        })
        .collect();
    evidence.push(process("m1", 10, 1, "suspicious"));
    with(alert(1), json!({"evidence": evidence, "firstActivityDateTime": "2026-11-20T00:00:09Z"}))
}

#[test]
fn timeline_opens_at_the_start_of_the_alert() {
    let mut console = Harness::with_alerts(&[with_old_evidence()]);
    console.keys("Enter z t");
    let screen = console.screen();
    insta::assert_snapshot!(screen.lines().skip(6).take(11).collect::<Vec<_>>().join("\n"), @r"
    detected 51s after the first activity

    ▸ Earlier 39

    ▾ This alert 4
      00:00:01Z  11h   +7y  process created  (unnamed) (1)
      00:00:09Z  11h   +7s  first activity
      00:00:10Z  11h   +1s  process created  stage10.exe (10)  [suspicious]
      00:01:00Z  11h  +49s  alert created
    ");
    // Earlier entries can be unfolded, and the search finds them.
    console.keys("j l");
    assert!(
        console.screen().contains("  2000-03-01 00:00:00Z  26y        first seen IP  203.0.113.20"),
        "{}",
        console.screen()
    );
    console.keys("h / 2 0 3 . 0 . 1 1 3 . 9");
    assert!(node(&console).starts_with("203.0.113.9"), "{}", node(&console));
    console.keys("Esc");
    assert!(!console.screen().contains("203.0.113.9"), "{}", console.screen());
}

#[rstest]
#[case::wide(120, "first seen device  srv-1.contoso.com")]
#[case::without_the_kind(58, "first seen  srv-1.cont…")]
#[case::without_the_event(52, "     srv-1.contoso.com")]
fn timeline_line_drops_kind_and_event_before_the_name(#[case] width: u16, #[case] expected: &str) {
    let mut device = device("m1", "srv-1.contoso.com");
    device["firstSeenDateTime"] = "2024-09-09T08:14:08Z".into();
    let process = process("m1", 10, 1, "malicious");
    let mut console = Harness::with_alerts(&[with(alert(1), json!({"evidence": [device, process]}))]);
    console.resize(width, 30);
    console.keys("Enter z t l");
    let screen = console.screen();
    let verdict = |line: &str| line.contains("stage10.exe") && line.ends_with("[malicious]");
    assert!(screen.lines().any(verdict), "{screen}");
    assert!(screen.lines().any(|line| line.ends_with(expected)), "{screen}");
}

#[test]
fn copy_menu_belongs_to_the_alert_it_was_opened_for() {
    let with_ip = |number: u32, address: &str| {
        with(
            alert(number),
            json!({"evidence": [{"@odata.type": "#microsoft.graph.security.ipEvidence", "ipAddress": address}]}),
        )
    };
    let mut console = Harness::open("");
    console.arrive(&[with_ip(1, "192.0.2.1")]);
    console.done();
    console.keys("y");
    // The cursor stays at the top until it is moved.
    console.arrive(&[with_ip(2, "192.0.2.2")]);
    assert_eq!(console.selected(), Some("a2"));
    console.copies();
    console.keys("a");
    assert_eq!(console.copies(), ["ip\t192.0.2.1"]);
}
