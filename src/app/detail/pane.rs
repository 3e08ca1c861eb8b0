//! The detail pane's state, and the commands with their implementation.

use super::{Detail, DetailView, Folds, Scroll};
use crate::app::{
    App, Key,
    command::{Context, Hint, hint, run},
    filter::Editor,
    format::thousands,
    message::Body,
};
use alertdeck_store::{Row, StoredAlert};

/// The maximum length of the search text in characters.
const MAX_FIND_CHARS: usize = 1_000;

/// The commands of the detail pane.
pub(in crate::app) static CONTEXT: Context = Context {
    name: "detail",
    heading: "Detail",
    commands: &[
        run("detail.find", "find text in the alert", |app, _| {
            if let Some(detail) = &mut app.detail.shown {
                detail.begin_find(&app.detail.folds);
            }
        }),
        run("detail.next-hit", "next match", |app, _| app.next_hit(true)),
        run("detail.previous-hit", "previous match", |app, _| app.next_hit(false)),
        run("detail.values", "all values on this line", |app, _| app.open_line()),
        run("detail.unfold", "unfold", |app, _| app.fold(false)),
        run("detail.fold", "fold, or go to the parent", |app, _| app.fold(true)),
        run("detail.unfold-all", "unfold the tree", |app, _| app.fold_tree(false)),
        run("detail.fold-all", "fold the tree", |app, _| app.fold_tree(true)),
        run("detail.next-suspicious", "next suspicious or malicious item", |app, _| {
            app.next_suspicious(true);
        }),
        run("detail.previous-suspicious", "previous suspicious or malicious item", |app, _| {
            app.next_suspicious(false);
        }),
        run("detail.timeline", "the alert's timeline", |app, _| app.switch_view(DetailView::Timeline)),
        run("detail.json", "the alert's JSON", |app, _| app.switch_view(DetailView::Json)),
    ],
};

/// The commands of the search field.
pub(in crate::app) static FIND: Context = Context {
    name: "find",
    heading: "Find in an alert",
    commands: &[
        run("find.accept", "stay here (n, N: next, previous match)", |app, _| app.end_find(true)),
        run("find.cancel", "cancel", |app, _| app.end_find(false)),
        run("find.next", "next match", |app, _| app.go_to_typed_hit(true)),
        run("find.previous", "previous match", |app, _| app.go_to_typed_hit(false)),
    ],
};

/// The state of the detail pane.
#[derive(Debug, Default)]
pub struct DetailPane {
    /// The displayed alert, once a worker has read it.
    pub shown: Option<Detail>,
    /// The lines that the user has folded or unfolded, in any alert.
    pub(in crate::app) folds: Folds,
    /// The position to restore once a worker has read the alert.
    pub(in crate::app) restore_to: Option<DetailPosition>,
}

