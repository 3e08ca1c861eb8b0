//! The named fault profiles: what goes wrong with which request.
//!
//! What a request meets follows from the seed, from what it asks and from how often it was
//! asked before, not from its place among other requests; so clients that send several requests
//! at once meet the same faults on every run. It knows no HTTP beyond status codes, and of bodies
//! only how to spoil them.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Settings, reply::RetryAfter};

/// A way for the service to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Faults {
    /// It does not.
    #[default]
    None,
    /// About a quarter of all requests meet an error status, a connection that breaks, a broken
    /// or a slow body or one that is no JSON, but never the same request three times running;
    /// pages repeat an alert or come empty.
    Flaky,
    /// About a third of all list requests are answered 429, never the same one twice running.
    Throttled,
    /// All that is flaky, and one thing by the seed that no repetition mends, on about a third of
    /// the lists: next links that lead in a circle or to another address, next pages that are
    /// refused, pages that are never JSON.
    Hostile,
    /// After two requests the service is gone for a while, then back for a longer one, and so on.
    Offline,
}

impl Faults {
    /// Every profile with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("flaky", Self::Flaky),
        ("throttled", Self::Throttled),
        ("hostile", Self::Hostile),
        ("offline", Self::Offline),
    ];
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, faults)| faults == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

/// A name that is no fault profile's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault profile is named '{0}'; there are none, flaky, throttled, hostile and offline")]
pub struct UnknownFaults(String);

impl FromStr for Faults {
    type Err = UnknownFaults;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, faults)| *faults).ok_or_else(|| UnknownFaults(text.to_owned()))
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    /// Refused with 429, which may tell no time.
    Throttle(Option<RetryAfter>),
    /// Refused with a server error.
    Status(StatusCode, Option<RetryAfter>),
    /// Answered by something else on the way.
    Html,
    /// Carried out, but the reply is cut off.
    Cut,
    /// Carried out, but the reply is shorter than announced.
    Short,
    /// Carried out, but the connection ends without an answer.
    Unanswered,
    /// Carried out, but the connection is reset without an answer.
    Reset,
    /// The reply takes its time.
    Slow,
    /// The body is not what it should be.
    Spoiled(Spoil),
    /// The page repeats the last alert of the page before it.
    Repeat,
    /// The page is empty although the list goes on.
    Empty,
    /// The link to the next page leads to the same page.
    Circle,
    /// The link to the next page leads to another address.
    Foreign,
    /// Refused where it asks for a next page.
    NoNextPage,
}

impl Fault {
    /// Tells whether the client has to ask again.
    fn fails(self) -> bool {
        !matches!(self, Self::None | Self::Repeat | Self::Empty | Self::Slow)
    }
}

/// How a body that should be JSON is none, although it arrives whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoil {
    /// A byte in the first title that is not UTF-8.
    Encoding,
    /// A comma behind the last item.
    Comma,
    /// Only the first half, and that with its right length.
    Half,
    /// No byte at all.
    Nothing,
}

impl Spoil {
    pub(super) fn apply(self, body: &Bytes) -> Bytes {
        const TITLE: &[u8] = b"\"title\":\"";
        let insert = |place: usize, byte: u8| {
            let mut bytes = body.to_vec();
            bytes.insert(place, byte);
            bytes.into()
        };
        let end = body.len().saturating_sub(1);
        match self {
            Self::Encoding => {
                let title = body.windows(TITLE.len()).position(|window| window == TITLE);
                insert(title.map_or(end, |at| at + TITLE.len()), 0xff)
            }
            Self::Comma => insert(body.iter().rposition(|byte| *byte == b']').unwrap_or(end), b','),
            Self::Half => body.slice(..body.len() / 2),
            Self::Nothing => Bytes::new(),
        }
    }
}

/// What no repetition mends, in [`Faults::Hostile`]: one of these by the seed.
const FATAL: [Fault; 4] = [Fault::Circle, Fault::Foreign, Fault::NoNextPage, Fault::Spoiled(Spoil::Comma)];

/// The faults of one run.
pub(super) struct Plan {
    faults: Faults,
    seed: u64,
    retry_after: Duration,
    outage: Duration,
    recovery: Duration,
    /// By request. An entry is small and never removed: a run has thousands of requests.
    history: HashMap<u64, History>,
    /// Requests before the first outage, then when it began.
    first: u8,
    offline_since: Option<Instant>,
}

#[derive(Default)]
struct History {
    asked: u64,
    /// How often it failed in a row.
    failed: u8,
}

/// How many requests `Faults::Offline` answers before the first outage.
const BEFORE_OUTAGE: u8 = 2;

