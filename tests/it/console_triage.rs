//! Triage of two tenants in a pseudo-terminal: single alerts and many, undo, a hand-over, quitting while
//! changes are sent, and a paste. The tenants' record of changes equals the journal, request by
//! request.

#![expect(clippy::unwrap_used, reason = "the helpers fail the test that calls them")]

use std::{collections::BTreeMap, time::Duration};

use alertdeck_simulator::{Access, COLLEAGUE, FaultyReply, ScriptedFault};
use serde_json::Value;

use crate::support::{tenant::Tenant, terminal::Session};

fn tenant(name: &str, seed: u64) -> Tenant {
    Tenant::new(|settings| {
        (settings.alerts, settings.seed, settings.access) = (15, seed, Access::Any);
        name.clone_into(&mut settings.tenant);
    })
}

/// Returns a config file with a profile for each tenant.
fn config(tenants: &[(&str, &Tenant)]) -> tempfile::NamedTempFile {
    let profile = |(name, tenant): &(&str, &Tenant)| {
        format!(
            "[profile.{name}]\ntenant = '{name}.com'\ngraph_url = '{}'\ntoken_command = 'echo any'\n\
             me = 'ana@{name}.com'\nread_only = false\n",
            tenant.simulator.base_url()
        )
    };
    let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    let text: String = tenants.iter().map(profile).collect();
    std::fs::write(config.path(), format!("default_profile = '{}'\n{text}", tenants[0].0)).unwrap();
    config
}

/// Presses Enter until the confirmation has closed: it ignores keys at first.
fn confirm(session: &mut Session, text: &str) {
    session.wait(text);
    session.press_away("\r", text);
}

/// Runs another command with the same settings and returns what it prints.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = assert_cmd::Command::cargo_bin("alertdeck").unwrap();
    command.args(arguments).env("ALERTDECK_NO_CACHE", "1").envs(variables.iter().copied());
    let output = command.timeout(Duration::from_secs(60)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the request IDs of the changes that the journal calls applied, with the alerts.
fn journal(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let printed: Value = serde_json::from_str(&run(&["journal", "--format", "json"], variables)).unwrap();
    let entries = printed.as_array().unwrap().iter().filter(|entry| entry["result"] == "applied");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries.map(|entry| (text(&entry["requestId"]), text(&entry["alert"]))).collect()
}

/// Returns the request IDs of the changes that the tenants have carried out, with the alerts.
fn carried_out(tenants: &[&Tenant]) -> BTreeMap<String, String> {
    let changes = tenants.iter().flat_map(|tenant| tenant.simulator.changes());
    let own = changes.filter(|change| change.author != COLLEAGUE);
    own.map(|change| (change.request.unwrap().request_id, change.alert_id)).collect()
}

#[test]
fn two_tenants_are_triaged_and_handed_over() {
    let (contoso, fabrikam) = (tenant("contoso", 3), tenant("fabrikam", 4));
    let config = config(&[("contoso", &contoso), ("fabrikam", &fabrikam)]);
    let variables = [("ALERTDECK_CONFIG", config.path().to_str().unwrap()), contoso.home()];
    let mut session = Session::open(&["--profile", "contoso,fabrikam", ""], &variables);
    session.wait("30 of 30 loaded");
    session.wait("complete");
    session.wait("WRITE");

    // One alert as a false positive, the next one taken, a third with a comment.
    session.press("x", "Close the alert as");
    session.press("f", "Close the alert: false positive");
    session.type_keys("n");
    confirm(&mut session, "1 alert in");
    session.wait("resolved, false positive, not malicious; u to undo");
    session.type_keys("a");
    confirm(&mut session, "1 alert in");
    session.wait_until("taken", |session| session.shows("in progress, assigned to ana@"));
    session.press("c", "Comment on the alert");
    session.type_keys("called the user");
    session.press("\r", "comments cannot be undone");
    confirm(&mut session, "1 alert in");
    let ticks = |session: &Session| session.with_screen(|screen| screen.contents().matches('✓').count());
    session.wait_until("all three have a sign", |session| ticks(session) == 3);

    // All that are left, in both tenants, and back again.
    session.press("*", "30 marked");
    session.press("x", "Close 30 alerts as");
    session.type_keys("r");
    session.wait("in contoso.com, ");
    confirm(&mut session, "left out: nothing to change");
    session.wait_until("all are resolved", |_| {
        let open = |alert: &Value| alert["status"] != "resolved";
        [&contoso, &fabrikam].iter().all(|tenant| !tenant.simulator.alerts().iter().any(open))
    });
    session.wait_until("nothing is being sent", |session| !session.shows("sending"));
    session.press("u", "undoing: resolved");
    confirm(&mut session, "undoing: resolved");
    session.wait_until("some are open again", |_| {
        let open = |alert: &Value| alert["status"] != "resolved";
        [&contoso, &fabrikam].iter().all(|tenant| tenant.simulator.alerts().iter().any(open))
    });
    session.wait_until("nothing is being sent", |session| !session.shows("sending"));
    session.press("H", "Journal");
    session.wait("undone");
    session.press_away("\x1b", "Journal");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);

    let carried_out = carried_out(&[&contoso, &fabrikam]);
    assert!(carried_out.len() > 20, "{}", carried_out.len());
    assert_eq!(journal(&variables), carried_out);

    let page = run(&["handover", "--profile", "contoso,fabrikam", "--since", "1h"], &variables);
    assert!(page.contains("false positive, not malicious"), "{page}");
}

