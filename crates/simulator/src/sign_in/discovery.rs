//! Discovery: the documents in which clients look up a tenant's endpoints (docs/graph-api.md,
//! "Discovery").

use serde_json::json;
use url::Url;

use super::{Moment, SignInControl, tokens::tenant_id};
use crate::{
    reply::Reply,
    sign_in::{SignInError, form::Form, grants::MULTI_TENANT},
};

impl SignInControl {
    /// Answers with a tenant's OpenID configuration (OpenID Connect Discovery 1.0, 3).
    pub(super) fn configuration(&self, tenant: &str, now: Moment) -> Reply {
        if let Err(error) = Self::check_tenant(tenant) {
            return error.reply(&self.base, now);
        }
        let base = &self.base;
        // Names that refer to several tenants have no single issuer.
        let (name, issuer) = if MULTI_TENANT.contains(&tenant) {
            (tenant.to_owned(), "{tenantid}".to_owned())
        } else {
            (tenant_id(tenant), tenant_id(tenant))
        };
        let host = self.host();
        let document = json!({
            "token_endpoint": format!("{base}/{name}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": format!("{base}/{name}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{base}/{issuer}/v2.0"),
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{base}/{name}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/{name}/oauth2/v2.0/devicecode"),
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "oid",
            ],
            "cloud_instance_name": host,
            "msgraph_host": host,
        });
        Reply::plain_json(document.to_string())
    }

    /// Answers with the hosts that share this authority's tenants, and the address of the tenant's
    /// configuration.
    pub(super) fn instances(&self, query: &str, now: Moment) -> Reply {
        let form = Form::read(query.as_bytes());
        let endpoint = form.get("authorization_endpoint").and_then(|address| Url::parse(address).ok());
        let tenant = endpoint.as_ref().and_then(|address| address.path_segments()?.next());
        let Some(tenant) = tenant.filter(|tenant| !tenant.is_empty()) else {
            let error = SignInError::new("invalid_request", 900_144)
                .with_message("The request must contain the parameter 'authorization_endpoint'.");
            return error.reply(&self.base, now);
        };
        let host = self.host();
        let document = json!({
            "tenant_discovery_endpoint":
                format!("{}/{tenant}/v2.0/.well-known/openid-configuration", self.base),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        });
        Reply::plain_json(document.to_string())
    }

    /// Answers with the keys that verify tokens: an empty list, because tokens are signed with a
    /// secret key.
    pub(super) fn keys() -> Reply {
        Reply::plain_json(json!({"keys": []}).to_string())
    }

    /// Returns the host and port of this authority.
    fn host(&self) -> &str {
        self.base.split_once("://").map_or(&self.base, |(_, host)| host)
    }
}
