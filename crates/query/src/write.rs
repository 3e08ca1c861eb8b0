//! Filters written for the user: the way back from a value to the term that asks for it.
//!
//! A value that is looked for as a whole can be answered by an index as well. Its term and the
//! keys under which an index holds a text are decided here side by side, by the shape of the
//! field, so that both speak of the same alerts; a property test over the store holds that.

use std::{net::IpAddr, sync::LazyLock};

use super::{
    fields::{Field, FieldKind, Shape},
    resolve::is_hash,
    syntax::{self, MAX_LENGTH},
};
use alertdeck_model::IndicatorKind;
use alertdeck_model::host;
use alertdeck_store::{FoldedText, PostingRules, fold};

/// Words that mean something else in a filter than themselves.
const RESERVED: [&str; 6] = ["and", "or", "not", "none", "any", "me"];

/// The longest value, in bytes, that a term asks for as a whole: its quotes may double, and it has
/// to fit into a filter beside other terms.
const LONGEST: usize = MAX_LENGTH / 2 - 64;

/// The longest domain, in bytes, that a name may have (RFC 1035 2.3.4, as written). What is longer
/// has no keys: each of thousands of levels would be one.
const LONGEST_DOMAIN: usize = 253;

/// Writes a value as the filter language takes it literally: quoted unless it is a plain word.
pub fn literal(value: &str) -> String {
    let is_word = value.starts_with(char::is_alphanumeric)
        && value.chars().all(|c| c.is_alphanumeric() || "._@/-".contains(c))
        && !value.contains("..")
        && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(value));
    if is_word { value.to_owned() } else { quote(value) }
}

fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// Lists terms that may ask for a value of a field, the one for exactly this value first. Which of
/// them a field takes depends on the value: an undeclared member must be quoted, what is no
/// address is only found by a pattern for all of it.
pub fn terms(field: &str, value: &str) -> Vec<String> {
    let whole = super::named(field).and_then(|field| field.whole(value)).map(|whole| whole.term);
    let others = [
        format!("{field}:{}", literal(value)),
        format!("{field}:{}", quote(value)),
        format!("{field}~{}", quote(&format!("^{}$", regex::escape(value)))),
    ];
    whole.into_iter().chain(others).collect()
}

/// Joins a term to a filter.
pub fn join(filter: &str, term: &str) -> String {
    let filter = filter.trim();
    if filter.is_empty() {
        return term.to_owned();
    }
    // A filter with `or` in it is kept together.
    if syntax::parse(filter).is_alternative() {
        format!("({filter}) {term}")
    } else {
        format!("{filter} {term}")
    }
}

/// A value of a field that is looked for as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The term that asks for it.
    pub term: String,
    /// The key under which an index holds the texts that the term fits.
    pub key: String,
}

impl Field {
    /// Writes the term that asks for exactly this value: whole and without regard to case; an
    /// address in any spelling; a domain with its subdomains. `None` where no term does, as for a
    /// hash that is none.
    pub fn whole(&self, value: &str) -> Option<Whole> {
        let FieldKind::Text(shape, _) = self.kind else { return None };
        if value.len() > LONGEST {
            return None;
        }
        let name = self.name;
        let folded = fold(value);
        match shape {
            Shape::Address => {
                let key = address(value)?;
                Some(Whole { term: format!("{name}:{}", literal(&key)), key })
            }
            Shape::Domain => {
                let key = host(&folded).to_owned();
                let fits = (1..=LONGEST_DOMAIN).contains(&key.len());
                fits.then(|| Whole { term: format!("{name}:{}", literal(&key)), key })
            }
            _ => {
                let has_key = shape.is_whole(&folded);
                // Some fields compare nothing but whole values.
                let operator = if shape == Shape::Whole { ':' } else { '=' };
                has_key.then(|| Whole { term: format!("{name}{operator}{}", literal(value)), key: folded })
            }
        }
    }

    /// Tells the keys under which an index holds a text of this field: the key of a
    /// [`Field::whole`] value is among them where its term fits the text, and only there.
    pub fn keys(&self, word: FoldedText<'_>, mut each: impl FnMut(&str)) {
        let FieldKind::Text(shape, _) = self.kind else { return };
        match shape {
            Shape::Address => {
                if let Some(address) = address(word.text.raw()) {
                    each(&address);
                }
            }
            Shape::Domain => {
                let host = host(word.folded);
                let parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
                let named = |name: &&str| (1..=LONGEST_DOMAIN).contains(&name.len());
                std::iter::once(host).chain(parents).filter(named).for_each(each);
            }
            // What no term asks for needs no key.
            _ if word.text.raw().len() > LONGEST => {}
            _ => {
                if shape.is_whole(word.folded) {
                    each(word.folded);
                }
            }
        }
    }
}

