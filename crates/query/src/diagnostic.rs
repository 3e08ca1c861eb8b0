//! Errors in filters, with their positions and, where possible, fixes.
//!
//! A diagnostic refers to the typed text and never changes it.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::SafeText;

/// The kind of error that a [`Diagnostic`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticKind {
    /// A part is missing; typing more may fix it.
    Unfinished,
    /// The text does not follow the grammar.
    Syntax,
    /// The text uses the syntax of another tool. The fix should be applied before any other.
    OtherSyntax,
    /// A field, property, member or technique does not exist.
    UnknownName,
    /// No tenant has the name.
    UnknownTenant,
    /// The field does not accept the operator.
    WrongOperator,
    /// The field cannot be compared with the value.
    BadValue,
    /// The filter is too long or nested too deeply.
    Limit,
    /// The filter uses `me`, but no user is known.
    NotSignedIn,
}

/// An error in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The byte range of the error in the filter. Empty if something is missing there.
    pub span: Range<usize>,
    /// The kind of error.
    pub kind: DiagnosticKind,
    /// A description of what is wrong and what was expected. It may quote the filter, so it must be
    /// sanitised before it is shown, as [`Diagnostic::render`] does.
    pub message: String,
    /// The most similar existing name.
    pub suggestion: Option<String>,
    /// The fix: a byte range in the filter and the text to replace it with.
    pub fix: Option<(Range<usize>, String)>,
}

/// The maximum number of characters rendered from each section of the filter: the text before the
/// error, the error itself, and the text after it.
const CONTEXT: usize = 60;

impl Diagnostic {
    pub(super) fn new(span: Range<usize>, kind: DiagnosticKind, message: impl Into<String>) -> Self {
        Self { span, kind, message: message.into(), suggestion: None, fix: None }
    }

    #[must_use]
    pub(super) fn fix(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.fix = Some((span, text.into()));
        self
    }

    /// Suggests the most similar of `names`, if one is similar enough, as a fix for the wrong part.
    #[must_use]
    pub(super) fn nearest<'a>(mut self, typed: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let typed = typed.to_lowercase();
        let near = names
            .into_iter()
            .map(|name| (strsim::osa_distance(&name.to_lowercase(), &typed), name))
            .min_by_key(|(distance, _)| *distance)
            // If more than a third of the letters differ, the name is a different word.
            .filter(|(distance, name)| distance * 3 <= name.chars().count());
        if let Some((_, name)) = near {
            self.suggestion = Some(name.to_owned());
            self.fix = Some((self.span.clone(), name.to_owned()));
        }
        self
    }

    /// Returns the filter with the fix applied.
    pub fn fixed(&self, filter: &str) -> Option<String> {
        let (span, text) = self.fix.as_ref()?;
        let mut fixed = filter.to_owned();
        fixed.get(span.clone())?;
        fixed.replace_range(span.clone(), text);
        Some(fixed)
    }

    /// Renders the error for a terminal: the filter, carets under the wrong part, the message, and
    /// the fixed filter, if it is short, each on its own line. The text is sanitised, and a long
    /// filter is truncated.
    pub fn render(&self, filter: &str) -> String {
        let (start, end) = (boundary(filter, self.span.start), boundary(filter, self.span.end));
        let shown = |text: &str| SafeText::new(text).line();
        let before: String = {
            let tail: Vec<char> = filter[..start].chars().rev().take(CONTEXT + 1).collect();
            let cut = tail.len() > CONTEXT;
            let tail: String = tail.into_iter().take(CONTEXT).rev().collect();
            format!("{}{}", if cut { "…" } else { "" }, shown(&tail))
        };
        let (wrong, after) = (clip(&filter[start..end]), clip(&filter[end..]));
        let wrong = shown(wrong);
        let carets = "^".repeat(wrong.width().max(1));
        let mut text = format!("{before}{wrong}{}\n{}{carets}\n", shown(after), " ".repeat(before.width()));
        text.push_str(&shown(&self.message));
        if let Some(near) = &self.suggestion {
            text.push_str(&shown(&format!("; did you mean `{near}`?")));
        } else if let Some(fixed) = self.fixed(filter).filter(|fixed| fixed.chars().count() <= 2 * CONTEXT) {
            text.push_str("\ntry: ");
            text.push_str(&shown(&fixed));
        }
        text
    }
}

/// Returns the first [`CONTEXT`] characters.
fn clip(text: &str) -> &str {
    text.char_indices().nth(CONTEXT).map_or(text, |(at, _)| &text[..at])
}

/// Returns the last character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_mark_the_wrong_part() {
        let text = "title:日 medum x";
        let at = text.find("medum").unwrap();
        let diagnostic = Diagnostic::new(at..at + 5, DiagnosticKind::UnknownName, "no such member")
            .nearest("medum", ["medium", "high"]);
        let drawn = format!("{text}\n{}^^^^^\nno such member; did you mean `medium`?", " ".repeat(9));
        assert_eq!(diagnostic.render(text), drawn);
    }

    #[test]
    fn hostile_text_is_sanitised() {
        let text = "a\u{1b}[31m\u{202e} b";
        let drawn = Diagnostic::new(text.len() - 1..text.len(), DiagnosticKind::Syntax, text).render(text);
        assert_eq!(drawn, format!("a␛[31m⟨202E⟩ b\n{}^\na␛[31m⟨202E⟩ b", " ".repeat(13)));
    }

    #[test]
    fn a_long_filter_is_truncated() {
        let text = "x".repeat(10_000);
        let drawn = Diagnostic::new(9_000..9_001, DiagnosticKind::Syntax, "wrong").render(&text);
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines[0].width(), 1 + CONTEXT + 1 + CONTEXT);
        assert_eq!(lines[1], format!("{}^", " ".repeat(1 + CONTEXT)));
    }
}
