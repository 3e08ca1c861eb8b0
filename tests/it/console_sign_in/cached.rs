//! The cache across runs of the program.

use std::path::PathBuf;

use super::*;
use crate::support::tenant::files;

/// Opens the console on the tenant with the cache switched on.
fn open(tenant: &Tenant, filter: &str) -> Session {
    let cache = tenant.state.path().join("cache");
    let variables = [tenant.home(), ("XDG_CACHE_HOME", cache.to_str().unwrap()), ("ALERTDECK_NO_CACHE", "")];
    Session::open(&tenant.arguments(&[filter]), &variables)
}

fn cached_files(tenant: &Tenant) -> Vec<PathBuf> {
    files(&tenant.state.path().join("cache"))
}

/// Signs in, loads all alerts of a new tenant and quits.
fn loaded(alerts: usize) -> Tenant {
    let tenant = Tenant::new(|settings| settings.alerts = alerts);
    let mut session = open(&tenant, "");
    sign_in(&mut session);
    session.wait("complete");
    session.quit();
    tenant
}

#[test]
fn a_second_start_has_all_alerts_and_fetches_only_changes() {
    let tenant = loaded(300);
    let before = tenant.alert_requests().len();
    let mut session = open(&tenant, "");
    session.wait("300 matches");
    session.wait("complete");
    session.quit();
    let requests = tenant.alert_requests().split_off(before);
    assert!(!requests.is_empty());
    for request in &requests {
        assert!(request.target.contains("lastUpdateDateTime%20ge"), "{}", request.target);
    }
}

#[test]
fn cached_alerts_can_be_read_while_the_service_is_away() {
    let tenant = loaded(100);
    let arguments = tenant.arguments(&[""]);
    let Tenant { simulator, state } = tenant;
    drop(simulator);
    let path = |name: &str| state.path().join(name).to_str().unwrap().to_owned();
    let (home, cache) = (path(""), path("cache"));
    let variables = [("XDG_STATE_HOME", &*home), ("XDG_CACHE_HOME", &*cache), ("ALERTDECK_NO_CACHE", "")];
    let mut session = Session::open(&arguments, &variables);
    session.wait("100 matches");
    session.wait("offline as of");
    // The JSON of an alert is there too.
    session.type_keys("\r");
    session.press("v", "\"providerAlertId\"");
    session.type_keys("q");
}

#[test]
fn a_killed_console_leaves_a_usable_cache() {
    let tenant = loaded(400);
    for _ in 0..4 {
        for file in cached_files(&tenant) {
            std::fs::remove_file(file).unwrap();
        }
        let mut session = open(&tenant, "");
        session.wait("matches");
        let killed =
            std::process::Command::new("kill").args(["-9", &session.process_id().to_string()]).status();
        assert!(killed.unwrap().success());
        drop(session);
        let mut session = open(&tenant, "");
        session.wait("400 matches");
        session.wait("complete");
        assert!(!session.sent().contains("set aside"));
        session.quit();
    }
}

#[test]
fn a_damaged_cache_is_set_aside_and_named() {
    let tenant = loaded(100);
    for file in cached_files(&tenant) {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(file, vec![b'x'; bytes.len()]).unwrap();
    }
    let mut session = open(&tenant, "");
    session.wait("set aside");
    session.wait("100 matches");
    session.wait("complete");
    session.quit();
    let mut session = open(&tenant, "");
    session.wait("complete");
    assert!(!session.sent().contains("set aside"));
    session.quit();
}

#[test]
fn signing_out_removes_the_cache() {
    for in_console in [true, false] {
        let tenant = loaded(50);
        assert!(!cached_files(&tenant).is_empty());
        if in_console {
            let mut session = open(&tenant, "");
            session.wait("complete");
            session.press("P", "sign out");
            session.press("x", "signed out");
            session.press_away("q", "Profiles and sign-in");
            session.quit();
        } else {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_alertdeck"));
            let cache = tenant.state.path().join("cache");
            let arguments = tenant.arguments(&["logout"]);
            command
                .args(arguments)
                .envs([tenant.home(), ("ALERTDECK_CONFIG", "")])
                .env("XDG_CACHE_HOME", cache);
            assert!(command.output().unwrap().status.success());
        }
        assert_eq!(cached_files(&tenant), [] as [PathBuf; 0], "{in_console}");
    }
}

#[test]
fn nothing_is_cached_on_request() {
    let tenant = Tenant::new(|_| {});
    let cache = tenant.state.path().join("cache");
    let variables = [tenant.home(), ("XDG_CACHE_HOME", cache.to_str().unwrap())];
    let arguments = tenant.arguments(&["--no-cache", ""]);
    let mut session = Session::open(&arguments, &variables);
    sign_in(&mut session);
    session.wait("complete");
    session.quit();
    assert!(!cache.exists());
}

#[test]
fn a_second_start_restores_the_last_view() {
    let tenant = Tenant::new(|settings| settings.alerts = 60);
    let mut session = open(&tenant, "");
    sign_in(&mut session);
    session.wait("complete");
    session.press("/", "Enter run");
    session.press("severity:high", "severity:high");
    session.press("\r", "j/k move");
    session.press("s", "Sort by");
    session.press("t", "TITLE▲");
    session.press("C", "Columns");
    session.press(" ", "[ ] severity");
    session.press("\r", "j/k move");
    let has_severity = |session: &Session| session.with_screen(|screen| screen.contents().contains("SEV"));
    session.wait_until("a list without severities", |session| !has_severity(session));
    session.quit();
    let variables = [tenant.home()];
    let mut session = Session::open(&tenant.arguments(&[]), &variables);
    session.wait("severity:high");
    session.wait("TITLE▲");
    assert!(!has_severity(&session));
    // The filters of the first run are in the history.
    session.press("/", "Enter run");
    session.press_away("\u{15}", "severity:high");
    session.press("\u{1b}[A", "severity:high");
    session.press("\r", "j/k move");
    session.quit();
    // A filter on the command line comes before the last one.
    let mut session = Session::open(&tenant.arguments(&["severity:low"]), &variables);
    session.wait("severity:low");
    session.wait("AGE▼");
    session.quit();
}
