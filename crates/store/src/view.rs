//! The rows that match a filter, in a sort order, kept up to date in bounded slices of work.
//!
//! A view consists of a set of rows and an ordering of all rows. A new filter is evaluated in
//! slices and then takes effect all at once. Until then, the view keeps the rows that matched the
//! previous filter. If the evaluation takes several slices, it shows the rows found so far once they
//! fill a screen. Rows that arrive during the evaluation are tested at its end. Once no work is
//! left, the view equals the result of filtering and sorting all rows from scratch, plus any rows
//! that stay although they no longer match. This is true whatever the order of arrivals, updates,
//! filters and sorts.

use std::{any::Any, fmt::Debug};

use alertdeck_model::Timestamp;

use crate::{Row, RowSet, Sort, Store, order::Order, sorter::Sorter};

/// The maximum number of rows to sort in one go rather than in slices.
const FEW: usize = 2_048;

/// The number of rows that fill a screen: the rows found so far are shown once there are so many.
const SCREENFUL: usize = 64;

/// The number of slices after which the rows found so far are shown. Evaluations that take fewer
/// slices are over before anyone could read a preview.
const FIRST_PREVIEW: u32 = 2;

/// A filter that a view can evaluate.
pub trait Filter: Any + Debug + Send {
    /// Reuses the results of searches that a previous filter ran on the same store.
    fn reuse(&mut self, former: Box<dyn Any>);

    /// Restarts the evaluation.
    fn restart(&mut self);

    /// Continues to evaluate the filter on all rows in a store. Testing one row or searching 64
    /// bytes of text counts as one unit of work; the units used are subtracted from `work`. Once
    /// the evaluation is complete, returns the rows that matched when it started. Rows that have
    /// been added or changed since then must be tested with [`Filter::matches`].
    fn evaluate(&mut self, store: &Store, work: &mut usize) -> Option<RowSet>;

    /// Returns the rows known to match although the evaluation is still in progress, or `None` if
    /// rows may still turn out not to match.
    fn found_so_far(&self, store: &Store) -> Option<RowSet>;

    /// Returns whether a row matches.
    fn matches(&mut self, store: &Store, row: Row) -> bool;
}

/// The number of rows that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The exact number.
    Exact(usize),
    /// A filter is still being evaluated. The rows are those that it has found so far.
    AtLeast(usize),
    /// Not known yet, because a filter is still being evaluated. The rows are still those that
    /// matched the previous filter.
    Pending,
}

impl Count {
    /// Returns the number of rows found so far.
    pub fn found(self) -> usize {
        match self {
            Self::Exact(n) | Self::AtLeast(n) => n,
            Self::Pending => 0,
        }
    }
}

/// How the rows found by a filter are applied to the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evaluation {
    /// The filter is new: show exactly these rows.
    Replace,
    /// The filter is the same but is evaluated at a later time: rows that no longer match stay.
    Keep,
}

/// Whether a view shows the rows that an evaluation has found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Preview {
    /// No evaluation is in progress, or it keeps the rows that the view shows.
    #[default]
    None,
    /// Not yet. After `slices` slices of work, the rows found so far are looked at after `next`.
    Waiting { slices: u32, next: u32 },
    /// The view shows them.
    Shown,
}

/// The rows that match a filter, in a sort order.
#[derive(Debug, Default)]
pub struct View {
    filter: Option<Box<dyn Filter>>,
    evaluation: Option<Evaluation>,
    sorter: Option<Sorter>,
    sort: Sort,
    /// All rows by age, newest first, which is the default order.
    ages: Order,
    /// All rows in the displayed order, if it is not the default. While a sort is in progress, the
    /// previous order is still displayed.
    by_column: Option<Order>,
    /// The rows that match.
    matching: RowSet,
    /// Rows that used to match but no longer do. They keep their positions.
    stale: RowSet,
    /// The matching rows and the stale rows.
    shown: RowSet,
    /// Rows that arrived or changed during an evaluation.
    late: RowSet,
    preview: Preview,
    /// A row to show even if it does not match.
    kept: Option<Row>,
    revision: u64,
    content: u64,
}

