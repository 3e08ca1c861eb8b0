//! `list` and `show` against a service: the simulated tenant, and servers with scripted responses.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use super::{alertdeck, run};
use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, Settings, Simulator};
use rstest::rstest;
use serde_json::Value;

pub(super) const CANARY: &str = "canary-7b1f.token_value";

pub(super) fn tenant(alerts: usize) -> Simulator {
    tenant_with(alerts, false)
}

fn tenant_with(alerts: usize, exact_owners: bool) -> Simulator {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let access = Access::Only(CANARY.to_owned());
    let settings = Settings { alerts, seed: 5, access, exact_owners, budget: None, ..Settings::new(now) };
    Simulator::start(settings).unwrap()
}

/// Runs the program against a service, with the canary as the token. Asserts that the output does
/// not contain the canary.
fn ask(base: &str, arguments: &[&str]) -> super::Run {
    let mut command = alertdeck(arguments);
    let run = run(command.args(["--graph-url", base]).env("ALERTDECK_TOKEN", CANARY));
    assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY), "the output contains the token");
    run
}

/// A server that answers each request with the next response and records the request lines.
pub(super) struct Scripted {
    pub(super) base: String,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// Creates a server with these responses. `{base}` in a body is replaced with the server's
    /// address.
    pub(super) fn new(answers: Vec<(u16, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let targets = Arc::new(Mutex::new(Vec::new()));
        let (seen, address) = (Arc::clone(&targets), base.clone());
        thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut lines = reader.by_ref().lines().map(Result::unwrap);
                seen.lock().unwrap().push(lines.next().unwrap());
                let headers: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
                let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
                let mut sent = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                reader.read_exact(&mut sent).unwrap();
                let body = body.replace("{base}", &address);
                let head = "content-type: application/json\r\nconnection: close";
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        Self { base, targets }
    }

    /// Returns the request lines so far.
    pub(super) fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

#[test]
fn list_prints_all_alerts_of_the_tenant() {
    let tenant = tenant(1_300);
    let listed = ask(&tenant.base_url(), &["list", "--format", "json"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let mut listed: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    let created = |alert: &Value| Timestamp::parse(alert["createdDateTime"].as_str().unwrap()).unwrap();
    assert!(listed.is_sorted_by(|a, b| created(a) >= created(b)));
    let mut expected = tenant.alerts();
    for list in [&mut listed, &mut expected] {
        list.sort_by_key(|alert| alert["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(listed, expected);
}

#[test]
fn filters_are_sent_to_graph_and_applied_locally() {
    let tenant = tenant(300);
    let filter = "severity:high,medium device:srv-*";
    let listed =
        ask(&tenant.base_url(), &["list", filter, "--columns", "severity,device", "--format", "csv"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(listed.stdout.lines().count() > 1);
    for line in listed.stdout.lines().skip(1) {
        assert!(line.starts_with("high,srv-") || line.starts_with("medium,srv-"), "{line}");
    }
    let target = tenant.log().pop().unwrap().target;
    assert!(target.contains("%24filter=") || target.contains("$filter=%28severity"), "{target}");
}

/// Assigns one of the tenant's alerts to an owner.
fn assign(tenant: &Simulator, alert: &Value, owner: &str) {
    let id = alert["id"].as_str().unwrap();
    let body = serde_json::json!({ "assignedTo": owner }).to_string();
    let mut stream = std::net::TcpStream::connect(tenant.address()).unwrap();
    write!(
        stream,
        "PATCH /v1.0/security/alerts_v2/{id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CANARY}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let status = BufReader::new(stream).lines().next().unwrap().unwrap();
    assert!(status.contains("200"), "{status}");
}

#[test]
fn a_hostile_owner_is_a_single_odata_literal() {
    let tenant = tenant(120);
    let alerts = tenant.alerts();
    for (alert, owner) in [
        (&alerts[0], "O'Brien@contoso.com"),
        (&alerts[1], "x' or severity eq 'low@contoso.com"),
        (&alerts[2], "a&$top=1+b#%27@contoso.com"),
    ] {
        assign(&tenant, alert, owner);
        // Test both our filter syntax and OData, where a quote is doubled.
        let odata = format!("$assignedTo eq '{}'", owner.replace('\'', "''"));
        for filter in [format!("assigned:\"{owner}\""), odata] {
            let listed = ask(&tenant.base_url(), &["list", &filter, "--columns", "id", "--format", "csv"]);
            assert_eq!((listed.code, listed.stderr.as_str()), (0, ""), "{filter}");
            assert_eq!(listed.stdout, format!("id\r\n{}\r\n", alert["id"].as_str().unwrap()), "{filter}");
            let target = tenant.log().pop().unwrap().target;
            let url = alertdeck_graph::http::Url::parse(&format!("http://x{target}")).unwrap();
            let options: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            assert_eq!(options, ["$filter", "$top", "$count"], "{target}");
        }
    }
}

#[test]
fn show_prints_the_alert_as_received() {
    let tenant = tenant(20);
    let alert = tenant.alerts().swap_remove(3);
    let id = alert["id"].as_str().unwrap();
    let shown = ask(&tenant.base_url(), &["show", id, "--format", "json"]);
    let mut received: Value = serde_json::from_str(&shown.stdout).unwrap();
    // A response with a single alert also contains the context.
    assert!(received.as_object_mut().unwrap().remove("@odata.context").is_some());
    assert_eq!(received, alert);
    let text = ask(&tenant.base_url(), &["show", id]);
    assert_eq!(text.code, 0);
    assert!(text.stdout.contains("\nTimeline\n") && text.stdout.contains(id));
    let listed =
        ask(&tenant.base_url(), &["list", &format!("id:{id}"), "--columns", "id", "--format", "csv"]);
    assert_eq!(listed.stdout, format!("id\r\n{id}\r\n"));
    let missing = ask(&tenant.base_url(), &["show", "da1_\u{1b}[2J"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (1, ""));
    assert_eq!(missing.stderr, "alertdeck: no alert has the ID \"da1_␛[2J\"\n");
    assert_eq!(ask(&tenant.base_url(), &["list", "id:da1", "--format", "json"]).stdout, "[]\n");
}

#[test]
fn the_demo_needs_no_setup() {
    let list_and_show = || {
        let listed =
            run(&mut alertdeck(["list", "assigned:me", "--demo", "--limit", "3", "--format", "ndjson"]));
        assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
        assert_eq!(listed.stdout.lines().count(), 3);
        let alert: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
        run(&mut alertdeck(["show", alert["id"].as_str().unwrap(), "--demo"])).code
    };
    // The demo's alerts change every hour, which may happen between the two commands.
    assert!(list_and_show() == 0 || list_and_show() == 0);
}

#[test]
fn a_missing_or_wrong_token_is_a_sign_in_error() {
    let tenant = tenant(5);
    let base = tenant.base_url();
    let none = run(&mut alertdeck(["list", "--graph-url", &base]));
    assert_eq!((none.code, none.stdout.as_str()), (3, ""));
    assert!(none.stderr.contains("ALERTDECK_TOKEN"), "{}", none.stderr);
    let wrong = run(alertdeck(["list", "--graph-url", &base]).env("ALERTDECK_TOKEN", "another"));
    assert_eq!(wrong.code, 3, "{}", wrong.stderr);
    let odd = run(alertdeck(["list", "--graph-url", &base]).env("ALERTDECK_TOKEN", "canary with blanks"));
    assert_eq!(odd.code, 3);
    assert!(!odd.stderr.contains("canary"), "{}", odd.stderr);
    assert!(tenant.log().iter().all(|exchange| exchange.status == Some(401)));
}

#[cfg(unix)]
#[test]
fn a_command_can_print_the_token() {
    let tenant = tenant(5);
    let command = format!("printf '{{\"accessToken\":\"{CANARY}\"}}'");
    let arguments = ["list", "--graph-url", &tenant.base_url(), "--token-command", &command];
    let listed = run(&mut alertdeck(arguments));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 6), "{}", listed.stderr);
    let failing = run(&mut alertdeck(["list", "--token-command", "echo please sign in >&2; exit 1"]));
    assert_eq!(failing.code, 3);
    assert!(failing.stderr.contains("please sign in"), "{}", failing.stderr);
}

#[test]
fn a_missing_permission_is_reported_with_the_required_one() {
    let refusal = r#"{"error":{"code":"Forbidden","message":"Missing \u001b[31mroles","innerError":{"request-id":"r-1"}}}"#;
    let server = Scripted::new(vec![(403, refusal)]);
    let refused = ask(&server.base, &["list"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
    assert_eq!(refused.stderr.lines().count(), 1);
    for words in ["SecurityAlert.Read.All", "Missing ␛[31mroles", "r-1"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn an_incomplete_result_is_printed() {
    let first = r#"{"@odata.nextLink":"{base}/v1.0/security/alerts_v2?$skip=1","value":[{"id":"a"}]}"#;
    let server = Scripted::new(vec![(200, first), (400, r#"{"error":{"code":"BadRequest","message":"x"}}"#)]);
    let cut = ask(&server.base, &["list", "--format", "ndjson"]);
    assert_eq!((cut.code, cut.stdout.as_str()), (5, "{\"id\":\"a\"}\n"));
    assert!(cut.stderr.contains("incomplete: stopped after page 1"), "{}", cut.stderr);
    let foreign = r#"{"@odata.nextLink":"https://evil.example/v1.0/x","value":[{"id":"a"}]}"#;
    let cut = ask(&Scripted::new(vec![(200, foreign)]).base, &["list", "--format", "ndjson"]);
    assert_eq!((cut.code, cut.stdout.as_str()), (5, "{\"id\":\"a\"}\n"));
    assert!(cut.stderr.contains("evil.example"), "{}", cut.stderr);
}

#[test]
fn a_limit_ends_the_requests_once_it_is_met() {
    let page = |alert: &'static str| {
        let next = format!(r#""@odata.nextLink":"{{base}}/v1.0/security/alerts_v2?$skip={}""#, alert.len());
        let body = format!(r#"{{{next},"value":[{alert}]}}"#);
        (200, &*Box::leak(body.into_boxed_str()))
    };
    let (a, b) = (r#"{"id":"a","title":"mimikatz"}"#, r#"{"id":"bb","title":"other"}"#);
    let server = Scripted::new(vec![page(a)]);
    let listed = ask(&server.base, &["list", "--limit", "1", "--format", "ndjson"]);
    assert_eq!((listed.code, listed.stdout.trim_end(), listed.stderr.as_str()), (0, a, ""));
    // Words are searched for here, so a page may contain no match.
    let server = Scripted::new(vec![page(b), page(a)]);
    let listed = ask(&server.base, &["list", "mimikatz", "--limit", "1", "--format", "ndjson"]);
    assert_eq!((listed.code, listed.stdout.trim_end(), listed.stderr.as_str()), (0, a, ""));
    assert_eq!(server.targets.lock().unwrap().len(), 2);
}

#[test]
fn objects_that_are_not_alerts_are_never_listed() {
    let body = r#"{"value":[{"id":"a"},{"id":"1","displayName":"x"}]}"#;
    let listed = ask(&Scripted::new(vec![(200, body)]).base, &["list", "--format", "ndjson"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (5, "{\"id\":\"a\"}\n"));
    assert!(
        listed.stderr.contains("1 of 2 objects in the reply is not a readable alert"),
        "{}",
        listed.stderr
    );
}

#[test]
fn a_list_far_shorter_than_its_count_is_incomplete() {
    let body = r#"{"@odata.count":500,"value":[{"id":"a"}]}"#;
    let listed = ask(&Scripted::new(vec![(200, body)]).base, &["list", "--format", "ndjson"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (5, "{\"id\":\"a\"}\n"));
    assert!(listed.stderr.contains("the service counts 500 alerts and sent 1"), "{}", listed.stderr);
}

#[test]
fn a_refused_operator_is_evaluated_locally() {
    let refusal = r#"{"error":{"code":"BadRequest","message":"operator ne is not supported"}}"#;
    let all = r#"{"value":[{"id":"a","status":"new","severity":"high"},{"id":"b","status":"resolved","severity":"high"}]}"#;
    let server = Scripted::new(vec![(400, refusal), (200, all)]);
    let listed =
        ask(&server.base, &["list", "severity:high -status:new", "--columns", "id", "--format", "csv"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (0, "id\r\nb\r\n"));
    assert_eq!(listed.stderr, "alertdeck: the service refused `ne`; applying that part locally\n");
    let targets = server.targets.lock().unwrap();
    assert!(targets[0].contains("%20ne%20") && !targets[1].contains("%20ne%20"), "{targets:?}");
    assert!(targets[1].contains("severity%20eq"), "{targets:?}");
}

#[test]
fn a_filter_that_is_refused_again_is_a_bad_filter() {
    let refusal = r#"{"error":{"code":"BadRequest","message":"Invalid filter clause"}}"#;
    let refused = ask(&Scripted::new(vec![(400, refusal)]).base, &["list", "severity:high"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("Invalid filter clause"), "{}", refused.stderr);
}

#[test]
fn a_refused_connection_is_offline() {
    // The port was bound and released, so nothing listens on it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let offline = ask(&format!("http://127.0.0.1:{port}"), &["list"]);
    assert_eq!((offline.code, offline.stdout.as_str()), (4, ""));
    assert!(offline.stderr.contains("refused the connection"), "{}", offline.stderr);
}

#[test]
fn insecure_addresses_are_refused() {
    for (url, words) in [("http://graph.example", "https is required"), ("graph", "not a web address")] {
        let refused = ask(url, &["list"]);
        assert_eq!(refused.code, 2);
        assert!(
            refused.stderr.contains("--graph-url") && refused.stderr.contains(words),
            "{}",
            refused.stderr
        );
    }
}

/// Runs `simulate` with `arguments` while `act` uses the address that it prints.
fn simulate(arguments: &[&str], act: impl FnOnce(&str)) {
    let mut served = std::process::Command::new(assert_cmd::cargo::cargo_bin!("alertdeck"))
        .args(["simulate", "--alerts", "7", "--arrivals", "0"])
        .args(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut base = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut base).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(base.trim_end())));
    served.kill().unwrap();
    served.wait().unwrap();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

const LIST_IDS: [&str; 5] = ["list", "--columns", "id", "--format", "csv"];

#[test]
fn simulate_serves_other_clients() {
    simulate(&[], |base| {
        let listed = ask(base, &LIST_IDS);
        assert_eq!((listed.code, listed.stdout.lines().count()), (0, 8), "{}", listed.stderr);
    });
}

#[test]
fn simulate_serves_https_to_clients_that_trust_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tenant.pem");
    let file = file.to_str().unwrap();
    simulate(&["--tls", file], |base| {
        assert!(base.starts_with("https://127.0.0.1:"), "{base}");
        let mut trusting = alertdeck(LIST_IDS);
        trusting.args(["--graph-url", base]).env("SSL_CERT_FILE", file).env("ALERTDECK_TOKEN", "any");
        let listed = run(&mut trusting);
        assert_eq!((listed.code, listed.stdout.lines().count()), (0, 8), "{}", listed.stderr);
        let refused = ask(base, &LIST_IDS);
        assert!(refused.code == 4 && refused.stderr.contains("certificate"), "{}", refused.stderr);
    });
}

#[rstest]
#[case::ignores_case(false)]
#[case::exact(true)]
fn owners_are_found_in_every_spelling(#[case] exact_owners: bool) {
    let tenant = tenant_with(300, exact_owners);
    let alerts = tenant.alerts();
    assign(&tenant, &alerts[0], "mia.lund@contoso.com");
    assign(&tenant, &alerts[1], "Mia.Lund@CONTOSO.com");
    let list = ["list", "assigned:mia.lund@contoso.com", "--columns", "id", "--format", "csv"];
    let listed = ask(&tenant.base_url(), &list);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let mut ids: Vec<_> = listed.stdout.lines().skip(1).collect();
    ids.sort_unstable();
    let mut expected = [alerts[0]["id"].as_str().unwrap(), alerts[1]["id"].as_str().unwrap()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

#[test]
fn a_list_is_incomplete_if_owners_cannot_be_compared() {
    // The service ignores the filter of the second request.
    let owners = r#"{"value":[{"id":"a","title":"A","assignedTo":"ana@x.io"}]}"#;
    let other = r#"{"value":[{"id":"b","title":"B","assignedTo":"bo@x.io"}]}"#;
    let service = Scripted::new(vec![(200, owners), (200, other), (200, owners)]);
    let listed = ask(&service.base, &["list", "assigned:ana@x.io", "--columns", "id", "--format", "csv"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (5, "id\r\na\r\n"));
    assert!(listed.stderr.contains("owner is spelled differently"), "{}", listed.stderr);
}

#[test]
fn simulate_keeps_permissions_from_other_clients() {
    simulate(&["--rights", "none"], |base| {
        let refused = ask(base, &LIST_IDS);
        assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
        assert!(refused.stderr.contains("SecurityAlert.Read.All"), "{}", refused.stderr);
    });
}
