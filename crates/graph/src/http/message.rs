//! What the transport sends and receives: requests with their retry rules, credentials, and
//! responses.

use std::{fmt, time::SystemTime};

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{self, HeaderMap, HeaderValue},
};
use secrecy::SecretString;

use super::{Cause, Fault, Scope};
use alertdeck_model::SafeText;

/// The headers that contain the service's own id for a request: Graph's header, then the sign-in
/// service's.
const REQUEST_IDS: [&str; 2] = ["request-id", "x-ms-request-id"];

/// The maximum number of characters to show from a header.
const MAX_HEADER: usize = 400;
/// The maximum number of characters to show from an id.
const MAX_ID: usize = 100;

/// A request as the transport sends it: an address, headers and bytes, without any knowledge of
/// Graph. A [`crate::Request`], which asks for one of Graph's resources, is converted into this
/// type.
#[derive(Clone, Debug)]
pub struct TransportRequest {
    /// The HTTP method.
    pub method: Method,
    /// The address; the request is sent only if the scope of its credential covers it.
    pub url: Url,
    /// Headers in addition to those sent with every request.
    pub headers: HeaderMap,
    /// The body. It may hold secrets, so neither the log nor `Debug` shows it.
    pub body: Option<SecretString>,
    /// The conditions under which the request may be sent again.
    pub repeat: Repeat,
    /// The request's urgency.
    pub priority: Priority,
}

impl TransportRequest {
    /// Creates a GET request, which may be repeated freely.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            repeat: Repeat::Freely,
            priority: Priority::User,
        }
    }

    /// Creates a POST request with a form.
    pub fn post_form(url: Url, form: SecretString, repeat: Repeat) -> Self {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self {
            method: Method::POST,
            url,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]),
            body: Some(form),
            repeat,
            priority: Priority::User,
        }
    }
}

/// The conditions under which a request may be sent again (docs/security.md, "Retries").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// After any transient failure, since sending the request twice has the same effect as sending
    /// it once.
    Freely,
    /// Only if the request was definitely not carried out: no connection was made, or the service
    /// answered 429, or 503 with `Retry-After`.
    IfRefused,
}

/// A request's urgency. When the budget runs low, requests that a user is waiting for go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A user is waiting for the response.
    User,
    /// The request is one of many that load a list.
    Bulk,
}

/// A value for `Authorization`, if any, and the scope within which the request may be sent.
#[derive(Clone, Debug)]
pub struct Credential<'a> {
    /// The scope within which the request, including any secrets in it, may be sent.
    pub scope: &'a Scope,
    /// The value, marked sensitive so that `Debug` hides it.
    pub authorization: Option<HeaderValue>,
}

/// The response to the last attempt, whatever its status. `Debug` omits the body, because the
/// response to a sign-in contains tokens.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The complete body, decompressed.
    pub body: Bytes,
    /// The number of times the request was sent.
    pub tries: u32,
    /// The host that answered, with the port unless it is the default.
    pub host: String,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reply = f.debug_struct("Reply");
        reply.field("status", &self.status).field("host", &self.host).field("bytes", &self.body.len());
        reply.finish_non_exhaustive()
    }
}

impl Reply {
    /// Returns a header as text that is safe to show, cut to 400 characters.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<SafeText> {
        self.header_start(name, MAX_HEADER)
    }

    /// Returns the service's own id for the request, cut to 100 characters.
    pub fn request_id(&self) -> Option<SafeText> {
        REQUEST_IDS.into_iter().find_map(|name| self.header_start(name, MAX_ID))
    }

    fn header_start(&self, name: impl header::AsHeaderName, most: usize) -> Option<SafeText> {
        let value = String::from_utf8_lossy(self.headers.get(name)?.as_bytes());
        Some(SafeText::new(&value.chars().take(most).collect::<String>()))
    }

    /// Returns the time the response was sent, according to the service's clock (the `Date`
    /// header).
    pub fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(header::DATE)?.to_str().ok()?).ok()
    }

    /// Returns whether the body is HTML, as sent by proxies and captive portals.
    pub fn is_html(&self) -> bool {
        let declared = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        declared.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
            || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// Returns the body if it may be JSON.
    ///
    /// Fails with [`Cause::Html`] for HTML and with [`Cause::Empty`] for an empty body.
    pub fn json(&self) -> Result<Bytes, Fault> {
        let fault = |cause| Err(Fault { host: self.host.clone(), cause });
        if self.is_html() {
            return fault(Cause::Html);
        }
        if self.body.trim_ascii().is_empty() {
            return fault(Cause::Empty(self.status.as_u16()));
        }
        Ok(self.body.clone())
    }
}
