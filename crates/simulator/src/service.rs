//! The service in front of the tenant: tokens, permissions, throttling, faults and the log.
//!
//! The service turns a [`Call`] into a [`Reply`] and uses neither connections nor a clock; the
//! caller passes in the time.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant, SystemTime},
};

use axum::http::{HeaderName, StatusCode, header};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    Access, COMPANY, Exchange, Settings,
    batch::Batch,
    fault::{Corruption, Fault, FaultPlan},
    generator::Generator,
    odata::Semantics,
    operations::Handler,
    reply::{Damage, Refusal, Reply, RetryAfter},
    request::{Call, Route},
    rights::permit,
    script::{FaultyReply, Script, ScriptedFault},
    sign_in::{Endpoint, Holder, Moment, SignInControl, Verdict},
    store::Store,
    world::{SIGNED_IN, guid},
};
use alertdeck_model::Timestamp;

/// The number of exchanges in the log; older ones are dropped.
const LOG_LENGTH: usize = 10_000;

/// The value of `x-ms-ags-diagnostic`, which says where a request was processed.
const DIAGNOSTIC: &str = "{\"ServerInfo\":{\"DataCenter\":\"Simulated\",\"Slice\":\"E\",\"Ring\":\"5\",\
                          \"ScaleUnit\":\"000\",\"RoleInstance\":\"SIMULATED000000\"}}";

/// The state of the service.
pub(super) struct Service {
    settings: Settings,
    base: String,
    started: Instant,
    pub(super) store: Store,
    pub(super) sign_in: SignInControl,
    /// The base URL of foreign links.
    foreign_base: String,
    generator: Generator,
    budget: Budget,
    faults: FaultPlan,
    pub(super) script: Script,
    /// For request IDs and anything else random after startup.
    rng: StdRng,
    pub(super) log: VecDeque<Exchange>,
    /// When each request's `Retry-After` ends, keyed by the hash of the request.
    deadlines: HashMap<u64, Instant>,
}

impl Service {
    pub(super) fn new(settings: Settings, base: String, foreign_base: String, started: Instant) -> Self {
        let mut generator = Generator::new(settings.seed, settings.alerts);
        let mut store = Store::new(Semantics { exact_text: settings.exact_owners, ..Semantics::default() });
        generator.history(settings.alerts, settings.now, |mut alert| {
            rename(&mut alert, &settings.tenant);
            store.insert(&alert);
        });
        Self {
            budget: Budget::new(settings.budget, settings.timing.minute),
            faults: FaultPlan::new(&settings),
            script: Script::default(),
            rng: StdRng::seed_from_u64(settings.seed),
            sign_in: SignInControl::new(settings.sign_in.clone(), base.clone()),
            settings,
            base,
            foreign_base,
            started,
            store,
            generator,
            log: VecDeque::new(),
            deadlines: HashMap::new(),
        }
    }

    /// Returns the time on the tenant's clock, which starts at [`Settings::now`].
    fn wall(&self, now: Instant) -> Timestamp {
        self.settings.now.after(now.duration_since(self.started))
    }

