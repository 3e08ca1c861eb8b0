//! Runs a command that prints an access token and parses its output.

use std::{
    process::Stdio,
    time::{Duration, SystemTime},
};

use jiff::{civil, tz::TimeZone};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    time::timeout,
};

use super::{AuthError, checked};
use alertdeck_model::SafeText;

/// The environment variable that may hold an existing token. It is removed from the environment of
/// child processes.
pub const TOKEN_VARIABLE: &str = "ALERTDECK_TOKEN";
/// How long the command may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of bytes kept from an output stream; tokens are far shorter.
const MAX_OUTPUT: u64 = 64 << 10;

/// A token that a command printed.
pub(super) struct CommandOutput {
    pub(super) token: SecretString,
    pub(super) expires: Option<SystemTime>,
}

/// Runs the command and returns its token.
pub(super) async fn run(command: &str, limit: Duration) -> Result<CommandOutput, AuthError> {
    let failed = |what: String| AuthError::Command(what);
    let mut child = shell(command).spawn().map_err(|error| failed(format!("did not start: {error}")))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async { tokio::join!(read(stdout), read(stderr), child.wait()) };
    let Ok((stdout, stderr, status)) = timeout(limit, work).await else {
        return Err(failed(format!("printed no token within {} s", limit.as_secs_f64())));
    };
    let status = status.map_err(|error| failed(format!("cannot be waited for: {error}")))?;
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
    shell
        .arg(option)
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    shell
}

/// Reads a stream to its end and returns at most the first [`MAX_OUTPUT`] bytes. A read error
/// counts as the end.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> SecretString {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut kept).await;
        // A full pipe would block the command.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&kept).into_owned().into()
}

/// Returns the last line that is not blank, safe to show and short enough for a status line.
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
        assert!(shell.as_std().get_envs().any(removed));
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
        async fn a_failing_command_shows_its_last_stderr_line_neutralised() {
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

        #[tokio::test]
        async fn long_output_neither_blocks_the_command_nor_is_a_token() {
            let message = error("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2").await;
            assert!(message.contains("printed no token"), "{message}");
        }
    }
}
