//! The fault profiles, which decide which fault is injected into which request.
//!
//! The fault injected into a request depends on the seed, on the request and on how often it has
//! been sent before, but not on the order in which requests arrive. Clients that send concurrent
//! requests therefore see the same faults in every run. Apart from status codes and body
//! corruption, this module is independent of HTTP.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Settings, corruption::Corruption, reply::RetryAfter, request::RequestKind, script::FaultyReply};

/// A fault profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Faults {
    /// No faults.
    #[default]
    None,
    /// About a quarter of all requests fail with an error status, a broken connection, or an
    /// incomplete, slow or invalid body, but never the same request three times in a row. Pages
    /// sometimes repeat an alert or are empty. A change or comment that fails may or may not have
    /// been made. Some changes that are made return the old values.
    Flaky,
    /// About a third of all list requests are answered with 429, but never the same one twice in a
    /// row.
    Throttled,
    /// Everything in `Flaky`, plus one permanent fault in about a third of the list requests,
    /// selected by the seed: next links that loop, lead elsewhere or are not addresses; next pages
    /// that are rejected (in some cases with an error that quotes the token); endless pages;
    /// repeated pages; objects that are not alerts; a wrong count; or invalid JSON.
    Hostile,
    /// After two requests, the service is unreachable for a while, then reachable for a longer
    /// time, and so on.
    Offline,
    /// Changes become visible late: for [`Timing::stale`](super::Timing::stale) after a change,
    /// alerts and lists are returned with the old values, including `lastUpdateDateTime`. The
    /// response to the change itself contains the new values.
    Stale,
}

impl Faults {
    /// All profiles with their names.
    pub const ALL: [(&'static str, Self); 6] = [
        ("none", Self::None),
        ("flaky", Self::Flaky),
        ("throttled", Self::Throttled),
        ("hostile", Self::Hostile),
        ("offline", Self::Offline),
        ("stale", Self::Stale),
    ];
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, faults)| faults == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

/// The error for an unknown fault profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault profile '{0}'; use none, flaky, throttled, hostile, offline or stale")]
pub struct UnknownFaults(String);

impl FromStr for Faults {
    type Err = UnknownFaults;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, faults)| *faults).ok_or_else(|| UnknownFaults(text.to_owned()))
    }
}

/// The fault injected into one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    /// Rejected with 429, with or without `Retry-After`.
    Throttle(Option<RetryAfter>),
    /// Rejected with a server error.
    Status(StatusCode, Option<RetryAfter>),
    /// Answered by an intermediate proxy.
    Html,
    /// A change that is carried out but answered with a faulty response.
    CarriedOut(FaultyReply),
    /// Executed, but the connection is closed in the middle of the response.
    Cut,
    /// Executed, but the response is shorter than its `Content-Length`.
    Short,
    /// Executed, but the connection is closed without a response, over HTTP/2 with a GOAWAY.
    Unanswered,
    /// Executed, but the connection (over HTTP/2, the stream) is reset without a response.
    Reset,
    /// Not executed: the connection is closed or, over HTTP/2, the stream is refused.
    Refused,
    /// The response is sent slowly.
    Slow,
    /// The body is complete but invalid.
    Corrupt(Corruption),
    /// The page repeats the last alert of the previous page.
    RepeatedAlert,
    /// The page is empty, although it is not the last one.
    EmptyPage,
    /// The link to the next page leads to the same page.
    NextLinkLoop,
    /// The link to the next page leads to another address.
    ForeignNextLink,
    /// The link to the next page is not an address of the list, or not text.
    BadNextLink,
    /// The list never ends: its further pages contain alerts that do not exist.
    EndlessPages,
    /// The list never ends: its further pages repeat the alerts of the first page.
    RepeatedPages,
    /// The page contains an object that is not an alert.
    NotAnAlert,
    /// The reported count is far higher than the number of alerts.
    WrongCount,
    /// Requests for any page after the first are rejected.
    NextPageRefused,
    /// Like [`NextPageRefused`](Self::NextPageRefused), but the message quotes the request's
    /// `Authorization` header.
    TokenQuoted,
}

impl Fault {
    /// Returns whether the client has to retry.
    fn is_failure(self) -> bool {
        !matches!(self, Self::None | Self::RepeatedAlert | Self::EmptyPage | Self::Slow)
    }
}

/// A page in an endless list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endless {
    /// True if all pages contain the same alerts.
    pub(super) repeats: bool,
    /// The page number.
    pub(super) number: u64,
}

