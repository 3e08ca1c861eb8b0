//! Reads saved alerts from files, folders and standard input.
//!
//! Accepts whatever [`alertdeck_model::find`] finds alerts in, optionally compressed with gzip or zstd.
//! JSON lines are read in parts, so that the first alerts of a file of any size appear on the screen
//! immediately. An unreadable file is reported and does not affect the others.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::File,
    io::{self, Cursor, Read, stdin},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use memchr::{memchr, memrchr};

use alertdeck_model::{Found, Messages, RawAlert, SafeText, find, find_in_lines, starts_with_lines};

/// The maximum total size of documents other than JSON lines, in bytes. Ensures that memory is not
/// exhausted.
const MAX_BYTES: u64 = 1 << 30;
/// The size of a part of JSON lines, in bytes.
const PART: usize = 1 << 20;
/// The extensions of the files that are read in a folder.
const EXTENSIONS_IN_WORDS: &str = "*.json, *.jsonl or *.ndjson";
/// The maximum length of a line of JSON lines, in bytes.
const MAX_LINE: usize = 1 << 28;

/// The alerts that were read, and the errors.
#[derive(Debug, Default)]
pub struct Saved {
    /// The alerts, in the order of the files.
    pub alerts: Vec<RawAlert>,
    /// What could not be read, one line each: the file, the position, the reason and what to do.
    unread: Messages,
    /// Something the user should know, even though no data is missing. One line each.
    pub notes: Messages,
    /// The name of a file that ends with a page that is not the last one of its list.
    continued: Option<String>,
    /// Whether there is the last page of a list.
    has_last: bool,
    /// The number of alerts in the list, as a page gives it.
    count: Option<u64>,
}

impl Saved {
    /// Adds what another part contains. Lines that the parts of a file repeat are added once.
    pub fn extend(&mut self, other: Self) {
        self.alerts.extend(other.alerts);
        self.unread.extend(other.unread);
        self.notes.extend(other.notes);
        self.continued = self.continued.take().or(other.continued);
        self.has_last |= other.has_last;
        self.count = self.count.max(other.count);
    }

    /// Returns the errors: the file, the position, the reason and what to do. The pages of a list may
    /// be in several files, so its end is known to be missing only if no file contains the last page of
    /// a list.
    pub fn errors(&self) -> Messages {
        let mut errors = self.unread.clone();
        if let Some(name) = self.continued.as_ref().filter(|_| !self.has_last) {
            let size = self.count.map_or_else(String::new, |count| format!(" of {count} alerts"));
            errors
                .add(format!("{name}: the list{size} continues; save the pages of its @odata.nextLink too"));
        }
        errors
    }
}

/// A part of a file that can be split into alerts.
#[derive(Clone, Debug)]
pub struct Part {
    /// The name of the file, safe to show.
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// A whole document.
    Document(Bytes),
    /// Lines of JSON, and the number of lines before them.
    Lines(Bytes, usize),
    /// An error, if nothing could be read.
    Error(String),
    /// Something the user should know, even though no data is missing.
    Note(String),
}

impl Part {
    /// Finds the alerts in the part.
    pub fn read(self) -> Saved {
        let only = |line: String| {
            let mut messages = Messages::default();
            messages.add(line);
            messages
        };
        let found = match self.content {
            Content::Document(body) => find(body),
            Content::Lines(body, before) => find_in_lines(body, before),
            Content::Error(what) => Found { errors: only(what), ..Found::default() },
            Content::Note(what) => Found { notes: only(what), ..Found::default() },
        };
        let named = |line: String| format!("{}: {line}", self.name);
        Saved {
            alerts: found.alerts,
            unread: found.errors.map(named),
            notes: found.notes.map(named),
            continued: found.has_next.then(|| self.name.clone()),
            has_last: found.has_last,
            count: found.count,
        }
    }
}

/// Files, folders and standard input (`-`), which can be read several times. The JSON files of a
/// folder are recognised by their extension and sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    paths: Vec<PathBuf>,
    /// The content of standard input, which can be read only once.
    input: Arc<OnceLock<Bytes>>,
}

impl Paths {
    /// Prepares to read these paths.
    pub fn new(paths: &[PathBuf]) -> Self {
        Self { paths: paths.to_vec(), input: Arc::default() }
    }

    /// Returns the name of the file, safe to show, if there is only one and it is not a folder.
    pub fn only_file(&self) -> Option<String> {
        match self.paths.as_slice() {
            [only] if !only.is_dir() => Some(name(only)),
            _ => None,
        }
    }

