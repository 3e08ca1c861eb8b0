//! Errors from requests to Graph, each in one line: what happened, what to do, and the IDs that
//! Microsoft Support asks for.

use std::{
    fmt,
    num::NonZeroU16,
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value};

use crate::{
    auth::{AuthError, TokenClaims},
    http::{Cause, Fault, Reply},
    permission::Allowed,
};
use alertdeck_model::{SafeText, Timestamp, WireError};

/// The kinds of errors that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The service rejected the filter.
    Filter,
    /// There is no token, or the service rejects it.
    SignIn,
    /// The token is valid but lacks a permission, or the tenant or the user lacks something else
    /// that is required.
    Permission,
    /// There is no such alert, or this identity may not see it.
    NotFound,
    /// The service throttled every attempt.
    Throttled,
    /// The service failed on every attempt.
    Unavailable,
    /// There is no connection to the service.
    Offline,
    /// The response is not one that Graph is known to send.
    Protocol,
    /// The link to the next page leads outside the endpoint; it was not followed.
    ForeignLink,
    /// A list's pages form a loop.
    Loop,
    /// The list exceeds the limit on alerts or bytes.
    TooLarge,
}

/// A failed request. `Display` writes one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of error, for callers to branch on.
    pub kind: Kind,
    /// A description of what happened.
    pub what: Box<str>,
    /// The recommended action, if any.
    pub advice: Option<&'static str>,
    /// Graph's error code, as sent.
    pub code: Option<SafeText>,
    /// Graph's error message.
    pub message: Option<SafeText>,
    /// The service's own id for the request, on one line.
    pub request_id: Option<Box<str>>,
    /// The list option that the service rejected, if any.
    pub refused: Option<ListOption>,
}

/// Smaller numbers in an error message are not taken to be a page size limit.
const SMALLEST_PAGE: u16 = 10;

/// A list option that can be omitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOption {
    /// `$top`, with the largest value that the service accepts, if stated.
    Top(Option<NonZeroU16>),
    /// `$count`.
    Count,
}

