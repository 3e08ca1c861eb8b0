//! Tests how filters are planned: the examples in docs/filter-language.md, further filters, and
//! errors.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use alertdeck_model::Timestamp;
use alertdeck_odata::Feature;
use alertdeck_query::{Context, DiagnosticKind, OwnerCase, Plan, compile};
use jiff::tz::TimeZone;
use rstest::rstest;

/// Returns the context of the examples in docs/filter-language.md, with their user and time.
fn context() -> Context {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    Context::at(now).with_me(Some("ana@x.io"))
}

fn planned(filter: &str) -> Plan {
    compile(filter, &context()).unwrap_or_else(|diagnostics| panic!("{}", diagnostics[0].render(filter)))
}

fn pushed(plan: &Plan) -> String {
    plan.pushed.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Abbreviates the local part in the same way as the table below.
fn local_part(filter: &str, plan: &Plan) -> String {
    match &plan.local {
        None => String::new(),
        Some(local) if local == filter => "all".into(),
        Some(local) if local.starts_with('(') => "group".into(),
        Some(local) => local.clone(),
    }
}

const TABLE: &str = r#"
| `severity>=medium status:new` | (sev eq 'medium' or sev eq 'high') and status eq 'new' | |
| `severity<medium` | (sev eq 'informational' or sev eq 'low') | |
| `-severity>=medium` | sev ne 'medium' and sev ne 'high' | |
| `status:open age<7d` | (status eq 'new' or status eq 'inProgress') and cDT gt 2026-11-13T12:00:00Z | |
| `status!=new,resolved` | status ne 'new' and status ne 'resolved' | |
| `-assigned:me` | (assignedTo eq null or assignedTo ne 'ana@x.io') | |
| `class:none` | (classification eq null or classification eq 'unknown') | |
| `assigned:jo` | | all |
| `created:2026-11-01..2026-11-05` | cDT ge 2026-11-01T00:00:00Z and cDT lt 2026-11-06T00:00:00Z | |
| `idle>3d` | uDT lt 2026-11-17T12:00:00Z | |
| `status:new (device:srv-* or severity:high)` | status eq 'new' | group |
| `severity:high a or severity:high b` | sev eq 'high' | all |
| `-(status:new device:a)` | | all |
| `"-enc" source:endpoint` | serviceSource eq 'microsoftDefenderForEndpoint' | "-enc" |
| `$status eq 'new'` | as typed | |
"#;

#[test]
fn examples_are_planned_as_documented() {
    for line in TABLE.trim().lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let (filter, odata, local) = (cells[1].trim_matches('`'), cells[2], cells[3]);
        let odata = odata
            .replace("sev ", "severity ")
            .replace("cDT", "createdDateTime")
            .replace("uDT", "lastUpdateDateTime")
            .replace("as typed", "status eq 'new'");
        let plan = planned(filter);
        assert_eq!((pushed(&plan), local_part(filter, &plan)), (odata, local.to_owned()), "{filter}");
        assert_eq!(plan.is_exact(), local.is_empty(), "{filter}");
    }
}

