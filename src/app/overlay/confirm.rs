//! The confirmation of an action: what changes in which alert, from what to what, before anything is
//! sent (docs/console.md, "Triage").
//!
//! It ignores keys that were pressed before it could be read, and repeats of a key that is held. It
//! names the tenants, so the first change of a session cannot go to the wrong one unnoticed.

use std::time::Duration;

use super::{Back, KeyOutcome, Object, Panel, PanelLine, PanelSpan, Role};
use crate::{
    app::{
        ActionItem, App, Effect, Key, KeyCode, Overlay, Scroll, TextPrompt, TextPurpose,
        command::{Context, Hint, Motion, hint, run},
        format::thousands,
    },
    triage::{Action, Difference, Expected, Values},
};
use alertdeck_model::{RawAlert, SafeText, one_line};

/// How long keys are ignored after the confirmation has opened, and after each key that was ignored,
/// so that a key that is held does nothing until it is released.
pub(in crate::app) const DEAF_FOR: Duration = Duration::from_millis(150);

/// The commands of the confirmation.
pub(super) static CONTEXT: Context = Context {
    name: "confirm",
    heading: "Confirmation",
    commands: &[
        run("confirm.send", "send the changes", App::send_confirmed),
        run("confirm.leave-out", "leave the alert out, or take it in again", |app, _| leave_out(app)),
        run("confirm.comment", "add a comment", |app, _| app.comment_on_confirmed()),
    ],
};

/// The confirmation of an action.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The action's verb, such as `Close`.
    verb: String,
    action: Action,
    items: Vec<ConfirmItem>,
    /// What was left out and why.
    notes: Vec<String>,
    scroll: Scroll,
    /// Until when keys are ignored.
    deaf_until: Duration,
}

/// An alert in the confirmation.
#[derive(Clone, Debug)]
struct ConfirmItem {
    item: ActionItem,
    is_left_out: bool,
}

impl Confirm {
    /// Creates the confirmation of an action, opened at `mono`.
    pub(in crate::app) fn new(
        verb: &str,
        action: Action,
        items: Vec<ActionItem>,
        notes: Vec<String>,
        mono: Duration,
    ) -> Self {
        let items = items.into_iter().map(|item| ConfirmItem { item, is_left_out: false }).collect();
        let scroll = Scroll::default();
        Self { verb: verb.to_owned(), action, items, notes, scroll, deaf_until: mono + DEAF_FOR }
    }

    /// Returns the alerts that are not left out.
    fn included(&self) -> impl Iterator<Item = &ActionItem> {
        self.items.iter().filter(|item| !item.is_left_out).map(|item| &item.item)
    }

    /// Sets the comment that is added to each alert.
    pub(in crate::app) fn set_comment(&mut self, text: &str, mono: Duration) {
        for item in &mut self.items {
            item.item.task.change.comment = Some(text.to_owned());
        }
        if let Some(first) = self.items.first() {
            self.action.summary = first.item.task.change.words();
        }
        self.deaf_until = mono + DEAF_FOR;
    }

    /// Returns whether a comment can be added: not to an action that takes changes back.
    fn takes_comment(&self) -> bool {
        self.items.iter().all(|item| matches!(item.item.task.expected, Expected::Seen(_)))
    }

    fn go_to(&mut self, motion: Motion, app: &App) {
        let height = self.height(app);
        self.scroll.go(motion, self.items.len(), height);
    }

    /// Returns the number of alerts that are visible at the same time.
    fn height(&self, app: &App) -> usize {
        let (_, height) = app.ui.overlay_size();
        let fixed = self.heading(app).len() + self.footer(app).len() + 1;
        (height.saturating_sub(fixed) / self.lines_each(app)).max(1)
    }

    /// Returns the number of lines for each alert: one if all alerts change alike.
    fn lines_each(&self, app: &App) -> usize {
        if self.items.len() == 1 { self.item_lines(app, &self.items[0]).len().max(1) } else { 1 }
    }

