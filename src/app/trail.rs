//! The way back: where the user was before a key led to other alerts.

use super::{App, Detail, DetailView, Effect, Folds, Pane, Scroll, list};
use alertdeck_store::{Row, Sort};

/// How many places are remembered.
const LONGEST: usize = 50;

/// A place to come back to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    filter: String,
    /// Whether the filter was the question to the service.
    asked: bool,
    sort: Sort,
    list: list::Place,
    focus: Pane,
    detail: Option<Reading>,
}

/// Where the user was in an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    row: Row,
    scroll: Scroll,
    view: DetailView,
}

impl Reading {
    /// Puts the reader back, in a window of columns and rows, if it is this alert that is shown;
    /// tells whether it is.
    pub(super) fn put_back(self, detail: &mut Detail, folds: &Folds, size: (usize, usize)) -> bool {
        if self.row == detail.row {
            detail.show(self.view, folds, size);
            detail.scroll = self.scroll;
            detail.scroll.show(detail.lines().len(), size.1);
        }
        self.row == detail.row
    }
}

impl App {
    /// Remembers where the user is.
    pub(super) fn remember_place(&mut self) {
        let detail = self.current_detail();
        let place = Place {
            filter: self.filter.committed.clone(),
            asked: self.filter.is_asked(),
            sort: self.view.sort(),
            list: self.list.place(&self.view),
            focus: self.focus,
            detail: detail.map(|at| Reading { row: at.row, scroll: at.scroll, view: at.view() }),
        };
        if self.trail.len() == LONGEST {
            self.trail.remove(0);
        }
        self.trail.push(place);
    }

    /// Returns how many places there are to go back to.
    pub fn trail_depth(&self) -> usize {
        self.trail.len()
    }

    /// Goes back to where the user was. The service is asked only for a list that it was asked for
    /// then and that is no longer held.
    pub(super) fn go_back(&mut self, effects: &mut Vec<Effect>) {
        let Some(place) = self.trail.pop() else {
            return self.notify("nowhere to go back to");
        };
        self.filter.put_back(&place.filter);
        self.apply_filter();
        if place.asked && !self.filter.is_asked() {
            self.fetch_unless_covered(effects);
        }
        if self.view.sort() != place.sort {
            self.sort(place.sort);
        }
        // The alert under the cursor may have changed meanwhile.
        self.view.keep(place.list.row());
        self.list.go_to_place(place.list);
        self.focus = place.focus;
        self.returning = place.detail;
        self.lay_out();
        let size = self.detail_size();
        if let (Some(reading), Some(detail)) = (self.returning, &mut self.detail)
            && reading.put_back(detail, &self.folds, size)
        {
            self.returning = None;
        }
    }
}
