//! The tree: assets at the top, under them what happened there, as parent and child.
//!
//! Processes are linked to their parents by device, process id and creation time, since process
//! ids are reused; a parent known only through its child becomes a node too. Files hang under the
//! process that they are the image of, registry values under their key, pods under their
//! namespace: what hangs on what comes from the table of the types. Items that are the same thing
//! are one node with a count. Loops and missing parents are survived, the depth is bounded, every
//! item is under exactly one node, and the order of the items does not change the tree.

mod build;
mod process;
mod things;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{Description, describe, types::EvidenceType};
use crate::model::{Evidence, Object, Property, Remediation, SafeText, Timestamp, Verdict, properties};

/// A node's place in a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// What a node is about, the same in every tree of the same alert: what is folded stays folded
/// when the alert is read again.
pub type NodeKey = u64;

/// One thing in the tree: an item of evidence, several that are the same thing, or a thing that
/// only another item tells of.
#[derive(Clone, Debug)]
pub struct Node {
    row: &'static EvidenceType,
    /// The short type name, as in `registryKey`.
    pub kind: SafeText,
    /// When it happened, where its type says so: the creation of a process.
    pub time: Option<Timestamp>,
    /// The worst verdict of its items.
    pub verdict: Verdict,
    /// The remediation state of the item with that verdict.
    pub remediation: Remediation,
    /// The items, as indices into the alert's evidence; empty for what only another item tells.
    pub items: Vec<usize>,
    /// The nodes under it, in order.
    pub children: Vec<NodeId>,
    /// Levels above it.
    pub depth: usize,
    /// Where in the evidence it is told of.
    face: Face,
    parent: Option<NodeId>,
    key: NodeKey,
    /// How it reads, once somebody has asked.
    description: OnceLock<Description>,
}

/// Where in the evidence a thing is described: an item, or a place within one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Face {
    item: usize,
    /// The way to it within the item: property names and places in lists.
    steps: Vec<(&'static str, Option<usize>)>,
}

impl Face {
    fn of(item: usize) -> Self {
        Self { item, steps: Vec::new() }
    }

    /// The way as [`properties`] writes it.
    fn path(&self) -> String {
        let step = |(name, at): &(&str, Option<usize>)| match at {
            Some(at) => format!("{name}[{at}]"),
            None => (*name).to_owned(),
        };
        self.steps.iter().map(step).collect::<Vec<_>>().join(".")
    }

    fn find<'a>(&self, evidence: &'a [Evidence]) -> &'a Value {
        self.steps.iter().fold(&evidence[self.item].json, |value, (name, at)| {
            let within = &value[*name];
            at.map_or(within, |at| if within.is_array() { &within[at] } else { within })
        })
    }
}

impl Node {
    /// Returns the node's key.
    pub fn key(&self) -> NodeKey {
        self.key
    }

    /// Returns what an analyst calls such a thing: `registry key`.
    pub fn label(&self) -> String {
        if self.row.label.is_empty() { self.kind.line() } else { self.row.label.to_owned() }
    }

    /// Returns the property that its time is told by.
    pub(super) fn time_property(&self) -> &'static str {
        if self.row.name == "process" { "processCreationDateTime" } else { self.row.time }
    }

    /// Returns verdict and remediation as words, as in `malicious, blocked`; `None` where
    /// neither says anything.
    pub fn state(&self) -> Option<String> {
        let verdict = (self.verdict != Verdict::Unknown).then(|| self.verdict.to_string());
        let remediation = (self.remediation != Remediation::None).then(|| self.remediation.to_string());
        let words: Vec<_> = verdict.into_iter().chain(remediation).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The evidence of one alert as a tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    evidence: Arc<[Evidence]>,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
    nested: HashMap<usize, HashMap<String, NodeId>>,
}

impl Tree {
    /// Builds the tree of an alert's evidence.
    pub fn new(evidence: &Arc<[Evidence]>) -> Self {
        let build::Built { nodes, roots, nested } = build::build(evidence);
        Self { evidence: Arc::clone(evidence), nodes, roots, nested }
    }

