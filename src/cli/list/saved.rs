//! Loads a list's alerts from files, keeping only the alerts that match or, with a limit, the
//! newest of them.
//!
//! Files may contain several states of the same alert, and only the latest one counts. A few bytes
//! are therefore kept for each alert that does not match, so that its latest state can replace an
//! earlier state that matches.

use std::{
    collections::HashMap,
    mem::take,
    sync::atomic::{AtomicI64, Ordering},
};

use super::load::Loaded;
use crate::{
    cli::Failure,
    files::{Part, Paths, Saved, for_each_part},
};
use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_query::{Matcher, Outline, Predicate};
use alertdeck_store::{Batch, FeedId, Row, RowSet, Sort, Store, StoredReader, Version};

const FEED: FeedId = FeedId::new(0);
/// The number of alerts per batch.
const BATCH: usize = 1_000;
/// The default for [`Reader::spare`], large enough to make sorting rare.
const SPARE: usize = 4_096;

/// Reads the alerts that match, or the newest `limit` of them. Fails if nothing could be read.
pub(super) fn load(paths: &Paths, filter: &Predicate, limit: Option<usize>) -> Result<Loaded, Failure> {
    load_with(paths, filter, limit, SPARE)
}

fn load_with(
    paths: &Paths,
    filter: &Predicate,
    limit: Option<usize>,
    spare: usize,
) -> Result<Loaded, Failure> {
    let screen = Screen::new(filter, limit);
    let mut reader = Reader { limit, spare, ..Reader::default() };
    reader.read(paths, &screen);
    if reader.is_short() && paths.are_rereadable() {
        // Some alerts were dropped in favour of others that were later replaced. Read the files
        // again: this cannot recur, since each alert's latest state is now known.
        reader = Reader { limit, spare, last: reader.last, is_known: true, ..Reader::default() };
        screen.oldest.store(i64::MIN, Ordering::Relaxed);
        reader.read(paths, &screen);
    }
    reader.finish()
}

/// Decides which alerts in a part are kept. Shared by the threads that read parts.
struct Screen<'a> {
    filter: &'a Predicate,
    outline: Outline,
    /// Whether all alerts are kept.
    keeps_all: bool,
    /// The creation time, in ticks, before which an alert cannot be among the newest.
    oldest: AtomicI64,
}

/// The result of screening a part.
#[derive(Default)]
struct Screened {
    /// The errors and notes from reading the part.
    saved: Saved,
    /// The version of each alert, and whether the alert is kept.
    versions: Vec<(Version, bool)>,
    /// The alerts that are kept.
    batches: Vec<Batch>,
    is_any: bool,
    /// Whether alerts were dropped because of their age.
    drops: bool,
    unreadable: usize,
    odd_dates: usize,
}

impl<'a> Screen<'a> {
    fn new(filter: &'a Predicate, limit: Option<usize>) -> Self {
        let (outline, oldest) = (Outline::new(filter), AtomicI64::new(i64::MIN));
        Self { filter, keeps_all: limit.is_none() && filter.is_always(), outline, oldest }
    }

    fn read(&self, part: Part) -> Screened {
        let names = if self.keeps_all { &[] } else { Outline::PROPERTIES };
        let (mut saved, outlines) = part.read_with_outlines(names);
        let alerts = take(&mut saved.alerts);
        let mut screened = Screened { saved, is_any: !alerts.is_empty(), ..Screened::default() };
        if self.keeps_all {
            screened.batches = alerts.chunks(BATCH).map(Batch::decode).collect();
            return screened;
        }
        for (alerts, outlines) in alerts.chunks(BATCH).zip(outlines.chunks(BATCH)) {
            self.screen(alerts, outlines, &mut screened);
        }
        screened
    }