#[rstest]
#[case::everything("", "", "")]
#[case::mixed(
    r#"severity>=medium (status:new or title:"x") -assigned:me created>=2026-11-01"#,
    "(severity eq 'medium' or severity eq 'high') and (assignedTo eq null or assignedTo ne 'ana@x.io') \
     and createdDateTime ge 2026-11-01T00:00:00Z",
    r#"(status:new or title:"x")"#
)]
#[case::aliases("sEverity:info,HIGH", "(severity eq 'informational' or severity eq 'high')", "")]
#[case::greater("severity>low", "(severity eq 'medium' or severity eq 'high')", "")]
#[case::at_most("severity<=low", "(severity eq 'informational' or severity eq 'low')", "")]
#[case::undeclared("status:\"weird'\"", "", "status:\"weird'\"")]
#[case::raw_name("serviceSource:sentinel", "serviceSource eq 'microsoftSentinel'", "")]
#[case::class("class:tp,fp", "(classification eq 'truePositive' or classification eq 'falsePositive')", "")]
#[case::not_class("-class:tp", "(classification eq null or classification ne 'truePositive')", "")]
#[case::class_any("class:any", "classification ne null and classification ne 'unknown'", "")]
#[case::status_none("status:none", "status eq 'unknown'", "")]
#[case::owner("assigned:Bo@x.io", "assignedTo eq 'Bo@x.io'", "")]
#[case::owner_exact("assigned=bo", "assignedTo eq 'bo'", "")]
#[case::owner_wildcard("assigned:*@x.io", "", "assigned:*@x.io")]
#[case::owner_none("assigned:none", "(assignedTo eq null or assignedTo eq '')", "")]
#[case::owner_any("assigned:any", "assignedTo ne null and assignedTo ne ''", "")]
#[case::owner_list(
    "assigned:me,none",
    "(assignedTo eq 'ana@x.io' or assignedTo eq null or assignedTo eq '')",
    ""
)]
#[case::owner_partly(
    "assigned!=ana@x.io -assigned:jo",
    "(assignedTo eq null or assignedTo ne 'ana@x.io')",
    "-assigned:jo"
)]
#[case::day(
    "created:2026-11-01",
    "createdDateTime ge 2026-11-01T00:00:00Z and createdDateTime lt 2026-11-02T00:00:00Z",
    ""
)]
#[case::not_day(
    "-created:2026-11-01",
    "(createdDateTime eq null or createdDateTime lt 2026-11-01T00:00:00Z or createdDateTime ge 2026-11-02T00:00:00Z)",
    ""
)]
#[case::after_day("created>2026-11-01", "createdDateTime ge 2026-11-02T00:00:00Z", "")]
#[case::to_end_of_day("created<=2026-11-01", "createdDateTime lt 2026-11-02T00:00:00Z", "")]
#[case::before_day("created<2026-11-01", "createdDateTime lt 2026-11-01T00:00:00Z", "")]
#[case::within("updated<2h", "lastUpdateDateTime gt 2026-11-20T10:00:00Z", "")]
#[case::today(
    "created:today",
    "createdDateTime ge 2026-11-20T00:00:00Z and createdDateTime lt 2026-11-21T00:00:00Z",
    ""
)]
#[case::open_range("created:2026-11-01..", "createdDateTime ge 2026-11-01T00:00:00Z", "")]
#[case::age_range(
    "age:1d..3d",
    "createdDateTime ge 2026-11-17T12:00:00Z and createdDateTime le 2026-11-19T12:00:00Z",
    ""
)]
#[case::moments("created>=2026-11-01T10:00+02:00", "createdDateTime ge 2026-11-01T08:00:00Z", "")]
#[case::no_date("created:none", "createdDateTime eq null", "")]
#[case::local_date("resolved>=2026-11-01 status:res", "status eq 'resolved'", "resolved>=2026-11-01")]
#[case::or_of_pushable("status:new or severity:high", "(status eq 'new' or severity eq 'high')", "")]
#[case::or_with_and(
    "status:new severity:low or age<1d",
    "((status eq 'new' and severity eq 'low') or createdDateTime gt 2026-11-19T12:00:00Z)",
    ""
)]
#[case::de_morgan("-(status:new or title:x)", "status ne 'new'", "-(status:new or title:x)")]
#[case::double_negation("--status:new", "status eq 'new'", "")]
#[case::nested_and("(status:new (title:a severity:low))", "status eq 'new' and severity eq 'low'", "title:a")]
#[case::texts("title:a device:b c", "", "title:a device:b c")]
#[case::raw_property("osPlatform:Windows10 status:new", "status eq 'new'", "osPlatform:Windows10")]
#[case::odata("$filter=status in ('new','resolved')", "status in ('new', 'resolved')", "")]
#[case::odata_ne("$assignedTo ne 'a'", "(assignedTo eq null or assignedTo ne 'a')", "$assignedTo ne 'a'")]
fn filters_are_split_into_pushed_and_local(#[case] filter: &str, #[case] odata: &str, #[case] local: &str) {
    let plan = planned(filter);
    assert_eq!(pushed(&plan), odata);
    assert_eq!(plan.local.as_deref().unwrap_or(""), local);
}

