//! `update`: what it sends, prints and exits with.

use std::path::Path;

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, FaultyReply, Rights, ScriptedFault, Settings, Simulator};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    Run, alertdeck, run,
    service::{CANARY, Scripted},
    tenants::{Two, ids},
};

const ME: &str = "ana@contoso.com";

/// A tenant, and the program with a state folder of its own.
struct Harness {
    simulator: Simulator,
    state: tempfile::TempDir,
}

impl Harness {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let access = Access::Only(CANARY.to_owned());
        let mut settings = Settings { alerts: 30, seed: 5, access, budget: None, ..Settings::new(now) };
        change(&mut settings);
        Self { simulator: Simulator::start(settings).unwrap(), state: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        command(&self.simulator.base_url(), self.state.path(), arguments)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Runs a command with its result as JSON.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let run = self.run(&[arguments, &["--format", "json"]].concat());
        assert!(!run.stdout.is_empty(), "{}", run.stderr);
        (run.code, serde_json::from_str(&run.stdout).unwrap())
    }

    /// Returns the IDs of the new alerts without an owner.
    fn new_ids(&self) -> Vec<String> {
        let is_free = |alert: &&Value| alert["status"] == "new" && alert["assignedTo"].is_null();
        let alerts = self.simulator.alerts();
        alerts.iter().filter(is_free).map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
    }

    fn held(&self, id: &str) -> Value {
        self.simulator.alerts().into_iter().find(|alert| alert["id"] == id).unwrap()
    }

    /// Returns the methods of the requests so far.
    fn methods(&self) -> String {
        self.simulator.log().iter().map(|exchange| exchange.method.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn refuse(&self, method: &'static str, status: u16) {
        let reply = FaultyReply::Status(status, None);
        self.simulator.script([ScriptedFault { method, is_carried_out: false, reply }]);
    }
}

fn command(base: &str, state: &Path, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = alertdeck(arguments);
    command.args(["--graph-url", base]).env("ALERTDECK_TOKEN", CANARY).env("XDG_STATE_HOME", state);
    command
}

#[test]
fn without_yes_the_plan_is_printed_and_nothing_is_sent_but_gets() {
    let harness = Harness::new();
    let id = &harness.new_ids()[0];
    let plan =
        harness.run(&["update", id, "--status", "resolved", "--classification", "fp", "--comment", "x"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let lines: Vec<_> = plan.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!("{id}  ")), "{lines:?}");
    assert_eq!(
        lines[1],
        "  would change: status new → resolved, classification none → false positive, comment"
    );
    assert_eq!(plan.stderr, "alertdeck: nothing was changed; add --yes to change 1 alert\n");
    assert_eq!(harness.methods(), "GET");
    assert!(
        std::fs::read_dir(harness.state.path())
            .unwrap()
            .flatten()
            .all(|entry| { !entry.path().join("journal.jsonl").exists() })
    );
}

#[test]
fn changes_are_made_printed_and_recorded() {
    let harness = Harness::new();
    let id = &harness.new_ids()[0];
    let arguments =
        ["update", id, "--status", "in-progress", "--assign", "me", "--comment", "Taken.", "--me", ME];
    let (code, result) = harness.json(&[&arguments[..], &["--yes"]].concat());
    assert_eq!(code, 0);
    let [item] = result.as_array().unwrap().as_slice() else { panic!("{result}") };
    assert_eq!(
        (&item["id"], &item["result"], &item["comment"]),
        (&json!(id), &json!("applied"), &json!(true))
    );
    let changes = json!([
        {"field": "status", "from": "new", "to": "in progress"},
        {"field": "owner", "from": "none", "to": ME},
    ]);
    assert_eq!((&item["changes"], &item["reason"]), (&changes, &Value::Null));
    assert!(item["requestId"].is_string(), "{item}");
    assert_eq!(harness.methods(), "GET PATCH POST GET");
    assert_eq!(harness.held(id)["assignedTo"], ME);

    let journal = harness.run(&["journal", "--format", "json"]);
    let entries: Vec<Value> = serde_json::from_str(&journal.stdout).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["result"], &entries[0]["summary"]),
        (&json!("applied"), &json!("in progress, assigned to me, comment"))
    );
    assert_eq!((&entries[0]["before"]["status"], &entries[1]["text"]), (&json!("new"), &json!("Taken.")));

    // The values are there already.
    let (code, result) = harness.json(&["update", id, "--status", "prog", "--yes"]);
    assert_eq!((code, &result[0]["result"], &result[0]["changes"]), (0, &json!("unchanged"), &json!([])));
    assert!(harness.methods().ends_with("GET GET"), "{}", harness.methods());
}

