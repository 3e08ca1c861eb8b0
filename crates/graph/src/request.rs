//! Requests for Graph's resources, as values: what is requested, and the type of the answer.
//!
//! [`Client::send`](crate::Client::send) converts them into [`TransportRequest`]s, which consist
//! only of addresses and bytes, before sending them.

use std::{fmt, marker::PhantomData};

use alertdeck_model::{AlertId, Comment, RawAlert};
use serde_json::json;

use crate::{
    answer::{Outcome, Page, RawJson},
    cloud::Endpoint,
    error::Asked,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Priority, Repeat, TransportRequest, Url},
    resource::{Resource, encode},
    update::AlertUpdate,
};

/// Requests the enumeration members that Graph otherwise replaces with `unknownFutureValue`. Every
/// request needs it, including those for next pages (docs/graph-api.md, "Enumerations" and
/// "Paging").
const PREFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("prefer"), HeaderValue::from_static("include-unknown-enum-members"));
const JSON: (HeaderName, HeaderValue) =
    (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"));

/// The effect of sending a request again, in the terms of RFC 9110, 9.2. It determines when a
/// request is repeated and what happens after an unclear outcome (docs/security.md, "Retries").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotence {
    /// The request changes nothing. It is repeated after every transient failure.
    Safe,
    /// Sending the request twice has the same effect as sending it once. It is repeated only if it
    /// was definitely not carried out; after an unclear outcome, the alert is read and compared.
    Idempotent,
    /// Sending the request twice makes the change twice. It is repeated only if it was definitely
    /// not carried out; after an unclear outcome, the alert is checked for the change, and the
    /// request is never sent again.
    NonIdempotent,
}

/// The query options for a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// The text of `$filter`: OData, not encoded.
    pub filter: Option<String>,
    /// The requested page size (`$top`). For alerts, the service caps it at 1000
    /// (docs/graph-api.md, "Paging").
    pub top: Option<u32>,
    /// True to ask for the total number of matches (`$count=true`).
    pub count: bool,
}

impl ListQuery {
    /// Returns the encoded query, or `None` if it is empty.
    fn encoded(&self) -> Option<String> {
        let filter = self.filter.as_ref().map(|filter| format!("$filter={}", encode(filter)));
        let top = self.top.map(|top| format!("$top={top}"));
        let count = self.count.then(|| "$count=true".to_owned());
        let options: Vec<_> = [filter, top, count].into_iter().flatten().collect();
        (!options.is_empty()).then(|| options.join("&"))
    }
}

/// A request body.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// A change to an alert.
    Update(AlertUpdate),
    /// The text of a new comment.
    Comment(String),
    /// An advanced hunting query, in KQL.
    HuntingQuery(String),
}

/// Shows only the kind, since what analysts write does not belong in logs.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Update(_) => "Update(…)",
            Self::Comment(_) => "Comment(…)",
            Self::HuntingQuery(_) => "HuntingQuery(…)",
        })
    }
}

impl Body {
    fn json(&self) -> String {
        match self {
            Self::Update(update) => update.body(),
            // In the documented example, the type has no leading `#` (docs/graph-api.md,
            // "Comments").
            Self::Comment(text) => {
                json!({"@odata.type": "microsoft.graph.security.alertComment", "comment": text}).to_string()
            }
            Self::HuntingQuery(query) => json!({ "Query": query }).to_string(),
        }
    }
}

/// A request for a Graph resource; `T` is the answer type.
pub struct Request<T> {
    parts: Parts,
    answer: PhantomData<fn() -> T>,
}

/// A request without its answer type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) method: Method,
    pub(crate) resource: Resource,
    pub(crate) query: ListQuery,
    pub(crate) body: Option<Body>,
    pub(crate) idempotence: Idempotence,
    pub(crate) priority: Priority,
}

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        Self::from_parts(self.parts.clone())
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}

impl<T> Request<T> {
    /// Creates a GET request for a resource.
    pub fn get(resource: Resource, query: ListQuery) -> Self {
        Self::from_parts(Parts {
            method: Method::GET,
            resource,
            query,
            body: None,
            idempotence: Idempotence::Safe,
            priority: Priority::User,
        })
    }

