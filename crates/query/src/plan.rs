//! How a filter is carried out: what Graph is asked, and what is left to do here.
//!
//! What is pushed always holds wherever the filter holds (the law of DESIGN.md 4); whatever the
//! service returns is tested here again with the whole filter, because some sources ignore
//! filters (QUIRKS.md). Negations are resolved by asking each test both ways: what Graph can be
//! asked so that it holds, and so that it fails.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::{
    diagnostic::Diagnostic,
    fields::{Choice, Scope},
    moment::Clock,
    predicate::{Pattern, Predicate, Test, TextTest, same},
    resolve::{NamedTechniques, Resolver},
    syntax::{Node, NodeKind, Query, Root, parse},
};
use alertdeck_model::{AlertId, Timestamp};
use alertdeck_odata::{Expr, Feature, Literal, Operator, Property};

/// What a filter is planned against.
#[derive(Clone, Debug)]
pub struct Context {
    /// The moment that ages and `today` count from.
    pub now: Timestamp,
    /// The profile's zone, in which a date is a day.
    pub zone: TimeZone,
    /// The signed-in user's principal name.
    pub me: Option<String>,
    /// The owners of loaded alerts, as sent. Whether Graph folds case in `assignedTo` is
    /// unknown, so a name is asked for in every spelling held (ARCHITECTURE.md).
    pub spellings: Vec<String>,
    /// What the service has refused with a 400: it is asked no more and filtered here.
    pub refused: Vec<Feature>,
}

impl Context {
    /// Makes a context at `now` in UTC, with nobody signed in and nothing known of the service.
    pub fn at(now: Timestamp) -> Self {
        Self { now, zone: TimeZone::UTC, me: None, spellings: Vec::new(), refused: Vec::new() }
    }
}

/// How a filter is carried out.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What Graph is asked; `None` asks for everything. It holds wherever the filter holds.
    pub pushed: Option<Expr>,
    /// The whole filter, to test every alert with, whatever was asked.
    pub test: Predicate,
    /// The part of the filter that is left to do here, as typed; `None` where Graph does all.
    pub local: Option<String>,
    /// The alert that the filter asks for by its id and by nothing else; GET fetches it.
    pub id: Option<AlertId>,
    /// When the same text means something else, because it speaks of now or of today.
    pub replan_at: Option<Timestamp>,
    /// The names of techniques in the filter, with what they stand for.
    pub named: Vec<NamedTechniques>,
}

impl Plan {
    /// Returns whether what Graph is asked is the whole filter.
    pub fn is_exact(&self) -> bool {
        self.local.is_none()
    }
}

/// Reads and plans a filter.
pub fn compile(text: &str, context: &Context) -> Result<Plan, Vec<Diagnostic>> {
    plan(&parse(text), context)
}

/// Plans a filter. Fails with everything that is wrong with it, its syntax included.
pub fn plan(query: &Query, context: &Context) -> Result<Plan, Vec<Diagnostic>> {
    if !query.diagnostics().is_empty() {
        return Err(query.diagnostics().to_vec());
    }
    let resolver = Resolver {
        clock: Clock { now: context.now, zone: &context.zone },
        me: context.me.as_deref(),
        stale_at: None,
        named: Vec::new(),
    };
    let mut planner = Planner { context, resolver, faults: Vec::new(), local: Vec::new() };
    let test = match &query.root {
        Root::Everything => Test::All(Vec::new()),
        Root::OData(expr) => Test::Raw(expr.clone()),
        Root::Filter(node) => planner.lower(node, true),
    };
    let pushed = context.push(&test, true);
    if matches!(query.root, Root::OData(_)) && !pushed.exact {
        planner.local.push(0..query.text().len());
    }
    let Planner { resolver, faults, local, .. } = planner;
    if !faults.is_empty() {
        return Err(faults);
    }
    let local: Vec<_> = local.into_iter().map(|span| query.text()[span].trim()).collect();
    Ok(Plan {
        pushed: pushed.expr,
        local: (!local.is_empty()).then(|| local.join(" ")),
        id: alone(&test),
        test: Predicate(test),
        replan_at: resolver.stale_at,
        named: resolver.named,
    })
}

/// The id, where the test asks for one and nothing else.
fn alone(test: &Test) -> Option<AlertId> {
    match test {
        Test::Text(TextTest { scope: Scope::Field(field), patterns }) if field.name == "id" => {
            match patterns.as_slice() {
                [Pattern::Equals { typed, .. }] => Some(AlertId::new(typed)),
                _ => None,
            }
        }
        _ => None,
    }
}

struct Planner<'a> {
    context: &'a Context,
    resolver: Resolver<'a>,
    faults: Vec<Diagnostic>,
    /// The parts of the filter that are left to do here.
    local: Vec<Range<usize>>,
}

