//! What happens to a request while the caller waits for its answer.
//!
//! One type serves every layer from the socket to the screen: it is plain data and knows neither
//! requests nor the user interface.

use std::time::Duration;

/// Something worth showing that happens between sending a request and its answer.
///
/// Events of one request arrive in order: every [`Waiting`](Self::Waiting) is followed by a
/// [`Resumed`](Self::Resumed), unless the request is cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The request is held back for a while; nothing is sent meanwhile.
    Waiting {
        /// How long, counted from the event.
        delay: Duration,
        /// Why.
        cause: WaitCause,
    },
    /// The wait is over, and the request is sent.
    Resumed,
    /// The service rejected the access token, and a new one is being fetched.
    RenewingToken,
    /// A change was sent, its outcome is unclear, and the alert is being read again to find out.
    Checking {
        /// Why the outcome is unclear, in one line that is safe to show.
        cause: String,
    },
}

/// Why a request is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitCause {
    /// The service asked for it (429, or 503 with `Retry-After`).
    Throttled,
    /// The requests of this minute are used up (docs/graph-api.md, "Throttling").
    Budget,
    /// The last attempt failed.
    Retry {
        /// The failure in one line that is safe to show.
        failure: String,
        /// How many attempts have failed so far.
        failed: u32,
    },
    /// The alert does not show a change yet whose outcome is unclear; it is read once more.
    Recheck,
}

/// The receiver of a request's events.
pub type OnEvent<'a> = &'a mut (dyn FnMut(ClientEvent) + Send);
