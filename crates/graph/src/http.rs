//! The transport: sends, limits and repeats requests, and reports their progress.
//!
//! The transport knows nothing about Graph, sign-in or tokens. All secrets in a
//! [`TransportRequest`], in header values and in the body, are bound to a [`Scope`]. A request
//! outside its scope is never sent, so no link in a response can carry a credential elsewhere.
//! Redirects are not followed.
//!
//! Every wait (for the budget, for throttling, before another attempt) is reported before it
//! begins, and ends when the future is dropped. Errors and log lines never show a query or a header
//! value, and all external text first passes through [`SafeText`](alertdeck_model::SafeText).
//!
//! Over TLS, HTTP/2 is offered alongside HTTP/1.1 (ALPN). The HTTP libraries resend a request on
//! their own only if the server provably did not process it: the connection was closed before the
//! request was written, or the server refused the stream (GOAWAY, REFUSED_STREAM).

mod budget;
mod fault;
mod journal;
mod mask;
mod message;
mod retry;
mod scope;
mod trust;

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::BytesMut;
use tokio::time::{Instant, sleep};

pub use budget::Budget;
pub use fault::{Cause, Fault};
pub use journal::{AttemptOutcome, Entry, JOURNAL_LENGTH, Journal};
pub use message::{Credential, Priority, Repeat, Reply, TransportRequest};
pub use reqwest::{
    Method, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
pub(crate) use scope::shortened;
pub use scope::{Scope, ScopeError};
pub use trust::Untrusted;

use crate::event::{ClientEvent, OnEvent, WaitCause};
use journal::Target;
use mask::Secrets;
use reqwest::header;
use retry::{Next, Retry};
use secrecy::ExposeSecret as _;

/// The header that carries a fresh GUID with each attempt. Microsoft Support asks for it
/// (docs/graph-api.md, "Errors").
const CLIENT_REQUEST_ID: &str = "client-request-id";

/// The limits beyond which a request fails or a list ends.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The maximum time to connect, including TLS.
    pub connect: Duration,
    /// The maximum time between consecutive chunks of a response.
    pub idle: Duration,
    /// The maximum time for one attempt, from connecting to the last byte. Waits before the attempt
    /// do not count.
    pub total: Duration,
    /// The maximum size of a body after decompression, in bytes.
    pub body: usize,
    /// The maximum number of attempts if the transport or the service keeps failing.
    pub tries: u32,
    /// The maximum number of throttling waits for one request.
    pub throttles: u32,
    /// The upper bound of the first wait between attempts. The bound doubles with each attempt, up
    /// to 20 s.
    pub backoff: Duration,
    /// The maximum total wait for one request, excluding waits that the service asks for.
    pub patience: Duration,
    /// The maximum total time for one request, including attempts and waits but excluding waits
    /// that the service asks for. An attempt may use only the time that is left.
    pub overall: Duration,
    /// The longest wait that the service may ask for. A request that would have to wait longer
    /// fails instead.
    pub longest_wait: Duration,
    /// The maximum number of alerts in a list. A longer list is cut off and marked incomplete.
    pub list_alerts: usize,
    /// The maximum total size of a list's alerts, in bytes of JSON. A larger list is cut off and
    /// marked incomplete.
    pub list_bytes: u64,
}

impl Limits {
    /// Returns the limits for a command. Unlike the console, a command does not show that a request
    /// is waiting, and the user cannot cancel the wait.
    pub fn for_command() -> Self {
        Self { longest_wait: Duration::from_secs(600), ..Self::default() }
    }
}

impl Default for Limits {
    /// Returns the limits given in docs/security.md, "Limits".
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
            overall: Duration::from_secs(180),
            longest_wait: Duration::MAX,
            list_alerts: 500_000,
            list_bytes: 4 << 30,
        }
    }
}

/// The route that connections take from this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Through the proxy set in the system or the environment, if there is one.
    System,
    /// Without a proxy, since a service on loopback cannot be reached through one.
    Direct,
}

