//! Hosts in addresses that people and programs write, without judging whether they are sound.

/// Returns the host in a web or mail address, or the text itself.
///
/// It reads what evidence holds, so it must not refuse what no browser would take.
pub fn host(text: &str) -> &str {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#', '\\']).next().unwrap_or(text);
    let text = text.rsplit('@').next().unwrap_or(text);
    text.split(':').next().unwrap_or(text).trim_end_matches(['.', '>'])
}
