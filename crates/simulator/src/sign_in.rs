//! The tenant's sign-in service (docs/graph-api.md, "Sign-in"), and the controls that tests use
//! while it runs.
//!
//! A request is a [`Call`], and a response is a [`Reply`]. This module is independent of sockets
//! and alerts. It remembers all tokens that it has issued and checks a token against that record
//! instead of the token's own claims. The methods of [`SignInControl`] are defined in the modules
//! of their endpoints. All times are real, regardless of the times in the tenant's alerts, since
//! clients check the lifetimes of tokens and assertions against their own clocks.

mod assertion;
mod authorize;
mod device;
mod discovery;
mod form;
mod grants;
mod jws;
mod page;
mod refusal;
mod tokens;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use axum::http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

pub use assertion::UnreadableCertificate;
pub use refusal::SignInError;

pub(super) use tokens::{Holder, Verdict};

use super::{
    reply::{Damage, Reply},
    request::Call,
    rights::Rights,
    world::SIGNED_IN,
};
use assertion::Certificate;
use authorize::Code;
use device::Device;
use tokens::{Issued, Refresh};

/// The only tenant name treated as nonexistent. Every other name is accepted.
pub const UNKNOWN_TENANT: &str = "nowhere.example";
/// The default client secret.
pub const CLIENT_SECRET: &str = "simulated-secret";

/// The rules for sign-ins. All of them can be changed while the tenant runs.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The lifetime of access tokens. Responses state it in whole seconds, rounded down.
    pub token_life: Duration,
    /// The lifetime of authorization codes.
    pub code_life: Duration,
    /// The lifetime of refresh tokens.
    pub refresh_life: Duration,
    /// If true, refresh tokens are valid for one use only. Entra's refresh tokens remain valid
    /// after use.
    pub strict_rotation: bool,
    /// The minimum time between polls with a device code. Responses state it in whole seconds,
    /// rounded down. Tests use less than a second, which is stated as 0, so that the client chooses
    /// its own interval.
    pub device_interval: Duration,
    /// The time that an early poll adds to the interval (RFC 8628, 3.5).
    pub slow_down: Duration,
    /// The lifetime of device codes.
    pub device_life: Duration,
    /// True if Conditional Access blocks the device code flow (AADSTS53003).
    pub device_blocked: bool,
    /// The poll, counted from 1, at which the user approves a device code.
    pub approves_at_poll: Option<u32>,
    /// The IDs of the registered applications. If empty, any ID is accepted.
    pub clients: Vec<String>,
    /// True if public client flows, which have no secret, are allowed (otherwise AADSTS7000218).
    pub public_clients: bool,
    /// The user principal name of the user who signs in.
    pub user: String,
    /// The delegated permissions that have been consented to.
    pub scopes: Vec<String>,
    /// The permissions granted to applications.
    pub roles: Vec<String>,
    /// The client secret shared by all applications.
    pub secret: String,
    /// An expired client secret (AADSTS7000222).
    pub expired_secret: Option<String>,
    /// If true, a refresh yields a token with the required claims; if false, the user has to sign
    /// in (`interaction_required`).
    pub refresh_meets_demand: bool,
}

impl Default for SignIn {
    /// Returns the lifetimes and intervals from Entra's documentation, and the permissions of
    /// [`Rights::Responder`].
    fn default() -> Self {
        Self {
            token_life: Duration::from_secs(3599),
            code_life: Duration::from_secs(600),
            refresh_life: Duration::from_secs(90 * 86_400),
            strict_rotation: false,
            device_interval: Duration::from_secs(5),
            slow_down: Duration::from_secs(5),
            device_life: Duration::from_secs(900),
            device_blocked: false,
            approves_at_poll: None,
            clients: Vec::new(),
            public_clients: true,
            user: SIGNED_IN.to_owned(),
            scopes: Rights::default().permissions(),
            roles: Rights::default().permissions(),
            secret: CLIENT_SECRET.to_owned(),
            expired_secret: None,
            refresh_meets_demand: true,
        }
    }
}

impl SignIn {
    /// Returns the rules with these permissions, for users and applications.
    #[must_use]
    pub fn with_rights(self, rights: Rights) -> Self {
        Self { scopes: rights.permissions(), roles: rights.permissions(), ..self }
    }
}

/// A token request's grant type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// An authorization code with its PKCE verifier.
    Code,
    /// A refresh token.
    Refresh,
    /// A device code; each poll counts as a request.
    Device,
    /// An application's secret or certificate.
    Client,
}

/// The user's response at the authorize endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Consents immediately.
    Agree,
    /// Returns to the client with an error. Both strings are sent unchanged, even hostile ones.
    Refuse {
        /// The value of `error`.
        error: String,
        /// The value of `error_description`.
        description: String,
    },
    /// Consents, but the redirect has a different `state` from the request.
    ForeignState,
    /// Does nothing, so the sign-in page stays open without a redirect.
    Ignore,
}

