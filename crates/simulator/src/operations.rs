//! The operations on alerts and incidents (docs/graph-api.md, "Endpoints").

use axum::http::StatusCode;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{
    fault::{Endless, Fault},
    incidents::{Incident, incidents},
    odata::Entity,
    options::{Options, read_count_filter},
    paging::{Cursor, Page, Row, page},
    reply::{Refusal, Reply},
    request::{Call, Operation, Route},
    store::{Store, StoredAlert},
};
use alertdeck_model::{Classification, Determination, Status, Timestamp};

/// The collections, as in contexts.
const ALERTS: &str = "alerts_v2";
const INCIDENTS: &str = "incidents";

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
        let (version, query) = (route.version, &*call.query);
        match &route.operation {
            Operation::List => {
                if let Some(endless) = Endless::read(query) {
                    return Ok(self.endless_page(version, endless));
                }
                let options = Options::read(query, version, Entity::Alert, self.largest_page)?;
                // A tenant may have a million alerts, of which a page needs a thousand.
                let rows: Vec<_> = match &options.cursor {
                    Some(cursor) if options.order.is_empty() => {
                        self.store.rows_from(&cursor.position).collect()
                    }
                    _ => self.store.rows().collect(),
                };
                Ok(self.list(ALERTS, route, call, &options, &rows, fault))
            }
            Operation::Count => {
                let filter = read_count_filter(query, version)?;
                Ok(Reply::text(self.store.count(filter.as_ref()).to_string()))
            }
            Operation::Get(id) => {
                let options = Options::of_one(query, version, Entity::Alert)?;
                self.one(version, id, options.select.as_deref(), call.wants_all_members())
            }
            Operation::Update(id) => {
                let mut alert = self.store.value(id).ok_or_else(not_found)?;
                update(&mut alert, &call.body, self.now)?;
                self.store.insert(&alert);
                self.one(version, id, None, call.wants_all_members())
            }
            Operation::Comment(id) => self.comment(version, id, &call.body),
            Operation::Incidents => {
                let options = Options::read(query, version, Entity::Incident, self.largest_page)?;
                let incidents = incidents(self.store);
                let rows: Vec<_> = incidents.iter().map(Incident::row).collect();
                Ok(self.list(INCIDENTS, route, call, &options, &rows, fault))
            }
            Operation::Incident(id) => {
                let options = Options::of_one(query, version, Entity::Incident)?;
                let incidents = incidents(self.store);
                let incident = incidents.iter().find(|incident| incident.id() == id);
                let incident = incident.ok_or_else(incident_not_found)?;
                let context = self.context(version, &format!("{INCIDENTS}/$entity"));
                let body = incident.body(options.expand_alerts, call.wants_all_members());
                Ok(entity(&context, &select(body, options.select.as_deref())))
            }
            Operation::IncidentAlerts(id) => {
                if !incidents(self.store).iter().any(|incident| incident.id() == id) {
                    return Err(incident_not_found());
                }
                let options = Options::read(query, version, Entity::Alert, self.largest_page)?;
                let is_part = |row: &Row<'_, StoredAlert>| row.item.summary["incidentId"] == id.as_str();
                let rows: Vec<_> = self.store.rows().filter(is_part).collect();
                Ok(self.list(&format!("{INCIDENTS}('{id}')/alerts"), route, call, &options, &rows, fault))
            }
        }
    }

    /// Responds to a change without making it.
    pub(super) fn state(&self, route: &Route) -> Result<Reply, Refusal> {
        match &route.operation {
            Operation::Comment(id) => {
                let alert = self.store.value(id).ok_or_else(not_found)?;
                Ok(self.comments(route.version, id, &alert))
            }
            other => self.one(route.version, other.id().ok_or_else(not_found)?, None, true),
        }
    }

    fn comments(&self, version: &str, id: &str, alert: &Value) -> Reply {
        let context = self.context(version, &format!("{ALERTS}('{id}')/comments"));
        Reply::json(json!({"@odata.context": context, "value": alert["comments"]}).to_string())
    }

    fn context(&self, version: &str, rest: &str) -> String {
        format!("{}/{version}/$metadata#security/{rest}", self.base)
    }

    /// Returns a page of a list of rows, which are given in list order. `name` is the collection in
    /// the context.
    fn list<T: Resource>(
        &self,
        name: &str,
        route: &Route,
        call: &Call,
        options: &Options,
        rows: &[Row<'_, T>],
        fault: Fault,
    ) -> Reply {
        let page = match (fault, &options.cursor) {
            // At most once per position, so that a client that follows links makes progress.
            (Fault::EmptyPage, Some(cursor @ Cursor { visit: 0, .. })) => {
                Page { rows: Vec::new(), next: Some(Cursor { visit: 1, ..cursor.clone() }) }
            }
            _ => page(rows.iter().copied(), options, self.store.semantics()),
        };
        let repeated = options.cursor.as_ref().filter(|_| fault == Fault::RepeatedAlert);
        let repeated =
            repeated.and_then(|cursor| rows.iter().copied().find(|row| *row.position == cursor.position));

        let selected =
            options.select.as_ref().map_or_else(String::new, |names| format!("({})", names.join(",")));
        let mut head = Map::new();
        let context = self.context(route.version, &format!("{name}{selected}"));
        head.insert("@odata.context".into(), context.into());
        if options.count && options.cursor.is_none() {
            let matching = options.filter.as_ref().map_or(rows.len(), |filter| {
                let matches = |row: &&Row<'_, T>| filter.matches_columns(row.columns, self.store.semantics());
                rows.iter().filter(matches).count()
            });
            let count = if fault == Fault::WrongCount { 2 * matching + 50 } else { matching };
            head.insert("@odata.count".into(), count.into());
        }
        if let Some(cursor) = page.next {
            let (version, repeated) = (route.version, &options.repeated);
            let path = match &route.operation {
                Operation::IncidentAlerts(id) => {
                    format!("{INCIDENTS}/{}/alerts", utf8_percent_encode(id, NON_ALPHANUMERIC))
                }
                _ => name.to_owned(),
            };
            let token = cursor.token();
            let at = |base: &str| format!("{base}/{version}/security/{path}?{repeated}$skiptoken={token}");
            let endless = |repeats| self.endless_link(version, Endless { repeats, number: 0 });
            let link = match fault {
                Fault::NextLinkLoop => format!("{}{}", self.base, call.target()).into(),
                Fault::ForeignNextLink => at(self.foreign_base).into(),
                Fault::BadNextLink => {
                    let links =
                        [json!(5), json!({}), json!("../../me"), json!("http://["), json!("/v1.0/me")];
                    links[rows.len() % links.len()].clone()
                }
                Fault::EndlessPages => endless(false).into(),
                Fault::RepeatedPages => endless(true).into(),
                _ => at(self.base).into(),
            };
            head.insert("@odata.nextLink".into(), link);
        }
        let items: Vec<_> = repeated
            .into_iter()
            .chain(page.rows)
            .map(|row| row.item.body(options, call.wants_all_members()))
            .collect();
        let mut body = Value::Object(head).to_string().into_bytes();
        body.reserve(items.iter().map(|item| item.len() + 1).sum::<usize>() + 100);
        // The closing brace is added after the rows.
        body.pop();
        body.extend_from_slice(b",\"value\":[");
        for (number, item) in items.into_iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&select(item, options.select.as_deref()));
        }
        if fault == Fault::NotAnAlert {
            let comma = if body.ends_with(b"[") { "" } else { "," };
            let object = r#"{"id":"1","displayName":"An object of another kind"}"#;
            body.extend_from_slice(format!("{comma}{object}").as_bytes());
        }
        body.extend_from_slice(b"]}");
        Reply::json(body)
    }

    /// Returns the link to a page of a list without end.
    fn endless_link(&self, version: &str, Endless { repeats, number }: Endless) -> String {
        let kind = if repeats { Endless::REPEATED } else { Endless::NEW };
        format!("{}/{version}/security/{ALERTS}?$skiptoken={kind}{number}", self.base)
    }

    /// Returns a page of a list without end: the first alerts, as they are or with other IDs.
    fn endless_page(&self, version: &str, endless: Endless) -> Reply {
        let alerts = self.store.values().into_iter().take(self.largest_page).enumerate();
        let alerts = alerts.map(|(at, mut alert)| {
            if !endless.repeats {
                alert["id"] = format!("{}{}-{at}", Endless::NEW, endless.number).into();
            }
            alert
        });
        let next = self.endless_link(version, Endless { number: endless.number + 1, ..endless });
        Reply::json(json!({"@odata.nextLink": next, "value": alerts.collect::<Vec<_>>()}).to_string())
    }

    fn one(
        &self,
        version: &str,
        id: &str,
        selected: Option<&[String]>,
        all_members: bool,
    ) -> Result<Reply, Refusal> {
        let alert = self.store.get(id).ok_or_else(not_found)?.body(all_members);
        let context = self.context(version, &format!("{ALERTS}/$entity"));
        Ok(entity(&context, &select(alert, selected)))
    }

    fn comment(&mut self, version: &str, id: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let mut alert = self.store.value(id).ok_or_else(not_found)?;
        for text in read_comments(body)? {
            let comment = json!({
                "@odata.type": "#microsoft.graph.security.alertComment",
                "comment": text,
                "createdByDisplayName": self.author,
                "createdDateTime": self.now.to_string(),
            });
            if let Some(comments) = alert["comments"].as_array_mut() {
                comments.push(comment);
            }
        }
        alert["lastUpdateDateTime"] = self.now.to_string().into();
        let reply = self.comments(version, id, &alert);
        self.store.insert(&alert);
        Ok(reply)
    }
}

