//! The evidence of an alert arranged as the attack went: assets, process chains, what hangs on
//! them.
//!
//! It knows the model alone: no store, no screen, no filter.

mod chronology;
mod describe;
mod tree;
mod types;

pub use chronology::{Chronology, Entry, Happening};
pub use describe::{Description, Piece, device, user};
pub use tree::{Node, NodeId, NodeKey, Teller, Tree};
