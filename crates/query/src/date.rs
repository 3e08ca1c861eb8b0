//! Parses dates, durations and ranges into time intervals.
//!
//! A date covers the entire span that it names: `2026-11-01` is a whole day in the context's time
//! zone, `2026-11-01T10:00` is a minute, and a time with seconds is a second. The meaning of the
//! operators follows from this: `<=` includes the span, and `>` starts after it. A duration counts
//! back from now (docs/filter-language.md, "Dates", "Ages"). This module never reads the clock.

use std::{ops::Range, time::Duration};

use jiff::{civil, tz::TimeZone};

use super::{plan::Context, syntax::Operator};
use alertdeck_model::Timestamp;
use alertdeck_odata as odata;

/// One end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) at: Timestamp,
    /// Whether the interval includes `at`.
    pub(super) inclusive: bool,
}

/// A time interval. A missing end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: Option<Bound>,
    pub(super) to: Option<Bound>,
}

impl Interval {
    pub(super) fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at > from.at || from.inclusive && at == from.at)
            && self.to.is_none_or(|to| at < to.at || to.inclusive && at == to.at)
    }

    /// Returns comparisons that, joined with `and`, test whether a date is inside the interval.
    pub(super) fn inside(&self, property: odata::Property) -> Vec<odata::Expr> {
        use odata::Operator::{Ge, Gt, Le, Lt};
        let compare = |bound: Bound, inclusive, exclusive| {
            let operator = if bound.inclusive { inclusive } else { exclusive };
            odata::Expr::Compare(property, operator, odata::Literal::Time(bound.at))
        };
        let from = self.from.map(|from| compare(from, Ge, Gt));
        from.into_iter().chain(self.to.map(|to| compare(to, Le, Lt))).collect()
    }

    /// Returns comparisons that, joined with `or`, test whether a date is outside the interval.
    pub(super) fn outside(&self, property: odata::Property) -> Vec<odata::Expr> {
        let flip = |bound: Option<Bound>| bound.map(|b| Bound { inclusive: !b.inclusive, ..b });
        let below = Self { from: None, to: flip(self.from) };
        let above = Self { from: flip(self.to), to: None };
        below.inside(property).into_iter().chain(above.inside(property)).collect()
    }
}

/// A date or duration as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateInput {
    /// The span that a date or time names. `relative` is set for `today` and `yesterday`.
    Span { start: Timestamp, end: Timestamp, relative: bool },
    /// The point in time a given duration before now.
    Ago(Timestamp),
}

/// The current time, and the time zone in which dates are interpreted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock<'a> {
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
}

impl Clock<'_> {
    /// Parses a date, `today`, `yesterday` or a duration.
    pub(super) fn read(self, text: &str) -> Option<DateInput> {
        if let Some(age) = duration(text) {
            return Some(DateInput::Ago(self.now.before(age)));
        }
        let day = |date: civil::Date, relative| {
            let start = self.to_timestamp(date.at(0, 0, 0, 0))?;
            let next = date.tomorrow().ok().and_then(|next| self.to_timestamp(next.at(0, 0, 0, 0)));
            Some(DateInput::Span { start, end: next.unwrap_or(Timestamp::MAX), relative })
        };
        match text {
            _ if text.eq_ignore_ascii_case("today") => day(self.today(), true),
            _ if text.eq_ignore_ascii_case("yesterday") => day(self.today().yesterday().ok()?, true),
            _ if is_date(text) => day(text.parse().ok()?, false),
            _ => self.time(text),
        }
    }

    /// Parses a date with a time into the span of its smallest unit.
    fn time(self, text: &str) -> Option<DateInput> {
        const TO_MINUTES: usize = "2026-11-01T10:00".len();
        const TO_SECONDS: usize = "2026-11-01T10:00:00".len();
        let (date, rest) = text.split_at_checked("2026-11-01".len())?;
        if !is_date(date) || !rest.starts_with(['T', 't', ' ']) {
            return None;
        }
        let zone = rest.find(['Z', 'z', '+', '-']).map_or(text.len(), |at| date.len() + at);
        let start = if zone < text.len() {
            // `Timestamp::parse` requires seconds.
            let seconds = if zone == TO_MINUTES { ":00" } else { "" };
            Timestamp::parse(&format!("{}{seconds}{}", &text[..zone], &text[zone..]))?
        } else {
            self.to_timestamp(text.parse().ok()?)?
        };
        let length = match zone {
            TO_MINUTES => Duration::from_secs(60),
            TO_SECONDS => Duration::from_secs(1),
            longer if longer > TO_SECONDS => Duration::from_nanos(100),
            _ => return None,
        };
        Some(DateInput::Span { start, end: start.after(length), relative: false })
    }

    fn today(self) -> civil::Date {
        self.zone.to_datetime(self.now.to_jiff()).date()
    }

    fn to_timestamp(self, local: civil::DateTime) -> Option<Timestamp> {
        self.zone.to_timestamp(local).ok().map(Timestamp::from_jiff)
    }

    /// Returns the time at which the input must be read again: at the next minute for a duration,
    /// or at the next midnight for `today` and `yesterday`.
    pub(super) fn stale_at(self, when: DateInput) -> Option<Timestamp> {
        match when {
            DateInput::Ago(_) => {
                let minute = self.now.seconds().div_euclid(60);
                Some(Timestamp::from_seconds((minute + 1) * 60))
            }
            DateInput::Span { relative: true, .. } => {
                let next = self.today().tomorrow().ok()?;
                self.to_timestamp(next.at(0, 0, 0, 0))
            }
            DateInput::Span { .. } => None,
        }
    }
}

