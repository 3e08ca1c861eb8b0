//! Tests for waits and attempts, with scripted outcomes and a paused clock. The tests with sockets
//! are in `tests/it/graph_network`, and those with TLS in `tls`.

mod tls;

use super::*;
use bytes::Bytes;
use rstest::rstest;
use tokio::time::Instant;

/// Returns a response with a status and headers.
fn reply(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: map,
        body: Bytes::new(),
        tries: 1,
        host: "graph.example".into(),
    }
}

fn fault(cause: Cause) -> Result<Reply, Fault> {
    Err(Fault { host: "graph.example".into(), cause })
}

struct Run {
    outcome: Result<Reply, Fault>,
    /// When each attempt was made, measured from the start of the run.
    attempts: Vec<Duration>,
    events: Vec<ClientEvent>,
}

/// Answers the attempts from `script`, repeating its last entry for all further attempts.
async fn run(script: &[Result<Reply, Fault>], limits: &Limits) -> Run {
    run_with(script, limits, Repeat::Freely).await
}

async fn run_with(script: &[Result<Reply, Fault>], limits: &Limits, repeat: Repeat) -> Run {
    let start = Instant::now();
    let (mut attempts, mut events) = (Vec::new(), Vec::new());
    let budget = Budget::per_minute(100_000);
    let mut on_event = |event| events.push(event);
    let outcome = persist(limits, &budget, (repeat, Priority::User), &mut on_event, |_, _| {
        attempts.push(start.elapsed());
        std::future::ready(script[(attempts.len() - 1).min(script.len() - 1)].clone())
    })
    .await;
    Run { outcome, attempts, events }
}

fn throttle_waits(events: &[ClientEvent]) -> Vec<Duration> {
    let throttled = |event: &ClientEvent| match event {
        ClientEvent::Waiting { delay, cause: WaitCause::Throttled } => Some(*delay),
        _ => None,
    };
    events.iter().filter_map(throttled).collect()
}

#[rstest]
#[case::seconds("7", &[], 7.0)]
#[case::fraction("2.128", &[], 2.128)]
#[case::long("3600", &[], 3600.0)]
#[case::date("Fri, 20 Nov 2026 12:00:09 GMT", &[("date", "Fri, 20 Nov 2026 12:00:00 GMT")], 9.0)]
#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_in_full(
    #[values(429, 503)] status: u16,
    #[case] asked: &str,
    #[case] more: &[(&'static str, &str)],
    #[case] seconds: f64,
) {
    let headers: Vec<_> = [("retry-after", asked)].into_iter().chain(more.iter().copied()).collect();
    let run = run(&[Ok(reply(status, &headers)), Ok(reply(200, &[]))], &Limits::default()).await;
    assert_eq!(run.outcome.unwrap().tries, 2);
    let asked = Duration::from_secs_f64(seconds);
    assert!(run.attempts[1] >= asked, "asked again after {:?}", run.attempts[1]);
    assert!(run.attempts[1] <= asked + Duration::from_millis(2), "waited {:?}", run.attempts[1]);
    assert_eq!(
        run.events,
        [ClientEvent::Waiting { delay: asked, cause: WaitCause::Throttled }, ClientEvent::Resumed],
        "the wait is reported before it begins and when it ends"
    );
}

#[rstest]
#[case::zero("0")]
#[case::date_past("Fri, 20 Nov 2020 11:00:00 GMT")]
#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_no_wait_is_not_sent_a_burst(#[case] asked: &str) {
    let start = Instant::now();
    let run = run(&[Ok(reply(429, &[("retry-after", asked)]))], &Limits::default()).await;
    assert!(run.attempts.len() <= 11 && start.elapsed() > Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(run.outcome.unwrap().status, StatusCode::TOO_MANY_REQUESTS);
}

