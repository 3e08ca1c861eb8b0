//! Writes a filter as a query for advanced hunting, in the Kusto Query Language (KQL).
//!
//! The query reads the tables `AlertInfo` and `AlertEvidence`. They lack a part of what an alert has,
//! such as its status and owner; terms about these are left out of the query and named. This module
//! runs nothing and knows nothing about how alerts are matched here.

mod columns;

use std::fmt::Write as _;

use super::{
    date::{Bound, Interval},
    diagnostic::Diagnostic,
    fields::{DateProperty, Enumeration, SearchScope},
    plan::{Context, compile},
    predicate::{Pattern, Test, TextTest},
};
use alertdeck_model::{SafeText, attack::Tactic};
use columns::{Column, columns, entity_type, service_sources};

/// A query for advanced hunting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kql {
    /// The query. Its first lines are comments: the filter, and what has been left out.
    pub query: String,
    /// The fields of the terms that have been left out, because the tables do not have them.
    pub left_out: Vec<String>,
}

/// Writes a filter as a query for advanced hunting.
///
/// # Errors
///
/// Returns all errors in the filter.
pub fn kql(text: &str, context: &Context) -> Result<Kql, Vec<Diagnostic>> {
    let plan = compile(text, context)?;
    let mut writer = Writer::default();
    let condition = writer.condition(&plan.test.0);
    let mut query = String::new();
    if !text.trim().is_empty() {
        let _ = writeln!(query, "// {}", SafeText::new(text.trim()).line());
    }
    let left_out = writer.left_out;
    if !left_out.is_empty() {
        let _ = writeln!(query, "// Not in these tables, so left out: {}", left_out.join(", "));
    }
    query.push_str("AlertInfo\n");
    let conditions = match condition {
        Some(Condition::All(parts)) => parts,
        condition => condition.into_iter().collect(),
    };
    for condition in conditions {
        let _ = writeln!(query, "| where {}", condition.written());
    }
    query.push_str("| sort by Timestamp desc\n");
    Ok(Kql { query, left_out })
}

/// A condition on a row of `AlertInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// An expression over the columns of `AlertInfo`.
    Info(String),
    /// An expression over the columns of `AlertEvidence`, true for one of the alert's items.
    Evidence(String),
}

impl Condition {
    fn written(&self) -> String {
        match self {
            Self::All(parts) => joined(parts, " and "),
            Self::Any(parts) => joined(parts, " or "),
            Self::Not(part) => format!("not({})", part.written()),
            Self::Info(text) => text.clone(),
            Self::Evidence(text) => {
                format!("AlertId in ((AlertEvidence | where {text} | project AlertId))")
            }
        }
    }
}

