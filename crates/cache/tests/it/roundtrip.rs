//! What is written is read again, per account.

use alertdeck_cache::{Coverage, Folder, Retention, State};

use super::support::{
    LIMIT, account, alert, covered, encoded, expected, file, now, numbered, open, open_with, read, updated,
};

#[test]
fn alerts_and_coverage_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert_eq!(first.state, State::default());
    assert!(read(first.reader).is_empty() && first.notice.is_none());
    first.writer.add(numbered(0..300), None, now());
    first.writer.add(numbered(300..310), None, now());
    first.writer.save(Some(covered()), now());
    first.writer.flush(LIMIT);
    let again = open(folder.path());
    let state = State { alerts: 310, saved_at: Some(now()), coverage: Some(covered()) };
    assert_eq!((again.state, again.notice), (state, None));
    assert_eq!(read(again.reader), expected((0..310).map(|number| alert(number, "first"))));
}

#[test]
fn a_closed_cache_is_a_single_file_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    drop(cache.reader);
    cache.writer.add(numbered(0..30), None, now());
    cache.writer.save(Some(covered()), now());
    cache.writer.close(LIMIT);
    assert_eq!((file(folder.path(), "db-wal"), file(folder.path(), "db-shm")), (None, None));
    let again = open(folder.path());
    assert_eq!((again.state.coverage, read(again.reader).len()), (Some(covered()), 30));
}

#[test]
fn newest_alerts_are_read_first() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    for range in [100..110, 300..310, 0..10, 200..210] {
        cache.writer.add(numbered(range), None, now());
    }
    cache.writer.flush(LIMIT);
    let mut reader = open(folder.path()).reader;
    let mut order = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        order.push(batch.encode().unwrap().alerts[0].created.unwrap());
    }
    assert!(order.len() == 4 && order.is_sorted_by(|a, b| a > b), "{order:?}");
}

#[test]
fn only_the_chosen_alerts_of_a_batch_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    cache.writer.add(numbered(0..100), Some(vec![7, 42]), now());
    cache.writer.flush(LIMIT);
    let again = open(folder.path());
    assert_eq!(again.state.alerts, 2);
    assert_eq!(read(again.reader), expected([alert(7, "first"), alert(42, "first")]));
}

#[test]
fn the_newest_state_is_read_whatever_the_order() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        let states = [alert(1, "first"), updated(1, "second", 10), updated(1, "third", 20)];
        for state in order {
            cache.writer.add(encoded(&states[state..=state]), None, now());
        }
        cache.writer.flush(LIMIT);
        assert_eq!(read(open(folder.path()).reader), expected([states[2].clone()]), "{order:?}");
    }
}

#[test]
fn coverage_can_be_withdrawn_and_may_be_everything() {
    let folder = tempfile::tempdir().unwrap();
    for coverage in [Some(Coverage { since: None, ..covered() }), None, Some(covered())] {
        let cache = open(folder.path());
        cache.writer.save(coverage, now());
        cache.writer.flush(LIMIT);
        assert_eq!(open(folder.path()).state.coverage, coverage);
    }
}

#[test]
fn another_account_sees_nothing_and_clearing_removes_one() {
    let folder = tempfile::tempdir().unwrap();
    for user in ["ana", "bo"] {
        let (cache, _) = open_with(folder.path(), user, Retention::default()).unwrap();
        assert!(read(cache.reader).is_empty());
        cache.writer.add(numbered(0..5), None, now());
        cache.writer.save(Some(covered()), now());
        cache.writer.flush(LIMIT);
    }
    let caches = Folder::new(folder.path().join("cache"));
    let stats = caches.stat().unwrap();
    let mut names: Vec<_> = stats.iter().map(|stat| stat.account.as_deref().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ana@contoso.example", "bo@contoso.example"]);
    for stat in &stats {
        assert_eq!(stat.service.as_deref(), Some("https://graph.example/v1.0/"));
        assert_eq!((stat.alerts, stat.saved_at, stat.coverage), (5, Some(now()), Some(covered())));
        assert!(stat.bytes > 1_000 && stat.path.exists());
    }
    assert!(caches.clear(&account("ana")).unwrap());
    assert!(!caches.clear(&account("ana")).unwrap());
    assert_eq!(caches.stat().unwrap().len(), 1);
    std::fs::write(folder.path().join("cache/notes.txt"), "mine").unwrap();
    assert!(caches.clear_all().unwrap() && !caches.clear_all().unwrap());
    let left: Vec<_> = std::fs::read_dir(caches.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"]);
}

#[test]
fn a_cleared_cache_stays_cleared_while_the_console_runs() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    cache.writer.add(numbered(0..5), None, now());
    cache.writer.clear().unwrap();
    cache.writer.add(numbered(5..10), None, now());
    cache.writer.save(Some(covered()), now());
    cache.writer.flush(LIMIT);
    assert_eq!(file(folder.path(), "db"), None);
    let again = open(folder.path());
    assert_eq!(again.state, State::default());
    // Another process clears the cache while this one has it open.
    again.writer.add(numbered(0..5), None, now());
    again.writer.flush(LIMIT);
    Folder::new(folder.path().join("cache")).clear_all().unwrap();
    let fresh = open(folder.path());
    again.writer.add(numbered(5..10), None, now());
    again.writer.save(Some(covered()), now());
    again.writer.flush(LIMIT);
    fresh.writer.add(numbered(20..21), None, now());
    fresh.writer.flush(LIMIT);
    drop(again);
    let last = open(folder.path());
    assert_eq!(last.state.coverage, None);
    assert_eq!(read(last.reader), expected([alert(20, "first")]));
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    cache.writer.add(numbered(0..5), None, now());
    cache.writer.flush(LIMIT);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("cache")), 0o700);
    for extension in ["db", "db-wal", "db-shm"] {
        assert_eq!(mode(&file(folder.path(), extension).unwrap()), 0o600, "{extension}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = file(folder.path(), "db").unwrap();
    let target = folder.path().join("target");
    std::fs::rename(&path, &target).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    let error = open_with(folder.path(), "ana", Retention::default()).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
}
