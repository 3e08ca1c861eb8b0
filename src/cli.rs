//! The commands of `alertdeck`: what each takes, does, prints and exits with.
//!
//! Each command is a set of arguments with a `run`; the program puts them together. Results go
//! to the writer that `run` is given and to nothing else; what is said beside them goes to
//! standard error, neutralised, one line each ([`say`]). A command knows no simulator: a
//! simulated tenant reaches it as the address of a service like any other.

mod account;
mod config;
mod connection;
mod console;
mod display;
mod explain;
mod failure;
mod files;
mod list;
mod logging;
mod output;
mod service;
mod show;
mod source;

use std::{
    fmt::Display,
    io::{Write as _, stderr},
    time::Duration,
};

pub use account::{AccountFormat, Logout, WhoAmI, login};
pub use config::{ConfigCommand, ConfigFormat};
pub use connection::Connection;
pub use console::{Open, watch};
pub use display::DisplayArgs;
pub use explain::{Explain, ExplainFormat};
pub use failure::Failure;
pub use list::{List, ListFormat};
pub use logging::Logging;
pub use output::Output;
pub use service::{EnvSecrets, Service};
pub use show::{Show, ShowFormat};
pub use source::{Origin, Source};

use alertdeck_graph::{ClientEvent, WaitCause};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_query::{Context, Diagnostic};

/// Waits that are shorter pass unmentioned.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// Says something beside the result. Where standard error takes nothing, nobody is told.
pub fn say(what: impl Display) {
    let _ = writeln!(stderr().lock(), "alertdeck: {what}");
}

/// Takes a filter from the command line. It may begin with `-`, which negates; what begins with
/// `--` is an option that does not exist.
pub fn filter_text(text: &str) -> Result<String, String> {
    if text.starts_with("--") {
        return Err("no such option; see --help".into());
    }
    Ok(text.to_owned())
}

/// Foreign text as one line that is safe to show.
fn line(text: &str) -> String {
    SafeText::new(text).line()
}

/// What a filter is understood with: now, days in UTC, and whoever `me` is.
fn context(me: Option<&str>) -> Context {
    Context { me: me.map(str::to_owned), ..Context::at(Timestamp::from_jiff(jiff::Timestamp::now())) }
}

/// Makes a failure of what is wrong with a filter, with carets under the faulty parts.
fn wrong_filter(filter: &str, diagnostics: &[Diagnostic]) -> Failure {
    let drawn: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.render(filter)).collect();
    Failure::Usage(format!("the filter cannot be used\n{}", drawn.join("\n")))
}

/// Says what a request waits for, where it takes long enough to wonder.
fn tell(event: ClientEvent) {
    let ClientEvent::Waiting { delay, cause } = event else { return };
    if delay < WORTH_TELLING {
        return;
    }
    let seconds = delay.as_secs_f64().ceil();
    match cause {
        WaitCause::Throttled => say(format_args!("throttled by the service, going on in {seconds} s")),
        WaitCause::Budget => say(format_args!("this minute's requests are used up, going on in {seconds} s")),
        WaitCause::Retry { failure, .. } => say(format_args!("{failure}; trying again in {seconds} s")),
        WaitCause::Recheck => say(format_args!("checking the change again in {seconds} s")),
    }
}
