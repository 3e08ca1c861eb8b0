//! One alert as a document to hand over: summary, facts, evidence, indicators, timeline, texts,
//! comments, and every value that was sent.
//!
//! What it says is gathered once and written in two ways: as plain text, and as Markdown for a
//! ticket. It knows no store, no filter and no screen, and does no I/O, so the commands and the
//! console write the same report.

mod gather;
pub mod markdown;
mod text;
mod ticket;

use std::collections::HashSet;

use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_model::{PortalUrl, SafeText, defang};

/// What is said of an alert.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    /// The alert in one sentence.
    summary: String,
    facts: Vec<(&'static str, String)>,
    sections: Vec<Section>,
    indicators: Vec<Sighting>,
    /// Names of one's own devices and people, folded: nobody has to be kept from following them.
    own: HashSet<String>,
}

/// An indicator of the alert with where in the evidence it is.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The value with its kind.
    pub indicator: Indicator,
    /// The first thing that has it, with how many more do; safe to show.
    pub place: String,
}

#[derive(Clone, Debug)]
struct Section {
    title: &'static str,
    parts: Vec<Part>,
}

/// A part of a section; all texts are safe to show.
#[derive(Clone, Debug)]
enum Part {
    /// Lines in which every column counts.
    Lines(String),
    /// Running text, with its line ends and tabs.
    Prose(SafeText),
    /// A sentence of ours.
    Note(String),
    /// Who said something when, and what.
    Said(String, SafeText),
    /// A table with its heads.
    Table(&'static [&'static str], Vec<Vec<Cell>>),
    Links(Vec<Link>),
    Values(Vec<Values>),
}

#[derive(Clone, Debug)]
enum Cell {
    /// Words of ours.
    Own(String),
    Words(String),
    /// A value, of an indicator with its kind.
    Value(Option<IndicatorKind>, String),
}

impl Cell {
    fn shown(&self) -> &str {
        match self {
            Self::Own(text) | Self::Words(text) | Self::Value(_, text) => text,
        }
    }
}

/// A link as it was sent; only one to the portal can be followed.
#[derive(Clone, Debug)]
struct Link {
    label: &'static str,
    shown: String,
    portal: Option<PortalUrl>,
}

/// Values of one thing, with their paths.
#[derive(Clone, Debug)]
struct Values {
    label: String,
    values: Vec<(String, String)>,
}

impl Report {
    /// Lists the values that other alerts may hold too, each once, by their kind.
    pub fn indicators(&self) -> &[Sighting] {
        &self.indicators
    }

    /// Writes the indicators one a line, as they are or so that nobody follows them by accident.
    pub fn indicator_lines(&self, defanged: bool) -> String {
        let line = |Sighting { indicator, .. }: &Sighting| {
            let value = indicator.value.line();
            if defanged { indicator.kind.defang(&value) } else { value }
        };
        self.indicators.iter().map(|sighting| line(sighting) + "\n").collect()
    }

    /// Defangs what is not one's own.
    fn defang(&self, shown: &str) -> String {
        defang::prose_except(shown, &|name| self.own.contains(&name.to_lowercase()))
    }
}
