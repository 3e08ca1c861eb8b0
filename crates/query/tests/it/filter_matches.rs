//! Tests which alerts filters match, and which parts of displayed text they highlight.

#![expect(clippy::single_range_in_vec_init, reason = "one highlight is a list of one range")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_query::{Context, Matcher, compile};
use alertdeck_store::{Batch, FeedId, Store};
use bytes::Bytes;
use rstest::rstest;

const ALERT: &str = r##"{
  "id":"da1_-2","incidentId":"1126","title":"Suspicious \"hidden\" file [x]","description":"A description",
  "severity":"medium","status":"new","serviceSource":"microsoftDefenderForEndpoint",
  "classification":null,"determination":"compromisedUser","assignedTo":"Jo@x.io",
  "createdDateTime":"2026-11-20T10:00:00Z","lastUpdateDateTime":"2026-11-20T11:00:00.1234567Z",
  "category":"DefenseEvasion","mitreTechniques":["T1564.001","T1059"],"productName":"","threatDisplayName":"unknown",
  "systemTags":["Ransomware"],"comments":[{"comment":"looked at it"}],
  "evidence":[
    {"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"Srv-DB-04.contoso.com","osPlatform":"Windows10","osBuild":22424,
     "verdict":"suspicious","remediationStatus":"none","lastIpAddress":"10.1.2.3","loggedOnUsers":[{"accountName":"admin","domainName":"CONTOSO"}]},
    {"@odata.type":"#microsoft.graph.security.processEvidence","processId":4780,"processCommandLine":"\"MsSense.exe\" -enc QQ==  C:\\temp\\a.ps1",
     "imageFile":{"fileName":"MsSense.exe","filePath":"C:\\Program Files\\Temp","sha256":"8963A19FD7A0CB1BD1C0A9EE"},
     "userAccount":{"accountName":"system","userPrincipalName":"svc@contoso.com"},"verdict":"5","remediationStatus":"active"},
    {"@odata.type":"#microsoft.graph.security.urlEvidence","url":"https://cdn.evil.com:8443/a?b=c"},
    {"@odata.type":"#microsoft.graph.security.hostLogonSessionEvidence","account":{"@odata.type":"#microsoft.graph.security.userEvidence"}},
    {"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"2001:0DB8::1"}
  ]}"##;

fn context() -> Context {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    Context::at(now).with_me(Some("jo@X.io"))
}

fn matcher(filter: &str) -> Matcher {
    let plan =
        compile(filter, &context()).unwrap_or_else(|diagnostics| panic!("{}", diagnostics[0].render(filter)));
    Matcher::new(&plan.test)
}

fn matches(filter: &str) -> bool {
    let mut store = Store::default();
    let alert = RawAlert(Bytes::from_static(ALERT.as_bytes()));
    store.absorb(FeedId::default(), Batch::decode(&[alert]));
    matcher(filter).rows(&store) == *store.rows()
}

