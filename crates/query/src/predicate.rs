//! What a resolved filter asks of an alert: a tree of tests without names, spans or quotes.
//!
//! Here each test is defined once, plainly; [`super::Matcher`] only remembers answers. It knows
//! nothing of what Graph can filter.

use std::{fmt, net::IpAddr, ops::Range};

use regex::Regex;

use super::{
    fields::{Choice, Moment, Scope},
    moment::Interval,
    shown::Shown,
};
use alertdeck_model::{
    attack::{self, Tactic},
    host, short_type_name,
};
use alertdeck_odata as odata;
use alertdeck_odata::{Property, Value};
use alertdeck_store::{Dictionary, Facts, FoldedText, Key, fold};

/// A filter, resolved: what [`super::Matcher`] carries out.
#[derive(Clone, Debug)]
pub struct Predicate(pub(super) Test);

impl Predicate {
    /// Returns whether an alert fits, asking every test anew: for a single alert. For many, a
    /// [`super::Matcher`] gives the same answers faster.
    pub fn matches(&self, dictionary: &Dictionary, facts: &Facts) -> bool {
        self.0.matches(dictionary, facts)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// An enumeration of the alert has this member, or this undeclared text.
    Member(Choice, String),
    /// A moment is known and lies within.
    Within(Moment, Interval),
    /// A moment is known.
    Known(Moment),
    /// A value in scope fits one of the patterns.
    Text(TextTest),
    /// OData as typed, asked of the values as sent.
    Raw(odata::Expr),
}

#[derive(Clone, Debug)]
pub(super) struct TextTest {
    pub(super) scope: Scope,
    pub(super) patterns: Vec<Pattern>,
}

impl Test {
    /// Joins tests of which one must hold. Texts looked for in one place become one test, so
    /// that a pasted list is scanned for at once.
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

    pub(super) fn matches(&self, dictionary: &Dictionary, facts: &Facts) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(dictionary, facts)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(dictionary, facts)),
            Self::Not(part) => !part.matches(dictionary, facts),
            Self::Member(choice, member) => same(choice.of(facts), member),
            Self::Within(moment, interval) => moment.of(facts).is_some_and(|at| interval.contains(at)),
            Self::Known(moment) => moment.of(facts).is_some(),
            Self::Text(test) => facts.terms.iter().any(|(key, text)| {
                let Key { kind, path } = dictionary.key(*key);
                test.scope.covers(kind.as_deref(), path) && test.fits(dictionary.text(*text))
            }),
            Self::Raw(expr) => expr.matches(&AsSent { dictionary, facts }, odata::Mode::default()),
        }
    }
}

impl TextTest {
    pub(super) fn fits(&self, word: FoldedText<'_>) -> bool {
        self.patterns.iter().any(|pattern| pattern.fits(word.text.raw(), word.folded))
    }
}

/// Compares without regard to case.
pub(super) fn same(a: &str, b: &str) -> bool {
    a == b || a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

/// An alert's values as the service holds them: unlike [`Facts`], with null apart from unknown.
struct AsSent<'a> {
    dictionary: &'a Dictionary,
    facts: &'a Facts,
}

impl AsSent<'_> {
    fn member<'v>(&self, property: Property, unknown: bool, value: &'v str) -> Value<'v> {
        let sent = |name| {
            let mut keys = self.facts.terms.iter().map(|(key, _)| self.dictionary.key(*key));
            keys.any(|key| key.kind.is_none() && &*key.path == name)
        };
        if unknown && property.is_nullable() && !sent(property.name()) {
            return Value::Null;
        }
        Value::Text(value)
    }
}

impl odata::Row for AsSent<'_> {
    fn value(&self, property: Property) -> Value<'_> {
        let time = |moment: Moment| moment.of(self.facts).map_or(Value::Null, Value::Time);
        let member = |choice: Choice| {
            let value = choice.of(self.facts);
            self.member(property, value == "unknown", value)
        };
        match property {
            Property::AssignedTo => {
                self.facts.assigned_to.as_ref().map_or(Value::Null, |owner| Value::Text(owner.raw()))
            }
            Property::CreatedDateTime => time(Moment::Created),
            Property::LastUpdateDateTime => time(Moment::LastUpdate),
            Property::Severity => member(Choice::Severity),
            Property::Status => member(Choice::Status),
            Property::ServiceSource => member(Choice::Source),
            Property::Classification => member(Choice::Classification),
            Property::Determination => member(Choice::Determination),
        }
    }
}

