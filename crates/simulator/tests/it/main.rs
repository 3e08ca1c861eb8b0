//! Integration tests of the simulator, in one binary.

mod service;
mod sign_in;
mod tenant;

use reqwest::ClientBuilder;

/// Starts a client that ignores the system's proxy. Although the simulator speaks plain HTTP, reqwest
/// insists on a TLS provider.
fn client_builder() -> ClientBuilder {
    // Fails if another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}
