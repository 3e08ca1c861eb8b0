//! Tracks which of a load's requests are waiting. The load as a whole is waiting only while all of
//! its requests are.
//!
//! The caller handles requests, responses and clocks.

use std::collections::HashMap;

use tokio::time::Instant;

use super::plan::Stream;
use crate::event::{ClientEvent, WaitCause};

/// The waiting requests, and whether the load as a whole has been reported as waiting.
#[derive(Debug, Default)]
pub(super) struct Waits {
    waiting: HashMap<Stream, (Instant, WaitCause)>,
    reported: bool,
}

impl Waits {
    /// Records an event from a request while `requests` requests are in progress. Returns the event
    /// to report, if any.
    pub(super) fn on(
        &mut self,
        (stream, event): (Stream, ClientEvent),
        requests: usize,
        now: Instant,
    ) -> Option<ClientEvent> {
        match event {
            ClientEvent::Waiting { delay, cause } => {
                // A delay beyond the clock's range is as good as forever.
                let until = now.checked_add(delay).unwrap_or(now + std::time::Duration::from_secs(1 << 30));
                self.waiting.insert(stream, (until, cause));
                self.all_waiting(requests, now)
            }
            ClientEvent::Resumed => {
                self.waiting.remove(&stream);
                std::mem::take(&mut self.reported).then_some(ClientEvent::Resumed)
            }
            other => Some(other),
        }
    }

    /// Records the end of a request. Returns the event to report, if any.
    pub(super) fn ended(&mut self, stream: Stream, requests: usize, now: Instant) -> Option<ClientEvent> {
        self.waiting.remove(&stream);
        self.all_waiting(requests, now)
    }

    /// Records that all requests have been cancelled. Returns the event to report, if any.
    pub(super) fn clear(&mut self) -> Option<ClientEvent> {
        std::mem::take(self).reported.then_some(ClientEvent::Resumed)
    }

    /// Returns the wait that ends first, if all requests are waiting and no wait has been reported.
    fn all_waiting(&mut self, requests: usize, now: Instant) -> Option<ClientEvent> {
        if self.reported || self.waiting.len() < requests {
            return None;
        }
        let (until, cause) = self.waiting.values().min_by_key(|(until, _)| *until)?;
        self.reported = true;
        Some(ClientEvent::Waiting { delay: until.saturating_duration_since(now), cause: cause.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn waiting(seconds: u64) -> ClientEvent {
        ClientEvent::Waiting { delay: Duration::from_secs(seconds), cause: WaitCause::Throttled }
    }

    #[test]
    fn a_load_waits_while_all_of_its_requests_do() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        let [one, two, three] = [0, 1, 2].map(Stream::Window);
        assert_eq!(waits.on((one, waiting(9)), 3, now), None);
        assert_eq!(waits.on((two, waiting(5)), 3, now), None);
        assert_eq!(waits.ended(three, 2, now), Some(waiting(5)), "the shortest wait counts");
        assert_eq!(waits.on((two, ClientEvent::Resumed), 2, now), Some(ClientEvent::Resumed));
        assert_eq!(waits.on((two, waiting(7)), 2, now + Duration::from_secs(5)), Some(waiting(4)));
        assert_eq!(waits.on((one, ClientEvent::Resumed), 2, now), Some(ClientEvent::Resumed));
        assert_eq!(waits.on((two, ClientEvent::Resumed), 2, now), None, "reported already");
        assert_eq!(waits.ended(one, 0, now), None);
    }

    #[test]
    fn other_events_are_reported_at_once() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        let renewing = || ClientEvent::RenewingToken;
        assert_eq!(waits.on((Stream::Whole, renewing()), 3, now), Some(renewing()));
    }
}
