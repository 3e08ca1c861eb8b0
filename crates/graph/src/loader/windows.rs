//! The windows into which a list is divided: intervals of `createdDateTime` that are read
//! concurrently, each as its own chain of pages (docs/architecture.md, "Loading").
//!
//! This module is a state machine without a client, a clock or alerts. Neighbouring windows share
//! their bounds, which are inclusive. The newest window has no upper bound and the oldest has no
//! lower bound, so every alert belongs to a window. Alerts without a creation time have a window of
//! their own.
//!
//! A free stream takes over the older part of the window with the most alerts left. The order of
//! alerts within a list is not documented, so a window is split only if its alerts have arrived
//! newest first so far. Its chain is then suspended where the other part begins. The order may
//! still change later on, so if fewer alerts than the service counted have been read at the end,
//! the suspended chains are read to their ends.

use alertdeck_model::Timestamp;
use alertdeck_odata::{Expr, Literal, Operator, Property};

/// The maximum number of concurrent page requests.
pub(super) const STREAMS: usize = 8;
/// The longest time span assumed for a list, in days.
const LONGEST: i64 = 400;
const TICKS_PER_DAY: i64 = 24 * 60 * 60 * 10_000_000;

/// The alerts that belong to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    /// The alerts created in this interval. A missing bound leaves that side unlimited.
    Created { from: Option<Timestamp>, to: Option<Timestamp> },
    /// The alerts without a creation time.
    Undated,
}

impl Bounds {
    /// Returns a filter for the alerts that match `list`, if given, and belong to the window.
    pub(super) fn within(self, list: Option<&Expr>) -> Expr {
        let created = |operator, literal| Expr::Compare(Property::CreatedDateTime, operator, literal);
        let (from, to) = match self {
            Self::Created { from, to } => {
                let bound = |operator, at: Option<Timestamp>| Some(created(operator, Literal::Time(at?)));
                (bound(Operator::Ge, from), bound(Operator::Le, to))
            }
            Self::Undated => (Some(created(Operator::Eq, Literal::Null)), None),
        };
        Expr::and(list.cloned().into_iter().chain(from).chain(to))
    }
}

/// The creation times of the alerts on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) newest: Timestamp,
    pub(super) oldest: Timestamp,
    /// True if no alert is newer than the one before it.
    pub(super) falls: bool,
}

impl Times {
    /// Returns the times on a page; `None` if the page is empty or a time is missing.
    pub(super) fn of(created: impl IntoIterator<Item = Option<Timestamp>>) -> Option<Self> {
        let mut times: Option<(Self, Timestamp)> = None;
        for at in created {
            let at = at?;
            times = Some(match times {
                None => (Self { newest: at, oldest: at, falls: true }, at),
                Some((Self { newest, oldest, falls }, last)) => {
                    (Self { newest: newest.max(at), oldest: oldest.min(at), falls: falls && at <= last }, at)
                }
            });
        }
        times.map(|(times, _)| times)
    }
}

/// The details of a page that the plan needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageFacts {
    /// The number of alerts.
    pub(super) alerts: u64,
    pub(super) times: Option<Times>,
    /// The number of alerts in the chain, as counted by the service.
    pub(super) count: Option<u64>,
    /// True if there is no next page.
    pub(super) is_last: bool,
    /// The number of distinct alerts that the load has read, including this page.
    pub(super) known: u64,
}

/// A page request to make next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Request the first page of this window.
    Open(usize, Bounds),
    /// Request the next page of this window.
    Next(usize),
}

/// A window's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No page has been requested yet.
    Waiting,
    /// A page request is in progress.
    Requested,
    /// A page has arrived, and more pages follow.
    Ready,
    /// The rest of the chain belongs to another window.
    Suspended,
    /// The chain has finished.
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    bounds: Bounds,
    state: State,
    /// The assumed times of the oldest and the newest alert, used where the window has no bound.
    assumed: (Timestamp, Timestamp),
    /// The number of alerts left to read, exact or estimated.
    left: u64,
    /// True if a page has arrived.
    is_begun: bool,
    /// The oldest creation time on the most recent page whose times are known.
    reach: Option<Timestamp>,
    /// The average time between alerts on the most recent page whose times are known, in ticks.
    distance: f64,
    /// True if the alerts read so far arrived newest first.
    falls: bool,
    /// The creation time from which another window reads the older alerts, if any.
    cut: Option<Timestamp>,
    /// The turn in which the window was last split, if no page has arrived since. The window cannot
    /// be split in a later turn until a page has arrived.
    split_in: Option<u32>,
    /// The window from which this one was split, and the estimated number of alerts that it took
    /// over; `None` once its first page has given the actual number.
    split_from: Option<(usize, u64)>,
}

