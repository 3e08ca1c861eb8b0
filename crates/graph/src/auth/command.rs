//! Runs a command that prints an access token and parses its output.

use std::{
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use jiff::{civil, tz::TimeZone};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{ChildStderr, ChildStdout},
    task::spawn_blocking,
    time::timeout,
};

use super::{AuthError, checked};
use alertdeck_model::SafeText;
use alertdeck_platform::Running;

/// The environment variable that may hold an existing token. It is removed from the environment of
/// child processes.
pub const TOKEN_VARIABLE: &str = "ALERTDECK_TOKEN";
/// The time limit for the command.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum size of the output in bytes; tokens are far shorter. Longer output is an error, but
/// longer standard error is merely truncated.
const MAX_OUTPUT: u64 = 64 << 10;

/// A token printed by a command.
pub(super) struct CommandOutput {
    pub(super) token: SecretString,
    pub(super) expires: Option<SystemTime>,
}

/// Runs the command and returns the token that it prints. The command has no terminal. If it
/// exceeds `limit`, or if this future is dropped, the command and every process that it has started
/// are terminated.
pub(super) async fn run(command: &str, limit: Duration) -> Result<CommandOutput, AuthError> {
    let failed = |what: String| AuthError::Command(what);
    let started = Running::start_guarded(shell(command));
    let (mut running, guard) = started.map_err(|error| failed(format!("did not start: {error}")))?;
    let stdout = running.stdout().and_then(|stream| ChildStdout::from_std(stream).ok());
    let stderr = running.stderr().and_then(|stream| ChildStderr::from_std(stream).ok());
    let work = async {
        let output = async { read(stdout).await.ok_or_else(|| failed(too_long())) };
        let errors = async { Ok(read_start(stderr).await) };
        let ended = async {
            let status = spawn_blocking(|| running.wait()).await.map_err(std::io::Error::other).flatten();
            status.map_err(|error| failed(format!("did not report its exit status: {error}")))
        };
        tokio::try_join!(output, errors, ended)
    };
    let Ok(ended) = timeout(limit, work).await else {
        return Err(failed(format!("printed no token within {} s", limit.as_secs_f64())));
    };
    let (stdout, stderr, status) = ended?;
    guard.release();
    if !status.success() {
        let message = last_line(stderr.expose_secret());
        let separator = if message.is_empty() { "" } else { ": " };
        return Err(failed(format!("failed ({status}){separator}{message}")));
    }
    parse(stdout.expose_secret(), SystemTime::now())
        .ok_or_else(|| failed("printed no token: expected a bare token, or JSON with accessToken".into()))
}

fn shell(command: &str) -> Command {
    let (program, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut shell = Command::new(program);
    for variable in super::SECRET_VARIABLES {
        shell.env_remove(variable);
    }
    shell.arg(option).arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

fn too_long() -> String {
    format!("printed more than {} KB, which is not a token", MAX_OUTPUT >> 10)
}

/// Reads a stream to its end or to the first read error. Returns `None` if it contains more than
/// [`MAX_OUTPUT`] bytes.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> Option<SecretString> {
    let mut kept = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(MAX_OUTPUT + 1).read_to_end(&mut kept).await;
    }
    let is_short = kept.len() as u64 <= MAX_OUTPUT;
    is_short.then(|| String::from_utf8_lossy(&kept).into_owned().into())
}

/// Reads a stream to its end and returns at most its first [`MAX_OUTPUT`] bytes.
async fn read_start(stream: Option<impl AsyncRead + Unpin>) -> SecretString {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut kept).await;
        // A full pipe would block the command.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&kept).into_owned().into()
}

/// Returns the last line that is not blank, made safe to show and short enough for a status line.
fn last_line(text: &str) -> String {
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    SafeText::new(&line.trim().chars().take(300).collect::<String>()).line()
}

