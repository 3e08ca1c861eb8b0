//! The sign-in side of the tenant, as API.md 8 describes it: who gets which token for what, and
//! what the tests may change about that while it runs.
//!
//! A request comes in as a [`Call`] and leaves as a [`Reply`]; sockets are not known here, and
//! neither are alerts. What the desk handed out it keeps: a token is judged by that and not by
//! what it says of itself. All times are real ones, whatever moment the tenant's alerts are
//! from, because clients hold the lives of tokens and assertions against clocks of their own.

mod assertion;
mod authorize;
mod device;
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
    world::SIGNED_IN,
};
use assertion::Certificate;
use authorize::Code;
use device::Device;
use tokens::{Issued, Refresh};

/// The one tenant that does not exist: every other name is as good as any.
pub const UNKNOWN_TENANT: &str = "nowhere.example";
/// The client secret that is accepted unless the rules say otherwise.
pub const CLIENT_SECRET: &str = "simulated-secret";

/// What holds for signing in. All of it can be changed while the tenant runs.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// How long an access token is good for; told in whole seconds, rounded down.
    pub token_life: Duration,
    /// How long an authorization code waits to be redeemed.
    pub code_life: Duration,
    /// How long a refresh token is good for.
    pub refresh_life: Duration,
    /// Whether a refresh token is good for one use only. Entra's are not: the former one goes on
    /// working.
    pub strict_rotation: bool,
    /// The least time between two polls with a device code. It is told in whole seconds, rounded
    /// down: one shorter than a second, as tests want it, is told as 0, and the client has to
    /// bring a pace of its own.
    pub device_interval: Duration,
    /// What a poll that came too soon adds to the interval (RFC 8628, 3.5).
    pub slow_down: Duration,
    /// How long a device code waits to be approved.
    pub device_life: Duration,
    /// Conditional Access refuses sign-in by device code (AADSTS53003).
    pub device_blocked: bool,
    /// The person approves a device code by themselves at this poll, the first being 1.
    pub approves_at_poll: Option<u32>,
    /// The ids of the applications that the tenant knows; none: any.
    pub clients: Vec<String>,
    /// Whether applications may sign people in without a secret (AADSTS7000218 where not).
    pub public_clients: bool,
    /// The principal name of the person who signs in.
    pub user: String,
    /// The delegated permissions that the person has consented to.
    pub scopes: Vec<String>,
    /// The permissions that applications hold.
    pub roles: Vec<String>,
    /// The secret that applications sign in with.
    pub secret: String,
    /// A secret that was good once (AADSTS7000222).
    pub expired_secret: Option<String>,
    /// Whether a refresh token is enough to get a token that meets demanded claims; if not, the
    /// person is wanted (`interaction_required`).
    pub refresh_meets_demand: bool,
}

impl Default for SignIn {
    /// The lives and intervals that Entra's documentation names (API.md 8), and one person and
    /// one application that may read and write alerts.
    fn default() -> Self {
        let write = || vec!["SecurityAlert.ReadWrite.All".to_owned()];
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
            scopes: write(),
            roles: write(),
            secret: CLIENT_SECRET.to_owned(),
            expired_secret: None,
            refresh_meets_demand: true,
        }
    }
}

/// The ways to get a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// A code from the authorize endpoint, with its PKCE verifier.
    Code,
    /// A refresh token.
    Refresh,
    /// A device code; each poll counts as a request.
    Device,
    /// An application's secret or certificate.
    Client,
}

/// What the person does at the authorize endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Agrees at once.
    Agree,
    /// Is sent back with an error; both texts go out as they are, hostile ones too.
    Refuse {
        /// The value of `error`.
        error: String,
        /// The value of `error_description`.
        description: String,
    },
    /// Agrees, but the answer carries a state that nobody sent.
    ForeignState,
    /// Does nothing: the sign-in page stays open and nobody is sent back.
    Ignore,
}

/// The two clocks at the moment of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// Seconds since 1970.
    pub(super) unix: u64,
}

/// Signs people and applications in; reached through [`Simulator::sign_in`].
///
/// [`Simulator::sign_in`]: super::Simulator::sign_in
pub struct SignInControl {
    /// What holds from now on; tokens and codes that were handed out keep their lives.
    pub rules: SignIn,
    base: String,
    /// What access tokens are signed with.
    key: [u8; 32],
    codes: HashMap<String, Code>,
    devices: Vec<Device>,
    refresh: HashMap<String, Refresh>,
    /// None is ever removed: one that is over must not pass for one that nobody knows.
    issued: HashMap<String, Issued>,
    certificates: Vec<Certificate>,
    /// The ids of the assertions that were taken: each is good once.
    assertions: HashSet<String>,
    demand: Option<Value>,
    outcomes: VecDeque<Authorization>,
    refusals: VecDeque<(Option<Grant>, SignInError)>,
    /// How many replies of the token endpoint are still to be lost.
    lost: u32,
    requests: HashMap<Grant, u32>,
    tokens: u32,
}

impl std::fmt::Debug for SignInControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignInControl({} tokens issued)", self.tokens)
    }
}

