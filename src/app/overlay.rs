//! The overlays, which are shown over the panes. Each is an object with its own state, commands,
//! key handling and hints.
//!
//! This file is the registry of overlays. To add an overlay, implement [`Object`] in a new file in
//! `overlay/`, and add a `mod` line and a line in the table here. Default keys go into
//! `assets/keymap.toml`. An overlay that describes itself as a [`Panel`] needs no drawing code; any
//! other overlay needs a file of the same name in `ui/overlay/` that draws it.

mod columns;
mod confirm;
mod export;
mod form;
mod help;
mod jobs;
mod journal;
mod link;
mod menu;
mod overview;
mod palette;
mod panel;
mod profiles;
mod requests;
mod results;
mod sign_in;
mod text_prompt;
mod values;
mod views;

use std::fmt;

pub use columns::ColumnChooser;
pub use confirm::Confirm;
pub use export::{ExportForm, ExportStage, format_command};
pub use form::Form;
pub use help::{Help, HelpLine, help};
pub use jobs::{JobKey, JobLine, JobList};
pub use journal::JournalList;
pub use link::Link;
pub use menu::{AlertText, Menu, MenuAction, MenuItem};
pub use overview::{Overview, OverviewCounts};
pub use palette::Palette;
pub use panel::{Panel, PanelLine, PanelSpan, Role};
pub use profiles::{ProfileLine, Profiles};
pub(super) use requests::COPIED_CURL;
pub use requests::Requests;
pub use results::Results;
pub use sign_in::SignInPrompt;
pub use text_prompt::{TextPrompt, TextPurpose};
pub use values::{ValueLine, Values};
pub use views::ViewList;

use super::{
    App, Effect, Key,
    command::{Action, Command, Context, EVERYWHERE, Hint, MOVE, Motion, hint},
};
use alertdeck_store::FeedId;

/// Declares the overlays: the enum, access to the object in each variant, and the list of their
/// contexts.
macro_rules! overlays {
    ($($(#[$doc:meta])* $name:ident($module:ident $(, $open:ident)?)),* $(,)?) => {
        /// An overlay shown over the panes.
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

        /// The commands of every overlay, in the order in which the help lists them.
        pub(super) static CONTEXTS: &[&Context] = &[$(&$module::CONTEXT),*];

        /// The commands that open overlays, available in the list and the detail pane.
        pub(super) static OPEN: Context =
            Context { name: "open", heading: "Overlays", commands: &[$($($module::$open,)?)*] };
    };
}

overlays! {
    /// The help.
    Help(help, OPEN),
    /// The command palette.
    Palette(palette, OPEN),
    /// The saved views.
    ViewList(views, OPEN),
    /// The column chooser.
    ColumnChooser(columns, OPEN),
    /// All values of a line in the detail pane.
    Values(values),
    /// A menu.
    Menu(menu),
    /// A link that could not be opened in a browser.
    Link(link),
    /// The profiles and the signed-in user.
    Profiles(profiles, OPEN),
    /// The sign-in prompt.
    SignInPrompt(sign_in),
    /// The overview of the alerts in the list.
    Overview(overview, OPEN),
    /// The recent requests.
    Requests(requests, OPEN),
    /// The export form.
    ExportForm(export, OPEN),
    /// The confirmation for an action.
    Confirm(confirm),
    /// The form for changing alerts.
    Form(form),
    /// A prompt for text, such as a comment.
    TextPrompt(text_prompt),
    /// An action's results.
    Results(results),
    /// The journal of changes.
    JournalList(journal, OPEN),
    /// The jobs: loading, polling, exports.
    JobList(jobs, OPEN),
}

/// An overlay's behaviour.
pub(super) trait Object: fmt::Debug {
    /// Returns the overlay's commands. Their keys take precedence over movement keys and over keys
    /// that work everywhere.
    fn context(&self) -> &'static Context;

    /// Returns the key bar hints, with the closing key last.
    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint(&["app.back"], "close")]
    }

    /// Returns the id of the command that opens the overlay, or an empty string if there is none.
    /// The command's keys also close the overlay.
    fn opener(&self) -> &'static str {
        ""
    }

    /// Moves the cursor or scrolls the window.
    fn go(&mut self, _app: &App, _motion: Motion) {}

    /// Scrolls the window by a number of lines; positive is down.
    fn wheel(&mut self, _app: &App, _lines: i32) {}

    /// Adapts to a new screen size.
    fn resize(&mut self, _app: &App) {}

    /// Handles a key before the keymap does, such as a menu letter or text typed into a field.
    fn key(&mut self, _app: &App, _key: Key) -> KeyOutcome {
        KeyOutcome::Pass
    }

    /// Handles pasted text.
    fn paste(&mut self, _text: &str) {}

    /// Handles Esc.
    fn back(&mut self) -> Back {
        Back::Close
    }

    /// Returns the overlay's content, or `None` if the overlay has its own drawing code.
    fn panel(&self, _app: &App) -> Option<Panel> {
        None
    }
}

/// The result of [`Object::key`].
pub(super) enum KeyOutcome {
    /// The key was not used and is passed to the keymap.
    Pass,
    /// The key was used.
    Used,
    /// The key chose an action, which closes the overlay.
    Choose(MenuAction),
}

/// The result of [`Object::back`].
pub(super) enum Back {
    /// Close the overlay.
    Close,
    /// Keep the overlay open, since it has handled Esc itself.
    Stay,
    /// Close the overlay and cancel the sign-in to this feed.
    CancelSignIn(FeedId),
}

impl App {
    /// Calls `act` with the focused overlay and the rest of the state. Returns `None` if no overlay
    /// is open.
    fn with_overlay<T>(&mut self, act: impl FnOnce(&mut dyn Object, &Self) -> T) -> Option<T> {
        let mut overlay = self.ui.overlays.pop()?;
        let done = act(overlay.object_mut(), self);
        self.ui.overlays.push(overlay);
        Some(done)
    }

    /// Handles a key while an overlay is open.
    pub(super) fn overlay_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        match self.with_overlay(|overlay, app| overlay.key(app, key)) {
            Some(KeyOutcome::Pass) => {}
            Some(KeyOutcome::Choose(action)) => {
                self.ui.close();
                return self.run_menu_action(action, effects);
            }
            Some(KeyOutcome::Used) | None => return,
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

    /// Closes the focused overlay. Unless `all` is set, the overlay may instead stay open and only
    /// go back one step.
    pub(super) fn close_overlay(&mut self, all: bool, effects: &mut Vec<Effect>) {
        match self.with_overlay(|overlay, _| overlay.back()) {
            Some(Back::Stay) if !all => {}
            Some(Back::CancelSignIn(feed)) => {
                self.ui.close();
                self.cancel_sign_in(feed, effects);
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

    /// Adapts all open overlays to the screen size.
    pub(super) fn resize_overlays(&mut self) {
        let mut overlays = std::mem::take(&mut self.ui.overlays);
        for overlay in &mut overlays {
            overlay.object_mut().resize(self);
        }
        self.ui.overlays = overlays;
    }

    /// Returns the content of the focused overlay, unless the overlay has its own drawing code.
    pub fn panel(&self) -> Option<Panel> {
        self.ui.overlay()?.object().panel(self)
    }
}
