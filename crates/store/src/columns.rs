//! The columns: fixed-width values for each row.

use std::hash::Hash;

use alertdeck_model::{Classification, Determination, ServiceSource, Severity, Status, Timestamp};
use hashbrown::HashMap;

use crate::{
    FeedId, Row, RowSet,
    chunked::Chunked,
    decode::Fields,
    dictionary::{CodeMap, NameCode, ValueCode},
    posting::List,
    stored::StoredAlert,
    texts::TextCode,
};

/// A column with one enumeration member per row, and the rows that have each member.
#[derive(Debug)]
pub(crate) struct Members<T> {
    codes: Chunked<u32>,
    /// The distinct members, each with its rows; `None` means that no value was sent. The service
    /// may send undeclared members, so there may be many.
    known: Vec<(Option<T>, List)>,
    by_member: HashMap<Option<T>, u32>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { codes: Chunked::default(), known: Vec::new(), by_member: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Members<T> {
    fn set(&mut self, row: Row, member: Option<T>) {
        let code = self.by_member.get(&member).copied().unwrap_or_else(|| {
            let code = self.known.len() as u32;
            self.known.push((member.clone(), List::default()));
            self.by_member.insert(member, code);
            code
        });
        if row.index() < self.codes.len() {
            let former = std::mem::replace(&mut self.codes[row.index()], code);
            self.known[former as usize].1.remove(row);
        } else {
            self.codes.push(code);
        }
        self.known[code as usize].1.insert(row);
    }

    /// Returns a row's member, or `None` if no value was sent.
    pub(crate) fn get(&self, row: Row) -> Option<&T> {
        self.known[self.codes[row.index()] as usize].0.as_ref()
    }

    /// Returns the code of a row's member.
    pub(crate) fn code(&self, row: Row) -> u32 {
        self.codes[row.index()]
    }

    /// Returns the rows whose member passes a test.
    pub(crate) fn rows(&self, test: impl Fn(Option<&T>) -> bool) -> RowSet {
        let mut rows = RowSet::default();
        for (_, of) in self.known.iter().filter(|(member, _)| test(member.as_ref())) {
            of.add_to(&mut rows);
        }
        rows
    }
}

/// A column with any number of values per row, all under one name.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// For a row with a single value, that value and 1. For any other row, the start of its values
    /// in `values` and their number.
    places: Chunked<(u32, u32)>,
    values: Chunked<u32>,
}

impl Lists {
    fn set(&mut self, row: Row, values: &[TextCode], map: &CodeMap) {
        let index = |value: &TextCode| map.value(*value).index;
        let place = match values {
            [] => (0, 0),
            [one] => (index(one), 1),
            many => {
                let start = self.values.len() as u32;
                for value in many {
                    self.values.push(index(value));
                }
                (start, many.len() as u32)
            }
        };
        set(&mut self.places, row, place);
    }

    /// Lists the values of a row.
    pub(crate) fn get(&self, row: Row) -> impl ExactSizeIterator<Item = u32> {
        let (first, len) = self.places[row.index()];
        (0..len).map(move |at| if len == 1 { first } else { self.values[(first + at) as usize] })
    }
}

/// One of an alert's dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Graph's property names")]
pub enum DateColumn {
    Created,
    LastUpdate,
    Resolved,
    FirstActivity,
    LastActivity,
}

impl DateColumn {
    /// All dates.
    pub const ALL: [Self; 5] =
        [Self::Created, Self::LastUpdate, Self::Resolved, Self::FirstActivity, Self::LastActivity];

    /// Returns Graph's name for the property.
    pub fn property(self) -> &'static str {
        match self {
            Self::Created => "createdDateTime",
            Self::LastUpdate => "lastUpdateDateTime",
            Self::Resolved => "resolvedDateTime",
            Self::FirstActivity => "firstActivityDateTime",
            Self::LastActivity => "lastActivityDateTime",
        }
    }
}

