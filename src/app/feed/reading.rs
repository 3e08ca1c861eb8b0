//! The progress made in reading a feed's files, as text.

use std::time::Duration;

use crate::{app::format::bytes, files::Progress};

/// The minimum reading time before a rate is meaningful.
const MIN_TIME: Duration = Duration::from_millis(250);

/// The progress made in reading a feed's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    first: (Progress, Duration),
    last: (Progress, Duration),
}

impl Reading {
    /// Starts with the first progress report, which arrived at `mono`, measured from startup.
    pub(in crate::app) fn new(progress: Progress, mono: Duration) -> Self {
        Self { first: (progress, mono), last: (progress, mono) }
    }

    /// Sets the progress that was reported at `mono`, measured from startup.
    pub(in crate::app) fn set(&mut self, progress: Progress, mono: Duration) {
        self.last = (progress, mono);
    }

    /// Returns how much has been read, such as `43%` or `1.2 MB`.
    pub fn brief(&self) -> String {
        match self.last.0 {
            // The file may have grown since its size was determined.
            Progress { read, total: Some(total) } if total > 0 => {
                format!("{}%", u128::from(read.min(total)) * 100 / u128::from(total))
            }
            Progress { read, .. } => size(read),
        }
    }

    /// Returns how much has been read, the total size if known, and the rate once it is meaningful.
    pub fn full(&self) -> String {
        let Progress { read, total } = self.last.0;
        let amount = match total.filter(|total| *total > 0) {
            Some(total) => format!("{} of {}", self.brief(), size(total)),
            None => size(read),
        };
        let elapsed = self.last.1.saturating_sub(self.first.1);
        if elapsed < MIN_TIME {
            return amount;
        }
        let rate = read.saturating_sub(self.first.0.read) as f64 / elapsed.as_secs_f64();
        format!("{amount}, {}/s", size(rate as u64))
    }
}

fn size(count: u64) -> String {
    bytes(usize::try_from(count).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(300, Some(690), "43%", "43% of 690.0 MB, 200.0 MB/s")]
    #[case(700, Some(690), "100%", "100% of 690.0 MB, 600.0 MB/s")]
    #[case(300, None, "300.0 MB", "300.0 MB, 200.0 MB/s")]
    #[case(300, Some(0), "300.0 MB", "300.0 MB, 200.0 MB/s")]
    fn progress_is_told_with_its_rate(
        #[case] read: u64,
        #[case] total: Option<u64>,
        #[case] brief: &str,
        #[case] full: &str,
    ) {
        let progress =
            |read: u64| Progress { read: read * 1_000_000, total: total.map(|total| total * 1_000_000) };
        let mut reading = Reading::new(progress(100), Duration::from_secs(5));
        assert!(!reading.full().contains("/s"));
        reading.set(progress(read), Duration::from_secs(6));
        assert_eq!((reading.brief().as_str(), reading.full().as_str()), (brief, full));
    }
}
