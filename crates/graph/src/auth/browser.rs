//! Sign-in with a browser on this machine: authorization code flow with PKCE and a redirect to a
//! loopback port (RFC 8252, RFC 7636).
//!
//! The port listens on 127.0.0.1 only, and only for one sign-in. Requests without the sign-in's
//! `state` (from a browser fetching an icon, another program, or a web page guessing the value) are
//! rejected and have no effect.

mod page;

use std::{borrow::Cow, collections::VecDeque, convert::Infallible, net::Ipv4Addr, time::Duration};

use hyper::{
    Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};
use subtle::ConstantTimeEq as _;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::{self, JoinSet},
    time::{sleep, timeout},
};

use super::{
    Application, AuthError, Claims, Refusal,
    grant::{Grant, OAuthHttp, oauth, scopes},
};
use crate::http::{Http, Repeat, Url};

/// The time limit for the user to sign in with the browser.
pub const DEADLINE: Duration = Duration::from_secs(300);
/// The maximum number of concurrent connections; a browser opens only a few. Each additional
/// connection closes the oldest one, so that idle connections cannot lock out the browser.
const MAX_CONNECTIONS: usize = 32;
/// The time limit for a connection to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for the browser to read the result page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);

/// A sign-in waiting for the browser. Dropping it cancels the sign-in and closes the port.
pub struct BrowserSignIn {
    application: Application,
    listener: TcpListener,
    /// The port in the `Host` header of a genuine redirect.
    port: u16,
    redirect: RedirectUrl,
    claims: String,
    state: CsrfToken,
    verifier: PkceCodeVerifier,
    address: Url,
}

