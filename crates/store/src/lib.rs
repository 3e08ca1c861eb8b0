//! The loaded alerts: columns to list, sort and filter by, and the JSON of each alert.
//!
//! A [`Store`] has one owner, no lock and no thread. Workers decode [`Batch`]es, the owner adds
//! them. A [`Row`] is never moved and never reused, so it identifies an alert while sorting and
//! filtering change around it. The store does not know where alerts come from or how they are
//! drawn.

mod batch;
mod column;
mod dictionary;
mod facts;
mod posting;
mod view;

use std::collections::{BTreeSet, HashMap};

pub use batch::{Batch, Entry};
pub use column::{Cell, Column, Sort};
pub use dictionary::{Dictionary, FoldedText, Key, KeyCode, TextCode, fold, last_name};
pub use facts::Facts;
pub use posting::{Classes, PostingId, PostingRules, Prevalence, Tally};
pub use view::{Count, RowTest, View};

use alertdeck_model::{AlertId, RawAlert, SafeText};

/// Identifies an alert in a [`Store`]. Rows are numbered in the order of arrival; they are never
/// moved and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

impl Row {
    /// Returns the row as an index below [`Store::len`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The effect of adding a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// The rows of new alerts.
    pub new: Vec<Row>,
    /// The rows of alerts that replaced an older state.
    pub changed: Vec<Row>,
    /// The rows of all alerts of the batch, including unchanged ones.
    pub seen: Vec<Row>,
}

impl Absorbed {
    /// Lists the rows that views have to test again.
    pub fn touched(&self) -> Vec<Row> {
        self.new.iter().chain(&self.changed).copied().collect()
    }
}

/// The loaded alerts.
#[derive(Debug)]
pub struct Store {
    dictionary: Dictionary,
    entries: Vec<Entry>,
    by_id: HashMap<AlertId, Row>,
    /// Every spelling of an owner that any alert has had.
    owners: BTreeSet<SafeText>,
    /// Maps indicators to rows.
    index: posting::Index,
    /// How often an alert was replaced by a newer state.
    changes: u64,
}

impl Default for Store {
    /// Creates an empty store without postings.
    fn default() -> Self {
        Self::with_postings(&posting::NoPostings)
    }
}

impl Store {
    /// Creates an empty store. Its batches must be decoded with the same rules.
    pub fn with_postings(rules: &'static dyn PostingRules) -> Self {
        Self {
            dictionary: Dictionary::default(),
            entries: Vec::new(),
            by_id: HashMap::new(),
            owners: BTreeSet::new(),
            index: posting::Index::new(rules),
            changes: 0,
        }
    }

    /// Adds a decoded batch. An alert that is in the store already is replaced unless the new state
    /// is older by `lastUpdateDateTime`.
    pub fn absorb(&mut self, batch: Batch) -> Absorbed {
        let Batch { dictionary, entries, keys } = batch;
        let map = self.dictionary.merge(&dictionary);
        let lists = self.index.register(&self.dictionary, &keys, &map);
        let mut absorbed = Absorbed::default();
        for (mut entry, codes) in entries {
            let lists = codes.iter().map(|code| lists[*code as usize]);
            if let Some(owner) = &entry.facts.assigned_to
                && !self.owners.contains(owner)
            {
                self.owners.insert(owner.clone());
            }
            match self.by_id.get(&entry.facts.id).copied() {
                Some(row) => {
                    absorbed.seen.push(row);
                    let stored = &mut self.entries[row.index()];
                    if entry.raw == stored.raw || entry.facts.last_update < stored.facts.last_update {
                        continue;
                    }
                    entry.recode(&map);
                    self.index.replace(&self.dictionary, row, &stored.facts, lists);
                    self.changes += 1;
                    *stored = entry;
                    if !absorbed.new.contains(&row) && !absorbed.changed.contains(&row) {
                        absorbed.changed.push(row);
                    }
                }
                None => {
                    let row = Row(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
                    entry.recode(&map);
                    self.index.add(row, lists);
                    self.by_id.insert(entry.facts.id.clone(), row);
                    self.entries.push(entry);
                    absorbed.new.push(row);
                    absorbed.seen.push(row);
                }
            }
        }
        absorbed
    }

    /// Returns the row of an alert.
    pub fn row(&self, id: &AlertId) -> Option<Row> {
        self.by_id.get(id).copied()
    }

    /// Returns the number of alerts.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the store is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lists all rows in the order of arrival.
    pub fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        (0..self.entries.len() as u32).map(Row)
    }

    /// Returns the entry of an alert.
    pub fn entry(&self, row: Row) -> &Entry {
        &self.entries[row.index()]
    }

    /// Returns the facts of an alert.
    pub fn facts(&self, row: Row) -> &Facts {
        &self.entry(row).facts
    }

    /// Returns the JSON of an alert as received.
    pub fn raw(&self, row: Row) -> &RawAlert {
        &self.entry(row).raw
    }

    /// Lists every spelling of owners in loaded alerts. It is not documented whether the service
    /// ignores case in `assignedTo`, so filters ask for all spellings (docs/filter-language.md,
    /// "OData meaning").
    pub fn owners(&self) -> impl Iterator<Item = &SafeText> {
        self.owners.iter()
    }

    /// Returns the dictionary of the facts' codes.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    fn text(&self, code: TextCode) -> &SafeText {
        self.dictionary.text(code).text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::{Value, json};

    pub(super) fn batch(alerts: &[Value]) -> Batch {
        let raw: Vec<_> = alerts.iter().map(|alert| RawAlert(Bytes::from(alert.to_string()))).collect();
        Batch::plain(&raw)
    }

    fn alert(id: &str, updated: u32, title: &str) -> Value {
        json!({"id": id, "title": title, "lastUpdateDateTime": format!("2026-11-01T00:00:{updated:02}Z")})
    }

    fn title(store: &Store, id: &str) -> String {
        let row = store.row(&AlertId::new(id)).unwrap();
        match store.cell(row, Column::Title) {
            Cell::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_state_of_an_alert_wins() {
        let mut store = Store::default();
        let first = store.absorb(batch(&[alert("a", 5, "five"), alert("b", 1, "b"), alert("a", 3, "three")]));
        assert_eq!((first.new.len(), first.changed.len()), (2, 0));
        assert_eq!(title(&store, "a"), "five");
        let second =
            store.absorb(batch(&[alert("a", 4, "four"), alert("b", 2, "newer b"), alert("a", 5, "five")]));
        assert_eq!((second.new.len(), second.changed), (0, vec![Row(1)]));
        assert_eq!((title(&store, "a"), title(&store, "b")), ("five".into(), "newer b".into()));
    }

    #[test]
    fn alerts_that_cannot_be_read_or_have_no_id_have_rows() {
        let mut store = Store::default();
        let raw = [
            RawAlert(Bytes::from_static(b"{\"id\":\"x\",\"a\":1e9999999999999999999999}}")),
            RawAlert(Bytes::from_static(b"7")),
        ];
        store.absorb(Batch::plain(&raw));
        store.absorb(Batch::plain(&raw));
        store.absorb(batch(&[
            json!({"title": "no id"}),
            json!({"title": "no id either"}),
            json!({"id": "a"}),
        ]));
        assert_eq!(store.len(), 5, "the same bytes have the same row");
        assert!(store.entry(Row(0)).error.as_ref().unwrap().as_str().starts_with("unreadable alert: "));
        assert_eq!(store.entry(Row(2)).error, None);
    }
}
