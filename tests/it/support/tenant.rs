//! A simulated tenant with sign-in, a state folder for the program, and a browser.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alertdeck_model::Timestamp;
use alertdeck_simulator::{Access, Exchange, Grant, Settings, Simulator};

pub(crate) const CLIENT: &str = "11111111-2222-4333-8444-555555555555";
const ALERTS: &str = "/v1.0/security/alerts_v2";

pub(crate) struct Tenant {
    pub(crate) simulator: Simulator,
    /// The program's state folder.
    pub(crate) state: tempfile::TempDir,
}

impl Tenant {
    /// Starts a tenant with 30 alerts, after applying `change` to its settings.
    pub(crate) fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let mut settings =
            Settings { alerts: 30, seed: 3, access: Access::SignedIn, budget: None, ..Settings::new(now) };
        settings.sign_in.device_interval = Duration::from_secs(1);
        change(&mut settings);
        Self { simulator: Simulator::start(settings).unwrap(), state: tempfile::tempdir().unwrap() }
    }

    /// Returns the options that connect to the tenant, followed by `more`.
    pub(crate) fn arguments(&self, more: &[&str]) -> Vec<String> {
        let url = self.simulator.base_url();
        let fixed = ["--graph-url", &url, "--login-url", &url, "--tenant", "contoso.com"];
        let sign_in = ["--client-id", CLIENT, "--plaintext-secrets"];
        [&fixed[..], &sign_in, more].concat().into_iter().map(str::to_owned).collect()
    }

    /// Returns an existing token with all permissions.
    pub(crate) fn application_token(&self, secret: &str) -> String {
        let url = self.simulator.base_url();
        let form = format!(
            "grant_type=client_credentials&client_id={CLIENT}&client_secret={secret}&scope={url}/.default"
        );
        let reply = in_runtime(async {
            let request = client().post(format!("{url}/contoso.com/oauth2/v2.0/token"));
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
            request.send().await.unwrap().text().await.unwrap()
        });
        let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
        reply["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn home(&self) -> (&'static str, &str) {
        ("XDG_STATE_HOME", self.state.path().to_str().unwrap())
    }

    /// Returns the requests for alerts so far.
    pub(crate) fn alert_requests(&self) -> Vec<Exchange> {
        let log = self.simulator.log();
        log.into_iter().filter(|exchange| exchange.target.starts_with(ALERTS)).collect()
    }

    /// Returns the requests for lists so far, excluding those by the backfill.
    pub(crate) fn list_requests(&self) -> Vec<Exchange> {
        let is_backfill = |exchange: &Exchange| exchange.target.contains("createdDateTime");
        self.alert_requests().into_iter().filter(|exchange| !is_backfill(exchange)).collect()
    }

    /// Returns the number of requests for alerts whose token was refused.
    pub(crate) fn refused(&self) -> usize {
        self.alert_requests().iter().filter(|exchange| exchange.status == Some(401)).count()
    }

    /// Returns the number of token requests with this grant.
    pub(crate) fn token_requests(&self, grant: Grant) -> u32 {
        self.simulator.sign_in(|control| control.requests(grant))
    }

    /// Returns the number of alerts that are assigned to this person.
    pub(crate) fn owned_by(&self, name: &str) -> usize {
        let owned =
            |alert: &serde_json::Value| alert["assignedTo"].as_str().is_some_and(|owner| owner == name);
        self.simulator.alerts().iter().filter(|alert| owned(alert)).count()
    }

    /// Returns all files in the state folder, except the log and the last view.
    pub(crate) fn stored_files(&self) -> Vec<PathBuf> {
        let is_other = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name == "alertdeck.log" || name == "last-view.toml")
        };
        files(self.state.path()).into_iter().filter(|path| !is_other(path)).collect()
    }
}

/// Returns all files inside a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        // A running program may remove a file at any time.
        for entry in std::fs::read_dir(inner).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Opens an address as a browser does, following redirects, and returns the last page.
pub(crate) fn browse(address: &str) -> String {
    in_runtime(async { client().get(address).send().await.unwrap().text().await.unwrap() })
}

fn client() -> reqwest::Client {
    // reqwest requires a TLS provider even for plain HTTP. Installing one fails if it is already
    // installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
