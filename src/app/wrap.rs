//! Text wrapping.

use unicode_width::UnicodeWidthChar as _;

use super::format::bytes;

/// The maximum amount of text to lay out, in bytes. Copying always includes the full text.
pub(super) const MAX_SHOWN: usize = 64 * 1024;

/// The maximum amount of an alert's JSON to lay out, in bytes.
pub(super) const MAX_JSON: usize = 1 << 20;

/// Wrapped text.
#[derive(Debug, Default)]
pub(super) struct Wrapped {
    pub(super) lines: Vec<WrappedLine>,
    /// The byte offset at which the part that is not laid out starts; `None` if all the text is
    /// laid out.
    pub(super) rest: Option<usize>,
}

/// A line of wrapped text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrappedLine {
    /// The text of the line, including its indentation.
    pub(super) line: String,
    /// The number of spaces between this line and the previous one; 0 if the line break splits a
    /// word. A line break in the original text counts as one space, including any indentation after
    /// it.
    pub(super) gap: usize,
}

/// Wraps text for display at spaces. If the text is too long to be laid out, the last line says how
/// much is omitted.
pub fn wrap(shown: &str, width: usize) -> Vec<String> {
    let wrapped = wrap_up_to(MAX_SHOWN, shown, width);
    let rest = wrapped.rest.map(|from| format!("… {}", more_bytes(shown.len() - from)));
    wrapped.lines.into_iter().map(|part| part.line).chain(rest).collect()
}

/// Returns a note saying that `rest` more bytes are not laid out.
pub fn more_bytes(rest: usize) -> String {
    format!("{} more (copying includes it)", bytes(rest))
}

/// Wraps up to `most` bytes of text for display.
pub(super) fn wrap_up_to(most: usize, shown: &str, width: usize) -> Wrapped {
    let mut end = most.min(shown.len());
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    // Break lines only at spaces, so that times, paths and ids are not split at hyphens.
    let options = textwrap::Options::new(width.max(4))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut lines = Vec::new();
    for line in shown[..end].lines() {
        let line = line.replace('\t', "  ");
        let line = line.trim_end();
        if line.is_empty() || line.is_ascii() && line.len() <= width {
            lines.push(WrappedLine { line: line.to_owned(), gap: 1 });
            continue;
        }
        // Align continuation lines with the start of the text, after any bullet. Limit the
        // indentation, so that a long run of spaces does not leave only one letter per line.
        let indent = " ".repeat(hanging_indent(line).min(width / 2));
        let options = options.clone().subsequent_indent(&indent);
        let mut left = line;
        for (nth, part) in textwrap::wrap(line, &options).into_iter().enumerate() {
            let text = left.trim_start_matches(' ');
            let gap = if nth == 0 { 1 } else { left.len() - text.len() };
            left = text.get(part.trim_matches(' ').len()..).unwrap_or_default();
            lines.push(WrappedLine { line: part.into_owned(), gap });
        }
    }
    Wrapped { lines, rest: Some(end).filter(|end| *end < shown.len()) }
}

/// Returns the column where a line's text starts, after any bullet or dash.
fn hanging_indent(line: &str) -> usize {
    let text = line.trim_start();
    let blanks = line.len() - text.len();
    let mut chars = text.chars();
    let sign = chars.next().filter(|sign| !sign.is_alphanumeric());
    let rest = chars.as_str();
    let gap = rest.len() - rest.trim_start().len();
    match sign {
        Some(sign) if gap > 0 => blanks + sign.width().unwrap_or(0) + gap,
        _ => blanks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_spaces_do_not_cost_a_line_per_letter() {
        let hostile = format!("{}{}", " ".repeat(30_000), "x".repeat(30_000));
        let lines = wrap(&hostile, 40);
        assert!(lines.iter().map(String::len).sum::<usize>() < 200_000, "{} lines", lines.len());
    }

    #[test]
    fn long_texts_are_cut_and_the_rest_is_counted() {
        let lines = wrap(&"word ".repeat(100_000), 80);
        assert_eq!(lines.last().unwrap(), "… 434.4 kB more (copying includes it)");
    }

    #[test]
    fn lines_and_gaps_make_up_the_text() {
        let texts = [
            "a  bc   defghijklmnopqrstuvwxyz  0123456789 abcdefghijklmnopqrstuvw x",
            "  - first of a  list which is long   enough, and a日本語の長い文字列がここにあります",
            "      \"value\": \"0123456789012345678901234567890\"  ,",
        ];
        for text in texts {
            for width in 4..40 {
                let parts = wrap_up_to(MAX_SHOWN, text, width).lines;
                let join = |all: String, part: &WrappedLine| {
                    all + &" ".repeat(part.gap) + part.line.trim_matches(' ')
                };
                assert_eq!(parts.iter().fold(String::new(), join).trim(), text.trim(), "{width}");
            }
        }
        let torn = wrap_up_to(MAX_SHOWN, "sha256 0123456789abcdef\nend", 10);
        let gaps: Vec<_> = torn.lines.iter().map(|part| (part.line.as_str(), part.gap)).collect();
        assert_eq!(gaps, [("sha256", 1), ("0123456789", 1), ("abcdef", 0), ("end", 1)]);
    }
}
