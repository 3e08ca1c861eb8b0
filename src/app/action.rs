//! Actions: changes to alerts that the user has confirmed, their results, and the signs shown for
//! them in the list (docs/triage.md; docs/console.md, "Signs").
//!
//! An action consists of one change for each alert, bound to the alert's feed and id and to the
//! values that were on screen. One job sends all the changes for a feed. [`super::triage`] chooses
//! the changes, and nothing is sent without a confirmation ([`super::overlay::Confirm`]).

mod run;

use std::time::Duration;

use alertdeck_graph::{ClientEvent, Kind, WaitCause};
use alertdeck_model::Timestamp;
use alertdeck_store::{Batch, FeedId};

pub use run::{ActionItem, ActionRun, Actions, ItemState, Tally};

use super::{
    App, Effect, Job, JobKind, JobState, JobType,
    format::{span, thousands},
    job::{JobEvent, JobId},
};
use crate::triage::{Action, Entry, EntryId, Expected, Task, TaskResult};

/// The number of actions to keep, so that their results can be viewed and their changes undone.
const MAX_ACTIONS: usize = 50;

/// An action's changes to one feed's alerts, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writes {
    /// The action.
    pub action: Action,
    /// The changes, each with its index in the action.
    pub tasks: Vec<(usize, Task)>,
    /// The account that was signed in when the action was confirmed, if known. No other account may
    /// make the changes.
    pub account: Option<String>,
}

/// An event from a job that sends changes.
#[derive(Debug)]
pub enum WriteEvent {
    /// An event from a request.
    Client(ClientEvent),
    /// A change has finished.
    Ended {
        /// The action.
        action: EntryId,
        /// The index of the change in the action.
        at: usize,
        /// The result of the change.
        result: TaskResult,
        /// The latest journal entry for each part of the change that was sent.
        entries: Vec<Entry>,
        /// The alert as last returned by the service, if it was returned.
        alert: Option<Box<Batch>>,
    },
    /// All changes have finished, or the job was stopped and the remaining changes will not be sent.
    /// This is the job's last event.
    Done {
        /// The action.
        action: EntryId,
    },
}

impl App {
    /// Starts a confirmed action.
    pub(super) fn start_action(
        &mut self,
        action: Action,
        mut items: Vec<ActionItem>,
        effects: &mut Vec<Effect>,
    ) {
        // If a change fails, its alert is marked again. Marks that the user sets while changes are
        // being sent are kept.
        for item in &mut items {
            item.was_marked = item.row.is_some_and(|row| self.marks.unmark(row));
        }
        let rows = items.iter().filter_map(|item| item.row);
        self.actions.pending.extend(rows.clone());
        for row in rows {
            self.actions.failed.remove(row);
        }
        for (action, at) in items.iter().filter_map(|item| item.retries.as_ref()) {
            let former = self.actions.runs.iter_mut().find(|run| run.action.id == *action);
            if let Some(item) = former.and_then(|run| run.items.get_mut(*at)) {
                item.state = ItemState::Retried;
            }
        }
        let mut run = ActionRun { action, items, jobs: Vec::new() };
        for feed in self.feeds.ids() {
            let of_feed = run.items.iter().enumerate().filter(|(_, item)| item.feed == feed);
            let tasks: Vec<_> = of_feed.map(|(at, item)| (at, item.task.clone())).collect();
            if !tasks.is_empty() {
                let total = tasks.len();
                let identity = self.feeds.get(feed).and_then(|feed| feed.sign_in.identity.as_ref());
                let account = identity.and_then(|identity| identity.account.as_ref());
                let account = account.map(|account| account.raw().to_owned());
                let writes = Writes { action: run.action.clone(), tasks, account };
                let job = self.start_job(feed, JobKind::Write(writes), effects);
                self.jobs.set_total(job, total);
                run.jobs.push((job, None));
            }
        }
        // A feed that is no longer in the list has no job.
        for item in &mut run.items {
            if !run.jobs.iter().any(|(job, _)| job.feed == item.feed) {
                item.state = ItemState::Stopped;
                if let Some(row) = item.row {
                    self.actions.pending.remove(row);
                }
            }
        }
        self.actions.runs.push_back(run);
        while self.actions.runs.len() > MAX_ACTIONS
            && self.actions.runs.front().is_some_and(|run| run.tally().left == 0)
        {
            self.actions.runs.pop_front();
        }
    }

    /// Forgets the changes that could be undone in a feed and closes any overlay that leads to a
    /// change, because a different account now uses the feed. Stops changes that have not been sent
    /// yet.
    pub(super) fn forget_actions(&mut self, feed: FeedId, effects: &mut Vec<Effect>) {
        let is_sending = |job: &&Job| {
            job.id.feed == feed && job.job_type == JobType::Write && job.state == JobState::Running
        };
        for job in self.jobs.iter().filter(is_sending).map(|job| job.id).collect::<Vec<_>>() {
            self.stop_job(job, effects);
        }
        let of_feed = self.actions.runs.iter_mut().flat_map(|run| &mut run.items);
        of_feed.filter(|item| item.feed == feed).for_each(|item| item.entries.clear());
        self.ui.close_changes();
    }

