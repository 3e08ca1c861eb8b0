//! The list fetch, which fetches the alerts for the requested filter.
//!
//! A state machine driven by events. It has no access to jobs, the store or a clock: it returns
//! effects, and events carry the times.

use std::time::Duration;

use alertdeck_graph::WaitCause;
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_odata::Property;
use alertdeck_store::{Row, RowSet};

use super::{CompleteList, FeedEffect, Pace, Reading};
use crate::app::job::{Failure, FailureKind, JobKind, JobType, Scope};
use crate::files::Progress;

/// The warning for a list that relies on a guess about how an owner's name is spelled.
const DOUBT: &str = "may miss owner spellings";

/// The state of the list fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been requested yet.
    #[default]
    Idle,
    /// Pages are arriving.
    Loading,
    /// The fetch is waiting.
    Waiting {
        /// When the wait ends, measured from startup.
        until: Duration,
        /// The reason for the wait.
        why: WaitCause,
    },
    /// The list is complete.
    Complete,
    /// The user has stopped the fetch.
    Stopped,
    /// The fetch failed before the list was complete.
    Failed {
        /// The cause of the failure.
        failure: Failure,
        /// The time of the next attempt, measured from startup; `None` if only the user can retry.
        retry_at: Option<Duration>,
    },
}

impl Phase {
    /// Returns whether a fetch is running or waiting.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Loading | Self::Waiting { .. })
    }
}

/// An event for the list fetch.
#[derive(Clone, Debug)]
pub(in crate::app) enum ListEvent {
    /// A list was requested.
    Requested {
        /// The scope of the requested list.
        scope: Scope,
        /// Whether the list is already in memory as part of a complete list.
        reread: bool,
        /// Whether the list may be incomplete because it is only a guess how an owner's name is
        /// spelled ([`alertdeck_query::Plan::guesses_owner`]).
        guess: bool,
        /// If the cache covers the list up to this time, only changes since then are fetched.
        changes_since: Option<Timestamp>,
    },
    /// The cache was opened. Carries the time, by the local clock, when it was last brought up to
    /// date.
    Cached(Timestamp),
    /// The requested list is already covered by a completely loaded list.
    Covered {
        /// The scope of the requested list.
        scope: Scope,
        /// The complete list that covers the requested list.
        by: CompleteList,
    },
    /// A page has begun to arrive.
    Page {
        /// The number of alerts in the list, as counted by the service.
        total: Option<u64>,
        /// The service's warning that the result is partial, if any.
        partial: Option<SafeText>,
    },
    /// The request is waiting until this time, measured from startup.
    Waiting(Duration, WaitCause),
    /// The wait is over.
    Resumed,
    /// Alerts for the list were read at this time, measured from startup.
    Read(Vec<Row>, Duration),
    /// This much of the files was read by this time, measured from startup.
    FilesRead(Progress, Duration),
    /// Alerts that belong to the list have arrived from elsewhere, such as live polling.
    Matched(Vec<Row>),
    /// The entire list has been read. Carries the time by the local clock.
    Done(Timestamp),
    /// The fetch has failed. Carries the time of the next attempt, if any, measured from startup.
    Failed(Failure, Option<Duration>),
    /// The guessed spelling of an owner was correct.
    GuessConfirmed,
    /// The user has stopped loading.
    Stop,
    /// The user has signed out, or has requested this list while signed out.
    SignedOut(Scope),
    /// Automatic retries must stop.
    NoRetry,
}

/// The list fetch.
#[derive(Debug, Default)]
pub struct ListFetch {
    phase: Phase,
    /// The scope of the current or last fetch.
    scope: Scope,
    /// The alerts read for the list, without duplicates.
    read: RowSet,
    pace: Pace,
    total: Option<u64>,
    partial: Option<SafeText>,
    /// Why the list may be incomplete even though the service reports that it is complete.
    doubt: Option<SafeText>,
    completed_at: Option<Timestamp>,
    /// The progress so far, if the list is being read from files.
    reading: Option<Reading>,
    /// Whether the fetch refreshes a list that is already in memory, in which case its alerts are
    /// marked as new or changed. Alerts are not new just because a different filter selects them.
    rereads: bool,
    /// Whether only changes are fetched, because the cache has the rest of the list.
    catches_up: bool,
}

impl ListFetch {
    /// Returns the state.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Returns the number of alerts read for the list.
    pub fn read(&self) -> usize {
        self.read.len()
    }

    /// Returns the alerts read for the list.
    pub(in crate::app) fn rows(&self) -> impl Iterator<Item = Row> {
        self.read.iter()
    }

    /// Returns the loading pace; `None` if the list is not loading.
    pub fn pace(&self) -> Option<&Pace> {
        (self.phase == Phase::Loading).then_some(&self.pace)
    }

    /// Returns the estimated time until the list is loaded, if it can be estimated.
    pub fn time_left(&self) -> Option<Duration> {
        self.pace()?.left(self.total?)
    }

    /// Returns the number of alerts in the list, as counted by the service.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the reason, if any, that the list is or may be partial even after it has been read
    /// to its end. The reason is usually the service's warning.
    pub fn partial(&self) -> Option<&SafeText> {
        self.partial.as_ref().or(self.doubt.as_ref().filter(|_| self.phase == Phase::Complete))
    }

