//! The list of saved views: opens, saves and removes them.

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Effect, Overlay, Scroll, ViewCount,
    command::{Command, Context, Hint, Motion, hint, run},
    format::thousands,
    views::{ViewChange, sort_name},
};
use alertdeck_model::SafeText;
use alertdeck_store::Sort;

/// The command that opens the list of views.
pub(super) const OPEN: Command =
    run("open.views", "saved views: open, save, remove", |app, _| app.list_views());

/// The commands of the list of views.
pub(super) static CONTEXT: Context = Context {
    name: "views",
    heading: "List of saved views",
    commands: &[
        run("views.open", "open the view", |app, effects| {
            let Some(Overlay::ViewList(list)) = app.ui.overlay() else { return };
            let at = list.scroll.cursor;
            app.ui.close();
            app.open_view(at, effects);
        }),
        run("views.save", "save the current view", |app, _| app.name_view()),
        run("views.remove", "remove the view", |app, effects| {
            let Some(Overlay::ViewList(list)) = app.ui.overlay() else { return };
            if let Some(view) = app.settings.views.get(list.scroll.cursor) {
                effects.push(Effect::ChangeViews(ViewChange::Remove(view.name.clone())));
            }
        }),
    ],
};

/// The widths of the columns.
const KEY: usize = 3;
const NAME: usize = 24;
const COUNT: usize = 11;
/// The preferred width of the window.
const WIDTH: usize = 90;

/// The list of saved views, while it is open.
#[derive(Clone, Copy, Debug)]
pub struct ViewList {
    scroll: Scroll,
}

impl ViewList {
    /// Keeps the cursor on a view after one has been removed.
    pub(in crate::app) fn clamp(&mut self, len: usize) {
        self.scroll.cursor = self.scroll.cursor.min(len.saturating_sub(1));
    }
}

impl App {
    /// Opens the list of saved views, with the cursor on the current one.
    pub(in crate::app) fn list_views(&mut self) {
        let current = self.current_view().map(|view| view.name.as_str());
        let at = self.settings.views.iter().position(|view| Some(view.name.as_str()) == current);
        self.ui.open(ViewList { scroll: Scroll { cursor: at.unwrap_or(0), top: 0 } });
        self.resize_overlays();
    }
}

fn rows(app: &App) -> usize {
    app.ui.overlay_size().1
}

impl Object for ViewList {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["views.open"], "open"),
            hint(&["views.save"], "save current"),
            hint(&["views.remove"], "remove"),
            hint(&["app.back"], "close"),
        ]
    }

    fn go(&mut self, app: &App, motion: Motion) {
        self.scroll.go(motion, app.settings.views.len(), rows(app));
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        self.scroll.wheel(lines, app.settings.views.len(), rows(app));
    }

    fn resize(&mut self, app: &App) {
        self.scroll.show(app.settings.views.len(), rows(app));
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let current = app.current_view().map(|view| view.name.as_str());
        let keys = app.ui.keymap.keys("view.open");
        let mut lines = Vec::new();
        for (at, view) in app.settings.views.iter().enumerate() {
            let key = keys.get(at).map(ToString::to_string).unwrap_or_default();
            let role = if current == Some(view.name.as_str()) { Role::Strong } else { Role::Text };
            let (count, count_role) = match app.counts.views.of(&view.filter) {
                Some(ViewCount::Alerts(count)) => (format!("{:>9}", thousands(count)), role),
                Some(ViewCount::Invalid) => ("  invalid".to_owned(), Role::Error),
                Some(ViewCount::NotSignedIn) => (format!("{:>9}", "-"), Role::Dim),
                None => (String::new(), Role::Dim),
            };
            let sort = match view.sort {
                sort if sort == Sort::default() => String::new(),
                sort => format!("  by {}", sort_name(sort)),
            };
            let group = view.group.map_or_else(String::new, |by| format!("  grouped by {}", by.name()));
            lines.push(vec![
                PanelSpan::column(key, Role::Accent, KEY),
                PanelSpan::column(SafeText::new(&view.name).line(), role, NAME),
                PanelSpan::column(count, count_role, COUNT),
                PanelSpan::new(SafeText::new(&view.filter).line(), Role::Dim),
                PanelSpan::new(sort + &group, Role::Dim),
            ]);
        }
        let cursor = (!lines.is_empty()).then_some(self.scroll.cursor);
        if lines.is_empty() {
            let save = app.ui.keymap.key("views.save");
            lines.push(vec![PanelSpan::new(
                format!("no saved views; {save} saves the current one"),
                Role::Dim,
            )]);
        }
        let title = "Saved views, with the loaded alerts that match".to_owned();
        Some(Panel { title, width: WIDTH, lines, top: self.scroll.top, cursor, ..Panel::default() })
    }
}