impl Window {
    fn new(bounds: Bounds, assumed: (Timestamp, Timestamp), left: u64) -> Self {
        Self {
            bounds,
            state: State::Waiting,
            assumed,
            left,
            is_begun: false,
            reach: None,
            distance: 0.0,
            falls: true,
            cut: None,
            split_in: None,
            split_from: None,
        }
    }

    fn is_runnable(&self) -> bool {
        matches!(self.state, State::Waiting | State::Ready)
    }

    /// Orders windows from the newest to the oldest.
    fn age(&self) -> impl Ord + use<> {
        match self.bounds {
            Bounds::Created { to, .. } => (false, std::cmp::Reverse(to.unwrap_or(Timestamp::MAX))),
            Bounds::Undated => (true, std::cmp::Reverse(Timestamp::MIN)),
        }
    }

    /// Returns the estimated times of the oldest and the newest alert left to read, assuming the
    /// same density as on the most recent page.
    fn unread(&self) -> Option<(Timestamp, Timestamp)> {
        let Bounds::Created { from, to } = self.bounds else { return None };
        let bound = self.cut.or(from);
        let Some(last) = self.reach else {
            return Some((bound.unwrap_or(self.assumed.0), to.unwrap_or(self.assumed.1)));
        };
        let back = (self.distance * self.left as f64) as i64;
        let dense = Timestamp::from_ticks(last.ticks().saturating_sub(back)).max(Timestamp::MIN);
        Some((bound.map_or(dense, |bound| bound.max(dense)), last))
    }

    /// Returns the time at which to split the window, and the estimated number of alerts in the
    /// older part. One page, of `size` alerts, always stays with the window, since it is requested
    /// next.
    fn division(&self, size: u64, turn: u32) -> Option<(Timestamp, u64)> {
        let is_open = match self.state {
            State::Waiting => true,
            State::Requested | State::Ready => self.reach.is_some(),
            State::Suspended | State::Ended => false,
        };
        let is_known = self.split_in.is_none_or(|last| last == turn);
        if !is_open || !is_known || !self.falls || self.left < 3 * size {
            return None;
        }
        let (oldest, newest) = self.unread()?;
        let share = (self.left - size) / 2;
        let span = newest.ticks().checked_sub(oldest.ticks())?;
        let at = oldest.ticks() + (span as f64 * share as f64 / self.left as f64) as i64;
        let at = Timestamp::from_ticks(at);
        (oldest < at && at < newest && share > 0).then_some((at, share))
    }
}

/// The windows into which a list is divided.
#[derive(Debug)]
pub(super) struct Windows {
    parts: Vec<Window>,
    /// The number of alerts on a full page.
    size: u64,
    /// True if `size` has been observed, false if it is assumed.
    is_size_known: bool,
    /// The number of alerts in the list, as counted by the service.
    total: u64,
    /// The number of distinct alerts read so far.
    known: u64,
    /// The current limit on concurrent page requests.
    streams: usize,
    /// The number of pages that have arrived since `streams` last changed.
    steady: usize,
    /// True if suspended chains are being read to their ends.
    resumed: bool,
    /// The number of calls to [`Windows::steps`] so far.
    turn: u32,
}

impl Windows {
    /// Divides a list into windows, given its first page and its total number of alerts. Returns
    /// `None` if the list is too short or a time on the first page is missing. `size` is the number
    /// of alerts on a full page.
    pub(super) fn divide(first: PageFacts, total: u64, size: u64) -> Option<Self> {
        let times = first.times?;
        let count = total.div_ceil(size.max(1)).min(STREAMS as u64);
        if count < 3 {
            return None;
        }
        // The first page is a poor sample, but good enough for a start, since windows are split as
        // soon as more is known.
        let sample = times.newest.ticks().saturating_sub(times.oldest.ticks());
        let span = sample as f64 * total as f64 / first.alerts.max(1) as f64;
        let span = (span as i64).clamp(TICKS_PER_DAY / 24, LONGEST * TICKS_PER_DAY);
        let bound = |number: u64| {
            let back = span as f64 * number as f64 / count as f64;
            Timestamp::from_ticks(times.newest.ticks().saturating_sub(back as i64)).max(Timestamp::MIN)
        };
        let assumed = (bound(count), times.newest);
        let mut parts: Vec<_> = (0..count)
            .map(|number| {
                let to = (number > 0).then(|| bound(number));
                let from = (number + 1 < count).then(|| bound(number + 1));
                Window::new(Bounds::Created { from, to }, assumed, total / count)
            })
            .collect();
        parts.push(Window::new(Bounds::Undated, assumed, 0));
        Some(Self {
            parts,
            size: size.max(1),
            is_size_known: false,
            total,
            known: first.known,
            streams: STREAMS,
            steady: 0,
            resumed: false,
            turn: 0,
        })
    }

    /// Returns a window's bounds.
    pub(super) fn bounds(&self, window: usize) -> Bounds {
        self.parts[window].bounds
    }

