//! Every way to a token, through `list`, `login`, `whoami` and `logout`: what works, what each
//! failure says, and its exit code.

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

/// A run on the tenant, with its folder for state and nothing that leads to a keyring.
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

/// Lists as an application whose secret is this.
fn as_application(tenant: &Tenant, secret: &str) -> Run {
    run(command(tenant, &["list"]).env("ALERTDECK_CLIENT_SECRET", secret))
}

/// Checks that a run has failed for want of a sign-in, in one line with these words.
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
    assert_eq!(tenant.requests(Grant::Client), 2);
    assert!(tenant.kept().is_empty(), "an application's token is kept nowhere");
}

#[rstest]
#[case::wrong("guess", &["wrong client secret", "AADSTS7000215"])]
#[case::expired("last-years", &["the client secret has expired: create a new one", "AADSTS7000222"])]
fn a_secret_that_is_not_taken_says_why(#[case] secret: &str, #[case] words: &[&str]) {
    let rules = SignIn { expired_secret: Some("last-years".into()), ..SignIn::default() };
    let tenant = Tenant::new(|settings| settings.sign_in = rules);
    let refused = as_application(&tenant, secret);
    assert_refused(&refused, words);
    assert!(!refused.stderr.contains(secret));
    assert_eq!((tenant.requests(Grant::Client), tenant.asked().len()), (1, 0));
}

#[test]
fn an_application_lists_with_a_certificate_that_is_registered() {
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
fn a_certificate_file_without_a_key_is_told_before_anything_is_asked() {
    let tenant = Tenant::new(|_| {});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), Identity::APP.certificate).unwrap();
    let arguments = ["list", "--certificate", file.path().to_str().unwrap()];
    assert_refused(&run(&mut command(&tenant, &arguments)), &["contains no private key"]);
    assert!(tenant.simulator.log().is_empty());
}

#[cfg(unix)]
#[test]
fn a_command_and_a_variable_bring_tokens_of_their_own() {
    let tenant = Tenant::new(|_| {});
    let token = tenant.application_token(CLIENT_SECRET);
    let listed = run(&mut command(&tenant, &["list", "--token-command", &format!("echo {token}")]));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    let listed = run(command(&tenant, &["list"]).env("ALERTDECK_TOKEN", &token));
    assert_eq!((listed.code, listed.stdout.lines().count()), (0, 31), "{}", listed.stderr);
    let who = run(command(&tenant, &["whoami"]).env("ALERTDECK_TOKEN", &token));
    assert_eq!(who.code, 0);
    assert!(who.stdout.contains("by the token in ALERTDECK_TOKEN"), "{}", who.stdout);
    assert!(who.stdout.contains("change alerts yes"), "{}", who.stdout);
    // One that has ended is no reason to ask anybody: it comes from elsewhere.
    tenant.simulator.sign_in(SignInControl::expire_access_tokens);
    let ended = run(command(&tenant, &["list"]).env("ALERTDECK_TOKEN", &token));
    assert_refused(&ended, &["get a new token", "the token is expired"]);
    let login = run(command(&tenant, &["login"]).env("ALERTDECK_TOKEN", &token));
    assert_eq!(login.code, 2, "{}", login.stderr);
}

#[rstest]
#[case::unknown_tenant(&["--tenant", UNKNOWN_TENANT], None, &["no such tenant in this cloud", "AADSTS90002"])]
#[case::unknown_application(&["--client-id", "22222222-2222-4333-8444-555555555555"], None, &["no application with this client id", "AADSTS700016"])]
#[case::no_consent(&[], Some(("invalid_grant", 65001)), &["an administrator has not consented", "AADSTS65001"])]
#[case::no_public_flows(&[], Some(("invalid_client", 7_000_218)), &["does not allow public client flows"])]
fn a_sign_in_that_cannot_work_says_what_is_to_be_done(
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
    assert!(tenant.kept().is_empty(), "{:?}", tenant.kept());
}

/// A `login` under way.
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
    assert!(out.contains("kept in unencrypted files"), "{out}");
}

