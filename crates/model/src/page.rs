//! Splits the bytes of a reply into alerts.
//!
//! Three forms are accepted: a single alert, an array, and `{"value":[…]}` as in Graph's replies.
//! Splitting considers only the structure, so an alert that cannot be decoded does not affect the
//! others. Files come in more forms ([`crate::find`]).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RawAlert, SafeText};

/// The alerts in one reply or file, with the properties of its envelope.
#[derive(Clone, Debug, Default)]
pub struct RawPage {
    /// Each alert's own JSON, in the order received.
    pub alerts: Vec<RawAlert>,
    /// `@odata.nextLink`, as sent; `None` if it is missing, null or empty. If it is not a string, this
    /// is its JSON.
    pub next: Option<String>,
    /// `@odata.count`.
    pub count: Option<u64>,
    /// The error that the page contains beside its alerts, safe to show.
    pub error: Option<SafeText>,
}

/// Why bytes could not be split into alerts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (line {line}, column {column})")]
pub struct WireError {
    /// What is wrong, safe to show.
    pub reason: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 1.
    pub column: usize,
}

impl WireError {
    pub(crate) fn new(error: &serde_json::Error, line: usize) -> Self {
        // The parser's message repeats the position, which has its own fields here.
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text);
        Self {
            reason: SafeText::new(reason).line(),
            line: error.line().max(1) + line,
            column: error.column(),
        }
    }

    pub(crate) fn at_start(reason: &str) -> Self {
        Self { reason: reason.into(), line: 1, column: 1 }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    /// Distinguishes a single alert from an envelope without `value`.
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<Vec<&'a RawValue>>,
    #[serde(borrow, rename = "@odata.nextLink")]
    next: Option<&'a RawValue>,
    #[serde(borrow, rename = "@odata.count")]
    count: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Splits the body of a reply into alerts.
///
/// Skips a byte order mark. Replaces bytes that are not UTF-8 with U+FFFD, so that they spoil only
/// a character rather than the whole page.
///
/// # Errors
///
/// Fails if the body is empty, UTF-16, compressed, markup, broken JSON, or JSON without alerts, or
/// if anything follows the JSON document.
pub fn split_reply(body: Bytes) -> Result<RawPage, WireError> {
    if body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]) {
        return Err(WireError::at_start("the text is UTF-16, expected UTF-8"));
    }
    let compressed = [("gzip", &b"\x1f\x8b"[..]), ("zip", b"PK\x03\x04"), ("zstd", b"\x28\xb5\x2f\xfd")];
    if let Some((format, _)) = compressed.iter().find(|(_, start)| body.starts_with(start)) {
        return Err(WireError::at_start(&format!("this is compressed ({format}), expected JSON")));
    }
    let body = repaired(body);
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let alert = |raw: &RawValue| RawAlert(body.slice_ref(raw.get().as_bytes()));
    match text.trim_start().bytes().next() {
        None => Err(WireError::at_start("the text is empty, expected JSON")),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| WireError::new(&e, 0))?;
            Ok(RawPage { alerts: items.into_iter().map(alert).collect(), ..RawPage::default() })
        }
        Some(b'{') => match serde_json::from_str::<&RawValue>(text) {
            Ok(whole) => {
                let envelope: Envelope<'_> =
                    serde_json::from_str(whole.get()).map_err(|e| WireError::new(&e, 0))?;
                let Some(value) = envelope.value else {
                    return match envelope.id {
                        Some(_) => Ok(RawPage { alerts: vec![alert(whole)], ..RawPage::default() }),
                        None => Err(WireError::at_start("an object without `value` or `id` holds no alerts")),
                    };
                };
                let text_of = |raw: &RawValue| {
                    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
                };
                let error = envelope.error.and_then(|error| crate::wrapped::reported(error.get()));
                Ok(RawPage {
                    alerts: value.into_iter().map(alert).collect(),
                    next: envelope.next.map(text_of).filter(|link| !link.is_empty()),
                    count: envelope.count.and_then(|raw| raw.get().trim_matches('"').parse().ok()),
                    error: error.map(|error| SafeText::new(&error)),
                })
            }
            Err(error) => Err(WireError::new(&error, 0)),
        },
        Some(b'<') => Err(WireError::at_start("this is HTML or XML, expected JSON")),
        Some(_) => Err(WireError::at_start("expected a JSON object or array")),
    }
}