/// Returns the key bar hints. The last hint shows the help key or, during a search, the key that
/// ends the search.
pub(in crate::app) fn hints(app: &App) -> Vec<Hint> {
    let detail = app.current_detail();
    let view = detail.map(Detail::view);
    let is_finding = detail.is_some_and(|detail| detail.find.is_some());
    let folds = detail.and_then(Detail::line).is_some_and(|line| line.fold.is_some());
    // For an alert that cannot be decoded, only its text is shown, which has no values or folds.
    let is_text =
        detail.is_some_and(|detail| detail.view() == DetailView::Json || detail.body.alert.is_err());
    let moving = hint(&["move.down", "move.up"], "move");
    let hits = hint(&["detail.next-hit", "detail.previous-hit"], "next, previous");
    let find = hint(&["detail.find"], "find");
    let copy = hint(&["alert.copy"], "copy");
    let alerts = hint(&["panes.next-alert", "panes.previous-alert"], "alert");
    let times = hint(&["panes.time-format"], "time format");
    let fold = hint(&["detail.fold", "detail.unfold"], "fold");
    let evidence = hint(&["detail.values"], "show item");
    let list = hint(&["app.back"], "list");
    let keys = hint(&["open.help"], "keys");
    let end = hint(&["app.back"], "end search");
    if app.find_editor().is_some() {
        return vec![
            hint(&["find.accept"], "done"),
            hint(&["find.next", "find.previous"], "next, previous"),
            hint(&["find.cancel"], "cancel"),
        ];
    }
    if is_finding {
        return match view {
            _ if is_text => vec![hits, find, copy, end],
            Some(DetailView::Timeline) => vec![hits, find, evidence, times, end],
            _ => vec![
                hits,
                find,
                hint(&["detail.values"], "values"),
                hint(&["alert.include"], "include"),
                copy,
                end,
            ],
        };
    }
    match view {
        Some(DetailView::Json) => {
            vec![moving, find, hint(&["detail.json"], "back"), copy, alerts, list, keys]
        }
        _ if is_text => vec![moving, find, copy, alerts, list, keys],
        Some(DetailView::Timeline) if folds => {
            vec![moving, fold, hint(&["detail.timeline"], "back"), find, times, keys]
        }
        Some(DetailView::Timeline) => {
            vec![moving, evidence, hint(&["detail.timeline"], "back"), find, times, keys]
        }
        _ => vec![
            moving,
            hint(&["detail.values"], "values"),
            fold,
            hint(&["detail.next-suspicious"], "flagged"),
            find,
            hint(&["alert.include"], "include"),
            hint(&["alert.pivot"], "pivot"),
            hint(&["detail.timeline"], "timeline"),
            copy,
            list,
            hint(&["detail.json"], "JSON"),
            alerts,
            keys,
        ],
    }
}

/// A position in an alert's detail view.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct DetailPosition {
    pub(in crate::app) row: Row,
    pub(in crate::app) scroll: Scroll,
    pub(in crate::app) view: DetailView,
}

impl DetailPosition {
    /// Restores the position in a window of the given size (columns, rows) if the detail pane shows
    /// this alert. Returns whether it does.
    pub(in crate::app) fn restore(self, detail: &mut Detail, folds: &Folds, size: (usize, usize)) -> bool {
        if self.row == detail.row {
            detail.show(self.view, folds, size);
            detail.scroll = self.scroll;
            detail.scroll.show(detail.lines().len(), size.1);
        }
        self.row == detail.row
    }
}

impl App {
    fn fold_tree(&mut self, fold: bool) {
        let (_, height) = self.detail_size();
        if let Some(detail) = &mut self.detail.shown {
            detail.fold_tree(fold, &mut self.detail.folds, height);
        }
    }

    fn next_hit(&mut self, forward: bool) {
        let (_, height) = self.detail_size();
        let Some(detail) = self.detail.shown.as_mut().filter(|detail| detail.find.is_some()) else {
            let key = self.ui.keymap.key("detail.find");
            return self.notify(format!("no active search (press {key})"));
        };
        if !detail.go_to_hit(forward, &mut self.detail.folds, height) {
            self.notify("not found in this alert");
        }
    }

    fn next_suspicious(&mut self, forward: bool) {
        let (_, height) = self.detail_size();
        let Some(detail) = &mut self.detail.shown else { return };
        match detail.go_to_suspicious(forward, &mut self.detail.folds, height) {
            Some((nth, count)) => self.notify(format!("flagged item {nth} of {count}")),
            None if forward => self.notify("no more flagged items below"),
            None => self.notify("no more flagged items above"),
        }
    }

    /// Opens the values of the line under the cursor. On a timeline entry, goes to the entry's node
    /// in the evidence tree instead.
    fn open_line(&mut self) {
        let size = self.detail_size();
        let Some(detail) = &mut self.detail.shown else { return };
        let item = detail.line().and_then(|line| detail.node(line)).map(|(id, _)| id);
        match item.filter(|_| detail.view() == DetailView::Timeline) {
            Some(id) => {
                detail.show(DetailView::Alert, &self.detail.folds, size);
                detail.go_to_node(id, &mut self.detail.folds, size.1);
            }
            None => self.show_values(),
        }
    }

