//! Restores links that a mail gateway or a redirector has rewritten, without sending any requests.
//!
//! A gateway replaces each link in an email with one of its own, so the host in the evidence is the
//! gateway's. This module lists only rewritings that contain the original link, not those that
//! require the gateway's database, such as the path of a Mimecast link.

use std::iter;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode_str;
use url::Url;

/// How a rewritten link encodes the original.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    /// The first non-blank value among these query parameters.
    Query(&'static [&'static str]),
    /// The Base64 value of a query parameter, after a prefix. The fields are the parameter's name
    /// and the prefix.
    Base64Query(&'static str, &'static str),
    /// The last segments of the path, percent-encoded.
    Path,
    /// The query parameter `u`, with `-` for `%` and `_` for `/` (Proofpoint URL Defense, version
    /// 2).
    ProofpointV2,
    /// The path `/v3/__LINK__;REPLACED!…`, with `*` for replaced characters (Proofpoint URL
    /// Defense, version 3).
    ProofpointV3,
}

/// A rewriting: the host or a parent domain, the start of the path, and the encoding.
type Rewriting = (&'static str, &'static str, Encoding);

use Encoding::{Base64Query, Path, ProofpointV2, ProofpointV3, Query};

/// The known rewritings. Hosts and parameters are named as in the vendors' documentation of their
/// link protection.
const REWRITINGS: [Rewriting; 26] = [
    // Microsoft Defender for Office 365, Safe Links.
    ("safelinks.protection.outlook.com", "/", Query(&["url"])),
    ("safelinks.protection.office365.us", "/", Query(&["url"])),
    ("safelinks.protection.outlook.cn", "/", Query(&["url"])),
    ("statics.teams.cdn.office.net", "/evergreen-assets/safelinks/", Query(&["url"])),
    // Proofpoint URL Defense.
    ("urldefense.com", "/v3/", ProofpointV3),
    ("urldefense.us", "/v3/", ProofpointV3),
    ("urldefense.proofpoint.com", "/v3/", ProofpointV3),
    ("urldefense.proofpoint.com", "/v2/", ProofpointV2),
    ("urldefense.com", "/v2/", ProofpointV2),
    ("urldefense.proofpoint.com", "/v1/", Query(&["u"])),
    // A Mimecast link contains only the original's domain.
    ("mimecast.com", "/s/", Query(&["domain"])),
    ("mimecastprotect.com", "/s/", Query(&["domain"])),
    // Barracuda, Cisco, Sophos, Trend Micro, Trellix, Symantec.
    ("linkprotect.cudasvc.com", "/url", Query(&["a"])),
    ("secure-web.cisco.com", "/", Path),
    ("protection.sophos.com", "/", Base64Query("u", "")),
    ("trendmicro.com", "/wis/clicktime/", Query(&["url"])),
    ("fireeye.com", "/", Query(&["u"])),
    ("clicktime.symantec.com", "/", Query(&["u"])),
    // Redirectors that phishing emails use.
    ("google.com", "/url", Query(&["q", "url"])),
    ("bing.com", "/ck/a", Base64Query("u", "a1")),
    ("l.facebook.com", "/l.php", Query(&["u"])),
    ("lm.facebook.com", "/l.php", Query(&["u"])),
    ("l.instagram.com", "/", Query(&["u"])),
    ("linkedin.com", "/", Query(&["url"])),
    ("youtube.com", "/redirect", Query(&["q"])),
    ("slack-redir.net", "/link", Query(&["url"])),
];

/// The maximum number of nested rewritings to undo. An email passes through two or three gateways
/// at most.
const MAX_DEPTH: usize = 8;
/// The maximum length of a link to decode, in bytes. The limits of browsers and gateways are far
/// lower.
const MAX_LENGTH: usize = 65_536;

