//! How the state answers what the user does.

use super::{
    App, Command, Context, Effect, Input, Key, KeyCode, Motion, Overlay, Pane, Phase, Shape,
    alert::NO_TERM,
    keymap::{self, AlertCommand, DetailCommand, FilterCommand, ListCommand},
    overlay::{MenuAction, help},
    pivot::NO_PIVOT,
    requests::COPIED_CURL,
};
use alertdeck_query::literal;
use alertdeck_store::Sort;

impl App {
    pub(super) fn input(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Key(key) => {
                self.drop_notice();
                self.key(key, effects);
            }
            Input::Paste(text) => self.paste(&text),
            Input::Click { x, y } => self.click(x, y),
            Input::Drag { x, .. } => self.drag(x),
            Input::Release => self.dragging = false,
            Input::Wheel { x, y, by } => self.wheel(x, y, by),
            Input::Resize { width, height } => {
                self.size = (width, height);
                self.lay_out();
            }
        }
    }

    /// Lays out what depends on the size.
    pub(super) fn lay_out(&mut self) {
        let (width, height) = self.detail_size();
        if let Some(detail) = &mut self.detail {
            detail.lay_out(&self.folds, width);
            detail.scroll.show(detail.lines().len(), height);
        }
        let (width, _) = self.overlay_size();
        if let Some(Overlay::Values(values)) = &mut self.overlay {
            values.lay_out(width);
        }
        let rows = self.requests_rows();
        if let Some(Overlay::Requests(requests)) = &mut self.overlay {
            requests.show(rows);
        }
    }

    fn key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        if self.overlay.is_some() {
            return self.overlay_key(key, effects);
        }
        if self.filter.editor.is_some() {
            match keymap::command(&[Context::Filter], key) {
                Some(Command::Filter(command)) => self.filter_command(command, effects),
                _ if key == (Key { code: KeyCode::Char('c'), ctrl: true }) => self.restore_filter(),
                _ => {
                    if self.filter.key(key) {
                        self.apply_filter();
                    }
                }
            }
            return;
        }
        if self.focus == Pane::Detail && self.find_editor().is_some() {
            return self.find_key(key);
        }
        let pane = match self.focus {
            Pane::List => Context::List,
            Pane::Detail => Context::Detail,
        };
        if let Some(command) = keymap::command(&[pane, Context::Alert, Context::All], key) {
            self.command(command, effects);
        }
    }

    fn command(&mut self, command: Command, effects: &mut Vec<Effect>) {
        match command {
            Command::Move(motion) => self.go(motion),
            Command::SwitchPane => {
                self.focus_on(if self.focus == Pane::List { Pane::Detail } else { Pane::List });
            }
            Command::NextAlert => self.next_alert(Motion::Down),
            Command::PreviousAlert => self.next_alert(Motion::Up),
            Command::Refresh => self.refresh(effects),
            Command::Live => self.toggle_live(effects),
            Command::TimeFormat => self.clock.format = self.clock.format.next(),
            Command::Zoom => {
                self.zoom = !self.zoom;
                self.lay_out();
            }
            Command::Mouse => {
                self.mouse = !self.mouse;
                self.notify(if self.mouse {
                    "mouse on"
                } else {
                    "mouse off: the terminal selects text again"
                });
                effects.push(Effect::Mouse(self.mouse));
            }
            Command::Profiles => self.show_profiles(),
            Command::Requests => self.show_requests(effects),
            Command::Export => self.ask_for_export(),
            Command::Mark => self.mark(),
            Command::Help => self.overlay = Some(Overlay::Help(super::Scroll::default())),
            Command::Back => self.back(effects),
            Command::GoBack => self.go_back(effects),
            Command::Quit => effects.push(Effect::Quit),
            Command::Suspend => effects.push(Effect::Suspend),
            Command::Redraw => effects.push(Effect::Redraw),
            Command::List(command) => self.list_command(command),
            Command::Detail(command) => self.detail_command(command),
            Command::Alert(AlertCommand::Retry) => {
                if let Phase::Failed { .. } | Phase::Stopped = self.load.phase {
                    self.fetch(effects);
                } else {
                    self.notify("nothing has failed");
                }
            }
            Command::Alert(command) => self.alert_command(command, effects),
            Command::Filter(command) => self.filter_command(command, effects),
            // They mean something in what covers the panes alone.
            Command::Profile(_)
            | Command::SignIn(_)
            | Command::Request(_)
            | Command::Find(_)
            | Command::Exporting(_) => {}
        }
    }

    /// Esc takes one step back: a range, what was looked for, detail, loading. It never quits and
    /// never drops the filter or marks.
    fn back(&mut self, effects: &mut Vec<Effect>) {
        if self.leave_range() {
            self.notify("no range is marked");
        } else if self.focus == Pane::Detail {
            if !self.drop_find() {
                self.focus_on(Pane::List);
            }
        } else if self.stop_loading(effects) {
            self.notify("loading stopped: r starts it again");
        }
    }

    pub(super) fn focus_on(&mut self, pane: Pane) {
        if pane == Pane::List {
            self.leave_find_field();
        }
        self.focus = pane;
        self.lay_out();
    }

    fn go(&mut self, motion: Motion) {
        match self.focus {
            Pane::List => {
                let height = self.list_height();
                self.list.go(&self.view, motion, height);
            }
            Pane::Detail => {
                let (_, height) = self.detail_size();
                if let Some(detail) = &mut self.detail {
                    detail.go(motion, height);
                }
            }
        }
    }

    fn next_alert(&mut self, motion: Motion) {
        let height = self.list_height();
        self.list.go(&self.view, motion, height);
    }

    fn refresh(&mut self, effects: &mut Vec<Effect>) {
        let whole = self.load.phase == Phase::Complete;
        if !self.settings.service && whole {
            self.notify("these alerts come from files: nothing to fetch");
        }
        self.view.restart();
        self.fresh.clear();
        self.plan_again();
        self.filter.ask();
        if self.settings.service || !whole {
            self.fetch(effects);
            self.load.covered.clear();
        }
    }

    fn toggle_live(&mut self, effects: &mut Vec<Effect>) {
        if !self.settings.service {
            return self.notify("these alerts come from files: nothing to watch");
        }
        self.load.live = !self.load.live;
        if self.load.live {
            self.notify("live: new and changed alerts are marked + and ~");
            self.poll(effects);
        } else {
            self.load.poll_at = None;
            self.notify("live is off");
        }
    }

    fn list_command(&mut self, command: ListCommand) {
        match command {
            ListCommand::EditFilter => {
                self.filter.edit();
                self.apply_filter();
            }
            ListCommand::Read => self.focus_on(Pane::Detail),
            ListCommand::Sort => self.overlay = Some(Overlay::Menu(self.sort_menu())),
            ListCommand::Reverse => {
                let sort = self.view.sort();
                self.sort(Sort { descending: !sort.descending, ..sort });
            }
            ListCommand::Range => self.begin_range(),
            ListCommand::MarkShown => self.mark_shown(),
            ListCommand::InvertMarks => self.invert_marks(),
            ListCommand::ClearMarks => self.clear_marks(),
            ListCommand::ScrollRight => self.list.shift(true),
            ListCommand::ScrollLeft => self.list.shift(false),
        }
    }

    fn filter_command(&mut self, command: FilterCommand, effects: &mut Vec<Effect>) {
        match command {
            FilterCommand::Run => {
                if self.filter.is_sound() {
                    self.filter.commit();
                    self.apply_filter();
                    self.fetch_unless_covered(effects);
                    self.lay_out();
                }
            }
            FilterCommand::Restore => self.restore_filter(),
            FilterCommand::Complete => {
                if self.filter.complete() {
                    self.apply_filter();
                }
            }
            FilterCommand::NextChoice => self.filter.choose(true),
            FilterCommand::PreviousChoice => self.filter.choose(false),
            FilterCommand::Older | FilterCommand::Newer => {
                if self.filter.recall(command == FilterCommand::Older) {
                    self.apply_filter();
                }
            }
        }
    }

    fn restore_filter(&mut self) {
        self.filter.restore();
        self.apply_filter();
        self.lay_out();
    }

    /// Runs another filter.
    pub(super) fn run_filter(&mut self, text: &str, effects: &mut Vec<Effect>) {
        self.filter.set(text);
        self.apply_filter();
        if self.filter.is_sound() {
            self.filter.commit();
            self.fetch_unless_covered(effects);
            self.lay_out();
        }
    }

    fn paste(&mut self, text: &str) {
        if self.overlay.is_some() {
            return self.paste_path(text);
        }
        if self.filter.editor.is_some() {
            self.filter.paste(text);
        } else if self.focus == Pane::Detail && self.find_editor().is_some() {
            return self.find_paste(text);
        } else {
            // On the list a paste is a list of things to look for. It is not run. Terminals paste
            // line ends as carriage returns.
            let lines: Vec<_> =
                text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).collect();
            if lines.is_empty() {
                return;
            }
            let any = lines.into_iter().map(literal).collect::<Vec<_>>().join(" or ");
            self.filter.set(&any);
        }
        self.apply_filter();
    }

    fn click(&mut self, x: u16, y: u16) {
        let layout = self.layout();
        let inside = |area: Option<super::Area>| area.filter(|area| area.contains(x, y));
        self.dragging = false;
        if self.overlay.is_some() {
            return;
        }
        if layout.filter.contains(x, y) {
            self.filter.edit();
            self.apply_filter();
        } else if inside(layout.divider).is_some() && layout.shape == Shape::Wide {
            self.dragging = true;
        } else if let Some(area) = inside(layout.list) {
            self.focus_on(Pane::List);
            self.list.go_to_line(&self.view, usize::from(y - area.y));
        } else if let Some(area) = inside(layout.detail) {
            self.focus_on(Pane::Detail);
            let line = usize::from(y - area.y);
            if let Some(detail) = &mut self.detail
                && detail.scroll.top + line < detail.lines().len()
            {
                let again = detail.scroll.cursor == detail.scroll.top + line;
                detail.scroll.cursor = detail.scroll.top + line;
                let folded = detail.line().and_then(|line| line.fold).map(|(_, folded)| folded);
                if let (true, Some(folded)) = (again, folded) {
                    self.fold(!folded);
                }
            }
        }
    }

    /// Moves the divider between list and detail.
    fn drag(&mut self, x: u16) {
        if self.dragging && self.size.0 > 0 {
            self.split = (u32::from(x) * 100 / u32::from(self.size.0)) as u16;
            self.lay_out();
        }
    }

    fn wheel(&mut self, x: u16, y: u16, by: i32) {
        let layout = self.layout();
        let lines = by * 3;
        let (_, overlay_height) = self.overlay_size();
        let rows = self.requests_rows();
        match &mut self.overlay {
            Some(Overlay::Help(scroll)) => scroll.wheel(lines, help().len(), overlay_height),
            Some(Overlay::Values(values)) => {
                values.top = values
                    .top
                    .saturating_add_signed(lines as isize)
                    .min(values.lines.len().saturating_sub(overlay_height));
            }
            Some(Overlay::Requests(requests)) => requests.wheel(lines, rows),
            Some(_) => {}
            None if layout.detail.is_some_and(|area| area.contains(x, y)) => {
                let (_, height) = self.detail_size();
                if let Some(detail) = &mut self.detail {
                    let len = detail.lines().len();
                    detail.scroll.wheel(lines, len, height);
                }
            }
            None => {
                let height = self.list_height();
                self.list.wheel(&self.view, lines, height);
            }
        }
    }

    fn overlay_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        // A sign-in may take minutes: the shell is within reach meanwhile.
        if let Some(command @ (Command::Suspend | Command::Redraw)) = keymap::command(&[Context::All], key) {
            return self.command(command, effects);
        }
        match &self.overlay {
            Some(Overlay::Profiles(_)) => return self.profiles_key(key, effects),
            Some(Overlay::SignIn) => return self.sign_in_key(key, effects),
            Some(Overlay::Requests(_)) => return self.requests_key(key, effects),
            Some(Overlay::Export(_)) => return self.export_key(key, effects),
            _ => {}
        }
        let command = keymap::command(&[Context::Detail, Context::Alert, Context::All], key);
        if matches!(command, Some(Command::Back | Command::Quit)) {
            self.overlay = None;
            return;
        }
        let (_, height) = self.overlay_size();
        match &mut self.overlay {
            Some(Overlay::Help(scroll)) => match command {
                // The help has no cursor: the window moves.
                Some(Command::Move(motion)) => {
                    let furthest = help().len().saturating_sub(height);
                    let mut window = super::Scroll { cursor: scroll.top, top: 0 };
                    window.go(motion, furthest + 1, height);
                    scroll.top = window.cursor;
                }
                Some(Command::Help) => self.overlay = None,
                _ => {}
            },
            Some(Overlay::Values(values)) => match command {
                Some(Command::Move(motion)) => values.go(motion, height),
                Some(Command::Detail(DetailCommand::Values) | Command::Alert(AlertCommand::Copy)) => {
                    let value = values.values.get(values.at).cloned();
                    if let Some(value) = value {
                        self.copy(&value, effects);
                    }
                }
                Some(Command::Alert(command @ (AlertCommand::Include | AlertCommand::Exclude))) => {
                    let exclude = command == AlertCommand::Exclude;
                    let value = values.values.get(values.at).cloned();
                    let what = values.indicators.get(values.at).cloned().flatten();
                    let field = what.map(|what| what.kind.field().to_owned());
                    let term = value.zip(self.selected()).and_then(|(value, row)| {
                        self.term(row, &field.or(value.field)?, value.text.raw(), exclude)
                    });
                    match term {
                        Some(term) => {
                            self.overlay = None;
                            self.add_term(&term, effects);
                        }
                        None => self.notify(NO_TERM),
                    }
                }
                Some(Command::Alert(AlertCommand::Pivot)) => {
                    match values.indicators.get(values.at).cloned().flatten() {
                        Some(what) => {
                            self.overlay = None;
                            self.pivot(&what, effects);
                        }
                        None => self.notify(NO_PIVOT),
                    }
                }
                _ => {}
            },
            Some(Overlay::Menu(menu)) => {
                let picked = match (key.code, command) {
                    (KeyCode::Char(c), _) if !key.ctrl && menu.items.iter().any(|item| item.key == c) => {
                        menu.items.iter().position(|item| item.key == c)
                    }
                    (KeyCode::Enter, _) => Some(menu.at),
                    (_, Some(Command::Move(motion))) => {
                        let mut scroll = super::Scroll { cursor: menu.at, top: 0 };
                        scroll.go(motion, menu.items.len(), menu.items.len());
                        menu.at = scroll.cursor;
                        None
                    }
                    _ => None,
                };
                if let Some(item) = picked.and_then(|at| menu.items.get(at).cloned()) {
                    self.overlay = None;
                    self.run_menu_action(item.action, effects);
                }
            }
            Some(Overlay::Link(url, _)) => {
                if let Some(Command::Alert(AlertCommand::Copy)) = command {
                    let url = url.clone();
                    self.overlay = None;
                    effects.push(Effect::Copy(alertdeck_model::RawText(url.to_string())));
                    self.notify("link copied");
                }
            }
            Some(Overlay::Profiles(_) | Overlay::SignIn | Overlay::Requests(_) | Overlay::Export(_))
            | None => {}
        }
    }

    pub(super) fn run_menu_action(&mut self, action: MenuAction, effects: &mut Vec<Effect>) {
        match action {
            MenuAction::Sort(column) => {
                let sort = self.view.sort();
                // What is largest, newest or worst is wanted first; names from A.
                let descending = matches!(
                    column,
                    alertdeck_store::Column::Severity
                        | alertdeck_store::Column::Created
                        | alertdeck_store::Column::Updated
                );
                let descending = if sort.column == column { !sort.descending } else { descending };
                self.sort(Sort { column, descending });
            }
            MenuAction::Filter(term) => self.add_term(&term, effects),
            MenuAction::Pivot(what) => self.pivot(&what, effects),
            MenuAction::Copy(text, what) => {
                effects.push(Effect::Copy(text));
                self.notify(format!("copied {what}"));
            }
            MenuAction::CopyCurl(scope) => {
                effects.push(Effect::CopyCurl(scope));
                self.notify(COPIED_CURL);
            }
            MenuAction::CopyWhole(row, what) => self.copy_whole(row, what, effects),
        }
    }
}
