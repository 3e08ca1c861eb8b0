//! `config`: the path of the config file, the active profile, and errors in the file.

use std::{fs, path::Path};

use super::{Run, alertdeck, run, sample};
use serde_json::Value;

mod broken;

use broken::BROKEN;

const CANARY: &str = "canary-91c3";

const VALID: &str = "\
default_profile = 'contoso'

[profile.contoso]
tenant = 'contoso.onmicrosoft.com'
token_command = 'echo canary-91c3'
me = 'ana@contoso.example'

[profile.agency]
cloud = 'usgov-l4'
";

/// Runs the program with a config file.
fn with(file: &Path, arguments: &[&str]) -> Run {
    run(alertdeck(arguments).env("ALERTDECK_CONFIG", file))
}

/// Writes a config file into a folder whose name contains a space.
fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::Builder::new().prefix("a b").tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

#[test]
fn errors_are_reported_with_position_and_fix() {
    assert!(BROKEN.len() >= 20);
    for broken in BROKEN {
        let (_folder, file) = written(broken.text);
        let checked = run(alertdeck(["config", "check"]).arg(&file));
        assert_eq!((checked.code, checked.stdout.as_str()), (2, ""), "{:?}", broken.text);
        let position = format!("config.toml:{}:{}: ", broken.line, broken.column);
        assert!(checked.stderr.contains(&position), "{:?}\n{}", broken.text, checked.stderr);
        assert!(checked.stderr.contains(broken.message), "{:?}\n{}", broken.text, checked.stderr);
        assert!(checked.stderr.contains(broken.fix), "{:?}\n{}", broken.text, checked.stderr);
        assert!(!checked.stderr.contains("canary") && !checked.stderr.contains('\u{1b}'));
    }
}

#[test]
fn check_prints_the_number_of_profiles_of_a_valid_file() {
    let (_folder, file) = written(VALID);
    for checked in [run(alertdeck(["config", "check"]).arg(&file)), with(&file, &["config", "check"])] {
        assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
        assert_eq!(checked.stdout, format!("{}: 2 profiles, no errors\n", file.display()));
    }
    let missing = file.with_file_name("other.toml");
    let checked = run(alertdeck(["config", "check"]).arg(&missing));
    assert_eq!((checked.code, checked.stdout.as_str()), (2, ""));
    assert!(checked.stderr.contains("config file not found"), "{}", checked.stderr);
}

