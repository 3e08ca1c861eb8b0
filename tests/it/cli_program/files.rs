//! `list` and `show` on saved alerts.

use std::{fs, io::Write as _, path::PathBuf};

use super::{SAMPLE_ID, alertdeck, run, sample};
use rstest::rstest;
use serde_json::Value;

/// Alerts with text that tries to break out of every output format.
const HOSTILE: &str = "[{\"id\":\"a1\",\"severity\":\"high\",\"status\":\"new\",\
    \"createdDateTime\":\"2026-11-01T00:00:00Z\",\
    \"title\":\"=cmd|'/C calc'!A0,\\u001b[31m \\u202e\\\"x\\\"\\n| a | ](https://evil.example) `\"},\n \
    { \"id\" : \"b2\" , \"severity\":\"low\",\"status\":\"resolved\",\n\
    \"createdDateTime\":\"2026-11-02T00:00:00.1234567Z\",\"title\":\"plain  \\u00e9 \\/ 1.50e+3\",\"n\":1.50e+3}]";

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn list(folder: &Folder, arguments: &[&str]) -> super::Run {
    run(alertdeck(["list", "--file"]).arg(folder.0.path()).args(arguments))
}

#[test]
fn json_is_printed_as_received() {
    let folder = Folder::with(&[("a.json", HOSTILE)]);
    let alerts: Vec<&str> = HOSTILE[1..HOSTILE.len() - 1].split(",\n ").collect();
    let array = list(&folder, &["--format", "json"]);
    assert_eq!((array.code, array.stderr.as_str()), (0, ""));
    // Newest first, with each alert preserved byte for byte.
    assert_eq!(array.stdout, format!("[\n{},\n{}\n]\n", alerts[1].trim_start(), alerts[0]));
    let lines = list(&folder, &["--format", "ndjson"]).stdout;
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines[1], alerts[0]);
    assert!(lines[0].starts_with("{\"id\":\"b2\",\"severity\":\"low\""));
    assert!(lines[0].ends_with("\"title\":\"plain  \\u00e9 \\/ 1.50e+3\",\"n\":1.50e+3}"));
}

/// An alert as tools reshape it: evidence under other names, a rewritten link, a date of its own kind.
const RESHAPED: &str = r##"{"id":"r1","title":"reshaped","createdDateTime":"yesterday at noon","severity":"",
    "deviceEvidence":{"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"ws-1.contoso.com"},
    "links":[{"@odata.type":"#microsoft.graph.security.urlEvidence",
        "url":"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Flogin.evil.example%2Fa&data=x"}]}"##;

