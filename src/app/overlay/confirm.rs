//! The confirmation for an action. Shows, before anything is sent, which values change in which
//! alerts, and how (docs/triage.md).
//!
//! The confirmation ignores keys that were pressed before the user could read it, and repeats of a
//! held key. It names the tenants, so that even the first change of a session cannot go to the
//! wrong tenant unnoticed.

use std::time::Duration;

use super::{Back, KeyOutcome, Object, Panel, PanelLine, PanelSpan, Role};
use crate::{
    app::{
        ActionItem, App, Effect, Key, KeyCode, Overlay, Scroll, TextPrompt, TextPurpose,
        command::{Context, Hint, Motion, hint, run},
        format::thousands,
    },
    triage::{Action, Difference, Expected, Field, UNDO, Values},
};
use alertdeck_model::{RawAlert, SafeText, one_line};
use alertdeck_store::{Column, Row};
use unicode_width::UnicodeWidthStr;

/// How long keys are ignored after the confirmation has opened, and after each ignored key, so that
/// a held key does nothing until it is released.
pub(in crate::app) const DEAF_FOR: Duration = Duration::from_millis(150);

/// The commands of the confirmation.
pub(super) static CONTEXT: Context = Context {
    name: "confirm",
    heading: "Confirmation",
    commands: &[
        run("confirm.send", "apply the changes", App::send_confirmed),
        run("confirm.leave-out", "exclude the alert, or include it again", |app, _| leave_out(app)),
        run("confirm.comment", "add a comment", |app, _| app.comment_on_confirmed()),
    ],
};

/// The confirmation for an action.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// The action's verb, such as `Close`.
    verb: String,
    action: Action,
    items: Vec<ConfirmItem>,
    /// The fields whose changes are shown for each alert, with the widths of their columns.
    columns: Vec<(Field, usize)>,
    /// The changes that are the same for every alert, in words; empty if there is only one alert.
    alike: Vec<String>,
    /// Which alerts were left out, and why.
    notes: Vec<String>,
    scroll: Scroll,
    /// The time until which keys are ignored, measured from startup.
    deaf_until: Duration,
    /// The key that opened the confirmation and may still be held.
    opener: Option<Key>,
    /// If `opener` was pressed again, when to send the changes, measured from startup. Another key
    /// press before then cancels sending, since it may be the held key repeating.
    send_at: Option<Duration>,
}

/// An alert in the confirmation.
#[derive(Clone, Debug)]
struct ConfirmItem {
    item: ActionItem,
    /// The changes, compared with the alert's values when the command was given.
    differences: Vec<Difference>,
    is_left_out: bool,
}

/// The gap between two columns.
const GAP: usize = 2;
/// The minimum width of the title column.
const MIN_TITLE: usize = 24;
/// The width of the device column.
const DEVICE: usize = 18;
/// The width of the sign column.
const SIGN: usize = 2;

impl Confirm {
    /// Creates the confirmation for an action, opened at `mono`.
    pub(in crate::app) fn new(
        verb: &str,
        action: Action,
        items: Vec<ActionItem>,
        notes: Vec<String>,
        mono: Duration,
        opener: Option<Key>,
    ) -> Self {
        let items = items.into_iter().map(|item| {
            let differences = differences(&item);
            ConfirmItem { item, differences, is_left_out: false }
        });
        let items: Vec<_> = items.collect();
        let (mut columns, mut alike) = (Vec::new(), Vec::new());
        for field in Field::ALL {
            let changing = items.iter().flat_map(|item| &item.differences).filter(|one| one.field == field);
            let mut changing: Vec<_> = changing.map(words).collect();
            let all = changing.len() == items.len();
            let Some(widest) = changing.iter().map(|words| width(words)).max() else { continue };
            changing.dedup();
            if all && changing.len() == 1 && items.len() > 1 {
                alike.push(format!("{} {}", field.name(), changing[0]));
            } else {
                columns.push((field, widest.max(field.name().len()) + GAP));
            }
        }
        let (verb, scroll) = (verb.to_owned(), Scroll::default());
        Self {
            verb,
            action,
            items,
            columns,
            alike,
            notes,
            scroll,
            deaf_until: mono + DEAF_FOR,
            opener,
            send_at: None,
        }
    }

    /// Returns the alerts that are not left out.
    fn included(&self) -> impl Iterator<Item = &ActionItem> {
        self.items.iter().filter(|item| !item.is_left_out).map(|item| &item.item)
    }

    /// Sets the comment that is added to each alert.
    fn set_comment(&mut self, text: &str, mono: Duration) {
        let comment = Some(text.to_owned()).filter(|text| !text.is_empty());
        for item in self.items.iter_mut().filter(|item| !item.item.is_commented) {
            item.item.task.change.comment.clone_from(&comment);
        }
        if let Some(first) = self.items.first() {
            self.action.summary = first.item.task.change.words();
        }
        self.deaf_until = mono + DEAF_FOR;
    }

