//! `alertdeck login`, `logout` and `whoami`.

use std::{
    io::{Write, stderr},
    time::{Duration, SystemTime},
};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::{Failure, Service, cache, line, notify};
use crate::{console::cached_account, triage::WriteMode};
use alertdeck_graph as graph;
use alertdeck_graph::{
    auth::{
        BrowserSignIn, DEADLINE, DeviceSignIn, Grant, Method, SECRET_VARIABLES, Session, TokenClaims, Vault,
    },
    permission::{Allowed, READ, WRITE},
};
use alertdeck_model::Timestamp;
use alertdeck_platform as platform;

/// Shows the signed-in account.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct WhoAmI {
    /// Output format: text or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: AccountFormat,
}

/// The output format of an account.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum AccountFormat {
    /// One line per property.
    #[default]
    Text,
    /// A JSON object.
    Json,
}

/// Returns the user's session. Fails for sign-in methods that do not use stored credentials.
fn user_session(service: &Service) -> Result<&Session, Failure> {
    service.session().ok_or_else(|| {
        let reason = match service.method {
            Method::Token => "the token comes from ALERTDECK_TOKEN",
            Method::Command => "the token comes from a command",
            _ => "the application signs in again on each run",
        };
        Failure::Usage(format!("`login` and `logout` do not apply: {reason}"))
    })
}

/// Signs a user in and stores the credentials.
pub async fn login(service: &Service, out: &mut impl Write) -> Result<(), Failure> {
    let session = user_session(service)?;
    // Check this first, so that the user does not sign in only to find that the credentials cannot
    // be stored.
    if let Some(vault) = session.vault() {
        vault.check().await.map_err(Failure::Vault)?;
    }
    let grant = match service.method {
        Method::DeviceCode => sign_in_with_code(session).await,
        _ => sign_in_with_browser(session).await,
    };
    session.accept(grant?).await.map_err(Failure::Vault)?;
    let claims = session.claims().unwrap_or_default();
    writeln!(out, "signed in as {}", name(&claims))?;
    if let Some(vault) = session.vault() {
        writeln!(out, "stored in {vault}")?;
        if vault.is_plaintext() {
            notify("use --plaintext-secrets from now on, or set plaintext_secrets = true in the profile");
        }
    }
    if let Some(missing) = missing(&claims) {
        notify(format_args!(
            "the token lacks {missing}, so alerts cannot be read; grant it and sign in again"
        ));
    }
    Ok(out.flush()?)
}

async fn sign_in_with_browser(session: &Session) -> Result<Grant, Failure> {
    let sign_in =
        BrowserSignIn::begin(session.application(), None, None).await.map_err(graph::Error::from)?;
    let address = sign_in.address().to_string();
    let link = address.clone();
    let opening = async {
        let opened = spawn_blocking(move || platform::open_in_browser(&link, &SECRET_VARIABLES)).await;
        let minutes = DEADLINE.as_secs() / 60;
        match opened {
            Ok(Ok(())) => notify(format_args!(
                "a browser was opened; sign in within {minutes} minutes, or press Ctrl-C to cancel. The address:"
            )),
            Ok(Err(reason)) => notify(format_args!(
                "{reason}; open this address in a browser on this machine within {minutes} minutes, or use --auth device-code:"
            )),
            Err(_) => notify("open this address in a browser on this machine:"),
        }
        // Print the address on a separate line, so that it is easy to copy.
        let _ = writeln!(stderr().lock(), "{}", line(&address));
        std::future::pending().await
    };
    let granted = tokio::select! {
        granted = sign_in.finish(session.http()) => granted,
        never = opening => never,
    };
    Ok(granted.map_err(graph::Error::from)?)
}

async fn sign_in_with_code(session: &Session) -> Result<Grant, Failure> {
    let sign_in =
        DeviceSignIn::begin(session.application(), session.http(), None).await.map_err(graph::Error::from)?;
    notify(format_args!(
        "enter the code {} at {} within {} minutes",
        sign_in.code(),
        sign_in.address(),
        sign_in.life().as_secs() / 60
    ));
    notify("never enter a code that somebody sent you: it would sign them in as you");
    Ok(sign_in.finish().await.map_err(graph::Error::from)?)
}

/// Removes stored credentials.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Logout {
    /// Delete the credentials stored in files for every profile, and all cached alerts
    #[arg(long)]
    pub all: bool,
}

impl Logout {
    /// Removes a profile's stored credentials and the account's cached alerts.
    pub async fn run(&self, service: &Service, out: &mut impl Write) -> Result<(), Failure> {
        let session = user_session(service)?;
        // Clear the cache first: after signing out, the account is no longer known.
        if let (Some(account), Some(folder)) = (cached_account(&service.client).await, cache::folder()) {
            folder.clear(&account)?;
        }
        let mut removed = session.sign_out().await.map_err(Failure::Vault)?;
        // The credentials may be in the other vault if an earlier run used a different
        // `plaintext_secrets` setting. An error from that vault means that no keyring is available,
        // so no credentials are stored in it.
        if let (Some(vault), Some(key)) = (session.vault().and_then(Vault::elsewhere), session.key()) {
            removed |= vault.forget(key).await.unwrap_or(false);
        }
        let profile = line(&service.profile);
        if removed {
            writeln!(out, "signed out; the stored sign-in of profile {profile} was removed")?;
        } else {
            writeln!(out, "profile {profile} was not signed in")?;
        }
        if let Some(vault) = session.vault()
            && let Ok(others) = vault.kept_in_files().await
            && !others.is_empty()
        {
            let others = line(&others.join(", "));
            notify(format_args!(
                "other sign-ins are stored in files: {others}; remove them with `alertdeck logout --all`"
            ));
        }
        Ok(out.flush()?)
    }

