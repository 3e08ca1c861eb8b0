//! Changes to send, and how they ended.

use alertdeck_graph::{AlertUpdate, Kind};
use alertdeck_model::{AlertId, Timestamp};

use super::{Change, EntryId, Field, Values};

/// What the user saw of an alert when confirming a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The values.
    pub values: Values,
    /// The alert's last update.
    pub updated: Option<Timestamp>,
}

/// The state that an alert must be in for a change to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// What the user saw.
    Seen(Seen),
    /// What a recorded change left, which is to be undone.
    After {
        /// The record of that change.
        entry: EntryId,
        /// The values that it set.
        update: AlertUpdate,
        /// The alert's last update, as far as it is known.
        updated: Option<Timestamp>,
    },
}

impl Expected {
    /// Returns the alert's last update, as far as it is known. An older state is out of date.
    pub fn updated(&self) -> Option<Timestamp> {
        match self {
            Self::Seen(Seen { updated, .. }) | Self::After { updated, .. } => *updated,
        }
    }
}

/// A change to one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The alert's id.
    pub alert: AlertId,
    /// The alert's title, for the journal.
    pub title: String,
    /// What to change.
    pub change: Change,
    /// The state that the alert must be in. Otherwise nothing is sent.
    pub expected: Expected,
}

/// The beginning of the summary of an action that undoes another one.
pub const UNDO: &str = "undo: ";

/// An action: what all changes that were confirmed together have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The id in the journal.
    pub id: EntryId,
    /// The action in words; safe to show.
    pub summary: String,
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskResult {
    /// The change is in effect.
    Applied,
    /// The alert already had these values; nothing was sent.
    Unchanged,
    /// Someone else has changed the alert since the user saw it; nothing was sent.
    ChangedBySomeoneElse {
        /// What it was changed to.
        now: Values,
    },
    /// The change was definitely not made, for this reason; safe to show.
    Failed {
        /// The kind of the error; `None` if the failure was on this computer.
        kind: Option<Kind>,
        /// The reason.
        line: String,
    },
    /// The change was sent, and the alert does not show it, for this reason.
    NotApplied(String),
    /// Whether the change was made could not be found out, for this reason.
    Unknown(String),
}

impl TaskResult {
    /// Returns whether the alert is as the user wanted it.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Applied | Self::Unchanged)
    }

    /// Returns the result in one line that is safe to show.
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