/// The columns for all rows.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) feeds: Chunked<FeedId>,
    pub(crate) severity: Members<Severity>,
    pub(crate) status: Members<Status>,
    pub(crate) classification: Members<Classification>,
    pub(crate) determination: Members<Determination>,
    pub(crate) source: Members<ServiceSource>,
    /// The dates in ticks, indexed by [`DateColumn`]; [`NO_DATE`] if there is no readable date.
    dates: [Chunked<i64>; 5],
    pub(crate) id: Chunked<ValueCode>,
    pub(crate) title: Chunked<Option<ValueCode>>,
    pub(crate) category: Chunked<Option<ValueCode>>,
    pub(crate) incident: Chunked<Option<ValueCode>>,
    pub(crate) product: Chunked<Option<ValueCode>>,
    pub(crate) owner: Chunked<Option<ValueCode>>,
    pub(crate) techniques: Lists,
    pub(crate) devices: Lists,
    pub(crate) users: Lists,
    /// The identity of each device in `devices`.
    pub(crate) device_ids: Lists,
    /// The identity of each user in `users`.
    pub(crate) user_ids: Lists,
    /// The JSON of alerts whose contents do not restore it exactly.
    pub(crate) bodies: HashMap<Row, StoredAlert>,
    pub(crate) fingerprints: Chunked<u64>,
    pub(crate) unreadable: RowSet,
    /// The rows that may have an unreadable date.
    pub(crate) odd_dates: RowSet,
}

const NO_DATE: i64 = i64::MIN;

impl Columns {
    pub(crate) fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Sets a row's values. The row must exist or be the next one.
    pub(crate) fn set(
        &mut self,
        row: Row,
        feed: FeedId,
        fields: Fields,
        body: Option<StoredAlert>,
        map: &CodeMap,
    ) {
        let code = |value: Option<TextCode>| value.map(|value| map.value(value));
        set(&mut self.feeds, row, feed);
        self.severity.set(row, fields.severity);
        self.status.set(row, fields.status);
        self.classification.set(row, fields.classification);
        self.determination.set(row, fields.determination);
        self.source.set(row, fields.source);
        let dates =
            [fields.created, fields.updated, fields.resolved, fields.first_activity, fields.last_activity];
        for (column, date) in self.dates.iter_mut().zip(dates) {
            set(column, row, date.map_or(NO_DATE, Timestamp::ticks));
        }
        if fields.has_odd_date {
            self.odd_dates.insert(row);
        } else {
            self.odd_dates.remove(row);
        }
        let none = ValueCode { name: NameCode(0), index: 0 };
        set(&mut self.id, row, code(fields.id).unwrap_or(none));
        set(&mut self.title, row, code(fields.title));
        set(&mut self.category, row, code(fields.category));
        set(&mut self.incident, row, code(fields.incident));
        set(&mut self.product, row, code(fields.product));
        set(&mut self.owner, row, code(fields.owner));
        self.techniques.set(row, &fields.techniques, map);
        self.devices.set(row, &fields.devices, map);
        self.users.set(row, &fields.users, map);
        self.device_ids.set(row, &fields.device_ids, map);
        self.user_ids.set(row, &fields.user_ids, map);
        match body {
            Some(body) => self.bodies.insert(row, body),
            None => self.bodies.remove(&row),
        };
    }

    /// Returns one of a row's dates.
    pub(crate) fn date(&self, date: DateColumn, row: Row) -> Option<Timestamp> {
        let ticks = self.dates[date as usize][row.index()];
        (ticks != NO_DATE).then(|| Timestamp::from_ticks(ticks))
    }

    /// Returns the rows whose date passes the test.
    pub(crate) fn dated(&self, date: DateColumn, test: impl Fn(Option<Timestamp>) -> bool) -> RowSet {
        let dates = self.dates[date as usize].iter().enumerate();
        let hits =
            dates.filter(|(_, ticks)| test((**ticks != NO_DATE).then(|| Timestamp::from_ticks(**ticks))));
        hits.map(|(at, _)| Row(at as u32)).collect()
    }

    pub(crate) fn size(&self) -> usize {
        self.dates.iter().map(Chunked::size).sum::<usize>()
            + self.bodies.capacity() * size_of::<(Row, StoredAlert)>()
            + self.fingerprints.size()
            + self.id.size()
            + 5 * self.title.size()
    }
}

/// Sets a row's value. The row must exist or be the next one.
pub(crate) fn set<T>(column: &mut Chunked<T>, row: Row, value: T) {
    if row.index() < column.len() {
        column[row.index()] = value;
    } else {
        column.push(value);
    }
}
