//! Complete loads: the first rows, the entire list, and how the load ends.

use std::time::Duration;

use alertdeck_graph::{ClientEvent, Coverage, Kind, Load, LoadEvent, WaitCause};
use alertdeck_odata as odata;

use super::fake::{Asked, Fake, Step, answer, page};

/// Reads a load to its end. Returns the events as words, the coverage, and the kind of error, if
/// any.
async fn read(mut load: Load) -> (Vec<String>, Coverage, Option<Kind>) {
    let mut words = Vec::new();
    loop {
        match load.next().await.expect("the load ends with Done or Failed") {
            LoadEvent::Page(page, _) => words.push(format!("page {}", page.raw.alerts.len())),
            LoadEvent::Client(ClientEvent::Waiting { cause: WaitCause::Throttled, .. }) => {
                words.push("throttled".into());
            }
            LoadEvent::Client(ClientEvent::Waiting { .. }) => words.push("waiting".into()),
            LoadEvent::Client(ClientEvent::Resumed) => words.push("resumed".into()),
            LoadEvent::Client(other) => panic!("{other:?}"),
            LoadEvent::Done(coverage) => {
                assert!(load.next().await.is_none());
                return (words, coverage, None);
            }
            LoadEvent::Failed(error, coverage) => {
                assert!(load.next().await.is_none());
                return (words, coverage, Some(error.kind));
            }
        }
    }
}

/// The filter of the lists that have one, and as it is requested.
const FILTER: &str = "status eq 'new'";
const ENCODED: &str = "$filter=status%20eq%20%27new%27";

fn filter() -> Option<odata::Expr> {
    odata::parse(FILTER).ok()
}

