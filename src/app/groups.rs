//! Groups: alerts with the same incident, title, device or other value, gathered under the first.
//!
//! A folded group is one line of the list, that of its first alert in the sort order; unfolded, its
//! other alerts follow. The lines are made from the rows of the view a slice at a time. This module
//! knows nothing about how lines are drawn, and the view knows nothing about groups.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use super::{App, Menu, MenuAction, MenuItem, Pane};
use alertdeck_model::Severity;
use alertdeck_store::{Column, Row, RowSet, Store, View, fold};

/// The letters of the menu, one for each of [`Groups::COLUMNS`].
const LETTERS: [char; 7] = ['i', 't', 'd', 'u', 'c', 's', 'n'];
/// The maximum number of rows that are grouped at once rather than in slices.
const FEW: usize = 4_096;
/// The minimum time between two groupings of a longer list while alerts are arriving.
const REGROUP_AFTER: Duration = Duration::from_millis(500);
/// How much of the time may be spent on grouping while alerts are arriving: one part in so many.
const SHARE: u32 = 10;

/// A group of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The alerts in the order of the list.
    pub rows: Vec<Row>,
    /// The number of alerts by severity, in the order of [`Severity::MEMBERS`]; the last number is
    /// that of undeclared values.
    pub severities: [usize; 6],
    /// The number of different owners; alerts without an owner count as one more.
    pub owners: usize,
    /// Identifies the group when the list has changed.
    key: u64,
    /// The owner of the first alert, as a hash.
    first_owner: u64,
    /// The other owners, as hashes.
    other_owners: Vec<u64>,
    /// The line of the first alert.
    line: usize,
}

/// The groups of the list and which of them are unfolded.
#[derive(Debug)]
pub struct Groups {
    /// What the alerts are grouped by.
    by: Column,
    /// The keys of unfolded groups.
    unfolded: HashSet<u64>,
    /// Hashes what alerts have in common: there may be as many groups as alerts, and texts would
    /// take much longer to make and to drop. It is random, so nobody can prepare texts with the
    /// same hash.
    hasher: RandomState,
    made: Vec<Group>,
    /// The lines of the list: each row with its group.
    lines: Vec<(Row, u32)>,
    /// The group of each row, by the index of the row; [`u32::MAX`] for none.
    of_rows: Vec<u32>,
    /// The revision of the view that the groups were made from, if any.
    revision: Option<u64>,
    /// The groups being made.
    making: Option<Making>,
    /// The earliest time at which groups are made again, measured from startup.
    due: Duration,
    /// Changes with the lines.
    generation: u64,
}

/// Groups being made from a copy of the view's rows.
#[derive(Debug)]
struct Making {
    rows: Vec<Row>,
    next: usize,
    revision: u64,
    began: Duration,
    by_key: HashMap<u64, u32>,
    groups: Vec<Group>,
    of_rows: Vec<u32>,
}

impl Groups {
    /// The columns that alerts can be grouped by.
    pub const COLUMNS: [Column; 7] = [
        Column::Incident,
        Column::Title,
        Column::Device,
        Column::User,
        Column::Category,
        Column::Source,
        Column::Tenant,
    ];

    /// Creates groups by a column, without any rows yet.
    fn new(by: Column) -> Self {
        Self {
            by,
            unfolded: HashSet::new(),
            hasher: RandomState::new(),
            made: Vec::new(),
            lines: Vec::new(),
            of_rows: Vec::new(),
            revision: None,
            making: None,
            due: Duration::ZERO,
            generation: 0,
        }
    }

    /// Returns what the alerts are grouped by.
    pub fn by(&self) -> Column {
        self.by
    }

    /// Returns the number of groups.
    pub fn len(&self) -> usize {
        self.made.len()
    }

    /// Returns whether there are no groups.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// Returns the group of the alert on a line, and whether the alert is the first of it. Returns
    /// `None` until the groups have been made.
    pub fn at(&self, line: usize) -> Option<(&Group, bool)> {
        let (_, at) = self.lines.get(line).filter(|_| self.revision.is_some())?;
        let group = &self.made[*at as usize];
        Some((group, group.line == line))
    }