#[rstest]
#[case::empty("")]
#[case::severity("severity>=medium -severity>medium severity<=medium severity!=low")]
#[case::status("status:open -status:resolved status!=resolved")]
#[case::class_missing("class:none -class:tp class!=tp -class:any")]
#[case::undeclared_member("determination:\"COMPROMISEDUSER\" -determination:malware")]
#[case::owner("assigned:me assigned:jo assigned:JO@X.IO assigned:any assigned:*@x.io assigned=jo@x.io")]
#[case::not_the_owner("-assigned:none assigned!=bo@x.io")]
#[case::dates("created:today created:2026-11-20 created>=2026-11-20 created<=2026-11-20 created>yesterday")]
#[case::moments(
    "created:2026-11-20T10:00 created<=2026-11-20T10:00:00Z updated>2026-11-20T10:59 -updated>2026-11-20T11:00"
)]
#[case::ages("age<=2h age>1h idle<1h updated<1h age:1h..3h")]
#[case::no_date("resolved:none -resolved>=2020-01-01 -resolved<2030-01-01")]
#[case::title("title:HIDDEN title:\"\"\"hidden\"\"\" title:sus*[x] title~^sus.*\\[x\\]$ title:\"[x]\"")]
#[case::exact("category=defenseevasion category!=defense")]
#[case::missing_text("product:none actor:none threat:none -product:any title:any")]
#[case::whole_values("id:DA1_-2 incident:1126 -incident:112 id:da*")]
#[case::techniques(
    "technique:T1564 technique:t1564.001 technique:T1059 -technique:T156 -technique:T1059.001"
)]
#[case::names_of_techniques(
    "technique:\"hidden files\" technique:HIDE technique:command -technique:powershell technique:command*
     technique~^hide technique=\"command and scripting interpreter\" -technique=\"hide artifacts\" technique!=hooking"
)]
#[case::unknown_techniques(
    "-technique:\"no such technique\" technique!=\"T1564\" -technique:T9999 technique:any"
)]
#[case::tactics(
    "tactic:DefenseEvasion tactic:execution tactic:\"defense evasion\" -tactic:c2 tactic!=impact tactic:any -tactic:none"
)]
#[case::devices("device:srv-db device:srv-*.contoso.com device=srv-db-04.contoso.com -device:srv-*04")]
#[case::users(r"user:admin user:contoso\adm user:svc@contoso.com -user:other\admin -user:contoso\bo")]
#[case::processes("process:mssense cmdline:\"-enc qq\" cmdline:C:\\temp\\ file:sense path:\"program files\"")]
#[case::hashes("hash:8963a1 hash:8963A19FD7A0CB1BD1C0A9EE -hash=8963a1 hash:aaaaaa,8963a1")]
#[case::addresses(
    "ip:10.1.2.3 ip:10.0.0.0/8 ip:2001:db8::1 ip:2001:db8::/32 ip:10.* -ip:10.2.0.0/16 ip:10[.]1[.]2[.]3"
)]
#[case::links("url:evil url:hxxps://cdn[.]evil[.]com url:https://*")]
#[case::domains("domain:evil.com domain:cdn.evil[.]com domain:EVIL.COM. -domain:vil.com")]
#[case::verdicts("verdict:suspicious verdict:\"5\" verdict!=malicious remediation:active")]
#[case::evidence("evidence:process evidence:IP evidence:user -evidence:mailbox evidence!=mailbox,nic")]
#[case::comments("comment:looked tag:ransom")]
#[case::properties(
    "osPlatform:windows OSBUILD=22424 processId:4780 imageFile.sha256:8963 mitreTechniques:T1059"
)]
#[case::bare("hidden \"a description\" mssense.exe srv-db-04 8963a19 hxxps://cdn[.]evil")]
#[case::bare_ids("da1_-2 1126 T1564 t1059 T1564.001 T15* *564.0* DEFENSEEVASION -112 -T156 -da1_")]
#[case::bare_wildcard("mssense.* srv-* -sense* *cdn[.]evil* -*\"cdn[.]evil\"*")]
#[case::not_indicators("-ransomware -remediated -5 -looked")]
#[case::odata("$severity eq 'MEDIUM' and classification eq null and not (status eq 'resolved')")]
#[case::odata_owner(
    "$assignedTo eq 'jo@x.io' and determination ne 'unknown' and createdDateTime lt 2026-11-21T00:00:00Z"
)]
fn filters_that_match(#[case] filter: &str) {
    assert!(matches(filter), "{filter}");
    if !filter.is_empty() && !filter.starts_with('$') {
        assert!(!matches(&format!("-({filter})")), "{filter}");
    }
}

