//! The history of list views.
//!
//! Filters, pivots and changes to the sort order add a step; cursor movements do not
//! (docs/console.md, "Going back").

use super::{App, Effect, Groups, ListColumn, Pane, detail::DetailPosition, list};
use alertdeck_store::{Column, Sort};

/// The maximum number of views in the history.
const MAX_ENTRIES: usize = 50;

/// A previous list view that the user can return to.
#[derive(Clone, Debug)]
pub(super) struct HistoryEntry {
    filter: String,
    /// Whether the filter had been requested from the service.
    requested: bool,
    sort: Sort,
    columns: Option<Vec<ListColumn>>,
    groups: Option<Column>,
    list: list::ListPosition,
    focus: Pane,
    detail: Option<DetailPosition>,
}

/// The previous views.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The views, newest last.
    entries: Vec<HistoryEntry>,
    /// The view from before the current filter edit.
    before_edit: Option<HistoryEntry>,
}

impl History {
    fn push(&mut self, entry: HistoryEntry) {
        if self.entries.len() == MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }
}

impl App {
    /// Adds the current view to the history.
    pub(super) fn remember_view(&mut self) {
        let entry = self.history_entry();
        self.history.push(entry);
    }

    /// Saves the current view before the filter is edited.
    pub(super) fn remember_before_edit(&mut self) {
        if self.filter.editor.is_none() {
            self.history.before_edit = Some(self.history_entry());
        }
    }

    /// Adds the view from before the edit to the history if the edit has changed the filter.
    pub(super) fn remember_edit(&mut self) {
        let before = self.history.before_edit.take();
        if self.filter.text().trim() != self.filter.committed
            && let Some(before) = before
        {
            self.history.push(before);
        }
    }

    fn history_entry(&self) -> HistoryEntry {
        let detail = self.current_detail();
        HistoryEntry {
            filter: self.filter.committed.clone(),
            requested: self.filter.is_requested(),
            sort: self.view.sort(),
            columns: self.list.columns.clone(),
            groups: self.groups.as_ref().map(Groups::by),
            list: self.list.position(self.lines()),
            focus: self.ui.focus,
            detail: detail.map(|at| DetailPosition { row: at.row, scroll: at.scroll, view: at.view() }),
        }
    }

    /// Returns the number of previous views.
    pub fn history_len(&self) -> usize {
        self.history.entries.len()
    }

    /// Returns to the previous view. Sends a request only if that view's filter had been requested
    /// and its list is no longer complete in memory.
    pub(super) fn go_back(&mut self, effects: &mut Vec<Effect>) {
        let Some(entry) = self.history.entries.pop() else {
            return self.notify("no previous view");
        };
        self.filter.set_committed(&entry.filter);
        self.apply_filter();
        if entry.requested && !self.filter.is_requested() {
            self.fetch_unless_covered(effects);
        }
        self.list.columns = entry.columns;
        if self.view.sort() != entry.sort {
            self.sort(entry.sort);
        }
        self.set_groups(entry.groups);
        // The alert under the cursor may have changed so that it no longer matches.
        self.view.keep(&self.store, entry.list.row());
        self.list.restore_position(entry.list);
        self.ui.focus = entry.focus;
        self.detail.restore_to = entry.detail;
        self.lay_out();
        let size = self.detail_size();
        if let (Some(position), Some(detail)) = (self.detail.restore_to, &mut self.detail.shown)
            && position.restore(detail, &self.detail.folds, size)
        {
            self.detail.restore_to = None;
        }
    }
}
