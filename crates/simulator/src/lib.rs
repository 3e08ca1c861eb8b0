//! A simulated tenant behind a real HTTP service on loopback: the other side of `demo`, of
//! `simulate` and of the tests (DESIGN.md 8).
//!
//! It behaves as API.md and QUIRKS.md say the real service does, and misbehaves on demand as
//! FAULTS.md says it can. It imports `model` and nothing else of ours: it reads `$filter` with an
//! evaluator of its own ([`odata`]), so it checks the compiler rather than echoing it.
//!
//! A request goes through these modules, of which only this one knows sockets: `service` (token,
//! budget, faults, log), `request` (what is asked), `operations` (the reply), `store` (the
//! alerts). The alerts come from `generator`, which plays the `stories` in the `world`. Signing in
//! is a side of its own, on the same port: `sign_in`.

mod evidence;
mod fault;
mod generator;
mod hostile;
pub mod odata;
mod operations;
mod reply;
mod request;
mod service;
mod sign_in;
mod store;
mod stories;
mod triage;
mod world;

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

pub use fault::{Faults, UnknownFaults};
pub use sign_in::{
    Authorization, CLIENT_SECRET, Grant, SignIn, SignInControl, SignInError, UNKNOWN_TENANT,
    UnreadableCertificate,
};
pub use world::SIGNED_IN;

use alertdeck_model::Timestamp;
use reply::{Damage, Reply};
use request::Call;
use service::Service;

/// The longest request body that is read; a longer one counts as a cut connection.
const MAX_BODY: usize = 1 << 20;
/// In how many pieces a slow body arrives.
const PIECES: usize = 8;

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
    /// Whose requests are answered.
    pub access: Access,
    /// How people and applications sign in at the start.
    pub sign_in: SignIn,
    /// The longest page; a larger `$top` is cut to it without a word.
    pub largest_page: usize,
    /// A new alert arrives about this often; `None`: never.
    pub arrivals: Option<Duration>,
    /// Requests a minute before the service answers 429; `None`: unlimited.
    pub budget: Option<u32>,
    /// How long things take that tests want to be short.
    pub timing: Timing,
}

/// Which tokens the service takes. One that was handed out by [`SignInControl`] is always judged by
/// what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Any that is not empty, with every right; so a person can try the simulator without signing
    /// in.
    Any,
    /// This one, with every right.
    Only(String),
    /// Those that were handed out here, with the rights they were handed out for.
    SignedIn,
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
    /// The wait before each piece of a body that arrives slowly; there are eight of them.
    pub trickle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_after: Duration::from_secs(2),
            outage: Duration::from_secs(10),
            recovery: Duration::from_secs(60),
            minute: Duration::from_secs(60),
            trickle: Duration::from_millis(100),
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
            access: Access::Any,
            sign_in: SignIn::default(),
            largest_page: 1000,
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

    /// Returns every header of the request whose value is text.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }
}

/// A running service. Dropping it ends its connections and its thread.
pub struct Simulator {
    address: SocketAddr,
    service: Arc<Mutex<Service>>,
    /// Connections that were made to the address of foreign links.
    strayed: Arc<AtomicUsize>,
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
        let manner = Manner { latency: settings.latency, trickle: settings.timing.trickle };
        let arrivals = settings.arrivals;
        // Foreign links lead to a port of our own, so that nobody else is ever asked.
        let elsewhere = match settings.faults {
            Faults::Hostile => Some(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
            _ => None,
        };
        let mut foreign = String::new();
        if let Some(elsewhere) = &elsewhere {
            elsewhere.set_nonblocking(true)?;
            foreign = format!("http://{}", elsewhere.local_addr()?);
        }
        let service = Service::new(settings, format!("http://{address}"), foreign, Instant::now());
        let service = Arc::new(Mutex::new(service));
        let strayed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&strayed);
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::clone(&service);
        let thread = std::thread::Builder::new().name("simulator".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let Ok(elsewhere) = elsewhere.map(TcpListener::from_std).transpose() else { return };
                tokio::select! {
                    never = serve(listener, &shared, manner) => match never {},
                    never = count_strays(elsewhere, &count) => match never {},
                    never = keep_arriving(&shared, arrivals) => match never {},
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, service, strayed, stop: Some(stop), thread: Some(thread) })
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

    /// Changes or asks something of the sign-in side, which waits meanwhile.
    pub fn sign_in<R>(&self, act: impl FnOnce(&mut SignInControl) -> R) -> R {
        act(&mut lock(&self.service).desk)
    }

    /// Returns how many connections were made to the other address that [`Faults::Hostile`] names
    /// in links: a client makes none.
    pub fn strayed(&self) -> usize {
        self.strayed.load(Ordering::Relaxed)
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

/// How the service sends, whatever it sends.
#[derive(Clone, Copy)]
struct Manner {
    latency: Duration,
    trickle: Duration,
}

/// Accepts connections. The loop is hyper's, not axum's, because only a handler that may fail
/// can close a connection without an answer.
async fn serve(listener: TcpListener, service: &Arc<Mutex<Service>>, manner: Manner) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of sockets: others must close first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        tokio::spawn(talk(stream, Arc::clone(service), manner));
    }
}

/// Serves one connection to its end.
async fn talk(stream: TcpStream, service: Arc<Mutex<Service>>, manner: Manner) {
    let reset = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&reset);
    let handler =
        service_fn(move |request| Box::pin(handle(Arc::clone(&service), request, manner, Arc::clone(&flag))));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), handler);
    // An error here is a client that went away, or a fault that did what it should.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        // What is closed with no time to linger is reset.
        let _ = stream.set_zero_linger();
    } else {
        let _ = stream.shutdown().await;
    }
}

/// Notes who follows a link that leads elsewhere, and hangs up.
async fn count_strays(listener: Option<TcpListener>, strayed: &AtomicUsize) -> Infallible {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        if listener.accept().await.is_ok() {
            strayed.fetch_add(1, Ordering::Relaxed);
        }
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
    manner: Manner,
    reset: Arc<AtomicBool>,
) -> Result<Response<Body>, Closed> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), MAX_BODY).await.map_err(|_| Closed)?;
    tokio::time::sleep(manner.latency).await;
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let reply = lock(&service).answer(call, arrived);
    if reply.damage == Damage::Reset {
        reset.store(true, Ordering::Relaxed);
    }
    respond(reply, manner.trickle)
}

/// Turns a reply into a response, damage included.
fn respond(reply: Reply, trickle: Duration) -> Result<Response<Body>, Closed> {
    let length = reply.body.len();
    let body = match reply.damage {
        Damage::Unanswered | Damage::Reset => return Err(Closed),
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
        Damage::Slow => {
            let pieces: Vec<_> = (0..PIECES)
                .map(|n| reply.body.slice(length * n / PIECES..length * (n + 1) / PIECES))
                .collect();
            Body::from_stream(stream::iter(pieces).then(move |piece| async move {
                tokio::time::sleep(trickle).await;
                Ok::<_, Infallible>(piece)
            }))
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
