use super::*;
use crate::{Column, FeedId, tests::batch};
use alertdeck_model::{AlertId, Severity};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{cmp::Ordering, collections::BTreeMap};

/// A filter that finds alerts of one severity, a few rows at a time.
#[derive(Debug)]
struct Only {
    severity: Severity,
    found: RowSet,
    next: usize,
}

fn only(severity: Severity) -> Box<dyn Filter> {
    Box::new(Only { severity, found: RowSet::default(), next: 0 })
}

impl Filter for Only {
    fn reuse(&mut self, _: Box<dyn std::any::Any>) {}

    fn restart(&mut self) {
        (self.found, self.next) = (RowSet::default(), 0);
    }

    fn evaluate(&mut self, store: &Store, work: &mut usize) -> Option<RowSet> {
        let first = self.next;
        for row in store.rows().iter().filter(|row| row.index() >= first).take(*work) {
            if *store.facts(row).severity() == self.severity {
                self.found.insert(row);
            }
            self.next = row.index() + 1;
            *work -= 1;
        }
        (*work > 0).then(|| self.found.clone())
    }

    fn found_so_far(&self, _: &Store) -> Option<RowSet> {
        Some(self.found.clone())
    }

    fn matches(&mut self, store: &Store, row: Row) -> bool {
        *store.facts(row).severity() == self.severity
    }
}

/// Creates an alert. `fraction` gives the hundredths of a second in its creation time, and a higher
/// `version` means a later update.
fn alert(id: u8, fraction: u8, high: bool, version: usize) -> Value {
    json!({"id": format!("{id}"), "severity": if high { "high" } else { "low" },
        "createdDateTime": format!("2026-11-01T00:00:00.{fraction:02}Z"),
        "lastUpdateDateTime": format!("2026-11-02T{:02}:{:02}:00Z", version / 60, version % 60)})
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(u16, Vec<(u8, u8, bool)>),
    Advance(usize),
    Filter(bool),
    Retest,
    Sort(Column, bool),
    Show(u16, bool),
    Retire(u16),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let alerts = prop::collection::vec((0u8..30, 0u8..6, any::<bool>()), 1..12);
    let column = prop::sample::select(Column::ALL.map(|(_, column)| column).to_vec());
    prop_oneof![
        6 => (0u16..3, alerts).prop_map(|(feed, alerts)| Step::Arrive(feed, alerts)),
        4 => (0usize..8).prop_map(Step::Advance),
        4 => (20usize..60).prop_map(Step::Advance),
        2 => any::<bool>().prop_map(Step::Filter),
        1 => Just(Step::Retest),
        2 => (column, any::<bool>()).prop_map(|(column, descending)| Step::Sort(column, descending)),
        1 => (0u16..3, any::<bool>()).prop_map(|(feed, on)| Step::Show(feed, on)),
        1 => (0u16..3).prop_map(Step::Retire),
        1 => Just(Step::Restart),
    ]
}

/// The reference for the view: alerts keyed by feed and id, and the rows that a plain filter
/// selects.
#[derive(Default)]
struct Reference {
    alerts: BTreeMap<(u16, u8), (u8, bool)>,
    hidden: [bool; 3],
    filtered: bool,
}

