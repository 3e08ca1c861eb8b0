//! Applies changes to alerts, one alert at a time, and records them in the journal.
//!
//! Each alert is read again before its change is sent: values that someone else has changed since
//! the user saw them are not overwritten, changes that would have no effect are skipped, and undo
//! restores the values from before the change (docs/triage.md, "Sending"). This module does not
//! decide what to change, and it leaves it to the client to resolve ambiguous outcomes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use alertdeck_graph::{AlertUpdate, Client, ClientEvent, Error, OnEvent, Outcome, Request, http::Priority};
use alertdeck_model::{Alert, RawAlert, SafeText, Timestamp};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    journal::{Journal, JournalError},
    triage::{Action, Change, Entry, EntryKind, EntryResult, Expected, Task, TaskResult, Values},
};

/// The delays before an alert is read again if the service returns an older state than it has
/// returned before (docs/graph-api.md, "Updating alerts"), as multiples of the transport's first
/// backoff. By default, they are 0.5 s and 2 s.
const STALE_READ_PAUSES: [u32; 2] = [1, 4];

/// The result of a change to one alert.
#[derive(Clone, Debug)]
pub struct TaskReport {
    /// The result of the change. If the values were changed but the comment was not added, this is
    /// the result of adding the comment.
    pub result: TaskResult,
    /// The alert as the service last returned it, if at all.
    pub alert: Option<RawAlert>,
    /// The latest journal entries for the changes sent: first the values, then the comment.
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
    /// The account that must make the changes, if known. Nothing is sent if another account has
    /// signed in.
    pub account: Option<String>,
    /// Set this to `true` to stop sending changes.
    pub stop: Arc<AtomicBool>,
    /// The priority of the requests. Changes to many alerts have a lower priority.
    pub priority: Priority,
}

/// A change to one alert, while it is being made.
struct Run<'a> {
    writer: &'a Writer,
    action: &'a Action,
    task: &'a Task,
    on_event: OnEvent<'a>,
    /// The alert, if the caller has just read it.
    just_read: Option<RawAlert>,
    alert: Option<RawAlert>,
    entries: Vec<Entry>,
}

impl Writer {
    /// Makes a change to one alert.
    pub async fn apply(&self, action: &Action, task: &Task, on_event: OnEvent<'_>) -> TaskReport {
        self.run(action, task, None, on_event).await
    }

    /// Makes a change to an alert that the caller has just read from the service. The alert is not
    /// read again.
    pub async fn apply_to(
        &self,
        action: &Action,
        task: &Task,
        alert: RawAlert,
        on_event: OnEvent<'_>,
    ) -> TaskReport {
        self.run(action, task, Some(alert), on_event).await
    }

    async fn run(
        &self,
        action: &Action,
        task: &Task,
        just_read: Option<RawAlert>,
        on_event: OnEvent<'_>,
    ) -> TaskReport {
        let mut run =
            Run { writer: self, action, task, on_event, just_read, alert: None, entries: Vec::new() };
        let result = run.apply().await.unwrap_or_else(|result| result);
        TaskReport { result, alert: run.alert, entries: run.entries }
    }
}

