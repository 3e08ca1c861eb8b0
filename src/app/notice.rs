//! What the user is told in a line that goes away by itself.
//!
//! An answer to a key gives way to the next key. How something ended that was begun a while ago may
//! come amid keys: it stands for a moment whatever is pressed, and what comes meanwhile waits.

use std::time::Duration;

use super::App;

/// How long a notice stands.
const STANDS: Duration = Duration::from_secs(6);
/// How long one stands that nothing takes the place of.
const HELD: Duration = Duration::from_secs(2);

/// A line for the user, which goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words; safe to show.
    pub text: String,
    /// Whether something went wrong.
    pub bad: bool,
    /// Whether it stands for a moment whatever is pressed.
    held: bool,
    /// When it came up, since the start.
    since: Duration,
}

impl Notice {
    fn is_held(&self, mono: Duration) -> bool {
        self.held && mono < self.since + HELD
    }
}

impl App {
    pub(super) fn notify(&mut self, text: impl Into<String>) {
        self.push_notice(text.into(), false, false);
    }

    pub(super) fn notify_error(&mut self, text: impl Into<String>) {
        self.push_notice(text.into(), true, false);
    }

    /// Tells how something ended that was begun a while ago.
    pub(super) fn notify_completed(&mut self, text: String, bad: bool) {
        self.push_notice(text, bad, true);
    }

    fn push_notice(&mut self, text: String, bad: bool, held: bool) {
        let notice = Notice { text, bad, held, since: self.clock.now.mono };
        if self.notice_is_held() {
            // Of the answers to keys only the last one matters.
            self.notices.retain(|waiting| waiting.held);
            self.notices.push_back(notice);
        } else {
            self.notice = Some(notice);
        }
    }

    fn notice_is_held(&self) -> bool {
        self.notice.as_ref().is_some_and(|notice| notice.is_held(self.clock.now.mono))
    }

    /// Takes the notice away that a key has answered.
    pub(super) fn drop_notice(&mut self) {
        self.notices.retain(|waiting| waiting.held);
        if !self.notice_is_held() {
            self.notice = self.next_notice();
        }
    }

    fn next_notice(&mut self) -> Option<Notice> {
        let next = self.notices.pop_front()?;
        Some(Notice { since: self.clock.now.mono, ..next })
    }

    /// Takes the notice away that has stood long enough, and shows the one that has waited.
    pub(super) fn settle_notice(&mut self) {
        if !self.notice_is_held()
            && let Some(next) = self.next_notice()
        {
            self.notice = Some(next);
        }
        let mono = self.clock.now.mono;
        self.notice.take_if(|notice| mono >= notice.since + STANDS);
    }

    /// When a notice goes or comes, since the start.
    pub(super) fn notice_due(&self) -> Option<Duration> {
        let stands = if self.notices.is_empty() { STANDS } else { HELD };
        self.notice.as_ref().map(|notice| notice.since + stands)
    }
}
