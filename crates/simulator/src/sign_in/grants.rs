//! Handles requests to the token endpoint, by grant type.

use base64::Engine as _;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::{
    Grant, Moment, SignInControl, SignInError,
    form::{Form, RequestedScopes, is_graph},
    tokens::{Issuance, Subject, meets},
};
use crate::reply::Reply;

/// The tenant names that refer to several tenants. Applications cannot sign in to them
/// (docs/graph-api.md, "Client credentials").
pub(super) const MULTI_TENANT: [&str; 3] = ["common", "organizations", "consumers"];
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Grant {
    fn named(name: &str) -> Option<Self> {
        match name {
            "authorization_code" => Some(Self::Code),
            "refresh_token" => Some(Self::Refresh),
            // The name in RFC 8628, and an older one that Entra accepts.
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => Some(Self::Device),
            "client_credentials" => Some(Self::Client),
            _ => None,
        }
    }
}

impl SignInControl {
    pub(super) fn token(&mut self, tenant: &str, body: &[u8], now: Moment) -> Result<Reply, SignInError> {
        Self::check_tenant(tenant)?;
        let form = Form::read(body);
        let name = form.need("grant_type")?;
        let grant = Grant::named(name).ok_or_else(|| SignInError::new("unsupported_grant_type", 70003))?;
        *self.requests.entry(grant).or_default() += 1;
        let client = form.need("client_id")?;
        self.check_client(client)?;
        let refused = self.refusals.iter().position(|(of, _)| of.is_none_or(|of| of == grant));
        if let Some((_, error)) = refused.and_then(|place| self.refusals.remove(place)) {
            return Err(error);
        }
        if grant != Grant::Client {
            self.check_public(&form)?;
        }
        let issuance = match grant {
            Grant::Code => self.redeem(&form, client, now)?,
            Grant::Refresh => self.redeem_refresh(&form, client, now)?,
            Grant::Device => {
                let (scopes, remembered) = self.poll_device(form.need("device_code")?, client, now)?;
                Issuance::user(scopes, merged(remembered, form.claims()?), None)
            }
            Grant::Client => self.credentials(&form, tenant, client, now)?,
        };
        let issuance = Issuance { client_info: form.get("client_info") == Some("1"), ..issuance };
        Ok(self.issue(issuance, client, tenant, now))
    }

    /// Checks that public client flows are allowed and that the request has no client credential.
    fn check_public(&self, form: &Form) -> Result<(), SignInError> {
        if !self.rules.public_clients {
            return Err(SignInError::new("invalid_client", 7_000_218));
        }
        if form.get("client_secret").or(form.get("client_assertion")).is_some() {
            return Err(SignInError::new("invalid_client", 700_025));
        }
        Ok(())
    }

    /// Redeems an authorization code.
    fn redeem(&mut self, form: &Form, client: &str, now: Moment) -> Result<Issuance, SignInError> {
        let refuse = |number| Err(SignInError::new("invalid_grant", number));
        let text = form.need("code")?;
        let (redirect, verifier) = (form.need("redirect_uri")?, form.get("code_verifier"));
        let claims = form.claims()?;
        let Some(code) = self.codes.get_mut(text).filter(|code| code.client == client) else {
            return refuse(70000);
        };
        if code.used {
            return refuse(54005);
        }
        if now.at >= code.expires {
            return refuse(70008);
        }
        if code.redirect != redirect {
            return refuse(50011);
        }
        if !verifier.is_some_and(|verifier| is_verifier(verifier) && challenge(verifier) == code.challenge) {
            return refuse(501_481);
        }
        code.used = true;
        let claims = merged(code.claims.clone(), claims);
        Ok(Issuance::user(code.scopes.clone(), claims, code.nonce.clone()))
    }

    /// Redeems a refresh token.
    fn redeem_refresh(&mut self, form: &Form, client: &str, now: Moment) -> Result<Issuance, SignInError> {
        let refuse = |number| Err(SignInError::new("invalid_grant", number));
        let text = form.need("refresh_token")?;
        let claims = form.claims()?;
        let Some(token) = self.refresh.get_mut(text).filter(|token| token.client == client) else {
            return refuse(70000);
        };
        if token.revoked {
            return refuse(50173);
        }
        if now.at >= token.expires {
            return refuse(700_082);
        }
        if self.rules.strict_rotation && token.used {
            return refuse(70000);
        }
        let mut scopes = token.scopes.clone();
        if let Some(scope) = form.get("scope") {
            scopes = RequestedScopes::read(scope, &self.base)?;
            scopes.offline = true;
            scopes.check_consent(&self.rules)?;
        }
        let claims = merged(token.claims.clone(), claims);
        let demand = self.demand.as_ref();
        if !self.rules.refresh_meets_demand && !meets(demand, &token.claims) && meets(demand, &claims) {
            return Err(SignInError::new("interaction_required", 50076));
        }
        token.used = true;
        Ok(Issuance::user(scopes, claims, None))
    }

    /// Checks an application's secret or assertion.
    fn credentials(
        &mut self,
        form: &Form,
        tenant: &str,
        client: &str,
        now: Moment,
    ) -> Result<Issuance, SignInError> {
        if MULTI_TENANT.contains(&tenant) {
            return Err(SignInError::new("invalid_request", 9_001_023));
        }
        let scope = form.need("scope")?;
        if !scope.strip_suffix("/.default").is_some_and(|root| is_graph(root, &self.base)) {
            let message = format!("An application requests '/.default' of one resource, not '{scope}'.");
            return Err(SignInError::new("invalid_scope", 70011).with_message(message));
        }
        let claims = form.claims()?;
        match (form.get("client_secret"), form.get("client_assertion")) {
            (Some(secret), None) => self.check_secret(secret)?,
            (None, Some(assertion)) if form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
                self.check_assertion(assertion, tenant, client, now.unix)?;
            }
            _ => return Err(SignInError::new("invalid_client", 7_000_218)),
        }
        Ok(Issuance {
            subject: Subject::Application,
            scopes: RequestedScopes::default(),
            claims,
            nonce: None,
            client_info: false,
        })
    }

    fn check_secret(&self, secret: &str) -> Result<(), SignInError> {
        if secret == self.rules.secret {
            return Ok(());
        }
        let expired = self.rules.expired_secret.as_deref() == Some(secret);
        Err(SignInError::new("invalid_client", if expired { 7_000_222 } else { 7_000_215 }))
    }
}

/// Merges two sets of claims. Current claims override earlier ones.
fn merged(mut earlier: Map<String, Value>, current: Map<String, Value>) -> Map<String, Value> {
    earlier.extend(current);
    earlier
}

/// Returns whether a string consists of 43 to 128 unreserved characters (RFC 7636, 4.1).
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// Returns the code challenge for a verifier (RFC 7636, 4.2).
fn challenge(verifier: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_is_reproduced() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(is_verifier(verifier));
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(!is_verifier(&verifier[1..]) && !is_verifier(&format!("{verifier} ")));
        assert!(is_verifier(&"a".repeat(128)) && !is_verifier(&"a".repeat(129)));
    }
}
