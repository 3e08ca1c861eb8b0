//! What happened when, of one alert: first activity, every time that the evidence tells, what was
//! attached, what the service and the analysts did.
//!
//! It is data for a screen or a ticket and knows neither. The words for a time come from the name
//! of its property, so a property that this build does not know has its place too.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::{NodeId, Tree};
use alertdeck_model::{Alert, SafeText, Timestamp, walk};

/// What the times of evidence mean: type, property, words. An empty type stands for all.
///
/// Named by the descriptions of the resource pages (`security-…evidence`).
const WORDS: [(&str, &str, &str); 14] = [
    ("", "processCreationDateTime", "process created"),
    ("", PARENT, "parent process created"),
    ("", "startUtcDateTime", "session began"),
    ("", "endUtcDateTime", "session ended"),
    ("", "previousLogonDateTime", "previous sign-in"),
    ("analyzedMessage", "receivedDateTime", "message received"),
    ("teamsMessage", "receivedDateTime", "message received"),
    ("teamsMessage", "lastModifiedDateTime", "message last changed"),
    ("submissionMail", "receivedDateTime", "message received"),
    ("submissionMail", "submissionDateTime", "message submitted"),
    ("", "firstSeenDateTime", "first seen"),
    ("", "accessDateTime", "resource accessed"),
    ("sasToken", "startDateTime", "token valid from"),
    ("sasToken", "expiryDateTime", "token valid until"),
];

/// A process tells when its parent was created.
const PARENT: &str = "parentProcessCreationDateTime";
/// When the service attached an item to the alert.
const ATTACHED: &str = "createdDateTime";

/// What is told of longer before the alert's first activity is how things came to be there.
const EARLIER: Duration = Duration::from_secs(24 * 60 * 60);
/// Of what is told of before the first activity, no more than this leads up to it.
const LEADING_UP: usize = 5;

/// Times that differ by less than this are one, read twice.
const SAME_TIME: Duration = Duration::from_secs(1);

/// What sort of thing happened; at the same time they stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimelineEvent {
    /// The alert's first or last activity.
    Activity,
    /// Something that the evidence tells.
    Evidence,
    /// Items were attached to the alert.
    Attached,
    /// The alert was raised.
    Raised,
    /// Somebody commented.
    Comment,
    /// The alert was changed last.
    Updated,
    /// The alert was resolved.
    Resolved,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What sort of thing.
    pub happening: TimelineEvent,
    /// What, in words.
    pub what: SafeText,
    /// Who did it, where that was sent.
    pub who: Option<SafeText>,
    /// What of the evidence it is about.
    pub node: Option<NodeId>,
}

/// The entries of an alert, the earliest first.
///
/// Before an alert's own time there may be years: when a file was first seen, a machine started.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// What happened. Times that are not set are left out; times ahead are not.
    pub entries: Vec<Entry>,
    /// How many of the entries are of a time before the alert's own.
    pub earlier: usize,
    /// From the first activity to the alert, where both are known and in this order.
    pub to_notice: Option<Duration>,
    /// From the alert to its resolution.
    pub to_resolve: Option<Duration>,
}

impl Timeline {
    /// Gathers the times of an alert; `tree` is that of its evidence. The order in which items and
    /// comments were sent does not matter.
    pub fn new(alert: &Alert, tree: &Tree) -> Self {
        let mut entries = of_evidence(alert, tree);
        entries.extend(attached(alert, tree));
        let own = [
            (alert.first_activity, TimelineEvent::Activity, "first activity"),
            (alert.last_activity, TimelineEvent::Activity, "last activity"),
            (alert.created, TimelineEvent::Raised, "alert created"),
            // Raising and resolving are updates too.
            (
                alert.last_update.filter(|at| ![alert.created, alert.resolved].contains(&Some(*at))),
                TimelineEvent::Updated,
                "last update",
            ),
            (alert.resolved, TimelineEvent::Resolved, "alert resolved"),
        ];
        entries.extend(own.into_iter().filter_map(|(at, happening, what)| {
            Some(Entry { at: at?, happening, what: what.into(), who: None, node: None })
        }));
        entries.extend(alert.comments.iter().filter_map(|comment| {
            let who = comment.author.clone().filter(|author| !author.is_blank());
            let what = "comment".into();
            Some(Entry { at: comment.created?, happening: TimelineEvent::Comment, what, who, node: None })
        }));
        let places: HashMap<NodeId, usize> =
            tree.rows(|_| false).into_iter().enumerate().map(|(place, id)| (id, place)).collect();
        let place = |entry: &Entry| entry.node.map(|id| places.get(&id).copied());
        entries.sort_by(|a, b| {
            (a.at, a.happening, place(a), &a.what, &a.who).cmp(&(
                b.at,
                b.happening,
                place(b),
                &b.what,
                &b.who,
            ))
        });
        Self {
            earlier: earlier(&entries),
            entries,
            to_notice: alert.first_activity.and_then(|first| alert.created?.since(first)),
            to_resolve: alert.created.and_then(|created| alert.resolved?.since(created)),
        }
    }
}

