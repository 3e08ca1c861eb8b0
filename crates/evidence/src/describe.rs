//! Describes an evidence item: its name, other facts and indicators.
//!
//! The code applies the type table and does not name any types itself, except in [`device`] and
//! [`user`], which also read items that are not stored as JSON, and in [`identity()`].

use std::{borrow::Cow, collections::HashSet};

use serde_json::Value;

use super::identity::{Identity, device_identity, user_identity};
use super::types::{EvidenceType, FieldTemplate, Format, UNKNOWN};
use alertdeck_model::{Account, FileDetails, Object, SafeText, account_name, host, originals, walk};
use alertdeck_model::{Indicator, IndicatorKind};

/// The maximum number of bytes that a line displays for one value. The value itself is not
/// truncated.
const MAX_PIECE: usize = 4_096;

/// A piece of a line and the property that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The value, with the text around it.
    pub text: SafeText,
    /// The property's path; empty if the text does not come from a property.
    pub path: Cow<'static, str>,
}

/// An entity's summary, ready for display.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The pieces of the name, to be joined without a separator; empty if nothing names the
    /// entity.
    pub main: Vec<Piece>,
    /// Whether the name is a rewritten link. If so, the first fact states the link's destination.
    pub is_rewritten: bool,
    /// Secondary facts, most useful first.
    pub facts: Vec<Piece>,
    /// Values that other alerts may share, most distinctive first.
    pub indicators: Vec<Indicator>,
    /// The entity's identity, if it is a device or a user.
    pub identity: Option<Indicator>,
}

impl Description {
    /// Returns the name as one string, or an empty string if the entity has no name.
    pub fn name(&self) -> String {
        self.main.iter().map(|piece| piece.text.head()).collect()
    }
}

/// Describes an entity from its sources. The name and facts come from the first source, the
/// indicators from all of them.
pub(super) fn describe<'a>(row: &EvidenceType, values: impl Iterator<Item = &'a Value>) -> Description {
    let values: Vec<_> = values.collect();
    let Some(&value) = values.first() else { return Description::default() };
    let object = Object::new(value);
    let mut description = if std::ptr::eq(row, &raw const UNKNOWN) {
        describe_unknown(value)
    } else {
        Description {
            main: main_templates(row, object).iter().filter_map(|field| piece(*field, object)).collect(),
            facts: row.facts.iter().filter_map(|field| piece(*field, object)).collect(),
            indicators: indicators(row, values.iter().copied().map(Object::new)),
            identity: identity(row, values.into_iter().map(Object::new)),
            is_rewritten: false,
        }
    };
    if let Some(destination) = destination(row, object) {
        description.is_rewritten = true;
        description.facts.insert(0, destination);
    }
    let name = description.name();
    // Facts never repeat the name or each other.
    let mut seen: Vec<SafeText> = Vec::new();
    description.facts.retain(|fact| {
        let repeated = name == fact.text.as_str() || seen.contains(&fact.text);
        seen.push(fact.text.clone());
        !repeated
    });
    for (path, before) in [("roles", ""), ("tags", "#")] {
        let omitted = &["unknown", "contextual"];
        let each = object.each_value(path).into_iter().filter_map(scalar);
        let texts: Vec<_> = each.filter(|text| !omitted.contains(&&**text)).collect();
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| format!("{before}{text}")).collect();
            let text = SafeText::new(truncate(&texts.join(if before.is_empty() { ", " } else { " " })));
            description.facts.push(Piece { text, path: path.into() });
        }
    }
    description
}

/// Access to an evidence item's properties, regardless of how they are stored.
pub trait Properties {
    /// Returns the value at a path, which consists of names joined by dots. For a list, returns the
    /// first value and the number of further values, as in `a +2`.
    fn text(&self, path: &str) -> Option<Cow<'_, str>>;

    /// Returns the string at a path, unless it is blank.
    fn filled(&self, path: &str) -> Option<Cow<'_, str>>;

    /// Returns whether a value at a path passes a test. In a list, each value is tested until one
    /// passes.
    fn any(&self, path: &str, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

impl Properties for Object<'_> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        plain(*self, path)
    }

    fn filled(&self, path: &str) -> Option<Cow<'_, str>> {
        (*self).filled(path).map(Cow::from)
    }

    fn any(&self, path: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.each_value(path).into_iter().filter_map(scalar).any(|text| test(&text))
    }
}

