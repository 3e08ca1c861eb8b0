//! The keys: one table from which dispatch, help and README come.
//!
//! It names keys the way UX.md does and knows no terminal library.

use std::fmt;

use crate::export::Format;

/// A key with its modifiers, as the console tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key.
    pub code: KeyCode,
    /// Whether Ctrl was held.
    pub ctrl: bool,
}

/// A key without its modifiers; a letter with Shift is its capital.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyCode {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

const NAMES: [(&str, KeyCode); 15] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
    ("↑", KeyCode::Up),
    ("↓", KeyCode::Down),
    ("←", KeyCode::Left),
    ("→", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Space", KeyCode::Char(' ')),
];

impl Key {
    /// Reads a key's name: a character, `Enter`, `PgDn`, `Ctrl-d`.
    pub fn read(name: &str) -> Option<Self> {
        let (ctrl, name) = name.strip_prefix("Ctrl-").map_or((false, name), |rest| (true, rest));
        let code = match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, code)) => *code,
            None => {
                let mut chars = name.chars();
                let code = KeyCode::Char(chars.next()?);
                if chars.next().is_some() {
                    return None;
                }
                code
            }
        };
        Some(Self { code, ctrl })
    }

    /// Returns the key of a character, without modifiers.
    pub fn char(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: false }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        match (NAMES.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, _) => Ok(()),
        }
    }
}

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Everywhere but in text fields.
    All,
    /// In the list.
    List,
    /// In the detail pane.
    Detail,
    /// In the list and in the detail pane.
    Alert,
    /// In the filter bar, beside what edits text.
    Filter,
    /// In the text that is looked for in an alert, beside what edits text.
    Find,
    /// In the profiles.
    Profiles,
    /// While signing in.
    SignIn,
    /// In the requests.
    Requests,
    /// In the form for an export.
    Export,
}

impl Context {
    /// The contexts with their headings, in the order of the help.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::All, "Everywhere"),
        (Self::List, "List"),
        (Self::Detail, "Detail"),
        (Self::Alert, "List and detail"),
        (Self::Filter, "Filter bar"),
        (Self::Find, "Finding in an alert"),
        (Self::Profiles, "Profiles"),
        (Self::SignIn, "Signing in"),
        (Self::Requests, "Requests"),
        (Self::Export, "Exporting"),
    ];

    /// Tells whether two contexts can be in force at the same time. What covers the panes has its
    /// own keys before those that hold everywhere.
    pub fn overlaps(self, other: Self) -> bool {
        use Context::{Alert, All, Detail, Export, Filter, Find, List, Profiles, Requests, SignIn};
        match (self, other) {
            (alone @ (Filter | Find | Profiles | SignIn | Requests | Export), other)
            | (other, alone @ (Filter | Find | Profiles | SignIn | Requests | Export)) => other == alone,
            (List, Detail) | (Detail, List) => false,
            (All | Alert | List | Detail, All | Alert | List | Detail) => true,
        }
    }
}

/// How far the cursor moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
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

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum Command {
    Move(Motion),
    SwitchPane,
    NextAlert,
    PreviousAlert,
    Refresh,
    Live,
    TimeFormat,
    Zoom,
    Mouse,
    Profiles,
    Requests,
    Export,
    Mark,
    Help,
    Back,
    GoBack,
    Quit,
    Suspend,
    Redraw,
    List(ListCommand),
    Detail(DetailCommand),
    Alert(AlertCommand),
    Filter(FilterCommand),
    Find(FindCommand),
    Profile(ProfileCommand),
    SignIn(SignInCommand),
    Request(RequestCommand),
    Exporting(ExportCommand),
}

/// What a key asks of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum ListCommand {
    EditFilter,
    Read,
    Sort,
    Reverse,
    Range,
    MarkShown,
    InvertMarks,
    ClearMarks,
    ScrollLeft,
    ScrollRight,
}

/// What a key asks of the detail pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum DetailCommand {
    Values,
    Fold,
    Unfold,
    UnfoldAll,
    FoldAll,
    Find,
    NextHit,
    PreviousHit,
    Timeline,
    Json,
    NextSuspicious,
    PreviousSuspicious,
}