    fn heading(&self, app: &App) -> Vec<PanelLine> {
        let mut feeds: Vec<_> = self.included().map(|item| item.feed).collect();
        feeds.sort_unstable();
        let mut parts = Vec::new();
        for chunk in feeds.chunk_by(PartialEq::eq) {
            let name = app.feeds.get(chunk[0]).map_or_else(String::new, |feed| feed.settings.tenant.clone());
            let count =
                if feeds.len() == chunk.len() { String::new() } else { format!("{} in ", chunk.len()) };
            parts.push(count + &name);
        }
        let count = self.included().count();
        let alerts = if count == 1 { "1 alert".to_owned() } else { format!("{} alerts", thousands(count)) };
        let mut lines = vec![vec![
            PanelSpan::new(alerts, Role::Strong),
            PanelSpan::new(" in ", Role::Dim),
            PanelSpan::new(parts.join(", "), Role::Strong),
        ]];
        if !self.action.summary.is_empty() {
            lines.push(vec![PanelSpan::new(self.action.summary.clone(), Role::Accent)]);
        }
        lines.push(Vec::new());
        lines
    }

    fn footer(&self, _app: &App) -> Vec<PanelLine> {
        let note = |text: &str| vec![PanelSpan::new(text, Role::Dim)];
        let mut lines: Vec<_> = self.notes.iter().map(|text| note(text)).collect();
        if let Some(comment) = self.items.first().and_then(|item| item.item.task.change.comment.as_ref()) {
            lines.push(vec![
                PanelSpan::new("comment: ", Role::Dim),
                PanelSpan::new(one_line(comment), Role::Text),
            ]);
            lines.push(note("a comment cannot be taken back"));
        }
        lines
    }

    /// Returns the lines for an alert: one, or if it is the only one, a line for each value.
    fn item_lines(&self, app: &App, confirmed: &ConfirmItem) -> Vec<PanelLine> {
        let item = &confirmed.item;
        let role = if confirmed.is_left_out { Role::Dim } else { Role::Text };
        let title = SafeText::new(&item.task.title).line();
        let title = if title.is_empty() { item.task.alert.text().line() } else { title };
        let (differences, changed) = differences(app, item);
        let changed = changed.map(|words| format!("changed by someone else since: {words}"));
        if self.items.len() > 1 {
            let words: Vec<_> = differences.iter().map(|one| format!("{} → {}", one.from, one.to)).collect();
            let sign = if confirmed.is_left_out { "out " } else { "" };
            let mut line = vec![
                PanelSpan::new(sign, Role::Dim),
                PanelSpan::column(
                    words.join(", "),
                    if confirmed.is_left_out { role } else { Role::Strong },
                    WORDS,
                ),
                PanelSpan::new("  ", Role::Dim),
                PanelSpan::new(title, role),
            ];
            if let Some(changed) = changed {
                line.insert(0, PanelSpan::new("~ ", Role::Error));
                line.push(PanelSpan::new(format!("  {changed}"), Role::Error));
            }
            return vec![line];
        }
        let mut lines = vec![vec![PanelSpan::new(title, Role::Strong)]];
        lines.extend(differences.iter().map(|one| {
            vec![
                PanelSpan::column(format!("  {}", one.field.name()), Role::Dim, 18),
                PanelSpan::new(one.from.clone(), Role::Dim),
                PanelSpan::new(" → ", Role::Dim),
                PanelSpan::new(one.to.clone(), Role::Text),
            ]
        }));
        lines.extend(changed.map(|changed| vec![PanelSpan::new(format!("  {changed}"), Role::Error)]));
        lines
    }
}

/// The width of the column that says what changes.
const WORDS: usize = 44;

/// Returns what changes in an alert, from the values when the key was pressed, and what someone else
/// has changed since, in words.
fn differences(app: &App, item: &ActionItem) -> (Vec<Difference>, Option<String>) {
    let update = &item.task.change.update;
    match &item.task.expected {
        Expected::Seen(seen) => {
            let now = item.row.map(|row| Values::loaded(app.store.facts(row)));
            let changed = now.map(|now| seen.values.differences(&now)).filter(|changed| !changed.is_empty());
            let words = changed
                .map(|changed| changed.iter().map(Difference::to_string).collect::<Vec<_>>().join(", "));
            (seen.values.differences(&seen.values.after(update)), words)
        }
        // Only the values that the recorded change has set are known for certain.
        Expected::After { update: made, .. } => {
            let unknown = RawAlert("{}".into()).decode().map(|alert| Values::of(&alert));
            let Ok(unknown) = unknown else { return (Vec::new(), None) };
            (unknown.after(made).differences(&unknown.after(made).after(update)), None)
        }
    }
}

