//! Marks: the alerts chosen for an action, one by one, by range, or all that match.
//!
//! A mark belongs to its alert and survives filters, sorting and updates. A marked alert that is
//! not in the list is hidden: it takes part in no action, and is counted (docs/console.md,
//! "Marks").

use std::{ops::RangeInclusive, time::Duration};

use rustc_hash::FxHashSet;

use super::{App, Phase, command::Motion};
use alertdeck_store::{Row, Store, View};

/// The interval between counts of visible marks while the list changes.
const COUNT_INTERVAL: Duration = Duration::from_millis(250);
/// The cost of looking up a row's position, in checks of whether a row is marked.
const LOOKUP_COST: usize = 64;

/// The alerts that are marked.
#[derive(Debug, Default)]
pub struct Marks {
    rows: FxHashSet<Row>,
    /// The number of marked alerts in the list.
    shown: usize,
    /// The revision of the view at that count.
    counted: Option<u64>,
    /// The time of the next count while the list changes, since the start.
    due: Duration,
    /// The start of the range being marked.
    anchor: Option<Row>,
}

impl Marks {
    /// Returns whether an alert is marked.
    pub fn contains(&self, row: Row) -> bool {
        self.rows.contains(&row)
    }

    /// Returns the number of marked alerts.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether no alert is marked.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of marked alerts that are not in the list.
    pub fn hidden(&self) -> usize {
        self.rows.len().saturating_sub(self.shown)
    }

    /// Returns the number of marked alerts in the current list, to which an action would apply.
    pub fn shown(&self) -> usize {
        self.rows.len() - self.hidden()
    }

    /// Marks or unmarks a row of the list.
    fn toggle(&mut self, row: Row) {
        if self.rows.remove(&row) {
            self.shown = self.shown.saturating_sub(1);
        } else {
            self.rows.insert(row);
            self.shown += 1;
        }
    }

    /// Counts the marks in the list if it has changed; while it keeps changing, a few times per
    /// second.
    fn count(&mut self, store: &Store, view: &View, busy: bool, mono: Duration) {
        if self.counted == Some(view.revision()) || self.counted.is_some() && busy && mono < self.due {
            return;
        }
        self.counted = Some(view.revision());
        self.due = mono + COUNT_INTERVAL;
        let rows = view.rows();
        self.shown = if self.rows.len() < rows.len() / LOOKUP_COST {
            self.rows.iter().filter(|row| view.position(store, **row).is_some()).count()
        } else if self.rows.is_empty() {
            0
        } else {
            rows.iter().filter(|row| self.rows.contains(row)).count()
        };
    }
}

impl App {
    /// Returns the marked alerts in the list, in its order: those of an action.
    pub fn marked(&self) -> Vec<Row> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        self.view.rows().iter().copied().filter(|row| self.marks.contains(*row)).collect()
    }

    /// Returns the first and last index of the range being marked.
    pub fn range(&self) -> Option<RangeInclusive<usize>> {
        let from = self.view.position(&self.store, self.marks.anchor?)?;
        let to = self.list.scroll.cursor;
        Some(from.min(to)..=from.max(to))
    }

    /// Marks the range if there is one. Otherwise marks or unmarks the alert under the cursor and
    /// goes to the next.
    pub(super) fn mark(&mut self) {
        if let Some(range) = self.range() {
            self.marks.anchor = None;
            self.marks.rows.extend(&self.view.rows()[range]);
            return self.marks_changed();
        }
        let Some(row) = self.selected_or_notify() else { return };
        self.marks.toggle(row);
        let height = self.list_height();
        self.list.go(&self.view, Motion::Down, height);
    }

    /// Starts a range at the cursor, or cancels it.
    pub(super) fn begin_range(&mut self) {
        if self.cancel_range() {
            return;
        }
        self.marks.anchor = self.selected();
        if self.marks.anchor.is_none() {
            self.notify("no alert selected");
        }
    }

    /// Cancels the range. Returns whether there was one.
    pub(super) fn cancel_range(&mut self) -> bool {
        self.marks.anchor.take().is_some()
    }

    /// Marks every alert that matches.
    pub(super) fn mark_matching(&mut self) {
        let (view, marks) = (&self.view, &mut self.marks.rows);
        marks.extend(view.rows().iter().filter(|row| !view.is_stale(**row)));
        self.marks_changed();
    }

    /// Inverts the marks of all matching alerts.
    pub(super) fn invert_marks(&mut self) {
        for row in self.view.rows().iter().filter(|row| !self.view.is_stale(**row)) {
            if !self.marks.rows.remove(row) {
                self.marks.rows.insert(*row);
            }
        }
        self.marks_changed();
    }

    /// Clears all marks, including hidden ones.
    pub(super) fn clear_marks(&mut self) {
        let count = self.marks.len();
        self.marks = Marks::default();
        self.notify(match count {
            0 => "no marks to clear".to_owned(),
            1 => "1 mark cleared".to_owned(),
            _ => format!("{} marks cleared", super::thousands(count)),
        });
    }

    fn marks_changed(&mut self) {
        self.marks.counted = None;
        if self.view.is_scanning() {
            self.notify("marked the matches so far; the filter is still running");
        }
    }

    /// Updates the counts of marks after a change of the list.
    pub(super) fn update_mark_counts(&mut self) {
        let busy = self.view.is_scanning() || self.load.phase == Phase::Loading;
        self.marks.count(&self.store, &self.view, busy, self.clock.now.mono);
    }
}