#[rstest]
#[case::field("sevrity:high", "sevrity", "unknown field", Some("severity:high"))]
#[case::field_without_a_near_one("qqqqqq:x y", "qqqqqq", "unknown field", Some("\"qqqqqq:x\" y"))]
#[case::member("status:nwe", "nwe", "expected one of", Some("status:new"))]
#[case::later_member("severity:high,lo", "lo", "expected one of", Some("severity:high,low"))]
#[case::order_list("severity>=low,high", "high", "take one value", None)]
#[case::order_of_text("title>x", ">", "cannot be compared", None)]
#[case::order_of_members("status>new", ">", "with this field", None)]
#[case::order_of_undeclared("severity>\"odd\"", "\"odd\"", "cannot be compared", None)]
#[case::beyond("severity>high", "high", "no severity beyond", None)]
#[case::regex_on_members("status~n", "~", "with this field", None)]
#[case::date("created>=soon", "soon", "expected a date", None)]
#[case::no_such_day("created:2026-02-30", "2026-02-30", "expected a date", None)]
#[case::duration("age<2026-11-01", "2026-11-01", "expected a duration", None)]
#[case::age_equals("age:7d", ":", "with a duration", Some("age<7d"))]
#[case::range_order("created>=2026-11-01..2026-11-02", ">=", "with a range", None)]
#[case::range_reversed(
    "created:2026-11-05..2026-11-01",
    "2026-11-05..2026-11-01",
    "the range is empty",
    None
)]
#[case::range_empty("created:..", "..", "the range is empty", None)]
#[case::address("ip:10.0", "10.0", "expected an IP address", None)]
#[case::hash("hash:abc", "abc", "first 6 digits", None)]
#[case::hash_digits("hash:zzzzzz", "zzzzzz", "first 6 digits", None)]
#[case::technique(
    "technique:T1059,pwershell",
    "pwershell",
    "no ATT&CK technique has this in its name",
    Some("technique:T1059,\"PowerShell\"")
)]
#[case::technique_exact("technique=interpreter", "interpreter", "use : to match part of a name", None)]
#[case::technique_star("technique=power*", "power*", "use : to match part of a name", None)]
#[case::tactic("tactic:comand-and-control", "comand-and-control", "", Some("tactic:CommandAndControl"))]
#[case::tactic_unknown("tactic:ransomware", "ransomware", "quote", None)]
#[case::regex("title~(a", "(a", "invalid regular expression", None)]
#[case::regex_size("title~\"(a{1000}){1000}\"", "\"(a{1000}){1000}\"", "invalid regular expression", None)]
#[case::quote("title:\"a b", "\"a b", "not closed", Some("title:\"a b\""))]
#[case::odata("$statsu eq 'new'", "statsu", "Graph can filter alerts only by", Some("$status eq 'new'"))]
#[case::odata_member("$severity eq 'hihg'", "'hihg'", "expected one of", Some("$severity eq 'high'"))]
#[case::odata_unlike_any(
    "$serviceSource ne 'say \"x\"'",
    "'say \"x\"'",
    "anyway, write source:\"say \"\"x\"\"\"",
    None
)]
fn errors_have_a_span_a_message_and_a_fix(
    #[case] filter: &str,
    #[case] wrong: &str,
    #[case] message: &str,
    #[case] fixed: Option<&str>,
) {
    let diagnostics = compile(filter, &context()).unwrap_err();
    let diagnostic = &diagnostics[0];
    assert_eq!(&filter[diagnostic.span.clone()], wrong, "{diagnostic:?}");
    assert!(diagnostic.message.contains(message), "{diagnostic:?}");
    let actual = diagnostic.fix.as_ref().map(|(range, text)| {
        let mut fixed = filter.to_owned();
        fixed.replace_range(range.clone(), text);
        assert!(compile(&fixed, &context()).is_ok(), "{fixed}");
        fixed
    });
    assert_eq!(actual.as_deref(), fixed);
}

#[test]
fn all_wrong_terms_are_reported() {
    let diagnostics = compile("sevrity:high created:soon title:x ip:y", &context()).unwrap_err();
    let starts: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.span.start).collect();
    assert_eq!(starts, [0, 21, 37]);
}

#[test]
fn me_is_an_error_without_a_user() {
    let diagnostics = compile("assigned:me", &Context::at(context().now)).unwrap_err();
    assert_eq!(diagnostics[0].kind, DiagnosticKind::NotSignedIn);
    assert!(compile("assigned:\"me\"", &Context::at(context().now)).is_ok());
}

#[test]
fn owners_are_pushed_in_every_known_spelling() {
    let context = Context {
        spellings: ["Ana@x.io", "bo@x.io", "ana@x.io", "ANA@X.IO"].map(Into::into).into(),
        ..context()
    };
    let pushed = |filter| compile(filter, &context).unwrap().pushed.unwrap().to_string();
    assert_eq!(
        pushed("assigned:me"),
        "(assignedTo eq 'ana@x.io' or assignedTo eq 'Ana@x.io' or assignedTo eq 'ANA@X.IO')"
    );
    assert_eq!(
        pushed("-assigned:me"),
        "(assignedTo eq null or (assignedTo ne 'ana@x.io' and assignedTo ne 'Ana@x.io' and assignedTo ne 'ANA@X.IO'))"
    );
}

