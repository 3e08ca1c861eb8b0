//! Splits a response's bytes into alerts.
//!
//! A response is a single alert, an array, or `{"value":[…]}` as sent by Graph. Its items are
//! recognised by the same rules as in files ([`crate::find`]), so an object that is not an alert
//! never becomes one. Only the structure has to be intact, so an alert that cannot be read does not
//! affect the others.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{RawAlert, SafeText};
use crate::{loose, wrapped::Finder};

/// The maximum length of [`RawPage::missing`] in characters.
const MAX_MISSING: usize = 400;

/// The alerts in one response or file, with its envelope's properties.
#[derive(Clone, Debug, Default)]
pub struct RawPage {
    /// The JSON of each alert, in the order received.
    pub alerts: Vec<RawAlert>,
    /// `@odata.nextLink`, as sent; `None` if it is missing, null or empty. If it is not a string,
    /// this is its JSON.
    pub next: Option<String>,
    /// `@odata.count`; `None` if it is missing or not a number.
    pub count: Option<u64>,
    /// The reasons why alerts may be missing from the page, if any: an error in its envelope,
    /// objects that are not alerts, or objects that cannot be read. The text is sanitised for
    /// display.
    pub missing: Option<SafeText>,
}

/// The error returned for bytes that cannot be split into alerts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (line {line}, column {column})")]
pub struct WireError {
    /// A description of the error, sanitised for display.
    pub reason: String,
    /// The line number, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 1.
    pub column: usize,
}

impl WireError {
    pub(crate) fn new(error: &serde_json::Error, line: usize) -> Self {
        // The parser's message repeats the position, which has its own fields here.
        let text = error.to_string();
        let reason = if error.is_eof() {
            "the text ends unexpectedly"
        } else {
            text.split(" at line ").next().unwrap_or(&text)
        };
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

/// Splits a response's body into alerts.
///
/// Skips a byte order mark. Replaces bytes that are not UTF-8 with U+FFFD, so that they affect only
/// single characters rather than the whole page.
///
/// # Errors
///
/// Fails if the body is empty, encoded in UTF-16, compressed, HTML or XML, or broken outside its
/// alerts; if it is an object that is neither a page nor contains an alert; or if anything follows
/// the JSON document.
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
    let json = text.trim();
    match json.bytes().next() {
        None => Err(WireError::at_start("the text is empty, expected JSON")),
        Some(b'[') => {
            let items = loose::items(json).ok_or_else(|| broken(text))?;
            Ok(read_items(&body, &items, RawPage::default()))
        }
        Some(b'{') => {
            let (page, items) = read_envelope(json).map_err(|error| error.unwrap_or_else(|| broken(text)))?;
            match items {
                Some(items) => Ok(read_items(&body, &items, page)),
                None => read_alone(&body, json),
            }
        }
        Some(b'<') => Err(WireError::at_start("this is HTML or XML, expected JSON")),
        Some(_) => Err(WireError::at_start("expected a JSON object or array")),
    }
}

/// Returns the syntax error in JSON text.
fn broken(text: &str) -> WireError {
    match serde_json::from_str::<&RawValue>(text) {
        Err(error) => WireError::new(&error, 0),
        Ok(_) => WireError::at_start("expected a JSON object or array"),
    }
}

/// Reads the envelope of a page. Also returns the items of its `value`, if that is an array. Fails
/// with `None` if the envelope is not valid JSON.
fn read_envelope(json: &str) -> Result<(RawPage, Option<Vec<&str>>), Option<WireError>> {
    let (mut page, mut items) = (RawPage::default(), None);
    let (mut next, mut count) = (None, None);
    let once = |is_first: bool, name: &str| {
        is_first.then_some(()).ok_or_else(|| Some(WireError::at_start(&format!("`{name}` occurs twice"))))
    };
    for (name, value) in loose::members(json).ok_or(None)? {
        let name: String = serde_json::from_str(name).unwrap_or_default();
        if name == "value" && value.starts_with('[') {
            once(items.is_none(), &name)?;
            items = Some(loose::items(value).ok_or(None)?);
            continue;
        }
        serde_json::from_str::<&RawValue>(value).map_err(|_| None)?;
        match name.as_str() {
            "@odata.nextLink" => once(next.replace(value).is_none(), &name)?,
            "@odata.count" => once(count.replace(value).is_none(), &name)?,
            "error" => page.missing = crate::wrapped::reported(value).map(|error| SafeText::new(&error)),
            _ => {}
        }
    }
    let text_of = |json: &str| serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned());
    page.next = next.filter(|next| *next != "null").map(text_of).filter(|link| !link.is_empty());
    page.count = count.and_then(|count| count.trim_matches('"').parse().ok());
    Ok((page, items))
}