    /// Returns whether any alert of a group is in a set.
    pub fn has_any_of(&self, group: &Group, rows: &RowSet) -> bool {
        if rows.len() > group.rows.len() {
            return group.rows.iter().any(|row| rows.contains(*row));
        }
        let of = |row: Row| self.of_rows.get(row.index()).and_then(|at| self.made.get(*at as usize));
        rows.iter().any(|row| of(row).is_some_and(|of| of.line == group.line))
    }

    /// Returns whether the alerts of a group follow its first.
    pub fn is_unfolded(&self, group: &Group) -> bool {
        group.rows.len() > 1 && self.unfolded.contains(&group.key)
    }

    /// Returns whether the groups are still being made from the latest rows.
    pub(super) fn has_work(&self) -> bool {
        self.making.is_some()
    }

    /// Returns when to make the groups again, measured from startup.
    pub(super) fn due(&self, view: &View, mono: Duration) -> Option<Duration> {
        let is_current = self.making.is_some() || self.revision == Some(view.revision());
        (!is_current).then_some(self.due).filter(|due| *due > mono)
    }

    /// Makes the groups from up to `work` more rows of the view, starting again if it has changed.
    pub(super) fn advance(&mut self, store: &Store, view: &View, work: usize, mono: Duration) {
        if self.making.is_none() {
            // The rows of a long list are worth grouping only once they are final.
            let is_due = view.len() <= FEW || mono >= self.due && !view.has_work();
            if self.revision == Some(view.revision()) || self.revision.is_some() && !is_due {
                return;
            }
            self.making = Some(Making::new(view, mono));
        }
        let Some(making) = &mut self.making else { return };
        let work = if making.rows.len() <= FEW { usize::MAX } else { work };
        making.advance(store, self.by, &self.hasher, work);
        if making.next == making.rows.len()
            && let Some(making) = self.making.take()
        {
            self.due = mono + REGROUP_AFTER.max(mono.saturating_sub(making.began) * SHARE);
            self.revision = Some(making.revision);
            (self.made, self.of_rows) = (making.groups, making.of_rows);
            self.lay_out();
        }
    }

    /// Forgets the groups, because some of their rows are gone. They are made again at once.
    pub(super) fn reset(&mut self) {
        (self.revision, self.making) = (None, None);
        self.generation += 1;
    }

    /// Lays out the lines.
    fn lay_out(&mut self) {
        self.lines.clear();
        for at in 0..self.made.len() {
            self.made[at].line = self.lines.len();
            let group = &self.made[at];
            let shown = if self.is_unfolded(group) { group.rows.len() } else { 1 };
            self.lines.extend(group.rows.iter().take(shown).map(|row| (*row, at as u32)));
        }
        self.generation += 1;
    }

    /// Folds or unfolds the group of the alert on a line. Returns whether that changed anything.
    fn fold(&mut self, line: usize, unfold: bool) -> bool {
        let Some((group, _)) = self.at(line) else { return false };
        if group.rows.len() < 2 || self.is_unfolded(group) == unfold {
            return false;
        }
        let key = group.key;
        if unfold {
            self.unfolded.insert(key);
        } else {
            self.unfolded.remove(&key);
        }
        self.lay_out();
        true
    }

    /// Returns the line of a row or, if its group is folded, of the first alert in the group.
    fn line(&self, row: Row) -> Option<usize> {
        let group = self.made.get(*self.of_rows.get(row.index())? as usize)?;
        if !self.is_unfolded(group) {
            return Some(group.line);
        }
        group.rows.iter().position(|other| *other == row).map(|at| group.line + at)
    }
}

impl Making {
    fn new(view: &View, mono: Duration) -> Self {
        Self {
            rows: view.from(0).collect(),
            next: 0,
            revision: view.revision(),
            began: mono,
            by_key: HashMap::new(),
            groups: Vec::new(),
            of_rows: Vec::new(),
        }
    }