    /// Creates a request that is not a GET.
    pub fn new(method: Method, resource: Resource, body: Option<Body>, idempotence: Idempotence) -> Self {
        let (query, priority) = (ListQuery::default(), Priority::User);
        Self::from_parts(Parts { method, resource, query, body, idempotence, priority })
    }

    /// Sets the request's urgency. The default is [`Priority::User`].
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.parts.priority = priority;
        self
    }

    fn from_parts(parts: Parts) -> Self {
        Self { parts, answer: PhantomData }
    }

    /// Returns the HTTP method.
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// Returns the resource.
    pub fn resource(&self) -> &Resource {
        &self.parts.resource
    }

    /// Returns the effect of sending the request again.
    pub fn idempotence(&self) -> Idempotence {
        self.parts.idempotence
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Request<Page> {
    /// Creates a request for the first page of an alert list.
    pub fn list(query: &ListQuery) -> Self {
        Self::get(Resource::Alerts, query.clone())
    }

    /// Creates a request for the first page of the alerts in an incident.
    pub fn incident_alerts(id: impl Into<String>) -> Self {
        Self::get(Resource::IncidentAlerts(id.into()), ListQuery::default())
    }

    /// Creates a request for the next page of a list, at the address given by the previous page.
    pub fn next_page(url: Url) -> Self {
        Self::get(Resource::NextPage(url), ListQuery::default())
    }
}

impl Request<RawAlert> {
    /// Creates a request for one alert.
    pub fn alert(id: &AlertId) -> Self {
        Self::get(Resource::Alert(id.clone()), ListQuery::default())
    }
}

impl Request<Outcome<RawAlert>> {
    /// Creates a request that changes an alert. The response is the alert after the change.
    pub fn update_alert(id: &AlertId, update: &AlertUpdate) -> Self {
        let body = Body::Update(update.clone());
        Self::new(Method::PATCH, Resource::Alert(id.clone()), Some(body), Idempotence::Idempotent)
    }
}

impl Request<Outcome<Vec<Comment>>> {
    /// Creates a request that adds a comment to an alert. The response lists all of the alert's
    /// comments.
    pub fn add_comment(id: &AlertId, text: &str) -> Self {
        let body = Body::Comment(text.to_owned());
        Self::new(Method::POST, Resource::Comments(id.clone()), Some(body), Idempotence::NonIdempotent)
    }
}

impl Request<RawJson> {
    /// Creates a request for the first page of an incident list. A `$top` above 50 is an error
    /// (docs/graph-api.md, "Incidents").
    pub fn incidents(query: &ListQuery) -> Self {
        Self::get(Resource::Incidents, query.clone())
    }

    /// Creates a request for one incident.
    pub fn incident(id: impl Into<String>) -> Self {
        Self::get(Resource::Incident(id.into()), ListQuery::default())
    }

    /// Creates a request that runs an advanced hunting query, in KQL. The request is a POST, but
    /// changes nothing.
    pub fn hunt(query: impl Into<String>) -> Self {
        let body = Body::HuntingQuery(query.into());
        Self::new(Method::POST, Resource::HuntingQuery, Some(body), Idempotence::Safe)
    }
}

impl Parts {
    /// Converts the parts into a transport request. Returns `None` if the ID cannot be part of an
    /// address.
    pub(crate) fn transport(&self, endpoint: &Endpoint) -> Option<TransportRequest> {
        let mut url = self.resource.url(endpoint)?;
        if let Some(query) = self.query.encoded() {
            url.set_query(Some(&query));
        }
        let mut headers = HeaderMap::from_iter([PREFER]);
        headers.extend(self.body.is_some().then_some(JSON));
        Some(TransportRequest {
            method: self.method.clone(),
            url,
            headers,
            body: self.body.as_ref().map(|body| body.json().into()),
            repeat: match self.idempotence {
                Idempotence::Safe => Repeat::Freely,
                Idempotence::Idempotent | Idempotence::NonIdempotent => Repeat::IfRefused,
            },
            priority: self.priority,
        })
    }

    /// Returns the purpose of the request, for error messages.
    pub(crate) fn asked(&self) -> Asked {
        match (&self.resource, &self.body) {
            (_, Some(Body::Update(_))) => Asked::Update,
            (_, Some(Body::Comment(_))) => Asked::Comment,
            (Resource::Alerts, _) => Asked::List { filtered: self.query.filter.is_some() },
            (Resource::NextPage(_), _) => Asked::NextPage,
            (Resource::Alert(_), None) => Asked::Alert,
            _ => Asked::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Api, Cloud};
    use proptest::prelude::*;
    use rstest::rstest;
    use secrecy::ExposeSecret as _;

    const LIST: &str = "https://graph.microsoft.com/v1.0/security/alerts_v2";

    fn transport<T>(request: &Request<T>) -> TransportRequest {
        request.parts().transport(&Endpoint::of(Cloud::Global, Api::V1)).unwrap()
    }

    fn filtered(filter: &str) -> Url {
        let query = ListQuery { filter: Some(filter.to_owned()), ..ListQuery::default() };
        transport(&Request::list(&query)).url
    }

    #[rstest]
    #[case("assignedTo eq 'O''Brien'", "assignedTo%20eq%20%27O%27%27Brien%27")]
    #[case("'a&$top=1'", "%27a%26%24top%3D1%27")]
    #[case("'a+b@c.d'", "%27a%2Bb%40c.d%27")]
    #[case("'#'", "%27%23%27")]
    #[case("'%27'", "%27%2527%27")]
    #[case("'a\nb'", "%27a%0Ab%27")]
    #[case("'é'", "%27%C3%A9%27")]
    #[case("createdDateTime ge 2026-01-01T00:00:00Z", "createdDateTime%20ge%202026-01-01T00%3A00%3A00Z")]
    fn a_filter_is_encoded_exactly_once(#[case] filter: &str, #[case] encoded: &str) {
        assert_eq!(filtered(filter).as_str(), format!("{LIST}?$filter={encoded}"));
    }

    #[test]
    fn options_are_sent_in_a_fixed_order() {
        assert_eq!(transport(&Request::list(&ListQuery::default())).url.as_str(), LIST);
        let query = ListQuery { filter: Some("a".into()), top: Some(50), count: true };
        let url = transport(&Request::list(&query)).url;
        assert_eq!(url.as_str(), format!("{LIST}?$filter=a&$top=50&$count=true"));
    }

    #[test]
    fn repetition_follows_idempotence_not_the_method() {
        let id = AlertId::new("a");
        let repeat = |request: &TransportRequest| (request.method.clone(), request.repeat);
        assert_eq!(repeat(&transport(&Request::alert(&id))), (Method::GET, Repeat::Freely));
        assert_eq!(repeat(&transport(&Request::hunt("x"))), (Method::POST, Repeat::Freely));
        let update = Request::update_alert(&id, &AlertUpdate::default());
        assert_eq!(repeat(&transport(&update)), (Method::PATCH, Repeat::IfRefused));
        assert_eq!(repeat(&transport(&Request::add_comment(&id, "x"))), (Method::POST, Repeat::IfRefused));
    }

    #[test]
    fn bodies_are_json_and_in_no_debug_text() {
        let request = Request::add_comment(&AlertId::new("a"), "canary \"1\"\n");
        let sent = transport(&request);
        assert_eq!(sent.headers["content-type"], "application/json");
        assert_eq!(
            sent.body.as_ref().unwrap().expose_secret(),
            r#"{"@odata.type":"microsoft.graph.security.alertComment","comment":"canary \"1\"\n"}"#
        );
        assert!(!format!("{request:?}{sent:?}").contains("canary"));
        let hunt = transport(&Request::hunt("DeviceInfo | take 1"));
        assert_eq!(hunt.body.unwrap().expose_secret(), r#"{"Query":"DeviceInfo | take 1"}"#);
    }

    proptest! {
        #[test]
        fn any_filter_arrives_whole(filter in any::<String>()) {
            let url = filtered(&filter);
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("$filter".to_owned(), filter)]);
        }
    }
}