#[rstest]
#[case::unknown(
    "assigned:bo@X.io",
    OwnerCase::Unknown,
    "(assignedTo eq 'bo@X.io' or assignedTo eq 'bo@x.io')",
    true
)]
#[case::ignored("assigned:bo@X.io", OwnerCase::Ignored, "assignedTo eq 'bo@X.io'", true)]
#[case::exact("assigned:bo@X.io", OwnerCase::Exact, "assignedTo ne null", false)]
#[case::two("assigned:me,bo@x.io", OwnerCase::Exact, "assignedTo ne null", false)]
#[case::in_or(
    "(assigned:me or severity:high)",
    OwnerCase::Exact,
    "(assignedTo ne null or severity eq 'high')",
    false
)]
#[case::not(
    "-assigned:ana@x.io",
    OwnerCase::Ignored,
    "(assignedTo eq null or assignedTo ne 'ana@x.io')",
    true
)]
#[case::not_exact(
    "-assigned:bo@X.io",
    OwnerCase::Exact,
    "(assignedTo eq null or (assignedTo ne 'bo@X.io' and assignedTo ne 'bo@x.io'))",
    false
)]
fn what_is_pushed_depends_on_how_the_service_compares_owners(
    #[case] filter: &str,
    #[case] owner_case: OwnerCase,
    #[case] odata: &str,
    #[case] exact: bool,
) {
    let context = Context { owner_case, spellings: vec!["bo@x.io".into()], ..context() };
    let plan = compile(filter, &context).unwrap();
    assert_eq!((pushed(&plan).as_str(), plan.is_exact()), (odata, exact));
}

#[rstest]
#[case("assigned:me", true)]
#[case("-(-assigned:me)", true)]
#[case("severity:high (assigned:bo@x.io or status:new)", true)]
#[case("-assigned:me", false)]
#[case("assigned:none", false)]
#[case("assigned:bo", false)]
#[case("title:x or assigned:me", false)]
#[case("$assignedTo eq 'me'", false)]
fn only_a_pushed_owner_is_a_guess(#[case] filter: &str, #[case] guess: bool) {
    assert_eq!(planned(filter).guesses_owner, guess);
    let known = Context { owner_case: OwnerCase::Exact, ..context() };
    assert!(!compile(filter, &known).unwrap().guesses_owner);
}

#[rstest]
#[case("status!=new severity:high", Feature::Ne, "severity eq 'high'", "status!=new")]
#[case("-assigned:me", Feature::Ne, "", "-assigned:me")]
#[case("class:none age<1d", Feature::Null, "createdDateTime gt 2026-11-19T12:00:00Z", "class:none")]
#[case("severity:high", Feature::Ne, "severity eq 'high'", "")]
#[case(
    "$status ne 'new' and severity eq 'high'",
    Feature::Ne,
    "severity eq 'high'",
    "$status ne 'new' and severity eq 'high'"
)]
fn refused_features_are_not_pushed(
    #[case] filter: &str,
    #[case] refused: Feature,
    #[case] odata: &str,
    #[case] local: &str,
) {
    let plan = compile(filter, &Context { refused: vec![refused], ..context() }).unwrap();
    assert_eq!(pushed(&plan), odata);
    assert_eq!(plan.local.as_deref().unwrap_or(""), local);
}

#[test]
fn days_are_those_of_the_time_zone() {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let plan = compile("created:yesterday", &Context { zone, ..context() }).unwrap();
    assert_eq!(
        pushed(&plan),
        "createdDateTime ge 2026-11-18T22:00:00Z and createdDateTime lt 2026-11-19T22:00:00Z"
    );
    assert_eq!(plan.replan_at, Timestamp::parse("2026-11-20T22:00:00Z"));
}

#[rstest]
#[case("age<2h", Some("2026-11-20T12:01:00Z"))]
#[case("created:today age<2h", Some("2026-11-20T12:01:00Z"))]
#[case("created:today", Some("2026-11-21T00:00:00Z"))]
#[case("created:2026-11-01", None)]
fn relative_filters_have_a_time_to_plan_again(#[case] filter: &str, #[case] at: Option<&str>) {
    assert_eq!(planned(filter).replan_at, at.and_then(Timestamp::parse));
}

#[rstest]
#[case("id:da1", Some("da1"))]
#[case("id=da1", Some("da1"))]
#[case("(id:da1)", Some("da1"))]
#[case("-id:da1", None)]
#[case("id:da1,da2", None)]
#[case("id:da*", None)]
#[case("id:da1 status:new", None)]
#[case("incident:da1", None)]
fn a_single_id_is_recognised(#[case] filter: &str, #[case] id: Option<&str>) {
    assert_eq!(planned(filter).id.as_ref().map(alertdeck_model::AlertId::raw), id);
}