impl ListOption {
    /// Finds the option that a message refers to, such as "The limit of '50' for Top query has been
    /// exceeded. The value from the incoming request is '100'." (docs/graph-api.md, "Paging").
    fn in_message(message: &str) -> Option<Self> {
        let words = || message.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let has = |name: &str| words().any(|word| word.eq_ignore_ascii_case(name));
        if has("top") {
            let numbers = words().filter_map(|word| word.parse::<NonZeroU16>().ok());
            return Some(Self::Top(numbers.filter(|number| number.get() >= SMALLEST_PAGE).min()));
        }
        has("count").then_some(Self::Count)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Top(_) => "$top",
            Self::Count => "$count",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(advice) = self.advice {
            write!(f, "; {advice}")?;
        }
        let details = [&self.code, &self.message].map(|text| text.as_ref().map(SafeText::line));
        match details {
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

/// The purpose of a request, which can affect the meaning of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The first page of a list, with or without a filter.
    List { filtered: bool },
    /// A page that the service linked to.
    NextPage,
    /// One alert, by its id.
    Alert,
    /// A change to an alert.
    Update,
    /// A comment on an alert.
    Comment,
    /// Anything else.
    Other,
}

impl Asked {
    fn is_write(self) -> bool {
        matches!(self, Self::Update | Self::Comment)
    }

    fn is_about_an_alert(self) -> bool {
        matches!(self, Self::Alert | Self::Update | Self::Comment)
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, what: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            what: what.into(),
            advice: None,
            code: None,
            message: None,
            request_id: None,
            refused: None,
        }
    }

    /// Creates the error for a response whose status is not a success.
    pub(crate) fn refused(reply: &Reply, asked: Asked) -> Self {
        let body = ErrorBody::read(&reply.body);
        let is_list = matches!(asked, Asked::List { .. }) && reply.status.as_u16() == 400;
        let refused = body.message.as_ref().filter(|_| is_list);
        let refused = refused.and_then(|message| ListOption::in_message(message.raw()));
        let (kind, what, advice) = match (refused, foreign(reply)) {
            (Some(option), _) => {
                (Kind::Protocol, format!("the service refused {} (HTTP 400)", option.name()), None)
            }
            (None, Some(what)) => {
                (Kind::Protocol, what, Some("check the proxy, the network and --graph-url"))
            }
            (None, None) => explain(reply, asked),
        };
        Self {
            kind,
            what: what.into(),
            advice,
            refused,
            code: body.code,
            message: body.message,
            request_id: body.request_id.or_else(|| reply.request_id()).map(|id| id.line().into()),
        }
    }

    /// Uses the token's claims to make the advice about a missing permission more specific: either
    /// the token lacks the permission, or something else is missing. The service's decision stands.
    pub(crate) fn explained_by(self, claims: Option<&TokenClaims>, asked: Asked) -> Self {
        let allowed = claims.and_then(|claims| Allowed::by(claims.permissions.iter().map(String::as_str)));
        let Some(allowed) = allowed else { return self };
        let is_application = claims.is_some_and(|claims| claims.is_application);
        let has_permission = if asked.is_write() { allowed.write } else { allowed.read };
        let advice = match (has_permission, asked.is_write()) {
            (false, false) => {
                "the token lacks SecurityAlert.Read.All: add it to the application, with admin consent, and sign in again"
            }
            (false, true) => {
                "the token lacks SecurityAlert.ReadWrite.All, so alerts can only be read: add it to the application, with admin consent, and sign in again"
            }
            (true, _) if is_application => {
                "the token has the permission, so the tenant lacks a Defender licence"
            }
            (true, false) => {
                "the token has the permission, so an Entra role such as Security Reader or a Defender licence is missing"
            }
            (true, true) => {
                "the token has the permission, so an Entra role such as Security Operator or a Defender licence is missing"
            }
        };
        Self { advice: Some(advice), ..self }
    }

    /// Creates the error for a response that has a success status but cannot be read.
    pub(crate) fn unreadable(reply: &Reply, error: &WireError) -> Self {
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
                        "next page points to {place}, outside the configured service; it was not requested"
                    ),
                );
            }
            Cause::Dns
            | Cause::Refused
            | Cause::Reset
            | Cause::Closed
            | Cause::Timeout
            | Cause::Cut
            | Cause::Other(_) => (Kind::Offline, Some("check your network connection")),
            Cause::Untrusted(_) => (
                Kind::Offline,
                Some(
                    "if a proxy inspects traffic here, its CA belongs in this machine's certificate store; otherwise do not continue",
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
            AuthError::Refused(ref refusal) if refusal.is_transient() => (Kind::Unavailable, None),
            AuthError::SignInNeeded(_) => {
                (Kind::SignIn, Some("run `alertdeck login`, or press P in the console"))
            }
            _ => (Kind::SignIn, None),
        };
        Self { advice, ..Self::new(kind, error.to_string()) }
    }
}

/// Describes a response that did not come from Graph: a web page, text, or another server's JSON.
/// Returns `None` if the response comes from Graph, is empty, or has a status for which the
/// service's front end may send text of its own.
pub(crate) fn foreign(reply: &Reply) -> Option<String> {
    let status = reply.status.as_u16();
    if reply.status.is_success() || matches!(status, 300..=399 | 407 | 408 | 429 | 500..) {
        return None;
    }
    let body = String::from_utf8_lossy(&reply.body);
    let body = body.trim_start_matches('\u{feff}').trim();
    let host = &reply.host;
    let what = match serde_json::from_str(body) {
        _ if body.is_empty() => return None,
        Ok(Value::Object(object)) if object.is_empty() || is_graphs_error(&object) => return None,
        Ok(_) => format!("{host} does not respond like Graph"),
        Err(_) if reply.is_html() => {
            return Some(format!("a proxy answered instead of {host}: HTML instead of JSON (HTTP {status})"));
        }
        Err(_) => format!("a proxy answered instead of {host}: text instead of JSON"),
    };
    let start: String = body.chars().take(LONGEST_QUOTE).collect();
    let more = if start.len() < body.len() { "…" } else { "" };
    let quoted = SafeText::new(&start).line();
    Some(format!("{what} (HTTP {status}): {quoted}{more}"))
}

/// Returns whether an object has the form of a Graph error (docs/graph-api.md, "Errors").
fn is_graphs_error(object: &Map<String, Value>) -> bool {
    get(object, "error").is_some_and(Value::is_object)
        || (get(object, "code").is_some() && get(object, "message").is_some())
}

