//! An alert's timeline: its first activity, every timestamp in its evidence, when items were
//! attached, and what the service and the analysts did.
//!
//! The timeline is plain data, independent of screens and tickets. Unknown properties that contain
//! a time get a label derived from the property name.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::{NodeId, Tree};
use alertdeck_model::{Alert, SafeText, Timestamp, walk};

/// Labels for the times in evidence, as (type, property, label). An empty type matches every type.
///
/// The meanings come from the resource pages of Graph's reference (`security-…evidence`).
const TIME_LABELS: [(&str, &str, &str); 14] = [
    ("", "processCreationDateTime", "process created"),
    ("", PARENT_CREATED, "parent process created"),
    ("", "startUtcDateTime", "session started"),
    ("", "endUtcDateTime", "session ended"),
    ("", "previousLogonDateTime", "previous sign-in"),
    ("analyzedMessage", "receivedDateTime", "message received"),
    ("teamsMessage", "receivedDateTime", "message received"),
    ("teamsMessage", "lastModifiedDateTime", "message last modified"),
    ("submissionMail", "receivedDateTime", "message received"),
    ("submissionMail", "submissionDateTime", "message submitted"),
    ("", "firstSeenDateTime", "first seen"),
    ("", "accessDateTime", "resource accessed"),
    ("sasToken", "startDateTime", "token valid from"),
    ("sasToken", "expiryDateTime", "token valid until"),
];

/// The process property that holds the parent's creation time.
const PARENT_CREATED: &str = "parentProcessCreationDateTime";
/// The property that holds the time at which the service attached the item to the alert.
const ATTACHED: &str = "createdDateTime";

/// Entries that precede the alert's first activity by at least this long count as earlier history.
const LEAD_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The maximum number of entries before the first activity that do not count as earlier history.
const LEAD_ENTRIES: usize = 5;

/// Two times that differ by less than this count as the same, because sources differ in precision.
const SAME_TIME: Duration = Duration::from_secs(1);

/// A timeline entry's kind. Entries with the same time are ordered by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimelineEvent {
    /// The alert's first or last activity.
    Activity,
    /// A time in the evidence.
    Evidence,
    /// Items were attached to the alert.
    Attached,
    /// The alert was created.
    Raised,
    /// An analyst added a comment.
    Comment,
    /// The alert was last updated.
    Updated,
    /// The alert was resolved.
    Resolved,
}

/// A timeline entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The time of the event.
    pub at: Timestamp,
    /// The kind of event.
    pub event: TimelineEvent,
    /// A short description of what happened.
    pub what: SafeText,
    /// The person who caused the event, if known.
    pub who: Option<SafeText>,
    /// The evidence node that the entry is about, if there is exactly one.
    pub node: Option<NodeId>,
}

/// An alert's timeline.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The entries, oldest first. Unset times are omitted; times in the future are included.
    pub entries: Vec<Entry>,
    /// The number of entries at the start that are earlier history. This history may go back years,
    /// for example to when a file was first seen or a machine was started.
    pub earlier: usize,
    /// The time from the first activity to the alert's creation; `None` if either is unknown or
    /// they are out of order.
    pub time_to_detect: Option<Duration>,
    /// The time from the alert's creation to its resolution; `None` if either is unknown or they
    /// are out of order.
    pub time_to_resolve: Option<Duration>,
}

impl Timeline {
    /// Collects an alert's times. `tree` must be the tree of its evidence. The order of the items
    /// and comments in the alert does not matter.
    pub fn new(alert: &Alert, tree: &Tree) -> Self {
        let mut entries = evidence_entries(alert, tree);
        entries.extend(attached_entries(alert, tree));
        let alert_times = [
            (alert.first_activity, TimelineEvent::Activity, "first activity"),
            (alert.last_activity, TimelineEvent::Activity, "last activity"),
            (alert.created, TimelineEvent::Raised, "alert created"),
            // Creating or resolving an alert also sets its last update time.
            (
                alert.last_update.filter(|at| ![alert.created, alert.resolved].contains(&Some(*at))),
                TimelineEvent::Updated,
                "last update",
            ),
            (alert.resolved, TimelineEvent::Resolved, "alert resolved"),
        ];
        entries.extend(alert_times.into_iter().filter_map(|(at, event, what)| {
            Some(Entry { at: at?, event, what: what.into(), who: None, node: None })
        }));
        entries.extend(alert.comments.iter().filter_map(|comment| {
            let who = comment.author.clone().filter(|author| !author.is_blank());
            let what = "comment".into();
            Some(Entry { at: comment.created?, event: TimelineEvent::Comment, what, who, node: None })
        }));
        let positions: HashMap<NodeId, usize> =
            tree.rows(|_| false).into_iter().enumerate().map(|(position, id)| (id, position)).collect();
        let position = |entry: &Entry| entry.node.map(|id| positions.get(&id).copied());
        entries.sort_by(|a, b| {
            (a.at, a.event, position(a), &a.what, &a.who).cmp(&(b.at, b.event, position(b), &b.what, &b.who))
        });
        Self {
            earlier: earlier(&entries),
            entries,
            time_to_detect: alert.first_activity.and_then(|first| alert.created?.since(first)),
            time_to_resolve: alert.created.and_then(|created| alert.resolved?.since(created)),
        }
    }
}

