//! The profiles, and the signed-in user of the one in use.

use super::Object;
use crate::app::{
    App, Effect, Overlay, Scroll, Settings, SignInWay,
    command::{Command, Context, Hint, Motion, hint, run},
};

/// The command that opens it.
pub(super) const OPEN: Command = run("open.profiles", "profiles and sign-in", |app, _| app.show_profiles());

/// The commands for a profile.
pub(super) static CONTEXT: Context = Context {
    name: "profiles",
    heading: "Profiles",
    commands: &[
        run("profiles.switch", "switch to the profile", switch),
        run("profiles.sign-in", "sign in with a browser", |app, effects| {
            if may_sign_in(app) {
                app.begin_sign_in(SignInWay::Browser, effects);
            }
        }),
        run("profiles.device-code", "sign in with a device code", |app, effects| {
            if may_sign_in(app) {
                app.begin_sign_in(SignInWay::DeviceCode, effects);
            }
        }),
        run("profiles.sign-out", "sign out", |app, effects| match may_sign_in(app) {
            true if app.sign_in.signed_out => app.notify("not signed in"),
            true => effects.push(Effect::SignOut),
            false => {}
        }),
    ],
};

/// The list of profiles, while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// The index of the profile under the cursor.
    pub at: usize,
}

/// A profile of the config file, with texts that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileLine {
    /// Its name.
    pub name: String,
    /// The tenant.
    pub tenant: String,
    /// The Microsoft cloud.
    pub cloud: String,
    /// How it gets a token, in one or two words.
    pub auth: String,
}

impl App {
    /// Returns the profile in use, if there is one.
    pub fn profile(&self) -> Option<&ProfileLine> {
        self.settings.profiles.iter().find(|profile| profile.name == self.settings.profile)
    }

    pub(in crate::app) fn show_profiles(&mut self) {
        let current = |profile: &ProfileLine| profile.name == self.settings.profile;
        let at = self.settings.profiles.iter().position(current).unwrap_or(0);
        self.ui.open(Profiles { at });
    }

    /// Switches to another profile. Nothing of the former one is shown any more, whatever still
    /// arrives. The layout stays.
    pub(in crate::app) fn switch_settings(&mut self, mut settings: Settings, effects: &mut Vec<Effect>) {
        // The requested filter is kept.
        self.filter.requested().clone_into(&mut settings.filter);
        self.start_over(settings);
        // Results of a worker that reads an alert of the former profile are ignored.
        self.detail.reading = None;
        self.apply_filter();
        self.fetch(effects);
        self.notify(format!("using profile {}: {}", self.settings.profile, self.settings.tenant));
    }

    /// Starts over with no alerts loaded. Events of earlier fetches are ignored.
    pub(in crate::app) fn start_over(&mut self, settings: Settings) {
        let mut next = Self::empty(settings, self.clock.now, self.ui.size);
        next.clock.format = self.clock.format;
        (next.ui.zoom, next.ui.split, next.ui.mouse) = (self.ui.zoom, self.ui.split, self.ui.mouse);
        next.view.sort_by(&next.store, self.view.sort());
        next.load.poll.live = self.load.poll.live;
        next.exports.format = self.exports.format;
        // Running exports continue, and their end is reported.
        next.exports = std::mem::take(&mut self.exports);
        next.ui.notices = std::mem::take(&mut self.ui.notices);
        next.load.generations.current = self.load.generations.current;
        next.load.generations.issued = self.load.generations.issued;
        next.load.generations.oldest.0 = self.load.generations.issued.0 + 1;
        (next.detail.reading, next.ui.wake) = (self.detail.reading, self.ui.wake);
        *self = next;
    }
}

impl Object for Profiles {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, app: &App) -> Vec<Hint> {
        let mut hints = Vec::new();
        if app.settings.signs_in {
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
    if name == app.settings.profile {
        return app.notify(format!("already using {name}"));
    }
    app.ui.close_all();
    app.notify(format!("switching to {name}"));
    effects.push(Effect::SwitchProfile(name));
}

/// Returns whether the user can sign in or out here; notifies the user if not.
fn may_sign_in(app: &mut App) -> bool {
    let why = if !app.settings.service {
        "saved alerts: no account to sign in with"
    } else if !app.settings.signs_in {
        "no interactive sign-in: this profile uses an external token"
    } else if selected(app).is_some_and(|name| name != app.settings.profile) {
        "switch to this profile first (Enter)"
    } else {
        return true;
    };
    app.notify(why);
    false
}
