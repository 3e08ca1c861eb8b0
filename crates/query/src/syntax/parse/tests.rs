//! Tests of the parser: trees, errors, limits.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

/// Writes the tree as text.
fn tree(text: &str) -> String {
    fn draw(node: &Node) -> String {
        let join = |parts: &[Node], by: &str| parts.iter().map(draw).collect::<Vec<_>>().join(by);
        match &node.kind {
            NodeKind::And(parts) => format!("({})", join(parts, " & ")),
            NodeKind::Or(parts) => format!("({})", join(parts, " | ")),
            NodeKind::Not(part) => format!("!{}", draw(part)),
            NodeKind::Term(term) => {
                let head = term.head.as_ref();
                let head = head.map(|head| format!("{}{:?} ", head.name, head.operator));
                let values: Vec<_> = term
                    .values
                    .iter()
                    .map(|value| format!("‹{}›{}", value.text(), if value.has_wildcard() { "w" } else { "" }))
                    .collect();
                format!("{}{}", head.unwrap_or_default(), values.join(","))
            }
        }
    }
    let query = parse(text);
    assert_eq!(query.diagnostics(), []);
    match &query.root {
        Root::Filter(node) => draw(node),
        other => format!("{other:?}"),
    }
}

#[rstest]
#[case::precedence("a b or c and d", "((‹a› & ‹b›) | (‹c› & ‹d›))")]
#[case::words("a OR not b | -c !d", "(‹a› | !‹b› | (!‹c› & !‹d›))")]
#[case::symbols("a && b || c & d", "((‹a› & ‹b›) | (‹c› & ‹&› & ‹d›))")]
#[case::groups("-(a or b) (c)", "(!(‹a› | ‹b›) & ‹c›)")]
#[case::glued("not(a)or(b)", "(!‹a› | ‹b›)")]
#[case::inner_dash("srv-01 a-b", "(‹srv-01› & ‹a-b›)")]
#[case::quoted_words(r#""or" "a ""b"" \" "-x""#, r#"(‹or› & ‹a "b" \› & ‹-x›)"#)]
#[case::list("severity:high,medium,\"a,b\"", "severityHas ‹high›,‹medium›,‹a,b›")]
#[case::operators(
    "a!=1 b>=2 c<=3 d>4 e<5 f=6 g~7",
    "(aUnequal ‹1› & bGreaterOrEqual ‹2› & cLessOrEqual ‹3› & dGreater ‹4› & eLess ‹5› & fEqual ‹6› & gMatches ‹7›)"
)]
#[case::wildcard(r#"srv-* "a*" title:*x* title=a*"#, "(‹srv-*›w & ‹a*› & titleHas ‹*x*›w & titleEqual ‹a*›)")]
#[case::regex("title~(a|b),c* x", "(titleMatches ‹(a|b),c*› & ‹x›)")]
#[case::windows_path(r"C:\Windows\x c:/x", r"(‹C:\Windows\x› & ‹c:/x›)")]
#[case::address(
    "https://x/?a=b fe80::1%eth0 aa:bb:cc:dd:ee:ff fe80::/10 ::1",
    "(‹https://x/?a=b› & ‹fe80::1%eth0› & ‹aa:bb:cc:dd:ee:ff› & ‹fe80::/10› & ‹::1›)"
)]
#[case::share(r"path:\\srv\x", r"pathHas ‹\\srv\x›")]
#[case::call("f(x) a|b a@b:1", "(‹f(x)› & ‹a|b› & ‹a@b:1›)")]
#[case::close("(title:x)", "titleHas ‹x›")]
#[case::annotation("@odata.type:x", "@odata.typeHas ‹x›")]
#[case::odata("$filter=status eq 'new'", "OData(Compare(Status, Eq, Text(\"new\")))")]
#[case::empty("  ", "Everything")]
fn filters_are_parsed(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(tree(text), expected);
}

#[rstest]
#[case::value("status:", 7..7, "missing value")]
#[case::value_before_blank("status: new", 7..7, "missing value")]
#[case::list("a:x,", 4..4, "missing value")]
#[case::list_start("a:,x", 2..2, "missing value")]
#[case::empty_quotes("title:\"\"", 6..8, "empty")]
#[case::quote("a \"b c", 2..6, "not closed")]
#[case::group("(a or b", 0..1, "not closed")]
#[case::close("a) b", 1..2, "no matching")]
#[case::empty_group("a ()", 2..4, "between these parentheses")]
#[case::or_end("a or", 2..4, "condition after")]
#[case::or_start("or a", 0..2, "condition before")]
#[case::and_end("a and", 2..5, "condition after")]
#[case::dash("a - b", 2..3, "after the negation")]
#[case::odata("$stats eq 'new'", 1..6, "Graph can filter alerts only by")]
fn errors_have_a_span_and_a_message(#[case] text: &str, #[case] span: Range<usize>, #[case] message: &str) {
    let query = parse(text);
    let diagnostic = &query.diagnostics()[0];
    assert_eq!(diagnostic.span, span, "{diagnostic:?}");
    assert!(diagnostic.message.contains(message), "{diagnostic:?}");
    assert_eq!(query.text(), text);
}

#[test]
fn parsing_continues_after_an_error() {
    let query = parse("status: (a) x: b");
    assert_eq!(query.diagnostics().len(), 2);
    assert_eq!(query.grouped(), "a b");
}

#[test]
fn implied_parentheses_are_shown() {
    assert_eq!(parse("a b or -(c or d) e").grouped(), "(a b) or (-(c or d) e)");
}

#[rstest]
#[case::parentheses("(".repeat(10_000), 64)]
#[case::negations("-".repeat(10_000), 64)]
#[case::words("not ".repeat(10_000), 256)]
#[case::long("x ".repeat(524_288), MAX_LENGTH)]
#[case::long_quote("é\"".repeat(524_288), MAX_LENGTH - 1)]
fn limits_are_errors_with_a_position(#[case] text: String, #[case] at: usize) {
    let query = parse(&text);
    let limit =
        query.diagnostics().iter().find(|diagnostic| diagnostic.kind == DiagnosticKind::Limit).unwrap();
    assert_eq!(limit.span.start, at);
}

proptest! {
    #[test]
    fn parsing_never_panics_and_spans_are_in_the_text(text in "[a-z:=!<>~()*,\"$ -]{0,40}|\\PC{0,40}") {
        let query = parse(&text);
        prop_assert_eq!(query.text(), &text);
        for diagnostic in query.diagnostics() {
            prop_assert!(text.get(diagnostic.span.clone()).is_some(), "{:?}", diagnostic);
        }
        query.grouped();
    }

    #[test]
    fn implied_parentheses_change_nothing(text in "([a-c]|or|-|\\(|\\)| ){0,30}") {
        let query = parse(&text);
        if query.diagnostics().is_empty() {
            let again = parse(&query.grouped());
            prop_assert_eq!(again.grouped(), query.grouped());
        }
    }
}
