//! The requests overlay: the list, copying, and the cursor.

use std::time::Duration;

use alertdeck::app::{Effect, Input, LoadEvent, Message, Overlay, RequestLine, Requests};
use alertdeck_graph::{
    ClientEvent, WaitCause,
    http::AttemptOutcome::{self, Answered, Cancelled, Failed},
};
use alertdeck_model::{RawText, Timestamp};
use alertdeck_store::FeedId;
use ratatui::style::Color;
use rstest::rstest;

use super::harness::{Harness, alert, batch, lines};

pub(crate) fn request(number: u64, outcome: AttemptOutcome) -> RequestLine {
    let start = Timestamp::parse("2026-11-20T11:58:00Z").unwrap();
    let is_answered = matches!(outcome, Answered(_));
    let path = format!(
        "/v1.0/security/alerts_v2?$filter=severity%20eq%20%27high%27&$top=1000&$skiptoken=page{number}"
    );
    RequestLine {
        feed: FeedId::default(),
        started: start.after(Duration::from_millis(number * 1_250)),
        waited: Duration::ZERO,
        took: Duration::from_millis(180 + number * 97),
        method: "GET".into(),
        host: "graph.microsoft.com".into(),
        path: path.as_str().into(),
        bytes: if is_answered { 48_000 + number as usize * 1_111 } else { 0 },
        request_id: is_answered.then(|| format!("5b1c83a4-0c2f-4a9e-9c1f-{number:012}").as_str().into()),
        outcome: Some(outcome),
        client_request_id: format!("0f8fad5b-d9cb-469f-a165-{number:012}"),
        curl: RawText(format!("curl 'https://graph.microsoft.com{path}'")),
    }
}

/// Returns the requests from a bad minute, newest last.
pub(crate) fn sample() -> Vec<RequestLine> {
    let mut lines: Vec<_> = (0..12).map(|number| request(number, Answered(200))).collect();
    lines[3].outcome = Some(Answered(429));
    lines[4].waited = Duration::from_secs(7);
    lines[8].outcome = Some(Answered(403));
    lines.push(request(12, Failed("cannot reach graph.microsoft.com: no route to host".into())));
    let mut login = request(0, Answered(200));
    login.started = login.started.before(Duration::from_secs(1));
    login.method = "POST".into();
    login.host = "login.microsoftonline.com".into();
    login.path = "/contoso.example/oauth2/v2.0/token".into();
    lines.insert(0, login);
    lines.push(request(14, Answered(503)));
    lines.push(request(15, Answered(200)));
    lines
}

fn open(lines: Vec<RequestLine>) -> Harness {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("R");
    assert_eq!(console.effects, [Effect::ListRequests]);
    console.effects.clear();
    console.send(Message::Requests(lines));
    console
}

fn cursor(console: &Harness) -> (usize, &str) {
    let Some(Overlay::Requests(requests)) = console.app.ui.overlay() else {
        panic!("{:?}", console.app.ui.overlay())
    };
    (requests.scroll.cursor, requests.line().map_or("", |line| line.client_request_id.as_str()))
}

