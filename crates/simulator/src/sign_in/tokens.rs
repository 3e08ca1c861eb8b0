//! Issues tokens and checks the access tokens in requests to the service.

use std::time::Instant;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rand::{SeedableRng as _, rngs::StdRng};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::{Moment, SignInControl, form::RequestedScopes, jws, random_secret};
use crate::{reply::Reply, world::guid};

/// The name under which applications comment.
const APPLICATION: &str = "alertdeck automation";

/// The ID of Microsoft Graph as an application, the same in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// A token's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    User,
    Application,
}

/// The parameters of tokens to be issued.
pub(super) struct Issuance {
    pub(super) subject: Subject,
    pub(super) scopes: RequestedScopes,
    /// The `access_token` object in the request's `claims` parameter.
    pub(super) claims: Map<String, Value>,
    pub(super) nonce: Option<String>,
    /// True if the client asks for the user's identifiers outside the ID token, as MSAL does.
    pub(super) client_info: bool,
}

impl Issuance {
    pub(super) fn user(scopes: RequestedScopes, claims: Map<String, Value>, nonce: Option<String>) -> Self {
        Self { subject: Subject::User, scopes, claims, nonce, client_info: false }
    }
}

/// An issued access token.
pub(super) struct Issued {
    holder: Holder,
    claims: Map<String, Value>,
    expires: Instant,
    pub(super) expired: bool,
    pub(super) revoked: bool,
}

/// An issued refresh token.
pub(super) struct Refresh {
    pub(super) client: String,
    pub(super) scopes: RequestedScopes,
    pub(super) claims: Map<String, Value>,
    pub(super) expires: Instant,
    pub(super) used: bool,
    pub(super) revoked: bool,
}

/// A token's subject and its permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The name under which the subject comments.
    pub(crate) name: String,
    /// An application's roles or a user's scopes.
    pub(crate) rights: Vec<String>,
    pub(crate) is_application: bool,
}

/// The result of checking a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good(Holder),
    /// The token was not issued by this tenant.
    Unknown,
    Expired,
    Revoked,
    /// The token lacks required claims; the payload is the value of `WWW-Authenticate`.
    Challenged(String),
    /// The token lacks required claims, and the client does not handle challenges.
    Unmet,
}

impl SignInControl {
    /// Issues an access token and, if requested, a refresh token and an ID token.
    pub(super) fn issue(&mut self, issuance: Issuance, client: &str, tenant: &str, now: Moment) -> Reply {
        let Issuance { subject, scopes, claims, nonce, client_info } = issuance;
        let life = self.rules.token_life;
        let is_user = subject == Subject::User;
        let rights = if is_user { scopes.granted(&self.rules) } else { self.rules.roles.clone() };
        let name = if is_user { self.rules.user.clone() } else { APPLICATION.to_owned() };
        let tenant_id = tenant_id(tenant);
        let object = guid_of(&format!("{tenant_id}/{}", if is_user { &name } else { client }));
        let common = json!({
            "iss": format!("{}/{tenant_id}/v2.0", self.base),
            "iat": now.unix,
            "nbf": now.unix,
            "exp": now.unix + life.as_secs(),
            "tid": tenant_id,
            "oid": object,
            "sub": object,
            // Makes every token unique.
            "uti": random_secret(),
        });
        let mut access = common.clone();
        access["aud"] = self.base.clone().into();
        access["appid"] = client.into();
        if is_user {
            access["scp"] = rights.join(" ").into();
            access["upn"] = name.clone().into();
            access["preferred_username"] = name.clone().into();
            access["name"] = display_name(&name).into();
            access["idtyp"] = "user".into();
        } else {
            access["roles"] = rights.clone().into();
            access["idtyp"] = "app".into();
        }
        if declares_cp1(&claims) {
            access["xms_cc"] = json!(["cp1"]);
        }
        let token = self.sign(&access);
        let mut reply = json!({
            "token_type": "Bearer",
            "expires_in": life.as_secs(),
            "ext_expires_in": life.as_secs(),
            "access_token": token,
        });
        if is_user {
            // Applications get no `scope` (docs/graph-api.md, "Client credentials").
            reply["scope"] = scopes.reply(&rights).into();
        }
        if is_user && client_info {
            let info = json!({"uid": object, "utid": tenant_id}).to_string();
            reply["client_info"] = URL_SAFE_NO_PAD.encode(info).into();
        }
        if is_user && scopes.offline {
            let refresh = random_secret();
            reply["refresh_token"] = refresh.clone().into();
            let token = Refresh {
                client: client.to_owned(),
                scopes: scopes.clone(),
                claims: claims.clone(),
                expires: now.at + self.rules.refresh_life,
                used: false,
                revoked: false,
            };
            self.refresh.insert(refresh, token);
        }
        if is_user && scopes.openid() {
            let mut id = common;
            id["aud"] = client.into();
            id["preferred_username"] = name.clone().into();
            id["name"] = display_name(&name).into();
            if let Some(nonce) = nonce {
                id["nonce"] = nonce.into();
            }
            reply["id_token"] = self.sign(&id).into();
        }
        let holder = Holder { name, rights, is_application: !is_user };
        let expires = now.at + life;
        self.issued.insert(token, Issued { holder, claims, expires, expired: false, revoked: false });
        self.tokens += 1;
        Reply::plain_json(reply.to_string())
    }

