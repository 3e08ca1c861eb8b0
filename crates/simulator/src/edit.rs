//! Changes to alerts: parses the change that a request asks for, applies it, and records it
//! (docs/graph-api.md, "Updating alerts", "Comments").

use serde_json::{Map, Value, json};

use super::{
    changes::{AlertState, Change, ChangeLog, ChangeRequest},
    operations::not_found,
    reply::Refusal,
    request::Operation,
    store::Store,
};
use alertdeck_model::{Classification, Determination, Status, Timestamp};

/// Changes alerts on behalf of an account.
pub(super) struct Editor<'a> {
    pub(super) store: &'a mut Store,
    pub(super) changes: &'a mut ChangeLog,
    pub(super) now: Timestamp,
    /// The account that makes the change, which is also the author of its comments.
    pub(super) author: &'a str,
    /// The request for the change; `None` for a change by the colleague.
    pub(super) request: Option<ChangeRequest>,
}

/// A valid change, before it is stored.
pub(super) struct Edit {
    /// The alert before the change.
    pub(super) before: Value,
    /// The alert after the change.
    pub(super) after: Value,
    method: &'static str,
    comments: Vec<String>,
    at: Timestamp,
}

impl Editor<'_> {
    /// Applies a change's body to a copy of the alert.
    pub(super) fn edit(&self, operation: &Operation, body: &[u8]) -> Result<Edit, Refusal> {
        let before = operation.id().and_then(|id| self.store.value(id)).ok_or_else(not_found)?;
        let mut after = before.clone();
        let at = self.now.max(next_tick(&before));
        let (method, comments) = match operation {
            Operation::Comment(_) => {
                let texts = read_comments(body)?;
                add_comments(&mut after, &texts, self.author, at);
                ("POST", texts)
            }
            _ => {
                update(&mut after, body, at)?;
                ("PATCH", Vec::new())
            }
        };
        Ok(Edit { before, after, method, comments, at })
    }

    /// Stores a change and records it.
    pub(super) fn commit(&mut self, edit: Edit) -> Change {
        let Edit { before, after, method, comments, at } = edit;
        self.store.change(&before, &after, self.now);
        let change = Change {
            at,
            alert_id: after["id"].as_str().unwrap_or_default().to_owned(),
            author: self.author.to_owned(),
            method,
            before: AlertState::of(&before),
            after: AlertState::of(&after),
            comments,
            request: self.request.clone(),
        };
        self.changes.push(change.clone());
        change
    }
}

/// Returns the earliest time for the next change to an alert, so that each change advances
/// `lastUpdateDateTime`.
fn next_tick(alert: &Value) -> Timestamp {
    let last = alert["lastUpdateDateTime"].as_str().and_then(Timestamp::parse);
    last.map_or(Timestamp::MIN, |last| Timestamp::from_ticks(last.ticks().saturating_add(1)))
}

fn add_comments(alert: &mut Value, texts: &[String], author: &str, now: Timestamp) {
    if !alert["comments"].is_array() {
        alert["comments"] = json!([]);
    }
    for text in texts {
        let comment = json!({
            "@odata.type": "#microsoft.graph.security.alertComment",
            "comment": text,
            "createdByDisplayName": author,
            "createdDateTime": now.to_string(),
        });
        if let Some(comments) = alert["comments"].as_array_mut() {
            comments.push(comment);
        }
    }
    alert["lastUpdateDateTime"] = now.to_string().into();
}

/// Parses the body of a comment request: either one comment, or a list of comments, which Graph's
/// SDKs send (docs/graph-api.md, "Comments").
fn read_comments(body: &[u8]) -> Result<Vec<String>, Refusal> {
    let text = |comment| {
        let comment = only(comment, &["comment"])?;
        let text = comment.get("comment").and_then(Value::as_str);
        text.filter(|text| !text.trim().is_empty()).map(str::to_owned).ok_or_else(Refusal::bad_body)
    };
    match serde_json::from_slice(body) {
        Ok(Value::Array(comments)) if !comments.is_empty() => comments.into_iter().map(text).collect(),
        Ok(comment) => Ok(vec![text(comment)?]),
        Err(_) => Err(Refusal::bad_body()),
    }
}

/// Returns a value as a JSON object, without its `@odata.type`. Rejects values of other types and
/// properties that are not in `properties`.
fn only(value: Value, properties: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(mut object) = value else { return Err(Refusal::bad_body()) };
    object.shift_remove("@odata.type");
    let known = object.keys().all(|name| properties.contains(&name.as_str()));
    if known { Ok(object) } else { Err(Refusal::bad_body()) }
}

