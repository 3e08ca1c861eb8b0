//! How far loading is, and what the header says of it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    backfill::{Backfill, BackfillCursor},
    message::{Failure, Generation, Scope, Wait},
};
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

/// The state of loading.
#[derive(Debug)]
pub struct Load {
    /// The fetch whose events count.
    pub generation: Generation,
    /// The fetch that was begun last, of whatever purpose.
    pub(super) issued: Generation,
    /// What loads behind the list.
    pub backfill: Backfill,
    /// Where that is.
    pub(super) cursor: BackfillCursor,
    /// The first fetch of the profile in use: what those before it bring is another tenant's.
    pub(super) oldest: Generation,
    /// How far it is.
    pub phase: Phase,
    /// Alerts read of the list, each counted once however often it came.
    pub(super) read: HashSet<Row>,
    /// Alerts that the service counts in the list.
    pub total: Option<u64>,
    /// What the service said of a result that is not whole.
    pub partial: Option<SafeText>,
    /// Whether the user watches for new and changed alerts.
    pub live: bool,
    /// Whether the fetch under way is a look of live mode.
    pub polling: bool,
    /// When the list was whole last.
    pub whole_at: Option<Timestamp>,
    /// What the fetch under way asks for.
    pub(super) scope: Scope,
    /// The filters, as typed, whose lists were read whole.
    pub(super) covered: HashMap<String, Whole>,
    /// Constructs of OData that the service has refused.
    pub(super) refused: Vec<Feature>,
    /// Since when nothing is known of what has changed, by the service's clock.
    pub(super) watermark: Option<Timestamp>,
    /// The newest update among the alerts that a look of live mode has brought so far.
    pub(super) newest: Option<Timestamp>,
    /// When the service began to answer the fetch, by its own clock.
    pub(super) answered_at: Option<Timestamp>,
    /// When live mode looks next.
    pub(super) poll_at: Option<Duration>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Whether what the fetch under way brings is news: it reads again what was whole before, or
    /// looks for what has changed since. Alerts that another filter asks for are not news.
    pub(super) news: bool,
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
        self.issued.0 += 1;
        self.issued
    }

    /// Ends the fetch under way: what it still brings is true, but counts for nothing.
    pub(super) fn renew(&mut self) {
        self.generation = self.issue();
    }

    /// Returns when live mode polls next, since the start.
    pub(super) fn next_poll(&self) -> Option<Duration> {
        self.poll_at
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
        self.watermark = match (self.watermark, self.answered_at) {
            (Some(before), Some(now)) => Some(before.min(now)),
            (before, now) => before.or(now),
        };
    }

    /// Takes the end of a look of live mode: all that changed up to the newest update was seen.
    /// The service's clock bounds it: one alert dated into the year 9999 must not end the looking.
    pub(super) fn poll_ends(&mut self) {
        let seen = self.newest.map(|newest| self.answered_at.map_or(newest, |now| newest.min(now)));
        self.watermark = self.watermark.max(seen);
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            generation: Generation::default(),
            issued: Generation::default(),
            backfill: Backfill::default(),
            cursor: BackfillCursor::default(),
            oldest: Generation::default(),
            phase: Phase::default(),
            read: HashSet::new(),
            total: None,
            partial: None,
            live: false,
            polling: false,
            whole_at: None,
            scope: Scope::All,
            covered: HashMap::new(),
            refused: Vec::new(),
            watermark: None,
            newest: None,
            answered_at: None,
            poll_at: None,
            failures: 0,
            news: false,
        }
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
        why: Wait,
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