    /// Removes all credentials that are stored in files, and all cached alerts.
    pub async fn run_for_all(out: &mut impl Write) -> Result<(), Failure> {
        let count = match platform::state_folder() {
            Some(state) => Vault::file(&state).forget_files().await.map_err(Failure::Vault)?,
            None => 0,
        };
        if let Some(folder) = cache::folder() {
            folder.clear_all()?;
        }
        writeln!(out, "sign-ins removed from files: {count}")?;
        notify("to remove a sign-in from the keyring, run `alertdeck logout --profile NAME`");
        Ok(out.flush()?)
    }
}

impl WhoAmI {
    /// Prints the signed-in account, its permissions and what they allow.
    pub async fn run(&self, service: &Service, out: &mut impl Write) -> Result<(), Failure> {
        let tokens = service.client.tokens();
        let current = tokens.current().await;
        service.notice().iter().for_each(notify);
        current.map_err(graph::Error::from)?;
        let claims = tokens.claims().await;
        let expired =
            claims.as_ref().and_then(|claims| claims.expires).is_some_and(|at| at <= SystemTime::now());
        match self.format {
            AccountFormat::Text => write!(out, "{}", text(service, claims.as_ref()))?,
            AccountFormat::Json => {
                serde_json::to_writer_pretty(&mut *out, &object(service, claims.as_ref()))
                    .map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        if expired {
            return Err(Failure::Expired);
        }
        Ok(())
    }
}

fn name(claims: &TokenClaims) -> String {
    match (&claims.account, &claims.name) {
        (Some(account), Some(name)) => format!("{} ({})", line(account), line(name)),
        (Some(text), None) | (None, Some(text)) => line(text),
        (None, None) => "unknown account".into(),
    }
}

fn allowed(claims: &TokenClaims) -> Option<Allowed> {
    Allowed::by(claims.permissions.iter().map(String::as_str))
}

/// Returns the name of the permission to read alerts if the token is known to lack it.
fn missing(claims: &TokenClaims) -> Option<&'static str> {
    allowed(claims).filter(|allowed| !allowed.read).map(|_| READ)
}

fn sign_in_text(service: &Service) -> String {
    match (service.method, service.session().and_then(Session::vault)) {
        (Method::Token, _) => "token from ALERTDECK_TOKEN".into(),
        (Method::Command, _) => "token from a command".into(),
        (method, Some(vault)) => format!("{method}; stored in {vault}"),
        (_, None) => "as an application".into(),
    }
}

/// Returns the expiry time, and the remaining time in words.
fn expiry(at: SystemTime) -> Option<(Timestamp, String)> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    let words = match left {
        Duration::ZERO => "expired".into(),
        left => format!("in {} min", left.as_secs().div_ceil(60)),
    };
    Some((Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?), words))
}

fn text(service: &Service, claims: Option<&TokenClaims>) -> String {
    let mut rows = vec![("profile", service.profile.clone())];
    match claims {
        None => rows.push(("account", "unknown account (external token)".into())),
        Some(claims) => {
            let kind = if claims.is_application { "application" } else { "account" };
            rows.push((kind, name(claims)));
            let guid = claims.tenant.as_deref().map_or_else(String::new, |id| format!(" ({})", line(id)));
            rows.push(("tenant", format!("{}{guid}", service.tenant)));
        }
    }
    rows.push(("service", service.origin.clone()));
    rows.push(("sign-in", sign_in_text(service)));
    if let Some(claims) = claims {
        let kind = if claims.is_application { "roles" } else { "scopes" };
        let permissions: Vec<_> = claims.permissions.iter().map(|name| line(name)).collect();
        rows.push((kind, if permissions.is_empty() { "none".into() } else { permissions.join(", ") }));
        let verdict = |allowed: bool, name: &str| {
            if allowed { "yes".to_owned() } else { format!("no, {name} is missing") }
        };
        if let Some(allowed) = allowed(claims) {
            rows.push(("read alerts", verdict(allowed.read, READ)));
            let change = verdict(allowed.write, WRITE);
            let is_off = allowed.write && service.writes != WriteMode::On;
            rows.push(("change alerts", if is_off { change + ", with --write" } else { change }));
        }
        if let Some((at, left)) = claims.expires.and_then(expiry) {
            rows.push(("token expires", format!("{} ({left})", at.to_second())));
        }
    }
    rows.iter().fold(String::new(), |text, (label, value)| text + &format!("{label:<14}{value}\n"))
}

fn object(service: &Service, claims: Option<&TokenClaims>) -> serde_json::Value {
    let allowed = claims.and_then(allowed);
    json!({
        "profile": service.profile,
        "method": service.method.name(),
        "account": claims.and_then(|claims| claims.account.clone()),
        "name": claims.and_then(|claims| claims.name.clone()),
        "tenant": claims.and_then(|claims| claims.tenant.clone()),
        "application": claims.map(|claims| claims.is_application),
        "permissions": claims.map(|claims| claims.permissions.clone()),
        "reads": allowed.map(|allowed| allowed.read),
        "writes": allowed.map(|allowed| allowed.write),
        "expires": claims.and_then(|claims| claims.expires).and_then(expiry).map(|(at, _)| at.to_second()),
    })
}
