//! Decodes alerts into batches: one pass over the JSON gives the terms and what the columns need.
//!
//! Every value of an alert and its evidence becomes a term, a property with a value of the
//! dictionary, whatever its type or depth. So a field of the filter language is a set of properties,
//! and this crate needs no knowledge of the types of evidence.
//!
//! The pass builds no tree. It needs one only for what the service does not send: a property that
//! occurs twice, and a list or an object where a column has a text.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, MapAccess, SeqAccess, Visitor};

use alertdeck_evidence as evidence;
use alertdeck_model::{
    Alert, Classification, DecodeError, Determination, RawAlert, SafeText, ServiceSource, Severity, Status,
    Timestamp, type_name,
};

use crate::{
    dictionary::{Dictionary, Key, KeyCode, NameCode, ValueCode, last_name},
    values::Folder,
};

/// The columns of one alert, with codes of the batch's dictionary.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<ValueCode>,
    pub(crate) severity: Option<Severity>,
    pub(crate) status: Option<Status>,
    pub(crate) classification: Option<Classification>,
    pub(crate) determination: Option<Determination>,
    pub(crate) source: Option<ServiceSource>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) updated: Option<Timestamp>,
    pub(crate) resolved: Option<Timestamp>,
    pub(crate) first_activity: Option<Timestamp>,
    pub(crate) last_activity: Option<Timestamp>,
    pub(crate) title: Option<ValueCode>,
    pub(crate) category: Option<ValueCode>,
    pub(crate) incident: Option<ValueCode>,
    pub(crate) product: Option<ValueCode>,
    pub(crate) owner: Option<ValueCode>,
    pub(crate) techniques: Vec<u32>,
    /// Names of devices, among the values of [`DEVICES`].
    pub(crate) devices: Vec<u32>,
    /// Names of users, among the values of [`USERS`].
    pub(crate) users: Vec<u32>,
}

/// The name under which the dictionary keeps what columns show of devices. No property has it.
pub(crate) const DEVICES: &str = "(devices)";
/// The name for what columns show of users.
pub(crate) const USERS: &str = "(users)";

/// A property of the alert that a column is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    None,
    Evidence,
    Id,
    Severity,
    Status,
    Classification,
    Determination,
    Source,
    Created,
    Updated,
    Resolved,
    FirstActivity,
    LastActivity,
    Title,
    Category,
    Categories,
    Incident,
    Product,
    Owner,
    Techniques,
}

impl Field {
    fn of(name: &str) -> Self {
        match name {
            "evidence" => Self::Evidence,
            "id" => Self::Id,
            "severity" => Self::Severity,
            "status" => Self::Status,
            "classification" => Self::Classification,
            "determination" => Self::Determination,
            "serviceSource" => Self::Source,
            "createdDateTime" => Self::Created,
            "lastUpdateDateTime" => Self::Updated,
            "resolvedDateTime" => Self::Resolved,
            "firstActivityDateTime" => Self::FirstActivity,
            "lastActivityDateTime" => Self::LastActivity,
            "title" => Self::Title,
            "category" => Self::Category,
            "categories" => Self::Categories,
            "incidentId" => Self::Incident,
            "productName" => Self::Product,
            "assignedTo" => Self::Owner,
            "mitreTechniques" => Self::Techniques,
            _ => Self::None,
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Categories | Self::Techniques)
    }
}

/// A property path, as a node in a tree of the paths seen so far.
#[derive(Debug)]
struct Node {
    path: Arc<str>,
    name: NameCode,
    field: Field,
    /// The nodes of longer paths by their next name. Objects list their properties in the same
    /// order, so the search starts after the last hit.
    children: Vec<(Box<str>, usize)>,
    next: usize,
    /// The positions of the children by name, if there are many.
    by_name: HashMap<Box<str>, usize>,
    /// The object in which the property was seen last.
    seen_in: u32,
    /// The codes of the property by kind of evidence.
    keys: Vec<(u16, KeyCode)>,
    /// The value in the current item.
    value: ItemValue,
    /// The last value: many are the same as in the alert or item before.
    last: String,
    last_code: Option<ValueCode>,
}

/// A value of the current item of evidence.
#[derive(Clone, Copy, Debug, Default)]
struct ItemValue {
    item: u32,
    /// The first value, and how many follow.
    first: u32,
    more: usize,
    is_string: bool,
}

