//! Parses and evaluates `$filter` as the service does.
//!
//! This module exists to check the filters that alertdeck sends, so it must not share code with the
//! compiler that generates them. It supports the eight filterable properties (docs/graph-api.md,
//! "Filtering") and is independent of HTTP.
//!
//! Two undocumented details are configurable with [`Semantics`]: how null compares with other
//! values, and whether owners are compared case-sensitively. A third is assumed: the service treats
//! null and `unknown` as equal in classifications and determinations.

mod order;
mod parse;

use serde_json::Value;

pub(super) use order::{Order, SortKey};

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status, Timestamp};

/// The error for an invalid `$filter`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position}")]
pub struct FilterError {
    /// The error, worded like the service's own errors.
    pub reason: String,
    /// The position of the error, as a 0-based byte offset.
    pub position: usize,
}

/// The filter semantics in cases that the service's documentation leaves undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Semantics {
    /// If true, comparing null with a value is neither true nor false, even when negated, as in
    /// SQL. If false, null is unequal to every value and neither less nor greater than any, and
    /// `not` is the complement.
    pub three_valued: bool,
    /// If true, `assignedTo` is compared byte by byte. If false, case is ignored.
    pub exact_text: bool,
}

/// The kind of resource that a query or permission applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Entity {
    /// Alerts, with all filterable properties.
    #[default]
    Alert,
    /// Incidents, which have no `serviceSource` and statuses of their own (docs/graph-api.md,
    /// "Incidents").
    Incident,
}

impl Entity {
    /// Returns the filterable property with this name.
    fn property(self, name: &str) -> Option<Property> {
        let (_, property) = Property::ALL.into_iter().find(|(known, _)| *known == name)?;
        match (self, property) {
            (Self::Incident, Property::ServiceSource) => None,
            (Self::Incident, Property::Status) => Some(Property::IncidentStatus),
            _ => Some(property),
        }
    }
}

/// A valid `$filter`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expr);

impl Filter {
    /// Parses a filter for alerts, which must already be percent-decoded.
    ///
    /// # Errors
    ///
    /// Fails if the service would reject the filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Self::parse_for(Entity::Alert, text)
    }

    /// Parses a filter for alerts or incidents. Otherwise like [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// Fails if the service would reject the filter.
    pub fn parse_for(entity: Entity, text: &str) -> Result<Self, FilterError> {
        parse::parse(text, entity).map(Self)
    }

    /// Returns whether an alert, in the service's JSON, matches the filter.
    pub fn matches(&self, alert: &Value, semantics: Semantics) -> bool {
        self.matches_columns(&Columns::read(alert), semantics)
    }

    /// Returns whether an alert matches the filter, given its filterable values.
    pub(super) fn matches_columns(&self, columns: &Columns, semantics: Semantics) -> bool {
        self.0.evaluate(columns, semantics) == Some(true)
    }
}

/// A filterable property (docs/graph-api.md, "Filtering").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    AssignedTo,
    Classification,
    Created,
    Determination,
    LastUpdate,
    ServiceSource,
    Severity,
    Status,
    /// An incident's status, in the same column as an alert's status.
    IncidentStatus,
}

/// The members of `incidentStatus`, in metadata order.
const INCIDENT_STATUSES: [&str; 6] =
    ["active", "resolved", "inProgress", "redirected", "unknownFutureValue", "awaitingAction"];

/// A property's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Text,
    Time,
    /// An enumeration member.
    Member,
}