    /// Handles an event from a job that sends changes. Events are handled even if the job's feed is
    /// no longer in the list, because the changes may already have been made.
    pub(super) fn handle_writes(&mut self, id: JobId, event: WriteEvent, effects: &mut Vec<Effect>) {
        match event {
            WriteEvent::Client(event) => {
                let mono = self.clock.now.mono;
                let mut jobs = self.actions.runs.iter_mut().flat_map(|run| &mut run.jobs);
                if let Some((_, wait)) = jobs.find(|(job, _)| *job == id) {
                    *wait = match event {
                        ClientEvent::Waiting { delay, cause } => Some((mono + delay, cause)),
                        _ => None,
                    };
                }
            }
            WriteEvent::Ended { action, at, result, entries, alert } => {
                // A different account may be using the feed by now.
                if let Some(batch) = alert.filter(|_| self.feeds.own(id)) {
                    self.absorb(id.feed, *batch, effects);
                }
                self.write_ended(&action, at, result, entries);
            }
            WriteEvent::Done { action } => {
                let run = self.actions.runs.iter_mut().find(|run| run.action.id == action);
                let Some(run) = run else { return };
                for item in run.items.iter_mut().filter(|item| item.feed == id.feed) {
                    if item.state == ItemState::Waiting {
                        item.state = ItemState::Stopped;
                        if let Some(row) = item.row {
                            self.actions.pending.remove(row);
                            self.actions.failed.insert(row);
                            let is_held = item.was_marked && self.store.rows().contains(row);
                            self.marks.mark(Some(row).filter(|_| is_held));
                        }
                    }
                }
                // Report the result once, when the last feed is done.
                let is_live = |(job, _): &(JobId, _)| self.jobs.get(*job).is_some_and(Job::is_live);
                if !run.jobs.iter().any(is_live)
                    && let Some((line, is_error)) = self.actions.get(&action).map(|run| self.report(run))
                {
                    self.notify_completed(line, is_error);
                }
                self.read_journal(effects);
            }
        }
    }

    fn write_ended(&mut self, action: &EntryId, at: usize, result: TaskResult, entries: Vec<Entry>) {
        let run = self.actions.runs.iter_mut().find(|run| run.action.id == *action);
        let Some(item) = run.and_then(|run| run.items.get_mut(at)) else { return };
        if let Some(row) = item.row {
            self.actions.pending.remove(row);
            if result.is_success() {
                self.actions.failed.remove(row);
                if result == TaskResult::Applied {
                    self.actions.done.insert(row);
                }
            } else {
                self.actions.failed.insert(row);
                let is_held = item.was_marked && self.store.rows().contains(row);
                self.marks.mark(Some(row).filter(|_| is_held));
            }
            self.list.changed.remove(row);
        }
        item.entries = entries;
        // Undoing a change restores the alert's previous state, so the alert no longer counts as
        // changed by the user.
        if let (Expected::After { entry, .. }, true) = (&item.task.expected, result.is_success()) {
            self.actions.undone.insert(entry.clone());
            if let Some(row) = item.row {
                self.actions.done.remove(row);
            }
        }
        if let TaskResult::Failed { kind: Some(Kind::Permission), line } = &result {
            let (feed, line) = (item.feed, line.clone());
            if let Some(feed) = self.feeds.get_mut(feed) {
                feed.service.writes_refused = Some(line);
            }
        }
        item.state = ItemState::Ended(result);
    }

    /// Describes a job that sends changes: the summary of its action and, if the job is waiting,
    /// the reason and the remaining time.
    pub(super) fn write_detail(&self, id: JobId) -> Option<String> {
        let run = self.actions.of_job(id)?;
        let wait =
            run.jobs.iter().find(|(job, _)| *job == id).and_then(|(_, wait)| self.wait_words(wait.as_ref()));
        Some(run.action.summary.clone() + &wait.map_or_else(String::new, |wait| format!("; {wait}")))
    }

    fn wait_words(&self, wait: Option<&(Duration, WaitCause)>) -> Option<String> {
        let (until, cause) = wait?;
        let left = until.saturating_sub(self.clock.now.mono);
        let why = match cause {
            WaitCause::Throttled => "throttled by the service",
            WaitCause::Budget => "request limit for this minute reached",
            WaitCause::Retry { .. } => "retry after an error",
            WaitCause::Recheck => "checking whether the change was made",
        };
        (!left.is_zero()).then(|| format!("{why}, continuing in {}", span(left)))
    }

