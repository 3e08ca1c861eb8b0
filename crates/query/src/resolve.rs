//! Resolves a term of the syntax tree, with its names, members, dates and patterns, into a test.
//!
//! This module implements the rules for operators and values (docs/filter-language.md,
//! "Operators"). It handles one term at a time.

mod bare;
mod tactic;
mod technique;

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};

use super::{
    date::{self, Clock, DateInput},
    diagnostic::{Diagnostic, DiagnosticKind},
    fields::{self, DateProperty, Enumeration, FIELDS, Field, FieldKind, SearchScope, TextKind},
    plan::Tenant,
    predicate::{Network, Pattern, Test, TextTest, eq_ignore_case},
    properties::PROPERTIES,
    syntax::{Head, Operator, Piece, Term, Value},
    write::literal,
};
use alertdeck_model::{
    SafeText, Severity, Timestamp,
    attack::{Tactic, Technique},
    defang::refang,
    host,
};
use alertdeck_store::{FeedId, fold};

/// The minimum number of digits accepted for a hash.
const MIN_HASH: usize = 6;
/// The maximum size of a compiled regular expression, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// Resolves terms and collects information about them for the plan.
pub(super) struct Resolver<'a> {
    pub(super) clock: Clock<'a>,
    pub(super) tenants: &'a [Tenant],
    /// The earliest time at which a relative date or a duration must be resolved again.
    pub(super) stale_at: Option<Timestamp>,
    /// The technique names that were typed, with the techniques that they match.
    pub(super) named: Vec<NamedTechniques>,
    /// The terms that compare whole values, rewritten to match part of a value.
    pub(super) whole: Vec<String>,
}

/// A technique name or part of one, as typed, with the techniques that it matches. Unless the name
/// is exact, the filter also matches their sub-techniques.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedTechniques {
    /// The name as typed.
    pub typed: String,
    /// The techniques, serialised as IDs.
    #[serde(serialize_with = "ids")]
    pub techniques: Vec<&'static Technique>,
}

