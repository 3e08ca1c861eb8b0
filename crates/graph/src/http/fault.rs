//! The reasons a request got no usable response, each in one line.

use std::{error::Error, fmt, io};

use super::Untrusted;
use alertdeck_model::SafeText;

/// A request's failure to get a usable response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The request's host, with the port unless it is the default.
    pub host: String,
    /// The reason there is no usable response.
    pub cause: Cause,
}

/// The reason a request got no response, or an unusable one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The host name has no address.
    Dns,
    /// Nothing is listening at the address.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection was closed without a response.
    Closed,
    /// A deadline passed, whether for connecting, for the next part of the response, or for all of
    /// it.
    Timeout,
    /// The server's certificate is not trusted.
    Untrusted(Untrusted),
    /// The TLS connection failed; the payload is the TLS library's reason.
    Tls(String),
    /// The proxy did not connect; the payload is the reason.
    Proxy(String),
    /// The proxy asks for a user name and a password (407).
    ProxySignIn,
    /// The body, or its compressed form, ended too early.
    Cut,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The body is HTML instead of JSON.
    Html,
    /// The body is empty; the payload is the status.
    Empty(u16),
    /// The address, shown without its query, lies outside the credential's scope; nothing was
    /// sent.
    Foreign(String),
    /// The transport cannot be set up, because of this machine's certificates or proxy settings.
    Setup(String),
    /// Anything else, in the HTTP library's words.
    Other(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match &self.cause {
            Cause::Dns => write!(f, "no address found for {host} (DNS)"),
            Cause::Refused => write!(f, "{host} refused the connection"),
            Cause::Reset => write!(f, "the connection to {host} was reset"),
            Cause::Closed => write!(f, "{host} closed the connection without responding"),
            Cause::Timeout => write!(f, "{host} did not answer in time"),
            Cause::Untrusted(why) => write!(f, "{host} is not trusted: {why}"),
            Cause::Tls(reason) => write!(f, "cannot establish a trusted TLS connection to {host}: {reason}"),
            Cause::Proxy(reason) => write!(f, "the proxy did not connect to {host}: {reason}"),
            Cause::ProxySignIn => {
                write!(f, "the proxy did not connect to {host}: it asks for a user name and a password")
            }
            Cause::Cut => write!(f, "the response from {host} was cut short"),
            Cause::TooLarge(limit) => {
                write!(f, "the response from {host} is larger than {} MB", limit.div_ceil(1 << 20))
            }
            Cause::Html => write!(f, "a proxy answered instead of {host}: HTML instead of JSON"),
            Cause::Empty(status) => write!(f, "{host} sent an empty answer (HTTP {status})"),
            Cause::Foreign(place) => write!(f, "a link points to {place}; nothing was sent there"),
            Cause::Setup(reason) => write!(f, "connections to {host} cannot be set up: {reason}"),
            Cause::Other(reason) => write!(f, "the request to {host} failed: {reason}"),
        }
    }
}

impl Error for Fault {}

impl Fault {
    /// Reads the cause from the error's chain of sources, since the outermost error is usually the
    /// same for every cause.
    pub(super) fn read(error: reqwest::Error, host: &str) -> Self {
        // No message may contain the URL, because of its query.
        let error = error.without_url();
        Self { host: host.to_owned(), cause: read_cause(&error) }
    }

    /// Returns whether it is certain that no part of the request reached the service.
    pub fn was_not_sent(&self) -> bool {
        match self.cause {
            Cause::Dns
            | Cause::Refused
            | Cause::Proxy(_)
            | Cause::ProxySignIn
            | Cause::Untrusted(_)
            | Cause::Tls(_)
            | Cause::Foreign(_)
            | Cause::Setup(_) => true,
            Cause::Reset
            | Cause::Closed
            | Cause::Timeout
            | Cause::Cut
            | Cause::TooLarge(_)
            | Cause::Html
            | Cause::Empty(_)
            | Cause::Other(_) => false,
        }
    }

    /// Returns whether the same request may succeed if it is sent again.
    pub fn is_transient(&self) -> bool {
        match self.cause {
            Cause::Dns
            | Cause::Refused
            | Cause::Reset
            | Cause::Closed
            | Cause::Timeout
            | Cause::Cut
            | Cause::Proxy(_)
            | Cause::Other(_) => true,
            Cause::Untrusted(_)
            | Cause::Tls(_)
            | Cause::ProxySignIn
            | Cause::TooLarge(_)
            | Cause::Html
            | Cause::Empty(_)
            | Cause::Foreign(_)
            | Cause::Setup(_) => false,
        }
    }
}

