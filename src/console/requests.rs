//! Converts requests for the requests overlay. This module knows how requests are recorded, not how
//! they are drawn.

use std::time::SystemTime;

use crate::app::RequestLine;
use alertdeck_graph::http::Entry;
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_store::FeedId;

/// Converts an entry of the request journal for display.
pub(super) fn request_line(feed: FeedId, entry: &Entry) -> RequestLine {
    let since = entry.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ticks = i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX);
    RequestLine {
        feed,
        started: Timestamp::from_ticks(ticks),
        waited: entry.waited,
        took: match &entry.outcome {
            Some(_) => entry.took,
            None => entry.started.elapsed().unwrap_or_default(),
        },
        method: entry.method.clone(),
        host: SafeText::new(&entry.target.host),
        path: entry.target.decoded(),
        outcome: entry.outcome.clone(),
        bytes: entry.bytes,
        client_request_id: entry.client_request_id.clone(),
        request_id: entry.request_id.clone(),
        curl: entry.curl(),
    }
}
