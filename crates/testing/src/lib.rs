//! Test data shared by several crates: Graph's type schema, published example bodies and RSA
//! identities.
//!
//! Only tests depend on this crate. It does not depend on any other crate in the workspace, so the
//! unit tests of every crate can use it.

#![expect(clippy::missing_panics_doc, reason = "the data is part of the repository")]

mod identity;

use serde_json::Value;

pub use identity::Identity;

/// Returns Graph's schema: the types, properties and enumeration members in both API versions.
///
/// The source is microsoftgraph/msgraph-metadata; see `tests/data/README.md`.
#[expect(clippy::expect_used, reason = "the data is part of the repository")]
pub fn schema() -> Value {
    serde_json::from_str(include_str!("../../../tests/data/schema.json")).expect("schema.json is JSON")
}

/// Returns an example body published by Microsoft, given its file name.
///
/// # Panics
///
/// Panics if `tests/data/samples` has no such file.
#[expect(clippy::panic, reason = "a missing sample fails the test that uses it")]
pub fn sample(name: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/samples/");
    std::fs::read_to_string(format!("{path}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}
