//! The `alertdeck` program: parses arguments, connects the parts and sets the exit code.
//!
//! This module is part of the library so that its futures are compiled once. In the binary, they
//! would be compiled again along with everything they call.

mod parse;
mod simulate;
mod simulated;

use std::{
    io::{BufWriter, Write, stdout},
    num::NonZeroUsize,
    process::ExitCode,
    time::Duration,
};

use crate::{
    cli::{
        CacheCommand, ConfigCommand, Connection, DisplayArgs, Explain, Failure, HandoverCommand,
        JournalCommand, List, Logging, Logout, Note, Open, Origin, Preferences, Show, Source, Stats, Update,
        WhoAmI, check_filter, login, notify, open_services, parse_filter,
    },
    console,
    journal::Journal,
    log,
};
use alertdeck_graph::http::Limits;
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_simulator::{Faults, Rights, Settings, Simulator};
use clap::{CommandFactory as _, Parser};
use parse::parse;
use simulate::Simulate;
use simulated::{start_simulated, start_tenants, tenant_count};

/// The average time between new alerts in the demo, so that live mode has something to show.
const DEMO_ARRIVALS: Duration = Duration::from_secs(20);

const USAGE: &str = "alertdeck [OPTIONS] [FILTER]...\n       alertdeck [OPTIONS] <COMMAND>";

const NOTES: &str = "\
Examples:
  alertdeck demo                                     a simulated tenant, no setup needed
  alertdeck 'severity>=medium -assigned:me'          the console, connected to your tenant
  alertdeck list 'status:new age<1d' --format csv    for scripts and reports
  alertdeck show da637551227677560813_-961444813     one alert with its evidence
  alertdeck update da637551227677560813_-961444813 --assign me --yes
                                                     change an alert; without --yes, a dry run
  alertdeck explain 'status:open device:srv-*'       which part of a filter is sent to Graph

If the first word is the name of a command, that command runs, even if you meant a filter. Set
ALERTDECK_TOKEN to use an access token you already have.

Exit codes:
  0  success
  1  failure, or some alerts could not be changed
  2  usage error or bad filter
  3  sign-in or permission error
  4  throttled, service unavailable, or offline
  5  incomplete result (everything read so far is printed),
     or a change whose outcome is unknown";

/// Triage Microsoft Defender XDR alerts in the terminal
#[derive(Debug, Parser)]
#[command(name = "alertdeck", version, override_usage = USAGE, after_help = NOTES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Initial filter [default: the last one, at first status:open age<7d]
    #[arg(value_name = "FILTER", value_parser = parse_filter)]
    filter: Vec<String>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Open the console against a simulated tenant
    Demo(Demo),
    /// Open saved alerts in the console
    Open(Open),
    /// Print the alerts that match a filter, newest first
    List(List),
    /// Count the alerts that match a filter, by day, age, title, device, user and more
    Stats(Stats),
    /// Print one alert with its evidence
    Show(Show),
    /// Change the status, classification, determination or owner of alerts, or add comments
    Update(Update),
    /// Print the changes made from this computer
    Journal(JournalCommand),
    /// Add a note to the journal for the next shift
    Note(Note),
    /// Print a shift handover report: what was closed, what is still assigned, what is new
    Handover(HandoverCommand),
    /// Show which part of a filter is sent to Graph and which part is applied locally
    Explain(Explain),
    /// Serve a simulated tenant to other clients
    Simulate(Simulate),
    /// Sign in with a browser or a device code, and stay signed in
    Login,
    /// Sign out and delete the stored credentials and the account's cached alerts
    Logout(Logout),
    /// Print the signed-in account, its permissions and what they allow
    Whoami(WhoAmI),
    /// Print the path of the config file, show the active profile, or check the file for errors
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the cache folder or its contents, or clear the cache
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Print a shell completion script
    Completions {
        /// Shell to generate the script for
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// Returns the command's name, for the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Open(_) => "open",
            Self::List(_) => "list",
            Self::Stats(_) => "stats",
            Self::Show(_) => "show",
            Self::Update(_) => "update",
            Self::Journal(_) => "journal",
            Self::Note(_) => "note",
            Self::Handover(_) => "handover",
            Self::Explain(_) => "explain",
            Self::Simulate(_) => "simulate",
            Self::Login => "login",
            Self::Logout(_) => "logout",
            Self::Whoami(_) => "whoami",
            Self::Config(_) => "config",
            Self::Cache(_) => "cache",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }

    /// Returns whether the command depends on the config file.
    fn reads_config(&self) -> bool {
        self.sends_requests() || matches!(self, Self::Open(_) | Self::Explain(_) | Self::Config(_))
    }

    /// Returns the arguments that make up the command's filter.
    fn filter(&self) -> &[String] {
        match self {
            Self::Demo(demo) => &demo.filter,
            Self::Open(open) => open.filter.as_slice(),
            Self::List(list) => &list.filter,
            Self::Stats(stats) => &stats.filter,
            Self::Update(update) => update.filter.as_slice(),
            Self::Handover(handover) => &handover.filter,
            // `explain` checks its filter itself, with the user and the time from its own options.
            _ => &[],
        }
    }

    /// Returns whether the command sends requests and therefore has something to log.
    fn sends_requests(&self) -> bool {
        match self {
            Self::Demo(_)
            | Self::List(_)
            | Self::Stats(_)
            | Self::Show(_)
            | Self::Update(_)
            | Self::Handover(_)
            | Self::Login
            | Self::Logout(_)
            | Self::Whoami(_) => true,
            Self::Open(_)
            | Self::Explain(_)
            | Self::Simulate(_)
            | Self::Journal(_)
            | Self::Note(_)
            | Self::Config(_)
            | Self::Cache(_)
            | Self::Completions { .. }
            | Self::Man => false,
        }
    }
}

