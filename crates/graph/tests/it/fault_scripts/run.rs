//! One load from one tenant, and what is wrong with it.

use std::{collections::HashMap, time::Duration};

use alertdeck_graph::{
    Api, Client, Coverage, Endpoint, Kind, Load, LoadEvent,
    auth::Tokens,
    http::{AttemptOutcome, Budget, Http, Journal, Limits, Route},
};
use alertdeck_model::Timestamp;
use alertdeck_simulator::{Exchange, Faults, Settings, Simulator, Timing};
use serde_json::Value;
use tokio::{task::spawn_blocking, time::timeout};

/// The time limit for a load. The longest waits are for an HTTP date and take up to a second each. A list
/// without end takes hundreds of requests, which a busy machine needs a minute for.
const DEADLINE: Duration = Duration::from_secs(180);

/// The token, which must not appear anywhere.
const CANARY: &str = "canary-5d2b-token";

/// How a tenant is loaded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// In windows, several at once.
    Windows,
    /// As one chain of pages, as in a backfill.
    Chain,
}

/// How a load ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Whole,
    Incomplete(Kind, String),
    Hung,
}

/// A load that has ended or was stopped by the deadline.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) end: End,
    pub(crate) requests: usize,
    /// How many of them were for windows of the list.
    pub(crate) windows: usize,
    /// How many of the tenant's alerts did not arrive, or did not arrive in their newest version.
    missing: usize,
    /// Alerts that arrived but are not the tenant's.
    invented: usize,
    /// Whether the journal contains the token.
    quoted: bool,
    /// Requests that arrived before a `Retry-After` that the client had received had elapsed.
    early: usize,
    /// Connections to the address of a foreign link.
    strayed: usize,
}

/// The time of each alert's last change, by id.
type Versions = HashMap<String, Timestamp>;

/// Returns whether the tenant of a seed speaks HTTP/2.
fn is_http2(seed: u64) -> bool {
    seed / 56 % 2 == 1
}

/// Loads a small tenant in up to about two dozen pages, depending on its seed.
pub(crate) async fn play(seed: u64, faults: Faults, way: Way) -> Run {
    let settings = Settings {
        alerts: 60 + usize::try_from(seed * 37 % 91).unwrap(),
        seed,
        faults,
        largest_page: [5, 11, 20, 45][usize::try_from(seed / 14 % 4).unwrap()],
        // Half of the tenants speak HTTP/2, where a GOAWAY or a reset stream takes the place of a
        // connection that ends.
        tls: is_http2(seed),
        budget: None,
        timing: Timing {
            retry_after: Duration::from_millis(12),
            outage: Duration::from_millis(150),
            recovery: Duration::from_millis(100),
            trickle: Duration::from_millis(1),
            ..Timing::default()
        },
        ..Settings::new(Timestamp::parse("2026-11-20T12:00:00Z").unwrap())
    };
    let simulator = spawn_blocking(|| Simulator::start(settings).unwrap()).await.unwrap();
    let limits = Limits { backoff: Duration::from_millis(8), list_alerts: 300, ..Limits::default() };
    let budget = Budget::per_minute(1_000_000);
    let http = match simulator.certificate() {
        Some(authority) => Http::trusting(authority, limits, budget, Route::Direct).unwrap(),
        None => Http::new(limits, budget, Route::Direct).unwrap(),
    };
    let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
    let client = Client::new(http, endpoint, Tokens::fixed(&CANARY.into()).unwrap());
    let journal = client.http().journal().clone();

    let mut arrived = Versions::new();
    let end = match timeout(DEADLINE, load(client, way, &mut arrived)).await {
        Ok((None, coverage)) if coverage.is_complete() => End::Whole,
        Ok((kind, coverage)) => {
            End::Incomplete(kind.unwrap_or(Kind::Protocol), coverage.incomplete.unwrap_or_default())
        }
        Err(_) => End::Hung,
    };
    spawn_blocking(move || {
        let truth: Versions = simulator.alerts().iter().map(version).collect();
        let log = simulator.log();
        Run {
            seed,
            faults,
            end,
            requests: log.len(),
            windows: log.iter().filter(|exchange| exchange.target.contains("createdDateTime")).count(),
            missing: truth.iter().filter(|(id, at)| arrived.get(*id) != Some(at)).count(),
            // The alerts of a list without end do not exist.
            invented: arrived
                .keys()
                .filter(|id| !truth.contains_key(*id) && !id.starts_with("endless-"))
                .count(),
            quoted: format!("{:?}", journal.entries()).contains(CANARY),
            early: (0..log.len()).filter(|&n| log[n].early && knew(&log, n, &journal)).count(),
            strayed: simulator.strayed(),
        }
    })
    .await
    .unwrap()
}