impl Endless {
    /// The ID prefix for nonexistent alerts, and the token prefix for pages that contain them.
    pub(super) const NEW: &str = "endless-";
    /// The token prefix for repeated pages.
    pub(super) const REPEATED: &str = "repeated-";

    /// Parses the page from the `$skiptoken` in a query.
    pub(super) fn read(query: &str) -> Option<Self> {
        let (_, token) = query.split_once("skiptoken=")?;
        let repeats = token.starts_with(Self::REPEATED);
        let number = token.strip_prefix(if repeats { Self::REPEATED } else { Self::NEW })?;
        Some(Self { repeats, number: number.parse().ok()? })
    }
}

/// The permanent faults of [`Faults::Hostile`], one of which the seed selects.
const PERMANENT: [Fault; 11] = [
    Fault::NextLinkLoop,
    Fault::ForeignNextLink,
    Fault::NextPageRefused,
    Fault::Corrupt(Corruption::Comma),
    Fault::BadNextLink,
    Fault::EndlessPages,
    Fault::RepeatedPages,
    Fault::NotAnAlert,
    Fault::Corrupt(Corruption::Control),
    Fault::WrongCount,
    Fault::TokenQuoted,
];

/// Chooses the faults for one run.
pub(super) struct FaultPlan {
    faults: Faults,
    seed: u64,
    retry_after: Duration,
    outage: Duration,
    recovery: Duration,
    /// The history of each request, keyed by the request's hash. Entries are never removed, because
    /// they are small and a run has only thousands of requests.
    history: HashMap<u64, History>,
    /// The number of requests received before the first outage.
    before_outage: u8,
    /// When the first outage began.
    offline_since: Option<Instant>,
}

#[derive(Default)]
struct History {
    /// The number of times that the request was sent.
    sent: u64,
    /// The number of consecutive failures of the request.
    failed: u8,
}

/// The number of requests that `Faults::Offline` answers before the first outage.
const BEFORE_OUTAGE: u8 = 2;

impl FaultPlan {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            faults: settings.faults,
            seed: settings.seed,
            retry_after: settings.timing.retry_after,
            outage: settings.timing.outage,
            recovery: settings.timing.recovery,
            history: HashMap::new(),
            before_outage: 0,
            offline_since: None,
        }
    }

    /// Returns whether the service is unreachable for a request that arrives now.
    pub(super) fn is_offline(&mut self, now: Instant) -> bool {
        if self.faults != Faults::Offline {
            return false;
        }
        let Some(since) = self.offline_since else {
            self.before_outage += 1;
            if self.before_outage == BEFORE_OUTAGE {
                self.offline_since = Some(now);
            }
            return false;
        };
        let cycle = (self.outage + self.recovery).as_nanos().max(1);
        now.duration_since(since).as_nanos() % cycle < self.outage.as_nanos()
    }

    /// Draws the fault for a request, which is identified by its hash.
    pub(super) fn draw(&mut self, request: u64, kind: RequestKind) -> Fault {
        let is_list = kind == RequestKind::List;
        if let Some(fault) = self.permanent(request).filter(|_| is_list) {
            return fault;
        }
        let history = self.history.entry(request).or_default();
        let mut rng =
            StdRng::seed_from_u64(self.seed ^ request ^ history.sent.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        history.sent += 1;
        let fault = match self.faults {
            Faults::Flaky | Faults::Hostile if history.failed < 2 && rng.random_ratio(1, 4) => match kind {
                RequestKind::Change => change_failure(&mut rng, self.retry_after),
                RequestKind::List | RequestKind::Read => failure(&mut rng, self.retry_after),
            },
            Faults::Flaky | Faults::Hostile if is_list => match rng.random_range(0..8) {
                0 => Fault::RepeatedAlert,
                1 => Fault::EmptyPage,
                _ => Fault::None,
            },
            Faults::Throttled if is_list && history.failed == 0 && rng.random() => {
                Fault::Throttle(Some(retry_after(&mut rng, self.retry_after)))
            }
            _ => Fault::None,
        };
        history.failed = if fault.is_failure() { history.failed + 1 } else { 0 };
        fault
    }

    /// Returns the permanent fault for a request, if it has one.
    fn permanent(&self, request: u64) -> Option<Fault> {
        if self.faults != Faults::Hostile {
            return None;
        }
        let mut rng = StdRng::seed_from_u64(self.seed ^ request.rotate_left(17));
        rng.random_ratio(1, 3).then(|| PERMANENT[self.seed as usize % PERMANENT.len()])
    }
}

