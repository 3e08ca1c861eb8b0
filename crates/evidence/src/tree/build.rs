//! Builds the tree: groups items into entities, then links each entity to its parent.
//!
//! The code applies the type table. It names only devices, processes, files and users, because
//! their relations depend on more than a shared value. Nothing here is recursive, so a long chain
//! cannot overflow the stack.

use std::{borrow::Cow, collections::HashMap, hash::BuildHasher as _, sync::OnceLock};

use rustc_hash::FxBuildHasher;
use serde_json::Value;

use super::{
    Node, NodeId, SourceRef,
    entities::{DeviceId, Devices, Entity, EntityIndex, fold_case, in_order},
    process::{ImageIndex, Process, Processes},
};
use crate::{
    describe,
    types::{DEVICE_BY_ID, Embedded, EvidenceType, PARENT_PROCESS},
};
use alertdeck_model::{Account, Evidence, FileDetails, Object, type_name};

/// The maximum depth of a node. Longer chains continue at this depth, because no screen shows more.
pub(super) const MAX_DEPTH: usize = 64;

/// The parts of a tree.
pub(super) struct Built {
    pub(super) nodes: Vec<Node>,
    /// The top-level nodes.
    pub(super) roots: Vec<NodeId>,
    /// The node for each embedded value, by item and path within the item.
    pub(super) nested: HashMap<usize, HashMap<String, NodeId>>,
    /// Each item's node.
    pub(super) owners: Vec<NodeId>,
}

/// Builds the nodes for an alert's evidence.
pub(super) fn build(evidence: &[Evidence]) -> Built {
    let mut builder = Builder {
        evidence,
        entities: Vec::with_capacity(evidence.len() + 8),
        index: EntityIndex::default(),
        devices: Devices::default(),
        processes: Processes::default(),
        parents: Vec::new(),
        ancestors: Vec::new(),
        embedded_parents: Vec::new(),
        embedded_children: Vec::new(),
        nested: Vec::new(),
    };
    builder.collect_entities();
    let sole_device = builder.sole_device();
    builder.link_processes(sole_device);
    builder.link_others(sole_device);
    builder.finish()
}

/// A value that describes an entity: the entity, the type used to read the value, where the value
/// was found, and the value itself.
type Occurrence<'a> = (usize, &'static EvidenceType, SourceRef, &'a Value);

/// The state of a build in progress. Entities are referred to by their index in `entities`.
struct Builder<'a> {
    evidence: &'a [Evidence],
    entities: Vec<Entity<'a>>,
    index: EntityIndex,
    devices: Devices<'a>,
    processes: Processes<'a>,
    /// The parent of each entity.
    parents: Vec<Option<usize>>,
    /// For each entity, one of its ancestors, or the entity itself if it has no parent. This is a
    /// union-find forest, which detects cycles quickly.
    ancestors: Vec<usize>,
    /// Entities, each paired with the parents embedded in it, nearest first.
    embedded_parents: Vec<(usize, Vec<usize>)>,
    /// Embedded entities that become children, each paired with the entity that contains it.
    embedded_children: Vec<(usize, usize)>,
    /// The locations of embedded values, each paired with the value's entity.
    nested: Vec<(SourceRef, usize)>,
}

