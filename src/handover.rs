//! The shift handover report: the alerts that were closed and how, those still assigned, the new
//! ones, and the notes.
//!
//! Pure: the caller reads the journal and the services, and passes the time. Alert text is
//! sanitised and escaped; only links to the portal are clickable.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write as _,
};

use alertdeck_graph::Owner;
use alertdeck_model::{Classification, Determination, PortalUrl, SafeText, Severity, Status, Timestamp};
use serde_json::{Value, json};

use crate::{
    report::markdown,
    triage::{Entry, EntryId, EntryKind, EntryResult, StoredUpdate, Values},
};

/// An alert as the service returned it.
#[derive(Clone, Debug)]
pub struct AlertState {
    /// The tenant's index.
    pub tenant: usize,
    /// The alert's ID, as received.
    pub id: String,
    /// The title, as received.
    pub title: String,
    /// The severity.
    pub severity: Severity,
    /// The status, classification, determination and owner.
    pub values: Values,
    /// The creation time, if known.
    pub created: Option<Timestamp>,
    /// The time of the last update, if known.
    pub updated: Option<Timestamp>,
    /// The link to the alert, if it leads to the tenant's portal.
    pub link: Option<PortalUrl>,
}

/// A tenant in the report.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The tenant's name, sanitised for display.
    pub name: String,
    /// The user principal name, if known.
    pub me: Option<String>,
}

/// The data from which the report is composed.
#[derive(Debug)]
pub struct Input<'a> {
    /// The current time.
    pub now: Timestamp,
    /// The start of the shift.
    pub since: Timestamp,
    /// The tenants.
    pub tenants: &'a [Tenant],
    /// The latest entry for each change and note, oldest first, with the index of its tenant. The
    /// index is `None` for a note on the shift as a whole.
    pub entries: &'a [(Option<usize>, Entry)],
    /// The open alerts, and those named in the journal.
    pub alerts: &'a [AlertState],
    /// Descriptions of the data that could not be read, one line each, sanitised for display.
    pub missing: &'a [String],
}

/// An alert in the report. All text is as received.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    tenant: usize,
    id: String,
    title: String,
    link: Option<PortalUrl>,
    /// The current status, if the alert was closed but is no longer resolved.
    reopened: Option<Status>,
    at: Option<Timestamp>,
}

/// The closed alerts with the same title, classification and determination.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Closed {
    tenant: usize,
    title: String,
    verdict: String,
    alerts: Vec<Item>,
}

/// The shift handover report.
#[derive(Clone, Debug)]
pub struct Handover {
    now: Timestamp,
    since: Timestamp,
    tenants: Vec<String>,
    missing: Vec<String>,
    closed: Vec<Closed>,
    unclear: Vec<Item>,
    held: Vec<Item>,
    new: Vec<Item>,
    notes: Vec<(Timestamp, Option<usize>, Option<String>, String)>,
}

type Key<'a> = (usize, &'a str);

/// Returns the alerts whose state is needed in addition to the open ones: those whose status was
/// changed at or after `since`, according to the journal. Each alert ID is paired with the index of
/// its tenant.
pub fn named(entries: &[(Option<usize>, Entry)], since: Timestamp) -> Vec<(usize, String)> {
    let mut seen = HashSet::new();
    let changes = entries.iter().filter(|(_, entry)| {
        entry.kind == EntryKind::Update && entry.time >= since && entry.after.update().status.is_some()
    });
    let keys = changes.filter_map(|(tenant, entry)| Some(((*tenant)?, entry.alert.clone()?)));
    keys.filter(|key| seen.insert(key.clone())).collect()
}

