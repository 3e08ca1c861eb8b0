//! Phrases for how complete a list is and why no alerts are arriving (docs/console.md,
//! "Completeness"). The bars and the list decide where to show them.

use ratatui::style::Style;

use super::paint::Painter;
use crate::app::{App, FailureKind, Feed, Phase, Shape, age, span, utc};
use alertdeck_graph::WaitCause;
use alertdeck_model::Timestamp;

/// Returns the completeness of the list in one or two words, with its style. If the list has alerts
/// from several tenants and something is wrong with one of them, the words name that tenant.
pub(super) fn completeness(app: &App, painter: &Painter<'_>) -> (String, Style) {
    let theme = painter.theme;
    let is_wrong = |(_, style): &(String, Style)| *style == theme.error;
    let states: Vec<_> =
        app.feeds.iter().map(|feed| (feed.id, completeness_of(app, feed, painter))).collect();
    let wrong = states.iter().filter(|(_, state)| is_wrong(state)).count();
    // Problems come first, then lists that are not complete yet.
    let rank = |(words, style): &(String, Style)| match *style {
        style if style == theme.error => 0,
        style if style == theme.accent => 1,
        _ if words.is_empty() => 2,
        _ => 3,
    };
    let Some((id, (words, style))) = states.into_iter().min_by_key(|(_, state)| rank(state)) else {
        return (String::new(), theme.dim);
    };
    match wrong {
        0 => (words, style),
        1 => (app.about(id, &words), style),
        more => (format!("{} +{}", app.about(id, &words), more - 1), style),
    }
}

/// Returns the completeness of a feed's list.
fn completeness_of(app: &App, feed: &Feed, painter: &Painter<'_>) -> (String, Style) {
    let theme = painter.theme;
    match feed.list.phase() {
        _ if feed.sign_in.signed_out => ("signed out".into(), theme.error),
        Phase::Failed { failure, .. } if failure.kind == FailureKind::SignIn => {
            ("no access".into(), theme.error)
        }
        Phase::Idle | Phase::Loading
            if (feed.list.is_catch_up() || feed.cache.is_reading()) && cache_age(app, feed).is_some() =>
        {
            let age = cache_age(app, feed).unwrap_or_default();
            let narrow = app.layout().shape != Shape::Wide;
            let words = if narrow { format!("cache {age}") } else { format!("from cache, {age} ago") };
            (words, theme.accent)
        }
        Phase::Idle => (String::new(), theme.dim),
        Phase::Loading => {
            let words = match feed.list.reading() {
                Some(reading) if app.layout().shape == Shape::Wide => format!("loading {}", reading.full()),
                Some(reading) => format!("loading {}", reading.brief()),
                None => {
                    let left = feed.list.time_left().map(|left| format!(", {} left", span(left)));
                    format!("loading{}", left.unwrap_or_default())
                }
            };
            (words, theme.accent)
        }
        Phase::Waiting { until, why } => {
            let left = until.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
            let what = if let WaitCause::Retry { .. } = why { "retry in" } else { "wait" };
            (format!("{what} {left:.0}s"), theme.error)
        }
        Phase::Complete if feed.list.partial().is_some() => ("incomplete".into(), theme.error),
        Phase::Complete => ("complete".into(), theme.dim),
        Phase::Stopped => {
            let at = feed.list.reading().map(|reading| format!(" at {}", reading.brief()));
            (format!("stopped{}", at.unwrap_or_default()), theme.error)
        }
        Phase::Failed { failure, .. } if failure.kind == FailureKind::Offline => {
            let at = feed.list.completed_at();
            let since = at.map_or_else(String::new, |at| format!(" as of {}", time_of(app, at)));
            (format!("offline{since}"), theme.error)
        }
        Phase::Failed { .. } => ("incomplete".into(), theme.error),
    }
}

/// Returns the age of a feed's cache, if the feed has one.
fn cache_age(app: &App, feed: &Feed) -> Option<String> {
    let saved_at = feed.cache.cached()?.saved_at?;
    Some(age(saved_at, app.clock.now.wall))
}

/// Formats a time as the time of day in UTC or, if it is not today, as the date.
fn time_of(app: &App, at: Timestamp) -> String {
    let (at, today) = (utc(at), utc(app.clock.now.wall));
    if at[..10] == today[..10] { format!("{}Z", &at[11..16]) } else { at[..10].to_owned() }
}

/// Returns a sentence about the first tenant from which no alerts are arriving, if any.
pub(super) fn waiting(app: &App) -> Option<String> {
    app.feeds.iter().find_map(|feed| Some(app.about(feed.id, &waiting_of(app, feed)?)))
}

/// Returns the reason no alerts are arriving from a feed, if there is one.
pub(super) fn waiting_of(app: &App, feed: &Feed) -> Option<String> {
    match feed.list.phase() {
        _ if feed.sign_in.signed_out && feed.sign_in.stage.is_none() => {
            Some(format!("signed out: press {} to sign in", app.ui.keymap.key("open.profiles")))
        }
        Phase::Waiting { until, why } => {
            let left = until.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
            Some(match why {
                WaitCause::Throttled => {
                    format!("throttled by the service; next page in {left:.0} s; Esc stops")
                }
                WaitCause::Budget => {
                    format!("request limit for this minute reached; next page in {left:.0} s; Esc stops")
                }
                WaitCause::Retry { failure, .. } => {
                    format!("{failure}; retrying in {left:.0} s; Esc stops")
                }
                WaitCause::Recheck => format!("the change is not visible yet; checking again in {left:.0} s"),
            })
        }
        Phase::Failed { failure, retry_at } => Some(match retry_at {
            Some(at) => {
                let left = at.saturating_sub(app.clock.now.mono).as_secs_f64().ceil();
                format!("retry in {left:.0} s (! now): {}", failure.line)
            }
            None => format!("press ! to retry: {}", failure.line),
        }),
        _ => None,
    }
}