/// The node of the alert.
const ALERT: usize = 0;
/// The node of an item of evidence.
const ITEM: usize = 1;
/// The number that stands for the alert among the types of evidence.
const NO_KIND: u16 = u16::MAX;
/// The number of types of evidence that are told apart in a batch.
const MAX_KINDS: usize = 4_096;
/// The number of properties beyond which they are found by a map.
const MANY: usize = 48;

/// Decodes alerts into one dictionary.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) dictionary: Dictionary,
    devices: NameCode,
    users: NameCode,
    ids: NameCode,
    titles: NameCode,
    nodes: Vec<Node>,
    /// The types of evidence by number.
    kinds: Vec<Arc<str>>,
    kind_codes: HashMap<Arc<str>, u16>,
    folder: Folder,
    /// The number of the current object.
    object: u32,
    /// The number of the current item of evidence.
    item: u32,
    /// The values of the current item.
    item_values: Vec<(usize, u32)>,
    /// The type of the current item, as sent.
    item_type: String,
    in_item: bool,
    /// What the current alert gives.
    terms: Vec<(KeyCode, u32)>,
    fields: Fields,
    categories: Option<ValueCode>,
    /// Whether a property occurs twice in one object.
    repeats: bool,
    /// Whether a column's property has an unexpected type.
    is_odd: bool,
}

/// The terms and columns of an alert, or why it cannot be read.
pub(crate) type Decoded = Result<(Box<[(KeyCode, u32)]>, Fields), DecodeError>;

impl Decoder {
    pub(crate) fn new() -> Self {
        let mut dictionary = Dictionary::default();
        let [devices, users, ids, titles] =
            [DEVICES, USERS, "id", "title"].map(|name| dictionary.name_code(name));
        let mut decoder = Self {
            dictionary,
            devices,
            users,
            ids,
            titles,
            nodes: Vec::new(),
            kinds: Vec::new(),
            kind_codes: HashMap::new(),
            folder: Folder::default(),
            object: 0,
            item: 0,
            item_values: Vec::new(),
            item_type: String::new(),
            in_item: false,
            terms: Vec::new(),
            fields: Fields::default(),
            categories: None,
            repeats: false,
            is_odd: false,
        };
        // The roots have no path.
        decoder.add_node("".into(), Field::None);
        decoder.add_node("".into(), Field::None);
        decoder
    }

    /// Decodes an alert.
    pub(crate) fn decode(&mut self, raw: &RawAlert) -> Decoded {
        let is_read = std::str::from_utf8(&raw.0).is_ok_and(|json| self.pass(json).is_ok());
        if !is_read || self.repeats {
            let value = raw.parse()?;
            if !value.is_object() {
                return Err(DecodeError::not_an_object());
            }
            let once = serde_json::to_string(&value).unwrap_or_default();
            self.pass(&once).map_err(|error| DecodeError::new(&error))?;
        }
        if self.is_odd
            && let Ok(alert) = raw.decode()
        {
            self.read_columns(&alert);
        }
        self.fields.category = self.fields.category.or(self.categories);
        self.terms.sort_unstable();
        self.terms.dedup();
        Ok((self.terms.as_slice().into(), std::mem::take(&mut self.fields)))
    }

    /// Adds a value that no property has, such as the id of an alert without one.
    pub(crate) fn id(&mut self, id: &str) -> ValueCode {
        self.dictionary.add(self.ids, self.folder.fold(id))
    }

    /// Adds a title.
    pub(crate) fn title(&mut self, title: &str) -> ValueCode {
        self.dictionary.add(self.titles, self.folder.fold(title))
    }

    fn pass(&mut self, json: &str) -> Result<(), serde_json::Error> {
        self.terms.clear();
        self.fields = Fields::default();
        (self.categories, self.repeats, self.is_odd, self.in_item) = (None, false, false, false);
        let mut json = serde_json::Deserializer::from_str(json);
        json.deserialize_map(Walk { decoder: self, node: ALERT, part: Part::Alert })?;
        json.end()
    }

    fn add_node(&mut self, path: Arc<str>, field: Field) -> usize {
        let name = self.dictionary.name_code(last_name(&path));
        let (children, by_name) = (Vec::new(), HashMap::new());
        let (keys, value) = (Vec::new(), ItemValue::default());
        let (last, last_code) = (String::new(), None);
        self.nodes.push(Node {
            path,
            name,
            field,
            children,
            next: 0,
            by_name,
            seen_in: 0,
            keys,
            value,
            last,
            last_code,
        });
        self.nodes.len() - 1
    }

