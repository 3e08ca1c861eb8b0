//! Changing alerts: what a command applies to, the confirmation, results, signs, undo, retries and
//! refusals. No alert is changed without a confirmation.

use std::time::Duration;

use alertdeck::{
    app::{
        App, Effect, Input, JobEvent, JobId, JobKind, LoadEvent, Message, Overlay, WriteEvent, Writes,
        commands,
    },
    triage::{Entry, EntryKind, EntryResult, Expected, StoredUpdate, Task, TaskResult, Values, WriteMode},
};
use alertdeck_graph::{AlertUpdate, Kind, Owner};
use alertdeck_model::{Classification, Determination, RawAlert, Status};
use serde_json::{Value, json};

use super::harness::{Harness, Settings, alert, batch, settings, with};

pub(super) const ME: &str = "ana@contoso.com";
/// How long a confirmation ignores keys.
pub(super) const DEAF: Duration = Duration::from_millis(150);

pub(super) fn writing() -> Settings {
    Settings { writes: WriteMode::On, ..settings("") }
}

pub(super) fn open_with(settings: Settings, alerts: &[Value]) -> Harness {
    let mut console = Harness::with(settings, (120, 35));
    console.arrive(alerts);
    console.done();
    console.effects.clear();
    console
}

pub(super) fn open(count: u32) -> Harness {
    open_with(writing(), &(1..=count).map(alert).collect::<Vec<_>>())
}

/// Returns the changes that were started, with their jobs.
pub(super) fn writes(console: &mut Harness) -> Vec<(JobId, Writes)> {
    let started = |effect: &Effect| match effect {
        Effect::Start(job, JobKind::Write(writes)) => Some((*job, writes.clone())),
        _ => None,
    };
    let found = console.effects.iter().filter_map(started).collect();
    console.effects.retain(|effect| started(effect).is_none());
    found
}

/// Presses Enter in the confirmation, once it no longer ignores keys, and returns the only job.
pub(super) fn confirm(console: &mut Harness) -> (JobId, Writes) {
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Confirm(_))), "{:?}", console.app.ui.overlay());
    console.advance(DEAF);
    console.keys("Enter");
    // Enter may have opened the confirmation, and might be held.
    console.advance(DEAF);
    let mut started = writes(console);
    assert_eq!(started.len(), 1, "{}", console.screen());
    started.remove(0)
}

/// Returns the alert after a change, and the record of the change.
pub(super) fn applied(
    task: &Task,
    action: &alertdeck::triage::Action,
    before: &Value,
) -> (Value, Vec<Entry>) {
    let values = Values::of(&RawAlert(before.to_string().into()).decode().unwrap());
    let after = values.after(&task.change.update);
    let changed = with(
        before.clone(),
        json!({
            "status": after.status.raw(), "classification": after.classification.raw(),
            "determination": after.determination.raw(),
            "assignedTo": after.owner.as_ref().map(alertdeck_model::SafeText::raw),
            "lastUpdateDateTime": "2026-11-20T12:00:05Z",
        }),
    );
    let mut entry = Entry::new(
        EntryKind::Update,
        alertdeck_model::Timestamp::parse("2026-11-20T12:00:05Z").unwrap(),
        action.id.clone(),
    );
    entry.result = Some(EntryResult::Applied);
    entry.alert = Some(task.alert.raw().to_owned());
    entry.before = StoredUpdate::from(&after.update_to(&values));
    entry.after = StoredUpdate::from(&values.update_to(&after));
    if let Expected::After { entry: undone, .. } = &task.expected {
        entry.undoes = Some(undone.clone());
    }
    (changed, vec![entry])
}

/// Ends a job: each change as `result` says; changes that are applied change the alert.
pub(super) fn finish(
    console: &mut Harness,
    (job, writes): (JobId, Writes),
    result: impl Fn(&Task) -> TaskResult,
) {
    for (at, task) in &writes.tasks {
        let row = console.app.store.row(job.feed, &task.alert).unwrap();
        let before = console.app.store.stored(row).read().parse().unwrap();
        let result = result(task);
        let (alert, entries) = match result {
            TaskResult::Applied => {
                let (alert, entries) = applied(task, &writes.action, &before);
                (Some(Box::new(batch(&[alert]))), entries)
            }
            _ => (None, Vec::new()),
        };
        let action = writes.action.id.clone();
        let event = WriteEvent::Ended { action, at: *at, result, entries, alert };
        console.send(Message::Job(job, event.into()));
    }
    console.send(Message::Job(job, WriteEvent::Done { action: writes.action.id }.into()));
}

