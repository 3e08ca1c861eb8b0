//! Decides which items are about the same entity, using the keys of their type or, if they have
//! none, their content.
//!
//! Items are processed in a canonical order, so the order in which they were received has no
//! effect.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::HashMap,
    hash::{BuildHasher as _, Hasher as _},
};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHasher};
use serde_json::Value;

use super::{SourceRef, process::ProcessFacts};
use crate::{
    describe::{self, RawName},
    types::{EvidenceType, Key},
};
use alertdeck_model::{
    Evidence, Object, Remediation, SafeText, Timestamp, Verdict, remediation, type_name, verdict,
};

/// An entity: the subject of one or more items, or of a value embedded in one.
pub(super) struct Entity<'a> {
    pub(super) row: &'static EvidenceType,
    /// The entity's short type name.
    pub(super) kind: SafeText,
    /// The places in the evidence that describe the entity, most complete first.
    pub(super) sources: Vec<SourceRef>,
    /// The value at the first source.
    pub(super) value: &'a Value,
    pub(super) items: Vec<usize>,
    pub(super) verdict: Verdict,
    pub(super) remediation: Remediation,
    pub(super) time: Option<Timestamp>,
    /// The entity's name, as received.
    pub(super) name: RawName<'a>,
    /// A hash of the entity's type and name.
    pub(super) name_hash: u64,
    /// The facts that identify the process, if the entity is one.
    pub(super) process: Option<ProcessFacts<'a>>,
    /// The device that the entity refers to.
    pub(super) device: Option<DeviceId>,
    /// The value for each of the type's keys, or `None` if the entity lacks the key.
    keys: Vec<Option<String>>,
}

/// A device id in the evidence, as an index into [`Devices`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct DeviceId(usize);

/// The devices, keyed by id, ignoring case.
#[derive(Default)]
pub(super) struct Devices<'a> {
    ids: FxHashMap<Cow<'a, str>, DeviceId>,
    /// Each device's entity, by [`DeviceId`], once it is known.
    entities: Vec<Option<usize>>,
}

impl<'a> Devices<'a> {
    /// Returns a device's entity, if known.
    pub(super) fn get(&self, id: DeviceId) -> Option<usize> {
        self.entities[id.0]
    }

    /// Sets a device's entity, unless the device already has one.
    pub(super) fn set(&mut self, id: DeviceId, entity: usize) {
        self.entities[id.0].get_or_insert(entity);
    }

    /// Returns the device id that an item refers to, assigning an index to a new one.
    fn device_id(&mut self, object: Object<'a>) -> Option<DeviceId> {
        let id = object.get("mdeDeviceId").and_then(fold_case)?;
        Some(*self.ids.entry(id).or_insert_with(|| {
            self.entities.push(None);
            DeviceId(self.entities.len() - 1)
        }))
    }
}

impl<'a> Entity<'a> {
    /// Reads an item as an entity.
    fn of_item(devices: &mut Devices<'a>, evidence: &'a [Evidence], at: usize) -> Self {
        let item = &evidence[at];
        let row = EvidenceType::named(item.type_name.raw());
        let entity = Self::read(devices, row, item.type_name.clone(), SourceRef::of(at), &item.json);
        let (verdict, remediation) = (item.verdict.clone(), item.remediation.clone());
        Self { items: vec![at], verdict, remediation, ..entity }
    }

    /// Reads an entity that an item embeds or mentions.
    pub(super) fn new(
        devices: &mut Devices<'a>,
        row: &'static EvidenceType,
        source: SourceRef,
        value: &'a Value,
    ) -> Self {
        let declared = || Object::new(value).raw("@odata.type").map_or("", type_name);
        let kind = SafeText::new(if row.name.is_empty() { declared() } else { row.name });
        Self::read(devices, row, kind, source, value)
    }