    fn screen(&self, alerts: &[RawAlert], outlines: &[RawAlert], screened: &mut Screened) {
        let batch = Batch::decode(outlines);
        let versions: Vec<_> = batch.versions().collect();
        let mut page = Store::default();
        let rows = page.absorb(FEED, batch).seen;
        let matching = Matcher::new(&self.outline.predicate).rows(&page);
        screened.unreadable += rows.iter().filter(|row| !page.is_readable(**row)).count();
        screened.odd_dates += rows.iter().filter(|row| page.has_odd_date(**row)).count();
        let oldest = self.oldest.load(Ordering::Relaxed);
        let is_old = |version: &Version| version.created.map_or(i64::MIN, Timestamp::ticks) < oldest;
        let mut kept: Vec<_> = rows.iter().map(|row| matching.contains(*row)).collect();
        for (is_kept, version) in kept.iter_mut().zip(&versions).filter(|(is_kept, _)| **is_kept) {
            *is_kept = !is_old(version);
            screened.drops |= !*is_kept;
        }
        let select = |kept: &[bool]| -> Vec<&RawAlert> {
            alerts.iter().zip(kept).filter(|(_, is_kept)| **is_kept).map(|(alert, _)| alert).collect()
        };
        let mut selected = select(&kept);
        if !self.outline.is_exact && !selected.is_empty() {
            let mut page = Store::default();
            let rows = page.absorb(FEED, Batch::decode(selected)).seen;
            let matching = Matcher::new(self.filter).rows(&page);
            let maybe = kept.iter_mut().filter(|is_kept| **is_kept);
            maybe.zip(rows).for_each(|(is_kept, row)| *is_kept = matching.contains(row));
            selected = select(&kept);
        }
        if !selected.is_empty() {
            screened.batches.push(Batch::decode(selected));
        }
        screened.versions.extend(versions.into_iter().zip(kept));
    }
}

/// Identifies an alert in the same way as the store: by its ID and the second in which it was
/// created.
type Key = (u64, Option<i64>);

/// An alert's latest state.
#[derive(Clone, Copy, Debug)]
struct Last {
    updated: Option<Timestamp>,
    /// The number of alerts that were read before this state.
    place: u64,
}

/// Collects the alerts that are kept.
#[derive(Default)]
struct Reader {
    limit: Option<usize>,
    /// The number of alerts beyond the limit that are kept before the oldest are dropped.
    spare: usize,
    store: Store,
    /// For each row of the store, the alert's key and the place of the stored state (see
    /// [`Last`]). Empty if all alerts are kept.
    rows: Vec<(Key, u64)>,
    last: HashMap<Key, Last>,
    /// Whether `last` is already complete, because the files have been read once.
    is_known: bool,
    /// The number of alerts read.
    read: u64,
    /// The errors and notes.
    saved: Saved,
    is_any: bool,
    /// Whether alerts were dropped because of their age.
    drops: bool,
    /// The latest cut-off for dropping alerts, which is the creation time of the oldest alert kept,
    /// and whether the newest dropped alert was created at exactly that time.
    dropped: Option<(Option<Timestamp>, bool)>,
    /// Whether a later state has replaced an alert that was kept.
    is_replaced: bool,
    unreadable: usize,
    odd_dates: usize,
}

impl Reader {
    fn read(&mut self, paths: &Paths, screen: &Screen<'_>) {
        for_each_part(
            paths.open(),
            |part| screen.read(part),
            |screened| {
                self.add(screened);
                let limit = self.limit.unwrap_or(usize::MAX);
                if self.store.len() > limit.saturating_add(limit.max(self.spare)) {
                    let oldest = self.drop_oldest(limit);
                    screen.oldest.store(oldest.map_or(i64::MIN, Timestamp::ticks), Ordering::Relaxed);
                }
            },
        );
    }

