//! Decides where requests may go. Every request is checked, including those that follow links in
//! responses.

use std::fmt;

use reqwest::Url;
use url::Host;

use alertdeck_model::SafeText;

/// The maximum number of characters to show from an address.
const MAX_SHOWN: usize = 150;

/// A base address. It covers the addresses below it on exactly the same origin.
#[derive(Clone, PartialEq, Eq)]
pub struct Scope {
    base: Url,
}

/// The reason an address cannot be a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The text is not an absolute address.
    #[error("not a web address; expected one such as https://graph.microsoft.com")]
    Unreadable,
    /// The address is neither https nor on loopback, so secrets would cross the network in clear
    /// text.
    #[error("https is required, http is allowed only on loopback (127.0.0.1, [::1], localhost)")]
    Insecure,
    /// The address has a user name, a password, a query or a fragment.
    #[error("expected scheme, host, port and path only, without name, password, ? or #")]
    Decorated,
}

impl Scope {
    /// Parses a base address. Its path is treated as a folder, with or without a trailing `/`.
    pub fn new(base: &str) -> Result<Self, ScopeError> {
        let mut base = Url::parse(base).map_err(|_| ScopeError::Unreadable)?;
        match base.scheme() {
            "https" => {}
            "http" if is_loopback(&base) => {}
            _ => return Err(ScopeError::Insecure),
        }
        if has_userinfo(&base) || base.query().is_some() || base.fragment().is_some() {
            return Err(ScopeError::Decorated);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { base })
    }

    /// Returns the base address; its path ends with `/`.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the host, with the port unless it is the default.
    pub fn host(&self) -> String {
        host(&self.base)
    }

    /// Returns whether requests stay on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Returns whether `url` lies below the base: it has the same scheme, host and port, its path
    /// is below the base's path even after percent-decoding, and it has no user name, which an HTTP
    /// client would send as a credential.
    pub fn covers(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
            && !has_userinfo(url)
            && url.path().starts_with(self.base.path())
            && !climbs(url.path())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.base)
    }
}

/// Returns whether a path, once percent-decoded, contains a `..` segment. Unencoded `..` segments
/// were resolved when the address was parsed.
fn climbs(path: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|segment| segment == "..")
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Formats an address's host for messages, with the port unless it is the default.
pub(super) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => format!("{}:", url.scheme()),
    }
}

/// Formats an address for messages: shortened, and without user name, password, query or fragment.
pub(super) fn without_secrets(url: &Url) -> String {
    match url.host_str() {
        Some(_) => shortened(&format!("{}://{}{}", url.scheme(), host(url), url.path())),
        None => shortened(&host(url)),
    }
}

/// Formats part of an address for messages: shortened, on one line, and safe to show.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", SafeText::new(&text[..end]).line()),
        None => SafeText::new(text).line(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://graph.microsoft.com/v1.0/security/alerts_v2?$skip=1", true)]
    #[case("https://graph.microsoft.com:443/v1.0/x", true)]
    #[case("HTTPS://GRAPH.MICROSOFT.COM/v1.0/x", true)]
    #[case::other_host("https://evil.example/v1.0/x", false)]
    #[case::look_alike("https://graph.microsoft.com.evil.example/v1.0/x", false)]
    #[case::prefix("https://xgraph.microsoft.com/v1.0/x", false)]
    #[case::trailing_dot("https://graph.microsoft.com./v1.0/x", false)]
    #[case::homograph("https://graph.micros\u{43e}ft.com/v1.0/x", false)]
    #[case::scheme("http://graph.microsoft.com/v1.0/x", false)]
    #[case::port("https://graph.microsoft.com:8443/v1.0/x", false)]
    #[case::userinfo_host("https://graph.microsoft.com@evil.example/v1.0/x", false)]
    #[case::userinfo("https://user@graph.microsoft.com/v1.0/x", false)]
    #[case::password("https://:pw@graph.microsoft.com/v1.0/x", false)]
    #[case::other_path("https://graph.microsoft.com/beta/x", false)]
    #[case::path_prefix("https://graph.microsoft.com/v1.0x/x", false)]
    #[case::dots("https://graph.microsoft.com/v1.0/../beta/x", false)]
    #[case::encoded_dots("https://graph.microsoft.com/v1.0/%2e%2e/beta/x", false)]
    #[case::encoded_slash("https://graph.microsoft.com/v1.0/..%2fbeta/x", false)]
    #[case::encoded_backslash("https://graph.microsoft.com/v1.0/x/..%5C..%5cbeta", false)]
    #[case::encoded_id("https://graph.microsoft.com/v1.0/a%2F..b", true)]
    #[case::opaque("data:/v1.0/x", false)]
    fn covers_only_the_same_origin_below_the_base(#[case] url: &str, #[case] covered: bool) {
        let scope = Scope::new("https://graph.microsoft.com/v1.0").unwrap();
        assert_eq!(scope.covers(&Url::parse(url).unwrap()), covered);
    }

    #[rstest]
    #[case("https://proxy.corp.example/graph", Ok("https://proxy.corp.example/graph/"))]
    #[case("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080/"))]
    #[case("http://[::1]:8080/a/", Ok("http://[::1]:8080/a/"))]
    #[case("http://localhost", Ok("http://localhost/"))]
    #[case("http://graph.microsoft.com", Err(ScopeError::Insecure))]
    #[case("http://127.0.0.1.evil.example", Err(ScopeError::Insecure))]
    #[case("http://localhost.evil.example", Err(ScopeError::Insecure))]
    #[case("ftp://127.0.0.1", Err(ScopeError::Insecure))]
    #[case("https://user:pw@host.example", Err(ScopeError::Decorated))]
    #[case("https://host.example/?x=1", Err(ScopeError::Decorated))]
    #[case("graph.microsoft.com", Err(ScopeError::Unreadable))]
    #[case("", Err(ScopeError::Unreadable))]
    fn a_base_must_be_https_or_loopback(#[case] base: &str, #[case] expected: Result<&str, ScopeError>) {
        assert_eq!(
            Scope::new(base).map(|scope| scope.base().to_string()),
            expected.map(str::to_owned),
            "{base}"
        );
    }

    #[test]
    fn a_formatted_address_shows_no_secret() {
        let url = Url::parse("https://name:pw@evil.example:8443/a/b?code=secret#token").unwrap();
        assert_eq!(without_secrets(&url), "https://evil.example:8443/a/b");
        assert_eq!(without_secrets(&Url::parse("data:text/html,secret").unwrap()), "data:");
    }
}
