//! Recognises filters in the syntax of other tools, which would otherwise be read as words to
//! search for and find nothing.
//!
//! This module works on the text, before terms are resolved. It reports only the first slip,
//! because fixing that one often fixes the others. Text in double quotes is never a slip.

use std::ops::Range;

use alertdeck_odata as odata;
use alertdeck_odata::{Expr, Literal};

use super::{
    diagnostic::{Diagnostic, DiagnosticKind},
    fields::{self, Enumeration, Field, FieldKind, SearchScope},
    syntax::{Operator, head},
    write::literal,
};

/// Operators of other tools, each with its equivalent in the filter language. The words, which come
/// first, count as operators only between a field and a value.
const OPERATORS: [(&str, &str); 27] = [
    ("eq", ":"),
    ("ne", "!="),
    ("gt", ">"),
    ("ge", ">="),
    ("lt", "<"),
    ("le", "<="),
    ("contains", ":"),
    ("has", ":"),
    ("like", ":"),
    ("equals", "="),
    ("is", ":"),
    ("in", ":"),
    ("matches", "~"),
    ("===", "="),
    ("==", "="),
    ("=~", "="),
    (":=", "="),
    ("<>", "!="),
    ("!=", "!="),
    (">=", ">="),
    ("<=", "<="),
    ("=", "="),
    (":", ":"),
    (">", ">"),
    ("<", "<"),
    ("~", "~"),
    ("!~", "!="),
];

/// Words for a missing value in other tools. The filter language writes `none`.
const MISSING: [&str; 8] =
    ["unassigned", "nobody", "null", "nil", "empty", "unset", "unclassified", "undefined"];

/// Commands that follow a `|` in hunting and search languages.
const COMMANDS: [&str; 12] = [
    "where",
    "project",
    "take",
    "summarize",
    "extend",
    "sort",
    "order",
    "top",
    "limit",
    "search",
    "stats",
    "table",
];

/// Opening and closing quotes that the filter language does not use.
const QUOTES: [(char, char); 3] = [('\'', '\''), ('“', '”'), ('‘', '’')];

/// Finds the first likely mistake.
pub(super) fn find(text: &str) -> Option<Diagnostic> {
    if text.trim_start().starts_with('$') {
        return None;
    }
    let words = words(text);
    odata_without_dollar(text)
        .or_else(|| hunting_query(text, &words))
        .or_else(|| function(text))
        .or_else(|| (0..words.len()).find_map(|at| at_word(text, &words[at..])))
        .or_else(|| other_quotes(text))
}

fn slip(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(span, DiagnosticKind::OtherSyntax, message)
}

/// Returns the ranges of the words, without the parentheses and negations around them. A word ends
/// at whitespace outside double quotes.
fn words(text: &str) -> Vec<Range<usize>> {
    let (mut words, mut start, mut quoted) = (Vec::new(), None, false);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_whitespace() && !quoted {
            words.extend(start.take().map(|start| start..at));
            continue;
        }
        quoted ^= c == '"';
        start.get_or_insert(at);
    }
    words.extend(start.map(|start| start..text.len()));
    words.into_iter().map(|word| trimmed(text, word)).filter(|word| !word.is_empty()).collect()
}

fn trimmed(text: &str, word: Range<usize>) -> Range<usize> {
    let inner = text[word.clone()].trim_start_matches(['(', '-']);
    let start = word.end - inner.len();
    let (closing, opening) = (inner.matches(')').count(), inner.matches('(').count());
    let at_end = inner.len() - inner.trim_end_matches(')').len();
    start..word.end - closing.saturating_sub(opening).min(at_end)
}

/// Finds OData that lacks the `$`: `severity eq 'high'`.
fn odata_without_dollar(text: &str) -> Option<Diagnostic> {
    let expr = odata::parse(text.trim()).ok()?;
    let own = match &expr {
        Expr::Compare(property, odata::Operator::Eq, Literal::Text(value)) => {
            let field = fields::find_field(property.name())?;
            format!(", or write {}:{}", field.name, literal(value))
        }
        _ => String::new(),
    };
    Some(slip(0..text.len(), format!("this is OData; put $ in front of it{own}")).fix(0..0, "$"))
}

