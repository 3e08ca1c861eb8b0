//! A load's plan: decides which pages of which chains to request.
//!
//! This module is a state machine without a client, a clock or alerts. If the first page is not the
//! last, a list with only a few more pages is read as one chain of next links, and a longer list is
//! read in windows. If the service rejects a window or a window's chain breaks, the list is read
//! again as one chain.

use super::windows::{Bounds, PageFacts, Step, Windows};
use crate::error::Kind;

/// The number of alerts to request on a first page that should arrive early.
pub(super) const FIRST: u32 = 50;
/// The largest page size that the service honours (docs/graph-api.md, "Paging").
pub(super) const LARGEST: u32 = 1000;

/// A chain of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stream {
    /// The first rows of the list.
    First,
    /// The list from its start, or from a bookmark.
    Whole,
    /// A window of the list.
    Window(usize),
}

/// An event that the plan reacts to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A page has arrived.
    Page(Stream, PageFacts),
    /// A chain has failed.
    Failed(Stream, Kind),
    /// The service has throttled a request.
    Throttled,
}

/// An action for the loader to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Request the first page of a chain. Only windows have bounds.
    Open(Stream, Option<Bounds>),
    /// Request the next page of a chain.
    Next(Stream),
    /// Cancel all requests and discard any warning about partial results, because the entire list
    /// is read again.
    StartOver,
    /// End the load.
    End(End),
}

/// How a load ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every chain was read to its end, or to the point where another chain took over.
    Read,
    /// Every chain was read, but the service refused to list the alerts without a creation time,
    /// and it counts more alerts than were read.
    WithoutUndated,
    /// The load failed, with the error from the chain that failed last.
    Failed,
}

#[derive(Debug)]
enum State {
    /// The first rows have been requested, on a page of this size.
    First(u32),
    /// The list is being read as one chain.
    Whole,
    /// The list is being read in windows.
    Windows {
        windows: Windows,
        /// True if the service refused to list the alerts without a creation time.
        undated_refused: bool,
    },
    Ended,
}

/// A load's plan.
#[derive(Debug)]
pub(super) struct Plan(State);

impl Plan {
    /// Plans a load whose first page has the size `first`. Returns the plan and its first effect.
    pub(super) fn new(first: u32) -> (Self, Effect) {
        (Self(State::First(first)), Effect::Open(Stream::First, None))
    }

    /// Plans a load that reads the list as one chain. Returns the plan and its first effect.
    pub(super) fn steady() -> (Self, Effect) {
        (Self(State::Whole), Effect::Open(Stream::Whole, None))
    }

    /// Handles an event and returns the effects to carry out. There are none after [`Effect::End`].
    pub(super) fn on(&mut self, event: Event) -> Vec<Effect> {
        match (&mut self.0, event) {
            (State::First(size), Event::Page(Stream::First, page)) => {
                let size = *size;
                self.first_arrived(page, size)
            }
            (State::Whole, Event::Page(_, page)) if page.is_last => self.end(End::Read),
            (State::Whole, Event::Page(stream, _)) => vec![Effect::Next(stream)],
            (State::Windows { windows, .. }, Event::Page(Stream::Window(number), page)) => {
                windows.arrived(number, page);
                self.proceed()
            }
            (State::Windows { windows, .. }, Event::Throttled) => {
                windows.throttled();
                Vec::new()
            }
            (State::Windows { windows, undated_refused }, Event::Failed(Stream::Window(number), kind)) => {
                if !breaks_window(kind) {
                    return self.end(End::Failed);
                }
                if windows.bounds(number) == Bounds::Undated {
                    *undated_refused = true;
                    windows.refused(number);
                    return self.proceed();
                }
                self.0 = State::Whole;
                vec![Effect::StartOver, Effect::Open(Stream::Whole, None)]
            }
            (State::First(_) | State::Whole, Event::Failed(..)) => self.end(End::Failed),
            _ => Vec::new(),
        }
    }

    fn first_arrived(&mut self, page: PageFacts, asked: u32) -> Vec<Effect> {
        if page.is_last {
            return self.end(End::Read);
        }
        // If the page size differs from the requested one, the service has chosen it.
        let size = if page.alerts == u64::from(asked) { u64::from(LARGEST) } else { page.alerts };
        if let Some(windows) = page.count.and_then(|count| Windows::divide(page, count, size)) {
            self.0 = State::Windows { windows, undated_refused: false };
            return self.proceed();
        }
        self.0 = State::Whole;
        // All pages of a chain are as large as its first page.
        vec![if asked < LARGEST { Effect::Open(Stream::Whole, None) } else { Effect::Next(Stream::First) }]
    }

    /// Requests the next pages of the windows, or ends the load if nothing is left to read.
    fn proceed(&mut self) -> Vec<Effect> {
        let State::Windows { windows, undated_refused } = &mut self.0 else { return Vec::new() };
        let effect = |step| match step {
            Step::Open(number, bounds) => Effect::Open(Stream::Window(number), Some(bounds)),
            Step::Next(number) => Effect::Next(Stream::Window(number)),
        };
        let effects: Vec<_> = windows.steps().into_iter().map(effect).collect();
        if !effects.is_empty() || windows.is_reading() {
            return effects;
        }
        let end = if *undated_refused && !windows.has_all() { End::WithoutUndated } else { End::Read };
        self.end(end)
    }

    fn end(&mut self, end: End) -> Vec<Effect> {
        self.0 = State::Ended;
        vec![Effect::End(end)]
    }
}

/// Returns whether a failure may be caused by the window rather than by the list. If so, other
/// links may still lead to the same alerts.
fn breaks_window(kind: Kind) -> bool {
    match kind {
        Kind::Filter | Kind::NotFound | Kind::Protocol | Kind::ForeignLink | Kind::Loop => true,
        Kind::SignIn
        | Kind::Permission
        | Kind::Throttled
        | Kind::Unavailable
        | Kind::Offline
        | Kind::TooLarge => false,
    }
}

#[cfg(test)]
mod tests;
