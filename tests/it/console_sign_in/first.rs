//! The first sign-in, later starts, and the value of `me` in each case.

use alertdeck_simulator::{Grant, SignIn};

use super::{PERSON, QUESTION, sign_in};
use crate::support::tenant::Tenant;

#[test]
fn a_first_sign_in_loads_the_whole_list() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.open(&[""]);
    session.wait(QUESTION);
    assert!(session.shows("Not signed in"));
    assert!(session.shows("contoso.com"), "the tenant is shown before the sign-in");
    sign_in(&mut session);
    session.wait("30 of 30 loaded");
    session.wait("complete");
    session.wait(&format!("signed in as {PERSON}"));
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    for words in [PERSON, "read alerts   yes", "SecurityAlert.ReadWrite.All", "token expires"] {
        assert!(session.shows(words), "{words}");
    }
    session.type_keys("q");
    session.wait_until("the profiles are closed", |session| !session.shows("Profiles and sign-in"));
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    session.assert_restored();
    assert_eq!((tenant.token_requests(Grant::Code), tenant.refused()), (1, 0));
}

#[test]
fn a_second_start_needs_no_sign_in_and_knows_the_account() {
    let tenant = Tenant::new(|settings| settings.alerts = 200);
    let mine = tenant.owned_by(PERSON);
    assert!(mine > 0 && mine < 200);
    let mut session = tenant.signed_in();
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    let before = tenant.list_requests().len();
    let mut session = tenant.open(&[""]);
    session.wait("200 of 200 loaded");
    session.wait("complete");
    session.type_keys("/assigned:me\r");
    session.wait(&format!("{mine} matches"));
    assert!(!session.sent().contains("Sign in"));
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    // The same as the initial filter.
    let mut session = tenant.open(&["assigned:me"]);
    session.wait(&format!("{mine} of {mine} loaded"));
    session.wait("complete");
    assert!(!session.sent().contains("Sign in"));
    let requests = tenant.list_requests().split_off(before);
    assert!(requests.last().unwrap().target.contains("assignedTo"), "{requests:?}");
    assert_eq!((tenant.token_requests(Grant::Code), tenant.refused()), (1, 0));
}

#[test]
fn an_initial_filter_with_me_is_applied_after_the_sign_in() {
    let tenant = Tenant::new(|settings| settings.alerts = 200);
    let mine = tenant.owned_by(PERSON);
    let mut session = tenant.open(&["assigned:me"]);
    sign_in(&mut session);
    session.wait(&format!("{mine} of {mine} loaded"));
    session.wait("complete");
    session.wait(&format!("{mine} matches"));
    let requests = tenant.list_requests();
    let mine = format!("assignedTo%20eq%20%27{}%27&", PERSON.replace('@', "%40"));
    assert!(requests.iter().any(|request| request.target.contains(&mine)));
}

#[test]
fn a_missing_permission_is_reported() {
    let scopes = vec!["User.Read".to_owned()];
    let tenant = Tenant::new(|settings| settings.sign_in = SignIn { scopes, ..SignIn::default() });
    let mut session = tenant.open(&[""]);
    sign_in(&mut session);
    session.wait("SecurityAlert.Read.All");
    session.type_keys("P");
    session.wait("SecurityAlert.Read.All is missing");
    assert!(session.shows("User.Read"));
}
