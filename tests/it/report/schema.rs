//! The text and the ticket contain every property declared in Graph's schema, for every type of
//! evidence and for both API versions.

use alertdeck_evidence::Tree;
use alertdeck_model::{SafeText, Timestamp, defang::refang, walk};
use pulldown_cmark::Event;
use serde_json::{Map, Value, json};

use super::{decode, parse, report};
use alertdeck_testing::schema;

const NAMESPACE: &str = "microsoft.graph.security.";
/// The number of levels of nested evidence.
const DEEP: usize = 3;
/// The number of levels of nested evidence in tests with many variants.
const SHALLOW: usize = 1;

/// Generates unique values.
struct Maker<'a> {
    version: &'a Value,
    max_depth: usize,
    count: usize,
}

impl Maker<'_> {
    fn object(&mut self, of: &str, depth: usize) -> Value {
        let mut object = Map::new();
        let mut at = Some(of.to_owned());
        while let Some(name) = at {
            let declared = ["complexTypes", "entities"]
                .iter()
                .find_map(|kind| self.version[kind].get(&name))
                .unwrap_or_else(|| panic!("no type {name}"));
            for property in declared["properties"].as_array().unwrap() {
                let (name, of) = (property["name"].as_str().unwrap(), property["type"].as_str().unwrap());
                if name == "evidence" {
                    continue;
                }
                let value = if property["collection"] == true {
                    let both = [self.value(name, of, depth, true), self.value(name, of, depth, false)];
                    both.into_iter().flatten().collect::<Vec<_>>().into()
                } else {
                    let declared = self.count.is_multiple_of(2);
                    self.value(name, of, depth, declared).unwrap_or_default()
                };
                object.insert(name.to_owned(), value);
            }
            at = declared["base"].as_str().map(str::to_owned);
        }
        object.into()
    }

    fn value(&mut self, name: &str, of: &str, depth: usize, declared: bool) -> Option<Value> {
        self.count += 1;
        let n = self.count;
        let lower = name.to_ascii_lowercase();
        Some(match of {
            "Edm.String" if lower.contains("url") => {
                format!("https://h{n:04}.example.net/p.exe?q={n:04}").into()
            }
            "Edm.String" if lower.ends_with("ip") || lower.ends_with("ipaddress") => {
                format!("10.{}.{}.200", 100 + n / 100, 100 + n % 100).into()
            }
            "Edm.String" if lower.contains("address") || lower.contains("sender") || lower == "upn" => {
                format!("u{n:04}@m{n:04}.example.org").into()
            }
            "Edm.String" if lower.contains("name") => format!("n{n:04}.exe").into(),
            "Edm.String" => format!("v{n:04} *a* |b| <i> `c` [d](e)").into(),
            "Edm.Guid" => format!("00000000-0000-4000-8000-{n:012}").into(),
            "Edm.Int32" | "Edm.Int64" => (700_000 + n).into(),
            "Edm.Double" => (700_000.5 + n as f64).into(),
            "Edm.Boolean" => true.into(),
            "Edm.DateTimeOffset" => Timestamp::from_seconds(1_790_000_000 + 61 * n as i64).to_string().into(),
            _ => {
                let of = if of == "microsoft.graph.security.alertEvidence" {
                    "microsoft.graph.security.azureResourceEvidence"
                } else {
                    of
                };
                if let Some(members) = self.version["enums"][of]["members"].as_array() {
                    return Some(if declared {
                        members[n % members.len()]["name"].clone()
                    } else {
                        format!("mystery{n:04}").into()
                    });
                }
                if of.ends_with(".dictionary") || of.ends_with(".alertCustomDetails") {
                    return Some(
                        json!({(format!("key {n:04} |")): format!("custom {n:04}"), "deep": {"er": [n + 700_000]}}),
                    );
                }
                if depth == self.max_depth {
                    return None;
                }
                let mut inner = self.object(of, depth + 1);
                if name == "cloudResource" {
                    inner["@odata.type"] = format!("#{of}").into();
                }
                inner
            }
        })
    }
}

/// Values with their paths.
type Leaves = Vec<(String, String)>;

/// Returns all values in a document with their paths, except for its type, which is shown as words.
fn leaves(value: &Value) -> Leaves {
    let mut found = Vec::new();
    walk(value, &mut String::new(), true, &mut |path, value| {
        let text = match value {
            Some(Value::String(text)) => SafeText::new(text).line(),
            Some(other) => other.to_string(),
            None => return,
        };
        if !text.is_empty() && path != "@odata.type" {
            found.push((path.to_owned(), text));
        }
    });
    found
}

/// Returns the visible text of a ticket, refanged.
fn visible_text(markdown: &str) -> String {
    let mut visible = String::new();
    for event in parse(markdown) {
        match event {
            Event::Text(text) | Event::Code(text) => visible.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => visible.push('\n'),
            _ => {}
        }
    }
    refang(&visible)
}

