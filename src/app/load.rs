//! How far loading is, and what the header says of it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    backfill::{Backfill, BackfillCursor},
    message::{Failure, Generation, Scope},
};
use alertdeck_graph::WaitCause;
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_odata::Feature;
use alertdeck_store::Row;

/// How long after a failure that passes the next try is made; it doubles with each.
const RETRY_AFTER: Duration = Duration::from_secs(15);
/// The longest that it gets.
const RETRY_AT_MOST: Duration = Duration::from_secs(5 * 60);
/// How often live mode looks.
pub(super) const POLL_EVERY: Duration = Duration::from_secs(15);
/// How far a look of live mode reaches back behind the newest update: alerts become visible
/// out of order (ARCHITECTURE.md, "Loading").
pub(super) const OVERLAP: Duration = Duration::from_secs(5 * 60);

/// The state of loading: the list, live polling, and the backfill.
#[derive(Debug, Default)]
pub struct Load {
    /// Which fetches count.
    pub generations: Generations,
    /// The backfill.
    pub backfill: BackfillJob,
    /// Live polling.
    pub poll: Poll,
    /// How far the list is.
    pub phase: Phase,
    /// Alerts of the list that were read, each counted once however often it came.
    pub(super) read: HashSet<Row>,
    /// How many alerts the service counts in the list.
    pub total: Option<u64>,
    /// The service's warning about a partial result.
    pub partial: Option<SafeText>,
    /// When the list was last complete.
    pub whole_at: Option<Timestamp>,
    /// What the fetch under way asks for.
    pub(super) scope: Scope,
    /// The filters, as typed, whose lists were read completely.
    pub(super) covered: HashMap<String, Whole>,
    /// Constructs of OData that the service has refused.
    pub(super) refused: Vec<Feature>,
    /// When the service began to answer the fetch, by its own clock.
    pub(super) answered_at: Option<Timestamp>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Whether the fetch under way brings news: it reads again what was complete before, or polls for
    /// changes. Alerts that another filter asks for are not news.
    pub(super) news: bool,
}

/// The numbers of fetches: which one counts, and which are of an earlier profile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Generations {
    /// The fetch whose events count.
    pub current: Generation,
    /// The fetch that was started last, for whatever purpose.
    pub(super) issued: Generation,
    /// The first fetch of the profile in use; earlier ones bring another tenant's alerts.
    pub(super) oldest: Generation,
}

/// The backfill: how far it is, and where it goes on.
#[derive(Debug, Default)]
pub struct BackfillJob {
    /// How far it is.
    pub state: Backfill,
    /// Where it goes on.
    pub(super) cursor: BackfillCursor,
}

/// Live polling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poll {
    /// Whether the user watches for new and changed alerts.
    pub live: bool,
    /// Whether the fetch under way is a poll.
    pub running: bool,
    /// When the next poll is due, since the start.
    pub(super) next: Option<Duration>,
    /// Up to when all changes are known, by the service's clock.
    pub(super) watermark: Option<Timestamp>,
    /// The newest update among the alerts that the poll under way has brought.
    pub(super) newest: Option<Timestamp>,
}

/// A list that was read whole.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// What it asked for.
    pub(super) scope: Scope,
    /// Its alerts.
    pub(super) read: HashSet<Row>,
    /// How many the service counted.
    pub(super) total: Option<u64>,
    /// When it was whole.
    pub(super) at: Timestamp,
}

impl Load {
    /// Returns a number for the next fetch.
    pub(super) fn issue(&mut self) -> Generation {
        self.generations.issued.0 += 1;
        self.generations.issued
    }

    /// Ends the fetch under way: what it still brings is true, but counts for nothing.
    pub(super) fn renew(&mut self) {
        self.generations.current = self.issue();
    }

    /// Returns how many alerts of the list were read.
    pub fn read(&self) -> usize {
        self.read.len()
    }

    /// Tells whether a list of every alert was read whole.
    pub(super) fn holds_everything(&self) -> bool {
        self.covered.values().any(|whole| whole.scope == Scope::All)
    }

    /// Returns the list that holds all alerts of a filter, if one was read whole.
    pub(super) fn covering(&self, filter: &str, scope: &Scope) -> Option<&Whole> {
        let others =
            || self.covered.values().find(|whole| whole.scope == Scope::All || whole.scope == *scope);
        self.covered.get(filter).or_else(others)
    }

    /// Counts a failure and returns how long to wait before the next try.
    pub(super) fn back_off(&mut self) -> Duration {
        let wait = RETRY_AFTER.saturating_mul(1 << self.failures.min(8)).min(RETRY_AT_MOST);
        self.failures += 1;
        wait
    }

    /// Takes the answer to a list: what changes from then on is yet to be looked for.
    pub(super) fn list_begins(&mut self) {
        self.poll.watermark = match (self.poll.watermark, self.answered_at) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
    }

    /// Takes the end of a look of live mode: all that changed up to the newest update was seen.
    /// The service's clock bounds it: one alert dated into the year 9999 must not end the looking.
    pub(super) fn poll_ends(&mut self) {
        let seen = self.poll.newest.map(|newest| self.answered_at.map_or(newest, |now| newest.min(now)));
        self.poll.watermark = self.poll.watermark.max(seen);
    }
}

/// How far a fetch is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is to be fetched.
    #[default]
    Idle,
    /// Pages are coming.
    Loading,
    /// Nothing comes until then, since the start.
    Waiting {
        /// The end of the wait.
        until: Duration,
        /// Why.
        why: WaitCause,
    },
    /// The list is whole.
    Complete,
    /// The user stopped it.
    Stopped,
    /// It ended before the list was whole.
    Failed {
        /// What happened.
        failure: Failure,
        /// When it is tried again, since the start.
        retry_at: Option<Duration>,
    },
}

impl Phase {
    /// Tells whether a fetch is under way.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Loading | Self::Waiting { .. })
    }
}
