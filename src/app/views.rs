//! Saved views: filters with a name, a sort order, groups and columns.
//!
//! Opening a view replaces the filter, so the previous view is one key away. The file that views
//! are saved in belongs to the config; this module only asks for changes to it.

use super::{
    App, Effect, Groups, ListColumn, Overlay, TextPrompt, TextPurpose, command::Command, command::run,
};
use alertdeck_model::SafeText;
use alertdeck_store::{Column, Sort};

/// The filter of the default view, with which the console starts unless another filter is given
/// (docs/console.md, "First filter").
pub const DEFAULT_FILTER: &str = "status:open age<7d";
/// The maximum number of saved views.
pub const MAX_VIEWS: usize = 50;
/// The maximum length of a view's name, in characters.
pub const MAX_NAME: usize = 40;

/// A saved view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// The name, which is unique, ignoring case.
    pub name: String,
    /// The filter.
    pub filter: String,
    /// The sort order.
    pub sort: Sort,
    /// The column that the list is grouped by, if any; one of [`Groups::COLUMNS`].
    pub group: Option<Column>,
    /// The columns of the list; `None` for the columns that the list has when the view is opened.
    pub columns: Option<Vec<ListColumn>>,
}

/// The view that the console had when it was closed, and the filters that were run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastView {
    /// The filter.
    pub filter: String,
    /// The sort order.
    pub sort: Sort,
    /// The column that the list is grouped by, if any; one of [`Groups::COLUMNS`].
    pub group: Option<Column>,
    /// The columns that the user has chosen, if any.
    pub columns: Option<Vec<ListColumn>>,
    /// The filters that were run, newest last.
    pub history: Vec<String>,
}

/// A change to the saved views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewChange {
    /// Adds a view, or replaces the one with the same name.
    Save(SavedView),
    /// Removes the view with this name.
    Remove(String),
}

impl SavedView {
    /// Returns the views that exist until the user saves or removes one.
    pub fn defaults() -> Vec<Self> {
        let view = |(name, filter): (&str, &str)| Self {
            name: name.to_owned(),
            filter: filter.to_owned(),
            sort: Sort::default(),
            group: None,
            columns: None,
        };
        let views = [
            ("my queue", "assigned:me status:open"),
            ("unassigned high", "severity:high assigned:none status:open"),
            ("last 7 days open", DEFAULT_FILTER),
        ];
        views.map(view).into()
    }

    /// Returns whether a name is this view's.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.to_lowercase()
    }
}

impl ViewChange {
    /// Applies the change. Fails with one line if there would be too many views.
    pub fn apply(&self, views: &mut Vec<SavedView>) -> Result<(), String> {
        match self {
            Self::Remove(name) => views.retain(|view| !view.is_named(name)),
            Self::Save(saved) => match views.iter().position(|view| view.is_named(&saved.name)) {
                Some(at) => views[at].clone_from(saved),
                None if views.len() == MAX_VIEWS => {
                    return Err(format!("there are {MAX_VIEWS} views already; remove one first"));
                }
                None => views.push(saved.clone()),
            },
        }
        Ok(())
    }
}

/// The command that opens the view whose number the pressed key has among the keys of the command.
pub(super) const OPEN: Command = run("view.open", "open a saved view: one key each", |app, effects| {
    let keys = app.ui.keymap.keys(OPEN.id);
    match keys.iter().position(|key| Some(*key) == app.ui.last_key) {
        Some(at) => app.open_view(at, effects),
        // The command was chosen in the palette.
        None => app.list_views(),
    }
});

/// The command that opens the default view.
pub(super) const DEFAULT: Command =
    run("view.default", "open the default view: open alerts of the last 7 days", |app, effects| {
        app.remember_view();
        app.run_filter(DEFAULT_FILTER, effects);
    });

/// The command that saves the current view.
pub(super) const SAVE: Command = run("view.save", "save the current view", |app, _| app.name_view());

