//! Live polling: fetches the alerts that have changed since the newest known update.
//!
//! A state machine driven by events. It has no access to jobs or a clock: it returns effects, and
//! events carry the times. The times up to which changes are known come from the service's clock
//! (docs/architecture.md, "Loading").

use std::time::Duration;

use alertdeck_model::Timestamp;
use alertdeck_odata::Property;

use super::{FeedEffect, OVERLAP};
use crate::app::job::{JobKind, JobType, Scope};

/// The times that a running poll has received so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The newest update time among the alerts received.
    newest: Option<Timestamp>,
    /// The time of the first response, by the service's clock.
    answered_at: Option<Timestamp>,
}

/// The state of live polling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PollState {
    /// Polling is off.
    #[default]
    Off,
    /// Polling is on and is waiting for the list.
    Idle,
    /// Polling is on. The next poll is at this time, measured from startup.
    Scheduled(Duration),
    /// A poll is running.
    Running(Received),
    /// Polling was switched off while a poll was running. The poll is allowed to finish.
    Finishing(Received),
}

/// An event for live polling. Durations are measured from startup.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) enum PollEvent {
    /// The user switched polling on.
    SwitchedOn,
    /// The user switched polling off.
    SwitchedOff,
    /// A poll is due. Ignored if polling is off or if the watermark is unknown.
    Begin,
    /// The list fetch or the last poll has finished. The next poll is at this time.
    Schedule(Duration),
    /// A list has been requested, which will include all changes.
    ListRequested,
    /// The service responded to a list request at this time, by its own clock.
    ListAnswered(Option<Timestamp>),
    /// A list has been read completely. Carries the newest update time among its alerts.
    ListRead(Option<Timestamp>),
    /// The service responded with one of the poll's pages at this time, by its own clock.
    Page(Option<Timestamp>),
    /// Alerts from the poll have arrived. Carries the newest update time among them.
    Read(Option<Timestamp>),
    /// The poll has completed. The next poll is at this time.
    Done(Duration),
    /// The poll has failed. The next poll is at this time.
    Failed(Duration),
    /// The running poll is stopped because the user has signed out or stopped loading.
    Interrupted,
    /// Automatic requests must stop.
    NoRetry,
}

/// Live polling for a feed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poll {
    state: PollState,
    /// The time, by the service's clock, up to which all changes are known, except for changes that
    /// become visible late.
    watermark: Option<Timestamp>,
    /// The number of polls completed since the last poll that looked further back.
    short_looks: u32,
    /// Whether the running poll looks further back than usual.
    looks_back: bool,
}

/// The number of regular polls between polls that look further back. With a poll every 15 seconds,
/// a poll looks further back every two minutes.
const SHORT_LOOKS: u32 = 7;
/// How far before the watermark a poll that looks further back starts. Some alerts become visible
/// minutes after their timestamps, when the watermark has already moved past them
/// (docs/graph-api.md, "Polling").
const LOOK_BACK: Duration = Duration::from_secs(60 * 60);

impl Poll {
    /// Returns the state.
    pub fn state(&self) -> PollState {
        self.state
    }

    /// Returns whether live polling is on.
    pub fn is_on(&self) -> bool {
        !matches!(self.state, PollState::Off | PollState::Finishing(_))
    }

    /// Returns whether a poll is running.
    pub fn is_running(&self) -> bool {
        matches!(self.state, PollState::Running(_) | PollState::Finishing(_))
    }

    /// Returns whether a poll is running and looks further back than usual.
    pub fn looks_back(&self) -> bool {
        self.is_running() && self.looks_back
    }

    /// Returns the time of the next scheduled poll, measured from startup.
    pub(in crate::app) fn next(&self) -> Option<Duration> {
        match self.state {
            PollState::Scheduled(at) => Some(at),
            _ => None,
        }
    }

