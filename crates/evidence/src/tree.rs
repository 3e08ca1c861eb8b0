//! An alert's evidence as a tree, with assets at the top and what happened on them below.
//!
//! Processes are linked to their parents by device, process id and creation time, because process
//! ids are reused. A parent known only from its child also gets a node. A file is placed under the
//! process whose image it is, a registry value under its key, and a pod under its namespace. The
//! type table defines these relations. Items about the same entity share a node.
//!
//! Invariants: cycles are broken and missing parents tolerated, the depth is bounded, every item
//! belongs to exactly one node, and the order of the items does not change the tree.

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

/// Identifies a node within one [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// Identifies a node across all trees of the same alert, so that a collapsed node stays collapsed
/// after a refresh. It depends on the node's path, type, name and time.
pub type NodeKey = u64;

/// A tree node: an entity that has evidence items of its own or is merely mentioned in others.
#[derive(Clone, Debug)]
pub struct Node {
    row: &'static EvidenceType,
    /// The short type name, such as `registryKey`.
    pub kind: SafeText,
    /// The time of the event, if the type has one, such as when a process was created.
    pub time: Option<Timestamp>,
    /// The worst verdict among the node's items.
    pub verdict: Verdict,
    /// The remediation state of the item with the worst verdict.
    pub remediation: Remediation,
    /// The node's items, as indices into the alert's evidence; empty if the entity is merely
    /// mentioned in other items.
    pub items: Vec<usize>,
    /// The child nodes, in order.
    pub children: Vec<NodeId>,
    /// The number of levels above the node, up to 64.
    pub depth: usize,
    /// The places in the evidence that describe the entity, most complete first.
    sources: Vec<SourceRef>,
    parent: Option<NodeId>,
    key: NodeKey,
    /// The description, computed on first use.
    description: OnceLock<Description>,
}

/// A place in the evidence that describes an entity: an item, or a value embedded in one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SourceRef {
    item: usize,
    /// The path within the item: property names, each with an index where the property is a list.
    steps: Vec<(&'static str, Option<usize>)>,
}

impl SourceRef {
    fn of(item: usize) -> Self {
        Self { item, steps: Vec::new() }
    }

    /// Returns the path in the notation of [`properties`].
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
    /// Returns the key that identifies the node across trees of the same alert.
    pub fn key(&self) -> NodeKey {
        self.key
    }

    /// Returns the label of the node's type, such as `registry key`.
    pub fn label(&self) -> String {
        if self.row.label.is_empty() { self.kind.line() } else { self.row.label.to_owned() }
    }

    /// Lists the sources in other nodes' items: embedded values or, for an entity with neither
    /// items nor embedded values, the item that mentions it.
    fn foreign_sources(&self) -> impl Iterator<Item = &SourceRef> {
        let own = |source: &&SourceRef| self.items.binary_search(&source.item).is_ok();
        let embedded = self.sources.iter().filter(move |source| !source.steps.is_empty() && !own(source));
        let whole = self.sources.first().filter(|source| self.items.is_empty() && source.steps.is_empty());
        whole.into_iter().chain(embedded)
    }

    /// Returns whether a property found in a source describes this node. A parent process has its
    /// child as its source, and only some of the child's properties describe the parent.
    fn owns_property(&self, path: &str) -> bool {
        !std::ptr::eq(self.row, &raw const super::types::PARENT_PROCESS) || path.starts_with("parentProcess")
    }

    /// Returns the property that holds the node's time.
    pub(super) fn time_property(&self) -> &'static str {
        if self.row.name == "process" { "processCreationDateTime" } else { self.row.time }
    }

    /// Returns the verdict and remediation as text, such as `malicious, blocked`, or `None` if
    /// neither is set.
    pub fn state(&self) -> Option<String> {
        let verdict = (self.verdict != Verdict::Unknown).then(|| self.verdict.words());
        let remediation = (self.remediation != Remediation::None).then(|| self.remediation.words());
        let words: Vec<_> = verdict.into_iter().chain(remediation).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The source of a node's property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertySource {
    /// One of the node's items, counted from 1.
    Item(usize),
    /// An item of another node.
    Other(NodeId),
}

/// One alert's evidence as a tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    evidence: Arc<[Evidence]>,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
    /// The node for each embedded value, by item and path within the item.
    nested: HashMap<usize, HashMap<String, NodeId>>,
    /// Each item's node.
    owners: Vec<NodeId>,
}

impl Tree {
    /// Builds the tree of an alert's evidence.
    pub fn new(evidence: &Arc<[Evidence]>) -> Self {
        let build::Built { nodes, roots, nested, owners } = build::build(evidence);
        Self { evidence: Arc::clone(evidence), nodes, roots, nested, owners }
    }

    /// Returns the top-level nodes, in order.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// Returns a node of this tree.
    ///
    /// # Panics
    ///
    /// May panic if the id belongs to another tree.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Returns a node's parent, or `None` for a top-level node.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    /// Returns the number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns whether the tree has no nodes because the alert has no evidence.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns a node's description, computing it on first use.
    pub fn describe(&self, id: NodeId) -> &Description {
        let node = self.node(id);
        node.description.get_or_init(|| {
            describe::describe(node.row, node.sources.iter().map(|source| source.find(&self.evidence)))
        })
    }

