//! The addresses of Graph's resources.
//!
//! This is the only module that contains Graph's paths, and the only one that inserts text into a
//! path. All text is percent-encoded exactly once.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{cloud::Endpoint, http::Url};
use alertdeck_model::AlertId;

/// Everything except the unreserved characters of RFC 3986, 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A resource that Graph offers, relative to the endpoint (docs/graph-api.md, "Endpoints").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// All alerts: `/security/alerts_v2`.
    Alerts,
    /// One alert.
    Alert(AlertId),
    /// The comments on an alert; new ones are posted here.
    Comments(AlertId),
    /// All incidents: `/security/incidents`.
    Incidents,
    /// One incident, by its ID.
    Incident(String),
    /// The alerts in an incident.
    IncidentAlerts(String),
    /// Advanced hunting: `/security/runHuntingQuery`.
    HuntingQuery,
    /// The next page of a list, at the absolute URL from an earlier response.
    NextPage(Url),
}

impl Resource {
    /// Returns the address without query options, or `None` if the ID cannot be part of an address.
    /// An empty ID, `.` and `..` cannot, because they refer to folders even when encoded.
    pub(crate) fn url(&self, endpoint: &Endpoint) -> Option<Url> {
        let (path, id, rest) = match self {
            Self::NextPage(url) => return Some(url.clone()),
            Self::Alerts => ("alerts_v2", None, ""),
            Self::Alert(id) => ("alerts_v2", Some(id.raw()), ""),
            Self::Comments(id) => ("alerts_v2", Some(id.raw()), "/comments"),
            Self::Incidents => ("incidents", None, ""),
            Self::Incident(id) => ("incidents", Some(id.as_str()), ""),
            Self::IncidentAlerts(id) => ("incidents", Some(id.as_str()), "/alerts"),
            Self::HuntingQuery => ("runHuntingQuery", None, ""),
        };
        let mut url = endpoint.scope().base().clone();
        let mut whole = format!("{}security/{path}", url.path());
        if let Some(id) = id {
            if matches!(id, "" | "." | "..") {
                return None;
            }
            // Writing to a string cannot fail.
            let _ = write!(whole, "/{}{rest}", encode(id));
        }
        url.set_path(&whole);
        Some(url)
    }
}

/// Percent-encodes text as one path segment or one query option value.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Api, Cloud};
    use proptest::prelude::*;
    use rstest::rstest;

    const LIST: &str = "https://graph.microsoft.com/v1.0/security/alerts_v2";

    fn url(resource: &Resource) -> Option<String> {
        resource.url(&Endpoint::of(Cloud::Global, Api::V1)).map(String::from)
    }

    #[rstest]
    #[case("da637551227677560813_-961444813", Some("da637551227677560813_-961444813"))]
    #[case("a/b", Some("a%2Fb"))]
    #[case("../x", Some("..%2Fx"))]
    #[case("a?b#c%d e\t\n\\", Some("a%3Fb%23c%25d%20e%09%0A%5C"))]
    #[case("..", None)]
    #[case(".", None)]
    #[case("", None)]
    #[case("%2e%2e", Some("%252e%252e"))]
    fn an_id_is_one_segment(#[case] id: &str, #[case] segment: Option<&str>) {
        let expected = |rest: &str| segment.map(|segment| format!("{LIST}/{segment}{rest}"));
        assert_eq!(url(&Resource::Alert(AlertId::new(id))), expected(""));
        assert_eq!(url(&Resource::Comments(AlertId::new(id))), expected("/comments"));
    }

    #[test]
    fn incidents_and_hunting_have_the_documented_addresses() {
        let base = "https://graph.microsoft.com/v1.0/security";
        for (resource, path) in [
            (Resource::Incidents, "/incidents"),
            (Resource::Incident("2 8".into()), "/incidents/2%208"),
            (Resource::IncidentAlerts("28".into()), "/incidents/28/alerts"),
            (Resource::HuntingQuery, "/runHuntingQuery"),
        ] {
            assert_eq!(url(&resource), Some(format!("{base}{path}")));
        }
        assert_eq!(url(&Resource::IncidentAlerts("..".into())), None);
    }

    proptest! {
        #[test]
        fn any_id_stays_below_its_collection(id in any::<String>()) {
            if let Some(url) = Resource::Alert(AlertId::new(&id)).url(&Endpoint::of(Cloud::Global, Api::V1)) {
                let last = url.path_segments().unwrap().next_back().unwrap();
                let decoded = percent_encoding::percent_decode_str(last).decode_utf8().unwrap();
                prop_assert_eq!(&*decoded, id);
                prop_assert!(url.as_str().starts_with(LIST) && url.query().is_none());
            }
        }
    }
}
