//! The reasons a command can fail, and their exit codes.

use std::io;

use crate::{cli::notify, console::ConsoleError, files::Saved, journal::JournalError};
use alertdeck_cache::CacheError;
use alertdeck_graph as graph;
use alertdeck_graph::{Kind, auth::VaultError};
use alertdeck_model::{AlertId, Messages};
use alertdeck_platform::FileError;

/// The first steps to show to a user who starts the console without a configured sign-in.
const WELCOME: &str = "no sign-in configured. To get started:

  alertdeck demo                     a simulated tenant, no setup needed
  alertdeck open alerts.json         saved alerts
  alertdeck --tenant contoso.com --client-id GUID
                                     your tenant, with sign-in in a browser; needs an application
                                     registered there with SecurityAlert.Read.All
  ALERTDECK_TOKEN=... alertdeck      your tenant, with an access token you already have
  alertdeck --token-command 'az account get-access-token --resource https://graph.microsoft.com'

Profiles go into the file that `alertdeck config path` prints. See also `alertdeck --help`.";

/// The reason a command failed or its result is incomplete. The `Display` text is safe to show.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments or the filter are invalid.
    #[error("{0}")]
    Usage(String),
    /// The command needs an access token, but no sign-in is configured.
    #[error(
        "no sign-in configured: set --tenant and --client-id, ALERTDECK_TOKEN or --token-command, or use --demo or --file"
    )]
    NoToken,
    /// The console was started, but no sign-in is configured. The message explains the first steps.
    #[error("{WELCOME}")]
    Welcome,
    /// A request to the service failed.
    #[error(transparent)]
    Service(#[from] graph::Error),
    /// The access token has expired.
    #[error("the token has expired; sign in again or provide a new one")]
    Expired,
    /// The credentials cannot be stored or removed.
    #[error(transparent)]
    Vault(VaultError),
    /// The cache cannot be read or removed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// No alert has this ID.
    #[error("no alert has the ID \"{}\"", .0.text().line())]
    NotFound(AlertId),
    /// No file could be read. Contains one line per file.
    #[error("{0}")]
    Unreadable(String),
    /// A command that covers several tenants failed for this tenant.
    #[error("{tenant}: {failure}")]
    InTenant {
        /// The tenant's name, sanitised for display.
        tenant: String,
        /// The reason the command failed for the tenant.
        failure: Box<Failure>,
    },
    /// The result was printed or shown, but part of it is missing.
    #[error("incomplete: {0}")]
    Incomplete(String),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Some alerts were not changed, for reasons that have been printed.
    #[error("{summary}")]
    NotChanged {
        /// The message to show: how many alerts were not changed.
        summary: String,
        /// The exit code for the most important reason.
        code: u8,
    },
    /// The console could not start, or ended with an error.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The result could not be written.
    #[error("the result could not be written: {0}")]
    Output(#[from] io::Error),
    /// The output file already exists and must not be replaced.
    #[error("{}; use --overwrite to replace it", .0)]
    Exists(FileError),
    /// The output file could not be written.
    #[error("the result was not written: {0}")]
    File(FileError),
    /// A system operation that the command needs failed.
    #[error("{what}: {error}")]
    System {
        /// The action that failed.
        what: &'static str,
        /// The error from the system.
        error: io::Error,
    },
}

impl Failure {
    /// Adds the name of the tenant for which the command failed.
    pub(super) fn in_tenant(self, tenant: &str) -> Self {
        Self::InTenant { tenant: tenant.to_owned(), failure: Box::new(self) }
    }

    /// Fails if there are errors and no alerts could be read. Otherwise, prints the notes to
    /// standard error.
    pub(super) fn if_nothing(saved: &Saved, is_any: bool) -> Result<(), Self> {
        let errors = saved.errors();
        if !is_any && !errors.is_empty() {
            return Err(Self::Unreadable(errors.lines().join("\n")));
        }
        saved.notes.lines().iter().for_each(notify);
        Ok(())
    }

    /// Returns the outcome of a command that has printed or shown alerts from files. The outcome is
    /// [`Self::Incomplete`] if there are errors.
    pub(super) fn if_errors(errors: &Messages) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self::Incomplete(errors.lines().join("\n"))) }
    }

    /// Returns the exit code (README.md, "Exit codes"): 0 success, 1 failure, 2 usage error or bad
    /// filter, 3 sign-in or permission, 4 throttled, unavailable or offline, 5 incomplete result.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_) if self.is_quiet() => 0,
            Self::NotFound(_)
            | Self::Unreadable(_)
            | Self::Output(_)
            | Self::File(_)
            | Self::Cache(_)
            | Self::Journal(_)
            | Self::System { .. }
            | Self::Console(ConsoleError::Terminal(_) | ConsoleError::NotExported(_)) => 1,
            Self::Usage(_) | Self::Exists(_) | Self::Console(ConsoleError::NoTerminal(_)) => 2,
            Self::NoToken | Self::Welcome | Self::Expired | Self::Vault(_) => 3,
            Self::Incomplete(_) => 5,
            Self::InTenant { failure, .. } => failure.exit_code(),
            Self::NotChanged { code, .. } => *code,
            Self::Service(error) => Self::code_of(error.kind),
        }
    }

    /// Returns the exit code for an error from the service.
    pub(super) fn code_of(kind: Kind) -> u8 {
        match kind {
            Kind::NotFound | Kind::Protocol | Kind::ForeignLink | Kind::Loop | Kind::TooLarge => 1,
            Kind::Filter => 2,
            Kind::SignIn | Kind::Permission => 3,
            Kind::Throttled | Kind::Unavailable | Kind::Offline => 4,
        }
    }

    /// Returns `true` if the output pipe was closed, in which case the program exits silently with
    /// code 0.
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
        graph::Error {
            kind,
            what: "x".into(),
            advice: None,
            code: None,
            message: None,
            request_id: None,
            refused: None,
        }
        .into()
    }

    #[test]
    fn exit_codes_follow_the_kind_of_failure() {
        let output = |kind: io::ErrorKind| Failure::Output(kind.into());
        for (failure, code) in [
            (Failure::Usage(String::new()), 2),
            (Failure::NoToken, 3),
            (Failure::Welcome, 3),
            (Failure::NotFound(AlertId::new("a")), 1),
            (Failure::Unreadable(String::new()), 1),
            (Failure::Incomplete(String::new()), 5),
            (JournalError::NoFolder.into(), 1),
            (Failure::NotChanged { summary: String::new(), code: 4 }, 4),
            (Failure::Console(ConsoleError::NoTerminal("x")), 2),
            (output(io::ErrorKind::StorageFull), 1),
            (FileError::Exists("x".into()).into(), 2),
            (FileError::IsFolder("x".into()).into(), 1),
            (output(io::ErrorKind::BrokenPipe), 0),
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
    fn ids_in_errors_are_sanitised() {
        let failure = Failure::NotFound(AlertId::new("a\u{1b}[2J\nb"));
        assert_eq!(failure.to_string(), "no alert has the ID \"a␛[2J⏎b\"");
    }
}
