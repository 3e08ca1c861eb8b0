//! What several modules of these tests share: the program in a pseudo-terminal, and a tenant that
//! people sign in to.

#![expect(clippy::unwrap_used, reason = "the helpers fail the test that calls them")]

pub(crate) mod tenant;
#[cfg(target_os = "linux")]
pub(crate) mod terminal;
