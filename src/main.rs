//! The `alertdeck` program: arguments, wiring, exit code.

use std::{
    ffi::OsString,
    io::{BufWriter, Write, stdout},
    process::ExitCode,
    time::Duration,
};

use alertdeck::{
    cli::{
        ConfigCommand, Connection, DisplayArgs, Explain, Failure, List, Logging, Logout, Open, Origin,
        Service, Show, Source, WhoAmI, filter_text, login, say, watch,
    },
    config::Config,
    console, log,
};
use alertdeck_model::{SafeText, Timestamp};
use alertdeck_simulator::{Access, CLIENT_SECRET, Faults, SIGNED_IN, Settings, Simulator};
use clap::{
    CommandFactory as _, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use secrecy::SecretString;

/// What the console shows at first: the work to do. It stands in the filter bar (UX.md D 1).
const FIRST_FILTER: &str = "status:open age<7d";
/// A new alert arrives in the demo about this often, so that live mode shows something.
const DEMO_ARRIVALS: Duration = Duration::from_secs(20);

/// An application's id, for the simulated tenant takes any.
const EXAMPLE_CLIENT: &str = "11111111-2222-3333-4444-555555555555";

const USAGE: &str = "alertdeck [OPTIONS] [FILTER]\n       alertdeck [OPTIONS] <COMMAND>";

const NOTES: &str = "\
Examples:
  alertdeck demo                                     a simulated tenant, nothing to set up
  alertdeck 'severity>=medium -assigned:me'          the console on your tenant
  alertdeck list 'status:new age<1d' --format csv    for scripts and reports
  alertdeck show da637551227677560813_-961444813     one alert with its evidence
  alertdeck explain 'status:open device:srv-*'       what of a filter Graph is asked

A filter that equals a command's name is that command. ALERTDECK_TOKEN holds an access token.

Exit codes:
  0  done                         3  sign-in or permission
  1  failed                       4  throttled, service unavailable, or offline
  2  usage, or a bad filter       5  incomplete result: what was read is printed";

/// Triage Microsoft Defender XDR alerts in the terminal
#[derive(Debug, Parser)]
#[command(name = "alertdeck", version, override_usage = USAGE, after_help = NOTES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The filter to begin with; without it "status:open age<7d"
    #[arg(value_name = "FILTER", allow_hyphen_values = true, value_parser = filter_text)]
    filter: Option<String>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    look: DisplayArgs,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Open the console on a simulated tenant
    Demo(Demo),
    /// Open the console on saved alerts
    Open(Open),
    /// Print the alerts that match a filter, newest first
    List(List),
    /// Print one alert with its evidence
    Show(Show),
    /// Show what of a filter Graph is asked and what is left to do here
    Explain(Explain),
    /// Serve a simulated tenant to other clients
    Simulate(Simulate),
    /// Sign in with a browser or by a device code, and keep the sign-in
    Login,
    /// Remove the sign-in that is kept
    Logout(Logout),
    /// Print who is signed in, with what permissions, and what they allow
    Whoami(WhoAmI),
    /// Show the config file's place, the profile in force, or what is wrong with the file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a script that completes arguments: for bash, elvish, fish, powershell or zsh
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// The name, for the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Open(_) => "open",
            Self::List(_) => "list",
            Self::Show(_) => "show",
            Self::Explain(_) => "explain",
            Self::Simulate(_) => "simulate",
            Self::Login => "login",
            Self::Logout(_) => "logout",
            Self::Whoami(_) => "whoami",
            Self::Config(_) => "config",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }

    /// Tells whether there may be something to log.
    fn asks_a_service(&self) -> bool {
        match self {
            Self::Demo(_)
            | Self::List(_)
            | Self::Show(_)
            | Self::Login
            | Self::Logout(_)
            | Self::Whoami(_) => true,
            Self::Open(_)
            | Self::Explain(_)
            | Self::Simulate(_)
            | Self::Config(_)
            | Self::Completions { .. }
            | Self::Man => false,
        }
    }
}

#[derive(Debug, clap::Args)]
struct Demo {
    /// The filter to begin with
    #[arg(value_name = "FILTER", allow_hyphen_values = true, value_parser = filter_text)]
    filter: Option<String>,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Debug, clap::Args)]
struct Simulate {
    /// The port on 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// A new alert arrives about this often; 0: never
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    arrivals: u64,
    #[command(flatten)]
    tenant: Tenant,
}

/// What a simulated tenant is like.
#[derive(Debug, clap::Args)]
struct Tenant {
    /// How many alerts there are at the start
    #[arg(long, value_name = "N", default_value_t = 2000)]
    alerts: usize,
    /// Decides on everything that is left to chance
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Milliseconds that each request takes longer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// What goes wrong: none, flaky, throttled, hostile or offline
    #[arg(long, value_name = "NAME", default_value_t)]
    faults: Faults,
}