    /// Finds the node of a property of an object, and its position there.
    fn child(&self, node: usize, name: &str) -> Option<(usize, usize)> {
        let Node { children, next, by_name, .. } = &self.nodes[node];
        let is_named = |(known, _): &(Box<str>, usize)| **known == *name;
        let at = if children.get(*next).is_some_and(is_named) {
            *next
        } else if by_name.is_empty() {
            children.iter().position(is_named)?
        } else {
            *by_name.get(name)?
        };
        Some((children[at].1, at))
    }

    /// Returns the node of a property of an object.
    fn step(&mut self, node: usize, name: &str) -> usize {
        if let Some((child, at)) = self.child(node, name) {
            self.nodes[node].next = at + 1;
            return child;
        }
        let parent = &self.nodes[node].path;
        let path = if parent.is_empty() { name.into() } else { format!("{parent}.{name}").into() };
        let child = self.add_node(path, if node == ALERT { Field::of(name) } else { Field::None });
        let Node { children, by_name, next, .. } = &mut self.nodes[node];
        children.push((name.into(), child));
        *next = children.len();
        if children.len() == MANY {
            by_name.extend(children.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)));
        } else if children.len() > MANY {
            by_name.insert(name.into(), children.len() - 1);
        }
        child
    }

    /// Adds a term for a property of the alert, or of evidence of a kind.
    fn add_term(&mut self, kind: u16, node: usize, index: u32) {
        let Node { path, name, keys, .. } = &mut self.nodes[node];
        let code = keys.iter().find(|(of, _)| *of == kind).map(|(_, code)| *code);
        let code = code.unwrap_or_else(|| {
            let kind_name = self.kinds.get(usize::from(kind)).cloned();
            let code = self.dictionary.key_code(&Key { kind: kind_name, path: path.clone() });
            keys.push((kind, code));
            code
        });
        // Beyond the last property that has a code of its own, values cannot be searched for.
        if self.dictionary.name_of(code) == *name {
            self.terms.push((code, index));
        }
    }

    /// Returns the code of a value of a property.
    fn value(&mut self, node: usize, text: &str) -> ValueCode {
        /// Longer values are not worth a copy.
        const SHORT: usize = 4_096;
        let Node { name, last, last_code, .. } = &mut self.nodes[node];
        if let Some(code) = *last_code
            && last == text
        {
            return code;
        }
        let code = self.dictionary.add(*name, self.folder.fold(text));
        if text.len() <= SHORT {
            last.clear();
            last.push_str(text);
            *last_code = Some(code);
        }
        code
    }

    fn scalar(&mut self, node: usize, part: Part, text: &str, is_string: bool) {
        let value = self.value(node, text);
        if self.in_item {
            let ItemValue { item, first, more, is_string: was_string } = self.nodes[node].value;
            self.nodes[node].value = if item == self.item {
                ItemValue { item, first, more: more + 1, is_string: was_string }
            } else {
                ItemValue { item: self.item, first: value.index, more: 0, is_string }
            };
            if part == Part::ItemType && is_string {
                text.clone_into(&mut self.item_type);
            }
            self.item_values.push((node, value.index));
            return;
        }
        self.add_term(NO_KIND, node, value.index);
        match (part, self.nodes[node].field) {
            (_, Field::None) => {}
            (Part::Field, field) => self.set(field, value, text, is_string),
            (Part::Element, field) if field.is_list() => self.set(field, value, text, is_string),
            _ => {}
        }
    }

    fn set(&mut self, field: Field, value: ValueCode, text: &str, is_string: bool) {
        let time = || Timestamp::parse(text).filter(|at| is_string && !at.is_unset());
        let fields = &mut self.fields;
        match field {
            Field::None | Field::Evidence => {}
            Field::Id => fields.id = Some(value).filter(|_| !text.is_empty()),
            Field::Severity => fields.severity = Some(Severity::read(text)),
            Field::Status => fields.status = Some(Status::read(text)),
            Field::Classification => fields.classification = Some(Classification::read(text)),
            Field::Determination => fields.determination = Some(Determination::read(text)),
            Field::Source => fields.source = Some(ServiceSource::read(text)),
            Field::Created => fields.created = time(),
            Field::Updated => fields.updated = time(),
            Field::Resolved => fields.resolved = time(),
            Field::FirstActivity => fields.first_activity = time(),
            Field::LastActivity => fields.last_activity = time(),
            Field::Title => fields.title = Some(value),
            Field::Category => fields.category = Some(value),
            // `category` is being replaced by `categories` (docs/graph-api.md, "Response shape").
            Field::Categories => self.categories = self.categories.or(Some(value)),
            Field::Incident => fields.incident = Some(value),
            Field::Product => fields.product = Some(value),
            Field::Owner => fields.owner = Some(value),
            Field::Techniques => add_once(&mut fields.techniques, value.index),
        }
    }

    fn begin_item(&mut self) {
        self.item += 1;
        self.in_item = true;
        self.item_values.clear();
        self.item_type.clear();
    }

    fn end_item(&mut self) {
        self.in_item = false;
        let name = type_name(&self.item_type);
        let kind = match self.kind_codes.get(name) {
            Some(known) => *known,
            // Types come from the service. Those beyond the limit share the last code.
            None if self.kinds.len() >= MAX_KINDS => MAX_KINDS as u16 - 1,
            None => {
                let (name, kind): (Arc<str>, _) = (name.into(), self.kinds.len() as u16);
                self.kinds.push(name.clone());
                self.kind_codes.insert(name, kind);
                kind
            }
        };
        let kind_name = self.kinds[usize::from(kind)].clone();
        let item = Item(self);
        let (device, user) = (evidence::device(&kind_name, &item), evidence::user(&kind_name, &item));
        if let Some(device) = device {
            let value = self.dictionary.add(self.devices, self.folder.fold(device.raw()));
            add_once(&mut self.fields.devices, value.index);
        }
        if let Some(user) = user {
            let value = self.dictionary.add(self.users, self.folder.fold(user.raw()));
            add_once(&mut self.fields.users, value.index);
        }
        let values = std::mem::take(&mut self.item_values);
        for (node, index) in &values {
            self.add_term(kind, *node, *index);
        }
        self.item_values = values;
    }

    /// Reads the columns from an alert that was decoded in full.
    fn read_columns(&mut self, alert: &Alert) {
        let Fields { devices, users, .. } = std::mem::take(&mut self.fields);
        let mut code = |name: &str, text: &Option<SafeText>| {
            let name = self.dictionary.name_code(name);
            text.as_ref().map(|text| self.dictionary.add(name, self.folder.fold(text.raw())))
        };
        let mut fields = Fields {
            id: code("id", &Some(alert.id.text().clone()).filter(|id| !id.raw().is_empty())),
            title: code("title", &alert.title),
            category: code("category", &alert.category.clone().or_else(|| alert.categories.first().cloned())),
            incident: code("incidentId", &alert.incident_id),
            product: code("productName", &alert.product_name),
            owner: code("assignedTo", &alert.assigned_to),
            severity: Some(alert.severity.clone()),
            status: Some(alert.status.clone()),
            classification: Some(alert.classification.clone()).filter(|it| *it != Classification::Unknown),
            determination: Some(alert.determination.clone()).filter(|it| *it != Determination::Unknown),
            source: Some(alert.service_source.clone()),
            created: alert.created,
            updated: alert.last_update,
            resolved: alert.resolved,
            first_activity: alert.first_activity,
            last_activity: alert.last_activity,
            techniques: Vec::new(),
            devices,
            users,
        };
        for technique in &alert.mitre_techniques {
            let value = code("mitreTechniques", &Some(technique.clone()));
            fields.techniques.extend(value.map(|value| value.index));
        }
        let mut seen = Vec::new();
        fields.techniques.retain(|index| {
            !seen.contains(index) && {
                seen.push(*index);
                true
            }
        });
        (self.fields, self.categories) = (fields, None);
    }
}

