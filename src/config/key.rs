//! A profile's keys, in a table with their names, types and checks.
//!
//! The table is used to read the file, to check options and to show a profile.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use super::diagnostic::{nearest, quoted};
use alertdeck_graph::{
    Api, Cloud, CloudError,
    auth::{Method, SECRET_VARIABLE},
    http::{Scope, ScopeError},
};

/// A key in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The title shown in the header.
    Name,
    /// The Microsoft cloud.
    Cloud,
    /// The tenant to sign in to.
    Tenant,
    /// The client ID of the application that signs in.
    ClientId,
    /// The sign-in method.
    Auth,
    /// The API version.
    Api,
    /// The root URL of Graph, overriding the cloud's default.
    GraphUrl,
    /// The URL of the sign-in service, overriding the cloud's default.
    LoginUrl,
    /// A command that prints an access token.
    TokenCommand,
    /// A file with the application's secret.
    ClientSecretFile,
    /// A file with the application's certificate and private key.
    Certificate,
    /// The user principal name.
    Me,
    /// Whether credentials are stored in a file instead of the keyring.
    PlaintextSecrets,
    /// Whether changes to alerts are disabled.
    ReadOnly,
    /// Whether alerts are cached.
    Cache,
    /// The age in days after which cached alerts are removed.
    CacheDays,
    /// The maximum size of an account's cache, in megabytes.
    CacheMegabytes,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// A command-line option.
    Option,
    /// An environment variable.
    Variable,
    /// The config file.
    File {
        /// The line, counted from 1.
        line: usize,
    },
    /// The default, since the value was not set.
    #[default]
    Default,
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Cloud(Cloud),
    Method(Method),
    Api(Api),
    Flag(bool),
    Number(u32),
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
}

pub(super) type Settings = BTreeMap<Key, Setting>;

/// An error in a value, with the suggested fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ValueError {
    pub(super) message: String,
    pub(super) fix: String,
    /// Whether the value may contain a secret.
    pub(super) hide: bool,
}

/// The type of a key's value.
#[derive(Clone, Copy)]
pub(super) enum ValueKind {
    /// Text, with the function that parses and checks it.
    Text(fn(&str) -> Result<Value, ValueError>),
    /// `true` or `false`.
    Flag,
    /// A whole number from 1 to this maximum.
    Number(u32),
}

/// The definition of a key.
pub(super) struct KeySpec {
    pub(super) key: Key,
    pub(super) name: &'static str,
    pub(super) kind: ValueKind,
}

const fn spec(key: Key, name: &'static str, kind: ValueKind) -> KeySpec {
    KeySpec { key, name, kind }
}

/// All keys, in the order in which `config show` lists them.
pub(super) const KEYS: [KeySpec; 17] = [
    spec(Key::Name, "name", ValueKind::Text(non_empty)),
    spec(Key::Cloud, "cloud", ValueKind::Text(cloud)),
    spec(Key::Tenant, "tenant", ValueKind::Text(tenant)),
    spec(Key::ClientId, "client_id", ValueKind::Text(client_id)),
    spec(Key::Auth, "auth", ValueKind::Text(auth)),
    spec(Key::Api, "api", ValueKind::Text(api)),
    spec(Key::GraphUrl, "graph_url", ValueKind::Text(address)),
    spec(Key::LoginUrl, "login_url", ValueKind::Text(address)),
    spec(Key::TokenCommand, "token_command", ValueKind::Text(non_empty)),
    spec(Key::ClientSecretFile, "client_secret_file", ValueKind::Text(path)),
    spec(Key::Certificate, "certificate", ValueKind::Text(path)),
    spec(Key::Me, "me", ValueKind::Text(non_empty)),
    spec(Key::PlaintextSecrets, "plaintext_secrets", ValueKind::Flag),
    spec(Key::ReadOnly, "read_only", ValueKind::Flag),
    spec(Key::Cache, "cache", ValueKind::Flag),
    spec(Key::CacheDays, "cache_days", ValueKind::Number(3_650)),
    spec(Key::CacheMegabytes, "cache_megabytes", ValueKind::Number(1_000_000)),
];

impl Key {
    /// Returns all keys, in the order in which `config show` lists them.
    pub fn all() -> impl Iterator<Item = Self> {
        KEYS.iter().map(|spec| spec.key)
    }

    /// Returns the key's name in the file.
    pub fn name(self) -> &'static str {
        KEYS.iter().find(|spec| spec.key == self).map_or("", |spec| spec.name)
    }

    /// Returns the command-line option for the key, such as `--client-id`. [`Key::Name`] and the
    /// cache limits do not have one.
    pub fn option(self) -> String {
        match self {
            // The option can only turn the cache off.
            Self::Cache => "--no-cache".to_owned(),
            Self::ReadOnly => "--read-only or --write".to_owned(),
            _ => format!("--{}", self.name().replace('_', "-")),
        }
    }

    /// Returns the environment variable for the key, such as `ALERTDECK_CLIENT_ID`.
    pub fn variable(self) -> String {
        match self {
            Self::Cache => "ALERTDECK_NO_CACHE".to_owned(),
            _ => format!("ALERTDECK_{}", self.name().to_ascii_uppercase()),
        }
    }
}

