//! Lists and single alerts: headers, links, tokens and unusual bodies.

use std::time::Duration;

use alertdeck_graph::{ClientEvent, Kind, ListQuery, Page, WaitCause, auth::Tokens, http::Limits};
use alertdeck_model::AlertId;
use rstest::rstest;

use super::fake::{CANARY, Fake, Step, answer, ignore, page, quick};

/// Reads a list to its end. Returns the ids, and the error that ended the list, if any.
async fn read(fake: &Fake) -> (Vec<String>, Option<(Kind, String)>) {
    read_with(fake, quick()).await
}

async fn read_with(fake: &Fake, limits: Limits) -> (Vec<String>, Option<(Kind, String)>) {
    let mut pages = fake.client_within(limits).pages(&ListQuery::default());
    let mut ids = Vec::new();
    while let Some(page) = pages.next(&mut ignore()).await {
        match page {
            Ok(page) => ids.extend(ids_of(&page)),
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains('\n') && !line.contains("canary"), "{line}");
                assert!(pages.next(&mut ignore()).await.is_none(), "an error ends the list");
                return (ids, Some((error.kind, line)));
            }
        }
    }
    (ids, None)
}

fn ids_of(page: &Page) -> Vec<String> {
    page.raw.alerts.iter().map(|raw| raw.decode().unwrap().id.raw().to_owned()).collect()
}

