//! What went wrong with Graph, as one clear line: what happened, what to do, and what support
//! asks for.

use std::fmt;

use serde_json::{Map, Value};

use super::permission::Allowed;
use crate::{
    auth::{AuthError, TokenClaims},
    http::{Cause, Fault, Reply},
};
use alertdeck_model::{SafeText, WireError};

/// What a caller can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The service refused the filter.
    Filter,
    /// There is no token, or the service does not take it.
    SignIn,
    /// The token is good and does not suffice.
    Permission,
    /// No such alert, or none that this identity may see.
    NotFound,
    /// The service let no request through.
    Throttled,
    /// The service failed, time and again.
    Unavailable,
    /// No connection.
    Offline,
    /// An answer that is not what Graph answers.
    Protocol,
    /// The next page lies outside the endpoint; it was not asked for.
    ForeignLink,
    /// The pages go round in a circle.
    Loop,
}

/// A failed request. `Display` writes one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What a caller can act on.
    pub kind: Kind,
    /// What happened.
    pub what: Box<str>,
    /// What to do about it.
    pub advice: Option<&'static str>,
    /// Graph's own code, as sent.
    pub code: Option<SafeText>,
    /// Graph's own message.
    pub message: Option<SafeText>,
    /// The service's id of the request, on one line.
    pub request_id: Option<Box<str>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(advice) = self.advice {
            write!(f, "; {advice}")?;
        }
        let said = [&self.code, &self.message].map(|text| text.as_ref().map(SafeText::line));
        match said {
            [Some(code), Some(message)] => write!(f, " [{code}: {message}]")?,
            [Some(text), None] | [None, Some(text)] => write!(f, " [{text}]")?,
            [None, None] => {}
        }
        match &self.request_id {
            Some(id) => write!(f, " (request-id {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// What was asked for: one status means different things for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The first page of a list, with or without a filter.
    List { filtered: bool },
    /// A page that the service itself named.
    NextPage,
    /// One alert by id.
    Alert,
}

impl Error {
    pub(super) fn new(kind: Kind, what: impl Into<Box<str>>) -> Self {
        Self { kind, what: what.into(), advice: None, code: None, message: None, request_id: None }
    }

    /// Reads a refusal.
    pub(super) fn refused(reply: &Reply, asked: Asked) -> Self {
        let body = ErrorBody::read(&reply.body);
        let (kind, what, advice) = explain(reply, asked);
        Self {
            kind,
            what: what.into(),
            advice,
            code: body.code,
            message: body.message,
            request_id: body.request_id.or_else(|| reply.request_id()).map(|id| id.line().into()),
        }
    }

    /// Says of a missing permission what the token itself tells: whether the permission is not in
    /// it, or whether something else is missing. The service has decided; this only explains.
    pub(super) fn judged_by(self, claims: Option<&TokenClaims>) -> Self {
        let allowed = claims.and_then(|claims| Allowed::by(claims.permissions.iter().map(String::as_str)));
        let advice = match allowed {
            None => return self,
            Some(Allowed { read: true, .. }) if claims.is_some_and(|claims| claims.is_application) => {
                "the token holds the permission, so a Defender licence of the tenant is missing"
            }
            Some(Allowed { read: false, .. }) => {
                "the token lacks SecurityAlert.Read.All: add it to the application, with admin consent, and sign in again"
            }
            Some(Allowed { read: true, .. }) => {
                "the token holds the permission, so an Entra role such as Security Reader or a Defender licence is missing"
            }
        };
        Self { advice: Some(advice), ..self }
    }

    /// Takes a page that came with a good status and cannot be read.
    pub(super) fn unreadable(reply: &Reply, error: &WireError) -> Self {
        let what = format!("the service's answer cannot be read: {error}");
        Self { request_id: reply.request_id().map(|id| id.line().into()), ..Self::new(Kind::Protocol, what) }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let (kind, advice) = match &fault.cause {
            Cause::Foreign(place) => {
                return Self::new(
                    Kind::ForeignLink,
                    format!(
                        "next page points to {place}, outside the configured service; it was not asked for"
                    ),
                );
            }
            Cause::Dns
            | Cause::Refused
            | Cause::Reset
            | Cause::Closed
            | Cause::Timeout
            | Cause::Cut
            | Cause::Other(_) => (Kind::Offline, Some("check the network and try again")),
            Cause::Untrusted(_) => (
                Kind::Offline,
                Some(
                    "if a proxy inspects traffic here, its CA belongs in this machine's certificate store; else do not go on",
                ),
            ),
            Cause::Tls(_) | Cause::Setup(_) => {
                (Kind::Offline, Some("check the proxy, and this machine's certificates and clock"))
            }
            Cause::Proxy(_) | Cause::ProxySignIn => (Kind::Offline, Some("check HTTPS_PROXY and NO_PROXY")),
            Cause::Html => (Kind::Protocol, Some("sign in to the network, or check the proxy")),
            Cause::Empty(_) => (Kind::Protocol, Some("try again")),
            Cause::TooLarge(_) => (Kind::Protocol, None),
        };
        Self { advice, ..Self::new(kind, fault.to_string()) }
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        let (kind, advice) = match error {
            AuthError::Transport(fault) => return fault.into(),
            AuthError::Unavailable(_) => (Kind::Unavailable, None),
            AuthError::Refused(ref refusal) if refusal.is_passing() => (Kind::Unavailable, None),
            AuthError::SignInNeeded(_) => {
                (Kind::SignIn, Some("run `alertdeck login`, or press P in the console"))
            }
            _ => (Kind::SignIn, None),
        };
        Self { advice, ..Self::new(kind, error.to_string()) }
    }
}

fn explain(reply: &Reply, asked: Asked) -> (Kind, String, Option<&'static str>) {
    let status = reply.status.as_u16();
    let plain = |kind, what: &str, advice| (kind, format!("{what} (HTTP {status})"), advice);
    match status {
        300..=399 => plain(
            Kind::Protocol,
            "the service answered with a redirect, which is not followed",
            Some("check the proxy and --graph-url"),
        ),
        400 => match asked {
            Asked::List { filtered: true } => {
                plain(Kind::Filter, "the service refused the filter", Some("change it and try again"))
            }
            Asked::List { filtered: false } => plain(Kind::Protocol, "the service refused the request", None),
            Asked::NextPage => {
                plain(Kind::Protocol, "the service refused its own next page", Some("load the list again"))
            }
            Asked::Alert => plain(Kind::Protocol, "the service refused the alert's id", None),
        },
        401 => plain(Kind::SignIn, "the service refused the token", Some("sign in again or get a new token")),
        403 => plain(
            Kind::Permission,
            "not allowed to read alerts",
            Some(
                "needs SecurityAlert.Read.All with admin consent, for users also an Entra role such as Security Reader, and a Defender licence in the tenant",
            ),
        ),
        404 if asked == Asked::Alert => {
            plain(Kind::NotFound, "no such alert", Some("it is gone, or not visible to this identity"))
        }
        404 => plain(Kind::Protocol, "no alerts API at this address", Some("check --graph-url and --api")),
        407 => plain(Kind::Offline, "the proxy asks for a sign-in", Some("check HTTPS_PROXY")),
        429 => (
            Kind::Throttled,
            format!("throttled by the service {} times in a row (HTTP 429)", reply.tries),
            Some("wait a minute and try again"),
        ),
        408 | 500..=599 => {
            let (html, tries) =
                (if reply.is_html() { "a proxy or the service" } else { "the service" }, reply.tries);
            let times = if tries == 1 { String::new() } else { format!(", {tries} times") };
            (Kind::Unavailable, format!("{html} failed with HTTP {status}{times}"), Some("try again later"))
        }
        _ => plain(Kind::Protocol, "the service gave an unexpected answer", None),
    }
}

/// The error object of a reply. Its keys vary in case, nest to any depth, and its id is spelled
/// in two ways (API.md 9, QUIRKS.md).
#[derive(Default)]
struct ErrorBody {
    code: Option<SafeText>,
    message: Option<SafeText>,
    request_id: Option<SafeText>,
}

/// Characters of a foreign message that are kept: more fills no line.
const LONGEST_MESSAGE: usize = 400;

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let Ok(Value::Object(outer)) = serde_json::from_slice(body) else { return Self::default() };
        let mut found = Self::default();
        let mut level = get(&outer, "error").and_then(Value::as_object).unwrap_or(&outer);
        found.code = text(level, "code");
        found.message = text(level, "message");
        // The outermost code and message are the ones to act on; the id stands at the bottom.
        loop {
            found.request_id =
                text(level, "request-id").or_else(|| text(level, "requestId")).or(found.request_id);
            match get(level, "innerError").and_then(Value::as_object) {
                Some(inner) => level = inner,
                None => break,
            }
        }
        if found.message.is_none() {
            // Some replies leave the outer message empty (QUIRKS.md).
            found.message = text(level, "message");
        }
        found
    }
}

fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text(object: &Map<String, Value>, name: &str) -> Option<SafeText> {
    let text = get(object, name)?.as_str()?.trim();
    let kept: String = text.chars().take(LONGEST_MESSAGE).collect();
    (!kept.is_empty()).then(|| SafeText::new(&kept))
}

#[cfg(test)]
mod tests;