/// Asserts that the properties, the text and the ticket contain all expected values.
fn assert_contains_all(alert: &Value, expected: &[(String, String)], what: &str) {
    let decoded = decode(alert);
    let tree = Tree::new(&decoded.evidence);
    let nodes = tree.rows(|_| false);
    let properties: Vec<_> = nodes
        .iter()
        .flat_map(|id| tree.properties(*id))
        .map(|(_, property)| property)
        .chain(decoded.properties())
        .filter_map(|property| Some((property.path.line(), property.value?.line())))
        .collect();
    let report = report(alert);
    let (text, ticket) = (report.text(), visible_text(&report.markdown()));
    for (path, value) in expected {
        assert!(properties.contains(&(path.clone(), value.clone())), "{what}: no property {path} = {value}");
        // A value that is not unique counts only if it is next to its name, in a list or on a line.
        let is_unique = value.len() > 5 && value.contains(|c: char| c.is_ascii_digit());
        let in_line = nodes.iter().map(|id| tree.describe(*id)).any(|described| {
            let mut pieces = described.main.iter().chain(&described.facts);
            pieces.any(|piece| &*piece.path == path && piece.text.line().contains(value))
        });
        if is_unique {
            assert!(text.contains(value), "{what}: {path} = {value} is not in\n{text}");
            assert!(ticket.contains(value), "{what}: {path} = {value} is not in\n{ticket}");
        } else if !in_line {
            let labels = FACTS.iter().find(|(name, _)| name == path).map(|(_, label)| *label);
            let is_fact =
                |line: &str| labels.is_some_and(|label| line.starts_with(label) && line.ends_with(value));
            let listed = format!("    {path}: {value}");
            assert!(
                text.lines().any(|line| line == listed || is_fact(line)),
                "{what}: {listed} is not in\n{text}"
            );
            let listed = format!("{path} {value}");
            let is_fact = labels.is_some_and(|label| ticket.contains(&format!("{label}\n{value}\n")));
            assert!(is_fact || ticket.contains(&listed), "{what}: {listed} is not in\n{ticket}");
        }
    }
}

/// The enumeration properties of an alert, with their labels.
const FACTS: [(&str, &str); 7] = [
    ("severity", "severity"),
    ("status", "status"),
    ("classification", "classification"),
    ("determination", "determination"),
    ("serviceSource", "service source"),
    ("detectionSource", "detection source"),
    ("investigationState", "investigation"),
];

/// Returns variants of a document in which one property is missing, null, empty or of another type,
/// each with the values that must still be present.
fn variants(original: &Value) -> Vec<(String, Value, Leaves)> {
    let mut all = Vec::new();
    let all_leaves = leaves(original);
    for name in original.as_object().unwrap().keys().filter(|name| !name.starts_with('@')) {
        let is_below = |path: &str| {
            path.strip_prefix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let others: Vec<_> = all_leaves.iter().filter(|(path, _)| !is_below(path)).cloned().collect();
        let odd = match &original[name] {
            Value::String(_) => json!({"odd": ["odd 700001", false]}),
            Value::Array(_) | Value::Object(_) => json!("odd 700001"),
            _ => json!(["odd 700001", {}]),
        };
        for value in [None, Some(Value::Null), Some("".into()), Some(odd)] {
            let mut changed = original.clone();
            let map = changed.as_object_mut().unwrap();
            let what = format!("{name} = {value:?}");
            match value {
                Some(value) => map.insert(name.clone(), value),
                None => map.shift_remove(name),
            };
            let mut expected = others.clone();
            expected.extend(leaves(&changed).into_iter().filter(|(path, _)| is_below(path)));
            all.push((what, changed, expected));
        }
    }
    all
}

#[test]
fn reports_contain_every_value_of_the_evidence() {
    let schema = schema();
    let mut items = 0;
    for (version_name, version) in schema["versions"].as_object().unwrap() {
        let types = version["evidenceTypes"].as_array().unwrap();
        assert_eq!(types.len(), 48);
        for of in types.iter().map(|of| of.as_str().unwrap()) {
            let mut item = Maker { version, max_depth: DEEP, count: 0 }.object(of, 0);
            let expected = leaves(&item);
            assert!(expected.len() >= 8, "{of}: {expected:?}");
            for spelling in [format!("#{of}"), of.to_owned(), format!("#{}", of.to_uppercase())] {
                item["@odata.type"] = spelling.into();
                assert_contains_all(&json!({"id": "a", "evidence": [item]}), &expected, of);
            }
            let mut item = Maker { version, max_depth: SHALLOW, count: 0 }.object(of, 0);
            item["@odata.type"] = format!("#{of}").into();
            for (what, item, expected) in variants(&item) {
                items += 1;
                let what = format!("{version_name} {of}: {what}");
                assert_contains_all(&json!({"id": "a", "evidence": [item]}), &expected, &what);
            }
        }
    }
    assert!(items > 3_000, "{items}");
}

#[test]
fn reports_contain_every_value_of_an_alert() {
    let schema = schema();
    for (version_name, version) in schema["versions"].as_object().unwrap() {
        for of in ["alert", "manualAlert"] {
            let full = format!("{NAMESPACE}{of}");
            if version["entities"].get(&full).is_none() {
                continue;
            }
            let original = Maker { version, max_depth: DEEP, count: 0 }.object(&full, 0);
            assert_contains_all(&original, &leaves(&original), of);
            for (what, alert, expected) in variants(&original) {
                assert_contains_all(&alert, &expected, &format!("{version_name} {of}: {what}"));
            }
        }
    }
}

#[test]
fn values_of_merged_evidence_items_are_kept_apart() {
    let file = |path: &str, size: u32| {
        json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "createdDateTime": "2026-11-01T10:00:00Z",
            "verdict": "suspicious", "mdeDeviceId": "d1", "odd.path": path,
            "fileDetails": {"fileName": "a.exe", "sha256": "00", "fileSize": size}})
    };
    let alert = json!({"id": "a", "evidence": [file("x", 700_001), file("y", 700_002)]});
    let text = report(&alert).text();
    for expected in [
        "1: odd.path: x",
        "2: odd.path: y",
        "1: fileDetails.fileSize: 700001",
        "2: fileDetails.fileSize: 700002",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(text.matches("verdict: suspicious").count(), 1, "{text}");
}