/// Returns the interval that an operator selects. A larger duration means an earlier time: `<2h`
/// means within the last two hours. Returns `None` if the input is a duration but the operator
/// requires a span.
pub(super) fn interval(operator: Operator, when: DateInput) -> Option<Interval> {
    let bound = |at, inclusive| Some(Bound { at, inclusive });
    Some(match (when, operator) {
        (DateInput::Span { start, end, .. }, operator) => match operator {
            Operator::Greater => Interval { from: bound(end, true), to: None },
            Operator::GreaterOrEqual => Interval { from: bound(start, true), to: None },
            Operator::Less => Interval { from: None, to: bound(start, false) },
            Operator::LessOrEqual => Interval { from: None, to: bound(end, false) },
            _ => Interval { from: bound(start, true), to: bound(end, false) },
        },
        (DateInput::Ago(at), Operator::Less) => Interval { from: bound(at, false), to: None },
        (DateInput::Ago(at), Operator::LessOrEqual) => Interval { from: bound(at, true), to: None },
        (DateInput::Ago(at), Operator::Greater) => Interval { from: None, to: bound(at, false) },
        (DateInput::Ago(at), Operator::GreaterOrEqual) => Interval { from: None, to: bound(at, true) },
        (DateInput::Ago(_), _) => return None,
    })
}

/// Returns the interval from one input to another, including both. A missing input leaves its end
/// open, and two durations may be in either order. Returns `None` if the interval is empty or both
/// inputs are missing.
pub(super) fn between(from: Option<DateInput>, to: Option<DateInput>) -> Option<Interval> {
    let (from, to) = match (from, to) {
        (Some(DateInput::Ago(a)), Some(DateInput::Ago(b))) if a > b => {
            (Some(DateInput::Ago(b)), Some(DateInput::Ago(a)))
        }
        other => other,
    };
    let from = from.map(|when| match when {
        DateInput::Span { start, .. } => Bound { at: start, inclusive: true },
        DateInput::Ago(at) => Bound { at, inclusive: true },
    });
    let to = to.map(|when| match when {
        DateInput::Span { end, .. } => Bound { at: end, inclusive: false },
        DateInput::Ago(at) => Bound { at, inclusive: true },
    });
    let empty =
        matches!((from, to), (Some(from), Some(to)) if from.at > to.at || from.at == to.at && !to.inclusive);
    (!empty && (from.is_some() || to.is_some())).then_some(Interval { from, to })
}

/// Returns the start of a date such as `2026-11-01` or `yesterday` or, for a duration such as `8h`,
/// the time that long before now. Returns `None` if the text is neither a date nor a duration.
pub fn since(text: &str, context: &Context) -> Option<Timestamp> {
    let clock = Clock { now: context.now, zone: &context.zone };
    Some(match clock.read(text.trim())? {
        DateInput::Span { start, .. } => start,
        DateInput::Ago(at) => at,
    })
}

