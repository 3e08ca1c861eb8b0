//! The one place that builds, sends, limits, retries and reports requests.
//!
//! It knows no Graph, no sign-in and no token: a request names an address below a [`Scope`], and
//! whatever is secret about it, a header value or a body, is bound to that scope. A request that
//! its scope does not cover is never sent, so no link in a reply can carry a credential elsewhere.
//! Redirects are off.
//!
//! Every wait (the budget, throttling, a repeated try) is reported before it begins and ends
//! when the future is dropped. No error and no log shows a query or a header value, and
//! what another host wrote passes through [`SafeText`] first.

mod budget;
mod fault;
mod journal;
mod retry;
mod scope;
mod trust;

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use tokio::time::sleep;

pub use budget::Budget;
pub use fault::{Cause, Fault};
pub use journal::{Entry, JOURNAL_LENGTH, Journal};
pub use reqwest::{
    Method, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
pub use scope::{Scope, ScopeError};
pub use trust::Untrusted;

use alertdeck_model::SafeText;
use journal::Target;
use reqwest::header;
use retry::{Next, Retry};
use secrecy::{ExposeSecret as _, SecretString};

/// The header that carries a fresh GUID with each attempt, for support (API.md 9).
const CLIENT_REQUEST_ID: &str = "client-request-id";
/// The headers with the service's own id of a request: Graph's, and the sign-in service's.
const REQUEST_IDS: [&str; 2] = ["request-id", "x-ms-request-id"];

/// What a request may cost before it is given up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first packet to a connection, TLS included.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For one attempt from connecting to the last byte, waits before it excluded.
    pub total: Duration,
    /// Bytes of a body after decompression.
    pub body: usize,
    /// Tries where the transport or the service fails.
    pub tries: u32,
    /// Waits that throttling may cost one request.
    pub throttles: u32,
    /// Upper bound of the first wait between tries; it doubles with each, to 20 s at most.
    pub backoff: Duration,
    /// All waits of one request that the service did not ask for.
    pub patience: Duration,
}

impl Default for Limits {
    /// The bounds of FAULTS.md, rule 10, and of API.md 9.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(25),
            total: Duration::from_secs(120),
            body: 32 << 20,
            tries: 5,
            throttles: 10,
            backoff: Duration::from_millis(500),
            patience: Duration::from_secs(60),
        }
    }
}

/// How connections leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Through the proxy that the system or the environment names, if any.
    System,
    /// Without a proxy: a service on loopback is not reachable through one.
    Direct,
}

/// A request below a scope.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// Where to; sent only where the scope covers it.
    pub url: Url,
    /// Headers beside those that every request carries.
    pub headers: HeaderMap,
    /// What is sent; it may hold secrets, so it is in no log and no `Debug`.
    pub body: Option<SecretString>,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

impl Request {
    /// Asks for what is at an address; such a request is repeated freely: it changes nothing.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None, repeat: Repeat::Freely }
    }

    /// Sends a form to an address.
    pub fn post_form(url: Url, form: SecretString, repeat: Repeat) -> Self {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self {
            method: Method::POST,
            url,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]),
            body: Some(form),
            repeat,
        }
    }
}

/// When a request may be sent again (FAULTS.md, rule 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// After any failure that may pass: sending it twice does what sending it once does.
    Freely,
    /// Only where it is certain that it was not carried out: no connection, or an answer that
    /// says when to come back.
    IfRefused,
}

/// A value for `Authorization`, if there is one, and the scope that the request may go to.
#[derive(Clone, Debug)]
pub struct Credential<'a> {
    /// Where the request may go, with all that is secret about it.
    pub scope: &'a Scope,
    /// The value; it must be marked sensitive so that `Debug` hides it.
    pub authorization: Option<HeaderValue>,
}

/// What the service answered at last, whatever its status. `Debug` leaves the body out: that of a
/// sign-in holds tokens.
#[derive(Clone)]
pub struct Reply {
    /// The status of the last try.
    pub status: StatusCode,
    /// The headers of the last try.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
    /// How many times the request was sent.
    pub tries: u32,
    /// Who answered, with the port where that is not the usual one.
    pub host: String,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reply = f.debug_struct("Reply");
        reply.field("status", &self.status).field("host", &self.host).field("bytes", &self.body.len());
        reply.finish_non_exhaustive()
    }
}