/// The time of a request, on the monotonic clock and as Unix time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// Unix time in seconds.
    pub(super) unix: u64,
}

/// Signs users and applications in. Tests reach it through [`Simulator::sign_in`].
///
/// [`Simulator::sign_in`]: super::Simulator::sign_in
pub struct SignInControl {
    /// The current rules. Issued tokens and codes keep their original lifetimes.
    pub rules: SignIn,
    base: String,
    /// The HMAC key for access tokens.
    key: [u8; 32],
    codes: HashMap<String, Code>,
    devices: Vec<Device>,
    refresh: HashMap<String, Refresh>,
    /// All issued access tokens. Tokens are never removed, because expired and unknown tokens cause
    /// different errors.
    issued: HashMap<String, Issued>,
    certificates: Vec<Certificate>,
    /// The IDs of accepted assertions, each of which is valid only once.
    assertions: HashSet<String>,
    demand: Option<Value>,
    outcomes: VecDeque<Authorization>,
    refusals: VecDeque<(Option<Grant>, SignInError)>,
    /// The number of upcoming token endpoint responses to drop.
    lost: u32,
    requests: HashMap<Grant, u32>,
    tokens: u32,
}

impl std::fmt::Debug for SignInControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignInControl({} tokens issued)", self.tokens)
    }
}

/// Control and inspection for tests.
impl SignInControl {
    /// Sets the user's reaction to the next valid authorize request; the default is to consent.
    /// Multiple reactions are queued.
    pub fn next_authorization(&mut self, outcome: Authorization) {
        self.outcomes.push_back(outcome);
    }

    /// Rejects the next token request with this grant type, or with any grant type if `grant` is
    /// `None`. Multiple rejections are queued.
    pub fn refuse_next(&mut self, grant: Option<Grant>, error: SignInError) {
        self.refusals.push_back((grant, error));
    }

    /// Processes the next token request, but closes the connection instead of replying. The refresh
    /// token may have been used up nevertheless. Each call affects one more request.
    pub fn lose_next_reply(&mut self) {
        self.lost += 1;
    }

    /// Registers a DER-encoded certificate for client assertions.
    pub fn trust_certificate(&mut self, der: &[u8]) -> Result<(), UnreadableCertificate> {
        self.certificates.push(Certificate::read(der)?);
        Ok(())
    }

    /// Returns the pending user codes, oldest first.
    pub fn pending_devices(&self) -> Vec<String> {
        let pending = self.devices.iter().filter(|device| device.is_pending());
        pending.map(|device| device.user_code.clone()).collect()
    }

    /// Approves the pending device code with this user code, or the only pending code if
    /// `user_code` is `None`. Returns whether exactly one pending code matched.
    pub fn approve_device(&mut self, user_code: Option<&str>) -> bool {
        self.decide_device(user_code, true)
    }

    /// Declines a device code, selected as in [`approve_device`](Self::approve_device).
    pub fn decline_device(&mut self, user_code: Option<&str>) -> bool {
        self.decide_device(user_code, false)
    }

    /// Expires all device codes.
    pub fn expire_devices(&mut self) {
        self.devices.iter_mut().for_each(Device::expire);
    }

    /// Revokes all refresh tokens, as a password change does (AADSTS50173).
    pub fn revoke_refresh_tokens(&mut self) {
        self.refresh.values_mut().for_each(|token| token.revoked = true);
    }

    /// Revokes all access tokens, which the service then rejects with a plain 401.
    pub fn revoke_access_tokens(&mut self) {
        self.issued.values_mut().for_each(|token| token.revoked = true);
    }

    /// Expires all access tokens.
    pub fn expire_access_tokens(&mut self) {
        self.issued.values_mut().for_each(|token| token.expired = true);
    }

    /// Requires tokens to have been requested with these claims, such as
    /// `{"access_token":{"nbf":{"essential":true,"value":"1600000000"}}}`; `None` lifts the
    /// requirement.
    ///
    /// Clients with the capability `cp1` get a claims challenge, others a plain 401
    /// (docs/graph-api.md, "Claims challenges").
    pub fn demand_claims(&mut self, claims: Option<Value>) {
        self.demand = claims;
    }

    /// Returns the number of token requests with a grant type, including rejected ones.
    pub fn requests(&self, grant: Grant) -> u32 {
        self.requests.get(&grant).copied().unwrap_or_default()
    }

    /// Returns the number of issued access tokens.
    pub fn issued(&self) -> u32 {
        self.tokens
    }
}

/// An endpoint of the sign-in service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Authorize(String),
    Token(String),
    DeviceCode(String),
    /// The page for user codes, shared by all tenants.
    Device,
    /// A tenant's OpenID configuration.
    Configuration(String),
    /// This authority's hosts.
    Instances,
    /// The keys that verify tokens.
    Keys,
}

