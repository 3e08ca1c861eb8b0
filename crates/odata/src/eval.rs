//! Evaluates an expression for one alert, under any of the interpretations that the service may
//! use.

use super::{Expr, Literal, Operator, Property};
use alertdeck_model::Timestamp;

/// A property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// Text, or the wire name of an enumeration member.
    Text(&'a str),
    /// A point in time.
    Time(Timestamp),
}

/// An alert for which expressions can be evaluated.
pub trait Row {
    /// Returns a property's value.
    fn value(&self, property: Property) -> Value<'_>;
}

/// How the service handles the cases that OData and Graph's documentation leave open
/// (docs/graph-api.md, "Filtering").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Whether the result of comparing null with a value is unknown, even when negated, rather than
    /// false (or true for `ne`). Comparisons with the literal `null` are always true or false.
    pub three_valued: bool,
    /// Whether `assignedTo` is compared case-sensitively, which enumerations never are
    /// (docs/graph-api.md, "Enumerations").
    pub exact_text: bool,
}

impl Expr {
    /// Returns whether the expression matches a row. An unknown result counts as false.
    pub fn matches(&self, row: &impl Row, mode: Mode) -> bool {
        self.truth(row, mode) == Some(true)
    }

    /// Evaluates the expression in Kleene's three-valued logic, where `None` is unknown.
    fn truth(&self, row: &impl Row, mode: Mode) -> Option<bool> {
        match self {
            Self::And(parts) => all(parts.iter().map(|part| part.truth(row, mode))),
            Self::Or(parts) => any(parts.iter().map(|part| part.truth(row, mode))),
            Self::Not(part) => part.truth(row, mode).map(|truth| !truth),
            Self::Compare(property, operator, literal) => compare(row, *property, *operator, literal, mode),
            Self::In(property, literals) => {
                any(literals.iter().map(|literal| compare(row, *property, Operator::Eq, literal, mode)))
            }
        }
    }
}

fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(parts.map(|part| part.map(|truth| !truth))).map(|truth| !truth)
}

fn any(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(false);
    let found = parts.any(|part| {
        if part.is_none() {
            known = None;
        }
        part == Some(true)
    });
    if found { Some(true) } else { known }
}

fn compare(
    row: &impl Row,
    property: Property,
    operator: Operator,
    literal: &Literal,
    mode: Mode,
) -> Option<bool> {
    use std::cmp::Ordering;
    let value = row.value(property);
    let order = match (value, literal) {
        // Null equals null, but cannot be ordered.
        (Value::Null, Literal::Null) if !operator.is_order() => Some(Ordering::Equal),
        (Value::Null, Literal::Text(_) | Literal::Time(_)) if mode.three_valued => return None,
        (Value::Text(value), Literal::Text(text)) => {
            if property == Property::AssignedTo {
                Some(if mode.exact_text { value.cmp(text) } else { folded(value).cmp(folded(text)) })
            } else if folded(value).eq(folded(text)) {
                Some(Ordering::Equal)
            } else {
                property.rank(value).zip(property.rank(text)).map(|(value, limit)| value.cmp(&limit))
            }
        }
        (Value::Time(value), Literal::Time(at)) => Some(value.cmp(at)),
        _ => None,
    };
    Some(operator.holds(order))
}

fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use proptest::prelude::*;
    use rstest::rstest;

    /// An alert with an owner, a creation time, and the properties that are never null.
    struct Alert(Option<&'static str>, Option<&'static str>);

    impl Row for Alert {
        fn value(&self, property: Property) -> Value<'_> {
            match property {
                Property::AssignedTo => self.0.map_or(Value::Null, Value::Text),
                Property::CreatedDateTime => {
                    self.1.and_then(Timestamp::parse).map_or(Value::Null, Value::Time)
                }
                Property::Status | Property::Severity | Property::ServiceSource => Value::Text("New"),
                _ => Value::Null,
            }
        }
    }

    const MODES: [Mode; 4] = [
        Mode { three_valued: false, exact_text: false },
        Mode { three_valued: false, exact_text: true },
        Mode { three_valued: true, exact_text: false },
        Mode { three_valued: true, exact_text: true },
    ];

    #[rstest]
    #[case::members_fold_always("status eq 'NEW'", Alert(None, None), [true; 4])]
    #[case::owner("assignedTo eq 'ANA'", Alert(Some("ana"), None), [true, false, true, false])]
    #[case::owner_list("assignedTo in ('x', 'ana')", Alert(Some("ana"), None), [true; 4])]
    #[case::null("assignedTo eq null", Alert(None, None), [true; 4])]
    #[case::not_null("assignedTo ne null", Alert(Some(""), None), [true; 4])]
    #[case::ne("assignedTo ne 'ana'", Alert(None, None), [true, true, false, false])]
    #[case::order("createdDateTime ge 2026-01-01T00:00:00Z", Alert(None, None), [false; 4])]
    #[case::not_order(
        "not (createdDateTime ge 2026-01-01T00:00:00Z)",
        Alert(None, None),
        [true, true, false, false]
    )]
    #[case::unknown_or_true(
        "createdDateTime ge 2026-01-01T00:00:00Z or status eq 'new'",
        Alert(None, None),
        [true; 4]
    )]
    #[case::edges(
        "createdDateTime ge 2026-01-01T00:00:00Z and createdDateTime lt 2026-01-01T00:00:00.0000001Z",
        Alert(None, Some("2026-01-01T00:00:00.0000000Z")),
        [true; 4]
    )]
    #[case::member_order("severity ge 'LOW' and not (severity gt 'low')", Alert(None, None), [false; 4])]
    #[case::owner_order("assignedTo gt 'Ab'", Alert(Some("ac"), None), [true; 4])]
    #[case::null_order("assignedTo ge null or assignedTo le null", Alert(None, None), [false; 4])]
    #[case::order_with_null("assignedTo ge null or assignedTo le null", Alert(Some("ana"), None), [false; 4])]
    fn modes_differ_in_nulls_and_case(#[case] text: &str, #[case] alert: Alert, #[case] expected: [bool; 4]) {
        let expr = parse(text).unwrap();
        assert_eq!(MODES.map(|mode| expr.matches(&alert, mode)), expected);
    }

    proptest! {
        #[test]
        fn dropping_a_feature_widens(
            expr in super::super::tests::expressions(),
            owner in prop::option::of(prop::sample::select(vec!["a", "A", "b"])),
            created in prop::option::of(prop::sample::select(vec!["1970-01-01", "2026-01-01"])),
        ) {
            let alert = Alert(owner, created);
            for mode in MODES {
                for feature in super::super::Feature::ALL {
                    if let Some(wider) = expr.without(feature) {
                        prop_assert!(!wider.uses(feature));
                        prop_assert!(!expr.matches(&alert, mode) || wider.matches(&alert, mode));
                    }
                }
                let certain = expr.for_service();
                prop_assert!(!expr.matches(&alert, mode) || certain.is_none_or(|expr| expr.matches(&alert, mode)));
                let two_valued = Mode { three_valued: false, ..mode };
                prop_assert!(
                    !expr.matches(&alert, two_valued) || expr.admitting_nulls().matches(&alert, mode)
                );
            }
        }
    }
}
