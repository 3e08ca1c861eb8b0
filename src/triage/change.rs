//! The alert values that triage changes, and changes to them.

use std::fmt;

use alertdeck_graph::{AlertUpdate, Owner};
use alertdeck_model::{Alert, Classification, Determination, SafeText, Status};
use alertdeck_store::Facts;
use serde::{Deserialize, Serialize};

/// The alert values that triage changes, as the service sent them.
///
/// Null and `unknown` are equivalent, as everywhere in alertdeck (docs/filter-language.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// The status.
    pub status: Status,
    /// The classification.
    pub classification: Classification,
    /// The determination, with its name in the metadata.
    pub determination: Determination,
    /// The owner; `None` if the alert is unassigned.
    pub owner: Option<SafeText>,
}

/// One of an alert's [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The status.
    Status,
    /// The classification.
    Classification,
    /// The determination.
    Determination,
    /// The owner.
    Owner,
}

impl Field {
    /// All fields, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Status, Self::Classification, Self::Determination, Self::Owner];

    /// Returns the name shown to the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Classification => "classification",
            Self::Determination => "determination",
            Self::Owner => "owner",
        }
    }
}

/// A change to one value, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The value that changes.
    pub field: Field,
    /// The old value, sanitised for display.
    pub from: String,
    /// The new value, sanitised for display.
    pub to: String,
}

/// Writes the difference as `status new → resolved`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {}", self.field.name(), self.from, self.to)
    }
}

impl Values {
    /// Returns the values of an alert that was read from the service.
    pub fn of(alert: &Alert) -> Self {
        Self::new(
            alert.status.clone(),
            alert.classification.clone(),
            &alert.determination,
            alert.assigned_to.clone(),
        )
    }

    /// Returns the values of a loaded alert.
    pub fn loaded(facts: Facts<'_>) -> Self {
        Self::new(
            facts.status().clone(),
            facts.classification().clone(),
            facts.determination(),
            facts.assigned_to(),
        )
    }

    fn new(
        status: Status,
        classification: Classification,
        determination: &Determination,
        owner: Option<SafeText>,
    ) -> Self {
        let owner = owner.filter(|owner| !owner.is_blank());
        Self { status, classification, determination: determination.in_metadata(), owner }
    }

    /// Returns a field's value in words, sanitised for display. Returns `none` if there is no
    /// value.
    pub fn words(&self, field: Field) -> String {
        let none = || "none".to_owned();
        match field {
            Field::Status => self.status.words(),
            Field::Classification if self.classification == Classification::Unknown => none(),
            Field::Classification => self.classification.words(),
            Field::Determination if self.determination == Determination::Unknown => none(),
            Field::Determination => self.determination.words(),
            Field::Owner => self.owner.as_ref().map_or_else(none, SafeText::line),
        }
    }

    /// Returns whether a field has the same value in both. Owners are compared case-insensitively,
    /// since the service may store a different spelling.
    pub fn is_same(&self, other: &Self, field: Field) -> bool {
        match field {
            Field::Status => self.status == other.status,
            Field::Classification => self.classification == other.classification,
            Field::Determination => self.determination == other.determination,
            Field::Owner => {
                let folded = |owner: &Option<SafeText>| owner.as_ref().map(|owner| fold(owner.raw()));
                folded(&self.owner) == folded(&other.owner)
            }
        }
    }

    /// Returns the differences from these values to `to`.
    pub fn differences(&self, to: &Self) -> Vec<Difference> {
        let differs = Field::ALL.into_iter().filter(|field| !self.is_same(to, *field));
        differs.map(|field| Difference { field, from: self.words(field), to: to.words(field) }).collect()
    }

    /// Returns the values after an update.
    #[must_use]
    pub fn after(&self, update: &AlertUpdate) -> Self {
        Self {
            status: update.status.clone().unwrap_or_else(|| self.status.clone()),
            classification: update.classification.clone().unwrap_or_else(|| self.classification.clone()),
            determination: update
                .determination
                .as_ref()
                .map_or_else(|| self.determination.clone(), Determination::in_metadata),
            owner: match &update.assigned_to {
                None => self.owner.clone(),
                Some(Owner::Unassigned) => None,
                Some(Owner::User(name)) => Some(SafeText::new(name)),
            },
        }
    }

