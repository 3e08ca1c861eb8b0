use super::*;
use proptest::prelude::*;
use rstest::rstest;

const A: &str = r#"{"id":"a","title":"Alert a","severity":"high","status":"new"}"#;
const B: &str = r#"{"id":"b","title":"Alert b","severity":"low","evidence":[]}"#;

fn found(text: &str) -> Found {
    find(Bytes::copy_from_slice(text.as_bytes()))
}

fn texts(found: &Found) -> Vec<&str> {
    found.alerts.iter().map(|raw| std::str::from_utf8(&raw.0).unwrap()).collect()
}

/// Returns JSON as a JSON string.
fn quoted(json: &str) -> String {
    serde_json::to_string(json).unwrap()
}

#[rstest]
#[case::alone_and_glued(format!("{A}{B}"))]
#[case::array(format!("[{A}, {B}]"))]
#[case::page(format!(r#"{{"@odata.context":"x","value":[{A},{B}]}}"#))]
#[case::lines(format!("{A}\r\n\r\n{B}\n"))]
#[case::lines_with_commas(format!("{A},\n{B},\n"))]
#[case::pretty(format!("{}\n{}", A.replace(',', ",\n  "), B.replace(',', ",\n  ")))]
#[case::pages_in_an_array(format!(r#"[{{"value":[{A}]}},{{"value":[{B}]}}]"#))]
#[case::pages_as_lines(format!("{{\"value\":[{A}]}}\n{{\"value\":[{B}]}}"))]
#[case::pages_glued(format!("{{\"value\":[{A}]}}{{\"value\":[{B}]}}"))]
#[case::incident(format!(r#"{{"displayName":"d","incidentWebUrl":"x","alerts":[{A},{B}]}}"#))]
#[case::incident_with_an_object(format!(r#"{{"alerts":{{"x":{A},"y":{B}}}}}"#))]
#[case::batch(format!(r#"{{"responses":[{{"id":"1","status":200,"body":{{"value":[{A},{B}]}}}}]}}"#))]
#[case::splunk(format!("{{\"result\":{{\"_raw\":{}}}}}\n{{\"result\":{{\"_raw\":{}}}}}", quoted(A), quoted(B)))]
#[case::elastic(format!(r#"{{"hits":{{"hits":[{{"_source":{{"event":{{"original":{}}}}}}},{{"_source":{B}}}]}}}}"#, quoted(A)))]
#[case::message_as_text(format!("{{\"message\":{}}}\n{{\"message\":{}}}", quoted(A), quoted(B)))]
#[case::original_event(format!(
    r#"{{"event":{{"kind":"alert","original":{}}},"m365_defender":{{"alert":{{"title":"Alert a"}}}}}}{B}"#,
    quoted(A)
))]
#[case::logic_app(format!(r#"{{"statusCode":200,"headers":{{"request-id":"x"}},"body":{{"value":[{A},{B}]}}}}"#))]
#[case::integration(format!(r#"[{{"status_code":200,"json_body":{A}}},{{"_id":{{"$oid":"6"}},"alert":{B}}}]"#))]
#[case::wazuh(format!("{{\"id\":\"1.2\",\"rule\":{{\"id\":\"9\"}},\"data\":{{\"ms-graph\":{A}}}}}\n{{\"ms-graph\":{B}}}"))]
#[case::array_as_text(format!(r#"{{"body":{}}}"#, quoted(&format!("[{A},{B}]"))))]
#[case::http_reply(format!("HTTP/2 200 \r\ncontent-type: application/json\r\n\r\n[{A},{B}]"))]
#[case::byte_order_mark(format!("\u{feff}[{A},{B}]"))]
fn alerts_are_found_in_every_wrapping(#[case] text: String) {
    let found = found(&text);
    assert_eq!(texts(&found).iter().map(|text| text.replace("\n  ", "")).collect::<Vec<_>>(), [A, B]);
    assert!(found.errors.is_empty() && found.notes.is_empty() && !found.has_next, "{found:?}");
}

#[test]
fn a_text_that_is_not_utf8_loses_its_bad_bytes_only() {
    let found = find(Bytes::from_static(
        b"[{\"id\":\"a\",\"title\":\"T\xe9l\xe9\",\"severity\":\"low\",\"status\":\"new\"}]",
    ));
    assert!(texts(&found)[0].contains("T\u{fffd}l\u{fffd}") && found.errors.is_empty(), "{found:?}");
}

