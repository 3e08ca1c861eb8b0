//! How the state answers what a fetch says.

use std::time::Duration;

use super::{
    App, Effect, Failure, FailureKind, Fetch, Fresh, Generation, LoadEvent, Phase, Purpose, Scope,
    backfill::since,
    load::{Load, OVERLAP, POLL_EVERY, Whole},
};
use alertdeck_graph::ClientEvent;
use alertdeck_odata as odata;
use alertdeck_store::Row;

/// How much of the list that was asked for is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Alerts of it that are held, from whatever fetch: never fewer than match.
    pub held: usize,
    /// How many there are, where the service has counted them.
    pub total: Option<usize>,
    /// How many of them the fetch has read that was made last, if it has not read all.
    pub read: Option<usize>,
}

impl App {
    /// Returns how much of the list that was asked for is held.
    ///
    /// What matches is a part of the list, since more is asked for than matches. So alerts that are
    /// held from before count, while the list is read again, and so do those that live mode brings.
    pub fn loaded_of_list(&self) -> Loaded {
        let read = if self.settings.service { self.load.read() } else { self.store.len() };
        let found = if self.filter.shows_asked() { self.view.count().found() } else { 0 };
        let held = read.max(found);
        // Alerts that have arrived since are in the list and not in the service's count.
        let total = self.load.total.map(|total| held.max(usize::try_from(total).unwrap_or(usize::MAX)));
        let whole = match self.load.phase {
            Phase::Idle => true,
            Phase::Complete => self.load.partial.is_none(),
            _ => false,
        };
        Loaded { held, total, read: (read < held && !whole).then_some(read) }
    }

    /// Fetches what the service was asked last; what was under way is dropped.
    pub(super) fn fetch(&mut self, effects: &mut Vec<Effect>) {
        let scope = self.filter.asked_scope();
        self.load.news = self.load.covering(self.filter.asked(), &scope).is_some();
        self.load.scope = scope.clone();
        self.load.phase = Phase::Loading;
        self.load.read.clear();
        (self.load.total, self.load.partial) = (None, None);
        self.load.backfill.state.pause();
        self.begin(scope, Purpose::List, effects);
    }

    /// Sends for alerts under a new generation.
    fn begin(&mut self, scope: Scope, purpose: Purpose, effects: &mut Vec<Effect>) {
        self.load.poll.running = purpose == Purpose::Poll;
        self.load.poll.next = None;
        self.load.answered_at = None;
        self.load.renew();
        let generation = self.load.generations.current;
        effects.push(Effect::Fetch(Fetch { generation, purpose, scope, from: None }));
    }

