//! Errors in a config file, with their position and a suggested fix.
//!
//! A diagnostic contains its position and a safe excerpt of the line, so it does not borrow the
//! text. The code that reports an error decides whether the value on the line may be a secret.

use std::{ops::Range, path::Path};

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::SafeText;

/// An error in a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1. If something is missing at the end of the line,
    /// the column is one past the end.
    pub column: usize,
    /// The error message, sanitised for display.
    pub message: String,
    /// The suggested fix, sanitised for display.
    pub fix: Option<String>,
    /// The line, sanitised and shortened.
    excerpt: String,
    /// The width before the carets, and the number of carets.
    carets: (usize, usize),
}

/// An error located by a span in the text instead of a line and column.
#[derive(Clone, Debug)]
pub(super) struct SpannedError {
    /// The invalid byte range.
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) fix: Option<String>,
    pub(super) hide: Hide,
}

/// The part of the line that may be a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hide {
    #[default]
    Nothing,
    /// Everything after the first `=`.
    Value,
    /// The entire line, which may continue a value from a line above.
    Line,
}

/// The maximum number of characters to show from the invalid part, from the text on either side of
/// it, and from quoted text.
const MAX_SHOWN: usize = 60;

impl SpannedError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), fix: None, hide: Hide::Nothing }
    }

    #[must_use]
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Converts the span to a line and column in `text`.
    pub(super) fn locate(self, text: &str) -> Diagnostic {
        let start = boundary(text, self.span.start);
        let end = boundary(text, self.span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        // The span may begin at the end of the line, and may extend beyond it.
        let at = (start - line_start).min(line.len());
        let upto = (end - line_start).min(line.len());
        // The start of the hidden part.
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
        let skipped = before.char_indices().rev().nth(MAX_SHOWN - 1).map_or(0, |(at, _)| at);
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
    /// Renders the error for a terminal: the position and the message, the line, and carets under
    /// the invalid part with the fix.
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

/// Quotes text from the file for a message, truncating long text.
pub(super) fn quoted(text: &str) -> String {
    let cut = clip(text);
    format!("`{cut}{}`", if cut.len() < text.len() { "…" } else { "" })
}

/// Returns the name closest to `typed`, if the edit distance is at most a third of the name's
/// length.
pub(super) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Shorten the text first, since the comparison takes quadratic time.
    let typed = clip(typed).to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&name.to_lowercase(), &typed), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 3 <= name.chars().count())
        .map(|(_, name)| name)
}

/// Returns the first [`MAX_SHOWN`] characters.
fn clip(text: &str) -> &str {
    text.char_indices().nth(MAX_SHOWN).map_or(text, |(at, _)| &text[..at])
}

/// Returns the last character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