impl Planner<'_> {
    /// Turns a part of the filter into a test. `top` says that the whole filter fails where the
    /// part does, so that the part can be left to do here by itself.
    fn lower(&mut self, node: &Node, top: bool) -> Test {
        let test = match &node.kind {
            NodeKind::And(parts) => {
                return Test::All(parts.iter().map(|part| self.lower(part, top)).collect());
            }
            NodeKind::Or(parts) => {
                Test::any(parts.iter().map(|part| self.lower(part, false)).collect::<Vec<_>>())
            }
            NodeKind::Not(part) => Test::not(self.lower(part, false)),
            NodeKind::Term(term) => self.resolver.term(term).unwrap_or_else(|fault| {
                self.faults.push(fault);
                Test::All(Vec::new())
            }),
        };
        if top && !self.context.push(&test, true).exact {
            self.local.push(node.span.clone());
        }
        test
    }
}

/// What Graph can be asked in place of a test.
struct Push {
    /// `None` asks for everything.
    expr: Option<Expr>,
    /// Whether it is the test and not only a superset.
    exact: bool,
}

impl Push {
    const NOTHING: Self = Self { expr: None, exact: false };

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut exact = true;
        let exprs: Vec<_> = parts
            .filter_map(|part| {
                exact &= part.exact;
                part.expr
            })
            .collect();
        Self { expr: (!exprs.is_empty()).then(|| Expr::and(exprs)), exact }
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let mut exact = true;
        let exprs: Option<Vec<_>> = parts
            .map(|part| {
                exact &= part.exact;
                part.expr
            })
            .collect();
        match exprs {
            Some(exprs) if !exprs.is_empty() => Self { expr: Some(Expr::or(exprs)), exact },
            _ => Self::NOTHING,
        }
    }
}

impl Context {
    /// What to ask for so that the test holds, or else so that it fails.
    fn push(&self, test: &Test, holds: bool) -> Push {
        match test {
            Test::All(parts) | Test::Any(parts) => {
                let parts = parts.iter().map(|part| self.push(part, holds));
                if matches!(test, Test::All(_)) == holds { Push::all(parts) } else { Push::any(parts) }
            }
            Test::Not(part) => self.push(part, !holds),
            Test::Member(choice, member) => self.exactly(push_member(*choice, member, holds)),
            Test::Within(moment, interval) => self.exactly(moment.property().map(|property| {
                if holds {
                    Expr::and(interval.inside(property))
                } else {
                    Expr::or(std::iter::once(null(property, true)).chain(interval.outside(property)))
                }
            })),
            Test::Known(moment) => self.exactly(moment.property().map(|property| null(property, !holds))),
            Test::Text(TextTest { scope, patterns }) if scope.is_owner() => {
                let parts = patterns.iter().map(|pattern| self.exactly(self.push_owner(pattern, holds)));
                if holds { Push::any(parts) } else { Push::all(parts) }
            }
            Test::Raw(expr) if holds => {
                let wide = expr.admitting_nulls();
                let allowed = self.refused.iter().try_fold(wide, |expr, feature| expr.without(*feature));
                Push { exact: allowed.as_ref() == Some(expr), expr: allowed }
            }
            Test::Text(_) | Test::Raw(_) => Push::NOTHING,
        }
    }

    /// An expression that is the test itself, unless the service has refused what it needs.
    fn exactly(&self, expr: Option<Expr>) -> Push {
        match expr {
            Some(expr) if !self.refused.iter().any(|feature| expr.uses(*feature)) => {
                Push { expr: Some(expr), exact: true }
            }
            _ => Push::NOTHING,
        }
    }

    fn push_owner(&self, pattern: &Pattern, holds: bool) -> Option<Expr> {
        let owner = Property::AssignedTo;
        match pattern {
            Pattern::Equals { typed, .. } => {
                let held = self.spellings.iter().filter(|held| same(held, typed));
                let spellings = std::iter::once(typed).chain(held).map(|name| equal(owner, name, holds));
                Some(if holds {
                    Expr::or(spellings)
                } else {
                    Expr::or([null(owner, true), Expr::and(spellings)])
                })
            }
            Pattern::Filled => {
                let empty = [null(owner, !holds), equal(owner, "", !holds)];
                Some(if holds { Expr::and(empty) } else { Expr::or(empty) })
            }
            _ => None,
        }
    }
}

fn push_member(choice: Choice, member: &str, holds: bool) -> Option<Expr> {
    let property = choice.property()?;
    // The service refuses a filter that names a member it does not declare; what alerts hold all
    // the same (QUIRKS.md) is found here.
    if !choice.members().contains(&member) {
        return None;
    }
    let equal = equal(property, member, holds);
    Some(match (property.is_nullable(), member == "unknown", holds) {
        (false, ..) | (true, false, true) => equal,
        // Null and unknown are one, and null is none of the others (ARCHITECTURE.md).
        (true, true, true) | (true, false, false) => Expr::or([null(property, true), equal]),
        (true, true, false) => Expr::and([null(property, false), equal]),
    })
}

/// `property eq text` or `property ne text`.
fn equal(property: Property, text: &str, equal: bool) -> Expr {
    let operator = if equal { Operator::Eq } else { Operator::Ne };
    Expr::Compare(property, operator, Literal::Text(text.to_owned()))
}

/// `property eq null` or `property ne null`.
fn null(property: Property, equal: bool) -> Expr {
    let operator = if equal { Operator::Eq } else { Operator::Ne };
    Expr::Compare(property, operator, Literal::Null)
}
