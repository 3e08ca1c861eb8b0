//! `$filter` as the service reads it: what it accepts, what it refuses and what it means.
//!
//! This reader exists to judge the filters that alertdeck sends, so it shares nothing with the
//! code that makes them and must import none of it. It knows the eight filterable properties of
//! API.md 2 and no HTTP.
//!
//! Two questions that no document answers are switches of [`Semantics`]: what an operator makes
//! of null, and whether owners are compared without regard to case.

mod parse;

use serde_json::Value;

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status, Timestamp};

/// Why a `$filter` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position}")]
pub struct FilterError {
    /// What is wrong, in the manner of the service.
    pub reason: String,
    /// 0-based, in bytes.
    pub position: usize,
}

/// How to read what the documents leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Semantics {
    /// Comparing null with a value gives neither true nor false, and neither does its negation,
    /// as in SQL. Otherwise null differs from every value, fits no order, and `not` is the plain
    /// complement.
    pub three_valued: bool,
    /// `assignedTo` is compared byte for byte. Otherwise case is folded.
    pub exact_text: bool,
}

/// A `$filter` that the service accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expr);

impl Filter {
    /// Reads a filter, percent-decoded already.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text).map(Self)
    }

    /// Tells whether an alert, as the service would send it, fits the filter.
    pub fn matches(&self, alert: &Value, semantics: Semantics) -> bool {
        self.fits(&Columns::read(alert), semantics)
    }

    /// Tells whether an alert of which only the columns are at hand fits the filter.
    pub(super) fn fits(&self, columns: &Columns, semantics: Semantics) -> bool {
        self.0.evaluate(columns, semantics) == Some(true)
    }
}

/// A property that can be filtered on (API.md 2).
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
}

/// What values a property has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Text,
    Moment,
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
            Self::Created | Self::LastUpdate => Domain::Moment,
            _ => Domain::Member,
        }
    }

    /// The place of an enumeration's member in the metadata, which is also its order.
    fn rank(self, name: &str) -> Option<usize> {
        fn place<T>(members: &[(&str, T)], name: &str) -> Option<usize> {
            members.iter().position(|(member, _)| *member == name)
        }
        match self {
            Self::Classification => place(Classification::MEMBERS, name),
            Self::Determination => place(Determination::MEMBERS, name),
            Self::ServiceSource => place(ServiceSource::MEMBERS, name),
            Self::Severity => place(Severity::MEMBERS, name),
            Self::Status => place(Status::MEMBERS, name),
            Self::AssignedTo | Self::Created | Self::LastUpdate => None,
        }
    }

    /// Unset and `unknown` are one value for these two (QUIRKS.md).
    fn null_is_unknown(self) -> bool {
        matches!(self, Self::Classification | Self::Determination)
    }
}

/// A value on either side of an operator.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Text(Box<str>),
    Moment(Timestamp),
}

/// The filterable values of one alert, in the order of [`Property::ALL`].
#[derive(Clone, Debug)]
pub(super) struct Columns([Cell; 8]);

impl Columns {
    /// Reads the columns of an alert; what is missing or of another type is null.
    pub(super) fn read(alert: &Value) -> Self {
        Self(Property::ALL.map(|(name, property)| {
            let Some(text) = alert.get(name).and_then(Value::as_str) else { return Cell::Null };
            match property.domain() {
                Domain::Moment => Timestamp::parse(text).map_or(Cell::Null, Cell::Moment),
                Domain::Text | Domain::Member => Cell::Text(text.into()),
            }
        }))
    }