    /// Reads everything that the build needs in one pass, because in a large alert every access to
    /// an item is likely to miss the cache.
    fn read(
        devices: &mut Devices<'a>,
        row: &'static EvidenceType,
        kind: SafeText,
        source: SourceRef,
        value: &'a Value,
    ) -> Self {
        let object = Object::new(value);
        let name = describe::raw_name(row, object);
        let time = (!row.time.is_empty()).then(|| object.time(row.time)).flatten();
        Self {
            row,
            kind,
            sources: vec![source],
            value,
            items: Vec::new(),
            verdict: Verdict::Unknown,
            remediation: Remediation::None,
            time,
            name_hash: FxBuildHasher.hash_one((row.name, &name)),
            name,
            process: ProcessFacts::read(row, object),
            device: devices.device_id(object),
            keys: keys(row, object),
        }
    }

    /// Keeps the worse of two states.
    fn merge_state(&mut self, verdict: Verdict, remediation: Remediation) {
        if rank(&verdict) > rank(&self.verdict) || self.has_no_state() {
            (self.verdict, self.remediation) = (verdict, remediation);
        }
    }

    fn has_no_state(&self) -> bool {
        self.verdict == Verdict::Unknown && self.remediation == Remediation::None
    }

    /// Merges an equal entity into this one. The most complete source describes the result.
    pub(super) fn merge(&mut self, other: Entity<'a>) {
        self.merge_state(other.verdict, other.remediation);
        let completeness = |value: &Value| {
            value.as_object().map_or(0, |map| map.values().filter(|value| !is_empty(value)).count())
        };
        self.items.extend(other.items);
        self.device = self.device.or(other.device);
        self.sources.extend(other.sources);
        if completeness(other.value) > completeness(self.value) {
            let last = self.sources.len() - 1;
            self.sources.swap(0, last);
            self.value = other.value;
            self.time = other.time.or(self.time);
            (self.name, self.name_hash) = (other.name, other.name_hash);
            self.process = other.process;
        }
    }

    /// Also reads the verdict and remediation from the value.
    pub(super) fn with_state(mut self) -> Self {
        (self.verdict, self.remediation) = (verdict(self.object()), remediation(self.object()));
        self
    }

    pub(super) fn object(&self) -> Object<'a> {
        Object::new(self.value)
    }
}