fn add_once(list: &mut Vec<u32>, index: u32) {
    if !list.contains(&index) {
        list.push(index);
    }
}

/// The current item of evidence, read by paths.
struct Item<'a>(&'a Decoder);

impl Item<'_> {
    fn value(&self, path: &str) -> Option<(&Node, Cow<'_, str>)> {
        let Self(decoder) = self;
        // The name of an annotation contains a dot; no name here is one.
        let step = |node: Option<usize>, name: &str| decoder.child(node?, name).map(|(child, _)| child);
        let node = &decoder.nodes[path.split('.').fold(Some(ITEM), step)?];
        let (name, index) = (node.name, node.value.first);
        let is_current = node.value.item == decoder.item;
        is_current.then(|| (node, decoder.dictionary.text(ValueCode { name, index }).raw))
    }
}

impl evidence::Properties for Item<'_> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.value(path).map(|(node, first)| match node.value.more {
            0 => first,
            more => format!("{first} +{more}").into(),
        })
    }

    fn filled(&self, path: &str) -> Option<Cow<'_, str>> {
        let is_one_string = |node: &Node| node.value.is_string && node.value.more == 0;
        self.value(path)
            .filter(|(node, text)| is_one_string(node) && !text.trim().is_empty())
            .map(|(_, text)| text)
    }
}

