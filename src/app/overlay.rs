//! Overlays: what covers the panes. One object each, with its state, commands, handler and hints.
//!
//! This file is their registry. A new overlay is a file below `overlay/` that implements
//! [`Object`], a `mod` line and a line in the table here; its default keys are in
//! `assets/keymap.toml`. An overlay that describes itself as a [`Panel`] is drawn as it is; one
//! that needs more has a drawing file of the same name in `ui/overlay/`.

mod export;
mod help;
mod jobs;
mod link;
mod menu;
mod panel;
mod profiles;
mod requests;
mod sign_in;
mod values;

use std::fmt;

pub(super) use export::Exports;
pub use export::{Export, ExportForm, ExportStage, NotWritten, Written, format_command};
pub use help::{Help, HelpLine, help};
pub use jobs::{JobLine, JobState, Jobs};
pub use link::Link;
pub use menu::{Menu, MenuAction, MenuItem, WholeAlert};
pub use panel::{Panel, PanelLine, PanelSpan, Role};
pub use profiles::{ProfileLine, Profiles};
pub(super) use requests::COPIED_CURL;
pub use requests::{RequestLine, Requests};
pub(super) use sign_in::DEAF_FOR;
pub use sign_in::SignInPrompt;
pub use values::{ValueLine, Values};

use super::{
    App, Effect, Key,
    command::{Action, Command, Context, EVERYWHERE, Hint, MOVE, Motion, hint},
};

/// Declares the overlays: the enum, what it derefs to, and the list of their contexts.
macro_rules! overlays {
    ($($(#[$doc:meta])* $name:ident($module:ident)),* $(,)?) => {
        /// What covers the panes.
        #[derive(Debug)]
        pub enum Overlay { $($(#[$doc])* $name($name)),* }

        impl Overlay {
            pub(super) fn object(&self) -> &dyn Object {
                match self { $(Self::$name(object) => object),* }
            }

            pub(super) fn object_mut(&mut self) -> &mut dyn Object {
                match self { $(Self::$name(object) => object),* }
            }
        }

        $(impl From<$name> for Overlay {
            fn from(object: $name) -> Self {
                Self::$name(object)
            }
        })*

        /// The commands of every overlay, in the order of the help.
        pub(super) static CONTEXTS: &[&Context] = &[$(&$module::CONTEXT),*];
    };
}

overlays! {
    /// The keys.
    Help(help),
    /// All values of a line of the detail pane.
    Values(values),
    /// A choice by letter.
    Menu(menu),
    /// A link that no browser could be started for.
    Link(link),
    /// The profiles, and who is signed in.
    Profiles(profiles),
    /// The sign-in under way.
    SignInPrompt(sign_in),
    /// The recent requests.
    Requests(requests),
    /// The form for an export.
    ExportForm(export),
    /// What is loading, exporting or polling.
    Jobs(jobs),
}

/// What every overlay can do.
pub(super) trait Object: fmt::Debug {
    /// Returns its commands. They come before those for moving and those that work everywhere.
    fn context(&self) -> &'static Context;

    /// Returns what the key bar shows; the way out comes last.
    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint(&["app.back"], "close")]
    }

    /// Returns the id of the command that opens it: its key closes it again.
    fn opener(&self) -> &'static str {
        ""
    }

    /// Moves the cursor or the window.
    fn go(&mut self, _app: &App, _motion: Motion) {}

    /// Moves the window by lines, downwards positive.
    fn wheel(&mut self, _app: &App, _lines: i32) {}

    /// Adapts to another size of the screen.
    fn resize(&mut self, _app: &App) {}

    /// Handles a key before the keymap does: letters of a menu, text in a field.
    fn key(&mut self, _app: &App, _key: Key) -> Pressed {
        Pressed::Pass
    }

    /// Takes a pasted text.
    fn paste(&mut self, _text: &str) {}

    /// Answers Esc.
    fn back(&mut self) -> Back {
        Back::Close
    }

    /// Describes what it shows, if it needs no drawing of its own.
    fn panel(&self, _app: &App) -> Option<Panel> {
        None
    }
}

/// What became of a key.
pub(super) enum Pressed {
    /// Nothing: the keymap decides.
    Pass,
    /// It was used.
    Used,
    /// It chose an action, which closes the overlay.
    Choose(MenuAction),
}

/// What Esc does to an overlay.
pub(super) enum Back {
    /// Closes it.
    Close,
    /// Was answered inside it.
    Stay,
    /// Closes it and does this.
    Run(fn(&mut App, &mut Vec<Effect>)),
}

impl App {
    /// Lets the overlay with the focus do something that needs the rest of the state.
    fn with_overlay<T>(&mut self, act: impl FnOnce(&mut dyn Object, &Self) -> T) -> Option<T> {
        let mut overlay = self.ui.overlays.pop()?;
        let done = act(overlay.object_mut(), self);
        self.ui.overlays.push(overlay);
        Some(done)
    }

    /// Answers a key while an overlay is open.
    pub(super) fn overlay_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        match self.with_overlay(|overlay, app| overlay.key(app, key)) {
            Some(Pressed::Pass) => {}
            Some(Pressed::Choose(action)) => {
                self.ui.close();
                return self.run_menu_action(action, effects);
            }
            Some(Pressed::Used) | None => return,
        }
        let Some(overlay) = self.ui.overlay() else { return };
        let contexts = [overlay.object().context(), &MOVE, &EVERYWHERE];
        let opener = overlay.object().opener();
        match self.ui.keymap.find(&contexts, key) {
            Some(Command { action: Action::Move(motion), .. }) => {
                self.with_overlay(|overlay, app| overlay.go(app, *motion));
            }
            Some(Command { action: Action::Run(run), .. }) => run(self, effects),
            None if self.ui.keymap.keys(opener).contains(&key) => self.ui.close(),
            None => self.report_unbound(key, &contexts),
        }
    }

    /// Leaves the overlay with the focus: a part of it, where `whole` is not set and it has parts.
    pub(super) fn leave_overlay(&mut self, whole: bool, effects: &mut Vec<Effect>) {
        match self.with_overlay(|overlay, _| overlay.back()) {
            Some(Back::Stay) if !whole => {}
            Some(Back::Run(run)) => {
                self.ui.close();
                run(self, effects);
            }
            Some(Back::Close | Back::Stay) | None => self.ui.close(),
        }
    }

    pub(super) fn overlay_wheel(&mut self, lines: i32) {
        self.with_overlay(|overlay, app| overlay.wheel(app, lines));
    }

    pub(super) fn overlay_paste(&mut self, text: &str) {
        self.with_overlay(|overlay, _| overlay.paste(text));
    }

    /// Adapts every open overlay to the size of the screen.
    pub(super) fn resize_overlays(&mut self) {
        let mut overlays = std::mem::take(&mut self.ui.overlays);
        for overlay in &mut overlays {
            overlay.object_mut().resize(self);
        }
        self.ui.overlays = overlays;
    }

    /// Returns what the overlay with the focus shows, if it describes itself.
    pub fn panel(&self) -> Option<Panel> {
        self.ui.overlay()?.object().panel(self)
    }
}
