//! The per-minute request budget, shared by everything that talks to one tenant.
//!
//! A few requests are reserved for user actions, such as reading an alert, so that loading a list
//! does not delay them.
//!
//! The budget counts requests and computes waits; it neither waits nor reports.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Priority;
use crate::event::WaitCause;

/// The number of requests reserved for user actions.
const KEPT: f64 = 5.0;

/// A token bucket that never allows more requests than its limit in any minute.
///
/// A fifth of the limit may be sent at once. The rest refills evenly, so that the burst and the
/// refill together stay within the limit. Clones share the bucket.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Mutex<Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    counted: Instant,
    burst: f64,
    per_second: f64,
    /// The time until which nothing is sent, at the service's request.
    held: Instant,
}

impl Default for Budget {
    /// Returns a budget with Graph's documented limit for `/security`: 150 requests per minute, per
    /// application and tenant (docs/graph-api.md, "Throttling").
    fn default() -> Self {
        Self::per_minute(150)
    }
}

impl Budget {
    /// Creates a budget that allows `requests` requests in any minute, or one if `requests` is 0.
    pub fn per_minute(requests: u32) -> Self {
        let requests = f64::from(requests.max(1));
        let burst = (requests / 5.0).max(1.0);
        // A budget of one request has nothing beyond its burst to refill.
        let per_second = (requests - burst).max(1.0) / 60.0;
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Bucket { tokens: burst, counted: now, burst, per_second, held: now })))
    }

    /// Creates a budget without a limit of its own. It still obeys the service's requests to wait.
    pub fn unlimited() -> Self {
        Self::per_minute(u32::MAX)
    }

    /// Takes one request from the budget. If none is left, fails with the time to wait before the
    /// next call and the reason for the wait.
    pub(super) fn take(&self, priority: Priority) -> Result<(), (Duration, WaitCause)> {
        let mut bucket = self.bucket();
        let now = Instant::now();
        if now < bucket.held {
            return Err((bucket.held - now, WaitCause::Throttled));
        }
        let gained = (now - bucket.counted).as_secs_f64() * bucket.per_second;
        bucket.tokens = (bucket.tokens + gained).min(bucket.burst);
        bucket.counted = now;
        let needed = match priority {
            Priority::User => 1.0,
            // A small budget reserves fewer; otherwise, lists would never load.
            Priority::Bulk => 1.0 + KEPT.min((bucket.burst - 1.0) / 2.0),
        };
        // Because of rounding errors, a sum of fractions can fall short of what is needed.
        if bucket.tokens >= needed - 1e-6 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let missing = (needed - bucket.tokens) / bucket.per_second;
        Err((Duration::from_secs_f64(missing).max(Duration::from_millis(1)), WaitCause::Budget))
    }

    /// Blocks all requests for `delay`, at the service's request.
    pub(super) fn hold(&self, delay: Duration) {
        let mut bucket = self.bucket();
        // If the time is beyond the clock's range, use a year, which is as good as forever.
        let now = Instant::now();
        let until = now.checked_add(delay).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        bucket.held = bucket.held.max(until);
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        // A panic cannot leave a change half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Sends as fast as the budget allows for `minutes` minutes; returns the times in seconds.
    async fn send_greedily(budget: &Budget, priority: Priority, minutes: u64) -> Vec<f64> {
        let start = Instant::now();
        let mut sent = Vec::new();
        while start.elapsed() < Duration::from_secs(60 * minutes) {
            match budget.take(priority) {
                Ok(()) => sent.push(start.elapsed().as_secs_f64()),
                Err((delay, _)) => tokio::time::sleep(delay).await,
            }
        }
        sent
    }

    #[rstest]
    #[case(150)]
    #[case(60)]
    #[case(7)]
    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_requests_than_the_limit(
        #[case] limit: u32,
        #[values(Priority::User, Priority::Bulk)] priority: Priority,
    ) {
        let sent = send_greedily(&Budget::per_minute(limit), priority, 5).await;
        for (from, first) in sent.iter().enumerate() {
            let within = sent[from..].iter().take_while(|at| **at < first + 60.0).count();
            assert!(within <= limit as usize, "{within} requests in the minute from {first}");
        }
        let least = limit as usize * 5 * 3 / 4;
        assert!(sent.len() > least, "only {} requests in five minutes", sent.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_applies_to_every_clone_and_the_longest_wins() {
        let budget = Budget::default();
        let other = budget.clone();
        budget.hold(Duration::from_secs(7));
        budget.hold(Duration::from_secs(3));
        assert_eq!(other.take(Priority::User), Err((Duration::from_secs(7), WaitCause::Throttled)));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(other.take(Priority::User), Ok(()));
        budget.hold(Duration::MAX);
        assert!(other.take(Priority::User).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn lists_leave_requests_for_the_user() {
        let budget = Budget::default();
        let count = |priority| (0..99).take_while(|_| budget.take(priority).is_ok()).count();
        assert_eq!((count(Priority::Bulk), count(Priority::User)), (25, 5));
        // User requests also go first as the budget refills.
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((count(Priority::Bulk), count(Priority::User)), (0, 2));
        let Err((wait, WaitCause::Budget)) = budget.take(Priority::Bulk) else { panic!("nothing is left") };
        tokio::time::advance(wait).await;
        assert_eq!(count(Priority::Bulk), 1);
    }
}
