//! Changes to alerts in the simulated tenant: what is sent, how often, and what the outcome says
//! when the reply is lost, late, wrong, or missing.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod comments;
mod harness;
mod updates;
mod visibility;
