//! The histogram above the list: alerts over time, by severity.

use alertdeck_model::{Severity, Timestamp};
use alertdeck_store::{Store, View};

/// The number of alerts by severity and time bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The counts for high, medium, low and all other severities, from the oldest bucket to the
    /// newest.
    pub counts: [Vec<u32>; 4],
    /// The creation times of the oldest and the newest alert.
    pub range: Option<(Timestamp, Timestamp)>,
    revision: (u64, (u64, usize)),
    /// When to count next while alerts stream in, measured from startup.
    pub(super) due: std::time::Duration,
}

impl Histogram {
    /// Counts the alerts in a view, using `buckets` buckets of equal length, unless the same alerts
    /// have already been counted.
    pub fn count(&mut self, store: &Store, view: &View, buckets: usize) {
        let revision = (view.content(), store.version());
        if self.revision == revision && self.counts[0].len() == buckets {
            return;
        }
        *self = Self { revision, due: self.due, ..Self::default() };
        self.counts = std::array::from_fn(|_| vec![0; buckets]);
        let Some((first, last)) = view.created_range(store) else { return };
        if buckets == 0 {
            return;
        }
        self.range = Some((first, last));
        let length = last.ticks().abs_diff(first.ticks()).saturating_add(1);
        // So that the product below fits. Divisions of longer numbers take many times longer.
        let dropped = (buckets as u64).ilog2() + 1;
        let dropped = dropped.saturating_sub(length.leading_zeros());
        let divisor = (length >> dropped) + u64::from(dropped > 0);
        for row in view.shown().iter() {
            let facts = store.facts(row);
            let line = match facts.severity() {
                Severity::High => 0,
                Severity::Medium => 1,
                Severity::Low => 2,
                _ => 3,
            };
            if let Some(at) = facts.created() {
                let since = at.ticks().abs_diff(first.ticks()) >> dropped;
                self.counts[line][(since * buckets as u64 / divisor) as usize] += 1;
            }
        }
    }
}
