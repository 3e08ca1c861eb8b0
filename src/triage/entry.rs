//! Journal entries: changes to alerts, and notes for the handover.

use std::collections::HashMap;

use alertdeck_graph::AlertUpdate;
use alertdeck_model::{AlertId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    change::{StoredUpdate, restored, steps},
    task::UNDO,
};

/// Identifies a change, a note or an action across runs and computers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(String);

impl EntryId {
    /// Creates an ID from random bits.
    pub fn random() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()))
    }

    /// Returns the ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kind of journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A change to the values of an alert.
    Update,
    /// A new comment on an alert.
    Comment,
    /// A note for the handover. The note stays on this computer.
    Note,
}

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryResult {
    /// The change was about to be sent. If no other result follows, the program ended before the
    /// response arrived, and it is unknown whether the change was made.
    Sent,
    /// The change was made.
    Applied,
    /// The change was sent, but the alert does not show it.
    NotApplied,
    /// It could not be determined whether the change was made.
    Unknown,
    /// The change was definitely not made.
    Failed,
}

/// An entry in the journal. A change has two entries with the same ID: one written before it is
/// sent, and one with its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The ID of the change or note.
    pub id: EntryId,
    /// The time at which the entry was written, according to the local clock.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub time: Timestamp,
    /// The action that the change was part of. All changes confirmed together have the same action.
    pub action: EntryId,
    /// The action in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The kind of entry.
    pub kind: EntryKind,
    /// The tenant: its GUID if the token contains it, otherwise its name in the settings.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The profile that was used for the tenant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// The account that made the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The alert's ID; `None` for a note on the shift as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The alert's title.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The old values of the fields that the change sets.
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
    /// The reason the result is not [`EntryResult::Applied`], as one line that is safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The service's own ID for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The ID of the change that this change undoes.
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
    /// Creates an entry without a tenant, an alert or values.
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

    /// Sets the entry's `before` and `after` values.
    #[must_use]
    pub fn with_values(mut self, before: &AlertUpdate, after: &AlertUpdate) -> Self {
        (self.before, self.after) = (before.into(), after.into());
        self
    }

    /// Returns the alert's ID.
    pub fn alert_id(&self) -> Option<AlertId> {
        self.alert.as_deref().map(AlertId::new)
    }

    /// Describes what the change does, such as `assign to ana@contoso.com`, or what an undo
    /// restores. The text is sanitised for display.
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

/// Returns the latest entry for each change and note, in the order of their first entries.
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
