//! Files and folders as people have them.

use super::*;
use std::{fs, io::Write as _};

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
        ("d.JSONL", r#"{"id":"d"}"#),
        ("notes.txt", "no alerts"),
        ("old.csv.gz", "no alerts"),
    ]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(br#"{"id":"e"}"#).unwrap();
    fs::write(folder.path().join("e.json.gz"), gzip.finish().unwrap()).unwrap();
    fs::create_dir(folder.path().join("c.json")).unwrap();
    let saved = read(&[folder.path().to_owned()]);
    let ids = ["a1", "a2", "b", "d", "e"].map(|id| format!("{{\"id\":\"{id}\"}}"));
    assert_eq!(texts(&saved), ids);
    assert!(saved.errors().is_empty());
    let notes = saved.notes.lines().join("\n");
    assert!(notes.contains("because of their extension: notes.txt, old.csv.gz"), "{notes}");
    assert!(notes.contains("folders that are not read: c.json"), "{notes}");
}

#[test]
fn a_folder_of_folders_is_an_error_that_names_them() {
    let folder = folder(&[]);
    for name in ["2026-11-01", "2026-11-02"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let saved = read(&[folder.path().to_owned()]);
    let lines = saved.errors().lines().join("\n");
    assert!(lines.contains("only folders: 2026-11-01, 2026-11-02"), "{lines}");
}

#[test]
fn a_bad_file_is_reported_and_the_others_are_read() {
    let folder = folder(&[("bad.json", "[{\"id\":1},\n{]"), ("good.json", r#"[{"id":"a"}]"#)]);
    let missing = folder.path().join("miss\u{1b}ing.json");
    let saved = read(&[folder.path().to_owned(), missing]);
    // What was read before the error counts.
    assert_eq!(texts(&saved), [r#"{"id":1}"#, r#"{"id":"a"}"#]);
    assert_eq!(saved.errors().len(), 2);
    assert!(
        saved.errors().lines()[0].contains("bad.json: ")
            && saved.errors().lines()[0].contains("(line 2, column 2)")
    );
    assert!(
        saved.errors().lines()[1].contains("miss␛ing.json: cannot be read"),
        "{}",
        saved.errors().lines()[1]
    );
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
    let alert = |at: usize| format!("{{\"id\":\"{at}\",\"title\":\"{}\"}}", "é".repeat(at % 997));
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
    let errors: Vec<_> = saved.iter().flat_map(|saved| saved.errors().lines()).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("(line 1, column 1)"), "{errors:?}");
    assert!(errors[1].contains("(line 1235, column 6)"), "{errors:?}");
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
    assert_eq!(saved.alerts.len(), 4, "{:?}", texts(&saved));
    assert_eq!(saved.errors().len(), 1, "{:?}", saved.errors());
    assert!(saved.errors().lines()[0].contains("$expand=alerts"));
}
