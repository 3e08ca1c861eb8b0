//! A simulated tenant behind a real HTTP service on loopback, used by `demo`, `simulate` and the
//! tests (docs/testing.md, "Simulator").
//!
//! It behaves like the real service (docs/graph-api.md) and can inject faults (docs/testing.md,
//! "Faults that must be survived"). Within this workspace it depends only on the model. In
//! particular, it has its own `$filter` evaluator ([`odata`]), so that it checks the filters that
//! alertdeck sends instead of sharing alertdeck's bugs.
//!
//! Only `server` uses sockets. It passes each request to `service`, which checks the token, applies
//! the budget and the faults, keeps the log, and splits a `batch` into its parts. `request` and
//! `options` parse a request, and `operations` creates the response from the alerts in `store`,
//! from which `incidents` are built. `edit` changes alerts and records the changes in `changes`;
//! `visibility` delays the visibility of changes; `colleague` chooses the actions of another
//! analyst. `generator` creates the alerts by running the `stories` in the `world`. `sign_in`
//! serves the token endpoints on the same port.

mod batch;
mod budget;
mod changes;
mod colleague;
mod corruption;
mod edit;
mod evidence;
mod fault;
mod generator;
mod hostile;
mod incidents;
pub mod odata;
mod operations;
mod options;
mod paging;
mod reply;
mod request;
mod rights;
mod script;
mod server;
mod service;
mod sign_in;
mod store;
mod stories;
mod tls;
mod triage;
mod visibility;
mod world;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};

pub use changes::{AlertState, Change, ChangeRequest};
pub use fault::{Faults, UnknownFaults};
pub use rights::{Rights, UnknownRights};
pub use script::{FaultyReply, ScriptedFault};
pub use sign_in::{
    Authorization, CLIENT_SECRET, Grant, SignIn, SignInControl, SignInError, UNKNOWN_TENANT,
    UnreadableCertificate,
};
pub use world::{COLLEAGUE, SIGNED_IN};

use alertdeck_model::Timestamp;
use request::Operation;
use server::{Server, count_connections, repeat};
use service::Service;
use tls::Identity;

/// The company in the stories.
const COMPANY: &str = "contoso";

/// The settings for the tenant and its service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The company's name, in lower case, as it appears in domains, addresses and names. Alerts
    /// never contain another tenant's name.
    pub tenant: String,
    /// The number of alerts at the start.
    pub alerts: usize,
    /// The seed for all random choices.
    pub seed: u64,
    /// The delay added to every request.
    pub latency: Duration,
    /// The fault profile.
    pub faults: Faults,
    /// The port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// If true, the service uses https, with its own certificate ([`Simulator::certificate`]); if
    /// false, it uses http.
    pub tls: bool,
    /// The initial time on the service's clock (`Date`, arrivals, updates), which is also roughly
    /// the time of the newest alert.
    pub now: Timestamp,
    /// The tokens that the service accepts.
    pub access: Access,
    /// The initial settings for signing in.
    pub sign_in: SignIn,
    /// The maximum page size; a larger `$top` is silently reduced to it.
    pub largest_page: usize,
    /// The mean time between new alerts; `None` for no new alerts.
    pub arrivals: Option<Duration>,
    /// The mean time between actions of [`COLLEAGUE`], who takes, resolves or comments on open
    /// alerts; `None` for no actions.
    pub colleague: Option<Duration>,
    /// The delay between a new alert's timestamps and its arrival (docs/graph-api.md, "Polling").
    pub late: Duration,
    /// The number of requests that are accepted per minute; `None` for no limit. Further requests
    /// are answered with 429.
    pub budget: Option<u32>,
    /// If true, owners in a `$filter` are compared case-sensitively. Graph's behaviour is not
    /// documented (docs/graph-api.md, "Filtering").
    pub exact_owners: bool,
    /// The lengths of waits and outages, which tests shorten.
    pub timing: Timing,
}

/// The tokens that a service accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Any non-empty token, with the user's permissions ([`SignIn::scopes`]), for use without
    /// signing in. Tokens that [`SignInControl`] issued are still checked for expiry, revocation
    /// and permissions.
    Any,
    /// This token, with the user's permissions.
    Only(String),
    /// Only issued tokens, with the permissions granted to them.
    SignedIn,
}

