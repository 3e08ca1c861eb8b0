//! Splits JSON by its brackets and quotes alone, so that a bad character inside one value does not
//! affect the values beside it. This module does not check values and knows nothing about alerts.

/// Returns the value at the start of the text, or `None` if the value has no end.
pub(crate) fn value(text: &str) -> Option<&str> {
    let end = value_end(text.as_bytes())?;
    text.get(..end).map(str::trim_end).filter(|value| !value.is_empty())
}

/// Returns the offset just after the opening bracket of the text's main list, which is a top-level
/// array or the `value` of a page. The text may be cut off anywhere.
pub(crate) fn list_start(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"[") {
        return Some(1);
    }
    let mut rest = text.strip_prefix(b"{")?.trim_ascii_start();
    loop {
        let end = string_end(rest, 0).filter(|_| rest.starts_with(b"\""))?;
        let (name, after) = rest.split_at(end);
        rest = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        if name == b"\"value\"" && rest.starts_with(b"[") {
            return Some(text.len() - rest.len() + 1);
        }
        rest = rest[value_end(rest)?..].trim_ascii_start().strip_prefix(b",")?.trim_ascii_start();
    }
}

/// Returns the items of an array, or `None` if the text is not exactly one array.
pub(crate) fn items(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    separated(text.strip_prefix('[')?.strip_suffix(']')?, |rest| {
        let item = value(rest)?;
        items.push(item);
        Some(&rest[item.len()..])
    })?;
    Some(items)
}

/// Returns the members of an object, with the names as JSON strings, or `None` if the text is not
/// exactly one object.
pub(crate) fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut members = Vec::new();
    separated(text.strip_prefix('{')?.strip_suffix('}')?, |rest| {
        let name = value(rest).filter(|name| name.starts_with('"'))?;
        let rest = rest[name.len()..].trim_ascii_start().strip_prefix(':')?.trim_ascii_start();
        let value = value(rest)?;
        members.push((name, value));
        Some(&rest[value.len()..])
    })?;
    Some(members)
}

/// Reads elements separated by commas. `read` reads one element and returns the text after it.
fn separated<'a>(text: &'a str, mut read: impl FnMut(&'a str) -> Option<&'a str>) -> Option<()> {
    let mut rest = text.trim_ascii_start();
    if rest.is_empty() {
        return Some(());
    }
    loop {
        rest = read(rest)?.trim_ascii_start();
        if rest.is_empty() {
            return Some(());
        }
        rest = rest.strip_prefix(',')?.trim_ascii_start();
    }
}

/// Returns the end of the value at the start of `bytes`.
fn value_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_end(bytes, 0),
        b'{' | b'[' => bracket_end(bytes),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b'"' | b'[' | b'{' | b':');
            Some(bytes.iter().position(ends).unwrap_or(bytes.len()))
        }
    }
}

/// Returns the offset just after the closing quote of the string that starts at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Returns the end of the array or object at the start of `bytes`.
fn bracket_end(bytes: &[u8]) -> Option<usize> {
    // The closing brackets that are still missing.
    let mut open = Vec::new();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            close @ (b'}' | b']') => {
                if open.pop() != Some(close) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case::control_byte("[{\"a\":\"x\u{1}y\"},{\"b\":1}]", &["{\"a\":\"x\u{1}y\"}", "{\"b\":1}"])]
    #[case::escape(r#"[{"a":"C:\x"} , 1]"#, &[r#"{"a":"C:\x"}"#, "1"])]
    #[case::quote_and_brackets(r#"["]\"],", {"a":"}"}]"#, &[r#""]\"],""#, r#"{"a":"}"}"#])]
    #[case::no_number("[NaN,+1]", &["NaN", "+1"])]
    #[case::empty("[ ]", &[])]
    fn items_are_found_beside_bad_ones(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(items(text).unwrap(), expected);
    }

    #[rstest]
    #[case("[1,]")]
    #[case("[,1]")]
    #[case("[1 2]]")]
    #[case(r#"[{"a":1]}"#)]
    #[case(r#"[{"a":"1}]"#)]
    #[case("[1] 2]")]
    fn a_text_with_another_structure_is_not_split(#[case] text: &str) {
        assert_eq!(items(text), None);
    }

    #[test]
    fn members_keep_their_order_and_repetition() {
        assert_eq!(
            members(r#"{ "a" : [1] , "a":"x\q"}"#).unwrap(),
            [("\"a\"", "[1]"), ("\"a\"", r#""x\q""#)]
        );
        assert_eq!(members(r#"{"a"}"#), None);
        assert_eq!(members("{1:2}"), None);
    }

    #[rstest]
    #[case("[1", Some("1"))]
    #[case(r#"{"@odata.context":"]{\"x" , "a":[{}],"value" : [ {"#, Some(" {"))]
    #[case(r#"{"value":{"value":[1]},"value":[2"#, Some("2"))]
    #[case(r#"{"a":{"value":[1]}}"#, None)]
    #[case(r#"{"id":"a","evidence":[{"#, None)]
    #[case("{\"value", None)]
    #[case("\"value\":[", None)]
    fn the_list_in_a_text_is_found_before_its_end(#[case] text: &str, #[case] rest: Option<&str>) {
        assert_eq!(list_start(text.as_bytes()).map(|at| &text[at..]), rest);
    }

    proptest! {
        #[test]
        fn valid_json_is_split_as_a_parser_splits_it(
            texts in prop::collection::vec("\\PC{0,9}", 0..4), numbers in prop::collection::vec(any::<f64>(), 0..3)
        ) {
            let values = json!([texts, numbers, {"a": texts, "b": null}, true, texts.first()]);
            for text in [values.to_string(), serde_json::to_string_pretty(&values).unwrap()] {
                let split = items(&text).unwrap();
                let parsed: Vec<Value> = split.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
                prop_assert_eq!(Value::from(parsed), values.clone());
            }
        }

        #[test]
        fn splitting_never_panics(text in any::<String>(), inner in "[\\[\\]{}\",:\\\\a ]{0,30}") {
            let _ = (items(&text), members(&text), value(&text), list_start(text.as_bytes()));
            let _ = (items(&format!("[{inner}]")), members(&format!("{{{inner}}}")), value(&inner));
        }
    }
}