    /// Adds a new alert and sometimes changes the status of another one, as a second analyst would.
    /// Returns the time until the next arrival.
    pub(super) fn arrive(&mut self, now: Instant, period: Duration) -> Duration {
        let wall = self.wall(now);
        let mut alert = self.generator.arrival(wall.before(self.settings.late));
        rename(&mut alert, &self.settings.tenant);
        self.store.insert(&alert);
        if self.rng.random_ratio(1, 3) {
            let index = self.rng.random_range(0..self.store.len().min(200));
            if let Some(mut alert) = self.store.nth(index).and_then(|id| self.store.value(id)) {
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
            Reply::unsent(Damage::Unanswered)
        } else if let Some(endpoint) = Endpoint::of(&call.path) {
            self.answer_sign_in(&endpoint, &call, now)
        } else if Batch::is_at(&call.path) {
            self.answer_batch(&call, now)
        } else {
            self.answer_graph(&call, now)
        };
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(Exchange {
            at: now.duration_since(self.started),
            method: call.method.to_string(),
            target: call.target(),
            status: (!reply.damage.is_unanswered()).then_some(reply.status.as_u16()),
            broken: !matches!(reply.damage, Damage::None | Damage::Slow),
            early,
            headers: call.headers,
            body: call.body,
        });
        reply
    }

    /// Answers a request to Graph.
    fn answer_graph(&mut self, call: &Call, now: Instant) -> Reply {
        let request = hash(call);
        let result = self.handle(call, request, now);
        self.finish(call, request, result, now)
    }

    /// Answers a batch. Its parts count against the budget, the batch does not.
    fn answer_batch(&mut self, call: &Call, now: Instant) -> Reply {
        let batch = self.authorize(call, now).and_then(|_| Batch::read(call));
        let result = batch.map(|batch| batch.answer(|part| self.answer_graph(&part, now)));
        self.finish(call, hash(call), result, now)
    }

    fn handle(&mut self, call: &Call, request: u64, now: Instant) -> Result<Reply, Refusal> {
        // Refused calls count against the budget too (docs/graph-api.md, "Throttling").
        if let Some(wait) = self.budget.take(now) {
            return Err(Refusal::throttled(Some(RetryAfter { wait, as_date: false })));
        }
        let holder = self.authorize(call, now)?;
        let route = Route::read(&call.method, &call.path)?;
        let fault = self.faults.draw(request, route.operation.is_list());
        match fault {
            Fault::Throttle(retry_after) => return Err(Refusal::throttled(retry_after)),
            Fault::Status(status, retry_after) => {
                let refusal = Refusal::new(status, "UnknownError", "");
                return Err(Refusal { retry_after, ..refusal });
            }
            Fault::Html => return Ok(Reply::html()),
            Fault::Refused => return Ok(Reply::unsent(Damage::Refused)),
            Fault::Corrupt(Corruption::Empty) => return Ok(Reply::json("")),
            Fault::NextPageRefused | Fault::TokenQuoted if call.query.contains("skiptoken=") => {
                let quoted = if fault == Fault::TokenQuoted { call.header("authorization") } else { None };
                let message = "Query option 'SkipToken' is not allowed.";
                return Err(Refusal::bad_request(format!("{message} {}", quoted.unwrap_or_default())));
            }
            _ => {}
        }
        permit(&holder, route.operation.resource(), &call.method)?;
        let wall = self.wall(now);
        let mut handler = Handler {
            store: &mut self.store,
            base: &self.base,
            now: wall,
            largest_page: self.settings.largest_page.max(1),
            author: &holder.name,
            foreign_base: &self.foreign_base,
        };
        if let Some(scripted) = self.script.take(&call.method) {
            return act_out(&mut handler, &route, call, &scripted);
        }
        let mut reply = handler.handle(&route, call, fault)?;
        match fault {
            Fault::Cut => reply.damage = Damage::Cut,
            Fault::Short => reply.damage = Damage::Short,
            Fault::Unanswered => reply.damage = Damage::Unanswered,
            Fault::Reset => reply.damage = Damage::Reset,
            Fault::Slow => reply.damage = Damage::Slow,
            Fault::Corrupt(corruption) => reply.body = corruption.apply(&reply.body),
            _ => {}
        }
        Ok(reply)
    }

    /// Answers a request to a sign-in endpoint. The budget and the faults do not apply to such
    /// requests.
    fn answer_sign_in(&mut self, endpoint: &Endpoint, call: &Call, now: Instant) -> Reply {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let moment = Moment { at: now, unix: since.as_secs() };
        let mut reply = self.sign_in.answer(endpoint, call, moment);
        let request_id = guid(&mut self.rng);
        reply.headers.extend([
            (HeaderName::from_static("x-ms-request-id"), request_id),
            (header::DATE, httpdate::fmt_http_date(SystemTime::now())),
        ]);
        reply
    }

    /// Checks the token and returns its holder. A token that was not issued here, but is accepted,
    /// counts as the user's.
    fn authorize(&self, call: &Call, now: Instant) -> Result<Holder, Refusal> {
        let token = call.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(Refusal::unauthorized("Access token is empty."));
        };
        let invalid = Refusal::unauthorized("Access token validation failure.");
        let user = || Holder {
            name: SIGNED_IN.to_owned(),
            rights: self.sign_in.rules.scopes.clone(),
            is_application: false,
        };
        match (&self.settings.access, self.sign_in.judge(token, now)) {
            (Access::Only(expected), _) if expected == token => Ok(user()),
            (Access::Only(_), _) | (Access::SignedIn, Verdict::Unknown) => Err(invalid),
            (Access::Any, Verdict::Unknown) => Ok(user()),
            (_, Verdict::Good(holder)) => Ok(holder),
            (_, Verdict::Expired) => {
                Err(Refusal::unauthorized("Lifetime validation failed, the token is expired."))
            }
            (_, Verdict::Revoked) => Err(Refusal::unauthorized("Access token was revoked.")),
            (_, Verdict::Unmet) => {
                Err(Refusal::unauthorized("Access token does not satisfy the required claims."))
            }
            (_, Verdict::Challenged(challenge)) => {
                let refusal = Refusal::unauthorized("Access token does not satisfy the required claims.");
                Err(Refusal { challenge: Some(challenge), ..refusal })
            }
        }
    }

