//! What the service answers, before it becomes bytes on a connection.

use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use bytes::Bytes;

/// The content type of JSON replies.
const JSON: &str = "application/json;odata.metadata=minimal";

/// An answer without the headers that every reply has.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
    /// What happens to it on its way.
    pub(super) damage: Damage,
}

/// How a reply fails to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    None,
    /// The connection ends in the middle of a chunked body.
    Cut,
    /// The connection ends before the announced length is reached.
    Short,
    /// The connection ends without an answer.
    Unanswered,
    /// The connection is reset without an answer.
    Reset,
    /// The body arrives whole, in a few pieces with a wait before each.
    Slow,
}

impl Damage {
    /// Tells whether there is no answer at all.
    pub(super) fn is_silence(self) -> bool {
        matches!(self, Self::Unanswered | Self::Reset)
    }
}

impl Reply {
    pub(super) fn new(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(header::CONTENT_TYPE, content_type.to_owned())];
        Self { status, headers, body: body.into(), damage: Damage::None }
    }

    pub(super) fn json(body: impl Into<Bytes>) -> Self {
        Self::new(StatusCode::OK, JSON, body)
    }

    /// JSON of the sign-in side; it may hold tokens, so nobody is to keep it.
    pub(super) fn plain_json(body: impl Into<Bytes>) -> Self {
        let mut reply = Self::new(StatusCode::OK, "application/json; charset=utf-8", body);
        reply.headers.push((header::CACHE_CONTROL, "no-store".into()));
        reply
    }

    pub(super) fn text(body: String) -> Self {
        Self::new(StatusCode::OK, "text/plain", body)
    }

    /// The page of some proxy between the client and the service.
    pub(super) fn html() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Sign in to continue</title></head>\
                    <body><h1>Network sign-in</h1></body></html>";
        Self::new(StatusCode::OK, "text/html; charset=utf-8", page)
    }

    pub(super) fn unanswered() -> Self {
        Self { damage: Damage::Unanswered, ..Self::text(String::new()) }
    }

    pub(super) fn error(status: StatusCode, body: String) -> Self {
        Self::new(status, JSON, body)
    }
}

/// Why a request is refused, in the terms of API.md 9.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) retry_after: Option<RetryAfter>,
    /// The value of `WWW-Authenticate` where it is more than the scheme.
    pub(super) challenge: Option<String>,
}

/// How long a client is told to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RetryAfter {
    pub(super) wait: Duration,
    /// Told as an HTTP date (RFC 9110) rather than in seconds.
    pub(super) as_date: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, challenge: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// A token that is not good, or none.
    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// A body that the service does not accept; it never says why (QUIRKS.md).
    pub(super) fn bad_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestBody", "Request body is incorrect")
    }

    pub(super) fn throttled(retry_after: Option<RetryAfter>) -> Self {
        let refusal = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "Too many requests. Please retry again later.",
        );
        Self { retry_after, ..refusal }
    }
}
