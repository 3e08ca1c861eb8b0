//! The loading pace of a list: the rate over the last few seconds, and the time remaining at that
//! rate.
//!
//! Time advances only when alerts arrive, so the rate no longer changes once a list stops loading.

use std::{collections::VecDeque, time::Duration};

/// The period over which the rate is measured.
const SPAN: Duration = Duration::from_secs(10);
/// The minimum interval between marks, which is also the shortest period over which a rate can be
/// measured.
const STEP: Duration = Duration::from_secs(1);

/// A list's loading pace. Times are measured from startup.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// The marks: times, each paired with the number of alerts read by then; at most one per
    /// second.
    marks: VecDeque<(Duration, usize)>,
    latest: (Duration, usize),
}

impl Pace {
    /// Records that `read` alerts have been read by `now`.
    pub(super) fn on(&mut self, now: Duration, read: usize) {
        self.latest = (now, read);
        if self.marks.back().is_none_or(|(at, _)| now.saturating_sub(*at) >= STEP) {
            self.marks.push_back((now, read));
        }
        while self.marks.len() > 1 && self.marks.front().is_some_and(|(at, _)| now.saturating_sub(*at) > SPAN)
        {
            self.marks.pop_front();
        }
    }

    /// Returns the number of alerts read per second; `None` during the first second, or if no
    /// alerts have been read recently.
    pub fn rate(&self) -> Option<f64> {
        let (since, before) = *self.marks.front()?;
        let (now, read) = self.latest;
        let took = now.checked_sub(since).filter(|took| *took >= STEP)?;
        Some(read.saturating_sub(before) as f64 / took.as_secs_f64()).filter(|rate| *rate > 0.0)
    }

    /// Returns the time until all `total` alerts are read, rounded up to whole seconds; `None` if
    /// none are left or the time cannot be estimated.
    pub fn left(&self, total: u64) -> Option<Duration> {
        let left = usize::try_from(total).ok()?.checked_sub(self.latest.1).filter(|left| *left > 0)?;
        let seconds = (left as f64 / self.rate()?).ceil();
        Some(Duration::from_secs(seconds as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut pace = Pace::default();
        assert_eq!((pace.rate(), pace.left(9)), (None, None));
        for second in 0..30 {
            // Fast at first, then at the rate that the request budget allows.
            pace.on(
                at(1_000 * second),
                if second < 5 { second as usize * 5_000 } else { 20_000 + second as usize * 500 },
            );
        }
        assert_eq!(pace.rate(), Some(500.0));
        assert_eq!(pace.left(34_500 + 1_001), Some(Duration::from_secs(3)));
        assert_eq!(pace.left(34_500), None, "nothing is left");
    }

    #[test]
    fn nothing_is_told_before_a_second_has_passed() {
        let mut pace = Pace::default();
        pace.on(at(5_000), 100);
        pace.on(at(5_900), 800);
        assert_eq!(pace.rate(), None);
        pace.on(at(6_000), 1_100);
        assert_eq!((pace.rate(), pace.left(2_100)), (Some(1_000.0), Some(Duration::from_secs(1))));
    }

    #[test]
    fn a_list_that_does_not_move_has_no_pace() {
        let mut pace = Pace::default();
        for second in 0..20 {
            pace.on(at(second * 1_000), 700);
        }
        assert_eq!((pace.rate(), pace.left(900)), (None, None));
    }
}
