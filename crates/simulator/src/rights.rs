//! Permissions: those that the tenant grants, and those that each operation requires
//! (docs/graph-api.md, "Permissions").

use std::{fmt, str::FromStr};

use axum::http::{Method, StatusCode};

use super::{odata::Entity, reply::Refusal, sign_in::Holder};

const READ_ALERTS: &str = "SecurityAlert.Read.All";
const WRITE_ALERTS: &str = "SecurityAlert.ReadWrite.All";
const READ_INCIDENTS: &str = "SecurityIncident.Read.All";
const WRITE_INCIDENTS: &str = "SecurityIncident.ReadWrite.All";

/// The permissions that a tenant grants to users and applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rights {
    /// Reading alerts and incidents.
    Reader,
    /// Reading and changing alerts and incidents.
    #[default]
    Responder,
    /// No permissions: signing in works, but every request to Graph is refused.
    None,
}

impl Rights {
    /// All levels with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("reader", Self::Reader), ("responder", Self::Responder), ("none", Self::None)];

    /// Returns the names of the permissions.
    pub fn permissions(self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Reader => &[READ_ALERTS, READ_INCIDENTS],
            Self::Responder => &[READ_ALERTS, WRITE_ALERTS, READ_INCIDENTS, WRITE_INCIDENTS],
            Self::None => &[],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, rights)| rights == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

/// The error for an unknown level of rights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown rights '{0}'; use reader, responder or none")]
pub struct UnknownRights(String);

impl FromStr for Rights {
    type Err = UnknownRights;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, rights)| *rights).ok_or_else(|| UnknownRights(text.to_owned()))
    }
}

/// Refuses a request for which the token's holder lacks permission.
///
/// The permissions for incidents also allow access to alerts. The messages are the service's own.
pub(super) fn permit(holder: &Holder, resource: Entity, method: &Method) -> Result<(), Refusal> {
    let enough: &[&str] = match (resource, method == Method::GET) {
        (Entity::Alert, true) => &[READ_ALERTS, WRITE_ALERTS, READ_INCIDENTS, WRITE_INCIDENTS],
        (Entity::Alert, false) => &[WRITE_ALERTS, WRITE_INCIDENTS],
        (Entity::Incident, true) => &[READ_INCIDENTS, WRITE_INCIDENTS],
        (Entity::Incident, false) => &[WRITE_INCIDENTS],
    };
    if holder.rights.iter().any(|right| enough.iter().any(|name| name.eq_ignore_ascii_case(right))) {
        return Ok(());
    }
    let message = if holder.is_application {
        let (enough, held) = (enough.join(","), holder.rights.join(","));
        format!("Missing application roles. API required roles: {enough}, application roles: {held}.")
    } else {
        let (enough, held) = (enough.join(", "), holder.rights.join(", "));
        format!(
            "Missing scope permissions on the request. API requires one of '{enough}'. Scopes on the request '{held}'"
        )
    };
    Err(Refusal::new(StatusCode::FORBIDDEN, "Forbidden", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(READ_ALERTS, true, false, false)]
    #[case(WRITE_ALERTS, true, true, false)]
    #[case(READ_INCIDENTS, true, false, true)]
    #[case(WRITE_INCIDENTS, true, true, true)]
    #[case("securityincident.read.all", true, false, true)]
    #[case("User.Read", false, false, false)]
    fn each_permission_allows_what_it_names(
        #[case] right: &str,
        #[case] reads_alerts: bool,
        #[case] writes_alerts: bool,
        #[case] reads_incidents: bool,
    ) {
        for is_application in [true, false] {
            let holder = Holder { name: String::new(), rights: vec![right.to_owned()], is_application };
            let allows = |entity, method| permit(&holder, entity, &method).is_ok();
            assert_eq!(allows(Entity::Alert, Method::GET), reads_alerts);
            assert_eq!(allows(Entity::Alert, Method::PATCH), writes_alerts);
            assert_eq!(allows(Entity::Incident, Method::GET), reads_incidents);
        }
    }

    #[test]
    fn names_are_read_and_printed() {
        for (name, rights) in Rights::ALL {
            assert_eq!((name.parse(), rights.to_string()), (Ok(rights), name.to_owned()));
        }
        assert!("Reader".parse::<Rights>().is_err());
    }
}
