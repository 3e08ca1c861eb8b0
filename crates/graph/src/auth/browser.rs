//! Sign-in with a browser on this machine: authorization code with PKCE, the answer comes back to
//! a port on loopback (RFC 8252, RFC 7636).
//!
//! The port listens on 127.0.0.1 alone and for one sign-in. Whoever knocks without the state of
//! this sign-in, a browser asking for an icon, another program, a page that guesses, is turned
//! away and changes nothing.

mod page;

use std::{
    borrow::Cow,
    collections::VecDeque,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

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
    grant::{Grant, Wire, oauth, scopes},
};
use crate::http::{Http, Repeat, Url};

/// How long the user has in the browser.
pub const DEADLINE: Duration = Duration::from_secs(300);
/// Connections that are served at the same time; a browser opens a few. For one more the oldest
/// goes, so that nobody keeps the browser out by connecting and saying nothing.
const MOST_CONNECTIONS: usize = 32;
/// How long a connection may take for its request.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// How long the browser has for reading the last page.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// A sign-in that waits for the browser. Dropping it ends it and frees its port.
pub struct BrowserSignIn {
    application: Application,
    listener: TcpListener,
    /// What our own address is, as the `Host` header of an honest request names it.
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
    /// The page is made out for `account`, a principal name; without one the user chooses among the
    /// accounts that the browser knows, rather than being signed in with whichever it used last.
    pub async fn begin(
        application: &Application,
        demanded: Option<&Claims>,
        account: Option<&str>,
    ) -> Result<Self, AuthError> {
        let setup = |error: std::io::Error| {
            AuthError::Setup(format!("no port on 127.0.0.1 can be opened for the browser's answer: {error}"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(setup)?;
        let port = listener.local_addr().map_err(setup)?.port();
        // By name: `http://localhost` is what native applications are registered with, and the
        // port does not matter there (API.md 8).
        let redirect = RedirectUrl::new(format!("http://localhost:{port}/"))
            .map_err(|_| AuthError::Setup("no redirect address".into()))?;
        let claims = Claims::parameter(demanded);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let whose = account.map_or(("prompt", "select_account"), |account| ("login_hint", account));
        let client = oauth(application);
        let (address, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes(application))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Borrowed(&redirect))
            .add_extra_param("response_mode", "query")
            .add_extra_param(whose.0, whose.1.to_owned())
            .add_extra_param("claims", claims.clone())
            .url();
        let application = application.clone();
        Ok(Self { application, listener, port, redirect, claims, state, verifier, address })
    }

    /// Returns the address to open; its query holds nothing that is secret for long.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Waits for the browser and redeems what it brings, within [`DEADLINE`].
    pub async fn finish(self, http: &Http) -> Result<Grant, AuthError> {
        self.finish_within(http, DEADLINE).await
    }

    /// Does what [`BrowserSignIn::finish`] does, within another time.
    pub async fn finish_within(self, http: &Http, deadline: Duration) -> Result<Grant, AuthError> {
        let (answers, mut answered) = mpsc::channel(1);
        let desk = Desk { port: self.port, state: self.state.clone(), answers };
        let mut connections = JoinSet::new();
        let mut oldest = VecDeque::new();
        let first = timeout(deadline, async {
            loop {
                let accepted = tokio::select! {
                    Some(answer) = answered.recv() => return answer,
                    accepted = self.listener.accept() => accepted,
                };
                while connections.try_join_next().is_some() {}
                oldest.retain(|connection: &task::AbortHandle| !connection.is_finished());
                match accepted {
                    Ok((stream, peer)) if is_near(peer) => {
                        if oldest.len() >= MOST_CONNECTIONS
                            && let Some(connection) = oldest.pop_front()
                        {
                            connection.abort();
                        }
                        oldest.push_back(connections.spawn(serve(stream, desk.clone())));
                    }
                    Ok(_) => {}
                    // Out of sockets: others must close first.
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        });
        let Ok(Answer { code, page, connection }) = first.await else {
            return Err(AuthError::TooLate(deadline));
        };
        let outcome = match code {
            Ok(code) => self.redeem(http, code).await,
            Err(refusal) => Err(AuthError::Refused(Box::new(refusal))),
        };
        // A browser that has gone away needs no page.
        let _ = page.send(outcome.as_ref().err().map(ToString::to_string));
        let read = async {
            while let Some(ended) = connections.join_next_with_id().await {
                let ended = ended.map_or_else(|error| error.id(), |(id, ())| id);
                if Some(ended) == connection {
                    return;
                }
            }
        };
        let _ = timeout(LAST_PAGE, read).await;
        outcome
    }

    async fn redeem(&self, http: &Http, code: AuthorizationCode) -> Result<Grant, AuthError> {
        let client = oauth(&self.application);
        // A code works once: a request that may have been carried out is not sent again.
        let call = Wire::new(http, &self.application, Repeat::IfRefused);
        let verifier = PkceCodeVerifier::new(self.verifier.secret().clone());
        let asked = client
            .exchange_code(code)
            .set_pkce_verifier(verifier)
            .set_redirect_uri(Cow::Borrowed(&self.redirect))
            .add_extra_param("claims", self.claims.clone());
        Grant::read(asked.request_async(&call).await)
    }
}

/// The port is on loopback, so that none but this machine can reach it; this holds it true.
fn is_near(peer: SocketAddr) -> bool {
    peer.ip().is_loopback()
}

/// What the browser brought, and where the last page goes: with a failure, if there was one.
struct Answer {
    code: Result<AuthorizationCode, Refusal>,
    page: oneshot::Sender<Option<String>>,
    /// The connection that waits for the page.
    connection: Option<task::Id>,
}

#[derive(Clone)]
struct Desk {
    port: u16,
    state: CsrfToken,
    answers: mpsc::Sender<Answer>,
}

async fn serve(stream: tokio::net::TcpStream, desk: Desk) {
    let handler = service_fn(move |request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(desk.answer(&request).await) }
    });
    // An error here is a connection that went away or asked for nothing in time.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WITHIN)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), handler)
        .await;
}

impl Desk {
    async fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let ours = [format!("localhost:{}", self.port), format!("127.0.0.1:{}", self.port)];
        // A name that some page made lead here is none of ours.
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
        let state = value("state").unwrap_or_default();
        // In constant time, so that nobody finds it out letter by letter.
        if !bool::from(state.as_bytes().ct_eq(self.state.secret().as_bytes())) {
            return page::write(StatusCode::BAD_REQUEST, page::NOT_OURS);
        }
        let code = match (value("code"), value("error")) {
            (_, Some(error)) => Err(Refusal::new(&error, value("error_description").as_deref())),
            (Some(code), None) => Ok(AuthorizationCode::new(code)),
            (None, None) => return page::write(StatusCode::BAD_REQUEST, page::NOT_OURS),
        };
        let (page, outcome) = oneshot::channel();
        if self.answers.send(Answer { code, page, connection: task::try_id() }).await.is_err() {
            return page::write(StatusCode::GONE, page::OVER);
        }
        match outcome.await {
            Ok(None) => page::write(StatusCode::OK, page::DONE),
            Ok(Some(failure)) => page::write(StatusCode::OK, &page::failed(&failure)),
            Err(_) => page::write(StatusCode::GONE, page::OVER),
        }
    }
}