    /// Returns the reading progress, if the list is read from files.
    pub fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    /// Returns whether the list may be incomplete because it is only a guess how an owner's name is spelled.
    pub(in crate::app) fn is_guess(&self) -> bool {
        self.doubt.is_some()
    }

    /// Returns when a list was last completed.
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.completed_at
    }

    /// Returns the scope of the current or last fetch.
    pub(in crate::app) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns whether only changes are fetched, because the cache has the rest of the list.
    pub fn is_catch_up(&self) -> bool {
        self.catches_up
    }

    /// Returns whether alerts that arrive with the fetch are marked as new or changed.
    pub(in crate::app) fn marks_changes(&self) -> bool {
        self.rereads
    }

    /// Returns the list if it is completely in memory.
    pub(in crate::app) fn complete_list(&self) -> Option<CompleteList> {
        let at = self.completed_at.filter(|_| self.phase == Phase::Complete && self.partial().is_none())?;
        Some(CompleteList { scope: self.scope.clone(), read: self.read.clone(), total: self.total, at })
    }

    /// Returns the time of the next automatic retry, measured from startup.
    pub(in crate::app) fn retry_at(&self) -> Option<Duration> {
        match self.phase {
            Phase::Failed { retry_at, .. } => retry_at,
            _ => None,
        }
    }

    /// Handles an event. Events from the fetch itself have no effect if no fetch is active.
    pub(in crate::app) fn on(&mut self, event: ListEvent) -> Vec<FeedEffect> {
        let mut effects = Vec::new();
        match event {
            ListEvent::Requested { scope: Scope::Nothing, .. } => {
                effects.extend(self.cancel());
                self.begin(Scope::Nothing);
                self.total = Some(0);
                self.phase = Phase::Complete;
            }
            ListEvent::Requested { scope, reread, guess, changes_since } => {
                effects.extend(self.cancel());
                let changes = changes_since.map(|at| Scope::since(Property::LastUpdateDateTime, at));
                self.begin(scope.clone());
                effects.push(FeedEffect::Start(JobKind::List(changes.unwrap_or(scope))));
                self.rereads = reread;
                self.catches_up = changes_since.is_some();
                self.doubt = guess.then(|| DOUBT.into());
                self.phase = Phase::Loading;
            }
            ListEvent::Covered { scope, by } => {
                effects.extend(self.cancel());
                self.begin(scope);
                (self.read, self.total, self.completed_at) = (by.read, by.total, Some(by.at));
                self.phase = Phase::Complete;
            }
            ListEvent::Stop if self.phase.is_active() || self.retry_at().is_some() => {
                effects.extend(self.cancel());
                self.phase = Phase::Stopped;
            }
            ListEvent::SignedOut(scope) => {
                effects.extend(self.cancel());
                if self.scope != scope {
                    self.begin(scope);
                }
                let failure = Failure { kind: FailureKind::SignIn, line: "not signed in".to_owned() };
                self.phase = Phase::Failed { failure, retry_at: None };
            }
            ListEvent::NoRetry => {
                if let Phase::Failed { retry_at, .. } = &mut self.phase {
                    *retry_at = None;
                }
            }
            ListEvent::GuessConfirmed => self.doubt = None,
            ListEvent::Cached(at) => self.completed_at = self.completed_at.or(Some(at)),
            // Matching alerts that arrive later are added to a complete list.
            ListEvent::Matched(rows) if self.phase == Phase::Complete => self.read.extend(rows),
            fetched if self.phase.is_active() => self.fetched(fetched),
            _ => {}
        }
        effects
    }

    /// Handles an event from the running fetch.
    fn fetched(&mut self, event: ListEvent) {
        match event {
            ListEvent::Page { total, partial } => {
                self.phase = Phase::Loading;
                // If only changes are fetched, the service's count does not apply to the entire
                // list.
                self.total = total.filter(|_| !self.catches_up).or(self.total);
                self.partial = partial.or(self.partial.take());
            }
            ListEvent::Waiting(until, why) => self.phase = Phase::Waiting { until, why },
            ListEvent::Resumed => self.phase = Phase::Loading,
            ListEvent::Read(rows, now) => {
                self.read.extend(rows);
                self.pace.on(now, self.read.len());
            }
            ListEvent::FilesRead(progress, mono) => match &mut self.reading {
                Some(reading) => reading.set(progress, mono),
                None => self.reading = Some(Reading::new(progress, mono)),
            },
            ListEvent::Done(at) => {
                self.phase = Phase::Complete;
                self.completed_at = Some(at);
            }
            ListEvent::Failed(failure, retry_at) => self.phase = Phase::Failed { failure, retry_at },
            ListEvent::Requested { .. }
            | ListEvent::Cached(_)
            | ListEvent::Covered { .. }
            | ListEvent::Matched(_)
            | ListEvent::GuessConfirmed
            | ListEvent::Stop
            | ListEvent::SignedOut(_)
            | ListEvent::NoRetry => {}
        }
    }

    /// Clears the previous list.
    fn begin(&mut self, scope: Scope) {
        *self = Self { scope, completed_at: self.completed_at, ..Self::default() };
    }

    fn cancel(&self) -> Option<FeedEffect> {
        self.phase.is_active().then_some(FeedEffect::Cancel(JobType::List))
    }
}

#[cfg(test)]
mod tests;
