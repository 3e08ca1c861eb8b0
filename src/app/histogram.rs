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
    revision: u64,
    /// When to count next while alerts stream in, measured from startup.
    pub(super) due: std::time::Duration,
}

impl Histogram {
    /// Counts the alerts in a view, using `buckets` buckets of equal length, unless this revision
    /// of the view has already been counted.
    pub fn count(&mut self, store: &Store, view: &View, buckets: usize) {
        if self.revision == view.revision() && self.counts[0].len() == buckets {
            return;
        }
        *self = Self { revision: view.revision(), due: self.due, ..Self::default() };
        self.counts = std::array::from_fn(|_| vec![0; buckets]);
        let times = || view.shown().iter().filter_map(|row| store.facts(row).created());
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return };
        if buckets == 0 {
            return;
        }
        self.range = Some((first, last));
        let length = i128::from(last.ticks() - first.ticks()) + 1;
        for row in view.shown().iter() {
            let facts = store.facts(row);
            let line = match facts.severity() {
                Severity::High => 0,
                Severity::Medium => 1,
                Severity::Low => 2,
                _ => 3,
            };
            if let Some(at) = facts.created() {
                let bucket = i128::from(at.ticks() - first.ticks()) * buckets as i128 / length;
                self.counts[line][bucket as usize] += 1;
            }
        }
    }
}
