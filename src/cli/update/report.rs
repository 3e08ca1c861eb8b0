//! The results of `alertdeck update` for each alert, as text and as JSON.

use std::io::{self, Write};

use alertdeck_model::AlertId;
use serde_json::{Value, json};

use crate::{
    cli::{Failure, Service, line},
    triage::{Difference, Entry, EntryKind, EntryResult, TaskResult, Values},
    writer::TaskReport,
};

/// The outcome for an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The alert would be changed.
    Planned,
    /// The alert was changed.
    Applied,
    /// The alert already has the wanted values.
    Unchanged,
    /// Someone else has changed the alert, so nothing was sent.
    ChangedBySomeoneElse,
    /// The alert was not changed.
    Failed,
    /// The change was sent, but the alert does not show it.
    NotApplied,
    /// It is not known whether the alert was changed.
    Unknown,
}

impl Status {
    /// Returns the name used in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::ChangedBySomeoneElse => "changed-by-someone-else",
            Self::Failed => "failed",
            Self::NotApplied => "not-applied",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the description shown to the user.
    fn words(self) -> &'static str {
        match self {
            Self::Planned => "would change",
            Self::Applied => "changed",
            Self::Unchanged => "no change",
            Self::ChangedBySomeoneElse => "not changed, since someone else has changed it",
            Self::Failed => "not changed",
            Self::NotApplied => "not changed, though the change was sent",
            Self::Unknown => "unknown whether it was changed",
        }
    }
}

/// The result or planned change for one alert.
#[derive(Clone, Debug)]
pub(super) struct Item {
    id: AlertId,
    /// The tenant and the profile, if the alert was found.
    tenant: Option<(String, String)>,
    /// The alert's title; empty if the alert was not found.
    title: String,
    changes: Vec<Difference>,
    comment: bool,
    status: Status,
    /// The reason for the status, as one line that is safe to show.
    reason: Option<String>,
    request_id: Option<String>,
    /// The exit code if this is the only alert.
    pub(super) code: u8,
}

impl Item {
    /// Creates the result for an alert that cannot be changed.
    pub(super) fn failed(id: AlertId, reason: String, code: u8) -> Self {
        Self {
            id,
            tenant: None,
            title: String::new(),
            changes: Vec::new(),
            comment: false,
            status: Status::Failed,
            reason: Some(reason),
            request_id: None,
            code,
        }
    }

    /// Sets the alert's tenant and title.
    pub(super) fn of(self, service: &Service, title: &str) -> Self {
        let tenant = Some((service.tenant.clone(), service.profile.clone()));
        Self { tenant, title: title.to_owned(), ..self }
    }

    /// Creates the result for an alert that would be changed.
    pub(super) fn planned(id: AlertId, changes: Vec<Difference>, comment: bool) -> Self {
        let status = if changes.is_empty() && !comment { Status::Unchanged } else { Status::Planned };
        Self { changes, comment, status, reason: None, code: 0, ..Self::failed(id, String::new(), 0) }
    }

    /// Adds the result of carrying out the plan. `seen` contains the values that the plan was based
    /// on.
    pub(super) fn with_report(self, report: &TaskReport, seen: &Values) -> Self {
        let (status, reason, code) = match &report.result {
            TaskResult::Applied => (Status::Applied, None, 0),
            TaskResult::Unchanged => (Status::Unchanged, None, 0),
            TaskResult::ChangedBySomeoneElse { now } => {
                let changes = seen.differences(now).iter().map(ToString::to_string).collect::<Vec<_>>();
                (Status::ChangedBySomeoneElse, Some(changes.join(", ")), 1)
            }
            TaskResult::Failed { kind, line } => {
                (Status::Failed, Some(line.clone()), kind.map_or(1, |kind| Failure::code_of(kind).max(1)))
            }
            TaskResult::NotApplied(line) => (Status::NotApplied, Some(line.clone()), 1),
            TaskResult::Unknown(line) => (Status::Unknown, Some(line.clone()), 5),
        };
        let made_part =
            |entry: &Entry| entry.kind == EntryKind::Update && entry.result == Some(EntryResult::Applied);
        let reason = reason.map(|reason| match report.entries.first().filter(|entry| made_part(entry)) {
            Some(_) => format!("the values were changed, but the comment may be missing: {reason}"),
            None => reason,
        });
        // Exit code 2 means a rejected filter, but requests for a single alert have no filter.
        let code = if code == 2 { 1 } else { code };
        let request_id = report.entries.iter().rev().find_map(|entry| entry.request_id.clone());
        let changes = if status == Status::Unchanged { Vec::new() } else { self.changes };
        Self { changes, status, reason, request_id, code, ..self }
    }

    /// Returns the outcome for the alert.
    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// Returns the JSON object for scripts.
    pub(super) fn json(&self) -> Value {
        let change = |difference: &Difference| json!({"field": difference.field.name(), "from": difference.from, "to": difference.to});
        let (tenant, profile) = self.tenant.clone().unzip();
        json!({
            "id": self.id.raw(),
            "tenant": tenant,
            "profile": profile.filter(|profile| !profile.is_empty()),
            "title": line(&self.title),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "comment": self.comment,
            "result": self.status.name(),
            "reason": self.reason,
            "requestId": self.request_id,
        })
    }

