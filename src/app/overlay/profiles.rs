//! The list of profiles, with the signed-in user of the current one.

use super::Object;
use crate::app::{
    App, Effect, Feed, FeedSettings, Feeds, Job, JobType, Overlay, Scroll, Settings, SignInWay,
    command::{Command, Context, Hint, Motion, hint, run},
    feed::PollEvent,
};
use alertdeck_store::FeedId;

/// The command that opens the list.
pub(super) const OPEN: Command = run("open.profiles", "profiles and sign-in", |app, _| app.show_profiles());

/// The commands that apply to a profile.
pub(super) static CONTEXT: Context = Context {
    name: "profiles",
    heading: "Profiles",
    commands: &[
        run("profiles.switch", "switch to the profile", switch),
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

/// The list of profiles, while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// The index of the profile under the cursor.
    pub at: usize,
}

/// A profile of the config file. All strings are safe to show.
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
    /// Returns the profile of a feed, if it has one.
    pub fn profile_of(&self, feed: &Feed) -> Option<&ProfileLine> {
        self.settings.profiles.iter().find(|profile| profile.name == feed.settings.profile)
    }

    pub(in crate::app) fn show_profiles(&mut self) {
        let current = |profile: &ProfileLine| profile.name == self.feed().settings.profile;
        let at = self.settings.profiles.iter().position(current).unwrap_or(0);
        self.ui.open(Profiles { at });
    }

    /// Switches to the feed of another profile. Nothing from the former feed is shown any more,
    /// even if more of its events arrive. The layout does not change.
    pub(in crate::app) fn switch_feed(
        &mut self,
        id: FeedId,
        settings: FeedSettings,
        effects: &mut Vec<Effect>,
    ) {
        self.start_over(id, settings, effects);
        self.apply_filter();
        self.fetch(effects);
        let settings = &self.feed().settings;
        self.notify(format!("using profile {}: {}", settings.profile, settings.tenant));
    }

    /// Starts over with a single feed and no loaded alerts, keeping the requested filter. Cancels
    /// the jobs of the former feed, except for exports, and ignores their remaining events. Jobs
    /// that have ended are no longer listed.
    pub(in crate::app) fn start_over(&mut self, id: FeedId, feed: FeedSettings, effects: &mut Vec<Effect>) {
        let is_dropped = |job: &&Job| match job.job_type {
            JobType::Export => false,
            // The sign-in may be for another account on the same feed.
            JobType::SignIn => job.is_live() && job.id.feed != id,
            _ => job.is_live(),
        };
        let dropped: Vec<_> = self.jobs.iter().filter(is_dropped).map(|job| job.id).collect();
        for job in dropped {
            self.cancel_job(job, effects);
        }
        self.jobs.forget_ended();
        let mut feed = Feed::new(id, feed, self.jobs.next_number());
        if self.feeds.are_polled() {
            feed.poll.on(PollEvent::SwitchedOn);
        }
        let feeds = Feeds::of(feed, self.feeds.next_index());
        let jobs = std::mem::take(&mut self.jobs);
        let settings = Settings { filter: self.filter.requested().to_owned(), ..self.settings.clone() };
        let mut next = Self::empty(settings, feeds, jobs, self.clock.now, self.ui.size);
        next.clock.format = self.clock.format;
        (next.ui.zoom, next.ui.split, next.ui.mouse) = (self.ui.zoom, self.ui.split, self.ui.mouse);
        (next.ui.wake, next.export_format) = (self.ui.wake, self.export_format);
        next.view.sort_by(&next.store, self.view.sort());
        next.ui.notices = std::mem::take(&mut self.ui.notices);
        *self = next;
    }
}

impl Object for Profiles {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, app: &App) -> Vec<Hint> {
        let mut hints = Vec::new();
        if app.feed().settings.signs_in {
            hints.extend([
                hint(&["profiles.switch"], "switch"),
                hint(&["profiles.sign-in"], "sign in"),
                hint(&["profiles.device-code"], "device code"),
                hint(&["profiles.sign-out"], "sign out"),
                hint(&["move.down", "move.up"], "move"),
            ]);
        } else if app.settings.profiles.len() > 1 {
            hints.extend([hint(&["move.down", "move.up"], "move"), hint(&["profiles.switch"], "switch")]);
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

fn switch(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(name) = selected(app).map(str::to_owned) else { return };
    if name == app.feed().settings.profile {
        return app.notify(format!("already using {name}"));
    }
    app.ui.close_all();
    app.notify(format!("switching to {name}"));
    let feed = app.feeds.new_id();
    effects.push(Effect::SwitchProfile(feed, name));
}

/// Returns the feed of the profile under the cursor if the user can sign in or out there.
/// Otherwise, notifies the user.
fn feed_to_sign_in(app: &mut App) -> Option<FeedId> {
    let feed = app.feed();
    let why = if !feed.settings.service {
        "saved alerts: no account to sign in with"
    } else if !feed.settings.signs_in {
        "no interactive sign-in: this profile uses an external token"
    } else if selected(app).is_some_and(|name| name != feed.settings.profile) {
        "switch to this profile first (Enter)"
    } else {
        return Some(feed.id);
    };
    app.notify(why);
    None
}
