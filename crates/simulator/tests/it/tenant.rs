//! The evidence in the simulated tenant: completeness, validity and realism.

#![expect(clippy::unwrap_used, reason = "a panic in a helper fails its test")]

mod schema;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use alertdeck_evidence::Tree;
use alertdeck_model::{Alert, RawAlert, Timestamp};
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_simulator::{Settings, Simulator};
use schema::Schema;
use serde_json::Value;

/// Returns the alerts in a tenant with default settings.
fn tenant(alerts: usize) -> Vec<Value> {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    Simulator::start(Settings { alerts, ..Settings::new(now) }).unwrap().alerts()
}

fn decode(alert: &Value) -> Alert {
    RawAlert(alert.to_string().into()).decode().unwrap()
}

fn items(alert: &Value) -> &[Value] {
    alert["evidence"].as_array().unwrap()
}

#[test]
fn every_type_of_evidence_occurs() {
    let schema = Schema::read();
    let alerts = tenant(2_000);
    let types = alerts.iter().flat_map(items).map(|item| item["@odata.type"].as_str().unwrap());
    let types: BTreeSet<_> = types.map(|name| name.trim_start_matches('#')).collect();
    let missing: Vec<_> =
        schema.evidence_types().into_iter().filter(|name| !types.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn evidence_conforms_to_the_schema_and_uses_every_property() {
    let schema = Schema::read();
    for version in schema.versions() {
        let mut validator = schema.validator(version);
        for alert in tenant(5_000) {
            for item in items(&alert) {
                validator.item(item);
            }
        }
        // Deliberately undeclared: a verdict (docs/graph-api.md, "Enumerations") and an evidence
        // type.
        let undeclared = ["evidenceVerdict 5", "type microsoft.graph.security.browserExtensionEvidence"];
        let unexpected: Vec<_> =
            validator.errors.iter().filter(|error| !undeclared.contains(&error.as_str())).collect();
        assert!(unexpected.is_empty(), "{version}: {unexpected:#?}");
        assert_eq!(validator.errors.len(), undeclared.len());
        assert_eq!(validator.unused(), Vec::<String>::new(), "{version}");
    }
}

#[test]
fn recurrence_of_indicators_is_realistic() {
    let mut alerts_of = HashMap::<Indicator, usize>::new();
    for alert in tenant(2_000) {
        // The files in the large alert occur nowhere else.
        if items(&alert).len() > 1_000 {
            continue;
        }
        let tree = Tree::new(&decode(&alert).evidence);
        let found: HashSet<Indicator> =
            tree.rows(|_| false).into_iter().flat_map(|row| tree.describe(row).indicators.clone()).collect();
        for indicator in found {
            *alerts_of.entry(indicator).or_default() += 1;
        }
    }
    let mut spread = BTreeMap::<_, [usize; 4]>::new();
    for (indicator, alerts) in &alerts_of {
        let class = match alerts {
            0..=1 => 0,
            2..=5 => 1,
            6..=50 => 2,
            _ => 3,
        };
        spread.entry(indicator.kind.field()).or_default()[class] += 1;
    }
    let total =
        spread.values().fold([0; 4], |sum, kind| std::array::from_fn(|class| sum[class] + kind[class]));
    let share = |class: usize| total[class] as f64 / alerts_of.len() as f64;
    assert!((0.2..0.7).contains(&share(0)), "{total:?} {spread:?}");
    assert!((0.2..0.6).contains(&share(1)), "{total:?} {spread:?}");
    assert!((0.05..0.3).contains(&share(2)), "{total:?} {spread:?}");
    assert!((0.005..0.05).contains(&share(3)), "{total:?} {spread:?}");
    let of = |kind, value: &str| {
        let found = alerts_of.iter().find(|(found, _)| found.kind == kind && found.value.raw() == value);
        found.map_or(0, |(_, alerts)| *alerts)
    };
    assert!(of(IndicatorKind::Process, "powershell.exe") > 100);
    assert!(of(IndicatorKind::Process, "explorer.exe") > 50);
    for kind in ["hash", "ip", "user", "device", "cmdline"] {
        let [_, few, some, _] = spread[kind];
        assert!(few + some > 20, "{kind} {:?}", spread[kind]);
    }
}

#[test]
fn large_tenants_have_one_alert_with_five_thousand_items() {
    let large = |alerts: usize| {
        let alerts = tenant(alerts);
        let of = |alert: &Value| items(alert).len();
        alerts.into_iter().filter(|alert| of(alert) > 1_000).collect::<Vec<_>>()
    };
    assert!(large(999).is_empty());
    for count in [1_000, 4_000] {
        let [alert] = &large(count)[..] else { panic!("not one large alert in {count}") };
        assert_eq!(items(alert).len(), 5_000);
        let devices: BTreeSet<_> =
            items(alert).iter().filter_map(|item| item["mdeDeviceId"].as_str()).collect();
        assert_eq!(devices.len(), 40);
        let types: BTreeSet<_> = items(alert).iter().map(|item| item["@odata.type"].to_string()).collect();
        assert!(types.len() >= 3, "{types:?}");
    }
}

#[test]
fn process_trees_are_deep_wide_and_incomplete() {
    let (mut deepest, mut widest) = (0, 0);
    let (mut reused, mut cycles, mut parents_only, mut no_parent, mut duplicates) = (0, 0, 0, 0, 0);
    let (mut images, mut other_files) = (0, 0);
    let (mut commands, mut precisions, mut values_of_a_key) = (Vec::new(), BTreeSet::new(), 0);
    for sent in tenant(2_000) {
        let alert = decode(&sent);
        if alert.evidence.len() > 1_000 {
            continue;
        }
        let tree = Tree::new(&alert.evidence);
        for row in tree.rows(|_| false) {
            let node = tree.node(row);
            if node.kind.raw() == "process" {
                deepest = deepest.max(node.depth);
                let children =
                    node.children.iter().filter(|child| tree.node(**child).kind.raw() == "process");
                widest = widest.max(children.count());
                parents_only += usize::from(node.items.is_empty());
            }
            if node.kind.raw() == "file" {
                let parent = tree.parent(row).map(|parent| tree.node(parent));
                let is_image = parent.is_some_and(|parent| parent.kind.raw() == "process");
                *(if is_image { &mut images } else { &mut other_files }) += 1;
            }
        }
        let mut starts = HashMap::<_, BTreeSet<_>>::new();
        let mut keys = HashMap::<_, BTreeSet<_>>::new();
        for (item, read) in items(&sent).iter().zip(&*alert.evidence) {
            match read.type_name.raw() {
                "process" => {
                    let process = read.object();
                    let device = item["mdeDeviceId"].to_string();
                    let created_at = process.time("processCreationDateTime");
                    starts.entry((device, process.int("processId"))).or_default().insert(created_at);
                    no_parent += usize::from(item["parentProcessImageFile"].is_null());
                    commands.push(item["processCommandLine"].as_str().map_or(0, str::len));
                    let created = item["processCreationDateTime"].as_str().unwrap();
                    precisions.insert(created.split_once('.').map_or(0, |(_, fraction)| fraction.len() - 1));
                    let parent_at = process.time("parentProcessCreationDateTime");
                    cycles += usize::from(parent_at.is_some() && parent_at >= created_at);
                }
                "registryValue" => {
                    keys.entry(item["registryKey"].to_string())
                        .or_default()
                        .insert(item["registryValueName"].to_string());
                }
                _ => {}
            }
        }
        reused += starts.values().filter(|times| times.len() > 1).count();
        values_of_a_key = values_of_a_key.max(keys.values().map(BTreeSet::len).max().unwrap_or(0));
        let distinct: HashSet<_> = items(&sent).iter().map(Value::to_string).collect();
        duplicates += items(&sent).len() - distinct.len();
    }
    assert!((10..=16).contains(&deepest), "{deepest}");
    assert!(widest >= 4, "{widest}");
    assert!(values_of_a_key >= 4, "{values_of_a_key}");
    for (what, count) in [
        ("reused process ids", reused),
        ("process cycles", cycles),
        ("parents known only from a child", parents_only),
        ("processes without a parent", no_parent),
        ("duplicate items", duplicates),
        ("image files of processes", images),
        ("other files", other_files),
        (
            "command lines of 2 to 30 KB",
            commands.iter().filter(|length| (2_000..30_000).contains(*length)).count(),
        ),
    ] {
        assert!(count > 0, "no {what}");
    }
    assert!(precisions.is_superset(&BTreeSet::from([0, 3, 7])), "{precisions:?}");
}

#[test]
fn hostile_texts_occur_in_embedded_evidence() {
    /// Collects the paths of strings with control characters.
    fn hostile(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if text.chars().any(|c| c.is_control() && c != '\n') => {
                found.insert(path.to_owned());
            }
            Value::Array(items) => items.iter().for_each(|item| hostile(item, path, found)),
            Value::Object(properties) => {
                properties.iter().for_each(|(name, value)| hostile(value, &format!("{path}.{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    tenant(5_000).iter().flat_map(items).for_each(|item| hostile(item, "", &mut found));
    for name in ["subject", "registryValue", "processCommandLine"] {
        assert!(found.iter().any(|path| path.starts_with(&format!(".{name}"))), "{name}: {found:?}");
    }
    assert!(found.iter().any(|path| path.matches('.').count() > 2), "{found:?}");
}
