//! Parses a request's method and path into an API version and an operation.

use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::{odata::Entity, reply::Refusal};

/// A request with its complete body.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the path and query, as in the request line.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Returns whether the client accepts enumeration members declared after `unknownFutureValue`
    /// (docs/graph-api.md, "Enumerations").
    pub(super) fn wants_all_members(&self) -> bool {
        self.header("prefer").is_some_and(|prefer| {
            prefer
                .split([',', ';'])
                .any(|part| part.trim().eq_ignore_ascii_case("include-unknown-enum-members"))
        })
    }
}

/// An operation on alerts or incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    List,
    Count,
    Get(String),
    Update(String),
    Comment(String),
    Incidents,
    Incident(String),
    IncidentAlerts(String),
}

impl Operation {
    /// Returns the ID of the alert that the operation reads or changes, if it is for a single
    /// alert.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Get(id) | Self::Update(id) | Self::Comment(id) => Some(id),
            _ => None,
        }
    }

    /// Returns the kind of resource for which the operation requires permissions.
    pub(super) fn resource(&self) -> Entity {
        match self {
            Self::Incidents | Self::Incident(_) | Self::IncidentAlerts(_) => Entity::Incident,
            _ => Entity::Alert,
        }
    }

    /// Returns the kind of request, as distinguished by the fault profiles.
    pub(super) fn kind(&self) -> RequestKind {
        match self {
            Self::List | Self::Incidents | Self::IncidentAlerts(_) => RequestKind::List,
            Self::Update(_) | Self::Comment(_) => RequestKind::Change,
            Self::Count | Self::Get(_) | Self::Incident(_) => RequestKind::Read,
        }
    }
}

/// A kind of request to Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// The response is a page of a list.
    List,
    /// The response is a single resource or a number.
    Read,
    /// The request changes an alert.
    Change,
}

/// An operation in an API version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// `v1.0` or `beta`.
    pub(super) version: &'static str,
    pub(super) operation: Operation,
}

impl Route {
    /// Parses the method and path. As in Graph, path segments are case-insensitive, except for IDs.
    pub(super) fn read(method: &Method, path: &str) -> Result<Self, Refusal> {
        let (version, rest) = read_version(path)?;
        let segments: Vec<_> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        let is = |segment: &str, name: &str| segment.eq_ignore_ascii_case(name);
        let id = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let (collection, rest) = match segments[..] {
            [security, collection, ref rest @ ..] if is(security, "security") => (collection, rest),
            [security] if is(security, "security") => return Err(not_found("")),
            _ => return Err(not_found(segments.first().unwrap_or(&""))),
        };
        let entity = match collection {
            name if is(name, "alerts_v2") => Entity::Alert,
            name if is(name, "incidents") => Entity::Incident,
            other => return Err(not_found(other)),
        };
        let operation = match (entity, method, rest) {
            (Entity::Alert, &Method::GET, []) => Operation::List,
            (Entity::Alert, &Method::GET, [count]) if is(count, "$count") => Operation::Count,
            (Entity::Alert, &Method::GET, [alert]) => Operation::Get(id(alert)),
            (Entity::Alert, &Method::PATCH, [alert]) => Operation::Update(id(alert)),
            (Entity::Alert, &Method::POST, [alert, comments]) if is(comments, "comments") => {
                Operation::Comment(id(alert))
            }
            (Entity::Incident, &Method::GET, []) => Operation::Incidents,
            (Entity::Incident, &Method::GET, [incident]) => Operation::Incident(id(incident)),
            (Entity::Incident, &Method::GET, [incident, alerts]) if is(alerts, "alerts") => {
                Operation::IncidentAlerts(id(incident))
            }
            (_, _, [] | [_]) => {
                let message = "The method is not allowed on this resource.";
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
            }
            (_, _, [.., last]) => return Err(not_found(last)),
        };
        Ok(Self { version, operation })
    }
}

/// Splits the API version off a path.
pub(super) fn read_version(path: &str) -> Result<(&'static str, &str), Refusal> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (version, rest) = path.split_once('/').unwrap_or((path, ""));
    let known = ["v1.0", "beta"].into_iter().find(|known| known.eq_ignore_ascii_case(version));
    Ok((known.ok_or_else(|| Refusal::bad_request("Invalid version"))?, rest))
}

fn not_found(segment: &str) -> Refusal {
    Refusal::bad_request(format!("Resource not found for the segment '{segment}'."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/v1.0/security/alerts_v2", Operation::List)]
    #[case("GET", "/V1.0/Security/alerts_V2/", Operation::List)]
    #[case("GET", "/beta/security/alerts_v2/$Count", Operation::Count)]
    #[case("GET", "/beta/security/alerts_v2/da1_-2", Operation::Get("da1_-2".into()))]
    #[case("PATCH", "/v1.0/security/alerts_v2/a%2Fb%20%C3%A9", Operation::Update("a/b é".into()))]
    #[case("POST", "/v1.0/security/alerts_v2/A/Comments", Operation::Comment("A".into()))]
    #[case("GET", "/v1.0/security/incidents", Operation::Incidents)]
    #[case("GET", "/v1.0/security/incidents/42/", Operation::Incident("42".into()))]
    #[case("GET", "/beta/security/incidents/42/alerts", Operation::IncidentAlerts("42".into()))]
    fn routes_are_parsed(#[case] method: &str, #[case] path: &str, #[case] operation: Operation) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(Route::read(&method, path).unwrap().operation, operation);
    }

    #[rstest]
    #[case("GET", "/", 400)]
    #[case("GET", "/v2.0/security/alerts_v2", 400)]
    #[case("GET", "/v1.0/security/alerts", 400)]
    #[case("GET", "/v1.0/security/alerts_v2/a/evidence", 400)]
    #[case("DELETE", "/v1.0/security/alerts_v2/a", 405)]
    #[case("POST", "/v1.0/security/alerts_v2", 405)]
    #[case("PATCH", "/v1.0/security/incidents/42", 405)]
    #[case("GET", "/v1.0/security/incidents/42/comments", 400)]
    #[case("GET", "/v1.0/security", 400)]
    fn unknown_routes_are_refused(#[case] method: &str, #[case] path: &str, #[case] status: u16) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(Route::read(&method, path).unwrap_err().status.as_u16(), status);
    }
}
