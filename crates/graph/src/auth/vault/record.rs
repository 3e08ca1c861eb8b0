//! The storage format for credentials: versioned JSON. Property names are short, since a Windows
//! credential is limited to 2,560 bytes.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{Account, Stored};

/// The only supported format version.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    version: u64,
    /// The refresh token.
    rt: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The tenant id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tid: Option<String>,
    /// The user's object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oid: Option<String>,
}

/// The reason stored credentials cannot be read. `Display` completes "the sign-in ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("was written by a newer alertdeck (format {0})")]
    Newer(u64),
    #[error("is damaged")]
    Damaged,
}

pub(super) fn encode(stored: &Stored) -> SecretString {
    let account = stored.account.clone().unwrap_or_default();
    let record = Record {
        version: VERSION,
        rt: stored.refresh_token.expose_secret().into(),
        upn: account.upn,
        name: account.name,
        tid: account.tenant_id,
        oid: account.object_id,
    };
    // Cannot fail: the record consists of strings and a number.
    serde_json::to_string(&record).unwrap_or_default().into()
}

pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Unreadable> {
    let Version { version } = serde_json::from_slice(bytes).map_err(|_| Unreadable::Damaged)?;
    if version > VERSION {
        return Err(Unreadable::Newer(version));
    }
    let record: Record<'_> = serde_json::from_slice(bytes).map_err(|_| Unreadable::Damaged)?;
    if version != VERSION || record.rt.is_empty() {
        return Err(Unreadable::Damaged);
    }
    let account =
        Account { upn: record.upn, name: record.name, tenant_id: record.tid, object_id: record.oid };
    Ok(Stored {
        refresh_token: record.rt.into_owned().into(),
        account: (account != Account::default()).then_some(account),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_written_sign_in_is_read_back() {
        let account = Account {
            upn: Some("me@contoso.com".into()),
            name: Some("Zoë \"M\"".into()),
            ..Account::default()
        };
        for account in [None, Some(account)] {
            let stored = Stored { refresh_token: "0.AX\"\\e\u{301}".into(), account };
            let read = decode(encode(&stored).expose_secret().as_bytes()).unwrap();
            assert_eq!(read.refresh_token.expose_secret(), stored.refresh_token.expose_secret());
            assert_eq!(read.account, stored.account);
        }
    }

    #[test]
    fn a_long_sign_in_fits_into_a_windows_credential() {
        let guid = || Some("00000000-0000-0000-0000-000000000000".to_owned());
        let account = Account {
            upn: Some("n".repeat(100)),
            name: Some("n".repeat(64)),
            tenant_id: guid(),
            object_id: guid(),
        };
        let stored = Stored { refresh_token: "t".repeat(2_200).into(), account: Some(account) };
        assert!(encode(&stored).expose_secret().len() <= 2_560);
    }

    #[rstest]
    #[case::empty("", Unreadable::Damaged)]
    #[case::cut(r#"{"version":1,"rt":"abc"#, Unreadable::Damaged)]
    #[case::garbage("\0\u{1b}", Unreadable::Damaged)]
    #[case::no_token(r#"{"version":1}"#, Unreadable::Damaged)]
    #[case::empty_token(r#"{"version":1,"rt":""}"#, Unreadable::Damaged)]
    #[case::no_version(r#"{"rt":"abc"}"#, Unreadable::Damaged)]
    #[case::never_written(r#"{"version":0,"rt":"abc"}"#, Unreadable::Damaged)]
    #[case::newer(r#"{"version":2,"secrets":[]}"#, Unreadable::Newer(2))]
    fn damaged_and_newer_records_are_distinguished(#[case] text: &str, #[case] why: Unreadable) {
        assert_eq!(decode(text.as_bytes()).unwrap_err(), why);
    }
}
