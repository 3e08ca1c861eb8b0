//! What the service does below HTTP's surface: TLS, HTTP/2 and compression.

use std::{
    collections::BTreeMap,
    error::Error,
    iter::successors,
    time::{Duration, Instant},
};

use alertdeck_simulator::{Faults, Simulator, Timing};
use reqwest::{Certificate, Client, StatusCode, Version, header};
use serde_json::Value;

use super::{LIST, Settings, settings};

/// Starts a tenant that speaks https, and a client that trusts it under the name `localhost` too and
/// sends nothing twice.
fn encrypted_with(settings: Settings) -> (Simulator, Client) {
    let simulator = Simulator::start(Settings { tls: true, ..settings }).unwrap();
    let certificate = Certificate::from_pem(simulator.certificate().unwrap().as_bytes()).unwrap();
    let client = crate::client_builder().tls_certs_only([certificate]).retry(reqwest::retry::never());
    (simulator, client.build().unwrap())
}

fn encrypted() -> (Simulator, Client) {
    encrypted_with(settings(3))
}

#[tokio::test]
async fn https_is_served_with_a_certificate_that_clients_can_trust() {
    let (simulator, client) = encrypted();
    let base = simulator.base_url();
    assert_eq!(base, format!("https://{}", simulator.address()));
    for base in [&base, &base.replace("127.0.0.1", "localhost")] {
        let list = client.get(format!("{base}{LIST}?$top=1")).bearer_auth("any").send().await.unwrap();
        assert_eq!(list.status(), StatusCode::OK);
        let page: Value = serde_json::from_slice(&list.bytes().await.unwrap()).unwrap();
        let next = page["@odata.nextLink"].as_str().unwrap();
        assert!(next.starts_with(&simulator.base_url()), "{next}");
    }
}

/// Returns how a request failed: the reason that a stream was reset for, or `connection`.
fn reason(error: &reqwest::Error) -> String {
    let chain = successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    let reset = chain.filter_map(|error| error.downcast_ref::<h2::Error>()).find(|error| error.is_reset());
    reset.and_then(h2::Error::reason).map_or("connection".into(), |reason| format!("{reason:?}"))
}

#[tokio::test]
async fn faults_of_connections_become_those_of_streams_over_http2() {
    let timing = Timing { trickle: Duration::from_millis(1), ..Timing::default() };
    let (simulator, client) = encrypted_with(Settings { faults: Faults::Flaky, timing, ..settings(30) });
    let mut seen = BTreeMap::<String, u32>::new();
    for top in 1..=200 {
        let url = format!("{}{LIST}?$top={top}", simulator.base_url());
        let ended = match client.get(url).bearer_auth("any").send().await {
            Ok(reply) => {
                assert_eq!(reply.version(), Version::HTTP_2);
                reply.bytes().await.map_err(|error| format!("body {}", reason(&error)))
            }
            Err(error) => Err(reason(&error)),
        };
        *seen.entry(ended.err().unwrap_or_else(|| "answered".into())).or_default() += 1;
    }
    let names: Vec<_> = seen.keys().map(String::as_str).collect();
    assert_eq!(names, ["INTERNAL_ERROR", "REFUSED_STREAM", "answered", "body INTERNAL_ERROR", "connection"]);
    assert!(seen["answered"] > 120, "{seen:?}");
}

#[tokio::test]
async fn other_streams_are_answered_after_a_goaway() {
    let latency = Duration::from_millis(20);
    let timing = Timing {
        outage: Duration::from_millis(1),
        recovery: Duration::from_secs(3_600),
        ..Timing::default()
    };
    let (simulator, client) =
        encrypted_with(Settings { faults: Faults::Offline, timing, latency, ..settings(3) });
    let get = |top: u32| {
        let url = format!("{}{LIST}?$top={top}", simulator.base_url());
        client.get(url).bearer_auth("any").send()
    };
    get(1).await.unwrap();
    let began = Instant::now();
    // The second request starts the outage, so the third gets a GOAWAY while the second is answered.
    let (second, third) = tokio::join!(get(2), get(3));
    assert_eq!(
        (second.unwrap().status(), reason(&third.unwrap_err()).as_str()),
        (StatusCode::OK, "connection")
    );
    assert!(began.elapsed() < Duration::from_secs(5), "the client waits for its own deadline");
    assert_eq!(get(4).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn each_run_has_a_certificate_of_its_own() {
    let ((first, client), (second, _)) = (encrypted(), encrypted());
    assert_ne!(first.certificate(), second.certificate());
    let refused = client.get(second.base_url()).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    let plain = Simulator::start(settings(1)).unwrap();
    assert_eq!(plain.certificate(), None);
}

#[tokio::test]
async fn replies_are_compressed_where_the_client_asks_for_it() {
    let simulator = Simulator::start(settings(600)).unwrap();
    let client = crate::client_builder().no_gzip().build().unwrap();
    let get = async |top: u32, coding: Option<&str>| {
        let mut request = client.get(format!("{}{LIST}?$top={top}", simulator.base_url())).bearer_auth("any");
        if let Some(coding) = coding {
            request = request.header(header::ACCEPT_ENCODING, coding);
        }
        let reply = request.send().await.unwrap();
        let coding = reply.headers().get(header::CONTENT_ENCODING).cloned();
        (coding.map(|coding| coding.to_str().unwrap().to_owned()), reply.bytes().await.unwrap())
    };
    let (coding, plain) = get(20, None).await;
    assert!(coding.is_none() && plain.starts_with(b"{"));
    let (coding, packed) = get(20, Some("br, gzip")).await;
    assert_eq!(coding.as_deref(), Some("gzip"));
    assert!(packed.starts_with(b"\x1f\x8b") && packed.len() < plain.len() / 3, "{}", packed.len());
    let (coding, large) = get(600, Some("gzip")).await;
    assert!(coding.is_none() && large.len() > 1 << 20, "{}", large.len());
}
