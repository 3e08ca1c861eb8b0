//! Decodes alerts into batches. A single pass over the JSON yields the terms and the column values.
//!
//! Every value in an alert and its evidence becomes a term (a property with a value from the
//! dictionary), regardless of its type or depth. A field of the filter language is therefore just a
//! set of properties, and this crate does not need to know about evidence types.
//!
//! The pass does not build a tree. A tree is needed only for JSON that the service never sends:
//! JSON in which a property occurs twice, evidence appears outside the `evidence` property, or a
//! column's property is a list or an object instead of text.

mod events;
mod exact;
mod fields;
mod item;
mod node;
mod shapes;
mod subjects;
mod walk;

use std::sync::Arc;

use alertdeck_evidence::Subjects;
use alertdeck_model::{
    Alert, Classification, DecodeError, Determination, RawAlert, SafeText, ServiceSource, Severity, Status,
    Timestamp, is_evidence_type, originals, type_name,
};
use hashbrown::HashMap;

pub(crate) use fields::Fields;
pub(crate) use subjects::{DEVICE_NAME, DEVICES, IDENTITIES, USER_NAME, USERS};

use crate::{
    batch::Codes,
    contents,
    dictionary::{Key, KeyCode, NameCode, Properties, last_name},
    shape::{Leaf, Token},
    texts::{TextCode, TextTable},
};
use events::Part;
use fields::Field;
use item::Item;
use node::{ItemValue, Node, Nodes};
use shapes::{BatchShapes, Mark};

/// The property under which the original of a rewritten link is stored for searching. The service
/// does not send a property with this name.
const ORIGINAL_LINK: &str = "(originalurl)";
/// The property that holds an object's type.
const TYPE: &str = "@odata.type";

/// The number used in place of an evidence type for the alert itself.
const NO_KIND: u16 = u16::MAX;
/// The expected number of distinct values per alert. Used only to reserve memory.
const VALUES: usize = 32;
/// The maximum number of evidence types that are distinguished in a batch.
const MAX_KINDS: usize = 4_096;

/// The codes for the names under which the decoder itself adds values.
#[derive(Debug)]
struct Names {
    devices: NameCode,
    users: NameCode,
    identities: NameCode,
    ids: NameCode,
    titles: NameCode,
    types: NameCode,
}

/// The current evidence item, as read so far.
#[derive(Debug, Default)]
struct CurrentItem {
    /// The type, as sent.
    type_name: String,
    /// The originals of rewritten links.
    links: Vec<String>,
    marks: Vec<Mark>,
}

/// Decodes the alerts of a batch.
#[derive(Debug)]
pub(crate) struct Decoder {
    properties: Properties,
    texts: TextTable,
    names: Names,
    nodes: Nodes,
    shapes: BatchShapes,
    /// The contents of all alerts so far.
    contents: Vec<u8>,
    /// The evidence types, indexed by number.
    kinds: Vec<Arc<str>>,
    kind_codes: HashMap<Arc<str>, u16>,
    /// The current object's number.
    object: u32,
    /// The current evidence item's number.
    item: u32,
    /// The values of the current item, each paired with its node.
    item_values: Vec<(usize, TextCode)>,
    current_item: CurrentItem,
    in_item: bool,
    alert: CurrentAlert,
}

/// The current alert, as read so far.
#[derive(Debug, Default)]
struct CurrentAlert {
    /// The parts of the alert's shape.
    marks: Vec<Mark>,
    /// The encoded values and evidence items, in document order.
    values: Vec<u8>,
    /// The derived values, which were not sent.
    derived: Vec<(KeyCode, TextCode)>,
    fields: Fields,
    categories: Option<TextCode>,
    /// The devices, without duplicates.
    devices: Subjects,
    /// The users, without duplicates.
    users: Subjects,
    /// Whether a property occurs twice in one object.
    repeats: bool,
    /// Whether evidence appears outside the `evidence` property.
    strays: bool,
    /// Whether a column's property has an unexpected type.
    is_odd: bool,
}

impl CurrentAlert {
    fn clear(&mut self) {
        self.marks.clear();
        self.values.clear();
        self.derived.clear();
        self.devices.clear();
        self.users.clear();
        self.fields = Fields::default();
        self.categories = None;
        (self.repeats, self.strays, self.is_odd) = (false, false, false);
    }
}

/// An alert's columns and whether its contents restore the JSON exactly, or the error if the alert
/// cannot be decoded.
pub(crate) type Decoded = Result<(Fields, bool), DecodeError>;

