//! The detail pane: one alert as a list of lines that fold, from the facts to the last property.
//!
//! Everything that the alert holds is reachable from here: facts, the evidence tree with all
//! values of each node, texts, comments, all properties, and the JSON.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use unicode_width::UnicodeWidthStr as _;

use super::{
    keymap::Motion,
    message::Body,
    scroll::Scroll,
    wrap::{MAX_JSON, MAX_SHOWN, wrap_up_to},
};
use crate::{
    evidence::{Indicator, Node, NodeId},
    model::{Alert, Property, SafeText, Severity, Status, Timestamp, Verdict, attack},
    store::Row,
};

/// What folds a line: the same for the same thing whenever the alert is shown.
pub type FoldKey = u64;

/// One line of the pane.
#[derive(Clone, Debug)]
pub struct Line {
    /// Levels of indentation.
    pub depth: usize,
    /// What stands in it.
    pub kind: LineKind,
    /// What folds it and whether it is folded, where something is below it.
    pub fold: Option<(FoldKey, bool)>,
    /// Which part of the alert it is of, counted from the top: a text takes more lines in a
    /// narrow pane than in a wide one.
    part: usize,
}

/// What stands in a line.
#[derive(Clone, Debug)]
pub enum LineKind {
    /// Labelled facts side by side.
    Facts(Vec<Fact>),
    /// The heading of a section, with how much is in it.
    Section(&'static str, Option<usize>),
    /// A node of the evidence tree.
    Node(NodeId),
    /// A line of text, wrapped to the pane.
    Text {
        /// The line.
        line: String,
        /// The alert's property that it is of; empty where it is of none.
        property: &'static str,
        /// The whole text.
        whole: SafeText,
    },
    /// Who commented when.
    Comment(Option<SafeText>, Option<Timestamp>),
    /// A value with its path.
    Property(Property),
    /// Nothing.
    Blank,
}

/// A fact with its label.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// The field of the filter language that finds it.
    pub field: Option<&'static str>,
    /// What it says.
    pub value: FactValue,
}

/// What a fact says.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FactValue {
    Severity(Severity),
    Status(Status),
    Time(Timestamp),
    Text(SafeText),
    /// The id of an ATT&CK technique; the screen shows the name with it.
    Technique(SafeText),
    Nothing,
}

impl Fact {
    /// Returns the alert's property that the fact is of; empty where no text is searched for.
    pub fn property(&self) -> &'static str {
        match self.label {
            "category" => "category",
            "technique" => "mitreTechniques",
            "product" => "productName",
            "threat" => "threatDisplayName",
            "actor" => "actorDisplayName",
            "incident" => "incidentId",
            "owner" => "assignedTo",
            "tag" => "systemTags",
            "id" => "id",
            _ => "",
        }
    }

    /// The columns it takes, with what stands between it and the next.
    fn width(&self) -> usize {
        let value = match &self.value {
            // With the age behind it: `2026-11-20 12:03:11Z (12d ago)`.
            FactValue::Time(_) => 31,
            FactValue::Technique(id) => attack::described(id).width(),
            other => other.text().map_or(0, |text| text.line().width()),
        };
        self.label.len() + 1 + value + 3
    }
}

impl FactValue {
    /// Returns the fact as text, where it says something.
    pub fn text(&self) -> Option<SafeText> {
        match self {
            Self::Severity(severity) => Some(severity.raw().into()),
            Self::Status(status) => Some(status.raw().into()),
            Self::Time(at) => Some(at.to_string().as_str().into()),
            Self::Text(text) | Self::Technique(text) => Some(text.clone()),
            Self::Nothing => None,
        }
    }
}

/// A value that can be copied, and searched for where a field finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub label: String,
    /// The field of the filter language that finds it.
    pub field: Option<String>,
    /// The value.
    pub text: SafeText,
}

/// The alert that is shown, and where in it the reader is.
#[derive(Debug)]
pub struct Detail {
    /// The alert's row.
    pub row: Row,
    /// The alert.
    pub body: Body,
    /// Where the reader is.
    pub scroll: Scroll,
    /// Whether the JSON is shown.
    pub json: bool,
    lines: Vec<Line>,
}

