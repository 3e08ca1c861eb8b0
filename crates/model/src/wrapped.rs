//! Finds alerts in many forms of JSON: single alerts, arrays, pages, JSON lines, concatenated
//! documents, and the output of other tools.
//!
//! An alert is recognised by its property names. Anything else never becomes an alert; an error
//! describes it and says what to do about it. Alerts from this API are kept byte for byte.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use crate::{
    Messages, RawAlert, SafeText, WireError, loose,
    outline::{OutlineWriter, is_deep},
    shape::{Foreign, Shape, shape, shape_with},
};

mod other;

pub(crate) use other::reported;
use other::{broken, no_json, what};

/// The maximum depth to which documents from other tools are searched for alerts.
const MAX_DEPTH: usize = 12;

/// The result of searching a file, or part of one, for alerts.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The alerts, in document order.
    pub alerts: Vec<RawAlert>,
    /// The outline of each alert ([`RawAlert::outline`]), or the alert itself if it has no outline.
    /// Empty unless outlines were requested.
    pub outlines: Vec<RawAlert>,
    /// Messages about text that is not an alert or could not be read. They are sanitised for
    /// display.
    pub errors: Messages,
    /// Notes for the user about the alerts that were read.
    pub notes: Messages,
    /// Whether a page links to a next page.
    pub has_next: bool,
    /// Whether a page is the last one in its list.
    pub has_last: bool,
    /// The number of alerts in the whole list, if a page gives it.
    pub count: Option<u64>,
}

impl Found {
    /// Adds outlines with the given properties for the alerts that have none yet.
    pub(crate) fn add_outlines(&mut self, names: &[&str]) {
        if !names.is_empty() {
            let outline = |alert: &RawAlert| alert.outline(names).unwrap_or_else(|| alert.clone());
            let outlines: Vec<_> = self.alerts[self.outlines.len()..].iter().map(outline).collect();
            self.outlines.extend(outlines);
        }
    }
}

/// Finds all alerts in a complete document. If the document is in JSON lines format, errors give
/// the line.
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
        finder.lines(text, &[]);
    } else {
        finder.stream(text);
    }
    finder.found
}

/// Finds the alerts in complete lines of text in JSON lines format. `before` is the number of lines
/// before them.
pub(crate) fn find_in_lines(body: Bytes, before: usize, names: &[&str]) -> Found {
    find_in(body, before, |finder, text| finder.lines(text, names))
}

/// Finds the alerts in concatenated values. `before` is the number of lines before them.
pub(crate) fn find_in_values(body: Bytes, before: usize) -> Found {
    find_in(body, before, Finder::stream)
}

/// Reads a page whose alerts have already been found. `before` is the number of lines before it.
pub(crate) fn find_in_page(body: Bytes, before: usize) -> Found {
    find_in(body, before, |finder, page| {
        finder.item(page, true, 0);
    })
}

fn find_in(body: Bytes, before: usize, read: impl FnOnce(&mut Finder, &str)) -> Found {
    let body = crate::page::repaired(body);
    let mut finder = Finder::new(body.clone(), before);
    finder.note_cuts();
    read(&mut finder, std::str::from_utf8(&body).unwrap_or_default());
    finder.found
}

/// Returns a body as UTF-8, without a byte order mark or an HTTP response's head.
fn decoded(body: Bytes) -> Result<Bytes, WireError> {
    let compressed = [("zip", &b"PK\x03\x04"[..]), ("zstd", b"\x28\xb5\x2f\xfd")];
    if let Some((format, _)) = compressed.iter().find(|(_, start)| body.starts_with(start)) {
        return Err(WireError::at_start(&format!("this is compressed ({format}), expected JSON")));
    }
    let body = crate::page::repaired(body);
    let start = reply_start(&body);
    Ok(body.slice(start..))
}

/// Returns the offset of the body in an HTTP response saved by `curl -i`, or 0 for any other text.
pub(crate) fn reply_start(text: &[u8]) -> usize {
    if !text.starts_with(b"HTTP/") {
        return 0;
    }
    let ends = [&b"\r\n\r\n"[..], b"\n\n"];
    let end = ends
        .iter()
        .find_map(|end| Some(text.windows(end.len()).position(|window| window == *end)? + end.len()));
    end.unwrap_or(text.len())
}

/// Collects the alerts in a body.
pub(crate) struct Finder {
    body: Bytes,
    pub(crate) found: Found,
    /// The number of lines before an offset in the body, and that offset. Counting continues from
    /// there, because there may be many errors.
    counted: (usize, usize),
    before: usize,
}

impl Finder {
    /// Prepares to search slices of `body`. `before` is the number of lines before the body.
    pub(crate) fn new(body: Bytes, before: usize) -> Self {
        let found = Found::default();
        Self { body, found, counted: (before, 0), before }
    }

    /// Adds a note if PowerShell has replaced deeply nested evidence with plain text.
    fn note_cuts(&mut self) {
        let signs = [&b"\"@{@odata.type="[..], b"\"System.Object[]\""];
        if signs.iter().any(|sign| memchr::memmem::find(&self.body, sign).is_some()) {
            let note = "PowerShell has cut off evidence; save the alerts with ConvertTo-Json -Depth 10";
            self.found.notes.add(note.to_owned());
        }
    }

