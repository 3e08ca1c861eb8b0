//! Parses filter text into a syntax tree.
//!
//! Parsing continues after an error so that all errors are reported.

use std::ops::Range;

use super::{Head, Node, NodeKind, Operator, Piece, Query, Root, Term, Value};
use crate::{
    diagnostic::{Diagnostic, DiagnosticKind},
    fields::{Enumeration, FIELDS, Field},
    write::quote,
};
use alertdeck_odata as odata;

/// The maximum length of a filter in bytes: enough for several hundred pasted hashes.
pub const MAX_LENGTH: usize = 64 * 1024;
/// The maximum nesting depth of parentheses and negations.
const MAX_DEPTH: usize = 64;
/// The number of errors after which parsing stops.
const MAX_ERRORS: usize = 20;

/// Parses a filter. Never fails; errors are listed in [`Query::diagnostics`].
pub fn parse(text: &str) -> Query {
    let mut parser = Parser { text, at: 0, diagnostics: Vec::new(), stopped: false };
    let root = parser.root();
    Query { text: text.to_owned(), root, diagnostics: parser.diagnostics }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    diagnostics: Vec<Diagnostic>,
    /// Whether parsing has stopped. If so, further errors are not reported.
    stopped: bool,
}

impl<'a> Parser<'a> {
    fn root(&mut self) -> Root {
        if self.text.len() > MAX_LENGTH {
            let message = format!("the filter is longer than {MAX_LENGTH} bytes");
            let start = (0..=MAX_LENGTH).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
            self.stop(Diagnostic::new(start..self.text.len(), DiagnosticKind::Limit, message));
            return Root::Everything;
        }
        self.skip_blanks();
        if self.rest().starts_with('$') {
            return self.odata();
        }
        if self.rest().is_empty() {
            return Root::Everything;
        }
        let mut parts = Vec::new();
        while !self.stopped {
            parts.extend(self.or(0));
            if self.rest().is_empty() {
                break;
            }
            // Before the end of the text, only `)` ends an `or`.
            let span = self.at..self.at + 1;
            let diagnostic =
                Diagnostic::new(span.clone(), DiagnosticKind::Syntax, "this `)` has no matching `(`");
            self.report(diagnostic.fix(span, ""));
            self.at += 1;
            self.skip_blanks();
            if self.rest().is_empty() {
                break;
            }
        }
        match join(parts, NodeKind::And) {
            Some(node) => Root::Filter(node),
            None => Root::Everything,
        }
    }

