//! Random triage of a simulated tenant: actions, faults before and after a change is carried out,
//! stale replies, a colleague's changes and arrivals. The console and the writer are the real ones;
//! only the event loop is the harness.
//!
//! In every run, no alert is changed that was not confirmed, no comment is added twice, the journal
//! explains every change that the tenant has carried out, what the console says of a change is what
//! the tenant has done, and after a refresh the console has the tenant's values.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alertdeck::{
    app::{Effect, JobEvent, JobId, JobKind, LoadEvent, Message, Overlay, WriteEvent, Writes},
    journal::Journal,
    triage::{Entry, EntryKind, EntryResult, TaskResult, Values, WriteMode, latest},
    writer::{TaskReport, Writer},
};
use alertdeck_graph::{
    AlertUpdate, Api, Client, ClientEvent, Endpoint, Owner,
    auth::Tokens,
    http::{Budget, Http, Limits, Priority, Route},
};
use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_simulator::{COLLEAGUE, Change, FaultyReply, ScriptedFault, Simulator};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::harness::{Harness, Settings, batch, settings};

/// The number of runs by default. `ALERTDECK_TRIAGE_RUNS` sets it.
const RUNS: u64 = 60;
const STEPS: usize = 12;
const ALERTS: usize = 8;
/// The number of attempts after which the client gives up on a read.
const MAX_TRIES: usize = 5;

/// What a client may get instead of a reply to a change.
const FAULTS: [FaultyReply; 15] = [
    FaultyReply::Status(429, Some(Duration::from_millis(1))),
    FaultyReply::Status(503, Some(Duration::from_millis(1))),
    FaultyReply::Status(400, None),
    FaultyReply::Status(403, None),
    FaultyReply::Status(404, None),
    FaultyReply::Status(409, None),
    FaultyReply::Status(412, None),
    FaultyReply::Status(500, None),
    FaultyReply::Status(502, None),
    FaultyReply::Status(504, None),
    FaultyReply::OldValues,
    FaultyReply::Empty,
    FaultyReply::Html,
    FaultyReply::Cut,
    FaultyReply::Reset,
];

struct Run {
    seed: u64,
    rng: StdRng,
    simulator: Simulator,
    console: Harness,
    writer: Writer,
    /// The alerts that were confirmed for a change, by ID.
    confirmed: BTreeSet<String>,
    /// The results that the console was told, with the last records.
    results: Vec<(String, TaskResult, Vec<Entry>)>,
    comments: usize,
}

