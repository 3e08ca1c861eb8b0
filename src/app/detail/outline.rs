//! The lines of the detail pane: what an alert says, in order, with what is folded left out.
//!
//! A large tree opens to its verdicts: everything that the service suspects is visible with its
//! way down, what is quiet and beside much else is folded, and long runs of quiet things of one
//! kind are one line. All of it unfolds by the same keys.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher as _},
    ops::Range,
};

use super::{DetailView, Fact, FactValue, FoldKey, Folds, Line, LineKind, Place, Spot, is_suspicious};
use crate::app::{
    format::span,
    message::Body,
    wrap::{MAX_JSON, MAX_SHOWN, Part, Wrapped, wrap_up_to},
};
use alertdeck_evidence::{NodeId, Timeline, Tree};
use alertdeck_model::{Alert, SafeText, Timestamp};

/// A tree of more nodes than this opens with what is quiet folded: more than a screen.
const LARGE: usize = 40;
/// A quiet node with more siblings than this folds in a large tree: with fewer, it is part of
/// the story.
const FEW: usize = 4;
/// More quiet siblings of one kind than this are one line that unfolds.
const MANY: usize = 50;
/// More indicators than this are folded at first: they would push the facts off the screen.
const INDICATORS_SHOWN: usize = 12;

/// Which nodes have something under or in them that the service suspects.
#[derive(Debug, Default)]
pub(super) struct SuspiciousPaths(HashSet<NodeId>);

impl SuspiciousPaths {
    pub(super) fn new(tree: &Tree) -> Self {
        let mut suspicious_paths = HashSet::new();
        for id in tree.rows(|_| false) {
            let mut at = Some(id).filter(|id| is_suspicious(tree.node(*id)));
            while let Some(id) = at.filter(|id| suspicious_paths.insert(*id)) {
                at = tree.parent(id);
            }
        }
        Self(suspicious_paths)
    }
}

/// What a line of the tree is made from.
enum OutlineNode<'a> {
    Node {
        id: NodeId,
        /// How many hang beside it.
        siblings: usize,
    },
    /// Quiet siblings of one kind.
    Group { above: FoldKey, kind: &'a SafeText, members: Vec<NodeId> },
}

impl<'a> OutlineNode<'a> {
    fn below(self, tree: &'a Tree, suspicious_paths: &SuspiciousPaths) -> Vec<Self> {
        match self {
            Self::Node { id, .. } => {
                let node = tree.node(id);
                twigs(tree, &node.children, node.key(), suspicious_paths)
            }
            Self::Group { members, .. } => {
                let siblings = members.len() - 1;
                members.into_iter().map(|id| Self::Node { id, siblings }).collect()
            }
        }
    }
}

/// Arranges siblings: where there are many quiet ones of a kind, these are in one group, in the
/// place of the first.
fn twigs<'a>(
    tree: &'a Tree,
    nodes: &[NodeId],
    above: FoldKey,
    suspicious_paths: &SuspiciousPaths,
) -> Vec<OutlineNode<'a>> {
    let siblings = nodes.len().saturating_sub(1);
    let mut quiet: HashMap<&SafeText, Vec<NodeId>> = HashMap::new();
    if nodes.len() > MANY {
        for id in nodes.iter().filter(|id| !suspicious_paths.0.contains(id)) {
            quiet.entry(&tree.node(*id).kind).or_default().push(*id);
        }
        quiet.retain(|_, members| members.len() > MANY);
    }
    let mut twigs = Vec::with_capacity(nodes.len());
    for id in nodes {
        let kind = &tree.node(*id).kind;
        let grouped = !suspicious_paths.0.contains(id) && quiet.contains_key(kind);
        if !grouped {
            twigs.push(OutlineNode::Node { id: *id, siblings });
        } else if let Some(members) = quiet.get_mut(kind).filter(|members| members.first() == Some(id)) {
            twigs.push(OutlineNode::Group { above, kind, members: std::mem::take(members) });
        }
    }
    twigs
}

