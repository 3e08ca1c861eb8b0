//! New and changed alerts: their signs in the list, moving to the next new alert, and notifications
//! outside the console (docs/console.md, "Live polling").

use std::{fmt, time::Duration};

use super::{App, Effect, format::thousands, groups::Lines, job::JobType};
use alertdeck_model::{SafeText, Severity, Timestamp};
use alertdeck_query as query;
use alertdeck_store::{Absorbed, FeedId, Row};

/// The maximum age of an alert that triggers a notification. New alerts may first become visible
/// long after they were created (docs/graph-api.md, "Polling").
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The notification settings from the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    /// The filter that a new alert must match to trigger a notification.
    pub filter: String,
    /// The method used to notify the user.
    pub method: NotifyMethod,
}

/// A method of notifying the user through the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyMethod {
    /// The terminal bell, which works in every terminal and multiplexer.
    #[default]
    Bell,
    /// A desktop notification sent with OSC 9, which iTerm2 introduced.
    Osc9,
    /// A desktop notification sent with OSC 777, which urxvt introduced.
    Osc777,
}

impl NotifyMethod {
    /// All methods, with their names in the config file.
    pub const ALL: [(&'static str, Self); 3] =
        [("bell", Self::Bell), ("osc-9", Self::Osc9), ("osc-777", Self::Osc777)];
}

/// A notification about new alerts. It contains no text from an alert, so that nothing in it can be
/// forged (docs/security.md, "Notifications").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The number of new alerts.
    pub alerts: usize,
    /// The wire name of the highest declared severity among the new alerts, if any has one.
    pub severity: Option<&'static str>,
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.alerts == 1 { "" } else { "s" };
        write!(f, "{} new alert{s}", thousands(self.alerts))?;
        match self.severity {
            Some(severity) if self.alerts == 1 => write!(f, ", severity {severity}"),
            Some(severity) => write!(f, ", highest severity {severity}"),
            None => Ok(()),
        }
    }
}

impl Notification {
    /// Adds an alert with this severity to the notification.
    fn add(&mut self, severity: &Severity) {
        let rank = |name: &str| Severity::read(name).rank();
        let declared =
            Severity::MEMBERS.iter().find(|(_, member)| member == severity && member.rank().is_some());
        self.alerts += 1;
        self.severity =
            self.severity.into_iter().chain(declared.map(|(name, _)| *name)).max_by_key(|name| rank(name));
    }
}

/// The numbers of new and changed alerts found by a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    new: usize,
    changed: usize,
}

impl Found {
    /// Returns the text of the notice that reports the refresh's result.
    pub(super) fn sentence(self) -> String {
        match self {
            Self { new: 0, changed: 0 } => "refreshed: nothing new".to_owned(),
            Self { new, changed: 0 } => format!("refreshed: {} new", thousands(new)),
            Self { new: 0, changed } => format!("refreshed: {} changed", thousands(changed)),
            Self { new, changed } => {
                format!("refreshed: {} new, {} changed", thousands(new), thousands(changed))
            }
        }
    }
}

impl App {
    /// Marks alerts from a running fetch as new or changed. A poll marks all such alerts, as does a
    /// fetch that rereads a complete list. Any other list fetch marks only alerts created or
    /// updated since the last visit, if the time of that visit is known.
    pub(super) fn mark_arrivals(&mut self, id: FeedId, job_type: JobType, absorbed: &Absorbed) {
        let Some(feed) = self.feeds.get(id) else { return };
        let is_list = job_type == JobType::List;
        if job_type == JobType::Poll || is_list && feed.list.marks_changes() {
            let is_old = |row: &&Row| !self.list.new.contains(**row);
            let changed: Vec<_> = absorbed.changed.iter().filter(is_old).copied().collect();
            if let Some(found) = self.list.found.as_mut().filter(|_| is_list) {
                found.new += absorbed.new.len();
                found.changed += changed.len();
            }
            self.list.new.extend(&absorbed.new);
            self.list.changed.extend(changed);
        } else if is_list && let Some(visit) = feed.cache.cached().and_then(|cached| cached.last_visit) {
            let is_after = |at: Option<Timestamp>| at.is_some_and(|at| at > visit);
            let is_new = |row: &Row| is_after(self.store.facts(*row).created());
            let (new, known): (Vec<_>, Vec<_>) = absorbed.new.iter().copied().partition(is_new);
            let is_changed = |row: &Row| is_after(self.store.facts(*row).last_update());
            self.list.new.extend(&new);
            self.list.changed.extend(known.into_iter().filter(is_changed));
        }
        if job_type == JobType::Poll {
            self.count_for_notification(&absorbed.new);
        }
    }

