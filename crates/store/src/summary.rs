//! Counts a set of alerts by column value, by day of creation and, if they are open, by age.
//!
//! Rows are counted a slice at a time, as in [`Tally`](crate::Tally). A device or user counts only
//! once per alert, even if the alert spells it in several ways.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use alertdeck_model::{SafeText, Severity, Status, Timestamp};

use crate::{Cell, Column, FeedId, Row, RowSet, Store, table::SHARDS};

/// The number of seconds in a day.
const DAY: i64 = 86_400;

/// The age groups of open alerts, each given as its upper limit in seconds (exclusive); `None` for
/// the group of all older alerts.
pub const AGES: [Option<i64>; 6] =
    [Some(3_600), Some(8 * 3_600), Some(DAY), Some(3 * DAY), Some(7 * DAY), None];

/// The columns whose values are counted.
pub const COUNTED: [Column; 10] = [
    Column::Title,
    Column::Device,
    Column::User,
    Column::Techniques,
    Column::Source,
    Column::Category,
    Column::Classification,
    Column::Owner,
    Column::Incident,
    Column::Tenant,
];

/// The number of alerts in a group, in total, by severity and by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCount {
    /// All alerts.
    pub alerts: usize,
    /// Alerts of high severity.
    pub high: usize,
    /// Alerts of medium severity.
    pub medium: usize,
    /// Alerts that are new or in progress.
    pub open: usize,
}

impl AlertCount {
    fn add(&mut self, severity: &Severity, is_open: bool) {
        self.alerts += 1;
        self.high += usize::from(*severity == Severity::High);
        self.medium += usize::from(*severity == Severity::Medium);
        self.open += usize::from(is_open);
    }
}

impl std::ops::AddAssign for AlertCount {
    fn add_assign(&mut self, other: Self) {
        self.alerts += other.alerts;
        self.high += other.high;
        self.medium += other.medium;
        self.open += other.open;
    }
}

/// The number of alerts that have a particular value in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueCount {
    /// The value, or `None` for the alerts without a value.
    pub value: Option<SafeText>,
    /// For a device or user, its identity: an ID or, failing that, a name.
    pub identity: Option<SafeText>,
    /// The alerts' feed, if the value has a different meaning in other feeds.
    pub feed: Option<FeedId>,
    /// One of the alerts' rows.
    pub row: Row,
    /// The number of alerts.
    pub count: AlertCount,
}

/// Identifies a value of a column: its code and, if it is unique only within a feed, the feed.
type Key = (Option<u32>, Option<FeedId>);

/// A column's values, by key. They are split into shards, so that each growth step takes only a
/// fraction of a millisecond.
#[derive(Clone, Debug, Default)]
struct Values {
    shards: Vec<HashMap<Key, Counted>>,
}

impl Values {
    fn count(&mut self, key: Key, new: Counted) -> &mut AlertCount {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, HashMap::default);
        }
        // Codes are consecutive numbers, so they spread evenly over the shards.
        let shard = key.0.unwrap_or_default() as usize % SHARDS;
        &mut self.shards[shard].entry(key).or_insert(new).count
    }

    fn iter(&self) -> impl Iterator<Item = (&Key, &Counted)> {
        self.shards.iter().flatten()
    }

    fn missing(&self) -> Option<&Counted> {
        self.shards.first()?.get(&(None, None))
    }
}

/// The count for one value, along with a row that has the value and the value's position in that
/// row.
#[derive(Clone, Copy, Debug)]
struct Counted {
    row: Row,
    at: usize,
    count: AlertCount,
}

/// Counts over a set of rows.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    now: i64,
    /// The first row that has not been counted yet.
    next: usize,
    /// The number of rows counted.
    counted: usize,
    total: AlertCount,
    days: BTreeMap<i64, AlertCount>,
    undated: AlertCount,
    ages: [AlertCount; AGES.len()],
    values: [Values; COUNTED.len()],
}

