//! Lenient reading of one JSON object: a property that is missing, null or of another type
//! than declared costs that property and nothing else.
//!
//! Text comes out neutralised ([`SafeText`]); numbers and truth values can be read as text too,
//! because what a reader should see must not depend on what the schema promised.

use serde_json::{Map, Value};

use super::{SafeText, Timestamp};

/// A JSON object, read property by property.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(Option<&'a Map<String, Value>>);

impl<'a> Object<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self(value.as_object())
    }

    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    /// The object under `name`; an empty one where there is none.
    pub(super) fn object(self, name: &str) -> Self {
        Self(self.get(name).and_then(Value::as_object))
    }

    pub(super) fn is_missing(self) -> bool {
        self.0.is_none()
    }

    /// The items under `name`; a single value counts as a list of one.
    pub(super) fn items(self, name: &str) -> &'a [Value] {
        match self.get(name) {
            Some(Value::Array(items)) => items,
            Some(single) => std::slice::from_ref(single),
            None => &[],
        }
    }

    pub(super) fn text(self, name: &str) -> Option<SafeText> {
        self.get(name).and_then(scalar_text)
    }

    pub(super) fn texts(self, name: &str) -> Vec<SafeText> {
        self.items(name).iter().filter_map(scalar_text).collect()
    }

    pub(super) fn raw(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Value::as_str)
    }

    /// An integer; OData may write a 64-bit one as text (API.md 3).
    pub(super) fn int(self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    pub(super) fn time(self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(self.raw(name)?).filter(|at| !at.is_unset())
    }

    pub(super) fn each<T>(self, name: &str, read: impl Fn(Self) -> T) -> Vec<T> {
        self.items(name).iter().map(|item| read(Self::new(item))).collect()
    }
}

/// The text of a string, number or truth value; of anything else its JSON.
pub(super) fn scalar_text(value: &Value) -> Option<SafeText> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(SafeText::new(text)),
        other => Some(SafeText::new(&other.to_string())),
    }
}

/// One value of a JSON document with where it stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The way to the value: property names joined by dots, list items as `[0]`.
    pub path: SafeText,
    /// The value as text; `None` for null, an empty list or an empty object.
    pub value: Option<SafeText>,
}

/// Lists every value below `value`, however deep, in document order.
///
/// Nothing is left out: nulls and empty containers appear without a value.
pub fn properties(value: &Value) -> Vec<Property> {
    let mut found = Vec::new();
    walk(value, &mut String::new(), true, &mut |path, value| {
        found.push(Property { path: SafeText::new(path), value: value.and_then(scalar_text) });
    });
    found
}

/// Calls `visit` for every scalar, null and empty container below `value`. With `indices` list
/// items appear in the path as `[0]`; without, all items of a list share the list's path.
///
/// The depth is bounded by the parser, which stops at 128 levels.
pub fn walk(value: &Value, path: &mut String, indices: bool, visit: &mut dyn FnMut(&str, Option<&Value>)) {
    use std::fmt::Write as _;
    let base = path.len();
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, inner) in map {
                if base > 0 {
                    path.push('.');
                }
                path.push_str(name);
                walk(inner, path, indices, visit);
                path.truncate(base);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, inner) in items.iter().enumerate() {
                if indices {
                    let _ = write!(path, "[{at}]");
                }
                walk(inner, path, indices, visit);
                path.truncate(base);
            }
        }
        Value::Null | Value::Object(_) | Value::Array(_) => visit(path, None),
        scalar => visit(path, Some(scalar)),
    }
}