#[test]
fn newest_request_is_first_with_its_details() {
    let mut console = open(sample());
    let screen = console.screen();
    let rows: Vec<_> = screen.lines().filter(|line| line.contains("Z GET")).collect();
    assert!(rows[0].contains("11:58:18Z GET    200         1.6 s"), "{screen}");
    assert!(rows[1].contains("503"), "{screen}");
    assert!(rows[2].contains("failed"), "{screen}");
    for text in ["200, OK; took 1.6 s, 64,665 bytes", "0f8fad5b-d9cb-469f-a165-000000000015", "5b1c83a4"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.keys("j j");
    let screen = console.screen();
    assert!(screen.contains("failed: cannot reach graph.microsoft.com: no route to host; took"), "{screen}");
    assert!(screen.contains("request-id         none"), "{screen}");
}

#[test]
fn waits_are_shown() {
    let mut console = open(sample());
    console.keys("G k k k k k");
    let screen = console.screen();
    assert!(screen.contains("waited 7.0 s, took"), "{screen}");
    assert!(screen.lines().any(|line| line.contains("Z GET") && line.contains("  7.0 s")), "{screen}");
}

#[test]
fn failures_are_in_the_error_style() {
    let console = open(sample());
    let error = super::harness::theme().error.fg.unwrap();
    for word in ["failed", "503", "429", "403"] {
        assert_eq!(colour_of(&console, word), error, "{word}");
    }
    assert_ne!(colour_of(&console, "200 "), error);
}

/// Returns the colour of a word on the screen, at its first occurrence.
fn colour_of(console: &Harness, word: &str) -> Color {
    let buffer = console.draw(&super::harness::theme());
    let text = lines(&buffer);
    let (y, line) = text.iter().enumerate().find(|(_, line)| line.contains(word)).unwrap();
    let x = line.split(word).next().unwrap().chars().count();
    buffer[(x as u16, y as u16)].fg
}

#[test]
fn requests_are_copied_without_token_and_ids_for_support() {
    let mut console = open(sample());
    console.keys("j j y");
    let line = &sample()[13];
    assert_eq!(console.copies(), std::slice::from_ref(&line.curl.0));
    assert!(console.notice().contains("TOKEN"), "{}", console.notice());
    console.keys("c");
    let ids = format!("client-request-id: {}\ndate: 2026-11-20 11:58:15Z", line.client_request_id);
    assert_eq!(console.copies(), [ids]);
    console.keys("k c");
    let copied = console.copies();
    assert!(copied[0].contains("\nrequest-id: 5b1c83a4-0c2f-4a9e-9c1f-000000000014\n"), "{copied:?}");
}

#[test]
fn empty_list_of_requests_says_so() {
    let mut console = Harness::with_alerts(&[alert(1)]);
    console.keys("R");
    assert!(console.screen().contains("Loading"), "{}", console.screen());
    console.send(Message::Requests(Vec::new()));
    assert!(console.screen().contains("No requests yet."), "{}", console.screen());
    console.effects.clear();
    console.keys("y c j G");
    assert_eq!((console.copies(), console.notice()), (vec![], ""));
}

#[test]
fn requests_are_updated_only_while_open() {
    let mut console = open(sample());
    console.advance(Duration::from_millis(2_500));
    assert_eq!(console.effects, [Effect::ListRequests, Effect::ListRequests]);
    console.effects.clear();
    console.load(LoadEvent::Client(ClientEvent::Waiting {
        delay: Duration::from_secs(1),
        cause: WaitCause::Throttled,
    }));
    assert_eq!(console.effects, [Effect::ListRequests], "an event of a fetch may come from a request");
    console.load(LoadEvent::Batch(batch(&[alert(2)])));
    assert_eq!(console.effects.len(), 1, "arriving alerts do not");
    console.keys("R");
    assert!(console.app.ui.overlay().is_none());
    console.effects.clear();
    console.advance(Duration::from_secs(5));
    console.send(Message::Requests(sample()));
    assert!(console.effects.is_empty() && console.app.ui.overlay().is_none(), "{:?}", console.effects);
}

#[test]
fn cursor_keeps_its_request_and_line_or_stays_on_the_newest() {
    let many: Vec<_> = (0..100).map(|number| request(number, Answered(200))).collect();
    let mut console = open(many[..60].to_vec());
    console.send(Message::Requests(many[..61].to_vec()));
    assert_eq!(cursor(&console), (0, many[60].client_request_id.as_str()));
    console.keys("PgDn PgDn k");
    let (at, id) = cursor(&console);
    let id = id.to_owned();
    let line = |console: &Harness| {
        let screen = console.screen();
        let name =
            format!("page{}", id.trim_start_matches("0f8fad5b-d9cb-469f-a165-").parse::<u64>().unwrap());
        screen.lines().position(|line| line.contains("Z GET") && line.contains(&name)).unwrap()
    };
    let before = line(&console);
    console.send(Message::Requests(many[5..64].to_vec()));
    assert_eq!(cursor(&console), (at + 3, id.as_str()));
    assert_eq!(line(&console), before);
    console.send(Message::Requests(many[90..].to_vec()));
    assert_eq!(cursor(&console).0, 9, "its request is gone");
}

#[rstest]
#[case((200, 50), &["METHOD", "WAITED", "BYTES", "HOST AND PATH"], &[])]
#[case((120, 35), &["METHOD", "WAITED", "BYTES", "HOST AND PATH"], &[])]
#[case((80, 24), &["TIME", "STATUS", "TOOK", "PATH"], &["BYTES", "HOST"])]
#[case((60, 15), &["TIME", "STATUS", "PATH"], &["BYTES", "METHOD", "WAITED", "HOST"])]
fn narrow_table_drops_the_least_important_columns(
    #[case] size: (u16, u16),
    #[case] there: &[&str],
    #[case] gone: &[&str],
) {
    let mut console = open(sample());
    console.resize(size.0, size.1);
    let screen = console.screen();
    let heading = screen.lines().find(|line| line.contains("TIME")).unwrap();
    assert!(there.iter().all(|name| heading.contains(name)), "{screen}");
    assert!(!gone.iter().any(|name| heading.contains(name)), "{screen}");
    assert!(screen.contains("client-request-id"), "{screen}");
}

#[test]
fn table_and_details_fill_the_window() {
    for height in 1..60 {
        let (rows, about) = Requests::split(height);
        assert!(rows >= 1 && (about == 0 || rows + about + 2 == height), "{height}: {rows} {about}");
    }
}

#[test]
fn wheel_scrolls_the_window() {
    let many: Vec<_> = (0..100).map(|number| request(number, Answered(200))).collect();
    let mut console = open(many);
    console.send(Message::Input(Input::Wheel { x: 30, y: 10, by: 2 }));
    assert_eq!(cursor(&console).0, 6);
    console.resize(60, 15);
    console.keys("G");
    assert_eq!(cursor(&console).0, 99);
    assert!(console.screen().contains("page0"), "{}", console.screen());
}

#[test]
fn pending_request_is_shown() {
    let pending = RequestLine { outcome: None, bytes: 0, request_id: None, ..request(16, Answered(200)) };
    let console = open(vec![request(15, Answered(200)), pending]);
    let screen = console.screen();
    let row = screen.lines().find(|line| line.contains("11:58:20Z")).unwrap();
    assert!(row.contains("GET    sent        1.7 s                    graph.microsoft.com"), "{row}");
    assert!(screen.contains("sent, no answer yet; 1.7 s so far"), "{screen}");
}

#[test]
fn cancelled_request_is_not_shown_as_failed() {
    let console = open(vec![request(15, Answered(200)), request(16, Cancelled)]);
    let screen = console.screen();
    let row = screen.lines().find(|line| line.contains("11:58:20Z")).unwrap();
    assert!(row.contains("GET    cancelled   1.7 s"), "{row}");
    assert!(screen.contains("cancelled before it was answered; took 1.7 s, 0 bytes"), "{screen}");
    assert!(!screen.contains("failed"), "{screen}");
    assert_ne!(colour_of(&console, "cancelled "), super::harness::theme().error.fg.unwrap());
}
