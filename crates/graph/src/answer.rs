//! Response types, as plain data.

use alertdeck_model::{RawPage, SafeText, Timestamp};
use bytes::Bytes;

use crate::error::Error;

/// A page of alerts, as received.
#[derive(Clone, Debug)]
pub struct Page {
    /// The alerts and the response envelope.
    pub raw: RawPage,
    /// The time the response was sent, according to the service's clock (the `Date` header).
    pub date: Option<Timestamp>,
    /// A warning if the results are incomplete: the service's own warning (206), the error that it
    /// returned with partial results, or a note that the list is far shorter than the service's
    /// count.
    pub partial: Option<SafeText>,
    /// The address of the next page, from which the list can be continued later; `None` after the
    /// last page.
    pub bookmark: Option<String>,
}

/// The JSON of a response, byte for byte as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(pub Bytes);

impl std::fmt::Debug for RawJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawJson({} bytes)", self.0.len())
    }
}

/// The outcome of a change that the service did not reject.
///
/// An [`Error`] instead means that the change was definitely not made: the service rejected it, or
/// it was not sent.
#[derive(Clone, Debug)]
pub enum Outcome<T> {
    /// The change is in effect. The payload is the state that the service last returned.
    Applied(T),
    /// The outcome was unclear, and reading the alert again does not show the change.
    ///
    /// An update may be sent again. If `current` contains neither the old nor the new values,
    /// someone else has changed the alert, and the user should decide what to do. If a comment did
    /// not appear in time, only the user should decide whether to send it again, since the service
    /// may still be processing it.
    NotApplied {
        /// The state that was read back.
        current: T,
        /// The reason the outcome was unclear.
        cause: Error,
    },
    /// The outcome is unclear, and reading the alert did not settle it.
    Unknown {
        /// The reason the outcome was unclear.
        cause: Error,
        /// The reason reading the alert did not settle the outcome.
        recheck: Error,
    },
}
