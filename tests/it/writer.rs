//! The writer against the simulated tenant: what is sent, what is recorded, and how changes end.

#![expect(clippy::unwrap_used, reason = "the helpers fail the test that calls them")]

use std::time::Duration;

use alertdeck::{
    journal::Journal,
    triage::{
        Action, Change, Entry, EntryId, EntryKind, EntryResult, Expected, Seen, Task, TaskResult, Values,
    },
    writer::{TaskReport, Writer, title_of},
};
use alertdeck_graph::{
    AlertUpdate, Api, Client, ClientEvent, Endpoint, Kind, Owner, Request,
    auth::Tokens,
    http::{Budget, Http, Limits, Priority, Route},
};
use alertdeck_model::{AlertId, Classification, Determination, RawAlert, Status, Timestamp};
use alertdeck_simulator::{FaultyReply, ScriptedFault, Settings, Simulator};
use rstest::rstest;

const COMMENT: &str = "Known tool, see the ticket.";

struct Harness {
    simulator: Simulator,
    writer: Writer,
}

impl Harness {
    fn new() -> Self {
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        let simulator =
            Simulator::start(Settings { alerts: 20, budget: None, ..Settings::new(now) }).unwrap();
        let limits = Limits {
            backoff: Duration::from_millis(5),
            idle: Duration::from_millis(300),
            ..Limits::default()
        };
        let http = Http::new(limits, Budget::unlimited(), Route::Direct).unwrap();
        let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
        let client = Client::new(http, endpoint, Tokens::fixed(&"any".into()).unwrap());
        let writer = Writer {
            account: None,
            stop: std::sync::Arc::default(),
            client,
            journal: Journal::temporary().unwrap(),
            profile: "contoso".into(),
            tenant: "contoso.com".into(),
            priority: Priority::User,
        };
        Self { simulator, writer }
    }

    /// Returns a new alert without an owner, as it is now.
    fn alert(&self) -> RawAlert {
        let is_free = |alert: &serde_json::Value| alert["status"] == "new" && alert["assignedTo"].is_null();
        let alert = self.simulator.alerts().into_iter().find(is_free).unwrap();
        RawAlert(alert.to_string().into())
    }

    /// Returns the task of closing an alert, and its state.
    fn close(&self) -> (Task, RawAlert) {
        let raw = self.alert();
        let alert = raw.decode().unwrap();
        let update = AlertUpdate {
            status: Some(Status::Resolved),
            classification: Some(Classification::FalsePositive),
            determination: Some(Determination::NotMalicious),
            assigned_to: None,
        };
        let task = Task {
            alert: alert.id.clone(),
            title: title_of(&alert),
            change: Change { update, comment: None },
            expected: Expected::Seen(Seen { values: Values::of(&alert), updated: alert.last_update }),
        };
        (task, raw)
    }

    /// Returns the task of closing an alert with a comment, and its state.
    fn close_with_comment(&self) -> (Task, RawAlert) {
        let (mut task, raw) = self.close();
        task.change.comment = Some(COMMENT.into());
        (task, raw)
    }

    async fn apply(&self, task: &Task) -> TaskReport {
        self.writer.apply(&action(), task, &mut |_| {}).await
    }

    async fn apply_to(&self, task: &Task, alert: RawAlert) -> TaskReport {
        self.writer.apply_to(&action(), task, alert, &mut |_| {}).await
    }

    /// Changes an alert as another client would.
    async fn change(&self, id: &AlertId, update: AlertUpdate) {
        self.writer.client.send(&Request::update_alert(id, &update), &mut |_| {}).await.unwrap();
    }

    fn fail(&self, method: &'static str, is_carried_out: bool, replies: &[FaultyReply]) {
        let fault = |reply: &FaultyReply| ScriptedFault { method, is_carried_out, reply: *reply };
        self.simulator.script(replies.iter().map(fault));
    }

