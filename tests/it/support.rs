//! Shared helpers: the program in a pseudo-terminal, and a simulated tenant with sign-in.

#![expect(clippy::unwrap_used, reason = "the helpers fail the test that calls them")]

pub(crate) mod tenant;
#[cfg(target_os = "linux")]
pub(crate) mod terminal;