impl Object for Confirm {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        let mut hints = vec![hint(&["confirm.send"], "send")];
        if self.items.len() > 1 {
            hints.push(hint(&["confirm.leave-out"], "leave out"));
        }
        if self.takes_comment() {
            hints.push(hint(&["confirm.comment"], "comment"));
        }
        hints.push(hint(&["app.back"], "cancel"));
        hints
    }

    fn go(&mut self, app: &App, motion: Motion) {
        self.go_to(motion, app);
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        let height = self.height(app);
        self.scroll.wheel(lines, self.items.len(), height);
    }

    fn resize(&mut self, app: &App) {
        let height = self.height(app);
        self.scroll.show(self.items.len(), height);
    }

    /// Ignores keys for a moment, except those that cancel.
    fn key(&mut self, app: &App, key: Key) -> KeyOutcome {
        let now = app.clock.now.mono;
        if key != Key::new(KeyCode::Esc) && now < self.deaf_until {
            self.deaf_until = now + DEAF_FOR;
            return KeyOutcome::Used;
        }
        KeyOutcome::Pass
    }

    fn back(&mut self) -> Back {
        Back::Close
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let (width, _) = app.ui.overlay_size();
        let height = self.height(app);
        let top = self.scroll.top;
        let shown = self.items.iter().skip(top).take(height);
        let lines = shown.flat_map(|item| self.item_lines(app, item)).collect();
        let several = self.items.len() > 1;
        let mut footer = self.footer(app);
        if self.items.len() > height {
            let end = (top + height).min(self.items.len());
            let text = format!("{}-{end} of {}", top + 1, thousands(self.items.len()));
            footer.insert(0, vec![PanelSpan::new(text, Role::Dim)]);
        }
        Some(Panel {
            title: self.verb.clone(),
            width: if several { width } else { width.min(76) },
            heading: self.heading(app),
            lines,
            top: 0,
            cursor: several.then(|| self.scroll.cursor - top.min(self.scroll.cursor)),
            footer,
        })
    }
}

fn leave_out(app: &mut App) {
    if let Some(Overlay::Confirm(confirm)) = app.ui.overlay_mut()
        && confirm.items.len() > 1
        && let Some(item) = confirm.items.get_mut(confirm.scroll.cursor)
    {
        item.is_left_out = !item.is_left_out;
    }
}

impl App {
    /// Sends what was confirmed.
    fn send_confirmed(&mut self, effects: &mut Vec<Effect>) {
        let Some(Overlay::Confirm(confirm)) = self.ui.overlay() else { return };
        let items: Vec<_> = confirm.included().cloned().collect();
        if items.is_empty() {
            let key = self.ui.keymap.key("confirm.leave-out");
            return self.notify(format!("every alert is left out; {key} takes one in again"));
        }
        let action = confirm.action.clone();
        let rows: Vec<_> = items.iter().filter_map(|item| item.row).collect();
        self.ui.close();
        if let Some(Overlay::Form(_)) = self.ui.overlay() {
            self.ui.close();
        }
        self.start_action(action, items, effects);
        self.leave(&rows);
    }

    /// Opens the text field for a comment on the alerts of the confirmation.
    fn comment_on_confirmed(&mut self) {
        let Some(Overlay::Confirm(confirm)) = self.ui.overlay() else { return };
        if confirm.takes_comment() {
            let text = confirm.items.first().and_then(|item| item.item.task.change.comment.clone());
            self.ui.open(TextPrompt::with_text(TextPurpose::Confirmed, &text.unwrap_or_default()));
        } else {
            self.notify("a change that is taken back gets no comment");
        }
    }

    /// Adds a comment to the alerts of the confirmation.
    pub(in crate::app) fn set_confirmed_comment(&mut self, text: &str) {
        let mono = self.clock.now.mono;
        if let Some(Overlay::Confirm(confirm)) = self.ui.overlay_mut() {
            confirm.set_comment(text, mono);
        }
    }
}
