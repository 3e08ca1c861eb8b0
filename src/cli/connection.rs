//! The service that commands ask, as the options and the environment name it.

use clap::builder::FalseyValueParser;
use secrecy::SecretString;

use super::Failure;
use crate::{
    auth::{TOKEN_VARIABLE, Tokens},
    graph::{self, Api, Client, Cloud, Endpoint},
    http::{Budget, Http, Limits},
    model::SafeText,
};

/// Options that say which tenant is asked and by whom.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The cloud: global, usgov-l4 or usgov-l5
    #[arg(
        long,
        global = true,
        env = "ALERTDECK_CLOUD",
        hide_env_values = true,
        value_name = "CLOUD",
        default_value_t
    )]
    pub cloud: Cloud,
    /// The tenant's name, for the header
    #[arg(long, global = true, env = "ALERTDECK_TENANT", hide_env_values = true, value_name = "NAME")]
    pub tenant: Option<String>,
    /// The version of the API: v1.0 or beta
    #[arg(
        long,
        global = true,
        env = "ALERTDECK_API",
        hide_env_values = true,
        value_name = "VERSION",
        default_value_t
    )]
    pub api: Api,
    /// Another root address than the cloud's: https, or http on loopback
    #[arg(long, global = true, env = "ALERTDECK_GRAPH_URL", hide_env_values = true, value_name = "URL")]
    pub graph_url: Option<String>,
    /// A shell command that prints an access token, bare or as the Azure CLI does
    #[arg(long, global = true, env = "ALERTDECK_TOKEN_COMMAND", hide_env_values = true, value_name = "CMD")]
    pub token_command: Option<String>,
    /// Your own principal name, for `assigned:me`
    #[arg(long, global = true, env = "ALERTDECK_ME", hide_env_values = true, value_name = "UPN")]
    pub me: Option<String>,
    /// Change nothing in the tenant: the default, and all that there is so far
    #[arg(long, global = true, env = "ALERTDECK_READ_ONLY", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub read_only: bool,
}

/// A service that is ready to be asked, and how to speak of it.
#[derive(Clone, Debug)]
pub struct Service {
    /// The client.
    pub client: Client,
    /// Whose alerts these are; safe to show.
    pub tenant: String,
    /// Where they come from; safe to show.
    pub origin: String,
    /// The host of the portal that links may lead to.
    pub portal_host: &'static str,
    /// The signed-in user's principal name, where it is known.
    pub me: Option<String>,
}

impl Connection {
    /// Returns the source of tokens: `ALERTDECK_TOKEN`, else the command; `None` without either.
    ///
    /// A token is never an argument: those of every process can be read by all.
    pub fn tokens(&self) -> Result<Option<Tokens>, Failure> {
        if let Some(token) = std::env::var_os(TOKEN_VARIABLE) {
            let token = SecretString::from(token.to_string_lossy().into_owned());
            return Ok(Some(Tokens::fixed(&token).map_err(graph::Error::from)?));
        }
        Ok(self.token_command.clone().map(Tokens::command))
    }

    /// Prepares the service; nothing is sent yet.
    pub fn service(&self, tokens: Tokens) -> Result<Service, Failure> {
        let endpoint = match &self.graph_url {
            Some(url) => Endpoint::at(url, self.api)
                .map_err(|error| Failure::Usage(format!("--graph-url: {error}")))?,
            None => Endpoint::of(self.cloud, self.api),
        };
        let place = match &self.graph_url {
            Some(_) => endpoint.scope().base().host_str().unwrap_or_default().to_owned(),
            None => self.cloud.to_string(),
        };
        let http =
            Http::new(Limits::default(), Budget::default(), endpoint.route()).map_err(graph::Error::from)?;
        Ok(Service {
            tenant: SafeText::new(self.tenant.as_deref().unwrap_or("tenant")).line(),
            origin: SafeText::new(&format!("{place} {}", self.api)).line(),
            portal_host: self.cloud.portal_host(),
            me: self.me.clone(),
            client: Client::new(http, endpoint, tokens),
        })
    }

    /// Prepares the service with the token at hand; [`Failure::NoToken`] where there is none.
    pub fn signed_in(&self) -> Result<Service, Failure> {
        self.service(self.tokens()?.ok_or(Failure::NoToken)?)
    }
}
