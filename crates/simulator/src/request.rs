//! Parses requests: the operation and its query options.

use axum::http::{HeaderMap, Method, StatusCode};
use base64::Engine;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::{odata::Filter, reply::Refusal, store::Position};
use alertdeck_model::Timestamp;

/// The page size without `$top`. The service's default is undocumented; a small one makes clients
/// follow links early.
const DEFAULT_PAGE: usize = 100;
/// The largest `$skip` (docs/graph-api.md, "Paging").
const MAX_SKIP: usize = 500;

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

    /// Returns whether the client accepts members declared after `unknownFutureValue`
    /// (docs/graph-api.md, "Enumerations").
    pub(super) fn wants_all_members(&self) -> bool {
        self.header("prefer").is_some_and(|prefer| {
            prefer
                .split([',', ';'])
                .any(|part| part.trim().eq_ignore_ascii_case("include-unknown-enum-members"))
        })
    }
}

/// An operation on alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    List,
    Count,
    Get(String),
    Update(String),
    Comment(String),
}

/// A kind of resource, by which permissions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Alerts,
    Incidents,
}

impl Operation {
    /// Returns what the operation acts on.
    pub(super) fn resource(&self) -> Resource {
        Resource::Alerts
    }

    /// Returns the ID of the alert that the operation is for.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::List | Self::Count => None,
            Self::Get(id) | Self::Update(id) | Self::Comment(id) => Some(id),
        }
    }
}

/// An operation in a version of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// `v1.0` or `beta`.
    pub(super) version: &'static str,
    pub(super) operation: Operation,
}

impl Route {
    /// Parses the method and path. As in Graph, segments are case-insensitive; ids are not.
    pub(super) fn read(method: &Method, path: &str) -> Result<Self, Refusal> {
        let mut segments = path.split('/').skip(1);
        let version = segments.next().unwrap_or_default();
        let version = ["v1.0", "beta"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(version))
            .ok_or_else(|| Refusal::bad_request("Invalid version"))?;
        for expected in ["security", "alerts_v2"] {
            let segment = segments.next().unwrap_or_default();
            if !segment.eq_ignore_ascii_case(expected) {
                return Err(not_found(segment));
            }
        }
        let id = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let rest: Vec<_> = segments.filter(|segment| !segment.is_empty()).collect();
        let operation = match (method, rest.as_slice()) {
            (&Method::GET, []) => Operation::List,
            (&Method::GET, [count]) if count.eq_ignore_ascii_case("$count") => Operation::Count,
            (&Method::GET, [alert]) => Operation::Get(id(alert)),
            (&Method::PATCH, [alert]) => Operation::Update(id(alert)),
            (&Method::POST, [alert, comments]) if comments.eq_ignore_ascii_case("comments") => {
                Operation::Comment(id(alert))
            }
            (_, [] | [_]) => {
                let message = "The method is not allowed on this resource.";
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
            }
            (_, [.., last]) => return Err(not_found(last)),
        };
        Ok(Self { version, operation })
    }
}

fn not_found(segment: &str) -> Refusal {
    Refusal::bad_request(format!("Resource not found for the segment '{segment}'."))
}

/// The query options of a list request.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) filter: Option<Filter>,
    pub(super) top: usize,
    pub(super) skip: usize,
    pub(super) count: bool,
    pub(super) cursor: Option<Cursor>,
    /// The query as received, without `$skip` and `$skiptoken`, for next links to repeat.
    pub(super) repeated: String,
}

impl Options {
    /// Parses the query of a list. In beta, the `$` of an option may be omitted (docs/graph-api.md,
    /// "Query options").
    ///
    /// A `$top` above `largest` is silently reduced (docs/graph-api.md, "Paging").
    pub(super) fn read(query: &str, version: &str, largest: usize) -> Result<Self, Refusal> {
        let mut options = Self {
            filter: None,
            top: DEFAULT_PAGE.min(largest),
            skip: 0,
            count: false,
            cursor: None,
            repeated: String::new(),
        };
        let mut seen = Vec::new();
        for raw in query.split('&').filter(|raw| !raw.is_empty()) {
            let (name, value) = form_urlencoded::parse(raw.as_bytes()).next().unwrap_or_default();
            let bare = name.strip_prefix('$');
            let name = match bare.or((version == "beta").then_some(&name)) {
                Some(name) if bare.is_some() || OPTIONS.contains(&name) => name,
                // Custom options, without `$`, are ignored.
                _ => continue,
            };
            if seen.contains(&name.to_owned()) {
                let message = format!("Query option '${name}' was specified more than once.");
                return Err(Refusal::bad_request(message));
            }
            seen.push(name.to_owned());
            match name {
                "filter" => options.filter = Some(read_filter(&value)?),
                "top" => options.top = read_number(name, &value, 1, usize::MAX)?.min(largest),
                "skip" => options.skip = read_number(name, &value, 0, MAX_SKIP)?,
                "count" => {
                    options.count = value.parse().map_err(|_| {
                        Refusal::bad_request(format!(
                            "Invalid value '{value}' for $count query option found."
                        ))
                    })?;
                }
                "skiptoken" => {
                    let cursor = Cursor::read(&value);
                    options.cursor =
                        Some(cursor.ok_or_else(|| Refusal::bad_request("The skip token is malformed."))?);
                }
                _ => return Err(not_allowed(name)),
            }
            if !matches!(name, "skip" | "skiptoken") {
                options.repeated.push_str(raw);
                options.repeated.push('&');
            }
        }
        Ok(options)
    }
}

