//! The operations on alerts (API.md 1), each from its request to its reply.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    fault::Fault,
    reply::{Refusal, Reply},
    request::{Call, Cursor, Operation, Options, Route, read_count_filter, refuse_options},
    store::Store,
};
use alertdeck_model::{Classification, Determination, Status, Timestamp};

/// Where an operation takes place.
pub(super) struct Scope<'a> {
    pub(super) store: &'a mut Store,
    /// The service's own address, as in `http://127.0.0.1:1234`.
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
    /// The longest page.
    pub(super) largest: usize,
    /// Whose name a comment carries.
    pub(super) author: &'a str,
    /// Where links lead that lead elsewhere.
    pub(super) elsewhere: &'a str,
}

impl Scope<'_> {
    /// Carries out a request; of the faults, those that change what a page holds apply.
    pub(super) fn carry_out(&mut self, route: &Route, call: &Call, fault: Fault) -> Result<Reply, Refusal> {
        let named = call.wants_all_members();
        match &route.operation {
            Operation::List => self.list(route.version, call, named, fault),
            Operation::Count => {
                let filter = read_count_filter(&call.query, route.version)?;
                Ok(Reply::text(self.store.count(filter.as_ref()).to_string()))
            }
            Operation::Get(id) => {
                refuse_options(&call.query)?;
                self.one(route.version, id, named)
            }
            Operation::Update(id) => {
                let mut alert = self.store.value(id).ok_or_else(missing)?;
                update(&mut alert, &call.body, self.now)?;
                self.store.insert(&alert);
                self.one(route.version, id, named)
            }
            Operation::Comment(id) => self.comment(route.version, id, &call.body),
        }
    }

    fn context(&self, version: &str, rest: &str) -> String {
        format!("{}/{version}/$metadata#security/alerts_v2{rest}", self.base)
    }

    fn list(&self, version: &str, call: &Call, named: bool, fault: Fault) -> Result<Reply, Refusal> {
        let options = Options::read(&call.query, version, self.largest)?;
        let filter = options.filter.as_ref();
        let after = options.from.as_ref().map(|cursor| &cursor.place);
        let page = match (fault, &options.from) {
            // Only once for a place, so that a client which follows links gets on.
            (Fault::Empty, Some(Cursor { place, visit: 0 })) => {
                super::store::Page { alerts: Vec::new(), next: Some(place.clone()) }
            }
            _ => self.store.page(filter, after, options.skip, options.top),
        };
        let visit = u8::from(page.alerts.is_empty());
        let repeated = after.filter(|_| fault == Fault::Repeat).and_then(|place| self.store.at(place));

        let mut head = Map::new();
        head.insert("@odata.context".into(), self.context(version, "").into());
        if options.count && options.from.is_none() {
            head.insert("@odata.count".into(), self.store.count(filter).into());
        }
        if let Some(place) = page.next {
            let token = Cursor { place, visit }.token();
            let at = |base: &str| {
                format!("{base}/{version}/security/alerts_v2?{}$skiptoken={token}", options.repeated)
            };
            let link = match fault {
                Fault::Circle => format!("{}{}", self.base, call.target()),
                Fault::Foreign => at(self.elsewhere),
                _ => at(self.base),
            };
            head.insert("@odata.nextLink".into(), link.into());
        }
        let mut body = Value::Object(head).to_string().into_bytes();
        // The head's closing brace moves behind the alerts.
        body.pop();
        body.extend_from_slice(b",\"value\":[");
        for (number, stored) in repeated.into_iter().chain(page.alerts).enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&stored.body(named));
        }
        body.extend_from_slice(b"]}");
        Ok(Reply::json(body))
    }

    fn one(&self, version: &str, id: &str, named: bool) -> Result<Reply, Refusal> {
        let alert = self.store.get(id).ok_or_else(missing)?.body(named);
        let context = Value::from(self.context(version, "/$entity"));
        let mut body = format!("{{\"@odata.context\":{context},").into_bytes();
        body.extend_from_slice(&alert[1..]);
        Ok(Reply::json(body))
    }

    fn comment(&mut self, version: &str, id: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let mut alert = self.store.value(id).ok_or_else(missing)?;
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
        let reply = json!({
            "@odata.context": self.context(version, &format!("('{id}')/comments")),
            "value": alert["comments"],
        });
        self.store.insert(&alert);
        Ok(Reply::json(reply.to_string()))
    }
}

fn missing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "The requested alert was not found.")
}

/// Reads a body that may hold these properties and an `@odata.type`.
fn read_object(body: &[u8], properties: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(body) else {
        return Err(Refusal::bad_body());
    };
    object.shift_remove("@odata.type");
    let known = object.keys().all(|name| properties.contains(&name.as_str()));
    if known { Ok(object) } else { Err(Refusal::bad_body()) }
}

/// Changes what API.md 4 lets clients change, or nothing at all.
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
    fn an_update_changes_what_may_be_changed(#[case] body: &str, #[case] accepted: bool) {
        let before = json!({"status": "new", "assignedTo": "a", "resolvedDateTime": null});
        let mut after = before.clone();
        let result = update(&mut after, body.as_bytes(), Timestamp::from_seconds(0));
        assert_eq!(result.is_ok(), accepted);
        assert_eq!(after != before, accepted);
    }

    #[test]
    fn resolving_is_dated_and_reopening_takes_the_date_back() {
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
