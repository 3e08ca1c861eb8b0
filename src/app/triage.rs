//! The commands that change alerts: their targets, the menus for choosing a change, and the
//! confirmation (docs/triage.md).
//!
//! The targets are the marked alerts in the list or, if there are none, the alert under the cursor.
//! They are fixed when the key is pressed, along with their current values. Later arrivals and
//! changes to the sort order or filter do not change the targets.

use std::sync::Arc;

use alertdeck_graph::{AlertUpdate, Owner, permission};
use alertdeck_model::{AlertId, Classification, Determination, SafeText, Status};
use alertdeck_store::{FeedId, Row, RowSet};

use super::{
    ActionItem, App, Confirm, Menu, MenuAction, MenuItem, Pane, TextPrompt, TextPurpose, command::Motion,
    format::thousands, groups::Lines,
};
use crate::triage::{
    Action, Change, EntryId, Expected, Pair, Seen, Task, UNDO, Values, WriteMode, determinations,
    owner_is_person, pair,
};

/// The maximum number of owners listed in the menu for assigning alerts.
const MAX_OWNERS: usize = 9;

/// An alert that a command applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The alert's feed.
    pub feed: FeedId,
    /// The alert's row.
    pub row: Row,
    /// The alert's id.
    pub id: AlertId,
    /// The alert's title, as received.
    pub title: String,
    /// The alert's values when the command was given.
    pub seen: Seen,
}

/// The alerts that a command applies to.
pub type Targets = Arc<[Target]>;

/// A step towards a change: a menu item that leads to another menu or to the confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TriageStep {
    /// Choose the determination for a classification.
    Classify(Classification),
    /// Close with a classification and determination.
    Close(Classification, Determination),
    /// Set the status to resolved and keep the classification.
    Resolve,
    /// Assign the alerts.
    Assign(Assignee),
    /// Type the name of the new owner.
    TypeOwner,
}

/// The user to assign alerts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// The signed-in user in each alert's tenant.
    Me,
    /// Nobody: the alerts become unassigned.
    NoOne,
    /// The user with this name.
    User(String),
}

impl App {
    /// Returns why a feed's alerts cannot be changed and what to do about it, sanitised for
    /// display; `None` if they can be changed.
    pub fn why_read_only(&self, feed: FeedId) -> Option<String> {
        let Some(feed) = self.feeds.get(feed) else {
            return Some("its tenant is no longer in the list".to_owned());
        };
        let needed = permission::WRITE;
        match feed.settings.writes {
            WriteMode::Saved => return Some("saved alerts cannot be changed".to_owned()),
            WriteMode::Forbidden => {
                let profile = &feed.settings.profile;
                return Some(format!("read-only: profile {profile} has read_only = true"));
            }
            WriteMode::Off => {
                return Some(format!("read-only: start with --write to change alerts (needs {needed})"));
            }
            WriteMode::On => {}
        }
        let profiles = self.ui.keymap.key("open.profiles");
        if let Some(line) = &feed.service.writes_refused {
            return Some(format!("changes were refused; sign in again ({profiles}) to retry: {line}"));
        }
        let identity = feed.sign_in.identity.as_ref()?;
        (identity.writes == Some(false))
            .then(|| format!("the token lacks {needed}; grant it and sign in again ({profiles})"))
    }

    /// Returns the alerts that a command applies to: the marked alerts in the list or, if there are
    /// none, the alert under the cursor. Omits alerts that cannot be changed. If no alert remains,
    /// notifies the user of the reason and returns `None`.
    pub(super) fn targets(&mut self) -> Option<Targets> {
        if !self.marks.is_empty() && !self.knows_matching() {
            return None;
        }
        let marked = self.marked();
        let rows = if marked.is_empty() {
            self.selected_or_notify()?;
            self.rows_at_cursor()
        } else {
            marked
        };
        // While a filter is running, a group may have alerts that do not match it.
        if rows.len() > 1 && !self.knows_matching() {
            return None;
        }
        let (mut targets, mut why) = (Vec::new(), None);
        let count = rows.len();
        for row in rows {
            match self.why_read_only(self.store.feed(row)) {
                Some(reason) => drop(why.get_or_insert(reason)),
                None if self.actions.pending.contains(row) => {
                    why.get_or_insert_with(|| "a change to this alert is still being sent".to_owned());
                }
                None => match self.target(row) {
                    Some(target) => targets.push(target),
                    None => drop(why.get_or_insert_with(|| "the alert has no ID".to_owned())),
                },
            }
        }
        if targets.is_empty() {
            self.notify(why.unwrap_or_default());
            return None;
        }
        let omitted = count - targets.len();
        self.actions.omitted =
            why.map(|why| format!("{} left out: {why}", thousands(omitted))).filter(|_| omitted > 0);
        Some(targets.into())
    }