    /// Returns the nodes at the top, in order.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// Returns a node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Returns the node that a node hangs on.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    /// Returns how many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Tells whether the alert had no evidence.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns how a node reads.
    pub fn describe(&self, id: NodeId) -> &Description {
        let node = self.node(id);
        node.description.get_or_init(|| {
            let value = node.face.find(&self.evidence);
            describe::describe(node.row, Object::new(value), value)
        })
    }

    /// Lists every value of a node with its path: of each of its items, by their number from 1,
    /// or, for a thing that only another item tells of, what that item says of it.
    pub fn properties(&self, id: NodeId) -> Vec<(usize, Property)> {
        let node = self.node(id);
        if node.items.is_empty() {
            let told = properties(node.face.find(&self.evidence)).into_iter();
            // A parent is told of in the properties of its child.
            let whole = !std::ptr::eq(node.row, &raw const super::types::PARENT_PROCESS);
            return told
                .filter(|property| whole || property.path.raw().starts_with("parentProcess"))
                .map(|property| (1, property))
                .collect();
        }
        let items = node.items.iter().map(|item| &self.evidence[*item]).enumerate();
        items
            .flat_map(|(at, item)| item.properties().into_iter().map(move |property| (at + 1, property)))
            .collect()
    }

    /// Lists the values of a node's items that its line does not say whole, by the items' numbers
    /// from 1. What two items say alike is listed once.
    ///
    /// Together with the lines of the tree this is all that was sent: items without values, and
    /// nothing else, are left out.
    pub fn unsaid(&self, id: NodeId) -> Vec<(usize, Property)> {
        let (node, description) = (self.node(id), self.describe(id));
        let pieces: Vec<_> = description
            .main
            .iter()
            .chain(&description.facts)
            .filter(|_| node.face.steps.is_empty())
            .map(|piece| (&*piece.path, piece.text.head()))
            .collect();
        let is_in_line = |item: usize, path: &str, value: &SafeText| {
            let is_label = path == "@odata.type" && !std::ptr::eq(node.row, &raw const super::types::UNKNOWN);
            let says = |(of, text): &(&str, String)| *of == path && text.contains(&value.line());
            is_label || item == node.face.item && !value.is_blank() && pieces.iter().any(says)
        };
        let mut said: HashSet<(SafeText, SafeText)> = HashSet::new();
        let mut unsaid = Vec::new();
        // The item that the line is of goes first, so that what the line says counts for others.
        let mut items: Vec<_> = node.items.iter().copied().enumerate().collect();
        items.sort_by_key(|(_, item)| *item != node.face.item);
        for (nth, item) in items {
            for property in self.evidence[item].properties() {
                let Some(value) = property.value.clone() else { continue };
                let is_shown = is_in_line(item, property.path.raw(), &value);
                if said.insert((property.path.clone(), value)) && !is_shown {
                    unsaid.push((nth + 1, property));
                }
            }
        }
        unsaid
    }

    /// Returns the node that a value of an item tells of, where that is another than the item's:
    /// evidence within evidence.
    pub(super) fn nested(&self, item: usize, path: &str) -> Option<NodeId> {
        let places = self.nested.get(&item)?;
        let mut within = path;
        while let Some((holder, _)) = within.rsplit_once('.') {
            if let Some(id) = places.get(holder) {
                return Some(*id);
            }
            within = holder;
        }
        None
    }

    /// Lists the nodes from top to bottom, without what is below a node that `folded` names.
    pub fn rows(&self, folded: impl Fn(&Node) -> bool) -> Vec<NodeId> {
        let mut rows = Vec::with_capacity(self.nodes.len());
        let mut stack: Vec<NodeId> = self.roots.iter().rev().copied().collect();
        while let Some(id) = stack.pop() {
            rows.push(id);
            if !folded(self.node(id)) {
                stack.extend(self.node(id).children.iter().rev());
            }
        }
        rows
    }

