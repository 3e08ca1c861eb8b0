//! Extracts hosts from addresses without validating the addresses.

/// Returns the host in a web or mail address, or the text itself.
///
/// Evidence contains addresses that no browser would accept, so any text is accepted here.
pub fn host(text: &str) -> &str {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#', '\\']).next().unwrap_or(text);
    let text = text.rsplit('@').next().unwrap_or(text);
    text.split(':').next().unwrap_or(text).trim_end_matches(['.', '>'])
}
