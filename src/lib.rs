//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.
//!
//! The libraries below it are crates of their own: a crate's `Cargo.toml` says what it may know.
//! This one puts them together:
//!
//! - [`config`]: the config file and its profiles. Holds no secret.
//! - [`log`]: the log file, for support.
//! - [`report`]: one alert as a document, as text and as Markdown for a ticket.
//! - [`export`]: alerts as JSON, JSON lines, CSV and Markdown. Writes no files.
//! - [`app`]: the state of the console; `update` is a plain function from message to effects.
//! - [`ui`]: draws that state.
//! - [`console`]: the event loop that owns state and terminal and carries out effects.
//! - [`cli`]: the commands that are not the console.
//!
//! `docs/architecture.md` has the whole picture.

pub mod app;
pub mod cli;
pub mod config;
pub mod console;
pub mod export;
pub mod log;
pub mod report;
pub mod ui;
