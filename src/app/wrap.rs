//! Texts wrapped to their room.

use unicode_width::UnicodeWidthChar as _;

use super::format::bytes;

/// Text beyond this many bytes is not laid out, with what is left counted; copying takes all.
pub(super) const MAX_SHOWN: usize = 64 * 1024;

/// The same for an alert's JSON, which nobody reads for one text in it.
pub(super) const MAX_JSON: usize = 1 << 20;

/// A text laid out in lines.
#[derive(Debug, Default)]
pub(super) struct Wrapped {
    pub(super) lines: Vec<Part>,
    /// Where in the text the rest begins that is too long to be laid out, in bytes.
    pub(super) rest: Option<usize>,
}

/// A line of a text that was wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The line, as far to the right as it stands.
    pub(super) line: String,
    /// The blanks of the text between it and the line before: none where a word goes on. The end
    /// of a line of the text itself counts as one, and so does its indentation with it.
    pub(super) gap: usize,
}

/// Wraps a shown text at word ends; what is longer than can be read is cut, with the rest
/// counted.
pub fn wrap(shown: &str, width: usize) -> Vec<String> {
    let wrapped = wrap_up_to(MAX_SHOWN, shown, width);
    let rest = wrapped.rest.map(|from| format!("… {}", more(shown.len() - from)));
    wrapped.lines.into_iter().map(|part| part.line).chain(rest).collect()
}

/// Says how many bytes of a text are not laid out.
pub fn more(rest: usize) -> String {
    format!("{} more, copying takes all", bytes(rest))
}

/// Wraps the first `most` bytes of a shown text.
pub(super) fn wrap_up_to(most: usize, shown: &str, width: usize) -> Wrapped {
    let mut end = most.min(shown.len());
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    // Only blanks part a line: a time, a path or an id is not torn at its dashes.
    let options = textwrap::Options::new(width.max(4))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut lines = Vec::new();
    for line in shown[..end].lines() {
        let line = line.replace('\t', "  ");
        let line = line.trim_end();
        if line.is_empty() || line.is_ascii() && line.len() <= width {
            lines.push(Part { line: line.to_owned(), gap: 1 });
            continue;
        }
        // What is wrapped stays below what it continues, also behind the sign of a list. It
        // always has room: blanks without end must not cost a line for each letter behind them.
        let indent = " ".repeat(hanging(line).min(width / 2));
        let options = options.clone().subsequent_indent(&indent);
        let mut left = line;
        for (nth, part) in textwrap::wrap(line, &options).into_iter().enumerate() {
            let text = left.trim_start_matches(' ');
            let gap = if nth == 0 { 1 } else { left.len() - text.len() };
            left = text.get(part.trim_matches(' ').len()..).unwrap_or_default();
            lines.push(Part { line: part.into_owned(), gap });
        }
    }
    Wrapped { lines, rest: Some(end).filter(|end| *end < shown.len()) }
}

/// Returns the column at which a line's text begins, behind a bullet or a dash.
fn hanging(line: &str) -> usize {
    let text = line.trim_start();
    let blanks = line.len() - text.len();
    let mut chars = text.chars();
    let sign = chars.next().filter(|sign| !sign.is_alphanumeric());
    let behind = chars.as_str();
    let gap = behind.len() - behind.trim_start().len();
    match sign {
        Some(sign) if gap > 0 => blanks + sign.width().unwrap_or(0) + gap,
        _ => blanks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_without_end_do_not_cost_a_line_for_each_letter() {
        let hostile = format!("{}{}", " ".repeat(30_000), "x".repeat(30_000));
        let lines = wrap(&hostile, 40);
        assert!(lines.iter().map(String::len).sum::<usize>() < 200_000, "{} lines", lines.len());
    }

    #[test]
    fn a_text_too_long_to_read_is_cut_with_the_rest_counted() {
        let lines = wrap(&"word ".repeat(100_000), 80);
        assert_eq!(lines.last().unwrap(), "… 434.4 kB more, copying takes all");
    }

    #[test]
    fn the_lines_and_their_gaps_are_the_text() {
        let texts = [
            "a  bc   defghijklmnopqrstuvwxyz  0123456789 abcdefghijklmnopqrstuvw x",
            "  - first of a  list which is long   enough, and a日本語の長い文字列がここにあります",
            "      \"value\": \"0123456789012345678901234567890\"  ,",
        ];
        for text in texts {
            for width in 4..40 {
                let parts = wrap_up_to(MAX_SHOWN, text, width).lines;
                let join =
                    |all: String, part: &Part| all + &" ".repeat(part.gap) + part.line.trim_matches(' ');
                assert_eq!(parts.iter().fold(String::new(), join).trim(), text.trim(), "{width}");
            }
        }
        let torn = wrap_up_to(MAX_SHOWN, "sha256 0123456789abcdef\nend", 10);
        let gaps: Vec<_> = torn.lines.iter().map(|part| (part.line.as_str(), part.gap)).collect();
        assert_eq!(gaps, [("sha256", 1), ("0123456789", 1), ("abcdef", 0), ("end", 1)]);
    }
}