/// What a value in the JSON is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The alert.
    Alert,
    /// A property of the alert.
    Field,
    /// An element of a list that is a property of the alert.
    Element,
    /// The property `evidence`.
    Evidence,
    /// An item of evidence.
    Item,
    /// The type of an item of evidence.
    ItemType,
    /// Anything further down.
    Inner,
}

/// Reads one JSON value.
struct Walk<'d> {
    decoder: &'d mut Decoder,
    node: usize,
    part: Part,
}

impl Walk<'_> {
    /// Reads a value other than a list or an object.
    fn scalar(self, text: &str, is_string: bool) {
        let Self { decoder, node, part } = self;
        if part == Part::Item {
            decoder.begin_item();
            decoder.scalar(node, Part::Inner, text, is_string);
            decoder.end_item();
        } else {
            decoder.scalar(node, part, text, is_string);
        }
    }

    /// Returns where the parts of `evidence` belong: a value that is no list is an item itself.
    fn of_evidence(mut self) -> Self {
        if self.part == Part::Evidence {
            (self.node, self.part) = (ITEM, Part::Item);
        }
        self
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.of_evidence().scalar(text, true);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.of_evidence().scalar(if truth { "true" } else { "false" }, false);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.of_evidence().scalar(&number.to_string(), false);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.of_evidence().scalar(&number.to_string(), false);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { decoder, node, part } = self;
        let field = decoder.nodes[node].field;
        let (node, inner, is_item) = match part {
            Part::Evidence => (ITEM, Part::Item, false),
            Part::Item => (node, Part::Inner, true),
            Part::Field if field.is_list() => (node, Part::Element, false),
            Part::Field | Part::Element => {
                decoder.is_odd |= field != Field::None;
                (node, Part::Inner, false)
            }
            Part::Alert | Part::ItemType | Part::Inner => (node, Part::Inner, false),
        };
        if is_item {
            decoder.begin_item();
        }
        while items.next_element_seed(Walk { decoder: &mut *decoder, node, part: inner })?.is_some() {}
        if is_item {
            decoder.end_item();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { decoder, node, part } = self.of_evidence();
        decoder.nodes[node].next = 0;
        let first = map.next_key_seed(Name { decoder: &mut *decoder, node })?;
        if let Some(None) = first {
            return map.next_value_seed(Number(Walk { decoder, node, part }));
        }
        decoder.is_odd |=
            matches!(part, Part::Field | Part::Element) && decoder.nodes[node].field != Field::None;
        if part == Part::Item {
            decoder.begin_item();
        }
        decoder.object = decoder.object.checked_add(1).ok_or_else(|| A::Error::custom("too many objects"))?;
        let object = decoder.object;
        let mut name = first.flatten();
        while let Some(child) = name {
            decoder.repeats |= std::mem::replace(&mut decoder.nodes[child].seen_in, object) == object;
            let inner = match (part, decoder.nodes[child].field) {
                (Part::Alert, Field::Evidence) => Part::Evidence,
                (Part::Alert, _) => Part::Field,
                (Part::Item, _) if &*decoder.nodes[child].path == "@odata.type" => Part::ItemType,
                _ => Part::Inner,
            };
            map.next_value_seed(Walk { decoder: &mut *decoder, node: child, part: inner })?;
            name = map.next_key_seed(Name { decoder: &mut *decoder, node })?.flatten();
        }
        if part == Part::Item {
            decoder.end_item();
        }
        Ok(())
    }
}

/// The key by which serde_json hands out a number that is not an integer, as it is written.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads the name of a property: its node, or `None` for [`NUMBER`].
struct Name<'d> {
    decoder: &'d mut Decoder,
    node: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((name != NUMBER).then(|| self.decoder.step(self.node, name)))
    }
}

/// Reads a number as it is written.
struct Number<'d>(Walk<'d>);

impl<'de> DeserializeSeed<'de> for Number<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Number<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.scalar(text, false);
        Ok(())
    }
}
