//! Tests that fetch lists over TLS from a loopback server: the protocol that the two sides
//! negotiate, and connections and streams that end between pages or within a page.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{
    Method, Request, Response, Version,
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rstest::rstest;
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use rustls_platform_verifier::Verifier;
use tokio::{net::TcpListener, sync::Notify};
use tokio_rustls::TlsAcceptor;

use super::super::{Budget, Http, Journal, Limits, Route, trust};
use crate::{Api, Client, ClientEvent, Endpoint, ListQuery, auth::Tokens};
use alertdeck_model::AlertId;

/// The number of pages on the server.
const PAGES: u32 = 4;

/// How the server treats streams and connections.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// Keeps the connection open.
    Stays,
    /// Announces the end of the connection: GOAWAY, or `connection: close`.
    Leaves,
    /// Resets the stream of each POST, and of the first GET for each page.
    Resets,
    /// Breaks the first response for each page, over HTTP/2.
    Breaks(Break),
}

/// How an HTTP/2 response breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Break {
    /// True if half of the page is sent before the break.
    in_body: bool,
    /// The reason that the server gives; `None` to close the connection without one.
    reason: Option<h2::Reason>,
    /// True if the entire connection ends (GOAWAY), false if only the stream does (RST_STREAM).
    is_connection: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the stream is reset")]
struct Reset;

/// The requests that arrived: the connection number, protocol and query of each.
type Seen = Arc<Mutex<Vec<(u32, Version, String)>>>;

/// Starts a server for `localhost` that offers these protocols; returns its port, its log, and a
/// transport that trusts it.
async fn server(protocols: &'static [&'static [u8]], after: After) -> (u16, Seen, Http) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();

    // The program's configuration, except for the certificates that it trusts.
    let mut tls = trust::config().unwrap();
    let trusted = Verifier::new_with_extra_roots([issuer.der().clone()], provider).unwrap();
    tls.dangerous().set_certificate_verifier(Arc::new(trusted));
    let limits = Limits { backoff: Duration::from_millis(2), ..Limits::default() };
    let http = Http::with_tls(limits, Budget::default(), Route::Direct, Journal::default(), tls).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        for connection in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            tokio::spawn(serve(stream, connection, Arc::clone(&log), after));
        }
    });
    (port, seen, http)
}

async fn serve(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    connection: u32,
    log: Seen,
    after: After,
) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if let After::Breaks(how) = after {
        // The connection ends with an error, as intended.
        let _ = serve_broken(stream, connection, &log, how).await;
        return;
    }
    let answered = Arc::new(Notify::new());
    let notify = Arc::clone(&answered);
    let handler = service_fn(move |request: Request<Incoming>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_first = !log.lock().unwrap().iter().any(|(.., earlier)| *earlier == query);
        let number = query.strip_prefix("n=").map_or(1, |number| number.parse::<u32>().unwrap());
        log.lock().unwrap().push((connection, request.version(), query));
        notify.notify_one();
        let resets = after == After::Resets && (is_first || request.method() == Method::POST);
        std::future::ready(if resets { Err(Reset) } else { Ok(Response::new(page(number))) })
    });
    let stream = TokioIo::new(stream);
    if is_h2 {
        let served = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, handler);
        let mut served = std::pin::pin!(served);
        if after == After::Leaves {
            tokio::select! {
                _ = &mut served => return,
                () = answered.notified() => served.as_mut().graceful_shutdown(),
            }
        }
        let _ = served.await;
    } else {
        let keep_alive = after == After::Stays;
        let _ = http1::Builder::new().keep_alive(keep_alive).serve_connection(stream, handler).await;
    }
}

/// Returns a page as JSON text.
fn page(number: u32) -> String {
    let mut page = serde_json::json!({"value": [{"id": number.to_string()}]});
    if number < PAGES {
        page["@odata.nextLink"] = format!("?n={}", number + 1).into();
    }
    page.to_string()
}

/// Serves pages over HTTP/2 frame by frame. The first response for each page breaks as specified by
/// `how`.
async fn serve_broken(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    connection: u32,
    log: &Seen,
    how: Break,
) -> Result<(), h2::Error> {
    let mut served = h2::server::handshake(stream).await?;
    while let Some(accepted) = served.accept().await {
        let (request, mut respond) = accepted?;
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_first = !log.lock().unwrap().iter().any(|(.., earlier)| *earlier == query);
        let number = query.strip_prefix("n=").map_or(1, |number| number.parse::<u32>().unwrap());
        log.lock().unwrap().push((connection, request.version(), query));
        let (text, head) = (page(number), Response::new(()));
        if !is_first {
            respond.send_response(head, false)?.send_data(text.into(), true)?;
            continue;
        }
        if how.in_body {
            let mut body = respond.send_response(head, false)?;
            body.send_data(text[..text.len() / 2].to_owned().into(), false)?;
            // Let the frames leave first; otherwise, the break would overtake them.
            let sent = tokio::time::timeout(Duration::from_millis(50), served.accept());
            assert!(sent.await.is_err(), "the client waits for the rest");
            if let (Some(reason), false) = (how.reason, how.is_connection) {
                body.send_reset(reason);
            }
        } else if let (Some(reason), false) = (how.reason, how.is_connection) {
            respond.send_reset(reason);
        }
        match how.reason {
            Some(reason) if how.is_connection => served.abrupt_shutdown(reason),
            Some(_) => {}
            None => return Ok(()),
        }
    }
    Ok(())
}

