//! Tests properties that hold for every tree, and inputs that would be slow if any step were
//! quadratic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{build, device, file, item_of, process, tree};
use crate::types::types;
use alertdeck_model::EVIDENCE_TYPES;

/// Generates an item of any type, with embedded evidence, from the properties that keys, links and
/// relations in the table refer to. There are only a few distinct values, so items often match.
fn item() -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(vec!["a", "b", "A", ""]);
    let leaf = prop_oneof![
        3 => word().prop_map(Value::from),
        1 => (0i64..4).prop_map(Value::from),
        1 => prop::sample::select(vec!["2026-11-01T10:00:00Z", "2026-11-01T10:00:00.5Z", "2026-11-01T11:00:00Z"])
            .prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let mut names: Vec<&'static str> =
            vec!["mdeDeviceId", "processId", "parentProcessId", "verdict", "x"];
        for row in types() {
            let paths = row.keys.iter().flat_map(|key| key.required.iter().chain(key.optional)).copied();
            let paths = paths.chain(row.links.iter().flat_map(|link| [link.property, link.target_property]));
            let embedded = row.embedded_parents.iter().chain(row.embedded_children);
            let paths = paths.chain(embedded.map(|embedded| embedded.path));
            names.extend(paths.flat_map(|path| path.split(['.', '|'])).filter(|name| !name.is_empty()));
        }
        names.extend(["processCreationDateTime", "parentProcessCreationDateTime", "processCommandLine"]);
        names.extend(["imageFile", "parentProcessImageFile", "fileName", "sha256", "userAccount", "account"]);
        names.sort_unstable();
        names.dedup();
        let kind =
            prop::sample::select(EVIDENCE_TYPES.iter().copied().chain(["quantum", ""]).collect::<Vec<_>>());
        let fields = prop::collection::vec((prop::sample::select(names), inner.clone()), 0..9);
        prop_oneof![
            6 => (kind, fields).prop_map(|(kind, fields)| {
                let mut item = json!({"@odata.type": format!("#microsoft.graph.security.{kind}Evidence")});
                for (name, value) in fields {
                    item[name] = value;
                }
                item
            }),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

/// Generates items of all types, with enough processes and files to form chains.
fn items(most: usize) -> impl Strategy<Value = Vec<Value>> {
    let id = || prop::sample::select(vec!["d1", "d2", ""]);
    let time = || prop::sample::select(vec!["10:00:00", "10:00:00.5", "11:00:00", "never"]);
    let one = prop_oneof![
        2 => id().prop_map(|id| device(id, id)),
        6 => (id(), 1i64..5, time(), 0i64..5, time())
            .prop_map(|(id, pid, at, ppid, pat)| process(id, (pid, at), (ppid, pat))),
        2 => (id(), 1i64..5).prop_map(|(id, of)| file(id, of)),
        10 => item(),
    ];
    prop::collection::vec(one, 0..most)
}

proptest! {
    #[test]
    fn every_item_belongs_to_exactly_one_node(evidence in items(16)) {
        let tree = tree(&evidence);
        let rows = tree.rows(|_| false);
        let sent = evidence.iter().filter(|item| !item.is_null()).count();
        let mut items: Vec<usize> = rows.iter().flat_map(|id| tree.node(*id).items.clone()).collect();
        items.sort_unstable();
        prop_assert_eq!(items, (0..sent).collect::<Vec<_>>());
        prop_assert_eq!(rows.len(), tree.len(), "every node is listed once");
        for id in rows {
            prop_assert!(tree.node(id).depth <= build::MAX_DEPTH);
            prop_assert!(!tree.line(id).contains('\n'));
        }
    }

    #[test]
    fn order_of_items_does_not_matter(
        (evidence, shuffled) in items(12).prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
    ) {
        prop_assert_eq!(tree(&evidence).text(), tree(&shuffled).text());
    }
}

/// At these sizes, a quadratic step would take minutes.
#[test]
fn thousands_of_items_take_no_quadratic_time() {
    const MANY: i64 = 8_000;
    let at = |second: i64| format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let chain: Vec<_> = (1..=MANY).map(|n| process("d1", (n, &at(n)), (n - 1, &at(n - 1)))).collect();
    let one_pid: Vec<_> = (1..=MANY).map(|n| process("d1", (7, &at(n)), (7, &at(n - 1)))).collect();
    let same: Vec<_> = (1..=MANY).map(|_| json!({"@odata.type": "x", "a": [1, 2, 3]})).collect();
    let timeless: Vec<_> = (1..=MANY)
        .map(|_| json!({"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 4, "parentProcessId": 4}))
        .collect();
    let images: Vec<_> =
        (1..=MANY / 2).flat_map(|n| [process("", (n, "x"), (0, "x")), file("", n % 7)]).collect();
    // Images with the same path and different hashes.
    let image = |n: i64| json!({"fileName": "a.exe", "filePath": "C:\\", "sha256": format!("{n:064x}")});
    let paths: Vec<_> = (1..=MANY / 2)
        .flat_map(|n| {
            let process = json!({"processId": n, "imageFile": image(n)});
            [item_of("process", &process), item_of("file", &json!({"fileDetails": image(-n)}))]
        })
        .collect();
    for (evidence, nodes, deepest) in [
        (paths, MANY as usize, 0),
        (chain, MANY as usize + 2, build::MAX_DEPTH),
        (one_pid, MANY as usize + 2, build::MAX_DEPTH),
        (same, 1, 0),
        (timeless, 2, 1),
        (images, MANY as usize / 2 + 8, 2),
    ] {
        let tree = tree(&evidence);
        let depth = tree.rows(|_| false).iter().map(|id| tree.node(*id).depth).max();
        assert_eq!((tree.len(), depth), (nodes, Some(deepest)));
    }
}