/// Makes lines.
pub(super) struct Outline<'a> {
    lines: Vec<Line>,
    /// The section that the next lines are of, and how many parts of it there are.
    section: (&'static str, usize),
    /// What the user folded and unfolded; `None` leaves everything unfolded.
    folds: Option<&'a Folds>,
    width: usize,
}

impl<'a> Outline<'a> {
    pub(super) fn new(folds: Option<&'a Folds>, width: usize) -> Self {
        Self { lines: Vec::new(), section: ("", 0), folds, width: width.max(10) }
    }

    /// Makes the lines of an alert.
    pub(super) fn lines(
        mut self,
        body: &Body,
        view: DetailView,
        suspicious_paths: &SuspiciousPaths,
    ) -> Vec<Line> {
        match (&body.alert, view) {
            (Ok(alert), DetailView::Alert) => self.alert(alert, body, suspicious_paths),
            (Ok(_), DetailView::Timeline) => self.timeline(body),
            (Ok(_), DetailView::Json) => self.json(&body.json),
            (Err(error), _) => {
                self.text(0, &SafeText::new(&error.to_string()), "");
                self.push(0, LineKind::Blank);
                self.json(&body.json);
            }
        }
        self.lines
    }

    fn is_folded(&self, key: FoldKey, at_first: bool) -> bool {
        self.folds.is_some_and(|folds| folds.get(&key).copied().unwrap_or(at_first))
    }

    /// The place of the next part of the section.
    fn place(&mut self) -> Place {
        self.section.1 += 1;
        key_of(&self.section)
    }

    /// Adds a part of one line.
    fn push(&mut self, depth: usize, kind: LineKind) {
        self.push_all(depth, [kind]);
    }

    /// Adds a part of as many lines as it takes.
    fn push_all(&mut self, depth: usize, kinds: impl IntoIterator<Item = LineKind>) {
        let place = self.place();
        let kinds = kinds.into_iter().enumerate();
        self.lines.extend(kinds.map(|(nth, kind)| Line {
            depth,
            kind,
            fold: None,
            spot: Spot { place, nth },
        }));
    }

    /// Adds a heading; tells whether what is below it is to be shown.
    fn section(&mut self, title: &'static str, count: Option<usize>, open: bool) -> bool {
        let key = key_of(&title);
        let folded = self.is_folded(key, !open);
        self.section = (title, 0);
        if title != "Evidence" && !self.lines.is_empty() {
            self.push(0, LineKind::Blank);
        }
        let kind = LineKind::Section(title, count);
        self.lines.push(Line { depth: 0, kind, fold: Some((key, folded)), spot: Spot::of(key) });
        !folded
    }

    /// Adds a text, wrapped.
    fn text(&mut self, depth: usize, whole: &SafeText, property: &'static str) {
        self.text_up_to(MAX_SHOWN, depth, whole, property);
    }

    /// Adds the alert's JSON: all of it, as far as it can be laid out in one go.
    fn json(&mut self, json: &SafeText) {
        self.text_up_to(MAX_JSON, 0, json, "");
    }

    fn text_up_to(&mut self, most: usize, depth: usize, whole: &SafeText, property: &'static str) {
        let width = self.width.saturating_sub(depth * 2);
        let Wrapped { lines, rest } = wrap_up_to(most, whole.as_str(), width);
        let text = |Part { line, gap }| LineKind::Text { line, gap, property, whole: whole.clone() };
        let rest = rest.map(|from| LineKind::Rest { from, property, whole: whole.clone() });
        self.push_all(depth, lines.into_iter().map(text).chain(rest));
    }

