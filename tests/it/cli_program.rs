//! Tests for the command line: arguments, output, errors and exit codes.

#![expect(clippy::unwrap_used, reason = "the helpers fail the test that calls them")]

mod config;
mod explain;
mod files;
mod journal;
mod output;
mod readme;
mod service;
mod sign_in;
#[cfg(target_os = "linux")]
mod signals;
mod stats;
mod streams;
#[cfg(unix)]
mod tenants;
mod terminal;
#[cfg(unix)]
mod update;

#[cfg(target_os = "linux")]
mod trust;

use std::{ffi::OsStr, path::PathBuf, process::Output};

/// Returns a command that runs the program without this machine's settings.
fn alertdeck<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("alertdeck");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ALERTDECK_") {
            command.env_remove(name);
        }
    }
    // An empty name means no config file. The log and the cache go to the build folder.
    command.env("ALERTDECK_CONFIG", "").args(arguments);
    for name in ["XDG_STATE_HOME", "XDG_CACHE_HOME"] {
        command.env(name, env!("CARGO_TARGET_TMPDIR"));
    }
    command
}

/// The result of a run.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(command: &mut assert_cmd::Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

/// Returns the path of the published sample, a page with one alert.
fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/published-sample.json")
}

const SAMPLE_ID: &str = "da637551227677560813_-961444813";
