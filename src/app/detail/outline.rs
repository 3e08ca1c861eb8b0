//! Builds the detail pane's visible lines, in order.
//!
//! A large tree initially shows only what matters for its verdicts: suspicious nodes are visible
//! with all their ancestors, and other nodes with many siblings are folded or, if a great many of
//! them are of the same kind, become a single line. All of these are unfolded with the same keys
//! (docs/console.md, "Detail lines").

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher as _},
    ops::Range,
};

use super::{BlockId, DetailView, Fact, FactValue, FoldKey, Folds, Line, LineId, LineKind, is_suspicious};
use crate::app::{
    format::span,
    message::Body,
    wrap::{MAX_JSON, MAX_SHOWN, Wrapped, WrappedLine, wrap_up_to},
};
use alertdeck_evidence::{Description, NodeId, Piece, Timeline, Tree};
use alertdeck_model::{Alert, SafeText, Timestamp, encoded};

/// A tree with more nodes than this is partly folded at first, since it does not fit on a screen.
const LARGE_TREE: usize = 40;
/// In a large tree, a node that is not suspicious is folded at first if it has more siblings than
/// this.
const MAX_OPEN_SIBLINGS: usize = 4;
/// If more siblings than this are of the same kind and not suspicious, they become a single line
/// that can be unfolded.
const MAX_LISTED_SIBLINGS: usize = 50;
/// The maximum number of lines on which to show a process's command line. The process node's values
/// include the full command line.
const MAX_COMMAND_LINES: usize = 4;
/// The label of text that a command line carries in Base64.
pub const DECODED_LABEL: &str = "decoded  ";
/// If there are more indicators than this, they are folded at first, since they would push the
/// facts off the screen.
const MAX_OPEN_INDICATORS: usize = 12;

/// The suspicious nodes and all their ancestors.
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

/// A node or a group of nodes, shown as one line in the tree.
enum OutlineNode<'a> {
    Node {
        id: NodeId,
        /// The number of the node's siblings.
        siblings: usize,
    },
    /// Siblings of the same kind that are not suspicious.
    Group { above: FoldKey, kind: &'a SafeText, members: Vec<NodeId> },
}

impl<'a> OutlineNode<'a> {
    fn children(self, tree: &'a Tree, suspicious_paths: &SuspiciousPaths) -> Vec<Self> {
        match self {
            Self::Node { id, .. } => {
                let node = tree.node(id);
                outline_nodes(tree, &node.children, node.key(), suspicious_paths)
            }
            Self::Group { members, .. } => {
                let siblings = members.len() - 1;
                members.into_iter().map(|id| Self::Node { id, siblings }).collect()
            }
        }
    }
}

/// Arranges siblings into outline nodes. If many siblings of the same kind are not suspicious, they
/// become a group in place of the first one.
fn outline_nodes<'a>(
    tree: &'a Tree,
    nodes: &[NodeId],
    above: FoldKey,
    suspicious_paths: &SuspiciousPaths,
) -> Vec<OutlineNode<'a>> {
    let siblings = nodes.len().saturating_sub(1);
    let mut quiet: HashMap<&SafeText, Vec<NodeId>> = HashMap::new();
    if nodes.len() > MAX_LISTED_SIBLINGS {
        for id in nodes.iter().filter(|id| !suspicious_paths.0.contains(id)) {
            quiet.entry(&tree.node(*id).kind).or_default().push(*id);
        }
        quiet.retain(|_, members| members.len() > MAX_LISTED_SIBLINGS);
    }
    let mut outline = Vec::with_capacity(nodes.len());
    for id in nodes {
        let kind = &tree.node(*id).kind;
        let grouped = !suspicious_paths.0.contains(id) && quiet.contains_key(kind);
        if !grouped {
            outline.push(OutlineNode::Node { id: *id, siblings });
        } else if let Some(members) = quiet.get_mut(kind).filter(|members| members.first() == Some(id)) {
            outline.push(OutlineNode::Group { above, kind, members: std::mem::take(members) });
        }
    }
    outline
}