#[rstest]
#[case::rewritten(
    "url",
    r#"{"url":"https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.evil.example%2F"}"#,
    "domain:evil.example domain:safelinks.protection.outlook.com url:https://a.evil.example/ https://a.evil.example"
)]
#[case::without_scheme("analyzedMessage", r#"{"urls":["//a.evil.example/x"]}"#, "domain:evil.example")]
#[case::mailbox(
    "mailbox",
    r#"{"primaryAddress":"a@evil.example"}"#,
    "domain:evil.example domain:@evil.example"
)]
#[case::teams("teamsMessage", r#"{"recipients":["x","a@evil.example"]}"#, "domain:evil.example")]
#[case::principal("user", r#"{"userAccount":{"userPrincipalName":"a@evil.example"}}"#, "domain:evil.example")]
#[case::zone("ip", r#"{"ipAddress":"fe80::1%eth0"}"#, "ip:fe80::1 ip:fe80::1%12 ip:fe80::/10 fe80::1%eth0")]
fn addresses_match_in_any_form(#[case] kind: &str, #[case] item: &str, #[case] filter: &str) {
    let item =
        item.replacen('{', &format!(r##"{{"@odata.type":"#microsoft.graph.security.{kind}Evidence","##), 1);
    let mut store = Store::default();
    let alert = format!(r#"{{"id":"a","evidence":[{item}]}}"#);
    store.absorb(FeedId::default(), Batch::decode(&[RawAlert(alert.into())]));
    assert_eq!(matcher(filter).rows(&store), *store.rows());
}

#[rstest]
#[case::old_category(
    r#""category":"DefenseEvasion""#,
    "tactic:defense-evasion tactic:stealth -tactic:DefenseImpairment"
)]
#[case::new_category(
    r#""category":"Stealth""#,
    "tactic:stealth tactic:defense-evasion tactic:\"defense evasion\" stealth"
)]
#[case::impairment(
    r#""category":"DefenseImpairment""#,
    "tactic:defense-impairment tactic:DefenseEvasion -tactic:stealth"
)]
#[case::old_id(
    r#""mitreTechniques":["T1562.001"]"#,
    "technique:T1562 technique:T1685 technique:\"impair defenses\" technique:\"disable or modify tools\"
     tactic:defense-evasion tactic:defense-impairment -technique=T1685 -technique:T1690"
)]
#[case::new_id(
    r#""mitreTechniques":["T1685"]"#,
    "technique:T1562 technique:T1562.001 technique:T1685 tactic:defense-evasion tactic:DefenseImpairment -technique=T1562"
)]
#[case::pattern_in_words(
    r#""category":"CredentialAccess""#,
    "tactic:*access tactic:*-access tactic:\"credential \"* tactic~\"^credential access$\" tactic~-access$"
)]
#[case::pattern_of_a_technique(
    r#""mitreTechniques":["T1110"]"#,
    "tactic:*access tactic:credential-* tactic~\"l a\" -tactic:t1110* -tactic~t1110 -tactic:*control"
)]
#[case::pattern_of_an_old_name(r#""mitreTechniques":["T1562.001"]"#, "tactic:*evasion tactic:*impairment")]
#[case::pattern_of_a_category(r#""category":"Malware""#, "tactic:mal* tactic~ware$ -tactic:*access")]
#[case::mobile(r#""mitreTechniques":["T1603"]"#, "technique:\"scheduled task\" tactic:persistence")]
#[case::ics(r#""mitreTechniques":["T0803"]"#, "technique:\"block command\" tactic:inhibit-response-function")]
fn old_and_new_names_of_att_ck_are_found(#[case] properties: &str, #[case] filter: &str) {
    let mut store = Store::default();
    let alert = format!(r#"{{"id":"a",{properties}}}"#);
    store.absorb(FeedId::default(), Batch::decode(&[RawAlert(alert.into())]));
    assert_eq!(matcher(filter).rows(&store), *store.rows());
}

#[rstest]
#[case::several_characters("İzmir", "title:i* title:*zmir title:i title:zmir")]
#[case::sigma("ΤΕΛΟΣ", "title:*τελοσ title:τελοσ -title:*τελος -title:τελος")]
#[case::long_s("ſalt", "-title:s* -title:s title:ſ* title:ſ")]
fn wildcards_ignore_case_as_other_text_does(#[case] title: &str, #[case] filter: &str) {
    let mut store = Store::default();
    let alert = format!(r#"{{"id":"a","title":"{title}"}}"#);
    store.absorb(FeedId::default(), Batch::decode(&[RawAlert(alert.into())]));
    assert_eq!(matcher(filter).rows(&store), *store.rows());
}

#[test]
fn an_empty_member_is_missing() {
    let mut store = Store::default();
    let alert = br#"{"id":"a","severity":"","classification":"","status":" "}"#;
    store.absorb(FeedId::default(), Batch::decode(&[RawAlert(Bytes::from_static(alert))]));
    assert_eq!(
        matcher("severity:none class:none status:none status:\" \" -severity:any").rows(&store),
        *store.rows()
    );
}

#[rstest]
#[case("severity>medium")]
#[case("status:resolved,unknown")]
#[case("assigned:ana@x.io")]
#[case("assigned=jo")]
#[case("created>2026-11-20")]
#[case("age<2h")]
#[case("title=suspicious")]
#[case("title:\"sus*\"")]
#[case("category!=DefenseEvasion")]
#[case("process")]
#[case("technique=\"hide\"")]
#[case("technique:T1564*2,spearphishing")]
#[case("suspicious verdict:malicious")]
#[case("$classification eq 'unknown'")]
fn filters_that_do_not_match(#[case] filter: &str) {
    assert!(!matches(filter), "{filter}");
}

#[rstest]
#[case::bare("sense", None, "MsSense.exe", &[2..7])]
#[case::field_in_scope("device:srv", Some((Some("device"), "deviceDnsName")), "Srv-srv", &[0..3, 4..7])]
#[case::field_out_of_scope("device:srv", Some((None, "title")), "Srv", &[])]
#[case::negative("-srv", None, "srv", &[])]
#[case::negative_twice("-(a -srv)", None, "a srv", &[2..5])]
#[case::merge_ranges("ab bc title~b.", None, "abc", &[0..3])]
#[case::wildcard("title:a*", None, "abc", &[0..3])]
#[case::regex("title~b+", None, "abbc b", &[1..3, 5..6])]
#[case::whole("incident:12", None, "123", &[])]
#[case::hash("hash:abcdef", None, "ABCDEF99", &[0..6])]
#[case::domain("domain:evil.com", None, "https://a.evil.com/evil.com", &[10..18, 19..27])]
#[case::technique("technique:hide", Some((None, "mitreTechniques")), "T1564.001", &[0..9])]
#[case::other_technique("technique:hide", Some((None, "mitreTechniques")), "T1059", &[])]
#[case::tactic("tactic:execution", Some((None, "mitreTechniques")), "T1059", &[0..5])]
#[case::tactic_of_a_category("tactic:execution", Some((None, "category")), "Execution", &[0..9])]
#[case::owner("assigned:jo", Some((None, "assignedTo")), "Jo@x.io", &[0..2])]
#[case::no_text("severity:high", None, "high", &[])]
#[case::wide("日本", None, "x日本x", &[1..7])]
fn matching_parts_are_highlighted(
    #[case] filter: &str,
    #[case] property: Option<(Option<&str>, &str)>,
    #[case] shown: &str,
    #[case] expected: &[std::ops::Range<usize>],
) {
    assert_eq!(matcher(filter).highlights(property, shown), expected);
}