impl Detail {
    /// Shows an alert, once it is laid out.
    pub fn new(row: Row, body: Body) -> Self {
        Self { row, body, scroll: Scroll::default(), json: false, lines: Vec::new() }
    }

    /// Returns the lines from top to bottom.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the line under the cursor.
    pub fn line(&self) -> Option<&Line> {
        self.lines.get(self.scroll.cursor)
    }

    /// Makes the lines anew, after a fold or for another width. The cursor stays on what it is on.
    pub fn lay_out(&mut self, folds: &HashSet<FoldKey>, width: usize) {
        let at = self.line().map(|line| line.part);
        let mut outline = Outline { lines: Vec::new(), part: 0, folds, width: width.max(10) };
        match (&self.body.alert, self.json) {
            (Ok(alert), false) => outline.alert(alert, &self.body),
            (Ok(_), true) => outline.json(&self.body.json),
            (Err(error), _) => {
                outline.text(0, &SafeText::new(&error.to_string()), "");
                outline.push(0, LineKind::Blank);
                outline.json(&self.body.json);
            }
        }
        let before = std::mem::replace(&mut self.lines, outline.lines);
        if let Some(part) = at {
            let first = |lines: &[Line]| lines.partition_point(|line| line.part < part);
            let within = self.scroll.cursor - first(&before);
            let past = self.lines.partition_point(|line| line.part <= part);
            let cursor = (first(&self.lines) + within).min(past.saturating_sub(1));
            // The cursor's line stays where it is in the window, as far as there is room.
            self.scroll.top = (self.scroll.top + cursor).saturating_sub(self.scroll.cursor);
            self.scroll.cursor = cursor;
        }
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion, height: usize) {
        self.scroll.go(motion, self.lines.len(), height);
    }

    /// Moves the cursor to the line that the one under it hangs on.
    pub fn go_to_parent(&mut self, height: usize) {
        let Some(line) = self.line() else { return };
        let depth = line.depth;
        let above = self.lines[..self.scroll.cursor]
            .iter()
            .rposition(|line| line.depth < depth && line.fold.is_some());
        if let Some(at) = above {
            self.scroll.cursor = at;
            self.scroll.show(self.lines.len(), height);
        }
    }

    /// Moves the cursor to the next node, or the one before, that the service suspects; tells
    /// whether there is one.
    pub fn go_to_suspicious(&mut self, forward: bool, height: usize) -> bool {
        let is_suspicious = |line: &Line| match line.kind {
            LineKind::Node(id) => {
                matches!(self.body.tree.node(id).verdict, Verdict::Suspicious | Verdict::Malicious)
            }
            _ => false,
        };
        let found = if forward {
            let from = (self.scroll.cursor + 1).min(self.lines.len());
            self.lines[from..].iter().position(is_suspicious).map(|at| at + from)
        } else {
            self.lines[..self.scroll.cursor.min(self.lines.len())].iter().rposition(is_suspicious)
        };
        if let Some(at) = found {
            self.scroll.cursor = at;
            self.scroll.show(self.lines.len(), height);
        }
        found.is_some()
    }

    /// Returns the node of a line.
    pub fn node(&self, line: &Line) -> Option<(NodeId, &Node)> {
        match line.kind {
            LineKind::Node(id) => Some((id, self.body.tree.node(id))),
            _ => None,
        }
    }

    /// Returns the indicators of a line's node; none where it is of none.
    pub fn node_indicators(&self, line: &Line) -> &[Indicator] {
        match line.kind {
            LineKind::Node(id) => &self.body.tree.describe(id).indicators,
            _ => &[],
        }
    }

    /// Lists the values of a line that other alerts may hold too, the most telling first.
    pub fn indicators(&self, line: &Line) -> Vec<Value> {
        match &line.kind {
            LineKind::Node(id) => {
                let (node, description) = (self.body.tree.node(*id), self.body.tree.describe(*id));
                let indicators = description.indicators.iter().map(|indicator| Value {
                    label: indicator.kind.field().to_owned(),
                    field: Some(indicator.kind.field().to_owned()),
                    text: indicator.value.clone(),
                });
                let mut values: Vec<_> = indicators.collect();
                if values.is_empty() && !description.main.is_empty() {
                    let name = description.main.iter().map(|piece| piece.text.raw()).collect::<String>();
                    values.push(Value { label: node.label(), field: None, text: SafeText::new(&name) });
                }
                values
            }
            _ => self.values(line),
        }
    }