    fn advance(&mut self, store: &Store, by: Column, hasher: &RandomState, work: usize) {
        let end = self.rows.len().min(self.next.saturating_add(work.div_ceil(8)));
        for row in self.rows[self.next..end].iter().copied() {
            let key = hasher.hash_one(key(store, row, by));
            let next = self.groups.len() as u32;
            let at = *self.by_key.entry(key).or_insert_with(|| {
                self.groups.push(Group { key, ..Group::default() });
                next
            });
            self.groups[at as usize].add(store, row, hasher);
            if self.of_rows.len() <= row.index() {
                self.of_rows.resize(row.index() + 1, u32::MAX);
            }
            self.of_rows[row.index()] = at;
        }
        self.next = end;
    }
}

/// Returns what the alerts of a group have in common. Alerts without a value are a group as well.
fn key(store: &Store, row: Row, by: Column) -> String {
    let value = match store.identity(row, by) {
        // A device or user is one whatever its spellings.
        Some(identity) => fold(identity.value.raw()),
        None => fold(&store.cell(row, by).text()),
    };
    let feed = store.feed(row).index();
    // Another tenant's device, user or incident is another one, even if it is called the same.
    match by {
        Column::Tenant => feed.to_string(),
        Column::Device | Column::User | Column::Incident if !value.is_empty() => format!("{feed} {value}"),
        _ => value,
    }
}

impl Group {
    fn add(&mut self, store: &Store, row: Row, hasher: &RandomState) {
        let facts = store.facts(row);
        let severity = Severity::MEMBERS.iter().position(|(_, member)| member == facts.severity());
        let last = self.severities.len() - 1;
        self.severities[severity.unwrap_or(last).min(last)] += 1;
        let owner = facts.assigned_to().map_or_else(String::new, |owner| fold(owner.raw()));
        let owner = hasher.hash_one(owner);
        if self.rows.is_empty() {
            (self.first_owner, self.owners) = (owner, 1);
        } else if owner != self.first_owner && !self.other_owners.contains(&owner) {
            self.other_owners.push(owner);
            self.owners += 1;
        }
        self.rows.push(row);
    }
}

/// The lines of the list: the rows of the view or, if they are grouped, the lines of the groups.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    view: &'a View,
    groups: Option<&'a Groups>,
}

impl<'a> Lines<'a> {
    /// Returns the lines of a view with these groups. Until the groups have been made for the first
    /// time, the lines are those of the view.
    pub fn new(view: &'a View, groups: Option<&'a Groups>) -> Self {
        Self { view, groups: groups.filter(|groups| groups.revision.is_some()) }
    }

    /// Returns the number of lines.
    pub fn len(self) -> usize {
        self.groups.map_or_else(|| self.view.len(), |groups| groups.lines.len())
    }

    /// Returns whether there are no lines.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the alert on a line.
    pub fn get(self, line: usize) -> Option<Row> {
        match self.groups {
            Some(groups) => groups.lines.get(line).map(|(row, _)| *row),
            None => self.view.get(line),
        }
    }

    /// Lists the alerts from a line on.
    pub fn from(self, line: usize) -> impl Iterator<Item = Row> {
        let rows = self.groups.is_none().then(|| self.view.from(line));
        let grouped = self.groups.map(|groups| groups.lines.iter().skip(line).map(|(row, _)| *row));
        rows.into_iter().flatten().chain(grouped.into_iter().flatten())
    }

    /// Returns the alerts that a line stands for: all alerts of a folded group, or one.
    pub fn rows_at(self, line: usize) -> Vec<Row> {
        match self.groups.and_then(|groups| Some((groups, groups.at(line)?.0))) {
            Some((groups, group)) if !groups.is_unfolded(group) => group.rows.clone(),
            _ => self.get(line).into_iter().collect(),
        }
    }

    /// Returns the first line, from a line on, that stands for an alert that passes a test.
    pub fn find(self, from: usize, test: impl Fn(Row) -> bool) -> Option<usize> {
        match self.groups {
            Some(groups) => (from..groups.lines.len()).find(|line| match groups.at(*line) {
                Some((group, _)) if !groups.is_unfolded(group) => group.rows.iter().any(|row| test(*row)),
                _ => self.get(*line).is_some_and(&test),
            }),
            None => self.view.from(from).position(test).map(|at| from + at),
        }
    }

