//! Sends changes to alerts, one alert after another, and records them in the journal.
//!
//! Before anything is sent, the alert is read again: nothing is changed that someone else has
//! changed since the user saw it, nothing is sent that would change nothing, and the values to
//! restore are those that the service had (docs/security.md, "Writes"). This module does not decide
//! what to change; how an unclear outcome is resolved is the client's job.

use std::time::{Duration, SystemTime};

use alertdeck_graph::{
    AlertUpdate, Client, ClientEvent, Error, Kind, OnEvent, Outcome, Request, http::Priority,
};
use alertdeck_model::{Alert, AlertId, RawAlert, SafeText, Timestamp};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    journal::{Journal, JournalError},
    triage::{Change, Entry, EntryId, EntryKind, EntryResult, Values},
};

/// The waits before an alert is read again if the service returns an older state than one it has
/// returned before (docs/graph-api.md, "Updating alerts").
const STALE_READ_PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// What the user saw of an alert when confirming a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The values.
    pub values: Values,
    /// The alert's last update.
    pub updated: Option<Timestamp>,
}

/// A change to one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The alert's id.
    pub alert: AlertId,
    /// The alert's title, for the journal.
    pub title: String,
    /// What to change.
    pub change: Change,
    /// What the user saw. If the alert has other values by now, nothing is sent.
    pub seen: Seen,
    /// The recorded change that this one takes back.
    pub undoes: Option<EntryId>,
}

/// An action: what all changes that were confirmed together have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The id in the journal.
    pub id: EntryId,
    /// The action in words; safe to show.
    pub summary: String,
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskResult {
    /// The change is in effect.
    Applied,
    /// The alert already had these values; nothing was sent.
    Unchanged,
    /// Someone else has changed the alert since the user saw it; nothing was sent.
    ChangedBySomeoneElse {
        /// What it was changed to.
        now: Values,
    },
    /// The change was definitely not made, for this reason; safe to show.
    Failed {
        /// The kind of the error; `None` if the failure was on this computer.
        kind: Option<Kind>,
        /// The reason.
        line: String,
    },
    /// The change was sent, and the alert does not show it, for this reason.
    NotApplied(String),
    /// Whether the change was made could not be found out, for this reason.
    Unknown(String),
}

/// The result of a change to one alert.
#[derive(Clone, Debug)]
pub struct TaskReport {
    /// How it ended. If values were changed but the comment was not added, how that ended.
    pub result: TaskResult,
    /// The alert as the service last returned it, if it did.
    pub alert: Option<RawAlert>,
    /// The last records of what was sent: of the values, then of the comment.
    pub entries: Vec<Entry>,
}

/// Sends changes to the alerts of one tenant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The client.
    pub client: Client,
    /// The journal.
    pub journal: Journal,
    /// The profile's name, for the journal.
    pub profile: String,
    /// The tenant's name, for the journal if the token does not name the tenant.
    pub tenant: String,
    /// How urgent the requests are: those of many alerts give way to others.
    pub priority: Priority,
}

/// The change to one alert, while it is being made.
struct Run<'a> {
    writer: &'a Writer,
    action: &'a Action,
    task: &'a Task,
    on_event: OnEvent<'a>,
    alert: Option<RawAlert>,
    entries: Vec<Entry>,
}

impl Writer {
    /// Makes a change to one alert.
    pub async fn apply(&self, action: &Action, task: &Task, on_event: OnEvent<'_>) -> TaskReport {
        let mut run = Run { writer: self, action, task, on_event, alert: None, entries: Vec::new() };
        let result = run.apply().await.unwrap_or_else(|result| result);
        TaskReport { result, alert: run.alert, entries: run.entries }
    }
}

