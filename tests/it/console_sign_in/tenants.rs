//! Two tenants in one list: faults and sign-ins in one do not affect the other, and nothing learned
//! from one reaches the other.

use std::{collections::BTreeSet, time::Duration};

use alertdeck_simulator::{Exchange, Faults, Timing};

use super::sign_in;
use crate::support::{
    tenant::{CLIENT, Tenant},
    terminal::Session,
};

/// Starts a tenant with 2,000 alerts on 20 pages. Its domains, addresses and names all contain the
/// name, and its alerts have the same ids as every other tenant's.
fn tenant(name: &str, faults: Faults) -> Tenant {
    Tenant::new(|settings| {
        (settings.alerts, settings.seed, settings.largest_page) = (2_000, 1, 100);
        name.clone_into(&mut settings.tenant);
        settings.faults = faults;
        // Loading takes long enough to be interrupted.
        settings.latency = Duration::from_millis(100);
        settings.timing = Timing { retry_after: Duration::from_millis(100), ..Timing::default() };
        settings.sign_in.user = format!("analyst@{name}.com");
    })
}

fn profile(name: &str, tenant: &Tenant) -> String {
    let url = tenant.simulator.base_url();
    format!(
        "[profile.{name}]\ntenant = '{name}.com'\nclient_id = '{CLIENT}'\n\
         graph_url = '{url}'\nlogin_url = '{url}'\nplaintext_secrets = true\n"
    )
}

fn ids(tenant: &Tenant) -> BTreeSet<String> {
    tenant.simulator.alerts().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns everything that a request contains, in lower case.
fn text(request: &Exchange) -> String {
    let headers = ["host", "authorization", "client-request-id", "user-agent", "prefer", "referer", "cookie"];
    let headers = headers.iter().filter_map(|name| request.header(name)).collect::<Vec<_>>().join("\n");
    format!("{}\n{headers}\n{}", request.target, String::from_utf8_lossy(&request.body)).to_lowercase()
}

fn tokens(tenant: &Tenant) -> BTreeSet<String> {
    let requests = tenant.alert_requests();
    requests.iter().map(|request| request.header("authorization").unwrap().to_owned()).collect()
}

#[test]
fn tenants_load_side_by_side_and_learn_nothing_from_each_other() {
    let (contoso, fabrikam) = (tenant("contoso", Faults::Flaky), tenant("fabrikam", Faults::None));
    assert_eq!(ids(&contoso), ids(&fabrikam));
    let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(config.path(), profile("contoso", &contoso) + &profile("fabrikam", &fabrikam)).unwrap();
    let variables = [("ALERTDECK_CONFIG", config.path().to_str().unwrap()), contoso.home()];
    let mut session = Session::open(&["--profile", "contoso,fabrikam", ""], &variables);
    sign_in(&mut session);
    sign_in(&mut session);

    // One tenant signs the user out halfway; the other loads completely.
    session.wait_until("pages arrive", |_| fabrikam.list_requests().len() > 3);
    fabrikam.revoke();
    session.wait("fabrikam: signed out");
    session.press("\x1b", "press P to sign in");
    session.type_keys("X");
    session.wait("contoso: 2,000 of 2,000 alerts");
    session.press_away("\x1b", "2,000 of 2,000 alerts");
    assert!(fabrikam.list_requests().len() < 20);

    session.press("P", "Profiles and sign-in");
    session.type_keys("js");
    sign_in(&mut session);
    session.wait("4,000 of 4,000 loaded");
    session.wait("complete");
    assert!(session.shows("4,000 matches"));

    // Ask for the alerts of an owner known from one tenant.
    session.type_keys("/assigned:any\r");
    session.wait_until("the filter is applied", |session| !session.shows("4,000 matches"));
    session.press("s", "Sort by");
    session.type_keys("m");
    session.wait("TENANT▲");
    session.press("S", "TENANT▼");
    session.wait("> fabrikam");
    session.press("f", "Include");
    session.type_keys("o");
    session.wait("assigned:any tenant=fabrikam assigned:");
    session.type_keys("r");
    let asks_for_owner = |request: &Exchange| text(request).contains("assignedto");
    session.wait_until("the owner is asked for", |_| fabrikam.list_requests().iter().any(asks_for_owner));
    session.wait("complete");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);

    for (tenant, other) in [(&contoso, "fabrikam"), (&fabrikam, "contoso")] {
        let host = tenant.simulator.base_url().trim_start_matches("http://").to_owned();
        for request in tenant.simulator.log() {
            assert_eq!(request.header("host"), Some(host.as_str()));
            assert!(!text(&request).contains(other), "{}", text(&request));
        }
    }
    assert!(tokens(&contoso).is_disjoint(&tokens(&fabrikam)));
}
