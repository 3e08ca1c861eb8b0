use super::*;
use alertdeck_evidence::Subjects;
use alertdeck_model::{Alert, RawAlert, Timestamp};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) const FEED: FeedId = FeedId(0);

pub(crate) fn batch(alerts: &[Value]) -> Batch {
    let raw: Vec<_> = alerts.iter().map(raw).collect();
    Batch::decode(&raw)
}

pub(crate) fn raw(alert: &Value) -> RawAlert {
    RawAlert(Bytes::from(alert.to_string()))
}

fn alert(id: &str, updated: u32, title: &str) -> Value {
    json!({"id": id, "title": title, "lastUpdateDateTime": format!("2026-11-01T00:00:{updated:02}Z")})
}

fn title(store: &Store, feed: FeedId, id: &str) -> String {
    let row = store.row(feed, &AlertId::new(id)).unwrap();
    store.cell(row, Column::Title).text()
}

pub(crate) fn terms(store: &Store, row: Row) -> Vec<String> {
    let dictionary = store.dictionary();
    let term = |(key, value): (KeyCode, ValueCode)| {
        let Key { kind, path } = dictionary.key(key);
        format!("{}/{path}={}", kind.as_deref().unwrap_or(""), dictionary.text(value).raw)
    };
    let mut terms: Vec<_> = store.terms(row).map(term).collect();
    terms.sort();
    terms.dedup();
    terms
}

#[test]
fn the_newest_state_of_an_alert_wins() {
    let mut store = Store::default();
    let first =
        store.absorb(FEED, batch(&[alert("a", 5, "five"), alert("b", 1, "b"), alert("a", 3, "three")]));
    assert_eq!((first.new.len(), first.changed.len()), (2, 0));
    assert_eq!(title(&store, FEED, "a"), "five");
    let second = [alert("a", 4, "four"), alert("b", 2, "newer b"), alert("a", 5, "five")];
    let second = store.absorb(FEED, batch(&second));
    assert_eq!((second.new.len(), second.changed), (0, vec![Row(1)]));
    assert_eq!((title(&store, FEED, "a"), title(&store, FEED, "b")), ("five".into(), "newer b".into()));
    assert_eq!(terms(&store, Row(1))[2], "/title=newer b");
    let mut rows = RowSet::default();
    let name = store.dictionary().name("title").unwrap();
    store.add_rows_of(store.dictionary().spelled(name, "b").next().unwrap(), &mut rows);
    assert!(rows.is_empty(), "the former title");
}

#[test]
fn any_number_of_alerts_is_decoded_in_order() {
    let mut store = Store::default();
    let alerts = (0..2_500).map(|n| raw(&alert(&format!("{}", n % 1_700), n / 1_700, &format!("title {n}"))));
    let rows = store.decode(FEED, alerts);
    let expected: Vec<_> = (0..2_500).map(|n| Row(n % 1_700)).collect();
    assert_eq!((rows, store.len()), (expected, 1_700));
    assert_eq!(
        (title(&store, FEED, "0"), title(&store, FEED, "800")),
        ("title 1700".into(), "title 800".into())
    );
}

#[test]
fn alerts_that_share_an_id_but_not_their_creation_are_different() {
    let alert = |created: &str, title: &str| json!({"id": "x", "createdDateTime": created, "title": title});
    let mut store = Store::default();
    let feed = FeedId::default();
    store.absorb(
        feed,
        batch(&[alert("2026-01-01T10:00:00.1234567Z", "one"), alert("2026-01-02T10:00:00Z", "two")]),
    );
    assert_eq!(store.len(), 2);
    // The first alert again, from a tool that drops fractions of seconds, and an alert without a
    // creation time.
    store.absorb(
        feed,
        batch(&[alert("2026-01-01T10:00:00.123Z", "one again"), json!({"id": "x", "title": "y"})]),
    );
    assert_eq!(store.len(), 2);
}

