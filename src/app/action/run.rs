//! The actions of this session: their changes and results.
//!
//! This module is plain data. It does not know how jobs send changes, and has no access to the
//! store or the screen.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use alertdeck_graph::WaitCause;
use alertdeck_store::{FeedId, Row, RowSet};

use super::super::job::JobId;
use crate::triage::{Action, Entry, EntryId, EntryKind, EntryResult, Task, TaskResult};

/// A change to one alert, as part of an action.
#[derive(Clone, Debug)]
pub struct ActionItem {
    /// The alert's feed.
    pub feed: FeedId,
    /// The alert's row, if it is loaded.
    pub row: Option<Row>,
    /// The change to make.
    pub task: Task,
    /// The state of the change.
    pub state: ItemState,
    /// The latest journal entry for each step that was sent.
    pub(super) entries: Vec<Entry>,
    /// The failed change that this one retries: the id of its action, and its index in that action.
    pub(super) retries: Option<(EntryId, usize)>,
    /// Whether the alert was marked when the change was confirmed.
    pub(super) was_marked: bool,
    /// Whether an earlier attempt may have added a comment to the alert. If so, no other comment
    /// can be added.
    pub(in crate::app) is_commented: bool,
}

/// The state of a change to one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Not sent yet.
    Waiting,
    /// Ended with this result.
    Ended(TaskResult),
    /// Not sent, because the action was stopped.
    Stopped,
    /// Failed, then retried as part of a later action.
    Retried,
}

impl ActionItem {
    pub(in crate::app) fn new(feed: FeedId, row: Option<Row>, task: Task) -> Self {
        Self {
            feed,
            row,
            task,
            state: ItemState::Waiting,
            entries: Vec::new(),
            retries: None,
            was_marked: false,
            is_commented: false,
        }
    }

    /// Returns the state of the change as a single line, sanitised for display.
    pub fn line(&self) -> String {
        match &self.state {
            ItemState::Waiting => "waiting".to_owned(),
            ItemState::Stopped => "stopped, not sent".to_owned(),
            ItemState::Retried => "failed, then retried".to_owned(),
            ItemState::Ended(result) if !result.is_success() && self.made().next().is_some() => {
                format!("changed, but without the comment: {}", result.line())
            }
            ItemState::Ended(result) => result.line(),
        }
    }

    pub(super) fn result(&self) -> Option<&TaskResult> {
        match &self.state {
            ItemState::Ended(result) => Some(result),
            ItemState::Waiting | ItemState::Stopped | ItemState::Retried => None,
        }
    }

    /// Returns whether the change was stopped or ended without success, so that it can be retried.
    pub(super) fn has_failed(&self) -> bool {
        self.state == ItemState::Stopped || self.result().is_some_and(|result| !result.is_success())
    }
}

/// A confirmed action.
#[derive(Clone, Debug)]
pub struct ActionRun {
    /// The action's id and summary.
    pub action: Action,
    /// The changes, in the order in which they were confirmed.
    pub items: Vec<ActionItem>,
    /// The jobs that send the changes. A waiting job is listed with the cause of the wait and the
    /// time at which the wait ends, measured from startup.
    pub(super) jobs: Vec<(JobId, Option<(Duration, WaitCause)>)>,
}

/// The number of changes in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of changes that are in effect.
    pub done: usize,
    /// The number of changes that were not made, or whose result is unknown.
    pub failed: usize,
    /// The number of failed changes that were retried as part of a later action.
    pub retried: usize,
    /// The number of changes that have not finished yet.
    pub left: usize,
}

impl ActionRun {
    /// Counts the changes by state.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for item in &self.items {
            match (&item.state, item.has_failed()) {
                (ItemState::Waiting, _) => tally.left += 1,
                (ItemState::Retried, _) => tally.retried += 1,
                (_, true) => tally.failed += 1,
                (_, false) => tally.done += 1,
            }
        }
        tally
    }

    /// Returns the journal entries of all applied updates, each paired with its item, in item
    /// order.
    pub(super) fn made(&self) -> impl Iterator<Item = (&ActionItem, &Entry)> {
        let of = |item| ActionItem::made(item).map(move |entry| (item, entry));
        self.items.iter().flat_map(of)
    }
}

