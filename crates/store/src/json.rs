//! Writes JSON the way services do: without white space, and either with only the necessary escapes
//! or with all non-ASCII characters also escaped, which is the default in .NET's OData library
//! (OData/odata.net, issue 1843).

use std::borrow::Cow;

use crate::{
    contents::{Step, Steps},
    shape::{Leaf, Shapes, Token},
};

/// Appends text as a JSON string. If `is_ascii` is set, non-ASCII characters are escaped.
pub(crate) fn write_string(json: &mut Vec<u8>, text: &str, is_ascii: bool) {
    json.push(b'"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => b'u',
            _ => continue,
        };
        write_run(json, &text[from..at], is_ascii);
        if short == b'u' {
            write_unit(json, byte.into());
        } else {
            json.extend_from_slice(&[b'\\', short]);
        }
        from = at + 1;
    }
    write_run(json, &text[from..], is_ascii);
    json.push(b'"');
}

/// Appends characters that need no escapes, except that non-ASCII ones are escaped if `is_ascii` is
/// set.
fn write_run(json: &mut Vec<u8>, run: &str, is_ascii: bool) {
    if !is_ascii || run.is_ascii() {
        json.extend_from_slice(run.as_bytes());
        return;
    }
    for unit in run.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => json.push(byte),
            _ => write_unit(json, unit),
        }
    }
}

/// Appends a UTF-16 code unit as an escape.
fn write_unit(json: &mut Vec<u8>, unit: u16) {
    json.extend_from_slice(b"\\u");
    json.extend([12, 8, 4, 0].map(|shift| b"0123456789abcdef"[usize::from(unit >> shift & 15)]));
}

/// Writes the JSON of an alert. `value` looks up the text of each value.
pub(crate) fn write<'a>(
    shapes: &Shapes,
    contents: &[u8],
    value: impl Fn(Leaf, u32) -> Cow<'a, str>,
) -> Vec<u8> {
    let mut json = Vec::new();
    let (mut after_value, mut is_ascii) = (false, false);
    for step in Steps::new(shapes, contents) {
        let starts_value = match step {
            Step::Alert(_) | Step::Item(_) | Step::EndItems(_) | Step::End(_) | Step::Derived(..) => false,
            Step::Token(token) => !matches!(token, Token::Close | Token::CloseList | Token::Ascii),
            Step::Items | Step::Text(..) | Step::Literal(..) => true,
        };
        if starts_value && std::mem::replace(&mut after_value, false) {
            json.push(b',');
        }
        match step {
            Step::Alert(shape) => {
                is_ascii = shapes.get(shape).last() == Some(&Token::Ascii);
                continue;
            }
            Step::Item(_)
            | Step::EndItems(false)
            | Step::End(_)
            | Step::Derived(..)
            | Step::Token(Token::Ascii) => continue,
            Step::Items | Step::Token(Token::OpenList) => json.push(b'['),
            Step::Token(Token::Open) => json.push(b'{'),
            Step::Token(Token::Label(label)) => {
                write_string(&mut json, shapes.label(label), is_ascii);
                json.push(b':');
            }
            Step::EndItems(true) | Step::Token(Token::CloseList) => json.push(b']'),
            Step::Token(Token::Close) => json.push(b'}'),
            Step::Text(leaf, index) => write_string(&mut json, &value(leaf, index), is_ascii),
            Step::Literal(leaf, index) => json.extend_from_slice(value(leaf, index).as_bytes()),
            Step::Token(_) => json.extend_from_slice(b"null"),
        }
        let opens =
            matches!(step, Step::Items | Step::Token(Token::Open | Token::OpenList | Token::Label(_)));
        after_value = !opens;
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_written_as_serde_json_writes_them(text in "[\\x00-\\x20\"\\\\/aé\u{7f}\u{2028}😀]{0,8}|\\PC*") {
            let written = |is_ascii| {
                let mut json = Vec::new();
                write_string(&mut json, &text, is_ascii);
                String::from_utf8(json).unwrap()
            };
            prop_assert_eq!(written(false), serde_json::to_string(&text).unwrap());
            let ascii = written(true);
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(ascii == written(false), text.is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(&ascii).unwrap(), text);
        }
    }
}
