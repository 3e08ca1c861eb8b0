//! The windows of a list: intervals of `createdDateTime` that are read side by side, each as a chain
//! of pages of its own (docs/architecture.md, "Loading").
//!
//! A state machine without a client, a clock or alerts. Neighbouring windows share their bounds, which
//! are inclusive, and the outer windows are open, so every alert belongs to a window.
//!
//! When a stream is free, it takes over the older part of the window with the most alerts left. The
//! order of alerts within a list is not documented, so only a window whose pages have fallen by
//! `createdDateTime` so far is cut: its chain is suspended where the other part begins. That order may
//! still change further on. So if fewer alerts have been read in the end than the service counted, the
//! suspended chains are read to their ends.

use alertdeck_model::Timestamp;
use alertdeck_odata::{Expr, Literal, Operator, Property};

/// How many pages are requested at the same time.
pub(super) const STREAMS: usize = 8;
/// The longest time that a list is assumed to span, in days.
const LONGEST: i64 = 400;
const TICKS_PER_DAY: i64 = 24 * 60 * 60 * 10_000_000;

/// What belongs to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    /// The alerts that were created in this interval. A missing bound leaves it open.
    Created { from: Option<Timestamp>, to: Option<Timestamp> },
    /// The alerts without a time of creation.
    Undated,
}

impl Bounds {
    /// Restricts a list to the window.
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

/// When the alerts on a page were created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) newest: Timestamp,
    pub(super) oldest: Timestamp,
    /// Whether no alert is newer than the one before it.
    pub(super) falls: bool,
}

impl Times {
    /// Returns the times of a page; `None` if it is empty or a time is missing.
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

/// What the plan needs to know of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageFacts {
    /// The number of alerts.
    pub(super) alerts: u64,
    pub(super) times: Option<Times>,
    /// The number of alerts in the chain, as counted by the service.
    pub(super) count: Option<u64>,
    /// Whether there is no next page.
    pub(super) is_last: bool,
    /// The number of different alerts that the load has read, with this page.
    pub(super) known: u64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Request the first page of this window.
    Open(usize, Bounds),
    /// Request the next page of this window.
    Next(usize),
}

/// The state of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was requested yet.
    Waiting,
    /// A page is requested.
    Requested,
    /// A page has arrived, and there are more.
    Ready,
    /// The rest belongs to another window.
    Suspended,
    /// The chain has ended.
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    bounds: Bounds,
    state: State,
    /// Where the alerts of an open window are assumed to begin and to end: oldest and newest.
    assumed: (Timestamp, Timestamp),
    /// The number of alerts that are left to read, as far as known.
    left: u64,
    /// Whether a page has arrived.
    is_begun: bool,
    /// When the last alert that was read was created.
    reach: Option<Timestamp>,
    /// The time between two alerts on the most recent page that had any, in ticks.
    distance: f64,
    /// Whether the alerts read have fallen by their times of creation.
    falls: bool,
    /// Where another window takes over.
    cut: Option<Timestamp>,
    /// In which turn it was last split, if no page has arrived since. Nothing new is known until then.
    split_in: Option<u32>,
    /// The window that it was split from, and the number of alerts that it was assumed to take over,
    /// until its first page says how many there are.
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

    /// Returns between which times the alerts that are left were created, oldest first, if they are as
    /// dense as on the most recent page.
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

    /// Returns where to split the window, and the number of alerts in the older part. `size` is the size
    /// of a page: the next one is requested for the window in any case.
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

/// The windows of a list.
#[derive(Debug)]
pub(super) struct Windows {
    parts: Vec<Window>,
    /// The number of alerts on a full page.
    size: u64,
    /// Whether that was seen and not assumed.
    is_size_known: bool,
    /// The number of alerts in the list, as counted by the service.
    total: u64,
    /// The number of different alerts that were read.
    known: u64,
    /// How many pages may be requested at the same time.
    streams: usize,
    /// The number of pages since that number has changed.
    steady: usize,
    /// Whether suspended chains are read to their ends.
    resumed: bool,
    /// How often it was decided what to request.
    turn: u32,
}

impl Windows {
    /// Divides a list, given its first page and the number of its alerts; `None` if it is too short.
    /// `size` is the number of alerts on a full page.
    pub(super) fn divide(first: PageFacts, total: u64, size: u64) -> Option<Self> {
        let times = first.times?;
        let count = total.div_ceil(size.max(1)).min(STREAMS as u64);
        if count < 3 {
            return None;
        }
        // The first page is a poor sample. It only has to be good enough for a start, since windows are
        // split as soon as more is known.
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

    /// Returns what a window contains.
    pub(super) fn bounds(&self, window: usize) -> Bounds {
        self.parts[window].bounds
    }

    /// Returns whether at least as many alerts were read as the service counted.
    pub(super) fn has_all(&self) -> bool {
        self.known >= self.total
    }

    /// Takes note of a page of a window.
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

    /// Returns whether a page is requested.
    pub(super) fn is_reading(&self) -> bool {
        self.parts.iter().any(|window| window.state == State::Requested)
    }

    /// Ends a window that the service refused.
    pub(super) fn refused(&mut self, window: usize) {
        self.parts[window].state = State::Ended;
    }

    /// Takes note that the service throttles: fewer pages are requested at the same time, until it has
    /// answered for a while.
    pub(super) fn throttled(&mut self) {
        // All requests under way are throttled together, which counts once.
        if self.steady > 0 || self.streams == STREAMS {
            self.streams = (self.streams / 2).max(1);
            self.steady = 0;
        }
    }

    /// Returns what to request now. Nothing is left to read if nothing is requested any more.
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

    /// Splits the window with the most alerts left. Returns false if none can be split.
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
