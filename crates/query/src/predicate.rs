//! A resolved filter: a tree of tests without names, spans or quotes.
//!
//! This module defines the meaning of each test; [`super::Matcher`] only caches results. The module
//! does not know what Graph can filter by.

use std::{fmt, net::IpAddr, ops::Range};

use regex::Regex;

use super::{
    date::Interval,
    fields::{DateProperty, Enumeration, SearchScope},
    shown::ShownText,
};
use alertdeck_model::{
    attack::{self, Tactic},
    host, ip_address, short_type_name,
};
use alertdeck_odata as odata;
use alertdeck_odata::{Property, Value};
use alertdeck_store::{Facts, FeedId, FoldedText, Key, Row, Store, fold};

/// A resolved filter, for [`super::Matcher`].
#[derive(Clone, Debug)]
pub struct Predicate(pub(super) Test);

impl Predicate {
    /// Returns whether an alert matches, without caching. For many alerts, a [`super::Matcher`]
    /// gives the same results faster.
    pub fn matches(&self, store: &Store, row: Row) -> bool {
        self.0.matches(store, row)
    }

    /// Returns whether every alert matches, because the filter has no terms.
    pub fn is_always(&self) -> bool {
        self.0.is_always()
    }
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// One of the alert's enumerations has this member or this undeclared value.
    Member(Enumeration, String),
    /// The date is known and lies in the interval.
    Within(DateProperty, Interval),
    /// The date is known.
    Known(DateProperty),
    /// A value in scope matches one of the patterns.
    Text(TextTest),
    /// The alert is from one of these feeds.
    From(Vec<FeedId>),
    /// OData as typed, evaluated on the values that the service sent.
    Raw(odata::Expr),
}

#[derive(Clone, Debug)]
pub(super) struct TextTest {
    pub(super) scope: SearchScope,
    pub(super) patterns: Vec<Pattern>,
}

impl Test {
    /// Joins tests with "or". Text tests with the same scope are merged into one, so that a pasted
    /// list is searched for in a single pass.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts {
            let pieces = match part {
                Self::Any(inner) => inner,
                other => vec![other],
            };
            for piece in pieces {
                if let Self::Text(new) = &piece {
                    let same = flat.iter_mut().find_map(|one| match one {
                        Self::Text(old) if old.scope == new.scope => Some(old),
                        _ => None,
                    });
                    if let Some(old) = same {
                        old.patterns.extend(new.patterns.iter().cloned());
                        continue;
                    }
                }
                flat.push(piece);
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::Any(flat) }
    }

    pub(super) fn not(part: Self) -> Self {
        Self::Not(Box::new(part))
    }

    /// Returns an equivalent test for alerts from one feed. The result no longer tests the feed.
    pub(super) fn in_feed(&self, feed: FeedId) -> Self {
        let constant = |holds: bool| if holds { Self::All(Vec::new()) } else { Self::NEVER };
        match self {
            Self::All(parts) => {
                let parts = parts.iter().map(|part| part.in_feed(feed)).filter(|part| !part.is_always());
                let mut parts: Vec<_> = parts.collect();
                if parts.iter().any(Self::is_never) {
                    return Self::NEVER;
                }
                if parts.len() == 1 { parts.remove(0) } else { Self::All(parts) }
            }
            Self::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.in_feed(feed)).collect();
                if parts.iter().any(Self::is_always) {
                    return constant(true);
                }
                Self::any(parts.into_iter().filter(|part| !part.is_never()))
            }
            Self::Not(part) => match part.in_feed(feed) {
                part if part.is_always() => Self::NEVER,
                part if part.is_never() => constant(true),
                part => Self::not(part),
            },
            Self::From(feeds) => constant(feeds.contains(&feed)),
            other => other.clone(),
        }
    }

    /// The test that no alert passes.
    pub(super) const NEVER: Self = Self::Any(Vec::new());

    /// Returns whether this is the test that every alert passes.
    fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Returns whether this is the test that no alert passes.
    pub(super) fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }

    pub(super) fn matches(&self, store: &Store, row: Row) -> bool {
        let facts = store.facts(row);
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(store, row)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(store, row)),
            Self::Not(part) => !part.matches(store, row),
            Self::Member(enumeration, member) => eq_ignore_case(enumeration.value(facts), member),
            Self::Within(date, interval) => date.value(facts).is_some_and(|at| interval.contains(at)),
            Self::Known(date) => date.value(facts).is_some(),
            Self::Text(test) => store.terms(row).any(|(key, value)| {
                let Key { kind, path } = store.dictionary().key(key);
                test.scope.covers(kind.as_deref(), path) && test.matches_text(&store.dictionary().text(value))
            }),
            Self::From(feeds) => feeds.contains(&store.feed(row)),
            Self::Raw(expr) => {
                let owner = facts.assigned_to();
                let owner = owner.as_ref().map(alertdeck_model::SafeText::raw);
                expr.matches(&AsSent { facts, owner }, odata::Mode::default())
            }
        }
    }
}

