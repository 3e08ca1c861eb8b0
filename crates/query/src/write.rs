//! Writes filters: quotes values, builds terms for values, and joins terms.
//!
//! An exact search for a value can also be answered by an index. The term for a value and the keys
//! of indexed text both depend on the kind of field. They are defined side by side here, so that
//! both select the same alerts. A property test over the store checks this.

use std::sync::LazyLock;

use super::{
    fields::{Field, FieldKind, TextKind},
    resolve::is_hash,
    syntax::{self, MAX_LENGTH},
};
use alertdeck_model::IndicatorKind;
use alertdeck_model::{host, ip_address};
use alertdeck_store::{FoldedText, PostingRules, fold};

/// Words with a special meaning in filters.
const RESERVED: [&str; 6] = ["and", "or", "not", "none", "any", "me"];

/// The maximum length of the value in an exact term, in bytes. Quotes in it may be doubled, and the
/// term must fit into a filter alongside other terms.
const MAX_VALUE: usize = MAX_LENGTH / 2 - 64;

/// The maximum length of a domain name in written form, in bytes (RFC 1035, 2.3.4). Longer names
/// have no keys; otherwise a single name could have thousands of them, one for each level.
const MAX_DOMAIN: usize = 253;

/// Writes a value so that the filter language takes it literally, quoting it unless it is a plain
/// word.
pub fn literal(value: &str) -> String {
    let is_word = value.starts_with(char::is_alphanumeric)
        && value.chars().all(|c| c.is_alphanumeric() || "._@/-".contains(c))
        && !value.contains("..")
        && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(value));
    if is_word { value.to_owned() } else { quote(value) }
}

/// Writes a value in quotes.
pub(super) fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// Lists candidate terms for a value of a field, starting with the exact term. Which of them is
/// valid depends on the value: an undeclared member must be quoted, and an `ip` value that is not
/// an address is matched only by a regular expression.
pub fn candidate_terms(field: &str, value: &str) -> Vec<String> {
    let exact = super::find_field(field).and_then(|of| match of.kind {
        FieldKind::Tenant => Some(format!("{field}={}", literal(value))),
        _ => of.exact_term(value).map(|exact| exact.term),
    });
    let others = [
        format!("{field}:{}", literal(value)),
        format!("{field}:{}", quote(value)),
        format!("{field}~{}", quote(&format!("^{}$", regex::escape(value)))),
    ];
    exact.into_iter().chain(others).collect()
}

/// Joins a term to a filter with "and".
pub fn join(filter: &str, term: &str) -> String {
    let filter = filter.trim();
    if filter.is_empty() {
        return term.to_owned();
    }
    // A filter with `or` at its top level needs parentheses.
    if syntax::parse(filter).is_alternative() {
        format!("({filter}) {term}")
    } else {
        format!("{filter} {term}")
    }
}

/// An exact search for a field value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactTerm {
    /// The term that matches the value.
    pub term: String,
    /// The index key for text that the term matches.
    pub key: String,
}

impl Field {
    /// Returns the term for exactly this value: the whole value ignoring case, an address in any
    /// spelling, or a domain with its subdomains. Returns `None` if there is no such term, for
    /// example for an invalid hash.
    pub fn exact_term(&self, value: &str) -> Option<ExactTerm> {
        let FieldKind::Text(text_kind, _) = self.kind else { return None };
        if value.len() > MAX_VALUE {
            return None;
        }
        let name = self.name;
        let folded = fold(value);
        match text_kind {
            TextKind::Address => {
                let key = address(value)?;
                Some(ExactTerm { term: format!("{name}:{}", literal(&key)), key })
            }
            TextKind::Domain => {
                let key = host(&folded).to_owned();
                let is_valid = (1..=MAX_DOMAIN).contains(&key.len());
                is_valid.then(|| ExactTerm { term: format!("{name}:{}", literal(&key)), key })
            }
            _ => {
                let has_key = text_kind.has_key(&folded);
                // These fields compare only whole values.
                let operator = if text_kind == TextKind::Exact { ':' } else { '=' };
                has_key
                    .then(|| ExactTerm { term: format!("{name}{operator}{}", literal(value)), key: folded })
            }
        }
    }

    /// Returns whether the keys of this field are derived, rather than being the folded value
    /// itself.
    pub fn has_derived_keys(&self) -> bool {
        matches!(self.kind, FieldKind::Text(TextKind::Address | TextKind::Domain, _))
    }

