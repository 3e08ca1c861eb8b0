//! What analysts change in alerts: values, changes, the pairs of classification and determination
//! that make sense, and the records of what was done.
//!
//! Plain data without I/O. The journal ([`crate::journal`]) stores the records, and
//! [`crate::writer`] sends the changes.

mod change;
mod entry;
mod pairs;
mod task;

/// Whether the alerts of a tenant may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// They may, by an option or the profile.
    On,
    /// They may not, since nobody has asked for it.
    #[default]
    Off,
    /// They may not, since the profile says so, whatever the options.
    Forbidden,
    /// They cannot be, since they are read from files.
    Saved,
}

pub use change::{Change, Difference, Field, StoredUpdate, Values, owner_is_person};
pub use entry::{Entry, EntryId, EntryKind, EntryResult, latest};
pub use pairs::{Pair, determinations, pair};
pub use task::{Action, Expected, Seen, Task, TaskResult, UNDO};
