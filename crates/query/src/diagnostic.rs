//! What is wrong with a filter, where, and what would fix it.
//!
//! A diagnostic speaks of the text that was typed and never changes it.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::SafeText;

/// What kind of fault a [`Diagnostic`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticKind {
    /// The text ends, or a part of it is missing; more typing may fix it.
    Unfinished,
    /// The text does not fit the grammar.
    Syntax,
    /// A field, property or member that does not exist.
    UnknownName,
    /// An operator that the field does not take.
    WrongOperator,
    /// A value that the field cannot be compared with.
    BadValue,
    /// Longer, or nested deeper, than a filter may be.
    Limit,
    /// The filter asks for the signed-in user, and nobody is signed in.
    NotSignedIn,
}

/// A fault in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The faulty part, in bytes of the filter. It can be empty: something is missing there.
    pub span: Range<usize>,
    /// The kind of fault.
    pub kind: DiagnosticKind,
    /// What is wrong and what was expected. It may quote the filter: see [`Diagnostic::render`].
    pub message: String,
    /// The nearest name that exists.
    pub suggestion: Option<String>,
    /// What to put in place of which part, in bytes, so that the filter becomes right.
    pub fix: Option<(Range<usize>, String)>,
}

/// Columns shown of the filter before and within the faulty part, and after it.
const SHOWN: usize = 60;

impl Diagnostic {
    pub(super) fn new(span: Range<usize>, kind: DiagnosticKind, message: impl Into<String>) -> Self {
        Self { span, kind, message: message.into(), suggestion: None, fix: None }
    }

    #[must_use]
    pub(super) fn fix(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.fix = Some((span, text.into()));
        self
    }

    /// Names the nearest of `names`, and offers to put it in place of the faulty part.
    #[must_use]
    pub(super) fn nearest(mut self, typed: &str, names: impl IntoIterator<Item = &'static str>) -> Self {
        let typed = typed.to_lowercase();
        let near = names
            .into_iter()
            .map(|name| (strsim::osa_distance(&name.to_lowercase(), &typed), name))
            .min_by_key(|(distance, _)| *distance)
            // A third of the letters may be wrong; more is another word.
            .filter(|(distance, name)| distance * 3 <= name.chars().count());
        if let Some((_, name)) = near {
            self.suggestion = Some(name.to_owned());
            self.fix = Some((self.span.clone(), name.to_owned()));
        }
        self
    }

    /// Writes the filter on one line, carets under the faulty part on the next, and the message,
    /// for a terminal: whatever the filter holds is neutralised, and a long one is cut.
    pub fn render(&self, filter: &str) -> String {
        let (start, end) = (boundary(filter, self.span.start), boundary(filter, self.span.end));
        let shown = |text: &str| SafeText::new(text).line();
        let before: String = {
            let tail: Vec<char> = filter[..start].chars().rev().take(SHOWN + 1).collect();
            let cut = tail.len() > SHOWN;
            let tail: String = tail.into_iter().take(SHOWN).rev().collect();
            format!("{}{}", if cut { "…" } else { "" }, shown(&tail))
        };
        let (wrong, after) = (clip(&filter[start..end]), clip(&filter[end..]));
        let wrong = shown(wrong);
        let carets = "^".repeat(wrong.width().max(1));
        let mut text = format!("{before}{wrong}{}\n{}{carets}\n", shown(after), " ".repeat(before.width()));
        text.push_str(&shown(&self.message));
        if let Some(near) = &self.suggestion {
            text.push_str(&shown(&format!("; did you mean `{near}`?")));
        }
        text
    }
}

/// The first [`SHOWN`] characters.
fn clip(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(at, _)| &text[..at])
}

/// The nearest place at or before `at` where the text can be cut.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_what_is_wrong() {
        let text = "title:日 medum x";
        let at = text.find("medum").unwrap();
        let fault = Diagnostic::new(at..at + 5, DiagnosticKind::UnknownName, "no such member")
            .nearest("medum", ["medium", "high"]);
        let drawn = format!("{text}\n{}^^^^^\nno such member; did you mean `medium`?", " ".repeat(9));
        assert_eq!(fault.render(text), drawn);
    }

    #[test]
    fn hostile_text_is_neutralised() {
        let text = "a\u{1b}[31m\u{202e} b";
        let drawn = Diagnostic::new(text.len() - 1..text.len(), DiagnosticKind::Syntax, text).render(text);
        assert_eq!(drawn, format!("a␛[31m⟨202E⟩ b\n{}^\na␛[31m⟨202E⟩ b", " ".repeat(13)));
    }

    #[test]
    fn a_long_filter_is_cut() {
        let text = "x".repeat(10_000);
        let drawn = Diagnostic::new(9_000..9_001, DiagnosticKind::Syntax, "wrong").render(&text);
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines[0].width(), 1 + SHOWN + 1 + SHOWN);
        assert_eq!(lines[1], format!("{}^", " ".repeat(1 + SHOWN)));
    }
}
