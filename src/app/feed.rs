//! Feeds, the sources of alerts. A feed is one account in one tenant of one cloud, or a set of
//! files.
//!
//! A feed holds all state that is specific to it: its account, what its service's responses have
//! revealed, and which of its alerts are loaded. Three state machines ([`ListFetch`], [`Poll`],
//! [`Backfill`]) control loading and return [`FeedEffect`]s. A feed has no access to jobs, the
//! store or the screen.

mod backfill;
mod cache;
mod coverage;
mod feeds;
mod list;
mod pace;
mod poll;
mod reading;

use std::time::Duration;

use crate::triage::WriteMode;
use alertdeck_model::{Now, Timestamp};
use alertdeck_odata::{Feature, Property};
use alertdeck_query as query;
use alertdeck_query::OwnerCase;
use alertdeck_store::FeedId;

pub use backfill::{Backfill, BackfillState};
pub use cache::{Cache, CacheWrite, Cached};
pub use coverage::{Coverage, Extent};
pub use feeds::Feeds;
pub use list::{ListFetch, Phase};
pub use pace::Pace;
pub use poll::{Poll, PollState};
pub use reading::Reading;
pub(super) use {
    backfill::BackfillEvent,
    coverage::{CompleteList, CompleteLists},
    list::ListEvent,
    poll::PollEvent,
};

use super::{
    SignIn,
    job::{Failure, FailureKind, JobId, JobKind, JobType, Scope},
};

/// How far a fetch of changes looks back before the newest known update, since alerts become
/// visible late and out of order (docs/graph-api.md, "Polling").
const OVERLAP: Duration = Duration::from_secs(5 * 60);
/// The interval between live polls.
const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// The delay before the first retry after a transient failure. The delay doubles with each
/// consecutive failure.
const RETRY_AFTER: Duration = Duration::from_secs(15);
/// The maximum delay before a retry.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// An action requested by one of the loading state machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FeedEffect {
    /// Start a job.
    Start(JobKind),
    /// Cancel the running job of this type. Its later events are ignored.
    Cancel(JobType),
    /// Stop the running job of this type, keeping what it has received.
    Stop(JobType),
}

/// A list to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListRequest {
    /// The scope of the list.
    pub(super) scope: Scope,
    /// Whether the list may be incomplete because the spelling of an owner is guessed
    /// ([`query::Plan::guesses_owner`]).
    pub(super) guess: bool,
}

/// A feed's settings. Apart from `me`, they do not change during the feed's lifetime.
#[derive(Clone, Debug, Default)]
pub struct FeedSettings {
    /// The tenant's name, as shown in the header; sanitised for display.
    pub tenant: String,
    /// Other names for the tenant that the filter `tenant:` accepts: its domain or ID.
    pub aliases: Vec<String>,
    /// The source of the alerts, as shown in the header: cloud and API version, or files. The text
    /// is sanitised for display.
    pub origin: String,
    /// Whether alerts are fetched from a service rather than read from files.
    pub service: bool,
    /// The host of the Defender portal, the only host that links may lead to (docs/graph-api.md,
    /// "National clouds").
    pub portal_host: String,
    /// The signed-in user's user principal name, if known.
    pub me: Option<String>,
    /// The name of the profile, sanitised for display; empty if there is none.
    pub profile: String,
    /// The retention limits of the cache; `None` if alerts are not cached.
    pub cache: Option<alertdeck_cache::Retention>,
    /// Whether alerts may be changed.
    pub writes: WriteMode,
    /// Whether the user can sign in interactively. This is not possible with a token from an
    /// environment variable, a command or a client secret; in that case, messages suggest what to
    /// do instead.
    pub signs_in: bool,
}

impl FeedSettings {
    /// Returns a short name that distinguishes the tenant from others: the profile's name or, if
    /// there is no profile, the tenant's. The name is sanitised for display.
    pub fn name(&self) -> &str {
        if self.profile.is_empty() { &self.tenant } else { &self.profile }
    }

    /// Returns the tenant that these settings describe, as used by the filter language for `feed`.
    pub fn query_tenant(&self, feed: FeedId) -> query::Tenant {
        let mut names = vec![self.name().to_owned()];
        names.extend([&self.tenant].into_iter().chain(&self.aliases).cloned());
        query::Tenant { feed: Some(feed), names, me: self.me.clone() }
    }
}