impl Property {
    const ALL: [(&'static str, Self); 8] = [
        ("assignedTo", Self::AssignedTo),
        ("classification", Self::Classification),
        ("createdDateTime", Self::Created),
        ("determination", Self::Determination),
        ("lastUpdateDateTime", Self::LastUpdate),
        ("serviceSource", Self::ServiceSource),
        ("severity", Self::Severity),
        ("status", Self::Status),
    ];

    fn domain(self) -> Domain {
        match self {
            Self::AssignedTo => Domain::Text,
            Self::Created | Self::LastUpdate => Domain::Time,
            _ => Domain::Member,
        }
    }

    /// Returns an enumeration member's position in the metadata, which defines the order of
    /// members.
    fn rank(self, name: &str) -> Option<usize> {
        fn position<T>(members: &[(&str, T)], name: &str) -> Option<usize> {
            members.iter().position(|(member, _)| *member == name)
        }
        match self {
            Self::Classification => position(Classification::MEMBERS, name),
            Self::Determination => position(Determination::MEMBERS, name),
            Self::ServiceSource => position(ServiceSource::MEMBERS, name),
            Self::Severity => position(Severity::MEMBERS, name),
            Self::Status => position(Status::MEMBERS, name),
            Self::IncidentStatus => INCIDENT_STATUSES.iter().position(|member| *member == name),
            Self::AssignedTo | Self::Created | Self::LastUpdate => None,
        }
    }

    /// Returns whether null and `unknown` are equal. This is assumed for these two properties,
    /// either of which can be null or `unknown` in alerts (docs/graph-api.md, "Filtering").
    fn null_is_unknown(self) -> bool {
        matches!(self, Self::Classification | Self::Determination)
    }
}

/// An operand: a property's value or a literal.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Text(Box<str>),
    Time(Timestamp),
}

/// One alert's filterable values, in the order of [`Property::ALL`].
#[derive(Clone, Debug)]
pub(super) struct Columns([Cell; 8]);

impl Columns {
    /// Reads the columns of an alert. Missing values and values of another type are read as null.
    pub(super) fn read(alert: &Value) -> Self {
        Self(Property::ALL.map(|(name, property)| {
            let Some(text) = alert.get(name).and_then(Value::as_str) else { return Cell::Null };
            match property.domain() {
                Domain::Time => Timestamp::parse(text).map_or(Cell::Null, Cell::Time),
                Domain::Text | Domain::Member => Cell::Text(text.into()),
            }
        }))
    }

