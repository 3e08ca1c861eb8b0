//! `explain`: how filters are evaluated, in the formats for scripts and for people.

use super::{alertdeck, run};
use serde_json::Value;

const NEW: &str = "status eq 'new'";
const HIGH: &str = "severity eq 'high'";
const OPEN: &str = "(status eq 'new' or status eq 'inProgress')";
const MINE: &str = "assignedTo eq 'ana@x.io'";
const NOT_MINE: &str = "(assignedTo eq null or assignedTo ne 'ana@x.io')";

/// Filters with the part that Graph evaluates (`None` for all alerts) and the part that is
/// evaluated locally.
const FILTERS: &[(&str, Option<&str>, Option<&str>)] = &[
    ("", None, None),
    ("status:new", Some(NEW), None),
    ("status=NEW", Some(NEW), None),
    ("status:open", Some(OPEN), None),
    ("-status:new", Some("status ne 'new'"), None),
    ("status!=new,resolved", Some("status ne 'new' and status ne 'resolved'"), None),
    ("severity:high", Some(HIGH), None),
    ("severity:high,medium", Some("(severity eq 'high' or severity eq 'medium')"), None),
    ("severity>=medium", Some("(severity eq 'medium' or severity eq 'high')"), None),
    ("severity<medium", Some("(severity eq 'informational' or severity eq 'low')"), None),
    ("-severity>=medium", Some("severity ne 'medium' and severity ne 'high'"), None),
    ("assigned:me", Some(MINE), None),
    ("-assigned:me", Some(NOT_MINE), None),
    ("assigned:o'neil@x.io", Some("assignedTo eq 'o''neil@x.io'"), None),
    ("assigned:jo", None, Some("assigned:jo")),
    ("class:none", Some("(classification eq null or classification eq 'unknown')"), None),
    ("class:tp", Some("classification eq 'truePositive'"), None),
    ("determination:malware", Some("determination eq 'malware'"), None),
    ("source:endpoint", Some("serviceSource eq 'microsoftDefenderForEndpoint'"), None),
    ("created>=2026-11-01", Some("createdDateTime ge 2026-11-01T00:00:00Z"), None),
    (
        "created:2026-11-01..2026-11-05",
        Some("createdDateTime ge 2026-11-01T00:00:00Z and createdDateTime lt 2026-11-06T00:00:00Z"),
        None,
    ),
    ("idle>3d", Some("lastUpdateDateTime lt 2026-11-17T12:00:00Z"), None),
    ("age<7d", Some("createdDateTime gt 2026-11-13T12:00:00Z"), None),
    ("mimikatz", None, Some("mimikatz")),
    ("title:\"two words\"", None, Some("title:\"two words\"")),
    ("device:srv-*", None, Some("device:srv-*")),
    ("status:new device:srv-*", Some(NEW), Some("device:srv-*")),
    ("status:new (device:srv-* or severity:high)", Some(NEW), Some("(device:srv-* or severity:high)")),
    ("severity:high a or severity:high b", Some(HIGH), Some("severity:high a or severity:high b")),
    ("-(status:new device:a)", None, Some("-(status:new device:a)")),
    ("status:new or severity:high", Some("status eq 'new' or severity eq 'high'"), None),
    ("$status eq 'new'", Some(NEW), None),
    ("$filter=status eq 'new'", Some(NEW), None),
    ("hash:abcdef", None, Some("hash:abcdef")),
    ("ip:10.0.0.0/8", None, Some("ip:10.0.0.0/8")),
];

fn explain(filter: &str) -> super::Run {
    let arguments = ["explain", "--format", "json", "--now", "2026-11-20T12:00:00Z", "--me", "ana@x.io"];
    run(alertdeck(arguments).arg(filter))
}

/// Removes the optional parentheses around a single chain of `or`.
fn bare(odata: &str) -> &str {
    let inner = odata.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(odata)
}

#[test]
fn filters_are_split_into_odata_and_a_local_part() {
    assert!(FILTERS.len() >= 30);
    for (filter, odata, local) in FILTERS {
        let run = explain(filter);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{filter}");
        let explained: Value = serde_json::from_str(&run.stdout).unwrap();
        let keys: Vec<_> = explained.as_object().unwrap().keys().map(String::as_str).collect();
        let assumes = odata.is_some_and(|odata| odata.contains("assignedTo eq '"));
        let assumed: &[_] = if assumes { &["assumes"] } else { &[] };
        assert_eq!(keys, [&["odata", "local", "exact"], assumed, &["request"]].concat(), "{filter}");
        assert_eq!(explained["odata"].as_str().map(bare), odata.map(bare), "{filter}");
        assert_eq!(explained["local"].as_str(), *local, "{filter}");
        assert_eq!(explained["exact"], local.is_none(), "{filter}");
        assert!(explained["request"].as_str().unwrap().starts_with("GET /security/alerts_v2?"), "{filter}");
    }
}

#[test]
fn a_mixed_filter_is_explained_in_lines() {
    let filter = "severity>=medium (status:new or title:\"x\") -assigned:me created>=2026-11-01";
    let printed = run(&mut alertdeck(["explain", filter, "--me", "ana@x.io"]));
    let lines: Vec<_> = printed.stdout.lines().collect();
    assert_eq!(
        lines[..3],
        [
            &format!(
                "$filter  (severity eq 'medium' or severity eq 'high') and {NOT_MINE} \
                 and createdDateTime ge 2026-11-01T00:00:00Z"
            ),
            "local    (status:new or title:\"x\")",
            "exact    no",
        ]
    );
    assert!(lines[3].starts_with("request  GET /security/alerts_v2?$filter=%28severity%20eq"));
    assert!(!lines[3]["request  GET ".len()..].contains(' '));
}

#[test]
fn a_filter_for_an_id_requests_that_alert() {
    let explained: Value = serde_json::from_str(&explain("id:da1_-2").stdout).unwrap();
    assert_eq!(explained["request"], "GET /security/alerts_v2/da1_-2");
}

#[test]
fn an_invalid_filter_is_marked_at_the_error() {
    let wrong = explain("status:new sevrity:high");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    let lines: Vec<_> = wrong.stderr.lines().collect();
    assert_eq!(lines[0], "alertdeck: invalid filter");
    assert_eq!(lines[1..3], ["status:new sevrity:high", "           ^^^^^^^"]);
    assert!(lines[3].contains("did you mean `severity`?"));
    for filter in ["status:new )", "severity>", "created:yesteryear", "assigned", "(", "a:b:c \u{1b}[31m:x"] {
        let run = explain(filter);
        if run.code != 0 {
            assert_eq!(run.code, 2, "{filter}");
            assert!(run.stderr.contains('^') && !run.stderr.contains('\u{1b}'), "{filter}: {}", run.stderr);
        }
    }
    let without_user = run(&mut alertdeck(["explain", "assigned:me"]));
    assert_eq!(without_user.code, 2, "{}", without_user.stderr);
}

#[test]
fn a_filter_is_printed_as_a_query_for_advanced_hunting() {
    let printed =
        run(&mut alertdeck(["explain", "--format", "kql", "severity:high", "-title:test", "class:tp"]));
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    insta::assert_snapshot!(printed.stdout, @r#"
    // severity:high -title:test class:tp
    // Not in these tables, so left out: class
    AlertInfo
    | where Severity =~ "high"
    | where not(Title contains "test")
    | sort by Timestamp desc
    "#);
    let invalid = run(&mut alertdeck(["explain", "--format", "kql", "severity:hihg"]));
    assert_eq!((invalid.code, invalid.stdout.as_str()), (2, ""));
}
