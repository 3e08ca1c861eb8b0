//! A profile, merged from the file, the options and the defaults.
//!
//! This module reads neither files nor variables; the caller passes in the values from options and
//! variables.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    ConfigError, Section,
    key::{KEYS, Key, Setting, Settings, Source, Value, ValueError, ValueKind, is_shared},
};
use crate::triage::WriteMode;
use alertdeck_cache::Retention;
use alertdeck_graph::{Api, Cloud, auth::Method, http::Scope};
use alertdeck_model::SafeText;

/// The name of a profile that does not come from a file.
const UNNAMED: &str = "default";
const MEGABYTE: u64 = 1_000_000;
/// The title if the tenant is unknown.
const UNKNOWN_TENANT: &str = "tenant";

/// A tenant and how to sign in to it. Contains no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in the file; `default` if the profile does not come from a file.
    pub name: String,
    /// The title shown in the header, such as the `name` in the file or the tenant. Not sanitised.
    pub title: String,
    /// The Microsoft cloud.
    pub cloud: Cloud,
    /// The tenant: a GUID, a domain, `organizations` or `common`. If tokens come from a command or
    /// from the environment, any text is allowed.
    pub tenant: Option<String>,
    /// The application's client ID, a GUID.
    pub client_id: Option<String>,
    /// The sign-in method, if one was specified; see [`Profile::method`].
    pub auth: Option<Method>,
    /// The API version.
    pub api: Api,
    /// The root URL of Graph, overriding the cloud's default: https, or http on loopback.
    pub graph_url: Option<String>,
    /// The URL of the sign-in service, overriding the cloud's default: https, or http on loopback.
    pub login_url: Option<String>,
    /// A command that prints a token. The command may contain a secret and must not be shown.
    pub token_command: Option<String>,
    /// A file with the application's secret.
    pub client_secret_file: Option<PathBuf>,
    /// A PEM file with the application's certificate and private key.
    pub certificate: Option<PathBuf>,
    /// The user principal name.
    pub me: Option<String>,
    /// Whether credentials are stored in a file instead of the keyring.
    pub plaintext_secrets: bool,
    /// Whether alerts may be changed.
    pub writes: WriteMode,
    /// The limits on the console's alert cache; `None` disables the cache.
    pub cache: Option<Retention>,
    /// Where each value that was set comes from.
    sources: BTreeMap<Key, Source>,
}

/// The values from options and variables, which override the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// See [`Profile::cloud`].
    pub cloud: Option<Cloud>,
    /// See [`Profile::tenant`].
    pub tenant: Option<String>,
    /// See [`Profile::client_id`].
    pub client_id: Option<String>,
    /// See [`Profile::auth`].
    pub auth: Option<Method>,
    /// See [`Profile::api`].
    pub api: Option<Api>,
    /// See [`Profile::graph_url`].
    pub graph_url: Option<String>,
    /// See [`Profile::login_url`].
    pub login_url: Option<String>,
    /// See [`Profile::token_command`].
    pub token_command: Option<String>,
    /// See [`Profile::client_secret_file`].
    pub client_secret_file: Option<PathBuf>,
    /// See [`Profile::certificate`].
    pub certificate: Option<PathBuf>,
    /// See [`Profile::me`].
    pub me: Option<String>,
    /// See [`Profile::plaintext_secrets`].
    pub plaintext_secrets: Option<bool>,
    /// Whether changes to alerts are disabled; see [`Profile::writes`].
    pub read_only: Option<bool>,
    /// Whether alerts are cached; see [`Profile::cache`].
    pub cache: Option<bool>,
    /// The keys whose values come from environment variables rather than options.
    pub variables: BTreeSet<Key>,
}

impl Profile {
    /// Returns the sign-in method. If none is specified, returns the first whose requirements are
    /// met, in this order: an existing token, a command, the application's secret or certificate, a
    /// browser. Returns `None` if no sign-in is configured.
    ///
    /// `token` and `secret` specify whether the environment variables for an existing token and for
    /// the application's secret are set.
    pub fn method(&self, token: bool, secret: bool) -> Option<Method> {
        let secret = secret || self.client_secret_file.is_some() || self.certificate.is_some();
        let available = [
            (token, Method::Token),
            (self.token_command.is_some(), Method::Command),
            (secret && self.client_id.is_some(), Method::ClientSecret),
            (self.client_id.is_some(), Method::Browser),
        ];
        let first = || available.into_iter().find_map(|(is_met, method)| is_met.then_some(method));
        self.auth.or_else(first)
    }