    /// Writes the tree as indented text, one node a line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for id in self.rows(|_| false) {
            out.push_str(&"  ".repeat(self.node(id).depth));
            out.push_str(&self.line(id));
            out.push('\n');
        }
        out
    }

    /// Writes a node on one line: type, name, facts, time, state, count.
    pub fn line(&self, id: NodeId) -> String {
        let (node, description) = (self.node(id), self.describe(id));
        let name = match description.name() {
            name if name.is_empty() => "(nothing to name it by)".into(),
            name => name,
        };
        let mut line = vec![format!("{} {name}", node.label())];
        line.extend(description.facts.iter().map(|fact| fact.text.head()));
        line.extend(node.time.map(Timestamp::to_second));
        line.extend(node.state().map(|state| format!("[{state}]")));
        line.extend((node.items.len() > 1).then(|| format!("×{}", node.items.len())));
        line.join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RawAlert;
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn tree(evidence: &[Value]) -> Tree {
        let text = json!({"id": "a", "evidence": evidence}).to_string();
        Tree::new(&RawAlert(Bytes::from(text)).decode().unwrap().evidence)
    }

    fn device(id: &str, name: &str) -> Value {
        json!({"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": id, "deviceDnsName": name})
    }

    /// A process with its parent: (id, created), (parent id, parent created), names by id.
    fn process(device: &str, child: (i64, &str), parent: (i64, &str)) -> Value {
        let at = |time: &str| format!("2026-11-01T{time}Z");
        json!({"@odata.type": "#microsoft.graph.security.processEvidence", "mdeDeviceId": device,
            "processId": child.0, "processCreationDateTime": at(child.1), "processCommandLine": format!("run {}", child.0),
            "parentProcessId": parent.0, "parentProcessCreationDateTime": at(parent.1),
            "imageFile": {"fileName": format!("p{}.exe", child.0), "sha256": format!("{:064x}", child.0)},
            "parentProcessImageFile": {"fileName": format!("p{}.exe", parent.0)}})
    }

    fn file(device: &str, image_of: i64) -> Value {
        json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "mdeDeviceId": device,
            "fileDetails": {"fileName": format!("p{image_of}.exe"), "sha256": format!("{image_of:064x}")}})
    }

    #[test]
    fn processes_hang_under_their_parents_and_files_under_their_process() {
        let tree = tree(&[
            file("d1", 3),
            process("d1", (3, "10:00:02"), (2, "10:00:01")),
            process("d1", (2, "10:00:01"), (1, "09:00:00")),
            device("d1", "pc-1"),
        ]);
        insta::assert_snapshot!(tree.text(), @r"
        device pc-1
          process p1.exe (1)  known only as parent  2026-11-01T09:00:00Z
            process p2.exe (2)  run 2  2026-11-01T10:00:01Z
              process p3.exe (3)  run 3  2026-11-01T10:00:02Z
                file p3.exe  sha256 0000000000000000000000000000000000000000000000000000000000000003
        ");
    }

    #[test]
    fn a_reused_process_id_is_another_process() {
        let tree = tree(&[
            device("d1", "pc-1"),
            device("d2", "pc-2"),
            process("d1", (7, "10:00:00"), (1, "09:00:00")),
            process("d1", (7, "11:00:00"), (1, "09:00:00")),
            process("d1", (8, "11:00:05"), (7, "11:00:00")),
            process("d1", (9, "11:30:00"), (7, "10:00:00")),
            process("d2", (8, "11:00:05"), (7, "11:00:00")),
        ]);
        insta::assert_snapshot!(tree.text(), @r"
        device pc-1
          process p1.exe (1)  known only as parent  2026-11-01T09:00:00Z
            process p7.exe (7)  run 7  2026-11-01T10:00:00Z
              process p9.exe (9)  run 9  2026-11-01T11:30:00Z
            process p7.exe (7)  run 7  2026-11-01T11:00:00Z
              process p8.exe (8)  run 8  2026-11-01T11:00:05Z
        device pc-2
          process p7.exe (7)  known only as parent  2026-11-01T11:00:00Z
            process p8.exe (8)  run 8  2026-11-01T11:00:05Z
        ");
    }

    #[test]
    fn the_same_item_twice_is_counted() {
        let tree = tree(&[device("d1", "pc-1"), file("d1", 3), file("d1", 3), device("d1", "pc-1")]);
        assert_eq!(tree.len(), 2);
        let root = tree.node(tree.roots()[0]);
        assert_eq!((root.items.len(), tree.node(root.children[0]).items.len()), (2, 2));
    }

    #[test]
    fn loops_are_cut() {
        let tree = tree(&[
            process("d1", (1, "10:00:00"), (2, "10:00:00")),
            process("d1", (2, "10:00:00"), (1, "10:00:00")),
            process("d1", (3, "10:00:00"), (3, "10:00:00")),
        ]);
        let shown: usize = tree.rows(|_| false).len();
        assert_eq!(shown, tree.len());
        assert_eq!(tree.roots().len(), 1, "where a loop is cut the device is the parent");
    }

    #[test]
    fn values_hang_under_their_key_and_users_where_they_acted() {
        let mut run = process("d1", (3, "10:00:02"), (2, "10:00:01"));
        run["userAccount"] = json!({"userPrincipalName": "ana@x.io"});
        let tree = tree(&[
            device("d1", "pc-1"),
            device("d2", "pc-2"),
            run,
            json!({"@odata.type": "#microsoft.graph.security.registryKeyEvidence", "registryHive": "HKLM", "registryKey": "Run"}),
            json!({"@odata.type": "#microsoft.graph.security.registryValueEvidence", "registryHive": "HKLM",
                "registryKey": "Run", "registryValueName": "Updater", "registryValue": "c:\\x.exe"}),
            json!({"@odata.type": "#microsoft.graph.security.userEvidence", "userAccount": {"userPrincipalName": "Ana@x.io"}}),
            json!({"@odata.type": "#microsoft.graph.security.quantumEvidence", "qubitName": "q1", "spin": 2}),
        ]);
        insta::assert_snapshot!(tree.text(), @r"
        device pc-1
          process p2.exe (2)  known only as parent  2026-11-01T10:00:01Z
            process p3.exe (3)  run 3  as ana@x.io  2026-11-01T10:00:02Z
          user Ana@x.io
        device pc-2
        registry key HKLM\Run
          registry value Updater  = c:\x.exe
        quantum q1  spin 2
        ");
    }

    fn item() -> impl Strategy<Value = Value> {
        let id = prop::sample::select(vec!["d1", "d2", ""]);
        let time = prop::sample::select(vec!["10:00:00", "10:00:00.5", "11:00:00"]);
        prop_oneof![
            (id.clone()).prop_map(|id| device(id, id)),
            (id.clone(), 1i64..5, time.clone(), 0i64..5, time).prop_map(|(id, pid, at, ppid, pat)| process(
                id,
                (pid, at),
                (ppid, pat)
            )),
            (id, 1i64..5).prop_map(|(id, of)| file(id, of)),
            Just(json!({"@odata.type": "x"})),
            Just(json!({})),
        ]
    }

    proptest! {
        #[test]
        fn every_item_is_under_exactly_one_node(evidence in prop::collection::vec(item(), 0..14)) {
            let tree = tree(&evidence);
            let mut items: Vec<usize> =
                tree.rows(|_| false).iter().flat_map(|id| tree.node(*id).items.clone()).collect();
            items.sort_unstable();
            prop_assert_eq!(items, (0..evidence.len()).collect::<Vec<_>>());
            prop_assert!(tree.rows(|_| false).iter().all(|id| tree.node(*id).depth <= build::MAX_DEPTH));
        }

        #[test]
        fn the_order_of_the_items_does_not_matter(
            (evidence, shuffled) in prop::collection::vec(item(), 0..10)
                .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
        ) {
            prop_assert_eq!(tree(&evidence).text(), tree(&shuffled).text());
        }
    }
}
