//! The requests sent of late: what support asks for, and nothing that is secret.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::model::SafeText;

/// How many requests are remembered.
pub const LOG_LENGTH: usize = 200;

/// One attempt to send a request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it was sent, by the local clock.
    pub started: SystemTime,
    /// How long it was held back before.
    pub waited: Duration,
    /// From sending to the last byte, or to the failure.
    pub took: Duration,
    /// The method.
    pub method: &'static str,
    /// The path; the query is left out, it may hold tokens and names.
    pub path: SafeText,
    /// The status, or the failure in one line.
    pub outcome: Result<u16, String>,
    /// Bytes of the body after decompression.
    pub bytes: usize,
    /// The GUID that was sent with it.
    pub client_request_id: String,
    /// The service's own id.
    pub request_id: Option<SafeText>,
}

/// A ring of entries.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<VecDeque<Entry>>);

impl Log {
    pub(super) fn push(&self, entry: Entry) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == LOG_LENGTH {
            ring.pop_front();
        }
        ring.push_back(entry);
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
