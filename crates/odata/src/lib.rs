//! Parses, writes and evaluates the subset of OData's `$filter` that Graph supports for alerts.
//!
//! The crate knows the eight properties that Graph can filter alerts by (docs/graph-api.md,
//! "Filtering"). It does not know about requests or alertdeck's own filter language. Text is
//! written unencoded, and the HTTP client encodes it once. Strings are escaped in a single place,
//! the `Display` implementation of [`Literal`].

mod eval;
mod member;
mod parse;

use std::fmt;

use alertdeck_model::Timestamp;

pub use eval::{Mode, Row, Value};
pub use parse::{ParseError, parse};

/// A property that Graph can filter alerts by. There are no others (docs/graph-api.md,
/// "Filtering").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Graph's property names")]
pub enum Property {
    AssignedTo,
    Classification,
    Determination,
    CreatedDateTime,
    LastUpdateDateTime,
    Severity,
    ServiceSource,
    Status,
}

impl Property {
    /// All properties, in the order in which they are documented.
    pub const ALL: [Self; 8] = [
        Self::AssignedTo,
        Self::Classification,
        Self::Determination,
        Self::CreatedDateTime,
        Self::LastUpdateDateTime,
        Self::Severity,
        Self::ServiceSource,
        Self::Status,
    ];

    /// Returns Graph's name for the property.
    pub fn name(self) -> &'static str {
        match self {
            Self::AssignedTo => "assignedTo",
            Self::Classification => "classification",
            Self::Determination => "determination",
            Self::CreatedDateTime => "createdDateTime",
            Self::LastUpdateDateTime => "lastUpdateDateTime",
            Self::Severity => "severity",
            Self::ServiceSource => "serviceSource",
            Self::Status => "status",
        }
    }

    /// Returns whether the property is a date and time rather than text.
    pub fn is_time(self) -> bool {
        matches!(self, Self::CreatedDateTime | Self::LastUpdateDateTime)
    }

    /// Returns whether the metadata declares the property nullable (docs/graph-api.md,
    /// "Filtering").
    pub fn is_nullable(self) -> bool {
        !matches!(self, Self::Severity | Self::ServiceSource | Self::Status)
    }
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "OData's operator names")]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// Returns OData's name for the operator.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    fn is_order(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }

    /// Returns the equivalent operator for swapped operands.
    fn flipped(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Eq | Self::Ne => self,
        }
    }

    /// Returns whether the comparison is true for operands with this ordering. `None` means that
    /// the operands differ but are not ordered.
    fn holds(self, order: Option<std::cmp::Ordering>) -> bool {
        match self {
            Self::Eq => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Ne => order.is_none_or(std::cmp::Ordering::is_ne),
            Self::Gt => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::Ge => order.is_some_and(std::cmp::Ordering::is_ge),
            Self::Lt => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::Le => order.is_some_and(std::cmp::Ordering::is_le),
        }
    }
}

/// A literal in an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// The literal `null`.
    Null,
    /// Text. Enumeration members are written as text too (docs/graph-api.md, "Filtering").
    Text(String),
    /// A point in time, written unquoted in UTC.
    Time(Timestamp),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Time(at) => write!(f, "{at}"),
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// Matches if all parts match.
    And(Vec<Self>),
    /// Matches if any part matches.
    Or(Vec<Self>),
    /// Matches if the part does not match.
    Not(Box<Self>),
    /// Compares a property with a value.
    Compare(Property, Operator, Literal),
    /// Matches if the property equals one of the values.
    In(Property, Vec<Literal>),
}

/// A part of OData that the service may reject, because Graph's documentation does not mention it
/// for this collection (docs/graph-api.md, "Filtering").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The operator `ne`.
    Ne,
    /// The operator `in`.
    In,
    /// The operator `not`.
    Not,
    /// A comparison with `null`.
    Null,
}

impl Feature {
    /// All features, starting with those least likely to be supported.
    pub const ALL: [Self; 4] = [Self::Not, Self::In, Self::Ne, Self::Null];

    /// Returns the feature's keyword.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ne => "ne",
            Self::In => "in",
            Self::Not => "not",
            Self::Null => "null",
        }
    }
}

impl Expr {
    /// Joins parts with `and`. Nested conjunctions are flattened, and duplicates are dropped. A
    /// single part is returned unchanged.
    pub fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::join(parts, Self::And, |part| match part {
            Self::And(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// Joins parts with `or`. Nested disjunctions are flattened, and duplicates are dropped. A
    /// single part is returned unchanged.
    pub fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::join(parts, Self::Or, |part| match part {
            Self::Or(inner) => Ok(inner),
            other => Err(other),
        })
    }

    fn join(
        parts: impl IntoIterator<Item = Self>,
        wrap: impl Fn(Vec<Self>) -> Self,
        unwrap: impl Fn(Self) -> Result<Vec<Self>, Self>,
    ) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts {
            for piece in unwrap(part).unwrap_or_else(|one| vec![one]) {
                if !flat.contains(&piece) {
                    flat.push(piece);
                }
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { wrap(flat) }
    }

    /// Returns whether the expression uses a feature anywhere.
    pub fn uses(&self, feature: Feature) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.uses(feature)),
            Self::Not(part) => feature == Feature::Not || part.uses(feature),
            Self::Compare(_, operator, literal) => match feature {
                Feature::Ne => *operator == Operator::Ne,
                Feature::Null => *literal == Literal::Null,
                Feature::In | Feature::Not => false,
            },
            Self::In(_, literals) => match feature {
                Feature::In => true,
                Feature::Null => literals.contains(&Literal::Null),
                Feature::Ne | Feature::Not => false,
            },
        }
    }

