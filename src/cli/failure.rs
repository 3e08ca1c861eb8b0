//! Why a command did not do all that it was asked, and the exit code that says so to scripts.

use std::io;

use crate::console::ConsoleError;
use alertdeck_graph as graph;
use alertdeck_graph::{Kind, auth::VaultError};
use alertdeck_model::AlertId;
use alertdeck_platform::FileError;

/// How to begin, for someone who has just called the console without a way to sign in.
const WELCOME: &str = "there is nothing to sign in with yet. To begin:

  alertdeck demo                     a simulated tenant, nothing to set up
  alertdeck open alerts.json         alerts that were saved before
  alertdeck --tenant contoso.com --client-id GUID
                                     your tenant: a browser signs you in, by an application that
                                     is registered there with SecurityAlert.Read.All
  ALERTDECK_TOKEN=... alertdeck      your tenant, with a ready access token
  alertdeck --token-command 'az account get-access-token --resource https://graph.microsoft.com'

`alertdeck config path` names the file for profiles; `alertdeck --help` lists everything else.";

/// Why a command did not do all that it was asked. `Display` is safe to show.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments or the filter are wrong.
    #[error("{0}")]
    Usage(String),
    /// There is no access token, and the command needs one.
    #[error(
        "there is nothing to sign in with: name --tenant and --client-id, set ALERTDECK_TOKEN or --token-command, or use --demo or --file"
    )]
    NoToken,
    /// The same, for the console: how to begin.
    #[error("{WELCOME}")]
    Welcome,
    /// The service did not give what was asked for.
    #[error(transparent)]
    Service(#[from] graph::Error),
    /// The token that is at hand has ended.
    #[error("the token has ended; sign in again or bring a new one")]
    Ended,
    /// The sign-in cannot be kept or removed.
    #[error(transparent)]
    Vault(VaultError),
    /// There is no such alert.
    #[error("no alert has the id \"{}\"", .0.text().line())]
    NotFound(AlertId),
    /// No file could be read; a line for each.
    #[error("{0}")]
    Unreadable(String),
    /// What could be read was printed or shown; this could not, or is missing.
    #[error("incomplete: {0}")]
    Incomplete(String),
    /// The console could not be opened or has ended with an error.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The result could not be written.
    #[error("the result could not be written: {0}")]
    Output(#[from] io::Error),
    /// The file for the result exists, and nobody said that it may be replaced.
    #[error("{}: --overwrite replaces it", .0)]
    Exists(FileError),
    /// The file for the result could not be written.
    #[error("the result was not written: {0}")]
    File(FileError),
    /// This machine did not give what the command needs.
    #[error("{what}: {error}")]
    System {
        /// What failed, in words.
        what: &'static str,
        /// The system's reason.
        error: io::Error,
    },
}

impl Failure {
    /// Returns the exit code (DESIGN.md 2): 0 done, 1 failed, 2 usage or bad filter, 3 sign-in
    /// or permission, 4 throttled or service unavailable, 5 incomplete result.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_) if self.is_quiet() => 0,
            Self::NotFound(_)
            | Self::Unreadable(_)
            | Self::Output(_)
            | Self::File(_)
            | Self::System { .. }
            | Self::Console(ConsoleError::Terminal(_) | ConsoleError::NotExported(_)) => 1,
            Self::Usage(_) | Self::Exists(_) | Self::Console(ConsoleError::NoTerminal(_)) => 2,
            Self::NoToken | Self::Welcome | Self::Ended | Self::Vault(_) => 3,
            Self::Incomplete(_) => 5,
            Self::Service(error) => match error.kind {
                Kind::NotFound | Kind::Protocol | Kind::ForeignLink | Kind::Loop => 1,
                Kind::Filter => 2,
                Kind::SignIn | Kind::Permission => 3,
                Kind::Throttled | Kind::Unavailable | Kind::Offline => 4,
            },
        }
    }

    /// Tells whether there is nothing to say: the reader of a pipe had enough.
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Exists(_) => Self::Exists(error),
            error => Self::File(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(kind: Kind) -> Failure {
        graph::Error { kind, what: "x".into(), advice: None, code: None, message: None, request_id: None }
            .into()
    }

    #[test]
    fn every_failure_has_its_exit_code() {
        let refused = |kind: io::ErrorKind| Failure::Output(kind.into());
        for (failure, code) in [
            (Failure::Usage(String::new()), 2),
            (Failure::NoToken, 3),
            (Failure::Welcome, 3),
            (Failure::NotFound(AlertId::new("a")), 1),
            (Failure::Unreadable(String::new()), 1),
            (Failure::Incomplete(String::new()), 5),
            (Failure::Console(ConsoleError::NoTerminal("x")), 2),
            (refused(io::ErrorKind::StorageFull), 1),
            (FileError::Exists("x".into()).into(), 2),
            (FileError::IsFolder("x".into()).into(), 1),
            (refused(io::ErrorKind::BrokenPipe), 0),
            (service(Kind::Filter), 2),
            (service(Kind::SignIn), 3),
            (service(Kind::Permission), 3),
            (service(Kind::Throttled), 4),
            (service(Kind::Unavailable), 4),
            (service(Kind::Offline), 4),
            (service(Kind::NotFound), 1),
            (service(Kind::Protocol), 1),
            (service(Kind::ForeignLink), 1),
            (service(Kind::Loop), 1),
        ] {
            assert_eq!(failure.exit_code(), code, "{failure:?}");
            assert_eq!(failure.is_quiet(), code == 0, "{failure:?}");
        }
    }

    #[test]
    fn an_id_is_neutralised() {
        let failure = Failure::NotFound(AlertId::new("a\u{1b}[2J\nb"));
        assert_eq!(failure.to_string(), "no alert has the id \"a␛[2J⏎b\"");
    }
}
