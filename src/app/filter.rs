//! The filter bar: what is typed, what of it is in force, what came before.

use std::sync::Arc;

use tui_input::{Input as TextField, InputRequest};

use super::{
    App,
    command::{Context as Commands, Hint, hint, run},
    key::{Key, KeyCode},
    message::Scope,
};
use alertdeck_query as query;
use alertdeck_query::{Completion, Context, Diagnostic, Matcher, Plan};
use alertdeck_store::RowTest;

/// The commands of the filter bar.
pub(super) static CONTEXT: Commands = Commands {
    name: "filter",
    heading: "Filter bar",
    commands: &[
        run("filter.run", "run: ask the service", App::run_typed_filter),
        run("filter.restore", "restore the former filter", |app, _| app.restore_filter()),
        run("filter.complete", "accept the completion or fix", |app, _| {
            if app.filter.complete() {
                app.apply_filter();
            }
        }),
        run("filter.next-completion", "next completion", |app, _| app.filter.choose(true)),
        run("filter.previous-completion", "previous completion", |app, _| app.filter.choose(false)),
        run("filter.older", "older filter", |app, _| app.recall_filter(true)),
        run("filter.newer", "newer filter", |app, _| app.recall_filter(false)),
    ],
};

/// Returns the keys that matter in the bar.
pub(super) fn hints() -> Vec<Hint> {
    vec![
        hint(&["filter.run"], "run"),
        hint(&["filter.restore"], "restore"),
        hint(&["filter.complete"], "complete"),
        hint(&["filter.next-completion", "filter.previous-completion"], "choose"),
        hint(&["filter.older"], "history"),
    ]
}

/// How many filters are remembered.
const MAX_HISTORY: usize = 200;

/// The filter bar.
#[derive(Debug, Default)]
pub struct FilterBar {
    /// The filter that was run last.
    pub committed: String,
    /// The filter being typed, while it is.
    pub editor: Option<Editor>,
    /// How the filter in force is carried out; `None` where there is none.
    pub plan: Option<Arc<Plan>>,
    /// What is wrong with the text in the bar.
    pub diagnostics: Vec<Diagnostic>,
    /// The filter in force with the parentheses that its operators imply, where that differs
    /// from what was typed.
    pub grouped: Option<String>,
    /// Finds what the filter in force matches in shown texts.
    pub highlighter: Option<Matcher>,
    /// The text of the filter in force.
    in_force: Option<String>,
    /// The filter that the service was asked last: neither what is being typed nor a look at what
    /// is held asks anything.
    asked: String,
    /// How that filter is carried out.
    asked_plan: Option<Arc<Plan>>,
    history: Vec<String>,
}

/// A filter being typed.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    field: TextField,
    /// The completions that fit at the cursor.
    pub completions: Vec<Completion>,
    /// Which of them is chosen.
    pub choice: usize,
    /// How far back in the history the text is from, and the text before that.
    recalled: Option<(usize, String)>,
}

impl Editor {
    pub(super) fn new(text: &str) -> Self {
        Self { field: TextField::new(text.to_owned()), ..Self::default() }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.field.value()
    }

    /// Returns the cursor's place in characters.
    pub fn cursor(&self) -> usize {
        self.field.cursor()
    }

    /// Returns the cursor's place in bytes.
    fn cursor_byte(&self) -> usize {
        let text = self.text();
        text.char_indices().nth(self.cursor()).map_or(text.len(), |(at, _)| at)
    }