    /// Returns where a key's value comes from.
    pub fn source(&self, key: Key) -> Source {
        self.sources.get(&key).copied().unwrap_or_default()
    }

    /// Returns a key's value as text, or `None` if the value is not set. The value is not
    /// sanitised. For a token command, returns `set`, since the command may contain a secret.
    pub fn value(&self, key: Key) -> Option<String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        match key {
            Key::Name => Some(self.title.clone()),
            Key::Cloud => Some(self.cloud.to_string()),
            Key::Tenant => self.tenant.clone(),
            Key::ClientId => self.client_id.clone(),
            Key::Auth => self.auth.map(|auth| auth.to_string()),
            Key::Api => Some(self.api.to_string()),
            Key::GraphUrl => self.graph_url.clone(),
            Key::LoginUrl => self.login_url.clone(),
            Key::TokenCommand => self.token_command.as_ref().map(|_| "set".to_owned()),
            Key::ClientSecretFile => path(&self.client_secret_file),
            Key::Certificate => path(&self.certificate),
            Key::Me => self.me.clone(),
            Key::PlaintextSecrets => Some(self.plaintext_secrets.to_string()),
            Key::ReadOnly => Some((self.writes != WriteMode::On).to_string()),
            Key::Cache => Some(self.cache.is_some().to_string()),
            Key::CacheDays => self.cache.map(|cache| cache.days.to_string()),
            Key::CacheMegabytes => self.cache.map(|cache| (cache.bytes / MEGABYTE).to_string()),
        }
    }

    fn of(name: &str, settings: &Settings) -> Self {
        let value = |key| settings.get(&key).map(|setting| &setting.value);
        let text = |key| match value(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let path = |key| match value(key) {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        };
        let tenant = text(Key::Tenant);
        let default_title = || if name == UNNAMED { UNKNOWN_TENANT } else { name }.to_owned();
        Self {
            name: name.to_owned(),
            title: text(Key::Name).or_else(|| tenant.clone()).unwrap_or_else(default_title),
            cloud: match value(Key::Cloud) {
                Some(Value::Cloud(cloud)) => *cloud,
                _ => Cloud::default(),
            },
            tenant,
            client_id: text(Key::ClientId),
            auth: match value(Key::Auth) {
                Some(Value::Method(method)) => Some(*method),
                _ => None,
            },
            api: match value(Key::Api) {
                Some(Value::Api(api)) => *api,
                _ => Api::default(),
            },
            graph_url: text(Key::GraphUrl),
            login_url: text(Key::LoginUrl),
            token_command: text(Key::TokenCommand),
            client_secret_file: path(Key::ClientSecretFile),
            certificate: path(Key::Certificate),
            me: text(Key::Me),
            plaintext_secrets: value(Key::PlaintextSecrets) == Some(&Value::Flag(true)),
            writes: match settings.get(&Key::ReadOnly) {
                Some(Setting { value: Value::Flag(false), .. }) => WriteMode::On,
                Some(Setting { source: Source::File { .. }, .. }) => WriteMode::Forbidden,
                _ => WriteMode::Off,
            },
            cache: (value(Key::Cache) != Some(&Value::Flag(false))).then(|| {
                let number = |key| match value(key) {
                    Some(Value::Number(number)) => Some(*number),
                    _ => None,
                };
                let default = Retention::default();
                let bytes = number(Key::CacheMegabytes).map(|megabytes| u64::from(megabytes) * MEGABYTE);
                Retention {
                    days: number(Key::CacheDays).unwrap_or(default.days),
                    bytes: bytes.unwrap_or(default.bytes),
                }
            }),
            sources: settings.iter().map(|(key, setting)| (*key, setting.source)).collect(),
        }
    }
}

impl Default for Profile {
    /// Returns a profile without any settings.
    fn default() -> Self {
        Self::of(UNNAMED, &Settings::new())
    }
}