impl Handover {
    /// Composes the report.
    pub fn compose(input: &Input<'_>) -> Self {
        let states: HashMap<Key<'_>, &AlertState> =
            input.alerts.iter().map(|alert| ((alert.tenant, alert.id.as_str()), alert)).collect();
        let notes = input.entries.iter().filter(|(_, entry)| {
            entry.kind == EntryKind::Note && entry.time >= input.since && entry.text.is_some()
        });
        Self {
            now: input.now,
            since: input.since,
            tenants: input.tenants.iter().map(|tenant| tenant.name.clone()).collect(),
            missing: input.missing.to_vec(),
            closed: closed(input, &states),
            unclear: unclear(input, &states),
            held: held(input),
            new: new(input),
            notes: notes
                .map(|(tenant, entry)| {
                    (entry.time, *tenant, entry.alert.clone(), entry.text.clone().unwrap_or_default())
                })
                .collect(),
        }
    }
}

/// Returns the changes that took effect and were not undone, grouped by alert, oldest first.
fn effective<'a>(input: &'a Input<'_>) -> BTreeMap<Key<'a>, Vec<&'a Entry>> {
    let applied = || {
        let updates = input.entries.iter().filter(|(_, entry)| {
            entry.kind == EntryKind::Update && entry.result == Some(EntryResult::Applied)
        });
        updates.filter_map(|(tenant, entry)| Some((((*tenant)?, entry.alert.as_deref()?), entry)))
    };
    let undone: HashSet<&EntryId> = applied().filter_map(|(_, entry)| entry.undoes.as_ref()).collect();
    let mut changes: BTreeMap<Key<'_>, Vec<&Entry>> = BTreeMap::new();
    for (key, entry) in applied().filter(|(_, entry)| !undone.contains(&entry.id)) {
        changes.entry(key).or_default().push(entry);
    }
    changes
}

/// Returns the value from the last change that sets one.
fn last<T>(changes: &[&Entry], value: impl Fn(&StoredUpdate) -> Option<T>) -> Option<T> {
    changes.iter().rev().find_map(|entry| value(&entry.after))
}

fn closed(input: &Input<'_>, states: &HashMap<Key<'_>, &AlertState>) -> Vec<Closed> {
    let mut groups: BTreeMap<(usize, String, String), Vec<Item>> = BTreeMap::new();
    for (key, changes) in effective(input) {
        let Some(closing) = changes.iter().rev().find(|entry| entry.after.update().status.is_some()) else {
            continue;
        };
        if closing.after.update().status != Some(Status::Resolved) || closing.time < input.since {
            continue;
        }
        let state = states.get(&key).copied();
        // Someone else may have replaced an earlier change since then.
        let classification = (closing.after.update().classification)
            .or_else(|| state.map(|state| state.values.classification.clone()))
            .or_else(|| last(&changes, |after| after.update().classification));
        let determination = (closing.after.update().determination)
            .or_else(|| state.map(|state| state.values.determination.clone()))
            .or_else(|| last(&changes, |after| after.update().determination));
        let verdict = verdict(classification.as_ref(), determination.as_ref());
        let title = state.map_or(&closing.title, |state| &state.title).clone();
        let status = state.map(|state| state.values.status.clone());
        let item = Item {
            reopened: status.filter(|status| *status != Status::Resolved),
            ..item(key, &title, state, Some(closing.time))
        };
        groups.entry((key.0, title, verdict)).or_default().push(item);
    }
    let group = |((tenant, title, verdict), alerts)| Closed { tenant, title, verdict, alerts };
    let mut groups: Vec<_> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| (group.tenant, std::cmp::Reverse(group.alerts.len())));
    groups
}

/// Describes how alerts were closed.
fn verdict(classification: Option<&Classification>, determination: Option<&Determination>) -> String {
    let classification = classification.filter(|known| **known != Classification::Unknown);
    let determination = determination.filter(|known| **known != Determination::Unknown);
    let words = [classification.map(Classification::words), determination.map(Determination::words)];
    let words: Vec<_> = words.into_iter().flatten().collect();
    if words.is_empty() { "not classified".to_owned() } else { words.join(", ") }
}