impl Run<'_> {
    /// Makes the change. The error is a result that ends it early.
    async fn apply(&mut self) -> Result<TaskResult, TaskResult> {
        let current = self.read_current().await?;
        let Change { update, comment } = &self.task.change;
        let target = current.after(update);
        let needed = current.update_to(&target);
        let is_seen = self.task.seen.values.differences(&current).is_empty();
        let sends_nothing = needed.is_empty() && comment.is_none();
        if !is_seen && !sends_nothing {
            return Err(TaskResult::ChangedBySomeoneElse { now: current });
        }
        if sends_nothing {
            return Ok(TaskResult::Unchanged);
        }
        if !needed.is_empty() {
            self.update(&current, &needed).await?;
        }
        if let Some(comment) = comment {
            self.comment(comment).await?;
        }
        Ok(TaskResult::Applied)
    }

    /// Reads the alert and returns its values.
    async fn read_current(&mut self) -> Result<Values, TaskResult> {
        let mut pauses = STALE_READ_PAUSES.into_iter();
        loop {
            let raw = self.get().await.map_err(|error| refused(&error))?;
            let alert = raw.decode().map_err(|error| failed(error.to_string()))?;
            let is_stale = match (alert.last_update, self.task.seen.updated) {
                (Some(read), Some(seen)) => read < seen,
                _ => false,
            };
            if !is_stale {
                self.alert = Some(raw);
                return Ok(Values::of(&alert));
            }
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                // The service has already returned a newer state.
                None => return Ok(self.task.seen.values.clone()),
            }
        }
    }

    async fn get(&mut self) -> Result<RawAlert, Error> {
        let request = Request::alert(&self.task.alert).with_priority(self.writer.priority);
        self.writer.client.send(&request, self.on_event).await
    }

    /// Sends the update, and records it.
    async fn update(&mut self, current: &Values, update: &AlertUpdate) -> Result<(), TaskResult> {
        let before = current.after(update).update_to(current);
        let entry = self.entry(EntryKind::Update).await.with_values(&before, update);
        let entry = Entry { undoes: self.task.undoes.clone(), ..entry };
        let at = self.record_sending(entry).await?;
        let request = Request::update_alert(&self.task.alert, update).with_priority(self.writer.priority);
        let (outcome, request_id) = self.send(&request).await;
        let (alert, result) = read_outcome(outcome);
        if let Some(alert) = alert {
            self.alert = Some(match self.alert.take() {
                Some(before) => with_evidence(alert, &before),
                None => alert,
            });
        }
        self.record_result(at, request_id, result).await
    }

    /// Sends the comment, and records it.
    async fn comment(&mut self, text: &str) -> Result<(), TaskResult> {
        let entry = self.entry(EntryKind::Comment).await;
        let at = self.record_sending(Entry { text: Some(text.to_owned()), ..entry }).await?;
        let request = Request::add_comment(&self.task.alert, text).with_priority(self.writer.priority);
        let (outcome, request_id) = self.send(&request).await;
        let (_, result) = read_outcome(outcome);
        // The reply lists comments only.
        if let Ok(alert) = self.get().await {
            self.alert = Some(alert);
        }
        self.record_result(at, request_id, result).await
    }

    /// Sends a request and returns the outcome with the service's id for the request.
    async fn send<T: Send>(
        &mut self,
        request: &Request<Outcome<T>>,
    ) -> (Result<Outcome<T>, Error>, Option<String>)
    where
        Outcome<T>: alertdeck_graph::Answer,
    {
        let mut accepted = None;
        let on_event = &mut *self.on_event;
        let outcome = self
            .writer
            .client
            .send(request, &mut |event| {
                if let ClientEvent::Accepted(id) = &event {
                    accepted = Some(id.line());
                }
                on_event(event);
            })
            .await;
        let refused = match &outcome {
            Err(error) => error.request_id.as_deref().map(str::to_owned),
            Ok(_) => None,
        };
        (outcome, accepted.or(refused))
    }

    /// Creates the record of a change to the alert.
    async fn entry(&self, kind: EntryKind) -> Entry {
        let claims = self.writer.client.tokens().claims().await.unwrap_or_default();
        Entry {
            summary: self.action.summary.clone(),
            tenant: claims.tenant.unwrap_or_else(|| self.writer.tenant.clone()),
            profile: self.writer.profile.clone(),
            account: claims.account.or(claims.name),
            alert: Some(self.task.alert.raw().to_owned()),
            title: self.task.title.clone(),
            ..Entry::new(kind, now(), self.action.id.clone())
        }
    }

    /// Records that a change is about to be sent. If that fails, nothing is sent. Returns the place
    /// of the record.
    async fn record_sending(&mut self, entry: Entry) -> Result<usize, TaskResult> {
        let entry = Entry { result: Some(EntryResult::Sent), ..entry };
        self.append(&entry).await.map_err(|error| failed(format!("not sent: {error}")))?;
        self.entries.push(entry);
        Ok(self.entries.len() - 1)
    }

    /// Records the result of a change. The error is its result unless it was made.
    async fn record_result(
        &mut self,
        at: usize,
        request_id: Option<String>,
        result: Result<(), TaskResult>,
    ) -> Result<(), TaskResult> {
        let (recorded, reason) = match &result {
            Ok(()) | Err(TaskResult::Applied | TaskResult::Unchanged) => (EntryResult::Applied, None),
            Err(TaskResult::NotApplied(line)) => (EntryResult::NotApplied, Some(line.clone())),
            Err(TaskResult::Unknown(line)) => (EntryResult::Unknown, Some(line.clone())),
            Err(TaskResult::Failed { line, .. }) => (EntryResult::Failed, Some(line.clone())),
            Err(TaskResult::ChangedBySomeoneElse { .. }) => (EntryResult::Failed, None),
        };
        let entry =
            Entry { time: now(), result: Some(recorded), reason, request_id, ..self.entries[at].clone() };
        // Without this record, the journal calls the result unknown, which is not wrong.
        if let Err(error) = self.append(&entry).await {
            tracing::warn!(%error, "the result of a change was not recorded");
        }
        self.entries[at] = entry;
        result
    }

    async fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let (journal, entry) = (self.writer.journal.clone(), entry.clone());
        match spawn_blocking(move || journal.append(&entry)).await {
            Ok(appended) => appended,
            Err(_) => Err(JournalError::NoFolder),
        }
    }
}

