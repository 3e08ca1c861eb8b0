//! Signing in and staying signed in, against the simulated tenant and against servers that send
//! what no tenant should (docs/testing.md, "Sign-in" and "Tokens and origins").

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod applications;
mod browser;
mod device;
mod fake;
mod harness;
mod origins;
mod service;
mod session;
mod storage;
