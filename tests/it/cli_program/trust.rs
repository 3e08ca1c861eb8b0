//! TLS and proxies: certificates from the machine's store, errors for untrusted certificates, and
//! the system's proxy settings.
//!
//! The servers listen on loopback. The address 0.0.0.0 reaches them too, but the program does not
//! consider it loopback and therefore uses the proxy.

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
};

use hyper::{Request, Response, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rstest::rstest;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::{Run, alertdeck, run};

const CANARY: &str = "canary-91d2.token_value";
const PASSWORD: &str = "canary-proxy-password";

/// A certificate authority whose name must appear in errors.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Writes a certificate store that trusts only this authority.
    fn store(&self) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(self.issuer.pem().as_bytes()).unwrap();
        file
    }

    /// Issues a server certificate. If a year is given, the certificate expired at the start of
    /// that year.
    fn issue(&self, names: &[&str], expired: Option<i32>) -> Arc<ServerConfig> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if let Some(year) = expired {
            params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// Runs a server on a separate thread until the test ends.
fn serve<F: Future<Output = ()>>(task: impl FnOnce(TcpListener) -> F + Send + 'static) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { task(TcpListener::from_std(listener).unwrap()).await });
    });
    address
}

/// How a service closes its connections.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Uses HTTP/2 and sends GOAWAY after each response.
    GoesAway,
    /// Uses HTTP/1.1 and closes the connection without notice after each response.
    Closes,
}

type Seen = Arc<Mutex<Vec<String>>>;

/// Starts a service with four pages of one alert each.
fn service(tls: &Arc<ServerConfig>, manner: Manner) -> (SocketAddr, Seen) {
    let mut tls = ServerConfig::clone(tls);
    if manner == Manner::Closes {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    }
    let tls = Arc::new(tls);
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let address = serve(async move |listener| {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tls, log) = (Arc::clone(&tls), Arc::clone(&log));
            tokio::spawn(async move {
                // A client that does not trust the certificate disconnects.
                let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
                let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let answered = Arc::new(tokio::sync::Notify::new());
                let notify = Arc::clone(&answered);
                let handler = service_fn(move |request: Request<Incoming>| {
                    let (log, notify) = (Arc::clone(&log), Arc::clone(&notify));
                    async move {
                        assert_eq!(request.headers()[header::AUTHORIZATION], format!("Bearer {CANARY}"));
                        let query = request.uri().query().unwrap_or_default().to_owned();
                        let next = ["", "n=1", "n=2", "n=3"]
                            .iter()
                            .position(|n| !n.is_empty() && query == *n)
                            .map_or(1, |at| at + 1);
                        log.lock().unwrap().push(query);
                        let mut page = serde_json::json!({"value": [{"id": format!("alert-{next}")}]});
                        if next < 4 {
                            page["@odata.nextLink"] = format!("/v1.0/security/alerts_v2?n={next}").into();
                        }
                        notify.notify_one();
                        let mut response = Response::new(page.to_string());
                        response.headers_mut().insert(
                            header::CONTENT_TYPE,
                            header::HeaderValue::from_static("application/json"),
                        );
                        Ok::<_, hyper::Error>(response)
                    }
                });
                let stream = TokioIo::new(stream);
                assert_eq!(two, manner == Manner::GoesAway, "the program offers HTTP/2");
                if two {
                    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(stream, handler);
                    let mut connection = std::pin::pin!(connection);
                    tokio::select! {
                        _ = &mut connection => return,
                        () = answered.notified() => connection.as_mut().graceful_shutdown(),
                    }
                    let _ = connection.await;
                } else {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .keep_alive(false)
                        .serve_connection(stream, handler)
                        .await;
                }
            });
        }
    });
    (address, seen)
}

/// Starts a proxy that requires a password and tunnels to any address.
fn proxy(password: &'static str) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let address = serve(async move |listener| {
        use base64::Engine as _;
        let expected = base64::engine::general_purpose::STANDARD.encode(format!("user:{password}"));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (log, expected) = (Arc::clone(&log), expected.clone());
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let (mut first, mut allowed, mut line) = (String::new(), false, String::new());
                while stream.read_line(&mut line).await.unwrap() > 2 {
                    if first.is_empty() {
                        first.clone_from(&line);
                    }
                    allowed |= line.trim().ends_with(&expected);
                    line.clear();
                }
                log.lock().unwrap().push(first.trim().to_owned());
                let mut stream = stream.into_inner();
                if !allowed {
                    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(refusal).await.unwrap();
                    return;
                }
                let place = first.split(' ').nth(1).unwrap().to_owned();
                let mut upstream = TcpStream::connect(place).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                // Either side may disconnect at any time.
                let _ = copy_bidirectional(&mut stream, &mut upstream).await;
            });
        }
    });
    (address, seen)
}

