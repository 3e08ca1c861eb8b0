//! The facts about an alert, shown side by side with their labels.

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::{SafeText, Severity, Timestamp, attack};

/// A fact with its label.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The label, which may be empty.
    pub label: &'static str,
    /// The filter field that matches the fact.
    pub field: Option<&'static str>,
    /// The value.
    pub value: FactValue,
}

/// The value of a fact.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are plain")]
pub enum FactValue {
    Severity(Severity),
    /// A member of an enumeration: as received, and in words.
    Member(SafeText, String),
    Time(Timestamp),
    Text(SafeText),
    /// The id of an ATT&CK technique, which the screen shows together with its name.
    Technique(SafeText),
    /// How similar alerts were classified, which is counted while the alert is read.
    Similar,
    Missing,
}

impl Fact {
    /// Returns the alert property that this fact comes from; empty if the property has no text to
    /// match.
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

    /// Returns the width in columns, including the gap to the next fact.
    pub(super) fn width(&self) -> usize {
        let value = match &self.value {
            // Followed by the age: `2026-11-20 12:03:11Z (12d ago)`.
            FactValue::Time(_) => 31,
            // Stands alone on its line.
            FactValue::Similar => 60,
            FactValue::Technique(id) => attack::describe(id).width(),
            FactValue::Member(_, words) => words.width(),
            other => other.text().map_or(0, |text| text.line().width()),
        };
        self.label.len() + 1 + value + 3
    }
}

impl FactValue {
    /// Returns the value as text, if there is one.
    pub fn text(&self) -> Option<SafeText> {
        match self {
            Self::Severity(severity) => Some(severity.raw().into()),
            Self::Time(at) => Some(at.to_string().as_str().into()),
            Self::Text(text) | Self::Technique(text) | Self::Member(text, _) => Some(text.clone()),
            Self::Similar | Self::Missing => None,
        }
    }
}
