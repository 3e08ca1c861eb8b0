//! The clouds and their hosts, the API versions, and the endpoints that combine the two.

use std::{fmt, str::FromStr};

use crate::http::{Route, Scope, ScopeError};

/// A Microsoft cloud that offers the alerts API (docs/graph-api.md, "National clouds").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide cloud, including GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGovL4,
    /// US Government L5 (DoD).
    UsGovL5,
}

impl Cloud {
    /// All clouds, in documentation order.
    pub const ALL: [Self; 3] = [Self::Global, Self::UsGovL4, Self::UsGovL5];

    /// Returns the cloud's name as used in options and profiles.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::UsGovL4 => "usgov-l4",
            Self::UsGovL5 => "usgov-l5",
        }
    }

    /// Returns the root address of Graph, without the API version.
    pub fn graph_root(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::UsGovL4 => "https://graph.microsoft.us",
            Self::UsGovL5 => "https://dod-graph.microsoft.us",
        }
    }

    /// Returns the root address of the sign-in service.
    pub fn login_authority(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGovL4 | Self::UsGovL5 => "https://login.microsoftonline.us",
        }
    }

    /// Returns the host of the Defender portal, the only host whose links may be opened.
    pub fn portal_host(self) -> &'static str {
        match self {
            Self::Global => "security.microsoft.com",
            Self::UsGovL4 => "security.microsoft.us",
            Self::UsGovL5 => "security.apps.mil",
        }
    }

    /// Returns the scope to request a token for.
    pub fn token_scope(self) -> String {
        format!("{}/.default", self.graph_root())
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error for a name that does not refer to a cloud with this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// The cloud exists, but lacks the API.
    #[error("Microsoft does not offer the alerts API in the China cloud")]
    NotOffered,
    /// There is no such cloud.
    #[error("unknown cloud; expected global, usgov-l4 or usgov-l5")]
    Unknown,
}

impl FromStr for Cloud {
    type Err = CloudError;

    fn from_str(name: &str) -> Result<Self, CloudError> {
        if name.eq_ignore_ascii_case("china") {
            return Err(CloudError::NotOffered);
        }
        let found = Self::ALL.into_iter().find(|cloud| name.eq_ignore_ascii_case(cloud.name()));
        found.ok_or(CloudError::Unknown)
    }
}

/// A version of the API. Both versions declare alerts with the same properties (docs/graph-api.md,
/// "Response shape").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// The version that Microsoft supports in production.
    #[default]
    V1,
    /// The preview version.
    Beta,
}

impl Api {
    /// Returns the version's name as used in options and addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error for a name that is not an API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown API version; expected v1.0 or beta")]
pub struct ApiError;

impl FromStr for Api {
    type Err = ApiError;

    fn from_str(name: &str) -> Result<Self, ApiError> {
        [Self::V1, Self::Beta].into_iter().find(|api| api.name() == name).ok_or(ApiError)
    }
}

/// The address of Graph. No request or token is sent outside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scope: Scope,
}

impl Endpoint {
    /// Returns the endpoint for a cloud.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the roots are constants, and a test parses each of them"
    )]
    pub fn of(cloud: Cloud, api: Api) -> Self {
        Self::at(cloud.graph_root(), api).expect("a cloud's root is an address")
    }

    /// Creates an endpoint from a root address other than a cloud's. The API version is appended.
    ///
    /// Fails unless the address is https, or http on loopback.
    pub fn at(root: &str, api: Api) -> Result<Self, ScopeError> {
        let root = Scope::new(root)?;
        Ok(Self { scope: Scope::new(&format!("{}{api}", root.base()))? })
    }

    /// Returns the route to the service: direct on loopback, otherwise through the system's proxy.
    pub fn route(&self) -> Route {
        if self.scope.is_loopback() { Route::Direct } else { Route::System }
    }

    /// Returns the scope that covers everything below the API version.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn names_of_clouds_and_versions_parse_back() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.name().parse(), Ok(cloud));
            for api in [Api::V1, Api::Beta] {
                assert_eq!(api.name().parse(), Ok(api));
                let base = Endpoint::of(cloud, api).scope().base().to_string();
                assert_eq!(base, format!("{}/{api}/", cloud.graph_root()));
            }
            assert!(cloud.token_scope().starts_with(cloud.graph_root()));
        }
        assert_eq!("China".parse::<Cloud>(), Err(CloudError::NotOffered));
        assert_eq!("mars".parse::<Cloud>(), Err(CloudError::Unknown));
        assert_eq!("v2".parse::<Api>(), Err(ApiError));
    }

    #[rstest]
    #[case("http://127.0.0.1:4000", Ok("http://127.0.0.1:4000/v1.0/"))]
    #[case("https://proxy.example/graph/", Ok("https://proxy.example/graph/v1.0/"))]
    #[case("http://proxy.example", Err(ScopeError::Insecure))]
    #[case("proxy.example", Err(ScopeError::Unreadable))]
    fn the_version_is_added_to_a_custom_root(#[case] root: &str, #[case] base: Result<&str, ScopeError>) {
        let found = Endpoint::at(root, Api::V1).map(|endpoint| endpoint.scope().base().to_string());
        assert_eq!(found, base.map(str::to_owned));
    }
}
