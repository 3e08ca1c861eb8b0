//! The records of what was done: one for each change to an alert, and notes for the handover.

use std::collections::HashMap;

use alertdeck_graph::AlertUpdate;
use alertdeck_model::{AlertId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    change::{StoredUpdate, restored, steps},
    task::UNDO,
};

/// Identifies a record across runs and computers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(String);

impl EntryId {
    /// Creates an id from random bits.
    pub fn random() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A change to the values of an alert.
    Update,
    /// A new comment on an alert.
    Comment,
    /// A note for the handover. It stays on this computer.
    Note,
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryResult {
    /// The change was about to be sent. If no other result follows, the program ended before it had
    /// the reply, and whether the change was made is unknown.
    Sent,
    /// The change was made.
    Applied,
    /// The change was sent, but the alert does not show it.
    NotApplied,
    /// Whether the change was made could not be found out.
    Unknown,
    /// The change was definitely not made.
    Failed,
}

/// A record in the journal. A change has two: before it is sent, and with its result. Both have the
/// same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The id of the change or note.
    pub id: EntryId,
    /// When the record was written, by the local clock.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub time: Timestamp,
    /// The action that the change was part of; all changes confirmed together have the same.
    pub action: EntryId,
    /// The action in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What the record is about.
    pub kind: EntryKind,
    /// The tenant: its GUID if the token names it, otherwise the name that the settings give it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The profile that the tenant was reached through.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// The account that made the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The alert's id; `None` for a note on the shift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The alert's title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The values before the change, as far as it changes them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub before: StoredUpdate,
    /// The values that the change sets.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: StoredUpdate,
    /// The comment or note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The result; `None` for a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<EntryResult>,
    /// Why the result is not [`EntryResult::Applied`]; one line that is safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The service's own id for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The change that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<EntryId>,
}

fn is_default(values: &StoredUpdate) -> bool {
    *values == StoredUpdate::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde expects")]
fn write_time<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_string())
}

fn read_time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    Timestamp::parse(&text).ok_or_else(|| serde::de::Error::custom("the time is not a date and time"))
}

impl Entry {
    /// Creates a record without tenant, alert and values.
    pub fn new(kind: EntryKind, time: Timestamp, action: EntryId) -> Self {
        Self {
            id: EntryId::random(),
            time,
            action,
            summary: String::new(),
            kind,
            tenant: String::new(),
            profile: String::new(),
            account: None,
            alert: None,
            title: String::new(),
            before: StoredUpdate::default(),
            after: StoredUpdate::default(),
            text: None,
            result: None,
            reason: None,
            request_id: None,
            undoes: None,
        }
    }

    /// Sets the values that the change sets, and those that it replaces.
    #[must_use]
    pub fn with_values(mut self, before: &AlertUpdate, after: &AlertUpdate) -> Self {
        (self.before, self.after) = (before.into(), after.into());
        self
    }

    /// Returns the alert's id.
    pub fn alert_id(&self) -> Option<AlertId> {
        self.alert.as_deref().map(AlertId::new)
    }

    /// Describes what the change does, such as `assign to ana@contoso.com`, or what an undo restores.
    /// Safe to show.
    pub fn change_words(&self) -> String {
        let after = self.after.update();
        match self.undoes {
            Some(_) => format!("{UNDO}{}", restored(&self.before.update(), &after)),
            None => steps(&after),
        }
    }

    /// Returns whether the change may have been made.
    pub fn may_be_made(&self) -> bool {
        !matches!(self.result, None | Some(EntryResult::Failed | EntryResult::NotApplied))
    }
}

/// Returns the last record of each change or note, in the order of the first ones.
pub fn latest(entries: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut places = HashMap::new();
    let mut latest: Vec<Entry> = Vec::new();
    for entry in entries {
        match places.get(&entry.id) {
            Some(at) => latest[*at] = entry,
            None => {
                places.insert(entry.id.clone(), latest.len());
                latest.push(entry);
            }
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_graph::Owner;
    use alertdeck_model::Status;

    fn entry() -> Entry {
        let time = Timestamp::parse("2026-11-20T12:03:04.5Z").unwrap();
        Entry::new(EntryKind::Update, time, EntryId("a".into()))
    }

    #[test]
    fn a_record_is_one_line_and_is_read_again() {
        let before = AlertUpdate { assigned_to: Some(Owner::Unassigned), ..AlertUpdate::default() };
        let after = AlertUpdate {
            status: Some(Status::InProgress),
            assigned_to: Some(Owner::User("ana@x.io".into())),
            ..AlertUpdate::default()
        };
        let entry = Entry {
            alert: Some("da1\n".into()),
            result: Some(EntryResult::NotApplied),
            ..entry().with_values(&before, &after)
        };
        let line = serde_json::to_string(&entry).unwrap();
        assert!(!line.contains('\n'));
        let read: Entry = serde_json::from_str(&line).unwrap();
        assert_eq!((read.before.update(), read.after.update()), (before, after));
        assert_eq!(read, entry);
    }

    #[test]
    fn the_last_record_of_a_change_counts() {
        let sent = Entry { result: Some(EntryResult::Sent), ..entry() };
        let (other, ended) = (entry(), Entry { result: Some(EntryResult::Applied), ..sent.clone() });
        let latest = latest([sent.clone(), other.clone(), ended.clone()]);
        assert_eq!(latest, [ended, other]);
        assert!(sent.may_be_made());
    }
}
