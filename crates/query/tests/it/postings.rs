//! Tests that postings select the same alerts as the filter language, and that counting in slices
//! is exact.

use std::collections::HashSet;

use alertdeck_model::{AlertId, Classification, Indicator, IndicatorKind, RawAlert, Timestamp};
use alertdeck_query::{self as query, FieldPostings, Matcher, find_field};
use alertdeck_store::{Batch, Column, FeedId, Prevalence, RowSet, Store, Tally};
use proptest::prelude::*;
use serde_json::{Value, json};

const FEED: FeedId = FeedId::new(0);

fn batch(alerts: &[Value]) -> Batch {
    let raw: Vec<_> = alerts.iter().map(|alert| RawAlert(alert.to_string().into())).collect();
    Batch::decode(&raw)
}

/// Generates related values, so that some coincide: spellings of one address, hosts and their
/// parents, differences in case, and text with a special meaning in filters.
fn value() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "",
        " ",
        "none",
        "NONE",
        "any",
        "me",
        "or",
        "not x",
        "*",
        "srv*",
        "\"",
        "a\"b\"",
        "\\",
        "-x",
        "~",
        "a,b",
        "(a)",
        "$x",
        "line\nbreak",
        "\u{0}",
        "\u{202e}x",
        "İ",
        "i\u{307}",
        "ß",
        "SS",
        "K",
        "k",
        "ſ",
        "s",
        "Σ",
        "ς",
        "SRV-1",
        "srv-1",
        "srv-1 ",
        "CONTOSO\\bob",
        "bob",
        "10.0.0.1",
        " 10.0.0.1\t",
        "::ffff:10.0.0.1",
        "::FFFF:A00:1",
        "10.0.0.01",
        "10.0.0.1/32",
        "10[.]0[.]0[.]1",
        "fe80::1",
        "fe80::1%eth0",
        "//a.evil.com/x",
        "https://x.safelinks.protection.outlook.com/?url=http%3A%2F%2Fa.evil.com%2F",
        "http://a.evil.com/",
        "FE80:0:0::1",
        "::",
        "0.0.0.0",
        "ABCDEF",
        "abcdef",
        "abcde",
        "abcdefg",
        "abcdef01",
        "evil.com",
        "EVIL.COM.",
        "a.evil.com",
        "x.a.evil.com",
        "notevil.com",
        "https://u@A.evil.com:8443/evil.com?q",
        "hxxps://a[.]evil[.]com",
        "someone@evil.com",
        "<b@mail.evil.com>",
        ".evil.com",
        "x..evil.com",
        "com",
        "..",
        "http:///x",
        "é.evil.com",
        "unknown",
        "T1059",
    ]);
    prop_oneof![6 => awkward.prop_map(str::to_owned), 1 => "[aA.@/:*\" ]{0,6}", 1 => "\\PC{0,6}"]
}

/// Generates an item with a value in a property that may or may not be covered by a field.
fn item() -> impl Strategy<Value = Value> {
    let place = prop::sample::select(vec![
        ("device", "deviceDnsName"),
        ("device", "hostName"),
        ("device", "lastIpAddress"),
        ("device", "ipInterfaces"),
        ("user", "userAccount.accountName"),
        ("user", "userAccount.userPrincipalName"),
        ("user", "userAccount.domainName"),
        ("process", "imageFile.fileName"),
        ("process", "imageFile.sha256"),
        ("process", "processCommandLine"),
        ("file", "fileDetails.sha1"),
        ("file", "fileDetails.filePath"),
        ("file", "fileDetails.fileName"),
        ("ip", "ipAddress"),
        ("url", "url"),
        ("mailbox", "primaryAddress"),
        ("teamsMessage", "recipients"),
        ("registryKey", "registryKey"),
        ("dns", "domainName"),
        ("analyzedMessage", "recipientEmailAddress"),
        ("mailCluster", "urls"),
        ("securityGroup", "displayName"),
        ("oauthApplication", "displayName"),
        ("blob", "name"),
        ("kubernetesPod", "name"),
        ("malware", "name"),
        ("gitHubRepo", "owner"),
        ("containerImage", "imageId"),
        ("hostLogonSession", "sessionId"),
        ("quantum", "spin"),
    ]);
    (place, value()).prop_map(|((kind, path), value)| {
        let names: Vec<_> = path.split('.').collect();
        let inner = names.iter().rev().fold(json!(value), |inner, name| json!({*name: inner}));
        let mut item = inner;
        item["@odata.type"] = json!(format!("#microsoft.graph.security.{kind}Evidence"));
        item
    })
}

