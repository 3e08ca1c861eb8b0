//! The feeds that are on and those that were switched off.
//!
//! This module knows which feeds exist, but not what they load.

use alertdeck_store::FeedId;

use super::{Feed, FeedEffect, FeedSettings, Phase, PollEvent};
use crate::app::job::JobId;

/// All feeds. The list contains the alerts from the feeds that are on. At least one feed is always
/// on.
#[derive(Debug)]
pub struct Feeds {
    /// The feeds that are on, in the order in which they were switched on.
    on: Vec<Feed>,
    /// The feeds that were switched off. Their alerts are hidden, and nothing is fetched for them.
    off: Vec<Feed>,
    /// The number of the next feed to be opened.
    next: u16,
}

impl Feeds {
    /// Creates a feed for each element of `settings` and switches all of them on. `first_job` is
    /// the number of the first job for these feeds.
    pub(in crate::app) fn new(settings: Vec<FeedSettings>, first_job: u32) -> Self {
        let mut feeds = Self { on: Vec::new(), off: Vec::new(), next: 0 };
        for settings in settings {
            let id = feeds.new_id();
            feeds.on.push(Feed::new(id, settings, first_job));
        }
        feeds
    }

    /// Returns the first feed that is on.
    pub fn main(&self) -> &Feed {
        &self.on[0]
    }

    /// Returns the number of feeds that are on.
    pub fn len(&self) -> usize {
        self.on.len()
    }

    /// Returns whether no feed is on, which never happens.
    pub fn is_empty(&self) -> bool {
        self.on.is_empty()
    }

    /// Returns the feeds that are switched off.
    pub(in crate::app) fn off(&self) -> impl Iterator<Item = &Feed> {
        self.off.iter()
    }

    /// Returns a profile's feed, whether it is on or off, if the profile has been opened.
    pub fn of_profile(&self, profile: &str) -> Option<&Feed> {
        self.on.iter().chain(&self.off).find(|feed| feed.settings.profile == profile)
    }

    /// Adds a feed and switches it on. The new feed polls live if the other feeds do.
    pub(in crate::app) fn add(&mut self, mut feed: Feed) {
        if self.are_polled() {
            feed.poll.on(PollEvent::SwitchedOn);
        }
        self.on.push(feed);
    }

    /// Switches on a feed that was opened before.
    pub(in crate::app) fn switch_on(&mut self, id: FeedId) {
        if let Some(at) = self.off.iter().position(|feed| feed.id == id) {
            let feed = self.off.remove(at);
            self.add(feed);
        }
    }

    /// Switches a feed off unless it is the only one that is on. Returns the effects that its state
    /// machines request.
    pub(in crate::app) fn switch_off(&mut self, id: FeedId) -> Vec<FeedEffect> {
        let at = self.on.iter().position(|feed| feed.id == id).filter(|_| self.on.len() > 1);
        let Some(at) = at else { return Vec::new() };
        let mut feed = self.on.remove(at);
        let effects = feed.switch_off();
        self.off.push(feed);
        effects
    }

    /// Returns a feed, whether it is on or off.
    pub fn any(&self, id: FeedId) -> Option<&Feed> {
        self.on.iter().chain(&self.off).find(|feed| feed.id == id)
    }

    /// Returns a feed, whether it is on or off.
    pub(in crate::app) fn any_mut(&mut self, id: FeedId) -> Option<&mut Feed> {
        self.on.iter_mut().chain(&mut self.off).find(|feed| feed.id == id)
    }

    /// Returns a feed if it is on.
    pub fn get(&self, id: FeedId) -> Option<&Feed> {
        self.on.iter().find(|feed| feed.id == id)
    }

    pub(in crate::app) fn get_mut(&mut self, id: FeedId) -> Option<&mut Feed> {
        self.on.iter_mut().find(|feed| feed.id == id)
    }

    /// Returns the feeds that are on.
    pub fn iter(&self) -> impl Iterator<Item = &Feed> {
        self.on.iter()
    }

    pub(in crate::app) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Feed> {
        self.on.iter_mut()
    }

    /// Returns the IDs of the feeds that are on.
    pub(in crate::app) fn ids(&self) -> Vec<FeedId> {
        self.on.iter().map(|feed| feed.id).collect()
    }

    /// Returns whether any feed's list is loading.
    pub(in crate::app) fn are_loading(&self) -> bool {
        self.on.iter().any(|feed| feed.list.phase() == &Phase::Loading)
    }

    /// Returns whether live polling is on.
    pub fn are_polled(&self) -> bool {
        self.on.iter().any(|feed| feed.poll.is_on())
    }

    /// Returns an id for a feed that is about to be opened.
    pub(in crate::app) fn new_id(&mut self) -> FeedId {
        let id = FeedId::new(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }

    /// Returns whether a job belongs to one of the feeds and that feed's current account.
    pub(in crate::app) fn own(&self, job: JobId) -> bool {
        self.on.iter().chain(&self.off).any(|feed| feed.owns(job))
    }
}
