//! Whether a request is sent again, and after which wait. It decides; it does not wait.

use std::time::{Duration, SystemTime};

use reqwest::{StatusCode, header};

use super::{Cause, Fault, Limits, Repeat, Reply, Wait};

/// The largest wait that is not asked for by the service.
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// What follows an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The outcome is final.
    Stop,
    /// The service wants silence for this long.
    Throttled(Duration),
    /// Another try after this wait.
    Again(Duration, Wait),
}

/// The attempts of one request so far.
pub(super) struct Retry<'a> {
    limits: &'a Limits,
    repeat: Repeat,
    failures: u32,
    throttles: u32,
    /// Waits so far that the service did not ask for.
    own: Duration,
}

impl<'a> Retry<'a> {
    pub(super) fn new(limits: &'a Limits, repeat: Repeat) -> Self {
        Self { limits, repeat, failures: 0, throttles: 0, own: Duration::ZERO }
    }

    /// How many times the request was sent, the last time included.
    pub(super) fn tries(&self) -> u32 {
        (self.failures + self.throttles).max(1)
    }

    /// Decides after an attempt. `jitter` lies in `0.0..1.0`.
    ///
    /// A wait told by the service is kept in full and costs no patience, but their number is
    /// bounded: a service that never lets one through has to be given up some time.
    pub(super) fn after(&mut self, outcome: &Result<Reply, Fault>, jitter: f64) -> Next {
        let told = outcome.as_ref().ok().and_then(retry_after);
        let cause = match outcome {
            Err(fault) if fault.is_passing() && self.may_repeat(&fault.cause) => fault.to_string(),
            Ok(reply) if is_passing(reply.status) && self.may_follow(reply.status, told) => {
                format!("HTTP {}", reply.status.as_u16())
            }
            _ => {
                self.failures += 1;
                return Next::Stop;
            }
        };
        let throttled =
            told.is_some() || matches!(outcome, Ok(reply) if reply.status == StatusCode::TOO_MANY_REQUESTS);
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
        let delay = told.unwrap_or_else(|| self.backoff().mul_f64(jitter));
        if told.is_none() {
            self.own += delay;
            if self.own > self.limits.patience {
                return Next::Stop;
            }
        }
        if throttled {
            Next::Throttled(delay)
        } else {
            Next::Again(delay, Wait::Retry { cause, failed: self.failures })
        }
    }

    /// Tells whether a request that got no answer may be sent again.
    fn may_repeat(&self, cause: &Cause) -> bool {
        // Without a connection nothing was sent.
        self.repeat == Repeat::Freely || matches!(cause, Cause::Dns | Cause::Refused)
    }

    /// Tells whether a request that was answered so may be sent again.
    fn may_follow(&self, status: StatusCode, told: Option<Duration>) -> bool {
        match self.repeat {
            Repeat::Freely => true,
            Repeat::IfRefused => {
                status == StatusCode::TOO_MANY_REQUESTS
                    || status == StatusCode::SERVICE_UNAVAILABLE && told.is_some()
            }
        }
    }

    /// The upper bound of the next own wait; full jitter takes a part of it.
    fn backoff(&self) -> Duration {
        let earlier = (self.failures + self.throttles).saturating_sub(1).min(16);
        self.limits.backoff.saturating_mul(1 << earlier).min(LONGEST_BACKOFF)
    }
}

/// Statuses after which the same GET may succeed (API.md 9); 501 and 505 never do.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 509)
}

/// Reads how long the service wants silence: seconds, also with a fraction as Graph sends, or
/// an HTTP date (RFC 9110, 10.2.3), counted from the service's own clock where it is told.
fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let now = reply.date().unwrap_or_else(SystemTime::now);
    Some(at.duration_since(now).unwrap_or_default())
}
