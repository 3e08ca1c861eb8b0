//! What the service does below HTTP's surface: TLS and compression.

use alertdeck_simulator::Simulator;
use reqwest::{Certificate, Client, StatusCode, header};
use serde_json::Value;

use super::{LIST, Settings, settings};

/// Starts a tenant that speaks https, and a client that trusts it under the name `localhost` too.
fn encrypted() -> (Simulator, Client) {
    let simulator = Simulator::start(Settings { tls: true, ..settings(3) }).unwrap();
    let certificate = Certificate::from_pem(simulator.certificate().unwrap().as_bytes()).unwrap();
    let client = crate::client_builder().tls_certs_only([certificate]).build().unwrap();
    (simulator, client)
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
    let simulator = Simulator::start(settings(20)).unwrap();
    let client = crate::client_builder().no_gzip().build().unwrap();
    let url = format!("{}{LIST}", simulator.base_url());
    let get = async |coding: Option<&str>| {
        let mut request = client.get(&url).bearer_auth("any");
        if let Some(coding) = coding {
            request = request.header(header::ACCEPT_ENCODING, coding);
        }
        let reply = request.send().await.unwrap();
        let coding = reply.headers().get(header::CONTENT_ENCODING).cloned();
        (coding.map(|coding| coding.to_str().unwrap().to_owned()), reply.bytes().await.unwrap())
    };
    let (coding, plain) = get(None).await;
    assert!(coding.is_none() && plain.starts_with(b"{"));
    let (coding, packed) = get(Some("br, gzip")).await;
    assert_eq!(coding.as_deref(), Some("gzip"));
    assert!(packed.starts_with(b"\x1f\x8b") && packed.len() < plain.len() / 3, "{}", packed.len());
}
