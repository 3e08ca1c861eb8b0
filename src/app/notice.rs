//! Notices: messages in the key bar that disappear automatically.
//!
//! A notice in response to a key is replaced by the response to the next key. A notice about a
//! finished job can appear between key presses, so it is protected: it stays for a moment even if a
//! key is pressed, and other notices wait until that moment has passed.

use std::{collections::VecDeque, time::Duration};

use super::App;

/// How long a notice is shown.
const SHOWN_FOR: Duration = Duration::from_secs(6);
/// The minimum time that a notice about a finished job is shown, even if a key is pressed.
const PROTECTED_FOR: Duration = Duration::from_secs(2);

/// The notice shown when there is no value that the filter language can express.
pub(super) const NO_TERM: &str = "nothing to filter by here";
/// The notice shown when there is no value to pivot on.
pub(super) const NO_PIVOT: &str = "nothing to pivot on here";

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The text, sanitised for display.
    pub text: String,
    /// Whether the notice is an error.
    pub error: bool,
    /// Whether the notice cannot be replaced until it has been shown for `PROTECTED_FOR`.
    protected: bool,
    /// When the notice appeared, measured from startup.
    since: Duration,
}

impl Notice {
    fn is_protected(&self, mono: Duration) -> bool {
        self.protected && mono < self.since + PROTECTED_FOR
    }
}

/// The visible notice and those waiting to be shown.
#[derive(Debug, Default)]
pub struct Notices {
    current: Option<Notice>,
    waiting: VecDeque<Notice>,
}

impl Notices {
    /// Returns the visible notice.
    pub fn current(&self) -> Option<&Notice> {
        self.current.as_ref()
    }

    fn is_protected(&self, mono: Duration) -> bool {
        self.current.as_ref().is_some_and(|notice| notice.is_protected(mono))
    }

    fn push(&mut self, text: String, error: bool, protected: bool, mono: Duration) {
        let notice = Notice { text, error, protected, since: mono };
        if self.is_protected(mono) {
            // Only the last response to a key matters.
            self.waiting.retain(|waiting| waiting.protected);
            self.waiting.push_back(notice);
        } else {
            self.current = Some(notice);
        }
    }

    /// Dismisses the visible notice because a key was pressed.
    pub(super) fn dismiss(&mut self, mono: Duration) {
        self.waiting.retain(|waiting| waiting.protected);
        if !self.is_protected(mono) {
            self.current = self.next(mono);
        }
    }

    fn next(&mut self, mono: Duration) -> Option<Notice> {
        let next = self.waiting.pop_front()?;
        Some(Notice { since: mono, ..next })
    }

    /// Shows the next waiting notice once the visible one may be replaced, and removes an expired
    /// notice.
    pub(super) fn expire(&mut self, mono: Duration) {
        if !self.is_protected(mono)
            && let Some(next) = self.next(mono)
        {
            self.current = Some(next);
        }
        self.current.take_if(|notice| mono >= notice.since + SHOWN_FOR);
    }

    /// Returns when the visible notice next changes, measured from startup.
    pub(super) fn due(&self) -> Option<Duration> {
        let stays = if self.waiting.is_empty() { SHOWN_FOR } else { PROTECTED_FOR };
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

    /// Shows the result of a job that was started earlier.
    pub(super) fn notify_completed(&mut self, text: String, error: bool) {
        self.ui.notices.push(text, error, true, self.clock.now.mono);
    }
}
