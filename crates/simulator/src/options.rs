//! The query options for lists and single resources (docs/graph-api.md, "Query options").

use url::form_urlencoded;

use super::{
    odata::{Entity, Filter, Order},
    paging::Cursor,
    reply::Refusal,
};

/// The page size without `$top`. The service's default is undocumented; a small one makes clients
/// follow links early.
const DEFAULT_PAGE: usize = 100;
/// The maximum value of `$skip` (docs/graph-api.md, "Paging").
const MAX_SKIP: usize = 500;
/// The maximum page size for an incident list (docs/graph-api.md, "Incidents").
const LARGEST_INCIDENT_PAGE: usize = 50;

/// The options that only lists accept.
const LIST_OPTIONS: [&str; 6] = ["filter", "orderby", "top", "skip", "count", "skiptoken"];

/// The alert properties that can be selected.
const ALERT_PROPERTIES: [&str; 36] = [
    "id",
    "actorDisplayName",
    "additionalData",
    "alertPolicyId",
    "alertWebUrl",
    "assignedTo",
    "categories",
    "category",
    "classification",
    "comments",
    "createdDateTime",
    "customDetails",
    "description",
    "detectionSource",
    "detectorId",
    "determination",
    "evidence",
    "firstActivityDateTime",
    "incidentId",
    "incidentWebUrl",
    "investigationState",
    "lastActivityDateTime",
    "lastUpdateDateTime",
    "mitreTechniques",
    "productName",
    "providerAlertId",
    "recommendedActions",
    "resolvedDateTime",
    "serviceSource",
    "severity",
    "status",
    "systemTags",
    "tenantId",
    "threatDisplayName",
    "threatFamilyName",
    "title",
];

/// The incident properties that can be selected.
const INCIDENT_PROPERTIES: [&str; 20] = [
    "id",
    "assignedTo",
    "classification",
    "comments",
    "createdDateTime",
    "customTags",
    "description",
    "determination",
    "displayName",
    "incidentWebUrl",
    "lastModifiedBy",
    "lastUpdateDateTime",
    "priorityScore",
    "redirectIncidentId",
    "resolvingComment",
    "severity",
    "status",
    "summary",
    "systemTags",
    "tenantId",
];

impl Entity {
    fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Alert => &ALERT_PROPERTIES,
            Self::Incident => &INCIDENT_PROPERTIES,
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Alert => "microsoft.graph.security.alert",
            Self::Incident => "microsoft.graph.security.incident",
        }
    }
}

/// A request's query options.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) filter: Option<Filter>,
    pub(super) order: Order,
    pub(super) top: usize,
    pub(super) skip: usize,
    pub(super) count: bool,
    pub(super) cursor: Option<Cursor>,
    /// The properties to return; `None` for all.
    pub(super) select: Option<Vec<String>>,
    /// True if incidents are returned with their alerts.
    pub(super) expand_alerts: bool,
    /// The received query without `$skip` and `$skiptoken`, which next links repeat.
    pub(super) repeated: String,
}

