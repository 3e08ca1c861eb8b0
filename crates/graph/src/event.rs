//! Events that a request reports while the caller waits for the response.
//!
//! A single type serves every layer from the socket to the screen. It is plain data, independent of
//! requests and of the user interface.

use std::time::Duration;

use alertdeck_model::SafeText;

/// An event worth showing that occurs between sending a request and receiving the response.
///
/// Events for a request arrive in order: every [`Waiting`](Self::Waiting) is followed by a
/// [`Resumed`](Self::Resumed), unless the request is cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The request is delayed; nothing is sent until the delay is over.
    Waiting {
        /// The length of the delay, starting with this event.
        delay: Duration,
        /// The reason for the delay.
        cause: WaitCause,
    },
    /// The wait is over, and the request is sent.
    Resumed,
    /// The service rejected the access token, and a new one is being fetched.
    RenewingToken,
    /// The service has accepted a change, though its outcome may still be unclear. The payload is
    /// the service's own id for the request, cut to 100 characters.
    Accepted(SafeText),
    /// A change was sent but its outcome is unclear, so the alert is being read again to find out.
    Checking {
        /// The reason the outcome is unclear, in one line that is safe to show.
        cause: String,
    },
}

/// The reason a request is delayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitCause {
    /// The service asked for the delay (429, or 503 with `Retry-After`).
    Throttled,
    /// The requests allowed for this minute are used up (docs/graph-api.md, "Throttling").
    Budget,
    /// The last attempt failed.
    Retry {
        /// The failure, in one line that is safe to show.
        failure: String,
        /// The number of attempts that have failed so far.
        failed: u32,
    },
    /// The alert does not yet show a change whose outcome is unclear; it will be read again.
    Recheck,
}

/// The callback that receives a request's events.
pub type OnEvent<'a> = &'a mut (dyn FnMut(ClientEvent) + Send);
