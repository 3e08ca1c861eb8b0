//! What analysts change in alerts: values, changes, the pairs of classification and determination
//! that make sense, and the records of what was done.
//!
//! Plain data without I/O. The journal ([`crate::journal`]) stores the records, and
//! [`crate::writer`] sends the changes.

mod change;
mod entry;
mod pairs;

pub use change::{Change, Difference, Field, StoredUpdate, Values, owner_is_person};
pub use entry::{Entry, EntryId, EntryKind, EntryResult, latest};
pub use pairs::{Pair, determinations, pair};