#[test]
fn a_date_that_cannot_be_read_is_shown_as_sent_and_sorted_last() {
    let dates = [
        (json!("2026-11-01T00:00:00Z"), "2026-11-01T00:00:00Z"),
        (json!("yesterday"), "yesterday"),
        (json!(12), "12"),
        (json!("0001-01-01T00:00:00Z"), ""),
        (json!(" "), ""),
        (json!(null), ""),
        (json!("/Date(1777629600123)/"), "2026-05-01T10:00:00Z"),
    ];
    let mut store = Store::default();
    let alerts: Vec<_> =
        dates.iter().zip(0..).map(|((date, _), id)| json!({"id": id, "createdDateTime": date})).collect();
    let rows = store.absorb(FEED, batch(&alerts)).new;
    for (row, (date, expected)) in rows.iter().zip(&dates) {
        assert_eq!(store.cell(*row, Column::Created).text(), *expected, "{date}");
    }
    let odd = |store: &Store| rows.iter().filter(|row| store.has_odd_date(**row)).count();
    assert_eq!(odd(&store), 2);
    for descending in [true, false] {
        let mut sorted = rows.clone();
        sorted.sort_by(|a, b| store.compare(Sort { column: Column::Created, descending }, *a, *b));
        let first: Vec<_> = sorted[..2].iter().map(|row| row.index()).collect();
        assert_eq!(first, if descending { [0, 6] } else { [6, 0] });
    }
    store.absorb(FEED, batch(&[json!({"id": 1, "createdDateTime": "2026-11-01T00:00:00Z", "lastUpdateDateTime": "2026-11-01T00:00:00Z"})]));
    assert_eq!(odd(&store), 1);
}

#[test]
fn an_id_is_unique_in_a_feed_only() {
    let mut store = Store::default();
    let other = FeedId::new(1);
    store.absorb(FEED, batch(&[alert("a", 1, "here"), alert("b", 1, "here")]));
    store.absorb(other, batch(&[alert("a", 1, "there")]));
    assert_eq!((title(&store, FEED, "a"), title(&store, other, "a")), ("here".into(), "there".into()));
    assert_eq!(store.row(other, &AlertId::new("b")), None);
    store.hide_feeds([FEED]);
    assert_eq!((store.len(), store.rows().first()), (1, Some(Row(2))));
    store.absorb(FEED, batch(&[alert("c", 1, "hidden")]));
    assert_eq!(store.len(), 1);
    store.hide_feeds([]);
    assert_eq!(store.len(), 4);
    store.retire(FEED);
    assert_eq!((store.len(), store.row(FEED, &AlertId::new("a"))), (1, None));
    let again = store.absorb(FEED, batch(&[alert("a", 1, "again")]));
    assert_eq!((again.new, title(&store, FEED, "a")), (vec![Row(4)], "again".into()));
}

#[test]
fn alerts_that_cannot_be_read_or_have_no_id_have_rows() {
    let mut store = Store::default();
    let raw = [
        RawAlert(Bytes::from_static(b"{\"id\":\"x\",\"a\":1e9999999999999999999999}}")),
        RawAlert(Bytes::from_static(b"7")),
    ];
    store.absorb(FEED, Batch::decode(&raw));
    store.absorb(FEED, Batch::decode(&raw));
    store.absorb(
        FEED,
        batch(&[json!({"title": "no id"}), json!({"title": "no id either"}), json!({"id": "a"})]),
    );
    assert_eq!(store.len(), 5, "the same bytes have the same row");
    assert!(store.cell(Row(0), Column::Title).text().starts_with("unreadable alert: "));
    assert_eq!(store.cell(Row(1), Column::Title).text(), "unreadable alert: not a JSON object");
    assert!(!store.is_readable(Row(0)) && store.is_readable(Row(2)));
    assert_eq!(store.stored(Row(1)).read().0, "7");
}

#[test]
fn every_value_becomes_a_term() {
    let mut store = Store::default();
    let one = br##"{"id":"A","title":"T","mitreTechniques":["T1","T1","T2"],"count":1e2,"evidence":[
        {"processId":12,"@odata.type":"#microsoft.graph.security.processEvidence",
            "imageFile":{"sha256":"AB","md5":null}},
        null, 7, ["x"], {"@odata.type":"#microsoft.graph.security.quantumEvidence","on":true}]}"##;
    let first = &br#"{"id":"zz","title":"AB","extra":1}"#[..];
    store.absorb(FEED, Batch::decode(&[first, &one[..]].map(|text| RawAlert(Bytes::from_static(text)))));
    assert_eq!(
        terms(&store, Row(1)),
        [
            "/count=1e+2",
            "/id=A",
            "/mitreTechniques=T1",
            "/mitreTechniques=T2",
            "/title=T",
            "process/@odata.type=#microsoft.graph.security.processEvidence",
            "process/imageFile.sha256=AB",
            "process/processId=12",
            "quantum/@odata.type=#microsoft.graph.security.quantumEvidence",
            "quantum/on=true",
            "untyped/=7",
            "untyped/=x",
        ]
    );
}

