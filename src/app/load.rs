//! The state of loading.

use std::{collections::HashMap, time::Duration};

use super::message::{Bookmark, Failure, Generation, Scope};
use alertdeck_graph::WaitCause;
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_odata::Feature;
use alertdeck_store::RowSet;

/// The delay before the first retry after a transient failure; it doubles with each failure.
const RETRY_AFTER: Duration = Duration::from_secs(15);
/// The maximum of that delay.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);
/// The interval between live polls.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// The overlap of a live poll with the newest update seen: alerts become visible late and out of
/// order (docs/graph-api.md, "Polling").
pub(super) const OVERLAP: Duration = Duration::from_secs(5 * 60);

/// The state of loading: the list, live polling, and the backfill.
#[derive(Debug, Default)]
pub struct Load {
    /// The generations of fetches.
    pub generations: Generations,
    /// The backfill.
    pub backfill: BackfillJob,
    /// Live polling.
    pub poll: Poll,
    /// The state of the list.
    pub phase: Phase,
    /// The alerts read for the list, each once.
    pub(super) read: RowSet,
    /// The number of alerts in the list, as counted by the service.
    pub total: Option<u64>,
    /// The service's warning of a partial result.
    pub partial: Option<SafeText>,
    /// When the list was last complete.
    pub completed_at: Option<Timestamp>,
    /// The scope of the running fetch, or of the last one.
    pub(super) scope: Scope,
    /// The complete lists, by filter as typed.
    pub(super) complete_lists: HashMap<String, CompleteList>,
    /// OData operators that the service has refused.
    pub(super) refused: Vec<Feature>,
    /// The time of the first answer to the fetch, by the service's clock.
    pub(super) answered_at: Option<Timestamp>,
    /// The number of consecutive failures.
    pub(super) failures: u32,
    /// Whether alerts of the running fetch are marked as new or changed: it reads a complete list
    /// again, or polls. Alerts that only another filter asks for are not new.
    pub(super) marks_changes: bool,
}

/// The generations of fetches: the current one, and those of an earlier profile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Generations {
    /// The fetch whose events count.
    pub current: Generation,
    /// The fetch that was started last, of any purpose.
    pub(super) issued: Generation,
    /// The first fetch of the profile in use; alerts of earlier ones belong to another tenant.
    pub(super) oldest: Generation,
}

/// The backfill: its state and position.
#[derive(Debug, Default)]
pub struct BackfillJob {
    /// Its state.
    pub state: Backfill,
    /// Its position.
    pub(super) cursor: BackfillCursor,
}

/// The state of the backfill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backfill {
    /// It starts or continues when nothing else loads.
    #[default]
    Due,
    /// It is running.
    Running,
    /// It failed and continues at this time, since the start of the console.
    RetryAt(Duration),
    /// All alerts are loaded.
    Complete,
    /// It failed for a reason that needs the user.
    Failed,
}

impl Backfill {
    pub(super) fn is_running(self) -> bool {
        self == Self::Running
    }

    /// Pauses while another fetch runs, then continues.
    pub(super) fn pause(&mut self) {
        if *self != Self::Complete {
            *self = Self::Due;
        }
    }
}

/// The position of the backfill of one profile; it outlives the single fetches.
#[derive(Debug, Default)]
pub(super) struct BackfillCursor {
    /// The running fetch, or the last one.
    pub(super) generation: Generation,
    /// The scope of the fetch: the last days, then changes since; `None` before the start and after
    /// the end.
    pub(super) scope: Option<Scope>,
    /// The page to continue with.
    pub(super) next: Option<Bookmark>,
    /// The time of the first answer by the service's clock, or somewhat earlier.
    pub(super) started_at: Option<Timestamp>,
    /// Whether it was interrupted: changes in the meantime may be on pages already read.
    pub(super) interrupted: bool,
    /// Whether the fetch continues at a page and has not received anything yet.
    pub(super) unconfirmed: bool,
    /// Whether the service reported a partial page.
    pub(super) partial: bool,
}

