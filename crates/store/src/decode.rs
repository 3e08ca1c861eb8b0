//! Decodes alerts into batches. A single pass over the JSON yields the terms and the column values.
//!
//! Every value of an alert and its evidence becomes a term (a property with a value from the
//! dictionary), whatever its type or depth. A field of the filter language is therefore just a set
//! of properties, and this crate does not need to know about types of evidence.
//!
//! The pass does not build a tree. A tree is needed only for JSON that the service never sends, in
//! which a property occurs twice, evidence is under another property than `evidence`, or a column
//! finds a list or an object instead of text.

mod fields;
mod subjects;
mod walk;

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use serde::de::Deserializer as _;

use alertdeck_evidence as evidence;
use alertdeck_evidence::Subjects;
use alertdeck_model::{
    Alert, Classification, DecodeError, Determination, RawAlert, SafeText, ServiceSource, Severity, Status,
    Timestamp, is_evidence_type, originals, type_name,
};

pub(crate) use fields::Fields;
pub(crate) use subjects::{DEVICE_NAME, DEVICES, IDENTITIES, USER_NAME, USERS};

use crate::{
    dictionary::{Dictionary, Key, KeyCode, NameCode, ValueCode, last_name},
    values::Folder,
};
use fields::Field;
use walk::{Part, Walk};

/// A property path, as a node in a tree of the paths seen so far.
#[derive(Debug)]
struct Node {
    path: Arc<str>,
    name: NameCode,
    field: Field,
    /// The nodes of longer paths, each with the next name. Objects usually list their properties in
    /// the same order, so a search starts after the last hit.
    children: Vec<(Box<str>, usize)>,
    next: usize,
    /// The positions of the children, keyed by name, if there are many.
    by_name: HashMap<Box<str>, usize>,
    /// The object in which the property was last seen.
    seen_in: u32,
    /// The property's code for each type of evidence.
    keys: Vec<(u16, KeyCode)>,
    /// The value in the current item.
    value: ItemValue,
    /// The last value. Many values are the same as those in the previous alert or item.
    last: String,
    last_code: Option<ValueCode>,
}

/// A value of the current item of evidence.
#[derive(Clone, Copy, Debug, Default)]
struct ItemValue {
    item: u32,
    /// The first value; `more` is the number of values that follow.
    first: u32,
    more: usize,
    is_string: bool,
}

/// The property for searching for the original of a link that was rewritten. The service does not
/// send a property with this name.
const ORIGINAL_LINK: &str = "(originalurl)";
/// The property with the type of an object.
const TYPE: &str = "@odata.type";

/// The alert's node.
const ALERT: usize = 0;
/// The node for an item of evidence.
const ITEM: usize = 1;
/// The number that stands for the alert itself in place of a type of evidence.
const NO_KIND: u16 = u16::MAX;
/// The maximum number of evidence types that are distinguished in a batch.
const MAX_KINDS: usize = 4_096;
/// A node with at least this many children looks them up in a map.
const MANY: usize = 48;

/// Decodes alerts into one dictionary.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) dictionary: Dictionary,
    devices: NameCode,
    users: NameCode,
    identities: NameCode,
    ids: NameCode,
    titles: NameCode,
    types: NameCode,
    nodes: Vec<Node>,
    /// The types of evidence, indexed by number.
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
    /// The originals of links in the current item.
    item_links: Vec<String>,
    in_item: bool,
    /// The terms of the current alert.
    terms: Vec<(KeyCode, u32)>,
    fields: Fields,
    categories: Option<ValueCode>,
    /// The devices in the current alert, without duplicates.
    device_subjects: Subjects,
    /// The users in the current alert, without duplicates.
    user_subjects: Subjects,
    /// Whether a property occurs twice in one object.
    repeats: bool,
    /// Whether evidence is under another property than `evidence`.
    strays: bool,
    /// Whether a column's property has an unexpected type.
    is_odd: bool,
}

