//! Tests for the log: its lines, what is not logged, rotation, and errors.

use super::*;
use rstest::rstest;
use std::fs;
use tracing::{Dispatch, debug, dispatcher::with_default, error, info, trace, warn};

/// Returns the log after running `work`, without its first line.
fn logged(verbose: bool, work: impl FnOnce()) -> String {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { file: folder.path().join("a.log"), verbose };
    with_default(&Dispatch::new(subscriber(&settings).unwrap()), work);
    let text = fs::read_to_string(&settings.file).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let started = format!("log alertdeck {} started pid={}", env!("CARGO_PKG_VERSION"), std::process::id());
    assert!(first.ends_with(&started), "{first}");
    rest.to_owned()
}

/// Returns a line without its time.
fn untimed(line: &str) -> &str {
    line.split_once(' ').unwrap().1
}

#[test]
fn a_line_has_time_level_module_message_and_fields() {
    let text = logged(false, || {
        info!(target: "alertdeck_graph::http::scope", status = 429, wait = ?std::time::Duration::from_millis(1_500), "throttled {}", 2);
        warn!(target: "alertdeck", error = %"no route to host", name = "", id = "a-b", "offline");
    });
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(untimed(lines[0]), "INFO  scope throttled 2 status=429 wait=1.5s");
    assert_eq!(untimed(lines[1]), r#"WARN  alertdeck offline error="no route to host" name="" id=a-b"#);
    let (time, _) = lines[0].split_once(' ').unwrap();
    assert_eq!(time.len(), "2026-05-01T08:00:00.000Z".len(), "{time}");
    let at: jiff::Timestamp = time.parse().unwrap();
    assert!(at.duration_until(jiff::Timestamp::now()).as_secs() < 60, "{time}");
}

#[test]
fn times_always_have_milliseconds() {
    let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(1_777_622_400_000_999);
    assert_eq!(line::assemble(at, Level::ERROR, "a", "b"), "2026-05-01T08:00:00.000Z ERROR a b\n");
}

#[rstest]
#[case::escape("a\u{1b}[2J\u{1b}]52;c;x\u{7}")]
#[case::line_end("a\n2026-05-01T08:00:00.000Z INFO  log forged\r\nb")]
#[case::other_line_ends("a\u{2028}b\u{2029}c\u{85}d\u{b}e")]
#[case::bidi("a\u{202e}b\u{2066}c")]
fn data_cannot_forge_a_line_or_control_a_terminal(#[case] hostile: &str) {
    let text = logged(true, || {
        error!("{hostile}");
        error!(text = hostile, display = %hostile, debug = ?hostile, "fields");
    });
    let lines: Vec<_> = text.split_terminator('\n').collect();
    assert_eq!(lines.len(), 2, "{text:?}");
    for line in lines {
        let bad = |c: char| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}".contains(c);
        assert!(!line.contains(bad), "{line:?}");
    }
}

#[test]
fn data_in_a_field_does_not_read_as_further_fields() {
    let hostile = "x status=200 \" y=\"z";
    let text = logged(false, || info!(text = hostile, display = %hostile, equals = "a=b", "fields"));
    let quoted = r#""x status=200 \" y=\"z""#;
    let expected = format!("INFO  tests fields text={quoted} display={quoted} equals=\"a=b\"\n");
    assert_eq!(untimed(&text), expected);
}

#[test]
fn events_of_other_crates_and_lower_levels_are_not_written() {
    let events = || {
        info!(target: "hyper::proto", "CANARY");
        info!(target: "alertdeck_evil", "CANARY");
        info!(target: "rustls", "CANARY");
        trace!(target: "alertdeck_graph::http", "CANARY");
        debug!(target: "alertdeck_graph::http", "fine");
        info!(target: "alertdeck_graph::http", "coarse");
    };
    let plain = logged(false, events);
    assert_eq!(plain.lines().map(untimed).collect::<Vec<_>>(), ["INFO  http coarse"]);
    let verbose = logged(true, events);
    assert_eq!(verbose.lines().map(untimed).collect::<Vec<_>>(), ["DEBUG http fine", "INFO  http coarse"]);
}

