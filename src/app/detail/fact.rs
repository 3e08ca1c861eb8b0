//! The facts of an alert that stand side by side under their labels.

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::{SafeText, Severity, Status, Timestamp, attack};

/// A fact with its label.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// The field of the filter language that finds it.
    pub field: Option<&'static str>,
    /// What it says.
    pub value: FactValue,
}

/// What a fact says.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FactValue {
    Severity(Severity),
    Status(Status),
    Time(Timestamp),
    Text(SafeText),
    /// The id of an ATT&CK technique; the screen shows the name with it.
    Technique(SafeText),
    Nothing,
}

impl Fact {
    /// Returns the alert's property that the fact is of; empty where no text is searched for.
    pub fn property(&self) -> &'static str {
        match self.label {
            "category" => "category",
            "technique" => "mitreTechniques",
            "product" => "productName",
            "threat" => "threatDisplayName",
            "actor" => "actorDisplayName",
            "incident" => "incidentId",
            "owner" => "assignedTo",
            "tag" => "systemTags",
            "id" => "id",
            _ => "",
        }
    }

    /// The columns it takes, with what stands between it and the next.
    pub(super) fn width(&self) -> usize {
        let value = match &self.value {
            // With the age behind it: `2026-11-20 12:03:11Z (12d ago)`.
            FactValue::Time(_) => 31,
            FactValue::Technique(id) => attack::describe(id).width(),
            other => other.text().map_or(0, |text| text.line().width()),
        };
        self.label.len() + 1 + value + 3
    }
}

impl FactValue {
    /// Returns the fact as text, where it says something.
    pub fn text(&self) -> Option<SafeText> {
        match self {
            Self::Severity(severity) => Some(severity.raw().into()),
            Self::Status(status) => Some(status.raw().into()),
            Self::Time(at) => Some(at.to_string().as_str().into()),
            Self::Text(text) | Self::Technique(text) => Some(text.clone()),
            Self::Nothing => None,
        }
    }
}
