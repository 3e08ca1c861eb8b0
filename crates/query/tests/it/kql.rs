//! Filters as queries for advanced hunting. `scripts/kql/check` gives many of them to Microsoft's own
//! language service.

use crate::filter_laws::{any_filter, context};
use alertdeck_query::{FIELDS, Field, FieldKind, TextKind, kql};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use rstest::rstest;

/// The fields that the tables of advanced hunting do not have.
const WITHOUT: [&str; 24] = [
    "actor",
    "assigned",
    "class",
    "comment",
    "description",
    "detector",
    "determination",
    "firstactivity",
    "github",
    "group",
    "idle",
    "image",
    "incident",
    "lastactivity",
    "product",
    "remediation",
    "resolved",
    "session",
    "status",
    "tag",
    "tenant",
    "updated",
    "verdict",
    "workload",
];

fn written(filter: &str) -> String {
    kql(filter, &context(&[])).unwrap_or_else(|errors| panic!("{filter}: {errors:?}")).query
}

/// Returns the conditions of a filter's query, one a line.
fn conditions(filter: &str) -> String {
    let query = written(filter);
    let conditions: Vec<_> = query.lines().filter_map(|line| line.strip_prefix("| where ")).collect();
    conditions.join("\n")
}

/// Wraps a condition on evidence items.
fn evidence(condition: &str) -> String {
    format!("AlertId in ((AlertEvidence | where {condition} | project AlertId))")
}

#[test]
fn a_query_has_the_filter_and_what_is_left_out_as_comments() {
    insta::assert_snapshot!(written("severity:high status:open created>=2026-11-20T10:00:00Z device:srv- -title:test"), @r#"
    // severity:high status:open created>=2026-11-20T10:00:00Z device:srv- -title:test
    // Not in these tables, so left out: status
    AlertInfo
    | where Severity =~ "high"
    | where Timestamp >= datetime(2026-11-20T10:00:00Z)
    | where AlertId in ((AlertEvidence | where DeviceId contains "srv-" or DeviceName contains "srv-" | project AlertId))
    | where not(Title contains "test")
    | sort by Timestamp desc
    "#);
    assert_eq!(written(""), "AlertInfo\n| sort by Timestamp desc\n");
    let left_out = kql("(status:new or title:x) -class:tp incident:5", &context(&[])).unwrap().left_out;
    assert_eq!(left_out, ["status", "class", "incident"]);
}

#[rstest]
#[case("severity:high,low", r#"Severity =~ "high" or Severity =~ "low""#)]
#[case("severity>=medium", r#"Severity =~ "medium" or Severity =~ "high""#)]
#[case("source:entra", r#"ServiceSource in~ ("AAD Identity Protection", "Microsoft Entra ID Protection")"#)]
#[case(
    "technique:T1003.001",
    r#"(AttackTechniques contains "(T1003.001)" or AttackTechniques contains "(T1003.001.")"#
)]
#[case("tactic:c2", r#"Category in~ ("CommandAndControl")"#)]
#[case("id:da63", r#"AlertId =~ "da63""#)]
#[case(r#"title="a \ b""#, r#"Title =~ "a \\ b""#)]
#[case(r"title~^a\.b", r#"Title matches regex "(?is)^a\\.b""#)]
#[case("title:a*b", r#"Title matches regex "(?is)^a.*b$""#)]
#[case("title:none", r#"not((isnotempty(Title) and Title !in~ ("unknown", "none")))"#)]
#[case("created:any", "isnotnull(Timestamp)")]
#[case("title:x status:new", r#"Title contains "x""#)]
#[case("title:x or status:new", r#"Title contains "x""#)]
#[case("-status:new", "")]
#[case("-(title:x severity:low)", r#"not(Title contains "x" and Severity =~ "low")"#)]
#[case("title:x (severity:low or id:a1)", "Title contains \"x\"\nSeverity =~ \"low\" or AlertId =~ \"a1\"")]
fn conditions_on_alerts(#[case] filter: &str, #[case] expected: &str) {
    assert_eq!(conditions(filter), expected);
}

#[rstest]
#[case("hash:abcdef", r#"SHA1 startswith "abcdef" or SHA256 startswith "abcdef""#)]
#[case(
    "ip:10.0.0.0/8",
    r#"ipv4_is_in_range(LocalIP, "10.0.0.0/8") or ipv4_is_in_range(RemoteIP, "10.0.0.0/8")"#
)]
#[case("evidence:process,device", r#"EntityType == "Process" or EntityType == "Machine""#)]
#[case("process:cmd", r#"(EntityType == "Process" and FileName contains "cmd")"#)]
#[case("cmdline:-enc", r#"ProcessCommandLine contains "-enc""#)]
#[case("sha256:abc", r#"SHA256 contains "abc""#)]
#[case("path:temp or file:a.exe", r#"FolderPath contains "temp" or FileName contains "a.exe""#)]
fn conditions_on_evidence(#[case] filter: &str, #[case] expected: &str) {
    assert_eq!(conditions(filter), evidence(expected));
}

