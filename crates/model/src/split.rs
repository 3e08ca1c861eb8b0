//! Cuts text that arrives in pieces into chunks of complete alerts, so that a file of any size can
//! be searched for alerts using little memory.
//!
//! JSON lines are cut between lines, and other JSON is cut between values. A long list, which is
//! either an array or the `value` of a page, is cut between its items. The rest of the page is then
//! read as a page without alerts. The module does not decide what an alert is, and does no I/O.

use bytes::Bytes;
use memchr::{memchr_iter, memchr2, memchr3, memrchr};

use crate::{
    Found, find, loose, starts_with_lines,
    wrapped::{find_in_lines, find_in_page, find_in_values, reply_start},
};

/// The number of bytes of a value that must arrive before the value is split. A smaller document is read in one
/// piece.
const WHOLE: usize = 1 << 20;
/// The maximum size, in bytes, of text that cannot be split: a line, or a value that is not a list.
const MAX_VALUE: usize = 1 << 28;
/// The maximum nesting depth of lists that are split.
const MAX_DEPTH: usize = 8;

/// A stretch of text with complete values, which can be searched for alerts independently of the
/// rest.
#[derive(Clone, Debug)]
pub struct Chunk {
    text: Bytes,
    /// The number of lines before it.
    before: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A complete document.
    Document,
    /// Complete lines of text in JSON lines format.
    Lines,
    /// Concatenated values, possibly with commas between them.
    Values,
    /// A page whose alerts are in other chunks.
    Page,
    /// An empty chunk, which reports that the text or line ended within a list.
    Incomplete,
    /// An empty chunk, which reports a value that exceeds the maximum size.
    TooLarge,
}

impl Chunk {
    /// Finds the alerts in the chunk. Errors give the line in the full text.
    pub fn find(self) -> Found {
        self.find_with_outlines(&[])
    }

    /// Like [`Chunk::find`], but also creates an outline of each alert with the given properties.
    pub fn find_with_outlines(self, names: &[&str]) -> Found {
        let mut found = self.search(names);
        found.add_outlines(names);
        found
    }

    fn search(self, names: &[&str]) -> Found {
        let Self { text, before, kind } = self;
        match kind {
            Kind::Document => find(text),
            Kind::Lines => find_in_lines(text, before, names),
            Kind::Values => find_in_values(text, before),
            Kind::Page => find_in_page(text, before),
            Kind::Incomplete => {
                error(format!("the list is not closed (line {}); alerts may be missing", before + 1))
            }
            Kind::TooLarge => {
                let size = MAX_VALUE >> 20;
                error(format!("reading stopped: the value on line {} exceeds {size} MB", before + 1))
            }
        }
    }
}

fn error(what: String) -> Found {
    let mut found = Found::default();
    found.errors.add(what);
    found
}

/// The format of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// The format is not known yet.
    Unknown,
    Lines,
    Values,
}

/// A list that is being cut.
#[derive(Debug)]
enum List {
    Array,
    /// The text of the page up to its first item, and the number of lines before the page.
    Page(Vec<u8>, usize),
}

/// The reason why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The rest has not arrived yet.
    Wait,
    /// The list that is being cut ends at the bracket at this offset.
    List(usize),
    /// A page ends at this offset. All items of its list have already been cut.
    Page(usize),
    /// A line in JSON lines format ends at this offset, within a value.
    Line(usize),
    /// Text that is not JSON ends at this offset.
    Junk(usize),
}

/// Splits text that arrives in pieces into chunks. Append each piece to [`Splitter::text`], and
/// then take the complete chunks with [`Splitter::next_chunk`].
#[derive(Debug)]
pub struct Splitter {
    /// The text that has arrived and is not in a chunk yet.
    text: Vec<u8>,
    /// The number of lines before it.
    lines: usize,
    format: Format,
    /// The lists that are being cut, the innermost one last.
    lists: Vec<List>,
    /// The part of a page before its items, kept until the part after them has arrived, and the
    /// number of lines before the page.
    page: Option<(Vec<u8>, usize)>,
    /// The offset up to which `text` has been scanned.
    at: usize,
    /// The number of open brackets at that offset.
    depth: usize,
    is_string: bool,
    /// Whether the scan is in text that is not JSON. Such text ends at the next line that starts
    /// with a bracket.
    is_junk: bool,
    /// Whether text that is not JSON has already been returned in a chunk, so the rest of it is
    /// skipped.
    skips: bool,
    /// The end of the last complete value.
    end: usize,
    /// The size at which `text` is next examined for a list to cut.
    patience: usize,
    is_over: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            lines: 0,
            format: Format::Unknown,
            lists: Vec::new(),
            page: None,
            at: 0,
            depth: 0,
            is_string: false,
            is_junk: false,
            skips: false,
            end: 0,
            patience: WHOLE,
            is_over: false,
        }
    }
}

