//! Integration tests for the graph crate, in a single binary.

mod auth_flows;
mod fault_scripts;
mod graph_network;
mod graph_owners;
mod graph_writes;