    /// Returns the time up to which all changes have been seen, by the service's clock.
    pub(in crate::app) fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// Handles an event.
    pub(in crate::app) fn on(&mut self, event: PollEvent) -> Vec<FeedEffect> {
        use PollState::{Finishing, Idle, Off, Running, Scheduled};
        let mut effects = Vec::new();
        self.state = match (event, self.state) {
            (PollEvent::SwitchedOn, Off) | (PollEvent::NoRetry, Scheduled(_)) => Idle,
            (PollEvent::SwitchedOn, Finishing(received)) => Running(received),
            (PollEvent::SwitchedOff, Running(received)) => Finishing(received),
            (PollEvent::SwitchedOff, Idle | Scheduled(_)) | (PollEvent::Failed(_), Finishing(_)) => Off,
            (PollEvent::Begin, Idle | Scheduled(_) | Running(_)) if self.watermark.is_some() => {
                effects.extend(self.cancel());
                // The request never filters by status, severity and so on. Otherwise, alerts that
                // no longer match the filter would not be updated (docs/console.md, "Live
                // polling").
                self.looks_back = self.short_looks >= SHORT_LOOKS;
                let overlap = if self.looks_back { LOOK_BACK } else { OVERLAP };
                let since = self.watermark.map(|at| at.before(overlap));
                let scope = since.map(|at| Scope::since(Property::LastUpdateDateTime, at));
                effects.extend(scope.map(|scope| FeedEffect::Start(JobKind::Poll(scope))));
                Running(Received::default())
            }
            (PollEvent::Schedule(at), Idle | Scheduled(_)) => Scheduled(at),
            (PollEvent::ListRequested, state) => {
                effects.extend(self.cancel());
                if self.is_on() { Idle } else { state.stopped() }
            }
            (PollEvent::Interrupted, state) => {
                effects.extend(self.cancel());
                state.stopped()
            }
            (PollEvent::ListAnswered(at), state) => {
                // The next poll covers changes made after the first response.
                self.watermark = match (self.watermark, at) {
                    (Some(before), Some(at)) => Some(before.min(at)),
                    (before, at) => before.or(at),
                };
                state
            }
            (PollEvent::ListRead(newest), state) => {
                // If the service does not send its time, use the newest update in the list instead.
                self.watermark = self.watermark.or(newest);
                state
            }
            (PollEvent::Page(at), Running(received)) => Running(received.answered(at)),
            (PollEvent::Page(at), Finishing(received)) => Finishing(received.answered(at)),
            (PollEvent::Read(newest), Running(received)) => Running(received.read(newest)),
            (PollEvent::Read(newest), Finishing(received)) => Finishing(received.read(newest)),
            (PollEvent::Done(next), Running(received)) => {
                self.advance(received);
                Scheduled(next)
            }
            (PollEvent::Done(_), Finishing(received)) => {
                self.advance(received);
                Off
            }
            (PollEvent::Failed(next), Running(_)) => Scheduled(next),
            (_, state) => state,
        };
        effects
    }

    /// Moves the watermark after a complete poll: all changes up to the newest update are known.
    /// The watermark never exceeds the service's time, so that a single alert dated in the year
    /// 9999 cannot stall polling.
    fn advance(&mut self, received: Received) {
        let seen = received.newest.map(|newest| received.answered_at.map_or(newest, |now| newest.min(now)));
        self.watermark = self.watermark.max(seen);
        self.short_looks = if self.looks_back { 0 } else { self.short_looks + 1 };
    }

    fn cancel(&self) -> Option<FeedEffect> {
        self.is_running().then_some(FeedEffect::Cancel(JobType::Poll))
    }
}

impl PollState {
    /// Returns the state after cancelling the running poll, if any.
    fn stopped(self) -> Self {
        match self {
            Self::Running(_) => Self::Idle,
            Self::Finishing(_) => Self::Off,
            state => state,
        }
    }
}

impl Received {
    fn answered(self, at: Option<Timestamp>) -> Self {
        Self { answered_at: self.answered_at.or(at), ..self }
    }