    fn cell(&self, property: Property) -> &Cell {
        &self.0[property as usize]
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
    /// The truth of the expression; `None` is neither true nor false.
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

/// True if any term is, else undecided if any term is, else false.
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
    held: &Cell,
    operator: Operator,
    asked: &Cell,
    semantics: Semantics,
) -> Option<bool> {
    let unset = |cell: &Cell| {
        *cell == Cell::Null || property.null_is_unknown() && *cell == Cell::Text("unknown".into())
    };
    let equality = match operator {
        Operator::Eq => Some(true),
        Operator::Ne => Some(false),
        _ => None,
    };
    match (unset(held), unset(asked), equality) {
        (true, true, Some(wanted)) => return Some(wanted),
        (true, false, Some(wanted)) => {
            return if semantics.three_valued && !property.null_is_unknown() { None } else { Some(!wanted) };
        }
        (false, true, Some(wanted)) => return Some(!wanted),
        (false, false, _) => {}
        (_, _, None) => return (!semantics.three_valued).then_some(false),
    }
    let order = match (held, asked) {
        (Cell::Moment(held), Cell::Moment(asked)) => Some(held.cmp(asked)),
        (Cell::Text(held), Cell::Text(asked)) if property.domain() == Domain::Member => {
            // A value that the metadata does not declare equals no member and has no order.
            property.rank(held).zip(property.rank(asked)).map(|(held, asked)| held.cmp(&asked))
        }
        (Cell::Text(held), Cell::Text(asked)) if semantics.exact_text => Some(held.cmp(asked)),
        (Cell::Text(held), Cell::Text(asked)) => Some(held.to_lowercase().cmp(&asked.to_lowercase())),
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
    // Moments of any precision.
    #[case("createdDateTime eq 2026-11-20T10:00:00.5000000Z", true)]
    #[case("createdDateTime gt 2026-11-20T10:00:00Z", true)]
    #[case("createdDateTime lt 2026-11-20T12:00:00.5+02:00", false)]
    #[case("createdDateTime ge 2026-11-20", true)]
    // Null: a missing value differs from every value and fits no order.
    #[case("lastUpdateDateTime eq null", true)]
    #[case("lastUpdateDateTime ge 2020-01-01T00:00:00Z", false)]
    #[case("not (lastUpdateDateTime ge 2020-01-01T00:00:00Z)", true)]
    #[case("lastUpdateDateTime ne 2020-01-01T00:00:00Z", true)]
    #[case("assignedTo ne null", true)]
    #[case("assignedTo gt null", false)]
    // Unset and unknown are one.
    #[case("classification eq null and classification eq 'unknown'", true)]
    #[case("determination eq null and determination in (null)", true)]
    #[case("classification ne 'truePositive'", true)]
    #[case("determination ne null", false)]
    // Owners.
    #[case("assignedTo eq 'aNA@CONTOSO.com'", true)]
    #[case("assignedTo eq 'O''Brien'", false)]
    #[case("assignedTo eq ''", false)]
    #[case("  assignedTo\teq\n'ana@contoso.com'  ", true)]
    fn reads_and_evaluates(#[case] filter: &str, #[case] expected: bool) {
        assert_eq!(matches(filter, FOLDED), expected, "{filter}");
    }

    #[rstest]
    #[case("not (lastUpdateDateTime ge 2020-01-01T00:00:00Z)")]
    #[case("lastUpdateDateTime ne 2020-01-01T00:00:00Z")]
    #[case("lastUpdateDateTime gt 2020-01-01T00:00:00Z or severity eq 'low'")]
    #[case("not (lastUpdateDateTime gt 2020-01-01T00:00:00Z and severity eq 'high')")]
    #[case("not (lastUpdateDateTime in (2020-01-01T00:00:00Z))")]
    fn three_valued_null_decides_nothing(#[case] filter: &str) {
        let undecided = Semantics { three_valued: true, ..FOLDED };
        assert!(!matches(filter, undecided), "{filter}");
        assert!(matches("lastUpdateDateTime eq null and not (lastUpdateDateTime ne null)", undecided));
        assert!(matches("severity eq 'high' or lastUpdateDateTime gt 2020-01-01T00:00:00Z", undecided));
        assert!(matches("classification ne 'truePositive'", undecided));
    }

    #[test]
    fn exact_text_compares_bytes() {
        let exact = Semantics { exact_text: true, ..FOLDED };
        assert!(!matches("assignedTo eq 'ana@contoso.com'", exact));
        assert!(matches("assignedTo eq 'Ana@contoso.com'", exact));
    }

    #[test]
    fn an_undeclared_value_is_no_member() {
        let odd = json!({"severity": "7", "status": "New"});
        for (filter, expected) in [
            ("severity eq 'high'", false),
            ("severity ne 'high'", true),
            ("severity gt 'unknown'", false),
            ("severity le 'high'", false),
            ("severity eq null", false),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().matches(&odd, FOLDED), expected, "{filter}");
        }
    }

    /// Parts of filters, so that random texts get past the tokenizer.
    const PARTS: &[&str] = &[
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
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn no_run_of_tokens_panics(
            parts in prop::collection::vec(prop::sample::select(PARTS), 0..24),
            three_valued: bool,
            exact_text: bool,
        ) {
            let text = parts.join(" ");
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
