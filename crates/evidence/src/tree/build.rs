//! How the tree is built: items are joined to things, things are put under what they hang on.
//!
//! It carries out what the table of the types says; only devices and processes, which everything
//! else refers to, are known by name. Nothing here recurses, so that no chain is too long.

use std::{borrow::Cow, collections::HashMap, hash::BuildHasher as _, sync::OnceLock};

use rustc_hash::FxBuildHasher;
use serde_json::Value;

use super::{
    Node, NodeId, SourceRef,
    entities::{DeviceId, Devices, Entity, Register, folded, in_order},
    process::{Images, Process, Processes},
};
use crate::{
    describe,
    types::{DEVICE_BY_ID, EvidenceType, Member, PARENT_PROCESS},
};
use alertdeck_model::{Account, Evidence, FileDetails, Object, type_name};

/// A chain longer than this goes on at the same depth; no screen shows more.
pub(super) const MAX_DEPTH: usize = 64;

/// What comes out.
pub(super) struct Built {
    pub(super) nodes: Vec<Node>,
    /// Those at the top.
    pub(super) roots: Vec<NodeId>,
    /// For each item the places in it that tell of another node, with that node.
    pub(super) nested: HashMap<usize, HashMap<String, NodeId>>,
    /// The node that each item is under.
    pub(super) owners: Vec<NodeId>,
}

/// Builds the nodes of an alert's evidence.
pub(super) fn build(evidence: &[Evidence]) -> Built {
    let mut builder = Builder {
        evidence,
        things: Vec::with_capacity(evidence.len() + 8),
        register: Register::default(),
        devices: Devices::default(),
        processes: Processes::default(),
        parents: Vec::new(),
        tops: Vec::new(),
        inside: Vec::new(),
        held: Vec::new(),
        nested: Vec::new(),
    };
    builder.find_things();
    let only = builder.only_device();
    builder.link_processes(only);
    builder.link_the_rest(only);
    builder.finish()
}

/// A place where a thing was seen: the thing, how it is to be read there, and what stands there.
type Sighting<'a> = (usize, &'static EvidenceType, SourceRef, &'a Value);

struct Builder<'a> {
    evidence: &'a [Evidence],
    things: Vec<Entity<'a>>,
    register: Register,
    devices: Devices<'a>,
    processes: Processes<'a>,
    /// The thing that each thing is under.
    parents: Vec<Option<usize>>,
    /// A thing above each thing, on the way to the one at the top: what finds loops fast.
    tops: Vec<usize>,
    /// Entity with what they are inside of, by their own telling, the nearest first.
    inside: Vec<(usize, Vec<usize>)>,
    /// Entity with what holds them.
    held: Vec<(usize, usize)>,
    /// The places within items that tell of a thing, with that thing.
    nested: Vec<(SourceRef, usize)>,
}

impl<'a> Builder<'a> {
    /// Joins items, and the evidence within them, to things.
    fn find_things(&mut self) {
        let mut items = in_order(&mut self.devices, self.evidence).peekable();
        let mut sightings = Vec::new();
        while let Some(thing) = items.next_if(|thing| thing.process.is_none()) {
            let (row, face, value) = (thing.row, thing.faces[0].clone(), thing.value);
            sightings.push((self.enter(thing), row, face, value));
        }
        // What is found within items has evidence within it too.
        let (mut next, mut processes) = (0, Vec::new());
        while next < sightings.len() {
            let (place, row, face, value) = sightings[next].clone();
            next += 1;
            let mut within = |builder: &mut Self, member: &Member| {
                let found = builder.within(&face, value, member, &mut processes);
                let places: Vec<usize> =
                    found.iter().map(|(place, ..)| *place).filter(|at| *at != place).collect();
                sightings.extend(found);
                places
            };
            for member in row.holds {
                let below = within(self, member);
                self.held.extend(below.into_iter().map(|below| (below, place)));
            }
            let mut above = Vec::new();
            for member in row.inside {
                above.extend(within(self, member));
            }
            if !above.is_empty() {
                self.inside.push((place, above));
            }
        }
        for (at, thing) in self.things.iter().enumerate().filter(|(_, thing)| thing.row.name == "device") {
            if let Some(id) = thing.device {
                self.devices.enter(id, at);
            }
        }
        for thing in items.chain(processes) {
            self.enter_process(thing);
        }
    }

    /// Returns the place of a thing, taking it in where it is new.
    fn enter(&mut self, thing: Entity<'a>) -> usize {
        if let Some(known) = self.register.find(&mut self.things, &thing) {
            self.things[known].also(thing);
            return known;
        }
        let place = self.push(thing);
        self.register.enter(&self.things[place], place);
        place
    }

    fn push(&mut self, thing: Entity<'a>) -> usize {
        self.things.push(thing);
        self.parents.push(None);
        self.tops.push(self.things.len() - 1);
        self.things.len() - 1
    }