impl Tenant {
    fn settings(&self) -> Settings {
        Settings {
            alerts: self.alerts,
            seed: self.seed,
            latency: Duration::from_millis(self.latency),
            faults: self.faults,
            ..Settings::new(now())
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

fn main() -> ExitCode {
    let outcome = match parse(std::env::args_os()) {
        Ok(arguments) => run(arguments),
        Err(error) => return answer(&error),
    };
    if log::lost() > 0 {
        say(format_args!("lines that could not be logged: {}", log::lost()));
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_quiet() {
                tracing::warn!("ended: {failure}");
                say(&failure);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let given: Vec<_> = arguments.into_iter().collect();
    let arguments =
        Arguments::try_parse_from(&given).map_err(|error| unknown_option(&given).unwrap_or(error))?;
    if arguments.filter.is_some() && arguments.command.is_some() {
        let text = "a filter before a command: give it to the command, as in `alertdeck list FILTER`";
        return Err(Arguments::command().error(ErrorKind::ArgumentConflict, text));
    }
    Ok(arguments)
}

/// Finds a mistyped option. As a filter may begin with `-`, the parser takes such an option for
/// the filter and complains of what follows; without that licence it names the option, and the
/// nearest that exists.
fn unknown_option(given: &[OsString]) -> Option<clap::Error> {
    fn strict(command: clap::Command) -> clap::Command {
        command.mut_args(|arg| arg.allow_hyphen_values(false)).mut_subcommands(strict)
    }
    let error = strict(Arguments::command()).try_get_matches_from(given).err()?;
    let is_long = |value: &ContextValue| matches!(value, ContextValue::String(arg) if arg.starts_with("--"));
    let names_it =
        error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(is_long);
    names_it.then_some(error)
}

/// Prints help or version as a result, anything else as an error: it quotes the arguments, so it
/// is neutralised.
fn answer(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = SafeText::new(&error.to_string());
        let text = text.as_str().trim_end();
        say(text.strip_prefix("error: ").unwrap_or(text));
        return ExitCode::from(2);
    }
    match error.print().map_err(Failure::from) {
        Err(failure) if !failure.is_quiet() => {
            say(&failure);
            ExitCode::from(failure.exit_code())
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(Arguments { command, filter, connection, look, logging }: Arguments) -> Result<(), Failure> {
    let mut out = BufWriter::new(stdout().lock());
    if command.as_ref().is_none_or(Command::asks_a_service) {
        logging.start();
        tracing::info!("command: {}", command.as_ref().map_or("console", Command::name));
    }
    match command {
        None => {
            console::check()?;
            let service = connection.service().map_err(|failure| match failure {
                Failure::NoToken => Failure::Welcome,
                other => other,
            })?;
            let profiles = connection.profiles()?;
            let filter = filter.as_deref().unwrap_or(FIRST_FILTER);
            let keymap = Config::keymap(connection.config.as_deref())?;
            block_on(watch(service, profiles, filter, keymap, &look))
        }
        Some(Command::Demo(demo)) => {
            console::check()?;
            let settings = Settings { arrivals: Some(DEMO_ARRIVALS), ..demo.tenant.settings() };
            let (_simulator, service) = simulated(settings, &connection)?;
            let keymap = Config::keymap(connection.config.as_deref())?;
            let filter = demo.filter.as_deref().unwrap_or_default();
            block_on(watch(service, Vec::new(), filter, keymap, &look))
        }
        Some(Command::Open(open)) => block_on(open.run(&connection, &look)),
        Some(Command::List(list)) => {
            let (_simulator, source) = source(&list.origin, &connection)?;
            let outcome = block_on(list.run(&source, &mut out));
            source.notice().iter().for_each(say);
            outcome
        }
        Some(Command::Show(show)) => {
            let (_simulator, source) = source(&show.origin, &connection)?;
            let outcome = block_on(show.run(&source, &mut out));
            source.notice().iter().for_each(say);
            outcome
        }
        Some(Command::Explain(explain)) => {
            let mut me = connection.known().me;
            if me.is_none()
                && explain.filter.contains(":me")
                && let Ok(service) = connection.service()
            {
                // Whoever signed in before, as for every other command.
                block_on(async {
                    me = Source::Service(service).recall().await;
                    Ok(())
                })?;
            }
            explain.run(me.as_deref(), &mut out)?;
            Ok(out.flush()?)
        }
        Some(Command::Simulate(simulate)) => serve(&simulate, &mut out),
        Some(Command::Login) => block_on(login(&connection.service()?, &mut out)),
        Some(Command::Logout(logout)) if logout.all => block_on(Logout::run_for_all(&mut out)),
        Some(Command::Logout(logout)) => block_on(logout.run(&connection.service()?, &mut out)),
        Some(Command::Whoami(whoami)) => block_on(whoami.run(&connection.service()?, &mut out)),
        Some(Command::Config(config)) => {
            config.run(&connection, &mut out)?;
            Ok(out.flush()?)
        }
        Some(Command::Completions { shell }) => {
            // Into memory first: the generator panics where it cannot write.
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

/// Runs a command to its end. Helpers that still block then are not waited for.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::System { what: "no threads to work with", error })?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}

/// Finds where a command's alerts come from; a simulated tenant lives as long as its handle.
fn source(origin: &Origin, connection: &Connection) -> Result<(Option<Simulator>, Source), Failure> {
    if !origin.demo {
        return Ok((None, origin.source(connection)?));
    }
    // Ids follow from the moment: within the hour `show` finds what `list` printed.
    let hour = Timestamp::from_seconds(now().seconds() / 3_600 * 3_600);
    let (simulator, service) = simulated(Settings::new(hour), connection)?;
    Ok((Some(simulator), Source::Service(service)))
}

/// Starts a simulated tenant and turns the connection to it. It takes one token, made up here:
/// other programs on this machine have no business with it.
fn simulated(mut settings: Settings, connection: &Connection) -> Result<(Simulator, Service), Failure> {
    let token = format!("{:032x}", rand::random::<u128>());
    settings.access = Access::Only(token.clone());
    let simulator = start(settings)?;
    let mut profile = connection.alone(simulator.base_url())?;
    if profile.tenant.is_none() {
        profile.title = "demo".into();
    }
    profile.me.get_or_insert_with(|| SIGNED_IN.into());
    let service = Service {
        origin: "simulated".into(),
        profile: String::new(),
        ..Service::with_token(&profile, &SecretString::from(token))?
    };
    Ok((simulator, service))
}

fn start(settings: Settings) -> Result<Simulator, Failure> {
    Simulator::start(settings)
        .map_err(|error| Failure::System { what: "the simulated tenant could not be started", error })
}

/// Serves a simulated tenant until the process is ended.
fn serve(simulate: &Simulate, out: &mut impl Write) -> Result<(), Failure> {
    let arrivals = (simulate.arrivals > 0).then(|| Duration::from_secs(simulate.arrivals));
    let simulator = start(Settings { port: simulate.port, arrivals, ..simulate.tenant.settings() })?;
    let address = simulator.base_url();
    writeln!(out, "{address}")?;
    out.flush()?;
    say(format_args!("serving; ask it with `ALERTDECK_TOKEN=any alertdeck list --graph-url {address}`"));
    say(format_args!(
        "or sign in to it: `alertdeck --graph-url {address} --login-url {address} --tenant contoso.com --client-id {EXAMPLE_CLIENT}`; an application's secret is {CLIENT_SECRET}"
    ));
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(line: &str) -> Result<Arguments, String> {
        let words = std::iter::once("alertdeck").chain(line.split(' ').filter(|word| !word.is_empty()));
        parse(words.map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[rstest]
    #[case("", None)]
    #[case("status:new", Some("status:new"))]
    #[case("-status:new", Some("-status:new"))]
    #[case("-hash:abcdef", Some("-hash:abcdef"))]
    #[case("--theme light -Verdict:malicious", Some("-Verdict:malicious"))]
    #[case("$status_eq_'new' --cloud usgov-l4", Some("$status_eq_'new'"))]
    fn a_filter_stands_alone(#[case] line: &str, #[case] filter: Option<&str>) {
        let arguments = read(line).unwrap();
        assert_eq!((arguments.filter.as_deref(), arguments.command.is_none()), (filter, true));
    }

    #[test]
    fn a_command_takes_its_own_filter_and_the_connection_stands_anywhere() {
        for line in ["--me a@x.io list -assigned:me --limit 3", "list --limit 3 --me a@x.io -assigned:me"] {
            let arguments = read(line).unwrap();
            assert_eq!(arguments.connection.me.as_deref(), Some("a@x.io"));
            let Some(Command::List(list)) = arguments.command else { panic!("{line}") };
            assert_eq!((list.filter.as_deref(), list.limit), (Some("-assigned:me"), Some(3)));
        }
    }

    #[rstest]
    #[case("list --limt 4", "'--limit'")]
    #[case("--formt json", "unexpected argument '--formt'")]
    #[case("list -status:new --limt", "'--limit'")]
    #[case("status:new list", "a filter before a command")]
    #[case("list a b", "unexpected argument 'b'")]
    #[case("list --demo --file x", "cannot be used with")]
    #[case("list --format xml", "ndjson")]
    #[case("--cloud china", "does not offer")]
    #[case("demo --faults floods", "flaky")]
    #[case("open", "<FILE>")]
    #[case("explain x --now noon", "not a time")]
    fn what_is_wrong_is_named(#[case] line: &str, #[case] words: &str) {
        let error = read(line).unwrap_err();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn the_commands_in_the_readme_parse() {
        let readme = include_str!("../README.md");
        let mut seen = 0;
        for line in readme.lines().map(str::trim) {
            let Some(at) = line.strip_prefix("alertdeck").or_else(|| line.strip_prefix("$ alertdeck")) else {
                continue;
            };
            let words = words(at.split(" # ").next().unwrap());
            let given = std::iter::once("alertdeck".to_owned()).chain(words).map(OsString::from);
            if let Err(error) = parse(given) {
                panic!("{line}\n{error}");
            }
            seen += 1;
        }
        assert!(seen >= 10, "only {seen} commands found");
    }

    /// Splits a line as a shell does, as far as the README needs: single quotes and pipes.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars().chain([' ']) {
            match c {
                '|' | '>' if !quoted => break,
                '\'' => quoted = !quoted,
                ' ' if !quoted => {
                    words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                }
                c => word.push(c),
            }
        }
        words
    }
}
