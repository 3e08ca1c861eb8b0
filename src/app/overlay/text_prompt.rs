//! A text field over the list for a comment or note, which may have several lines, or for an
//! owner's name.

use super::{KeyOutcome, Object};
use crate::{
    app::{
        App, Editor, Effect, Key, KeyCode, Overlay, Target, Targets,
        command::{Context, EVERYWHERE, Hint, hint, run},
        format::thousands,
        triage::Assignee,
        views::MAX_NAME,
    },
    triage::owner_is_person,
};
use alertdeck_model::SafeText;

/// The maximum length of a comment, in characters. Graph documents no limit (docs/graph-api.md,
/// "Comments"); this one prevents an accidental paste from becoming a comment.
const MAX_COMMENT: usize = 30_000;
/// The maximum length of an owner's name, in characters.
const MAX_OWNER: usize = 256;

/// The commands of the text field.
pub(super) static CONTEXT: Context = Context {
    name: "text",
    heading: "Comment and other text",
    commands: &[
        run("text.accept", "accept the text", App::accept_text),
        run("text.newline", "new line", |app, _| edit(app, |prompt| prompt.insert("\n"))),
        run("text.up", "line up", |app, _| edit(app, |prompt| prompt.go_line(false))),
        run("text.editor", "edit in $EDITOR", super::super::App::edit_text),
        run("text.down", "line down", |app, _| edit(app, |prompt| prompt.go_line(true))),
    ],
};

/// The purpose of the text.
#[derive(Clone, Debug)]
pub enum TextPurpose {
    /// A comment on these alerts.
    Comment(Targets),
    /// A comment for the action that is being confirmed.
    Confirmed,
    /// The new owner of these alerts.
    Owner(Targets),
    /// A note for the shift handover report, on this alert or, if `None`, on the shift.
    Note(Option<Box<Target>>),
    /// The comment in the form.
    FormComment,
    /// The owner in the form.
    FormOwner,
    /// The name under which to save the current view.
    ViewName,
}

/// The text field.
#[derive(Debug)]
pub struct TextPrompt {
    /// The purpose of the text.
    pub purpose: TextPurpose,
    /// The editor that contains the text.
    pub editor: Editor,
    /// The reason the text was not accepted, if any, sanitised for display.
    pub error: Option<String>,
}

impl TextPrompt {
    /// Creates an empty text field.
    pub(in crate::app) fn new(purpose: TextPurpose) -> Self {
        Self::with_text(purpose, "")
    }

    /// Creates a text field with initial text.
    pub(in crate::app) fn with_text(purpose: TextPurpose, text: &str) -> Self {
        Self { purpose, editor: Editor::new(text), error: None }
    }

    /// Returns whether the text may span several lines.
    pub fn has_lines(&self) -> bool {
        !matches!(self.purpose, TextPurpose::Owner(_) | TextPurpose::FormOwner | TextPurpose::ViewName)
    }

    /// Returns the title.
    pub fn title(&self) -> String {
        match &self.purpose {
            TextPurpose::Comment(targets) if targets.len() == 1 => "Comment on the alert".to_owned(),
            TextPurpose::Comment(targets) => format!("Comment on {} alerts", thousands(targets.len())),
            TextPurpose::Note(Some(_)) => "Note on the alert (stays on this computer)".to_owned(),
            TextPurpose::Note(None) => "Note on the shift (stays on this computer)".to_owned(),
            TextPurpose::Confirmed | TextPurpose::FormComment => "Comment".to_owned(),
            TextPurpose::ViewName => "Save the view as".to_owned(),
            TextPurpose::Owner(_) | TextPurpose::FormOwner => "Assign to (user principal name)".to_owned(),
        }
    }

    fn most(&self) -> usize {
        match self.purpose {
            TextPurpose::ViewName => MAX_NAME,
            _ if self.has_lines() => MAX_COMMENT,
            _ => MAX_OWNER,
        }
    }

    fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = if self.has_lines() { text } else { text.lines().next().unwrap_or_default().to_owned() };
        let length = self.editor.text().chars().count() + text.chars().count();
        if length > self.most() {
            self.error = Some(format!(
                "not inserted: {} characters exceed the limit of {}",
                thousands(length),
                thousands(self.most())
            ));
            return;
        }
        self.error = None;
        self.editor.insert(&text);
    }

    /// Moves the cursor to the line above or below, keeping its column if the line is long enough.
    fn go_line(&mut self, down: bool) {
        let chars: Vec<char> = self.editor.text().chars().collect();
        let at = self.editor.cursor();
        let start = |at: usize| chars[..at].iter().rposition(|c| *c == '\n').map_or(0, |found| found + 1);
        let end = |at: usize| chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n);
        let column = at - start(at);
        let target = if down {
            if end(at) == chars.len() { chars.len() } else { (end(at) + 1 + column).min(end(end(at) + 1)) }
        } else if start(at) == 0 {
            0
        } else {
            let above = start(at) - 1;
            (start(above) + column).min(above)
        };
        self.editor.set_cursor(target);
    }
}

impl Object for TextPrompt {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        let mut hints = vec![hint(&["text.accept"], "continue")];
        if self.has_lines() {
            hints.push(hint(&["text.newline"], "new line"));
            hints.push(hint(&["text.editor"], "editor"));
        }
        hints.push(hint(&["app.back"], "cancel"));
        hints
    }

    /// Treats letters and any keys without a command as text.
    fn key(&mut self, app: &App, key: Key) -> KeyOutcome {
        let is_command = app.ui.keymap.find(&[&CONTEXT, &EVERYWHERE], key).is_some();
        if key.typed().is_none() && is_command && key != Key::new(KeyCode::Char('q')) {
            return KeyOutcome::Pass;
        }
        match key.typed() {
            Some(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            None => drop(self.editor.edit(key)),
        }
        KeyOutcome::Used
    }

    fn paste(&mut self, text: &str) {
        self.insert(text);
    }
}

fn edit(app: &mut App, edit: impl FnOnce(&mut TextPrompt)) {
    if let Some(Overlay::TextPrompt(prompt)) = app.ui.overlay_mut()
        && prompt.has_lines()
    {
        edit(prompt);
    }
}

impl App {
    /// Lets the user edit the text in an external editor.
    fn edit_text(&mut self, effects: &mut Vec<Effect>) {
        if let Some(Overlay::TextPrompt(prompt)) = self.ui.overlay()
            && prompt.has_lines()
        {
            effects.push(Effect::EditText(prompt.editor.text().to_owned()));
        }
    }

    /// Replaces the text with the result from the external editor. If the result cannot be used,
    /// the previous text is kept.
    pub(in crate::app) fn text_edited(&mut self, edited: Result<String, String>) {
        let Some(Overlay::TextPrompt(prompt)) = self.ui.overlay_mut() else { return };
        match edited {
            Ok(text) => {
                let former = std::mem::replace(&mut prompt.editor, Editor::new(""));
                prompt.insert(text.trim_end());
                if prompt.error.is_some() {
                    prompt.editor = former;
                }
            }
            Err(line) => prompt.error = Some(SafeText::new(&line).line()),
        }
    }

    /// Accepts the text if it is valid for its purpose. Otherwise, shows what to enter.
    fn accept_text(&mut self, effects: &mut Vec<Effect>) {
        let Some(Overlay::TextPrompt(prompt)) = self.ui.overlay_mut() else { return };
        let text = prompt.editor.text().trim().to_owned();
        let error = match &prompt.purpose {
            TextPurpose::Owner(_) | TextPurpose::FormOwner if !owner_is_person(&text) => {
                Some("enter a user principal name, such as ana@contoso.com")
            }
            TextPurpose::Comment(_) if text.is_empty() => Some("enter a comment"),
            TextPurpose::Note(_) if text.is_empty() => Some("enter a note"),
            TextPurpose::ViewName if text.is_empty() => Some("enter a name"),
            _ => None,
        };
        if let Some(error) = error {
            prompt.error = Some(error.to_owned());
            return;
        }
        let purpose = prompt.purpose.clone();
        self.ui.close();
        match purpose {
            TextPurpose::Comment(targets) => self.confirm_comment(&targets, &text),
            TextPurpose::Confirmed => self.set_confirmed_comment(&text),
            TextPurpose::Note(target) => self.add_note(target.as_deref(), text, effects),
            TextPurpose::FormComment => self.fill_form(|form| form.set_comment(&text)),
            TextPurpose::ViewName => self.save_view(text, effects),
            TextPurpose::FormOwner => self.fill_form(|form| form.set_owner(text)),
            TextPurpose::Owner(targets) => self.assign(&targets, &Assignee::User(text)),
        }
    }
}
