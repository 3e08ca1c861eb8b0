//! Markdown (CommonMark with GitHub's tables) out of text that nobody may trust.

use std::io::{Result, Write};

/// Escapes a text on one line: it comes out as it is and begins no construct, neither in the
/// middle of a line nor at its start.
///
/// Every punctuation mark that some construct begins with is escaped, wherever it stands:
/// CommonMark takes a backslash before any of them (CommonMark 2.4), and what is harmless in one
/// place is not in another.
pub fn text(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    for c in line.trim().chars() {
        if "\\`*_{}[]<>()#+-.!|~&$@^:=".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Escapes a text of several lines: paragraphs stay apart, line ends stay line ends.
pub fn paragraphs(shown: &str) -> String {
    let mut out = String::new();
    let mut lines = shown.lines().map(text).peekable();
    while let Some(line) = lines.next() {
        // A backslash before the line end is a hard line break.
        let breaks = !line.is_empty() && lines.peek().is_some_and(|next| !next.is_empty());
        out.push_str(&line);
        out.push_str(if breaks { "\\\n" } else { "\n" });
    }
    out
}

/// Puts a text into a block of its own where nothing is a construct; the fence is longer than any
/// in the text.
pub fn block(shown: &str) -> String {
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", shown.trim_end_matches('\n'))
}

/// Writes a table of cells that are escaped already.
pub fn table<'a>(
    head: impl Iterator<Item = &'a str>,
    rows: impl Iterator<Item = Vec<String>>,
    out: &mut dyn Write,
) -> Result<()> {
    let head: Vec<_> = head.collect();
    writeln!(out, "| {} |", head.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(head.len()))?;
    for row in rows {
        writeln!(out, "| {} |", row.join(" | "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("services.exe | rm", r"services\.exe \| rm")]
    #[case("](https://evil.example)", r"\]\(https\://evil\.example\)")]
    #[case("<img src=x>", r"\<img src\=x\>")]
    #[case("  - item", r"\- item")]
    #[case("1. item", r"1\. item")]
    #[case("@everyone #12 :tada: $x$", r"\@everyone \#12 \:tada\: \$x\$")]
    #[case(r"C:\temp", r"C\:\\temp")]
    #[case("&lt; `x` **b**", r"\&lt; \`x\` \*\*b\*\*")]
    fn nothing_is_a_construct(#[case] raw: &str, #[case] escaped: &str) {
        assert_eq!(text(raw), escaped);
    }

    #[test]
    fn lines_and_paragraphs_are_kept() {
        assert_eq!(paragraphs("# a\nb\n\n    c"), "\\# a\\\nb\n\nc\n");
    }

    #[test]
    fn no_text_closes_its_block() {
        assert_eq!(block("a\n````\nb\n"), "`````text\na\n````\nb\n`````\n");
        assert_eq!(block("a"), "```text\na\n```\n");
    }

    proptest! {
        #[test]
        fn an_escaped_text_reads_back(raw in "[ -~é]{0,40}") {
            let escaped = text(&raw);
            let mut chars = escaped.chars();
            let mut read = String::new();
            while let Some(c) = chars.next() {
                prop_assert!(!"`*_[]<>|#&".contains(c), "{} holds a bare {}", escaped, c);
                read.push(if c == '\\' { chars.next().unwrap() } else { c });
            }
            prop_assert_eq!(read, raw.trim());
        }
    }
}
