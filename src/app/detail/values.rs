//! The untruncated values of a line in the detail pane, for listing, copying and filtering.

use super::{Detail, Line, LineKind};
use alertdeck_evidence::{NodeId, PropertySource};
use alertdeck_model::{Indicator, IndicatorKind, Property, SafeText, encoded};

/// A value that can be copied and, if it has a filter field, used in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The label: a field name or a property path.
    pub label: String,
    /// The filter field that matches the value, if any.
    pub field: Option<String>,
    /// The value.
    pub text: SafeText,
}

/// The label of a value that names an item. That item reported the values listed after the name.
const REPORTED_BY: &str = "reported by";
/// The label of text that a command line carries in Base64, decoded.
const DECODED: &str = "decoded from command line";

impl Detail {
    /// Returns the first value on a line that contains the search text.
    pub fn found_value(&self, line: &Line) -> Option<Value> {
        let find = self.find.as_ref().filter(|find| find.count() > 0)?;
        let values = self.values(line).into_iter();
        values
            .filter(|value| value.label != REPORTED_BY && !value.label.ends_with("@odata.type"))
            .find(|value| find.matches(value.text.raw()))
    }

    /// Returns the value whose counts are shown on a line: the identity of the line's device or
    /// user or, if there is none, the line's first indicator.
    pub fn counted(&self, line: &Line) -> Option<&Indicator> {
        let identity = match line.kind {
            LineKind::Node(id) | LineKind::CommandLine(id, _) | LineKind::Decoded(id, ..) => {
                self.body.tree.describe(id).identity.as_ref()
            }
            _ => None,
        };
        identity.or(self.indicators_of(line).first())
    }

    /// Returns a line's indicators.
    pub fn indicators_of(&self, line: &Line) -> &[Indicator] {
        match line.kind {
            LineKind::Node(id) | LineKind::CommandLine(id, _) | LineKind::Decoded(id, ..) => {
                &self.body.tree.describe(id).indicators
            }
            LineKind::Indicator(at) => self.body.indicators.get(at..=at).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Returns the values on a line that other alerts may also contain, most specific first.
    pub fn indicators(&self, line: &Line) -> Vec<Value> {
        let Some((id, node)) = self.node(line) else { return self.values(line) };
        let description = self.body.tree.describe(id);
        let mut values: Vec<_> = description.indicators.iter().map(Value::of).collect();
        if values.is_empty() && !description.main.is_empty() {
            values.push(Value { label: node.label(), field: None, text: SafeText::new(&self.raw_name(id)) });
        }
        values
    }

    /// Returns a node's name as received.
    fn raw_name(&self, id: NodeId) -> String {
        self.body.tree.describe(id).main.iter().map(|piece| piece.text.raw()).collect()
    }

    /// Returns all values on a line, with their paths. Values that are reported only by other items
    /// follow the names of those items.
    pub fn values(&self, line: &Line) -> Vec<Value> {
        if let Some((id, node)) = self.node(line) {
            let several = node.items.len() > 1;
            let (mut values, mut reported_by) = (Vec::new(), None);
            for (source, property) in self.body.tree.properties(id) {
                let Some(mut value) = value_of(&property) else { continue };
                match source {
                    PropertySource::Item(nth) if several => value.label = format!("{nth}: {}", value.label),
                    PropertySource::Item(_) => {}
                    PropertySource::Other(other) => {
                        if reported_by.replace(other) != Some(other) {
                            let label = self.body.tree.node(other).label();
                            let text = SafeText::new(format!("{label} {}", self.raw_name(other)).trim());
                            values.push(Value { label: REPORTED_BY.into(), field: None, text });
                        }
                    }
                }
                let decoded = match property.path.as_str() {
                    "processCommandLine" => encoded::decoded(value.text.raw()),
                    _ => Vec::new(),
                };
                values.push(value);
                // What was decoded is no property of its own, so no filter term finds it.
                values.extend(decoded.iter().map(|text| Value {
                    label: DECODED.into(),
                    field: None,
                    text: SafeText::new(text),
                }));
            }
            return values;
        }
        match &line.kind {
            LineKind::Facts(facts) => facts
                .iter()
                .filter_map(|fact| {
                    Some(Value {
                        // A fact without a label is labelled with its field.
                        label: if fact.label.is_empty() {
                            fact.field.unwrap_or_default()
                        } else {
                            fact.label
                        }
                        .to_owned(),
                        field: fact.field.map(str::to_owned),
                        text: fact.value.text()?,
                    })
                })
                .collect(),
            LineKind::Indicator(at) => self.body.indicators.get(*at).map(Value::of).into_iter().collect(),
            LineKind::Property(property) => value_of(property).into_iter().collect(),
            LineKind::Text { property, full_text, .. } | LineKind::Rest { property, full_text, .. } => {
                let label = if property.is_empty() { "text" } else { *property };
                vec![Value { label: label.into(), field: None, text: full_text.clone() }]
            }
            LineKind::Comment(Some(author), _) => {
                vec![Value { label: "comment".into(), field: Some("comment".into()), text: author.clone() }]
            }
            LineKind::Section(..)
            | LineKind::Comment(None, _)
            | LineKind::Blank
            | LineKind::Group(..)
            | LineKind::TimelineEntry(_)
            | LineKind::Node(_)
            | LineKind::CommandLine(..)
            | LineKind::Decoded(..) => Vec::new(),
        }
    }
}

impl Value {
    /// Returns whether this value names the item that reported the values listed after it.
    pub fn is_reporter(&self) -> bool {
        self.label == REPORTED_BY
    }

    /// Returns the value's sort rank among those on its line: indicators first, then the state,
    /// then other values, and the type last. `is_indicator` says whether the value is an indicator,
    /// which other alerts may share.
    pub fn rank(&self, is_indicator: bool) -> u8 {
        // If there are several items, each label starts with the item's number, as in `1: verdict`.
        let path = self.label.rsplit(' ').next().unwrap_or_default();
        match path {
            _ if is_indicator => 0,
            "verdict" | "remediationStatus" | "detectionStatus" => 1,
            _ if path.starts_with("roles") || path.starts_with("tags") => 1,
            _ if path.ends_with("@odata.type") => 3,
            _ => 2,
        }
    }

    /// Returns an indicator as a value. A hash is labelled with its algorithm.
    fn of(indicator: &Indicator) -> Self {
        let field = indicator.kind.field().to_owned();
        let label = match indicator.value.raw().len() {
            32 if indicator.kind == IndicatorKind::Hash => "md5",
            40 if indicator.kind == IndicatorKind::Hash => "sha1",
            64 if indicator.kind == IndicatorKind::Hash => "sha256",
            _ => &field,
        };
        Self { label: label.to_owned(), field: Some(field), text: indicator.value.clone() }
    }
}

/// Returns a property's value, if it has one. The last segment of the property's path is used as
/// the raw filter field.
fn value_of(property: &Property) -> Option<Value> {
    let path = property.path.line();
    let name = path.rsplit('.').next().unwrap_or(&path);
    let name = name.split('[').next().unwrap_or(name);
    let field = name.chars().all(|c| c.is_ascii_alphanumeric()).then(|| name.to_owned());
    Some(Value { field, text: property.value.clone()?, label: path })
}
