//! The keys of a profile: one table of their names, what each takes and how it is checked.
//!
//! Reading the file, checking the options and showing a profile go by this table.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

use super::diagnostic::{nearest, quoted};
use alertdeck_graph::{
    Api, Cloud, CloudError,
    auth::{Method, SECRET_VARIABLE},
    http::{Scope, ScopeError},
};

/// A key of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Words for the header.
    Name,
    /// The Microsoft cloud.
    Cloud,
    /// The tenant that is signed in to.
    Tenant,
    /// The application that is signed in to.
    ClientId,
    /// The way to sign in.
    Auth,
    /// The version of the API.
    Api,
    /// Another root of Graph than the cloud's.
    GraphUrl,
    /// Another sign-in service than the cloud's.
    LoginUrl,
    /// A command that prints a token.
    TokenCommand,
    /// A file with the application's secret.
    ClientSecretFile,
    /// A file with the application's certificate and private key.
    Certificate,
    /// The user's principal name.
    Me,
    /// Whether the sign-in is kept in a file instead of the keyring.
    PlaintextSecrets,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// An option of the command line.
    Option,
    /// A variable of the environment.
    Variable,
    /// The config file.
    File {
        /// The line, counted from 1.
        line: usize,
    },
    /// It was not set.
    #[default]
    Default,
}

/// A value that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Cloud(Cloud),
    Method(Method),
    Api(Api),
    Flag(bool),
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
}

pub(super) type Settings = BTreeMap<Key, Setting>;

/// What is wrong with a value, and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) fix: String,
    /// The value may hold a secret.
    pub(super) hide: bool,
}

/// What a key takes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A text, read by a function that checks it.
    Text(fn(&str) -> Result<Value, Wrong>),
    /// `true` or `false`.
    Flag,
}

/// A line of the table.
pub(super) struct Spec {
    pub(super) key: Key,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

const fn spec(key: Key, name: &'static str, kind: Kind) -> Spec {
    Spec { key, name, kind }
}

/// Every key, in the order in which a profile is shown.
pub(super) const KEYS: [Spec; 13] = [
    spec(Key::Name, "name", Kind::Text(words)),
    spec(Key::Cloud, "cloud", Kind::Text(cloud)),
    spec(Key::Tenant, "tenant", Kind::Text(tenant)),
    spec(Key::ClientId, "client_id", Kind::Text(client_id)),
    spec(Key::Auth, "auth", Kind::Text(auth)),
    spec(Key::Api, "api", Kind::Text(api)),
    spec(Key::GraphUrl, "graph_url", Kind::Text(address)),
    spec(Key::LoginUrl, "login_url", Kind::Text(address)),
    spec(Key::TokenCommand, "token_command", Kind::Text(words)),
    spec(Key::ClientSecretFile, "client_secret_file", Kind::Text(path)),
    spec(Key::Certificate, "certificate", Kind::Text(path)),
    spec(Key::Me, "me", Kind::Text(words)),
    spec(Key::PlaintextSecrets, "plaintext_secrets", Kind::Flag),
];

impl Key {
    /// Returns every key, in the order in which a profile is shown.
    pub fn all() -> impl Iterator<Item = Self> {
        KEYS.iter().map(|spec| spec.key)
    }

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        KEYS.iter().find(|spec| spec.key == self).map_or("", |spec| spec.name)
    }

    /// Returns the option that sets it: `--client-id`. The name of a profile has none.
    pub fn option(self) -> String {
        format!("--{}", self.name().replace('_', "-"))
    }

    /// Returns the variable that sets it: `ALERTDECK_CLIENT_ID`.
    pub fn variable(self) -> String {
        format!("ALERTDECK_{}", self.name().to_ascii_uppercase())
    }
}

/// Says where a value comes from, for a key.
impl Source {
    /// Returns the origin of a value of `key` in words.
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
        }
    }
}

impl Wrong {
    fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), fix: fix.into(), hide: false }
    }

    /// A name that is none of `names`.
    fn member(what: &str, text: &str, names: &[&'static str]) -> Self {
        let fix = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected {}", names.join(", ")),
        };
        Self::new(format!("unknown {what} {}", quoted(text)), fix)
    }
}