/// What a list consists of.
trait Resource {
    /// Returns the JSON object. For `all_members`, see [`StoredAlert::body`].
    fn body(&self, options: &Options, all_members: bool) -> Bytes;
}

impl Resource for StoredAlert {
    fn body(&self, _: &Options, all_members: bool) -> Bytes {
        self.body(all_members)
    }
}

impl Resource for Incident<'_> {
    fn body(&self, options: &Options, all_members: bool) -> Bytes {
        self.body(options.expand_alerts, all_members)
    }
}

/// Returns a reply with a JSON object and its context.
fn entity(context: &str, object: &[u8]) -> Reply {
    let mut body = format!("{{\"@odata.context\":{},", Value::from(context)).into_bytes();
    body.extend_from_slice(&object[1..]);
    Reply::json(body)
}

/// Removes what was not selected from a JSON object, except annotations and expanded alerts.
fn select(object: Bytes, names: Option<&[String]>) -> Bytes {
    let Some(names) = names else { return object };
    let Ok(mut properties) = serde_json::from_slice::<Map<String, Value>>(&object) else { return object };
    properties.retain(|name, _| name.starts_with('@') || name == "alerts" || names.contains(name));
    Value::Object(properties).to_string().into()
}

fn incident_not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "The requested incident was not found.")
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "The requested alert was not found.")
}

/// Parses the body of a comment: one comment, or a list of them, which Graph's SDKs send
/// (docs/graph-api.md, "Comments").
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

/// Returns a JSON object, which may have only these properties and an `@odata.type`.
fn only(value: Value, properties: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(mut object) = value else { return Err(Refusal::bad_body()) };
    object.shift_remove("@odata.type");
    let known = object.keys().all(|name| properties.contains(&name.as_str()));
    if known { Ok(object) } else { Err(Refusal::bad_body()) }
}

/// Applies an update of the writable properties (docs/graph-api.md, "Updating alerts"). An invalid
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
