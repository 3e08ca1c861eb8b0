//! Dispatches user input: determines which pane or overlay handles a key, a click or a paste.

use super::{
    App, Detail, DetailView, Effect, Feed, Input, Key, Pane, Phase, Shape, alert,
    arrivals::Found,
    command::{Action, Command, Context, EVERYWHERE, Hint, HintKeys, MOVE, Motion},
    contexts::{PANES, VIEWS},
    detail, filter,
    groups::Lines,
    list,
    overlay::{COPIED_CURL, MenuAction, OPEN},
};
use alertdeck_query::literal;
use alertdeck_store::{Column, Sort};

impl App {
    pub(super) fn input(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Key(key) => {
                self.ui.notices.dismiss(self.clock.now.mono);
                self.ui.last_key = Some(key);
                let asked_to_quit = self.ui.quits;
                self.key(key, effects);
                // A request to quit lapses unless the very next key confirms it.
                self.ui.quits &= !asked_to_quit;
            }
            Input::Paste(text) => self.paste(&text),
            Input::Click { x, y } => self.click(x, y, effects),
            Input::Drag { x, .. } => self.drag(x),
            Input::Release => self.ui.dragging = false,
            Input::Wheel { x, y, by } => self.wheel(x, y, by),
            Input::Resize { width, height } => {
                self.ui.size = (width, height);
                self.lay_out();
            }
        }
    }

    /// Updates all layouts that depend on the screen size.
    pub(super) fn lay_out(&mut self) {
        let (width, height) = self.detail_size();
        if let Some(detail) = &mut self.detail.shown {
            detail.lay_out(&self.detail.folds, width);
            detail.scroll.show(detail.lines().len(), height);
        }
        self.resize_overlays();
    }

    /// Returns the active contexts of the focused pane or text field, in lookup order.
    pub(super) fn contexts(&self) -> Vec<&'static Context> {
        if self.filter.editor.is_some() {
            return vec![&filter::CONTEXT];
        }
        match self.ui.focus {
            Pane::Detail if self.find_editor().is_some() => vec![&detail::FIND],
            Pane::Detail => {
                vec![&detail::CONTEXT, &alert::CONTEXT, &PANES, &VIEWS, &OPEN, &MOVE, &EVERYWHERE]
            }
            Pane::List => vec![&list::CONTEXT, &alert::CONTEXT, &PANES, &VIEWS, &OPEN, &MOVE, &EVERYWHERE],
        }
    }

    fn key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        if self.ui.overlay().is_some() {
            return self.overlay_key(key, effects);
        }
        let contexts = self.contexts();
        match self.ui.keymap.find(&contexts, key) {
            Some(Command { action: Action::Move(motion), .. }) => self.go(*motion),
            Some(Command { action: Action::Run(run), .. }) => run(self, effects),
            None if self.filter.editor.is_some() => {
                if self.filter.key(key) {
                    self.apply_filter();
                }
            }
            None if self.ui.focus == Pane::Detail && self.find_editor().is_some() => self.find_key(key),
            None => self.report_unbound(key, &contexts),
        }
    }

    /// Notifies the user that a key is not bound in these contexts, and suggests the nearest bound
    /// key, the help key or the closing key.
    pub(super) fn report_unbound(&mut self, key: Key, contexts: &[&'static Context]) {
        let near = match self.ui.keymap.nearest(contexts, key) {
            Some((near, command)) => format!("try {near} ({})", command.help),
            None => match self.ui.keymap.key("open.help") {
                help if !help.is_empty() && self.ui.overlay().is_none() => format!("{help} shows all keys"),
                _ => format!("{} closes this", self.ui.keymap.key("app.back")),
            },
        };
        self.notify(format!("{key} is not bound here; {near}"));
    }

    /// Returns the key bar hints, each as its keys and a description. The last hint shows the
    /// closing key or the help key.
    pub fn hints(&self) -> Vec<(String, &'static str)> {
        let hints = match self.ui.overlay() {
            Some(overlay) => overlay.object().hints(self),
            None if self.filter.editor.is_some() => filter::hints(),
            None if self.ui.focus == Pane::Detail => detail::hints(self),
            None => list::hints(self),
        };
        hints.into_iter().filter_map(|hint| Some((self.hint_keys(hint)?, hint.words))).collect()
    }

    /// Returns a hint's keys as text; `None` if its commands have no keys.
    fn hint_keys(&self, hint: Hint) -> Option<String> {
        let commands = match hint.keys {
            HintKeys::Text(text) => return Some(text.to_owned()),
            HintKeys::Of(commands) => commands,
        };
        let keys = commands.iter().map(|id| self.ui.keymap.key(id)).filter(|key| !key.is_empty());
        keys.reduce(|all, key| match key.strip_prefix("Ctrl-") {
            // Shorten `Ctrl-n/Ctrl-p` to `Ctrl-n/p`.
            Some(letter) if all.starts_with("Ctrl-") => format!("{all}/{letter}"),
            _ => format!("{all}/{key}"),
        })
    }

    /// Goes back one step: closes the focused overlay, cancels the range, ends the search, or
    /// leaves the timeline, the JSON or the detail pane. If there is nothing to leave, stops
    /// loading. Never quits, and never clears the filter or marks.
    pub(super) fn back(&mut self, effects: &mut Vec<Effect>) {
        if self.ui.overlay().is_some() {
            self.close_overlay(false, effects);
        } else if self.cancel_range() {
            self.notify("range cancelled");
        } else if self.ui.focus == Pane::Detail {
            let view = self.current_detail().map(Detail::view);
            match view {
                _ if self.close_find() => {}
                Some(view @ (DetailView::Timeline | DetailView::Json)) => self.switch_view(view),
                _ => self.focus_on(Pane::List),
            }
        } else if self.stop_loading(effects) {
            let key = self.ui.keymap.key("panes.refresh");
            self.notify(format!("loading stopped; {key} restarts it"));
        }
    }

    /// Closes the focused overlay, or returns from the detail pane to the list. In the list, quits,
    /// but requires a second key press while changes are being sent.
    pub(super) fn close(&mut self, effects: &mut Vec<Effect>) {
        if self.ui.overlay().is_some() {
            self.close_overlay(true, effects);
        } else if self.ui.focus == Pane::Detail {
            self.focus_on(Pane::List);
        } else if self.actions.is_running() && !self.ui.quits {
            self.ui.quits = true;
            let key = self.ui.keymap.key("app.close");
            self.notify(format!("changes are still being sent; press {key} again to stop sending and quit"));
        } else {
            effects.push(Effect::Quit);
        }
    }

    pub(super) fn switch_pane(&mut self, _effects: &mut Vec<Effect>) {
        self.focus_on(if self.ui.focus == Pane::List { Pane::Detail } else { Pane::List });
    }

    pub(super) fn toggle_zoom(&mut self) {
        self.ui.zoom = !self.ui.zoom;
        self.lay_out();
    }

    pub(super) fn toggle_mouse(&mut self, effects: &mut Vec<Effect>) {
        self.ui.mouse = !self.ui.mouse;
        self.notify(if self.ui.mouse { "mouse on" } else { "mouse off: the terminal can select text" });
        effects.push(Effect::Mouse(self.ui.mouse));
    }

    pub(super) fn focus_on(&mut self, pane: Pane) {
        if pane == Pane::List {
            self.accept_find();
        }
        self.ui.focus = pane;
        self.lay_out();
    }

    fn go(&mut self, motion: Motion) {
        match self.ui.focus {
            Pane::List => {
                let height = self.list_height();
                self.list.go(Lines::new(&self.view, self.groups.as_ref()), motion, height);
            }
            Pane::Detail => {
                let (_, height) = self.detail_size();
                if let Some(detail) = &mut self.detail.shown {
                    detail.go(motion, height);
                }
            }
        }
    }

    pub(super) fn next_alert(&mut self, motion: Motion) {
        let height = self.list_height();
        self.list.go(Lines::new(&self.view, self.groups.as_ref()), motion, height);
    }

    pub(super) fn retry(&mut self, effects: &mut Vec<Effect>) {
        if self.retry_changes() {
            return;
        }
        let failed = |feed: &&Feed| matches!(feed.list.phase(), Phase::Failed { .. } | Phase::Stopped);
        let failed: Vec<_> = self.feeds.iter().filter(failed).map(|feed| feed.id).collect();
        if failed.is_empty() {
            self.notify(if self.actions.has_uncertain_comment() {
                "it is unknown whether the comment was added; check the alert before sending it again"
            } else {
                "nothing to retry"
            });
        }
        for feed in failed {
            self.fetch_from(feed, effects);
        }
    }

    pub(super) fn refresh(&mut self, effects: &mut Vec<Effect>) {
        // Do not reread files that have been read completely.
        let is_final = |feed: &Feed| !feed.settings.service && feed.list.phase() == &Phase::Complete;
        let (kept, read): (Vec<_>, Vec<_>) = self.feeds.iter().partition(|feed| is_final(feed));
        let (kept, read) = (kept.len(), read.iter().map(|feed| feed.id).collect::<Vec<_>>());
        if kept > 0 && read.is_empty() {
            self.notify("saved alerts: nothing to refresh");
        }
        self.view.restart();
        self.replan();
        self.filter.request();
        // If a list was not complete before, its new alerts cannot be told from old ones.
        let mut is_known = !read.is_empty();
        for feed in read {
            self.fetch_from(feed, effects);
            if let Some(feed) = self.feeds.get_mut(feed) {
                feed.complete_lists.clear();
                is_known &= feed.list.marks_changes();
            }
        }
        self.list.found = is_known.then(Found::default);
    }

    /// Starts editing the filter.
    pub(super) fn edit_filter(&mut self) {
        self.remember_before_edit();
        self.filter.edit();
        self.apply_filter();
    }

    /// Runs the filter in the filter bar if it is valid.
    pub(super) fn run_typed_filter(&mut self, effects: &mut Vec<Effect>) {
        if self.filter.is_valid() {
            self.remember_edit();
            self.filter.commit();
            self.apply_filter();
            self.fetch_unless_covered(effects);
            self.lay_out();
        }
    }

    /// Cancels editing and restores the previous filter.
    pub(super) fn restore_filter(&mut self) {
        self.filter.restore();
        self.apply_filter();
        self.lay_out();
    }

    pub(super) fn recall_filter(&mut self, older: bool) {
        if self.filter.recall(older) {
            self.apply_filter();
        }
    }

    /// Replaces the filter with `text` and runs it if it is valid.
    pub(super) fn run_filter(&mut self, text: &str, effects: &mut Vec<Effect>) {
        self.filter.set(text);
        self.apply_filter();
        if self.filter.is_valid() {
            self.filter.commit();
            self.fetch_unless_covered(effects);
            self.lay_out();
        }
    }

    /// Changes the sort order and adds the previous view to the history.
    pub(super) fn change_sort(&mut self, sort: Sort) {
        if sort != self.view.sort() {
            self.remember_view();
            self.sort(sort);
        }
    }

    /// Sorts by a column, or reverses the order if the list is already sorted by it.
    fn sort_by(&mut self, column: Column) {
        let sort = self.view.sort();
        // Sort severities from high to low, times from newest to oldest, and names from A to Z.
        let descending = matches!(column, Column::Severity | Column::Created | Column::Updated);
        let descending = if sort.column == column { !sort.descending } else { descending };
        self.change_sort(Sort { column, descending });
    }

    fn paste(&mut self, text: &str) {
        if self.ui.overlay().is_some() {
            return self.overlay_paste(text);
        }
        if self.filter.editor.is_some() {
            self.filter.paste(text);
        } else if self.ui.focus == Pane::Detail && self.find_editor().is_some() {
            return self.find_paste(text);
        } else {
            // Text pasted into a pane becomes a filter that matches any of its lines. The filter is
            // not run yet. Terminals send line breaks as carriage returns.
            let lines: Vec<_> =
                text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect();
            if lines.is_empty() {
                return;
            }
            let any = lines.into_iter().map(literal).collect::<Vec<_>>().join(" or ");
            self.remember_before_edit();
            self.filter.set(&any);
        }
        self.apply_filter();
    }

    fn click(&mut self, x: u16, y: u16, effects: &mut Vec<Effect>) {
        let layout = self.layout();
        let inside = |area: Option<super::Area>| area.filter(|area| area.contains(x, y));
        self.ui.dragging = false;
        if self.ui.overlay().is_some() {
            return;
        }
        if layout.filter.contains(x, y) {
            self.edit_filter();
        } else if let Some(area) = inside(layout.tabs) {
            self.click_tab(area.width, x - area.x, effects);
        } else if inside(layout.divider).is_some() && layout.shape == Shape::Wide {
            self.ui.dragging = true;
        } else if let Some(area) = inside(layout.list_head) {
            self.click_heading(area, x - area.x);
        } else if let Some(area) = inside(layout.list) {
            self.focus_on(Pane::List);
            self.list.go_to_line(Lines::new(&self.view, self.groups.as_ref()), usize::from(y - area.y));
        } else if let Some(area) = inside(layout.detail) {
            self.focus_on(Pane::Detail);
            let line = usize::from(y - area.y);
            if let Some(detail) = &mut self.detail.shown
                && detail.scroll.top + line < detail.lines().len()
            {
                let again = detail.scroll.cursor == detail.scroll.top + line;
                detail.scroll.cursor = detail.scroll.top + line;
                let folded = detail.line().and_then(|line| line.fold).map(|(_, folded)| folded);
                if let (true, Some(folded)) = (again, folded) {
                    self.fold(!folded);
                }
                let (_, height) = self.detail_size();
                if let Some(detail) = &mut self.detail.shown {
                    detail.settle_cursor(height);
                }
            }
        }
    }

    /// Sorts by the column whose heading was clicked, or reverses the order if the list is already
    /// sorted by it. `x` is the distance from the left edge of the list.
    fn click_heading(&mut self, area: super::Area, x: u16) {
        let columns = self.columns(area.width);
        let clicked = columns.iter().find(|shown| (shown.x..=shown.x + shown.width).contains(&x));
        let Some(column) = clicked.map(|shown| shown.column) else { return };
        self.focus_on(Pane::List);
        self.sort_by(column);
    }

    /// Moves the divider between the list and the detail pane.
    fn drag(&mut self, x: u16) {
        if self.ui.dragging && self.ui.size.0 > 0 {
            self.ui.split = (u32::from(x) * 100 / u32::from(self.ui.size.0)) as u16;
            self.lay_out();
        }
    }

    fn wheel(&mut self, x: u16, y: u16, by: i32) {
        let layout = self.layout();
        let lines = by * 3;
        if self.ui.overlay().is_some() {
            return self.overlay_wheel(lines);
        }
        match layout.detail {
            Some(area) if area.contains(x, y) => {
                let (_, height) = self.detail_size();
                if let Some(detail) = &mut self.detail.shown {
                    let len = detail.lines().len();
                    detail.scroll.wheel(lines, len, height);
                }
            }
            _ => {
                let height = self.list_height();
                self.list.wheel(Lines::new(&self.view, self.groups.as_ref()), lines, height);
            }
        }
    }

    pub(super) fn run_menu_action(&mut self, action: MenuAction, effects: &mut Vec<Effect>) {
        match action {
            MenuAction::Sort(column) => self.sort_by(column),
            MenuAction::Group(by) => self.group_by(by),
            MenuAction::Filter(term) => self.add_term(&term, effects),
            MenuAction::Pivot(what) => self.pivot(&what, effects),
            MenuAction::Copy(text, what) => {
                effects.push(Effect::Copy(text));
                self.notify(format!("copied {what}"));
            }
            MenuAction::CopyCurl(feed, scope) => {
                effects.push(Effect::CopyCurl(feed, scope));
                self.notify(COPIED_CURL);
            }
            MenuAction::Triage(targets, step) => self.run_triage_step(&targets, step),
            MenuAction::CopyAlert(row, what) => self.copy_alert(row, what, effects),
        }
    }
}
