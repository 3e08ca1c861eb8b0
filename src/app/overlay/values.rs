//! All values on a line in the detail pane, untruncated, to copy, filter by or pivot on.

use super::Object;
use crate::app::{
    App, Effect, Overlay, Scroll,
    command::{Context, Hint, Motion, hint, run},
    detail::Value,
    notice::{NO_PIVOT, NO_TERM},
    wrap,
};
use alertdeck_model::Indicator;

/// The commands that apply to a value.
pub(super) static CONTEXT: Context = Context {
    name: "values",
    heading: "Values on a line",
    commands: &[
        run("values.copy", "copy the value", copy),
        run("values.include", "filter: include the value", |app, effects| add_term(app, false, effects)),
        run("values.exclude", "filter: exclude the value", |app, effects| add_term(app, true, effects)),
        run("values.pivot", "pivot: all alerts with the value, any status", pivot),
    ],
};

/// The width of an alert and device count, such as `14,123 alerts · 1,234 dev`, including the gap
/// before it.
const LONG_COUNT: usize = 27;
/// The width of an alert count without devices, such as `1,234,567 alerts`.
const SHORT_COUNT: usize = 18;
/// The minimum overlay width at which device counts are shown too.
const LONG_FROM: usize = 90;

/// A line's values, wrapped, with a cursor that moves from value to value.
#[derive(Debug)]
pub struct Values {
    /// The title, sanitised for display.
    pub title: String,
    /// The values.
    pub values: Vec<Value>,
    /// Each value's indicator, if it has one.
    pub indicators: Vec<Option<Indicator>>,
    /// The lines of text.
    pub lines: Vec<ValueLine>,
    /// The index of the value under the cursor.
    pub at: usize,
    /// The index of the first visible line.
    pub top: usize,
    /// The width of the label column.
    pub label_width: usize,
    /// The width of the count column; 0 if there are no counts.
    pub count_width: usize,
}

/// One line of a value's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueLine {
    /// The index of the value that the line belongs to.
    pub value: usize,
    /// Whether this is the value's first line, which shows the label.
    pub first: bool,
    /// The text.
    pub text: String,
}

impl Values {
    /// Creates the overlay with values laid out in `width` columns.
    pub fn new(title: String, values: Vec<(Value, Option<Indicator>)>, width: usize) -> Self {
        let (values, indicators) = values.into_iter().unzip();
        let lines = Vec::new();
        let mut new =
            Self { title, values, indicators, lines, at: 0, top: 0, label_width: 0, count_width: 0 };
        new.lay_out(width);
        new
    }

    /// Lays the values out again for a new width.
    pub fn lay_out(&mut self, width: usize) {
        let widest = self.values.iter().map(|value| value.label.chars().count()).max().unwrap_or(0);
        self.label_width = widest.min(if width < LONG_FROM { width / 3 } else { 40 });
        let counted = self.indicators.iter().any(Option::is_some);
        self.count_width = match width {
            _ if !counted => 0,
            0..LONG_FROM => SHORT_COUNT,
            _ => LONG_COUNT,
        };
        let room = width.saturating_sub(self.label_width + 2);
        self.lines.clear();
        for (nth, (value, what)) in self.values.iter().zip(&self.indicators).enumerate() {
            let text = value.text.as_str();
            let texts = match what {
                _ if text.is_empty() => vec!["\"\"".into()],
                Some(_) => wrap_beside(text, room.saturating_sub(self.count_width), room),
                None => wrap(text, room),
            };
            for (at, text) in texts.into_iter().enumerate() {
                self.lines.push(ValueLine { value: nth, first: at == 0, text });
            }
        }
    }

    /// Moves the cursor in a window of `height` lines.
    fn move_in(&mut self, motion: Motion, height: usize) {
        let mut scroll = Scroll { cursor: self.at, top: 0 };
        scroll.go(motion, self.values.len(), height / 2);
        // Within a value taller than the window, moving the cursor scrolls instead.
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

/// Wraps text to `room` columns per line, except for the first line, which has `first` columns.
fn wrap_beside(text: &str, first: usize, room: usize) -> Vec<String> {
    let narrow = wrap(text, first);
    match narrow.first().and_then(|line| text.strip_prefix(line.as_str())) {
        Some(rest) if narrow.len() > 1 => {
            let rest = rest.trim_start_matches(' ');
            let rest = wrap(rest.strip_prefix('\n').unwrap_or(rest), room);
            narrow.into_iter().take(1).chain(rest).collect()
        }
        _ => narrow,
    }
}

impl Object for Values {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["values.copy"], "copy"),
            hint(&["values.include"], "include"),
            hint(&["values.exclude"], "exclude"),
            hint(&["values.pivot"], "pivot"),
            hint(&["app.back"], "close"),
        ]
    }

    fn go(&mut self, app: &App, motion: Motion) {
        self.move_in(motion, app.ui.overlay_size().1);
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        let furthest = self.lines.len().saturating_sub(app.ui.overlay_size().1);
        self.top = self.top.saturating_add_signed(lines as isize).min(furthest);
    }

    fn resize(&mut self, app: &App) {
        self.lay_out(app.ui.overlay_size().0);
    }
}

/// Returns the value under the cursor with its indicator, if it has one.
fn current(app: &App) -> Option<(Value, Option<Indicator>)> {
    let Some(Overlay::Values(values)) = app.ui.overlay() else { return None };
    let value = values.values.get(values.at)?.clone();
    Some((value, values.indicators.get(values.at).cloned().flatten()))
}

fn copy(app: &mut App, effects: &mut Vec<Effect>) {
    if let Some((value, _)) = current(app) {
        app.copy(&value, effects);
    }
}

fn add_term(app: &mut App, exclude: bool, effects: &mut Vec<Effect>) {
    let term = current(app).zip(app.selected()).and_then(|((value, indicator), row)| {
        let field = indicator.map(|indicator| indicator.kind.field().to_owned()).or(value.field)?;
        app.term(row, &field, value.text.raw(), exclude)
    });
    match term {
        Some(term) => {
            app.ui.close_all();
            app.add_term(&term, effects);
        }
        None => app.notify(NO_TERM),
    }
}

fn pivot(app: &mut App, effects: &mut Vec<Effect>) {
    match current(app).and_then(|(_, indicator)| indicator) {
        Some(indicator) => {
            app.ui.close_all();
            app.pivot(&indicator, effects);
        }
        None => app.notify(NO_PIVOT),
    }
}
