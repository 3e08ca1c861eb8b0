//! Which items are the same thing: by the keys of their type, else by all that they hold.
//!
//! Items are taken in an order of their own, those that say most about themselves first, so that
//! the order in which they were sent decides nothing.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::HashMap,
    hash::{BuildHasher as _, Hasher as _},
};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHasher};
use serde_json::Value;

use super::{SourceRef, process::Facts};
use crate::{
    describe::{self, RawName},
    types::{EvidenceType, Key},
};
use alertdeck_model::{
    Evidence, Object, Remediation, SafeText, Timestamp, Verdict, remediation, type_name, verdict,
};

/// A thing: one or more items, or what another item tells of.
pub(super) struct Entity<'a> {
    pub(super) row: &'static EvidenceType,
    /// The short name of its type.
    pub(super) kind: SafeText,
    /// Where it is told of, what says most of it first.
    pub(super) faces: Vec<SourceRef>,
    /// What stands at the first of them.
    pub(super) value: &'a Value,
    pub(super) items: Vec<usize>,
    pub(super) verdict: Verdict,
    pub(super) remediation: Remediation,
    pub(super) time: Option<Timestamp>,
    /// What names it, as sent.
    pub(super) name: RawName<'a>,
    /// A number that tells its type and name from others.
    pub(super) named: u64,
    /// Of a process what tells it apart.
    pub(super) process: Option<Facts<'a>>,
    /// The device that it names.
    pub(super) device: Option<DeviceId>,
    /// For each key of its type, the value that it is known by.
    known_by: Vec<Option<String>>,
}

/// A device id that items name, by its place among them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct DeviceId(usize);

/// The devices by the ids that items name them by, without regard to case.
#[derive(Default)]
pub(super) struct Devices<'a> {
    ids: FxHashMap<Cow<'a, str>, DeviceId>,
    /// For each id the thing of the device, where there is one yet.
    things: Vec<Option<usize>>,
}

impl<'a> Devices<'a> {
    /// Returns the thing of a device.
    pub(super) fn get(&self, id: DeviceId) -> Option<usize> {
        self.things[id.0]
    }

    /// Takes in the thing of a device, where it has none yet.
    pub(super) fn enter(&mut self, id: DeviceId, thing: usize) {
        self.things[id.0].get_or_insert(thing);
    }

    fn named_by(&mut self, object: Object<'a>) -> Option<DeviceId> {
        let id = object.get("mdeDeviceId").and_then(folded)?;
        Some(*self.ids.entry(id).or_insert_with(|| {
            self.things.push(None);
            DeviceId(self.things.len() - 1)
        }))
    }
}

impl<'a> Entity<'a> {
    /// Reads the thing that an item is about.
    fn of_item(devices: &mut Devices<'a>, evidence: &'a [Evidence], at: usize) -> Self {
        let item = &evidence[at];
        let row = EvidenceType::named(item.type_name.raw());
        let thing = Self::read(devices, row, item.type_name.clone(), SourceRef::of(at), &item.json);
        let (verdict, remediation) = (item.verdict.clone(), item.remediation.clone());
        Self { items: vec![at], verdict, remediation, ..thing }
    }

    /// Reads a thing that an item tells of beside its own.
    pub(super) fn new(
        devices: &mut Devices<'a>,
        row: &'static EvidenceType,
        face: SourceRef,
        value: &'a Value,
    ) -> Self {
        let declared = || Object::new(value).raw("@odata.type").map_or("", type_name);
        let kind = SafeText::new(if row.name.is_empty() { declared() } else { row.name });
        Self::read(devices, row, kind, face, value)
    }

    /// All that the tree is built from is read here, at once: each visit to an item of a large
    /// alert is a visit to memory that is not at hand.
    fn read(
        devices: &mut Devices<'a>,
        row: &'static EvidenceType,
        kind: SafeText,
        face: SourceRef,
        value: &'a Value,
    ) -> Self {
        let object = Object::new(value);
        let name = describe::raw_name(row, object);
        let time = (!row.time.is_empty()).then(|| object.time(row.time)).flatten();
        Self {
            row,
            kind,
            faces: vec![face],
            value,
            items: Vec::new(),
            verdict: Verdict::Unknown,
            remediation: Remediation::None,
            time,
            named: FxBuildHasher.hash_one((row.name, &name)),
            name,
            process: Facts::read(row, object),
            device: devices.named_by(object),
            known_by: keys(row, object),
        }
    }

