//! Extracts hosts and addresses from text without validating it.

use std::net::IpAddr;

/// Returns the host in a web or email address, or the text itself if it contains no host.
///
/// Evidence contains addresses that no browser would accept, so any text is accepted here. Links
/// without a scheme (`//evil.example/x`) or with backslashes also have a host.
pub fn host(text: &str) -> &str {
    let mut host = text;
    // Cutting may expose more text to cut: `a@ b.` becomes ` b`.
    loop {
        let shorter = cut(host);
        if shorter.len() == host.len() {
            return host;
        }
        host = shorter;
    }
}

fn cut(text: &str) -> &str {
    const SLASHES: [char; 2] = ['/', '\\'];
    let text = text.trim();
    if ip_address(text).is_some() {
        return text;
    }
    let text = match text.split_once(':') {
        Some((scheme, rest)) if rest.starts_with(SLASHES) && !scheme.contains(['/', '\\', '@', '?']) => rest,
        _ => text,
    };
    let text = text.trim_start_matches(SLASHES);
    let text = text.split(['/', '?', '#', '\\']).next().unwrap_or(text);
    let text = text.rsplit('@').next().unwrap_or(text);
    if let Some((address, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    text.split(':').next().unwrap_or(text).trim_end_matches(['.', '>'])
}

/// Parses an IP address. A zone at its end (`fe80::1%eth0`, RFC 4007) is valid on one machine only
/// and is dropped.
pub fn ip_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address.parse().ok().filter(IpAddr::is_ipv6),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://user@x.evil.example:8080/a?q#f", "x.evil.example")]
    #[case("//evil.example/x", "evil.example")]
    #[case(r"\\evil.example\share", "evil.example")]
    #[case(r"https:\/evil.example/x", "evil.example")]
    #[case("evil.example:443/x", "evil.example")]
    #[case("https://[2001:db8::1]:8443/x", "2001:db8::1")]
    #[case("mailto:a@evil.example", "evil.example")]
    #[case("Ana <ana@evil.example>", "evil.example")]
    #[case("evil.example.", "evil.example")]
    #[case("https:///a", "a")]
    #[case("", "")]
    fn hosts_are_found(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(host(text), expected);
    }

    proptest! {
        #[test]
        fn a_host_is_its_own_host(text in "([a.]|[@:/<> ]|\\[|\\]|\\\\){0,12}|\\PC{0,20}") {
            prop_assert_eq!(host(host(&text)), host(&text));
        }
    }

    #[rstest]
    #[case("fe80::1%eth0", Some("fe80::1"))]
    #[case(" FE80:0::1%12 ", Some("fe80::1"))]
    #[case("10.0.0.1", Some("10.0.0.1"))]
    #[case("10.0.0.1%eth0", None)]
    #[case("fe80::1%", None)]
    #[case("evil.example", None)]
    fn addresses_are_read_without_their_zone(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(ip_address(text).map(|address| address.to_string()).as_deref(), expected);
    }
}