impl Decoder {
    /// Creates a decoder for about the given number of alerts.
    pub(crate) fn new(alerts: usize) -> Self {
        let mut properties = Properties::default();
        let [devices, users, identities, ids, titles, types] =
            [DEVICES, USERS, IDENTITIES, "id", "title", last_name(TYPE)]
                .map(|name| properties.name_code(name));
        let nodes = Nodes::new(&mut properties);
        Self {
            properties,
            texts: TextTable::with_capacity(alerts * VALUES),
            names: Names { devices, users, identities, ids, titles, types },
            nodes,
            shapes: BatchShapes::default(),
            contents: Vec::new(),
            kinds: Vec::new(),
            kind_codes: HashMap::new(),
            object: 0,
            item: 0,
            item_values: Vec::new(),
            current_item: CurrentItem::default(),
            in_item: false,
            alert: CurrentAlert::default(),
        }
    }

    /// Decodes an alert and appends its contents.
    pub(crate) fn decode(&mut self, raw: &RawAlert) -> Decoded {
        let text = std::str::from_utf8(&raw.0).ok();
        let is_exact = text.is_some_and(|json| self.read_exact(json).is_ok()) && self.is_regular();
        let is_read = is_exact || text.is_some_and(|json| self.read_any(json).is_ok()) && self.is_regular();
        if !is_read {
            let once = serde_json::to_string(&raw.parse_in_order()?).unwrap_or_default();
            self.read_any(&once).map_err(|error| DecodeError::new(&error))?;
        }
        if self.alert.is_odd
            && let Ok(alert) = raw.decode()
        {
            self.read_columns(&alert);
        }
        self.alert.fields.category = self.alert.fields.category.or(self.alert.categories);
        self.identify();
        self.end_alert();
        Ok((std::mem::take(&mut self.alert.fields), is_exact))
    }

    /// Appends the contents of an alert that cannot be decoded, which has no values.
    pub(crate) fn skip(&mut self) {
        self.alert.clear();
        self.end_alert();
    }

