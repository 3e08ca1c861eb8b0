//! Errors derived from the service's statuses, bodies and headers.

use super::*;
use crate::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use rstest::rstest;

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter([(
            "request-id".parse().unwrap(),
            HeaderValue::from_static("header-id"),
        )]),
        body: Bytes::copy_from_slice(body.as_bytes()),
        tries: 1,
        host: "graph.example".into(),
    }
}

const LIST: Asked = Asked::List { filtered: true };
const ALL: Asked = Asked::List { filtered: false };

#[rstest]
#[case(302, ALL, Kind::Protocol, "redirect")]
#[case(400, LIST, Kind::Filter, "refused the filter")]
#[case(400, ALL, Kind::Protocol, "refused the request")]
#[case(400, Asked::NextPage, Kind::Protocol, "its own next page")]
#[case(400, Asked::Alert, Kind::Protocol, "alert's ID")]
#[case(401, LIST, Kind::SignIn, "sign in again")]
#[case(403, LIST, Kind::Permission, "SecurityAlert.Read.All")]
#[case(403, LIST, Kind::Permission, "Entra role")]
#[case(403, LIST, Kind::Permission, "licence")]
#[case(404, Asked::Alert, Kind::NotFound, "no such alert")]
#[case(404, LIST, Kind::Protocol, "--graph-url")]
#[case(400, Asked::Update, Kind::Protocol, "nothing was changed")]
#[case(400, Asked::Comment, Kind::Protocol, "nothing was added")]
#[case(403, Asked::Update, Kind::Permission, "SecurityAlert.ReadWrite.All")]
#[case(403, Asked::Comment, Kind::Permission, "Security Operator")]
#[case(404, Asked::Update, Kind::NotFound, "no such alert")]
#[case(404, Asked::Comment, Kind::NotFound, "no such alert")]
#[case(403, Asked::Other, Kind::Permission, "check the application's permissions")]
#[case(404, Asked::Other, Kind::NotFound, "no such resource")]
#[case(407, LIST, Kind::Offline, "proxy")]
#[case(408, LIST, Kind::Unavailable, "HTTP 408")]
#[case(429, LIST, Kind::Throttled, "wait a minute")]
#[case(500, LIST, Kind::Unavailable, "HTTP 500")]
#[case(503, Asked::NextPage, Kind::Unavailable, "try again later")]
#[case(418, LIST, Kind::Protocol, "HTTP 418")]
fn each_status_has_a_kind_and_advice(
    #[case] status: u16,
    #[case] asked: Asked,
    #[case] kind: Kind,
    #[case] part: &str,
) {
    let error = Error::refused(&reply(status, ""), asked);
    let line = error.to_string();
    assert_eq!(error.kind, kind);
    assert!(line.contains(part), "{line}");
    assert!(line.contains(&format!("HTTP {status}")), "{line}");
    assert!(line.ends_with(" (request-id header-id)"), "{line}");
    assert!(!line.contains('\n'));
}

#[rstest]
#[case::plain(
    r#"{"error":{"code":"BadRequest","message":"Invalid filter clause","innerError":{"request-id":"r1"}}}"#,
    "[BadRequest: Invalid filter clause] (request-id r1)"
)]
#[case::lower_case(
    r#"{"Error":{"Code":"BadRequest","MESSAGE":"m","innererror":{"requestId":"r2"}}}"#,
    "[BadRequest: m] (request-id r2)"
)]
#[case::nested(
    r#"{"error":{"code":"a","message":"b","innerError":{"code":"c","message":"d","innererror":{"Request-ID":"r3"}}}}"#,
    "[a: b] (request-id r3)"
)]
#[case::inner_message(
    r#"{"error":{"code":"UnknownError","message":"","innerError":{"message":"inner","request-id":"r4"}}}"#,
    "[UnknownError: inner] (request-id r4)"
)]
#[case::empty_message(
    r#"{"error":{"code":"UnknownError","message":"","innerError":{}}}"#,
    "[UnknownError] (request-id header-id)"
)]
#[case::flat(r#"{"code":"x","message":"y"}"#, "[x: y] (request-id header-id)")]
#[case::bom("\u{feff}{\"error\":{\"code\":\"x\"}}", "[x] (request-id header-id)")]
#[case::no_json("Bad Request", "the network and --graph-url (request-id header-id)")]
#[case::odd_types(
    r#"{"error":{"code":400,"message":["x"],"innerError":"y"}}"#,
    "change it and try again (request-id header-id)"
)]
#[case::text_error(r#"{"error":"invalid_grant"}"#, "the network and --graph-url (request-id header-id)")]
fn code_message_and_id_are_found_in_any_spelling(#[case] body: &str, #[case] end: &str) {
    let line = Error::refused(&reply(400, body), LIST).to_string();
    assert!(line.ends_with(end), "{line}");
}

#[test]
fn foreign_text_is_sanitised_and_cut() {
    let long = "x".repeat(100_000);
    let body = serde_json::json!({"error": {
        "code": "\u{1b}]52;c;AAAA\u{7}",
        "message": format!("a\u{1b}[2J\nb\u{202e}{long}"),
        "innerError": {"request-id": "\u{1b}[31mid"}
    }});
    let line = Error::refused(&reply(400, &body.to_string()), LIST).to_string();
    assert!(line.len() < 1000);
    assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
    assert!(line.contains("␛[2J⏎b⟨202E⟩"), "{line}");
}

#[test]
fn html_is_not_printed() {
    let line = Error::refused(&reply(502, "<html><body>proxy secret</body></html>"), LIST).to_string();
    assert_eq!(line, "a proxy or the service failed with HTTP 502; try again later (request-id header-id)");
}

