//! Texts wrapped to their room.

use unicode_width::UnicodeWidthChar as _;

use super::format::bytes;

/// Text beyond this many bytes is cut on screen, with what is left counted; copying takes all.
pub(super) const MAX_SHOWN: usize = 64 * 1024;

/// The same for an alert's JSON, which nobody reads for one text in it.
pub(super) const MAX_JSON: usize = 1 << 20;

/// Wraps a shown text at word ends; what is longer than can be read is cut, with the rest
/// counted.
pub fn wrap(shown: &str, width: usize) -> Vec<String> {
    wrap_up_to(MAX_SHOWN, shown, width)
}

/// Wraps as [`wrap`] does, with another bound on what can be read, in bytes.
pub(super) fn wrap_up_to(most: usize, shown: &str, width: usize) -> Vec<String> {
    let (shown, rest) = cut(shown, most);
    // Only blanks part a line: a time, a path or an id is not torn at its dashes.
    let options = textwrap::Options::new(width.max(4))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut lines: Vec<String> = Vec::new();
    for line in shown.lines() {
        let line = line.replace('\t', "  ");
        if line.trim().is_empty() {
            lines.push(String::new());
        } else {
            // What is wrapped stays below what it continues, also behind the sign of a list. It
            // always has room: blanks without end must not cost a line for each letter behind them.
            let indent = " ".repeat(hanging(&line).min(width / 2));
            let options = options.clone().subsequent_indent(&indent);
            let wrapped = textwrap::wrap(line.trim_end(), &options);
            lines.extend(wrapped.into_iter().map(std::borrow::Cow::into_owned));
        }
    }
    if rest > 0 {
        lines.push(format!("… {} more, copying takes all", bytes(rest)));
    }
    lines
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

/// Cuts a text at what can be read; returns it with the number of bytes that are left.
fn cut(shown: &str, most: usize) -> (&str, usize) {
    if shown.len() <= most {
        return (shown, 0);
    }
    let mut end = most;
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    (&shown[..end], shown.len() - end)
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
}
