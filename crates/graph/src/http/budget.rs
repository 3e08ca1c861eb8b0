//! Requests per minute, shared by all that talk to one tenant.
//!
//! It counts and tells how long to wait; it does not wait and reports to nobody.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Wait;

/// A token bucket that never lets more than its number of requests pass in any one minute.
///
/// A fifth of the minute's requests may go at once; the rest refill evenly, so that burst and
/// refill together keep the limit. Clones share the bucket.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Mutex<Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    counted: Instant,
    burst: f64,
    per_second: f64,
    /// Until when the service asked for silence.
    held: Instant,
}

impl Default for Budget {
    /// The documented limit for `/security`: 150 requests per minute per app per tenant
    /// (API.md 9).
    fn default() -> Self {
        Self::per_minute(150)
    }
}

impl Budget {
    /// Allows `requests` in any one minute, at least one.
    pub fn per_minute(requests: u32) -> Self {
        let requests = f64::from(requests.max(1));
        let burst = (requests / 5.0).max(1.0);
        // A budget of one request has no rest to refill with: it refills its burst.
        let per_second = (requests - burst).max(1.0) / 60.0;
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Bucket { tokens: burst, counted: now, burst, per_second, held: now })))
    }

    /// Takes the right to send one request, or tells how long to wait before asking again.
    pub(super) fn take(&self) -> Result<(), (Duration, Wait)> {
        let mut bucket = self.bucket();
        let now = Instant::now();
        if now < bucket.held {
            return Err((bucket.held - now, Wait::Throttled));
        }
        let gained = (now - bucket.counted).as_secs_f64() * bucket.per_second;
        bucket.tokens = (bucket.tokens + gained).min(bucket.burst);
        bucket.counted = now;
        // Sums of fractions fall short of 1 by a rounding error.
        if bucket.tokens >= 1.0 - 1e-6 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - bucket.tokens) / bucket.per_second;
        Err((Duration::from_secs_f64(missing).max(Duration::from_millis(1)), Wait::Budget))
    }

    /// Lets no request pass for `delay`, as the service asked.
    pub(super) fn hold(&self, delay: Duration) {
        let mut bucket = self.bucket();
        // Past what the clock can count there is nothing to tell apart.
        let now = Instant::now();
        let until = now.checked_add(delay).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        bucket.held = bucket.held.max(until);
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        // No holder can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Sends as fast as the budget lets for `minutes`; returns the moments in seconds.
    async fn greedy(budget: &Budget, minutes: u64) -> Vec<f64> {
        let start = Instant::now();
        let mut sent = Vec::new();
        while start.elapsed() < Duration::from_secs(60 * minutes) {
            match budget.take() {
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
    async fn no_minute_sees_more_than_its_requests(#[case] limit: u32) {
        let sent = greedy(&Budget::per_minute(limit), 5).await;
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..].iter().take_while(|moment| **moment < first + 60.0).count();
            assert!(within <= limit as usize, "{within} requests in the minute from {first}");
        }
        let least = limit as usize * 5 * 3 / 4;
        assert!(sent.len() > least, "only {} requests in five minutes", sent.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_stops_every_clone_and_the_longest_wins() {
        let budget = Budget::default();
        let other = budget.clone();
        budget.hold(Duration::from_secs(7));
        budget.hold(Duration::from_secs(3));
        assert_eq!(other.take(), Err((Duration::from_secs(7), Wait::Throttled)));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(other.take(), Ok(()));
        budget.hold(Duration::MAX);
        assert!(other.take().is_err());
    }
}
