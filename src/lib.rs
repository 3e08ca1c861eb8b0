//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.

pub mod auth;
pub mod evidence;
pub mod graph;
pub mod http;
pub mod model;
pub mod query;
pub mod store;
