//! Where access tokens come from: a ready one, a command that prints one, or a sign-in.
//!
//! It knows no service: who holds a [`Token`] gives it to `http` together with the scope it may go
//! to. Invariants: a token is never in `Debug`, in an error or in the environment of a child
//! process; secrets go to the authority they belong to and nowhere else; however many requests
//! need a new token, one is got.

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

/// The variables that may hold a secret, a command with one among them; no child process gets them.
pub const SECRET_VARIABLES: [&str; 3] = [TOKEN_VARIABLE, SECRET_VARIABLE, "ALERTDECK_TOKEN_COMMAND"];

/// How long before its end a token is replaced: longer than a page may take to arrive.
const EARLY: Duration = Duration::from_secs(150);
/// How long a token from the command is used at least, so that one which is about to end does
/// not make the command run with each request.
const LEAST_USE: Duration = Duration::from_secs(30);

/// How access tokens are come by, as `--auth` and profiles name it (DESIGN.md 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The user signs in with a browser on this machine: authorization code with PKCE.
    Browser,
    /// The user signs in with a browser anywhere, by a code.
    DeviceCode,
    /// The program signs in as an application, by a secret or a certificate.
    ClientSecret,
    /// A command prints a token.
    Command,
    /// A ready token is in [`TOKEN_VARIABLE`].
    Token,
}

impl Method {
    /// Every method, in the order in which they are offered.
    pub const ALL: [Self; 5] =
        [Self::Browser, Self::DeviceCode, Self::ClientSecret, Self::Command, Self::Token];

    /// Returns the name that options and profiles use.
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

/// A name that is no way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown way to sign in; expected browser, device-code, client-secret, command or token")]
pub struct MethodError;

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(name: &str) -> Result<Self, MethodError> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or(MethodError)
    }
}

/// Why there is no token, in one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The text cannot be an access token.
    #[error("{0} is not an access token: it is empty or holds blanks or other characters no token has")]
    NotAToken(&'static str),
    /// The command did not start, failed, or printed no token; what it said on stderr.
    #[error("the token command {0}")]
    Command(String),
    /// The user has to sign in, and is not there to be asked or does not want to.
    #[error("sign-in is needed: {}", .0.why)]
    SignInNeeded(Needed),
    /// The authority said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The authority could not be asked.
    #[error("{0}")]
    Transport(Fault),
    /// The authority failed; the HTTP status.
    #[error("the sign-in service failed with HTTP {0}; try again later")]
    Unavailable(u16),
    /// The authority's answer is not what the standards say; what is wrong with it.
    #[error("the sign-in service's answer cannot be read: {0}")]
    Unreadable(String),
    /// Something that a sign-in needs is missing or wrong on this side.
    #[error("{0}")]
    Setup(String),
    /// Nobody came back from the browser in this time.
    #[error("nobody signed in within {} minutes", .0.as_secs() / 60)]
    TooLate(Duration),
}

/// An access token that was handed out.
#[derive(Clone, Debug)]
pub struct Token {
    value: SecretString,
    /// Which token of its source this is; two with one number are the same.
    number: u64,
}

impl Token {
    /// Returns what the token says of itself, for display; `None` where it cannot be read.
    pub fn claims(&self) -> Option<TokenClaims> {
        TokenClaims::read(self.value.expose_secret())
    }

