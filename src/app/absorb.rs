//! Adds fetched alerts to the store and the cache.

use super::{
    App, Effect,
    feed::{ListEvent, PollEvent},
    job::JobType,
};
use alertdeck_store::{Absorbed, Batch, FeedId, Row};

impl App {
    /// Adds alerts to the store and to the cache.
    pub(super) fn absorb(&mut self, feed: FeedId, batch: Batch, effects: &mut Vec<Effect>) -> Absorbed {
        let encoded = batch.encoded().cloned();
        let absorbed = self.store.absorb(feed, batch);
        self.view.touch(&self.store, &absorbed.touched());
        self.write_absorbed(feed, encoded, &absorbed, effects);
        absorbed
    }

    /// Adds alerts from a running fetch to the store and the cache, and updates the state of the
    /// fetch.
    pub(super) fn absorb_fetched(
        &mut self,
        id: FeedId,
        job_type: JobType,
        batch: Batch,
        effects: &mut Vec<Effect>,
    ) {
        let absorbed = self.absorb(id, batch, effects);
        self.notify_odd_date(id, &absorbed);
        self.mark_arrivals(id, job_type, &absorbed);
        let Some(feed) = self.feeds.get_mut(id) else { return };
        if job_type == JobType::List {
            feed.list.on(ListEvent::Read(absorbed.seen, self.clock.now.mono));
            return;
        }
        if job_type == JobType::Poll {
            let updates = absorbed.seen.iter().filter_map(|row| self.store.facts(*row).last_update());
            feed.poll.on(PollEvent::Read(updates.max()));
        }
        if self.filter.shows_requested() {
            let matches = |row: &Row| self.view.matching().contains(*row);
            feed.list.on(ListEvent::Matched(absorbed.touched().into_iter().filter(matches).collect()));
        }
    }

    /// Shows an error message the first time an unreadable date is found in a feed's alerts.
    fn notify_odd_date(&mut self, id: FeedId, absorbed: &Absorbed) {
        let Some(feed) = self.feeds.get_mut(id).filter(|feed| !feed.has_odd_date) else { return };
        if absorbed.touched().iter().any(|row| self.store.has_odd_date(*row)) {
            feed.has_odd_date = true;
            let line = self.about(id, "unreadable time, shown as received and sorted last");
            self.notify_error(line);
        }
    }
}
