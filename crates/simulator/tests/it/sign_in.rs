//! Signing in to the simulated tenant over HTTP.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod applications;
mod codes;
mod devices;
mod discovery;
mod harness;
mod refresh;
mod service;