/// What the tests change and ask.
impl SignInControl {
    /// Decides what the person does at the next authorize request that is in order; without a
    /// decision they agree. Several are used up in turn.
    pub fn next_authorization(&mut self, outcome: Authorization) {
        self.outcomes.push_back(outcome);
    }

    /// Refuses the next token request, of one grant or of any. Several are used up in turn.
    pub fn refuse_next(&mut self, grant: Option<Grant>, error: SignInError) {
        self.refusals.push_back((grant, error));
    }

    /// Carries out the next token request and loses the reply on its way: the client sees a
    /// connection that closes, and a refresh token may be used up. Several add up.
    pub fn lose_next_reply(&mut self) {
        self.lost += 1;
    }

    /// Registers a certificate (DER) that applications may sign assertions with.
    pub fn trust_certificate(&mut self, der: &[u8]) -> Result<(), UnreadableCertificate> {
        self.certificates.push(Certificate::read(der)?);
        Ok(())
    }

    /// Returns the user codes that wait for a person, oldest first.
    pub fn pending_devices(&self) -> Vec<String> {
        let pending = self.devices.iter().filter(|device| device.is_pending());
        pending.map(|device| device.user_code.clone()).collect()
    }

    /// Approves a device code by its user code, or the only one pending; tells whether there was
    /// exactly one such.
    pub fn approve_device(&mut self, user_code: Option<&str>) -> bool {
        self.decide_device(user_code, true)
    }

    /// Declines a device code as [`approve_device`](Self::approve_device) approves it.
    pub fn decline_device(&mut self, user_code: Option<&str>) -> bool {
        self.decide_device(user_code, false)
    }

    /// Ends the life of every device code that was handed out.
    pub fn expire_devices(&mut self) {
        self.devices.iter_mut().for_each(Device::expire);
    }

    /// Makes every refresh token useless, as a password change does (AADSTS50173).
    pub fn revoke_refresh_tokens(&mut self) {
        self.refresh.values_mut().for_each(|token| token.revoked = true);
    }

    /// Makes the service refuse every access token handed out so far with a plain 401.
    pub fn revoke_access_tokens(&mut self) {
        self.issued.values_mut().for_each(|token| token.revoked = true);
    }

    /// Ends the life of every access token handed out so far.
    pub fn expire_access_tokens(&mut self) {
        self.issued.values_mut().for_each(|token| token.expired = true);
    }

    /// Demands that tokens were asked for with these claims, such as
    /// `{"access_token":{"nbf":{"essential":true,"value":"1600000000"}}}`; `None` ends it.
    ///
    /// Who declared `cp1` gets the challenge, everyone else a plain 401 (API.md 8).
    pub fn demand_claims(&mut self, claims: Option<Value>) {
        self.demand = claims;
    }

    /// Returns how many token requests there were of a grant, refused ones included.
    pub fn requests(&self, grant: Grant) -> u32 {
        self.requests.get(&grant).copied().unwrap_or_default()
    }

    /// Returns how many access tokens were handed out.
    pub fn issued(&self) -> u32 {
        self.tokens
    }
}

/// A request of the sign-in side.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Authorize(String),
    Token(String),
    DeviceCode(String),
    /// The page for people with a user code; the same for all tenants.
    Device,
}

impl Endpoint {
    /// Reads a path; `None` where it is not the sign-in side's.
    pub(super) fn of(path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_end_matches('/').split('/').skip(1).collect();
        let (tenant, endpoint) = match segments[..] {
            ["device"] => return Some(Self::Device),
            [tenant, "oauth2", "v2.0", endpoint] => (tenant, endpoint),
            _ => return None,
        };
        let tenant = percent_decode_str(tenant).decode_utf8_lossy().into_owned();
        match endpoint {
            "authorize" => Some(Self::Authorize(tenant)),
            "token" => Some(Self::Token(tenant)),
            "devicecode" => Some(Self::DeviceCode(tenant)),
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
                "Sign-in pages are read, token requests are posted.",
            ),
        }
    }

    fn check_tenant(tenant: &str) -> Result<(), SignInError> {
        if tenant.eq_ignore_ascii_case(UNKNOWN_TENANT) {
            let words = format!("Tenant '{tenant}' was not found; it may belong to another cloud.");
            return Err(SignInError::new("invalid_request", 90002).saying(words));
        }
        Ok(())
    }

    fn check_client(&self, client: &str) -> Result<(), SignInError> {
        if self.rules.clients.is_empty() || self.rules.clients.iter().any(|known| known == client) {
            return Ok(());
        }
        let words = format!("Application '{client}' was not found in the tenant.");
        Err(SignInError::new("unauthorized_client", 700_016).saying(words))
    }
}

/// Makes a text that nobody can guess.
fn unguessable() -> String {
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
    #[case("/t/oauth2/token", None)]
    #[case("/t/oauth2/v2.0/logout", None)]
    #[case("/v1.0/security/alerts_v2", None)]
    #[case("/", None)]
    fn endpoints_are_told_from_the_path(#[case] path: &str, #[case] endpoint: Option<Endpoint>) {
        assert_eq!(Endpoint::of(path), endpoint);
    }
}