#[derive(Clone, Debug)]
struct Sent {
    id: u8,
    title: String,
    evidence: Vec<Value>,
}

fn sent() -> impl Strategy<Value = Sent> {
    (0u8..8, value(), prop::collection::vec(item(), 0..5)).prop_map(|(id, title, evidence)| Sent {
        id,
        title,
        evidence,
    })
}

fn alert(sent: &Sent, version: usize) -> Value {
    json!({"id": format!("{}", sent.id), "title": sent.title, "threatDisplayName": sent.title,
        "lastUpdateDateTime": format!("2026-11-01T00:00:{version:02}Z"), "evidence": sent.evidence})
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Object(object) => object.values().for_each(|value| texts(value, found)),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn matching(store: &Store, term: &str) -> RowSet {
    let context = query::Context::at(Timestamp::MIN);
    let plan = query::compile(term, &context);
    let plan = plan.unwrap_or_else(|diagnostics| panic!("`{term}`: {diagnostics:?}"));
    Matcher::new(&plan.test).rows(store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_rows_of_a_value_are_those_that_its_term_matches(
        batches in prop::collection::vec(prop::collection::vec(sent(), 1..5), 1..5),
        extra in prop::collection::vec(value(), 3),
    ) {
        let mut store = Store::new(&FieldPostings);
        let mut values = extra;
        for (version, alerts) in batches.iter().enumerate() {
            let alerts: Vec<_> = alerts.iter().map(|sent| alert(sent, version)).collect();
            for alert in &alerts {
                texts(alert, &mut values);
            }
            store.absorb(FEED, batch(&alerts));
        }
        values.sort_unstable();
        values.dedup();
        for value in &values {
            for (kind, name) in &IndicatorKind::ALL {
                let field = find_field(name).unwrap();
                let what = Indicator { kind: *kind, value: value.as_str().into() };
                let found = store.rows_with(&what);
                match field.exact_term(value) {
                    None => prop_assert!(found.is_empty()),
                    Some(exact) => prop_assert_eq!(found, matching(&store, &exact.term), "{}", exact.term),
                }
            }
        }
    }

    #[test]
    fn counting_in_slices_is_exact(
        steps in prop::collection::vec((prop::collection::vec((0u8..30, 0u8..4, 0u8..5), 0..20), 0usize..9), 1..6),
    ) {
        let what = Indicator { kind: IndicatorKind::Hash, value: "abcdef".into() };
        let (mut store, mut tally, mut rows) = (Store::new(&FieldPostings), Tally::default(), RowSet::default());
        for (version, (alerts, work)) in steps.iter().enumerate() {
            let alerts: Vec<_> = alerts
                .iter()
                .map(|(id, device, class)| {
                    let class = ["truePositive", "falsePositive", "informationalExpectedActivity", "unknown", "x"]
                        [usize::from(*class)];
                    json!({"id": id.to_string(), "classification": class, "status": "resolved",
                        "lastUpdateDateTime": format!("2026-11-01T00:00:{version:02}Z"), "evidence": [
                        {"@odata.type": "deviceEvidence", "deviceDnsName": device.to_string()},
                        {"@odata.type": "fileEvidence", "fileDetails": {"sha1": "ABCDEF"}}]})
                })
                .collect();
            store.absorb(FEED, batch(&alerts));
            rows = store.rows_with(&what);
            tally.advance(&store, &rows, &mut { *work });
        }
        while tally.has_work(&store, &rows) {
            tally.advance(&store, &rows, &mut 2);
        }
        let mut expected = Prevalence { alerts: store.len(), ..Prevalence::default() };
        for row in store.rows().iter() {
            let classes = &mut expected.classes;
            *match store.facts(row).classification() {
                Classification::TruePositive => &mut classes.true_positive,
                Classification::FalsePositive => &mut classes.false_positive,
                Classification::InformationalExpectedActivity => &mut classes.expected,
                Classification::Undeclared(_) => &mut classes.other,
                Classification::Unknown => &mut classes.unclassified,
            } += 1;
        }
        let devices = store.rows().iter().map(|row| store.cell(row, Column::Device).text());
        expected.devices = devices.collect::<HashSet<_>>().len();
        prop_assert_eq!(tally.prevalence(), Some(expected));
    }
}

/// Returns on how many devices a file occurs, in alerts that have one device each.
fn devices(devices: &[Value]) -> usize {
    let alert = |(number, device): (usize, &Value)| {
        let mut device = device.clone();
        device["@odata.type"] = "#microsoft.graph.security.deviceEvidence".into();
        let file = json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "fileDetails": {"sha1": "abcdef"}});
        json!({"id": number.to_string(), "evidence": [device, file]})
    };
    let alerts: Vec<_> = devices.iter().enumerate().map(alert).collect();
    let mut store = Store::new(&FieldPostings);
    store.absorb(FEED, batch(&alerts));
    let rows = store.rows_with(&Indicator { kind: IndicatorKind::Hash, value: "abcdef".into() });
    let mut tally = Tally::default();
    tally.advance(&store, &rows, &mut usize::MAX.clone());
    tally.prevalence().unwrap_or_default().devices
}

