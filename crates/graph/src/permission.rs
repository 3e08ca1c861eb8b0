//! Graph's permissions on alerts, and what a token's scopes or roles allow (docs/graph-api.md,
//! "Permissions").
//!
//! For display only: the service decides, and also requires the user to have an Entra role and the
//! tenant to have a licence.

/// The permission to read alerts.
pub const READ: &str = "SecurityAlert.Read.All";
/// The permission to read and change alerts.
pub const WRITE: &str = "SecurityAlert.ReadWrite.All";
/// The permissions on incidents, which also allow reading alerts, according to the service's own
/// error messages (docs/graph-api.md, "Permissions").
const OTHERS: [&str; 2] = ["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"];

/// The actions that a set of permissions allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// True if alerts can be read.
    pub read: bool,
    /// True if alerts can be changed and commented on.
    pub write: bool,
}

impl Allowed {
    /// Evaluates a token's scopes or roles. Returns `None` if there are none.
    pub fn by<'a>(permissions: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut found = None;
        for name in permissions {
            let allowed = found.get_or_insert(Self { read: false, write: false });
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            allowed.write |= is(WRITE);
            allowed.read |= is(READ) || is(WRITE) || OTHERS.into_iter().any(is);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], None)]
    #[case(&["User.Read"], Some((false, false)))]
    #[case(&["profile", "securityalert.read.all"], Some((true, false)))]
    #[case(&["SecurityAlert.ReadWrite.All"], Some((true, true)))]
    #[case(&["SecurityIncident.ReadWrite.All"], Some((true, false)))]
    fn permissions_are_evaluated_by_name(#[case] names: &[&str], #[case] expected: Option<(bool, bool)>) {
        let allowed = Allowed::by(names.iter().copied());
        assert_eq!(allowed.map(|allowed| (allowed.read, allowed.write)), expected);
    }
}
