//! The active profile, from options, environment variables and the config file.

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _};

use super::{EnvSecrets, Failure, Service, notify};
use crate::config::{Config, ConfigError, Overrides, Profile};
use alertdeck_graph::http::Limits;
use alertdeck_graph::{Api, Cloud, auth::Method};

/// Options for the tenant and the sign-in. Options override environment variables, which override
/// the config file.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Profile from the config file, or several separated by commas (a,b) to show their alerts in one list
    #[arg(long, global = true, env = "ALERTDECK_PROFILE", hide_env_values = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Config file; an empty value means no config file
    #[arg(
        long,
        global = true,
        env = "ALERTDECK_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
    pub config: Option<PathBuf>,
    /// Microsoft cloud: global, usgov-l4 or usgov-l5
    #[arg(long, global = true, env = "ALERTDECK_CLOUD", hide_env_values = true, value_name = "NAME")]
    pub cloud: Option<Cloud>,
    /// Tenant: a domain, a GUID, `organizations` or `common`
    #[arg(long, global = true, env = "ALERTDECK_TENANT", hide_env_values = true, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Application (client) ID
    #[arg(long, global = true, env = "ALERTDECK_CLIENT_ID", hide_env_values = true, value_name = "GUID")]
    pub client_id: Option<String>,
    /// Sign-in method: browser, device-code, client-secret, command or token
    #[arg(long, global = true, env = "ALERTDECK_AUTH", hide_env_values = true, value_name = "METHOD")]
    pub auth: Option<Method>,
    /// API version: v1.0 or beta
    #[arg(long, global = true, env = "ALERTDECK_API", hide_env_values = true, value_name = "VERSION")]
    pub api: Option<Api>,
    /// Base URL of Graph, overriding the cloud's default; must be https, or http on loopback
    #[arg(long, global = true, env = "ALERTDECK_GRAPH_URL", hide_env_values = true, value_name = "URL")]
    pub graph_url: Option<String>,
    /// Base URL of the sign-in service, overriding the cloud's default; must be https, or http on
    /// loopback
    #[arg(long, global = true, env = "ALERTDECK_LOGIN_URL", hide_env_values = true, value_name = "URL")]
    pub login_url: Option<String>,
    /// Shell command that prints an access token, either bare or in the Azure CLI's format
    #[arg(long, global = true, env = "ALERTDECK_TOKEN_COMMAND", hide_env_values = true, value_name = "CMD")]
    pub token_command: Option<String>,
    /// File that contains the client secret, instead of ALERTDECK_CLIENT_SECRET
    #[arg(
        long,
        global = true,
        env = "ALERTDECK_CLIENT_SECRET_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub client_secret_file: Option<PathBuf>,
    /// PEM file with the application's certificate and private key
    #[arg(long, global = true, env = "ALERTDECK_CERTIFICATE", hide_env_values = true, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Your user principal name, for `assigned:me`
    #[arg(long, global = true, env = "ALERTDECK_ME", hide_env_values = true, value_name = "UPN")]
    pub me: Option<String>,
    /// Store credentials in a file that only you can read, instead of the keyring
    #[arg(long, global = true, env = "ALERTDECK_PLAINTEXT_SECRETS", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub plaintext_secrets: bool,
    /// Do not read from or write to the alert cache
    #[arg(long, global = true, env = "ALERTDECK_NO_CACHE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub no_cache: bool,
    /// Allow the console to change alerts: assign, classify, close and comment on them
    #[arg(long, global = true, env = "ALERTDECK_WRITE", hide_env_values = true, value_parser = FalseyValueParser::new(), conflicts_with = "read_only")]
    pub write: bool,
    /// Do not change anything in the tenant (the default for the console)
    #[arg(long, global = true, env = "ALERTDECK_READ_ONLY", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub read_only: bool,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl Connection {
    /// Returns the values set by options and environment variables.
    fn overrides(&self) -> Overrides {
        let overrides = Overrides {
            cloud: self.cloud,
            tenant: self.tenant.clone(),
            client_id: self.client_id.clone(),
            auth: self.auth,
            api: self.api,
            graph_url: self.graph_url.clone(),
            login_url: self.login_url.clone(),
            token_command: self.token_command.clone(),
            client_secret_file: self.client_secret_file.clone(),
            certificate: self.certificate.clone(),
            me: self.me.clone(),
            plaintext_secrets: self.plaintext_secrets.then_some(true),
            read_only: if self.read_only { Some(true) } else { self.write.then_some(false) },
            cache: self.no_cache.then_some(false),
            ..Overrides::default()
        };
        overrides.with_variables(|name| std::env::var(name).ok())
    }

    /// Warns if other users can change the config file.
    pub fn warn_of_exposed_config(&self) {
        Config::exposure(self.config.as_deref()).iter().for_each(super::notify);
    }

    /// Loads the config file.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        Ok(Config::load(self.config.as_deref())?)
    }

    /// Returns the active profile from the config file, with options and variables applied.
    pub fn profile(&self) -> Result<Profile, Failure> {
        Ok(self.resolved()?)
    }

    fn resolved(&self) -> Result<Profile, ConfigError> {
        let name = match self.names().as_slice() {
            [] => None,
            [name] => Some(*name),
            names => {
                let message = format!("select one profile; this command does not take {}", names.len());
                return Err(ConfigError::Setting { what: "--profile".into(), message });
            }
        };
        Config::load(self.config.as_deref())?.resolve(name, &self.overrides())
    }

    /// Returns the names of the selected profiles without duplicates. The list is empty if no
    /// profile is selected.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.profile.iter().flat_map(|names| names.split(',')).map(str::trim) {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the selected profiles. If there are several, options for a tenant or an identity are
    /// an error, since it is unclear which profile they are meant for.
    fn selected(&self) -> Result<Vec<Profile>, Failure> {
        let names = self.names();
        if names.len() < 2 {
            return Ok(vec![self.profile()?]);
        }
        if let Some(name) = self.overrides().of_one_tenant() {
            return Err(Failure::Usage(format!(
                "{name} is for one tenant, and {} profiles are selected; set it in the config file instead",
                names.len()
            )));
        }
        let (config, overrides) = (self.load()?, self.general_overrides());
        names.into_iter().map(|name| Ok(config.resolve(Some(name), &overrides)?)).collect()
    }

    /// Returns the values of the options and environment variables that can apply to any profile.
    fn general_overrides(&self) -> Overrides {
        let Overrides { api, plaintext_secrets, read_only, cache, variables, .. } = self.overrides();
        Overrides { api, plaintext_secrets, read_only, cache, variables, ..Overrides::default() }
    }

    /// Returns all profiles in the config file, in the order in which they appear. Options that
    /// specify a tenant or an identity are not applied.
    pub fn profiles(&self) -> Result<Vec<Profile>, Failure> {
        let (config, overrides) = (self.load()?, self.general_overrides());
        config.names().map(|name| Ok(config.resolve(Some(name), &overrides)?)).collect()
    }

    /// Returns the active profile for a command that sends no requests. If no profile can be
    /// resolved, returns a default profile with the cloud and `me` options applied. Reports the
    /// error if the config is invalid.
    pub fn profile_if_usable(&self) -> Profile {
        self.resolved().unwrap_or_else(|error| {
            // A command that sends no requests does not need a profile, so it does not matter if
            // there are several and none is selected.
            if !matches!(error, ConfigError::NoDefault(_)) {
                notify(format_args!("continuing without a profile: {error}"));
            }
            let mut profile = Profile::default();
            profile.me.clone_from(&self.me);
            profile.cloud = self.cloud.unwrap_or_default();
            profile
        })
    }

    /// Returns a profile for a service at `graph_url`, ignoring the config file.
    pub fn profile_for(&self, graph_url: String) -> Result<Profile, Failure> {
        let overrides = Overrides {
            cloud: self.cloud,
            tenant: self.tenant.clone(),
            api: self.api,
            graph_url: Some(graph_url),
            me: self.me.clone(),
            read_only: self.overrides().read_only,
            ..Overrides::default()
        };
        Ok(Config::default().resolve(None, &overrides)?)
    }

    /// Prepares the active profile's service, with the limits for commands, without sending any
    /// requests.
    ///
    /// Fails with [`Failure::NoToken`] if no sign-in is configured.
    pub fn service(&self) -> Result<Service, Failure> {
        Service::of(&self.profile()?, &EnvSecrets::read(), Limits::for_command())
    }

    /// Prepares the selected profiles' services without sending any requests. The result is never
    /// empty.
    ///
    /// Fails with [`Failure::NoToken`] if no sign-in is configured.
    pub fn services(&self, limits: &Limits) -> Result<Vec<Service>, Failure> {
        let (profiles, secrets) = (self.selected()?, EnvSecrets::read());
        if profiles.len() > 1
            && let Some(variable) = secrets.variable()
        {
            return Err(Failure::Usage(format!(
                "{variable} is for one tenant, and {} profiles are selected; unset it, or select one profile",
                profiles.len()
            )));
        }
        profiles.iter().map(|profile| Service::of(profile, &secrets, limits.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::WriteMode;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        connection: Connection,
    }

    const FILE: &str = "\
        default_profile = 'contoso'\n\
        [profile.contoso]\n\
        tenant = 'contoso.example'\n\
        token_command = 'exit 1'\n\
        me = 'ana@contoso.example'\n\
        [profile.agency]\n\
        cloud = 'usgov-l4'\n";

    /// Returns a connection with the given options and a config file.
    fn connection(options: &[&str]) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, FILE).unwrap();
        let file = file.to_str().unwrap();
        let words = ["alertdeck", "--config", file].into_iter().chain(options.iter().copied());
        (folder, Line::try_parse_from(words).unwrap().connection)
    }

    #[test]
    fn the_active_profile_combines_the_file_and_the_options() {
        let (_folder, connection) = connection(&["--api", "beta", "--me", "bo@contoso.example"]);
        let profile = connection.profile().unwrap();
        assert_eq!((profile.name.as_str(), profile.title.as_str()), ("contoso", "contoso.example"));
        assert_eq!((profile.api, profile.me.as_deref()), (Api::Beta, Some("bo@contoso.example")));
        let service = Service::of(&profile, &EnvSecrets::default(), Limits::default()).unwrap();
        assert_eq!((service.tenant.as_str(), service.origin.as_str()), ("contoso.example", "global beta"));
        assert_eq!(service.portal_host, "security.microsoft.com");
    }

    #[test]
    fn options_for_tenant_and_identity_do_not_apply_to_other_profiles() {
        let options = ["--api", "beta", "--me", "bo@contoso.example", "--tenant", "fabrikam.example"];
        let (_folder, connection) = connection(&options);
        let profiles = connection.profiles().unwrap();
        let shown: Vec<_> =
            profiles.iter().map(|one| (one.title.as_str(), one.me.as_deref(), one.cloud, one.api)).collect();
        assert_eq!(
            shown,
            [
                ("contoso.example", Some("ana@contoso.example"), Cloud::Global, Api::Beta),
                ("agency", None, Cloud::UsGovL4, Api::Beta)
            ]
        );
    }

    #[rstest::rstest]
    #[case(&[], WriteMode::Off, WriteMode::Forbidden)]
    #[case(&["--write"], WriteMode::On, WriteMode::Forbidden)]
    #[case(&["--read-only"], WriteMode::Off, WriteMode::Forbidden)]
    fn a_profile_that_is_read_only_stays_so(
        #[case] options: &[&str],
        #[case] contoso: WriteMode,
        #[case] archive: WriteMode,
    ) {
        let (_folder, connection) = connection(options);
        let writes = |profile: &Profile| profile.writes;
        assert_eq!(writes(&connection.profile().unwrap()), contoso);
        let (_folder, mut connection) = self::connection(options);
        let text = format!("{FILE}read_only = true\n");
        std::fs::write(connection.config.as_ref().unwrap(), text).unwrap();
        connection.profile = Some("agency".into());
        assert_eq!(writes(&connection.profile().unwrap()), archive);
        assert!(Line::try_parse_from(["alertdeck", "--write", "--read-only"]).is_err());
    }

    #[test]
    fn a_profile_that_allows_writes_is_made_read_only_by_an_option() {
        let text = format!("{FILE}read_only = false\n");
        for (options, writes) in [(&[][..], WriteMode::On), (&["--read-only"], WriteMode::Off)] {
            let (_folder, mut connection) = connection(options);
            std::fs::write(connection.config.as_ref().unwrap(), &text).unwrap();
            connection.profile = Some("agency".into());
            assert_eq!(connection.profile().unwrap().writes, writes);
        }
    }

    #[test]
    fn a_missing_profile_or_config_file_is_an_error_only_where_it_is_needed() {
        let (folder, connection) = connection(&["--profile", "none", "--cloud", "usgov-l5"]);
        let other = connection.profile_for("http://127.0.0.1:9".into()).unwrap();
        assert_eq!((other.me, other.token_command, other.cloud), (None, None, Cloud::UsGovL5));
        let error = connection.profile().unwrap_err();
        assert_eq!((error.exit_code(), error.to_string().contains("no profile named `none`")), (2, true));
        let usable = connection.profile_if_usable();
        assert_eq!((usable.cloud, usable.me), (Cloud::UsGovL5, None));
        drop(folder);
        assert!(connection.profile().unwrap_err().to_string().contains("config file not found"));
    }
}