    /// Starts reading from the beginning.
    pub fn open(&self) -> Files {
        let paths = self.paths.iter().cloned().collect();
        let (open, ready) = (None, VecDeque::new());
        Files { paths, input: self.input.clone(), open, ready, left: MAX_BYTES }
    }
}

/// Files that are being read, part by part.
pub struct Files {
    paths: VecDeque<PathBuf>,
    input: Arc<OnceLock<Bytes>>,
    open: Option<OpenFile>,
    /// Parts that were read ahead.
    ready: VecDeque<Part>,
    /// The number of bytes of documents that may still be read.
    left: u64,
}

/// A file of JSON lines that is being read.
struct OpenFile {
    name: String,
    stream: Box<dyn Read + Send>,
    /// What has been read but is not in a part yet. After the first part, this is at most one line.
    rest: Vec<u8>,
    lines: usize,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Files {
    /// Reads up to the first alert, and keeps what was read for [`Files::next_part`].
    ///
    /// # Errors
    ///
    /// Returns the errors, one line each, if there are errors and none of the files contains an
    /// alert.
    pub fn read_ahead(&mut self) -> Result<(), Vec<String>> {
        let (mut ahead, mut all) = (VecDeque::new(), Saved::default());
        while all.alerts.is_empty()
            && let Some(part) = self.next_part()
        {
            ahead.push_back(part.clone());
            all.extend(part.read());
        }
        ahead.append(&mut self.ready);
        self.ready = ahead;
        let errors = all.errors();
        if all.alerts.is_empty() && !errors.is_empty() { Err(errors.lines()) } else { Ok(()) }
    }

    /// Reads the next part; returns `None` at the end. Blocks.
    pub fn next_part(&mut self) -> Option<Part> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            if let Some(mut file) = self.open.take() {
                let part = file.next_part();
                if part.is_some() {
                    self.open = Some(file);
                    return part;
                }
                continue;
            }
            let path = self.paths.pop_front()?;
            if path.as_os_str() == "-" {
                let input = self.standard_input();
                self.begin(
                    &path,
                    input.map(|input| -> Box<dyn Read + Send> { Box::new(Cursor::new(input)) }),
                );
            } else if path.is_dir() {
                self.add_folder(&path);
            } else {
                self.begin(&path, File::open(&path).map(|file| -> Box<dyn Read + Send> { Box::new(file) }));
            }
        }
    }

    fn standard_input(&self) -> io::Result<Bytes> {
        if let Some(input) = self.input.get() {
            return Ok(input.clone());
        }
        let mut input = Vec::new();
        stdin().lock().read_to_end(&mut input)?;
        Ok(self.input.get_or_init(|| input.into()).clone())
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = folder.read_dir().and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut files = match entries {
            Ok(entries) => entries,
            Err(error) => return self.add_error(folder, format!("cannot be read: {error}")),
        };
        files.sort();
        let folders: Vec<_> = files.iter().filter(|path| path.is_dir()).cloned().collect();
        files.retain(|path| path.is_file());
        let (files, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| is_saved_alerts(path));
        if files.is_empty() && folders.is_empty() {
            return self.add_error(folder, format!("no {EXTENSIONS_IN_WORDS} files in this folder"));
        }
        if files.is_empty() {
            let what = format!("no {EXTENSIONS_IN_WORDS} files, only folders: {}", named(&folders));
            return self.add_error(folder, what);
        }
        for (skipped, why) in
            [(others, "files skipped because of their extension"), (folders, "folders that are not read")]
        {
            if !skipped.is_empty() {
                let note = format!("{why}: {}", named(&skipped));
                self.ready.push_back(Part { name: name(folder), content: Content::Note(note) });
            }
        }
        for file in files.into_iter().rev() {
            self.paths.push_front(file);
        }
    }

    /// Starts reading a file. Its first part determines whether it is JSON lines.
    fn begin(&mut self, path: &Path, opened: io::Result<Box<dyn Read + Send>>) {
        let mut rest = Vec::new();
        let started = opened.and_then(|mut stream| {
            stream.by_ref().take(PART as u64).read_to_end(&mut rest)?;
            decompressed(&mut rest, stream)
        });
        let stream = match started {
            Ok(stream) => stream,
            Err(error) => return self.add_error(path, format!("cannot be read: {error}")),
        };
        let name = name(path);
        let head = String::from_utf8_lossy(&rest);
        let is_long = rest.len() == PART;
        if is_long && starts_with_lines(head.trim_start_matches('\u{feff}')) && has_lines(&rest) {
            self.open = Some(OpenFile { name, stream, rest, lines: 0 });
            return;
        }
        if let Err(error) = stream.take(self.left).read_to_end(&mut rest) {
            return self.add_error(path, format!("cannot be read: {error}"));
        }
        let Some(left) = self.left.checked_sub(rest.len() as u64) else {
            let limit = MAX_BYTES >> 30;
            let what = format!(
                "not read: the files exceed {limit} GB in total; pass fewer files, or one alert per line"
            );
            return self.add_error(path, what);
        };
        self.left = left;
        self.ready.push_back(Part { name, content: Content::Document(rest.into()) });
    }

    fn add_error(&mut self, path: &Path, what: String) {
        self.ready.push_back(Part { name: name(path), content: Content::Error(what) });
    }
}