/// Runs `list` against an address, with a certificate store and environment variables.
fn list(base: &str, store: &tempfile::NamedTempFile, variables: &[(&str, &str)]) -> Run {
    let mut command = alertdeck(["list", "--format", "csv", "--columns", "id", "--graph-url", base]);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("ALERTDECK_TOKEN", CANARY).env("SSL_CERT_FILE", store.path()).env_remove("SSL_CERT_DIR");
    let run = run(command.envs(variables.iter().copied()));
    for secret in [CANARY, PASSWORD] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}", run.stderr);
    }
    run
}

#[rstest]
#[case::goaway(Manner::GoesAway)]
#[case::closed(Manner::Closes)]
fn the_machines_certificate_store_is_trusted_and_closed_connections_are_reopened(#[case] manner: Manner) {
    let authority = Authority::new("Contoso inspection CA");
    let (address, seen) = service(&authority.issue(&["localhost"], None), manner);
    let listed = list(&format!("https://localhost:{}", address.port()), &authority.store(), &[]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let mut ids: Vec<_> = listed.stdout.lines().skip(1).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["alert-1", "alert-2", "alert-3", "alert-4"]);
    let requests = seen.lock().unwrap().len();
    assert!(requests >= 4, "{requests} requests");
}

#[rstest]
#[case::unknown_issuer("localhost", &["localhost"], None, false, "issuer is unknown to this machine (issued by Contoso inspection CA)")]
#[case::expired("localhost", &["localhost"], Some(2020), true, "expired on 2020-01-01 (issued by Contoso inspection CA)")]
#[case::wrong_host("localhost", &["graph.example", "other.example"], None, true, "is for graph.example, other.example, not for this host")]
#[case::look_alike("127.0.0.1", &["localhost"], None, true, "is for localhost, not for this host")]
fn untrusted_certificates_are_reported_with_the_reason(
    #[case] host: &str,
    #[case] names: &[&str],
    #[case] expired: Option<i32>,
    #[case] known: bool,
    #[case] words: &str,
) {
    let authority = Authority::new("Contoso inspection CA");
    let (address, seen) = service(&authority.issue(names, expired), Manner::Closes);
    let store = if known { authority.store() } else { Authority::new("Another CA").store() };
    let refused = list(&format!("https://{host}:{}", address.port()), &store, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    assert!(seen.lock().unwrap().is_empty(), "no request reached the service");
}

#[test]
fn hostile_issuer_names_are_sanitised() {
    let authority = Authority::new("CA\u{1b}[2J\u{202e}\nx");
    let (address, _) = service(&authority.issue(&["localhost"], None), Manner::Closes);
    let refused =
        list(&format!("https://localhost:{}", address.port()), &Authority::new("Another CA").store(), &[]);
    assert!(refused.stderr.contains("issued by CA␛[2J⟨202E⟩⏎x"), "{}", refused.stderr);
}

#[rstest]
#[case::with_its_password("0.0.0.0", PASSWORD, "", 0, 1)]
#[case::wrong_password("0.0.0.0", "other", "", 4, 1)]
#[case::left_out("0.0.0.0", PASSWORD, "0.0.0.0", 0, 0)]
#[case::never_for_loopback("127.0.0.1", PASSWORD, "", 0, 0)]
fn the_system_proxy_is_used(
    #[case] host: &str,
    #[case] password: &str,
    #[case] no_proxy: &str,
    #[case] code: i32,
    #[case] tunnels: usize,
) {
    let authority = Authority::new("Contoso CA");
    let (address, _) = service(&authority.issue(&[host], None), Manner::GoesAway);
    let (through, requests) = proxy(PASSWORD);
    let proxy = format!("http://user:{password}@{through}");
    let base = format!("https://{host}:{}", address.port());
    let listed = list(&base, &authority.store(), &[("HTTPS_PROXY", &proxy), ("NO_PROXY", no_proxy)]);
    assert_eq!(listed.code, code, "{}", listed.stderr);
    let requests = requests.lock().unwrap().clone();
    assert_eq!(requests.is_empty(), tunnels == 0, "{requests:?}");
    if code != 0 {
        assert!(listed.stderr.contains("the proxy did not connect to 0.0.0.0"), "{}", listed.stderr);
        assert!(listed.stderr.contains("HTTPS_PROXY"), "{}", listed.stderr);
    }
}

#[test]
fn a_captive_portal_is_recognised() {
    // Replies to any request without TLS, like the sign-in page of a public network.
    let address = serve(async |listener| {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let page = "<html><body>Sign in to the network</body></html>";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes()).await;
        }
    });
    let store = Authority::new("Another CA").store();
    let clear = list(&format!("http://127.0.0.1:{}", address.port()), &store, &[]);
    assert!(clear.stderr.contains("a proxy answered instead of 127.0.0.1"), "{}", clear.stderr);
    assert!(!clear.stderr.contains("<html>"), "{}", clear.stderr);
    let secure = list(&format!("https://127.0.0.1:{}", address.port()), &store, &[]);
    assert_eq!(secure.code, 4);
    assert!(
        secure.stderr.contains("cannot establish a trusted TLS connection to 127.0.0.1"),
        "{}",
        secure.stderr
    );
}