    /// Returns the methods of the requests so far.
    fn methods(&self) -> String {
        self.simulator.log().iter().map(|exchange| exchange.method.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Returns the bodies of the requests with a method.
    fn bodies(&self, method: &str) -> Vec<serde_json::Value> {
        let log = self.simulator.log();
        let sent = log.iter().filter(|exchange| exchange.method == method);
        sent.map(|exchange| serde_json::from_slice(&exchange.body).unwrap()).collect()
    }

    fn held(&self, id: &AlertId) -> serde_json::Value {
        self.simulator.alerts().into_iter().find(|alert| alert["id"] == id.raw()).unwrap()
    }

    fn recorded(&self) -> Vec<Entry> {
        recorded(&self.writer.journal)
    }

    /// Returns the kinds and results of the records.
    fn results(&self) -> Vec<(EntryKind, Option<EntryResult>)> {
        self.recorded().iter().map(|entry| (entry.kind, entry.result)).collect()
    }
}

fn recorded(journal: &Journal) -> Vec<Entry> {
    let read = journal.read().unwrap();
    assert_eq!(read.unreadable, 0);
    read.entries
}

/// Changes what the user saw.
fn see(task: &mut Task, change: impl FnOnce(&mut Seen)) {
    let Expected::Seen(seen) = &mut task.expected else { panic!() };
    change(seen);
}

fn action() -> Action {
    Action { id: EntryId::random(), summary: "resolved, false positive, not malicious".into() }
}

const SENT: (EntryKind, Option<EntryResult>) = (EntryKind::Update, Some(EntryResult::Sent));
const APPLIED: (EntryKind, Option<EntryResult>) = (EntryKind::Update, Some(EntryResult::Applied));

#[tokio::test]
async fn a_change_is_made_and_returns_the_new_state() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    let report = harness.apply(&task).await;
    assert_eq!(report.result, TaskResult::Applied);
    assert_eq!(harness.methods(), "GET PATCH");
    let body = serde_json::json!({
        "status": "resolved", "classification": "falsePositive", "determination": "notMalicious"
    });
    assert_eq!(harness.bodies("PATCH"), [body]);
    let alert = report.alert.unwrap().decode().unwrap();
    assert_eq!((alert.status, alert.id), (Status::Resolved, task.alert.clone()));
    assert!(!alert.evidence.is_empty());
    assert_eq!(harness.held(&task.alert)["status"], "resolved");
}

#[tokio::test]
async fn only_what_differs_is_sent_and_recorded() {
    let harness = Harness::new();
    let (mut task, _) = harness.close();
    harness.change(&task.alert, AlertUpdate { status: Some(Status::InProgress), ..Default::default() }).await;
    see(&mut task, |seen| {
        seen.values.status = Status::InProgress;
        seen.updated = None;
    });
    task.change.update = AlertUpdate {
        status: Some(Status::InProgress),
        assigned_to: Some(Owner::User("ana@contoso.com".into())),
        ..Default::default()
    };
    assert_eq!(harness.apply(&task).await.result, TaskResult::Applied);
    let owner = serde_json::json!({"assignedTo": "ana@contoso.com"});
    assert_eq!(harness.bodies("PATCH").last(), Some(&owner));
    let last = harness.recorded().pop().unwrap();
    let before = AlertUpdate { assigned_to: Some(Owner::Unassigned), ..Default::default() };
    assert_eq!((last.before.update(), last.after.update().status), (before, None));
}

#[tokio::test]
async fn an_alert_that_was_just_read_is_not_read_again() {
    let harness = Harness::new();
    let (task, alert) = harness.close();
    assert_eq!(harness.apply_to(&task, alert).await.result, TaskResult::Applied);
    assert_eq!(harness.methods(), "PATCH");
}

#[tokio::test]
async fn nothing_is_sent_if_nothing_would_change() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    harness.change(&task.alert, task.change.update.clone()).await;
    // What the user saw does not matter then.
    let report = harness.apply(&task).await;
    assert_eq!(report.result, TaskResult::Unchanged);
    assert_eq!(harness.methods(), "PATCH GET");
    assert!(harness.recorded().is_empty() && report.entries.is_empty());
}

#[tokio::test]
async fn nothing_is_sent_if_someone_else_has_changed_the_alert() {
    let harness = Harness::new();
    let (task, _) = harness.close_with_comment();
    let owner = Owner::User("bo@contoso.com".into());
    harness.change(&task.alert, AlertUpdate { assigned_to: Some(owner), ..Default::default() }).await;
    let report = harness.apply(&task).await;
    let TaskResult::ChangedBySomeoneElse { now } = report.result else { panic!("{:?}", report.result) };
    assert_eq!(now.owner.unwrap().raw(), "bo@contoso.com");
    assert_eq!(harness.methods(), "PATCH GET");
    assert!(harness.recorded().is_empty());
}

#[tokio::test]
async fn a_state_older_than_what_the_user_saw_is_not_a_change() {
    let harness = Harness::new();
    let (mut task, _) = harness.close();
    // The service returns the state before this one each time.
    see(&mut task, |seen| {
        seen.updated = seen.updated.map(|at| at.after(Duration::from_millis(1)));
        seen.values.status = Status::InProgress;
    });
    let report = harness.apply(&task).await;
    assert_eq!(report.result, TaskResult::Applied);
    assert_eq!(harness.methods(), "GET GET GET PATCH");
    let before = harness.recorded()[0].before.update();
    assert_eq!(before.status, Some(Status::InProgress));
}

