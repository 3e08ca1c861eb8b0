//! Plans a filter: which part is pushed to Graph and which part stays local.
//!
//! The pushed part matches every alert that the filter matches (docs/filter-language.md, "The
//! law"). Every alert is tested again against the whole filter, because some alert sources ignore
//! filters (docs/graph-api.md, "Filtering"). To support negation, each test can be pushed either as
//! it is or negated.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::{
    date::Clock,
    diagnostic::Diagnostic,
    fields::{Enumeration, SearchScope},
    predicate::{Pattern, Predicate, Test, TextTest, eq_ignore_case},
    resolve::{NamedTechniques, Resolver},
    slips,
    syntax::{Node, NodeKind, Query, Root, parse},
};
use alertdeck_model::{AlertId, Timestamp};
use alertdeck_odata::{Expr, Feature, Literal, Operator, Property};
use alertdeck_store::FeedId;

/// A tenant that `tenant:` and `me` can refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenant {
    /// The feed that the tenant's alerts come from. If `None`, its alerts are not in the list: its
    /// names are valid but match nothing.
    pub feed: Option<FeedId>,
    /// The names that `tenant:` accepts for the tenant, such as its profile name, domain and tenant
    /// ID.
    pub names: Vec<String>,
    /// The user principal name that `me` refers to in this tenant.
    pub me: Option<String>,
}

/// How a service compares owners. Whether Graph ignores case in `assignedTo` is not documented
/// (docs/filter-language.md, "OData meaning").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerCase {
    /// It is not known yet whether the service ignores case.
    #[default]
    Unknown,
    /// The service ignores case, as the filter language does.
    Ignored,
    /// The service distinguishes upper and lower case.
    Exact,
}

/// The context of a filter: the time, the time zone, the tenants and what is known about the
/// service.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time to which durations, `today` and `yesterday` refer.
    pub now: Timestamp,
    /// The time zone in which dates are interpreted.
    pub zone: TimeZone,
    /// The feed that the plan is for. Only the pushed part depends on this field, `owner_case`,
    /// `spellings` and `refused`; the test is the same for all feeds.
    pub feed: FeedId,
    /// The known tenants.
    pub tenants: Vec<Tenant>,
    /// How the feed's service compares owners.
    pub owner_case: OwnerCase,
    /// The owners of the feed's loaded alerts, as sent. Unless the service ignores case, an owner
    /// is pushed in every known spelling.
    pub spellings: Vec<String>,
    /// The features that the service has rejected with status 400. They are not pushed.
    pub refused: Vec<Feature>,
}

impl Context {
    /// Creates a context at `now` in UTC, with no rejected features and with one tenant that has
    /// neither a name nor a user.
    pub fn at(now: Timestamp) -> Self {
        let feed = FeedId::default();
        let tenants = vec![Tenant { feed: Some(feed), ..Tenant::default() }];
        let owner_case = OwnerCase::default();
        let (spellings, refused) = (Vec::new(), Vec::new());
        Self { now, zone: TimeZone::UTC, feed, tenants, owner_case, spellings, refused }
    }

    /// Sets the user principal name that `me` refers to in every tenant.
    #[must_use]
    pub fn with_me(mut self, me: Option<&str>) -> Self {
        for tenant in &mut self.tenants {
            tenant.me = me.map(str::to_owned);
        }
        self
    }
}

/// How a filter is evaluated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether no alert from the feed can match because the filter asks for other tenants. If so,
    /// nothing needs to be requested.
    pub excludes_feed: bool,
    /// The part to push to Graph; `None` requests all alerts. It matches every alert that the
    /// filter matches.
    pub pushed: Option<Expr>,
    /// Whether the pushed part asks for an owner only in the known spellings, although it is not
    /// known whether the service ignores case. If the service does not ignore case, its reply lacks
    /// alerts with another spelling of the owner.
    pub guesses_owner: bool,
    /// The complete filter. Every alert is tested against it, whatever was pushed.
    pub test: Predicate,
    /// The conditions that are not pushed completely, as typed, or `None` if there are none.
    pub local: Option<String>,
    /// The alert's ID, if the filter consists of a single ID. The alert is then fetched directly.
    pub id: Option<AlertId>,
    /// The time at which the filter must be planned again, if it depends on the current time.
    pub replan_at: Option<Timestamp>,
    /// The technique names in the filter, with the techniques that they match.
    pub named: Vec<NamedTechniques>,
    /// The words that alerts must not contain. They may have been meant as command-line options.
    pub excluded: Vec<String>,
    /// The terms with `=` that compare whole values, rewritten to match part of a value. If the
    /// filter matches nothing, the user may have meant these.
    pub whole: Vec<String>,
}

impl Plan {
    /// Returns whether the entire filter is pushed.
    pub fn is_exact(&self) -> bool {
        self.local.is_none()
    }
}