    /// Switches to a view, or back to the main view if that view is already shown.
    pub(in crate::app) fn switch_view(&mut self, view: DetailView) {
        let size = self.detail_size();
        if let Some(detail) = &mut self.detail.shown {
            let view = if detail.view() == view { DetailView::Alert } else { view };
            detail.show(view, &self.detail.folds, size);
        }
    }

    /// Folds or unfolds the line under the cursor. If there is nothing to fold, goes to the parent
    /// line.
    pub(in crate::app) fn fold(&mut self, fold: bool) {
        let (width, height) = self.detail_size();
        let Some(detail) = &mut self.detail.shown else { return };
        match detail.line().and_then(|line| line.fold) {
            Some((key, folded)) if folded != fold => {
                self.detail.folds.insert(key, fold);
                detail.lay_out(&self.detail.folds, width);
                detail.scroll.show(detail.lines().len(), height);
            }
            _ if fold => detail.go_to_parent(height),
            _ => {}
        }
    }

    /// Shows an alert that a worker has read.
    pub(in crate::app) fn show_detail(&mut self, row: Row, stored: StoredAlert, body: Body) {
        let (width, height) = self.detail_size();
        let mut detail = Detail::new(row, stored, body);
        if let Some(former) = self.detail.shown.take() {
            detail.inherit_view(former);
        }
        detail.lay_out(&self.detail.folds, width);
        detail.scroll.show(detail.lines().len(), height);
        if let Some(position) = self.detail.restore_to.take() {
            position.restore(&mut detail, &self.detail.folds, (width, height));
        }
        self.detail.shown = Some(detail);
    }

    /// Returns the search field, while it is open.
    pub fn find_editor(&self) -> Option<&Editor> {
        self.detail
            .shown
            .as_ref()
            .and_then(|detail| detail.find.as_ref())
            .and_then(|find| find.editor.as_ref())
    }

    /// Handles a key in the search field.
    pub(in crate::app) fn find_key(&mut self, key: Key) {
        self.edit_find(|editor| editor.edit(key));
    }

    fn end_find(&mut self, keep: bool) {
        let (_, height) = self.detail_size();
        if let Some(detail) = &mut self.detail.shown {
            detail.end_find(keep, &mut self.detail.folds, height);
        }
    }

    fn go_to_typed_hit(&mut self, forward: bool) {
        let (_, height) = self.detail_size();
        if let Some(detail) = &mut self.detail.shown {
            detail.go_to_hit(forward, &mut self.detail.folds, height);
        }
    }

    /// Pastes text into the search field as a single line.
    pub(in crate::app) fn find_paste(&mut self, text: &str) {
        let line = text.split(['\r', '\n']).map(str::trim).collect::<Vec<_>>().join(" ");
        self.edit_find(|editor| {
            editor.insert(line.trim());
            true
        });
    }

    fn edit_find(&mut self, edit: impl FnOnce(&mut Editor) -> bool) {
        let (_, height) = self.detail_size();
        let Some(detail) = &mut self.detail.shown else { return };
        let Some(editor) = detail.find.as_mut().and_then(|find| find.editor.as_mut()) else { return };
        if edit(editor) {
            let is_truncated = editor.truncate(MAX_FIND_CHARS);
            detail.search_typed(&mut self.detail.folds, height);
            if is_truncated {
                self.notify_error(format!("search text cut to {} characters", thousands(MAX_FIND_CHARS)));
            }
        }
    }

    /// Ends the search. Returns whether there was one.
    pub(in crate::app) fn close_find(&mut self) -> bool {
        self.detail.shown.as_mut().and_then(|detail| detail.find.take()).is_some()
    }

    /// Closes the search field and keeps the search active.
    pub(in crate::app) fn accept_find(&mut self) {
        let (_, height) = self.detail_size();
        if self.find_editor().is_some()
            && let Some(detail) = &mut self.detail.shown
        {
            detail.end_find(true, &mut self.detail.folds, height);
        }
    }
}
