//! Collects the content of a report, which contains every value in the alert at least once.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use super::{Cell, Link, Part, Report, Section, Sighting, Values, defanger};
use alertdeck_evidence::{Entry, NodeId, Subjects, Timeline, Tree};
use alertdeck_model::{
    Alert, Indicator, PortalUrl, Property, RawAlert, SafeText, Timestamp, attack, defang::Defanger,
};

/// The maximum length, in characters, of a name that only identifies an item.
const MAX_NAME: usize = 60;

impl Report {
    /// Creates the report for a raw alert. If the alert cannot be read, the report contains the
    /// error and the JSON.
    pub fn read(raw: &RawAlert, portal_host: &str) -> Self {
        match raw.decode() {
            Ok(alert) => Self::new(&alert, portal_host),
            Err(error) => Self {
                title: error.to_string(),
                summary: "This alert could not be read.".into(),
                facts: Vec::new(),
                sections: vec![Section {
                    title: "As received",
                    parts: vec![Part::Lines(SafeText::new(&String::from_utf8_lossy(&raw.0)).as_str().into())],
                }],
                indicators: Vec::new(),
                defanger: Defanger::default(),
            },
        }
    }

    /// Creates the report for an alert. Only links to `portal_host` are clickable.
    pub fn new(alert: &Alert, portal_host: &str) -> Self {
        let tree = Tree::new(&alert.evidence);
        let timeline = Timeline::new(alert, &tree);
        let indicators = indicators(&tree);
        let mut covered = Covered::default();
        let facts = facts(alert, &mut covered);
        let title = alert.title.as_ref().filter(|title| !title.is_blank());
        covered.add("title", title);
        let mut sections = vec![
            Section {
                title: "Description",
                parts: prose("description", alert.description.as_ref(), &mut covered),
            },
            Section { title: "Evidence", parts: lines(tree.text()) },
            Section { title: "Indicators", parts: indicator_table(&indicators) },
            Section { title: "Timeline", parts: timeline_parts(alert, &tree, &timeline, &mut covered) },
            Section { title: "Links", parts: links(alert, portal_host, &mut covered) },
            Section {
                title: "Recommended actions",
                parts: prose("recommendedActions", alert.recommended_actions.as_ref(), &mut covered),
            },
            Section { title: "Comments", parts: comments(alert, &mut covered) },
            Section {
                title: "Custom details",
                parts: dictionary("customDetails", &alert.custom_details, &mut covered),
            },
            Section {
                title: "Additional data",
                parts: dictionary("additionalData", &alert.additional_data, &mut covered),
            },
        ];
        // This section comes last, when all other sections have marked the values that they cover.
        sections.push(Section { title: "All other values", parts: values(alert, &tree, &covered) });
        sections.retain(|section| !section.parts.is_empty());
        Self {
            title: title.map_or_else(|| "(blank title)".into(), SafeText::line),
            summary: summary(alert, &timeline),
            facts,
            sections,
            defanger: defanger(alert, indicators.iter().map(|sighting| &sighting.indicator)),
            indicators,
        }
    }
}

/// The values of the alert's own properties that other sections already show untruncated. Paths
/// have no list indices, and each value is on one line.
#[derive(Default)]
struct Covered(HashSet<(String, String)>);

impl Covered {
    fn add<'a>(&mut self, path: &str, values: impl IntoIterator<Item = &'a SafeText>) {
        self.0.extend(values.into_iter().map(|value| (without_indices(path), value.line())));
    }

    fn contains(&self, path: &str, value: &SafeText) -> bool {
        self.0.contains(&(without_indices(path), value.line()))
    }
}

/// Removes the list indices from a path: `comments[0].comment` becomes `comments.comment`.
fn without_indices(path: &str) -> String {
    let mut out = String::new();
    let mut in_index = false;
    for c in path.chars() {
        in_index |= c == '[';
        if !in_index {
            out.push(c);
        }
        in_index &= c != ']';
    }
    out
}