    /// Returns whether a comment can be added, which is not possible for an undo.
    fn takes_comment(&self) -> bool {
        self.items.iter().all(|item| matches!(item.item.task.expected, Expected::Seen(_)))
    }

    fn comment(&self) -> Option<&str> {
        self.items.iter().find_map(|item| item.item.task.change.comment.as_deref())
    }

    /// Returns the widths of the title and device columns if all columns fit side by side.
    /// Otherwise, returns `None`, and each alert has a second line.
    fn table(&self, app: &App) -> Option<(usize, usize)> {
        let (full, _) = app.ui.overlay_size();
        let values: usize = self.columns.iter().map(|(_, width)| width).sum();
        let rest = full.checked_sub(SIGN + values).filter(|rest| *rest >= MIN_TITLE)?;
        let device = if rest >= MIN_TITLE + DEVICE + 6 { DEVICE } else { 0 };
        Some((rest - device, device))
    }

    /// Returns the number of alerts that are visible at once.
    fn height(&self, app: &App) -> usize {
        let (_, height) = app.ui.overlay_size();
        let comment = if self.comment().is_some() { 2 } else { 0 };
        // The number of lines that do not scroll: heading, comment, notes, position and blank
        // lines.
        let fixed = self.heading(app).len() + comment + self.notes.len() + 2;
        let each = self.lines_each(app);
        (height.saturating_sub(fixed) / each).max(1)
    }

    fn lines_each(&self, app: &App) -> usize {
        if self.table(app).is_some() { 1 } else { 2 }
    }

    fn heading(&self, app: &App) -> Vec<PanelLine> {
        let mut feeds: Vec<_> = self.included().map(|item| item.feed).collect();
        feeds.sort_unstable();
        let mut parts = Vec::new();
        for chunk in feeds.chunk_by(PartialEq::eq) {
            let name = app.feeds.get(chunk[0]).map_or_else(String::new, |feed| feed.settings.tenant.clone());
            let is_only = feeds.len() == chunk.len();
            parts.push(if is_only { name } else { format!("{} in {name}", thousands(chunk.len())) });
        }
        let count = self.included().count();
        let mut alerts =
            if count == 1 { "1 alert".to_owned() } else { format!("{} alerts", thousands(count)) };
        alerts += if parts.len() > 1 { ": " } else { " in " };
        let mut lines =
            vec![vec![PanelSpan::new(alerts, Role::Text), PanelSpan::new(parts.join(", "), Role::Strong)]];
        if !self.action.summary.is_empty() {
            let summary = match self.action.summary.strip_prefix(UNDO) {
                Some(undone) => format!("undoing: {undone}"),
                None => self.action.summary.clone(),
            };
            lines.push(vec![PanelSpan::new(summary, Role::Accent)]);
        }
        if !self.alike.is_empty() {
            lines.push(vec![
                PanelSpan::new("in all: ", Role::Dim),
                PanelSpan::new(self.alike.join(", "), Role::Text),
            ]);
        }
        lines.push(Vec::new());
        if let Some((title, device)) = self.table(app).filter(|_| self.items.len() > 1) {
            let mut names =
                vec![PanelSpan::column("", Role::Dim, SIGN), PanelSpan::column("TITLE", Role::Dim, title)];
            if device > 0 {
                names.push(PanelSpan::column("DEVICE OR USER", Role::Dim, device));
            }
            let fields = self.columns.iter();
            names.extend(
                fields
                    .map(|(field, width)| PanelSpan::column(field.name().to_uppercase(), Role::Dim, *width)),
            );
            lines.push(names);
        }
        lines
    }

    fn footer(&self, app: &App, is_scrolled: bool) -> Vec<PanelLine> {
        let note = |text: String| vec![PanelSpan::new(text, Role::Dim)];
        let mut lines = Vec::new();
        if let Some(comment) = self.comment() {
            lines.push(vec![
                PanelSpan::new("comment  ", Role::Dim),
                PanelSpan::new(one_line(comment), Role::Text),
            ]);
            let count = self.items.iter().filter(|item| item.item.task.change.comment.is_some()).count();
            let on = if count < self.items.len() {
                format!("on {} of {}; ", thousands(count), thousands(self.items.len()))
            } else {
                String::new()
            };
            lines.push(note(format!("{on}comments cannot be undone")));
        }
        lines.extend(self.notes.iter().cloned().map(note));
        if is_scrolled && self.items.len() > 1 {
            let (top, len) = (self.scroll.top, self.items.len());
            let end = (top + self.height(app)).min(len);
            lines.push(note(format!("{}-{end} of {}", top + 1, thousands(len))));
        }
        if !lines.is_empty() {
            lines.insert(0, Vec::new());
        }
        lines
    }

