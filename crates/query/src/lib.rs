//! The filter language: what the user typed, read, resolved, planned and carried out.
//!
//! One way through: [`parse`] reads text to a [`Query`]; [`plan`] gives names and values their
//! meaning and splits the filter into what Graph is asked and what is left to do here; a
//! [`Matcher`] tests alerts. Nothing here fetches, draws, or asks for the time.
//!
//! Invariants: the text typed is never changed or lost; what is pushed holds wherever the filter
//! holds; a filter of any size or depth is answered, if only by a diagnostic.
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
mod diagnostic;
mod explain;
mod fields;
mod matcher;
mod moment;
mod plan;
mod predicate;
mod properties;
mod resolve;
mod shown;
mod syntax;
mod write;

pub use complete::{Completion, complete};
pub use diagnostic::{Diagnostic, DiagnosticKind};
pub use explain::{Explanation, explain};
pub use fields::{Choice, Cover, FIELDS, Field, FieldKind, Moment, Shape, named};
pub use matcher::Matcher;
pub use plan::{Context, Plan, compile, plan};
pub use predicate::Predicate;
pub use properties::PROPERTIES;
pub use resolve::NamedTechniques;
pub use shown::{Shown, joined};
pub use syntax::{MAX_LENGTH, Query, parse};
pub use write::{FieldPostings, Whole, join, literal, terms};