/// The facts that a feed has learnt from its service's responses. Feeds do not share these facts.
#[derive(Debug, Default)]
pub struct ServiceFacts {
    /// The OData features that the service has rejected.
    pub(super) refused: Vec<Feature>,
    /// How the service compares owners.
    pub(super) owner_case: OwnerCase,
    /// Whether the service was asked how it compares owners but gave inconclusive responses. If so,
    /// it is not asked again.
    pub(super) is_owner_case_unclear: bool,
    /// The error message received when the service refused to change an alert for lack of
    /// permission, if that has happened.
    pub writes_refused: Option<String>,
}

/// A feed: its account, its service and its loading state.
#[derive(Debug)]
pub struct Feed {
    /// The id.
    pub id: FeedId,
    /// The settings.
    pub settings: FeedSettings,
    /// The identity and the state of the sign-in.
    pub sign_in: SignIn,
    /// The list fetch.
    pub list: ListFetch,
    /// Live polling.
    pub poll: Poll,
    /// The backfill.
    pub backfill: Backfill,
    /// The cache.
    pub cache: Cache,
    /// The known facts about the service.
    pub service: ServiceFacts,
    /// The lists that have been loaded completely.
    pub(super) complete_lists: CompleteLists,
    /// The number of consecutive failures of list fetches and polls.
    failures: u32,
    /// When the last poll ended, by the local clock.
    polled_at: Option<Timestamp>,
    /// Whether the last poll failed.
    poll_fails: bool,
    /// Whether the user has been told about an unreadable date.
    pub(super) has_odd_date: bool,
    /// The number of the first job for the current account. Earlier jobs were for another account,
    /// whose alerts must not be added.
    first_job: u32,
}

impl Feed {
    /// Creates a feed with nothing loaded. `first_job` is the number of its first job.
    pub(super) fn new(id: FeedId, settings: FeedSettings, first_job: u32) -> Self {
        Self {
            id,
            sign_in: SignIn::new(settings.me.is_some()),
            settings,
            list: ListFetch::default(),
            poll: Poll::default(),
            backfill: Backfill::default(),
            cache: Cache::default(),
            service: ServiceFacts::default(),
            complete_lists: CompleteLists::default(),
            failures: 0,
            polled_at: None,
            poll_fails: false,
            has_odd_date: false,
            first_job,
        }
    }

    /// Returns whether a job was started for the current account.
    pub(super) fn owns(&self, job: JobId) -> bool {
        job.feed == self.id && job.number >= self.first_job
    }

    /// Returns whether all of the feed's alerts are loaded.
    pub(super) fn has_all_alerts(&self) -> bool {
        if self.settings.service {
            self.complete_lists.has_all_alerts()
        } else {
            self.list.phase() == &Phase::Complete
        }
    }

    /// Returns how much of the feed the loaded alerts cover.
    pub fn extent(&self) -> Extent {
        match self.backfill.state() {
            _ if self.has_all_alerts() => Extent::All,
            BackfillState::Complete => Extent::Recent,
            BackfillState::Running => Extent::RecentLoading,
            _ => Extent::Partial,
        }
    }

    /// Requests the list for a filter. The request supersedes the feed's other fetches.
    pub(super) fn request_list(
        &mut self,
        filter: &str,
        request: ListRequest,
        mono: Duration,
    ) -> Vec<FeedEffect> {
        let ListRequest { scope, guess } = request;
        let changes_since = self.cache.catch_up(&scope);
        let reread = changes_since.is_some() || self.complete_lists.covering(filter, &scope).is_some();
        // If only changes are fetched, nothing is missing: the cache has every owner's alerts.
        let guess = guess && changes_since.is_none();
        let mut effects = self.poll.on(PollEvent::ListRequested);
        effects.extend(self.backfill.on(BackfillEvent::Pause));
        effects.extend(self.list.on(ListEvent::Requested { scope, reread, guess, changes_since }));
        if !self.list.phase().is_active() {
            // The filter covers only other tenants, but this one is still polled.
            effects.extend(self.poll.on(PollEvent::Schedule(mono + POLL_INTERVAL)));
        }
        effects
    }

    /// Returns when the list was last up to date, by the local clock.
    pub fn last_look(&self) -> Option<Timestamp> {
        self.polled_at.max(self.list.completed_at())
    }

    /// Returns whether live polling is on but the last poll has failed.
    pub fn poll_fails(&self) -> bool {
        self.poll_fails && self.poll.is_on()
    }

    /// Returns the short name of the feed's tenant, sanitised for display.
    pub fn name(&self) -> &str {
        self.settings.name()
    }

    /// Returns the feed's tenant, as used by the filter language.
    pub(super) fn query_tenant(&self) -> query::Tenant {
        let token = self.sign_in.identity.as_ref().and_then(|identity| identity.tenant.as_ref());
        let mut tenant = self.settings.query_tenant(self.id);
        tenant.names.extend(token.map(|id| id.raw().to_owned()));
        tenant
    }