/// Reads a load to its end. Returns the kind of error, if any, and the coverage.
async fn load(client: Client, way: Way, arrived: &mut Versions) -> (Option<Kind>, Coverage) {
    let mut load = match way {
        Way::Windows => Load::start(client, None),
        Way::Chain => Load::start_backfill(client, None, None),
    };
    loop {
        match load.next().await.unwrap() {
            LoadEvent::Page(page, _) => {
                for alert in page.raw.alerts {
                    let (id, at) = version(&serde_json::from_slice(&alert.0).unwrap());
                    let newest = arrived.entry(id).or_insert(at);
                    *newest = at.max(*newest);
                }
            }
            LoadEvent::Client(_) => {}
            LoadEvent::Done(coverage) => return (None, coverage),
            LoadEvent::Failed(error, coverage) => return (Some(error.kind), coverage),
        }
    }
}

/// Returns whether the client had received the previous response when it repeated a request. With
/// several streams, the connection may end before it arrives, the client may cancel the request, or
/// another stream may have sent the same request in the meantime.
fn knew(log: &[Exchange], repeated: usize, journal: &Journal) -> bool {
    let previous = log[..repeated].iter().rev().find(|exchange| exchange.target == log[repeated].target);
    let entries = journal.entries();
    let entry = |exchange: &Exchange| {
        let id = exchange.header("client-request-id");
        entries.iter().find(|entry| Some(&*entry.client_request_id) == id)
    };
    let (Some(previous), Some(repeated)) = (previous.and_then(entry), entry(&log[repeated])) else {
        return false;
    };
    let is_answered = matches!(previous.outcome, Some(AttemptOutcome::Answered(_)));
    is_answered && previous.started + previous.took <= repeated.started
}

fn version(alert: &Value) -> (String, Timestamp) {
    let text = |name: &str| alert[name].as_str().unwrap();
    (text("id").to_owned(), Timestamp::parse(text("lastUpdateDateTime")).unwrap())
}

impl Run {
    /// Returns what is wrong with the run.
    pub(crate) fn objections(&self) -> Vec<String> {
        let mut objections = Vec::new();
        let mut object = |wrong: bool, what: String| {
            if wrong {
                objections.push(format!("{} ({what})", self.faults));
            }
        };
        object(self.invented > 0, format!("{} alerts that the tenant does not have", self.invented));
        object(self.early > 0, format!("{} requests before their time", self.early));
        object(self.strayed > 0, format!("{} connections elsewhere", self.strayed));
        object(self.quoted, "the token is in the journal".to_owned());
        match &self.end {
            End::Hung => object(true, format!("no end after {DEADLINE:?}")),
            End::Whole => object(self.missing > 0, format!("called whole, {} missing", self.missing)),
            End::Incomplete(kind, line) => {
                object(!says_why(*kind, line), format!("incomplete, and says: {line:?}"));
                object(line.contains(CANARY), format!("quotes the token: {line}"));
                let passing = matches!(kind, Kind::Throttled | Kind::Unavailable | Kind::Offline);
                object(
                    passing && self.faults != Faults::Offline,
                    format!("given up on a fault that passes: {line}"),
                );
                object(self.faults == Faults::Throttled, format!("given up on a wait: {line}"));
                let fatal = matches!(kind, Kind::Loop | Kind::ForeignLink | Kind::TooLarge);
                object(fatal && self.faults != Faults::Hostile, format!("no such fault there: {line}"));
            }
        }
        objections
    }
}

/// Returns whether a line says why the load ended, and after how many pages.
fn says_why(kind: Kind, line: &str) -> bool {
    let reasons: &[&str] = match kind {
        Kind::Loop => &["was read before", "brought no new alert"],
        Kind::ForeignLink => &["next page points to http://127.0.0.1:", "not to the list"],
        Kind::TooLarge => &["the limit of 300 alerts"],
        Kind::Offline => &["refused", "reset", "cut short", "closed", "did not answer"],
        Kind::Protocol => {
            &["a proxy answered", "empty answer", "(line 1, column ", "SkipToken", "is not an address"]
        }
        _ => &[],
    };
    if let Some(cause) = line.strip_prefix("the service sent partial results: ") {
        return cause.contains("objects in the reply") || cause.contains("alerts and sent");
    }
    if let Some(cause) = line.strip_prefix("alerts without a creation time could not be listed: ") {
        return !cause.is_empty() && !line.contains('\n');
    }
    let cause = line.strip_prefix("stopped after page ").and_then(|rest| rest.split_once(": "));
    !line.contains('\n')
        && cause.is_some_and(|(page, cause)| {
            page.parse::<u32>().is_ok() && reasons.iter().any(|reason| cause.contains(reason))
        })
}
