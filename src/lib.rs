//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.
//!
//! The modules from the lowest to the highest; lower ones never import higher ones, which
//! `tests/layers.rs` holds.
//!
//! - [`model`]: what the service sends, read into types. All text is made safe to show here,
//!   once ([`model::SafeText`]); what is not known is kept as sent.
//! - [`platform`]: files and folders that only their owner can read, and locks between processes.
//! - [`log`]: what the program did, in a file for support.
//! - [`http`]: the one place that sends requests: limits, retries, budget, log. Knows no Graph.
//! - [`odata`]: the expressions that Graph takes as `$filter`: printed, parsed, evaluated.
//! - [`auth`]: where access tokens come from.
//! - [`query`]: the filter language, from text to what Graph is asked and what is tested here.
//! - [`evidence`]: the evidence of an alert as a tree.
//! - [`report`]: one alert as a document, as text and as Markdown for a ticket.
//! - [`graph`]: alerts over the network. Attaches the token, to one origin.
//! - [`config`]: the config file and the profiles in it. Holds no secret.
//! - [`store`]: the alerts that are held, and the view of those that match. One owner, no lock.
//! - [`report`]: an alert as a document, for tickets.
//! - [`export`]: alerts as texts to hand over. Knows no files.
//! - [`simulator`]: a tenant behind a real HTTP service on loopback. Shares no code with the
//!   client but `model`.
//! - [`app`]: the state of the console; `update` is a plain function from message to effects.
//! - [`ui`]: the screen as a function of that state.
//! - [`console`]: the loop that owns state and terminal, and carries effects out.
//! - [`cli`]: the commands that are not the console.

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod console;
pub mod evidence;
pub mod export;
pub mod graph;
pub mod http;
pub mod log;
pub mod model;
pub mod odata;
pub mod platform;
pub mod query;
pub mod report;
pub mod simulator;
pub mod store;
pub mod ui;
