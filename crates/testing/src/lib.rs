//! Data that the tests of several crates share: Graph's type schema and published example bodies.
//!
//! Only tests depend on it. It depends on no other crate of the workspace, so that unit tests of
//! any of them can use it.

#![expect(clippy::missing_panics_doc, reason = "the data is part of the repository")]

use serde_json::Value;

/// Returns Graph's types, properties and enum members in both API versions.
///
/// Source: microsoftgraph/msgraph-metadata; see `tests/data/README.md`.
#[expect(clippy::expect_used, reason = "the data is part of the repository")]
pub fn schema() -> Value {
    serde_json::from_str(include_str!("../../../tests/data/schema.json")).expect("schema.json is JSON")
}

/// Returns an example body that Microsoft has published, by its file name.
///
/// # Panics
///
/// Panics if `tests/data/samples` has no such file.
#[expect(clippy::panic, reason = "a missing sample fails the test that asks for it")]
pub fn sample(name: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/samples/");
    std::fs::read_to_string(format!("{path}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}
