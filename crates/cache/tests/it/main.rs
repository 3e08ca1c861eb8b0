//! Tests of the cache with real files.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod damage;
mod processes;
mod retention;
mod roundtrip;
mod support;