/// Parses and plans a filter.
///
/// # Errors
///
/// Returns the same errors as [`plan`].
pub fn compile(text: &str, context: &Context) -> Result<Plan, Vec<Diagnostic>> {
    plan(&parse(text), context)
}

/// Plans a filter.
///
/// # Errors
///
/// Returns all syntax errors. If the filter uses the syntax of another tool, an error that says so
/// comes first. If there are no syntax errors, returns all errors in the filter's terms.
pub fn plan(query: &Query, context: &Context) -> Result<Plan, Vec<Diagnostic>> {
    if !matches!(query.root, Root::OData(_))
        && let Some(slip) = slips::find(query.text())
    {
        return Err(std::iter::once(slip).chain(query.diagnostics().iter().cloned()).collect());
    }
    if !query.diagnostics().is_empty() {
        return Err(query.diagnostics().to_vec());
    }
    let resolver = Resolver {
        clock: Clock { now: context.now, zone: &context.zone },
        tenants: &context.tenants,
        stale_at: None,
        named: Vec::new(),
        whole: Vec::new(),
    };
    let mut planner = Planner { context, resolver, diagnostics: Vec::new(), local: Vec::new() };
    let test = match &query.root {
        Root::Everything => Test::All(Vec::new()),
        Root::OData(expr) => Test::Raw(expr.clone()),
        Root::Filter(node) => planner.lower(node, true),
    };
    let in_feed = test.in_feed(context.feed);
    let pushed = context.push(&in_feed, true);
    if matches!(query.root, Root::OData(_)) && !pushed.exact {
        planner.local.push(0..query.text().len());
    }
    let Planner { resolver, diagnostics, local, .. } = planner;
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let local: Vec<_> = local.into_iter().map(|span| query.text()[span].trim()).collect();
    let excludes_feed = in_feed.is_never();
    Ok(Plan {
        excludes_feed,
        guesses_owner: pushed.guesses_owner,
        pushed: pushed.expr,
        local: (!local.is_empty() && !excludes_feed).then(|| local.join(" ")),
        id: single_id(&in_feed),
        test: Predicate(test),
        replan_at: resolver.stale_at,
        named: resolver.named,
        excluded: query.excluded(),
        whole: resolver.whole,
    })
}

/// Returns the alert's ID if the test is for a single ID and nothing else.
fn single_id(test: &Test) -> Option<AlertId> {
    match test {
        Test::Text(TextTest { scope: SearchScope::Field(field), patterns }) if field.name == "id" => {
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
    diagnostics: Vec<Diagnostic>,
    /// The parts of the filter that are not pushed completely.
    local: Vec<Range<usize>>,
}

impl Planner<'_> {
    /// Turns a part of the filter into a test. `top` means that the filter fails whenever the part
    /// fails, so the part can be evaluated locally on its own.
    fn lower(&mut self, node: &Node, top: bool) -> Test {
        let test = match &node.kind {
            NodeKind::And(parts) => {
                return Test::All(parts.iter().map(|part| self.lower(part, top)).collect());
            }
            NodeKind::Or(parts) => {
                Test::any(parts.iter().map(|part| self.lower(part, false)).collect::<Vec<_>>())
            }
            NodeKind::Not(part) => Test::not(self.lower(part, false)),
            NodeKind::Term(term) => self.resolver.term(term).unwrap_or_else(|diagnostic| {
                self.diagnostics.push(diagnostic);
                Test::All(Vec::new())
            }),
        };
        if top && !self.context.push(&test.in_feed(self.context.feed), true).exact {
            self.local.push(node.span.clone());
        }
        test
    }
}

/// The part of a test that can be pushed to the service.
struct Push {
    /// The expression; `None` requests all alerts.
    expr: Option<Expr>,
    /// Whether the expression is equivalent to the test, rather than matching a superset.
    exact: bool,
    /// Whether `expr` and `exact` are correct only if the service ignores case in owners or all
    /// spellings are known.
    guesses_owner: bool,
}

impl Push {
    const NOTHING: Self = Self { expr: None, exact: false, guesses_owner: false };

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let (mut exact, mut guesses_owner) = (true, false);
        let exprs: Vec<_> = parts
            .filter_map(|part| {
                exact &= part.exact;
                guesses_owner |= part.guesses_owner;
                part.expr
            })
            .collect();
        Self { expr: (!exprs.is_empty()).then(|| Expr::and(exprs)), exact, guesses_owner }
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let (mut exact, mut guesses_owner) = (true, false);
        let exprs: Option<Vec<_>> = parts
            .map(|part| {
                exact &= part.exact;
                guesses_owner |= part.guesses_owner;
                part.expr
            })
            .collect();
        match exprs {
            Some(exprs) if !exprs.is_empty() => Self { expr: Some(Expr::or(exprs)), exact, guesses_owner },
            _ => Self::NOTHING,
        }
    }
}