fn client(port: u16, http: Http) -> Client {
    let endpoint = Endpoint::at(&format!("https://localhost:{port}"), Api::V1).unwrap();
    Client::new(http, endpoint, Tokens::fixed(&"any".into()).unwrap())
}

const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];
const ONE: &[&[u8]] = &[b"http/1.1"];

#[rstest]
#[case::h2(BOTH, After::Stays, Version::HTTP_2, 1)]
#[case::h2_goaway(BOTH, After::Leaves, Version::HTTP_2, PAGES)]
#[case::http1(ONE, After::Stays, Version::HTTP_11, 1)]
#[case::http1_close(ONE, After::Leaves, Version::HTTP_11, PAGES)]
#[case::no_alpn(&[], After::Stays, Version::HTTP_11, 1)]
#[tokio::test]
async fn pages_survive_the_end_of_a_connection(
    #[case] protocols: &'static [&'static [u8]],
    #[case] after: After,
    #[case] version: Version,
    #[case] connections: u32,
) {
    let (port, seen, http) = server(protocols, after).await;
    let client = client(port, http);
    let mut pages = client.pages(&ListQuery::default());
    let mut ids = Vec::new();
    while let Some(page) = pages.next(&mut |event: ClientEvent| panic!("{event:?}")).await {
        ids.extend(page.unwrap().raw.alerts.iter().map(|raw| raw.decode().unwrap().id.raw().to_owned()));
    }
    assert_eq!(ids, ["1", "2", "3", "4"]);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(_, used, _)| *used == version), "{seen:?}");
    let mut used: Vec<_> = seen.iter().map(|(connection, ..)| *connection).collect();
    used.dedup();
    assert_eq!(used.len(), connections as usize, "{seen:?}");
}

#[rstest]
#[tokio::test]
async fn pages_survive_broken_replies_over_http2(
    #[values(true, false)] in_body: bool,
    #[values(
        None,
        Some((h2::Reason::NO_ERROR, true)),
        Some((h2::Reason::ENHANCE_YOUR_CALM, true)),
        Some((h2::Reason::INTERNAL_ERROR, true)),
        Some((h2::Reason::REFUSED_STREAM, false)),
        Some((h2::Reason::CANCEL, false)),
        Some((h2::Reason::NO_ERROR, false)),
        Some((h2::Reason::HTTP_1_1_REQUIRED, false))
    )]
    how: Option<(h2::Reason, bool)>,
) {
    let how = Break {
        in_body,
        reason: how.map(|(reason, _)| reason),
        is_connection: how.is_some_and(|(_, is_connection)| is_connection),
    };
    let (port, seen, http) = server(BOTH, After::Breaks(how)).await;
    let client = client(port, http);
    let mut pages = client.pages(&ListQuery::default());
    let mut ids = Vec::new();
    while let Some(page) = pages.next(&mut |_| {}).await {
        let page = page.unwrap_or_else(|error| panic!("{how:?}: {error}"));
        ids.extend(page.raw.alerts.iter().map(|raw| raw.decode().unwrap().id.raw().to_owned()));
    }
    assert_eq!(ids, ["1", "2", "3", "4"], "{how:?}");
    assert_eq!(seen.lock().unwrap().len(), 2 * PAGES as usize, "each page is requested twice");
}

#[tokio::test]
async fn a_reset_stream_is_repeated_for_a_page_and_not_for_a_comment() {
    let (port, seen, http) = server(BOTH, After::Resets).await;
    let client = client(port, http);
    let mut pages = client.pages(&ListQuery::default());
    let mut count = 0;
    while let Some(page) = pages.next(&mut |_| {}).await {
        page.unwrap();
        count += 1;
    }
    let sent = |seen: &Seen| seen.lock().unwrap().len() as u32;
    assert_eq!((count, sent(&seen)), (PAGES, 2 * PAGES));

    let request = crate::Request::add_comment(&AlertId::new("1"), "text");
    let outcome = client.send(&request, &mut |_| {}).await.unwrap();
    assert!(matches!(outcome, crate::Outcome::NotApplied { .. }), "{outcome:?}");
    assert_eq!(sent(&seen), 2 * PAGES + 4, "the comment once, the alert three times");
}
