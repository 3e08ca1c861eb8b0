//! Reads saved alerts from files, folders and standard input.
//!
//! Accepts any text in which [`alertdeck_model::Splitter`] finds alerts, optionally compressed with
//! gzip or zstd. Files are read in parts, so that the first alerts of even a large file appear
//! immediately and its entire text is never in memory at once. An unreadable file is reported and
//! does not affect the others; the alerts read before an error are kept.

mod input;
mod parallel;

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use alertdeck_model::{Chunk, Found, Messages, RawAlert, SafeText, Splitter};
pub use parallel::{for_each_part, workers};

use input::{Change, Input, STANDARD_INPUT};

/// The extensions of the files to read in a folder, for use in messages.
const EXTENSIONS_IN_WORDS: &str = "*.json, *.jsonl or *.ndjson";

/// The alerts that were read, and the errors.
#[derive(Debug, Default)]
pub struct Saved {
    /// The alerts, in the order of the files.
    pub alerts: Vec<RawAlert>,
    /// The errors, one line each: the file, the position, the reason and the fix.
    unread: Messages,
    /// Notes for the user, one line each. A note does not mean that data is missing.
    pub notes: Messages,
    /// The name of a file with a page that is followed by another page.
    continued: Option<String>,
    /// Whether any file contains the last page of a list.
    has_last: bool,
    /// The total number of alerts in the list, according to a page.
    count: Option<u64>,
}

impl Saved {
    /// Adds the result of another part. A message repeated by several parts of a file is added only
    /// once.
    pub fn extend(&mut self, other: Self) {
        self.alerts.extend(other.alerts);
        self.unread.extend(other.unread);
        self.notes.extend(other.notes);
        self.continued = self.continued.take().or(other.continued);
        self.has_last |= other.has_last;
        self.count = self.count.max(other.count);
    }

    /// Returns the errors. Each names the file, the position, the reason and the fix. The pages of
    /// a list may be spread over several files, so a missing end is reported only if no file
    /// contains the last page of a list.
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

/// The progress of reading the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of bytes that were read, before decompression.
    pub read: u64,
    /// The total size of all files; `None` if not all of them are regular files.
    pub total: Option<u64>,
}

/// A part of a file that can be searched for alerts.
#[derive(Clone, Debug)]
pub struct Part {
    /// The name of the file, sanitised for display.
    name: String,
    content: Content,
    /// The progress after this part was read.
    pub progress: Progress,
}

#[derive(Clone, Debug)]
enum Content {
    Text(Chunk),
    /// An error: something could not be read.
    Error(String),
    /// A note for the user, which does not mean that data is missing.
    Note(String),
}

impl Part {
    /// Finds the alerts in the part.
    pub fn read(self) -> Saved {
        self.read_with_outlines(&[]).0
    }

    /// Finds the alerts in the part. Also returns each alert's outline with these properties, as
    /// [`Chunk::find_with_outlines`] does.
    pub fn read_with_outlines(self, names: &[&str]) -> (Saved, Vec<RawAlert>) {
        let only = |line: String| {
            let mut messages = Messages::default();
            messages.add(line);
            messages
        };
        let found = match self.content {
            Content::Text(chunk) => chunk.find_with_outlines(names),
            Content::Error(what) => Found { errors: only(what), ..Found::default() },
            Content::Note(what) => Found { notes: only(what), ..Found::default() },
        };
        let named = |line: String| format!("{}: {line}", self.name);
        let saved = Saved {
            alerts: found.alerts,
            unread: found.errors.map(named),
            notes: found.notes.map(named),
            continued: found.has_next.then(|| self.name.clone()),
            has_last: found.has_last,
            count: found.count,
        };
        (saved, found.outlines)
    }
}

/// Files, folders, pipes and standard input (`-`). All but pipes can be read more than once. The
/// JSON files in a folder are recognised by their extension and sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    paths: Vec<PathBuf>,
    pipes: Pipes,
}

/// The pipes that have been opened, each mapped to whether it was read to the end.
type Pipes = Arc<Mutex<HashMap<PathBuf, bool>>>;

impl Paths {
    /// Prepares to read these paths.
    pub fn new(paths: &[PathBuf]) -> Self {
        Self { paths: paths.to_vec(), pipes: Arc::default() }
    }

    /// Returns whether all the paths can be read again.
    pub fn are_rereadable(&self) -> bool {
        !self.paths.iter().any(|path| is_pipe(path))
    }

    /// If there is only one path and it is not a folder, returns its name, sanitised for display.
    pub fn only_file(&self) -> Option<String> {
        match self.paths.as_slice() {
            [only] if !only.is_dir() => Some(name(only)),
            _ => None,
        }
    }

    /// Starts reading all paths from the beginning.
    pub fn open(&self) -> Files {
        let mut files = Files {
            paths: VecDeque::new(),
            pipes: self.pipes.clone(),
            open: None,
            ready: VecDeque::new(),
            progress: Progress { read: 0, total: Some(0) },
        };
        for path in &self.paths {
            if path.as_os_str() != STANDARD_INPUT && path.is_dir() {
                files.add_folder(path);
            } else {
                files.paths.push_back(path.clone());
            }
        }
        // A file that does not exist adds nothing to the total.
        let size = |path: &PathBuf| (!is_pipe(path)).then(|| path.metadata().map_or(0, |file| file.len()));
        files.progress.total = files.paths.iter().map(size).sum();
        files.ready.iter_mut().for_each(|part| part.progress = files.progress);
        files
    }
}

/// Files that are being read, in parts.
pub struct Files {
    paths: VecDeque<PathBuf>,
    pipes: Pipes,
    open: Option<OpenFile>,
    /// Parts that were read ahead.
    ready: VecDeque<Part>,
    progress: Progress,
}