#[test]
fn a_reshaped_alert_keeps_its_values() {
    let folder = Folder::with(&[("a.json", RESHAPED)]);
    for filter in
        ["domain:login.evil.example", "url:https://login.evil.example/a", "device:ws-1", "severity:none"]
    {
        let found = list(&folder, &[filter, "--columns", "id,device,created", "--format", "csv"]);
        assert_eq!(
            found.stdout, "id,device,created\r\nr1,ws-1.contoso.com,yesterday at noon\r\n",
            "{filter}"
        );
        assert_eq!(
            found.stderr,
            "alertdeck: 1 alert has a time that cannot be read; it is shown as received and sorted last\n"
        );
    }
    let shown = run(alertdeck(["show", "r1", "--file"]).arg(folder.path("a.json"))).stdout;
    for line in
        ["device ws-1.contoso.com", "leads to https://login.evil.example/a", "createdDateTime: yesterday"]
    {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

#[test]
fn filters_of_other_tools_are_refused_with_a_fix() {
    let folder = Folder::with(&[("a.json", RESHAPED)]);
    for (filter, fixed) in [
        ("severity eq 'high'", "write severity:high\ntry: $severity eq 'high'\n"),
        ("owner:unassigned", "try: owner:none\n"),
        ("title:'two words'", "try: title:\"two words\"\n"),
    ] {
        let refused = list(&folder, &[filter]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.ends_with(fixed), "{}", refused.stderr);
    }
    // The filter is checked before anything is read.
    let refused = run(&mut alertdeck(["list", "severity", "high", "--file", "missing.json"]));
    assert!(refused.code == 2 && refused.stderr.ends_with("try: severity:high\n"), "{}", refused.stderr);
}

#[test]
fn a_filter_may_have_several_arguments_and_says_what_it_excludes() {
    let folder = Folder::with(&[("a.json", HOSTILE)]);
    let found = list(&folder, &["-severity:high", "plain", "-enc", "--columns", "id", "--format", "csv"]);
    assert_eq!((found.code, found.stdout.as_str()), (0, "id\r\nb2\r\n"));
    assert_eq!(found.stderr, "alertdeck: without: enc (to search for it, put it in quotes: \"-enc\")\n");
    let none = list(&folder, &["title=plain"]);
    let note = "alertdeck: `=` compares the whole value; to find a part of it, write title:plain\n";
    assert_eq!((none.code, none.stderr.as_str()), (0, note));
}

#[test]
fn hostile_text_cannot_break_out_of_a_format() {
    let folder = Folder::with(&[("a.json", HOSTILE)]);
    let title =
        |format| list(&folder, &["severity:high", "--columns", "title,id", "--format", format]).stdout;
    assert_eq!(
        title("csv"),
        "title,id\r\n\"'=cmd|'/C calc'!A0,␛[31m ⟨202E⟩\"\"x\"\"⏎| a | ](https://evil.example) `\",a1\r\n"
    );
    assert_eq!(
        title("markdown").lines().last().unwrap(),
        "| \\=cmd\\|'/C calc'!A0,␛\\[31m ⟨202E⟩\"x\"⏎\\| a \\| \\](https\\:/\\/evil.example) \\` | a1 |"
    );
    let table = title("table");
    let lines: Vec<_> = table.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("TITLE ") && lines[1].ends_with("`  a1"), "{table}");
}

#[test]
fn limit_keeps_the_newest_and_columns_can_be_chosen() {
    let folder = Folder::with(&[("a.json", HOSTILE)]);
    assert_eq!(list(&folder, &["--limit", "1", "--columns", "id", "--format", "csv"]).stdout, "id\r\nb2\r\n");
    assert_eq!(list(&folder, &["severity:medium", "--format", "json"]).stdout, "[]\n");
    let wrong = list(&folder, &["--columns", "id,sevrity"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("did you mean severity?") && wrong.stderr.contains("determination"));
    assert_eq!(list(&folder, &["--columns", "id", "--format", "json"]).code, 2);
    assert_eq!(list(&folder, &["sevrity:high"]).code, 2);
}

#[test]
fn the_newest_state_of_an_alert_in_several_files_is_used() {
    let state = |status: &str, at: u32| {
        format!(r#"{{"id":"a","status":"{status}","lastUpdateDateTime":"2026-11-0{at}T00:00:00Z"}}"#)
    };
    let folder = Folder::with(&[("a.json", &state("resolved", 2)), ("b.json", &state("new", 1))]);
    assert_eq!(
        list(&folder, &["--columns", "id,status", "--format", "csv"]).stdout,
        "id,status\r\na,resolved\r\n"
    );
    let shown = run(alertdeck(["show", "a", "--format", "json", "--file"]).arg(folder.0.path()));
    assert_eq!(shown.stdout, state("resolved", 2) + "\n");
}

#[test]
fn a_bad_file_does_not_affect_the_others() {
    let folder = Folder::with(&[("bad.json", "{\"value\":[\n{\"id\":}"), ("good.json", r#"{"id":"a"}"#)]);
    let partial = list(&folder, &["--columns", "id", "--format", "csv"]);
    assert_eq!((partial.code, partial.stdout.as_str()), (5, "id\r\na\r\n"));
    assert!(partial.stderr.contains("bad.json: ") && partial.stderr.contains("(line 2, column 7)"));
    let failed = run(alertdeck(["list", "--file"]).arg(folder.path("bad.json")));
    assert_eq!((failed.code, failed.stdout.as_str()), (1, ""));
    let shown = run(alertdeck(["show", "a", "--file"]).arg(folder.0.path()));
    assert_eq!(shown.code, 5, "{}", shown.stderr);
    let missing = run(alertdeck(["show", "b\u{1b}[2J", "--file"]).arg(folder.0.path()));
    assert_eq!((missing.code, missing.stdout.as_str()), (1, ""));
    assert!(missing.stderr.ends_with("no alert has the ID \"b␛[2J\"\n"), "{}", missing.stderr);
}

/// An alert of the Defender for Endpoint API.
const ENDPOINT: &str = r#"{"id":"da1","severity":"High","status":"New","title":"t","machineId":"m1",
    "computerDnsName":"ws-1.corp.example","alertCreationTime":"2026-05-01T10:00:00Z"}"#;

/// Lists the file with its IDs, and returns the exit code, the IDs and standard error.
fn ids(name: &str, content: &[u8]) -> (i32, Vec<String>, String) {
    let folder = Folder::with(&[]);
    let path = folder.path(name);
    fs::write(&path, content).unwrap();
    let listed = run(alertdeck(["list", "--columns", "id", "--format", "csv", "--file"]).arg(path));
    (listed.code, listed.stdout.lines().skip(1).map(str::to_owned).collect(), listed.stderr)
}

#[test]
fn compressed_files_and_utf_16_are_read() {
    let text = "{\"id\":\"a\"}\r\n{\"id\":\"b\"}\r\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let utf16: Vec<u8> =
        "\u{feff}".chars().chain(text.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
    for (name, content) in [("a.json.gz", gzip), ("a.zst", zstd), ("a.json", utf16), ("a.jsonl", text.into())]
    {
        assert_eq!(ids(name, &content), (0, vec!["a".into(), "b".into()], String::new()), "{name}");
    }
}

#[test]
fn a_cut_gzip_file_is_incomplete_or_unreadable_but_never_complete() {
    let alert = |at: u32| format!("{{\"id\":\"{at}\",\"title\":\"{}\"}}\n", at.wrapping_mul(2_654_435_761));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..100_000).for_each(|at| gzip.write_all(alert(at).as_bytes()).unwrap());
    let gzip = gzip.finish().unwrap();
    let (code, ids, stderr) = ids("a.ndjson.gz", &gzip[..gzip.len() - 1_000]);
    assert!(code == 5 && !ids.is_empty() && stderr.contains("cannot be read to the end"), "{code}: {stderr}");
}

#[test]
fn alerts_of_other_apis_are_called_what_they_are() {
    let (code, ids, stderr) = ids("a.json", ENDPOINT.as_bytes());
    assert_eq!((code, ids), (0, vec!["da1".into()]));
    assert!(stderr.contains("a.json: alerts from the Defender for Endpoint API"), "{stderr}");
}

#[rstest]
#[case::sign_ins(
    r#"{"id":"1","createdDateTime":"x","appDisplayName":"Teams","userId":"u"}"#,
    "Entra sign-ins"
)]
#[case::hunting(r#"[{"Timestamp":"x","DeviceId":"d","ReportId":1}]"#, "advanced hunting rows")]
#[case::error(
    r#"{"error":{"code":"Forbidden","message":"no role"}}"#,
    "an error reply from Graph, not alerts: Forbidden"
)]
#[case::pointer("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull")]
#[case::portal("Alert name,Tags,Severity\r\nx,,High\r\n", "export the alerts as JSON")]
fn what_is_no_alert_is_named_and_not_listed(#[case] text: &str, #[case] line: &str) {
    let (code, ids, stderr) = ids("a.json", text.as_bytes());
    assert!(code == 1 && ids.is_empty() && stderr.contains(line), "{code} {ids:?} {stderr}");
}

#[test]
fn a_list_without_its_last_page_is_incomplete() {
    let first = r#"{"@odata.count":700,"value":[{"id":"a"}],"@odata.nextLink":"https://x.example/2"}"#;
    let folder = Folder::with(&[("1.json", first)]);
    let partial = list(&folder, &["--columns", "id", "--format", "csv"]);
    assert_eq!((partial.code, partial.stdout.as_str()), (5, "id\r\na\r\n"));
    assert!(
        partial
            .stderr
            .contains("1.json: the list of 700 alerts continues; save the pages of its @odata.nextLink"),
        "{}",
        partial.stderr
    );
    // The last page is in another file.
    let folder = Folder::with(&[("1.json", first), ("2.json", r#"{"value":[{"id":"b"}]}"#)]);
    let whole = list(&folder, &["--columns", "id", "--format", "csv"]);
    assert_eq!((whole.code, whole.stderr.as_str()), (0, ""));
}

#[test]
fn files_that_are_skipped_in_a_folder_are_named() {
    let folder = Folder::with(&[("a.jsonl", r#"{"id":"a"}"#), ("b.log", r#"{"id":"b"}"#)]);
    let listed = list(&folder, &["--columns", "id", "--format", "csv"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (0, "id\r\na\r\n"));
    assert!(listed.stderr.contains("skipped") && listed.stderr.contains("b.log"), "{}", listed.stderr);
}

#[test]
fn alerts_that_share_an_id_are_all_listed() {
    let alert =
        |day: u32| format!(r#"{{"id":"x","title":"t{day}","createdDateTime":"2026-05-0{day}T00:00:00Z"}}"#);
    let folder = Folder::with(&[("a.json", &format!("[{},{}]", alert(1), alert(2)))]);
    let listed = list(&folder, &["--columns", "id,title", "--format", "csv"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (0, "id,title\r\nx,t2\r\nx,t1\r\n"));
    let shown = run(alertdeck(["show", "x", "--file"]).arg(folder.0.path()));
    assert!(shown.code == 0 && shown.stderr.contains("2 alerts have this ID"), "{}", shown.stderr);
}

#[test]
fn standard_input_can_be_read() {
    let piped = run(alertdeck(["list", "--file", "-", "--format", "ndjson"])
        .write_stdin("{\"id\":\"a\"}\n{\"id\":\"b\"}"));
    assert_eq!((piped.code, piped.stdout.as_str()), (0, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n"));
    let empty = run(alertdeck(["list", "--file", "-"]).write_stdin(""));
    assert_eq!(empty.code, 1);
    assert!(empty.stderr.contains("standard input: the text is empty"), "{}", empty.stderr);
}

#[test]
fn unreadable_alerts_are_listed_without_a_filter() {
    let deep = format!(r#"[{{"id":{}{}}},{{"id":"b"}}]"#, "[".repeat(200), "]".repeat(200));
    let folder = Folder::with(&[("a.json", &deep)]);
    let all = list(&folder, &[]);
    assert_eq!(all.stdout.lines().count(), 3);
    assert!(all.stdout.contains("unreadable alert"), "{}", all.stdout);
    assert!(list(&folder, &["id:b"]).stderr.contains("unreadable alerts: 1"));
}

#[test]
fn the_report_of_the_published_sample() {
    let shown = run(alertdeck(["show", SAMPLE_ID, "--file"]).arg(sample()));
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("published_sample", shown.stdout);
    let ticket = run(alertdeck(["show", SAMPLE_ID, "--format", "markdown", "--file"]).arg(sample()));
    insta::assert_snapshot!("published_sample_ticket", ticket.stdout);
    let json = run(alertdeck(["show", SAMPLE_ID, "--format", "json", "--file"]).arg(sample()));
    assert!(fs::read_to_string(sample()).unwrap().contains(json.stdout.trim_end()));
}

#[rstest]
#[case("list-alerts_v2.beta.json", 1)]
#[case("get-alert.v1.json", 1)]
#[case("update-alert.beta.json", 1)]
#[case("list-incidents-expand-alerts.v1.json", 1)]
fn published_examples_can_be_read(#[case] name: &str, #[case] alerts: usize) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/samples").join(name);
    let listed = run(alertdeck(["list", "--format", "json", "--file"]).arg(path));
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let read: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(read.len(), alerts);
    assert!(read.iter().all(|alert| alert["@odata.type"] == "#microsoft.graph.security.alert"));
}

#[test]
fn incidents_without_alerts_are_an_error_with_the_next_step() {
    let folder = Folder::with(&[(
        "incidents.json",
        r##"{"value":[{"@odata.type":"#microsoft.graph.security.incident","id":"1"}]}"##,
    )]);
    let listed = list(&folder, &[]);
    assert_eq!(listed.code, 1);
    assert!(listed.stderr.contains("$expand=alerts"), "{}", listed.stderr);
}
