//! The first sign-in, the starts after it, and who `me` is in each.

use alertdeck::simulator::{Grant, SignIn};

use super::{PERSON, QUESTION, sign_in, tenant::Tenant};

#[test]
fn a_first_sign_in_leads_from_nothing_to_the_whole_list() {
    let tenant = Tenant::new(|_| {});
    let mut desk = tenant.open(&[""]);
    desk.wait(QUESTION);
    assert!(desk.shows("You are not signed in"));
    assert!(desk.shows("contoso.com"), "whose alerts these are is told before anything else");
    sign_in(&mut desk);
    desk.wait("30 of 30 loaded");
    desk.wait("complete");
    desk.wait(&format!("signed in as {PERSON}"));
    desk.type_keys("P");
    desk.wait("Profiles and sign-in");
    for words in [PERSON, "read alerts   yes", "SecurityAlert.ReadWrite.All", "token until"] {
        assert!(desk.shows(words), "{words}");
    }
    desk.type_keys("q");
    desk.wait_until("the profiles are closed", |desk| !desk.shows("Profiles and sign-in"));
    desk.type_keys("q");
    assert_eq!(desk.exit_code(), 0);
    desk.assert_restored();
    assert_eq!((tenant.requests(Grant::Code), tenant.refused()), (1, 0));
}

#[test]
fn a_second_start_asks_nobody_and_knows_who_i_am() {
    let tenant = Tenant::new(|settings| settings.alerts = 200);
    let mine = tenant.owned_by(PERSON);
    assert!(mine > 0 && mine < 200);
    let mut desk = tenant.signed_in();
    desk.type_keys("q");
    assert_eq!(desk.exit_code(), 0);
    let before = tenant.lists().len();
    let mut desk = tenant.open(&[""]);
    desk.wait("200 of 200 loaded");
    desk.wait("complete");
    desk.type_keys("/assigned:me\r");
    desk.wait(&format!("{mine} match"));
    assert!(!desk.sent().contains("Sign in"));
    desk.type_keys("q");
    assert_eq!(desk.exit_code(), 0);
    // As the filter to begin with, too.
    let mut desk = tenant.open(&["assigned:me"]);
    desk.wait(&format!("{mine} of {mine} loaded"));
    desk.wait("complete");
    assert!(!desk.sent().contains("Sign in"));
    let asked = tenant.lists().split_off(before);
    assert!(asked.last().unwrap().target.contains("assignedTo"), "{asked:?}");
    assert_eq!((tenant.requests(Grant::Code), tenant.refused()), (1, 0));
}

#[test]
fn a_first_start_on_my_own_alerts_asks_for_them_once_it_knows_whose_they_are() {
    let tenant = Tenant::new(|settings| settings.alerts = 200);
    let mine = tenant.owned_by(PERSON);
    let mut desk = tenant.open(&["assigned:me"]);
    sign_in(&mut desk);
    desk.wait(&format!("{mine} of {mine} loaded"));
    desk.wait("complete");
    desk.wait(&format!("{mine} match"));
    let last = tenant.lists().pop().unwrap().target;
    let name = PERSON.replace('@', "%40");
    assert!(last.contains("assignedTo") && last.contains(&name), "{last}");
}

#[test]
fn a_permission_that_is_missing_is_told() {
    let scopes = vec!["User.Read".to_owned()];
    let tenant = Tenant::new(|settings| settings.sign_in = SignIn { scopes, ..SignIn::default() });
    let mut desk = tenant.open(&[""]);
    sign_in(&mut desk);
    desk.wait("SecurityAlert.Read.All");
    desk.type_keys("P");
    desk.wait("SecurityAlert.Read.All is missing");
    assert!(desk.shows("User.Read"));
}
