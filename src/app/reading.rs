//! How the detail pane answers: folding, finding, going from one verdict to the next, views.

use super::{
    App, Detail, DetailView, Key, KeyCode,
    filter::Editor,
    format::thousands,
    keymap::{self, Command, Context, DetailCommand, FindCommand},
    message::Body,
};
use alertdeck_store::Row;

/// The longest text to look for, in characters: nobody means a longer one.
const LONGEST: usize = 1_000;

impl App {
    pub(super) fn detail_command(&mut self, command: DetailCommand) {
        let (_, height) = self.detail_size();
        match command {
            DetailCommand::Values => self.look_closer(),
            DetailCommand::Fold => self.fold(true),
            DetailCommand::Unfold => self.fold(false),
            DetailCommand::FoldAll | DetailCommand::UnfoldAll => {
                if let Some(detail) = &mut self.detail {
                    detail.fold_tree(command == DetailCommand::FoldAll, &mut self.folds, height);
                }
            }
            DetailCommand::Json => self.switch_view(DetailView::Json),
            DetailCommand::Timeline => self.switch_view(DetailView::Timeline),
            DetailCommand::Find => {
                if let Some(detail) = &mut self.detail {
                    detail.begin_find(&self.folds);
                }
            }
            DetailCommand::NextHit | DetailCommand::PreviousHit => {
                let Some(detail) = self.detail.as_mut().filter(|detail| detail.find.is_some()) else {
                    return self.notify("nothing is looked for: / finds");
                };
                if !detail.go_to_hit(command == DetailCommand::NextHit, &mut self.folds, height) {
                    self.notify("not in this alert");
                }
            }
            DetailCommand::NextSuspicious | DetailCommand::PreviousSuspicious => {
                let forward = command == DetailCommand::NextSuspicious;
                let Some(detail) = &mut self.detail else { return };
                match detail.go_to_suspicious(forward, &mut self.folds, height) {
                    Some((nth, count)) => self.notify(format!("suspicious {nth} of {count}")),
                    None if forward => self.notify("nothing suspicious below"),
                    None => self.notify("nothing suspicious above"),
                }
            }
        }
    }

    /// Shows the values of the line; from an entry of the timeline, goes to what it is about.
    fn look_closer(&mut self) {
        let size = self.detail_size();
        let Some(detail) = &mut self.detail else { return };
        let about = detail.line().and_then(|line| detail.node(line)).map(|(id, _)| id);
        match about.filter(|_| detail.view() == DetailView::Timeline) {
            Some(id) => {
                detail.show(DetailView::Alert, &self.folds, size);
                detail.go_to_node(id, &mut self.folds, size.1);
            }
            None => self.show_values(),
        }
    }

    /// Shows another view of the alert, or goes back from it.
    fn switch_view(&mut self, view: DetailView) {
        let size = self.detail_size();
        if let Some(detail) = &mut self.detail {
            let view = if detail.view() == view { DetailView::Alert } else { view };
            detail.show(view, &self.folds, size);
        }
    }

    /// Folds or unfolds the line under the cursor; where there is nothing to fold, goes to the
    /// line that it hangs on.
    pub(super) fn fold(&mut self, fold: bool) {
        let (width, height) = self.detail_size();
        let Some(detail) = &mut self.detail else { return };
        match detail.line().and_then(|line| line.fold) {
            Some((key, folded)) if folded != fold => {
                self.folds.insert(key, fold);
                detail.lay_out(&self.folds, width);
                detail.scroll.show(detail.lines().len(), height);
            }
            _ if fold => detail.go_to_parent(height),
            _ => {}
        }
    }

    pub(super) fn show_detail(&mut self, row: Row, body: Body) {
        let (width, height) = self.detail_size();
        let mut detail = Detail::new(row, body);
        if let Some(former) = self.detail.take() {
            detail.follow(former);
        }
        detail.lay_out(&self.folds, width);
        detail.scroll.show(detail.lines().len(), height);
        if let Some(returning) = self.returning.take() {
            returning.put_back(&mut detail, &self.folds, (width, height));
        }
        self.detail = Some(detail);
    }

    /// The text that is being looked for, while it is being typed.
    pub fn find_editor(&self) -> Option<&Editor> {
        self.detail.as_ref().and_then(|detail| detail.find.as_ref()).and_then(|find| find.editor.as_ref())
    }

    /// Answers a key while a text to look for is being typed.
    pub(super) fn find_key(&mut self, key: Key) {
        let (_, height) = self.detail_size();
        let Some(detail) = &mut self.detail else { return };
        match keymap::command(&[Context::Find], key) {
            Some(Command::Find(FindCommand::Keep)) => detail.end_find(true, &mut self.folds, height),
            Some(Command::Find(FindCommand::Leave)) => detail.end_find(false, &mut self.folds, height),
            Some(Command::Find(command)) => {
                detail.go_to_hit(command == FindCommand::Next, &mut self.folds, height);
            }
            _ if key == (Key { code: KeyCode::Char('c'), ctrl: true }) => {
                detail.end_find(false, &mut self.folds, height);
            }
            _ => self.edit_find(|editor| editor.edit(key)),
        }
    }

    /// Puts a pasted text into the one that is being looked for, as one line.
    pub(super) fn find_paste(&mut self, text: &str) {
        let line = text.split(['\r', '\n']).map(str::trim).collect::<Vec<_>>().join(" ");
        self.edit_find(|editor| {
            editor.insert(line.trim());
            true
        });
    }

    fn edit_find(&mut self, edit: impl FnOnce(&mut Editor) -> bool) {
        let (_, height) = self.detail_size();
        let Some(detail) = &mut self.detail else { return };
        let Some(editor) = detail.find.as_mut().and_then(|find| find.editor.as_mut()) else { return };
        if edit(editor) {
            let is_cut = editor.cut(LONGEST);
            detail.look_for_typed(&mut self.folds, height);
            if is_cut {
                self.notify_error(format!(
                    "cut: no more than {} characters are looked for",
                    thousands(LONGEST)
                ));
            }
        }
    }

    /// Lets go of what was looked for; tells whether something was.
    pub(super) fn drop_find(&mut self) -> bool {
        self.detail.as_mut().and_then(|detail| detail.find.take()).is_some()
    }

    /// Keeps what has been typed so far as what is looked for.
    pub(super) fn leave_find_field(&mut self) {
        let (_, height) = self.detail_size();
        if self.find_editor().is_some()
            && let Some(detail) = &mut self.detail
        {
            detail.end_find(true, &mut self.folds, height);
        }
    }
}