impl Plan {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            faults: settings.faults,
            seed: settings.seed,
            retry_after: settings.timing.retry_after,
            outage: settings.timing.outage,
            recovery: settings.timing.recovery,
            history: HashMap::new(),
            first: 0,
            offline_since: None,
        }
    }

    /// Tells whether a request that arrives now meets no service at all.
    pub(super) fn is_offline(&mut self, now: Instant) -> bool {
        if self.faults != Faults::Offline {
            return false;
        }
        let Some(since) = self.offline_since else {
            self.first += 1;
            if self.first == BEFORE_OUTAGE {
                self.offline_since = Some(now);
            }
            return false;
        };
        let cycle = (self.outage + self.recovery).as_nanos().max(1);
        now.duration_since(since).as_nanos() % cycle < self.outage.as_nanos()
    }

    /// Decides on a request, known by a hash of what it asks.
    pub(super) fn draw(&mut self, request: u64, is_list: bool) -> Fault {
        if let Some(fault) = self.fatal(request).filter(|_| is_list) {
            return fault;
        }
        let history = self.history.entry(request).or_default();
        let mut rng =
            StdRng::seed_from_u64(self.seed ^ request ^ history.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        history.asked += 1;
        let fault = match self.faults {
            Faults::Flaky | Faults::Hostile if history.failed < 2 && rng.random_ratio(1, 4) => {
                failure(&mut rng, self.retry_after)
            }
            Faults::Flaky | Faults::Hostile if is_list => match rng.random_range(0..8) {
                0 => Fault::Repeat,
                1 => Fault::Empty,
                _ => Fault::None,
            },
            Faults::Throttled if is_list && history.failed == 0 && rng.random() => {
                Fault::Throttle(Some(retry_after(&mut rng, self.retry_after)))
            }
            _ => Fault::None,
        };
        history.failed = if fault.fails() { history.failed + 1 } else { 0 };
        fault
    }

    /// Returns what every try of a request meets in a hostile tenant, if anything.
    fn fatal(&self, request: u64) -> Option<Fault> {
        if self.faults != Faults::Hostile {
            return None;
        }
        let mut rng = StdRng::seed_from_u64(self.seed ^ request.rotate_left(17));
        rng.random_ratio(1, 3).then(|| FATAL[self.seed as usize % FATAL.len()])
    }
}

/// A fault that passes. Those that clients take for an answer, and so seldom ask again after, are
/// no more frequent together than one of seven.
fn failure(rng: &mut StdRng, wait: Duration) -> Fault {
    match rng.random_range(0..28) {
        0..2 => Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, None),
        2..4 => Fault::Status(StatusCode::BAD_GATEWAY, None),
        4..6 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, None),
        6..8 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, Some(retry_after(rng, wait))),
        8..10 => Fault::Status(StatusCode::GATEWAY_TIMEOUT, None),
        10..13 => Fault::Throttle(Some(retry_after(rng, wait))),
        13 => Fault::Throttle(None),
        14..16 => Fault::Cut,
        16..18 => Fault::Short,
        18..20 => Fault::Unanswered,
        20..22 => Fault::Reset,
        22..24 => Fault::Slow,
        24..26 => Fault::Html,
        26 => Fault::Spoiled(Spoil::Nothing),
        _ => Fault::Spoiled([Spoil::Encoding, Spoil::Comma, Spoil::Half][rng.random_range(0..3)]),
    }
}

