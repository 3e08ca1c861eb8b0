//! What the loaded alerts of a feed cover: complete lists, and the words for it on the screen.

use std::collections::HashMap;

use alertdeck_model::Timestamp;
use alertdeck_store::RowSet;

use super::backfill::DAYS;
use crate::app::{format::thousands, job::Scope};

/// The alerts that a count over all loaded alerts covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The number of loaded alerts.
    pub loaded: usize,
    /// What they cover.
    pub extent: Extent,
}

/// The extent of the loaded alerts, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What was fetched so far.
    Partial,
    /// What was fetched so far; the last days are being loaded.
    RecentLoading,
    /// At least every alert of the last days.
    Recent,
    /// Every alert of the tenant or the files.
    All,
}

impl Coverage {
    /// Returns the words that follow a count: `of 300 loaded, complete`.
    pub fn words(self) -> String {
        let loaded = thousands(self.loaded);
        match self.extent {
            Extent::All => format!("of {loaded} loaded, complete"),
            Extent::Recent => format!("of {loaded} loaded, {DAYS} days complete"),
            Extent::RecentLoading => format!("of {loaded} loaded, {DAYS} days loading"),
            Extent::Partial => format!("of {loaded} loaded so far"),
        }
    }
}

/// A fully loaded list.
#[derive(Clone, Debug)]
pub(in crate::app) struct CompleteList {
    /// Its scope.
    pub(in crate::app) scope: Scope,
    /// Its alerts.
    pub(in crate::app) read: RowSet,
    /// The number of alerts that the service counted.
    pub(in crate::app) total: Option<u64>,
    /// When it was complete.
    pub(in crate::app) at: Timestamp,
}

/// The complete lists, by filter as typed.
#[derive(Debug, Default)]
pub(in crate::app) struct CompleteLists(HashMap<String, CompleteList>);

impl CompleteLists {
    /// Adds the list of a filter.
    pub(in crate::app) fn insert(&mut self, filter: &str, list: CompleteList) {
        self.0.insert(filter.to_owned(), list);
    }

    /// Forgets all lists.
    pub(in crate::app) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns whether a list of all alerts was read completely.
    pub(in crate::app) fn has_all_alerts(&self) -> bool {
        self.0.values().any(|list| list.scope == Scope::All)
    }

    /// Returns a complete list that contains all alerts of a filter, if there is one.
    pub(in crate::app) fn covering(&self, filter: &str, scope: &Scope) -> Option<&CompleteList> {
        let others = || self.0.values().find(|list| list.scope == Scope::All || list.scope == *scope);
        self.0.get(filter).or_else(others)
    }
}