#[rstest]
#[case::items(r#"{"id":"a","title":"t","severity":"low","evidence":["@{@odata.type=#microsoft.graph.security.deviceEvidence; verdict=x}"]}"#)]
#[case::arrays(r#"{"id":"a","title":"t","severity":"low","evidence":["System.Object[]"]}"#)]
fn evidence_that_powershell_cut_off_is_noted(#[case] alert: &str) {
    for text in [alert.to_owned(), format!("{A}\n{alert}")] {
        let found = found(&text);
        assert!(found.errors.is_empty() && found.notes.len() == 1, "{found:?}");
        assert!(found.notes.lines()[0].contains("-Depth 10"), "{found:?}");
    }
    assert_eq!(find_in_lines(Bytes::copy_from_slice(alert.as_bytes()), 0, &[]).notes.len(), 1);
}

#[rstest]
#[case::endpoint(
    r#"{"id":"da1","title":"t","severity":"High","alertCreationTime":"2026-01-02T00:00:00Z"}"#,
    "Defender for Endpoint API"
)]
#[case::legacy(
    r#"{"id":"1","title":"t","eventDateTime":"2026-01-02T00:00:00Z","vendorInformation":{}}"#,
    "legacy Graph security API"
)]
#[case::xdr(r#"{"value":[{"incidentName":"i","alerts":[{"alertId":"fa1","title":"t","severity":"High","entities":[]}]}]}"#, "older Microsoft 365 Defender API")]
#[case::xdr_alone(r#"{"incidentId":7,"incidentName":"i","alerts":[{"alertId":"fa1","title":"t","severity":"High","entities":[]}]}"#, "older Microsoft 365 Defender API")]
#[case::powershell(
    r#"[{"Id":"a","Title":"t","Severity":"high","Status":"new","AdditionalProperties":{}}]"#,
    "PowerShell"
)]
#[case::python(r#"[{"id":"a","title":"t","created_date_time":"x","service_source":"y"}]"#, "Python SDK")]
fn alerts_of_other_apis_are_mapped_and_named(#[case] text: &str, #[case] name: &str) {
    let found = found(text);
    assert!(found.notes.len() == 1 && found.notes.lines()[0].contains(name), "{found:?}");
    let alert = found.alerts[0].decode().unwrap();
    assert_eq!(alert.title.unwrap().raw(), "t");
    assert!(!alert.id.raw().is_empty() && found.errors.is_empty());
}

#[rstest]
#[case::incident(r#"{"id":"1","displayName":"d","incidentWebUrl":"x","alerts":[]}"#, "$expand=alerts")]
#[case::graph_error(
    r#"{"error":{"code":"Forbidden","message":"Missing roles"}}"#,
    "an error reply from Graph, not alerts: Forbidden: Missing roles"
)]
#[case::sign_in(r#"{"id":"1","createdDateTime":"x","status":{},"appDisplayName":"a"}"#, "Entra sign-ins")]
#[case::hunting(r#"{"schema":[],"results":[{"Timestamp":"x","DeviceId":"d"}]}"#, "advanced hunting result")]
#[case::hunting_rows(r#"[{"Timestamp":"x","ReportId":1}]"#, "advanced hunting rows")]
#[case::streaming(
    r#"{"time":"x","category":"AdvancedHunting-AlertInfo","properties":{"AlertId":"a"}}"#,
    "streaming API"
)]
#[case::sentinel(r#"[{"AlertName":"a","ProviderName":"p","SystemAlertId":"1"}]"#, "SecurityAlert table")]
#[case::streaming_records(
    r#"{"records":[{"time":"x","category":"AdvancedHunting-AlertEvidence","properties":{"AlertId":"a"}}]}"#,
    "streaming API"
)]
#[case::sentinel_incident(
    r#"{"id":"/subscriptions/0","type":"Microsoft.SecurityInsights/Incidents","properties":{"title":"t"}}"#,
    "Sentinel incidents, not alerts"
)]
#[case::log_analytics(r#"{"tables":[{"name":"PrimaryResult","rows":[["x"]]}]}"#, "a Log Analytics result")]
#[case::risk(r#"{"value":[{"id":"6","riskEventType":"x","riskLevel":"low"}]}"#, "Entra risk detections")]
#[case::texts(r#"{"value":["microsoft.graph.security.alert"]}"#, "not an alert: \"microsoft.graph")]
#[case::splunk_csv("_raw,_time\n\"{\"\"id\"\":\"\"a\"\"}\",1\n", "CSV")]
#[case::evidence(
    r##"{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"1.1.1.1"}"##,
    "evidence item without its alert"
)]
#[case::pointer("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull")]
#[case::csv("Alert name,Tags,Severity\nx,y,z\n", "CSV")]
#[case::prose("Alerts of May, June, and July\n", "expected a JSON object or array (line 1, column 1)")]
#[case::html("<html></html>", "this is HTML or XML, expected JSON (line 1, column 1)")]
#[case::empty(" \n", "the text is empty, expected JSON (line 1, column 1)")]
#[case::scalar("[1, \"x\"]", "not an alert: 1")]
#[case::anything(r#"{"a":1,"b":{"c":[]}}"#, "an object that is not an alert, with the properties a, b")]
#[case::nothing("{}", "an empty object")]
#[case::zip("PK\u{3}\u{4}", "compressed (zip)")]
fn anything_else_is_named_and_never_an_alert(#[case] text: &str, #[case] line: &str) {
    let found = found(text);
    assert!(found.alerts.is_empty() && !found.errors.is_empty(), "{found:?}");
    assert!(found.errors.lines()[0].contains(line), "{found:?}");
}

