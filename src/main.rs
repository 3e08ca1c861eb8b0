//! alertdeck.
fn main() {}
