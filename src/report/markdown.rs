//! Markdown (CommonMark with GitHub's tables) out of text that nobody may trust.

/// Escapes a text on one line: it comes out as it is and begins no construct, neither in the
/// middle of a line nor at its start.
///
/// What some construct begins with is escaped wherever it stands: CommonMark takes a backslash
/// before any punctuation mark (CommonMark 2.4). A mark that is one only in certain places is left
/// alone elsewhere, since not every form that a ticket is pasted into takes the backslash away
/// again: the dot of a domain, the colon of a path.
pub fn text(line: &str) -> String {
    let line = line.trim();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut out = String::with_capacity(line.len() + 8);
    for (at, c) in line.char_indices() {
        let (before, after) = (&line[..at], &line[at + c.len_utf8()..]);
        let is_construct = match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '$'
            | '@' | '^' => true,
            // A list, a line under a heading.
            '+' | '-' | '=' => before.is_empty(),
            // A numbered list; GitHub makes a link of what begins with `www.`.
            '.' | ')' => {
                let is_www = || {
                    let from = before.len().checked_sub(3);
                    from.is_some_and(|from| before.as_bytes()[from..].eq_ignore_ascii_case(b"www"))
                };
                at > 0 && at == digits || is_www()
            }
            // An image.
            '!' => after.starts_with('['),
            // A definition, a link, a name of an emoji.
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

/// Tells whether a name and a colon stand behind a colon, as in `:tada:`; a time of day is none.
fn is_name_to_colon(before: &str, after: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
    let rest = after.trim_start_matches(is_name);
    let name = &after[..after.len() - rest.len()];
    let is_time = before.ends_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_digit());
    rest.starts_with(':') && !name.is_empty() && !is_time
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

/// Puts a text on one line into a code span, where nothing is a construct. For the cell of a table
/// see [`cell`].
pub fn code(line: &str) -> String {
    if line.is_empty() {
        return String::new();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest + 1);
    // One blank at each end is taken off, but from a text of blanks alone (CommonMark 6.1).
    let is_stripped = line.starts_with(' ') && line.ends_with(' ') && !line.trim_matches(' ').is_empty();
    let pad = if line.starts_with('`') || line.ends_with('`') || is_stripped { " " } else { "" };
    format!("{ticks}{pad}{line}{pad}{ticks}")
}

/// Puts a text into a code span within the cell of a table, where a bar ends the cell unless a
/// backslash stands before it. Where the text has such a pair itself, parsers do not agree on what
/// another backslash means; there it is escaped text.
pub fn cell(line: &str) -> String {
    if line.contains(r"\|") || line.ends_with('\\') && line.contains('|') {
        return text(line);
    }
    code(line).replace('|', r"\|")
}

/// Writes the head of a table.
pub fn head<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    format!("| {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len()))
}

/// Writes a row of a table, of cells that are escaped already.
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
    fn nothing_is_a_construct(#[case] raw: &str, #[case] escaped: &str) {
        assert_eq!(text(raw), escaped);
    }

    #[test]
    fn a_long_line_takes_no_longer_than_a_long_line() {
        let half = 1 << 20;
        let hostile = [("1", "."), ("w", "."), (":", "a:"), ("www.", ")"), ("![", "!"), ("a", ":")];
        for (one, other) in hostile {
            let line = one.repeat(half) + &other.repeat(half);
            assert!(text(&line).len() >= line.len());
        }
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

    #[rstest]
    #[case("a", "`a`")]
    #[case("a `b` ``c", "```a `b` ``c```")]
    #[case("`a", "`` `a ``")]
    #[case(" a ", "`  a  `")]
    #[case("  ", "`  `")]
    #[case("a | b\\", "`a | b\\`")]
    fn no_text_ends_its_span(#[case] raw: &str, #[case] span: &str) {
        assert_eq!(code(raw), span);
    }

    #[rstest]
    #[case("a | b", r"`a \| b`")]
    #[case(r"a\|b", r"a\\\|b")]
    #[case(r"C:\", r"`C:\`")]
    fn no_text_ends_its_cell(#[case] raw: &str, #[case] written: &str) {
        assert_eq!(cell(raw), written);
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