/// A Base64 configuration in which padding is optional, because mail clients may drop it.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Returns the original links that a rewritten link contains, outermost first. Empty if the link is
/// not rewritten.
///
/// There is usually only one. If only the original's domain is known, the domain is returned
/// without a scheme.
#[inline]
pub fn originals(link: &str) -> Vec<String> {
    // Hardly any of the values passed to this function are links.
    if link.as_bytes().first().is_some_and(|first| first.is_ascii_graphic() && !b"hH".contains(first)) {
        return Vec::new();
    }
    let mut found: Vec<String> = Vec::new();
    let next = |link: &String| original(link);
    for link in iter::successors(original(link), next).take(MAX_DEPTH) {
        if found.contains(&link) {
            break;
        }
        found.push(link);
    }
    found
}

/// Undoes one rewriting.
fn original(link: &str) -> Option<String> {
    let link = link.trim();
    let is_web = |scheme: &str| link.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    if link.len() > MAX_LENGTH || !is_web("http://") && !is_web("https://") {
        return None;
    }
    // Links copied from HTML may still be escaped.
    let link = link.replace("&amp;", "&");
    let url = Url::parse(&link).ok()?;
    let host = url.host_str()?;
    let is_below =
        |domain: &str| host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    let mut matching =
        REWRITINGS.iter().filter(|(domain, path, _)| is_below(domain) && url.path().starts_with(path));
    let original = matching.find_map(|(.., encoding)| encoding.decode(&url, &link))?;
    let original = original.trim();
    is_link(original).then(|| original.to_owned())
}

/// Returns whether decoded text could be a link or a domain rather than an opaque ID.
fn is_link(text: &str) -> bool {
    let host = crate::host(text);
    host.contains('.') && !host.contains(char::is_whitespace) || text.contains("://") && !host.is_empty()
}

impl Encoding {
    fn decode(self, url: &Url, link: &str) -> Option<String> {
        let parameter = |wanted: &str| {
            let found = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.into_owned()).filter(|value| !value.trim().is_empty())
        };
        match self {
            Self::Query(names) => names.iter().find_map(|name| parameter(name)),
            Self::Base64Query(name, prefix) => {
                // Query parsing turns a plus sign into a space.
                let value = parameter(name)?.replace(' ', "+");
                let bytes = decode_base64(value.strip_prefix(prefix)?)?;
                String::from_utf8(bytes).ok()
            }
            Self::Path => {
                let start = link.match_indices('/').map(|(at, _)| at + 1).find(|at| {
                    let rest = link[*at..].to_ascii_lowercase();
                    rest.starts_with("http%3a") || rest.starts_with("https%3a")
                })?;
                Some(percent_decode_str(&link[start..]).decode_utf8_lossy().into_owned())
            }
            Self::ProofpointV2 => {
                let encoded = parameter("u")?.replace('-', "%").replace('_', "/");
                Some(percent_decode_str(&encoded).decode_utf8_lossy().into_owned())
            }
            Self::ProofpointV3 => proofpoint_v3(link),
        }
    }
}

