//! Fetching: starting fetches and handling their events (docs/architecture.md, "Loading").

use std::time::Duration;

use super::{
    App, Effect, FEED, Failure, FailureKind, Fetch, Generation, LoadEvent, Phase, Purpose, Scope,
    backfill::since,
    load::{CompleteList, Load, OVERLAP, POLL_INTERVAL},
};
use alertdeck_graph::ClientEvent;
use alertdeck_odata as odata;

/// The progress of the requested list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListProgress {
    /// Loaded alerts of the list, from any fetch; never fewer than the matches.
    pub loaded: usize,
    /// The number of alerts in the list, if the service counted them.
    pub total: Option<usize>,
    /// The number that the last fetch has read, if that is not all.
    pub read: Option<usize>,
}

impl App {
    /// Returns the progress of the requested list.
    ///
    /// Matches are a part of the list, since the request may return more than matches. Alerts
    /// loaded earlier therefore count while the list is read again, and so do alerts from live
    /// polls.
    pub fn list_progress(&self) -> ListProgress {
        let read = if self.settings.service { self.load.read() } else { self.store.len() };
        let found = if self.filter.shows_requested() { self.view.count().found() } else { 0 };
        let loaded = read.max(found);
        // Alerts that arrived later are not in the service's count.
        let total = self.load.total.map(|total| loaded.max(usize::try_from(total).unwrap_or(usize::MAX)));
        let complete = match self.load.phase {
            Phase::Idle => true,
            Phase::Complete => self.load.partial.is_none(),
            _ => false,
        };
        ListProgress { loaded, total, read: (read < loaded && !complete).then_some(read) }
    }

    /// Fetches the requested filter's list, superseding the running fetch.
    pub(super) fn fetch(&mut self, effects: &mut Vec<Effect>) {
        let scope = self.filter.requested_scope();
        self.load.marks_changes = self.load.complete_list(self.filter.requested(), &scope).is_some();
        self.load.scope = scope.clone();
        self.load.phase = Phase::Loading;
        self.load.read.clear();
        (self.load.total, self.load.partial) = (None, None);
        self.load.backfill.state.pause();
        self.start_fetch(scope, Purpose::List, effects);
    }

    /// Starts a fetch of a new generation.
    fn start_fetch(&mut self, scope: Scope, purpose: Purpose, effects: &mut Vec<Effect>) {
        self.load.poll.running = purpose == Purpose::Poll;
        self.load.poll.next = None;
        self.load.answered_at = None;
        self.load.supersede();
        let generation = self.load.generations.current;
        effects.push(Effect::Fetch(Fetch { generation, purpose, scope, from: None }));
    }

