//! Moments as Graph sends them: UTC, with none to seven fraction digits.
//!
//! A [`Timestamp`] counts 100 ns ticks, .NET's unit and the finest the service sends, so that
//! two spellings of one moment compare equal and every printed moment reads back unchanged.
//! This module never asks for the current time; callers bring it as [`Now`].

use std::{fmt, time::Duration};

use jiff::{SignedDuration, civil};

/// Ticks in one second.
const TICKS: i64 = 10_000_000;
/// 0001-01-01T00:00:00Z, .NET's unset value (API.md 3).
const YEAR_1: i64 = -62_135_596_800 * TICKS;
/// 9999-12-31T23:59:59.9999999Z, the last moment that four year digits can write.
const YEAR_9999: i64 = 253_402_300_800 * TICKS - 1;

/// Where ticks count from.
const EPOCH: civil::DateTime = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A moment in UTC, in ticks of 100 ns since 1970-01-01T00:00:00Z.
///
/// Years 1 to 9999 can be held; what lies outside is clamped to that range by arithmetic and
/// refused by [`Timestamp::parse`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be held, which .NET writes for "not set".
    pub const MIN: Self = Self(YEAR_1);
    /// The latest moment that can be held.
    pub const MAX: Self = Self(YEAR_9999);

    /// Makes a moment from whole seconds since 1970, clamped to the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_ticks(seconds.saturating_mul(TICKS))
    }

    /// Makes a moment from ticks of 100 ns since 1970, clamped to the years 1 to 9999.
    pub fn from_ticks(ticks: i64) -> Self {
        Self(ticks.clamp(YEAR_1, YEAR_9999))
    }

    /// Returns the ticks of 100 ns since 1970-01-01T00:00:00Z.
    pub fn ticks(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since 1970, rounded towards the past.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(TICKS)
    }

    /// Reads an ISO 8601 moment: none to any number of fraction digits (those past the seventh
    /// are dropped), `Z`, an offset, or no zone at all, which Graph means as UTC (API.md 3).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // jiff reads at most nine fraction digits; a longer run is cut before it looks.
        let text = &*cut_fraction(text);
        // The calendar library's own moments end a day before the year 9999 does, so the zone is
        // read here and the rest as a date and time without one.
        let time = text.find(['T', 't', ' ']).unwrap_or(text.len());
        let zone = text[time..].find(['Z', 'z', '+', '-']).map_or(text.len(), |at| time + at);
        let (local, zone) = text.split_at(zone);
        let offset = match zone {
            "" | "Z" | "z" => 0,
            zone => offset_seconds(zone)?,
        };
        let since = local.parse::<civil::DateTime>().ok()?.duration_since(EPOCH);
        let seconds = since.as_secs().checked_sub(offset)?;
        let ticks =
            seconds.checked_mul(TICKS)?.checked_add(i64::from(since.subsec_nanos()).div_euclid(100))?;
        (YEAR_1..=YEAR_9999).contains(&ticks).then_some(Self(ticks))
    }

    /// Returns the moment `by` later, clamped.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let ticks = i64::try_from(by.as_nanos() / 100).unwrap_or(i64::MAX);
        Self::from_ticks(self.0.saturating_add(ticks))
    }

    /// Returns the moment `by` earlier, clamped.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        let ticks = i64::try_from(by.as_nanos() / 100).unwrap_or(i64::MAX);
        Self::from_ticks(self.0.saturating_sub(ticks))
    }

    /// Returns how long after `earlier` this is, or `None` when it is before it.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let ticks = u64::try_from(self.0.checked_sub(earlier.0)?).ok()?;
        Some(Duration::new(ticks / TICKS as u64, (ticks % TICKS as u64) as u32 * 100))
    }

    /// Tells whether this is .NET's unset value rather than a real moment.
    pub fn is_unset(self) -> bool {
        self == Self::MIN
    }

    /// Returns the moment as the calendar library's type, for zones and calendar arithmetic;
    /// the last day of the year 9999, which that type lacks, becomes its last moment.
    pub fn to_jiff(self) -> jiff::Timestamp {
        let nanos = (self.0.rem_euclid(TICKS) * 100) as i32;
        jiff::Timestamp::new(self.seconds(), nanos).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// Takes a moment from the calendar library, clamped and cut to whole ticks.
    pub fn from_jiff(at: jiff::Timestamp) -> Self {
        let ticks = at.as_nanosecond().div_euclid(100);
        Self::from_ticks(i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Writes the moment in UTC down to the second, as in `2026-11-20T12:00:00Z`, for people.
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
    /// Writes the moment in UTC with as many fraction digits as it needs, at most seven.
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

/// Reads `+hh`, `+hhmm` or `+hh:mm`, with either sign.
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

/// Cuts the digits after the first seven of a fraction; the rest stays as it is.
fn cut_fraction(text: &str) -> std::borrow::Cow<'_, str> {
    let Some(dot) = text.find(['.', ',']) else { return text.into() };
    let digits = text[dot + 1..].bytes().take_while(u8::is_ascii_digit).count();
    if digits <= 7 {
        return text.into();
    }
    format!("{}{}", &text[..dot + 8], &text[dot + 1 + digits..]).into()
}

/// The time that lower layers see: brought by the caller, never asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The moment on the wall, for ages and dates. It can jump.
    pub wall: Timestamp,
    /// Time since the program started, for waits and animation. It never goes back.
    pub mono: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round(text: &str) -> String {
        Timestamp::parse(text).map_or("none".into(), |t| t.to_string())
    }

    #[test]
    fn reads_every_fraction_length_that_the_service_sends() {
        assert_eq!(round("2021-04-27T12:19:27.7211305Z"), "2021-04-27T12:19:27.7211305Z");
        assert_eq!(round("2021-04-26T07:45:50.116Z"), "2021-04-26T07:45:50.116Z");
        assert_eq!(round("2021-04-26T07:45:50Z"), "2021-04-26T07:45:50Z");
        assert_eq!(round("2021-04-26T07:45:50.0000000Z"), "2021-04-26T07:45:50Z");
        assert_eq!(round("2021-04-26T07:45:50.123456789123Z"), "2021-04-26T07:45:50.1234567Z");
        assert_eq!(round("2021-04-26T07:45:50.5+00:00"), "2021-04-26T07:45:50.5Z");
        assert_eq!(round("2021-04-26T07:45:50.5+02:00"), "2021-04-26T05:45:50.5Z");
        assert_eq!(round("2021-04-26T07:45:50.116"), "2021-04-26T07:45:50.116Z");
        assert_eq!(round("2021-04-26"), "2021-04-26T00:00:00Z");
    }

    #[test]
    fn reads_the_edges_of_the_calendar() {
        assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z"), Some(Timestamp::MIN));
        assert!(Timestamp::MIN.is_unset());
        assert_eq!(Timestamp::parse("9999-12-31T23:59:59.9999999Z"), Some(Timestamp::MAX));
        assert_eq!(round("1969-12-31T23:59:59.9999999Z"), "1969-12-31T23:59:59.9999999Z");
        for bad in ["", "yesterday", "2021-13-01T00:00:00Z", "2021-04-26T25:00:00Z", "12:00"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn arithmetic_stays_within_the_years_that_can_be_written() {
        let day = Duration::from_secs(86_400);
        assert_eq!(Timestamp::MAX.after(day), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.before(day), Timestamp::MIN);
        let at = Timestamp::from_seconds(1_000);
        assert_eq!(at.after(day).since(at), Some(day));
        assert_eq!(at.since(at.after(day)), None);
    }

    proptest! {
        #[test]
        fn a_printed_moment_reads_back_unchanged(ticks in YEAR_1..=YEAR_9999) {
            let at = Timestamp::from_ticks(ticks);
            prop_assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
            if at.to_jiff() != jiff::Timestamp::MAX {
                prop_assert_eq!(Timestamp::from_jiff(at.to_jiff()), at);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
