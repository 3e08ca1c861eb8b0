//! Access tokens: what is in them, and what the service makes of them later.

use std::time::Instant;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::{SeedableRng as _, rngs::StdRng};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::{Moment, SignInControl, form::Wanted, jws, unguessable};
use crate::{reply::Reply, world::guid};

/// The name that an application's comments carry.
const APPLICATION: &str = "alertdeck automation";

/// Who a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Person,
    Application,
}

/// A token that somebody has the right to.
pub(super) struct Order {
    pub(super) party: Party,
    pub(super) wanted: Wanted,
    /// What `access_token` in the request's claims held.
    pub(super) claims: Map<String, Value>,
    pub(super) nonce: Option<String>,
}

impl Order {
    pub(super) fn person(wanted: Wanted, claims: Map<String, Value>, nonce: Option<String>) -> Self {
        Self { party: Party::Person, wanted, claims, nonce }
    }
}

/// An access token that was handed out.
pub(super) struct Issued {
    holder: Holder,
    claims: Map<String, Value>,
    expires: Instant,
    pub(super) expired: bool,
    pub(super) revoked: bool,
    tenant: String,
}

/// A refresh token that was handed out.
pub(super) struct Refresh {
    pub(super) client: String,
    pub(super) wanted: Wanted,
    pub(super) claims: Map<String, Value>,
    pub(super) expires: Instant,
    pub(super) used: bool,
    pub(super) revoked: bool,
}

/// Who asks the service, and with which rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The name that comments carry.
    pub(crate) name: String,
    /// An application's roles or a person's scopes.
    pub(crate) rights: Vec<String>,
    pub(crate) is_application: bool,
}

/// What the service makes of a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good(Holder),
    /// Not handed out here.
    Unknown,
    Expired,
    Revoked,
    /// Good but for claims that are demanded by now; the value of `WWW-Authenticate`.
    Challenged(String),
    /// The same, where the client declared that it takes no challenges.
    Unmet,
}

impl SignInControl {
    pub(super) fn issue(&mut self, order: Order, client: &str, tenant: &str, now: Moment) -> Reply {
        let Order { party, wanted, claims, nonce } = order;
        let life = self.rules.token_life;
        let person = party == Party::Person;
        let rights = if person { wanted.granted(&self.rules) } else { self.rules.roles.clone() };
        let name = if person { self.rules.user.clone() } else { APPLICATION.to_owned() };
        let tenant_id = tenant_id(tenant);
        let object = guid_of(&format!("{tenant_id}/{}", if person { &name } else { client }));
        let common = json!({
            "iss": format!("{}/{tenant_id}/v2.0", self.base),
            "iat": now.unix,
            "nbf": now.unix,
            "exp": now.unix + life.as_secs(),
            "tid": tenant_id,
            "oid": object,
            "sub": object,
            // No two tokens are the same, however quickly they follow each other.
            "uti": unguessable(),
        });
        let mut access = common.clone();
        access["aud"] = self.base.clone().into();
        access["appid"] = client.into();
        if person {
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
            "scope": if person { scope(&rights, &wanted) } else { format!("{}/.default", self.base) },
            "expires_in": life.as_secs(),
            "ext_expires_in": life.as_secs(),
            "access_token": token,
        });
        if person && wanted.offline {
            let refresh = unguessable();
            reply["refresh_token"] = refresh.clone().into();
            let held = Refresh {
                client: client.to_owned(),
                wanted: wanted.clone(),
                claims: claims.clone(),
                expires: now.at + self.rules.refresh_life,
                used: false,
                revoked: false,
            };
            self.refresh.insert(refresh, held);
        }
        if person && wanted.openid {
            let mut id = common;
            id["aud"] = client.into();
            id["preferred_username"] = name.clone().into();
            id["name"] = display_name(&name).into();
            if let Some(nonce) = nonce {
                id["nonce"] = nonce.into();
            }
            reply["id_token"] = self.sign(&id).into();
        }
        let holder = Holder { name, rights, is_application: !person };
        let expires = now.at + life;
        let tenant = tenant.to_owned();
        self.issued.insert(token, Issued { holder, claims, expires, expired: false, revoked: false, tenant });
        self.tokens += 1;
        Reply::plain_json(reply.to_string())
    }

    /// Signs with a key of the tenant's own: clients have to take an access token for an opaque
    /// text, and so need no key to check it by.
    fn sign(&self, claims: &Value) -> String {
        jws::sign_hs256(&self.key, claims)
    }

    /// Judges a token that came with a request to the service.
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
                    "Bearer realm=\"\", authorization_uri=\"{}/{}/oauth2/v2.0/authorize\", \
                     error=\"insufficient_claims\", claims=\"{}\"",
                    self.base,
                    percent_encoding::utf8_percent_encode(&issued.tenant, percent_encoding::NON_ALPHANUMERIC),
                    STANDARD.encode(demand.to_string()),
                ))
            }
            _ => Verdict::Good(issued.holder.clone()),
        }
    }
}

/// Tells whether a token that was asked for with these claims has what is demanded.
pub(super) fn meets(demand: Option<&Value>, claims: &Map<String, Value>) -> bool {
    let demanded = demand.and_then(|demand| demand["access_token"].as_object());
    demanded.is_none_or(|demanded| demanded.iter().all(|(name, value)| claims.get(name) == Some(value)))
}

/// Tells whether the client declared that it takes claims challenges (API.md 8).
fn declares_cp1(claims: &Map<String, Value>) -> bool {
    let values = claims.get("xms_cc").and_then(|claim| claim["values"].as_array());
    values.is_some_and(|values| values.iter().any(|value| value == "cp1"))
}

/// The `scope` of a reply: what was granted, and what of OpenID was asked for.
fn scope(rights: &[String], wanted: &Wanted) -> String {
    let openid = wanted.openid.then_some("openid profile");
    rights.iter().map(String::as_str).chain(openid).collect::<Vec<_>>().join(" ")
}

/// `alex.morgan@contoso.com` is Alex Morgan.
fn display_name(principal: &str) -> String {
    let account = principal.split('@').next().unwrap_or(principal);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    account.split('.').map(capital).collect::<Vec<String>>().join(" ")
}

/// A tenant that is named by its GUID keeps it; every other name stands for one of its own.
fn tenant_id(name: &str) -> String {
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
    fn a_person_has_a_name(#[case] principal: &str, #[case] name: &str) {
        assert_eq!(display_name(principal), name);
    }

    #[test]
    fn a_tenant_has_one_id() {
        let own = "6F5C1A2B-0000-4000-A000-0123456789AB";
        assert_eq!(tenant_id(own), own.to_ascii_lowercase());
        assert_eq!(tenant_id("contoso.com"), tenant_id("Contoso.com"));
        assert_ne!(tenant_id("contoso.com"), tenant_id("common"));
        assert_eq!(tenant_id(&tenant_id("common")), tenant_id("common"));
    }
}
