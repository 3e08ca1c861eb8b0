//! Tests with files and folders like those that users have.

use super::*;
use rstest::rstest;
use std::{fs, io::Write};

/// Reads all alerts of these paths.
fn read(paths: &[PathBuf]) -> Saved {
    let mut all = Saved::default();
    for_each_part(Paths::new(paths).open(), Part::read, |saved| all.extend(saved));
    all
}

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
    // The alerts read before the error are kept.
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
    assert!(text.len() > 3 << 20);
    let folder = folder(&[("a.ndjson", &text)]);
    let paths = Paths::new(&[folder.path().join("a.ndjson")]);
    let mut files = paths.open();
    files.read_ahead().unwrap();
    let mut saved = Vec::new();
    while let Some(part) = files.next_part() {
        saved.push(part.read());
    }
    assert!(saved.len() > 1, "{} parts", saved.len());
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

/// Writes a file and reads it.
fn read_bytes(bytes: &[u8]) -> Saved {
    let folder = folder(&[]);
    let path = folder.path().join("a.json");
    fs::write(&path, bytes).unwrap();
    read(&[path])
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

/// Returns three megabytes of alerts that compress badly.
fn large() -> Vec<String> {
    let mut state = 1_u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let mut text = |count: usize| (0..count).map(|_| format!("{:x}", number())).collect::<Vec<_>>().concat();
    (0..300).map(|at| format!("{{\"id\":\"{at}\",\"title\":\"é{}\"}}", text(600))).collect()
}

#[rstest]
fn members_and_frames_one_after_another_are_one_text(
    #[values(gzip, zstd)] compress: fn(&[u8]) -> Vec<u8>,
    #[values(true, false)] is_large: bool,
) {
    let alerts =
        if is_large { large() } else { vec![r#"{"id":"a"}"#.to_owned(), r#"{"id":"b"}"#.to_owned()] };
    let text = format!("[{}]", alerts.join(","));
    let (first, second) = text.as_bytes().split_at(text.len() / 2);
    let saved = read_bytes(&[compress(first), compress(b""), compress(second)].concat());
    assert_eq!(texts(&saved), alerts);
    assert!(saved.errors().is_empty(), "{:?}", saved.errors());
}

#[test]
fn a_skippable_frame_may_come_first() {
    let frame = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
    assert_eq!(texts(&read_bytes(&[frame, zstd(br#"{"id":"a"}"#).as_slice()].concat())), [r#"{"id":"a"}"#]);
}

#[rstest]
fn what_was_read_of_a_truncated_stream_counts(
    #[values(gzip, zstd)] compress: fn(&[u8]) -> Vec<u8>,
    #[values(("", "\n", ""), ("[", ",", "]"))] (start, between, end): (&str, &str, &str),
) {
    let text = format!("{start}{}{end}", large().join(between));
    let compressed = compress(text.as_bytes());
    let saved = read_bytes(&compressed[..compressed.len() / 10 * 9]);
    assert!((200..300).contains(&saved.alerts.len()), "{} alerts", saved.alerts.len());
    let errors = saved.errors().lines().join("\n");
    assert!(errors.contains("a.json: cannot be read to the end: "), "{errors}");
}

#[test]
fn a_truncated_small_document_keeps_its_complete_alerts() {
    let saved = read_bytes(br#"{"value":[{"id":"a"},{"id":"b"},{"id"#);
    assert_eq!(texts(&saved), [r#"{"id":"a"}"#, r#"{"id":"b"}"#]);
    let errors = saved.errors().lines();
    assert!(errors.len() == 1 && errors[0].contains("the text ends unexpectedly"), "{errors:?}");
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused_with_what_to_do() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(br#"{"id":"a"}"#).unwrap();
    encoder.flush().unwrap();
    let saved = read_bytes(&encoder.finish().unwrap());
    let errors = saved.errors().lines().join("\n");
    assert!(
        saved.alerts.is_empty() && errors.contains("more than 128 MB; decompress it with `zstd -d"),
        "{errors}"
    );
}

#[rstest]
fn utf16_is_read_with_and_without_a_mark(
    #[values(u16::to_le_bytes, u16::to_be_bytes)] bytes: fn(u16) -> [u8; 2],
    #[values("", "\u{feff}")] mark: &str,
    #[values(true, false)] is_large: bool,
) {
    let mut alerts =
        vec!["{\"id\":\"a\",\"title\":\"\u{1f98a}\u{fffd}\"}".to_owned(), r#"{"id":"b"}"#.to_owned()];
    if is_large {
        alerts.insert(0, format!(r#"{{"id":"c","title":"{}"}}"#, "\u{1f98a}".repeat(400_001)));
    }
    let text = format!("{mark}[{}]", alerts.join(","));
    let encoded: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
    let saved = read_bytes(&encoded);
    assert!(texts(&saved) == alerts, "{:?}", saved.errors());
    // The file ends in the middle of a character.
    let saved = read_bytes(&encoded[..encoded.len() - 1]);
    assert_eq!(saved.alerts.len(), alerts.len());
}

#[test]
fn progress_counts_the_bytes_of_all_files() {
    let text = large().join("\n");
    let folder = folder(&[("a.ndjson", &text), ("b.json", r#"{"id":"a"}"#), ("c.txt", "not read")]);
    fs::write(folder.path().join("c.ndjson.gz"), gzip(text.as_bytes())).unwrap();
    let size = |name| folder.path().join(name).metadata().unwrap().len();
    let total = size("a.ndjson") + size("b.json") + size("c.ndjson.gz");
    let mut files = Paths::new(&[folder.path().to_owned()]).open();
    let mut last = 0;
    while let Some(part) = files.next_part() {
        assert_eq!(part.progress.total, Some(total));
        assert!(part.progress.read >= last && part.progress.read <= total);
        last = part.progress.read;
    }
    assert_eq!(last, total);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_read_as_its_text_arrives_and_only_once() {
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = io::pipe().unwrap();
    let paths = Paths::new(&[format!("/proc/self/fd/{}", reader.as_raw_fd()).into()]);
    assert!(!paths.are_rereadable());
    let mut files = paths.open();
    writer.write_all(b"{\"id\":\"a\"}\n{\"id\":").unwrap();
    let part = files.next_part().unwrap();
    assert_eq!(
        (part.progress, texts(&part.read())),
        (Progress { read: 17, total: None }, vec![r#"{"id":"a"}"#])
    );
    let again = paths.open().next_part().unwrap().read().errors().lines();
    assert!(again[0].contains("was not read to its end"), "{again:?}");
    writer.write_all(b"\"b\"}").unwrap();
    drop(writer);
    assert_eq!(texts(&files.next_part().unwrap().read()), [r#"{"id":"b"}"#]);
    assert!(files.next_part().is_none() && paths.open().next_part().is_none());
}

#[rstest]
#[case::shrinks(true, "shrank from ")]
#[case::grows(false, "grew while it was read")]
fn a_file_that_changes_while_it_is_read_is_reported(#[case] shrinks: bool, #[case] what: &str) {
    let text = large().join("\n");
    let folder = folder(&[("a.ndjson", &text)]);
    let path = folder.path().join("a.ndjson");
    let mut files = Paths::new(std::slice::from_ref(&path)).open();
    let mut saved = files.next_part().unwrap().read();
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    if shrinks {
        file.set_len(2_000_000).unwrap();
    } else {
        file.write_all(b"\n{\"id\":\"last\"}\n").unwrap();
    }
    while let Some(part) = files.next_part() {
        saved.extend(part.read());
    }
    let (errors, notes) = (saved.errors().lines().join("\n"), saved.notes.lines().join("\n"));
    assert_eq!((errors.contains(what), notes.contains(what)), (shrinks, !shrinks), "{errors} {notes}");
    assert_eq!(saved.alerts.len() > 300, !shrinks);
}
