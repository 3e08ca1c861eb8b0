//! Access tokens from three sources: an existing token, a command that prints one, or a sign-in.
//!
//! This module is independent of any service. Callers pass a [`Token`] to `http` together with the
//! scope to which it may be sent. Invariants: tokens never appear in `Debug`, in errors or in the
//! environment of child processes; secrets are sent only to their own authority; all tasks waiting
//! for a new token share a single token request.

mod application;
mod authority;
mod browser;
mod claims;
mod command;
mod device;
mod grant;
mod jws;
mod refusal;
mod session;
mod vault;

use std::{
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Mutex, watch};

use crate::{
    event::ClientEvent,
    http::{Fault, HeaderValue},
};

pub use application::{Certificate, Proof, SECRET_VARIABLE};
pub use authority::{Application, Authority};
pub use browser::{BrowserSignIn, DEADLINE};
pub use claims::{Claims, TokenClaims};
pub use command::TOKEN_VARIABLE;
pub use device::DeviceSignIn;
pub use grant::Grant;
pub use refusal::Refusal;
pub use session::{Identity, Needed, Session};
pub use vault::{Account, Guard, Key, Loaded, Stored, Vault, VaultError};

/// The environment variables that may hold a secret, either directly or as part of a token command.
/// They are removed from the environment of child processes.
pub const SECRET_VARIABLES: [&str; 3] = [TOKEN_VARIABLE, SECRET_VARIABLE, "ALERTDECK_TOKEN_COMMAND"];

/// How long before its expiry a token is replaced. This exceeds the time a page may take to arrive.
const EARLY: Duration = Duration::from_secs(150);
/// The minimum time for which a token from a command is reused. Without it, a token that is about
/// to expire would make the command run for every request.
const MIN_USE: Duration = Duration::from_secs(30);

/// A way to obtain access tokens, named as in `--auth` and profiles (docs/tenant-setup.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The user signs in with a browser on this machine: authorization code with PKCE.
    Browser,
    /// The user enters a code in a browser on any device: the device code flow.
    DeviceCode,
    /// The program signs in as an application, with a secret or a certificate.
    ClientSecret,
    /// A command prints a token.
    Command,
    /// [`TOKEN_VARIABLE`] holds a token.
    Token,
}

impl Method {
    /// All methods, in display order.
    pub const ALL: [Self; 5] =
        [Self::Browser, Self::DeviceCode, Self::ClientSecret, Self::Command, Self::Token];

    /// Returns the name used in options and profiles.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::DeviceCode => "device-code",
            Self::ClientSecret => "client-secret",
            Self::Command => "command",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a name that is not a sign-in method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown sign-in method; expected browser, device-code, client-secret, command or token")]
pub struct MethodError;

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(name: &str) -> Result<Self, MethodError> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or(MethodError)
    }
}

/// The reason no token is available. `Display` writes one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The text cannot be an access token; the payload names its source.
    #[error("{0} is not an access token: it is empty or contains spaces or other invalid characters")]
    NotAToken(&'static str),
    /// The command did not start, failed, or printed no token; the payload completes the message.
    #[error("the token command {0}")]
    Command(String),
    /// The user must sign in, but cannot be asked or has declined.
    #[error("{}", .0.why)]
    SignInNeeded(Needed),
    /// The authority rejected the request.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The authority could not be reached.
    #[error("{0}")]
    Transport(Fault),
    /// The authority failed and returned this HTTP status.
    #[error("the sign-in service failed with HTTP {0}; try again later")]
    Unavailable(u16),
    /// The authority's response violates the standards; the payload says how.
    #[error("the sign-in service's response cannot be read: {0}")]
    Unreadable(String),
    /// The local configuration is incomplete or wrong.
    #[error("{0}")]
    Setup(String),
    /// The browser was not redirected back within this time.
    #[error("nobody signed in within {} minutes", .0.as_secs() / 60)]
    TooLate(Duration),
}

/// An access token.
#[derive(Clone, Debug)]
pub struct Token {
    value: SecretString,
    /// The token's sequence number within its source; equal numbers mean the same token.
    number: u64,
}

impl Token {
    /// Returns the token's claims, for display; `None` if the token is not a readable JWT.
    pub fn claims(&self) -> Option<TokenClaims> {
        TokenClaims::read(self.value.expose_secret())
    }

