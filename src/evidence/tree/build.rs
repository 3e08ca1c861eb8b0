//! How the tree is built: items are joined to things, things are put under what they hang on.
//!
//! It carries out what the table of the types says; only devices and processes, which everything
//! else refers to, are known by name. Nothing here recurses, so that no chain is too long.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::OnceLock,
};

use serde_json::Value;

use super::{
    Face, Node, NodeId,
    process::{self, Images, Processes},
    things::{Register, Thing, folded, order},
};
use crate::{
    evidence::{
        describe,
        types::{DEVICE_BY_ID, EvidenceType, Member, PARENT_PROCESS},
    },
    model::{Account, Evidence, FileDetails, Object, SafeText, type_name},
};

/// A chain longer than this goes on at the same depth; no screen shows more.
pub(super) const MAX_DEPTH: usize = 64;

/// What comes out.
pub(super) struct Built {
    pub(super) nodes: Vec<Node>,
    /// Those at the top.
    pub(super) roots: Vec<NodeId>,
    /// For each item the places in it that tell of another node, with that node.
    pub(super) nested: HashMap<usize, HashMap<String, NodeId>>,
}

/// Builds the nodes of an alert's evidence.
pub(super) fn build(evidence: &[Evidence]) -> Built {
    let mut builder = Builder {
        evidence,
        things: Vec::with_capacity(evidence.len() + 8),
        register: Register::default(),
        devices: HashMap::new(),
        processes: Processes::default(),
        parents: Vec::new(),
        tops: Vec::new(),
        inside: Vec::new(),
        held: Vec::new(),
        nested: Vec::new(),
    };
    builder.find_things();
    builder.link_processes();
    builder.link_the_rest();
    builder.finish()
}

/// A place where a thing was seen: the thing, how it is to be read there, and what stands there.
type Sighting<'a> = (usize, &'static EvidenceType, Face, &'a Value);

struct Builder<'a> {
    evidence: &'a [Evidence],
    things: Vec<Thing<'a>>,
    register: Register,
    /// Devices by their `mdeDeviceId`, folded.
    devices: HashMap<String, usize>,
    processes: Processes<'a>,
    /// The thing that each thing is under.
    parents: Vec<Option<usize>>,
    /// A thing above each thing, on the way to the one at the top: what finds loops fast.
    tops: Vec<usize>,
    /// Things with what they are inside of, by their own telling, the nearest first.
    inside: Vec<(usize, Vec<usize>)>,
    /// Things with what holds them.
    held: Vec<(usize, usize)>,
    /// The places within items that tell of a thing, with that thing.
    nested: Vec<(Face, usize)>,
}

impl<'a> Builder<'a> {
    /// Joins items, and the evidence within them, to things.
    fn find_things(&mut self) {
        let row = |item: &Evidence| EvidenceType::named(item.type_name.raw());
        let rows: Vec<&'static EvidenceType> = self.evidence.iter().map(row).collect();
        let mut processes = Vec::new();
        let mut sightings = Vec::with_capacity(rows.len());
        for at in order(self.evidence, &rows) {
            let value = &self.evidence[at].json;
            if rows[at].name == "process" {
                processes.push((Face::of(at), value, Some(at)));
                continue;
            }
            let place = self.enter(Thing::new(rows[at], Face::of(at), value));
            self.things[place].add(self.evidence, at);
            sightings.push((place, rows[at], Face::of(at), value));
        }
        // What is found within items has evidence within it too.
        let mut next = 0;
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
        for at in 0..self.things.len() {
            if self.things[at].row.name == "device"
                && let Some(id) = self.things[at].id()
            {
                self.devices.entry(id.to_owned()).or_insert(at);
            }
        }
        for (face, value, item) in processes {
            self.enter_process(&face, value, item);
        }
    }

    /// Returns the place of a thing, taking it in where it is new.
    fn enter(&mut self, thing: Thing<'a>) -> usize {
        if let Some(known) = self.register.find(&mut self.things, &thing) {
            self.things[known].also(thing);
            return known;
        }
        let place = self.push(thing);
        self.register.enter(&self.things[place], place);
        place
    }