#[test]
fn ids_come_from_standard_input() {
    let harness = Harness::new();
    let ids = harness.new_ids();
    let input = format!("\u{feff}{}\r\n\r\n  {}  \r\n{}\r\n", ids[0], ids[1], ids[0]);
    let mut command = harness.command(&["update", "-", "--status", "resolved", "--yes", "--format", "json"]);
    let done = run(command.write_stdin(input));
    assert_eq!(done.code, 0, "{}", done.stderr);
    let result: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
    let changed: Vec<_> = result.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(changed, ids[..2].iter().collect::<Vec<_>>());
    let none = run(harness.command(&["update", "-", "--status", "resolved", "--yes"]).write_stdin("\n"));
    assert_eq!((none.code, none.stderr.as_str()), (0, "alertdeck: no IDs\n"));
}

#[test]
fn all_alerts_that_match_a_filter_are_changed() {
    let harness = Harness::new();
    let before = harness.new_ids();
    let (code, result) =
        harness.json(&["update", "--filter", "status:new assigned:none", "--assign", ME, "--yes"]);
    let mut changed: Vec<_> =
        result.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert!(
        code == 0 && result.as_array().unwrap().iter().all(|item| item["result"] == "applied"),
        "{result}"
    );
    let mut expected = before.clone();
    changed.sort();
    expected.sort();
    assert_eq!(changed, expected);
    assert!(before.len() > 1 && before.iter().all(|id| harness.held(id)["assignedTo"] == ME));
    let log = harness.simulator.log();
    assert_eq!(log.iter().filter(|exchange| exchange.method == "PATCH").count(), before.len());
}

