//! A term of the syntax tree to a test: names, members, dates and patterns get their meaning.
//!
//! This is where the rules of UX.md B for operators and values live. It knows no other term.

use std::ops::Range;

use regex::RegexBuilder;
use serde::{Serialize, Serializer};

use super::{
    diagnostic::{Diagnostic, DiagnosticKind},
    fields::{self, Choice, FIELDS, Field, FieldKind, Moment, Scope, Shape},
    moment::{self, Clock, When},
    predicate::{Network, Pattern, Test, TextTest, same},
    properties::PROPERTIES,
    syntax::{Head, Operator, Piece, Term, Value},
};
use alertdeck_model::{
    Severity, Timestamp,
    attack::{self, Tactic, Technique},
    defang::refang,
};
use alertdeck_store::fold;

/// The fewest digits of a hash that stand for it.
const MIN_HASH: usize = 6;
/// The most memory, in bytes, that one regular expression may take.
const REGEX_SIZE: usize = 1 << 20;

/// What terms are resolved against, and what was learnt on the way.
pub(super) struct Resolver<'a> {
    pub(super) clock: Clock<'a>,
    pub(super) me: Option<&'a str>,
    /// The earliest moment at which a relative date or age means something else.
    pub(super) stale_at: Option<Timestamp>,
    /// The names of techniques that were typed, with what they stand for.
    pub(super) named: Vec<NamedTechniques>,
}