/// Decodes `…/v3/__LINK__;REPLACED!…`. In the link, `*` represents one replaced character, and
/// `**X` represents a run of them whose length is the index of `X` in the Base64 alphabet plus two.
fn proofpoint_v3(link: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (_, rest) = link.split_once("__")?;
    let (encoded, rest) = rest.rsplit_once("__;").or_else(|| rest.rsplit_once("__"))?;
    let replaced = decode_base64(rest.split('!').next().unwrap_or_default()).unwrap_or_default();
    let replaced = String::from_utf8_lossy(&replaced);
    let mut replaced = replaced.chars();
    let mut decoded = String::with_capacity(encoded.len());
    let mut chars = encoded.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '*' {
            decoded.push(c);
            continue;
        }
        let mut count = 1;
        if chars.next_if_eq(&'*').is_some() {
            count = ALPHABET.find(chars.next()?)? + 2;
        }
        // If no replaced character is left, the star is literal.
        let run: String = replaced.by_ref().take(count).collect();
        decoded.push_str(if run.is_empty() { "*" } else { &run });
    }
    // Servers collapse the two slashes after a scheme into one.
    for scheme in ["https:/", "http:/"] {
        if let Some(rest) = decoded.strip_prefix(scheme)
            && !rest.starts_with('/')
        {
            return Some(format!("{scheme}/{rest}"));
        }
    }
    Some(decoded)
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const EVIL: &str = "https://login.evil.example/a?b=c";

    #[rstest]
    #[case::safe_links(
        "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Flogin.evil.example%2Fa%3Fb%3Dc&data=05%7C01&reserved=0",
        EVIL
    )]
    #[case::safe_links_in_html(
        "HTTPS://EUR01.SafeLinks.protection.outlook.com/ap/w-59584e83/?data=05&amp;url=https%3A%2F%2Flogin.evil.example%2Fa%3Fb%3Dc",
        EVIL
    )]
    #[case::safe_links_in_teams(
        "https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url=https%3A%2F%2Flogin.evil.example%2Fa%3Fb%3Dc&locale=en",
        EVIL
    )]
    #[case::proofpoint_1(
        "https://urldefense.proofpoint.com/v1/url?u=https://login.evil.example/a?b%3Dc&k=oIvRg1%2BdGAg",
        EVIL
    )]
    #[case::proofpoint_2(
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__login.evil.example_a-3Fb-3Dc&d=DwMFAg&c=x",
        EVIL
    )]
    #[case::proofpoint_3("https://urldefense.com/v3/__https://login.evil.example/a?b=c__;!!BeImMA!x$", EVIL)]
    #[case::proofpoint_3_with_replaced_characters(
        "https://urldefense.com/v3/__https:/evil.example/*a**A__;JSUj!!x$",
        "https://evil.example/%a%#"
    )]
    #[case::mimecast(
        "https://protect-eu.mimecast.com/s/AbC1?domain=login.evil.example",
        "login.evil.example"
    )]
    #[case::barracuda(
        "https://linkprotect.cudasvc.com/url?a=https%3a%2f%2flogin.evil.example%2fa%3fb%3dc&c=E,1,x&typo=1",
        EVIL
    )]
    #[case::cisco("https://secure-web.cisco.com/1abc-DEF/https%3A%2F%2Flogin.evil.example%2Fa%3Fb%3Dc", EVIL)]
    #[case::sophos(
        "https://eu-central-1.protection.sophos.com?d=evil.example&u=aHR0cHM6Ly9sb2dpbi5ldmlsLmV4YW1wbGUvYT9iPWM=&i=x",
        EVIL
    )]
    #[case::google("https://www.google.com/url?sa=t&q=https://login.evil.example/a%3Fb%3Dc&usg=x", EVIL)]
    #[case::bing(
        "https://www.bing.com/ck/a?!&&p=1&u=a1aHR0cHM6Ly9sb2dpbi5ldmlsLmV4YW1wbGUvYT9iPWM&ntb=1",
        EVIL
    )]
    fn rewritten_links_are_restored(#[case] link: &str, #[case] expected: &str) {
        assert_eq!(originals(link), [expected]);
    }

    #[test]
    fn links_that_were_rewritten_twice_are_restored() {
        let inner = "https://urldefense.proofpoint.com/v2/url?u=http-3A__evil.example_&d=x";
        let outer = format!(
            "https://eur01.safelinks.protection.outlook.com/?url={}&data=x",
            percent_encoding::utf8_percent_encode(inner, percent_encoding::NON_ALPHANUMERIC)
        );
        assert_eq!(originals(&outer), [inner, "http://evil.example/"]);
    }

    #[rstest]
    #[case("https://login.evil.example/?url=https%3A%2F%2Fgood.example")]
    #[case("https://notsafelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example")]
    #[case("https://nam02.safelinks.protection.outlook.com/?data=x")]
    #[case("https://www.google.com/url?q=weather")]
    #[case("https://www.google.com/search?q=https://evil.example")]
    #[case("https://urldefense.com/v3/__")]
    #[case("https://secure-web.cisco.com/1abc")]
    #[case("C:\\nam02.safelinks.protection.outlook.com")]
    #[case("")]
    fn other_links_are_not(#[case] link: &str) {
        assert_eq!(originals(link), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_text_ends(host in 0..REWRITINGS.len(), rest in "(__|\\*|;|!|%|url=|u=|\\PC){0,40}") {
            let (host, path, _) = REWRITINGS[host];
            let _ = originals(&format!("https://{host}{path}{rest}"));
            let _ = originals(&format!("https://{host}{path}?url={rest}&u={rest}"));
        }
    }
}
