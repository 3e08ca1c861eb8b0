//! The evidence of an alert: a tree of entities, a timeline and the indicators in it.
//!
//! This crate depends only on the model, not on the store, the filter language or the screen.

mod describe;
mod identity;
mod timeline;
mod tree;
mod types;

pub use describe::{Description, Piece, Properties, device, user};
pub use identity::{Identity, IdentityKind, device_identity, short_name, user_identity};
pub use timeline::{Entry, Timeline, TimelineEvent};
pub use tree::{Node, NodeId, NodeKey, PropertySource, Tree};