/// Delivers alerts that no running fetch asked for.
pub(super) fn arrive(console: &mut Harness, alerts: &[Value]) {
    let job = JobId { feed: console.app.feed().id, number: u32::MAX };
    console.send(Message::Job(job, JobEvent::Fetch(LoadEvent::Batch(batch(alerts)))));
}

pub(super) fn update(task: &Task) -> &AlertUpdate {
    &task.change.update
}

fn gutter(console: &Harness, title: &str) -> String {
    let screen = console.screen();
    let list = |line: &str| line.chars().take(60).collect::<String>();
    let line = screen.lines().map(list).find(|line| line.contains(title)).unwrap();
    line.chars().take(2).collect()
}

#[test]
fn taking_assigns_the_alert_to_the_user_after_a_confirmation() {
    let mut console = open(3);
    console.keys("j a");
    let screen = console.screen();
    for text in ["1 alert in contoso", "Alert 2", "new → in progress", "none → ana@contoso.com"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    assert!(writes(&mut console).is_empty(), "nothing is sent before Enter");
    let started = confirm(&mut console);
    let [(0, task)] = started.1.tasks.as_slice() else { panic!("{started:?}") };
    assert_eq!(task.alert.raw(), "a2");
    assert_eq!(
        *update(task),
        AlertUpdate {
            status: Some(Status::InProgress),
            assigned_to: Some(Owner::User(ME.into())),
            ..AlertUpdate::default()
        }
    );
    assert_eq!(console.selected(), Some("a1"), "the cursor is on the next alert");
    assert_eq!(gutter(&console, "Alert 2"), " …");
    finish(&mut console, started, |_| TaskResult::Applied);
    assert_eq!(gutter(&console, "Alert 2"), " ✓");
    assert_eq!(console.notice(), "in progress, assigned to ana@contoso.com; u to undo");
}

#[test]
fn closing_takes_four_keys() {
    let mut console = open(2);
    console.keys("x t m");
    let (_, writes) = confirm(&mut console);
    assert_eq!(
        *update(&writes.tasks[0].1),
        AlertUpdate {
            status: Some(Status::Resolved),
            classification: Some(Classification::TruePositive),
            determination: Some(Determination::Malware),
            assigned_to: None,
        }
    );
    console.keys("x r");
    let (_, writes) = confirm(&mut console);
    let resolved = AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() };
    assert_eq!(*update(&writes.tasks[0].1), resolved);
}

#[test]
fn the_confirmation_is_deaf_at_first_and_while_a_key_is_held() {
    let mut console = open(2);
    console.keys("a Enter");
    for _ in 0..20 {
        console.advance(DEAF / 2);
        console.keys("Enter");
    }
    assert!(writes(&mut console).is_empty(), "a key that is held confirms nothing");
    assert!(matches!(console.app.ui.overlay(), Some(Overlay::Confirm(_))));
    console.keys("Esc");
    assert!(console.app.ui.overlay().is_none(), "Esc is never ignored");
    console.keys("a");
    console.advance(DEAF);
    console.keys("y y");
    assert!(writes(&mut console).is_empty(), "y is not yes");
    console.paste("\r\n\r");
    assert!(writes(&mut console).is_empty(), "a paste confirms nothing");
    console.keys("Enter");
    assert_eq!(writes(&mut console).len(), 1);
}

#[test]
fn an_action_belongs_to_the_alerts_and_values_at_the_key_press() {
    let mut console = open(2);
    console.keys("x");
    // Newer alerts arrive above, another order, and the alert itself changes.
    arrive(&mut console, &[alert(8), alert(9)]);
    arrive(
        &mut console,
        &[with(
            alert(2),
            json!({"assignedTo": "ben@contoso.com", "lastUpdateDateTime": "2026-11-20T11:59:00Z"}),
        )],
    );
    console.keys("f n");
    let screen = console.screen();
    assert!(screen.contains("changed by someone else: owner none → ben@contoso.com"), "{screen}");
    let (_, writes) = confirm(&mut console);
    let [(_, task)] = writes.tasks.as_slice() else { panic!("{writes:?}") };
    assert_eq!(task.alert.raw(), "a2");
    let Expected::Seen(seen) = &task.expected else { panic!("{task:?}") };
    assert_eq!(seen.values.owner, None, "as it was on screen");
}