impl Run {
    fn new(seed: u64, http: &Http) -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let tenant = alertdeck_simulator::Settings {
            alerts: ALERTS,
            seed,
            budget: None,
            ..alertdeck_simulator::Settings::new(now)
        };
        let simulator = Simulator::start(tenant).unwrap();
        let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
        let client = Client::new(http.clone(), endpoint, Tokens::fixed(&"any".into()).unwrap());
        let writer = Writer {
            account: None,
            stop: std::sync::Arc::default(),
            client,
            journal: Journal::temporary().unwrap(),
            profile: "contoso".into(),
            tenant: "contoso".into(),
            priority: Priority::User,
        };
        let console = Harness::with(Settings { writes: WriteMode::On, ..settings("") }, (120, 35));
        let mut run = Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
            simulator,
            console,
            writer,
            confirmed: BTreeSet::new(),
            results: Vec::new(),
            comments: 0,
        };
        run.console.arrive(&run.simulator.alerts());
        run.console.done();
        run
    }

    fn chance(&mut self, of: u32) -> bool {
        self.rng.random_range(0..of) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())].clone()
    }

    /// Does one random thing.
    fn step(&mut self, runtime: &Runtime) {
        match self.rng.random_range(0..12) {
            0 => self.console.keys("j"),
            1 => self.console.keys("k"),
            2 => self.console.keys("Space"),
            3 => self.act_as_colleague(),
            4 => self.arrive(),
            5 => self.schedule_faults(),
            6 => {
                let id = self.any_alert();
                let reads = self.rng.random_range(1..3);
                self.simulator.hide_next_change(&id, reads);
            }
            7 => self.act("u", runtime),
            8 => self.act("!", runtime),
            9 => {
                self.comments += 1;
                let text = format!("comment {}", self.comments);
                self.console.keys("c");
                if matches!(self.console.app.ui.overlay(), Some(Overlay::TextPrompt(_))) {
                    self.console.type_text(&text);
                    self.act("Enter", runtime);
                }
            }
            _ => {
                let keys =
                    self.pick(&["a", "x t m", "x f n", "x e c", "x r", "A n", "A m", "e l Enter", "= a"]);
                self.act(keys, runtime);
            }
        }
    }

    fn any_alert(&mut self) -> String {
        let alerts = self.simulator.alerts();
        self.pick(&alerts)["id"].as_str().unwrap().to_owned()
    }

    fn act_as_colleague(&mut self) {
        let id = self.any_alert();
        let change = self.pick(&[
            json!({"status": "inProgress", "assignedTo": "ben@contoso.com"}),
            json!({"status": "resolved", "classification": "truePositive", "determination": "malware"}),
            json!({"assignedTo": null}),
        ]);
        self.simulator.change(&id, &change).unwrap();
    }

    /// Delivers what the service has, as a poll does.
    fn arrive(&mut self) {
        let job = JobId { feed: self.console.app.feed().id, number: u32::MAX };
        let alerts = self.simulator.alerts();
        self.console.send(Message::Job(job, JobEvent::Fetch(LoadEvent::Batch(batch(&alerts)))));
    }

    fn schedule_faults(&mut self) {
        for _ in 0..self.rng.random_range(1..4) {
            let method = self.pick(&["PATCH", "PATCH", "POST", "GET"]);
            let (is_carried_out, reply) = (self.chance(2), self.pick(&FAULTS));
            // Old values are returned for changes that were carried out.
            let is_carried_out = is_carried_out || reply == FaultyReply::OldValues;
            let is_refusal = matches!(reply, FaultyReply::Status(status, _) if status < 500 && status != 408);
            // A service that refuses a change has not made it.
            let is_carried_out =
                is_carried_out && !is_refusal && !matches!(reply, FaultyReply::Status(503, Some(_)));
            self.simulator.script([ScriptedFault { method, is_carried_out, reply }]);
        }
    }

    /// Presses keys that lead to a confirmation, and usually confirms.
    fn act(&mut self, keys: &str, runtime: &Runtime) {
        self.console.keys(keys);
        if self.chance(4) {
            self.arrive();
        }
        self.console.advance(Duration::from_millis(150));
        if self.chance(8) {
            self.console.keys("Esc");
        } else if matches!(self.console.app.ui.overlay(), Some(Overlay::Confirm(_))) {
            if self.chance(4) {
                self.act_as_colleague();
            }
            self.console.keys("Enter");
            self.console.advance(Duration::from_millis(150));
        }
        // Whatever is open by now belongs to something that led nowhere.
        while self.console.app.ui.overlay().is_some() {
            self.console.keys("Esc");
        }
        let started: Vec<(JobId, Writes)> = self
            .console
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Start(job, JobKind::Write(writes)) => Some((*job, writes.clone())),
                _ => None,
            })
            .collect();
        self.console.effects.clear();
        for (job, writes) in started {
            self.write(job, &writes, runtime);
        }
        self.console.advance(Duration::from_secs(7));
    }

    /// Does what the runner does with a job.
    fn write(&mut self, job: JobId, writes: &Writes, runtime: &Runtime) {
        for (at, task) in &writes.tasks {
            let id = task.alert.raw().to_owned();
            self.confirmed.insert(id.clone());
            let loses_reads = self.chance(3);
            let simulator = &self.simulator;
            // Every attempt to find out whether a change was made fails too.
            let mut on_event = |event| {
                if loses_reads && matches!(event, ClientEvent::Checking { .. }) {
                    let reply = FaultyReply::Status(500, None);
                    let fault = ScriptedFault { method: "GET", is_carried_out: true, reply };
                    simulator.script(std::iter::repeat_n(fault, MAX_TRIES));
                }
            };
            let applied = self.writer.apply(&writes.action, task, &mut on_event);
            let TaskReport { result, alert, entries } = runtime.block_on(applied);
            self.results.push((id, result.clone(), entries.clone()));
            let decode = |RawAlert(json)| batch(&[serde_json::from_slice::<Value>(&json).unwrap()]);
            let alert = alert.map(decode).map(Box::new);
            let event =
                WriteEvent::Ended { action: writes.action.id.clone(), at: *at, result, entries, alert };
            self.console.send(Message::Job(job, event.into()));
        }
        self.console.send(Message::Job(job, WriteEvent::Done { action: writes.action.id.clone() }.into()));
    }

    fn check(&mut self) {
        let seed = self.seed;
        let changes = self.simulator.changes();
        let own: Vec<&Change> = changes.iter().filter(|change| change.author != COLLEAGUE).collect();
        let read = self.writer.journal.read().unwrap();
        assert_eq!(read.unreadable, 0);
        let entries = latest(read.entries);
        for change in &own {
            assert!(self.confirmed.contains(&change.alert_id), "seed {seed}: not confirmed: {change:?}");
        }
        // Each change of the tenant has its own record, which does not deny it: the one with its
        // request's ID, or if its reply was lost, another one.
        let mut left: Vec<&Entry> = entries.iter().collect();
        let mut others = Vec::new();
        for change in &own {
            let id = change.request.as_ref().map(|request| &request.request_id);
            match left.iter().position(|entry| id.is_some() && entry.request_id.as_ref() == id) {
                Some(at) => assert!(explains(left.remove(at), change), "seed {seed}: {change:?}"),
                None => others.push(change),
            }
        }
        for change in others {
            let at = left.iter().position(|entry| explains(entry, change));
            let at = at.unwrap_or_else(|| panic!("seed {seed}: no record of {change:?} in {left:#?}"));
            left.remove(at);
        }
        for entry in left {
            assert_ne!(
                entry.result,
                Some(EntryResult::Applied),
                "seed {seed}: never carried out: {entry:#?}"
            );
        }
        let mut texts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for change in &own {
            for text in &change.comments {
                *texts.entry((&change.alert_id, text)).or_default() += 1;
            }
        }
        assert!(texts.values().all(|count| *count == 1), "seed {seed}: {texts:?}");
        for (id, result, entries) in &self.results {
            let sent = entries.iter().any(|entry| entry.result != Some(EntryResult::Failed));
            match result {
                TaskResult::Applied => assert!(
                    entries.iter().all(|entry| entry.result == Some(EntryResult::Applied)),
                    "seed {seed}: {id}: {entries:?}"
                ),
                TaskResult::Unchanged | TaskResult::ChangedBySomeoneElse { .. } => {
                    assert!(entries.is_empty(), "seed {seed}: {id}: {entries:?}");
                }
                // Values may have been changed before a comment failed.
                TaskResult::Failed { .. } => {
                    assert!(!sent || entries.len() == 2, "seed {seed}: {id}: {entries:?}");
                }
                TaskResult::NotApplied(_) | TaskResult::Unknown(_) => assert!(sent, "seed {seed}: {id}"),
            }
        }
        self.arrive();
        for alert in self.simulator.alerts() {
            let raw = RawAlert(alert.to_string().into());
            let held = Values::of(&raw.decode().unwrap());
            let row = self.console.row(alert["id"].as_str().unwrap());
            let believed = Values::loaded(self.console.app.store.facts(row));
            assert_eq!(believed, held, "seed {seed}: {}", alert["id"]);
        }
        assert!(!self.console.app.actions.is_running(), "seed {seed}");
    }
}