impl Context {
    /// Returns the expression to push for a test, or for its negation if `holds` is false.
    fn push(&self, test: &Test, holds: bool) -> Push {
        match test {
            // Nothing is requested for a test that no alert passes.
            never if holds && never.is_never() => Push { exact: true, ..Push::NOTHING },
            Test::All(parts) | Test::Any(parts) => {
                let parts = parts.iter().map(|part| self.push(part, holds));
                if matches!(test, Test::All(_)) == holds { Push::all(parts) } else { Push::any(parts) }
            }
            Test::Not(part) => self.push(part, !holds),
            Test::Member(enumeration, member) => self.exactly(push_member(*enumeration, member, holds)),
            Test::Within(date, interval) => self.exactly(date.property().map(|property| {
                if holds {
                    Expr::and(interval.inside(property))
                } else {
                    Expr::or(std::iter::once(null(property, true)).chain(interval.outside(property)))
                }
            })),
            Test::Known(date) => self.exactly(date.property().map(|property| null(property, !holds))),
            Test::Text(TextTest { scope, patterns }) if scope.is_owner() => {
                let parts = patterns.iter().map(|pattern| self.push_owner(pattern, holds));
                if holds { Push::any(parts) } else { Push::all(parts) }
            }
            Test::Raw(expr) if holds => {
                let wide = expr.for_service().map(|expr| expr.admitting_nulls());
                let allowed = wide.and_then(|wide| {
                    self.refused.iter().try_fold(wide, |expr, feature| expr.without(*feature))
                });
                Push { exact: allowed.as_ref() == Some(expr), expr: allowed, guesses_owner: false }
            }
            Test::Text(_) | Test::Raw(_) | Test::From(_) => Push::NOTHING,
        }
    }

    /// Pushes an expression that is equivalent to the test, unless the service has rejected a
    /// feature that the expression uses.
    fn exactly(&self, expr: Option<Expr>) -> Push {
        match expr {
            Some(expr) if !self.refused.iter().any(|feature| expr.uses(*feature)) => {
                Push { expr: Some(expr), exact: true, guesses_owner: false }
            }
            _ => Push::NOTHING,
        }
    }

    fn push_owner(&self, pattern: &Pattern, holds: bool) -> Push {
        let owner = Property::AssignedTo;
        match pattern {
            // Another spelling may exist that no loaded alert has.
            Pattern::Equals { .. } if holds && self.owner_case == OwnerCase::Exact => {
                Push { exact: false, ..self.exactly(Some(null(owner, false))) }
            }
            Pattern::Equals { typed, .. } => {
                let varies = self.owner_case != OwnerCase::Ignored;
                let loaded = self.spellings.iter().filter(|loaded| varies && eq_ignore_case(loaded, typed));
                let spellings = std::iter::once(typed).chain(loaded).map(|name| equal(owner, name, holds));
                let push = self.exactly(Some(if holds {
                    Expr::or(spellings)
                } else {
                    Expr::or([null(owner, true), Expr::and(spellings)])
                }));
                // Excluding too few spellings requests too many alerts, but misses none.
                let guesses_owner = holds && push.expr.is_some() && self.owner_case == OwnerCase::Unknown;
                Push { exact: push.exact && self.owner_case != OwnerCase::Exact, guesses_owner, ..push }
            }
            Pattern::Filled => {
                let empty = [null(owner, !holds), equal(owner, "", !holds)];
                self.exactly(Some(if holds { Expr::and(empty) } else { Expr::or(empty) }))
            }
            _ => Push::NOTHING,
        }
    }
}

fn push_member(enumeration: Enumeration, member: &str, holds: bool) -> Option<Expr> {
    let property = enumeration.property()?;
    // The service rejects a filter with a member that it does not declare. Alerts can still have
    // such members (docs/graph-api.md, "Enumerations"), so they are matched locally.
    if !enumeration.members().contains(&member) {
        return None;
    }
    let equal = equal(property, member, holds);
    Some(match (property.is_nullable(), member == "unknown", holds) {
        (false, ..) | (true, false, true) => equal,
        // Null means the same as `unknown` and differs from every other member.
        (true, true, true) | (true, false, false) => Expr::or([null(property, true), equal]),
        (true, true, false) => Expr::and([null(property, false), equal]),
    })
}

/// Returns `property eq text` or `property ne text`.
fn equal(property: Property, text: &str, equal: bool) -> Expr {
    let operator = if equal { Operator::Eq } else { Operator::Ne };
    Expr::Compare(property, operator, Literal::Text(text.to_owned()))
}

/// Returns `property eq null` or `property ne null`.
fn null(property: Property, equal: bool) -> Expr {
    let operator = if equal { Operator::Eq } else { Operator::Ne };
    Expr::Compare(property, operator, Literal::Null)
}