    /// Counts the new alerts that trigger a notification. Alerts older than [`MAX_AGE`] are
    /// ignored, because a poll also returns old alerts that have changed and were not loaded
    /// before.
    fn count_for_notification(&mut self, new: &[Row]) {
        let Some(notify) = self.settings.notify.as_ref().filter(|_| !new.is_empty()) else { return };
        // The filter may refer to the current time, so compile it for each batch.
        match query::compile(&notify.filter, &self.query_context()) {
            Ok(plan) => {
                let since = self.clock.now.wall.before(MAX_AGE);
                let is_recent = |row: &&Row| self.store.facts(**row).created().is_none_or(|at| at >= since);
                let is_wanted = |row: &&Row| is_recent(row) && plan.test.matches(&self.store, **row);
                for row in new.iter().filter(is_wanted) {
                    self.list.notification.add(self.store.facts(*row).severity());
                }
            }
            Err(diagnostics) => {
                let why =
                    diagnostics.first().map(|diagnostic| diagnostic.message.as_str()).unwrap_or_default();
                self.notify_error(format!("no notifications: {}", SafeText::new(why).line()));
            }
        }
    }

    /// Sends a notification about the new alerts counted during a poll, if there are any.
    pub(super) fn send_notification(&mut self, effects: &mut Vec<Effect>) {
        let notification = std::mem::take(&mut self.list.notification);
        if notification.alerts > 0 {
            effects.push(Effect::Notify(notification));
        }
    }

    /// Moves the cursor to the next new alert below it or, if there is none, to the first new alert
    /// in the list.
    pub(super) fn go_to_new(&mut self) {
        let at = self.list.scroll.cursor;
        let is_new = |row: Row| self.list.new.contains(row) && !self.view.is_stale(row);
        let lines = Lines::new(&self.view, self.groups.as_ref());
        let has_new = !self.list.new.is_empty();
        let next = has_new.then(|| lines.find(at + 1, is_new).or_else(|| lines.find(0, is_new))).flatten();
        if let Some(next) = next {
            let height = self.list_height();
            return self.list.go_to(lines, next, height);
        }
        self.notify("no new alerts in the list");
    }

    /// Marks all matching alerts as seen by clearing their new and changed signs.
    pub(super) fn mark_seen(&mut self) {
        if !self.knows_matching() {
            return;
        }
        let matching = self.view.matching();
        let (new, changed) = (self.list.new.common(matching), self.list.changed.common(matching));
        self.list.new.subtract(matching);
        self.list.changed.subtract(matching);
        self.notify(match (new, changed) {
            (0, 0) => "no new or changed alerts".to_owned(),
            (new, 0) => format!("{} new marked as seen", thousands(new)),
            (0, changed) => format!("{} changed marked as seen", thousands(changed)),
            (new, changed) => {
                format!("{} new, {} changed marked as seen", thousands(new), thousands(changed))
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notification_names_the_highest_declared_severity() {
        let of = |severities: &[&str]| {
            let mut notification = Notification::default();
            for severity in severities {
                notification.add(&Severity::read(severity));
            }
            notification.to_string()
        };
        assert_eq!(of(&["low"]), "1 new alert, severity low");
        assert_eq!(of(&["low", "HIGH", "medium", "]9;\x07"]), "4 new alerts, highest severity high");
        assert_eq!(of(&["unknown", "\x1b]9;x"]), "2 new alerts");
    }
}
