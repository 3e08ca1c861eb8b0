//! A simulated tenant, the client's side of a sign-in, and a browser.

use std::{path::Path, time::Duration};

use alertdeck_graph::{
    Api, Client, Endpoint, ListQuery,
    auth::{
        Application, Authority, BrowserSignIn, Claims, Grant, Identity, Key, Needed, Session, Token, Tokens,
        Vault,
    },
    http::{Budget, Http, Limits, Route},
};
use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, Grant as Kind, Settings, SignIn, SignInError, Simulator};
use tokio::{sync::watch, time::timeout};

pub(crate) const CLIENT: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const TENANT: &str = "contoso.com";
/// The time limit for events that need no further action.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Harness {
    pub(crate) simulator: Simulator,
    pub(crate) http: Http,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(SignIn::default())
    }

    pub(crate) fn with(sign_in: SignIn) -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let settings = Settings { sign_in, access: Access::SignedIn, ..Settings::new(now) };
        // Four pages of alerts.
        let settings = Settings { alerts: 7, largest_page: 2, budget: None, ..settings };
        Self { simulator: Simulator::start(settings).unwrap(), http: http() }
    }

    pub(crate) fn application(&self) -> Application {
        application(&self.simulator.base_url())
    }

    pub(crate) fn session(&self, vault: &Vault) -> Session {
        session(&self.http, self.application(), vault)
    }

    pub(crate) async fn begin(&self, demanded: Option<&Claims>) -> BrowserSignIn {
        BrowserSignIn::begin(&self.application(), demanded, None).await.unwrap()
    }

    /// Signs the user in with a browser.
    pub(crate) async fn grant(&self) -> Grant {
        self.grant_for(None).await
    }

    pub(crate) async fn grant_for(&self, demanded: Option<&Claims>) -> Grant {
        let waiting = self.begin(demanded).await;
        let address = waiting.address().to_string();
        let (granted, (status, page)) = tokio::join!(waiting.finish(&self.http), visit(&address));
        assert!(status == 200 && page.contains("Signed in"), "{status}: {page}");
        granted.unwrap()
    }

    /// Returns a session whose user has just signed in.
    pub(crate) async fn signed_in(&self, vault: &Vault) -> Session {
        let session = self.session(vault);
        session.accept(self.grant().await).await.unwrap();
        session
    }

    pub(crate) fn client(&self, session: &Session) -> Client {
        let endpoint = Endpoint::at(&self.simulator.base_url(), Api::V1).unwrap();
        Client::new(self.http.clone(), endpoint, Tokens::session(session.clone()))
    }

    /// Returns the number of token requests with a grant type.
    pub(crate) fn requests(&self, kind: Kind) -> u32 {
        self.simulator.sign_in(|control| control.requests(kind))
    }

    pub(crate) fn refuse(&self, kind: Kind, error: &str, number: u32) {
        self.simulator.sign_in(|control| control.refuse_next(Some(kind), SignInError::new(error, number)));
    }

    /// Returns the statuses of all requests for alerts.
    pub(crate) fn lists(&self) -> Vec<u16> {
        let log = self.simulator.log();
        let lists = log.iter().filter(|exchange| exchange.target.contains("alerts_v2"));
        lists.filter_map(|exchange| exchange.status).collect()
    }
}

pub(crate) fn application(base: &str) -> Application {
    Application {
        authority: Authority::new(base, TENANT).unwrap(),
        client_id: CLIENT.into(),
        scope: format!("{base}/.default"),
    }
}

pub(crate) fn key() -> Key {
    Key {
        profile: "default".into(),
        authority: "simulated".into(),
        tenant: TENANT.into(),
        client_id: CLIENT.into(),
    }
}

pub(crate) fn user(vault: &Vault) -> Identity {
    Identity::User { vault: vault.clone(), key: key() }
}

pub(crate) fn session(http: &Http, application: Application, vault: &Vault) -> Session {
    Session::new(http.clone(), application, user(vault))
}

/// Returns an HTTP client with short delays and a short idle timeout.
pub(crate) fn http() -> Http {
    let limits =
        Limits { backoff: Duration::from_millis(2), idle: Duration::from_millis(700), ..Limits::default() };
    Http::new(limits, Budget::per_minute(100_000), Route::Direct).unwrap()
}

/// Opens an address as a browser does, following redirects; returns the status and the page.
pub(crate) async fn visit(address: &str) -> (u16, String) {
    // reqwest requires a TLS provider even for plain HTTP; this fails if one is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let browser = reqwest::Client::builder()
        .no_proxy()
        .resolve("localhost", ([127, 0, 0, 1], 0).into())
        .build()
        .unwrap();
    let answer = browser.get(address).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Returns the current token as an `Authorization` header value.
pub(crate) async fn current(session: &Session) -> Result<String, alertdeck_graph::auth::AuthError> {
    Tokens::session(session.clone()).current().await.map(|token| shown(&token))
}

pub(crate) fn shown(token: &Token) -> String {
    token.authorization().unwrap().to_str().unwrap().to_owned()
}

/// Waits until the user is asked to sign in.
pub(crate) async fn needed(watched: &mut watch::Receiver<Option<Needed>>) -> Needed {
    timeout(SOON, watched.wait_for(Option::is_some)).await.unwrap().unwrap().clone().unwrap()
}

/// Reads all pages; returns the ids and the error that ended the list.
pub(crate) async fn read(client: Client) -> (Vec<String>, Option<alertdeck_graph::Error>) {
    let mut pages = client.pages(&ListQuery::default());
    let mut ids = Vec::new();
    while let Some(page) = timeout(SOON, pages.next(&mut |_| {})).await.unwrap() {
        match page {
            Ok(page) => {
                ids.extend(page.raw.alerts.iter().map(|raw| raw.decode().unwrap().id.raw().to_owned()));
            }
            Err(error) => return (ids, Some(error)),
        }
    }
    (ids, None)
}

/// Returns the ids of all alerts, in list order.
pub(crate) fn all(harness: &Harness) -> Vec<String> {
    harness.simulator.alerts().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the path of the file with the stored credentials.
pub(crate) fn file(state: &Path) -> std::path::PathBuf {
    state.join("secrets").join(format!("{}.json", key().name()))
}

pub(crate) fn claims(demand: &str) -> Claims {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(demand);
    let header = format!("Bearer error=\"insufficient_claims\", claims=\"{encoded}\"");
    let headers = [("www-authenticate".parse().unwrap(), header.parse().unwrap())];
    Claims::challenged(&headers.into_iter().collect()).unwrap()
}