/// The indentation of a line, in columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indentation {
    /// The number of blank columns.
    pub margin: usize,
    /// The number of columns for the level number, which follows the margin; 0 unless the line is
    /// too deeply nested for the pane to indent every level.
    pub number: usize,
}

impl Indentation {
    /// Returns the indentation of a line in a pane that is `width` columns wide.
    pub fn new(depth: usize, width: usize) -> Self {
        let levels = (width / 10).clamp(2, 8);
        // The level number takes up at least two columns, and a sign follows it.
        let digits = depth.max(10).ilog10() as usize + 1;
        Self { margin: depth.min(levels) * 2, number: if depth > levels { digits + 1 } else { 0 } }
    }
}

/// Builds the lines of the detail pane.
pub(super) struct Outline<'a> {
    lines: Vec<Line>,
    /// The current section, and the number of blocks in it so far.
    section: (&'static str, usize),
    /// The user's folds; `None` unfolds everything.
    folds: Option<&'a Folds>,
    width: usize,
}

impl<'a> Outline<'a> {
    pub(super) fn new(folds: Option<&'a Folds>, width: usize) -> Self {
        Self { lines: Vec::new(), section: ("", 0), folds, width: width.max(10) }
    }

    /// Builds an alert's lines for a view.
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

    /// Returns the id of the section's next block.
    fn next_block(&mut self) -> BlockId {
        self.section.1 += 1;
        key_of(&self.section)
    }

    /// Adds a single-line block.
    fn push(&mut self, depth: usize, kind: LineKind) {
        self.push_all(depth, [kind]);
    }

    /// Adds a multi-line block.
    fn push_all(&mut self, depth: usize, kinds: impl IntoIterator<Item = LineKind>) {
        let block = self.next_block();
        let kinds = kinds.into_iter().enumerate();
        self.lines.extend(kinds.map(|(nth, kind)| Line {
            depth,
            kind,
            fold: None,
            id: LineId { block, nth },
        }));
    }

    /// Adds a section heading. Returns whether the section is unfolded.
    fn section(&mut self, title: &'static str, count: Option<usize>, open: bool) -> bool {
        let key = key_of(&title);
        let folded = self.is_folded(key, !open);
        self.section = (title, 0);
        if title != "Evidence" && !self.lines.is_empty() {
            self.push(0, LineKind::Blank);
        }
        let kind = LineKind::Section(title, count);
        self.lines.push(Line { depth: 0, kind, fold: Some((key, folded)), id: LineId::first(key) });
        !folded
    }

    /// Adds wrapped text.
    fn text(&mut self, depth: usize, full_text: &SafeText, property: &'static str) {
        self.text_up_to(MAX_SHOWN, depth, full_text, property);
    }

    /// Adds the alert's JSON, which has a larger size limit.
    fn json(&mut self, json: &SafeText) {
        self.text_up_to(MAX_JSON, 0, json, "");
    }

    fn text_up_to(&mut self, most: usize, depth: usize, full_text: &SafeText, property: &'static str) {
        let width = self.width.saturating_sub(depth * 2);
        let Wrapped { lines, rest } = wrap_up_to(most, full_text.as_str(), width);
        let text =
            |WrappedLine { line, gap }| LineKind::Text { line, gap, property, full_text: full_text.clone() };
        let rest = rest.map(|from| LineKind::Rest { from, property, full_text: full_text.clone() });
        self.push_all(depth, lines.into_iter().map(text).chain(rest));
    }

    /// Adds facts side by side, on as many lines as they need.
    fn facts(&mut self, facts: Vec<Fact>) {
        let (mut lines, mut line, mut used) = (Vec::new(), Vec::new(), 0);
        for fact in facts.into_iter().filter(|fact| !matches!(fact.value, FactValue::Missing)) {
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
        // Triage relies on the evidence, so the evidence comes before the facts that describe the
        // alert.
        if self.section("Evidence", Some(alert.evidence.len()), true) {
            self.tree(&body.tree, suspicious_paths);
        }
        let indicators = &body.indicators;
        if !indicators.is_empty()
            && self.section("Indicators", Some(indicators.len()), indicators.len() <= MAX_OPEN_INDICATORS)
        {
            for at in 0..indicators.len() {
                self.push(1, LineKind::Indicator(at));
            }
        }
        if self.section("Details", None, true) {
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
            member("", "status", alert.status.raw(), alert.status.words()),
            text("owner", "assigned", owner.as_ref()),
            member("class", "class", alert.classification.raw(), alert.classification.words()),
            member("determination", "determination", alert.determination.raw(), alert.determination.words()),
        ]);
    }