impl View {
    /// Sets the filter; `None` matches everything.
    pub fn filter(&mut self, store: &Store, filter: Option<Box<dyn Filter>>) {
        self.replace(filter);
        self.kept = None;
        self.evaluate(store, Evaluation::Replace);
    }

    /// Replaces the filter with the same filter, evaluated at a later time. Rows keep their
    /// positions, and rows that no longer match become stale.
    pub fn retest(&mut self, store: &Store, filter: Option<Box<dyn Filter>>) {
        self.replace(filter);
        // If the filter is still being evaluated for the first time, rows that do not match are
        // dropped.
        self.evaluate(store, self.evaluation.unwrap_or(Evaluation::Keep));
    }

    fn replace(&mut self, filter: Option<Box<dyn Filter>>) {
        let former = std::mem::replace(&mut self.filter, filter);
        if let (Some(filter), Some(former)) = (&mut self.filter, former) {
            filter.reuse(former);
        }
    }

    fn evaluate(&mut self, store: &Store, evaluation: Evaluation) {
        self.evaluation = Some(evaluation);
        self.preview = match evaluation {
            Evaluation::Replace => Preview::Waiting { slices: 0, next: FIRST_PREVIEW },
            Evaluation::Keep => Preview::None,
        };
        self.late.clear();
        match &mut self.filter {
            Some(filter) => filter.restart(),
            None => self.evaluated(store, store.rows().clone()),
        }
    }

    /// Completes the evaluation in progress, if any, with rows that are already known to match the
    /// filter.
    pub fn set_rows(&mut self, store: &Store, rows: RowSet) {
        if self.evaluation.is_some() {
            self.evaluated(store, rows);
        }
    }

    /// Applies the rows that the filter has found.
    fn evaluated(&mut self, store: &Store, mut found: RowSet) {
        found.intersect(store.rows());
        let late = std::mem::take(&mut self.late);
        found.subtract(&late);
        match self.evaluation.take() {
            Some(Evaluation::Keep) => {
                self.stale = std::mem::take(&mut self.shown);
                self.stale.subtract(&found);
            }
            _ => self.stale.clear(),
        }
        self.preview = Preview::None;
        self.matching = found;
        self.shown = self.matching.clone();
        self.shown.union(&self.stale);
        for row in late.iter() {
            self.test(store, row);
        }
        self.show_kept(store);
    }

    /// Shows the rows that the evaluation has found so far, if they fill a screen.
    fn show_preview(&mut self, store: &Store) {
        let Some(found) = self.filter.as_ref().and_then(|filter| filter.found_so_far(store)) else {
            self.preview = Preview::None;
            return;
        };
        if found.len() < SCREENFUL {
            return;
        }
        self.preview = Preview::Shown;
        self.stale.clear();
        self.matching = found;
        self.matching.intersect(store.rows());
        self.matching.subtract(&self.late);
        self.shown = self.matching.clone();
        self.show_kept(store);
    }

    fn show_kept(&mut self, store: &Store) {
        if let Some(kept) = self.kept
            && store.rows().contains(kept)
            && self.shown.insert(kept)
        {
            self.stale.insert(kept);
        }
        self.count_lines();
        self.changed();
    }

    /// Tests one row and updates whether it is shown.
    fn test(&mut self, store: &Store, row: Row) {
        let is_visible = store.rows().contains(row);
        let matches = is_visible && self.filter.as_mut().is_none_or(|filter| filter.matches(store, row));
        let was_shown = is_visible && self.shown.contains(row);
        if matches {
            self.matching.insert(row);
            self.stale.remove(row);
            self.shown.insert(row);
        } else {
            self.matching.remove(row);
            if was_shown {
                self.stale.insert(row);
            } else {
                self.stale.remove(row);
                self.shown.remove(row);
            }
        }
    }