/// Finds a hunting query: `AlertInfo | where Severity == "High"`.
fn hunting_query(text: &str, words: &[Range<usize>]) -> Option<Diagnostic> {
    let pair = words.windows(2).find(|pair| {
        text[pair[0].clone()].ends_with('|')
            && COMMANDS.iter().any(|command| text[pair[1].clone()].eq_ignore_ascii_case(command))
    })?;
    let message = "this is a query for another tool; a filter selects alerts by their fields, as in severity:high title:x";
    Some(slip(pair[0].start..pair[1].end, message))
}

/// Finds an OData function: `contains(title, 'x')`.
fn function(text: &str) -> Option<Diagnostic> {
    const FUNCTIONS: [(&str, &str, &str); 3] =
        [("contains(", "", ""), ("startswith(", "", "*"), ("endswith(", "*", "")];
    let start = text.len() - text.trim_start().len();
    let rest = &text[start..];
    let is_function = |name: &str| rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let (name, before, after) = FUNCTIONS.into_iter().find(|(name, ..)| is_function(name))?;
    let end = rest.find(')')?;
    let (field, value) = rest[name.len()..end].split_once(',')?;
    fields::find_scope(field.trim())?;
    let value = value.trim().trim_matches(['\'', '"']);
    let fixed = format!("{}:{before}{}{after}", field.trim(), literal(value));
    let span = start..start + end + 1;
    Some(slip(span.clone(), "this is an OData function").fix(span, fixed))
}

/// Finds a slip that starts at the first of these words.
fn at_word(text: &str, words: &[Range<usize>]) -> Option<Diagnostic> {
    let first = words.first()?.clone();
    let word = &text[first.clone()];
    if let Some((length, operator, operator_length)) = head(word) {
        let rest = first.start + length + operator_length..first.end;
        let name = &word[..length];
        let scope = fields::find_scope(name)?;
        return glued_operator(text, first.clone(), length)
            .or_else(|| missing(text, &scope, operator, rest.clone()))
            .or_else(|| blank_after_operator(text, words, rest.clone()))
            .or_else(|| alternative(text, words, &scope, rest));
    }
    let scope = fields::find_scope(word)?;
    let next = words.get(1)?.clone();
    spaced_operator(text, first.clone(), &scope, words).or_else(|| {
        let enumeration = alert_enumeration(&scope)?;
        is_member(enumeration, &text[next.clone()]).then(|| {
            let message = "a field and its value are joined by a colon";
            slip(first.start..next.end, message).fix(first.end..next.start, ":")
        })
    })
}

/// Finds an operator of another tool without spaces around it: `severity=="high"`.
fn glued_operator(text: &str, word: Range<usize>, length: usize) -> Option<Diagnostic> {
    let start = word.start + length;
    let operators = OPERATORS.iter().filter(|(theirs, _)| theirs.len() > 1 && !is_own(theirs));
    let (theirs, ours) =
        operators.into_iter().find(|(theirs, _)| text[start..word.end].starts_with(theirs))?;
    let span = start..start + theirs.len();
    Some(slip(span.clone(), format!("`{theirs}` is not an operator here")).fix(span, *ours))
}

/// Finds another word for a missing value: `owner:unassigned`.
fn missing(text: &str, scope: &SearchScope, operator: Operator, value: Range<usize>) -> Option<Diagnostic> {
    let is_closed = scope.is_owner() || alert_enumeration(scope).is_some();
    let is_missing = MISSING.iter().any(|word| text[value.clone()].eq_ignore_ascii_case(word));
    let compares = matches!(operator, Operator::Has | Operator::Equal | Operator::Unequal);
    (is_closed && is_missing && compares)
        .then(|| slip(value.clone(), "a missing value is written `none`").fix(value, "none"))
}

/// Finds a space after an operator: `severity: high`.
fn blank_after_operator(text: &str, words: &[Range<usize>], value: Range<usize>) -> Option<Diagnostic> {
    let next = words.get(1)?.clone();
    let gap = value.end..next.start;
    (value.is_empty() && text[gap.clone()].trim().is_empty())
        .then(|| slip(words[0].start..next.end, "remove the space after the operator").fix(gap, ""))
}

