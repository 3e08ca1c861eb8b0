//! Credentials in the system's keyring: Secret Service, Keychain or Credential Manager.
//!
//! A keyring may ask the user to unlock it, and D-Bus may hang. Therefore every call runs on its
//! own thread and is abandoned after [`LIMIT`] (docs/security.md, "Sign-in storage"). An abandoned
//! thread runs until the keyring responds but then writes nothing.

#[cfg(any(target_os = "macos", windows))]
mod native;
#[cfg(not(any(target_os = "macos", windows)))]
mod secret_service;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretBox, SecretSlice, SecretString};
use tokio::{sync::oneshot, time::timeout};

use super::VaultError;
use alertdeck_model::SafeText;

#[cfg(any(target_os = "macos", windows))]
use native as system;
#[cfg(not(any(target_os = "macos", windows)))]
use secret_service as system;

/// The time limit for a keyring to respond.
const LIMIT: Duration = Duration::from_secs(5);
/// The service name used for all entries.
const SERVICE: &str = "alertdeck";
/// The maximum number of unanswered calls. Once it is reached, no further calls are made.
const MAX_CALLS: usize = 4;
/// The maximum length of a keyring message to show, in characters.
const MAX_MESSAGE: usize = 200;

/// The number of unanswered calls, abandoned or not.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// A flag that is set once the caller has stopped waiting for a call.
#[derive(Clone, Default)]
struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    /// Fails if the caller has stopped waiting, since it no longer expects a write.
    fn check(&self) -> Result<(), Failure> {
        if self.0.load(Ordering::SeqCst) {
            return Err(Failure::Other("the call was abandoned".into()));
        }
        Ok(())
    }
}

/// Marks a call as abandoned when dropped, at the time limit or when the waiting task is cancelled.
struct Waiter(Abandoned);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Counts a call as unanswered until this guard is dropped.
struct Counted(&'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn load(name: String) -> Result<Option<SecretSlice<u8>>, VaultError> {
    run(&CALLS, LIMIT, move |_| {
        Ok(system::get(&name)?.map(|secret| SecretBox::new(secret.into_boxed_slice())))
    })
    .await
}

pub(super) async fn save(name: String, text: SecretString) -> Result<(), VaultError> {
    run(&CALLS, LIMIT, move |abandoned| system::set(&name, text.expose_secret().as_bytes(), abandoned)).await
}

pub(super) async fn forget(name: String) -> Result<bool, VaultError> {
    run(&CALLS, LIMIT, move |_| system::delete(&name)).await
}

/// Writes a test entry that contains no secret, then removes it. If the keyring is locked, the user
/// is asked to unlock it.
pub(super) async fn check() -> Result<(), VaultError> {
    run(&CALLS, LIMIT, |abandoned| {
        system::set("check", b"check", abandoned)?;
        system::delete("check").map(drop)
    })
    .await
}

/// Runs a call on its own thread and waits up to `limit` for it.
async fn run<T: Send + 'static>(
    calls: &'static AtomicUsize,
    limit: Duration,
    call: impl FnOnce(&Abandoned) -> Result<T, Failure> + Send + 'static,
) -> Result<T, VaultError> {
    let counted = Counted(calls);
    if calls.fetch_add(1, Ordering::SeqCst) >= MAX_CALLS {
        return Err(VaultError::Silent(limit));
    }
    let waiter = Waiter(Abandoned::default());
    let abandoned = waiter.0.clone();
    let (sender, receiver) = oneshot::channel();
    let started = thread::Builder::new().name("keyring".into()).spawn(move || {
        let result = call(&abandoned);
        drop(counted);
        let _ = sender.send(result.map_err(VaultError::from));
    });
    if let Err(error) = started {
        return Err(VaultError::Refused(error.to_string()));
    }
    match timeout(limit, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(VaultError::Refused("the call panicked".into())),
        Err(_) => Err(VaultError::Silent(limit)),
    }
}

/// The reason a call failed. The messages come from the system and are not sanitised.
#[derive(Debug)]
#[cfg_attr(
    not(any(test, target_os = "macos", windows)),
    expect(dead_code, reason = "the Secret Service has no limit and quotes no entry")
)]
enum Failure {
    /// There is no keyring, or it cannot be reached.
    Unavailable(String),
    /// The keyring is locked, and the user did not unlock it.
    Locked(String),
    /// The secret exceeds this number of bytes.
    TooLong(u32),
    /// There are several entries with the same name.
    Ambiguous,
    /// The entry is not in the format that this program writes.
    Unreadable,
    Other(String),
}

impl From<Failure> for VaultError {
    fn from(failure: Failure) -> Self {
        let line =
            |text: String| SafeText::new(&text.trim().chars().take(MAX_MESSAGE).collect::<String>()).line();
        match failure {
            Failure::Unavailable(why) => Self::NoKeyring(line(why)),
            Failure::Locked(why) => Self::Locked(line(why)),
            Failure::TooLong(limit) => Self::TooLong(limit),
            Failure::Ambiguous => {
                Self::Refused("it holds the sign-in twice; remove one with the keyring's own program".into())
            }
            Failure::Unreadable => Self::Refused("the entry cannot be read".into()),
            Failure::Other(why) => Self::Refused(line(why)),
        }
    }
}

#[cfg(test)]
mod tests;
