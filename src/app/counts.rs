//! What is counted over many rows for the panes, a slice at a time: alerts over time, alerts that are
//! similar to the one under the cursor, alerts with each value on screen, and the overview.
//!
//! Each count remembers the version of the store that it is of and knows nothing of the others. This
//! module only holds them together.

use alertdeck_store::Store;

use super::{histogram::Histogram, overlay::OverviewCounts, pivot::Tallies, similar::Similar};

/// The counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// The alerts over time.
    pub histogram: Histogram,
    /// The alerts that are similar to the one under the cursor.
    pub(super) similar: Similar,
    /// The alerts with each value on screen.
    pub(super) tallies: Tallies,
    /// The alerts in the list by day, age and value.
    pub(super) overview: OverviewCounts,
}

impl Counts {
    /// Returns whether rows are left to count.
    pub(super) fn has_work(&self) -> bool {
        self.tallies.has_work() || self.similar.has_work() || self.overview.has_work()
    }

    /// Counts up to `rows` rows for the values on screen. Returns whether there were any to count.
    pub(super) fn advance_tallies(&mut self, store: &Store, rows: usize) -> bool {
        let has_work = self.tallies.has_work();
        if has_work {
            self.tallies.advance(store, rows);
        }
        has_work
    }
}
