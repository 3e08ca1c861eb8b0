//! Integration tests for the simulator, in a single binary.

mod service;
mod sign_in;
mod tenant;

use reqwest::ClientBuilder;

/// Returns a builder for a client that ignores the system's proxy. reqwest requires a TLS provider,
/// although the simulator speaks plain HTTP.
fn client_builder() -> ClientBuilder {
    // Fails if another test has already installed one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}