#[derive(Debug, clap::Args)]
struct Demo {
    /// Initial filter
    #[arg(value_name = "FILTER", value_parser = parse_filter)]
    filter: Vec<String>,
    /// Number of simulated tenants in the list
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN, value_parser = tenant_count)]
    tenants: NonZeroUsize,
    #[command(flatten)]
    tenant: Tenant,
}

/// Options of a simulated tenant.
#[derive(Debug, clap::Args)]
struct Tenant {
    /// Initial number of alerts
    #[arg(long, value_name = "N", default_value_t = 2000)]
    alerts: usize,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Delay added to each request, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Failures to simulate: none, flaky, throttled, hostile, offline or
    /// stale (changes take a few seconds to become visible)
    #[arg(long, value_name = "NAME", default_value_t)]
    faults: Faults,
    /// Simulate a colleague who changes an open alert every SECONDS seconds on average; 0 for none
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    colleague: u64,
    /// Permissions granted to the simulated users and applications: reader, responder or none
    #[arg(long, value_name = "NAME", default_value_t)]
    rights: Rights,
    /// Compare owners case-sensitively in $filter, as Graph might
    #[arg(long)]
    exact_owners: bool,
}

impl Tenant {
    fn settings(&self) -> Settings {
        let settings = Settings::new(now());
        Settings {
            alerts: self.alerts,
            seed: self.seed,
            latency: Duration::from_millis(self.latency),
            faults: self.faults,
            colleague: (self.colleague > 0).then(|| Duration::from_secs(self.colleague)),
            exact_owners: self.exact_owners,
            sign_in: settings.sign_in.clone().with_rights(self.rights),
            ..settings
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

/// Runs the program with the process's arguments and returns the exit code.
pub fn main() -> ExitCode {
    let outcome = match parse(std::env::args_os()) {
        Ok(arguments) => run(arguments),
        Err(error) => return print_parse_result(&error),
    };
    alertdeck_platform::clean_up();
    if log::lost() > 0 {
        notify(format_args!("log lines that could not be written: {}", log::lost()));
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_quiet() {
                tracing::warn!("ended: {failure}");
                notify(&failure);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints help and version to standard output, and a usage error to standard error. The error
/// quotes the arguments, so it is sanitised.
fn print_parse_result(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = SafeText::new(&error.to_string());
        let text = text.as_str().trim_end();
        notify(text.strip_prefix("error: ").unwrap_or(text));
        return ExitCode::from(2);
    }
    match error.print().map_err(Failure::from) {
        Err(failure) if !failure.is_quiet() => {
            notify(&failure);
            ExitCode::from(failure.exit_code())
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(Arguments { command, filter, connection, display, logging }: Arguments) -> Result<(), Failure> {
    let mut out = BufWriter::new(stdout().lock());
    console::watch_exit_signals().map_err(|error| Failure::System { what: "cannot watch signals", error })?;
    if command.as_ref().is_none_or(Command::reads_config) {
        connection.warn_of_exposed_config();
    }
    if command.as_ref().is_none_or(Command::sends_requests) {
        logging.start();
        tracing::info!("command: {}", command.as_ref().map_or("console", Command::name));
    }
    check_filter(command.as_ref().map_or(&*filter, Command::filter).join(" ").as_str())?;
    match command {
        None => {
            console::check()?;
            let services = connection.services(&Limits::default()).map_err(|failure| match failure {
                Failure::NoToken => Failure::Welcome,
                other => other,
            })?;
            let profiles = connection.profiles()?;
            let mut preferences = Preferences::load(connection.config.as_deref())?;
            let filter = preferences.restore(&filter);
            block_on(open_services(
                services,
                profiles,
                &filter,
                preferences,
                Journal::of_user().ok(),
                &display,
            ))
        }
        Some(Command::Demo(demo)) => {
            console::check()?;
            let settings = Settings { arrivals: Some(DEMO_ARRIVALS), ..demo.tenant.settings() };
            let (_simulators, services) = start_tenants(&settings, demo.tenants.get(), &connection)?;
            let preferences = Preferences::load(connection.config.as_deref())?;
            let filter = demo.filter.join(" ");
            // Changes to simulated alerts do not belong in the user's journal.
            let journal = Journal::temporary().ok();
            block_on(open_services(services, Vec::new(), &filter, preferences, journal, &display))
        }
        Some(Command::Open(open)) => block_on(open.run(&connection, &display)),
        Some(Command::List(list)) => {
            let (_simulator, mut source) = source(&list.origin, &connection)?;
            let outcome = block_on(list.run(&mut source, &mut out));
            source.notices().iter().for_each(notify);
            outcome
        }
        Some(Command::Stats(stats)) => {
            let (_simulator, mut source) = source(&stats.origin, &connection)?;
            let outcome = block_on(stats.run(&mut source, &mut out));
            source.notices().iter().for_each(notify);
            outcome
        }
        Some(Command::Show(show)) => {
            let (_simulator, source) = source(&show.origin, &connection)?;
            let outcome = block_on(show.run(&source, &mut out));
            source.notices().iter().for_each(notify);
            outcome
        }
        Some(Command::Update(update)) => {
            update.check(connection.read_only)?;
            let origin = update.origin();
            let (_simulator, mut source) = source(&origin, &connection)?;
            let journal = journal(&origin)?;
            let outcome = block_on(update.run(&mut source, journal, &mut out));
            source.notices().iter().for_each(notify);
            outcome
        }
        Some(Command::Journal(command)) => command.run(&connection, &Journal::of_user()?, &mut out),
        Some(Command::Note(note)) => note.run(&connection, &Journal::of_user()?, &mut out),
        Some(Command::Handover(handover)) => {
            let origin = handover.origin();
            let (_simulator, mut source) = source(&origin, &connection)?;
            let journal = journal(&origin)?;
            let outcome = block_on(handover.run(&mut source, &journal, &mut out));
            source.notices().iter().for_each(notify);
            outcome
        }
        Some(Command::Explain(explain)) => {
            let mut me = connection.profile_if_usable().me;
            if me.is_none()
                && explain.filter.iter().any(|part| part.contains(":me"))
                && let Ok(mut service) = connection.service()
            {
                // As in all other commands, `me` is the account in the stored credentials.
                block_on(async {
                    service.load_account().await;
                    me = service.me;
                    Ok(())
                })?;
            }
            explain.run(me.as_deref(), &mut out)?;
            Ok(out.flush()?)
        }
        Some(Command::Simulate(simulate)) => simulate.run(&mut out),
        Some(Command::Login) => block_on(login(&connection.service()?, &mut out)),
        Some(Command::Logout(logout)) if logout.all => block_on(Logout::run_for_all(&mut out)),
        Some(Command::Logout(logout)) => block_on(logout.run(&connection.service()?, &mut out)),
        Some(Command::Whoami(whoami)) => block_on(whoami.run(&connection.service()?, &mut out)),
        Some(Command::Config(config)) => {
            config.run(&connection, &mut out)?;
            Ok(out.flush()?)
        }
        Some(Command::Cache(cache)) => cache.run(&mut out),
        Some(Command::Completions { shell }) => {
            // Write to memory first, since the generator panics if a write fails.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "alertdeck", &mut script);
            out.write_all(&script)?;
            Ok(out.flush()?)
        }
        Some(Command::Man) => {
            clap_mangen::Man::new(Arguments::command()).render(&mut out)?;
            Ok(out.flush()?)
        }
    }
}

/// Runs a command to completion, without waiting for blocking tasks that are still running at the
/// end.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::System { what: "cannot start worker threads", error })?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}

/// Returns the source of a command's alerts. A simulated tenant runs until its handle is dropped.
fn source(origin: &Origin, connection: &Connection) -> Result<(Option<Simulator>, Source), Failure> {
    if !origin.demo {
        return Ok((None, origin.source(connection)?));
    }
    // Alert IDs depend on the start time. Starting at the full hour lets `show` find the alerts
    // that `list` printed.
    let hour = Timestamp::from_seconds(now().seconds() / 3_600 * 3_600);
    let (simulator, service) = start_simulated(Settings::new(hour), connection)?;
    Ok((Some(simulator), Source::Services(vec![service])))
}

/// Returns the journal of changes. For a simulated tenant, this is a temporary journal.
fn journal(origin: &Origin) -> Result<Journal, Failure> {
    if !origin.demo {
        return Ok(Journal::of_user()?);
    }
    Journal::temporary().map_err(|error| Failure::System { what: "cannot create a temporary folder", error })
}

#[cfg(test)]
mod tests;
