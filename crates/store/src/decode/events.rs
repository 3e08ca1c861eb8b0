//! The events that make up an alert's JSON, in document order. Both readers,
//! [`exact`](super::exact) and [`walk`](super::walk), report them, and neither knows how they are
//! handled.

use super::{Decoder, NO_KIND, TYPE, fields::Field, node::ITEM};
use crate::shape::Token;

/// The role of a value in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The alert.
    Alert,
    /// A property of the alert.
    Field,
    /// An element of a list that is an alert property.
    Element,
    /// The property `evidence`.
    Evidence,
    /// An evidence item.
    Item,
    /// The type of an evidence item.
    ItemType,
    /// Anything nested deeper.
    Inner,
}

/// An object that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// The object's node.
    pub(super) node: usize,
    part: Part,
    /// The object's number, which is unique in the batch.
    number: u32,
    /// Whether the object is the value of `evidence`, which should be a list.
    is_only_item: bool,
}

/// The error for a batch with more objects than can be numbered.
#[derive(Debug, thiserror::Error)]
#[error("too many objects")]
pub(super) struct TooManyObjects;

impl Decoder {
    /// Handles a string, a number, `true` or `false`.
    pub(super) fn on_scalar(&mut self, node: usize, part: Part, text: &str, is_string: bool) {
        match part {
            // If the value of `evidence` is not a list, it is a single item.
            Part::Evidence => {
                self.mark(Token::Item);
                self.begin_item();
                self.scalar(ITEM, Part::Inner, text, is_string);
                self.end_item();
                self.end_items();
            }
            Part::Item => {
                self.begin_item();
                self.scalar(node, Part::Inner, text, is_string);
                self.end_item();
            }
            _ => self.scalar(node, part, text, is_string),
        }
    }

    /// Handles `null`.
    pub(super) fn on_null(&mut self, part: Part) {
        if part == Part::Item {
            self.begin_item();
            self.mark(Token::Null);
            self.write_item(NO_KIND);
        } else {
            self.mark(Token::Null);
        }
    }

    /// Handles the start of a list. Returns the node and the role of its elements.
    pub(super) fn on_list(&mut self, node: usize, part: Part) -> (usize, Part) {
        let field = self.nodes[node].field;
        let elements = match part {
            Part::Evidence => (ITEM, Part::Item),
            Part::Field if field.is_list() => (node, Part::Element),
            Part::Field | Part::Element => {
                self.alert.is_odd |= field != Field::None;
                (node, Part::Inner)
            }
            Part::Alert | Part::Item | Part::ItemType | Part::Inner => (node, Part::Inner),
        };
        if part == Part::Item {
            self.begin_item();
        }
        self.mark(if part == Part::Evidence { Token::Items } else { Token::OpenList });
        elements
    }

    /// Handles the end of a list.
    pub(super) fn on_list_end(&mut self, part: Part) {
        match part {
            Part::Evidence => self.end_items(),
            _ => self.mark(Token::CloseList),
        }
        if part == Part::Item {
            self.end_item();
        }
    }

    /// Prepares to look up the properties of an object by name. Returns the object's node and role.
    pub(super) fn before_object(&mut self, node: usize, part: Part) -> (usize, Part) {
        let (node, part) = if part == Part::Evidence { (ITEM, Part::Item) } else { (node, part) };
        self.nodes.start(node);
        (node, part)
    }

    /// Handles the start of an object.
    pub(super) fn on_object(&mut self, node: usize, part: Part) -> Result<Object, TooManyObjects> {
        let is_only_item = part == Part::Evidence;
        let (node, part) = self.before_object(node, part);
        self.alert.is_odd |=
            matches!(part, Part::Field | Part::Element) && self.nodes[node].field != Field::None;
        if is_only_item {
            self.mark(Token::Item);
        }
        if part == Part::Item {
            self.begin_item();
        }
        self.mark(Token::Open);
        self.object = self.object.checked_add(1).ok_or(TooManyObjects)?;
        Ok(Object { node, part, number: self.object, is_only_item })
    }

    /// Handles a property name. Returns the role of the property's value.
    pub(super) fn on_property(&mut self, object: &Object, node: usize) -> Part {
        let property = &mut self.nodes[node];
        let seen_in = std::mem::replace(&mut property.seen_in, object.number);
        self.alert.repeats |= seen_in == object.number;
        let part = match (object.part, property.field) {
            (Part::Alert, Field::Evidence) => Part::Evidence,
            (Part::Alert, _) => Part::Field,
            (Part::Item, _) if &*property.path == TYPE => Part::ItemType,
            _ => Part::Inner,
        };
        self.mark(Token::Label(node as u32));
        part
    }

    /// Handles the end of an object.
    pub(super) fn on_object_end(&mut self, object: &Object) {
        self.mark(Token::Close);
        if object.part == Part::Item {
            self.end_item();
        }
        if object.is_only_item {
            self.end_items();
        }
    }
}
