//! The columns of the list: the contents of cells and the order of rows.

use std::cmp::Ordering;

use super::{Entry, Row, Store};
use crate::dictionary::TextCode;
use alertdeck_model::{SafeText, Severity, Status, Timestamp};

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Column {
    Severity,
    Status,
    Created,
    Updated,
    Title,
    Device,
    User,
    Owner,
    Source,
    Category,
    Techniques,
    Incident,
    Product,
    Classification,
    Determination,
    Id,
}

impl Column {
    /// All columns with their names on the command line.
    pub const ALL: [(&'static str, Self); 16] = [
        ("severity", Self::Severity),
        ("status", Self::Status),
        ("created", Self::Created),
        ("updated", Self::Updated),
        ("title", Self::Title),
        ("device", Self::Device),
        ("user", Self::User),
        ("assigned", Self::Owner),
        ("source", Self::Source),
        ("category", Self::Category),
        ("technique", Self::Techniques),
        ("incident", Self::Incident),
        ("product", Self::Product),
        ("class", Self::Classification),
        ("determination", Self::Determination),
        ("id", Self::Id),
    ];

    /// Returns the column's name on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, column)| *column == self).map_or("", |(name, _)| name)
    }
}

/// The contents of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing was sent.
    Empty,
    /// A severity.
    Severity(&'a Severity),
    /// A status.
    Status(&'a Status),
    /// A point in time.
    Time(Timestamp),
    /// A text.
    Text(&'a SafeText),
    /// The first of several texts, and the number of the others.
    More(&'a SafeText, usize),
    /// A member of an enumeration, by its wire name.
    Member(&'a str),
}

impl Cell<'_> {
    /// Returns the cell as text that is safe to show; empty if nothing was sent.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Severity(severity) => severity.to_string(),
            Self::Status(status) => status.to_string(),
            Self::Time(at) => at.to_second(),
            Self::Text(text) => text.line(),
            Self::More(text, more) => format!("{} +{more}", text.line()),
            Self::Member(member) => (*member).to_owned(),
        }
    }
}

impl Cell<'_> {
    /// Returns the same as [`Cell::text`], but at most as much as a screen is wide.
    pub fn head(&self) -> String {
        match self {
            Self::Text(text) => text.head(),
            Self::More(text, more) => format!("{} +{more}", text.head()),
            other => other.text(),
        }
    }
}

/// A sort order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column to sort by.
    pub column: Column,
    /// Whether the largest, newest or alphabetically last value comes first.
    pub descending: bool,
}

impl Default for Sort {
    /// Returns newest first, the order in which the service sends alerts.
    fn default() -> Self {
        Self { column: Column::Created, descending: true }
    }
}

impl Store {
    /// Returns the contents of a cell.
    pub fn cell(&self, row: Row, column: Column) -> Cell<'_> {
        let entry = self.entry(row);
        let facts = &entry.facts;
        let time = |at: Option<Timestamp>| at.map_or(Cell::Empty, Cell::Time);
        let text = |code: Option<TextCode>| code.map_or(Cell::Empty, |code| Cell::Text(self.text(code)));
        let list = |codes: &[TextCode]| match codes {
            [] => Cell::Empty,
            [one] => Cell::Text(self.text(*one)),
            [first, more @ ..] => Cell::More(self.text(*first), more.len()),
        };
        match column {
            Column::Severity => Cell::Severity(&facts.severity),
            Column::Status => Cell::Status(&facts.status),
            Column::Created => time(facts.created),
            Column::Updated => time(facts.last_update),
            Column::Title => text(entry.title),
            Column::Device => list(&entry.devices),
            Column::User => list(&entry.users),
            Column::Owner => facts.assigned_to.as_ref().map_or(Cell::Empty, Cell::Text),
            Column::Source => member_cell(facts.service_source.as_str()),
            Column::Category => text(entry.category),
            Column::Techniques => list(&entry.techniques),
            Column::Incident => text(entry.incident),
            Column::Product => text(entry.product),
            Column::Classification => member_cell(facts.classification.as_str()),
            Column::Determination => member_cell(facts.determination.as_str()),
            Column::Id => Cell::Text(facts.id.text()),
        }
    }

    /// Compares two rows: by the column with missing values last in either direction, then newest
    /// first, then by id. So the order is total and the same from fetch to fetch.
    pub fn compare(&self, sort: Sort, a: Row, b: Row) -> Ordering {
        let by_column = self.compare_cells(sort, a, b);
        by_column
            .then_with(|| self.facts(b).created.cmp(&self.facts(a).created))
            .then_with(|| self.facts(a).id.cmp(&self.facts(b).id))
    }

    fn compare_cells(&self, sort: Sort, a: Row, b: Row) -> Ordering {
        /// Compares two values; a missing one comes last.
        fn optional<T: Ord>(a: Option<T>, b: Option<T>, descending: bool) -> Ordering {
            match (a, b) {
                (Some(a), Some(b)) if descending => b.cmp(&a),
                (Some(a), Some(b)) => a.cmp(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            }
        }
        let (x, y) = (self.entry(a), self.entry(b));
        let texts = |code: fn(&Entry) -> Option<TextCode>| {
            let folded = |entry| code(entry).map(|code| self.dictionary.text(code).folded);
            optional(folded(x), folded(y), sort.descending)
        };
        let down = sort.descending;
        match sort.column {
            Column::Severity => optional(x.facts.severity.rank(), y.facts.severity.rank(), down),
            Column::Status => optional(status_rank(&x.facts.status), status_rank(&y.facts.status), down),
            Column::Created => optional(x.facts.created, y.facts.created, down),
            Column::Updated => optional(x.facts.last_update, y.facts.last_update, down),
            Column::Title => texts(|entry| entry.title),
            Column::Device => texts(|entry| entry.devices.first().copied()),
            Column::User => texts(|entry| entry.users.first().copied()),
            Column::Category => texts(|entry| entry.category),
            Column::Techniques => texts(|entry| entry.techniques.first().copied()),
            Column::Incident => texts(|entry| entry.incident),
            Column::Product => texts(|entry| entry.product),
            Column::Owner => optional(x.facts.assigned_to.as_ref(), y.facts.assigned_to.as_ref(), down),
            Column::Source | Column::Classification | Column::Determination => {
                let text = |row| match self.cell(row, sort.column) {
                    Cell::Member(member) => Some(member),
                    _ => None,
                };
                optional(text(a), text(b), down)
            }
            Column::Id => optional(Some(&x.facts.id), Some(&y.facts.id), down),
        }
    }
}

/// Returns the cell of an enumeration member; `unknown` is empty.
fn member_cell(member: &str) -> Cell<'_> {
    if member == "unknown" { Cell::Empty } else { Cell::Member(member) }
}

fn status_rank(status: &Status) -> Option<u8> {
    match status {
        Status::New => Some(1),
        Status::InProgress => Some(2),
        Status::Resolved => Some(3),
        Status::Unknown | Status::Undeclared(_) => None,
    }
}