    fn odata(&mut self) -> Root {
        const PREFIX: &str = "$filter=";
        let named = self.rest().get(..PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(PREFIX));
        self.at += if named { PREFIX.len() } else { 1 };
        match odata::parse(self.rest()) {
            Ok(expr) => Root::OData(expr),
            Err(error) => {
                let span = self.at + error.span.start..self.at + error.span.end;
                let mut message = error.message;
                if let Some((property, member)) = error.undeclared {
                    // Alerts may have members that are newer than the schema.
                    let of = |field: &&Field| {
                        field.enumeration().and_then(Enumeration::property) == Some(property)
                    };
                    let field = FIELDS.iter().find(of).map_or(property.name(), |field| field.name);
                    message = format!("{message}; to filter by it anyway, write {field}:{}", quote(&member));
                }
                let mut diagnostic = Diagnostic::new(span.clone(), DiagnosticKind::Syntax, message);
                if let Some(near) = error.suggestion {
                    diagnostic = diagnostic.fix(span, near.clone());
                    diagnostic.suggestion = Some(near);
                }
                self.stop(diagnostic);
                Root::Everything
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.stopped {
            self.diagnostics.push(diagnostic);
            if self.diagnostics.len() >= MAX_ERRORS {
                self.stopped = true;
                self.at = self.text.len();
            }
        }
    }

    fn stop(&mut self, diagnostic: Diagnostic) {
        self.report(diagnostic);
        self.stopped = true;
        self.at = self.text.len();
    }

    /// Skips `word` if it comes next, or a symbol for it: `&&` for "and", `|` or `||` for "or".
    /// Returns the range that was skipped.
    fn accept_word(&mut self, word: &str) -> Option<Range<usize>> {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(rest.len());
        let length = match &rest[..end] {
            found if found.eq_ignore_ascii_case(word) => end,
            "&&" if word == "and" => end,
            "||" if word == "or" => end,
            _ if word == "or" && rest.starts_with('|') => 1,
            _ => return None,
        };
        let span = self.at..self.at + length;
        self.at = span.end;
        self.skip_blanks();
        Some(span)
    }

    fn or(&mut self, depth: usize) -> Option<Node> {
        let mut parts: Vec<Node> = self.and(depth).into_iter().collect();
        while let Some(word) = self.accept_word("or") {
            self.require_operand(word);
            parts.extend(self.and(depth));
        }
        join(parts, NodeKind::Or)
    }

    fn and(&mut self, depth: usize) -> Option<Node> {
        let mut parts = Vec::new();
        loop {
            if let Some(word) = self.accept_word("and") {
                if parts.is_empty() {
                    let message = "expected a condition before this word; quote it to search for it as text";
                    self.report(Diagnostic::new(word, DiagnosticKind::Syntax, message));
                } else {
                    self.require_operand(word);
                }
            }
            let before = self.at;
            if let Some(word) = self.accept_word("or") {
                if parts.is_empty() {
                    let message = "expected a condition before this word; quote it to search for it as text";
                    self.report(Diagnostic::new(word, DiagnosticKind::Syntax, message));
                    continue;
                }
                self.at = before;
                break;
            }
            if self.rest().is_empty() || self.rest().starts_with(')') {
                break;
            }
            parts.extend(self.not(depth));
            self.skip_blanks();
        }
        join(parts, NodeKind::And)
    }

    /// Reports an operator (`and`, `or`, `not`) with no operand after it.
    fn require_operand(&mut self, word: Range<usize>) {
        if self.rest().is_empty() || self.rest().starts_with(')') {
            let message = "expected a condition after this word";
            self.report(Diagnostic::new(word, DiagnosticKind::Unfinished, message));
        }
    }

    fn not(&mut self, depth: usize) -> Option<Node> {
        let start = self.at;
        if depth >= MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} levels of parentheses and negations");
            self.stop(Diagnostic::new(start..start + 1, DiagnosticKind::Limit, message));
            return None;
        }
        let negation = if self.rest().starts_with(['-', '!']) {
            self.at += 1;
            Some(start..start + 1)
        } else {
            self.accept_word("not")
        };
        if let Some(negation) = negation {
            if self.rest().is_empty() || self.rest().starts_with(|c: char| c.is_whitespace() || c == ')') {
                let message = "expected a condition after the negation; put `-`, `!` or `not` in quotes to search for it";
                self.report(Diagnostic::new(negation, DiagnosticKind::Unfinished, message));
                return None;
            }
            let part = self.not(depth + 1)?;
            let span = start..part.span.end;
            return Some(Node { kind: NodeKind::Not(Box::new(part)), span });
        }
        if self.rest().starts_with('(') {
            return self.parenthesis(depth);
        }
        self.term()
    }

    fn parenthesis(&mut self, depth: usize) -> Option<Node> {
        let open = self.at..self.at + 1;
        self.at += 1;
        self.skip_blanks();
        let inner = self.or(depth + 1);
        if !self.rest().starts_with(')') {
            let end = self.text.len();
            let diagnostic = Diagnostic::new(open, DiagnosticKind::Unfinished, "this `(` is not closed");
            self.report(diagnostic.fix(end..end, ")"));
            return inner;
        }
        self.at += 1;
        let span = open.start..self.at;
        if inner.is_none() {
            let message = "there is nothing between these parentheses";
            self.report(Diagnostic::new(span.clone(), DiagnosticKind::Unfinished, message));
        }
        inner.map(|node| Node { span, ..node })
    }