    /// Changes the sort order and drops stale rows.
    pub fn sort_by(&mut self, store: &Store, sort: Sort) {
        self.sort = sort;
        self.restart();
        self.start_sort(store);
    }

    fn start_sort(&mut self, store: &Store) {
        self.sorter = None;
        if self.sort == self.ages.sort {
            self.by_column = None;
            self.count_lines();
            return;
        }
        let rows: Vec<Row> = self.ages.rows().collect();
        let mut at_once = if rows.len() <= FEW { usize::MAX } else { 0 };
        let mut sorter = Sorter::new(self.sort, rows);
        match sorter.advance(store, &mut at_once) {
            Some(rows) => self.sorted(store, &sorter, &rows),
            None => self.sorter = Some(sorter),
        }
    }

    fn sorted(&mut self, store: &Store, sorter: &Sorter, rows: &[Row]) {
        let late: RowSet = self.ages.placed().iter_from(sorter.limit()).collect();
        let mut placed = self.ages.placed().clone();
        placed.subtract(&late);
        let mut order = Order::of_sorted(sorter.sort(), rows, placed);
        order.count(&self.shown);
        for row in late.iter() {
            order.insert(store, row, self.shown.contains(row));
        }
        order.split(&self.shown);
        self.by_column = Some(order);
        self.revision += 1;
    }

    /// Returns the rows in display order.
    fn order(&self) -> &Order {
        self.by_column.as_ref().unwrap_or(&self.ages)
    }

    /// Counts the shown rows in the displayed order. Chunks of the other order are not counted
    /// until that order is displayed.
    fn count_lines(&mut self) {
        self.by_column.as_mut().unwrap_or(&mut self.ages).count(&self.shown);
    }

    /// Drops stale rows.
    pub fn restart(&mut self) {
        self.kept = None;
        self.revision += 1;
        if !self.stale.is_empty() {
            self.shown.subtract(&self.stale);
            self.stale.clear();
            self.count_lines();
            self.changed();
        }
    }

    /// Starts over after rows in the store have been hidden, shown or retired.
    pub fn rebuild(&mut self, store: &Store) {
        let visible = store.rows();
        for rows in [&mut self.shown, &mut self.matching, &mut self.stale, &mut self.late] {
            rows.intersect(visible);
        }
        self.count_lines();
        self.evaluate(store, Evaluation::Replace);
        self.changed();
    }

    /// Keeps a row in the view until the next filter is set or stale rows are dropped. If the row
    /// does not match the filter, it is shown as stale. `None` keeps no row.
    pub fn keep(&mut self, store: &Store, row: Option<Row>) {
        self.kept = row;
        if let Some(row) = row
            && self.evaluation.is_none()
            && store.rows().contains(row)
            && self.shown.insert(row)
        {
            self.stale.insert(row);
            self.count_lines();
            self.changed();
        }
    }

    /// Returns the sort order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Does up to `work` units of work, measured in rows. Returns whether any work is left.
    pub fn advance(&mut self, store: &Store, mut work: usize) -> bool {
        if let Preview::Waiting { slices, next } = &mut self.preview
            && *slices >= *next
        {
            *next += next.div_ceil(2);
            self.show_preview(store);
            return true;
        }
        if self.evaluation.is_some()
            && let Some(filter) = &mut self.filter
        {
            match filter.evaluate(store, &mut work) {
                Some(found) => self.evaluated(store, found),
                None => {
                    if let Preview::Waiting { slices, .. } = &mut self.preview {
                        *slices += 1;
                    }
                }
            }
        }
        if work > 0
            && let Some(mut sorter) = self.sorter.take()
        {
            match sorter.advance(store, &mut work) {
                Some(rows) => self.sorted(store, &sorter, &rows),
                None => self.sorter = Some(sorter),
            }
        }
        self.has_work()
    }

    /// Returns whether there is work left.
    pub fn has_work(&self) -> bool {
        self.evaluation.is_some() || self.sorter.is_some()
    }

