//! Finds the alerts in JSON as people have it: alone, in arrays, pages and lines, one text after
//! another, and inside the documents of other tools.
//!
//! An alert is recognised by the names of its properties. What is something else is never an alert;
//! it is named, with what to do about it. Alerts of this API stay byte for byte as they were.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use crate::{
    Messages, RawAlert, SafeText, WireError, loose,
    shape::{Foreign, Shape, shape},
};

mod other;

pub(crate) use other::reported;
use other::{broken, no_json, what};

/// How deep alerts are looked for in the documents of other tools.
const MAX_DEPTH: usize = 12;

/// What was found in a file or a part of it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The alerts, in their order.
    pub alerts: Vec<RawAlert>,
    /// What is not an alert, and what could not be read; safe to show.
    pub errors: Messages,
    /// What the user should know about alerts that were read.
    pub notes: Messages,
    /// Whether a page names a next page.
    pub has_next: bool,
    /// Whether a page is the last one of its list.
    pub has_last: bool,
    /// The number of alerts in the list, as a page gives it.
    pub count: Option<u64>,
}

/// Finds all the alerts in a complete document. If it consists of JSON lines, errors name the line.
pub fn find(body: Bytes) -> Found {
    let body = match decoded(body) {
        Ok(body) => body,
        Err(error) => {
            let mut found = Found::default();
            found.errors.add(broken(&error));
            return found;
        }
    };
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let mut finder = Finder::new(body.clone(), 0);
    finder.note_cuts();
    if crate::starts_with_lines(text) {
        finder.lines(text);
    } else {
        finder.stream(text);
    }
    finder.found
}

/// Finds the alerts in a part of JSON lines. The part must consist of whole lines; `before` is the
/// number of lines in earlier parts.
pub fn find_in_lines(body: Bytes, before: usize) -> Found {
    let body = crate::page::repaired(body);
    let mut finder = Finder::new(body.clone(), before);
    finder.note_cuts();
    finder.lines(std::str::from_utf8(&body).unwrap_or_default());
    finder.found
}

/// Returns a body as UTF-8, with any byte order mark and the head of an HTTP reply removed.
fn decoded(body: Bytes) -> Result<Bytes, WireError> {
    let compressed = [("zip", &b"PK\x03\x04"[..]), ("zstd", b"\x28\xb5\x2f\xfd")];
    if let Some((format, _)) = compressed.iter().find(|(_, start)| body.starts_with(start)) {
        return Err(WireError::at_start(&format!("this is compressed ({format}), expected JSON")));
    }
    let utf16 = |little: bool, bytes: &[u8]| {
        let units = bytes.chunks_exact(2).map(|pair| {
            let pair = [pair[0], pair[1]];
            if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        });
        let text: String =
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        Bytes::from(text)
    };
    let body = match &body[..] {
        [0xff, 0xfe, rest @ ..] => utf16(true, rest),
        [0xfe, 0xff, rest @ ..] => utf16(false, rest),
        // JSON without a mark.
        [b'{' | b'[', 0, _, 0, ..] => utf16(true, &body),
        [0, b'{' | b'[', 0, _, ..] => utf16(false, &body),
        _ => crate::page::repaired(body),
    };
    // `curl -i` writes the head of the reply before its body.
    if body.starts_with(b"HTTP/") {
        let ends = [&b"\r\n\r\n"[..], b"\n\n"];
        let end = ends
            .iter()
            .find_map(|end| Some(body.windows(end.len()).position(|window| window == *end)? + end.len()));
        return Ok(end.map_or_else(Bytes::new, |end| body.slice(end..)));
    }
    Ok(body)
}

/// Collects the alerts of one text.
pub(crate) struct Finder {
    body: Bytes,
    pub(crate) found: Found,
    /// The number of lines before a place in the body, and the place. Counted on, since there may be
    /// many errors.
    counted: (usize, usize),
    before: usize,
}

impl Finder {
    /// Prepares to search slices of `body`. `before`: the number of lines before it.
    pub(crate) fn new(body: Bytes, before: usize) -> Self {
        let found = Found::default();
        Self { body, found, counted: (before, 0), before }
    }

    /// Notes evidence that PowerShell has written as text, because it was nested too deeply.
    fn note_cuts(&mut self) {
        let signs = [&b"\"@{@odata.type="[..], b"\"System.Object[]\""];
        if signs.iter().any(|sign| memchr::memmem::find(&self.body, sign).is_some()) {
            let note = "PowerShell has cut off evidence; save the alerts with ConvertTo-Json -Depth 10";
            self.found.notes.add(note.to_owned());
        }
    }