    pub(super) fn target(&self, row: Row) -> Option<Target> {
        let facts = self.store.facts(row);
        // An alert received without an id has one generated by alertdeck, which the service does
        // not know.
        self.store.property(row, "id").filter(|id| !id.is_blank())?;
        let title = self.store.property(row, "title");
        Some(Target {
            feed: self.store.feed(row),
            row,
            id: facts.id(),
            title: title.map_or_else(String::new, |title| title.raw().to_owned()),
            seen: Seen { values: Values::loaded(facts), updated: facts.last_update() },
        })
    }

    /// Returns the user that `me` refers to in a feed, if known and if alerts can be assigned to
    /// that user.
    pub(super) fn me_in(&self, feed: FeedId) -> Option<String> {
        let feed = self.feeds.get(feed)?;
        feed.settings.me.clone().filter(|me| owner_is_person(me))
    }

    /// Opens the confirmation for taking the alerts: assigning them to the user and setting their
    /// status to in progress.
    pub(super) fn take(&mut self) {
        let Some(targets) = self.targets() else { return };
        let change = |app: &Self, target: &Target| {
            let me = app.me_in(target.feed)?;
            Some(AlertUpdate {
                status: Some(Status::InProgress),
                assigned_to: Some(Owner::User(me)),
                ..AlertUpdate::default()
            })
        };
        self.confirm("Take", &targets, change);
    }

    /// Opens the menu for closing the alerts.
    pub(super) fn offer_closing(&mut self) {
        let Some(targets) = self.targets() else { return };
        let usual = self.usual(targets[0].row);
        let item = |pair: &Pair| MenuItem {
            key: pair.letter,
            label: pair.classification.words(),
            preview: match usual.as_ref().filter(|usual| usual.classification == pair.classification) {
                Some(usual) => format!("usual: {} of {} similar", usual.count, usual.classified),
                None => String::new(),
            },
            action: MenuAction::Triage(targets.clone(), TriageStep::Classify(pair.classification.clone())),
        };
        let mut items: Vec<_> = determinations().iter().map(item).collect();
        items.push(MenuItem {
            key: 'r',
            label: "resolve only".into(),
            preview: "keep the classification".into(),
            action: MenuAction::Triage(targets.clone(), TriageStep::Resolve),
        });
        let is_usual =
            |pair: &Pair| usual.as_ref().is_some_and(|usual| usual.classification == pair.classification);
        let at = determinations().iter().position(is_usual).unwrap_or(0);
        self.ui.open(Menu { title: format!("Close {} as", what(&targets)), items, at });
    }

    fn offer_determinations(&mut self, targets: &Targets, classification: &Classification) {
        let Some(pair) = pair(classification) else { return };
        let item = |(key, determination): &(char, Determination)| MenuItem {
            key: *key,
            label: determination.words(),
            preview: String::new(),
            action: MenuAction::Triage(
                Arc::clone(targets),
                TriageStep::Close(classification.clone(), determination.clone()),
            ),
        };
        let items = pair.determinations.iter().map(item).collect();
        let title = format!("Close {}: {}", what(targets), classification.words());
        let usual = self.usual(targets[0].row).filter(|usual| usual.classification == *classification);
        let is_usual = |(_, member): &(char, Determination)| {
            usual.as_ref().is_some_and(|usual| usual.determination == *member)
        };
        let at = pair.determinations.iter().position(is_usual).unwrap_or(0);
        self.ui.open(Menu { title, items, at });
    }

    /// Opens the menu for assigning the alerts.
    pub(super) fn offer_owners(&mut self) {
        let Some(targets) = self.targets() else { return };
        let item = |key, label: String, preview: String, step| MenuItem {
            key,
            label,
            preview,
            action: MenuAction::Triage(Arc::clone(&targets), step),
        };
        let me = self.me_in(targets[0].feed).map_or_else(String::new, |me| SafeText::new(&me).line());
        let mut items = vec![
            item('m', "me".into(), me, TriageStep::Assign(Assignee::Me)),
            item('n', "nobody".into(), String::new(), TriageStep::Assign(Assignee::NoOne)),
        ];
        items.extend(('1'..='9').zip(self.known_owners(&targets)).map(|(key, owner)| {
            let label = SafeText::new(&owner).line();
            item(key, label, String::new(), TriageStep::Assign(Assignee::User(owner)))
        }));
        items.push(item('t', "type a name".into(), String::new(), TriageStep::TypeOwner));
        self.ui.open(Menu { title: format!("Assign {} to", what(&targets)), items, at: 0 });
    }