#[test]
fn a_login_is_kept_and_told_until_logout() {
    let tenant = Tenant::new(|_| {});
    logged_in(&tenant);
    let who = run(&mut command(&tenant, &["whoami"]));
    assert_eq!((who.code, who.stderr.as_str()), (0, ""));
    for words in ["alex.morgan@contoso.com", "read alerts   yes", "by browser; kept in unencrypted files"] {
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
    assert_eq!((out.code, out.stdout.as_str()), (0, "signed out; nothing of profile default is kept\n"));
    assert_refused(&run(&mut command(&tenant, &["whoami"])), &["not signed in", "alertdeck login"]);
    assert_refused(&run(&mut command(&tenant, &["list"])), &["not signed in", "alertdeck login"]);
    assert!(tenant.kept().is_empty(), "{:?}", tenant.kept());
    let out = run(&mut command(&tenant, &["logout"]));
    assert_eq!((out.code, out.stdout.as_str()), (0, "nobody was signed in with profile default\n"));
    assert!(tenant.kept().is_empty(), "{:?}", tenant.kept());
}

#[test]
fn sign_ins_that_a_logout_leaves_are_told_and_all_can_be_removed() {
    let tenant = Tenant::new(|_| {});
    logged_in(&tenant);
    // The same user, as another tenant's: a sign-in of its own.
    let other = run(&mut command(&tenant, &["logout", "--tenant", "fabrikam.com"]));
    assert_eq!((other.code, other.stdout.as_str()), (0, "nobody was signed in with profile default\n"));
    assert!(other.stderr.contains("other sign-ins are kept in files: default-"), "{}", other.stderr);
    let all = run(&mut command(&tenant, &["logout", "--all"]));
    assert_eq!((all.code, all.stdout.as_str()), (0, "sign-ins removed from files: 1\n"));
    assert!(tenant.kept().is_empty(), "{:?}", tenant.kept());
}

#[test]
fn a_token_that_has_ended_is_told_and_is_no_success() {
    // A token of another kind, with nothing but an end: {"exp":1000}.
    let mut who = alertdeck(["whoami"]);
    let who = run(who.env("ALERTDECK_TOKEN", "e30.eyJleHAiOjEwMDB9.x"));
    assert_eq!(who.code, 3);
    assert!(who.stdout.contains("1970-01-01T00:16:40Z (ended)"), "{}", who.stdout);
    assert!(who.stderr.contains("the token has ended"), "{}", who.stderr);
}

#[test]
fn a_login_by_code_waits_for_the_person() {
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
fn without_a_keyring_a_login_is_refused_before_it_begins(#[case] more: &[&str]) {
    let tenant = Tenant::new(|_| {});
    let arguments = tenant.arguments(&[&["login"], more].concat());
    let mut command = alertdeck(arguments.iter().filter(|argument| *argument != "--plaintext-secrets"));
    let refused = run(without_keyring(&mut command).envs([tenant.home()]));
    assert_refused(&refused, &["there is no keyring here", "--plaintext-secrets", "--token-command"]);
    assert!(tenant.simulator.log().is_empty() && tenant.kept().is_empty());
}

#[cfg(target_os = "linux")]
#[rstest]
#[case("login")]
#[case("list")]
#[case("whoami")]
fn a_keyring_that_hangs_is_given_up_in_time(#[case] name: &str) {
    let tenant = Tenant::new(|_| {});
    let bus = tenant.state.path().join("bus");
    // The system accepts for it; nobody ever reads.
    let _listener = std::os::unix::net::UnixListener::bind(&bus).unwrap();
    let arguments = tenant.arguments(&[name]);
    let mut command = alertdeck(arguments.iter().filter(|argument| *argument != "--plaintext-secrets"));
    let began = Instant::now();
    let refused = run(without_keyring(&mut command)
        .envs([tenant.home()])
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus.display())));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_refused(&refused, &["the keyring has not answered", "--plaintext-secrets"]);
}

#[test]
fn many_copies_at_a_time_renew_one_sign_in_whose_tokens_work_once() {
    let tenant = Tenant::new(|settings| settings.sign_in.strict_rotation = true);
    logged_in(&tenant);
    let copies: Vec<_> = std::iter::repeat_with(|| {
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
    for copy in copies {
        let output = copy.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.lines().count(), 31);
    }
    assert_eq!((tenant.requests(Grant::Refresh), tenant.refused()), (6, 0));
}
