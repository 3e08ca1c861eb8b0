//! Formats times, durations and numbers. Times are shown as ages, in UTC or in local time, and the
//! three forms can be told apart.

use std::time::Duration;

use jiff::{
    ZonedDateTime,
    tz::{Offset, TimeZone},
};

use alertdeck_model::{Now, Timestamp};

/// The format in which times are displayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// As an age: `3h`.
    #[default]
    Age,
    /// In UTC.
    Utc,
    /// In the terminal's time zone.
    Local,
}

impl TimeFormat {
    /// Returns the next format.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Age => Self::Utc,
            Self::Utc => Self::Local,
            Self::Local => Self::Age,
        }
    }
}

/// The current time, along with the other data needed to format times.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The time format.
    pub format: TimeFormat,
    /// The terminal's time zone.
    pub zone: TimeZone,
    /// The current time.
    pub now: Now,
}

impl Clock {
    /// Formats a time for a list column: `2h`, `11-20 12:03Z`, `11-20 13:03`, or only the date if
    /// it is in another year.
    pub fn cell(&self, at: Timestamp) -> String {
        if self.format == TimeFormat::Age {
            return age(at, self.now.wall);
        }
        let (then, now) = (self.civil(at), self.civil(self.now.wall));
        if then.year() != now.year() {
            return then.strftime("%Y-%m-%d").to_string();
        }
        let mark = if self.format == TimeFormat::Utc { "Z" } else { "" };
        format!("{}{mark}", then.strftime("%m-%d %H:%M"))
    }

    /// Returns the width in columns of the longest text that [`Clock::cell`] returns.
    pub fn cell_width(&self) -> usize {
        match self.format {
            TimeFormat::Age => 4,
            TimeFormat::Utc => 12,
            TimeFormat::Local => 11,
        }
    }

    /// Formats a date and time to the second, with the time zone. If times are shown as ages, adds
    /// the age.
    pub fn full(&self, at: Timestamp) -> String {
        let then = self.civil(at);
        match self.format {
            TimeFormat::Age => format!("{} ({})", utc(at), self.ago(at)),
            TimeFormat::Utc => utc(at),
            TimeFormat::Local => then.strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
        }
    }

    /// Formats the time of day, preceded by the date unless `near` has the same date.
    pub fn short(&self, at: Timestamp, near: Option<Timestamp>) -> String {
        let then = self.civil(at);
        let same_day = near.is_some_and(|near| self.civil(near).date() == then.date());
        let zone = if self.format == TimeFormat::Local { "%:z" } else { "Z" };
        let date = if same_day { "" } else { "%Y-%m-%d " };
        then.strftime(&format!("{date}%H:%M:%S{zone}")).to_string()
    }

    /// Formats the date part of a time, in the time format's time zone.
    pub fn day(&self, at: Timestamp) -> String {
        self.civil(at).strftime("%Y-%m-%d").to_string()
    }

    /// Returns whether two times have the same date, in the time format's time zone.
    pub fn is_same_day(&self, one: Timestamp, other: Timestamp) -> bool {
        self.civil(one).date() == self.civil(other).date()
    }

    /// Formats a time for the timeline: like [`Clock::short`], followed by the age if times are
    /// shown as ages.
    pub fn timeline_time(&self, at: Timestamp, near: Option<Timestamp>) -> String {
        let time = self.short(at, near);
        if self.format == TimeFormat::Age { format!("{time} {:>4}", age(at, self.now.wall)) } else { time }
    }

    /// Formats the time of day to the second: `12:03:11Z`, or `13:03:11` in local time.
    pub fn time_of_day(&self, at: Timestamp) -> String {
        let mark = if self.format == TimeFormat::Local { "" } else { "Z" };
        format!("{}{mark}", self.civil(at).strftime("%H:%M:%S"))
    }

    /// Formats the time of day to the minute: `12:03Z`, or `13:03` in local time.
    pub fn minute(&self, at: Timestamp) -> String {
        let zone = if self.format == TimeFormat::Local { "" } else { "Z" };
        format!("{}{zone}", self.civil(at).strftime("%H:%M"))
    }

    fn ago(&self, at: Timestamp) -> String {
        let age = age(at, self.now.wall);
        age.strip_prefix('+').map_or_else(|| format!("{age} ago"), |ahead| format!("in {ahead}"))
    }

