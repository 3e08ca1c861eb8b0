//! A simulated tenant behind a real HTTP service on loopback: the other side of `demo`, of
//! `simulate` and of the tests (DESIGN.md 8).
//!
//! It behaves as API.md and QUIRKS.md say the real service does, and misbehaves on demand as
//! FAULTS.md says it can. It imports `model` and nothing else of ours: it reads `$filter` with an
//! evaluator of its own ([`odata`]), so it checks the compiler rather than echoing it.
//!
//! A request goes through these modules, of which only this one knows sockets: `service` (token,
//! budget, faults, log), `request` (what is asked), `operations` (the reply), `store` (the
//! alerts). The alerts come from `generator`, which plays the `stories` in the `world`.

mod evidence;
mod fault;
mod generator;
mod hostile;
pub mod odata;
mod operations;
mod reply;
mod request;
mod service;
mod store;
mod stories;
mod triage;
mod world;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, header},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot};

pub use fault::{Faults, UnknownFaults};
pub use world::SIGNED_IN;

use crate::model::Timestamp;
use reply::{Damage, Reply};
use request::Call;
use service::Service;

/// The longest request body that is read; a longer one counts as a cut connection.
const MAX_BODY: usize = 1 << 20;

/// What the tenant is like and how the service behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many alerts there are at the start.
    pub alerts: usize,
    /// Decides on everything that is left to chance.
    pub seed: u64,
    /// Added to each request.
    pub latency: Duration,
    /// What goes wrong.
    pub faults: Faults,
    /// The port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// The newest alerts are from about this moment, and the service's clock (`Date`, arrivals,
    /// updates) starts at it.
    pub now: Timestamp,
    /// The only token that is accepted; `None` accepts any that is not empty.
    pub token: Option<String>,
    /// A new alert arrives about this often; `None`: never.
    pub arrivals: Option<Duration>,
    /// Requests a minute before the service answers 429; `None`: unlimited.
    pub budget: Option<u32>,
    /// How long things take that tests want to be short.
    pub timing: Timing,
}

/// The waits of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// What a faulty reply tells the client to wait, more or less.
    pub retry_after: Duration,
    /// How long [`Faults::Offline`] is gone.
    pub outage: Duration,
    /// How long it is back before it is gone again.
    pub recovery: Duration,
    /// What the budget counts as a minute.
    pub minute: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_after: Duration::from_secs(2),
            outage: Duration::from_secs(10),
            recovery: Duration::from_secs(60),
            minute: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// Returns the settings of a well-behaved service with 2,000 alerts up to `now`: any port,
    /// any token, no arrivals, no latency, and the budget of API.md 9.
    pub fn new(now: Timestamp) -> Self {
        Self {
            alerts: 2000,
            seed: 0,
            latency: Duration::ZERO,
            faults: Faults::None,
            port: 0,
            now,
            token: None,
            arrivals: None,
            budget: Some(150),
            timing: Timing::default(),
        }
    }
}

/// A request that the service saw, with what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When it arrived, since the service started.
    pub at: Duration,
    /// The method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The status; `None` where the connection was closed without an answer.
    pub status: Option<u16>,
    /// The reply did not arrive whole.
    pub broken: bool,
    /// The same request had been told to wait, and came before the wait was over.
    pub early: bool,
    /// The body, as sent.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Exchange {
    /// Returns a header of the request; `None` where it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A running service. Dropping it ends its connections and its thread.
pub struct Simulator {
    address: SocketAddr,
    service: Arc<Mutex<Service>>,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Makes the tenant and serves it from a thread of its own.
    ///
    /// Fails when the port is taken or the system gives no socket or thread.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (latency, arrivals) = (settings.latency, settings.arrivals);
        let service = Service::new(settings, format!("http://{address}"), Instant::now());
        let service = Arc::new(Mutex::new(service));
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::clone(&service);
        let thread = std::thread::Builder::new().name("simulator".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    never = serve(listener, &shared, latency) => match never {},
                    never = keep_arriving(&shared, arrivals) => match never {},
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, service, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns where the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address to give to clients, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests seen so far, oldest first; of very many, the last 10,000.
    pub fn log(&self) -> Vec<Exchange> {
        lock(&self.service).log.iter().cloned().collect()
    }

    /// Returns every alert as it stands, newest first: what a complete list must hold.
    pub fn alerts(&self) -> Vec<Value> {
        lock(&self.service).store.values()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Simulator({})", self.address)
    }
}

/// A lock that was poisoned by a panic in a test's other thread still holds a whole service.
fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Closed;

/// Accepts connections. The loop is hyper's, not axum's, because only a handler that may fail
/// can close a connection without an answer.
async fn serve(listener: TcpListener, service: &Arc<Mutex<Service>>, latency: Duration) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of sockets: others must close first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let service = Arc::clone(service);
        let handler = service_fn(move |request| handle(Arc::clone(&service), request, latency));
        // An error here is a client that went away, or a fault that did what it should.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), handler));
    }
}

async fn keep_arriving(service: &Mutex<Service>, period: Option<Duration>) -> Infallible {
    let Some(period) = period else { return std::future::pending().await };
    let mut wait = period;
    loop {
        tokio::time::sleep(wait).await;
        wait = lock(service).arrive(Instant::now(), period);
    }
}

async fn handle(
    service: Arc<Mutex<Service>>,
    request: Request<Incoming>,
    latency: Duration,
) -> Result<Response<Body>, Closed> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), MAX_BODY).await.map_err(|_| Closed)?;
    tokio::time::sleep(latency).await;
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let reply = lock(&service).answer(call, arrived);
    respond(reply)
}

/// Turns a reply into a response, damage included.
fn respond(reply: Reply) -> Result<Response<Body>, Closed> {
    let length = reply.body.len();
    let body = match reply.damage {
        Damage::Unanswered => return Err(Closed),
        Damage::None => Body::from(reply.body),
        Damage::Cut | Damage::Short => {
            let sent = stream::iter([Ok(reply.body.slice(..length / 2))]);
            // The part is on the wire before the connection ends.
            let end = stream::once(async {
                tokio::task::yield_now().await;
                Err(Closed)
            });
            Body::from_stream(sent.chain(end))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    if reply.damage == Damage::Short {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}