impl<'a> Builder<'a> {
    /// Groups the items, and the evidence embedded in them, into entities.
    fn collect_entities(&mut self) {
        let mut items = in_order(&mut self.devices, self.evidence).peekable();
        let mut occurrences = Vec::new();
        while let Some(entity) = items.next_if(|entity| entity.process.is_none()) {
            let (row, source, value) = (entity.row, entity.sources[0].clone(), entity.value);
            occurrences.push((self.add(entity), row, source, value));
        }
        // Embedded evidence may embed further evidence, so the list grows while it is read.
        let (mut next, mut processes) = (0, Vec::new());
        while next < occurrences.len() {
            let (holder, row, source, value) = occurrences[next].clone();
            next += 1;
            let mut collect = |builder: &mut Self, embedded: &Embedded| {
                let found = builder.collect_embedded(&source, value, embedded, &mut processes);
                let others: Vec<usize> =
                    found.iter().map(|(entity, ..)| *entity).filter(|at| *at != holder).collect();
                occurrences.extend(found);
                others
            };
            for embedded in row.embedded_children {
                let children = collect(self, embedded);
                self.embedded_children.extend(children.into_iter().map(|child| (child, holder)));
            }
            let mut parents = Vec::new();
            for embedded in row.embedded_parents {
                parents.extend(collect(self, embedded));
            }
            if !parents.is_empty() {
                self.embedded_parents.push((holder, parents));
            }
        }
        let is_device = |(_, entity): &(usize, &Entity<'_>)| entity.row.name == "device";
        for (at, entity) in self.entities.iter().enumerate().filter(is_device) {
            if let Some(id) = entity.device {
                self.devices.set(id, at);
            }
        }
        for entity in items.chain(processes) {
            self.add_process(entity);
        }
    }

    /// Adds an entity or merges it into an equal one that is already known. Returns the entity's
    /// index.
    fn add(&mut self, entity: Entity<'a>) -> usize {
        if let Some(known) = self.index.find(&mut self.entities, &entity) {
            self.entities[known].merge(entity);
            return known;
        }
        let at = self.push(entity);
        self.index.insert(&self.entities[at], at);
        at
    }

    fn push(&mut self, entity: Entity<'a>) -> usize {
        self.entities.push(entity);
        self.parents.push(None);
        self.ancestors.push(self.entities.len() - 1);
        self.entities.len() - 1
    }

    /// Adds the evidence embedded in one property of an item and returns its occurrences. Processes
    /// are set aside, because they can be distinguished only once all devices are known.
    fn collect_embedded(
        &mut self,
        source: &SourceRef,
        value: &'a Value,
        embedded: &Embedded,
        processes: &mut Vec<Entity<'a>>,
    ) -> Vec<Occurrence<'a>> {
        let is_separate = !embedded.path.is_empty();
        let mut found = Vec::new();
        for (source, value) in embedded_values(source, value, embedded) {
            let row = match Object::new(value).raw("@odata.type") {
                Some(declared) if is_separate => EvidenceType::named(type_name(declared)),
                _ => EvidenceType::named(embedded.type_name),
            };
            if row.name == "process" {
                processes.push(Entity::new(&mut self.devices, row, source, value).with_state());
            } else if describe::has_description(row, value) {
                let entity = Entity::new(&mut self.devices, row, source.clone(), value);
                let at = self.add(if is_separate { entity.with_state() } else { entity });
                if is_separate {
                    self.nested.push((source.clone(), at));
                }
                found.push((at, row, source, value));
            }
        }
        found
    }

    fn add_process(&mut self, entity: Entity<'a>) {
        let Some(facts) = entity.process else { return };
        let device = self.device_by_id(entity.device, &entity.sources[0], entity.value);
        let process = Process { entity: self.entities.len(), device, created: entity.time, facts };
        let source = entity.items.is_empty().then(|| entity.sources[0].clone());
        let at = match self.processes.add(process) {
            Some(known) => {
                self.entities[known].merge(entity);
                known
            }
            None => self.push(entity),
        };
        self.nested.extend(source.map(|source| (source, at)));
    }

    /// Returns the device with the given id. If no item describes it, creates it.
    fn device_by_id(&mut self, id: Option<DeviceId>, source: &SourceRef, value: &'a Value) -> Option<usize> {
        let id = id?;
        if let Some(known) = self.devices.get(id) {
            return Some(known);
        }
        let device = Entity::new(&mut self.devices, &DEVICE_BY_ID, source.clone(), value);
        let at = self.push(device);
        self.devices.set(id, at);
        Some(at)
    }

    /// Returns the alert's device, if the evidence refers to exactly one.
    fn sole_device(&self) -> Option<usize> {
        let is_known = |entity: &Entity<'_>| entity.device.is_none_or(|id| self.devices.get(id).is_some());
        if !self.entities.iter().all(is_known) {
            return None;
        }
        let mut devices = (0..self.entities.len()).filter(|at| self.entities[*at].row.name == "device");
        devices.next().filter(|_| devices.next().is_none())
    }

