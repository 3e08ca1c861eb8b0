//! The service in front of the tenant: who may ask, how often, what goes wrong, what is noted.
//!
//! It turns a [`Call`] into a [`Reply`] and knows nothing of connections; the moment of a call
//! is brought by the caller.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use axum::http::{HeaderName, StatusCode, header};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    Exchange, Settings,
    fault::{Fault, Plan},
    generator::Generator,
    operations::Scope,
    reply::{Damage, Refusal, Reply, RetryAfter},
    request::{Call, Operation, Route},
    store::Store,
    world::guid,
};
use crate::model::Timestamp;

/// How many exchanges the log keeps; older ones go.
const LOG_LENGTH: usize = 10_000;

/// Everything that the service remembers.
pub(super) struct Service {
    settings: Settings,
    base: String,
    started: Instant,
    pub(super) store: Store,
    generator: Generator,
    budget: Budget,
    faults: Plan,
    /// For request ids and what happens by chance while the service runs.
    rng: StdRng,
    pub(super) log: VecDeque<Exchange>,
    /// By request: when it may be asked again.
    deadlines: HashMap<u64, Instant>,
}

impl Service {
    pub(super) fn new(settings: Settings, base: String, started: Instant) -> Self {
        let mut generator = Generator::new(settings.seed, settings.alerts);
        let mut store = Store::default();
        generator.history(settings.alerts, settings.now, |alert| store.insert(&alert));
        Self {
            budget: Budget::new(settings.budget, settings.timing.minute),
            faults: Plan::new(&settings),
            rng: StdRng::seed_from_u64(settings.seed),
            settings,
            base,
            started,
            store,
            generator,
            log: VecDeque::new(),
            deadlines: HashMap::new(),
        }
    }

    /// The moment on the tenant's own clock, which starts at the moment it was made for.
    fn wall(&self, now: Instant) -> Timestamp {
        self.settings.now.after(now.duration_since(self.started))
    }

    /// Lets a new alert arrive and, now and then, an analyst elsewhere change another one.
    /// Returns how long it is until the next.
    pub(super) fn arrive(&mut self, now: Instant, period: Duration) -> Duration {
        let wall = self.wall(now);
        self.store.insert(&self.generator.arrival(wall));
        if self.rng.random_ratio(1, 3) {
            let place = self.rng.random_range(0..self.store.len().min(200));
            if let Some(mut alert) = self.store.nth(place).and_then(|id| self.store.value(id)) {
                alert["status"] = if alert["status"] == "new" { "inProgress" } else { "new" }.into();
                alert["resolvedDateTime"] = Value::Null;
                alert["lastUpdateDateTime"] = wall.to_string().into();
                self.store.insert(&alert);
            }
        }
        period.mul_f64(self.rng.random_range(0.5..1.5))
    }

    /// Answers a request that arrived at `now`.
    pub(super) fn answer(&mut self, call: Call, now: Instant) -> Reply {
        let request = hash(&call);
        let early = self.deadlines.get(&request).is_some_and(|deadline| now < *deadline);
        let reply = if self.faults.is_offline(now) {
            Reply::unanswered()
        } else {
            let result = self.decide(&call, request, now);
            self.finish(&call, request, result, now)
        };
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(Exchange {
            at: now.duration_since(self.started),
            method: call.method.to_string(),
            target: call.target(),
            status: (reply.damage != Damage::Unanswered).then_some(reply.status.as_u16()),
            broken: reply.damage != Damage::None,
            early,
            headers: call.headers,
            body: call.body,
        });
        reply
    }

    fn decide(&mut self, call: &Call, request: u64, now: Instant) -> Result<Reply, Refusal> {
        // A throttled call counts against the budget too (API.md 9), and one without a right to
        // ask as well.
        if let Some(wait) = self.budget.take(now) {
            return Err(Refusal::throttled(RetryAfter { wait, as_date: false }));
        }
        self.authorize(call)?;
        let route = Route::read(&call.method, &call.path)?;
        let fault = self.faults.draw(request, route.operation == Operation::List);
        match fault {
            Fault::Throttle(retry_after) => return Err(Refusal::throttled(retry_after)),
            Fault::Status(status, retry_after) => {
                let refusal = Refusal::new(status, "UnknownError", "");
                return Err(Refusal { retry_after, ..refusal });
            }
            Fault::Html => return Ok(Reply::html()),
            _ => {}
        }
        let wall = self.wall(now);
        let mut scope = Scope { store: &mut self.store, base: &self.base, now: wall };
        let mut reply = scope.carry_out(&route, call, fault)?;
        reply.damage = match fault {
            Fault::Cut => Damage::Cut,
            Fault::Short => Damage::Short,
            _ => Damage::None,
        };
        Ok(reply)
    }

