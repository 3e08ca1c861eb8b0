//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.

pub mod app;
pub mod auth;
pub mod cli;
pub mod console;
pub mod evidence;
pub mod graph;
pub mod http;
pub mod model;
pub mod odata;
pub mod query;
pub mod simulator;
pub mod store;
pub mod ui;
