//! Writes untrusted text as Markdown (CommonMark with GitHub's tables).

/// Escapes single-line text so that it is shown unchanged and does not start a Markdown construct,
/// whether at the start of a line or within it.
///
/// A character that can start a construct anywhere is escaped everywhere (CommonMark 2.4). A
/// character that can start one only in certain positions, such as a dot or a colon, is escaped
/// only there, since some ticket systems show the backslash.
pub fn text(line: &str) -> String {
    let line = line.trim();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut out = String::with_capacity(line.len() + 8);
    for (at, c) in line.char_indices() {
        let (before, after) = (&line[..at], &line[at + c.len_utf8()..]);
        let is_construct = match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '$'
            | '@' | '^' => true,
            // A list, or the underline of a heading.
            '+' | '-' | '=' => before.is_empty(),
            // A numbered list; GitHub turns text that begins with `www.` into a link.
            '.' | ')' => {
                let is_www = || {
                    let from = before.len().checked_sub(3);
                    from.is_some_and(|from| before.as_bytes()[from..].eq_ignore_ascii_case(b"www"))
                };
                at > 0 && at == digits || is_www()
            }
            // An image.
            '!' => after.starts_with('['),
            // A definition, a link, or an emoji name.
            ':' => before.is_empty() || after.starts_with("//") || is_name_to_colon(before, after),
            _ => false,
        };
        if is_construct {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Escapes single-line text like [`text`], and also prevents addresses in it from becoming links.
/// Some renderers turn even `//host` into a link.
pub fn unlinked(line: &str) -> String {
    let text = text(line);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '/' && out.ends_with('/') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Returns whether the text after a colon is a name followed by another colon, as in `:tada:`. A
/// time of day does not count.
fn is_name_to_colon(before: &str, after: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
    let rest = after.trim_start_matches(is_name);
    let name = &after[..after.len() - rest.len()];
    let is_time = before.ends_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_digit());
    rest.starts_with(':') && !name.is_empty() && !is_time
}

/// Escapes multi-line text. Preserves paragraphs and line breaks.
pub fn paragraphs(shown: &str) -> String {
    let mut out = String::new();
    let mut lines = shown.lines().map(text).peekable();
    while let Some(line) = lines.next() {
        // A backslash at the end of a line is a hard line break.
        let breaks = !line.is_empty() && lines.peek().is_some_and(|next| !next.is_empty());
        out.push_str(&line);
        out.push_str(if breaks { "\\\n" } else { "\n" });
    }
    out
}

/// Returns text as a fenced code block. The fence is longer than any run of backticks in the text.
pub fn block(shown: &str) -> String {
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", shown.trim_end_matches('\n'))
}

/// Returns single-line text as a code span. For table cells, see [`cell`].
pub fn code(line: &str) -> String {
    if line.is_empty() {
        return String::new();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest + 1);
    // Parsers strip one space at each end, unless the text consists of spaces (CommonMark 6.1).
    let is_stripped = line.starts_with(' ') && line.ends_with(' ') && !line.trim_matches(' ').is_empty();
    let pad = if line.starts_with('`') || line.ends_with('`') || is_stripped { " " } else { "" };
    format!("{ticks}{pad}{line}{pad}{ticks}")
}

/// Returns text as a code span in a table cell, where `|` must be escaped as `\|`. If the text
/// itself contains `\|`, returns escaped text instead, since parsers disagree on additional
/// backslashes.
pub fn cell(line: &str) -> String {
    if line.contains(r"\|") || line.ends_with('\\') && line.contains('|') {
        return text(line);
    }
    code(line).replace('|', r"\|")
}

/// Returns a table's header.
pub fn head<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    format!("| {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len()))
}

/// Returns a table row. The cells must already be escaped.
pub fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("services.exe | rm", r"services.exe \| rm")]
    #[case("](https://evil.example)", r"\](https\://evil.example)")]
    #[case("<img src=x>", r"\<img src=x\>")]
    #[case("  - item", r"\- item")]
    #[case("+ a-b+c", r"\+ a-b+c")]
    #[case("== a=b", r"\== a=b")]
    #[case("1.1.1) :100:", r"1\.1.1) \:100:")]
    #[case("12) at 12:30:11", r"12\) at 12:30:11")]
    #[case("www.evil.example, a ![b](c) d!", r"www\.evil.example, a \!\[b\](c) d!")]
    #[case("1. item", r"1\. item")]
    #[case("@everyone #12 :tada: $x$", r"\@everyone \#12 \:tada: \$x\$")]
    #[case(r"C:\temp", r"C:\\temp")]
    #[case("&lt; `x` **b**", r"\&lt; \`x\` \*\*b\*\*")]
    fn escaped_text_contains_no_constructs(#[case] raw: &str, #[case] escaped: &str) {
        assert_eq!(text(raw), escaped);
    }

    #[test]
    fn long_hostile_lines_take_linear_time() {
        let half = 1 << 20;
        let hostile = [("1", "."), ("w", "."), (":", "a:"), ("www.", ")"), ("![", "!"), ("a", ":")];
        for (one, other) in hostile {
            let line = one.repeat(half) + &other.repeat(half);
            assert!(text(&line).len() >= line.len());
        }
    }

    #[test]
    fn lines_and_paragraphs_are_preserved() {
        assert_eq!(paragraphs("# a\nb\n\n    c"), "\\# a\\\nb\n\nc\n");
    }

    #[test]
    fn text_cannot_close_its_code_block() {
        assert_eq!(block("a\n````\nb\n"), "`````text\na\n````\nb\n`````\n");
        assert_eq!(block("a"), "```text\na\n```\n");
    }

    #[rstest]
    #[case("a", "`a`")]
    #[case("a `b` ``c", "```a `b` ``c```")]
    #[case("`a", "`` `a ``")]
    #[case(" a ", "`  a  `")]
    #[case("  ", "`  `")]
    #[case("a | b\\", "`a | b\\`")]
    fn text_cannot_end_its_code_span(#[case] raw: &str, #[case] span: &str) {
        assert_eq!(code(raw), span);
    }

    #[rstest]
    #[case("a | b", r"`a \| b`")]
    #[case(r"a\|b", r"a\\\|b")]
    #[case(r"C:\", r"`C:\`")]
    fn text_cannot_end_its_table_cell(#[case] raw: &str, #[case] written: &str) {
        assert_eq!(cell(raw), written);
    }

    proptest! {
        #[test]
        fn escaped_text_reads_back_unchanged(raw in "[ -~é]{0,40}") {
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