    /// Stops all fetches because the feed is being switched off. Its alerts stay in memory.
    fn switch_off(&mut self) -> Vec<FeedEffect> {
        let mut effects = self.list.on(ListEvent::Stop);
        effects.extend(self.poll.on(PollEvent::Interrupted));
        effects.extend(self.poll.on(PollEvent::SwitchedOff));
        effects.extend(self.backfill.on(BackfillEvent::Pause));
        self.sign_in.stage = None;
        self.sign_in.prompt_due = false;
        effects
    }

    /// Forgets everything that was loaded, because a different account now uses the feed.
    /// `first_job` is the number of that account's first job. The sign-in state is kept.
    pub(super) fn start_over(&mut self, first_job: u32) {
        let polled = self.poll.is_on();
        let sign_in = std::mem::take(&mut self.sign_in);
        *self = Self { sign_in, ..Self::new(self.id, self.settings.clone(), first_job) };
        if polled {
            self.poll.on(PollEvent::SwitchedOn);
        }
    }

    /// Shows the list for a filter from memory if it is covered by a complete list. Otherwise,
    /// returns `None`.
    pub(super) fn cover_list(
        &mut self,
        filter: &str,
        scope: &Scope,
        mono: Duration,
    ) -> Option<Vec<FeedEffect>> {
        let by = self.complete_lists.covering(filter, scope)?.clone();
        // The header must describe the displayed list, not one that was superseded.
        let mut effects = self.list.on(ListEvent::Covered { scope: scope.clone(), by });
        effects.extend(self.poll.on(PollEvent::Schedule(mono + POLL_INTERVAL)));
        Some(effects)
    }

    /// Stops the list fetch and its retries at the user's request. Returns `None` if there is
    /// nothing to stop.
    pub(super) fn stop_list(&mut self, mono: Duration) -> Option<Vec<FeedEffect>> {
        if !self.list.phase().is_active() && self.list.retry_at().is_none() {
            return None;
        }
        let mut effects = self.list.on(ListEvent::Stop);
        effects.extend(self.poll.on(PollEvent::Interrupted));
        effects.extend(self.backfill.on(BackfillEvent::Pause));
        effects.extend(self.poll.on(PollEvent::Schedule(mono + POLL_INTERVAL)));
        Some(effects)
    }

    /// Ends a list fetch that has read the complete list. `newest` is the time of the newest update
    /// among the list's alerts.
    pub(super) fn list_done(&mut self, filter: &str, newest: Option<Timestamp>, now: Now) {
        self.failures = 0;
        self.poll_fails = false;
        self.list.on(ListEvent::Done(now.wall));
        self.keep_complete_list(filter);
        if self.list.is_catch_up()
            && let Some(alertdeck_cache::Coverage { since, .. }) = self.cache.caught_up()
        {
            self.backfill.on(BackfillEvent::CaughtUp { since });
            if since.is_none()
                && let Some(list) = self.list.complete_list()
            {
                self.complete_lists.insert("", CompleteList { scope: Scope::All, ..list });
            }
        }
        self.poll.on(PollEvent::ListRead(newest));
        self.poll.on(PollEvent::Schedule(now.mono + POLL_INTERVAL));
    }

    /// Records that the guess was right: the list contains all alerts assigned to the owners in the
    /// filter, however the owners' names are spelled.
    pub(super) fn confirm_guess(&mut self, filter: &str) {
        self.list.on(ListEvent::GuessConfirmed);
        self.keep_complete_list(filter);
    }

    /// Remembers the list for a filter if the list is complete.
    fn keep_complete_list(&mut self, filter: &str) {
        if let Some(list) = self.list.complete_list() {
            self.complete_lists.insert(filter, list);
        }
    }

    /// Ends a list fetch that has failed. Transient failures are retried automatically.
    pub(super) fn list_failed(&mut self, failure: Failure, mono: Duration) {
        let retry_at = failure.kind.is_transient().then(|| mono + self.back_off());
        if retry_at.is_none() {
            self.poll.on(PollEvent::Schedule(mono + POLL_INTERVAL));
        }
        self.list.on(ListEvent::Failed(failure, retry_at));
    }

    /// Ends a successful poll.
    pub(super) fn poll_done(&mut self, now: Now) {
        self.failures = 0;
        self.poll_fails = false;
        self.polled_at = Some(now.wall);
        self.poll.on(PollEvent::Done(now.mono + POLL_INTERVAL));
    }

