//! The client against servers on loopback that answer exactly what a test tells them to.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails ends its test")]

#[path = "graph_network/fake.rs"]
mod fake;
#[path = "graph_network/loader.rs"]
mod loader;
#[path = "graph_network/pages.rs"]
mod pages;
#[path = "graph_network/renewal.rs"]
mod renewal;
#[path = "graph_network/transport.rs"]
mod transport;