#[rstest]
#[case("error-400-update.json", 400, "InvalidRequestBody: Request body is incorrect")]
#[case("error-403.json", 403, "Forbidden: Missing application roles.")]
#[case("error-429.json", 429, "TooManyRequests: Please retry again later.")]
fn published_error_bodies_are_read(#[case] name: &str, #[case] status: u16, #[case] part: &str) {
    let line = Error::refused(&reply(status, &alertdeck_testing::sample(name)), LIST).to_string();
    assert!(line.contains(part), "{line}");
    assert!(!line.contains("header-id"), "{line}");
}

#[rstest]
#[case::write_lacks(Asked::Update, &["SecurityAlert.Read.All"], false, "lacks SecurityAlert.ReadWrite.All")]
#[case::write_role(Asked::Comment, &["SecurityAlert.ReadWrite.All"], false, "Security Operator")]
#[case::write_licence(Asked::Update, &["SecurityAlert.ReadWrite.All"], true, "the tenant lacks a Defender licence")]
#[case::read_lacks(LIST, &["User.Read"], false, "lacks SecurityAlert.Read.All")]
#[case::read_role(LIST, &["SecurityAlert.Read.All"], false, "Security Reader")]
#[case::unknown(Asked::Update, &[], false, "needs SecurityAlert.ReadWrite.All")]
fn a_missing_permission_is_explained_by_the_token(
    #[case] asked: Asked,
    #[case] permissions: &[&str],
    #[case] is_application: bool,
    #[case] part: &str,
) {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    let claims = TokenClaims { permissions, is_application, ..TokenClaims::default() };
    let line = Error::refused(&reply(403, ""), asked).explained_by(Some(&claims), asked).to_string();
    assert!(line.contains(part), "{line}");
}

#[rstest]
#[case(429, Kind::Throttled)]
#[case(503, Kind::Unavailable)]
fn a_long_wait_is_given_with_its_end(#[case] status: u16, #[case] kind: Kind) {
    let mut reply = reply(status, "{}");
    let mut set = |name: &'static str, value| reply.headers.insert(name, HeaderValue::from_static(value));
    set("date", "Fri, 20 Nov 2026 12:00:00 GMT");
    set("retry-after", "3600");
    let error = Error::refused(&reply, ALL);
    assert_eq!(error.kind, kind);
    assert!(error.to_string().contains("until 2026-11-20T13:00:00Z"), "{error}");
    reply.headers.insert("retry-after", HeaderValue::from_static("50"));
    assert!(!Error::refused(&reply, ALL).to_string().contains("until"));
}

#[rstest]
#[case::html(
    "<html><body>Access denied</body></html>",
    "a proxy answered instead of graph.example: HTML instead of JSON"
)]
#[case::text("Access\u{1b}[2J denied", "a proxy answered instead of graph.example: text instead of JSON")]
#[case::other_json(
    r#"{"Message":"No HTTP resource was found"}"#,
    "graph.example does not respond like Graph"
)]
#[case::list("[1]", "graph.example does not respond like Graph")]
fn answers_that_are_not_graphs_are_called_so(
    #[case] body: &str,
    #[case] what: &str,
    #[values(400, 401, 403, 404, 418)] status: u16,
) {
    for asked in [LIST, ALL, Asked::NextPage, Asked::Alert, Asked::Update, Asked::Other] {
        let error = Error::refused(&reply(status, body), asked);
        let line = error.to_string();
        assert_eq!(error.kind, Kind::Protocol, "{line}");
        assert!(line.starts_with(what) && line.contains(&format!("HTTP {status}")), "{line}");
        assert!(line.contains("check the proxy") && !line.contains('\u{1b}'), "{line}");
        assert!(!line.contains("SecurityAlert") && !line.contains("filter"), "{line}");
    }
}

#[rstest]
#[case::empty(403, "")]
#[case::error(403, r#"{"error":{"code":"Forbidden","message":"no"}}"#)]
#[case::capitals(403, r#"{"Error":{"Code":"Forbidden"}}"#)]
#[case::bare(400, r#"{"code":"a","message":"b"}"#)]
#[case::busy(503, "<html>busy</html>")]
#[case::throttled(429, "too many")]
fn other_answers_are_taken_for_graphs(#[case] status: u16, #[case] body: &str) {
    let line = Error::refused(&reply(status, body), LIST).to_string();
    assert!(!line.contains("a proxy answered") && !line.contains("as Graph does"), "{line}");
}

#[rstest]
#[case(
    "The limit of '50' for Top query has been exceeded. The value is '1000'.",
    Some(ListOption::Top(NonZeroU16::new(50)))
)]
#[case("The $top query option is not supported", Some(ListOption::Top(None)))]
#[case("Query option 'Count' is not allowed.", Some(ListOption::Count))]
#[case("Invalid filter clause: stop", None)]
fn a_refused_option_is_named_instead_of_the_filter(
    #[case] message: &str,
    #[case] option: Option<ListOption>,
) {
    let body = serde_json::json!({"error": {"code": "BadRequest", "message": message}}).to_string();
    let error = Error::refused(&reply(400, &body), LIST);
    assert_eq!(error.refused, option);
    let blamed = option.map_or("the service refused the filter", |option| option.name());
    assert!(error.to_string().contains(blamed), "{error}");
    assert_eq!(error.kind == Kind::Filter, option.is_none());
    assert_eq!(Error::refused(&reply(400, &body), Asked::NextPage).refused, None);
}
