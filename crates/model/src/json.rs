//! Lenient access to a JSON object: a property that is missing, null or of the wrong type does
//! not affect the others.
//!
//! Text is returned sanitised ([`SafeText`]). Numbers and booleans can also be read as text,
//! because what a user sees must not depend on whether the values have the types that the schema
//! promises.

use serde_json::{Map, Value};

use super::{SafeText, Timestamp};

/// A JSON object whose properties are read one by one. A missing object has no properties.
///
/// A property is identified by its path: names joined by dots, as in `imageFile.sha256`.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a>(Option<&'a Map<String, Value>>);

impl<'a> Object<'a> {
    /// Wraps a JSON value; anything but an object counts as missing.
    pub fn new(value: &'a Value) -> Self {
        Self(value.as_object())
    }

    /// Returns the value at `path`; null counts as missing.
    pub fn get(self, path: &str) -> Option<&'a Value> {
        let map = self.0?;
        // The name of an annotation contains a dot.
        if let Some(value) = property(map, path) {
            return Some(value).filter(|value| !value.is_null());
        }
        let (name, rest) = path.split_once('.')?;
        Self(property(map, name)?.as_object()).get(rest)
    }

    /// Returns all values at `path`. Every item of a list along the path is followed, so the result
    /// may contain several values.
    pub fn each_value(self, path: &str) -> Vec<&'a Value> {
        fn collect<'v>(value: &'v Value, path: &str, found: &mut Vec<&'v Value>) {
            match value {
                Value::Null => {}
                Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
                value if path.is_empty() => found.push(value),
                Value::Object(map) => {
                    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
                    if let Some(value) = map.get(name) {
                        collect(value, rest, found);
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        if let Some(value) = self.0.and_then(|map| map.get(name)) {
            collect(value, rest, &mut found);
        }
        found
    }

    /// Returns the object at `path`, or a missing object.
    #[must_use]
    pub fn object(self, path: &str) -> Self {
        Self(self.get(path).and_then(Value::as_object))
    }

    /// Returns whether the object is missing or empty.
    pub fn is_missing(self) -> bool {
        self.0.is_none_or(Map::is_empty)
    }

    /// Returns the items at `path`; a single value counts as a list of one.
    pub fn items(self, path: &str) -> &'a [Value] {
        match self.get(path) {
            Some(Value::Array(items)) => items,
            Some(single) => std::slice::from_ref(single),
            None => &[],
        }
    }

    /// Returns the text at `path`. Values of other types are returned as JSON text.
    pub fn text(self, path: &str) -> Option<SafeText> {
        self.get(path).and_then(scalar_text)
    }

    /// Returns the text of every item at `name`.
    pub fn texts(self, name: &str) -> Vec<SafeText> {
        self.items(name).iter().filter_map(scalar_text).collect()
    }

    /// Returns the string at `path` as sent, for comparison but never for display.
    pub fn raw(self, path: &str) -> Option<&'a str> {
        self.get(path).and_then(Value::as_str)
    }

    /// Returns the string at `path` as sent, unless it is blank.
    pub fn filled(self, path: &str) -> Option<&'a str> {
        self.raw(path).filter(|text| !text.trim().is_empty())
    }

    /// Returns the integer at `name`. OData may write a 64-bit integer as text (docs/graph-api.md,
    /// "Response shape").
    pub fn int(self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    /// Returns the point in time at `name`; the unset date (docs/graph-api.md, "Dates") counts as
    /// missing.
    pub fn time(self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(self.raw(name)?).filter(|at| !at.is_unset())
    }

    pub(super) fn each<T>(self, name: &str, read: impl Fn(Self) -> T) -> Vec<T> {
        self.items(name).iter().map(|item| read(Self::new(item))).collect()
    }
}

/// Finds a property. The service's objects have about twenty properties, so comparing names one by
/// one is cheaper than hashing.
fn property<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    const FEW: usize = 48;
    if map.len() > FEW {
        return map.get(name);
    }
    map.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Returns a string unchanged, any other value as JSON text, and `None` for null.
pub(super) fn scalar_text(value: &Value) -> Option<SafeText> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(SafeText::new(text)),
        other => Some(SafeText::new(&other.to_string())),
    }
}

/// A value in a JSON document, with its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Property {
    /// The path to the value: property names joined by dots, with list items written as `[0]`.
    pub path: SafeText,
    /// The value as text; `None` for null, an empty list or an empty object.
    pub value: Option<SafeText>,
}

/// Lists every value in `value`, at any depth, in document order.
///
/// Nulls and empty containers are listed without a value.
pub fn properties(value: &Value) -> Vec<Property> {
    let mut found = Vec::new();
    walk(value, &mut String::new(), true, &mut |path, value| {
        found.push(Property { path: SafeText::new(path), value: value.and_then(scalar_text) });
    });
    found
}

/// Calls `visit` for every scalar, null and empty container in `value`, passing its path and, for
/// scalars, the value. If `indices` is true, list items appear in the path as `[0]`; otherwise, all
/// items of a list have the same path as the list. `path` is the path of `value` itself, usually
/// empty.
///
/// The recursion is bounded by the parser, which stops at 128 levels.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_found_among_few_and_many_properties() {
        let mut value =
            json!({"@odata.type": "t", "a": {"b": {"c": 1}, "gone": null}, "list@odata.count": 2});
        // The first round compares with each property; the second uses the map.
        for _ in 0..2 {
            let object = Object::new(&value);
            assert_eq!(object.raw("@odata.type"), Some("t"));
            assert_eq!(object.int("a.b.c"), Some(1));
            assert_eq!(object.int("list@odata.count"), Some(2));
            for missing in ["a.gone", "a.b.d", "a.b.c.d", "b", "", ".", "a.", ".a"] {
                assert!(object.get(missing).is_none(), "{missing}");
            }
            let map = value.as_object_mut().unwrap();
            map.extend((0..100).map(|at| (format!("other{at}"), json!(at))));
        }
    }
}