/// A file that is being read.
struct OpenFile {
    path: PathBuf,
    input: Input,
    splitter: Splitter,
    /// The number of bytes read from earlier files.
    before: u64,
    /// Whether the file has been read to the end or to an error.
    is_read: bool,
    /// The error or note to report after the file's text.
    outcome: Option<Content>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Files {
    /// Reads up to the first alert. Keeps the parts read for [`Files::next_part`].
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
                let content = file.next_content();
                self.progress.read = file.before + file.input.position();
                let Some(content) = content else {
                    if let Some(is_read) = lock(&self.pipes).get_mut(&file.path) {
                        *is_read = true;
                    }
                    continue;
                };
                let part = Part { name: name(&file.path), content, progress: self.progress };
                self.open = Some(file);
                return Some(part);
            }
            let path = self.paths.pop_front()?;
            self.begin(path);
        }
    }

    fn begin(&mut self, path: PathBuf) {
        let known = lock(&self.pipes).get(&path).copied();
        match known {
            Some(true) => return,
            Some(false) => {
                let what = "was not read to its end, and a pipe cannot be reread; restart alertdeck";
                return self.add(&path, Content::Error(what.to_owned()));
            }
            None if is_pipe(&path) => {
                lock(&self.pipes).insert(path.clone(), false);
            }
            None => {}
        }
        match Input::open(&path) {
            Ok(input) => {
                let (splitter, before) = (Splitter::default(), self.progress.read);
                self.open = Some(OpenFile { path, input, splitter, before, is_read: false, outcome: None });
            }
            Err(error) => self.add(&path, Content::Error(format!("cannot be read: {error}"))),
        }
    }

    /// Adds the files in a folder.
    fn add_folder(&mut self, folder: &Path) {
        let entries = folder.read_dir().and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut files = match entries {
            Ok(entries) => entries,
            Err(error) => return self.add(folder, Content::Error(format!("cannot be read: {error}"))),
        };
        files.sort();
        let folders: Vec<_> = files.iter().filter(|path| path.is_dir()).cloned().collect();
        files.retain(|path| path.is_file());
        let (files, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|path| is_saved_alerts(path));
        if files.is_empty() {
            let what = if folders.is_empty() {
                format!("no {EXTENSIONS_IN_WORDS} files in this folder")
            } else {
                format!("no {EXTENSIONS_IN_WORDS} files, only folders: {}", named(&folders))
            };
            return self.add(folder, Content::Error(what));
        }
        for (skipped, why) in
            [(others, "files skipped because of their extension"), (folders, "folders that are not read")]
        {
            if !skipped.is_empty() {
                self.add(folder, Content::Note(format!("{why}: {}", named(&skipped))));
            }
        }
        self.paths.extend(files);
    }

    fn add(&mut self, path: &Path, content: Content) {
        self.ready.push_back(Part { name: name(path), content, progress: self.progress });
    }
}

impl OpenFile {
    /// Reads the next part; returns `None` at the end of the file.
    fn next_content(&mut self) -> Option<Content> {
        loop {
            if let Some(chunk) = self.splitter.next_chunk() {
                return Some(Content::Text(chunk));
            }
            if self.is_read || self.splitter.is_over() {
                let chunk = self.splitter.finish().map(Content::Text);
                return chunk.or_else(|| self.outcome.take());
            }
            match self.input.read_piece(self.splitter.text()) {
                Ok(true) => {}
                Ok(false) => {
                    self.is_read = true;
                    self.outcome = self.input.change().map(|change| match change {
                        Change::Shrunk { size, read } => Content::Error(format!(
                            "shrank from {size} to {read} bytes while it was read; read it again"
                        )),
                        Change::Grown => {
                            Content::Note("grew while it was read; what follows may be missing".to_owned())
                        }
                    });
                }
                Err(error) => {
                    self.is_read = true;
                    self.outcome = Some(Content::Error(format!("cannot be read to the end: {error}")));
                }
            }
        }
    }
}

/// Returns whether a path is standard input or something else that is neither a file nor a folder.
fn is_pipe(path: &Path) -> bool {
    let is_other = |metadata: std::fs::Metadata| !metadata.is_file() && !metadata.is_dir();
    path.as_os_str() == STANDARD_INPUT || path.metadata().is_ok_and(is_other)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lists the names of the first few paths and the number of others.
fn named(paths: &[PathBuf]) -> String {
    const FEW: usize = 5;
    let names = paths.iter().filter_map(|path| path.file_name()).take(FEW);
    let names: Vec<_> = names.map(|name| SafeText::new(&name.to_string_lossy()).line()).collect();
    let more = paths.len().saturating_sub(FEW);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.join(", ") + &more
}

/// Returns whether a file in a folder is treated as saved alerts because of its extension. If the
/// file is compressed, the extension before `.gz` or `.zst` decides.
fn is_saved_alerts(path: &Path) -> bool {
    let extension = |path: &Path| path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    let last = extension(path);
    let is_compressed = last.as_deref().is_some_and(|last| matches!(last, "gz" | "zst"));
    let inner = path.with_extension("");
    let last = if is_compressed { extension(&inner) } else { last };
    last.as_deref().is_some_and(|last| matches!(last, "json" | "ndjson" | "jsonl"))
}

/// Returns a file's name, sanitised for display.
fn name(path: &Path) -> String {
    let name =
        if path.as_os_str() == STANDARD_INPUT { "standard input".into() } else { path.to_string_lossy() };
    SafeText::new(&name).line()
}

#[cfg(test)]
mod tests;
