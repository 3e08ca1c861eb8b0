use super::*;
use crate::triage::StoredUpdate;
use alertdeck_graph::{AlertUpdate, Owner};
use alertdeck_model::RawAlert;
use serde_json::json;

const ME: &str = "ana@contoso.com";

fn at(hour: i64) -> Timestamp {
    Timestamp::from_seconds(Timestamp::parse("2026-11-20T00:00:00Z").unwrap().seconds() + hour * 3_600)
}

fn alert(tenant: usize, id: &str, values: &serde_json::Value) -> AlertState {
    let mut json = json!({"id": id, "title": format!("Title {id}"), "status": "new", "severity": "high"});
    json.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    let alert = RawAlert(json.to_string().into()).decode().unwrap();
    AlertState {
        tenant,
        id: id.to_owned(),
        title: crate::writer::title_of(&alert),
        severity: alert.severity.clone(),
        values: Values::of(&alert),
        created: Some(at(10)),
        updated: Some(at(11)),
        link: PortalUrl::check(
            &format!("https://security.microsoft.com/alerts/{id}"),
            "security.microsoft.com",
        )
        .ok(),
    }
}

fn entry(hour: i64, id: &str, after: &AlertUpdate) -> (Option<usize>, Entry) {
    let entry = Entry::new(EntryKind::Update, at(hour), EntryId::random());
    let entry = Entry {
        alert: Some(id.to_owned()),
        title: format!("Title {id}"),
        after: StoredUpdate::from(after),
        result: Some(EntryResult::Applied),
        ..entry
    };
    (Some(0), entry)
}

fn resolved() -> AlertUpdate {
    AlertUpdate {
        status: Some(Status::Resolved),
        classification: Some(Classification::FalsePositive),
        determination: Some(Determination::NotMalicious),
        ..AlertUpdate::default()
    }
}

fn reopened() -> AlertUpdate {
    AlertUpdate { status: Some(Status::New), ..AlertUpdate::default() }
}

fn assigned(owner: &str) -> AlertUpdate {
    AlertUpdate { assigned_to: Some(Owner::User(owner.into())), ..AlertUpdate::default() }
}

/// Composes the report for a shift from 08:00 to 16:00.
fn page(entries: &[(Option<usize>, Entry)], alerts: &[AlertState]) -> Handover {
    let tenant = |name: &str| Tenant { name: name.into(), me: Some(ME.into()) };
    let tenants = [tenant("contoso"), tenant("fabrikam")];
    let count = if alerts.iter().any(|alert| alert.tenant > 0) { 2 } else { 1 };
    Handover::compose(&Input {
        now: at(16),
        since: at(8),
        tenants: &tenants[..count],
        entries,
        alerts,
        missing: &[],
    })
}

/// Returns the IDs in a section of the report.
fn ids(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.id.as_str()).collect()
}

fn closed_ids(page: &Handover) -> Vec<&str> {
    page.closed.iter().flat_map(|group| ids(&group.alerts)).collect()
}

#[test]
fn closed_alerts_are_grouped_by_title_and_classification() {
    let same_title =
        |(tenant, entry): (Option<usize>, Entry)| (tenant, Entry { title: "Same".into(), ..entry });
    let malware = AlertUpdate {
        classification: Some(Classification::TruePositive),
        determination: Some(Determination::Malware),
        ..resolved()
    };
    let entries =
        [entry(9, "a", &resolved()), entry(10, "b", &resolved()), entry(11, "c", &malware)].map(same_title);
    let page = page(&entries, &[]);
    let groups: Vec<_> =
        page.closed.iter().map(|group| (group.verdict.as_str(), ids(&group.alerts))).collect();
    assert_eq!(
        groups,
        [("false positive, not malicious", vec!["a", "b"]), ("true positive, malware", vec!["c"])]
    );
    let text = page.markdown();
    assert!(text.contains("## Closed (3)"), "{text}");
    assert!(text.contains("| 2 | Same | false positive, not malicious | a, b |"), "{text}");
}

#[test]
fn only_changes_of_the_shift_that_took_effect_count_as_closed() {
    let with =
        |result, (tenant, entry): (Option<usize>, Entry)| (tenant, Entry { result: Some(result), ..entry });
    let entries = [
        entry(7, "before", &resolved()),
        with(EntryResult::Failed, entry(9, "failed", &resolved())),
        with(EntryResult::NotApplied, entry(9, "not-applied", &resolved())),
        with(EntryResult::Sent, entry(9, "sent", &resolved())),
        with(EntryResult::Unknown, entry(9, "unknown", &resolved())),
        entry(9, "done", &resolved()),
    ];
    let page = page(&entries, &[]);
    assert_eq!(closed_ids(&page), ["done"]);
    assert_eq!(ids(&page.unclear), ["sent", "unknown"]);
    assert!(page.markdown().contains("## Result unknown (2)"));
}

#[test]
fn undone_and_reopened_alerts_are_not_closed() {
    let closing = entry(9, "undone", &resolved());
    let mut undo = entry(
        10,
        "undone",
        &AlertUpdate { classification: Some(Classification::Unknown), ..AlertUpdate::default() },
    );
    undo.1.undoes = Some(closing.1.id.clone());
    let mut failed = entry(10, "kept", &reopened());
    let kept = entry(9, "kept", &resolved());
    (failed.1.undoes, failed.1.result) = (Some(kept.1.id.clone()), Some(EntryResult::Failed));
    let entries =
        [closing, undo, kept, failed, entry(9, "again", &resolved()), entry(10, "again", &reopened())];
    assert_eq!(closed_ids(&page(&entries, &[])), ["kept"]);
}