#[test]
fn a_word_is_searched_for_in_both_tables() {
    let query = kql("powershell", &context(&[])).unwrap();
    assert!(query.left_out.is_empty(), "{:?}", query.left_out);
    assert_eq!(
        conditions("powershell"),
        format!(
            r#"Title contains "powershell" or Category contains "powershell" or AlertId =~ "powershell" or {}"#,
            evidence(r#"* contains "powershell""#)
        )
    );
}

#[test]
fn text_cannot_leave_its_literal() {
    let query = written("title:\"\u{202e}x\u{1f480}\u{7f}\u{85}\\\"");
    assert!(query.contains(r#"Title contains "\u202Ex\uD83D\uDC80\u007F\u0085\\""#), "{query}");
    // The comment has the filter in one line, without characters that change how it is displayed.
    assert_eq!(query.lines().count(), 4, "{query}");
    assert!(!query.contains('\u{202e}') && !query.contains('\u{85}'), "{query}");
}

/// Returns a filter with the field and a value that it accepts.
fn sample(field: &Field) -> String {
    let value = match field.kind {
        FieldKind::Enumeration(enumeration) => enumeration.members()[1],
        FieldKind::Text(TextKind::Member(enumeration), _) => {
            if field.name == "evidence" {
                "process"
            } else {
                enumeration.members()[0]
            }
        }
        FieldKind::Date(_) => "2026-11-20",
        FieldKind::Age(_) => "<7d",
        FieldKind::Tenant => "contoso",
        FieldKind::Text(TextKind::Technique, _) => "T1059",
        FieldKind::Text(TextKind::Address, _) => "10.0.0.1",
        FieldKind::Text(TextKind::Hash, _) => "abcdef0123",
        FieldKind::Text(..) => "x.example",
    };
    let operator = if value.starts_with('<') { "" } else { ":" };
    format!("{}{operator}{value}", field.name)
}

#[test]
fn each_field_has_a_column_or_is_left_out_by_name() {
    let without: Vec<_> = FIELDS
        .iter()
        .filter_map(|field| {
            let filter = sample(field);
            let query = kql(&filter, &context(&[])).unwrap_or_else(|errors| panic!("{filter}: {errors:?}"));
            let is_left_out = query.left_out.iter().any(|name| *name == field.name || field.name == "idle");
            assert_eq!(is_left_out, !query.query.contains("| where "), "{filter}: {query:?}");
            is_left_out.then_some(field.name)
        })
        .collect();
    let mut sorted = without.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, WITHOUT);
    let docs = include_str!("../../../../docs/filter-language.md").replace("\n  ", " ");
    let listed: Vec<_> = WITHOUT.iter().map(|name| format!("`{name}`")).collect();
    assert!(docs.contains(&format!("always left out: {}.", listed.join(", "))), "the docs list the fields");
}

proptest! {
    #[test]
    fn a_filter_that_tests_anything_in_the_tables_has_a_query(filter in any_filter()) {
        let query = kql(&filter, &context(&[])).unwrap();
        prop_assert!(query.query.ends_with("AlertInfo\n| sort by Timestamp desc\n") || query.query.contains("| where "));
        // Parentheses and quotes are balanced in each line.
        for line in query.query.lines().filter(|line| line.starts_with('|')) {
            let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
            for c in line.chars() {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if quoted => escaped = true,
                    '"' => quoted = !quoted,
                    '(' if !quoted => depth += 1,
                    ')' if !quoted => depth -= 1,
                    _ => {}
                }
                prop_assert!(depth >= 0, "{}", line);
            }
            prop_assert_eq!((depth, quoted), (0, false), "{}", line);
        }
    }
}

#[test]
#[ignore = "prints queries: scripts/kql/check"]
fn print_queries() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let random = (0..300).map(|_| any_filter().new_tree(&mut runner).unwrap().current());
    let hostile =
        ["title:\"\\ | take 1 // \u{202e}\u{1f480}\"", r"cmdline~^\S+\s-e[nc]*\b", r"url~['#|]+", "a\u{a0}b"];
    let filters = random.chain(FIELDS.iter().map(sample)).chain(hostile.map(str::to_owned));
    let queries: Vec<_> = filters.map(|filter| (written(&filter), filter)).collect();
    println!("queries: {}", serde_json::to_string(&queries).unwrap());
}