impl Options {
    /// Parses the query for a list. In beta, the `$` before an option may be omitted.
    ///
    /// For alerts, a `$top` above `largest` is silently reduced to `largest`. For incidents, a
    /// `$top` above 50 is rejected (docs/graph-api.md, "Paging", "Incidents").
    pub(super) fn read(query: &str, version: &str, entity: Entity, largest: usize) -> Result<Self, Refusal> {
        let largest = match entity {
            Entity::Alert => largest,
            Entity::Incident => LARGEST_INCIDENT_PAGE.min(largest),
        };
        let mut options = Self {
            filter: None,
            order: Order::default(),
            top: DEFAULT_PAGE.min(largest),
            skip: 0,
            count: false,
            cursor: None,
            select: None,
            expand_alerts: false,
            repeated: String::new(),
        };
        let mut seen = Vec::new();
        for raw in query.split('&').filter(|raw| !raw.is_empty()) {
            let (name, value) = form_urlencoded::parse(raw.as_bytes()).next().unwrap_or_default();
            let Some(name) = option_name(&name, version) else { continue };
            if seen.contains(&name.to_owned()) {
                let message = format!("Query option '${name}' was specified more than once.");
                return Err(Refusal::bad_request(message));
            }
            seen.push(name.to_owned());
            match name {
                "filter" => options.filter = Some(read_filter(&value, entity)?),
                "orderby" => {
                    options.order = Order::parse(&value, entity).map_err(Refusal::bad_request)?;
                }
                "top" => options.top = read_top(&value, entity)?.min(largest),
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
                "select" => options.select = Some(read_select(&value, entity)?),
                "expand" if entity == Entity::Incident => {
                    read_expand(&value)?;
                    options.expand_alerts = true;
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

    /// Parses the query for a single resource, which does not accept list options.
    pub(super) fn of_one(query: &str, version: &str, entity: Entity) -> Result<Self, Refusal> {
        let mut names = form_urlencoded::parse(query.as_bytes());
        let refused = names.find_map(|(name, _)| {
            option_name(&name, version).filter(|name| LIST_OPTIONS.contains(name)).map(not_allowed)
        });
        refused.map_or_else(|| Self::read(query, version, entity, usize::MAX), Err)
    }
}

/// Returns an option's name without its `$`. Returns `None` for custom options, which have no `$`.
/// In beta, the `$` before a known option may be omitted.
fn option_name<'a>(name: &'a str, version: &str) -> Option<&'a str> {
    let bare = name.strip_prefix('$');
    let is_known = |name: &str| LIST_OPTIONS.contains(&name) || ["select", "expand"].contains(&name);
    bare.or_else(|| Some(name).filter(|name| version == "beta" && is_known(name)))
}

fn read_filter(text: &str, entity: Entity) -> Result<Filter, Refusal> {
    let filter = Filter::parse_for(entity, text);
    filter.map_err(|error| Refusal::bad_request(format!("Invalid filter clause: {error}.")))
}

fn read_top(value: &str, entity: Entity) -> Result<usize, Refusal> {
    let top = read_number("top", value, 1, usize::MAX)?;
    if entity == Entity::Incident && top > LARGEST_INCIDENT_PAGE {
        let message = format!(
            "The limit of '{LARGEST_INCIDENT_PAGE}' for Top query has been exceeded. The value from the incoming request is '{top}'."
        );
        return Err(Refusal { code: "", ..Refusal::bad_request(message) });
    }
    Ok(top)
}

fn read_select(text: &str, entity: Entity) -> Result<Vec<String>, Refusal> {
    let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| !entity.properties().contains(&name.as_str())) {
        None => Ok(names),
        Some(name) => {
            let type_name = entity.type_name();
            let message = format!("Could not find a property named '{name}' on type '{type_name}'.");
            Err(Refusal::bad_request(message))
        }
    }
}

fn read_expand(text: &str) -> Result<(), Refusal> {
    if text == "alerts" {
        return Ok(());
    }
    let type_name = Entity::Incident.type_name();
    let message = format!("Could not find a property named '{text}' on type '{type_name}'.");
    Err(Refusal::bad_request(message))
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

/// Parses the query for `$count`, which accepts only a filter.
pub(super) fn read_count_filter(query: &str, version: &str) -> Result<Option<Filter>, Refusal> {
    let other = form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| option_name(&name, version).is_some_and(|name| name != "filter"));
    if other {
        return Err(Refusal::bad_request("Only $filter is allowed with $count."));
    }
    Ok(Options::read(query, version, Entity::Alert, usize::MAX)?.filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use proptest::prelude::*;
    use rstest::rstest;

    fn read(query: &str, version: &str, entity: Entity) -> Result<Options, Refusal> {
        Options::read(query, version, entity, 1000)
    }

    #[rstest]
    #[case("$top=0", "Invalid value '0' for $top")]
    #[case("$top=-1", "Invalid value '-1' for $top")]
    #[case("$top=x", "Invalid value 'x' for $top")]
    #[case("$skip=501", "Invalid value '501' for $skip")]
    #[case("$count=yes", "Invalid value 'yes' for $count")]
    #[case("$orderby=title%20desc", "'title' cannot be sorted by")]
    #[case("$select=id,name", "Could not find a property named 'name'")]
    #[case("$expand=alerts", "'$expand' is not allowed")]
    #[case("%24search=x", "'$search' is not allowed")]
    #[case("$odd=1", "'$odd' is not allowed")]
    #[case("$top=1&$top=2", "more than once")]
    #[case("$skiptoken=!", "malformed")]
    #[case("$filter=title eq 'x'", "Invalid filter clause")]
    fn invalid_options_are_refused(#[case] query: &str, #[case] message: &str) {
        let refusal = read(query, "v1.0", Entity::Alert).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (StatusCode::BAD_REQUEST, "BadRequest"));
        assert!(refusal.message.contains(message), "{}", refusal.message);
    }

    #[rstest]
    #[case("$top=51", "The limit of '50' for Top query has been exceeded")]
    #[case("$expand=comments", "Could not find a property named 'comments'")]
    #[case("$select=title", "on type 'microsoft.graph.security.incident'")]
    #[case("$filter=serviceSource eq 'microsoftSentinel'", "Invalid filter clause")]
    #[case("$orderby=priorityScore", "cannot be sorted by")]
    fn invalid_options_of_incidents_are_refused(#[case] query: &str, #[case] message: &str) {
        let refusal = read(query, "v1.0", Entity::Incident).unwrap_err();
        assert!(refusal.message.contains(message), "{}", refusal.message);
    }

    #[test]
    fn options_are_parsed() {
        let query = "$filter=severity+eq%20%27high%27&$top=2000&$skip=500&$count=true&mine=1";
        let options = read(query, "v1.0", Entity::Alert).unwrap();
        assert_eq!((options.top, options.skip, options.count), (1000, 500, true));
        assert_eq!(options.repeated, "$filter=severity+eq%20%27high%27&$top=2000&$count=true&");
        assert_eq!(read("top=7", "v1.0", Entity::Alert).unwrap().top, DEFAULT_PAGE);
        assert_eq!(read("top=7&x=y", "beta", Entity::Alert).unwrap().top, 7);
        let options = read("$expand=alerts&$top=50&$select=id,%20status", "v1.0", Entity::Incident).unwrap();
        assert!(options.expand_alerts && options.top == 50);
        assert_eq!(options.select.unwrap(), ["id", "status"]);
        assert_eq!(read("", "v1.0", Entity::Incident).unwrap().top, LARGEST_INCIDENT_PAGE);
    }

    #[test]
    fn single_resources_and_counts_accept_few_options() {
        assert!(Options::of_one("$select=id&x=y", "v1.0", Entity::Alert).unwrap().select.is_some());
        assert!(Options::of_one("$expand=alerts", "v1.0", Entity::Incident).unwrap().expand_alerts);
        for query in ["$top=5", "$filter=status%20eq%20'new'", "$orderby=severity", "$count=true"] {
            assert!(Options::of_one(query, "v1.0", Entity::Alert).is_err(), "{query}");
        }
        assert!(read_count_filter("$filter=status%20eq%20'new'", "v1.0").unwrap().is_some());
        for query in ["$top=5", "$select=id", "$orderby=severity"] {
            assert!(read_count_filter(query, "v1.0").is_err(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(query in "[$a-z=&%0-9']{0,60}") {
            for entity in [Entity::Alert, Entity::Incident] {
                let _ = read(&query, "beta", entity);
            }
        }
    }
}
