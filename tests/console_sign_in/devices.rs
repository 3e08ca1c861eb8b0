//! Sign-in by device code, and what can come of it.

use std::net::TcpStream;

use alertdeck::simulator::{Grant, SignInDesk};
use reqwest::Url;
use rstest::rstest;

use super::{QUESTION, tenant::Tenant};

#[test]
fn a_code_that_is_approved_signs_in() {
    let tenant = Tenant::new(|_| {});
    let mut desk = tenant.open(&[""]);
    desk.press("d", "time left");
    assert!(desk.shows(&format!("{}/device", tenant.simulator.base_url())));
    let code = desk.copy("y");
    let spaced: Vec<_> = code.chars().map(String::from).collect();
    assert!(desk.shows(&spaced.join(" ")));
    assert_eq!(tenant.simulator.sign_in(|desk| desk.pending_devices()), vec![code.clone()]);
    assert!(tenant.simulator.sign_in(|desk| desk.approve_device(Some(&code))));
    desk.wait("30 of 30 loaded");
    desk.wait("complete");
}

#[rstest]
#[case::declined(|desk: &mut SignInDesk| assert!(desk.decline_device(None)), &["Consent was declined"])]
#[case::expired(SignInDesk::expire_devices, &["The code has expired: start over"])]
#[case::blocked(
    |desk: &mut SignInDesk| desk.rules.device_blocked = true,
    &["Blocked by a Conditional Access policy", "AADSTS53003", "the browser on a", "managed device may do"]
)]
fn a_code_that_comes_to_nothing_says_why_and_takes_nothing(
    #[case] act: fn(&mut SignInDesk),
    #[case] words: &[&str],
) {
    let tenant = Tenant::new(|_| {});
    let mut desk = tenant.signed_in();
    tenant.revoke();
    desk.type_keys("/severity:high,low\r");
    desk.wait("j/k move");
    desk.type_keys("r");
    desk.wait(QUESTION);
    desk.press("d", "time left");
    tenant.simulator.sign_in(act);
    desk.wait("Sign-in failed");
    // It is wrapped as the window wants it.
    let shown = desk.with_screen(vt100::Screen::contents);
    let shown: Vec<_> =
        shown.split(|c: char| c.is_whitespace() || c == '│').filter(|word| !word.is_empty()).collect();
    let shown = shown.join(" ");
    for words in words {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    desk.press_away("\x1b", "Sign-in failed");
    desk.wait("signed out");
    assert!(desk.shows("severity:high,low"));
    assert!(!desk.shows(" 0 match"));
}

#[test]
fn esc_leaves_each_stage_and_frees_the_port() {
    let tenant = Tenant::new(|_| {});
    let mut desk = tenant.open(&[""]);
    desk.wait(QUESTION);
    desk.press_away("\x1b", QUESTION);
    desk.wait("press P to sign in");
    // What is wanted again is asked for again.
    desk.type_keys("r");
    desk.wait(QUESTION);
    desk.press("\r", "No browser was opened");
    let address = Url::parse(&desk.copy("y")).unwrap();
    let redirect = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
    let port = Url::parse(&redirect).unwrap().port().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    desk.press_away("\x1b", "No browser was opened");
    desk.wait("signed out");
    desk.wait_until("the port is free", |_| TcpStream::connect(("127.0.0.1", port)).is_err());
    desk.type_keys("P");
    desk.wait("Profiles and sign-in");
    desk.type_keys("d");
    desk.wait("time left");
    desk.press_away("\x1b", "time left");
    desk.wait("signed out");
    assert_eq!((tenant.requests(Grant::Code), tenant.asked().len()), (0, 0));
    desk.type_keys("q");
    assert_eq!(desk.exit_code(), 0);
    desk.assert_restored();
}
