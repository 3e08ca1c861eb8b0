//! Triage data: the values that analysts change in alerts, the changes, the determinations to offer
//! for each classification, and the journal entries.
//!
//! Plain data without I/O. The journal ([`crate::journal`]) stores the entries, and
//! [`crate::writer`] sends the changes.

mod change;
mod entry;
mod pairs;
mod task;

/// Whether a tenant's alerts may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// Changes are turned on, by an option or the profile.
    On,
    /// Changes are turned off, by default or by an option.
    #[default]
    Off,
    /// The profile forbids changes, whatever the options.
    Forbidden,
    /// Changes are impossible, since the alerts were read from files.
    Saved,
}

pub use change::{Change, Difference, Field, StoredUpdate, Values, owner_is_person};
pub use entry::{Entry, EntryId, EntryKind, EntryResult, latest};
pub use pairs::{Pair, determinations, pair};
pub use task::{Action, Expected, Seen, Task, TaskResult, UNDO};