impl ActionItem {
    /// Returns a new item that retries the parts of the change that were not made; `None` if there
    /// are none. A comment that may have been added is not sent again, since it cannot be undone.
    pub(super) fn again(&self) -> Option<Self> {
        let mut item = Self::new(self.feed, self.row, self.task.clone());
        if self.may_be_commented() {
            item.task.change.comment = None;
            item.is_commented = true;
        }
        let is_updated = self.made().next().is_some();
        if is_updated {
            item.task.change.update = alertdeck_graph::AlertUpdate::default();
        }
        (!item.task.change.is_empty()).then_some(item)
    }

    /// Returns whether this change's comment may have been added.
    pub(super) fn may_be_commented(&self) -> bool {
        let may_be_added =
            |entry: &Entry| entry.kind == EntryKind::Comment && entry.result != Some(EntryResult::Failed);
        self.entries.iter().any(may_be_added)
    }

    pub(super) fn made(&self) -> impl Iterator<Item = &Entry> {
        let is_made =
            |entry: &&Entry| entry.kind == EntryKind::Update && entry.result == Some(EntryResult::Applied);
        self.entries.iter().filter(is_made)
    }
}

/// The actions of this session, and the alerts that the list shows as changed, failed or pending.
#[derive(Debug, Default)]
pub struct Actions {
    pub(super) runs: VecDeque<ActionRun>,
    /// The alerts that the user has changed, except those restored by an undo.
    pub done: RowSet,
    /// The alerts whose last change failed.
    pub failed: RowSet,
    /// The alerts with a change that has not finished yet.
    pub pending: RowSet,
    /// The journal ids of the changes that were undone.
    pub(super) undone: HashSet<EntryId>,
    /// A note for the confirmation that says how many alerts the current command omits, and why;
    /// `None` if it omits none.
    pub(in crate::app) omitted: Option<String>,
    /// The owners to whom the user has assigned alerts, most recent first.
    pub(in crate::app) recent_owners: Vec<String>,
}

impl Actions {
    /// Returns the actions, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &ActionRun> {
        self.runs.iter()
    }

    /// Returns the action with this id.
    pub fn get(&self, id: &EntryId) -> Option<&ActionRun> {
        self.runs.iter().find(|run| run.action.id == *id)
    }

    /// Returns the action whose changes are sent by a job.
    pub(in crate::app) fn of_job(&self, id: JobId) -> Option<&ActionRun> {
        self.runs.iter().find(|run| run.jobs.iter().any(|(job, _)| *job == id))
    }

    /// Returns the last action with failed changes that can be retried.
    pub(in crate::app) fn last_failed(&self) -> Option<&ActionRun> {
        let can_retry = |item: &ActionItem| item.has_failed() && item.again().is_some();
        self.runs.iter().rev().find(|run| run.items.iter().any(can_retry))
    }

    /// Returns whether any failed change may nevertheless have added its comment.
    pub(in crate::app) fn has_uncertain_comment(&self) -> bool {
        self.runs.iter().flat_map(|run| &run.items).any(|item| item.has_failed() && item.may_be_commented())
    }

    /// Returns whether another change to an item's alert is still being sent.
    pub(in crate::app) fn is_sending(&self, item: &ActionItem) -> bool {
        if let Some(row) = item.row {
            return self.pending.contains(row);
        }
        // Only an undo from the journal can apply to an alert that is not loaded.
        let is_same = |other: &ActionItem| other.feed == item.feed && other.task.alert == item.task.alert;
        let mut items = self.runs.iter().flat_map(|run| &run.items);
        items.any(|other| other.state == ItemState::Waiting && is_same(other))
    }

    /// Returns whether a recorded change was undone.
    pub(in crate::app) fn is_undone(&self, entry: &EntryId) -> bool {
        self.undone.contains(entry)
    }

    /// Returns whether any change has not finished yet.
    pub fn is_running(&self) -> bool {
        !self.pending.is_empty() || self.runs.iter().any(|run| run.tally().left > 0)
    }
}
