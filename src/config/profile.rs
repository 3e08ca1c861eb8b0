//! One profile, put together from the file, the options and what is usual.
//!
//! It reads no file and no variable: the caller hands over what options and variables say.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    ConfigError, Section,
    key::{KEYS, Key, Kind, Setting, Settings, Source, Value, Wrong, is_shared},
};
use alertdeck_graph::{Api, Cloud, auth::Method, http::Scope};
use alertdeck_model::SafeText;

/// What a profile without a file is called.
const UNNAMED: &str = "default";
/// What the header says where nothing names the tenant.
const UNKNOWN_TENANT: &str = "tenant";

/// Which tenant is asked, where, and by whom. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in the file; `default` without one.
    pub name: String,
    /// Words for the header. They come from the file or an option: neutralise them.
    pub title: String,
    /// The Microsoft cloud.
    pub cloud: Cloud,
    /// The tenant: a GUID, a domain, `organizations` or `common`, wherever someone signs in;
    /// with a ready token any words.
    pub tenant: Option<String>,
    /// The application's id, a GUID.
    pub client_id: Option<String>,
    /// The way to sign in, where one was named; see [`Profile::method`].
    pub auth: Option<Method>,
    /// The version of the API.
    pub api: Api,
    /// Another root of Graph than the cloud's: https, or http on loopback.
    pub graph_url: Option<String>,
    /// Another sign-in service than the cloud's: https, or http on loopback.
    pub login_url: Option<String>,
    /// A command that prints a token. It may hold a secret: it is not to be shown.
    pub token_command: Option<String>,
    /// A file with the application's secret.
    pub client_secret_file: Option<PathBuf>,
    /// A PEM file with the application's certificate and private key.
    pub certificate: Option<PathBuf>,
    /// The user's principal name.
    pub me: Option<String>,
    /// The sign-in is kept in a file instead of the keyring.
    pub plaintext_secrets: bool,
    /// Where the values that were set come from.
    sources: BTreeMap<Key, Source>,
}

/// What options and variables say of a profile; they win over the file.
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
    /// The keys whose value comes from a variable rather than an option.
    pub variables: BTreeSet<Key>,
}

impl Profile {
    /// Returns the way to sign in: the one that was named, else the one that what is at hand
    /// allows. A ready token goes before a command, a command before a secret of the
    /// application, that before a browser; `None` where there is nothing to sign in with.
    ///
    /// `token` and `secret` say whether the variables of a ready token and of the application's
    /// secret are set.
    pub fn method(&self, token: bool, secret: bool) -> Option<Method> {
        let secret = secret || self.client_secret_file.is_some() || self.certificate.is_some();
        let at_hand = [
            (token, Method::Token),
            (self.token_command.is_some(), Method::Command),
            (secret && self.client_id.is_some(), Method::ClientSecret),
            (self.client_id.is_some(), Method::Browser),
        ];
        let found = || at_hand.into_iter().find_map(|(there, method)| there.then_some(method));
        self.auth.or_else(found)
    }

    /// Returns where the value of a key comes from.
    pub fn source(&self, key: Key) -> Source {
        self.sources.get(&key).copied().unwrap_or_default()
    }

    /// Returns the value of a key in words: `None` where it has none. They may come from the
    /// file: neutralise them. Of a command only that there is one, since it may hold a secret.
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
        let known = || if name == UNNAMED { UNKNOWN_TENANT } else { name }.to_owned();
        Self {
            name: name.to_owned(),
            title: text(Key::Name).or_else(|| tenant.clone()).unwrap_or_else(known),
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
            sources: settings.iter().map(|(key, setting)| (*key, setting.source)).collect(),
        }
    }
}

impl Default for Profile {
    /// The profile that nobody has said anything of.
    fn default() -> Self {
        Self::of(UNNAMED, &Settings::new())
    }
}

impl Overrides {
    /// Notes which values come from variables, as far as that can be told: those that equal the
    /// variable's. `variable` returns the value of a variable by its name.
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

