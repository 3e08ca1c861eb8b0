//! The alert properties from which columns are built.

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status, Timestamp};

use crate::texts::TextCode;

/// The column values of one alert, with codes from the batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<TextCode>,
    pub(crate) severity: Option<Severity>,
    pub(crate) status: Option<Status>,
    pub(crate) classification: Option<Classification>,
    pub(crate) determination: Option<Determination>,
    pub(crate) source: Option<ServiceSource>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) updated: Option<Timestamp>,
    pub(crate) resolved: Option<Timestamp>,
    pub(crate) first_activity: Option<Timestamp>,
    pub(crate) last_activity: Option<Timestamp>,
    /// Whether the alert may have an unreadable date.
    pub(crate) has_odd_date: bool,
    pub(crate) title: Option<TextCode>,
    pub(crate) category: Option<TextCode>,
    pub(crate) incident: Option<TextCode>,
    pub(crate) product: Option<TextCode>,
    pub(crate) owner: Option<TextCode>,
    pub(crate) techniques: Vec<TextCode>,
    /// The device names, stored under the name [`DEVICES`](super::DEVICES).
    pub(crate) devices: Vec<TextCode>,
    /// The user names, stored under the name [`USERS`](super::USERS).
    pub(crate) users: Vec<TextCode>,
    /// The device identities, stored under the name [`IDENTITIES`](super::IDENTITIES).
    pub(crate) device_ids: Vec<TextCode>,
    /// The user identities, stored under the name [`IDENTITIES`](super::IDENTITIES).
    pub(crate) user_ids: Vec<TextCode>,
}

/// An alert property that the decoder recognises: one from which a column is built, or `evidence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    None,
    Evidence,
    Id,
    Severity,
    Status,
    Classification,
    Determination,
    Source,
    Created,
    Updated,
    Resolved,
    FirstActivity,
    LastActivity,
    Title,
    Category,
    Categories,
    Incident,
    Product,
    Owner,
    Techniques,
}

impl Field {
    /// Returns the field for an alert property.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "evidence" => Self::Evidence,
            "id" => Self::Id,
            "severity" => Self::Severity,
            "status" => Self::Status,
            "classification" => Self::Classification,
            "determination" => Self::Determination,
            "serviceSource" => Self::Source,
            "createdDateTime" => Self::Created,
            "lastUpdateDateTime" => Self::Updated,
            "resolvedDateTime" => Self::Resolved,
            "firstActivityDateTime" => Self::FirstActivity,
            "lastActivityDateTime" => Self::LastActivity,
            "title" => Self::Title,
            "category" => Self::Category,
            "categories" => Self::Categories,
            "incidentId" => Self::Incident,
            "productName" => Self::Product,
            "assignedTo" => Self::Owner,
            "mitreTechniques" => Self::Techniques,
            _ => Self::None,
        }
    }

    /// Returns whether the property is a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Categories | Self::Techniques)
    }
}