impl BrowserSignIn {
    /// Opens the port and prepares the address to open in a browser.
    ///
    /// The sign-in page suggests `account`, a user principal name. If `account` is `None`, the page
    /// lets the user choose among the browser's accounts instead of using the most recent one.
    pub async fn begin(
        application: &Application,
        demanded: Option<&Claims>,
        account: Option<&str>,
    ) -> Result<Self, AuthError> {
        let setup = |error: std::io::Error| {
            AuthError::Setup(format!("cannot open a port on 127.0.0.1 for the browser's redirect: {error}"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(setup)?;
        let port = listener.local_addr().map_err(setup)?.port();
        // The host is given by name because native applications are registered with
        // `http://localhost`, for which the authority ignores the port (docs/graph-api.md,
        // "Authorization code").
        let redirect = RedirectUrl::new(format!("http://localhost:{port}/"))
            .map_err(|_| AuthError::Setup("the redirect address is not valid".into()))?;
        let claims = Claims::parameter(demanded);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (hint, value) = account.map_or(("prompt", "select_account"), |account| ("login_hint", account));
        let client = oauth(application);
        let (address, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes(application))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Borrowed(&redirect))
            .add_extra_param("response_mode", "query")
            .add_extra_param(hint, value.to_owned())
            .add_extra_param("claims", claims.clone())
            .url();
        let application = application.clone();
        Ok(Self { application, listener, port, redirect, claims, state, verifier, address })
    }

    /// Returns the address to open. Its query contains no long-lived secret.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Waits up to [`DEADLINE`] for the browser and redeems its authorization code.
    pub async fn finish(self, http: &Http) -> Result<Grant, AuthError> {
        self.finish_within(http, DEADLINE).await
    }

    /// Like [`BrowserSignIn::finish`], but with a custom deadline.
    pub async fn finish_within(self, http: &Http, deadline: Duration) -> Result<Grant, AuthError> {
        let (sender, mut redirects) = mpsc::channel(1);
        let endpoint = RedirectEndpoint { port: self.port, state: self.state.clone(), redirects: sender };
        let mut connections = JoinSet::new();
        let mut oldest = VecDeque::new();
        let first = timeout(deadline, async {
            loop {
                let accepted = tokio::select! {
                    Some(redirect) = redirects.recv() => return redirect,
                    accepted = self.listener.accept() => accepted,
                };
                while connections.try_join_next().is_some() {}
                oldest.retain(|connection: &task::AbortHandle| !connection.is_finished());
                match accepted {
                    Ok((stream, peer)) if peer.ip().is_loopback() => {
                        if oldest.len() >= MAX_CONNECTIONS
                            && let Some(connection) = oldest.pop_front()
                        {
                            connection.abort();
                        }
                        oldest.push_back(connections.spawn(serve(stream, endpoint.clone())));
                    }
                    Ok(_) => {}
                    // Out of sockets: wait until others are closed.
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        });
        let Ok(Redirect { code, result, connection }) = first.await else {
            return Err(AuthError::TooLate(deadline));
        };
        let outcome = match code {
            Ok(code) => self.redeem(http, code).await,
            Err(refusal) => Err(AuthError::Refused(Box::new(refusal))),
        };
        // Fails if the browser has disconnected.
        let _ = result.send(outcome.as_ref().err().map(ToString::to_string));
        let read = async {
            while let Some(ended) = connections.join_next_with_id().await {
                let ended = ended.map_or_else(|error| error.id(), |(id, ())| id);
                if Some(ended) == connection {
                    return;
                }
            }
        };
        let _ = timeout(PAGE_TIMEOUT, read).await;
        outcome
    }

    async fn redeem(&self, http: &Http, code: AuthorizationCode) -> Result<Grant, AuthError> {
        let client = oauth(&self.application);
        // A code works only once, so do not repeat a request that may have succeeded.
        let transport = OAuthHttp::new(http, &self.application, Repeat::IfRefused);
        let verifier = PkceCodeVerifier::new(self.verifier.secret().clone());
        let request = client
            .exchange_code(code)
            .set_pkce_verifier(verifier)
            .set_redirect_uri(Cow::Borrowed(&self.redirect))
            .add_extra_param("claims", self.claims.clone());
        Grant::read(request.request_async(&transport).await)
    }
}

/// A redirect from the authority.
struct Redirect {
    code: Result<AuthorizationCode, Refusal>,
    /// Sends the sign-in's result to the page: `None` for success, or the error.
    result: oneshot::Sender<Option<String>>,
    /// The connection that is waiting for the page.
    connection: Option<task::Id>,
}

/// Serves the redirect URI.
#[derive(Clone)]
struct RedirectEndpoint {
    port: u16,
    state: CsrfToken,
    redirects: mpsc::Sender<Redirect>,
}

async fn serve(stream: tokio::net::TcpStream, endpoint: RedirectEndpoint) {
    let handler = service_fn(move |request| {
        let endpoint = endpoint.clone();
        async move { Ok::<_, Infallible>(endpoint.answer(&request).await) }
    });
    // An error means that the connection was closed or that no request arrived in time.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), handler)
        .await;
}

impl RedirectEndpoint {
    async fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let ours = [format!("localhost:{}", self.port), format!("127.0.0.1:{}", self.port)];
        // Prevents DNS rebinding, in which another name resolves to this address.
        if !host.is_some_and(|host| ours.iter().any(|ours| ours.eq_ignore_ascii_case(host))) {
            return page::write(StatusCode::MISDIRECTED_REQUEST, page::NOT_OURS);
        }
        if request.method() != hyper::Method::GET || request.uri().path() != "/" {
            return page::write(StatusCode::NOT_FOUND, page::NOTHING);
        }
        let query: Vec<_> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).collect();
        let value =
            |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
        // No parameter may occur twice (RFC 6749, 3.1), since either value could be forged.
        let is_repeated = |name: &str| query.iter().filter(|(key, _)| key == name).count() > 1;
        if ["state", "code", "error"].into_iter().any(is_repeated) {
            return page::write(StatusCode::BAD_REQUEST, page::NOT_OURS);
        }
        let state = value("state").unwrap_or_default();
        // Compare in constant time, so that timing reveals nothing about the state.
        if !bool::from(state.as_bytes().ct_eq(self.state.secret().as_bytes())) {
            return page::write(StatusCode::BAD_REQUEST, page::NOT_OURS);
        }
        let code = match (value("code"), value("error")) {
            (_, Some(error)) => Err(Refusal::new(&error, value("error_description").as_deref())),
            (Some(code), None) => Ok(AuthorizationCode::new(code)),
            (None, None) => return page::write(StatusCode::BAD_REQUEST, page::NOT_OURS),
        };
        let (result, outcome) = oneshot::channel();
        if self.redirects.send(Redirect { code, result, connection: task::try_id() }).await.is_err() {
            return page::write(StatusCode::GONE, page::OVER);
        }
        match outcome.await {
            Ok(None) => page::write(StatusCode::OK, page::DONE),
            Ok(Some(failure)) => page::write(StatusCode::OK, &page::failed(&failure)),
            Err(_) => page::write(StatusCode::GONE, page::OVER),
        }
    }
}