impl Reply {
    /// Returns a header as text that is safe to show.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<SafeText> {
        self.headers.get(name).map(|value| SafeText::new(&String::from_utf8_lossy(value.as_bytes())))
    }

    /// Returns the service's own id of the request.
    pub fn request_id(&self) -> Option<SafeText> {
        REQUEST_IDS.into_iter().find_map(|name| self.header(name))
    }

    /// Returns the moment that the service's clock showed.
    pub fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(header::DATE)?.to_str().ok()?).ok()
    }

    /// Tells whether the body is a page for people, as proxies and captive portals send.
    pub fn is_html(&self) -> bool {
        let declared = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        declared.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
            || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// Returns the body where it may be JSON: there is one, and it is no HTML.
    pub fn json(&self) -> Result<Bytes, Fault> {
        let fault = |cause| Err(Fault { host: self.host.clone(), cause });
        if self.is_html() {
            return fault(Cause::Html);
        }
        if self.body.trim_ascii().is_empty() {
            return fault(Cause::Empty(self.status.as_u16()));
        }
        Ok(self.body.clone())
    }
}

/// What happens to a request while its answer is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The request is held back.
    Waiting {
        /// How long, from now.
        delay: Duration,
        /// What for.
        why: Wait,
    },
    /// The wait is over; the request is sent.
    Resumed,
}

/// Why a request is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The service asked for it (429, or a 503 with Retry-After).
    Throttled,
    /// The requests of this minute are used up.
    Budget,
    /// The last try failed.
    Retry {
        /// The failure in one line.
        cause: String,
        /// How many tries have failed.
        failed: u32,
    },
}

/// Where a request reports its events to.
pub type OnEvent<'a> = &'a mut (dyn FnMut(Event) + Send);

/// The client: connections, limits, budget and journal. Cheap to clone; clones share all of it.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    /// Replaced where a service asks for a new connection.
    client: Mutex<reqwest::Client>,
    tls: rustls::ClientConfig,
    route: Route,
    limits: Limits,
    budget: Budget,
    journal: Journal,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

impl Http {
    /// Prepares a client; nothing is sent yet.
    ///
    /// Fails where the proxy settings of the platform cannot be read.
    pub fn new(limits: Limits, budget: Budget, route: Route) -> Result<Self, Fault> {
        Self::with_journal(limits, budget, route, Journal::default())
    }

    /// Prepares a client that notes its requests in a journal that others write too.
    pub fn with_journal(
        limits: Limits,
        budget: Budget,
        route: Route,
        journal: Journal,
    ) -> Result<Self, Fault> {
        let setup = |reason| Fault { host: "services".into(), cause: Cause::Setup(reason) };
        let tls = trust::config().map_err(|error| setup(error.to_string()))?;
        let client = connect(&tls, &limits, route).map_err(|error| Fault::read(error, "services"))?;
        let client = Mutex::new(client);
        Ok(Self { inner: Arc::new(Inner { client, tls, route, limits, budget, journal }) })
    }

    /// Prepares a client for another service: with the same limits and journal, a budget and
    /// connections of its own.
    pub fn beside(&self, budget: Budget, route: Route) -> Result<Self, Fault> {
        Self::with_journal(self.inner.limits.clone(), budget, route, self.inner.journal.clone())
    }

    /// Returns the journal of requests.
    pub fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    /// Sends a request until it is answered, or until its limits are used up.
    ///
    /// Any answer is a [`Reply`], also a refusal; a [`Fault`] means that there was none. A
    /// request outside the scope of its credential is refused here ([`Cause::Foreign`]).
    pub async fn send(
        &self,
        request: &Request,
        credential: &Credential<'_>,
        on_event: OnEvent<'_>,
    ) -> Result<Reply, Fault> {
        if !credential.scope.covers(&request.url) {
            return Err(Fault {
                host: scope::host(&request.url),
                cause: Cause::Foreign(scope::place(&request.url)),
            });
        }
        let Inner { limits, budget, .. } = &*self.inner;
        persist(limits, budget, request.repeat, on_event, |waited| self.attempt(request, credential, waited))
            .await
    }

