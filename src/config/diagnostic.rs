//! What is wrong with a config file, where, and what would fix it.
//!
//! A diagnostic holds its place and the line as it may be shown, so it outlives the text. It
//! knows no keys: whoever finds a fault says whether the value on its line may be a secret.

use std::{ops::Range, path::Path};

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::SafeText;

/// A fault in a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1. One past the last where something is missing.
    pub column: usize,
    /// What is wrong; safe to show.
    pub message: String,
    /// What would fix it; safe to show.
    pub fix: Option<String>,
    /// The line, neutralised and cut.
    excerpt: String,
    /// Columns of the screen before the faulty part, and under it.
    carets: (usize, usize),
}

/// A fault before its place is worked out.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The faulty part, in bytes of the text.
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) fix: Option<String>,
    pub(super) hide: Hide,
}

/// What of the line may be a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hide {
    #[default]
    Nothing,
    /// What stands after the first `=`.
    Value,
    /// All of it: it may be the rest of a value that began above.
    Line,
}

/// Characters shown of a line before the faulty part, of it, and after it; and of a text that a
/// message quotes.
const SHOWN: usize = 60;

impl Fault {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), fix: None, hide: Hide::Nothing }
    }

    #[must_use]
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Works out the place in `text`.
    pub(super) fn locate(self, text: &str) -> Diagnostic {
        let start = boundary(text, self.span.start);
        let end = boundary(text, self.span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        // A fault may begin at the line's end, and may reach over it.
        let at = (start - line_start).min(line.len());
        let upto = (end - line_start).min(line.len());
        // Where the value begins, if it is to be hidden.
        let sign = line.find('=').map_or(0, |sign| sign + 1);
        let value = match self.hide {
            Hide::Nothing => line.len(),
            Hide::Value => sign + usize::from(line[sign..].starts_with(' ') && sign > 0),
            Hide::Line => 0,
        };
        let (before, wrong, after) = if self.hide == Hide::Nothing {
            (&line[..at], &line[at..upto], clip(&line[upto..]).to_owned())
        } else if upto <= value && value > 0 {
            (&line[..at], &line[at..upto], format!("{}…", &line[upto..value]))
        } else {
            (&line[..at.min(value)], "…", String::new())
        };
        let show = |text: &str| SafeText::new(text).line();
        let skipped = before.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
        let before = format!("{}{}", if skipped > 0 { "…" } else { "" }, show(&before[skipped..]));
        let wrong = show(clip(wrong));
        Diagnostic {
            line: text[..line_start].matches('\n').count() + 1,
            column: line[..at].chars().count() + 1,
            carets: (before.width(), wrong.width().max(1)),
            excerpt: format!("{before}{wrong}{}", show(&after)),
            message: show(&self.message),
            fix: self.fix.as_deref().map(show),
        }
    }
}

impl Diagnostic {
    /// Writes place and message, the line, and carets under the faulty part with the fix, for a
    /// terminal.
    pub fn render(&self, path: &Path) -> String {
        let Self { line, column, message, fix, excerpt, carets: (indent, count) } = self;
        let path = SafeText::new(&path.to_string_lossy()).line();
        let (number, margin) = (line.to_string(), " ".repeat(line.to_string().len()));
        let (blanks, carets) = (" ".repeat(*indent), "^".repeat(*count));
        let fix = fix.as_deref().map(|fix| format!(" {fix}")).unwrap_or_default();
        format!(
            "{path}:{line}:{column}: {message}\n  {number} | {}\n  {margin} | {blanks}{carets}{fix}",
            excerpt.trim_end()
        )
    }
}

/// Quotes a text of the file in a message.
pub(super) fn quoted(text: &str) -> String {
    let cut = clip(text);
    format!("`{cut}{}`", if cut.len() < text.len() { "…" } else { "" })
}

/// The nearest of `names`, where there is one near enough: a third of its letters may differ.
pub(super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer than any name, and the time grows with the square.
    let typed = clip(typed).to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&name.to_lowercase(), &typed), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 3 <= name.chars().count())
        .map(|(_, name)| name)
}

/// The first [`SHOWN`] characters.
fn clip(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(at, _)| &text[..at])
}

/// The nearest place at or before `at` where the text can be cut.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