    fn values(&self) -> [(Key, Option<Value>); 12] {
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
        ]
    }

    /// Checks the values as those of the file are. Those that are empty count as not set.
    fn settings(&self) -> Result<Settings, ConfigError> {
        let mut settings = Settings::new();
        for (key, value) in self.values() {
            let Some(value) = value.filter(|value| !is_empty(value)) else { continue };
            let source = if self.variables.contains(&key) { Source::Variable } else { Source::Option };
            // What is taken for a tenant depends on how one signs in, see `put_together`.
            let value = match &value {
                Value::Text(text) if key != Key::Tenant => {
                    check(key, text).map_err(|wrong| refused(source.describe(key), &wrong))?
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

/// Reads a text as the value of a key.
fn check(key: Key, text: &str) -> Result<Value, Wrong> {
    match KEYS.iter().find(|spec| spec.key == key).map(|spec| spec.kind) {
        Some(Kind::Text(read)) => read(text),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

fn refused(what: String, wrong: &Wrong) -> ConfigError {
    let shown = SafeText::new(&format!("{}; {}", wrong.message, wrong.fix)).line();
    ConfigError::Setting { what, message: shown }
}

/// Brings a profile of the file and what options and variables say together.
pub(super) fn put_together(section: Option<&Section>, overrides: &Overrides) -> Result<Profile, ConfigError> {
    let mut settings = section.map(|section| section.settings.clone()).unwrap_or_default();
    let given = overrides.settings()?;
    // The words for the header speak of the tenant that the profile names, and of no other.
    if given.get(&Key::Tenant).is_some_and(|tenant| !is_held(&settings, tenant)) {
        settings.remove(&Key::Name);
    }
    // Who brings a command or a secret along wants it used, whatever the file prefers.
    let brought = [
        (Key::TokenCommand, Method::Command),
        (Key::ClientSecretFile, Method::ClientSecret),
        (Key::Certificate, Method::ClientSecret),
    ];
    let brought = brought.into_iter().find_map(|(key, method)| Some((given.get(&key)?.source, method)));
    if let (Some((source, method)), Some(auth)) = (brought, settings.get_mut(&Key::Auth)) {
        *auth = Setting { value: Value::Method(method), source };
    }
    // Of secret and certificate, the one that was brought along replaces the one in the file.
    for (key, other) in [(Key::Certificate, Key::ClientSecretFile), (Key::ClientSecretFile, Key::Certificate)]
    {
        if given.contains_key(&key) {
            settings.remove(&other);
        }
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
            .map_err(|wrong| refused(setting.source.describe(Key::Tenant), &wrong))?;
    }
    if let Some((key, wrong)) = contradictions(&settings).into_iter().next() {
        let source = settings.get(&key).map(|setting| setting.source).unwrap_or_default();
        let what = match source {
            Source::File { line } => format!("{} (line {line} of the config file)", key.name()),
            source => source.describe(key),
        };
        return Err(refused(what, &wrong));
    }
    Ok(Profile::of(section.map_or(UNNAMED, |section| &section.name), &settings))
}

fn is_held(settings: &Settings, tenant: &Setting) -> bool {
    let held = settings.get(&Key::Tenant).map(|held| held.value.to_string());
    held.is_some_and(|held| held.eq_ignore_ascii_case(tenant.value.to_string().trim()))
}

/// An address that a cloud has.
type Root = fn(Cloud) -> &'static str;

/// Lists what does not go together, each with the key to blame; it has a value.
pub(super) fn contradictions(settings: &Settings) -> Vec<(Key, Wrong)> {
    let value = |key| settings.get(&key).map(|setting| &setting.value);
    let mut found = Vec::new();
    let mut say = |key: Key, message: String, fix: String| {
        found.push((key, Wrong { message, fix, hide: false }));
    };
    if let Some(Value::Method(method)) = value(Key::Auth) {
        let needed: &[Key] = match method {
            Method::Command => &[Key::TokenCommand],
            Method::Browser | Method::DeviceCode | Method::ClientSecret => &[Key::ClientId, Key::Tenant],
            Method::Token => &[],
        };
        for key in needed.iter().filter(|key| value(**key).is_none()) {
            let name = key.name();
            say(Key::Auth, format!("`{method}` needs {name}, which is missing"), format!("add {name}"));
        }
        if let (Method::ClientSecret, Some(Value::Text(tenant))) = (method, value(Key::Tenant))
            && is_shared(tenant)
        {
            let message = format!("an application cannot sign in to `{tenant}`");
            say(Key::Tenant, message, "name the tenant: its domain or its GUID".into());
        }
    }
    if value(Key::Certificate).is_some() && value(Key::ClientSecretFile).is_some() {
        let message = "certificate and client_secret_file are both set";
        say(Key::Certificate, message.into(), "keep one of them".into());
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
            say(key, message.into(), "use a tenant in global, usgov-l4 or usgov-l5".into());
        } else if let Some(other) = Cloud::ALL.iter().find(|cloud| is_host(cloud))
            && !is_host(&cloud)
        {
            let message = format!("{host} belongs to the cloud {other}, and the cloud is {cloud}");
            say(key, message, format!("set cloud = \"{other}\", or take the address out"));
        }
    }
    found
}

/// The hosts of a cloud that lacks the API (API.md 7).
const CHINA: [&str; 2] = ["microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"];

fn host(url: &str) -> Option<String> {
    Scope::new(url).ok()?.base().host_str().map(str::to_owned)
}
