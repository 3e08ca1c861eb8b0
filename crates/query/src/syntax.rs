//! The syntax tree of a filter. This module does not know what names and values mean.
//!
//! Every part records its range in the text, and the text is never changed.

mod parse;

use std::ops::Range;

pub use parse::{MAX_LENGTH, parse};

pub(super) use parse::head;

use super::diagnostic::Diagnostic;
use alertdeck_odata as odata;

/// A parsed filter with its syntax errors.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    pub(super) root: Root,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug)]
pub(super) enum Root {
    /// An empty filter, which matches everything.
    Everything,
    Filter(Node),
    OData(odata::Expr),
}

/// A part of a filter.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// The range in the text, including the part's own parentheses.
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
}

/// A term: `FIELD OP VALUE,VALUE`, or a bare word.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// The field name and the operator, or `None` for a bare word.
    pub(super) head: Option<Head>,
    /// One or more values.
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
    /// All operators with their symbols. A symbol comes before any other symbol that is a prefix of
    /// it.
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

    /// Returns the operator's symbol.
    pub(super) fn symbol(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or(":", |(symbol, _)| symbol)
    }

    pub(super) fn is_order(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }

    /// Parses the operator at the start of `text`. Returns the operator and its length.
    fn read(text: &str) -> Option<(Self, usize)> {
        Self::ALL
            .iter()
            .find(|(symbol, _)| text.starts_with(symbol))
            .map(|(symbol, operator)| (*operator, symbol.len()))
    }
}

/// A value without its quotes.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) pieces: Vec<Piece>,
    pub(super) span: Range<usize>,
    /// Whether any part of the value was quoted.
    pub(super) quoted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `*` outside quotes.
    AnyRun,
}

impl Value {
    /// Returns the value as text, with wildcards as `*`.
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

    /// Returns the syntax errors.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns whether the filter is empty and matches everything.
    pub fn is_empty(&self) -> bool {
        matches!(self.root, Root::Everything)
    }

    /// Returns whether the top level of the filter is an `or`, which needs parentheses when the
    /// filter is joined to another with `and`.
    pub fn is_alternative(&self) -> bool {
        matches!(&self.root, Root::Filter(Node { kind: NodeKind::Or(_), .. }))
    }

    /// Returns the unquoted words that the filter as a whole excludes with a `-` or `!`.
    pub(super) fn excluded(&self) -> Vec<String> {
        fn collect(text: &str, node: &Node, found: &mut Vec<String>) {
            match &node.kind {
                NodeKind::And(parts) => parts.iter().for_each(|part| collect(text, part, found)),
                NodeKind::Not(part) if text[node.span.clone()].starts_with(['-', '!']) => {
                    if let NodeKind::Term(Term { head: None, values }) = &part.kind
                        && !values[0].quoted
                    {
                        found.push(values[0].text());
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        if let Root::Filter(node) = &self.root {
            collect(&self.text, node, &mut found);
        }
        found
    }

    /// Writes the filter with all implied parentheses.
    pub fn grouped(&self) -> String {
        match &self.root {
            Root::Filter(node) => self.group(node, false),
            Root::Everything | Root::OData(_) => self.text.trim().to_owned(),
        }
    }

    fn group(&self, node: &Node, inside: bool) -> String {
        let join = |parts: &[Node], by: &str| {
            let parts: Vec<_> = parts.iter().map(|part| self.group(part, true)).collect();
            // Without a gap, a word with an unclosed parenthesis would make the closing one part of
            // its value.
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

/// Returns a term's text without the parentheses around it. The term itself never starts with a
/// parenthesis.
fn bare(mut text: &str) -> &str {
    while let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        text = inner.trim();
    }
    text
}