impl Summary {
    /// Creates an empty summary. Ages are measured at the time `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: now.seconds(), ..Self::default() }
    }

    /// Counts up to `work` more of the rows, using their current values. Every call must pass the
    /// same set of rows. Returns whether any rows are left to count.
    pub fn advance(&mut self, store: &Store, rows: &RowSet, work: usize) -> bool {
        for row in rows.iter_from(self.next).take(work) {
            self.add(store, row);
            self.next = row.index() + 1;
            self.counted += 1;
        }
        self.counted < rows.len()
    }

    fn add(&mut self, store: &Store, row: Row) {
        let facts = store.facts(row);
        let severity = facts.severity();
        let is_open = matches!(facts.status(), Status::New | Status::InProgress);
        self.total.add(severity, is_open);
        match facts.created() {
            Some(created) => {
                let day = created.seconds().div_euclid(DAY);
                self.days.entry(day).or_default().add(severity, is_open);
                if is_open {
                    let age = self.now - created.seconds();
                    let at = AGES.iter().position(|limit| limit.is_none_or(|limit| age < limit));
                    self.ages[at.unwrap_or_default()].add(severity, is_open);
                }
            }
            None => self.undated.add(severity, is_open),
        }
        for (column, values) in COUNTED.into_iter().zip(&mut self.values) {
            let mut count = |key: Key, at: usize| {
                let new = Counted { row, at, count: AlertCount::default() };
                values.count(key, new).add(severity, is_open);
            };
            let keys = store.value_keys(row, column);
            if keys.is_empty() {
                count((None, None), 0);
            }
            // A device may occur under several names.
            for at in 0..keys.len() {
                if !keys[..at].contains(&keys[at]) {
                    count(keys[at], at);
                }
            }
        }
    }

    /// Returns the time at which ages are measured, in whole seconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.now)
    }

    /// Returns the count of all rows.
    pub fn total(&self) -> AlertCount {
        self.total
    }

    /// Lists the UTC days on which alerts were created, latest first, each with its start and its
    /// count.
    pub fn days(&self) -> impl Iterator<Item = (Timestamp, AlertCount)> {
        self.days.iter().rev().map(|(day, count)| (Timestamp::from_seconds(day * DAY), *count))
    }

    /// Returns the count of alerts without a creation time.
    pub fn undated(&self) -> AlertCount {
        self.undated
    }

    /// Returns the count of open alerts in each age group, in the order of [`AGES`].
    pub fn ages(&self) -> [AlertCount; AGES.len()] {
        self.ages
    }

    /// Returns the count of alerts without a value in one of the [`COUNTED`] columns, or `None` if
    /// every alert has a value.
    pub fn missing(&self, column: Column) -> Option<ValueCount> {
        let at = COUNTED.iter().position(|counted| *counted == column)?;
        let Counted { row, count, .. } = *self.values[at].missing()?;
        Some(ValueCount { value: None, identity: None, feed: None, row, count })
    }

    /// Returns up to `most` of the most frequent values in one of the [`COUNTED`] columns, and the
    /// total number of distinct values. Equally frequent values are sorted by their number of
    /// high-severity alerts, largest first, and then by the order in which they were loaded.
    pub fn top(&self, store: &Store, column: Column, most: usize) -> (Vec<ValueCount>, usize) {
        let Some(at) = COUNTED.iter().position(|counted| *counted == column) else {
            return Default::default();
        };
        let values = &self.values[at];
        let mut all: Vec<_> = values.iter().filter(|((code, _), _)| code.is_some()).collect();
        let number = all.len();
        let rank = |of: &(&Key, &Counted)| {
            let Counted { row, at, count } = of.1;
            (Reverse((count.alerts, count.high)), *row, *at)
        };
        if number > most {
            all.select_nth_unstable_by_key(most, rank);
            all.truncate(most);
        }
        all.sort_unstable_by_key(rank);
        let found = all.into_iter().map(|((_, feed), Counted { row, at, count })| ValueCount {
            value: Some(store.value_text(*row, column, *at)),
            identity: store.identity_at(*row, column, *at).map(|identity| identity.value),
            feed: *feed,
            row: *row,
            count: *count,
        });
        let found = found.collect();
        (found, number)
    }
}

impl Store {
    /// Returns the keys of the values that a row has in a column.
    fn value_keys(&self, row: Row, column: Column) -> Vec<Key> {
        let feed = || Some(self.feed(row)).filter(|_| self.feeds.len() > 1);
        match column {
            Column::Device | Column::User => {
                let is_device = column == Column::Device;
                let of = if is_device { &self.columns.device_ids } else { &self.columns.user_ids };
                self.identity_keys(row, of).map(|(code, feed)| (Some(code), feed)).collect()
            }
            Column::Techniques => self.columns.techniques.get(row).map(|code| (Some(code), None)).collect(),
            // Incident numbers are unique only within a tenant.
            Column::Incident => self.code(column, row).map(|code| (Some(code), feed())).into_iter().collect(),
            _ if self.cell(row, column) == Cell::Empty => Vec::new(),
            _ => self.code(column, row).map(|code| (Some(code), None)).into_iter().collect(),
        }
    }

