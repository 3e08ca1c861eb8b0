//! Standard output and error: what goes where, closed pipes, full disks, no terminal.

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
fn a_reader_that_had_enough_is_no_error() {
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
fn a_full_disk_is_told_in_a_line(#[case] arguments: &[&str], #[case] takes_file: bool) {
    let full = Path::new("/dev/full");
    if !full.exists() {
        eprintln!("skipped: there is no /dev/full here");
        return;
    }
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("alertdeck"));
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.args(arguments).args(takes_file.then(sample));
    let ended = command.stdout(File::options().write(true).open(full).unwrap()).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.starts_with("alertdeck: the result could not be written: "), "{said}");
}

#[rstest]
#[case(&[])]
#[case(&["status:new"])]
#[case(&["demo"])]
#[case(&["open", "does-not-matter.json"])]
fn without_a_terminal_there_is_no_console(#[case] arguments: &[&str]) {
    let refused = run(&mut alertdeck(arguments));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("`alertdeck list`"), "{}", refused.stderr);
}

#[rstest]
#[case(&["list", "--demo", "--file", "x"])]
#[case(&["list", "--formt", "json"])]
#[case(&["list", "\u{1b}[31m", "\u{202e}"])]
#[case(&["show"])]
#[case(&["--cloud", "china", "list"])]
fn wrong_usage_is_two_and_neutralised(#[case] arguments: &[&str]) {
    let refused = run(&mut alertdeck(arguments));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.starts_with("alertdeck: "), "{}", refused.stderr);
    assert!(!refused.stderr.contains(['\u{1b}', '\u{202e}']), "{}", refused.stderr);
}

#[test]
fn completions_and_manual_know_the_commands() {
    for arguments in [&["completions", "zsh"][..], &["completions", "fish"], &["man"]] {
        let printed = run(&mut alertdeck(arguments));
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
        assert!(printed.stdout.contains("simulate") && printed.stdout.contains("explain"), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let help = run(&mut alertdeck(["--help"]));
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    for words in ["Exit codes:", "Examples:", "--graph-url", "ALERTDECK_TOKEN", "simulate"] {
        assert!(help.stdout.contains(words), "{words}");
    }
    let version = run(&mut alertdeck(["--version"]));
    assert_eq!(version.stdout, format!("alertdeck {}\n", env!("CARGO_PKG_VERSION")));
}