    /// Links every process to its parent process or, failing that, to its device.
    fn link_processes(&mut self, sole_device: Option<usize>) {
        for at in 0..self.processes.all().len() {
            let (child, device) = (self.processes.all()[at].entity, self.processes.all()[at].device);
            let entity = &self.entities[child];
            let Some(facts) = entity.process else { continue };
            let known = self.processes.parent_of(&facts, entity.time, device, child);
            let parent = known.or_else(|| {
                facts.has_parent().then(|| {
                    let source = self.entities[child].sources[0].clone();
                    let value = self.entities[child].value;
                    let parent = Entity::new(&mut self.devices, &PARENT_PROCESS, source, value);
                    let (created, facts) = (parent.time, parent.process);
                    let entity = self.push(parent);
                    if let Some(facts) = facts {
                        self.processes.insert(Process { entity, device, created, facts });
                    }
                    self.attach(entity, device.or(sole_device));
                    entity
                })
            });
            if parent.is_none_or(|parent| !self.attach(child, Some(parent))) {
                self.attach(child, device.or(sole_device));
            }
        }
    }

    /// Links all entities other than processes.
    fn link_others(&mut self, sole_device: Option<usize>) {
        for (at, parents) in std::mem::take(&mut self.embedded_parents) {
            self.attach(at, parents.first().copied());
            // A pod names both its controller and its namespace, and the controller belongs to the
            // namespace.
            for pair in parents.windows(2) {
                if !self.entities[pair[0]].row.asset && self.parents[pair[0]].is_none() {
                    self.attach(pair[0], Some(pair[1]));
                }
            }
        }
        let any = |name: &str| self.entities.iter().any(|entity| entity.row.name == name);
        let user_devices = if any("user") { self.user_devices() } else { HashMap::new() };
        let images = if any("file") { self.processes.images() } else { ImageIndex::new() };
        let link_targets = self.link_targets();
        let mut holders: HashMap<usize, usize> = HashMap::new();
        for (child, holder) in std::mem::take(&mut self.embedded_children) {
            holders.entry(child).or_insert(holder);
        }
        for at in 0..self.entities.len() {
            if self.parents[at].is_some() {
                continue;
            }
            let (row, object) = (self.entities[at].row, self.entities[at].object());
            let process = (row.name == "file").then(|| {
                let device = self.entities[at].device.and_then(|id| self.devices.get(id));
                self.processes.image_of(&images, FileDetails(object.object("fileDetails")), device)
            });
            let device_of_user = (row.name == "user").then(|| {
                user_devices.get(&Account(object.object("userAccount")).name()?.to_lowercase()).copied()
            });
            let linked = row.links.iter().find_map(|link| {
                let values = object.each_value(link.property);
                let targets = link_targets.get(&(link.target_type, link.target_property))?;
                values.into_iter().filter_map(fold_case).find_map(|value| targets.get(&*value).copied())
            });
            let candidates = [process.flatten(), linked, holders.get(&at).copied(), device_of_user.flatten()];
            if candidates.into_iter().flatten().any(|parent| self.attach(at, Some(parent))) || row.asset {
                continue;
            }
            let (entity, source) = (&self.entities[at], self.entities[at].sources[0].clone());
            let device = self.device_by_id(entity.device, &source, entity.value);
            self.attach(at, device.or(if row.local { sole_device } else { None }));
        }
    }

    /// Maps account names, in lower case, to the device on which the user ran a process.
    fn user_devices(&self) -> HashMap<String, usize> {
        let mut devices = HashMap::new();
        for process in self.processes.all() {
            let account = Account(self.entities[process.entity].object().object("userAccount"));
            let mut root = process.entity;
            while self.ancestors[root] != root {
                root = self.ancestors[root];
            }
            if let Some(name) = account.name()
                && self.entities[root].row.name == "device"
            {
                devices.entry(name.to_lowercase()).or_insert(root);
            }
        }
        devices
    }

