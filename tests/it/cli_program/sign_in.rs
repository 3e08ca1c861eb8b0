//! All sign-in methods, tested through `list`, `login`, `whoami` and `logout`: successes, error
//! messages and exit codes.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use alertdeck_simulator::{CLIENT_SECRET, Grant, SignIn, SignInControl, SignInError, UNKNOWN_TENANT};
use alertdeck_testing::Identity;
use rstest::rstest;
use serde_json::Value;

use super::{Run, alertdeck, run};
use crate::support::tenant::{CLIENT, Tenant, browse};

/// Returns a command for the tenant, with the tenant's state folder and without a keyring.
fn command(tenant: &Tenant, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = alertdeck(tenant.arguments(arguments));
    without_keyring(&mut command).envs([tenant.home()]);
    command
}

fn without_keyring(command: &mut assert_cmd::Command) -> &mut assert_cmd::Command {
    command
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .env("XDG_RUNTIME_DIR", "/nonexistent")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
}

/// Runs `list` as an application with this secret.
fn as_application(tenant: &Tenant, secret: &str) -> Run {
    run(command(tenant, &["list"]).env("ALERTDECK_CLIENT_SECRET", secret))
}

/// Asserts that a run failed to sign in, with a one-line error that contains these words.
fn assert_refused(run: &Run, words: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for words in words {
        assert!(run.stderr.contains(words), "{words}\n{}", run.stderr);
    }
}

#[test]
fn an_application_lists_with_its_secret_from_a_variable_or_a_file() {
    let tenant = Tenant::new(|_| {});
    let listed = as_application(&tenant, CLIENT_SECRET);
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{CLIENT_SECRET}\n")).unwrap();
    let arguments = ["list", "--client-secret-file", file.path().to_str().unwrap()];
    let listed = run(&mut command(&tenant, &arguments));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    assert_eq!(tenant.token_requests(Grant::Client), 2);
    assert!(tenant.stored_files().is_empty(), "an application's token is not stored");
}

#[rstest]
#[case::wrong("guess", &["wrong client secret", "AADSTS7000215"])]
#[case::expired("last-years", &["the client secret has expired: create a new one", "AADSTS7000222"])]
fn a_refused_secret_is_reported_with_the_reason(#[case] secret: &str, #[case] words: &[&str]) {
    let rules = SignIn { expired_secret: Some("last-years".into()), ..SignIn::default() };
    let tenant = Tenant::new(|settings| settings.sign_in = rules);
    let refused = as_application(&tenant, secret);
    assert_refused(&refused, words);
    assert!(!refused.stderr.contains(secret));
    assert_eq!((tenant.token_requests(Grant::Client), tenant.alert_requests().len()), (1, 0));
}

#[test]
fn an_application_lists_with_a_registered_certificate() {
    let tenant = Tenant::new(|_| {});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), Identity::APP.pem()).unwrap();
    let arguments = ["list", "--certificate", file.path().to_str().unwrap()];
    assert_refused(
        &run(&mut command(&tenant, &arguments)),
        &["the certificate is not registered", "AADSTS700027"],
    );
    let certificate = Identity::APP.certificate_der();
    tenant.simulator.sign_in(|control| control.trust_certificate(&certificate)).unwrap();
    let listed = run(&mut command(&tenant, &arguments));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
}

#[test]
fn a_certificate_file_without_a_key_fails_before_any_request() {
    let tenant = Tenant::new(|_| {});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), Identity::APP.certificate).unwrap();
    let arguments = ["list", "--certificate", file.path().to_str().unwrap()];
    assert_refused(&run(&mut command(&tenant, &arguments)), &["contains no private key"]);
    assert!(tenant.simulator.log().is_empty());
}

#[cfg(unix)]
#[test]
fn tokens_from_a_command_or_a_variable_are_used() {
    let tenant = Tenant::new(|_| {});
    let token = tenant.application_token(CLIENT_SECRET);
    let listed = run(&mut command(&tenant, &["list", "--token-command", &format!("echo {token}")]));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    let listed = run(command(&tenant, &["list"]).env("ALERTDECK_TOKEN", &token));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    let who = run(command(&tenant, &["whoami"]).env("ALERTDECK_TOKEN", &token));
    assert_eq!(who.code, 0);
    assert!(who.stdout.contains("token from ALERTDECK_TOKEN"), "{}", who.stdout);
    assert!(who.stdout.contains("change alerts yes"), "{}", who.stdout);
    // An expired external token does not trigger a sign-in.
    tenant.simulator.sign_in(SignInControl::expire_access_tokens);
    let expired = run(command(&tenant, &["list"]).env("ALERTDECK_TOKEN", &token));
    assert_refused(&expired, &["get a new token", "the token is expired"]);
    let login = run(command(&tenant, &["login"]).env("ALERTDECK_TOKEN", &token));
    assert_eq!(login.code, 2, "{}", login.stderr);
}