#[test]
fn fields_named_like_secrets_are_redacted() {
    let text = logged(false, || {
        info!(refresh_token = "CANARY", client_secret = %"CANARY", Authorization = ?"CANARY", kept = 1, "x");
    });
    assert!(!text.contains("CANARY"), "{text}");
    assert!(text.contains("refresh_token=(redacted)") && text.contains(" kept=1"), "{text}");
}

#[rstest]
#[case::ascii("x")]
#[case::wide("ä")]
#[case::growing("\u{1b}a")]
fn lines_are_truncated_at_four_kilobytes(#[case] unit: &str) {
    let long = unit.repeat(3_000_000);
    let text = logged(false, || {
        info!("{long}");
        info!(long, "short");
        info!(one = unit.repeat(2_000), two = unit.repeat(2_000), three = unit.repeat(2_000), "three");
    });
    assert_eq!(text.lines().count(), 3);
    for line in text.lines() {
        let length = line.len() + 1;
        assert!(length <= 4_096 && length > 4_096 - 8, "{length}");
        assert!(line.ends_with('…'));
    }
}

/// Returns the lines of a log and its rotated file, oldest first.
fn both(path: &Path) -> Vec<String> {
    [rotated(path), path.to_owned()]
        .iter()
        .flat_map(|path| {
            fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_full_file_is_rotated_and_one_rotated_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let file = LogFile::with_limit(alertdeck_platform::append_private(&path).unwrap(), &path, 100);
    for n in 0..50 {
        file.write(&format!("line {n:03}\n")).unwrap();
        assert!(fs::metadata(&path).unwrap().len() <= 100);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    // 11 lines of 9 bytes fit into 100 bytes: 44 lines in four files, and six more.
    let expected: Vec<_> = (33..50).map(|n| format!("line {n:03}")).collect();
    assert_eq!(both(&path), expected);
}

#[test]
fn a_file_that_is_full_at_the_start_is_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    fs::write(&path, vec![b'x'; file::MAX_BYTES as usize]).unwrap();
    subscriber(&Settings { file: path.clone(), verbose: false }).unwrap();
    assert_eq!(fs::metadata(rotated(&path)).unwrap().len(), file::MAX_BYTES);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn lines_of_several_processes_and_threads_are_complete() {
    const LINES: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    // Two processes with two threads each. The limit causes only one rotation.
    let open = || LogFile::with_limit(alertdeck_platform::append_private(&path).unwrap(), &path, 20_000);
    let copies = [open(), open()];
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let file = &copies[writer % 2];
            scope.spawn(move || {
                for n in 0..LINES {
                    file.write(&format!("{writer} {n:04} {}\n", "x".repeat(12))).unwrap();
                }
            });
        }
    });
    let lines = both(&path);
    // 32,000 bytes cause one rotation, so no line is lost.
    assert_eq!(lines.len(), 4 * LINES);
    assert!(lines.iter().all(|line| line.len() == 19 && line.ends_with("xxx")), "torn lines");
    for writer in 0..4 {
        let prefix = format!("{writer} ");
        assert_eq!(lines.iter().filter(|line| line.starts_with(&prefix)).count(), LINES);
    }
    // While one process rotates the file, the other continues to write to it.
    assert!(fs::metadata(rotated(&path)).unwrap().len() >= 20_000 - 20);
}

#[test]
fn the_threads_of_one_process_observe_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let file = LogFile::with_limit(alertdeck_platform::append_private(&path).unwrap(), &path, 5_000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..200).for_each(|n| file.write(&format!("{n:04} {}\n", "x".repeat(14))).unwrap());
            });
        }
    });
    for path in [path.clone(), rotated(&path)] {
        assert!((20..=5_000).contains(&fs::metadata(path).unwrap().len()));
    }
}