/// Sends requests; holds the connections, limits, budget and journal. Cheap to clone; clones share
/// all of them.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    /// Replaced after a 503, to abandon its connections.
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
    /// Creates a transport with its own journal; nothing is sent yet.
    ///
    /// Fails with [`Cause::Setup`] if TLS or the platform's proxy settings cannot be used.
    pub fn new(limits: Limits, budget: Budget, route: Route) -> Result<Self, Fault> {
        Self::with_journal(limits, budget, route, Journal::default())
    }

    /// Creates a transport like [`Http::new`], but with a journal that other transports may share.
    pub fn with_journal(
        limits: Limits,
        budget: Budget,
        route: Route,
        journal: Journal,
    ) -> Result<Self, Fault> {
        Self::with_tls(limits, budget, route, journal, trust::config().map_err(|error| setup(&error))?)
    }

    /// Creates a transport like [`Http::new`] for a service with its own certificate. The transport
    /// trusts only the certificate authorities in `authorities`, which is PEM text, and ignores the
    /// machine's certificate store.
    pub fn trusting(authorities: &str, limits: Limits, budget: Budget, route: Route) -> Result<Self, Fault> {
        let tls = trust::only(authorities).map_err(|error| setup(&error))?;
        Self::with_tls(limits, budget, route, Journal::default(), tls)
    }

    fn with_tls(
        limits: Limits,
        budget: Budget,
        route: Route,
        journal: Journal,
        tls: rustls::ClientConfig,
    ) -> Result<Self, Fault> {
        let client = connect(&tls, &limits, route).map_err(|error| Fault::read(error, "services"))?;
        let client = Mutex::new(client);
        Ok(Self { inner: Arc::new(Inner { client, tls, route, limits, budget, journal }) })
    }

    /// Creates a transport for another service. It shares this one's limits and journal but has its
    /// own budget and connections.
    pub fn beside(&self, budget: Budget, route: Route) -> Result<Self, Fault> {
        Self::with_journal(self.inner.limits.clone(), budget, route, self.inner.journal.clone())
    }

    /// Returns the limits that apply to each request.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Returns the request journal.
    pub fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    /// Sends a request, and repeats it after failures as its [`Repeat`] and the limits allow.
    ///
    /// Returns the last response, whatever its status. A [`Fault`] means that there was no
    /// response, or that the request lies outside its credential's scope ([`Cause::Foreign`]).
    pub async fn send(
        &self,
        request: &TransportRequest,
        credential: &Credential<'_>,
        on_event: OnEvent<'_>,
    ) -> Result<Reply, Fault> {
        if !credential.scope.covers(&request.url) {
            return Err(Fault {
                host: scope::host(&request.url),
                cause: Cause::Foreign(scope::without_secrets(&request.url)),
            });
        }
        let Inner { limits, budget, .. } = &*self.inner;
        persist(limits, budget, (request.repeat, request.priority), on_event, |waited, left| {
            self.attempt(request, credential, waited, left)
        })
        .await
    }

    /// Sends a request once, within the time `left`, and records it in the journal.
    async fn attempt(
        &self,
        request: &TransportRequest,
        credential: &Credential<'_>,
        waited: Duration,
        left: Duration,
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
        let outcome = self.exchange(request, headers, left).await;
        if matches!(&outcome, Ok(reply) if reply.status == StatusCode::SERVICE_UNAVAILABLE) {
            self.reconnect();
        }
        let ended = pending.end(|entry| {
            entry.outcome = Some(match &outcome {
                Ok(reply) => AttemptOutcome::Answered(reply.status.as_u16()),
                Err(fault) => AttemptOutcome::Failed(fault.to_string()),
            });
            entry.bytes = outcome.as_ref().map_or(0, |reply| reply.body.len());
            entry.request_id = outcome.as_ref().ok().and_then(Reply::request_id);
        });
        if let Some(entry) = ended {
            tracing::info!("{entry}");
        }
        if let Ok(reply) = &outcome {
            // Microsoft Support asks for these too (docs/graph-api.md, "Errors").
            let header = |name: &str| reply.header(name).map_or_else(String::new, |text| text.line());
            tracing::debug!(date = header("date"), diagnostic = header("x-ms-ags-diagnostic"));
        }
        outcome
    }

    /// Abandons the open connections. An overloaded service asks for requests over a new
    /// connection, which may reach another server (docs/graph-api.md, "Status codes").
    fn reconnect(&self) {
        let Inner { client, tls, limits, route, .. } = &*self.inner;
        // These settings have already worked once.
        if let Ok(new) = connect(tls, limits, *route) {
            *client.lock().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }

    async fn exchange(
        &self,
        request: &TransportRequest,
        headers: HeaderMap,
        left: Duration,
    ) -> Result<Reply, Fault> {
        let host = scope::host(&request.url);
        let secrets = Secrets::of(&headers, request.body.as_ref());
        let fault = |error| Fault::read(error, &host);
        let client = self.inner.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sending = client.request(request.method.clone(), request.url.clone()).headers(headers);
        sending = sending.timeout(self.inner.limits.total.min(left));
        if let Some(body) = &request.body {
            sending = sending.body(body.expose_secret().to_owned());
        }
        let mut response = sending.send().await.map_err(fault)?;
        let limit = self.inner.limits.body;
        let too_large = || Fault { host: host.clone(), cause: Cause::TooLarge(limit) };
        let length = response.content_length().unwrap_or_default();
        if length > limit as u64 {
            return Err(too_large());
        }
        // A page can be several megabytes, and a growing buffer would be copied repeatedly.
        let mut body = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
        while let Some(chunk) = response.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status();
        let mut headers = std::mem::take(response.headers_mut());
        secrets.mask_headers(&mut headers);
        let body = secrets.mask_body(body.freeze(), status.is_success());
        Ok(Reply { status, headers, body, tries: 1, host })
    }
}

