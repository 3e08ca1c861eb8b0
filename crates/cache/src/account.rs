//! The account that a cache belongs to.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

/// An account in one tenant of one cloud. Each account has its own cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The service's root address, which identifies the cloud and the API version.
    pub service: String,
    /// The tenant ID, from the token.
    pub tenant: String,
    /// The user or application ID, from the token.
    pub user: String,
    /// The account name to show to the user. It is not part of the account's identity.
    pub name: String,
}

impl Account {
    /// Returns the base name of the account's files: a hash, which reveals nothing about the
    /// account.
    pub(crate) fn file_name(&self) -> String {
        let digest = digest(&SHA256, self.key().as_bytes());
        digest.as_ref()[..16].iter().fold(String::new(), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }

    /// Returns a string that identifies the account.
    pub(crate) fn key(&self) -> String {
        let parts = [&self.service, &self.tenant, &self.user].map(|part| part.to_lowercase());
        // None of these values contains a line break.
        parts.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_differ_by_service_tenant_and_user_only() {
        let account = Account {
            service: "https://graph.example/v1.0".into(),
            tenant: "11111111-2222-3333-4444-555555555555".into(),
            user: "66666666-7777-8888-9999-AAAAAAAAAAAA".into(),
            name: "ana@contoso.example".into(),
        };
        let name = account.file_name();
        assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        let same = Account { name: "bo".into(), user: account.user.to_lowercase(), ..account.clone() };
        assert_eq!(same.file_name(), name);
        for other in [
            Account { service: "https://graph.example/beta".into(), ..account.clone() },
            Account { tenant: "other".into(), ..account.clone() },
            Account { user: "other".into(), ..account.clone() },
        ] {
            assert_ne!(other.file_name(), name);
        }
    }
}
