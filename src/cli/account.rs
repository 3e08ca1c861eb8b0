//! `alertdeck login`, `logout` and `whoami`.

use std::{
    io::{Write, stderr},
    time::{Duration, SystemTime},
};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::{Failure, Service, line, say};
use alertdeck_graph as graph;
use alertdeck_graph::{
    auth::{
        BrowserSignIn, DEADLINE, DeviceSignIn, Grant, Method, SECRET_VARIABLES, Session, TokenClaims, Vault,
    },
    permission::{Allowed, READ, WRITE},
};
use alertdeck_model::Timestamp;
use alertdeck_platform as platform;

/// Shows who is signed in.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct WhoAmI {
    /// How to print it: text or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: AccountFormat,
}

/// How an account is printed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum AccountFormat {
    /// A line for each fact.
    #[default]
    Text,
    /// An object.
    Json,
}

/// Finds the sign-in of a user; the other ways to a token have nothing to sign in to or out of.
fn user(service: &Service) -> Result<&Session, Failure> {
    service.session().ok_or_else(|| {
        let why = match service.method {
            Method::Token => "the token is the one in ALERTDECK_TOKEN",
            Method::Command => "a command prints the token",
            _ => "an application proves itself each time",
        };
        Failure::Usage(format!("there is nothing to sign in to or out of: {why}"))
    })
}

/// Signs a user in and keeps the sign-in.
pub async fn login(service: &Service, out: &mut impl Write) -> Result<(), Failure> {
    let session = user(service)?;
    // Before the user goes through it all in vain.
    if let Some(vault) = session.vault() {
        vault.check().await.map_err(Failure::Vault)?;
    }
    let grant = match service.method {
        Method::DeviceCode => by_code(session).await,
        _ => in_browser(session).await,
    };
    session.accept(grant?).await.map_err(Failure::Vault)?;
    let said = session.claims().unwrap_or_default();
    writeln!(out, "signed in as {}", name(&said))?;
    if let Some(vault) = session.vault() {
        writeln!(out, "kept in {vault}")?;
        if vault.is_plaintext() {
            say("from now on with --plaintext-secrets, or plaintext_secrets = true in the profile");
        }
    }
    if let Some(missing) = missing(&said) {
        say(format_args!("the token lacks {missing}: alerts cannot be read with it"));
    }
    Ok(out.flush()?)
}

async fn in_browser(session: &Session) -> Result<Grant, Failure> {
    let waiting =
        BrowserSignIn::begin(session.application(), None, None).await.map_err(graph::Error::from)?;
    let address = waiting.address().to_string();
    let link = address.clone();
    let opening = async {
        let opened = spawn_blocking(move || platform::open_in_browser(&link, &SECRET_VARIABLES)).await;
        let minutes = DEADLINE.as_secs() / 60;
        match opened {
            Ok(Ok(())) => say(format_args!(
                "sign in with the browser that was opened, within {minutes} minutes; Ctrl-C stops. Its address:"
            )),
            Ok(Err(why)) => say(format_args!(
                "{why}; open this address in a browser on this machine within {minutes} minutes, or use --auth device-code:"
            )),
            Err(_) => say("open this address in a browser on this machine:"),
        }
        // On a line of its own, so that it can be copied whole.
        let _ = writeln!(stderr().lock(), "{}", line(&address));
        std::future::pending().await
    };
    let granted = tokio::select! {
        granted = waiting.finish(session.http()) => granted,
        never = opening => never,
    };
    Ok(granted.map_err(graph::Error::from)?)
}

async fn by_code(session: &Session) -> Result<Grant, Failure> {
    let waiting =
        DeviceSignIn::begin(session.application(), session.http(), None).await.map_err(graph::Error::from)?;
    say(format_args!(
        "enter the code {} at {} within {} minutes",
        waiting.code(),
        waiting.address(),
        waiting.life().as_secs() / 60
    ));
    say("never enter a code that somebody sent you: it would sign them in as you");
    Ok(waiting.finish().await.map_err(graph::Error::from)?)
}

/// Removes sign-ins that were kept.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Logout {
    /// Remove every sign-in that files hold, of all profiles
    #[arg(long)]
    pub all: bool,
}

impl Logout {
    /// Removes the sign-in of a profile.
    pub async fn run(&self, service: &Service, out: &mut impl Write) -> Result<(), Failure> {
        let session = user(service)?;
        let mut had = session.sign_out().await.map_err(Failure::Vault)?;
        // A run with another setting may have left it in the other place; a keyring that is not
        // there has none.
        if let (Some(vault), Some(key)) = (session.vault().and_then(Vault::elsewhere), session.key()) {
            had |= vault.forget(key).await.unwrap_or(false);
        }
        let profile = line(&service.profile);
        if had {
            writeln!(out, "signed out; nothing of profile {profile} is kept")?;
        } else {
            writeln!(out, "nobody was signed in with profile {profile}")?;
        }
        if let Some(vault) = session.vault()
            && let Ok(others) = vault.kept_in_files().await
            && !others.is_empty()
        {
            let others = line(&others.join(", "));
            say(format_args!(
                "other sign-ins are kept in files: {others}; `alertdeck logout --all` removes them"
            ));
        }
        Ok(out.flush()?)
    }

