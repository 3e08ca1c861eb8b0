//! Reads saved alerts from files, folders and standard input.
//!
//! Accepts the shapes that [`alertdeck_model::split`] accepts, as well as incidents that contain
//! their alerts (`$expand=alerts`; docs/graph-api.md, "Incidents"). JSON lines are read in parts,
//! so that the first alerts in a file appear on the screen immediately, whatever its size. An
//! unreadable file is reported and does not affect the others.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::File,
    io::{self, Cursor, Read, stdin},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use memchr::{memchr, memmem, memrchr};
use serde::Deserialize;
use serde_json::value::RawValue;

use alertdeck_model::{RawAlert, SafeText, WireError, split, split_lines, starts_with_lines};

/// The maximum total size of documents other than JSON lines, in bytes. Prevents memory from being
/// exhausted.
const MAX_BYTES: u64 = 1 << 30;
/// The size of a part of JSON lines, in bytes.
const PART: usize = 1 << 20;
/// The maximum length of a line of JSON lines, in bytes.
const MAX_LINE: usize = 1 << 28;

/// The alerts that were read, and the errors.
#[derive(Debug, Default)]
pub struct Saved {
    /// The alerts, in the same order as the files.
    pub alerts: Vec<RawAlert>,
    /// The errors, one line each: the file, the position, the reason and what to do.
    pub errors: Vec<String>,
}