fn ids<S: Serializer>(techniques: &[&'static Technique], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(techniques.iter().map(|technique| technique.id))
}

type Outcome = Result<Test, Diagnostic>;

fn bad_value(value: &Value, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(value.span.clone(), DiagnosticKind::BadValue, message)
}

impl Resolver<'_> {
    pub(super) fn term(&mut self, term: &Term) -> Outcome {
        let Some(head) = &term.head else {
            return bare::word(&term.values[0]);
        };
        let Some(scope) = fields::find_scope(&head.name) else { return Err(unknown_field(head, term)) };
        let values = &term.values;
        if head.operator.is_order() && values.len() > 1 {
            let diagnostic = Diagnostic::new(
                values[1].span.clone(),
                DiagnosticKind::WrongOperator,
                "> >= < <= take one value; use : = or != with a list",
            );
            return Err(diagnostic);
        }
        let tests: Result<Vec<_>, _> = values.iter().map(|value| self.value(head, &scope, value)).collect();
        let any = Test::any(tests?);
        Ok(if head.operator == Operator::Unequal { Test::not(any) } else { any })
    }

    fn value(&mut self, head: &Head, scope: &SearchScope, value: &Value) -> Outcome {
        let kind = match scope {
            SearchScope::Field(field) => &field.kind,
            SearchScope::Anywhere | SearchScope::Property(_) => &FieldKind::Text(TextKind::Plain, &[]),
        };
        let keyword = if value.quoted || head.operator.is_order() || head.operator == Operator::Matches {
            String::new()
        } else {
            value.text().to_ascii_lowercase()
        };
        let present = match kind {
            _ if keyword != "none" && keyword != "any" => None,
            // A missing value counts as the member `unknown`.
            FieldKind::Enumeration(enumeration) => {
                Some(Test::not(Test::Member(*enumeration, "unknown".into())))
            }
            FieldKind::Date(date) | FieldKind::Age(date) => Some(Test::Known(*date)),
            FieldKind::Tenant => Some(Test::From(self.feeds(|_| true))),
            FieldKind::Text(text_kind, _) => {
                let pattern = match text_kind {
                    TextKind::Owner => Pattern::Filled,
                    TextKind::Member(Enumeration::Tactic) => Pattern::Tactic(None),
                    _ => Pattern::Known,
                };
                Some(Test::Text(TextTest { scope: scope.clone(), patterns: vec![pattern] }))
            }
        };
        if let Some(present) = present {
            return Ok(match (keyword.as_str(), present) {
                ("any", present) => present,
                (_, Test::Not(absent)) => *absent,
                (_, present) => Test::not(present),
            });
        }
        match kind {
            FieldKind::Enumeration(enumeration) => enumeration_test(head, *enumeration, value),
            FieldKind::Date(date) => self.date(head, *date, value, false),
            FieldKind::Age(date) => self.date(head, *date, value, true),
            FieldKind::Tenant => self.tenant(head, value),
            FieldKind::Text(text_kind, _) => self.text(head, scope, *text_kind, value),
        }
    }

    /// Returns the feeds of the tenants that `is_meant` accepts.
    fn feeds(&self, is_meant: impl Fn(&Tenant) -> bool) -> Vec<FeedId> {
        self.tenants.iter().filter(|tenant| is_meant(tenant)).filter_map(|tenant| tenant.feed).collect()
    }

    /// Resolves a tenant's name. The name of a tenant whose alerts are not in the list is also
    /// valid.
    fn tenant(&self, head: &Head, value: &Value) -> Outcome {
        if head.operator.is_order() {
            return Err(wrong_operator(head, "this field cannot be compared with < or >; use : = != ~"));
        }
        let text = value.text();
        let pattern = match head.operator {
            Operator::Matches => regex(&text, value)?,
            _ if value.has_wildcard() => wildcard(value, str::to_owned)?,
            Operator::Has => Pattern::contains(&text),
            _ => Pattern::equals(&text),
        };
        let is_meant = |tenant: &Tenant| tenant.names.iter().any(|name| pattern.matches(name, &fold(name)));
        if !self.tenants.iter().any(is_meant) {
            return Err(self.unknown_tenant(&text, value));
        }
        Ok(Test::From(self.feeds(is_meant)))
    }

    fn unknown_tenant(&self, text: &str, value: &Value) -> Diagnostic {
        let names = self.tenants.iter().flat_map(|tenant| tenant.names.iter().map(String::as_str));
        let shown: Vec<_> = self.tenants.iter().filter_map(|tenant| tenant.names.first()).collect();
        let message = match shown.len() {
            0 => "these alerts have no tenant name".to_owned(),
            1..=8 => {
                let shown: Vec<_> = shown.iter().map(|name| SafeText::new(name).line()).collect();
                format!("no tenant has this name; expected one of {}", shown.join(", "))
            }
            _ => "no tenant has this name".to_owned(),
        };
        let diagnostic = Diagnostic::new(value.span.clone(), DiagnosticKind::UnknownTenant, message);
        let mut diagnostic = diagnostic.nearest(text, names);
        if let Some((_, name)) = &mut diagnostic.fix {
            *name = literal(name);
        }
        diagnostic
    }

    /// Returns the test for the signed-in user's alerts. Each tenant may have a different user.
    fn mine(&self, scope: &SearchScope, value: &Value) -> Outcome {
        let known = |tenant: &Tenant| Some((tenant.me.clone()?, tenant.feed?));
        let mut users: Vec<(String, Vec<FeedId>)> = Vec::new();
        for (me, feed) in self.tenants.iter().filter_map(known) {
            match users.iter_mut().find(|(user, _)| *user == me) {
                Some((_, feeds)) => feeds.push(feed),
                None => users.push((me, vec![feed])),
            }
        }
        let owned_by =
            |me: &str| Test::Text(TextTest { scope: scope.clone(), patterns: vec![Pattern::equals(me)] });
        let everywhere = self.feeds(|_| true).len();
        match users.as_slice() {
            [] => {
                let message = "nobody is signed in, so `me` is unknown; use an address instead";
                Err(Diagnostic::new(value.span.clone(), DiagnosticKind::NotSignedIn, message))
            }
            [(me, feeds)] if feeds.len() == everywhere => Ok(owned_by(me)),
            users => Ok(Test::any(
                users.iter().map(|(me, feeds)| Test::All(vec![Test::From(feeds.clone()), owned_by(me)])),
            )),
        }
    }

    fn date(&mut self, head: &Head, date: DateProperty, value: &Value, age: bool) -> Outcome {
        if head.operator == Operator::Matches {
            return Err(wrong_operator(head, "use : = != > >= < <= with a date field"));
        }
        let expected = if age {
            "expected a duration such as 90m, 24h, 7d or 2w"
        } else {
            "expected a date such as 2026-11-01, a time, today, a range a..b, or an age such as 24h"
        };
        let text = value.text();
        let mut read = |text: &str| {
            let input = self.clock.read(text)?;
            if age && !matches!(input, DateInput::Ago(_)) {
                return None;
            }
            let stale = self.clock.stale_at(input);
            self.stale_at = self.stale_at.into_iter().chain(stale).min();
            Some(input)
        };
        if let Some((from, to)) = date::range(&text) {
            if head.operator.is_order() {
                return Err(wrong_operator(head, "use : = or != with a range"));
            }
            let mut end = |at: Range<usize>| match &text[at] {
                "" => Ok(None),
                text => read(text).map(Some).ok_or_else(|| bad_value(value, expected)),
            };
            return match date::between(end(from)?, end(to)?) {
                Some(interval) => Ok(Test::Within(date, interval)),
                None => Err(bad_value(value, "the range is empty; put the earlier date first")),
            };
        }
        let input = read(&text).ok_or_else(|| bad_value(value, expected))?;
        match date::interval(head.operator, input) {
            Some(interval) => Ok(Test::Within(date, interval)),
            None => Err(wrong_operator(head, "use < (within) or > (longer ago) with a duration")
                .fix(head.operator_span.clone(), "<")),
        }
    }

    fn text(&mut self, head: &Head, scope: &SearchScope, text_kind: TextKind, value: &Value) -> Outcome {
        let text = value.text();
        if head.operator.is_order() {
            return Err(wrong_operator(head, "this field cannot be compared with < or >; use : = != ~"));
        }
        if text_kind == TextKind::Technique {
            return Ok(Test::Text(TextTest {
                scope: scope.clone(),
                patterns: self.techniques(head, value)?,
            }));
        }
        let of = |pattern| Test::Text(TextTest { scope: scope.clone(), patterns: vec![pattern] });
        let is_tactic = text_kind == TextKind::Member(Enumeration::Tactic);
        if head.operator == Operator::Matches {
            let pattern = regex(&text, value)?;
            return Ok(if is_tactic { tactic::matching(scope, pattern) } else { of(pattern) });
        }
        // Quoted text is literal.
        let fanged =
            matches!(text_kind, TextKind::Address | TextKind::Domain | TextKind::Link) && !value.quoted;
        if value.has_wildcard() {
            let pattern = wildcard(value, if fanged { refang } else { str::to_owned })?;
            return Ok(if is_tactic { tactic::matching(scope, pattern) } else { of(pattern) });
        }
        let text = if fanged { refang(&text) } else { text };
        let exact = head.operator != Operator::Has;
        Ok(of(match text_kind {
            TextKind::Member(enumeration) => {
                let spelled = Tactic::read(&text).filter(|_| is_tactic);
                if let Some(tactic) = spelled {
                    return Ok(of(Pattern::Tactic(Some(tactic))));
                }
                let members = members(enumeration, value)?;
                let pattern = |name: &String| match enumeration {
                    Enumeration::EvidenceType => Pattern::Type(name.clone()),
                    Enumeration::Tactic => Tactic::read(name)
                        .map_or_else(|| Pattern::equals(name), |tactic| Pattern::Tactic(Some(tactic))),
                    _ => Pattern::equals(name),
                };
                let patterns = members.iter().map(pattern).collect();
                return Ok(Test::Text(TextTest { scope: scope.clone(), patterns }));
            }
            TextKind::Owner if !value.quoted && text.eq_ignore_ascii_case("me") => {
                return self.mine(scope, value);
            }
            TextKind::Owner if text.contains('@') => Pattern::equals(&text),
            TextKind::Exact => Pattern::equals(&text),
            TextKind::Address => Pattern::Network(Network::parse(&text).ok_or_else(|| {
                bad_value(
                    value,
                    "expected an IP address, a network such as 10.0.0.0/8, or a wildcard such as 10.0.*",
                )
            })?),
            TextKind::Hash => {
                let hash = text.to_ascii_lowercase();
                if !is_hash(&hash) {
                    let message = format!("expected a hash or at least its first {MIN_HASH} digits");
                    return Err(bad_value(value, message));
                }
                if exact { Pattern::equals(&hash) } else { Pattern::Prefix(hash) }
            }
            _ if exact => {
                if head.operator == Operator::Equal && !value.quoted {
                    self.whole.push(format!("{}:{}", head.name, literal(&text)));
                }
                Pattern::equals(&text)
            }
            TextKind::Domain => {
                // A pasted link or mail address is reduced to its domain.
                let domain = fold(host(&text));
                if domain.is_empty() {
                    return Err(bad_value(value, "expected a domain such as evil.example"));
                }
                Pattern::Domain(domain)
            }
            TextKind::Account if text.contains('\\') => return Ok(account(scope, &text)),
            TextKind::Plain | TextKind::Account | TextKind::Owner | TextKind::Link | TextKind::Technique => {
                Pattern::contains(&text)
            }
        }))
    }
}

