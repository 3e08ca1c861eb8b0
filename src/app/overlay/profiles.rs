//! The profile list: which profiles' alerts are in the list, and which user is signed in to each
//! profile.

use super::Object;
use crate::app::{
    App, Effect, Feed, FeedSettings, JobType, List, Overlay, Scroll, SignInWay,
    command::{Command, Context, Hint, Motion, hint, run},
    history::History,
};
use alertdeck_model::SafeText;
use alertdeck_store::FeedId;

/// The command that opens the list.
pub(super) const OPEN: Command = run("open.profiles", "profiles and sign-in", |app, _| app.show_profiles());

/// The commands that apply to a profile.
pub(super) static CONTEXT: Context = Context {
    name: "profiles",
    heading: "Profiles",
    commands: &[
        run("profiles.switch", "show only this profile's alerts", switch),
        run("profiles.toggle", "add the profile's alerts to the list, or remove them", toggle),
        run("profiles.sign-in", "sign in with a browser", |app, effects| {
            if let Some(feed) = feed_to_sign_in(app) {
                app.begin_sign_in(feed, SignInWay::Browser, effects);
            }
        }),
        run("profiles.device-code", "sign in with a device code", |app, effects| {
            if let Some(feed) = feed_to_sign_in(app) {
                app.begin_sign_in(feed, SignInWay::DeviceCode, effects);
            }
        }),
        run("profiles.sign-out", "sign out", |app, effects| {
            let Some(id) = feed_to_sign_in(app) else { return };
            if app.feeds.get(id).is_some_and(|feed| feed.sign_in.signed_out) {
                return app.notify("not signed in");
            }
            app.cancel_running(id, JobType::SignIn, effects);
            effects.push(Effect::SignOut(id));
        }),
    ],
};

/// The profile list, while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// The index of the profile under the cursor.
    pub at: usize,
}

/// A profile from the config file. All strings are sanitised for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileLine {
    /// The name.
    pub name: String,
    /// The tenant.
    pub tenant: String,
    /// The Microsoft cloud.
    pub cloud: String,
    /// How the profile obtains a token, in one or two words.
    pub auth: String,
}

impl App {
    /// Returns a feed's profile, if it has one.
    pub fn profile_of(&self, feed: &Feed) -> Option<&ProfileLine> {
        self.settings.profiles.iter().find(|profile| profile.name == feed.settings.profile)
    }

    pub(in crate::app) fn show_profiles(&mut self) {
        let current = |profile: &ProfileLine| profile.name == self.feed().settings.profile;
        let at = self.settings.profiles.iter().position(current).unwrap_or(0);
        self.ui.open(Profiles { at });
    }

    /// Returns the feed that the overlay describes: the feed of the profile under the cursor, if
    /// its alerts are in the list, or the only feed, if there are no profiles.
    pub fn described_feed(&self) -> Option<&Feed> {
        match selected(self) {
            Some(name) => self.feeds.iter().find(|feed| feed.settings.profile == name),
            None => Some(self.feed()),
        }
    }

    /// Adds a newly opened profile as a feed. If `adds` is true, its alerts are added to the list;
    /// otherwise, they replace the alerts in the list.
    pub(in crate::app) fn profile_opened(
        &mut self,
        id: FeedId,
        settings: FeedSettings,
        adds: bool,
        effects: &mut Vec<Effect>,
    ) {
        self.feeds.add(Feed::new(id, settings, self.jobs.next_number()));
        self.switch_on(id, adds, effects);
    }

    /// Switches a feed on and fetches its list. Any of its alerts that are already in memory are
    /// shown at once.
    fn switch_on(&mut self, id: FeedId, adds: bool, effects: &mut Vec<Effect>) {
        self.feeds.switch_on(id);
        if !adds {
            for other in self.feeds.ids().into_iter().filter(|other| *other != id) {
                self.switch_off(other, effects);
            }
            // The previous alerts are no longer in the list, so there is no earlier view to go back
            // to.
            self.list = List::default();
            self.history = History::default();
            // A pivot shows loaded alerts only; the other tenant may have none yet.
            let requested = self.filter.requested().to_owned();
            self.filter.set_committed(&requested);
        }
        self.feeds_changed();
        self.fetch_from(id, effects);
        let Some(feed) = self.feeds.get(id) else { return };
        let (profile, tenant) = (&feed.settings.profile, &feed.settings.tenant);
        self.notify(if adds {
            format!("{profile}: added to the list")
        } else {
            format!("using profile {profile}: {tenant}")
        });
    }

    /// Switches a feed off and hides its alerts. Cancels its jobs, except for exports, changes and
    /// reading the cache.
    fn switch_off(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        let wanted = self.feeds.switch_off(id);
        self.run_feed_effects(id, wanted, effects);
        self.cancel_jobs_of(id, &[JobType::Export, JobType::ReadCache, JobType::Write], effects);
        self.close_sign_in(id);
    }

