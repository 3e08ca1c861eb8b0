//! The tree of property paths seen so far. Usually, a property is found by a single comparison with
//! the name that is expected next.

use std::{cell::RefCell, sync::Arc};

use hashbrown::HashMap;

use super::fields::Field;
use crate::{
    dictionary::{KeyCode, NameCode, Properties, last_name},
    json,
    texts::TextCode,
};

/// A property path.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) path: Arc<str>,
    pub(super) name: NameCode,
    pub(super) field: Field,
    /// The last component of the path, as a label number.
    pub(super) label: u32,
    /// The last component of the path as JSON, with a colon, if there is only one way to write it.
    json: Option<Box<[u8]>>,
    /// The child nodes, each preceded by the name that it adds to the path. Objects usually list
    /// their properties in the same order, so a lookup first tries the child after the last hit.
    children: Vec<(Box<str>, usize)>,
    next: usize,
    /// The positions of the children, keyed by name, if there are many.
    by_name: HashMap<Box<str>, usize>,
    /// The number of the object in which the property was last seen.
    pub(super) seen_in: u32,
    /// The property's code for each evidence type.
    pub(super) keys: Vec<(u16, KeyCode)>,
    /// The value in the most recent item that has the property.
    pub(super) value: ItemValue,
    /// The most recent value, which is often the same in the next alert or item.
    pub(super) last: Option<TextCode>,
}

/// A property's value in an evidence item.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ItemValue {
    pub(super) item: u32,
    /// The first value; `more` is the number of values that follow.
    pub(super) first: TextCode,
    pub(super) more: usize,
    pub(super) is_string: bool,
}

/// The node for the alert itself.
pub(super) const ALERT: usize = 0;
/// The node for an evidence item.
pub(super) const ITEM: usize = 1;
/// A node with at least this many children looks them up in a map.
const MANY: usize = 48;

/// All property paths.
#[derive(Debug)]
pub(super) struct Nodes {
    list: Vec<Node>,
    labels: HashMap<Arc<str>, u32>,
    /// The nodes already found by [`find`](Self::find), keyed by path.
    found: RefCell<HashMap<Box<str>, usize>>,
}

impl std::ops::Index<usize> for Nodes {
    type Output = Node;

    fn index(&self, at: usize) -> &Node {
        &self.list[at]
    }
}

impl std::ops::IndexMut<usize> for Nodes {
    fn index_mut(&mut self, at: usize) -> &mut Node {
        &mut self.list[at]
    }
}

impl Nodes {
    /// Creates the nodes [`ALERT`] and [`ITEM`], which have no path.
    pub(super) fn new(properties: &mut Properties) -> Self {
        let mut nodes = Self { list: Vec::new(), labels: HashMap::new(), found: RefCell::default() };
        for _ in [ALERT, ITEM] {
            nodes.add(properties, "".into(), "", Field::None);
        }
        nodes
    }

    fn add(&mut self, properties: &mut Properties, path: Arc<str>, label: &str, field: Field) -> usize {
        let name = properties.name_code(last_name(&path));
        let number = self.labels.len() as u32;
        let label_code = *self.labels.entry(label.into()).or_insert(number);
        let mut json = Vec::new();
        json::write_string(&mut json, label, false);
        json.push(b':');
        self.list.push(Node {
            path,
            name,
            field,
            label: label_code,
            json: label.is_ascii().then(|| json.into()),
            children: Vec::new(),
            next: 0,
            by_name: HashMap::new(),
            seen_in: 0,
            keys: Vec::new(),
            value: ItemValue::default(),
            last: None,
        });
        self.list.len() - 1
    }

    /// Returns the labels, ordered by number.
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        let mut labels: Vec<_> = self.labels.iter().map(|(label, number)| (*number, label.clone())).collect();
        labels.sort_unstable_by_key(|(number, _)| *number);
        labels.into_iter().map(|(_, label)| label).collect()
    }

    /// Prepares to read an object, whose first property is expected next.
    pub(super) fn start(&mut self, node: usize) {
        self.list[node].next = 0;
    }

    /// Returns the property that is expected next in an object, with its name as JSON and a colon.
    /// Returns `None` if no property is expected, or if its name can be written in several ways.
    pub(super) fn expected(&self, node: usize) -> Option<(usize, &[u8])> {
        let Node { children, next, .. } = &self.list[node];
        let (_, child) = children.get(*next)?;
        Some((*child, self.list[*child].json.as_deref()?))
    }

    /// Notes that the expected property was found.
    pub(super) fn advance(&mut self, node: usize) {
        self.list[node].next += 1;
    }

    /// Finds the node for a path within an evidence item.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        if let Some(node) = self.found.borrow().get(path) {
            return Some(*node);
        }
        // Annotation names contain a dot, but none occurs in the paths that are looked up here.
        let step = |node: Option<usize>, name: &str| self.child(node?, name).map(|(child, _)| child);
        let node = path.split('.').fold(Some(ITEM), step)?;
        self.found.borrow_mut().insert(path.into(), node);
        Some(node)
    }

    /// Finds the node for an object's property and the node's position among the object's children.
    pub(super) fn child(&self, node: usize, name: &str) -> Option<(usize, usize)> {
        let Node { children, next, by_name, .. } = &self.list[node];
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

    /// Returns the node for an object's property, adding it if it is new.
    pub(super) fn step(&mut self, properties: &mut Properties, node: usize, name: &str) -> usize {
        if let Some((child, at)) = self.child(node, name) {
            self.list[node].next = at + 1;
            return child;
        }
        let parent = &self.list[node].path;
        let path = if parent.is_empty() { name.into() } else { format!("{parent}.{name}").into() };
        let field = if node == ALERT { Field::of(name) } else { Field::None };
        let child = self.add(properties, path, name, field);
        let Node { children, by_name, next, .. } = &mut self.list[node];
        children.push((name.into(), child));
        *next = children.len();
        if children.len() == MANY {
            by_name.extend(children.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)));
        } else if children.len() > MANY {
            by_name.insert(name.into(), children.len() - 1);
        }
        child
    }
}