#[test]
fn the_log_continues_in_the_file_at_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let file = LogFile::open(&path).unwrap();
    file.write("one\n").unwrap();
    fs::rename(&path, folder.path().join("moved")).unwrap();
    file.write("two\n").unwrap();
    fs::remove_file(&path).unwrap();
    file.write("three\n").unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("moved")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn the_log_continues_once_a_removed_folder_is_back() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("state");
    fs::create_dir(&folder).unwrap();
    let settings = Settings { file: folder.join("a.log"), verbose: false };
    let dispatch = Dispatch::new(subscriber(&settings).unwrap());
    with_default(&dispatch, || {
        fs::remove_dir_all(&folder).unwrap();
        let before = lost();
        info!("lost");
        assert!(lost() > before);
        fs::create_dir(&folder).unwrap();
        info!("back");
    });
    let text = fs::read_to_string(&settings.file).unwrap();
    assert_eq!(text.lines().map(untimed).collect::<Vec<_>>(), ["INFO  tests back"]);
}

#[test]
fn a_missing_folder_is_an_error_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let settings = Settings { file: root.path().join("none/a.log"), verbose: false };
    let error = subscriber(&settings).err().unwrap().to_string();
    assert!(error.starts_with("logging is off: ") && error.contains("cannot be written"), "{error}");
    assert!(!root.path().join("none").exists());
}

#[cfg(unix)]
mod with_modes {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    #[test]
    fn both_files_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let file = LogFile::with_limit(alertdeck_platform::append_private(&path).unwrap(), &path, 20);
        for _ in 0..5 {
            file.write("0123456789\n").unwrap();
        }
        for path in [path.clone(), rotated(&path)] {
            assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn symbolic_links_are_refused_at_the_start_and_later() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("a.log"), folder.path().join("target"));
        fs::write(&target, "theirs").unwrap();
        let file = LogFile::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(&target, &path).unwrap();
        assert!(file.write("one\n").is_err());
        let error = subscriber(&Settings { file: path.clone(), verbose: false }).err().unwrap();
        assert_eq!(error, LogError::File(FileError::Link(path)));
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let full = Path::new("/dev/full");
        let file = fs::OpenOptions::new().append(true).open(full).unwrap();
        let file = LogFile::with_limit(file, full, file::MAX_BYTES);
        for _ in 0..3 {
            assert_eq!(file.write("one\n").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        }
        let error = subscriber(&Settings { file: full.to_owned(), verbose: false }).err().unwrap();
        assert_eq!(error, LogError::File(FileError::NotAFile(full.to_owned())));
    }
}

/// Logging is started for the entire process, and the default file depends on the environment, so
/// these tests run in a separate process.
#[cfg(all(unix, not(target_os = "macos")))]
mod in_a_process {
    use super::*;
    use std::{os::unix::fs::MetadataExt as _, process::Command};

    const MARK: &str = "ALERTDECK_TEST_LOG";

    #[test]
    #[ignore = "run by `the_default_log_is_private_and_started_once` in a separate process"]
    fn starts_twice() {
        if std::env::var_os(MARK).is_none() {
            return;
        }
        let settings = Settings { file: default_file().unwrap(), verbose: false };
        start(&settings).unwrap();
        info!("from here");
        std::thread::spawn(|| info!("from another thread")).join().unwrap();
        assert_eq!(start(&settings).unwrap_err(), LogError::Started);
        info!("still");
    }

    #[test]
    fn the_default_log_is_private_and_started_once() {
        let root = tempfile::tempdir().unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "log::tests::in_a_process::starts_twice", "--ignored"])
            .env("XDG_STATE_HOME", root.path())
            .env(MARK, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let folder = root.path().join("alertdeck");
        let path = folder.join("alertdeck.log");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(|line| untimed(line).trim_start_matches("INFO  ")).collect();
        assert!(lines[0].starts_with("log alertdeck "), "{text}");
        assert_eq!(text.matches(" started pid=").count(), 1, "{text}");
        let own: Vec<_> = lines.into_iter().filter(|line| line.starts_with("in_a_process ")).collect();
        assert_eq!(own, ["in_a_process from here", "in_a_process from another thread", "in_a_process still"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    }
}
