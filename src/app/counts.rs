//! The counts over many rows that are shown in panes and overlays: alerts over time, alerts similar
//! to the one under the cursor, alerts with each value on screen, the overview, and saved views.
//!
//! Each count remembers the store version that it was computed from and knows nothing about the
//! other counts. This module only groups them.

use alertdeck_store::Store;

use super::{
    histogram::Histogram, overlay::OverviewCounts, pivot::Tallies, similar::Similar, tabs::ViewCounts,
};

/// The counts shown in panes and overlays.
#[derive(Debug, Default)]
pub struct Counts {
    /// The number of alerts over time.
    pub histogram: Histogram,
    /// The alerts that are similar to the one under the cursor.
    pub(super) similar: Similar,
    /// The number of alerts with each value on screen.
    pub(super) tallies: Tallies,
    /// The number of alerts in the list by day, age and value.
    pub(super) overview: Box<OverviewCounts>,
    /// The number of loaded alerts in each saved view.
    pub(super) views: Box<ViewCounts>,
}

impl Counts {
    /// Returns whether any count other than the histogram still has rows to count.
    pub(super) fn has_work(&self) -> bool {
        self.tallies.has_work()
            || self.similar.has_work()
            || self.overview.has_work()
            || self.views.has_work()
    }

    /// Counts up to `rows` rows for the values on screen. Returns whether there were any rows to
    /// count.
    pub(super) fn advance_tallies(&mut self, store: &Store, rows: usize) -> bool {
        let has_work = self.tallies.has_work();
        if has_work {
            self.tallies.advance(store, rows);
        }
        has_work
    }
}
