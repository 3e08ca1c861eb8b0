//! The history of views: what the list showed before, to go back to.
//!
//! Filters, pivots and sort orders are steps; moving the cursor is not.

use super::{App, Detail, DetailView, Effect, Folds, Pane, Scroll, list};
use alertdeck_store::{Row, Sort};

/// How many places are remembered.
const MOST: usize = 50;

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

/// What the list showed before.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The places, newest last.
    places: Vec<Place>,
    /// The place before the filter in the bar was edited.
    before_edit: Option<Place>,
}

impl History {
    fn push(&mut self, place: Place) {
        if self.places.len() == MOST {
            self.places.remove(0);
        }
        self.places.push(place);
    }
}

impl App {
    /// Remembers what the list shows.
    pub(super) fn remember_place(&mut self) {
        let place = self.place();
        self.history.push(place);
    }

    /// Remembers what the list shows before the filter is edited.
    pub(super) fn remember_before_edit(&mut self) {
        if self.filter.editor.is_none() {
            self.history.before_edit = Some(self.place());
        }
    }

    /// Makes what the list showed before the edit a step of the history, if the edit changes the
    /// filter.
    pub(super) fn remember_edit(&mut self) {
        let before = self.history.before_edit.take();
        if self.filter.text().trim() != self.filter.committed
            && let Some(before) = before
        {
            self.history.push(before);
        }
    }

    fn place(&self) -> Place {
        let detail = self.current_detail();
        Place {
            filter: self.filter.committed.clone(),
            asked: self.filter.is_asked(),
            sort: self.view.sort(),
            list: self.list.place(&self.view),
            focus: self.ui.focus,
            detail: detail.map(|at| Reading { row: at.row, scroll: at.scroll, view: at.view() }),
        }
    }

    /// Returns how many places there are to go back to.
    pub fn history_len(&self) -> usize {
        self.history.places.len()
    }

    /// Goes back to where the user was. The service is asked only for a list that it was asked for
    /// then and that is no longer held.
    pub(super) fn go_back(&mut self, effects: &mut Vec<Effect>) {
        let Some(place) = self.history.places.pop() else {
            return self.notify("no previous view");
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
        self.ui.focus = place.focus;
        self.detail.returning = place.detail;
        self.lay_out();
        let size = self.detail_size();
        if let (Some(reading), Some(detail)) = (self.detail.returning, &mut self.detail.shown)
            && reading.put_back(detail, &self.detail.folds, size)
        {
            self.detail.returning = None;
        }
    }
}