    fn authorize(&self, call: &Call) -> Result<(), Refusal> {
        let refuse = |message: &str| {
            Err(Refusal::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message))
        };
        let token = call.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match (token, &self.settings.token) {
            (None | Some(""), _) => refuse("Access token is empty."),
            (Some(token), Some(expected)) if token != expected => refuse("Access token validation failure."),
            _ => Ok(()),
        }
    }

    /// Turns a refusal into its body and adds the headers that every reply has.
    fn finish(&mut self, call: &Call, request: u64, result: Result<Reply, Refusal>, now: Instant) -> Reply {
        let wall = self.wall(now);
        let request_id = guid(&mut self.rng);
        let client_id = call.header("client-request-id").unwrap_or(&request_id).to_owned();
        self.deadlines.remove(&request);
        let mut reply = result.unwrap_or_else(|refusal| {
            let body = json!({"error": {
                "code": refusal.code,
                "message": refusal.message,
                "innerError": {
                    "date": wall.to_second().trim_end_matches('Z'),
                    "request-id": request_id,
                    "client-request-id": client_id,
                },
            }});
            let mut reply = Reply::error(refusal.status, body.to_string());
            if refusal.status == StatusCode::UNAUTHORIZED {
                reply.headers.push((header::WWW_AUTHENTICATE, "Bearer".into()));
            }
            if let Some(RetryAfter { wait, as_date }) = refusal.retry_after {
                self.deadlines.insert(request, now + wait);
                let text = if as_date {
                    // A date has whole seconds; the next one is not too early.
                    http_date(wall.after(wait + Duration::from_millis(999)))
                } else {
                    wait.as_secs_f64().to_string()
                };
                reply.headers.push((header::RETRY_AFTER, text));
            }
            reply
        });
        reply.headers.extend([
            (HeaderName::from_static("request-id"), request_id),
            (HeaderName::from_static("client-request-id"), client_id),
            (header::DATE, http_date(wall)),
        ]);
        reply
    }
}

fn http_date(at: Timestamp) -> String {
    let seconds = Duration::from_secs(at.seconds().max(0).unsigned_abs());
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + seconds)
}

/// What makes two calls the same request, for faults and deadlines.
fn hash(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    (call.method.as_str(), &call.path, &call.query, &call.body).hash(&mut hasher);
    hasher.finish()
}

/// The requests of the last minute against what is allowed in one.
struct Budget {
    limit: Option<usize>,
    minute: Duration,
    /// When the requests of the last minute arrived, refused ones included.
    recent: VecDeque<Instant>,
}

impl Budget {
    fn new(limit: Option<u32>, minute: Duration) -> Self {
        Self { limit: limit.map(|limit| limit as usize), minute, recent: VecDeque::new() }
    }

    /// Counts a request; returns how long to wait, in whole seconds, if it is one too many.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        let limit = self.limit?;
        while self.recent.front().is_some_and(|first| now.duration_since(*first) >= self.minute) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        let excess = self.recent.len().checked_sub(limit).filter(|excess| *excess > 0)?;
        // There is room again when one more than the excess has left the window.
        let leaves = self.recent.get(excess).unwrap_or(&now);
        let wait = self.minute.saturating_sub(now.duration_since(*leaves));
        Some(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_counts_refused_calls_and_tells_when_there_is_room() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut budget = Budget::new(Some(3), Duration::from_secs(60));
        for second in [0.0, 1.0, 2.0] {
            assert_eq!(budget.take(at(second)), None);
        }
        // Four in the window: the calls at 0 and 1 must have left before a fifth fits.
        assert_eq!(budget.take(at(3.5)), Some(Duration::from_secs(58)));
        assert_eq!(budget.take(at(61.5)), None);
        assert_eq!(Budget::new(None, Duration::from_secs(60)).take(start), None);
        assert_eq!(Budget::new(Some(0), Duration::from_secs(60)).take(start), Some(Duration::from_secs(60)));
    }
}
