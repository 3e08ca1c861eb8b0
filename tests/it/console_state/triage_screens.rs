//! The screens of changes to alerts.

use std::time::Duration;

use alertdeck::{
    app::{Effect, JobEvent, JobKind, LoadEvent, Message, WriteEvent},
    triage::{Entry, EntryKind, EntryResult, StoredUpdate, TaskResult, Values},
};
use alertdeck_graph::{AlertUpdate, ClientEvent, Kind, Owner, WaitCause};
use alertdeck_model::{Classification, Determination, RawAlert, Status};
use serde_json::{Value, json};

use super::{
    harness::{Harness, batch, with},
    screens::State,
    triage::{DEAF, ME, applied, arrive, confirm, finish},
};

/// Brings a newly opened console to a screen of changes. Returns false if the screen is another.
pub(super) fn show(console: &mut Harness, state: State, alerts: &[Value]) -> bool {
    let keys = match state {
        State::Close => "j x",
        State::Confirm => "j x t m",
        State::ConfirmMany => "V j j j j j j j Space x f n",
        State::Comment => "j c",
        State::Form => "j e l l l j l l j l",
        State::Sending | State::Results => "V j j j j j Space x f n",
        State::Undo => "V j j j Space a",
        State::Journal => "H",
        _ => return false,
    };
    console.load(LoadEvent::Page { total: Some(alerts.len() as u64), partial: None, server_time: None });
    console.arrive(alerts);
    console.done();
    console.keys(keys);
    match state {
        State::ConfirmMany => {
            let first = console.app.view.get(1).unwrap();
            let changed = json!({
                "status": "inProgress", "assignedTo": "ben@contoso.com",
                "lastUpdateDateTime": "2026-11-20T12:00:09Z",
            });
            let before = console.app.store.stored(first).read().parse().unwrap();
            arrive(console, &[with(before, changed)]);
            console.advance(DEAF);
            console.keys("j j d c");
            console.type_text("the vulnerability team's scanner");
            console.keys("Enter");
        }
        State::Comment => {
            console.type_text("Called the user: travelling, sign-in confirmed.");
            console.keys("Ctrl-j");
            console.type_text("No further action.");
        }
        State::Sending => {
            let (job, writes) = confirm(console);
            let (_, first) = &writes.tasks[0];
            let row = console.app.store.row(job.feed, &first.alert).unwrap();
            let before = console.app.store.stored(row).read().parse().unwrap();
            let (alert, entries) = applied(first, &writes.action, &before);
            let action = writes.action.id.clone();
            let (result, alert) = (TaskResult::Applied, Some(Box::new(batch(&[alert]))));
            console
                .send(Message::Job(job, WriteEvent::Ended { action, at: 0, result, entries, alert }.into()));
            let wait = ClientEvent::Waiting { delay: Duration::from_secs(23), cause: WaitCause::Throttled };
            console.send(Message::Job(job, WriteEvent::Client(wait).into()));
        }
        State::Results => {
            let started = confirm(console);
            let last = started.1.tasks.len() - 1;
            let (failed, other) = (started.1.tasks[1].1.alert.clone(), started.1.tasks[last].1.alert.clone());
            finish(console, started, |task| match &task.alert {
                id if *id == failed => {
                    let line = "the service is unavailable (HTTP 503); try again later";
                    TaskResult::Failed { kind: Some(Kind::Unavailable), line: line.into() }
                }
                id if *id == other => {
                    let now = r#"{"status":"inProgress","assignedTo":"ben@contoso.com"}"#;
                    let now = Values::of(&RawAlert(now.into()).decode().unwrap());
                    TaskResult::ChangedBySomeoneElse { now }
                }
                _ => TaskResult::Applied,
            });
            console.advance(Duration::from_secs(7));
            console.keys("X G Enter");
        }
        State::Undo => {
            let started = confirm(console);
            finish(console, started, |_| TaskResult::Applied);
            console.advance(Duration::from_secs(7));
            console.keys("u");
        }
        State::Journal => show_journal(console),
        _ => {}
    }
    true
}

/// Reads an invented journal.
fn show_journal(console: &mut Harness) {
    let read = |effect: &Effect| match effect {
        Effect::Start(job, JobKind::ReadJournal) => Some(*job),
        _ => None,
    };
    let job = console.effects.iter().find_map(read).unwrap();
    let action = alertdeck::triage::EntryId::random();
    let entry = |minute: &str, kind, title: &str, result| {
        let time = alertdeck_model::Timestamp::parse(&format!("2026-11-20T11:{minute}:00Z")).unwrap();
        let mut entry = Entry::new(kind, time, action.clone());
        (entry.title, entry.result, entry.profile) = (title.to_owned(), result, "contoso".to_owned());
        entry
    };
    let closed = AlertUpdate {
        status: Some(Status::Resolved),
        classification: Some(Classification::FalsePositive),
        determination: Some(Determination::NotMalicious),
        assigned_to: None,
    };
    let title = "Suspicious PowerShell command line";
    let mut first = entry("02", EntryKind::Update, title, Some(EntryResult::Applied));
    first.after = StoredUpdate::from(&closed);
    let mut comment = entry("02", EntryKind::Comment, title, Some(EntryResult::Unknown));
    comment.text = Some("the vulnerability\nteam's scanner".into());
    let mut undone =
        entry("10", EntryKind::Update, "Mass download by a single user", Some(EntryResult::Applied));
    undone.after = StoredUpdate::from(&closed);
    let mut undo =
        entry("14", EntryKind::Update, "Mass download by a single user", Some(EntryResult::Applied));
    undo.after = StoredUpdate::from(&AlertUpdate { status: Some(Status::New), ..AlertUpdate::default() });
    undo.before =
        StoredUpdate::from(&AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() });
    undo.undoes = Some(undone.id.clone());
    let mut failed = entry("31", EntryKind::Update, "Unusual sign-in", Some(EntryResult::Failed));
    failed.after = StoredUpdate::from(&AlertUpdate {
        assigned_to: Some(Owner::User(ME.into())),
        ..AlertUpdate::default()
    });
    let mut note = entry("40", EntryKind::Note, "", None);
    note.text = Some("srv-db-04 is isolated until the image is taken".into());
    let entries = vec![first, comment, undone, undo, failed, note];
    console.send(Message::Job(job, JobEvent::Journal(Ok(entries))));
}
