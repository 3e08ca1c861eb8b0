//! `journal`, `note` and `handover`.

use std::path::{Path, PathBuf};

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, Settings, Simulator};
use serde_json::{Value, json};

use super::{Run, alertdeck, run, service::CANARY};

const ME: &str = "ana@contoso.com";

/// A tenant whose newest alerts are from now, and the program with a state folder of its own.
struct Harness {
    simulator: Simulator,
    state: tempfile::TempDir,
}

impl Harness {
    fn new() -> Self {
        let access = Access::Only(CANARY.to_owned());
        let now = Timestamp::from_jiff(jiff::Timestamp::now());
        let settings = Settings { alerts: 60, seed: 5, access, budget: None, ..Settings::new(now) };
        Self { simulator: Simulator::start(settings).unwrap(), state: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = local(self.state.path(), arguments);
        let url = self.simulator.base_url();
        run(command.args(["--graph-url", &url, "--me", ME]).env("ALERTDECK_TOKEN", CANARY))
    }

    /// Runs a command that must succeed.
    fn done(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    }

    /// Returns the IDs of the alerts with a status and no owner.
    fn free_ids(&self, status: &str) -> Vec<String> {
        let is_free = |alert: &&Value| alert["status"] == status && alert["assignedTo"].is_null();
        let alerts = self.simulator.alerts();
        alerts.iter().filter(is_free).map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Returns a command that needs no service.
fn local(state: &Path, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = alertdeck(arguments);
    command.env("XDG_STATE_HOME", state);
    command
}

/// Returns the file of the journal.
fn journal_file(state: &Path) -> PathBuf {
    let files = crate::support::tenant::files(state);
    files.into_iter().find(|path| path.ends_with("journal.jsonl")).unwrap()
}

#[test]
fn an_empty_journal_says_so() {
    let state = tempfile::tempdir().unwrap();
    let empty = run(&mut local(state.path(), &["journal"]));
    assert_eq!((empty.code, empty.stdout.as_str()), (0, ""));
    assert_eq!(empty.stderr, "alertdeck: the journal is empty: nothing was changed from this computer\n");
    assert_eq!(run(&mut local(state.path(), &["journal", "--format", "json"])).stdout, "[]\n");
}

#[test]
fn notes_are_added_to_the_journal() {
    let state = tempfile::tempdir().unwrap();
    let noted = run(&mut local(state.path(), &["note", "call", "the | user", "--alert", "da1"]));
    assert_eq!((noted.code, noted.stdout.as_str()), (0, "note added\n"), "{}", noted.stderr);
    let table = run(&mut local(state.path(), &["journal", "--format", "markdown"]));
    assert!(table.stdout.contains(r"| da1 |  | note: call the \| user |"), "{}", table.stdout);
    let later = run(&mut local(state.path(), &["journal", "--since", "2999-01-01"]));
    assert_eq!((later.code, later.stdout.as_str()), (0, ""));
    assert!(later.stderr.contains("no entries"), "{}", later.stderr);
    let empty = run(&mut local(state.path(), &["note", " "]));
    assert_eq!((empty.code, empty.stderr.as_str()), (2, "alertdeck: the note is empty\n"));
    assert_eq!(run(&mut local(state.path(), &["journal", "--since", "soon"])).code, 2);
}

#[test]
fn lines_that_cannot_be_read_are_counted() {
    let state = tempfile::tempdir().unwrap();
    run(&mut local(state.path(), &["note", "kept"]));
    let file = journal_file(state.path());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}{{\"id\":\"cut\n{text}")).unwrap();
    for format in ["text", "markdown", "json"] {
        let part = run(&mut local(state.path(), &["journal", "--format", format]));
        assert_eq!((part.code, part.stdout.contains("kept")), (5, true), "{}", part.stderr);
        assert!(part.stderr.starts_with("alertdeck: incomplete: 1 line of "), "{}", part.stderr);
    }
}

#[test]
fn a_change_without_a_reply_is_unknown() {
    let harness = Harness::new();
    let id = &harness.free_ids("new")[0];
    harness.done(&["update", id, "--status", "resolved", "--yes"]);
    // As if the program had ended before the reply.
    let file = journal_file(harness.state.path());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let shown = harness.done(&["journal"]);
    assert!(shown.contains("resolve  unknown (the program exited before the reply arrived)"), "{shown}");
    let page = harness.done(&["handover"]);
    assert!(page.contains("## Closed (0)") && page.contains("## Result unknown (1)"), "{page}");
}

#[test]
fn the_handover_lists_what_was_closed_what_is_held_and_notes() {
    let harness = Harness::new();
    let ids = harness.free_ids("new");
    let (closed, held) = (&ids[0], &ids[1]);
    let close =
        ["update", closed, "--status", "resolved", "--classification", "fp", "--determination", "clean"];
    harness.done(&[&close[..], &["--yes"]].concat());
    harness.done(&["update", held, "--assign", "me", "--yes"]);
    harness.done(&["note", "watch the proxy"]);
    let page: Value = serde_json::from_str(&harness.done(&["handover", "--format", "json"])).unwrap();
    let [group] = page["closed"].as_array().unwrap().as_slice() else { panic!("{page}") };
    assert_eq!(
        (&group["count"], &group["classification"]),
        (&json!(1), &json!("false positive, not malicious"))
    );
    assert_eq!(group["alerts"][0]["id"], json!(closed));
    assert!(
        group["alerts"][0]["link"].as_str().unwrap().starts_with("https://security.microsoft.com/"),
        "{page}"
    );
    let is_held = |item: &&Value| item["id"] == json!(held);
    let item = page["held"].as_array().unwrap().iter().find(is_held).unwrap();
    let journal: Vec<Value> = serde_json::from_str(&harness.done(&["journal", "--format", "json"])).unwrap();
    let taken = Timestamp::parse(journal[1]["time"].as_str().unwrap()).unwrap();
    assert_eq!(item["at"], json!(taken.to_second()));
    let others = page["held"].as_array().unwrap().len() - 1;
    let open = harness
        .simulator
        .alerts()
        .iter()
        .filter(|alert| {
            alert["assignedTo"] == ME && alert["status"] != "resolved" && alert["id"] != json!(held)
        })
        .count();
    assert_eq!(others, open);
    for item in page["new"].as_array().unwrap() {
        let alert = harness.simulator.alerts().into_iter().find(|alert| alert["id"] == item["id"]).unwrap();
        assert_eq!(
            (&alert["severity"], &alert["status"], &alert["assignedTo"]),
            (&json!("high"), &json!("new"), &Value::Null)
        );
    }
    let text = harness.done(&["handover"]);
    assert!(text.contains("watch the proxy") && text.contains("## Closed (1)"), "{text}");
    let log = harness.simulator.log();
    assert_eq!(log.iter().filter(|exchange| exchange.method != "GET").count(), 2);
    // Undone changes do not count.
    harness.done(&["update", closed, "--status", "new", "--yes"]);
    assert!(harness.done(&["handover"]).contains("## Closed (0)"));
}

#[test]
fn a_filter_narrows_the_handover() {
    let harness = Harness::new();
    let ids = harness.free_ids("new");
    harness.done(&["update", &ids[0], &ids[1], "--status", "resolved", "--yes"]);
    let page = harness.done(&["handover", &format!("id:{}", ids[0])]);
    assert!(page.contains("## Closed (1)") && page.contains("## Still assigned (0)"), "{page}");
    let wrong = harness.run(&["handover", "severty:high"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
}

#[test]
fn without_the_service_the_journal_is_printed() {
    let harness = Harness::new();
    let id = &harness.free_ids("new")[0];
    harness.done(&["update", id, "--status", "resolved", "--yes"]);
    let mut command = local(harness.state.path(), &["handover", "--graph-url", "http://127.0.0.1:9"]);
    let page = run(command.args(["--me", ME]).env("ALERTDECK_TOKEN", CANARY));
    assert_eq!(page.code, 4, "{}", page.stderr);
    assert!(
        page.stdout.contains("## Closed (1)") && page.stdout.contains("**Incomplete:**"),
        "{}",
        page.stdout
    );
    // A list of which a part is missing, and a user who is not known.
    let mut command =
        local(harness.state.path(), &["handover", "--graph-url", &harness.simulator.base_url()]);
    let page = run(command.env("ALERTDECK_TOKEN", CANARY));
    assert_eq!(page.code, 5, "{}", page.stderr);
    assert!(
        page.stderr.contains("your account is not known, so alerts assigned to you are missing"),
        "{}",
        page.stderr
    );
}

#[test]
fn the_demo_has_a_handover() {
    let state = tempfile::tempdir().unwrap();
    let page = run(&mut local(state.path(), &["handover", "--demo", "--since", "1d"]));
    assert_eq!(page.code, 0, "{}", page.stderr);
    assert!(
        page.stdout.starts_with("# Handover, ") && page.stdout.contains("| since | title | alert |"),
        "{}",
        page.stdout
    );
}