/// Draws a temporary fault. At most one in seven faults looks like a complete answer, because
/// clients rarely retry after such faults.
fn failure(rng: &mut StdRng, wait: Duration) -> Fault {
    match rng.random_range(0..30) {
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
        26..28 => Fault::Refused,
        28 => Fault::Corrupt(Corruption::Empty),
        _ => Fault::Corrupt(
            [Corruption::Encoding, Corruption::Control, Corruption::Comma, Corruption::Half]
                [rng.random_range(0..4)],
        ),
    }
}

/// Draws a temporary fault for a change. Half of the faults occur before the change is carried out,
/// and half afterwards. Some faults, such as a gateway error, do not reveal whether the change was
/// carried out.
fn change_failure(rng: &mut StdRng, wait: Duration) -> Fault {
    match rng.random_range(0..34) {
        0..5 => Fault::Throttle(Some(retry_after(rng, wait))),
        5 => Fault::Throttle(None),
        6..9 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, Some(retry_after(rng, wait))),
        9 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, None),
        10..13 => Fault::Refused,
        13 => Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, None),
        14 => Fault::Status(StatusCode::BAD_GATEWAY, None),
        15 => Fault::Status(StatusCode::GATEWAY_TIMEOUT, None),
        16 => Fault::Html,
        17..20 => Fault::CarriedOut(FaultyReply::Status(502, None)),
        20..22 => Fault::CarriedOut(FaultyReply::Status(504, None)),
        22 => Fault::CarriedOut(FaultyReply::Status(500, None)),
        23..25 => Fault::Unanswered,
        25..27 => Fault::Reset,
        27 => Fault::Cut,
        28 => Fault::Short,
        29..32 => Fault::CarriedOut(FaultyReply::OldValues),
        32 => Fault::CarriedOut(FaultyReply::Empty),
        _ => Fault::Slow,
    }
}

