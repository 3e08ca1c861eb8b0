//! Starts jobs for the feeds and handles their events (docs/architecture.md, "Loading").
//!
//! The state machines in [`super::feed`] decide what to fetch; this module connects them to the
//! filter, the store and the list.

use super::{
    App, Coverage, Effect, Extent,
    feed::{BackfillEvent, Feed, FeedEffect, ListEvent, Phase, PollEvent},
    job::{Failure, FailureKind, JobEvent, JobId, JobKind, JobType, LoadEvent},
};
use alertdeck_graph::ClientEvent;
use alertdeck_odata as odata;
use alertdeck_store::{Count, FeedId, Row};

/// The progress of the requested list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListProgress {
    /// The number of alerts in the list that are loaded, regardless of which fetch loaded them;
    /// never less than the number of matches.
    pub loaded: usize,
    /// The number of alerts in the list, if the service counted them.
    pub total: Option<usize>,
    /// The number of alerts that the last fetch has read; `None` if it has read the entire list or
    /// fetches only changes.
    pub read: Option<usize>,
}

impl App {
    /// Returns the first feed that is switched on.
    pub fn feed(&self) -> &Feed {
        self.feeds.main()
    }

    /// Returns `what`, prefixed with the feed's name if several feeds are switched on.
    pub fn about(&self, id: FeedId, what: &str) -> String {
        match self.feeds.get(id) {
            Some(feed) if self.feeds.len() > 1 => format!("{}: {what}", feed.name()),
            _ => what.to_owned(),
        }
    }

    /// Returns the names of the tenants in the list, or only their number if there are more than
    /// four.
    pub fn tenant_names(&self) -> String {
        match self.feeds.len() {
            1 => self.feed().settings.tenant.clone(),
            2..=4 => self.feeds.iter().map(Feed::name).collect::<Vec<_>>().join(", "),
            count => format!("{count} tenants"),
        }
    }

    /// Returns the feed that an alert came from.
    pub fn feed_of(&self, row: Row) -> &Feed {
        // Every alert in the list belongs to a feed that is switched on, so the fallback is not
        // shown.
        self.feeds.get(self.store.feed(row)).unwrap_or(self.feeds.main())
    }

    /// Returns the progress of the requested list.
    ///
    /// Every match belongs to the list, though the request may also return alerts that do not
    /// match. Matching alerts that were loaded earlier or by live polls are therefore counted while
    /// the list is read again.
    pub fn list_progress(&self) -> ListProgress {
        let mut feeds = self.feeds.iter().map(|feed| self.progress_of(feed));
        let first = feeds.next().unwrap_or_default();
        feeds.fold(first, |all, one| ListProgress {
            loaded: all.loaded + one.loaded,
            total: all.total.zip(one.total).map(|(all, one)| all + one),
            // For a feed that has reread its entire list, count all alerts loaded from it.
            read: match (all.read, one.read) {
                (None, None) => None,
                (read, more) => Some(read.unwrap_or(all.loaded) + more.unwrap_or(one.loaded)),
            },
        })
    }

    /// Returns the progress of the requested list for a feed.
    pub(super) fn progress_of(&self, feed: &Feed) -> ListProgress {
        let all = self.feeds.len() == 1;
        let read =
            if feed.settings.service { feed.list.read() } else { self.store.rows_of_feeds(&[feed.id]).len() };
        let found = match self.view.count() {
            Count::Exact(_) if !self.filter.shows_requested() => 0,
            Count::Exact(count) if all => count,
            Count::Exact(_) => self.store.rows_of_feeds(&[feed.id]).common(self.view.matching()),
            Count::AtLeast(_) | Count::Pending => 0,
        };
        let loaded = read.max(found);
        // The service's count does not include alerts that arrived later.
        let total = feed.list.total().map(|total| loaded.max(usize::try_from(total).unwrap_or(usize::MAX)));
        let complete = match feed.list.phase() {
            Phase::Idle => true,
            Phase::Complete => feed.list.partial().is_none(),
            _ => false,
        };
        ListProgress {
            loaded,
            total,
            read: (read < loaded && !complete && !feed.list.is_catch_up()).then_some(read),
        }
    }