    /// Returns the people to offer as new owners: the owners most recently assigned in this
    /// session, then the other owners of loaded alerts. Returns an empty list if the alerts come
    /// from several feeds, since owners from one tenant are not offered for alerts in another.
    pub(super) fn known_owners(&self, targets: &Targets) -> Vec<String> {
        let feed = targets[0].feed;
        if targets.iter().any(|target| target.feed != feed) {
            return Vec::new();
        }
        let mut loaded: Vec<_> = self.store.owners(feed).map(|owner| owner.raw().to_owned()).collect();
        loaded.sort_unstable_by_key(|owner| owner.to_lowercase());
        let is_loaded = |owner: &&String| loaded.contains(owner);
        let recent: Vec<_> = self.actions.recent_owners.iter().filter(is_loaded).cloned().collect();
        let mut owners: Vec<String> = Vec::new();
        for owner in recent.into_iter().chain(loaded.iter().cloned()) {
            if owners.len() == MAX_OWNERS {
                break;
            }
            let is_new = owners.iter().all(|known| !known.eq_ignore_ascii_case(&owner));
            if is_new && owner_is_person(&owner) && self.me_in(feed).as_ref() != Some(&owner) {
                owners.push(owner);
            }
        }
        owners
    }

    /// Opens the text field for a comment.
    pub(super) fn write_comment(&mut self) {
        let Some(targets) = self.targets() else { return };
        self.ui.open(TextPrompt::new(TextPurpose::Comment(targets)));
    }