impl Endpoint {
    /// Returns the endpoint with this path, if any.
    pub(super) fn of(path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_end_matches('/').split('/').skip(1).collect();
        let tenant = percent_decode_str(segments.first()?).decode_utf8_lossy().into_owned();
        match segments[1..] {
            [] if tenant == "device" => Some(Self::Device),
            ["oauth2", "v2.0", "authorize"] => Some(Self::Authorize(tenant)),
            ["oauth2", "v2.0", "token"] => Some(Self::Token(tenant)),
            ["oauth2", "v2.0", "devicecode"] => Some(Self::DeviceCode(tenant)),
            ["v2.0", ".well-known", "openid-configuration"] => Some(Self::Configuration(tenant)),
            ["discovery", "v2.0", "keys"] => Some(Self::Keys),
            ["discovery", "instance"] => Some(Self::Instances),
            _ => None,
        }
    }
}

impl SignInControl {
    pub(super) fn new(rules: SignIn, base: String) -> Self {
        Self {
            rules,
            base,
            key: rand::random(),
            codes: HashMap::new(),
            devices: Vec::new(),
            refresh: HashMap::new(),
            issued: HashMap::new(),
            certificates: Vec::new(),
            assertions: HashSet::new(),
            demand: None,
            outcomes: VecDeque::new(),
            refusals: VecDeque::new(),
            lost: 0,
            requests: HashMap::new(),
            tokens: 0,
        }
    }

    /// Answers a request that arrived at `now`.
    pub(super) fn answer(&mut self, endpoint: &Endpoint, call: &Call, now: Moment) -> Reply {
        match (endpoint, &call.method) {
            (Endpoint::Authorize(tenant), &Method::GET) => self.authorize(tenant, &call.query, now),
            (Endpoint::Configuration(tenant), &Method::GET) => self.configuration(tenant, now),
            (Endpoint::Instances, &Method::GET) => self.instances(&call.query, now),
            (Endpoint::Keys, &Method::GET) => Self::keys(),
            (Endpoint::Device, &Method::GET) => page::device_form(),
            (Endpoint::Device, &Method::POST) => self.answer_device_form(&call.body),
            (Endpoint::Token(tenant), &Method::POST) => {
                let reply = self.token(tenant, &call.body, now);
                let reply = reply.unwrap_or_else(|error| error.reply(&self.base, now));
                if self.lost == 0 {
                    return reply;
                }
                self.lost -= 1;
                Reply { damage: Damage::Unanswered, ..reply }
            }
            (Endpoint::DeviceCode(tenant), &Method::POST) => {
                self.device_code(tenant, &call.body, now).unwrap_or_else(|error| error.reply(&self.base, now))
            }
            _ => page::error(
                StatusCode::METHOD_NOT_ALLOWED,
                "The method is not allowed.",
                "Sign-in pages need GET, token requests need POST.",
            ),
        }
    }

    fn check_tenant(tenant: &str) -> Result<(), SignInError> {
        if tenant.eq_ignore_ascii_case(UNKNOWN_TENANT) {
            let message = format!("Tenant '{tenant}' was not found; it may belong to another cloud.");
            return Err(SignInError::new("invalid_request", 90002).with_message(message));
        }
        Ok(())
    }

    fn check_client(&self, client: &str) -> Result<(), SignInError> {
        if self.rules.clients.is_empty() || self.rules.clients.iter().any(|known| known == client) {
            return Ok(());
        }
        let message = format!("Application '{client}' was not found in the tenant.");
        Err(SignInError::new("unauthorized_client", 700_016).with_message(message))
    }
}

/// Returns an unguessable string.
fn random_secret() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/t/oauth2/v2.0/authorize", Some(Endpoint::Authorize("t".into())))]
    #[case("/a%20b/oauth2/v2.0/token/", Some(Endpoint::Token("a b".into())))]
    #[case("/t/oauth2/v2.0/devicecode", Some(Endpoint::DeviceCode("t".into())))]
    #[case("/device", Some(Endpoint::Device))]
    #[case("/t/v2.0/.well-known/openid-configuration", Some(Endpoint::Configuration("t".into())))]
    #[case("/common/discovery/instance", Some(Endpoint::Instances))]
    #[case("/t/discovery/v2.0/keys", Some(Endpoint::Keys))]
    #[case("/t/oauth2/token", None)]
    #[case("/t/oauth2/v2.0/logout", None)]
    #[case("/v1.0/security/alerts_v2", None)]
    #[case("/", None)]
    fn paths_select_endpoints(#[case] path: &str, #[case] endpoint: Option<Endpoint>) {
        assert_eq!(Endpoint::of(path), endpoint);
    }
}
