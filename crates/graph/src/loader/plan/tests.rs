use super::*;
use crate::loader::windows::{STREAMS, Times};
use alertdeck_model::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// The order in which a service lists alerts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Newest,
    Oldest,
    /// Newest first, except for every seventh alert, which comes last.
    Stragglers,
    Shuffled,
}

/// How a service differs from an ideal one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Quirk {
    None,
    /// The service returns no counts.
    NoCount,
    RefusesWindows,
    RefusesUndated,
    /// About one request in three is throttled.
    Throttles,
    /// The third window's chain breaks.
    BreaksOne,
}

#[derive(Debug)]
struct Service {
    /// The creation time of each alert, in list order.
    alerts: Vec<Option<Timestamp>>,
    size: usize,
    quirk: Quirk,
}

/// A load's outcome.
#[derive(Debug, PartialEq)]
struct Outcome {
    end: End,
    /// The list positions of the alerts that arrived.
    read: BTreeSet<usize>,
    requests: usize,
    /// The time at which the last page arrived, if every page takes one unit of time.
    took: u32,
    /// The maximum number of concurrent requests.
    at_once: usize,
    started_over: bool,
}

impl Service {
    fn new(mut alerts: Vec<Option<Timestamp>>, order: Order, size: usize, quirk: Quirk) -> Self {
        // Alerts without a time come last.
        alerts.sort_by_key(|at| std::cmp::Reverse(*at));
        match order {
            Order::Newest => {}
            Order::Oldest => alerts.reverse(),
            Order::Stragglers => {
                let (mut kept, mut late) = (Vec::new(), Vec::new());
                for (number, at) in alerts.into_iter().enumerate() {
                    if number % 7 == 6 { late.push(at) } else { kept.push(at) }
                }
                kept.extend(late);
                alerts = kept;
            }
            Order::Shuffled => {
                let count = alerts.len().max(1);
                alerts.sort_by_key(|at| at.map(|at| at.ticks().wrapping_mul(2_654_435_761) as u64));
                alerts.rotate_left(count / 3);
            }
        }
        Self { alerts, size, quirk }
    }

    /// Returns the alerts in a chain.
    fn chain(&self, bounds: Option<Bounds>) -> Vec<usize> {
        let is_part = |at: &Option<Timestamp>| match bounds {
            None => true,
            Some(Bounds::Undated) => at.is_none(),
            Some(Bounds::Created { from, to }) => {
                at.is_some_and(|at| from.is_none_or(|from| from <= at) && to.is_none_or(|to| at <= to))
            }
        };
        (0..self.alerts.len()).filter(|number| is_part(&self.alerts[*number])).collect()
    }

    fn refusal(&self, stream: Stream, bounds: Option<Bounds>) -> Option<Kind> {
        let is_refused = match self.quirk {
            Quirk::RefusesWindows => bounds.is_some(),
            Quirk::RefusesUndated => bounds == Some(Bounds::Undated),
            Quirk::BreaksOne => stream == Stream::Window(2),
            Quirk::None | Quirk::NoCount | Quirk::Throttles => false,
        };
        is_refused.then_some(if self.quirk == Quirk::BreaksOne { Kind::Loop } else { Kind::Filter })
    }

    /// Loads the list. `choices` decides which request is answered next.
    fn load(&self, choices: &[u8]) -> Outcome {
        // The choice also decides whether the receiver wants the first rows early.
        let first_size = if choices[0].is_multiple_of(2) { FIRST } else { LARGEST };
        let (mut plan, first) = Plan::new(first_size);
        let mut effects = vec![first];
        let mut chains = HashMap::<Stream, (Option<Bounds>, Vec<usize>, usize)>::new();
        // The requests in progress, paired with the time at which the response arrives.
        let mut requested = Vec::<(Stream, u32)>::new();
        let mut now = 0;
        let (mut read, mut requests, mut at_once, mut started_over) = (BTreeSet::new(), 0, 0, false);
        for turn in 0.. {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Open(stream, bounds) => {
                        chains.insert(stream, (bounds, self.chain(bounds), 0));
                        requested.push((stream, now + 1));
                    }
                    Effect::Next(stream) => requested.push((stream, now + 1)),
                    Effect::StartOver => {
                        requested.clear();
                        started_over = true;
                    }
                    Effect::End(end) => {
                        return Outcome { end, read, requests, took: now, at_once, started_over };
                    }
                }
            }
            assert!(!requested.is_empty(), "the load hangs");
            assert!(requests < 50 * (self.alerts.len() + 100), "the load does not end");
            at_once = at_once.max(requested.len());
            requests += 1;
            let choice = usize::from(choices[turn % choices.len()]);
            if self.quirk == Quirk::Throttles && choice % 3 == 0 {
                effects.extend(plan.on(Event::Throttled));
            }
            let (stream, answered) = requested.remove(choice % requested.len());
            now = now.max(answered);
            let (bounds, chain, at) = chains.get_mut(&stream).unwrap();
            if let Some(kind) = self.refusal(stream, *bounds) {
                effects = plan.on(Event::Failed(stream, kind));
                continue;
            }
            let size = if stream == Stream::First { self.size.min(first_size as usize) } else { self.size };
            let page: Vec<_> = chain.iter().skip(*at).take(size).copied().collect();
            let is_first = *at == 0;
            *at += page.len();
            read.extend(page.iter().copied());
            let facts = PageFacts {
                alerts: page.len() as u64,
                times: Times::of(page.iter().map(|number| self.alerts[*number])),
                count: (is_first && self.quirk != Quirk::NoCount).then_some(chain.len() as u64),
                is_last: *at == chain.len(),
                known: read.len() as u64,
            };
            effects = plan.on(Event::Page(stream, facts));
        }
        unreachable!()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + seconds)
}