#[test]
fn an_alert_that_someone_reopened_says_so() {
    let page = page(&[entry(9, "a", &resolved())], &[alert(0, "a", &json!({"status": "inProgress"}))]);
    let text = page.markdown();
    assert!(text.contains("[a](https://security.microsoft.com/alerts/a) (now in progress)"), "{text}");
    assert_eq!(page.json()["closed"][0]["alerts"][0]["reopened"], "inProgress");
}

#[test]
fn the_classification_may_be_older_or_newer_than_the_closing() {
    let close = AlertUpdate { status: Some(Status::Resolved), ..AlertUpdate::default() };
    let classify = AlertUpdate { status: None, ..resolved() };
    let entries = [entry(9, "own", &close), entry(10, "own", &classify), entry(9, "before", &close)];
    let state = alert(0, "before", &json!({"status": "resolved", "classification": "truePositive"}));
    let page = page(&entries, &[state]);
    let verdict = |id: &str| {
        let group = page.closed.iter().find(|group| ids(&group.alerts) == [id]).unwrap();
        group.verdict.as_str()
    };
    assert_eq!((verdict("own"), verdict("before")), ("false positive, not malicious", "true positive"));
}

#[test]
fn held_alerts_say_since_when() {
    let mine = |id| alert(0, id, &json!({"assignedTo": "Ana@contoso.com", "status": "inProgress"}));
    let alerts = [
        mine("taken"),
        mine("given"),
        alert(0, "closed", &json!({"assignedTo": ME, "status": "resolved"})),
        alert(0, "other", &json!({"assignedTo": "bo@contoso.com"})),
    ];
    // "taken" was assigned before the shift. "given" was passed to someone else and came back
    // without a journal entry, so its time is the last update.
    let entries = [
        entry(2, "taken", &assigned(ME)),
        entry(3, "taken", &AlertUpdate { status: Some(Status::InProgress), ..AlertUpdate::default() }),
        entry(2, "given", &assigned(ME)),
        entry(3, "given", &assigned("bo@contoso.com")),
    ];
    let page = page(&entries, &alerts);
    let held: Vec<_> = page.held.iter().map(|item| (item.id.as_str(), item.at)).collect();
    assert_eq!(held, [("taken", Some(at(2))), ("given", Some(at(11)))]);
}

#[test]
fn new_alerts_are_high_unassigned_and_of_the_shift() {
    let mut old = alert(0, "old", &json!({}));
    old.created = Some(at(7));
    let alerts = [
        alert(0, "new", &json!({})),
        old,
        alert(0, "medium", &json!({"severity": "medium"})),
        alert(0, "owned", &json!({"assignedTo": "bo@contoso.com"})),
        alert(0, "begun", &json!({"status": "inProgress"})),
    ];
    assert_eq!(ids(&page(&[], &alerts).new), ["new"]);
}

#[test]
fn notes_of_the_shift_are_listed() {
    let note = |hour, text: &str| {
        let note = Entry::new(EntryKind::Note, at(hour), EntryId::random());
        (None, Entry { text: Some(text.into()), alert: Some("a".into()), ..note })
    };
    let page = page(&[note(7, "old"), note(9, "call\n# the <b>user</b>")], &[]);
    let text = page.markdown();
    assert!(text.contains("- 2026-11-20T09:00:00Z a: call⏎\\# the \\<b\\>user\\</b\\>\n"), "{text}");
    assert!(!text.contains("old"), "{text}");
}

#[test]
fn several_tenants_are_told_apart() {
    let alerts = [alert(0, "a", &json!({})), alert(1, "a", &json!({}))];
    let text = page(&[entry(9, "a", &resolved())], &alerts).markdown();
    assert!(text.contains("| tenant | count | title |"), "{text}");
    assert!(text.contains("| contoso | 1 | Title a |"), "{text}");
    assert!(text.contains("| fabrikam | 2026-11-20T10:00:00Z | Title a |"), "{text}");
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "x | [a](https://evil.example)\u{1b}[2J\n## y";
    let mut new = alert(0, "new", &json!({"title": hostile}));
    new.link = PortalUrl::check("https://security.microsoft.com/a)|(b", "security.microsoft.com").ok();
    let page = page(&[], &[new]);
    let text = page.markdown();
    assert!(text.contains(r"x \| \[a\](https\:/\/evil.example)␛\[2J⏎\#\# y"), "{text}");
    assert!(text.contains("(https://security.microsoft.com/a%29%7C%28b)"), "{text}");
    assert_eq!(page.json()["new"][0]["title"], "x | [a](https://evil.example)␛[2J⏎## y");
}

#[test]
fn an_empty_page_says_so() {
    let text = page(&[], &[]).markdown();
    assert_eq!(text.matches("None.").count(), 4, "{text}");
    assert!(!text.contains("Result unknown"), "{text}");
}

#[test]
fn what_is_missing_comes_first() {
    let page = Handover { missing: vec!["contoso: offline".into()], ..page(&[], &[]) };
    assert!(page.markdown().starts_with(
        "# Handover, 2026-11-20T16:00:00Z\n\nSince 2026-11-20T08:00:00Z.\n\n**Incomplete:** contoso: offline\n"
    ));
    assert_eq!(page.json()["missing"], json!(["contoso: offline"]));
}

#[test]
fn alerts_that_the_journal_names_are_read_once() {
    let entries = [
        entry(7, "before", &resolved()),
        entry(9, "a", &resolved()),
        entry(10, "a", &reopened()),
        entry(9, "owner", &assigned(ME)),
    ];
    assert_eq!(named(&entries, at(8)), [(0, "a".to_owned())]);
}