impl Overrides {
    /// Marks the values that come from environment variables. Parsed arguments do not record where
    /// a value came from, so a value is assumed to come from the environment if the variable for
    /// its key has the same value. `variable` returns the value of an environment variable.
    #[must_use]
    pub fn with_variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let equals = |key: Key, value: &Value| {
            let Some(text) = variable(&key.variable()) else { return false };
            match value {
                Value::Flag(_) => true,
                Value::Text(own) => *own == text,
                Value::Path(own) => own.to_string_lossy() == text,
                _ => check(key, &text).is_ok_and(|read| read == *value),
            }
        };
        let values = self.values().into_iter();
        let found = values.filter_map(|(key, value)| equals(key, &value?).then_some(key));
        self.variables = found.collect();
        self
    }

    /// Returns the option or variable that sets a value specific to one tenant or identity, if any.
    pub fn of_one_tenant(&self) -> Option<String> {
        let is_general =
            |key: Key| matches!(key, Key::Api | Key::PlaintextSecrets | Key::ReadOnly | Key::Cache);
        let given = |(key, value): (Key, Option<Value>)| {
            (!is_general(key) && value.is_some_and(|value| !is_empty(&value))).then_some(key)
        };
        let key = self.values().into_iter().find_map(given)?;
        Some(if self.variables.contains(&key) { key.variable() } else { key.option() })
    }

    fn values(&self) -> [(Key, Option<Value>); 14] {
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        let path = |path: &Option<PathBuf>| path.clone().map(Value::Path);
        [
            (Key::Cloud, self.cloud.map(Value::Cloud)),
            (Key::Tenant, text(&self.tenant)),
            (Key::ClientId, text(&self.client_id)),
            (Key::Auth, self.auth.map(Value::Method)),
            (Key::Api, self.api.map(Value::Api)),
            (Key::GraphUrl, text(&self.graph_url)),
            (Key::LoginUrl, text(&self.login_url)),
            (Key::TokenCommand, text(&self.token_command)),
            (Key::ClientSecretFile, path(&self.client_secret_file)),
            (Key::Certificate, path(&self.certificate)),
            (Key::Me, text(&self.me)),
            (Key::PlaintextSecrets, self.plaintext_secrets.map(Value::Flag)),
            (Key::ReadOnly, self.read_only.map(Value::Flag)),
            (Key::Cache, self.cache.map(Value::Flag)),
        ]
    }

    /// Checks the values in the same way as those in a file. An empty value counts as not set.
    fn settings(&self) -> Result<Settings, ConfigError> {
        let mut settings = Settings::new();
        for (key, value) in self.values() {
            let Some(value) = value.filter(|value| !is_empty(value)) else { continue };
            let source = if self.variables.contains(&key) { Source::Variable } else { Source::Option };
            // How a tenant is checked depends on the sign-in method; see `merge`.
            let value = match &value {
                Value::Text(text) if key != Key::Tenant => {
                    check(key, text).map_err(|error| setting_error(source.describe(key), &error))?
                }
                _ => value,
            };
            settings.insert(key, Setting { value, source });
        }
        Ok(settings)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::Path(path) => path.as_os_str().is_empty(),
        _ => false,
    }
}