impl Source {
    /// Describes where the value of `key` comes from.
    pub fn describe(self, key: Key) -> String {
        match self {
            Self::Option => key.option(),
            Self::Variable => key.variable(),
            Self::File { line } => format!("line {line}"),
            Self::Default => "default".to_owned(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Path(path) => path.display().fmt(f),
            Self::Cloud(cloud) => cloud.fmt(f),
            Self::Method(method) => method.fmt(f),
            Self::Api(api) => api.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl ValueError {
    fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into(), hide: false }
    }

    /// Returns the error for a name that is not one of `names`.
    fn unknown_name(what: &str, text: &str, names: &[&'static str]) -> Self {
        let fix = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected {}", names.join(", ")),
        };
        Self::new(format!("unknown {what} {}", quoted(text)), fix)
    }
}

/// Parses a whole number from 1 to `most` in the given radix.
pub(super) fn number_up_to(digits: &str, radix: u32, most: u32) -> Result<Value, ValueError> {
    match u32::from_str_radix(&digits.replace('_', ""), radix) {
        Ok(number) if (1..=most).contains(&number) => Ok(Value::Number(number)),
        _ => Err(ValueError::new("the number is out of range", format!("write a number from 1 to {most}"))),
    }
}

fn non_empty(text: &str) -> Result<Value, ValueError> {
    if text.trim().is_empty() {
        return Err(ValueError::new("the value is empty", "enter a value or remove the line"));
    }
    Ok(Value::Text(text.trim().to_owned()))
}

fn path(text: &str) -> Result<Value, ValueError> {
    non_empty(text)?;
    Ok(Value::Path(text.into()))
}

fn cloud(text: &str) -> Result<Value, ValueError> {
    Cloud::from_str(text).map(Value::Cloud).map_err(|error| match error {
        CloudError::NotOffered => {
            ValueError::new(error.to_string(), "use a tenant in global, usgov-l4 or usgov-l5")
        }
        CloudError::Unknown => ValueError::unknown_name("cloud", text, &Cloud::ALL.map(Cloud::name)),
    })
}

fn auth(text: &str) -> Result<Value, ValueError> {
    let error = |_| ValueError::unknown_name("sign-in method", text, &Method::ALL.map(Method::name));
    Method::from_str(text).map(Value::Method).map_err(error)
}

fn api(text: &str) -> Result<Value, ValueError> {
    let error = |_| ValueError::unknown_name("API version", text, &[Api::V1.name(), Api::Beta.name()]);
    Api::from_str(text).map(Value::Api).map_err(error)
}

fn address(text: &str) -> Result<Value, ValueError> {
    match Scope::new(text) {
        Ok(_) => Ok(Value::Text(text.to_owned())),
        Err(error) => {
            let fix = match error {
                ScopeError::Unreadable => "enter the full address, starting with https://",
                ScopeError::Insecure => "start the address with https://",
                ScopeError::Decorated => "remove the other parts",
            };
            // The part before the `@` may contain a password.
            let hide = error == ScopeError::Decorated;
            Err(ValueError { hide, ..ValueError::new(error.to_string(), fix) })
        }
    }
}

fn client_id(text: &str) -> Result<Value, ValueError> {
    if is_guid(text) {
        return Ok(Value::Text(text.to_ascii_lowercase()));
    }
    // Do not quote the value, since users may enter the secret by mistake.
    let message = "a client ID must be a GUID";
    let fix = "use the Application (client) ID of the app registration, 8-4-4-4-12 hexadecimal digits";
    Err(ValueError { hide: true, ..ValueError::new(message, fix) })
}

/// Parses a tenant, which becomes part of a URL (docs/graph-api.md, "Sign-in").
fn tenant(text: &str) -> Result<Value, ValueError> {
    if text.eq_ignore_ascii_case("consumers") {
        let fix = "use the tenant's domain or GUID";
        return Err(ValueError::new("personal accounts have no Defender alerts", fix));
    }
    if is_guid(text) || is_domain(text) || is_shared(text) {
        return Ok(Value::Text(text.to_ascii_lowercase()));
    }
    let fix = "expected a domain such as contoso.onmicrosoft.com, a GUID, organizations or common";
    Err(ValueError::new(format!("{} is not a valid tenant", quoted(text)), fix))
}

/// Returns whether the tenant is a placeholder, in which case the account that signs in determines
/// the actual tenant.
pub(super) fn is_shared(tenant: &str) -> bool {
    ["organizations", "common"].iter().any(|name| tenant.eq_ignore_ascii_case(name))
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // No top-level domain consists of digits, so an IP address is not accepted as a domain.
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && top.bytes().any(|b| b.is_ascii_alphabetic())
}

/// The maximum length of a profile name, in characters.
const MAX_NAME: usize = 40;

/// Returns whether a name is valid as a profile name.
pub(super) fn is_profile_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Words that mark a key as the name of a secret.
const SECRETS: [&str; 6] = ["secret", "token", "password", "passwd", "credential", "assertion"];

/// Returns whether an unknown key looks like the name of a secret. Known keys never contain
/// secrets.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    !KEYS.iter().any(|spec| spec.name == name) && SECRETS.iter().any(|word| plain.contains(word))
}

/// Returns the suggested fix for a secret in the file: where to put the secret instead.
pub(super) fn fix_for_secret(name: &str) -> String {
    if name.to_ascii_lowercase().contains("token") {
        return "set the variable ALERTDECK_TOKEN, or token_command to a command that prints the token"
            .to_owned();
    }
    format!("set the variable {SECRET_VARIABLE}, or client_secret_file to a file with the secret")
}