/// The terms and columns of an alert, or the reason why it cannot be read.
pub(crate) type Decoded = Result<(Box<[(KeyCode, u32)]>, Fields), DecodeError>;

impl Decoder {
    pub(crate) fn new() -> Self {
        let mut dictionary = Dictionary::default();
        let [devices, users, identities, ids, titles, types] =
            [DEVICES, USERS, IDENTITIES, "id", "title", last_name(TYPE)]
                .map(|name| dictionary.name_code(name));
        let mut decoder = Self {
            dictionary,
            devices,
            users,
            identities,
            ids,
            titles,
            types,
            nodes: Vec::new(),
            kinds: Vec::new(),
            kind_codes: HashMap::new(),
            folder: Folder::default(),
            object: 0,
            item: 0,
            item_values: Vec::new(),
            item_type: String::new(),
            item_links: Vec::new(),
            in_item: false,
            terms: Vec::new(),
            fields: Fields::default(),
            categories: None,
            device_subjects: Subjects::default(),
            user_subjects: Subjects::default(),
            repeats: false,
            strays: false,
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
        if !is_read || self.repeats || self.strays {
            let once = serde_json::to_string(&raw.parse_in_order()?).unwrap_or_default();
            self.pass(&once).map_err(|error| DecodeError::new(&error))?;
        }
        if self.is_odd
            && let Ok(alert) = raw.decode()
        {
            self.read_columns(&alert);
        }
        self.fields.category = self.fields.category.or(self.categories);
        self.identify();
        self.terms.sort_unstable();
        self.terms.dedup();
        Ok((self.terms.as_slice().into(), std::mem::take(&mut self.fields)))
    }

    /// Adds an id, which may have been generated for an alert that has none.
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
        (self.categories, self.is_odd, self.in_item) = (None, false, false);
        (self.repeats, self.strays) = (false, false);
        self.device_subjects.clear();
        self.user_subjects.clear();
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

    /// Finds the node of an object's property and the node's position among the object's children.
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

    /// Returns the node of an object's property, adding it if it is new.
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

    /// Adds a term for a property of the alert, or of evidence of the given kind.
    fn add_term(&mut self, kind: u16, node: usize, index: u32) {
        let Node { path, name, keys, .. } = &mut self.nodes[node];
        let code = keys.iter().find(|(of, _)| *of == kind).map(|(_, code)| *code);
        let code = code.unwrap_or_else(|| {
            let kind_name = self.kinds.get(usize::from(kind)).cloned();
            let code = self.dictionary.key_code(&Key { kind: kind_name, path: path.clone() });
            keys.push((kind, code));
            code
        });
        // If a property has no code of its own, its values cannot be searched for.
        if self.dictionary.name_of(code) == *name {
            self.terms.push((code, index));
        }
    }

    /// Returns the code of a value of a property.
    fn value(&mut self, node: usize, text: &str) -> ValueCode {
        /// Longer values are not worth copying.
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
            if is_string {
                self.item_links.extend(originals(text));
            }
            self.item_values.push((node, value.index));
            return;
        }
        self.strays |=
            part == Part::Inner && self.nodes[node].name == self.types && is_string && is_evidence_type(text);
        self.add_term(NO_KIND, node, value.index);
        match (part, self.nodes[node].field) {
            (_, Field::None) => {}
            (Part::Field, field) => self.set(field, value, text, is_string),
            (Part::Element, field) if field.is_list() => self.set(field, value, text, is_string),
            _ => {}
        }
    }