/// Finds alternatives in which only the first value has a field: `severity:high or medium`.
fn alternative(
    text: &str,
    words: &[Range<usize>],
    scope: &SearchScope,
    value: Range<usize>,
) -> Option<Diagnostic> {
    let [first, or, other, ..] = words else { return None };
    let enumeration = alert_enumeration(scope)?;
    let is_or = ["or", "|", "||"].iter().any(|word| text[or.clone()].eq_ignore_ascii_case(word));
    (is_or && !value.is_empty() && is_member(enumeration, &text[other.clone()])).then(|| {
        slip(first.start..other.end, "several values of a field are joined by commas")
            .fix(value.end..other.start, ",")
    })
}

/// Finds an operator with a space before it: `title contains x`, `severity >= medium`, `severity
/// :high`.
fn spaced_operator(
    text: &str,
    field: Range<usize>,
    scope: &SearchScope,
    words: &[Range<usize>],
) -> Option<Diagnostic> {
    let next = words.get(1)?.clone();
    let (symbol, start) = match &text[next.clone()] {
        word if operator(word).is_some() => {
            words.get(2)?;
            (word, text.len() - text[next.end..].trim_start().len())
        }
        word => {
            let length = word.find(|c: char| !"=:!<>~".contains(c))?;
            (&word[..length], next.start + length)
        }
    };
    let ours = operator(symbol)?;
    let is_verb = matches!(symbol.to_ascii_lowercase().as_str(), "is" | "has" | "matches");
    if is_verb && alert_enumeration(scope).is_none() {
        return None;
    }
    let (end, value) = value_at(text, start)?;
    if symbol.eq_ignore_ascii_case("in") && !text[start..].starts_with('(') {
        return None;
    }
    let ours = if matches!(scope, SearchScope::Field(Field { kind: FieldKind::Enumeration(_), .. }))
        && ours == "="
    {
        ":"
    } else {
        ours
    };
    let fixed = format!("{}{ours}{value}", &text[field.clone()]);
    let message = "this is not valid filter syntax; to search for the words, put them in quotes";
    Some(slip(field.start..end, message).fix(field.start..end, fixed))
}

/// Reads a value in another tool's syntax: a word, quoted text or a list in parentheses. Returns
/// the end of the value, and the value in the filter language.
fn value_at(text: &str, start: usize) -> Option<(usize, String)> {
    let rest = &text[start..];
    if let Some(list) = rest.strip_prefix('(') {
        let length = list.find(')')?;
        let values: Vec<_> = list[..length].split(',').map(|value| written(value.trim())).collect();
        return Some((start + length + 2, values.join(",")));
    }
    let length = match rest.chars().next()? {
        quote @ ('\'' | '"') => 2 + rest[1..].find(quote)?,
        _ => {
            let length = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
            trimmed(text, start..start + length).end.checked_sub(start)?
        }
    };
    (length > 0).then(|| (start + length, written(&rest[..length])))
}

/// Writes a value in the filter language. A percent sign at one end becomes a wildcard; percent
/// signs at both ends are dropped.
fn written(value: &str) -> String {
    let value = value.trim_matches(['\'', '"']);
    let inner = value.trim_matches('%');
    let (before, after) = (value.starts_with('%'), value.len() > 1 && value.ends_with('%'));
    match (before, after) {
        (false, true) => format!("{}*", literal(inner)),
        (true, false) => format!("*{}", literal(inner)),
        _ => literal(inner),
    }
}

/// Finds text in quotes that the filter language does not use: `title:'two words'`.
fn other_quotes(text: &str) -> Option<Diagnostic> {
    let (mut quoted, mut before) = (false, ' ');
    // Quotes that are not closed in the rest of the text.
    let mut open = Vec::new();
    for (start, c) in text.char_indices() {
        quoted ^= c == '"';
        let is_start = before.is_whitespace() || "(:=<>~,-!".contains(before);
        before = c;
        let Some((_, close)) =
            QUOTES.iter().find(|(open, _)| *open == c).filter(|_| is_start && !quoted && !open.contains(&c))
        else {
            continue;
        };
        let inner = start + c.len_utf8();
        let is_end = |at: &usize| {
            let after = text[at + close.len_utf8()..].chars().next();
            after.is_none_or(|c| c.is_whitespace() || c == ')' || c == ',')
        };
        let Some(end) = text[inner..].match_indices(*close).map(|(at, _)| inner + at).find(is_end) else {
            open.push(c);
            continue;
        };
        if end == inner {
            continue;
        }
        let span = start..end + close.len_utf8();
        let fixed = format!("\"{}\"", text[inner..end].replace('"', "\"\""));
        return Some(slip(span.clone(), "text is put in double quotes").fix(span, fixed));
    }
    None
}

