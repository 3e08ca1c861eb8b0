//! A tenant, its client, and the events from its requests.

use std::time::Duration;

use alertdeck_graph::{
    Answer, Api, Client, ClientEvent, Endpoint, Error, Outcome, Request, WaitCause,
    auth::Tokens,
    http::{Budget, Http, Limits, Route},
};
use alertdeck_model::{Alert, AlertId, Timestamp};
use alertdeck_simulator::{FaultyReply, ScriptedFault, Settings, Simulator};

/// The longest silence that the client accepts.
const IDLE: Duration = Duration::from_millis(300);

/// A `Retry-After` that a test can wait for.
pub(crate) const SOON: Option<Duration> = Some(Duration::from_millis(30));

/// All replies that leave it unclear whether the request took effect.
pub(crate) const UNCLEAR: [FaultyReply; 13] = [
    FaultyReply::Status(408, None),
    FaultyReply::Status(500, None),
    FaultyReply::Status(502, None),
    FaultyReply::Status(503, None),
    FaultyReply::Status(504, None),
    FaultyReply::Status(504, SOON),
    FaultyReply::OldValues,
    FaultyReply::Empty,
    FaultyReply::Html,
    FaultyReply::Cut,
    FaultyReply::Closed,
    FaultyReply::Reset,
    FaultyReply::Silence,
];

pub(crate) struct Harness {
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
    pub(crate) events: Vec<ClientEvent>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        Self::with(Settings { alerts: 20, budget: None, ..Settings::new(now) }, |_| {
            Tokens::fixed(&"any".into()).unwrap()
        })
    }

    pub(crate) fn with(settings: Settings, tokens: impl FnOnce(&Simulator) -> Tokens) -> Self {
        let simulator = Simulator::start(settings).unwrap();
        let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
        let client = Client::new(http(), endpoint, tokens(&simulator));
        Self { simulator, client, events: Vec::new() }
    }

    /// Returns the newest alert that is not resolved, as stored by the tenant.
    pub(crate) fn alert(&self) -> serde_json::Value {
        let open = |alert: &serde_json::Value| alert["status"] != "resolved";
        self.simulator.alerts().into_iter().find(open).unwrap()
    }

    pub(crate) fn id(&self) -> AlertId {
        AlertId::new(self.alert()["id"].as_str().unwrap())
    }

    /// Returns an alert as currently stored by the tenant.
    pub(crate) fn held(&self, id: &AlertId) -> serde_json::Value {
        let has_id = |alert: &serde_json::Value| alert["id"] == id.raw();
        self.simulator.alerts().into_iter().find(has_id).unwrap()
    }

    /// Schedules faults for the next requests with a method.
    pub(crate) fn fail(&self, method: &'static str, is_carried_out: bool, replies: &[FaultyReply]) {
        let fault = |reply: &FaultyReply| ScriptedFault { method, is_carried_out, reply: *reply };
        self.simulator.script(replies.iter().map(fault));
    }

    pub(crate) async fn send<T: Answer>(&mut self, request: &Request<T>) -> Result<T, Error> {
        self.events.clear();
        let events = &mut self.events;
        self.client.send(request, &mut |event| events.push(event)).await
    }

    /// Returns the methods of the requests for alerts so far.
    pub(crate) fn methods(&self) -> String {
        let log = self.simulator.log();
        let alerts = log.iter().filter(|exchange| exchange.target.contains("alerts_v2"));
        alerts.map(|exchange| exchange.method.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Returns the bodies of the requests with a method.
    pub(crate) fn bodies(&self, method: &str) -> Vec<String> {
        let log = self.simulator.log();
        let sent = log.iter().filter(|exchange| exchange.method == method);
        sent.map(|exchange| String::from_utf8(exchange.body.to_vec()).unwrap()).collect()
    }

    /// Returns whether the check of an unclear outcome was reported.
    pub(crate) fn was_checked(&self) -> bool {
        self.events.iter().any(|event| matches!(event, ClientEvent::Checking { .. }))
    }

    /// Returns the number of waits with this cause.
    pub(crate) fn waits(&self, wanted: &WaitCause) -> usize {
        let waits =
            |event: &&ClientEvent| matches!(event, ClientEvent::Waiting { cause, .. } if cause == wanted);
        self.events.iter().filter(waits).count()
    }

    /// Asserts that no request arrived before its `Retry-After` had elapsed.
    pub(crate) fn assert_patient(&self) {
        assert!(self.simulator.log().iter().all(|exchange| !exchange.early));
    }
}

pub(crate) fn http() -> Http {
    let limits = Limits { backoff: Duration::from_millis(5), idle: IDLE, ..Limits::default() };
    Http::new(limits, Budget::per_minute(100_000), Route::Direct).unwrap()
}

pub(crate) fn applied<T: std::fmt::Debug>(outcome: Result<Outcome<T>, Error>) -> T {
    match outcome {
        Ok(Outcome::Applied(state)) => state,
        other => panic!("not applied: {other:?}"),
    }
}

pub(crate) fn not_applied<T: std::fmt::Debug>(outcome: Result<Outcome<T>, Error>) -> (T, Error) {
    match outcome {
        Ok(Outcome::NotApplied { current, cause }) => (current, cause),
        other => panic!("unexpected: {other:?}"),
    }
}

pub(crate) fn unknown<T: std::fmt::Debug>(outcome: Result<Outcome<T>, Error>) -> (Error, Error) {
    match outcome {
        Ok(Outcome::Unknown { cause, recheck }) => (cause, recheck),
        other => panic!("unexpected: {other:?}"),
    }
}

pub(crate) fn decode(raw: &alertdeck_model::RawAlert) -> Alert {
    raw.decode().unwrap()
}