    /// Breaks off whatever is being fetched.
    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        self.load.poll.running = false;
        self.load.renew();
        self.load.backfill.state.pause();
        effects.push(Effect::Cancel);
    }

    /// Makes the filter that was run last the question to the service, and fetches unless a whole
    /// list covers it already, or nothing can be fetched.
    pub(super) fn fetch_unless_covered(&mut self, effects: &mut Vec<Effect>) {
        self.filter.ask();
        let scope = self.filter.asked_scope();
        let under_way = self.load.phase.is_active() && self.load.scope == scope;
        if !self.settings.service || under_way {
            return;
        }
        let Some(whole) = self.load.covering(self.filter.asked(), &scope).cloned() else {
            return if self.sign_in.out { self.do_without(scope, effects) } else { self.fetch(effects) };
        };
        // The header speaks of the list that is shown, not of one that nobody waits for any more.
        if self.load.phase.is_active() {
            self.cancel(effects);
        }
        self.load.scope = scope;
        self.load.phase = Phase::Complete;
        self.load.partial = None;
        self.load.whole_at = Some(whole.at);
        (self.load.read, self.load.total) = (whole.read, whole.total);
        self.poll_later(POLL_EVERY);
    }

    /// Looks for what is new or has changed. Status, severity and the like are not asked for,
    /// else rows that leave the filter would go stale unseen (UX.md D 3).
    pub(super) fn poll(&mut self, effects: &mut Vec<Effect>) {
        self.load.poll.next = None;
        if self.load.phase.is_active() {
            return;
        }
        let Some(watermark) = self.load.poll.watermark else {
            return self.fetch(effects);
        };
        self.load.news = true;
        self.load.poll.newest = None;
        let scope = since(odata::Property::LastUpdateDateTime, watermark.before(OVERLAP));
        self.begin(scope, Purpose::Poll, effects);
    }

    /// Stops loading on the user's word; tells whether there was something to stop.
    pub(super) fn stop_loading(&mut self, effects: &mut Vec<Effect>) -> bool {
        let retrying = matches!(self.load.phase, Phase::Failed { retry_at: Some(_), .. });
        if !self.load.phase.is_active() && !retrying {
            return false;
        }
        self.cancel(effects);
        self.load.phase = Phase::Stopped;
        self.poll_later(POLL_EVERY);
        true
    }

    pub(super) fn loaded(&mut self, generation: Generation, event: LoadEvent, effects: &mut Vec<Effect>) {
        if generation < self.load.generations.oldest {
            return;
        }
        let current = generation == self.load.generations.current;
        if let LoadEvent::Page { server_time, .. } = &event
            && current
        {
            // Somebody has signed in elsewhere, since the service answers.
            self.sign_in.out &= self.sign_in.stage.is_some();
            if self.load.answered_at.is_none() {
                self.load.answered_at = *server_time;
                if !self.load.poll.running {
                    self.load.list_begins();
                }
            }
        }
        match event {
            // What is true is kept even when nobody waits for it any more.
            LoadEvent::Batch(batch) => {
                let absorbed = self.store.absorb(batch);
                if current && self.load.news {
                    self.list.fresh.extend(absorbed.new.iter().map(|row| (*row, Fresh::New)));
                    for row in &absorbed.changed {
                        self.list.fresh.entry(*row).or_insert(Fresh::Changed);
                    }
                }
                if current && self.load.poll.running {
                    let newest =
                        absorbed.seen.iter().filter_map(|row| self.store.facts(*row).last_update).max();
                    self.load.poll.newest = self.load.poll.newest.max(newest);
                }
                let touched = absorbed.touched();
                self.view.touch(&self.store, &touched);
                if current && !self.load.poll.running {
                    self.load.read.extend(&absorbed.seen);
                } else if self.load.phase == Phase::Complete && self.filter.shows_asked() {
                    // A list that is whole grows by what comes in and belongs to it.
                    let (store, view) = (&self.store, &self.view);
                    let fits = |row: &Row| view.position(store, *row).is_some() && !view.is_stale(*row);
                    self.load.read.extend(touched.into_iter().filter(fits));
                }
            }
            _ if self.load.backfill.cursor.is(generation) => self.backfill_event(event),
            _ if !current => {}
            _ if self.load.poll.running => self.polled(event),
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
                    // A service that does not tell its time: by what it sent.
                    let updates = self.load.read.iter().filter_map(|row| self.store.facts(*row).last_update);
                    self.load.poll.watermark = updates.max();
                }
                let at = self.clock.now.wall;
                self.load.whole_at = Some(at);
                if self.load.partial.is_none() {
                    let Load { scope, read, total, .. } = &self.load;
                    let whole = Whole { scope: scope.clone(), read: read.clone(), total: *total, at };
                    self.load.covered.insert(self.filter.asked().to_owned(), whole);
                }
                self.poll_later(POLL_EVERY);
            }
            LoadEvent::Failed(failure) => self.failed(failure, effects),
        }
    }

    /// Breaks off what is under way, since nobody is signed in any more.
    pub(super) fn give_up_loading(&mut self, effects: &mut Vec<Effect>) {
        if self.load.phase.is_active() {
            let scope = self.load.scope.clone();
            self.do_without(scope, effects);
        } else if self.load.poll.running || self.load.backfill.state.is_under_way() {
            self.cancel(effects);
        }
    }

    /// Leaves a list unread, since nobody is signed in and the user has been asked already.
    fn do_without(&mut self, scope: Scope, effects: &mut Vec<Effect>) {
        if self.load.phase.is_active() || self.load.poll.running || self.load.backfill.state.is_under_way() {
            self.cancel(effects);
        }
        if self.load.scope != scope {
            self.load.scope = scope;
            self.load.read.clear();
            (self.load.total, self.load.partial) = (None, None);
        }
        let line = "nobody is signed in".to_owned();
        self.load.phase =
            Phase::Failed { failure: Failure { kind: FailureKind::SignIn, line }, retry_at: None };
    }

    /// Stops trying and looking by itself: it would ask the user again and again to sign in.
    pub(super) fn wait_for_sign_in(&mut self) {
        self.load.poll.next = None;
        if let Phase::Failed { retry_at, .. } = &mut self.load.phase {
            *retry_at = None;
        }
    }

    /// Goes on where nobody was signed in; a fetch that waits for that goes on by itself.
    pub(super) fn resume(&mut self, effects: &mut Vec<Effect>) {
        self.load.backfill.state.pause();
        match &self.load.phase {
            Phase::Failed { failure, retry_at: None }
                if failure.kind == FailureKind::SignIn || failure.kind.passes() =>
            {
                self.fetch(effects);
            }
            phase if self.load.poll.live && !phase.is_active() && !self.load.poll.running => {
                self.poll(effects)
            }
            _ => {}
        }
    }

    fn failed(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        let may_ask =
            failure.kind == FailureKind::Filter && self.load.read.is_empty() && self.filter.editor.is_none();
        if may_ask && self.ask_for_less() {
            return self.fetch(effects);
        }
        let retry_at = failure.kind.passes().then(|| self.clock.now.mono + self.load.back_off());
        if retry_at.is_none() {
            self.poll_later(POLL_EVERY);
        }
        self.load.phase = Phase::Failed { failure, retry_at };
    }

    /// Some operators are unproven on this collection (API.md 2): where the filter uses one, it
    /// is planned again without it, and that part is filtered here.
    fn ask_for_less(&mut self) -> bool {
        let pushed = self.filter.asked_plan().and_then(|plan| plan.pushed.clone());
        let uses = |feature: &odata::Feature| pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        let Some(unproven) = odata::Feature::ALL.into_iter().find(uses) else { return false };
        self.load.refused.push(unproven);
        self.plan_again();
        self.notify(format!("the service refused `{}`: that part is filtered here", unproven.name()));
        true
    }

    /// A look of live mode changes nothing of what the header says of the list.
    fn polled(&mut self, event: LoadEvent) {
        match event {
            LoadEvent::Done => {
                self.load.poll_ends();
                self.load.poll.running = false;
                self.load.failures = 0;
                self.poll_later(POLL_EVERY);
            }
            LoadEvent::Failed(failure) => {
                self.load.poll.running = false;
                self.notify_error(format!("live: {}", failure.line));
                let wait = self.load.back_off();
                self.poll_later(wait);
            }
            _ => {}
        }
    }

    /// Live mode looks again after a while, also where the list itself was not read to its end.
    fn poll_later(&mut self, wait: Duration) {
        if self.load.poll.live && self.settings.service {
            self.load.poll.next = Some(self.clock.now.mono + wait);
        }
    }
}