    /// Signs claims with a secret key. Access tokens are opaque to clients, which therefore need no
    /// key to verify them.
    fn sign(&self, claims: &Value) -> String {
        jws::sign_hs256(&self.key, claims)
    }

    /// Returns the value of `WWW-Authenticate` for any rejected token (docs/graph-api.md, "Claims
    /// challenges").
    pub(crate) fn challenge(&self) -> String {
        format!(
            "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"{GRAPH}\"",
            self.base
        )
    }

    /// Checks the token in a request to the service.
    pub(crate) fn judge(&self, token: &str, now: Instant) -> Verdict {
        let Some(issued) = self.issued.get(token) else { return Verdict::Unknown };
        if issued.expired || now >= issued.expires {
            return Verdict::Expired;
        }
        if issued.revoked {
            return Verdict::Revoked;
        }
        match &self.demand {
            Some(demand) if !meets(Some(demand), &issued.claims) => {
                if !declares_cp1(&issued.claims) {
                    return Verdict::Unmet;
                }
                Verdict::Challenged(format!(
                    "{}, error=\"insufficient_claims\", claims=\"{}\"",
                    self.challenge(),
                    STANDARD.encode(demand.to_string()),
                ))
            }
            _ => Verdict::Good(issued.holder.clone()),
        }
    }
}

/// Returns whether a token that was requested with `claims` has every claim that `demand` requires.
pub(super) fn meets(demand: Option<&Value>, claims: &Map<String, Value>) -> bool {
    let demanded = demand.and_then(|demand| demand["access_token"].as_object());
    demanded.is_none_or(|demanded| demanded.iter().all(|(name, value)| claims.get(name) == Some(value)))
}

/// Returns whether the client declared the capability `cp1`, which means that it handles claims
/// challenges (docs/graph-api.md, "Claims challenges").
fn declares_cp1(claims: &Map<String, Value>) -> bool {
    let values = claims.get("xms_cc").and_then(|claim| claim["values"].as_array());
    values.is_some_and(|values| values.iter().any(|value| value == "cp1"))
}

/// Returns the display name for a user principal name: "Alex Morgan" for `alex.morgan@contoso.com`.
fn display_name(principal: &str) -> String {
    let account = principal.split('@').next().unwrap_or(principal);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    account.split('.').map(capital).collect::<Vec<String>>().join(" ")
}

/// Returns a tenant's ID: the name if it is a GUID, otherwise a GUID derived from the name.
pub(super) fn tenant_id(name: &str) -> String {
    let is_guid = name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_guid { name.to_ascii_lowercase() } else { guid_of(&name.to_ascii_lowercase()) }
}

fn guid_of(name: &str) -> String {
    let mut seed = <StdRng as rand::SeedableRng>::Seed::default();
    seed.copy_from_slice(digest(&SHA256, name.as_bytes()).as_ref());
    guid(&mut StdRng::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("alex.morgan@contoso.com", "Alex Morgan")]
    #[case("élodie@x", "Élodie")]
    #[case("a..b", "A  B")]
    #[case("", "")]
    fn display_names_come_from_principal_names(#[case] principal: &str, #[case] name: &str) {
        assert_eq!(display_name(principal), name);
    }

    #[test]
    fn tenant_ids_are_stable() {
        let own = "6F5C1A2B-0000-4000-A000-0123456789AB";
        assert_eq!(tenant_id(own), own.to_ascii_lowercase());
        assert_eq!(tenant_id("contoso.com"), tenant_id("Contoso.com"));
        assert_ne!(tenant_id("contoso.com"), tenant_id("common"));
        assert_eq!(tenant_id(&tenant_id("common")), tenant_id("common"));
    }
}