fn item((tenant, id): Key<'_>, title: &str, state: Option<&AlertState>, at: Option<Timestamp>) -> Item {
    Item {
        tenant,
        id: id.to_owned(),
        title: title.to_owned(),
        link: state.and_then(|state| state.link.clone()),
        reopened: None,
        at,
    }
}

/// Returns the alerts that have changes with unknown results since the start of the shift.
fn unclear(input: &Input<'_>, states: &HashMap<Key<'_>, &AlertState>) -> Vec<Item> {
    let is_unclear = |entry: &Entry| matches!(entry.result, Some(EntryResult::Sent | EntryResult::Unknown));
    let entries = input.entries.iter().filter(|(_, entry)| entry.time >= input.since && is_unclear(entry));
    let unclear = entries.filter_map(|(tenant, entry)| {
        let key = ((*tenant)?, entry.alert.as_deref()?);
        Some(item(key, &entry.title, states.get(&key).copied(), Some(entry.time)))
    });
    unclear.collect()
}

fn is_same_owner(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Returns the user's open alerts, longest-assigned first. Each alert's time is when it was
/// assigned to the user according to the journal or, if the journal does not say, when it was last
/// updated.
fn held(input: &Input<'_>) -> Vec<Item> {
    let changes = effective(input);
    let mine = input.alerts.iter().filter(|alert| {
        let me = input.tenants.get(alert.tenant).and_then(|tenant| tenant.me.as_deref());
        let owner = alert.values.owner.as_ref().map(SafeText::raw);
        alert.values.status != Status::Resolved
            && me.zip(owner).is_some_and(|(me, owner)| is_same_owner(me, owner))
    });
    let held = mine.map(|alert| {
        let me = input.tenants[alert.tenant].me.as_deref().unwrap_or_default();
        let key = (alert.tenant, alert.id.as_str());
        let taken = changes.get(&key).and_then(|changes| {
            let owner = |entry: &&Entry| Some((entry.after.update().assigned_to?, entry.time));
            match changes.iter().rev().find_map(owner)? {
                (Owner::User(owner), time) => is_same_owner(&owner, me).then_some(time),
                (Owner::Unassigned, _) => None,
            }
        });
        item(key, &alert.title, Some(alert), taken.or(alert.updated))
    });
    let mut held: Vec<_> = held.collect();
    held.sort_by_key(|item| (item.tenant, item.at));
    held
}

/// Returns the new, unassigned alerts of high severity, oldest first.
fn new(input: &Input<'_>) -> Vec<Item> {
    let is_new = |alert: &&AlertState| {
        alert.severity == Severity::High
            && alert.values.status == Status::New
            && alert.values.owner.is_none()
            && alert.created.is_some_and(|created| created >= input.since)
    };
    let new = input.alerts.iter().filter(is_new);
    let mut new: Vec<_> =
        new.map(|alert| item((alert.tenant, &alert.id), &alert.title, Some(alert), alert.created)).collect();
    new.sort_by_key(|item| (item.tenant, item.at));
    new
}

fn line(text: &str) -> String {
    SafeText::new(text).line()
}

fn escaped(text: &str) -> String {
    markdown::unlinked(&line(text))
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "unknown".to_owned(), Timestamp::to_second)
}

impl Item {
    /// Returns the ID, as a link if the alert has one.
    fn linked(&self) -> String {
        let id = escaped(&self.id);
        match &self.link {
            None => id,
            Some(link) => {
                let link = link.as_str().replace('(', "%28").replace(')', "%29").replace('|', "%7C");
                format!("[{id}]({link})")
            }
        }
    }

    fn json(&self, tenants: &[String]) -> Value {
        json!({
            "tenant": tenants.get(self.tenant),
            "id": self.id,
            "title": line(&self.title),
            "link": self.link.as_ref().map(PortalUrl::as_str),
            "at": self.at.map(Timestamp::to_second),
        })
    }
}