#[test]
fn values_keep_their_meaning_in_later_batches() {
    let mut store = Store::default();
    let mut one = another();
    one["id"] = "one".into();
    one["evidence"].as_array_mut().unwrap().reverse();
    one["mitreTechniques"].as_array_mut().unwrap().remove(0);
    store.absorb(FEED, batch(&[another()]));
    store.absorb(FEED, batch(&[one]));
    let cells =
        |row| [Column::Device, Column::User, Column::Techniques].map(|column| store.cell(row, column).text());
    assert_eq!(cells(Row(0)), ["a +1", "a +1", "T1001 +1"]);
    assert_eq!(cells(Row(1)), ["b +1", "b +1", "T1002"]);
}

#[test]
fn of_a_repeated_property_the_last_one_counts() {
    let text = br#"{"id":"a","title":"first","title":"last","evidence":[{"x":1,"x":2}]}"#;
    let mut store = Store::default();
    store.absorb(FEED, Batch::decode(&[RawAlert(Bytes::from_static(text))]));
    assert_eq!(title(&store, FEED, "a"), "last");
    assert_eq!(terms(&store, Row(0)), ["/id=a", "/title=last", "untyped/x=2"]);
    assert_eq!(store.stored(Row(0)).read().0, &text[..]);
}

#[test]
fn a_few_changes_of_a_page_do_not_keep_all_of_it() {
    let mut store = Store::default();
    let page =
        |updated| -> Vec<Value> { (0..20).map(|at| alert(&format!("{at}"), updated, "same")).collect() };
    store.absorb(FEED, batch(&page(1)));
    let mut again = page(1);
    again[3] = alert("3", 2, "new");
    store.absorb(FEED, batch(&again));
    assert_ne!(store.stored(Row(3)), store.stored(Row(2)));
    assert_eq!(store.stored(Row(3)).read().0, again[3].to_string());
}

#[test]
fn json_is_restored_from_contents_unless_it_is_written_unusually() {
    let usual = [
        r#"{"id":"1","a":[1,-2.50,true,null,"é \"\\\n\u0001/"],"b":{},"c":[],"":{"x":[[{}]]}}"#,
        r##"{"id":"2","evidence":[{"@odata.type":"#microsoft.graph.security.fileEvidence","x":[]},null,7,[1]],"z":1}"##,
        r#"{"id":"3","evidence":{"x":"y"}}"#,
        r#"{"id":"4","evidence":"text"}"#,
        r#"{"id":"5","evidence":null,"quoted\"name":0}"#,
        r#"{"id":"6","n":{"é":"é"}}"#,
        r##"{"id":"a\u00e9","\u2022\n":["\ud83d\ude00 \u007f"],"evidence":[{"@odata.type":"#microsoft.graph.security.fileEvidence","x":"\u0080"}]}"##
            .replace("\\u007f", "\u{7f}").leak(),
    ];
    let unusual = [
        r#"{"id": "6a"}"#,
        r#"{"id":"7","a":"\u00E9"}"#,
        r#"{"id":"7a","a":"\u00e9 é"}"#,
        r#"{"id":"7b","n":{"é":"\u00e9"}}"#,
        r#"{"id":"7c","a":"\u007f"}"#,
        r#"{"id":"7d","a":"\u000a"}"#,
        r#"{"id":"8","a":"\/"}"#,
        r#"{"id":"9","a":1E2}"#,
        r#"{"id":"9a","a":0.1e+2}"#,
        r#" {"id":"10"}"#,
        r#"{"id":"11"} "#,
        r#"{"id":"12","a":1,"a":2}"#,
        r#"{"\u0069d":"13"}"#,
        r#"{"id":"14","a":[1 ,2]}"#,
        r##"{"id":"15","more":[{"@odata.type":"#microsoft.graph.security.fileEvidence"}]}"##,
    ];
    let mut store = Store::default();
    let texts: Vec<_> = usual.iter().chain(&unusual).collect();
    let raw = texts.iter().map(|text| RawAlert(Bytes::copy_from_slice(text.as_bytes())));
    for (at, (row, text)) in store.decode(FEED, raw).into_iter().zip(&texts).enumerate() {
        assert_eq!(store.stored(row).read().0, text.as_bytes());
        assert_eq!(store.columns.bodies.contains_key(&row), at >= usual.len(), "{text}");
    }
}

