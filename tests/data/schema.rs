//! Graph's type schema, for the tests that hold everything to it.

/// Reads the schema; `None`, and a word on it, where it does not lie beside the crate.
pub(crate) fn schema() -> Option<serde_json::Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/graph/schema.json");
    let Ok(text) = std::fs::read(path) else {
        eprintln!("skipped: no schema beside the crate");
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}
