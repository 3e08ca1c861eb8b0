//! Timestamps as Graph sends them: UTC, with up to seven fractional digits.
//!
//! A [`Timestamp`] counts 100 ns ticks, which is .NET's unit and the finest resolution that the
//! service sends. Different spellings of the same time are therefore equal, and a timestamp that is
//! printed and parsed again is unchanged. This module never reads the clock; callers pass the time
//! as [`Now`].

use std::{fmt, time::Duration};

use jiff::{SignedDuration, civil};

/// Ticks in one second.
const TICKS: i64 = 10_000_000;
/// 0001-01-01T00:00:00Z, .NET's value for "not set" (docs/graph-api.md, "Dates").
const YEAR_1: i64 = -62_135_596_800 * TICKS;
/// 9999-12-31T23:59:59.9999999Z, the last tick with a four-digit year.
const YEAR_9999: i64 = 253_402_300_800 * TICKS - 1;

/// The time that ticks are counted from.
const EPOCH: civil::DateTime = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A point in time in UTC, in 100 ns ticks since 1970-01-01T00:00:00Z.
///
/// The range is the years 1 to 9999. Arithmetic clamps to this range, and [`Timestamp::parse`]
/// rejects times outside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest timestamp, which .NET writes for "not set".
    pub const MIN: Self = Self(YEAR_1);
    /// The latest timestamp.
    pub const MAX: Self = Self(YEAR_9999);

    /// Creates a timestamp from whole seconds since 1970, clamped to the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_ticks(seconds.saturating_mul(TICKS))
    }

    /// Creates a timestamp from a number of 100 ns ticks since 1970, clamped to the years 1 to 9999.
    pub fn from_ticks(ticks: i64) -> Self {
        Self(ticks.clamp(YEAR_1, YEAR_9999))
    }

    /// Returns the number of 100 ns ticks since 1970-01-01T00:00:00Z.
    pub fn ticks(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(TICKS)
    }

    /// Parses an ISO 8601 date and time with any number of fractional digits; digits after the
    /// seventh are ignored. The text ends in `Z` or an offset; if it has neither, the time is in
    /// UTC (docs/graph-api.md, "Dates").
    ///
    /// Also parses `/Date(1694786400000)/`, which is how Windows PowerShell writes milliseconds
    /// since 1970, and ignores a `Z` after an offset.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
            // An offset after the number does not change the point in time.
            let end = millis.rfind(['+', '-']).filter(|end| *end > 0).unwrap_or(millis.len());
            let ticks = millis[..end].parse::<i64>().ok()?.checked_mul(TICKS / 1000)?;
            return (YEAR_1..=YEAR_9999).contains(&ticks).then_some(Self(ticks));
        }
        // jiff parses at most nine fractional digits.
        let text = &*cut_fraction(text);
        // jiff's timestamps end a day before the year 9999 does, so the offset is parsed
        // separately, and the rest is parsed as a date and time without a zone.
        let time = text.find(['T', 't', ' ']).unwrap_or(text.len());
        let zone = text[time..].find(['Z', 'z', '+', '-']).map_or(text.len(), |at| time + at);
        let (local, zone) = text.split_at(zone);
        let offset = match zone {
            "" | "Z" | "z" => 0,
            zone => offset_seconds(zone.strip_suffix(['Z', 'z']).unwrap_or(zone))?,
        };
        let since = local.parse::<civil::DateTime>().ok()?.duration_since(EPOCH);
        let seconds = since.as_secs().checked_sub(offset)?;
        let ticks =
            seconds.checked_mul(TICKS)?.checked_add(i64::from(since.subsec_nanos()).div_euclid(100))?;
        (YEAR_1..=YEAR_9999).contains(&ticks).then_some(Self(ticks))
    }

    /// Returns this time plus `by`, clamped to the range.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let ticks = i64::try_from(by.as_nanos() / 100).unwrap_or(i64::MAX);
        Self::from_ticks(self.0.saturating_add(ticks))
    }

    /// Returns this time minus `by`, clamped to the range.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        let ticks = i64::try_from(by.as_nanos() / 100).unwrap_or(i64::MAX);
        Self::from_ticks(self.0.saturating_sub(ticks))
    }

    /// Returns the time elapsed since `earlier`, or `None` if `self` is before it.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let ticks = u64::try_from(self.0.checked_sub(earlier.0)?).ok()?;
        Some(Duration::new(ticks / TICKS as u64, (ticks % TICKS as u64) as u32 * 100))
    }

    /// Returns whether this is .NET's value for "not set" rather than a real time.
    pub fn is_unset(self) -> bool {
        self == Self::MIN
    }

    /// Converts to jiff's type, for time zones and calendar arithmetic. The last day of the year
    /// 9999, which that type cannot represent, becomes its maximum.
    pub fn to_jiff(self) -> jiff::Timestamp {
        let nanos = (self.0.rem_euclid(TICKS) * 100) as i32;
        jiff::Timestamp::new(self.seconds(), nanos).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// Converts from jiff's type, rounded down to whole ticks.
    pub fn from_jiff(at: jiff::Timestamp) -> Self {
        let ticks = at.as_nanosecond().div_euclid(100);
        Self::from_ticks(i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Formats the time in UTC to the second, as in `2026-11-20T12:00:00Z`.
    pub fn to_second(self) -> String {
        let at = EPOCH.saturating_add(SignedDuration::from_secs(self.seconds()));
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }
}

impl fmt::Display for Timestamp {
    /// Writes the time in UTC with as many fractional digits as needed, at most seven.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_second();
        let fraction = self.0.rem_euclid(TICKS);
        if fraction == 0 {
            return f.write_str(&text);
        }
        let digits = format!("{fraction:07}");
        write!(f, "{}.{}Z", &text[..text.len() - 1], digits.trim_end_matches('0'))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parses `+hh`, `+hhmm` or `+hh:mm`, with either sign.
fn offset_seconds(zone: &str) -> Option<i64> {
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = match zone.get(1..)?.split_once(':') {
        Some(pair) => pair,
        None => zone[1..].split_at_checked(2)?,
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok())?;
    let (hours, minutes) = (number(hours)?, if minutes.is_empty() { 0 } else { number(minutes)? });
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Drops the fractional digits after the seventh.
fn cut_fraction(text: &str) -> std::borrow::Cow<'_, str> {
    let Some(dot) = text.find(['.', ',']) else { return text.into() };
    let digits = text[dot + 1..].bytes().take_while(u8::is_ascii_digit).count();
    if digits <= 7 {
        return text.into();
    }
    format!("{}{}", &text[..dot + 8], &text[dot + 1 + digits..]).into()
}

/// The current time. It is passed in by callers, because lower layers never read a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for ages and dates. It can jump.
    pub wall: Timestamp,
    /// The time since the program started, for waits and animation. It is monotonic.
    pub mono: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(text: &str) -> String {
        Timestamp::parse(text).map_or("none".into(), |t| t.to_string())
    }

    #[test]
    fn fractions_of_any_length_are_read() {
        assert_eq!(round_trip("2021-04-27T12:19:27.7211305Z"), "2021-04-27T12:19:27.7211305Z");
        assert_eq!(round_trip("2021-04-26T07:45:50.116Z"), "2021-04-26T07:45:50.116Z");
        assert_eq!(round_trip("2021-04-26T07:45:50Z"), "2021-04-26T07:45:50Z");
        assert_eq!(round_trip("2021-04-26T07:45:50.0000000Z"), "2021-04-26T07:45:50Z");
        assert_eq!(round_trip("2021-04-26T07:45:50.123456789123Z"), "2021-04-26T07:45:50.1234567Z");
        assert_eq!(round_trip("2021-04-26T07:45:50.5+00:00"), "2021-04-26T07:45:50.5Z");
        assert_eq!(round_trip("2021-04-26T07:45:50.5+02:00"), "2021-04-26T05:45:50.5Z");
        assert_eq!(round_trip("2021-04-26T07:45:50.116"), "2021-04-26T07:45:50.116Z");
        assert_eq!(round_trip("2021-04-26"), "2021-04-26T00:00:00Z");
    }

    #[test]
    fn spellings_of_other_tools_are_read() {
        for text in ["/Date(1619423150250)/", "/Date(1619423150250+0200)/", "2021-04-26T07:45:50.25+00:00Z"] {
            assert_eq!(round_trip(text), "2021-04-26T07:45:50.25Z", "{text}");
        }
        assert_eq!(round_trip("2021-04-26T09:45:50+02:00Z"), "2021-04-26T07:45:50Z");
        assert_eq!(round_trip("/Date(-1000)/"), "1969-12-31T23:59:59Z");
        for bad in ["/Date()/", "/Date(soon)/", "/Date(9223372036854775807)/", "2021-04-26T07:45:50ZZ"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_first_and_last_times_are_read_and_others_refused() {
        assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z"), Some(Timestamp::MIN));
        assert!(Timestamp::MIN.is_unset());
        assert_eq!(Timestamp::parse("9999-12-31T23:59:59.9999999Z"), Some(Timestamp::MAX));
        assert_eq!(round_trip("1969-12-31T23:59:59.9999999Z"), "1969-12-31T23:59:59.9999999Z");
        for bad in ["", "yesterday", "2021-13-01T00:00:00Z", "2021-04-26T25:00:00Z", "12:00"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn arithmetic_clamps_to_the_range() {
        let day = Duration::from_secs(86_400);
        assert_eq!(Timestamp::MAX.after(day), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.before(day), Timestamp::MIN);
        let at = Timestamp::from_seconds(1_000);
        assert_eq!(at.after(day).since(at), Some(day));
        assert_eq!(at.since(at.after(day)), None);
    }

    proptest! {
        #[test]
        fn a_printed_timestamp_reads_back_unchanged(ticks in YEAR_1..=YEAR_9999) {
            let at = Timestamp::from_ticks(ticks);
            prop_assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
            if at.to_jiff() != jiff::Timestamp::MAX {
                prop_assert_eq!(Timestamp::from_jiff(at.to_jiff()), at);
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