fn joined(parts: &[Condition], operator: &str) -> String {
    let part = |part: &Condition| match part {
        Condition::All(_) | Condition::Any(_) => format!("({})", part.written()),
        Condition::Info(text) if text.contains(" or ") || text.contains(" and ") => format!("({text})"),
        _ => part.written(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(operator)
}

#[derive(Debug, Default)]
struct Writer {
    left_out: Vec<String>,
}

impl Writer {
    fn leave_out<T>(&mut self, name: &str) -> Option<T> {
        if !self.left_out.iter().any(|known| known == name) {
            self.left_out.push(name.to_owned());
        }
        None
    }

    /// Returns the condition for a test, without the parts that the tables cannot answer; `None` if
    /// nothing is left.
    fn condition(&mut self, test: &Test) -> Option<Condition> {
        match test {
            Test::All(parts) => {
                let mut parts: Vec<_> = parts.iter().filter_map(|part| self.condition(part)).collect();
                if parts.len() > 1 { Some(Condition::All(parts)) } else { parts.pop() }
            }
            Test::Any(parts) if parts.is_empty() => Some(Condition::Info("false".into())),
            Test::Any(parts) => self.any(parts),
            Test::Not(part) => self.condition(part).map(|part| Condition::Not(Box::new(part))),
            Test::Member(enumeration, member) => self.member(*enumeration, member),
            Test::Within(DateProperty::Created, interval) => Some(Condition::Info(within(interval))),
            Test::Known(DateProperty::Created) => Some(Condition::Info("isnotnull(Timestamp)".into())),
            Test::Within(date, _) | Test::Known(date) => self.leave_out(date_name(*date)),
            Test::From(_) => self.leave_out("tenant"),
            Test::Raw(_) => self.leave_out("OData"),
            Test::Text(test) => self.text(test),
        }
    }

    fn any(&mut self, parts: &[Test]) -> Option<Condition> {
        // A bare word is also the whole ID of an alert, an incident or a detector. That some of these
        // are missing is not worth a word.
        let is_word = parts
            .iter()
            .any(|part| matches!(part, Test::Text(TextTest { scope: SearchScope::Anywhere, .. })));
        let before = self.left_out.len();
        let mut found = Vec::new();
        for part in parts {
            match self.condition(part) {
                Some(Condition::Any(inner)) => found.extend(inner),
                part => found.extend(part),
            }
        }
        if is_word && !found.is_empty() {
            self.left_out.truncate(before);
        }
        one_of(found)
    }

    fn member(&mut self, enumeration: Enumeration, member: &str) -> Option<Condition> {
        match enumeration {
            Enumeration::Severity => Some(Condition::Info(format!("Severity =~ {}", quoted(member)))),
            Enumeration::Source => match service_sources(member) {
                [] => self.leave_out("source"),
                names => {
                    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
                    Some(Condition::Info(format!("ServiceSource in~ ({})", names.join(", "))))
                }
            },
            Enumeration::Status => self.leave_out("status"),
            Enumeration::Classification => self.leave_out("class"),
            Enumeration::Determination => self.leave_out("determination"),
            Enumeration::Verdict
            | Enumeration::Remediation
            | Enumeration::EvidenceType
            | Enumeration::Tactic => None,
        }
    }

    fn text(&mut self, test: &TextTest) -> Option<Condition> {
        let name = match &test.scope {
            SearchScope::Anywhere => "text",
            SearchScope::Field(field) => field.name,
            SearchScope::Property(name) => name,
        };
        let columns = columns(&test.scope);
        let mut found = Vec::new();
        for pattern in &test.patterns {
            let of_pattern: Vec<_> = columns.iter().flat_map(|column| conditions(*column, pattern)).collect();
            if of_pattern.is_empty() {
                self.leave_out::<()>(name);
            }
            found.extend(of_pattern);
        }
        one_of(found)
    }
}

/// Joins conditions with "or". Those on evidence become one, so that its table is read once.
fn one_of(conditions: Vec<Condition>) -> Option<Condition> {
    let (mut found, mut evidence): (Vec<Condition>, Vec<String>) = (Vec::new(), Vec::new());
    for condition in conditions {
        match condition {
            Condition::Evidence(text) if evidence.contains(&text) => {}
            Condition::Evidence(text) => evidence.push(text),
            other if found.contains(&other) => {}
            other => found.push(other),
        }
    }
    if !evidence.is_empty() {
        found.push(Condition::Evidence(evidence.join(" or ")));
    }
    if found.len() > 1 { Some(Condition::Any(found)) } else { found.pop() }
}

/// Returns the conditions for a pattern in a column; none if the column cannot match.
fn conditions(column: Column, pattern: &Pattern) -> Vec<Condition> {
    match column {
        Column::Info(name) => compare(name, pattern).map(Condition::Info).into_iter().collect(),
        Column::Evidence(name) => compare(name, pattern).map(Condition::Evidence).into_iter().collect(),
        Column::EvidenceOf(entity, name) => {
            let of =
                |compared| Condition::Evidence(format!("(EntityType == {} and {compared})", quoted(entity)));
            compare(name, pattern).map(of).into_iter().collect()
        }
        Column::Anywhere => {
            let compared = match pattern {
                Pattern::Contains(text) => format!("contains {}", quoted(text)),
                Pattern::Wildcard(regex) => format!("matches regex {}", quoted(&insensitive(regex))),
                _ => return Vec::new(),
            };
            vec![
                Condition::Info(format!("Title {compared}")),
                Condition::Info(format!("Category {compared}")),
                Condition::Evidence(format!("* {compared}")),
            ]
        }
    }
}

/// Compares a column with a pattern; `None` if the column has no such values.
fn compare(column: &str, pattern: &Pattern) -> Option<String> {
    let is_address = matches!(column, "RemoteIP" | "LocalIP");
    Some(match pattern {
        Pattern::Network(network) if is_address => {
            let (function, address) = network.in_range();
            format!("{function}({column}, {})", quoted(&address))
        }
        Pattern::Type(name) if column == "EntityType" => {
            format!("{column} == {}", quoted(entity_type(name)?))
        }
        Pattern::Network(_) | Pattern::Type(_) => return None,
        _ if column == "EntityType" => return None,
        // A list of names with IDs, such as `["Masquerading (T1036)"]`.
        Pattern::Technique(id) => {
            let id = id.to_ascii_uppercase();
            let (whole, parts) = (quoted(&format!("({id})")), quoted(&format!("({id}.")));
            format!("({column} contains {whole} or {column} contains {parts})")
        }
        Pattern::Tactic(Some(tactic)) if column == "Category" => {
            let included = Tactic::ALL.iter().filter(|(_, other)| tactic.includes(*other));
            let names: Vec<_> = included.map(|(name, _)| quoted(name)).collect();
            format!("{column} in~ ({})", names.join(", "))
        }
        Pattern::Tactic(None) if column == "Category" => format!("isnotempty({column})"),
        Pattern::Tactic(_) => return None,
        Pattern::Contains(text) => format!("{column} contains {}", quoted(text)),
        Pattern::Equals { typed, .. } if column == "AttackTechniques" => {
            format!("{column} contains {}", quoted(&format!("({typed})")))
        }
        Pattern::Equals { typed, .. } => format!("{column} =~ {}", quoted(typed)),
        Pattern::Prefix(text) => format!("{column} startswith {}", quoted(text)),
        Pattern::Domain(domain) => {
            let regex = format!("(?i)(^|[/@.]){}($|[/:?#])", regex::escape(domain));
            format!("{column} matches regex {}", quoted(&regex))
        }
        Pattern::Expression(regex) | Pattern::Wildcard(regex) => {
            format!("{column} matches regex {}", quoted(&insensitive(regex)))
        }
        Pattern::Filled => format!("isnotempty({column})"),
        Pattern::Known => format!("(isnotempty({column}) and {column} !in~ (\"unknown\", \"none\"))"),
    })
}

/// Returns a regular expression that ignores case, as those of filters do.
fn insensitive(regex: &regex::Regex) -> String {
    format!("(?is){}", regex.as_str())
}

fn within(interval: &Interval) -> String {
    let bound = |bound: Bound, inclusive: &str, exclusive: &str| {
        let operator = if bound.inclusive { inclusive } else { exclusive };
        format!("Timestamp {operator} datetime({})", bound.at)
    };
    let from = interval.from.map(|from| bound(from, ">=", ">"));
    let to = interval.to.map(|to| bound(to, "<=", "<"));
    let parts: Vec<_> = from.into_iter().chain(to).collect();
    if parts.is_empty() { "isnotnull(Timestamp)".to_owned() } else { parts.join(" and ") }
}

fn date_name(date: DateProperty) -> &'static str {
    match date {
        DateProperty::Created => "created",
        DateProperty::LastUpdate => "updated",
        DateProperty::Resolved => "resolved",
        DateProperty::FirstActivity => "firstactivity",
        DateProperty::LastActivity => "lastactivity",
    }
}

/// Writes a string literal. Everything but letters, digits and printable ASCII characters is
/// escaped, because the text may come from an attacker and will be pasted.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
    out.push('"');
    out
}