impl Splitter {
    /// Returns the buffer to which the next piece of the text must be appended.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Returns whether reading can stop here, because the last chunk reports an error that ends the
    /// search.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns the next complete chunk, or `None` if more text must arrive first.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        if self.is_over {
            return None;
        }
        if self.format == Format::Unknown {
            self.format = self.recognised()?;
        }
        loop {
            if self.format == Format::Lines && self.lists.is_empty() && self.page.is_none() {
                if let Some(end) = memrchr(b'\n', &self.text[self.at..]) {
                    return Some(self.cut(self.at + end + 1, Kind::Lines));
                }
                self.at = self.text.len();
            } else {
                match self.scan() {
                    Stop::Wait => {}
                    Stop::List(at) if has_items(&self.text[..at]) => return Some(self.cut(at, Kind::Values)),
                    Stop::List(at) => {
                        self.end_list(at);
                        continue;
                    }
                    Stop::Page(at) => return Some(self.cut_page(at)),
                    Stop::Line(at) => return Some(self.cut_off(at)),
                    Stop::Junk(at) if self.skips => {
                        self.skips = false;
                        self.remove(at);
                        continue;
                    }
                    Stop::Junk(at) => return Some(self.cut(at, Kind::Values)),
                }
                if self.is_junk && (self.skips || self.text.len() >= WHOLE) {
                    return self.cut_junk();
                }
                if self.end > 0 {
                    return Some(self.cut(self.end, Kind::Values));
                }
            }
            if self.text.len() < self.patience || self.is_junk {
                return None;
            }
            if !self.begin_list() {
                self.patience = (self.text.len() * 2).min(MAX_VALUE + 1);
                if self.text.len() <= MAX_VALUE {
                    return None;
                }
                let blanks = self.text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                self.remove(blanks);
                self.is_over = true;
                self.text = Vec::new();
                return Some(self.cut(0, Kind::TooLarge));
            }
        }
    }

    /// Returns the next chunk once all of the text has arrived. Must be called until it returns
    /// `None`.
    pub fn finish(&mut self) -> Option<Chunk> {
        if self.is_over {
            return None;
        }
        if let Some(chunk) = self.next_chunk() {
            return Some(chunk);
        }
        if self.page.is_some() || !self.lists.is_empty() {
            return Some(self.cut_off(self.text.len()));
        }
        self.is_over = true;
        let kind = match self.format {
            Format::Unknown => Kind::Document,
            _ if self.skips || self.text.trim_ascii().is_empty() => return None,
            Format::Lines => Kind::Lines,
            Format::Values => Kind::Values,
        };
        Some(self.cut(self.text.len(), kind))
    }

    /// Determines the format once enough text has arrived, and removes anything before the JSON.
    fn recognised(&mut self) -> Option<Format> {
        let is_long = self.text.len() >= WHOLE;
        if !is_long && !self.text.contains(&b'\n') {
            return None;
        }
        let is_reply = self.text.starts_with(b"HTTP/");
        if is_reply && !is_long {
            return None;
        }
        let head = if is_reply { reply_start(&self.text) } else { 0 };
        let text = String::from_utf8_lossy(&self.text[head..]);
        let text = text.trim_start_matches('\u{feff}');
        let format = if starts_with_lines(text) { Format::Lines } else { Format::Values };
        // More lines may show that this is a log whose start was cut off. A small document is read
        // in one piece.
        if !is_long && format == Format::Values {
            return None;
        }
        let mark = if self.text[head..].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        self.remove(head + mark);
        Some(format)
    }

    /// Continues to scan the text for the ends of values.
    fn scan(&mut self) -> Stop {
        let is_lines = self.format == Format::Lines;
        while let Some(byte) = self.text.get(self.at).copied() {
            if self.is_string {
                let rest = &self.text[self.at..];
                let found =
                    if is_lines { memchr3(b'"', b'\\', b'\n', rest) } else { memchr2(b'"', b'\\', rest) };
                let Some(offset) = found else {
                    self.at = self.text.len();
                    break;
                };
                self.at += offset;
                match self.text[self.at] {
                    b'\n' => return Stop::Line(self.at),
                    b'"' => {
                        self.is_string = false;
                        self.at += 1;
                        if self.depth == 0 && self.lists.is_empty() {
                            self.end = self.at;
                        }
                    }
                    _ if self.at + 1 == self.text.len() => break,
                    // A line feed cannot be escaped; it ends the line.
                    _ if is_lines && self.text[self.at + 1] == b'\n' => self.at += 1,
                    _ => self.at += 2,
                }
                continue;
            }
            if self.is_junk {
                let starts = |end: &usize| matches!(self.text.get(self.at + end + 1), Some(b'{' | b'['));
                match memchr_iter(b'\n', &self.text[self.at..]).find(starts) {
                    Some(end) => return Stop::Junk(self.at + end + 1),
                    None => {
                        // A bracket after the last line feed may still arrive.
                        self.at = self.text.len() - usize::from(self.text.ends_with(b"\n"));
                        break;
                    }
                }
            }
            let is_top = self.depth == 0 && self.page.is_none();
            match byte {
                b'"' => self.is_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        if self.page.is_some() {
                            return Stop::Page(self.at + 1);
                        }
                        self.end = self.at + 1;
                    }
                }
                b']' if is_top && !self.lists.is_empty() => return Stop::List(self.at),
                b',' if is_top => self.end = self.at + 1,
                b'\n' if is_lines => return Stop::Line(self.at),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if is_top && self.lists.is_empty() => {
                    self.is_junk = true;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        Stop::Wait
    }

    /// Starts to cut the list at the start of the text. Returns `false` if there is none that can
    /// be cut.
    fn begin_list(&mut self) -> bool {
        if self.page.is_some() || self.lists.len() == MAX_DEPTH {
            return false;
        }
        let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
        let start = self.text.iter().take_while(|byte| blank(byte)).count();
        let Some(items) = loose::list_start(&self.text[start..]) else { return false };
        let end = start + items;
        let before = self.lines + memchr_iter(b'\n', &self.text[..start]).count();
        let page = self.text[start..end].to_vec();
        self.lists.push(if page.len() == 1 { List::Array } else { List::Page(page, before) });
        self.remove(end);
        true
    }

    /// Ends the innermost list at its closing bracket. If the list belongs to a page, the rest of
    /// the page follows.
    fn end_list(&mut self, at: usize) {
        match self.lists.pop() {
            Some(List::Page(start, before)) => {
                self.remove(at);
                self.page = Some((start, before));
                // The brackets of both the list and the page are open.
                self.depth = 2;
            }
            _ => self.remove(at + 1),
        }
    }

    /// Returns the page that ends at `end`, without the items of its list, which are already in
    /// other chunks.
    fn cut_page(&mut self, end: usize) -> Chunk {
        let (mut text, before) = self.page.take().unwrap_or_default();
        text.extend_from_slice(&self.text[..end]);
        self.remove(end);
        Chunk { text: text.into(), before, kind: Kind::Page }
    }

    /// Returns the rest of an unterminated list or page, up to the end of the text or line.
    fn cut_off(&mut self, end: usize) -> Chunk {
        let is_incomplete = self.depth > 0 || self.is_string;
        let is_page = self.page.take().is_some();
        if !is_page && has_items(&self.text[..end]) {
            // If the last item is incomplete, its error shows that the list is incomplete, too.
            if is_incomplete {
                self.lists.clear();
            }
            return self.cut(end, Kind::Values);
        }
        self.lists.clear();
        let before = self.lines + memchr_iter(b'\n', &self.text[..end]).count();
        self.remove(end);
        Chunk { text: Bytes::new(), before, kind: Kind::Incomplete }
    }

    /// Returns the start of a long stretch of text that is not JSON, unless it has already been
    /// returned. The rest is skipped.
    fn cut_junk(&mut self) -> Option<Chunk> {
        let chunk = if self.skips {
            self.remove(self.at);
            None
        } else {
            Some(self.cut(self.at, Kind::Values))
        };
        (self.skips, self.is_junk) = (true, true);
        chunk
    }

    /// Removes the text before `end` and returns it as a chunk.
    fn cut(&mut self, end: usize, kind: Kind) -> Chunk {
        let before = self.lines;
        let rest = self.text.split_off(end);
        let text = std::mem::replace(&mut self.text, rest);
        self.lines += memchr_iter(b'\n', &text).count();
        self.restart();
        Chunk { text: text.into(), before, kind }
    }

    /// Removes the text before `end`.
    fn remove(&mut self, end: usize) {
        self.lines += memchr_iter(b'\n', &self.text[..end]).count();
        self.text.drain(..end);
        self.restart();
    }

    /// Restarts the scan at the start of the text.
    fn restart(&mut self) {
        (self.at, self.depth, self.end, self.patience) = (0, 0, 0, WHOLE);
        (self.is_string, self.is_junk) = (false, false);
    }
}

/// Returns whether the text contains anything but whitespace and commas.
fn has_items(text: &[u8]) -> bool {
    text.iter().any(|byte| !byte.is_ascii_whitespace() && *byte != b',')
}

#[cfg(test)]
mod tests;