/// Returns the facts about the alert as a whole. Missing facts are omitted, except for the owner.
fn facts(alert: &Alert, covered: &mut Covered) -> Vec<(&'static str, String)> {
    let one = |text: &Option<SafeText>| text.iter().cloned().collect::<Vec<_>>();
    let member = |name: &str| if name == "unknown" { Vec::new() } else { vec![SafeText::new(name)] };
    let mut categories = one(&alert.category);
    categories
        .extend(alert.categories.iter().filter(|other| Some(*other) != alert.category.as_ref()).cloned());
    covered.add("categories", &alert.categories);
    let facts = [
        ("severity", "severity", vec![SafeText::new(alert.severity.raw())]),
        ("status", "status", vec![SafeText::new(&alert.status.words())]),
        ("owner", "assignedTo", one(&alert.assigned_to)),
        ("classification", "classification", member(&alert.classification.words())),
        ("determination", "determination", member(&alert.determination.words())),
        ("category", "category", categories),
        ("technique", "mitreTechniques", alert.mitre_techniques.clone()),
        ("service source", "serviceSource", member(alert.service_source.raw())),
        ("detection source", "detectionSource", member(alert.detection_source.raw())),
        ("product", "productName", one(&alert.product_name)),
        ("investigation", "investigationState", member(alert.investigation_state.raw())),
        ("threat", "threatDisplayName", one(&alert.threat_display_name)),
        ("threat family", "threatFamilyName", one(&alert.threat_family_name)),
        ("actor", "actorDisplayName", one(&alert.actor_display_name)),
        ("tags", "systemTags", alert.system_tags.clone()),
        ("incident", "incidentId", one(&alert.incident_id)),
        ("ID", "id", vec![alert.id.text().clone()]),
    ];
    let mut shown = Vec::new();
    for (label, path, values) in facts {
        let values: Vec<_> = values.into_iter().filter(|value| !value.is_blank()).collect();
        covered.add(path, &values);
        if path == "mitreTechniques" {
            // Show one technique per line, since technique names are long.
            shown.extend(values.iter().map(|id| (label, attack::describe(id))));
            continue;
        }
        let text = values.iter().map(SafeText::line).collect::<Vec<_>>().join(", ");
        match (label, text.is_empty()) {
            ("owner", true) => shown.push((label, "unassigned".to_owned())),
            (_, true) => {}
            (_, false) => shown.push((label, text)),
        }
    }
    shown
}

/// Returns the alert in one sentence: severity, device and user, state, times and incident.
fn summary(alert: &Alert, timeline: &Timeline) -> String {
    let mut severity = alert.severity.to_string();
    if let Some(first) = severity.get(..1).map(str::to_uppercase) {
        severity.replace_range(..1, &first);
    }
    let mut first = format!("{severity}-severity alert");
    for (before, subjects) in [" on", ", user"].into_iter().zip(Subjects::of(&alert.evidence)) {
        if let [subject, others @ ..] = subjects.as_slice() {
            first = format!("{first}{before} {}", shortened(&subject.name.line()));
            if !others.is_empty() {
                first = format!("{first} and {} more", others.len());
            }
        }
    }
    let owner = alert.assigned_to.as_ref().filter(|owner| !owner.is_blank());
    let owner = owner.map_or_else(|| "unassigned".into(), |owner| format!("assigned to {}", owner.line()));
    let mut state = format!("{}, {owner}", words(alert.status.as_str()));
    for member in [alert.classification.as_str(), alert.determination.as_str()] {
        if member != "unknown" {
            state = format!("{state}, {}", words(member));
        }
    }
    let mut sentence = vec![first, state];
    let created = alert.created.map(|at| format!("created {}", at.to_second()));
    let noticed = timeline.time_to_detect.map(|after| format!(", {} after the first activity", span(after)));
    sentence.extend(created.map(|created| created + &noticed.unwrap_or_default()));
    let incident = alert.incident_id.as_ref().filter(|id| !id.is_blank());
    sentence.extend(incident.map(|id| format!("incident {}", id.line())));
    sentence.join("; ") + "."
}

