//! The journal: the changes made from this computer, newest first, with undo.

use std::collections::HashSet;

use super::{Object, Panel, PanelLine, PanelSpan, Role};
use crate::{
    app::{
        ActionItem, App, Effect, Feed, JobKind, Overlay, Scroll, Target, TextPrompt, TextPurpose,
        command::{Command, Context, Hint, Motion, hint, run},
        format::thousands,
    },
    triage::{Action, Change, Entry, EntryId, EntryKind, EntryResult, Expected, Task, UNDO},
};
use alertdeck_model::{SafeText, one_line};

/// The command that opens the journal.
pub(super) const OPEN: Command =
    run("open.journal", "journal: changes made from this computer", super::super::App::show_journal);

/// The commands of the journal.
pub(super) static CONTEXT: Context = Context {
    name: "journal",
    heading: "Journal",
    commands: &[
        run("journal.undo", "undo this action", |app, _| app.undo_from_journal()),
        run("journal.note", "local note on the shift", |app, _| {
            app.ui.open(TextPrompt::new(TextPurpose::Note(None)));
        }),
    ],
};

/// The journal, while it is open.
#[derive(Debug, Default)]
pub struct JournalList {
    /// The latest record of each change, newest first, or why the journal could not be read; `None`
    /// until it has been read.
    entries: Option<Result<Vec<Entry>, String>>,
    scroll: Scroll,
}

impl JournalList {
    fn entries(&self) -> &[Entry] {
        match &self.entries {
            Some(Ok(entries)) => entries,
            _ => &[],
        }
    }

    /// Returns the IDs of the changes that were undone.
    fn undone(&self) -> HashSet<&EntryId> {
        let made = self.entries().iter().filter(|entry| entry.result == Some(EntryResult::Applied));
        made.filter_map(|entry| entry.undoes.as_ref()).collect()
    }

    fn line(app: &App, entry: &Entry, undone: &HashSet<&EntryId>, width: usize) -> PanelLine {
        let is_undone = undone.contains(&entry.id);
        let (word, role) = match entry.result {
            _ if is_undone => ("undone", Role::Dim),
            Some(EntryResult::Applied) => ("done", Role::Text),
            Some(EntryResult::Failed | EntryResult::NotApplied) => ("failed", Role::Error),
            Some(EntryResult::Sent | EntryResult::Unknown) => ("unknown", Role::Error),
            None => ("note", Role::Text),
        };
        let what = match entry.kind {
            EntryKind::Update => entry.change_words(),
            EntryKind::Comment => format!("comment: {}", one_line(entry.text.as_deref().unwrap_or_default())),
            EntryKind::Note => one_line(entry.text.as_deref().unwrap_or_default()),
        };
        let title = SafeText::new(&entry.title).line();
        let mut line = vec![
            PanelSpan::column(app.clock.minute(entry.time), Role::Dim, 17),
            PanelSpan::column(word, role, 8),
            PanelSpan::column(what, if is_undone { Role::Dim } else { Role::Text }, (width / 2).min(44)),
        ];
        if !entry.profile.is_empty() && app.settings.profiles.len() > 1 {
            line.push(PanelSpan::column(SafeText::new(&entry.profile).line(), Role::Dim, 12));
        }
        line.push(PanelSpan::new(title, Role::Dim));
        line
    }
}

fn rows(app: &App) -> usize {
    app.ui.overlay_size().1
}

impl Object for JournalList {
    fn context(&self) -> &'static Context {
        &CONTEXT
    }

    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![
            hint(&["move.down", "move.up"], "move"),
            hint(&["journal.undo"], "undo"),
            hint(&["journal.note"], "note"),
            hint(&["app.back"], "close"),
        ]
    }

    fn opener(&self) -> &'static str {
        OPEN.id
    }

    fn go(&mut self, app: &App, motion: Motion) {
        let len = self.entries().len();
        self.scroll.go(motion, len, rows(app));
    }

    fn wheel(&mut self, app: &App, lines: i32) {
        let len = self.entries().len();
        self.scroll.wheel(lines, len, rows(app));
    }

    fn resize(&mut self, app: &App) {
        let len = self.entries().len();
        self.scroll.show(len, rows(app));
    }

    fn panel(&self, app: &App) -> Option<Panel> {
        let (width, _) = app.ui.overlay_size();
        let text = |text: &str, role| vec![vec![PanelSpan::new(text, role)]];
        let undone = self.undone();
        let lines = match &self.entries {
            None => text("reading", Role::Dim),
            Some(Err(line)) => text(line, Role::Error),
            Some(Ok(entries)) if entries.is_empty() => text("no changes made from this computer", Role::Dim),
            Some(Ok(entries)) => {
                let shown = entries.iter().skip(self.scroll.top).take(rows(app));
                shown.map(|entry| Self::line(app, entry, &undone, width)).collect()
            }
        };
        let cursor = (!self.entries().is_empty()).then_some(self.scroll.cursor);
        Some(Panel {
            title: "Journal".into(),
            width,
            lines,
            top: self.scroll.top,
            cursor,
            ..Panel::default()
        })
    }
}

impl App {
    fn show_journal(&mut self, effects: &mut Vec<Effect>) {
        self.ui.open(JournalList::default());
        self.read_journal(effects);
    }

    /// Opens the text field for a note on the alert under the cursor.
    pub(in crate::app) fn write_note(&mut self) {
        let Some(row) = self.selected_or_notify() else { return };
        match self.target(row) {
            Some(target) => self.ui.open(TextPrompt::new(TextPurpose::Note(Some(Box::new(target))))),
            None => self.notify("the alert has no ID"),
        }
    }

