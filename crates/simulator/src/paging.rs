//! Pages of a list: which rows are on a page, and where the next one continues.
//!
//! This module is independent of HTTP and of the type of the rows.

use std::cmp::Reverse;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    odata::{Columns, Semantics, SortKey},
    options::Options,
};
use alertdeck_model::Timestamp;

/// A row's position in a list without `$orderby`, which is sorted by `createdDateTime`, newest
/// first, and then by ID. Neither value ever changes, so a client that continues after a position
/// neither misses nor repeats a row, even if new alerts arrive between requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) created: Reverse<Timestamp>,
    pub(super) id: String,
}

impl Position {
    /// Returns the position of an alert or incident.
    pub(super) fn of(value: &Value) -> Self {
        let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let created = Reverse(Timestamp::parse(text("createdDateTime")).unwrap_or(Timestamp::MIN));
        Self { created, id: text("id").to_owned() }
    }
}

/// A row in a list.
pub(super) struct Row<'a, T> {
    pub(super) position: &'a Position,
    pub(super) columns: &'a Columns,
    pub(super) item: &'a T,
}

impl<T> Clone for Row<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Row<'_, T> {}

/// A page of a list.
pub(super) struct Page<'a, T> {
    pub(super) rows: Vec<Row<'a, T>>,
    /// The cursor for the next page; `None` on the last page.
    pub(super) next: Option<Cursor>,
}

/// Returns a page of rows, given all rows sorted by position.
///
/// The page consists of the rows that sort after the cursor, first by `$orderby` and then by
/// position. A row that changes between requests may therefore appear twice or not at all, as in
/// the service.
pub(super) fn page<'a, T>(
    rows: impl Iterator<Item = Row<'a, T>>,
    options: &Options,
    semantics: Semantics,
) -> Page<'a, T> {
    let order = &options.order;
    let after = options.cursor.as_ref().map(|cursor| (order.columns(&cursor.key), &cursor.position));
    let is_after = |row: &Row<'a, T>| {
        after.as_ref().is_none_or(|(columns, position)| {
            order.compare(row.columns, columns).then_with(|| row.position.cmp(position)).is_gt()
        })
    };
    let matches = |row: &Row<'a, T>| {
        options.filter.as_ref().is_none_or(|filter| filter.matches_columns(row.columns, semantics))
    };
    let mut rest: Box<dyn Iterator<Item = Row<'a, T>>> = Box::new(rows.filter(is_after).filter(matches));
    if !order.is_empty() {
        let mut sorted: Vec<_> = rest.collect();
        sorted.sort_by(|left, right| order.compare(left.columns, right.columns));
        rest = Box::new(sorted.into_iter());
    }
    let mut rest = rest.skip(options.skip);
    let rows: Vec<_> = rest.by_ref().take(options.top).collect();
    let last = rest.next().and(rows.last());
    let next = last.map(|row| Cursor {
        position: row.position.clone(),
        key: order.key(row.columns),
        visit: u8::default(),
    });
    Page { rows, next }
}

/// The content of `$skiptoken`: the place where a list continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The position of the last row on the previous page.
    pub(super) position: Position,
    /// The `$orderby` values of the last row on the previous page.
    pub(super) key: SortKey,
    /// 1 if an empty page was already sent for this position, otherwise 0. This keeps the two next
    /// links distinct.
    pub(super) visit: u8,
}

impl Cursor {
    pub(super) fn read(token: &str) -> Option<Self> {
        let parts: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let [visit, ticks, id, Value::Array(key)] = parts.as_array()?.as_slice() else { return None };
        let created = Reverse(Timestamp::from_ticks(ticks.as_i64()?));
        let text = |value: &Value| match value {
            Value::Null => Some(None),
            value => value.as_str().map(|text| Some(text.to_owned())),
        };
        Some(Self {
            position: Position { created, id: id.as_str()?.to_owned() },
            key: key.iter().map(text).collect::<Option<_>>()?,
            visit: visit.as_u64()?.try_into().ok()?,
        })
    }

    pub(super) fn token(&self) -> String {
        let parts = json!([self.visit, self.position.created.0.ticks(), self.position.id, self.key]);
        URL_SAFE_NO_PAD.encode(parts.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odata::Entity;
    use proptest::prelude::*;

    /// Pages through a list of these rows, and returns the IDs on each page.
    fn pages(rows: &[Value], query: &str) -> Vec<Vec<String>> {
        let mut rows: Vec<_> = rows.iter().map(|row| (Position::of(row), Columns::read(row))).collect();
        rows.sort_by(|left, right| left.0.cmp(&right.0));
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let query = format!("{query}{token}");
            let options = Options::read(&query, "v1.0", Entity::Alert, 1000).unwrap();
            let rows = rows.iter().map(|(position, columns)| Row { position, columns, item: &() });
            let page = page(rows, &options, Semantics::default());
            pages.push(page.rows.iter().map(|row| row.position.id.clone()).collect());
            let Some(next) = page.next else { return pages };
            token = format!("&$skiptoken={}", next.token());
        }
    }

    fn row(id: u32, created: u32, updated: Option<u32>, severity: &str) -> Value {
        let time = |hour: u32| format!("2026-11-20T{hour:02}:00:00Z");
        json!({
            "id": id.to_string(), "createdDateTime": time(created), "severity": severity,
            "lastUpdateDateTime": updated.map(time),
        })
    }

    #[test]
    fn pages_follow_the_order_and_then_the_position() {
        let rows = [
            row(1, 1, Some(9), "high"),
            row(2, 2, Some(9), "low"),
            row(3, 3, None, "low"),
            row(4, 4, Some(5), "high"),
        ];
        assert_eq!(pages(&rows, "$top=2"), [["4", "3"], ["2", "1"]]);
        assert_eq!(pages(&rows, "$top=2&$orderby=lastUpdateDateTime"), [["3", "4"], ["2", "1"]]);
        assert_eq!(
            pages(&rows, "$top=3&$orderby=lastUpdateDateTime%20desc"),
            [vec!["2", "1", "4"], vec!["3"]]
        );
        assert_eq!(pages(&rows, "$top=1&$orderby=severity&$filter=severity%20eq%20'low'"), [["3"], ["2"]]);
    }

    proptest! {
        #[test]
        fn cursors_round_trip(
            id in "\\PC{0,40}", ticks: i64, visit: u8, key in prop::collection::vec(prop::option::of("\\PC{0,9}"), 0..3),
        ) {
            let created = Reverse(Timestamp::from_ticks(ticks));
            let cursor = Cursor { position: Position { created, id }, key, visit };
            prop_assert_eq!(Cursor::read(&cursor.token()), Some(cursor));
        }

        #[test]
        fn every_row_is_on_one_page_in_any_order(
            rows in prop::collection::vec((0..4_u32, prop::option::of(0..4_u32), 0..3_usize), 0..12),
            top in 1..5_usize,
            order in prop::sample::select(vec!["", "severity", "lastUpdateDateTime desc", "severity desc,lastUpdateDateTime"]),
        ) {
            let rows: Vec<_> = (0..).zip(rows).map(|(id, (created, updated, severity))| {
                row(id, created, updated, ["low", "medium", "high"][severity])
            }).collect();
            let order = if order.is_empty() { String::new() } else { format!("&$orderby={order}") };
            let pages = pages(&rows, &format!("$top={top}{order}"));
            let mut ids: Vec<u32> = pages.concat().iter().map(|id| id.parse().unwrap()).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..rows.len() as u32).collect::<Vec<_>>());
            prop_assert!(pages.iter().rev().skip(1).all(|page| page.len() == top));
        }
    }
}