/// Postings by the fields of the filter language: a value's rows are those that its term matches.
#[derive(Debug)]
pub struct FieldPostings;

/// The field of each kind of indicator, in the order of the kinds.
static FIELDS_BY_KIND: LazyLock<Vec<&'static Field>> =
    LazyLock::new(|| IndicatorKind::ALL.iter().filter_map(|(_, name)| super::named(name)).collect());

fn field(kind: IndicatorKind) -> &'static Field {
    FIELDS_BY_KIND[kind as usize]
}

impl PostingRules for FieldPostings {
    fn covers(&self, kind: IndicatorKind, evidence: Option<&str>, path: &str) -> bool {
        field(kind).covers(evidence, path)
    }

    fn keys(&self, kind: IndicatorKind, word: FoldedText<'_>, each: &mut dyn FnMut(&str)) {
        field(kind).keys(word, each);
    }

    fn key(&self, kind: IndicatorKind, value: &str) -> Option<String> {
        field(kind).whole(value).map(|whole| whole.key)
    }
}

impl Shape {
    /// Returns whether a folded text is a value that `=` compares as a whole.
    fn is_whole(self, folded: &str) -> bool {
        match self {
            Self::Words | Self::Account | Self::Whole | Self::Link => !folded.is_empty(),
            Self::Hash => is_hash(folded),
            Self::Owner | Self::Technique | Self::Address | Self::Domain | Self::Member(_) => false,
        }
    }
}

/// An address in the one spelling that stands for all of them.
fn address(text: &str) -> Option<String> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_kind_of_indicator_has_a_field() {
        for (kind, name) in IndicatorKind::ALL {
            assert_eq!(field(kind).name, name);
        }
    }

    #[rstest]
    #[case("device", "SRV-1.contoso.com", "device=SRV-1.contoso.com", "srv-1.contoso.com")]
    #[case("device", "none", "device=\"none\"", "none")]
    #[case("user", "CONTOSO\\\"bob\"", "user=\"CONTOSO\\\"\"bob\"\"\"", "contoso\\\"bob\"")]
    #[case("cmdline", "a * b", "cmdline=\"a * b\"", "a * b")]
    #[case("url", "hxxp://a[.]b", "url=\"hxxp://a[.]b\"", "hxxp://a[.]b")]
    #[case("incident", "77", "incident:77", "77")]
    #[case("hash", "ABCDEF01", "hash=ABCDEF01", "abcdef01")]
    #[case("ip", " ::ffff:10.0.0.1", "ip:10.0.0.1", "10.0.0.1")]
    #[case("ip", "2001:0DB8::0:1", "ip:\"2001:db8::1\"", "2001:db8::1")]
    #[case("domain", "https://x@A.evil.com:8080/a", "domain:a.evil.com", "a.evil.com")]
    fn a_value_has_a_term_and_a_key(
        #[case] field: &str,
        #[case] value: &str,
        #[case] term: &str,
        #[case] key: &str,
    ) {
        let whole = Whole { term: term.into(), key: key.into() };
        assert_eq!(super::super::named(field).unwrap().whole(value), Some(whole));
    }

    #[rstest]
    #[case("device", "")]
    #[case("hash", "abcde")]
    #[case("hash", "not one")]
    #[case("ip", "10.0.0.0/8")]
    #[case("domain", "https:///a")]
    #[case("severity", "high")]
    fn what_no_term_asks_for_has_none(#[case] field: &str, #[case] value: &str) {
        assert_eq!(super::super::named(field).unwrap().whole(value), None);
    }

    #[test]
    fn lengths_are_bounded() {
        let field = |name| super::super::named(name).unwrap();
        assert_eq!(field("device").whole(&"x".repeat(LONGEST + 1)), None);
        let long = "a.".repeat(5_000) + "com";
        assert_eq!(field("domain").whole(&long), None);
        let mut keys = 0;
        field("domain").keys(FoldedText { text: &long.as_str().into(), folded: &long }, |key| {
            assert!(key.len() <= LONGEST_DOMAIN);
            keys += 1;
        });
        assert_eq!(keys, 126);
        for (length, keys) in [(LONGEST, 1), (LONGEST + 1, 0)] {
            let text = "x".repeat(length);
            let (mut found, word) = (0, FoldedText { text: &text.as_str().into(), folded: &text });
            field("device").keys(word, |_| found += 1);
            assert_eq!((found, field("device").whole(&text).is_some()), (keys, keys == 1));
        }
    }
}