impl Reference {
    fn rows(&self, store: &Store) -> Vec<Row> {
        let shown = self
            .alerts
            .iter()
            .filter(|((feed, _), (_, high))| !self.hidden[usize::from(*feed)] && (!self.filtered || *high));
        shown
            .map(|((feed, id), _)| store.row(FeedId::new(*feed), &AlertId::new(&id.to_string())).unwrap())
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    /// Mixes arrivals, updates, repeated arrivals, showing and hiding feeds, retirements, filters
    /// and sorts in any order, with any amount of work in between.
    #[test]
    fn at_rest_a_view_equals_a_plain_filter_and_sort(
        steps in prop::collection::vec(step(), 1..30),
        fills_a_screen in prop::bool::weighted(0.3),
    ) {
        let mut reference = Reference::default();
        let others = if fills_a_screen { 100..100 + SCREENFUL as u8 } else { 0..0 };
        let (mut store, mut view) = filled(others.clone().map(|id| alert(id, id % 7, id % 50 != 0, 0)));
        reference.alerts.extend(others.map(|id| ((0, id), (id % 7, id % 50 != 0))));
        for (version, step) in steps.into_iter().enumerate() {
            match step {
                Step::Arrive(feed, alerts) => {
                    let batched: Vec<_> =
                        alerts.iter().map(|(id, minute, high)| alert(*id, *minute, *high, version)).collect();
                    for (id, minute, high) in alerts {
                        reference.alerts.insert((feed, id), (minute, high));
                    }
                    let absorbed = store.absorb(FeedId::new(feed), batch(&batched));
                    view.touch(&store, &absorbed.touched());
                }
                Step::Advance(work) => { view.advance(&store, work); }
                Step::Filter(on) => {
                    reference.filtered = on;
                    view.filter(&store, on.then(|| only(Severity::High)));
                }
                Step::Retest => view.retest(&store, reference.filtered.then(|| only(Severity::High))),
                Step::Sort(column, descending) => view.sort_by(&store, Sort { column, descending }),
                Step::Show(feed, on) => {
                    reference.hidden[usize::from(feed)] = !on;
                    let hidden = (0..3).filter(|feed| reference.hidden[usize::from(*feed)]);
                    store.hide_feeds(hidden.map(FeedId::new));
                    view.rebuild(&store);
                }
                Step::Retire(feed) => {
                    reference.alerts.retain(|(of, _), _| *of != feed);
                    store.retire(FeedId::new(feed));
                    view.rebuild(&store);
                }
                Step::Restart => view.restart(),
            }
            let rows: Vec<_> = view.from(0).collect();
            prop_assert_eq!(rows.len(), view.len());
            if let Count::AtLeast(found) = view.count() {
                let is_match = |row: &Row| *store.facts(*row).severity() == Severity::High;
                let matching = view.matching().iter().filter(is_match).count();
                prop_assert_eq!((view.matching().len(), matching), (found, found));
            }
            let sort = view.order().sort;
            prop_assert!(rows.is_sorted_by(|a, b| store.compare(sort, *a, *b) == Ordering::Less));
        }
        while view.advance(&store, 3) {}
        let mut expected = reference.rows(&store);
        expected.sort_by(|a, b| store.compare(view.sort(), *a, *b));
        let shown: Vec<Row> = view.from(0).filter(|row| !view.is_stale(*row)).collect();
        prop_assert_eq!(&shown, &expected);
        prop_assert_eq!(view.count(), Count::Exact(expected.len()));
        prop_assert!(store.rows().iter().all(|row| view.order().rows().any(|placed| placed == row)));
        for (line, row) in view.from(0).enumerate() {
            prop_assert_eq!(view.position(&store, row), Some(line));
            prop_assert_eq!(view.get(line), Some(row));
            prop_assert_eq!(view.from(line).next(), Some(row));
        }
        view.restart();
        prop_assert_eq!(view.from(0).collect::<Vec<_>>(), expected);
    }
}

const FEED: FeedId = crate::tests::FEED;

fn filled(alerts: impl IntoIterator<Item = Value>) -> (Store, View) {
    let (mut store, mut view) = (Store::default(), View::default());
    let alerts: Vec<_> = alerts.into_iter().collect();
    let absorbed = store.absorb(FEED, batch(&alerts));
    view.touch(&store, &absorbed.touched());
    (store, view)
}

fn finish(view: &mut View, store: &Store) {
    while view.advance(store, 3) {}
}

#[test]
fn a_row_that_stops_matching_stays_until_a_restart() {
    let (mut store, mut view) = filled([alert(1, 1, true, 0), alert(2, 2, true, 0)]);
    view.filter(&store, Some(only(Severity::High)));
    finish(&mut view, &store);
    let changed = store.absorb(FEED, batch(&[alert(1, 1, false, 1)]));
    view.touch(&store, &changed.touched());
    assert_eq!((view.len(), view.count()), (2, Count::Exact(1)));
    assert!(view.is_stale(changed.changed[0]));
    view.restart();
    assert_eq!((view.len(), view.is_stale(changed.changed[0])), (1, false));
}

#[test]
fn a_retest_keeps_rows_in_place() {
    let (store, mut view) = filled((0..20).map(|id| alert(id, id, id % 2 == 0, 0)));
    view.filter(&store, Some(only(Severity::High)));
    finish(&mut view, &store);
    let before: Vec<_> = view.from(0).collect();
    view.retest(&store, Some(only(Severity::Low)));
    assert_eq!((view.from(0).collect::<Vec<_>>(), view.count()), (before.clone(), Count::Exact(10)));
    finish(&mut view, &store);
    assert_eq!((view.len(), view.count()), (20, Count::Exact(10)));
    assert!(before.iter().all(|row| view.is_stale(*row)));
}

#[test]
fn the_former_rows_stay_until_a_filter_is_evaluated() {
    let (store, mut view) = filled((0..20).map(|id| alert(id, id, id % 2 == 0, 0)));
    view.filter(&store, Some(only(Severity::High)));
    assert!(view.advance(&store, 3));
    assert_eq!((view.len(), view.count(), view.is_scanning()), (20, Count::Pending, true));
    finish(&mut view, &store);
    assert_eq!((view.len(), view.count(), view.is_scanning()), (10, Count::Exact(10), false));
}

/// Evaluates in slices of ten rows until the rows found so far are shown.
fn preview(view: &mut View, store: &Store) -> usize {
    for slices in 1.. {
        assert!(view.advance(store, 10), "the evaluation is over after {slices} slices");
        if let Count::AtLeast(found) = view.count() {
            return found;
        }
    }
    unreachable!()
}

#[test]
fn rows_found_so_far_are_shown_once_they_fill_a_screen() {
    let (mut store, mut view) = filled((0..250).map(|id| alert(id, id % 100, id % 2 == 0, 0)));
    let kept = store.row(FEED, &AlertId::new("1")).unwrap();
    view.filter(&store, Some(only(Severity::High)));
    view.keep(&store, Some(kept));
    let found = preview(&mut view, &store);
    assert!((SCREENFUL..125).contains(&found), "{found}");
    assert_eq!((view.len(), view.matching().len(), view.is_stale(kept)), (found + 1, found, true));
    assert!(view.is_scanning());
    // A row that stops matching while the rows found so far are shown is no match at the end.
    let changed = store.absorb(FEED, batch(&[alert(0, 0, false, 1)]));
    view.touch(&store, &changed.touched());
    finish(&mut view, &store);
    assert_eq!((view.count(), view.len()), (Count::Exact(124), 125));
    view.restart();
    assert_eq!(view.len(), 124);
}

#[test]
fn a_retest_shows_no_rows_found_so_far() {
    let (store, mut view) = filled((0..250).map(|id| alert(id, id % 100, id % 2 == 0, 0)));
    view.retest(&store, Some(only(Severity::High)));
    while view.advance(&store, 10) {
        assert_eq!((view.len(), view.count()), (250, Count::Exact(250)));
    }
    assert_eq!((view.len(), view.count()), (250, Count::Exact(125)));
}

#[test]
fn a_kept_row_stays_until_the_next_filter() {
    let (mut store, mut view) = filled([alert(1, 1, false, 0), alert(2, 2, false, 0), alert(3, 3, true, 0)]);
    let first = store.rows().first().unwrap();
    view.filter(&store, Some(only(Severity::High)));
    view.keep(&store, Some(first));
    finish(&mut view, &store);
    assert_eq!((view.len(), view.count(), view.is_stale(first)), (2, Count::Exact(1), true));
    let changed = store.absorb(FEED, batch(&[alert(1, 1, true, 1)]));
    view.touch(&store, &changed.touched());
    assert_eq!((view.len(), view.count()), (2, Count::Exact(2)));
    view.filter(&store, Some(only(Severity::Medium)));
    finish(&mut view, &store);
    assert_eq!(view.len(), 0);
}

#[test]
fn rows_that_are_set_need_no_evaluation() {
    let (mut store, mut view) = filled((0..20).map(|id| alert(id, id, id % 2 == 0, 0)));
    view.filter(&store, Some(only(Severity::High)));
    let known = store.rows_by_severity(|member| *member == Severity::High);
    view.set_rows(&store, known);
    assert_eq!((view.has_work(), view.count()), (false, Count::Exact(10)));
    let absorbed = store.absorb(FEED, batch(&[alert(30, 30, true, 1), alert(2, 2, false, 1)]));
    view.touch(&store, &absorbed.touched());
    assert_eq!((view.len(), view.count()), (11, Count::Exact(10)));
}

#[test]
fn thousands_of_rows_are_sorted_in_slices_while_others_arrive() {
    let many = |from: u32, version: usize| -> Vec<Value> {
        let one = |at: u32| {
            json!({"id": format!("{at}"), "title": format!("t{:03}", at * 7_919 % 1_000),
            "createdDateTime": format!("2026-11-01T{:02}:{:02}:{:02}Z", at / 3_600, at / 60 % 60, at % 60),
            "lastUpdateDateTime": format!("2026-11-02T00:00:{version:02}Z")})
        };
        (from..from + 5_000).map(one).collect()
    };
    let (mut store, mut view) = filled(many(0, 0));
    let sort = Sort { column: Column::Title, descending: true };
    view.sort_by(&store, sort);
    assert!(view.advance(&store, 100), "not at once");
    let absorbed = store.absorb(FEED, batch(&many(5_000, 0)));
    view.touch(&store, &absorbed.touched());
    view.advance(&store, 1_000);
    let changed = store.absorb(FEED, batch(&many(2_000, 1)[..10]));
    view.touch(&store, &changed.touched());
    while view.advance(&store, 1_000) {}
    let rows: Vec<_> = view.from(0).collect();
    assert_eq!(rows.len(), 10_000);
    assert!(rows.is_sorted_by(|a, b| store.compare(sort, *a, *b) == Ordering::Less));
    assert_eq!(view.position(&store, rows[7_777]), Some(7_777));
}

#[test]
fn rows_are_sorted_by_every_column_as_they_compare() {
    let some = |at: u32, of: &[Value]| of[at as usize % of.len()].clone();
    let one = |at: u32| {
        let word = |salt: u32, count: u32| {
            let n = at.wrapping_mul(2_654_435_761).rotate_left(salt) % count;
            if n == 0 {
                Value::Null
            } else {
                json!(format!("{}{n}", if at.is_multiple_of(2) { "Text " } else { "text " }))
            }
        };
        // Some dates differ only by the smallest unit, others by millennia.
        let year = [2026, 2026, 1970, 9999, 1602][at as usize % 5];
        let created = format!("{year}-11-01T00:00:00.00000{:02}Z", at * 7 % 100);
        json!({
            "id": format!("{:x}", at.wrapping_mul(2_654_435_761)),
            "severity": some(at / 3, &[json!("high"), json!("low"), json!("unknown"), json!("odd"), Value::Null]),
            "status": some(at / 5, &[json!("new"), json!("resolved"), Value::Null]),
            "serviceSource": some(at / 7, &[json!("microsoftSentinel"), json!("azureAdIdentityProtection"), json!("unknown")]),
            "classification": some(at / 2, &[json!("truePositive"), json!("falsePositive"), Value::Null]),
            "determination": some(at / 11, &[json!("malware"), json!("phishing"), Value::Null]),
            "title": word(3, 900), "category": word(5, 20), "incidentId": word(7, 400), "assignedTo": word(9, 5),
            "productName": word(11, 3), "mitreTechniques": [word(13, 30), word(1, 30)],
            "createdDateTime": if at.is_multiple_of(31) { Value::Null } else { json!(created) },
            "lastUpdateDateTime": created,
            "evidence": [
                {"@odata.type": "#microsoft.graph.security.deviceEvidence", "deviceDnsName": word(15, 300)},
                {"@odata.type": "#microsoft.graph.security.userEvidence",
                    "userAccount": {"accountName": word(17, 200), "domainName": "contoso"}},
            ],
        })
    };
    let (mut store, mut view) = (Store::default(), View::default());
    for feed in 0..3 {
        let alerts: Vec<_> = (feed * 1_000..feed * 1_000 + 1_000).map(one).collect();
        let id = FeedId::new(u16::try_from(feed).unwrap());
        store.name_feed(id, alertdeck_model::SafeText::new(["Fabrikam", "contoso", "ALPINE"][feed as usize]));
        let absorbed = store.absorb(id, batch(&alerts));
        view.touch(&store, &absorbed.touched());
    }
    for (name, column) in Column::ALL {
        for descending in [true, false] {
            let sort = Sort { column, descending };
            view.sort_by(&store, sort);
            while view.advance(&store, 700) {}
            let rows: Vec<_> = view.from(0).collect();
            let mut expected: Vec<_> = store.rows().iter().collect();
            expected.sort_by(|a, b| store.compare(sort, *a, *b));
            assert!(rows == expected, "{name}, descending: {descending}");
            let differ =
                rows.windows(2).filter(|two| store.compare_values(sort, two[0], two[1]).is_ne()).count();
            assert!(differ >= 2, "{name} has {differ} values");
        }
    }
}