    /// Lists a node's properties, each with its source: first all properties of the node's items,
    /// then those in other nodes' items that describe the node, without duplicates.
    pub fn properties(&self, id: NodeId) -> Vec<(PropertySource, Property)> {
        let node = self.node(id);
        let mut listed = Vec::new();
        for (at, item) in node.items.iter().enumerate() {
            let own = self.evidence[*item].properties().into_iter();
            listed.extend(own.map(|property| (PropertySource::Item(at + 1), property)));
        }
        let mut known: HashSet<Property> = listed.iter().map(|(_, property)| property.clone()).collect();
        for source in node.foreign_sources() {
            let (base, origin) = (source.path(), PropertySource::Other(self.owners[source.item]));
            for property in properties(source.find(&self.evidence)) {
                if node.owns_property(property.path.raw()) && known.insert(property.clone()) {
                    let path = match &*base {
                        "" => property.path,
                        base => SafeText::new(&format!("{base}.{}", property.path.raw())),
                    };
                    listed.push((origin, Property { path, ..property }));
                }
            }
        }
        listed
    }

    /// Lists the distinct indicators of all nodes, by kind and then in tree order.
    pub fn indicators(&self) -> Vec<Indicator> {
        let mut known = HashSet::new();
        let all = self.rows(|_| false).into_iter().flat_map(|id| &self.describe(id).indicators);
        let mut indicators: Vec<_> = all.filter(|indicator| known.insert(*indicator)).cloned().collect();
        indicators.sort_by_key(|indicator| indicator.kind);
        indicators
    }

    /// Calls `visit` with the raw text of each of a node's values, except type names. Intended for
    /// searching; visits the values that [`Tree::properties`] lists.
    pub fn each_text(&self, id: NodeId, visit: &mut dyn FnMut(&str)) {
        let node = self.node(id);
        let items = node.items.iter().map(|item| &self.evidence[*item].json);
        for value in items.chain(node.foreign_sources().map(|source| source.find(&self.evidence))) {
            walk(value, &mut String::new(), false, &mut |path, value| {
                if path.ends_with("@odata.type") || !node.owns_property(path) {
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

    /// Lists the properties of a node's items that the node's line does not show in full, each
    /// paired with the number of its item, counted from 1. Properties that are equal in several
    /// items are listed once.
    ///
    /// Together with the lines of the tree, these properties cover all the evidence received,
    /// except for empty values.
    pub fn hidden_properties(&self, id: NodeId) -> Vec<(usize, Property)> {
        let (node, description) = (self.node(id), self.describe(id));
        let pieces: Vec<_> = description
            .main
            .iter()
            .chain(&description.facts)
            .filter(|_| node.sources[0].steps.is_empty())
            .map(|piece| (&*piece.path, piece.text.head()))
            .collect();
        let is_in_line = |item: usize, path: &str, value: &SafeText| {
            let is_label = path == "@odata.type" && !std::ptr::eq(node.row, &raw const super::types::UNKNOWN);
            let shows = |(of, text): &(&str, String)| *of == path && text.contains(&value.line());
            is_label || item == node.sources[0].item && !value.is_blank() && pieces.iter().any(shows)
        };
        let mut seen: HashSet<(SafeText, SafeText)> = HashSet::new();
        let mut hidden = Vec::new();
        // The item that the line describes comes first, so that equal values in other items count
        // as shown too.
        let mut items: Vec<_> = node.items.iter().copied().enumerate().collect();
        items.sort_by_key(|(_, item)| *item != node.sources[0].item);
        for (nth, item) in items {
            for property in self.evidence[item].properties() {
                let Some(value) = property.value.clone() else { continue };
                let is_shown = is_in_line(item, property.path.raw(), &value);
                if seen.insert((property.path.clone(), value)) && !is_shown {
                    hidden.push((nth + 1, property));
                }
            }
        }
        hidden
    }

    /// Returns an item's node.
    pub(super) fn owner(&self, item: usize) -> NodeId {
        self.owners[item]
    }

    /// Finds the embedded evidence that a path within an item belongs to and returns its node.
    /// Returns `None` if the path belongs to the item itself.
    pub(super) fn nested(&self, item: usize, path: &str) -> Option<NodeId> {
        let nodes = self.nested.get(&item)?;
        let mut prefix = path;
        while let Some((holder, _)) = prefix.rsplit_once('.') {
            if let Some(id) = nodes.get(holder) {
                return Some(*id);
            }
            prefix = holder;
        }
        None
    }

    /// Lists the nodes in display order, omitting the descendants of nodes for which `collapsed`
    /// returns true.
    pub fn rows(&self, collapsed: impl Fn(&Node) -> bool) -> Vec<NodeId> {
        let mut rows = Vec::with_capacity(self.nodes.len());
        let mut stack: Vec<NodeId> = self.roots.iter().rev().copied().collect();
        while let Some(id) = stack.pop() {
            rows.push(id);
            if !collapsed(self.node(id)) {
                stack.extend(self.node(id).children.iter().rev());
            }
        }
        rows
    }

    /// Formats the tree as indented text, one node per line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for id in self.rows(|_| false) {
            out.push_str(&"  ".repeat(self.node(id).depth));
            out.push_str(&self.line(id));
            out.push('\n');
        }
        out
    }

    /// Formats a node as one line: its label, name, facts, time, state and number of items.
    pub fn line(&self, id: NodeId) -> String {
        let (node, description) = (self.node(id), self.describe(id));
        let name = match description.name() {
            name if name.is_empty() => "(unnamed)".into(),
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
