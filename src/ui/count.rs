//! The counts of a value, in words.

use crate::app::{App, thousands};
use alertdeck_model::Indicator;
use alertdeck_store::{Classes, Prevalence};

/// Writes counts in full: `12 alerts · 3 devices · 9 true positive, 3 open`, or `12 alerts ·
/// counting` until devices and classifications are counted.
pub(super) fn long(app: &App, what: &Indicator, dot: &str) -> String {
    match app.prevalence(what) {
        None => format!("{} {dot} counting", number(app.alerts_with(what), "alert")),
        Some(Prevalence { alerts, devices, classes }) => {
            let classes = classified(classes, |(_, long, _)| long);
            let devices = (devices > 0).then(|| format!(" {dot} {}", number(devices, "device")));
            format!("{}{} {dot} {classes}", number(alerts, "alert"), devices.unwrap_or_default())
        }
    }
}

/// Writes counts in short: `12a 3d · 9 tp, 3 open`, with the names of the filter language.
pub(super) fn short(app: &App, what: &Indicator, dot: &str) -> String {
    let classes = app.prevalence(what).map(|counted| classified(counted.classes, |(.., short)| short));
    let classes = classes.map_or_else(String::new, |classes| format!(" {dot} {classes}"));
    format!("{}{classes}", shortest(app, what, true))
}

/// Writes alerts and devices: `12a 3d`; alerts alone without `devices`, or if there are none.
pub(super) fn shortest(app: &App, what: &Indicator, devices: bool) -> String {
    let alerts = thousands(app.alerts_with(what));
    match app.prevalence(what).filter(|counted| devices && counted.devices > 0) {
        Some(counted) => format!("{alerts}a {}d", thousands(counted.devices)),
        None => format!("{alerts}a"),
    }
}

fn classified(classes: Classes, name: fn((usize, &'static str, &'static str)) -> &'static str) -> String {
    let Classes { true_positive, false_positive, expected, other, open, unclassified } = classes;
    let classes = [
        (true_positive, "true positive", "tp"),
        (false_positive, "false positive", "fp"),
        (expected, "expected activity", "info"),
        (other, "other", "other"),
        (open, "open", "open"),
        (unclassified, "unclassified", "none"),
    ];
    let classes = classes.into_iter().filter(|(number, ..)| *number > 0);
    let classes: Vec<_> = classes.map(|class| format!("{} {}", thousands(class.0), name(class))).collect();
    classes.join(", ")
}

fn number(number: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(number), if number == 1 { "" } else { "s" })
}