    /// Returns whether a filter is being evaluated, in which case the rows are those found so far or
    /// still those that matched the previous filter.
    pub fn is_scanning(&self) -> bool {
        self.evaluation.is_some()
    }

    /// Adds new rows and updates changed ones.
    pub fn touch(&mut self, store: &Store, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let touched: RowSet = rows.iter().copied().collect();
        // Changed rows are still sorted by their previous values, so remove them first.
        for order in [Some(&mut self.ages), self.by_column.as_mut()].into_iter().flatten() {
            order.remove(&touched, &self.shown);
        }
        for row in touched.iter() {
            // The other rows shown are those of the previous filter.
            if self.evaluation != Some(Evaluation::Replace) || self.preview == Preview::Shown {
                self.test(store, row);
            }
            for order in [Some(&mut self.ages), self.by_column.as_mut()].into_iter().flatten() {
                order.insert(store, row, self.shown.contains(row));
            }
        }
        for order in [Some(&mut self.ages), self.by_column.as_mut()].into_iter().flatten() {
            order.split(&self.shown);
        }
        if self.evaluation.is_some() {
            self.late.union(&touched);
        }
        // Values must not change while rows are being sorted by them, so start the sort again.
        if self.sorter.as_ref().is_some_and(|sorter| touched.iter().any(|row| sorter.contains(row))) {
            self.start_sort(store);
        }
        self.changed();
    }

    /// Returns the number of rows that match.
    pub fn count(&self) -> Count {
        match self.evaluation {
            Some(Evaluation::Replace) if self.preview == Preview::Shown => {
                Count::AtLeast(self.matching.len())
            }
            Some(Evaluation::Replace) => Count::Pending,
            Some(Evaluation::Keep) | None => Count::Exact(self.matching.len()),
        }
    }

    /// Returns the number of rows to show, both matching and stale.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Returns whether there are no rows to show.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Returns the row at the given line of the list.
    pub fn get(&self, line: usize) -> Option<Row> {
        self.order().get(line, &self.shown)
    }

    /// Lists the rows to show, in order, starting at the given line of the list.
    pub fn from(&self, line: usize) -> impl Iterator<Item = Row> {
        self.order().from(line, &self.shown)
    }

    /// Returns the rows to show.
    pub fn shown(&self) -> &RowSet {
        &self.shown
    }

    /// Returns the rows that match.
    pub fn matching(&self) -> &RowSet {
        &self.matching
    }

    /// Returns the creation times of the oldest and newest rows to show.
    pub fn created_range(&self, store: &Store) -> Option<(Timestamp, Timestamp)> {
        let created = |row: Row| {
            let facts = self.shown.contains(row).then(|| store.facts(row));
            facts.and_then(crate::Facts::created)
        };
        // Reading every row to show is faster than looking for the first and the last of a few.
        if self.shown.len() < self.ages.placed().len() / 16 {
            let mut times = self.shown.iter().filter_map(created);
            let first = times.next()?;
            return Some(times.fold((first, first), |(oldest, newest), at| (oldest.min(at), newest.max(at))));
        }
        let newest = self.ages.rows().find_map(created)?;
        Some((self.ages.rows().rev().find_map(created)?, newest))
    }

    /// Returns whether a row is shown although it no longer matches.
    pub fn is_stale(&self, row: Row) -> bool {
        self.stale.contains(row)
    }

    /// Returns the line of a row, if it is shown.
    pub fn position(&self, store: &Store, row: Row) -> Option<usize> {
        self.shown.contains(row).then(|| self.nearest(store, row))
    }

    /// Returns the line of a row, or the line that the row would have if it were shown.
    pub fn nearest(&self, store: &Store, row: Row) -> usize {
        self.order().line(store, row, &self.shown)
    }

    /// Returns a number that changes whenever the shown rows or their order may have changed.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns a number that changes whenever the set of shown rows may have changed, regardless of
    /// their order.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Records that the set of shown rows may have changed.
    fn changed(&mut self) {
        self.revision += 1;
        self.content += 1;
    }
}

#[cfg(test)]
mod tests;