    fn lines(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let line = line.trim();
            // The usual case first: one alert a line, read once.
            if let Ok(Shape::Alert) = shape(line) {
                self.found.alerts.push(RawAlert(self.body.slice_ref(line.as_bytes())));
            } else {
                self.stream(line);
            }
        }
    }

    /// Reads JSON texts one after another. Commas between them are skipped.
    fn stream(&mut self, text: &str) {
        let mut at = 0;
        loop {
            let rest = &text[at..];
            let skipped = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ',']).len();
            let rest = &rest[skipped..];
            at += skipped;
            match rest.bytes().next() {
                None if text.trim().is_empty() => {
                    let empty = WireError::at_start("the text is empty, expected JSON");
                    return self.found.errors.add(broken(&empty));
                }
                None => return,
                Some(b'{' | b'[' | b'"') => {}
                Some(_) => {
                    let (line, _) = self.position(rest, 0).unwrap_or((1, 0));
                    self.found.errors.add(no_json(rest, line));
                    // The next document may still be readable.
                    let starts = |end: &usize| matches!(rest.as_bytes().get(end + 1), Some(b'{' | b'['));
                    let Some(next) = memchr::memchr_iter(b'\n', rest.as_bytes()).find(starts) else {
                        return;
                    };
                    at += next;
                    continue;
                }
            }
            let Some(value) = loose::value(rest) else {
                let error = serde_json::from_str::<&RawValue>(rest).err();
                if let Some(error) = error.map(|error| self.error_in(rest, &error)) {
                    self.found.errors.add(broken(&error));
                }
                self.intact(rest, true, 0);
                return;
            };
            self.item(value, true, 0);
            at += value.len();
        }
    }

    /// Takes a value that may be an alert or contain alerts. `is_item`: whether it stands for an
    /// alert, so that anything else has to be reported. Returns whether there was an alert.
    pub(crate) fn item(&mut self, json: &str, is_item: bool, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            if is_item {
                self.found.errors.add("a document nested too deeply to look for alerts in it".to_owned());
            }
            return false;
        }
        if json.starts_with('[') {
            let Some(items) = loose::items(json) else {
                self.check(json);
                return self.intact(json, is_item, depth);
            };
            // An array of arrays and pages is one of items, too.
            let mut is_any = false;
            for item in items {
                is_any |= self.item(item, is_item, depth + 1);
            }
            return is_any;
        }
        if json.starts_with("\"{") || json.starts_with("\"[") {
            // A document as text, as in a log. The store keeps one of several copies of an alert.
            let inner = serde_json::from_str::<String>(json).unwrap_or_default();
            if serde_json::from_str::<&RawValue>(&inner).is_ok() {
                return self.item(inner.trim(), is_item, depth + 1);
            }
        }
        if !json.starts_with('{') {
            if is_item {
                let head: String = json.chars().take(40).collect();
                self.found.errors.add(format!("not an alert: {}", SafeText::new(&head).line()));
            }
            return false;
        }
        match shape(json) {
            Ok(Shape::Alert) => self.alert(json),
            Ok(Shape::Sparse) if is_item => self.alert(json),
            Ok(Shape::Foreign(kind)) => self.foreign(kind, json),
            Ok(_) => self.other(json, is_item, depth),
            // The error may be inside one of several alerts.
            Err(_) => self.other(json, false, depth) || self.check(json),
        }
    }

    /// Takes the intact values of a text whose structure is broken, such as a page that was cut off.
    /// Returns whether there was an alert.
    fn intact(&mut self, text: &str, mut is_item: bool, depth: usize) -> bool {
        let (mut at, mut name, mut broken, mut is_any) = (0, "", 0, false);
        while let Some(start) = text[at..].find(['{', '[', '"']).map(|start| at + start) {
            let is_string = text[start..].starts_with('"');
            match loose::value(&text[start..]) {
                Some(string) if is_string => {
                    name = string;
                    at = start + string.len();
                }
                Some(value) if start > 0 => {
                    is_any |= self.item(value, is_item, depth + 1);
                    at = start + value.len();
                }
                _ if is_string || broken > MAX_DEPTH => break,
                // Its structure is broken, and its values may be intact.
                _ => {
                    let is_list = matches!(name, "\"value\"" | "\"alerts\"");
                    is_item = text[start..].starts_with('[') && (is_item || is_list);
                    broken += 1;
                    at = start + 1;
                }
            }
        }
        is_any
    }

    /// Reports a value that is not valid JSON. Returns `false`, since it is not an alert.
    fn check(&mut self, json: &str) -> bool {
        let error = shape(json).err().filter(|_| json.starts_with('{'));
        let error = error.or_else(|| serde_json::from_str::<&RawValue>(json).err());
        if let Some(error) = error {
            let error = self.error_in(json, &error);
            let what = if json.starts_with('{') {
                format!("an object that cannot be read: {error}")
            } else {
                broken(&error)
            };
            // The objects around it give the same message, which is kept once.
            self.found.errors.add(what);
        }
        false
    }

    /// Returns the error of a text with its position in the body.
    fn error_in(&mut self, text: &str, error: &serde_json::Error) -> WireError {
        let lines = memchr::memchr_iter(b'\n', text.as_bytes());
        let start =
            error.line().checked_sub(2).and_then(|line| lines.into_iter().nth(line)).map_or(0, |end| end + 1);
        let own = WireError::new(error, 0);
        match self.position(text, start + error.column()) {
            Some((line, column)) => WireError { line, column, ..own },
            None => own,
        }
    }

    /// Returns the line, counted from 1, and the column of a place in a text, which is a slice of the
    /// body. `None` if it is not, as with a text within a text.
    fn position(&mut self, text: &str, at: usize) -> Option<(usize, usize)> {
        let start = (text.as_ptr() as usize).checked_sub(self.body.as_ptr() as usize)?;
        let place = (start + at).min(self.body.len());
        if start > self.body.len() {
            return None;
        }
        if place < self.counted.1 {
            self.counted = (self.before, 0);
        }
        let lines = memchr::memchr_iter(b'\n', &self.body[self.counted.1..place]).count();
        self.counted = (self.counted.0 + lines, place);
        let line_start = memchr::memrchr(b'\n', &self.body[..place]).map_or(0, |end| end + 1);
        Some((self.counted.0 + 1, place - line_start))
    }

    fn alert(&mut self, json: &str) -> bool {
        let own = self.body.as_ptr_range();
        let bytes = if own.contains(&json.as_ptr()) {
            self.body.slice_ref(json.as_bytes())
        } else {
            // It was a text within the body.
            Bytes::copy_from_slice(json.as_bytes())
        };
        self.found.alerts.push(RawAlert(bytes));
        true
    }

    fn foreign(&mut self, kind: Foreign, json: &str) -> bool {
        let value = match serde_json::from_str::<Value>(json) {
            Ok(value) => value,
            // Such as nesting that is too deep.
            Err(error) => {
                let error = self.error_in(json, &error);
                self.found.errors.add(format!("an object that cannot be read: {error}"));
                return false;
            }
        };
        self.found.alerts.push(RawAlert(kind.map(value).to_string().into()));
        let note = format!("{}: their properties are shown under the names of Graph", kind.name());
        self.found.notes.add(note);
        true
    }

    /// Looks for alerts in an object that is none.
    fn other(&mut self, json: &str, is_item: bool, depth: usize) -> bool {
        let Some(members) = members(json) else {
            self.check(json);
            return self.intact(json, is_item, depth);
        };
        let value = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let (mut is_any, mut is_page) = (false, false);
        if let Some(items) = value("value").filter(|value| value.starts_with('[')) {
            let link = value("@odata.nextLink").is_some_and(|link| !matches!(link, "null" | "\"\""));
            self.found.has_next |= link;
            self.found.has_last |= !link;
            let count = value("@odata.count").and_then(|count| count.parse().ok());
            self.found.count = self.found.count.max(count);
            is_page = true;
            // An empty page is as good as one with alerts.
            is_any = self.item(items, is_item, depth + 1)
                || items.trim_matches(['[', ']', ' ', '\n', '\r', '\t']).is_empty();
            if let Some(error) = value("error").and_then(reported) {
                self.found.errors.add(format!("a page with an error: {error}"));
            }
        }
        for (name, value) in members.iter().filter(|(name, _)| !(is_page && name == "value")) {
            // The alerts of an incident.
            let is_item = name == "alerts" && value.starts_with('[');
            is_any |= self.item(value, is_item, depth + 1);
        }
        if is_item && !is_any && !is_page {
            self.found.errors.add(what(&members));
        }
        is_any
    }
}

/// Returns the members of an object, in their order.
fn members(json: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let name = |name| serde_json::from_str(name).map_or(Cow::Borrowed(name), Cow::Owned);
    Some(loose::members(json)?.into_iter().map(|(text, value)| (name(text), value)).collect())
}

#[cfg(test)]
mod tests;