    /// Reads JSON lines. `names` are the properties of the outlines; if empty, no outlines are
    /// created.
    fn lines(&mut self, text: &str, names: &[&str]) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let line = line.trim();
            let mut outline = OutlineWriter::new(names);
            // Try the usual case first: one alert per line, read only once.
            if let Ok(Shape::Alert) = shape_with(line, &mut outline) {
                let alert = RawAlert(self.body.slice_ref(line.as_bytes()));
                if !names.is_empty() {
                    self.found.outlines.push(if is_deep(line) { alert.clone() } else { outline.finish() });
                }
                self.found.alerts.push(alert);
            } else {
                self.stream(line);
                self.found.add_outlines(names);
            }
        }
    }

    /// Reads concatenated JSON documents. Commas between them are skipped.
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

    /// Collects the alerts in a value that may be an alert or contain alerts. `is_item` means that
    /// an alert is expected here, so anything else is an error. Returns whether an alert was found.
    pub(crate) fn item(&mut self, json: &str, is_item: bool, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            if is_item {
                self.found.errors.add("a document nested too deeply to be searched for alerts".to_owned());
            }
            return false;
        }
        if json.starts_with('[') {
            let Some(items) = loose::items(json) else {
                self.check(json);
                return self.intact(json, is_item, depth);
            };
            // The items of an array may be arrays and pages, too.
            let mut is_any = false;
            for item in items {
                is_any |= self.item(item, is_item, depth + 1);
            }
            return is_any;
        }
        if json.starts_with("\"{") || json.starts_with("\"[") {
            // A document within a string, as in a log. If this yields several copies of an alert,
            // the store keeps only one.
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

    /// Collects the alerts in the intact values of text whose structure is broken, such as a
    /// truncated page. Returns whether an alert was found.
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
                // The structure of this value is broken, but the values inside it may be intact.
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

    /// Adds an error if a value is not valid JSON. Always returns `false`, because an invalid value
    /// is not an alert.
    fn check(&mut self, json: &str) -> bool {
        let error = shape(json).err().filter(|_| json.starts_with('{'));
        let error = error.or_else(|| serde_json::from_str::<&RawValue>(json).err());
        if let Some(error) = error {
            let error = self.error_in(json, &error);
            let what =
                if json.starts_with('{') { format!("an unreadable object: {error}") } else { broken(&error) };
            // The enclosing objects cause the same message, which is kept only once.
            self.found.errors.add(what);
        }
        false
    }

    /// Converts an error in JSON text to one that gives the position in the body.
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

    /// Returns the line, counted from 1, and the column of the offset `at` in `text`, which must be
    /// a slice of the body. Otherwise, as with a document within a string, returns `None`.
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
            // The alert was in a JSON string within the body.
            Bytes::copy_from_slice(json.as_bytes())
        };
        self.found.alerts.push(RawAlert(bytes));
        true
    }

    fn foreign(&mut self, kind: Foreign, json: &str) -> bool {
        let value = match serde_json::from_str::<Value>(json) {
            Ok(value) => value,
            // For example, the nesting may be too deep.
            Err(error) => {
                let error = self.error_in(json, &error);
                self.found.errors.add(format!("an unreadable object: {error}"));
                return false;
            }
        };
        self.found.alerts.push(RawAlert(kind.map(value).to_string().into()));
        let note = format!("{}: their properties are shown under Graph's names", kind.name());
        self.found.notes.add(note);
        true
    }

    /// Looks for alerts inside an object that is not an alert.
    fn other(&mut self, json: &str, is_item: bool, depth: usize) -> bool {
        let Some(members) = members(json) else {
            self.check(json);
            return self.intact(json, is_item, depth);
        };
        let value = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let (mut is_any, mut is_page) = (false, false);
        let lists = || members.iter().filter(|(name, value)| name == "value" && value.starts_with('['));
        if lists().next().is_some() {
            let link = value("@odata.nextLink").is_some_and(|link| !matches!(link, "null" | "\"\""));
            self.found.has_next |= link;
            self.found.has_last |= !link;
            let count = value("@odata.count").and_then(|count| count.parse().ok());
            self.found.count = self.found.count.max(count);
            is_page = true;
            for (_, items) in lists() {
                // An empty page counts as a page with alerts.
                is_any |= self.item(items, is_item, depth + 1)
                    || items.trim_matches(['[', ']', ' ', '\n', '\r', '\t']).is_empty();
            }
            if let Some(error) = value("error").and_then(reported) {
                self.found.errors.add(format!("a page with an error: {error}"));
            }
        }
        for (name, value) in members.iter().filter(|(name, _)| !(is_page && name == "value")) {
            // An incident has its alerts in a list.
            let is_item = name == "alerts" && value.starts_with('[');
            is_any |= self.item(value, is_item, depth + 1);
        }
        if is_item && !is_any && !is_page {
            self.found.errors.add(what(&members));
        }
        is_any
    }
}

/// Returns the members of an object, in document order, with decoded names.
fn members(json: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let name = |name| serde_json::from_str(name).map_or(Cow::Borrowed(name), Cow::Owned);
    Some(loose::members(json)?.into_iter().map(|(text, value)| (name(text), value)).collect())
}

#[cfg(test)]
mod tests;
