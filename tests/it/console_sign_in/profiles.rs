//! Two tenants in one config file: requests, tokens and the screen after switching profiles.

use std::collections::BTreeSet;

use alertdeck_simulator::{CLIENT_SECRET, Grant, Simulator};
use rstest::rstest;

use super::sign_in;
use crate::support::{
    tenant::{CLIENT, Tenant},
    terminal::Session,
};

/// Two tenants, and a config file with a profile for each of them plus a broken profile.
struct Two {
    contoso: Tenant,
    fabrikam: Tenant,
    config: tempfile::NamedTempFile,
}

impl Two {
    fn new() -> Self {
        let contoso = Tenant::new(|settings| (settings.alerts, settings.seed) = (12, 1));
        let fabrikam = Tenant::new(|settings| {
            (settings.alerts, settings.seed) = (25, 2);
            settings.sign_in.user = "bo@fabrikam.example".into();
        });
        let section = |name: &str, tenant: &Tenant| {
            let url = tenant.simulator.base_url();
            format!(
                "[profile.{name}]\ntenant = '{name}.example'\nclient_id = '{CLIENT}'\n\
                 graph_url = '{url}'\nlogin_url = '{url}'\nplaintext_secrets = true\n"
            )
        };
        let text = format!(
            "default_profile = 'contoso'\n{}{}[profile.broken]\ntenant = 'broken.example'\n\
             client_id = '{CLIENT}'\nauth = 'client-secret'\nclient_secret_file = '/nonexistent/secret'\n",
            section("contoso", &contoso),
            section("fabrikam", &fabrikam)
        );
        let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        std::fs::write(config.path(), text).unwrap();
        Self { contoso, fabrikam, config }
    }

    fn open(&self, arguments: &[&str]) -> Session {
        let config = self.config.path().to_str().unwrap();
        Session::open(&[arguments, &[""]].concat(), &[("ALERTDECK_CONFIG", config), self.contoso.home()])
    }
}

/// Opens the list of profiles, moves the cursor with `keys` and switches to the selected profile.
fn switch(session: &mut Session, keys: &str) {
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    session.type_keys(keys);
    session.type_keys("\r");
}

/// Returns the titles that are not blank, since hostile titles may be.
fn titles(simulator: &Simulator) -> BTreeSet<String> {
    let alerts = simulator.alerts();
    let titles = alerts.iter().map(|alert| alert["title"].as_str().unwrap().to_owned());
    titles.filter(|title| !title.trim().is_empty()).collect()
}

/// Returns the tokens that a tenant received.
fn tokens(tenant: &Tenant) -> BTreeSet<String> {
    tenant
        .alert_requests()
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect()
}

#[test]
fn switching_profiles_shows_only_the_other_tenant() {
    let two = Two::new();
    let (ours, theirs) = (titles(&two.contoso.simulator), titles(&two.fabrikam.simulator));
    let only_ours: Vec<_> = ours.difference(&theirs).cloned().collect();
    // The screen may truncate a title.
    let shown =
        |session: &Session| only_ours.iter().any(|title| session.shows(title.get(..18).unwrap_or(title)));
    let mut session = two.open(&[]);
    sign_in(&mut session);
    session.wait("12 of 12 loaded");
    assert!(session.shows("contoso.example") && shown(&session));
    switch(&mut session, "j");
    session.wait("fabrikam.example");
    session.wait("Not signed in");
    assert!(!shown(&session));
    sign_in(&mut session);
    session.wait("25 of 25 loaded");
    session.wait("bo@fabrikam.example");
    let header = session.with_screen(|screen| screen.rows(0, 120).next().unwrap());
    assert!(header.contains("fabrikam.example") && !header.contains("contoso"), "{header}");
    assert!(!shown(&session));
    // A broken profile is reported, and the active profile stays active.
    switch(&mut session, "j");
    session.wait("broken: ");
    assert!(session.shows("client secret"));
    assert!(session.shows("25 of 25 loaded"));
    // Switching back needs no sign-in.
    switch(&mut session, "k");
    session.wait("12 of 12 loaded");
    assert!(session.shows("contoso.example") && shown(&session));
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    assert!(tokens(&two.contoso).is_disjoint(&tokens(&two.fabrikam)));
    for tenant in [&two.contoso, &two.fabrikam] {
        assert_eq!((tenant.refused(), tenant.token_requests(Grant::Code)), (0, 1));
    }
}

#[test]
fn each_profile_has_its_own_stored_sign_in() {
    let two = Two::new();
    for (name, alerts) in [("contoso", 12), ("fabrikam", 25)] {
        let mut session = two.open(&["--profile", name]);
        sign_in(&mut session);
        session.wait(&format!("{alerts} of {alerts} loaded"));
        session.type_keys("q");
        assert_eq!(session.exit_code(), 0);
    }
    for (arguments, tenant, alerts) in
        [(&["--profile", "fabrikam"][..], "fabrikam.example", 25), (&[], "contoso.example", 12)]
    {
        let mut session = two.open(arguments);
        session.wait(&format!("{alerts} of {alerts} loaded"));
        assert!(session.shows(tenant) && !session.sent().contains("Sign in"));
    }
    assert_eq!(two.contoso.token_requests(Grant::Code) + two.fabrikam.token_requests(Grant::Code), 2);
}

/// A token or secret in the environment belongs to one tenant. After a switch, it is not used, and
/// the service receives no requests.
#[rstest]
#[case::token("auth = 'token'", "ALERTDECK_TOKEN")]
#[case::secret("auth = 'client-secret'", "ALERTDECK_CLIENT_SECRET")]
fn secrets_in_the_environment_are_not_used_for_other_profiles(#[case] auth: &str, #[case] named: &str) {
    let (contoso, fabrikam) = (Tenant::new(|_| {}), Tenant::new(|_| {}));
    let section = |name: &str, tenant: &Tenant, auth: &str| {
        let url = tenant.simulator.base_url();
        format!(
            "[profile.{name}]\ntenant = '{name}.example'\nclient_id = '{CLIENT}'\n{auth}\n\
             graph_url = '{url}'\nlogin_url = '{url}'\n"
        )
    };
    let text = section("contoso", &contoso, "auth = 'token'") + &section("fabrikam", &fabrikam, auth);
    let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(config.path(), text).unwrap();
    let token = contoso.application_token(CLIENT_SECRET);
    let mut session = Session::open(
        &["--profile", "contoso", ""],
        &[
            ("ALERTDECK_CONFIG", config.path().to_str().unwrap()),
            ("ALERTDECK_TOKEN", &token),
            ("ALERTDECK_CLIENT_SECRET", CLIENT_SECRET),
            contoso.home(),
        ],
    );
    session.wait("complete");
    switch(&mut session, "j");
    session.wait("fabrikam: ");
    assert!(session.shows(named), "{}", session.with_screen(vt100::Screen::contents));
    assert!(session.shows("contoso.example"));
    assert!(fabrikam.simulator.log().is_empty());
}
