//! Standard output and standard error: results and messages, closed pipes, full disks, no terminal.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{SAMPLE_ID, alertdeck, run, sample};
use rstest::rstest;

fn many_alerts() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let alerts: Vec<_> = (0..20_000).map(|n| format!("{{\"id\":\"{n}\",\"title\":\"a title\"}}")).collect();
    fs::write(file.path(), alerts.join("\n")).unwrap();
    file
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let file = many_alerts();
    let mut list = Command::new(assert_cmd::cargo::cargo_bin!("alertdeck"))
        .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args(["list", "--format", "ndjson", "--file"])
        .arg(file.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 9];
    list.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ended = list.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[rstest]
#[case(&["list", "--file"], true)]
#[case(&["show", SAMPLE_ID, "--file"], true)]
#[case(&["explain", "status:new"], false)]
#[case(&["completions", "bash"], false)]
#[case(&["man"], false)]
#[case(&["--help"], false)]
fn a_full_disk_is_reported_in_one_line(#[case] arguments: &[&str], #[case] takes_file: bool) {
    let full = Path::new("/dev/full");
    if !full.exists() {
        eprintln!("skipped: no /dev/full on this system");
        return;
    }
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("alertdeck"));
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.args(arguments).args(takes_file.then(sample));
    let ended = command.stdout(File::options().write(true).open(full).unwrap()).output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.starts_with("alertdeck: the result could not be written: "), "{stderr}");
}

#[rstest]
#[case(&[])]
#[case(&["status:new"])]
#[case(&["demo"])]
#[case(&["open", "does-not-matter.json"])]
fn the_console_requires_a_terminal(#[case] arguments: &[&str]) {
    let refused = run(&mut alertdeck(arguments));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("`alertdeck list`"), "{}", refused.stderr);
}

#[rstest]
#[case(&["list", "--demo", "--file", "x"])]
#[case(&["list", "--formt", "json"])]
#[case(&["list", "a:\u{1b}[31m", "\u{202e}"])]
#[case(&["show"])]
#[case(&["--cloud", "china", "list"])]
fn usage_errors_exit_with_two_and_are_sanitised(#[case] arguments: &[&str]) {
    let refused = run(&mut alertdeck(arguments));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.starts_with("alertdeck: "), "{}", refused.stderr);
    assert!(!refused.stderr.contains(['\u{1b}', '\u{202e}']), "{}", refused.stderr);
}

#[test]
fn completions_and_the_manual_contain_the_commands() {
    for arguments in [&["completions", "zsh"][..], &["completions", "fish"], &["man"]] {
        let printed = run(&mut alertdeck(arguments));
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
        assert!(printed.stdout.contains("simulate") && printed.stdout.contains("explain"), "{arguments:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = run(&mut alertdeck(["--help"]));
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    for words in ["Exit codes:", "Examples:", "--graph-url", "ALERTDECK_TOKEN", "simulate"] {
        assert!(help.stdout.contains(words), "{words}");
    }
    let version = run(&mut alertdeck(["--version"]));
    assert_eq!(version.stdout, format!("alertdeck {}\n", env!("CARGO_PKG_VERSION")));
}
