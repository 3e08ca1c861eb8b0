//! How far loading is, and what the header says of it.

use std::{collections::HashSet, time::Duration};

use super::message::{Failure, Generation, Scope, Wait};
use crate::{
    model::{SafeText, Timestamp},
    odata::Feature,
    store::Row,
};

/// How long after a failure that passes the next try is made.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(15);
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
    /// What was read whole.
    pub(super) covered: HashSet<Scope>,
    /// Constructs of OData that the service has refused.
    pub(super) refused: Vec<Feature>,
    /// The newest update among the alerts read, by the service's clock.
    pub(super) newest: Option<Timestamp>,
    /// When the service answered last, by its own clock.
    pub(super) server_time: Option<Timestamp>,
    /// When live mode looks next.
    pub(super) poll_at: Option<Duration>,
    /// Whether what the fetch under way brings is news: it reads again what was whole before, or
    /// looks for what has changed since. Alerts that another filter asks for are not news.
    pub(super) news: bool,
}

impl Load {
    /// Returns how many alerts of the list were read.
    pub fn read(&self) -> usize {
        self.read.len()
    }

    /// Where a look of live mode begins: the newest update, but no later than the service's own
    /// clock, since one alert dated into the year 9999 must not end the looking.
    pub(super) fn watermark(&self) -> Option<Timestamp> {
        let newest = self.newest?;
        Some(self.server_time.map_or(newest, |now| newest.min(now)))
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            generation: Generation::default(),
            phase: Phase::default(),
            read: HashSet::new(),
            total: None,
            partial: None,
            live: false,
            polling: false,
            whole_at: None,
            scope: Scope::All,
            covered: HashSet::new(),
            refused: Vec::new(),
            newest: None,
            server_time: None,
            poll_at: None,
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