    /// Cancels all fetches.
    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        self.load.poll.running = false;
        self.load.supersede();
        self.load.backfill.state.pause();
        effects.push(Effect::Cancel);
    }

    /// Requests the committed filter, and fetches its list unless a complete list covers it or
    /// nothing can be fetched.
    pub(super) fn fetch_unless_covered(&mut self, effects: &mut Vec<Effect>) {
        self.filter.request();
        let scope = self.filter.requested_scope();
        let under_way = self.load.phase.is_active() && self.load.scope == scope;
        if !self.settings.service || under_way {
            return;
        }
        let Some(list) = self.load.complete_list(self.filter.requested(), &scope).cloned() else {
            if self.sign_in.signed_out {
                self.fail_signed_out(scope, effects);
            } else {
                self.fetch(effects);
            }
            return;
        };
        // The header describes the shown list, not one that was superseded.
        if self.load.phase.is_active() {
            self.cancel(effects);
        }
        self.load.scope = scope;
        self.load.phase = Phase::Complete;
        self.load.partial = None;
        self.load.completed_at = Some(list.at);
        (self.load.read, self.load.total) = (list.read, list.total);
        self.schedule_poll(POLL_INTERVAL);
    }

    /// Polls for new and changed alerts. The request never contains status, severity and the like:
    /// otherwise rows that leave the filter would not be updated (docs/console.md, "Live polling").
    pub(super) fn poll(&mut self, effects: &mut Vec<Effect>) {
        self.load.poll.next = None;
        if self.load.phase.is_active() {
            return;
        }
        let Some(watermark) = self.load.poll.watermark else {
            return self.fetch(effects);
        };
        self.load.marks_changes = true;
        self.load.poll.newest = None;
        let scope = since(odata::Property::LastUpdateDateTime, watermark.before(OVERLAP));
        self.start_fetch(scope, Purpose::Poll, effects);
    }

    /// Stops loading for the user. Returns whether there was something to stop.
    pub(super) fn stop_loading(&mut self, effects: &mut Vec<Effect>) -> bool {
        let retrying = matches!(self.load.phase, Phase::Failed { retry_at: Some(_), .. });
        if !self.load.phase.is_active() && !retrying {
            return false;
        }
        self.cancel(effects);
        self.load.phase = Phase::Stopped;
        self.schedule_poll(POLL_INTERVAL);
        true
    }

    /// Handles an event of a fetch.
    pub(super) fn handle_load(
        &mut self,
        generation: Generation,
        event: LoadEvent,
        effects: &mut Vec<Effect>,
    ) {
        if generation < self.load.generations.oldest {
            return;
        }
        let current = generation == self.load.generations.current;
        if let LoadEvent::Page { server_time, .. } = &event
            && current
        {
            // The service answers, so the user has signed in elsewhere.
            self.sign_in.signed_out &= self.sign_in.stage.is_some();
            if self.load.answered_at.is_none() {
                self.load.answered_at = *server_time;
                if !self.load.poll.running {
                    self.load.list_started();
                }
            }
        }
        match event {
            // Alerts of superseded fetches are kept: they are still true.
            LoadEvent::Batch(batch) => {
                let absorbed = self.store.absorb(FEED, batch);
                if current && self.load.marks_changes {
                    self.list.new.extend(&absorbed.new);
                    let changed = absorbed.changed.iter().filter(|row| !self.list.new.contains(**row));
                    self.list.changed.extend(changed);
                }
                if current && self.load.poll.running {
                    let newest =
                        absorbed.seen.iter().filter_map(|row| self.store.facts(*row).last_update()).max();
                    self.load.poll.newest = self.load.poll.newest.max(newest);
                }
                let touched = absorbed.touched();
                self.view.touch(&self.store, &touched);
                if current && !self.load.poll.running {
                    self.load.read.extend(&absorbed.seen);
                } else if self.load.phase == Phase::Complete && self.filter.shows_requested() {
                    // A complete list grows by arriving alerts that match.
                    let matching = self.view.matching();
                    self.load.read.extend(touched.into_iter().filter(|row| matching.contains(*row)));
                }
            }
            _ if self.load.backfill.cursor.is_current(generation) => self.handle_backfill(event),
            _ if !current => {}
            _ if self.load.poll.running => self.handle_poll(event),
            LoadEvent::Page { total, partial, .. } => {
                self.load.phase = Phase::Loading;
                self.load.total = total.or(self.load.total);
                self.load.partial = partial.or(self.load.partial.take());
            }
            LoadEvent::Client(ClientEvent::Waiting { delay, cause: why }) => {
                self.load.phase = Phase::Waiting { until: self.clock.now.mono + delay, why };
            }
            LoadEvent::Client(ClientEvent::Resumed) => self.load.phase = Phase::Loading,
            LoadEvent::Client(ClientEvent::RenewingToken | ClientEvent::Checking { .. })
            | LoadEvent::Reached(_) => {}
            LoadEvent::Done => {
                self.load.phase = Phase::Complete;
                self.load.failures = 0;
                if self.load.poll.watermark.is_none() {
                    // A service that sends no time: use its newest update.
                    let updates = self.load.read.iter().filter_map(|row| self.store.facts(row).last_update());
                    self.load.poll.watermark = updates.max();
                }
                let at = self.clock.now.wall;
                self.load.completed_at = Some(at);
                if self.load.partial.is_none() {
                    let Load { scope, read, total, .. } = &self.load;
                    let list = CompleteList { scope: scope.clone(), read: read.clone(), total: *total, at };
                    self.load.complete_lists.insert(self.filter.requested().to_owned(), list);
                }
                self.schedule_poll(POLL_INTERVAL);
            }
            LoadEvent::Failed(failure) => self.handle_list_failure(failure, effects),
        }
    }

    /// Cancels all fetches after a sign-out.
    pub(super) fn cancel_when_signed_out(&mut self, effects: &mut Vec<Effect>) {
        if self.load.phase.is_active() {
            let scope = self.load.scope.clone();
            self.fail_signed_out(scope, effects);
        } else if self.load.poll.running || self.load.backfill.state.is_running() {
            self.cancel(effects);
        }
    }

    /// Fails the list without a request: the user is signed out and has been asked to sign in.
    fn fail_signed_out(&mut self, scope: Scope, effects: &mut Vec<Effect>) {
        if self.load.phase.is_active() || self.load.poll.running || self.load.backfill.state.is_running() {
            self.cancel(effects);
        }
        if self.load.scope != scope {
            self.load.scope = scope;
            self.load.read.clear();
            (self.load.total, self.load.partial) = (None, None);
        }
        let line = "not signed in".to_owned();
        self.load.phase =
            Phase::Failed { failure: Failure { kind: FailureKind::SignIn, line }, retry_at: None };
    }

    /// Stops automatic retries and polls: each would ask the user to sign in again.
    pub(super) fn stop_retries(&mut self) {
        self.load.poll.next = None;
        if let Phase::Failed { retry_at, .. } = &mut self.load.phase {
            *retry_at = None;
        }
    }

    /// Continues after a sign-in. A fetch that waited for it continues by itself.
    pub(super) fn resume_loading(&mut self, effects: &mut Vec<Effect>) {
        self.load.backfill.state.pause();
        match &self.load.phase {
            Phase::Failed { failure, retry_at: None }
                if failure.kind == FailureKind::SignIn || failure.kind.is_transient() =>
            {
                self.fetch(effects);
            }
            phase if self.load.poll.live && !phase.is_active() && !self.load.poll.running => {
                self.poll(effects);
            }
            _ => {}
        }
    }

    fn handle_list_failure(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        let may_simplify =
            failure.kind == FailureKind::Filter && self.load.read.is_empty() && self.filter.editor.is_none();
        if may_simplify && self.drop_refused_operator() {
            return self.fetch(effects);
        }
        let retry_at = failure.kind.is_transient().then(|| self.clock.now.mono + self.load.back_off());
        if retry_at.is_none() {
            self.schedule_poll(POLL_INTERVAL);
        }
        self.load.phase = Phase::Failed { failure, retry_at };
    }

    /// Plans the filter again without an operator that the service may have refused, and leaves
    /// that part to local filtering; not all operators are proven for alerts (docs/graph-api.md,
    /// "Filtering"). Returns whether there was one.
    fn drop_refused_operator(&mut self) -> bool {
        let pushed = self.filter.requested_plan().and_then(|plan| plan.pushed.clone());
        let uses = |feature: &odata::Feature| pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        let Some(unproven) = odata::Feature::ALL.into_iter().find(uses) else { return false };
        self.load.refused.push(unproven);
        self.replan();
        self.notify(format!("the service refused `{}`; that part is filtered locally", unproven.name()));
        true
    }

    /// Handles an event of a poll, which changes nothing in the header's state of the list.
    fn handle_poll(&mut self, event: LoadEvent) {
        match event {
            LoadEvent::Done => {
                self.load.poll_completed();
                self.load.poll.running = false;
                self.load.failures = 0;
                self.schedule_poll(POLL_INTERVAL);
            }
            LoadEvent::Failed(failure) => {
                self.load.poll.running = false;
                self.notify_error(format!("live polling: {}", failure.line));
                let wait = self.load.back_off();
                self.schedule_poll(wait);
            }
            _ => {}
        }
    }

    /// Schedules the next poll if live polling is on, even if the list is incomplete.
    fn schedule_poll(&mut self, wait: Duration) {
        if self.load.poll.live && self.settings.service {
            self.load.poll.next = Some(self.clock.now.mono + wait);
        }
    }
}
