//! A cloud's authority for one tenant, and the application that signs in there.

use crate::http::{Route, Scope, Url};

use super::AuthError;

/// An application that is registered with an authority, and the scope of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The authority that issues the tokens.
    pub authority: Authority,
    /// The application's id, a GUID. It is not secret.
    pub client_id: String,
    /// The scope of the tokens, such as `https://graph.microsoft.com/.default` (docs/graph-api.md,
    /// "National clouds").
    pub scope: String,
}

/// The sign-in endpoints for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The scope that covers exactly these endpoints.
    scope: Scope,
}

impl Authority {
    /// Creates an authority from the root address of a cloud's sign-in service (https, or http on
    /// loopback) and a tenant: a GUID, a domain, `organizations` or `common`.
    pub fn new(root: &str, tenant: &str) -> Result<Self, AuthError> {
        let setup = |what: String| AuthError::Setup(what);
        let root = Scope::new(root).map_err(|error| setup(format!("the login address: {error}")))?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if tenant.is_empty() || !tenant.chars().all(fits) || tenant.chars().all(|c| c == '.') {
            return Err(setup("a tenant is a GUID, a domain, organizations or common".into()));
        }
        // No character in the tenant needs encoding in a path.
        let scope = Scope::new(&format!("{}{tenant}/oauth2/v2.0", root.base()))
            .map_err(|error| setup(format!("the login address: {error}")))?;
        Ok(Self { scope })
    }

    /// Returns the scope that covers the endpoints.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the host, with the port unless it is the default.
    pub fn host(&self) -> String {
        self.scope.host()
    }

    /// Returns the route to the authority: direct on loopback, otherwise through the system's
    /// proxy.
    pub fn route(&self) -> Route {
        if self.scope.is_loopback() { Route::Direct } else { Route::System }
    }

    /// Returns the address of an endpoint: `authorize`, `token` or `devicecode`.
    pub(super) fn endpoint(&self, name: &str) -> Url {
        let mut url = self.scope.base().clone();
        let path = format!("{}{name}", url.path());
        url.set_path(&path);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://login.microsoftonline.com", "contoso.com")]
    #[case("https://login.microsoftonline.us/", "organizations")]
    #[case("http://127.0.0.1:4000", "11111111-2222-3333-4444-555555555555")]
    fn endpoints_are_below_the_tenant(#[case] root: &str, #[case] tenant: &str) {
        let authority = Authority::new(root, tenant).unwrap();
        let token = authority.endpoint("token");
        assert_eq!(token.as_str(), format!("{}/{tenant}/oauth2/v2.0/token", root.trim_end_matches('/')));
        assert!(authority.scope().covers(&token));
        let other = Url::parse(&format!("{root}/other/oauth2/v2.0/token")).unwrap();
        assert!(!authority.scope().covers(&other), "the scope covers another tenant");
    }

    #[rstest]
    #[case("http://login.example", "contoso.com", "https is required")]
    #[case("https://login.example", "", "a tenant is")]
    #[case("https://login.example", "a/b", "a tenant is")]
    #[case("https://login.example", "..", "a tenant is")]
    #[case("https://login.example", "a?b", "a tenant is")]
    #[case("https://login.example", "\u{430}.com", "a tenant is")]
    fn invalid_roots_and_tenants_are_refused(#[case] root: &str, #[case] tenant: &str, #[case] words: &str) {
        let error = Authority::new(root, tenant).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
