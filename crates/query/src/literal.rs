//! Extracts literal strings from a pattern. All text that the pattern matches contains at least one
//! of them, so a search can quickly skip nearly all other text.

use alertdeck_store::fold;
use regex_syntax::{
    Parser,
    hir::literal::{ExtractKind, Extractor, Seq},
};

use super::predicate::Pattern;

impl Pattern {
    /// Returns the folded literals of the pattern. If the pattern matches a value, the folded form
    /// of the value contains at least one of them. Returns `None` if the pattern has no literals.
    pub(super) fn literals(&self) -> Option<Vec<String>> {
        let literals = match self {
            Self::Contains(text)
            | Self::Equals { folded: text, .. }
            | Self::Prefix(text)
            | Self::Technique(text)
            | Self::Domain(text) => vec![text.clone()],
            Self::Type(name) => vec![fold(name)],
            Self::Expression(regex) => of_expression(regex.as_str(), true)?,
            Self::Wildcard(regex) => of_expression(regex.as_str(), false)?,
            Self::Tactic(_) | Self::Network(_) | Self::Filled | Self::Known => return None,
        };
        literals.iter().all(|literal| !literal.is_empty()).then_some(literals)
    }
}

/// Returns the literals of an expression, taken from either the start or the end of its matches.
/// Every match contains at least one of them.
fn of_expression(expression: &str, ignore_case: bool) -> Option<Vec<String>> {
    let expression = Parser::new().parse(expression).ok()?;
    let mut prefixes = Extractor::new().kind(ExtractKind::Prefix).extract(&expression);
    prefixes.optimize_for_prefix_by_preference();
    let mut suffixes = Extractor::new().kind(ExtractKind::Suffix).extract(&expression);
    suffixes.optimize_for_suffix_by_preference();
    let found = [prefixes, suffixes].into_iter().filter_map(|sequence| texts(&sequence, ignore_case));
    found.max_by_key(|texts| texts.iter().map(String::len).min())
}

fn texts(sequence: &Seq, ignore_case: bool) -> Option<Vec<String>> {
    /// The minimum length of the strings. Shorter strings occur nearly everywhere.
    const LEAST: usize = 2;
    let texts = sequence.literals()?.iter().map(|literal| {
        let text = std::str::from_utf8(literal.as_bytes()).ok()?;
        if !ignore_case {
            return Some(text.to_owned());
        }
        // A letter may match letters that fold differently: `s` also matches the long s (`ſ`). It
        // is the only such letter in ASCII.
        let is_same = |c: char| c.is_ascii() && !c.eq_ignore_ascii_case(&'s');
        text.split(|c| !is_same(c)).max_by_key(|part| part.len()).map(str::to_ascii_lowercase)
    });
    let texts: Vec<String> = texts.collect::<Option<_>>()?;
    (!texts.is_empty() && texts.iter().all(|text| text.len() >= LEAST)).then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::RegexBuilder;
    use rstest::rstest;

    #[rstest]
    #[case::start("powerx.*y", &["powerx"])]
    #[case::end(".*mimikatz$", &["mimikatz"])]
    #[case::either("(?:curl|WGET) ", &["curl ", "wget "])]
    #[case::around_s("Discovery", &["covery"])]
    #[case::anything(".*", &[])]
    #[case::class("[0-9]+", &[])]
    #[case::short("a.*", &[])]
    #[case::umlaut("é.*ö", &[])]
    fn literals_of_expressions(#[case] expression: &str, #[case] expected: &[&str]) {
        assert_eq!(of_expression(expression, true).unwrap_or_default(), expected);
    }

    proptest! {
        #[test]
        fn every_match_contains_a_literal(
            expression in "[abkSsſKéß]{1,4}(\\.\\*|\\||\\?)?[abksſ]{0,3}",
            text in "[abkSsſKéßABK]{0,8}",
        ) {
            let regex = RegexBuilder::new(&expression).case_insensitive(true).dot_matches_new_line(true).build();
            let (Ok(regex), Some(literals)) = (regex, of_expression(&expression, true)) else { return Ok(()) };
            if regex.is_match(&text) {
                let folded = fold(&text);
                prop_assert!(literals.iter().any(|literal| folded.contains(literal)), "{:?}", literals);
            }
        }
    }
}