/// Counts the entries of earlier history: those before the few that lead up to the first activity,
/// or to the alert's creation if no activity is known.
fn earlier(entries: &[Entry]) -> usize {
    let is_start = |entry: &Entry| matches!(entry.event, TimelineEvent::Activity | TimelineEvent::Raised);
    let Some(start) = entries.iter().position(is_start) else { return 0 };
    let is_near = |entry: &Entry| entries[start].at.since(entry.at).is_none_or(|lead| lead < LEAD_TIME);
    let near = entries[..start].iter().rev().take(LEAD_ENTRIES).take_while(|entry| is_near(entry)).count();
    start - near
}

/// Collects the times in the items, except the times at which items were attached. A time that
/// several items give for the same node is listed once.
fn evidence_entries(alert: &Alert, tree: &Tree) -> Vec<Entry> {
    let mut found: BTreeSet<(Timestamp, NodeId, String)> = BTreeSet::new();
    for (item, evidence) in alert.evidence.iter().enumerate() {
        walk(&evidence.json, &mut String::new(), true, &mut |path, value| {
            let name = path.rsplit('.').next().unwrap_or(path);
            let name = name.split('[').next().unwrap_or(name);
            let Some(at) = value.and_then(|value| time(name, value.as_str()?)) else { return };
            // Attachment times have entries of their own, and embedded evidence is never attached.
            if name == ATTACHED {
                return;
            }
            let node = tree.nested(item, path).unwrap_or_else(|| tree.owner(item));
            let parent = tree.parent(node).filter(|id| tree.node(*id).kind.raw() == "process");
            let (node, name) = match parent {
                Some(parent) if name == PARENT_CREATED => (parent, "processCreationDateTime"),
                _ => (node, name),
            };
            // A slightly different value for the node's own time does not get a second entry.
            let at = match tree.node(node).time {
                Some(known) if name == tree.node(node).time_property() && is_same_time(known, at) => known,
                _ => at,
            };
            found.insert((at, node, time_label(tree.node(node).kind.raw(), name)));
        });
    }
    let entry = |(at, node, what): (Timestamp, NodeId, String)| Entry {
        at,
        event: TimelineEvent::Evidence,
        what: SafeText::new(&what),
        who: None,
        node: Some(node),
    };
    found.into_iter().map(entry).collect()
}

/// Collects the times at which items were attached, with one entry per minute.
fn attached_entries(alert: &Alert, tree: &Tree) -> Vec<Entry> {
    let mut minutes: BTreeMap<i64, (Timestamp, usize, BTreeSet<NodeId>)> = BTreeMap::new();
    for (item, evidence) in alert.evidence.iter().enumerate() {
        let Some(at) = evidence.created else { continue };
        let (first, count, nodes) =
            minutes.entry(at.seconds().div_euclid(60)).or_insert((at, 0, BTreeSet::new()));
        *first = at.min(*first);
        *count += 1;
        nodes.insert(tree.owner(item));
    }
    let entry = |(at, count, nodes): (Timestamp, usize, BTreeSet<NodeId>)| {
        let what = match count {
            1 => "1 evidence item added".to_owned(),
            n => format!("{n} evidence items added"),
        };
        let node = nodes.first().copied().filter(|_| nodes.len() == 1);
        Entry { at, event: TimelineEvent::Attached, what: SafeText::new(&what), who: None, node }
    };
    minutes.into_values().map(entry).collect()
}

/// Reads a property as a time. Returns `None` if its name does not indicate a time, or if the time
/// is unset.
fn time(name: &str, value: &str) -> Option<Timestamp> {
    let name = name.to_ascii_lowercase();
    let is_time = name.contains("time") || name.contains("date");
    is_time.then(|| Timestamp::parse(value)).flatten().filter(|at| !at.is_unset())
}

fn is_same_time(a: Timestamp, b: Timestamp) -> bool {
    a.max(b).since(a.min(b)).is_some_and(|difference| difference < SAME_TIME)
}

