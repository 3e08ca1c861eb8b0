//! An alert's report: summary, facts, evidence, indicators, timeline, descriptions, comments, and
//! every other value.
//!
//! The content is collected once and written in two formats: plain text, and Markdown for a ticket.
//! The commands and the console write the same report. This module performs no I/O.

mod gather;
pub mod markdown;
mod text;
mod ticket;

use alertdeck_model::{Alert, PortalUrl, SafeText, defang::Defanger};
use alertdeck_model::{Indicator, IndicatorKind};

/// An alert's report.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    /// The alert in one sentence.
    summary: String,
    facts: Vec<(&'static str, String)>,
    sections: Vec<Section>,
    indicators: Vec<Sighting>,
    defanger: Defanger,
}

/// An indicator from the alert and its location in the evidence.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The indicator's value and kind.
    pub indicator: Indicator,
    /// The first evidence item that contains the indicator, and the number of others. The text is
    /// sanitised for display.
    pub location: String,
}

#[derive(Clone, Debug)]
struct Section {
    title: &'static str,
    parts: Vec<Part>,
}

/// Part of a section. All text is sanitised for display.
#[derive(Clone, Debug)]
enum Part {
    /// Preformatted lines.
    Lines(String),
    /// Running text, with its line breaks and tabs.
    Prose(SafeText),
    /// Text that does not come from the alert.
    Note(String),
    /// A comment: its time and author, and its text.
    Comment(String, SafeText),
    /// A table with its header.
    Table(&'static [&'static str], Vec<Vec<Cell>>),
    Links(Vec<Link>),
    Values(Vec<Values>),
}

#[derive(Clone, Debug)]
enum Cell {
    /// Text that needs no escaping.
    Literal(String),
    Text(String),
    /// A value, with its kind if it is an indicator.
    Value(Option<IndicatorKind>, String),
}

impl Cell {
    fn as_str(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Text(text) | Self::Value(_, text) => text,
        }
    }
}

/// A link in the alert. Only links to the Defender portal are clickable.
#[derive(Clone, Debug)]
struct Link {
    label: &'static str,
    shown: String,
    portal: Option<PortalUrl>,
}

/// The values in the alert or in an evidence item, with their paths.
#[derive(Clone, Debug)]
struct Values {
    label: String,
    values: Vec<(String, String)>,
}

impl Report {
    /// Returns the indicators, without duplicates, sorted by kind.
    pub fn indicators(&self) -> &[Sighting] {
        &self.indicators
    }

    /// Returns the indicators, one per line, as received or defanged.
    pub fn indicator_lines(&self, defanged: bool) -> String {
        let line = |Sighting { indicator, .. }: &Sighting| {
            let value = indicator.value.line();
            if defanged { self.defanger.indicator(indicator.kind, &value) } else { value }
        };
        self.indicators.iter().map(|sighting| line(sighting) + "\n").collect()
    }
}

/// Returns the defanger for an alert's text. The defanger leaves the names of people who work on
/// the alert unchanged.
pub fn defanger<'a>(alert: &Alert, indicators: impl IntoIterator<Item = &'a Indicator>) -> Defanger {
    let authors = alert.comments.iter().filter_map(|comment| comment.author.as_ref());
    let people: Vec<_> = authors.chain(&alert.assigned_to).map(SafeText::line).collect();
    Defanger::new(indicators, people.iter().map(String::as_str))
}
