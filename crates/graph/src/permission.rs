//! Graph's permissions on alerts, by name: what a token's scopes or roles allow (API.md 1).
//!
//! For display alone: what is allowed is for the service to say, and for users an Entra role and a
//! licence of the tenant decide as well.

/// Lets alerts be read.
pub const READ: &str = "SecurityAlert.Read.All";
/// Lets alerts be read and changed.
pub const WRITE: &str = "SecurityAlert.ReadWrite.All";
/// The service takes those of incidents for reading too, as its own refusals say (QUIRKS.md).
const OTHERS: [&str; 2] = ["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"];

/// What permissions allow to do with alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// To read them.
    pub read: bool,
    /// To change them and to comment.
    pub write: bool,
}

impl Allowed {
    /// Reads the scopes or roles of a token; `None` where there are none to judge by.
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
    fn names_are_judged(#[case] names: &[&str], #[case] expected: Option<(bool, bool)>) {
        let allowed = Allowed::by(names.iter().copied());
        assert_eq!(allowed.map(|allowed| (allowed.read, allowed.write)), expected);
    }
}
