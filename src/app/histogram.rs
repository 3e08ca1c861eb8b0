//! The histogram above the list: alerts over time, by severity.

use alertdeck_model::{Severity, Timestamp};
use alertdeck_store::{Store, View};

/// The number of alerts by severity and time bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The counts for high, medium, low and all other severities, from the oldest bucket to the
    /// newest.
    pub counts: [Vec<u32>; 4],
    /// The total counts by severity, in the same order as `counts`, including alerts without a
    /// creation time.
    pub totals: [u32; 4],
    /// The creation times of the oldest and the newest alert.
    pub range: Option<(Timestamp, Timestamp)>,
    revision: (u64, (u64, usize)),
    /// When the next count is due while alerts stream in, measured from startup.
    pub(super) due: std::time::Duration,
}

impl Histogram {
    /// Returns the number of severities with alerts.
    pub fn severities(&self) -> u16 {
        self.totals.iter().filter(|total| **total > 0).count() as u16
    }

    /// Returns whether all alerts in a view have been counted.
    pub(super) fn is_current(&self, store: &Store, view: &View) -> bool {
        self.revision == (view.content(), store.version())
    }

    /// Counts the alerts in a view, using `buckets` buckets of equal length, unless the same alerts
    /// have already been counted.
    pub fn count(&mut self, store: &Store, view: &View, buckets: usize) {
        if self.is_current(store, view) && self.counts[0].len() == buckets {
            return;
        }
        let revision = (view.content(), store.version());
        *self = Self { revision, due: self.due, ..Self::default() };
        self.counts = std::array::from_fn(|_| vec![0; buckets]);
        self.range = view.created_range(store).filter(|_| buckets > 0);
        let scale = self.range.map(|(first, last)| Scale::new(first, last, buckets as u64));
        for row in view.shown().iter() {
            let facts = store.facts(row);
            let line = match facts.severity() {
                Severity::High => 0,
                Severity::Medium => 1,
                Severity::Low => 2,
                _ => 3,
            };
            self.totals[line] += 1;
            if let (Some(scale), Some(at)) = (&scale, facts.created()) {
                self.counts[line][scale.bucket(at)] += 1;
            }
        }
    }
}

/// Assigns times to buckets of equal length.
struct Scale {
    first: Timestamp,
    buckets: u64,
    /// The number of low-order bits to ignore, so that products fit into 64 bits. Dividing wider
    /// integers takes many times longer.
    ignored: u32,
    /// The length of the range, without the ignored bits.
    length: u64,
}

impl Scale {
    fn new(first: Timestamp, last: Timestamp, buckets: u64) -> Self {
        let length = last.ticks().abs_diff(first.ticks()).saturating_add(1);
        let ignored = (buckets.ilog2() + 1).saturating_sub(length.leading_zeros());
        Self { first, buckets, ignored, length: (length >> ignored) + u64::from(ignored > 0) }
    }

    /// Returns the bucket for a time within the range.
    fn bucket(&self, at: Timestamp) -> usize {
        let since = at.ticks().abs_diff(self.first.ticks()) >> self.ignored;
        (since * self.buckets / self.length) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use alertdeck_store::{Batch, FeedId};
    use proptest::prelude::*;

    #[test]
    fn the_totals_include_alerts_without_a_creation_time() {
        let alerts = [
            r#"{"id":"1","severity":"high","createdDateTime":"2026-11-20T12:00:00Z"}"#,
            r#"{"id":"2","severity":"high"}"#,
            r#"{"id":"3","severity":"low"}"#,
        ];
        let (mut store, mut view) = (Store::default(), View::default());
        let absorbed =
            store.absorb(FeedId::new(0), Batch::decode(&alerts.map(|alert| RawAlert(alert.into()))));
        view.touch(&store, &absorbed.touched());
        let mut histogram = Histogram::default();
        histogram.count(&store, &view, 10);
        assert_eq!(histogram.totals, [2, 0, 1, 0]);
        let sums = histogram.counts.map(|counts| counts.iter().sum::<u32>());
        assert_eq!(sums, [1, 0, 0, 0]);
    }

    /// The approximate tick range of the years 1 to 9999.
    const YEARS: std::ops::Range<i64> = -(1 << 59)..1 << 58;

    proptest! {
        #[test]
        fn every_time_in_the_range_has_a_bucket(
            ends in prop_oneof![(0i64..1_000, 0i64..1_000), (YEARS, YEARS)],
            part in 0.0..=1.0,
            buckets in 1u64..=120,
        ) {
            let [first, last] = [ends.0.min(ends.1), ends.0.max(ends.1)].map(i128::from);
            let scale = Scale::new(
                Timestamp::from_ticks(first as i64), Timestamp::from_ticks(last as i64), buckets);
            let at = first + ((last - first) as f64 * part) as i128;
            let at = at.clamp(first, last);
            let exact = (at - first) * i128::from(buckets) / (last - first + 1);
            let found = scale.bucket(Timestamp::from_ticks(at as i64));
            prop_assert!(found < buckets as usize);
            // In the widest ranges, a few low-order bits are ignored.
            prop_assert!((found as i128 - exact).abs() <= i128::from(scale.ignored > 0), "{found} {exact}");
        }
    }
}
