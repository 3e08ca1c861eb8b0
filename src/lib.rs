//! alertdeck: a keyboard-driven terminal console for triaging Microsoft Defender XDR alerts.
//!
//! The lower layers are separate crates, and each crate's `Cargo.toml` lists the layers that it may
//! use (docs/architecture.md, "Crates"). This crate combines them:
//!
//! - [`config`]: the config file and its profiles; contains no secrets.
//! - [`log`]: the log file, for support.
//! - [`files`]: saved alerts from files, folders and standard input.
//! - [`report`]: an alert as a document, either in plain text or in Markdown for a ticket.
//! - [`export`]: alerts as JSON, JSON lines, CSV and Markdown; writes no files.
//! - [`triage`]: the values that analysts change, and the journal entries; plain data.
//! - [`journal`]: the file that contains the journal entries.
//! - [`handover`]: the shift handover report, from the journal and the alerts; pure.
//! - [`overview`]: counts of many alerts by day, age and value; pure.
//! - [`app`]: the console's state; `update` is a pure function from messages to effects.
//! - [`ui`]: draws the console's state.
//! - [`writer`]: sends changes and records them.
//! - [`console`]: the event loop, which owns the state and the terminal and runs effects.
//! - [`cli`]: the commands.
//! - [`program`]: argument parsing, wiring and the exit code.

pub mod app;
pub mod cli;
pub mod config;
pub mod console;
pub mod export;
pub mod files;
pub mod handover;
pub mod journal;
pub mod log;
pub mod overview;
pub mod program;
pub mod report;
pub mod triage;
pub mod ui;
pub mod writer;