/// Splits an enumeration member into words: `inProgress` becomes `in progress`. Leaves other text
/// unchanged.
fn words(name: &str) -> String {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return SafeText::new(name).line();
    }
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// Formats a duration in its two largest units: `1 d 4 h`.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let start = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let shown = parts[start..].iter().take(2).filter(|(n, _)| *n > 0);
    let shown: Vec<_> = shown.map(|(n, unit)| format!("{n} {unit}")).collect();
    if shown.is_empty() { "less than a second".into() } else { shown.join(" ") }
}

fn shortened(shown: &str) -> String {
    match shown.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.to_owned(),
    }
}

/// Returns a short name that identifies a node.
fn name_of(tree: &Tree, id: NodeId) -> String {
    match tree.describe(id).name() {
        name if name.is_empty() => format!("{} (unnamed)", tree.node(id).label()),
        name => format!("{} {}", tree.node(id).label(), shortened(&name)),
    }
}

fn indicators(tree: &Tree) -> Vec<Sighting> {
    let mut positions: HashMap<Indicator, usize> = HashMap::new();
    let mut found: Vec<(Indicator, NodeId, usize)> = Vec::new();
    for id in tree.rows(|_| false) {
        for indicator in &tree.describe(id).indicators {
            match positions.get(indicator) {
                Some(at) => found[*at].2 += 1,
                None => {
                    positions.insert(indicator.clone(), found.len());
                    found.push((indicator.clone(), id, 0));
                }
            }
        }
    }
    found.sort_by_key(|(indicator, _, _)| indicator.kind);
    let sighting = |(indicator, id, others): (Indicator, NodeId, usize)| {
        let more = if others > 0 { format!(" +{others}") } else { String::new() };
        Sighting { indicator, location: name_of(tree, id) + &more }
    };
    found.into_iter().map(sighting).collect()
}

fn lines(lines: String) -> Vec<Part> {
    if lines.is_empty() { Vec::new() } else { vec![Part::Lines(lines)] }
}

fn table(head: &'static [&'static str], rows: Vec<Vec<Cell>>) -> Vec<Part> {
    if rows.is_empty() { Vec::new() } else { vec![Part::Table(head, rows)] }
}

fn indicator_table(indicators: &[Sighting]) -> Vec<Part> {
    let row = |Sighting { indicator, location }: &Sighting| {
        vec![
            Cell::Literal(indicator.kind.field().to_owned()),
            Cell::Value(Some(indicator.kind), indicator.value.line()),
            Cell::Text(location.clone()),
        ]
    };
    table(&["type", "value", "found in"], indicators.iter().map(row).collect())
}

fn timeline_parts(alert: &Alert, tree: &Tree, timeline: &Timeline, covered: &mut Covered) -> Vec<Part> {
    for (path, at) in [
        ("firstActivityDateTime", alert.first_activity),
        ("lastActivityDateTime", alert.last_activity),
        ("createdDateTime", alert.created),
        ("lastUpdateDateTime", alert.last_update),
        ("resolvedDateTime", alert.resolved),
    ] {
        covered.add(path, &at.map(|at| SafeText::new(&at.to_second())));
    }
    let row = |entry: &Entry| {
        let who = entry.who.as_ref().map_or_else(String::new, |who| format!(" by {}", who.line()));
        vec![
            Cell::Literal(entry.at.to_second()),
            Cell::Text(entry.what.line() + &who),
            Cell::Text(entry.node.map_or_else(String::new, |id| name_of(tree, id))),
        ]
    };
    let mut parts = table(&["time", "event", "item"], timeline.entries.iter().map(row).collect());
    let spans = [("time to detect", timeline.time_to_detect), ("time to resolve", timeline.time_to_resolve)];
    let spans: Vec<_> =
        spans.into_iter().filter_map(|(what, after)| Some(format!("{what}: {}", span(after?)))).collect();
    if !spans.is_empty() {
        parts.push(Part::Note(spans.join("; ")));
    }
    parts
}

