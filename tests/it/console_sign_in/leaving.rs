//! Sign-out, signals during a sign-in, and copied requests.

use std::process::Command;

use super::{QUESTION, sign_in};
use crate::support::{tenant::Tenant, terminal::Session};

/// Runs the program without a terminal. Returns the exit code, the output and the errors.
fn run(tenant: &Tenant, command: &str) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_alertdeck"))
        .args(tenant.arguments(&[command]))
        .envs([tenant.home(), ("ALERTDECK_CONFIG", "")])
        .env_remove("ALERTDECK_TOKEN")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn assert_signed_out(tenant: &Tenant) {
    assert_eq!(tenant.stored_files(), [""; 0].map(std::path::PathBuf::from));
    let (code, out, error) = run(tenant, "whoami");
    assert_eq!((code, out.as_str(), error.lines().count()), (3, "", 1), "{error}");
    assert!(error.contains("not signed in") && error.contains("alertdeck login"), "{error}");
}

#[test]
fn logout_removes_the_stored_sign_in() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    assert!(!tenant.stored_files().is_empty());
    assert_eq!(run(&tenant, "whoami").0, 0);
    assert_eq!(
        run(&tenant, "logout"),
        (0, "signed out; the stored sign-in of profile default was removed\n".into(), String::new())
    );
    assert_signed_out(&tenant);
}

#[test]
fn signing_out_in_the_console_removes_the_stored_sign_in() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    let before = tenant.alert_requests().len();
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    session.type_keys("x");
    session.wait("signed out; press s to sign in with a browser");
    session.wait_until("the stored sign-in is removed", |_| tenant.stored_files().is_empty());
    // The rows stay, and the user can sign in again.
    session.press_away("\x1b", "Profiles and sign-in");
    session.wait("30 matches");
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    session.type_keys("s");
    sign_in(&mut session);
    session.wait_until("the overlay is closed", |session| !session.shows(QUESTION));
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    session.type_keys("x");
    session.wait("signed out; press s to sign in with a browser");
    session.press_away("\x1b", "Profiles and sign-in");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    assert!(tenant.alert_requests().len() >= before);
    assert_signed_out(&tenant);
}

/// Opens a console that is waiting for the browser.
fn waiting(tenant: &Tenant) -> Session {
    let mut session = tenant.open(&[""]);
    session.wait(QUESTION);
    session.press("\r", "No browser could be opened");
    session
}

#[test]
fn a_signal_during_a_sign_in_restores_the_terminal() {
    let tenant = Tenant::new(|_| {});
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let mut session = waiting(&tenant);
        session.signal(signal);
        assert_eq!(session.exit_code(), code);
        session.assert_restored();
    }
}

#[test]
fn a_sign_in_continues_after_ctrl_z() {
    let tenant = Tenant::new(|_| {});
    let mut session = waiting(&tenant);
    session.type_keys("\x1a");
    session.wait_until("the program is stopped", |session| session.is_stopped());
    assert!(session.is_cooked());
    session.with_screen(|screen| assert!(!screen.alternate_screen() && !screen.hide_cursor()));
    session.signal("CONT");
    session.wait_until("the screen is back", |session| {
        session.with_screen(vt100::Screen::alternate_screen) && session.shows("No browser could be opened")
    });
    let address = session.copy("y");
    assert!(super::browse(&address).contains("<h1>Signed in</h1>"));
    session.wait("30 of 30 loaded");
}

#[test]
fn a_request_is_copied_without_its_token() {
    let tenant = Tenant::new(|_| {});
    let mut session = tenant.signed_in();
    session.type_keys("R");
    session.wait("/v1.0/security/alerts_v2");
    session.wait("/oauth2/v2.0/token");
    let curl = session.copy("y");
    assert!(curl.starts_with("curl --request GET") && curl.contains("Bearer $TOKEN"), "{curl}");
    session.type_keys("j");
    let form = session.copy("y");
    assert!(form.starts_with("curl --request POST") && form.contains("--data-binary '@-'"), "{form}");
    for request in tenant.simulator.log() {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        for secret in token.into_iter().chain(body.split(['&', '=']).filter(|part| part.len() > 40)) {
            assert!(!curl.contains(secret) && !form.contains(secret));
        }
    }
}
