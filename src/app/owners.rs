//! Learns how each service compares owners, which decides what a filter like `assigned:me` requests
//! (docs/filter-language.md, "OData meaning").
//!
//! While a list with a guessed spelling loads, a job asks the service. Until its answer confirms the
//! guess, the list is not called complete.

use super::{
    App, Effect,
    job::{JobKind, JobType},
};
use alertdeck_graph::OwnerComparison;
use alertdeck_model::SafeText;
use alertdeck_query::OwnerCase;
use alertdeck_store::FeedId;

impl App {
    /// Starts a job that finds out how a feed's service compares owners, if the requested list
    /// depends on it, no such job is running, and the service's answers can tell.
    pub(super) fn compare_owners(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get(id) else { return };
        let depends =
            feed.list.is_guess() && feed.list.phase().is_active() && !feed.service.is_owner_case_unclear;
        if depends && self.jobs.running(id, JobType::CompareOwners).is_none() {
            let has_letters = |owner: &&str| owner.contains(|c: char| c.is_ascii_alphabetic());
            let known = self.store.owners(id).map(SafeText::raw).find(has_letters);
            let job = JobKind::CompareOwners(known.map(str::to_owned));
            self.start_job(id, job, effects);
        }
    }

    /// Handles the result. If the service matches owners only in the same spelling, the list is fetched
    /// again, since alerts are missing from it.
    pub(super) fn owners_compared(
        &mut self,
        id: FeedId,
        compared: &Result<OwnerComparison, String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let was_guess = feed.list.is_guess();
        match compared {
            // The list stays incomplete. The next request asks again.
            Err(_) => {}
            Ok(OwnerComparison::Unclear) => feed.service.is_owner_case_unclear = true,
            Ok(OwnerComparison::NoOwners) => feed.confirm_guess(self.filter.requested()),
            Ok(OwnerComparison::IgnoresCase) => {
                feed.service.owner_case = OwnerCase::Ignored;
                feed.confirm_guess(self.filter.requested());
                self.replan();
            }
            Ok(OwnerComparison::Exact) => {
                feed.service.owner_case = OwnerCase::Exact;
                self.replan();
                if was_guess {
                    self.fetch_from(id, effects);
                }
            }
        }
    }
}
