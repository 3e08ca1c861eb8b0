//! The operations on alerts and incidents (docs/graph-api.md, "Endpoints").

use axum::http::StatusCode;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{
    edit::Editor,
    fault::{Endless, Fault},
    incidents::{Incident, incidents},
    odata::Entity,
    options::{Options, read_count_filter},
    paging::{Cursor, Page, Row, page},
    reply::{Refusal, Reply},
    request::{Call, Operation, RequestKind, Route},
    store::StoredAlert,
};

/// The names of the collections, as they appear in `@odata.context`.
const ALERTS: &str = "alerts_v2";
const INCIDENTS: &str = "incidents";

/// The outcome of a valid change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) is_carried_out: bool,
    /// If true, the response contains the values from before the change.
    pub(super) shows_old_values: bool,
}

impl Default for Effect {
    fn default() -> Self {
        Self { is_carried_out: true, shows_old_values: false }
    }
}

/// Executes operations.
pub(super) struct Handler<'a> {
    pub(super) editor: Editor<'a>,
    /// The service's base URL, such as `http://127.0.0.1:1234`.
    pub(super) base: &'a str,
    /// The maximum page size.
    pub(super) largest_page: usize,
    /// The base URL for foreign links.
    pub(super) foreign_base: &'a str,
}

impl Handler<'_> {
    /// Executes a request. Applies only the faults that change the content of a page.
    pub(super) fn handle(&mut self, route: &Route, call: &Call, fault: Fault) -> Result<Reply, Refusal> {
        if route.operation.kind() == RequestKind::Change {
            return self.change(route, call, Effect::default());
        }
        self.editor.store.visibility.advance(self.editor.now);
        let reply = self.read(route, call, fault);
        self.editor.store.visibility.count_read(route.operation.id());
        reply
    }

    /// Carries out a change, or responds as if the change had been carried out.
    pub(super) fn change(&mut self, route: &Route, call: &Call, effect: Effect) -> Result<Reply, Refusal> {
        let edit = self.editor.edit(&route.operation, &call.body)?;
        let shown = if effect.shows_old_values { &edit.before } else { &edit.after };
        let reply = match &route.operation {
            Operation::Comment(id) => {
                let context = self.context(route.version, &format!("{ALERTS}('{id}')/comments"));
                Reply::json(json!({"@odata.context": context, "value": shown["comments"]}).to_string())
            }
            _ => self.alert(route.version, &StoredAlert::new(shown), None, call.wants_all_members()),
        };
        if effect.is_carried_out {
            self.editor.commit(edit);
        }
        Ok(reply)
    }

    /// Answers a request that changes nothing.
    fn read(&self, route: &Route, call: &Call, fault: Fault) -> Result<Reply, Refusal> {
        let store = &*self.editor.store;
        let (version, query) = (route.version, &*call.query);
        match &route.operation {
            Operation::List => {
                if let Some(endless) = Endless::read(query) {
                    return Ok(self.endless_page(version, endless));
                }
                let options = Options::read(query, version, Entity::Alert, self.largest_page)?;
                // A tenant may have a million alerts, but a page needs only a thousand.
                let rows: Vec<_> = match &options.cursor {
                    Some(cursor) if options.order.is_empty() => store.rows_from(&cursor.position).collect(),
                    _ => store.rows().collect(),
                };
                Ok(self.list(ALERTS, route, call, &options, &rows, fault))
            }
            Operation::Count => {
                let filter = read_count_filter(query, version)?;
                Ok(Reply::text(store.count(filter.as_ref()).to_string()))
            }
            Operation::Get(id) => {
                let options = Options::of_one(query, version, Entity::Alert)?;
                let alert = store.get(id).ok_or_else(not_found)?;
                Ok(self.alert(version, alert, options.select.as_deref(), call.wants_all_members()))
            }
            Operation::Update(_) | Operation::Comment(_) => Err(not_found()),
            Operation::Incidents => {
                let options = Options::read(query, version, Entity::Incident, self.largest_page)?;
                let incidents = incidents(store);
                let rows: Vec<_> = incidents.iter().map(Incident::row).collect();
                Ok(self.list(INCIDENTS, route, call, &options, &rows, fault))
            }
            Operation::Incident(id) => {
                let options = Options::of_one(query, version, Entity::Incident)?;
                let incidents = incidents(store);
                let incident = incidents.iter().find(|incident| incident.id() == id);
                let incident = incident.ok_or_else(incident_not_found)?;
                let context = self.context(version, &format!("{INCIDENTS}/$entity"));
                let body = incident.body(options.expand_alerts, call.wants_all_members());
                Ok(entity(&context, &select(body, options.select.as_deref())))
            }
            Operation::IncidentAlerts(id) => {
                if !incidents(store).iter().any(|incident| incident.id() == id) {
                    return Err(incident_not_found());
                }
                let options = Options::read(query, version, Entity::Alert, self.largest_page)?;
                let is_part = |row: &Row<'_, StoredAlert>| row.item.summary["incidentId"] == id.as_str();
                let rows: Vec<_> = store.rows().filter(is_part).collect();
                Ok(self.list(&format!("{INCIDENTS}('{id}')/alerts"), route, call, &options, &rows, fault))
            }
        }
    }

    fn context(&self, version: &str, rest: &str) -> String {
        format!("{}/{version}/$metadata#security/{rest}", self.base)
    }

    /// Returns a page of a list, given its rows in list order. `name` is the collection's name in
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
            // Return an empty page at most once per position, so that a client that follows links
            // makes progress.
            (Fault::EmptyPage, Some(cursor @ Cursor { visit: 0, .. })) => {
                Page { rows: Vec::new(), next: Some(Cursor { visit: 1, ..cursor.clone() }) }
            }
            _ => page(rows.iter().copied(), options, self.editor.store.semantics()),
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
                let matches =
                    |row: &&Row<'_, T>| filter.matches_columns(row.columns, self.editor.store.semantics());
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

    /// Returns the link to a page in an endless list.
    fn endless_link(&self, version: &str, Endless { repeats, number }: Endless) -> String {
        let kind = if repeats { Endless::REPEATED } else { Endless::NEW };
        format!("{}/{version}/security/{ALERTS}?$skiptoken={kind}{number}", self.base)
    }

    /// Returns a page in an endless list: the tenant's first alerts, either unchanged or with new
    /// IDs.
    fn endless_page(&self, version: &str, endless: Endless) -> Reply {
        let alerts = self.editor.store.values().into_iter().take(self.largest_page).enumerate();
        let alerts = alerts.map(|(at, mut alert)| {
            if !endless.repeats {
                alert["id"] = format!("{}{}-{at}", Endless::NEW, endless.number).into();
            }
            alert
        });
        let next = self.endless_link(version, Endless { number: endless.number + 1, ..endless });
        Reply::json(json!({"@odata.nextLink": next, "value": alerts.collect::<Vec<_>>()}).to_string())
    }

    /// Returns a response with one alert.
    fn alert(
        &self,
        version: &str,
        alert: &StoredAlert,
        selected: Option<&[String]>,
        all_members: bool,
    ) -> Reply {
        let context = self.context(version, &format!("{ALERTS}/$entity"));
        entity(&context, &select(alert.body(all_members), selected))
    }
}

/// A list item.
trait Resource {
    /// Returns the resource as a JSON object. For `all_members`, see [`StoredAlert::body`].
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

/// Returns a response with a JSON object and its context.
fn entity(context: &str, object: &[u8]) -> Reply {
    let mut body = format!("{{\"@odata.context\":{},", Value::from(context)).into_bytes();
    body.extend_from_slice(&object[1..]);
    Reply::json(body)
}

/// Removes the properties that were not selected from a JSON object, except annotations and
/// expanded alerts.
fn select(object: Bytes, names: Option<&[String]>) -> Bytes {
    let Some(names) = names else { return object };
    let Ok(mut properties) = serde_json::from_slice::<Map<String, Value>>(&object) else { return object };
    properties.retain(|name, _| name.starts_with('@') || name == "alerts" || names.contains(name));
    Value::Object(properties).to_string().into()
}

fn incident_not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "The requested incident was not found.")
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", "The requested alert was not found.")
}
