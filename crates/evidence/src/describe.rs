//! How one item of evidence reads: what names it, the facts beside that, its indicators.
//!
//! It carries out the table of the types; it knows no type by name.

use std::{borrow::Cow, collections::HashSet};

use serde_json::Value;

use super::types::{EvidenceType, FieldTemplate, Form, UNKNOWN};
use alertdeck_model::{Account, Evidence, FileDetails, Object, SafeText, host, walk};
use alertdeck_model::{Indicator, IndicatorKind};

/// A line shows no more of a value than this many bytes; the value itself is kept whole.
const MAX_PIECE: usize = 4_096;

/// A piece of a line with the property that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The value with the words around it.
    pub text: SafeText,
    /// The property that it is of; empty where it is of none.
    pub path: Cow<'static, str>,
}

/// How an item reads.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// What names it, piece by piece, to be written without anything between; empty where
    /// nothing does.
    pub main: Vec<Piece>,
    /// What a reader wants to know next.
    pub facts: Vec<Piece>,
    /// Values that other alerts may hold too, the most telling first.
    pub indicators: Vec<Indicator>,
}

impl Description {
    /// Returns the name as one text; empty where nothing names the item.
    pub fn name(&self) -> String {
        self.main.iter().map(|piece| piece.text.head()).collect()
    }
}

/// Describes a thing by the places where it is told of: it reads by the first, and has the
/// indicators of all.
pub(super) fn describe<'a>(row: &EvidenceType, values: impl Iterator<Item = &'a Value>) -> Description {
    let values: Vec<_> = values.collect();
    let Some(&value) = values.first() else { return Description::default() };
    let object = Object::new(value);
    let mut description = if std::ptr::eq(row, &raw const UNKNOWN) {
        describe_unknown(value)
    } else {
        Description {
            main: main(row, object).iter().filter_map(|said| piece(*said, object)).collect(),
            facts: row.facts.iter().filter_map(|said| piece(*said, object)).collect(),
            indicators: indicators(row, values.into_iter().map(Object::new)),
        }
    };
    let name = description.name();
    // What the name says already is no fact, and nothing is said twice.
    let mut said: Vec<SafeText> = Vec::new();
    description.facts.retain(|fact| {
        let again = name == fact.text.as_str() || said.contains(&fact.text);
        said.push(fact.text.clone());
        !again
    });
    for (path, before) in [("roles", ""), ("tags", "#")] {
        let quiet = &["unknown", "contextual"];
        let each = object.each_value(path).into_iter().filter_map(scalar);
        let texts: Vec<_> = each.filter(|text| !quiet.contains(&&**text)).collect();
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| format!("{before}{text}")).collect();
            let text = SafeText::new(cut(&texts.join(if before.is_empty() { ", " } else { " " })));
            description.facts.push(Piece { text, path: path.into() });
        }
    }
    description
}

/// Returns the device that an item is about, by the name an analyst knows it by.
pub fn device(item: &Evidence) -> Option<SafeText> {
    let object = item.object();
    let name = match item.type_name.raw() {
        name @ ("device" | "ioTDevice") => raw_name(EvidenceType::named(name), object).0,
        "hostLogonSession" => raw_name(EvidenceType::named("device"), object.object("host")).0,
        _ => return None,
    };
    (!name.is_empty()).then(|| SafeText::new(&name))
}

/// Returns the user that an item is about or whom something was done as.
pub fn user(item: &Evidence) -> Option<SafeText> {
    let object = item.object();
    let account = |path| Account(object.object(path)).name();
    let name = match item.type_name.raw() {
        "user" | "process" => account("userAccount"),
        "cloudLogonSession" | "hostLogonSession" => account("account.userAccount"),
        "mailbox" => object.filled("upn").or_else(|| object.filled("primaryAddress")).map(Cow::from),
        _ => None,
    };
    name.map(|name| SafeText::new(&name))
}

/// What names an item, as sent: the first two pieces of its line.
pub(super) type RawName<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Returns what names an item, as sent: for putting items in order and telling them apart.
pub(super) fn raw_name<'a>(row: &EvidenceType, object: Object<'a>) -> RawName<'a> {
    for line in row.main {
        let mut texts = line.iter().map(|said| value(*said, object).map(|(_, text)| text));
        if let Some(first) = texts.next().flatten() {
            return (first, texts.flatten().next().unwrap_or_default());
        }
    }
    RawName::default()
}

/// Tells whether an item says nothing that it could be shown by.
pub(super) fn is_mute(row: &EvidenceType, value: &Value) -> bool {
    if std::ptr::eq(row, &raw const UNKNOWN) {
        return describe_unknown(value).main.is_empty();
    }
    let object = Object::new(value);
    main(row, object).is_empty() && row.facts.iter().all(|said| self::value(*said, object).is_none())
}

