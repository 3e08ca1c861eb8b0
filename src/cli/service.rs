//! A profile's service: its client and its display names.

use secrecy::{ExposeSecret as _, SecretString};

use super::Failure;
use crate::{app, config::Profile, triage::WriteMode};
use alertdeck_cache::Retention;
use alertdeck_graph as graph;
use alertdeck_graph::{
    Client, Endpoint,
    auth::{
        Application, Authority, Identity, Key, Method, Proof, SECRET_VARIABLE, Session, TOKEN_VARIABLE,
        Tokens, Vault,
    },
    http::{Budget, Http, Journal, Limits, Route},
};
use alertdeck_model::SafeText;
use alertdeck_platform as platform;

/// A client for a profile's service, with the service's display names.
#[derive(Clone, Debug)]
pub struct Service {
    /// The client.
    pub client: Client,
    /// The tenant's name, sanitised for display.
    pub tenant: String,
    /// Other names for the tenant: its domain or ID.
    pub aliases: Vec<String>,
    /// The cloud or host, and the API version, sanitised for display.
    pub origin: String,
    /// The Defender portal's host. Links to this host may be opened.
    pub portal_host: &'static str,
    /// The user principal name, if known.
    pub me: Option<String>,
    /// The profile's name; empty if there is none.
    pub profile: String,
    /// The limits on the console's alert cache; `None` disables the cache.
    pub cache: Option<Retention>,
    /// Whether alerts may be changed.
    pub writes: WriteMode,
    /// The sign-in method.
    pub method: Method,
}

/// The secrets in the environment. They apply only to the profile that the program was started
/// with.
#[derive(Clone, Debug, Default)]
pub struct EnvSecrets {
    /// An access token.
    pub token: Option<SecretString>,
    /// An application's secret.
    pub secret: Option<SecretString>,
}

impl EnvSecrets {
    /// Reads the environment.
    pub fn read() -> Self {
        let read = |name| {
            let value = std::env::var_os(name)?;
            Some(SecretString::from(value.to_string_lossy().into_owned()))
        };
        let is_set = |secret: &SecretString| !secret.expose_secret().is_empty();
        // An empty token is kept, so that it is reported as invalid.
        Self { token: read(TOKEN_VARIABLE), secret: read(SECRET_VARIABLE).filter(is_set) }
    }

    /// Returns the name of an environment variable that is set, if any.
    pub fn variable(&self) -> Option<&'static str> {
        let names = [(self.token.is_some(), TOKEN_VARIABLE), (self.secret.is_some(), SECRET_VARIABLE)];
        names.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
    }

    /// Returns the sign-in method that a profile uses with these secrets.
    pub fn method(&self, profile: &Profile) -> Option<Method> {
        profile.method(self.token.is_some(), self.secret.is_some())
    }
}

impl Service {
    /// Prepares a profile's service without sending any requests.
    ///
    /// Fails with [`Failure::NoToken`] if no sign-in is configured.
    pub fn of(profile: &Profile, env_secrets: &EnvSecrets, limits: Limits) -> Result<Self, Failure> {
        let method = match env_secrets.method(profile) {
            Some(method) => method,
            None if profile.tenant.is_some() => return Err(missing(profile, Method::Browser, "client_id")),
            None => return Err(Failure::NoToken),
        };
        let http = http(profile, limits)?;
        let tokens = match method {
            Method::Token => {
                let missing = || missing(profile, method, TOKEN_VARIABLE);
                let token = env_secrets.token.as_ref().ok_or_else(missing)?;
                Tokens::fixed(token).map_err(graph::Error::from)?
            }
            Method::Command => Tokens::command(profile.token_command.clone().ok_or(Failure::NoToken)?),
            Method::ClientSecret | Method::Browser | Method::DeviceCode => {
                Tokens::session(session(profile, method, env_secrets, &http)?)
            }
        };
        let service = Self::with(profile, method, http, tokens)?;
        Ok(Self { cache: profile.cache, ..service })
    }

    /// Prepares a profile's service with an existing token. Nothing is cached.
    pub fn with_token(profile: &Profile, token: &SecretString) -> Result<Self, Failure> {
        let tokens = Tokens::fixed(token).map_err(graph::Error::from)?;
        Self::with(profile, Method::Token, http(profile, Limits::default())?, tokens)
    }

    fn with(profile: &Profile, method: Method, http: Http, tokens: Tokens) -> Result<Self, Failure> {
        let place = match &profile.graph_url {
            Some(_) => endpoint(profile)?.scope().host(),
            None => profile.cloud.to_string(),
        };
        Ok(Self {
            tenant: SafeText::new(&profile.title).line(),
            aliases: profile.tenant.iter().cloned().collect(),
            origin: SafeText::new(&format!("{place} {}", profile.api)).line(),
            portal_host: profile.cloud.portal_host(),
            me: profile.me.clone(),
            profile: profile.name.clone(),
            cache: None,
            writes: profile.writes,
            method,
            client: Client::new(http, endpoint(profile)?, tokens),
        })
    }

    /// Returns a short name that distinguishes the tenant from others, sanitised for display.
    pub fn name(&self) -> &str {
        if self.profile.is_empty() { &self.tenant } else { &self.profile }
    }

    /// Returns the settings for this service's feed.
    pub(super) fn feed_settings(&self) -> app::FeedSettings {
        app::FeedSettings {
            tenant: self.tenant.clone(),
            aliases: self.aliases.clone(),
            origin: self.origin.clone(),
            service: true,
            portal_host: self.portal_host.to_owned(),
            me: self.me.clone(),
            profile: self.profile.clone(),
            cache: self.cache,
            writes: self.writes,
            signs_in: self.signs_in(),
        }
    }