#[rstest]
#[case::unknown_tenant(&["--tenant", UNKNOWN_TENANT], None, &["no such tenant in this cloud", "AADSTS90002"])]
#[case::unknown_application(&["--client-id", "22222222-2222-4333-8444-555555555555"], None, &["no application with this client ID", "AADSTS700016"])]
#[case::no_consent(&[], Some(("invalid_grant", 65001)), &["an administrator has not consented", "AADSTS65001"])]
#[case::no_public_flows(&[], Some(("invalid_client", 7_000_218)), &["does not allow public client flows"])]
fn a_failed_sign_in_names_the_next_step(
    #[case] options: &[&str],
    #[case] refusal: Option<(&str, u32)>,
    #[case] words: &[&str],
) {
    let tenant = Tenant::new(|settings| settings.sign_in.clients = vec![CLIENT.into()]);
    if let Some((error, number)) = refusal {
        tenant.simulator.sign_in(|control| control.refuse_next(None, SignInError::new(error, number)));
    }
    let url = tenant.simulator.base_url();
    let mut arguments = vec!["login", "--auth", "device-code", "--graph-url", &url, "--login-url", &url];
    arguments.push("--plaintext-secrets");
    for (name, value) in [("--tenant", "contoso.com"), ("--client-id", CLIENT)] {
        if !options.contains(&name) {
            arguments.extend([name, value]);
        }
    }
    arguments.extend(options);
    let mut command = alertdeck(&arguments);
    let refused = run(without_keyring(&mut command).envs([tenant.home()]));
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""), "{}", refused.stderr);
    let last = refused.stderr.lines().last().unwrap();
    for words in words {
        assert!(last.contains(words), "{words}\n{last}");
    }
    assert!(tenant.stored_files().is_empty(), "{:?}", tenant.stored_files());
}

/// A running `login`.
struct Login {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
}

impl Login {
    fn begin(tenant: &Tenant, more: &[&str]) -> Self {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_alertdeck"))
            .args(tenant.arguments(&[&["login"], more].concat()))
            .envs([tenant.home(), ("ALERTDECK_CONFIG", "")])
            .env_remove("ALERTDECK_TOKEN")
            .env_remove("ALERTDECK_CLIENT_SECRET")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, errors }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn end(self) -> (i32, String) {
        let output = self.child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }
}

fn logged_in(tenant: &Tenant) {
    let mut login = Login::begin(tenant, &[]);
    let hint = login.line();
    assert!(hint.contains("no display") && hint.contains("--auth device-code"), "{hint}");
    let address = login.line();
    assert!(browse(&address).contains("<h1>Signed in</h1>"));
    let (code, out) = login.end();
    assert_eq!(code, 0);
    assert!(out.starts_with("signed in as alex.morgan@contoso.com ("), "{out}");
    assert!(out.contains("stored in unencrypted files"), "{out}");
}

#[test]
fn a_login_is_stored_and_shown_until_logout() {
    let tenant = Tenant::new(|_| {});
    logged_in(&tenant);
    let who = run(&mut command(&tenant, &["whoami"]));
    assert_eq!((who.code, who.stderr.as_str()), (0, ""));
    for words in ["alex.morgan@contoso.com", "read alerts   yes", "browser; stored in unencrypted files"] {
        assert!(who.stdout.contains(words), "{}", who.stdout);
    }
    let who = run(&mut command(&tenant, &["whoami", "--format", "json"]));
    let who: Value = serde_json::from_str(&who.stdout).unwrap();
    assert_eq!((&who["account"], &who["reads"]), (&"alex.morgan@contoso.com".into(), &true.into()));
    assert_eq!((&who["method"], &who["application"]), (&"browser".into(), &false.into()));
    let explained = run(&mut command(&tenant, &["explain", "assigned:me"]));
    assert!(explained.stdout.contains("assignedTo eq 'alex.morgan@contoso.com'"), "{}", explained.stdout);
    let listed = run(&mut command(&tenant, &["list", "--format", "csv"]));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    let out = run(&mut command(&tenant, &["logout"]));
    assert_eq!(
        (out.code, out.stdout.as_str()),
        (0, "signed out; the stored sign-in of profile default was removed\n")
    );
    assert_refused(&run(&mut command(&tenant, &["whoami"])), &["not signed in", "alertdeck login"]);
    assert_refused(&run(&mut command(&tenant, &["list"])), &["not signed in", "alertdeck login"]);
    assert!(tenant.stored_files().is_empty(), "{:?}", tenant.stored_files());
    let out = run(&mut command(&tenant, &["logout"]));
    assert_eq!((out.code, out.stdout.as_str()), (0, "profile default was not signed in\n"));
    assert!(tenant.stored_files().is_empty(), "{:?}", tenant.stored_files());
}