    /// Calls `each` with the keys derived from one of this field's values. They include the key of
    /// a [`Field::exact_term`] if and only if its term matches the value.
    pub fn derived_keys(&self, value: &FoldedText<'_>, each: impl FnMut(&str)) {
        let mut each = each;
        match self.kind {
            FieldKind::Text(TextKind::Address, _) => {
                if let Some(address) = address(&value.raw) {
                    each(&address);
                }
            }
            FieldKind::Text(TextKind::Domain, _) => {
                let host = host(&value.folded);
                let parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
                let is_valid = |name: &&str| (1..=MAX_DOMAIN).contains(&name.len());
                std::iter::once(host).chain(parents).filter(is_valid).for_each(each);
            }
            _ => {}
        }
    }
}

/// Posting rules based on the filter language's fields: a value's rows are those that its exact
/// term matches.
#[derive(Debug)]
pub struct FieldPostings;

/// The field for each indicator kind, in the same order as the kinds.
static FIELDS_BY_KIND: LazyLock<Vec<&'static Field>> =
    LazyLock::new(|| IndicatorKind::ALL.iter().filter_map(|(_, name)| super::find_field(name)).collect());

fn field(kind: IndicatorKind) -> &'static Field {
    FIELDS_BY_KIND[kind as usize]
}

impl PostingRules for FieldPostings {
    fn covers(&self, kind: IndicatorKind, evidence: Option<&str>, path: &str) -> bool {
        field(kind).covers(evidence, path)
    }

    fn key(&self, kind: IndicatorKind, value: &str) -> Option<String> {
        field(kind).exact_term(value).map(|whole| whole.key)
    }

    fn is_derived(&self, kind: IndicatorKind) -> bool {
        field(kind).has_derived_keys()
    }

    fn derived_keys(&self, kind: IndicatorKind, value: FoldedText<'_>, each: &mut dyn FnMut(&str)) {
        field(kind).derived_keys(&value, each);
    }
}

impl TextKind {
    /// Returns whether folded text can serve as a key.
    fn has_key(self, folded: &str) -> bool {
        match self {
            Self::Plain | Self::Account | Self::Exact | Self::Link => !folded.is_empty(),
            Self::Hash => is_hash(folded),
            Self::Owner | Self::Technique | Self::Address | Self::Domain | Self::Member(_) => false,
        }
    }
}

/// Returns an address in its canonical spelling.
fn address(text: &str) -> Option<String> {
    ip_address(text).map(|address| address.to_canonical().to_string())
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
    #[case("ip", "fe80::1%eth0", "ip:\"fe80::1\"", "fe80::1")]
    #[case("ip", "2001:0DB8::0:1", "ip:\"2001:db8::1\"", "2001:db8::1")]
    #[case("domain", "https://x@A.evil.com:8080/a", "domain:a.evil.com", "a.evil.com")]
    fn values_have_a_term_and_a_key(
        #[case] field: &str,
        #[case] value: &str,
        #[case] term: &str,
        #[case] key: &str,
    ) {
        let expected = ExactTerm { term: term.into(), key: key.into() };
        assert_eq!(super::super::find_field(field).unwrap().exact_term(value), Some(expected));
    }

    #[rstest]
    #[case("device", "")]
    #[case("hash", "abcde")]
    #[case("hash", "not one")]
    #[case("ip", "10.0.0.0/8")]
    #[case("domain", "https:///")]
    #[case("severity", "high")]
    fn invalid_values_have_no_exact_term(#[case] field: &str, #[case] value: &str) {
        assert_eq!(super::super::find_field(field).unwrap().exact_term(value), None);
    }

    #[test]
    fn long_values_have_no_terms_and_no_keys() {
        let field = |name| super::super::find_field(name).unwrap();
        assert_eq!(field("device").exact_term(&"x".repeat(MAX_VALUE + 1)), None);
        let long = "a.".repeat(5_000) + "com";
        assert_eq!(field("domain").exact_term(&long), None);
        let mut keys = 0;
        field("domain").derived_keys(&FoldedText { raw: (&long).into(), folded: (&long).into() }, |key| {
            assert!(key.len() <= MAX_DOMAIN);
            keys += 1;
        });
        assert_eq!(keys, 126);
    }
}