    /// Returns the narrowest expression that does not use a feature and matches every alert that
    /// this one matches, or `None` if that expression would match all alerts.
    pub fn without(&self, feature: Feature) -> Option<Self> {
        match self {
            Self::And(parts) => {
                let kept: Vec<_> = parts.iter().filter_map(|part| part.without(feature)).collect();
                (!kept.is_empty()).then(|| Self::and(kept))
            }
            Self::Or(parts) => {
                parts.iter().map(|part| part.without(feature)).collect::<Option<Vec<_>>>().map(Self::or)
            }
            other => (!other.uses(feature)).then(|| other.clone()),
        }
    }

    /// Returns an expression that, with three-valued nulls, matches every alert that this one
    /// matches with two-valued nulls. Every negation is widened to include the nulls that it would
    /// otherwise exclude.
    #[must_use]
    pub fn admitting_nulls(&self) -> Self {
        match self {
            Self::And(parts) => Self::And(parts.iter().map(Self::admitting_nulls).collect()),
            Self::Or(parts) => Self::Or(parts.iter().map(Self::admitting_nulls).collect()),
            Self::Compare(property, Operator::Ne, literal)
                if property.is_nullable() && *literal != Literal::Null =>
            {
                Self::or([is_null(*property), self.clone()])
            }
            Self::Not(part) => {
                let nulls = Property::ALL.into_iter().filter(|p| p.is_nullable() && part.compares(*p));
                Self::or(nulls.map(is_null).chain([self.clone()]))
            }
            Self::Compare(..) | Self::In(..) => self.clone(),
        }
    }

    /// Returns the narrowest expression that matches every alert that this one matches and means
    /// the same to every service, or `None` if that expression would match all alerts.
    ///
    /// An ordering comparison of enumeration members becomes a list of the matching members,
    /// because it is unknown how a service orders members that it does not declare. Ordering
    /// comparisons with text or null are dropped, because how text sorts depends on the service's
    /// collation, and how null sorts depends on the OData version.
    pub fn for_service(&self) -> Option<Self> {
        match self {
            known if !known.has_other_order() => Some(known.clone()),
            Self::And(parts) => {
                let kept: Vec<_> = parts.iter().filter_map(Self::for_service).collect();
                (!kept.is_empty()).then(|| Self::and(kept))
            }
            Self::Or(parts) => parts.iter().map(Self::for_service).collect::<Option<Vec<_>>>().map(Self::or),
            Self::Not(part) => {
                part.is_certain().then(|| part.for_service()).flatten().map(|part| Self::Not(Box::new(part)))
            }
            Self::Compare(property, operator, Literal::Text(member)) if *property != Property::AssignedTo => {
                Some(members_in_order(*property, *operator, member))
            }
            Self::Compare(..) | Self::In(..) => None,
        }
    }

    /// Returns whether the expression has an ordering comparison of anything but times.
    fn has_other_order(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_other_order),
            Self::Not(part) => part.has_other_order(),
            Self::Compare(property, operator, literal) => {
                operator.is_order() && (!property.is_time() || *literal == Literal::Null)
            }
            Self::In(..) => false,
        }
    }

    /// Returns whether [`Self::for_service`] drops no comparison.
    fn is_certain(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().all(Self::is_certain),
            Self::Not(part) => part.is_certain(),
            other => other.for_service().is_some(),
        }
    }

    /// Returns whether the property is compared with a value other than null.
    fn compares(&self, property: Property) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.compares(property)),
            Self::Not(part) => part.compares(property),
            Self::Compare(at, _, literal) => *at == property && *literal != Literal::Null,
            Self::In(at, literals) => *at == property && literals.iter().any(|one| *one != Literal::Null),
        }
    }
}

/// Returns an expression that matches the declared members for which the comparison with `member`
/// is true.
fn members_in_order(property: Property, operator: Operator, member: &str) -> Expr {
    let equal = |name: &str| Expr::Compare(property, Operator::Eq, Literal::Text(name.to_owned()));
    let limit = property.rank(member);
    let members = property.members();
    let fits = |name: &&&str| {
        limit.is_some_and(|limit| operator.holds(property.rank(name).map(|rank| rank.cmp(&limit))))
    };
    let fitting: Vec<_> = members.iter().filter(fits).map(|name| equal(name)).collect();
    if fitting.is_empty() {
        // This matches nothing, because no alert has two members.
        return Expr::and(members.iter().take(2).map(|name| equal(name)));
    }
    Expr::or(fitting)
}

fn is_null(property: Property) -> Expr {
    Expr::Compare(property, Operator::Eq, Literal::Null)
}

impl fmt::Display for Expr {
    /// Writes the expression unencoded. An `or` is always in parentheses, and so is a nested `and`,
    /// so that nothing depends on the parser's operator precedence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" and ")?;
                    }
                    write_part(part, f)?;
                }
                Ok(())
            }
            Self::Or(parts) => {
                f.write_str("(")?;
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" or ")?;
                    }
                    write_part(part, f)?;
                }
                f.write_str(")")
            }
            Self::Not(part) => match &**part {
                Self::Or(_) => write!(f, "not {part}"),
                part => write!(f, "not ({part})"),
            },
            Self::Compare(property, operator, literal) => {
                write!(f, "{} {} {literal}", property.name(), operator.name())
            }
            Self::In(property, literals) => {
                write!(f, "{} in (", property.name())?;
                for (at, literal) in literals.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{literal}")?;
                }
                f.write_str(")")
            }
        }
    }
}

fn write_part(part: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match part {
        Expr::And(_) => write!(f, "({part})"),
        part => write!(f, "{part}"),
    }
}

#[cfg(test)]
mod tests;
