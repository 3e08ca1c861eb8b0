//! Several processes, killed processes, and limits of the system.
//!
//! The processes are this test program, started for one test that does what a variable says.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use alertdeck_cache::{CacheError, Coverage, Retention};

use super::support::{LIMIT, alert, covered, expected, now, numbered, open, open_with, read, updated};

const FOLDER: &str = "ALERTDECK_TEST_CACHE";

/// The number of alerts in a batch of the process.
const BATCH: usize = 40;

/// Is a process that writes until it is killed. Does nothing if it runs as a test.
#[test]
fn process_that_writes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (cache, failure) = open_with(Path::new(&folder), "ana", Retention::default()).unwrap();
    let first = read(cache.reader).len() / BATCH;
    let mut out = std::io::stdout();
    writeln!(out, "\nopened {first}").unwrap();
    for batch in first.. {
        cache.writer.add(numbered(batch * BATCH..(batch + 1) * BATCH), None, now());
        cache.writer.save(Some(covered()), now());
        if batch % 7 == 6 {
            cache.writer.maintain(now());
        }
        cache.writer.flush(LIMIT);
        if let Some(error) = failure.lock().unwrap().take() {
            writeln!(out, "failed {error}").unwrap();
            return;
        }
        writeln!(out, "written {}", batch + 1).unwrap();
        out.flush().unwrap();
    }
}

/// Starts a process that writes, with a limit on the size of files in blocks of 512 bytes.
fn start(folder: &Path, limit: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        // A process that exceeds the limit would get a signal instead of an error.
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f $1 && exec \"$0\" --exact processes::process_that_writes --nocapture",
        ])
        .arg(program)
        .arg(limit)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns the last number of the process's lines up to the one that passes the test.
fn wait_for(child: &mut Child, mut is_it: impl FnMut(&str) -> bool) -> Option<usize> {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
    let mut last = None;
    for line in lines {
        let number = line.strip_prefix("written ").or_else(|| line.strip_prefix("opened "));
        last = number.and_then(|number| number.parse().ok()).or(last);
        if is_it(&line) {
            return last;
        }
    }
    last
}

fn alerts(batches: usize) -> std::collections::BTreeMap<String, String> {
    expected((0..batches * BATCH).map(|number| alert(number, "first")))
}

#[cfg(unix)]
#[test]
fn a_killed_process_loses_at_most_what_it_was_writing() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for round in 0..15 {
        let mut child = start(folder.path(), "unlimited");
        let mut lines = 0;
        let confirmed = wait_for(&mut child, |line| {
            lines += usize::from(line.starts_with("written "));
            lines > round % 4
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let confirmed = confirmed.unwrap();
        assert!(confirmed >= written, "{round}");
        let cache = open(folder.path());
        assert_eq!((cache.notice, cache.state.coverage), (None, Some(covered())), "{round}");
        let found = read(cache.reader);
        written = found.len() / BATCH;
        // Each batch is written completely or not at all.
        assert!(written >= confirmed && found == alerts(written), "{round}: {written} of {confirmed}");
    }
    assert!(written > 15, "{written}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_once_and_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "600");
    let mut failed = None;
    let written = wait_for(&mut child, |line| {
        failed = line.strip_prefix("failed ").map(str::to_owned).or(failed.take());
        failed.is_some()
    });
    child.wait().unwrap();
    assert_eq!(failed, Some(CacheError::Full.to_string()));
    let written = written.unwrap();
    let cache = open(folder.path());
    assert!(written > 0 && cache.notice.is_none());
    assert_eq!(read(cache.reader), alerts(written));
}

#[cfg(unix)]
#[test]
fn a_disk_without_any_space_has_no_cache() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "0");
    // The process ends with an error of the test, since it does not go on without a cache.
    assert_eq!(wait_for(&mut child, |_| false), None);
    child.wait().unwrap();
    // There is space again.
    assert!(read(open(folder.path()).reader).is_empty());
}

#[test]
fn two_consoles_write_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (path, later) = (folder.path(), Coverage { watermark: now(), ..covered() });
    thread::scope(|scope| {
        for console in 0..2 {
            scope.spawn(move || {
                let (cache, failure) = open_with(path, "ana", Retention::default()).unwrap();
                drop(cache.reader);
                for batch in 0..60 {
                    // Both get the same alerts, and one of them a later state.
                    let number = batch * 10;
                    cache.writer.add(numbered(number..number + 10), None, now());
                    if console == 1 {
                        cache.writer.add(
                            super::support::encoded(&[updated(number, "later", 30)]),
                            None,
                            now(),
                        );
                    }
                    cache.writer.save(Some(later), now());
                    if batch % 20 == 10 {
                        cache.writer.maintain(now());
                    }
                    cache.writer.flush(LIMIT);
                }
                assert_eq!(*failure.lock().unwrap(), None);
            });
        }
    });
    let cache = open(path);
    cache.writer.maintain(now());
    cache.writer.flush(LIMIT);
    let state = |number: usize| match number % 10 {
        0 => updated(number, "later", 30),
        _ => alert(number, "first"),
    };
    let cache = open(path);
    assert_eq!(cache.state.coverage, Some(later));
    assert_eq!(read(cache.reader), expected((0..600).map(state)));
}
