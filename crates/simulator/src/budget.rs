//! The number of requests that the service accepts per minute (docs/graph-api.md, "Throttling").

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A sliding window over the requests of the last minute.
pub(super) struct Budget {
    limit: Option<usize>,
    minute: Duration,
    /// The arrival times of the requests in the last minute, including rejected ones.
    recent: VecDeque<Instant>,
}

impl Budget {
    pub(super) fn new(limit: Option<u32>, minute: Duration) -> Self {
        Self { limit: limit.map(|limit| limit as usize), minute, recent: VecDeque::new() }
    }

    /// Counts a request. If it exceeds the limit, returns the time to wait, rounded up to whole
    /// seconds.
    pub(super) fn take(&mut self, now: Instant) -> Option<Duration> {
        let limit = self.limit?;
        while self.recent.front().is_some_and(|first| now.duration_since(*first) >= self.minute) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        let excess = self.recent.len().checked_sub(limit).filter(|excess| *excess > 0)?;
        // The next request is accepted once `excess + 1` requests have left the window.
        let leaves = self.recent.get(excess).unwrap_or(&now);
        let wait = self.minute.saturating_sub(now.duration_since(*leaves));
        Some(Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_counts_refused_calls_and_returns_the_wait() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut budget = Budget::new(Some(3), Duration::from_secs(60));
        for second in [0.0, 1.0, 2.0] {
            assert_eq!(budget.take(at(second)), None);
        }
        // Four calls are in the window: those at 0 and 1 must leave it before another call is
        // accepted.
        assert_eq!(budget.take(at(3.5)), Some(Duration::from_secs(58)));
        assert_eq!(budget.take(at(61.5)), None);
        assert_eq!(Budget::new(None, Duration::from_secs(60)).take(start), None);
        assert_eq!(Budget::new(Some(0), Duration::from_secs(60)).take(start), Some(Duration::from_secs(60)));
    }
}
