//! Integration tests of the graph crate, in one binary.

mod auth_flows;
mod fault_scripts;
mod graph_network;
mod graph_writes;