/// Returns whether the text is a hash, or a long enough prefix of one.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() >= MIN_HASH && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Returns the test for `DOMAIN\name`, whose parts are separate values in alerts.
fn account(scope: &SearchScope, text: &str) -> Test {
    let (domain, name) = text.split_once('\\').unwrap_or(("", text));
    let test = |scope, pattern| Test::Text(TextTest { scope, patterns: vec![pattern] });
    Test::All(vec![
        test(SearchScope::Property("domainname".into()), Pattern::equals(domain)),
        test(scope.clone(), Pattern::contains(name)),
    ])
}

/// Resolves a term for one of the alert's enumerations.
fn enumeration_test(head: &Head, enumeration: Enumeration, value: &Value) -> Outcome {
    if head.operator == Operator::Matches || head.operator.is_order() && enumeration != Enumeration::Severity
    {
        let message = match enumeration {
            Enumeration::Severity => "use : = != > >= < <= with severity",
            _ => "use : = or != with this field",
        };
        return Err(wrong_operator(head, message));
    }
    let members = members(enumeration, value)?;
    if !head.operator.is_order() {
        return Ok(Test::any(members.into_iter().map(|member| Test::Member(enumeration, member))));
    }
    let Some(limit) = members.first().and_then(|member| Severity::read(member).rank()) else {
        return Err(bad_value(value, "this severity cannot be compared with < or >"));
    };
    let fits = |rank: u8| match head.operator {
        Operator::Greater => rank > limit,
        Operator::GreaterOrEqual => rank >= limit,
        Operator::Less => rank < limit,
        _ => rank <= limit,
    };
    let ranked: Vec<_> = Severity::MEMBERS
        .iter()
        .filter(|(_, severity)| severity.rank().is_some_and(fits))
        .map(|(name, _)| Test::Member(enumeration, (*name).to_owned()))
        .collect();
    if ranked.is_empty() {
        return Err(bad_value(value, "there is no severity beyond this one"));
    }
    Ok(Test::any(ranked))
}

