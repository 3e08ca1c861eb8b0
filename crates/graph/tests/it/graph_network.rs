//! The client against servers on loopback that answer exactly what a test scripts.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails ends its test")]

pub(crate) mod fake;
mod loader;
mod pages;
mod renewal;
mod transport;
mod windows;
