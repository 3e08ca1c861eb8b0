//! The program as a script meets it: arguments in; output, errors and exit codes out.

#![expect(clippy::unwrap_used, reason = "the helpers fail the test that calls them")]

#[path = "cli_program/config.rs"]
mod config;
#[path = "cli_program/explain.rs"]
mod explain;
#[path = "cli_program/files.rs"]
mod files;
#[path = "cli_program/output.rs"]
mod output;
#[path = "cli_program/readme.rs"]
mod readme;
#[path = "cli_program/service.rs"]
mod service;
#[path = "cli_program/sign_in.rs"]
mod sign_in;
#[path = "cli_program/streams.rs"]
mod streams;
#[expect(dead_code, reason = "other tests sign in at the same tenant")]
#[path = "console_sign_in/tenant.rs"]
mod tenant;
#[cfg(unix)]
#[path = "cli_program/terminal.rs"]
mod terminal;

#[cfg(target_os = "linux")]
#[path = "cli_program/trust.rs"]
mod trust;

use std::{ffi::OsStr, path::PathBuf, process::Output};

/// A run of the program, with nothing of this machine's settings.
fn alertdeck<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("alertdeck");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ALERTDECK_") {
            command.env_remove(name);
        }
    }
    // An empty name: no config file, whatever this user has. The log goes where builds go.
    command.env("ALERTDECK_CONFIG", "").env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR")).args(arguments);
    command
}

/// What a run left: exit code, standard output, standard error.
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

/// The published sample: one alert in a page.
fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/published-sample.json")
}

const SAMPLE_ID: &str = "da637551227677560813_-961444813";
