//! A change to an alert: the request body, and how to recognise the change when the alert is read
//! later.

use alertdeck_model::{Alert, Classification, Determination, Status};
use serde_json::{Map, Value};

/// The changes to make to an alert. `None` leaves a property unchanged.
///
/// The service updates other properties itself; for example, resolving an alert sets its
/// `resolvedDateTime` (docs/graph-api.md, "Updating alerts"). Unknown members
/// ([`Status::Undeclared`] and the like) are sent unchanged, and the service rejects those that it
/// does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertUpdate {
    /// The new status.
    pub status: Option<Status>,
    /// The new classification.
    pub classification: Option<Classification>,
    /// The new determination. It is sent under its name in the metadata; for four members, the
    /// documentation page about updates gives a different name.
    pub determination: Option<Determination>,
    /// The new owner.
    pub assigned_to: Option<Owner>,
}

/// The new owner of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// No owner; sent as null.
    Unassigned,
    /// This user, normally given by user principal name.
    User(String),
}

impl Owner {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Unassigned => None,
            Self::User(name) => Some(name),
        }
    }
}

impl AlertUpdate {
    /// Returns whether the update changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the request body, which contains only the properties to change. A removed owner is
    /// written as null.
    pub(crate) fn body(&self) -> String {
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.into(), value);
            }
        };
        set("status", self.status.as_ref().map(|status| status.raw().into()));
        set("classification", self.classification.as_ref().map(|member| member.raw().into()));
        set("determination", self.determination.as_ref().map(|member| member.in_metadata().raw().into()));
        set("assignedTo", self.assigned_to.as_ref().map(|owner| owner.name().into()));
        Value::Object(body).to_string()
    }

    /// Returns whether an alert has all the values that this update sets.
    ///
    /// Null, `unknown` and an empty string count as the same classification or determination, and
    /// the determination names that occur only on the documentation page count as those in the
    /// metadata. Owners are compared case-insensitively, because the service may store them
    /// in different case.
    pub fn is_shown_by(&self, alert: &Alert) -> bool {
        let owner = |text: &str| text.trim().to_lowercase();
        self.status.as_ref().is_none_or(|status| *status == alert.status)
            && self
                .classification
                .as_ref()
                .is_none_or(|member| classification(member) == classification(&alert.classification))
            && self
                .determination
                .as_ref()
                .is_none_or(|member| member.in_metadata() == alert.determination.in_metadata())
            && self.assigned_to.as_ref().is_none_or(|wanted| {
                let wanted = owner(wanted.name().unwrap_or_default());
                wanted == owner(alert.assigned_to.as_ref().map_or("", |text| text.raw()))
            })
    }
}

/// Returns a classification, treating an empty string as unknown.
fn classification(member: &Classification) -> Classification {
    match member {
        Classification::Undeclared(text) if text.raw().is_empty() => Classification::Unknown,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use rstest::rstest;

    fn user(name: &str) -> Owner {
        Owner::User(name.to_owned())
    }

    fn update(
        status: Option<Status>,
        determination: Option<Determination>,
        assigned_to: Option<Owner>,
    ) -> AlertUpdate {
        AlertUpdate { status, classification: None, determination, assigned_to }
    }

    #[rstest]
    #[case(update(None, None, None), "{}")]
    #[case(update(Some(Status::InProgress), None, None), r#"{"status":"inProgress"}"#)]
    #[case(update(None, None, Some(Owner::Unassigned)), r#"{"assignedTo":null}"#)]
    #[case(update(None, None, Some(user("O'Brien \"x\""))), r#"{"assignedTo":"O'Brien \"x\""}"#)]
    #[case(update(None, Some(Determination::read("clean")), None), r#"{"determination":"notMalicious"}"#)]
    #[case(
        AlertUpdate {
            classification: Some(Classification::InformationalExpectedActivity),
            ..update(Some(Status::Resolved), Some(Determination::ConfirmedActivity), Some(user("a@b.c")))
        },
        r#"{"status":"resolved","classification":"informationalExpectedActivity","determination":"confirmedActivity","assignedTo":"a@b.c"}"#
    )]
    fn the_body_holds_only_what_changes(#[case] update: AlertUpdate, #[case] body: &str) {
        assert_eq!(update.body(), body);
        assert_eq!(update.is_empty(), body == "{}");
    }

    #[rstest]
    #[case(update(None, None, None), "{}", true)]
    #[case(update(Some(Status::Resolved), None, None), r#"{"status":"Resolved"}"#, true)]
    #[case(update(Some(Status::Resolved), None, None), r#"{"status":"new"}"#, false)]
    #[case(
        update(Some(Status::Resolved), None, Some(Owner::Unassigned)),
        r#"{"status":"resolved","assignedTo":"a"}"#,
        false
    )]
    #[case(update(None, None, Some(Owner::Unassigned)), r#"{"assignedTo":""}"#, true)]
    #[case(update(None, None, Some(Owner::Unassigned)), "{}", true)]
    #[case(update(None, None, Some(user("Ana@contoso.com"))), r#"{"assignedTo":"ana@contoso.com"}"#, true)]
    #[case(update(None, None, Some(user("ana"))), r#"{"assignedTo":null}"#, false)]
    #[case(update(None, Some(Determination::NotMalicious), None), r#"{"determination":"clean"}"#, true)]
    #[case(update(None, Some(Determination::Unknown), None), r#"{"determination":""}"#, true)]
    #[case(update(None, Some(Determination::Unknown), None), r#"{"determination":null}"#, true)]
    #[case(update(None, Some(Determination::Apt), None), r#"{"determination":null}"#, false)]
    #[case(
        AlertUpdate { classification: Some(Classification::Unknown), ..AlertUpdate::default() },
        r#"{"classification":""}"#,
        true
    )]
    #[case(
        AlertUpdate { classification: Some(Classification::TruePositive), ..AlertUpdate::default() },
        r#"{"classification":"falsePositive"}"#,
        false
    )]
    fn an_alert_shows_an_update_or_not(
        #[case] update: AlertUpdate,
        #[case] alert: &str,
        #[case] shown: bool,
    ) {
        let alert = RawAlert(bytes::Bytes::copy_from_slice(alert.as_bytes())).decode().unwrap();
        assert_eq!(update.is_shown_by(&alert), shown);
    }
}
