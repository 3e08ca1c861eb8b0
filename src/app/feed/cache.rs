//! The cache for a feed's account, which contains the alerts from earlier runs (docs/console.md,
//! "Cache").
//!
//! A state machine without access to files: workers open and read the cache, and a thread writes to
//! it. This module ensures that coverage is saved only if all of the account's alerts in memory are
//! also in the cache.

use std::{sync::Arc, time::Duration};

use alertdeck_cache::{Coverage, State};
use alertdeck_model::Timestamp;
use alertdeck_odata::{Expr, Literal, Operator, Property};
use alertdeck_store::{Absorbed, EncodedBatch};

use crate::app::job::Scope;

/// How far before the watermark a catch-up starts. Some alerts may have become visible only after
/// the last run ended (docs/graph-api.md, "Polling").
const OVERLAP: Duration = Duration::from_secs(60 * 60);

/// A write to a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheWrite {
    /// New and changed alerts.
    Alerts {
        /// The batch that contains the alerts.
        batch: Arc<EncodedBatch>,
        /// The positions of the alerts to write; `None` for the entire batch.
        only: Option<Vec<u32>>,
        /// The current time.
        at: Timestamp,
    },
    /// The cache's new coverage.
    Coverage {
        /// The coverage.
        coverage: Coverage,
        /// The current time.
        at: Timestamp,
    },
}

/// The state of an opened cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cached {
    /// When the cache was last brought up to date.
    pub saved_at: Option<Timestamp>,
    /// The time, by the service's clock, up to which an earlier run showed all changes.
    pub last_visit: Option<Timestamp>,
    /// The coverage of the cached alerts; `None` if it is unknown or [`Cache::caught_up`] has taken
    /// it.
    coverage: Option<Coverage>,
    /// The coverage that was last written in this run.
    saved: Option<Coverage>,
}

/// The state of a feed's cache.
#[derive(Debug, Default)]
pub enum Cache {
    /// The cache has not been opened.
    #[default]
    Unopened,
    /// The cache is being opened. Writes are held until it is open.
    Opening(Vec<CacheWrite>),
    /// The cached alerts are being read.
    Reading(Cached),
    /// All cached alerts have been read.
    Open(Cached),
    /// There is no cache, or it lacks some of the alerts in memory.
    Off,
}

impl Cache {
    /// Returns the state of the cache, if it is open.
    pub fn cached(&self) -> Option<&Cached> {
        match self {
            Self::Reading(cached) | Self::Open(cached) => Some(cached),
            Self::Unopened | Self::Opening(_) | Self::Off => None,
        }
    }

    fn cached_mut(&mut self) -> Option<&mut Cached> {
        match self {
            Self::Reading(cached) | Self::Open(cached) => Some(cached),
            Self::Unopened | Self::Opening(_) | Self::Off => None,
        }
    }

    /// Returns whether alerts are being read from the cache.
    pub fn is_reading(&self) -> bool {
        matches!(self, Self::Reading(_))
    }

    /// Returns whether a list fetch must wait until the cache has been opened or read.
    pub(in crate::app) fn delays(&self, scope: &Scope) -> bool {
        match self {
            Self::Opening(_) => true,
            Self::Reading(_) => self.catch_up(scope).is_some(),
            Self::Unopened | Self::Open(_) | Self::Off => false,
        }
    }

    /// Records that the cache has been opened. Returns the writes that were held until then.
    pub(in crate::app) fn opened(&mut self, state: State) -> Vec<CacheWrite> {
        let State { saved_at, coverage, .. } = state;
        let last_visit = coverage.map(|coverage| coverage.watermark);
        match std::mem::replace(self, Self::Off) {
            Self::Opening(held) => {
                *self = Self::Reading(Cached { saved_at, last_visit, coverage, saved: None });
                held
            }
            other => {
                *self = other;
                Vec::new()
            }
        }
    }

    /// Records that the cached alerts have been read. If `is_whole` is false, some could not be
    /// read, and the cache is treated as covering nothing.
    pub(in crate::app) fn read(&mut self, is_whole: bool) {
        if let Self::Reading(cached) = *self {
            let coverage = cached.coverage.filter(|_| is_whole);
            *self = Self::Open(Cached { coverage, ..cached });
        }
    }

    /// Returns the time from which changes must be fetched to bring the list up to date; `None` if
    /// the cache does not cover the rest of the list.
    pub(in crate::app) fn catch_up(&self, scope: &Scope) -> Option<Timestamp> {
        let Coverage { since, watermark } = self.cached()?.coverage?;
        let covers = match (scope, since) {
            (Scope::Nothing | Scope::One(_), _) | (Scope::All, Some(_)) => false,
            (Scope::All | Scope::Filter(_), None) => true,
            (Scope::Filter(filter), Some(since)) => created_since(filter).is_some_and(|from| from >= since),
        };
        covers.then(|| watermark.before(OVERLAP))
    }

    /// Records that all changes have been fetched. Returns the cache's previous coverage.
    pub(in crate::app) fn caught_up(&mut self) -> Option<Coverage> {
        self.cached_mut()?.coverage.take()
    }