/// Returns the name of the device that an item is about, or `None` if it is not about a device.
/// `kind` is the short name of the item's type.
pub(super) fn device(kind: &str, item: &dyn Properties) -> Option<SafeText> {
    let (row, prefix) = match kind {
        "device" | "ioTDevice" => (EvidenceType::named(kind), ""),
        "hostLogonSession" => (EvidenceType::named("device"), "host."),
        _ => return None,
    };
    let fields = row.main.iter().filter_map(|line| line.first());
    let mut paths = fields.flat_map(|field| field.path.split('|').map(move |path| (field, path)));
    paths.find_map(|(field, path)| {
        let text = if prefix.is_empty() { item.text(path) } else { item.text(&format!("{prefix}{path}")) };
        let text = text.filter(|text| !is_blank(text) && !field.omit.contains(&&**text))?;
        Some(SafeText::new(&text))
    })
}

/// Returns the name of the user that an item is about or, for a process, the user whose account it
/// ran under. `kind` is the item's short type name.
pub(super) fn user(kind: &str, item: &dyn Properties) -> Option<SafeText> {
    let account = |path: &str| account_name(|name| item.filled(&format!("{path}.{name}")));
    let name = match kind {
        "user" | "process" => account("userAccount"),
        "cloudLogonSession" | "hostLogonSession" => account("account.userAccount"),
        "mailbox" => item.filled("upn").or_else(|| item.filled("primaryAddress")),
        _ => None,
    };
    name.map(|name| SafeText::new(&name))
}

/// The first two pieces of an item's name, as received.
pub(super) type RawName<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Returns an item's name as received, for ordering and comparing items.
pub(super) fn raw_name<'a>(row: &EvidenceType, object: Object<'a>) -> RawName<'a> {
    for line in row.main {
        let mut texts = line.iter().map(|field| resolve(*field, object).map(|(_, text)| text));
        if let Some(first) = texts.next().flatten() {
            return (first, texts.flatten().next().unwrap_or_default());
        }
    }
    RawName::default()
}

/// Returns whether an item has anything to display: a name or a fact.
pub(super) fn has_description(row: &EvidenceType, value: &Value) -> bool {
    if std::ptr::eq(row, &raw const UNKNOWN) {
        return !describe_unknown(value).main.is_empty();
    }
    let object = Object::new(value);
    !main_templates(row, object).is_empty() || row.facts.iter().any(|field| resolve(*field, object).is_some())
}

/// Returns the first line of name templates whose first field has a value.
fn main_templates(row: &EvidenceType, object: Object<'_>) -> &'static [FieldTemplate] {
    let has_value = |line: &&&'static [FieldTemplate]| {
        line.first().is_some_and(|field| resolve(*field, object).is_some())
    };
    row.main.iter().find(has_value).copied().unwrap_or_default()
}

fn piece(field: FieldTemplate, object: Object<'_>) -> Option<Piece> {
    let (path, text) = resolve(field, object)?;
    let text = SafeText::new(&format!("{}{}{}", field.before, truncate(&text), field.after));
    Some(Piece { text, path: path.into() })
}

/// Returns the destination of an item's name, if the name is a rewritten link.
fn destination(row: &EvidenceType, object: Object<'_>) -> Option<Piece> {
    let is_link = |path: &str| row.indicators.contains(&(IndicatorKind::Url, path));
    let field = main_templates(row, object).first().filter(|field| is_link(field.path))?;
    let (path, link) = resolve(*field, object)?;
    let last = originals(&link).pop()?;
    Some(Piece { text: SafeText::new(&format!("leads to {}", truncate(&last))), path: path.into() })
}

/// Returns the first of a field's paths that has a value to display, and that value without the
/// text around it.
fn resolve(field: FieldTemplate, object: Object<'_>) -> Option<(&'static str, Cow<'_, str>)> {
    if field.path.is_empty() {
        return Some(("", Cow::default()));
    }
    field.path.split('|').find_map(|path| {
        let text = match field.format {
            Format::Plain => plain(object, path),
            Format::Joined => {
                let values: Vec<_> = object.each_value(path).into_iter().filter_map(scalar).collect();
                (!values.is_empty()).then(|| values.join(" ").into())
            }
            Format::Count => Some(object.items(path).len()).filter(|n| *n > 0).map(|n| n.to_string().into()),
            Format::Account => Account(object.object(path)).name(),
            Format::Hash => FileDetails(object.object(path))
                .best_hash()
                .map(|(name, hash)| format!("{} {hash}", name.to_ascii_lowercase()).into()),
            Format::Host => plain(object, path)
                .map(|address| if address.contains(':') { format!("[{address}]").into() } else { address }),
            Format::Flag => object.get(path)?.as_bool()?.then(Cow::default),
        };
        let text = text.filter(|text| field.format == Format::Flag || !is_blank(text))?;
        let differs = || {
            let other = object.filled(field.differs_from);
            other.is_some_and(|other| !other.eq_ignore_ascii_case(&text))
        };
        let displayed = !field.omit.contains(&&*text) && (field.differs_from.is_empty() || differs());
        displayed.then_some((path, text))
    })
}

