//! Reduces an alert to a few of its properties, without decoding the others.

use std::{borrow::Cow, fmt};

use memchr::memchr2_iter;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::RawAlert;

/// The nesting depth up to which JSON can certainly be decoded.
const SHALLOW: usize = 100;

impl RawAlert {
    /// Returns the alert reduced to its top-level properties with the given names. They are kept as
    /// sent, including repeated ones, so they decode to the same values as in the full alert.
    ///
    /// Returns `None` if the alert cannot be decoded, or if that is uncertain without decoding all
    /// of it.
    pub fn outline(&self, names: &[&str]) -> Option<Self> {
        let text = std::str::from_utf8(&self.0).ok()?;
        if is_deep(text) {
            return None;
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let outline = json.deserialize_map(Properties(OutlineWriter::new(names))).ok()?;
        json.end().ok()?;
        Some(outline.finish())
    }
}

/// Returns whether JSON may be nested too deeply to be decoded.
pub(crate) fn is_deep(text: &str) -> bool {
    memchr2_iter(b'{', b'[', text.as_bytes()).nth(SHALLOW).is_some() && depth(text.as_bytes()) > SHALLOW
}

/// Returns the nesting depth of the brackets. Brackets in strings are counted too, so the result is
/// only an estimate.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Builds the JSON of an outline.
#[derive(Debug)]
pub(crate) struct OutlineWriter<'a> {
    names: &'a [&'a str],
    text: String,
}

impl<'a> OutlineWriter<'a> {
    pub(crate) fn new(names: &'a [&'a str]) -> Self {
        Self { names, text: String::new() }
    }

    /// Adds a property if its name is one of those to keep.
    pub(crate) fn add(&mut self, name: &str, value: &RawValue) {
        if let Some(name) = self.names.iter().find(|known| **known == name) {
            let start = if self.text.is_empty() { "{\"" } else { ",\"" };
            for part in [start, name, "\":", value.get()] {
                self.text.push_str(part);
            }
        }
    }

    pub(crate) fn finish(mut self) -> RawAlert {
        self.text.push_str(if self.text.is_empty() { "{}" } else { "}" });
        RawAlert(self.text.into())
    }
}

/// Reads the properties of an object.
struct Properties<'a>(OutlineWriter<'a>);

impl<'a, 'de> Visitor<'de> for Properties<'a> {
    type Value = OutlineWriter<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<OutlineWriter<'a>, A::Error> {
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            self.0.add(&name, map.next_value()?);
        }
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn outline(text: &str) -> Option<String> {
        let outline = RawAlert(text.to_owned().into()).outline(&["id", "status"])?;
        Some(String::from_utf8(outline.0.to_vec()).unwrap())
    }

    #[rstest]
    #[case::others(r#"{"title":"id","id":"a","evidence":[{"id":"b"}],"n":1.50e+3}"#, r#"{"id":"a"}"#)]
    #[case::as_sent(
        r#"{ "id" : "\u0061" , "status": [1, {"a":null}] }"#,
        r#"{"id":"\u0061","status":[1, {"a":null}]}"#
    )]
    #[case::escaped_name(r#"{"\u0069d":7}"#, r#"{"id":7}"#)]
    #[case::repeated(r#"{"id":"a","status":"new","id":null}"#, r#"{"id":"a","status":"new","id":null}"#)]
    #[case::half_a_character(r#"{"id":"\ud800","x":"\udc00"}"#, r#"{"id":"\ud800"}"#)]
    #[case::empty("{}", "{}")]
    fn properties_are_kept_as_sent(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(outline(text).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("[]")]
    #[case(r#"{"id":"a""#)]
    #[case(r#"{"id":"a","x":"\q"}"#)]
    #[case("{\"id\":\"a\",\"x\":\"\u{1}\"}")]
    #[case(r#"{"id":"a"} x"#)]
    fn what_cannot_be_decoded_has_no_outline(#[case] text: &str) {
        assert_eq!(outline(text), None);
    }

    #[test]
    fn deep_nesting_has_no_outline_but_many_brackets_have() {
        let nested = |count: usize| format!(r#"{{"id":"a","x":{}{}}}"#, "[".repeat(count), "]".repeat(count));
        assert!(RawAlert(nested(130).into()).decode().is_err() && outline(&nested(130)).is_none());
        assert!(outline(&nested(50)).is_some());
        assert!(outline(&format!(r#"{{"id":"a","x":[{}[]]}}"#, "[],".repeat(500))).is_some());
    }
}