    fn set(&mut self, field: Field, value: ValueCode, text: &str, is_string: bool) {
        let fields = &mut self.fields;
        let odd = &mut fields.has_odd_date;
        let mut time = || {
            let at = Timestamp::parse(text).filter(|_| is_string);
            *odd |= at.is_none();
            at.filter(|at| !at.is_unset())
        };
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
            Field::Techniques => add_once(&mut fields.techniques, value),
        }
    }

    fn begin_item(&mut self) {
        self.item += 1;
        self.in_item = true;
        self.item_values.clear();
        self.item_type.clear();
        self.item_links.clear();
    }

    fn end_item(&mut self) {
        self.in_item = false;
        let name = type_name(&self.item_type);
        let kind = match self.kind_codes.get(name) {
            Some(known) => *known,
            // The service determines the types. Any beyond the limit share the last code.
            None if self.kinds.len() >= MAX_KINDS => MAX_KINDS as u16 - 1,
            None => {
                let (name, kind): (Arc<str>, _) = (name.into(), self.kinds.len() as u16);
                self.kinds.push(name.clone());
                self.kind_codes.insert(name, kind);
                kind
            }
        };
        let kind_name = self.kinds[usize::from(kind)].clone();
        let (mut devices, mut users) =
            (std::mem::take(&mut self.device_subjects), std::mem::take(&mut self.user_subjects));
        devices.add_device(&kind_name, &Item(self));
        users.add_user(&kind_name, &Item(self));
        (self.device_subjects, self.user_subjects) = (devices, users);
        let values = std::mem::take(&mut self.item_values);
        for (node, index) in &values {
            self.add_term(kind, *node, *index);
        }
        self.item_values = values;
        for link in std::mem::take(&mut self.item_links) {
            self.add_derived(&kind_name, ORIGINAL_LINK, &link);
        }
    }

    /// Adds a term for a value that the service did not send. Returns the code of the value.
    fn add_derived(&mut self, kind: &Arc<str>, property: &str, value: &str) -> ValueCode {
        let key = self.dictionary.key_code(&Key { kind: Some(kind.clone()), path: property.into() });
        let name = self.dictionary.name_of(key);
        let code = self.dictionary.add(name, self.folder.fold(value));
        // If the property has no code of its own, it cannot be searched.
        if self.dictionary.name(property) == Some(name) {
            self.terms.push((key, code.index));
        }
        code
    }

    /// Reads the columns from an alert that was decoded in full.
    fn read_columns(&mut self, alert: &Alert) {
        self.fields = Fields::default();
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
            has_odd_date: true,
            techniques: Vec::new(),
            ..Fields::default()
        };
        for technique in &alert.mitre_techniques {
            if let Some(value) = code("mitreTechniques", &Some(technique.clone())) {
                add_once(&mut fields.techniques, value);
            }
        }
        (self.fields, self.categories) = (fields, None);
    }
}

fn add_once(list: &mut Vec<ValueCode>, value: ValueCode) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// The current item of evidence, whose properties are read by path.
struct Item<'a>(&'a Decoder);

impl Item<'_> {
    /// Returns the index of a property's node and the node, if the current item has the property.
    fn node(&self, path: &str) -> Option<(usize, &Node)> {
        let Self(decoder) = self;
        // Annotation names contain a dot, but no path read here includes one.
        let step = |node: Option<usize>, name: &str| decoder.child(node?, name).map(|(child, _)| child);
        let at = path.split('.').fold(Some(ITEM), step)?;
        let node = &decoder.nodes[at];
        (node.value.item == decoder.item).then_some((at, node))
    }

    fn value(&self, path: &str) -> Option<(&Node, Cow<'_, str>)> {
        let (_, node) = self.node(path)?;
        let (name, index) = (node.name, node.value.first);
        Some((node, self.0.dictionary.text(ValueCode { name, index }).raw))
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

    fn any(&self, path: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        let Self(decoder) = self;
        let Some((node, _)) = self.node(path) else { return false };
        let name = decoder.nodes[node].name;
        let mut values = decoder.item_values.iter().filter(|(of, _)| *of == node);
        values.any(|(_, index)| test(&decoder.dictionary.text(ValueCode { name, index: *index }).raw))
    }
}