    /// Returns how much a count over all loaded alerts covers.
    pub fn coverage(&self) -> Coverage {
        let extent = self.feeds.iter().map(Feed::extent).min().unwrap_or(Extent::Partial);
        Coverage { loaded: self.store.len(), extent }
    }

    /// Starts a job for a feed.
    pub(super) fn start_job(&mut self, feed: FeedId, kind: JobKind, effects: &mut Vec<Effect>) -> JobId {
        let tenant = self.feeds.get(feed).map_or("", |feed| feed.settings.tenant.as_str());
        let id = self.jobs.start(feed, tenant, kind.job_type(), self.clock.now.wall);
        if let JobKind::Export(export) = &kind {
            self.jobs.set_total(id, export.alerts.len());
        }
        effects.push(Effect::Start(id, kind));
        id
    }

    /// Cancels a job. Its later events affect only the store.
    pub(super) fn cancel_job(&mut self, id: JobId, effects: &mut Vec<Effect>) {
        if self.jobs.cancel(id) {
            effects.push(Effect::Cancel(id));
        }
    }

    /// Cancels a feed's running job of the given type, if there is one.
    pub(super) fn cancel_running(&mut self, feed: FeedId, job_type: JobType, effects: &mut Vec<Effect>) {
        if let Some(job) = self.jobs.running(feed, job_type) {
            self.cancel_job(job, effects);
        }
    }

    /// Stops a job early, keeping what it has done so far.
    pub(super) fn stop_job(&mut self, id: JobId, effects: &mut Vec<Effect>) {
        if self.jobs.stop(id) {
            effects.push(Effect::Cancel(id));
        }
    }

    /// Carries out the effects requested by a feed's state machines.
    pub(super) fn run_feed_effects(
        &mut self,
        feed: FeedId,
        wanted: impl IntoIterator<Item = FeedEffect>,
        effects: &mut Vec<Effect>,
    ) {
        for effect in wanted {
            match effect {
                FeedEffect::Start(kind) => {
                    self.start_job(feed, kind, effects);
                }
                FeedEffect::Cancel(job_type) => self.cancel_running(feed, job_type, effects),
                FeedEffect::Stop(job_type) => {
                    if let Some(job) = self.jobs.running(feed, job_type) {
                        self.stop_job(job, effects);
                    }
                }
            }
        }
    }

    /// Fetches the list for the requested filter from all feeds.
    pub(super) fn fetch(&mut self, effects: &mut Vec<Effect>) {
        for feed in self.feeds.ids() {
            self.fetch_from(feed, effects);
        }
    }

    /// Fetches the list for the requested filter from a feed, superseding the feed's running
    /// fetches.
    pub(super) fn fetch_from(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        // Only a refresh reports what it has found. This fetch supersedes any running refresh.
        self.list.found = None;
        let request = self.filter.requested_list(id);
        let mono = self.clock.now.mono;
        if self.waits_for_cache(id, &request.scope, effects) {
            return;
        }
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let wanted = feed.request_list(self.filter.requested(), request, mono);
        self.run_feed_effects(id, wanted, effects);
        self.compare_owners(id, effects);
    }

    /// Requests the committed filter. Fetches the list for the filter from each service, unless a
    /// complete list already covers it or a fetch with the same scope is already running.
    pub(super) fn fetch_unless_covered(&mut self, effects: &mut Vec<Effect>) {
        self.filter.request();
        self.list.found = None;
        let mono = self.clock.now.mono;
        for id in self.feeds.ids() {
            let request = self.filter.requested_list(id);
            let scope = request.scope.clone();
            if self.waits_for_cache(id, &scope, effects) {
                continue;
            }
            let Some(feed) = self.feeds.get_mut(id) else { continue };
            let under_way = feed.list.phase().is_active() && *feed.list.scope() == scope;
            if !feed.settings.service || under_way {
                continue;
            }
            let wanted = match feed.cover_list(self.filter.requested(), &scope, mono) {
                Some(wanted) => wanted,
                None if feed.sign_in.signed_out => feed.fail_signed_out(scope.clone()),
                None => feed.request_list(self.filter.requested(), request, mono),
            };
            self.run_feed_effects(id, wanted, effects);
            self.compare_owners(id, effects);
        }
    }

