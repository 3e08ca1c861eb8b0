//! Sign-in by device code and its outcomes.

use std::net::TcpStream;

use alertdeck_simulator::{Grant, SignInControl};
use reqwest::Url;
use rstest::rstest;

use super::QUESTION;
use crate::support::tenant::Tenant;

#[test]
fn an_approved_code_signs_in() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.open(&[""]);
    session.press("d", "time left");
    assert!(session.shows(&format!("{}/device", tenant.simulator.base_url())));
    let code = session.copy("y");
    let spaced: Vec<_> = code.chars().map(String::from).collect();
    assert!(session.shows(&spaced.join(" ")));
    assert_eq!(tenant.simulator.sign_in(|control| control.pending_devices()), vec![code.clone()]);
    assert!(tenant.simulator.sign_in(|control| control.approve_device(Some(&code))));
    session.wait("30 of 30 loaded");
    session.wait("complete");
}

#[rstest]
#[case::declined(|control: &mut SignInControl| assert!(control.decline_device(None)), &["Consent was declined"])]
#[case::expired(SignInControl::expire_devices, &["The code has expired: start over"])]
#[case::blocked(
    |session: &mut SignInControl| session.rules.device_blocked = true,
    &["Blocked by a Conditional Access policy", "AADSTS53003", "the browser on a", "managed device may work"]
)]
fn a_failed_code_is_reported_and_keeps_the_list(#[case] act: fn(&mut SignInControl), #[case] words: &[&str]) {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    tenant.revoke();
    session.type_keys("/");
    session.paste("severity:high,low");
    session.wait("severity:high,low");
    session.type_keys("\r");
    session.wait("j/k move");
    session.type_keys("r");
    session.wait(QUESTION);
    session.press("d", "time left");
    tenant.simulator.sign_in(act);
    session.wait("Sign-in failed");
    // Join the wrapped lines.
    let shown = session.with_screen(vt100::Screen::contents);
    let shown: Vec<_> =
        shown.split(|c: char| c.is_whitespace() || c == '│').filter(|word| !word.is_empty()).collect();
    let shown = shown.join(" ");
    for words in words {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    session.press_away("\x1b", "Sign-in failed");
    session.wait("signed out");
    assert!(session.shows("severity:high,low"));
    assert!(!session.shows(" 0 matches"));
}

#[test]
fn esc_cancels_each_stage_and_frees_the_port() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.open(&[""]);
    session.wait(QUESTION);
    session.press_away("\x1b", QUESTION);
    session.wait("press P to sign in");
    // A new request asks the user to sign in again.
    session.type_keys("r");
    session.wait(QUESTION);
    session.press("\r", "No browser could be opened");
    let address = Url::parse(&session.copy("y")).unwrap();
    let redirect = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
    let port = Url::parse(&redirect).unwrap().port().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    session.press_away("\x1b", "No browser could be opened");
    session.wait("signed out");
    session.wait_until("the port is free", |_| TcpStream::connect(("127.0.0.1", port)).is_err());
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    session.type_keys("d");
    session.wait("time left");
    session.press_away("\x1b", "time left");
    session.wait("signed out");
    assert_eq!((tenant.token_requests(Grant::Code), tenant.alert_requests().len()), (0, 0));
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    session.assert_restored();
}
