//! Determines how each service compares owners, which decides what a filter like `assigned:me`
//! requests (docs/filter-language.md, "OData meaning").
//!
//! If a list request relies on a guess about how an owner's name is written, a job queries the
//! service while the list loads. The list does not count as complete until the result confirms the
//! guess.

use super::{
    App, Effect,
    job::{JobKind, JobType},
};
use alertdeck_graph::OwnerComparison;
use alertdeck_model::SafeText;
use alertdeck_query::OwnerCase;
use alertdeck_store::FeedId;

impl App {
    /// Starts a job that determines how a feed's service compares owners. Does nothing if the list
    /// being loaded does not rely on a guess, if such a job is already running, or if an earlier
    /// job had an unclear result.
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

    /// Handles the result of an owner comparison. If the service matches only the exact spelling of
    /// an owner, a list that relied on a guess is fetched again, since alerts may be missing from
    /// it.
    pub(super) fn owners_compared(
        &mut self,
        id: FeedId,
        compared: &Result<OwnerComparison, String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let was_guess = feed.list.is_guess();
        match compared {
            // The list stays incomplete. The next list request starts another comparison.
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
