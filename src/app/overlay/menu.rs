//! A menu: choices by letter, or by the cursor and Enter.

use super::{Object, Pressed};
use crate::app::{
    App, Key, KeyCode, Scope, Scroll,
    command::{Context, Hint, Motion, hint, hint_text},
};
use alertdeck_model::{Indicator, RawText};
use alertdeck_store::{Column, Row};

/// A menu has no commands: its letters are its own.
pub(super) static CONTEXT: Context = Context { name: "menu", heading: "Menu", commands: &[] };

/// A choice by letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// What is chosen.
    pub title: String,
    /// What there is to choose from.
    pub items: Vec<MenuItem>,
    /// The item under the cursor.
    pub at: usize,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// The letter that takes it.
    pub key: char,
    /// What it is.
    pub label: String,
    /// What it would take, safe to show.
    pub preview: String,
    /// What it does.
    pub action: MenuAction,
}

/// What a choice does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuAction {
    /// Sorts by a column.
    Sort(Column),
    /// Adds a term to the filter.
    Filter(String),
    /// Shows the alerts of a value.
    Pivot(Indicator),
    /// Copies a text, named so in the notice.
    Copy(RawText, String),
    /// Copies the request that fetches this.
    CopyCurl(Scope),
    /// Copies something of the alert that may be megabytes: it is written when it is asked for.
    CopyWhole(Row, WholeAlert),
}

/// What is copied of a whole alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeAlert {
    /// All indicators, a line each.
    Indicators,
    /// The alert as it was received.
    Json,
    /// The ticket.
    Ticket,
}

impl Object for Menu {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint_text("letter, or ↑/↓ Enter", "choose"), hint(&["app.back"], "close")]
    }

    fn go(&mut self, _app: &App, motion: Motion) {
        let mut scroll = Scroll { cursor: self.at, top: 0 };
        scroll.go(motion, self.items.len(), self.items.len());
        self.at = scroll.cursor;
    }

    /// Letters of the menu come before all other keys.
    fn key(&mut self, _app: &App, key: Key) -> Pressed {
        let at = match key.typed() {
            Some(c) => self.items.iter().position(|item| item.key == c),
            None if key == Key::new(KeyCode::Enter) => Some(self.at),
            None => None,
        };
        match at.and_then(|at| self.items.get(at)) {
            Some(item) => Pressed::Choose(item.action.clone()),
            None => Pressed::Pass,
        }
    }
}
