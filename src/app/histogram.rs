//! Alerts over time, by severity, for the small chart above the list.

use alertdeck_model::{Severity, Timestamp};
use alertdeck_store::{Store, View};

/// Alerts counted by severity and stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// High, medium, low, informational: counts from the oldest stretch to the newest.
    pub counts: [Vec<u32>; 4],
    /// The first and the last moment that are covered.
    pub range: Option<(Timestamp, Timestamp)>,
    revision: u64,
    /// When it is counted again while alerts stream in, since the start.
    pub(super) due: std::time::Duration,
}

impl Histogram {
    /// Counts the alerts that a view shows, in `stretches` stretches of the same length, unless
    /// that was done for this state of the view already.
    pub fn count(&mut self, store: &Store, view: &View, stretches: usize) {
        if self.revision == view.revision() && self.counts[0].len() == stretches {
            return;
        }
        *self = Self { revision: view.revision(), due: self.due, ..Self::default() };
        self.counts = std::array::from_fn(|_| vec![0; stretches]);
        let times = || view.rows().iter().filter_map(|row| store.facts(*row).created);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return };
        if stretches == 0 {
            return;
        }
        self.range = Some((first, last));
        let length = i128::from(last.ticks() - first.ticks()) + 1;
        for row in view.rows() {
            let facts = store.facts(*row);
            let line = match facts.severity {
                Severity::High => 0,
                Severity::Medium => 1,
                Severity::Low => 2,
                _ => 3,
            };
            if let Some(at) = facts.created {
                let stretch = i128::from(at.ticks() - first.ticks()) * stretches as i128 / length;
                self.counts[line][stretch as usize] += 1;
            }
        }
    }
}