    fn push(&mut self, thing: Thing<'a>) -> usize {
        self.things.push(thing);
        self.parents.push(None);
        self.tops.push(self.things.len() - 1);
        self.things.len() - 1
    }

    /// Takes in the evidence under one property of an item, and returns where it was seen.
    /// Processes wait: they are told apart by their devices.
    fn within(
        &mut self,
        face: &Face,
        value: &'a Value,
        member: &Member,
        processes: &mut Vec<(Face, &'a Value, Option<usize>)>,
    ) -> Vec<Sighting<'a>> {
        let mut seen = Vec::new();
        for (face, value) in members(face, value, member) {
            let object = Object::new(value);
            let row = match object.raw("@odata.type") {
                Some(declared) if !member.path.is_empty() => EvidenceType::named(type_name(declared)),
                _ => EvidenceType::named(member.of),
            };
            if row.name == "process" {
                processes.push((face, value, None));
            } else if !describe::is_mute(row, object) {
                let thing = Thing::new(row, face.clone(), value);
                let place = self.enter(if member.path.is_empty() { thing } else { thing.with_state() });
                if !member.path.is_empty() {
                    self.nested.push((face.clone(), place));
                }
                seen.push((place, row, face, value));
            }
        }
        seen
    }

    fn enter_process(&mut self, face: &Face, value: &'a Value, item: Option<usize>) {
        let device = self.device_named_by(face.clone(), value);
        let thing = Thing::new(EvidenceType::named("process"), face.clone(), value);
        let object = thing.object();
        let created = thing.time;
        let thing = if item.is_some() { thing } else { thing.with_state() };
        let place = match self.processes.same(device, object, created) {
            Some(known) => {
                self.things[known].also(thing);
                known
            }
            None => {
                let place = self.push(thing);
                self.processes.add(place, device, object, created);
                place
            }
        };
        match item {
            Some(item) => self.things[place].add(self.evidence, item),
            None => self.nested.push((face.clone(), place)),
        }
    }

    /// The device that an item names by its id. An id that no device has becomes one.
    fn device_named_by(&mut self, face: Face, value: &'a Value) -> Option<usize> {
        let id = device_id(value)?;
        if let Some(known) = self.devices.get(&id) {
            return Some(*known);
        }
        let place = self.push(Thing::new(&DEVICE_BY_ID, face, value));
        self.devices.insert(id, place);
        Some(place)
    }

    /// The device of the alert, where it speaks of one alone.
    fn only_device(&self) -> Option<usize> {
        let known =
            |thing: &Thing<'_>| device_id(thing.value).is_none_or(|id| self.devices.contains_key(&id));
        if !self.things.iter().all(known) {
            return None;
        }
        let mut devices = (0..self.things.len()).filter(|at| self.things[*at].row.name == "device");
        devices.next().filter(|_| devices.next().is_none())
    }

    /// Puts every process under its parent, or under its device.
    fn link_processes(&mut self) {
        let only = self.only_device();
        for at in 0..self.processes.all().len() {
            let (place, device) = (self.processes.all()[at].thing, self.processes.all()[at].device);
            let (object, created) = (self.things[place].object(), self.things[place].time);
            let parent = self.processes.parent_of(object, created, device, place).or_else(|| {
                let told = process::parent_id(object).is_some() || process::has_named_parent(object);
                told.then(|| {
                    let child = &self.things[place];
                    let parent = Thing::new(&PARENT_PROCESS, child.faces[0].clone(), child.value);
                    let born = parent.time;
                    let parent = self.push(parent);
                    self.processes.add_parent(parent, device, object, born);
                    self.attach(parent, device.or(only));
                    parent
                })
            });
            if parent.is_none_or(|parent| !self.attach(place, Some(parent))) {
                self.attach(place, device.or(only));
            }
        }
    }