#[tokio::test]
async fn an_unclear_outcome_that_cannot_be_resolved_is_unknown() {
    let harness = Harness::new();
    let (task, alert) = harness.close_with_comment();
    harness.fail("PATCH", true, &[FaultyReply::Reset]);
    harness.fail("GET", true, &[FaultyReply::Status(502, None); 5]);
    let report = harness.apply_to(&task, alert).await;
    let TaskResult::Unknown(reason) = &report.result else { panic!("{:?}", report.result) };
    assert!(reason.contains("reading the alert failed too"), "{reason}");
    assert_eq!(harness.results(), [SENT, (EntryKind::Update, Some(EntryResult::Unknown))]);
    assert_eq!(harness.recorded()[1].reason.as_ref(), Some(reason));
    // The change is not repeated, and the comment is not sent.
    assert_eq!((harness.bodies("PATCH").len(), harness.bodies("POST").len()), (1, 0));
}

#[tokio::test]
async fn an_unclear_outcome_that_the_alert_shows_is_applied() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    harness.fail("PATCH", true, &[FaultyReply::Closed]);
    assert_eq!(harness.apply(&task).await.result, TaskResult::Applied);
    assert_eq!(
        (harness.methods().as_str(), harness.results().as_slice()),
        ("GET PATCH GET", &[SENT, APPLIED][..])
    );
}

#[rstest]
#[case(403, Kind::Permission)]
#[case(404, Kind::NotFound)]
#[tokio::test]
async fn a_refused_change_is_not_made(#[case] status: u16, #[case] kind: Kind) {
    let harness = Harness::new();
    let (task, _) = harness.close_with_comment();
    harness.fail("PATCH", false, &[FaultyReply::Status(status, None)]);
    let report = harness.apply(&task).await;
    let TaskResult::Failed { kind: found, line } = report.result else { panic!("{:?}", report.result) };
    assert_eq!(found, Some(kind), "{line}");
    assert_eq!(harness.methods(), "GET PATCH");
    assert_eq!(harness.results(), [SENT, (EntryKind::Update, Some(EntryResult::Failed))]);
    assert_eq!(harness.held(&task.alert)["status"], "new");
}

#[tokio::test]
async fn an_alert_that_does_not_exist_is_not_changed() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    let report = harness.apply(&Task { alert: AlertId::new("none"), ..task }).await;
    assert!(
        matches!(report.result, TaskResult::Failed { kind: Some(Kind::NotFound), .. }),
        "{:?}",
        report.result
    );
    assert_eq!(harness.methods(), "GET");
    assert!(harness.recorded().is_empty() && report.alert.is_none());
}

#[tokio::test]
async fn a_comment_follows_the_update() {
    let harness = Harness::new();
    let (task, _) = harness.close_with_comment();
    let report = harness.apply(&task).await;
    assert_eq!(report.result, TaskResult::Applied);
    assert_eq!(harness.methods(), "GET PATCH POST GET");
    assert_eq!(harness.bodies("POST")[0]["comment"], COMMENT);
    let comment = |result| (EntryKind::Comment, Some(result));
    assert_eq!(harness.results(), [SENT, APPLIED, comment(EntryResult::Sent), comment(EntryResult::Applied)]);
    let recorded = harness.recorded();
    assert_eq!(recorded[3].text.as_deref(), Some(COMMENT));
    assert!(recorded.iter().all(|entry| entry.action == recorded[0].action));
    // The returned state has both.
    let alert = report.alert.unwrap().decode().unwrap();
    assert_eq!(alert.status, Status::Resolved);
    assert!(alert.comments.iter().any(|by| by.text.raw() == COMMENT));
}

#[rstest]
#[case::carried_out(true)]
#[case::lost(false)]
#[tokio::test]
async fn a_comment_is_sent_once(#[case] is_carried_out: bool) {
    let harness = Harness::new();
    let (mut task, _) = harness.close_with_comment();
    task.change.update = AlertUpdate::default();
    harness.fail("POST", is_carried_out, &[FaultyReply::Closed]);
    let report = harness.apply(&task).await;
    match report.result {
        TaskResult::Applied => assert!(is_carried_out),
        TaskResult::NotApplied(_) => assert!(!is_carried_out),
        other => panic!("{other:?}"),
    }
    assert_eq!((harness.bodies("POST").len(), harness.bodies("PATCH").len()), (1, 0));
}

