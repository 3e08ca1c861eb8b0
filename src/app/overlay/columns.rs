//! The column chooser: which columns the list shows, in which order and how wide. Each change takes
//! effect immediately.

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Overlay, Scroll,
    columns::ListColumn,
    command::{Command, Context, Hint, Motion, hint, run},
};
use alertdeck_store::Column;

/// The command that opens the chooser.
pub(super) const OPEN: Command = run("open.columns", "choose the columns of the list", |app, _| {
    let chooser = ColumnChooser::new(&app.shown_columns());
    app.ui.open(chooser);
});

/// The commands of the chooser.
pub(super) static CONTEXT: Context = Context {
    name: "columns",
    heading: "Columns",
    commands: &[
        run("columns.toggle", "show or hide the column", |app, _| change(app, ColumnChooser::toggle)),
        run("columns.move-down", "move the column right", |app, _| change(app, |all| all.shift(true))),
        run("columns.move-up", "move the column left", |app, _| change(app, |all| all.shift(false))),
        run("columns.wider", "make the column wider", |app, _| resize(app, true)),
        run("columns.narrower", "make the column narrower", |app, _| resize(app, false)),
        run("columns.automatic", "choose columns and widths automatically", |app, _| {
            app.choose_columns(None);
            let automatic = ColumnChooser::new(&app.shown_columns());
            if let Some(Overlay::ColumnChooser(chooser)) = app.ui.overlay_mut() {
                *chooser = automatic;
            }
        }),
        run("columns.done", "close", |app, _| app.ui.close()),
    ],
};

/// The widths of the chooser's own columns.
const MARK: usize = 4;
const NAME: usize = 16;
const HEADING: usize = 15;
/// The preferred width of the window.
const WIDTH: usize = 52;

/// The column chooser, while it is open.
#[derive(Clone, Debug)]
pub struct ColumnChooser {
    /// All columns: first those that are shown, in order, then the others.
    columns: Vec<ListColumn>,
    /// The number of columns that are shown.
    shown: usize,
    scroll: Scroll,
}

impl ColumnChooser {
    fn new(shown: &[ListColumn]) -> Self {
        let is_hidden = |column: &Column| shown.iter().all(|shown| shown.column != *column);
        let hidden = Column::ALL.into_iter().map(|(_, column)| column).filter(is_hidden);
        let hidden = hidden.map(|column| ListColumn { column, width: None });
        let columns = shown.iter().copied().chain(hidden).collect();
        Self { columns, shown: shown.len(), scroll: Scroll::default() }
    }

    /// Hides the column under the cursor, or shows it as the last column. The cursor follows a column
    /// that is shown, since it may have to be moved.
    fn toggle(&mut self) {
        let at = self.scroll.cursor;
        let column = self.columns.remove(at);
        if at < self.shown {
            self.shown -= 1;
            self.columns.insert(self.shown, column);
        } else {
            self.columns.insert(self.shown, column);
            self.scroll.cursor = self.shown;
            self.shown += 1;
        }
    }

    /// Moves the column under the cursor, and the cursor with it.
    fn shift(&mut self, later: bool) {
        let at = self.scroll.cursor;
        let to = if later { at + 1 } else { at.wrapping_sub(1) };
        if at < self.shown && to < self.shown {
            self.columns.swap(at, to);
            self.scroll.cursor = to;
        }
    }
}

/// Changes the columns and applies them to the list.
fn change(app: &mut App, change: impl FnOnce(&mut ColumnChooser)) {
    let rows = rows(app);
    let Some(Overlay::ColumnChooser(chooser)) = app.ui.overlay_mut() else { return };
    let former = chooser.clone();
    change(chooser);
    if chooser.shown == 0 {
        *chooser = former;
        return app.notify("the list needs at least one column");
    }
    chooser.scroll.show(chooser.columns.len(), rows);
    let shown = chooser.columns[..chooser.shown].to_vec();
    app.choose_columns(Some(shown));
}

/// Makes the column under the cursor wider or narrower than it is now.
fn resize(app: &mut App, wider: bool) {
    let layout = app.columns(app.list_width());
    change(app, |chooser| {
        let at = chooser.scroll.cursor;
        if at >= chooser.shown {
            return;
        }
        let column = &mut chooser.columns[at];
        let now = layout.iter().find(|shown| shown.column == column.column).map(|shown| shown.width);
        if let Some(width) = column.width.or(now) {
            let width = if wider { width.saturating_add(1) } else { width.saturating_sub(1) };
            column.width = Some(width.clamp(*ListColumn::WIDTHS.start(), *ListColumn::WIDTHS.end()));
        }
    });
}

fn rows(app: &App) -> usize {
    app.ui.overlay_size().1.saturating_sub(1).max(1)
}

impl Object for ColumnChooser {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["columns.toggle"], "show/hide"),
            hint(&["columns.move-down", "columns.move-up"], "move"),
            hint(&["columns.wider", "columns.narrower"], "width"),
            hint(&["columns.automatic"], "automatic"),
            hint(&["columns.done"], "close"),
        ]
    }

    fn go(&mut self, app: &App, motion: Motion) {
        self.scroll.go(motion, self.columns.len(), rows(app));
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        self.scroll.wheel(lines, self.columns.len(), rows(app));
    }

    fn resize(&mut self, app: &App) {
        self.scroll.show(self.columns.len(), rows(app));
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let layout = app.columns(app.list_width());
        let line = |(at, column): (usize, &ListColumn)| {
            let is_shown = at < self.shown;
            let (mark, role) = if is_shown { ("[x]", Role::Text) } else { ("[ ]", Role::Dim) };
            let found = layout.iter().find(|shown| shown.column == column.column);
            let width = match (is_shown, found, column.width) {
                (false, ..) => String::new(),
                (true, None, _) => "no room".to_owned(),
                (true, Some(_), Some(width)) => width.to_string(),
                (true, Some(found), None) => format!("{} (auto)", found.width),
            };
            vec![
                PanelSpan::column(mark, role, MARK),
                PanelSpan::column(column.column.name(), role, NAME),
                PanelSpan::column(app.heading(column.column), Role::Dim, HEADING),
                PanelSpan::new(width, Role::Dim),
            ]
        };
        Some(Panel {
            title: "Columns".to_owned(),
            width: WIDTH,
            lines: self.columns.iter().enumerate().map(line).collect(),
            top: self.scroll.top,
            cursor: Some(self.scroll.cursor),
            ..Panel::default()
        })
    }
}
