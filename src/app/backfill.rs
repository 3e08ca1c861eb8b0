//! The backfill: loads the alerts of the last 30 days, whatever their status, so that counts of
//! values cover more than the list (docs/console.md, "Backfill").
//!
//! It is a fetch like that of the list, with a state of its own. It starts when nothing else loads,
//! pauses for every list that the user requests, and continues where it stopped. If it was
//! interrupted, it ends with a fetch of everything that changed since it started. Only the coverage
//! of counts shows how far it is.

use std::time::Duration;

use super::{
    App, Backfill, Effect, FailureKind, Fetch, LoadEvent, Phase, Purpose, Scope,
    format::thousands,
    load::{BackfillCursor, OVERLAP},
};
use alertdeck_model::Timestamp;
use alertdeck_odata as odata;

/// The number of days to load.
const DAYS: u64 = 30;
/// The delay before a retry after a transient failure.
const RETRY_AFTER: Duration = Duration::from_secs(120);

/// The alerts that a count over all loaded alerts covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The number of loaded alerts.
    pub loaded: usize,
    /// What they cover.
    pub extent: Extent,
}

/// The extent of the loaded alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every alert of the tenant or the files.
    All,
    /// At least every alert of the last days.
    Recent,
    /// What was fetched so far; the last days are being loaded.
    RecentLoading,
    /// What was fetched so far.
    Partial,
}

impl Coverage {
    /// Returns the words that follow a count: `of 300 loaded, complete`.
    pub fn words(self) -> String {
        let loaded = thousands(self.loaded);
        match self.extent {
            Extent::All => format!("of {loaded} loaded, complete"),
            Extent::Recent => format!("of {loaded} loaded, {DAYS} days complete"),
            Extent::RecentLoading => format!("of {loaded} loaded, {DAYS} days loading"),
            Extent::Partial => format!("of {loaded} loaded so far"),
        }
    }
}

impl App {
    /// Returns what a count over all loaded alerts covers.
    pub fn coverage(&self) -> Coverage {
        let all = if self.settings.service {
            self.load.has_all_alerts()
        } else {
            self.load.phase == Phase::Complete
        };
        let extent = match self.load.backfill.state {
            _ if all => Extent::All,
            Backfill::Complete => Extent::Recent,
            Backfill::Running => Extent::RecentLoading,
            Backfill::Due | Backfill::RetryAt(_) | Backfill::Failed => Extent::Partial,
        };
        Coverage { loaded: self.store.len(), extent }
    }

    /// Starts or continues the backfill if nothing else loads and something is missing.
    pub(super) fn start_backfill(&mut self, effects: &mut Vec<Effect>) {
        let due = match self.load.backfill.state {
            Backfill::Due => true,
            Backfill::RetryAt(at) => at <= self.clock.now.mono,
            Backfill::Running | Backfill::Complete | Backfill::Failed => false,
        };
        let idle = self.load.phase == Phase::Complete && !self.load.poll.running && !self.sign_in.signed_out;
        if !due || !idle || !self.settings.service || self.load.has_all_alerts() {
            return;
        }
        let first_day = self.clock.now.wall.before(Duration::from_secs(DAYS * 24 * 60 * 60));
        let generation = self.load.next_generation();
        let cursor = &mut self.load.backfill.cursor;
        if cursor.next.is_none() {
            cursor.start_over();
        }
        let scope =
            cursor.scope.get_or_insert_with(|| since(odata::Property::CreatedDateTime, first_day)).clone();
        (cursor.interrupted, cursor.unconfirmed) = (cursor.next.is_some(), cursor.next.is_some());
        cursor.generation = generation;
        let from = cursor.next.clone();
        self.load.backfill.state = Backfill::Running;
        effects.push(Effect::Fetch(Fetch { generation, purpose: Purpose::Backfill, scope, from }));
    }

    /// Handles an event of the backfill's fetch other than its alerts, also one sent before an
    /// interruption.
    pub(super) fn handle_backfill(&mut self, event: LoadEvent) {
        let cursor = &mut self.load.backfill.cursor;
        match event {
            LoadEvent::Page { partial, server_time, .. } => {
                cursor.unconfirmed = false;
                cursor.partial |= partial.is_some();
                cursor.started_at = cursor.started_at.or(server_time).or(self.load.poll.watermark);
            }
            // Without a start time, later changes cannot be fetched.
            LoadEvent::Reached(bookmark) => cursor.next = cursor.started_at.map(|_| bookmark),
            LoadEvent::Done if self.load.backfill.state.is_running() => self.backfill_completed(),
            LoadEvent::Failed(failure) if self.load.backfill.state.is_running() => {
                self.backfill_failed(failure.kind);
            }
            _ => {}
        }
    }

    fn backfill_completed(&mut self) {
        let cursor = &mut self.load.backfill.cursor;
        let started_at = cursor.started_at.filter(|_| cursor.interrupted);
        self.load.backfill.state = match started_at {
            _ if cursor.partial => Backfill::Failed,
            Some(started_at) => {
                let scope = since(odata::Property::LastUpdateDateTime, started_at.before(OVERLAP));
                *cursor = BackfillCursor { scope: Some(scope), ..BackfillCursor::default() };
                Backfill::Due
            }
            None => Backfill::Complete,
        };
        if self.load.backfill.state != Backfill::Due {
            *cursor = BackfillCursor::default();
        }
    }

    fn backfill_failed(&mut self, kind: FailureKind) {
        self.load.backfill.state = match kind {
            kind if kind.is_transient() => Backfill::RetryAt(self.clock.now.mono + RETRY_AFTER),
            FailureKind::SignIn | FailureKind::Permission => Backfill::Failed,
            // The service no longer knows the page.
            _ if self.load.backfill.cursor.unconfirmed => {
                self.load.backfill.cursor.start_over();
                Backfill::Due
            }
            _ => Backfill::Failed,
        };
    }

    /// Returns the time of the next retry, since the start of the console.
    pub(super) fn backfill_due(&self) -> Option<Duration> {
        match self.load.backfill.state {
            Backfill::RetryAt(at) => Some(at).filter(|at| *at > self.clock.now.mono),
            _ => None,
        }
    }
}

/// Returns the scope of alerts with a time at or after `at`.
pub(super) fn since(property: odata::Property, at: Timestamp) -> Scope {
    let since = odata::Expr::Compare(property, odata::Operator::Ge, odata::Literal::Time(at));
    Scope::Filter(since.to_string())
}