    /// Carries out a step chosen in a menu.
    pub(super) fn run_triage_step(&mut self, targets: &Targets, step: TriageStep) {
        match step {
            TriageStep::Classify(classification) => self.offer_determinations(targets, &classification),
            TriageStep::Close(classification, determination) => {
                self.confirm("Close", targets, |_, _| {
                    Some(AlertUpdate {
                        status: Some(Status::Resolved),
                        classification: Some(classification.clone()),
                        determination: Some(determination.clone()),
                        assigned_to: None,
                    })
                });
            }
            TriageStep::Resolve => {
                let update = AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() };
                self.confirm("Resolve", targets, |_, _| Some(update.clone()));
            }
            TriageStep::Assign(assignee) => self.assign(targets, &assignee),
            TriageStep::TypeOwner => {
                self.ui.open(TextPrompt::new(TextPurpose::Owner(Arc::clone(targets))));
            }
        }
    }

    /// Opens the confirmation for assigning alerts.
    pub(super) fn assign(&mut self, targets: &Targets, assignee: &Assignee) {
        if let Assignee::User(name) = assignee {
            self.actions.recent_owners.retain(|known| known != name);
            self.actions.recent_owners.insert(0, name.clone());
        }
        self.confirm("Assign", targets, |app, target| {
            let owner = match assignee {
                Assignee::Me => Owner::User(app.me_in(target.feed)?),
                Assignee::NoOne => Owner::Unassigned,
                Assignee::User(name) => Owner::User(name.clone()),
            };
            Some(AlertUpdate { assigned_to: Some(owner), ..AlertUpdate::default() })
        });
    }

    /// Opens the confirmation for adding a comment.
    pub(super) fn confirm_comment(&mut self, targets: &Targets, text: &str) {
        self.confirm_change("Comment on", targets, Some(text), |_, _| Some(AlertUpdate::default()));
    }

    fn confirm(
        &mut self,
        verb: &str,
        targets: &Targets,
        update: impl Fn(&Self, &Target) -> Option<AlertUpdate>,
    ) {
        self.confirm_change(verb, targets, None, update);
    }

    /// Opens the confirmation for changing alerts. `update` returns `None` if it needs the user's
    /// account in the alert's tenant and that account is not known. Alerts that would not change
    /// are omitted.
    pub(super) fn confirm_change(
        &mut self,
        verb: &str,
        targets: &Targets,
        comment: Option<&str>,
        update: impl Fn(&Self, &Target) -> Option<AlertUpdate>,
    ) {
        let (mut items, mut unchanged, mut unknown, mut words) = (Vec::new(), 0, 0, None);
        for target in targets.iter() {
            let Some(update) = update(self, target) else {
                unknown += 1;
                continue;
            };
            let change = Change { update, comment: comment.map(str::to_owned) };
            // `me` can refer to different users in different tenants.
            let own = change.words();
            if *words.get_or_insert_with(|| own.clone()) != own {
                let update = AlertUpdate { assigned_to: None, ..change.update.clone() };
                let others = Change { update, comment: change.comment.clone() }.words();
                let parts = [others.as_str(), "assigned to me"];
                words =
                    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "));
            }
            let after = target.seen.values.after(&change.update);
            if comment.is_none() && target.seen.values.differences(&after).is_empty() {
                unchanged += 1;
                continue;
            }
            let task = Task {
                alert: target.id.clone(),
                title: target.title.clone(),
                change,
                expected: Expected::Seen(target.seen.clone()),
            };
            items.push(ActionItem::new(target.feed, Some(target.row), task));
        }
        let summary = words.unwrap_or_default();
        if items.is_empty() {
            return self.notify(if unknown > 0 {
                "your account is not known; set `me` in the profile, or use --me".to_owned()
            } else if targets.len() == 1 {
                format!("nothing to change: already {summary}")
            } else {
                format!("nothing to change: all {} are already {summary}", thousands(unchanged))
            });
        }
        let mut notes: Vec<_> = self.actions.omitted.take().into_iter().collect();
        if unchanged > 0 {
            notes.push(format!("{} left out: nothing to change", thousands(unchanged)));
        }
        if unknown > 0 {
            notes.push(format!("{} left out: your account in that tenant is not known", thousands(unknown)));
        }
        let hidden = self.marks_hidden();
        if hidden > 0 && !self.marks.is_empty() && self.marks_shown() > 0 {
            notes.push(format!("{} marked but not in the list, left out", thousands(hidden)));
        }
        let action = Action { id: EntryId::random(), summary };
        self.open_confirmation(verb, action, items, notes);
    }

    /// Opens the confirmation for an action.
    pub(super) fn open_confirmation(
        &mut self,
        verb: &str,
        action: Action,
        items: Vec<ActionItem>,
        notes: Vec<String>,
    ) {
        let confirm = Confirm::new(verb, action, items, notes, self.clock.now.mono, self.ui.last_key);
        self.ui.open(confirm);
    }

    /// Opens the confirmation for undoing the last action.
    pub(super) fn undo(&mut self) {
        if self.actions.iter().next_back().is_some_and(|run| run.tally().left > 0) {
            return self.notify("the last change is still being sent");
        }
        let Some((summary, items)) = self.undo_items() else {
            let journal = self.ui.keymap.key("open.journal");
            return self.notify(format!("nothing to undo in this session; {journal} shows earlier changes"));
        };
        let action = Action { id: EntryId::random(), summary: format!("{UNDO}{summary}") };
        self.open_confirmation("Undo", action, items, Vec::new());
    }

    /// Opens the confirmation for retrying the last action's failed changes, based on the alerts'
    /// current values. Returns whether there are any such changes.
    pub(super) fn retry_changes(&mut self) -> bool {
        let Some((action, mut items)) = self.failed_items() else { return false };
        if items.is_empty() {
            return false;
        }
        for item in &mut items {
            let seen = item.row.and_then(|row| self.target(row)).map(|target| target.seen);
            if let (Expected::Seen(expected), Some(seen)) = (&mut item.task.expected, seen) {
                *expected = seen;
            }
        }
        // For some changes, only the comment remains to be sent.
        let mut words: Vec<_> = items.iter().map(|item| item.task.change.words()).collect();
        words.dedup();
        let summary = if let [only] = words.as_slice() { only.clone() } else { action.summary };
        let action = Action { id: EntryId::random(), summary };
        self.open_confirmation("Retry", action, items, Vec::new());
        true
    }

    /// If the cursor is on an alert that was just changed, moves it to the next alert that was not
    /// changed.
    pub(super) fn leave(&mut self, changed: &[Row]) {
        if self.selected().is_none_or(|row| !changed.contains(&row)) {
            return;
        }
        let at = self.list.scroll.cursor;
        let changed: RowSet = changed.iter().copied().collect();
        let lines = Lines::new(&self.view, self.groups.as_ref());
        match lines.find(at, |row| !changed.contains(row)) {
            Some(next) => {
                let height = self.list_height();
                self.list.go_to(lines, next, height);
            }
            // All the alerts that follow were changed too.
            None if self.ui.focus == Pane::List => {}
            None => self.next_alert(Motion::Down),
        }
    }
}

/// Returns a phrase for the alerts that a command applies to, such as `the alert` or `3 alerts`.
fn what(targets: &Targets) -> String {
    match targets.len() {
        1 => "the alert".to_owned(),
        count => format!("{} alerts", thousands(count)),
    }
}