/// Counts the entries before those that lead up to the alert's first activity, or to the alert
/// where that is not known.
fn earlier(entries: &[Entry]) -> usize {
    let own = |entry: &Entry| matches!(entry.happening, TimelineEvent::Activity | TimelineEvent::Raised);
    let Some(begin) = entries.iter().position(own) else { return 0 };
    let is_near = |entry: &Entry| entries[begin].at.since(entry.at).is_none_or(|before| before < EARLIER);
    let near = entries[..begin].iter().rev().take(LEADING_UP).take_while(|entry| is_near(entry)).count();
    begin - near
}

/// Every time within the items but that of being attached. What several items tell of one thing
/// is told once.
fn of_evidence(alert: &Alert, tree: &Tree) -> Vec<Entry> {
    let mut told: BTreeSet<(Timestamp, NodeId, String)> = BTreeSet::new();
    for (item, evidence) in alert.evidence.iter().enumerate() {
        walk(&evidence.json, &mut String::new(), true, &mut |path, value| {
            let name = path.rsplit('.').next().unwrap_or(path);
            let name = name.split('[').next().unwrap_or(name);
            let Some(at) = value.and_then(|value| time(name, value.as_str()?)) else { return };
            // What is attached is told by itself, and evidence within other evidence never was.
            if name == ATTACHED {
                return;
            }
            let node = tree.nested(item, path).unwrap_or_else(|| tree.owner(item));
            let parent = tree.parent(node).filter(|id| tree.node(*id).kind.raw() == "process");
            let (node, name) = match parent {
                Some(parent) if name == PARENT => (parent, "processCreationDateTime"),
                _ => (node, name),
            };
            // Two readings of the moment that the node has anyway.
            let at = match tree.node(node).time {
                Some(known) if name == tree.node(node).time_property() && is_near(known, at) => known,
                _ => at,
            };
            told.insert((at, node, words(tree.node(node).kind.raw(), name)));
        });
    }
    let entry = |(at, node, what): (Timestamp, NodeId, String)| Entry {
        at,
        happening: TimelineEvent::Evidence,
        what: SafeText::new(&what),
        who: None,
        node: Some(node),
    };
    told.into_iter().map(entry).collect()
}

/// When items were attached; those of a minute together.
fn attached(alert: &Alert, tree: &Tree) -> Vec<Entry> {
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
            1 => "1 item attached".to_owned(),
            n => format!("{n} items attached"),
        };
        let node = nodes.first().copied().filter(|_| nodes.len() == 1);
        Entry { at, happening: TimelineEvent::Attached, what: SafeText::new(&what), who: None, node }
    };
    minutes.into_values().map(entry).collect()
}

/// The moment that a property tells, if it is one by its name.
fn time(name: &str, value: &str) -> Option<Timestamp> {
    let name = name.to_ascii_lowercase();
    let is_time = name.contains("time") || name.contains("date");
    is_time.then(|| Timestamp::parse(value)).flatten().filter(|at| !at.is_unset())
}

fn is_near(a: Timestamp, b: Timestamp) -> bool {
    a.max(b).since(a.min(b)).is_some_and(|apart| apart < SAME_TIME)
}

