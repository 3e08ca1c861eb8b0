//! The backfill, which fetches the alerts from the last 30 days, regardless of status, so that
//! value counts cover more than the list (docs/console.md, "Backfill").
//!
//! A state machine driven by events. The backfill starts when nothing else is loading, pauses
//! whenever the user requests a list, and then resumes where it left off. If it was interrupted, it
//! ends by fetching all changes made since it started. It has no access to jobs or a clock: it
//! returns effects, and events carry the times.

use std::time::Duration;

use alertdeck_model::Timestamp;
use alertdeck_odata::Property;

use super::{FeedEffect, OVERLAP};
use crate::app::job::{Bookmark, FailureKind, JobKind, JobType, Scope};

/// The number of days to load.
pub(super) const DAYS: u64 = 30;
/// [`DAYS`] as a duration.
pub(super) const LAST_DAYS: Duration = Duration::from_secs(DAYS * 24 * 60 * 60);
/// The delay before a retry after a transient failure.
const RETRY_AFTER: Duration = Duration::from_secs(120);

/// The state of the backfill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackfillState {
    /// The backfill will start or continue when nothing else is loading.
    #[default]
    Due,
    /// The backfill is running.
    Running,
    /// The backfill has failed and will continue at this time, measured from startup.
    RetryAt(Duration),
    /// All alerts are loaded.
    Complete,
    /// The user has stopped the backfill. It stays stopped until a list is requested.
    Stopped,
    /// The backfill has failed for a reason that requires the user to act.
    Failed,
}

/// An event for the backfill. Durations are measured from startup.
#[derive(Clone, Debug)]
pub(in crate::app) enum BackfillEvent {
    /// Nothing else is loading, so the backfill may start.
    Begin {
        /// The wall-clock time.
        wall: Timestamp,
        /// When it happened, measured from startup.
        mono: Duration,
        /// If the cache covers everything before this time, only changes since then are fetched.
        changes_since: Option<Timestamp>,
    },
    /// The alerts that the backfill would load have already been loaded by other means.
    CaughtUp {
        /// All alerts created at or after this time are loaded; `None` if every alert is loaded.
        since: Option<Timestamp>,
    },
    /// Another fetch is starting, or the user is signing out.
    Pause,
    /// The user has stopped the backfill.
    Stop,
    /// A page has begun to arrive.
    Page {
        /// Whether the service sent only part of the page.
        partial: bool,
        /// The time of the response, by the service's clock, or slightly earlier.
        answered_at: Option<Timestamp>,
    },
    /// All alerts on the page have arrived. The next page is at this bookmark.
    Reached(Bookmark),
    /// The fetch has read the last page.
    Done,
    /// The fetch failed.
    Failed {
        /// The kind of failure.
        kind: FailureKind,
        /// When it happened, measured from startup.
        mono: Duration,
    },
}

/// Where the running fetch started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Origin {
    /// At the first page.
    #[default]
    Start,
    /// At a bookmark. Nothing has arrived yet, so the service may still reject the bookmark.
    Bookmark,
    /// At a bookmark that the service has accepted. Alerts that changed during the interruption may
    /// be on earlier pages.
    AcceptedBookmark,
}

/// The position within a scope, kept across fetches.
#[derive(Debug, Default)]
struct Position {
    /// The scope being fetched: first the alerts to load, then the changes made since the backfill
    /// started; `None` before the backfill starts and after it ends.
    scope: Option<Scope>,
    /// The page to continue with.
    next: Option<Bookmark>,
    /// The time of the first response, by the service's clock, or slightly earlier.
    started_at: Option<Timestamp>,
    /// Where the current or last fetch started.
    origin: Origin,
    /// Whether the service has reported a partial page.
    partial: bool,
}

impl Position {
    /// Goes back to the start of the scope.
    fn start_over(&mut self) {
        *self = Self { scope: self.scope.take(), ..Self::default() };
    }
}

/// A feed's backfill.
#[derive(Debug, Default)]
pub struct Backfill {
    state: BackfillState,
    position: Position,
    /// The earliest creation time of the alerts to load, once the backfill has started.
    since: Option<Timestamp>,
}

impl Backfill {
    /// Returns the state.
    pub fn state(&self) -> BackfillState {
        self.state
    }

