//! Decides whether a request is sent again, and how long to wait first. The caller does the
//! waiting.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, header};

use super::{Fault, Limits, Repeat, Reply};
use crate::event::WaitCause;

/// The maximum wait, unless the service asks for a longer one.
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// The next step after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The outcome is final.
    Stop,
    /// The service asked clients not to send anything for this long.
    Throttled(Duration),
    /// Make another attempt after this wait.
    Again(Duration, WaitCause),
}

/// The attempts made so far for one request.
pub(super) struct Retry<'a> {
    limits: &'a Limits,
    repeat: Repeat,
    failures: u32,
    throttles: u32,
    /// The total wait so far, excluding the time that the service asked for.
    own: Duration,
}

impl<'a> Retry<'a> {
    pub(super) fn new(limits: &'a Limits, repeat: Repeat) -> Self {
        Self { limits, repeat, failures: 0, throttles: 0, own: Duration::ZERO }
    }

    /// Returns the number of times the request was sent.
    pub(super) fn tries(&self) -> u32 {
        (self.failures + self.throttles).max(1)
    }

    /// Decides what to do after an attempt. `jitter` is in `0.0..1.0`.
    ///
    /// The wait is the longer of the one that the service asks for and the backoff. The service's
    /// part is never shortened and does not count towards [`Limits::patience`], but the number of
    /// such waits is limited.
    pub(super) fn after(&mut self, outcome: &Result<Reply, Fault>, jitter: f64) -> Next {
        let asked = outcome.as_ref().ok().and_then(retry_after);
        let failure = match outcome {
            Err(fault) if fault.is_transient() && self.may_repeat(fault) => fault.to_string(),
            Ok(reply) if is_transient(reply.status) && self.may_follow(reply.status, asked) => {
                format!("HTTP {}", reply.status.as_u16())
            }
            _ => {
                self.failures += 1;
                return Next::Stop;
            }
        };
        let throttled =
            asked.is_some() || matches!(outcome, Ok(reply) if reply.status == StatusCode::TOO_MANY_REQUESTS);
        let spent = if throttled {
            self.throttles += 1;
            self.throttles > self.limits.throttles
        } else {
            self.failures += 1;
            self.failures >= self.limits.tries
        };
        if spent {
            return Next::Stop;
        }
        if asked.is_some_and(|asked| asked > self.limits.longest_wait) {
            return Next::Stop;
        }
        // Do not send all attempts at once if the service asks for no wait, or for a wait until a
        // time in the past.
        let asked = asked.unwrap_or_default();
        let delay = asked.max(self.backoff().mul_f64(jitter));
        self.own += delay.saturating_sub(asked);
        if self.own > self.limits.patience {
            return Next::Stop;
        }
        if throttled {
            Next::Throttled(delay)
        } else {
            Next::Again(delay, WaitCause::Retry { failure, failed: self.failures })
        }
    }

    /// Returns whether a request that got no response may be sent again.
    fn may_repeat(&self, fault: &Fault) -> bool {
        self.repeat == Repeat::Freely || fault.was_not_sent()
    }

    /// Returns whether a request that got this response may be sent again.
    fn may_follow(&self, status: StatusCode, asked: Option<Duration>) -> bool {
        match self.repeat {
            Repeat::Freely => true,
            Repeat::IfRefused => is_refusal(status, asked.is_some()),
        }
    }

    /// Returns the upper bound of the next wait that the service did not ask for. Full jitter uses
    /// a random fraction of it.
    fn backoff(&self) -> Duration {
        let earlier = (self.failures + self.throttles).saturating_sub(1).min(16);
        self.limits.backoff.saturating_mul(1 << earlier).min(LONGEST_BACKOFF)
    }
}

/// Returns whether a status means that the service did not carry out the request and wants it sent
/// again later: 429, or 503 with `Retry-After`.
fn is_refusal(status: StatusCode, has_retry_after: bool) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE && has_retry_after
}

/// Returns whether the same GET may succeed after this status (docs/graph-api.md, "Status codes").
fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 509)
}

/// Reads `Retry-After`: seconds, which Graph may send with a fraction, or an HTTP date (RFC 9110,
/// 10.2.3). A date is relative to the response's `Date`, or to the local clock if there is none.
fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    // Other spellings that Rust can parse, such as `inf` or `1e5`, are not numbers here.
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        return Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let now = reply.date().unwrap_or_else(SystemTime::now);
    Some(at.duration_since(now).unwrap_or_default())
}

impl Reply {
    /// Returns whether the response proves that the request was not carried out: 429, or 503 with
    /// `Retry-After`.
    pub(crate) fn is_refusal(&self) -> bool {
        is_refusal(self.status, retry_after(self).is_some())
    }

    /// Returns the time before which the service has asked us not to send another request.
    pub(crate) fn retry_at(&self) -> Option<SystemTime> {
        let now = self.date().unwrap_or_else(SystemTime::now);
        retry_after(self).map(|wait| now.checked_add(wait).unwrap_or(now))
    }
}