/// Applies an update to the writable properties (docs/graph-api.md, "Updating alerts"). An invalid
/// update changes nothing.
fn update(alert: &mut Value, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let body = serde_json::from_slice(body).map_err(|_| Refusal::bad_body())?;
    let changes = only(body, &["status", "classification", "determination", "assignedTo"])?;
    for (name, value) in &changes {
        let accepted = match (name.as_str(), value) {
            ("assignedTo", Value::Null | Value::String(_)) => true,
            ("status", Value::String(text)) => text != "unknown" && is_member(Status::MEMBERS, text),
            ("classification", Value::String(text)) => is_member(Classification::MEMBERS, text),
            ("determination", Value::String(text)) => is_member(Determination::MEMBERS, text),
            _ => false,
        };
        if !accepted {
            return Err(Refusal::bad_body());
        }
    }
    match changes.get("status").and_then(Value::as_str) {
        Some("resolved") if alert["status"] != "resolved" => {
            alert["resolvedDateTime"] = now.to_string().into();
        }
        Some("resolved") | None => {}
        Some(_) => alert["resolvedDateTime"] = Value::Null,
    }
    for (name, value) in changes {
        alert[name] = value;
    }
    alert["lastUpdateDateTime"] = now.to_string().into();
    Ok(())
}

fn is_member<T>(members: &[(&str, T)], name: &str) -> bool {
    members.iter().any(|(member, _)| *member == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"status":"resolved","classification":"truePositive","determination":"malware"}"#, true)]
    #[case(r##"{"@odata.type":"#microsoft.graph.security.alert","assignedTo":null}"##, true)]
    #[case(r#"{"assignedTo":"O'Brien@contoso.com"}"#, true)]
    #[case(r#"{"status":"unknown"}"#, false)]
    #[case(r#"{"status":"Resolved"}"#, false)]
    #[case(r#"{"status":null}"#, false)]
    #[case(r#"{"classification":"benignPositive"}"#, false)]
    #[case(r#"{"determination":"clean"}"#, false)]
    #[case(r#"{"assignedTo":7}"#, false)]
    #[case(r#"{"severity":"low"}"#, false)]
    #[case(r#"{"status":"new","title":"x"}"#, false)]
    #[case("[]", false)]
    #[case("", false)]
    fn only_valid_updates_change_an_alert(#[case] body: &str, #[case] accepted: bool) {
        let before = json!({"status": "new", "assignedTo": "a", "resolvedDateTime": null});
        let mut after = before.clone();
        let result = update(&mut after, body.as_bytes(), Timestamp::from_seconds(0));
        assert_eq!(result.is_ok(), accepted);
        assert_eq!(after != before, accepted);
    }

    #[rstest]
    #[case(r#"{"comment":"a"}"#, &["a"])]
    #[case(r##"[{"@odata.type":"#microsoft.graph.security.alertComment","comment":"a"},{"comment":"b"}]"##, &["a", "b"])]
    #[case(r#"[{"comment":"a"},{"comment":" "}]"#, &[])]
    #[case(r#"{"comment":"a","createdByDisplayName":"b"}"#, &[])]
    #[case(r#"{"comment":7}"#, &[])]
    #[case("[]", &[])]
    #[case("comment", &[])]
    fn comments_come_alone_or_as_a_list(#[case] body: &str, #[case] texts: &[&str]) {
        let refused = Err(Refusal::bad_body());
        let expected =
            if texts.is_empty() { refused } else { Ok(texts.iter().map(ToString::to_string).collect()) };
        assert_eq!(read_comments(body.as_bytes()), expected);
    }

    #[test]
    fn resolving_sets_the_resolution_time_and_reopening_clears_it() {
        let mut alert = json!({"status": "new"});
        let mut at = |second, status: &str| {
            let body = json!({"status": status}).to_string();
            update(&mut alert, body.as_bytes(), Timestamp::from_seconds(second)).unwrap();
            (alert["resolvedDateTime"].clone(), alert["lastUpdateDateTime"].clone())
        };
        assert_eq!(at(1, "resolved"), (json!("1970-01-01T00:00:01Z"), json!("1970-01-01T00:00:01Z")));
        assert_eq!(at(2, "resolved"), (json!("1970-01-01T00:00:01Z"), json!("1970-01-01T00:00:02Z")));
        assert_eq!(at(3, "inProgress"), (Value::Null, json!("1970-01-01T00:00:03Z")));
    }
}