/// Returns whether text is in JSON lines format: either its first line is an object, or the two
/// lines after it are, as when the start of a log is cut off. Anything else is a single document,
/// possibly broken or truncated, in which two consecutive objects have a comma between them.
pub fn starts_with_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut is_line = || {
        let raw = lines.next().and_then(|line| serde_json::from_str::<&RawValue>(line).ok());
        raw.is_some_and(is_object)
    };
    is_line() || (is_line() && is_line())
}

fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Skips a byte order mark and replaces bytes that are not UTF-8.
pub(crate) fn repaired(body: Bytes) -> Bytes {
    let body = if body.starts_with(&[0xef, 0xbb, 0xbf]) { body.slice(3..) } else { body };
    match std::str::from_utf8(&body) {
        Ok(_) => body,
        Err(_) => Bytes::from(String::from_utf8_lossy(&body).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(text: &str) -> RawPage {
        split_reply(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn texts(page: &RawPage) -> Vec<&str> {
        page.alerts.iter().map(|raw| std::str::from_utf8(&raw.0).unwrap()).collect()
    }

    fn error(body: &[u8]) -> String {
        split_reply(Bytes::copy_from_slice(body)).unwrap_err().to_string()
    }

    #[test]
    fn all_forms_give_the_same_alerts() {
        for text in [
            r#"{"@odata.context":"x","value":[{"id":"a"},{ "id" : "b" }]}"#,
            r#"[{"id":"a"},{ "id" : "b" }]"#,
            "\u{feff}[{\"id\":\"a\"},{ \"id\" : \"b\" }]",
        ] {
            assert_eq!(texts(&page(text)), [r#"{"id":"a"}"#, r#"{ "id" : "b" }"#], "{text}");
        }
        assert_eq!(texts(&page(r#" {"id":"a"} "#)), [r#"{"id":"a"}"#]);
    }

    #[test]
    fn count_and_next_link_are_read_from_the_envelope() {
        let page = page(r#"{"@odata.count":"12","@odata.nextLink":"https://x/?$skip=1","value":[]}"#);
        assert_eq!((page.count, page.next.as_deref()), (Some(12), Some("https://x/?$skip=1")));
        assert_eq!(super::tests::page(r#"{"value":[],"@odata.nextLink":""}"#).next, None);
        assert_eq!(
            super::tests::page(r#"{"value":[],"@odata.nextLink":null,"@odata.count":null}"#).next,
            None
        );
    }

    #[test]
    fn errors_give_the_reason_and_the_position() {
        assert_eq!(error(b""), "the text is empty, expected JSON (line 1, column 1)");
        assert_eq!(error(b"<html>"), "this is HTML or XML, expected JSON (line 1, column 1)");
        assert_eq!(error(b"\xff\xfe{\0}\0"), "the text is UTF-16, expected UTF-8 (line 1, column 1)");
        assert_eq!(error(b"\x1f\x8b\x08\0"), "this is compressed (gzip), expected JSON (line 1, column 1)");
        assert!(error(b"{\"value\":[{\"id\":1},\n{\"id\":").contains("line 2"));
        assert!(error(br#"{"error":{"code":"x"}}"#).contains("holds no alerts"));
        assert!(error(br#"{"value":null}"#).contains("holds no alerts"));
    }

    #[test]
    fn a_reply_must_be_one_document() {
        let body = Bytes::from_static(b"{\"value\":[]}\n{\"id\":\"a\"}\n");
        assert_eq!(split_reply(body).unwrap_err().line, 2);
        assert!(split_reply(Bytes::from_static(b"{\"value\":[]}\n")).is_ok());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let page = split_reply(Bytes::from_static(b"[{\"id\":\"a\xff\"}]")).unwrap();
        assert_eq!(texts(&page), ["{\"id\":\"a\u{fffd}\"}"]);
    }

    proptest! {
        #[test]
        fn splitting_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split_reply(Bytes::from(body));
        }

        #[test]
        fn a_truncated_page_is_an_error(cut in 0usize..66) {
            let text = r#"{"@odata.count":2,"value":[{"id":"a","x":[1]},{"id":"b"}],"y":"z"}"#;
            let read = split_reply(Bytes::copy_from_slice(&text.as_bytes()[..cut]));
            prop_assert!(read.is_err(), "a truncated page was read as complete");
        }
    }
}