    fn add(&mut self, screened: Screened) {
        self.saved.extend(screened.saved);
        self.is_any |= screened.is_any;
        self.drops |= screened.drops;
        self.unreadable += screened.unreadable;
        self.odd_dates += screened.odd_dates;
        let mut kept = Vec::new();
        for (version, is_kept) in screened.versions {
            let key = (version.id, version.created.map(Timestamp::seconds));
            let place = self.read;
            self.read += 1;
            if !self.is_known {
                let last = self.last.entry(key).or_insert(Last { updated: None, place });
                if version.updated >= last.updated {
                    *last = Last { updated: version.updated, place };
                }
            }
            if is_kept {
                kept.push((key, place));
            }
        }
        let mut kept = kept.into_iter();
        for batch in screened.batches {
            for (row, (key, place)) in self.store.absorb(FEED, batch).seen.into_iter().zip(&mut kept) {
                // An older state does not change the store.
                match self.rows.get_mut(row.index()) {
                    Some(known) if self.last.get(&key).is_some_and(|last| last.place == place) => {
                        *known = (key, place);
                    }
                    Some(_) => {}
                    None => self.rows.push((key, place)),
                }
            }
        }
    }

    /// Returns whether a row contains its alert's latest state.
    fn is_last(&self, row: Row) -> bool {
        let Some((key, place)) = self.rows.get(row.index()) else { return true };
        self.last.get(key).is_none_or(|last| last.place == *place)
    }

    /// Drops all but the newest alerts. Returns the creation time of the oldest alert kept.
    fn drop_oldest(&mut self, limit: usize) -> Option<Timestamp> {
        let mut rows: Vec<_> = self.store.rows().iter().filter(|row| self.is_last(*row)).collect();
        self.is_replaced |= rows.len() < self.store.len();
        rows.sort_unstable_by(|a, b| self.store.compare(Sort::default(), *a, *b));
        self.drops |= rows.len() > limit;
        let created = |row: &Row| self.store.facts(*row).created();
        let oldest = rows.get(limit.wrapping_sub(1)).and_then(created);
        if let Some(next) = rows.get(limit) {
            self.dropped = self.dropped.max(Some((oldest, created(next) == oldest)));
        }
        rows.truncate(limit);
        rows.sort_unstable();
        let mut reader = StoredReader::default();
        let alerts: Vec<_> = rows.iter().map(|row| reader.read(&self.store.stored(*row))).collect();
        self.rows = rows.iter().filter_map(|row| self.rows.get(row.index()).copied()).collect();
        self.store = Store::default();
        self.store.decode(FEED, alerts);
        oldest
    }

    /// Returns `true` if alerts may be missing because some were dropped in favour of newer alerts
    /// that were themselves replaced later.
    fn is_short(&self) -> bool {
        let last = self.store.rows().iter().filter(|row| self.is_last(*row));
        let (mut count, mut safe) = (0, 0);
        for row in last {
            let created = self.store.facts(row).created();
            count += 1;
            // Every dropped alert sorts after an alert that is counted here.
            safe += usize::from(
                self.dropped.is_none_or(|(oldest, is_tie)| created > oldest || created == oldest && !is_tie),
            );
        }
        let is_replaced = self.is_replaced || count < self.store.len();
        self.drops && is_replaced && !self.is_known && self.limit.is_some_and(|limit| safe < limit)
    }