    /// Returns the cache write for alerts added to the store, if there is anything to write.
    pub(in crate::app) fn absorbed(
        &mut self,
        batch: Arc<EncodedBatch>,
        absorbed: &Absorbed,
        at: Timestamp,
    ) -> Option<CacheWrite> {
        let mut touched = absorbed.touched();
        touched.sort_unstable();
        let seen = absorbed.seen.iter().zip(0..);
        let only: Vec<u32> =
            seen.filter(|(row, _)| touched.binary_search(row).is_ok()).map(|(_, at)| at).collect();
        if only.is_empty() {
            return None;
        }
        let only = Some(only).filter(|only| only.len() < batch.alerts.len());
        self.write(CacheWrite::Alerts { batch, only, at })
    }

    /// Returns the write that saves a coverage, unless that coverage was the last one written.
    pub(in crate::app) fn covered(&mut self, coverage: Coverage, at: Timestamp) -> Option<CacheWrite> {
        let cached = self.cached_mut()?;
        if cached.saved == Some(coverage) {
            return None;
        }
        cached.saved = Some(coverage);
        Some(CacheWrite::Coverage { coverage, at })
    }

    /// Returns the write if the cache is open, or holds it while the cache is being opened.
    fn write(&mut self, write: CacheWrite) -> Option<CacheWrite> {
        match self {
            Self::Reading(_) | Self::Open(_) => Some(write),
            Self::Opening(held) => {
                held.push(write);
                None
            }
            Self::Unopened | Self::Off => None,
        }
    }
}

/// Returns the earliest creation time that an expression allows, if it sets such a limit.
fn created_since(filter: &Expr) -> Option<Timestamp> {
    match filter {
        Expr::And(parts) => parts.iter().filter_map(created_since).max(),
        Expr::Or(parts) => {
            let times: Option<Vec<_>> = parts.iter().map(created_since).collect();
            times?.into_iter().min()
        }
        Expr::Compare(
            Property::CreatedDateTime,
            Operator::Ge | Operator::Gt | Operator::Eq,
            Literal::Time(at),
        ) => Some(*at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_odata as odata;
    use rstest::rstest;

    fn at(day: u32) -> Timestamp {
        Timestamp::parse(&format!("2026-11-{day:02}T00:00:00Z")).unwrap()
    }

    fn reading(since: Option<Timestamp>) -> Cache {
        let mut cache = Cache::Opening(Vec::new());
        let coverage = Some(Coverage { since, watermark: at(20) });
        cache.opened(State { coverage, ..State::default() });
        cache
    }

    #[rstest]
    #[case::later("createdDateTime ge 2026-11-05T00:00:00Z", true)]
    #[case::same("createdDateTime gt 2026-11-03T00:00:00Z", true)]
    #[case::earlier("createdDateTime ge 2026-11-02T00:00:00Z", false)]
    #[case::narrower("status eq 'new' and createdDateTime ge 2026-11-05T00:00:00Z", true)]
    #[case::nested(
        "severity eq 'high' and (status eq 'new' and createdDateTime ge 2026-11-05T00:00:00Z)",
        true
    )]
    #[case::any_time("status eq 'new'", false)]
    #[case::either("createdDateTime ge 2026-11-05T00:00:00Z or status eq 'new'", false)]
    #[case::both_later(
        "createdDateTime ge 2026-11-05T00:00:00Z or createdDateTime ge 2026-11-09T00:00:00Z",
        true
    )]
    #[case::negated("not (createdDateTime ge 2026-11-05T00:00:00Z)", false)]
    #[case::before("createdDateTime lt 2026-11-05T00:00:00Z", false)]
    #[case::updated("lastUpdateDateTime ge 2026-11-05T00:00:00Z", false)]
    fn a_list_is_caught_up_if_the_cache_covers_its_time(#[case] filter: &str, #[case] covered: bool) {
        let scope = Scope::Filter(odata::parse(filter).unwrap());
        let from = Some(at(20).before(OVERLAP));
        assert_eq!(reading(Some(at(3))).catch_up(&scope), from.filter(|_| covered));
        assert_eq!(reading(None).catch_up(&scope), from, "a cache of everything");
    }

    #[test]
    fn only_a_cache_of_everything_covers_the_list_of_all_alerts() {
        assert!(reading(None).catch_up(&Scope::All).is_some());
        assert!(reading(Some(at(3))).catch_up(&Scope::All).is_none());
        let one = Scope::One(alertdeck_model::AlertId::new("a"));
        assert!(reading(None).catch_up(&one).is_none());
    }

    #[test]
    fn a_damaged_cache_covers_nothing() {
        let mut cache = reading(None);
        cache.read(false);
        assert!(cache.cached().is_some() && cache.catch_up(&Scope::All).is_none());
        assert_eq!(cache.caught_up(), None);
    }

    #[test]
    fn a_coverage_is_written_once() {
        let mut cache = reading(None);
        let coverage = Coverage { since: None, watermark: at(21) };
        let write = CacheWrite::Coverage { coverage, at: at(22) };
        assert_eq!(cache.covered(coverage, at(22)), Some(write));
        assert_eq!(cache.covered(coverage, at(23)), None);
        assert_eq!(Cache::Off.covered(coverage, at(22)), None);
        assert_eq!(Cache::Opening(Vec::new()).covered(coverage, at(22)), None);
    }
}