impl Run<'_> {
    /// Makes the change. An error is a result that ends the change early.
    async fn apply(&mut self) -> Result<TaskResult, TaskResult> {
        let current = self.read_current().await?;
        let Change { update, comment } = &self.task.change;
        let target = current.after(update);
        let needed = current.update_to(&target);
        let is_expected = match &self.task.expected {
            Expected::Seen(seen) => seen.values.differences(&current).is_empty(),
            Expected::After { update, .. } => current.update_to(&current.after(update)).is_empty(),
        };
        let sends_nothing = needed.is_empty() && comment.is_none();
        if !is_expected && !sends_nothing {
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
            let raw = match self.just_read.take() {
                Some(alert) => alert,
                None => self.get().await.map_err(|error| refused(&error))?,
            };
            let alert = raw.decode().map_err(|error| failed(error.to_string()))?;
            if !is_older(alert.last_update, self.task.expected.updated()) {
                self.alert = Some(raw);
                return Ok(Values::of(&alert));
            }
            match (&self.task.expected, pauses.next()) {
                (_, Some(times)) => sleep(self.writer.client.http().limits().backoff * times).await,
                // The service has already returned a newer state.
                (Expected::Seen(seen), None) => return Ok(seen.values.clone()),
                (Expected::After { .. }, None) => {
                    return Err(failed("not sent: the service still returns an earlier state".to_owned()));
                }
            }
        }
    }

    async fn get(&mut self) -> Result<RawAlert, Error> {
        let request = Request::alert(&self.task.alert).with_priority(self.writer.priority);
        self.writer.client.send(&request, self.on_event).await
    }

    /// Sends the update and records it in the journal.
    async fn update(&mut self, current: &Values, update: &AlertUpdate) -> Result<(), TaskResult> {
        let before = current.after(update).update_to(current);
        let entry = self.entry(EntryKind::Update).await.with_values(&before, update);
        let undoes = match &self.task.expected {
            Expected::After { entry, .. } => Some(entry.clone()),
            Expected::Seen(_) => None,
        };
        let entry = Entry { undoes, ..entry };
        let at = self.record_sending(entry).await?;
        let request = Request::update_alert(&self.task.alert, update).with_priority(self.writer.priority);
        let (outcome, request_id) = self.send(&request).await;
        let (alert, mut result) = read_outcome(outcome);
        // If the alert had the same values before, an old state looks like a successful change.
        let read = alert.as_ref().and_then(|alert| alert.decode().ok()?.last_update);
        if result.is_ok() && is_older(read, self.task.expected.updated()) {
            result = Err(TaskResult::Unknown("the service still returns an earlier state".to_owned()));
        }
        if let Some(alert) = alert {
            self.alert = Some(match self.alert.take() {
                Some(before) => with_evidence(alert, &before),
                None => alert,
            });
        }
        self.record_result(at, request_id, result).await
    }

    /// Sends the comment and records it in the journal.
    async fn comment(&mut self, text: &str) -> Result<(), TaskResult> {
        let entry = self.entry(EntryKind::Comment).await;
        let at = self.record_sending(Entry { text: Some(text.to_owned()), ..entry }).await?;
        let request = Request::add_comment(&self.task.alert, text).with_priority(self.writer.priority);
        let (outcome, request_id) = self.send(&request).await;
        let (_, result) = read_outcome(outcome);
        // The response contains only comments.
        if let Ok(alert) = self.get().await {
            let updated = |alert: &RawAlert| alert.decode().ok()?.last_update;
            let known = self.alert.as_ref().and_then(updated);
            // The service may still return the state from before the values were changed.
            if !is_older(updated(&alert), known) {
                self.alert = Some(alert);
            }
        }
        self.record_result(at, request_id, result).await
    }

    /// Sends a request. Returns the outcome and the service's ID for the request.
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

    /// Creates the journal entry for a change to the alert.
    async fn entry(&mut self, kind: EntryKind) -> Entry {
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

    /// Records that a change is about to be sent, and returns the index of the entry. If this
    /// fails, nothing is sent.
    async fn record_sending(&mut self, entry: Entry) -> Result<usize, TaskResult> {
        let is_other = |account: &String| {
            entry.account.as_ref().is_some_and(|other| !other.eq_ignore_ascii_case(account))
        };
        if self.writer.account.as_ref().is_some_and(is_other) {
            return Err(failed("not sent: another account has signed in".to_owned()));
        }
        if self.writer.stop.load(Ordering::SeqCst) {
            return Err(failed("stopped, not sent".to_owned()));
        }
        let entry = Entry { result: Some(EntryResult::Sent), ..entry };
        self.append(&entry).await.map_err(|error| failed(format!("not sent: {error}")))?;
        self.entries.push(entry);
        Ok(self.entries.len() - 1)
    }

    /// Records the result of a change. Returns the result as an error unless the change was made.
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
        // Without this entry, the journal shows the result as unknown, which is acceptable.
        if let Err(error) = self.append(&entry).await {
            tracing::warn!(%error, "the result of a change was not recorded");
        }
        self.entries[at] = entry;
        result
    }

    async fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let (journal, entry) = (self.writer.journal.clone(), entry.clone());
        match spawn_blocking(move || journal.append(&entry)).await {
            Ok(appended) => appended,
            Err(_) => Err(JournalError::NoFolder),
        }
    }
}

fn is_older(read: Option<Timestamp>, seen: Option<Timestamp>) -> bool {
    matches!((read, seen), (Some(read), Some(seen)) if read < seen)
}

fn failed(line: String) -> TaskResult {
    TaskResult::Failed { kind: None, line }
}

fn refused(error: &Error) -> TaskResult {
    TaskResult::Failed { kind: Some(error.kind), line: error.to_string() }
}

/// Splits an outcome into the alert's state, if the outcome has one, and the result.
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

/// Returns the alert in the response to an update. If the response has no evidence, adds the
/// evidence and any other missing properties of `before`, since the response is not documented to
/// be complete.
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

/// Returns an alert's title for the journal; empty if the alert has no title.
pub fn title_of(alert: &Alert) -> String {
    alert.title.as_ref().map_or_else(String::new, |title: &SafeText| title.raw().to_owned())
}