/// Returns the value at a path. For a list, returns the first element and the number of further
/// elements, as in `a +2`.
fn plain<'a>(object: Object<'a>, path: &str) -> Option<Cow<'a, str>> {
    if let Some(single) = object.get(path)
        && let Some(text) = scalar(single)
    {
        return Some(text);
    }
    let values = object.each_value(path);
    let first = values.iter().find_map(|value| scalar(value))?;
    match values.len() {
        1 => Some(first),
        n => Some(format!("{first} +{}", n - 1).into()),
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.as_str().into()),
        Value::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_blank(text: &str) -> bool {
    // A printable ASCII character is always visible; this avoids sanitising most text.
    !text.bytes().any(|byte| byte.is_ascii_graphic()) && SafeText::new(truncate(text)).is_blank()
}

fn truncate(text: &str) -> &str {
    let mut end = text.len().min(MAX_PIECE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns the identity of a device or user, which is an ID if any source has one.
fn identity<'a>(row: &EvidenceType, objects: impl Iterator<Item = Object<'a>>) -> Option<Indicator> {
    type Rule = fn(&str, &dyn Properties) -> Option<Identity>;
    let (kind, of): (_, Rule) = match row.name {
        "device" | "ioTDevice" => (IndicatorKind::DeviceId, device_identity),
        "user" | "mailbox" => (IndicatorKind::UserId, user_identity),
        _ => return None,
    };
    let known = objects.filter_map(|object| of(row.name, &object)).min_by_key(|known| known.kind)?;
    Some(Indicator { kind, value: SafeText::new(&known.value) })
}

fn indicators<'a>(row: &EvidenceType, objects: impl Iterator<Item = Object<'a>>) -> Vec<Indicator> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let pairs =
        objects.flat_map(|object| row.indicators.iter().map(move |(kind, paths)| (object, kind, paths)));
    for (object, kind, paths) in pairs {
        let each = paths.split('|').map(|path| object.each_value(path));
        let Some(values) = each.into_iter().find(|values| !values.is_empty()) else { continue };
        for text in values.into_iter().filter_map(scalar) {
            let text = if *kind == IndicatorKind::Domain { host(&text).to_owned().into() } else { text };
            let mut add = |kind: IndicatorKind, text: &str| {
                let indicator = Indicator { kind, value: SafeText::new(text) };
                if !indicator.value.is_blank() && seen.insert(indicator.clone()) {
                    found.push(indicator);
                }
            };
            add(*kind, &text);
            if *kind == IndicatorKind::Url {
                for original in originals(&text) {
                    // For some rewritten links, only the domain of the original is known.
                    if original.contains("://") {
                        add(IndicatorKind::Url, &original);
                    }
                    add(IndicatorKind::Domain, host(&original));
                }
            }
        }
    }
    found
}

/// Describes an item of a type that the table does not list. The property that looks most like a
/// name becomes the name, and the first few others become facts.
fn describe_unknown(value: &Value) -> Description {
    /// Suffixes of property names that usually hold an item's name, best first.
    const NAME_ENDINGS: [&str; 8] =
        ["displayname", "name", "subject", "address", "url", "sender", "id", "value"];
    /// The properties of the base type, which do not describe the item.
    const COMMON: [&str; 8] = [
        "@odata.type",
        "createdDateTime",
        "verdict",
        "remediationStatus",
        "remediationStatusDetails",
        "roles",
        "detailedRoles",
        "tags",
    ];
    let mut candidates: Vec<(String, SafeText)> = Vec::new();
    walk(value, &mut String::new(), true, &mut |path, value| {
        let common = COMMON.iter().any(|common| path.split('[').next() == Some(common));
        if let Some(text) = value.filter(|_| !common).and_then(scalar) {
            let text = SafeText::new(truncate(&text));
            if !text.is_blank() {
                candidates.push((path.to_owned(), text));
            }
        }
    });
    let ends = |path: &str, ending: &str| path.to_ascii_lowercase().ends_with(ending);
    let mut endings = NAME_ENDINGS.iter();
    let named = endings.find_map(|ending| candidates.iter().position(|(path, _)| ends(path, ending)));
    let Some(main) = named.or((!candidates.is_empty()).then_some(0)) else { return Description::default() };
    let others = candidates.iter().enumerate().filter(|(at, _)| *at != main).take(3);
    let facts = others.map(|(_, (path, text))| Piece {
        text: SafeText::new(&format!("{path} {}", text.raw())),
        path: path.clone().into(),
    });
    Description {
        main: vec![Piece { text: candidates[main].1.clone(), path: candidates[main].0.clone().into() }],
        is_rewritten: false,
        facts: facts.collect(),
        indicators: Vec::new(),
        identity: None,
    }
}