fn links(alert: &Alert, portal_host: &str, covered: &mut Covered) -> Vec<Part> {
    let links = [
        ("alert", "alertWebUrl", &alert.alert_web_url),
        ("incident", "incidentWebUrl", &alert.incident_web_url),
    ];
    let mut shown = Vec::new();
    for (label, path, link) in links {
        let Some(link) = link.as_ref().filter(|link| !link.is_blank()) else { continue };
        let portal = PortalUrl::check(link.raw(), portal_host).ok();
        // The report shows the validated form. If it differs, the original is in "All other
        // values".
        if portal.as_ref().is_none_or(|url| url.as_str() == link.raw()) {
            covered.add(path, [link]);
        }
        let text = portal.as_ref().map_or_else(|| link.line(), ToString::to_string);
        shown.push(Link { label, shown: text, portal });
    }
    if shown.is_empty() { Vec::new() } else { vec![Part::Links(shown)] }
}

fn prose(path: &str, text: Option<&SafeText>, covered: &mut Covered) -> Vec<Part> {
    let text = text.filter(|text| !text.is_blank());
    covered.add(path, text);
    text.map(|text| Part::Prose(text.clone())).into_iter().collect()
}

fn comments(alert: &Alert, covered: &mut Covered) -> Vec<Part> {
    let mut parts = Vec::new();
    for comment in &alert.comments {
        let by = comment.author.as_ref().filter(|author| !author.is_blank());
        covered.add("comments.comment", Some(&comment.text).filter(|text| !text.is_blank()));
        covered.add("comments.createdByDisplayName", by);
        covered.add("comments.createdDateTime", &comment.created.map(|at| SafeText::new(&at.to_second())));
        let by = by.map_or_else(|| "unknown author".into(), SafeText::line);
        let at = comment.created.map_or_else(String::new, |at: Timestamp| format!("{}, ", at.to_second()));
        parts.push(Part::Comment(format!("{at}{by}"), comment.text.clone()));
    }
    parts
}

fn dictionary(name: &'static str, properties: &[Property], covered: &mut Covered) -> Vec<Part> {
    let mut rows = Vec::new();
    for Property { path, value } in properties {
        let Some(value) = value else { continue };
        covered.add(&format!("{name}.{}", path.raw()), [value]);
        rows.push(vec![Cell::Text(path.line()), Cell::Value(None, shown(value))]);
    }
    table(&["name", "value"], rows)
}

/// Returns a value on one line; `""` if it is empty.
fn shown(value: &SafeText) -> String {
    match value.line() {
        line if line.is_empty() => "\"\"".to_owned(),
        line => line,
    }
}

/// Returns the values that the other sections do not cover. Values shared by all evidence items are
/// listed once.
fn values(alert: &Alert, tree: &Tree, covered: &Covered) -> Vec<Part> {
    let mut all = Vec::new();
    let is_default_type =
        |path: &str, value: &str| path == "@odata.type" && value == "#microsoft.graph.security.alert";
    let mut own = Vec::new();
    for Property { path, value } in alert.properties() {
        let Some(value) = value else { continue };
        if !is_default_type(path.raw(), value.raw()) && !covered.contains(path.raw(), &value) {
            own.push((path.line(), shown(&value)));
        }
    }
    all.push(Values { label: "alert".into(), values: own });

    let mut counts: BTreeMap<(SafeText, SafeText), usize> = BTreeMap::new();
    if alert.evidence.len() > 1 {
        for item in alert.evidence.iter() {
            let values =
                item.properties().into_iter().filter_map(|Property { path, value }| Some((path, value?)));
            for value in values.collect::<HashSet<_>>() {
                *counts.entry(value).or_default() += 1;
            }
        }
        counts.retain(|(path, _), count| *count == alert.evidence.len() && path.raw() != "@odata.type");
    }
    let common = counts.keys().map(|(path, value)| (path.line(), shown(value)));
    all.push(Values { label: "all evidence items".into(), values: common.collect() });
    for id in tree.rows(|_| false) {
        let several = tree.node(id).items.len() > 1;
        let mut values = Vec::new();
        for (nth, property) in tree.hidden_properties(id) {
            let Some(value) = property.value else { continue };
            let path = property.path.line();
            let line = shown(&value);
            if !counts.contains_key(&(property.path, value)) {
                values.push((if several { format!("{nth}: {path}") } else { path }, line));
            }
        }
        all.push(Values { label: name_of(tree, id), values });
    }
    all.retain(|group| !group.values.is_empty());
    if all.is_empty() { Vec::new() } else { vec![Part::Values(all)] }
}
