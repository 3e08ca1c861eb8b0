//! The help: all commands with their keys.

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Keymap, Scroll,
    command::{Command, Context, Hint, Motion, hint, run},
};

/// The command that opens the help.
pub(super) const OPEN: Command = run("open.help", "help: all keys", |app, _| app.show_help());

/// The help has no commands of its own.
pub(super) static CONTEXT: Context = Context { name: "help", heading: "Help", commands: &[] };

/// The width of the key column.
const KEYS: usize = 13;

/// The help, while it is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Help {
    /// The index of the first visible line.
    top: usize,
}

/// A line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// A heading.
    Heading(&'static str),
    /// A command's keys and description.
    Keys(String, &'static str),
    /// An empty line.
    Blank,
}

/// Returns the help lines for a keymap. Commands without keys are omitted.
pub fn help(keymap: &Keymap) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    for context in keymap.contexts().iter().filter(|context| !context.commands.is_empty()) {
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Heading(context.heading));
        for command in context.commands {
            let keys: Vec<_> = keymap.keys(command.id).iter().map(ToString::to_string).collect();
            if !keys.is_empty() {
                lines.push(HelpLine::Keys(keys.join(" "), command.help));
            }
        }
    }
    lines
}

impl Help {
    fn furthest(app: &App) -> usize {
        help(&app.ui.keymap).len().saturating_sub(app.ui.overlay_size().1)
    }
}

impl Object for Help {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![hint(&["move.down", "move.up"], "scroll"), hint(&["app.back"], "close")]
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    /// The help has no cursor, so this scrolls the window.
    fn go(&mut self, app: &App, motion: Motion) {
        let mut window = Scroll { cursor: self.top, top: 0 };
        window.go(motion, Self::furthest(app) + 1, app.ui.overlay_size().1);
        self.top = window.cursor;
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        self.top = self.top.saturating_add_signed(lines as isize).min(Self::furthest(app));
    }

    fn resize(&mut self, app: &App) {
        self.top = self.top.min(Self::furthest(app));
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let lines = help(&app.ui.keymap).into_iter().map(|line| match line {
            HelpLine::Heading(text) => vec![PanelSpan::new(text, Role::Strong)],
            HelpLine::Keys(keys, help) => vec![
                PanelSpan::column("", Role::Text, 2),
                PanelSpan::column(keys, Role::Accent, KEYS),
                PanelSpan::new(help, Role::Text),
            ],
            HelpLine::Blank => Vec::new(),
        });
        Some(Panel {
            title: "Keys".into(),
            width: 64,
            lines: lines.collect(),
            top: self.top,
            ..Panel::default()
        })
    }
}

impl App {
    pub(in crate::app) fn show_help(&mut self) {
        self.ui.open(Help::default());
    }
}