/// How long the service's waits and outages last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The `Retry-After` value in injected faults; some use three quarters of it.
    pub retry_after: Duration,
    /// The length of an outage with [`Faults::Offline`].
    pub outage: Duration,
    /// The time between outages.
    pub recovery: Duration,
    /// The length of the budget's window, which is a minute in the real service.
    pub minute: Duration,
    /// The delay before each of the eight pieces of a slow body.
    pub trickle: Duration,
    /// The time for which a change stays invisible with [`Faults::Stale`].
    pub stale: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_after: Duration::from_secs(2),
            outage: Duration::from_secs(10),
            recovery: Duration::from_secs(60),
            minute: Duration::from_secs(60),
            trickle: Duration::from_millis(100),
            stale: Duration::from_secs(5),
        }
    }
}

impl Settings {
    /// Returns settings for a service that has 2,000 alerts up to `now`, a free port and Graph's
    /// budget of 150 requests per minute (docs/graph-api.md, "Throttling"), and that accepts any
    /// token. It has no faults, arrivals, colleague or latency.
    pub fn new(now: Timestamp) -> Self {
        Self {
            tenant: COMPANY.to_owned(),
            alerts: 2000,
            seed: 0,
            latency: Duration::ZERO,
            faults: Faults::None,
            port: 0,
            tls: false,
            now,
            access: Access::Any,
            sign_in: SignIn::default(),
            largest_page: 1000,
            arrivals: None,
            colleague: None,
            late: Duration::ZERO,
            budget: Some(150),
            exact_owners: false,
            timing: Timing::default(),
        }
    }
}

/// A logged request and its outcome.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The arrival time of the request, measured from the start of the service.
    pub at: Duration,
    /// The request's method.
    pub method: String,
    /// The request's path and query, as received.
    pub target: String,
    /// The status of the response; `None` if the connection was closed without one.
    pub status: Option<u16>,
    /// True if the response was missing or incomplete.
    pub broken: bool,
    /// True if the request was repeated before the `Retry-After` from the previous response had
    /// elapsed.
    pub early: bool,
    /// The request's body, as received.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Exchange {
    /// Returns a header of the request; `None` if it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns every header of the request whose value is text.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }
}

/// The error for a change that the service would reject, with the service's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidChange(String);

