//! The service's sockets: accepts connections, with or without TLS, reads requests, and writes
//! responses, compressed if the client accepts gzip. Also damages responses as the fault profiles
//! require.
//!
//! Over TLS, clients may choose HTTP/2 (ALPN). Damage that would end an HTTP/1.1 connection then
//! ends only the stream, or announces the end of the connection (GOAWAY).
//!
//! This module knows nothing about alerts or operations.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    io::Write as _,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, header},
};
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt, stream};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_rustls::TlsAcceptor;

use super::{
    lock,
    reply::{Damage, Reply},
    request::Call,
    service::Service,
};

/// The maximum size of a request body, in bytes. The connection is closed if a body is larger.
const MAX_BODY: usize = 1 << 20;
/// The number of pieces into which a slow body is split.
const PIECES: usize = 8;
/// The largest body that is compressed, in bytes. On loopback, compressing a larger body takes far
/// longer than sending it, and responses are prepared one at a time.
const MAX_COMPRESSED: usize = 1 << 20;
/// The time after a GOAWAY during which the connection's other streams are still answered.
const DRAIN: Duration = Duration::from_millis(50);

/// The state that all connections share.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) service: Arc<Mutex<Service>>,
    /// `None` for plain http.
    pub(super) tls: Option<TlsAcceptor>,
    /// The delay added to every response.
    pub(super) latency: Duration,
    /// The delay before each piece of a slow body.
    pub(super) trickle: Duration,
}

/// The error that closes a connection without a complete response. Over HTTP/2, only the stream
/// ends. Hyper sends the HTTP/2 reason that it finds among the error's sources.
#[derive(Debug, thiserror::Error)]
#[error("closed without a complete response")]
struct Closed(#[source] h2::Error);

impl From<h2::Reason> for Closed {
    fn from(reason: h2::Reason) -> Self {
        Self(reason.into())
    }
}

impl Server {
    /// Accepts connections. Uses hyper instead of axum, because only hyper's handlers can fail,
    /// which closes the connection without a response.
    pub(super) async fn serve(&self, listener: TcpListener) -> Infallible {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Probably out of file descriptors, so wait for other connections to close.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            tokio::spawn(self.clone().serve_connection(stream));
        }
    }

    /// Serves one connection until it closes.
    async fn serve_connection(self, stream: TcpStream) {
        let Some(acceptor) = &self.tls else {
            return match self.exchange(stream).await {
                (mut stream, false) => drop(stream.shutdown().await),
                (stream, true) => reset(&stream),
            };
        };
        // An error means that the client does not trust the certificate, or speaks plain http.
        let Ok(stream) = acceptor.accept(stream).await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            return self.exchange_streams(stream).await;
        }
        match self.exchange(stream).await {
            (mut stream, false) => drop(stream.shutdown().await),
            (stream, true) => reset(stream.get_ref().0),
        }
    }

    /// Answers the requests on an HTTP/1.1 connection until it ends. Returns the stream, and true
    /// if it must be reset instead of shut down.
    async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> (S, bool) {
        let reset = AtomicBool::new(false);
        let handle = async |request| {
            let reply = self.answer(request).await?;
            if reply.damage == Damage::Reset {
                reset.store(true, Ordering::Relaxed);
            }
            respond(reply, self.trickle)
        };
        let handler = service_fn(|request| Box::pin(handle(request)));
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), handler);
        // An error means that the client disconnected, or that a fault was injected.
        let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
        let stream = connection.into_parts().io.into_inner();
        (stream, reset.load(Ordering::Relaxed))
    }

    /// Answers the requests on an HTTP/2 connection until it ends.
    async fn exchange_streams<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let leaves = Arc::new(Notify::new());
        let (server, leave) = (self.clone(), Arc::clone(&leaves));
        let handler = service_fn(move |request| {
            let (server, leave) = (server.clone(), Arc::clone(&leave));
            async move {
                let reply = server.answer(request).await?;
                if reply.damage == Damage::Unanswered {
                    leave.notify_one();
                    pending::<()>().await;
                }
                respond(reply, server.trickle)
            }
        });
        let served =
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), handler);
        let mut served = pin!(served);
        tokio::select! {
            _ = &mut served => return,
            () = leaves.notified() => served.as_mut().graceful_shutdown(),
        }
        // Ends early if the client closes the connection.
        let _ = tokio::time::timeout(DRAIN, served).await;
    }

    /// Reads a request and answers it. Waits forever if the damage is [`Damage::Silence`]: the
    /// connection ends when the client gives up.
    async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Closed> {
        let arrived = Instant::now();
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), MAX_BODY).await;
        let body = body.map_err(|_| h2::Reason::CANCEL)?;
        tokio::time::sleep(self.latency).await;
        let gzip = accepts_gzip(&parts.headers);
        let call = Call {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        };
        let mut reply = lock(&self.service).answer(call, arrived);
        if reply.damage == Damage::Silence {
            pending::<()>().await;
        }
        if gzip {
            compress(&mut reply);
        }
        Ok(reply)
    }
}