    /// Returns a short description of how many changes have been sent; `None` if no changes are
    /// being sent.
    pub fn sending(&self) -> Option<String> {
        // Return early: most frames are drawn while nothing is being sent, and tallying large past
        // actions would be slow.
        if !self.jobs.iter().any(|job| job.job_type == JobType::Write && job.is_live()) {
            return None;
        }
        let running: Vec<_> = self.actions.runs.iter().filter(|run| run.tally().left > 0).collect();
        let count = |of: fn(Tally) -> usize| running.iter().map(|run| of(run.tally())).sum::<usize>();
        let left = count(|tally| tally.left);
        let total = count(|tally| tally.done + tally.failed) + left;
        let wait =
            running.iter().flat_map(|run| &run.jobs).find_map(|(_, wait)| self.wait_words(wait.as_ref()));
        let wait = wait.map_or_else(String::new, |wait| format!(" ({wait})"));
        (left > 0).then(|| format!("sent {} of {}{wait}", thousands(total - left), thousands(total)))
    }

    /// Returns when the displayed waiting time must next be updated; `None` if no job is waiting.
    pub(super) fn sending_due(&self) -> Option<Duration> {
        let mono = self.clock.now.mono;
        let waits = self.actions.runs.iter().flat_map(|run| &run.jobs).filter_map(|(_, wait)| wait.as_ref());
        let is_waiting = waits.into_iter().any(|(until, _)| *until > mono);
        is_waiting.then(|| mono + Duration::from_secs(1))
    }

    /// Returns a one-line summary of an action's result, and whether any of its changes failed.
    fn report(&self, run: &ActionRun) -> (String, bool) {
        let Tally { done, failed, .. } = run.tally();
        let summary = &run.action.summary;
        let undo = self.ui.keymap.key("alert.undo");
        let can_undo = run.made().any(|(_, entry)| entry.undoes.is_none());
        let hint = if can_undo { format!("; {undo} to undo") } else { String::new() };
        if failed == 0 {
            let count = if done == 1 { String::new() } else { format!("{} alerts: ", thousands(done)) };
            return (format!("{count}{summary}{hint}"), false);
        }
        let why = run.items.iter().find(|item| item.has_failed()).map(ActionItem::line).unwrap_or_default();
        let retry = self.ui.keymap.key("panes.retry");
        let jobs = self.ui.keymap.key("open.jobs");
        let line = match (done, failed) {
            (0, 1) => format!("{summary}: {why}; {retry} to retry"),
            _ => format!(
                "{summary}: {} of {} not applied; {retry} to retry, {jobs} to show all; first: {why}",
                thousands(failed),
                thousands(done + failed)
            ),
        };
        (line, true)
    }

    /// Returns the last action with failed changes, together with the changes that retry them. The
    /// user must confirm the changes again before they are sent.
    pub(super) fn failed_items(&self) -> Option<(Action, Vec<ActionItem>)> {
        let run = self.actions.last_failed()?;
        let can_send =
            |item: &ActionItem| self.why_read_only(item.feed).is_none() && !self.actions.is_sending(item);
        let failed = run.items.iter().enumerate().filter(|(_, item)| item.has_failed() && can_send(item));
        let again = failed.filter_map(|(at, item)| {
            Some(ActionItem { retries: Some((run.action.id.clone(), at)), ..item.again()? })
        });
        Some((run.action.clone(), again.collect()))
    }

    /// Returns the summary of the last action that can be undone, and the changes that undo it.
    pub(super) fn undo_items(&self) -> Option<(String, Vec<ActionItem>)> {
        let can_undo = |(item, entry): &(&ActionItem, &Entry)| {
            entry.undoes.is_none()
                && !self.actions.is_undone(&entry.id)
                && self.why_read_only(item.feed).is_none()
        };
        let run = self.actions.runs.iter().rev().find(|run| run.made().any(|made| can_undo(&made)))?;
        let items = run.made().filter(can_undo).map(|(item, entry)| {
            let updated = item.row.and_then(|row| self.store.facts(row).last_update());
            let task = undo_task(entry, &item.task, updated);
            ActionItem::new(item.feed, item.row, task)
        });
        Some((run.action.summary.clone(), items.collect()))
    }
}

/// Returns the change that undoes a recorded change. `updated` is the time of the alert's last
/// known update.
fn undo_task(entry: &Entry, task: &Task, updated: Option<Timestamp>) -> Task {
    Task {
        alert: task.alert.clone(),
        title: task.title.clone(),
        change: crate::triage::Change { update: entry.before.update(), comment: None },
        expected: Expected::After { entry: entry.id.clone(), update: entry.after.update(), updated },
    }
}

/// Wraps a write event in a job event.
impl From<WriteEvent> for JobEvent {
    fn from(event: WriteEvent) -> Self {
        Self::Write(event)
    }
}
