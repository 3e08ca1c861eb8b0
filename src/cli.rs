//! The `alertdeck` commands: their arguments, output and exit codes.
//!
//! Each command is a struct of arguments with a `run` function; the program dispatches to them.
//! Results go to the writer that `run` receives and nowhere else. Other messages go to standard
//! error, sanitised ([`notify`]). Commands do not know about the simulator: they treat a simulated
//! tenant like any other service.

mod account;
mod cache;
mod config;
mod connection;
mod console;
mod display;
mod explain;
mod failure;
mod handover;
mod journal;
mod list;
mod logging;
mod output;
mod service;
mod show;
mod source;
mod stats;
mod update;

use std::{
    fmt::Display,
    io::{Write as _, stderr},
    time::Duration,
};

pub use account::{AccountFormat, Logout, WhoAmI, login};
pub use cache::{CacheCommand, CacheFormat};
pub use config::{ConfigCommand, ConfigFormat};
pub use connection::Connection;
pub use console::{Open, Preferences, open_services};
pub use display::DisplayArgs;
pub use explain::{Explain, ExplainFormat};
pub use failure::Failure;
pub use handover::{HandoverCommand, HandoverFormat};
pub use journal::{JournalCommand, JournalFormat, Note};
pub use list::{List, ListFormat};
pub use logging::Logging;
pub use output::Output;
pub use service::{EnvSecrets, Service};
pub use show::{Show, ShowFormat};
pub use source::{Origin, Source};
pub use stats::{Stats, StatsFormat};
pub use update::{Assignee, Update, UpdateFormat};

use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_query as query;
use alertdeck_query::{Context, Diagnostic, DiagnosticKind};

/// The shortest wait to report.
const MIN_REPORTED_WAIT: Duration = Duration::from_secs(2);

/// Prints a message to standard error. Ignores write errors.
pub fn notify(message: impl Display) {
    let _ = writeln!(stderr().lock(), "alertdeck: {message}");
}

/// Parses a filter argument and strips leading whitespace. A leading space allows an argument to
/// start with `-` without being parsed as an option.
pub fn parse_filter(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.trim_start().to_owned())
}

/// Checks a filter before anything is read or requested. Tenant names and `me` are checked later,
/// since they depend on the configuration and the account.
///
/// # Errors
///
/// Returns the errors in the filter.
pub fn check_filter(filter: &str) -> Result<(), Failure> {
    let context = context().with_me(Some("me"));
    let Err(mut diagnostics) = query::compile(filter, &context) else { return Ok(()) };
    diagnostics.retain(|diagnostic| diagnostic.kind != DiagnosticKind::UnknownTenant);
    if diagnostics.is_empty() { Ok(()) } else { Err(invalid_filter(filter, &diagnostics)) }
}

/// Reports the words that a filter excludes, since a word after a hyphen may have been meant as
/// search text.
fn notify_excluded(words: &[String]) {
    if let Some(first) = words.first() {
        notify(format_args!(
            "without: {} (to search for it, put it in quotes: \"-{}\")",
            line(&words.join(", ")),
            line(first)
        ));
    }
}

/// Sanitises untrusted text and puts it on one line.
pub(crate) fn line(text: &str) -> String {
    SafeText::new(text).line()
}

/// Returns the context for compiling a filter, with the current time and days in UTC.
fn context() -> Context {
    Context::at(Timestamp::from_jiff(jiff::Timestamp::now()))
}

/// Returns the failure for an invalid filter, with carets under the errors.
fn invalid_filter(filter: &str, diagnostics: &[Diagnostic]) -> Failure {
    let rendered: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.render(filter)).collect();
    Failure::Usage(format!("invalid filter\n{}", rendered.join("\n")))
}

/// Returns a callback that reports what a request is waiting for, unless the wait is short. If
/// `tenant` is given, the message starts with the tenant's name.
fn notify_waits(tenant: Option<&str>) -> impl FnMut(ClientEvent) {
    let prefix = tenant.map_or_else(String::new, |tenant| format!("{tenant}: "));
    move |event| {
        let ClientEvent::Waiting { delay, cause } = event else { return };
        if delay < MIN_REPORTED_WAIT {
            return;
        }
        let seconds = delay.as_secs_f64().ceil();
        let what = match cause {
            WaitCause::Throttled => format!("throttled by the service; retrying in {seconds} s"),
            WaitCause::Budget => format!("request limit for this minute reached; continuing in {seconds} s"),
            WaitCause::Retry { failure, .. } => format!("{failure}; retrying in {seconds} s"),
            WaitCause::Recheck => format!("checking the change again in {seconds} s"),
        };
        notify(format_args!("{prefix}{what}"));
    }
}