/// Generates bursts of alerts, some of them with equal creation times or none.
fn alerts() -> impl Strategy<Value = Vec<Option<Timestamp>>> {
    let burst = (0..5_000_000_i64, 0..90_000_i64, 1..120_usize).prop_flat_map(|(start, length, count)| {
        prop::collection::vec((0..=length).prop_map(move |after| Some(at(start + after))), count)
    });
    (prop::collection::vec(burst, 1..12), 0..4_usize)
        .prop_map(|(bursts, undated)| bursts.into_iter().flatten().chain(vec![None; undated]).collect())
}

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::Newest, Order::Oldest, Order::Stragglers, Order::Shuffled])
}

fn quirk() -> impl Strategy<Value = Quirk> {
    prop::sample::select(vec![
        Quirk::None,
        Quirk::NoCount,
        Quirk::RefusesWindows,
        Quirk::RefusesUndated,
        Quirk::Throttles,
        Quirk::BreaksOne,
    ])
}

proptest! {
    #[test]
    fn every_load_reads_every_alert_or_says_what_is_missing(
        alerts in alerts(),
        order in order(),
        quirk in quirk(),
        size in 1..60_usize,
        choices in prop::collection::vec(any::<u8>(), 1..80),
    ) {
        let undated = alerts.iter().filter(|at| at.is_none()).count();
        let service = Service::new(alerts, order, size, quirk);
        let outcome = service.load(&choices);
        prop_assert!(outcome.at_once <= STREAMS);
        let missing: Vec<_> =
            (0..service.alerts.len()).filter(|number| !outcome.read.contains(number)).collect();
        match outcome.end {
            End::Read => prop_assert_eq!(missing, Vec::<usize>::new()),
            End::WithoutUndated => {
                prop_assert!(quirk == Quirk::RefusesUndated && undated > 0);
                prop_assert!(missing.iter().all(|number| service.alerts[*number].is_none()));
            }
            End::Failed => prop_assert!(false, "the list itself is not refused"),
        }
    }

    #[test]
    fn windows_cost_few_requests_more_than_a_chain(
        alerts in alerts(),
        size in 5..60_usize,
        choices in prop::collection::vec(any::<u8>(), 1..80),
    ) {
        let service = Service::new(alerts, Order::Newest, size, Quirk::None);
        let chain = service.alerts.len().div_ceil(size);
        let outcome = service.load(&choices);
        prop_assert!(outcome.requests <= 2 * chain + 3 * STREAMS, "{} for {chain}", outcome.requests);
    }
}

/// Returns alerts created at even intervals, or with the older half in a burst.
fn evenly(count: i64, is_burst: bool) -> Vec<Option<Timestamp>> {
    let place = |number: i64| if number < count / 2 && is_burst { number / 50 } else { number * 60 };
    (0..count).map(|number| Some(at(place(number)))).collect()
}

#[test]
fn streams_share_the_work() {
    for is_burst in [false, true] {
        let service = Service::new(evenly(20_000, is_burst), Order::Newest, 100, Quirk::None);
        let outcome = service.load(&[0]);
        assert_eq!((outcome.read.len(), outcome.end), (20_000, End::Read));
        assert_eq!(outcome.at_once, STREAMS);
        // There are 200 full pages, which eight streams could ideally read in 25 turns.
        assert!(outcome.requests < 230, "{is_burst}: {} requests", outcome.requests);
        assert!(outcome.took <= 31, "{is_burst}: {} turns", outcome.took);
    }
}

#[test]
fn a_short_list_is_one_chain() {
    let service = Service::new(evenly(120, false), Order::Newest, 1_000, Quirk::None);
    let outcome = service.load(&[0]);
    assert_eq!((outcome.requests, outcome.at_once, outcome.read.len()), (2, 1, 120));
    let outcome = service.load(&[1]);
    assert_eq!((outcome.requests, outcome.read.len()), (1, 120), "nobody waits for the first rows");
    let service = Service::new(evenly(1_900, false), Order::Newest, 1_000, Quirk::None);
    assert_eq!((service.load(&[0]).requests, service.load(&[1]).requests), (3, 2));
}

#[test]
fn a_refused_window_leads_to_one_chain() {
    for quirk in [Quirk::RefusesWindows, Quirk::BreaksOne] {
        let service = Service::new(evenly(5_000, false), Order::Newest, 100, quirk);
        let outcome = service.load(&[1, 0, 2]);
        assert!(outcome.started_over, "{quirk:?}");
        assert_eq!((outcome.read.len(), outcome.end), (5_000, End::Read));
    }
}

#[test]
fn a_failure_of_the_service_ends_the_load() {
    let (mut plan, _) = Plan::new(FIRST);
    let times = Times { newest: at(100), oldest: at(0), falls: true };
    let page =
        |alerts| PageFacts { alerts, times: Some(times), count: Some(90_000), is_last: false, known: alerts };
    assert_eq!(plan.on(Event::Page(Stream::First, page(50))).len(), STREAMS);
    let failed = plan.on(Event::Failed(Stream::Window(3), Kind::Offline));
    assert_eq!(failed, [Effect::End(End::Failed)]);
    assert_eq!(plan.on(Event::Page(Stream::Window(1), page(1_000))), [], "nothing follows");
}

#[test]
fn a_throttled_load_has_fewer_requests_at_once() {
    let service = Service::new(evenly(20_000, false), Order::Newest, 100, Quirk::None);
    let steady = service.load(&[1]).at_once;
    let throttled = Service { quirk: Quirk::Throttles, ..service }.load(&[1, 2, 3]);
    assert_eq!((steady, throttled.read.len()), (STREAMS, 20_000));
}