    fn cell(&self, property: Property) -> &Cell {
        let column = if property == Property::IncidentStatus { Property::Status } else { property };
        &self.0[column as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Compare(Property, Operator, Cell),
    In(Property, Vec<Cell>),
}

impl Expr {
    /// Evaluates the expression; `None` is neither true nor false.
    fn evaluate(&self, columns: &Columns, semantics: Semantics) -> Option<bool> {
        match self {
            Self::Or(terms) => any(terms.iter().map(|term| term.evaluate(columns, semantics))),
            Self::And(terms) => {
                any(terms.iter().map(|term| term.evaluate(columns, semantics).map(|truth| !truth)))
                    .map(|truth| !truth)
            }
            Self::Not(term) => term.evaluate(columns, semantics).map(|truth| !truth),
            Self::Compare(property, operator, value) => {
                compare(*property, columns.cell(*property), *operator, value, semantics)
            }
            Self::In(property, values) => any(values
                .iter()
                .map(|value| compare(*property, columns.cell(*property), Operator::Eq, value, semantics))),
        }
    }
}

/// Returns the disjunction of the terms in three-valued logic: true if any term is true, otherwise
/// `None` if any term is `None`, otherwise false.
fn any(terms: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for term in terms {
        match term {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

fn compare(
    property: Property,
    value: &Cell,
    operator: Operator,
    literal: &Cell,
    semantics: Semantics,
) -> Option<bool> {
    let is_unset = |cell: &Cell| {
        *cell == Cell::Null || property.null_is_unknown() && *cell == Cell::Text("unknown".into())
    };
    let equality = match operator {
        Operator::Eq => Some(true),
        Operator::Ne => Some(false),
        _ => None,
    };
    match (is_unset(value), is_unset(literal), equality) {
        (true, true, Some(equal)) => return Some(equal),
        (true, false, Some(equal)) => {
            return if semantics.three_valued && !property.null_is_unknown() { None } else { Some(!equal) };
        }
        (false, true, Some(equal)) => return Some(!equal),
        (false, false, _) => {}
        (_, _, None) => return (!semantics.three_valued).then_some(false),
    }
    let order = match (value, literal) {
        (Cell::Time(value), Cell::Time(literal)) => Some(value.cmp(literal)),
        (Cell::Text(value), Cell::Text(literal)) if property.domain() == Domain::Member => {
            // An undeclared value equals no member and has no order.
            property.rank(value).zip(property.rank(literal)).map(|(value, literal)| value.cmp(&literal))
        }
        (Cell::Text(value), Cell::Text(literal)) if semantics.exact_text => Some(value.cmp(literal)),
        (Cell::Text(value), Cell::Text(literal)) => Some(value.to_lowercase().cmp(&literal.to_lowercase())),
        _ => None,
    };
    Some(match operator {
        Operator::Eq => order.is_some_and(std::cmp::Ordering::is_eq),
        Operator::Ne => order.is_none_or(std::cmp::Ordering::is_ne),
        Operator::Gt => order.is_some_and(std::cmp::Ordering::is_gt),
        Operator::Ge => order.is_some_and(std::cmp::Ordering::is_ge),
        Operator::Lt => order.is_some_and(std::cmp::Ordering::is_lt),
        Operator::Le => order.is_some_and(std::cmp::Ordering::is_le),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    const FOLDED: Semantics = Semantics { three_valued: false, exact_text: false };

    fn alert() -> Value {
        json!({
            "severity": "high", "status": "new", "serviceSource": "microsoftDefenderForEndpoint",
            "classification": null, "determination": "unknown", "assignedTo": "Ana@contoso.com",
            "createdDateTime": "2026-11-20T10:00:00.5Z",
        })
    }

    fn matches(filter: &str, semantics: Semantics) -> bool {
        Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}")).matches(&alert(), semantics)
    }

    #[rstest]
    #[case("severity eq 'high'", true)]
    #[case("severity ne 'high'", false)]
    #[case("severity gt 'medium'", true)]
    #[case("severity le 'medium'", false)]
    #[case("severity in ('low', 'high')", true)]
    #[case("severity in('low')", false)]
    // `not` binds tightest, then `and`, then `or`.
    #[case("severity eq 'high' or severity eq 'low' and status eq 'resolved'", true)]
    #[case("(severity eq 'high' or severity eq 'low') and status eq 'resolved'", false)]
    #[case("status eq 'resolved' and severity eq 'low' or severity eq 'high'", true)]
    #[case("not (status eq 'new') or severity eq 'high'", true)]
    #[case("not (status eq 'new' or severity eq 'high')", false)]
    #[case("not not(status eq 'new')", true)]
    // Times with any precision.
    #[case("createdDateTime eq 2026-11-20T10:00:00.5000000Z", true)]
    #[case("createdDateTime gt 2026-11-20T10:00:00Z", true)]
    #[case("createdDateTime lt 2026-11-20T12:00:00.5+02:00", false)]
    #[case("createdDateTime ge 2026-11-20", true)]
    // A missing value is unequal to every value, and neither less nor greater.
    #[case("lastUpdateDateTime eq null", true)]
    #[case("lastUpdateDateTime ge 2020-01-01T00:00:00Z", false)]
    #[case("not (lastUpdateDateTime ge 2020-01-01T00:00:00Z)", true)]
    #[case("lastUpdateDateTime ne 2020-01-01T00:00:00Z", true)]
    #[case("assignedTo ne null", true)]
    #[case("assignedTo gt null", false)]
    // Null and unknown are equal.
    #[case("classification eq null and classification eq 'unknown'", true)]
    #[case("determination eq null and determination in (null)", true)]
    #[case("classification ne 'truePositive'", true)]
    #[case("determination ne null", false)]
    // Owners.
    #[case("assignedTo eq 'aNA@CONTOSO.com'", true)]
    #[case("assignedTo eq 'O''Brien'", false)]
    #[case("assignedTo eq ''", false)]
    #[case("  assignedTo\teq\n'ana@contoso.com'  ", true)]
    fn filters_evaluate(#[case] filter: &str, #[case] expected: bool) {
        assert_eq!(matches(filter, FOLDED), expected, "{filter}");
    }

    #[rstest]
    #[case("not (lastUpdateDateTime ge 2020-01-01T00:00:00Z)")]
    #[case("lastUpdateDateTime ne 2020-01-01T00:00:00Z")]
    #[case("lastUpdateDateTime gt 2020-01-01T00:00:00Z or severity eq 'low'")]
    #[case("not (lastUpdateDateTime gt 2020-01-01T00:00:00Z and severity eq 'high')")]
    #[case("not (lastUpdateDateTime in (2020-01-01T00:00:00Z))")]
    fn three_valued_comparisons_with_null_are_undecided(#[case] filter: &str) {
        let three_valued = Semantics { three_valued: true, ..FOLDED };
        assert!(!matches(filter, three_valued), "{filter}");
        assert!(matches("lastUpdateDateTime eq null and not (lastUpdateDateTime ne null)", three_valued));
        assert!(matches("severity eq 'high' or lastUpdateDateTime gt 2020-01-01T00:00:00Z", three_valued));
        assert!(matches("classification ne 'truePositive'", three_valued));
    }

    #[rstest]
    #[case("status eq 'active'", true)]
    #[case("status ne 'redirected' and assignedTo eq null", true)]
    #[case("status gt 'active'", false)]
    fn incidents_have_statuses_of_their_own(#[case] filter: &str, #[case] expected: bool) {
        let incident = json!({"status": "active", "severity": "high"});
        let filter = Filter::parse_for(Entity::Incident, filter).unwrap();
        assert_eq!(filter.matches(&incident, FOLDED), expected);
        for refused in ["serviceSource eq 'microsoftSentinel'", "status eq 'new'", "priorityScore gt 5"] {
            assert!(Filter::parse_for(Entity::Incident, refused).is_err(), "{refused}");
        }
        assert!(Filter::parse("status eq 'active'").is_err());
    }

    #[test]
    fn exact_text_compares_bytes() {
        let exact = Semantics { exact_text: true, ..FOLDED };
        assert!(!matches("assignedTo eq 'ana@contoso.com'", exact));
        assert!(matches("assignedTo eq 'Ana@contoso.com'", exact));
    }

    #[test]
    fn undeclared_values_equal_no_member_and_have_no_order() {
        let undeclared = json!({"severity": "7", "status": "New"});
        for (filter, expected) in [
            ("severity eq 'high'", false),
            ("severity ne 'high'", true),
            ("severity gt 'unknown'", false),
            ("severity le 'high'", false),
            ("severity eq null", false),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().matches(&undeclared, FOLDED), expected, "{filter}");
        }
    }

    /// Valid tokens, so that random filters get past the tokeniser.
    const TOKENS: &[&str] = &[
        "severity",
        "assignedTo",
        "createdDateTime",
        "eq",
        "ne",
        "gt",
        "and",
        "or",
        "not",
        "in",
        "null",
        "(",
        ")",
        ",",
        "'high'",
        "'O''B'",
        "'",
        "2026-11-20T10:00:00Z",
        "7",
        "/",
        "é",
        ":",
        "true",
    ];

    proptest! {
        #[test]
        fn parsing_random_text_never_panics(text in "\\PC{0,60}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn random_tokens_never_panic(
            tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..24),
            three_valued: bool,
            exact_text: bool,
        ) {
            let text = tokens.join(" ");
            match Filter::parse(&text) {
                Ok(filter) => {
                    filter.matches(&alert(), Semantics { three_valued, exact_text });
                }
                Err(error) => prop_assert!(error.position <= text.len()),
            }
        }

        #[test]
        fn two_valued_not_is_the_complement(index in 0..9_usize, three_valued: bool) {
            let filter = [
                "severity eq 'low'", "status in ('new')", "assignedTo eq null", "assignedTo gt 'b'",
                "lastUpdateDateTime le 2026-01-01T00:00:00Z", "classification ne null",
                "severity eq 'high' and status ne 'new'", "determination eq 'malware' or status eq 'new'",
                "lastUpdateDateTime ne 2026-01-01T00:00:00Z",
            ][index];
            let semantics = Semantics { three_valued, ..FOLDED };
            let complement = format!("not ({filter})");
            let (plain, complement) = (matches(filter, semantics), matches(&complement, semantics));
            prop_assert!(!(plain && complement));
            prop_assert!(three_valued || plain != complement);
        }
    }
}