    /// Returns the update that changes these values to `to`. It sets only the values that differ.
    pub fn update_to(&self, to: &Self) -> AlertUpdate {
        let differs = |field| !self.is_same(to, field);
        AlertUpdate {
            status: differs(Field::Status).then(|| to.status.clone()),
            classification: differs(Field::Classification).then(|| to.classification.clone()),
            determination: differs(Field::Determination).then(|| to.determination.clone()),
            assigned_to: differs(Field::Owner).then(|| match &to.owner {
                None => Owner::Unassigned,
                Some(owner) => Owner::User(owner.raw().to_owned()),
            }),
        }
    }
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Returns whether an owner is a person rather than one of the service's own owners, such as
/// `Automation` or `API-App:…` (docs/graph-api.md, "Updating alerts").
pub fn owner_is_person(owner: &str) -> bool {
    let name = owner.trim();
    let (local, domain) = name.split_once('@').unwrap_or_default();
    !local.is_empty() && domain.contains('.') && !name.contains([' ', ':'])
}

/// A change that an analyst makes to an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The values to set.
    pub update: AlertUpdate,
    /// The comment to add.
    pub comment: Option<String>,
}

impl Change {
    /// Returns whether the change is empty, so that nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.update.is_empty() && self.comment.is_none()
    }

    /// Describes the values that the change sets, such as
    /// `resolved, false positive, not malicious`. The text is sanitised for display.
    pub fn words(&self) -> String {
        let AlertUpdate { status, classification, determination, assigned_to } = &self.update;
        let none =
            |what: &str, words: String, is_none: bool| if is_none { format!("no {what}") } else { words };
        let parts = [
            status.as_ref().map(Status::words),
            classification
                .as_ref()
                .map(|member| none("classification", member.words(), *member == Classification::Unknown)),
            determination
                .as_ref()
                .map(|member| none("determination", member.words(), *member == Determination::Unknown)),
            assigned_to.as_ref().map(|owner| match owner {
                Owner::Unassigned => "assigned to no one".to_owned(),
                Owner::User(name) => format!("assigned to {}", SafeText::new(name).line()),
            }),
            self.comment.as_ref().map(|_| "comment".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Describes what an update does, such as `resolve as false positive, not malicious`. The text is
/// sanitised for display.
pub(super) fn steps(update: &AlertUpdate) -> String {
    let AlertUpdate { status, classification, determination, assigned_to } = update;
    let is_classified = classification.as_ref().is_some_and(|member| *member != Classification::Unknown);
    let is_resolved = *status == Some(Status::Resolved);
    let parts = [
        status.as_ref().filter(|_| !(is_resolved && is_classified)).map(|member| match member {
            Status::Resolved => "resolve".to_owned(),
            other => format!("set to {}", other.words()),
        }),
        classification.as_ref().map(|member| match member {
            Classification::Unknown => "clear the classification".to_owned(),
            member if is_resolved => format!("resolve as {}", member.words()),
            member => format!("classify as {}", member.words()),
        }),
        determination.as_ref().map(|member| match member {
            Determination::Unknown => "clear the determination".to_owned(),
            member if is_classified => member.words(),
            member => format!("set the determination to {}", member.words()),
        }),
        assigned_to.as_ref().map(|owner| match owner {
            Owner::Unassigned => "unassign".to_owned(),
            Owner::User(name) => format!("assign to {}", SafeText::new(name).line()),
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Describes what an update restores, such as `resolved → new`. `before` contains the values that
/// the update replaces, if the journal entry has them. The text is sanitised for display.
pub(super) fn restored(before: &AlertUpdate, after: &AlertUpdate) -> String {
    let none = Values {
        status: Status::Unknown,
        classification: Classification::Unknown,
        determination: Determination::Unknown,
        owner: None,
    };
    let differences = none.after(before).differences(&none.after(after));
    if before.is_empty() || differences.is_empty() {
        return format!("back to {}", Change { update: after.clone(), comment: None }.words());
    }
    let parts = differences.iter().map(|Difference { from, to, .. }| format!("{from} → {to}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// An update as stored in the journal. Contains only the values that the update sets, under the
/// service's names. A null owner means unassigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::option_option, reason = "a missing owner and null are different")]
pub struct StoredUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    determination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    assigned_to: Option<Option<String>>,
}

/// Deserialises a property as `Some`, even if it is null. A missing property is `None` by default.
#[expect(clippy::option_option, reason = "a missing property and null are different")]
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<&AlertUpdate> for StoredUpdate {
    fn from(update: &AlertUpdate) -> Self {
        Self {
            status: update.status.as_ref().map(|member| member.raw().to_owned()),
            classification: update.classification.as_ref().map(|member| member.raw().to_owned()),
            determination: update.determination.as_ref().map(|member| member.raw().to_owned()),
            assigned_to: update.assigned_to.as_ref().map(|owner| match owner {
                Owner::Unassigned => None,
                Owner::User(name) => Some(name.clone()),
            }),
        }
    }
}

impl StoredUpdate {
    /// Converts the stored form back to an update.
    pub fn update(&self) -> AlertUpdate {
        AlertUpdate {
            status: self.status.as_deref().map(Status::read),
            classification: self.classification.as_deref().map(Classification::read),
            determination: self.determination.as_deref().map(Determination::read),
            assigned_to: self.assigned_to.as_ref().map(|owner| match owner {
                None => Owner::Unassigned,
                Some(name) => Owner::User(name.clone()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use proptest::prelude::*;
    use rstest::rstest;

    fn values(json: &str) -> Values {
        Values::of(&RawAlert(json.to_owned().into()).decode().unwrap())
    }

    fn any_values() -> impl Strategy<Value = Values> {
        let of = |members: usize| 0..members;
        let owner = prop::option::of("[a-cA-C]@x\\.io");
        (of(4), of(4), of(15), owner).prop_map(|(status, classification, determination, owner)| Values {
            status: Status::MEMBERS[status].1.clone(),
            classification: Classification::MEMBERS[classification].1.clone(),
            determination: Determination::MEMBERS[determination].1.clone(),
            owner: owner.map(|owner| SafeText::new(&owner)),
        })
    }

    proptest! {
        #[test]
        fn an_update_leads_to_the_other_values_and_back(from in any_values(), to in any_values()) {
            let update = from.update_to(&to);
            let after = from.after(&update);
            prop_assert!(after.differences(&to).is_empty());
            prop_assert_eq!(update.is_empty(), from.differences(&to).is_empty());
            let back = to.update_to(&from);
            prop_assert!(after.after(&back).differences(&from).is_empty());
        }

        #[test]
        fn updates_are_stored_and_read(from in any_values(), to in any_values()) {
            let update = from.update_to(&to);
            let stored = serde_json::to_string(&StoredUpdate::from(&update)).unwrap();
            let read: StoredUpdate = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(read.update(), update);
        }
    }

    #[test]
    fn differences_are_in_words() {
        let from = values(r#"{"status":"new","classification":null,"assignedTo":""}"#);
        let to = values(
            r#"{"status":"resolved","classification":"falsePositive","determination":"clean","assignedTo":"a@b.c"}"#,
        );
        let texts: Vec<_> = from.differences(&to).iter().map(Difference::to_string).collect();
        assert_eq!(
            texts,
            [
                "status new → resolved",
                "classification none → false positive",
                "determination none → not malicious",
                "owner none → a@b.c",
            ]
        );
        let unassigned = Change { update: to.update_to(&from), comment: Some("x".into()) };
        assert_eq!(
            unassigned.words(),
            "new, no classification, no determination, assigned to no one, comment"
        );
    }

    #[rstest]
    #[case(r#"{"status":"inProgress","assignedTo":"a@b.c"}"#, "set to in progress, assign to a@b.c")]
    #[case(r#"{"assignedTo":null}"#, "unassign")]
    #[case(r#"{"status":"resolved"}"#, "resolve")]
    #[case(
        r#"{"status":"resolved","classification":"falsePositive","determination":"notMalicious"}"#,
        "resolve as false positive, not malicious"
    )]
    #[case(r#"{"classification":"truePositive"}"#, "classify as true positive")]
    #[case(r#"{"determination":"malware"}"#, "set the determination to malware")]
    #[case(
        r#"{"classification":"unknown","determination":"unknown"}"#,
        "clear the classification, clear the determination"
    )]
    fn updates_are_described_by_what_they_do(#[case] json: &str, #[case] expected: &str) {
        let stored: StoredUpdate = serde_json::from_str(json).unwrap();
        assert_eq!(steps(&stored.update()), expected);
    }

    #[rstest]
    #[case(r#"{"status":"resolved"}"#, r#"{"status":"new"}"#, "resolved → new")]
    #[case(r#"{"assignedTo":"a@b.c"}"#, r#"{"assignedTo":null}"#, "a@b.c → none")]
    #[case("{}", r#"{"status":"new"}"#, "back to new")]
    fn an_undo_says_what_it_restores(#[case] before: &str, #[case] after: &str, #[case] expected: &str) {
        let read = |json| serde_json::from_str::<StoredUpdate>(json).unwrap().update();
        assert_eq!(restored(&read(before), &read(after)), expected);
    }

    #[test]
    fn owners_in_another_spelling_are_the_same() {
        let (one, other) = (values(r#"{"assignedTo":"Ana@X.io"}"#), values(r#"{"assignedTo":"ana@x.io "}"#));
        assert!(one.differences(&other).is_empty() && one.update_to(&other).is_empty());
    }

    #[rstest]
    #[case("ana@contoso.com", true)]
    #[case("Automation", false)]
    #[case("Suppression rule", false)]
    #[case("API-App:soar@contoso.com", false)]
    #[case("@contoso.com", false)]
    #[case("ana@contoso", false)]
    #[case("", false)]
    fn people_have_principal_names(#[case] owner: &str, #[case] is_person: bool) {
        assert_eq!(owner_is_person(owner), is_person);
    }
}