/// The first line of the table whose first piece says something.
fn main(row: &EvidenceType, object: Object<'_>) -> &'static [FieldTemplate] {
    let says =
        |line: &&&'static [FieldTemplate]| line.first().is_some_and(|said| value(*said, object).is_some());
    row.main.iter().find(says).copied().unwrap_or_default()
}

fn piece(said: FieldTemplate, object: Object<'_>) -> Option<Piece> {
    let (path, text) = value(said, object)?;
    let text = SafeText::new(&format!("{}{}{}", said.before, cut(&text), said.after));
    Some(Piece { text, path: path.into() })
}

/// The value that a piece speaks of, and the property that it was found in.
fn value(said: FieldTemplate, object: Object<'_>) -> Option<(&'static str, Cow<'_, str>)> {
    if said.path.is_empty() {
        return Some(("", Cow::default()));
    }
    said.path.split('|').find_map(|path| {
        let text = match said.form {
            Form::Plain => listed(object, path),
            Form::Words => {
                let words: Vec<_> = object.each_value(path).into_iter().filter_map(scalar).collect();
                (!words.is_empty()).then(|| words.join(" ").into())
            }
            Form::Count => Some(object.items(path).len()).filter(|n| *n > 0).map(|n| n.to_string().into()),
            Form::Account => Account(object.object(path)).name(),
            Form::Hash => FileDetails(object.object(path))
                .best_hash()
                .map(|(name, hash)| format!("{} {hash}", name.to_ascii_lowercase()).into()),
            Form::Host => listed(object, path)
                .map(|address| if address.contains(':') { format!("[{address}]").into() } else { address }),
            Form::Flag => object.get(path)?.as_bool()?.then(Cow::default),
        };
        let text = text.filter(|text| said.form == Form::Flag || !is_blank(text))?;
        let other = || object.filled(said.unlike).is_some_and(|other| !other.eq_ignore_ascii_case(&text));
        (!said.quiet.contains(&&*text) && (said.unlike.is_empty() || other())).then_some((path, text))
    })
}

/// The value under a path; of several the first, with how many more there are.
fn listed<'a>(object: Object<'a>, path: &str) -> Option<Cow<'a, str>> {
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
    // Printable ASCII shows as what it is.
    !text.bytes().any(|byte| byte.is_ascii_graphic()) && SafeText::new(cut(text)).is_blank()
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_PIECE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn indicators<'a>(row: &EvidenceType, objects: impl Iterator<Item = Object<'a>>) -> Vec<Indicator> {
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    let pairs =
        objects.flat_map(|object| row.indicators.iter().map(move |(kind, paths)| (object, kind, paths)));
    for (object, kind, paths) in pairs {
        let each = paths.split('|').map(|path| object.each_value(path));
        let Some(values) = each.into_iter().find(|values| !values.is_empty()) else { continue };
        for text in values.into_iter().filter_map(scalar) {
            let text = if *kind == IndicatorKind::Domain { host(&text).to_owned().into() } else { text };
            let indicator = Indicator { kind: *kind, value: SafeText::new(&text) };
            if !indicator.value.is_blank() && known.insert(indicator.clone()) {
                found.push(indicator);
            }
        }
    }
    found
}

/// An item of a type without a row is named by the property that names such things.
fn describe_unknown(value: &Value) -> Description {
    /// Endings of property names that name an item, the most telling first.
    const NAMING: [&str; 8] = ["displayname", "name", "subject", "address", "url", "sender", "id", "value"];
    /// What every item has; it says nothing about this one.
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
    let mut own: Vec<(String, SafeText)> = Vec::new();
    walk(value, &mut String::new(), true, &mut |path, value| {
        let common = COMMON.iter().any(|common| path.split('[').next() == Some(common));
        if let Some(text) = value.filter(|_| !common).and_then(scalar) {
            let text = SafeText::new(cut(&text));
            if !text.is_blank() {
                own.push((path.to_owned(), text));
            }
        }
    });
    let ends = |path: &str, ending: &str| path.to_ascii_lowercase().ends_with(ending);
    let naming = NAMING.iter().find_map(|ending| own.iter().position(|(path, _)| ends(path, ending)));
    let Some(main) = naming.or((!own.is_empty()).then_some(0)) else { return Description::default() };
    let facts = own.iter().enumerate().filter(|(at, _)| *at != main).take(3).map(|(_, (path, text))| Piece {
        text: SafeText::new(&format!("{path} {}", text.raw())),
        path: path.clone().into(),
    });
    Description {
        main: vec![Piece { text: own[main].1.clone(), path: own[main].0.clone().into() }],
        facts: facts.collect(),
        indicators: Vec::new(),
    }
}
