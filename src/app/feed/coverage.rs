//! The coverage of a feed's loaded alerts: which lists are complete, and how the screen describes
//! the coverage.

use std::collections::HashMap;

use alertdeck_model::Timestamp;
use alertdeck_store::RowSet;

use super::backfill::DAYS;
use crate::app::{format::thousands, job::Scope};

/// How much a count over all loaded alerts covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The number of loaded alerts.
    pub loaded: usize,
    /// The extent of the coverage.
    pub extent: Extent,
}

/// How much the loaded alerts cover, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Only what has been fetched so far.
    Partial,
    /// Only what has been fetched so far; the last 30 days are being loaded.
    RecentLoading,
    /// At least every alert from the last 30 days.
    Recent,
    /// Every alert in the tenant or the files.
    All,
}

impl Coverage {
    /// Returns the text for a title: `counts from 300 loaded alerts · loading the last 30 days`, or
    /// `counts from 300 alerts · loading 30 days` if `short`.
    pub fn title(self, dot: &str, short: bool) -> String {
        let (loaded, s) = (thousands(self.loaded), if self.loaded == 1 { "" } else { "s" });
        match self.extent.words(short) {
            Some(extent) if short => format!("counts from {loaded} alert{s} {dot} {extent}"),
            Some(extent) => format!("counts from {loaded} loaded alert{s} {dot} {extent}"),
            None => format!("counts from {loaded} alert{s} loaded so far"),
        }
    }

    /// Returns the text for the header: `300 loaded · loading the last 30 days`, or
    /// `300 · loading 30 days` if `short`.
    pub fn summary(self, dot: &str, short: bool) -> String {
        let (loaded, word) = (thousands(self.loaded), if short { "" } else { " loaded" });
        match self.extent.words(short) {
            Some(extent) => format!("{loaded}{word} {dot} {extent}"),
            None => format!("{loaded}{word} so far"),
        }
    }
}

impl Extent {
    /// Returns a phrase that says what is complete or loading; `None` for [`Extent::Partial`].
    fn words(self, short: bool) -> Option<String> {
        match self {
            Self::All => Some("complete".to_owned()),
            Self::Recent => Some(format!("{DAYS} days complete")),
            Self::RecentLoading if short => Some(format!("loading {DAYS} days")),
            Self::RecentLoading => Some(format!("loading the last {DAYS} days")),
            Self::Partial => None,
        }
    }
}

/// A fully loaded list.
#[derive(Clone, Debug)]
pub(in crate::app) struct CompleteList {
    /// The scope of the list.
    pub(in crate::app) scope: Scope,
    /// The alerts in the list.
    pub(in crate::app) read: RowSet,
    /// The number of alerts, as counted by the service.
    pub(in crate::app) total: Option<u64>,
    /// When the list was completed.
    pub(in crate::app) at: Timestamp,
}

/// The complete lists, keyed by the filter as typed.
#[derive(Debug, Default)]
pub(in crate::app) struct CompleteLists(HashMap<String, CompleteList>);

impl CompleteLists {
    /// Adds the list for a filter.
    pub(in crate::app) fn insert(&mut self, filter: &str, list: CompleteList) {
        self.0.insert(filter.to_owned(), list);
    }

    /// Removes all lists.
    pub(in crate::app) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns whether a complete list of all alerts has been read.
    pub(in crate::app) fn has_all_alerts(&self) -> bool {
        self.0.values().any(|list| list.scope == Scope::All)
    }

    /// Returns a complete list that contains every alert matching the filter, if there is one.
    pub(in crate::app) fn covering(&self, filter: &str, scope: &Scope) -> Option<&CompleteList> {
        let others = || self.0.values().find(|list| list.scope == Scope::All || list.scope == *scope);
        self.0.get(filter).or_else(others)
    }
}