#[test]
fn marked_alerts_are_changed_together_and_unmarked_on_success() {
    let mut console =
        open_with(writing(), &[alert(1), with(alert(2), json!({"status": "resolved"})), alert(3), alert(4)]);
    console.keys("* x r");
    let screen = console.screen();
    assert!(
        screen.contains("3 alerts in contoso") && screen.contains("1 left out: nothing to change"),
        "{screen}"
    );
    // The second row is left out.
    console.advance(DEAF);
    console.keys("j d");
    assert!(console.screen().contains("2 alerts in contoso"), "{}", console.screen());
    let started = confirm(&mut console);
    let ids: Vec<_> = started.1.tasks.iter().map(|(_, task)| task.alert.raw()).collect();
    assert_eq!(ids, ["a4", "a1"]);
    finish(&mut console, started, |task| match task.alert.raw() {
        "a4" => TaskResult::Applied,
        _ => TaskResult::Failed { kind: Some(Kind::Unavailable), line: "HTTP 503".into() },
    });
    assert_eq!(console.notice(), "resolved: 1 of 2 not applied; ! to retry, X to show all; first: HTTP 503");
    let marked: Vec<_> = console.app.marked().into_iter().map(|row| console.id(row)).collect();
    assert_eq!(marked, ["a3", "a2", "a1"], "what was not changed stays marked");
    assert_eq!(gutter(&console, "Alert 1"), "!*", "failed and marked");
}