#[test]
fn logout_names_the_other_sign_ins_and_all_can_be_removed() {
    let tenant = Tenant::new(|_| {});
    logged_in(&tenant);
    // The same user has separate credentials in another tenant.
    let other = run(&mut command(&tenant, &["logout", "--tenant", "fabrikam.com"]));
    assert_eq!((other.code, other.stdout.as_str()), (0, "profile default was not signed in\n"));
    assert!(other.stderr.contains("other sign-ins are stored in files: default-"), "{}", other.stderr);
    let all = run(&mut command(&tenant, &["logout", "--all"]));
    assert_eq!((all.code, all.stdout.as_str()), (0, "sign-ins removed from files: 1\n"));
    assert!(tenant.stored_files().is_empty(), "{:?}", tenant.stored_files());
}

#[test]
fn whoami_fails_with_an_expired_token() {
    // A token that contains only an expiry time: {"exp":1000}.
    let mut who = alertdeck(["whoami"]);
    let who = run(who.env("ALERTDECK_TOKEN", "e30.eyJleHAiOjEwMDB9.x"));
    assert_eq!(who.code, 3);
    assert!(who.stdout.contains("1970-01-01T00:16:40Z (expired)"), "{}", who.stdout);
    assert!(who.stderr.contains("the token has expired"), "{}", who.stderr);
}

#[test]
fn a_device_code_login_waits_for_approval() {
    let tenant = Tenant::new(|_| {});
    let mut login = Login::begin(&tenant, &["--auth", "device-code"]);
    let hint = login.line();
    let code = tenant.simulator.sign_in(|control| control.pending_devices()).pop().unwrap();
    assert!(hint.contains(&format!("enter the code {code} at {}/device", tenant.simulator.base_url())));
    assert!(login.line().contains("never enter a code that somebody sent you"));
    assert!(tenant.simulator.sign_in(|control| control.approve_device(Some(&code))));
    let (code, out) = login.end();
    assert_eq!((code, out.contains("signed in as alex.morgan@contoso.com")), (0, true), "{out}");
    assert_eq!(run(&mut command(&tenant, &["list"])).code, 0);
}

#[rstest]
#[case::browser(&[])]
#[case::device_code(&["--auth", "device-code"])]
fn without_a_keyring_login_fails_before_the_sign_in(#[case] more: &[&str]) {
    let tenant = Tenant::new(|_| {});
    let arguments = tenant.arguments(&[&["login"], more].concat());
    let mut command = alertdeck(arguments.iter().filter(|argument| *argument != "--plaintext-secrets"));
    let refused = run(without_keyring(&mut command).envs([tenant.home()]));
    assert_refused(&refused, &["no keyring is available", "--plaintext-secrets", "--token-command"]);
    assert!(tenant.simulator.log().is_empty() && tenant.stored_files().is_empty());
}

#[cfg(target_os = "linux")]
#[rstest]
#[case("login")]
#[case("list")]
#[case("whoami")]
fn a_keyring_that_does_not_answer_times_out(#[case] name: &str) {
    let tenant = Tenant::new(|_| {});
    let bus = tenant.state.path().join("bus");
    // The system accepts connections, but nothing ever reads from them.
    let _listener = std::os::unix::net::UnixListener::bind(&bus).unwrap();
    let arguments = tenant.arguments(&[name]);
    let mut command = alertdeck(arguments.iter().filter(|argument| *argument != "--plaintext-secrets"));
    let began = Instant::now();
    let refused = run(without_keyring(&mut command)
        .envs([tenant.home()])
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus.display())));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_refused(&refused, &["the keyring has not responded", "--plaintext-secrets"]);
}

#[test]
fn parallel_processes_can_renew_a_sign_in_with_single_use_refresh_tokens() {
    let tenant = Tenant::new(|settings| settings.sign_in.strict_rotation = true);
    logged_in(&tenant);
    let processes: Vec<_> = std::iter::repeat_with(|| {
        std::process::Command::new(env!("CARGO_BIN_EXE_alertdeck"))
            .args(tenant.arguments(&["list"]))
            .envs([tenant.home(), ("ALERTDECK_CONFIG", "")])
            .env_remove("ALERTDECK_TOKEN")
            .env_remove("ALERTDECK_CLIENT_SECRET")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    })
    .take(6)
    .collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.lines().count(), 31);
    }
    assert_eq!((tenant.token_requests(Grant::Refresh), tenant.refused()), (6, 0));
}