fn read_cause(error: &reqwest::Error) -> Cause {
    let chain = || sources(error);
    let io = chain().filter_map(|inner| inner.downcast_ref::<io::Error>()).map(io::Error::kind).last();
    let reason = || {
        let last = chain().last().map_or_else(|| error.to_string(), ToString::to_string);
        SafeText::new(&last.chars().take(200).collect::<String>()).line()
    };
    // The proxy connectors have no public error types, but their messages are distinct.
    if let Some(text) = chain()
        .map(ToString::to_string)
        .find(|text| text.starts_with("tunnel error") || text.starts_with("SOCKS error"))
    {
        return if text.contains("authorization required") {
            Cause::ProxySignIn
        } else {
            Cause::Proxy(reason())
        };
    }
    if let Some(untrusted) = chain().find_map(untrusted) {
        return Cause::Untrusted(untrusted);
    }
    if error.is_builder() {
        return Cause::Setup(reason());
    }
    if error.is_dns() {
        return Cause::Dns;
    }
    match io {
        Some(io::ErrorKind::ConnectionRefused) => Cause::Refused,
        Some(
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe,
        ) => Cause::Reset,
        _ if error.is_timeout() => Cause::Timeout,
        // While reading a body, the same error means that the body was cut short.
        _ if error.is_request() && chain().any(is_closed) => Cause::Closed,
        // While connecting, only the TLS layer reads data.
        Some(io::ErrorKind::InvalidData) if error.is_connect() => Cause::Tls(reason()),
        Some(io::ErrorKind::UnexpectedEof) if error.is_connect() => Cause::Reset,
        // The TLS connection was not shut down properly.
        Some(io::ErrorKind::UnexpectedEof) if error.is_request() => Cause::Closed,
        // The remaining body errors concern framing and compression.
        _ if error.is_body() || error.is_decode() => Cause::Cut,
        _ => Cause::Other(reason()),
    }
}

fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let closed = |error: &hyper::Error| error.is_incomplete_message() || error.is_closed();
    error.downcast_ref::<hyper::Error>().is_some_and(closed)
}

/// Finds the error created by `trust`, which the TLS library wraps twice.
fn untrusted(error: &(dyn Error + 'static)) -> Option<Untrusted> {
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
            other.0.downcast_ref::<Untrusted>().cloned()
        }
        _ => None,
    }
}

/// Returns an error's sources, outermost first. The `source` method of an I/O error skips the error
/// that it wraps, so the wrapped error is returned instead.
fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let below = |error: &'a (dyn Error + 'static)| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    };
    std::iter::successors(below(error), move |inner| below(*inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::dns::{Name, Resolve, Resolving};
    use rstest::rstest;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    fn client() -> reqwest::ClientBuilder {
        reqwest::Client::builder().tls_backend_preconfigured(crate::http::trust::config().unwrap())
    }

    /// A resolver that cannot resolve any name.
    struct Nowhere;

    impl Resolve for Nowhere {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(std::future::ready(Err("no such name".into())))
        }
    }

    #[tokio::test]
    async fn a_dns_failure_names_the_host() {
        let client = client().dns_resolver(Nowhere).no_proxy().build().unwrap();
        let error = client.get("https://graph.example/?secret=1").send().await.unwrap_err();
        let fault = Fault::read(error, "graph.example");
        assert_eq!(fault.to_string(), "no address found for graph.example (DNS)");
        assert!(fault.is_transient());
    }

    #[rstest]
    #[case(
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "it asks for a user name and a password",
        false
    )]
    #[case("HTTP/1.1 502 Bad Gateway\r\n\r\n", "tunnel error: unsuccessful", true)]
    #[tokio::test]
    async fn a_proxy_refusal_does_not_show_the_password(
        #[case] answer: &'static str,
        #[case] reason: &str,
        #[case] passes: bool,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://user:canary@{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // One byte of the request is enough.
            stream.read_u8().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let proxy = reqwest::Proxy::all(proxy).unwrap();
        let client = client().proxy(proxy).build().unwrap();
        let error = client.get("https://graph.example/?secret=canary").send().await.unwrap_err();
        let fault = Fault::read(error, "graph.example");
        assert_eq!(fault.to_string(), format!("the proxy did not connect to graph.example: {reason}"));
        assert!(!format!("{fault:?}").contains("canary"));
        assert_eq!(fault.is_transient(), passes);
    }
}
