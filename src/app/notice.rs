//! Notices: one line for the user, which goes away by itself.
//!
//! The answer to a key gives way to the next key. The end of a job that was started a while ago may
//! come amid keys: it stays for a moment whatever is pressed, and what comes meanwhile waits.

use std::{collections::VecDeque, time::Duration};

use super::App;

/// How long a notice stays.
const STAYS: Duration = Duration::from_secs(6);
/// How long one stays that nothing may replace.
const HELD: Duration = Duration::from_secs(2);

/// A line for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The text; safe to show.
    pub text: String,
    /// Whether it is an error.
    pub error: bool,
    /// Whether it stays for a moment whatever is pressed.
    held: bool,
    /// When it appeared, since the start.
    since: Duration,
}

impl Notice {
    fn is_held(&self, mono: Duration) -> bool {
        self.held && mono < self.since + HELD
    }
}

/// The notice on the screen, and those that wait for its place.
#[derive(Debug, Default)]
pub struct Notices {
    current: Option<Notice>,
    waiting: VecDeque<Notice>,
}

impl Notices {
    /// Returns the notice on the screen.
    pub fn current(&self) -> Option<&Notice> {
        self.current.as_ref()
    }

    fn is_held(&self, mono: Duration) -> bool {
        self.current.as_ref().is_some_and(|notice| notice.is_held(mono))
    }

    fn push(&mut self, text: String, error: bool, held: bool, mono: Duration) {
        let notice = Notice { text, error, held, since: mono };
        if self.is_held(mono) {
            // Of the answers to keys only the last one matters.
            self.waiting.retain(|waiting| waiting.held);
            self.waiting.push_back(notice);
        } else {
            self.current = Some(notice);
        }
    }

    /// Removes the notice that a key press answers.
    pub(super) fn answer(&mut self, mono: Duration) {
        self.waiting.retain(|waiting| waiting.held);
        if !self.is_held(mono) {
            self.current = self.next(mono);
        }
    }

    fn next(&mut self, mono: Duration) -> Option<Notice> {
        let next = self.waiting.pop_front()?;
        Some(Notice { since: mono, ..next })
    }

    /// Removes the notice that has stayed long enough, and shows the one that has waited.
    pub(super) fn expire(&mut self, mono: Duration) {
        if !self.is_held(mono)
            && let Some(next) = self.next(mono)
        {
            self.current = Some(next);
        }
        self.current.take_if(|notice| mono >= notice.since + STAYS);
    }

    /// Returns when a notice next appears or goes, since the start.
    pub(super) fn due(&self) -> Option<Duration> {
        let stays = if self.waiting.is_empty() { STAYS } else { HELD };
        self.current.as_ref().map(|notice| notice.since + stays)
    }
}

impl App {
    /// Shows a notice.
    pub(super) fn notify(&mut self, text: impl Into<String>) {
        self.ui.notices.push(text.into(), false, false, self.clock.now.mono);
    }

    /// Shows an error.
    pub(super) fn notify_error(&mut self, text: impl Into<String>) {
        self.ui.notices.push(text.into(), true, false, self.clock.now.mono);
    }

    /// Reports the end of a job that was started a while ago.
    pub(super) fn notify_completed(&mut self, text: String, error: bool) {
        self.ui.notices.push(text, error, true, self.clock.now.mono);
    }
}