    /// Returns the token as a value for `Authorization`, marked sensitive.
    pub fn authorization(&self) -> Result<HeaderValue, AuthError> {
        let text = SecretString::from(format!("Bearer {}", self.value.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| AuthError::NotAToken("what was given"))?;
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
    /// A shell command, and what it printed last.
    Command(String, Mutex<Held>),
    /// A sign-in.
    Session(Session),
}

#[derive(Debug, Default)]
struct Held {
    value: Option<SecretString>,
    number: u64,
    /// When to run the command again although nobody complained.
    stale: Option<SystemTime>,
}

impl Tokens {
    /// Uses a ready token, such as the value of `ALERTDECK_TOKEN`; blanks around it are dropped.
    pub fn fixed(token: &SecretString) -> Result<Self, AuthError> {
        let value = checked(token.expose_secret()).ok_or(AuthError::NotAToken(TOKEN_VARIABLE))?;
        Ok(Self { source: Arc::new(Source::Fixed(value)) })
    }

    /// Runs `command` in the platform's shell whenever a token is needed.
    ///
    /// It may print a bare token, or JSON with `accessToken` or `access_token` and an expiry as
    /// the Azure CLI does. It has 30 s.
    pub fn command(command: impl Into<String>) -> Self {
        Self { source: Arc::new(Source::Command(command.into(), Mutex::default())) }
    }

    /// Takes the tokens of a sign-in.
    pub fn session(session: Session) -> Self {
        Self { source: Arc::new(Source::Session(session)) }
    }

    /// Returns the sign-in, where tokens come from one.
    pub fn as_session(&self) -> Option<&Session> {
        match &*self.source {
            Source::Session(session) => Some(session),
            Source::Fixed(_) | Source::Command(..) => None,
        }
    }

    /// Returns what the token at hand says of itself, for display; nothing is asked for it.
    pub async fn claims(&self) -> Option<TokenClaims> {
        match &*self.source {
            Source::Fixed(value) => TokenClaims::read(value.expose_secret()),
            Source::Command(_, held) => TokenClaims::read(held.lock().await.value.as_ref()?.expose_secret()),
            Source::Session(session) => session.claims(),
        }
    }

    /// Returns what speaks while a token is being got and the sign-in service lets us wait; `None`
    /// where nobody is asked for tokens.
    pub fn waits(&self) -> Option<watch::Receiver<Option<ClientEvent>>> {
        self.as_session().map(Session::waits)
    }

    /// Returns the token to use now.
    pub async fn current(&self) -> Result<Token, AuthError> {
        match &*self.source {
            Source::Session(session) => session.current().await,
            Source::Fixed(value) => Ok(Token { value: value.clone(), number: 0 }),
            Source::Command(command, held) => {
                let mut held = held.lock().await;
                match &held.value {
                    Some(value) if held.stale.is_none_or(|at| SystemTime::now() < at) => {
                        Ok(Token { value: value.clone(), number: held.number })
                    }
                    _ => held.fetch(command).await,
                }
            }
        }
    }

    /// Returns a token to use instead of `refused`, or `None` where the source has no other.
    ///
    /// Where someone else has fetched a new one meanwhile, that one is returned. What the service
    /// demands of the new token is passed on.
    pub async fn renewed(
        &self,
        refused: &Token,
        demanded: Option<&Claims>,
    ) -> Result<Option<Token>, AuthError> {
        match &*self.source {
            Source::Fixed(_) => Ok(None),
            Source::Session(session) => session.renewed(refused, demanded).await.map(Some),
            Source::Command(command, held) => {
                let mut held = held.lock().await;
                match &held.value {
                    Some(value) if held.number != refused.number => {
                        Ok(Some(Token { value: value.clone(), number: held.number }))
                    }
                    _ => held.fetch(command).await.map(Some),
                }
            }
        }
    }

    /// Returns a token for which the user has signed in anew, after a renewed one was refused
    /// too; `None` where the source cannot ask anybody.
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

impl Held {
    async fn fetch(&mut self, command: &str) -> Result<Token, AuthError> {
        let printed = command::run(command, command::TIMEOUT).await?;
        let now = SystemTime::now();
        let least = now + LEAST_USE;
        self.stale = printed.expires.map(|at| at.checked_sub(EARLY).map_or(least, |early| early.max(least)));
        self.number += 1;
        self.value = Some(printed.token.clone());
        Ok(Token { value: printed.token, number: self.number })
    }
}

/// Trims `text` and takes it if it consists of the characters of a bearer token (RFC 6750, 2.1).
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
    fn a_ready_token_is_checked_and_never_shown() {
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

        /// A command that notes each run in `file` and prints `text` with the number of runs.
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
        async fn the_command_runs_once_for_many_and_again_when_a_token_is_refused() {
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
        async fn a_token_is_kept_until_shortly_before_its_end() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("runs");
            let json = r#"{\"accessToken\":\"t$n\",\"expires_on\":4000000000}"#;
            let tokens = Tokens::command(counting(&file, json));
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
            let Source::Command(_, held) = &*tokens.source else { unreachable!() };
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
            assert_eq!(held.lock().await.stale, Some(end - EARLY));
            held.lock().await.stale = Some(SystemTime::now());
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t2");
        }

        #[tokio::test]
        async fn a_token_past_its_end_does_not_make_the_command_run_each_time() {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("runs");
            let tokens =
                Tokens::command(counting(&file, r#"{\"access_token\":\"t$n\",\"expires_on\":\"1\"}"#));
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
            assert_eq!(shown(&tokens.current().await.unwrap()), "Bearer t1");
        }
    }
}
