//! The service in front of the tenant: tokens, permissions, throttling, faults and the log.
//!
//! The service turns a [`Call`] into a [`Reply`] and uses neither connections nor a clock; the
//! caller passes in the time.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant, SystemTime},
};

use axum::http::{HeaderName, Method, StatusCode, header};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    Access, COMPANY, Exchange, Faults, Settings,
    batch::Batch,
    budget::Budget,
    changes::{Change, ChangeLog, ChangeRequest},
    colleague::Colleague,
    corruption::Corruption,
    edit::Editor,
    fault::{Fault, FaultPlan},
    generator::Generator,
    odata::Semantics,
    operations::{Effect, Handler},
    reply::{Damage, Refusal, Reply, RetryAfter},
    request::{Call, Operation, RequestKind, Route},
    rights::permit,
    script::{FaultyReply, Script, ScriptedFault},
    sign_in::{Endpoint, Holder, Moment, SignInControl, Verdict},
    store::Store,
    world::{COLLEAGUE, SIGNED_IN, guid},
};
use alertdeck_model::Timestamp;

/// The number of open alerts that the colleague works on, starting with the newest.
const COLLEAGUE_ALERTS: usize = 200;

/// The maximum number of exchanges in the log; older exchanges are dropped.
const LOG_LENGTH: usize = 10_000;

/// The value of `x-ms-ags-diagnostic`, which says where a request was processed.
const DIAGNOSTIC: &str = "{\"ServerInfo\":{\"DataCenter\":\"Simulated\",\"Slice\":\"E\",\"Ring\":\"5\",\
                          \"ScaleUnit\":\"000\",\"RoleInstance\":\"SIMULATED000000\"}}";

/// The service's state.
pub(super) struct Service {
    settings: Settings,
    base: String,
    started: Instant,
    pub(super) store: Store,
    pub(super) sign_in: SignInControl,
    /// The base URL for foreign links.
    foreign_base: String,
    generator: Generator,
    budget: Budget,
    faults: FaultPlan,
    pub(super) script: Script,
    pub(super) changes: ChangeLog,
    colleague: Colleague,
    /// The source of request IDs and other random values after startup.
    rng: StdRng,
    pub(super) log: VecDeque<Exchange>,
    /// The time at which each request's `Retry-After` elapses, keyed by the request's hash.
    deadlines: HashMap<u64, Instant>,
}

impl Service {
    pub(super) fn new(settings: Settings, base: String, foreign_base: String, started: Instant) -> Self {
        let mut generator = Generator::new(settings.seed, settings.alerts);
        let semantics = Semantics { exact_text: settings.exact_owners, ..Semantics::default() };
        let delay = if settings.faults == Faults::Stale { settings.timing.stale } else { Duration::ZERO };
        let mut store = Store::new(semantics, delay);
        generator.history(settings.alerts, settings.now, |mut alert| {
            rename(&mut alert, &settings.tenant);
            store.insert(&alert);
        });
        Self {
            budget: Budget::new(settings.budget, settings.timing.minute),
            faults: FaultPlan::new(&settings),
            script: Script::default(),
            changes: ChangeLog::default(),
            colleague: Colleague::new(settings.seed),
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
            if let Some(alert) = self.store.nth(index).and_then(|id| self.store.value(id)) {
                let status = if alert["status"] == "new" { "inProgress" } else { "new" };
                let id = alert["id"].as_str().unwrap_or_default().to_owned();
                let _ = self.change_as_colleague(&Operation::Update(id), &json!({"status": status}), now);
            }
        }
        period.mul_f64(self.rng.random_range(0.5..1.5))
    }

    /// Carries out one of the colleague's actions on an open alert, if there is one. Returns the
    /// time until the next action.
    pub(super) fn work(&mut self, now: Instant, period: Duration) -> Duration {
        let chosen = self.colleague.choose(&self.store.open_ids(COLLEAGUE_ALERTS));
        if let Some(alert) = chosen.and_then(|id| self.store.value(&id)) {
            let (operation, body) = self.colleague.act(&alert, &self.account(COLLEAGUE));
            let _ = self.change_as_colleague(&operation, &body, now);
        }
        period.mul_f64(self.colleague.wait_factor())
    }

    /// Changes an alert as the colleague. Fails as a request with the same body would.
    pub(super) fn change_as_colleague(
        &mut self,
        operation: &Operation,
        body: &Value,
        now: Instant,
    ) -> Result<Change, Refusal> {
        let (now, author) = (self.wall(now), self.account(COLLEAGUE));
        let (store, changes) = (&mut self.store, &mut self.changes);
        let mut editor = Editor { store, changes, now, author: &author, request: None };
        let edit = editor.edit(operation, body.to_string().as_bytes())?;
        Ok(editor.commit(edit))
    }

