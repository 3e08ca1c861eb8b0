//! Credentials in Keychain on macOS and in Credential Manager on Windows.

use std::sync::{Arc, LazyLock};

use keyring_core::{CredentialStore, Entry, Error};

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
#[cfg(windows)]
use windows_native_keyring_store::Store;

use super::{Abandoned, Failure, SERVICE};

static STORE: LazyLock<Result<Arc<CredentialStore>, String>> = LazyLock::new(|| match Store::new() {
    Ok(store) => Ok(store),
    Err(error) => Err(error.to_string()),
});

pub(super) fn get(name: &str) -> Result<Option<Vec<u8>>, Failure> {
    match entry(name)?.get_secret() {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Replaces or creates the entry. The entry is read first, so that any prompt to the user comes
/// before anything is written.
pub(super) fn set(name: &str, secret: &[u8], abandoned: &Abandoned) -> Result<(), Failure> {
    let entry = entry(name)?;
    match entry.get_secret() {
        Ok(_) | Err(Error::NoEntry) => {}
        Err(error) => return Err(error.into()),
    }
    abandoned.check()?;
    Ok(entry.set_secret(secret)?)
}

/// Removes the entry; returns whether there was one.
pub(super) fn delete(name: &str) -> Result<bool, Failure> {
    match entry(name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn entry(name: &str) -> Result<Entry, Failure> {
    let store = STORE.as_ref().map_err(|error| Failure::Unavailable(error.clone()))?;
    Ok(store.build(SERVICE, name, None)?)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NoStorageAccess(error) => Self::Locked(error.to_string()),
            Error::TooLong(_, limit) => Self::TooLong(limit),
            Error::PlatformFailure(error) => Self::Other(error.to_string()),
            Error::Ambiguous(_) => Self::Ambiguous,
            // The messages of these errors quote the entry.
            Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => Self::Unreadable,
            error => Self::Other(error.to_string()),
        }
    }
}