    /// Removes every sign-in from files.
    pub async fn run_for_all(out: &mut impl Write) -> Result<(), Failure> {
        let count = match platform::state_folder() {
            Some(state) => Vault::file(&state).forget_files().await.map_err(Failure::Vault)?,
            None => 0,
        };
        writeln!(out, "sign-ins removed from files: {count}")?;
        say("what a keyring holds is removed by `alertdeck logout --profile NAME`");
        Ok(out.flush()?)
    }
}

impl WhoAmI {
    /// Prints who is signed in, and what that allows.
    pub async fn run(&self, service: &Service, out: &mut impl Write) -> Result<(), Failure> {
        let tokens = service.client.tokens();
        let current = tokens.current().await;
        service.notice().iter().for_each(say);
        current.map_err(graph::Error::from)?;
        let said = tokens.claims().await;
        let ended = said.as_ref().and_then(|said| said.expires).is_some_and(|at| at <= SystemTime::now());
        match self.format {
            AccountFormat::Text => write!(out, "{}", text(service, said.as_ref()))?,
            AccountFormat::Json => {
                serde_json::to_writer_pretty(&mut *out, &object(service, said.as_ref()))
                    .map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        if ended {
            return Err(Failure::Ended);
        }
        Ok(())
    }
}

fn name(said: &TokenClaims) -> String {
    match (&said.account, &said.name) {
        (Some(account), Some(name)) => format!("{} ({})", line(account), line(name)),
        (Some(text), None) | (None, Some(text)) => line(text),
        (None, None) => "somebody the token does not name".into(),
    }
}

fn allowed(said: &TokenClaims) -> Option<Allowed> {
    Allowed::by(said.permissions.iter().map(String::as_str))
}

/// The permission that is missing for reading, where that is known.
fn missing(said: &TokenClaims) -> Option<&'static str> {
    allowed(said).filter(|allowed| !allowed.read).map(|_| READ)
}

fn how(service: &Service) -> String {
    match (service.method, service.session().and_then(Session::vault)) {
        (Method::Token, _) => "by the token in ALERTDECK_TOKEN".into(),
        (Method::Command, _) => "by a command's token".into(),
        (method, Some(vault)) => format!("by {method}; kept in {vault}"),
        (_, None) => "as an application".into(),
    }
}

fn when(at: SystemTime) -> Option<(Timestamp, String)> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    let words = match left {
        Duration::ZERO => "ended".into(),
        left => format!("in {} min", left.as_secs().div_ceil(60)),
    };
    Some((Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?), words))
}

fn text(service: &Service, said: Option<&TokenClaims>) -> String {
    let mut rows = vec![("profile", service.profile.clone())];
    match said {
        None => rows.push(("account", "the token cannot be read here; the service knows".into())),
        Some(said) => {
            let kind = if said.is_application { "application" } else { "account" };
            rows.push((kind, name(said)));
            let guid = said.tenant.as_deref().map_or_else(String::new, |id| format!(" ({})", line(id)));
            rows.push(("tenant", format!("{}{guid}", service.tenant)));
        }
    }
    rows.push(("service", service.origin.clone()));
    rows.push(("signs in", how(service)));
    if let Some(said) = said {
        let kind = if said.is_application { "roles" } else { "scopes" };
        let permissions: Vec<_> = said.permissions.iter().map(|name| line(name)).collect();
        rows.push((kind, if permissions.is_empty() { "none told".into() } else { permissions.join(", ") }));
        let verdict = |allowed: bool, name: &str| {
            if allowed { "yes".to_owned() } else { format!("no, {name} is missing") }
        };
        if let Some(allowed) = allowed(said) {
            rows.push(("read alerts", verdict(allowed.read, READ)));
            let change = verdict(allowed.write, WRITE);
            rows.push((
                "change alerts",
                if allowed.write { change + ", but this version only reads" } else { change },
            ));
        }
        if let Some((at, left)) = said.expires.and_then(when) {
            rows.push(("token ends", format!("{} ({left})", at.to_second())));
        }
    }
    rows.iter().fold(String::new(), |text, (label, value)| text + &format!("{label:<14}{value}\n"))
}

fn object(service: &Service, said: Option<&TokenClaims>) -> serde_json::Value {
    let allowed = said.and_then(allowed);
    json!({
        "profile": service.profile,
        "method": service.method.name(),
        "account": said.and_then(|said| said.account.clone()),
        "name": said.and_then(|said| said.name.clone()),
        "tenant": said.and_then(|said| said.tenant.clone()),
        "application": said.map(|said| said.is_application),
        "permissions": said.map(|said| said.permissions.clone()),
        "reads": allowed.map(|allowed| allowed.read),
        "writes": allowed.map(|allowed| allowed.write),
        "expires": said.and_then(|said| said.expires).and_then(when).map(|(at, _)| at.to_second()),
    })
}