    /// Takes in the evidence under one property of an item, and returns where it was seen.
    /// Processes wait: they are told apart by their devices.
    fn within(
        &mut self,
        face: &SourceRef,
        value: &'a Value,
        member: &Member,
        processes: &mut Vec<Entity<'a>>,
    ) -> Vec<Sighting<'a>> {
        let mut seen = Vec::new();
        for (face, value) in members(face, value, member) {
            let row = match Object::new(value).raw("@odata.type") {
                Some(declared) if !member.path.is_empty() => EvidenceType::named(type_name(declared)),
                _ => EvidenceType::named(member.of),
            };
            if row.name == "process" {
                processes.push(Entity::new(&mut self.devices, row, face, value).with_state());
            } else if !describe::is_mute(row, value) {
                let thing = Entity::new(&mut self.devices, row, face.clone(), value);
                let place = self.enter(if member.path.is_empty() { thing } else { thing.with_state() });
                if !member.path.is_empty() {
                    self.nested.push((face.clone(), place));
                }
                seen.push((place, row, face, value));
            }
        }
        seen
    }

    fn enter_process(&mut self, thing: Entity<'a>) {
        let Some(facts) = thing.process else { return };
        let device = self.device_named(thing.device, &thing.faces[0], thing.value);
        let process = Process { thing: self.things.len(), device, created: thing.time, facts };
        let face = thing.items.is_empty().then(|| thing.faces[0].clone());
        let place = match self.processes.add(process) {
            Some(known) => {
                self.things[known].also(thing);
                known
            }
            None => self.push(thing),
        };
        self.nested.extend(face.map(|face| (face, place)));
    }

    /// The device that a thing names by its id. An id that no device has becomes one.
    fn device_named(&mut self, id: Option<DeviceId>, face: &SourceRef, value: &'a Value) -> Option<usize> {
        let id = id?;
        if let Some(known) = self.devices.get(id) {
            return Some(known);
        }
        let device = Entity::new(&mut self.devices, &DEVICE_BY_ID, face.clone(), value);
        let place = self.push(device);
        self.devices.enter(id, place);
        Some(place)
    }

    /// The device of the alert, where it speaks of one alone.
    fn only_device(&self) -> Option<usize> {
        let known = |thing: &Entity<'_>| thing.device.is_none_or(|id| self.devices.get(id).is_some());
        if !self.things.iter().all(known) {
            return None;
        }
        let mut devices = (0..self.things.len()).filter(|at| self.things[*at].row.name == "device");
        devices.next().filter(|_| devices.next().is_none())
    }

    /// Puts every process under its parent, or under its device.
    fn link_processes(&mut self, only: Option<usize>) {
        for at in 0..self.processes.all().len() {
            let (place, device) = (self.processes.all()[at].thing, self.processes.all()[at].device);
            let thing = &self.things[place];
            let Some(facts) = thing.process else { continue };
            let known = self.processes.parent_of(&facts, thing.time, device, place);
            let parent = known.or_else(|| {
                facts.tells_of_parent().then(|| {
                    let child = &self.things[place];
                    let face = child.faces[0].clone();
                    let parent = Entity::new(&mut self.devices, &PARENT_PROCESS, face, child.value);
                    let (created, facts) = (parent.time, parent.process);
                    let thing = self.push(parent);
                    if let Some(facts) = facts {
                        self.processes.enter(Process { thing, device, created, facts });
                    }
                    self.attach(thing, device.or(only));
                    thing
                })
            });
            if parent.is_none_or(|parent| !self.attach(place, Some(parent))) {
                self.attach(place, device.or(only));
            }
        }
    }

    fn link_the_rest(&mut self, only: Option<usize>) {
        for (place, above) in std::mem::take(&mut self.inside) {
            self.attach(place, above.first().copied());
            // A pod names its controller and its namespace: the one is inside of the other.
            for pair in above.windows(2) {
                if !self.things[pair[0]].row.asset && self.parents[pair[0]].is_none() {
                    self.attach(pair[0], Some(pair[1]));
                }
            }
        }
        let any = |name: &str| self.things.iter().any(|thing| thing.row.name == name);
        let actors = if any("user") { self.actors() } else { HashMap::new() };
        let images = if any("file") { self.processes.images() } else { Images::new() };
        let links = self.links();
        let mut held: HashMap<usize, usize> = HashMap::new();
        for (below, above) in std::mem::take(&mut self.held) {
            held.entry(below).or_insert(above);
        }
        for at in 0..self.things.len() {
            if self.parents[at].is_some() {
                continue;
            }
            let (row, object) = (self.things[at].row, self.things[at].object());
            let image = (row.name == "file").then(|| {
                let device = self.things[at].device.and_then(|id| self.devices.get(id));
                self.processes.image_of(&images, FileDetails(object.object("fileDetails")), device)
            });
            let acted = (row.name == "user")
                .then(|| actors.get(&Account(object.object("userAccount")).name()?.to_lowercase()).copied());
            let linked = row.links.iter().find_map(|link| {
                let values = object.each_value(link.mine);
                let theirs = links.get(&(link.of, link.theirs))?;
                values.into_iter().filter_map(folded).find_map(|value| theirs.get(&*value).copied())
            });
            let said = [image.flatten(), linked, held.get(&at).copied(), acted.flatten()];
            if said.into_iter().flatten().any(|under| self.attach(at, Some(under))) || row.asset {
                continue;
            }
            let (thing, face) = (&self.things[at], self.things[at].faces[0].clone());
            let device = self.device_named(thing.device, &face, thing.value);
            self.attach(at, device.or(if row.local { only } else { None }));
        }
    }

    /// The devices that users ran processes on, by the users' names.
    fn actors(&self) -> HashMap<String, usize> {
        let mut actors = HashMap::new();
        for process in self.processes.all() {
            let account = Account(self.things[process.thing].object().object("userAccount"));
            let mut top = process.thing;
            while self.tops[top] != top {
                top = self.tops[top];
            }
            if let Some(name) = account.name()
                && self.things[top].row.name == "device"
            {
                actors.entry(name.to_lowercase()).or_insert(top);
            }
        }
        actors
    }

    /// For each property that a link of the table refers to, the things by its values.
    fn links(&self) -> HashMap<(&'static str, &'static str), HashMap<Cow<'a, str>, usize>> {
        let mut links: HashMap<_, HashMap<Cow<'a, str>, usize>> = HashMap::new();
        let rows: HashMap<&str, &EvidenceType> =
            self.things.iter().map(|thing| (thing.row.name, thing.row)).collect();
        let mut wanted: Vec<_> = rows
            .values()
            .flat_map(|row| row.links)
            .map(|link| (link.of, link.theirs))
            .filter(|(of, _)| rows.contains_key(of))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        for (at, thing) in self.things.iter().enumerate() {
            for (of, theirs) in wanted.iter().filter(|(of, _)| *of == thing.row.name) {
                for value in thing.object().each_value(theirs).into_iter().filter_map(folded) {
                    links.entry((*of, *theirs)).or_default().entry(value).or_insert(at);
                }
            }
        }
        links
    }

    /// Puts a thing under another, unless that is below it already; tells whether it was done.
    fn attach(&mut self, at: usize, under: Option<usize>) -> bool {
        let Some(under) = under.filter(|_| self.parents[at].is_none()) else { return false };
        if self.top(under) == self.top(at) {
            return false;
        }
        self.parents[at] = Some(under);
        self.tops[at] = under;
        true
    }

    /// The thing at the top of where a thing is; the way there gets shorter each time.
    fn top(&mut self, mut at: usize) -> usize {
        while self.tops[at] != at {
            self.tops[at] = self.tops[self.tops[at]];
            at = self.tops[at];
        }
        at
    }

    fn finish(self) -> Built {
        let mut roots = Vec::new();
        let mut children: Vec<Vec<NodeId>> = vec![Vec::new(); self.things.len()];
        for (at, parent) in self.parents.iter().enumerate() {
            parent.map_or(&mut roots, |parent| &mut children[parent]).push(NodeId(at));
        }
        let ranks: Vec<_> = self.things.iter().map(|thing| thing.row.rank()).collect();
        let place = |id: &NodeId| {
            let thing = &self.things[id.0];
            (ranks[id.0], thing.time.is_none(), thing.time, &thing.name, id.0)
        };
        for siblings in children.iter_mut().chain([&mut roots]) {
            siblings.sort_by(|a, b| place(a).cmp(&place(b)));
        }
        let (mut depths, mut keys) = (vec![0; self.things.len()], vec![0; self.things.len()]);
        let mut stack: Vec<_> = roots.iter().map(|root| (*root, 0, 0)).collect();
        while let Some((id, depth, above)) = stack.pop() {
            let thing = &self.things[id.0];
            let key = FxBuildHasher.hash_one((above, thing.named, thing.time));
            (depths[id.0], keys[id.0]) = (depth, key);
            stack.extend(children[id.0].iter().map(|child| (*child, (depth + 1).min(MAX_DEPTH), key)));
        }
        let parents = self.parents;
        let nodes = self.things.into_iter().zip(children).enumerate().map(|(at, (mut thing, children))| {
            thing.items.sort_unstable();
            Node {
                row: thing.row,
                kind: thing.kind,
                time: thing.time,
                verdict: thing.verdict,
                remediation: thing.remediation,
                items: thing.items,
                children,
                depth: depths[at],
                faces: thing.faces,
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
        for (face, place) in self.nested.into_iter().filter(|(face, _)| !face.steps.is_empty()) {
            nested.entry(face.item).or_default().insert(face.path(), NodeId(place));
        }
        Built { nodes, roots, nested, owners }
    }
}

/// The places within a thing of the evidence that stands under one of its properties.
fn members<'a>(face: &SourceRef, value: &'a Value, member: &Member) -> Vec<(SourceRef, &'a Value)> {
    if member.path.is_empty() {
        return vec![(face.clone(), value)];
    }
    let step = |at| {
        let mut face = face.clone();
        face.steps.push((member.path, at));
        face
    };
    match value.get(member.path) {
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