    /// Returns the line of a row or, if it has none, the line where it would be.
    pub fn nearest(self, store: &Store, row: Row) -> usize {
        match self.groups {
            Some(groups) => groups.line(row).unwrap_or_else(|| {
                let at = self.view.nearest(store, row);
                let below = self.view.from(at).find_map(|row| groups.line(row));
                below.unwrap_or_else(|| self.len().saturating_sub(1))
            }),
            None => self.view.nearest(store, row),
        }
    }

    /// Returns whether the view is being filtered, so that its rows are not final.
    pub fn is_scanning(self) -> bool {
        self.view.is_scanning()
            || self.groups.is_some_and(|groups| groups.revision != Some(self.view.revision()))
    }

    /// Returns a number that changes with the lines.
    pub fn revision(self) -> u64 {
        // The view counts from 0, so the list also notices that it is grouped or no longer is.
        self.groups.map_or_else(|| self.view.revision(), |groups| u64::MAX / 2 + groups.generation)
    }
}

impl App {
    /// Returns the lines of the list.
    pub fn lines(&self) -> Lines<'_> {
        Lines::new(&self.view, self.groups.as_ref())
    }

    /// Returns the alerts that a command applies to if none are marked: all alerts of the folded
    /// group under the cursor, but only the one that is being read in the detail pane. Alerts that
    /// have left the list are none of them, even if the groups have not been made again yet.
    pub fn rows_at_cursor(&self) -> Vec<Row> {
        let Some(cursor) = self.selected() else { return Vec::new() };
        let mut rows = self.lines().rows_at(self.list.scroll.cursor);
        if self.ui.focus != Pane::List || rows.first() != Some(&cursor) {
            return vec![cursor];
        }
        rows.retain(|row| *row == cursor || self.view.shown().contains(*row));
        rows
    }

    /// Returns the menu of values to group by.
    pub(super) fn group_menu(&self) -> Menu {
        let current = self.groups.as_ref().map(Groups::by);
        let several = self.feeds.len() > 1;
        let by = LETTERS.into_iter().zip(Groups::COLUMNS);
        let by = by.filter(|(_, column)| *column != Column::Tenant || several);
        let mut items: Vec<_> = by
            .map(|(key, column)| MenuItem {
                key,
                label: column.name().to_owned(),
                preview: if current == Some(column) { "current".into() } else { String::new() },
                action: MenuAction::Group(Some(column)),
            })
            .collect();
        let at = Groups::COLUMNS.iter().position(|column| current == Some(*column)).unwrap_or(0);
        if current.is_some() {
            let label = "no groups".to_owned();
            items.push(MenuItem { key: '0', label, preview: String::new(), action: MenuAction::Group(None) });
        }
        Menu { title: "Group by".into(), items, at }
    }

    /// Groups the list, or removes the groups.
    pub(super) fn group_by(&mut self, by: Option<Column>) {
        if by == self.groups.as_ref().map(Groups::by) {
            return;
        }
        self.remember_view();
        self.set_groups(by);
    }

    /// Groups the list without adding a step to the history.
    pub(super) fn set_groups(&mut self, by: Option<Column>) {
        if by != self.groups.as_ref().map(Groups::by) {
            self.groups = by.map(Groups::new);
            self.make_groups(0);
        }
    }

    /// Makes the groups again without the pause that is meant for arriving alerts, because the user
    /// has changed the rows or their order.
    pub(super) fn regroup_soon(&mut self) {
        if let Some(groups) = &mut self.groups {
            groups.due = Duration::ZERO;
            groups.making = None;
        }
    }

    /// Makes the groups from up to `work` more rows.
    pub(super) fn make_groups(&mut self, work: usize) {
        let mono = self.clock.now.mono;
        if let Some(groups) = &mut self.groups {
            groups.advance(&self.store, &self.view, work, mono);
        }
    }

    /// Folds or unfolds the group under the cursor. Returns whether that changed anything.
    pub(super) fn fold_group(&mut self, unfold: bool) -> bool {
        let line = self.list.scroll.cursor;
        let row = self.selected();
        let has_changed = self.groups.as_mut().is_some_and(|groups| groups.fold(line, unfold));
        if has_changed && let Some(row) = row {
            let at = self.lines().nearest(&self.store, row);
            let height = self.list_height();
            self.list.go_to(Lines::new(&self.view, self.groups.as_ref()), at, height);
        }
        has_changed
    }
}