/// Parses a string as the value of a key.
fn check(key: Key, text: &str) -> Result<Value, ValueError> {
    match KEYS.iter().find(|spec| spec.key == key).map(|spec| spec.kind) {
        Some(ValueKind::Text(parse)) => parse(text),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

fn setting_error(what: String, error: &ValueError) -> ConfigError {
    let message = SafeText::new(&format!("{}; {}", error.message, error.fix)).line();
    ConfigError::Setting { what, message }
}

/// Merges a profile from the file with options and variables.
pub(super) fn merge(section: Option<&Section>, overrides: &Overrides) -> Result<Profile, ConfigError> {
    let mut settings = section.map(|section| section.settings.clone()).unwrap_or_default();
    let mut given = overrides.settings()?;
    // The title describes the profile's tenant, so drop it if a different tenant is given.
    if given.get(&Key::Tenant).is_some_and(|tenant| !is_same_tenant(&settings, tenant)) {
        settings.remove(&Key::Name);
    }
    // A given command, secret or certificate overrides the sign-in method from the file.
    let implied = [
        (Key::TokenCommand, Method::Command),
        (Key::ClientSecretFile, Method::ClientSecret),
        (Key::Certificate, Method::ClientSecret),
    ];
    let implied = implied.into_iter().find_map(|(key, method)| Some((given.get(&key)?.source, method)));
    if let (Some((source, method)), Some(auth)) = (implied, settings.get_mut(&Key::Auth)) {
        *auth = Setting { value: Value::Method(method), source };
    }
    // A given secret replaces the certificate from the file, and vice versa.
    for (key, other) in [(Key::Certificate, Key::ClientSecretFile), (Key::ClientSecretFile, Key::Certificate)]
    {
        if given.contains_key(&key) {
            settings.remove(&other);
        }
    }
    // `--write` does not override `read_only = true` in the file.
    let is_protected = settings.get(&Key::ReadOnly).is_some_and(|setting| setting.value == Value::Flag(true));
    if is_protected {
        given.remove(&Key::ReadOnly);
    }
    settings.extend(given);
    let is = |methods: &[Method]| {
        let auth = settings.get(&Key::Auth).map(|setting| &setting.value);
        methods.iter().any(|method| auth == Some(&Value::Method(*method)))
    };
    let signs_in = if settings.contains_key(&Key::Auth) {
        is(&[Method::Browser, Method::DeviceCode, Method::ClientSecret])
    } else {
        settings.contains_key(&Key::ClientId)
    };
    if let Some(setting) = settings.get_mut(&Key::Tenant).filter(|_| signs_in) {
        setting.value = check(Key::Tenant, &setting.value.to_string())
            .map_err(|error| setting_error(setting.source.describe(Key::Tenant), &error))?;
    }
    if let Some((key, error)) = contradictions(&settings).into_iter().next() {
        let source = settings.get(&key).map(|setting| setting.source).unwrap_or_default();
        let what = match source {
            Source::File { line } => format!("{} (line {line} of the config file)", key.name()),
            source => source.describe(key),
        };
        return Err(setting_error(what, &error));
    }
    Ok(Profile::of(section.map_or(UNNAMED, |section| &section.name), &settings))
}

fn is_same_tenant(settings: &Settings, tenant: &Setting) -> bool {
    let own = settings.get(&Key::Tenant).map(|own| own.value.to_string());
    own.is_some_and(|own| own.eq_ignore_ascii_case(tenant.value.to_string().trim()))
}

/// A function that returns one of a cloud's addresses.
type Root = fn(Cloud) -> &'static str;

/// Returns the contradictions between values, each paired with the key it is reported under. That
/// key always has a value.
pub(super) fn contradictions(settings: &Settings) -> Vec<(Key, ValueError)> {
    let value = |key| settings.get(&key).map(|setting| &setting.value);
    let mut errors = Vec::new();
    let mut add = |key: Key, message: String, fix: String| {
        errors.push((key, ValueError { message, fix, hide: false }));
    };
    if let Some(Value::Method(method)) = value(Key::Auth) {
        let needed: &[Key] = match method {
            Method::Command => &[Key::TokenCommand],
            Method::Browser | Method::DeviceCode | Method::ClientSecret => &[Key::ClientId, Key::Tenant],
            Method::Token => &[],
        };
        for key in needed.iter().filter(|key| value(**key).is_none()) {
            let name = key.name();
            add(Key::Auth, format!("`{method}` requires {name}"), format!("add {name}"));
        }
        if let (Method::ClientSecret, Some(Value::Text(tenant))) = (method, value(Key::Tenant))
            && is_shared(tenant)
        {
            let message = format!("an application cannot sign in to `{tenant}`");
            add(Key::Tenant, message, "use the tenant's domain or GUID".into());
        }
    }
    if value(Key::Certificate).is_some() && value(Key::ClientSecretFile).is_some() {
        let message = "certificate and client_secret_file are both set";
        add(Key::Certificate, message.into(), "keep one of them".into());
    }
    let cloud = match value(Key::Cloud) {
        Some(Value::Cloud(cloud)) => *cloud,
        _ => Cloud::default(),
    };
    for (key, root) in [(Key::GraphUrl, Cloud::graph_root as Root), (Key::LoginUrl, Cloud::login_authority)] {
        let Some(host) = value(key).and_then(|url| host(&url.to_string())) else { continue };
        let is_host = |cloud: &Cloud| self::host(root(*cloud)).as_ref() == Some(&host);
        if CHINA.contains(&host.as_str()) {
            let message = "Microsoft does not offer the alerts API in the China cloud";
            add(key, message.into(), "use a tenant in global, usgov-l4 or usgov-l5".into());
        } else if let Some(other) = Cloud::ALL.iter().find(|cloud| is_host(cloud))
            && !is_host(&cloud)
        {
            let message = format!("{host} belongs to cloud {other}, but cloud is {cloud}");
            add(key, message, format!("set cloud = \"{other}\", or remove the address"));
        }
    }
    errors
}

/// The hosts of the China cloud, which does not offer the alerts API (docs/graph-api.md, "National
/// clouds").
const CHINA: [&str; 2] = ["microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"];

fn host(url: &str) -> Option<String> {
    Scope::new(url).ok()?.base().host_str().map(str::to_owned)
}
