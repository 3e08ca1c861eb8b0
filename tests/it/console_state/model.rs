//! Compares the list with a naive reference over random changes: arrivals, updates, re-arrivals,
//! account changes, filters, sort orders, tenants turned on and off, cursor moves and marks.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use alertdeck::app::{CacheEvent, FeedEvent, Identity, JobEvent, JobId, LoadEvent, Message};
use alertdeck_cache::Retention;
use alertdeck_model::Timestamp;
use alertdeck_store::{Column, FeedId, Row};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::json;

use super::{
    caching::{cache, cache_job, encoded, opened, state},
    harness::{Harness, batch, settings},
    signing_in::identity,
};

const NAMES: [&str; 3] = ["contoso", "fabrikam", "lab"];
/// A filter and the equivalent test.
type Meaning = (&'static str, fn(&Alert) -> bool);
/// A sort order: its key in the menu, its column, and a comparison in which the lesser alert comes
/// first.
type Sorting = (&'static str, Column, fn(&Alert, &Alert) -> Ordering);

const FILTERS: [Meaning; 6] = [
    ("", |_| true),
    ("severity:high", |alert| alert.high),
    ("title:2", |alert| alert.title == 2),
    ("tenant:fabrikam", |alert| alert.feed == 1),
    ("-tenant:contoso severity:low", |alert| alert.feed != 0 && !alert.high),
    ("title:1 or tenant=lab", |alert| alert.title == 1 || alert.feed == 2),
];
const SORTS: [Sorting; 4] = [
    ("c", Column::Created, |a, b| b.created.cmp(&a.created)),
    ("s", Column::Severity, |a, b| b.high.cmp(&a.high)),
    ("t", Column::Title, |a, b| a.title.cmp(&b.title)),
    ("m", Column::Tenant, |a, b| NAMES[usize::from(a.feed)].cmp(NAMES[usize::from(b.feed)])),
];

#[derive(Clone, Debug)]
struct Alert {
    feed: u16,
    id: u32,
    /// In hundredths of a second since midnight.
    created: u32,
    updated: u8,
    high: bool,
    title: u8,
    /// Where it came in the order of first arrivals.
    arrived: usize,
    /// True if it is shown although it no longer matches.
    stale: bool,
    marked: bool,
}

impl Alert {
    fn json(&self) -> serde_json::Value {
        json!({"id": format!("a{}", self.id), "title": format!("Title {}", self.title),
            "severity": if self.high { "high" } else { "low" },
            "createdDateTime": Timestamp::parse("2026-11-20T00:00:00Z").unwrap()
                .after(Duration::from_millis(u64::from(self.created) * 10)).to_string(),
            "lastUpdateDateTime": format!("2026-11-20T01:{:02}:00Z", self.updated)})
    }

    fn key(&self) -> (u16, u32) {
        (self.feed, self.id)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(u16, Vec<Alert>),
    Toggle(usize),
    Account(u16, bool),
    Filter(usize),
    Sort(usize),
    Refresh,
    Move(&'static str),
    Mark,
    MarkAll,
    Invert,
}

fn step() -> impl Strategy<Value = Step> {
    let alert =
        (0u32..9, 0u32..4, 0u8..20, any::<bool>(), 0u8..3).prop_map(|(id, created, updated, high, title)| {
            Alert { feed: 0, id, created, updated, high, title, arrived: 0, stale: false, marked: false }
        });
    prop_oneof![
        6 => (0u16..3, prop::collection::vec(alert, 0..6)).prop_map(|(feed, alerts)| Step::Arrive(feed, alerts)),
        2 => (0usize..3).prop_map(Step::Toggle),
        1 => (0u16..3, any::<bool>()).prop_map(|(feed, other)| Step::Account(feed, other)),
        2 => (0..FILTERS.len()).prop_map(Step::Filter),
        2 => (0..SORTS.len()).prop_map(Step::Sort),
        1 => Just(Step::Refresh),
        3 => prop::sample::select(vec!["j", "k", "g", "G"]).prop_map(Step::Move),
        2 => Just(Step::Mark),
        1 => Just(Step::MarkAll),
        1 => Just(Step::Invert),
    ]
}

/// The simplest possible list.
struct Reference {
    alerts: Vec<Alert>,
    /// The positions of the alerts.
    places: HashMap<(u16, u32), usize>,
    on: BTreeSet<u16>,
    accounts: [Option<bool>; 3],
    filter: usize,
    sort: usize,
    arrivals: usize,
}

impl Reference {
    fn is_on(&self, alert: &Alert) -> bool {
        self.on.contains(&alert.feed)
    }

    fn matches(&self, alert: &Alert) -> bool {
        self.is_on(alert) && FILTERS[self.filter].1(alert)
    }

    fn is_shown(&self, alert: &Alert) -> bool {
        self.matches(alert) || (alert.stale && self.is_on(alert))
    }

    /// Returns the rows of the list, from top to bottom.
    fn rows(&self) -> Vec<&Alert> {
        let mut rows: Vec<_> = self.alerts.iter().filter(|alert| self.is_shown(alert)).collect();
        rows.sort_by(|a, b| {
            SORTS[self.sort].2(a, b)
                .then_with(|| b.created.cmp(&a.created))
                .then_with(|| a.id.to_string().cmp(&b.id.to_string()))
                .then_with(|| a.arrived.cmp(&b.arrived))
        });
        rows
    }

    /// Adds a batch. An alert that occurs in it twice appears in the list only in its last state.
    fn arrive(&mut self, batch: Vec<Alert>) {
        let was_shown: HashSet<_> = batch
            .iter()
            .filter_map(|alert| self.places.get(&alert.key()))
            .filter(|at| self.is_shown(&self.alerts[**at]))
            .map(|at| self.alerts[*at].key())
            .collect();
        for new in batch {
            self.arrivals += 1;
            match self.places.get(&new.key()).copied() {
                None => {
                    self.places.insert(new.key(), self.alerts.len());
                    self.alerts.push(Alert { arrived: self.arrivals, ..new });
                }
                Some(at) if new.updated < self.alerts[at].updated => {}
                Some(at) => {
                    let Alert { arrived, marked, .. } = self.alerts[at];
                    let next = Alert { arrived, marked, ..new };
                    let stale = was_shown.contains(&next.key()) && !self.matches(&next);
                    self.alerts[at] = Alert { stale, ..next };
                }
            }
        }
    }

    fn retire(&mut self, feed: u16) {
        self.alerts.retain(|alert| alert.feed != feed);
        self.places = self.alerts.iter().enumerate().map(|(at, alert)| (alert.key(), at)).collect();
        self.drop_stale();
    }

    fn drop_stale(&mut self) {
        for alert in &mut self.alerts {
            alert.stale = false;
        }
    }
}

/// The console and the reference, which are taken through the same steps.
struct Both {
    console: Harness,
    reference: Reference,
}

impl Both {
    fn new(cache: Option<Retention>) -> Self {
        let profiles: Vec<_> =
            NAMES.iter().map(|name| super::harness::profile(name, "x.example", "browser")).collect();
        let feeds = NAMES.map(|name| super::harness::Settings {
            profile: name.into(),
            tenant: format!("{name}.example"),
            profiles: profiles.clone(),
            cache,
            ..settings("")
        });
        let reference = Reference {
            alerts: Vec::new(),
            places: HashMap::new(),
            on: (0..3).collect(),
            accounts: [None; 3],
            filter: 0,
            sort: 0,
            arrivals: 0,
        };
        Self { console: Harness::with_feeds(&feeds, (120, 35)), reference }
    }

    fn run(&mut self, step: Step) {
        let Self { console, reference } = self;
        match step {
            Step::Arrive(feed, alerts) => {
                let alerts: Vec<_> = alerts.into_iter().map(|alert| Alert { feed, ..alert }).collect();
                let sent: Vec<_> = alerts.iter().map(Alert::json).collect();
                // The event comes from a job that has ended, but its alerts are kept all the same.
                let job = JobId { feed: FeedId::new(feed), number: u32::MAX };
                console.send(Message::Job(job, JobEvent::Fetch(LoadEvent::Batch(batch(&sent)))));
                reference.arrive(alerts);
            }
            Step::Toggle(at) => {
                console.keys(&format!("P g {}Space Esc", "j ".repeat(at)));
                let feed = at as u16;
                if reference.on.len() > 1 && reference.on.remove(&feed) {
                    reference
                        .alerts
                        .iter_mut()
                        .filter(|alert| alert.feed == feed)
                        .for_each(|alert| alert.marked = false);
                    reference.drop_stale();
                } else if reference.on.insert(feed) {
                    reference.drop_stale();
                }
            }
            Step::Account(feed, other) => {
                let name = if other { "eve@x.io" } else { "ana@x.io" };
                let account = Identity { tenant: None, ..identity(name) };
                console.send(Message::Feed(FeedId::new(feed), FeedEvent::Identity(account)));
                let before = reference.accounts[usize::from(feed)].replace(other);
                if before.is_some_and(|before| before != other) {
                    reference.retire(feed);
                }
            }
            Step::Filter(at) => {
                console.keys("/ Ctrl-u");
                console.type_text(FILTERS[at].0);
                console.keys("Enter");
                reference.filter = at;
                reference.drop_stale();
            }
            Step::Sort(at) => {
                // The menu offers the tenant only if there are several.
                if SORTS[at].1 == Column::Tenant && reference.on.len() < 2 {
                    return;
                }
                // Choosing the current column again reverses the order.
                if console.app.view.sort().column != SORTS[at].1 {
                    console.keys(&format!("s {}", SORTS[at].0));
                    reference.sort = at;
                    reference.drop_stale();
                }
            }
            Step::Refresh => {
                console.keys("r");
                reference.drop_stale();
            }
            Step::Move(key) => console.keys(key),
            Step::Mark => {
                let cursor = console.app.selected().map(|row| self.place(row));
                self.console.keys("Space");
                if let Some(cursor) = cursor {
                    self.reference.alerts[cursor].marked ^= true;
                }
            }
            Step::MarkAll | Step::Invert => {
                let all = matches!(step, Step::MarkAll);
                console.keys(if all { "*" } else { "~" });
                for at in 0..reference.alerts.len() {
                    if reference.matches(&reference.alerts[at]) {
                        let alert = &mut reference.alerts[at];
                        alert.marked = all || !alert.marked;
                    }
                }
            }
        }
    }

    /// Returns the position of a row in the reference.
    fn place(&self, row: Row) -> usize {
        let store = &self.console.app.store;
        let id = store.facts(row).id().raw().trim_start_matches('a').parse().unwrap();
        self.reference.places[&(store.feed(row).index(), id)]
    }

    fn check(&self, before: Option<Row>) -> Result<(), TestCaseError> {
        let app = &self.console.app;
        let rows: Vec<_> = app.view.from(0).map(|row| self.place(row)).collect();
        let expected = self.reference.rows();
        let shown = |at: &usize| (self.reference.alerts[*at].feed, self.reference.alerts[*at].id);
        let differs = rows.iter().zip(&expected).position(|(row, alert)| shown(row) != alert.key());
        let at = differs.unwrap_or(rows.len().min(expected.len()));
        prop_assert_eq!(rows.len(), expected.len(), "first difference at {}", at);
        prop_assert_eq!(rows.get(at).map(shown), expected.get(at).map(|alert| alert.key()), "row {}", at);
        for (row, alert) in app.view.from(0).zip(expected) {
            prop_assert_eq!(app.view.is_stale(row), !self.reference.matches(alert), "{:?}", alert);
            prop_assert_eq!(app.marks.contains(row), alert.marked, "{:?}", alert);
        }
        prop_assert_eq!(app.marks.len(), self.reference.alerts.iter().filter(|alert| alert.marked).count());
        // The cursor stays on its alert as long as the alert is in the list.
        if let Some(row) = before.filter(|row| app.view.position(&app.store, *row).is_some()) {
            prop_assert_eq!(app.selected(), Some(row));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_list_is_that_of_a_naive_reference(slice in 1usize..50, steps in prop::collection::vec(step(), 1..40)) {
        let mut both = Both::new(None);
        both.console.slice = slice;
        // The cursor has been moved, so it does not stay on the newest alert.
        let mut moved = false;
        for step in steps {
            // Typing a filter updates the list with each letter, and not every list contains the
            // alert.
            let moves = matches!(step, Step::Move(_) | Step::Mark | Step::Filter(_));
            let before = both.console.app.selected().filter(|_| moved && !moves);
            moved = match step {
                Step::Move("g") => false,
                Step::Move(_) | Step::Mark => moved || both.console.app.selected().is_some(),
                _ => moved,
            };
            both.run(step);
            both.check(before)?;
        }
    }
}

/// The same for a long list, which arrives in batches from the caches of three tenants and from the
/// windows of their lists, in turns. `ALERTDECK_MODEL_ALERTS` sets the number of alerts.
#[test]
fn a_long_list_is_that_of_a_naive_reference() {
    const WINDOWS: usize = 4;
    const BATCH: usize = 128;
    let count = std::env::var("ALERTDECK_MODEL_ALERTS").ok().and_then(|count| count.parse().ok());
    let count: u32 = count.unwrap_or(3_000);
    let one = |at: u32| {
        let mixed = at.wrapping_mul(2_654_435_761);
        Alert {
            feed: (at % 3) as u16,
            id: at / 3,
            created: mixed % 8_640_000,
            updated: (mixed >> 8) as u8 % 20,
            high: at.is_multiple_of(7),
            title: (mixed >> 16) as u8 % 3,
            arrived: 0,
            stale: false,
            marked: false,
        }
    };
    let mut streams = Vec::new();
    for feed in 0..3 {
        let mut alerts: Vec<_> = (0..count).map(one).filter(|alert| alert.feed == feed).collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(alert.created));
        // The cache holds a half of the alerts, in an earlier version.
        let earlier = |alert: &Alert| Alert { updated: 0, high: !alert.high, ..alert.clone() };
        let cached: Vec<_> = alerts.iter().step_by(2).map(earlier).collect();
        streams.push((feed, cached, true));
        let windows = alerts.chunks(alerts.len().div_ceil(WINDOWS));
        streams.extend(windows.map(|window| (feed, window.to_vec(), false)));
    }
    let rounds = streams.iter().map(|(_, alerts, _)| alerts.len().div_ceil(BATCH)).max().unwrap();
    let (mut runner, mut both) = (TestRunner::deterministic(), Both::new(Some(Retention::default())));
    let caches: Vec<_> = std::iter::from_fn(|| cache_job(&mut both.console)).collect();
    for job in &caches {
        cache(&mut both.console, *job, opened(state(None)));
    }
    for round in 0..rounds {
        let mut is_caching = false;
        for (feed, alerts, is_cached) in &streams {
            let Some(alerts) = alerts.chunks(BATCH).nth(round) else { continue };
            is_caching |= is_cached;
            if *is_cached {
                let sent: Vec<_> = alerts.iter().map(Alert::json).collect();
                let job = caches.iter().find(|job| job.feed.index() == *feed).unwrap();
                cache(&mut both.console, *job, CacheEvent::Batch(encoded(&sent)));
                both.reference.arrive(alerts.to_vec());
            } else {
                both.run(Step::Arrive(*feed, alerts.to_vec()));
            }
        }
        // About thirty random steps in all, spread over the load.
        if round % rounds.div_ceil(30) == 0 {
            let mut step = step().new_tree(&mut runner).unwrap().current();
            if let Step::Arrive(feed, alerts) = &mut step {
                for alert in alerts {
                    // An alert with the same ID that was created at another time would be another one.
                    let id = alert.id * (count / 30);
                    (alert.id, alert.created) = (id, one(id * 3 + u32::from(*feed)).created);
                }
            }
            // Another account would take most of the list away, and a tenant that is turned off stops
            // reading its cache.
            let hinders = matches!(step, Step::Account(..)) || is_caching && matches!(step, Step::Toggle(_));
            if !hinders {
                both.run(step);
                both.check(None).unwrap();
            }
        }
    }
    both.check(None).unwrap();
    assert_eq!(both.reference.alerts.len() as u32, count);
}