#[test]
fn stored_json_stays_readable_when_the_alert_changes() {
    for get in [Store::stored, Store::deferred] {
        let mut store = Store::default();
        let alert =
            |title: &str| json!({"id": "a", "title": title, "lastUpdateDateTime": "2026-11-01T00:00:00Z"});
        store.absorb(FEED, batch(&[alert("before")]));
        let before = get(&store, Row(0));
        assert!(store.is_current(Row(0), &before));
        store.absorb(FEED, batch(&[json!({"id": "b", "new": [1, 2], "title": "other"})]));
        assert!(store.is_current(Row(0), &before));
        store.absorb(FEED, batch(&[alert("after")]));
        assert!(!store.is_current(Row(0), &before));
        assert_eq!(before.read().0, alert("before").to_string());
        assert_eq!(before.size(), alert("before").to_string().len());
        assert_eq!(get(&store, Row(0)).read().0, alert("after").to_string());
        assert_ne!(get(&store, Row(0)), before);
        assert_eq!(store.stored(Row(0)), store.deferred(Row(0)));
        // A snapshot would share values with the store, so that later batches would have to copy
        // them.
        store.absorb(FEED, batch(&[alert("last")]));
        store.stored(Row(0));
        assert!(store.snapshot.get().is_none());
    }
}

pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "2026-11-01T00:00:00Z",
            "high",
            "resolved",
            "compromised",
            "malicious",
            "#microsoft.graph.security.deviceEvidence",
            "#microsoft.graph.security.userEvidence",
            "#microsoft.graph.security.hostLogonSessionEvidence",
            "mailboxEvidence",
            "https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example%2F",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let name = prop::sample::select(vec![
            "id",
            "title",
            "severity",
            "status",
            "assignedTo",
            "categories",
            "mitreTechniques",
            "evidence",
            "@odata.type",
            "deviceDnsName",
            "userAccount",
            "userPrincipalName",
            "accountName",
            "domainName",
            "host",
            "upn",
            "createdDateTime",
            "roles",
            "verdict",
            "é",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

/// Returns an alert with several values in each column that holds a list.
pub(crate) fn another() -> Value {
    let device =
        |name| json!({"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": name});
    let user = |name| json!({"@odata.type": "#microsoft.graph.security.userEvidence", "userAccount": {"accountName": name}});
    json!({"id": "another", "title": "another", "category": "another", "assignedTo": "another",
        "mitreTechniques": ["T1001", "T1002"], "evidence": [device("a"), device("b"), user("a"), user("b")]})
}

/// Returns the expected text of each column for a fully decoded alert.
fn shown(alert: &Alert) -> Vec<(Column, String)> {
    let text = |text: &Option<SafeText>| text.as_ref().map(SafeText::line).unwrap_or_default();
    let time = |at: Option<Timestamp>, name: &str| match at {
        Some(at) => at.to_second(),
        None => alert.json[name]
            .as_str()
            .filter(|text| !text.trim().is_empty())
            .map(|text| SafeText::new(text).line())
            .unwrap_or_default(),
    };
    let list = |texts: Vec<SafeText>| {
        let mut seen = Vec::new();
        for text in texts {
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        match seen.as_slice() {
            [] => String::new(),
            [one] => one.line(),
            [first, more @ ..] => format!("{} +{}", first.line(), more.len()),
        }
    };
    let [devices, users] = Subjects::of(&alert.evidence)
        .map(|subjects| subjects.as_slice().iter().map(|subject| subject.name.clone()).collect());
    vec![
        (Column::Severity, alert.severity.to_string()),
        (Column::Status, alert.status.to_string()),
        (Column::Title, text(&alert.title)),
        (Column::Owner, text(&alert.assigned_to)),
        (Column::Created, time(alert.created, "createdDateTime")),
        (Column::Category, text(&alert.category.clone().or_else(|| alert.categories.first().cloned()))),
        (Column::Techniques, list(alert.mitre_techniques.clone())),
        (Column::Device, list(devices)),
        (Column::User, list(users)),
    ]
}

/// Writes JSON without white space. If `is_ascii` is set, non-ASCII characters are escaped.
fn written(value: &Value, is_ascii: bool) -> String {
    let escaped = |unit: u16| format!("\\u{unit:04x}");
    let json = value.to_string();
    let characters = json.chars().map(|character| match character {
        '\0'..='\u{7f}' => character.to_string(),
        _ if is_ascii => character.encode_utf16(&mut [0; 2]).iter().copied().map(escaped).collect(),
        _ => character.to_string(),
    });
    characters.collect()
}

proptest! {
    /// A batch mixes alerts with and without escaped non-ASCII characters. They share the decoder's
    /// property names.
    #[test]
    fn json_in_either_usual_form_is_restored(
        alerts in prop::collection::vec((json().prop_filter("an object", Value::is_object), any::<bool>()), 1..5),
    ) {
        let texts: Vec<_> = alerts.iter().map(|(value, is_ascii)| written(value, *is_ascii)).collect();
        let raw: Vec<_> = texts.iter().map(|text| RawAlert(text.clone().into())).collect();
        let batch = Batch::decode(&raw);
        for (at, (text, (value, _))) in texts.iter().zip(&alerts).enumerate() {
            prop_assert_eq!(batch.json(at).unwrap().0, text.as_bytes());
            let mut others = value.as_object().unwrap().iter().filter(|(name, _)| *name != "evidence");
            // Evidence under other properties needs a tree.
            if !others.any(|(_, value)| value.to_string().contains("Evidence\"")) {
                prop_assert!(batch.alerts[at].body.is_none(), "{}", text);
            }
            let terms = [&raw[at], &super::tests::raw(value)].map(|raw| {
                let mut store = Store::default();
                let row = store.absorb(FEED, Batch::decode([raw])).seen[0];
                terms(&store, row)
            });
            prop_assert_eq!(&terms[0], &terms[1]);
        }
    }

    #[test]
    fn json_with_a_wrong_character_is_accepted_only_if_it_is_valid(
        value in json().prop_filter("an object", Value::is_object),
        at in any::<prop::sample::Index>(),
        with in "|[\"\\\\:,{}\\[\\]0.e -]{1,2}",
        removed in 0usize..2,
    ) {
        let mut json = value.to_string().into_bytes();
        let at = at.index(json.len());
        json.splice(at..at + removed, with.bytes());
        let raw = RawAlert(json.into());
        let batch = Batch::decode([&raw]);
        prop_assert_eq!(batch.alerts[0].is_readable, raw.decode().is_ok());
        prop_assert_eq!(batch.json(0).unwrap(), raw);
    }

    /// The single pass over the JSON gives the same result as the model, regardless of which other
    /// alerts are loaded.
    #[test]
    fn columns_and_terms_are_those_of_the_model(value in json().prop_filter("an object", Value::is_object)) {
        let raw = raw(&value);
        let alert = raw.decode().unwrap();
        let mut store = Store::default();
        // Add another alert first, so that values have different codes in the store and in the
        // batch.
        store.absorb(FEED, batch(&[another()]));
        let row = store.absorb(FEED, Batch::decode([&raw])).seen[0];
        prop_assert_eq!(store.stored(row).read(), raw);
        for (column, expected) in shown(&alert) {
            // Values that are not strings are tested elsewhere.
            if column == Column::Created && !value["createdDateTime"].is_string() {
                continue;
            }
            prop_assert_eq!(store.cell(row, column).text(), expected, "{:?}", column);
        }
        if !alert.id.raw().is_empty() {
            prop_assert_eq!(store.facts(row).id(), alert.id.clone());
        }
        let mut expected = Vec::new();
        let mut collect = |kind: &str, json: &Value| {
            alertdeck_model::walk(json, &mut String::new(), false, &mut |path, value| {
                let text = match value {
                    None => return,
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                };
                expected.push(format!("{kind}/{path}={text}"));
            });
        };
        collect("", &alert.json);
        for item in &*alert.evidence {
            collect(item.type_name.raw(), &item.json);
        }
        for item in &*alert.evidence {
            let links = item.properties().into_iter().filter_map(|property| property.value);
            for link in links.flat_map(|link| alertdeck_model::originals(link.raw())) {
                expected.push(format!("{}/(originalurl)={link}", item.type_name.raw()));
            }
        }
        for (subjects, property) in Subjects::of(&alert.evidence).iter().zip(["(deviceid)", "(userid)"]) {
            for subject in subjects.as_slice().iter().filter(|subject| subject.identity.is_name()) {
                let name = subject.identity.value.to_lowercase();
                expected.push(format!("{}/{property}={name}", subject.kind));
            }
        }
        expected.sort();
        expected.dedup();
        prop_assert_eq!(terms(&store, row), expected);
    }
}
