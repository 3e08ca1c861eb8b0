//! Damaged, foreign and unwritable files never stop a start.

use std::{fs, path::Path};

use alertdeck_cache::{CacheError, Retention, State};
use rstest::rstest;

use super::support::{
    LIMIT, account, alert, checkpoint, contents, covered, expected, file, now, numbered, open, open_with,
    read,
};
use alertdeck_store::{FeedId, Store};

/// Creates a cache with some batches, all in its main file.
fn filled(folder: &Path) {
    let cache = open(folder);
    for start in 0..4 {
        cache.writer.add(numbered(start * 50..(start + 1) * 50), None, now());
    }
    cache.writer.save(Some(covered()), now());
    cache.writer.flush(LIMIT);
    drop(cache);
    checkpoint(folder);
}

#[rstest]
#[case::empty(b"")]
#[case::garbage(b"this is not a database, whatever its name says; it is even longer than a header of one")]
#[case::a_header_only(b"SQLite format 3\0")]
fn a_file_that_is_no_database_is_replaced(#[case] content: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let path = file(folder.path(), "db").unwrap();
    fs::write(&path, content).unwrap();
    let cache = open(folder.path());
    assert_eq!(cache.state, State::default());
    // An empty file is what a process leaves that was killed while it created the cache.
    assert_eq!(cache.notice.is_some(), !content.is_empty());
    if let Some(damaged) = file(folder.path(), "damaged") {
        assert_eq!(fs::read(damaged).unwrap(), content);
    }
    cache.writer.add(numbered(0..3), None, now());
    cache.writer.flush(LIMIT);
    assert_eq!(read(open(folder.path()).reader).len(), 3);
}

#[test]
fn a_cut_file_never_stops_a_start() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let path = file(folder.path(), "db").unwrap();
    let whole = fs::read(&path).unwrap();
    for length in (1..whole.len()).step_by(whole.len() / 40) {
        survive(&path, &whole[..length], &format!("cut at {length}"));
    }
}

#[test]
fn a_flipped_bit_never_stops_a_start_and_shows_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let path = file(folder.path(), "db").unwrap();
    let whole = fs::read(&path).unwrap();
    // The header and the tops of pages byte by byte, since they hold SQLite's own data.
    let ends = (0..whole.len()).step_by(16 * 1024).flat_map(|page| (page..page + 40).step_by(7));
    let positions = (0..120).step_by(3).chain(ends).chain((120..whole.len()).step_by(whole.len() / 60));
    let mut survived = 0;
    for position in positions {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 8);
        survived += usize::from(survive(&path, &damaged, &format!("bit flipped in byte {position}")));
    }
    assert!(survived > 30, "{survived} runs kept most alerts");
}

/// Opens a cache whose file, named like `path`, has this content, reads it, adds to it and maintains it,
/// as the console does. Returns whether most of its alerts were there.
fn survive(path: &Path, content: &[u8], what: &str) -> bool {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    fs::create_dir(folder.join("cache")).unwrap();
    fs::write(folder.join("cache").join(path.file_name().unwrap()), content).unwrap();
    let (cache, failure) = match open_with(folder, "ana", Retention::default()) {
        Ok(opened) => opened,
        // The program goes on without a cache, and so does the next start.
        Err(error) => {
            assert!(matches!(error, CacheError::Other(_)), "{what}: {error}");
            return false;
        }
    };
    let (mut reader, mut store) = (cache.reader, Store::default());
    while let Ok(Some(batch)) = reader.next_batch() {
        store.absorb(FeedId::default(), batch);
    }
    let whole = expected((0..200).map(|number| alert(number, "first")));
    for (id, json) in contents(&store) {
        assert_eq!(json, whole[&id], "{what}");
    }
    let damaged = reader.damaged().to_vec();
    drop(reader);
    if !damaged.is_empty() {
        cache.writer.discard(damaged);
    }
    cache.writer.maintain(now());
    cache.writer.flush(LIMIT);
    cache.writer.add(numbered(900..901), None, now());
    cache.writer.flush(LIMIT);
    drop(cache.writer);
    // The next start has either the new alert, or a new file because this one was set aside.
    let failed = failure.lock().unwrap().is_some();
    let next = open(folder);
    let contents = read(next.reader);
    assert!(failed || contents.contains_key("alert-900"), "{what}");
    store.len() >= 150
}

#[test]
fn alerts_of_a_damaged_batch_are_no_longer_covered() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let database = rusqlite::Connection::open(file(folder.path(), "db").unwrap()).unwrap();
    database.execute("UPDATE batch SET data = zeroblob(length(data)) WHERE id = 2", []).unwrap();
    let cache = open(folder.path());
    let mut reader = cache.reader;
    let mut batches = 0;
    while reader.next_batch().unwrap().is_some() {
        batches += 1;
    }
    assert_eq!((batches, reader.damaged()), (3, &[2][..]));
    cache.writer.discard(reader.damaged().to_vec());
    cache.writer.flush(LIMIT);
    let again = open(folder.path());
    assert_eq!((again.state.coverage, again.state.alerts), (None, 150));
    assert_eq!(read(again.reader).len(), 150);
}

#[rstest]
#[case("PRAGMA user_version = 99999")]
#[case("PRAGMA application_id = 1")]
#[case("UPDATE state SET value = 'someone else' WHERE name = 'account'")]
#[case("DROP TABLE batch")]
#[case("UPDATE state SET value = 'yesterday' WHERE name = 'watermark'")]
fn a_file_with_other_content_is_set_aside(#[case] change: &str) {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    rusqlite::Connection::open(file(folder.path(), "db").unwrap()).unwrap().execute_batch(change).unwrap();
    let cache = open(folder.path());
    assert_eq!(cache.state, State::default());
    let notice = cache.notice.unwrap();
    let damaged = file(folder.path(), "damaged").unwrap();
    assert!(notice.contains(damaged.file_name().unwrap().to_str().unwrap()), "{notice}");
}

#[test]
fn files_of_older_versions_are_removed_and_those_of_newer_ones_kept() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let path = file(folder.path(), "db").unwrap();
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let (hash, version) = stem.split_once('-').unwrap();
    let version: i32 = version.parse().unwrap();
    let [older, newer] =
        [version - 1, version + 1].map(|version| path.with_file_name(format!("{hash}-{version}.db")));
    fs::write(&older, "older").unwrap();
    fs::write(&newer, "newer").unwrap();
    let cache = open(folder.path());
    assert_eq!(cache.state.alerts, 200);
    assert!(!older.exists() && fs::read(&newer).unwrap() == b"newer");
    let caches = alertdeck_cache::Folder::new(folder.path().join("cache"));
    assert_eq!(caches.stat().unwrap().iter().filter(|stat| stat.account.is_none()).count(), 1);
    drop(cache);
    assert!(caches.clear(&account("ana")).unwrap());
    assert!(!path.exists() && !newer.exists());
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cache"), "a file").unwrap();
    let error = open_with(folder.path(), "ana", Retention::default()).unwrap_err();
    assert!(matches!(error, CacheError::File(_)), "{error}");
}