    fn link_the_rest(&mut self) {
        let only = self.only_device();
        for (place, above) in std::mem::take(&mut self.inside) {
            self.attach(place, above.first().copied());
            // A pod names its controller and its namespace: the one is inside of the other.
            for pair in above.windows(2) {
                if !self.things[pair[0]].row.asset && self.parents[pair[0]].is_none() {
                    self.attach(pair[0], Some(pair[1]));
                }
            }
        }
        let actors = self.actors();
        let links = self.links();
        let any_file = self.things.iter().any(|thing| thing.row.name == "file");
        let images = if any_file { self.processes.images() } else { Images::new() };
        let mut held: HashMap<usize, usize> = HashMap::new();
        for (below, above) in std::mem::take(&mut self.held) {
            held.entry(below).or_insert(above);
        }
        for at in 0..self.things.len() {
            if self.parents[at].is_some() {
                continue;
            }
            let (row, value, object) = (self.things[at].row, self.things[at].value, self.things[at].object());
            let image = (row.name == "file").then(|| {
                let device = device_id(value).and_then(|id| self.devices.get(&id).copied());
                self.processes.image_of(&images, FileDetails(object.object("fileDetails")), device)
            });
            let acted = (row.name == "user")
                .then(|| actors.get(&Account(object.object("userAccount")).name()?.to_lowercase()).copied());
            let linked = row.links.iter().find_map(|link| {
                let values = object.each_value(link.mine);
                let theirs = links.get(&(link.of, link.theirs))?;
                values.into_iter().filter_map(folded).find_map(|value| theirs.get(&value).copied())
            });
            let said = [image.flatten(), linked, held.get(&at).copied(), acted.flatten()];
            if said.into_iter().flatten().any(|under| self.attach(at, Some(under))) || row.asset {
                continue;
            }
            let device = self.device_named_by(self.things[at].faces[0].clone(), value);
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
    fn links(&self) -> HashMap<(&'static str, &'static str), HashMap<String, usize>> {
        let mut links: HashMap<_, HashMap<String, usize>> = HashMap::new();
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
        let names: Vec<_> =
            self.things.iter().map(|thing| describe::raw_name(thing.row, thing.object())).collect();
        let ranks: Vec<_> = self.things.iter().map(|thing| thing.row.rank()).collect();
        let place = |id: &NodeId| {
            let thing = &self.things[id.0];
            (ranks[id.0], thing.time.is_none(), thing.time, &names[id.0], id.0)
        };
        for siblings in children.iter_mut().chain([&mut roots]) {
            siblings.sort_by(|a, b| place(a).cmp(&place(b)));
        }
        let (mut depths, mut keys) = (vec![0; self.things.len()], vec![0; self.things.len()]);
        let mut stack: Vec<_> = roots.iter().map(|root| (*root, 0, 0)).collect();
        while let Some((id, depth, above)) = stack.pop() {
            let thing = &self.things[id.0];
            let mut hasher = DefaultHasher::new();
            (above, thing.row.name, &names[id.0], thing.time).hash(&mut hasher);
            let key: u64 = hasher.finish();
            (depths[id.0], keys[id.0]) = (depth, key);
            stack.extend(children[id.0].iter().map(|child| (*child, (depth + 1).min(MAX_DEPTH), key)));
        }
        let parents = self.parents;
        let nodes = self.things.into_iter().zip(children).enumerate().map(|(at, (mut thing, children))| {
            thing.items.sort_unstable();
            let sent = &self.evidence[thing.faces[0].item].type_name;
            let kind = match thing.row.name {
                name if !name.is_empty() && name != sent.raw() => SafeText::new(name),
                _ => sent.clone(),
            };
            Node {
                row: thing.row,
                kind,
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
        let nodes = nodes.collect();
        let mut nested: HashMap<usize, HashMap<String, NodeId>> = HashMap::new();
        for (face, place) in self.nested.into_iter().filter(|(face, _)| !face.steps.is_empty()) {
            nested.entry(face.item).or_default().insert(face.path(), NodeId(place));
        }
        Built { nodes, roots, nested }
    }
}

/// The device that an item names, by an id that is folded.
fn device_id(value: &Value) -> Option<String> {
    value.get("mdeDeviceId").and_then(folded)
}

/// The places within a thing of the evidence that stands under one of its properties.
fn members<'a>(face: &Face, value: &'a Value, member: &Member) -> Vec<(Face, &'a Value)> {
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
