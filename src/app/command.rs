//! Commands: the actions that keys can be bound to, grouped by pane and overlay.
//!
//! A command has a stable id (`list.sort`), which the keymap file uses. Each pane or overlay
//! declares its commands as a [`Context`]; the keymap ([`super::Keymap`]) decides which keys run
//! them.

use super::{App, Effect};

/// A cursor movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are plain")]
pub enum Motion {
    Up,
    Down,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// The action that a command performs.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Moves the cursor of the focused pane or overlay.
    Move(Motion),
    /// Changes the state and returns effects.
    Run(fn(&mut App, &mut Vec<Effect>)),
}

/// An action that a key can be bound to.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The id: the context's name, a dot, and the command's own name.
    pub id: &'static str,
    /// The description shown in the help.
    pub help: &'static str,
    /// The action.
    pub action: Action,
}

/// The commands for a pane or an overlay.
#[derive(Debug)]
pub struct Context {
    /// The name, which is used both as a table in the keymap file and as the prefix of the command
    /// ids.
    pub name: &'static str,
    /// The heading shown in the help.
    pub heading: &'static str,
    /// The commands, in the order in which the help lists them.
    pub commands: &'static [Command],
}

/// A hint in the key bar: keys and what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The keys.
    pub keys: HintKeys,
    /// A description of what the keys do, in one or two words.
    pub words: &'static str,
}

/// The keys in a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKeys {
    /// The first key of each of these commands.
    Of(&'static [&'static str]),
    /// Text that describes keys not bound to a command, such as `letter`.
    Text(&'static str),
}

/// Declares a command that changes the state.
pub(super) const fn run(
    id: &'static str,
    help: &'static str,
    run: fn(&mut App, &mut Vec<Effect>),
) -> Command {
    Command { id, help, action: Action::Run(run) }
}

/// Declares a hint for commands.
pub(super) const fn hint(commands: &'static [&'static str], words: &'static str) -> Hint {
    Hint { keys: HintKeys::Of(commands), words }
}

/// Declares a hint for keys that are not bound to a command.
pub(super) const fn hint_text(keys: &'static str, words: &'static str) -> Hint {
    Hint { keys: HintKeys::Text(keys), words }
}

const fn moves(id: &'static str, help: &'static str, motion: Motion) -> Command {
    Command { id, help, action: Action::Move(motion) }
}

/// The commands that move the cursor in panes and overlays.
pub(super) static MOVE: Context = Context {
    name: "move",
    heading: "Navigation",
    commands: &[
        moves("move.down", "next line", Motion::Down),
        moves("move.up", "previous line", Motion::Up),
        moves("move.half-down", "half a page down", Motion::HalfDown),
        moves("move.half-up", "half a page up", Motion::HalfUp),
        moves("move.page-down", "page down", Motion::PageDown),
        moves("move.page-up", "page up", Motion::PageUp),
        moves("move.top", "first line", Motion::Top),
        moves("move.bottom", "last line", Motion::Bottom),
    ],
};

/// The commands that work everywhere except in text fields.
pub(super) static EVERYWHERE: Context = Context {
    name: "app",
    heading: "Global",
    commands: &[
        run("app.back", "close the top overlay or pane, or stop loading", App::back),
        run("app.close", "close overlay or detail pane; quit from the list", App::close),
        run("app.suspend", "suspend (fg resumes)", |_, effects| effects.push(Effect::Suspend)),
        run("app.redraw", "redraw the screen", |_, effects| effects.push(Effect::Redraw)),
    ],
};

impl Context {
    /// Returns whether two contexts can be active at the same time, in which case no key may be
    /// bound in both. Overlays and text fields handle their keys first, so they do not overlap with
    /// any other context.
    pub fn overlaps(&self, other: &Self) -> bool {
        const TOGETHER: [&str; 6] = ["move", "app", "panes", "view", "open", "alert"];
        let shared = |name: &str| TOGETHER.contains(&name);
        let pane = |name: &str| matches!(name, "list" | "detail");
        self.name == other.name
            || shared(self.name) && (shared(other.name) || pane(other.name))
            || pane(self.name) && shared(other.name)
    }
}
