//! What covers the panes for a moment: help, the values of a line, a menu, a link to copy,
//! profiles, the sign-in, requests, the form for an export.

use super::{
    detail::Value,
    export::ExportForm,
    keymap::{BINDINGS, Context, Motion},
    message::Scope,
    requests::Requests,
    scroll::Scroll,
    wrap::wrap,
};
use alertdeck_model::Indicator;
use alertdeck_model::{PortalUrl, RawText};
use alertdeck_store::{Column, Row};

/// What covers the panes.
#[derive(Debug)]
pub enum Overlay {
    /// The keys.
    Help(Scroll),
    /// All values of a line.
    Values(Values),
    /// A choice by letter.
    Menu(Menu),
    /// A link that no browser could be started for.
    Link(PortalUrl, String),
    /// The profiles, with the one under the cursor, and who is signed in.
    Profiles(usize),
    /// The sign-in under way.
    SignIn,
    /// The requests that were made last.
    Requests(Requests),
    /// The form for an export.
    Export(ExportForm),
}

/// A line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// A heading.
    Heading(&'static str),
    /// Keys with what they do.
    Keys(String, &'static str),
    /// Nothing.
    Blank,
}

/// Lists the help, from the key table.
pub fn help() -> Vec<HelpLine> {
    let mut lines = Vec::new();
    for (context, heading) in Context::ALL {
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Heading(heading));
        for binding in BINDINGS.iter().filter(|binding| binding.context == context) {
            lines.push(HelpLine::Keys(binding.keys.join(" "), binding.help));
        }
    }
    lines
}

/// The room for a count of alerts and devices with a blank before it: `14,123a 1,234d`.
const LONG_COUNT: usize = 15;
/// The room for a count of alerts alone.
const SHORT_COUNT: usize = 8;

/// The values of a line, wrapped, with a cursor that moves from value to value.
#[derive(Debug)]
pub struct Values {
    /// What they are the values of, safe to show.
    pub title: String,
    /// The values.
    pub values: Vec<Value>,
    /// What each value is looked up as, where it can be.
    pub indicators: Vec<Option<Indicator>>,
    /// Lines of text, each with the value that it belongs to.
    pub lines: Vec<ValueLine>,
    /// The value under the cursor.
    pub at: usize,
    /// The first line that is shown.
    pub top: usize,
    /// How wide the column of labels is.
    pub label_width: usize,
    /// How wide the column of counts is; none where nothing is counted.
    pub count_width: usize,
}

/// A line of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueLine {
    /// The value it belongs to.
    pub value: usize,
    /// Whether it is the value's first line, which carries the label.
    pub first: bool,
    /// The text.
    pub text: String,
}

impl Values {
    /// Lays values out in a window of `width` columns.
    pub fn new(title: String, values: Vec<(Value, Option<Indicator>)>, width: usize) -> Self {
        let (values, indicators) = values.into_iter().unzip();
        let lines = Vec::new();
        let mut new =
            Self { title, values, indicators, lines, at: 0, top: 0, label_width: 0, count_width: 0 };
        new.lay_out(width);
        new
    }

    /// Tells whether there is room for more than the number of alerts.
    pub fn counts_devices(&self) -> bool {
        self.count_width >= LONG_COUNT
    }

    /// Lays the values out anew for another width.
    pub fn lay_out(&mut self, width: usize) {
        let widest = self.values.iter().map(|value| value.label.chars().count()).max().unwrap_or(0);
        self.label_width = widest.min(width / 2).min(40);
        let counted = self.indicators.iter().any(Option::is_some);
        self.count_width = match width {
            _ if !counted => 0,
            0..60 => SHORT_COUNT,
            _ => LONG_COUNT,
        };
        let room = width.saturating_sub(self.label_width + 2);
        self.lines.clear();
        for (nth, (value, what)) in self.values.iter().zip(&self.indicators).enumerate() {
            let room = room.saturating_sub(if what.is_some() { self.count_width } else { 0 });
            let texts = if value.text.as_str().is_empty() {
                vec!["\"\"".into()]
            } else {
                wrap(value.text.as_str(), room)
            };
            for (at, text) in texts.into_iter().enumerate() {
                self.lines.push(ValueLine { value: nth, first: at == 0, text });
            }
        }
    }

    /// Moves the cursor in a window of `height` lines.
    pub fn go(&mut self, motion: Motion, height: usize) {
        let mut scroll = Scroll { cursor: self.at, top: 0 };
        scroll.go(motion, self.values.len(), height / 2);
        // A value longer than the window is read by moving on within it.
        let span = |at| {
            let first = self.lines.iter().position(|line| line.value == at).unwrap_or(0);
            let last = self.lines.iter().rposition(|line| line.value == at).unwrap_or(0);
            (first, last)
        };
        let (first, last) = span(self.at);
        match motion {
            Motion::Down | Motion::HalfDown | Motion::PageDown if last >= self.top + height => {
                self.top += if motion == Motion::Down { 1 } else { height };
                self.top = self.top.min((last + 1).saturating_sub(height));
                return;
            }
            Motion::Up | Motion::HalfUp | Motion::PageUp if first < self.top => {
                self.top = self.top.saturating_sub(if motion == Motion::Up { 1 } else { height }).max(first);
                return;
            }
            _ => {}
        }
        self.at = scroll.cursor;
        let (first, last) = span(self.at);
        if first < self.top {
            self.top = first;
        } else if last >= self.top + height {
            self.top = (last + 1).saturating_sub(height).min(first);
        }
    }
}

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
    CopyWhole(Row, Whole),
}

/// What is copied of a whole alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// All indicators, a line each.
    Indicators,
    /// The alert as it was received.
    Json,
    /// The ticket.
    Ticket,
}