#[test]
fn an_incomplete_list_changes_nothing() {
    let first = r#"{"@odata.nextLink":"{base}/v1.0/security/alerts_v2?$skip=1","value":[{"id":"a"}]}"#;
    let server = Scripted::new(vec![(200, first), (400, r#"{"error":{"code":"BadRequest","message":"x"}}"#)]);
    let state = tempfile::tempdir().unwrap();
    let arguments = ["update", "--filter", "-status:resolved", "--status", "resolved", "--yes"];
    let refused = run(&mut command(&server.base, state.path(), &arguments));
    assert_eq!((refused.code, refused.stdout.as_str()), (5, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("incomplete: stopped after page 1"), "{}", refused.stderr);
    assert!(server.targets().iter().all(|target| target.starts_with("GET ")), "{:?}", server.targets());
}

#[test]
fn a_change_whose_result_is_unknown_is_incomplete() {
    let alert = r#"{"id":"a","title":"x","status":"new"}"#;
    let denied = r#"{"error":{"code":"Forbidden","message":"x"}}"#;
    let server = Scripted::new(vec![(200, alert), (200, ""), (403, denied)]);
    let state = tempfile::tempdir().unwrap();
    let arguments = ["update", "a", "--status", "resolved", "--yes"];
    let unknown = run(&mut command(&server.base, state.path(), &arguments));
    assert_eq!(unknown.code, 5, "{}{}", unknown.stdout, unknown.stderr);
    assert!(
        unknown.stdout.contains("unknown whether it was changed: status new → resolved ("),
        "{}",
        unknown.stdout
    );
    assert!(unknown.stderr.contains("check before changing again"), "{}", unknown.stderr);
}

#[test]
fn an_alert_that_is_not_found_fails_and_the_others_are_changed() {
    let harness = Harness::new();
    let id = &harness.new_ids()[0];
    let done = harness.run(&["update", "none", id, "--status", "resolved", "--yes"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stdout.starts_with("none\n  not changed (no alert has this ID)\n"), "{}", done.stdout);
    assert_eq!(done.stderr, "alertdeck: 1 of 2 alerts was not changed\n");
    assert_eq!(harness.held(id)["status"], "resolved");
}

#[test]
fn a_determination_is_checked_against_the_classification_of_each_alert() {
    let harness = Harness::new();
    let id = &harness.new_ids()[0];
    let done = harness.run(&["update", id, "--determination", "malware", "--yes"]);
    assert_eq!((done.code, harness.methods().as_str()), (1, "GET"), "{}", done.stderr);
    assert!(done.stdout.contains("the determination malware needs a classification"), "{}", done.stdout);
}

#[rstest]
#[case::nothing(&["a"], "nothing to change")]
#[case::pair(&["a", "--classification", "fp", "--determination", "malware"], "is not valid for false positive; use not-malicious")]
#[case::owner(&["a", "--assign", "Automation"], "only be assigned to people")]
#[case::comment(&["a", "--comment", " "], "the comment is empty")]
#[case::status(&["a", "--status", "done"], "use new, in-progress or resolved")]
#[case::both(&["a", "--filter", "status:new", "--status", "new"], "cannot be used with")]
#[case::neither(&["--status", "new"], "required")]
#[case::empty_filter(&["--filter", " ", "--status", "new"], "an empty filter matches all alerts")]
#[case::bad_filter(&["--filter", "severty:high", "--status", "new"], "did you mean")]
#[case::read_only(&["a", "--status", "new", "--yes", "--read-only"], "cannot be used together")]
#[case::me(&["a", "--assign", "me", "--yes"], "your account is not known")]
fn usage_errors_send_nothing(#[case] arguments: &[&str], #[case] words: &str) {
    let harness = Harness::new();
    let refused = harness.run(&[&["update"], arguments].concat());
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert_eq!(harness.methods(), "");
}

#[test]
fn a_profile_that_is_read_only_is_not_changed() {
    let harness = Harness::new();
    let id = &harness.new_ids()[0];
    let config = harness.state.path().join("config.toml");
    std::fs::write(&config, "[profile.archive]\nread_only = true\n").unwrap();
    let arguments = ["update", id, "--status", "resolved", "--config", config.to_str().unwrap()];
    let refused = harness.run(&[&arguments[..], &["--yes", "--write"]].concat());
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("the profile archive is read-only"), "{}", refused.stderr);
    assert_eq!(harness.methods(), "");
    // A plan changes nothing.
    assert_eq!((harness.run(&arguments).code, harness.methods().as_str()), (0, "GET"));
}

#[test]
fn a_missing_permission_has_the_exit_code_3() {
    let harness = Harness::with(|settings| settings.sign_in.scopes = Rights::Reader.permissions());
    let id = &harness.new_ids()[0];
    let denied = harness.run(&["update", id, "--status", "resolved", "--yes"]);
    assert_eq!(denied.code, 3, "{}", denied.stdout);
    assert!(denied.stdout.contains("SecurityAlert.ReadWrite.All"), "{}", denied.stdout);
    let harness = Harness::new();
    let id = &harness.new_ids()[0];
    harness.refuse("GET", 403);
    assert_eq!(harness.run(&["update", id, "--status", "resolved", "--yes"]).code, 3);
}

#[test]
fn a_service_that_is_offline_has_the_exit_code_4() {
    let state = tempfile::tempdir().unwrap();
    let arguments = ["update", "a", "--status", "resolved"];
    let offline = run(&mut command("http://127.0.0.1:9", state.path(), &arguments));
    assert_eq!(offline.code, 4, "{}", offline.stderr);
}

#[test]
fn an_alert_is_changed_in_the_tenant_that_has_it() {
    let two = Two::new(|_| {});
    let state = tempfile::tempdir().unwrap();
    let state = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
    let id = ids(&two.fabrikam).difference(&ids(&two.contoso)).next().unwrap().clone();
    let update = ["update", &id, "--comment", "x", "--yes", "--format", "json", "--profile"];
    let done = two.run_with(&[&update[..], &["contoso,fabrikam"]].concat(), &state);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let result: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&result[0]["profile"], &result[0]["result"]), (&json!("fabrikam"), &json!("applied")));
    assert!(two.contoso.alert_requests().iter().all(|exchange| exchange.method == "GET"));
    // The journal of one of the profiles.
    let other = two.run_with(&["journal", "--profile", "contoso"], &state);
    assert_eq!((other.code, other.stdout.as_str()), (0, ""), "{}", other.stderr);
    let own = two.run_with(&["journal", "--profile", "fabrikam"], &state);
    assert!(own.stdout.contains("  fabrikam  "), "{}", own.stdout);
    // If a tenant does not answer, whether it has the ID too is not known.
    let unclear = two.run_with(&[&update[..], &["fabrikam,gone"]].concat(), &state);
    assert_eq!(unclear.code, 4, "{}", unclear.stdout);
}

#[test]
fn an_id_that_two_tenants_have_is_not_changed() {
    let two = Two::new(|settings| settings.seed = 1);
    let id = ids(&two.contoso).pop_first().unwrap();
    let update = ["update", &id, "--status", "resolved", "--yes", "--profile", "contoso,fabrikam"];
    let refused = two.run(&update);
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    assert!(refused.stdout.contains("select one with --profile: contoso, fabrikam"), "{}", refused.stdout);
    for tenant in [&two.contoso, &two.fabrikam] {
        assert!(tenant.alert_requests().iter().all(|exchange| exchange.method == "GET"));
    }
}

#[test]
fn the_demo_can_be_changed() {
    let state = tempfile::tempdir().unwrap();
    let arguments = ["update", "--demo", "--filter", "status:new severity:high", "--assign", "me"];
    let plan = run(alertdeck(arguments).env("XDG_STATE_HOME", state.path()));
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains("would change: owner "), "{}", plan.stdout);
    let first = plan.stdout.split(' ').next().unwrap();
    let done = run(alertdeck(["update", "--demo", first, "--status", "resolved", "--yes"])
        .env("XDG_STATE_HOME", state.path()));
    // The demo's alerts change every hour, which may happen between the two commands.
    assert!(done.code == 0 && done.stdout.contains("  changed: status") || done.code == 1, "{}", done.stderr);
    let journal = run(alertdeck(["journal"]).env("XDG_STATE_HOME", state.path()));
    assert_eq!((journal.code, journal.stdout.as_str()), (0, ""), "the demo was recorded");
}