    /// Adds a note to the journal.
    pub(in crate::app) fn add_note(
        &mut self,
        target: Option<&Target>,
        text: String,
        effects: &mut Vec<Effect>,
    ) {
        let feed = target.map_or_else(|| self.feed().id, |target| target.feed);
        let Some(of) = self.feeds.get(feed) else { return };
        let identity = of.sign_in.identity.as_ref();
        let raw = |text: Option<&SafeText>| text.map(|text| text.raw().to_owned());
        let entry = Entry::new(EntryKind::Note, self.clock.now.wall, EntryId::random());
        let entry = Entry {
            // A note on the shift belongs to no tenant.
            tenant: target.map_or_else(String::new, |_| {
                let tenant = raw(identity.and_then(|identity| identity.tenant.as_ref()));
                tenant.unwrap_or_else(|| of.settings.tenant.clone())
            }),
            profile: target.map_or_else(String::new, |_| of.settings.profile.clone()),
            account: raw(identity.and_then(|identity| identity.account.as_ref())),
            alert: target.map(|target| target.id.raw().to_owned()),
            title: target.map_or_else(String::new, |target| target.title.clone()),
            text: Some(text),
            ..entry
        };
        self.start_job(feed, JobKind::WriteNote(Box::new(entry)), effects);
    }

    /// Notifies the user that a note was added, or why it was not.
    pub(in crate::app) fn noted(&mut self, noted: Result<(), String>, effects: &mut Vec<Effect>) {
        match noted {
            Ok(()) => self.notify("note added; alertdeck handover prints it"),
            Err(line) => self.notify_completed(format!("the note was not added: {line}"), true),
        }
        self.read_journal(effects);
    }

    /// Starts reading the journal if its overlay is open.
    pub(in crate::app) fn read_journal(&mut self, effects: &mut Vec<Effect>) {
        if self.ui.overlays.iter().any(|overlay| matches!(overlay, Overlay::JournalList(_))) {
            let feed = self.feed().id;
            self.start_job(feed, JobKind::ReadJournal, effects);
        }
    }

    /// Shows the entries read from the journal, or the error.
    pub(in crate::app) fn journal_read(&mut self, read: Result<Vec<Entry>, String>) {
        let rows = rows(self);
        let open = self.ui.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::JournalList(list) => Some(list),
            _ => None,
        });
        let Some(list) = open else { return };
        list.entries = Some(read.map(|entries| {
            let mut entries = entries;
            entries.reverse();
            entries
        }));
        let len = list.entries().len();
        list.scroll.show(len, rows);
    }

    /// Opens the confirmation to undo the action that includes the change under the cursor.
    fn undo_from_journal(&mut self) {
        let Some(Overlay::JournalList(list)) = self.ui.overlay() else { return };
        let Some(entry) = list.entries().get(list.scroll.cursor) else { return };
        if entry.kind != EntryKind::Update || entry.undoes.is_some() {
            return self.notify(match entry.kind {
                EntryKind::Comment => "comments cannot be undone",
                EntryKind::Note => "notes cannot be undone",
                EntryKind::Update => "an undo cannot be undone; change the alert itself",
            });
        }
        let (action, summary, undone) = (&entry.action, entry.summary.clone(), list.undone());
        let made = list.entries().iter().filter(|other| {
            other.action == *action
                && other.kind == EntryKind::Update
                && other.result == Some(EntryResult::Applied)
                && !undone.contains(&other.id)
        });
        let made: Vec<_> = made.cloned().collect();
        if made.is_empty() {
            return self.notify(
                "nothing to undo: the change was not made or was already undone, or its result is unknown",
            );
        }
        let (mut items, mut missing) = (Vec::new(), None);
        for entry in &made {
            let feed = self.feeds.iter().find(|feed| is_of(feed, entry));
            let (Some(feed), Some(alert)) = (feed, entry.alert_id()) else {
                missing = Some(entry.profile.clone());
                continue;
            };
            if let Some(why) = self.why_read_only(feed.id) {
                return self.notify(why);
            }
            let row = self.store.row(feed.id, &alert);
            let updated = row.and_then(|row| self.store.facts(row).last_update());
            let task = Task {
                alert: alert.clone(),
                title: entry.title.clone(),
                change: Change { update: entry.before.update(), comment: None },
                expected: Expected::After { entry: entry.id.clone(), update: entry.after.update(), updated },
            };
            items.push(ActionItem::new(feed.id, row, task));
        }
        let mut notes = Vec::new();
        if let Some(profile) = &missing {
            let profile = SafeText::new(profile).line();
            if items.is_empty() {
                return self.notify(format!(
                    "these alerts are not in the list: switch to profile {profile} to undo this"
                ));
            }
            let left = made.len() - items.len();
            notes.push(format!("{} in other tenants left out (profile {profile})", thousands(left)));
        }
        let action = Action { id: EntryId::random(), summary: format!("{UNDO}{summary}") };
        self.open_confirmation("Undo", action, items, notes);
    }
}

/// Returns whether a journal entry belongs to a feed's tenant and profile.
fn is_of(feed: &Feed, entry: &Entry) -> bool {
    let identity = feed.sign_in.identity.as_ref().and_then(|identity| identity.tenant.as_ref());
    let is_tenant = identity.is_some_and(|tenant| tenant.raw() == entry.tenant)
        || feed.settings.tenant == entry.tenant
        || feed.settings.aliases.contains(&entry.tenant);
    is_tenant && feed.settings.profile == entry.profile
}
