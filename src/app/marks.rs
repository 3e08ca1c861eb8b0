//! Marks: alerts selected for an action, one by one, as a range, or all matches at once.
//!
//! A mark belongs to its alert and survives filtering, sorting and updates. A marked alert that is
//! not in the list is hidden: actions do not apply to it, but the number of hidden marks is shown
//! (docs/console.md, "Marks").

use std::ops::RangeInclusive;

use super::{App, command::Motion, groups::Lines};
use alertdeck_store::{Row, RowSet};

/// The marked alerts.
#[derive(Debug, Default)]
pub struct Marks {
    rows: RowSet,
    /// The start of the range being marked.
    anchor: Option<Row>,
}

impl Marks {
    /// Returns whether an alert is marked.
    pub fn contains(&self, row: Row) -> bool {
        self.rows.contains(row)
    }

    /// Returns the marked alerts.
    pub fn rows(&self) -> &RowSet {
        &self.rows
    }

    /// Returns the number of marked alerts.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Removes the marks from all alerts except these.
    pub(super) fn keep_only(&mut self, rows: &RowSet) {
        self.rows.intersect(rows);
        self.anchor.take_if(|row| !rows.contains(*row));
    }

    /// Marks these alerts.
    pub(super) fn mark(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// Removes the mark from an alert. Returns whether it was marked.
    pub(super) fn unmark(&mut self, row: Row) -> bool {
        self.rows.remove(row)
    }

    /// Returns whether no alert is marked.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl App {
    /// Returns the number of marked alerts in the list, to which an action would apply.
    pub fn marks_shown(&self) -> usize {
        self.marks.rows.common(self.view.shown())
    }

    /// Returns the number of marked alerts that are not in the list.
    pub fn marks_hidden(&self) -> usize {
        self.marks.len() - self.marks_shown()
    }

    /// Returns the marked alerts in the list, in list order. Actions apply to these.
    pub fn marked(&self) -> Vec<Row> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        self.view.from(0).filter(|row| self.marks.contains(*row)).collect()
    }

    /// Returns the first and last row index of the range being marked, if any.
    pub fn range(&self) -> Option<RangeInclusive<usize>> {
        let anchor = self.marks.anchor.filter(|row| self.view.shown().contains(*row))?;
        let from = self.lines().nearest(&self.store, anchor);
        let to = self.list.scroll.cursor;
        Some(from.min(to)..=from.max(to))
    }

    /// Marks the range if there is one. Otherwise, marks or unmarks the alert under the cursor and
    /// moves the cursor to the next alert.
    pub(super) fn mark(&mut self) {
        if let Some(range) = self.range() {
            self.marks.anchor = None;
            let lines = Lines::new(&self.view, self.groups.as_ref());
            self.marks.rows.extend(range.flat_map(|line| lines.rows_at(line)));
            return;
        }
        if self.selected_or_notify().is_none() {
            return;
        }
        // A folded group is marked as a whole.
        let rows = self.rows_at_cursor();
        if rows.iter().all(|row| self.marks.contains(*row)) {
            for row in rows {
                self.marks.rows.remove(row);
            }
        } else {
            self.marks.rows.extend(rows);
        }
        let height = self.list_height();
        self.list.go(Lines::new(&self.view, self.groups.as_ref()), Motion::Down, height);
    }

    /// Starts a range at the cursor, or cancels the range being marked.
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

    /// Marks every matching alert.
    pub(super) fn mark_matching(&mut self) {
        if self.knows_matching() {
            self.marks.rows.union(self.view.matching());
        }
    }

    /// Inverts the marks on all matching alerts.
    pub(super) fn invert_marks(&mut self) {
        if !self.knows_matching() {
            return;
        }
        let mut inverted = self.view.matching().clone();
        inverted.subtract(&self.marks.rows);
        self.marks.rows.subtract(self.view.matching());
        self.marks.rows.union(&inverted);
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

    /// Returns whether the set of matching alerts is known. Notifies the user if it is not.
    pub(super) fn knows_matching(&mut self) -> bool {
        let is_known = !self.view.is_scanning();
        if !is_known {
            self.notify("the filter is still running; try again in a moment");
        }
        is_known
    }
}
