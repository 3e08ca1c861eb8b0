//! The detail pane: which alert it shows, its commands, and how it answers them.

use super::{Detail, DetailView, Folds};
use crate::app::{
    App, Key,
    command::{Context, Hint, hint, run},
    filter::Editor,
    format::thousands,
    history,
    message::Body,
};
use alertdeck_store::Row;

/// The longest text to search for, in characters.
const LONGEST: usize = 1_000;

/// The commands of the pane.
pub(in crate::app) static CONTEXT: Context = Context {
    name: "detail",
    heading: "Detail",
    commands: &[
        run("detail.find", "find a text in the alert", |app, _| {
            if let Some(detail) = &mut app.detail.shown {
                detail.begin_find(&app.detail.folds);
            }
        }),
        run("detail.next-hit", "next match", |app, _| app.next_hit(true)),
        run("detail.previous-hit", "previous match", |app, _| app.next_hit(false)),
        run("detail.values", "all values of the line", |app, _| app.open_line()),
        run("detail.unfold", "unfold", |app, _| app.fold(false)),
        run("detail.fold", "fold, or go to the parent", |app, _| app.fold(true)),
        run("detail.unfold-all", "unfold the whole tree", |app, _| app.fold_tree(false)),
        run("detail.fold-all", "fold the whole tree", |app, _| app.fold_tree(true)),
        run("detail.next-suspicious", "next suspicious or malicious item", |app, _| {
            app.next_suspicious(true);
        }),
        run("detail.previous-suspicious", "previous suspicious or malicious item", |app, _| {
            app.next_suspicious(false);
        }),
        run("detail.timeline", "timeline of the alert", |app, _| app.switch_view(DetailView::Timeline)),
        run("detail.json", "the alert's JSON", |app, _| app.switch_view(DetailView::Json)),
    ],
};

/// The commands of the field that a search text is typed into.
pub(in crate::app) static FIND: Context = Context {
    name: "find",
    heading: "Finding in an alert",
    commands: &[
        run("find.accept", "stay here; n and N go on", |app, _| app.end_find(true)),
        run("find.cancel", "back to where you were", |app, _| app.end_find(false)),
        run("find.next", "next match", |app, _| app.go_to_typed_hit(true)),
        run("find.previous", "previous match", |app, _| app.go_to_typed_hit(false)),
    ],
};

/// The state of the pane.
#[derive(Debug, Default)]
pub struct DetailPane {
    /// The alert that is shown, once a worker has read it.
    pub shown: Option<Detail>,
    /// What the user folded and unfolded, in any alert.
    pub(in crate::app) folds: Folds,
    /// The alert that a worker was asked to read.
    pub(in crate::app) reading: Option<Row>,
    /// Where to go in the alert once a worker has read it.
    pub(in crate::app) returning: Option<history::Reading>,
}

/// Returns the keys that matter in the pane, the way out last.
pub(in crate::app) fn hints(app: &App) -> Vec<Hint> {
    let detail = app.current_detail();
    let view = detail.map(Detail::view);
    let is_finding = detail.is_some_and(|detail| detail.find.is_some());
    let folds = detail.and_then(Detail::line).is_some_and(|line| line.fold.is_some());
    // Of an alert that cannot be decoded there is its text alone. A text has no values and no folds.
    let is_text =
        detail.is_some_and(|detail| detail.view() == DetailView::Json || detail.body.alert.is_err());
    let moving = hint(&["move.down", "move.up"], "move");
    let hits = hint(&["detail.next-hit", "detail.previous-hit"], "next, previous");
    let find = hint(&["detail.find"], "find");
    let copy = hint(&["alert.copy"], "copy");
    let alerts = hint(&["panes.next-alert", "panes.previous-alert"], "alert");
    let times = hint(&["panes.time-format"], "times");
    let fold = hint(&["detail.fold", "detail.unfold"], "fold");
    let evidence = hint(&["detail.values"], "to the evidence");
    let list = hint(&["app.back"], "list");
    let keys = hint(&["panes.help"], "keys");
    let end = hint(&["app.back"], "end search");
    if app.find_editor().is_some() {
        return vec![
            hint(&["find.accept"], "stay"),
            hint(&["find.next", "find.previous"], "next, previous"),
            hint(&["find.cancel"], "back to where you were"),
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
            hint(&["detail.next-suspicious"], "suspicious"),
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
            self.notify("not in this alert");
        }
    }

    fn next_suspicious(&mut self, forward: bool) {
        let (_, height) = self.detail_size();
        let Some(detail) = &mut self.detail.shown else { return };
        match detail.go_to_suspicious(forward, &mut self.detail.folds, height) {
            Some((nth, count)) => self.notify(format!("suspicious {nth} of {count}")),
            None if forward => self.notify("nothing suspicious below"),
            None => self.notify("nothing suspicious above"),
        }
    }

    /// Shows the values of the line; from an entry of the timeline, goes to what it is about.
    fn open_line(&mut self) {
        let size = self.detail_size();
        let Some(detail) = &mut self.detail.shown else { return };
        let about = detail.line().and_then(|line| detail.node(line)).map(|(id, _)| id);
        match about.filter(|_| detail.view() == DetailView::Timeline) {
            Some(id) => {
                detail.show(DetailView::Alert, &self.detail.folds, size);
                detail.go_to_node(id, &mut self.detail.folds, size.1);
            }
            None => self.show_values(),
        }
    }

    /// Shows another view of the alert, or goes back from it.
    fn switch_view(&mut self, view: DetailView) {
        let size = self.detail_size();
        if let Some(detail) = &mut self.detail.shown {
            let view = if detail.view() == view { DetailView::Alert } else { view };
            detail.show(view, &self.detail.folds, size);
        }
    }

    /// Folds or unfolds the line under the cursor; where there is nothing to fold, goes to the
    /// line that it hangs on.
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

    pub(in crate::app) fn show_detail(&mut self, row: Row, body: Body) {
        let (width, height) = self.detail_size();
        let mut detail = Detail::new(row, body);
        if let Some(former) = self.detail.shown.take() {
            detail.follow(former);
        }
        detail.lay_out(&self.detail.folds, width);
        detail.scroll.show(detail.lines().len(), height);
        if let Some(returning) = self.detail.returning.take() {
            returning.put_back(&mut detail, &self.detail.folds, (width, height));
        }
        self.detail.shown = Some(detail);
    }

    /// The text that is being looked for, while it is being typed.
    pub fn find_editor(&self) -> Option<&Editor> {
        self.detail
            .shown
            .as_ref()
            .and_then(|detail| detail.find.as_ref())
            .and_then(|find| find.editor.as_ref())
    }

    /// Answers a key while a search text is being typed.
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

    /// Puts a pasted text into the one that is being looked for, as one line.
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
            let is_cut = editor.cut(LONGEST);
            detail.look_for_typed(&mut self.detail.folds, height);
            if is_cut {
                self.notify_error(format!(
                    "cut: no more than {} characters are looked for",
                    thousands(LONGEST)
                ));
            }
        }
    }

    /// Lets go of what was looked for; tells whether something was.
    pub(in crate::app) fn drop_find(&mut self) -> bool {
        self.detail.shown.as_mut().and_then(|detail| detail.find.take()).is_some()
    }

    /// Keeps what has been typed so far as what is looked for.
    pub(in crate::app) fn leave_find_field(&mut self) {
        let (_, height) = self.detail_size();
        if self.find_editor().is_some()
            && let Some(detail) = &mut self.detail.shown
        {
            detail.end_find(true, &mut self.detail.folds, height);
        }
    }
}