    /// Ends a poll that has failed.
    pub(super) fn poll_failed(&mut self, mono: Duration) {
        let next = mono + self.back_off();
        self.poll_fails = true;
        self.poll.on(PollEvent::Failed(next));
    }

    /// Starts or continues the backfill if nothing else is loading and not all alerts are loaded
    /// yet.
    pub(super) fn begin_backfill(&mut self, now: Now) -> Option<FeedEffect> {
        let idle = self.list.phase() == &Phase::Complete && !self.poll.is_running();
        if !idle || self.sign_in.signed_out || self.has_all_alerts() {
            return None;
        }
        let last_days = now.wall.before(backfill::LAST_DAYS);
        let caught_up = self.cache.catch_up(&Scope::since(Property::CreatedDateTime, last_days));
        self.backfill.on(BackfillEvent::Begin { wall: now.wall, mono: now.mono, changes_since: caught_up })
    }

    /// Returns the coverage of the loaded alerts; `None` unless they include at least all alerts
    /// from the last 30 days.
    pub(super) fn loaded_coverage(&self) -> Option<alertdeck_cache::Coverage> {
        // Changes made after the watermark may be unknown, even if alerts were loaded later.
        let watermark = self.poll.watermark()?;
        let since = if self.has_all_alerts() { None } else { Some(self.backfill.covers_since()?) };
        Some(alertdeck_cache::Coverage { since, watermark })
    }

    /// Handles a response from the service. If the user was signed out, they must have signed in
    /// elsewhere.
    pub(super) fn answered(&mut self) {
        self.sign_in.signed_out &= self.sign_in.stage.is_some();
    }

    /// Cancels all fetches after a sign-out.
    pub(super) fn sign_out(&mut self) -> Vec<FeedEffect> {
        if self.list.phase().is_active() {
            let scope = self.list.scope().clone();
            self.fail_signed_out(scope)
        } else {
            self.interrupt()
        }
    }

    /// Fails the list fetch without sending a request, since the user is signed out and has already
    /// been asked to sign in.
    pub(super) fn fail_signed_out(&mut self, scope: Scope) -> Vec<FeedEffect> {
        let mut effects = self.interrupt();
        effects.extend(self.list.on(ListEvent::SignedOut(scope)));
        effects
    }

    /// Cancels any running poll or backfill.
    fn interrupt(&mut self) -> Vec<FeedEffect> {
        let backfills = self.backfill.state() == BackfillState::Running;
        if !self.list.phase().is_active() && !self.poll.is_running() && !backfills {
            return Vec::new();
        }
        let mut effects = self.poll.on(PollEvent::Interrupted);
        effects.extend(self.backfill.on(BackfillEvent::Pause));
        effects
    }

    /// Stops automatic retries and polls, since each would ask the user to sign in again.
    pub(super) fn stop_retries(&mut self) {
        self.poll.on(PollEvent::NoRetry);
        self.list.on(ListEvent::NoRetry);
    }

    /// Returns whether the list fetch failed for a reason that signing in may have resolved.
    pub(super) fn may_retry_after_sign_in(&self) -> bool {
        match self.list.phase() {
            Phase::Failed { failure, retry_at: None } => {
                failure.kind == FailureKind::SignIn || failure.kind.is_transient()
            }
            _ => false,
        }
    }

    /// Returns the upcoming times, measured from startup, at which something is due or the display
    /// changes.
    pub(super) fn due(&self, mono: Duration) -> impl Iterator<Item = Duration> {
        let counting = match self.list.phase() {
            Phase::Waiting { until: at, .. } | Phase::Failed { retry_at: Some(at), .. } => Some(*at),
            _ => None,
        };
        let sign_in = self.sign_in.stage.as_ref().and_then(super::Stage::until).filter(|end| *end > mono);
        let counting = counting.into_iter().chain(sign_in).map(move |end| next_second(end, mono));
        let backfill = self.backfill.retry_at().filter(|at| *at > mono);
        counting.chain(self.poll.next()).chain(backfill)
    }

    /// Counts a failure and returns the delay before the next attempt.
    fn back_off(&mut self) -> Duration {
        let wait = RETRY_AFTER.saturating_mul(1 << self.failures.min(8)).min(MAX_RETRY_AFTER);
        self.failures += 1;
        wait
    }
}

/// Returns when the displayed number of seconds until `end` next changes.
fn next_second(end: Duration, mono: Duration) -> Duration {
    match end.saturating_sub(mono).subsec_nanos() {
        0 => mono + Duration::from_secs(1),
        nanos => mono + Duration::from_nanos(nanos.into()),
    }
}