    /// For each (type, property) pair that a link in the table refers to, maps each value of the
    /// property to the entity with that value.
    fn link_targets(&self) -> HashMap<(&'static str, &'static str), HashMap<Cow<'a, str>, usize>> {
        let mut targets: HashMap<_, HashMap<Cow<'a, str>, usize>> = HashMap::new();
        let rows: HashMap<&str, &EvidenceType> =
            self.entities.iter().map(|entity| (entity.row.name, entity.row)).collect();
        let mut wanted: Vec<_> = rows
            .values()
            .flat_map(|row| row.links)
            .map(|link| (link.target_type, link.target_property))
            .filter(|(name, _)| rows.contains_key(name))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        for (at, entity) in self.entities.iter().enumerate() {
            for (name, property) in wanted.iter().filter(|(name, _)| *name == entity.row.name) {
                for value in entity.object().each_value(property).into_iter().filter_map(fold_case) {
                    targets.entry((*name, *property)).or_default().entry(value).or_insert(at);
                }
            }
        }
        targets
    }

    /// Makes `parent` the parent of an entity that has none, unless that would close a cycle.
    /// Returns whether the parent was set.
    fn attach(&mut self, at: usize, parent: Option<usize>) -> bool {
        let Some(parent) = parent.filter(|_| self.parents[at].is_none()) else { return false };
        if self.root(parent) == self.root(at) {
            return false;
        }
        self.parents[at] = Some(parent);
        self.ancestors[at] = parent;
        true
    }

    /// Returns an entity's top-level ancestor, and shortens the path to it (path halving).
    fn root(&mut self, mut at: usize) -> usize {
        while self.ancestors[at] != at {
            self.ancestors[at] = self.ancestors[self.ancestors[at]];
            at = self.ancestors[at];
        }
        at
    }

    fn finish(self) -> Built {
        let mut roots = Vec::new();
        let mut children: Vec<Vec<NodeId>> = vec![Vec::new(); self.entities.len()];
        for (at, parent) in self.parents.iter().enumerate() {
            parent.map_or(&mut roots, |parent| &mut children[parent]).push(NodeId(at));
        }
        let ranks: Vec<_> = self.entities.iter().map(|entity| entity.row.rank()).collect();
        let order = |id: &NodeId| {
            let entity = &self.entities[id.0];
            (ranks[id.0], entity.time.is_none(), entity.time, &entity.name, id.0)
        };
        for siblings in children.iter_mut().chain([&mut roots]) {
            siblings.sort_by(|a, b| order(a).cmp(&order(b)));
        }
        let (mut depths, mut keys) = (vec![0; self.entities.len()], vec![0; self.entities.len()]);
        let mut stack: Vec<_> = roots.iter().map(|root| (*root, 0, 0)).collect();
        while let Some((id, depth, parent_key)) = stack.pop() {
            let entity = &self.entities[id.0];
            let key = FxBuildHasher.hash_one((parent_key, entity.name_hash, entity.time));
            (depths[id.0], keys[id.0]) = (depth, key);
            stack.extend(children[id.0].iter().map(|child| (*child, (depth + 1).min(MAX_DEPTH), key)));
        }
        let parents = self.parents;
        let nodes =
            self.entities.into_iter().zip(children).enumerate().map(|(at, (mut entity, children))| {
                entity.items.sort_unstable();
                Node {
                    row: entity.row,
                    kind: entity.kind,
                    time: entity.time,
                    verdict: entity.verdict,
                    remediation: entity.remediation,
                    items: entity.items,
                    children,
                    depth: depths[at],
                    sources: entity.sources,
                    parent: parents[at].map(NodeId),
                    key: keys[at],
                    description: OnceLock::new(),
                }
            });
        let nodes: Vec<_> = nodes.collect();
        let mut owners = vec![NodeId(0); self.evidence.len()];
        for (at, node) in nodes.iter().enumerate() {
            node.items.iter().for_each(|item| owners[*item] = NodeId(at));
        }
        let mut nested: HashMap<usize, HashMap<String, NodeId>> = HashMap::new();
        for (source, at) in self.nested.into_iter().filter(|(source, _)| !source.steps.is_empty()) {
            nested.entry(source.item).or_default().insert(source.path(), NodeId(at));
        }
        Built { nodes, roots, nested, owners }
    }
}

/// Lists the objects embedded in one property of a value, along with where each was found.
fn embedded_values<'a>(
    source: &SourceRef,
    value: &'a Value,
    embedded: &Embedded,
) -> Vec<(SourceRef, &'a Value)> {
    if embedded.path.is_empty() {
        return vec![(source.clone(), value)];
    }
    let step = |at| {
        let mut source = source.clone();
        source.steps.push((embedded.path, at));
        source
    };
    match value.get(embedded.path) {
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.is_object())
            .map(|(at, item)| (step(Some(at)), item))
            .collect(),
        Some(single @ Value::Object(_)) => vec![(step(None), single)],
        _ => Vec::new(),
    }
}