/// Returns whether a record is about a change of the tenant and does not deny it.
fn explains(entry: &Entry, change: &Change) -> bool {
    let is_possible = match entry.result {
        Some(EntryResult::Applied | EntryResult::Unknown | EntryResult::NotApplied | EntryResult::Sent) => {
            true
        }
        Some(EntryResult::Failed) | None => false,
    };
    let is_same = match entry.kind {
        EntryKind::Comment => entry.text.as_ref() == change.comments.first(),
        EntryKind::Update => change.comments.is_empty() && has_set(&entry.after.update(), change),
        EntryKind::Note => false,
    };
    is_possible && is_same && entry.alert.as_ref() == Some(&change.alert_id)
}

/// Returns whether a change has left the values that an update sets.
fn has_set(update: &AlertUpdate, change: &Change) -> bool {
    let after = &change.after;
    let is = |set: Option<&str>, left: &Option<String>| {
        let plain = |text: &str| if text == "unknown" { "" } else { text }.to_lowercase();
        set.is_none_or(|set| plain(set) == plain(left.as_deref().unwrap_or_default()))
    };
    is(update.status.as_ref().map(alertdeck_model::Status::raw), &after.status)
        && is(update.classification.as_ref().map(alertdeck_model::Classification::raw), &after.classification)
        && is(update.determination.as_ref().map(alertdeck_model::Determination::raw), &after.determination)
        && match &update.assigned_to {
            None => true,
            Some(Owner::Unassigned) => after.assigned_to.is_none(),
            Some(Owner::User(name)) => is(Some(name), &after.assigned_to),
        }
}

#[test]
fn the_journal_and_the_console_agree_with_the_tenant() {
    let runs = std::env::var("ALERTDECK_TRIAGE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let first = std::env::var("ALERTDECK_TRIAGE_FIRST").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let runtime = Runtime::new().unwrap();
    let limits =
        Limits { backoff: Duration::from_millis(1), idle: Duration::from_millis(200), ..Limits::default() };
    let http = Http::new(limits, Budget::unlimited(), Route::Direct).unwrap();
    let mut results: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in first..first + runs {
        let mut run = Run::new(seed, &http);
        for _ in 0..STEPS {
            run.step(&runtime);
        }
        run.check();
        for (_, result, _) in &run.results {
            let name = match result {
                TaskResult::Applied => "applied",
                TaskResult::Unchanged => "unchanged",
                TaskResult::ChangedBySomeoneElse { .. } => "changed by someone else",
                TaskResult::Failed { .. } => "failed",
                TaskResult::NotApplied(_) => "not applied",
                TaskResult::Unknown(_) => "unknown",
            };
            *results.entry(name).or_default() += 1;
        }
    }
    println!("{runs} runs: {results:?}");
    if runs >= RUNS {
        for name in ["applied", "changed by someone else", "failed", "not applied", "unknown"] {
            assert!(results.contains_key(name), "no run with a result {name:?}: {results:?}");
        }
    }
}
