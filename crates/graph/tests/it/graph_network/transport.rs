//! Broken connections and bodies. Each kind has its own error line, and transient ones are retried.

use std::{io::Write as _, time::Duration};

use alertdeck_graph::http::{
    AttemptOutcome, Budget, Cause, Credential, Fault, HeaderValue, Http, Limits, Reply, Route, Scope,
    TransportRequest, Url,
};
use rstest::rstest;
use tokio::net::TcpListener;

use super::fake::{CANARY, Fake, Step, answer, http, ignore, quick};

async fn send_to(http: &Http, base: &str, path: &str) -> Result<Reply, Fault> {
    let scope = Scope::new(base).unwrap();
    let mut authorization = HeaderValue::try_from(format!("Bearer {CANARY}")).unwrap();
    authorization.set_sensitive(true);
    let request = TransportRequest::get(scope.base().join(path).unwrap());
    http.send(&request, &Credential { scope: &scope, authorization: Some(authorization) }, &mut ignore())
        .await
}

async fn send(http: &Http, fake: &Fake) -> Result<Reply, Fault> {
    send_to(http, &fake.base(), "x?secret=canary-query").await
}

fn cause(outcome: Result<Reply, Fault>) -> Cause {
    let fault = outcome.unwrap_err();
    let line = fault.to_string();
    assert!(!line.contains("canary") && !line.contains('\n'), "{line}");
    fault.cause
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn raw(head: &str, body: &[u8]) -> Vec<Step> {
    vec![Step::Send([b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n\r\n", body].concat())]
}

#[rstest]
#[case::short_length(|| raw("content-length: 100", b"{\"value\":[]}"), Cause::Cut)]
#[case::cut_chunk(|| raw("transfer-encoding: chunked", b"20\r\n{\"value\""), Cause::Cut)]
#[case::no_last_chunk(|| raw("transfer-encoding: chunked", b"2\r\n{}\r\n"), Cause::Cut)]
#[case::cut_gzip(
    || { let body = gzip(&[b'x'; 5000]); let half = &body[..body.len() / 2];
         answer(200, &[("content-encoding", "gzip")], half) },
    Cause::Cut
)]
#[case::no_gzip(|| answer(200, &[("content-encoding", "gzip")], b"{\"value\":[]}"), Cause::Cut)]
#[case::reset(|| vec![Step::Reset], Cause::Reset)]
#[case::closed(|| vec![], Cause::Closed)]
#[case::closed_in_the_head(|| vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec())], Cause::Closed)]
#[case::reset_in_body(
    || vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()), Step::Reset],
    Cause::Reset
)]
#[tokio::test]
async fn a_broken_answer_is_tried_again_and_then_explained(
    #[case] steps: fn() -> Vec<Step>,
    #[case] expected: Cause,
) {
    let fake = Fake::start(move |_, _, _| steps()).await;
    assert_eq!(cause(send(&http(), &fake).await), expected);
    assert_eq!(fake.asked().len(), 5);

    let fake =
        Fake::start(move |number, _, _| if number < 2 { steps() } else { answer(200, &[], "{}") }).await;
    let reply = send(&http(), &fake).await.unwrap();
    assert_eq!((&reply.body[..], reply.tries), (&b"{}"[..], 3));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(cause(send_to(&http(), &base, "x").await), Cause::Refused);
}

/// The host neither accepts nor refuses connections, like a firewall that drops packets.
#[tokio::test]
async fn a_black_hole_ends_by_the_connect_deadline() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // Fill the queue until a connection hangs.
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue never fills");
    }
    let limits = Limits { connect: Duration::from_millis(200), tries: 2, ..quick() };
    let http = Http::new(limits, Budget::default(), Route::Direct).unwrap();
    assert_eq!(cause(send_to(&http, &format!("http://{address}"), "x").await), Cause::Timeout);
}

#[tokio::test]
async fn a_server_without_tls_is_not_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 no tls here\r\n\r\n").await;
        }
    });
    let cause = cause(send_to(&http(), &base, "x").await);
    assert!(matches!(cause, Cause::Tls(_)), "{cause:?}");
}