#[tokio::test]
async fn every_page_request_has_the_headers_and_its_own_id() {
    let fake = Fake::start(|number, base, _| {
        let next = format!("{base}/v1.0/security/alerts_v2?$skiptoken=A%2Bb%27&$top=2&n={number}");
        page(&[&format!("a{number}")], (number < 3).then_some(next.as_str()))
    })
    .await;
    assert_eq!(read(&fake).await, (vec!["a0".into(), "a1".into(), "a2".into(), "a3".into()], None));
    let asked = fake.asked();
    assert_eq!(asked[0].target, "/v1.0/security/alerts_v2");
    assert_eq!(asked[1].target, "/v1.0/security/alerts_v2?$skiptoken=A%2Bb%27&$top=2&n=0", "verbatim");
    for request in &asked {
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {CANARY}")));
        assert_eq!(request.header("prefer"), Some("include-unknown-enum-members"));
        assert_eq!(request.header("accept"), Some("application/json"));
        assert!(request.header("user-agent").unwrap().starts_with("alertdeck/"));
    }
    let mut ids: Vec<_> = asked.iter().map(|request| request.header("client-request-id").unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn a_foreign_next_page_is_never_requested() {
    let foreign = Fake::start(|_, _, _| page(&["evil"], None)).await;
    let port = foreign.port();
    for link in [
        format!("http://127.0.0.1:{port}/v1.0/security/alerts_v2?canary=1"),
        format!("http://localhost:{port}/v1.0/security/alerts_v2"),
        format!("//127.0.0.1:{port}/v1.0/x"),
        "https://OWN/v1.0/security/alerts_v2".to_owned(),
        format!("http://OWN@127.0.0.1:{port}/v1.0/x"),
        "http://canary:canary@OWN/v1.0/x".to_owned(),
        "http://OWN/beta/security/alerts_v2".to_owned(),
        format!("http:\\\\127.0.0.1:{port}\\v1.0\\x"),
        "http://127.0.0.1.evil.example/v1.0/x".to_owned(),
        "http://OWN/v1.0/../beta/x".to_owned(),
        "http://OWN/v1.0/%2e%2E/beta/x".to_owned(),
        "http://OWN/v1.0/..%2fbeta/x".to_owned(),
        "http://OWN/v1.0/x%2F..%2f..%2fbeta/x".to_owned(),
        "http://OWN/v1.0/..%5cbeta/x".to_owned(),
        "http://graph.microsoft.com.evil.example/v1.0/x".to_owned(),
        "file:///v1.0/x".to_owned(),
        // The host is right, but the reply of another resource is not a page of alerts.
        "../../me".to_owned(),
        "/v1.0/me".to_owned(),
        "http://OWN/v1.0/security/incidents?$skip=1".to_owned(),
        "/v1.0/security/alerts_v2/a".to_owned(),
    ] {
        let sent = link.clone();
        let fake = Fake::start(move |_, base, _| {
            let own = base.strip_prefix("http://").unwrap();
            page(&["a"], Some(&sent.replace("OWN", own)))
        })
        .await;
        let (ids, error) = read(&fake).await;
        assert_eq!(ids, ["a"], "the pages before stay valid");
        let (kind, line) = error.unwrap();
        assert_eq!(kind, Kind::ForeignLink, "{link}: {line}");
        assert!(line.starts_with("next page points to "), "{line}");
        assert_eq!(fake.asked().len(), 1, "{link}");
    }
    assert_eq!(foreign.asked().len(), 0);
}

#[tokio::test]
async fn a_relative_next_link_is_resolved_and_an_empty_one_ends_the_list() {
    let fake = Fake::start(|number, _, _| match number {
        0 => page(&["a"], Some("?$skip=1")),
        1 => page(&["b"], Some("/v1.0/security/alerts_v2?$skip=2")),
        _ => page(&["c"], Some("")),
    })
    .await;
    assert_eq!(read(&fake).await, (vec!["a".into(), "b".into(), "c".into()], None));
    assert_eq!(fake.targets()[1..], ["/v1.0/security/alerts_v2?$skip=1", "/v1.0/security/alerts_v2?$skip=2"]);
}

#[tokio::test]
async fn a_circle_of_pages_is_an_error() {
    let fake = Fake::start(|number, base, _| {
        page(&["a"], Some(&format!("{base}/v1.0/security/alerts_v2?p={}", number % 3)))
    })
    .await;
    let (_, error) = read(&fake).await;
    assert_eq!(error.unwrap().0, Kind::Loop);
    assert_eq!(fake.asked().len(), 4);
}

#[tokio::test]
async fn pages_without_progress_are_an_error() {
    let fake = Fake::start(|number, _, _| page(&["a"], Some(&format!("?p={number}")))).await;
    let (_, error) = read(&fake).await;
    let (kind, line) = error.unwrap();
    assert_eq!((kind, &*line), (Kind::Loop, "5 pages in a row brought no new alert"));
    assert_eq!(fake.asked().len(), 6);
}

#[tokio::test]
async fn endless_empty_pages_are_an_error() {
    let fake = Fake::start(|number, _, _| page(&[], Some(&format!("?p={number}")))).await;
    let (_, error) = read(&fake).await;
    let (kind, line) = error.unwrap();
    assert_eq!((kind, &*line), (Kind::Loop, "100 pages in a row brought no new alert"));
    assert_eq!(fake.asked().len(), 100);
}

#[rstest]
#[case("5")]
#[case("{}")]
#[case("true")]
#[tokio::test]
async fn a_next_link_that_is_no_text_leaves_the_list_incomplete(#[case] link: &'static str) {
    let fake = Fake::start(move |_, _, _| {
        answer(200, &[], format!(r#"{{"value":[{{"id":"a"}}],"@odata.nextLink":{link}}}"#))
    })
    .await;
    let (ids, error) = read(&fake).await;
    assert_eq!(ids, ["a"]);
    assert!(error.is_some(), "{link}");
    assert_eq!(fake.asked().len(), 1, "{link}");
}

#[rstest]
#[case::json(
    400,
    r#"{"error":{"code":"Bad","message":"unknown header Authorization: Bearer canary-7c1e-token"}}"#
)]
#[case::escaped(403, r#"{"error":{"code":"Bad","message":"sent canary\u002d7c1e-token"}}"#)]
#[case::success(200, r#"{"value":[{"id":"a"}],"error":{"code":"Bad","message":"sent canary-7c1e-token"}}"#)]
#[tokio::test]
async fn a_token_that_the_service_quotes_is_masked(#[case] status: u16, #[case] body: &'static str) {
    let id = [("request-id", CANARY)];
    let fake = Fake::start(move |_, _, _| answer(status, &id, body)).await;
    let client = fake.client();
    let line = match client.pages(&ListQuery::default()).next(&mut |_| {}).await.unwrap() {
        Ok(page) => page.partial.unwrap().line(),
        Err(error) => error.to_string(),
    };
    assert!(line.contains("[secret]") && !line.contains("canary"), "{line}");
    let journal = format!("{:?}", client.http().journal().entries());
    assert!(!journal.contains("canary"), "{journal}");
}

#[tokio::test]
async fn an_error_beside_the_alerts_is_a_warning_of_the_page() {
    let body = r#"{"value":[{"id":"a"}],"error":{"code":"Partial","message":"one provider failed"}}"#;
    let fake = Fake::start(move |_, _, _| answer(200, &[], body)).await;
    let mut pages = fake.client().pages(&ListQuery::default());
    let page = pages.next(&mut |_| {}).await.unwrap().unwrap();
    assert_eq!(page.partial.unwrap().line(), "Partial: one provider failed");
}

#[tokio::test]
async fn fifty_empty_pages_do_not_end_a_list() {
    let fake = Fake::start(|number, _, _| match number {
        0..50 => page(&[], Some(&format!("?p={number}"))),
        _ => page(&["a"], None),
    })
    .await;
    assert_eq!(read(&fake).await, (vec!["a".into()], None));
}

#[rstest]
#[case::html(|| answer(200, &[("content-type", "text/html")], "<html>canary</html>"), "a proxy answered instead of 127.0.0.1")]
#[case::empty(|| answer(200, &[], ""), "empty answer (HTTP 200)")]
#[case::no_content(|| vec![Step::Send(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec())], "empty answer (HTTP 204)")]
#[case::junk(|| answer(200, &[], "{\"value\":[]}\ncanary"), "line 2, column 1")]
#[case::two_documents(|| answer(200, &[], "{\"value\":[]}\n{}"), "line 2, column 1")]
#[case::utf16(|| answer(200, &[], b"\xff\xfe{\0}\0"), "UTF-16")]
#[case::broken(|| answer(200, &[], "{\"value\":[{\"id\":1},,]}"), "line 1, column 20")]
#[case::null(|| answer(200, &[], "{\"value\":null}"), "cannot be read")]
#[tokio::test]
async fn an_unreadable_page_is_requested_once_more(#[case] steps: fn() -> Vec<Step>, #[case] part: &str) {
    let fake = Fake::start(move |_, _, _| steps()).await;
    let (ids, error) = read(&fake).await;
    let (kind, line) = error.unwrap();
    assert_eq!((ids.len(), kind), (0, Kind::Protocol));
    assert!(line.contains(part), "{line}");
    assert_eq!(fake.asked().len(), 2, "a proxy may have failed for a moment");

    let fake = Fake::start(move |number, _, _| match number {
        0 => page(&["a"], Some("?p=1")),
        1 => steps(),
        _ => page(&["b"], None),
    })
    .await;
    assert_eq!(read(&fake).await, (vec!["a".into(), "b".into()], None));
    assert_eq!(fake.targets()[1], fake.targets()[2], "the same page");
}

#[tokio::test]
async fn a_byte_order_mark_and_odd_alerts_do_not_fail_a_page() {
    let fake =
        Fake::start(|_, _, _| answer(200, &[], "\u{feff}{\"value\":[{\"id\":\"a\"},7,{\"id\":\"b\"}]}"))
            .await;
    let mut pages = fake.client().pages(&ListQuery::default());
    let page = pages.next(&mut ignore()).await.unwrap().unwrap();
    assert_eq!(ids_of(&page), ["a", "b"]);
    assert!(page.partial.unwrap().line().starts_with("1 of 3 objects in the reply is not a readable alert"));
}

#[tokio::test]
async fn a_reply_that_is_not_an_alert_is_an_error_that_names_it() {
    let fake = Fake::start(|_, _, _| answer(200, &[], r#"{"id":"1","displayName":"x"}"#)).await;
    let error = fake.client().get(&AlertId::new("a"), &mut ignore()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
    assert!(error.to_string().contains("with the properties id, displayName"), "{error}");
}

#[rstest]
#[case::alerts(Limits { list_alerts: 25, ..quick() }, "the limit of 25 alerts")]
#[case::bytes(Limits { list_bytes: 1 << 20, ..quick() }, "the limit of 1 MB of alerts")]
#[tokio::test]
async fn a_list_without_end_ends_at_a_limit(#[case] limits: Limits, #[case] limit: &str) {
    let fake = Fake::start(|number, _, _| {
        let alerts: Vec<_> = (0..10)
            .map(|at| serde_json::json!({"id": format!("{number}-{at}"), "title": "x".repeat(40_000)}))
            .collect();
        let next = format!("?p={number}");
        answer(200, &[], serde_json::json!({"value": alerts, "@odata.nextLink": next}).to_string())
    })
    .await;
    let (ids, error) = read_with(&fake, limits).await;
    let (kind, line) = error.unwrap();
    assert_eq!((ids.len(), kind), (30, Kind::TooLarge));
    assert!(line.contains(limit), "{line}");
    assert_eq!(fake.asked().len(), 3);
}

#[rstest]
#[case::far(200, 30, Some("the service counts 200 alerts and sent 30"))]
#[case::drift(50, 30, None)]
#[case::drift_of_many(1000, 950, None)]
#[case::fewer(10, 30, None)]
#[tokio::test]
async fn a_list_far_shorter_than_its_count_is_incomplete(
    #[case] count: usize,
    #[case] sent: usize,
    #[case] expected: Option<&str>,
) {
    let fake = Fake::start(move |number, _, _| {
        // The count is on the first page only.
        let alerts: Vec<_> =
            (0..sent / 2).map(|at| serde_json::json!({"id": format!("{number}-{at}")})).collect();
        let mut page = serde_json::json!({ "value": alerts });
        if number == 0 {
            page["@odata.count"] = count.into();
            page["@odata.nextLink"] = "?p=1".into();
        }
        answer(200, &[], page.to_string())
    })
    .await;
    let mut pages = fake.client().pages(&ListQuery::default());
    let first = pages.next(&mut ignore()).await.unwrap().unwrap();
    assert_eq!(first.partial, None);
    let last = pages.next(&mut ignore()).await.unwrap().unwrap();
    assert_eq!(last.partial.map(|partial| partial.line()).as_deref(), expected);
}

#[rstest]
#[case::long(format!("/v1.0/security/alerts_v2?p={}", "a".repeat(5 << 20)))]
#[case::other_path(format!("/v1.0/{}", "a".repeat(20 << 10)))]
#[case::other_host(format!("https://evil.example/{}", "a".repeat(20 << 10)))]
#[case::other_long_host(format!("https://{}.example/v1.0/x", "a".repeat(20 << 10)))]
#[tokio::test]
async fn a_long_link_is_cut_in_its_error(#[case] link: String) {
    let fake = Fake::start(move |_, _, _| page(&["a"], Some(&link))).await;
    let (ids, error) = read(&fake).await;
    let (_, line) = error.unwrap();
    assert_eq!(ids, ["a"]);
    assert!(line.len() < 400, "{} bytes", line.len());
}

#[tokio::test]
async fn a_long_request_id_is_cut() {
    let id = "r".repeat(90_000);
    let fake = Fake::start(move |_, _, _| answer(400, &[("request-id", &id)], "{}")).await;
    let client = fake.client();
    let error = client.pages(&ListQuery::default()).next(&mut ignore()).await.unwrap().unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
    assert!(client.http().journal().entries()[0].to_string().len() < 500);
}

#[tokio::test]
async fn a_partial_answer_and_the_services_time_are_returned() {
    let fake = Fake::start(|_, _, _| {
        let headers = [
            ("warning", "199 - \"one provider\u{9f} timed out\""),
            ("date", "Fri, 20 Nov 2026 12:00:00 GMT"),
        ];
        answer(206, &headers, "{\"value\":[]}")
    })
    .await;
    let mut pages = fake.client().pages(&ListQuery::default());
    let page = pages.next(&mut ignore()).await.unwrap().unwrap();
    assert_eq!(page.partial.unwrap().as_str(), "199 - \"one provider⟨009F⟩ timed out\"");
    assert_eq!(page.date.unwrap().to_string(), "2026-11-20T12:00:00Z");
}

#[tokio::test]
async fn no_request_comes_before_retry_after() {
    let fake = Fake::start(|number, _, _| match number {
        0 => answer(429, &[("retry-after", "0.25")], "{}"),
        _ => page(&["a"], None),
    })
    .await;
    let mut events = Vec::new();
    let mut pages = fake.client().pages(&ListQuery::default());
    assert!(pages.next(&mut |event| events.push(event)).await.unwrap().is_ok());
    let asked = fake.asked();
    assert!(asked[1].at - asked[0].at >= Duration::from_millis(250));
    assert!(
        matches!(
            events[..],
            [ClientEvent::Waiting { cause: WaitCause::Throttled, .. }, ClientEvent::Resumed]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn endless_throttling_ends_in_a_clear_error() {
    let fake = Fake::start(|_, _, _| answer(429, &[("request-id", "r")], "")).await;
    let (_, error) = read(&fake).await;
    let (kind, line) = error.unwrap();
    assert_eq!(kind, Kind::Throttled);
    assert_eq!(
        line,
        "throttled by the service 11 times in a row (HTTP 429); wait a minute and try again (request-id r)"
    );
}

#[tokio::test]
async fn a_rejected_fixed_token_is_sent_once() {
    let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed"}}"#;
    let fake = Fake::start(move |_, _, _| answer(401, &[], body)).await;
    let (_, error) = read(&fake).await;
    let (kind, line) = error.unwrap();
    assert_eq!(kind, Kind::SignIn);
    assert!(line.contains("Lifetime validation failed"), "{line}");
    assert_eq!(fake.asked().len(), 1);
}

#[cfg(unix)]
mod with_a_token_command {
    use super::*;

    /// Returns tokens from a command that prints `token-1`, `token-2`, …
    fn counting(folder: &tempfile::TempDir) -> Tokens {
        let file = folder.path().join("runs");
        let file = file.display();
        Tokens::command(format!("echo >> '{file}'; n=$(wc -l < '{file}'); echo token-$((n))"))
    }

    #[tokio::test]
    async fn a_rejected_token_is_replaced_and_the_same_page_requested_again() {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::start(|_, _, asked| {
            let page_number = asked.target.split("p=").nth(1).map_or(1, |n| n.parse().unwrap());
            // The first token expires when page 3 is requested.
            if page_number >= 3 && asked.header("authorization") == Some("Bearer token-1") {
                return answer(401, &[], "{}");
            }
            let next = format!("?p={}", page_number + 1);
            page(&[&format!("a{page_number}")], (page_number < 4).then_some(next.as_str()))
        })
        .await;
        let mut pages = fake.client_with(counting(&folder)).pages(&ListQuery::default());
        let mut ids = Vec::new();
        while let Some(page) = pages.next(&mut ignore()).await {
            ids.extend(ids_of(&page.unwrap()));
        }
        assert_eq!(ids, ["a1", "a2", "a3", "a4"]);
        assert_eq!(fake.asked().len(), 5);
    }

    #[tokio::test]
    async fn a_second_rejection_ends_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::start(|_, _, _| answer(401, &[], "{}")).await;
        let mut pages = fake.client_with(counting(&folder)).pages(&ListQuery::default());
        assert_eq!(pages.next(&mut ignore()).await.unwrap().unwrap_err().kind, Kind::SignIn);
        let sent: Vec<_> =
            fake.asked().iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
        assert_eq!(sent, ["Bearer token-1", "Bearer token-2"]);
    }

    #[tokio::test]
    async fn nothing_is_sent_if_the_token_command_fails() {
        let fake = Fake::start(|_, _, _| page(&[], None)).await;
        let client = fake.client_with(Tokens::command("echo please log in >&2; exit 1"));
        let error = client.get(&AlertId::new("a"), &mut ignore()).await.unwrap_err();
        assert_eq!(error.kind, Kind::SignIn);
        assert!(error.to_string().contains("please log in"), "{error}");
        assert_eq!(fake.asked().len(), 0);
    }
}

#[tokio::test]
async fn an_alert_is_returned_as_received() {
    let body = "{ \"@odata.context\" : \"x\",\n \"id\":\"a/b\" }";
    let fake = Fake::start(move |_, _, _| answer(200, &[], body)).await;
    let raw = fake.client().get(&AlertId::new("a/b"), &mut ignore()).await.unwrap();
    assert_eq!(&raw.0[..], body.as_bytes());
    assert_eq!(fake.targets(), ["/v1.0/security/alerts_v2/a%2Fb"]);
}

#[tokio::test]
async fn a_missing_alert_is_not_found() {
    let fake = Fake::start(|_, _, _| answer(404, &[], "{\"error\":{\"code\":\"NotFound\"}}")).await;
    let error = fake.client().get(&AlertId::new("a"), &mut ignore()).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    let error = fake.client().get(&AlertId::new(".."), &mut ignore()).await.unwrap_err();
    assert_eq!(error.to_string(), "no alert can have the ID \"..\"");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn no_debug_text_contains_the_token() {
    let fake = Fake::start(|_, _, _| page(&[], None)).await;
    let client = fake.client();
    let mut pages = client.pages(&ListQuery::default());
    let page = pages.next(&mut ignore()).await.unwrap().unwrap();
    let shown = format!("{client:?}{pages:?}{page:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