    /// Returns the earliest creation time that the backfill covers, if it is complete.
    pub(in crate::app) fn covers_since(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.state == BackfillState::Complete)
    }

    /// Returns whether the backfill may start or continue at `mono`, measured from startup,
    /// provided that nothing else is loading.
    pub(in crate::app) fn is_due(&self, mono: Duration) -> bool {
        match self.state {
            BackfillState::Due => true,
            BackfillState::RetryAt(at) => at <= mono,
            _ => false,
        }
    }

    /// Returns when the next retry is due, measured from startup.
    pub(in crate::app) fn retry_at(&self) -> Option<Duration> {
        match self.state {
            BackfillState::RetryAt(at) => Some(at),
            _ => None,
        }
    }

    /// Handles an event.
    pub(in crate::app) fn on(&mut self, event: BackfillEvent) -> Option<FeedEffect> {
        let running = self.state == BackfillState::Running;
        let stop = running.then_some(FeedEffect::Stop(JobType::Backfill));
        match event {
            BackfillEvent::Begin { wall, mono, changes_since } if self.is_due(mono) => {
                Some(self.begin(wall, changes_since))
            }
            BackfillEvent::CaughtUp { since } => {
                (self.position, self.since) = (Position::default(), since.or(self.since));
                self.state = BackfillState::Complete;
                stop
            }
            BackfillEvent::Pause if self.state != BackfillState::Complete => {
                self.state = BackfillState::Due;
                stop
            }
            BackfillEvent::Stop if self.state != BackfillState::Complete => {
                self.state = BackfillState::Stopped;
                stop
            }
            // A fetch that was stopped still reports the pages that it has received.
            BackfillEvent::Page { partial, answered_at } if self.position.scope.is_some() => {
                if self.position.origin == Origin::Bookmark {
                    self.position.origin = Origin::AcceptedBookmark;
                }
                self.position.partial |= partial;
                self.position.started_at = self.position.started_at.or(answered_at);
                None
            }
            // Without a start time, later changes could not be fetched, so no bookmark is kept.
            BackfillEvent::Reached(bookmark) if self.position.scope.is_some() => {
                self.position.next = self.position.started_at.map(|_| bookmark);
                None
            }
            BackfillEvent::Done if running => {
                self.completed();
                None
            }
            BackfillEvent::Failed { kind, mono } if running => {
                self.failed(kind, mono);
                None
            }
            _ => None,
        }
    }

    fn begin(&mut self, wall: Timestamp, changes_since: Option<Timestamp>) -> FeedEffect {
        let position = &mut self.position;
        if position.next.is_none() {
            position.start_over();
        }
        position.origin = if position.next.is_some() { Origin::Bookmark } else { Origin::Start };
        let since = *self.since.get_or_insert(wall.before(LAST_DAYS));
        let all = || match changes_since {
            Some(at) => Scope::since(Property::LastUpdateDateTime, at),
            None => Scope::since(Property::CreatedDateTime, since),
        };
        let scope = position.scope.get_or_insert_with(all).clone();
        self.state = BackfillState::Running;
        FeedEffect::Start(JobKind::Backfill { scope, from: position.next.clone() })
    }

    fn completed(&mut self) {
        let position = std::mem::take(&mut self.position);
        let interrupted = position.origin != Origin::Start;
        self.state = match position.started_at.filter(|_| interrupted) {
            _ if position.partial => BackfillState::Failed,
            Some(started_at) => {
                let scope = Scope::since(Property::LastUpdateDateTime, started_at.before(OVERLAP));
                self.position.scope = Some(scope);
                BackfillState::Due
            }
            None => BackfillState::Complete,
        };
    }

    fn failed(&mut self, kind: FailureKind, mono: Duration) {
        self.state = match kind {
            kind if kind.is_transient() => BackfillState::RetryAt(mono + RETRY_AFTER),
            FailureKind::SignIn | FailureKind::Permission => BackfillState::Failed,
            // The service no longer recognises the bookmark.
            _ if self.position.origin == Origin::Bookmark => {
                self.position.start_over();
                BackfillState::Due
            }
            _ => BackfillState::Failed,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const MONO: Duration = Duration::from_secs(100);

    fn at(hour: u32) -> Timestamp {
        Timestamp::parse(&format!("2026-11-20T{hour:02}:00:00Z")).unwrap()
    }

    fn begin() -> BackfillEvent {
        BackfillEvent::Begin { changes_since: None, wall: at(12), mono: MONO }
    }

    fn page() -> BackfillEvent {
        BackfillEvent::Page { partial: false, answered_at: Some(at(11)) }
    }

    fn reached(bookmark: &str) -> BackfillEvent {
        BackfillEvent::Reached(Bookmark(bookmark.into()))
    }

    fn failed(kind: FailureKind) -> BackfillEvent {
        BackfillEvent::Failed { kind, mono: MONO }
    }

    /// Returns the backfill after the given events.
    fn after(events: &[BackfillEvent]) -> Backfill {
        let mut backfill = Backfill::default();
        for event in events {
            backfill.on(event.clone());
        }
        backfill
    }

    fn last_days() -> Scope {
        let first = Timestamp::parse("2026-10-21T12:00:00Z").unwrap();
        Scope::since(Property::CreatedDateTime, first)
    }

    /// Returns the effect that fetches the last 30 days, starting at a bookmark.
    fn fetch(from: Option<&str>) -> FeedEffect {
        let from = from.map(|at| Bookmark(at.into()));
        FeedEffect::Start(JobKind::Backfill { scope: last_days(), from })
    }

    #[rstest]
    #[case::begin(&[], begin(), BackfillState::Running)]
    #[case::pause(&[begin()], BackfillEvent::Pause, BackfillState::Due)]
    #[case::stop(&[begin()], BackfillEvent::Stop, BackfillState::Stopped)]
    #[case::stays_stopped(&[begin(), BackfillEvent::Stop], begin(), BackfillState::Stopped)]
    #[case::due_again(&[begin(), BackfillEvent::Stop], BackfillEvent::Pause, BackfillState::Due)]
    #[case::late_end(&[begin(), BackfillEvent::Pause], BackfillEvent::Done, BackfillState::Due)]
    #[case::late_failure(
        &[begin(), BackfillEvent::Stop], failed(FailureKind::Other), BackfillState::Stopped
    )]
    #[case::complete(&[begin(), page()], BackfillEvent::Done, BackfillState::Complete)]
    #[case::complete_stays(&[begin(), BackfillEvent::Done], BackfillEvent::Pause, BackfillState::Complete)]
    #[case::offline(
        &[begin()], failed(FailureKind::Offline), BackfillState::RetryAt(Duration::from_secs(220))
    )]
    #[case::too_early(
        &[begin(), failed(FailureKind::Busy)], begin(), BackfillState::RetryAt(Duration::from_secs(220))
    )]
    #[case::refused(&[begin()], failed(FailureKind::Permission), BackfillState::Failed)]
    #[case::failed(&[begin(), page()], failed(FailureKind::Other), BackfillState::Failed)]
    #[case::partial(
        &[begin(), BackfillEvent::Page { partial: true, answered_at: None }],
        BackfillEvent::Done,
        BackfillState::Failed
    )]
    fn transition(
        #[case] before: &[BackfillEvent],
        #[case] event: BackfillEvent,
        #[case] expected: BackfillState,
    ) {
        let mut backfill = after(before);
        backfill.on(event);
        assert_eq!(backfill.state(), expected);
    }

    #[test]
    fn pause_lets_the_fetch_end_and_continues_at_its_last_page() {
        let mut backfill = after(&[begin(), page(), reached("2")]);
        assert_eq!(backfill.on(BackfillEvent::Pause), Some(FeedEffect::Stop(JobType::Backfill)));
        assert_eq!(backfill.on(BackfillEvent::Pause), None);
        for late in [page(), reached("3"), BackfillEvent::Done] {
            assert_eq!(backfill.on(late), None);
        }
        assert_eq!(backfill.on(begin()), Some(fetch(Some("3"))));
    }

    #[test]
    fn interrupted_backfill_ends_with_later_changes() {
        let mut backfill = after(&[
            begin(),
            page(),
            reached("2"),
            BackfillEvent::Pause,
            begin(),
            page(),
            BackfillEvent::Done,
        ]);
        assert_eq!(backfill.state(), BackfillState::Due);
        let scope = Scope::since(Property::LastUpdateDateTime, at(11).before(OVERLAP));
        let expected = Some(FeedEffect::Start(JobKind::Backfill { scope, from: None }));
        assert_eq!(backfill.on(begin()), expected);
        backfill.on(BackfillEvent::Done);
        assert_eq!(backfill.state(), BackfillState::Complete);
    }

    #[test]
    fn bookmark_that_the_service_refuses_is_dropped_once() {
        let mut backfill = after(&[begin(), page(), reached("2"), BackfillEvent::Pause, begin()]);
        backfill.on(failed(FailureKind::Other));
        assert_eq!(backfill.state(), BackfillState::Due);
        assert_eq!(backfill.on(begin()), Some(fetch(None)));
        backfill.on(failed(FailureKind::Other));
        assert_eq!(backfill.state(), BackfillState::Failed);
    }

    #[test]
    fn without_a_start_time_there_is_no_bookmark() {
        let untimed = BackfillEvent::Page { partial: false, answered_at: None };
        let mut backfill = after(&[begin(), untimed, reached("2"), BackfillEvent::Pause]);
        assert_eq!(backfill.on(begin()), Some(fetch(None)));
    }

    fn event() -> impl Strategy<Value = BackfillEvent> {
        prop::sample::select(vec![
            begin(),
            BackfillEvent::Begin { changes_since: None, wall: at(13), mono: MONO * 9 },
            BackfillEvent::Pause,
            BackfillEvent::Stop,
            page(),
            BackfillEvent::Page { partial: true, answered_at: None },
            reached("2"),
            BackfillEvent::Done,
            failed(FailureKind::Offline),
            failed(FailureKind::Other),
            failed(FailureKind::SignIn),
        ])
    }

    proptest! {
        #[test]
        fn one_fetch_runs_exactly_while_the_state_says_so(events in prop::collection::vec(event(), 0..40)) {
            let (mut backfill, mut running) = (Backfill::default(), false);
            for event in events {
                let ends = matches!(event, BackfillEvent::Done | BackfillEvent::Failed { .. });
                match backfill.on(event) {
                    Some(FeedEffect::Stop(job_type)) => {
                        prop_assert!(running && job_type == JobType::Backfill);
                        running = false;
                    }
                    Some(FeedEffect::Start(kind)) => {
                        prop_assert!(!running && kind.job_type() == JobType::Backfill);
                        running = true;
                    }
                    Some(FeedEffect::Cancel(_)) => prop_assert!(false, "what was received counts"),
                    None => {}
                }
                running &= !ends;
                prop_assert_eq!(backfill.state() == BackfillState::Running, running);
            }
        }
    }
}