    fn civil(&self, at: Timestamp) -> ZonedDateTime {
        let zone = match self.format {
            TimeFormat::Local => self.zone.clone(),
            TimeFormat::Age | TimeFormat::Utc => Offset::UTC.to_time_zone(),
        };
        at.to_jiff().to_zoned_datetime(zone)
    }
}

/// Formats a time in UTC, to the second: `2026-11-20 12:03:11Z`.
pub fn utc(at: Timestamp) -> String {
    at.to_second().replace('T', " ")
}

/// Formats an age in at most four characters: `45s`, `12m`, `3h`, `12d`, `30w`, `4y`. A time in the
/// future gets a plus sign: `+2h`.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    match now.since(at) {
        Some(past) => span(past),
        None => format!("+{}", span(at.since(now).unwrap_or_default())),
    }
}

/// Formats a duration in its largest unit: `45s`, `12m`, `3h`, `12d`, `30w`, `4y`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds}s"),
        () if minutes < 60 => format!("{minutes}m"),
        () if hours < 24 => format!("{hours}h"),
        () if days < 100 => format!("{days}d"),
        () if days < 700 => format!("{}w", days / 7),
        () if days < 36_500 => format!("{}y", days / 365),
        () => ">99y".to_owned(),
    }
}

/// Formats a number with thousands separators: `12,345`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats a number of bytes: `812 bytes`, `9.6 kB`, `1.2 MB`.
pub fn bytes(count: usize) -> String {
    match count {
        0..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(format: TimeFormat) -> Clock {
        let wall = Timestamp::parse("2026-11-20T12:03:11Z").unwrap();
        let zone = TimeZone::fixed(Offset::constant(2));
        Clock { format, zone, now: Now { wall, mono: Duration::ZERO } }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn ages_fit_four_characters() {
        let now = at("2026-11-20T12:03:11Z");
        for (then, expected) in [
            ("2026-11-20T12:03:11Z", "0s"),
            ("2026-11-20T12:02:26Z", "45s"),
            ("2026-11-20T11:03:12Z", "59m"),
            ("2026-11-19T12:03:12Z", "23h"),
            ("2026-08-13T12:03:12Z", "98d"),
            ("2025-01-01T00:00:00Z", "98w"),
            ("2021-04-27T12:19:27Z", "5y"),
            ("0001-01-01T00:00:00Z", ">99y"),
            ("2026-11-20T14:03:11Z", "+2h"),
        ] {
            assert_eq!(age(at(then), now), expected, "{then}");
        }
    }

    #[test]
    fn formats_show_their_zone() {
        let then = at("2026-11-19T23:30:00Z");
        assert_eq!(clock(TimeFormat::Age).cell(then), "12h");
        assert_eq!(clock(TimeFormat::Utc).cell(then), "11-19 23:30Z");
        assert_eq!(clock(TimeFormat::Local).cell(then), "11-20 01:30");
        assert_eq!(clock(TimeFormat::Utc).cell(at("2021-04-27T12:19:27Z")), "2021-04-27");
        assert_eq!(clock(TimeFormat::Age).full(then), "2026-11-19 23:30:00Z (12h ago)");
        assert_eq!(clock(TimeFormat::Local).full(then), "2026-11-20 01:30:00+02:00");
        assert_eq!(clock(TimeFormat::Utc).short(then, Some(at("2026-11-19T01:00:00Z"))), "23:30:00Z");
        assert_eq!(
            clock(TimeFormat::Local).short(then, Some(at("2026-11-19T01:00:00Z"))),
            "2026-11-20 01:30:00+02:00"
        );
        assert_eq!(clock(TimeFormat::Age).time_of_day(then), "23:30:00Z");
        assert_eq!(clock(TimeFormat::Local).time_of_day(then), "01:30:00");
        assert_eq!(clock(TimeFormat::Age).full(at("2026-11-20T13:03:12Z")), "2026-11-20 13:03:12Z (in 1h)");
    }

    #[test]
    fn earliest_and_latest_times_are_written() {
        for format in [TimeFormat::Age, TimeFormat::Utc, TimeFormat::Local] {
            for at in [Timestamp::MIN, Timestamp::MAX] {
                assert!(!clock(format).cell(at).is_empty());
                assert!(!clock(format).full(at).is_empty());
            }
        }
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