fn operator(word: &str) -> Option<&'static str> {
    OPERATORS.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(word)).map(|(_, ours)| *ours)
}

fn is_own(operator: &str) -> bool {
    matches!(operator, "!=" | ">=" | "<=") || operator.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Returns the field's enumeration if it belongs to the alert itself or is the evidence verdict.
fn alert_enumeration(scope: &SearchScope) -> Option<Enumeration> {
    let SearchScope::Field(field) = scope else { return None };
    field.enumeration().filter(|enumeration| {
        matches!(field.kind, FieldKind::Enumeration(_)) || *enumeration == Enumeration::Verdict
    })
}

fn is_member(enumeration: Enumeration, word: &str) -> bool {
    let aliases = enumeration.aliases().iter().map(|(alias, _)| *alias);
    enumeration.members().into_iter().chain(aliases).any(|name| name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn fixed(text: &str) -> Option<String> {
        let (span, fix) = find(text)?.fix?;
        let mut text = text.to_owned();
        text.replace_range(span, &fix);
        Some(text)
    }

    #[rstest]
    #[case("severity eq 'high'", "$severity eq 'high'")]
    #[case("severity eq 'high' and status ne 'new'", "$severity eq 'high' and status ne 'new'")]
    #[case("title eq 'two words'", "title:\"two words\"")]
    #[case("contains(title, 'two words')", "title:\"two words\"")]
    #[case("startswith(title,'x') status:new", "title:x* status:new")]
    #[case("owner:unassigned", "owner:none")]
    #[case("-class:null", "-class:none")]
    #[case("severity high", "severity:high")]
    #[case("(status OPEN x)", "(status:OPEN x)")]
    #[case("verdict malicious", "verdict:malicious")]
    #[case("title:'x'", "title:\"x\"")]
    #[case("title:'two words' x", "title:\"two words\" x")]
    #[case("'it''s' x", "\"it''s\" x")]
    #[case("title:“two words”", "title:\"two words\"")]
    #[case("title contains x", "title:x")]
    #[case("title like '%x%'", "title:x")]
    #[case("title like 'x%'", "title:x*")]
    #[case("severity = high", "severity:high")]
    #[case("severity == \"high\" x", "severity:high x")]
    #[case("severity==\"high\"", "severity=\"high\"")]
    #[case("severity >= medium", "severity>=medium")]
    #[case("severity<>high", "severity!=high")]
    #[case("severity: high", "severity:high")]
    #[case("severity :high", "severity:high")]
    #[case("severity in ('high', 'medium') x", "severity:high,medium x")]
    #[case("status is new", "status:new")]
    #[case("age < 7d", "age<7d")]
    #[case("severity:high or medium", "severity:high,medium")]
    fn the_syntax_of_other_tools_has_a_fix(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(fixed(text).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("mimikatz lsass")]
    #[case("\"severity high\"")]
    #[case("\"severity\" high")]
    #[case("severity:high medium")]
    #[case("severity:high or status:new")]
    #[case("severity:high or mimikatz")]
    #[case("file is malicious")]
    #[case("it's a don't")]
    #[case("cmdline:null assigned:ana")]
    #[case("title:\"it's 'quoted'\"")]
    #[case("device:srv-01 10.0.0.1:443 C:\\x")]
    #[case("path:\"'x'\" a|b")]
    #[case("user:o'neil x'")]
    #[case("$severity eq 'high'")]
    #[case("")]
    fn filters_and_plain_words_have_none(#[case] text: &str) {
        assert_eq!(find(text), None);
    }

    #[rstest]
    #[case("'x ")]
    #[case(")")]
    #[case("(")]
    #[case("a)")]
    #[case("title ")]
    #[case("x:\"")]
    #[case("'' ")]
    fn long_text_takes_no_more_time_than_its_length(#[case] part: &str) {
        // If the time were quadratic in the length, this would not finish.
        let _ = find(&part.repeat(100_000));
    }

    #[test]
    fn a_hunting_query_is_named() {
        let found = find("AlertInfo | where Severity == \"High\"").unwrap();
        assert!(found.message.contains("another tool"), "{found:?}");
        assert_eq!(found.fix, None);
    }
}