/// What a key asks of the alert under the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum AlertCommand {
    Open,
    OpenIncident,
    Copy,
    Include,
    Exclude,
    Pivot,
    Incident,
    Retry,
}

/// What a key asks of the filter bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum FilterCommand {
    Run,
    Restore,
    Complete,
    NextChoice,
    PreviousChoice,
    Older,
    Newer,
}

/// What a key asks of the text that is looked for in an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum FindCommand {
    Keep,
    Leave,
    Next,
    Previous,
}

/// What a key asks of the profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum ProfileCommand {
    Switch,
    Browser,
    DeviceCode,
    SignOut,
}

/// What a key asks of the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum SignInCommand {
    Browser,
    DeviceCode,
    Copy,
}

/// What a key asks of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum RequestCommand {
    CopyCurl,
    CopyIds,
}

/// What a key asks of the form for an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table's help texts say it")]
pub enum ExportCommand {
    Write,
    Switch,
    Previous,
    Next,
    Take(Format),
    Overwrite,
    Rename,
}

/// A row of the key table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where it holds.
    pub context: Context,
    /// The keys, by name; any of them will do.
    pub keys: &'static [&'static str],
    /// What they ask for.
    pub command: Command,
    /// What that is, in the words of the help.
    pub help: &'static str,
}

