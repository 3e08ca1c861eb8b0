//! An alert's evidence: an entity tree, a timeline and indicators.
//!
//! This crate depends only on the model, not on the store, the filter language or the screen.

mod describe;
mod identity;
mod subjects;
mod timeline;
mod tree;
mod types;

pub use describe::{Description, Piece, Properties};
pub use identity::{Identity, IdentityKind};
pub use subjects::{Subject, Subjects};
pub use timeline::{Entry, Timeline, TimelineEvent};
pub use tree::{Node, NodeId, NodeKey, PropertySource, Tree};