impl OpenFile {
    /// Reads the next lines; returns `None` at the end of the file.
    fn next_part(&mut self) -> Option<Part> {
        loop {
            let end = memrchr(b'\n', &self.rest).map(|at| at + 1);
            if let Some(end) = end {
                let rest = self.rest.split_off(end);
                return Some(self.part(rest));
            }
            let before = self.rest.len();
            if before > MAX_LINE {
                return Some(self.give_up(format!(
                    "not read to the end: line {} exceeds {} MB",
                    self.lines + 1,
                    MAX_LINE >> 20
                )));
            }
            match self.stream.by_ref().take(PART as u64).read_to_end(&mut self.rest) {
                Err(error) => return Some(self.give_up(format!("cannot be read to the end: {error}"))),
                Ok(0) if before == 0 => return None,
                Ok(0) => return Some(self.part(Vec::new())),
                Ok(_) => {}
            }
        }
    }

    /// Skips the rest of the file.
    fn give_up(&mut self, what: String) -> Part {
        (self.rest, self.stream) = (Vec::new(), Box::new(io::empty()));
        Part { name: self.name.clone(), content: Content::Error(what) }
    }

    /// Makes a part of what has been read, and keeps `rest`.
    fn part(&mut self, rest: Vec<u8>) -> Part {
        let body = Bytes::from(std::mem::replace(&mut self.rest, rest));
        let before = self.lines;
        self.lines += memchr::memchr_iter(b'\n', &body).count();
        Part { name: self.name.clone(), content: Content::Lines(body, before) }
    }
}

/// Names the first few paths of a folder and counts the others.
fn named(paths: &[PathBuf]) -> String {
    const FEW: usize = 5;
    let names = paths.iter().filter_map(|path| path.file_name()).take(FEW);
    let names: Vec<_> = names.map(|name| SafeText::new(&name.to_string_lossy()).line()).collect();
    let more = paths.len().saturating_sub(FEW);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}

/// Returns whether a file in a folder is taken for saved alerts: by its extension, before that of a
/// compressed file.
fn is_saved_alerts(path: &Path) -> bool {
    let extension = |path: &Path| path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    let last = extension(path);
    let is_compressed = last.as_deref().is_some_and(|last| matches!(last, "gz" | "zst"));
    let inner = path.with_extension("");
    let last = if is_compressed { extension(&inner) } else { last };
    last.as_deref().is_some_and(|last| matches!(last, "json" | "ndjson" | "jsonl"))
}

/// Returns what a compressed stream contains; others are returned as they are. `rest`: what was read
/// of the stream already, at least its first four bytes.
fn decompressed(rest: &mut Vec<u8>, stream: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let is_gzip = rest.starts_with(b"\x1f\x8b");
    if !is_gzip && !rest.starts_with(b"\x28\xb5\x2f\xfd") {
        return Ok(stream);
    }
    let whole = Cursor::new(std::mem::take(rest)).chain(stream);
    let mut stream: Box<dyn Read + Send> = if is_gzip {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else {
        Box::new(zstd::stream::read::Decoder::new(whole)?)
    };
    stream.by_ref().take(PART as u64).read_to_end(rest)?;
    Ok(stream)
}

/// Returns whether the first line is followed by another.
fn has_lines(text: &[u8]) -> bool {
    let first = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    memchr(b'\n', &text[first..])
        .is_some_and(|end| text[first + end..].iter().any(|byte| !byte.is_ascii_whitespace()))
}

/// Returns the name of a file, safe to show.
fn name(path: &Path) -> String {
    let name = if path.as_os_str() == "-" { "standard input".into() } else { path.to_string_lossy() };
    SafeText::new(&name).line()
}

/// Reads all alerts of these paths.
pub fn read(paths: &[PathBuf]) -> Saved {
    let (mut files, mut all) = (Paths::new(paths).open(), Saved::default());
    while let Some(part) = files.next_part() {
        all.extend(part.read());
    }
    all
}

#[cfg(test)]
mod tests;
