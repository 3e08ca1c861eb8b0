//! The command palette: finds a command by its description or id, and runs it.
//!
//! It offers the commands that the focused pane had when it was opened, whether they have keys or
//! not.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};

use super::{Object, Panel, PanelSpan, Role};
use crate::app::{
    App, Effect, Key, Overlay, Scroll,
    command::{Action, Command, Context, EVERYWHERE, Hint, MOVE, Motion, hint, run},
    filter::Editor,
    overlay::KeyOutcome,
};

/// The command that opens the palette.
pub(super) const OPEN: Command =
    run("open.palette", "command palette: find and run a command", |app, _| app.open_palette());

/// The palette's own commands.
pub(super) static CONTEXT: Context = Context {
    name: "palette",
    heading: "Command palette",
    commands: &[
        run("palette.run", "run the command", run_selected),
        run("palette.next", "next command", |app, _| go(app, Motion::Down)),
        run("palette.previous", "previous command", |app, _| go(app, Motion::Up)),
    ],
};

/// The width of the key column.
const KEYS: usize = 13;
/// The preferred width of the window.
const WIDTH: usize = 76;
/// The maximum length of the text, in characters.
const MAX_TEXT: usize = 200;

/// The command palette, while it is open.
#[derive(Debug)]
pub struct Palette {
    editor: Editor,
    /// The available commands.
    commands: Vec<&'static Command>,
    /// The commands that match the text, best first, as indices into `commands`.
    found: Vec<usize>,
    scroll: Scroll,
}

impl Palette {
    fn new(contexts: &[&'static Context]) -> Self {
        let is_offered =
            |command: &&Command| matches!(command.action, Action::Run(_)) && command.id != OPEN.id;
        let commands: Vec<_> =
            contexts.iter().flat_map(|context| context.commands).filter(is_offered).collect();
        let found = (0..commands.len()).collect();
        Self { editor: Editor::new(""), commands, found, scroll: Scroll::default() }
    }

    fn selected(&self) -> Option<&'static Command> {
        self.found.get(self.scroll.cursor).map(|at| self.commands[*at])
    }

    /// Finds the commands that match the text. The letters of each word must occur in this order,
    /// though not next to each other.
    fn search(&mut self) {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let text = self.editor.text();
        let pattern = Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
        let mut buffer = Vec::new();
        let mut score = |command: &Command| {
            let haystack = format!("{} {}", command.help, command.id);
            pattern.score(Utf32Str::new(&haystack, &mut buffer), &mut matcher)
        };
        let scored = self.commands.iter().enumerate().filter_map(|(at, command)| Some((score(command)?, at)));
        let mut scored: Vec<_> = scored.collect();
        // Commands with the same score keep their order.
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = scored.into_iter().map(|(_, at)| at).collect();
        self.scroll = Scroll::default();
    }
}

/// Returns the number of commands that fit below the text field.
fn rows(app: &App) -> usize {
    app.ui.overlay_size().1.saturating_sub(2).max(1)
}

impl Object for Palette {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["palette.run"], "run"),
            hint(&["palette.next", "palette.previous"], "select"),
            hint(&["app.back"], "close"),
        ]
    }

    fn go(&mut self, app: &App, motion: Motion) {
        self.scroll.go(motion, self.found.len(), rows(app));
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        self.scroll.wheel(lines, self.found.len(), rows(app));
    }

    fn resize(&mut self, app: &App) {
        self.scroll.show(self.found.len(), rows(app));
    }

    /// Treats letters as text. Of the movement keys, those that also edit a line edit the text.
    fn key(&mut self, app: &App, key: Key) -> KeyOutcome {
        let is_command = app.ui.keymap.find(&[&CONTEXT, &EVERYWHERE], key).is_some();
        if key.typed().is_none() && is_command {
            return KeyOutcome::Pass;
        }
        let former = self.editor.text().to_owned();
        if !self.editor.edit(key) {
            let is_motion = app.ui.keymap.find(&[&MOVE], key).is_some();
            return if is_motion { KeyOutcome::Pass } else { KeyOutcome::Used };
        }
        self.editor.truncate(MAX_TEXT);
        if self.editor.text() != former {
            self.search();
        }
        KeyOutcome::Used
    }

    fn paste(&mut self, text: &str) {
        self.editor.insert(text.lines().next().unwrap_or_default());
        self.editor.truncate(MAX_TEXT);
        self.search();
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let keymap = &app.ui.keymap;
        let line = |at: &usize| {
            let command = self.commands[*at];
            let keys: Vec<_> = keymap.keys(command.id).iter().map(ToString::to_string).collect();
            vec![
                PanelSpan::column(keys.join(" "), Role::Accent, KEYS),
                PanelSpan::new(format!("{}  ", command.help), Role::Text),
                PanelSpan::new(command.id, Role::Dim),
            ]
        };
        let mut lines: Vec<_> = self.found.iter().map(line).collect();
        if lines.is_empty() {
            lines.push(vec![PanelSpan::new("no matching command", Role::Dim)]);
        }
        // The window keeps its height while the user types.
        lines.resize(lines.len().max(self.commands.len().min(rows(app))), Vec::new());
        Some(Panel {
            title: "Commands".into(),
            width: WIDTH,
            field: Some(self.editor.clone()),
            heading: vec![Vec::new()],
            lines,
            top: self.scroll.top,
            cursor: (!self.found.is_empty()).then_some(self.scroll.cursor),
            ..Panel::default()
        })
    }
}

fn go(app: &mut App, motion: Motion) {
    let rows = rows(app);
    if let Some(Overlay::Palette(palette)) = app.ui.overlay_mut() {
        palette.scroll.go(motion, palette.found.len(), rows);
    }
}

/// Closes the palette and runs the selected command in the pane below.
fn run_selected(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Palette(palette)) = app.ui.overlay() else { return };
    let Some(command) = palette.selected() else { return };
    app.ui.close();
    if let Action::Run(run) = command.action {
        run(app, effects);
    }
}

impl App {
    fn open_palette(&mut self) {
        let palette = Palette::new(&self.contexts());
        self.ui.open(palette);
    }
}
