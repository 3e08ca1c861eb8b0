//! The named fault profiles: what goes wrong with which request.
//!
//! What a request meets follows from the seed, from what it asks and from how often it was
//! asked before, not from its place among other requests; so clients that send several requests
//! at once meet the same faults on every run. It knows no HTTP beyond status codes.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Settings, reply::RetryAfter};

/// A way for the service to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Faults {
    /// It does not.
    #[default]
    None,
    /// About a quarter of all requests meet an error status, a broken body or a page that is no
    /// JSON, but never the same request three times running; pages repeat an alert or come
    /// empty.
    Flaky,
    /// About a third of all list requests are answered 429, never the same one twice running.
    Throttled,
    /// After two requests the service is gone for a while, then back for a longer one, and so on.
    Offline,
}

impl Faults {
    /// Every profile with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("none", Self::None),
        ("flaky", Self::Flaky),
        ("throttled", Self::Throttled),
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
#[error("no fault profile is named '{0}'; there are none, flaky, throttled and offline")]
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
    /// Refused with 429.
    Throttle(RetryAfter),
    /// Refused with a server error.
    Status(StatusCode, Option<RetryAfter>),
    /// Answered by something else on the way.
    Html,
    /// Carried out, but the reply is cut off.
    Cut,
    /// Carried out, but the reply is shorter than announced.
    Short,
    /// The page repeats the last alert of the page before it.
    Repeat,
    /// The page is empty although the list goes on.
    Empty,
}

impl Fault {
    /// Tells whether the client has to ask again.
    fn fails(self) -> bool {
        !matches!(self, Self::None | Self::Repeat | Self::Empty)
    }
}

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
        let history = self.history.entry(request).or_default();
        let mut rng =
            StdRng::seed_from_u64(self.seed ^ request ^ history.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        history.asked += 1;
        let fault = match self.faults {
            Faults::Flaky if history.failed < 2 && rng.random_ratio(1, 4) => {
                failure(&mut rng, self.retry_after)
            }
            Faults::Flaky if is_list => match rng.random_range(0..8) {
                0 => Fault::Repeat,
                1 => Fault::Empty,
                _ => Fault::None,
            },
            Faults::Throttled if is_list && history.failed == 0 && rng.random() => {
                Fault::Throttle(retry_after(&mut rng, self.retry_after))
            }
            _ => Fault::None,
        };
        history.failed = if fault.fails() { history.failed + 1 } else { 0 };
        fault
    }
}

fn failure(rng: &mut StdRng, wait: Duration) -> Fault {
    match rng.random_range(0..7) {
        0 => Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, None),
        1 => Fault::Status(StatusCode::BAD_GATEWAY, None),
        2 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, None),
        3 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, Some(retry_after(rng, wait))),
        4 => Fault::Html,
        5 => Fault::Cut,
        _ => Fault::Short,
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
    use crate::model::Timestamp;

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
            |fault: &Fault| *fault == Fault::Cut,
            |fault: &Fault| *fault == Fault::Short,
            |fault: &Fault| *fault == Fault::Repeat,
            |fault: &Fault| *fault == Fault::Empty,
        ] {
            assert!(drawn.iter().any(kind));
        }
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