    /// Polls a feed for new and changed alerts. If the time to poll from is unknown, fetches the
    /// list instead.
    pub(super) fn poll(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        if feed.list.phase().is_active() {
            return;
        }
        if feed.poll.watermark().is_none() {
            return self.fetch_from(id, effects);
        }
        let wanted = feed.poll.on(PollEvent::Begin);
        self.run_feed_effects(id, wanted, effects);
    }

    /// Switches live polling on or off for all feeds.
    pub(super) fn toggle_live(&mut self, effects: &mut Vec<Effect>) {
        if !self.feeds.iter().any(|feed| feed.settings.service) {
            return self.notify("saved alerts: nothing to poll");
        }
        let on = !self.feeds.are_polled();
        self.notify(if on {
            "live polling on: + marks new alerts, ~ changed ones"
        } else {
            "live polling paused"
        });
        for id in self.feeds.ids() {
            let Some(feed) = self.feeds.get_mut(id).filter(|feed| feed.settings.service) else { continue };
            feed.poll.on(if on { PollEvent::SwitchedOn } else { PollEvent::SwitchedOff });
            if on {
                self.poll(id, effects);
            }
        }
    }

    /// Stops the list fetches and polls for all feeds at the user's request. Returns whether there
    /// was anything to stop.
    pub(super) fn stop_loading(&mut self, effects: &mut Vec<Effect>) -> bool {
        let mut stopped = false;
        for feed in self.feeds.ids() {
            stopped |= self.stop_list(feed, effects);
        }
        stopped
    }

    /// Stops the list fetch and poll for a feed. Returns whether there was anything to stop.
    pub(super) fn stop_list(&mut self, id: FeedId, effects: &mut Vec<Effect>) -> bool {
        let mono = self.clock.now.mono;
        let Some(wanted) = self.feeds.get_mut(id).and_then(|feed| feed.stop_list(mono)) else {
            return false;
        };
        self.list.found = None;
        self.run_feed_effects(id, wanted, effects);
        true
    }

    /// Stops the backfill for a feed at the user's request.
    pub(super) fn stop_backfill(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let wanted = feed.backfill.on(BackfillEvent::Stop);
        self.run_feed_effects(id, wanted, effects);
    }

    /// Starts or continues the backfill of each feed that is not loading anything else.
    pub(super) fn begin_backfills(&mut self, effects: &mut Vec<Effect>) {
        let now = self.clock.now;
        for id in self.feeds.ids() {
            let wanted = self.feeds.get_mut(id).and_then(|feed| feed.begin_backfill(now));
            self.run_feed_effects(id, wanted, effects);
        }
    }

    /// Starts the list retries and polls that are due.
    pub(super) fn run_due_fetches(&mut self, effects: &mut Vec<Effect>) {
        let mono = self.clock.now.mono;
        let is_due = |at: Option<std::time::Duration>| at.is_some_and(|at| at <= mono);
        for id in self.feeds.ids() {
            let Some(feed) = self.feeds.get_mut(id) else { continue };
            let (retries, polls) = (is_due(feed.list.retry_at()), is_due(feed.poll.next()));
            if (retries || polls) && feed.sign_in.signed_out {
                feed.stop_retries();
            } else if retries {
                self.fetch_from(id, effects);
            } else if polls {
                self.poll(id, effects);
            }
        }
    }

