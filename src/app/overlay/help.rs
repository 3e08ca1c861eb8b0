//! The help: the keys of the focused pane, the signs, the filter language, and the keys of all other
//! panes and overlays. `/` searches it.

use super::{Back, KeyOutcome, Object, Panel, PanelLine, PanelSpan, Role};
use crate::app::{
    App, Editor, Key, Keymap, Overlay, Scroll,
    command::{Command, Context, EVERYWHERE, Hint, MOVE, Motion, hint, hint_text, run},
};

/// The command that opens the help.
pub(super) const OPEN: Command = run("open.help", "help: keys, signs, filters", |app, _| app.show_help());

/// The commands of the help.
pub(super) static CONTEXT: Context = Context {
    name: "help",
    heading: "Help",
    commands: &[run("help.search", "search the help", |app, _| {
        if let Some(Overlay::Help(help)) = app.ui.overlay_mut() {
            help.search.get_or_insert_with(|| Editor::new(""));
        }
    })],
};

/// The width of the column with keys.
const KEYS: usize = 13;
/// The width of the column with signs and filters.
const EXAMPLES: usize = 21;
/// The preferred width of the window.
const WIDTH: usize = 74;
/// The maximum length of the searched text, in characters.
const MAX_TEXT: usize = 100;

/// The signs that the list and the detail pane show (docs/console.md, "Signs" and "Counts").
const SIGNS: [(&str, &str); 14] = [
    (">", "the cursor"),
    ("*", "marked"),
    ("+", "new since the list was loaded, or since the last visit"),
    ("~", "changed since then"),
    ("…", "your change to the alert is being sent"),
    ("✓", "you have changed the alert in this session"),
    ("!", "your last change to the alert failed"),
    ("▲", "high severity"),
    ("■", "medium severity"),
    ("◆", "low severity"),
    ("○", "informational"),
    ("14 alerts · 3 dev", "the value occurs in 14 alerts, on 3 devices"),
    ("5 tp, 1 fp, 5 open", "of these, true positives, false positives, open ones"),
    ("dimmed row", "no longer matches the filter; a refresh removes it"),
];

/// Examples of the filter language (docs/filter-language.md).
const FILTERS: [(&str, &str); 10] = [
    ("powershell", "a word anywhere in the alert"),
    ("severity:high", "a field that contains a value; = for the whole value"),
    ("severity>=medium", "also < <= > for severities and times"),
    ("device:srv- user:ana", "both"),
    ("device:a or device:b", "either; ( ) groups"),
    ("-title:test", "without"),
    ("\"two words\"", "with spaces or special characters"),
    ("cmdline~enc.*ed", "a regular expression"),
    ("age<7d created>=2026-11-01", "times; assigned:me and assigned:none for owners"),
    ("$status eq 'new'", "OData, as in Graph"),
];

/// The help, while it is open.
#[derive(Clone, Debug)]
pub struct Help {
    /// All lines.
    lines: Vec<HelpLine>,
    /// The text to search for, once a search has begun.
    search: Option<Editor>,
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
    /// A sign or a count and its meaning.
    Sign(&'static str, &'static str),
    /// A filter and its meaning.
    Filter(&'static str, &'static str),
    /// An empty line.
    Blank,
}

/// Returns the help lines for a keymap, beginning with the contexts that are active in the focused
/// pane. Commands without keys are omitted.
pub fn help(keymap: &Keymap, focused: &[&'static Context]) -> Vec<HelpLine> {
    let is_focused = |context: &&&'static Context| focused.iter().any(|other| other.name == context.name);
    let signs = SIGNS.map(|(sign, meaning)| HelpLine::Sign(sign, meaning));
    let filters = FILTERS.map(|(filter, meaning)| HelpLine::Filter(filter, meaning));
    let mut sections: Vec<_> = focused.iter().map(|context| commands(keymap, context)).collect();
    sections.push(("Signs and counts", signs.to_vec()));
    sections.push(("Filters", filters.to_vec()));
    let others = keymap.contexts().iter().filter(|context| !is_focused(context));
    sections.extend(others.map(|context| commands(keymap, context)));
    let mut lines = Vec::new();
    for (heading, section) in sections.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Heading(heading));
        lines.extend(section);
    }
    lines
}

/// Returns a context's heading, and its commands with their keys.
fn commands(keymap: &Keymap, context: &Context) -> (&'static str, Vec<HelpLine>) {
    let line = |command: &Command| {
        let keys: Vec<_> = keymap.keys(command.id).iter().map(ToString::to_string).collect();
        let text = match keys.as_slice() {
            // Many keys in a row, such as 1 to 9, are shown as a range.
            [first, .., last] if keys.len() > 4 => format!("{first} to {last}"),
            keys => keys.join(" "),
        };
        (!keys.is_empty()).then_some(HelpLine::Keys(text, command.help))
    };
    (context.heading, context.commands.iter().filter_map(line).collect())
}

