//! The syntax tree of a filter: the grammar, and nothing of what names and values mean.
//!
//! Every part of the tree says where in the text it stands; the text is never changed.

mod parse;

use std::ops::Range;

pub use parse::{MAX_LENGTH, parse};

pub(super) use parse::head;

use super::diagnostic::Diagnostic;
use alertdeck_odata as odata;

/// A filter that was read, with what is wrong with it.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    pub(super) root: Root,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug)]
pub(super) enum Root {
    /// No filter: everything matches.
    Everything,
    Filter(Node),
    OData(odata::Expr),
}

/// A part of a filter.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// Where it stands, its own parentheses included.
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
}

/// `FIELD OP VALUE,VALUE` or a bare text.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// The field's name and operator with their places; `None` for a bare text.
    pub(super) head: Option<Head>,
    /// At least one.
    pub(super) values: Vec<Value>,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) operator: Operator,
    pub(super) operator_span: Range<usize>,
}

/// An operator of the filter language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Has,
    Equal,
    Unequal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Matches,
}

impl Operator {
    /// Every operator with how it is written; one that begins with another comes first.
    const ALL: [(&'static str, Self); 8] = [
        ("!=", Self::Unequal),
        (">=", Self::GreaterOrEqual),
        ("<=", Self::LessOrEqual),
        (">", Self::Greater),
        ("<", Self::Less),
        (":", Self::Has),
        ("=", Self::Equal),
        ("~", Self::Matches),
    ];

    /// Returns how the operator is written.
    pub(super) fn written(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or(":", |(written, _)| written)
    }

    pub(super) fn is_order(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }

    /// Reads the operator that `text` begins with; returns it with its length.
    fn read(text: &str) -> Option<(Self, usize)> {
        Self::ALL
            .iter()
            .find(|(written, _)| text.starts_with(written))
            .map(|(written, operator)| (*operator, written.len()))
    }
}

/// A value as typed, quotes resolved.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) pieces: Vec<Piece>,
    pub(super) span: Range<usize>,
    /// Whether quotes were used anywhere in it.
    pub(super) quoted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `*` outside quotes.
    AnyRun,
}

impl Value {
    /// The value as plain text; a star is a star.
    pub(super) fn text(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::AnyRun => "*",
            })
            .collect()
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.pieces.contains(&Piece::AnyRun)
    }
}

impl Query {
    /// Returns the filter as typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is wrong with the syntax; empty where nothing is.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns whether there is no filter, so that everything matches.
    pub fn is_empty(&self) -> bool {
        matches!(self.root, Root::Everything)
    }

    /// Returns whether the whole filter is an `or`, so that what is joined to it by `and` needs
    /// parentheses around it.
    pub fn is_alternative(&self) -> bool {
        matches!(&self.root, Root::Filter(Node { kind: NodeKind::Or(_), .. }))
    }

    /// Writes the filter with the parentheses that its operators imply.
    pub fn grouped(&self) -> String {
        match &self.root {
            Root::Filter(node) => self.group(node, false),
            Root::Everything | Root::OData(_) => self.text.trim().to_owned(),
        }
    }

    fn group(&self, node: &Node, inside: bool) -> String {
        let join = |parts: &[Node], by: &str| {
            let parts: Vec<_> = parts.iter().map(|part| self.group(part, true)).collect();
            // A word that ends in an open parenthesis would take the closing one for its own.
            let gap =
                if parts.last().is_some_and(|last| last.matches('(').count() > last.matches(')').count()) {
                    " "
                } else {
                    ""
                };
            if inside { format!("({}{gap})", parts.join(by)) } else { parts.join(by) }
        };
        match &node.kind {
            NodeKind::And(parts) => join(parts, " "),
            NodeKind::Or(parts) => join(parts, " or "),
            NodeKind::Not(part) => format!("-{}", self.group(part, true)),
            NodeKind::Term(_) => bare(&self.text[node.span.clone()]).to_owned(),
        }
    }
}

/// A term's text without the parentheses around it; a term itself never begins with one.
fn bare(mut text: &str) -> &str {
    while let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        text = inner.trim();
    }
    text
}