/// Returns the members that a value names. A quoted value may name an undeclared member.
fn members(enumeration: Enumeration, value: &Value) -> Result<Vec<String>, Diagnostic> {
    let text = value.text();
    let names = enumeration.members();
    if let Some(name) = names.iter().find(|name| eq_ignore_case(name, &text)) {
        return Ok(vec![(*name).to_owned()]);
    }
    if value.quoted {
        // A blank member counts as a missing value, which the first member represents.
        let is_missing = text.trim().is_empty() && enumeration.property().is_some();
        return Ok(vec![if is_missing { names[0].to_owned() } else { text }]);
    }
    let aliases = enumeration.aliases();
    if let Some((_, members)) = aliases.iter().find(|(alias, _)| eq_ignore_case(alias, &text)) {
        return Ok(members.iter().map(|member| (*member).to_owned()).collect());
    }
    let all = || aliases.iter().map(|(alias, _)| *alias).chain(names.iter().copied());
    let message = if all().count() > 24 {
        "unknown name; quote it to search for it anyway".to_owned()
    } else {
        let all: Vec<_> = all().collect();
        format!("expected one of {}; quote any other name", all.join(", "))
    };
    let diagnostic = Diagnostic::new(value.span.clone(), DiagnosticKind::UnknownName, message);
    Err(diagnostic.nearest(&text, all()))
}

fn wrong_operator(head: &Head, message: &str) -> Diagnostic {
    Diagnostic::new(head.operator_span.clone(), DiagnosticKind::WrongOperator, message)
}

fn unknown_field(head: &Head, term: &Term) -> Diagnostic {
    let message = format!("unknown field {}; put it in quotes to search for it as text", head.name);
    let diagnostic = Diagnostic::new(head.name_span.clone(), DiagnosticKind::UnknownName, message);
    let names = FIELDS.iter().flat_map(Field::names).chain(PROPERTIES.iter().copied());
    let diagnostic = diagnostic.nearest(&head.name, names);
    if diagnostic.fix.is_some() || term.values.iter().any(|value| value.quoted) {
        return diagnostic;
    }
    let end = term.values.last().map_or(head.operator_span.end, |value| value.span.end);
    let written: Vec<_> = term.values.iter().map(Value::text).collect();
    let text = format!("\"{}{}{}\"", head.name, head.operator.symbol(), written.join(","));
    diagnostic.fix(head.name_span.start..end, text)
}

/// Compiles a value with wildcards, which must match the entire text.
fn wildcard(value: &Value, fix: fn(&str) -> String) -> Result<Pattern, Diagnostic> {
    let mut pattern = String::from("^");
    for piece in &value.pieces {
        match piece {
            Piece::AnyRun => pattern.push_str(".*"),
            Piece::Text(text) => pattern.push_str(&regex::escape(&fold(&fix(text)))),
        }
    }
    pattern.push('$');
    compile(&pattern, false, value).map(Pattern::Wildcard)
}

fn regex(pattern: &str, value: &Value) -> Result<Pattern, Diagnostic> {
    compile(pattern, true, value).map(Pattern::Expression)
}

fn compile(pattern: &str, ignore_case: bool, value: &Value) -> Result<Regex, Diagnostic> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .dot_matches_new_line(true)
        .size_limit(REGEX_SIZE)
        .build()
        .map_err(|error| {
            // The first lines repeat the pattern, and the last line gives the reason.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            bad_value(value, format!("invalid regular expression: {}", reason.trim_start_matches("error: ")))
        })
}