/// Draws a `Retry-After` in one of the forms that clients must accept: whole seconds, a fraction or
/// a date (docs/graph-api.md, "Throttling"). In some cases, the wait is zero.
fn retry_after(rng: &mut StdRng, wait: Duration) -> RetryAfter {
    match rng.random_range(0..6) {
        4 => RetryAfter { wait: Duration::ZERO, as_date: false },
        5 => RetryAfter { wait: Duration::ZERO, as_date: true },
        0 => RetryAfter { wait: wait * 3 / 4, as_date: false },
        1 => RetryAfter { wait, as_date: true },
        _ => RetryAfter { wait, as_date: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::Timestamp;

    fn plan(faults: Faults, seed: u64) -> FaultPlan {
        FaultPlan::new(&Settings { seed, faults, ..Settings::new(Timestamp::from_seconds(0)) })
    }

    fn draws(plan: &mut FaultPlan, requests: u64) -> Vec<Fault> {
        (0..requests)
            .flat_map(|request| (0..4).map(move |_| request))
            .map(|request| plan.draw(request, RequestKind::List))
            .collect()
    }

    #[test]
    fn names_round_trip() {
        for (name, faults) in Faults::ALL {
            assert_eq!((name.parse(), faults.to_string()), (Ok(faults), name.to_owned()));
        }
        assert!("Flaky".parse::<Faults>().unwrap_err().to_string().contains("'Flaky'"));
    }

    #[test]
    fn equal_seeds_give_equal_faults() {
        for (_, faults) in Faults::ALL {
            assert_eq!(draws(&mut plan(faults, 7), 100), draws(&mut plan(faults, 7), 100));
        }
        assert_ne!(draws(&mut plan(Faults::Flaky, 7), 100), draws(&mut plan(Faults::Flaky, 8), 100));
    }

    #[test]
    fn requests_fail_at_most_twice_in_a_row() {
        let mut flaky = plan(Faults::Flaky, 1);
        let mut throttled = plan(Faults::Throttled, 1);
        let kinds = [RequestKind::List, RequestKind::Read, RequestKind::Change];
        for (request, kind) in (0..2_000).zip(kinds.into_iter().cycle()) {
            let failed: Vec<_> = (0..12).map(|_| flaky.draw(request, kind).is_failure()).collect();
            assert!(failed.windows(3).all(|run| run != [true; 3]));
            let failed: Vec<_> =
                (0..12).map(|_| throttled.draw(request, RequestKind::List).is_failure()).collect();
            assert!(failed.windows(2).all(|run| run != [true; 2]));
            assert!(!throttled.draw(request, RequestKind::Read).is_failure());
        }
    }

    #[test]
    fn flaky_draws_every_temporary_fault() {
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
            |fault: &Fault| *fault == Fault::Refused,
            |fault: &Fault| *fault == Fault::Slow,
            |fault: &Fault| *fault == Fault::Corrupt(Corruption::Encoding),
            |fault: &Fault| *fault == Fault::Corrupt(Corruption::Control),
            |fault: &Fault| matches!(fault, Fault::Throttle(Some(RetryAfter { wait: Duration::ZERO, .. }))),
            |fault: &Fault| *fault == Fault::Corrupt(Corruption::Comma),
            |fault: &Fault| *fault == Fault::Corrupt(Corruption::Half),
            |fault: &Fault| *fault == Fault::Corrupt(Corruption::Empty),
            |fault: &Fault| *fault == Fault::Cut,
            |fault: &Fault| *fault == Fault::Short,
            |fault: &Fault| *fault == Fault::RepeatedAlert,
            |fault: &Fault| *fault == Fault::EmptyPage,
        ] {
            assert!(drawn.iter().any(kind));
        }
        assert!(!drawn.iter().any(is_permanent), "no permanent faults");
    }

    #[test]
    fn changes_fail_before_and_after_they_are_carried_out() {
        let mut flaky = plan(Faults::Flaky, 3);
        let drawn: Vec<_> = (0..2_000).map(|request| flaky.draw(request, RequestKind::Change)).collect();
        for kind in [
            |fault: &Fault| matches!(fault, Fault::Throttle(Some(_))),
            |fault: &Fault| *fault == Fault::Throttle(None),
            |fault: &Fault| matches!(fault, Fault::Status(StatusCode::SERVICE_UNAVAILABLE, Some(_))),
            |fault: &Fault| *fault == Fault::Status(StatusCode::BAD_GATEWAY, None),
            |fault: &Fault| *fault == Fault::Refused,
            |fault: &Fault| *fault == Fault::CarriedOut(FaultyReply::Status(502, None)),
            |fault: &Fault| *fault == Fault::CarriedOut(FaultyReply::Status(504, None)),
            |fault: &Fault| *fault == Fault::CarriedOut(FaultyReply::OldValues),
            |fault: &Fault| *fault == Fault::Unanswered,
            |fault: &Fault| *fault == Fault::Reset,
            |fault: &Fault| *fault == Fault::Cut,
        ] {
            assert!(drawn.iter().any(kind));
        }
        assert!(!drawn.contains(&Fault::RepeatedAlert) && !drawn.contains(&Fault::EmptyPage));
        let mut stale = plan(Faults::Stale, 3);
        assert!((0..100).all(|request| stale.draw(request, RequestKind::Change) == Fault::None));
    }

    /// Corrupt bodies also occur as temporary faults.
    fn is_permanent(fault: &Fault) -> bool {
        PERMANENT.contains(fault) && !matches!(fault, Fault::Corrupt(_))
    }

    #[test]
    fn hostile_has_one_permanent_fault() {
        for (seed, permanent) in (0..).zip(PERMANENT) {
            let mut hostile = plan(Faults::Hostile, seed);
            let drawn: Vec<_> = (0..300).map(|request| hostile.draw(request, RequestKind::List)).collect();
            let count = drawn.iter().filter(|fault| **fault == permanent).count();
            assert!((60..140).contains(&count), "{count} times {permanent:?}");
            assert!(!drawn.iter().any(|fault| is_permanent(fault) && *fault != permanent));
            for (request, fault) in (0..).zip(&drawn).filter(|(_, fault)| is_permanent(fault)) {
                assert_eq!(hostile.draw(request, RequestKind::List), *fault);
                assert!(
                    !is_permanent(&hostile.draw(request, RequestKind::Read)),
                    "single alerts have no links"
                );
            }
        }
    }

    #[test]
    fn outages_begin_after_two_requests_and_recur() {
        let mut plan = plan(Faults::Offline, 0);
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let offline: Vec<_> =
            [0, 0, 0, 9, 10, 69, 70, 79, 80].into_iter().map(|second| plan.is_offline(at(second))).collect();
        assert_eq!(offline, [false, false, true, true, false, false, true, true, false]);
    }
}
