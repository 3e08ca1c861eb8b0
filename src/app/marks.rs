//! Marks: the alerts that an action means, chosen one by one, by range, or all that are shown.
//!
//! A mark belongs to its alert and survives filters, orders and updates. One whose alert is not in
//! the list takes no part in actions and is counted (UX.md D 7 and 8).

use std::{ops::RangeInclusive, time::Duration};

use rustc_hash::FxHashSet;

use super::{App, Phase, command::Motion};
use alertdeck_store::{Row, Store, View};

/// How often the marks that are shown are counted while the list changes.
const COUNT_EVERY: Duration = Duration::from_millis(250);
/// To look a row's place up costs about as much as to ask this many rows whether they are marked.
const LOOK_UP: usize = 64;

/// The alerts that are marked.
#[derive(Debug, Default)]
pub struct Marks {
    rows: FxHashSet<Row>,
    /// How many of them are in the list.
    shown: usize,
    /// The state of the list that they were counted in.
    counted: Option<u64>,
    /// When they are counted again while the list changes.
    due: Duration,
    /// Where the range begins that is being marked.
    anchor: Option<Row>,
}

impl Marks {
    /// Tells whether an alert is marked.
    pub fn contains(&self, row: Row) -> bool {
        self.rows.contains(&row)
    }

    /// Returns how many alerts are marked.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether none is.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns how many marked alerts are not in the list.
    pub fn hidden(&self) -> usize {
        self.rows.len().saturating_sub(self.shown)
    }

    /// Returns how many marked alerts are in the list: those that an action means.
    pub fn shown(&self) -> usize {
        self.rows.len() - self.hidden()
    }

    /// Takes a mark away or sets it; the row is in the list.
    fn toggle(&mut self, row: Row) {
        if self.rows.remove(&row) {
            self.shown = self.shown.saturating_sub(1);
        } else {
            self.rows.insert(row);
            self.shown += 1;
        }
    }

    /// Counts the marks in the list again, if it has changed; while it goes on changing, a few
    /// times a second.
    fn count(&mut self, store: &Store, view: &View, busy: bool, mono: Duration) {
        if self.counted == Some(view.revision()) || self.counted.is_some() && busy && mono < self.due {
            return;
        }
        self.counted = Some(view.revision());
        self.due = mono + COUNT_EVERY;
        let rows = view.rows();
        self.shown = if self.rows.len() < rows.len() / LOOK_UP {
            self.rows.iter().filter(|row| view.position(store, **row).is_some()).count()
        } else if self.rows.is_empty() {
            0
        } else {
            rows.iter().filter(|row| self.rows.contains(row)).count()
        };
    }
}

impl App {
    /// Lists the marked alerts that are in the list, in its order: those that an action means.
    pub fn marked(&self) -> Vec<Row> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        self.view.rows().iter().copied().filter(|row| self.marks.contains(*row)).collect()
    }

    /// Returns the places of the range that is being marked, from the first to the last.
    pub fn range(&self) -> Option<RangeInclusive<usize>> {
        let from = self.view.position(&self.store, self.marks.anchor?)?;
        let to = self.list.scroll.cursor;
        Some(from.min(to)..=from.max(to))
    }

    /// Marks the alert under the cursor, or takes its mark away, and goes to the next one. Where a
    /// range is being marked, marks that.
    pub(super) fn mark(&mut self) {
        if let Some(range) = self.range() {
            self.marks.anchor = None;
            self.marks.rows.extend(&self.view.rows()[range]);
            return self.marks_have_changed();
        }
        let Some(row) = self.selected_or_notify() else { return };
        self.marks.toggle(row);
        let height = self.list_height();
        self.list.go(&self.view, Motion::Down, height);
    }

    /// Begins a range at the cursor, or leaves the one that was begun.
    pub(super) fn begin_range(&mut self) {
        if self.leave_range() {
            return;
        }
        self.marks.anchor = self.selected();
        if self.marks.anchor.is_none() {
            self.notify("no alert is selected");
        }
    }

    /// Leaves the range that is being marked; tells whether there was one.
    pub(super) fn leave_range(&mut self) -> bool {
        self.marks.anchor.take().is_some()
    }

    /// Marks every alert that matches.
    pub(super) fn mark_shown(&mut self) {
        let (view, marks) = (&self.view, &mut self.marks.rows);
        marks.extend(view.rows().iter().filter(|row| !view.is_stale(**row)));
        self.marks_have_changed();
    }

    /// Takes the marks of alerts that match away, and marks the others that do.
    pub(super) fn invert_marks(&mut self) {
        for row in self.view.rows().iter().filter(|row| !self.view.is_stale(**row)) {
            if !self.marks.rows.remove(row) {
                self.marks.rows.insert(*row);
            }
        }
        self.marks_have_changed();
    }

    /// Takes every mark away, those of hidden alerts too.
    pub(super) fn clear_marks(&mut self) {
        let count = self.marks.len();
        self.marks = Marks::default();
        self.notify(match count {
            0 => "nothing is marked".to_owned(),
            1 => "1 mark cleared".to_owned(),
            _ => format!("{} marks cleared", super::thousands(count)),
        });
    }

    fn marks_have_changed(&mut self) {
        self.marks.counted = None;
        if self.view.is_scanning() {
            self.notify("marked what was found so far: the filter is still at work");
        }
    }

    /// Brings what is known of the marks up to date with the list.
    pub(super) fn settle_marks(&mut self) {
        let busy = self.view.is_scanning() || self.load.phase == Phase::Loading;
        self.marks.count(&self.store, &self.view, busy, self.clock.now.mono);
    }
}