#[test]
fn devices_are_counted_by_their_ids_and_otherwise_by_their_names() {
    let named = |id: &str, name: &str| json!({"mdeDeviceId": id, "deviceDnsName": name});
    let one = ["pc7.corp.example", "PC7.CORP.EXAMPLE", "pc7", "pc7-old.corp.example"];
    assert_eq!(devices(&one.map(|name| named("m7", name))), 1);
    assert_eq!(devices(&[named("m7", "pc7"), named("M7", "pc7"), named("m8", "pc7")]), 2);
    assert_eq!(devices(&one[..2].iter().map(|name| json!({"deviceDnsName": name})).collect::<Vec<_>>()), 1);
    let entra = |name: &str| json!({"azureAdDeviceId": "e7", "hostName": name});
    assert_eq!(devices(&[entra("pc7"), entra("renamed")]), 1);
}

#[test]
fn rows_are_removed_from_values_that_an_alert_no_longer_has() {
    let mut store = Store::new(&FieldPostings);
    let with = |id: &str, second: u32, hash: &str| {
        json!({"id": id, "lastUpdateDateTime": format!("2026-11-01T00:00:{second:02}Z"), "evidence": [
            {"@odata.type": "fileEvidence", "fileDetails": {"sha1": hash, "fileName": "a"}}]})
    };
    store.absorb(FEED, batch(&[with("a", 1, "AAAAAA"), with("b", 1, "aaaaaa"), with("a", 2, "bbbbbb")]));
    let found = |store: &Store, kind, value: &str| -> Vec<String> {
        let what = Indicator { kind, value: value.into() };
        store.rows_with(&what).iter().map(|row| store.facts(row).id().raw().to_owned()).collect()
    };
    assert_eq!(found(&store, IndicatorKind::Hash, "aaaaaa"), ["b"]);
    assert_eq!(found(&store, IndicatorKind::Hash, "bbbbbb"), ["a"]);
    store.absorb(FEED, batch(&[with("a", 3, "aaaaaa"), with("b", 3, "cccccc")]));
    assert_eq!(found(&store, IndicatorKind::Hash, "aaaaaa"), ["a"]);
    assert_eq!(found(&store, IndicatorKind::Hash, "bbbbbb"), [""; 0]);
    assert_eq!(found(&store, IndicatorKind::File, "A"), ["a", "b"]);
    assert!(store.row(FEED, &AlertId::new("b")).is_some());
}