#[tokio::test]
async fn a_short_list_needs_one_request() {
    let fake = Fake::start(|_, _, _| answer(200, &[], r#"{"@odata.count":1,"value":[{"id":"a"}]}"#)).await;
    let (words, coverage, _) = read(Load::start(fake.client(), filter())).await;
    assert_eq!(words, ["page 1"]);
    assert_eq!(coverage, Coverage { pages: 1, alerts: 1, total: Some(1), incomplete: None });
    assert_eq!(fake.targets(), [format!("/v1.0/security/alerts_v2?{ENCODED}&$top=50&$count=true")]);
}

#[tokio::test]
async fn a_backfill_reads_no_page_twice_and_continues_at_a_bookmark() {
    let fake = Fake::start(|_, _, asked| match asked.target.rsplit_once('=') {
        Some((_, "x")) => page(&["c"], Some("?$skiptoken=y")),
        Some((_, "y")) => page(&["d"], None),
        _ => page(&["a", "b"], Some("?$skiptoken=x")),
    })
    .await;
    let mut load = Load::start_backfill(fake.client(), filter(), None);
    let mut bookmark = None;
    for _ in 0..2 {
        let Some(LoadEvent::Page(page, _)) = load.next().await else { panic!("expected two pages") };
        bookmark = page.bookmark;
    }
    drop(load);
    let at = bookmark.unwrap();
    assert!(at.ends_with("/v1.0/security/alerts_v2?$skiptoken=y"), "{at}");
    let (words, coverage, _) = read(Load::start_backfill(fake.client(), filter(), Some(at))).await;
    assert_eq!((words, coverage.is_complete()), (vec!["page 1".into()], true));
    // The first load may have requested one more page when it was dropped.
    let mut targets = fake.targets();
    targets.dedup();
    let list = "/v1.0/security/alerts_v2";
    let expected = [&format!("?{ENCODED}&$top=1000"), "?$skiptoken=x", "?$skiptoken=y"];
    assert_eq!(targets, expected.map(|query| format!("{list}{query}")));
}

#[tokio::test]
async fn a_stopped_load_still_delivers_what_has_arrived() {
    let fake = Fake::start(|number, _, _| match number {
        0 => page(&["a", "b"], Some("?$skiptoken=x")),
        1 => page(&["c"], Some("?$skiptoken=y")),
        _ => vec![Step::Hang],
    })
    .await;
    let mut load = Load::start_backfill(fake.client(), None, None);
    fake.reached(3).await;
    load.stop();
    for alerts in [2, 1] {
        let Some(LoadEvent::Page(page, _)) = load.next().await else {
            panic!("expected a page that has arrived")
        };
        assert_eq!(page.raw.alerts.len(), alerts);
    }
    assert!(load.next().await.is_none());
}

#[tokio::test]
async fn a_bookmark_is_checked_like_a_link() {
    let fake = Fake::start(|_, _, _| page(&["a"], None)).await;
    for (place, expected) in [("nowhere", Kind::Protocol), ("https://elsewhere.example/x", Kind::ForeignLink)]
    {
        let (words, _, kind) = read(Load::start_backfill(fake.client(), None, Some(place.into()))).await;
        assert_eq!((words.len(), kind), (0, Some(expected)), "{place}");
    }
    assert_eq!(fake.targets(), [""; 0]);
}

#[tokio::test]
async fn a_long_list_is_read_again_in_large_pages() {
    let fake = Fake::start(|number, _, _| match number {
        0 => page(&["a"], Some("?$skip=1")),
        1 => page(&["a", "b"], Some("?$skiptoken=x")),
        _ => page(&["c"], None),
    })
    .await;
    let (words, coverage, _) = read(Load::start(fake.client(), None)).await;
    assert_eq!(words, ["page 1", "page 2", "page 1"]);
    assert_eq!(coverage, Coverage { pages: 3, alerts: 3, total: None, incomplete: None });
    assert!(coverage.is_complete());
    assert_eq!(
        fake.targets(),
        [
            "/v1.0/security/alerts_v2?$top=50&$count=true",
            "/v1.0/security/alerts_v2?$top=1000",
            "/v1.0/security/alerts_v2?$skiptoken=x"
        ]
    );
}

#[tokio::test]
async fn a_refused_later_page_leaves_the_list_incomplete() {
    let fake = Fake::start(|number, _, _| match number {
        0 | 1 => page(&["a"], Some("?$skiptoken=x")),
        _ => answer(
            400,
            &[],
            r#"{"error":{"code":"BadRequest","message":"Query option 'SkipToken' is not allowed"}}"#,
        ),
    })
    .await;
    let (words, coverage, kind) = read(Load::start(fake.client(), filter())).await;
    assert_eq!((words, kind), (vec!["page 1".into(), "page 1".into()], Some(Kind::Protocol)));
    let why = coverage.incomplete.unwrap();
    assert!(why.starts_with("stopped after page 2: ") && why.contains("SkipToken"), "{why}");
}

#[tokio::test]
async fn a_refused_filter_has_its_own_kind() {
    let fake = Fake::start(|_, _, _| answer(400, &[], "{}")).await;
    let (_, coverage, kind) = read(Load::start(fake.client(), filter())).await;
    assert_eq!((kind, coverage.pages), (Some(Kind::Filter), 0));
}

#[tokio::test]
async fn waits_are_reported_in_order() {
    let fake = Fake::start(|number, _, _| match number {
        0 => answer(429, &[("retry-after", "0.05")], ""),
        1 => answer(500, &[], ""),
        _ => page(&["a"], None),
    })
    .await;
    let (words, ..) = read(Load::start(fake.client(), None)).await;
    assert_eq!(words, ["throttled", "resumed", "waiting", "resumed", "page 1"]);
}

#[tokio::test]
async fn partial_results_make_a_list_incomplete() {
    let fake =
        Fake::start(|_, _, _| answer(206, &[("warning", "199 - \"provider\"")], r#"{"value":[]}"#)).await;
    let (_, coverage, kind) = read(Load::start(fake.client(), None)).await;
    assert_eq!(kind, None);
    assert!(coverage.incomplete.unwrap().contains("199 - \"provider\""));
}

#[tokio::test]
async fn dropping_a_load_closes_its_connection() {
    let fake = Fake::start(|number, _, _| match number {
        0 => page(&["a"], Some("?$skip=1")),
        _ => vec![Step::Hang],
    })
    .await;
    let mut load = Load::start(fake.client(), None);
    assert!(matches!(load.next().await, Some(LoadEvent::Page(..))));
    fake.reached(2).await;
    drop(load);
    tokio::time::timeout(Duration::from_secs(10), fake.left(2)).await.expect("the connection stays open");
}

/// The service pages by `$skip`, and five new alerts arrive before every page except the first.
#[tokio::test]
async fn new_alerts_between_pages_hide_no_old_ones() {
    const AT_FIRST: usize = 40;
    let fake = Fake::start(|number, _, asked| {
        let skip: usize = asked.target.split("$skip=").nth(1).map_or(0, |skip| skip.parse().unwrap());
        // The newest alerts come first and push the others down.
        let new = (0..number * 5).rev().map(|at| format!("new-{at}"));
        let all: Vec<_> = new.chain((0..AT_FIRST).map(|at| format!("old-{at}"))).collect();
        let ids: Vec<_> = all.iter().skip(skip).take(10).map(String::as_str).collect();
        let next = skip + 10;
        page(&ids, (next < all.len()).then(|| format!("?$skip={next}")).as_deref())
    })
    .await;
    let mut load = Load::start(fake.client(), None);
    let mut ids = Vec::new();
    let mut repeated = false;
    while let Some(event) = load.next().await {
        if let LoadEvent::Page(page, _) = event {
            for raw in page.raw.alerts {
                let id = raw.decode().unwrap().id.raw().to_owned();
                repeated |= ids.contains(&id);
                ids.push(id);
            }
        }
    }
    assert!(repeated, "the pages overlap");
    for at in 0..AT_FIRST {
        assert!(ids.contains(&format!("old-{at}")), "old-{at} is missing");
    }
}

/// Answers like a service whose limit of `$top` is lower than alertdeck's page size.
fn refusing(
    message: &'static str,
    is_refused: impl Fn(&str) -> bool,
) -> impl Fn(usize, &str, &Asked) -> Vec<Step> {
    move |_, base, asked| {
        if is_refused(&asked.target) {
            let body = serde_json::json!({"error": {"code": "BadRequest", "message": message}}).to_string();
            return answer(400, &[("content-type", "application/json")], body);
        }
        let second = asked.target.contains("skiptoken");
        let next = format!("{base}/v1.0/security/alerts_v2?$skiptoken=2");
        if second { page(&["c"], None) } else { page(&["a", "b"], Some(&next)) }
    }
}

#[tokio::test]
async fn a_refused_page_size_falls_back_to_a_smaller_page() {
    let limit =
        "The limit of '50' for Top query has been exceeded. The value from the incoming request is '1000'.";
    for (message, last) in [(limit, "?$top=50"), ("no $top here", "/alerts_v2")] {
        let fake = Fake::start(refusing(message, |target| target.contains("$top=1000"))).await;
        let client = fake.client();
        let (words, coverage, error) = read(Load::start(client.clone(), None)).await;
        assert_eq!((words.join(", ").as_str(), error), ("page 2, page 2, page 1", None));
        assert!(coverage.is_complete() && coverage.alerts == 3, "{coverage:?}");
        let first: Vec<_> =
            fake.targets().into_iter().filter(|target| !target.contains("skiptoken")).collect();
        assert!(first[1].ends_with("?$top=1000") && first[2].ends_with(last), "{first:?}");
        // Later lists do not ask for it again.
        let (_, coverage, _) = read(Load::start(client, None)).await;
        assert!(coverage.is_complete() && coverage.alerts == 3, "{coverage:?}");
        assert_eq!(fake.targets().iter().filter(|target| target.contains("$top=1000")).count(), 1);
    }
}

#[tokio::test]
async fn a_refused_count_is_left_out() {
    let fake = Fake::start(refusing("$count is not supported", |target| target.contains("$count"))).await;
    let client = fake.client();
    for _ in 0..2 {
        let (_, coverage, error) = read(Load::start(client.clone(), None)).await;
        assert!(error.is_none() && coverage.is_complete() && coverage.total.is_none(), "{coverage:?}");
    }
    assert_eq!(fake.targets().iter().filter(|target| target.contains("$count")).count(), 1);
}

#[tokio::test]
async fn an_option_that_stays_refused_is_named() {
    let fake = Fake::start(refusing("Top is not supported", |_| true)).await;
    let (_, coverage, error) = read(Load::start(fake.client(), filter())).await;
    assert_eq!((error, fake.targets().len()), (Some(Kind::Protocol), 2));
    assert!(coverage.incomplete.unwrap().contains("the service refused $top"));
}