/// Makes the connection end with RST when it is dropped.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Counts the connections to the address that foreign links lead to and closes them.
pub(super) async fn count_connections(listener: Option<TcpListener>, strayed: &AtomicUsize) -> Infallible {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        // Count before closing, since the client notices when the connection is closed.
        if let Ok(connection) = listener.accept().await {
            strayed.fetch_add(1, Ordering::Relaxed);
            drop(connection);
        }
    }
}

/// Calls `act` repeatedly. `act` receives the mean time between calls and returns the time until
/// the next call.
pub(super) async fn repeat(
    service: &Mutex<Service>,
    period: Option<Duration>,
    act: fn(&mut Service, Instant, Duration) -> Duration,
) -> Infallible {
    let Some(period) = period else { return std::future::pending().await };
    let mut wait = period;
    loop {
        tokio::time::sleep(wait).await;
        wait = act(&mut lock(service), Instant::now(), period);
    }
}

/// Returns whether the client accepts gzip (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

/// Compresses a response's body, unless it is empty or large.
fn compress(reply: &mut Reply) {
    if reply.body.is_empty() || reply.body.len() > MAX_COMPRESSED {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let Ok(body) = encoder.write_all(&reply.body).and_then(|()| encoder.finish()) else { return };
    reply.body = body.into();
    reply.headers.push((header::CONTENT_ENCODING, "gzip".into()));
    reply.headers.push((header::VARY, "Accept-Encoding".into()));
}

/// Turns a response into a response and applies its damage.
fn respond(reply: Reply, trickle: Duration) -> Result<Response<Body>, Closed> {
    let length = reply.body.len();
    let body = match reply.damage {
        Damage::Refused => return Err(h2::Reason::REFUSED_STREAM.into()),
        Damage::Unanswered | Damage::Reset | Damage::Silence => {
            return Err(h2::Reason::INTERNAL_ERROR.into());
        }
        Damage::None => Body::from(reply.body),
        Damage::Cut | Damage::Short => {
            let sent = stream::iter([Ok(reply.body.slice(..length / 2))]);
            // Let the first half be sent before the connection is closed.
            let end = stream::once(async {
                tokio::task::yield_now().await;
                Err(Closed::from(h2::Reason::INTERNAL_ERROR))
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("gzip", true)]
    #[case("br, GZip;q=0.5", true)]
    #[case("gzip; q=1.0", true)]
    #[case("gzip;q=0", false)]
    #[case("gzip;q=0.0, br", false)]
    #[case("deflate", false)]
    #[case("", false)]
    fn gzip_is_used_only_where_the_client_accepts_it(#[case] value: &str, #[case] accepted: bool) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())]);
        assert_eq!(accepts_gzip(&headers), accepted);
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