    /// Cancels a feed's jobs, except for those of the given types, and removes the ended ones from
    /// the job list.
    fn cancel_jobs_of(&mut self, id: FeedId, except: &[JobType], effects: &mut Vec<Effect>) {
        let live = self.jobs.iter().filter(|job| job.id.feed == id && job.is_live());
        let live = live.filter(|job| !except.contains(&job.job_type));
        for job in live.map(|job| job.id).collect::<Vec<_>>() {
            self.cancel_job(job, effects);
        }
        self.jobs.forget_ended(id);
    }

    /// Forgets a feed's alerts, because a different account now uses the feed.
    pub(in crate::app) fn forget_alerts(&mut self, id: FeedId, effects: &mut Vec<Effect>) {
        // The other account's sign-in is still running.
        self.cancel_jobs_of(id, &[JobType::Export, JobType::SignIn, JobType::Write], effects);
        self.forget_actions(id, effects);
        let first_job = self.jobs.next_number();
        if let Some(feed) = self.feeds.any_mut(id) {
            feed.start_over(first_job);
        }
        self.store.retire(id);
        self.feeds_changed();
    }

    /// Updates the state that depends on the enabled feeds and their alerts. Hidden alerts are
    /// unmarked and no longer shown in the detail pane.
    fn feeds_changed(&mut self) {
        self.store.hide_feeds(self.feeds.off().map(|feed| feed.id));
        self.name_feeds();
        self.view.rebuild(&self.store);
        if let Some(groups) = &mut self.groups {
            groups.reset();
        }
        let contexts = self.query_contexts();
        if self.filter.compile(&contexts, &self.store, true) {
            self.view.filter(&self.store, self.filter.matcher());
        }
        self.marks.keep_only(self.store.rows());
        self.detail.shown.take_if(|detail| !self.store.rows().contains(detail.row));
    }

    /// Passes the feeds' names to the store for the tenant column.
    pub(in crate::app) fn name_feeds(&mut self) {
        for feed in self.feeds.iter() {
            self.store.name_feed(feed.id, SafeText::new(feed.name()));
        }
    }
}

impl Object for Profiles {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, app: &App) -> Vec<Hint> {
        let mut hints = Vec::new();
        let several = app.settings.profiles.len() > 1;
        if several {
            hints.extend([
                hint(&["profiles.switch"], "show only this tenant"),
                hint(&["profiles.toggle"], "add or remove"),
            ]);
        }
        if app.described_feed().is_some_and(|feed| feed.settings.signs_in) {
            hints.extend([
                hint(&["profiles.sign-in"], "sign in"),
                hint(&["profiles.device-code"], "device code"),
                hint(&["profiles.sign-out"], "sign out"),
            ]);
        }
        if several {
            hints.push(hint(&["move.down", "move.up"], "move"));
        }
        hints.push(hint(&["app.back"], "close"));
        hints
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let len = app.settings.profiles.len();
        let mut scroll = Scroll { cursor: self.at, top: 0 };
        scroll.go(motion, len, len);
        self.at = scroll.cursor;
    }
}

/// Returns the name of the profile under the cursor.
fn selected(app: &App) -> Option<&str> {
    let Some(Overlay::Profiles(profiles)) = app.ui.overlay() else { return None };
    app.settings.profiles.get(profiles.at).map(|profile| profile.name.as_str())
}

/// Shows only the alerts from the profile under the cursor.
fn switch(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(name) = selected(app).map(str::to_owned) else { return };
    if app.feeds.len() == 1 && name == app.feed().settings.profile {
        return app.notify(format!("already using {name}"));
    }
    app.ui.close_all();
    open(app, name, false, effects);
}

/// Adds the alerts from the profile under the cursor to the list, or removes them.
fn toggle(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(name) = selected(app).map(str::to_owned) else { return };
    let on = app.feeds.iter().find(|feed| feed.settings.profile == name).map(|feed| feed.id);
    match on {
        None => open(app, name, true, effects),
        Some(_) if app.feeds.len() == 1 => {
            app.notify(format!("{name} is the only profile in the list; add another one first"));
        }
        Some(id) => {
            app.switch_off(id, effects);
            app.feeds_changed();
            app.notify(format!("{name}: removed from the list"));
        }
    }
}

/// Switches a profile on, opening it first if it has not been used yet.
fn open(app: &mut App, name: String, adds: bool, effects: &mut Vec<Effect>) {
    match app.feeds.of_profile(&name).map(|feed| feed.id) {
        Some(id) => app.switch_on(id, adds, effects),
        None => {
            app.notify(format!("opening {name}"));
            let feed = app.feeds.new_id();
            effects.push(Effect::OpenProfile { feed, name, adds });
        }
    }
}

/// Returns the feed of the profile under the cursor if the user can sign in or out there.
/// Otherwise, notifies the user.
fn feed_to_sign_in(app: &mut App) -> Option<FeedId> {
    let why = match app.described_feed() {
        None => "use this profile first (Enter or Space)",
        Some(feed) if !feed.settings.service => "saved alerts: no account to sign in with",
        Some(feed) if !feed.settings.signs_in => {
            "no interactive sign-in: this profile uses an external token"
        }
        Some(feed) => return Some(feed.id),
    };
    app.notify(why);
    None
}