    /// Returns the total size of the contents so far, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.contents.len()
    }

    /// Returns the contents of all alerts, along with the codes used in them.
    pub(crate) fn finish(self) -> (Codes, Vec<u8>) {
        let mut shapes = self.shapes.shapes;
        for label in self.nodes.labels() {
            shapes.push_label(label);
        }
        (Codes { properties: self.properties, texts: self.texts.texts, shapes }, self.contents)
    }

    /// Adds an id that was generated for an alert without one.
    pub(crate) fn id(&mut self, id: &str) -> TextCode {
        self.texts.add(self.names.ids, id)
    }

    /// Adds a title that was generated for an alert that cannot be decoded.
    pub(crate) fn title(&mut self, title: &str) -> TextCode {
        self.texts.add(self.names.titles, title)
    }

    /// Prepares to read an alert, which may already have been partly read.
    fn restart(&mut self) {
        self.alert.clear();
        self.in_item = false;
    }

    /// Returns whether the alert could be read without a tree.
    fn is_regular(&self) -> bool {
        !self.alert.repeats && !self.alert.strays
    }

    fn end_alert(&mut self) {
        let marks = std::mem::take(&mut self.alert.marks);
        let shape = self.shape(NO_KIND, &marks);
        contents::write(&mut self.contents, shape);
        self.contents.extend_from_slice(&self.alert.values);
        contents::write(&mut self.contents, self.alert.derived.len() as u32);
        for (key, value) in &self.alert.derived {
            contents::write(&mut self.contents, u32::from(key.0));
            contents::write(&mut self.contents, value.0);
        }
        self.alert.marks = marks;
    }

    fn shape(&mut self, kind: u16, marks: &[Mark]) -> u32 {
        let Self { shapes, nodes, properties, kinds, .. } = self;
        let mut leaf = |nodes: &mut Nodes, node: u32| {
            let Node { path, name, keys, .. } = &mut nodes[node as usize];
            let known = keys.iter().find(|(of, _)| *of == kind).map(|(_, code)| *code);
            let key = known.unwrap_or_else(|| {
                let kind_name = kinds.get(usize::from(kind)).cloned();
                let code = properties.key_code(&Key { kind: kind_name, path: path.clone() });
                keys.push((kind, code));
                code
            });
            Leaf { key, name: *name }
        };
        shapes.add(kind, marks, |part| match part {
            Token::Label(node) => Token::Label(nodes[node as usize].label),
            part => part.map(|node| leaf(nodes, node)),
        })
    }

    /// Returns the node for an object's property, adding it if it is new.
    fn step(&mut self, node: usize, name: &str) -> usize {
        self.nodes.step(&mut self.properties, node, name)
    }

    fn mark(&mut self, part: Token<u32>) {
        let marks = if self.in_item { &mut self.current_item.marks } else { &mut self.alert.marks };
        marks.push(shapes::mark(part));
    }

    /// Returns the code of a property's value, adding the value if it is new.
    fn value(&mut self, node: usize, text: &str) -> TextCode {
        let node = &mut self.nodes[node];
        if let Some(last) = node.last
            && self.texts.texts.raw(last) == text
        {
            return last;
        }
        let code = self.texts.add(node.name, text);
        node.last = Some(code);
        code
    }

    fn scalar(&mut self, node: usize, part: Part, text: &str, is_string: bool) {
        let value = self.value(node, text);
        self.mark(if is_string { Token::Text(node as u32) } else { Token::Literal(node as u32) });
        if self.in_item {
            let ItemValue { item, first, more, is_string: was_string } = self.nodes[node].value;
            self.nodes[node].value = if item == self.item {
                ItemValue { item, first, more: more + 1, is_string: was_string }
            } else {
                ItemValue { item: self.item, first: value, more: 0, is_string }
            };
            if part == Part::ItemType && is_string {
                text.clone_into(&mut self.current_item.type_name);
            }
            if is_string {
                self.current_item.links.extend(originals(text));
            }
            self.item_values.push((node, value));
            return;
        }
        contents::write(&mut self.alert.values, value.0);
        self.alert.strays |= part == Part::Inner
            && self.nodes[node].name == self.names.types
            && is_string
            && is_evidence_type(text);
        match (part, self.nodes[node].field) {
            (_, Field::None) => {}
            (Part::Field, field) => self.set(field, value, text, is_string),
            (Part::Element, field) if field.is_list() => self.set(field, value, text, is_string),
            _ => {}
        }
    }

    fn set(&mut self, field: Field, value: TextCode, text: &str, is_string: bool) {
        let fields = &mut self.alert.fields;
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
            Field::Categories => self.alert.categories = self.alert.categories.or(Some(value)),
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
        self.current_item.type_name.clear();
        self.current_item.links.clear();
        self.current_item.marks.clear();
    }

    fn end_item(&mut self) {
        let name = type_name(&self.current_item.type_name);
        let kind = match self.kind_codes.get(name) {
            Some(known) => *known,
            // The types come from the service, so their number must be bounded. Types beyond the
            // limit share the last number.
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
            (std::mem::take(&mut self.alert.devices), std::mem::take(&mut self.alert.users));
        devices.add_device(&kind_name, &Item(self));
        users.add_user(&kind_name, &Item(self));
        (self.alert.devices, self.alert.users) = (devices, users);
        self.write_item(kind);
        for link in std::mem::take(&mut self.current_item.links) {
            self.add_derived(&kind_name, ORIGINAL_LINK, &link);
        }
    }

    /// Appends the current item to the values of the alert.
    fn write_item(&mut self, kind: u16) {
        self.in_item = false;
        let marks = std::mem::take(&mut self.current_item.marks);
        let shape = self.shape(kind, &marks);
        self.current_item.marks = marks;
        contents::write(&mut self.alert.values, shape + 1);
        for (_, value) in &self.item_values {
            contents::write(&mut self.alert.values, value.0);
        }
    }

    /// Appends the zero that ends the evidence items.
    fn end_items(&mut self) {
        contents::write(&mut self.alert.values, 0);
    }

    /// Adds a derived value, which the service did not send.
    fn add_derived(&mut self, kind: &Arc<str>, property: &str, value: &str) {
        let key = self.properties.key_code(&Key { kind: Some(kind.clone()), path: property.into() });
        let name = self.properties.name_code(property);
        // If the property has no code of its own, it cannot be searched.
        if self.properties.name_of(key) == name {
            let term = (key, self.texts.add(name, value));
            if !self.alert.derived.contains(&term) {
                self.alert.derived.push(term);
            }
        }
    }

    /// Reads the columns from a fully decoded alert.
    fn read_columns(&mut self, alert: &Alert) {
        let mut code = |name: &str, text: &Option<SafeText>| {
            let name = self.properties.name_code(name);
            text.as_ref().map(|text| self.texts.add(name, text.raw()))
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
        (self.alert.fields, self.alert.categories) = (fields, None);
    }
}

fn add_once(list: &mut Vec<TextCode>, value: TextCode) {
    if !list.contains(&value) {
        list.push(value);
    }
}
