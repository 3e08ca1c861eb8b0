//! Signals during a command: what must not be left behind.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Starts the program without this machine's settings.
fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("alertdeck"));
    command.args(arguments).env_remove("ALERTDECK_TOKEN").env("ALERTDECK_CONFIG", "");
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits until a condition holds, without sleeping, since files appear for moments only.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "timed out waiting until {what}");
        std::thread::yield_now();
    }
}

fn count(folder: &Path) -> usize {
    folder.read_dir().unwrap().count()
}

#[rstest]
#[case(Signal::INT)]
#[case(Signal::TERM)]
#[case(Signal::HUP)]
fn a_signal_during_an_export_leaves_no_file(#[case] signal: Signal) {
    let (input, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (input, target) = (input.path().join("a.ndjson"), output.path().join("out.json"));
    let alert = |id: usize| format!("{{\"id\":\"{id}\",\"title\":\"{}\"}}\n", "x".repeat(300_000));
    fs::write(&input, (0..200).map(alert).collect::<String>()).unwrap();
    let arguments = ["list", "--format", "json", "--file", input.to_str().unwrap()];
    for _ in 0..20 {
        let mut child = start(&[&arguments[..], &["--output", target.to_str().unwrap()]].concat());
        wait_until("a file is written", || count(output.path()) > 0);
        // The program may have finished in the meantime.
        send(&child, Signal::STOP);
        let is_writing = !target.exists();
        send(&child, signal);
        send(&child, Signal::CONT);
        let status = child.wait().unwrap();
        if is_writing && status.signal() == Some(signal.as_raw()) && !target.exists() {
            assert_eq!(
                count(output.path()),
                0,
                "{:?}",
                output.path().read_dir().unwrap().collect::<Vec<_>>()
            );
            return;
        }
        fs::remove_file(&target).unwrap();
    }
    panic!("every export finished before the signal");
}

#[test]
fn an_interrupted_program_ends_its_token_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    let path = file.to_str().unwrap();
    let command = format!("sleep 300 & echo $! > '{path}.new'; mv '{path}.new' '{path}'; wait");
    let mut child = start(&["list", "--token-command", &command]);
    wait_until("the command runs", || file.exists());
    let id = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let started = Pid::from_raw(id).unwrap();
    assert!(test_kill_process(started).is_ok());
    send(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::INT.as_raw()));
    // It may be waited for by a process that does not do so at once.
    let state = || fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_else(|_| ") Z ".into());
    wait_until("the command's program ends", || state().contains(") Z "));
}

#[test]
fn a_signal_that_was_ignored_before_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    let path = file.to_str().unwrap();
    let program = assert_cmd::cargo::cargo_bin!("alertdeck");
    let command =
        format!("trap '' HUP; exec '{}' list --token-command 'echo > {path}; sleep 300'", program.display());
    let mut child = Command::new("sh")
        .args(["-c", &command])
        .env_remove("ALERTDECK_TOKEN")
        .env("ALERTDECK_CONFIG", "")
        .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the command runs", || file.exists());
    send(&child, Signal::HUP);
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
}
