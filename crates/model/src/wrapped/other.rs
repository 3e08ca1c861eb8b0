//! Describes text and objects that are not alerts, and says what to do about them. This module does
//! not know how alerts are found.

use std::borrow::Cow;

use serde_json::{Value, value::RawValue};

use crate::{SafeText, WireError};

/// Returns the message for text that could not be read, including what was expected.
pub(super) fn broken(error: &WireError) -> String {
    format!("{error}; expected an alert, an array of alerts, {{\"value\":[...]}} or JSON lines")
}

/// Returns the message for text that is not JSON. It describes the text and says what to do about
/// it. `line` is the number of the text's first line.
pub(super) fn no_json(text: &str, line: usize) -> String {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("version https://git-lfs") {
        return "a Git LFS pointer, not the file itself; fetch it with `git lfs pull`".to_owned();
    }
    // In a sentence, a space follows each comma.
    let is_heading = (first.matches(',').count() > 1 && !first.contains(", ")) || first.contains("_raw,");
    if line == 1 && !text.starts_with('<') && is_heading {
        return "CSV, which has no evidence; export the alerts as JSON".to_owned();
    }
    let reason = if text.starts_with('<') {
        "this is HTML or XML, expected JSON"
    } else {
        "expected a JSON object or array"
    };
    broken(&WireError { line, ..WireError::at_start(reason) })
}

/// Returns the code and message of an error object, sanitised for display.
pub(crate) fn reported(error: &str) -> Option<String> {
    let error = serde_json::from_str::<Value>(error).ok().filter(Value::is_object)?;
    let part = |name: &str| SafeText::new(error[name].as_str().unwrap_or_default()).line();
    Some(format!("{}: {}", part("code"), part("message")))
}

/// Describes an object without alerts and says what to do about it, if the object is of a known
/// kind.
fn known(members: &[(Cow<'_, str>, &str)]) -> Option<String> {
    let value = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
    let has = |name: &str| value(name).is_some();
    let text = |name: &str| value(name).unwrap_or_default().trim_matches('"').to_owned();
    let kinds = [
        (
            has("displayName") && has("incidentWebUrl") || has("incidentName"),
            "an incident without alerts; request incidents with $expand=alerts",
        ),
        (
            text("@odata.type").ends_with("security.incident"),
            "an incident without alerts; request incidents with $expand=alerts",
        ),
        (
            text("@odata.type").ends_with("Evidence"),
            "an evidence item without its alert; save the whole alert",
        ),
        (
            text("type").contains("SecurityInsights"),
            "Sentinel incidents, not alerts; save the alerts from Graph security/alerts_v2",
        ),
        (
            has("SystemAlertId") || (has("AlertName") && has("ProviderName")),
            "rows from Sentinel's SecurityAlert table, not alerts; save the alerts from Graph security/alerts_v2",
        ),
        (
            text("category").starts_with("AdvancedHunting"),
            "rows from the streaming API, not alerts; `alertdeck show ID` reads the alert of an AlertId",
        ),
        (
            (has("schema") || has("Schema")) && (has("results") || has("Results")),
            "an advanced hunting result, not alerts; `alertdeck show ID` reads the alert of an AlertId",
        ),
        (
            has("Timestamp") && (has("ReportId") || has("AlertId") || has("DeviceId")),
            "advanced hunting rows, not alerts; `alertdeck show ID` reads the alert of an AlertId",
        ),
        (has("tables"), "a Log Analytics result, not alerts; save the alerts from Graph security/alerts_v2"),
        (has("riskEventType") || has("riskType") || has("riskLevel"), "Entra risk detections, not alerts"),
        (has("appDisplayName") || has("conditionalAccessStatus"), "Entra sign-ins, not alerts"),
    ];
    if let Some((_, line)) = kinds.into_iter().find(|(is, _)| *is) {
        return Some(line.to_owned());
    }
    if let Some(error) = value("error").and_then(reported) {
        return Some(format!("an error reply from Graph, not alerts: {error}"));
    }
    // An envelope is of the same kind as its contents.
    members.iter().find_map(|(_, value)| {
        let items = serde_json::from_str::<Vec<&RawValue>>(value).ok()?;
        known(&super::members(items.first()?.get())?)
    })
}

/// Describes an object without alerts. If it is of a known kind, also says what to do about it.
pub(super) fn what(members: &[(Cow<'_, str>, &str)]) -> String {
    if let Some(line) = known(members) {
        return line;
    }
    let names: Vec<_> = members.iter().take(5).map(|(name, _)| SafeText::new(name).line()).collect();
    match names.as_slice() {
        [] => "an empty object, not an alert".to_owned(),
        names => format!("an object that is not an alert, with the properties {}", names.join(", ")),
    }
}