    fn summary(&mut self, alert: &Alert) {
        let time = |label, value: Option<Timestamp>, property| match value {
            Some(at) => Fact { label, field: None, value: FactValue::Time(at) },
            None => Fact { field: None, ..text(label, "", alert.odd_time(property).as_ref()) },
        };
        let category = alert.category.clone().or_else(|| alert.categories.first().cloned());
        self.facts(vec![Fact { label: "similar", field: None, value: FactValue::Similar }]);
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
            text("ID", "id", Some(alert.id.text())),
        ]);
        self.facts(vec![time("created", alert.created, "createdDateTime")]);
        if alert.last_update.is_none() || alert.last_update != alert.created {
            self.facts(vec![time("updated", alert.last_update, "lastUpdateDateTime")]);
        }
        self.facts(vec![time("resolved", alert.resolved, "resolvedDateTime")]);
        self.facts(vec![time("first activity", alert.first_activity, "firstActivityDateTime")]);
        self.facts(vec![time("last activity", alert.last_activity, "lastActivityDateTime")]);
        if !alert.system_tags.is_empty() {
            let tags = alert.system_tags.iter();
            self.facts(tags.map(|tag| text("tag", "tag", Some(tag))).collect());
        }
    }

    fn tree(&mut self, tree: &Tree, suspicious_paths: &SuspiciousPaths) {
        if tree.is_empty() {
            self.text(1, &SafeText::new("none"), "");
        }
        // Use a stack instead of recursion, since an alert may contain a process chain of any
        // depth.
        let mut stack: Vec<(OutlineNode<'_>, usize)> = Vec::new();
        let push = |stack: &mut Vec<_>, nodes: Vec<_>, depth| {
            stack.extend(nodes.into_iter().rev().map(|node| (node, depth)));
        };
        push(&mut stack, outline_nodes(tree, tree.roots(), 0, suspicious_paths), 1);
        while let Some((node, depth)) = stack.pop() {
            let (block, kind, fold) = match &node {
                OutlineNode::Node { id, siblings } => {
                    let node = tree.node(*id);
                    let quiet = tree.len() > LARGE_TREE
                        && *siblings > MAX_OPEN_SIBLINGS
                        && !suspicious_paths.0.contains(id);
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
            let of = match kind {
                LineKind::Node(id) => Some(id),
                _ => None,
            };
            self.lines.push(Line { depth, kind, fold, id: LineId::first(block) });
            if let Some(id) = of {
                let brief = tree.len() > LARGE_TREE && !suspicious_paths.0.contains(&id);
                let most = if brief { 1 } else { MAX_COMMAND_LINES };
                self.command_line(tree, id, depth, block, most);
            }
            if let Some((_, false)) = fold {
                push(&mut stack, node.children(tree, suspicious_paths), depth + 1);
            }
        }
    }

    /// Adds a process's command line, on up to `most` lines.
    fn command_line(&mut self, tree: &Tree, id: NodeId, depth: usize, block: BlockId, most: usize) {
        let Some(command) = command_line(tree.describe(id)) else { return };
        let depth = depth + 1;
        let Indentation { margin, number } = Indentation::new(depth, self.width);
        let width = self.width.saturating_sub(margin + number + 2);
        let mut lines: Vec<_> = wrap_up_to(MAX_SHOWN, &command.line(), width).lines;
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                last.line.push('…');
            }
        }
        let shown = lines.len();
        for (at, WrappedLine { line, .. }) in lines.into_iter().enumerate() {
            let kind = LineKind::CommandLine(id, line);
            self.lines.push(Line { depth, kind, fold: None, id: LineId { block, nth: at + 1 } });
        }
        let room = width.saturating_sub(DECODED_LABEL.len()).max(1);
        let mut nth = shown;
        for text in encoded::decoded(command.raw()) {
            let text = SafeText::new(&text).line();
            let mut lines = wrap_up_to(MAX_SHOWN, &text, room).lines;
            lines.truncate(most);
            for (at, WrappedLine { line, .. }) in lines.into_iter().enumerate() {
                nth += 1;
                let kind = LineKind::Decoded(id, at == 0, line);
                self.lines.push(Line { depth, kind, fold: None, id: LineId { block, nth } });
            }
        }
    }

    fn timeline(&mut self, body: &Body) {
        let durations = [
            body.timeline
                .time_to_detect
                .map(|time| format!("detected {} after the first activity", span(time))),
            body.timeline.time_to_resolve.map(|time| format!("resolved {} later", span(time))),
        ];
        let durations: Vec<_> = durations.into_iter().flatten().collect();
        if !durations.is_empty() {
            self.text(0, &SafeText::new(&durations.join(", ")), "");
        }
        let Timeline { entries, earlier, .. } = &body.timeline;
        if *earlier > 0 {
            // The timeline starts with the alert itself; earlier entries are folded.
            if self.section("Earlier", Some(*earlier), false) {
                self.timeline_entries(1, 0..*earlier);
            }
            if self.section("This alert", Some(entries.len() - earlier), true) {
                self.timeline_entries(1, *earlier..entries.len());
            }
            return;
        }
        if !durations.is_empty() {
            self.push(0, LineKind::Blank);
        }
        if entries.is_empty() {
            self.text(0, &SafeText::new("this alert has no timestamps"), "");
        }
        self.timeline_entries(0, 0..entries.len());
    }

    fn timeline_entries(&mut self, depth: usize, entries: Range<usize>) {
        for at in entries {
            self.push(depth, LineKind::TimelineEntry(at));
        }
    }
}