    /// Returns the lines if there is only one alert: its title, and a line for each value that
    /// changes.
    fn only_lines(app: &App, only: &ConfirmItem) -> Vec<PanelLine> {
        let mut lines = vec![vec![PanelSpan::new(title(&only.item), Role::Strong)]];
        lines.extend(only.differences.iter().map(|one| {
            vec![
                PanelSpan::column(format!("  {}", one.field.name()), Role::Dim, 18),
                PanelSpan::new(one.from.clone(), Role::Dim),
                PanelSpan::new(" → ", Role::Dim),
                PanelSpan::new(one.to.clone(), Role::Text),
            ]
        }));
        let changed = changed_since(app, &only.item);
        lines.extend(changed.map(|changed| vec![PanelSpan::new(format!("  {changed}"), Role::Error)]));
        lines
    }

    /// Returns the line or lines for one of several alerts.
    fn lines(&self, app: &App, one: &ConfirmItem) -> Vec<PanelLine> {
        let text = if one.is_left_out { Role::Dim } else { Role::Text };
        let changed = changed_since(app, &one.item);
        let sign = match (one.is_left_out, &changed) {
            (true, _) => "-",
            (false, Some(_)) => "~",
            (false, None) => "",
        };
        let mut line = vec![PanelSpan::column(sign, Role::Error, SIGN)];
        let changed = changed.map(|changed| PanelSpan::new(changed, Role::Error));
        let left_out = one.is_left_out.then(|| PanelSpan::new("excluded", Role::Dim));
        let value = |field: Field| one.differences.iter().find(|one| one.field == field).map(words);
        if let Some((title_width, device_width)) = self.table(app) {
            line.push(PanelSpan::column(title(&one.item), text, title_width));
            if device_width > 0 {
                let text = one.item.row.map_or_else(String::new, |row| entity(app, row));
                line.push(PanelSpan::column(text, Role::Dim, device_width));
            }
            match left_out.or(changed) {
                Some(span) => line.push(span),
                None => line.extend(self.columns.iter().map(|(field, width)| {
                    PanelSpan::column(value(*field).unwrap_or_default(), text, *width)
                })),
            }
            return vec![line];
        }
        line.push(PanelSpan::new(title(&one.item), text));
        let own =
            one.differences.iter().filter(|one| self.columns.iter().any(|(field, _)| *field == one.field));
        let all: Vec<_> = own.map(words).collect();
        let below = left_out.or(changed).unwrap_or_else(|| PanelSpan::new(all.join(", "), Role::Dim));
        vec![line, vec![PanelSpan::new("    ", Role::Dim), below]]
    }
}

/// Formats a difference, such as `new → resolved`.
fn words(difference: &Difference) -> String {
    format!("{} → {}", difference.from, difference.to)
}

fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

fn title(item: &ActionItem) -> String {
    let title = SafeText::new(&item.task.title).line();
    if title.is_empty() { item.task.alert.text().line() } else { title }
}

/// Returns the name of an alert's device or, if it has none, its user, to tell apart alerts with
/// the same title.
fn entity(app: &App, row: Row) -> String {
    let cell = |column| SafeText::new(&app.store.cell(row, column).text()).line();
    let device = cell(Column::Device);
    if device.is_empty() {
        return cell(Column::User);
    }
    // Omit the domain, which is the same for most devices. An IP address has none.
    let name = device.split('.').next().filter(|name| name.parse::<u8>().is_err());
    name.unwrap_or(&device).to_owned()
}

/// Returns the changes to an alert, compared with its values when the command was given.
fn differences(item: &ActionItem) -> Vec<Difference> {
    let update = &item.task.change.update;
    match &item.task.expected {
        Expected::Seen(seen) => seen.values.differences(&seen.values.after(update)),
        // Only the values set by the recorded change are known for certain.
        Expected::After { update: made, .. } => {
            let Ok(unknown) = RawAlert("{}".into()).decode() else { return Vec::new() };
            let made = Values::of(&unknown).after(made);
            made.differences(&made.after(update))
        }
    }
}

/// Describes what someone else, if anyone, has changed in an alert since the command was given.
fn changed_since(app: &App, item: &ActionItem) -> Option<String> {
    let Expected::Seen(seen) = &item.task.expected else { return None };
    let now = Values::loaded(app.store.facts(item.row?));
    let changed: Vec<_> = seen.values.differences(&now).iter().map(Difference::to_string).collect();
    (!changed.is_empty()).then(|| format!("changed by someone else: {}", changed.join(", ")))
}