fn explain(reply: &Reply, asked: Asked) -> (Kind, String, Option<&'static str>) {
    let status = reply.status.as_u16();
    if let (429 | 503, Some(until)) = (status, long_wait(reply)) {
        let kind = if status == 429 { Kind::Throttled } else { Kind::Unavailable };
        let what = format!("the service accepts no requests until {until} (HTTP {status})");
        return (kind, what, Some("try again then"));
    }
    let plain = |kind, what: &str, advice| (kind, format!("{what} (HTTP {status})"), advice);
    match status {
        300..=399 => plain(
            Kind::Protocol,
            "the service responded with a redirect, which is not followed",
            Some("check the proxy and --graph-url"),
        ),
        400 => match asked {
            Asked::List { filtered: true } => {
                plain(Kind::Filter, "the service refused the filter", Some("change it and try again"))
            }
            Asked::List { filtered: false } | Asked::Other => {
                plain(Kind::Protocol, "the service refused the request", None)
            }
            Asked::NextPage => {
                plain(Kind::Protocol, "the service refused its own next page", Some("load the list again"))
            }
            Asked::Alert => plain(Kind::Protocol, "the service refused the alert's ID", None),
            Asked::Update => plain(
                Kind::Protocol,
                "the service refused the change",
                Some("nothing was changed; check the values"),
            ),
            Asked::Comment => plain(
                Kind::Protocol,
                "the service refused the comment",
                Some("nothing was added; check the text"),
            ),
        },
        401 => plain(Kind::SignIn, "the service refused the token", Some("sign in again or get a new token")),
        403 if asked.is_write() => plain(
            Kind::Permission,
            "not allowed to change alerts",
            Some(
                "needs SecurityAlert.ReadWrite.All with admin consent, and for users also an Entra role such as Security Operator; reading still works",
            ),
        ),
        403 if asked == Asked::Other => plain(
            Kind::Permission,
            "not allowed",
            Some("check the application's permissions and the user's Entra roles"),
        ),
        403 => plain(
            Kind::Permission,
            "not allowed to read alerts",
            Some(
                "needs SecurityAlert.Read.All with admin consent, for users also an Entra role such as Security Reader, and a Defender licence in the tenant",
            ),
        ),
        404 if asked == Asked::Other => plain(Kind::NotFound, "no such resource", None),
        404 if asked.is_about_an_alert() => {
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
        _ => plain(Kind::Protocol, "unexpected answer from the service", None),
    }
}

/// Returns the time until which the service asked clients to wait, if the wait exceeds a minute.
fn long_wait(reply: &Reply) -> Option<Timestamp> {
    let until = reply.retry_at()?;
    let now = reply.date().unwrap_or_else(SystemTime::now);
    let wait = until.duration_since(now).ok().filter(|wait| *wait > Duration::from_secs(60))?;
    let now = i64::try_from(now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs()).ok()?;
    Some(Timestamp::from_seconds(now).after(wait))
}

/// The error object in a response. Its keys vary in case, it can be nested to any depth, and its id
/// has two spellings (docs/graph-api.md, "Errors").
#[derive(Default)]
struct ErrorBody {
    code: Option<SafeText>,
    message: Option<SafeText>,
    request_id: Option<SafeText>,
}

/// The maximum number of characters to quote from a response that did not come from Graph.
const LONGEST_QUOTE: usize = 100;
/// The maximum number of characters to keep from a code or a message.
const LONGEST_MESSAGE: usize = 400;
/// The maximum number of characters to keep from an id.
const LONGEST_ID: usize = 100;

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let Ok(Value::Object(outer)) = serde_json::from_slice(body) else { return Self::default() };
        let mut found = Self::default();
        let mut level = get(&outer, "error").and_then(Value::as_object).unwrap_or(&outer);
        found.code = text(level, "code");
        found.message = text(level, "message");
        // Use the outermost code and message, but the innermost id.
        loop {
            found.request_id =
                text(level, "request-id").or_else(|| text(level, "requestId")).or(found.request_id);
            match get(level, "innerError").and_then(Value::as_object) {
                Some(inner) => level = inner,
                None => break,
            }
        }
        if found.message.is_none() {
            // Some responses leave the outer message empty (docs/graph-api.md, "Errors").
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
    let is_id = name.to_ascii_lowercase().ends_with("id");
    let kept: String = text.chars().take(if is_id { LONGEST_ID } else { LONGEST_MESSAGE }).collect();
    (!kept.is_empty()).then(|| SafeText::new(&kept))
}

#[cfg(test)]
mod tests;
