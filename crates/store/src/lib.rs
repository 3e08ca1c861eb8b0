//! The alerts that are held: columns to list, sort and filter by, and the JSON of each.
//!
//! One owner, no lock, no thread: whoever owns the [`Store`] feeds it [`Batch`]es that workers
//! decoded and asks for rows. A [`Row`] is never moved and never reused, so it can be kept as
//! the identity of an alert while sorting and filtering go on around it. The store knows
//! nothing of where alerts come from or how they are drawn.

mod batch;
mod column;
pub mod facts;
mod posting;
mod view;

use std::collections::{BTreeSet, HashMap};

pub use batch::{Batch, Entry};
pub use column::{Cell, Column, Sort};
pub use posting::{Classes, PostingId, PostingRules, Prevalence, Tally};
pub use view::{Count, Test, View};

use crate::facts::{Dictionary, Facts, TextCode};
use alertdeck_model::{AlertId, RawAlert, SafeText};

/// An alert in a [`Store`]: never moved, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

impl Row {
    /// Returns the row as an index below [`Store::len`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What became of the alerts of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Rows of alerts that were not held before.
    pub new: Vec<Row>,
    /// Rows of alerts that were held in an older state.
    pub changed: Vec<Row>,
    /// Rows of all alerts of the batch, those held as they are included.
    pub seen: Vec<Row>,
}

impl Absorbed {
    /// Lists every row that a view has to look at again.
    pub fn touched(&self) -> Vec<Row> {
        self.new.iter().chain(&self.changed).copied().collect()
    }
}

/// All alerts that are held.
#[derive(Debug)]
pub struct Store {
    dictionary: Dictionary,
    entries: Vec<Entry>,
    by_id: HashMap<AlertId, Row>,
    /// Every spelling of an owner that was ever held.
    owners: BTreeSet<SafeText>,
    /// From values of the evidence to rows.
    index: posting::Index,
    /// How often an alert that was held was replaced.
    changes: u64,
}

impl Default for Store {
    /// Creates an empty store without postings.
    fn default() -> Self {
        Self::with_postings(&posting::NoPostings)
    }
}

impl Store {
    /// Creates an empty store whose batches are decoded with the same rules.
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

    /// Takes in a decoded batch. An alert that is already held is replaced where the new state
    /// is not older, by `lastUpdateDateTime`.
    pub fn absorb(&mut self, batch: Batch) -> Absorbed {
        let Batch { dictionary, entries, keys } = batch;
        let remap = self.dictionary.adopt(&dictionary);
        let lists = self.index.adopt(&self.dictionary, &keys, &remap);
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
                    let held = &mut self.entries[row.index()];
                    if entry.raw == held.raw || entry.facts.last_update < held.facts.last_update {
                        continue;
                    }
                    entry.remap(&remap);
                    self.index.replace(&self.dictionary, row, &held.facts, lists);
                    self.changes += 1;
                    *held = entry;
                    if !absorbed.new.contains(&row) && !absorbed.changed.contains(&row) {
                        absorbed.changed.push(row);
                    }
                }
                None => {
                    let row = Row(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
                    entry.remap(&remap);
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

    /// Returns the row of an alert, if it is held.
    pub fn row(&self, id: &AlertId) -> Option<Row> {
        self.by_id.get(id).copied()
    }

    /// Returns how many alerts are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether no alert is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lists all rows in the order in which they came.
    pub fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        (0..self.entries.len() as u32).map(Row)
    }

    /// Returns what is listed of an alert.
    pub fn entry(&self, row: Row) -> &Entry {
        &self.entries[row.index()]
    }

    /// Returns what a filter can ask of an alert.
    pub fn facts(&self, row: Row) -> &Facts {
        &self.entry(row).facts
    }

    /// Returns the alert as it was received.
    pub fn raw(&self, row: Row) -> &RawAlert {
        &self.entry(row).raw
    }

    /// Lists every spelling of an owner that alerts were seen with: whether the service folds
    /// case in `assignedTo` is unknown, so a filter asks for all of them.
    pub fn owners(&self) -> impl Iterator<Item = &SafeText> {
        self.owners.iter()
    }

    /// Returns the dictionary that the facts are coded in.
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
    fn the_newest_state_of_an_alert_wins_whatever_comes_first() {
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
    fn an_alert_that_cannot_be_read_is_a_row_of_its_own() {
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
        assert_eq!(store.len(), 5, "read again, the same bytes are the same row");
        assert!(store.entry(Row(0)).fault.as_ref().unwrap().as_str().starts_with("unreadable alert: "));
        assert_eq!(store.entry(Row(2)).fault, None);
    }
}