/// The default keys (UX.md A), as far as what they ask for exists.
pub const BINDINGS: &[Binding] = {
    use Context::{Alert, All, Detail, Export, Filter, Find, List, Profiles, Requests, SignIn};
    const fn bind(
        context: Context,
        keys: &'static [&'static str],
        command: Command,
        help: &'static str,
    ) -> Binding {
        Binding { context, keys, command, help }
    }
    &[
        bind(All, &["j", "↓"], Command::Move(Motion::Down), "next line"),
        bind(All, &["k", "↑"], Command::Move(Motion::Up), "previous line"),
        bind(All, &["Ctrl-d"], Command::Move(Motion::HalfDown), "half a page down"),
        bind(All, &["Ctrl-u"], Command::Move(Motion::HalfUp), "half a page up"),
        bind(All, &["PgDn"], Command::Move(Motion::PageDown), "page down"),
        bind(All, &["PgUp"], Command::Move(Motion::PageUp), "page up"),
        bind(All, &["g", "Home"], Command::Move(Motion::Top), "first line"),
        bind(All, &["G", "End"], Command::Move(Motion::Bottom), "last line"),
        bind(All, &["Tab"], Command::SwitchPane, "other pane"),
        bind(All, &["J"], Command::NextAlert, "next alert"),
        bind(All, &["K"], Command::PreviousAlert, "previous alert"),
        bind(All, &["Backspace"], Command::GoBack, "back to where p, i, f or F led from"),
        bind(All, &["r"], Command::Refresh, "refresh; drops rows that no longer match"),
        bind(All, &["L"], Command::Live, "live: look for new and changed alerts"),
        bind(All, &["T"], Command::TimeFormat, "times as age, UTC or local"),
        bind(All, &["z"], Command::Zoom, "one pane or two"),
        bind(All, &["P"], Command::Profiles, "profiles and sign-in"),
        bind(All, &["R"], Command::Requests, "the requests made last"),
        bind(All, &["E"], Command::Export, "export the marked alerts, or all that match"),
        bind(All, &["m"], Command::Mouse, "mouse on or off"),
        bind(All, &["?"], Command::Help, "these keys"),
        bind(All, &["Esc"], Command::Back, "back a step: menu, overlay, detail, loading"),
        bind(All, &["q", "Ctrl-c"], Command::Quit, "close an overlay, else quit"),
        bind(All, &["Ctrl-z"], Command::Suspend, "to the shell; fg comes back"),
        bind(All, &["Ctrl-l"], Command::Redraw, "draw the screen anew"),
        bind(List, &["/"], Command::List(ListCommand::EditFilter), "filter"),
        bind(List, &["Enter"], Command::List(ListCommand::Read), "read the alert"),
        bind(List, &["s"], Command::List(ListCommand::Sort), "sort by a column"),
        bind(List, &["S"], Command::List(ListCommand::Reverse), "reverse the order"),
        bind(List, &["V"], Command::List(ListCommand::Range), "mark a range; Space ends it"),
        bind(List, &["*"], Command::List(ListCommand::MarkShown), "mark all that match"),
        bind(List, &["~"], Command::List(ListCommand::InvertMarks), "invert the marks of those"),
        bind(List, &["M"], Command::List(ListCommand::ClearMarks), "drop all marks"),
        bind(List, &["l", "→"], Command::List(ListCommand::ScrollRight), "scroll the titles right"),
        bind(List, &["h", "←"], Command::List(ListCommand::ScrollLeft), "scroll the titles left"),
        bind(Detail, &["/"], Command::Detail(DetailCommand::Find), "find a text in the alert"),
        bind(Detail, &["n"], Command::Detail(DetailCommand::NextHit), "next line with it"),
        bind(Detail, &["N"], Command::Detail(DetailCommand::PreviousHit), "previous line with it"),
        bind(Detail, &["Enter"], Command::Detail(DetailCommand::Values), "all values of the line"),
        bind(Detail, &["l", "→"], Command::Detail(DetailCommand::Unfold), "unfold"),
        bind(Detail, &["h", "←"], Command::Detail(DetailCommand::Fold), "fold, or go to the parent"),
        bind(Detail, &["+"], Command::Detail(DetailCommand::UnfoldAll), "unfold the whole tree"),
        bind(Detail, &["-"], Command::Detail(DetailCommand::FoldAll), "fold the whole tree"),
        bind(
            Detail,
            &["]"],
            Command::Detail(DetailCommand::NextSuspicious),
            "next suspicious or malicious item",
        ),
        bind(Detail, &["["], Command::Detail(DetailCommand::PreviousSuspicious), "previous one"),
        bind(Detail, &["t"], Command::Detail(DetailCommand::Timeline), "what happened when"),
        bind(Detail, &["v"], Command::Detail(DetailCommand::Json), "the alert's JSON"),
        bind(Alert, &["Space"], Command::Mark, "mark the alert, or take its mark away"),
        bind(Alert, &["o"], Command::Alert(AlertCommand::Open), "open the alert in the browser"),
        bind(Alert, &["O"], Command::Alert(AlertCommand::OpenIncident), "open the incident in the browser"),
        bind(Alert, &["y"], Command::Alert(AlertCommand::Copy), "copy: value, indicators, row, JSON, links"),
        bind(Alert, &["f"], Command::Alert(AlertCommand::Include), "narrow the filter to a value"),
        bind(Alert, &["F"], Command::Alert(AlertCommand::Exclude), "exclude a value"),
        bind(Alert, &["p"], Command::Alert(AlertCommand::Pivot), "a value's alerts, of any status"),
        bind(Alert, &["i"], Command::Alert(AlertCommand::Incident), "the incident's alerts"),
        bind(Alert, &["!"], Command::Alert(AlertCommand::Retry), "try what failed again"),
        bind(Filter, &["Enter"], Command::Filter(FilterCommand::Run), "run: ask the service"),
        bind(Filter, &["Esc"], Command::Filter(FilterCommand::Restore), "restore the former filter"),
        bind(Filter, &["Tab"], Command::Filter(FilterCommand::Complete), "take the completion or the fix"),
        bind(Filter, &["Ctrl-n"], Command::Filter(FilterCommand::NextChoice), "next completion"),
        bind(Filter, &["Ctrl-p"], Command::Filter(FilterCommand::PreviousChoice), "previous completion"),
        bind(Filter, &["↑"], Command::Filter(FilterCommand::Older), "older filter"),
        bind(Filter, &["↓"], Command::Filter(FilterCommand::Newer), "newer filter"),
        bind(Find, &["Enter"], Command::Find(FindCommand::Keep), "stay here; n and N go on"),
        bind(Find, &["Esc"], Command::Find(FindCommand::Leave), "back to where you were"),
        bind(Find, &["↓", "Ctrl-n"], Command::Find(FindCommand::Next), "next line with it"),
        bind(Find, &["↑", "Ctrl-p"], Command::Find(FindCommand::Previous), "previous line with it"),
        bind(Profiles, &["Enter"], Command::Profile(ProfileCommand::Switch), "switch to the profile"),
        bind(Profiles, &["s"], Command::Profile(ProfileCommand::Browser), "sign in with a browser"),
        bind(Profiles, &["d"], Command::Profile(ProfileCommand::DeviceCode), "sign in by device code"),
        bind(Profiles, &["x"], Command::Profile(ProfileCommand::SignOut), "sign out"),
        bind(SignIn, &["Enter"], Command::SignIn(SignInCommand::Browser), "sign in with a browser"),
        bind(SignIn, &["d"], Command::SignIn(SignInCommand::DeviceCode), "sign in by device code"),
        bind(SignIn, &["y"], Command::SignIn(SignInCommand::Copy), "copy the address or the code"),
        bind(
            Requests,
            &["y"],
            Command::Request(RequestCommand::CopyCurl),
            "copy for curl, without the token",
        ),
        bind(Requests, &["c"], Command::Request(RequestCommand::CopyIds), "copy the ids, for support"),
        bind(Export, &["Enter"], Command::Exporting(ExportCommand::Write), "write the file"),
        bind(Export, &["Tab", "Shift-Tab"], Command::Exporting(ExportCommand::Switch), "format or file name"),
        bind(Export, &["↓"], Command::Exporting(ExportCommand::Next), "next format"),
        bind(Export, &["↑"], Command::Exporting(ExportCommand::Previous), "previous format"),
        bind(Export, &["j"], Command::Exporting(ExportCommand::Take(Format::Json)), "JSON"),
        bind(Export, &["l"], Command::Exporting(ExportCommand::Take(Format::Lines)), "JSON lines"),
        bind(Export, &["c"], Command::Exporting(ExportCommand::Take(Format::Csv)), "CSV"),
        bind(Export, &["m"], Command::Exporting(ExportCommand::Take(Format::Markdown)), "Markdown table"),
        bind(Export, &["t"], Command::Exporting(ExportCommand::Take(Format::Tickets)), "Markdown tickets"),
        bind(Export, &["o"], Command::Exporting(ExportCommand::Overwrite), "overwrite a file that exists"),
        bind(Export, &["a"], Command::Exporting(ExportCommand::Rename), "take another name instead"),
    ]
};

