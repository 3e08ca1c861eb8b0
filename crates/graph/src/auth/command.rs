//! Runs a command that prints an access token, and reads what it prints.

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

/// The variable that may hold a ready token; no child process gets it.
pub const TOKEN_VARIABLE: &str = "ALERTDECK_TOKEN";
/// How long the command may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that are read of what it prints: far more than a token has.
const MOST: u64 = 64 << 10;

/// What the command printed.
pub(super) struct Printed {
    pub(super) token: SecretString,
    pub(super) expires: Option<SystemTime>,
}

/// Runs the command and reads its token.
pub(super) async fn run(command: &str, limit: Duration) -> Result<Printed, AuthError> {
    let failed = |what: String| AuthError::Command(what);
    let mut child = shell(command).spawn().map_err(|error| failed(format!("did not start: {error}")))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async { tokio::join!(read(stdout), read(stderr), child.wait()) };
    let Ok((stdout, stderr, status)) = timeout(limit, work).await else {
        return Err(failed(format!("printed no token within {} s", limit.as_secs_f64())));
    };
    let status = status.map_err(|error| failed(format!("was lost: {error}")))?;
    if !status.success() {
        let said = last_line(stderr.expose_secret());
        return Err(failed(format!("failed ({status}){}{said}", if said.is_empty() { "" } else { ": " })));
    }
    understand(stdout.expose_secret(), SystemTime::now())
        .ok_or_else(|| failed("printed no token: expected a bare one, or JSON with accessToken".into()))
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

/// Reads a stream to its end and keeps its beginning; what cannot be read is left out.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> SecretString {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        let _ = (&mut stream).take(MOST).read_to_end(&mut kept).await;
        // A full pipe would keep the command from ending.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&kept).into_owned().into()
}

/// The last line that says something, safe to show and not too long for a status line.
fn last_line(text: &str) -> String {
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    SafeText::new(&line.trim().chars().take(300).collect::<String>()).line()
}

/// The fields of a token as the Azure CLI (`accessToken`, `expires_on`, `expiresOn`) and token
/// endpoints (`access_token`, `expires_in`) name them.
#[derive(Deserialize)]
struct Json {
    #[serde(alias = "access_token", rename = "accessToken")]
    token: String,
    /// Seconds since 1970.
    expires_on: Option<Value>,
    /// Local time without a zone.
    #[serde(rename = "expiresOn")]
    expires_local: Option<String>,
    /// Seconds from now.
    expires_in: Option<Value>,
}

fn understand(text: &str, now: SystemTime) -> Option<Printed> {
    let text = text.trim().trim_start_matches('\u{feff}');
    if !text.starts_with('{') {
        return Some(Printed { token: checked(text)?, expires: None });
    }
    let json: Json = serde_json::from_str(text).ok()?;
    let token = checked(SecretString::from(json.token).expose_secret())?;
    let expires = match (json.expires_on.as_ref().and_then(seconds), &json.expires_local) {
        (Some(since), _) => SystemTime::UNIX_EPOCH.checked_add(since),
        (None, Some(local)) => local_time(local),
        (None, None) => json.expires_in.as_ref().and_then(seconds).and_then(|left| now.checked_add(left)),
    };
    Some(Printed { token, expires })
}

/// Seconds as a number or as text, as both are in use.
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
    fn what_commands_print_is_understood(
        #[case] text: &str,
        #[case] token: &str,
        #[case] expires: Option<SystemTime>,
    ) {
        let printed = understand(text, at(1000)).unwrap();
        assert_eq!((printed.token.expose_secret(), printed.expires), (token, expires));
    }

    #[test]
    fn a_local_time_is_read_in_the_zone_of_this_machine() {
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
    fn anything_else_is_no_token(#[case] text: &str) {
        assert!(understand(text, at(0)).is_none());
    }

    #[test]
    fn the_command_does_not_get_the_ready_token() {
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
        async fn a_failing_command_shows_its_last_words_neutralised() {
            let said =
                error("echo canary-on-stdout; printf 'first\\n\\033[31mplease sign in\\n\\n' >&2; exit 3")
                    .await;
            assert_eq!(said, "the token command failed (exit status: 3): ␛[31mplease sign in");
            assert_eq!(error("exit 4").await, "the token command failed (exit status: 4)");
        }

        #[tokio::test]
        async fn what_is_no_token_is_not_shown() {
            let said = error("echo 'canary with blanks'").await;
            assert!(said.starts_with("the token command printed no token"), "{said}");
            assert!(!said.contains("canary"));
        }

        #[tokio::test]
        async fn a_silent_command_ends_by_its_deadline() {
            let Err(error) = run("sleep 60", Duration::from_millis(50)).await else {
                panic!("a token from sleep")
            };
            assert_eq!(error.to_string(), "the token command printed no token within 0.05 s");
        }

        #[tokio::test]
        async fn an_endless_printer_ends_and_is_no_token() {
            let said = error("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2").await;
            assert!(said.contains("printed no token"), "{said}");
        }
    }
}