/// The name of a technique, or a part of it, as typed, and the techniques that it stands for; their
/// sub-techniques are meant with them, unless the name is exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedTechniques {
    /// What was typed.
    pub typed: String,
    /// What it stands for; written as ids.
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
            let value = &term.values[0];
            let pattern = if value.has_wildcard() {
                wildcard(value, refang)?
            } else if value.quoted {
                Pattern::contains(&value.text())
            } else {
                Pattern::contains(&refang(&value.text()))
            };
            return Ok(Test::Text(TextTest { scope: Scope::Anywhere, patterns: vec![pattern] }));
        };
        let Some(scope) = fields::find(&head.name) else { return Err(unknown_field(head, term)) };
        let values = &term.values;
        if head.operator.is_order() && values.len() > 1 {
            let fault = Diagnostic::new(
                values[1].span.clone(),
                DiagnosticKind::WrongOperator,
                "an order takes one value; a list goes with : = or !=",
            );
            return Err(fault);
        }
        let tests: Result<Vec<_>, _> = values.iter().map(|value| self.value(head, &scope, value)).collect();
        let any = Test::any(tests?);
        Ok(if head.operator == Operator::Unequal { Test::not(any) } else { any })
    }

    fn value(&mut self, head: &Head, scope: &Scope, value: &Value) -> Outcome {
        let kind = match scope {
            Scope::Field(field) => &field.kind,
            Scope::Anywhere | Scope::Property(_) => &FieldKind::Text(Shape::Words, &[]),
        };
        let keyword = if value.quoted || head.operator.is_order() || head.operator == Operator::Matches {
            String::new()
        } else {
            value.text().to_ascii_lowercase()
        };
        let present = match kind {
            _ if keyword != "none" && keyword != "any" => None,
            // A member of this name is what is meant; it is also what a missing value counts as.
            FieldKind::Choice(choice) => Some(Test::not(Test::Member(*choice, "unknown".into()))),
            FieldKind::Moment(moment) | FieldKind::Age(moment) => Some(Test::Known(*moment)),
            FieldKind::Text(shape, _) => {
                let pattern = match shape {
                    Shape::Owner => Pattern::Filled,
                    Shape::Member(Choice::Tactic) => Pattern::Tactic(None),
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
            FieldKind::Choice(choice) => choose(head, *choice, value),
            FieldKind::Moment(moment) => self.moment(head, *moment, value, false),
            FieldKind::Age(moment) => self.moment(head, *moment, value, true),
            FieldKind::Text(shape, _) => self.text(head, scope, *shape, value),
        }
    }

    fn moment(&mut self, head: &Head, moment: Moment, value: &Value, age: bool) -> Outcome {
        if head.operator == Operator::Matches {
            return Err(wrong_operator(head, "a date takes : = != > >= < <="));
        }
        let expected = if age {
            "expected a duration such as 90m, 24h, 7d or 2w"
        } else {
            "expected a date such as 2026-11-01, a time, today, a range a..b, or an age such as 24h"
        };
        let text = value.text();
        let mut read = |text: &str| {
            let when = self.clock.read(text)?;
            if age && !matches!(when, When::Ago(_)) {
                return None;
            }
            let stale = self.clock.stale_at(when);
            self.stale_at = self.stale_at.into_iter().chain(stale).min();
            Some(when)
        };
        if let Some((from, to)) = moment::range(&text) {
            if head.operator.is_order() {
                return Err(wrong_operator(head, "a range goes with : = or !="));
            }
            let mut end = |at: Range<usize>| match &text[at] {
                "" => Ok(None),
                text => read(text).map(Some).ok_or_else(|| bad_value(value, expected)),
            };
            return match moment::between(end(from)?, end(to)?) {
                Some(interval) => Ok(Test::Within(moment, interval)),
                None => Err(bad_value(value, "nothing lies between these two; the earlier stands first")),
            };
        }
        let when = read(&text).ok_or_else(|| bad_value(value, expected))?;
        match moment::interval(head.operator, when) {
            Some(interval) => Ok(Test::Within(moment, interval)),
            None => Err(wrong_operator(head, "an age takes < (within) or > (longer ago)")
                .fix(head.operator_span.clone(), "<")),
        }
    }

    fn text(&mut self, head: &Head, scope: &Scope, shape: Shape, value: &Value) -> Outcome {
        let text = value.text();
        if head.operator.is_order() {
            return Err(wrong_operator(head, "this field has no order; it takes : = != and ~"));
        }
        if shape == Shape::Technique {
            return Ok(Test::Text(TextTest {
                scope: scope.clone(),
                patterns: self.techniques(head, value)?,
            }));
        }
        let of = |pattern| Test::Text(TextTest { scope: scope.clone(), patterns: vec![pattern] });
        if head.operator == Operator::Matches {
            return regex(&text, value).map(of);
        }
        // In quotes a text is what it is.
        let fanged = matches!(shape, Shape::Address | Shape::Domain | Shape::Link) && !value.quoted;
        if value.has_wildcard() {
            return wildcard(value, if fanged { refang } else { str::to_owned }).map(of);
        }
        let text = if fanged { refang(&text) } else { text };
        let exact = head.operator != Operator::Has;
        Ok(of(match shape {
            Shape::Member(choice) => {
                let members = members(choice, value)?;
                let pattern = |name: &String| match choice {
                    Choice::EvidenceType => Pattern::Type(name.clone()),
                    Choice::Tactic => Tactic::read(name)
                        .map_or_else(|| Pattern::equals(name), |tactic| Pattern::Tactic(Some(tactic))),
                    _ => Pattern::equals(name),
                };
                let patterns = members.iter().map(pattern).collect();
                return Ok(Test::Text(TextTest { scope: scope.clone(), patterns }));
            }
            Shape::Owner if !value.quoted && text.eq_ignore_ascii_case("me") => {
                Pattern::equals(self.me.ok_or_else(|| {
                    let message = "nobody is signed in, so `me` is nobody; write the address";
                    Diagnostic::new(value.span.clone(), DiagnosticKind::NotSignedIn, message)
                })?)
            }
            Shape::Owner if text.contains('@') => Pattern::equals(&text),
            Shape::Whole => Pattern::equals(&text),
            Shape::Address => Pattern::Network(Network::parse(&text).ok_or_else(|| {
                bad_value(
                    value,
                    "expected an address, a network such as 10.0.0.0/8, or a wildcard such as 10.0.*",
                )
            })?),
            Shape::Hash => {
                let hash = text.to_ascii_lowercase();
                if !is_hash(&hash) {
                    let message = format!("expected a hash or at least its first {MIN_HASH} digits");
                    return Err(bad_value(value, message));
                }
                if exact { Pattern::equals(&hash) } else { Pattern::Prefix(hash) }
            }
            _ if exact => Pattern::equals(&text),
            Shape::Domain => Pattern::Domain(fold(text.trim_end_matches('.'))),
            Shape::Account if text.contains('\\') => return Ok(account(scope, &text)),
            Shape::Words | Shape::Account | Shape::Owner | Shape::Link | Shape::Technique => {
                Pattern::contains(&text)
            }
        }))
    }

    /// Looks for a technique by its id, and for all that the value is a name of: alerts hold ids.
    fn techniques(&mut self, head: &Head, value: &Value) -> Result<Vec<Pattern>, Diagnostic> {
        let text = value.text();
        let folded = fold(&text);
        let exact = !matches!(head.operator, Operator::Has | Operator::Matches);
        let by_id = if head.operator == Operator::Matches {
            regex(&text, value)?
        } else if value.has_wildcard() {
            wildcard(value, str::to_owned)?
        } else if exact {
            Pattern::equals(&text)
        } else {
            Pattern::Technique(folded.clone())
        };
        if is_technique_id(&folded) || text.trim().is_empty() {
            return Ok(vec![by_id]);
        }
        let by_name = |name: &str| match &by_id {
            Pattern::Expression(regex) => regex.is_match(name),
            _ if exact => fold(name) == folded,
            _ => fold(name).contains(&folded),
        };
        let found: Vec<_> = attack::techniques().iter().filter(|known| by_name(known.name)).collect();
        if found.is_empty() && !value.quoted && !matches!(by_id, Pattern::Expression(_)) {
            return Err(unknown_technique(&text, exact, value));
        }
        let mut patterns = vec![by_id];
        let meant = if exact { Pattern::equals } else { |id: &str| Pattern::Technique(fold(id)) };
        patterns.extend(found.iter().map(|known| meant(known.id)));
        if !found.is_empty() {
            self.named.push(NamedTechniques { typed: text, techniques: found });
        }
        Ok(patterns)
    }
}

/// Returns whether a folded text is the id of a technique or the beginning of one.
fn is_technique_id(folded: &str) -> bool {
    folded.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn unknown_technique(text: &str, exact: bool, value: &Value) -> Diagnostic {
    let named = if exact { "is called this; : takes a part of a name" } else { "has this in its name" };
    let message = format!("no technique of ATT&CK {named}; quote what alertdeck does not know");
    let fault = Diagnostic::new(value.span.clone(), DiagnosticKind::UnknownName, message);
    let mut fault = fault.nearest(text, attack::techniques().iter().map(|known| known.name));
    if let Some((_, name)) = &mut fault.fix {
        *name = format!("\"{name}\"");
    }
    fault
}

/// Returns whether a text is a hash, or enough of one to stand for it.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() >= MIN_HASH && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `DOMAIN\name`: the parts are values of their own in an alert.
fn account(scope: &Scope, text: &str) -> Test {
    let (domain, name) = text.split_once('\\').unwrap_or(("", text));
    let test = |scope, pattern| Test::Text(TextTest { scope, patterns: vec![pattern] });
    Test::All(vec![
        test(Scope::Property("domainname".into()), Pattern::equals(domain)),
        test(scope.clone(), Pattern::contains(name)),
    ])
}

/// Tests an enumeration of the alert.
fn choose(head: &Head, choice: Choice, value: &Value) -> Outcome {
    if head.operator == Operator::Matches || head.operator.is_order() && choice != Choice::Severity {
        let message = match choice {
            Choice::Severity => "severity takes : = != > >= < <=",
            _ => "this field has no order; it takes : = and !=",
        };
        return Err(wrong_operator(head, message));
    }
    let members = members(choice, value)?;
    if !head.operator.is_order() {
        return Ok(Test::any(members.into_iter().map(|member| Test::Member(choice, member))));
    }
    let Some(limit) = members.first().and_then(|member| Severity::read(member).rank()) else {
        return Err(bad_value(value, "this severity has no place in the order"));
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
        .map(|(name, _)| Test::Member(choice, (*name).to_owned()))
        .collect();
    if ranked.is_empty() {
        return Err(bad_value(value, "no severity lies beyond this one"));
    }
    Ok(Test::any(ranked))
}

/// The members that a value stands for; an undeclared one in quotes stands for itself.
fn members(choice: Choice, value: &Value) -> Result<Vec<String>, Diagnostic> {
    let text = value.text();
    let names = choice.members();
    if let Some(name) = names.iter().find(|name| same(name, &text)) {
        return Ok(vec![(*name).to_owned()]);
    }
    if value.quoted {
        return Ok(vec![text]);
    }
    let aliases = choice.aliases();
    if let Some((_, members)) = aliases.iter().find(|(alias, _)| same(alias, &text)) {
        return Ok(members.iter().map(|member| (*member).to_owned()).collect());
    }
    let all = || aliases.iter().map(|(alias, _)| *alias).chain(names.iter().copied());
    let message = if all().count() > 24 {
        "no such name; quote a name that alertdeck does not know".to_owned()
    } else {
        let all: Vec<_> = all().collect();
        format!("expected one of {}; quote a name that alertdeck does not know", all.join(", "))
    };
    let fault = Diagnostic::new(value.span.clone(), DiagnosticKind::UnknownName, message);
    Err(fault.nearest(&text, all()))
}

fn wrong_operator(head: &Head, message: &str) -> Diagnostic {
    Diagnostic::new(head.operator_span.clone(), DiagnosticKind::WrongOperator, message)
}

fn unknown_field(head: &Head, term: &Term) -> Diagnostic {
    let message = format!("no field is called {}; quote the text to search for it", head.name);
    let fault = Diagnostic::new(head.name_span.clone(), DiagnosticKind::UnknownName, message);
    let names = FIELDS.iter().flat_map(Field::names).chain(PROPERTIES.iter().copied());
    let fault = fault.nearest(&head.name, names);
    if fault.fix.is_some() || term.values.iter().any(|value| value.quoted) {
        return fault;
    }
    let end = term.values.last().map_or(head.operator_span.end, |value| value.span.end);
    let written: Vec<_> = term.values.iter().map(Value::text).collect();
    let text = format!("\"{}{}{}\"", head.name, head.operator.written(), written.join(","));
    fault.fix(head.name_span.start..end, text)
}

/// Compiles a value with stars; it stands for the whole of a text.
fn wildcard(value: &Value, fix: fn(&str) -> String) -> Result<Pattern, Diagnostic> {
    let mut pattern = String::from("^");
    for piece in &value.pieces {
        match piece {
            Piece::AnyRun => pattern.push_str(".*"),
            Piece::Text(text) => pattern.push_str(&regex::escape(&fix(text))),
        }
    }
    pattern.push('$');
    regex(&pattern, value)
}

fn regex(pattern: &str, value: &Value) -> Result<Pattern, Diagnostic> {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .dot_matches_new_line(true)
        .size_limit(REGEX_SIZE)
        .build()
        .map(Pattern::Expression)
        .map_err(|error| {
            // The first lines repeat the pattern; the last one says what is wrong.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            bad_value(value, format!("not a regular expression: {}", reason.trim_start_matches("error: ")))
        })
}