    /// Lists all values of a line with their paths.
    pub fn values(&self, line: &Line) -> Vec<Value> {
        match &line.kind {
            LineKind::Node(id) => {
                let several = self.body.tree.node(*id).items.len() > 1;
                let properties = self.body.tree.properties(*id).into_iter();
                let values = properties.filter_map(|(nth, property)| {
                    let mut value = value_of(&property)?;
                    if several {
                        value.label = format!("{nth}: {}", value.label);
                    }
                    Some(value)
                });
                values.collect()
            }
            LineKind::Facts(facts) => facts
                .iter()
                .filter_map(|fact| {
                    Some(Value {
                        label: fact.label.to_owned(),
                        field: fact.field.map(str::to_owned),
                        text: fact.value.text()?,
                    })
                })
                .collect(),
            LineKind::Property(property) => value_of(property).into_iter().collect(),
            LineKind::Text { property, whole, .. } => {
                let label = if property.is_empty() { "text" } else { *property };
                vec![Value { label: label.into(), field: None, text: whole.clone() }]
            }
            LineKind::Comment(Some(author), _) => {
                vec![Value { label: "comment".into(), field: Some("comment".into()), text: author.clone() }]
            }
            LineKind::Section(..) | LineKind::Comment(None, _) | LineKind::Blank => Vec::new(),
        }
    }
}

/// A property with a value; its last name is the raw field that finds it again.
fn value_of(property: &Property) -> Option<Value> {
    let path = property.path.line();
    let name = path.rsplit('.').next().unwrap_or(&path);
    let name = name.split('[').next().unwrap_or(name);
    let field = name.chars().all(|c| c.is_ascii_alphanumeric()).then(|| name.to_owned());
    Some(Value { field, text: property.value.clone()?, label: path })
}

struct Outline<'a> {
    lines: Vec<Line>,
    /// The part that the next lines are of.
    part: usize,
    folds: &'a HashSet<FoldKey>,
    width: usize,
}

impl Outline<'_> {
    /// Adds a part of one line.
    fn push(&mut self, depth: usize, kind: LineKind) {
        self.push_fold(depth, kind, None);
    }

    fn push_fold(&mut self, depth: usize, kind: LineKind, fold: Option<(FoldKey, bool)>) {
        self.part += 1;
        self.lines.push(Line { depth, kind, fold, part: self.part });
    }

    /// Adds a part of as many lines as it takes.
    fn push_all(&mut self, depth: usize, kinds: impl IntoIterator<Item = LineKind>) {
        self.part += 1;
        let part = self.part;
        self.lines.extend(kinds.into_iter().map(|kind| Line { depth, kind, fold: None, part }));
    }

    /// Adds a heading; tells whether what is below it is to be shown.
    fn section(&mut self, title: &'static str, count: Option<usize>, open: bool) -> bool {
        let key = key_of(&title);
        let folded = self.folds.contains(&key) == open;
        if title != "Evidence" {
            self.push(0, LineKind::Blank);
        }
        self.push_fold(0, LineKind::Section(title, count), Some((key, folded)));
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
        let lines = wrap_up_to(most, whole.as_str(), width).into_iter();
        self.push_all(depth, lines.map(|line| LineKind::Text { line, property, whole: whole.clone() }));
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

    fn alert(&mut self, alert: &Alert, body: &Body) {
        self.state(alert);
        // The evidence is what triage is about: it comes before the facts that describe it.
        if self.section("Evidence", Some(alert.evidence.len()), true) {
            self.tree(body);
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

    fn tree(&mut self, body: &Body) {
        let tree = &body.tree;
        if tree.is_empty() {
            self.text(1, &SafeText::new("none was sent"), "");
        }
        for id in tree.rows(|node| self.folds.contains(&node.key())) {
            let node = tree.node(id);
            let fold = (!node.children.is_empty()).then(|| (node.key(), self.folds.contains(&node.key())));
            self.push_fold(node.depth + 1, LineKind::Node(id), fold);
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

fn key_of(of: &impl Hash) -> FoldKey {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
