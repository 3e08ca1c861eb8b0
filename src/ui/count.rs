//! The counts for a value, as text.

use crate::app::{App, thousands};
use alertdeck_model::Indicator;
use alertdeck_store::{Classes, Prevalence};

/// Formats counts in full: `12 alerts · 3 devices · 9 true positives, 3 open`, or `12 alerts ·
/// counting` until devices and classifications have been counted.
pub(super) fn long(app: &App, what: &Indicator, dot: &str) -> String {
    match app.prevalence(what) {
        None => format!("{} {dot} counting", number(app.alerts_with(what), "alert")),
        Some(Prevalence { alerts, devices, classes }) => {
            let classes = classified(classes, false);
            let devices = (devices > 0).then(|| format!(" {dot} {}", number(devices, "device")));
            format!("{}{} {dot} {classes}", number(alerts, "alert"), devices.unwrap_or_default())
        }
    }
}

/// Formats counts in short form: `12a 3d · 9 tp, 3 open`, with the names used in the filter
/// language.
pub(super) fn short(app: &App, what: &Indicator, dot: &str) -> String {
    let classes = app.prevalence(what).map(|counted| classified(counted.classes, true));
    let classes = classes.map_or_else(String::new, |classes| format!(" {dot} {classes}"));
    format!("{}{classes}", shortest(app, what, true))
}

/// Formats the numbers of alerts and devices: `12a 3d`. Without `devices`, or if there are none,
/// shows only the alerts.
pub(super) fn shortest(app: &App, what: &Indicator, devices: bool) -> String {
    let alerts = thousands(app.alerts_with(what));
    match app.prevalence(what).filter(|counted| devices && counted.devices > 0) {
        Some(counted) => format!("{alerts}a {}d", thousands(counted.devices)),
        None => format!("{alerts}a"),
    }
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