impl BackfillCursor {
    /// Returns whether this is the current fetch of the backfill.
    pub(super) fn is_current(&self, fetch: Generation) -> bool {
        self.scope.is_some() && self.generation == fetch
    }

    /// Returns to the start of the scope.
    pub(super) fn start_over(&mut self) {
        *self = Self { scope: self.scope.take(), generation: self.generation, ..Self::default() };
    }
}

/// Live polling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poll {
    /// Whether live polling is on.
    pub live: bool,
    /// Whether a poll is running.
    pub running: bool,
    /// The time of the next poll, since the start.
    pub(super) next: Option<Duration>,
    /// The time up to which all changes are known, by the service's clock.
    pub(super) watermark: Option<Timestamp>,
    /// The newest update among the alerts of the running poll.
    pub(super) newest: Option<Timestamp>,
}

/// A list that was read completely.
#[derive(Clone, Debug)]
pub(super) struct CompleteList {
    /// Its scope.
    pub(super) scope: Scope,
    /// Its alerts.
    pub(super) read: RowSet,
    /// The number of alerts that the service counted.
    pub(super) total: Option<u64>,
    /// When it was complete.
    pub(super) at: Timestamp,
}

impl Load {
    /// Returns the generation of the next fetch.
    pub(super) fn next_generation(&mut self) -> Generation {
        self.generations.issued.0 += 1;
        self.generations.issued
    }

    /// Supersedes the running fetch: its alerts are still stored, but its other events are ignored.
    pub(super) fn supersede(&mut self) {
        self.generations.current = self.next_generation();
    }

    /// Returns the number of alerts read for the list.
    pub fn read(&self) -> usize {
        self.read.len()
    }

    /// Returns whether a list of all alerts was read completely.
    pub(super) fn has_all_alerts(&self) -> bool {
        self.complete_lists.values().any(|list| list.scope == Scope::All)
    }

    /// Returns a complete list that contains all alerts of a filter, if there is one.
    pub(super) fn complete_list(&self, filter: &str, scope: &Scope) -> Option<&CompleteList> {
        let others =
            || self.complete_lists.values().find(|list| list.scope == Scope::All || list.scope == *scope);
        self.complete_lists.get(filter).or_else(others)
    }

    /// Counts a failure and returns the delay before the next try.
    pub(super) fn back_off(&mut self) -> Duration {
        let wait = RETRY_AFTER.saturating_mul(1 << self.failures.min(8)).min(MAX_RETRY_AFTER);
        self.failures += 1;
        wait
    }

    /// Handles the first answer to a list: changes after it are left to the next poll.
    pub(super) fn list_started(&mut self) {
        self.poll.watermark = match (self.poll.watermark, self.answered_at) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
    }

    /// Handles the end of a poll: all changes up to the newest update are known. The service's
    /// clock limits this, since one alert dated into the year 9999 must not end polling.
    pub(super) fn poll_completed(&mut self) {
        let seen = self.poll.newest.map(|newest| self.answered_at.map_or(newest, |now| newest.min(now)));
        self.poll.watermark = self.poll.watermark.max(seen);
    }
}

/// The state of the list's fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// There is nothing to fetch.
    #[default]
    Idle,
    /// Pages are arriving.
    Loading,
    /// The fetch waits.
    Waiting {
        /// The end of the wait, since the start.
        until: Duration,
        /// The reason.
        why: WaitCause,
    },
    /// The list is complete.
    Complete,
    /// The user stopped it.
    Stopped,
    /// It failed before the list was complete.
    Failed {
        /// The failure.
        failure: Failure,
        /// The time of the next try, since the start; `None` if the user must retry.
        retry_at: Option<Duration>,
    },
}

impl Phase {
    /// Returns whether a fetch is running or waiting.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Loading | Self::Waiting { .. })
    }
}
