//! Commands: the actions that keys can be bound to, by pane and overlay.
//!
//! A command has a stable id (`list.sort`), which the keymap file uses. Each pane and overlay
//! declares its commands as a [`Context`]; the keymap ([`super::Keymap`]) decides which keys run
//! them.

use super::{App, Effect, alert, detail, filter, list, overlay};

/// A movement of a cursor.
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

/// What a command does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Moves the cursor of the pane or overlay with the focus.
    Move(Motion),
    /// Changes the state and returns effects.
    Run(fn(&mut App, &mut Vec<Effect>)),
}

/// An action that a key can be bound to.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The id: the context's name, a dot, and the command's own name.
    pub id: &'static str,
    /// The description in the help.
    pub help: &'static str,
    /// The action.
    pub action: Action,
}

/// The commands of a pane or an overlay.
#[derive(Debug)]
pub struct Context {
    /// The name: a table of the keymap file, and the prefix of the ids of its commands.
    pub name: &'static str,
    /// The heading in the help.
    pub heading: &'static str,
    /// The commands, in the order of the help.
    pub commands: &'static [Command],
}

/// A part of the key bar: keys and what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The keys.
    pub keys: HintKeys,
    /// What they do, in one or two words.
    pub words: &'static str,
}

/// The keys of a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintKeys {
    /// The first key of each of these commands.
    Of(&'static [&'static str]),
    /// Keys that are not bound to a command: `letter`.
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

/// Moving the cursor, in panes and overlays.
pub(super) static MOVE: Context = Context {
    name: "move",
    heading: "Moving",
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

/// Commands that work everywhere except in text fields.
pub(super) static EVERYWHERE: Context = Context {
    name: "app",
    heading: "Everywhere",
    commands: &[
        run("app.back", "close the innermost overlay or pane; stop loading", App::back),
        run("app.close", "close the overlay or detail; in the list, quit", App::close),
        run("app.suspend", "suspend (fg resumes)", |_, effects| effects.push(Effect::Suspend)),
        run("app.redraw", "redraw the screen", |_, effects| effects.push(Effect::Redraw)),
    ],
};

/// Commands of both panes that are not about one alert.
pub(super) static PANES: Context = Context {
    name: "panes",
    heading: "List and detail",
    commands: &[
        run("panes.switch", "other pane", App::switch_pane),
        run("panes.next-alert", "next alert", |app, _| app.next_alert(Motion::Down)),
        run("panes.previous-alert", "previous alert", |app, _| app.next_alert(Motion::Up)),
        run("panes.previous-view", "previous view: filter, pivot or sort", App::go_back),
        run("panes.refresh", "refresh, and remove rows that no longer match", App::refresh),
        run("panes.live", "live polling on or off", App::toggle_live),
        run("panes.time-format", "time format: age, UTC or local", |app, _| {
            app.clock.format = app.clock.format.next();
        }),
        run("panes.zoom", "zoom: one pane or both", |app, _| app.toggle_zoom()),
        run("panes.profiles", "profiles and sign-in", |app, _| app.show_profiles()),
        run("panes.requests", "recent requests", App::show_requests),
        run("panes.jobs", "jobs: loading, polling, exports", |app, _| app.show_jobs()),
        run("panes.export", "export the marked alerts, or all matches", |app, _| app.open_export()),
        run("panes.retry", "retry now", App::retry),
        run("panes.mouse", "mouse on or off", App::toggle_mouse),
        run("panes.help", "help: all keys", |app, _| app.show_help()),
    ],
};

/// Returns every context in the order of the help.
pub fn contexts() -> impl Iterator<Item = &'static Context> {
    let panes = [&MOVE, &EVERYWHERE, &PANES, &alert::CONTEXT, &list::CONTEXT, &detail::CONTEXT];
    let fields = [&filter::CONTEXT, &detail::FIND];
    panes.into_iter().chain(fields).chain(overlay::CONTEXTS.iter().copied())
}

/// Returns every command in the order of the help.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    contexts().flat_map(|context| context.commands)
}

impl Context {
    /// Returns whether two contexts can be active at once, so that a key must not be bound in both.
    /// Overlays and text fields handle their keys first, so they overlap with nothing else.
    pub fn overlaps(&self, other: &Self) -> bool {
        const TOGETHER: [&str; 4] = ["move", "app", "panes", "alert"];
        let shared = |name: &str| TOGETHER.contains(&name);
        let pane = |name: &str| matches!(name, "list" | "detail");
        self.name == other.name
            || shared(self.name) && (shared(other.name) || pane(other.name))
            || pane(self.name) && shared(other.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_start_with_their_context() {
        let mut seen = BTreeSet::new();
        for context in contexts() {
            for command in context.commands {
                let name = command.id.strip_prefix(context.name).and_then(|rest| rest.strip_prefix('.'));
                let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                assert!(name.is_some_and(is_plain), "{}", command.id);
                assert!(seen.insert(command.id), "{}", command.id);
            }
        }
    }
}
