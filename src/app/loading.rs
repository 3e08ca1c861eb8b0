//! How the state answers what a fetch says.

use super::{
    App, Effect, Failure, FailureKind, Fetch, Fresh, Generation, LoadEvent, Phase, Scope,
    load::{OVERLAP, POLL_EVERY, RETRY_AFTER},
};
use crate::odata;

impl App {
    /// Fetches what the filter in force asks of the service; what was under way is dropped.
    pub(super) fn fetch(&mut self, effects: &mut Vec<Effect>) {
        self.load.polling = false;
        self.load.poll_at = None;
        self.load.generation.0 += 1;
        self.load.scope = self.filter.scope();
        self.load.news = self.is_covered(&self.load.scope);
        self.load.phase = Phase::Loading;
        self.load.read.clear();
        (self.load.total, self.load.partial) = (None, None);
        effects
            .push(Effect::Fetch(Fetch { generation: self.load.generation, scope: self.load.scope.clone() }));
    }

    /// Tells whether all that a scope asks for was read.
    fn is_covered(&self, scope: &Scope) -> bool {
        self.load.covered.contains(&Scope::All) || self.load.covered.contains(scope)
    }

    /// Fetches unless a whole list covers the filter already, or nothing can be fetched.
    pub(super) fn fetch_unless_covered(&mut self, effects: &mut Vec<Effect>) {
        let scope = self.filter.scope();
        let covered = self.is_covered(&scope);
        let under_way = self.load.phase.is_active() && !self.load.polling && self.load.scope == scope;
        if self.settings.service && !covered && !under_way {
            self.fetch(effects);
        }
    }

    /// Looks for what is new or has changed. Status, severity and the like are not asked for,
    /// else rows that leave the filter would go stale unseen (UX.md D 3).
    pub(super) fn poll(&mut self, effects: &mut Vec<Effect>) {
        self.load.poll_at = None;
        if self.load.phase.is_active() {
            return;
        }
        let Some(watermark) = self.load.watermark() else {
            return self.fetch(effects);
        };
        self.load.polling = true;
        self.load.news = true;
        self.load.generation.0 += 1;
        let since = odata::Expr::Compare(
            odata::Property::LastUpdateDateTime,
            odata::Operator::Ge,
            odata::Literal::Time(watermark.before(OVERLAP)),
        );
        effects.push(Effect::Fetch(Fetch {
            generation: self.load.generation,
            scope: Scope::Filter(since.to_string()),
        }));
    }

    /// Stops loading on the user's word; tells whether there was something to stop.
    pub(super) fn stop_loading(&mut self, effects: &mut Vec<Effect>) -> bool {
        if !self.load.phase.is_active() {
            return false;
        }
        self.load.generation.0 += 1;
        self.load.phase = Phase::Stopped;
        effects.push(Effect::Cancel);
        self.poll_later();
        true
    }

    pub(super) fn loaded(&mut self, generation: Generation, event: LoadEvent, effects: &mut Vec<Effect>) {
        let current = generation == self.load.generation;
        if let LoadEvent::Page { server_time: Some(at), .. } = &event {
            self.load.server_time = self.load.server_time.max(Some(*at));
        }
        match event {
            // What is true is kept even when nobody waits for it any more.
            LoadEvent::Batch(batch) => {
                let absorbed = self.store.absorb(batch);
                if current && self.load.news {
                    self.fresh.extend(absorbed.new.iter().map(|row| (*row, Fresh::New)));
                    for row in &absorbed.changed {
                        self.fresh.entry(*row).or_insert(Fresh::Changed);
                    }
                }
                let newest =
                    absorbed.touched().iter().filter_map(|row| self.store.facts(*row).last_update).max();
                self.load.newest = self.load.newest.max(newest);
                self.view.touch(&self.store, &absorbed.touched());
                if current && !self.load.polling {
                    self.load.read.extend(&absorbed.seen);
                }
            }
            _ if !current => {}
            _ if self.load.polling => self.polled(event, effects),
            LoadEvent::Page { total, partial, .. } => {
                self.load.phase = Phase::Loading;
                self.load.total = total.or(self.load.total);
                self.load.partial = partial.or(self.load.partial.take());
            }
            LoadEvent::Waiting { wait, why } => {
                self.load.phase = Phase::Waiting { until: self.clock.now.mono + wait, why };
            }
            LoadEvent::Resumed => self.load.phase = Phase::Loading,
            LoadEvent::Done => {
                self.load.phase = Phase::Complete;
                self.load.whole_at = Some(self.clock.now.wall);
                if self.load.partial.is_none() {
                    self.load.covered.insert(self.load.scope.clone());
                }
                self.poll_later();
            }
            LoadEvent::Failed(failure) => self.failed(failure, effects),
        }
    }

    fn failed(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        if failure.kind == FailureKind::Filter && self.load.read.is_empty() && self.ask_for_less() {
            return self.fetch(effects);
        }
        let retry_at = failure.kind.passes().then(|| self.clock.now.mono + RETRY_AFTER);
        if retry_at.is_none() {
            self.poll_later();
        }
        self.load.phase = Phase::Failed { failure, retry_at };
    }

    /// Some operators are unproven on this collection (API.md 2): where the filter uses one, it
    /// is planned again without it, and that part is filtered here.
    fn ask_for_less(&mut self) -> bool {
        let pushed = self.filter.plan.as_ref().and_then(|plan| plan.pushed.clone());
        let uses = |feature: &odata::Feature| pushed.as_ref().is_some_and(|pushed| pushed.uses(*feature));
        let Some(unproven) = odata::Feature::ALL.into_iter().find(uses) else { return false };
        self.load.refused.push(unproven);
        self.apply_filter();
        self.say(format!("the service refused `{}`: that part is filtered here", unproven.name()));
        true
    }

    /// A look of live mode changes nothing of what the header says of the list.
    fn polled(&mut self, event: LoadEvent, _effects: &mut [Effect]) {
        match event {
            LoadEvent::Done => {
                self.load.polling = false;
                self.poll_later();
            }
            LoadEvent::Failed(failure) => {
                self.load.polling = false;
                self.complain(format!("live: {}", failure.line));
                self.poll_later();
            }
            _ => {}
        }
    }

    /// Live mode looks again after a while, also where the list itself was not read to its end.
    fn poll_later(&mut self) {
        if self.load.live && self.settings.service {
            self.load.poll_at = Some(self.clock.now.mono + POLL_EVERY);
        }
    }
}
