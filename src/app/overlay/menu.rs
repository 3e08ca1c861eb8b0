//! A menu whose items are chosen by letter, or with the cursor and Enter.

use super::{KeyOutcome, Object};
use crate::app::{
    App, Key, KeyCode, Scope, Scroll, Targets, TriageStep,
    command::{Context, Hint, Motion, hint, hint_text},
};
use alertdeck_model::{Indicator, RawText};
use alertdeck_store::{Column, FeedId, Row};

/// A menu has no commands, only the letters of its items.
pub(super) static CONTEXT: Context = Context { name: "menu", heading: "Menu", commands: &[] };

/// A menu, while it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// The title.
    pub title: String,
    /// The items.
    pub items: Vec<MenuItem>,
    /// The index of the item under the cursor.
    pub at: usize,
}

/// A menu item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// The letter that chooses the item.
    pub key: char,
    /// The label.
    pub label: String,
    /// A preview of the value, sanitised for display.
    pub preview: String,
    /// The action to perform when the item is chosen.
    pub action: MenuAction,
}

/// What a menu item does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuAction {
    /// Sorts by a column.
    Sort(Column),
    /// Adds a term to the filter.
    Filter(String),
    /// Shows the alerts that contain a value.
    Pivot(Indicator),
    /// Groups the list by this column; `None` removes the groups.
    Group(Option<Column>),
    /// Copies the text. The string is what the notice calls the text.
    Copy(RawText, String),
    /// Copies the curl command that fetches this scope from this feed.
    CopyCurl(FeedId, Scope),
    /// Copies text about the alert. The text may be megabytes long, so it is generated only when
    /// the item is chosen.
    CopyAlert(Row, AlertText),
    /// Takes a step towards changing these alerts.
    Triage(Targets, TriageStep),
}

/// Text about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertText {
    /// All indicators, one per line.
    Indicators,
    /// The alert's JSON, as received.
    Json,
    /// A ticket in Markdown.
    Ticket,
}

impl Object for Menu {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint_text("a-z or ↑/↓ Enter", "choose"), hint(&["app.back"], "close")]
    }

    fn go(&mut self, _app: &App, motion: Motion) {
        let mut scroll = Scroll { cursor: self.at, top: 0 };
        scroll.go(motion, self.items.len(), self.items.len());
        self.at = scroll.cursor;
    }

    /// The item letters take precedence over all other keys.
    fn key(&mut self, _app: &App, key: Key) -> KeyOutcome {
        let at = match key.typed() {
            Some(c) => self.items.iter().position(|item| item.key == c),
            None if key == Key::new(KeyCode::Enter) => Some(self.at),
            None => None,
        };
        match at.and_then(|at| self.items.get(at)) {
            Some(item) => KeyOutcome::Choose(item.action.clone()),
            None => KeyOutcome::Pass,
        }
    }
}