#[test]
fn failed_changes_are_confirmed_again_with_the_values_of_now() {
    let mut console = open(2);
    console.keys("x f n");
    let started = confirm(&mut console);
    let now = Values::of(
        &RawAlert(r#"{"status":"inProgress","assignedTo":"ben@contoso.com"}"#.into()).decode().unwrap(),
    );
    finish(&mut console, started, |_| TaskResult::ChangedBySomeoneElse { now: now.clone() });
    let notice = console.notice();
    assert!(notice.contains("changed since, now in progress, ben@contoso.com; ! to retry"), "{notice}");
    arrive(
        &mut console,
        &[with(alert(2), json!({"status": "inProgress", "lastUpdateDateTime": "2026-11-20T11:59:00Z"}))],
    );
    console.keys("!");
    assert!(console.screen().contains("in progress → resolved"), "{}", console.screen());
    let (_, writes) = confirm(&mut console);
    let Expected::Seen(seen) = &writes.tasks[0].1.expected else { panic!() };
    assert_eq!(seen.values.status, Status::InProgress);
    console.advance(Duration::from_secs(7));
    console.keys("!");
    assert_eq!(console.notice(), "nothing to retry", "it was tried again already");
}

/// Ends a job with one change, whose values were set and whose comment ended as `result` says.
fn finish_comment(console: &mut Harness, (job, writes): (JobId, Writes), result: EntryResult) {
    let (at, task) = &writes.tasks[0];
    let time = alertdeck_model::Timestamp::parse("2026-11-20T12:00:05Z").unwrap();
    let of = |kind, result| {
        let mut entry = Entry::new(kind, time, writes.action.id.clone());
        entry.result = Some(result);
        entry
    };
    let is_updated = !task.change.update.is_empty();
    let update = is_updated.then(|| of(EntryKind::Update, EntryResult::Applied));
    let entries = update.into_iter().chain([of(EntryKind::Comment, result)]).collect();
    let result = match result {
        EntryResult::Failed => TaskResult::Failed { kind: None, line: "HTTP 400".into() },
        _ => TaskResult::Unknown("reset".into()),
    };
    let action = writes.action.id.clone();
    let event = WriteEvent::Ended { action: action.clone(), at: *at, result, entries, alert: None };
    console.send(Message::Job(job, event.into()));
    console.send(Message::Job(job, WriteEvent::Done { action }.into()));
    console.advance(Duration::from_secs(7));
}

#[test]
fn a_comment_that_may_have_been_added_is_not_sent_again() {
    let mut console = open(2);
    console.keys("x r");
    console.advance(DEAF);
    console.keys("c");
    console.type_text("closed");
    console.keys("Enter");
    let started = confirm(&mut console);
    finish_comment(&mut console, started, EntryResult::Failed);
    console.keys("!");
    let again = confirm(&mut console);
    let change = &again.1.tasks[0].1.change;
    assert_eq!(
        (change.update.is_empty(), change.comment.as_deref()),
        (true, Some("closed")),
        "only what failed"
    );
    finish_comment(&mut console, again, EntryResult::Unknown);
    console.keys("!");
    assert!(console.app.ui.overlay().is_none());
    assert!(
        console.notice().starts_with("it is unknown whether the comment was added"),
        "{}",
        console.notice()
    );
}

#[test]
fn undo_restores_the_values_after_a_confirmation() {
    let mut console = open(3);
    console.keys("u");
    assert_eq!(console.notice(), "nothing to undo in this session; H shows earlier changes");
    console.keys("x f n");
    let started = confirm(&mut console);
    finish(&mut console, started, |_| TaskResult::Applied);
    console.keys("u");
    let screen = console.screen();
    assert!(screen.contains("resolved → new") && screen.contains("false positive → none"), "{screen}");
    let undo = confirm(&mut console);
    let task = &undo.1.tasks[0].1;
    assert_eq!(task.alert.raw(), "a3");
    assert!(matches!(&task.expected, Expected::After { .. }), "{task:?}");
    finish(&mut console, undo, |_| TaskResult::Applied);
    assert_eq!(gutter(&console, "Alert 3"), "  ");
    console.keys("u");
    assert!(console.app.ui.overlay().is_none(), "an undo is not undone");
}

#[test]
fn quitting_while_changes_are_sent_needs_a_second_key() {
    let mut console = open(2);
    console.keys("a");
    let started = confirm(&mut console);
    let quits = |console: &Harness| console.effects.contains(&Effect::Quit);
    console.keys("q");
    assert!(!quits(&console) && console.notice().starts_with("changes are still being sent"));
    console.keys("j q");
    assert!(!quits(&console), "another key takes it back");
    console.keys("q");
    assert!(quits(&console));
    console.effects.clear();
    finish(&mut console, started, |_| TaskResult::Applied);
    console.keys("q");
    assert!(quits(&console));
}

#[test]
fn stopped_changes_are_told_from_those_that_were_sent() {
    let mut console = open(3);
    console.keys("* x r");
    let (job, writes) = confirm(&mut console);
    console.keys("X");
    let screen = console.screen();
    assert!(screen.contains("changes       running  3 alerts, resolved"), "{screen}");
    console.keys("Esc");
    // The job was stopped after the first change.
    let first = &writes.tasks[0].1;
    let row = console.app.store.row(job.feed, &first.alert).unwrap();
    let before = console.app.store.stored(row).read().parse().unwrap();
    let (alert, entries) = applied(first, &writes.action, &before);
    let event = WriteEvent::Ended {
        action: writes.action.id.clone(),
        at: 0,
        result: TaskResult::Applied,
        entries,
        alert: Some(Box::new(batch(&[alert]))),
    };
    console.send(Message::Job(job, event.into()));
    console.send(Message::Job(job, WriteEvent::Done { action: writes.action.id.clone() }.into()));
    assert!(console.notice().contains("2 of 3 not applied"), "{}", console.notice());
    console.keys("X");
    console.keys("G Enter");
    let screen = console.screen();
    assert!(screen.contains("1 applied, 2 not applied   resolved"), "{screen}");
    let stopped = screen.lines().filter(|line| line.contains("  stopped, not sent")).count();
    assert_eq!(stopped, 2, "{screen}");
}

/// Presses every key that is bound in the list or the detail, in a console that may write: a change
/// never starts without a confirmation.
#[test]
fn no_single_key_changes_an_alert() {
    let keys = |app: &App| {
        let bound = commands().flat_map(|command| app.ui.keymap.keys(command.id).to_vec());
        bound.collect::<std::collections::HashSet<_>>()
    };
    let all = keys(&open(1).app);
    assert!(all.len() > 60);
    for pane in ["", "Enter"] {
        for key in &all {
            let mut console = open(3);
            console.keys(pane);
            console.advance(DEAF);
            console.send(Message::Input(Input::Key(*key)));
            console.advance(DEAF);
            assert!(writes(&mut console).is_empty(), "{key}");
        }
    }
}
