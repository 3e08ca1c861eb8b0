//! The facts about an alert, such as its status and owner, each shown after its label.

use unicode_width::UnicodeWidthStr as _;

use alertdeck_model::{SafeText, Severity, Timestamp, attack};

/// A fact with its label.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The label, which may be empty.
    pub label: &'static str,
    /// The filter field that matches the fact, if any.
    pub field: Option<&'static str>,
    /// The value.
    pub value: FactValue,
}

/// A fact's value.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are plain")]
pub enum FactValue {
    Severity(Severity),
    /// An enumeration member, as received and in words.
    Member(SafeText, String),
    Time(Timestamp),
    Text(SafeText),
    /// An ATT&CK technique's id, which the screen shows together with the name.
    Technique(SafeText),
    /// The number of similar alerts and their classifications, counted while the alert is being
    /// read.
    Similar,
    Missing,
}

impl Fact {
    /// Returns the alert property that the fact comes from, for highlighting filter matches; empty
    /// if nothing is highlighted in the fact.
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
            "ID" => "id",
            _ => "",
        }
    }

    /// Returns the width in columns, including the gap to the next fact.
    pub(super) fn width(&self) -> usize {
        let value = match &self.value {
            // The age follows the time: `2026-11-20 12:03:11Z (12d ago)`.
            FactValue::Time(_) => 31,
            // Always the only fact on its line.
            FactValue::Similar => 60,
            FactValue::Technique(id) => attack::describe(id).width(),
            FactValue::Member(_, words) => words.width(),
            other => other.text().map_or(0, |text| text.line().width()),
        };
        self.label.len() + 1 + value + 3
    }
}

impl FactValue {
    /// Returns the value as text, if it has any.
    pub fn text(&self) -> Option<SafeText> {
        match self {
            Self::Severity(severity) => Some(severity.raw().into()),
            Self::Time(at) => Some(at.to_string().as_str().into()),
            Self::Text(text) | Self::Technique(text) | Self::Member(text, _) => Some(text.clone()),
            Self::Similar | Self::Missing => None,
        }
    }
}