    fn finish(self) -> Result<Loaded, Failure> {
        Failure::if_nothing(&self.saved, self.is_any)?;
        let mut errors = self.saved.errors();
        if self.is_short() {
            errors.add(
                "alerts were replaced by later states after older ones had been dropped for --limit; \
                 save the input to a file first"
                    .to_owned(),
            );
        }
        let outcome = Failure::if_errors(&errors);
        if self.read == 0 {
            return Ok(Loaded::new(self.store, outcome));
        }
        let superseded: RowSet = self.store.rows().iter().filter(|row| !self.is_last(*row)).collect();
        let (unreadable, odd_dates) = (self.unreadable, self.odd_dates);
        Ok(Loaded { store: self.store, superseded, unreadable, odd_dates, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_query::{Context, compile};
    use proptest::prelude::*;
    use rstest::rstest;
    use std::fs;

    /// Writes one file for each list of alert states.
    fn folder(files: &[Vec<String>]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (at, alerts) in files.iter().enumerate() {
            fs::write(folder.path().join(format!("{at}.ndjson")), alerts.join("\n")).unwrap();
        }
        folder
    }

    fn alert(id: u8, status: &str, updated: u8) -> String {
        let minute = id / 2;
        format!(
            "{{\"id\":\"{id}\",\"title\":\"{status}\",\"status\":\"{status}\",\"severity\":\"high\",\
             \"createdDateTime\":\"2026-01-02T00:{minute:02}:00Z\",\"lastUpdateDateTime\":\"2026-01-03T00:{updated:02}:00Z\"}}"
        )
    }

    fn filter(text: &str) -> Predicate {
        compile(text, &Context::at(Timestamp::MIN)).unwrap().test
    }

    /// Returns the listed alerts, as received.
    fn listed(store: &Store, filter: &Predicate, superseded: &RowSet, limit: usize) -> Vec<RawAlert> {
        let mut rows = Matcher::new(filter).rows(store);
        rows.subtract(superseded);
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_unstable_by(|a, b| store.compare(Sort::default(), *a, *b));
        rows.iter().take(limit).map(|row| store.stored(*row).read()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_list_is_that_of_a_store_with_everything(
            files in prop::collection::vec(prop::collection::vec((0_u8..40, any::<bool>(), 0_u8..6), 0..30), 1..5),
            limit in prop::option::of(0_usize..8),
            spare in 0_usize..6,
            text in prop::sample::select(vec!["status:new", "-status:new", "title:new", "new -resolved", ""]),
        ) {
            let state = |(id, is_new, updated): &(u8, bool, u8)| alert(*id, if *is_new { "new" } else { "resolved" }, *updated);
            let files: Vec<Vec<String>> = files.iter().map(|states| states.iter().map(state).collect()).collect();
            let (folder, filter) = (folder(&files), filter(text));
            let loaded = load_with(&Paths::new(&[folder.path().to_owned()]), &filter, limit, spare);
            let all: Vec<_> = files.iter().flatten().map(|text| RawAlert(text.clone().into())).collect();
            let Ok(loaded) = loaded else {
                prop_assert!(all.is_empty());
                return Ok(());
            };
            let mut store = Store::default();
            store.decode(FEED, all);
            let limit = limit.unwrap_or(usize::MAX);
            prop_assert_eq!(
                listed(&loaded.store, &filter, &loaded.superseded, limit),
                listed(&store, &filter, &RowSet::default(), limit)
            );
            prop_assert!(loaded.outcome.is_ok() || files.iter().any(Vec::is_empty));
        }
    }

    #[rstest]
    #[case("status:new", 3)]
    #[case("title:new", 3)]
    #[case("", 3)]
    fn only_as_many_as_the_limit_and_its_spare_are_kept(#[case] text: &str, #[case] limit: usize) {
        let files: Vec<_> = (0..40).map(|id| vec![alert(id, "new", 0), alert(id, "new", 1)]).collect();
        let folder = folder(&files);
        let paths = Paths::new(&[folder.path().to_owned()]);
        let loaded = load_with(&paths, &filter(text), Some(limit), 2).unwrap();
        assert!(loaded.store.len() <= 2 * limit + 1, "{} alerts are kept", loaded.store.len());
    }

    #[test]
    fn what_does_not_match_is_counted_but_not_kept() {
        let odd = r#"{"id":"o","title":"o","status":"resolved","severity":"low","createdDateTime":"noon"}"#;
        let deep = format!(
            r#"{{"id":"d","title":"d","status":"new","severity":"low","x":{}{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        let folder = folder(&[vec![odd.to_owned(), deep, alert(1, "resolved", 0), alert(2, "new", 0)]]);
        let loaded = load(&Paths::new(&[folder.path().to_owned()]), &filter("status:new"), None).unwrap();
        assert_eq!((loaded.store.len(), loaded.unreadable, loaded.odd_dates), (1, 1, 1));
    }
}