    /// Sends a request once and notes it in the journal.
    async fn attempt(
        &self,
        request: &Request,
        credential: &Credential<'_>,
        waited: Duration,
    ) -> Result<Reply, Fault> {
        let id = guid(rand::random());
        let mut headers = request.headers.clone();
        if let Some(authorization) = &credential.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(CLIENT_REQUEST_ID, id);
        }
        let pending = self.inner.journal.begin(Entry {
            started: SystemTime::now(),
            waited,
            took: Duration::ZERO,
            method: request.method.to_string(),
            target: Target::new(&request.url, &request.headers, request.body.is_some()),
            outcome: None,
            bytes: 0,
            client_request_id: id,
            request_id: None,
        });
        let outcome = self.exchange(request, headers).await;
        if matches!(&outcome, Ok(reply) if reply.status == StatusCode::SERVICE_UNAVAILABLE) {
            self.connect_anew();
        }
        let ended = pending.end(|entry| {
            entry.outcome = Some(match &outcome {
                Ok(reply) => Ok(reply.status.as_u16()),
                Err(fault) => Err(fault.to_string()),
            });
            entry.bytes = outcome.as_ref().map_or(0, |reply| reply.body.len());
            entry.request_id = outcome.as_ref().ok().and_then(Reply::request_id);
        });
        if let Some(entry) = ended {
            tracing::info!("{entry}");
        }
        if let Ok(reply) = &outcome {
            // What support asks for beside the ids (API.md 9).
            let header = |name: &str| reply.header(name).map_or_else(String::new, |text| text.line());
            tracing::debug!(date = header("date"), diagnostic = header("x-ms-ags-diagnostic"));
        }
        outcome
    }

    /// Leaves the connections that there are: an overloaded server is to be asked over a new one
    /// (API.md 9), which may lead to another.
    fn connect_anew(&self) {
        let Inner { client, tls, limits, route, .. } = &*self.inner;
        // It was made this way before, so it can be again.
        if let Ok(new) = connect(tls, limits, *route) {
            *client.lock().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }

    async fn exchange(&self, request: &Request, headers: HeaderMap) -> Result<Reply, Fault> {
        let host = scope::host(&request.url);
        let fault = |error| Fault::read(error, &host);
        let client = self.inner.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sending = client.request(request.method.clone(), request.url.clone()).headers(headers);
        if let Some(body) = &request.body {
            sending = sending.body(body.expose_secret().to_owned());
        }
        let mut response = sending.send().await.map_err(fault)?;
        let limit = self.inner.limits.body;
        let too_large = || Fault { host: host.clone(), cause: Cause::TooLarge(limit) };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
            tries: 1,
            host,
        })
    }
}

/// Makes a client without connections yet.
fn connect(tls: &rustls::ClientConfig, limits: &Limits, route: Route) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("alertdeck/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits.connect)
        .read_timeout(limits.idle)
        .timeout(limits.total);
    if route == Route::Direct {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// Makes attempts until one is final: every wait lies between two of them.
async fn persist<F>(
    limits: &Limits,
    budget: &Budget,
    repeat: Repeat,
    on_event: OnEvent<'_>,
    mut attempt: impl FnMut(Duration) -> F,
) -> Result<Reply, Fault>
where
    F: Future<Output = Result<Reply, Fault>>,
{
    let mut retry = Retry::new(limits, repeat);
    let mut waited = Duration::ZERO;
    loop {
        while let Err((delay, why)) = budget.take() {
            waited += delay;
            pause(delay, why, on_event).await;
        }
        let outcome = attempt(waited).await;
        waited = Duration::ZERO;
        match retry.after(&outcome, rand::random()) {
            Next::Stop => return outcome.map(|reply| Reply { tries: retry.tries(), ..reply }),
            // Held for everyone who shares the budget: the limit is the tenant's, not the request's.
            Next::Throttled(delay) => budget.hold(delay),
            Next::Again(delay, why) => {
                waited += delay;
                pause(delay, why, on_event).await;
            }
        }
    }
}

async fn pause(delay: Duration, why: Wait, on_event: OnEvent<'_>) {
    match &why {
        Wait::Throttled => tracing::info!("throttled, waiting {} ms", delay.as_millis()),
        Wait::Budget => tracing::debug!("requests of this minute used up, waiting {} ms", delay.as_millis()),
        Wait::Retry { cause, failed } => {
            tracing::info!("try {failed} failed: {cause}; waiting {} ms", delay.as_millis());
        }
    }
    on_event(Event::Waiting { delay, why });
    sleep(delay).await;
    on_event(Event::Resumed);
}

/// Writes random bits as a version 4 GUID (RFC 9562, 5.4).
fn guid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (at, part) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{}", if at == 0 { "" } else { "-" }, &hex[part.0..part.1]);
    }
    text
}

#[cfg(test)]
mod tests;