fn setup(error: &rustls::Error) -> Fault {
    Fault { host: "services".into(), cause: Cause::Setup(error.to_string()) }
}

/// Creates an HTTP client; it has no connections yet.
fn connect(tls: &rustls::ClientConfig, limits: &Limits, route: Route) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("alertdeck/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits.connect)
        .read_timeout(limits.idle);
    if route == Route::Direct {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// Makes attempts, waiting between them, until one is final or the time is up. `attempt` receives
/// the delay before the attempt and the time that the attempt may take.
async fn persist<F>(
    limits: &Limits,
    budget: &Budget,
    (repeat, priority): (Repeat, Priority),
    on_event: OnEvent<'_>,
    mut attempt: impl FnMut(Duration, Duration) -> F,
) -> Result<Reply, Fault>
where
    F: Future<Output = Result<Reply, Fault>>,
{
    let mut retry = Retry::new(limits, repeat);
    let mut waited = Duration::ZERO;
    let mut left = limits.overall;
    loop {
        while let Err((delay, cause)) = budget.take(priority) {
            waited += delay;
            pause(delay, cause, on_event).await;
        }
        let began = Instant::now();
        let outcome = attempt(waited, left).await;
        left = left.saturating_sub(began.elapsed());
        waited = Duration::ZERO;
        let next = match retry.after(&outcome, rand::random()) {
            Next::Again(delay, _) if delay >= left => Next::Stop,
            Next::Throttled(_) if left.is_zero() => Next::Stop,
            next => next,
        };
        match next {
            Next::Stop => return outcome.map(|reply| Reply { tries: retry.tries(), ..reply }),
            // Everything that shares the budget waits, because the limit applies to the tenant, not
            // to the request.
            Next::Throttled(delay) => budget.hold(delay),
            Next::Again(delay, cause) => {
                waited += delay;
                left -= delay;
                pause(delay, cause, on_event).await;
            }
        }
    }
}

/// Waits, reporting the wait before it begins and when it is over.
pub(crate) async fn pause(delay: Duration, cause: WaitCause, on_event: OnEvent<'_>) {
    let ms = delay.as_millis();
    match &cause {
        WaitCause::Throttled => tracing::info!("throttled, waiting {ms} ms"),
        WaitCause::Budget => tracing::debug!("request limit for this minute reached, waiting {ms} ms"),
        WaitCause::Retry { failure, failed } => {
            tracing::info!("attempt {failed} failed: {failure}; waiting {ms} ms");
        }
        WaitCause::Recheck => tracing::info!("the change is not visible yet, waiting {ms} ms"),
    }
    on_event(ClientEvent::Waiting { delay, cause });
    sleep(delay).await;
    on_event(ClientEvent::Resumed);
}

/// Formats random bits as a version 4 GUID (RFC 9562, 5.4).
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