/// A token in the format printed by the Azure CLI (`accessToken`, `expires_on`, `expiresOn`) or
/// sent by token endpoints (`access_token`, `expires_in`).
#[derive(Deserialize)]
struct Json {
    #[serde(alias = "access_token", rename = "accessToken")]
    token: String,
    /// Unix time in seconds.
    expires_on: Option<Value>,
    /// Local time without a time zone.
    #[serde(rename = "expiresOn")]
    expires_local: Option<String>,
    /// Seconds from now.
    expires_in: Option<Value>,
}

fn parse(text: &str, now: SystemTime) -> Option<CommandOutput> {
    let text = text.trim().trim_start_matches('\u{feff}');
    if !text.starts_with('{') {
        return Some(CommandOutput { token: checked(text)?, expires: None });
    }
    let json: Json = serde_json::from_str(text).ok()?;
    let token = checked(SecretString::from(json.token).expose_secret())?;
    let expires = match (json.expires_on.as_ref().and_then(seconds), &json.expires_local) {
        (Some(since), _) => SystemTime::UNIX_EPOCH.checked_add(since),
        (None, Some(local)) => local_time(local),
        (None, None) => json.expires_in.as_ref().and_then(seconds).and_then(|left| now.checked_add(left)),
    };
    Some(CommandOutput { token, expires })
}

/// Reads seconds from a number or a string; both occur in practice.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Some(Duration::from_secs(seconds))
}

