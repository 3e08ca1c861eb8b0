//! A sign-in in the system's keyring: Secret Service, Keychain or Credential Manager.
//!
//! A keyring may ask its owner a question, and D-Bus may hang: every call runs on a thread of
//! its own and is given up after [`LIMIT`] (FAULTS.md 29). Such a thread goes on until it is
//! answered; what it was to write is not written once it was given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use ::keyring::{Entry, Error};
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice, SecretString};
use tokio::{sync::oneshot, time::timeout};

use super::VaultError;
use alertdeck_model::SafeText;

/// How long a keyring may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// The service that entries are kept under.
const SERVICE: &str = "alertdeck";
/// How many calls may hang before no more are made.
const MOST_HANGING: usize = 4;
/// Characters that are shown of what a keyring says.
const MOST_SAID: usize = 200;

/// Calls under way, given up or not.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Whether nobody waits for a call any more.
#[derive(Clone, Default)]
struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// Fails where nobody waits: what happens later would surprise.
    fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::SeqCst) { Err(Error::NoDefaultStore) } else { Ok(()) }
    }
}

/// Says that nobody waits any more, when the waiting ends in whatever way.
struct Waiting(GivenUp);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// One of the calls that are counted.
struct Counted(&'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn load(name: String) -> Result<Option<SecretSlice<u8>>, VaultError> {
    within(&CALLS, LIMIT, move |_| match entry(&name)?.get_secret() {
        Ok(bytes) => Ok(Some(SecretBox::new(bytes.into_boxed_slice()))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

pub(super) async fn save(name: String, text: SecretString) -> Result<(), VaultError> {
    within(&CALLS, LIMIT, move |given_up| set(&name, text.expose_secret().as_bytes(), given_up)).await
}

pub(super) async fn forget(name: String) -> Result<bool, VaultError> {
    within(&CALLS, LIMIT, move |_| delete(&name)).await
}

/// Writes an entry that is no secret, which asks to unlock the keyring, and removes it.
pub(super) async fn check() -> Result<(), VaultError> {
    within(&CALLS, LIMIT, |given_up| {
        set("check", b"check", given_up)?;
        delete("check").map(|_| ())
    })
    .await
}

fn set(name: &str, bytes: &[u8], given_up: &GivenUp) -> Result<(), Error> {
    let entry = entry(name)?;
    // Reading first: a question to the owner comes here, before anything is written.
    match entry.get_secret() {
        Ok(_) | Err(Error::NoEntry) => {}
        Err(error) => return Err(error),
    }
    given_up.check()?;
    entry.set_secret(bytes)
}

fn delete(name: &str) -> Result<bool, Error> {
    match entry(name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error),
    }
}

fn entry(name: &str) -> Result<Entry, Error> {
    Entry::new(SERVICE, name)
}

/// Runs a call on a thread of its own, and waits for it at most `limit`.
async fn within<T: Send + 'static>(
    calls: &'static AtomicUsize,
    limit: Duration,
    call: impl FnOnce(&GivenUp) -> Result<T, Error> + Send + 'static,
) -> Result<T, VaultError> {
    let counted = Counted(calls);
    if calls.fetch_add(1, Ordering::SeqCst) >= MOST_HANGING {
        return Err(VaultError::Silent(limit));
    }
    let waiting = Waiting(GivenUp::default());
    let given_up = waiting.0.clone();
    let (sender, receiver) = oneshot::channel();
    let started = thread::Builder::new().name("keyring".into()).spawn(move || {
        let result = call(&given_up);
        drop(counted);
        let _ = sender.send(result.map_err(|error| understood(&error)));
    });
    if let Err(error) = started {
        return Err(VaultError::Refused(error.to_string()));
    }
    match timeout(limit, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(VaultError::Refused("its library failed".into())),
        Err(_) => Err(VaultError::Silent(limit)),
    }
}

/// Puts what the keyring said into a line. What it holds is never part of that.
fn understood(error: &Error) -> VaultError {
    let line = |text: String| SafeText::new(&text.trim().chars().take(MOST_SAID).collect::<String>()).line();
    match error {
        Error::NoDefaultStore => VaultError::NoKeyring(line(match Entry::store_status() {
            Err(Error::PlatformFailure(error) | Error::NoStorageAccess(error)) => error.to_string(),
            Err(error) => error.to_string(),
            Ok(()) => "it was given up".to_owned(),
        })),
        Error::NoStorageAccess(error) => VaultError::Locked(line(error.to_string())),
        Error::TooLong(_, most) => VaultError::TooLong(*most),
        Error::PlatformFailure(error) => VaultError::Refused(line(error.to_string())),
        Error::Ambiguous(_) => {
            VaultError::Refused("it holds the sign-in twice; remove one of them with its own program".into())
        }
        // These hold what was found.
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            VaultError::Refused("what it holds cannot be read".into())
        }
        error => VaultError::Refused(line(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