/// Finds what a key asks for in one of the contexts, the first context first.
pub(super) fn command(contexts: &[Context], key: Key) -> Option<Command> {
    contexts.iter().find_map(|context| {
        BINDINGS
            .iter()
            .filter(|binding| binding.context == *context)
            .find(|binding| binding.keys.iter().any(|name| Key::read(name) == Some(key)))
            .map(|binding| binding.command)
    })
}

/// Returns the first key that asks for a command, for hints on the screen.
pub fn key_for(command: Command) -> &'static str {
    BINDINGS.iter().find(|binding| binding.command == command).map_or("", |binding| binding.keys[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_and_prints_the_same() {
        for name in BINDINGS.iter().flat_map(|binding| binding.keys) {
            let key = Key::read(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(key.to_string(), *name);
        }
        assert_eq!(Key::read("Ctrl-"), None);
        assert_eq!(Key::read("ab"), None);
    }

    #[test]
    fn no_key_means_two_things_at_a_time() {
        for (at, one) in BINDINGS.iter().enumerate() {
            for two in &BINDINGS[at + 1..] {
                let shared = one.keys.iter().find(|key| two.keys.contains(key));
                assert!(
                    shared.is_none() || !one.context.overlaps(two.context),
                    "{shared:?} is both {:?} and {:?}",
                    one.help,
                    two.help
                );
            }
        }
    }

    #[test]
    fn keys_that_multiplexers_and_flow_control_take_are_not_used() {
        for name in BINDINGS.iter().flat_map(|binding| binding.keys) {
            assert!(!["Ctrl-a", "Ctrl-b", "Ctrl-s", "Ctrl-q"].contains(name), "{name}");
        }
    }
}
