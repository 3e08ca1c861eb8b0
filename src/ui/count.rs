//! Formats the counts for a value as text.

use super::{
    paint::{columns, fit},
    theme::Symbols,
};
use crate::app::{App, thousands};
use alertdeck_model::{Indicator, IndicatorKind};
use alertdeck_store::{Classes, Prevalence};

/// Formats counts in full: `12 alerts · 3 devices · 9 true positives, 3 open`, or `12 alerts ·
/// counting` until devices and classifications have been counted.
fn long(app: &App, what: &Indicator, dot: &str) -> String {
    match app.prevalence(what) {
        None => format!("{} {dot} counting", number(app.alerts_with(what), "alert")),
        Some(Prevalence { alerts, devices, classes }) => {
            let classes = classified(classes, false);
            let devices = (devices > 0).then(|| format!(" {dot} {}", number(devices, "device")));
            format!("{}{} {dot} {classes}", number(alerts, "alert"), devices.unwrap_or_default())
        }
    }
}

/// Formats counts in short form: `12 alerts · 3 dev · 9 tp, 3 open`, with the names used in the
/// filter language.
fn short(app: &App, what: &Indicator, dot: &str) -> String {
    let classes = app.prevalence(what).map(|counted| classified(counted.classes, true));
    let classes = classes.map_or_else(String::new, |classes| format!(" {dot} {classes}"));
    format!("{}{classes}", shortest(app, what, dot))
}

/// Formats alert and device counts, such as `12 alerts · 3 dev`. The device count is omitted for a
/// device itself, and for a single alert with a single device.
fn shortest(app: &App, what: &Indicator, dot: &str) -> String {
    let is_device = matches!(what.kind, IndicatorKind::Device | IndicatorKind::DeviceId);
    let spread = app.prevalence(what).filter(|counted| counted.alerts > 1 || counted.devices > 1);
    match spread.filter(|counted| counted.devices > 0 && !is_device) {
        Some(counted) => format!("{} {dot} {} dev", alerts(app, what), thousands(counted.devices)),
        None => alerts(app, what),
    }
}

fn alerts(app: &App, what: &Indicator) -> String {
    number(app.alerts_with(what), "alert")
}

/// How detailed the counts for a value are, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// `12 alerts`.
    Alerts,
    /// `12 alerts · 3 dev`.
    Devices,
    /// `12 alerts · 3 dev · 9 tp, 3 open`.
    Short,
    /// `12 alerts · 3 devices · 9 true positives, 3 open`.
    Long,
}

/// Formats counts in the given form or, if that is wider than `room` columns, in the next shorter
/// form that fits. Counts are never truncated.
pub(super) fn fitting(app: &App, what: &Indicator, dot: &str, form: Form, room: usize) -> String {
    let forms = [Form::Long, Form::Short, Form::Devices].into_iter().filter(|shorter| *shorter <= form);
    let texts = forms.map(|form| match form {
        Form::Long => long(app, what, dot),
        Form::Short => short(app, what, dot),
        Form::Devices | Form::Alerts => shortest(app, what, dot),
    });
    texts.into_iter().find(|text| columns(text) <= room).unwrap_or_else(|| alerts(app, what))
}

/// The minimum width of the name in an overlay's title.
const MIN_NAME: usize = 8;

/// Returns the title of an overlay `width` columns wide: its name, and which alerts its counts
/// cover. If the title is too long, shortens the coverage first, then the name.
pub(super) fn title(app: &App, name: &str, width: usize, symbols: &Symbols) -> String {
    let Symbols { dot, cut, .. } = symbols;
    // The border needs a corner and a space at either end.
    let room = |coverage: &str| width.saturating_sub(columns(coverage) + 5);
    let long = app.coverage().title(dot, false);
    let coverage = if columns(name) > room(&long) { app.coverage().title(dot, true) } else { long };
    let room = room(&coverage).max(MIN_NAME);
    format!("{} {dot} {coverage}", fit(name, room, cut).text)
}

fn classified(classes: Classes, short: bool) -> String {
    let Classes { true_positive, false_positive, expected, other, open, unclassified } = classes;
    // The singular, the plural, and the name in the filter language.
    let classes = [
        (true_positive, ["true positive", "true positives", "tp"]),
        (false_positive, ["false positive", "false positives", "fp"]),
        (expected, ["expected activity", "expected activities", "info"]),
        (other, ["other", "other", "other"]),
        (open, ["open", "open", "open"]),
        (unclassified, ["unclassified", "unclassified", "none"]),
    ];
    let classes = classes.into_iter().filter(|(number, _)| *number > 0);
    let classes = classes.map(|(count, [one, several, in_filter])| {
        let name = match count {
            _ if short => in_filter,
            1 => one,
            _ => several,
        };
        format!("{} {name}", thousands(count))
    });
    classes.collect::<Vec<_>>().join(", ")
}

fn number(number: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(number), if number == 1 { "" } else { "s" })
}