    /// Adds facts side by side, on as many lines as they need.
    fn facts(&mut self, facts: Vec<Fact>) {
        let (mut lines, mut line, mut used) = (Vec::new(), Vec::new(), 0);
        for fact in facts.into_iter().filter(|fact| !matches!(fact.value, FactValue::Nothing)) {
            let width = fact.width();
            if !line.is_empty() && used + width > self.width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            used += width;
            line.push(fact);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        self.push_all(1, lines.into_iter().map(LineKind::Facts));
    }

    fn alert(&mut self, alert: &Alert, body: &Body, suspicious_paths: &SuspiciousPaths) {
        self.state(alert);
        // The evidence is what triage is about: it comes before the facts that describe it.
        if self.section("Evidence", Some(alert.evidence.len()), true) {
            self.tree(&body.tree, suspicious_paths);
        }
        let indicators = &body.indicators;
        if !indicators.is_empty()
            && self.section("Indicators", Some(indicators.len()), indicators.len() <= INDICATORS_SHOWN)
        {
            for at in 0..indicators.len() {
                self.push(1, LineKind::Indicator(at));
            }
        }
        if self.section("Facts", None, true) {
            self.summary(alert);
        }
        for (title, text, property) in [
            ("Description", &alert.description, "description"),
            ("Recommended actions", &alert.recommended_actions, "recommendedActions"),
        ] {
            if let Some(text) = text.as_ref().filter(|text| !text.is_blank())
                && self.section(title, None, true)
            {
                self.text(1, text, property);
            }
        }
        if !alert.comments.is_empty() && self.section("Comments", Some(alert.comments.len()), true) {
            for comment in &alert.comments {
                self.push(1, LineKind::Comment(comment.author.clone(), comment.created));
                self.text(2, &comment.text, "comments.comment");
            }
        }
        let set = || body.properties.iter().filter(|property| property.value.is_some());
        if self.section("All properties", Some(set().count()), false) {
            for property in set() {
                self.push(1, LineKind::Property(property.clone()));
            }
            let unset = body.properties.iter().filter(|property| property.value.is_none());
            let names: Vec<_> = unset.map(|property| property.path.raw()).collect();
            if !names.is_empty() {
                self.text(1, &SafeText::new(&format!("not set: {}", names.join(", "))), "");
            }
        }
    }

    fn state(&mut self, alert: &Alert) {
        let owner = alert.assigned_to.clone().or_else(|| Some("-".into()));
        self.facts(vec![
            Fact { label: "", field: Some("severity"), value: FactValue::Severity(alert.severity.clone()) },
            Fact { label: "", field: Some("status"), value: FactValue::Status(alert.status.clone()) },
            text("owner", "assigned", owner.as_ref()),
            name("class", "class", alert.classification.raw()),
            name("determination", "determination", alert.determination.raw()),
        ]);
    }

    fn summary(&mut self, alert: &Alert) {
        let time = |label, value: Option<Timestamp>| Fact {
            label,
            field: None,
            value: value.map_or(FactValue::Nothing, FactValue::Time),
        };
        let category = alert.category.clone().or_else(|| alert.categories.first().cloned());
        self.facts(vec![text("category", "category", category.as_ref())]);
        for id in &alert.mitre_techniques {
            let value = FactValue::Technique(id.clone());
            self.facts(vec![Fact { label: "technique", field: Some("technique"), value }]);
        }
        self.facts(vec![
            name("source", "source", alert.service_source.raw()),
            name("detection", "detectionSource", alert.detection_source.raw()),
            text("product", "product", alert.product_name.as_ref()),
        ]);
        self.facts(vec![
            text(
                "threat",
                "threat",
                alert.threat_display_name.as_ref().or(alert.threat_family_name.as_ref()),
            ),
            text("actor", "actor", alert.actor_display_name.as_ref()),
        ]);
        self.facts(vec![
            text("incident", "incident", alert.incident_id.as_ref()),
            text("id", "id", Some(alert.id.text())),
        ]);
        self.facts(vec![time("created", alert.created)]);
        if alert.last_update != alert.created {
            self.facts(vec![time("updated", alert.last_update)]);
        }
        self.facts(vec![time("resolved", alert.resolved)]);
        self.facts(vec![time("first activity", alert.first_activity)]);
        self.facts(vec![time("last activity", alert.last_activity)]);
        if !alert.system_tags.is_empty() {
            let tags = alert.system_tags.iter();
            self.facts(tags.map(|tag| text("tag", "tag", Some(tag))).collect());
        }
    }

    fn tree(&mut self, tree: &Tree, suspicious_paths: &SuspiciousPaths) {
        if tree.is_empty() {
            self.text(1, &SafeText::new("none was sent"), "");
        }
        // No recursion: how deep an alert's chain of processes goes is not ours to say.
        let mut stack: Vec<(OutlineNode<'_>, usize)> = Vec::new();
        let grow = |stack: &mut Vec<_>, twigs: Vec<_>, depth| {
            stack.extend(twigs.into_iter().rev().map(|twig| (twig, depth)));
        };
        grow(&mut stack, twigs(tree, tree.roots(), 0, suspicious_paths), 1);
        while let Some((twig, depth)) = stack.pop() {
            let (place, kind, fold) = match &twig {
                OutlineNode::Node { id, siblings } => {
                    let node = tree.node(*id);
                    let quiet = tree.len() > LARGE && *siblings > FEW && !suspicious_paths.0.contains(id);
                    let fold = (!node.children.is_empty()).then(|| (node.key(), quiet));
                    (key_of(&("node", id)), LineKind::Node(*id), fold)
                }
                OutlineNode::Group { above, kind, members } => {
                    let key = key_of(&(above, kind));
                    let label = members.first().map_or_else(String::new, |id| tree.node(*id).label());
                    (key, LineKind::Group(members.len(), plural(&label)), Some((key, true)))
                }
            };
            let fold = fold.map(|(key, at_first)| (key, self.is_folded(key, at_first)));
            self.lines.push(Line { depth, kind, fold, spot: Spot::of(place) });
            if let Some((_, false)) = fold {
                grow(&mut stack, twig.below(tree, suspicious_paths), depth + 1);
            }
        }
    }

    fn timeline(&mut self, body: &Body) {
        let took = [
            body.timeline
                .time_to_detect
                .map(|took| format!("noticed {} after the first activity", span(took))),
            body.timeline.time_to_resolve.map(|took| format!("resolved {} after that", span(took))),
        ];
        let took: Vec<_> = took.into_iter().flatten().collect();
        if !took.is_empty() {
            self.text(0, &SafeText::new(&took.join(", ")), "");
        }
        let Timeline { entries, earlier, .. } = &body.timeline;
        if *earlier > 0 {
            // A timeline begins where the alert does. How things came to be there unfolds.
            if self.section("Earlier", Some(*earlier), false) {
                self.moments(1, 0..*earlier);
            }
            if self.section("The alert", Some(entries.len() - earlier), true) {
                self.moments(1, *earlier..entries.len());
            }
            return;
        }
        if !took.is_empty() {
            self.push(0, LineKind::Blank);
        }
        if entries.is_empty() {
            self.text(0, &SafeText::new("no times were sent"), "");
        }
        self.moments(0, 0..entries.len());
    }

    fn moments(&mut self, depth: usize, entries: Range<usize>) {
        for at in entries {
            self.push(depth, LineKind::Moment(at));
        }
    }
}

/// A fact that is a text.
fn text(label: &'static str, field: &'static str, value: Option<&SafeText>) -> Fact {
    let value = value.filter(|text| !text.is_blank()).cloned();
    Fact { label, field: Some(field), value: value.map_or(FactValue::Nothing, FactValue::Text) }
}

/// A fact that is a member of an enumeration, as sent; unknown is nothing.
fn name(label: &'static str, field: &'static str, member: &str) -> Fact {
    let value = if member == "unknown" { FactValue::Nothing } else { FactValue::Text(member.into()) };
    Fact { label, field: Some(field), value }
}

fn key_of(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Returns what several things of a kind are called: `registry keys`, `processes`, `identities`.
fn plural(label: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| label.ends_with(ending));
    match label.strip_suffix('y') {
        Some(stem) if !ends(&["ay", "ey", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends(&["s", "x", "ch", "sh"]) => format!("{label}es"),
        _ => format!("{label}s"),
    }
}