    /// Returns the token as an `Authorization` header value, marked sensitive.
    pub fn authorization(&self) -> Result<HeaderValue, AuthError> {
        let text = SecretString::from(format!("Bearer {}", self.value.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| AuthError::NotAToken("the given text"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// A source of access tokens. Cheap to clone; clones share the token.
#[derive(Clone, Debug)]
pub struct Tokens {
    source: Arc<Source>,
}

#[derive(Debug)]
enum Source {
    Fixed(SecretString),
    /// A shell command and the latest token that it printed.
    Command(String, Mutex<CommandToken>),
    /// A sign-in session.
    Session(Session),
}

#[derive(Debug, Default)]
struct CommandToken {
    value: Option<SecretString>,
    number: u64,
    /// The time at which to run the command again, even if the service still accepts the token.
    stale_at: Option<SystemTime>,
}

impl Tokens {
    /// Creates a source for an existing token, such as the value of `ALERTDECK_TOKEN`. Surrounding
    /// whitespace is removed.
    pub fn fixed(token: &SecretString) -> Result<Self, AuthError> {
        let value = checked(token.expose_secret()).ok_or(AuthError::NotAToken(TOKEN_VARIABLE))?;
        Ok(Self { source: Arc::new(Source::Fixed(value)) })
    }

    /// Creates a source that runs `command` in the platform's shell whenever a token is needed.
    ///
    /// The command may print a bare token, or JSON with `accessToken` or `access_token` and an
    /// expiry, as the Azure CLI does. It must finish within 30 s.
    pub fn command(command: impl Into<String>) -> Self {
        Self { source: Arc::new(Source::Command(command.into(), Mutex::default())) }
    }

    /// Creates a source that uses the tokens from a sign-in session.
    pub fn session(session: Session) -> Self {
        Self { source: Arc::new(Source::Session(session)) }
    }

    /// Returns the sign-in session, if the tokens come from one.
    pub fn as_session(&self) -> Option<&Session> {
        match &*self.source {
            Source::Session(session) => Some(session),
            Source::Fixed(_) | Source::Command(..) => None,
        }
    }

    /// Returns the claims in the current token, for display. Never fetches a token.
    pub async fn claims(&self) -> Option<TokenClaims> {
        match &*self.source {
            Source::Fixed(value) => TokenClaims::read(value.expose_secret()),
            Source::Command(_, cached) => {
                TokenClaims::read(cached.lock().await.value.as_ref()?.expose_secret())
            }
            Source::Session(session) => session.claims(),
        }
    }

    /// Returns a channel that reports when requests to the sign-in service are throttled or
    /// retried; `None` if the tokens do not come from a sign-in session.
    pub fn waits(&self) -> Option<watch::Receiver<Option<ClientEvent>>> {
        self.as_session().map(Session::waits)
    }

    /// Returns the token to send with the next request, fetching a new one if necessary.
    pub async fn current(&self) -> Result<Token, AuthError> {
        match &*self.source {
            Source::Session(session) => session.current().await,
            Source::Fixed(value) => Ok(Token { value: value.clone(), number: 0 }),
            Source::Command(command, cached) => {
                let mut cached = cached.lock().await;
                match &cached.value {
                    Some(value) if cached.stale_at.is_none_or(|at| SystemTime::now() < at) => {
                        Ok(Token { value: value.clone(), number: cached.number })
                    }
                    _ => cached.fetch(command).await,
                }
            }
        }
    }

    /// Returns a token to replace `refused`, or `None` if the source cannot provide one.
    ///
    /// If another task has already fetched a new token, returns that one. `demanded` contains the
    /// claims that the service requires in the new token.
    pub async fn renewed(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Option<Token>, AuthError> {
        match &*self.source {
            Source::Fixed(_) => Ok(None),
            Source::Session(session) => session.renewed(refused, demanded).await.map(Some),
            Source::Command(command, cached) => {
                let mut cached = cached.lock().await;
                match &cached.value {
                    Some(value) if cached.number != refused.number => {
                        Ok(Some(Token { value: value.clone(), number: cached.number }))
                    }
                    _ => cached.fetch(command).await.map(Some),
                }
            }
        }
    }

    /// Asks the user to sign in again because the service has also rejected the replacement token.
    /// Returns the new token, or `None` if the source does not involve a user.
    pub async fn asked_for(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Option<Token>, AuthError> {
        match &*self.source {
            Source::Fixed(_) | Source::Command(..) => Ok(None),
            Source::Session(session) => session.asked_for(refused, demanded).await.map(Some),
        }
    }
}

impl CommandToken {
    async fn fetch(&mut self, command: &str) -> Result<Token, AuthError> {
        let output = command::run(command, command::TIMEOUT).await?;
        let now = SystemTime::now();
        let min = now + MIN_USE;
        self.stale_at = output.expires.map(|at| at.checked_sub(EARLY).map_or(min, |early| early.max(min)));
        self.number += 1;
        self.value = Some(output.token.clone());
        Ok(Token { value: output.token, number: self.number })
    }
}

/// Trims `text` and returns it if it is not empty and every character is allowed in a bearer token
/// (RFC 6750, 2.1).
fn checked(text: &str) -> Option<SecretString> {
    let text = text.trim();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    (!text.is_empty() && text.bytes().all(fits)).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-4f1d.token_value";

    #[test]
    fn a_ready_token_is_validated_and_never_shown() {
        let tokens = Tokens::fixed(&format!(" {CANARY}\n").into()).unwrap();
        assert!(!format!("{tokens:?}").contains(CANARY));
        for bad in ["", "  ", "a b", "a\nb", "tok\u{e9}n", "a\u{1b}[2J"] {
            let error = Tokens::fixed(&bad.into()).unwrap_err().to_string();
            assert!(error.starts_with("ALERTDECK_TOKEN is not an access token"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_ready_token_cannot_be_renewed() {
        let tokens = Tokens::fixed(&CANARY.into()).unwrap();
        let token = tokens.current().await.unwrap();
        let header = token.authorization().unwrap();
        assert_eq!(header.to_str().unwrap(), format!("Bearer {CANARY}"));
        assert!(!format!("{token:?}{header:?}").contains(CANARY));
        assert!(tokens.renewed(&token, None).await.unwrap().is_none());
    }

    #[cfg(unix)]
    mod with_a_shell {
        use super::*;
        use std::path::Path;

        /// Returns a command that appends a line to `file` and prints `text` on each run. In
        /// `text`, `$n` is the number of runs so far.
        fn counting(file: &Path, text: &str) -> String {
            let file = file.display();
            format!("echo run >> '{file}'; n=$(wc -l < '{file}'); n=$((n)); printf '%s' \"{text}\"")
        }

        fn runs(file: &Path) -> usize {
            std::fs::read_to_string(file).unwrap().lines().count()
        }

        fn shown(token: &Token) -> String {
            token.authorization().unwrap().to_str().unwrap().to_owned()
        }

        #[tokio::test]
        async fn the_command_runs_once_for_several_tasks_and_again_after_a_refusal() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("runs");
            let tokens = Tokens::command(counting(&file, "token-$n"));
            let (first, second) = tokio::join!(tokens.current(), tokens.current());
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!((shown(&first), shown(&second)), ("Bearer token-1".into(), "Bearer token-1".into()));
            let (one, two) = tokio::join!(tokens.renewed(&first, None), tokens.renewed(&second, None));
            assert_eq!(shown(&one.unwrap().unwrap()), "Bearer token-2");
            assert_eq!(shown(&two.unwrap().unwrap()), "Bearer token-2");
            assert_eq!(runs(&file), 2);
        }

        #[tokio::test]
        async fn a_token_is_reused_until_shortly_before_its_expiry() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("runs");
            let json = r#"{\"accessToken\":\"t$n\",\"expires_on\":4000000000}"#;
            let tokens = Tokens::command(counting(&file, json));
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
            let Source::Command(_, cached) = &*tokens.source else { unreachable!() };
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
            assert_eq!(cached.lock().await.stale_at, Some(end - EARLY));
            cached.lock().await.stale_at = Some(SystemTime::now());
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t2");
        }

        #[tokio::test]
        async fn an_expired_token_does_not_make_the_command_run_for_each_request() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("runs");
            let tokens =
                Tokens::command(counting(&file, r#"{\"access_token\":\"t$n\",\"expires_on\":\"1\"}"#));
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
        }
    }
}