    /// Returns the value at position `at` in a row's column.
    fn value_text(&self, row: Row, column: Column, at: usize) -> SafeText {
        match column {
            Column::Device | Column::User | Column::Techniques => {
                let value = self.listed(row, column).nth(at);
                value.map_or_else(|| SafeText::new(""), |value| self.dictionary.safe(value))
            }
            _ => match self.cell(row, column) {
                Cell::Text(text) => text,
                cell => SafeText::new(&cell.text()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;
    use alertdeck_model::RawAlert;
    use proptest::prelude::*;

    fn store(alerts: &[String]) -> Store {
        let mut store = Store::default();
        let raw: Vec<_> = alerts.iter().map(|alert| RawAlert(alert.clone().into())).collect();
        store.absorb(FeedId::new(0), Batch::decode(&raw));
        store
    }

    fn summary(store: &Store, slice: usize) -> Summary {
        let mut summary = Summary::new(Timestamp::parse("2026-11-20T12:00:00Z").unwrap());
        while summary.advance(store, store.rows(), slice) {}
        summary
    }

    fn device(name: &str, id: &str) -> String {
        format!(
            r##"{{"@odata.type":"#microsoft.graph.security.deviceEvidence","deviceDnsName":"{name}","mdeDeviceId":"{id}"}}"##
        )
    }

    fn alert(number: usize, rest: &str) -> String {
        format!(r#"{{"id":"{number}"{rest}}}"#)
    }

    #[test]
    fn open_alerts_are_counted_by_age_and_all_by_day() {
        let of = |number, status: &str, created: &str| {
            alert(number, &format!(r#","status":"{status}","severity":"high","createdDateTime":"{created}""#))
        };
        let store = store(&[
            of(1, "new", "2026-11-20T11:30:00Z"),
            of(2, "inProgress", "2026-11-20T11:00:00Z"),
            of(3, "resolved", "2026-11-20T00:00:00Z"),
            of(4, "new", "2026-11-19T23:59:59Z"),
            of(5, "new", "2026-10-01T00:00:00Z"),
            // The service's clock may be ahead.
            of(6, "new", "2026-11-20T12:00:05Z"),
            alert(7, ""),
        ]);
        let summary = summary(&store, 100);
        assert_eq!(summary.ages().map(|count| count.alerts), [2, 1, 1, 0, 0, 1]);
        let days: Vec<_> = summary.days().map(|(day, count)| (day.to_string(), count.alerts)).collect();
        assert_eq!(days.len(), 3);
        assert!(days[0].0.starts_with("2026-11-20") && days[0].1 == 4, "{days:?}");
        assert!(days[1].0.starts_with("2026-11-19") && days[1].1 == 1, "{days:?}");
        assert_eq!((summary.undated().alerts, summary.total().alerts, summary.total().open), (1, 7, 5));
        assert_eq!(summary.total().high, 6);
    }

    #[test]
    fn a_device_is_one_whatever_its_spelling() {
        let evidence = |devices: &[String]| format!(r#","evidence":[{}]"#, devices.join(","));
        let store = store(&[
            alert(1, &evidence(&[device("srv-1", "a1"), device("SRV-1.contoso.com", "a1")])),
            alert(2, &evidence(&[device("srv-1.contoso.com", "a1")])),
            alert(3, &evidence(&[device("srv-1", "b2")])),
            alert(4, ""),
        ]);
        let (top, all) = summary(&store, 1).top(&store, Column::Device, 10);
        let counts: Vec<_> =
            top.iter().map(|of| (of.value.as_ref().map(SafeText::line), of.count.alerts)).collect();
        assert_eq!(all, 2, "{counts:?}");
        assert_eq!(counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(top[0].identity.as_ref().map(SafeText::raw), Some("a1"));
        assert_eq!(summary(&store, 1).missing(Column::Device).unwrap().count.alerts, 1);
    }

    proptest! {
        #[test]
        fn the_top_values_are_those_of_a_count_of_all(
            titles in prop::collection::vec(0u8..12, 0..60), most in 0usize..15, slice in 1usize..20,
        ) {
            let alerts: Vec<_> = titles
                .iter()
                .enumerate()
                .map(|(at, title)| alert(at, &format!(r#","title":"Title {title:02}""#)))
                .collect();
            let store = store(&alerts);
            let (top, all) = summary(&store, slice).top(&store, Column::Title, most);
            let mut expected: Vec<(String, usize)> = Vec::new();
            for title in titles {
                let title = format!("Title {title:02}");
                match expected.iter_mut().find(|(known, _)| *known == title) {
                    Some((_, count)) => *count += 1,
                    None => expected.push((title, 1)),
                }
            }
            prop_assert_eq!(all, expected.len());
            expected.sort_by_key(|(_, count)| Reverse(*count));
            expected.truncate(most);
            let found: Vec<_> =
                top.iter().map(|of| (of.value.as_ref().unwrap().line(), of.count.alerts)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
