//! The secrets that were used, and the texts that must not contain them.

use std::collections::BTreeSet;

use alertdeck_simulator::Exchange;
use reqwest::Url;

/// The number of characters to search for at each end of a secret, so that truncated secrets are
/// found too.
const PIECE: usize = 20;
/// The beginning of every assertion, and of every token that the tenant signs.
const START: &str = "eyJ0eXAiOiJKV1Qi";
/// The parameters of token requests that are secret.
const PARAMETERS: [&str; 6] =
    ["refresh_token", "code", "code_verifier", "device_code", "client_secret", "client_assertion"];

/// The kinds of tokens that are sent to the service for alerts.
const TOKENS: [&str; 3] = ["access token", "command's token", "existing token"];

/// Secrets with their kinds.
#[derive(Default)]
pub(crate) struct Secrets(BTreeSet<(&'static str, String)>);

impl Secrets {
    pub(crate) fn add(&mut self, kind: &'static str, secret: &str) {
        assert!(secret.len() >= PIECE, "{kind} is too short to be distinctive");
        self.0.insert((kind, secret.to_owned()));
    }

    /// Adds the secrets in all requests that a service received.
    pub(crate) fn learn(&mut self, log: &[Exchange]) {
        for exchange in log {
            let token = exchange.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
            if let Some(token) = token {
                self.add("access token", token);
            }
            for (name, value) in form(exchange) {
                if let Some(kind) = PARAMETERS.into_iter().find(|kind| *kind == name) {
                    self.add(kind, &value);
                }
            }
        }
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.0.iter().map(|(kind, _)| *kind).collect();
        kinds.dedup();
        kinds
    }

    /// Returns the kinds of secrets that the text contains.
    pub(crate) fn found_in(&self, text: &str) -> Vec<&'static str> {
        // Remove white space to find secrets that a terminal has wrapped.
        let unwrapped: String = text.split_whitespace().collect();
        let is_found = |secret: &str| {
            pieces(secret).iter().any(|piece| text.contains(piece) || unwrapped.contains(piece))
        };
        self.0.iter().filter(|(_, secret)| is_found(secret)).map(|(kind, _)| *kind).collect()
    }

    /// Asserts that requests contain secrets only where they belong: the access token in the
    /// authorization header of requests for alerts, all others in the bodies of token requests.
    pub(crate) fn assert_in_place(&self, log: &[Exchange]) {
        for exchange in log {
            let (path, _) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
            let target = &exchange.target;
            assert_eq!(self.found_in(target), [""; 0], "in the target {target}");
            for (name, value) in exchange.headers() {
                let found = self.found_in(value);
                if name == "authorization" {
                    assert!(path.starts_with("/v1.0/security/"), "{target}");
                    assert!(
                        !found.is_empty() && found.iter().all(|kind| TOKENS.contains(kind)),
                        "{found:?} in {name}"
                    );
                } else {
                    assert_eq!(found, [""; 0], "in the header {name} of {target}");
                }
            }
            let body = String::from_utf8_lossy(&exchange.body);
            if path.ends_with("/oauth2/v2.0/token") {
                let found = self.found_in(&body);
                assert!(found.iter().all(|kind| !TOKENS.contains(kind)), "{found:?} in {target}");
            } else {
                assert_eq!(self.found_in(&body), [""; 0], "in the body of {target}");
            }
            if path.ends_with("/oauth2/v2.0/authorize") {
                let url = Url::parse(&format!("http://x{target}")).unwrap();
                let mut names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
                names.sort_unstable();
                let expected = [
                    "claims",
                    "client_id",
                    "code_challenge",
                    "code_challenge_method",
                    "prompt",
                    "redirect_uri",
                    "response_mode",
                    "response_type",
                    "scope",
                    "state",
                ];
                assert_eq!(names, expected);
            }
        }
    }
}

/// Returns the pieces of a secret to search for, taken from both ends. All tokens begin alike, so
/// the pieces of a token come from its claims and its signature.
fn pieces(secret: &str) -> Vec<&str> {
    let end = |part: &'_ str| part.len() - PIECE;
    match secret.split('.').collect::<Vec<_>>()[..] {
        [_, claims, signature] => {
            vec![&claims[end(claims)..], &signature[..PIECE], &signature[end(signature)..]]
        }
        _ => vec![&secret[..PIECE], &secret[end(secret)..]],
    }
}

fn form(exchange: &Exchange) -> Vec<(String, String)> {
    let pairs = url::form_urlencoded::parse(&exchange.body);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Texts that must not contain secrets, with their descriptions.
#[derive(Default)]
pub(crate) struct Texts(Vec<(String, String)>);

impl Texts {
    /// Adds a text, which must not be empty.
    pub(crate) fn add(&mut self, what: impl Into<String>, text: impl Into<String>) {
        let (what, text) = (what.into(), text.into());
        assert!(!text.trim().is_empty(), "{what} is empty");
        self.0.push((what, text));
    }

    pub(crate) fn assert_clean(&self, secrets: &Secrets) {
        let mut leaks = Vec::new();
        for (what, text) in &self.0 {
            let start = text.contains(START).then_some("the beginning of a token");
            for kind in secrets.found_in(text).into_iter().chain(start) {
                leaks.push(format!("{kind} in {what}:\n{text}"));
            }
        }
        assert!(leaks.is_empty(), "{}", leaks.join("\n\n"));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