/// Finds known entities by key or content.
#[derive(Default)]
pub(super) struct EntityIndex {
    by_key: HashMap<(&'static str, usize, String), Vec<usize>>,
    by_content: HashMap<u64, Vec<usize>>,
}

impl EntityIndex {
    /// Returns the known entity that equals `new`, and adds any keys of `new` that it lacks.
    pub(super) fn find(&mut self, entities: &mut [Entity<'_>], new: &Entity<'_>) -> Option<usize> {
        if new.keys.iter().all(Option::is_none) {
            let same = self.by_content.get(&content_hash(new.value, true))?;
            return same.iter().copied().find(|at| equal_except_state(entities[*at].value, new.value));
        }
        let found = (0..new.keys.len()).find_map(|at| {
            let key = (new.row.name, at, new.keys[at].clone()?);
            let known = self.by_key.get(&key)?;
            let mut compatible = known.iter().filter(|known| is_compatible(&entities[**known], new, at));
            // If there are several, only one with exactly the same keys is certain to be equal.
            let only = compatible.next().filter(|_| compatible.next().is_none());
            only.or_else(|| known.iter().find(|known| entities[**known].keys == new.keys)).copied()
        })?;
        for (at, key) in new.keys.iter().enumerate() {
            if let (Some(key), None) = (key, &entities[found].keys[at]) {
                entities[found].keys[at] = Some(key.clone());
                self.by_key.entry((new.row.name, at, key.clone())).or_default().push(found);
            }
        }
        Some(found)
    }

    /// Adds a new entity with its index.
    pub(super) fn insert(&mut self, entity: &Entity<'_>, position: usize) {
        for (at, key) in entity.keys.iter().enumerate() {
            if let Some(key) = key {
                self.by_key.entry((entity.row.name, at, key.clone())).or_default().push(position);
            }
        }
        if entity.keys.iter().all(Option::is_none) {
            self.by_content.entry(content_hash(entity.value, true)).or_default().push(position);
        }
    }
}

/// Returns whether two entities that share the key at `at` agree on all stronger keys.
fn is_compatible(known: &Entity<'_>, new: &Entity<'_>, at: usize) -> bool {
    let pairs = known.keys[..at].iter().zip(&new.keys[..at]);
    pairs.into_iter().all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

fn keys(row: &EvidenceType, object: Object<'_>) -> Vec<Option<String>> {
    row.keys.iter().map(|key| key_of(key, object)).collect()
}

fn key_of(key: &Key, object: Object<'_>) -> Option<String> {
    let mut text = String::new();
    let required = key.required.iter().map(|path| (path, true));
    let optional = key.optional.iter().map(|path| (path, false));
    for (path, is_required) in required.chain(optional) {
        let value = path.split('|').find_map(|path| fold_case(object.get(path)?));
        if value.is_none() && is_required {
            return None;
        }
        text.push_str(value.as_deref().unwrap_or_default());
        text.push('\0');
    }
    Some(text)
}

/// Returns a value in the form used for comparisons: lower case, without surrounding spaces.
/// Returns `None` if the value is empty or not a scalar.
pub(super) fn fold_case(value: &Value) -> Option<Cow<'_, str>> {
    let is_folded = |text: &str| text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let text: Cow<'_, str> = match value {
        Value::String(text) if is_folded(text) => text.trim().into(),
        Value::String(text) => text.trim().to_lowercase().into(),
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Reads the items as entities and returns them in canonical order. Processes come last, because
/// their devices must be known first. Otherwise, entities with the most keys come first, and ties
/// are broken by content.
pub(super) fn in_order<'a>(
    devices: &mut Devices<'a>,
    evidence: &'a [Evidence],
) -> impl Iterator<Item = Entity<'a>> + use<'a> {
    let read = |at: usize| {
        let entity = Entity::of_item(devices, evidence, at);
        let keys = entity.keys.iter().flatten().count();
        let rank = (entity.process.is_some(), Reverse(keys), content_hash(entity.value, false));
        ((rank, at), Some(entity))
    };
    let (mut order, mut entities): (Vec<_>, Vec<_>) = (0..evidence.len()).map(read).unzip();
    order.sort_unstable_by(|(rank, a), (other, b)| {
        let json = |at: usize| &evidence[at].json;
        let by_json =
            || if json(*a) == json(*b) { a.cmp(b) } else { json(*a).to_string().cmp(&json(*b).to_string()) };
        rank.cmp(other).then_with(by_json)
    });
    order.into_iter().filter_map(move |(_, at)| entities[at].take())
}

/// Properties that may differ between items about the same entity.
const STATE_PROPERTIES: [&str; 4] =
    ["createdDateTime", "verdict", "remediationStatus", "remediationStatusDetails"];

fn equal_except_state(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let own = |(name, _): &(&String, &Value)| !STATE_PROPERTIES.contains(&name.as_str());
    a.iter().filter(own).count() == b.iter().filter(own).count()
        && a.iter().filter(own).all(|(name, value)| b.get(name) == Some(value))
}

/// Hashes the content of a value. If `ignore_state` is true, the properties in [`STATE_PROPERTIES`]
/// and the order of the properties are ignored.
fn content_hash(value: &Value, ignore_state: bool) -> u64 {
    match value.as_object() {
        Some(map) if ignore_state => map
            .iter()
            .filter(|(name, _)| !STATE_PROPERTIES.contains(&name.as_str()))
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

/// Ranks verdicts; a higher rank is worse.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Malicious => 4,
        Verdict::Suspicious => 3,
        Verdict::Undeclared(_) => 2,
        Verdict::NoThreatsFound => 1,
        Verdict::Unknown => 0,
    }
}