fn words(text: &str) -> Result<Value, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::new("the value is empty", "give it one, or take the line out"));
    }
    Ok(Value::Text(text.trim().to_owned()))
}

fn path(text: &str) -> Result<Value, Wrong> {
    words(text)?;
    Ok(Value::Path(text.into()))
}

fn cloud(text: &str) -> Result<Value, Wrong> {
    Cloud::from_str(text).map(Value::Cloud).map_err(|error| match error {
        CloudError::NotOffered => {
            Wrong::new(error.to_string(), "use a tenant in global, usgov-l4 or usgov-l5")
        }
        CloudError::Unknown => Wrong::member("cloud", text, &Cloud::ALL.map(Cloud::name)),
    })
}

fn auth(text: &str) -> Result<Value, Wrong> {
    let wrong = |_| Wrong::member("way to sign in", text, &Method::ALL.map(Method::name));
    Method::from_str(text).map(Value::Method).map_err(wrong)
}

fn api(text: &str) -> Result<Value, Wrong> {
    let wrong = |_| Wrong::member("API version", text, &[Api::V1.name(), Api::Beta.name()]);
    Api::from_str(text).map(Value::Api).map_err(wrong)
}

fn address(text: &str) -> Result<Value, Wrong> {
    match Scope::new(text) {
        Ok(_) => Ok(Value::Text(text.to_owned())),
        Err(error) => {
            let fix = match error {
                ScopeError::Unreadable => "write the whole address, with https:// before it",
                ScopeError::Insecure => "write https:// before it",
                ScopeError::Decorated => "take out what is more",
            };
            // Before an `@` stands a password.
            let hide = error == ScopeError::Decorated;
            Err(Wrong { hide, ..Wrong::new(error.to_string(), fix) })
        }
    }
}

fn client_id(text: &str) -> Result<Value, Wrong> {
    if is_guid(text) {
        return Ok(Value::Text(text.to_ascii_lowercase()));
    }
    // A secret is easily taken for the id, so it is not quoted.
    let message = "a client id is a GUID, this is none";
    let fix = "take the Application (client) ID of the app registration, 8-4-4-4-12 hexadecimal digits";
    Err(Wrong { hide: true, ..Wrong::new(message, fix) })
}

/// What the sign-in service takes for a tenant (API.md 8). It becomes a part of an address.
fn tenant(text: &str) -> Result<Value, Wrong> {
    if text.eq_ignore_ascii_case("consumers") {
        let fix = "name the tenant: its domain or its GUID";
        return Err(Wrong::new("personal accounts have no Defender alerts", fix));
    }
    if is_guid(text) || is_domain(text) || is_shared(text) {
        return Ok(Value::Text(text.to_ascii_lowercase()));
    }
    let fix = "expected a domain such as contoso.onmicrosoft.com, a GUID, organizations or common";
    Err(Wrong::new(format!("{} is no tenant", quoted(text)), fix))
}

/// Tells whether a tenant is none in particular: whoever signs in decides.
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
    // No top level is of digits alone, so an address of numbers is none.
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && top.bytes().any(|b| b.is_ascii_alphabetic())
}

/// The longest name of a profile, in characters.
const LONGEST_NAME: usize = 40;

/// Tells whether a profile can be called so.
pub(super) fn is_profile_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Words that a key for a secret is called by, without blanks and dashes.
const SECRETS: [&str; 6] = ["secret", "token", "password", "passwd", "credential", "assertion"];

/// Tells whether a key is called like one that holds a secret. No key of ours holds one.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    !KEYS.iter().any(|spec| spec.name == name) && SECRETS.iter().any(|word| plain.contains(word))
}

/// Says where the secret that a key would hold belongs.
pub(super) fn place_for(name: &str) -> String {
    if name.to_ascii_lowercase().contains("token") {
        return "set the variable ALERTDECK_TOKEN, or token_command to a command that prints one".to_owned();
    }
    format!("set the variable {SECRET_VARIABLE}, or client_secret_file to a file that holds it")
}