/// The words for a time: of the table, else the property's name in words.
fn words(kind: &str, name: &str) -> String {
    let known = WORDS.iter().find(|(of, property, _)| *property == name && (of.is_empty() || *of == kind));
    if let Some((_, _, words)) = known {
        return (*words).to_owned();
    }
    let stem = ["DateTime", "Date", "Time"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let mut words = String::new();
    for c in if stem.is_empty() { name } else { stem }.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
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

    /// The timeline as text, with the node that each entry is about.
    fn told(alert: &Value) -> String {
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
    fn an_alert_is_told_from_its_first_activity_to_its_end() {
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
        insta::assert_snapshot!(told(&alert), @r"
        2026-11-01T01:00:00Z first seen: device pc1
        2026-11-01T02:00:00Z token valid from: SAS token h
        2026-11-01T03:00:00Z last measured: quantum q
        2026-11-01T08:00:00Z process created: process boot.exe (9)
        2026-11-01T09:00:00Z session began: logon session s1
        2026-11-01T09:59:00Z first activity
        2026-11-01T10:00:00Z process created: process a.exe (1)
        2026-11-01T10:00:01Z process created: process b.exe (2)
        2026-11-01T10:05:00Z alert created
        2026-11-01T10:05:10Z 2 items attached
        2026-11-01T10:06:00Z 1 item attached: logon session s1
        2026-11-01T11:00:00Z comment by Ana
        2026-11-01T11:30:00Z comment by Ben
        2026-11-01T12:00:00Z alert resolved
        2026-11-01T12:00:00Z last update
        9999-12-31T23:59:59Z session ended: logon session s1
        ");
        let (alert, tree) = read(&alert);
        let timeline = Timeline::new(&alert, &tree);
        assert_eq!(timeline.to_notice, Some(Duration::from_secs(6 * 60)));
        assert_eq!(timeline.to_resolve, Some(Duration::from_secs(115 * 60)));
    }

    #[test]
    fn a_time_before_its_beginning_is_no_duration() {
        let (alert, tree) = read(&json!({"firstActivityDateTime": "2026-11-02T00:00:00Z",
            "createdDateTime": "2026-11-01T00:00:00Z"}));
        let timeline = Timeline::new(&alert, &tree);
        assert_eq!((timeline.to_notice, timeline.to_resolve), (None, None));
        assert_eq!(timeline.entries.len(), 2);
    }

    #[test]
    fn what_leads_up_to_an_alert_is_of_its_own_time() {
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
        assert_eq!(earlier(&["11T00:00:00", "13T00:00:00"]), 0, "later is not earlier");
        assert_eq!(earlier(&["01T00:00:00", "02T00:00:00", "09T11:00:00", "09T13:00:00", "10T11:00:00"]), 3);
        let minutes: Vec<_> = (0..20).map(|minute| format!("10T11:{minute:02}:00")).collect();
        let minutes: Vec<_> = minutes.iter().map(String::as_str).collect();
        assert_eq!(earlier(&minutes), 15, "many lead up to it: the last of them");
        let (alert, tree) = read(&json!({"evidence": [
            item("ip", json!({"ipAddress": "a", "firstSeenDateTime": "2026-11-01T00:00:00Z"}))]}));
        assert_eq!(Timeline::new(&alert, &tree).earlier, 0, "of an alert without times nothing is earlier");
    }

    #[test]
    fn thousands_of_items_are_told() {
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
            entries.iter().any(|entry| entry.what.as_str() == "5000 items attached" && entry.node.is_none())
        );
    }

    #[test]
    fn every_time_of_the_schema_has_words() {
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
                    assert!(WORDS.iter().any(known), "{name} {property_name}");
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
        (1i64..4, 0i64..4, time.clone(), time.clone(), time).prop_map(|(pid, parent, born, told, attached)| {
            item("process", json!({"processId": pid, "parentProcessId": parent, "mdeDeviceId": "d",
                "processCreationDateTime": born, "parentProcessCreationDateTime": told, "createdDateTime": attached}))
        })
    }

    proptest! {
        #[test]
        fn the_order_that_was_sent_does_not_matter(
            (items, shuffled) in prop::collection::vec(any_item(), 0..8)
                .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
        ) {
            prop_assert_eq!(told(&json!({"evidence": items})), told(&json!({"evidence": shuffled})));
        }
    }
}