fn local_time(text: &str) -> Option<SystemTime> {
    let at: civil::DateTime = text.trim().parse().ok()?;
    at.to_zoned_datetime(TimeZone::system()).ok()?.timestamp().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[rstest]
    #[case::bare("a.b-c_d\r\n", "a.b-c_d", None)]
    #[case::azure(
        r#"{"accessToken":"a.b","expiresOn":"2001-01-01 00:00:00.000000","expires_on":5000,"subscription":"x"}"#,
        "a.b",
        Some(at(5000))
    )]
    #[case::endpoint(
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":"a.b"}"#,
        "a.b",
        Some(at(4599))
    )]
    #[case::text(r#"{"access_token":"a.b","expires_on":"5000"}"#, "a.b", Some(at(5000)))]
    #[case::no_expiry(r#"{"access_token":"a.b"}"#, "a.b", None)]
    #[case::odd_expiry(r#"{"access_token":"a.b","expires_on":null,"expires_in":-5}"#, "a.b", None)]
    #[case::endless(r#"{"access_token":"a.b","expires_on":18446744073709551615}"#, "a.b", None)]
    fn command_output_is_parsed(
        #[case] text: &str,
        #[case] token: &str,
        #[case] expires: Option<SystemTime>,
    ) {
        let printed = parse(text, at(1000)).unwrap();
        assert_eq!((printed.token.expose_secret(), printed.expires), (token, expires));
    }

    #[test]
    fn a_local_time_is_in_the_systems_time_zone() {
        let at = local_time("2026-11-23 17:58:00.000000").unwrap();
        let local = jiff::Timestamp::try_from(at).unwrap().to_zoned_datetime(TimeZone::system());
        assert_eq!(local.datetime().to_string(), "2026-11-23T17:58:00");
    }

    #[rstest]
    #[case("")]
    #[case("\n")]
    #[case("Please run az login")]
    #[case("{}")]
    #[case(r#"{"accessToken":""}"#)]
    #[case(r#"{"accessToken":7}"#)]
    #[case("{\"accessToken\":\"a\\nb\"}")]
    fn other_output_is_not_a_token(#[case] text: &str) {
        assert!(parse(text, at(0)).is_none());
    }

    #[test]
    fn the_command_does_not_inherit_the_ready_token() {
        let shell = shell("env");
        let removed =
            |(name, value): (&std::ffi::OsStr, Option<_>)| name == TOKEN_VARIABLE && value.is_none();
        assert!(shell.get_envs().any(removed));
    }

    #[cfg(unix)]
    mod with_a_shell {
        use super::*;

        async fn error(command: &str) -> String {
            match run(command, Duration::from_secs(20)).await {
                Ok(_) => panic!("{command} gave a token"),
                Err(error) => error.to_string(),
            }
        }

        #[tokio::test]
        async fn a_failing_command_shows_its_last_stderr_line_sanitised() {
            let message =
                error("echo canary-on-stdout; printf 'first\\n\\033[31mplease sign in\\n\\n' >&2; exit 3")
                    .await;
            assert_eq!(message, "the token command failed (exit status: 3): ␛[31mplease sign in");
            assert_eq!(error("exit 4").await, "the token command failed (exit status: 4)");
        }

        #[tokio::test]
        async fn output_that_is_not_a_token_is_not_shown() {
            let message = error("echo 'canary with blanks'").await;
            assert!(message.starts_with("the token command printed no token"), "{message}");
            assert!(!message.contains("canary"));
        }

        #[tokio::test]
        async fn a_silent_command_is_stopped_at_the_time_limit() {
            let Err(error) = run("sleep 60", Duration::from_millis(50)).await else {
                panic!("a token from sleep")
            };
            assert_eq!(error.to_string(), "the token command printed no token within 0.05 s");
        }

        #[rstest]
        #[case::long("head -c 3000000 /dev/zero")]
        #[case::cut_it_would_be_a_token("head -c 70000 /dev/zero | tr '\\0' a")]
        #[case::endless("yes; sleep 60")]
        #[tokio::test]
        async fn long_output_is_refused(#[case] command: &str) {
            let message = error(command).await;
            assert_eq!(message, "the token command printed more than 64 KB, which is not a token");
        }

        #[tokio::test]
        async fn long_errors_do_not_block_the_command() {
            let message = error("head -c 3000000 /dev/zero >&2; echo last >&2; exit 1").await;
            assert!(message.contains("failed (exit status: 1)"), "{message}");
        }

        /// Returns a command and a file. The command starts a program, writes its own process ID
        /// and the program's to the file, and then waits.
        fn waiting(folder: &std::path::Path) -> (String, std::path::PathBuf) {
            let file = folder.join("ids");
            let path = file.display();
            (format!("sleep 300 & echo $$ $! > '{path}.new'; mv '{path}.new' '{path}'; wait"), file)
        }

        /// Waits until every process listed in a file has exited.
        async fn all_end(file: &std::path::Path) {
            let ids = tokio::fs::read_to_string(file).await.unwrap();
            for id in ids.split_whitespace() {
                let state = std::path::PathBuf::from(format!("/proc/{id}/stat"));
                // A process that has exited but has not been waited for is a zombie (`Z`).
                let runs = || std::fs::read_to_string(&state).is_ok_and(|state| !state.contains(") Z "));
                timeout(Duration::from_secs(10), async {
                    while runs() {
                        tokio::task::yield_now().await;
                    }
                })
                .await
                .unwrap();
            }
        }

        #[cfg(target_os = "linux")]
        #[tokio::test]
        async fn everything_that_the_command_started_ends_with_it() {
            let folder = tempfile::tempdir().unwrap();
            let (command, file) = waiting(folder.path());
            let run = tokio::spawn(async move { run(&command, Duration::from_secs(60)).await.is_ok() });
            while !file.exists() {
                tokio::task::yield_now().await;
            }
            run.abort();
            all_end(&file).await;
            std::fs::remove_file(&file).unwrap();
            let (command, _) = waiting(folder.path());
            assert!(super::run(&command, Duration::from_secs(2)).await.is_err());
            all_end(&file).await;
        }

        /// A session's ID is the process ID of its first process.
        #[cfg(target_os = "linux")]
        #[tokio::test]
        async fn the_command_has_a_session_of_its_own() {
            let message =
                error("read -r _ _ _ _ _ session _ < /proc/$$/stat; [ $session = $$ ] && exit 4").await;
            assert!(message.contains("exit status: 4"), "{message}");
        }
    }
}