/// Adds the alerts among a response's items to its page, and describes the other items in
/// [`RawPage::missing`].
fn read_items(body: &Bytes, items: &[&str], page: RawPage) -> RawPage {
    let mut finder = Finder::new(body.clone(), 0);
    let unread = items.iter().filter(|item| !finder.item(item, true, 0)).count();
    let Finder { found, .. } = finder;
    let mut missing: Vec<_> = page.missing.map(|error| error.raw().to_owned()).into_iter().collect();
    if unread > 0 {
        let verb = if unread == 1 { "is not a readable alert" } else { "are not readable alerts" };
        missing.push(format!("{unread} of {} objects in the reply {verb}", items.len()));
    }
    missing.extend(found.errors.lines());
    if found.has_next {
        missing.push("a page within the reply continues on another page".to_owned());
    }
    let missing: String = missing.join("; ").chars().take(MAX_MISSING).collect();
    let missing = (!missing.is_empty()).then(|| SafeText::new(&missing));
    RawPage { alerts: found.alerts, missing, ..page }
}

/// Reads a response that is itself a single alert, or that contains alerts but is not a page.
fn read_alone(body: &Bytes, json: &str) -> Result<RawPage, WireError> {
    let page = read_items(body, &[json], RawPage::default());
    if page.alerts.is_empty() {
        let what = page.missing.map_or_else(String::new, |what| what.line());
        return Err(WireError::at_start(&format!("the reply contains no alert: {what}")));
    }
    Ok(page)
}

/// Returns whether text is in JSON lines format. This is the case if the first line is an object
/// or, to allow for a log whose start was cut off, if the second and third lines are. Any other
/// text is a single document, possibly broken or truncated, in which a comma separates consecutive
/// objects.
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
    use rstest::rstest;

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
        let refused = error(br#"{"error":{"code":"Forbidden","message":"Missing roles"}}"#);
        assert!(
            refused.contains("an error reply from Graph, not alerts: Forbidden: Missing roles"),
            "{refused}"
        );
        assert!(error(b"{\"value\":[{\"id\":").contains("the text ends unexpectedly (line 1,"));
        assert!(
            error(br#"{"value":null}"#).contains("an object that is not an alert, with the properties value")
        );
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

    #[test]
    fn what_is_not_an_alert_is_counted_and_named() {
        let text = r#"{"value":[{"id":"a"},{"id":"1","displayName":"x"},5,null,{},{"id":null}]}"#;
        let page = page(text);
        assert_eq!(texts(&page), [r#"{"id":"a"}"#]);
        let missing = page.missing.unwrap().line();
        assert!(missing.starts_with("5 of 6 objects in the reply are not readable alerts; "), "{missing}");
        assert!(missing.contains("with the properties id, displayName; not an alert: 5"), "{missing}");
    }

    #[rstest]
    #[case::control_byte("\u{1}", "control character")]
    #[case::line_feed("\n", "control character")]
    #[case::escape("\\x", "invalid escape")]
    #[case::surrogate("\\ud8zz", "invalid escape")]
    fn a_bad_character_costs_its_alert_only(#[case] bad: &str, #[case] reason: &str) {
        let text = format!(
            "{{\"value\":[{{\"id\":\"a\"}},\n{{\"id\":\"b\",\"title\":\"{bad}\"}},{{\"id\":\"c\"}}],\
             \"@odata.nextLink\":\"https://x\",\"@odata.count\":3}}"
        );
        let page = page(&text);
        assert_eq!(texts(&page), [r#"{"id":"a"}"#, r#"{"id":"c"}"#]);
        assert_eq!((page.next.as_deref(), page.count), (Some("https://x"), Some(3)));
        let missing = page.missing.unwrap().line();
        assert!(missing.starts_with("1 of 3 objects in the reply is not a readable alert; "), "{missing}");
        assert!(missing.contains(reason) && missing.contains("(line 2,"), "{missing}");
    }

    #[test]
    fn a_bad_character_outside_the_alerts_is_an_error() {
        let next = b"{\"value\":[{\"id\":\"a\"}],\"@odata.nextLink\":\"https://\\x\"}";
        assert!(error(next).contains("invalid escape"), "{}", error(next));
        assert!(error(br#"{"value":[{"id":"a"},]}"#).contains("expected value"));
        assert!(error(br#"{"value":[],"value":[{"id":"a"}]}"#).contains("`value` occurs twice"));
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