/// A running service. Dropping it ends its connections and its thread.
pub struct Simulator {
    address: SocketAddr,
    /// The URL of the service, without a trailing slash.
    base: String,
    /// The certificate that clients need to trust, as PEM.
    certificate: Option<String>,
    service: Arc<Mutex<Service>>,
    /// The number of connections to the address that foreign links lead to.
    strayed: Arc<AtomicUsize>,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Creates the tenant and serves it from a new thread.
    ///
    /// # Errors
    ///
    /// Fails if the port is in use, or if the system cannot provide a socket, a thread or random
    /// data.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let identity = settings.tls.then(Identity::new).transpose().map_err(io::Error::other)?;
        let scheme = if settings.tls { "https" } else { "http" };
        let base = format!("{scheme}://{address}");
        let (latency, trickle) = (settings.latency, settings.timing.trickle);
        let (arrivals, colleague) = (settings.arrivals, settings.colleague);
        // Foreign links lead to a second local port, so that no request leaves the machine.
        let foreign = match settings.faults {
            Faults::Hostile => Some(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
            _ => None,
        };
        let mut foreign_base = String::new();
        if let Some(foreign) = &foreign {
            foreign.set_nonblocking(true)?;
            foreign_base = format!("http://{}", foreign.local_addr()?);
        }
        let service = Service::new(settings, base.clone(), foreign_base, Instant::now());
        let service = Arc::new(Mutex::new(service));
        let strayed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&strayed);
        let (stop, stopped) = oneshot::channel::<()>();
        let (certificate, tls) = identity.map(|identity| (identity.authority, identity.acceptor)).unzip();
        let server = Server { service: Arc::clone(&service), tls, latency, trickle };
        let thread = std::thread::Builder::new().name("simulator".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let Ok(foreign) = foreign.map(TcpListener::from_std).transpose() else { return };
                tokio::select! {
                    never = server.serve(listener) => match never {},
                    never = count_connections(foreign, &count) => match never {},
                    never = repeat(&server.service, arrivals, Service::arrive) => match never {},
                    never = repeat(&server.service, colleague, Service::work) => match never {},
                    _ = stopped => {}
                }
            });
        })?;
        let (stop, thread) = (Some(stop), Some(thread));
        Ok(Self { address, base, certificate, service, strayed, stop, thread })
    }

    /// Returns the address that the service listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL for clients, without a trailing slash.
    pub fn base_url(&self) -> String {
        self.base.clone()
    }

    /// Returns the authority's certificate, which clients need to trust, as PEM; `None` without
    /// [`Settings::tls`]. Each run has a new authority, whose private key is never stored.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Returns the log of the last 10,000 requests, oldest first.
    pub fn log(&self) -> Vec<Exchange> {
        lock(&self.service).log.iter().cloned().collect()
    }

    /// Schedules faults for individual requests. Each fault is applied once, in order, to the next
    /// request with its method, in addition to [`Settings::faults`].
    pub fn script(&self, faults: impl IntoIterator<Item = ScriptedFault>) {
        lock(&self.service).script.add(faults);
    }

    /// Changes an alert immediately, as [`COLLEAGUE`] would. `change` has the form of a PATCH
    /// request's body, such as `{"status": "resolved"}`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such alert, or if a request with this body would be rejected.
    pub fn change(&self, id: &str, change: &Value) -> Result<Change, InvalidChange> {
        self.change_as_colleague(&Operation::Update(id.to_owned()), change)
    }

    /// Adds a comment by [`COLLEAGUE`] to an alert immediately.
    ///
    /// # Errors
    ///
    /// Fails if there is no such alert, or if the text is blank.
    pub fn comment(&self, id: &str, text: &str) -> Result<Change, InvalidChange> {
        self.change_as_colleague(&Operation::Comment(id.to_owned()), &json!({"comment": text}))
    }

    fn change_as_colleague(&self, operation: &Operation, body: &Value) -> Result<Change, InvalidChange> {
        let changed = lock(&self.service).change_as_colleague(operation, body, Instant::now());
        changed.map_err(|refusal| InvalidChange(refusal.message))
    }

    /// Hides the next change to an alert, by any account, from the next `reads` reads, which
    /// return the old values. Every request for the alert, a list, a count or an incident counts as
    /// a read, whether or not its response contains the alert. The response to the change itself
    /// contains the new values.
    ///
    /// With `u32::MAX`, the change is hidden until [`Simulator::reveal`].
    pub fn hide_next_change(&self, id: &str, reads: u32) {
        lock(&self.service).store.visibility.schedule(id, reads);
    }

    /// Makes all changes to an alert visible.
    pub fn reveal(&self, id: &str) {
        lock(&self.service).store.visibility.reveal(id);
    }

    /// Returns the last 10,000 changes and comments by clients and the colleague, oldest first.
    /// `GET /simulator/changes` returns the same changes (docs/testing.md, "Changes").
    pub fn changes(&self) -> Vec<Change> {
        lock(&self.service).changes.all()
    }

    /// Calls `act` with control of the sign-in endpoints. Requests wait until `act` returns.
    pub fn sign_in<R>(&self, act: impl FnOnce(&mut SignInControl) -> R) -> R {
        act(&mut lock(&self.service).sign_in)
    }

    /// Returns the number of connections to the foreign address in links from [`Faults::Hostile`].
    /// A correct client makes none.
    pub fn strayed(&self) -> usize {
        self.strayed.load(Ordering::Relaxed)
    }

    /// Returns all alerts in their current state, newest first, as a complete list would contain
    /// them if no changes were hidden.
    pub fn alerts(&self) -> Vec<Value> {
        lock(&self.service).store.values()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, the panic has already been printed.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Simulator({})", self.address)
    }
}

/// Locks the service. A panic in another thread of a test may poison the lock, but leaves the
/// service usable.
fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}