impl TextTest {
    pub(super) fn matches_text(&self, value: &FoldedText<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(&value.raw, &value.folded))
    }
}

/// Compares strings ignoring case.
pub(super) fn eq_ignore_case(a: &str, b: &str) -> bool {
    a == b || a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

/// An alert's values as the service sent them. Unlike [`Facts`], they distinguish null from
/// `unknown`.
struct AsSent<'a> {
    facts: Facts<'a>,
    owner: Option<&'a str>,
}

impl odata::Row for AsSent<'_> {
    fn value(&self, property: Property) -> Value<'_> {
        let time = |date: DateProperty| date.value(self.facts).map_or(Value::Null, Value::Time);
        let member = |enumeration: Enumeration| {
            if enumeration.is_sent(self.facts) {
                Value::Text(enumeration.value(self.facts))
            } else {
                Value::Null
            }
        };
        match property {
            Property::AssignedTo => self.owner.map_or(Value::Null, Value::Text),
            Property::CreatedDateTime => time(DateProperty::Created),
            Property::LastUpdateDateTime => time(DateProperty::LastUpdate),
            Property::Severity => member(Enumeration::Severity),
            Property::Status => member(Enumeration::Status),
            Property::ServiceSource => member(Enumeration::Source),
            Property::Classification => member(Enumeration::Classification),
            Property::Determination => member(Enumeration::Determination),
        }
    }
}

/// A pattern for text. Its strings are folded.
#[derive(Clone)]
pub(super) enum Pattern {
    Contains(String),
    /// Equals the entire text. `typed` is the spelling to send to the service.
    Equals {
        folded: String,
        typed: String,
    },
    Prefix(String),
    /// A technique or one of its sub-techniques.
    Technique(String),
    /// A category that is this tactic, or a technique that belongs to it; `None` means any tactic.
    Tactic(Option<Tactic>),
    Network(Network),
    Domain(String),
    /// An evidence type's short name.
    Type(String),
    /// A regular expression, which is matched against text as sent.
    Expression(Regex),
    /// A wildcard pattern, which must match the entire folded text.
    Wildcard(Regex),
    /// Any text that is not empty.
    Filled,
    /// Any text that is not blank, `unknown` or `none`.
    Known,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "contains {text:?}"),
            Self::Equals { folded, .. } => write!(f, "is {folded:?}"),
            Self::Prefix(text) => write!(f, "starts with {text:?}"),
            Self::Technique(text) => write!(f, "technique {text:?}"),
            Self::Tactic(tactic) => write!(f, "tactic {tactic:?}"),
            Self::Network(network) => write!(f, "in {network:?}"),
            Self::Domain(text) => write!(f, "under {text:?}"),
            Self::Type(text) => write!(f, "type {text:?}"),
            Self::Expression(regex) => write!(f, "matches {:?}", regex.as_str()),
            Self::Wildcard(regex) => write!(f, "is like {:?}", regex.as_str()),
            Self::Filled => f.write_str("filled"),
            Self::Known => f.write_str("known"),
        }
    }
}

impl Pattern {
    pub(super) fn contains(text: &str) -> Self {
        Self::Contains(fold(text))
    }

    pub(super) fn equals(text: &str) -> Self {
        Self::Equals { folded: fold(text), typed: text.to_owned() }
    }

    pub(super) fn matches(&self, raw: &str, folded: &str) -> bool {
        match self {
            Self::Contains(text) => folded.contains(text.as_str()),
            Self::Equals { folded: whole, .. } => folded == whole,
            Self::Prefix(prefix) => folded.starts_with(prefix.as_str()),
            Self::Technique(technique) => is_under(folded, technique, '.'),
            Self::Tactic(wanted) => {
                Tactic::read(raw).is_some_and(|tactic| wanted.is_none_or(|wanted| wanted.includes(tactic)))
                    || attack::technique(raw).is_some_and(|known| known.serves(*wanted))
            }
            Self::Network(network) => ip_address(raw).is_some_and(|address| network.contains(address)),
            Self::Domain(domain) => {
                let host = host(folded);
                host.len() >= domain.len() && {
                    let (sub, parent) = host.split_at_checked(host.len() - domain.len()).unwrap_or(("", ""));
                    parent == domain && (sub.is_empty() || sub.ends_with('.'))
                }
            }
            Self::Type(name) => eq_ignore_case(short_type_name(raw), name),
            Self::Expression(regex) => regex.is_match(raw),
            Self::Wildcard(regex) => regex.is_match(folded),
            Self::Filled => !raw.is_empty(),
            Self::Known => !matches!(folded.trim(), "" | "unknown" | "none"),
        }
    }

