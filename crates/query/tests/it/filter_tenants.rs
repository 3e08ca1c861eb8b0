//! Tests filters over alerts from several tenants: what each service is asked for and what matches.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_query::{Context, DiagnosticKind, Tenant, compile};
use alertdeck_store::{Batch, FeedId, Store};
use rstest::rstest;

const CONTOSO: FeedId = FeedId::new(0);
const FABRIKAM: FeedId = FeedId::new(1);

/// Returns the context for one of two tenants. The names of a third tenant are also known.
fn context(feed: FeedId) -> Context {
    let tenant = |feed, names: [&str; 2], me: Option<&str>| Tenant {
        feed,
        names: names.map(str::to_owned).into(),
        me: me.map(str::to_owned),
    };
    let tenants = vec![
        tenant(Some(CONTOSO), ["contoso", "contoso.example"], Some("ana@contoso.example")),
        tenant(Some(FABRIKAM), ["Fabrikam Inc", "fabrikam.example"], None),
        tenant(None, ["northwind", "northwind.example"], None),
    ];
    Context { feed, tenants, ..Context::at(Timestamp::MIN) }
}

/// Returns what a tenant's service is asked for, where `-` means nothing. Also checks that nothing
/// remains to be tested locally.
fn asked(filter: &str, feed: FeedId) -> String {
    let plan = compile(filter, &context(feed)).unwrap();
    assert!(plan.is_exact() || plan.id.is_some());
    match (plan.excludes_feed, plan.id, plan.pushed) {
        (true, ..) => "-".to_owned(),
        (false, Some(id), _) => format!("id {}", id.raw()),
        (false, None, Some(pushed)) => pushed.to_string(),
        (false, None, None) => "all".to_owned(),
    }
}

#[rstest]
#[case::all("", "all", "all")]
#[case::one("tenant:contoso", "all", "-")]
#[case::negated("-tenant:contoso", "-", "all")]
#[case::unequal("tenant!=contoso", "-", "all")]
#[case::part_of_a_domain("tenant:.example status:new", "status eq 'new'", "status eq 'new'")]
#[case::whole("tenant=contoso.example", "all", "-")]
#[case::expression("tenant~^fab status:new", "-", "status eq 'new'")]
#[case::wildcard("tenant:*.example", "all", "all")]
#[case::list("tenant:contoso,fabrikam", "all", "all")]
#[case::not_in_the_list("tenant:northwind", "-", "-")]
#[case::or("tenant:contoso or status:new", "all", "status eq 'new'")]
#[case::groups(
    "(tenant:contoso status:new) or (tenant:fabrikam severity:high)",
    "status eq 'new'",
    "severity eq 'high'"
)]
#[case::id("tenant:fabrikam id:x", "-", "id x")]
#[case::me("assigned:me", "assignedTo eq 'ana@contoso.example'", "-")]
#[case::not_me("-assigned:me", "(assignedTo eq null or assignedTo ne 'ana@contoso.example')", "all")]
fn every_tenant_is_asked_for_its_part_only(
    #[case] filter: &str,
    #[case] contoso: &str,
    #[case] fabrikam: &str,
) {
    assert_eq!([asked(filter, CONTOSO), asked(filter, FABRIKAM)], [contoso, fabrikam]);
    // `asked` has also checked that nothing remains to be tested locally.
}

#[test]
fn alerts_match_by_their_tenant() {
    let mut store = Store::default();
    let alert = RawAlert(r#"{"id":"a","assignedTo":"ana@contoso.example"}"#.into());
    let rows = [CONTOSO, FABRIKAM]
        .map(|feed| store.absorb(feed, Batch::decode(std::slice::from_ref(&alert))).new[0]);
    for (filter, expected) in [
        ("tenant:contoso", [true, false]),
        ("-tenant:contoso", [false, true]),
        ("tenant:northwind", [false, false]),
        ("tenant:any", [true, true]),
        ("tenant:none", [false, false]),
        // In the other tenant, the user is not known.
        ("assigned:me", [true, false]),
        ("-assigned:me", [false, true]),
        ("assigned:ana@contoso.example", [true, true]),
    ] {
        let plan = compile(filter, &context(FABRIKAM)).unwrap();
        assert_eq!(rows.map(|row| plan.test.matches(&store, row)), expected, "{filter}");
    }
}

#[test]
fn a_wrong_name_gets_a_suggestion() {
    let errors = compile("tenant:contosso", &context(CONTOSO)).unwrap_err();
    assert_eq!(errors[0].kind, DiagnosticKind::UnknownTenant);
    assert_eq!(errors[0].fix.as_ref().map(|(_, name)| name.as_str()), Some("contoso"));
    assert!(errors[0].message.ends_with("expected one of contoso, Fabrikam Inc, northwind"), "{errors:?}");
    let errors = compile("tenant:\"fabrikam imc\"", &context(CONTOSO)).unwrap_err();
    assert_eq!(errors[0].fix.as_ref().map(|(_, name)| name.as_str()), Some("\"Fabrikam Inc\""));
    assert!(compile("tenant:x", &Context::at(Timestamp::MIN)).is_err());
    assert!(compile("tenant>contoso", &context(CONTOSO)).is_err());
}