    /// Resumes loading after a sign-in. A fetch that was waiting for the sign-in continues
    /// automatically.
    pub(super) fn resume_loading(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let wanted = feed.backfill.on(BackfillEvent::Pause);
        let (retries, polls) = (feed.may_retry_after_sign_in(), feed.poll.is_on() && !feed.poll.is_running());
        self.run_feed_effects(id, wanted, effects);
        if retries {
            self.fetch_from(id, effects);
        } else if polls {
            self.poll(id, effects);
        }
    }

    /// Handles an event from a job. This is the only place that decides whether an event is valid.
    /// An event from a cancelled job affects only the store, and an event for a former profile or
    /// account has no effect.
    pub(super) fn handle_job(&mut self, id: JobId, event: JobEvent, effects: &mut Vec<Effect>) {
        let job_type = self.jobs.record(id, &event);
        match (job_type, event) {
            (Some(job_type), JobEvent::Fetch(LoadEvent::Batch(batch))) => {
                self.absorb_fetched(id.feed, job_type, batch, effects);
            }
            (Some(job_type), JobEvent::Fetch(event)) => {
                self.handle_fetch(id.feed, job_type, event, effects);
            }
            (Some(_), JobEvent::OwnersCompared(compared)) => {
                self.owners_compared(id.feed, &compared, effects);
            }
            (Some(_), JobEvent::Read(row, stored, body)) => {
                if self.selected() == Some(row) && self.store.is_current(row, &stored) {
                    self.show_detail(row, stored, *body);
                }
            }
            (Some(_), JobEvent::Ticket(ticket)) => self.copy_ticket(&ticket, effects),
            (Some(_), JobEvent::Exported { path, outcome }) => self.export_ended(id, &path, outcome),
            (Some(_), JobEvent::Write(event)) => self.handle_writes(id, event, effects),
            (Some(_), JobEvent::Noted(noted)) => self.noted(noted, effects),
            (Some(_), JobEvent::Journal(read)) => self.journal_read(read),
            (Some(_), JobEvent::Cache(event)) => self.handle_cache(id.feed, event, effects),
            (Some(_), JobEvent::SignIn(event)) => self.handle_sign_in(id.feed, event),
            (None, JobEvent::Fetch(LoadEvent::Batch(batch))) if self.feeds.own(id) => {
                self.absorb(id.feed, batch, effects);
            }
            (None, _) => {}
        }
    }

    /// Handles an event from a running fetch, other than a batch of alerts.
    fn handle_fetch(&mut self, id: FeedId, job_type: JobType, event: LoadEvent, effects: &mut Vec<Effect>) {
        match job_type {
            JobType::List => self.handle_list(id, event, effects),
            JobType::Poll => self.handle_poll(id, event, effects),
            JobType::Backfill => self.handle_backfill(id, event),
            JobType::CompareOwners
            | JobType::Read
            | JobType::Ticket
            | JobType::Export
            | JobType::Write
            | JobType::WriteNote
            | JobType::ReadJournal
            | JobType::ReadCache
            | JobType::SignIn => {}
        }
    }

    fn handle_list(&mut self, id: FeedId, event: LoadEvent, effects: &mut Vec<Effect>) {
        let now = self.clock.now;
        let Some(feed) = self.feeds.get_mut(id) else { return };
        match event {
            LoadEvent::Page { total, partial, server_time } => {
                feed.answered();
                feed.poll.on(PollEvent::ListAnswered(server_time));
                feed.list.on(ListEvent::Page { total, partial });
            }
            LoadEvent::Client(ClientEvent::Waiting { delay, cause }) => {
                feed.list.on(ListEvent::Waiting(now.mono + delay, cause));
            }
            LoadEvent::Client(ClientEvent::Resumed) => drop(feed.list.on(ListEvent::Resumed)),
            LoadEvent::FilesRead(read) => drop(feed.list.on(ListEvent::FilesRead(read, now.mono))),
            LoadEvent::Done => {
                let updates = feed.list.rows().filter_map(|row| self.store.facts(row).last_update());
                feed.list_done(self.filter.requested(), updates.max(), now);
                self.report_refresh();
            }
            LoadEvent::Failed(failure) => self.list_failed(id, failure, effects),
            LoadEvent::Client(
                ClientEvent::RenewingToken | ClientEvent::Accepted(_) | ClientEvent::Checking { .. },
            )
            | LoadEvent::Batch(_)
            | LoadEvent::Reached(_)
            | LoadEvent::Stopped => {}
        }
    }