/// The forms that API.md 9 tells clients to expect: whole seconds, a fraction, a date.
fn retry_after(rng: &mut StdRng, wait: Duration) -> RetryAfter {
    match rng.random_range(0..4) {
        0 => RetryAfter { wait: wait * 3 / 4, as_date: false },
        1 => RetryAfter { wait, as_date: true },
        _ => RetryAfter { wait, as_date: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::Timestamp;

    fn plan(faults: Faults, seed: u64) -> Plan {
        Plan::new(&Settings { seed, faults, ..Settings::new(Timestamp::from_seconds(0)) })
    }

    fn draws(plan: &mut Plan, requests: u64) -> Vec<Fault> {
        (0..requests)
            .flat_map(|request| (0..4).map(move |_| request))
            .map(|request| plan.draw(request, true))
            .collect()
    }

    #[test]
    fn names_read_back() {
        for (name, faults) in Faults::ALL {
            assert_eq!((name.parse(), faults.to_string()), (Ok(faults), name.to_owned()));
        }
        assert!("Flaky".parse::<Faults>().unwrap_err().to_string().contains("'Flaky'"));
    }

    #[test]
    fn faults_follow_from_the_seed() {
        for (_, faults) in Faults::ALL {
            assert_eq!(draws(&mut plan(faults, 7), 100), draws(&mut plan(faults, 7), 100));
        }
        assert_ne!(draws(&mut plan(Faults::Flaky, 7), 100), draws(&mut plan(Faults::Flaky, 8), 100));
    }

    #[test]
    fn a_request_fails_twice_running_at_most() {
        let mut flaky = plan(Faults::Flaky, 1);
        let mut throttled = plan(Faults::Throttled, 1);
        for request in 0..2_000 {
            let failed: Vec<_> = (0..12).map(|_| flaky.draw(request, request % 2 == 0).fails()).collect();
            assert!(failed.windows(3).all(|run| run != [true; 3]));
            let failed: Vec<_> = (0..12).map(|_| throttled.draw(request, true).fails()).collect();
            assert!(failed.windows(2).all(|run| run != [true; 2]));
            assert!(!throttled.draw(request, false).fails());
        }
    }

    #[test]
    fn flaky_has_every_fault() {
        let drawn = draws(&mut plan(Faults::Flaky, 3), 300);
        for kind in [
            |fault: &Fault| matches!(fault, Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, None)),
            |fault: &Fault| matches!(fault, Fault::Status(StatusCode::SERVICE_UNAVAILABLE, Some(_))),
            |fault: &Fault| *fault == Fault::Html,
            |fault: &Fault| matches!(fault, Fault::Status(StatusCode::BAD_GATEWAY, None)),
            |fault: &Fault| matches!(fault, Fault::Status(StatusCode::SERVICE_UNAVAILABLE, None)),
            |fault: &Fault| matches!(fault, Fault::Status(StatusCode::GATEWAY_TIMEOUT, None)),
            |fault: &Fault| *fault == Fault::Throttle(None),
            |fault: &Fault| matches!(fault, Fault::Throttle(Some(RetryAfter { as_date: true, .. }))),
            |fault: &Fault| matches!(fault, Fault::Throttle(Some(RetryAfter { as_date: false, .. }))),
            |fault: &Fault| *fault == Fault::Unanswered,
            |fault: &Fault| *fault == Fault::Reset,
            |fault: &Fault| *fault == Fault::Slow,
            |fault: &Fault| *fault == Fault::Spoiled(Spoil::Encoding),
            |fault: &Fault| *fault == Fault::Spoiled(Spoil::Comma),
            |fault: &Fault| *fault == Fault::Spoiled(Spoil::Half),
            |fault: &Fault| *fault == Fault::Spoiled(Spoil::Nothing),
            |fault: &Fault| *fault == Fault::Cut,
            |fault: &Fault| *fault == Fault::Short,
            |fault: &Fault| *fault == Fault::Repeat,
            |fault: &Fault| *fault == Fault::Empty,
        ] {
            assert!(drawn.iter().any(kind));
        }
        assert!(!drawn.iter().any(|fault| FATAL[..3].contains(fault)), "nothing that no repetition mends");
    }

    #[test]
    fn hostile_has_one_fault_that_stays() {
        for (seed, fatal) in (0..).zip(FATAL) {
            let mut hostile = plan(Faults::Hostile, seed);
            let first: Vec<_> = (0..300).map(|request| hostile.draw(request, true)).collect();
            let met = |fault: &Fault| *fault == fatal;
            let hit = first.iter().filter(|fault| met(fault)).count();
            assert!((60..140).contains(&hit), "{hit} times {fatal:?}");
            assert!(!first.iter().any(|fault| FATAL[..3].contains(fault) && !met(fault)));
            for (request, fault) in (0..).zip(&first).filter(|(_, fault)| FATAL[..3].contains(fault)) {
                assert_eq!(hostile.draw(request, true), *fault);
                assert!(!FATAL[..3].contains(&hostile.draw(request, false)), "single alerts have no links");
            }
        }
    }

    #[test]
    fn a_spoiled_body_is_no_json() {
        let list = Bytes::from_static(br#"{"value":[{"id":"a","title":"b","evidence":[]}]}"#);
        let empty = Bytes::from_static(br#"{"value":[]}"#);
        assert!(serde_json::from_slice::<serde_json::Value>(&list).is_ok());
        for spoil in [Spoil::Encoding, Spoil::Comma, Spoil::Half, Spoil::Nothing] {
            for body in [&list, &empty] {
                assert!(
                    serde_json::from_slice::<serde_json::Value>(&spoil.apply(body)).is_err(),
                    "{spoil:?}"
                );
            }
        }
        let replaced = String::from_utf8_lossy(&Spoil::Encoding.apply(&list)).into_owned();
        let alert: serde_json::Value = serde_json::from_str(&replaced).unwrap();
        assert_eq!(alert["value"][0]["id"], "a", "ids stay what they are");
    }

    #[test]
    fn offline_comes_and_goes() {
        let mut plan = plan(Faults::Offline, 0);
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let offline: Vec<_> =
            [0, 0, 0, 9, 10, 69, 70, 79, 80].into_iter().map(|second| plan.is_offline(at(second))).collect();
        assert_eq!(offline, [false, false, true, true, false, false, true, true, false]);
    }
}
