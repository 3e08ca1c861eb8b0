//! Secrets do not leak: no token, code, password or key appears in any output, log, file, argument
//! or environment, except in the one place where it belongs.
//!
//! The secrets are taken from the requests that the simulated tenant received, so each of them was
//! actually used. None of the searched texts may be empty, or the search would be vacuous.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod secrets;
mod servers;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use alertdeck_simulator::SignInControl;
use alertdeck_testing::Identity;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::support::tenant::{Tenant, browse, files};
use crate::support::terminal::Session;
use secrets::{Secrets, Texts};
use servers::Server;

const CLIENT_SECRET: &str = "canary-5b0e-client-secret-value";
const PASSWORD: &str = "canary-77d1-proxy-password";

/// A tenant, a folder for output files, the secrets collected so far, and the texts to search.
struct Scene {
    tenant: Tenant,
    folder: tempfile::TempDir,
    secrets: Secrets,
    texts: Texts,
    /// An existing token.
    token: String,
}

impl Scene {
    fn new() -> Self {
        let tenant = Tenant::new(|settings| settings.sign_in.secret = CLIENT_SECRET.into());
        let mut secrets = Secrets::default();
        let token = tenant.application_token(CLIENT_SECRET);
        secrets.add("existing token", &token);
        let folder = tempfile::tempdir().unwrap();
        Self { tenant, folder, secrets, texts: Texts::default(), token }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text_of(&self, name: &str) -> String {
        fs::read(self.path(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Returns the arguments for a run, with a separate, verbose log.
    fn arguments(&self, log: &str, more: &[&str]) -> Vec<String> {
        let log = self.path(log);
        self.tenant.arguments(&[&["--verbose", "--log-file", log.to_str().unwrap()], more].concat())
    }

    fn command(&self, log: &str, more: &[&str]) -> Command {
        let mut command = self.bare_command();
        command.args(self.arguments(log, more));
        command
    }

    fn bare_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alertdeck"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ALERTDECK_") {
                command.env_remove(name);
            }
        }
        command
            .envs([self.tenant.home(), ("ALERTDECK_CONFIG", "")])
            .env("XDG_CACHE_HOME", self.tenant.state.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Runs a command to completion and adds its output to the texts.
    fn run(&mut self, what: &str, command: &mut Command, code: i32) {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {printed}");
        self.texts.add(format!("the output of {what}"), printed);
    }

    /// Adds the log from a run to the texts.
    fn add_log(&mut self, name: &str) {
        let text = self.text_of(name);
        assert!(text.contains("HTTP ") || text.contains("failed: "), "no request in {name}:\n{text}");
        self.texts.add(name, text);
    }
}

/// Returns the arguments of a running program, one per line.
fn arguments_of(process: u32) -> String {
    fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap().replace('\0', "\n")
}

#[test]
fn secrets_appear_only_where_they_belong() {
    let mut scene = Scene::new();
    ready_tokens(&mut scene);
    applications(&mut scene);
    token_command(&mut scene);
    proxy(&mut scene);
    logins(&mut scene);
    console(&mut scene);
    refusals_in_the_console(&mut scene);
    let log = scene.tenant.simulator.log();
    scene.secrets.learn(&log);
    let expected = [
        "access token",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "command's token",
        "device_code",
        "existing token",
        "private key",
        "proxy password",
        "refresh_token",
        "stored refresh token",
    ];
    assert_eq!(scene.secrets.kinds(), expected);
    assert!(scene.texts.len() > 40, "{}", scene.texts.len());
    scene.texts.assert_clean(&scene.secrets);
    scene.secrets.assert_in_place(&log);
}

/// Runs commands with a token and an unused application secret in environment variables.
fn ready_tokens(scene: &mut Scene) {
    let log = "ready.log";
    for (what, arguments) in [
        ("list", &["list"][..]),
        ("list as JSON", &["list", "--format", "json"]),
        ("whoami", &["whoami"]),
        ("whoami as JSON", &["whoami", "--format", "json"]),
        ("explain", &["explain", "status:open"]),
        ("config show", &["config", "show"]),
        ("help", &["--help"]),
    ] {
        let mut command = scene.command(log, arguments);
        command.env("ALERTDECK_TOKEN", &scene.token).env("ALERTDECK_CLIENT_SECRET", CLIENT_SECRET);
        scene.run(what, &mut command, 0);
    }
    for (what, arguments, code) in [
        ("config check", &["config", "check"][..], 0),
        ("config path", &["config", "path"], 0),
        ("login", &["login"], 2),
    ] {
        let mut command = scene.command(log, arguments);
        command.env("ALERTDECK_TOKEN", &scene.token).env("ALERTDECK_CLIENT_SECRET", CLIENT_SECRET);
        if what == "config check" || what == "config path" {
            let file = scene.path("config.toml");
            fs::write(&file, "[profile.one]\ntoken_command = 'true'\n").unwrap();
            command.env("ALERTDECK_CONFIG", file);
        }
        scene.run(what, &mut command, code);
    }
    // A value with a space is not a token. The error does not quote it.
    let mut command = scene.command(log, &["list"]);
    command.env("ALERTDECK_TOKEN", format!("{} x", scene.token));
    scene.run("list with an invalid token", &mut command, 3);
    scene.add_log(log);
}

/// Signs in as an application with a client secret or a certificate.
fn applications(scene: &mut Scene) {
    let log = "application.log";
    let mut command = scene.command(log, &["list"]);
    command.env("ALERTDECK_CLIENT_SECRET", CLIENT_SECRET);
    scene.run("list by a secret", &mut command, 0);
    let wrong = "canary-99aa-a-secret-that-is-wrong";
    scene.secrets.add("client_secret", wrong);
    let mut command = scene.command(log, &["whoami"]);
    command.env("ALERTDECK_CLIENT_SECRET", wrong);
    scene.run("whoami by a wrong secret", &mut command, 3);
    let Identity { key, certificate } = Identity::APP;
    let der = Identity::APP.certificate_der();
    scene.tenant.simulator.sign_in(|control| control.trust_certificate(&der)).unwrap();
    // The first line is the same in all keys of this type, and the last may be short.
    for line in key.lines().skip(2).filter(|line| line.len() >= 60) {
        scene.secrets.add("private key", line);
    }
    let file = scene.path("identity.pem");
    let (valid, broken) = (Identity::APP.pem(), certificate.to_owned() + &key.replace("END", "ENDE"));
    for (what, text, code) in [("a certificate", valid, 0), ("a broken certificate file", broken, 3)] {
        fs::write(&file, text).unwrap();
        let mut command = scene.command(log, &["list", "--certificate", file.to_str().unwrap()]);
        scene.run(&format!("list by {what}"), &mut command, code);
    }
    fs::remove_file(file).unwrap();
    scene.add_log(log);
}

/// Runs a command that prints a token and records its own environment and command line.
fn token_command(scene: &mut Scene) {
    let log = "command.log";
    let token = scene.tenant.application_token(CLIENT_SECRET);
    scene.secrets.add("command's token", &token);
    fs::write(scene.path("token"), &token).unwrap();
    let script = scene.path("command.sh");
    let folder = scene.folder.path().display();
    let text = format!(
        "cat /proc/self/environ > '{folder}/command.environ'\n\
         cat /proc/$$/cmdline /proc/$PPID/cmdline > '{folder}/command.cmdline'\ncat '{folder}/token'\n"
    );
    fs::write(&script, text).unwrap();
    let line = format!("exec sh {}", script.display());
    let arguments = ["list", "--auth", "command", "--token-command", &line];
    let mut command = scene.command(log, &arguments);
    command.env("ALERTDECK_TOKEN", &scene.token).env("ALERTDECK_CLIENT_SECRET", CLIENT_SECRET);
    scene.run("list by a command", &mut command, 0);
    let failing = format!("cat {}; echo no >&2; exit 1", scene.path("token").display());
    let mut command = scene.command(log, &["list", "--auth", "command", "--token-command", &failing]);
    scene.run("list by a command that fails", &mut command, 3);
    fs::remove_file(scene.path("token")).unwrap();
    for name in ["command.environ", "command.cmdline"] {
        let text = scene.text_of(name);
        scene.texts.add(name, text);
    }
    assert!(scene.text_of("command.environ").contains("XDG_STATE_HOME="));
    assert!(scene.text_of("command.cmdline").contains("--token-command"));
    scene.add_log(log);
}

/// Uses a proxy that refuses the password.
fn proxy(scene: &mut Scene) {
    let log = "proxy.log";
    let server = Server::new("407 Who are you", "text/plain", "who?");
    let encoded = STANDARD.encode(format!("someone:{PASSWORD}"));
    scene.secrets.add("proxy password", PASSWORD);
    scene.secrets.add("proxy password", &encoded);
    let address = format!("http://someone:{PASSWORD}@127.0.0.1:{}", server.port);
    let mut command = scene.bare_command();
    command
        .args(["list", "--graph-url", "https://graph.example", "--verbose", "--log-file"])
        .arg(scene.path(log));
    command
        .env("ALERTDECK_TOKEN", &scene.token)
        .envs([("HTTPS_PROXY", &address), ("https_proxy", &address)])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    scene.run("list through a proxy", &mut command, 4);
    let seen = server.seen.lock().unwrap().join("\n");
    assert!(seen.contains(&encoded), "the password was not sent: {seen}");
    scene.add_log(log);
}

/// Runs `login` with a browser and a device code, uses the stored credentials, and runs `logout`.
fn logins(scene: &mut Scene) {
    let log = "login.log";
    for method in ["browser", "device-code"] {
        let mut child = scene
            .command(log, &["login", "--auth", method])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut printed: Vec<_> = errors.by_ref().take(2).collect();
        scene.texts.add(format!("the arguments of login by {method}"), arguments_of(child.id()));
        if method == "browser" {
            scene.texts.add("the browser's last page", browse(&printed[1]));
        } else {
            assert!(scene.tenant.simulator.sign_in(|control| control.approve_device(None)));
        }
        printed.extend(errors);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{printed:?}");
        scene.texts.add(format!("the errors of login by {method}"), printed.join("\n"));
        let stdout = String::from_utf8(output.stdout).unwrap();
        scene.texts.add(format!("the output of login by {method}"), stdout);
    }
    add_state_files(scene);
    for (what, arguments) in
        [("whoami", &["whoami"][..]), ("list", &["list"]), ("config show", &["config", "show"])]
    {
        let mut command = scene.command(log, arguments);
        scene.run(&format!("{what} after login"), &mut command, 0);
    }
    scene.tenant.simulator.sign_in(SignInControl::revoke_refresh_tokens);
    let mut command = scene.command(log, &["list"]);
    scene.run("list after the sign-in was revoked", &mut command, 3);
    let mut command = scene.command(log, &["logout"]);
    scene.run("logout", &mut command, 0);
    scene.add_log(log);
}

/// Adds all files in the state folder to the texts, except the stored credentials, which must
/// contain the refresh token.
fn add_state_files(scene: &mut Scene) {
    let mut count = 0;
    for path in files(scene.tenant.state.path()) {
        // The cache is not text.
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        if path.extension().is_some_and(|extension| extension == "json") {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
            scene.secrets.add("stored refresh token", stored["rt"].as_str().unwrap());
            count += 1;
        } else if !text.is_empty() {
            scene.texts.add(path.display().to_string(), text);
        }
    }
    assert_eq!(count, 1);
}

/// Creates a program that replaces `xdg-open` and records its arguments and environment.
fn fake_opener(scene: &Scene) -> String {
    let folder = scene.path("bin");
    fs::create_dir(&folder).unwrap();
    let opener = folder.join("xdg-open");
    let out = scene.folder.path().display();
    let text = format!(
        "#!/bin/sh\ncat /proc/self/environ > '{out}/opener.environ'\ncat /proc/$PPID/cmdline > '{out}/opener.parent'\n\
         printf '%s\\n' \"$@\" > '{out}/opener.new'\nmv '{out}/opener.new' '{out}/opener.arguments'\n"
    );
    fs::write(&opener, text).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// Adds a console's output and the text copied from it.
fn add_console_output(scene: &mut Scene, what: &str, session: &Session) {
    scene.texts.add(format!("the output of {what}"), session.sent());
    for copy in session.copied() {
        scene.texts.add(format!("a copy from {what}"), copy);
    }
}

/// Runs the console to sign in, first with a browser and then with a device code, and to list and
/// copy requests.
fn console(scene: &mut Scene) {
    let log = "console.log";
    let path = fake_opener(scene);
    let state = scene.tenant.state.path().to_str().unwrap().to_owned();
    let variables = [
        ("XDG_STATE_HOME", &*state),
        ("XDG_CACHE_HOME", &*state),
        ("ALERTDECK_NO_CACHE", ""),
        ("PATH", &path),
        ("DISPLAY", ":99"),
        // `--auth browser` takes precedence over these, and child processes must not inherit them.
        ("ALERTDECK_TOKEN", &scene.token),
        ("ALERTDECK_CLIENT_SECRET", CLIENT_SECRET),
    ];
    let mut session = Session::open(&scene.arguments(log, &["--auth", "browser", ""]), &variables);
    session.press("\r", "Sign in using the browser window");
    let address = session.copy("y");
    assert_eq!(scene.text_of("opener.arguments").trim_end(), address);
    scene.texts.add("the arguments of the console", arguments_of(session.process_id()));
    for name in ["opener.environ", "opener.arguments", "opener.parent"] {
        let text = scene.text_of(name);
        scene.texts.add(name, text);
    }
    assert!(scene.text_of("opener.environ").contains("DISPLAY=:99"));
    scene.texts.add("the page after the console's sign-in", browse(&address));
    session.wait("30 of 30 loaded");
    add_state_files(scene);
    session.type_keys("R");
    session.wait("/oauth2/v2.0/token");
    for keys in ["y", "c", "jy", "c"] {
        session.copy(keys);
    }
    session.press_away("\x1b", "/oauth2/v2.0/token");
    // A refusal, a renewal and a revocation produce messages on the screen and in the log.
    scene.tenant.simulator.sign_in(SignInControl::expire_access_tokens);
    session.type_keys("r");
    session.wait_until("the token is renewed", |_| {
        let requests = scene.tenant.alert_requests();
        let mut since_refusal = requests.iter().skip_while(|request| request.status != Some(401));
        since_refusal.any(|request| request.status == Some(200))
    });
    session.wait("30 of 30 loaded");
    session.wait("complete");
    scene.tenant.simulator.sign_in(|control| {
        control.revoke_access_tokens();
        control.revoke_refresh_tokens();
    });
    session.type_keys("r");
    session.wait("The session has expired");
    session.press("d", "time left");
    session.copy("y");
    assert!(scene.tenant.simulator.sign_in(|control| control.approve_device(None)));
    session.wait_until("the code is gone", |session| !session.shows("time left"));
    session.wait("complete");
    session.type_keys("P");
    session.wait("Profiles and sign-in");
    session.type_keys("x");
    session.wait("signed out; press s to sign in");
    session.press_away("\x1b", "Profiles and sign-in");
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    add_console_output(scene, "the console", &session);
    scene.add_log(log);
}

/// Runs the console with an existing token, against a service that fails in several ways.
fn refusals_in_the_console(scene: &mut Scene) {
    let log = "refusals.log";
    let server = Server::new("401 Unauthorized", "application/json", "{}");
    let url = format!("http://127.0.0.1:{}", server.port);
    let log_file = scene.path(log);
    let arguments = ["--graph-url", &url, "--verbose", "--log-file", log_file.to_str().unwrap(), ""];
    let state = scene.tenant.state.path().to_str().unwrap().to_owned();
    let variables = [
        ("XDG_STATE_HOME", &*state),
        ("XDG_CACHE_HOME", &*state),
        ("ALERTDECK_NO_CACHE", ""),
        ("ALERTDECK_TOKEN", &scene.token),
    ];
    let mut session = Session::open(&arguments, &variables);
    session.wait("HTTP 401");
    let refusal = r#"{"error":{"code":"X","message":"no"}}"#;
    for (status, kind, body, words) in [
        ("403 Forbidden", "application/json", refusal, "HTTP 403"),
        ("429 Too Many Requests", "application/json", refusal, "throttled"),
        ("500 Internal Server Error", "application/json", refusal, "HTTP 500"),
        ("200 OK", "text/html", "<html>sign in</html>", "a proxy answered"),
        ("200 OK", "application/json", "{\"value\":", "cannot be read"),
    ] {
        server.respond_with(status, kind, body);
        session.press("r", words);
        session.type_keys("R");
        session.wait("alerts_v2");
        session.copy("y");
        session.press_away("\x1b", "client-request-id");
    }
    session.type_keys("q");
    assert_eq!(session.exit_code(), 0);
    let seen = server.seen.lock().unwrap().join("\n");
    assert!(seen.contains(&scene.token), "the token was not sent");
    add_console_output(scene, "the console of a broken service", &session);
    scene.add_log(log);
}

/// A panic message may contain the debug output of any value.
#[test]
fn debug_output_contains_no_secrets() {
    use alertdeck_graph::{
        auth::{Account, Application, Authority, Identity, Key, Proof, Session, Stored, Tokens, Vault},
        http::{Budget, Credential, HeaderValue, Http, Limits, Repeat, Route, TransportRequest},
    };
    const CANARY: &str = "canary-2f7a-secret";
    let authority = Authority::new("http://127.0.0.1:9", "contoso.com").unwrap();
    let application =
        Application { authority, client_id: "id".into(), scope: "https://graph.example/.default".into() };
    let http = Http::new(Limits::default(), Budget::default(), Route::Direct).unwrap();
    let vault = Vault::memory();
    let key = Key { profile: "p".into(), authority: "a".into(), tenant: "t".into(), client_id: "c".into() };
    let stored = Stored { refresh_token: CANARY.to_owned().into(), account: Some(Account::default()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tokens = Tokens::fixed(&CANARY.to_owned().into()).unwrap();
    let token = runtime.block_on(async {
        vault.save(&key, &stored).await.unwrap();
        tokens.current().await.unwrap()
    });
    let proof = Proof::secret(CANARY).unwrap();
    let user = Session::new(http.clone(), application.clone(), Identity::User { vault: vault.clone(), key });
    let program = Session::new(http, application.clone(), Identity::Application(proof.clone()));
    let mut authorization = HeaderValue::from_str(CANARY).unwrap();
    authorization.set_sensitive(true);
    let scope = application.authority.scope().clone();
    let credential = Credential { scope: &scope, authorization: Some(authorization) };
    let request =
        TransportRequest::post_form(scope.base().clone(), CANARY.to_owned().into(), Repeat::IfRefused);
    let quoted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        panic!(
            "{token:?} {tokens:?} {stored:?} {vault:?} {proof:?} {user:?} {program:?} {credential:?} {request:?}"
        )
    }))
    .unwrap_err();
    let message = quoted.downcast_ref::<String>().unwrap();
    assert!(message.contains("Session") && message.contains("TransportRequest"), "{message}");
    assert!(!message.contains(CANARY), "{message}");
}