impl App {
    /// Returns what to restore when the console is opened again.
    pub fn last_view(&self) -> LastView {
        LastView {
            filter: self.filter.committed.clone(),
            sort: self.view.sort(),
            group: self.groups.as_ref().map(Groups::by),
            columns: self.list.columns.clone(),
            history: self.filter.history().to_vec(),
        }
    }

    /// Restores the sort order, groups, columns and filter history of the last view. The filter is part of
    /// the settings, since the command line may name another.
    pub(super) fn restore_last_view(&mut self, last: LastView) {
        self.list.columns = last.columns;
        self.filter.set_history(last.history);
        self.sort(last.sort);
        self.set_groups(last.group);
    }

    /// Opens a saved view.
    pub(super) fn open_view(&mut self, at: usize, effects: &mut Vec<Effect>) {
        let Some(view) = self.settings.views.get(at).cloned() else {
            let save = self.ui.keymap.key(SAVE.id);
            return self.notify(format!("no saved view {}; {save} saves the current one", at + 1));
        };
        self.remember_view();
        self.run_filter(&view.filter, effects);
        // The filter bar shows the error.
        if !self.filter.is_valid() {
            return;
        }
        if view.columns.is_some() {
            self.choose_columns(view.columns);
        }
        if self.view.sort() != view.sort {
            self.sort(view.sort);
        }
        self.set_groups(view.group);
        self.notify(format!("view: {}", SafeText::new(&view.name).line()));
    }

    /// Returns the saved view with the committed filter, preferring one with the same sort order.
    pub(super) fn current_view(&self) -> Option<&SavedView> {
        let has_filter = |view: &&SavedView| view.filter == self.filter.committed;
        let mut with_filter = self.settings.views.iter().filter(has_filter);
        let first = with_filter.clone().next();
        with_filter.find(|view| view.sort == self.view.sort()).or(first)
    }

    /// Asks for the name under which to save the current view.
    pub(super) fn name_view(&mut self) {
        let name = self.current_view().map_or(String::new(), |view| view.name.clone());
        self.ui.open(TextPrompt::with_text(TextPurpose::ViewName, &name));
    }

    /// Saves the current view under a name.
    pub(super) fn save_view(&mut self, name: String, effects: &mut Vec<Effect>) {
        let view = SavedView {
            name,
            filter: self.filter.committed.clone(),
            sort: self.view.sort(),
            group: self.groups.as_ref().map(Groups::by),
            columns: self.list.columns.clone(),
        };
        effects.push(Effect::ChangeViews(ViewChange::Save(view)));
    }

    /// Handles the result of a change to the saved views, which are the new views or the reason the
    /// change failed.
    pub(super) fn views_changed(&mut self, change: &ViewChange, result: Result<Vec<SavedView>, String>) {
        let views = match result {
            Ok(views) => views,
            Err(reason) => return self.notify_error(format!("views not saved: {reason}")),
        };
        let safe = |name: &str| SafeText::new(name).line();
        let notice = match change {
            ViewChange::Remove(name) => format!("view removed: {}", safe(name)),
            ViewChange::Save(saved) => {
                let at = views.iter().position(|view| view.is_named(&saved.name));
                match at.and_then(|at| self.ui.keymap.keys(OPEN.id).get(at)) {
                    Some(key) => format!("view saved: {} (key {key})", safe(&saved.name)),
                    None => format!("view saved: {}", safe(&saved.name)),
                }
            }
        };
        self.settings.views = views;
        if let Some(Overlay::ViewList(list)) = self.ui.overlay_mut() {
            list.clamp(self.settings.views.len());
        }
        self.notify(notice);
    }
}

/// Formats a sort order as in the views file: a column's name, after `-` for descending order.
pub fn sort_name(sort: Sort) -> String {
    format!("{}{}", if sort.descending { "-" } else { "" }, sort.column.name())
}

/// Parses a sort order, as formatted by [`sort_name`].
pub fn parse_sort(text: &str) -> Option<Sort> {
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    Column::named(name).map(|column| Sort { column, descending })
}
