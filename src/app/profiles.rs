//! The profiles, and who is signed in with the one in use.

use super::{
    App, Command, Context, Effect, Key, Overlay, Scroll, Settings, SignInWay,
    keymap::{self, ProfileCommand},
};

/// A profile of the configuration, in words that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileLine {
    /// Its name.
    pub name: String,
    /// Whose alerts it leads to.
    pub tenant: String,
    /// The Microsoft cloud.
    pub cloud: String,
    /// How it gets a token, in a word or two.
    pub auth: String,
}

impl App {
    /// Returns the profile in use, where there is one.
    pub fn profile(&self) -> Option<&ProfileLine> {
        self.settings.profiles.iter().find(|profile| profile.name == self.settings.profile)
    }

    pub(super) fn show_profiles(&mut self) {
        let current = |profile: &ProfileLine| profile.name == self.settings.profile;
        let at = self.settings.profiles.iter().position(current).unwrap_or(0);
        self.overlay = Some(Overlay::Profiles(at));
    }

    pub(super) fn profiles_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let command = keymap::command(&[Context::Profiles, Context::All], key);
        let Some(Overlay::Profiles(at)) = &mut self.overlay else { return };
        match command {
            Some(Command::Back | Command::Quit | Command::Profiles) => self.overlay = None,
            Some(Command::Move(motion)) => {
                let len = self.settings.profiles.len();
                let mut scroll = Scroll { cursor: *at, top: 0 };
                scroll.go(motion, len, len);
                *at = scroll.cursor;
            }
            Some(Command::Profile(command)) => {
                let at = *at;
                self.profile_command(command, at, effects);
            }
            _ => {}
        }
    }

    fn profile_command(&mut self, command: ProfileCommand, at: usize, effects: &mut Vec<Effect>) {
        match command {
            ProfileCommand::Switch => {
                let Some(profile) = self.settings.profiles.get(at) else { return };
                let name = profile.name.clone();
                if name == self.settings.profile {
                    return self.notify(format!("{name} is in use"));
                }
                self.overlay = None;
                self.notify(format!("switching to {name}"));
                effects.push(Effect::SwitchProfile(name));
            }
            _ if !self.settings.service => self.notify("these alerts come from files: nobody signs in"),
            _ if !self.settings.signs_in => {
                self.notify("this profile gets its token from elsewhere: nobody signs in or out here");
            }
            _ if self.settings.profiles.get(at).is_some_and(|one| one.name != self.settings.profile) => {
                self.notify("switch to this profile first: Enter");
            }
            ProfileCommand::Browser => self.begin_sign_in(SignInWay::Browser, effects),
            ProfileCommand::DeviceCode => self.begin_sign_in(SignInWay::DeviceCode, effects),
            ProfileCommand::SignOut if self.sign_in.out => self.notify("nobody is signed in"),
            ProfileCommand::SignOut => effects.push(Effect::SignOut),
        }
    }

    /// Takes another profile: nothing of the one before is shown under its name, whatever of it
    /// still comes in. How the user has arranged the screen stays.
    pub(super) fn switch(&mut self, mut settings: Settings, effects: &mut Vec<Effect>) {
        // The question goes along: what was asked of one tenant is asked of the other.
        self.filter.asked().clone_into(&mut settings.filter);
        self.start_over(settings);
        // Whoever was reading an alert of the former profile is not listened to any more.
        self.reading = None;
        self.apply_filter();
        self.fetch(effects);
        self.notify(format!("profile {}: {}", self.settings.profile, self.settings.tenant));
    }

    /// Begins anew with nothing held. What was asked for before is answered yet, and dropped then.
    pub(super) fn start_over(&mut self, settings: Settings) {
        let mut next = Self::empty(settings, self.clock.now, self.size);
        next.clock.format = self.clock.format;
        (next.zoom, next.split, next.mouse) = (self.zoom, self.split, self.mouse);
        next.view.sort_by(&next.store, self.view.sort());
        next.load.live = self.load.live;
        next.export_format = self.export_format;
        // What was begun goes on, and is told when it ends.
        next.exports = std::mem::take(&mut self.exports);
        (next.notice, next.notices) = (self.notice.take(), std::mem::take(&mut self.notices));
        next.load.generation = self.load.generation;
        next.load.issued = self.load.issued;
        next.load.oldest.0 = self.load.issued.0 + 1;
        (next.reading, next.wake) = (self.reading, self.wake);
        *self = next;
    }
}
