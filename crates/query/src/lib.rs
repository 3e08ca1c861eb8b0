//! The filter language: parses, plans and evaluates filters (docs/filter-language.md).
//!
//! [`parse`] turns text into a [`Query`]. [`plan`] resolves names and values, and splits the filter
//! into the part that is pushed to Graph and the part that is evaluated locally. A [`Matcher`]
//! tests alerts. The crate does no I/O and never reads the clock.
//!
//! Invariants: the typed text is never changed or lost; the pushed part matches every alert that
//! the filter matches; a filter of any size or depth yields a result, even if it is only a
//! diagnostic.
//!
//! ```
//! use alertdeck_model::Timestamp;
//! use alertdeck_query::{Context, compile};
//!
//! let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
//! let plan = compile("status:open title:mimikatz", &Context::at(now)).unwrap();
//! assert_eq!(plan.pushed.unwrap().to_string(), "(status eq 'new' or status eq 'inProgress')");
//! assert_eq!(plan.local.as_deref(), Some("title:mimikatz"));
//! ```

mod complete;
mod date;
mod diagnostic;
mod explain;
mod fields;
mod kql;
mod literal;
mod matcher;
mod outline;
mod plan;
mod predicate;
mod properties;
mod resolve;
mod shown;
mod slips;
mod syntax;
mod write;

pub use complete::{Completion, TypedValue, complete, typed_value};
pub use date::since;
pub use diagnostic::{Diagnostic, DiagnosticKind};
pub use explain::{Explanation, explain};
pub use fields::{DateProperty, Enumeration, FIELDS, Field, FieldKind, PropertyRef, TextKind, find_field};
pub use kql::{Kql, kql};
pub use matcher::Matcher;
pub use outline::Outline;
pub use plan::{Context, OwnerCase, Plan, Tenant, compile, plan};
pub use predicate::Predicate;
pub use properties::PROPERTIES;
pub use resolve::NamedTechniques;
pub use shown::{ShownText, merge_ranges};
pub use syntax::{MAX_LENGTH, Query, parse};
pub use write::{ExactTerm, FieldPostings, candidate_terms, join, literal};