    /// Notifies the user of what a refresh has found, once every feed has been read.
    fn report_refresh(&mut self) {
        let is_active = self.feeds.iter().any(|feed| feed.list.phase().is_active());
        if let Some(found) = self.list.found.take_if(|_| !is_active) {
            self.notify(found.sentence());
        }
    }

    fn list_failed(&mut self, id: FeedId, failure: Failure, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get(id) else { return };
        let may_simplify =
            failure.kind == FailureKind::Filter && feed.list.read() == 0 && self.filter.editor.is_none();
        if may_simplify && self.drop_refused_feature(id) {
            return self.fetch_from(id, effects);
        }
        let mono = self.clock.now.mono;
        if let Some(feed) = self.feeds.get_mut(id) {
            feed.list_failed(failure, mono);
        }
    }

    /// Replans the filter without an OData feature that the service may have rejected, so that the
    /// part that needs the feature is evaluated locally. Not all features are known to work for
    /// alerts (docs/graph-api.md, "Filtering"). Returns whether the filter used such a feature.
    fn drop_refused_feature(&mut self, id: FeedId) -> bool {
        let pushed = self.filter.requested_plan(id).and_then(|plan| plan.pushed.clone());
        let uses = |feature: &odata::Feature| pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        let Some(unproven) = odata::Feature::ALL.into_iter().find(uses) else { return false };
        if let Some(feed) = self.feeds.get_mut(id) {
            feed.service.refused.push(unproven);
        }
        self.replan();
        let refused = format!("the service refused `{}`; that part is applied locally", unproven.name());
        self.notify(self.about(id, &refused));
        true
    }

    /// Handles an event from a poll. Polls do not change the list state shown in the header.
    fn handle_poll(&mut self, id: FeedId, event: LoadEvent, effects: &mut Vec<Effect>) {
        let now = self.clock.now;
        let Some(feed) = self.feeds.get_mut(id) else { return };
        match event {
            LoadEvent::Page { server_time, .. } => {
                feed.answered();
                feed.poll.on(PollEvent::Page(server_time));
            }
            LoadEvent::Done => {
                feed.poll_done(now);
                self.send_notification(effects);
            }
            LoadEvent::Failed(failure) => {
                feed.poll_failed(now.mono);
                self.notify_error(self.about(id, &format!("live polling: {}", failure.line)));
                self.send_notification(effects);
            }
            LoadEvent::Batch(_)
            | LoadEvent::FilesRead(_)
            | LoadEvent::Reached(_)
            | LoadEvent::Client(_)
            | LoadEvent::Stopped => {}
        }
    }

    /// Handles an event from the backfill, including events sent after the backfill was asked to
    /// stop.
    fn handle_backfill(&mut self, id: FeedId, event: LoadEvent) {
        let mono = self.clock.now.mono;
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let event = match event {
            LoadEvent::Page { partial, server_time, .. } => BackfillEvent::Page {
                partial: partial.is_some(),
                answered_at: server_time.or(feed.poll.watermark()),
            },
            LoadEvent::Reached(bookmark) => BackfillEvent::Reached(bookmark),
            LoadEvent::Done => BackfillEvent::Done,
            LoadEvent::Failed(failure) => BackfillEvent::Failed { kind: failure.kind, mono },
            LoadEvent::Batch(_) | LoadEvent::FilesRead(_) | LoadEvent::Client(_) | LoadEvent::Stopped => {
                return;
            }
        };
        feed.backfill.on(event);
    }
}
