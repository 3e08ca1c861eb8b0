//! Replies and refusals, before they are written to a connection.

use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use bytes::Bytes;

/// The content type of JSON responses.
const JSON: &str = "application/json;odata.metadata=minimal";

/// A response, without the headers that all responses share.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Bytes,
    /// How delivery of the response fails.
    pub(super) damage: Damage,
}

/// How delivery of a response fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    None,
    /// The connection is closed in the middle of a chunked body. Over HTTP/2, the stream is reset.
    Cut,
    /// The connection is closed before `Content-Length` bytes have been sent. Over HTTP/2, the
    /// stream is reset.
    Short,
    /// The connection is closed without a response. Over HTTP/2, it ends with a GOAWAY, after which
    /// other streams are still answered.
    Unanswered,
    /// The connection is reset without a response. Over HTTP/2, only the stream is reset
    /// (INTERNAL_ERROR).
    Reset,
    /// The request is refused before it is processed: the connection is closed without a response.
    /// Over HTTP/2, the stream is reset (REFUSED_STREAM).
    Refused,
    /// Nothing is sent, and the connection stays open.
    Silence,
    /// The complete body is sent in pieces, each after a delay.
    Slow,
}

impl Damage {
    /// Returns whether no response is sent at all.
    pub(super) fn is_unanswered(self) -> bool {
        matches!(self, Self::Unanswered | Self::Reset | Self::Refused | Self::Silence)
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

    /// Creates a JSON response from a sign-in endpoint. The response may contain tokens and must
    /// not be cached.
    pub(super) fn plain_json(body: impl Into<Bytes>) -> Self {
        let mut reply = Self::new(StatusCode::OK, "application/json; charset=utf-8", body);
        reply.headers.push((header::CACHE_CONTROL, "no-store".into()));
        reply
    }

    pub(super) fn text(body: String) -> Self {
        Self::new(StatusCode::OK, "text/plain", body)
    }

    /// Creates the HTML page sent by a proxy between the client and the service.
    pub(super) fn html() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Sign in to continue</title></head>\
                    <body><h1>Network sign-in</h1></body></html>";
        Self::new(StatusCode::OK, "text/html; charset=utf-8", page)
    }

    /// Creates a response that is never sent. [`Damage::is_unanswered`] must be true for `damage`.
    pub(super) fn unsent(damage: Damage) -> Self {
        Self { damage, ..Self::text(String::new()) }
    }

    pub(super) fn error(status: StatusCode, body: String) -> Self {
        Self::new(status, JSON, body)
    }
}

/// A rejected request: the error's status, code and message (docs/graph-api.md, "Errors").
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) retry_after: Option<RetryAfter>,
    /// The value of `WWW-Authenticate`, if it contains more than the default challenge.
    pub(super) challenge: Option<String>,
}

/// The value of `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RetryAfter {
    pub(super) wait: Duration,
    /// True if it is sent as an HTTP date (RFC 9110) instead of in seconds.
    pub(super) as_date: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, challenge: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// Creates the refusal for a missing or invalid token.
    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// Creates the refusal for an invalid body. As in Graph, the error does not say what is wrong
    /// with the body (docs/graph-api.md, "Updating alerts").
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