    /// Takes the state of another telling of the thing, where it is worse.
    fn worsen(&mut self, verdict: Verdict, remediation: Remediation) {
        if badness(&verdict) > badness(&self.verdict) || self.is_stateless() {
            (self.verdict, self.remediation) = (verdict, remediation);
        }
    }

    fn is_stateless(&self) -> bool {
        self.verdict == Verdict::Unknown && self.remediation == Remediation::None
    }

    /// Takes in another place where the thing is told of. It reads by what says most.
    pub(super) fn also(&mut self, other: Entity<'a>) {
        self.worsen(other.verdict, other.remediation);
        let says = |value: &Value| {
            value.as_object().map_or(0, |map| map.values().filter(|value| !is_empty(value)).count())
        };
        self.items.extend(other.items);
        self.device = self.device.or(other.device);
        self.faces.extend(other.faces);
        if says(other.value) > says(self.value) {
            let last = self.faces.len() - 1;
            self.faces.swap(0, last);
            self.value = other.value;
            self.time = other.time.or(self.time);
            (self.name, self.named) = (other.name, other.named);
            self.process = other.process;
        }
    }

    /// Takes the state that stands where the thing is told of.
    pub(super) fn with_state(mut self) -> Self {
        (self.verdict, self.remediation) = (verdict(self.object()), remediation(self.object()));
        self
    }

    pub(super) fn object(&self) -> Object<'a> {
        Object::new(self.value)
    }
}