/// Returns the command line to show below a process; `None` if it is only the process name, which
/// is already shown.
pub fn command_line(description: &Description) -> Option<&SafeText> {
    let fact = description.facts.iter().find(|fact| fact.path == "processCommandLine")?;
    let bare = fact.text.raw().trim().trim_matches('"');
    let is_named = |piece: &Piece| piece.text.raw().eq_ignore_ascii_case(bare);
    (!description.main.iter().any(is_named)).then_some(&fact.text)
}

/// Creates a fact from text. Blank text is treated as missing.
fn text(label: &'static str, field: &'static str, value: Option<&SafeText>) -> Fact {
    let value = value.filter(|text| !text.is_blank()).cloned();
    Fact { label, field: Some(field), value: value.map_or(FactValue::Missing, FactValue::Text) }
}

/// Creates a fact from an enumeration member that is shown in words. `unknown` is treated as
/// missing, except as a status.
fn member(label: &'static str, field: &'static str, raw: &str, words: String) -> Fact {
    let is_missing = raw == "unknown" && field != "status";
    let value = if is_missing { FactValue::Missing } else { FactValue::Member(raw.into(), words) };
    Fact { label, field: Some(field), value }
}

/// Creates a fact from an enumeration member, as received. `unknown` is treated as missing.
fn name(label: &'static str, field: &'static str, member: &str) -> Fact {
    let value = if member == "unknown" { FactValue::Missing } else { FactValue::Text(member.into()) };
    Fact { label, field: Some(field), value }
}

fn key_of(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Returns the plural of a kind's label: `registry keys`, `processes`, `identities`.
fn plural(label: &str) -> String {
    let ends = |endings: &[&str]| endings.iter().any(|ending| label.ends_with(ending));
    match label.strip_suffix('y') {
        Some(stem) if !ends(&["ay", "ey", "oy", "uy"]) => format!("{stem}ies"),
        _ if ends(&["s", "x", "ch", "sh"]) => format!("{label}es"),
        _ => format!("{label}s"),
    }
}