#[tokio::test]
async fn a_change_is_recorded_before_it_is_sent() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    let (journal, mut at_reply) = (harness.writer.journal.clone(), Vec::new());
    let mut on_event = |event| {
        if let ClientEvent::Accepted(_) = event {
            at_reply = recorded(&journal);
        }
    };
    harness.writer.apply(&action(), &task, &mut on_event).await;
    let [sent] = at_reply.as_slice() else { panic!("{at_reply:?}") };
    assert_eq!((sent.kind, sent.result), SENT);
    assert_eq!((sent.alert.as_deref(), &sent.title), (Some(task.alert.raw()), &task.title));
    assert_eq!((sent.profile.as_str(), sent.tenant.as_str()), ("contoso", "contoso.com"));
    assert_eq!(sent.after.update(), task.change.update);
    let [again, result] = &harness.recorded()[..] else { panic!() };
    assert_eq!((again, &result.id, result.result), (sent, &sent.id, Some(EntryResult::Applied)));
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_recorded() {
    let harness = Harness::new();
    let (task, _) = harness.close_with_comment();
    std::fs::create_dir(harness.writer.journal.path()).unwrap();
    let report = harness.apply(&task).await;
    let TaskResult::Failed { kind: None, line } = report.result else { panic!("{:?}", report.result) };
    assert!(line.starts_with("not sent: the journal cannot be used"), "{line}");
    assert_eq!(harness.methods(), "GET");
}

#[tokio::test]
async fn the_id_of_the_request_is_recorded() {
    let harness = Harness::new();
    let (task, alert) = harness.close();
    let mut accepted = None;
    let mut on_event = |event| {
        if let ClientEvent::Accepted(id) = event {
            accepted = Some(id.line());
        }
    };
    let report = harness.writer.apply(&action(), &task, &mut on_event).await;
    let id = report.entries[0].request_id.clone();
    assert!(id.is_some() && id == accepted, "{id:?} {accepted:?}");
    assert_eq!(harness.recorded()[1].request_id, id);
    // That of a refusal too.
    harness.fail("PATCH", false, &[FaultyReply::Status(403, None)]);
    let back = AlertUpdate { status: Some(Status::New), ..Default::default() };
    let seen = Seen { values: Values::of(&report.alert.unwrap().decode().unwrap()), updated: None };
    let expected = Expected::Seen(seen);
    let task = Task { change: Change { update: back, comment: None }, expected, ..task };
    let refused = harness.apply(&task).await.entries[0].request_id.clone();
    assert!(refused.is_some() && refused != id, "{refused:?}");
    drop(alert);
}

/// Returns the task that undoes a recorded change.
fn undo(task: &Task, entry: &Entry) -> Task {
    let change = Change { update: entry.before.update(), comment: None };
    let expected = Expected::After { entry: entry.id.clone(), update: entry.after.update(), updated: None };
    Task { change, expected, ..task.clone() }
}

#[tokio::test]
async fn a_change_that_takes_back_another_names_it() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    let report = harness.apply(&task).await;
    let entry = &report.entries[0];
    assert_eq!(harness.apply(&undo(&task, entry)).await.result, TaskResult::Applied);
    assert_eq!(harness.held(&task.alert)["status"], "new");
    assert_eq!(harness.recorded().pop().unwrap().undoes, Some(entry.id.clone()));
}

#[tokio::test]
async fn a_change_is_not_taken_back_if_someone_else_has_changed_the_alert() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    let report = harness.apply(&task).await;
    harness.change(&task.alert, AlertUpdate { status: Some(Status::InProgress), ..Default::default() }).await;
    let undone = harness.apply(&undo(&task, &report.entries[0])).await;
    let TaskResult::ChangedBySomeoneElse { now } = undone.result else { panic!("{:?}", undone.result) };
    assert_eq!(now.status, Status::InProgress);
    assert_eq!(
        (harness.held(&task.alert)["status"].as_str(), harness.recorded().len()),
        (Some("inProgress"), 2)
    );
}

#[tokio::test]
async fn a_change_is_not_taken_back_from_an_old_state() {
    let harness = Harness::new();
    let (task, _) = harness.close();
    let report = harness.apply(&task).await;
    let mut undo = undo(&task, &report.entries[0]);
    let Expected::After { updated, .. } = &mut undo.expected else { panic!() };
    *updated = Some(Timestamp::MAX);
    let undone = harness.apply(&undo).await;
    assert!(matches!(undone.result, TaskResult::Failed { kind: None, .. }), "{:?}", undone.result);
    assert_eq!(harness.methods(), "GET PATCH GET GET GET");
}
