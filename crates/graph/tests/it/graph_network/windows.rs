//! Long lists, which are read in windows by several streams.

use std::{collections::BTreeSet, time::Duration};

use alertdeck_graph::{
    Api, Client, Coverage, Endpoint, Kind, Load, LoadEvent,
    auth::Tokens,
    http::{Budget, Http, Route},
};
use alertdeck_model::Timestamp;
use alertdeck_odata as odata;
use alertdeck_simulator::{Settings, Simulator};
use serde_json::json;

use super::fake::{CANARY, Fake, answer, http, quick};

fn simulator(alerts: usize) -> Simulator {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let settings = Settings { alerts, seed: 5, largest_page: 20, budget: None, ..Settings::new(now) };
    Simulator::start(settings).unwrap()
}

fn client(simulator: &Simulator, http: Http) -> Client {
    let endpoint = Endpoint::at(&simulator.base_url(), Api::V1).unwrap();
    Client::new(http, endpoint, Tokens::fixed(&CANARY.into()).unwrap())
}

/// Reads a load to its end. Returns the IDs of the alerts, the coverage, and the kind of error, if any.
async fn read(mut load: Load) -> (BTreeSet<String>, Coverage, Option<Kind>) {
    let mut ids = BTreeSet::new();
    loop {
        match load.next().await.expect("the load ends with Done or Failed") {
            LoadEvent::Page(page, _) => {
                assert!(page.raw.count.is_none_or(|count| count >= 100), "a count of the list only");
                ids.extend(page.raw.alerts.iter().map(|raw| raw.decode().unwrap().id.raw().to_owned()));
            }
            LoadEvent::Client(_) => {}
            LoadEvent::Done(coverage) => return (ids, coverage, None),
            LoadEvent::Failed(error, coverage) => return (ids, coverage, Some(error.kind)),
        }
    }
}

fn windows(targets: &[String]) -> usize {
    targets.iter().filter(|target| target.contains("$filter=") && target.contains("createdDateTime")).count()
}

#[tokio::test]
async fn windows_read_what_one_chain_reads() {
    let simulator = simulator(700);
    for filter in [None, odata::parse("severity eq 'high' or severity eq 'low'").ok()] {
        let load = Load::start(client(&simulator, http()), filter.clone());
        let (in_windows, coverage, error) = read(load).await;
        assert_eq!((error, coverage.incomplete), (None, None));
        assert_eq!(coverage.total, Some(in_windows.len() as u64));
        let (in_chain, ..) = read(Load::start_backfill(client(&simulator, http()), filter, None)).await;
        assert!(in_windows == in_chain && in_chain.len() > 200, "{}", in_chain.len());
    }
    let targets: Vec<_> = simulator.log().into_iter().map(|exchange| exchange.target).collect();
    assert!(windows(&targets) >= 16, "{targets:#?}");
    let undated = "createdDateTime%20eq%20null";
    assert_eq!(targets.iter().filter(|target| target.contains(undated)).count(), 2);
}

#[tokio::test]
async fn dropping_a_load_cancels_every_stream() {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let latency = Duration::from_millis(40);
    let settings = Settings { alerts: 700, largest_page: 20, budget: None, latency, ..Settings::new(now) };
    let simulator = Simulator::start(settings).unwrap();
    let client = client(&simulator, http());
    let mut load = Load::start(client.clone(), None);
    let entries = || client.http().journal().entries();
    let is_open = || entries().iter().filter(|entry| entry.outcome.is_none()).count();
    while is_open() < 8 {
        load.next().await.unwrap();
    }
    drop(load);
    while is_open() > 0 {
        tokio::task::yield_now().await;
    }
    let sent = entries().len();
    // Long enough for each stream to ask for another page.
    client.get(&alertdeck_model::AlertId::new("none"), &mut |_| {}).await.unwrap_err();
    assert_eq!(entries().len(), sent + 1);
}

#[tokio::test]
async fn a_user_does_not_wait_for_a_list_that_loads() {
    let simulator = simulator(700);
    // Enough for the windows to begin, not for all of the list.
    let http = Http::new(quick(), Budget::per_minute(60), Route::Direct).unwrap();
    let client = client(&simulator, http);
    let mut load = Load::start(client.clone(), None);
    while !matches!(load.next().await.unwrap(), LoadEvent::Client(_)) {}
    let id = simulator.alerts()[0]["id"].as_str().unwrap().to_owned();
    let mut waits = 0;
    client.get(&alertdeck_model::AlertId::new(&id), &mut |_| waits += 1).await.unwrap();
    assert_eq!(waits, 0);
}

/// A service that refuses some filters, with ten alerts on a page.
async fn refusing(is_refused: fn(&str) -> bool) -> Fake {
    Fake::start(move |_, base, asked| {
        if is_refused(&asked.target) {
            return answer(400, &[], r#"{"error":{"code":"BadRequest","message":"Invalid filter clause"}}"#);
        }
        let at: usize = asked.target.split("$skiptoken=").nth(1).map_or(0, |at| at.parse().unwrap());
        // Windows beyond the first one are empty.
        let count = if asked.target.contains("le%20") || asked.target.contains("null") { 0 } else { 100 };
        let alert = |n: usize| {
            let created = format!("2026-11-20T{:02}:{:02}:00Z", 23 - n / 60, 59 - n % 60);
            json!({"id": format!("a{n}"), "createdDateTime": created})
        };
        let alerts: Vec<_> = (at..count).take(10).map(alert).collect();
        let mut page = json!({"@odata.count": count, "value": alerts});
        if at + 10 < count {
            page["@odata.nextLink"] = format!("{base}/v1.0/security/alerts_v2?$skiptoken={}", at + 10).into();
        }
        answer(200, &[("content-type", "application/json")], page.to_string())
    })
    .await
}

#[tokio::test]
async fn a_service_that_refuses_windows_is_read_in_one_chain() {
    let fake = refusing(|target| target.contains("createdDateTime")).await;
    let (ids, coverage, error) = read(Load::start(fake.client(), None)).await;
    assert_eq!((ids.len(), error, coverage.incomplete), (100, None, None));
    let targets = fake.targets();
    assert!(windows(&targets) > 0 && targets.contains(&"/v1.0/security/alerts_v2?$top=1000".to_owned()));
}

#[tokio::test]
async fn a_refused_request_for_undated_alerts_matters_only_if_alerts_are_missing() {
    let fake = refusing(|target| target.contains("null")).await;
    let (ids, coverage, error) = read(Load::start(fake.client(), None)).await;
    assert_eq!((ids.len(), error, coverage.incomplete), (100, None, None));
}
