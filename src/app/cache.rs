//! Connects each feed's cache with its list, the store and the jobs.

use std::sync::Arc;

use super::{
    App, Effect,
    feed::{Cache, ListEvent, Phase},
    job::{CacheEvent, JobKind, Scope},
};
use alertdeck_store::{Absorbed, EncodedBatch, FeedId};

impl App {
    /// Returns whether a feed's list must wait for its cache. Starts opening the cache if that has
    /// not been done yet.
    pub(super) fn waits_for_cache(&mut self, id: FeedId, scope: &Scope, effects: &mut Vec<Effect>) -> bool {
        self.open_cache(id, effects);
        self.feeds.get(id).is_some_and(|feed| feed.cache.delays(scope))
    }

    /// Starts opening the cache for a feed's account, if caching is on and the cache has not been
    /// opened yet.
    pub(super) fn open_cache(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.any_mut(id).filter(|feed| feed.settings.cache.is_some()) else { return };
        if matches!(feed.cache, Cache::Unopened) {
            feed.cache = Cache::Opening(Vec::new());
            self.start_job(id, JobKind::ReadCache, effects);
        }
    }

    /// Starts opening the cache for a newly signed-in account if the feed's cache was off (for
    /// example, because the account was unknown) and none of the feed's alerts are loaded.
    pub(super) fn open_cache_of_new_account(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let is_empty = self.store.rows_of_feeds(&[id]).is_empty();
        if let Some(feed) = self.feeds.any_mut(id)
            && matches!(feed.cache, Cache::Off)
            && is_empty
        {
            feed.cache = Cache::Unopened;
            self.open_cache(id, effects);
        }
    }

    /// Handles an event from reading a cache.
    pub(super) fn handle_cache(&mut self, id: FeedId, event: CacheEvent, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.any_mut(id) else { return };
        match event {
            CacheEvent::Opened { account, state } => {
                // If a different account turns out to be signed in, the cached alerts are
                // discarded.
                feed.sign_in.account = feed.sign_in.account.take().or(account);
                if let Some(at) = state.saved_at {
                    feed.list.on(ListEvent::Cached(at));
                }
                let held = feed.cache.opened(state);
                effects.extend(held.into_iter().map(|write| Effect::WriteCache(id, write)));
            }
            CacheEvent::Batch(batch) => {
                let absorbed = self.store.absorb(id, batch);
                self.view.touch(&self.store, &absorbed.touched());
                return;
            }
            CacheEvent::Done { is_whole } => feed.cache.read(is_whole),
            CacheEvent::None => feed.cache = Cache::Off,
        }
        self.fetch_after_cache(id, effects);
    }

    /// Fetches the list if it was waiting for the cache and no longer needs to wait.
    fn fetch_after_cache(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let scope = self.filter.requested_list(id).scope;
        let waits = |phase: &Phase| *phase == Phase::Idle;
        if self.feeds.get(id).is_some_and(|feed| waits(feed.list.phase()) && !feed.cache.delays(&scope)) {
            self.fetch_from(id, effects);
        }
    }

    /// Writes newly absorbed alerts to the feed's cache.
    pub(super) fn write_absorbed(
        &mut self,
        id: FeedId,
        batch: Option<Arc<EncodedBatch>>,
        absorbed: &Absorbed,
        effects: &mut Vec<Effect>,
    ) {
        let at = self.clock.now.wall;
        let Some(feed) = self.feeds.any_mut(id) else { return };
        let write = batch.and_then(|batch| feed.cache.absorbed(batch, absorbed, at));
        effects.extend(write.map(|write| Effect::WriteCache(id, write)));
    }

    /// Writes the coverage of each feed's loaded alerts to the feed's cache, if the coverage has
    /// changed.
    pub(super) fn write_coverage(&mut self, effects: &mut Vec<Effect>) {
        let at = self.clock.now.wall;
        for feed in self.feeds.iter_mut() {
            let coverage = feed.loaded_coverage();
            let write = coverage.and_then(|coverage| feed.cache.covered(coverage, at));
            effects.extend(write.map(|write| Effect::WriteCache(feed.id, write)));
        }
    }
}