#[test]
fn parts_of_a_document_are_not_alerts_for_their_id() {
    let found = found(&format!(r#"{{"agent":{{"id":"000"}},"rule":{{"id":"7"}},"data":{{"alert":{A}}}}}"#));
    assert_eq!(texts(&found), [A]);
}

#[test]
fn empty_lists_are_neither_alerts_nor_errors() {
    for text in ["[]", r#"{"value":[ ]}"#, "[[],[]]"] {
        let found = found(text);
        assert!(found.alerts.is_empty() && found.errors.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn a_page_whose_next_page_is_missing_is_not_complete() {
    let page = |next: &str, alert: &str| format!(r#"{{"value":[{alert}],"@odata.nextLink":{next}}}"#);
    assert!(found(&page(r#""https://x""#, A)).has_next);
    assert!(found(&page("5", A)).has_next && found(&page("{}", A)).has_next);
    assert!(!found(&page("null", A)).has_next && !found(&page(r#""""#, A)).has_next);
    assert!(!found(&page(r#""https://x""#, A)).has_last && found(&page("null", A)).has_last);
}

#[test]
fn broken_lines_are_reported_by_their_number_and_the_others_are_read() {
    let found = found(&format!("{A}\n{{\"id\":\n{B}\n7\n"));
    assert_eq!(texts(&found), [A, B]);
    let places: Vec<_> = found
        .errors
        .lines()
        .iter()
        .map(|error| error.contains("(line 2,") || error.contains("(line 4,"))
        .collect();
    assert_eq!(places, [true, true], "{found:?}");
    // Alerts before an error are kept.
    let cut = super::tests::found(&format!("[\n{A}]\n[{B}]\n[{{\"id\":"));
    assert!(texts(&cut) == [A, B] && cut.errors.lines()[0].contains("(line 4,"), "{cut:?}");
}

/// An object with so few properties that it is an alert only where an alert is expected.
const SPARSE: &str = r#"{"id":"s"}"#;

#[rstest]
#[case::cut_in_an_array(format!("[{SPARSE},{B},\n{{\"id\":\"c\",\"title\":\"Al"), &[SPARSE, B], "(line 2, column 21)")]
#[case::cut_after_a_comma(format!("[{A},\n{B},"), &[A, B], "(line 2,")]
#[case::cut_in_a_page(
    format!("{{\"@odata.count\":3,\"value\":[{SPARSE},\n{B},{{\"id\":\"c\",\"evidence\":[{{\"x\":{{"),
    &[SPARSE, B],
    "(line 2,"
)]
#[case::cut_in_a_batch(
    format!("{{\"responses\":[{{\"id\":\"1\",\"body\":{{\"value\":[{A},\n{B},{{\"id\":\"c"),
    &[A, B],
    "(line 2,"
)]
#[case::cut_in_an_incident(format!("{{\"displayName\":\"i\",\"alerts\":[{SPARSE},\n{{\"id\""), &[SPARSE], "(line 2,")]
#[case::cut_line(format!("{A}\n{{\"value\":[{B},{{"), &[A, B], "(line 2,")]
#[case::no_comma(format!("[{A}\n{B}]"), &[A, B], "(line 2, column 1)")]
#[case::two_commas(format!("{{\"value\":[{A},\n,{B}]}}"), &[A, B], "(line 2, column 1)")]
#[case::other_bracket(format!("[{A},\n{{\"id\":\"c\"],{B}]"), &[A, B], "(line 2, column 10)")]
#[case::member_without_value(format!("[{A},\n{{\"id\":\"c\",\"title\"}},{B}]"), &[A, B], "(line 2,")]
#[case::documents(format!("{A}\n[\n{{\"id\":]\n{B}"), &[A, B], "(line 3, column 7)")]
fn what_is_intact_in_a_broken_document_is_read(
    #[case] text: String,
    #[case] alerts: &[&str],
    #[case] position: &str,
) {
    let found = found(&text);
    assert_eq!(texts(&found), alerts);
    assert!(found.errors.lines().iter().any(|error| error.contains(position)), "{found:?}");
}

#[test]
fn a_text_that_is_broken_everywhere_takes_no_quadratic_time() {
    for part in ["[", "{", "{\"a\":[", "[{},", "{]", "\"{\"id\":"] {
        let found = found(&part.repeat(1_000_000));
        assert!(found.alerts.is_empty() && !found.errors.is_empty(), "{part}");
    }
}

#[rstest]
#[case::array(&format!("[{A},\n{{\"id\":\"x\",\"title\":\"\u{1}\"}},{B}]"))]
#[case::page(&format!("{{\"value\":[{A},\n{{\"id\":\"x\",\"title\":\"\\x\"}},{B}]}}"))]
#[case::batch(&format!("{{\"responses\":[{{\"body\":{{\"value\":[{A},\n{{\"id\":\"x\",\"title\":NaN}},{B}]}}}}]}}"))]
#[case::incident(&format!("{{\"alerts\":[{A},\n{{\"id\":\"x\",\"evidence\":[{{\"a\":\"\\x\"}}]}},{B}]}}"))]
#[case::documents(&format!("[]\n{{\"id\":\"x\",\"title\":\"\u{1}\"}}{A}{B}"))]
fn a_bad_character_costs_its_alert_only(#[case] text: &str) {
    let found = found(text);
    assert_eq!(texts(&found), [A, B]);
    assert!(found.errors.len() == 1 && found.errors.lines()[0].contains("(line 2,"), "{found:?}");
}

#[test]
fn names_and_depths_that_cannot_be_read_are_reported() {
    let nested = |what: &str, depth| format!("{}{what}{}", "[".repeat(depth), "]".repeat(depth));
    let endpoint =
        format!(r#"{{"id":"da1","title":"t","alertCreationTime":"x","evidence":{}}}"#, nested("", 1_000));
    for text in [r#"[{"id":"a","title":"t","severity":"high","\ud800":1}]"#, &nested(A, 20), &endpoint] {
        let found = found(text);
        assert!(found.alerts.is_empty() && found.errors.len() == 1, "{found:?}");
    }
}

#[test]
fn a_log_gives_its_alerts_and_a_few_of_its_errors() {
    // The first lines decide whether the text is read as JSON lines or as concatenated documents.
    for (start, line) in [(format!("{A}\n"), 4), ("log\nlog\nlog\n".to_owned(), 6)] {
        let found = found(&(start.clone() + &format!("some log text\n{A}\n").repeat(5_000)));
        assert_eq!(found.alerts.len(), 5_000 + usize::from(start.starts_with('{')));
        assert_eq!((found.errors.len(), found.errors.lines().len()), (5_000, 51));
        assert!(found.errors.lines()[1].contains(&format!("(line {line},")), "{:?}", found.errors.lines()[1]);
    }
}

#[test]
fn lines_in_parts_are_numbered_from_the_start_of_the_file() {
    let found = find_in_lines(Bytes::from(format!("{A}\n{{\n")), 100, &[]);
    assert!(found.alerts.len() == 1 && found.errors.lines()[0].contains("(line 102,"), "{found:?}");
}

/// Generates JSON values in which some objects have an alert's property names.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-z{\\[\"]{0,6}".prop_map(Into::into),
        prop::sample::select(vec![A, B]).prop_map(|alert| serde_json::from_str(alert).unwrap()),
        prop::sample::select(vec![A, B]).prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = prop::sample::select(vec![
            "id", "title", "value", "alerts", "severity", "x", "Id", "_raw", "error", "evidence", "\u{fffd}",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::vec((names, inner), 0..4).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// Returns whether a value contains one of the two alerts, by comparing values only.
fn contains(value: &serde_json::Value) -> bool {
    let is_alert = |value: &serde_json::Value| {
        [A, B].iter().any(|alert| serde_json::from_str::<serde_json::Value>(alert).unwrap() == *value)
    };
    match value {
        value if is_alert(value) => true,
        serde_json::Value::Array(items) => items.iter().any(contains),
        serde_json::Value::Object(members) => members.values().any(contains),
        _ => false,
    }
}

/// Returns whether an object has an alert's property names in any spelling, and an ID or a title.
/// Written independently of the code under test, it accepts whatever a person might recognise as an
/// alert.
fn is_plausible(alert: &serde_json::Value) -> bool {
    let Some(members) = alert.as_object() else { return false };
    let known = ["id", "title", "severity", "status", "evidence"];
    let plain = |name: &str| name.to_lowercase().replace('_', "");
    let names: Vec<_> = members.keys().map(|name| plain(name)).collect();
    let count = names.iter().filter(|name| known.contains(&name.as_str())).count();
    let is_named = members.iter().any(|(name, value)| {
        ["id", "title"].contains(&plain(name).as_str()) && !value.is_null() && value != ""
    });
    is_named && (count > 1 || count == names.len())
}

/// Returns whether a value is an empty list or contains an empty page.
fn is_empty_list(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().all(is_empty_list),
        serde_json::Value::Object(members) => {
            let is_page = |(name, value): (&String, &serde_json::Value)| {
                is_empty_list(value) && (name == "value" || value.is_object())
            };
            members.iter().any(is_page)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_json_gives_alerts_or_a_line_and_never_a_blank_row(values in prop::collection::vec(json(), 1..3)) {
        let text: Vec<_> = values.iter().map(ToString::to_string).collect();
        let found = found(&text.join("\n"));
        for alert in &found.alerts {
            prop_assert!(is_plausible(&alert.parse().unwrap()), "{:?}", alert);
        }
        if found.alerts.is_empty() && !values.iter().all(is_empty_list) {
            prop_assert!(!found.errors.is_empty(), "{:?}", text);
        }
        if values.iter().any(contains) {
            prop_assert!(!found.alerts.is_empty());
        }
    }

    #[test]
    fn any_reply_gives_alerts_or_a_line_and_never_a_blank_row(values in prop::collection::vec(json(), 0..4)) {
        let sent = values.iter().filter(|value| contains(value)).count();
        for reply in [serde_json::json!({"value": values}), serde_json::json!(values)] {
            let page = crate::split_reply(reply.to_string().into()).unwrap();
            for alert in &page.alerts {
                prop_assert!(is_plausible(&alert.parse().unwrap()), "{:?}", alert);
            }
            prop_assert!(page.alerts.len() >= sent, "{}", reply);
            let items = values.iter().filter(|value| !is_empty_list(value)).count();
            prop_assert!(page.missing.is_some() || page.alerts.len() >= items, "{}", reply);
        }
        // Each value also serves as an entire response.
        for value in values {
            match crate::split_reply(value.to_string().into()) {
                Ok(page) => prop_assert!(
                    !page.alerts.is_empty() || page.missing.is_some() || is_empty_list(&value), "{}", value
                ),
                Err(_) => prop_assert!(!contains(&value) || value.is_string(), "{}", value),
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let found = find(Bytes::from(body.clone()));
        prop_assert!(!found.alerts.is_empty() || !found.errors.is_empty() || body.iter().all(|byte| b" \n\r\t[],".contains(byte)) || body.starts_with(b"HTTP/"), "{:?}", body);
    }
}
