//! Tracks the changes that are not visible yet, and the old values that reads return until then.
//!
//! An alert or a list that is read shortly after a change may contain the old values
//! (docs/graph-api.md, "Updating alerts"). This module is independent of HTTP.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::store::StoredAlert;
use alertdeck_model::Timestamp;

/// The changes that reads do not yet show.
#[derive(Default)]
pub(super) struct Visibility {
    /// The time for which every change stays invisible.
    delay: Duration,
    /// If true, reads return the values from before each alert's last change.
    pub(super) shows_previous: bool,
    /// The number of reads that do not show an alert's next change, keyed by the alert's ID.
    scheduled: HashMap<String, u32>,
    /// Each alert's invisible changes, oldest first, keyed by the alert's ID.
    hidden: HashMap<String, VecDeque<Hidden>>,
    /// Each changed alert's values from before its last change, keyed by the alert's ID.
    previous: HashMap<String, StoredAlert>,
}

/// An invisible change.
struct Hidden {
    /// The alert's values from before the change.
    before: StoredAlert,
    until: Until,
}

/// The condition under which a change becomes visible.
#[derive(Clone, Copy)]
enum Until {
    Time(Timestamp),
    /// After this number of reads.
    Reads(u32),
}

impl Visibility {
    pub(super) fn new(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// Hides the next change to an alert from the given number of reads.
    pub(super) fn schedule(&mut self, id: &str, reads: u32) {
        self.scheduled.insert(id.to_owned(), reads);
    }

    /// Makes all changes to an alert visible. If its next change was going to be hidden, it is not.
    pub(super) fn reveal(&mut self, id: &str) {
        self.scheduled.remove(id);
        self.hidden.remove(id);
    }

    /// Records a change that was made at `now`, with the alert's values from before the change.
    pub(super) fn note_change(&mut self, id: &str, before: StoredAlert, now: Timestamp) {
        let until = match self.scheduled.remove(id) {
            Some(reads) => (reads > 0).then_some(Until::Reads(reads)),
            None => (!self.delay.is_zero()).then(|| Until::Time(now.after(self.delay))),
        };
        if let Some(until) = until {
            let hidden = Hidden { before: before.clone(), until };
            self.hidden.entry(id.to_owned()).or_default().push_back(hidden);
        }
        self.previous.insert(id.to_owned(), before);
    }

    /// Returns the old values that reads return instead of an alert's current values, if any.
    pub(super) fn shown(&self, id: &str) -> Option<&StoredAlert> {
        if self.shows_previous {
            return self.previous.get(id);
        }
        self.hidden.get(id)?.front().map(|hidden| &hidden.before)
    }

    /// Reveals the changes whose delay has elapsed by `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.drop_first(|hidden| matches!(hidden.until, Until::Time(end) if end <= now));
    }

    /// Counts a read of an alert, or of all alerts.
    pub(super) fn count_read(&mut self, id: Option<&str>) {
        for (alert, hidden) in &mut self.hidden {
            let is_read = id.is_none_or(|id| id == alert);
            if let Some(Hidden { until: Until::Reads(left), .. }) = hidden.front_mut().filter(|_| is_read) {
                *left = left.saturating_sub(1);
            }
        }
        self.drop_first(|hidden| matches!(hidden.until, Until::Reads(0)));
    }

    /// Drops each alert's oldest changes, up to the first one that is still invisible.
    fn drop_first(&mut self, is_visible: impl Fn(&Hidden) -> bool) {
        self.hidden.retain(|_, hidden| {
            while hidden.front().is_some_and(&is_visible) {
                hidden.pop_front();
            }
            !hidden.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert(status: &str) -> StoredAlert {
        StoredAlert::new(&json!({"id": "a", "status": status}))
    }

    fn shown(visibility: &Visibility) -> Option<&str> {
        visibility.shown("a").and_then(|alert| alert.summary["status"].as_str())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn each_change_becomes_visible_after_its_delay() {
        let mut visibility = Visibility::new(Duration::from_secs(5));
        visibility.note_change("a", alert("new"), at(10));
        visibility.note_change("a", alert("inProgress"), at(12));
        let expected = [(14, Some("new")), (15, Some("inProgress")), (16, Some("inProgress")), (17, None)];
        for (second, status) in expected {
            visibility.advance(at(second));
            assert_eq!(shown(&visibility), status, "second {second}");
        }
    }

    #[test]
    fn a_scheduled_change_is_invisible_to_that_many_reads() {
        let mut visibility = Visibility::default();
        visibility.schedule("a", 2);
        assert_eq!(shown(&visibility), None, "nothing has changed yet");
        visibility.note_change("a", alert("new"), at(0));
        visibility.count_read(Some("b"));
        visibility.count_read(Some("a"));
        assert_eq!(shown(&visibility), Some("new"));
        visibility.count_read(None);
        assert_eq!(shown(&visibility), None);
        visibility.note_change("a", alert("inProgress"), at(1));
        assert_eq!(shown(&visibility), None, "only one change was scheduled");
    }

    #[test]
    fn revealing_ends_the_wait() {
        let mut visibility = Visibility::default();
        visibility.schedule("a", u32::MAX);
        visibility.note_change("a", alert("new"), at(0));
        visibility.reveal("a");
        assert_eq!(shown(&visibility), None);
        visibility.shows_previous = true;
        assert_eq!(shown(&visibility), Some("new"));
    }
}
