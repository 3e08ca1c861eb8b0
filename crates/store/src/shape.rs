//! Shapes: the structure of alerts and evidence items, without their values.
//!
//! Most alerts and items share their shape with many others. An alert is therefore stored as a
//! shape and a list of values, from which its JSON can be restored.

use std::sync::Arc;

use hashbrown::HashMap;

use serde::{Deserialize, Serialize};

use crate::dictionary::{CodeMap, KeyCode, NameCode};

/// A value's property, and the name under which the value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Leaf {
    pub(crate) key: KeyCode,
    /// The name under which the value is stored. It differs from the property's name if the
    /// property has no code of its own.
    pub(crate) name: NameCode,
}

/// A part of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Token<L = Leaf> {
    Open,
    Close,
    OpenList,
    CloseList,
    /// A property name, as a label number.
    Label(u32),
    /// A string value.
    Text(L),
    /// A number, `true` or `false`.
    Literal(L),
    Null,
    /// A list of evidence items, which have their own shapes.
    Items,
    /// An evidence item that is not in a list.
    Item,
    /// Comes last in an alert whose JSON escapes non-ASCII characters.
    Ascii,
}

impl<L> Token<L> {
    /// Converts the property of a value. Other tokens are unchanged.
    pub(crate) fn map<M>(self, leaf: impl FnOnce(L) -> M) -> Token<M> {
        match self {
            Self::Text(of) => Token::Text(leaf(of)),
            Self::Literal(of) => Token::Literal(leaf(of)),
            Self::Open => Token::Open,
            Self::Close => Token::Close,
            Self::OpenList => Token::OpenList,
            Self::CloseList => Token::CloseList,
            Self::Label(label) => Token::Label(label),
            Self::Null => Token::Null,
            Self::Items => Token::Items,
            Self::Item => Token::Item,
            Self::Ascii => Token::Ascii,
        }
    }
}

/// A numbered list of shapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    shapes: Vec<Arc<[Token]>>,
    /// The property names that occur in shapes, by number.
    labels: Vec<Arc<str>>,
}

impl Shapes {
    /// Returns the shape with the given number.
    pub(crate) fn get(&self, number: u32) -> &[Token] {
        &self.shapes[number as usize]
    }

    /// Returns the shape with the given number, if it exists.
    pub(crate) fn find(&self, number: u32) -> Option<&[Token]> {
        self.shapes.get(number as usize).map(|shape| &**shape)
    }

    /// Lists all shapes by number.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<[Token]>> {
        self.shapes.iter()
    }

    /// Lists all property names by number.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Arc<str>> {
        self.labels.iter()
    }

    /// Returns the property name with the given number.
    pub(crate) fn label(&self, number: u32) -> &str {
        &self.labels[number as usize]
    }

    /// Adds a shape without checking for duplicates, and returns its number.
    pub(crate) fn push(&mut self, shape: Arc<[Token]>) -> u32 {
        self.shapes.push(shape);
        (self.shapes.len() - 1) as u32
    }

    /// Adds a property name without checking for duplicates, and returns its number.
    pub(crate) fn push_label(&mut self, label: Arc<str>) -> u32 {
        self.labels.push(label);
        (self.labels.len() - 1) as u32
    }
}

/// Distinct shapes, which can be looked up by content.
#[derive(Debug, Default)]
pub(crate) struct ShapeTable {
    shapes: Shapes,
    numbers: HashMap<Arc<[Token]>, u32>,
    labels: HashMap<Arc<str>, u32>,
}

impl ShapeTable {
    /// Returns all shapes.
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Adds all shapes in a batch and returns their numbers in this table.
    pub(crate) fn merge(&mut self, batch: &Shapes, map: &CodeMap) -> Vec<u32> {
        let labels: Vec<_> = batch.labels.iter().map(|label| self.label(label)).collect();
        let leaf = |Leaf { key, name }| Leaf { key: map.key(key), name: map.name(name) };
        let mapped = |token: &Token| match *token {
            Token::Label(label) => Token::Label(labels[label as usize]),
            token => token.map(leaf),
        };
        let mut tokens = Vec::new();
        let shapes = batch.shapes.iter().map(|shape| {
            tokens.clear();
            tokens.extend(shape.iter().map(mapped));
            self.shape(&tokens)
        });
        shapes.collect()
    }

    fn shape(&mut self, tokens: &[Token]) -> u32 {
        if let Some(number) = self.numbers.get(tokens) {
            return *number;
        }
        let shape: Arc<[Token]> = tokens.into();
        let number = self.shapes.push(shape.clone());
        self.numbers.insert(shape, number);
        number
    }

    fn label(&mut self, label: &Arc<str>) -> u32 {
        if let Some(number) = self.labels.get(label) {
            return *number;
        }
        let number = self.shapes.push_label(label.clone());
        self.labels.insert(label.clone(), number);
        number
    }

    /// Returns the memory used by the shapes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.shapes.shapes.iter().map(|shape| size_of_val(&**shape)).sum::<usize>()
            + self.shapes.shapes.capacity() * size_of::<Arc<[Token]>>()
            + self.numbers.capacity() * size_of::<(Arc<[Token]>, u32)>()
    }
}
