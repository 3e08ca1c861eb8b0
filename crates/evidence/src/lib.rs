//! The evidence of an alert arranged as the attack went: assets, process chains, what hangs on
//! them.
//!
//! It knows the model alone: no store, no screen, no filter.

mod describe;
mod timeline;
mod tree;
mod types;

pub use describe::{Description, Piece, device, user};
pub use timeline::{Entry, Timeline, TimelineEvent};
pub use tree::{Node, NodeId, NodeKey, PropertySource, Tree};
