//! The fault profiles.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use alertdeck_simulator::{Faults, Settings, Timing};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::Value;

use super::{LIST, Tenant, ids, settings};

#[tokio::test]
async fn flaky_returns_the_complete_list_to_clients_that_retry() {
    let mut seen = HashSet::new();
    for seed in 0..6 {
        let timing = Timing {
            retry_after: Duration::from_millis(1),
            trickle: Duration::from_millis(1),
            ..Timing::default()
        };
        let tenant = Tenant::new(Settings { faults: Faults::Flaky, seed, timing, ..settings(400) });
        let (mut found, mut next) = (Vec::new(), Some(format!("{LIST}?$top=10")));
        let mut links = HashSet::new();
        while let Some(target) = next {
            assert!(links.insert(target.clone()), "a link was repeated");
            let page = tenant.json_with_retries(&target).await;
            let items = page["value"].as_array().unwrap();
            if items.is_empty() {
                seen.insert("empty page");
            }
            found.extend(ids(items).into_iter().map(str::to_owned));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        if found.len() > 400 {
            seen.insert("alert on two pages");
        }
        let mut distinct = HashSet::new();
        found.retain(|id| distinct.insert(id.clone()));
        assert!(found == ids(&tenant.simulator.alerts()), "seed {seed}");
        for exchange in tenant.simulator.log() {
            match exchange.status {
                Some(200) if exchange.broken => seen.insert("broken body"),
                Some(500) => seen.insert("500"),
                Some(502) => seen.insert("502"),
                Some(503) => seen.insert("503"),
                _ => false,
            };
        }
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[tokio::test]
async fn flaky_fails_in_every_way() {
    let timing = Timing { trickle: Duration::from_millis(1), ..Timing::default() };
    let tenant = Tenant::new(Settings { faults: Faults::Flaky, timing, ..settings(30) });
    let (mut seen, mut complete) = (HashMap::<String, u32>::new(), 0);
    for top in 1..=600 {
        let mut count = |what: &str| *seen.entry(what.to_owned()).or_default() += 1;
        let response = match tenant.send(Method::GET, &format!("{LIST}?$top={top}"), None).await {
            Ok(response) => response,
            Err(error) => {
                let text = format!("{error:?}");
                count(if text.contains("ConnectionReset") { "reset" } else { "closed" });
                continue;
            }
        };
        if response.status() != StatusCode::OK {
            let retry_after = response.headers().contains_key("retry-after");
            let suffix = if retry_after { " retry-after" } else { "" };
            count(&format!("{}{suffix}", response.status().as_u16()));
            continue;
        }
        if response.headers()["content-type"].to_str().unwrap().starts_with("text/html") {
            count("html");
            continue;
        }
        let content_length = response.content_length();
        match response.bytes().await {
            Err(_) if content_length.is_some() => count("short"),
            Err(_) => count("cut"),
            Ok(body) if body.is_empty() => count("empty"),
            Ok(body) if serde_json::from_slice::<Value>(&body).is_err() => count("corrupt"),
            Ok(_) if content_length.is_none() => count("slow"),
            Ok(_) => complete += 1,
        }
    }
    let expected = [
        "429",
        "429 retry-after",
        "500",
        "502",
        "503",
        "503 retry-after",
        "504",
        "closed",
        "corrupt",
        "cut",
        "empty",
        "html",
        "reset",
        "short",
        "slow",
    ];
    let mut names: Vec<_> = seen.keys().collect();
    names.sort_unstable();
    assert_eq!(names, expected, "{seen:?}");
    assert!((420..480).contains(&complete), "{complete} of 600 had no fault");
}

#[rstest]
#[case::link_loop(0, "link loop")]
#[case::foreign_link(1, "foreign link")]
#[case::refused(2, "refused")]
#[case::corrupt(3, "corrupt")]
#[tokio::test]
async fn hostile_has_one_permanent_fault(#[case] seed: u64, #[case] expected: &str) {
    let timing = Timing { retry_after: Duration::ZERO, trickle: Duration::ZERO, ..Timing::default() };
    let faults = Faults::Hostile;
    let tenant = Tenant::new(Settings { faults, seed, timing, largest_page: 4, ..settings(60) });
    let base = tenant.simulator.base_url();
    let mut seen = HashSet::new();
    for filter in ["", "&$count=true", "&$top=3", "&$top=2"] {
        let mut next = Some(format!("{base}{LIST}?x=1{filter}"));
        while let Some(target) = next.take() {
            let (mut refused, mut corrupt) = (0, 0);
            for _ in 0..4 {
                let Ok(response) = tenant.send(Method::GET, &target, None).await else { continue };
                refused += u8::from(response.status() == StatusCode::BAD_REQUEST);
                let json = response.status() == StatusCode::OK
                    && response.headers()["content-type"].to_str().unwrap().contains("json");
                let Ok(body) = response.bytes().await else { continue };
                match serde_json::from_slice::<Value>(&body) {
                    Ok(page) if json => {
                        next = page["@odata.nextLink"].as_str().map(str::to_owned);
                        break;
                    }
                    Err(_) if json => corrupt += 1,
                    _ => {}
                }
            }
            match &next {
                Some(link) if *link == target => seen.insert("link loop"),
                Some(link) if !link.starts_with(&base) => seen.insert("foreign link"),
                None if refused == 4 => seen.insert("refused"),
                None if corrupt == 4 => seen.insert("corrupt"),
                _ => continue,
            };
            break;
        }
    }
    assert_eq!(seen, HashSet::from([expected]));
    assert_eq!(tenant.simulator.strayed(), 0);
}

#[tokio::test]
async fn connections_to_foreign_links_are_counted() {
    let tenant = Tenant::new(Settings { faults: Faults::Hostile, seed: 1, ..settings(60) });
    let base = tenant.simulator.base_url();
    let mut links = (1..60).map(|top| format!("{LIST}?$top={top}"));
    let link = loop {
        let Ok(response) = tenant.send(Method::GET, &links.next().unwrap(), None).await else { continue };
        let Ok(body) = response.bytes().await else { continue };
        let Ok(page) = serde_json::from_slice::<Value>(&body) else { continue };
        match page["@odata.nextLink"].as_str() {
            Some(link) if !link.starts_with(&base) => break link.to_owned(),
            _ => {}
        }
    };
    assert!(tenant.send(Method::GET, &link, None).await.is_err());
    assert_eq!(tenant.simulator.strayed(), 1);
}

#[tokio::test]
async fn throttled_refuses_about_a_third_of_the_lists() {
    let tenant = Tenant::new(Settings { faults: Faults::Throttled, ..settings(300) });
    let (mut refused, mut fractional, mut dates, mut zeros) = (0, 0, 0, 0);
    for top in 1..=200 {
        let target = format!("{LIST}?$top={top}");
        let response = tenant.get(&target).await;
        if response.status() == StatusCode::OK {
            continue;
        }
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        refused += 1;
        match response.headers()["retry-after"].to_str().unwrap() {
            "2" => {}
            "1.5" => fractional += 1,
            "0" => zeros += 1,
            date => {
                assert!(date.starts_with("Fri, 20 Nov 2026 12:00:") && date.ends_with(" GMT"), "{date}");
                dates += 1;
            }
        }
        assert_eq!(tenant.get(&target).await.status(), StatusCode::OK);
    }
    assert!((70..130).contains(&refused), "{refused}");
    assert!(fractional > 5 && dates > 5 && zeros > 5, "{fractional} {dates} {zeros}");
    // Without a wait, no request is early. A date can also mean that there is no wait.
    let early = tenant.simulator.log().iter().filter(|exchange| exchange.early).count();
    assert!((refused - zeros - dates..=refused - zeros).contains(&early), "{early} of {refused}");
    let alert = format!("{LIST}/{}", ids(&tenant.simulator.alerts())[0]);
    for _ in 0..20 {
        assert_eq!(tenant.get(&alert).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn offline_closes_connections_and_recovers() {
    let timing = Timing {
        outage: Duration::from_millis(120),
        recovery: Duration::from_secs(3600),
        ..Timing::default()
    };
    let tenant = Tenant::new(Settings { faults: Faults::Offline, timing, ..settings(5) });
    tenant.json(LIST).await;
    tenant.json(LIST).await;
    assert!(tenant.send(Method::GET, LIST, None).await.is_err());
    while tenant.send(Method::GET, LIST, None).await.is_err() {
        tokio::task::yield_now().await;
    }
    let log = tenant.simulator.log();
    assert_eq!((log[1].status, log[2].status, log[2].broken), (Some(200), None, true));
    assert!(log[log.len() - 1].at >= log[1].at + Duration::from_millis(120));
}