impl Object for Confirm {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        let mut hints = vec![hint(&["confirm.send"], "apply")];
        if self.items.len() > 1 {
            hints.push(hint(&["confirm.leave-out"], "exclude"));
        }
        if self.takes_comment() {
            hints.push(hint(&["confirm.comment"], "comment"));
        }
        hints.push(hint(&["app.back"], "cancel"));
        hints
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let height = self.height(app);
        self.scroll.go(motion, self.items.len(), height);
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        let height = self.height(app);
        self.scroll.wheel(lines, self.items.len(), height);
    }

    fn resize(&mut self, app: &App) {
        let height = self.height(app);
        self.scroll.show(self.items.len(), height);
    }

    /// Ignores keys for a moment, except for Esc.
    fn key(&mut self, app: &App, key: Key) -> KeyOutcome {
        let now = app.clock.now.mono;
        let repeats = self.send_at.take().is_some();
        if key != Key::new(KeyCode::Esc) && (repeats || now < self.deaf_until) {
            self.deaf_until = now + DEAF_FOR;
            return KeyOutcome::Used;
        }
        KeyOutcome::Pass
    }

    fn back(&mut self) -> Back {
        Back::Close
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let (full, _) = app.ui.overlay_size();
        let (title, heading) = (self.verb.clone(), self.heading(app));
        if let [only] = self.items.as_slice() {
            let (lines, footer) = (Self::only_lines(app, only), self.footer(app, false));
            return Some(Panel { title, width: full.min(76), heading, lines, footer, ..Panel::default() });
        }
        let height = self.height(app);
        let top = self.scroll.top;
        let shown = self.items.iter().skip(top).take(height);
        let lines: Vec<_> = shown.flat_map(|item| self.lines(app, item)).collect();
        let each = self.lines_each(app);
        let cursor = (self.scroll.cursor - top.min(self.scroll.cursor)) * each;
        let footer = self.footer(app, self.items.len() > height);
        Some(Panel { title, width: full, heading, lines, cursor: Some(cursor), footer, ..Panel::default() })
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
    /// Sends the confirmed changes. If the key that was pressed also opened the confirmation, waits
    /// first, since that key may still be held.
    fn send_confirmed(&mut self, effects: &mut Vec<Effect>) {
        let Some(Overlay::Confirm(confirm)) = self.ui.overlay() else { return };
        let is_held = confirm.opener.is_some() && confirm.opener == self.ui.last_key;
        if is_held && confirm.send_at.is_none() {
            let at = self.clock.now.mono + DEAF_FOR;
            if let Some(Overlay::Confirm(confirm)) = self.ui.overlay_mut() {
                confirm.send_at = Some(at);
            }
            return;
        }
        self.send_included(effects);
    }

    /// Returns when to send changes that were confirmed with a key that may have been held.
    pub(in crate::app) fn confirmation_due(&self) -> Option<Duration> {
        match self.ui.overlay() {
            Some(Overlay::Confirm(confirm)) => confirm.send_at,
            _ => None,
        }
    }

    /// Sends the changes to the alerts that are not left out.
    pub(in crate::app) fn send_included(&mut self, effects: &mut Vec<Effect>) {
        let Some(Overlay::Confirm(confirm)) = self.ui.overlay() else { return };
        let is_sending = |item: &ActionItem| self.actions.is_sending(item);
        if confirm.included().any(is_sending) {
            return self.notify("another change to these alerts is still being sent; wait a moment");
        }
        if confirm.included().all(|item| item.task.change.is_empty()) && confirm.included().next().is_some() {
            return self.notify("nothing to change");
        }
        let items: Vec<_> = confirm.included().filter(|item| !item.task.change.is_empty()).cloned().collect();
        if items.is_empty() {
            let key = self.ui.keymap.key("confirm.leave-out");
            return self.notify(format!("every alert is excluded; {key} includes one again"));
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

    /// Opens the text field for a comment on the alerts being confirmed.
    fn comment_on_confirmed(&mut self) {
        let Some(Overlay::Confirm(confirm)) = self.ui.overlay() else { return };
        if confirm.takes_comment() {
            let text = confirm.comment().unwrap_or_default().to_owned();
            self.ui.open(TextPrompt::with_text(TextPurpose::Confirmed, &text));
        } else {
            self.notify("an undo cannot have a comment");
        }
    }

    /// Sets the comment on the alerts being confirmed.
    pub(in crate::app) fn set_confirmed_comment(&mut self, text: &str) {
        let mono = self.clock.now.mono;
        if let Some(Overlay::Confirm(confirm)) = self.ui.overlay_mut() {
            confirm.set_comment(text, mono);
        }
    }
}
