//! What is kept, and for how long.

use alertdeck_cache::{Coverage, Retention};
use alertdeck_model::Timestamp;

use super::support::{
    LIMIT, alert, at, covered, encoded, expected, file, now, numbered, open, open_with, read, updated,
};

/// Runs maintenance, then returns what is left.
fn maintained(folder: &std::path::Path, retention: Retention) -> alertdeck_cache::Opened {
    let (cache, failure) = open_with(folder, "ana", retention).unwrap();
    drop(cache.reader);
    cache.writer.maintain(now());
    cache.writer.flush(LIMIT);
    assert_eq!(*failure.lock().unwrap(), None);
    open(folder)
}

#[test]
fn replaced_states_are_removed_once_they_are_most_of_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    cache.writer.add(numbered(0..100), None, now());
    let state = |number: usize| updated(number, "second", 30);
    cache.writer.add(encoded(&(0..40).map(state).collect::<Vec<_>>()), None, now());
    cache.writer.flush(LIMIT);
    assert_eq!(maintained(folder.path(), Retention::default()).state.alerts, 140);
    cache.writer.add(encoded(&(40..80).map(state).collect::<Vec<_>>()), None, now());
    cache.writer.flush(LIMIT);
    let left = maintained(folder.path(), Retention::default());
    assert_eq!(left.state.alerts, 100);
    let states = (0..80).map(state).chain((80..100).map(|number| alert(number, "first")));
    assert_eq!(read(left.reader), expected(states));
}

#[test]
fn of_equal_states_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    // As two consoles write that run at the same time.
    for _ in 0..3 {
        cache.writer.add(numbered(0..10), None, now());
    }
    cache.writer.flush(LIMIT);
    let left = maintained(folder.path(), Retention::default());
    assert_eq!((left.state.alerts, read(left.reader).len()), (10, 10));
}

#[test]
fn many_small_batches_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    for number in 0..200 {
        cache.writer.add(numbered(number..number + 1), None, now());
    }
    cache.writer.flush(LIMIT);
    let mut left = maintained(folder.path(), Retention::default());
    let mut batches = Vec::new();
    while let Some(batch) = left.reader.next_batch().unwrap() {
        batches.push(batch.len());
    }
    assert_eq!(batches.iter().sum::<usize>(), 200);
    assert!(batches.len() < 5 && batches.iter().all(|len| *len <= 128), "{batches:?}");
    assert_eq!(read(open(folder.path()).reader), expected((0..200).map(|number| alert(number, "first"))));
}

#[test]
fn old_alerts_are_removed_and_no_longer_covered() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    // Two alerts of each of ten days, and one without a time.
    let numbers: Vec<_> = (0..20).map(|number| number * 720).collect();
    let mut alerts: Vec<_> = numbers.iter().map(|number| alert(*number, "first")).collect();
    alerts.push(r#"{"id":"timeless","title":"no time"}"#.into());
    cache.writer.add(encoded(&alerts), None, now());
    cache.writer.save(Some(Coverage { since: None, ..covered() }), now());
    cache.writer.flush(LIMIT);
    let retention = Retention { days: 13, ..Retention::default() };
    let left = maintained(folder.path(), retention);
    let cutoff = at("2026-11-07T12:00:00Z");
    assert_eq!(left.state.coverage.unwrap().since, Some(cutoff));
    let kept = read(left.reader);
    let is_kept = |number: usize| kept.contains_key(&format!("alert-{number}"));
    let created =
        |number: usize| at("2026-11-01T00:00:00Z").after(std::time::Duration::from_secs(number as u64 * 60));
    for number in numbers {
        assert_eq!(is_kept(number), created(number) >= cutoff, "{number}");
    }
    assert!(kept.contains_key("timeless"));
    // A console that runs at the same time does not know that they are gone.
    cache.writer.save(Some(covered()), now());
    cache.writer.flush(LIMIT);
    assert_eq!(open(folder.path()).state.coverage.unwrap().since, Some(cutoff));
}

#[test]
fn a_file_that_is_too_large_loses_its_oldest_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    for start in 0..60 {
        // Text that cannot be compressed.
        let noise = |number: usize| {
            let mut seed = number as u64 + 1;
            let letter = |_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'a' + (seed >> 60) as u8)
            };
            alert(number, &(0..2_000).map(letter).collect::<String>())
        };
        cache.writer.add(
            encoded(&(start * 20..(start + 1) * 20).map(noise).collect::<Vec<_>>()),
            None,
            now(),
        );
    }
    cache.writer.save(Some(Coverage { since: None, ..covered() }), now());
    cache.writer.flush(LIMIT);
    drop(cache);
    let limit = 1_000_000;
    let left = maintained(folder.path(), Retention { bytes: limit, ..Retention::default() });
    let size = std::fs::metadata(file(folder.path(), "db").unwrap()).unwrap().len();
    assert!(size <= limit, "{size} bytes");
    let since = left.state.coverage.unwrap().since.unwrap();
    let created =
        |number: usize| Timestamp::from_seconds(at("2026-11-01T00:00:00Z").seconds() + number as i64 * 60);
    let kept = read(left.reader);
    assert!((100..1_100).contains(&kept.len()), "{} alerts", kept.len());
    // Everything from that time on is still there.
    for number in (0..1_200).filter(|number| created(*number) >= since) {
        assert!(kept.contains_key(&format!("alert-{number}")), "{number}");
    }
}