    fn read(self, newest: Option<Timestamp>) -> Self {
        Self { newest: self.newest.max(newest), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn at(minute: u32) -> Timestamp {
        Timestamp::parse(&format!("2026-11-20T12:{minute:02}:00Z")).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Returns live polling in the given state, with a watermark.
    fn poll(state: PollState) -> Poll {
        Poll { state, watermark: Some(at(10)), ..Poll::default() }
    }

    const NOTHING: Received = Received { newest: None, answered_at: None };
    const NEXT: PollState = PollState::Scheduled(Duration::from_secs(15));

    #[rstest]
    #[case(PollState::Off, PollEvent::SwitchedOn, PollState::Idle)]
    #[case(PollState::Finishing(NOTHING), PollEvent::SwitchedOn, PollState::Running(NOTHING))]
    #[case(PollState::Running(NOTHING), PollEvent::SwitchedOff, PollState::Finishing(NOTHING))]
    #[case(NEXT, PollEvent::SwitchedOff, PollState::Off)]
    #[case(NEXT, PollEvent::Begin, PollState::Running(NOTHING))]
    #[case(PollState::Off, PollEvent::Begin, PollState::Off)]
    #[case(PollState::Idle, PollEvent::Schedule(seconds(15)), NEXT)]
    #[case(PollState::Off, PollEvent::Schedule(seconds(15)), PollState::Off)]
    #[case(PollState::Running(NOTHING), PollEvent::Schedule(seconds(9)), PollState::Running(NOTHING))]
    #[case(PollState::Running(NOTHING), PollEvent::Done(seconds(15)), NEXT)]
    #[case(PollState::Finishing(NOTHING), PollEvent::Done(seconds(15)), PollState::Off)]
    #[case(PollState::Idle, PollEvent::Done(seconds(15)), PollState::Idle)]
    #[case(PollState::Running(NOTHING), PollEvent::Failed(seconds(15)), NEXT)]
    #[case(PollState::Finishing(NOTHING), PollEvent::Failed(seconds(15)), PollState::Off)]
    #[case(NEXT, PollEvent::ListRequested, PollState::Idle)]
    #[case(PollState::Finishing(NOTHING), PollEvent::ListRequested, PollState::Off)]
    #[case(NEXT, PollEvent::Interrupted, NEXT)]
    #[case(PollState::Running(NOTHING), PollEvent::Interrupted, PollState::Idle)]
    #[case(NEXT, PollEvent::NoRetry, PollState::Idle)]
    #[case(PollState::Running(NOTHING), PollEvent::NoRetry, PollState::Running(NOTHING))]
    fn transition(#[case] before: PollState, #[case] event: PollEvent, #[case] after: PollState) {
        let mut poll = poll(before);
        poll.on(event);
        assert_eq!(poll.state(), after);
    }

    #[test]
    fn poll_asks_for_changes_since_the_watermark_with_an_overlap() {
        let mut poll = poll(NEXT);
        let scope = Scope::since(Property::LastUpdateDateTime, at(5));
        assert_eq!(poll.on(PollEvent::Begin), [FeedEffect::Start(JobKind::Poll(scope.clone()))]);
        let again = [FeedEffect::Cancel(JobType::Poll), FeedEffect::Start(JobKind::Poll(scope))];
        assert_eq!(poll.on(PollEvent::Begin), again);
        let mut unknown = Poll { state: PollState::Idle, ..Poll::default() };
        assert_eq!((unknown.on(PollEvent::Begin), unknown.state()), (Vec::new(), PollState::Idle));
    }

    #[test]
    fn every_eighth_poll_looks_an_hour_back() {
        let mut poll = poll(NEXT);
        let mut look = |end: PollEvent| {
            let effects = poll.on(PollEvent::Begin);
            poll.on(end);
            let hour_ago = Scope::since(Property::LastUpdateDateTime, at(10).before(LOOK_BACK));
            effects == [FeedEffect::Start(JobKind::Poll(hour_ago))]
        };
        for round in 0..2 {
            for nth in 0..7 {
                assert!(!look(PollEvent::Done(seconds(15))), "{round} {nth}");
            }
            // A poll that looks further back is repeated until it succeeds.
            assert!(look(PollEvent::Failed(seconds(15))) && look(PollEvent::Done(seconds(15))), "{round}");
        }
    }

    #[rstest]
    #[case::bounded_by_the_service(&[12], &[59], 12)]
    #[case::newest(&[20], &[11, 15, 13], 15)]
    #[case::never_back(&[20], &[3], 10)]
    #[case::no_alerts(&[20], &[], 10)]
    #[case::first_answer_counts(&[12, 30], &[59], 12)]
    #[case::no_time_sent(&[], &[15], 15)]
    fn watermark_after_a_poll(#[case] answers: &[u32], #[case] updates: &[u32], #[case] expected: u32) {
        let mut poll = poll(PollState::Running(NOTHING));
        for answer in answers {
            poll.on(PollEvent::Page(Some(at(*answer))));
        }
        for update in updates {
            poll.on(PollEvent::Read(Some(at(*update))));
        }
        poll.on(PollEvent::Done(seconds(15)));
        assert_eq!(poll.watermark(), Some(at(expected)));
    }

    #[rstest]
    #[case(PollEvent::Failed(seconds(15)))]
    #[case(PollEvent::Interrupted)]
    #[case(PollEvent::ListRequested)]
    fn incomplete_poll_does_not_move_the_watermark(#[case] end: PollEvent) {
        let mut poll = poll(PollState::Running(NOTHING));
        poll.on(PollEvent::Read(Some(at(40))));
        poll.on(end);
        assert_eq!(poll.watermark(), Some(at(10)));
    }

    #[test]
    fn list_moves_the_watermark_back_only() {
        let mut poll = Poll::default();
        poll.on(PollEvent::ListAnswered(None));
        assert_eq!(poll.watermark(), None);
        poll.on(PollEvent::ListRead(Some(at(30))));
        assert_eq!(poll.watermark(), Some(at(30)), "a service that sends no time");
        for (answer, expected) in [(20, 20), (25, 20)] {
            poll.on(PollEvent::ListAnswered(Some(at(answer))));
            assert_eq!(poll.watermark(), Some(at(expected)));
        }
        poll.on(PollEvent::ListRead(Some(at(40))));
        assert_eq!(poll.watermark(), Some(at(20)));
    }

    fn event() -> impl Strategy<Value = PollEvent> {
        prop::sample::select(vec![
            PollEvent::SwitchedOn,
            PollEvent::SwitchedOff,
            PollEvent::Begin,
            PollEvent::Schedule(seconds(9)),
            PollEvent::ListRequested,
            PollEvent::ListAnswered(Some(at(9))),
            PollEvent::ListRead(Some(at(50))),
            PollEvent::Page(Some(at(20))),
            PollEvent::Read(Some(at(30))),
            PollEvent::Done(seconds(15)),
            PollEvent::Failed(seconds(30)),
            PollEvent::Interrupted,
            PollEvent::NoRetry,
        ])
    }

    proptest! {
        #[test]
        fn one_poll_runs_exactly_while_the_state_says_so(events in prop::collection::vec(event(), 0..40)) {
            let (mut poll, mut running) = (poll(PollState::Off), false);
            for event in events {
                let ends = matches!(event, PollEvent::Done(_) | PollEvent::Failed(_));
                for effect in poll.on(event) {
                    match effect {
                        FeedEffect::Cancel(job_type) => {
                            prop_assert!(running && job_type == JobType::Poll);
                            running = false;
                        }
                        FeedEffect::Start(kind) => {
                            prop_assert!(!running && kind.job_type() == JobType::Poll);
                            running = true;
                        }
                        FeedEffect::Stop(_) => prop_assert!(false, "a poll is cancelled at once"),
                    }
                }
                running &= !ends;
                prop_assert_eq!(poll.is_running(), running);
            }
        }
    }
}