    /// Turns a refusal into an error body and adds the headers of every reply.
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
                let challenge = refusal.challenge.unwrap_or_else(|| self.sign_in.challenge());
                reply.headers.push((header::WWW_AUTHENTICATE, challenge));
            }
            if let Some(RetryAfter { wait, as_date }) = refusal.retry_after {
                self.deadlines.insert(request, now + wait);
                let text = if as_date {
                    // An HTTP date has whole seconds; round up.
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
            (HeaderName::from_static("x-ms-ags-diagnostic"), DIAGNOSTIC.into()),
            (header::DATE, http_date(wall)),
        ]);
        reply
    }
}

/// Carries out a request if the scripted fault says so, and replies with the fault.
fn act_out(
    handler: &mut Handler<'_>,
    route: &Route,
    call: &Call,
    scripted: &ScriptedFault,
) -> Result<Reply, Refusal> {
    let before = route.operation.id().and_then(|id| handler.store.value(id));
    let mut reply = handler.handle(route, call, Fault::None)?;
    let after = route.operation.id().and_then(|id| handler.store.value(id));
    if let Some(before) = &before {
        handler.store.insert(before);
        if scripted.reply == FaultyReply::OldValues {
            reply = handler.state(route)?;
        }
    }
    if let Some(after) = after.filter(|_| scripted.is_carried_out) {
        handler.store.insert(&after);
    }
    if let Some((status, wait)) = scripted.reply.status() {
        let refusal = Refusal::new(status, "UnknownError", "");
        let retry_after = wait.map(|wait| RetryAfter { wait, as_date: false });
        return Err(Refusal { retry_after, ..refusal });
    }
    match scripted.reply {
        FaultyReply::Html => reply = Reply::html(),
        FaultyReply::Empty => reply = Reply::json(""),
        FaultyReply::Cut => reply.damage = Damage::Cut,
        FaultyReply::Closed => reply.damage = Damage::Unanswered,
        FaultyReply::Reset => reply.damage = Damage::Reset,
        FaultyReply::Silence => reply.damage = Damage::Silence,
        FaultyReply::OldValues | FaultyReply::Status(..) => {}
    }
    Ok(reply)
}

fn http_date(at: Timestamp) -> String {
    let seconds = Duration::from_secs(at.seconds().max(0).unsigned_abs());
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + seconds)
}

/// Identifies a request for faults and deadlines: equal calls have equal hashes.
fn hash(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    (call.method.as_str(), &call.path, &call.query, &call.body).hash(&mut hasher);
    hasher.finish()
}

/// A sliding window over the requests of the last minute.
struct Budget {
    limit: Option<usize>,
    minute: Duration,
    /// When the requests in the last minute arrived, including refused ones.
    recent: VecDeque<Instant>,
}

impl Budget {
    fn new(limit: Option<u32>, minute: Duration) -> Self {
        Self { limit: limit.map(|limit| limit as usize), minute, recent: VecDeque::new() }
    }

    /// Counts a request. If it exceeds the limit, returns how long to wait, in whole seconds.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        let limit = self.limit?;
        while self.recent.front().is_some_and(|first| now.duration_since(*first) >= self.minute) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        let excess = self.recent.len().checked_sub(limit).filter(|excess| *excess > 0)?;
        // There is room again once one request more than the excess has left the window.
        let leaves = self.recent.get(excess).unwrap_or(&now);
        let wait = self.minute.saturating_sub(now.duration_since(*leaves));
        Some(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
    }
}

/// Replaces the stories' company name with another, in each of its spellings.
fn rename(value: &mut Value, tenant: &str) {
    match value {
        _ if tenant == COMPANY => {}
        Value::String(text) if text.to_ascii_lowercase().contains(COMPANY) => {
            let capital = |name: &str| name[..1].to_ascii_uppercase() + &name[1..];
            for (old, new) in [
                (COMPANY.to_owned(), tenant.to_owned()),
                (capital(COMPANY), capital(tenant)),
                (COMPANY.to_ascii_uppercase(), tenant.to_ascii_uppercase()),
            ] {
                *text = text.replace(&old, &new);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, tenant)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, tenant)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_counts_refused_calls_and_returns_the_wait() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut budget = Budget::new(Some(3), Duration::from_secs(60));
        for second in [0.0, 1.0, 2.0] {
            assert_eq!(budget.take(at(second)), None);
        }
        // Four calls are in the window: those at 0 and 1 must leave it before another one fits.
        assert_eq!(budget.take(at(3.5)), Some(Duration::from_secs(58)));
        assert_eq!(budget.take(at(61.5)), None);
        assert_eq!(Budget::new(None, Duration::from_secs(60)).take(start), None);
        assert_eq!(Budget::new(Some(0), Duration::from_secs(60)).take(start), Some(Duration::from_secs(60)));
    }
}