/// The query options of a list.
const OPTIONS: [&str; 5] = ["filter", "top", "skip", "count", "skiptoken"];

fn read_filter(text: &str) -> Result<Filter, Refusal> {
    Filter::parse(text).map_err(|error| Refusal::bad_request(format!("Invalid filter clause: {error}.")))
}

fn read_number(name: &str, value: &str, least: usize, most: usize) -> Result<usize, Refusal> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        Refusal::bad_request(format!("Invalid value '{value}' for ${name} query option found."))
    })
}

fn not_allowed(name: &str) -> Refusal {
    Refusal::bad_request(format!("Query option '${name}' is not allowed."))
}

/// Parses the query of `$count`, which accepts only a filter.
pub(super) fn read_count_filter(query: &str, version: &str) -> Result<Option<Filter>, Refusal> {
    let options = Options::read(query, version, usize::MAX)?;
    match options.cursor {
        None if options.top == DEFAULT_PAGE && options.skip == 0 && !options.count => Ok(options.filter),
        _ => Err(Refusal::bad_request("Only $filter is allowed with $count.")),
    }
}

/// Refuses system query options on operations that accept none.
pub(super) fn refuse_options(query: &str) -> Result<(), Refusal> {
    let option = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, _)| name.strip_prefix('$').map(str::to_owned));
    option.map_or(Ok(()), |name| Err(not_allowed(&name)))
}

/// The content of `$skiptoken`, which says where a list continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The position of the last alert on the previous page.
    pub(super) position: Position,
    /// 1 after an empty page, whose next link leads to the same position; otherwise 0. This keeps
    /// the two links distinct.
    pub(super) visit: u8,
}

impl Cursor {
    pub(super) fn read(token: &str) -> Option<Self> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.splitn(3, '.');
        let visit = parts.next()?.parse().ok()?;
        let created = std::cmp::Reverse(Timestamp::from_ticks(parts.next()?.parse().ok()?));
        Some(Self { position: Position { created, id: parts.next()?.to_owned() }, visit })
    }

    pub(super) fn token(&self) -> String {
        let text = format!("{}.{}.{}", self.visit, self.position.created.0.ticks(), self.position.id);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/v1.0/security/alerts_v2", Operation::List)]
    #[case("GET", "/V1.0/Security/alerts_V2/", Operation::List)]
    #[case("GET", "/beta/security/alerts_v2/$Count", Operation::Count)]
    #[case("GET", "/beta/security/alerts_v2/da1_-2", Operation::Get("da1_-2".into()))]
    #[case("PATCH", "/v1.0/security/alerts_v2/a%2Fb%20%C3%A9", Operation::Update("a/b é".into()))]
    #[case("POST", "/v1.0/security/alerts_v2/A/Comments", Operation::Comment("A".into()))]
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
    fn unknown_routes_are_refused(#[case] method: &str, #[case] path: &str, #[case] status: u16) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(Route::read(&method, path).unwrap_err().status.as_u16(), status);
    }

    #[rstest]
    #[case("$top=0", "Invalid value '0' for $top")]
    #[case("$top=-1", "Invalid value '-1' for $top")]
    #[case("$top=x", "Invalid value 'x' for $top")]
    #[case("$skip=501", "Invalid value '501' for $skip")]
    #[case("$count=yes", "Invalid value 'yes' for $count")]
    #[case("$orderby=createdDateTime%20desc", "'$orderby' is not allowed")]
    #[case("$select=id", "'$select' is not allowed")]
    #[case("$expand=alerts", "'$expand' is not allowed")]
    #[case("%24search=x", "'$search' is not allowed")]
    #[case("$odd=1", "'$odd' is not allowed")]
    #[case("$top=1&$top=2", "more than once")]
    #[case("$skiptoken=!", "malformed")]
    #[case("$filter=title eq 'x'", "Invalid filter clause")]
    fn invalid_options_are_refused(#[case] query: &str, #[case] message: &str) {
        let refusal = Options::read(query, "v1.0", 1000).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (StatusCode::BAD_REQUEST, "BadRequest"));
        assert!(refusal.message.contains(message), "{}", refusal.message);
    }

    #[test]
    fn options_are_parsed() {
        let options = Options::read(
            "$filter=severity+eq%20%27high%27&$top=2000&$skip=500&$count=true&mine=1",
            "v1.0",
            1000,
        )
        .unwrap();
        assert_eq!((options.top, options.skip, options.count), (1000, 500, true));
        assert_eq!(options.repeated, "$filter=severity+eq%20%27high%27&$top=2000&$count=true&");
        assert_eq!(Options::read("top=7", "v1.0", 1000).unwrap().top, DEFAULT_PAGE);
        assert_eq!(Options::read("top=7&orderby=x", "beta", 1000).unwrap().top, 7);
        assert!(read_count_filter("$filter=status%20eq%20'new'", "v1.0").unwrap().is_some());
        assert!(read_count_filter("$top=5", "v1.0").is_err());
    }

    proptest! {
        #[test]
        fn cursors_round_trip(id in "\\PC{0,40}", ticks: i64, visit: u8) {
            let created = std::cmp::Reverse(Timestamp::from_ticks(ticks));
            let cursor = Cursor { position: Position { created, id }, visit };
            prop_assert_eq!(Cursor::read(&cursor.token()), Some(cursor));
        }

        #[test]
        fn parsing_never_panics(query in "[$a-z=&%0-9']{0,60}") {
            let _ = Options::read(&query, "beta", 1000);
        }
    }
}
