//! The registry of contexts: all commands, and the keymap built from them.

use std::sync::LazyLock;

use super::{
    App, alert,
    command::{Command, Context, EVERYWHERE, MOVE, Motion, run},
    detail, filter,
    keymap::{Keymap, KeymapError},
    list, overlay, views,
};

/// The commands that are available in both panes and do not apply to a single alert.
pub(super) static PANES: Context = Context {
    name: "panes",
    heading: "List and detail",
    commands: &[
        run("panes.switch", "switch pane", App::switch_pane),
        run("panes.next-alert", "next alert", |app, _| app.next_alert(Motion::Down)),
        run("panes.previous-alert", "previous alert", |app, _| app.next_alert(Motion::Up)),
        run("panes.next-new", "next newly arrived alert", |app, _| app.go_to_new()),
        run("panes.previous-view", "previous view: filter, pivot or sort", App::go_back),
        run("panes.refresh", "refresh, and remove rows that no longer match", App::refresh),
        run("panes.live", "toggle live polling", App::toggle_live),
        run("panes.time-format", "time format: age, UTC or local", |app, _| {
            app.clock.format = app.clock.format.next();
        }),
        run("panes.zoom", "zoom: one pane or both", |app, _| app.toggle_zoom()),
        run("panes.retry", "retry now", App::retry),
        run("panes.mouse", "toggle mouse capture", App::toggle_mouse),
    ],
};

/// The commands that open and save views.
pub(super) static VIEWS: Context =
    Context { name: "view", heading: "Saved views", commands: &[views::OPEN, views::DEFAULT, views::SAVE] };

/// Returns every context, in the order in which the help lists them.
pub fn contexts() -> impl Iterator<Item = &'static Context> {
    let panes = [
        &MOVE,
        &EVERYWHERE,
        &PANES,
        &VIEWS,
        &overlay::OPEN,
        &alert::CONTEXT,
        &list::CONTEXT,
        &detail::CONTEXT,
    ];
    let fields = [&filter::CONTEXT, &detail::FIND];
    panes.into_iter().chain(fields).chain(overlay::CONTEXTS.iter().copied())
}

/// Returns every command, in the order in which the help lists them.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    contexts().flat_map(|context| context.commands)
}

/// The default keymap.
static DEFAULT: LazyLock<Keymap> = LazyLock::new(|| {
    let keymap = Keymap::empty(contexts().collect()).merge(include_str!("../../assets/keymap.toml"));
    debug_assert!(keymap.is_ok(), "{keymap:?}");
    keymap.unwrap_or_else(|_| Keymap::empty(contexts().collect()))
});

impl Default for Keymap {
    /// Returns the keymap with every command's default keys.
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl Keymap {
    /// Applies the text of a user's keymap file on top of the default keys.
    ///
    /// Returns every error in the file: syntax errors, unknown commands and keys, and keys that
    /// would be bound to two commands that are available at the same time.
    pub fn with_user_file(text: &str) -> Result<Self, Vec<KeymapError>> {
        Self::default().merge(text)
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