    /// Edits the text by a key; tells whether the key meant something.
    pub(super) fn edit(&mut self, key: Key) -> bool {
        if key.alt {
            return false;
        }
        let request = match (key.code, key.ctrl) {
            (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
            (KeyCode::Backspace | KeyCode::Char('h'), _) => InputRequest::DeletePrevChar,
            (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => InputRequest::DeleteNextChar,
            (KeyCode::Left, true) => InputRequest::GoToPrevWord,
            (KeyCode::Right, true) => InputRequest::GoToNextWord,
            (KeyCode::Left, false) => InputRequest::GoToPrevChar,
            (KeyCode::Right, false) => InputRequest::GoToNextChar,
            (KeyCode::Home, _) => InputRequest::GoToStart,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
            (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
            (KeyCode::Char('u'), true) => InputRequest::DeleteFromStart,
            (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
            _ => return false,
        };
        self.field.handle(request);
        true
    }

    pub(super) fn insert(&mut self, text: &str) {
        let (mut whole, at) = (self.text().to_owned(), self.cursor_byte());
        whole.insert_str(at, text);
        let cursor = self.cursor() + text.chars().count();
        self.field = TextField::new(whole).with_cursor(cursor);
    }

    /// Cuts a text of more characters than these; tells whether it was one.
    pub(super) fn cut(&mut self, most: usize) -> bool {
        let end = self.text().char_indices().nth(most).map(|(end, _)| end);
        if let Some(end) = end {
            let cursor = self.cursor().min(most);
            self.field = TextField::new(self.text()[..end].to_owned()).with_cursor(cursor);
        }
        end.is_some()
    }
}

impl FilterBar {
    /// Makes a bar with a filter that is yet to be read.
    pub fn new(filter: &str) -> Self {
        let filter = filter.trim().to_owned();
        Self { committed: filter.clone(), asked: filter, ..Self::default() }
    }

    /// Returns the text in the bar.
    pub fn text(&self) -> &str {
        self.editor.as_ref().map_or(&self.committed, Editor::text)
    }

    /// Begins to edit, with the cursor at the end.
    pub fn edit(&mut self) {
        if self.editor.is_none() {
            self.editor = Some(Editor::new(&self.committed));
        }
    }

    /// Puts another text into the bar; it is not run.
    pub fn set(&mut self, text: &str) {
        self.editor = Some(Editor::new(text));
    }

    /// Edits by a key; tells whether the text has changed or the cursor has moved: both decide on
    /// what completions there are.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(editor) = &mut self.editor else { return false };
        let before = (editor.text().to_owned(), editor.cursor());
        editor.edit(key);
        (editor.text(), editor.cursor()) != (before.0.as_str(), before.1)
    }

    /// Puts a pasted text in at the cursor; line ends become blanks.
    pub fn paste(&mut self, text: &str) {
        if let Some(editor) = &mut self.editor {
            let line =
                text.trim().split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            editor.insert(&line);
        }
    }

    /// Reads and plans the text in the bar, if it is not in force already; `again` plans it anew
    /// for another time or another service. What is right comes into force; what is not leaves
    /// the former filter in force. Returns the test to filter by, where there is a new one.
    pub fn compile(&mut self, context: &Context, again: bool) -> Option<RowTest> {
        let test = self.read(context, again);
        if self.editor.is_none() && self.is_asked() {
            if self.is_sound() {
                self.asked_plan.clone_from(&self.plan);
            }
        } else if again && let Ok(plan) = query::compile(&self.asked, context) {
            self.asked_plan = Some(Arc::new(plan));
        }
        test
    }

    fn read(&mut self, context: &Context, again: bool) -> Option<RowTest> {
        let text = self.text().to_owned();
        if let Some(editor) = &mut self.editor {
            let completions = query::complete(&text, editor.cursor_byte());
            if completions != editor.completions {
                editor.completions = completions;
                editor.choice = 0;
            }
        }
        if !again && self.in_force.as_ref() == Some(&text) {
            self.diagnostics.clear();
            return None;
        }
        let query = query::parse(&text);
        if query.is_empty() && query.diagnostics().is_empty() {
            self.diagnostics.clear();
            self.in_force = Some(text);
            self.plan = None;
            self.grouped = None;
            self.highlighter = None;
            return Some(Box::new(|_, _| true));
        }
        match query::plan(&query, context) {
            Ok(plan) => {
                self.diagnostics.clear();
                self.in_force = Some(text.clone());
                self.grouped = Some(query.grouped()).filter(|grouped| *grouped != text.trim());
                Some(self.enforce(plan))
            }
            Err(diagnostics) => {
                self.diagnostics = diagnostics;
                None
            }
        }
    }

    /// Carries the filter out by this plan.
    fn enforce(&mut self, plan: Plan) -> RowTest {
        let mut matcher = Matcher::new(&plan.test);
        self.highlighter = Some(matcher.clone());
        self.plan = Some(Arc::new(plan));
        Box::new(move |dictionary, facts| matcher.matches(dictionary, facts))
    }

    /// Takes the filter that was run last as the question to the service.
    pub fn ask(&mut self) {
        self.asked.clone_from(&self.committed);
        self.asked_plan.clone_from(&self.plan);
    }

    /// Tells whether the filter that was run last is what the service was asked; else it speaks of
    /// the alerts that are held.
    pub fn is_asked(&self) -> bool {
        self.committed == self.asked
    }

    /// Tells whether the rows are those of the question to the service: neither of a look at what
    /// is held nor of what is being typed.
    pub fn shows_asked(&self) -> bool {
        let of_asked = |text: &String| text.trim() == self.asked;
        self.is_asked() && self.in_force.as_ref().is_none_or(of_asked)
    }

    /// Returns the filter that the service was asked last.
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Returns how that filter is carried out.
    pub fn asked_plan(&self) -> Option<&Plan> {
        self.asked_plan.as_deref()
    }

    /// Returns what that filter asks of the service.
    pub fn asked_scope(&self) -> Scope {
        scope(self.asked_plan.as_deref())
    }

    /// Returns what the filter in force would ask of the service.
    pub fn scope(&self) -> Scope {
        scope(self.plan.as_deref())
    }

    /// Puts a former filter back, without a trace in the history.
    pub fn put_back(&mut self, text: &str) {
        self.editor = None;
        text.clone_into(&mut self.committed);
    }

    /// Tells whether the text in the bar is in force.
    pub fn is_sound(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Ends editing and keeps the text.
    pub fn commit(&mut self) {
        if let Some(editor) = self.editor.take() {
            let text = editor.text().trim().to_owned();
            if !text.is_empty() {
                self.history.retain(|old| *old != text);
                self.history.push(text.clone());
                if self.history.len() > MAX_HISTORY {
                    self.history.remove(0);
                }
            }
            self.committed = text;
        }
    }

    /// Ends editing and drops what was typed.
    pub fn restore(&mut self) {
        self.editor = None;
        self.diagnostics.clear();
    }

    /// Takes the chosen completion, or else the fix of the first fault; tells whether the text
    /// has changed.
    pub fn complete(&mut self) -> bool {
        let fix = self.diagnostics.iter().find_map(|fault| fault.fix.clone());
        let Some(editor) = &mut self.editor else { return false };
        let completion = editor.completions.get(editor.choice);
        let Some((span, text)) = completion.map(|found| (found.range.clone(), found.text.clone())).or(fix)
        else {
            return false;
        };
        let mut whole = editor.text().to_owned();
        if whole.get(span.clone()).is_none_or(|old| old == text) {
            return false;
        }
        whole.replace_range(span.clone(), &text);
        let cursor = whole[..span.start + text.len()].chars().count();
        editor.field = TextField::new(whole).with_cursor(cursor);
        true
    }

    /// Chooses another completion.
    pub fn choose(&mut self, forward: bool) {
        if let Some(editor) = &mut self.editor {
            let count = editor.completions.len().max(1);
            editor.choice = (editor.choice + if forward { 1 } else { count - 1 }) % count;
        }
    }

    /// Goes to an older filter, or back to a newer one; tells whether the text has changed.
    pub fn recall(&mut self, older: bool) -> bool {
        let Some(editor) = &mut self.editor else { return false };
        let at = editor.recalled.as_ref().map_or(0, |(at, _)| *at);
        let next = if older { (at + 1).min(self.history.len()) } else { at.saturating_sub(1) };
        if next == at {
            return false;
        }
        let typed = editor.recalled.take().map_or_else(|| editor.text().to_owned(), |(_, typed)| typed);
        let text = if next == 0 { typed.clone() } else { self.history[self.history.len() - next].clone() };
        *editor = Editor::new(&text);
        editor.recalled = (next > 0).then_some((next, typed));
        true
    }
}

fn scope(plan: Option<&Plan>) -> Scope {
    let Some(plan) = plan else { return Scope::All };
    match (&plan.id, &plan.pushed) {
        (Some(id), _) => Scope::One(id.clone()),
        (None, Some(pushed)) => Scope::Filter(pushed.to_string()),
        (None, None) => Scope::All,
    }
}