fn failed(line: String) -> TaskResult {
    TaskResult::Failed { kind: None, line }
}

fn refused(error: &Error) -> TaskResult {
    TaskResult::Failed { kind: Some(error.kind), line: error.to_string() }
}

/// Returns the state that an outcome contains, and the result.
fn read_outcome<T>(outcome: Result<Outcome<T>, Error>) -> (Option<T>, Result<(), TaskResult>) {
    match outcome {
        Ok(Outcome::Applied(state)) => (Some(state), Ok(())),
        Ok(Outcome::NotApplied { current, cause }) => {
            (Some(current), Err(TaskResult::NotApplied(cause.to_string())))
        }
        Ok(Outcome::Unknown { cause, recheck }) => {
            let line = format!("{cause}; reading the alert failed too: {recheck}");
            (None, Err(TaskResult::Unknown(line)))
        }
        Err(error) => (None, Err(refused(&error))),
    }
}

/// Returns the alert in the reply to an update, with the evidence from before if the reply has none:
/// it is not documented that the reply is complete.
fn with_evidence(reply: RawAlert, before: &RawAlert) -> RawAlert {
    let has_evidence = |alert: &RawAlert| alert.decode().is_ok_and(|alert: Alert| !alert.evidence.is_empty());
    if has_evidence(&reply) || !has_evidence(before) {
        return reply;
    }
    let (Ok(mut merged), Ok(changed)) = (before.parse(), reply.parse()) else { return reply };
    if let (Some(merged), Some(changed)) = (merged.as_object_mut(), changed.as_object()) {
        let changed = changed.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("evidence"));
        merged.extend(changed.map(|(name, value)| (name.clone(), value.clone())));
    }
    RawAlert(merged.to_string().into())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ticks(i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX))
}

/// Returns a title for the journal.
pub fn title_of(alert: &Alert) -> String {
    alert.title.as_ref().map_or_else(String::new, |title: &SafeText| title.raw().to_owned())
}