#[test]
fn quitting_waits_for_what_was_sent_and_says_what_was_not() {
    let tenant = tenant("contoso", 3);
    let config = config(&[("contoso", &tenant)]);
    let variables = [("ALERTDECK_CONFIG", config.path().to_str().unwrap()), tenant.home()];
    let mut session = Session::open(&[""], &variables);
    session.wait("complete");
    // The service does not answer the first changes for a while.
    let slow = FaultyReply::Status(429, Some(Duration::from_secs(2)));
    tenant.simulator.script((0..4).map(|_| ScriptedFault {
        method: "PATCH",
        is_carried_out: false,
        reply: slow,
    }));
    session.press("*", "15 marked");
    session.press("A", "Assign 15 alerts to");
    session.type_keys("m");
    confirm(&mut session, " in contoso.com");
    session.wait("sent 0 of");
    session.press("q", "changes are still being sent");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 1);
    let sent = session.sent();
    assert!(sent.contains("changes were not sent (assigned to ana@contoso.com)"), "{sent}");
    let carried_out = carried_out(&[&tenant]);
    assert!(!carried_out.is_empty() && carried_out.len() < 15, "{}", carried_out.len());
    assert_eq!(journal(&variables), carried_out);
}

#[test]
fn a_paste_and_keys_at_once_change_nothing() {
    let tenant = tenant("contoso", 3);
    let config = config(&[("contoso", &tenant)]);
    let variables = [("ALERTDECK_CONFIG", config.path().to_str().unwrap()), tenant.home()];
    let mut session = Session::open(&[""], &variables);
    session.wait("complete");
    let text = "xfn\ra\rxtm\rAm\rc\r\r\r".repeat(60_000);
    session.paste(&text);
    session.wait("Esc cancel");
    session.press_away("\x1b", "Esc cancel");
    // Without the marks of a paste, and while a confirmation is open.
    session.type_keys(&text[..10_000]);
    session.wait("Esc cancel");
    session.press_away("\x1b", "Esc cancel");
    session.press("x", "Close the alert as");
    session.press("f", "Close the alert: false positive");
    session.press("n", "1 alert in");
    session.paste(&text);
    session.press_away("\x1b", "1 alert in");
    // A held key.
    session.press("a", "1 alert in");
    session.press_away("\x1b", "1 alert in");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    assert!(tenant.simulator.changes().is_empty());
    assert!(tenant.simulator.log().iter().all(|exchange| exchange.method == "GET"));
}

#[test]
fn a_comment_is_edited_in_an_editor_that_has_the_terminal() {
    let tenant = tenant("contoso", 3);
    let config = config(&[("contoso", &tenant)]);
    // Reads a line from the terminal, as an editor reads keys, and appends it to the text.
    let editor =
        r#"f() { printf 'editor of %s\n' "$(cat "$1")"; read -r line < /dev/tty; echo "$line" >> "$1"; }; f"#;
    let variables = [
        ("ALERTDECK_CONFIG", config.path().to_str().unwrap()),
        tenant.home(),
        ("VISUAL", ""),
        ("EDITOR", editor),
    ];
    let mut session = Session::open(&[""], &variables);
    session.wait("complete");
    session.press("c", "Comment on the alert");
    session.type_keys("first");
    session.wait("first");
    session.type_keys("\x0f");
    session.wait("editor of first");
    // What is typed now is for the editor.
    session.type_keys("second line\r");
    session.wait("second line");
    session.wait("Comment on the alert");
    session.type_keys(", by hand");
    session.wait("second line, by hand");
    session.press("\r", "1 alert in");
    session.press_away("\r", "1 alert in");
    session.wait_until("the comment is added", |_| !tenant.simulator.changes().is_empty());
    assert_eq!(tenant.simulator.changes()[0].comments, ["first\nsecond line, by hand"]);
    session.wait("✓");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
}