    /// Returns the parts of displayed text that the pattern matches.
    pub(super) fn highlights(&self, shown: &ShownText<'_>) -> Vec<Range<usize>> {
        match self {
            Self::Contains(text) => shown.find(text),
            Self::Equals { folded: text, .. } | Self::Prefix(text) | Self::Domain(text)
                if self.matches(shown.text(), shown.folded()) =>
            {
                shown.find(text)
            }
            Self::Technique(_) | Self::Tactic(_) | Self::Network(_)
                if self.matches(shown.text(), shown.folded()) =>
            {
                std::iter::once(0..shown.text().len()).collect()
            }
            Self::Expression(regex) => {
                regex.find_iter(shown.text()).map(|found| found.range()).filter(|r| !r.is_empty()).collect()
            }
            Self::Wildcard(regex) if regex.is_match(shown.folded()) => {
                std::iter::once(0..shown.text().len()).filter(|range| !range.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Returns whether `text` is `parent` or one of its children.
fn is_under(text: &str, parent: &str, separator: char) -> bool {
    text.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

/// An IP address, or a network of addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    /// The length of the prefix in bits.
    prefix: u32,
}

impl Network {
    /// Parses an address or network, such as `10.0.0.1`, `10.0.0.0/8` or `2001:db8::/32`. A zone is
    /// dropped, and an IPv4-mapped IPv6 address is treated as IPv4.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let typed = ip_address(address)?;
        let (address, width, cut) = match (typed, typed.to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) => (v4, 32, 96),
            (_, v4 @ IpAddr::V4(_)) => (v4, 32, 0),
            (_, v6 @ IpAddr::V6(_)) => (v6, 128, 0),
        };
        let prefix = match prefix {
            Some(prefix) => prefix.checked_sub(cut)?,
            None => width,
        };
        (prefix <= width).then_some(Self { address, prefix })
    }

    /// Returns the KQL function that tests whether an address is in this network, and its argument.
    pub(super) fn in_range(&self) -> (&'static str, String) {
        let function = if self.address.is_ipv4() { "ipv4_is_in_range" } else { "ipv6_is_in_range" };
        (function, format!("{}/{}", self.address, self.prefix))
    }

    fn contains(&self, address: IpAddr) -> bool {
        fn common(a: u128, b: u128, width: u32) -> u32 {
            (a ^ b).leading_zeros() - (128 - width)
        }
        let bits = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => common(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => common(a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        bits >= self.prefix
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "one highlight is a list of one range")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("10.0.0.0/8", "10.1.2.3", true)]
    #[case("10.0.0.0/8", "11.0.0.1", false)]
    #[case("0.0.0.0/0", "9.9.9.9", true)]
    #[case("10.0.0.1", "::ffff:10.0.0.1", true)]
    #[case("::ffff:10.0.0.0/104", "10.1.1.1", true)]
    #[case("2001:db8::/32", "2001:DB8:1::1", true)]
    #[case("2001:db8::1", "2001:0db8:0:0:0:0:0:1", true)]
    #[case("::/0", "10.0.0.1", false)]
    #[case("fe80::1%eth0", "FE80::1", true)]
    fn networks_contain_their_addresses(
        #[case] network: &str,
        #[case] address: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(Network::parse(network).unwrap().contains(address.parse().unwrap()), expected);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0")]
    #[case("::ffff:10.0.0.0/8")]
    #[case("10.0.0.0/")]
    fn invalid_networks_are_refused(#[case] text: &str) {
        assert_eq!(Network::parse(text), None);
    }

    #[rstest]
    #[case("evil.com", true)]
    #[case("a.evil.com", true)]
    #[case("notevil.com", false)]
    #[case("https://user@x.evil.com:8080/evil?q#f", true)]
    #[case("https://good.com/evil.com", false)]
    #[case("someone@mail.evil.com", true)]
    #[case("evil.com.", true)]
    #[case("evil.com.good.org", false)]
    #[case("é", false)]
    fn domains_match_the_host_of_an_address(#[case] text: &str, #[case] found: bool) {
        assert_eq!(Pattern::Domain("evil.com".into()).matches(text, text), found);
    }

    #[rstest]
    #[case("CONTAINS tains", &[3..8, 9..14])]
    #[case("İstanbul tains", &[10..15])]
    fn highlights_are_ranges_of_the_shown_text(#[case] shown: &str, #[case] expected: &[Range<usize>]) {
        assert_eq!(Pattern::contains("TAINS").highlights(&ShownText::new(shown)), expected);
    }

    #[test]
    fn a_character_that_folds_to_two_is_highlighted_whole() {
        assert_eq!(Pattern::contains("i").highlights(&ShownText::new("aİb")), [1..3]);
    }

    proptest! {
        #[test]
        fn ascii_and_unicode_texts_have_the_same_highlights(needle in "[aAbi ]{1,3}", shown in "[aAbBi ]{0,24}") {
            let (pattern, longer) = (Pattern::contains(&needle), format!("{shown}é"));
            prop_assert_eq!(
                pattern.highlights(&ShownText::new(&shown)),
                pattern.highlights(&ShownText::new(&longer))
            );
        }

        #[test]
        fn highlights_are_at_character_boundaries(needle in "[aiİß\u{307}]{1,2}", shown in "[aiIİßA\u{307} é]{0,12}") {
            for range in Pattern::contains(&needle).highlights(&ShownText::new(&shown)) {
                prop_assert!(shown.get(range.clone()).is_some_and(|part| !part.is_empty()), "{:?}", range);
            }
        }
    }
}