impl Saved {
    fn add_error(&mut self, name: &str, what: &str) {
        let line = format!("{name}: {what}");
        // Many incidents in one file may cause the same error.
        if self.errors.last() != Some(&line) {
            self.errors.push(line);
        }
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
}

impl Part {
    /// Splits the part into alerts.
    pub fn read(self) -> Saved {
        let mut saved = Saved::default();
        let page = match self.content {
            Content::Document(body) => split(body),
            Content::Lines(body, before) => Ok(split_lines(body, before)),
            Content::Error(what) => {
                saved.add_error(&self.name, &what);
                return saved;
            }
        };
        match page {
            Ok(page) => {
                for error in &page.errors {
                    saved.add_error(&self.name, &unreadable(error));
                }
                for item in page.alerts {
                    match alerts_of_incident(&item) {
                        None => saved.alerts.push(item),
                        Some(alerts) if alerts.is_empty() => saved.add_error(
                            &self.name,
                            "an incident without alerts; request incidents with $expand=alerts",
                        ),
                        Some(alerts) => saved.alerts.extend(alerts),
                    }
                }
            }
            Err(error) => saved.add_error(&self.name, &unreadable(&error)),
        }
        saved
    }
}

/// Files, folders (their `*.json` and `*.ndjson` files, sorted by name) and standard input (`-`),
/// all of which can be read several times.
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
    /// Data that has been read but is not in a part yet. After the first part, this is at most one
    /// line.
    rest: Vec<u8>,
    lines: usize,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Files {
    /// Reads up to the first alert and keeps what was read for [`Files::next_part`].
    ///
    /// # Errors
    ///
    /// Returns the errors, one line each, if there are errors and none of the files contains an
    /// alert.
    pub fn read_ahead(&mut self) -> Result<(), Vec<String>> {
        let (mut ahead, mut errors) = (VecDeque::new(), Vec::new());
        while let Some(part) = self.next_part() {
            ahead.push_back(part.clone());
            let saved = part.read();
            errors.extend(saved.errors);
            if !saved.alerts.is_empty() {
                errors.clear();
                break;
            }
        }
        ahead.append(&mut self.ready);
        self.ready = ahead;
        if errors.is_empty() { Ok(()) } else { Err(errors) }
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
        let is_saved_alerts = |path: &PathBuf| {
            let extension = path.extension().and_then(OsStr::to_str);
            extension.is_some_and(|extension| matches!(extension, "json" | "ndjson")) && path.is_file()
        };
        files.retain(is_saved_alerts);
        files.sort();
        if files.is_empty() {
            self.add_error(folder, "no *.json or *.ndjson files in this folder".to_owned());
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
            Ok(stream)
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

    /// Turns what has been read into a part and keeps `rest`.
    fn part(&mut self, rest: Vec<u8>) -> Part {
        let body = Bytes::from(std::mem::replace(&mut self.rest, rest));
        let before = self.lines;
        self.lines += memchr::memchr_iter(b'\n', &body).count();
        Part { name: self.name.clone(), content: Content::Lines(body, before) }
    }
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

/// Reads all alerts from these paths.
pub fn read(paths: &[PathBuf]) -> Saved {
    let (mut files, mut all) = (Paths::new(paths).open(), Saved::default());
    while let Some(part) = files.next_part() {
        let saved = part.read();
        all.alerts.extend(saved.alerts);
        all.errors.extend(saved.errors);
    }
    all
}

fn unreadable(error: &WireError) -> String {
    format!("{error}; expected an alert, an array of alerts, {{\"value\":[...]}} or JSON lines")
}

/// Returns the alerts in an incident, or `None` if the item is not an incident.
fn alerts_of_incident(item: &RawAlert) -> Option<Vec<RawAlert>> {
    #[derive(Deserialize)]
    struct Incident<'a> {
        #[serde(borrow, rename = "@odata.type")]
        declared: Option<&'a RawValue>,
        #[serde(borrow)]
        alerts: Option<Vec<&'a RawValue>>,
    }
    const TYPE: &[u8] = b"microsoft.graph.security.incident";
    // Few files contain incidents, so search for the bytes first to avoid parsing every alert
    // twice.
    memmem::find(&item.0, TYPE).or_else(|| memmem::find(&item.0, b"\"alerts\""))?;
    let incident: Incident<'_> = serde_json::from_slice(&item.0).ok()?;
    let declared = incident.declared.map_or("", RawValue::get).trim_matches(['"', '#']).as_bytes();
    if incident.alerts.is_none() && !declared.eq_ignore_ascii_case(TYPE) {
        return None;
    }
    let alerts = incident.alerts.unwrap_or_default();
    Some(alerts.into_iter().map(|raw| RawAlert(item.0.slice_ref(raw.get().as_bytes()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Returns a folder that contains these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn texts(saved: &Saved) -> Vec<&str> {
        saved.alerts.iter().map(|raw| std::str::from_utf8(&raw.0).unwrap()).collect()
    }

    #[test]
    fn a_folder_is_read_by_name_of_its_json_files() {
        let folder = folder(&[
            ("b.json", r#"{"id":"b"}"#),
            ("a.ndjson", "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n"),
            ("notes.txt", "no alerts"),
        ]);
        fs::create_dir(folder.path().join("c.json")).unwrap();
        let saved = read(&[folder.path().to_owned()]);
        assert_eq!(texts(&saved), [r#"{"id":"a1"}"#, r#"{"id":"a2"}"#, r#"{"id":"b"}"#]);
        assert!(saved.errors.is_empty());
    }

    #[test]
    fn a_bad_file_is_reported_and_the_others_are_read() {
        let folder = folder(&[("bad.json", "[{\"id\":1},\n{]"), ("good.json", r#"[{"id":"a"}]"#)]);
        let missing = folder.path().join("miss\u{1b}ing.json");
        let saved = read(&[folder.path().to_owned(), missing]);
        assert_eq!(texts(&saved), [r#"{"id":"a"}"#]);
        assert_eq!(saved.errors.len(), 2);
        assert!(saved.errors[0].contains("bad.json: ") && saved.errors[0].contains("(line 2, column 2)"));
        assert!(saved.errors[1].contains("miss␛ing.json: cannot be read"), "{}", saved.errors[1]);
    }

    #[test]
    fn reading_fails_without_any_alert_but_not_on_an_empty_list() {
        let folder = folder(&[("empty.json", "[]"), ("bad.json", "<html>")]);
        let (empty, bad) = (folder.path().join("empty.json"), folder.path().join("bad.json"));
        let ahead = |path| Paths::new(&[path]).open().read_ahead();
        assert_eq!(ahead(empty), Ok(()));
        let errors = ahead(bad).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains("this is HTML or XML"), "{errors:?}");
    }

    #[test]
    fn lines_are_read_in_parts_that_lose_nothing() {
        let alert = |at: usize| format!("{{\"id\":\"{at}\",\"x\":\"{}\"}}", "é".repeat(at % 997));
        let mut lines: Vec<_> = (0..4_000).map(alert).collect();
        lines[0] = "the end of a line that was cut\"}".into();
        lines[1_234] = "{\"id\":".into();
        let text = format!("\u{feff}{}", lines.join("\r\n"));
        assert!(text.len() > 3 * PART);
        let folder = folder(&[("a.ndjson", &text)]);
        let paths = Paths::new(&[folder.path().join("a.ndjson")]);
        let mut files = paths.open();
        files.read_ahead().unwrap();
        let mut saved = Vec::new();
        while let Some(part) = files.next_part() {
            saved.push(part.read());
        }
        assert!(saved.len() > 3, "{} parts", saved.len());
        let errors: Vec<_> = saved.iter().flat_map(|saved| &saved.errors).collect();
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].contains("(line 1, column 2)") && errors[1].contains("(line 1235, column 6)"));
        lines.remove(1_234);
        lines.remove(0);
        assert_eq!(saved.iter().flat_map(texts).collect::<Vec<_>>(), lines);
        assert_eq!(read(&paths.paths).alerts.len(), lines.len());
    }

    #[test]
    fn alerts_are_read_from_incidents() {
        let text = r##"{"value":[
            {"@odata.type":"#microsoft.graph.security.incident","id":"1","alerts":[{ "id":"a" },{"id":"b"}]},
            {"id":"2","alerts":[{"id":"c"}]},
            {"id":"d","description":"the word \"alerts\"","additionalData":{"alerts":[1]}},
            {"@odata.type":"#microsoft.graph.security.incident","id":"3"},
            {"@odata.type":"#microsoft.graph.security.incident","id":"4","alerts":null}]}"##;
        let folder = folder(&[("incidents.json", text)]);
        let saved = read(&[folder.path().join("incidents.json")]);
        assert_eq!(texts(&saved)[..3], [r#"{ "id":"a" }"#, r#"{"id":"b"}"#, r#"{"id":"c"}"#]);
        assert!(texts(&saved)[3].contains(r#""id":"d""#));
        assert_eq!(saved.alerts.len(), 4);
        assert_eq!(saved.errors.len(), 1, "{:?}", saved.errors);
        assert!(saved.errors[0].contains("$expand=alerts"));
    }
}
