//! The tree: assets at the top, under them what happened there, as parent and child.
//!
//! Processes are linked to their parents by device, process id and creation time, since process
//! ids are reused; a parent known only through its child becomes a node too. Files hang under the
//! process that they are the image of, registry values under their key, pods under their
//! namespace: what hangs on what comes from the table of the types. Items that are the same thing
//! are one node with a count. Loops and missing parents are survived, the depth is bounded, every
//! item is under exactly one node, and the order of the items does not change the tree.

mod build;
mod entities;
mod process;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{Description, describe, types::EvidenceType};
use alertdeck_model::Indicator;
use alertdeck_model::{Evidence, Property, Remediation, SafeText, Timestamp, Verdict, properties, walk};

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
    /// Where in the evidence it is told of, what says most of it first.
    faces: Vec<SourceRef>,
    parent: Option<NodeId>,
    key: NodeKey,
    /// How it reads, once somebody has asked.
    description: OnceLock<Description>,
}

/// Where in the evidence a thing is described: an item, or a place within one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SourceRef {
    item: usize,
    /// The way to it within the item: property names and places in lists.
    steps: Vec<(&'static str, Option<usize>)>,
}

impl SourceRef {
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

    /// Lists where other items tell of it: each place within one, or, where it has no items of its
    /// own and stands in none, the item that says most of it.
    fn tellings(&self) -> impl Iterator<Item = &SourceRef> {
        let own = |face: &&SourceRef| self.items.binary_search(&face.item).is_ok();
        let nested = self.faces.iter().filter(move |face| !face.steps.is_empty() && !own(face));
        let whole = self.faces.first().filter(|face| self.items.is_empty() && face.steps.is_empty());
        whole.into_iter().chain(nested)
    }

    /// Tells whether a property of a place where it is told of is about it: a parent is told of in
    /// some properties of its child.
    fn is_told_in(&self, path: &str) -> bool {
        !std::ptr::eq(self.row, &raw const super::types::PARENT_PROCESS) || path.starts_with("parentProcess")
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

/// Who tells a value of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertySource {
    /// One of the node's items, by its number from 1.
    Item(usize),
    /// An item of another node, within which it stands.
    Other(NodeId),
}

/// The evidence of one alert as a tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    evidence: Arc<[Evidence]>,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
    nested: HashMap<usize, HashMap<String, NodeId>>,
    /// The node that each item is under.
    owners: Vec<NodeId>,
}

impl Tree {
    /// Builds the tree of an alert's evidence.
    pub fn new(evidence: &Arc<[Evidence]>) -> Self {
        let build::Built { nodes, roots, nested, owners } = build::build(evidence);
        Self { evidence: Arc::clone(evidence), nodes, roots, nested, owners }
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
            describe::describe(node.row, node.faces.iter().map(|face| face.find(&self.evidence)))
        })
    }

    /// Lists every value of a node with its path and who tells it: of each of its items all, then
    /// what stands of it within other items, as far as nothing before says the same.
    pub fn properties(&self, id: NodeId) -> Vec<(PropertySource, Property)> {
        let node = self.node(id);
        let mut listed = Vec::new();
        for (at, item) in node.items.iter().enumerate() {
            let own = self.evidence[*item].properties().into_iter();
            listed.extend(own.map(|property| (PropertySource::Item(at + 1), property)));
        }
        let mut known: HashSet<Property> = listed.iter().map(|(_, property)| property.clone()).collect();
        for face in node.tellings() {
            let (way, by) = (face.path(), PropertySource::Other(self.owners[face.item]));
            for property in properties(face.find(&self.evidence)) {
                if node.is_told_in(property.path.raw()) && known.insert(property.clone()) {
                    let path = match &*way {
                        "" => property.path,
                        way => SafeText::new(&format!("{way}.{}", property.path.raw())),
                    };
                    listed.push((by, Property { path, ..property }));
                }
            }
        }
        listed
    }

    /// Lists the indicators of all nodes, each once, by kind and then in the order of the tree.
    pub fn indicators(&self) -> Vec<Indicator> {
        let mut known = HashSet::new();
        let all = self.rows(|_| false).into_iter().flat_map(|id| &self.describe(id).indicators);
        let mut indicators: Vec<_> = all.filter(|indicator| known.insert(*indicator)).cloned().collect();
        indicators.sort_by_key(|indicator| indicator.kind);
        indicators
    }

    /// Calls `visit` for the text of every value of a node, as [`Tree::properties`] lists them but
    /// as it was sent and without the names of types: for searching.
    pub fn each_text(&self, id: NodeId, visit: &mut dyn FnMut(&str)) {
        let node = self.node(id);
        let items = node.items.iter().map(|item| &self.evidence[*item].json);
        for value in items.chain(node.tellings().map(|face| face.find(&self.evidence))) {
            walk(value, &mut String::new(), false, &mut |path, value| {
                if path.ends_with("@odata.type") || !node.is_told_in(path) {
                    return;
                }
                match value {
                    Some(Value::String(text)) => visit(text),
                    Some(other) => visit(&other.to_string()),
                    None => {}
                }
            });
        }
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
            .filter(|_| node.faces[0].steps.is_empty())
            .map(|piece| (&*piece.path, piece.text.head()))
            .collect();
        let is_in_line = |item: usize, path: &str, value: &SafeText| {
            let is_label = path == "@odata.type" && !std::ptr::eq(node.row, &raw const super::types::UNKNOWN);
            let says = |(of, text): &(&str, String)| *of == path && text.contains(&value.line());
            is_label || item == node.faces[0].item && !value.is_blank() && pieces.iter().any(says)
        };
        let mut said: HashSet<(SafeText, SafeText)> = HashSet::new();
        let mut unsaid = Vec::new();
        // The item that the line is of goes first, so that what the line says counts for others.
        let mut items: Vec<_> = node.items.iter().copied().enumerate().collect();
        items.sort_by_key(|(_, item)| *item != node.faces[0].item);
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

    /// Returns the node that an item is under.
    pub(super) fn owner(&self, item: usize) -> NodeId {
        self.owners[item]
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
mod tests;
