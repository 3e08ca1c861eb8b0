//! The columns of the list: what cells contain and how rows are ordered.

use std::cmp::Ordering;

use alertdeck_model::{SafeText, Severity, Status, Timestamp};

use crate::{DateColumn, Row, Store, chunked::Chunked, dictionary::ValueCode, merge_sort::Head};

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Column {
    Tenant,
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
    /// All columns, with their command-line names.
    pub const ALL: [(&'static str, Self); 17] = [
        ("tenant", Self::Tenant),
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

    /// Returns the column with a command-line name, ignoring case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, column)| *column)
    }

    /// Returns the date that the column shows, if any.
    pub(crate) fn date(self) -> Option<DateColumn> {
        match self {
            Self::Created => Some(DateColumn::Created),
            Self::Updated => Some(DateColumn::LastUpdate),
            _ => None,
        }
    }
}

/// The contents of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No value was sent.
    Empty,
    /// A severity.
    Severity(&'a Severity),
    /// A status.
    Status(&'a Status),
    /// A point in time.
    Time(Timestamp),
    /// Text.
    Text(SafeText),
    /// The first of several strings, and how many others there are.
    More(SafeText, usize),
    /// An enumeration member, by its wire name.
    Member(&'a str),
}

impl Cell<'_> {
    /// Returns the cell as text that is safe to show, or as an empty string if no value was sent.
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

    /// Like [`Cell::text`], but truncated to what the widest screen can show.
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
    /// Returns the order in which the service sends alerts: newest first.
    fn default() -> Self {
        Self { column: Column::Created, descending: true }
    }
}

/// A value by which rows are compared.
enum SortValue<'a> {
    Missing,
    Number(u64),
    Text(std::borrow::Cow<'a, str>),
}

impl Store {
    /// Returns the contents of a cell.
    pub fn cell(&self, row: Row, column: Column) -> Cell<'_> {
        let (facts, columns) = (self.facts(row), &self.columns);
        let time = |date: DateColumn| match self.columns.date(date, row) {
            Some(at) => Cell::Time(at),
            None => self.odd_date(row, date).map_or(Cell::Empty, Cell::Text),
        };
        let text = |column: &Chunked<Option<ValueCode>>| {
            column[row.index()].map_or(Cell::Empty, |code| Cell::Text(self.dictionary.safe(code)))
        };
        match column {
            Column::Tenant => self.names.get(&self.feed(row)).cloned().map_or(Cell::Empty, Cell::Text),
            Column::Severity => Cell::Severity(facts.severity()),
            Column::Status => Cell::Status(facts.status()),
            Column::Created => time(DateColumn::Created),
            Column::Updated => time(DateColumn::LastUpdate),
            Column::Title => text(&columns.title),
            Column::Device | Column::User | Column::Techniques => {
                let mut values = self.listed(row, column);
                let Some(first) = values.next() else { return Cell::Empty };
                let first = self.dictionary.safe(first);
                match values.len() {
                    0 => Cell::Text(first),
                    more => Cell::More(first, more),
                }
            }
            Column::Owner => text(&columns.owner),
            Column::Source => member_cell(facts.source().as_str()),
            Column::Category => text(&columns.category),
            Column::Incident => text(&columns.incident),
            Column::Product => text(&columns.product),
            Column::Classification => member_cell(facts.classification().as_str()),
            Column::Determination => member_cell(facts.determination().as_str()),
            Column::Id => Cell::Text(facts.id().text().clone()),
        }
    }

    /// Returns the contents of a cell as text that is safe to show, with every value if there are
    /// several.
    pub fn full_text(&self, row: Row, column: Column) -> String {
        match self.cell(row, column) {
            Cell::More(..) => {
                let values: Vec<_> =
                    self.listed(row, column).map(|value| self.dictionary.safe(value).line()).collect();
                values.join("; ")
            }
            cell => cell.text(),
        }
    }

    /// Lists the values in a column that can hold several: devices, users or techniques.
    pub(crate) fn listed(&self, row: Row, column: Column) -> impl ExactSizeIterator<Item = ValueCode> {
        let (list, name) = match column {
            Column::Device => (&self.columns.devices, self.device_names()),
            Column::User => (&self.columns.users, self.user_names()),
            _ => (&self.columns.techniques, self.dictionary.name("mitreTechniques")),
        };
        // If there is no name, there are no values.
        let name = name.unwrap_or(crate::NameCode(0));
        list.get(row).map(move |index| ValueCode { name, index })
    }

    /// Compares two rows by the column, with missing values last in either direction. Ties are
    /// broken by age, newest first, and then by id, so the order is total and the same after every
    /// fetch.
    pub fn compare(&self, sort: Sort, a: Row, b: Row) -> Ordering {
        self.compare_values(sort, a, b).then_with(|| self.compare_ties(a, b))
    }

    /// Compares two rows only by their values in the column, without breaking ties.
    pub(crate) fn compare_values(&self, sort: Sort, a: Row, b: Row) -> Ordering {
        match (self.sort_value(sort.column, a), self.sort_value(sort.column, b)) {
            (SortValue::Number(a), SortValue::Number(b)) => directed(a.cmp(&b), sort.descending),
            (SortValue::Text(a), SortValue::Text(b)) => directed(a.cmp(&b), sort.descending),
            (SortValue::Missing, SortValue::Missing) => Ordering::Equal,
            // All values in a column have the same type.
            (SortValue::Missing, _) => Ordering::Greater,
            (_, _) => Ordering::Less,
        }
    }

    /// Compares rows with equal values in the column: newest first, then by id and row.
    fn compare_ties(&self, a: Row, b: Row) -> Ordering {
        let id = |row: Row| self.dictionary.text(self.columns.id[row.index()]).raw;
        let created = |row| self.facts(row).created();
        created(b)
            .cmp(&created(a))
            .then_with(|| if a == b { Ordering::Equal } else { id(a).cmp(&id(b)) })
            .then_with(|| a.cmp(&b))
    }

    /// Returns the head of a row's value in the column, or [`Head::MAX`] if the row has no value.
    pub(crate) fn sort_head(&self, sort: Sort, row: Row) -> Head {
        let head = match self.sort_value(sort.column, row) {
            SortValue::Missing => return Head::MAX,
            SortValue::Number(number) => number.into(),
            SortValue::Text(text) => {
                let mut head = [0; size_of::<Head>()];
                let len = text.len().min(head.len());
                head[..len].copy_from_slice(&text.as_bytes()[..len]);
                Head::from_be_bytes(head)
            }
        };
        // Missing values come after all others.
        (if sort.descending { !head } else { head }).min(Head::MAX - 1)
    }

    /// Returns a code for a row's value in the column, or `None` if the value is missing or the
    /// column shows a date. Rows with the same code have the same value.
    pub(crate) fn code(&self, column: Column, row: Row) -> Option<u32> {
        let mut found = None;
        self.codes(column, &[row], |_, code| found = code);
        found
    }

    /// Calls `each` with every row and its [`Store::code`], in order.
    pub(crate) fn codes(&self, column: Column, rows: &[Row], each: impl FnMut(Row, Option<u32>)) {
        /// Calls `each` with the code of every row. Each column has a loop of its own, because
        /// a million rows are too many to look up the column for each.
        fn of(rows: &[Row], code: impl Fn(Row) -> Option<u32>, mut each: impl FnMut(Row, Option<u32>)) {
            for row in rows {
                each(*row, code(*row));
            }
        }
        fn text(column: &Chunked<Option<ValueCode>>) -> impl Fn(Row) -> Option<u32> {
            move |row| column[row.index()].map(|code| code.index)
        }
        let columns = &self.columns;
        match column {
            Column::Created | Column::Updated => of(rows, |_| None, each),
            Column::Tenant => of(rows, |row| Some(self.feed(row).index().into()), each),
            Column::Severity => of(rows, |row| Some(columns.severity.code(row)), each),
            Column::Status => of(rows, |row| Some(columns.status.code(row)), each),
            Column::Source => of(rows, |row| Some(columns.source.code(row)), each),
            Column::Classification => of(rows, |row| Some(columns.classification.code(row)), each),
            Column::Determination => of(rows, |row| Some(columns.determination.code(row)), each),
            Column::Title => of(rows, text(&columns.title), each),
            Column::Category => of(rows, text(&columns.category), each),
            Column::Incident => of(rows, text(&columns.incident), each),
            Column::Product => of(rows, text(&columns.product), each),
            Column::Owner => of(rows, text(&columns.owner), each),
            Column::Device => of(rows, |row| columns.devices.get(row).next(), each),
            Column::User => of(rows, |row| columns.users.get(row).next(), each),
            Column::Techniques => of(rows, |row| columns.techniques.get(row).next(), each),
            Column::Id => of(rows, |row| Some(columns.id[row.index()].index), each),
        }
    }

    fn sort_value(&self, column: Column, row: Row) -> SortValue<'_> {
        let (facts, columns) = (self.facts(row), &self.columns);
        let number = |number: Option<u64>| number.map_or(SortValue::Missing, SortValue::Number);
        // Ticks are signed. Flipping the sign bit preserves their order as unsigned numbers.
        let time = |at: Option<Timestamp>| number(at.map(|at| at.ticks().cast_unsigned() ^ (1 << 63)));
        let folded = |code: Option<ValueCode>| {
            code.map_or(SortValue::Missing, |code| SortValue::Text(self.dictionary.folded(code)))
        };
        let raw = |code: ValueCode| SortValue::Text(self.dictionary.text(code).raw);
        match column {
            Column::Tenant => {
                let name = self.names.get(&self.feed(row));
                name.map_or(SortValue::Missing, |name| SortValue::Text(crate::fold(name.raw()).into()))
            }
            Column::Severity => number(facts.severity().rank().map(u64::from)),
            Column::Status => number(status_rank(facts.status())),
            Column::Created => time(facts.created()),
            Column::Updated => time(facts.last_update()),
            Column::Title => folded(columns.title[row.index()]),
            Column::Category => folded(columns.category[row.index()]),
            Column::Incident => folded(columns.incident[row.index()]),
            Column::Product => folded(columns.product[row.index()]),
            Column::Device | Column::User | Column::Techniques => folded(self.listed(row, column).next()),
            Column::Owner => columns.owner[row.index()].map_or(SortValue::Missing, raw),
            Column::Source | Column::Classification | Column::Determination => match self.cell(row, column) {
                Cell::Member(member) => SortValue::Text(member.into()),
                _ => SortValue::Missing,
            },
            Column::Id => raw(columns.id[row.index()]),
        }
    }
}

fn directed(ordering: Ordering, descending: bool) -> Ordering {
    if descending { ordering.reverse() } else { ordering }
}

/// Returns the cell for an enumeration member, which is empty for `unknown`.
fn member_cell(member: &str) -> Cell<'_> {
    if member == "unknown" { Cell::Empty } else { Cell::Member(member) }
}

fn status_rank(status: &Status) -> Option<u64> {
    match status {
        Status::New => Some(1),
        Status::InProgress => Some(2),
        Status::Resolved => Some(3),
        Status::Unknown | Status::Undeclared(_) => None,
    }
}
