//! Reads saved alerts from files, folders and standard input.
//!
//! Accepts the shapes that [`alertdeck_model::split`] accepts, and incidents that contain their
//! alerts (`$expand=alerts`; docs/graph-api.md, "Incidents"). An unreadable file is reported and does
//! not affect the others.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, stdin},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Failure;
use alertdeck_model::{RawAlert, SafeText, WireError, split};

/// The most bytes that are read in total: enough for a million alerts, without exhausting memory.
const MAX_BYTES: u64 = 1 << 30;

/// The alerts that were read, and the errors.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// The alerts, in the order of the files.
    pub(super) alerts: Vec<RawAlert>,
    /// The errors, one line each: the file, the position, the reason and the next step.
    pub(super) errors: Vec<String>,
}

impl Saved {
    /// Fails if there are errors and no alert could be read.
    pub(super) fn or_fail(self) -> Result<Self, Failure> {
        if self.alerts.is_empty() && !self.errors.is_empty() {
            return Err(Failure::Unreadable(self.errors.join("\n")));
        }
        Ok(self)
    }

    /// Returns the outcome of the command, once the alerts have been printed or shown.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        if self.errors.is_empty() { Ok(()) } else { Err(Failure::Incomplete(self.errors.join("\n"))) }
    }
}

/// Reads files, folders (their `*.json` and `*.ndjson` files, by name) and standard input (`-`).
pub(super) fn read(paths: &[PathBuf]) -> Saved {
    let mut reader = Reader { saved: Saved::default(), left: MAX_BYTES };
    for path in paths {
        if path.as_os_str() == "-" {
            reader.add(path, Ok(stdin().lock()));
        } else if path.is_dir() {
            reader.add_folder(path);
        } else {
            reader.add(path, File::open(path));
        }
    }
    reader.saved
}

struct Reader {
    saved: Saved,
    /// The bytes that may still be read.
    left: u64,
}

impl Reader {
    fn add_folder(&mut self, folder: &Path) {
        let entries = folder.read_dir().and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut files = match entries {
            Ok(entries) => entries,
            Err(error) => return self.add_error(folder, &format!("cannot be read: {error}")),
        };
        let is_saved_alerts = |path: &PathBuf| {
            let extension = path.extension().and_then(OsStr::to_str);
            extension.is_some_and(|extension| matches!(extension, "json" | "ndjson")) && path.is_file()
        };
        files.retain(is_saved_alerts);
        files.sort();
        if files.is_empty() {
            self.add_error(folder, "no *.json or *.ndjson files in this folder");
        }
        for file in files {
            self.add(&file, File::open(&file));
        }
    }

    fn add(&mut self, path: &Path, opened: io::Result<impl Read>) {
        let mut body = Vec::new();
        let read = opened.and_then(|stream| stream.take(self.left + 1).read_to_end(&mut body));
        if let Err(error) = read {
            return self.add_error(path, &format!("cannot be read: {error}"));
        }
        let Some(left) = self.left.checked_sub(body.len() as u64) else {
            let limit = MAX_BYTES >> 30;
            let what = format!("not read: the files exceed {limit} GB in total; pass fewer files");
            return self.add_error(path, &what);
        };
        self.left = left;
        match split(Bytes::from(body)) {
            Ok(page) => {
                for error in &page.errors {
                    self.add_error(path, &unreadable(error));
                }
                for item in page.alerts {
                    match alerts_of_incident(&item) {
                        None => self.saved.alerts.push(item),
                        Some(alerts) if alerts.is_empty() => self.add_error(
                            path,
                            "an incident without alerts; request incidents with $expand=alerts",
                        ),
                        Some(alerts) => self.saved.alerts.extend(alerts),
                    }
                }
            }
            Err(error) => self.add_error(path, &unreadable(&error)),
        }
    }

    fn add_error(&mut self, path: &Path, what: &str) {
        let name = if path.as_os_str() == "-" { "standard input".into() } else { path.to_string_lossy() };
        let line = format!("{}: {what}", SafeText::new(&name).line());
        // Many incidents in one file yield the same error.
        if self.saved.errors.last() != Some(&line) {
            self.saved.errors.push(line);
        }
    }
}

fn unreadable(error: &WireError) -> String {
    format!("{error}; expected an alert, an array of alerts, {{\"value\":[...]}} or JSON lines")
}

/// Returns the alerts of an incident, or `None` if the item is not an incident.
fn alerts_of_incident(item: &RawAlert) -> Option<Vec<RawAlert>> {
    #[derive(Deserialize)]
    struct Incident<'a> {
        #[serde(borrow, rename = "@odata.type")]
        declared: Option<&'a RawValue>,
        #[serde(borrow)]
        alerts: Option<Vec<&'a RawValue>>,
    }
    const TYPE: &[u8] = b"microsoft.graph.security.incident";
    // Few files contain incidents: a search for the bytes avoids parsing every alert twice.
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

    /// Returns a folder with these files.
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
        assert!(saved.outcome().is_ok());
    }

    #[test]
    fn a_bad_file_is_reported_and_the_others_are_read() {
        let folder = folder(&[("bad.json", "[{\"id\":1},\n{]"), ("good.json", r#"[{"id":"a"}]"#)]);
        let missing = folder.path().join("miss\u{1b}ing.json");
        let saved = read(&[folder.path().to_owned(), missing]).or_fail().unwrap();
        assert_eq!(texts(&saved), [r#"{"id":"a"}"#]);
        assert_eq!(saved.errors.len(), 2);
        assert!(saved.errors[0].contains("bad.json: ") && saved.errors[0].contains("(line 2, column 2)"));
        assert!(saved.errors[1].contains("miss␛ing.json: cannot be read"), "{}", saved.errors[1]);
        assert_eq!(saved.outcome().unwrap_err().exit_code(), 5);
    }

    #[test]
    fn reading_fails_without_any_alert_but_not_on_an_empty_list() {
        let folder = folder(&[("empty.json", "[]"), ("bad.json", "<html>")]);
        let (empty, bad) = (folder.path().join("empty.json"), folder.path().join("bad.json"));
        assert!(read(&[empty]).or_fail().unwrap().alerts.is_empty());
        let failure = read(&[bad]).or_fail().unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        assert!(failure.to_string().contains("this is HTML or XML"), "{failure}");
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