/// Splits a range at its dots and returns the byte ranges of its two ends.
pub(super) fn range(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    text.find("..").map(|dots| (0..dots, dots + 2..text.len()))
}

/// Parses a number followed by one of the units `s`, `m` (minutes), `h`, `d` and `w`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit.to_ascii_lowercase() {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    let number: u64 =
        if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok()? } else { return None };
    Some(Duration::from_secs(number.saturating_mul(seconds)))
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn clock(zone: &TimeZone) -> Clock<'_> {
        Clock { now: Timestamp::parse("2026-11-20T12:00:30Z").unwrap(), zone }
    }

    #[rstest]
    #[case::day("2026-11-01", "2026-11-01T00:00:00Z 2026-11-02T00:00:00Z")]
    #[case::minute("2026-11-01T10:00", "2026-11-01T10:00:00Z 2026-11-01T10:01:00Z")]
    #[case::second("2026-11-01T10:00:05", "2026-11-01T10:00:05Z 2026-11-01T10:00:06Z")]
    #[case::tick("2026-11-01T10:00:05.5Z", "2026-11-01T10:00:05.5Z 2026-11-01T10:00:05.5000001Z")]
    #[case::offset("2026-11-01T10:00+02:00", "2026-11-01T08:00:00Z 2026-11-01T08:01:00Z")]
    #[case::utc_minute("2026-11-01T10:00Z", "2026-11-01T10:00:00Z 2026-11-01T10:01:00Z")]
    #[case::today("Today", "2026-11-20T00:00:00Z 2026-11-21T00:00:00Z")]
    #[case::yesterday("yesterday", "2026-11-19T00:00:00Z 2026-11-20T00:00:00Z")]
    #[case::age("2h", "2026-11-20T10:00:30Z ago")]
    #[case::minutes("90m", "2026-11-20T10:30:30Z ago")]
    #[case::week("1w", "2026-11-13T12:00:30Z ago")]
    #[case::huge("99999999999999999999d", "none")]
    #[case::large("9999999999999999d", "0001-01-01T00:00:00Z ago")]
    #[case::no_number("d", "none")]
    #[case::no_such_day("2026-02-30", "none")]
    #[case::hour_alone("2026-11-01T10", "none")]
    #[case::word("soon", "none")]
    #[case::last_day("9999-12-31", "none")]
    fn dates_and_durations_are_parsed(#[case] text: &str, #[case] expected: &str) {
        let read = match clock(&TimeZone::UTC).read(text) {
            Some(DateInput::Span { start, end, .. }) => format!("{start} {end}"),
            Some(DateInput::Ago(at)) => format!("{at} ago"),
            None => "none".into(),
        };
        assert_eq!(read, expected);
    }

    #[rstest]
    #[case("8h", Some("2026-11-20T04:00:30Z"))]
    #[case(" yesterday ", Some("2026-11-19T00:00:00Z"))]
    #[case("2026-11-01T10:00", Some("2026-11-01T10:00:00Z"))]
    #[case("soon", None)]
    fn a_date_stands_for_its_beginning(#[case] text: &str, #[case] expected: Option<&str>) {
        let context = Context::at(Timestamp::parse("2026-11-20T12:00:30Z").unwrap());
        assert_eq!(since(text, &context), expected.and_then(Timestamp::parse));
    }

    #[test]
    fn the_length_of_a_day_depends_on_the_zone() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let Some(DateInput::Span { start, end, .. }) = clock(&zone).read("2026-03-29") else { panic!() };
        assert_eq!(
            (start.to_string(), end.to_string()),
            ("2026-03-28T23:00:00Z".into(), "2026-03-29T22:00:00Z".into())
        );
    }

    #[test]
    fn relative_inputs_become_stale() {
        let stale = |text| {
            let zone = TimeZone::fixed(jiff::tz::offset(2));
            let clock = clock(&zone);
            clock.stale_at(clock.read(text).unwrap()).map(|at| at.to_string())
        };
        assert_eq!(stale("2h").as_deref(), Some("2026-11-20T12:01:00Z"));
        assert_eq!(stale("yesterday").as_deref(), Some("2026-11-20T22:00:00Z"));
        assert_eq!(stale("2026-11-20"), None);
    }
}