    /// Returns the service's entry in the console's profile list.
    pub(super) fn profile_line(&self) -> app::ProfileLine {
        app::ProfileLine {
            name: self.profile.clone(),
            tenant: self.tenant.clone(),
            cloud: self.origin.clone(),
            auth: self.method.to_string(),
        }
    }

    /// Sets `me` to the account in the stored credentials if `me` is not known.
    pub async fn load_account(&mut self) {
        if self.me.is_none()
            && let Some(session) = self.session()
        {
            self.me = session.recall().await.and_then(|account| account.upn);
        }
    }

    /// Returns the user principal name from the profile, the stored credentials or the token.
    /// Returns `None` if the name is not known, as for an application.
    ///
    /// Fails if only a token could provide the name and no token is available.
    pub(super) async fn user(&mut self) -> Result<Option<String>, Failure> {
        self.load_account().await;
        if self.me.is_none() {
            let tokens = self.client.tokens();
            tokens.current().await.map_err(graph::Error::from)?;
            self.me = tokens.claims().await.and_then(|claims| claims.account);
        }
        Ok(self.me.clone())
    }

    /// Returns the pending message about the sign-in, if any. Each message is returned only once.
    pub fn notice(&self) -> Option<String> {
        self.client.tokens().as_session().and_then(Session::notice)
    }

    /// Returns whether a user can sign in to this service.
    pub fn signs_in(&self) -> bool {
        self.session().is_some()
    }

    /// Returns the user's session, if tokens come from a user sign-in.
    pub fn session(&self) -> Option<&Session> {
        self.client.tokens().as_session().filter(|session| session.vault().is_some())
    }
}

/// Returns a profile's entry in the console's profile list, sanitised for display.
pub(super) fn profile_line(profile: &Profile, method: Option<Method>) -> app::ProfileLine {
    app::ProfileLine {
        name: profile.name.clone(),
        tenant: super::line(profile.tenant.as_deref().unwrap_or(&profile.title)),
        cloud: profile.cloud.to_string(),
        auth: method.map_or_else(|| "none".into(), |method| method.to_string()),
    }
}

fn endpoint(profile: &Profile) -> Result<Endpoint, Failure> {
    match &profile.graph_url {
        Some(url) => {
            Endpoint::at(url, profile.api).map_err(|error| Failure::Usage(format!("--graph-url: {error}")))
        }
        None => Ok(Endpoint::of(profile.cloud, profile.api)),
    }
}

fn http(profile: &Profile, limits: Limits) -> Result<Http, Failure> {
    let route = endpoint(profile)?.route();
    // A service on loopback is a simulated tenant, which has its own limit or none.
    let budget = if route == Route::Direct { Budget::unlimited() } else { Budget::default() };
    Ok(Http::with_journal(limits, budget, route, Journal::default()).map_err(graph::Error::from)?)
}

/// Returns the failure for a missing setting that a sign-in method requires.
fn missing(profile: &Profile, method: Method, what: &str) -> Failure {
    let name = super::line(&profile.name);
    Failure::Usage(format!(
        "profile {name}: {method} sign-in needs {what}; set it with an option, an environment variable or the config file"
    ))
}

/// Creates the session for a profile.
fn session(
    profile: &Profile,
    method: Method,
    env_secrets: &EnvSecrets,
    http: &Http,
) -> Result<Session, Failure> {
    let missing = |what: &str| missing(profile, method, what);
    let login = profile.login_url.as_deref().unwrap_or(profile.cloud.login_authority());
    let tenant = profile.tenant.as_deref().ok_or_else(|| missing("tenant"))?;
    let application = Application {
        authority: Authority::new(login, tenant).map_err(graph::Error::from)?,
        client_id: profile.client_id.clone().ok_or_else(|| missing("client_id"))?,
        scope: profile.cloud.token_scope(),
    };
    let identity = match method {
        Method::ClientSecret => Identity::Application(proof(profile, env_secrets.secret.as_ref())?),
        _ => Identity::User {
            vault: vault(profile)?,
            key: Key {
                profile: profile.name.clone(),
                authority: application.authority.host(),
                tenant: tenant.to_owned(),
                client_id: application.client_id.clone(),
            },
        },
    };
    // The sign-in service has its own, undocumented limits, so it gets its own budget.
    let http = http.beside(Budget::per_minute(120), application.authority.route());
    Ok(Session::new(http.map_err(graph::Error::from)?, application, identity))
}

fn vault(profile: &Profile) -> Result<Vault, Failure> {
    let Some(state) = platform::state_folder() else {
        return Err(Failure::Usage("no state folder on this system; set HOME".into()));
    };
    Ok(if profile.plaintext_secrets { Vault::file(&state) } else { Vault::keyring(&state) })
}

/// Returns an application's credential: the certificate, the secret from the file, or the secret
/// from the environment variable, in this order of precedence.
fn proof(profile: &Profile, secret: Option<&SecretString>) -> Result<Proof, Failure> {
    let proof = match (&profile.certificate, &profile.client_secret_file, secret) {
        (Some(file), _, _) => Proof::certificate_file(file),
        (None, Some(file), _) => Proof::secret_file(file),
        (None, None, Some(secret)) => Proof::secret(secret.expose_secret()),
        (None, None, None) => {
            return Err(Failure::Usage(format!(
                "client-secret sign-in needs {SECRET_VARIABLE}, client_secret_file or certificate"
            )));
        }
    };
    Ok(proof.map_err(graph::Error::from)?)
}
