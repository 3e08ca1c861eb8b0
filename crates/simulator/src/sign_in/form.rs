//! What a sign-in request brings: its parameters, the permissions it asks for, its claims.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::{SignIn, SignInError};

/// The Graph roots of the clouds (API.md 7): a client may be turned to the simulator for signing
/// in and still name the Graph it means.
const GRAPH_ROOTS: [&str; 3] =
    ["https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us"];

/// The parameters of a query or a form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// Returns a parameter; an empty one counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, SignInError> {
        self.get(name).ok_or_else(|| {
            let words = format!("The request must hold the parameter '{name}'.");
            SignInError::new("invalid_request", 900_144).saying(words)
        })
    }

    /// Reads `claims`, which is an object with an object `access_token` in it, or nothing.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, SignInError> {
        let Some(text) = self.get("claims") else { return Ok(Map::new()) };
        let malformed = || {
            SignInError::new("invalid_request", 9_002_313).saying("The parameter 'claims' is no JSON object.")
        };
        let mut claims: Map<String, Value> = serde_json::from_str(text).map_err(|_| malformed())?;
        match claims.shift_remove("access_token") {
            Some(Value::Object(claims)) => Ok(claims),
            Some(_) => Err(malformed()),
            None => Ok(Map::new()),
        }
    }
}

/// The permissions that a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Whatever was consented to (`/.default`).
    pub(super) all: bool,
    /// Graph permissions by name.
    pub(super) named: Vec<String>,
    /// A refresh token.
    pub(super) offline: bool,
    /// An id token.
    pub(super) openid: bool,
}

impl Wanted {
    /// Reads a `scope`. It must hold something of Graph's, whose root here is `base`.
    pub(super) fn read(scope: &str, base: &str) -> Result<Self, SignInError> {
        let mut wanted = Self::default();
        for item in scope.split_whitespace() {
            match item {
                "offline_access" => wanted.offline = true,
                "openid" => wanted.openid = true,
                "profile" | "email" => {}
                _ => {
                    let (root, name) = match item.rsplit_once('/') {
                        Some((root, name)) => (Some(root), name),
                        None => (None, item),
                    };
                    if root.is_some_and(|root| !is_graph(root, base)) {
                        let words = format!("The resource of '{item}' was not found in the tenant.");
                        return Err(SignInError::new("invalid_resource", 500_011).saying(words));
                    }
                    match (root, name) {
                        (Some(_), ".default") => wanted.all = true,
                        _ => wanted.named.push(name.to_owned()),
                    }
                }
            }
        }
        if wanted.all || !wanted.named.is_empty() {
            return Ok(wanted);
        }
        let words = format!("The scope '{scope}' asks for nothing of Microsoft Graph.");
        Err(SignInError::new("invalid_scope", 70011).saying(words))
    }

    /// Checks that the person agreed to everything that is asked for by name.
    pub(super) fn check_consent(&self, rules: &SignIn) -> Result<(), SignInError> {
        match self.named.iter().find(|name| !holds(&rules.scopes, name)) {
            None => Ok(()),
            Some(name) => {
                let words = format!("Nobody has consented to '{name}' for this application yet.");
                Err(SignInError::new("invalid_grant", 65001).saying(words))
            }
        }
    }

    /// Returns the permissions that a person's token gets.
    pub(super) fn granted(&self, rules: &SignIn) -> Vec<String> {
        let granted = rules.scopes.iter().filter(|scope| self.all || holds(&self.named, scope));
        granted.cloned().collect()
    }
}

fn holds(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Tells whether the root of a scope names this tenant's Graph, also by its other loopback name.
pub(super) fn is_graph(root: &str, base: &str) -> bool {
    let root = root.trim_end_matches('/');
    root == base || root == base.replace("127.0.0.1", "localhost") || GRAPH_ROOTS.contains(&root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const BASE: &str = "http://127.0.0.1:80";

    fn wanted(all: bool, named: &[&str], offline: bool, openid: bool) -> Wanted {
        Wanted { all, named: named.iter().map(|name| (*name).to_owned()).collect(), offline, openid }
    }

    #[rstest]
    #[case("https://graph.microsoft.us/.default offline_access", wanted(true, &[], true, false))]
    #[case("http://localhost:80/.default openid profile", wanted(true, &[], false, true))]
    #[case("http://127.0.0.1:80//.default", wanted(true, &[], false, false))]
    #[case("SecurityAlert.Read.All", wanted(false, &["SecurityAlert.Read.All"], false, false))]
    #[case("http://127.0.0.1:80/A https://graph.microsoft.com/B", wanted(false, &["A", "B"], false, false))]
    fn scopes_are_read(#[case] scope: &str, #[case] expected: Wanted) {
        assert_eq!(Wanted::read(scope, BASE).unwrap(), expected);
    }

    #[rstest]
    #[case("openid offline_access", "invalid_scope")]
    #[case(".default/", "invalid_resource")]
    #[case("https://graph.evil.example/.default", "invalid_resource")]
    #[case("http://127.0.0.1:81/.default", "invalid_resource")]
    fn other_scopes_are_refused(#[case] scope: &str, #[case] error: &str) {
        assert_eq!(Wanted::read(scope, BASE).unwrap_err().error, error);
    }

    #[test]
    fn only_what_was_consented_to_is_granted() {
        let rules = SignIn { scopes: vec!["A".into(), "B".into()], ..SignIn::default() };
        assert_eq!(wanted(true, &[], false, false).granted(&rules), ["A", "B"]);
        assert_eq!(wanted(false, &["b", "C"], false, false).granted(&rules), ["B"]);
        assert!(wanted(false, &["b", "a"], false, false).check_consent(&rules).is_ok());
        assert!(wanted(false, &["b", "C"], false, false).check_consent(&rules).is_err());
    }
}