#[rstest]
#[case::silence(|| vec![Step::Hang])]
#[case::silence_in_body(|| vec![raw("content-length: 9", b"{").remove(0), Step::Hang])]
#[case::slow_drip(|| vec![raw("content-length: 900", b"").remove(0), Step::Drip(vec![b' '; 900], Duration::from_millis(40))])]
#[case::headers_never_end(|| vec![Step::Drip(b"HTTP/1.1 200 OK\r\nx: ".iter().copied().chain([b'y'; 900]).collect(), Duration::from_millis(40))])]
#[tokio::test]
async fn silence_and_slowness_end_by_a_deadline(#[case] steps: fn() -> Vec<Step>) {
    let limits =
        Limits { idle: Duration::from_millis(200), total: Duration::from_millis(400), tries: 2, ..quick() };
    let http = Http::new(limits, Budget::default(), Route::Direct).unwrap();
    let fake = Fake::start(move |_, _, _| steps()).await;
    assert_eq!(cause(send(&http, &fake).await), Cause::Timeout);
    assert_eq!(fake.asked().len(), 2);
}

#[rstest]
#[case::by_length(|| raw("content-length: 70000", &[b' '; 100]))]
#[case::by_count(|| raw("transfer-encoding: chunked", &[b"11170\r\n", &vec![b' '; 70_000][..]].concat()))]
#[case::bomb(|| answer(200, &[("content-encoding", "gzip")], gzip(&vec![b' '; 30 << 20])))]
#[tokio::test]
async fn a_body_is_read_up_to_the_limit(#[case] steps: fn() -> Vec<Step>) {
    let http = Http::new(Limits { body: 64 << 10, ..quick() }, Budget::default(), Route::Direct).unwrap();
    let fake = Fake::start(move |_, _, _| steps()).await;
    assert_eq!(cause(send(&http, &fake).await), Cause::TooLarge(64 << 10));
    assert_eq!(fake.asked().len(), 1, "a body that is too large is not requested again");
}

#[tokio::test]
async fn gzip_is_decompressed() {
    let fake = Fake::start(|_, _, _| answer(200, &[("content-encoding", "gzip")], gzip(b"{\"a\":1}"))).await;
    assert_eq!(&send(&http(), &fake).await.unwrap().body[..], b"{\"a\":1}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Fake::start(|_, _, _| answer(200, &[], "{}")).await;
    let target = other.base();
    let fake = Fake::start(move |_, _, _| answer(302, &[("location", &target)], "")).await;
    assert_eq!(send(&http(), &fake).await.unwrap().status.as_u16(), 302);
    assert_eq!((fake.asked().len(), other.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_request_outside_the_scope_is_not_sent() {
    let fake = Fake::start(|_, _, _| answer(200, &[], "{}")).await;
    let scope = Scope::new(&format!("{}/v1.0", fake.base())).unwrap();
    let request = TransportRequest::get(Url::parse(&format!("{}/beta?q=canary", fake.base())).unwrap());
    let credential = Credential { scope: &scope, authorization: Some(HeaderValue::from_static("x")) };
    let place = format!("{}/beta", fake.base());
    assert_eq!(cause(http().send(&request, &credential, &mut ignore()).await), Cause::Foreign(place));
    assert_eq!(fake.asked().len(), 0);
}

#[tokio::test]
async fn the_journal_records_each_attempt_and_no_secret() {
    let http = http();
    let fake = Fake::start(|number, _, _| match number {
        0 => answer(503, &[("request-id", "service-id")], ""),
        _ => answer(200, &[], "{}"),
    })
    .await;
    send(&http, &fake).await.unwrap();
    let log = http.journal().entries();
    assert_eq!(
        log.iter().map(|entry| entry.outcome.clone().unwrap()).collect::<Vec<_>>(),
        [503, 200].map(AttemptOutcome::Answered)
    );
    assert_eq!(log[0].request_id.as_ref().unwrap().as_str(), "service-id");
    assert_eq!((log[1].target.path.as_str(), log[1].bytes), ("/x", 2));
    let sent: Vec<_> =
        fake.asked().iter().map(|asked| asked.header("client-request-id").unwrap().to_owned()).collect();
    assert_eq!(sent, log.iter().map(|entry| entry.client_request_id.clone()).collect::<Vec<_>>());
    assert_ne!(sent[0], sent[1], "each attempt has its own id");
    let shown = format!("{log:?}{http:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
