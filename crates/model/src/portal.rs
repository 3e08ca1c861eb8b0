//! Checks links to the Defender portal, the only links that may be opened.
//!
//! The caller passes the portal host of its cloud (docs/graph-api.md, "National clouds").

use std::fmt;

use url::Url;

use super::SafeText;

/// A checked link to the Defender portal.
///
/// Contains the serialised address, never the text that was received, so that the browser opens
/// exactly what was checked (docs/security.md, "Opening links").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalUrl(String);

/// The reason why a link is not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortalLinkError {
    /// The link is not an absolute address.
    #[error("the link is not a web address")]
    Unreadable,
    /// The scheme is not https.
    #[error("the link is not https")]
    Scheme,
    /// The link has a user name or password before the host.
    #[error("the link contains a user name")]
    UserInfo,
    /// The link has a port after the host.
    #[error("the link contains a port")]
    Port,
    /// The host is not the portal's.
    #[error("the link points to {found}, not to {expected}")]
    Host {
        /// The link's host, sanitised for display.
        found: String,
        /// The portal's host.
        expected: String,
    },
}

impl PortalUrl {
    /// Checks a link (an `alertWebUrl` or `incidentWebUrl` as sent) against the portal's host.
    ///
    /// # Errors
    ///
    /// Fails unless the link is an https address with exactly this host and without a user name,
    /// password or port.
    pub fn check(link: &str, portal_host: &str) -> Result<Self, PortalLinkError> {
        let url = Url::parse(link).map_err(|_| PortalLinkError::Unreadable)?;
        if url.scheme() != "https" {
            return Err(PortalLinkError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PortalLinkError::UserInfo);
        }
        let found = url.host_str().unwrap_or_default();
        if found != portal_host {
            let found = SafeText::new(found).line();
            return Err(PortalLinkError::Host { found, expected: portal_host.to_owned() });
        }
        // Parsing drops the default port of https.
        if url.port().is_some() {
            return Err(PortalLinkError::Port);
        }
        Ok(Self(url.into()))
    }

    /// Returns the address to open.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PortalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const HOST: &str = "security.microsoft.com";

    #[rstest]
    #[case(
        "https://security.microsoft.com/alerts/da1?tid=2",
        "https://security.microsoft.com/alerts/da1?tid=2"
    )]
    #[case::default_port("https://security.microsoft.com:443/x", "https://security.microsoft.com/x")]
    #[case::case("HTTPS://Security.Microsoft.COM/x", "https://security.microsoft.com/x")]
    #[case::full_width("https://security\u{ff0e}microsoft\u{3002}com/x", "https://security.microsoft.com/x")]
    #[case::backslash(
        "https://security.microsoft.com\\@evil.example/",
        "https://security.microsoft.com/@evil.example/"
    )]
    #[case::no_slashes("https:security.microsoft.com/x", "https://security.microsoft.com/x")]
    #[case::shell(
        "https://security.microsoft.com/x?a&calc \"$(id)\n%00",
        "https://security.microsoft.com/x?a&calc%20%22$(id)%00"
    )]
    #[case::bidi("https://security.microsoft.com/\u{202e}x", "https://security.microsoft.com/%E2%80%AEx")]
    fn portal_links_are_serialised(#[case] link: &str, #[case] opened: &str) {
        assert_eq!(PortalUrl::check(link, HOST).unwrap().as_str(), opened);
    }

    #[rstest]
    #[case("", "the link is not a web address")]
    #[case("-aCalculator", "the link is not a web address")]
    #[case("--help", "the link is not a web address")]
    #[case(r"\\host\share", "the link is not a web address")]
    #[case("file:///etc/passwd", "the link is not https")]
    #[case("javascript:alert(1)", "the link is not https")]
    #[case("ms-msdt:/id", "the link is not https")]
    #[case("http://security.microsoft.com/", "the link is not https")]
    #[case("https://security.microsoft.com@evil.example/", "the link contains a user name")]
    #[case("https://:pw@security.microsoft.com/", "the link contains a user name")]
    #[case("https://security.microsoft.com:8443/", "the link contains a port")]
    #[case(
        "https://security.microsoft.com./",
        "the link points to security.microsoft.com., not to security.microsoft.com"
    )]
    #[case(
        "https://security.microsoft.us/",
        "the link points to security.microsoft.us, not to security.microsoft.com"
    )]
    #[case(
        "https://security.microsoft.com.evil.example/",
        "the link points to security.microsoft.com.evil.example, not to security.microsoft.com"
    )]
    #[case(
        "https://security.micros\u{43e}ft.com/",
        "the link points to security.xn--microsft-sbh.com, not to security.microsoft.com"
    )]
    fn other_links_are_refused(#[case] link: &str, #[case] reason: &str) {
        assert_eq!(PortalUrl::check(link, HOST).unwrap_err().to_string(), reason);
    }
}