#[rstest]
#[case("soon")]
#[case("-5")]
#[case("NaN")]
#[case("inf")]
#[case("1e5")]
#[case("")]
#[tokio::test(start_paused = true)]
async fn an_unreadable_retry_after_means_backoff(#[case] asked: &str) {
    let script = [Ok(reply(429, &[("retry-after", asked)])), Ok(reply(200, &[]))];
    let run = run(&script, &Limits::default()).await;
    assert!(run.attempts[1] <= Limits::default().backoff + Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn an_enormous_retry_after_is_neither_cut_nor_a_panic() {
    let script = [Ok(reply(429, &[("retry-after", &"9".repeat(300))]))];
    let limits = Limits::default();
    let day = Duration::from_secs(86_400);
    assert!(tokio::time::timeout(day, run(&script, &limits)).await.is_err());
}

#[rstest]
#[case("600", 2)]
#[case("601", 1)]
#[case(&"9".repeat(300), 1)]
#[tokio::test(start_paused = true)]
async fn a_command_does_not_wait_for_longer_than_ten_minutes(#[case] asked: &str, #[case] attempts: usize) {
    let script = [Ok(reply(429, &[("retry-after", asked)])), Ok(reply(200, &[]))];
    assert_eq!(run(&script, &Limits::for_command()).await.attempts.len(), attempts);
}

#[tokio::test(start_paused = true)]
async fn endless_throttling_ends_in_the_last_reply() {
    let run = run(&[Ok(reply(429, &[]))], &Limits::default()).await;
    let reply = run.outcome.unwrap();
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    // Random waits may use up `Limits::patience` first.
    assert!((8..=11).contains(&run.attempts.len()), "{} attempts", run.attempts.len());
    assert_eq!(reply.tries as usize, run.attempts.len());
    let own: Duration = throttle_waits(&run.events).iter().sum();
    assert!(own <= Limits::default().patience, "{own:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_costs_no_patience() {
    let run = run(&[Ok(reply(429, &[("retry-after", "50")]))], &Limits::default()).await;
    assert_eq!(run.attempts.len(), 11);
    assert_eq!(throttle_waits(&run.events), [Duration::from_secs(50); 10]);
}

#[rstest]
#[case(Ok(reply(500, &[])))]
#[case(Ok(reply(502, &[])))]
#[case(Ok(reply(503, &[])))]
#[case(Ok(reply(504, &[])))]
#[case(Ok(reply(408, &[])))]
#[case(fault(Cause::Refused))]
#[case(fault(Cause::Cut))]
#[case(fault(Cause::Timeout))]
#[tokio::test(start_paused = true)]
async fn passing_failures_are_tried_five_times(#[case] failure: Result<Reply, Fault>) {
    let run = run(&[failure], &Limits::default()).await;
    assert_eq!(run.attempts.len(), 5);
    let failed: Vec<_> = run
        .events
        .iter()
        .filter_map(|event| match event {
            ClientEvent::Waiting { cause: WaitCause::Retry { failed, .. }, delay } => Some((*failed, *delay)),
            _ => None,
        })
        .collect();
    assert_eq!(failed.iter().map(|(failed, _)| *failed).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (failed, delay) in failed {
        assert!(delay <= Limits::default().backoff * (1 << (failed - 1)), "{failed}: {delay:?}");
    }
    match run.outcome {
        Ok(reply) => assert_eq!(reply.tries, 5),
        Err(fault) => assert!(fault.is_transient()),
    }
}

#[tokio::test(start_paused = true)]
async fn slow_attempts_end_after_three_minutes() {
    let limits = Limits::default();
    let (start, mut allowed) = (Instant::now(), Vec::new());
    let (budget, mut on_event) = (Budget::default(), |_| {});
    let outcome = persist(&limits, &budget, (Repeat::Freely, Priority::User), &mut on_event, |_, left| {
        allowed.push(left);
        async move {
            sleep(left.min(Duration::from_secs(120))).await;
            fault(Cause::Timeout)
        }
    });
    assert_eq!(outcome.await.unwrap_err().cause, Cause::Timeout);
    assert!(start.elapsed() <= limits.overall + Duration::from_millis(10), "{:?}", start.elapsed());
    assert!(allowed.len() == 2 && allowed[1] <= Duration::from_secs(60), "{allowed:?}");
}

#[rstest]
#[case(Ok(reply(200, &[])))]
#[case(Ok(reply(400, &[])))]
#[case(Ok(reply(401, &[])))]
#[case(Ok(reply(403, &[])))]
#[case(Ok(reply(404, &[])))]
#[case(Ok(reply(501, &[])))]
#[case(Ok(reply(200, &[("retry-after", "9")])))]
#[case(fault(Cause::Tls("UnknownIssuer".into())))]
#[case(fault(Cause::TooLarge(1)))]
#[tokio::test(start_paused = true)]
async fn final_outcomes_are_not_tried_again(#[case] outcome: Result<Reply, Fault>) {
    let run = run(std::slice::from_ref(&outcome), &Limits::default()).await;
    assert_eq!((run.attempts.len(), run.events.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_holds_the_others_back() {
    let budget = Budget::default();
    budget.hold(Duration::from_secs(7));
    let start = Instant::now();
    let mut events = Vec::new();
    let mut on_event = |event| events.push(event);
    let limits = Limits::default();
    let outcome = persist(&limits, &budget, (Repeat::Freely, Priority::User), &mut on_event, |waited, _| {
        assert!(start.elapsed() >= Duration::from_secs(7), "asked too early");
        assert_eq!(waited, Duration::from_secs(7));
        std::future::ready(Ok(reply(200, &[])))
    });
    assert!(outcome.await.is_ok());
    assert_eq!(throttle_waits(&events), [Duration::from_secs(7)]);
}

#[test]
fn a_guid_has_its_version_and_variant() {
    assert_eq!(guid(0), "00000000-0000-4000-8000-000000000000");
    assert_eq!(guid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

#[rstest]
#[case(&[("content-type", "text/html; charset=utf-8")], "{}", "a proxy answered instead of graph.example: HTML instead of JSON")]
#[case(&[], "\n <!DOCTYPE html>", "a proxy answered instead of graph.example: HTML instead of JSON")]
#[case(&[], "", "graph.example sent an empty answer (HTTP 200)")]
#[case(&[], " \n", "graph.example sent an empty answer (HTTP 200)")]
fn a_body_that_is_not_json_is_reported(
    #[case] headers: &[(&'static str, &str)],
    #[case] body: &'static str,
    #[case] message: &str,
) {
    let reply = Reply { body: Bytes::from_static(body.as_bytes()), ..reply(200, headers) };
    assert_eq!(reply.json().unwrap_err().to_string(), message);
}

#[rstest]
#[case::throttled(Ok(reply(429, &[("retry-after", "1")])), 2)]
#[case::throttled_without_time(Ok(reply(429, &[])), 2)]
#[case::overloaded(Ok(reply(503, &[("retry-after", "1")])), 2)]
#[case::overloaded_without_time(Ok(reply(503, &[])), 1)]
#[case::gateway(Ok(reply(502, &[])), 1)]
#[case::gateway_timeout(Ok(reply(504, &[])), 1)]
#[case::failed(Ok(reply(500, &[])), 1)]
#[case::no_name(fault(Cause::Dns), 2)]
#[case::refused(fault(Cause::Refused), 2)]
#[case::proxy(fault(Cause::Proxy("x".into())), 2)]
#[case::reset(fault(Cause::Reset), 1)]
#[case::silence(fault(Cause::Timeout), 1)]
#[case::cut(fault(Cause::Cut), 1)]
#[tokio::test(start_paused = true)]
async fn requests_that_may_have_been_carried_out_are_not_repeated(
    #[case] first: Result<Reply, Fault>,
    #[case] sent: usize,
) {
    let script = [first, Ok(reply(200, &[]))];
    let once = run_with(&script, &Limits::default(), Repeat::IfRefused).await;
    assert_eq!(once.attempts.len(), sent);
    let freely = run_with(&script, &Limits::default(), Repeat::Freely).await;
    assert_eq!(freely.attempts.len(), 2, "all of them may pass");
}
