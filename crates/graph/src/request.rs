//! Requests as values: what is asked for becomes an address here, before anything is sent.
//!
//! It is the one place where text becomes part of an address, encoded exactly once.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Endpoint;
use crate::http::{HeaderMap, HeaderName, HeaderValue, Request, Url};
use alertdeck_model::AlertId;

/// Everything but the unreserved characters of RFC 3986, 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Asks for enum members that Graph otherwise hides as `unknownFutureValue`; needed with every
/// request, next pages included (API.md 3).
const PREFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("prefer"), HeaderValue::from_static("include-unknown-enum-members"));

/// A list of alerts to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// The text of `$filter`, as OData, not encoded.
    pub filter: Option<String>,
    /// The wanted page length (`$top`); the service cuts it to 1000 (QUIRKS.md).
    pub top: Option<u32>,
    /// Whether to ask for the number of all alerts that match (`$count=true`).
    pub count: bool,
}

impl ListRequest {
    /// Returns the address of the first page.
    pub fn url(&self, endpoint: &Endpoint) -> Url {
        let mut url = alerts(endpoint);
        let mut options = Vec::new();
        if let Some(filter) = &self.filter {
            options.push(format!("$filter={}", encode(filter)));
        }
        if let Some(top) = self.top {
            options.push(format!("$top={top}"));
        }
        if self.count {
            options.push("$count=true".to_owned());
        }
        if !options.is_empty() {
            url.set_query(Some(&options.join("&")));
        }
        url
    }
}

/// The address of one alert; `None` for an id that no address can hold: nothing, or the dots
/// that stand for folders, encoded or not.
pub(super) fn alert(endpoint: &Endpoint, id: &AlertId) -> Option<Url> {
    if matches!(id.raw(), "" | "." | "..") {
        return None;
    }
    let mut url = alerts(endpoint);
    let path = format!("{}/{}", url.path(), encode(id.raw()));
    url.set_path(&path);
    Some(url)
}

/// The request for an address, with Graph's headers.
pub(super) fn get(url: Url) -> Request {
    Request { headers: HeaderMap::from_iter([PREFER]), ..Request::get(url) }
}

fn alerts(endpoint: &Endpoint) -> Url {
    let mut url = endpoint.scope().base().clone();
    let path = format!("{}security/alerts_v2", url.path());
    url.set_path(&path);
    url
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Api, Cloud};
    use proptest::prelude::*;
    use rstest::rstest;

    const LIST: &str = "https://graph.microsoft.com/v1.0/security/alerts_v2";

    fn endpoint() -> Endpoint {
        Endpoint::of(Cloud::Global, Api::V1)
    }

    fn filtered(filter: &str) -> Url {
        ListRequest { filter: Some(filter.to_owned()), ..ListRequest::default() }.url(&endpoint())
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
    fn options_stand_in_the_address_in_their_order() {
        assert_eq!(ListRequest::default().url(&endpoint()).as_str(), LIST);
        let request = ListRequest { filter: Some("a".into()), top: Some(50), count: true };
        assert_eq!(request.url(&endpoint()).as_str(), format!("{LIST}?$filter=a&$top=50&$count=true"));
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
        let url = alert(&endpoint(), &AlertId::new(id)).map(String::from);
        assert_eq!(url, segment.map(|segment| format!("{LIST}/{segment}")));
    }

    proptest! {
        #[test]
        fn any_filter_arrives_whole(filter in any::<String>()) {
            let url = filtered(&filter);
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("$filter".to_owned(), filter)]);
        }

        #[test]
        fn any_id_stays_below_the_list(id in any::<String>()) {
            if let Some(url) = alert(&endpoint(), &AlertId::new(&id)) {
                let last = url.path_segments().unwrap().next_back().unwrap();
                let decoded = percent_encoding::percent_decode_str(last).decode_utf8().unwrap();
                prop_assert_eq!(&*decoded, id);
                prop_assert!(url.as_str().starts_with(LIST) && url.query().is_none());
            }
        }
    }
}
