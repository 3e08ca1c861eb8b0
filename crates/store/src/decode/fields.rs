//! The properties of an alert that columns are made of.

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status, Timestamp};

use crate::dictionary::ValueCode;

/// The columns of one alert, with codes of the batch's dictionary.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<ValueCode>,
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
    pub(crate) title: Option<ValueCode>,
    pub(crate) category: Option<ValueCode>,
    pub(crate) incident: Option<ValueCode>,
    pub(crate) product: Option<ValueCode>,
    pub(crate) owner: Option<ValueCode>,
    pub(crate) techniques: Vec<ValueCode>,
    /// Names of devices, among the values of [`DEVICES`](super::DEVICES).
    pub(crate) devices: Vec<ValueCode>,
    /// Names of users, among the values of [`USERS`](super::USERS).
    pub(crate) users: Vec<ValueCode>,
}

/// A property of the alert that a column is made of.
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
    /// Returns the field of a property of the alert.
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
