//! The operations on alerts (docs/graph-api.md, "Endpoints").

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    fault::Fault,
    reply::{Refusal, Reply},
    request::{Call, Cursor, Operation, Options, Route, read_count_filter, refuse_options},
    store::Store,
};
use alertdeck_model::{Classification, Determination, Status, Timestamp};

/// Executes operations.
pub(super) struct Handler<'a> {
    pub(super) store: &'a mut Store,
    /// The base URL of the service: `http://127.0.0.1:1234`.
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
    /// The maximum page size.
    pub(super) largest_page: usize,
    /// The author of new comments.
    pub(super) author: &'a str,
    /// The base URL of foreign links.
    pub(super) foreign_base: &'a str,
}

impl Handler<'_> {
    /// Executes a request. Applies only the faults that change the content of a page.
    pub(super) fn handle(&mut self, route: &Route, call: &Call, fault: Fault) -> Result<Reply, Refusal> {
        let all_members = call.wants_all_members();
        match &route.operation {
            Operation::List => self.list(route.version, call, all_members, fault),
            Operation::Count => {
                let filter = read_count_filter(&call.query, route.version)?;
                Ok(Reply::text(self.store.count(filter.as_ref()).to_string()))
            }
            Operation::Get(id) => {
                refuse_options(&call.query)?;
                self.one(route.version, id, all_members)
            }
            Operation::Update(id) => {
                let mut alert = self.store.value(id).ok_or_else(not_found)?;
                update(&mut alert, &call.body, self.now)?;
                self.store.insert(&alert);
                self.one(route.version, id, all_members)
            }
            Operation::Comment(id) => self.comment(route.version, id, &call.body),
        }
    }

    /// Responds to a change without making it.
    pub(super) fn state(&self, route: &Route) -> Result<Reply, Refusal> {
        match &route.operation {
            Operation::Comment(id) => {
                let alert = self.store.value(id).ok_or_else(not_found)?;
                Ok(self.comments(route.version, id, &alert))
            }
            other => self.one(route.version, other.id().ok_or_else(not_found)?, true),
        }
    }

    fn comments(&self, version: &str, id: &str, alert: &Value) -> Reply {
        let context = self.context(version, &format!("('{id}')/comments"));
        Reply::json(json!({"@odata.context": context, "value": alert["comments"]}).to_string())
    }

    fn context(&self, version: &str, rest: &str) -> String {
        format!("{}/{version}/$metadata#security/alerts_v2{rest}", self.base)
    }

    fn list(&self, version: &str, call: &Call, all_members: bool, fault: Fault) -> Result<Reply, Refusal> {
        let options = Options::read(&call.query, version, self.largest_page)?;
        let filter = options.filter.as_ref();
        let after = options.cursor.as_ref().map(|cursor| &cursor.position);
        let page = match (fault, &options.cursor) {
            // At most once per position, so that a client that follows links makes progress.
            (Fault::EmptyPage, Some(Cursor { position, visit: 0 })) => {
                super::store::Page { alerts: Vec::new(), next: Some(position.clone()) }
            }
            _ => self.store.page(filter, after, options.skip, options.top),
        };
        let visit = u8::from(page.alerts.is_empty());
        let repeated = after.filter(|_| fault == Fault::RepeatedAlert).and_then(|at| self.store.at(at));

        let mut head = Map::new();
        head.insert("@odata.context".into(), self.context(version, "").into());
        if options.count && options.cursor.is_none() {
            head.insert("@odata.count".into(), self.store.count(filter).into());
        }
        if let Some(position) = page.next {
            let token = Cursor { position, visit }.token();
            let at = |base: &str| {
                format!("{base}/{version}/security/alerts_v2?{}$skiptoken={token}", options.repeated)
            };
            let link = match fault {
                Fault::NextLinkLoop => format!("{}{}", self.base, call.target()),
                Fault::ForeignNextLink => at(self.foreign_base),
                _ => at(self.base),
            };
            head.insert("@odata.nextLink".into(), link.into());
        }
        let mut body = Value::Object(head).to_string().into_bytes();
        // The closing brace is added after the alerts.
        body.pop();
        body.extend_from_slice(b",\"value\":[");
        for (number, stored) in repeated.into_iter().chain(page.alerts).enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&stored.body(all_members));
        }
        body.extend_from_slice(b"]}");
        Ok(Reply::json(body))
    }

    fn one(&self, version: &str, id: &str, all_members: bool) -> Result<Reply, Refusal> {
        let alert = self.store.get(id).ok_or_else(not_found)?.body(all_members);
        let context = Value::from(self.context(version, "/$entity"));
        let mut body = format!("{{\"@odata.context\":{context},").into_bytes();
        body.extend_from_slice(&alert[1..]);
        Ok(Reply::json(body))
    }

    fn comment(&mut self, version: &str, id: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let mut alert = self.store.value(id).ok_or_else(not_found)?;
        let body = read_object(body, &["comment"])?;
        let text = body.get("comment").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let comment = json!({
            "@odata.type": "#microsoft.graph.security.alertComment",
            "comment": text.ok_or_else(Refusal::bad_body)?,
            "createdByDisplayName": self.author,
            "createdDateTime": self.now.to_string(),
        });
        if let Some(comments) = alert["comments"].as_array_mut() {
            comments.push(comment);
        }
        alert["lastUpdateDateTime"] = self.now.to_string().into();
        let reply = self.comments(version, id, &alert);
        self.store.insert(&alert);
        Ok(reply)
    }
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "The requested alert was not found.")
}

/// Parses a body, which may have only these properties and an `@odata.type`.
fn read_object(body: &[u8], properties: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(body) else {
        return Err(Refusal::bad_body());
    };
    object.shift_remove("@odata.type");
    let known = object.keys().all(|name| properties.contains(&name.as_str()));
    if known { Ok(object) } else { Err(Refusal::bad_body()) }
}

/// Applies an update of the writable properties (docs/graph-api.md, "Updating alerts"). An invalid
/// update changes nothing.
fn update(alert: &mut Value, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let changes = read_object(body, &["status", "classification", "determination", "assignedTo"])?;
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
