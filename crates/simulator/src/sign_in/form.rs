//! The parts of a sign-in request: parameters, requested scopes and claims.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{SignIn, SignInError};

/// The Graph root URLs of the clouds (docs/graph-api.md, "National clouds"). A client that signs in
/// to the simulator may still name a real root in its scope.
const GRAPH_ROOTS: [&str; 3] =
    ["https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us"];

/// The parameters in a query or form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// Returns a parameter. An empty parameter counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a required parameter.
    pub(super) fn need(&self, name: &str) -> Result<&str, SignInError> {
        self.get(name).ok_or_else(|| {
            let message = format!("The request must contain the parameter '{name}'.");
            SignInError::new("invalid_request", 900_144).with_message(message)
        })
    }

    /// Returns the `access_token` object in the `claims` parameter, or an empty object if there is
    /// none.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, SignInError> {
        let Some(text) = self.get("claims") else { return Ok(Map::new()) };
        let malformed = || {
            SignInError::new("invalid_request", 9_002_313)
                .with_message("The parameter 'claims' is not a JSON object.")
        };
        let mut claims: Map<String, Value> = serde_json::from_str(text).map_err(|_| malformed())?;
        match claims.shift_remove("access_token") {
            Some(Value::Object(claims)) => Ok(claims),
            Some(_) => Err(malformed()),
            None => Ok(Map::new()),
        }
    }
}

/// A request's scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestedScopes {
    /// True if all scopes that have been consented to are requested (`/.default`).
    pub(super) all: bool,
    /// The names of the requested Graph permissions.
    pub(super) named: Vec<String>,
    /// True if a refresh token is requested (`offline_access`).
    pub(super) offline: bool,
    /// The requested OpenID Connect scopes, which responses repeat.
    openid: Vec<String>,
    /// The resource's root as spelled in the request, if any.
    root: Option<String>,
}

impl RequestedScopes {
    /// Parses the `scope` parameter, which must contain a Graph scope. `base` is Graph's root.
    pub(super) fn read(scope: &str, base: &str) -> Result<Self, SignInError> {
        let mut scopes = Self::default();
        for item in scope.split_whitespace() {
            match item {
                "offline_access" => scopes.offline = true,
                "openid" | "profile" | "email" => scopes.openid.push(item.to_owned()),
                _ => {
                    let (root, name) = match item.rsplit_once('/') {
                        Some((root, name)) => (Some(root), name),
                        None => (None, item),
                    };
                    if root.is_some_and(|root| !is_graph(root, base)) {
                        let message = format!("The resource of '{item}' was not found in the tenant.");
                        return Err(SignInError::new("invalid_resource", 500_011).with_message(message));
                    }
                    match (root, name) {
                        (Some(_), ".default") => scopes.all = true,
                        _ => scopes.named.push(name.to_owned()),
                    }
                    scopes.root = scopes.root.or_else(|| root.map(str::to_owned));
                }
            }
        }
        if scopes.all || !scopes.named.is_empty() {
            return Ok(scopes);
        }
        let message = format!("The scope '{scope}' contains no permission of Microsoft Graph.");
        Err(SignInError::new("invalid_scope", 70011).with_message(message))
    }

    /// Checks that all named scopes have been consented to.
    pub(super) fn check_consent(&self, rules: &SignIn) -> Result<(), SignInError> {
        match self.named.iter().find(|name| !contains(&rules.scopes, name)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("Nobody has consented to '{name}' for this application.");
                Err(SignInError::new("invalid_grant", 65001).with_message(message))
            }
        }
    }

    /// Returns whether an ID token is requested.
    pub(super) fn openid(&self) -> bool {
        self.openid.iter().any(|scope| scope == "openid")
    }

    /// Returns the `scope` of a response that grants these permissions. Entra spells permissions as
    /// the request does, with or without the resource's root, and repeats `/.default`
    /// (docs/graph-api.md, "Authorization code").
    pub(super) fn reply(&self, granted: &[String]) -> String {
        let root = self.root.as_ref().map_or_else(String::new, |root| format!("{root}/"));
        let permissions = granted.iter().map(|name| format!("{root}{name}"));
        let default = self.all.then(|| format!("{root}.default"));
        self.openid.iter().cloned().chain(permissions).chain(default).collect::<Vec<_>>().join(" ")
    }

    /// Returns the permissions for a user's token.
    pub(super) fn granted(&self, rules: &SignIn) -> Vec<String> {
        let granted = rules.scopes.iter().filter(|scope| self.all || contains(&self.named, scope));
        granted.cloned().collect()
    }
}

fn contains(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Returns whether a scope's root is a cloud's Graph root or this tenant's, under either loopback
/// name.
pub(super) fn is_graph(root: &str, base: &str) -> bool {
    let root = root.trim_end_matches('/');
    root == base || root == base.replace("127.0.0.1", "localhost") || GRAPH_ROOTS.contains(&root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const BASE: &str = "http://127.0.0.1:80";

    fn read(scope: &str) -> RequestedScopes {
        RequestedScopes::read(scope, BASE).unwrap()
    }

    #[rstest]
    #[case("https://graph.microsoft.us/.default offline_access", true, &[], true, false)]
    #[case("http://localhost:80/.default openid profile", true, &[], false, true)]
    #[case("http://127.0.0.1:80//.default profile", true, &[], false, false)]
    #[case("SecurityAlert.Read.All", false, &["SecurityAlert.Read.All"], false, false)]
    #[case("http://127.0.0.1:80/A https://graph.microsoft.com/B", false, &["A", "B"], false, false)]
    fn scopes_are_read(
        #[case] scope: &str,
        #[case] all: bool,
        #[case] named: &[&str],
        #[case] offline: bool,
        #[case] openid: bool,
    ) {
        let scopes = read(scope);
        assert_eq!(scopes.named, named);
        assert_eq!((scopes.all, scopes.offline, scopes.openid()), (all, offline, openid));
    }

    #[rstest]
    #[case("A openid offline_access profile", "openid profile A B")]
    #[case("https://graph.microsoft.com/A", "https://graph.microsoft.com/A https://graph.microsoft.com/B")]
    #[case(
        "http://127.0.0.1:80/.default email",
        "email http://127.0.0.1:80/A http://127.0.0.1:80/B http://127.0.0.1:80/.default"
    )]
    fn replies_spell_scopes_as_the_request_does(#[case] scope: &str, #[case] reply: &str) {
        assert_eq!(read(scope).reply(&["A".into(), "B".into()]), reply);
    }

    #[rstest]
    #[case("openid offline_access", "invalid_scope")]
    #[case(".default/", "invalid_resource")]
    #[case("https://graph.evil.example/.default", "invalid_resource")]
    #[case("http://127.0.0.1:81/.default", "invalid_resource")]
    fn other_scopes_are_refused(#[case] scope: &str, #[case] error: &str) {
        assert_eq!(RequestedScopes::read(scope, BASE).unwrap_err().error, error);
    }

    #[test]
    fn only_scopes_with_consent_are_granted() {
        let rules = SignIn { scopes: vec!["A".into(), "B".into()], ..SignIn::default() };
        assert_eq!(read("http://127.0.0.1:80/.default").granted(&rules), ["A", "B"]);
        assert_eq!(read("b C").granted(&rules), ["B"]);
        assert!(read("b a").check_consent(&rules).is_ok());
        assert!(read("b C").check_consent(&rules).is_err());
    }
}