impl Help {
    /// Returns the lines that contain the searched text, below their headings.
    fn found(&self) -> Vec<&HelpLine> {
        let text = self.search.as_ref().map_or(String::new(), |search| search.text().trim().to_lowercase());
        if text.is_empty() {
            return self.lines.iter().collect();
        }
        let (mut found, mut heading) = (Vec::new(), None);
        for line in &self.lines {
            let (first, second) = match line {
                HelpLine::Blank => continue,
                HelpLine::Heading(_) => {
                    heading = Some(line);
                    continue;
                }
                HelpLine::Keys(keys, help) => (keys.as_str(), *help),
                HelpLine::Sign(first, second) | HelpLine::Filter(first, second) => (*first, *second),
            };
            if [first, second].iter().any(|part| part.to_lowercase().contains(&text)) {
                if let Some(heading) = heading.take() {
                    found.extend((!found.is_empty()).then_some(&HelpLine::Blank));
                    found.push(heading);
                }
                found.push(line);
            }
        }
        found
    }

    /// Returns the number of lines that fit into the window.
    fn rows(&self, app: &App) -> usize {
        app.ui.overlay_size().1.saturating_sub(usize::from(self.search.is_some())).max(1)
    }

    fn furthest(&self, app: &App) -> usize {
        self.found().len().saturating_sub(self.rows(app))
    }
}

impl Object for Help {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        match self.search {
            Some(_) => vec![hint_text("↑/↓", "scroll"), hint(&["app.back"], "end search")],
            None => vec![
                hint(&["move.down", "move.up"], "scroll"),
                hint(&["help.search"], "search"),
                hint(&["app.back"], "close"),
            ],
        }
    }

    fn opener(&self) -> &'static str {
        if self.search.is_some() { "" } else { OPEN.id }
    }

    /// The help has no cursor, so this scrolls the window.
    fn go(&mut self, app: &App, motion: Motion) {
        let mut window = Scroll { cursor: self.top, top: 0 };
        window.go(motion, self.furthest(app) + 1, self.rows(app));
        self.top = window.cursor;
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        self.top = self.top.saturating_add_signed(lines as isize).min(self.furthest(app));
    }

    fn resize(&mut self, app: &App) {
        self.top = self.top.min(self.furthest(app));
    }

    /// While the help is being searched, letters are text.
    fn key(&mut self, app: &App, key: Key) -> KeyOutcome {
        let Some(search) = &mut self.search else { return KeyOutcome::Pass };
        let is_command = app.ui.keymap.find(&[&EVERYWHERE], key).is_some();
        if key.typed().is_none() && is_command {
            return KeyOutcome::Pass;
        }
        if !search.edit(key) {
            let is_motion = app.ui.keymap.find(&[&MOVE], key).is_some();
            return if is_motion { KeyOutcome::Pass } else { KeyOutcome::Used };
        }
        search.truncate(MAX_TEXT);
        self.top = 0;
        KeyOutcome::Used
    }

    fn paste(&mut self, text: &str) {
        if let Some(search) = &mut self.search {
            search.insert(text.lines().next().unwrap_or_default());
            search.truncate(MAX_TEXT);
            self.top = 0;
        }
    }

    fn back(&mut self) -> Back {
        if self.search.take().is_none() {
            return Back::Close;
        }
        self.top = 0;
        Back::Stay
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        // A long filter takes the room of its meaning rather than being cut.
        let line = |first: &str, role: Role, least: usize, second: &str| {
            vec![
                PanelSpan::column("", Role::Text, 2),
                PanelSpan::column(first, role, least.max(first.chars().count() + 2)),
                PanelSpan::new(second, Role::Text),
            ]
        };
        let line = |of: &HelpLine| match of {
            HelpLine::Heading(text) => vec![PanelSpan::new(*text, Role::Strong)],
            HelpLine::Keys(keys, help) => line(keys, Role::Accent, KEYS, help),
            HelpLine::Sign(sign, meaning) => line(sign, Role::Sign, EXAMPLES, meaning),
            HelpLine::Filter(filter, meaning) => line(filter, Role::Accent, EXAMPLES, meaning),
            HelpLine::Blank => PanelLine::new(),
        };
        let mut lines: Vec<_> = self.found().into_iter().map(line).collect();
        if lines.is_empty() {
            lines.push(vec![PanelSpan::new("nothing found", Role::Dim)]);
        }
        // The window keeps its height during a search.
        if self.search.is_some() {
            lines.resize(lines.len().max(self.lines.len().min(self.rows(app))), PanelLine::new());
        }
        let (title, field) = ("Help".to_owned(), self.search.clone());
        Some(Panel { title, width: WIDTH, field, lines, top: self.top, ..Panel::default() })
    }
}

impl App {
    pub(in crate::app) fn show_help(&mut self) {
        let lines = help(&self.ui.keymap, &self.contexts());
        self.ui.open(Help { lines, search: None, top: 0 });
    }
}