/// Returns the label for a time, taken from the table or else derived from the property's name.
fn time_label(kind: &str, name: &str) -> String {
    let known =
        TIME_LABELS.iter().find(|(of, property, _)| *property == name && (of.is_empty() || *of == kind));
    if let Some((_, _, label)) = known {
        return (*label).to_owned();
    }
    let stem = ["DateTime", "Date", "Time"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let mut label = String::new();
    for c in if stem.is_empty() { name } else { stem }.chars() {
        if c.is_uppercase() && !label.is_empty() {
            label.push(' ');
        }
        label.extend(c.to_lowercase());
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::{RawAlert, short_type_name};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn item(kind: &str, mut properties: Value) -> Value {
        properties["@odata.type"] = format!("#microsoft.graph.security.{kind}Evidence").into();
        properties
    }

    fn read(alert: &Value) -> (Alert, Tree) {
        let alert = RawAlert(alert.to_string().into()).decode().unwrap();
        let tree = Tree::new(&alert.evidence);
        (alert, tree)
    }

    /// Formats the timeline as text, with the node of each entry.
    fn text(alert: &Value) -> String {
        let (alert, tree) = read(alert);
        let timeline = Timeline::new(&alert, &tree);
        let line = |entry: &Entry| {
            let who = entry.who.as_ref().map_or_else(String::new, |who| format!(" by {who}"));
            let node = entry.node.map_or_else(String::new, |id| {
                format!(": {} {}", tree.node(id).label(), tree.describe(id).name())
            });
            format!("{} {}{who}{node}\n", entry.at.to_second(), entry.what)
        };
        timeline.entries.iter().map(line).collect()
    }

    #[test]
    fn entries_are_in_order_of_time() {
        let at = |time: &str| format!("2026-11-01T{time}Z");
        let alert = json!({
            "id": "a", "firstActivityDateTime": at("09:59:00"), "createdDateTime": at("10:05:00"),
            "lastUpdateDateTime": at("12:00:00.5"), "resolvedDateTime": at("12:00:00"),
            "lastActivityDateTime": "0001-01-01T00:00:00Z",
            "comments": [
                {"comment": "two", "createdByDisplayName": "Ben", "createdDateTime": at("11:30:00")},
                {"comment": "one", "createdByDisplayName": "Ana", "createdDateTime": at("11:00:00")},
                {"comment": "undated", "createdByDisplayName": "Cy"},
            ],
            "evidence": [
                item("process", json!({"createdDateTime": at("10:05:10"), "processId": 2,
                    "processCreationDateTime": at("10:00:01"), "imageFile": {"fileName": "b.exe"},
                    "parentProcessId": 1, "parentProcessCreationDateTime": at("10:00:00.7")})),
                item("process", json!({"createdDateTime": at("10:05:59"), "processId": 1,
                    "processCreationDateTime": at("10:00:00.25"), "imageFile": {"fileName": "a.exe"},
                    "parentProcessId": 9, "parentProcessCreationDateTime": at("08:00:00"),
                    "parentProcessImageFile": {"fileName": "boot.exe"}})),
                item("hostLogonSession", json!({"createdDateTime": at("10:06:00"), "sessionId": "s1",
                    "startUtcDateTime": at("09:00:00"), "endUtcDateTime": "9999-12-31T23:59:59.9999999Z",
                    "host": {"@odata.type": "#microsoft.graph.security.deviceEvidence", "hostName": "pc1",
                        "createdDateTime": at("07:00:00"), "firstSeenDateTime": at("01:00:00")}})),
                item("device", json!({"hostName": "pc1", "firstSeenDateTime": at("01:00:00")})),
                item("sasToken", json!({"signatureHash": "h", "startDateTime": at("02:00:00")})),
                item("quantum", json!({"name": "q", "lastMeasuredDateTime": at("03:00:00"), "dated": "soon"})),
            ],
        });
        insta::assert_snapshot!(text(&alert), @r"
        2026-11-01T01:00:00Z first seen: device pc1
        2026-11-01T02:00:00Z token valid from: SAS token h
        2026-11-01T03:00:00Z last measured: quantum q
        2026-11-01T08:00:00Z process created: process boot.exe (9)
        2026-11-01T09:00:00Z session started: logon session s1
        2026-11-01T09:59:00Z first activity
        2026-11-01T10:00:00Z process created: process a.exe (1)
        2026-11-01T10:00:01Z process created: process b.exe (2)
        2026-11-01T10:05:00Z alert created
        2026-11-01T10:05:10Z 2 evidence items added
        2026-11-01T10:06:00Z 1 evidence item added: logon session s1
        2026-11-01T11:00:00Z comment by Ana
        2026-11-01T11:30:00Z comment by Ben
        2026-11-01T12:00:00Z alert resolved
        2026-11-01T12:00:00Z last update
        9999-12-31T23:59:59Z session ended: logon session s1
        ");
        let (alert, tree) = read(&alert);
        let timeline = Timeline::new(&alert, &tree);
        assert_eq!(timeline.time_to_detect, Some(Duration::from_secs(6 * 60)));
        assert_eq!(timeline.time_to_resolve, Some(Duration::from_secs(115 * 60)));
    }

    #[test]
    fn times_out_of_order_give_no_duration() {
        let (alert, tree) = read(&json!({"firstActivityDateTime": "2026-11-02T00:00:00Z",
            "createdDateTime": "2026-11-01T00:00:00Z"}));
        let timeline = Timeline::new(&alert, &tree);
        assert_eq!((timeline.time_to_detect, timeline.time_to_resolve), (None, None));
        assert_eq!(timeline.entries.len(), 2);
    }

    #[test]
    fn a_few_entries_before_the_first_activity_are_not_earlier_history() {
        let earlier = |times: &[&str]| {
            let seen: Vec<_> = times
                .iter()
                .map(|at| item("ip", json!({"ipAddress": at, "firstSeenDateTime": format!("2026-11-{at}Z")})))
                .collect();
            let (alert, tree) = read(&json!({"evidence": seen, "createdDateTime": "2026-11-12T00:00:00Z",
                "firstActivityDateTime": "2026-11-10T12:00:00Z"}));
            Timeline::new(&alert, &tree).earlier
        };
        assert_eq!(earlier(&[]), 0);
        assert_eq!(
            earlier(&["11T00:00:00", "13T00:00:00"]),
            0,
            "entries after the first activity do not count"
        );
        assert_eq!(earlier(&["01T00:00:00", "02T00:00:00", "09T11:00:00", "09T13:00:00", "10T11:00:00"]), 3);
        let minutes: Vec<_> = (0..20).map(|minute| format!("10T11:{minute:02}:00")).collect();
        let minutes: Vec<_> = minutes.iter().map(String::as_str).collect();
        assert_eq!(earlier(&minutes), 15, "at most five entries lead up to the first activity");
        let (alert, tree) = read(&json!({"evidence": [
            item("ip", json!({"ipAddress": "a", "firstSeenDateTime": "2026-11-01T00:00:00Z"}))]}));
        assert_eq!(Timeline::new(&alert, &tree).earlier, 0, "an alert without times has no earlier history");
    }

    #[test]
    fn thousands_of_items_are_listed() {
        let evidence: Vec<_> = (0..5_000)
            .map(|n| {
                item(
                    "process",
                    json!({"createdDateTime": "2026-11-01T10:00:00Z", "processId": n,
                    "processCreationDateTime": Timestamp::from_seconds(1_790_000_000 + n).to_string()}),
                )
            })
            .collect();
        let (alert, tree) = read(&json!({"evidence": evidence}));
        let entries = Timeline::new(&alert, &tree).entries;
        assert_eq!(entries.len(), 5_001);
        assert!(entries.is_sorted_by_key(|entry| entry.at));
        assert!(
            entries
                .iter()
                .any(|entry| entry.what.as_str() == "5000 evidence items added" && entry.node.is_none())
        );
    }

    #[test]
    fn every_time_in_the_schema_has_a_label() {
        let schema = alertdeck_testing::schema();
        for version in ["beta", "v1.0"] {
            for (name, declared) in schema["versions"][version]["complexTypes"].as_object().unwrap() {
                for property in declared["properties"].as_array().unwrap() {
                    let property_name = property["name"].as_str().unwrap();
                    if property["type"] != "Edm.DateTimeOffset" || property_name == ATTACHED {
                        continue;
                    }
                    let kind = short_type_name(name);
                    let known = |(of, property, _): &(&str, &str, &str)| {
                        *property == property_name && (of.is_empty() || *of == kind)
                    };
                    assert!(TIME_LABELS.iter().any(known), "{name} {property_name}");
                }
            }
        }
    }

    fn any_item() -> impl Strategy<Value = Value> {
        let time = prop::sample::select(vec![
            "2026-11-01T10:00:00Z",
            "2026-11-01T10:00:00.4Z",
            "2026-11-01T10:01:00Z",
            "0001-01-01T00:00:00Z",
            "x",
        ]);
        let times = (time.clone(), time.clone(), time);
        (1i64..4, 0i64..4, times).prop_map(|(pid, parent, (created, parent_created, attached))| {
            item(
                "process",
                json!({"processId": pid, "parentProcessId": parent, "mdeDeviceId": "d",
                "processCreationDateTime": created, "parentProcessCreationDateTime": parent_created,
                "createdDateTime": attached}),
            )
        })
    }

    proptest! {
        #[test]
        fn order_of_items_does_not_matter(
            (items, shuffled) in prop::collection::vec(any_item(), 0..8)
                .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
        ) {
            prop_assert_eq!(text(&json!({"evidence": items})), text(&json!({"evidence": shuffled})));
        }
    }
}
