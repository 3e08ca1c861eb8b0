//! Changes to send, and their results.

use alertdeck_graph::{AlertUpdate, Kind};
use alertdeck_model::{AlertId, Timestamp};

use super::{Change, EntryId, Field, Values};

/// The state of an alert that the user saw when confirming a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The values.
    pub values: Values,
    /// The time of the alert's last update.
    pub updated: Option<Timestamp>,
}

/// The state that an alert must be in for a change to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The state that the user saw.
    Seen(Seen),
    /// The state left by a recorded change, which is now to be undone.
    After {
        /// The journal ID of that change.
        entry: EntryId,
        /// The values that the change set.
        update: AlertUpdate,
        /// The time of the alert's last update, if known.
        updated: Option<Timestamp>,
    },
}

impl Expected {
    /// Returns the time of the alert's last update, if known. A state with an earlier time is out
    /// of date.
    pub fn updated(&self) -> Option<Timestamp> {
        match self {
            Self::Seen(Seen { updated, .. }) | Self::After { updated, .. } => *updated,
        }
    }
}

/// A change to one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The alert's ID.
    pub alert: AlertId,
    /// The alert's title, for the journal.
    pub title: String,
    /// The change to make.
    pub change: Change,
    /// The state that the alert must be in. If the alert is in any other state, nothing is sent.
    pub expected: Expected,
}

/// The prefix of an undo action's summary.
pub const UNDO: &str = "undo: ";

/// An action: the data shared by all changes that were confirmed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The action's ID in the journal.
    pub id: EntryId,
    /// The action in words, sanitised for display.
    pub summary: String,
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskResult {
    /// The change is in effect.
    Applied,
    /// The alert already had these values; nothing was sent.
    Unchanged,
    /// Someone else has changed the alert since the user saw it; nothing was sent.
    ChangedBySomeoneElse {
        /// The alert's current values.
        now: Values,
    },
    /// The change was definitely not made.
    Failed {
        /// The kind of the error; `None` if the failure was local.
        kind: Option<Kind>,
        /// The reason, as one line that is safe to show.
        line: String,
    },
    /// The change was sent, but the alert does not show it. Contains the reason.
    NotApplied(String),
    /// It could not be determined whether the change was made. Contains the reason.
    Unknown(String),
}

impl TaskResult {
    /// Returns whether the alert has the values that the user wanted.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Applied | Self::Unchanged)
    }

    /// Returns the result as a single line, sanitised for display.
    pub fn line(&self) -> String {
        match self {
            Self::Applied => "done".to_owned(),
            Self::Unchanged => "already had these values".to_owned(),
            Self::ChangedBySomeoneElse { now } => {
                let words = Field::ALL.map(|field| now.words(field));
                let words: Vec<_> = words.into_iter().filter(|words| words != "none").collect();
                format!("not sent: changed since, now {}", words.join(", "))
            }
            Self::Failed { line, .. } => line.clone(),
            Self::NotApplied(line) => format!("not in effect: {line}"),
            Self::Unknown(line) => format!("result unknown: {line}"),
        }
    }
}