    /// Writes the alert on one line and the outcome on the next.
    pub(super) fn write(&self, names_tenant: bool, out: &mut dyn Write) -> io::Result<()> {
        let tenant = self.tenant.as_ref().filter(|_| names_tenant);
        let tenant = tenant.map(|(tenant, profile)| if profile.is_empty() { tenant } else { profile });
        let parts = [Some(self.id.text().line()), tenant.map(|name| line(name)), Some(line(&self.title))];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        writeln!(out, "{}", parts.join("  "))?;
        let mut changes: Vec<_> = self.changes.iter().map(ToString::to_string).collect();
        changes.extend(self.comment.then(|| "comment".to_owned()));
        write!(out, "  {}", self.status.words())?;
        if !changes.is_empty() && self.status != Status::Unchanged {
            write!(out, ": {}", changes.join(", "))?;
        }
        if let Some(reason) = &self.reason {
            write!(out, " ({reason})")?;
        }
        writeln!(out)
    }
}

/// Returns the failure for a run, unless all alerts now have the wanted values. For the exit code,
/// an unknown result takes precedence over all others. `yes` is `false` for a dry run.
pub(super) fn outcome(items: &[Item], yes: bool) -> Result<(), Failure> {
    let count = |status| items.iter().filter(|item| item.status == status).count();
    let unknown = count(Status::Unknown);
    let failed = items.iter().filter(|item| item.code != 0).count() - unknown;
    let Some(code) = [5, 3, 4, 1, 2].into_iter().find(|code| items.iter().any(|item| item.code == *code))
    else {
        return Ok(());
    };
    let mut parts = Vec::new();
    if failed > 0 {
        let verb = match (yes, failed) {
            (false, _) => "cannot be",
            (true, 1) => "was not",
            (true, _) => "were not",
        };
        parts.push(format!("{failed} of {} {verb} changed", alerts(items.len())));
    }
    if unknown > 0 {
        let (alerts, verb) = (alerts(unknown), if unknown == 1 { "was" } else { "were" });
        parts.push(format!("it is unknown whether {alerts} {verb} changed; check before changing again"));
    }
    Err(Failure::NotChanged { summary: parts.join("; "), code })
}

/// Formats an alert count, such as `1 alert` or `3 alerts`.
pub(super) fn alerts(count: usize) -> String {
    format!("{count} {}", if count == 1 { "alert" } else { "alerts" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::EntryId;
    use alertdeck_graph::Kind;
    use alertdeck_model::{RawAlert, Timestamp};
    use rstest::rstest;

    fn values(status: &str) -> Values {
        let json = format!(r#"{{"id":"a","status":"{status}"}}"#);
        Values::of(&RawAlert(json.into()).decode().unwrap())
    }

    fn item(result: TaskResult) -> Item {
        let (from, to) = (values("new"), values("resolved"));
        let planned = Item::planned(AlertId::new("a"), from.differences(&to), false);
        planned.with_report(&TaskReport { result, alert: None, entries: Vec::new() }, &from)
    }

    fn failed(kind: Option<Kind>) -> TaskResult {
        TaskResult::Failed { kind, line: "x".into() }
    }

    #[rstest]
    #[case(TaskResult::Applied, "applied", 0)]
    #[case(TaskResult::Unchanged, "unchanged", 0)]
    #[case(TaskResult::ChangedBySomeoneElse { now: values("inProgress") }, "changed-by-someone-else", 1)]
    #[case(failed(None), "failed", 1)]
    #[case(failed(Some(Kind::NotFound)), "failed", 1)]
    #[case(failed(Some(Kind::Filter)), "failed", 1)]
    #[case(failed(Some(Kind::Permission)), "failed", 3)]
    #[case(failed(Some(Kind::Throttled)), "failed", 4)]
    #[case(TaskResult::NotApplied("x".into()), "not-applied", 1)]
    #[case(TaskResult::Unknown("x".into()), "unknown", 5)]
    fn each_result_has_a_name_and_an_exit_code(
        #[case] result: TaskResult,
        #[case] name: &str,
        #[case] code: u8,
    ) {
        let item = item(result);
        assert_eq!((item.json()["result"].as_str(), item.code), (Some(name), code));
        let exit = outcome(&[item], true).err().map_or(0, |failure| failure.exit_code());
        assert_eq!(exit, code);
    }

    #[test]
    fn what_is_unclear_decides_the_exit_code() {
        let (failed, denied) = (failed(None), failed(Some(Kind::Permission)));
        let mut items = vec![item(TaskResult::Applied), item(failed), item(denied)];
        let failure = outcome(&items, true).unwrap_err();
        assert_eq!((failure.exit_code(), failure.to_string()), (3, "2 of 3 alerts were not changed".into()));
        let plan = outcome(&items, false).unwrap_err();
        assert_eq!(plan.to_string(), "2 of 3 alerts cannot be changed");
        items.push(item(TaskResult::Unknown("x".into())));
        let failure = outcome(&items, true).unwrap_err();
        assert_eq!(failure.exit_code(), 5);
        assert!(
            failure.to_string().ends_with("1 alert was changed; check before changing again"),
            "{failure}"
        );
    }

    #[test]
    fn a_missing_comment_is_told_apart_from_a_failed_change() {
        let update = Entry {
            result: Some(EntryResult::Applied),
            request_id: Some("r-1".into()),
            ..Entry::new(EntryKind::Update, Timestamp::from_seconds(1), EntryId::random())
        };
        let report = TaskReport { result: failed(None), alert: None, entries: vec![update] };
        let item = Item::planned(AlertId::new("a"), Vec::new(), true).with_report(&report, &values("new"));
        let json = item.json();
        assert_eq!(json["reason"], "the values were changed, but the comment may be missing: x");
        assert_eq!(json["requestId"], "r-1");
    }

    #[test]
    fn text_is_sanitised() {
        let item = Item { title: "a\u{1b}[2J\nb".into(), ..item(TaskResult::Applied) };
        let mut out = Vec::new();
        item.write(true, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a  a␛[2J⏎b\n  changed: status new → resolved\n");
    }
}