impl Handover {
    /// Returns the report as Markdown.
    pub fn markdown(&self) -> String {
        let count = self.closed.iter().map(|group| group.alerts.len()).sum::<usize>();
        let (now, since) = (self.now.to_second(), self.since.to_second());
        let mut out = format!("# Handover, {now}\n\nSince {since}.\n");
        for missing in &self.missing {
            // Writing to a string cannot fail.
            let _ = write!(out, "\n**Incomplete:** {}\n", escaped(missing));
        }
        let _ = write!(out, "\n## Closed ({count})\n\n");
        let groups = self.closed.iter().map(|group| {
            let alerts = group.alerts.iter().map(|item| match &item.reopened {
                None => item.linked(),
                Some(status) => format!("{} (now {})", item.linked(), escaped(&status.words())),
            });
            let alerts = alerts.collect::<Vec<_>>().join(", ");
            let cells =
                [group.alerts.len().to_string(), escaped(&group.title), escaped(&group.verdict), alerts];
            (group.tenant, cells.to_vec())
        });
        out.push_str(&self.table(&["count", "title", "classification", "alerts"], groups));
        let sections = [
            ("Result unknown", "changed", &self.unclear),
            ("Still assigned", "since", &self.held),
            ("New, high and unassigned", "created", &self.new),
        ];
        for (heading, column, items) in sections {
            if items.is_empty() && heading == "Result unknown" {
                continue;
            }
            let _ = write!(out, "\n## {heading} ({})\n\n", items.len());
            let rows = items
                .iter()
                .map(|item| (item.tenant, vec![time(item.at), escaped(&item.title), item.linked()]));
            out.push_str(&self.table(&[column, "title", "alert"], rows));
        }
        let _ = write!(out, "\n## Notes ({})\n\n", self.notes.len());
        if self.notes.is_empty() {
            out.push_str("None.\n");
        }
        for (at, _, alert, text) in &self.notes {
            let alert = alert.as_ref().map_or_else(String::new, |id| format!(" {}:", escaped(id)));
            let _ = writeln!(out, "- {}{alert} {}", at.to_second(), escaped(text));
        }
        out
    }

    /// Returns a table. Each row is paired with its tenant's index. If there are several tenants,
    /// the first column names them.
    fn table(&self, head: &[&str], rows: impl Iterator<Item = (usize, Vec<String>)>) -> String {
        let several = self.tenants.len() > 1;
        let rows = rows.map(|(tenant, cells)| {
            let name = self.tenants.get(tenant).map(|name| escaped(name)).filter(|_| several);
            markdown::row(&name.into_iter().chain(cells).collect::<Vec<_>>())
        });
        let rows: String = rows.collect();
        if rows.is_empty() {
            return "None.\n".to_owned();
        }
        markdown::head(several.then_some("tenant").into_iter().chain(head.iter().copied())) + &rows
    }

    /// Returns the report as an object for scripts.
    pub fn json(&self) -> Value {
        let items = |items: &[Item]| items.iter().map(|item| item.json(&self.tenants)).collect::<Vec<_>>();
        let closed = self.closed.iter().map(|group| {
            let alerts = group.alerts.iter().map(|item| {
                let mut object = item.json(&self.tenants);
                object["reopened"] = json!(item.reopened.as_ref().map(Status::as_str));
                object
            });
            json!({
                "tenant": self.tenants.get(group.tenant),
                "title": line(&group.title),
                "classification": line(&group.verdict),
                "count": group.alerts.len(),
                "alerts": alerts.collect::<Vec<_>>(),
            })
        });
        let notes = self.notes.iter().map(|(at, tenant, alert, text)| {
            json!({
                "at": at.to_second(),
                "tenant": tenant.and_then(|tenant| self.tenants.get(tenant)),
                "alert": alert,
                "text": SafeText::new(text).as_str(),
            })
        });
        json!({
            "at": self.now.to_second(),
            "since": self.since.to_second(),
            "missing": self.missing,
            "closed": closed.collect::<Vec<_>>(),
            "unknown": items(&self.unclear),
            "held": items(&self.held),
            "new": items(&self.new),
            "notes": notes.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests;
