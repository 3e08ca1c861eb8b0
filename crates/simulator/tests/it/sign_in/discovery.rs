//! The documents in which clients look up a tenant's endpoints.

use alertdeck_simulator::UNKNOWN_TENANT;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::harness::{Harness, Refused, claims};

async fn document(harness: &Harness, target: &str) -> (StatusCode, Value) {
    let response = harness.open(target).await;
    (response.status(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

fn configuration(tenant: &str) -> String {
    format!("/{tenant}/v2.0/.well-known/openid-configuration")
}

#[tokio::test]
async fn the_configuration_names_working_endpoints_and_the_issuer_of_tokens() {
    let harness = Harness::new();
    let (status, found) = document(&harness, &configuration("contoso.com")).await;
    assert_eq!(status, StatusCode::OK);
    let token = claims(&harness.signed_in("").await["id_token"]);
    assert_eq!(found["issuer"], token["iss"]);
    let base = harness.simulator.base_url();
    for (name, refused) in [("token_endpoint", 900_144), ("device_authorization_endpoint", 900_144)] {
        let target = found[name].as_str().unwrap().strip_prefix(&base).unwrap();
        let (status, body) = harness.post(target, &[]).await;
        let body = serde_json::from_str(&body).unwrap();
        assert_eq!(Refused::read(status, &body).number, refused, "{name}");
    }
    let authorize = found["authorization_endpoint"].as_str().unwrap().strip_prefix(&base).unwrap();
    let page = harness.open(authorize).await.text().await.unwrap();
    assert!(page.contains("AADSTS900144"), "{page}");
    let keys = found["jwks_uri"].as_str().unwrap().strip_prefix(&base).unwrap();
    assert_eq!(document(&harness, keys).await, (StatusCode::OK, json!({"keys": []})));
    assert_eq!(found["response_modes_supported"], json!(["query", "form_post"]));
}

#[tokio::test]
async fn names_of_several_tenants_have_no_single_issuer() {
    let harness = Harness::new();
    let (_, found) = document(&harness, &configuration("organizations")).await;
    let base = harness.simulator.base_url();
    assert_eq!(found["issuer"], format!("{base}/{{tenantid}}/v2.0"));
    assert_eq!(found["token_endpoint"], format!("{base}/organizations/oauth2/v2.0/token"));
}

#[tokio::test]
async fn unknown_tenants_have_no_configuration() {
    let harness = Harness::new();
    let (status, body) = document(&harness, &configuration(UNKNOWN_TENANT)).await;
    assert!(Refused::read(status, &body).is(400, "invalid_request", 90002));
}

#[tokio::test]
async fn instance_discovery_leads_to_the_configuration() {
    let harness = Harness::new();
    let base = harness.simulator.base_url();
    let target = "/common/discovery/instance?api-version=1.1&authorization_endpoint=";
    let endpoint = format!("{base}/contoso.com/oauth2/v2.0/authorize");
    let (status, found) = document(&harness, &format!("{target}{endpoint}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(found["tenant_discovery_endpoint"], format!("{base}{}", configuration("contoso.com")));
    let host = base.strip_prefix("http://").unwrap();
    assert_eq!(found["metadata"][0]["aliases"], json!([host]));
    let (status, body) = document(&harness, target).await;
    assert!(Refused::read(status, &body).is(400, "invalid_request", 900_144));
}