#[test]
fn the_path_is_printed_whether_the_file_exists_or_not() {
    let (_folder, file) = written("x = 1");
    let printed = with(&file, &["config", "path"]);
    assert_eq!(
        (printed.code, printed.stdout, printed.stderr.as_str()),
        (0, format!("{}\n", file.display()), "")
    );
    let missing = file.with_file_name("other.toml");
    let printed = with(&missing, &["config", "path"]);
    assert_eq!((printed.code, printed.stdout), (0, format!("{}\n", missing.display())));
    assert_eq!(printed.stderr, "alertdeck: the file does not exist yet\n");
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_refused_at_once_and_an_open_one_is_read() {
    let (folder, file) = written(VALID);
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = with(&pipe, &["config", "show"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("pipe: cannot read the config file: it is a pipe"), "{}", refused.stderr);
    let mut command = alertdeck(["--config", "/dev/stdin", "config", "show"]);
    let shown = run(command.write_stdin(fs::read(&file).unwrap()));
    assert_eq!(shown.code, 0, "{}", shown.stderr);
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_change_is_warned_about_and_runs_no_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, file) = written("[profile.a]\ntoken_command = 'echo x > /dev/null'\n");
    let (_other, harmless) = written("[profile.a]\nme = 'ana@contoso.example'\n");
    for (mode, is_exposed) in [(0o600, false), (0o644, false), (0o620, true), (0o602, true)] {
        for file in [&file, &harmless] {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let shown = with(&harmless, &["config", "show"]);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        assert_eq!(shown.stderr.contains("other users can change the config file"), is_exposed, "{mode:o}");
        let refused = with(&file, &["config", "show"]);
        assert_eq!(refused.code, if is_exposed { 2 } else { 0 }, "{}", refused.stderr);
        assert_eq!(refused.stderr.contains("which runs as you; run `chmod 600`"), is_exposed, "{mode:o}");
        assert!(!is_exposed || refused.stderr.lines().count() == 1, "{}", refused.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_default_path_is_in_the_settings_folder() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let (folder, file) = written(VALID);
    let home = folder.path().join("home");
    let path_with = |name: &OsStr, value: &Path| {
        let mut command = alertdeck(["config", "path"]);
        command.env_remove("ALERTDECK_CONFIG").env_remove("XDG_CONFIG_HOME").env_remove("HOME");
        command.env(name, value).output().unwrap()
    };
    let expected = format!("{}\n", home.join(".config/alertdeck/config.toml").display());
    assert_eq!(String::from_utf8(path_with(OsStr::new("HOME"), &home).stdout).unwrap(), expected);
    // The folder name does not have to be valid Unicode.
    let odd = folder.path().join(OsStr::from_bytes(b"\xff x"));
    fs::create_dir_all(odd.join("alertdeck")).unwrap();
    fs::copy(&file, odd.join("alertdeck/config.toml")).unwrap();
    let printed = path_with(OsStr::new("XDG_CONFIG_HOME"), &odd);
    assert_eq!(printed.stdout, [odd.as_os_str().as_bytes(), b"/alertdeck/config.toml\n"].concat());
    let mut command = alertdeck(["config", "show", "--format", "json"]);
    command.env_remove("ALERTDECK_CONFIG").env("XDG_CONFIG_HOME", &odd);
    let shown: Value = serde_json::from_str(&run(&mut command).stdout).unwrap();
    assert_eq!(shown["profile"], "contoso");
    // A home that is not a folder is treated like a home without a config file.
    let mut command = alertdeck(["config", "show"]);
    command.env_remove("ALERTDECK_CONFIG").env_remove("XDG_CONFIG_HOME").env("HOME", "/dev/null");
    assert_eq!(run(&mut command).code, 0);
    // Without either variable, the system provides the folder, or an error says what to do.
    let mut command = alertdeck(["config", "path"]);
    command.env_remove("ALERTDECK_CONFIG").env_remove("XDG_CONFIG_HOME").env_remove("HOME");
    let printed = run(&mut command);
    assert!(
        printed.stdout.ends_with("config.toml\n") || printed.stderr.contains("set HOME"),
        "{}",
        printed.stderr
    );
}

#[test]
fn the_active_profile_is_shown_with_sources_and_without_secrets() {
    let (_folder, file) = written(VALID);
    let show = |format: &str| {
        let mut command = alertdeck(["config", "show", "--api", "beta", "--format", format]);
        command.env("ALERTDECK_CONFIG", &file).env("ALERTDECK_ME", "bo@contoso.example");
        command.env("ALERTDECK_TOKEN", CANARY).env("ALERTDECK_CLIENT_SECRET", CANARY);
        let shown = run(&mut command);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
        assert!(!shown.stdout.contains(CANARY), "{}", shown.stdout);
        shown.stdout
    };
    let text = show("text");
    let row = |name: &str| {
        let found = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap().split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("profile"), "contoso");
    assert_eq!(row("sign-in"), "token");
    assert_eq!(row("cloud"), "global default");
    assert_eq!(row("tenant"), "contoso.onmicrosoft.com line 4");
    assert_eq!(row("client_id"), "not set");
    assert_eq!(row("api"), "beta --api");
    assert_eq!(row("me"), "bo@contoso.example ALERTDECK_ME");
    assert_eq!(row("graph_url"), "https://graph.microsoft.com default");
    assert_eq!(row("token_command"), "set line 5");
    assert_eq!(row("ALERTDECK_TOKEN"), "set");
    assert!(text.ends_with("other profiles           agency\n"), "{text}");
    let json: Value = serde_json::from_str(&show("json")).unwrap();
    assert_eq!(json["settings"]["me"]["from"], "ALERTDECK_ME");
    assert_eq!(json["settings"]["certificate"]["value"], Value::Null);
    assert_eq!(json["secrets"]["ALERTDECK_CLIENT_SECRET"], true);
    assert_eq!((&json["method"], &json["profiles"][1]), (&"token".into(), &"agency".into()));
}

#[test]
fn a_profile_is_selected_by_name() {
    let (_folder, file) = written(VALID);
    let shown = with(&file, &["config", "show", "--profile", "agency", "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["settings"]["cloud"]["value"], "usgov-l4");
    assert_eq!(shown["settings"]["login_url"]["value"], "https://login.microsoftonline.us");
    let wrong = with(&file, &["list", "--profile", "agenci"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert_eq!(wrong.stderr, "alertdeck: no profile named `agenci`; did you mean `agency`?\n");
}

#[test]
fn a_broken_file_fails_only_the_commands_that_need_it() {
    let (_folder, file) = written("[profile.a]\ntennant = 'a.io'\n");
    let sample = sample();
    let sample = sample.to_str().unwrap();
    for arguments in [&["list"][..], &["show", "x"], &["config", "show"], &["config", "check"]] {
        let run = with(&file, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains("config.toml:2:1: unknown key `tennant`"), "{}", run.stderr);
    }
    for arguments in [
        &["list", "--file", sample, "--format", "csv"][..],
        &["list", "--demo", "--limit", "1"],
        &["explain", "status:new"],
        &["completions", "bash"],
        &["man"],
        &["config", "path"],
    ] {
        let run = with(&file, arguments);
        assert_eq!((run.code, run.stdout.is_empty()), (0, false), "{arguments:?}: {}", run.stderr);
    }
    fs::write(&file, "[profile.a]\n[profile.b]\n").unwrap();
    let explained = with(&file, &["explain", "status:new"]);
    assert_eq!((explained.code, explained.stderr.as_str()), (0, ""));
    assert!(with(&file, &["list"]).stderr.contains("--profile (a, b)"));
    let missing = file.with_file_name("other.toml");
    let run = with(&missing, &["list"]);
    assert!(run.code == 2 && run.stderr.contains("config file not found"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn the_token_command_and_user_name_of_a_profile_are_used() {
    let tenant = super::service::tenant(3);
    let text = format!(
        "[profile.lab]\ngraph_url = '{}'\ntoken_command = 'echo {}'\nme = 'ana@lab.example'\n",
        tenant.base_url(),
        super::service::CANARY,
    );
    let (_folder, file) = written(&text);
    let listed = with(&file, &["list", "--columns", "id", "--format", "csv"]);
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    assert_eq!(listed.stdout.lines().count(), 4);
    assert_eq!(with(&file, &["explain", "assigned:me"]).code, 0);
}

#[test]
fn the_keymap_beside_the_config_is_checked_with_it() {
    let (folder, file) = written(VALID);
    let keymap = folder.path().join("keymap.toml");
    fs::write(&keymap, "[list]\nsort = \"F2\"\n").unwrap();
    let checked = run(alertdeck(["config", "check"]).arg(&file));
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    assert!(checked.stdout.ends_with("keymap.toml: no errors\n"), "{}", checked.stdout);
    fs::write(&keymap, "[list]\nsort = \"j\"\nsrot = \"x\"\n[lst]\n").unwrap();
    let checked = run(alertdeck(["config", "check"]).arg(&file));
    assert_eq!((checked.code, checked.stdout.as_str()), (2, ""));
    for part in [
        "keymap.toml:2:8: `j` is also bound to move.down",
        "keymap.toml:3:1: unknown command `list.srot`",
        "did you mean `sort`?",
        "keymap.toml:4:2: unknown table `lst`",
    ] {
        assert!(checked.stderr.contains(part), "{part}\n{}", checked.stderr);
    }
}

#[test]
fn the_console_does_not_start_on_a_broken_keymap() {
    let (folder, file) = written(VALID);
    fs::write(folder.path().join("keymap.toml"), b"[list]\nsort = '\xff'\n").unwrap();
    let started = with(&file, &["open", sample().to_str().unwrap()]);
    assert_eq!(started.code, 2);
    assert!(started.stderr.contains("keymap.toml:2:9: not UTF-8"), "{}", started.stderr);
}