/// Finds the things that are known by a value.
#[derive(Default)]
pub(super) struct Register {
    by_key: HashMap<(&'static str, usize, String), Vec<usize>>,
    by_content: HashMap<u64, Vec<usize>>,
}

impl Register {
    /// Returns the thing that `new` is, where it is known already; it is known by more from then
    /// on.
    pub(super) fn find(&mut self, things: &mut [Entity<'_>], new: &Entity<'_>) -> Option<usize> {
        if new.known_by.iter().all(Option::is_none) {
            let same = self.by_content.get(&content(new.value, true))?;
            return same.iter().copied().find(|at| equal_but_for_state(things[*at].value, new.value));
        }
        let found = (0..new.known_by.len()).find_map(|at| {
            let key = (new.row.name, at, new.known_by[at].clone()?);
            let known = self.by_key.get(&key)?;
            let mut fitting = known.iter().filter(|known| fits(&things[**known], new, at));
            // Where several fit, the one that is known by no more than this is meant, if any.
            let only = fitting.next().filter(|_| fitting.next().is_none());
            only.or_else(|| known.iter().find(|known| things[**known].known_by == new.known_by)).copied()
        })?;
        for (at, key) in new.known_by.iter().enumerate() {
            if let (Some(key), None) = (key, &things[found].known_by[at]) {
                things[found].known_by[at] = Some(key.clone());
                self.by_key.entry((new.row.name, at, key.clone())).or_default().push(found);
            }
        }
        Some(found)
    }

    /// Takes in a thing that is new.
    pub(super) fn enter(&mut self, thing: &Entity<'_>, place: usize) {
        for (at, key) in thing.known_by.iter().enumerate() {
            if let Some(key) = key {
                self.by_key.entry((thing.row.name, at, key.clone())).or_default().push(place);
            }
        }
        if thing.known_by.iter().all(Option::is_none) {
            self.by_content.entry(content(thing.value, true)).or_default().push(place);
        }
    }
}

/// Two things that share a key are the same unless a stronger key tells them apart.
fn fits(known: &Entity<'_>, new: &Entity<'_>, at: usize) -> bool {
    let pairs = known.known_by[..at].iter().zip(&new.known_by[..at]);
    pairs.into_iter().all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

fn keys(row: &EvidenceType, object: Object<'_>) -> Vec<Option<String>> {
    row.keys.iter().map(|key| key_of(key, object)).collect()
}

fn key_of(key: &Key, object: Object<'_>) -> Option<String> {
    let mut text = String::new();
    for (path, needed) in
        key.needs.iter().map(|path| (path, true)).chain(key.with.iter().map(|path| (path, false)))
    {
        let value = path.split('|').find_map(|path| folded(object.get(path)?));
        if value.is_none() && needed {
            return None;
        }
        text.push_str(value.as_deref().unwrap_or_default());
        text.push('\0');
    }
    Some(text)
}

/// A value for comparing: without regard to case and to blanks around it.
pub(super) fn folded(value: &Value) -> Option<Cow<'_, str>> {
    let is_folded = |text: &str| text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let text: Cow<'_, str> = match value {
        Value::String(text) if is_folded(text) => text.trim().into(),
        Value::String(text) => text.trim().to_lowercase().into(),
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Reads the items one after the other, and hands them out in an order of their own: processes
/// last, since they are told apart by their devices, those with most keys first, then by content.
pub(super) fn in_order<'a>(
    devices: &mut Devices<'a>,
    evidence: &'a [Evidence],
) -> impl Iterator<Item = Entity<'a>> + use<'a> {
    let read = |at: usize| {
        let thing = Entity::of_item(devices, evidence, at);
        let keys = thing.known_by.iter().flatten().count();
        let rank = (thing.process.is_some(), Reverse(keys), content(thing.value, false));
        ((rank, at), Some(thing))
    };
    let (mut order, mut things): (Vec<_>, Vec<_>) = (0..evidence.len()).map(read).unzip();
    order.sort_unstable_by(|(rank, a), (other, b)| {
        let json = |at: usize| &evidence[at].json;
        let as_sent =
            || if json(*a) == json(*b) { a.cmp(b) } else { json(*a).to_string().cmp(&json(*b).to_string()) };
        rank.cmp(other).then_with(as_sent)
    });
    order.into_iter().filter_map(move |(_, at)| things[at].take())
}

/// What varies between two items that are the same thing.
const STATE: [&str; 4] = ["createdDateTime", "verdict", "remediationStatus", "remediationStatusDetails"];

fn equal_but_for_state(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let own = |(name, _): &(&String, &Value)| !STATE.contains(&name.as_str());
    a.iter().filter(own).count() == b.iter().filter(own).count()
        && a.iter().filter(own).all(|(name, value)| b.get(name) == Some(value))
}

/// A number that is the same for the same content. With `stateless`, what [`STATE`] names and the
/// order of the properties do not count.
fn content(value: &Value, stateless: bool) -> u64 {
    match value.as_object() {
        Some(map) if stateless => map
            .iter()
            .filter(|(name, _)| !STATE.contains(&name.as_str()))
            .map(|(name, value)| {
                let mut hasher = FxHasher::default();
                hasher.write(name.as_bytes());
                hash(value, &mut hasher);
                hasher.finish()
            })
            .fold(0, u64::wrapping_add),
        _ => {
            let mut hasher = FxHasher::default();
            hash(value, &mut hasher);
            hasher.finish()
        }
    }
}

fn hash(value: &Value, hasher: &mut FxHasher) {
    match value {
        Value::Null => hasher.write_u8(0),
        Value::Bool(truth) => hasher.write_u8(1 + u8::from(*truth)),
        Value::Number(number) => hasher.write(number.as_str().as_bytes()),
        Value::String(text) => hasher.write(text.as_bytes()),
        Value::Array(items) => {
            hasher.write_usize(items.len());
            for item in items {
                hash(item, hasher);
            }
        }
        Value::Object(map) => {
            hasher.write_usize(map.len());
            for (name, value) in map {
                hasher.write(name.as_bytes());
                hash(value, hasher);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn badness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Malicious => 4,
        Verdict::Suspicious => 3,
        Verdict::Undeclared(_) => 2,
        Verdict::NoThreatsFound => 1,
        Verdict::Unknown => 0,
    }
}