/// What a text is asked. Texts inside are folded.
#[derive(Clone)]
pub(super) enum Pattern {
    Contains(String),
    /// The whole text; with how it was typed, which is what the service is asked for.
    Equals {
        folded: String,
        typed: String,
    },
    Prefix(String),
    /// A technique or a sub-technique of it.
    Technique(String),
    /// A category that is a tactic, or a technique that serves it; `None` is any tactic.
    Tactic(Option<Tactic>),
    Network(Network),
    Domain(String),
    /// The short name of a type.
    Type(String),
    /// A wildcard or a regular expression.
    Expression(Regex),
    /// Not empty.
    Filled,
    /// Neither blank nor a word for "nothing known".
    Known,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "contains {text:?}"),
            Self::Equals { folded, .. } => write!(f, "is {folded:?}"),
            Self::Prefix(text) => write!(f, "begins {text:?}"),
            Self::Technique(text) => write!(f, "technique {text:?}"),
            Self::Tactic(tactic) => write!(f, "tactic {tactic:?}"),
            Self::Network(network) => write!(f, "in {network:?}"),
            Self::Domain(text) => write!(f, "under {text:?}"),
            Self::Type(text) => write!(f, "type {text:?}"),
            Self::Expression(regex) => write!(f, "fits {:?}", regex.as_str()),
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

    pub(super) fn fits(&self, raw: &str, folded: &str) -> bool {
        match self {
            Self::Contains(text) => folded.contains(text.as_str()),
            Self::Equals { folded: whole, .. } => folded == whole,
            Self::Prefix(prefix) => folded.starts_with(prefix.as_str()),
            Self::Technique(technique) => is_under(folded, technique, '.'),
            Self::Tactic(asked) => {
                let serves = |tactic: Tactic| asked.is_none_or(|asked| asked == tactic);
                Tactic::read(raw).is_some_and(serves)
                    || attack::technique(raw).is_some_and(|known| known.tactics.iter().copied().any(serves))
            }
            Self::Network(network) => raw.trim().parse().is_ok_and(|address| network.contains(address)),
            Self::Domain(domain) => {
                let host = host(folded);
                host.len() >= domain.len() && {
                    let (sub, parent) = host.split_at_checked(host.len() - domain.len()).unwrap_or(("", ""));
                    parent == domain && (sub.is_empty() || sub.ends_with('.'))
                }
            }
            Self::Type(name) => same(short_type_name(raw), name),
            Self::Expression(regex) => regex.is_match(raw),
            Self::Filled => !raw.is_empty(),
            Self::Known => !matches!(folded.trim(), "" | "unknown" | "none"),
        }
    }

    /// The parts of a shown text that the pattern speaks of; none where it does not fit.
    pub(super) fn highlights(&self, shown: &Shown<'_>) -> Vec<Range<usize>> {
        match self {
            Self::Contains(text) => shown.find(text),
            Self::Equals { folded: text, .. } | Self::Prefix(text) | Self::Domain(text)
                if self.fits(shown.text(), shown.folded()) =>
            {
                shown.find(text)
            }
            Self::Technique(_) | Self::Tactic(_) | Self::Network(_)
                if self.fits(shown.text(), shown.folded()) =>
            {
                std::iter::once(0..shown.text().len()).collect()
            }
            Self::Expression(regex) => {
                regex.find_iter(shown.text()).map(|found| found.range()).filter(|r| !r.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Returns whether `text` is `parent` or stands under it.
fn is_under(text: &str, parent: &str, separator: char) -> bool {
    text.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

/// An address or a range of addresses with a common beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    /// Bits that count.
    prefix: u32,
}

impl Network {
    /// Reads `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`. An IPv4 address written as IPv6 is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let typed: IpAddr = address.parse().ok()?;
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
    fn networks_hold_their_addresses(#[case] network: &str, #[case] address: &str, #[case] held: bool) {
        assert_eq!(Network::parse(network).unwrap().contains(address.parse().unwrap()), held);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0")]
    #[case("::ffff:10.0.0.0/8")]
    #[case("10.0.0.0/")]
    fn what_is_no_network_is_refused(#[case] text: &str) {
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
    fn domains_are_found_in_hosts(#[case] text: &str, #[case] found: bool) {
        assert_eq!(Pattern::Domain("evil.com".into()).fits(text, text), found);
    }

    #[rstest]
    #[case("CONTAINS tains", &[3..8, 9..14])]
    #[case("İstanbul tains", &[10..15])]
    fn highlights_speak_of_the_shown_text(#[case] shown: &str, #[case] expected: &[Range<usize>]) {
        assert_eq!(Pattern::contains("TAINS").highlights(&Shown::new(shown)), expected);
    }

    #[test]
    fn a_character_that_folds_to_two_is_shown_whole() {
        assert_eq!(Pattern::contains("i").highlights(&Shown::new("aİb")), [1..3]);
    }

    proptest! {
        #[test]
        fn highlights_in_ascii_are_those_in_any_text(needle in "[aAbi ]{1,3}", shown in "[aAbBi ]{0,24}") {
            let (pattern, longer) = (Pattern::contains(&needle), format!("{shown}é"));
            prop_assert_eq!(
                pattern.highlights(&Shown::new(&shown)),
                pattern.highlights(&Shown::new(&longer))
            );
        }

        #[test]
        fn highlights_can_be_cut(needle in "[aiİß\u{307}]{1,2}", shown in "[aiIİßA\u{307} é]{0,12}") {
            for range in Pattern::contains(&needle).highlights(&Shown::new(&shown)) {
                prop_assert!(shown.get(range.clone()).is_some_and(|part| !part.is_empty()), "{:?}", range);
            }
        }
    }
}
