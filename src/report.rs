//! One alert as a document: title, facts, times, evidence, texts, comments.
//!
//! What it says is gathered once and written in two ways, plain and as Markdown.

pub mod markdown;

use std::fmt::Write as _;

use crate::{
    evidence::Tree,
    model::{Alert, Comment, Property, RawAlert, SafeText, Timestamp, attack},
};

/// What is said of an alert.
#[derive(Debug)]
pub struct Report {
    title: String,
    facts: Vec<(String, String)>,
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    title: &'static str,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    /// Lines in which every column counts.
    Lines(String),
    /// Running text, with its line ends and tabs.
    Prose(SafeText),
    /// Who said the prose that follows, and when.
    Said(String),
}

impl Report {
    /// Reads an alert. One that cannot be read is reported as that, with its JSON.
    pub fn read(raw: &RawAlert) -> Self {
        match raw.decode() {
            Ok(alert) => Self::of(&alert),
            Err(error) => Self {
                title: error.to_string(),
                facts: Vec::new(),
                sections: vec![Section {
                    title: "As received",
                    parts: vec![Part::Lines(SafeText::new(&String::from_utf8_lossy(&raw.0)).as_str().into())],
                }],
            },
        }
    }

    fn of(alert: &Alert) -> Self {
        let title = alert.title.as_ref().filter(|title| !title.is_blank());
        let mut sections = vec![
            Section { title: "Time line", parts: vec![Part::Lines(time_line(alert))] },
            Section { title: "Evidence", parts: vec![Part::Lines(Tree::new(&alert.evidence).text())] },
            Section { title: "Description", parts: prose(alert.description.as_ref()) },
            Section { title: "Recommended actions", parts: prose(alert.recommended_actions.as_ref()) },
            Section { title: "Comments", parts: comments(alert) },
            Section { title: "Custom details", parts: properties(&alert.custom_details) },
            Section { title: "Additional data", parts: properties(&alert.additional_data) },
        ];
        sections.retain(|section| !section.is_empty());
        Self {
            title: title.map_or_else(|| "(blank title)".into(), SafeText::line),
            facts: facts(alert),
            sections,
        }
    }

    /// Writes it as plain text.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n\n", self.title);
        let width = self.facts.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        for (label, value) in &self.facts {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{label:width$}  {value}");
        }
        for section in &self.sections {
            let _ = writeln!(out, "\n{}", section.title);
            for part in &section.parts {
                match part {
                    Part::Lines(lines) => indent(&mut out, lines),
                    Part::Prose(text) => indent(&mut out, text.as_str()),
                    Part::Said(by) => indent(&mut out, &format!("{by}:")),
                }
            }
        }
        out
    }

    /// Writes it as Markdown for a ticket; no text of the alert can break out of its place.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", markdown::text(&self.title));
        for (label, value) in &self.facts {
            let _ = writeln!(out, "- {label}: {}", markdown::text(value));
        }
        for section in &self.sections {
            let _ = writeln!(out, "\n## {}\n", section.title);
            for part in &section.parts {
                match part {
                    Part::Lines(lines) => out.push_str(&markdown::block(lines)),
                    Part::Prose(text) => out.push_str(&markdown::paragraphs(text.as_str())),
                    Part::Said(by) => {
                        let _ = writeln!(out, "**{}**\n", markdown::text(by));
                    }
                }
            }
        }
        out
    }
}

impl Section {
    fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Lines(lines) if lines.is_empty()))
    }
}

fn indent(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", if line.is_empty() { String::new() } else { format!("  {line}") });
    }
}

/// What is known of the alert as a whole; what was not sent is left out, but for the owner.
fn facts(alert: &Alert) -> Vec<(String, String)> {
    let line = |text: &Option<SafeText>| text.as_ref().map(SafeText::line);
    let member = |name: &str| (name != "unknown").then(|| SafeText::new(name).line());
    let list = |texts: &[SafeText]| {
        let texts: Vec<_> = texts.iter().map(SafeText::line).collect();
        Some(texts.join(", "))
    };
    let category = line(&alert.category).or_else(|| list(&alert.categories));
    let facts = [
        ("severity", Some(alert.severity.to_string())),
        ("status", Some(alert.status.to_string())),
        ("owner", Some(line(&alert.assigned_to).unwrap_or_else(|| "nobody".into()))),
        ("classification", member(alert.classification.as_str())),
        ("determination", member(alert.determination.as_str())),
        ("category", category),
    ];
    // One a line: with their names they are long.
    let techniques = alert.mitre_techniques.iter().map(|id| ("technique", Some(attack::described(id))));
    let others = [
        ("service source", member(alert.service_source.as_str())),
        ("detection source", member(alert.detection_source.as_str())),
        ("product", line(&alert.product_name)),
        ("investigation", member(alert.investigation_state.as_str())),
        ("threat", line(&alert.threat_display_name).or_else(|| line(&alert.threat_family_name))),
        ("actor", line(&alert.actor_display_name)),
        ("tags", list(&alert.system_tags)),
        ("incident", line(&alert.incident_id)),
        ("id", Some(alert.id.text().line())),
        ("alert link", line(&alert.alert_web_url)),
        ("incident link", line(&alert.incident_web_url)),
    ];
    let said = |(label, value): (&str, Option<String>)| {
        value.filter(|value| !value.trim().is_empty()).map(|value| (label.to_owned(), value))
    };
    facts.into_iter().chain(techniques).chain(others).filter_map(said).collect()
}

/// The alert's moments, the earliest first.
fn time_line(alert: &Alert) -> String {
    let moments = [
        ("first activity", alert.first_activity),
        ("last activity", alert.last_activity),
        ("alert created", alert.created),
        ("alert updated", alert.last_update),
        ("alert resolved", alert.resolved),
    ];
    let mut moments: Vec<(Timestamp, &str)> =
        moments.into_iter().filter_map(|(what, at)| Some((at?, what))).collect();
    moments.sort_by_key(|(at, _)| *at);
    lines(moments.into_iter().map(|(at, what)| format!("{}  {what}", at.to_second())))
}

fn prose(text: Option<&SafeText>) -> Vec<Part> {
    text.filter(|text| !text.is_blank()).map(|text| Part::Prose(text.clone())).into_iter().collect()
}

fn comments(alert: &Alert) -> Vec<Part> {
    let said = |comment: &Comment| {
        let by = comment.author.as_ref().map_or_else(|| "somebody".into(), SafeText::line);
        let at = comment.created.map_or_else(String::new, |at| format!("{}  ", at.to_second()));
        [Part::Said(format!("{at}{by}")), Part::Prose(comment.text.clone())]
    };
    alert.comments.iter().flat_map(said).collect()
}

fn properties(properties: &[Property]) -> Vec<Part> {
    let named =
        |property: &Property| Some(format!("{}: {}", property.path.line(), property.value.as_ref()?.line()));
    vec![Part::Lines(lines(properties.iter().filter_map(named)))]
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".into()]).collect()
}