    /// Maps an account from the stories to its equivalent in this tenant.
    fn account(&self, name: &str) -> String {
        name.replace(COMPANY, &self.settings.tenant)
    }

    /// Answers a request that arrived at `now`.
    pub(super) fn answer(&mut self, call: Call, now: Instant) -> Reply {
        if call.path == ChangeLog::PATH {
            return self.answer_changes(&call, now);
        }
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

    /// Answers a request for the changes made so far. Only the token is checked, and the request is
    /// not logged, so that tests can send it at any time.
    fn answer_changes(&self, call: &Call, now: Instant) -> Reply {
        match self.authorize(call, now) {
            Ok(_) if call.method == Method::GET => Reply::plain_json(self.changes.to_json().to_string()),
            Ok(_) => Reply::error(StatusCode::METHOD_NOT_ALLOWED, String::new()),
            Err(refusal) => {
                let error = json!({"error": {"code": refusal.code, "message": refusal.message}});
                Reply::error(refusal.status, error.to_string())
            }
        }
    }

    /// Answers a request to Graph.
    fn answer_graph(&mut self, call: &Call, now: Instant) -> Reply {
        let (request, request_id) = (hash(call), guid(&mut self.rng));
        let result = self.handle(call, request, &request_id, now);
        self.finish(call, request, request_id, result, now)
    }

    /// Answers a batch. The parts count against the budget, but the batch itself does not.
    fn answer_batch(&mut self, call: &Call, now: Instant) -> Reply {
        let request_id = guid(&mut self.rng);
        let batch = self.authorize(call, now).and_then(|_| Batch::read(call));
        let result = batch.map(|batch| batch.answer(|part| self.answer_graph(&part, now)));
        self.finish(call, hash(call), request_id, result, now)
    }

    fn handle(
        &mut self,
        call: &Call,
        request: u64,
        request_id: &str,
        now: Instant,
    ) -> Result<Reply, Refusal> {
        // Rejected calls count against the budget too (docs/graph-api.md, "Throttling").
        if let Some(wait) = self.budget.take(now) {
            return Err(Refusal::throttled(Some(RetryAfter { wait, as_date: false })));
        }
        let holder = self.authorize(call, now)?;
        let route = Route::read(&call.method, &call.path)?;
        let fault = self.faults.draw(request, route.operation.kind());
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
        let change_request = ChangeRequest {
            request_id: request_id.to_owned(),
            client_request_id: call.header("client-request-id").map(str::to_owned),
        };
        let mut handler = Handler {
            editor: Editor {
                store: &mut self.store,
                changes: &mut self.changes,
                now: wall,
                author: &holder.name,
                request: Some(change_request),
            },
            base: &self.base,
            largest_page: self.settings.largest_page.max(1),
            foreign_base: &self.foreign_base,
        };
        let drawn = match fault {
            Fault::CarriedOut(reply) => Some(ScriptedFault { method: "", is_carried_out: true, reply }),
            _ => None,
        };
        if let Some(scripted) = self.script.take(&call.method).or(drawn) {
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

    /// Answers a request to a sign-in endpoint. The budget and the faults do not apply to these
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

    /// Checks the token and returns its holder. An accepted token that the simulator did not issue
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
            name: self.account(SIGNED_IN),
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

    /// Converts a refusal to an error response, and adds the headers that all responses share.
    fn finish(
        &mut self,
        call: &Call,
        request: u64,
        request_id: String,
        result: Result<Reply, Refusal>,
        now: Instant,
    ) -> Reply {
        let wall = self.wall(now);
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

/// Carries out a request if the scripted fault says so, and returns the fault's response.
fn act_out(
    handler: &mut Handler<'_>,
    route: &Route,
    call: &Call,
    scripted: &ScriptedFault,
) -> Result<Reply, Refusal> {
    let shows_old_values = scripted.reply == FaultyReply::OldValues;
    let mut reply = if route.operation.kind() == RequestKind::Change {
        handler.change(route, call, Effect { is_carried_out: scripted.is_carried_out, shows_old_values })?
    } else {
        handler.editor.store.visibility.shows_previous = shows_old_values;
        let reply = handler.handle(route, call, Fault::None);
        handler.editor.store.visibility.shows_previous = false;
        reply?
    };
    if let Some((status, wait)) = scripted.reply.status() {
        let (code, message) = match status {
            StatusCode::CONFLICT => ("Conflict", "The request conflicts with the state of the resource."),
            StatusCode::PRECONDITION_FAILED => {
                ("PreconditionFailed", "The resource has changed since it was last read.")
            }
            _ => ("UnknownError", ""),
        };
        let refusal = Refusal::new(status, code, message);
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

/// Returns a hash that identifies a request for faults and deadlines.
fn hash(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    (call.method.as_str(), &call.path, &call.query, &call.body).hash(&mut hasher);
    hasher.finish()
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