    /// Returns whether at least as many alerts have been read as the service counted.
    pub(super) fn has_all(&self) -> bool {
        self.known >= self.total
    }

    /// Records the arrival of a page for a window.
    pub(super) fn arrived(&mut self, number: usize, page: PageFacts) {
        self.known = page.known;
        if !page.is_last {
            self.size = if self.is_size_known { self.size.max(page.alerts) } else { page.alerts.max(1) };
            self.is_size_known |= page.alerts > 0;
        }
        let window = &mut self.parts[number];
        let split_from = window.split_from.take();
        if let (false, Some(count)) = (std::mem::replace(&mut window.is_begun, true), page.count) {
            window.left = count;
            if let Some((other, assumed)) = split_from {
                let other = &mut self.parts[other];
                other.left = (other.left + assumed).saturating_sub(count);
            }
        }
        let window = &mut self.parts[number];
        window.split_in = None;
        window.left = window.left.saturating_sub(page.alerts);
        if page.alerts > 0 {
            window.falls &= page
                .times
                .is_some_and(|times| times.falls && window.reach.is_none_or(|last| times.newest <= last));
        }
        if let Some(times) = page.times {
            window.reach = Some(times.oldest);
            let span = times.newest.ticks().saturating_sub(times.oldest.ticks());
            window.distance = span as f64 / page.alerts.max(1) as f64;
        }
        let is_past_cut = window.cut.zip(window.reach).is_some_and(|(cut, last)| last < cut);
        window.state = match page.is_last {
            true => State::Ended,
            false if is_past_cut && window.falls && !self.resumed => State::Suspended,
            false => State::Ready,
        };
        self.steady += 1;
        if self.steady >= 2 * self.streams {
            self.streams = (self.streams + 1).min(STREAMS);
            self.steady = 0;
        }
    }

    /// Returns whether any page request is in progress.
    pub(super) fn is_reading(&self) -> bool {
        self.parts.iter().any(|window| window.state == State::Requested)
    }

    /// Ends a window that the service rejected.
    pub(super) fn refused(&mut self, window: usize) {
        self.parts[window].state = State::Ended;
    }

    /// Halves the number of concurrent requests after the service has throttled one. The number
    /// grows again as pages arrive.
    pub(super) fn throttled(&mut self) {
        // All requests in progress are throttled together, so they count as one.
        if self.steady > 0 || self.streams == STREAMS {
            self.streams = (self.streams / 2).max(1);
            self.steady = 0;
        }
    }

    /// Returns the requests to make now. If there are none, and no request is in progress, nothing
    /// is left to read.
    pub(super) fn steps(&mut self) -> Vec<Step> {
        let is_idle = !self.is_reading() && !self.parts.iter().any(Window::is_runnable);
        if is_idle && !self.resumed && !self.has_all() {
            self.resumed = true;
            for window in self.parts.iter_mut().filter(|window| window.state == State::Suspended) {
                window.state = State::Ready;
            }
        }
        self.turn += 1;
        let requested = self.parts.iter().filter(|window| window.state == State::Requested).count();
        let free = self.streams.saturating_sub(requested);
        let mut runnable = self.parts.iter().filter(|window| window.is_runnable()).count();
        while runnable < free && !self.resumed && self.split() {
            runnable += 1;
        }
        let mut next: Vec<_> =
            (0..self.parts.len()).filter(|number| self.parts[*number].is_runnable()).collect();
        next.sort_by_key(|number| self.parts[*number].age());
        let start = |number: usize| {
            let window = &mut self.parts[number];
            let step = match window.state {
                State::Waiting => Step::Open(number, window.bounds),
                _ => Step::Next(number),
            };
            window.state = State::Requested;
            step
        };
        next.into_iter().take(free).map(start).collect()
    }

    /// Splits the window with the most alerts left. Returns false if no window can be split.
    fn split(&mut self) -> bool {
        let division = |(number, window): (usize, &Window)| {
            window.division(self.size, self.turn).map(|division| (window.left, number, division))
        };
        let longest = self.parts.iter().enumerate().filter_map(division).max_by_key(|(left, ..)| *left);
        let Some((_, number, (at, share))) = longest else { return false };
        let window = &mut self.parts[number];
        let Bounds::Created { from, to } = window.bounds else { return false };
        let bounds = Bounds::Created { from: window.cut.or(from), to: Some(at) };
        let oldest = window.unread().map_or(window.assumed.0, |(oldest, _)| oldest);
        let mut part = Window::new(bounds, (oldest, at), share);
        window.left -= share;
        window.split_in = Some(self.turn);
        if window.state == State::Waiting {
            window.bounds = Bounds::Created { from: Some(at), to };
        } else {
            window.cut = Some(at);
            part.split_from = Some((number, share));
        }
        self.parts.push(part);
        true
    }
}