    fn term(&mut self) -> Option<Node> {
        let start = self.at;
        let head = head(self.rest()).map(|(length, operator, operator_length)| {
            let name_span = start..start + length;
            let operator_span = name_span.end..name_span.end + operator_length;
            self.at = operator_span.end;
            Head { name: self.text[name_span.clone()].to_owned(), name_span, operator, operator_span }
        });
        let operator = head.as_ref().map(|head| head.operator);
        let mut values = Vec::new();
        loop {
            values.push(self.value(operator)?);
            if !self.rest().starts_with(',') {
                break;
            }
            self.at += 1;
        }
        Some(Node { kind: NodeKind::Term(Term { head, values }), span: start..self.at })
    }

    /// Parses a value. It ends at a space, a parenthesis that it did not open, or the comma of a
    /// list.
    fn value(&mut self, operator: Option<Operator>) -> Option<Value> {
        let start = self.at;
        // With other operators, a star is an ordinary character.
        let wild = matches!(operator, None | Some(Operator::Has));
        let list = !matches!(operator, None | Some(Operator::Matches));
        let (mut pieces, mut text, mut quoted, mut open) = (Vec::new(), String::new(), false, 0_usize);
        while let Some(c) = self.rest().chars().next() {
            match c {
                '"' => {
                    quoted = true;
                    text.push_str(&self.quoted()?);
                    continue;
                }
                ',' if list => break,
                ')' if open == 0 => break,
                c if c.is_whitespace() => break,
                '*' if wild => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    if pieces.last() != Some(&Piece::AnyRun) {
                        pieces.push(Piece::AnyRun);
                    }
                }
                c => {
                    open = match c {
                        '(' => open + 1,
                        ')' => open - 1,
                        _ => open,
                    };
                    text.push(c);
                }
            }
            self.at += c.len_utf8();
        }
        let span = start..self.at;
        if !text.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let value = Value { pieces, span: span.clone(), quoted };
        if value.text().is_empty() {
            let message = if quoted { "the value is empty" } else { "missing value" };
            self.report(Diagnostic::new(span, DiagnosticKind::Unfinished, message));
            // Skip a comma that has no value before it.
            self.at += usize::from(self.rest().starts_with(','));
            return None;
        }
        Some(value)
    }

    /// Parses quoted text, in which `""` represents a quote and a backslash is an ordinary
    /// character.
    fn quoted(&mut self) -> Option<String> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        loop {
            let Some(end) = self.rest().find('"') else {
                let all = self.text.len();
                let message = "this quote is not closed";
                let diagnostic = Diagnostic::new(start..all, DiagnosticKind::Unfinished, message);
                self.stop(diagnostic.fix(all..all, "\""));
                return None;
            };
            text.push_str(&self.rest()[..end]);
            self.at += end + 1;
            if !self.rest().starts_with('"') {
                return Some(text);
            }
            text.push('"');
            self.at += 1;
        }
    }
}

/// Joins parts into one node. A single part is returned unchanged.
fn join(mut parts: Vec<Node>, kind: impl Fn(Vec<Node>) -> NodeKind) -> Option<Node> {
    let span = parts.first()?.span.start..parts.last()?.span.end;
    Some(if parts.len() == 1 { parts.remove(0) } else { Node { kind: kind(parts), span } })
}

/// Finds the field name and the operator at the start of a token. Returns the length of the name,
/// the operator, and its length.
///
/// `C:\x`, `https://x`, `fe80::1` and hardware addresses look like fields but are plain text.
pub(crate) fn head(rest: &str) -> Option<(usize, Operator, usize)> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut chars = rest.chars();
    if !chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '@') {
        return None;
    }
    let length = 1 + chars.as_str().find(|c| !inner(c)).unwrap_or(chars.as_str().len());
    let (operator, operator_length) = Operator::read(&rest[length..])?;
    let after = &rest[length + operator_length..];
    let drive = length == 1 && after.starts_with(['\\', '/']);
    let address = || {
        let token = rest.split([' ', '\t', '\n', ')', ',']).next().unwrap_or(rest);
        // A zone may have any name.
        let address = token.split('%').next().unwrap_or(token);
        let hex = |c: char| c.is_ascii_hexdigit() || ":./".contains(c);
        address.chars().all(hex) && address.matches(':').count() >= 2
    };
    let text = operator == Operator::Has && (drive || after.starts_with("//") || address());
    (!text).then_some((length, operator, operator_length))
}

#[cfg(test)]
mod tests;
