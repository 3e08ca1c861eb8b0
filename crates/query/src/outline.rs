//! Reduces a filter to tests of a few properties, so that most alerts in a large file need not be
//! decoded.

use super::predicate::{Predicate, Test};

/// The properties that all tests except text searches read, and those that identify an alert and
/// its state (the Graph page "alert resource type").
const PROPERTIES: [&str; 12] = [
    "id",
    "severity",
    "status",
    "classification",
    "determination",
    "serviceSource",
    "assignedTo",
    "createdDateTime",
    "lastUpdateDateTime",
    "resolvedDateTime",
    "firstActivityDateTime",
    "lastActivityDateTime",
];

/// A reduced filter, for alerts for which only [`Outline::PROPERTIES`] are known.
#[derive(Clone, Debug)]
pub struct Outline {
    /// A predicate that matches every alert that the filter matches.
    pub predicate: Predicate,
    /// Whether the predicate matches only alerts that the filter matches.
    pub is_exact: bool,
}

impl Outline {
    /// The properties that outlines of alerts must contain.
    pub const PROPERTIES: &[&str] = &PROPERTIES;

    /// Reduces a filter to the tests that need only [`Outline::PROPERTIES`].
    pub fn new(filter: &Predicate) -> Self {
        let mut is_exact = true;
        let predicate = Predicate(reduced(&filter.0, true, &mut is_exact));
        Self { predicate, is_exact }
    }
}

/// Replaces each text search with a test that every alert passes or, where `positive` is `false`,
/// with a test that no alert passes.
fn reduced(test: &Test, positive: bool, is_exact: &mut bool) -> Test {
    let mut each = |parts: &[Test]| parts.iter().map(|part| reduced(part, positive, is_exact)).collect();
    match test {
        Test::All(parts) => Test::All(each(parts)),
        Test::Any(parts) => Test::Any(each(parts)),
        Test::Not(part) => Test::not(reduced(part, !positive, is_exact)),
        Test::Text(_) => {
            *is_exact = false;
            if positive { Test::All(Vec::new()) } else { Test::NEVER }
        }
        Test::Member(..) | Test::Within(..) | Test::Known(_) | Test::From(_) | Test::Raw(_) => test.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, compile};
    use alertdeck_model::{RawAlert, Timestamp};
    use alertdeck_store::{FeedId, Store};
    use rstest::rstest;

    const ALERTS: [&str; 6] = [
        r#"{"id":"a","title":"enc","severity":"high","status":"new","assignedTo":"bob@x.io"}"#,
        r#"{"id":"b","title":"enc","severity":"low","status":"resolved","createdDateTime":"2026-01-02T00:00:00Z"}"#,
        r#"{"id":"c","severity":["high"],"status":"new","status":"resolved","evidence":[{"a":1,"a":2}]}"#,
        r#"{"id":"d","title":"x","severity":"HIGH","classification":null,"createdDateTime":"noon"}"#,
        r##"{"id":"e","severity":5,"status":"","x":{"@odata.type":"#microsoft.graph.security.userEvidence"}}"##,
        r#"{"id":"f","\u0073everity":"h\u0069gh","status":"\ud800"}"#,
    ];

    #[rstest]
    #[case("severity:high", true)]
    #[case("-severity:high", true)]
    #[case("severity>=medium or status:none", true)]
    #[case("status:resolved -severity:low", true)]
    #[case("created:none or created>2026-01-01", true)]
    #[case("$assignedTo eq 'bob@x.io' or severity eq 'high'", true)]
    #[case("class:none", true)]
    #[case("enc", false)]
    #[case("-enc severity:high", false)]
    #[case("-(enc severity:high)", false)]
    #[case("title:enc or status:new", false)]
    #[case("not (enc or -status:new)", false)]
    fn an_outline_matches_whatever_the_filter_matches(#[case] filter: &str, #[case] is_exact: bool) {
        let context = Context::at(Timestamp::MIN);
        let whole = compile(filter, &context).unwrap().test;
        let outline = Outline::new(&whole);
        assert_eq!(outline.is_exact, is_exact);
        let alerts = ALERTS.map(|text| RawAlert(text.into()));
        let outlines = alerts.clone().map(|alert| alert.outline(Outline::PROPERTIES).unwrap());
        let matches = |predicate: &Predicate, alerts: [RawAlert; 6]| {
            let mut store = Store::default();
            let rows = store.decode(FeedId::default(), alerts);
            rows.into_iter().map(|row| predicate.matches(&store, row)).collect::<Vec<_>>()
        };
        let (expected, found) = (matches(&whole, alerts), matches(&outline.predicate, outlines));
        let holds =
            |(expected, found): (&bool, &bool)| if is_exact { expected == found } else { expected <= found };
        assert!(expected.iter().zip(&found).all(holds), "{expected:?} {found:?}");
    }
}
